/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_LITERAL_H
#define DETECT_LITERAL_H

/*
 * Thousands of literals against one value at once: which of them is it, begins it, ends it or stands inside it? Worker
 * and scan, below the Sigma plans. An index is built once and then read-only; scanning needs a struct literal_scan.
 *
 * Whole literals and suffixes are found by a hash of their last bytes, as many as a power of two allows; prefixes by one
 * that grows byte by byte and is looked up at the lengths that occur. Literals inside are found by their rarest four
 * bytes: one bit asks for each position of the value whether any literal has these four bytes, and only then a table says
 * which. All compare exact bytes; the caller folds case.
 */

#include "base/arena.h"

enum literal_anchor { LITERAL_WHOLE, LITERAL_PREFIX, LITERAL_SUFFIX, LITERAL_INSIDE };

struct literal {
	struct str text;  /* must outlive the index; empty only for LITERAL_WHOLE */
	uint8_t anchor;   /* enum literal_anchor */
};

struct literal_index;

/* Scratch of one thread; zeroed is a good start. */
struct literal_scan {
	uint32_t *stamp;  /* by literal: last scan that found it */
	uint32_t stamps;
	uint32_t now;
	uint32_t *hit;    /* result: numbers of literals, each once, in no order */
	uint32_t hits, cap;
};

/* Literals are numbered as given. NULL when the arena is full. */
[[nodiscard]] const struct literal_index *literal_index_new(struct arena *a, const struct literal *literal,
    uint32_t count);
/* Fills s->hit. */
void literal_index_scan(const struct literal_index *x, struct str value, struct literal_scan *s);
void literal_scan_release(struct literal_scan *s);

#endif
