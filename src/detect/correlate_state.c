/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/correlate_state.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"

#define BUCKETS_MIN 256u

void
states_init(struct states *s, size_t max_bytes)
{
	*s = (struct states){.max_bytes = max_bytes, .clock = TIME_NONE, .buckets = BUCKETS_MIN};
	s->bucket = mem_calloc(s->buckets, sizeof *s->bucket);
	s->bytes = s->buckets * sizeof *s->bucket;
	/* Nobody outside knows the address, so nobody can aim at a bucket; no answer depends on it. */
	s->secret = hash64_mix((uintptr_t)s, (uintptr_t)s->bucket);
}

static size_t
state_bytes(const struct state *at)
{
	return sizeof *at + at->key_n + window_bytes(at->measure, &at->window);
}

static void
state_free(struct state *at)
{
	window_release(&at->window);
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

static void
evict_oldest(struct states *s)
{
	struct state *at = s->oldest;
	struct state **link = &s->bucket[at->hash & (s->buckets - 1)];
	while (*link != at)
		link = &(*link)->next;
	*link = at->next;
	unlink_touch(s, at);
	/* What no coming event could have joined is no loss. */
	s->evicted += s->clock - at->touched <= at->measure->c->timespan_ms;
	s->count--;
	s->bytes -= state_bytes(at);
	state_free(at);
}

static struct state *
state_new(struct states *s, const struct measure *m, struct str key, uint64_t hash)
{
	struct state *at = mem_alloc(sizeof *at + key.n);
	*at = (struct state){.hash = hash, .measure = m, .touched = s->clock, .fired = TIME_NONE, .key_n = (uint32_t)key.n};
	window_init(&at->window);
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
states_add(struct states *s, struct state *at, const struct entry *e)
{
	if (e->time > s->clock)
		s->clock = e->time;
	at->touched = s->clock;
	s->bytes -= window_bytes(at->measure, &at->window);
	window_add(at->measure, &at->window, e);
	s->bytes += window_bytes(at->measure, &at->window);
	while (s->bytes > s->max_bytes && s->oldest != at)
		evict_oldest(s);
}

void
states_clear(struct states *s, struct state *at)
{
	s->bytes -= window_bytes(at->measure, &at->window);
	window_release(&at->window);
	at->fired = TIME_NONE;
}
