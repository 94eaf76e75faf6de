/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_ARCHIVE_H
#define STORE_ARCHIVE_H

/*
 * Months of events on one box: append, search, count over time, top values, retention. Owned by core. One writer
 * thread; searches run on other threads at the same time (they see every event appended before they began).
 *
 * Shape (stores.md): a folder per day of reception (UTC), so that a segment is written in the order of arrival; segments
 * of blocks of about 4,096 events or 8 MB, each of whole journal blocks; a block = header (time range, count, minute
 * histogram, frame table, crc32c), dictionary columns, raw records in 256 KB zstd-3 frames (alike beside alike; every
 * journal block can be made again byte for byte), exact-term and trigram filters. Events not yet sealed into a block are
 * searched in memory; the journal holds them until archive_safe() covers their block. An open block is sealed when full,
 * by archive_seal(), or by age. Readers map the segments, so io->open() must give a real descriptor.
 */

#include "decode/event.h"
#include "store/io.h"
#include "store/search.h"

struct archive;

struct archive_options {
	const struct store_io *io;
	struct str directory;
	bool read_only;         /* nothing is made, cut or written, and no event may be added; another may be writing */
	int64_t seal_after_ms;  /* age at which archive_tick() seals an open block; default 10 minutes */
};

struct archive_stats {
	uint64_t events;        /* stored and open */
	uint64_t open_events;
	uint64_t bytes;         /* on disk */
	uint64_t raw_bytes;     /* of the records behind the events, uncompressed */
	uint64_t blocks;
	uint64_t torn;          /* torn tails cut and damaged blocks stepped over at the last open */
	uint64_t damaged;       /* times since then that a search had to leave out a block: its checksums failed */
	int64_t oldest_ms, newest_ms;
};

/* An event as found: the id is stable for the life of the event. Strings live in the arena handed in. */
struct archive_event {
	uint64_t id;            /* > 0; grows in the order of arrival */
	int64_t time_ms;        /* claimed time, or received time when none was claimed */
	int64_t received_ms;
	uint64_t block;         /* journal block it came in */
	uint32_t raw_index;
	enum decoder_id decoder;
	uint8_t confidence;
	uint16_t raw_flags;
	uint32_t source;
	struct str text;
	const struct field *field;
	uint32_t field_count;
};

[[nodiscard]] int archive_open(const struct archive_options *o, struct archive **ret, struct fault *f);
/* Seals what is open, unless a journal block came only in part. No search may be running. */
void archive_close(struct archive *a);
/* Append all events of one journal block: archive_begin(), archive_add() per event in order, archive_end(). Blocks come
 * in growing order; a block already held is refused with E_EXISTS by archive_begin() (replay after a crash).
 * archive_begin() also answers E_FULL or E_IO as long as a full block cannot be written: memory stays bounded. */
[[nodiscard]] int archive_begin(struct archive *a, uint64_t journal_block, struct str raw_batch);
/* *ret_id is the id the event can be fetched by from now on. */
[[nodiscard]] int archive_add(struct archive *a, const struct event *e, uint64_t *ret_id);
/* E_FULL, E_IO when sealing failed; the open block is kept and the next call tries again. */
[[nodiscard]] int archive_end(struct archive *a);
/* Seal by age. now_ms from the caller. */
[[nodiscard]] int archive_tick(struct archive *a, int64_t now_ms);
[[nodiscard]] int archive_seal(struct archive *a);
/* Highest journal block that is sealed and synced with all blocks below it (0 = none). */
uint64_t archive_safe(const struct archive *a);
/* Highest journal block appended. */
uint64_t archive_last_block(const struct archive *a);

/* Newest first (by time_ms, then id). `before` continues a page: pass the last row of the page before, or NULL.
 * *ret_scanned_ms tells how far back the search came when stop() cut it short. Thread-safe. */
struct archive_cursor {
	int64_t time_ms;
	uint64_t id;
};
struct archive_control {
	bool (*stop)(void *user); /* asked now and then; true ends the search early; may be NULL */
	void *user;
	bool *ret_stopped;        /* may be NULL */
};
[[nodiscard]] int archive_search(struct archive *a, const struct search *s, const struct archive_cursor *before,
    uint32_t limit, const struct archive_control *control, struct arena *arena, struct archive_event **ret,
    uint32_t *ret_count);
/* Matching events per interval: ret[i] counts [from + i * interval, from + (i + 1) * interval). s->from_ms and
 * s->to_ms must be set. ret has `slots` entries. */
[[nodiscard]] int archive_histogram(struct archive *a, const struct search *s, int64_t interval_ms, uint64_t *ret,
    uint32_t slots, const struct archive_control *control);
struct archive_top {
	struct str value;
	uint64_t count;
};
/* Most frequent values of a field among matching events, most frequent first. */
[[nodiscard]] int archive_top(struct archive *a, const struct search *s, struct str field, uint32_t limit,
    const struct archive_control *control, struct arena *arena, struct archive_top **ret, uint32_t *ret_count);
/* One event by id. E_NOT_FOUND. */
[[nodiscard]] int archive_get(struct archive *a, uint64_t id, struct arena *arena, struct archive_event *ret);
/* The raw record of an event, byte for byte as it was journalled. E_NOT_FOUND. */
[[nodiscard]] int archive_raw(struct archive *a, uint64_t id, struct arena *arena, struct raw *ret);
/* A whole journal block, byte for byte, so that its leaf in the transparency log can be checked. Adds to `ret`.
 * E_NOT_FOUND. */
[[nodiscard]] int archive_batch(struct archive *a, uint64_t journal_block, struct buf *ret);
/* Unlink whole days (UTC, by the time of reception) that end before `ms`; returns the days removed or an error. The
 * newest segment always stays: it carries the ids and the journal block that were reached. */
int archive_drop_before(struct archive *a, int64_t ms);
struct archive_stats archive_stats(struct archive *a);

#endif
