/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_SCANNER_H
#define INSPECT_SCANNER_H

/*
 * The near end of the yara role: open files go in, what was found comes out. Core and `khien sweep`; the loop's thread.
 *
 * A few descriptors are under way at a time, in order. When the role dies, the first of them is what it died of: it is
 * tried again with the next role, and the third time it is given up (SCAN_CRASHED); the others were innocent. While
 * there is no role, jobs wait.
 */

#include "host/loop.h"
#include "inspect/scan_message.h"

#define SCANNER_CRASHES 3u     /* of one file, then it is left alone */
#define SCANNER_UNDER_WAY 4u   /* descriptors with the role */
#define SCANNER_QUEUE 256u     /* jobs waiting at most */
#define SCAN_SECONDS 30u       /* for one file, by the clock: the role is the last to get a processor */
#define SCANNER_SILENT_MS (4 * SCAN_SECONDS * 1000) /* and then the role is taken to hang */
#define SCAN_BYTES_MAX (64u << 20) /* of a longer file only the beginning is looked at */

struct scanner;

struct scan_job {
	struct str name;   /* copied */
	int fd;            /* becomes the scanner's, also when the job is refused */
	bool urgent;       /* before those that are not */
	uint32_t crashes;  /* that this file has caused before */
	/* The role died of it, `crashes` times so far; it will be tried again. May be NULL. */
	void (*crashed)(void *user, uint32_t crashes);
	/* Once, unless the job is forgotten. The answer lives until the return. */
	void (*done)(void *user, const struct scan_answer *answer);
	void *user;
};

/* What rules the role has; the latest word. */
struct scanner_state {
	bool here;                 /* there is a role, and it has told its rules */
	struct scan_rules rules;   /* zero before the first role */
	uint64_t scanned, bytes;   /* since the start */
	uint64_t crashes;
	uint32_t waiting;
};

struct scanner *scanner_new(struct loop *l);
/* Jobs are forgotten. Accepts NULL. */
void scanner_free(struct scanner *s);
/* A channel to a (new) role; fd is now the scanner's. */
void scanner_peer(struct scanner *s, int fd);
/* E_FULL. */
[[nodiscard]] int scanner_submit(struct scanner *s, const struct scan_job *job);
/* No call will come any more for jobs of this user. */
void scanner_forget(struct scanner *s, const void *user);
const struct scanner_state *scanner_state(const struct scanner *s);
/* Now and then, with a clock that only grows: true when the role has had a file, or was to tell its rules, for so long that it
 * hangs (it should have ended itself before). Whoever can ends it; said again after as long. */
bool scanner_hangs(struct scanner *s, int64_t monotonic_ms);

#endif
