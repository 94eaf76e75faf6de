/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/correlate_window.h"

#include <assert.h>
#include <endian.h>

#include "base/memory.h"

#define LIMIT_MIN 1024u
#define LIMIT_MAX 262144u
#define LIMIT_SAMPLE 4096u
#define REST_ENTRIES 64u /* room that an empty window keeps */

/* Twice what a condition asks for, so that crossing it is always exact. */
struct measure
measure_of(const struct correlation *c)
{
	struct measure m = {c, LIMIT_SAMPLE};
	if (c->type == CORRELATE_VALUE_PERCENTILE || c->type == CORRELATE_TEMPORAL_ORDERED)
		return m;
	m.limit = LIMIT_MIN;
	for (uint32_t i = 0; i < c->bounds; i++) {
		double twice = 2 * c->bound[i].number;
		if (c->type < CORRELATE_VALUE_SUM && twice > m.limit)
			m.limit = twice < LIMIT_MAX ? (uint32_t)twice : LIMIT_MAX;
	}
	return m;
}

void
window_init(struct window *w)
{
	*w = (struct window){.newest = TIME_NONE};
}

void
window_release(struct window *w)
{
	mem_free(w->entry);
	mem_free(w->seen);
	mem_free(w->sorted);
	mem_free(w->since);
	window_init(w);
}

size_t
window_bytes(const struct measure *m, const struct window *w)
{
	return w->cap * sizeof *w->entry + w->seen_cap * sizeof *w->seen + w->sorted_cap * sizeof *w->sorted +
	    (w->since ? m->c->rules * sizeof *w->since : 0);
}

bool
window_is_past(const struct measure *m, const struct window *w, int64_t time)
{
	return w->newest != TIME_NONE && time < w->newest - m->c->timespan_ms;
}

/* ---- entries by time ---- */

/* Behind all entries that are not later. */
static uint32_t
entry_place(const struct window *w, int64_t time)
{
	uint32_t low = 0, high = w->n;
	if (!w->n || w->entry[w->first + w->n - 1].time <= time)
		return w->n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (w->entry[w->first + middle].time <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
entry_insert(struct window *w, uint32_t at, const struct entry *e)
{
	if (w->first + w->n == w->cap && w->first > w->cap / 2) {
		memmove(w->entry, w->entry + w->first, w->n * sizeof *w->entry);
		w->first = 0;
	}
	if (w->first + w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 2;
		w->entry = mem_realloc(w->entry, w->cap * sizeof *w->entry);
	}
	struct entry *place = w->entry + w->first + at;
	memmove(place + 1, place, (w->n - at) * sizeof *place);
	*place = *e;
	w->n++;
}

/* ---- distinct values ---- */

static struct seen *
seen_slot(const struct window *w, uint64_t hash)
{
	uint32_t mask = w->seen_cap - 1, i = (uint32_t)(hash >> 32) & mask;
	while (w->seen[i].time != TIME_NONE && w->seen[i].hash != hash)
		i = (i + 1) & mask;
	return &w->seen[i];
}

static void
seen_grow(struct window *w)
{
	struct seen *old = w->seen;
	uint32_t old_cap = w->seen_cap;
	w->seen_cap = old_cap ? old_cap * 2 : 4;
	w->seen = mem_calloc(w->seen_cap, sizeof *w->seen);
	for (uint32_t i = 0; i < w->seen_cap; i++)
		w->seen[i].time = TIME_NONE;
	for (uint32_t i = 0; i < old_cap; i++)
		if (old[i].time != TIME_NONE)
			*seen_slot(w, old[i].hash) = old[i];
	mem_free(old);
}

/* Those behind move up, so that no search ends too early. */
static void
seen_remove(struct window *w, struct seen *gone)
{
	uint32_t mask = w->seen_cap - 1, hole = (uint32_t)(gone - w->seen);
	for (uint32_t i = (hole + 1) & mask; w->seen[i].time != TIME_NONE; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)(w->seen[i].hash >> 32) & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		w->seen[hole] = w->seen[i];
		hole = i;
	}
	w->seen[hole].time = TIME_NONE;
	w->seen_count--;
}

/* False when the value has been seen at that time or later: the earlier moment changes nothing. */
static bool
seen_add(struct window *w, uint64_t hash, int64_t time)
{
	if (w->seen_count * 4 >= w->seen_cap * 3)
		seen_grow(w);
	struct seen *s = seen_slot(w, hash);
	if (s->time != TIME_NONE && s->time >= time)
		return false;
	w->seen_count += s->time == TIME_NONE;
	*s = (struct seen){hash, time};
	return true;
}

/* ---- sorted numbers ---- */

static uint32_t
sorted_place(const struct window *w, uint32_t n, double number)
{
	uint32_t low = 0, high = n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (w->sorted[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
sorted_add(struct window *w, double number)
{
	uint32_t n = (uint32_t)w->count;
	if (n == w->sorted_cap) {
		w->sorted_cap = n ? n * 2 : 4;
		w->sorted = mem_realloc(w->sorted, w->sorted_cap * sizeof *w->sorted);
	}
	uint32_t at = sorted_place(w, n, number);
	memmove(w->sorted + at + 1, w->sorted + at, (n - at) * sizeof *w->sorted);
	w->sorted[at] = number;
}

static void
sorted_remove(struct window *w, double number)
{
	uint32_t n = (uint32_t)w->count, at = sorted_place(w, n, number);
	assert(at < n && w->sorted[at] == number);
	memmove(w->sorted + at, w->sorted + at + 1, (n - at - 1) * sizeof *w->sorted);
}

/* ---- order ---- */

static bool
is_aside(const struct correlation *c, uint32_t i)
{
	return c->aside && c->aside[i];
}

/* One more step: a run up to position i goes on from the latest one up to the step before. From the back, so that an
 * event is one step only. Starts only get later, hence the latest run is the best. */
static void
order_step(const struct correlation *c, struct window *w, uint32_t rule, int64_t time)
{
	for (uint32_t i = c->rules; i-- > 0;) {
		uint32_t before = i;
		if (c->rule[i] != rule)
			continue;
		while (!is_aside(c, i) && before && is_aside(c, before - 1))
			before--;
		w->since[i] = is_aside(c, i) || !before ? time : w->since[before - 1];
	}
}

static void
since_clear(const struct correlation *c, struct window *w)
{
	for (uint32_t i = 0; i < c->rules; i++)
		w->since[i] = TIME_NONE;
}

static void
order_replay(const struct correlation *c, struct window *w)
{
	since_clear(c, w);
	for (uint32_t i = 0; i < w->n; i++)
		order_step(c, w, w->entry[w->first + i].rule, w->entry[w->first + i].time);
}

/* ---- bounds ---- */

/* An entry leaves: what it stood for leaves the numbers kept beside. */
static void
entry_left(const struct correlation *c, struct window *w, const struct entry *e)
{
	if (c->type == CORRELATE_VALUE_COUNT) {
		struct seen *s = seen_slot(w, e->hash);
		if (s->time == e->time)
			seen_remove(w, s);
	} else if (c->type == CORRELATE_VALUE_PERCENTILE) {
		sorted_remove(w, e->number);
	} else if (c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG) {
		w->sum -= e->number;
		w->left++;
	}
	w->count -= e->count;
}

/* Taking numbers away again leaves rounding behind; adding up anew now and then keeps it small. */
static void
sum_again(struct window *w)
{
	if (w->left <= w->n)
		return;
	w->left = 0;
	w->sum = 0;
	for (uint32_t i = 0; i < w->n; i++)
		w->sum += w->entry[w->first + i].number;
}

static void
window_drop_first(const struct correlation *c, struct window *w)
{
	entry_left(c, w, &w->entry[w->first]);
	w->first++;
	if (--w->n == 0)
		w->first = 0;
}

/* Nothing is left: a window that was large does not stay so. */
static void
window_rest(struct window *w)
{
	w->truncated = false;
	w->sum = 0;
	if (w->cap <= REST_ENTRIES)
		return;
	mem_free(w->entry);
	mem_free(w->seen);
	mem_free(w->sorted);
	w->entry = NULL;
	w->seen = NULL;
	w->sorted = NULL;
	w->cap = w->seen_cap = w->sorted_cap = 0;
}

static void
window_expire(const struct correlation *c, struct window *w)
{
	uint32_t before = w->n;
	while (w->n && w->entry[w->first].time < w->newest - c->timespan_ms)
		window_drop_first(c, w);
	if (w->n != before && (c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG))
		sum_again(w);
	if (!w->n)
		window_rest(w);
}

/* Values seen again later, and repetitions inside a run of one rule, say nothing any more. */
static bool
entry_is_idle(const struct correlation *c, const struct window *w, uint32_t i)
{
	const struct entry *e = &w->entry[w->first + i];
	if (c->type == CORRELATE_VALUE_COUNT)
		return seen_slot(w, e->hash)->time != e->time;
	return c->type == CORRELATE_TEMPORAL_ORDERED && i > 0 && i + 1 < w->n && e[-1].rule == e->rule &&
	    e[1].rule == e->rule;
}

static void
window_drop_idle(const struct correlation *c, struct window *w)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		struct entry e = w->entry[w->first + i];
		bool idle = entry_is_idle(c, w, i);
		if (idle)
			w->count -= e.count;
		else
			w->entry[w->first + kept++] = e;
	}
	w->n = kept;
}

/* Two neighbours become one at the earlier time. */
static void
window_join_pairs(struct window *w)
{
	struct entry *e = w->entry + w->first;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i += 2, kept++) {
		e[kept] = e[i];
		if (i + 1 < w->n) {
			e[kept].count += e[i + 1].count;
			e[kept].number += e[i + 1].number;
		}
	}
	w->n = kept;
	w->truncated = true;
}

static void
window_make_room(const struct measure *m, struct window *w)
{
	const struct correlation *c = m->c;
	if (c->type == CORRELATE_VALUE_COUNT && w->n >= 2 * w->seen_count + 16)
		window_drop_idle(c, w);
	if (w->n < m->limit)
		return;
	if (c->type == CORRELATE_EVENT_COUNT || c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG) {
		window_join_pairs(w);
		return;
	}
	uint32_t keep = m->limit - 1;
	if (c->type != CORRELATE_VALUE_PERCENTILE) {
		window_drop_idle(c, w);
		keep = m->limit - m->limit / 8; /* looking for the idle is dear: not for every event */
	}
	/* Distinct values need no more than their last time: nothing is lost by that. */
	w->truncated |= c->type != CORRELATE_VALUE_COUNT || w->n > keep;
	while (w->n > keep)
		window_drop_first(c, w);
}

/* ---- events ---- */

static void
temporal_add(const struct correlation *c, struct window *w, const struct entry *e)
{
	for (uint32_t i = 0; i < c->rules; i++) {
		if (c->rule[i] == e->rule) {
			if (w->since[i] < e->time)
				w->since[i] = e->time;
			return;
		}
	}
}

static bool
entry_joins(const struct correlation *c, const struct window *w, uint32_t at, int64_t time)
{
	return at && w->entry[w->first + at - 1].time == time &&
	    (c->type == CORRELATE_EVENT_COUNT || c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG);
}

static void
entry_add(const struct measure *m, struct window *w, const struct entry *e)
{
	const struct correlation *c = m->c;
	if (c->type == CORRELATE_VALUE_PERCENTILE)
		sorted_add(w, e->number);
	if (c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG)
		w->sum += e->number;
	w->count++;
	uint32_t at = entry_place(w, e->time);
	if (entry_joins(c, w, at, e->time)) {
		struct entry *other = &w->entry[w->first + at - 1];
		other->count++;
		other->number += e->number;
		return;
	}
	entry_insert(w, at, e);
	if (c->type == CORRELATE_TEMPORAL_ORDERED && at + 1 == w->n)
		order_step(c, w, e->rule, e->time);
	else if (c->type == CORRELATE_TEMPORAL_ORDERED)
		order_replay(c, w);
}

void
window_add(const struct measure *m, struct window *w, const struct entry *e)
{
	const struct correlation *c = m->c;
	assert(e->count == 1 && !window_is_past(m, w, e->time));
	if (!w->since && (c->type == CORRELATE_TEMPORAL || c->type == CORRELATE_TEMPORAL_ORDERED)) {
		w->since = mem_alloc(c->rules * sizeof *w->since);
		since_clear(c, w);
	}
	if (e->time > w->newest) {
		w->newest = e->time;
		window_expire(c, w);
	}
	if (c->type == CORRELATE_TEMPORAL) {
		temporal_add(c, w, e);
		return;
	}
	window_make_room(m, w);
	if (c->type == CORRELATE_VALUE_COUNT && !seen_add(w, e->hash, e->time))
		return;
	entry_add(m, w, e);
}

/* ---- values ---- */

static bool
is_inside(const struct correlation *c, const struct window *w, uint32_t i)
{
	return w->since[i] != TIME_NONE && w->since[i] >= w->newest - c->timespan_ms;
}

/* How many rules have matched; in an order, how many steps from the first on: no run comes to a step later than to the
 * one before. */
static uint32_t
temporal_value(const struct correlation *c, const struct window *w)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->rules; i++)
		n += !is_aside(c, i) && is_inside(c, w, i);
	return n;
}

static bool
expr_meets(const struct correlation *c, const struct window *w, const struct expr *e)
{
	if (e->kind == EXPR_RULE)
		return is_inside(c, w, e->place);
	if (e->kind == EXPR_NOT)
		return !expr_meets(c, w, e->child[0]);
	for (uint32_t i = 0; i < e->count; i++)
		if (expr_meets(c, w, e->child[i]) == (e->kind == EXPR_OR))
			return e->kind == EXPR_OR;
	return e->kind == EXPR_AND;
}

bool
window_meets(const struct measure *m, const struct window *w)
{
	return expr_meets(m->c, w, m->c->condition);
}

/* The nearest rank: a number that did occur. */
static double
percentile_value(const struct correlation *c, const struct window *w)
{
	double share = c->percentile / 100 * (double)w->count;
	uint32_t rank = (uint32_t)share;
	if ((double)rank == share && rank)
		rank--;
	return w->count ? w->sorted[rank] : 0;
}

double
window_value(const struct measure *m, const struct window *w)
{
	switch (m->c->type) {
	case CORRELATE_EVENT_COUNT:
		return (double)w->count;
	case CORRELATE_VALUE_COUNT:
		return w->seen_count;
	case CORRELATE_TEMPORAL:
	case CORRELATE_TEMPORAL_ORDERED:
		return temporal_value(m->c, w);
	case CORRELATE_VALUE_SUM:
		return w->sum;
	case CORRELATE_VALUE_AVG:
		return w->count ? w->sum / (double)w->count : 0;
	default:
		return percentile_value(m->c, w);
	}
}

/* ---- copies ---- */

static void *
copy_of(const void *from, size_t bytes)
{
	if (!from || !bytes)
		return NULL;
	return memcpy(mem_alloc(bytes), from, bytes);
}

void
window_copy(const struct measure *m, struct window *ret, const struct window *w)
{
	*ret = *w;
	ret->entry = copy_of(w->entry, w->cap * sizeof *w->entry);
	ret->seen = copy_of(w->seen, w->seen_cap * sizeof *w->seen);
	ret->sorted = copy_of(w->sorted, w->sorted_cap * sizeof *w->sorted);
	ret->since = copy_of(w->since, m->c->rules * sizeof *w->since);
}

/* An entry in a file: time, number or hash, count, place of its rule; little-endian. */
struct saved_entry {
	uint64_t time, bits;
	uint32_t count, rule;
};

static uint32_t
rule_place(const struct correlation *c, uint32_t rule)
{
	for (uint32_t i = 0; i < c->rules; i++)
		if (c->rule[i] == rule)
			return i;
	return 0;
}

void
window_save(const struct measure *m, const struct window *w, struct buf *out)
{
	const struct correlation *c = m->c;
	wire_put_i64(out, w->newest);
	wire_put_u8(out, w->truncated);
	wire_put_u8(out, w->since != NULL);
	wire_put_u32(out, w->n);
	char *to = buf_room(out, w->n * sizeof(struct saved_entry));
	for (uint32_t i = 0; to && i < w->n; i++) {
		const struct entry *e = &w->entry[w->first + i];
		struct saved_entry saved = {.time = htole64((uint64_t)e->time), .count = htole32(e->count),
			.rule = c->type == CORRELATE_TEMPORAL_ORDERED ? htole32(rule_place(c, e->rule)) : 0};
		if (c->type != CORRELATE_EVENT_COUNT)
			saved.bits = htole64(e->hash); /* the same eight bytes as a number's */
		memcpy(to + i * sizeof saved, &saved, sizeof saved);
	}
	out->n += to ? w->n * sizeof(struct saved_entry) : 0;
	for (uint32_t i = 0; w->since && i < c->rules; i++)
		wire_put_i64(out, w->since[i]);
}

static bool
entry_fits(const struct correlation *c, const struct window *w, const struct entry *e)
{
	bool sums = c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG;
	if (e->time > w->newest || e->time < w->newest - c->timespan_ms || !e->count)
		return false;
	if (e->count > 1 && !sums && c->type != CORRELATE_EVENT_COUNT)
		return false;
	if (w->n && e->time < w->entry[w->n - 1].time)
		return false;
	return !(sums || c->type == CORRELATE_VALUE_PERCENTILE) || e->number - e->number == 0;
}

/* As window_add() would have left it: what is kept beside the entries follows from them. */
static bool
take_entry(const struct correlation *c, struct window *w, struct wire *in)
{
	struct saved_entry saved;
	struct str bytes = wire_bytes(in, sizeof saved);
	if (in->bad)
		return false;
	memcpy(&saved, bytes.p, sizeof saved);
	struct entry e = {.time = (int64_t)le64toh(saved.time), .count = le32toh(saved.count)};
	uint32_t place = le32toh(saved.rule);
	e.hash = le64toh(saved.bits);
	if (place >= c->rules || !entry_fits(c, w, &e))
		return false;
	e.rule = c->rule[place];
	if (c->type == CORRELATE_VALUE_COUNT && !seen_add(w, e.hash, e.time))
		return false;
	if (c->type == CORRELATE_VALUE_PERCENTILE)
		sorted_add(w, e.number);
	else if (c->type == CORRELATE_VALUE_SUM || c->type == CORRELATE_VALUE_AVG)
		w->sum += e.number;
	w->count += e.count;
	w->entry[w->n++] = e;
	return true;
}

static bool
take_since(const struct correlation *c, struct window *w, struct wire *in)
{
	w->since = mem_alloc(c->rules * sizeof *w->since);
	for (uint32_t i = 0; i < c->rules; i++) {
		w->since[i] = wire_i64(in);
		if (w->since[i] > w->newest)
			return false;
	}
	return !in->bad;
}

static bool
window_take(const struct measure *m, struct window *w, struct wire *in)
{
	const struct correlation *c = m->c;
	bool ordered = c->type == CORRELATE_TEMPORAL_ORDERED, since;
	w->newest = wire_i64(in);
	w->truncated = wire_u8(in);
	since = wire_u8(in);
	uint32_t n = wire_u32(in);
	if (in->bad || n > m->limit || n > in->rest.n / sizeof(struct saved_entry) || w->newest > TIME_FAR ||
	    w->newest < -TIME_FAR || since != (ordered || c->type == CORRELATE_TEMPORAL) ||
	    (n && c->type == CORRELATE_TEMPORAL))
		return false;
	if (n) {
		w->entry = mem_alloc(n * sizeof *w->entry);
		w->cap = n;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!take_entry(c, w, in))
			return false;
	return !since || take_since(c, w, in);
}

int
window_load(const struct measure *m, struct window *ret, struct wire *in)
{
	window_init(ret);
	if (window_take(m, ret, in))
		return 0;
	window_release(ret);
	return E_CORRUPT;
}
