/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/flow_table.h"

#include "base/hash.h"
#include "base/memory.h"

#define SLOTS_MIN 256u

void
flow_table_open(struct flow_table *t, size_t max_bytes)
{
	t->slots = SLOTS_MIN;
	t->slot = mem_calloc(t->slots, sizeof *t->slot);
	t->bytes = t->slots * sizeof *t->slot;
	t->max_bytes = max_bytes;
	t->clock = TIME_NONE;
	t->count = 0;
	t->newest = t->oldest = NULL;
}

static size_t
state_bytes(const struct flow_table *t, const struct flow_state *at)
{
	return sizeof *at + t->body + (t->more ? t->more(at->body) : 0);
}

static void
state_free(const struct flow_table *t, struct flow_state *at)
{
	if (t->release)
		t->release(at->body);
	mem_free(at);
}

void
flow_table_release(struct flow_table *t)
{
	for (struct flow_state *at = t->oldest, *newer; at; at = newer) {
		newer = at->newer;
		state_free(t, at);
	}
	mem_free(t->slot);
	t->slot = NULL;
	t->newest = t->oldest = NULL;
	t->count = 0;
}

void
flow_table_clear(struct flow_table *t)
{
	flow_table_release(t);
	flow_table_open(t, t->max_bytes);
}

/* ---- by touch ---- */

static void
unlink_touch(struct flow_table *t, struct flow_state *at)
{
	*(at->newer ? &at->newer->older : &t->newest) = at->older;
	*(at->older ? &at->older->newer : &t->oldest) = at->newer;
}

static void
link_newest(struct flow_table *t, struct flow_state *at)
{
	at->newer = NULL;
	at->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = at;
	t->newest = at;
}

/* ---- by key ---- */

static void
put_slot(struct flow_table *t, struct flow_state *at)
{
	uint32_t i = (uint32_t)at->hash & (t->slots - 1);
	while (t->slot[i].at)
		i = (i + 1) & (t->slots - 1);
	t->slot[i] = (struct flow_slot){at->hash, at};
}

static void
grow_slots(struct flow_table *t)
{
	mem_free(t->slot);
	t->bytes += t->slots * sizeof *t->slot;
	t->slots *= 2;
	t->slot = mem_calloc(t->slots, sizeof *t->slot);
	for (struct flow_state *at = t->oldest; at; at = at->newer)
		put_slot(t, at);
}

/* What stands behind it moves up, so that no search ends too early. */
static void
free_slot(struct flow_table *t, const struct flow_state *at)
{
	uint32_t mask = t->slots - 1, hole = (uint32_t)at->hash & mask;
	while (t->slot[hole].at != at)
		hole = (hole + 1) & mask;
	for (uint32_t i = (hole + 1) & mask; t->slot[i].at; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)t->slot[i].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		hole = i;
	}
	t->slot[hole].at = NULL;
}

static void
evict_oldest(struct flow_table *t)
{
	struct flow_state *at = t->oldest;
	free_slot(t, at);
	unlink_touch(t, at);
	t->evicted += t->clock - at->touched <= t->memory_ms;
	t->count--;
	t->bytes -= state_bytes(t, at);
	state_free(t, at);
}

static void
make_room(struct flow_table *t, const struct flow_state *keep)
{
	while (t->bytes > t->max_bytes && t->oldest && t->oldest != keep)
		evict_oldest(t);
}

static struct flow_state *
state_new(struct flow_table *t, const struct flow_key *key, uint64_t hash)
{
	struct flow_state *at = mem_calloc(1, sizeof *at + t->body);
	at->hash = hash;
	at->key = *key;
	at->fired = TIME_NONE;
	if (t->open)
		t->open(at->body);
	if (t->count >= t->slots / 2)
		grow_slots(t);
	put_slot(t, at);
	link_newest(t, at);
	t->count++;
	t->bytes += state_bytes(t, at);
	make_room(t, at);
	return at;
}

static void
touch(struct flow_table *t, struct flow_state *at, int64_t time)
{
	if (time > t->clock)
		t->clock = time;
	if (++t->turns - at->turn <= t->count / 8 && at->turn)
		return;
	at->turn = t->turns;
	at->touched = t->clock;
	if (t->newest == at)
		return;
	unlink_touch(t, at);
	link_newest(t, at);
}

static struct flow_state *
find(const struct flow_table *t, const struct flow_key *key, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & (t->slots - 1); t->slot[i].at; i = (i + 1) & (t->slots - 1))
		if (t->slot[i].hash == hash && memcmp(&t->slot[i].at->key, key, sizeof *key) == 0)
			return t->slot[i].at;
	return NULL;
}

static uint64_t
hash_of(const struct flow_table *t, const struct flow_key *key)
{
	if (t->hinted_hash && memcmp(key, &t->hinted, sizeof *key) == 0)
		return t->hinted_hash;
	return hash64(str_from((const char *)key, sizeof *key), t->secret);
}

void
flow_table_hint(struct flow_table *t, const struct flow_key *key)
{
	t->hinted = *key;
	t->hinted_hash = hash64(str_from((const char *)key, sizeof *key), t->secret);
	__builtin_prefetch(&t->slot[(uint32_t)t->hinted_hash & (t->slots - 1)]);
}

void
flow_table_hint_state(const struct flow_table *t)
{
	const struct flow_slot *slot = &t->slot[(uint32_t)t->hinted_hash & (t->slots - 1)];
	if (slot->at && slot->hash == t->hinted_hash) {
		__builtin_prefetch(slot->at);
		__builtin_prefetch(slot->at->body);
	}
}

struct flow_state *
flow_table_find(struct flow_table *t, const struct flow_key *key, int64_t time)
{
	struct flow_state *at = find(t, key, hash_of(t, key));
	if (at)
		touch(t, at, time);
	return at;
}

struct flow_state *
flow_table_get(struct flow_table *t, const struct flow_key *key, int64_t time)
{
	uint64_t hash = hash_of(t, key);
	struct flow_state *at = find(t, key, hash);
	if (!at)
		at = state_new(t, key, hash);
	touch(t, at, time);
	return at;
}

void
flow_table_settle(struct flow_table *t, struct flow_state *at, size_t before)
{
	t->bytes += t->more(at->body) - before;
	make_room(t, at);
}

/* ---- panes ---- */

void
panes_open(void *body)
{
	struct panes *p = body;
	p->newest = INT64_MIN;
}

void
panes_release(void *body)
{
	struct panes *p = body;
	mem_free(p->sum);
	mem_free(p->item);
}

size_t
panes_more(const void *body)
{
	const struct panes *p = body;
	return p->cap * sizeof *p->item + (p->sum ? PANES * sizeof *p->sum : 0);
}

/* The oldest pane that still counts. */
static int64_t
oldest_pane(const struct panes *p)
{
	return p->newest - (int64_t)PANES + 1;
}

static uint32_t
place_of(int64_t pane)
{
	return (uint32_t)((uint64_t)pane % PANES);
}

bool
panes_move(struct panes *p, int64_t pane)
{
	if (p->newest == INT64_MIN)
		p->newest = pane;
	if (pane < oldest_pane(p))
		return false;
	int64_t steps = pane > p->newest ? pane - p->newest : 0;
	for (int64_t i = 1; i <= steps && i <= (int64_t)PANES; i++) {
		uint32_t at = place_of(p->newest + i);
		p->items[at][0] = p->items[at][1] = 0;
		if (p->sum)
			memset(p->sum[at], 0, sizeof p->sum[at]);
	}
	p->newest += steps;
	return true;
}

static struct pane_item *
item_at(struct pane_item *item, uint32_t cap, uint64_t what)
{
	uint32_t at = (uint32_t)what & (cap - 1);
	while (item[at].what && item[at].what != what)
		at = (at + 1) & (cap - 1);
	return &item[at];
}

/* Forgets what no longer counts, with twice the room when that frees too little. */
static void
grow_items(struct panes *p)
{
	uint32_t live = 0, cap = 4;
	for (uint32_t i = 0; i < p->cap; i++)
		live += p->item[i].what && p->item[i].when >> 1 >= oldest_pane(p);
	while (cap / 4 * 3 <= live + live / 4 && cap < PANE_ITEMS * 2)
		cap *= 2;
	struct pane_item *item = mem_calloc(cap, sizeof *item);
	for (uint32_t i = 0; i < p->cap; i++)
		if (p->item[i].what && p->item[i].when >> 1 >= oldest_pane(p))
			*item_at(item, cap, p->item[i].what) = p->item[i];
	mem_free(p->item);
	p->item = item;
	p->cap = cap;
	p->used = live;
	p->purged = p->newest;
	if (live < PANE_ITEMS / 2)
		p->truncated = false;
}

static void
new_item(struct panes *p, int64_t pane, uint64_t what, bool flag)
{
	bool full = p->used >= PANE_ITEMS;
	if (full ? p->purged != p->newest : p->used >= p->cap / 4 * 3) /* full: once a pane is often enough */
		grow_items(p);
	if (p->used >= PANE_ITEMS) {
		p->truncated = true;
		return;
	}
	*item_at(p->item, p->cap, what) = (struct pane_item){what, pane * 2 + flag};
	p->used++;
	p->items[place_of(pane)][flag]++;
}

bool
panes_know(const struct panes *p, uint64_t what)
{
	what += !what; /* 0 means free */
	const struct pane_item *it = p->cap ? item_at(p->item, p->cap, what) : NULL;
	return it && it->what && it->when >> 1 >= oldest_pane(p);
}

void
panes_see(struct panes *p, int64_t pane, uint64_t what, bool flag)
{
	what += !what;
	struct pane_item *it = p->cap ? item_at(p->item, p->cap, what) : NULL;
	if (!it || !it->what) {
		new_item(p, pane, what, flag);
		return;
	}
	int64_t before = it->when >> 1;
	if (before >= oldest_pane(p)) {
		flag |= it->when & 1;
		p->items[place_of(before)][it->when & 1]--;
		pane = before > pane ? before : pane;
	}
	it->when = pane * 2 + flag;
	p->items[place_of(pane)][flag]++;
}

void
panes_add(struct panes *p, int64_t pane, const uint64_t sum[PANE_SUMS])
{
	if (!p->sum)
		p->sum = mem_calloc(PANES, sizeof *p->sum);
	for (uint32_t i = 0; i < PANE_SUMS; i++)
		p->sum[place_of(pane)][i] += sum[i];
}

uint32_t
panes_items(const struct panes *p, bool flag)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < PANES; i++)
		n += p->items[i][flag];
	return n;
}

uint64_t
panes_sum(const struct panes *p, uint32_t which)
{
	uint64_t n = 0;
	for (uint32_t i = 0; p->sum && i < PANES; i++)
		n += p->sum[i][which];
	return n;
}
