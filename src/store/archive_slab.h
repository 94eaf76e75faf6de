/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_ARCHIVE_SLAB_H
#define STORE_ARCHIVE_SLAB_H

/*
 * Looking back: the archive read from its oldest end, a sealed block at a time, unpacked once. Core, on a pool thread;
 * thread-safe against the writer and the searches. What is not sealed is not seen: archive_seal() first.
 *
 * A slab is such a block: its raw records as one batch (decode/raw.h), in the order of their coming, and for each event
 * its id and what core had said of it. Journal blocks that are not rows of records are left out.
 */

#include "store/archive.h"

struct archive_span {
	int64_t from_ms, to_ms;  /* only blocks with an event whose time, or whose receipt, is in [from, to) */
	uint64_t after, upto;    /* only blocks that end behind journal block `after` and begin at `upto` at the latest */
	const struct str *any;   /* only blocks whose texts may hold one of these, in either case; NULL: all */
	uint32_t anys;
};

struct archive_slab {
	uint64_t last_block;     /* of the journal: `after` of what follows */
	bool damaged;            /* it could not be read: there is nothing in it */
	struct str batch;
	const struct raw *raw;   /* the records of the batch */
	uint32_t raws;
	uint32_t events;
};

/* How many slabs there are; reads the headers of blocks only when `any` is given. */
uint32_t archive_slab_count(struct archive *a, const struct archive_span *span);
/* The first, with the values of these core fields (decode/fields.def, at most 8) of its events. E_NOT_FOUND when there
 * is none. */
[[nodiscard]] int archive_slab_read(struct archive *a, const struct archive_span *span, const uint32_t *core,
    uint32_t cores, struct archive_slab **ret);
void archive_slab_free(struct archive_slab *s);
/* The event that the `sub`-th event of this record was archived as, 0 .. events - 1; the record's last when it has
 * fewer by now, UINT32_MAX when it has none. */
uint32_t archive_slab_event(const struct archive_slab *s, uint32_t raw, uint32_t sub);
/* Its id. */
uint64_t archive_slab_id(const struct archive_slab *s, uint32_t event);
/* Value of core[i] of the event; empty when it has none. */
struct str archive_slab_value(const struct archive_slab *s, uint32_t event, uint32_t i);

#endif
