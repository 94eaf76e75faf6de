/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_SPAWN_H
#define HOST_SPAWN_H

/* Starting this binary again as one of its parts. Supervisor only. */

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	const char *program;    /* "/proc/self/exe" */
	const char *word, *arg; /* "role" "core"; arg may be NULL */
	int control;            /* becomes ROLE_FD_CONTROL; -1: none */
	int options, counts;    /* become ROLE_FD_OPTIONS, ROLE_FD_COUNTS */
	uid_t uid;              /* become them, when we are root */
	gid_t gid;
	const gid_t *group;     /* and this one more, when we are root; NULL: none */
	bool orderly;           /* leaves by message alone: SIGTERM, SIGINT and SIGHUP do not reach it */
};

#define SPAWN_FAILED 126 /* exit code when it never came to execv() */

/* The child dies with us and has no descriptor but those three and 0 (null), 1, 2. Its pid, or -1 with errno. */
[[nodiscard]] pid_t spawn_start(const struct spawn *s);

#endif
