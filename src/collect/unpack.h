/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_UNPACK_H
#define COLLECT_UNPACK_H

/* A file as a stream of plain bytes: as it is, gzip (RFC 1952, also several members) or zstd (RFC 8878), told by its
 * first bytes. Bounded: what unfolds to more than a thousand times its size is no log. Zeros behind the last member of
 * gzip are padding, anything else there is damage. In collect, and `khien scan`. */

#include "base/bytes.h"
#include "base/error.h"

struct unpack;

/* What the first bytes of a file say; four are enough. Pure. */
bool unpack_is_zstd(struct str front);
bool unpack_is_gzip(struct str front);

/* Reads from fd, which stays the caller's. */
struct unpack *unpack_new(int fd);
/* For who has memory and somebody who waits: frames of `zstd --long` too, and `ratio_free` bytes come out of any file. */
void unpack_generous(struct unpack *u, uint64_t ratio_free);
/* Accepts NULL. */
void unpack_free(struct unpack *u);
/* The next bytes, at most n; 0 = the end. E_IO, E_CORRUPT, E_TRUNCATED, E_LIMIT. */
[[nodiscard]] int64_t unpack_read(struct unpack *u, char *to, size_t n);

#endif
