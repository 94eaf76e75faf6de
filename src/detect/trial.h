/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_TRIAL_H
#define DETECT_TRIAL_H

/*
 * A trial: rules as text, put together apart from those in force and run over batches of raw records. The look-back role
 * does it in its poor process, core asks and reads the answers; rule text that a person is still writing is parsed
 * nowhere else. Pure: the events and findings are those that the worker (detect/worker.h) and core's correlator would
 * make of the same rules, batches and enrichment.
 *
 * A set names its documents one by one. What is WANTED is tried. LIBRARY is there for wanted correlations to refer to,
 * FILTER narrows both; their own faults and findings are nobody's concern. But a reference that is not in the set is a
 * fault `rule_reference` of the wanted or library document; core may know the rule and send the set once more with it.
 *
 * Everything here is one message each, checked on reading: core trusts the role no further than its bytes.
 */

#include "detect/worker.h"

/* ---- a set: core writes, the role reads ---- */

enum trial_kind { TRIAL_MAP, TRIAL_PLACEHOLDERS, TRIAL_WANTED, TRIAL_LIBRARY, TRIAL_FILTER, TRIAL_KIND_COUNT };

struct trial_head {
	uint64_t number;         /* core's name for the answer */
	struct str rule;         /* only the wanted rule of this id; empty: all wanted ones, to be run: if not silent */
	int64_t from_ms, to_ms;  /* only events of this time reach correlations */
	bool run;                /* batches will follow; else only faults and facts are asked for */
};

void trial_set_begin(struct buf *out, const struct trial_head *h);
/* The map, then placeholders, must come before rules. A later rule with an id already taken is refused. */
void trial_set_add(struct buf *out, enum trial_kind kind, struct str file, struct str text);

/* ---- the trial: in the role ---- */

struct trial;

/* Reads a set and appends what is to be told of it to `facts` (always a whole message). NULL when the set is not one, has
 * no map that loads, or none of it is to be run. zone: worker_set_zone(). */
struct trial *trial_new(struct str set, int zone, struct buf *facts);
void trial_free(struct trial *t);
/* Look for these too; they must outlive the trial. */
void trial_use_indicators(struct trial *t, const struct ioc *indicators);
/* Runs a batch message and appends the answer, always a whole one: what cannot be run, or answers with more bytes than
 * `max`, is lost (trial_answer.lost). */
void trial_run(struct trial *t, struct str message, size_t max, struct buf *answer);

/* ---- facts: the role writes, core reads ---- */

#define TRIAL_FAULTS 100u   /* told one by one at most */

struct trial_fault {
	enum trial_kind kind;    /* of its document */
	uint32_t line, column;
	struct str what, arg;    /* of struct fault */
};

struct trial_rule {
	uint32_t index;          /* in findings */
	struct str id, title;
	enum level level;
	bool correlation;
};

struct trial_facts {
	uint64_t number;
	bool ready;              /* it runs: batches are welcome */
	bool stateful;           /* with correlations: batches must come in order, all, with owners, from the first on */
	const struct trial_fault *fault;
	uint32_t faults;
	const struct trial_rule *rule; /* those whose findings count */
	uint32_t rules;
};

/* Texts are borrowed from the message, rows live in the arena. E_CORRUPT. */
[[nodiscard]] int trial_facts_read(struct str message, struct arena *arena, struct trial_facts *ret);

/* ---- a batch: core writes, the role reads ---- */

/* What core had said of an event when it came. */
struct trial_owner {
	struct str source, organisation, system, level;
};

struct trial_batch {
	uint64_t number;
	struct str batch;
	uint32_t records;
	/* For stateful trials, else NULL: the owner of the sub-th event of a record; false when there is no such event. */
	bool (*owner)(void *user, uint32_t record, uint32_t sub, struct trial_owner *ret);
	void *user;
};

void trial_batch_put(struct buf *out, const struct trial_batch *b);

/* ---- findings: the role writes, core reads ---- */

struct trial_answer {
	uint64_t number;
	uint32_t seen;           /* events in the batch */
	bool lost;               /* its findings are not known: broken, or more than one message holds */
	struct verdict verdict;  /* only the events with findings */
	struct wire more;        /* private: findings of correlations */
	bool more_taken;         /* private: the next of them is in `next` */
	uint32_t next_event;
	struct verdict_finding next;
	uint32_t event;          /* number of the event taken last, + 1 */
};

/* `message` and `arena` must outlive the answer. E_CORRUPT. */
[[nodiscard]] int trial_answer_open(struct trial_answer *a, struct str message, struct arena *arena);
/* Next event with its findings, those of correlations that it fulfilled among them; false at the end or when the message
 * is broken (trial_answer_bad()). As verdict_next(). */
bool trial_answer_next(struct trial_answer *a, struct event *ret_event, struct verdict_finding **ret_findings,
    uint32_t *ret_count);
bool trial_answer_bad(const struct trial_answer *a);

#endif
