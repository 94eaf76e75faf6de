/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_PEOPLE_H
#define WEB_PEOPLE_H

/*
 * Roles and accounts as rows. Core, in the caller's transaction.
 *
 * A role is a named set of rights; what it means is looked up at every request, so a change is in force at the next one.
 * Those that came with the program keep their rights. An account begins with a link that works once and for 72 hours, with
 * which its owner sets his own password: nobody ever knows the password of another.
 */

#include "base/arena.h"
#include "register/system.h"
#include "store/db.h"
#include "web/session.h"

#define LINK_MS (72 * INT64_C(3600000))

struct role {
	struct str id, title_vi, title_en;
	unsigned rights;
	bool agency;        /* only for who belongs to an organisation: without one it opens nothing */
	bool second_factor; /* a second proof is asked at every sign-in, */
	int64_t second_days; /* so many days after the account was made */
	bool builtin;
	int64_t version;
	int64_t people, keys; /* that have it */
};

/* E_NOT_FOUND. */
[[nodiscard]] int role_get(struct db *db, struct str id, struct arena *arena, struct role *ret);
[[nodiscard]] int role_list(struct db *db, struct arena *arena, struct role **ret, uint32_t *ret_count);
/* a-z 0-9 _, 2..31 characters */
bool role_id_is_one(struct str id);
/* E_EXISTS. */
[[nodiscard]] int role_put(struct db *db, const struct role *r);
/* r->version is what was seen: E_CONFLICT when it is another by now. */
[[nodiscard]] int role_set(struct db *db, const struct role *r);
[[nodiscard]] int role_delete(struct db *db, struct str id);
/* What the role gives to somebody of `organisation` ("" = of the desk). */
unsigned role_gives(const struct role *r, struct str organisation);
/* May a line of ldap-role say this? E_NOT_FOUND: there is no such role; E_INVALID: no such organisation, or not any more;
 * E_UNSUPPORTED: the role is only for who belongs to one, and none is named. */
[[nodiscard]] int role_fits(struct db *db, const struct registry *registry, struct str role, struct str organisation,
    struct arena *arena);

struct account {
	int64_t id, version, created_ms;
	struct str login, name, role, organisation; /* organisation empty: of the desk */
	bool directory;        /* the organisation's directory knows the password */
	bool disabled, ready;  /* ready: has a password, or the directory knows it */
	int64_t link_until_ms; /* of the last link; 0 = there is none */
	int64_t seen_ms;       /* of a session that lives; 0 = there is none */
};

struct account_filter {
	struct str scope, role, organisation; /* empty = any */
	int64_t after_id;
	uint32_t limit;
};

/* E_NOT_FOUND. */
[[nodiscard]] int account_get(struct db *db, int64_t id, struct arena *arena, struct account *ret);
[[nodiscard]] int account_list(struct db *db, const struct account_filter *f, struct arena *arena, struct account **ret,
    uint32_t *ret_count, int64_t *ret_total);
/* E_EXISTS when the login is taken, E_INVALID when it is none. Its role and organisation exist. */
[[nodiscard]] int account_put(struct db *db, const struct account *a, int64_t now_ms, int64_t *ret_id);
/* Name, role, organisation, disabled. a->version is what was seen: E_CONFLICT. */
[[nodiscard]] int account_set(struct db *db, const struct account *a);
/* A fresh link; one made before is void. */
[[nodiscard]] int account_link(struct db *db, int64_t id, int64_t now_ms, char ret[SECRET_TEXT]);
/* Whose link it is. E_DENIED when it is nobody's, or over. */
[[nodiscard]] int account_of_link(struct db *db, struct str token, int64_t now_ms, struct arena *arena, struct account *ret);
[[nodiscard]] int account_link_end(struct db *db, int64_t id);
/* How many of the desk can still run it: without one, nobody could give himself back what was taken. */
[[nodiscard]] int account_operators(struct db *db, int64_t *ret);

#endif
