/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

/*
 * Raw bytes on disk before anybody is told they are safe. Owned by collect, one thread.
 *
 * A block is a batch (decode/raw.h) with a number. Blocks go to fixed-size segment files that are written once in full,
 * then recycled: overwriting written blocks syncs 3.5-4 times faster than appending (collector.md). journal_append()
 * only buffers; journal_commit() writes all buffered blocks and syncs once (group commit). A block whose number is not
 * above journal_released() is safe in the archive and its segment may be reused.
 *
 * On disk a block is: magic, number, epoch of the segment, sizes, crc32c over header and body, zstd-1 body. Recovery
 * reads segments in order and stops at the first block that does not check: a torn tail is cut, counted and told.
 * All I/O goes through struct store_io (store/io.h), so that a test can cut the power.
 */

#include "base/error.h"
#include "store/io.h"

struct journal;

struct journal_options {
	const struct store_io *io;
	struct str directory;
	uint32_t segment_bytes; /* default 16 MB */
	uint64_t max_bytes;     /* all segments; beyond it E_FULL, acknowledgements stop; default 1 GB */
	uint64_t first;         /* number of the first block of a journal that is new; default 1 */
};

struct journal_stats {
	uint64_t first;         /* oldest block kept */
	uint64_t next;          /* number the next block will get */
	uint64_t opened;        /* number the first block of this opening got, or will get */
	bool born;              /* this opening found no journal and made one */
	uint64_t committed;     /* highest durable block */
	uint64_t released;
	uint64_t bytes;         /* on disk */
	uint64_t torn;          /* torn tails cut at the last open */
	uint64_t damaged;       /* blocks that were durable once and can not be read any more (a bad disk) */
	uint64_t commits;       /* syncs so far */
};

/* Opens or creates. E_DENIED, E_FULL, E_BUSY (somebody else has it), E_CORRUPT, E_IO; *f names the file. */
[[nodiscard]] int journal_open(const struct journal_options *o, struct journal **ret, struct fault *f);
void journal_close(struct journal *j);
/* Buffer one block; *ret_number is its number, growing by one. E_LIMIT when the buffer is full (commit first). */
[[nodiscard]] int journal_append(struct journal *j, struct str batch, uint64_t *ret_number);
/* Write and sync what is buffered. Afterwards every number given so far is durable. E_FULL, E_IO: nothing of it may be
 * acknowledged; the blocks stay buffered and the call may be repeated. */
[[nodiscard]] int journal_commit(struct journal *j);
/* Everything up to and including `number` is safe elsewhere. */
void journal_release(struct journal *j, uint64_t number);
/* Read one committed block back into `ret` (cleared first). E_NOT_FOUND when released and reused, E_CORRUPT. */
[[nodiscard]] int journal_read(struct journal *j, uint64_t number, struct buf *ret);
/* Another holds everything up to `held`, though this journal had not given those numbers when it was opened: its folder is
 * older than that. What this opening gave up to `held` is written again under numbers above it (*ret_moved blocks), those
 * that come follow, and everything up to `held` is released. Durable when it returns 0; after an error it may be repeated,
 * and no block is moved twice. Until then nothing from stats.opened on may be released. What an opening before this one
 * took in the same plight, and lost the power before it was told, cannot be known from what is held. */
[[nodiscard]] int journal_go_beyond(struct journal *j, uint64_t held, uint64_t *ret_moved);
struct journal_stats journal_stats(const struct journal *j);

#endif
