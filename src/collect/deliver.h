/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_DELIVER_H
#define COLLECT_DELIVER_H

/*
 * Committed blocks on their way to the worker, strictly in order, until core says that their verdicts are applied. In
 * collect, one thread. Memory is bounded: blocks beyond the window are read back from the journal when their turn comes.
 *
 * Nothing is sent before core has said (MSG_REPLAY) what it holds. When the worker dies, what was sent and not applied
 * is sent again, one block at a time until the oldest of them is through: whichever kills it three times in a row is
 * quarantined, that is, sent once more with every record marked RAW_OPAQUE. A worker that leaves in order (other rules
 * came) makes nobody a suspect.
 *
 * What core must do: after MSG_REPLAY it waits for MSG_FROM, which names the block that comes next. It applies the verdict
 * of that block only, then of the one after it, and so on; any other verdict is a stale copy and ignored. After each it
 * sends MSG_APPLIED. A block that the disk lost comes as a batch without records, so that the numbers have no holes.
 */

#include "collect/source.h"
#include "host/channel.h"
#include "store/journal.h"

struct deliver;

struct deliver_stats {
	uint64_t applied;      /* highest block core has applied */
	uint64_t sent;         /* highest block sent or not to be sent; not below applied */
	uint64_t unreadable;   /* blocks sent empty because the journal could not give them back */
	uint64_t quarantined;  /* blocks */
	uint64_t crashes;      /* of the worker while something was on its way */
	bool careful;          /* one block at a time */
};

struct deliver *deliver_new(struct journal *j, struct sources *sources);
void deliver_free(struct deliver *d);
/* The channels are the caller's; NULL when gone. A new worker: everything unapplied again; `died`: the one before it did not
 * leave in order, so that a block may have killed it. */
void deliver_worker(struct deliver *d, struct channel *worker, bool died);
void deliver_core(struct deliver *d, struct channel *core);
/* From core. What it holds is not above what the journal has committed (journal_go_beyond()). */
void deliver_replay(struct deliver *d, uint64_t block);
void deliver_applied(struct deliver *d, uint64_t block);
/* A block was committed; `batch` may be empty (then it is read back). */
void deliver_block(struct deliver *d, uint64_t number, struct str batch);
/* The worker's queue has room again. */
void deliver_go_on(struct deliver *d);
struct deliver_stats deliver_stats(const struct deliver *d);

#endif
