/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/lookback.h"

#include "database.h"
#include "tap.h"

#define NOW INT64_C(1763800000000)

struct world {
	struct db *db;
	struct arena arena;
};

static void
world_open(struct world *w)
{
	CHECK_INT(db_open(test_database(""), &w->db, NULL), 0);
	arena_init(&w->arena, 64 << 10, 16 << 20);
}

static void
world_close(struct world *w)
{
	db_close(w->db);
	arena_release(&w->arena);
}

static struct lookback_wish
wish(enum lookback_kind kind, const char *about)
{
	struct lookback_wish w = {.kind = kind, .title = STR("t"), .from_ms = NOW - TIME_DAY, .to_ms = NOW, .who = STR("an")};
	if (kind == LOOKBACK_RULE)
		w.rule = str_z(about);
	else if (kind == LOOKBACK_DRAFT)
		w.text = str_z(about);
	else
		w.source = str_z(about);
	return w;
}

TEST(what_cannot_be_asked_for)
{
	struct world w;
	int64_t id = 7;
	world_open(&w);
	struct lookback_wish bad[] = {wish(LOOKBACK_RULE, ""), wish(LOOKBACK_DRAFT, ""), wish(LOOKBACK_RULE, "r"),
		wish(LOOKBACK_RULE, "r"), wish(LOOKBACK_DRAFT, "x")};
	bad[2].from_ms = bad[2].to_ms;
	bad[3].from_ms = -1;
	bad[4].text = str_from(bad[4].text.p, LOOKBACK_TEXT + 1);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_INT(lookback_request(w.db, &bad[i], NOW, &id), i == 4 ? E_LIMIT : E_INVALID);
	CHECK_INT(id, 7);
	world_close(&w);
}

TEST(a_second_wish_for_the_same_widens_the_first)
{
	struct world w;
	struct lookback j;
	int64_t first, second, draft, other;
	world_open(&w);
	struct lookback_wish a = wish(LOOKBACK_RULE, "r1"), b = a, c = wish(LOOKBACK_DRAFT, "title: x");
	b.from_ms -= TIME_DAY;
	b.to_ms += 5;
	CHECK_INT(lookback_request(w.db, &a, NOW, &first), 0);
	CHECK_INT(lookback_request(w.db, &b, NOW + 5, &second), 0);
	CHECK_INT(first, second);
	CHECK_INT(lookback_get(w.db, first, &w.arena, &j), 0);
	CHECK_INT(j.from_ms, b.from_ms);
	CHECK_INT(j.to_ms, b.to_ms);
	CHECK_INT(lookback_request(w.db, &c, NOW, &draft), 0);
	CHECK_INT(lookback_request(w.db, &c, NOW, &other), 0);
	CHECK(draft != other);
	/* once it runs, the next wish is a job of its own */
	CHECK_INT(lookback_begin(w.db, first, 10, 2, STR("t")), 0);
	CHECK_INT(lookback_request(w.db, &a, NOW, &other), 0);
	CHECK(other != first);
	world_close(&w);
}

TEST(the_queue_has_an_end)
{
	struct world w;
	struct lookback_wish a = wish(LOOKBACK_DRAFT, "x");
	int64_t id, last = 0;
	world_open(&w);
	for (int i = 0; i < LOOKBACK_QUEUE; i++)
		CHECK_INT(lookback_request(w.db, &a, NOW, &last), 0);
	CHECK_INT(lookback_request(w.db, &a, NOW, &id), E_FULL);
	CHECK_INT(lookback_end(w.db, last, LOOKBACK_STOPPED, STR(""), NOW), 0);
	CHECK_INT(lookback_request(w.db, &a, NOW, &id), 0);
	world_close(&w);
}

TEST(the_running_job_comes_before_the_oldest_that_waits)
{
	struct world w;
	struct lookback j;
	struct lookback_wish a = wish(LOOKBACK_DRAFT, "a"), b = wish(LOOKBACK_DRAFT, "b");
	int64_t first, second;
	world_open(&w);
	CHECK_INT(lookback_next(w.db, &w.arena, &j), E_NOT_FOUND);
	CHECK_INT(lookback_request(w.db, &a, NOW, &first), 0);
	CHECK_INT(lookback_request(w.db, &b, NOW, &second), 0);
	CHECK_INT(lookback_next(w.db, &w.arena, &j), 0);
	CHECK_INT(j.id, first);
	CHECK_INT(lookback_begin(w.db, second, 44, 3, STR("named")), 0);
	CHECK_INT(lookback_next(w.db, &w.arena, &j), 0);
	CHECK_INT(j.id, second);
	CHECK_INT(j.upto, 44);
	CHECK_STR(j.title, STR("named"));
	CHECK_INT(lookback_end(w.db, second, LOOKBACK_DONE, STR(""), NOW), 0);
	CHECK_INT(lookback_end(w.db, second, LOOKBACK_STOPPED, STR(""), NOW), E_CONFLICT);
	CHECK_INT(lookback_next(w.db, &w.arena, &j), 0);
	CHECK_INT(j.id, first);
	world_close(&w);
}

static void
write_ledger(struct world *w, struct lookback_ledger *l, const struct lookback *j)
{
	CHECK_INT(db_begin(w->db), 0);
	CHECK_INT(lookback_ledger_write(l, w->db, j), 0);
	CHECK_INT(db_commit(w->db), 0);
	lookback_ledger_clear(l);
}

TEST(hits_are_bounded_and_all_are_counted_by_day)
{
	struct world w;
	struct lookback j;
	struct lookback_hit *hits;
	struct lookback_day *days;
	struct lookback_wish a = wish(LOOKBACK_DRAFT, "a");
	struct lookback_ledger *l = lookback_ledger_new();
	uint32_t count;
	int64_t id, sum = 0;
	world_open(&w);
	a.from_ms = 0;
	CHECK_INT(lookback_request(w.db, &a, NOW, &id), 0);
	CHECK_INT(lookback_get(w.db, id, &w.arena, &j), 0);
	for (int i = 0; i < LOOKBACK_HITS * 2; i++) {
		struct lookback_hit h = {.event = i + 1, .time_ms = NOW - (i % 4) * TIME_DAY, .rule = STR("r"),
			.title = STR("t"), .matched = STR("[]"), .text = STR("x"), .level = LEVEL_HIGH};
		lookback_ledger_add(l, &j, &h, 420);
		if (i % 90 == 0)
			write_ledger(&w, l, &j);
	}
	CHECK_INT(j.first_hit_ms, NOW - 3 * TIME_DAY);
	CHECK_INT(j.last_hit_ms, NOW);
	/* clocks far off share the days at the ends */
	for (int i = 0; i < 5000; i++) {
		struct lookback_hit h = {.time_ms = i * TIME_DAY, .matched = STR("[]")};
		lookback_ledger_add(l, &j, &h, 420);
	}
	write_ledger(&w, l, &j);
	CHECK_INT(j.findings, LOOKBACK_HITS * 2 + 5000);
	CHECK_INT(lookback_hits(w.db, id, &w.arena, &hits, &count), 0);
	CHECK_INT(count, LOOKBACK_HITS);
	for (uint32_t i = 0; i < count; i++)
		CHECK_INT(hits[i].event, i + 1);
	CHECK_INT(lookback_days(w.db, id, &w.arena, &days, &count), 0);
	CHECK(count <= LOOKBACK_DAYS);
	for (uint32_t i = 0; i < count; i++)
		sum += days[i].count;
	CHECK_INT(sum, j.findings);
	CHECK_INT(days[count - 1].count, LOOKBACK_HITS / 2);
	CHECK_INT(lookback_get(w.db, id, &w.arena, &j), 0);
	CHECK_INT(j.findings, sum);
	CHECK_INT(lookback_rewind(w.db, id), 0);
	CHECK_INT(lookback_hits(w.db, id, &w.arena, &hits, &count), 0);
	CHECK_INT(count, 0);
	CHECK_INT(lookback_days(w.db, id, &w.arena, &days, &count), 0);
	CHECK_INT(count, 0);
	lookback_ledger_free(l);
	world_close(&w);
}

TEST(a_day_begins_at_local_midnight)
{
	struct world w;
	struct lookback j;
	struct lookback_day *days;
	struct lookback_wish a = wish(LOOKBACK_DRAFT, "a");
	struct lookback_ledger *l = lookback_ledger_new();
	uint32_t count;
	int64_t id, midnight = NOW - NOW % TIME_DAY - 7 * TIME_HOUR;
	world_open(&w);
	CHECK_INT(lookback_request(w.db, &a, NOW, &id), 0);
	CHECK_INT(lookback_get(w.db, id, &w.arena, &j), 0);
	struct lookback_hit before = {.time_ms = midnight - 1, .matched = STR("[]")}, after = {.time_ms = midnight, .matched = STR("[]")};
	lookback_ledger_add(l, &j, &before, 420);
	lookback_ledger_add(l, &j, &after, 420);
	write_ledger(&w, l, &j);
	CHECK_INT(lookback_days(w.db, id, &w.arena, &days, &count), 0);
	CHECK_INT(count, 2);
	CHECK_INT(days[1].day, NOW / TIME_DAY);
	lookback_ledger_free(l);
	world_close(&w);
}

TEST(progress_is_kept_and_old_jobs_go)
{
	struct world w;
	struct lookback j, again;
	struct lookback *list;
	struct lookback_wish a = wish(LOOKBACK_DRAFT, "a");
	uint32_t count;
	int64_t id = 0, total;
	world_open(&w);
	for (int i = 0; i < LOOKBACK_KEPT + 10; i++) {
		CHECK_INT(lookback_request(w.db, &a, NOW, &id), 0);
		CHECK_INT(lookback_end(w.db, id, LOOKBACK_DONE, STR(""), NOW), 0);
	}
	CHECK_INT(lookback_request(w.db, &a, NOW, &id), 0);
	CHECK_INT(lookback_begin(w.db, id, 9, 9, STR("x")), 0);
	CHECK_INT(lookback_count(w.db, &total), 0);
	CHECK_INT(total, LOOKBACK_KEPT + 1);
	CHECK_INT(lookback_get(w.db, id, &w.arena, &j), 0);
	j.at = 5;
	j.at_record = 17;
	j.blocks_done = 4;
	j.blocks_damaged = 1;
	j.events = 1000;
	j.spent_ms = 20;
	j.findings = 3;
	j.told = 2;
	j.alerts = 1;
	j.first_hit_ms = NOW - 10;
	j.last_hit_ms = NOW - 5;
	CHECK_INT(lookback_save(w.db, &j), 0);
	CHECK_INT(lookback_get(w.db, id, &w.arena, &again), 0);
	CHECK_INT(again.at, 5);
	CHECK_INT(again.at_record, 17);
	CHECK_INT(again.blocks_done, 4);
	CHECK_INT(again.blocks_damaged, 1);
	CHECK_INT(again.events, 1000);
	CHECK_INT(again.spent_ms, 20);
	CHECK_INT(again.findings, 3);
	CHECK_INT(again.told, 2);
	CHECK_INT(again.alerts, 1);
	CHECK_INT(again.first_hit_ms, NOW - 10);
	CHECK_INT(again.last_hit_ms, NOW - 5);
	CHECK_INT(lookback_list(w.db, id, 3, &w.arena, &list, &count), 0);
	CHECK_INT(count, 3);
	CHECK_INT(list[0].id, id - 1);
	CHECK_STR(list[0].text, STR("a"));
	world_close(&w);
}
