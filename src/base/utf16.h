/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_UTF16_H
#define BASE_UTF16_H

/* Text as Windows writes it to files. Every process; pure. */

#include "base/bytes.h"

enum utf16 { UTF16_NONE, UTF16_LE, UTF16_BE };

/* What the first bytes of a text say: a byte order mark, or two ASCII characters of two bytes each without one. */
enum utf16 utf16_find(struct str front);
/* Append `bytes` as UTF-8; half a surrogate pair becomes U+FFFD, a byte order mark at the front is left out by the caller.
 * How many bytes were taken: all but an odd byte or the first half of a pair at the end. */
size_t utf16_add(struct buf *out, struct str bytes, enum utf16 order);

#endif
