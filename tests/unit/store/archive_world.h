/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_ARCHIVE_WORLD_H
#define TEST_ARCHIVE_WORLD_H

/*
 * An archive in a folder of its own, events by hand, and a plain list of what was appended: the oracle that every
 * answer of the archive is compared with.
 */

#include "store/archive.h"
#include "tap.h"

#define DAY0 INT64_C(1795305600000) /* 2026-11-22T00:00Z */

/* What was appended, copied: the oracle's memory. */
struct known {
	uint64_t id;
	int64_t time_ms;
	struct raw raw;
	uint64_t batch;
	uint32_t raw_index;
	enum decoder_id decoder;
	struct str text;
	struct field *field;
	uint32_t field_count;
};

struct world {
	struct archive *archive;
	struct arena arena;
	struct known *known;
	uint32_t count, cap;
	struct buf *batch; /* raw bytes of journal block i + 1 */
	uint32_t batches, batch_cap;
	const char *folder;
	struct store_io io;
	int64_t now_ms;
};

void world_begin(struct world *w, uint64_t seed);
void world_open(struct world *w);
void world_end(struct world *w);
uint32_t random_below(uint32_t n);
/* One journal block of up to `lines` (at most 64) records. The first error of the archive. */
int append_batch(struct world *w, uint32_t lines);
void append_events(struct world *w, uint32_t count);
/* Appends block `number` of before once more, event by event. Adds nothing to the list. */
int replay_batch(struct world *w, uint64_t number);
bool same_event(const struct archive_event *e, const struct known *k);
bool oracle_matches(const struct known *k, const struct search *s);
/* All pages of a search against the oracle: every event once, in order, whole. */
void compare_search(struct world *w, const struct search *s, uint32_t page, const char *what);
/* All events. */
void compare_everything(struct world *w, const char *what);
/* A list of searches, with and without a range of time. */
void compare_all(struct world *w);

#endif
