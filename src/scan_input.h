/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_INPUT_H
#define SCAN_INPUT_H

/*
 * Files as a sequence of raw records: what `khien scan` reads. The type is found by content: gzip, zstd, EVTX, JSON
 * (lines, one text after another, or one array), else lines of text.
 */

#include "decode/raw.h"
#include "scan_chunks.h"

struct scan_input {
	struct str bytes;    /* of the file, unpacked */
	struct str mapped;   /* to unmap */
	struct buf read;     /* a small file: the copy costs less than the mapping; or a chunk of an event log */
	struct scan_chunks chunks; /* of a file that is one; packed ones are in `bytes` */
	struct buf unpacked;
	void *unpacker;      /* of zstd; this, and the room of the two above, stays from file to file */
	size_t at;
	size_t fetched;      /* up to here the memory has been told that it will be read */
	uint64_t number;     /* of the record just taken, from 1: line, JSON text, or EVTX chunk */
	int64_t written_ms;  /* last change of the file: settles the year of syslog lines without one */
	int form;            /* private */
};

#define SCAN_UNPACKED_MAX (size_t)(8u << 30) - 1 /* a bomb ends here */

/* Zeroed is a good start: struct scan_input in = {0}. One file at a time: scan_close() before the next scan_open().
 * E_NOT_FOUND, E_DENIED, E_IO, E_CORRUPT (packed bytes that do not unpack), E_LIMIT. */
[[nodiscard]] int scan_open(struct scan_input *in, const char *path);
/* E_IO when the file could not be read to its end. */
int scan_close(struct scan_input *in);
void scan_release(struct scan_input *in);
/* The next record; false at the end. Lines longer than RAW_MAX come in pieces. */
bool scan_next(struct scan_input *in, struct raw *ret);
/* All there is of an EVTX chunk that scan_next() gave, when that was less: decode_result.cut. */
bool scan_more(struct scan_input *in, struct raw *ret);

#endif
