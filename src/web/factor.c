/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/factor.h"

#include <sodium.h>

#include "base/hash.h"

int
factors_of(struct db *db, int64_t person, struct factors *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_FACTORS_OF, "i", person));
	int more = db_next(rows);
	if (more > 0)
		*ret = (struct factors){db_i64(rows, 0) > 0, (uint32_t)db_i64(rows, 1), (uint32_t)db_i64(rows, 2), db_i64(rows, 3)};
	db_end(rows);
	return more < 0 ? more : 0;
}

int
factors_reset(struct db *db, int64_t person)
{
	TRY(db_run(db, Q_TOTP_DELETE, "i", person));
	TRY(db_run(db, Q_PASSKEY_DELETE_ALL, "i", person));
	return db_run(db, Q_RECOVERY_DELETE, "i", person);
}

/* --- the app --- */

static int
read_totp(struct db *db, const struct vault *v, int64_t person, bool confirmed, uint8_t secret[TOTP_SECRET], int64_t *ret_last)
{
	struct db_rows *rows;
	size_t n = 0;
	TRY(db_query(db, &rows, Q_TOTP_GET, "ii", person, (int64_t)confirmed));
	int more = db_next(rows);
	int error = more < 0 ? more : more == 0 ? E_NOT_FOUND : vault_unseal(v, person, db_text(rows, 0), secret, TOTP_SECRET, &n);
	if (!error)
		*ret_last = db_i64(rows, 1);
	db_end(rows);
	return error ? error : n == TOTP_SECRET ? 0 : E_CORRUPT;
}

int
totp_begin(struct db *db, const struct vault *v, int64_t person, int64_t now_ms, uint8_t ret[TOTP_SECRET])
{
	struct factors f = {0};
	struct buf sealed = BUF_INIT_MAX(1024);
	uint8_t secret[TOTP_SECRET];
	TRY(factors_of(db, person, &f));
	if (f.totp)
		return E_EXISTS;
	totp_secret_new(secret);
	vault_seal(v, person, str_from((const char *)secret, sizeof secret), &sealed);
	int error = db_run(db, Q_TOTP_PUT, "isi", person, buf_str(&sealed), now_ms);
	buf_release(&sealed);
	if (!error)
		memcpy(ret, secret, sizeof secret);
	sodium_memzero(secret, sizeof secret);
	return error;
}

/* Two at once cannot use the same step: the row changes for one of them. */
static int
take_step(struct db *db, const struct vault *v, int64_t person, bool confirmed, struct str code, int64_t now_ms)
{
	uint8_t secret[TOTP_SECRET];
	int64_t last = -1;
	TRY(read_totp(db, v, person, confirmed, secret, &last));
	int64_t step = totp_step_of(str_from((const char *)secret, sizeof secret), code, now_ms, last);
	sodium_memzero(secret, sizeof secret);
	if (step < 0)
		return E_DENIED;
	TRY(db_run(db, Q_TOTP_STEP, "iii", person, step, now_ms));
	return db_changed(db) == 1 ? 0 : E_DENIED;
}

int
totp_confirm(struct db *db, const struct vault *v, int64_t person, struct str code, int64_t now_ms)
{
	return take_step(db, v, person, false, code, now_ms);
}

int
totp_use(struct db *db, const struct vault *v, int64_t person, struct str code, int64_t now_ms)
{
	return take_step(db, v, person, true, code, now_ms);
}

int
totp_remove(struct db *db, int64_t person)
{
	return db_run(db, Q_TOTP_DELETE, "i", person);
}

/* --- passkeys --- */

static void
base64url(const uint8_t *bytes, size_t n, char *to, size_t cap)
{
	sodium_bin2base64(to, cap, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int
from_base64url(struct str text, uint8_t *to, size_t cap, size_t *ret_n)
{
	bool good = sodium_base642bin(to, cap, text.p, text.n, NULL, ret_n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
	return good ? 0 : E_CORRUPT;
}

int
passkey_add(struct db *db, int64_t person, struct str name, struct str rp, const struct passkey_key *key, int64_t now_ms)
{
	struct factors f = {0};
	char id[PASSKEY_ID_TEXT], bytes[PASSKEY_KEY_MAX * 4 / 3 + 4];
	if (!name.n || name.n > 100 || !str_is_utf8(name))
		return E_INVALID;
	TRY(factors_of(db, person, &f));
	if (f.passkeys >= PASSKEYS_MAX)
		return E_LIMIT;
	base64url(key->id, key->id_n, id, sizeof id);
	base64url(key->key, key->key_n, bytes, sizeof bytes);
	return db_run(db, Q_PASSKEY_PUT, "isssisii", person, name, rp, str_z(id), (int64_t)key->algorithm, str_z(bytes),
	    (int64_t)key->counter, now_ms);
}

static bool
passkey_at(struct db_rows *rows, struct arena *arena, struct passkey_row *row)
{
	*row = (struct passkey_row){.id = db_i64(rows, 0), .person = db_i64(rows, 1), .created_ms = db_i64(rows, 5),
	    .used_ms = db_i64(rows, 6)};
	return arena_copy(arena, db_text(rows, 2), &row->name) && arena_copy(arena, db_text(rows, 3), &row->rp) &&
	    arena_copy(arena, db_text(rows, 4), &row->credential);
}

int
passkey_list(struct db *db, int64_t person, struct arena *arena, struct passkey_row **ret, uint32_t *ret_count)
{
	struct passkey_row *row = arena_calloc(arena, PASSKEYS_MAX, sizeof *row);
	struct db_rows *rows;
	uint32_t n = 0;
	int more = 1;
	if (!row)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_PASSKEY_LIST, "i", person));
	while (n < PASSKEYS_MAX && (more = db_next(rows)) > 0 && passkey_at(rows, arena, &row[n]))
		n++;
	db_end(rows);
	if (more < 0)
		return more;
	*ret = row;
	*ret_count = n;
	return 0;
}

int
passkey_find(struct db *db, struct str credential, struct passkey_row *ret, struct passkey_key *ret_key, struct arena *arena)
{
	struct passkey_key key = {0};
	struct passkey_row row = {0};
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_PASSKEY_GET, "s", credential));
	int more = db_next(rows);
	int error = more < 0 ? more : more == 0 ? E_NOT_FOUND : passkey_at(rows, arena, &row) ? 0 : E_LIMIT;
	if (!error) {
		key.algorithm = (int)db_i64(rows, 7);
		key.counter = (uint32_t)db_i64(rows, 9);
		error = from_base64url(db_text(rows, 8), key.key, sizeof key.key, &key.key_n);
	}
	db_end(rows);
	if (error)
		return error;
	*ret = row;
	*ret_key = key;
	return 0;
}

int
passkey_used(struct db *db, int64_t id, uint32_t counter, int64_t now_ms)
{
	return db_run(db, Q_PASSKEY_USED, "iii", id, (int64_t)counter, now_ms);
}

int
passkey_remove(struct db *db, int64_t person, int64_t id)
{
	TRY(db_run(db, Q_PASSKEY_DELETE, "ii", person, id));
	return db_changed(db) ? 0 : E_NOT_FOUND;
}

/* --- recovery codes --- */

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's: none is taken for another */

static void
code_new(char ret[RECOVERY_TEXT])
{
	uint8_t random[24];
	size_t n = 0;
	randombytes_buf(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++) {
		if (i && i % 4 == 0)
			ret[n++] = '-';
		ret[n++] = letters[random[i] & 31];
	}
	ret[n] = '\0';
	sodium_memzero(random, sizeof random);
}

/* False when it cannot be one. */
static bool
code_hash(int64_t person, struct str code, char ret[65])
{
	struct buf plain = BUF_INIT_MAX(64);
	uint8_t digest[32];
	buf_addf(&plain, "%lld ", (long long)person);
	size_t start = plain.n;
	for (size_t i = 0; i < code.n && !plain.over; i++) {
		char one = ascii_lower(code.p[i]);
		if (one == '-' || one == ' ')
			continue;
		one = one == 'o' ? '0' : one == 'i' || one == 'l' ? '1' : one;
		buf_add_char(&plain, one);
	}
	bool fits = !plain.over && plain.n - start == 24;
	sha256(buf_str(&plain), digest);
	sodium_bin2hex(ret, 65, digest, sizeof digest);
	buf_release(&plain);
	return fits;
}

int
recovery_renew(struct db *db, int64_t person, int64_t now_ms, char ret[RECOVERY_CODES][RECOVERY_TEXT])
{
	char hash[65];
	TRY(db_run(db, Q_RECOVERY_DELETE, "i", person));
	for (unsigned i = 0; i < RECOVERY_CODES; i++) {
		code_new(ret[i]);
		(void)code_hash(person, str_z(ret[i]), hash);
		TRY(db_run(db, Q_RECOVERY_PUT, "isi", person, str_z(hash), now_ms));
	}
	return 0;
}

/* All of his are looked at, each in the same time. */
static int
code_known(struct db *db, int64_t person, const char hash[65], bool *ret)
{
	struct db_rows *rows;
	bool known = false;
	int more;
	TRY(db_query(db, &rows, Q_RECOVERY_UNUSED, "i", person));
	while ((more = db_next(rows)) > 0) {
		struct str stored = db_text(rows, 0);
		known |= stored.n == 64 && sodium_memcmp(stored.p, hash, 64) == 0;
	}
	db_end(rows);
	*ret = known;
	return more < 0 ? more : 0;
}

int
recovery_use(struct db *db, int64_t person, struct str code, int64_t now_ms)
{
	struct factors f = {0};
	char hash[65];
	bool known = false;
	TRY(factors_of(db, person, &f));
	if (!factors_any(&f) || !code_hash(person, code, hash))
		return E_DENIED;
	TRY(code_known(db, person, hash, &known));
	if (!known)
		return E_DENIED;
	TRY(db_run(db, Q_RECOVERY_USE, "isi", person, str_z(hash), now_ms));
	return db_changed(db) == 1 ? 0 : E_DENIED;
}
