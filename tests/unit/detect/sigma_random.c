/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Random rules on random events, both over an alphabet so small that they keep meeting: the engine, cold and warm, and
 * the slow evaluator must say the same about more than a million pairs. The seed is fixed; KHIEN_SEED chooses another, and
 * KHIEN_ROUNDS how many rounds of 3,000 pairs.
 */
#include "corpus.h"
#include "base/memory.h"
#include "random.h"
#include "slow.h"
#include "tap.h"

#define ROUNDS 350u
#define RULES 25
#define EVENTS 120

static void
add_word(struct buf *b, uint32_t most, bool wild)
{
	static const char *const letters[] = {"a", "b", "A", "1", "-", " ", "\xc4\x91", "\xc4\x90"};
	for (uint32_t n = pick(most + 1); n > 0; n--)
		buf_add(b, wild && pick(6) == 0 ? (pick(2) ? STR("*") : STR("?")) : str_z(letters[pick(COUNT(letters))]));
}

static void
add_item(struct buf *b)
{
	static const char *const modifier[] = {"", "|contains", "|startswith", "|endswith", "|contains|all", "|cased",
		"|contains|cased", "|neq", "|windash|contains", "|endswith|cased"};
	switch (pick(12)) {
	case 0:
		buf_addf(b, "{%c: null}", 'A' + (char)pick(4));
		return;
	case 1:
		buf_addf(b, "{%c|exists: %s}", 'A' + (char)pick(4), pick(2) ? "true" : "false");
		return;
	case 2:
		buf_addf(b, "{%c|re: '%s'}", 'A' + (char)pick(4), pick(2) ? "ab+" : "(a|1).*b");
		return;
	case 3:
		buf_addf(b, "{%c|fieldref%s: %c}", 'A' + (char)pick(4), pick(2) ? "" : "|contains", 'A' + (char)pick(4));
		return;
	case 4:
		buf_addf(b, "{%c|gte: %u}", 'A' + (char)pick(4), pick(12));
		return;
	case 5:
		buf_add(b, STR("['"));
		add_word(b, 3, true);
		buf_add(b, STR("a', 'b"));
		add_word(b, 2, true);
		buf_add(b, STR("']"));
		return;
	default:
		buf_addf(b, "{%c%s: ['", 'A' + (char)pick(4), modifier[pick(COUNT(modifier))]);
		add_word(b, 4, true);
		for (uint32_t n = pick(3); n > 0; n--) {
			buf_add(b, STR("', '"));
			add_word(b, 3, true);
		}
		buf_addf(b, "'], %c|contains: a}", 'E' + (char)pick(2));
	}
}

static void
add_rule(struct buf *b, uint32_t number)
{
	static const char *const conditions[] = {"s1 and s2 and s3", "1 of s*", "s1 or (s2 and not s3)", "not s1 and not s2",
		"s3", "not (s1 or s2) or s3", "(s1 or s2) and (s2 or s3)", "all of s* or not s3"};
	static const char *const sources[] = {"product: p", "product: p, category: c", "category: d", "product: p, service: v"};
	buf_addf(b, "title: t\nid: r%u\nlogsource: {%s}\ndetection:\n", number, sources[pick(COUNT(sources))]);
	for (int i = 1; i <= 3; i++) {
		buf_addf(b, "  s%d: ", i);
		add_item(b);
		buf_add_char(b, '\n');
	}
	buf_addf(b, "  condition: %s\n---\n", conditions[pick(COUNT(conditions))]);
}

static const char map[] =
    "sources:\n- {product: p, when: {product: p}}\n- {product: p, category: c, when: {channel: x, EventID: [1, 2]}, rename: {A: [B, C]}}\n"
    "- {product: p, category: c, when: {channel: y, D: ab}}\n- {category: d, when: {channel: [x, y]}, rename: {B: A, D: [D, E]}}\n"
    "- {product: p, service: v, when: {EventID: 3}}\n";

static void
make_event(struct event *e, struct arena *arena, const struct names *names)
{
	static const char *const product[] = {"p", "P", "", "q"}, *const channel[] = {"x", "Y", ""}, *const code[] = {"1", "2", "3", "4", ""},
	    *const category[] = {"", "", "c", "d"};
	static const struct str field[] = {STR_INIT("A"), STR_INIT("B"), STR_INIT("C"), STR_INIT("D"), STR_INIT("E"), STR_INIT("F")};
	event_begin(e, arena, NULL);
	e->decoder = DECODER_JSON;
	e->product = str_z(product[pick(COUNT(product))]);
	e->channel = str_z(channel[pick(COUNT(channel))]);
	e->code = str_z(code[pick(COUNT(code))]);
	e->category = str_z(category[pick(COUNT(category))]);
	for (uint32_t n = pick(9); n > 0; n--) {
		struct buf word = BUF_INIT;
		struct str value = STR("");
		add_word(&word, 7, false);
		CHECK(arena_copy(arena, buf_str(&word), &value));
		event_put(e, names, field[pick(COUNT(field))], value, pick(8) ? FIELD_TEXT : FIELD_NULL, false);
		buf_release(&word);
	}
}

static uint32_t
compare(struct rules *r, struct matcher *m, struct slow *slow, struct event *e, struct arena *arena, uint32_t *met)
{
	struct finding *finding = NULL;
	uint32_t n = matcher_match(m, e, arena, &finding), at = 0, different = 0;
	for (uint32_t i = 0; i < rules_count(r); i++) {
		bool fired = at < n && finding[at].rule == rules_info(r, i);
		at += fired;
		different += fired != slow_match(slow, i, e);
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
compare_alone(struct rules *r, struct matcher *m, struct slow *slow, struct event *e, uint64_t *asked)
{
	uint32_t different = 0;
	struct rule_cost *sum = mem_calloc(rules_count(r), sizeof *sum);
	struct arena *arena = e->arena;
	matcher_measure(m, e, UINT32_MAX, ticks, sum);
	CHECK(e->arena == arena);
	for (uint32_t i = 0; i < rules_count(r); i++) {
		different += sum[i].samples > 1 || sum[i].ns != sum[i].samples * 7;
		different += sum[i].samples && (sum[i].matched == 1) != slow_match(slow, i, e);
		*asked += sum[i].samples;
	}
	mem_free(sum);
	return different;
}

TEST(the_engine_and_the_slow_evaluator_agree)
{
	const char *more = getenv("KHIEN_ROUNDS");
	uint32_t rounds = more ? (uint32_t)strtoul(more, NULL, 10) : ROUNDS;
	uint64_t pairs = 0, asked = 0;
	uint32_t different = 0, met = 0, loaded = 0, warmed = 0;
	random_start(UINT64_C(88172645463325252));
	for (uint32_t round = 0; round < rounds; round++) {
		struct buf text = BUF_INIT;
		struct faults faults = {0};
		struct fault fault = {0};
		struct arena arena;
		struct rules *r = rules_new();
		CHECK_INT(rules_add_map(r, STR(map), STR("map"), &fault), 0);
		for (uint32_t i = 0; i < RULES; i++)
			add_rule(&text, i);
		rules_add(r, buf_str(&text), STR("r"), corpus_count_fault, &faults);
		CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
		struct matcher *m = matcher_new(r), *hasty = matcher_new(r), *tended = matcher_new(r);
		matcher_forget(hasty);
		matcher_expect_warming(tended);
		struct slow *slow = slow_new(r);
		arena_init(&arena, 64 << 10, 16 << 20);
		for (uint32_t i = 0; i < EVENTS; i++) {
			struct event e;
			make_event(&e, &arena, rules_names(r));
			uint32_t before = different;
			different += compare(r, m, slow, &e, &arena, &met);
			different += compare(r, hasty, slow, &e, &arena, &met);
			different += compare(r, tended, slow, &e, &arena, &met);
			warmed += i % 4 == 0 && matcher_warm(tended);
			different += compare_alone(r, m, slow, &e, &asked);
			different += compare(r, m, slow, &e, &arena, &met);
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
		rules_free(r);
		buf_release(&text);
	}
	printf("# %u rules, %llu pairs, %u matches, %llu asked alone\n", loaded, (unsigned long long)pairs, met,
	    (unsigned long long)asked);
	CHECK(loaded > rounds * RULES / 2 && met > 15 * rounds && (rounds < ROUNDS || pairs > 1000000));
	CHECK(asked > pairs / 20 && warmed > rounds);
	CHECK_INT(different, 0);
}
