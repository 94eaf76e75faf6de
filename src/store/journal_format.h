/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_JOURNAL_FORMAT_H
#define STORE_JOURNAL_FORMAT_H

/*
 * What a journal looks like on disk. Private to store/journal*.c, their tests and the fuzz target. Pure.
 *
 * DIR/state        two slots, written in turn: the epoch of the last opening and the highest released block
 * DIR/0001.journal segments, numbered without gaps, all of one size; zeros at birth, then overwritten for ever
 *
 * A segment is a run of blocks from offset 0. Block numbers grow by one; epochs (one for each opening) never shrink. So
 * what an older use of the segment left behind can not be taken for what follows: its numbers are too small, and where a
 * number was given twice because a power cut swallowed its first bearer, the younger epoch is the true one.
 *
 * A commit begins on a page of its own and its last block reaches to the end of a page: a page torn by a power cut
 * never holds anything that was acknowledged before.
 */

#include "base/error.h"
#include "base/wire.h"

#define JOURNAL_PAGE 4096u
#define JOURNAL_HEADER 56u
#define JOURNAL_BLOCK_MAX (4u << 20) /* bytes of one batch */
#define JOURNAL_STATE_SLOT 4096u     /* the second slot is a page away from the first */
#define JOURNAL_STATE_BYTES 40u

/* Little-endian, in this order, behind a magic; then a checksum of the header itself. */
struct journal_block {
	uint64_t number;
	uint64_t epoch;
	uint64_t synced; /* every block up to this one was durable when this one was written */
	uint32_t room;   /* bytes from this header to the next: header, body, padding; a multiple of 8 */
	uint32_t body;   /* bytes of the body */
	uint32_t raw;    /* bytes of the batch; equal to `body` when it is stored as it is, else the body is zstd */
	uint32_t check;  /* crc32c of the body */
};

struct journal_state {
	uint64_t sequence; /* the slot with the higher one counts */
	uint64_t epoch;
	uint64_t released;
};

void journal_block_write(const struct journal_block *b, char to[JOURNAL_HEADER]);
/* E_CORRUPT for anything we can not have written. `left` is what the segment holds from here on. */
[[nodiscard]] int journal_block_read(struct str bytes, uint64_t left, struct journal_block *ret);
void journal_state_write(const struct journal_state *s, char to[JOURNAL_STATE_BYTES]);
[[nodiscard]] int journal_state_read(struct str bytes, struct journal_state *ret);

static inline uint64_t
journal_page_up(uint64_t n)
{
	return (n + JOURNAL_PAGE - 1) & ~(uint64_t)(JOURNAL_PAGE - 1);
}

#endif
