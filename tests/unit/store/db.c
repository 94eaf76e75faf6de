/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/db_private.h"

#include "database.h"
#include "tap.h"

static struct db *
open_new(void)
{
	struct db *db = NULL;
	struct fault f = {0};
	int error = db_open(test_database(tap_folder()), &db, &f);
	CHECK_INT(error, 0);
	return db;
}

/* With the types it is called with, where the source says them in one place: PostgreSQL chooses operators by them. */
TEST(every_query_fits_the_schema)
{
	static const struct {
		enum query q;
		const char *types;
	} row[] = {
#define T(q, types) {q, types},
#include "query_types.inc"
#undef T
	};
	struct db *db = open_new();
	bool typed[Q_COUNT] = {false};
	struct fault f = {0};
	CHECK(COUNT(row) > 100);
	for (size_t i = 0; i < COUNT(row); i++) {
		typed[row[i].q] = true;
		(void)!db_check_query(db, row[i].q, row[i].types, &f);
		CHECK_STR(str_z(f.arg), STR(""));
		f.arg[0] = 0;
	}
	for (size_t q = 0; q < Q_COUNT; q++) {
		if (!typed[q])
			(void)!db_check_query(db, (enum query)q, NULL, &f);
		CHECK_STR(str_z(f.arg), STR(""));
		f.arg[0] = 0;
	}
	db_close(db);
}

TEST(a_value_written_is_read_after_reopening)
{
	struct str folder = test_database(tap_folder());
	struct db *db = NULL;
	struct db_rows *rows;
	CHECK_INT(db_open(folder, &db, NULL), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("province"), STR("T\xe1\xbb\x89nh M\xe1\xba\xabu")), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("province"), STR("B")), 0);
	db_close(db);
	CHECK_INT(db_open(folder, &db, NULL), 0);
	CHECK_INT(db_query(db, &rows, Q_SETTING_GET, "s", STR("province")), 0);
	CHECK_INT(db_next(rows), 1);
	CHECK_STR(db_text(rows, 0), STR("B"));
	CHECK_INT(db_next(rows), 0);
	db_end(rows);
	db_close(db);
}

TEST(a_rolled_back_change_is_gone_and_broken_rules_are_told)
{
	struct db *db = open_new();
	struct db_rows *rows;
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("a"), STR("1")), 0);
	db_rollback(db);
	CHECK_INT(db_query(db, &rows, Q_SETTING_GET, "s", STR("a")), 0);
	CHECK_INT(db_next(rows), 0);
	db_end(rows);
	/* a system whose organisation nobody knows */
	CHECK_INT(db_run(db, Q_SYSTEM_PUT, "ssssisssii", STR("s"), STR("nobody"), STR("S"), STR("s"), (int64_t)2, STR(""),
	    STR(""), STR(""), (int64_t)0, (int64_t)0), E_CONFLICT);
	db_close(db);
}

static bool
has(struct db *db, struct str name)
{
	struct db_rows *rows;
	CHECK_INT(db_query(db, &rows, Q_SETTING_GET, "s", name), 0);
	bool found = db_next(rows) == 1;
	db_end(rows);
	return found;
}

TEST(an_inner_change_is_undone_alone_and_falls_with_the_outer)
{
	struct db *db = open_new();
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("a"), STR("1")), 0);
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("b"), STR("1")), 0);
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("c"), STR("1")), 0);
	CHECK_INT(db_commit(db), 0);
	db_rollback(db);
	CHECK(has(db, STR("a")) && !has(db, STR("b")) && !has(db, STR("c")));
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("d"), STR("1")), 0);
	CHECK_INT(db_commit(db), 0);
	CHECK_INT(db_commit(db), 0);
	CHECK(has(db, STR("a")) && !has(db, STR("b")) && has(db, STR("d")));
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("e"), STR("1")), 0);
	CHECK_INT(db_commit(db), 0);
	db_rollback(db);
	db_rollback(db); /* of nothing: no harm */
	CHECK(!has(db, STR("e")));
	db_close(db);
}

TEST(a_transaction_ends_as_its_work_says)
{
	struct db *db = open_new();
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_end_transaction(db, db_run(db, Q_SETTING_SET, "ss", STR("a"), STR("1"))), 0);
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("b"), STR("1")), 0);
	CHECK_INT(db_end_transaction(db, E_LIMIT), E_LIMIT);
	CHECK(has(db, STR("a")) && !has(db, STR("b")));
	/* inside of another, which goes on */
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("c"), STR("1")), 0);
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("d"), STR("1")), 0);
	CHECK_INT(db_end_transaction(db, E_CONFLICT), E_CONFLICT);
	CHECK_INT(db_end_transaction(db, 0), 0);
	CHECK(has(db, STR("c")) && !has(db, STR("d")));
	db_close(db);
}

TEST(one_number_or_none)
{
	struct db *db = open_new();
	int64_t number = 7;
	CHECK_INT(db_number(db, &number, Q_PURPOSE_GET, "s", STR("nobody's")), 0);
	CHECK_INT(number, 7);
	CHECK_INT(db_number(db, &number, Q_PERSON_COUNT, ""), 0);
	CHECK_INT(number, 0);
	db_close(db);
}

TEST(a_missing_folder_and_a_missing_server_are_told)
{
	struct db *db = NULL;
	struct fault f = {0};
	CHECK_INT(db_open(STR("postgresql://nobody@/none?host=/nonexistent"), &db, &f), E_IO);
	CHECK_STR(str_z(f.what), STR("database_connect"));
	CHECK_INT(db_open(STR("/nonexistent/khien"), &db, &f), E_DENIED);
	CHECK_STR(str_z(f.what), STR("database_open"));
	CHECK(db == NULL);
}

TEST(vietnamese_folds_to_plain_letters)
{
	static const struct {
		struct str text, key;
	} row[] = {
		{STR_INIT("\xc4\x90\xe1\xba\xafk L\xe1\xba\xafk"), STR_INIT("dak lak")},
		{STR_INIT("Đa\xcc\x86\xcc\x81k La\xcc\x86\xcc\x81k"), STR_INIT("dak lak")}, /* NFD */
		{STR_INIT("Ủy ban nhân dân phường Tân Yên"), STR_INIT("uy ban nhan dan phuong tan yen")},
		{STR_INIT("Nguyễn Thị Thuỷ ƯỚC Ỹ"), STR_INIT("nguyen thi thuy uoc y")},
		{STR_INIT("a\xff\xe1\xbbZ"), STR_INIT("a\xff\xe1\xbbz")}, /* bytes that are no text stay */
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct buf out = BUF_INIT;
		db_fold(row[i].text, &out);
		CHECK_STR(buf_str(&out), row[i].key);
		buf_release(&out);
	}
}
