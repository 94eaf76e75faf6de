/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_FEED_H
#define SCAN_FEED_H

/*
 * A file as a window of text that moves: read or unpacked some hundred kilobytes at a time, UTF-16 made UTF-8. What a
 * file needs of memory does not depend on its length, and one that shrinks meanwhile kills nobody. `khien scan`.
 */

#include "base/utf16.h"

struct unpack;

struct scan_feed {
	int fd;                /* the caller's */
	struct unpack *unpack; /* NULL: the file is not packed */
	enum utf16 order;
	bool begun;            /* the order is known */
	bool ended;
	int error;             /* why it ended, when that is not the end of the file */
	struct buf raw;        /* UTF-16 that is not converted yet; its room stays from file to file */
};

/* Begin with the file at fd, which stands at its front. */
void scan_feed_begin(struct scan_feed *f, int fd, bool packed);
/* Append to `window` until it holds `want` bytes or there are no more. */
void scan_feed_more(struct scan_feed *f, struct buf *window, size_t want);
void scan_feed_end(struct scan_feed *f);

#endif
