/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_SWEEP_RUN_H
#define INSPECT_SWEEP_RUN_H

/*
 * One sweep under way: a walk on one side, the scanner on the other, a handful of open files between them. Core and
 * `khien sweep`.
 *
 * sweep_run_fill() asks the file system, which may be slow: core has it called on a pool thread. Everything else is the
 * loop's thread: sweep_run_begin() before a fill, sweep_run_submit() after it; answers may come in between.
 */

#include "inspect/scanner.h"
#include "inspect/walk.h"

#define SWEEP_BATCH 16u   /* items a fill brings at most */
#define SWEEP_FILL_MS 200 /* a fill ends after this, with what it has */

struct sweep_events {
	void (*answer)(void *user, struct str path, const struct scan_answer *answer);
	void (*problem)(void *user, struct str path, int error);
	void (*end)(void *user); /* everything was looked at; the last call, in which the run may not be freed */
};

struct sweep_totals {
	uint64_t files_done, bytes, matches, partial;
	uint64_t problems;  /* files and folders that could not be read or looked at */
	uint64_t crashed;   /* of those: given up after the third crash */
	struct walk_counts walk;
};

struct sweep_run;

/* Takes over the walk. */
struct sweep_run *sweep_run_new(struct walk *walk, struct scanner *scanner, const struct sweep_events *events, void *user);
/* Ends it wherever it is; not while a fill runs. Accepts NULL. */
void sweep_run_free(struct sweep_run *r);
/* Is it time for another fill? Then it is begun. */
bool sweep_run_begin(struct sweep_run *r);
void sweep_run_fill(struct sweep_run *r);
/* After a fill: what it brought goes to the scanner. May call all events. */
void sweep_run_submit(struct sweep_run *r);
struct sweep_totals sweep_run_totals(const struct sweep_run *r);

#endif
