/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_WHOLE_H
#define STORE_WHOLE_H

/* Files that are read and written whole, through the one interface to the disk. */

#include "store/io.h"

/* Added to `ret`. E_NOT_FOUND, E_IO; E_CORRUPT when it is longer than max. */
[[nodiscard]] int whole_read(const struct store_io *io, const char *path, size_t max, struct buf *ret);
/* Durable, and in its place in one step: whatever stood there is whole until then. Folders of `path` behind its first `root`
 * bytes are made. `path` is as it was afterwards. E_FULL, E_IO ... */
[[nodiscard]] int whole_write(const struct store_io *io, char *path, size_t root, struct str bytes);

#endif
