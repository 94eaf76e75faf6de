/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_FRAME_H
#define COLLECT_FRAME_H

/*
 * Where one message of a syslog stream ends (RFC 6587), decided anew for every frame: octet counting (3.4.1) or a
 * trailer, LF or NUL (3.4.2). In collect; pure.
 *
 * Real life: a counted message may hold LF; a line may begin with a digit; Cisco ASA puts a blank behind LF; counts are
 * sometimes wrong (characters instead of bytes), then the rest of the message is cut before the next thing that looks like a
 * count. Bytes of a message are never changed; only trailers, counts and empty lines are not kept. A message longer than
 * `cap` comes in pieces, so that nobody has to hold it.
 */

#include "decode/raw.h"

#define FRAME_CAP_MIN 64u

struct framer {
	bool open;        /* inside a message */
	bool counted;     /* ... an octet-counted one; between messages: the last one was */
	bool pieces;      /* a piece of it was taken already */
	bool lines_only;  /* a file: no counts, no NUL (set by the caller at the start) */
	uint32_t left;    /* octets of a counted message still to come */
	size_t scanned;   /* of the input, known to hold no end */
};

enum frame_result { FRAME_MORE, FRAME_TAKEN };

struct frame {
	struct str bytes; /* borrowed from the input */
	uint16_t flags;   /* RAW_PIECE, RAW_LAST_PIECE */
};

/* Take the next message, or piece of one, off the front of *in. FRAME_MORE: call again with the same bytes and more behind
 * them. Cuts at `cap` bytes, FRAME_CAP_MIN..RAW_MAX. */
enum frame_result frame_take(struct framer *f, struct str *in, size_t cap, struct frame *ret);
/* The stream ended with *in left: that is a message too, unless it is empty. Same cap. */
enum frame_result frame_end(struct framer *f, struct str *in, size_t cap, struct frame *ret);

#endif
