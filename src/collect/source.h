/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_SOURCE_H
#define COLLECT_SOURCE_H

/*
 * Who sends: a number for each (transport, address), with what came, what was refused and when. In collect, one thread.
 *
 * What a message says of its sender is no identity: the host name inside may be forged. Numbers are never used twice,
 * also over restarts: the file keeps a high mark ahead of those given out. The table is bounded; the one silent longest
 * makes room, but sources that have only just begun to send go first, so that forged addresses do not push out the real
 * ones.
 */

#include "base/error.h"
#include "decode/raw.h"
#include "store/io.h"

#define SOURCE_MAX 10000u
#define SOURCE_MINUTES 60u

struct source {
	uint32_t number;          /* from 1 */
	uint8_t transport;        /* enum raw_transport */
	uint8_t peer[16];         /* as in struct raw */
	uint64_t received;        /* messages kept */
	uint64_t bytes;
	uint64_t oversized;       /* messages that came in pieces, or were cut (journald) */
	uint64_t refused;         /* messages or connections we turned away */
	uint64_t dropped;         /* messages taken and lost: nothing that was acknowledged */
	uint64_t quarantined;     /* records a decoder crashed on */
	int64_t first_ms, last_ms;
	int64_t minute;           /* number of the minute that per_minute[minute % 60] counts */
	uint32_t per_minute[SOURCE_MINUTES];
	bool changed;             /* since the last report */
	/* the table's own */
	bool established;
	uint32_t next_hash, newer, older;
};

struct sources;

struct sources *sources_new(void);
void sources_free(struct sources *t);
/* The source's row, made when it is new. Valid until the next call. */
struct source *source_find(struct sources *t, uint8_t transport, const uint8_t peer[16], int64_t now_ms);
/* NULL when it has been forgotten. */
struct source *source_number(struct sources *t, uint32_t number);
/* One message of n bytes came from it. */
void source_count(struct sources *t, struct source *s, size_t n, int64_t now_ms);
/* Counts of the last 60 minutes, oldest first. */
void source_minutes(const struct source *s, int64_t now_ms, uint32_t ret[SOURCE_MINUTES]);
uint32_t sources_count(const struct sources *t);
uint64_t sources_evicted(const struct sources *t);
/* Rows one after the other; *place begins at 0. NULL at the end. */
struct source *sources_next(struct sources *t, uint32_t *place);
/* Something is there that sources_save() has not written: a new row. */
bool sources_unsaved(const struct sources *t);

/* The whole table as a file, and back. A file that does not check is E_CORRUPT; the table is then as new. */
[[nodiscard]] int sources_save(struct sources *t, const struct store_io *io, const char *path);
[[nodiscard]] int sources_load(struct sources *t, const struct store_io *io, const char *path);

#endif
