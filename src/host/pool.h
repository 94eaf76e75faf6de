/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_POOL_H
#define HOST_POOL_H

/*
 * A few threads for work that would keep a loop waiting: searching the archive, hashing a password. Core alone.
 *
 * `work` runs on a pool thread and touches only what its job holds (and what is thread-safe); `done` runs on the loop's
 * thread afterwards. Jobs run in the order given. The queue is bounded: E_BUSY when it is full.
 */

#include "base/error.h"
#include "host/loop.h"

struct pool;

struct pool *pool_new(struct loop *l, unsigned threads, unsigned queue);
/* Waits for running jobs; jobs not begun are dropped after their `done` was called with cancelled = true. */
void pool_free(struct pool *p);
[[nodiscard]] int pool_submit(struct pool *p, void (*work)(void *job), void (*done)(void *job, bool cancelled), void *job);
/* Jobs waiting and running. */
unsigned pool_load(struct pool *p);

#endif
