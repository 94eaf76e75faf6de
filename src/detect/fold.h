/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_FOLD_H
#define DETECT_FOLD_H

/*
 * How Sigma compares text: case aside. Pure, any thread.
 */

#include "base/bytes.h"

/* Simple case folding (Unicode 15, C and S) of UTF-8; other bytes stay. `out` has room for FOLD_ROOM(s.n) bytes;
 * returns the length. */
size_t fold_text(struct str s, char *out);
#define FOLD_ROOM(n) ((n) + (n) / 2 + 4)

#endif
