/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/organisation_table.h"

#include "base/lang.h"
#include "database.h"
#include "tap.h"

#define TODAY STR("2026-07-15")

static struct arena arena;

static void
fresh(void)
{
	arena_release(&arena);
	arena_init(&arena, 64 << 10, 64 << 20);
}

TEST(csv_as_people_save_it)
{
	static const struct {
		const char *text;
		const char *cell[2]; /* of the first row */
		uint32_t rows, number;
	} row[] = {
	    {"a,b\n1,2\n", {"1", "2"}, 1, 2},
	    {"\xef\xbb\xbf" "A;B\r\n1;2,5\r\n", {"1", "2,5"}, 1, 2},
	    {"a\tb\n1\t\"2\n3\"\n\n4\t5", {"1", "2\n3"}, 2, 2},
	    {"sep=;\na;b\n1;2\n", {"1", "2"}, 1, 3},
	    {"\n\na,b\n , \n\"say \"\"x\"\"\" , y \n", {"say \"x\"", "y"}, 1, 5},
	    {"a,b\n\"'=1+1\",'-2\n", {"=1+1", "-2"}, 1, 2},
	    {"a,b\n'abc,'\n", {"'abc", "'"}, 1, 2},
	    {"a,b\n1\n", {"1", ""}, 1, 2},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct table t = {0};
		struct table_fault f = {0};
		fresh();
		CHECK_INT(table_read(str_z(row[i].text), &arena, &t, &f), 0);
		CHECK_INT(t.rows, row[i].rows);
		CHECK_INT(t.columns, 2);
		CHECK_INT(t.number[0], row[i].number);
		CHECK_STR(table_cell(&t, 0, table_column(&t, STR("a"))), str_z(row[i].cell[0]));
		CHECK_STR(table_cell(&t, 0, table_column(&t, STR("b"))), str_z(row[i].cell[1]));
		CHECK_INT(table_column(&t, STR("c")), -1);
		CHECK_STR(table_cell(&t, 0, -1), STR(""));
	}
}

TEST(what_is_no_table_is_refused_with_its_place)
{
	static const struct {
		const char *text, *what;
		uint32_t row;
	} row[] = {
	    {"", "table_empty", 0},
	    {"\n , \n", "table_empty", 0},
	    {"a,b\n\"1,2\n", "table_quote", 2},
	    {"a,b\n\"1\"x,2\n", "table_quote", 2},
	    {"a,A\n", "table_twice", 1},
	    {"a,b\n1,2,3\n", "table_unnamed", 2},
	    {"a,b\n1,\xff\n", "table_utf8", 2},
	    {"a,b\n1,\x01\n", "table_utf8", 2},
	    {"\xff\xfe" "a", "table_format", 0},
	    {"PK\x03\x04 and no more", "table_xlsx", 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct table t;
		struct table_fault f = {0};
		struct buf key = BUF_INIT;
		fresh();
		CHECK_INT(table_read(str_z(row[i].text), &arena, &t, &f), E_INVALID);
		CHECK_STR(str_z(f.what), str_z(row[i].what));
		CHECK_INT(f.row, row[i].row);
		buf_addf(&key, "fault.%s", f.what);
		CHECK(!str_eq(lang_text(LANG_VI, buf_str(&key)), buf_str(&key)));
		buf_release(&key);
	}
}

TEST(too_much)
{
	struct buf text = BUF_INIT;
	struct table t;
	struct table_fault f = {0};
	fresh();
	buf_add(&text, STR("a\n"));
	for (uint32_t i = 0; i <= TABLE_ROWS_MAX; i++)
		buf_add(&text, STR("x\n"));
	CHECK_INT(table_read(buf_str(&text), &arena, &t, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("table_big"));
	buf_clear(&text);
	for (uint32_t i = 0; i <= TABLE_COLUMNS_MAX; i++)
		buf_addf(&text, "c%u,", i);
	CHECK_INT(table_read(buf_str(&text), &arena, &t, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("table_columns"));
	buf_clear(&text);
	buf_add(&text, STR("a\n"));
	for (uint32_t i = 0; i <= TABLE_CELL_MAX; i++)
		buf_add_char(&text, 'x');
	CHECK_INT(table_read(buf_str(&text), &arena, &t, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("table_cell"));
	CHECK_STR(f.column, STR("A"));
	buf_release(&text);
}

/* What a spreadsheet could take for a formula, and what looks like our own mark. */
static const struct str tricky[] = {STR_INIT("name"), STR_INIT("b"), STR_INIT("=1+1"), STR_INIT("+84 900"), STR_INIT("-1"),
	STR_INIT("@x"), STR_INIT("'=1"), STR_INIT("''"), STR_INIT("a\"b,c;d"), STR_INIT("hai\ndong"),
	STR_INIT("\xc4\x90\xe1\xba\xaf" "k L\xe1\xba\xaf" "k"), STR_INIT("")};

static void
check_tricky(struct str bytes)
{
	struct table t = {0};
	struct table_fault f = {0};
	CHECK_INT(table_read(bytes, &arena, &t, &f), 0);
	CHECK_INT(t.rows, 5);
	for (uint32_t i = 0; i < 10; i++)
		CHECK_STR(t.cell[i], tricky[i + 2]);
}

TEST(what_goes_out_comes_back_and_is_no_formula)
{
	const struct table t = {.column = tricky, .cell = tricky + 2, .columns = 2, .rows = 5};
	struct buf csv = BUF_INIT, xlsx = BUF_INIT, message = BUF_INIT;
	struct table back;
	struct table_fault f = {0};
	fresh();
	table_write_csv(&t, &csv);
	static const char *const armed[] = {",=", ",+", ",-", ",@", "\n=", "\"=", "\"+", "\"-", "\"@"};
	for (size_t i = 0; i < COUNT(armed); i++)
		CHECK(str_find(buf_str(&csv), str_z(armed[i])) < 0);
	check_tricky(buf_str(&csv));
	CHECK_INT(table_write_xlsx(&t, STR("register"), str_z(tap_folder()), &xlsx), 0);
	CHECK(str_find(buf_str(&xlsx), STR("<f>")) < 0);
	check_tricky(buf_str(&xlsx));
	CHECK_INT(table_read(buf_str(&csv), &arena, &back, &f), 0);
	table_put(&message, &back, &f);
	struct table taken = {0};
	CHECK_INT(table_take(buf_str(&message), &arena, &taken, &f), 0);
	CHECK_INT(taken.rows, 5);
	CHECK_STR(taken.cell[9], STR(""));
	for (size_t n = 0; n < message.n; n++)
		CHECK(table_take(str_cut(buf_str(&message), 0, n), &arena, &taken, &f) < 0);
	buf_release(&csv);
	buf_release(&xlsx);
	buf_release(&message);
}

TEST(days_as_people_write_them)
{
	static const struct {
		struct str cell, day;
	} row[] = {
	    {STR_INIT("2026-07-01"), STR_INIT("2026-07-01")},
	    {STR_INIT("01/07/2026"), STR_INIT("2026-07-01")},
	    {STR_INIT("1/7/2026"), STR_INIT("2026-07-01")},
	    {STR_INIT("46204"), STR_INIT("2026-07-01")},
	    {STR_INIT(""), STR_INIT("")},
	    {STR_INIT("soon"), STR_INIT("soon")},
	    {STR_INIT("1/7/26"), STR_INIT("1/7/26")},
	};
	fresh();
	for (size_t i = 0; i < COUNT(row); i++)
		CHECK_STR(table_day(row[i].cell, &arena), row[i].day);
}

/* --- organisations --- */

static int
bring(struct db *db, const char *text, const char *scope, struct table_report *report)
{
	const struct organisation_import w = {str_z(scope), TODAY, 1};
	struct table t;
	struct table_fault f = {0};
	*report = (struct table_report){0};
	TRY(table_read(str_z(text), &arena, &t, &f));
	TRY(db_begin(db));
	int error = organisations_import(db, &t, &w, &arena, report);
	if (error)
		db_rollback(db);
	else
		error = db_commit(db);
	return error;
}

static struct db *
open_new(void)
{
	struct db *db = NULL;
	fresh();
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	return db;
}

TEST(as_many_organisations_as_come_in_one_go)
{
	struct db *db = open_new();
	struct buf text = BUF_INIT;
	struct table_report report;
	buf_add(&text, STR("id,name,kind\n"));
	for (uint32_t i = 0; i < ORGANISATIONS_TABLE_ROWS; i++)
		buf_addf(&text, "xa-%u,Xa %u,commune\n", i, i);
	CHECK_INT(bring(db, text.p, "", &report), 0);
	CHECK_INT(report.added, ORGANISATIONS_TABLE_ROWS);
	buf_add(&text, STR("one-more,One more,commune\n"));
	CHECK_INT(bring(db, text.p, "", &report), E_INVALID);
	CHECK_INT(report.added + report.changed + report.unchanged, 0);
	CHECK_STR(str_z(report.fault[0].what), STR("organisation_rows"));
	buf_release(&text);
	db_close(db);
}

TEST(organisations_come_and_go_as_a_table)
{
	static const char list[] = "id,name,kind,parent,from_day,contact_name,contact_phone\n"
	    "xa-a,Xa A,commune,tinh,01/07/2025,Lan,0900\n"
	    "tinh,Tinh,province,,,,\n"; /* the parent stands behind */
	struct db *db = open_new();
	struct table_report r;
	struct organisation_row o;
	struct buf csv = BUF_INIT;
	struct table t;
	CHECK_INT(bring(db, list, "", &r), 0);
	CHECK_INT(r.added, 2);
	CHECK_INT(bring(db, list, "", &r), 0);
	CHECK_INT(r.unchanged, 2);
	CHECK_INT(organisation_get(db, STR("xa-a"), TODAY, &arena, &o), 0);
	CHECK_STR(o.parent, STR("tinh"));
	CHECK_STR(o.from_day, STR("2025-07-01"));
	struct organisation_query q = {.day = TODAY, .state = STR("any")};
	CHECK_INT(organisations_export(db, &q, TODAY, true, &arena, &t), 0);
	table_write_csv(&t, &csv);
	CHECK_INT(bring(db, csv.p, "", &r), 0);
	CHECK_INT(r.unchanged, 2); /* what was taken away changes nothing when it comes back */
	CHECK_INT(bring(db, "id,name,contact_name,contact_phone\nxa-a,Xa Moi,Lan,0911\n", "", &r), 0);
	CHECK_INT(r.changed, 1);
	CHECK_INT(organisation_get(db, STR("xa-a"), TODAY, &arena, &o), 0);
	CHECK_STR(o.name, STR("Xa Moi"));
	CHECK_STR(o.parent, STR("tinh")); /* no such column */
	buf_release(&csv);
	db_close(db);
}

TEST(every_fault_has_row_and_column_and_nothing_is_kept)
{
	static const struct {
		const char *text, *scope, *what, *column;
		uint32_t row;
	} row[] = {
	    {"name\nx\n", "", "register_missing", "id", 1},
	    {"id,colour\nx,red\n", "", "register_column", "colour", 1},
	    {"id,name,kind\nX Y,n,ward\n", "", "register_id", "id", 2},
	    {"id,name,kind\nb,n,ward\n\nb,n,ward\n", "", "register_row_twice", "id", 4},
	    {"id,name,kind\nb,n,castle\n", "", "register_kind", "kind", 2},
	    {"id,name,kind\nb,,ward\n", "", "register_bad_name", "name", 2},
	    {"id,name,kind,parent\nb,n,ward,z\n", "", "register_parent", "parent", 2},
	    {"id,parent\na,a2\na2,a\n", "", "register_ring", "parent", 2},
	    {"id,until_day\na,31/02/2026\n", "", "register_day", "until_day", 2},
	    {"id,contact_name,contact_email\na,Lan,x\n", "", "register_mail", "contact_email", 2},
	    {"id,name\na,new\n", "a2", "register_not_yours", "id", 2},
	    {"id,name,kind\nb,n,ward\n", "a2", "register_not_yours", "parent", 2},
	    {"id,parent\na2,a\n", "a2", "register_not_yours", "parent", 2},
	};
	struct db *db = open_new();
	struct table_report r;
	struct organisation_row o;
	CHECK_INT(bring(db, "id,name,kind\na,A,ward\na2,A2,ward\n", "", &r), 0);
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK_INT(bring(db, row[i].text, row[i].scope, &r), E_INVALID);
		CHECK_INT(r.faults, 1);
		CHECK_STR(str_z(r.fault[0].what), str_z(row[i].what));
		CHECK_STR(r.fault[0].column, str_z(row[i].column));
		CHECK_INT(r.fault[0].row, row[i].row);
		CHECK_INT(organisation_get(db, STR("b"), TODAY, &arena, &o), E_NOT_FOUND);
	}
	db_close(db);
}
