/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/organisation_table.h"

#include "base/memory.h"
#include "register/internal.h"
#include "register/table_import.h"

enum column { ID, NAME, KIND, PARENT, FROM, UNTIL, CONTACT_NAME, CONTACT_ROLE, CONTACT_PHONE, CONTACT_EMAIL, COLUMNS };

static const struct str column_name[COLUMNS] = {STR_INIT("id"), STR_INIT("name"), STR_INIT("kind"), STR_INIT("parent"),
	STR_INIT("from_day"), STR_INIT("until_day"), STR_INIT("contact_name"), STR_INIT("contact_role"),
	STR_INIT("contact_phone"), STR_INIT("contact_email")};

/* Callbacks are given the first member. */
struct import {
	struct table_import in;
	const struct organisation_import *wish;
	bool *moves; /* by row */
	bool moved;
};

/* --- a row --- */

static int
change_row(struct import *im, uint32_t row, const struct organisation_row *o)
{
	struct table_import *in = &im->in;
	struct register_fault f = {0};
	struct organisation_edit e = {.set_kind = true, .set_from = true, .set_until = true,
	    .kind = import_wanted(in, row, KIND, o->kind), .from_day = import_day(in, row, FROM, o->from_day),
	    .until_day = import_day(in, row, UNTIL, o->until_day), .name = import_wanted(in, row, NAME, o->name_now)};
	e.set_name = !str_eq(e.name, o->name_now);
	if (!e.set_name && str_eq(e.kind, o->kind) && str_eq(e.from_day, o->from_day) && str_eq(e.until_day, o->until_day))
		return 0;
	in->changed[row] = true;
	int error = organisation_change(in->db, o->id, 0, &e, im->wish->today, im->wish->now_ms, &f);
	return import_told(in, row, error, &f);
}

static int
add_row(struct import *im, uint32_t row, struct str id)
{
	struct table_import *in = &im->in;
	const struct str none = {0};
	struct register_fault f = {0};
	const struct organisation_edit e = {.name = import_cell(in, row, NAME), .kind = import_cell(in, row, KIND),
	    .from_day = import_day(in, row, FROM, none), .until_day = import_day(in, row, UNTIL, none)};
	in->added[row] = true;
	return import_told(in, row, organisation_insert(in->db, id, &e, im->wish->now_ms, &f), &f);
}

static int
take_row(struct table_import *in, uint32_t row)
{
	struct import *im = (struct import *)in;
	struct organisation_row o = {0};
	struct str id;
	if (!import_id(in, row, &id))
		return 0;
	int error = organisation_get(in->db, id, im->wish->today, &in->row, &o);
	if (error == E_NOT_FOUND)
		return add_row(im, row, id);
	if (!error && !organisation_reaches(in->db, im->wish->scope, id)) {
		import_fault(in, row, column_name[ID], "register_not_yours", id);
		return 0;
	}
	return error ? error : change_row(im, row, &o);
}

/* --- parents, once all are there --- */

static int
take_parent(struct table_import *in, uint32_t row)
{
	struct import *im = (struct import *)in;
	struct organisation_row o, up;
	struct register_fault f = {0};
	struct str id = import_cell(in, row, ID), parent = import_cell(in, row, PARENT);
	TRY(organisation_get(in->db, id, im->wish->today, &in->row, &o));
	if (str_eq(parent, o.parent))
		return 0;
	int error = parent.n ? organisation_get(in->db, parent, im->wish->today, &in->row, &up) : 0;
	if (error == E_NOT_FOUND)
		import_fault(in, row, column_name[PARENT], "register_parent", parent);
	if (error)
		return error == E_NOT_FOUND ? 0 : error;
	if (parent.n)
		TRY(import_told(in, row, organisation_kind_fits(in->db, o.kind, up.kind, &f), &f));
	in->changed[row] = im->moves[row] = true;
	im->moved = true;
	return parent.n ? db_run(in->db, Q_ORGANISATION_PARENT_SET, "ss", id, parent)
	                : db_run(in->db, Q_ORGANISATION_PARENT_CLEAR, "s", id);
}

static uint32_t
row_of(const struct table_import *in, struct str id)
{
	uint32_t row = 0;
	while (row < in->t->rows && !str_eq(import_cell(in, row, ID), id))
		row++;
	return row;
}

/* Nobody is below himself, and who reaches only a part puts nothing beside or above it. */
static int
check_tree(struct import *im)
{
	struct table_import *in = &im->in;
	char ring[65];
	bool any = im->moved;
	for (uint32_t row = 0; row < in->t->rows; row++)
		any |= in->added[row];
	if (!any)
		return 0;
	TRY(registry_reach_rebuild(in->db));
	TRY(organisation_find_ring(in->db, ring));
	if (ring[0]) {
		uint32_t row = row_of(in, str_z(ring));
		table_report_fault(in->report, in->arena, row < in->t->rows ? in->t->number[row] : 0, column_name[PARENT],
		    "register_ring", str_z(ring));
	}
	for (uint32_t row = 0; row < in->t->rows && im->wish->scope.n; row++) {
		struct str parent = import_cell(in, row, PARENT);
		if ((in->added[row] || im->moves[row]) &&
		    (!parent.n || !organisation_reaches(in->db, im->wish->scope, parent)))
			import_fault(in, row, column_name[PARENT], "register_not_yours", parent);
	}
	return 0;
}

/* --- people --- */

static int
columns_contact(struct db *db, struct str id, struct arena *arena, struct contact *ret)
{
	struct db_rows *rows;
	struct str *text[] = {&ret->name, &ret->phone, &ret->email};
	TRY(db_query(db, &rows, Q_ORGANISATION_CONTACT, "s", id));
	int more = db_next(rows);
	for (size_t i = 0; more > 0 && i < COUNT(text); i++)
		if (!arena_copy(arena, db_text(rows, (int)i), text[i]))
			more = E_LIMIT;
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
write_person(struct import *im, uint32_t row, struct contact_row *p)
{
	struct table_import *in = &im->in;
	struct register_fault f = {0};
	char column[40];
	p->confirmed_day = im->wish->today;
	int error = p->id ? contact_change(in->db, p, im->wish->now_ms, &f) : contact_add(in->db, p, im->wish->now_ms, &f);
	in->changed[row] = true;
	if (f.what) {
		snprintf(column, sizeof column, "contact_%s", f.field);
		f.field = column;
	}
	return import_told(in, row, error, &f);
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
take_person(struct table_import *in, uint32_t row)
{
	struct import *im = (struct import *)in;
	struct contact_row *list, fresh = {.organisation = import_cell(in, row, ID), .rank = 1}, *p;
	struct contact now = {0};
	uint32_t count;
	struct str name = import_cell(in, row, CONTACT_NAME);
	if (!name.n)
		return 0;
	TRY(contact_list(in->db, fresh.organisation, im->wish->today, &in->row, &list, &count));
	TRY(columns_contact(in->db, fresh.organisation, &in->row, &now));
	p = find_person(im, list, count, name);
	if (!p && str_eq(now.name, name)) /* the one of a file; he becomes one of its people only when something is new */
		fresh.phone = now.phone, fresh.email = now.email;
	struct contact_row was = p ? *p : fresh;
	if (!p)
		p = &fresh;
	p->name = name;
	p->role = import_wanted(in, row, CONTACT_ROLE, p->role);
	p->phone = import_wanted(in, row, CONTACT_PHONE, p->phone);
	p->email = import_wanted(in, row, CONTACT_EMAIL, p->email);
	bool known = p->id || str_eq(now.name, name);
	if (known && str_eq(was.role, p->role) && str_eq(was.phone, p->phone) && str_eq(was.email, p->email))
		return 0;
	return write_person(im, row, p);
}

/* --- whole --- */

static int
take_all(struct import *im)
{
	struct table_import *in = &im->in;
	TRY(import_each(in, take_row));
	if (in->report->faults)
		return 0;
	if (import_has(in, PARENT))
		TRY(import_each(in, take_parent));
	if (in->report->faults)
		return 0;
	TRY(check_tree(im));
	return in->report->faults || !import_has(in, CONTACT_NAME) ? 0 : import_each(in, take_person);
}

int
organisations_import(struct db *db, const struct table *t, const struct organisation_import *w, struct arena *arena,
    struct table_report *report)
{
	struct import im = {.wish = w};
	int error = table_import_begin(&im.in, db, t, column_name, COLUMNS, arena, report);
	if (!error && t->rows > ORGANISATIONS_TABLE_ROWS) {
		table_report_fault(report, arena, 0, STR(""), "organisation_rows", STR(""));
		error = E_INVALID;
	}
	im.moves = mem_calloc(t->rows + 1, sizeof *im.moves);
	if (!error)
		error = take_all(&im);
	mem_free(im.moves);
	return table_import_end(&im.in, error == E_INVALID ? 0 : t->rows, error); /* the columns were wrong, or too many rows */
}

/* --- taking away --- */

static int
export_row(struct db *db, const struct organisation_row *o, struct str today, int columns, struct arena *arena, struct str *c)
{
	struct arena row;
	struct contact_row *people;
	struct contact first = {0};
	struct str role = {0};
	uint32_t count;
	arena_init(&row, 16 << 10, 4 << 20);
	int error = contact_list(db, o->id, today, &row, &people, &count);
	if (!error)
		error = columns_contact(db, o->id, &row, &first);
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
	arena_release(&row);
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
