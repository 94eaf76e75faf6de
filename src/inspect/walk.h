/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_WALK_H
#define INSPECT_WALK_H

/*
 * Walking a folder that others can change while we look: core (on a pool thread) and `khien sweep`. One thread at a time.
 *
 * Every name is opened relative to the descriptor of its folder and never through a symbolic link, so nobody can lead
 * the walk elsewhere by swapping a folder for a link (openat(2), O_NOFOLLOW). It stays on the file system it began on.
 * What is no regular file is counted and not opened: a pipe would wait for ever, a device may act on being opened.
 */

#include "base/error.h"

#define WALK_PATH_MAX 4096u
#define WALK_DEPTH_MAX 100u /* folders open at a time */

enum walk_kind { WALK_END, WALK_FILE, WALK_PROBLEM };

struct walk_item {
	enum walk_kind kind;
	int fd;             /* of a file: now the caller's */
	int error;          /* of a problem: E_DENIED, E_LIMIT (too deep, too long), ... */
	struct str path;    /* until the next call */
};

struct walk_counts {
	uint64_t folders, files, links, special, elsewhere; /* elsewhere: mounts of other file systems */
};

struct walk;

/* The folder `below` inside the folder `root_fd` (which stays the caller's), each of its parts opened without following
 * links; "" is the root itself. `name` is what the root is called in paths. E_NOT_FOUND, E_DENIED, E_INVALID ("..", no
 * folder), E_LIMIT. */
[[nodiscard]] int walk_open(int root_fd, struct str name, struct str below, struct walk **ret);
/* Accepts NULL. */
void walk_free(struct walk *w);
void walk_next(struct walk *w, struct walk_item *ret);
struct walk_counts walk_counts(const struct walk *w);

#endif
