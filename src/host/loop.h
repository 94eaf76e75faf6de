/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_LOOP_H
#define HOST_LOOP_H

/*
 * An event loop on epoll: descriptors, timers, signals. One per process (supervisor, collect, worker, core; web runs
 * libevent's own). Callbacks run on the loop's thread, may add and remove anything, also themselves.
 */

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };

typedef void loop_on_fd(void *user, int fd, unsigned events);
typedef void loop_on_timer(void *user);
typedef void loop_on_signal(void *user, int signal);

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Until loop_stop(), which may come before: then it returns at once. */
void loop_run(struct loop *l);
/* One turn: waits at most timeout_ms (-1 = until something happens), for programs that have a loop of their own. */
void loop_turn(struct loop *l, int64_t timeout_ms);
void loop_stop(struct loop *l);
/* loop_stop() was called, and loop_run() has not come back yet: the turn under way is the last. */
bool loop_stopped(const struct loop *l);
/* Readable when loop_turn() has a descriptor to serve, so that another loop can carry this one (not its timers). */
int loop_descriptor(const struct loop *l);

/* The descriptor stays the caller's. LOOP_HANGUP (both directions are gone, or an error) is always watched and comes
 * again until the callee removes the descriptor; LOOP_READ comes with it while there is something to read. NULL when
 * the kernel cannot watch it (a regular file, no memory). */
struct loop_fd *loop_add(struct loop *l, int fd, unsigned events, loop_on_fd *fn, void *user);
void loop_watch(struct loop_fd *f, unsigned events);
/* Before close(fd). Accepts NULL. */
void loop_remove(struct loop_fd *f);

/* First after `delay_ms`, then every `every_ms` (0 = once: the timer is gone when its callback returns). */
struct loop_timer *loop_add_timer(struct loop *l, int64_t delay_ms, int64_t every_ms, loop_on_timer *fn, void *user);
void loop_remove_timer(struct loop_timer *t); /* accepts NULL */

/* Blocks the signal and delivers it as an event. */
void loop_on(struct loop *l, int signal, loop_on_signal *fn, void *user);

#endif
