/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_FILE_H
#define HOST_FILE_H

/*
 * Whole files that people wrote or brought (rules, registers, evidence to scan). Any process that may open files.
 */

#include <sys/stat.h>

#include "base/error.h"

/* A regular file, mapped for reading. An empty file gives an empty slice. E_NOT_FOUND, E_DENIED, E_INVALID (a folder, a
 * pipe ...), E_IO. A file that shrinks while it is mapped kills the process (SIGBUS): not for files others write. */
[[nodiscard]] int file_map(const char *path, struct str *ret);
/* The same of an open descriptor, which stays the caller's; needs no power to open files. */
[[nodiscard]] int file_map_descriptor(int fd, struct str *ret);
void file_unmap(struct str bytes);
/* Appended to `out`. E_LIMIT when it is larger than out->max. */
[[nodiscard]] int file_read(const char *path, struct buf *out);
/* A regular file, open for reading: the descriptor, or the errors of file_map(). */
[[nodiscard]] int file_open_regular(const char *path, struct stat *ret);
/* file_read() from where the descriptor stands; it stays the caller's. */
[[nodiscard]] int file_read_descriptor(int fd, struct buf *out);

/* Every regular file below `root` (or root itself), in byte order of the paths, symbolic links left out. A non-zero
 * answer of `each` ends the walk and is returned. `failed` is told what cannot be read; may be NULL. */
int file_walk(const char *root, int (*each)(void *user, const char *path), void (*failed)(void *user, const char *path,
    int error), void *user);

#endif
