/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_CORRELATE_STATE_H
#define DETECT_CORRELATE_STATE_H

/*
 * All groups of all correlations: a bounded table of windows. Whoever was touched longest ago goes first, which depends
 * on the order of findings alone, so that a replay evicts the same.
 *
 * A group is a live window and up to STATE_LATE late ones, because one group may be fed by sources that tell of
 * different times. correlate.h says which event counts where; here are the lists.
 */

#include "detect/correlate_window.h"

#define STATE_LATE 8u

struct frame {
	struct frame *next;             /* late ones */
	int64_t touched;                /* the clock of the table then */
	int64_t fired;                  /* where the window ended when it fired last; TIME_NONE = never */
	double fired_value;
	int64_t delay;                  /* of its newest event: from its time to its receipt */
	uint32_t leader;                /* source of its newest event */
	struct window window;
};

struct state {
	uint64_t hash;
	struct state *next;             /* in its bucket */
	struct state *newer, *older;    /* by touch */
	const struct measure *measure;
	struct frame live;              /* live.next: the late ones */
	uint32_t key_n;
	char key[];
};

struct states {
	struct state **bucket;
	uint32_t buckets, count;
	struct state *newest, *oldest;
	size_t bytes, max_bytes;
	int64_t clock;                  /* latest time of any event */
	uint64_t evicted, late;
	uint64_t secret;
};

/* What a table is told of an event. */
struct arrival {
	struct entry entry;
	int64_t delay;                  /* receipt minus time; 0 when nothing is known of the receipt */
	uint32_t source;
};

void states_init(struct states *s, size_t max_bytes);
void states_release(struct states *s);
/* The state of this measure and key, made when there is none; touched. */
struct state *states_get(struct states *s, const struct measure *m, struct str key);
/* Puts the event into every window of the group that it counts in: these are joined[0] .. [n - 1], the live one first;
 * returns n. Then evicts other groups while there are too many bytes. */
uint32_t states_add(struct states *s, struct state *at, const struct arrival *a, struct frame *joined[STATE_LATE + 1]);
/* Of a group that is being read back: one more late window, behind the others; accounted by states_account(). */
struct frame *state_add_late(struct state *at);
/* The bytes of a group that was filled by hand. */
void states_account(struct states *s, const struct state *at, size_t before);
size_t state_bytes(const struct state *at);

#endif
