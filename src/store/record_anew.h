/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_RECORD_ANEW_H
#define STORE_RECORD_ANEW_H

/*
 * Where one log of the record ends and the next one begins. A log cannot go back: a desk that came back from a backup older than what
 * its witness has seen writes another history behind the backup, and no honest witness signs both. So a person decides that the
 * record goes on in a new log, which repeats every entry there is; the entry that says so names the log before, its last
 * checkpoint here, and how many entries a witness has seen that are not here. Whoever verifies the new log finds the old one in it.
 */

#include "base/arena.h"
#include "store/record.h"

/* Number of the entry that tells of the newest restore in this log; 0: there was none. What stands before it is shared with the log
 * that was left behind. */
[[nodiscard]] int record_restored(struct db *db, uint64_t *ret_seq);
/* A witness has seen more than there is here: kept until the record begins anew. */
[[nodiscard]] int record_ahead_note(struct db *db, struct str witness, uint64_t seen, uint64_t missing);

/* By a person's decision: the record of DIR begins a new log; its folder and key are set aside under another name, and an
 * entry says why. For a desk that does not run. */
[[nodiscard]] int record_begin_anew(struct db *db, struct str directory, struct str who, struct str reason, int64_t now_ms);

/* An entry of record_begin_anew(). Slices point into the arena. */
struct record_seam {
	struct str at, reason;
	bool known;              /* the log before had a checkpoint here */
	struct record_log before;
	struct str witness;      /* who has seen more of it; empty = nobody, as far as we knew */
	uint64_t seen, missing;
};
/* E_NOT_FOUND: it is another entry. */
[[nodiscard]] int record_seam_read(struct str entry, struct arena *arena, struct record_seam *ret);

#endif
