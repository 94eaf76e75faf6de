/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/flow.h"

#include <math.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/flow_private.h"

#define BYTES_USUAL ((size_t)64 << 20)
#define AGAIN_MS TIME_HOUR

/* ---- tables ---- */

/* What part of the bytes each kind may have, in hundredths; and how long a key without panes is worth keeping. */
static const struct {
	size_t part, body;
	int64_t memory_ms;
	bool panes;
} kinds[KIND_COUNT] = {
	[KIND_HOSTS] = {8, sizeof(struct panes), 0, true},
	[KIND_PORTS] = {8, sizeof(struct panes), 0, true},
	[KIND_BEACON] = {24, sizeof(struct beacon), TIME_DAY, false},
	[KIND_PEERS] = {12, sizeof(struct panes), 0, true},
	[KIND_NAMES] = {14, sizeof(struct panes), 0, true},
	[KIND_REFLECTOR] = {3, sizeof(struct panes), 0, true},
	[KIND_VICTIM] = {3, sizeof(struct panes), 0, true},
	[KIND_VOLUME] = {28, sizeof(struct volume), 35 * TIME_DAY, false},
};

static void
volume_open(void *body)
{
	struct volume *v = body;
	v->hour = v->limit_hour = -1;
}

void
flow_tables_open(struct flow *f)
{
	for (int i = 0; i < KIND_COUNT; i++) {
		struct flow_table *t = &f->table[i];
		*t = (struct flow_table){.body = kinds[i].body, .secret = f->table[0].secret, .memory_ms = kinds[i].memory_ms};
		if (i == KIND_BEACON) {
			t->release = beacon_release;
			t->more = beacon_more;
		}
		if (i == KIND_VOLUME)
			t->open = volume_open;
		if (kinds[i].panes) {
			t->open = panes_open;
			t->release = panes_release;
			t->more = panes_more;
			t->memory_ms = f->is.window_ms[i];
		}
		flow_table_open(t, f->options.max_bytes / 100 * kinds[i].part);
	}
}

/* ---- rules ---- */

static double
number(const struct rule_info *rule, struct str name, double fallback, double least, double most)
{
	double value = rule ? rule_parameter(rule, name, fallback) : fallback;
	return value >= least && value <= most ? value : value > most ? most : least;
}

#define NUMBER(rule, name, fallback, least, most) number(rule, STR(name), fallback, least, most)
#define SECONDS(rule, name, fallback, least, most) (int64_t)(1000 * NUMBER(rule, name, fallback, least, most))

static void
read_scan_rules(struct flow_rules *is)
{
	const struct rule_info *hosts = is->hosts, *ports = is->ports;
	is->window_ms[KIND_HOSTS] = SECONDS(hosts, "window_s", 300, 8, 86400);
	is->hosts_least = NUMBER(hosts, "hosts", 40, 2, 1000);
	is->hosts_least_outside = NUMBER(hosts, "hosts_outside", 100, 2, 1000);
	is->hosts_share = NUMBER(hosts, "failed_percent", 70, 0, 100) / 100;
	is->tiny_packets = (uint64_t)NUMBER(hosts, "tiny_packets", 3, 0, 100);
	is->window_ms[KIND_PORTS] = SECONDS(ports, "window_s", 300, 8, 86400);
	is->ports_least = NUMBER(ports, "ports", 25, 2, 1000);
	is->ports_least_outside = NUMBER(ports, "ports_outside", 50, 2, 1000);
	is->ports_share = NUMBER(ports, "failed_percent", 70, 0, 100) / 100;
}

static void
read_beacon_rule(struct flow_rules *is)
{
	const struct rule_info *b = is->beacon;
	is->beacon_count = NUMBER(b, "connections", 20, 4, BEATS);
	is->beacon_jitter = NUMBER(b, "jitter_percent", 15, 0, 100) / 100;
	is->beacon_even = NUMBER(b, "even_percent", 80, 0, 100) / 100;
	is->beacon_period_least = SECONDS(b, "period_min_s", 10, 1, 86400);
	is->beacon_period_most = SECONDS(b, "period_max_s", 21600, 1, 604800);
	is->beacon_span = SECONDS(b, "span_s", 1200, 0, 2592000);
	is->beacon_merge = SECONDS(b, "merge_s", 2, 0, 3600);
	is->beacon_popular = NUMBER(b, "popular_hosts", 20, 2, 1000);
	is->window_ms[KIND_PEERS] = TIME_DAY;
}

static void
read_other_rules(struct flow_rules *is)
{
	const struct rule_info *n = is->names, *a = is->amplification, *v = is->volume;
	is->window_ms[KIND_NAMES] = SECONDS(n, "window_s", 3600, 8, 604800);
	is->names_least = NUMBER(n, "names", 60, 2, 1000);
	is->names_length = NUMBER(n, "length", 24, 1, 253);
	is->names_entropy = NUMBER(n, "entropy_bits", 3.2, 0, 8);
	is->names_bytes = NUMBER(n, "bytes", 2500, 0, 1e12);
	is->names_rare_share = NUMBER(n, "rare_percent", 50, 0, 101) / 100;
	is->window_ms[KIND_REFLECTOR] = is->window_ms[KIND_VICTIM] = SECONDS(a, "window_s", 600, 8, 86400);
	is->ratio = NUMBER(a, "ratio", 10, 1, 1e6);
	is->reflector_bytes = NUMBER(a, "reflector_bytes", 1e7, 0, 1e15);
	is->victim_bytes = NUMBER(a, "victim_bytes", 2e7, 0, 1e15);
	is->victim_servers = NUMBER(a, "victim_servers", 10, 1, 1000);
	is->volume_weeks = NUMBER(v, "weeks", 3, 1, VOLUME_WEEKS - 1);
	is->volume_factor = NUMBER(v, "factor", 5, 1, 1e6);
	is->volume_deviations = NUMBER(v, "deviations", 6, 0, 1e6);
	is->volume_bytes = NUMBER(v, "bytes", 1e9, 0, 1e15);
	is->night_from = NUMBER(v, "night_from_hour", 22, 0, 24);
	is->night_to = NUMBER(v, "night_to_hour", 5, 0, 24);
	is->night_bytes = NUMBER(v, "night_bytes", 2e8, 0, 1e15);
	is->new_days = NUMBER(v, "new_days", 7, 0, 3650);
}

/* Switched off is as if it were not there. */
static const struct rule_info *
engine(const struct rules *r, struct str name)
{
	const struct rule_info *rule = rules_engine(r, name);
	return rule && !rule->off ? rule : NULL;
}

static void
read_rules(struct flow *f, const struct rules *r)
{
	struct flow_rules *is = &f->is;
	f->rules = r;
	is->hosts = engine(r, STR("flow.scan_horizontal"));
	is->ports = engine(r, STR("flow.scan_vertical"));
	is->beacon = engine(r, STR("flow.beacon"));
	is->names = engine(r, STR("flow.dns_tunnel"));
	is->amplification = engine(r, STR("flow.amplification"));
	is->volume = engine(r, STR("flow.volume"));
	read_scan_rules(is);
	read_beacon_rule(is);
	read_other_rules(is);
	flow_lists_read(&f->lists, r);
}

void
flow_set_rules(struct flow *f, const struct rules *r)
{
	const struct flow_rules was = f->is;
	read_rules(f, r);
	for (int i = 0; i < KIND_COUNT; i++)
		if (kinds[i].panes && f->is.window_ms[i] != was.window_ms[i]) {
			flow_table_clear(&f->table[i]);
			f->table[i].memory_ms = f->is.window_ms[i];
		}
}

struct flow *
flow_new(const struct rules *r, const struct flow_options *o)
{
	struct flow *f = MEM_NEW(struct flow);
	f->options = *o;
	if (!f->options.max_bytes)
		f->options.max_bytes = BYTES_USUAL;
	f->begun = TIME_NONE;
	flow_wants(&f->wants);
	read_rules(f, r);
	/* Nobody outside knows the address, so nobody can aim at a bucket; no answer depends on it. */
	f->table[0].secret = hash64_mix((uintptr_t)f, (uintptr_t)f->lists.regular);
	flow_tables_open(f);
	return f;
}

void
flow_free(struct flow *f)
{
	if (!f)
		return;
	for (int i = 0; i < KIND_COUNT; i++)
		flow_table_release(&f->table[i]);
	flow_lists_release(&f->lists);
	mem_free(f);
}

/* ---- what is common to the detectors ---- */

uint64_t
flow_hash(const struct flow *f, struct str bytes)
{
	return hash64(bytes, f->table[0].secret);
}

static void
copy(uint8_t to[16], const uint8_t from[16])
{
	memcpy(to, from, 16);
}

struct flow_key
flow_key_of(enum flow_kind kind, const struct flow_record *r)
{
	struct flow_key key = {.c = (uint32_t)r->transport << 16 | r->server_port};
	switch (kind) {
	case KIND_HOSTS:
		copy(key.a, r->client);
		break;
	case KIND_PORTS:
		key.c = (uint32_t)r->transport << 16;
		[[fallthrough]];
	case KIND_BEACON:
		copy(key.a, r->client);
		copy(key.b, r->server);
		break;
	case KIND_PEERS:
		copy(key.b, r->server);
		break;
	default: /* KIND_VOLUME */
		key.c = 0;
		copy(key.a, r->client_ours ? r->client : r->server);
	}
	return key;
}

/* Five tables, five places in memory: all are fetched at once, not one after the other. */
static void
hint(struct flow *f, const struct flow_record *r)
{
	static const enum flow_kind kind[] = {KIND_HOSTS, KIND_PORTS, KIND_BEACON, KIND_PEERS, KIND_VOLUME};
	for (size_t i = 0; i < COUNT(kind); i++) {
		struct flow_key key = flow_key_of(kind[i], r);
		flow_table_hint(&f->table[kind[i]], &key);
	}
	for (size_t i = 0; i < COUNT(kind); i++)
		flow_table_hint_state(&f->table[kind[i]]);
}

struct flow_state *
flow_panes(struct flow *f, enum flow_kind kind, const struct flow_key *key, int64_t time, bool make, int64_t *ret_pane,
    size_t *ret_before)
{
	struct flow_table *t = &f->table[kind];
	int64_t pane = time / (f->is.window_ms[kind] / (int64_t)PANES);
	struct flow_state *at = make ? flow_table_get(t, key, time) : flow_table_find(t, key, time);
	if (!at)
		return NULL;
	if (!panes_move((struct panes *)at->body, pane)) {
		f->stats.late++;
		return NULL;
	}
	*ret_pane = pane;
	*ret_before = panes_more(at->body);
	return at;
}

bool
flow_due(struct flow_state *at, int64_t time, double value)
{
	if (at->fired != TIME_NONE && time - at->fired < AGAIN_MS && value < 2 * at->fired_value)
		return false;
	at->fired = time;
	at->fired_value = value;
	return true;
}

void
flow_tell(struct flow_told *t, const char *name, struct str value)
{
	if (t->n < COUNT(t->field))
		t->field[t->n++] = (struct finding_field){str_z(name), value};
}

void
flow_tell_number(struct flow_told *t, const char *name, double value)
{
	char text[40];
	struct str kept;
	/* One digit behind the point where there is a fraction worth telling. */
	int n = snprintf(text, sizeof text, value < 1000 && value != floor(value) ? "%.1f" : "%.0f", value);
	t->over |= !arena_copy(t->f->arena, str_from(text, (size_t)n), &kept);
	if (!t->over)
		flow_tell(t, name, kept);
}

void
flow_find(struct flow_told *t, const struct rule_info *rule, struct event *e)
{
	struct flow *f = t->f;
	struct finding_field *matched = arena_alloc(f->arena, t->n * sizeof *matched);
	if (t->over || !matched || f->outs == FLOW_OUT_MAX) {
		f->stats.dropped++;
		return;
	}
	memcpy(matched, t->field, t->n * sizeof *matched);
	f->out[f->outs++] = (struct finding){rule, e, matched, t->n};
	f->stats.fired++;
}

uint32_t
flow_feed(struct flow *f, struct event *e, struct arena *arena, struct finding **ret)
{
	struct flow_record r;
	f->outs = 0;
	f->arena = arena;
	if (!flow_read(f, e, &r))
		return 0;
	if (f->begun == TIME_NONE || r.start < f->begun)
		f->begun = r.start;
	if (r.name.n) {
		f->stats.questions++;
		flow_names(f, &r);
	} else {
		f->stats.flows++;
		hint(f, &r);
		flow_scan(f, &r);
		flow_beacon(f, &r);
		flow_amplification(f, &r);
		flow_volume(f, &r);
	}
	struct finding *list = f->outs ? arena_alloc(arena, f->outs * sizeof *list) : NULL;
	if (!list) {
		f->stats.dropped += f->outs;
		return 0;
	}
	memcpy(list, f->out, f->outs * sizeof *list);
	*ret = list;
	return f->outs;
}

struct flow_stats
flow_stats(const struct flow *f)
{
	struct flow_stats s = f->stats;
	for (int i = 0; i < KIND_COUNT; i++) {
		s.evicted += f->table[i].evicted;
		s.keys += f->table[i].count;
		s.bytes += f->table[i].bytes;
	}
	for (const struct flow_state *at = f->table[KIND_VOLUME].oldest; at; at = at->newer) {
		s.hosts++;
		s.learning += !volume_has_learned(f, (const struct volume *)at->body);
	}
	return s;
}
