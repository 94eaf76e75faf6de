/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/organisation.h"

#include "database.h"
#include "tap.h"

#define TODAY STR("2026-07-15")

static struct arena arena;

static struct db *
open_new(void)
{
	struct db *db = NULL;
	arena_release(&arena);
	arena_init(&arena, 64 << 10, 16 << 20);
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	return db;
}

static int
add(struct db *db, const char *id, const char *parent, struct register_fault *f)
{
	const struct organisation_edit e = {.name = STR("O"), .kind = STR("department"), .parent = str_z(parent)};
	*f = (struct register_fault){0};
	return organisation_add(db, str_z(id), &e, TODAY, 1, f);
}

static int
below(struct db *db, const char *id, const char *parent, struct register_fault *f)
{
	const struct organisation_edit e = {.set_parent = true, .parent = str_z(parent)};
	*f = (struct register_fault){0};
	return organisation_change(db, str_z(id), 0, &e, TODAY, 1, f);
}

TEST(nobody_stands_below_himself)
{
	struct db *db = open_new();
	struct register_fault f;
	CHECK_INT(add(db, "a", "", &f), 0);
	CHECK_INT(add(db, "b", "a", &f), 0);
	CHECK_INT(add(db, "c", "b", &f), 0);
	static const char *const refused[][2] = {{"a", "a"}, {"a", "b"}, {"a", "c"}, {"b", "c"}};
	for (size_t i = 0; i < COUNT(refused); i++) {
		CHECK_INT(below(db, refused[i][0], refused[i][1], &f), E_INVALID);
		CHECK_STR(str_z(f.what), STR("register_ring"));
	}
	CHECK_INT(below(db, "c", "a", &f), 0);
	CHECK_INT(below(db, "b", "c", &f), 0); /* now it is none */
	CHECK(organisation_reaches(db, STR("a"), STR("b")) && !organisation_reaches(db, STR("b"), STR("c")));
	CHECK_INT(below(db, "b", "nobody", &f), E_INVALID);
	CHECK_INT(add(db, "a", "", &f), E_EXISTS);
	db_close(db);
}

TEST(days)
{
	static const struct {
		struct str from, until, day;
		const char *state;
	} row[] = {
	    {STR_INIT(""), STR_INIT(""), STR_INIT("2026-07-01"), "active"},
	    {STR_INIT("2026-07-01"), STR_INIT("2026-07-01"), STR_INIT("2026-07-01"), "active"},
	    {STR_INIT("2026-07-02"), STR_INIT(""), STR_INIT("2026-07-01"), "planned"},
	    {STR_INIT(""), STR_INIT("2026-06-30"), STR_INIT("2026-07-01"), "closed"},
	};
	char before[REGISTRY_DAY];
	for (size_t i = 0; i < COUNT(row); i++)
		CHECK_STR(str_z(organisation_state(row[i].from, row[i].until, row[i].day)), str_z(row[i].state));
	CHECK_STR(register_day_before(STR("2026-03-01"), before), STR("2026-02-28"));
	CHECK_STR(register_day_before(STR("2024-03-01"), before), STR("2024-02-29"));
	CHECK_STR(register_day_before(STR("2026-01-01"), before), STR("2025-12-31"));
	CHECK_STR(register_day_before(STR("soon"), before), STR(""));
	CHECK(register_day_ok(STR("")) && register_day_ok(STR("2024-02-29")) && !register_day_ok(STR("2026-02-29")) &&
	    !register_day_ok(STR("2026-2-1")) && !register_day_ok(STR("2026-07-01 ")));
}

static struct str
name_on(struct db *db, const char *day)
{
	struct organisation_row o = {0};
	CHECK_INT(organisation_get(db, STR("a"), str_z(day), &arena, &o), 0);
	return o.name;
}

TEST(names_in_time)
{
	struct db *db = open_new();
	struct register_fault f = {0};
	struct organisation_edit e = {.set_name = true, .name = STR("Second"), .name_from = STR("2020-01-01")};
	CHECK_INT(add(db, "a", "", &f), 0);
	CHECK_INT(organisation_change(db, STR("a"), 0, &e, TODAY, 1, &f), 0);
	e.name = STR("Third");
	e.name_from = STR("2026-08-01"); /* to come */
	CHECK_INT(organisation_change(db, STR("a"), 0, &e, TODAY, 1, &f), 0);
	CHECK_STR(name_on(db, "2019-12-31"), STR("O"));
	CHECK_STR(name_on(db, "2020-01-01"), STR("Second"));
	CHECK_STR(name_on(db, "2026-08-01"), STR("Third"));
	e.name_from = STR("2026-08-01");
	CHECK_INT(organisation_change(db, STR("a"), 0, &e, TODAY, 1, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("register_name_day"));
	e.name = STR("Second, written rightly");
	e.name_from = STR("");
	CHECK_INT(organisation_change(db, STR("a"), 0, &e, TODAY, 1, &f), 0);
	CHECK_STR(name_on(db, "2021-01-01"), STR("Second, written rightly"));
	CHECK_STR(name_on(db, "2019-12-31"), STR("O"));
	struct registry *r = NULL;
	CHECK_INT(organisation_turn(db, STR("2026-08-01")), 0);
	CHECK_INT(registry_load_at(db, STR("2026-08-01"), &r), 0);
	CHECK_STR(registry_organisation(r, STR("a"))->name, STR("Third"));
	registry_free(r);
	db_close(db);
}

static struct str
to_call(struct db *db, const char *organisation, const char *day)
{
	struct registry *r = NULL;
	struct str kept = {0};
	CHECK_INT(registry_load_at(db, str_z(day), &r), 0);
	CHECK(arena_copy(&arena, registry_organisation(r, str_z(organisation))->contact.name, &kept));
	registry_free(r);
	return kept;
}

TEST(whom_to_call_on_a_day)
{
	struct db *db = open_new();
	struct register_fault f = {0};
	uint32_t rows;
	CHECK_INT(registry_import(db, NULL, STR("organisations:\n"
		"- {id: up, name: Up, kind: province, contact: {name: Column}}\n"
		"- {id: mid, name: Mid, kind: department, parent: up}\n"
		"- {id: low, name: Low, kind: ward, parent: mid, contacts: [\n"
		"   {name: First, from_day: 2026-01-01, until_day: 2026-06-30}, {name: Second, from_day: 2026-03-01}]}\n"),
	    STR("p.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_STR(to_call(db, "low", "2025-12-31"), STR("Column")); /* two above */
	CHECK_STR(to_call(db, "low", "2026-01-01"), STR("First"));
	CHECK_STR(to_call(db, "low", "2026-03-01"), STR("First")); /* the lower rank */
	CHECK_STR(to_call(db, "low", "2026-07-01"), STR("Second"));
	struct contact_row c = {.organisation = STR("mid"), .name = STR("Middle"), .rank = 1, .confirmed_day = TODAY};
	CHECK_INT(contact_add(db, &c, 1, &f), 0);
	CHECK_STR(to_call(db, "low", "2025-12-31"), STR("Middle"));
	c.version = 1;
	c.until_day = STR("2026-12-31");
	CHECK_INT(contact_change(db, &c, 1, &f), 0);
	CHECK_INT(contact_change(db, &c, 1, &f), E_CONFLICT);
	c.organisation = STR("low"); /* not his */
	c.version = 0;
	CHECK_INT(contact_change(db, &c, 1, &f), E_CONFLICT);
	c.email = STR("no address");
	CHECK_INT(contact_change(db, &c, 1, &f), E_INVALID);
	CHECK_STR(str_z(f.field), STR("email"));
	db_close(db);
}

struct told {
	int count;
	struct fault last;
};

static void
keep(void *user, const struct fault *f)
{
	struct told *t = user;
	t->count++;
	t->last = *f;
}

TEST(files_with_rings_and_strangers_are_refused_whole)
{
	static const struct {
		const char *text, *what;
	} row[] = {
	    {"organisations:\n- {id: a, name: A, kind: ward, parent: b}\n- {id: b, name: B, kind: ward, parent: a}\n", "register_ring"},
	    {"organisations:\n- {id: a, name: A, kind: ward, parent: a}\n", "register_ring"},
	    {"organisations:\n- {id: a, name: A, kind: ward, parent: z}\n", "register_parent"},
	    {"organisations:\n- {id: a, name: A, kind: castle}\n", "register_kind"},
	    {"organisations:\n- {id: a, name: A, kind: ward, from_day: 2026-02-30}\n", "register_day"},
	    {"organisations:\n- {id: a, name: A, kind: ward, contacts: [{name: X, email: y}]}\n", "register_mail"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct db *db = open_new();
		struct told told = {0};
		struct organisation_row o;
		uint32_t rows;
		CHECK(registry_import(db, NULL, str_z(row[i].text), STR("p.yaml"), false, 1, keep, &told, &rows) < 0);
		CHECK_INT(told.count, 1);
		CHECK_STR(str_z(told.last.what), str_z(row[i].what));
		CHECK_INT(organisation_get(db, STR("a"), TODAY, &arena, &o), E_NOT_FOUND);
		db_close(db);
	}
}

TEST(kinds_are_data)
{
	static const struct {
		const char *text, *what;
	} row[] = {
	    {"kinds:\n  Big One: {vi: A, en: B}\n", "kind_id"},
	    {"kinds:\n  a: {vi: A}\n", "kind_name"},
	    {"kinds:\n  a: {vi: A, en: B, under: [b]}\n", "kind_under"},
	    {"kinds:\n  a: {vi: A, en: B, colour: red}\n", "register_key"},
	};
	struct db *db = open_new();
	struct register_fault f = {0};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct told told = {0};
		CHECK_INT(kinds_import(db, str_z(row[i].text), STR("k.yaml"), keep, &told), E_INVALID);
		CHECK_INT(told.count, 1);
		CHECK_STR(str_z(told.last.what), str_z(row[i].what));
		CHECK_INT(told.last.line, 2);
	}
	CHECK_INT(add(db, "old", "", &f), 0);
	CHECK_INT(kinds_import(db, STR("kinds:\n  top: {vi: A, en: B}\n  leaf: {vi: C, en: D, under: [top]}\n"), STR("k.yaml"), NULL, NULL), 0);
	struct organisation_kind *kind;
	uint32_t count;
	CHECK_INT(kinds_list(db, &arena, &kind, &count), 0);
	CHECK_INT(count, 3); /* the one in use stays */
	struct organisation_edit e = {.name = STR("T"), .kind = STR("top")};
	CHECK_INT(organisation_add(db, STR("t"), &e, TODAY, 1, &f), 0);
	e = (struct organisation_edit){.name = STR("L"), .kind = STR("leaf"), .parent = STR("old")};
	CHECK_INT(organisation_add(db, STR("l"), &e, TODAY, 1, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("register_parent_kind"));
	e.parent = STR("t");
	CHECK_INT(organisation_add(db, STR("l"), &e, TODAY, 1, &f), 0);
	db_close(db);
}
