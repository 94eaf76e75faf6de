/* SPDX-License-Identifier: EUPL-1.2 */
/* Two engines, one answer: schema steps taken one by one or at once, cut off anywhere, and the same changes on both, compared
 * row by row. Alone it compares SQLite with itself; tests/postgres_unit.py gives it a server. */
#include "store/db_move.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/db_private.h"

#include "database.h"
#include "tap.h"

static struct db *
open_at(struct str where, int version)
{
	struct db *db = NULL;
	struct fault f = {0};
	CHECK_INT(db_open_at(where, version, &db, &f), 0);
	CHECK_STR(str_z(f.arg), STR(""));
	return db;
}

/* The tables, by name; db_ask() has no word for it that both engines know. */
static void
list_tables(struct db *db, struct buf *out)
{
	struct db_rows *rows;
	const char *sql = db_remote(db) ? "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() "
					  "ORDER BY table_name COLLATE \"C\""
					: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
	CHECK_INT(db_ask(db, &rows, sql, ""), 0);
	while (db_next(rows) > 0)
		buf_addf(out, "%.*s ", STR_ARG(db_text(rows, 0)));
	db_end(rows);
}

static void
dump_table(struct db *db, struct str table, struct buf *out)
{
	char sql[200];
	struct db_rows *rows;
	snprintf(sql, sizeof sql, "SELECT * FROM %.*s ORDER BY 1, 2", STR_ARG(table));
	if (str_eq(table, STR("setting")) || str_eq(table, STR("rule_count")))
		snprintf(sql, sizeof sql, "SELECT * FROM %.*s ORDER BY 1", STR_ARG(table));
	CHECK_INT(db_ask(db, &rows, sql, ""), 0);
	while (db_next(rows) > 0) {
		buf_add(out, table);
		for (int i = 0; i < db_columns(rows); i++)
			buf_addf(out, "|%c:%.*s", db_kind(rows, i), STR_ARG(db_text(rows, i)));
		buf_add_char(out, '\n');
	}
	db_end(rows);
}

/* Every table with its rows, as text. */
static void
dump(struct db *db, struct buf *out)
{
	struct buf tables = BUF_INIT;
	struct str name;
	list_tables(db, &tables);
	buf_add(out, buf_str(&tables));
	buf_add_char(out, '\n');
	for (struct str rest = buf_str(&tables); str_split(&rest, ' ', &name);)
		if (name.n)
			dump_table(db, name, out);
	buf_release(&tables);
}

static void
compare(struct db *a, struct db *b)
{
	struct buf text[2] = {BUF_INIT, BUF_INIT};
	dump(a, &text[0]);
	dump(b, &text[1]);
	CHECK(text[0].n > 200);
	if (!str_eq(buf_str(&text[0]), buf_str(&text[1]))) {
		size_t i = 0;
		while (text[0].p[i] == text[1].p[i])
			i++;
		i = i > 80 ? i - 80 : 0;
		CHECK_STR(str_cut(buf_str(&text[0]), i, i + 240), str_cut(buf_str(&text[1]), i, i + 240));
	} else {
		CHECK(true);
	}
	buf_release(&text[0]);
	buf_release(&text[1]);
}

TEST(steps_one_by_one_and_at_once_end_alike_on_both)
{
	struct str where = test_database(tap_folder());
	struct db *whole = open_at(STR(""), db_version());
	for (int i = 1; i <= db_version(); i++)
		db_close(open_at(where, i));
	struct db *stepped = open_at(where, db_version());
	compare(whole, stepped);
	db_close(whole);
	db_close(stepped);
}

/* --- a process that is killed while it takes the steps --- */

static void
open_and_end(struct str where, int upto)
{
	struct db *db;
	_exit(db_open_at(where, upto, &db, NULL) < 0 ? 1 : 0);
}

/* Microseconds that the way from `from` to `upto` takes when nobody disturbs it. */
static unsigned
time_of(int from, int upto)
{
	struct timespec a, b;
	struct str where = test_database(tap_folder());
	db_close(open_at(where, from));
	clock_gettime(CLOCK_MONOTONIC, &a);
	db_close(open_at(where, upto));
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (unsigned)((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
}

/* Killed somewhere between. What is left is whole steps, and goes on to what `whole` is. True: it was midway. */
static bool
kill_between(int from, int upto, unsigned within_us, struct db *whole)
{
	struct str where = test_database_remote() ? test_database("") : str_z(tap_folder());
	db_close(open_at(where, from));
	pid_t child = fork();
	if (!child)
		open_and_end(where, upto);
	usleep((useconds_t)rand() % (within_us + 1));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	struct db *db = NULL;
	CHECK_INT(db_open_read(where, &db, NULL), 0);
	struct db_rows *rows;
	CHECK_INT(db_ask(db, &rows, "SELECT count(*), coalesce(max(number), 0) FROM schema_version", ""), 0);
	CHECK_INT(db_next(rows), 1);
	CHECK_INT(db_i64(rows, 0), db_i64(rows, 1));
	CHECK(db_i64(rows, 1) >= from && db_i64(rows, 1) <= upto);
	bool midway = db_i64(rows, 1) < upto;
	db_end(rows);
	db_close(db);
	db = open_at(where, db_version());
	compare(whole, db);
	db_close(db);
	return midway;
}

TEST(a_killed_upgrade_leaves_whole_steps)
{
	struct db *whole = open_at(STR(""), db_version());
	srand(9);
	int midway = 0;
	for (int round = 0; round < 12; round++)
		midway += kill_between(round % db_version(), db_version(), 40000, whole);
	printf("# %d of 12 were cut off midway\n", midway);
	db_close(whole);
}

/* On demand: two hundred moments of each step (P8). */
TEST(a_step_killed_at_any_moment_is_taken_or_not)
{
	const char *told = getenv("KHIEN_KILLS");
	int64_t points = 0;
	if (!told || !str_to_i64(str_z(told), &points))
		SKIP("KHIEN_KILLS=200 tries so many moments of each step");
	struct db *whole = open_at(STR(""), db_version());
	srand(10);
	for (int from = 0; from < db_version(); from++) {
		unsigned within_us = time_of(from, from + 1);
		int midway = 0;
		for (int64_t i = 0; i < points; i++)
			midway += kill_between(from, from + 1, within_us, whole);
		printf("# step %d, %u us: %d of %lld were cut off before it was taken\n", from + 1, within_us, midway, (long long)points);
	}
	db_close(whole);
}

TEST(a_newer_schema_and_a_foreign_one_are_refused)
{
	struct str where = test_database(tap_folder());
	struct db *db = open_at(where, db_version());
	struct fault f = {0};
	char sql[120];
	snprintf(sql, sizeof sql, "INSERT INTO schema_version (number, digest) VALUES (%d, 'x')", db_version() + 1);
	CHECK_INT(db_script(db, sql), 0);
	db_close(db);
	CHECK_INT(db_open(where, &db, &f), E_UNSUPPORTED);
	CHECK_STR(str_z(f.what), STR("database_newer"));
	CHECK_INT(db_open_read(where, &db, NULL), 0);
	db_close(db);
	where = test_database(tap_folder());
	db = open_at(where, db_version());
	CHECK_INT(db_script(db, "UPDATE schema_version SET digest = 'edited' WHERE number = 2"), 0);
	db_close(db);
	CHECK_INT(db_open(where, &db, &f), E_CORRUPT);
	CHECK_STR(str_z(f.what), STR("database_steps"));
}

/* --- the same changes on both --- */

static struct str
any_text(unsigned seed)
{
	static const struct str texts[] = {STR_INIT(""), STR_INIT("a"), STR_INIT("A"), STR_INIT("\xc4\x90\xe1\xba\xafk"), STR_INIT("50%"), STR_INIT("a_b"),
		STR_INIT("back\\slash"), STR_INIT("it's \"so\""), {"nul\0byte", 8}, STR_INIT("\xff\xc3(bad"), STR_INIT("a\xe1\xbb"), STR_INIT("Zebra"), STR_INIT("\xc3\xa9" "clair")};
	return texts[seed % COUNT(texts)];
}

static int
change(struct db *db, unsigned what, unsigned seed)
{
	struct str a = any_text(seed), b = any_text(seed / 13);
	int64_t n = (int64_t)(seed % 7) - 3;
	switch (what) {
	case 0:
		return db_run(db, Q_SETTING_SET, "ss", a, b);
	case 1:
		return db_run(db, Q_SETTING_DELETE, "s", a);
	case 2:
		return db_run(db, Q_RULE_COUNT_PUT, "sii", a, n, INT64_C(5000000000) + n);
	case 3:
		return db_run(db, Q_SYSTEM_PLACE_PUT, "sss", a, STR("host"), b); /* no such system */
	case 4:
		return db_run(db, Q_FIELD_SEEN_PUT, "si", a, n * (INT64_C(1) << 40));
	case 5:
		return db_run(db, Q_SOURCE_SEEN_PUT, "ssssii", a, b, STR(""), STR("s"), n, n + 1);
	default:
		return db_run(db, Q_RECORD_PUT_BACK, "iisssss", (int64_t)(seed % 40), n, a, b, STR("noun"), STR("id"), a);
	}
}

static int
one_round(struct db *db, unsigned seed, int *result)
{
	int count = 0;
	bool keep = seed % 3;
	result[count++] = db_begin(db);
	for (unsigned i = 0; i < 4; i++) {
		unsigned r = seed / (i + 1) * 2654435761u >> 7;
		bool inner = r % 5 == 0;
		if (inner && (result[count++] = db_begin(db)) < 0)
			continue; /* the outer one has failed */
		result[count++] = change(db, r % 7, r / 7);
		if (inner && result[count - 1])
			db_rollback(db);
		else if (inner)
			result[count++] = db_commit(db);
	}
	int error = keep ? db_commit(db) : E_AGAIN;
	result[count++] = error;
	if (error)
		db_rollback(db);
	return count;
}

TEST(the_same_changes_give_the_same_answers_and_rows)
{
	struct db *a = open_at(STR(""), db_version()), *b = open_at(test_database(tap_folder()), db_version());
	unsigned seed = 20261122;
	int different = 0, failed = 0;
	for (int round = 0; round < 300; round++) {
		int of_a[24], of_b[24];
		seed = seed * 1103515245u + 12345u;
		int count = one_round(a, seed, of_a);
		different += count != one_round(b, seed, of_b) || memcmp(of_a, of_b, sizeof of_a[0] * (size_t)count) != 0;
		for (int i = 0; i < count; i++)
			failed += of_a[i] == E_EXISTS || of_a[i] == E_CONFLICT;
	}
	CHECK_INT(different, 0);
	CHECK(failed > 20);
	compare(a, b);
	db_close(a);
	db_close(b);
}

TEST(all_rows_move_over_and_back)
{
	struct db *a = open_at(STR(""), db_version()), *b = open_at(test_database(tap_folder()), db_version());
	struct db *c = open_at(STR(""), db_version());
	struct db_rows *rows;
	struct fault f = {0};
	uint64_t there = 0, back = 0;
	int results[24];
	for (unsigned seed = 1; seed < 60; seed++)
		(void)one_round(a, seed * 2654435761u, results);
	/* a table that refers to itself, the child first, and numbers that go on */
	CHECK_INT(db_script(a, "PRAGMA foreign_keys=OFF; INSERT INTO organisation (id, name, name_fold, kind, updated_ms, parent) VALUES "
			       "('child', 'C', 'c', 'x', 1, 'parent'), ('parent', 'P', 'p', 'x', 1, NULL); PRAGMA foreign_keys=ON"), 0);
	CHECK_INT(db_run(a, Q_RULE_HISTORY_PUT, "sisss", STR("r"), (int64_t)1, STR("w"), STR("c"), STR("r")), 0);
	CHECK_INT(db_move(a, b, &there, &f), 0);
	CHECK_STR(str_z(f.arg), STR(""));
	compare(a, b);
	CHECK_INT(db_move(b, c, &back, &f), 0);
	compare(a, c);
	CHECK(there > 40 && there == back);
	CHECK_INT(db_run(b, Q_RULE_HISTORY_PUT, "sisss", STR("r"), (int64_t)2, STR("w"), STR("c"), STR("r")), 0);
	CHECK_INT(db_ask(b, &rows, "SELECT count(*), max(id) FROM rule_history", ""), 0);
	CHECK_INT(db_next(rows), 1);
	CHECK(db_i64(rows, 0) == 2 && db_i64(rows, 1) == 2);
	db_end(rows);
	/* keys hold again, and what is in use is not overwritten */
	CHECK_INT(db_run(b, Q_SYSTEM_PLACE_PUT, "sss", STR("nobody"), STR("host"), STR("h")), E_CONFLICT);
	CHECK_INT(db_move(a, b, &there, &f), E_EXISTS);
	CHECK_STR(str_z(f.what), STR("database_used"));
	db_close(a);
	db_close(b);
	db_close(c);
}

static void
list(struct db *db, const char *sql, struct str needle, struct buf *out)
{
	struct db_rows *rows;
	CHECK_INT(needle.p ? db_ask(db, &rows, sql, "s", needle) : db_ask(db, &rows, sql, ""), 0);
	while (db_next(rows) > 0)
		for (int i = 0; i < db_columns(rows); i++)
			buf_addf(out, "%s%.*s%c", db_is_null(rows, i) ? "NULL" : "", STR_ARG(db_text(rows, i)), i + 1 < db_columns(rows) ? ',' : ';');
	db_end(rows);
}

TEST(order_division_booleans_and_nulls_are_alike)
{
	static const char *const sql[] = {
		"SELECT name FROM setting ORDER BY name",
		"SELECT name FROM setting ORDER BY name DESC",
		"SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, 1 < 2, 2 < 1",
		"SELECT name, NULLIF(value, '') FROM setting ORDER BY NULLIF(value, '') NULLS FIRST, name",
		"SELECT sum(fired), count(*), max(last_ms), coalesce(min(fired), 0) FROM rule_count",
		"SELECT CAST(CAST('41' AS INTEGER) + 1 AS TEXT), length('x'), 'a' || 'b', abs(-3), substr('abcdef', 2, 3)",
	};
	struct db *db[2] = {open_at(STR(""), db_version()), open_at(test_database(tap_folder()), db_version())};
	struct buf out[2] = {BUF_INIT, BUF_INIT};
	for (int e = 0; e < 2; e++) {
		for (unsigned i = 0; i < 13; i++) {
			CHECK_INT(db_run(db[e], Q_SETTING_SET, "ss", any_text(i), any_text(i * 5)), 0);
			CHECK_INT(db_run(db[e], Q_RULE_COUNT_PUT, "sii", any_text(i), (int64_t)i, INT64_C(1) << (30 + i)), 0);
		}
		for (size_t i = 0; i < COUNT(sql); i++)
			list(db[e], sql[i], (struct str){0}, &out[e]);
	}
	CHECK(out[0].n > 100);
	CHECK_STR(buf_str(&out[1]), buf_str(&out[0]));
	for (int e = 0; e < 2; e++) {
		buf_release(&out[e]);
		db_close(db[e]);
	}
}

/* A list goes on where it was when other statements run in its loop, on one connection too. */
TEST(a_list_outlives_statements_in_its_loop)
{
	struct db *db = open_at(test_database(tap_folder()), db_version());
	struct db_rows *rows, *inner;
	char name[16];
	int seen = 0;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "n%02d", i);
		CHECK_INT(db_run(db, Q_FIELD_SEEN_PUT, "si", str_z(name), (int64_t)i), 0);
	}
	CHECK_INT(db_ask(db, &rows, "SELECT name, at_ms, NULL FROM field_seen ORDER BY name", ""), 0);
	for (; db_next(rows) > 0; seen++) {
		snprintf(name, sizeof name, "n%02d", seen);
		if (seen % 3 == 1) {
			CHECK_INT(db_query(db, &inner, Q_SETTING_GET, "s", STR("nobody")), 0);
			CHECK_INT(db_next(inner), 0);
			db_end(inner);
			CHECK_INT(db_run(db, Q_SETTING_SET, "ss", db_text(rows, 0), STR("seen")), 0);
		}
		CHECK_STR(db_text(rows, 0), str_z(name));
		CHECK_INT(db_i64(rows, 1), seen);
		CHECK(db_is_null(rows, 2));
	}
	db_end(rows);
	CHECK_INT(seen, 50);
	db_close(db);
}

TEST(after_an_error_nothing_works_but_rolling_back)
{
	struct db *db = open_at(test_database(tap_folder()), db_version());
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_RECORD_PUT_BACK, "iisssss", (int64_t)1, (int64_t)1, STR("w"), STR("a"), STR("n"), STR("i"), STR("{}")), 0);
	CHECK_INT(db_begin(db), 0);
	CHECK_INT(db_run(db, Q_RECORD_PUT_BACK, "iisssss", (int64_t)1, (int64_t)1, STR("w"), STR("a"), STR("n"), STR("i"), STR("{}")), E_EXISTS);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("a"), STR("b")), E_EXISTS);
	CHECK_INT(db_commit(db), E_EXISTS);
	db_rollback(db);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("a"), STR("b")), 0);
	CHECK_INT(db_commit(db), 0);
	CHECK_INT(db_run(db, Q_RECORD_PUT_BACK, "iisssss", (int64_t)1, (int64_t)1, STR("w"), STR("a"), STR("n"), STR("i"), STR("{}")), E_EXISTS);
	CHECK_INT(db_run(db, Q_SETTING_SET, "ss", STR("outside"), STR("b")), 0);
	db_close(db);
}
