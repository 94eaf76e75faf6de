/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_CORRELATE_WINDOW_H
#define DETECT_CORRELATE_WINDOW_H

/*
 * What one correlation remembers of one group: the timespan that ends with the newest event of the group, both ends
 * included. Events may come in any order; one that is older than the window is the caller's to send elsewhere. Pure.
 *
 * Exact until a window holds more than measure.limit entries. Then counts and sums join neighbours in time, which may
 * forget an event early but never counts one that has left; distinct values, samples of a percentile and the steps of
 * an order lose their oldest. `truncated` tells of it.
 */

#include "base/wire.h"
#include "detect/sigma_internal.h"

#define TIME_FAR (INT64_C(1) << 60) /* beyond any calendar, and safe to subtract from */

struct measure {
	const struct correlation *c;
	uint32_t limit;   /* entries of a window */
};

struct entry {
	int64_t time;
	uint32_t count;          /* events that share the entry */
	uint32_t rule;           /* temporal types: index in the rule set */
	union {
		double number;   /* value_sum, value_avg: of all events of the entry; value_percentile */
		uint64_t hash;   /* value_count */
	};
};

struct seen {
	uint64_t hash;
	int64_t time;            /* latest; TIME_NONE = free */
};

struct window {
	int64_t newest;          /* TIME_NONE before the first event */
	struct entry *entry;     /* by time, then by coming */
	uint32_t first, n, cap;  /* entry[first] .. entry[first + n - 1] */
	uint32_t left;           /* entries gone since the sum was added up */
	uint64_t count;
	double sum;
	struct seen *seen;       /* value_count: open addressing */
	uint32_t seen_cap, seen_count;
	uint32_t sorted_cap;
	double *sorted;          /* value_percentile: the n numbers */
	int64_t *since;          /* temporal: last time of each rule; temporal_ordered: latest start of a run up to here */
	bool truncated;
};

struct measure measure_of(const struct correlation *c);
void window_init(struct window *w);
void window_release(struct window *w);
/* Is this moment before the window? */
bool window_is_past(const struct measure *m, const struct window *w, int64_t time);
/* Not for events that are past. e->count is 1. */
void window_add(const struct measure *m, struct window *w, const struct entry *e);
/* The count or value that the condition speaks of. */
double window_value(const struct measure *m, const struct window *w);
/* Does the condition in words hold? */
bool window_meets(const struct measure *m, const struct window *w);
size_t window_bytes(const struct measure *m, const struct window *w);
/* *ret is taken as new: what it held is not released. */
void window_copy(const struct measure *m, struct window *ret, const struct window *w);
/* For a file of our own (correlate_save.c): rules stand in it by their place in c->rule. */
void window_save(const struct measure *m, const struct window *w, struct buf *out);
/* Everything is checked: what does not fit together is E_CORRUPT and leaves *ret new. */
[[nodiscard]] int window_load(const struct measure *m, struct window *ret, struct wire *in);

#endif
