/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/session.h"

#include <assert.h>
#include <sodium.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/time.h"
#include "web/key.h"

static_assert(PASSWORD_TEXT >= crypto_pwhash_STRBYTES, "the stored form fits");
static_assert(SECRET_TEXT >= 44, "32 bytes in base64 without padding, and NUL");

void
secret_new(char ret[SECRET_TEXT])
{
	unsigned char bytes[32];
	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2base64(ret, SECRET_TEXT, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof bytes);
}

void
secret_hash(struct str secret, char ret[65])
{
	uint8_t digest[32];
	sha256(secret, digest);
	sodium_bin2hex(ret, 65, digest, sizeof digest);
}

int
password_hash(struct str password, char ret[PASSWORD_TEXT])
{
	char text[crypto_pwhash_STRBYTES] = {0};
	if (password.n < PASSWORD_MIN || password.n > PASSWORD_MAX)
		return E_INVALID;
	if (crypto_pwhash_str_alg(text, password.p, password.n, 2, 64u << 20, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return E_FULL;
	memcpy(ret, text, sizeof text);
	return 0;
}

bool
password_verify(const char *stored, struct str password)
{
	return password.n <= PASSWORD_MAX && crypto_pwhash_str_verify(stored, password.p ? password.p : "", password.n) == 0;
}

bool
login_is_one(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789._-", s.p[i], 39))
			return false;
	return s.n >= 2 && s.n <= 63;
}

int
person_new(struct db *db, struct str login, struct str name, struct str role, const char *password, int64_t now_ms,
    int64_t *ret_id)
{
	struct role_means means;
	if (!login_is_one(login) || name.n > 127 || !str_is_utf8(name) ||
	    role_rights(db, role, false, &means) < 0)
		return E_INVALID;
	return db_number(db, ret_id, Q_PERSON_PUT, "ssssi", login, name, role, str_z(password), now_ms);
}

int
person_count(struct db *db, int64_t *ret)
{
	return db_number(db, ret, Q_PERSON_COUNT, "");
}

/* Whose role is gone has no rights. */
static int
look_up_rights(struct db *db, struct principal *p)
{
	struct role_means means = {0};
	int error = role_rights(db, str_z(p->role), p->organisation[0] != '\0', &means);
	if (error && error != E_NOT_FOUND)
		return error;
	p->rights = means.rights;
	p->second_due_ms = means.second_factor && p->person ? p->created_ms + means.second_days * TIME_DAY : 0;
	return 0;
}

static struct principal
principal_at(struct db_rows *rows)
{
	struct principal p = {.person = db_i64(rows, 0)};
	str_to_z(db_text(rows, 1), p.login, sizeof p.login);
	str_to_z(db_text(rows, 2), p.name, sizeof p.name);
	str_to_z(db_text(rows, 3), p.role, sizeof p.role);
	str_to_z(db_text(rows, 4), p.organisation, sizeof p.organisation);
	p.directory = db_i64(rows, 5);
	p.created_ms = db_i64(rows, 6);
	return p;
}

int
person_get(struct db *db, int64_t id, struct principal *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_PERSON_GET, "i", id));
	int more = db_next(rows);
	if (more > 0)
		*ret = principal_at(rows);
	TRY(db_end_one(rows, more));
	return look_up_rights(db, ret);
}

int
person_by_login(struct db *db, struct str login, struct principal *ret, char ret_password[PASSWORD_TEXT])
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_PERSON_BY_LOGIN, "s", login));
	int more = db_next(rows);
	if (more > 0) {
		*ret = principal_at(rows);
		str_to_z(db_text(rows, 7), ret_password, PASSWORD_TEXT);
	}
	TRY(db_end_one(rows, more));
	return look_up_rights(db, ret);
}

int
person_set_password(struct db *db, int64_t person, const char *password, int64_t now_ms)
{
	return db_run(db, Q_PERSON_SET_PASSWORD, "isi", person, str_z(password), now_ms);
}

void
session_id(struct str secret, char ret[SESSION_ID])
{
	char hash[65];
	secret_hash(secret, hash);
	str_to_z(str_z(hash), ret, SESSION_ID);
}

int
session_open(struct db *db, int64_t person, struct str peer, struct str agent, struct str factor, int64_t second_ms,
    int64_t now_ms, char ret[SECRET_TEXT])
{
	char hash[65], secret[SECRET_TEXT];
	secret_new(secret);
	secret_hash(str_z(secret), hash);
	TRY(db_run(db, Q_SESSION_PUT, "siiisss", str_z(hash), person, now_ms, second_ms, peer, agent, factor));
	memcpy(ret, secret, sizeof secret);
	return 0;
}

int
session_proven(struct db *db, int64_t person, struct str id, bool second, int64_t now_ms)
{
	return db_run(db, Q_SESSION_PROVEN, "isii", person, id, now_ms, (int64_t)second);
}

int
session_find(struct db *db, struct str secret, int64_t now_ms, struct principal *ret)
{
	struct db_rows *rows;
	char hash[65];
	secret_hash(secret, hash);
	TRY(db_query(db, &rows, Q_SESSION_GET, "s", str_z(hash)));
	int more = db_next(rows);
	int64_t seen = more > 0 ? db_i64(rows, 8) : 0;
	bool alive = more > 0 && now_ms - db_i64(rows, 7) < SESSION_MAX_MS && now_ms - seen < SESSION_IDLE_MS;
	struct principal p = alive ? principal_at(rows) : (struct principal){0};
	p.proven_ms = alive ? db_i64(rows, 9) : 0;
	p.second_ms = alive ? db_i64(rows, 10) : 0;
	p.by_link = alive && db_i64(rows, 11);
	db_end(rows);
	if (more < 0)
		return more;
	if (!alive)
		return E_DENIED;
	TRY(look_up_rights(db, &p));
	principal_limit(&p);
	if (!p.rights)
		return E_DENIED;
	if (now_ms - seen > 60000) /* a write a minute is enough to know it is alive */
		(void)!db_run(db, Q_SESSION_SEEN, "si", str_z(hash), now_ms); /* a full disk locks nobody out */
	str_to_z(str_z(hash), p.session, sizeof p.session);
	*ret = p;
	return 0;
}

int
session_end(struct db *db, struct str secret)
{
	char hash[65];
	secret_hash(secret, hash);
	return db_run(db, Q_SESSION_DELETE, "s", str_z(hash));
}

bool
principal_may_enrol(const struct principal *p)
{
	return !p->second_due_ms || p->second_ms || p->by_link;
}

void
principal_limit(struct principal *p)
{
	if (!principal_may_enrol(p))
		p->rights &= ~(unsigned)RIGHT_PEOPLE_CHANGE;
}

int
session_prune(struct db *db, int64_t now_ms)
{
	return db_run(db, Q_SESSION_PRUNE, "ii", now_ms - SESSION_IDLE_MS, now_ms - SESSION_MAX_MS);
}

#define SESSIONS_LISTED 200u

int
session_list(struct db *db, int64_t person, int64_t now_ms, struct arena *arena, struct session_row **ret, uint32_t *ret_count)
{
	struct session_row *row = arena_calloc(arena, SESSIONS_LISTED, sizeof *row);
	struct db_rows *rows;
	uint32_t n = 0;
	int more = 1;
	if (!row)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_SESSION_LIST, "iii", person, now_ms - SESSION_IDLE_MS, now_ms - SESSION_MAX_MS));
	while (n < SESSIONS_LISTED && (more = db_next(rows)) > 0) {
		struct str *text[] = {&row[n].id, &row[n].peer, &row[n].agent, &row[n].factor};
		for (int i = 0; i < 4; i++)
			if (!arena_copy(arena, db_text(rows, i), text[i]))
				more = E_LIMIT;
		row[n].created_ms = db_i64(rows, 4);
		row[n++].seen_ms = db_i64(rows, 5);
		if (more < 0)
			break;
	}
	db_end(rows);
	if (more < 0)
		return more;
	*ret = row;
	*ret_count = n;
	return 0;
}

int
session_end_one(struct db *db, int64_t person, struct str id)
{
	TRY(db_run(db, Q_SESSION_END_ONE, "is", person, id));
	return db_changed(db) ? 0 : E_NOT_FOUND;
}

int
session_end_others(struct db *db, int64_t person, struct str keep)
{
	return db_run(db, Q_SESSION_END_OTHERS, "is", person, keep);
}

/* A key as its row has it. */
struct key {
	struct principal who, maker; /* maker.person: 0 = the console */
	unsigned scopes;             /* 0 = all of the role */
	bool over;                   /* revoked, at its end, or its maker's account is */
	int64_t used_ms;
};

static struct key
key_at(struct db_rows *rows, const char *hash, int64_t now_ms)
{
	struct key k = {.used_ms = db_i64(rows, 6), .maker.person = db_i64(rows, 7)};
	int64_t until = db_i64(rows, 4);
	str_to_z(db_text(rows, 0), k.who.login, sizeof k.who.login);
	str_to_z(db_text(rows, 0), k.who.name, sizeof k.who.name);
	str_to_z(db_text(rows, 1), k.who.role, sizeof k.who.role);
	str_to_z(db_text(rows, 2), k.who.organisation, sizeof k.who.organisation);
	str_to_z(str_z(hash), k.who.session, sizeof k.who.session);
	str_to_z(db_text(rows, 8), k.maker.role, sizeof k.maker.role);
	str_to_z(db_text(rows, 9), k.maker.organisation, sizeof k.maker.organisation);
	k.over = !db_is_null(rows, 5) || (until && until <= now_ms) || !rights_named(db_text(rows, 3), &k.scopes) ||
	    (k.maker.person && db_i64(rows, 10));
	return k;
}

/* The least of its role, its scopes, and what its maker may do today. */
static int
limit_key(struct db *db, struct key *k)
{
	TRY(look_up_rights(db, &k->who));
	if (k->maker.person) {
		TRY(look_up_rights(db, &k->maker));
		k->who.rights &= k->maker.rights;
	}
	if (k->scopes)
		k->who.rights &= k->scopes | RIGHT_SIGNED_IN;
	return 0;
}

int
api_key_find(struct db *db, struct str secret, int64_t now_ms, struct principal *ret)
{
	struct db_rows *rows;
	char hash[65];
	secret_hash(secret, hash);
	TRY(db_query(db, &rows, Q_API_KEY_GET, "s", str_z(hash)));
	int more = db_next(rows);
	struct key k = more > 0 ? key_at(rows, hash, now_ms) : (struct key){.over = true};
	db_end(rows);
	if (more < 0)
		return more;
	if (k.over)
		return E_DENIED;
	TRY(limit_key(db, &k));
	if (!k.who.rights)
		return E_DENIED;
	if (now_ms - k.used_ms > 60000 || now_ms < k.used_ms)
		(void)!db_run(db, Q_API_KEY_USED, "si", str_z(hash), now_ms); /* as with sessions */
	*ret = k.who;
	return 0;
}

#define SETUP_SETTING STR("setup_link")

int
setup_link_new(struct db *db, char ret[SECRET_TEXT])
{
	int64_t people = 0;
	char hash[65], secret[SECRET_TEXT];
	TRY(person_count(db, &people));
	if (people)
		return E_EXISTS;
	secret_new(secret);
	secret_hash(str_z(secret), hash);
	TRY(db_run(db, Q_SETTING_SET, "ss", SETUP_SETTING, str_z(hash)));
	memcpy(ret, secret, sizeof secret);
	return 0;
}

bool
setup_link_fits(struct db *db, struct str token)
{
	struct db_rows *rows;
	char hash[65];
	int64_t people = 1;
	if (person_count(db, &people) < 0 || people || db_query(db, &rows, Q_SETTING_GET, "s", SETUP_SETTING) < 0)
		return false;
	secret_hash(token, hash);
	struct str stored = db_next(rows) > 0 ? db_text(rows, 0) : (struct str){0};
	bool fits = stored.n == 64 && sodium_memcmp(stored.p, hash, 64) == 0;
	db_end(rows);
	return fits;
}

int
setup_link_end(struct db *db)
{
	return db_run(db, Q_SETTING_DELETE, "s", SETUP_SETTING);
}

/* --- slowing down guessing --- */

#define THROTTLE_KEYS 4096u
#define THROTTLE_FREE 5u               /* failures without a wait */
#define THROTTLE_FORGET_MS (15 * 60000) /* after this long without a try */

struct tries {
	uint64_t key;
	uint32_t failures;
	int64_t last_ms;
};

struct throttle {
	uint64_t secret;
	struct tries tries[THROTTLE_KEYS];
};

struct throttle *
throttle_new(void)
{
	struct throttle *t = MEM_NEW(struct throttle);
	randombytes_buf(&t->secret, sizeof t->secret);
	return t;
}

void
throttle_free(struct throttle *t)
{
	mem_free(t);
}

/* The key's row, or the stalest of its eight neighbours, taken over. */
static struct tries *
tries_of(struct throttle *t, struct str key)
{
	uint64_t h = hash64(key, t->secret) | 1;
	struct tries *set = &t->tries[(h >> 8) % (THROTTLE_KEYS / 8) * 8], *stalest = set;
	for (struct tries *at = set; at < set + 8; at++) {
		if (at->key == h)
			return at;
		if (at->last_ms < stalest->last_ms)
			stalest = at;
	}
	*stalest = (struct tries){.key = h};
	return stalest;
}

uint32_t
throttle_try(struct throttle *t, struct str key, int64_t now_ms)
{
	struct tries *at = tries_of(t, key);
	if (now_ms - at->last_ms > THROTTLE_FORGET_MS)
		at->failures = 0;
	if (at->failures >= THROTTLE_FREE) {
		uint32_t doublings = at->failures - THROTTLE_FREE;
		int64_t wait = (INT64_C(2000) << (doublings < 8 ? doublings : 8)) - (now_ms - at->last_ms);
		if (wait > 0)
			return (uint32_t)((wait + 999) / 1000);
	}
	at->failures++;
	at->last_ms = now_ms;
	return 0;
}

void
throttle_good(struct throttle *t, struct str key)
{
	tries_of(t, key)->failures = 0;
}
