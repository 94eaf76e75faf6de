/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_ROLE_H
#define HOST_ROLE_H

/*
 * Roles: processes of one binary, each with as little power as its work needs (architecture.md, trust.md).
 *
 * The supervisor binds the ports, makes a socketpair for every pair of roles that talk, and starts each role by
 * re-executing this binary with the hidden command word "role". A role that dies is started again at once (with a
 * growing pause when it keeps dying), its peers get a fresh channel, and the crash is counted. The supervisor never
 * reads a byte that came from outside. No role outlives it: they die with it, and leave when their control channel ends.
 *
 * SIGTERM, SIGINT: MSG_STOP to collect, worker, core, web, each when the one before has left; SIGKILL after 10 s.
 * SIGHUP: yara finishes what it has and is started again, which reads the rules anew; so does a second worker, and when it
 * is ready the first answers what it has and leaves, so that nobody waits for rules to be read.
 *
 *   collect --MSG_RAW_BATCH--> worker --MSG_VERDICT--> core <--MSG_REQUEST-- web
 *      ^------------- MSG_RELEASE, MSG_REPLAY -------'|
 *                                                     '---MSG_TRIAL_*--- lookback
 *                                                     '---MSG_SCAN------> yara
 *                                                     '---MSG_POST------> push, when there is a witness to tell
 */

#include "base/error.h"
#include "host/channel.h"
#include "host/options.h"
#include "host/sandbox.h"

enum role { ROLE_SUPERVISOR, ROLE_COLLECT, ROLE_WORKER, ROLE_CORE, ROLE_WEB, ROLE_LOOKBACK, ROLE_YARA, ROLE_PUSH, ROLE_LDAP,
	ROLE_COUNT };

/* "collect", ...; static. */
const char *role_name(enum role role);
/* The reverse, for the word behind "role"; ROLE_COUNT when it is none. */
enum role role_from_name(struct str name);

/* What a role's process is given. */
struct role_context {
	enum role role;
	struct loop *loop;
	const struct options *options;
	struct channel *control; /* to the supervisor; role_ready() and the like write to it */
	bool peer_left;          /* in events.peer: who had this role before left in order, by exit(0); else it died */
	void *user;              /* the role's own */
};

struct role_events {
	/* A (new) channel to a peer; fd is now the callee's. Replaces an older one to the same peer, which the role
	 * frees. NULL: closed at once. */
	void (*peer)(struct role_context *rc, enum role peer, int fd);
	/* A listening socket, bound by the supervisor; fd is now the callee's. address is as bound ("127.0.0.1:8080"). */
	void (*listen)(struct role_context *rc, enum listen_kind kind, struct str address, int fd);
	/* SIGTERM reached the supervisor: commit, then loop_stop(). NULL: loop_stop(). */
	void (*stop)(struct role_context *rc);
};

/* In the role's process: tell the supervisor that we serve. */
void role_ready(struct role_context *rc);
/* The end of start(): give up all power but these (host/sandbox.h), and say so in the log. */
[[nodiscard]] int role_confine(struct role_context *rc, unsigned powers, const struct sandbox_path *paths, size_t count);
/* core: this role hangs on what it was given, or answers nonsense. Only for roles that hold nothing (lookback, worker, yara):
 * killed and started anew. push leaves in order and starts anew. */
void role_end(struct role_context *rc, enum role role);
/* core: the demonstration is no longer wanted. */
void role_stop_demo(struct role_context *rc);
/* core: as SIGHUP to the supervisor, a worker that reads the rules anew. */
void role_reload(struct role_context *rc);

/* One row a role, in src/khien.c. `start` sets up and ends by giving up power (host/sandbox.h); then the loop runs and
 * brings peers and listeners. A start() that fails has said why in the log and returns its error: at the first start
 * of the house that ends the supervisor, later it is tried again. */
struct role_entry {
	int (*start)(struct role_context *rc);
	struct role_events events;
	/* Instead of loop_run(), for a role with a loop of its own: it watches loop_descriptor(rc->loop) for reading
	 * and then calls loop_turn(rc->loop, 0). NULL: loop_run(). */
	void (*run)(struct role_context *rc);
};

/* Supervisor: run all roles of program `self` ("/proc/self/exe") until SIGTERM / SIGINT. Returns the exit code. Prints
 * one clear sentence and returns 1 when a port is in use or the data directory cannot be written. */
int supervise(const struct options *o, const char *self);
/* The hidden "role" command: descriptor 3 is the control channel, 4 the options, 5 the counts. Returns the exit code. */
int role_run(enum role role, const struct role_entry *entry);
/* The hidden "demo-player" command: the options it inherits. */
[[nodiscard]] int role_options(struct options *ret);

/* What the supervisor counts, in a page of shared memory that every role may read (core and web show it). */
struct role_counts {
	uint32_t starts[ROLE_COUNT];
	uint32_t crashes[ROLE_COUNT];
	int64_t started_ms[ROLE_COUNT]; /* wall clock */
	int32_t pid[ROLE_COUNT];        /* 0: not running */
	int64_t reload_ms;              /* SIGHUP seen; 0: never */
	int32_t demo_pid;               /* 0: the player is not running */
};
/* All zero in a program that is neither supervisor nor role. */
const struct role_counts *role_counts(void);

/* Between supervisor.c and role.c. */
enum role_fd { ROLE_FD_CONTROL = 3, ROLE_FD_OPTIONS, ROLE_FD_COUNTS, ROLE_FD_END };
#define ROLE_EXIT_START 78 /* start() failed; EX_CONFIG of sysexits(3) */
void role_counts_use(const struct role_counts *counts);

#endif
