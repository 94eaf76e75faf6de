/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_ROLE_H
#define HOST_ROLE_H

/*
 * Roles: processes of one binary, each with as little power as its work needs (architecture.md, trust.md).
 *
 * The supervisor binds the ports, makes a socketpair for every pair of roles that talk, and starts each role by
 * re-executing this binary with the hidden command word "role". A role that dies is started again at once (with a
 * growing pause when it keeps dying), its peers get a fresh channel, and the crash is counted. The supervisor never
 * reads a byte that came from outside.
 *
 *   collect --MSG_RAW_BATCH--> worker --MSG_VERDICT--> core <--MSG_REQUEST-- web
 *      ^------------- MSG_RELEASE, MSG_REPLAY -------'
 */

#include "host/channel.h"
#include "host/options.h"

enum role { ROLE_SUPERVISOR, ROLE_COLLECT, ROLE_WORKER, ROLE_CORE, ROLE_WEB, ROLE_COUNT };

const char *role_name(enum role role);

/* What a role's process is given. */
struct role_context {
	enum role role;
	struct loop *loop;
	const struct options *options;
	void *user; /* the role's own */
};

struct role_events {
	/* A (new) channel to a peer. Replaces an older one to the same peer, which the role frees. */
	void (*peer)(struct role_context *rc, enum role peer, int fd);
	/* A listening socket, bound by the supervisor. */
	void (*listen)(struct role_context *rc, enum listen_kind kind, struct str address, int fd);
	/* SIGTERM reached the supervisor: commit, then loop_stop(). */
	void (*stop)(struct role_context *rc);
};

/* In the role's process: tell the supervisor that we serve. */
void role_ready(struct role_context *rc);

/* One row a role, in src/khien.c. `start` sets up and ends by giving up power (host/sandbox.h); then the loop runs. */
struct role_entry {
	int (*start)(struct role_context *rc);
	struct role_events events;
};

/* Supervisor: run all roles until SIGTERM / SIGINT. Returns the exit code. Prints one clear sentence and returns 1 when a port is in
 * use or the data directory cannot be written. */
int supervise(const struct options *o, const char *self);
/* The hidden "role" command: file descriptor 3 is the control channel. */
int role_run(enum role role, const struct role_entry *entry, const struct options *o);

/* What the supervisor counts, in a page of shared memory that every role may read (core and web show it). */
struct role_counts {
	uint32_t starts[ROLE_COUNT];
	uint32_t crashes[ROLE_COUNT];
	int64_t started_ms[ROLE_COUNT];
	int32_t pid[ROLE_COUNT];
	int64_t reload_ms;  /* SIGHUP seen */
};
const struct role_counts *role_counts(void);

#endif
