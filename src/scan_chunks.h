/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_CHUNKS_H
#define SCAN_CHUNKS_H

/*
 * The chunks of an event log file, one after the other in the same room: it stays in the processor's cache, and a file that
 * shrinks meanwhile kills nobody. Of each chunk as much is read as its header calls used, a third of what stands in
 * files of few records; the rest when a reader finds that something lies there. `khien scan`.
 */

#include "decode/evtx.h"

struct scan_chunks {
	char *chunk;     /* EVTX_CHUNK bytes of the caller's */
	int64_t at;      /* where it stands in the file */
	size_t have;     /* bytes of it that have been read */
	size_t ahead;    /* bytes of the first one that came with the front of the file */
	int fd;          /* the caller's */
	bool ended;      /* there is no more to read of it */
	bool unreadable;
	uint64_t lost;   /* places where something else stands than a chunk or nothing */
};

#define SCAN_CHUNKS_ROOM (EVTX_HEADER + EVTX_CHUNK)

/* `front` is the front of the file, EVTX_HEADER bytes or more, in SCAN_CHUNKS_ROOM bytes of room. */
struct scan_chunks scan_chunks(int fd, struct str front, char *room);
/* The next chunk, to the end that its header states or further; what the last one gave is overwritten. False at the end of
 * the file, and where it cannot be read: c->unreadable. */
bool scan_chunks_next(struct scan_chunks *c, struct str *ret);
/* Is what stands where a chunk should something that was one, or has been written over? Windows leaves zeros. */
bool scan_chunks_lost(struct str front);
/* All of the chunk at hand; false when it is no more than what scan_chunks_next() gave. */
bool scan_chunks_whole(struct scan_chunks *c, struct str *ret);

#endif
