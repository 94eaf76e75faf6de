/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/hash.h"
#include "detect/correlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The saved state of correlations, as a disk or somebody with a hand on it may give it back: the input stands behind
 * the head, whose checksum is made to fit. What is accepted must work on and save again as something that loads. */
static const char rule_text[] =
    "title: A\nid: a\nlogsource: {product: linux}\ndetection: {s: {k: a}, condition: s}\n---\n"
    "title: B\nid: b\nlogsource: {product: linux}\ndetection: {s: {k: b}, condition: s}\n---\n"
    "title: X\nid: count\ncorrelation: {type: event_count, rules: [a, b], group-by: [u], timespan: 10s,"
    " condition: {gte: 3}}\n---\n"
    "title: X\nid: values\ncorrelation: {type: value_count, rules: [a, b], group-by: [u], timespan: 10s,"
    " condition: {field: v, gte: 3}}\n---\n"
    "title: X\nid: together\ncorrelation: {type: temporal, rules: [a, b], group-by: [u], timespan: 10s}\n---\n"
    "title: X\nid: order\ncorrelation: {type: temporal_ordered, rules: [a, b, a], group-by: [u], timespan: 10s}\n---\n"
    "title: X\nid: sum\ncorrelation: {type: value_sum, rules: [a, b], group-by: [u], timespan: 10s,"
    " condition: {field: v, gte: 9}}\n---\n"
    "title: X\nid: part\ncorrelation: {type: value_percentile, rules: [a, b], group-by: [u], timespan: 10s,"
    " condition: {field: v, gte: 9}}\n";

static struct rules *
make_rules(void)
{
	struct rules *r = rules_new();
	uint32_t n = rules_add(r, STR(rule_text), STR("r.yml"), NULL, NULL);
	int error = rules_finish(r, NULL, NULL);
	assert(n == 8 && !error);
	return r;
}

static void
feed(struct correlator *c, const struct rules *r, uint32_t i, struct arena *arena)
{
	static const char *const values[] = {"1", "2", "7", "x"};
	struct raw raw = {.received_ms = 1000000, .source = i % 3};
	struct event e;
	struct finding *out, f = {.rule = rules_info(r, i % 2), .event = &e};
	event_begin(&e, arena, &raw);
	e.time_ms = 1000000 - (i % 5 == 0 ? i * 2000 : i % 5 * 3000);
	event_put(&e, rules_names(r), STR("u"), i % 4 ? STR("an") : STR("binh"), FIELD_TEXT, false);
	event_put(&e, rules_names(r), STR("v"), str_z(values[i / 2 % COUNT(values)]), FIELD_TEXT, false);
	correlator_feed(c, &f, arena, &out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules *rules;
	struct buf saved = BUF_INIT;
	struct arena arena;
	rules = rules ? rules : make_rules();
	struct str rest = str_from((const char *)data, size);
	wire_put_u32(&saved, 0x31524f43u);
	wire_put_u32(&saved, 1);
	wire_put_u32(&saved, crc32c(0, rest));
	buf_add(&saved, rest);
	struct correlator *c = correlator_new(rules, 256 << 10);
	bool loaded = correlator_load(c, buf_str(&saved)) == 0;
	arena_init(&arena, 64 << 10, 4 << 20);
	for (uint32_t i = 0; i < 40; i++)
		feed(c, rules, i, &arena);
	assert(correlator_stats(c).bytes <= 256 << 10 && (loaded || correlator_stats(c).updates > 0));
	buf_clear(&saved);
	correlator_save(c, &saved);
	struct correlator *again = correlator_new(rules, 256 << 10);
	int error = correlator_load(again, buf_str(&saved));
	assert(!error && correlator_stats(again).keys == correlator_stats(c).keys);
	correlator_free(again);
	correlator_free(c);
	arena_release(&arena);
	buf_release(&saved);
	return 0;
}
