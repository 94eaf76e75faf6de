/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_ARCHIVE_SEALED_H
#define STORE_ARCHIVE_SEALED_H

/*
 * What the record keeps of a sealed block, so that nobody changes stored events unseen (store/evidence.h): how many
 * blocks of the journal went into it, and a root over them as they came. A sealed block gives its journal blocks back byte for
 * byte, so the root can be made again at any time, by anybody who can read the archive.
 *
 * The root is that of RFC 6962 over one leaf for each journal block: its number and its length, 8 bytes each, big-endian,
 * and the SHA-256 of its bytes.
 */

#include "store/archive.h"
#include "store/merkle.h"

struct archive_sealed {
	uint64_t first, last;   /* journal blocks */
	uint64_t blocks, bytes; /* how many, and how long they were together */
	uint64_t events;
	int64_t day;            /* of reception, since 1970, UTC: the folder it lies in */
	struct merkle_hash root;
};

struct merkle_hash archive_sealed_leaf(uint64_t number, struct str bytes);
/* Sealed blocks behind journal block `after`, oldest first, at most `max`. What this process sealed is told as it came in,
 * the rest as it can be made again: E_CORRUPT, E_IO when one cannot. Forgets what is not behind `after`. Core's thread. */
[[nodiscard]] int archive_sealed_list(struct archive *a, uint64_t after, struct archive_sealed *ret, uint32_t max,
    uint32_t *ret_count);
/* One sealed block after the other, each read again, of an archive that was opened to be read. Begin with a cursor of
 * zeros. E_NOT_FOUND behind the last; E_CORRUPT: the block cannot be read, *ret tells which, and the cursor is behind it. */
struct archive_sealed_cursor {
	uint32_t segment, block;
};
[[nodiscard]] int archive_sealed_next(struct archive *a, struct archive_sealed_cursor *c, struct archive_sealed *ret);
/* Highest journal block of the days that archive_drop_before(ms) would take away; 0 = none. */
uint64_t archive_sealed_before(struct archive *a, int64_t ms);

#endif
