/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

/*
 * Who is asking? People, their sessions and API keys. Core; one thread, except the two password functions, which are
 * pure and slow (64 MiB, about 0.1 s) and run on a pool thread.
 *
 * A session is 256 random bits in a cookie and their SHA-256 in the database, so the database cannot be used to sign
 * in. It ends 30 minutes after its last use, 12 hours after sign-in, or at sign-out. Passwords are argon2id
 * (RFC 9106) by libsodium. Failed sign-ins slow down per login and per address: from the fifth failure on the answer is "wait".
 */

#include "base/arena.h"
#include "store/db.h"
#include "web/password.h"
#include "web/right.h"

#define SESSION_IDLE_MS (30 * INT64_C(60000))
#define SESSION_MAX_MS (12 * INT64_C(3600000))
#define PROOF_MS (10 * INT64_C(60000)) /* so long a proof is good for what asks one again */
#define PASSWORD_TEXT 128 /* bytes of the stored form, NUL included */
#define SECRET_TEXT 44   /* 256 bits in base64url without padding, and NUL */
#define SESSION_ID 17    /* what a session or key is called: the first digits of its secret's hash, and NUL */

struct principal {
	int64_t person;      /* 0 for an API key */
	int64_t created_ms;  /* when the account was made */
	char login[64];      /* or the key's name */
	char name[128];
	char role[32];
	char organisation[65]; /* it reaches this one and all below it; "" = the whole province */
	unsigned rights;
	char session[SESSION_ID]; /* what it came in by: a session, or the API key */
	bool directory;      /* the organisation's directory knows the password */
	int64_t second_due_ms; /* from when his role asks for a second proof at every sign-in; 0 = it does not */
	int64_t proven_ms;   /* when this session's person last proved himself, by anything, */
	int64_t second_ms;   /* and by more than the password; 0 = never */
	bool by_link;        /* this session began with the link of the first person */
};
/* May the first proof beside the password be set up here? Where a second step is asked a password alone must not do it: who
 * stole one would put his own there, and its owner would stand outside. */
bool principal_may_enrol(const struct principal *p);
/* Until he has a second step that is asked of him, who came in by a password alone gives no accounts, links or roles to others. */
void principal_limit(struct principal *p);

struct role_means {
	unsigned rights;
	bool second_factor;  /* a second proof is asked at every sign-in, */
	int64_t second_days; /* so many days after the account was made */
};
/* What the role's row gives to somebody of the desk, or of an organisation. E_NOT_FOUND: there is no such role. */
[[nodiscard]] int role_rights(struct db *db, struct str role, bool of_organisation, struct role_means *ret);

/* a-z 0-9 . _ -, 2..63 characters */
bool login_is_one(struct str login);

/* A fresh secret, and the form in which secrets are stored (64 hex digits and NUL). */
void secret_new(char ret[SECRET_TEXT]);
void secret_hash(struct str secret, char ret[65]);

/* Any thread. E_INVALID when the password cannot be one (password_fault() asks more); E_FULL when 64 MiB are not to be had. */
[[nodiscard]] int password_hash(struct str password, char ret[PASSWORD_TEXT]);
bool password_verify(const char *stored, struct str password);

/* E_EXISTS when the login is taken, E_INVALID when it is no login (a-z 0-9 . _ -, 2..63) or the role unknown. */
[[nodiscard]] int person_new(struct db *db, struct str login, struct str name, struct str role, const char *password,
    int64_t now_ms, int64_t *ret_id);
[[nodiscard]] int person_count(struct db *db, int64_t *ret);
/* E_NOT_FOUND: no such person, or he may not come in. */
[[nodiscard]] int person_get(struct db *db, int64_t id, struct principal *ret);
[[nodiscard]] int person_by_login(struct db *db, struct str login, struct principal *ret, char ret_password[PASSWORD_TEXT]);

[[nodiscard]] int person_set_password(struct db *db, int64_t person, const char *password, int64_t now_ms);

/* `ret` is what the cookie carries. `factor`: how he proved himself, "password", "totp" ...; `second_ms`: when he gave
 * more than a password, 0 = he did not. */
[[nodiscard]] int session_open(struct db *db, int64_t person, struct str peer, struct str agent, struct str factor,
    int64_t second_ms, int64_t now_ms, char ret[SECRET_TEXT]);
/* The person of session `id` proved himself again; `second`: by more than the password. */
[[nodiscard]] int session_proven(struct db *db, int64_t person, struct str id, bool second, int64_t now_ms);
/* E_DENIED when unknown or over. */
[[nodiscard]] int session_find(struct db *db, struct str secret, int64_t now_ms, struct principal *ret);
[[nodiscard]] int session_end(struct db *db, struct str secret);
[[nodiscard]] int session_prune(struct db *db, int64_t now_ms);

struct session_row {
	struct str id, peer, agent, factor;
	int64_t created_ms, seen_ms;
};
/* Those of a person that are not over, the latest used first; at most 200. */
[[nodiscard]] int session_list(struct db *db, int64_t person, int64_t now_ms, struct arena *arena, struct session_row **ret,
    uint32_t *ret_count);
/* E_NOT_FOUND: he has none of this name. */
[[nodiscard]] int session_end_one(struct db *db, int64_t person, struct str id);
/* All but `keep` ("" = all). */
[[nodiscard]] int session_end_others(struct db *db, int64_t person, struct str keep);
/* The name of the session that a secret opens. */
void session_id(struct str secret, char ret[SESSION_ID]);

/* Whom an API key lets in (web/key.h). E_DENIED. */
[[nodiscard]] int api_key_find(struct db *db, struct str secret, int64_t now_ms, struct principal *ret);

/* The first person comes in by a link that is printed at start; E_EXISTS when there is a person already. */
[[nodiscard]] int setup_link_new(struct db *db, char ret[SECRET_TEXT]);
bool setup_link_fits(struct db *db, struct str token);
[[nodiscard]] int setup_link_end(struct db *db);

/* Slowing down guessing. Keys are a login or an address. Bounded: 4,096 keys, the oldest goes. */
struct throttle;
struct throttle *throttle_new(void);
void throttle_free(struct throttle *t);
/* Seconds to wait before another try, 0 = go on. Counts this try as a failure until throttle_good() says otherwise, so
 * that two hundred tries at once do not all pass. */
uint32_t throttle_try(struct throttle *t, struct str key, int64_t now_ms);
void throttle_good(struct throttle *t, struct str key);

#endif
