/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/correlate_state.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"

#define BUCKETS_MIN 256u
#define SLACK_PART 8 /* of a timespan: what a source may lag and still share the window of the others */

void
states_init(struct states *s, size_t max_bytes)
{
	*s = (struct states){.max_bytes = max_bytes, .clock = TIME_NONE, .buckets = BUCKETS_MIN};
	s->bucket = mem_calloc(s->buckets, sizeof *s->bucket);
	s->bytes = s->buckets * sizeof *s->bucket;
	/* Nobody outside knows the address, so nobody can aim at a bucket; no answer depends on it. */
	s->secret = hash64_mix((uintptr_t)s, (uintptr_t)s->bucket);
}

size_t
state_bytes(const struct state *at)
{
	size_t n = sizeof *at + at->key_n + window_bytes(at->measure, &at->live.window);
	for (const struct frame *late = at->live.next; late; late = late->next)
		n += sizeof *late + window_bytes(at->measure, &late->window);
	return n;
}

static void
frame_free(struct frame *late)
{
	window_release(&late->window);
	mem_free(late);
}

static void
state_free(struct state *at)
{
	for (struct frame *late = at->live.next, *next; late; late = next) {
		next = late->next;
		frame_free(late);
	}
	window_release(&at->live.window);
	mem_free(at);
}

void
states_release(struct states *s)
{
	for (struct state *at = s->oldest, *newer; at; at = newer) {
		newer = at->newer;
		state_free(at);
	}
	mem_free(s->bucket);
	*s = (struct states){0};
}

/* ---- by touch ---- */

static void
unlink_touch(struct states *s, struct state *at)
{
	*(at->newer ? &at->newer->older : &s->newest) = at->older;
	*(at->older ? &at->older->newer : &s->oldest) = at->newer;
}

static void
link_newest(struct states *s, struct state *at)
{
	at->newer = NULL;
	at->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = at;
	s->newest = at;
}

/* ---- by key ---- */

static void
grow_buckets(struct states *s)
{
	uint32_t buckets = s->buckets * 2;
	struct state **bucket = mem_calloc(buckets, sizeof *bucket);
	for (struct state *at = s->oldest; at; at = at->newer) {
		struct state **head = &bucket[at->hash & (buckets - 1)];
		at->next = *head;
		*head = at;
	}
	mem_free(s->bucket);
	s->bytes += (buckets - s->buckets) * sizeof *bucket;
	s->bucket = bucket;
	s->buckets = buckets;
}

/* What no coming event could have joined is no loss. */
static bool
frame_is_loss(const struct states *s, const struct measure *m, const struct frame *f)
{
	return s->clock - f->touched <= m->c->timespan_ms;
}

static void
evict_oldest(struct states *s)
{
	struct state *at = s->oldest;
	struct state **link = &s->bucket[at->hash & (s->buckets - 1)];
	while (*link != at)
		link = &(*link)->next;
	*link = at->next;
	unlink_touch(s, at);
	s->evicted += frame_is_loss(s, at->measure, &at->live);
	s->count--;
	s->bytes -= state_bytes(at);
	state_free(at);
}

static void
frame_init(struct frame *f)
{
	*f = (struct frame){.touched = TIME_NONE, .fired = TIME_NONE};
	window_init(&f->window);
}

static struct state *
state_new(struct states *s, const struct measure *m, struct str key, uint64_t hash)
{
	struct state *at = mem_alloc(sizeof *at + key.n);
	*at = (struct state){.hash = hash, .measure = m, .key_n = (uint32_t)key.n};
	frame_init(&at->live);
	at->live.touched = s->clock;
	if (key.n)
		memcpy(at->key, key.p, key.n);
	if (s->count >= s->buckets)
		grow_buckets(s);
	struct state **head = &s->bucket[hash & (s->buckets - 1)];
	at->next = *head;
	*head = at;
	link_newest(s, at);
	s->count++;
	s->bytes += state_bytes(at);
	return at;
}

struct state *
states_get(struct states *s, const struct measure *m, struct str key)
{
	uint64_t hash = hash64_mix(hash64(key, s->secret), (uintptr_t)m);
	for (struct state *at = s->bucket[hash & (s->buckets - 1)]; at; at = at->next)
		if (at->hash == hash && at->measure == m && str_eq(str_from(at->key, at->key_n), key)) {
			unlink_touch(s, at);
			link_newest(s, at);
			return at;
		}
	return state_new(s, m, key, hash);
}

void
states_account(struct states *s, const struct state *at, size_t before)
{
	s->bytes += state_bytes(at) - before;
	while (s->bytes > s->max_bytes && s->oldest != at)
		evict_oldest(s);
}

/* ---- late windows ---- */

static uint32_t
late_count(const struct state *at)
{
	uint32_t n = 0;
	for (const struct frame *late = at->live.next; late; late = late->next)
		n++;
	return n;
}

/* Who jumps about in time displaces windows of its own, as long as it has any: those of others are left alone. */
static void
displace_late(struct states *s, struct state *at, uint32_t source)
{
	struct frame **victim = &at->live.next;
	for (struct frame **link = victim; *link; link = &(*link)->next) {
		bool own = (*link)->leader == source, best_own = (*victim)->leader == source;
		if (own == best_own ? (*link)->touched < (*victim)->touched : own)
			victim = link;
	}
	struct frame *gone = *victim;
	s->evicted += frame_is_loss(s, at->measure, gone);
	*victim = gone->next;
	frame_free(gone);
}

struct frame *
state_add_late(struct state *at)
{
	struct frame *f = mem_alloc(sizeof *f), **end = &at->live.next;
	frame_init(f);
	while (*end)
		end = &(*end)->next;
	*end = f;
	return f;
}

static struct frame *
open_late(struct states *s, struct state *at, uint32_t source)
{
	if (late_count(at) == STATE_LATE)
		displace_late(s, at, source);
	return state_add_late(at);
}

static void
frame_add(struct states *s, const struct measure *m, struct frame *f, const struct arrival *a)
{
	f->touched = s->clock;
	if (f->window.newest == TIME_NONE || a->entry.time >= f->window.newest) {
		f->leader = a->source;
		f->delay = a->delay;
	}
	window_add(m, &f->window, &a->entry);
}

/* The late window that goes along with this event: the youngest that it moves ahead or hardly lags behind. */
static struct frame *
late_place(const struct measure *m, struct state *at, int64_t time)
{
	int64_t span = m->c->timespan_ms;
	struct frame *place = NULL;
	for (struct frame *f = at->live.next; f; f = f->next) {
		int64_t newest = f->window.newest;
		if (time >= newest - span / SLACK_PART && time <= newest + span && (!place || newest > place->window.newest))
			place = f;
	}
	return place;
}

static uint32_t
add_late(struct states *s, struct state *at, const struct arrival *a, struct frame **joined)
{
	const struct measure *m = at->measure;
	int64_t time = a->entry.time;
	struct frame *place = late_place(m, at, time);
	uint32_t n = 0;
	if (!place)
		place = open_late(s, at, a->source);
	for (struct frame *f = at->live.next; f; f = f->next) {
		bool inside = f->window.newest != TIME_NONE && time <= f->window.newest &&
		    !window_is_past(m, &f->window, time);
		if (f != place && !inside)
			continue;
		frame_add(s, m, f, a);
		joined[n++] = f;
	}
	return n;
}

/* ---- the live window ---- */

/* An event from nearer to now than those that the window held so far: their source may not have told all yet, so the
 * window stays where it is, as a late one, and the live one goes on from a copy. */
static void
keep_overtaken(struct states *s, struct state *at, const struct arrival *a)
{
	const struct measure *m = at->measure;
	struct frame *live = &at->live;
	int64_t slack = m->c->timespan_ms / SLACK_PART;
	if (a->entry.time - live->window.newest <= slack || live->delay - a->delay <= slack)
		return;
	struct frame *late = open_late(s, at, live->leader);
	struct frame *next = late->next;
	*late = *live;
	late->next = next;
	if (a->entry.time - late->window.newest > m->c->timespan_ms)
		window_init(&live->window); /* nothing of it is still inside */
	else
		window_copy(m, &live->window, &late->window);
}

/* Most groups are fed in the order of time: nothing to do but to add. */
static bool
is_plain(const struct state *at, const struct arrival *a)
{
	int64_t newest = at->live.window.newest, slack = at->measure->c->timespan_ms / SLACK_PART;
	return newest == TIME_NONE || (a->entry.time >= newest - slack && at->live.delay - a->delay <= slack);
}

static uint32_t
add_plain(struct states *s, struct state *at, const struct arrival *a, struct frame **joined)
{
	const struct measure *m = at->measure;
	s->bytes -= window_bytes(m, &at->live.window);
	frame_add(s, m, &at->live, a);
	s->bytes += window_bytes(m, &at->live.window);
	while (s->bytes > s->max_bytes && s->oldest != at)
		evict_oldest(s);
	joined[0] = &at->live;
	return 1;
}

uint32_t
states_add(struct states *s, struct state *at, const struct arrival *a, struct frame *joined[STATE_LATE + 1])
{
	const struct measure *m = at->measure;
	struct window *live = &at->live.window;
	int64_t time = a->entry.time;
	uint32_t n = 0;
	if (time > s->clock)
		s->clock = time;
	if (is_plain(at, a))
		return add_plain(s, at, a, joined);
	size_t before = state_bytes(at);
	keep_overtaken(s, at, a);
	at->live.touched = s->clock;
	bool lags = live->newest != TIME_NONE && time < live->newest - m->c->timespan_ms / SLACK_PART;
	if (window_is_past(m, live, time)) {
		s->late++;
	} else {
		frame_add(s, m, &at->live, a);
		joined[n++] = &at->live;
	}
	if (lags)
		n += add_late(s, at, a, joined + n);
	states_account(s, at, before);
	return n;
}
