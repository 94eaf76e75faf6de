/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_retention.h"

#include "share/indicator.h"
#include "store/evidence.h"
#include "tap.h"

#define NOW INT64_C(1795305600000)
#define YEAR (365 * TIME_DAY)

static int64_t
count(struct db *db, enum query q, const char *types)
{
	struct db_rows *rows;
	CHECK_INT(types[0] ? db_query(db, &rows, q, "si", STR(""), (int64_t)-1) : db_query(db, &rows, q, ""), 0);
	int64_t n = db_next(rows) > 0 ? db_i64(rows, 0) : -1;
	db_end(rows);
	return n;
}

static void
add_indicator(struct db *db, const char *value, int64_t until_ms)
{
	const struct indicator_import like = {.source = STR("list"), .tlp = TLP_UNSAID, .confidence = -1, .until_ms = TIME_NONE, .who = STR("an")};
	const struct feed_item item = {.kind = IOC_DOMAIN, .value = str_z(value), .tlp = TLP_UNSAID, .confidence = 50, .from_ms = TIME_NONE,
	    .until_ms = until_ms};
	struct warning_lists *lists;
	struct fault f = {0};
	int64_t id;
	CHECK_INT(warning_lists_new(STR("lists: [{name: none, values: [none.example]}]"), NULL, &lists, &f), 0);
	CHECK_INT(indicator_add(db, &like, lists, &item, NOW, &id), 0);
	warning_lists_free(lists);
}

static int64_t
indicators(struct db *db)
{
	const struct indicator_filter all = {.kind = -1, .state = -1, .before_id = INT64_MAX, .limit = 100};
	int64_t n = -1;
	CHECK_INT(indicator_count(db, &all, NOW, &n), 0);
	return n;
}

static int64_t
new_sweep(struct db *db, int64_t created_ms, int64_t ended_ms)
{
	struct db_rows *rows;
	CHECK_INT(db_query(db, &rows, Q_SWEEP_NEW, "sssi", STR("/srv"), STR("an"), STR(""), created_ms), 0);
	int64_t id = db_next(rows) > 0 ? db_i64(rows, 0) : 0;
	db_end(rows);
	CHECK_INT(db_run(db, Q_SWEEP_MATCH_PUT, "issiisi", id, STR("a"), STR("b"), INT64_C(1), INT64_C(0), STR("[]"), INT64_C(9)), 0);
	if (ended_ms)
		CHECK_INT(db_run(db, Q_SWEEP_END, "iissi", id, INT64_C(2), STR(""), STR(""), ended_ms), 0);
	return id;
}

static void
new_file(struct db *db, int64_t state, int64_t removed_ms)
{
	struct db_rows *rows;
	CHECK_INT(db_query(db, &rows, Q_UPLOAD_NEW, "sisssi", STR("a.bin"), INT64_C(1), STR(""), STR("an"), STR(""), NOW - 2 * YEAR), 0);
	int64_t id = db_next(rows) > 0 ? db_i64(rows, 0) : 0;
	db_end(rows);
	CHECK_INT(db_run(db, Q_UPLOAD_GONE, "iissi", id, state, STR(""), STR("an"), removed_ms), 0);
}

TEST(what_is_done_and_old_goes_and_the_record_tells)
{
	struct db *db;
	struct arena arena;
	struct retention_counts n;
	struct record_row *list;
	struct record_filter f = {.before_seq = INT64_MAX, .limit = 10};
	uint32_t entries;
	arena_init(&arena, 65536, 1 << 20);
	CHECK_INT(db_open(STR(""), &db, NULL), 0);
	add_indicator(db, "old.example", NOW - 2 * YEAR);
	add_indicator(db, "over.example", NOW - TIME_DAY);
	add_indicator(db, "open.example", TIME_NONE);
	new_sweep(db, NOW - 2 * YEAR, NOW - 2 * YEAR);
	new_sweep(db, NOW - 2 * YEAR, 0); /* never ended */
	new_sweep(db, NOW, NOW);
	new_file(db, 6, NOW - 2 * YEAR);
	new_file(db, 3, NOW - 2 * YEAR); /* something was found in it: evidence */
	new_file(db, 6, NOW - TIME_DAY);
	CHECK_INT(retention_prune(db, NOW - YEAR, NOW, &n), 0);
	CHECK_INT(n.indicators, 1);
	CHECK_INT(n.sweeps, 1);
	CHECK_INT(n.files, 1);
	CHECK_INT(indicators(db), 2);
	CHECK_INT(count(db, Q_SWEEP_COUNT, ""), 2);
	CHECK_INT(count(db, Q_UPLOAD_COUNT, "si"), 2);
	CHECK_INT(record_list(db, &f, &arena, &list, &entries), 0);
	CHECK_INT(entries, 2);
	CHECK_STR(list[0].action, STR("retention.pruned"));
	CHECK(str_find(list[0].entry, STR("\"alerts\":0,\"sweeps\":1,\"files\":1,\"indicators\":1")) >= 0);
	CHECK_STR(list[1].action, STR("evidence.sweep_removed"));
	CHECK_INT(retention_prune(db, NOW - YEAR, NOW, &n), 0);
	CHECK_INT(record_list(db, &f, &arena, &list, &entries), 0);
	CHECK_INT(entries, 2); /* nothing went: nothing is told */
	arena_release(&arena);
	db_close(db);
}
