/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_WORKER_H
#define DETECT_WORKER_H

/*
 * The pure worker: a batch of raw records in, a verdict out (events and findings). Same batch and same rule set give
 * the same verdict, to the byte. No clock, no file, no lock, no socket: the worker process, `khien scan`, a drill and a
 * look-back all call this one function. One thread per struct worker; the rule set is shared.
 */

#include "decode/decode.h"
#include "detect/ioc.h"
#include "detect/sigma.h"

struct worker;

struct worker *worker_new(const struct rules *rules);
void worker_free(struct worker *w);
uint32_t worker_dead_regexes(const struct worker *w); /* matcher_dead_regexes() */
/* matcher_expect_warming(), matcher_warm() */
void worker_expect_warming(struct worker *w);
bool worker_warm(struct worker *w);
/* Names of fields that events had and that were not told before, as texts (wire_put_str) appended to `out`; at most `max`.
 * No part of a verdict. */
void worker_tell_fields(struct worker *w, uint32_t max, struct buf *out);
/*
 * From here on every `every`-th event of the stream is, once its verdict is written, also judged rule by rule to learn what
 * rules cost (matcher_measure(), WORKER_MEASURE_RULES of them). No part of a verdict, whose bytes stay the same.
 */
#define WORKER_MEASURE_EVERY 1021u /* a prime: out of step with machines that take turns */
#define WORKER_MEASURE_RULES 16u
void worker_measure(struct worker *w, measure_clock *clock, uint32_t every);
/* Sums since they were told last: text id, varint samples, varint nanoseconds of each rule that has some; of at most
 * `max` rules, the others come the next time. */
void worker_tell_costs(struct worker *w, uint32_t max, struct buf *out);
/* decoder_set_zone(); part of what the verdict depends on, like the rules. */
void worker_set_zone(struct worker *w, int minutes);
/* The indicators to look for from the next batch on; NULL = none. They must stay until they are replaced. */
void worker_set_indicators(struct worker *w, const struct ioc *indicators);
/* Looking back: events without findings are left out of verdicts, which are then short. */
void worker_only_findings(struct worker *w, bool only);
/* Events in the last batch, also those left out. */
uint32_t worker_seen(const struct worker *w);
/* Appends the verdict on `batch` to `out`. E_CORRUPT when the batch's framing is broken (nothing is appended then). */
[[nodiscard]] int worker_run(struct worker *w, struct str batch, struct buf *out);

/*
 * The verdict as a message: written by worker_run(), read with verdict_open() and verdict_next(). Every length is
 * checked on reading: the reader (core) trusts the worker no further than its bytes.
 */
struct verdict {
	struct wire wire;
	uint32_t records;        /* of the batch */
	uint32_t events;
	uint32_t findings;
	uint32_t failed;         /* records of binary forms that could not be read */
	uint32_t unparsed;       /* lines no decoder fits: kept as raw text */
	uint32_t truncated;      /* events whose fields did not all fit, or not whole */
	uint64_t indicators;     /* generation of the set that was asked; 0 = none */
	struct arena *arena;
	const struct str *name;  /* name table of the message: native names, by number */
	uint32_t name_count;
	uint32_t taken;          /* events read so far */
};

#define VERDICT_MAX_VALUE 8192u /* bytes of one value; the raw record holds it all */

/* What a finding looks like on this side: the rule is named, its texts are with whoever holds the rule set. */
struct verdict_finding {
	uint32_t rule;           /* index in the rule set */
	const struct finding_field *matched;
	uint32_t matched_count;
	uint32_t indicator;      /* number in the indicator set; 0 = the rule is of another engine */
};

/* `message` and `arena` must outlive the verdict. E_CORRUPT. */
[[nodiscard]] int verdict_open(struct verdict *v, struct str message, struct arena *arena);
/* Next event with its findings, in order; false at the end or when the message is broken (v->wire.bad). e->raw is NULL:
 * e->raw_index counts records of the batch. e->text is NULL where it is the record itself or was never rendered. Field
 * ids are those of fields.def for core fields, else NAME_UNKNOWN. */
bool verdict_next(struct verdict *v, struct event *ret_event, struct verdict_finding **ret_findings, uint32_t *ret_count);

#endif
