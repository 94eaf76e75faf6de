/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/key.h"

#include <sodium.h>

int
key_make(struct db *db, const struct key_wish *wish, int64_t now_ms, char ret[SECRET_TEXT])
{
	char hash[65], secret[SECRET_TEXT];
	struct role_means means = {0};
	unsigned scopes;
	int error = role_rights(db, wish->role, wish->organisation.n, &means);
	if (error && error != E_NOT_FOUND)
		return error;
	if (error || !wish->name.n || wish->name.n > 63 || !str_is_utf8(wish->name) || !rights_named(wish->scopes, &scopes) ||
	    (scopes & ~means.rights))
		return E_INVALID;
	secret_new(secret);
	secret_hash(str_z(secret), hash);
	TRY(db_run(db, Q_API_KEY_PUT, "sssissii", str_z(hash), wish->name, wish->role, now_ms, wish->scopes, wish->organisation,
	    wish->person, wish->until_ms));
	memcpy(ret, secret, sizeof secret);
	sodium_memzero(secret, sizeof secret);
	return 0;
}

static bool
key_at(struct db_rows *rows, struct arena *arena, struct key_row *row)
{
	struct str *text[] = {&row->id, &row->name, &row->role, &row->scopes, &row->organisation, &row->maker};
	int64_t *number[] = {&row->person, &row->created_ms, &row->until_ms, &row->used_ms, &row->revoked_ms};
	for (int i = 0; i < (int)COUNT(text); i++)
		if (!arena_copy(arena, db_text(rows, i), text[i]))
			return false;
	for (int i = 0; i < (int)COUNT(number); i++)
		*number[i] = db_i64(rows, (int)COUNT(text) + i);
	return true;
}

static int
key_rows(struct db *db, int64_t person, struct str id, struct arena *arena, struct key_row *row, uint32_t max, uint32_t *ret_count)
{
	struct db_rows *rows;
	uint32_t n = 0;
	int more = 1;
	TRY(db_query(db, &rows, Q_API_KEY_LIST, "is", person, id));
	while (n < max && (more = db_next(rows)) > 0 && key_at(rows, arena, &row[n]))
		n++;
	db_end(rows);
	if (more < 0)
		return more;
	*ret_count = n;
	return arena->over ? E_LIMIT : 0;
}

int
key_list(struct db *db, int64_t person, struct arena *arena, struct key_row **ret, uint32_t *ret_count)
{
	struct key_row *row = arena_calloc(arena, KEYS_LISTED, sizeof *row);
	uint32_t count = 0;
	if (!row)
		return E_LIMIT;
	TRY(key_rows(db, person, STR(""), arena, row, KEYS_LISTED, &count));
	*ret = row;
	*ret_count = count;
	return 0;
}

int
key_get(struct db *db, struct str id, struct arena *arena, struct key_row *ret)
{
	struct key_row row;
	uint32_t count = 0;
	if (!id.n)
		return E_NOT_FOUND;
	TRY(key_rows(db, 0, id, arena, &row, 1, &count));
	if (!count)
		return E_NOT_FOUND;
	*ret = row;
	return 0;
}

int
key_revoke(struct db *db, struct str id, int64_t now_ms)
{
	TRY(db_run(db, Q_API_KEY_REVOKE, "si", id, now_ms));
	return db_changed(db) ? 0 : E_CONFLICT;
}
