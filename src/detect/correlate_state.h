/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_CORRELATE_STATE_H
#define DETECT_CORRELATE_STATE_H

/*
 * All groups of all correlations: a bounded table of windows. Whoever was touched longest ago goes first, which depends
 * on the order of findings alone, so that a replay evicts the same.
 */

#include "detect/correlate_window.h"

struct state {
	uint64_t hash;
	struct state *next;             /* in its bucket */
	struct state *newer, *older;    /* by touch */
	const struct measure *measure;
	int64_t touched;                /* the clock of the table then */
	int64_t fired;                  /* TIME_NONE = never */
	double fired_value;
	struct window window;
	uint32_t key_n;
	char key[];
};

struct states {
	struct state **bucket;
	uint32_t buckets, count;
	struct state *newest, *oldest;
	size_t bytes, max_bytes;
	int64_t clock;                  /* latest time of any event */
	uint64_t evicted;
	uint64_t secret;
};

void states_init(struct states *s, size_t max_bytes);
void states_release(struct states *s);
/* The state of this measure and key, made when there is none; touched. */
struct state *states_get(struct states *s, const struct measure *m, struct str key);
/* window_add() and the account of bytes; then evicts others while there are too many. */
void states_add(struct states *s, struct state *at, const struct entry *e);
/* Forgets the window. */
void states_clear(struct states *s, struct state *at);

#endif
