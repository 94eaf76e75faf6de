/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/internal.h"

#include "register/law.h"

#define NAME_MAX_BYTES 400u
#define ROWS_MAX 4000u /* of one organisation's names or edges */

int
register_refuse(struct register_fault *f, const char *what, const char *field, struct str arg)
{
	*f = (struct register_fault){what, field, arg};
	return E_INVALID;
}

bool
register_day_ok(struct str day)
{
	law_day d;
	return !day.n || (day.n == REGISTRY_DAY - 1 && law_day_read(day, &d));
}

bool
register_id_ok(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", id.p[i]) || !id.p[i])
			return false;
	return id.n > 0 && id.n <= REGISTER_ID_MAX;
}

bool
register_text_ok(struct str text, size_t max)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	return text.n <= max && str_is_utf8(text);
}

struct str
register_day_before(struct str day, char ret[REGISTRY_DAY])
{
	struct buf text = BUF_INIT_MAX(64);
	law_day d = 0;
	ret[0] = '\0';
	if (law_day_read(day, &d)) {
		law_day_write(d - 1, &text);
		if (text.n == REGISTRY_DAY - 1)
			memcpy(ret, text.p, REGISTRY_DAY);
	}
	buf_release(&text);
	return str_z(ret);
}

/* --- reading --- */

const char *
organisation_state(struct str from_day, struct str until_day, struct str day)
{
	if (until_day.n && str_cmp(until_day, day) < 0)
		return "closed";
	return from_day.n && str_cmp(from_day, day) > 0 ? "planned" : "active";
}

bool
organisation_reaches(struct db *db, struct str ancestor, struct str organisation)
{
	struct db_rows *rows;
	if (!ancestor.n)
		return true;
	if (db_query(db, &rows, Q_ORGANISATION_REACHES, "ss", ancestor, organisation) < 0)
		return false;
	bool reaches = db_next(rows) > 0;
	db_end(rows);
	return reaches;
}

static bool
row_of(struct db_rows *rows, struct arena *arena, struct organisation_row *o)
{
	struct str *text[] = {&o->id, &o->name, &o->name_now, &o->kind, &o->parent, &o->parent_name, &o->from_day,
		&o->until_day};
	bool kept = arena_copy(arena, db_text(rows, 12), &o->name_fold);
	for (size_t i = 0; i < COUNT(text); i++)
		kept &= arena_copy(arena, db_text(rows, (int)i), text[i]);
	o->version = db_i64(rows, 8);
	o->demonstration = db_i64(rows, 9) != 0;
	o->alerts_open = db_i64(rows, 10);
	o->worst = db_is_null(rows, 11) ? -1 : (int)db_i64(rows, 11);
	return kept;
}

int
organisation_get(struct db *db, struct str id, struct str day, struct arena *arena, struct organisation_row *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_ORGANISATION_GET, "ss", id, day));
	int more = db_next(rows);
	return db_end_one(rows, more > 0 && !row_of(rows, arena, ret) ? E_LIMIT : more);
}

static int
read_page(struct db *db, const struct organisation_query *q, struct str fold, struct str after_fold, struct arena *arena,
    struct organisation_row **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	uint32_t n = 0;
	int more;
	struct organisation_row *list = arena_calloc(arena, q->limit + 1, sizeof *list);
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_ORGANISATION_LIST, "ssssssssi", q->scope, fold, q->kind, q->parent, q->day, q->state,
	    after_fold, q->after, (int64_t)q->limit));
	while ((more = db_next(rows)) > 0 && n < q->limit)
		if (!row_of(rows, arena, &list[n++]))
			more = E_LIMIT;
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}

static int
count_rows(struct db *db, const struct organisation_query *q, struct str fold, int64_t *ret)
{
	return db_number(db, ret, Q_ORGANISATION_COUNT, "ssssss", q->scope, fold, q->kind, q->parent, q->day, q->state);
}

int
organisation_list(struct db *db, const struct organisation_query *q, struct arena *arena, struct organisation_row **ret,
    uint32_t *ret_count, int64_t *ret_total)
{
	struct organisation_row last = {0};
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(q->text, &fold);
	int error = q->after.n ? organisation_get(db, q->after, q->day, arena, &last) : 0;
	if (error == E_NOT_FOUND)
		error = E_INVALID;
	if (!error)
		error = read_page(db, q, buf_str(&fold), last.name_fold, arena, ret, ret_count);
	if (!error)
		error = count_rows(db, q, buf_str(&fold), ret_total);
	buf_release(&fold);
	return error;
}

int
organisation_names(struct db *db, struct str id, struct arena *arena, struct organisation_name **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct organisation_name *list = arena_calloc(arena, ROWS_MAX, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_ORGANISATION_NAME_OF, "s", id));
	for (; (more = db_next(rows)) > 0 && n < ROWS_MAX; n++)
		if (!arena_copy(arena, db_text(rows, 0), &list[n].name) ||
		    !arena_copy(arena, db_text(rows, 1), &list[n].from_day) ||
		    !arena_copy(arena, db_text(rows, 2), &list[n].until_day))
			more = E_LIMIT;
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}

int
organisation_edges(struct db *db, struct str id, bool back, struct arena *arena, struct organisation_edge **ret,
    uint32_t *ret_count)
{
	struct db_rows *rows;
	struct organisation_edge *list = arena_calloc(arena, ROWS_MAX, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, back ? Q_ORGANISATION_PREDECESSORS : Q_ORGANISATION_SUCCESSORS, "s", id));
	for (; (more = db_next(rows)) > 0 && n < ROWS_MAX; n++) {
		struct str *text[] = {&list[n].id, &list[n].name, &list[n].day, &list[n].kind};
		for (size_t i = 0; i < COUNT(text); i++)
			if (!arena_copy(arena, db_text(rows, (int)i), text[i]))
				more = E_LIMIT;
	}
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}

/* --- changing --- */

/* Kinds that a kind may stand below: *ret_known tells whether there is such a kind. */
static int
kind_under(struct db *db, struct str kind, struct arena *arena, struct str *ret_under, bool *ret_known)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_KIND_GET, "s", kind));
	int more = db_next(rows);
	*ret_known = more > 0;
	bool kept = more <= 0 || arena_copy(arena, db_text(rows, 0), ret_under);
	db_end(rows);
	return more < 0 ? more : kept ? 0 : E_LIMIT;
}

static bool
has_word(struct str words, struct str word)
{
	struct str one;
	while (str_split(&words, ' ', &one))
		if (str_eq(one, word))
			return true;
	return false;
}

static int
check_kind(struct db *db, struct str kind, struct str parent_kind, struct arena *arena, struct register_fault *f)
{
	struct str under = {0};
	bool known;
	TRY(kind_under(db, kind, arena, &under, &known));
	if (!known)
		return register_refuse(f, "register_kind", "kind", kind);
	if (parent_kind.n && under.n && !has_word(under, parent_kind))
		return register_refuse(f, "register_parent_kind", "parent", parent_kind);
	return 0;
}

int
organisation_kind_fits(struct db *db, struct str kind, struct str parent_kind, struct register_fault *f)
{
	struct arena arena;
	arena_init(&arena, 4096, 64 << 10);
	int error = check_kind(db, kind, parent_kind, &arena, f);
	arena_release(&arena);
	return error;
}

static int
check_parent(struct db *db, struct str id, struct str parent, struct str today, struct arena *arena, struct str *ret_kind,
    struct register_fault *f)
{
	struct organisation_row up = {0};
	if (!parent.n)
		return 0;
	int error = organisation_get(db, parent, today, arena, &up);
	if (error == E_NOT_FOUND)
		return register_refuse(f, "register_parent", "parent", parent);
	if (!error && (str_eq(id, parent) || organisation_reaches(db, id, parent)))
		return register_refuse(f, "register_ring", "parent", parent);
	*ret_kind = up.kind;
	return error;
}

static int
check_span(struct str from, struct str until, struct register_fault *f)
{
	if (!register_day_ok(from))
		return register_refuse(f, "register_day", "from_day", from);
	if (!register_day_ok(until))
		return register_refuse(f, "register_day", "until_day", until);
	if (from.n && until.n && str_cmp(from, until) > 0)
		return register_refuse(f, "register_span", "until_day", until);
	return 0;
}

static int
check_name(struct str name, struct register_fault *f)
{
	if (!str_trim(name).n || str_trim(name).n != name.n || !register_text_ok(name, NAME_MAX_BYTES))
		return register_refuse(f, "register_bad_name", "name", str_cut(name, 0, 80));
	return 0;
}

int
organisation_insert(struct db *db, struct str id, const struct organisation_edit *e, int64_t now_ms, struct register_fault *f)
{
	/* what stands under /organisations itself */
	static const struct str taken[] = {STR_INIT("mergers"), STR_INIT("imports"), STR_INIT("exports")};
	struct buf fold = BUF_INIT_MAX(4096);
	for (size_t i = 0; i < COUNT(taken); i++)
		if (str_eq(taken[i], id))
			return register_refuse(f, "register_id", "id", id);
	if (!register_id_ok(id))
		return register_refuse(f, "register_id", "id", id);
	TRY(check_name(e->name, f));
	TRY(check_span(e->from_day, e->until_day, f));
	TRY(organisation_kind_fits(db, e->kind, STR(""), f));
	db_fold(e->name, &fold);
	int error = db_run(db, Q_ORGANISATION_ADD, "sssssssi", id, e->name, buf_str(&fold), e->kind, e->parent, e->from_day,
	    e->until_day, now_ms);
	buf_release(&fold);
	return error;
}

int
organisation_add(struct db *db, struct str id, const struct organisation_edit *e, struct str today, int64_t now_ms,
    struct register_fault *f)
{
	struct arena arena;
	struct str up_kind = {0};
	arena_init(&arena, 4096, 64 << 10);
	int error = check_parent(db, id, e->parent, today, &arena, &up_kind, f);
	if (!error && up_kind.n)
		error = organisation_kind_fits(db, e->kind, up_kind, f);
	if (!error)
		error = organisation_insert(db, id, e, now_ms, f);
	if (!error)
		error = registry_reach_rebuild(db);
	arena_release(&arena);
	return error;
}

/* The name of today, in the row that the lists are sorted by. */
static int
set_name(struct db *db, struct str id, struct str name)
{
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(name, &fold);
	int error = db_run(db, Q_ORGANISATION_NAME_SET, "sss", id, name, buf_str(&fold));
	buf_release(&fold);
	return error;
}

static int
put_name(struct db *db, struct str id, struct str name, struct str from, struct str until)
{
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(name, &fold);
	int error = db_run(db, Q_ORGANISATION_NAME_ADD, "sssss", id, name, buf_str(&fold), from, until);
	buf_release(&fold);
	return error;
}

static int
correct_name(struct db *db, const struct organisation_row *o, struct str name, struct str today)
{
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(name, &fold);
	int error = db_run(db, Q_ORGANISATION_NAME_CORRECT, "ssss", o->id, name, buf_str(&fold), today);
	buf_release(&fold);
	return error ? error : set_name(db, o->id, name);
}

/* On a day, and not before the last time. */
static int
rename_on(struct db *db, const struct organisation_row *o, const struct organisation_edit *e, struct str today,
    struct arena *arena, struct register_fault *f)
{
	struct organisation_name *list;
	uint32_t count;
	char before[REGISTRY_DAY];
	struct str last = register_day_before(e->name_from, before);
	TRY(organisation_names(db, o->id, arena, &list, &count));
	if (!register_day_ok(e->name_from) || !last.n)
		return register_refuse(f, "register_day", "name_from", e->name_from);
	if (count && list[count - 1].from_day.n && str_cmp(list[count - 1].from_day, e->name_from) >= 0)
		return register_refuse(f, "register_name_day", "name_from", list[count - 1].from_day);
	if (count)
		TRY(db_run(db, Q_ORGANISATION_NAME_END, "ss", o->id, last));
	else
		TRY(put_name(db, o->id, o->name_now, STR(""), last));
	TRY(put_name(db, o->id, e->name, e->name_from, STR("")));
	return str_cmp(e->name_from, today) <= 0 ? set_name(db, o->id, e->name) : 0;
}

static int
change_name(struct db *db, const struct organisation_row *o, const struct organisation_edit *e, struct str today,
    struct arena *arena, struct register_fault *f)
{
	TRY(check_name(e->name, f));
	if (e->name_from.n)
		return rename_on(db, o, e, today, arena, f);
	return str_eq(o->name_now, e->name) ? 0 : correct_name(db, o, e->name, today);
}

static int
change_row(struct db *db, const struct organisation_row *o, int64_t version, const struct organisation_edit *e,
    struct str today, int64_t now_ms, struct arena *arena, struct register_fault *f)
{
	struct str kind = e->set_kind ? e->kind : o->kind, up_kind = {0};
	struct str parent = e->set_parent ? e->parent : o->parent;
	struct str from = e->set_from ? e->from_day : o->from_day, until = e->set_until ? e->until_day : o->until_day;
	bool moves = !str_eq(parent, o->parent);
	TRY(check_span(from, until, f));
	if (moves)
		TRY(check_parent(db, o->id, parent, today, arena, &up_kind, f));
	if (moves || !str_eq(kind, o->kind))
		TRY(check_kind(db, kind, up_kind, arena, f));
	TRY(db_run(db, Q_ORGANISATION_SET, "sissssi", o->id, version, kind, parent, from, until, now_ms));
	if (!db_changed(db))
		return E_CONFLICT;
	if (e->set_name)
		TRY(change_name(db, o, e, today, arena, f));
	return moves ? registry_reach_rebuild(db) : 0;
}

int
organisation_change(struct db *db, struct str id, int64_t version, const struct organisation_edit *e, struct str today,
    int64_t now_ms, struct register_fault *f)
{
	struct arena arena;
	struct organisation_row o;
	arena_init(&arena, 16 << 10, 1 << 20);
	int error = organisation_get(db, id, today, &arena, &o);
	if (!error)
		error = change_row(db, &o, version, e, today, now_ms, &arena, f);
	arena_release(&arena);
	return error;
}

int
organisation_turn(struct db *db, struct str today)
{
	struct db_rows *rows;
	struct arena arena;
	struct str id, name;
	arena_init(&arena, 4096, 64 << 10);
	int error = 0, more = 1;
	while (!error && more > 0) { /* one cursor at a time, and each change takes one row out */
		arena_clear(&arena);
		error = db_query(db, &rows, Q_ORGANISATION_NAME_DUE, "s", today);
		if (error)
			break;
		more = db_next(rows);
		bool kept = more > 0 && arena_copy(&arena, db_text(rows, 0), &id) && arena_copy(&arena, db_text(rows, 1), &name);
		db_end(rows);
		error = more < 0 ? more : more > 0 && !kept ? E_LIMIT : 0;
		if (!error && more > 0)
			error = set_name(db, id, name);
	}
	arena_release(&arena);
	return error;
}

int
organisation_find_ring(struct db *db, char id[65])
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_ORGANISATION_RING, ""));
	int more = db_next(rows);
	struct str found = more > 0 ? str_cut(db_text(rows, 0), 0, 64) : (struct str){0};
	if (found.n)
		memcpy(id, found.p, found.n);
	id[found.n] = '\0';
	db_end(rows);
	return more < 0 ? more : 0;
}
