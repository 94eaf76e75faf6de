/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_APPLY_H
#define CORE_APPLY_H

/* Core's state, and the path of one verdict through it. Private to core.c and core_apply.c. */

#include "alert/exception.h"
#include "detect/correlate.h"
#include "detect/flow.h"
#include "detect/worker.h"
#include "host/role.h"
#include "web/desk.h"

#define CORRELATE_BYTES (32u << 20)
#define VERDICT_ARENA (128u << 20)

struct core {
	struct role_context *rc;
	int supervisor;
	struct desk desk;
	struct channel *collect, *worker, *web;
	struct alert_book *book;
	struct correlator *correlator;
	struct flow *flow;
	struct core_state *state;  /* what both remember, over a restart (core_state.h) */
	struct arena arena;        /* of the verdict being applied */
	uint8_t rules_digest[32];  /* of desk.rules */
	/* core_rules.c */
	struct pool *loader;       /* a thread for reading rules, so that searches do not hold it up */
	uint8_t next_digest[32];   /* of desk.rules_next */
	uint8_t worker_digest[32]; /* of the rules that the worker has, as it says */
	bool worker_comes;         /* one was asked for that reads them anew, and has not spoken yet */
	int64_t worker_asked_ms;
	bool rules_loading, rules_again; /* the files are being read; and changed meanwhile */
	struct rules_waiter *rules_waiters;
	void (*rules_loaded)(struct core *core);
	struct exception_book *exceptions;
	int64_t exceptions_end_ms; /* the next of them ends */
	uint64_t next;             /* block whose verdict comes next; 0 = collect has not said */
	uint64_t findings_block;   /* findings up to this block are in the database */
	bool batch_open;           /* the archive waits for archive_end() until the alerts of `gathered` are written */
	uint64_t gathered;         /* block that is in the archive and the book, its alerts perhaps not yet written */
	uint64_t released;
	struct buf held;           /* a verdict that could not be applied: desk.stalled tells why, or */
	bool held_for_rules;       /* core has not read its rules yet */
	bool worker_ends;          /* what it said could not be read: it was asked to be killed, the next judges anew */
	struct core_lookback *lookback;
	struct core_indicators *indicators;
	char day[REGISTRY_DAY];    /* that the register is of */
	struct core_witness *witness; /* NULL: nobody cosigns the record */
	struct core_directory *directory; /* core_directory.h; NULL: none is named */
	uint64_t ticks, rate[11];
};

struct verdict_message {
	uint64_t block;
	const uint8_t *digest;
	struct str batch, verdict;
};

[[nodiscard]] int verdict_message_take(struct str payload, struct verdict_message *ret);
void core_apply_open(struct core *core);
/* Before any verdict: what an earlier one could not write. Its rules may be swapped only after this. E_FULL, E_IO. */
[[nodiscard]] int core_apply_left(struct core *core);
/* All or nothing, may be repeated. E_FULL, E_IO. */
[[nodiscard]] int core_apply(struct core *core, const struct verdict_message *m);

#endif
