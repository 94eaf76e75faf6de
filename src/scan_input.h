/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_INPUT_H
#define SCAN_INPUT_H

/*
 * Files as a sequence of raw records: what `khien scan` reads. The type is found by content: gzip, zstd, EVTX, JSON
 * (lines, one text after another, or one array), Windows events as XML, else lines of text; text may be UTF-16. The path
 * "-" is the standard input.
 */

#include "decode/raw.h"
#include "scan_chunks.h"
#include "scan_feed.h"

struct scan_input {
	struct str bytes;    /* of the file, unpacked: all, or those at hand */
	struct buf read;     /* a small file, or a chunk of an event log */
	struct scan_chunks chunks; /* of a file that is one; packed ones are in `bytes` */
	struct buf window;   /* what came out of a packed file, or the part of a long one that is at hand */
	struct scan_feed feed;
	bool fed;            /* more of it may come from there */
	int fd;              /* -1: nothing to read any more */
	void *unpacker;      /* of zstd; this, and the room of the buffers above, stays from file to file */
	size_t at;
	size_t fetched;      /* up to here the memory has been told that it will be read */
	uint64_t number;     /* of the record just taken, from 1: line, JSON text, XML element; of EVTX who reads it counts */
	int64_t written_ms;  /* last change of the file: settles the year of syslog lines without one */
	uint64_t lost;       /* of a packed event log: scan_lost() */
	uint16_t flags;      /* of the record just taken: RAW_PIECE, RAW_LAST_PIECE */
	bool list;           /* JSON: inside a list that is a member */
	bool numbered;       /* "Record 1" stands above each event */
	int form;            /* private */
};

/* Zeroed is a good start: struct scan_input in = {0}. One file at a time: scan_close() before the next scan_open().
 * E_NOT_FOUND, E_DENIED, E_IO, E_TRUNCATED. */
[[nodiscard]] int scan_open(struct scan_input *in, const char *path);
/* Why the file could not be read to its end: E_IO, E_CORRUPT, E_TRUNCATED, E_LIMIT (it unpacks to more than we believe). */
int scan_close(struct scan_input *in);
void scan_release(struct scan_input *in);
/* The next record; false at the end. Lines longer than RAW_MAX come in pieces
 * of one number. */
bool scan_next(struct scan_input *in, struct raw *ret);
/* Of an event log read to its end: places where a chunk should stand and something else does. */
uint64_t scan_lost(const struct scan_input *in);
/* All there is of an EVTX chunk that scan_next() gave, when that was less: decode_result.cut. */
bool scan_more(struct scan_input *in, struct raw *ret);

#endif
