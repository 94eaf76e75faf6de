/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_KEEP_H
#define COLLECT_KEEP_H

/* Small files that collect keeps beside the journal: whole or not at all. In collect, one thread. */

#include "store/io.h"

/* Replaces the file; after a crash the old or the new bytes are there. */
[[nodiscard]] int keep_write(const struct store_io *io, const char *path, struct str bytes);
/* The whole file into `out`. E_NOT_FOUND, E_IO, E_LIMIT when it is larger than out->max. */
[[nodiscard]] int keep_read(const struct store_io *io, const char *path, struct buf *out);

#endif
