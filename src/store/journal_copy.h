/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_JOURNAL_COPY_H
#define STORE_JOURNAL_COPY_H

/*
 * Copies a journal that collect may be writing to at this moment: every block that the archive does not have yet, up to
 * one that was durable when the copy began. What came later is zeroed out, so that the copy ends cleanly.
 *
 *   1. journal_copy_begin() notes what the archive holds already, as of now;
 *   2. the caller notes how long the archive's files are, then copies the database;
 *   3. journal_copy_files() hands over the files, when all blocks between are still there.
 */

#include "base/error.h"
#include "store/journal_format.h"

struct journal_copy {
	char directory[480];
	char state[JOURNAL_STATE_SLOT + JOURNAL_STATE_BYTES]; /* the file as it was */
	size_t state_bytes;
	uint64_t released;  /* the archive has these blocks */
	bool idle;          /* nobody writes to it */
};

/* E_NOT_FOUND: there is no journal (nothing to copy). */
[[nodiscard]] int journal_copy_begin(const char *directory, struct journal_copy *ret);
/* `applied`: the last block that the copied database knows; it is in the copy whatever comes. E_AGAIN: a block between was
 * overwritten, so the archive has it by now; begin again. */
typedef int journal_copy_file(void *user, const char *name, struct str bytes);
[[nodiscard]] int journal_copy_files(const struct journal_copy *c, uint64_t applied, journal_copy_file *each, void *user);

#endif
