/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FUZZ_FLOW_FUZZ_H
#define FUZZ_FLOW_FUZZ_H

/* Bytes as traffic: each FUZZ_STEP of them make one event; the last ones are its text. */

#include "detect/flow.h"

#define FUZZ_STEP 12u

static int64_t fuzz_clock;

static inline struct rules *
fuzz_rules(void)
{
	static const char text[] =
	    "title: a\nid: a\nkhien: {engine: flow.scan_horizontal, parameters: {window_s: 60, hosts: 3, hosts_outside: 3}}\n---\n"
	    "title: b\nid: b\nkhien: {engine: flow.scan_vertical, parameters: {window_s: 60, ports: 3, ports_outside: 3}}\n---\n"
	    "title: c\nid: c\nkhien: {engine: flow.beacon, parameters: {connections: 4, span_s: 0, period_min_s: 1}}\n---\n"
	    "title: d\nid: d\nkhien: {engine: flow.dns_tunnel, parameters: {names: 3, length: 1, entropy_bits: 0, bytes: 1}}\n---\n"
	    "title: e\nid: e\nkhien: {engine: flow.amplification, parameters: {reflector_bytes: 10, victim_bytes: 10,\n"
	    "  victim_servers: 1, ratio: 2}}\n---\n"
	    "title: f\nid: f\nkhien: {engine: flow.volume, parameters: {weeks: 1, bytes: 10, night_bytes: 1, new_days: 0.1}}\n";
	static const struct str ports[] = {STR_INIT("53"), STR_INIT("123/udp")}, suffix[] = {STR_INIT("com.vn")};
	struct rules *r = rules_new();
	rules_add_placeholder(r, STR("flow_amplifier_ports"), ports, 2);
	rules_add_placeholder(r, STR("flow_public_suffixes"), suffix, 1);
	if (rules_add(r, STR(text), STR("f.yml"), NULL, NULL) != 6 || rules_finish(r, NULL, NULL) < 0)
		__builtin_trap();
	return r;
}

static inline struct flow *
fuzz_flow(size_t bytes)
{
	static struct rules *rules;
	const struct flow_options o = {.max_bytes = bytes, .zone = 420};
	rules = rules ? rules : fuzz_rules();
	return flow_new(rules, &o);
}

static inline void
fuzz_put(struct event *e, uint32_t id, const char *format, unsigned a)
{
	struct buf text = BUF_INIT;
	struct str kept;
	for (; *format; format++)
		if (*format == '#')
			buf_add_u64(&text, a);
		else
			buf_add_char(&text, *format);
	if (arena_copy(e->arena, buf_str(&text), &kept))
		event_put_core(e, id, kept);
	buf_release(&text);
}

static inline void
fuzz_event(struct event *e, const uint8_t p[FUZZ_STEP])
{
	static const char *const from[] = {"10.1.1.#", "198.51.100.#", "fd00::#", "2001:db8::#", "#", "10.1.1.#:1"};
	static const char *const state[] = {"answered", "unanswered", "refused", "one_way"};
	static const char *const kind[] = {"connection", "connection", "query", "answer"};
	static const char *const type[] = {"A", "TXT", "NULL"};
	fuzz_put(e, F_EVENT_TYPE, kind[p[0] % 4], 0);
	fuzz_put(e, F_SOURCE_IP, from[p[1] % 6], p[2] % 8);
	fuzz_put(e, F_DESTINATION_IP, from[p[1] / 8 % 6], p[3]);
	fuzz_put(e, F_NETWORK_TRANSPORT, p[0] & 4 ? "udp" : p[0] & 8 ? "icmp" : "TCP", 0);
	fuzz_put(e, F_SOURCE_PORT, "#", p[4] * 10u);
	fuzz_put(e, F_DESTINATION_PORT, "#", p[5]);
	fuzz_put(e, F_FLOW_STATE, state[p[6] % 4], 0);
	fuzz_put(e, F_SOURCE_BYTES, p[6] & 4 ? "#" : "#00000000", p[7]);
	fuzz_put(e, F_DESTINATION_BYTES, "#000", p[8]);
	fuzz_put(e, F_SOURCE_PACKETS, "#", p[6] >> 5);
	fuzz_put(e, F_EVENT_DURATION, "#000000000", p[9]);
	fuzz_put(e, F_DNS_TYPE, type[p[9] % 3], 0);
	if (p[0] % 4 >= 2)
		event_put_core(e, F_DNS_QUESTION, str_from((const char *)p + 6, 6));
}

/* How many findings, and what they say, as one number. */
static inline uint64_t
fuzz_traffic_from(struct flow *f, const uint8_t *data, size_t size, int64_t clock)
{
	struct arena arena;
	uint64_t sum = 0;
	arena_init(&arena, 16 << 10, 1 << 20);
	for (fuzz_clock = clock; size >= FUZZ_STEP; data += FUZZ_STEP, size -= FUZZ_STEP) {
		struct event e;
		struct finding *found = NULL;
		arena_clear(&arena);
		event_begin(&e, &arena, NULL);
		fuzz_clock += (int64_t)data[10] * (data[11] & 1 ? 100 : data[11] & 2 ? 3600000 : 10);
		e.time_ms = data[11] & 64 ? fuzz_clock - data[9] * INT64_C(1000) : fuzz_clock;
		fuzz_event(&e, data);
		uint32_t n = flow_feed(f, &e, &arena, &found);
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = 0; k < found[i].matched_count; k++)
				sum += 1 + found[i].matched[k].value.n * (k + 1);
	}
	arena_release(&arena);
	return sum;
}

static inline uint64_t
fuzz_traffic(struct flow *f, const uint8_t *data, size_t size)
{
	return fuzz_traffic_from(f, data, size, INT64_C(1795312800000));
}

#endif
