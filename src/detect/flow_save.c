/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * All state as bytes, little-endian: "KFLW" | u32 version | u64 secret | i64 begun | for each kind: i64 length of its
 * window (0 = none) | i64 clock | u64 turns | u32 states, the stalest first | each: key, turn, touched, fired, value, body. What is read is
 * checked as if anybody had written it.
 */
#include "base/memory.h"
#include "base/wire.h"
#include "detect/flow_private.h"

#define MAGIC UINT32_C(0x574c464b)
#define VERSION 2u
#define HOUR_MAX (FLOW_TIME_FAR / TIME_HOUR)
#define PANE_MAX FLOW_TIME_FAR

/* ---- writing ---- */

static void
save_panes(const struct panes *p, struct buf *out)
{
	uint32_t live = 0;
	for (uint32_t i = 0; i < p->cap; i++)
		live += p->item[i].what && p->item[i].when >> 1 > p->newest - (int64_t)PANES;
	wire_put_i64(out, p->newest);
	wire_put_u8(out, p->truncated);
	wire_put_u32(out, live);
	for (uint32_t i = 0; i < p->cap; i++)
		if (p->item[i].what && p->item[i].when >> 1 > p->newest - (int64_t)PANES) {
			wire_put_u64(out, p->item[i].what);
			wire_put_i64(out, p->item[i].when);
		}
	wire_put_u8(out, p->sum != NULL);
	for (uint32_t i = 0; p->sum && i < PANES; i++)
		for (uint32_t k = 0; k < PANE_SUMS; k++)
			wire_put_varint(out, p->sum[i][k]);
}

static void
save_beacon(const struct beacon *b, struct buf *out)
{
	wire_put_u32(out, b->n);
	for (uint32_t i = 0; i < b->n; i++)
		wire_put_i64(out, b->start[i]);
	wire_put_u32(out, b->added);
	wire_put_u16(out, b->port);
	wire_put_i64(out, b->end);
	wire_put_u64(out, b->flows);
	wire_put_u64(out, b->bytes_out);
	wire_put_u64(out, b->bytes_in);
	wire_put_i64(out, b->first);
}

static void
save_volume(const struct volume *v, struct buf *out)
{
	wire_put_i64(out, v->first);
	wire_put_i64(out, v->hour);
	wire_put_u64(out, v->bytes);
	for (uint32_t week = 0; week < VOLUME_WEEKS; week++)
		for (uint32_t hour = 0; hour < WEEK_HOURS; hour++)
			wire_put_varint(out, v->past[week][hour]);
}

static void
save_body(enum flow_kind kind, const void *body, struct buf *out)
{
	if (kind == KIND_BEACON)
		save_beacon(body, out);
	else if (kind == KIND_VOLUME)
		save_volume(body, out);
	else
		save_panes(body, out);
}

void
flow_save(const struct flow *f, struct buf *out)
{
	wire_put_u32(out, MAGIC);
	wire_put_u32(out, VERSION);
	wire_put_u64(out, f->table[0].secret);
	wire_put_i64(out, f->begun);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const struct flow_table *t = &f->table[kind];
		wire_put_i64(out, f->is.window_ms[kind]);
		wire_put_i64(out, t->clock);
		wire_put_u64(out, t->turns);
		wire_put_u32(out, t->count);
		for (const struct flow_state *at = t->oldest; at; at = at->newer) {
			uint64_t value;
			memcpy(&value, &at->fired_value, sizeof value);
			buf_add(out, str_from((const char *)&at->key, sizeof at->key));
			wire_put_u64(out, at->turn);
			wire_put_i64(out, at->touched);
			wire_put_i64(out, at->fired);
			wire_put_u64(out, value);
			save_body((enum flow_kind)kind, at->body, out);
		}
	}
}

/* ---- reading ---- */

static bool
is_time(int64_t time)
{
	return time >= 0 && time <= FLOW_TIME_FAR;
}

/* Every pane as it is told, but `newest` of one that never saw anything. */
static bool
load_items(struct panes *p, struct wire *w)
{
	uint32_t n = wire_u32(w);
	if (n > PANE_ITEMS || n > w->rest.n / 16)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t what = wire_u64(w);
		int64_t when = wire_i64(w), pane = when >> 1;
		uint32_t before = p->used;
		if (!what || pane > p->newest || pane <= p->newest - (int64_t)PANES)
			return false;
		panes_see(p, pane, what, when & 1);
		if (p->used != before + 1)
			return false; /* twice the same */
	}
	return true;
}

static bool
load_panes(struct panes *p, struct wire *w)
{
	p->newest = wire_i64(w);
	bool truncated = wire_u8(w);
	if (p->newest < 0 || p->newest > PANE_MAX || !load_items(p, w))
		return false;
	p->truncated = truncated;
	for (uint32_t i = 0, sums = wire_u8(w) ? PANES : 0; i < sums && !w->bad; i++) {
		uint64_t sum[PANE_SUMS];
		for (uint32_t k = 0; k < PANE_SUMS; k++)
			sum[k] = wire_varint(w);
		panes_add(p, i, sum); /* pane i has place i */
	}
	return !w->bad;
}

static bool
load_beacon(struct beacon *b, struct wire *w)
{
	uint32_t n = wire_u32(w);
	if (n > BEATS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		int64_t start = wire_i64(w);
		if (!is_time(start) || (i && start <= b->start[i - 1]) || !beacon_add(b, start, 0))
			return false;
	}
	b->added = wire_u32(w);
	b->port = wire_u16(w);
	b->end = wire_i64(w);
	b->flows = wire_u64(w);
	b->bytes_out = wire_u64(w);
	b->bytes_in = wire_u64(w);
	b->first = wire_i64(w);
	return !w->bad && b->added >= b->n && is_time(b->first) && is_time(b->end);
}

static bool
load_volume(struct volume *v, struct wire *w)
{
	v->first = wire_i64(w);
	v->hour = wire_i64(w);
	v->bytes = wire_u64(w);
	v->limit_hour = -1;
	if (v->first < 0 || v->hour < v->first || v->hour > HOUR_MAX)
		return false;
	for (uint32_t week = 0; week < VOLUME_WEEKS; week++)
		for (uint32_t hour = 0; hour < WEEK_HOURS; hour++) {
			uint64_t packed = wire_varint(w);
			if (packed > UINT16_MAX)
				return false;
			v->past[week][hour] = (uint16_t)packed;
		}
	return !w->bad;
}

static bool
load_body(enum flow_kind kind, void *body, struct wire *w)
{
	if (kind == KIND_BEACON)
		return load_beacon(body, w);
	return kind == KIND_VOLUME ? load_volume(body, w) : load_panes(body, w);
}

static bool
load_state(struct flow_table *t, enum flow_kind kind, struct wire *w)
{
	struct flow_key key;
	struct str bytes = wire_bytes(w, sizeof key);
	uint64_t turn = wire_u64(w);
	int64_t touched = wire_i64(w), fired = wire_i64(w);
	uint64_t value = wire_u64(w);
	double fired_value;
	memcpy(&fired_value, &value, sizeof value);
	if (w->bad || !is_time(touched) || touched < t->clock || (fired != TIME_NONE && !is_time(fired)) ||
	    !(fired_value >= 0 && fired_value < 1e300))
		return false;
	memcpy(&key, bytes.p, sizeof key);
	if (flow_table_find(t, &key, touched))
		return false;
	struct flow_state *at = flow_table_get(t, &key, touched);
	size_t before = t->more ? t->more(at->body) : 0;
	bool ok = load_body(kind, at->body, w);
	at->turn = turn;
	at->fired = fired;
	at->fired_value = fired_value;
	if (t->more)
		flow_table_settle(t, at, before);
	return ok;
}

static bool
load_table(const struct flow *f, struct flow_table *t, enum flow_kind kind, struct wire *w)
{
	int64_t window = wire_i64(w), clock = wire_i64(w);
	uint64_t turns = wire_u64(w);
	uint32_t count = wire_u32(w);
	for (uint32_t i = 0; i < count; i++)
		if (w->bad || !load_state(t, kind, w))
			return false;
	if (w->bad || (clock != TIME_NONE && !is_time(clock)) || clock < t->clock || (clock == TIME_NONE && count))
		return false;
	t->evicted = 0;
	t->clock = clock;
	t->turns = turns;
	if (window != f->is.window_ms[kind])
		flow_table_clear(t);
	return true;
}

int
flow_load(struct flow *f, struct str bytes)
{
	struct wire w = {bytes, false};
	if (wire_u32(&w) != MAGIC)
		return E_CORRUPT;
	if (wire_u32(&w) != VERSION)
		return w.bad ? E_CORRUPT : E_UNSUPPORTED;
	struct flow fresh = {.options = f->options, .is = f->is};
	fresh.table[0].secret = wire_u64(&w);
	fresh.begun = wire_i64(&w);
	flow_tables_open(&fresh);
	bool ok = !w.bad && (fresh.begun == TIME_NONE || is_time(fresh.begun));
	for (int kind = 0; kind < KIND_COUNT && ok; kind++)
		ok = load_table(f, &fresh.table[kind], (enum flow_kind)kind, &w);
	ok = ok && !w.rest.n;
	struct flow *from = ok ? f : &fresh;
	for (int kind = 0; kind < KIND_COUNT; kind++)
		flow_table_release(&from->table[kind]);
	if (!ok)
		return E_CORRUPT;
	memcpy(f->table, fresh.table, sizeof f->table);
	f->begun = fresh.begun;
	return 0;
}
