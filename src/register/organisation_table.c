/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/organisation_table.h"

#include "base/hash.h"
#include "base/memory.h"
#include "register/internal.h"

enum column { ID, NAME, KIND, PARENT, FROM, UNTIL, CONTACT_NAME, CONTACT_ROLE, CONTACT_PHONE, CONTACT_EMAIL, COLUMNS };

static const struct str column_name[COLUMNS] = {STR_INIT("id"), STR_INIT("name"), STR_INIT("kind"), STR_INIT("parent"),
	STR_INIT("from_day"), STR_INIT("until_day"), STR_INIT("contact_name"), STR_INIT("contact_role"),
	STR_INIT("contact_phone"), STR_INIT("contact_email")};

struct import {
	struct db *db;
	const struct table *t;
	const struct organisation_import *wish;
	struct arena *arena;        /* of the report */
	struct arena row;           /* of one row */
	struct table_report *report;
	int column[COLUMNS];
	uint32_t *seen;             /* ids of the file: row + 1, open addressing */
	uint32_t mask;
	bool *changed, *added, *moves; /* by row */
	bool moved;
};

static struct str
cell(const struct import *im, uint32_t row, enum column c)
{
	struct str s = table_cell(im->t, row, im->column[c]);
	return c == FROM || c == UNTIL ? table_day(s, im->arena) : s;
}

static void
fault(struct import *im, uint32_t row, const char *column, const char *what, struct str arg)
{
	table_report_fault(im->report, im->arena, im->t->number[row], str_z(column), what, arg);
}

/* --- columns and ids --- */

static void
find_columns(struct import *im)
{
	for (int c = 0; c < COLUMNS; c++)
		im->column[c] = table_column(im->t, column_name[c]);
	for (uint32_t i = 0; i < im->t->columns; i++) {
		bool known = !im->t->column[i].n;
		for (int c = 0; c < COLUMNS; c++)
			known |= str_eq(im->t->column[i], column_name[c]);
		if (!known)
			table_report_fault(im->report, im->arena, 1, im->t->column[i], "register_column", im->t->column[i]);
	}
	if (im->column[ID] < 0)
		table_report_fault(im->report, im->arena, 1, column_name[ID], "register_missing", column_name[ID]);
}

/* False: an earlier row has that id. */
static bool
first_of_id(struct import *im, uint32_t row)
{
	struct str id = cell(im, row, ID);
	uint32_t at = (uint32_t)hash64(id, 0) & im->mask;
	for (; im->seen[at]; at = (at + 1) & im->mask)
		if (str_eq(cell(im, im->seen[at] - 1, ID), id))
			return false;
	im->seen[at] = row + 1;
	return true;
}

/* --- a row --- */

/* What the row says, and where it says nothing what is there. */
static struct str
wanted(const struct import *im, uint32_t row, enum column c, struct str there)
{
	return im->column[c] >= 0 ? cell(im, row, c) : there;
}

static int
change_row(struct import *im, uint32_t row, const struct organisation_row *o)
{
	struct register_fault f = {0};
	struct organisation_edit e = {.set_kind = true, .set_from = true, .set_until = true,
	    .kind = wanted(im, row, KIND, o->kind), .from_day = wanted(im, row, FROM, o->from_day),
	    .until_day = wanted(im, row, UNTIL, o->until_day), .name = wanted(im, row, NAME, o->name_now)};
	e.set_name = !str_eq(e.name, o->name_now);
	if (!e.set_name && str_eq(e.kind, o->kind) && str_eq(e.from_day, o->from_day) && str_eq(e.until_day, o->until_day))
		return 0;
	im->changed[row] = true;
	int error = organisation_change(im->db, o->id, 0, &e, im->wish->today, im->wish->now_ms, &f);
	if (error == E_INVALID && f.what)
		fault(im, row, f.field, f.what, f.arg);
	return error == E_INVALID && f.what ? 0 : error;
}

static int
add_row(struct import *im, uint32_t row, struct str id)
{
	struct register_fault f = {0};
	const struct organisation_edit e = {.name = cell(im, row, NAME), .kind = cell(im, row, KIND),
	    .from_day = cell(im, row, FROM), .until_day = cell(im, row, UNTIL)};
	im->added[row] = true;
	int error = organisation_insert(im->db, id, &e, im->wish->now_ms, &f);
	if (error == E_INVALID && f.what)
		fault(im, row, f.field, f.what, f.arg);
	return error == E_INVALID && f.what ? 0 : error;
}

static int
take_row(struct import *im, uint32_t row)
{
	struct organisation_row o = {0};
	struct str id = cell(im, row, ID);
	if (!register_id_ok(id)) {
		fault(im, row, "id", "register_id", id);
		return 0;
	}
	if (!first_of_id(im, row)) {
		fault(im, row, "id", "register_row_twice", id);
		return 0;
	}
	int error = organisation_get(im->db, id, im->wish->today, &im->row, &o);
	if (error == E_NOT_FOUND)
		return add_row(im, row, id);
	if (!error && !organisation_reaches(im->db, im->wish->scope, id)) {
		fault(im, row, "id", "register_not_yours", id);
		return 0;
	}
	return error ? error : change_row(im, row, &o);
}

/* --- parents, once all are there --- */

static int
take_parent(struct import *im, uint32_t row)
{
	struct organisation_row o, up;
	struct register_fault f = {0};
	struct str id = cell(im, row, ID), parent = cell(im, row, PARENT);
	TRY(organisation_get(im->db, id, im->wish->today, &im->row, &o));
	if (str_eq(parent, o.parent))
		return 0;
	int error = parent.n ? organisation_get(im->db, parent, im->wish->today, &im->row, &up) : 0;
	if (error == E_NOT_FOUND)
		fault(im, row, "parent", "register_parent", parent);
	if (error)
		return error == E_NOT_FOUND ? 0 : error;
	if (parent.n && organisation_kind_fits(im->db, o.kind, up.kind, &f) == E_INVALID)
		fault(im, row, f.field, f.what, f.arg);
	im->changed[row] = im->moves[row] = true;
	im->moved = true;
	return parent.n ? db_run(im->db, Q_ORGANISATION_PARENT_SET, "ss", id, parent)
	                : db_run(im->db, Q_ORGANISATION_PARENT_CLEAR, "s", id);
}

static uint32_t
row_of(const struct import *im, struct str id)
{
	uint32_t row = 0;
	while (row < im->t->rows && !str_eq(cell(im, row, ID), id))
		row++;
	return row;
}

/* Nobody is below himself, and who reaches only a part puts nothing beside or above it. */
static int
check_tree(struct import *im)
{
	char ring[65];
	bool any = im->moved;
	for (uint32_t row = 0; row < im->t->rows; row++)
		any |= im->added[row];
	if (!any)
		return 0;
	TRY(registry_reach_rebuild(im->db));
	TRY(organisation_find_ring(im->db, ring));
	if (ring[0]) {
		uint32_t row = row_of(im, str_z(ring));
		table_report_fault(im->report, im->arena, row < im->t->rows ? im->t->number[row] : 0, column_name[PARENT],
		    "register_ring", str_z(ring));
	}
	for (uint32_t row = 0; row < im->t->rows && im->wish->scope.n; row++) {
		struct str parent = cell(im, row, PARENT);
		if ((im->added[row] || im->moves[row]) &&
		    (!parent.n || !organisation_reaches(im->db, im->wish->scope, parent)))
			fault(im, row, "parent", "register_not_yours", parent);
	}
	return 0;
}

/* --- people --- */

static int
columns_contact(struct import *im, struct str id, struct contact *ret)
{
	struct db_rows *rows;
	struct str *text[] = {&ret->name, &ret->phone, &ret->email};
	TRY(db_query(im->db, &rows, Q_ORGANISATION_CONTACT, "s", id));
	int more = db_next(rows);
	for (size_t i = 0; more > 0 && i < COUNT(text); i++)
		if (!arena_copy(&im->row, db_text(rows, (int)i), text[i]))
			more = E_LIMIT;
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
write_person(struct import *im, uint32_t row, struct contact_row *p)
{
	struct register_fault f = {0};
	p->confirmed_day = im->wish->today;
	int error = p->id ? contact_change(im->db, p, im->wish->now_ms, &f) : contact_add(im->db, p, im->wish->now_ms, &f);
	im->changed[row] = true;
	if (error == E_INVALID && f.what) {
		char column[40];
		snprintf(column, sizeof column, "contact_%s", f.field);
		fault(im, row, column, f.what, f.arg);
	}
	return error == E_INVALID && f.what ? 0 : error;
}

/* Somebody of that name who is to be called today or later. */
static struct contact_row *
find_person(const struct import *im, struct contact_row *list, uint32_t count, struct str name)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(list[i].name, name) && (!list[i].until_day.n || str_cmp(list[i].until_day, im->wish->today) >= 0))
			return &list[i];
	return NULL;
}

static int
take_person(struct import *im, uint32_t row)
{
	struct contact_row *list, fresh = {.organisation = cell(im, row, ID), .rank = 1}, *p;
	struct contact now = {0};
	uint32_t count;
	struct str name = cell(im, row, CONTACT_NAME);
	if (!name.n)
		return 0;
	TRY(contact_list(im->db, fresh.organisation, im->wish->today, &im->row, &list, &count));
	TRY(columns_contact(im, fresh.organisation, &now));
	p = find_person(im, list, count, name);
	if (!p && str_eq(now.name, name)) /* the one of a file; he becomes one of its people only when something is new */
		fresh.phone = now.phone, fresh.email = now.email;
	struct contact_row was = p ? *p : fresh;
	if (!p)
		p = &fresh;
	p->name = name;
	p->role = wanted(im, row, CONTACT_ROLE, p->role);
	p->phone = wanted(im, row, CONTACT_PHONE, p->phone);
	p->email = wanted(im, row, CONTACT_EMAIL, p->email);
	bool known = p->id || str_eq(now.name, name);
	if (known && str_eq(was.role, p->role) && str_eq(was.phone, p->phone) && str_eq(was.email, p->email))
		return 0;
	return write_person(im, row, p);
}

/* --- whole --- */

typedef int on_row(struct import *im, uint32_t row);

static int
each_row(struct import *im, on_row *take)
{
	int error = 0;
	for (uint32_t row = 0; row < im->t->rows && !error; row++) {
		arena_clear(&im->row);
		error = take(im, row);
	}
	return error;
}

static int
take_all(struct import *im)
{
	TRY(each_row(im, take_row));
	if (im->report->faults)
		return 0;
	if (im->column[PARENT] >= 0)
		TRY(each_row(im, take_parent));
	if (im->report->faults)
		return 0;
	TRY(check_tree(im));
	return im->report->faults || im->column[CONTACT_NAME] < 0 ? 0 : each_row(im, take_person);
}

int
organisations_import(struct db *db, const struct table *t, const struct organisation_import *w, struct arena *arena,
    struct table_report *report)
{
	struct import im = {.db = db, .t = t, .wish = w, .arena = arena, .report = report, .mask = 63};
	while (im.mask < 2 * t->rows)
		im.mask = im.mask * 2 + 1;
	report->read = t->rows;
	find_columns(&im);
	if (report->faults)
		return E_INVALID;
	im.seen = mem_calloc(im.mask + 1, sizeof *im.seen);
	im.changed = mem_calloc(t->rows + 1, sizeof *im.changed);
	im.added = mem_calloc(t->rows + 1, sizeof *im.added);
	im.moves = mem_calloc(t->rows + 1, sizeof *im.moves);
	arena_init(&im.row, 64 << 10, 4 << 20);
	int error = take_all(&im);
	for (uint32_t row = 0; row < t->rows; row++) {
		report->added += im.added[row];
		report->changed += !im.added[row] && im.changed[row];
		report->unchanged += !im.added[row] && !im.changed[row];
	}
	arena_release(&im.row);
	mem_free(im.seen);
	mem_free(im.changed);
	mem_free(im.added);
	mem_free(im.moves);
	return error ? error : report->faults ? E_INVALID : 0;
}

/* --- taking away --- */

static int
export_row(struct db *db, const struct organisation_row *o, struct str today, int columns, struct arena *arena, struct str *c)
{
	struct import im = {.db = db};
	struct contact_row *people;
	struct contact first = {0};
	struct str role = {0};
	uint32_t count;
	arena_init(&im.row, 16 << 10, 4 << 20);
	int error = contact_list(db, o->id, today, &im.row, &people, &count);
	if (!error)
		error = columns_contact(&im, o->id, &first);
	for (uint32_t i = count; !error && i-- > 0;)
		if (strcmp(organisation_state(people[i].from_day, people[i].until_day, today), "active") == 0) {
			first = (struct contact){people[i].name, people[i].phone, people[i].email};
			role = people[i].role;
		}
	const struct str text[COLUMNS] = {o->id, o->name_now, o->kind, o->parent, o->from_day, o->until_day, first.name, role,
		first.phone, first.email};
	for (int i = 0; i < columns && !error; i++)
		if (!arena_copy(arena, text[i], &c[i]))
			error = E_LIMIT;
	arena_release(&im.row);
	return error;
}

int
organisations_export(struct db *db, struct organisation_query *q, struct str today, bool people, struct arena *arena,
    struct table *ret)
{
	int columns = people ? COLUMNS : CONTACT_NAME;
	struct organisation_row *list;
	uint32_t count;
	int64_t total;
	q->limit = TABLE_ROWS_MAX;
	TRY(organisation_list(db, q, arena, &list, &count, &total));
	struct str *texts = arena_calloc(arena, (size_t)count * (size_t)columns + 1, sizeof *texts);
	if (!texts)
		return E_LIMIT;
	for (uint32_t i = 0; i < count; i++)
		TRY(export_row(db, &list[i], today, columns, arena, texts + (size_t)i * (size_t)columns));
	*ret = (struct table){column_name, texts, NULL, (uint32_t)columns, count};
	return total > count ? E_LIMIT : 0;
}
