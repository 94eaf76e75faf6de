/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_STATEFILE_H
#define STORE_STATEFILE_H

/*
 * What a role remembers, as one file that is replaced whole: sections by name, each in a form of its owner's own, as of
 * one journal block. Whoever reads it back then needs only the blocks behind it. Core; writing may run on a pool thread.
 *
 * A power cut leaves the file before or the file after, never a mixture: the new one is written and synced under another
 * name, then renamed, then the folder is synced. The whole file stands under one crc32c, and carries the mark of the
 * installation it belongs to, so that one that was copied here from elsewhere is known.
 */

#include "base/error.h"
#include "base/wire.h"
#include "store/io.h"

#define STATEFILE_OWNER 16u
#define STATEFILE_SECTIONS 16u

struct statefile {
	const uint8_t *owner;   /* STATEFILE_OWNER bytes */
	uint64_t block;         /* the journal block after which it was taken */
	int64_t at_ms;
	struct {
		struct str name, bytes;
	} section[STATEFILE_SECTIONS];
	uint32_t sections;
};

/* Writing: begin, then any number of sections (at most STATEFILE_SECTIONS), then end. What stands between the two calls of
 * a section is appended to `out` by the caller. */
void statefile_begin(struct buf *out, const uint8_t owner[STATEFILE_OWNER], uint64_t block, int64_t at_ms);
[[nodiscard]] size_t statefile_section(struct buf *out, struct str name); /* a mark for statefile_section_end() */
void statefile_section_end(struct buf *out, size_t mark);
void statefile_end(struct buf *out);
/* Reading; all is borrowed from `bytes`. E_CORRUPT, E_UNSUPPORTED (another version). */
[[nodiscard]] int statefile_take(struct str bytes, struct statefile *ret);
/* False when there is none of that name. */
bool statefile_find(const struct statefile *s, struct str name, struct str *ret);

/* The folder is made when it is missing. E_FULL, E_IO ...: the file before is untouched. */
[[nodiscard]] int statefile_write(const struct store_io *io, const char *directory, struct str bytes);
/* Appends the file to `ret`. E_NOT_FOUND, E_LIMIT (larger than ret->max), E_IO. */
[[nodiscard]] int statefile_read(const struct store_io *io, const char *directory, struct buf *ret);

#endif
