/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_SANDBOX_H
#define HOST_SANDBOX_H

/*
 * Giving up power, for ever: no_new_privs, Landlock for files (ABI 1 and up, where the kernel has it), a seccomp
 * allow-list for everything else (a call outside it kills the process), no core dumps. Called by each role at the end
 * of its start, before its first thread; the list of what it may still do stands there. Which calls a power stands for
 * is one table in sandbox.c. Built with a sanitizer, whose runtime needs calls of its own, nothing is given up.
 * Sources: landlock(7), seccomp(2).
 */

#include "base/error.h"

enum sandbox_power {
	SANDBOX_COMPUTE = 0,      /* read, write, poll and memory on descriptors it already has: the worker */
	SANDBOX_FILES = 1,        /* open below the directories given */
	SANDBOX_ACCEPT = 2,       /* accept connections on listening sockets it was given; receive and send on them */
	SANDBOX_THREADS = 4,
	SANDBOX_INOTIFY = 8,
	SANDBOX_CONNECT = 16,     /* make stream sockets of the internet and connect them */
	SANDBOX_SPEAK = 32,       /* send on connections made before, as to a database server; make none */
};

struct sandbox_path {
	const char *path;
	bool write;
};

/* `powers` are enum sandbox_power; paths need SANDBOX_FILES and must exist (E_NOT_FOUND, E_DENIED). E_UNSUPPORTED when
 * the kernel has no seccomp; Landlock missing is told by *ret_landlock = 0 (else its ABI) and is no error. */
[[nodiscard]] int sandbox_enter(unsigned powers, const struct sandbox_path *paths, size_t count, int *ret_landlock);
/* False in a build with sanitizers: for tests and for `khien version`. */
bool sandbox_is_built(void);

#endif
