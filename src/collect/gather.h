/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_GATHER_H
#define COLLECT_GATHER_H

/*
 * Group commit: messages of all doors gather in one batch, batches in the journal's buffer, and one sync makes them all
 * durable, 5 ms after the first of them or as soon as enough wait. In collect, one thread.
 *
 * Each message gets a ticket; tickets grow with the batches and are durable in order. When the journal is full or the
 * disk fails nothing more must be put: the doors stop reading (gather_stalled()), and we try again until it works.
 */

#include "decode/raw.h"
#include "host/loop.h"
#include "store/journal.h"

struct gather;

struct gather_events {
	/* A block is durable; in order. batch.n == 0: not in memory any more, read it from the journal. */
	void (*block)(void *user, uint64_t number, struct str batch);
	/* Everything up to this ticket is durable: acknowledge. */
	void (*committed)(void *user, uint64_t ticket);
	/* Stalled (error < 0) or going on (0). */
	void (*stalled)(void *user, int error);
};

struct gather *gather_new(struct loop *loop, struct journal *journal, const struct gather_events *events, void *user);
void gather_free(struct gather *g);
/* r->bytes.n <= RAW_MAX. Somebody waits for an acknowledgement when `waited`. Returns the ticket. Calls nobody back. */
uint64_t gather_put(struct gather *g, const struct raw *r, bool waited);
/* Write and sync now. Calls back. Returns 0 or why it stalls. */
int gather_commit(struct gather *g);
/* 0, or E_FULL, E_IO ...: put nothing. */
int gather_stalled(const struct gather *g);
/* Everything put so far has been committed. */
bool gather_idle(const struct gather *g);
size_t gather_held(const struct gather *g); /* bytes of memory */

#endif
