/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_FLOW_TABLE_H
#define DETECT_FLOW_TABLE_H

/*
 * What flow analytics remembers: one table of states for each kind of question, bounded in bytes. Whoever was touched
 * longest ago goes first, give or take an eighth of the table (moving to the front at each touch would cost four cache
 * misses); it depends on the order of events alone, so that a replay evicts the same. Private to detect/flow*.c.
 */

#include "base/time.h"

/* Who a state is about; what a kind does not need is zero. Compared as bytes. */
struct flow_key {
	uint8_t a[16], b[16];
	uint32_t c;
};

struct flow_state {
	uint64_t hash;
	struct flow_state *newer, *older; /* by touch */
	struct flow_key key;
	uint64_t turn;                    /* of the table when it last moved to the front */
	int64_t touched;                  /* and its clock */
	int64_t fired;                    /* TIME_NONE = never */
	double fired_value;
	uint64_t body[]; /* what the kind of table keeps */
};

struct flow_slot {
	uint64_t hash;
	struct flow_state *at;            /* NULL = free */
};

struct flow_table {
	size_t body;                      /* bytes of a body */
	size_t (*more)(const void *body); /* bytes that it holds elsewhere, or NULL */
	void (*release)(void *body);      /* gives those back, or NULL */
	void (*open)(void *body);         /* body begins as zeroes; or NULL */
	int64_t memory_ms;                /* how long a key may still be asked for: evicted later it is no loss */
	uint64_t secret;
	struct flow_slot *slot;           /* open addressing, at most half of them filled */
	uint32_t slots, count;
	struct flow_key hinted;           /* and its hash, from flow_table_hint() */
	uint64_t hinted_hash;
	struct flow_state *newest, *oldest;
	size_t bytes, max_bytes;
	int64_t clock;                    /* latest time of any event */
	uint64_t turns;                   /* touches so far */
	uint64_t evicted;
};

/* The members above `slot` are the caller's. */
void flow_table_open(struct flow_table *t, size_t max_bytes);
void flow_table_release(struct flow_table *t);
void flow_table_clear(struct flow_table *t);
/* Key and place will be asked for soon: fetch them into the cache, first all places, then what stands there. */
void flow_table_hint(struct flow_table *t, const struct flow_key *key);
void flow_table_hint_state(const struct flow_table *t);
/* The state of the key, or NULL; touched. */
struct flow_state *flow_table_find(struct flow_table *t, const struct flow_key *key, int64_t time);
/* Likewise, made when there is none. Others may go for it. */
struct flow_state *flow_table_get(struct flow_table *t, const struct flow_key *key, int64_t time);
/* After the body of `at`, which held `before` bytes elsewhere, has grown or shrunk: others go while there is too much. */
void flow_table_settle(struct flow_table *t, struct flow_state *at, size_t before);

#define PANES 8u
#define PANE_SUMS 6u
#define PANE_ITEMS 2048u /* different items of one window at most; more are counted as `truncated` */

struct pane_item {
	uint64_t what;  /* 0 = free */
	int64_t when;   /* pane of the latest sight * 2, + 1 when it was flagged */
};

/*
 * The latest PANES panes of a window: how many different items were seen (flagged or not), and sums. An item counts in
 * the pane of its latest sight, a flag stays with it as long as it is not forgotten.
 */
struct panes {
	int64_t newest;                /* number of the pane; INT64_MIN before the first */
	uint32_t items[PANES][2];
	uint64_t (*sum)[PANE_SUMS];    /* PANES of them, or NULL */
	struct pane_item *item;        /* open addressing */
	uint32_t cap, used;
	int64_t purged;                /* `newest` when the items were last gone through */
	bool truncated;
};

/* Moves to the pane of that time. False: the event is older than the window, nothing has changed. */
bool panes_move(struct panes *p, int64_t pane);
bool panes_know(const struct panes *p, uint64_t what);
void panes_see(struct panes *p, int64_t pane, uint64_t what, bool flag);
void panes_add(struct panes *p, int64_t pane, const uint64_t sum[PANE_SUMS]);
uint32_t panes_items(const struct panes *p, bool flag);
uint64_t panes_sum(const struct panes *p, uint32_t which);
/* For struct flow_table. */
void panes_open(void *body);
void panes_release(void *body);
size_t panes_more(const void *body);

#endif
