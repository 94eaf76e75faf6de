/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_IO_H
#define STORE_IO_H

/*
 * The one interface between our stores and the disk: journal and archive write through these calls only, so that a
 * test can drop, tear and reorder what was not synced (trust.md, P1) or fail the n-th call. Any thread.
 *
 * Calls return >= 0, or a code of base/error.h (errno keeps the system's word).
 */

#include <stdint.h>

#include "base/error.h"

struct store_io {
	void *user;
	int (*open)(void *user, const char *path, int flags, unsigned mode); /* a descriptor; O_CLOEXEC is added */
	int64_t (*pread)(void *user, int fd, void *to, size_t n, uint64_t offset);
	int64_t (*pwrite)(void *user, int fd, const void *from, size_t n, uint64_t offset); /* all n bytes or an error */
	int (*sync)(void *user, int fd);                                     /* fdatasync */
	int (*sync_directory)(void *user, const char *path);
	int (*truncate)(void *user, int fd, uint64_t size);
	int (*rename)(void *user, const char *from, const char *to);
	int (*unlink)(void *user, const char *path);
	int (*make_directory)(void *user, const char *path, unsigned mode); /* E_EXISTS when it is there */
	int64_t (*size)(void *user, int fd);
	void (*close)(void *user, int fd);
	int (*lock)(void *user, int fd); /* for this process alone until it closes; E_BUSY. NULL: nobody else can come */
};

/* The real disk. */
extern const struct store_io store_io_disk;

#endif
