/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_JOURNAL_PRIVATE_H
#define STORE_JOURNAL_PRIVATE_H

/* Shared by journal.c (writing, reading) and journal_recover.c (what a crash left behind), nobody else. */

#include "store/journal.h"
#include "store/journal_format.h"

#define JOURNAL_MAX_SEGMENTS 4096u

struct segment {
	uint32_t id;       /* its file is DIR/<id>.journal */
	uint64_t size;
	uint64_t first;    /* blocks it holds, first > last: none */
	uint64_t last;
	uint64_t epoch;    /* of its last block */
	uint64_t epoch_first;
	uint64_t end;      /* bytes in use */
};

/* Where the last read ended: replay goes on from there without looking at what is before. */
struct journal_reader {
	int fd;            /* -1 = none */
	uint32_t segment;  /* index */
	uint64_t number;   /* of the block at `at` */
	uint64_t at;
};

struct pending {
	uint64_t number;
	size_t at;         /* of its header in the buffer */
	uint32_t body, raw, check;
};

struct journal {
	const struct store_io *io;
	char directory[480];
	uint32_t segment_bytes;
	uint64_t max_bytes;
	uint64_t before_first;   /* what a journal without a state begins behind */
	uint64_t unmoved;        /* journal_go_beyond() goes on with this one */
	int lock, state;         /* descriptors */
	struct journal_state stored; /* as last written */
	uint64_t stored_durable; /* of stored.released, what a power cut leaves */
	unsigned stored_slot;    /* holds the last durable state: never overwritten */
	struct segment *segment;
	size_t segment_count, segment_cap;
	size_t current;          /* index, valid while fd >= 0 */
	int fd;                  /* current segment */
	struct journal_reader reader;
	struct buf buffer;       /* headers and bodies not yet committed */
	struct pending *pending;
	size_t pending_count, pending_cap;
	struct buf packed;       /* body of the block being read */
	void *squeeze, *unfold;  /* zstd contexts */
	struct journal_stats stats;
};

void journal_path(const struct journal *j, uint32_t id, char to[512]);
/* Reads the header at `at`. E_CORRUPT when there is none. */
[[nodiscard]] int journal_header_at(struct journal *j, int fd, const struct segment *s, uint64_t at,
    struct journal_block *ret);
/* Finds the segments, cuts what is torn, fills stats.first, .next, .torn, .damaged, and opens the segment to go on in. */
[[nodiscard]] int journal_recover(struct journal *j, struct fault *f);
/* Rewrites the state file; `sync` when it must survive a power cut. */
[[nodiscard]] int journal_state_store(struct journal *j, bool sync);

#endif
