/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_CORRELATE_H
#define DETECT_CORRELATE_H

/*
 * Sigma correlation rules (specification 2.1.0, "Correlation rules"): findings in, findings out. Runs in core, which
 * feeds it findings in the order of the journal, and in scan. State is keyed by (rule, group-by values), bounded, and
 * the stalest key goes first; every eviction is counted. Time is the event's own time (received time when it has none),
 * so a replay gives the same answer. One thread.
 */

#include "detect/sigma.h"

struct correlator;

struct correlate_stats {
	uint64_t updates, fired, evicted;
	uint32_t keys;
};

/* max_bytes bounds the state. The rule set must outlive the correlator. */
struct correlator *correlator_new(const struct rules *r, size_t max_bytes);
void correlator_free(struct correlator *c);
/* What one finding brings about, chained correlations included; findings live in `arena`, `matched` tells the group-by
 * fields and the count or value that crossed the threshold, `event` is the event that did it. Returns how many. */
uint32_t correlator_feed(struct correlator *c, const struct finding *f, struct arena *arena, struct finding **ret);
struct correlate_stats correlator_stats(const struct correlator *c);

#endif
