/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/correlate.h"

#include "base/memory.h"
#include "corpus.h"
#include "detect/sigma_internal.h"
#include "tap.h"

static const char base_rules[] =
    "title: A\nid: a\nlogsource: {product: linux}\ndetection:\n  s: {k: a}\n  condition: s\n---\n"
    "title: B\nid: b\nname: bee\nlogsource: {product: linux}\ndetection:\n  s: {k: b}\n  condition: s\n---\n"
    "title: C\nid: c\nlogsource: {product: linux}\ndetection:\n  s: {k: c}\n  condition: s\n---\n";

/* One finding of a base rule: which rule, when (seconds), its user, its value. */
struct step {
	char rule;
	int second;
	const char *user, *value;
	int fires; /* findings that come out */
};

static struct rules *rules;
static struct correlator *correlator;
static struct arena arena;
static struct finding *out;

static void
start(const char *correlation, size_t max_bytes)
{
	struct buf text = BUF_INIT;
	struct faults faults = {0};
	rules = corpus_rules();
	buf_add(&text, STR(base_rules));
	buf_add(&text, str_z(correlation));
	rules_add(rules, buf_str(&text), STR("c.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(rules, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	correlator = correlator_new(rules, max_bytes);
	arena_init(&arena, 64 << 10, 64 << 20);
	buf_release(&text);
}

static void
stop(void)
{
	correlator_free(correlator);
	rules_free(rules);
	arena_release(&arena);
}

static uint32_t
feed(struct step s)
{
	struct event *e = arena_alloc(&arena, sizeof *e);
	struct finding f = {.rule = rules_find(rules, str_from(&s.rule, 1)), .event = e};
	if (!e)
		abort();
	event_begin(e, &arena, NULL);
	e->time_ms = s.second * TIME_SECOND;
	if (s.user)
		event_put(e, rules_names(rules), STR("user"), str_z(s.user), FIELD_TEXT, false);
	if (s.value)
		event_put(e, rules_names(rules), STR("value"), str_z(s.value), FIELD_TEXT, false);
	return correlator_feed(correlator, &f, &arena, &out);
}

/* "name=value" of all that the first finding tells, in its order. */
static void
check_matched(const char *wanted)
{
	struct buf text = BUF_INIT;
	for (uint32_t i = 0; i < out[0].matched_count; i++)
		buf_addf(&text, "%s%.*s=%.*s", i ? " " : "", STR_ARG(out[0].matched[i].name), STR_ARG(out[0].matched[i].value));
	CHECK_STR(buf_str(&text), str_z(wanted));
	buf_release(&text);
}

static void
play(const char *correlation, const struct step *step, size_t steps)
{
	start(correlation, 1 << 20);
	for (size_t i = 0; i < steps; i++) {
		uint32_t fired = feed(step[i]);
		if (fired != (uint32_t)step[i].fires)
			printf("# step %zu\n", i);
		CHECK_INT(fired, step[i].fires);
	}
	stop();
}

#define PLAY(text, ...)                                                                                                \
	do {                                                                                                           \
		static const struct step steps[] = {__VA_ARGS__};                                                      \
		play(text, steps, COUNT(steps));                                                                       \
	} while (0)

TEST(event_count_by_group)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 10s\n"
	     "  condition: {gte: 3}\n",
	    {'a', 1, "an", 0, 0}, {'a', 2, "AN", 0, 0}, {'a', 2, "binh", 0, 0}, {'b', 3, "an", 0, 0}, {'a', 3, "an", 0, 1},
	    {'a', 4, "an", 0, 0},  /* told already */
	    {'a', 20, "an", 0, 0}, {'a', 29, "an", 0, 0}, {'a', 31, "an", 0, 0}, /* 20 is no longer inside */
	    {'a', 25, "an", 0, 1}, /* late, but inside */
	    {'a', 31, 0, 0, 0}, {'a', 31, 0, 0, 0}, {'a', 31, 0, 0, 0}); /* nobody's */
}

TEST(event_count_within_a_range)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a, bee]\n  timespan: 1m\n"
	     "  condition: {gt: 1, lt: 3, neq: 7}\n",
	    {'a', 1, 0, 0, 0}, {'b', 2, 0, 0, 1}, {'c', 3, 0, 0, 0});
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: a\n  timespan: 1m\n  condition: {eq: 2}\n",
	    {'a', 1, 0, 0, 0}, {'a', 2, 0, 0, 1}, {'a', 3, 0, 0, 0}, {'a', 4, 0, 0, 0});
}

TEST(value_count_counts_each_value_once)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: value_count\n  rules: [a]\n  group-by: [user]\n  timespan: 10s\n"
	     "  condition: {field: value, gte: 3}\n",
	    {'a', 1, "an", "1", 0}, {'a', 2, "an", "1", 0}, {'a', 3, "an", "2", 0}, {'a', 3, "an", 0, 0},
	    {'a', 4, "an", "2", 0}, {'a', 5, "an", "3", 1}, {'a', 6, "an", "4", 0}, {'a', 20, "an", "5", 0},
	    {'a', 21, "an", "6", 0}, {'a', 22, "an", "7", 1});
}

TEST(temporal_in_any_order)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal\n  rules: [a, b, c]\n  group-by: [user]\n  timespan: 10s\n",
	    {'c', 1, "an", 0, 0}, {'a', 2, "an", 0, 0}, {'b', 3, "binh", 0, 0}, {'b', 4, "an", 0, 1}, {'a', 5, "an", 0, 0},
	    {'b', 6, "an", 0, 0}, {'c', 30, "an", 0, 0}, {'a', 31, "an", 0, 0}, {'b', 32, "an", 0, 1});
}

TEST(temporal_in_order)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b, c]\n  group-by: [user]\n"
	     "  timespan: 10s\n",
	    {'c', 1, "an", 0, 0}, {'b', 2, "an", 0, 0}, {'a', 3, "an", 0, 0}, {'b', 4, "an", 0, 0}, {'a', 5, "an", 0, 0},
	    {'c', 6, "an", 0, 1},  /* a3 b4 c6 */
	    {'b', 7, "an", 0, 0}, {'c', 8, "an", 0, 0}, /* no a since */
	    {'a', 20, "an", 0, 0}, {'b', 25, "an", 0, 0}, {'c', 31, "an", 0, 0}, /* a20 is too old */
	    {'a', 40, "an", 0, 0}, {'c', 50, "an", 0, 0}, {'b', 45, "an", 0, 1}); /* late, but between */
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b, a]\n  timespan: 10s\n",
	    {'a', 1, 0, 0, 0}, {'a', 2, 0, 0, 0}, {'b', 3, 0, 0, 0}, {'a', 4, 0, 0, 1});
}

TEST(temporal_with_a_condition_in_words)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal\n  rules: [a, bee]\n  group-by: [user]\n  timespan: 10s\n"
	     "  condition: a and not bee\n",
	    {'b', 1, "an", 0, 0}, {'a', 5, "an", 0, 0}, {'a', 5, "binh", 0, 1}, {'a', 12, "an", 0, 1}, /* b1 has left */
	    {'b', 13, "an", 0, 0}, {'a', 24, "an", 0, 1});
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal\n  timespan: 10s\n"
	     "  condition: (a OR b) AND c\n", /* the rules are those it names */
	    {'a', 1, 0, 0, 0}, {'b', 2, 0, 0, 0}, {'c', 3, 0, 0, 1}, {'c', 20, 0, 0, 0}, {'b', 21, 0, 0, 1});
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal\n  rules: [a, b, bee]\n  timespan: 10s\n"
	     "  condition: a and bee\n", /* one rule by two names */
	    {'a', 1, 0, 0, 0}, {'b', 2, 0, 0, 1});
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal\n  rules: [a, b, c]\n  timespan: 10s\n"
	     "  condition: 1 of them and not all of them\n",
	    {'a', 1, 0, 0, 1}, {'b', 2, 0, 0, 1}, {'c', 3, 0, 0, 0});
}

TEST(temporal_in_order_with_a_condition_in_words)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b, c]\n  timespan: 10s\n"
	     "  condition: a and not b and c\n",
	    {'c', 1, 0, 0, 0}, {'a', 2, 0, 0, 0}, {'c', 3, 0, 0, 1}, {'b', 20, 0, 0, 0}, {'a', 21, 0, 0, 0},
	    {'c', 22, 0, 0, 0}, {'c', 31, 0, 0, 1}); /* b20 has left, a21 has not */
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b, c]\n  timespan: 10s\n"
	     "  condition: c and a and not (a and b and c)\n", /* as the list has it, whatever the words' order */
	    {'c', 1, 0, 0, 0}, {'a', 2, 0, 0, 0}, {'c', 3, 0, 0, 1});
}

TEST(sums_averages_percentiles)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: value_sum\n  rules: [a]\n  timespan: 10s\n"
	     "  condition: {field: value, gt: 100}\n",
	    {'a', 1, 0, "60", 0}, {'a', 2, 0, "not a number", 0}, {'a', 3, 0, "40", 0}, {'a', 4, 0, "0x1", 1},
	    {'a', 5, 0, "99", 0});
	PLAY("title: X\nid: x\ncorrelation:\n  type: value_avg\n  rules: [a]\n  timespan: 10s\n"
	     "  condition: {field: value, gte: 10}\n",
	    {'a', 1, 0, "5", 0}, {'a', 2, 0, "9", 0}, {'a', 3, 0, "16", 1});
	PLAY("title: X\nid: x\ncorrelation:\n  type: value_percentile\n  rules: [a]\n  timespan: 10s\n"
	     "  condition: {field: value, gte: 10, percentile: 50}\n",
	    {'a', 1, 0, "1", 0}, {'a', 2, 0, "2", 0}, {'a', 3, 0, "10", 0}, {'a', 4, 0, "11", 0}, {'a', 5, 0, "12", 1});
}

TEST(words_of_others)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: value_median\n  rules: [a]\n  timeframe: 10s\n"
	     "  condition: {field: value, gte: 10}\n",
	    {'a', 1, 0, "1", 0}, {'a', 2, 0, "2", 0}, {'a', 3, 0, "10", 0}, {'a', 4, 0, "11", 0}, {'a', 5, 0, "12", 1});
}

TEST(aliases_join_fields_of_other_names)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal\n  rules: [a, bee]\n  group-by: [who]\n  timespan: 10s\n"
	     "  aliases:\n    who: {a: user, bee: value}\n",
	    {'a', 1, "an", "binh", 0}, {'b', 2, "an", "binh", 0}, {'b', 3, "binh", "an", 1});
}

TEST(chains)
{
	start("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 10s\n"
	      "  condition: {gte: 2}\n---\n"
	      "title: Y\nid: y\ncorrelation:\n  type: temporal_ordered\n  rules: [x, b]\n  group-by: [user]\n  timespan: 1m\n"
	      "  generate: true\n", 1 << 20);
	CHECK(rules_find(rules, STR("a"))->silent);
	for (const char *loud = "bxy"; *loud; loud++)
		CHECK(!rules_find(rules, str_from(loud, 1))->silent);
	CHECK(rules_find(rules, STR("y"))->correlation);
	CHECK_INT(feed((struct step){'a', 1, "an", 0, 0}), 0);
	CHECK_INT(feed((struct step){'a', 2, "an", 0, 0}), 1);
	CHECK_STR(out[0].rule->id, STR("x"));
	check_matched("user=an event_count=2 limit.event_count=2 window_s=10");
	CHECK_INT(feed((struct step){'b', 3, "an", 0, 0}), 1);
	CHECK_STR(out[0].rule->id, STR("y"));
	check_matched("user=an temporal_ordered=2 limit.temporal_ordered=2 window_s=60");
	CHECK_INT(correlator_stats(correlator).fired, 2);
	stop();
}

TEST(a_finding_says_what_had_to_be_met)
{
	static const struct {
		const char *correlation, *says;
	} row[] = {
		{"type: event_count, rules: [a], timespan: 5m, condition: {gte: 1}",
		    "event_count=1 limit.event_count=1 window_s=300"},
		{"type: event_count, rules: [a], timespan: 1h, condition: {gt: 0, lte: 3, neq: 2}",
		    "event_count=1 limit.event_count=>0 limit.event_count=<=3 limit.event_count=!=2 window_s=3600"},
		{"type: event_count, rules: [a], timespan: 1s, condition: {lt: 5}",
		    "event_count=1 limit.event_count=<5 window_s=1"},
		{"type: temporal, rules: [a, b], timespan: 1m, condition: {eq: 1}", "temporal=1 limit.temporal==1 window_s=60"},
		{"type: temporal, rules: [a, b], timespan: 1m, condition: a and not b", "temporal=1 window_s=60"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[256];
		snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {%s}\n", row[i].correlation);
		start(text, 1 << 20);
		CHECK_INT(feed((struct step){'a', 1, "an", 0, 0}), 1);
		check_matched(row[i].says);
		stop();
	}
}

TEST(state_is_bounded_and_the_stalest_goes_first)
{
	char name[32];
	start("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1h\n"
	      "  condition: {gte: 2}\n", 64 << 10);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "user%d", i);
		CHECK_INT(feed((struct step){'a', i / 10, name, 0, 0}), 0);
		arena_clear(&arena);
	}
	struct correlate_stats s = correlator_stats(correlator);
	CHECK(s.keys > 50 && s.keys < 2000);
	CHECK_INT(s.evicted + s.keys, 5000);
	CHECK_INT(feed((struct step){'a', 500, "user4999", 0, 0}), 1);
	CHECK_INT(feed((struct step){'a', 500, "user0", 0, 0}), 0);
	stop();
}

TEST(a_group_that_nothing_could_join_is_no_loss)
{
	char name[32];
	start("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1s\n"
	      "  condition: {gte: 2}\n", 64 << 10);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "user%d", i);
		CHECK_INT(feed((struct step){'a', i, name, 0, 0}), 0);
		arena_clear(&arena);
	}
	CHECK(correlator_stats(correlator).keys < 2000 && correlator_stats(correlator).bytes <= 64 << 10);
	CHECK_INT(correlator_stats(correlator).evicted, 0);
	stop();
}

TEST(a_group_that_fired_is_quiet_for_a_timespan_unless_it_doubles)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {gte: 2}\n",
	    {'a', 1, 0, 0, 0}, {'a', 2, 0, 0, 1}, {'a', 3, 0, 0, 0}, {'a', 4, 0, 0, 1}, /* 4 are twice 2 */
	    {'a', 5, 0, 0, 0}, {'a', 6, 0, 0, 0}, {'a', 7, 0, 0, 0}, {'a', 8, 0, 0, 1}, /* 8 */
	    {'a', 18, 0, 0, 0}, {'a', 19, 0, 0, 1}); /* goes on: once a timespan */
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {lte: 1}\n",
	    {'a', 1, 0, 0, 1}, {'a', 2, 0, 0, 0}, {'a', 10, 0, 0, 0}, {'a', 21, 0, 0, 1});
}

TEST(both_ends_of_a_window_are_inside)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {gte: 2}\n",
	    {'a', 1, 0, 0, 0}, {'a', 11, 0, 0, 1}, {'a', 100, 0, 0, 0}, {'a', 90, 0, 0, 1});
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {gte: 2}\n",
	    {'a', 1, 0, 0, 0}, {'a', 12, 0, 0, 0}, {'a', 1, 0, 0, 0});
}

TEST(a_month_and_a_year_are_remembered)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1M\n  condition: {gte: 2}\n",
	    {'a', 0, "an", 0, 0}, {'a', 2629746, "an", 0, 1}, {'a', 9000000, "an", 0, 0}, {'a', 11629747, "an", 0, 0});
	PLAY("title: X\nid: x\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b]\n  group-by: [user]\n  timespan: 1y\n",
	    {'a', 1, "an", 0, 0}, {'b', 31556953, "an", 0, 1}, {'a', 100000000, "an", 0, 0}, {'b', 131556953, "an", 0, 0});
	/* by room, not by time */
	start("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1y\n  condition: {gte: 2}\n",
	    64 << 10);
	for (int i = 0; i < 3000; i++) {
		char name[32];
		snprintf(name, sizeof name, "user%d", i);
		CHECK_INT(feed((struct step){'a', i * 3600, name, 0, 0}), 0);
		arena_clear(&arena);
	}
	struct correlate_stats s = correlator_stats(correlator);
	CHECK(s.bytes <= 64 << 10 && s.evicted + s.keys == 3000);
	stop();
}

TEST(late_logs_count_among_themselves)
{
	start("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 10s\n"
	      "  condition: {gte: 3}\n", 1 << 20);
	for (int i = 0; i < 3; i++) { /* a machine that reports now, and yesterday's log of the same user beside it */
		CHECK_INT(feed((struct step){'a', 90000 + 20 * i, "an", 0, 0}), 0);
		CHECK_INT(feed((struct step){'a', 100 + i, "an", 0, 0}), i == 2);
	}
	CHECK_INT(correlator_stats(correlator).late, 3);
	CHECK_INT(feed((struct step){'a', 50, "an", 0, 0}), 0); /* older still: anew */
	CHECK_INT(feed((struct step){'a', 51, "an", 0, 0}), 0);
	CHECK_INT(feed((struct step){'a', 52, "an", 0, 0}), 1);
	CHECK_INT(correlator_stats(correlator).keys, 1);
	stop();
}

/* One event as it came: who sent it, when it happened, when it arrived (minutes), and findings that come out. */
struct come {
	uint32_t source;
	double happened, arrived;
	int fires;
};

static void
play_sources(const char *correlation, const struct come *come, size_t n, uint64_t late, uint64_t evicted)
{
	start(correlation, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		struct raw raw = {.source = come[i].source, .received_ms = (int64_t)(come[i].arrived * TIME_MINUTE)};
		struct event e;
		struct finding f = {.rule = rules_find(rules, STR("a")), .event = &e};
		event_begin(&e, &arena, &raw);
		e.time_ms = (int64_t)(come[i].happened * TIME_MINUTE);
		uint32_t fired = correlator_feed(correlator, &f, &arena, &out);
		if (fired != (uint32_t)come[i].fires)
			printf("# event %zu\n", i);
		CHECK_INT(fired, come[i].fires);
	}
	CHECK_INT(correlator_stats(correlator).late, late);
	CHECK_INT(correlator_stats(correlator).evicted, evicted);
	stop();
}

#define SOURCES(text, late, evicted, ...)                                                                              \
	do {                                                                                                           \
		static const struct come comes[] = {__VA_ARGS__};                                                      \
		play_sources("title: X\nid: x\ncorrelation: {type: event_count, rules: [a], " text "}\n", comes,       \
		    COUNT(comes), late, evicted);                                                                      \
	} while (0)

#define THREE "timespan: 10m, condition: {gte: 3}"

TEST(a_source_that_is_two_hours_late_has_its_own_time)
{
	/* not counted with now */
	SOURCES(THREE, 2, 0, {1, 600, 600, 0}, {2, 480, 600, 0}, {1, 601, 601, 0}, {2, 481, 601, 0});
	/* each its own */
	SOURCES(THREE, 3, 0, {1, 600, 600, 0}, {2, 480, 600, 0}, {1, 601, 601, 0}, {2, 481, 601, 0}, {2, 482, 602, 1},
	    {1, 602, 602, 1});
	/* begun before the others spoke */
	SOURCES(THREE, 1, 0, {2, 480, 600, 0}, {2, 481, 601, 0}, {1, 601, 601, 0}, {2, 482, 602, 1}, {1, 602, 602, 0},
	    {1, 603, 603, 1});
	/* two late ones count together when they tell of the same time, and not when they do not */
	SOURCES(THREE, 3, 0, {1, 600, 600, 0}, {2, 480, 600, 0}, {3, 481, 601, 0}, {2, 482, 602, 1});
	SOURCES(THREE, 5, 0, {1, 600, 600, 0}, {2, 480, 600, 0}, {3, 300, 601, 0}, {2, 481, 602, 0}, {3, 301, 602, 0},
	    {3, 302, 603, 1});
}

TEST(a_source_that_lags_within_the_timespan_has_all_of_it)
{
	/* eight minutes late: what the others say moves the live window on, but not its own */
	SOURCES(THREE, 0, 0, {2, 500, 508, 0}, {1, 508, 508, 0}, {2, 504.5, 512.5, 1});
	SOURCES(THREE, 1, 0, {2, 500, 508, 0}, {1, 511, 511, 0}, {2, 504, 512, 0}, {1, 520, 520, 0}, {2, 509.5, 517.5, 1});
}

TEST(a_relay_that_catches_up_sends_old_and_new_side_by_side)
{
	SOURCES(THREE, 1, 0, {1, 480, 600, 0}, {1, 481, 600, 0}, {1, 600, 600, 0}, {1, 482, 600, 1}, {1, 601, 601, 0},
	    {1, 602, 602, 1});
}

TEST(a_source_with_a_wrong_zone_is_as_good_as_any)
{
	SOURCES(THREE, 0, 0, {1, 100, 520, 0}, {1, 105, 525, 0}, {1, 108, 528, 1}, {1, 300, 720, 0}, {1, 311, 731, 0},
	    {1, 312, 732, 0}, {1, 313, 733, 1});
}

TEST(who_jumps_about_displaces_its_own_windows)
{
	SOURCES(THREE, 18, 8, {1, 9000, 9000, 0}, {2, 5000, 9000, 0}, {2, 5001, 9000, 0}, {3, 100, 9000, 0},
	    {3, 200, 9000, 0}, {3, 300, 9000, 0}, {3, 400, 9000, 0}, {3, 500, 9000, 0}, {3, 600, 9000, 0},
	    {3, 700, 9000, 0}, {3, 800, 9000, 0}, {3, 900, 9000, 0}, {3, 1000, 9000, 0}, {3, 1100, 9000, 0},
	    {3, 1200, 9000, 0}, {3, 1300, 9000, 0}, {3, 1400, 9000, 0}, {3, 1500, 9000, 0}, {2, 5002, 9000, 1});
}

static uint32_t
feed_raw(const struct raw *raw, int64_t time_ms)
{
	struct event e;
	struct finding f = {.rule = rules_find(rules, STR("a")), .event = &e};
	event_begin(&e, &arena, raw);
	e.time_ms = time_ms;
	return correlator_feed(correlator, &f, &arena, &out);
}

TEST(a_sender_cannot_move_the_window_ahead)
{
	struct raw raw = {.received_ms = 5000, .transport = RAW_UDP}, file = {.received_ms = 5000, .transport = RAW_FILE};
	start("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {gte: 3}\n",
	    1 << 20);
	CHECK_INT(feed_raw(&raw, INT64_MAX), 0);
	CHECK_INT(feed_raw(&raw, TIME_NONE), 0);
	CHECK_INT(feed_raw(&raw, 4000), 1);
	CHECK_INT(correlator_stats(correlator).late, 0);
	CHECK_INT(feed_raw(&file, 50000), 0); /* the date of a file says nothing about its lines */
	CHECK_INT(feed_raw(&file, 50000), 0);
	CHECK_INT(feed_raw(&file, 90000), 0);
	CHECK_INT(feed_raw(NULL, TIME_NONE), 0);
	CHECK_INT(feed_raw(NULL, INT64_MIN + 1), 0);
	CHECK_INT(feed_raw(NULL, INT64_MAX), 0);
	stop();
}

/* What `type` says after n events, one each 100 ms, whose values go from 1 to n. */
static void
check_long(const char *type, uint32_t n, const char *want, bool truncated)
{
	char text[256], value[16];
	snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {rules: [a, b], timespan: 7d, %s}\n", type);
	start(text, 16 << 20);
	uint32_t fired = 0;
	for (uint32_t i = 1; i <= n; i++) {
		struct event e;
		struct finding f = {.rule = rules_find(rules, i == n ? STR("b") : STR("a")), .event = &e};
		snprintf(value, sizeof value, "%u", i);
		arena_clear(&arena);
		event_begin(&e, &arena, NULL);
		e.time_ms = (int64_t)i * 100;
		event_put(&e, rules_names(rules), STR("value"), str_z(value), FIELD_TEXT, false);
		fired = correlator_feed(correlator, &f, &arena, &out);
	}
	CHECK_INT(fired, 1);
	if (!fired)
		printf("# %s\n", type);
	if (fired) {
		CHECK_STR(out->matched[0].value, str_z(want));
		CHECK(str_eq(out->matched[out->matched_count - 1].name, STR("truncated")) == truncated);
	}
	CHECK(correlator_stats(correlator).bytes < 1 << 20);
	stop();
}

TEST(thresholds_are_exact_and_what_is_beyond_is_said)
{
	check_long("type: event_count, condition: {eq: 1000}", 1000, "1000", false);
	check_long("type: event_count, condition: {eq: 5000}", 5000, "5000", false);
	check_long("type: event_count, condition: {gt: 999, eq: 20000}", 20000, "20000", false);
	check_long("type: value_count, condition: {field: value, gte: 3000}", 3000, "3000", false);
	check_long("type: value_sum, condition: {field: value, gte: 50005000}", 10000, "50005000", true);
	check_long("type: value_avg, condition: {field: value, gte: 4000.5}", 8000, "4000.5", true);
	check_long("type: value_percentile, condition: {field: value, percentile: 50, gte: 2000}", 3999, "2000", false);
	check_long("type: value_percentile, condition: {field: value, percentile: 100, gte: 6000}", 6000, "6000", true);
	check_long("type: value_percentile, condition: {field: value, percentile: 0, gte: 1905}", 6000, "1905", true);
	check_long("type: temporal_ordered", 9000, "2", true);
	check_long("type: temporal", 9000, "2", false);
}

TEST(fields_of_an_event)
{
	struct event e;
	struct finding f = {.event = &e};
	start("title: X\nid: x\ncorrelation: {type: event_count, rules: [a], group-by: [user], timespan: 1m,"
	      " condition: {gte: 1}}\n", 1 << 20);
	f.rule = rules_find(rules, STR("a"));
	static const struct {
		const char *value;
		enum field_kind kind;
		bool escaped, fires;
		const char *want, *count;
	} cases[] = {
		{"an", FIELD_TEXT, false, true, "an", "1"},
		{"b\\u1ea3o", FIELD_TEXT, true, true, "b\xe1\xba\xa3o", "1"},
		{"B\xe1\xba\xa2O", FIELD_TEXT, false, true, "B\xe1\xba\xa2O", "2"}, /* the same in capitals */
		{"", FIELD_NULL, false, false, "", ""},
		{"", FIELD_TEXT, false, true, "", "1"},
		{"17", FIELD_NUMBER, false, true, "17", "1"},
		{"an\377", FIELD_TEXT, false, true, "an\377", "1"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		event_begin(&e, &arena, NULL);
		e.time_ms = (int64_t)i;
		event_put(&e, rules_names(rules), STR("user"), str_z(cases[i].value), cases[i].kind, cases[i].escaped);
		uint32_t fired = correlator_feed(correlator, &f, &arena, &out);
		CHECK_INT(fired, cases[i].fires);
		if (!fired)
			continue;
		CHECK_STR(out->matched[0].value, str_z(cases[i].want));
		CHECK_STR(out->matched[1].value, str_z(cases[i].count));
	}
	stop();
}

TEST(groups_that_look_alike_stay_apart)
{
	static const struct {
		struct str user, host;
		int fires;
	} cases[] = {
		{STR_INIT("ab"), STR_INIT("c"), 0},
		{STR_INIT("a"), STR_INIT("bc"), 0},
		{STR_INIT("abc"), STR_INIT(""), 0},
		{STR_INIT(""), STR_INIT("abc"), 0},
		{STR_INIT("ab\0"), STR_INIT("c"), 0},
		{STR_INIT("ab"), STR_INIT("\0c"), 0},
		{STR_INIT("ab\0\0\0"), STR_INIT(""), 0},
		{STR_INIT("\xff\xfe"), STR_INIT("c"), 0},
		{STR_INIT("\xff"), STR_INIT("\xfe\x63"), 0},
		{STR_INIT("AB"), STR_INIT("C"), 1},
	};
	struct event e;
	struct finding f = {.event = &e};
	start("title: X\nid: x\ncorrelation: {type: event_count, rules: [a], group-by: [user, host], timespan: 1m,"
	      " condition: {gte: 2}}\n", 1 << 20);
	f.rule = rules_find(rules, STR("a"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		event_begin(&e, &arena, NULL);
		e.time_ms = 1;
		event_put(&e, rules_names(rules), STR("user"), cases[i].user, FIELD_TEXT, false);
		event_put(&e, rules_names(rules), STR("host"), cases[i].host, FIELD_TEXT, false);
		CHECK_INT(correlator_feed(correlator, &f, &arena, &out), cases[i].fires);
	}
	CHECK_INT(correlator_stats(correlator).keys, COUNT(cases) - 1);
	stop();
}

TEST(native_names_stand_behind_the_words_of_the_map)
{
	struct faults faults = {0};
	rules = rules_new();
	struct str map = STR("sources:\n  - {product: linux, when: {product: linux}, rename: {Who: [acct, uid]}}\n");
	CHECK_INT(rules_add_map(rules, map, STR("map.yaml"), NULL), 0);
	rules_add(rules, STR("title: A\nid: a\nlogsource: {product: linux}\ndetection: {s: {Who: an}, condition: s}\n---\n"
			     "title: X\nid: x\ncorrelation: {type: event_count, rules: [a], group-by: [Who], timespan: 1m,"
			     " condition: {gte: 2}}\n"), STR("c.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(rules, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	correlator = correlator_new(rules, 1 << 20);
	arena_init(&arena, 64 << 10, 64 << 20);
	struct event e;
	struct finding f = {.rule = rules_find(rules, STR("a")), .event = &e};
	for (int i = 0; i < 2; i++) {
		event_begin(&e, &arena, NULL);
		e.time_ms = i;
		event_put(&e, rules_names(rules), i ? STR("uid") : STR("acct"), STR("an"), FIELD_TEXT, false);
		CHECK_INT(correlator_feed(correlator, &f, &arena, &out), i);
	}
	stop();
}

TEST(a_full_arena_costs_the_finding_and_is_counted)
{
	struct arena small;
	struct event e;
	start("title: X\nid: x\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 1}}\n", 1 << 20);
	struct finding f = {.rule = rules_find(rules, STR("a")), .event = &e}, *untouched = &f;
	event_begin(&e, &arena, NULL);
	e.time_ms = 1;
	arena_init(&small, 16, 16);
	CHECK_INT(correlator_feed(correlator, &f, &small, &untouched), 0);
	CHECK(untouched == &f);
	CHECK_INT(correlator_stats(correlator).dropped, 1);
	arena_release(&small);
	stop();
}

TEST(a_clock_from_the_future_does_not_blind_for_ever)
{
	PLAY("title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {gte: 3}\n",
	    {'a', 1000000, 0, 0, 0}, {'a', 1, 0, 0, 0}, {'a', 2, 0, 0, 0}, {'a', 3, 0, 0, 1}, {'a', 4, 0, 0, 0},
	    {'a', 5, 0, 0, 0});
}

TEST(what_is_refused)
{
	static const struct {
		const char *text, *what;
	} row[] = {
		{"type: event_count\n  rules: [a]\n  timespan: 10s\n", "rule_correlation_condition"},
		{"type: value_count\n  rules: [a]\n  timespan: 10s\n  condition: {gte: 1}\n", "rule_correlation_condition"},
		{"type: event_count\n  rules: [a]\n  timespan: 10s\n  condition: {foo: 1}\n", "rule_correlation_condition"},
		{"type: event_count\n  rules: [nobody]\n  timespan: 10s\n  condition: {gte: 1}\n", "rule_reference"},
		{"type: event_count\n  rules: [x]\n  timespan: 10s\n  condition: {gte: 1}\n", "rule_reference"},
		{"type: event_count\n  rules: [a]\n  timespan: 10 days\n  condition: {gte: 1}\n", "rule_timespan"},
		{"type: event_count\n  rules: [a]\n  condition: {gte: 1}\n", "rule_timespan"},
		{"type: event_sum\n  rules: [a]\n  timespan: 1d\n", "rule_correlation_type"},
		{"type: temporal\n  timespan: 1d\n", "rule_section"},
		{"type: event_count\n  rules: [a]\n  timespan: 1d\n  condition: {gte: many}\n", "rule_number"},
		{"type: event_count\n  rules: [a]\n  timespan: 1d\n  condition: a and not bee\n", "rule_correlation_condition"},
		{"type: temporal\n  rules: [a]\n  timespan: 1d\n  condition: a and not bee\n", "rule_not_listed"},
		{"type: temporal\n  rules: [a]\n  timespan: 1d\n  condition: 1 of c*\n", "rule_not_listed"},
		{"type: temporal\n  rules: [a, bee]\n  timespan: 1d\n  condition: a and not\n", "rule_condition"},
		{"type: temporal\n  timespan: 1d\n  condition: a and nobody\n", "rule_reference"},
		{"type: temporal\n  rules: [a]\n  timespan: 1d\n  condition: [a]\n", "rule_section"},
		{"type: temporal_ordered\n  rules: [a, bee]\n  timespan: 1d\n  condition: a or bee\n", "rule_correlation_order"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct buf text = BUF_INIT;
		struct faults faults = {0};
		struct rules *r = corpus_rules();
		buf_add(&text, STR(base_rules));
		buf_addf(&text, "title: X\nid: x\ncorrelation:\n  %s", row[i].text);
		rules_add(r, buf_str(&text), STR("c.yml"), corpus_count_fault, &faults);
		CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
		CHECK_INT(faults.count, 1);
		CHECK_STR(str_z(faults.last.what), str_z(row[i].what));
		CHECK(faults.last.line > 0);
		CHECK_INT(rules_count(r), 3);
		rules_free(r);
		buf_release(&text);
	}
}

TEST(a_circle_is_refused_and_so_is_what_stands_on_it)
{
	struct faults faults = {0};
	struct rules *r = corpus_rules();
	rules_add(r, STR("title: X\nid: x\ncorrelation: {type: temporal, rules: [y], timespan: 1m}\n---\n"
			 "title: Y\nid: y\ncorrelation: {type: temporal, rules: [x], timespan: 1m}\n---\n"
			 "title: Z\nid: z\ncorrelation: {type: temporal, rules: [y], timespan: 1m}\n"),
	    STR("c.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(rules_count(r), 0);
	CHECK_INT(faults.count, 3);
	rules_free(r);
}

/* ---- over a restart ---- */

static const char two_rules[] =
    "title: X\nid: x\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 10s\n"
    "  condition: {gte: 3}\n---\n"
    "title: Y\nid: y\ncorrelation: {type: temporal_ordered, rules: [a, bee, c], group-by: [user], timespan: 10s}\n";

/* The correlator's memory goes on under another text. */
static void
go_on_with(const char *correlation, uint32_t keys, uint64_t forgotten)
{
	struct buf saved = BUF_INIT;
	correlator_save(correlator, &saved);
	stop();
	start(correlation, 1 << 20);
	CHECK_INT(correlator_load(correlator, buf_str(&saved)), 0);
	CHECK_INT(correlator_stats(correlator).keys, keys);
	CHECK_INT(correlator_stats(correlator).forgotten, forgotten);
	buf_release(&saved);
}

static void
begin_two(void)
{
	start(two_rules, 1 << 20);
	CHECK_INT(feed((struct step){'a', 1, "an", 0, 0}), 0);
	CHECK_INT(feed((struct step){'b', 2, "an", 0, 0}), 0);
	CHECK_INT(feed((struct step){'a', 2, "an", 0, 0}), 0);
}

TEST(state_outlives_the_correlator)
{
	begin_two();
	go_on_with(two_rules, 2, 0);
	CHECK_INT(correlator_stats(correlator).updates, 5);
	CHECK_INT(feed((struct step){'c', 3, "an", 0, 0}), 1);
	CHECK_STR(out[0].rule->id, STR("y"));
	CHECK_INT(feed((struct step){'a', 3, "an", 0, 0}), 1);
	CHECK_STR(out[0].rule->id, STR("x"));
	go_on_with(two_rules, 2, 0);
	CHECK_INT(feed((struct step){'a', 3, "an", 0, 0}), 0); /* told already, also after a restart */
	CHECK_INT(correlator_stats(correlator).fired, 2);
	stop();
}

TEST(state_goes_with_its_rule_wherever_that_stands)
{
	begin_two();
	go_on_with("title: Z\nid: z\ncorrelation: {type: temporal, rules: [b, c], timespan: 5s}\n---\n"
		   "title: Y, told in other words\nid: y\nlevel: high\n"
		   "correlation: {type: temporal_ordered, rules: [a, b, c], group-by: [user], timespan: 10s}\n---\n"
		   "title: X\nid: x\ncorrelation: {type: event_count, rules: [a], group-by: [user], timespan: 10s,"
		   " condition: {gte: 3}, generate: true}\n", 2, 0);
	CHECK_INT(feed((struct step){'c', 3, "an", 0, 0}), 1);
	CHECK_STR(out[0].rule->id, STR("y"));
	CHECK_INT(feed((struct step){'a', 3, "an", 0, 0}), 1);
	CHECK_STR(out[0].rule->id, STR("x"));
	stop();
}

TEST(a_rule_that_asks_something_else_begins_anew)
{
	static const struct {
		const char *body;
		uint32_t keys;
	} row[] = {
		{"type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 3}", 1},
		{"type: event_count, rules: [a], group-by: [user], timespan: 11s, condition: {gte: 3}", 0},
		{"type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gt: 3}", 0},
		{"type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 4}", 0},
		{"type: event_count, rules: [a, bee], group-by: [user], timespan: 10s, condition: {gte: 3}", 0},
		{"type: event_count, rules: [a], group-by: [value], timespan: 10s, condition: {gte: 3}", 0},
		{"type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}", 0},
		{"type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 3},"
		 " aliases: {user: {a: value}}", 0},
		{"type: value_count, rules: [a], group-by: [user], timespan: 10s, condition: {field: value, gte: 3}", 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[256];
		snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {%s}\n", row[i].body);
		begin_two();
		go_on_with(text, row[i].keys, 2 - row[i].keys);
		stop();
	}
}

TEST(a_smaller_room_keeps_the_youngest)
{
	char name[32];
	struct buf saved = BUF_INIT;
	start(two_rules, 1 << 20);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "user%d", i);
		feed((struct step){'a', i / 100, name, 0, 0});
		arena_clear(&arena);
	}
	correlator_save(correlator, &saved);
	struct correlator *small = correlator_new(rules, 64 << 10);
	CHECK_INT(correlator_load(small, buf_str(&saved)), 0);
	struct correlate_stats s = correlator_stats(small);
	CHECK(s.bytes <= 64 << 10 && s.keys > 20 && s.keys < 1000);
	CHECK_INT(s.keys + s.evicted, 1000);
	correlator_free(small);
	buf_release(&saved);
	stop();
}

/* Every cut and every changed byte is noticed, and leaves a correlator that works. */
TEST(broken_state_is_refused)
{
	struct buf saved = BUF_INIT, broken = BUF_INIT;
	begin_two();
	correlator_save(correlator, &saved);
	for (size_t i = 0; i < 2 * saved.n; i++) {
		buf_clear(&broken);
		buf_add(&broken, str_cut(buf_str(&saved), 0, i < saved.n ? i : saved.n));
		if (i >= saved.n)
			broken.p[i - saved.n] ^= 1;
		struct correlator *c = correlator_new(rules, 1 << 20);
		CHECK(correlator_load(c, buf_str(&broken)) < 0);
		CHECK(correlator_stats(c).keys == 0 && correlator_stats(c).updates == 0);
		correlator_free(c);
	}
	buf_release(&saved);
	buf_release(&broken);
	stop();
}

/* ---- the words of the specification, one by one ---- */

static bool
loads(const char *correlation)
{
	struct buf text = BUF_INIT;
	struct faults faults = {0};
	rules = corpus_rules();
	buf_add(&text, STR(base_rules));
	buf_add(&text, str_z(correlation));
	rules_add(rules, buf_str(&text), STR("c.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(rules, corpus_count_fault, &faults), 0);
	buf_release(&text);
	return !faults.count;
}

TEST(generate_decides_whether_rules_speak_for_themselves)
{
	static const struct {
		const char *x, *y, *silent; /* `generate` of two correlations, and who then makes no alert of its own */
	} row[] = {
		{"", "", "abx"}, {"generate: false, ", "", "abx"}, {"generate: true, ", "", "bx"},
		{"condition: {gte: 2}}\ngenerate: true\nkhien: {", "", "bx"}, /* beside `correlation`, as the schema has it */
		{"condition: {gte: 2}}\ngenerate: false\nkhien: {", "", "abx"},
	        {"", "generate: true, ", "a"},
		{"generate: true, ", "generate: true, ", ""}, {"generate: true, ", "generate: false, ", "bx"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[512];
		snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {type: event_count, rules: [a], timespan: 1m, %s"
			 "condition: {gte: 2}}\n---\ntitle: Y\nid: y\ncorrelation: {type: temporal, rules: [x, bee], %stimespan: 1m}\n",
		    row[i].x, row[i].y);
		CHECK(loads(text));
		for (const char *id = "abcxy"; *id; id++)
			CHECK_INT(rules_find(rules, str_from(id, 1))->silent, strchr(row[i].silent, *id) != NULL);
		rules_free(rules);
	}
}

TEST(what_a_timespan_may_be)
{
	static const struct {
		const char *word;
		int64_t ms; /* 0: refused */
	} row[] = {
		{"1s", 1000}, {"30s", 30000}, {"90m", 5400000}, {"2h", 7200000}, {"7d", 604800000}, {"1w", 604800000}, {"0s", 0},
		{"1M", INT64_C(2629746000)}, {"1y", INT64_C(31556952000)}, {"12M", INT64_C(31556952000)},
		{"100y", INT64_C(3155695200000)}, {"101y", 0}, {"1Y", 0}, {"1D", 0}, {"1201M", 0}, {"5218w", 0}, {"s1", 0}, {"M", 0},
		{"s", 0}, {"1", 0}, {"1S", 0}, {"-1s", 0}, {"1.5h", 0}, {"1 h", 0}, {"1hh", 0}, {"99999999999999999999d", 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[256];
		snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {type: temporal, rules: [a, b], timespan: %s}\n",
		    row[i].word);
		CHECK_INT(loads(text), row[i].ms > 0);
		const struct rule *x = row[i].ms ? rules->rule[rules_index(rules_find(rules, STR("x")))] : NULL;
		CHECK(!x || x->correlation->timespan_ms == row[i].ms);
		rules_free(rules);
	}
}

/* The n-th event makes the count n. What has fired keeps quiet, so only the first time says anything. */
TEST(conditions_and_ranges)
{
	static const struct {
		const char *condition;
		const char *holds; /* for 1, 2, 3 ... events */
	} row[] = {
		{"gt: 2", "001111"}, {"gte: 2", "011111"}, {"lt: 3", "110000"}, {"lte: 3", "111000"}, {"eq: 4", "000100"},
		{"neq: 2", "101111"}, {"gt: 1, lte: 4", "011100"}, {"gte: 2, lt: 6, neq: 4", "011010"}, {"gt: 3, lt: 3", "000000"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[256];
		uint32_t fired = 0;
		snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {type: value_count, rules: [a], group-by: [user],"
			 " timespan: 1m, condition: {field: value, %s}}\n", row[i].condition);
		start(text, 1 << 20);
		for (int k = 1; k <= 6; k++) {
			char value[8];
			snprintf(value, sizeof value, "%d", k);
			bool before = fired > 0;
			fired += feed((struct step){'a', k, "an", value, 0});
			CHECK(before || (fired > 0) == (row[i].holds[k - 1] == '1'));
		}
		stop();
	}
}

TEST(aliases_by_name_by_id_and_for_some_rules_only)
{
	static const char *const aliases[] = {"{who: {a: user, bee: value, c: user}}", "{who: {a: user, b: value, c: user}}",
		"{who: {bee: value}, what: {a: value}}"};
	for (size_t i = 0; i < COUNT(aliases); i++) {
		char text[256];
		bool some = i == 2; /* where an alias has no word for a rule, the field is called as it is written */
		snprintf(text, sizeof text, "title: X\nid: x\ncorrelation: {type: temporal, rules: [a, bee], group-by: [%s],"
			 " timespan: 1m, aliases: %s}\n", some ? "user" : "who", aliases[i]);
		start(text, 1 << 20);
		CHECK_INT(feed((struct step){'a', 1, "an", "x", 0}), 0);
		CHECK_INT(feed((struct step){'b', 2, some ? "binh" : "an", some ? "an" : "x", 0}), 0);
		CHECK_INT(feed((struct step){'b', 3, some ? "an" : "x", some ? "x" : "an", 0}), 1);
		CHECK_STR(out->matched[0].name, some ? STR("user") : STR("who"));
		CHECK_STR(out->matched[0].value, STR("an"));
		stop();
	}
}

TEST(a_chain_may_be_as_long_as_it_likes_and_mix_all_types)
{
	start("title: 1\nid: x1\ncorrelation: {type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {gte: 2}}\n---\n"
	      "title: 2\nid: x2\ncorrelation: {type: value_sum, rules: [x1], group-by: [user], timespan: 1m,"
	      " condition: {field: event_count, gte: 2}}\n---\n"
	      "title: 3\nid: x3\ncorrelation: {type: value_avg, rules: [x2], group-by: [user], timespan: 1m,"
	      " condition: {field: value_sum, gte: 2}}\n---\n"
	      "title: 4\nid: x4\ncorrelation: {type: value_percentile, rules: [x3], group-by: [user], timespan: 1m,"
	      " condition: {field: value_avg, gte: 2}}\n---\n"
	      "title: 5\nid: x5\ncorrelation: {type: value_count, rules: [x4], timespan: 1m, condition: {field: user, gte: 1}}\n---\n"
	      "title: 6\nid: x6\ncorrelation: {type: temporal_ordered, rules: [x1, x5], timespan: 1m}\n---\n"
	      "title: 7\nid: x7\ncorrelation: {type: temporal, rules: [x6, a], timespan: 1m}\n", 1 << 20);
	CHECK_INT(feed((struct step){'a', 1, "an", 0, 0}), 0);
	CHECK_INT(feed((struct step){'a', 2, "an", 0, 0}), 7);
	CHECK_STR(out[6].rule->id, STR("x7"));
	stop();
}

TEST(it_tells_which_core_fields_it_looks_at)
{
	struct core_set want = {0};
	start("title: X\nid: x\ncorrelation:\n  type: value_count\n  rules: [a, b]\n  group-by: [who, host.name]\n  timespan: 1m\n"
	      "  condition: {gte: 2, field: file.name}\n  aliases:\n    who: {a: user.name, b: user}\n", 1 << 20);
	correlator_wants(correlator, &want);
	CHECK(core_set_has(&want, F_HOST_NAME) && core_set_has(&want, F_FILE_NAME) && core_set_has(&want, F_USER_NAME));
	CHECK(!core_set_has(&want, F_USER_DOMAIN) && !core_set_has(&want, F_SOURCE_IP));
	stop();
}
