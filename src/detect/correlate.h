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
 * Windows: a group has a live window, the timespan up to the newest event of the group, both ends included; events may
 * come in any order within it. Of what was sent to us, a time later than the receipt is taken for the receipt. The
 * condition is asked whenever an event joins. For the temporal types it speaks of the number of different rules, with
 * temporal_ordered: of how many rules, from the first on, have matched one after the other; without a condition all of
 * them. In words it names them ("a and not b", drafted for 2.2.0): `not b` holds while b has not matched in the window,
 * and what comes later takes nothing back; with temporal_ordered all that is not negated comes in the order of `rules`
 * and is joined by `and`. A percentile is the number of nearest rank.
 *
 * Late sources: sources tell of different times, and each is right about its own (a relay that was cut off for two
 * hours, a clock in another zone). So a group also has up to eight late windows, each ending with its own newest event.
 * An event that lags behind the live window by more than an eighth of the timespan (a) joins the live window if it falls
 * into it, and (b) leads a late window: the youngest that it moves ahead by no more than a timespan or lags behind by no
 * more than an eighth; a new one when there is none; and (c) joins all other late windows it falls into. When an event
 * overtakes the live window, that is, moves it by more than an eighth while having come that much sooner after its time
 * than the newest event before it, the window stays behind as a late one. So late events count by their own time among
 * themselves, with what is still inside, and never with what happened a timespan away; nobody is waited for. What has
 * left the live window before a late event comes is not counted with it. A ninth window displaces the one of the same
 * source, else the one of any source, that was touched longest ago.
 *
 * Firing: a group fires when the condition holds in a window that an event joined, once an event; then it keeps quiet
 * about the timespan before and after that window's end, unless the value reaches twice that of the firing. So an
 * attack that grows tells so, one that goes on is told once a timespan, and n events make no more than 1 + log2(n)
 * findings in it.
 *
 * Bounds: crossing a threshold of event_count or value_count up to 131,072 is exact. A window that holds more
 * (1,024 moments, or twice the threshold; 4,096 samples of a percentile or steps of an order) goes on with a coarser or
 * a younger picture, and its findings carry truncated = true in `matched`.
 */

#include "detect/sigma.h"

struct correlator;

struct correlate_stats {
	uint64_t updates, fired;
	uint64_t evicted; /* groups and late windows given up while an event could still have joined them */
	uint64_t late;    /* events older than the live window of their group */
	uint64_t dropped; /* findings for which the arena, or the bound of one feed, had no room */
	uint64_t forgotten; /* groups that correlator_load() left out: their rule has gone or asks something else */
	uint32_t keys;
	size_t bytes;
};

/* max_bytes bounds the state. The rule set must outlive the correlator. */
struct correlator *correlator_new(const struct rules *r, size_t max_bytes);
void correlator_free(struct correlator *c);
/* What one finding brings about, chained correlations included; findings live in `arena`, `matched` tells the group-by
 * fields, the count or value that crossed the threshold, under the name of the type, the bounds it had to meet
 * ("limit." and that name: "10" is at least ten, others begin with their sign: "<=3") and the timespan (window_s);
 * `event` is the event that did it. Only for findings of ordinary rules, each once. Some may be silent (rule->silent): they only fed the others.
 * Returns how many (*ret is untouched when there is none), 1,024 at most. */
uint32_t correlator_feed(struct correlator *c, const struct finding *f, struct arena *arena, struct finding **ret);
/* Adds the core fields that its rules group by or count. */
void correlator_wants(const struct correlator *c, struct core_set *ret);
struct correlate_stats correlator_stats(const struct correlator *c);
/* All groups and the numbers of correlator_stats(), appended to `out`: for a restart, and for another rule set. */
void correlator_save(const struct correlator *c, struct buf *out);
/* Into a correlator that has seen nothing yet. Rules are known by their id, and have their groups back if they ask the
 * same (type, rules, fields, aliases, timespan, condition); other groups are counted in `forgotten`. Hostile bytes do no
 * more than fail: E_CORRUPT or E_UNSUPPORTED (another version), and the correlator is as new. */
[[nodiscard]] int correlator_load(struct correlator *c, struct str saved);

#endif
