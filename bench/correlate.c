/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_correlate [KEYS]: findings a second on one core into one correlation of each type, groups by two fields of an
 * event of 24, KEYS groups (100,000) touched at random, a minute of timespan and two hours of events. Then what saving
 * and loading all of it takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "detect/correlate.h"

#define FINDINGS 4000000u
#define STATE_BYTES ((size_t)256 << 20)

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct {
	const char *name, *body;
} row[] = {
	{"event_count", "type: event_count, rules: [a], condition: {gte: 100}"},
	{"value_count", "type: value_count, rules: [a], condition: {field: port, gte: 100}"},
	{"temporal", "type: temporal, rules: [a, b, c]"},
	{"temporal_ordered", "type: temporal_ordered, rules: [a, b, c]"},
	{"value_sum", "type: value_sum, rules: [a], condition: {field: port, gte: 1e9}"},
	{"value_avg", "type: value_avg, rules: [a], condition: {field: port, gte: 1e9}"},
	{"value_percentile", "type: value_percentile, rules: [a], condition: {field: port, gte: 1e9}"},
};

static struct rules *
load(const char *body)
{
	struct rules *r = rules_new();
	struct buf text = BUF_INIT;
	for (char id = 'a'; id <= 'c'; id++)
		buf_addf(&text, "title: %c\nid: %c\nlogsource: {product: linux}\ndetection: {s: {k: %c}, condition: s}\n---\n", id,
		    id, id);
	buf_addf(&text, "title: X\nid: x\ncorrelation: {group-by: [source.ip, host.name], timespan: 1m, %s}\n", body);
	if (rules_add(r, buf_str(&text), STR("bench.yml"), NULL, NULL) != 4 || rules_finish(r, NULL, NULL) < 0)
		abort();
	buf_release(&text);
	return r;
}

static uint64_t seed = 1;

static uint32_t
pick(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % n);
}

static void
fill(struct event *e, const struct rules *r)
{
	static char name[20][16];
	for (uint32_t i = 0; i < COUNT(name); i++) {
		snprintf(name[i], sizeof name[i], "field_%u", i);
		event_put(e, rules_names(r), str_z(name[i]), STR("some value"), FIELD_TEXT, false);
	}
	event_put(e, rules_names(r), STR("port"), STR(""), FIELD_TEXT, false);
	event_put(e, rules_names(r), STR("source.ip"), STR(""), FIELD_TEXT, false);
	event_put(e, rules_names(r), STR("host.name"), STR("srv-web-01.snv.example.vn"), FIELD_TEXT, false);
}

/* The values of all events, written beforehand: what is measured is the correlator. */
struct text {
	char p[16];
	uint32_t n;
};

static struct text *address, port[4096];

static void
write_values(uint32_t keys)
{
	address = mem_calloc(keys, sizeof *address);
	for (uint32_t i = 0; i < keys; i++)
		address[i].n = (uint32_t)snprintf(address[i].p, sizeof address->p, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255,
		    i & 255);
	for (uint32_t i = 0; i < COUNT(port); i++)
		port[i].n = (uint32_t)snprintf(port[i].p, sizeof port->p, "%u", 1024 + i * 15);
}

/* How long core stands still for a copy of its memory, and a start for reading it back. */
static void
run_save(const struct correlator *c, const struct rules *r)
{
	struct buf saved = BUF_INIT;
	struct correlator *again = correlator_new(r, STATE_BYTES);
	double save = -now(), load;
	correlator_save(c, &saved);
	save += now();
	load = -now();
	if (correlator_load(again, buf_str(&saved)) < 0)
		abort();
	load += now();
	printf("%-18s saved in %.0f ms, loaded in %.0f ms, %.1f MB\n", "", save * 1e3, load * 1e3, (double)saved.n / 1e6);
	correlator_free(again);
	buf_release(&saved);
}

static void
run(const char *name, const char *body, uint32_t keys)
{
	struct rules *r = load(body);
	struct correlator *c = correlator_new(r, STATE_BYTES);
	struct arena kept, arena;
	struct event e;
	struct finding *out, f[3];
	arena_init(&kept, 1 << 16, 1 << 20);
	arena_init(&arena, 1 << 16, 1 << 20);
	event_begin(&e, &kept, NULL);
	fill(&e, r);
	for (uint32_t i = 0; i < COUNT(f); i++)
		f[i] = (struct finding){.rule = rules_info(r, i), .event = &e};
	double spent = -now();
	for (uint32_t i = 0; i < FINDINGS; i++) {
		const struct text *from = &address[pick(keys)], *to = &port[pick(COUNT(port))];
		e.field[21].value = str_from(from->p, from->n);
		e.field[20].value = str_from(to->p, to->n);
		e.time_ms = INT64_C(1780000000000) + (int64_t)i * 7200 * 1000 / FINDINGS;
		if (correlator_feed(c, &f[str_starts(str_z(name), STR("temporal")) ? pick(3) : 0], &arena, &out))
			arena_clear(&arena);
	}
	spent += now();
	struct correlate_stats s = correlator_stats(c);
	printf("%-18s %6.2f M/s  %8u keys  %6.1f MB  %8llu fired  %llu evicted\n", name, FINDINGS / spent / 1e6, s.keys,
	    (double)s.bytes / 1e6, (unsigned long long)s.fired, (unsigned long long)s.evicted);
	run_save(c, r);
	correlator_free(c);
	rules_free(r);
	arena_release(&kept);
	arena_release(&arena);
}

int
main(int argc, char **argv)
{
	uint64_t keys = 100000;
	if (argc > 1 && (!str_to_u64(str_z(argv[1]), &keys) || keys == 0 || keys > 1u << 24))
		return 2;
	write_values((uint32_t)keys);
	for (size_t i = 0; i < COUNT(row); i++)
		run(row[i].name, row[i].body, (uint32_t)keys);
	mem_free(address);
	return 0;
}
