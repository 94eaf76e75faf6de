/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/people.h"

#include "host/clock.h"

/* --- roles --- */

bool
role_id_is_one(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789_", id.p[i], 37))
			return false;
	return id.n >= 2 && id.n <= 31;
}

unsigned
role_gives(const struct role *r, struct str organisation)
{
	return organisation.n ? r->rights & RIGHTS_SCOPED : r->agency ? r->rights & RIGHT_SIGNED_IN : r->rights;
}

int
role_fits(struct db *db, const struct registry *registry, struct str role, struct str organisation, struct arena *arena)
{
	const struct organisation *o = registry_organisation(registry, organisation);
	char day[REGISTRY_DAY];
	struct role r;
	TRY(role_get(db, role, arena, &r));
	if (!organisation.n)
		return r.agency ? E_UNSUPPORTED : 0;
	bool over = o && o->until_day.n && str_cmp(o->until_day, registry_today(clock_now_ms(), day)) < 0;
	return o && !over ? 0 : E_INVALID;
}

int
role_rights(struct db *db, struct str role, bool of_organisation, struct role_means *ret)
{
	struct db_rows *rows;
	struct role r = {0};
	TRY(db_query(db, &rows, Q_ROLE_RIGHTS, "s", role));
	int more = db_next(rows);
	if (more > 0) {
		r.rights = rights_from_text(db_text(rows, 0));
		r.agency = db_i64(rows, 1);
		*ret = (struct role_means){role_gives(&r, of_organisation ? STR("x") : STR("")), db_i64(rows, 2), db_i64(rows, 3)};
	}
	return db_end_one(rows, more);
}

static struct role
role_at(struct db_rows *rows, struct arena *arena)
{
	return (struct role){
	    .id = db_text_kept(rows, 0, arena),
	    .title_vi = db_text_kept(rows, 1, arena),
	    .title_en = db_text_kept(rows, 2, arena),
	    .rights = rights_from_text(db_text(rows, 3)),
	    .agency = db_i64(rows, 4),
	    .second_factor = db_i64(rows, 5),
	    .builtin = db_i64(rows, 6),
	    .version = db_i64(rows, 7),
	    .people = db_i64(rows, 8),
	    .keys = db_i64(rows, 9),
	    .second_days = db_i64(rows, 10),
	};
}

int
role_get(struct db *db, struct str id, struct arena *arena, struct role *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_ROLE_GET, "s", id));
	int more = db_next(rows);
	if (more > 0)
		*ret = role_at(rows, arena);
	return db_end_one(rows, more);
}

#define ROLES_MAX 200u

int
role_list(struct db *db, struct arena *arena, struct role **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct role *list = arena_calloc(arena, ROLES_MAX, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_ROLE_LIST, ""));
	while (n < ROLES_MAX && (more = db_next(rows)) > 0)
		list[n++] = role_at(rows, arena);
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

int
role_put(struct db *db, const struct role *r)
{
	struct buf rights = BUF_INIT_MAX(1024);
	rights_text(r->rights, &rights);
	int error = db_run(db, Q_ROLE_PUT, "ssssiii", r->id, r->title_vi, r->title_en, buf_str(&rights), (int64_t)r->agency,
	    (int64_t)r->second_factor, r->second_days);
	buf_release(&rights);
	return error;
}

int
role_set(struct db *db, const struct role *r)
{
	struct buf rights = BUF_INIT_MAX(1024);
	rights_text(r->rights, &rights);
	int error = db_run(db, Q_ROLE_SET, "sisssiii", r->id, r->version, r->title_vi, r->title_en, buf_str(&rights),
	    (int64_t)r->agency, (int64_t)r->second_factor, r->second_days);
	buf_release(&rights);
	return error ? error : db_changed(db) ? 0 : E_CONFLICT;
}

int
role_delete(struct db *db, struct str id)
{
	TRY(db_run(db, Q_ROLE_DELETE, "s", id));
	return db_changed(db) ? 0 : E_NOT_FOUND;
}

/* --- accounts --- */

static struct account
account_at(struct db_rows *rows, struct arena *arena)
{
	return (struct account){
	    .id = db_i64(rows, 0),
	    .login = db_text_kept(rows, 1, arena),
	    .name = db_text_kept(rows, 2, arena),
	    .role = db_text_kept(rows, 3, arena),
	    .organisation = db_text_kept(rows, 4, arena),
	    .disabled = db_i64(rows, 5),
	    .created_ms = db_i64(rows, 6),
	    .version = db_i64(rows, 7),
	    .link_until_ms = db_i64(rows, 8),
	    .ready = db_i64(rows, 9),
	    .seen_ms = db_i64(rows, 10),
	    .directory = db_i64(rows, 11),
	};
}

int
account_get(struct db *db, int64_t id, struct arena *arena, struct account *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_ACCOUNT_GET, "i", id));
	int more = db_next(rows);
	if (more > 0)
		*ret = account_at(rows, arena);
	return db_end_one(rows, more);
}

static int
account_total(struct db *db, const struct account_filter *f, int64_t *ret)
{
	return db_number(db, ret, Q_ACCOUNT_TOTAL, "sss", f->scope, f->role, f->organisation);
}

int
account_list(struct db *db, const struct account_filter *f, struct arena *arena, struct account **ret, uint32_t *ret_count,
    int64_t *ret_total)
{
	struct db_rows *rows;
	struct account *list = arena_calloc(arena, f->limit, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(account_total(db, f, ret_total));
	TRY(db_query(db, &rows, Q_ACCOUNT_LIST, "isssi", f->after_id, f->scope, f->role, f->organisation, (int64_t)f->limit));
	while (n < f->limit && (more = db_next(rows)) > 0)
		list[n++] = account_at(rows, arena);
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

int
account_put(struct db *db, const struct account *a, int64_t now_ms, int64_t *ret_id)
{
	if (!login_is_one(a->login))
		return E_INVALID;
	return db_number(db, ret_id, Q_ACCOUNT_PUT, "ssssi", a->login, a->name, a->role, a->organisation, now_ms);
}

int
account_set(struct db *db, const struct account *a)
{
	TRY(db_run(db, Q_ACCOUNT_SET, "iisssi", a->id, a->version, a->name, a->role, a->organisation, (int64_t)a->disabled));
	return db_changed(db) ? 0 : E_CONFLICT;
}

int
account_link(struct db *db, int64_t id, int64_t now_ms, char ret[SECRET_TEXT])
{
	char hash[65];
	secret_new(ret);
	secret_hash(str_z(ret), hash);
	return db_run(db, Q_ACCOUNT_LINK, "isi", id, str_z(hash), now_ms + LINK_MS);
}

int
account_link_end(struct db *db, int64_t id)
{
	return db_run(db, Q_ACCOUNT_LINK, "isi", id, STR(""), INT64_C(0));
}

int
account_of_link(struct db *db, struct str token, int64_t now_ms, struct arena *arena, struct account *ret)
{
	struct db_rows *rows;
	char hash[65];
	secret_hash(token, hash);
	TRY(db_query(db, &rows, Q_ACCOUNT_OF_LINK, "si", str_z(hash), now_ms));
	int more = db_next(rows);
	if (more > 0)
		*ret = (struct account){.id = db_i64(rows, 0), .login = db_text_kept(rows, 1, arena),
		    .name = db_text_kept(rows, 2, arena), .organisation = db_text_kept(rows, 3, arena),
		    .directory = db_i64(rows, 4)};
	db_end(rows);
	return more > 0 ? 0 : more < 0 ? more : E_DENIED;
}

int
account_operators(struct db *db, int64_t *ret)
{
	struct db_rows *rows;
	const unsigned enough = RIGHT_OPERATE | RIGHT_PEOPLE_CHANGE;
	int64_t people = 0;
	int more;
	TRY(db_query(db, &rows, Q_ACCOUNT_OPERATORS, ""));
	while ((more = db_next(rows)) > 0)
		if ((rights_from_text(db_text(rows, 0)) & enough) == enough)
			people += db_i64(rows, 1);
	db_end(rows);
	if (more < 0)
		return more;
	*ret = people;
	return 0;
}
