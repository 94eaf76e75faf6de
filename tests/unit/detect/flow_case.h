/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_FLOW_CASE_H
#define TEST_FLOW_CASE_H

/* Generated traffic for flow analytics under the rules and lists that are shipped. Times are seconds since `CASE_BEGIN`. */

#include "base/memory.h"
#include "base/yaml.h"
#include "detect/flow.h"
#include "tap.h"

#define CASE_BEGIN INT64_C(1795312800000) /* Sunday 2026-11-22 02:00 UTC, 09:00 in Viet Nam */

struct flow_case {
	struct rules *rules;
	struct flow *flow;
	struct arena arena;
	struct finding *found; /* of the last event */
	uint32_t count;
	uint32_t total;        /* of all */
	unsigned port;
	struct buf last;       /* the last finding: " name=value name=value " behind the engine's name */
};

/* Our public addresses: 203.0.113.0/24. */
static inline bool
case_ours(void *user, const uint8_t address[16])
{
	static const uint8_t ours[15] = {[10] = 0xff, [11] = 0xff, 203, 0, 113};
	return memcmp(address, ours, 15) == 0;
}

static inline void
case_lists(struct rules *r)
{
	struct buf text = BUF_INIT;
	struct arena arena;
	struct yaml **documents;
	uint32_t n = 0;
	struct fault fault = {0};
	arena_init(&arena, 64 << 10, 16 << 20);
	CHECK(tap_read(tap_source("content/rules/placeholders.yaml"), &text));
	CHECK_INT(yaml_parse(buf_str(&text), &arena, &documents, &n, &fault), 0);
	for (uint32_t i = 0; i < n; i++)
		YAML_EACH(name, documents[i]) {
			struct str *values = mem_calloc(name->count + 1, sizeof *values);
			uint32_t k = 0;
			YAML_EACH(value, name)
				values[k++] = value->text;
			rules_add_placeholder(r, name->key, values, k);
			mem_free(values);
		}
	arena_release(&arena);
	buf_release(&text);
}

static inline struct rules *
case_rules(void)
{
	struct rules *r = rules_new();
	struct buf text = BUF_INIT;
	CHECK(tap_read(tap_source("content/rules/engines/flow.yml"), &text));
	CHECK_INT(rules_add(r, buf_str(&text), STR("flow.yml"), NULL, NULL), 6);
	case_lists(r);
	CHECK_INT(rules_finish(r, NULL, NULL), 0);
	buf_release(&text);
	return r;
}

static inline struct flow_options
case_options(size_t max_bytes)
{
	return (struct flow_options){max_bytes, case_ours, NULL, TIME_ZONE_VIETNAM};
}

static inline void
case_open(struct flow_case *c, size_t max_bytes)
{
	struct flow_options o = case_options(max_bytes);
	*c = (struct flow_case){.rules = case_rules()};
	c->flow = flow_new(c->rules, &o);
	arena_init(&c->arena, 64 << 10, 1 << 20);
}

static inline void
case_close(struct flow_case *c)
{
	flow_free(c->flow);
	rules_free(c->rules);
	arena_release(&c->arena);
	buf_release(&c->last);
}

static inline void
case_write(struct flow_case *c, const struct finding *f)
{
	buf_clear(&c->last);
	buf_add(&c->last, f->rule->engine);
	buf_add_char(&c->last, ' ');
	for (uint32_t i = 0; i < f->matched_count; i++) {
		buf_add(&c->last, f->matched[i].name);
		buf_add_char(&c->last, '=');
		buf_add(&c->last, f->matched[i].value);
		buf_add_char(&c->last, ' ');
	}
}

static inline uint32_t
case_feed(struct flow_case *c, struct event *e)
{
	c->count = flow_feed(c->flow, e, &c->arena, &c->found);
	c->total += c->count;
	for (uint32_t i = 0; i < c->count; i++)
		case_write(c, &c->found[i]);
	return c->count;
}

struct one_flow {
	double at;            /* seconds; when it was told, at its end */
	const char *from, *to;
	unsigned from_port, port; /* from_port 0: another each time */
	const char *transport, *state; /* NULL: tcp, answered */
	uint64_t out, in, packets_out, packets_in;
	double start;         /* seconds, when it is not `at` */
};

static inline void
case_number(struct event *e, uint32_t id, uint64_t value)
{
	struct buf text = BUF_INIT;
	struct str kept = {0};
	buf_add_u64(&text, value);
	CHECK(arena_copy(e->arena, buf_str(&text), &kept));
	event_put_core(e, id, kept);
	buf_release(&text);
}

static inline void
case_begin(struct flow_case *c, struct event *e, double at)
{
	arena_clear(&c->arena);
	event_begin(e, &c->arena, NULL);
	e->time_ms = CASE_BEGIN + (int64_t)(at * 1000);
}

/* How many findings it brings. */
static inline uint32_t
case_flow(struct flow_case *c, struct one_flow one)
{
	struct event e;
	case_begin(c, &e, one.at);
	event_put_core(&e, F_EVENT_TYPE, STR("connection"));
	event_put_core(&e, F_SOURCE_IP, str_z(one.from));
	event_put_core(&e, F_DESTINATION_IP, str_z(one.to));
	event_put_core(&e, F_NETWORK_TRANSPORT, str_z(one.transport ? one.transport : "tcp"));
	event_put_core(&e, F_FLOW_STATE, str_z(one.state ? one.state : "answered"));
	c->port = c->port % 10000 + 1;
	case_number(&e, F_SOURCE_PORT, one.from_port ? one.from_port : 50000 + c->port);
	case_number(&e, F_DESTINATION_PORT, one.port);
	case_number(&e, F_SOURCE_BYTES, one.out);
	case_number(&e, F_DESTINATION_BYTES, one.in);
	case_number(&e, F_SOURCE_PACKETS, one.packets_out ? one.packets_out : 10);
	case_number(&e, F_DESTINATION_PACKETS, one.packets_in);
	if (one.start) {
		struct buf text = BUF_INIT;
		struct str kept = {0};
		time_format(&text, CASE_BEGIN + (int64_t)(one.start * 1000), 0);
		CHECK(arena_copy(&c->arena, buf_str(&text), &kept));
		event_put_core(&e, F_EVENT_START, kept);
		buf_release(&text);
	}
	return case_feed(c, &e);
}

static inline uint32_t
case_question(struct flow_case *c, double at, const char *from, const char *name, const char *type, bool answer)
{
	struct event e;
	case_begin(c, &e, at);
	event_put_core(&e, F_EVENT_TYPE, answer ? STR("answer") : STR("query"));
	event_put_core(&e, F_SOURCE_IP, str_z(from));
	event_put_core(&e, F_DESTINATION_IP, STR("10.0.0.53"));
	case_number(&e, F_SOURCE_PORT, 40000);
	case_number(&e, F_DESTINATION_PORT, 53);
	event_put_core(&e, F_DNS_QUESTION, str_z(name));
	event_put_core(&e, F_DNS_TYPE, str_z(type));
	return case_feed(c, &e);
}

/* The last finding says all of that, names and values as case_write() puts them. */
static inline void
case_says(const struct flow_case *c, const char *const *rows, const char *file, int line)
{
	for (; *rows; rows++) {
		struct buf want = BUF_INIT;
		buf_addf(&want, " %s ", *rows);
		tap_check(str_find(buf_str(&c->last), buf_str(&want)) >= 0, file, line, "\"%s\" in: %s", *rows,
		    c->last.p ? c->last.p : "");
		buf_release(&want);
	}
}

#define CASE_SAYS(c, ...) case_says((c), (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

/* Numbers that repeat from run to run. */
static inline uint64_t
case_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

#endif
