/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Random rules on random events (sigma_make.h): the engine, cold and warm, and the slow evaluator must say the same about
 * more than a million pairs. KHIEN_SEED chooses others, and KHIEN_ROUNDS how many rounds of 6,000 pairs. Then what a matcher
 * meets only after long: caches that fill up, values that begin to repeat, keys that somebody makes up.
 */
#include "base/memory.h"
#include "random.h"
#include "sigma_make.h"
#include "slow.h"
#include "tap.h"

#define ROUNDS 175u
#define RULES 25
#define EVENTS 240

/* What the slow evaluator says of an event, by rule. */
static const bool *
judge(struct rules *r, struct slow *slow, struct event *e)
{
	static bool fires[RULES];
	CHECK(rules_count(r) <= RULES);
	for (uint32_t i = 0; i < rules_count(r) && i < RULES; i++)
		fires[i] = slow_match(slow, i, e);
	return fires;
}

static uint32_t
compare(struct rules *r, struct matcher *m, const bool *fires, struct event *e, struct arena *arena, uint32_t *met)
{
	struct finding *finding = NULL;
	uint32_t n = matcher_match(m, e, arena, &finding), at = 0, different = 0;
	for (uint32_t i = 0; i < rules_count(r); i++) {
		bool fired = at < n && finding[at].rule == rules_info(r, i);
		at += fired;
		different += fired != fires[i];
	}
	*met += n;
	return different + (at != n);
}

static int64_t
ticks(void)
{
	static int64_t now;
	return now += 7;
}

/* A rule asked alone for its cost says what it says among the others. */
static uint32_t
compare_alone(struct rules *r, struct matcher *m, const bool *fires, struct event *e, uint64_t *asked)
{
	uint32_t different = 0;
	struct rule_cost *sum = mem_calloc(rules_count(r), sizeof *sum);
	struct arena *arena = e->arena;
	matcher_measure(m, e, UINT32_MAX, ticks, sum);
	CHECK(e->arena == arena);
	for (uint32_t i = 0; i < rules_count(r); i++) {
		different += sum[i].samples > 1 || sum[i].ns != sum[i].samples * 7;
		different += sum[i].samples && (sum[i].matched == 1) != fires[i];
		*asked += sum[i].samples;
	}
	mem_free(sum);
	return different;
}

static struct rules *
random_rules(enum world world, uint32_t count)
{
	struct buf text = BUF_INIT;
	struct faults faults = {0};
	struct fault fault = {0};
	struct rules *r = rules_new();
	make_lists(r);
	CHECK_INT(rules_add_map(r, str_z(make_map), STR("map"), &fault), 0);
	for (uint32_t i = 0; i < count; i++) {
		buf_clear(&text);
		make_rule(&text, world, i);
		rules_add(r, buf_str(&text), STR("r"), corpus_count_fault, &faults);
	}
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	buf_release(&text);
	return r;
}

TEST(the_engine_and_the_slow_evaluator_agree)
{
	const char *more = getenv("KHIEN_ROUNDS");
	uint32_t rounds = more ? (uint32_t)strtoul(more, NULL, 10) : ROUNDS;
	uint64_t pairs = 0, asked = 0;
	uint32_t different = 0, met = 0, loaded = 0, warmed = 0;
	random_start(1);
	for (uint32_t round = 0; round < rounds; round++) {
		struct arena arena;
		enum world world = (enum world)(round % WORLDS);
		struct rules *r = random_rules(world, RULES);
		struct decoder *d = decoder_new(rules_names(r));
		struct matcher *m = matcher_new(r), *hasty = matcher_new(r), *tended = matcher_new(r);
		matcher_forget(hasty);
		matcher_expect_warming(tended);
		struct slow *slow = slow_new(r);
		arena_init(&arena, 64 << 10, 64 << 20);
		for (uint32_t i = 0; i < EVENTS; i++) {
			struct event e;
			make_event(world, d, rules_names(r), &arena, &e);
			const bool *fires = judge(r, slow, &e);
			uint32_t before = different;
			different += compare(r, m, fires, &e, &arena, &met);
			different += compare(r, hasty, fires, &e, &arena, &met);
			different += compare(r, tended, fires, &e, &arena, &met);
			warmed += i % 4 == 0 && matcher_warm(tended);
			different += compare_alone(r, m, fires, &e, &asked);
			different += compare(r, m, fires, &e, &arena, &met);
			if (different != before && before == 0)
				printf("# round %u, event %u\n", round, i);
		}
		loaded += rules_count(r);
		pairs += (uint64_t)rules_count(r) * EVENTS;
		arena_release(&arena);
		slow_free(slow);
		matcher_free(m);
		matcher_free(hasty);
		matcher_free(tended);
		decoder_free(d);
		rules_free(r);
	}
	printf("# %u rules, %llu pairs, %u matches, %llu asked alone\n", loaded, (unsigned long long)pairs, met,
	    (unsigned long long)asked);
	CHECK(loaded > rounds * RULES / 2 && met > 15 * rounds && (rounds < ROUNDS || pairs > 1000000));
	CHECK(asked > pairs / 20 && warmed > rounds);
	CHECK_INT(different, 0);
}
