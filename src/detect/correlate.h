/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_CORRELATE_H
#define DETECT_CORRELATE_H

/*
 * Sigma correlation rules (specification 2.1.0, "Correlation rules"): findings in, findings out. Runs in core, which
 * feeds it findings in the order of the journal, and in scan. State is keyed by (rule, group-by values), bounded, and
 * the stalest key goes first; every eviction is counted. Time is the event's own time (received time when it has none),
 * so a replay gives the same answer. One thread.
 *
 * Groups: values compare by their first 1,024 bytes, case folded, as everywhere in Sigma. A finding whose event has no
 * such field (or null) is not counted, nor one whose value is not a number where numbers are asked for. Names are those
 * of the event, native or core, or what map.yaml calls them; aliases give a field another name for each rule; of a
 * correlation's finding a field may also be one of its `matched`.
 *
 * Windows: the timespan up to the newest event of the group, both ends included, so events may come in any order within
 * it. Of what was sent to us, a time later than the receipt is taken for the receipt. Events older than the window
 * share a second one, in which logs that come late count among themselves. The condition is asked whenever an event
 * joins the window. For the temporal types it speaks of the number of different rules, with temporal_ordered: of how
 * many rules, from the first on, have matched one after the other; without a condition all of them. A percentile is
 * the number of nearest rank.
 *
 * Firing: a group fires when the condition holds, then keeps quiet for one timespan, unless the value reaches twice
 * that of its last firing. So an attack that grows tells so, one that goes on is told once a timespan, and n events
 * make no more than 1 + log2(n) findings in it.
 *
 * Bounds: crossing a threshold of event_count or value_count up to 131,072 is exact. A window that holds more
 * (1,024 moments, or twice the threshold; 4,096 samples of a percentile or steps of an order) goes on with a coarser or
 * a younger picture, and its findings carry truncated = true in `matched`.
 */

#include "detect/sigma.h"

struct correlator;

struct correlate_stats {
	uint64_t updates, fired;
	uint64_t evicted; /* groups given up while an event could still have joined them */
	uint64_t late;    /* events older than the window of their group */
	uint64_t dropped; /* findings for which the arena, or the bound of one feed, had no room */
	uint32_t keys;
	size_t bytes;
};

/* max_bytes bounds the state. The rule set must outlive the correlator. */
struct correlator *correlator_new(const struct rules *r, size_t max_bytes);
void correlator_free(struct correlator *c);
/* What one finding brings about, chained correlations included; findings live in `arena`, `matched` tells the group-by
 * fields and the count or value that crossed the threshold, under the name of the type; `event` is the event that did
 * it. Only for findings of ordinary rules, each once. Some may be silent (rule->silent): they only fed the others.
 * Returns how many (*ret is untouched when there is none), 1,024 at most. */
uint32_t correlator_feed(struct correlator *c, const struct finding *f, struct arena *arena, struct finding **ret);
struct correlate_stats correlator_stats(const struct correlator *c);

#endif
