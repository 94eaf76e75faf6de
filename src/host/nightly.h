/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_NIGHTLY_H
#define HOST_NIGHTLY_H

/*
 * The backup that nobody has to think of: once a night, and soon after the start when the last one is of another day, the
 * supervisor starts this binary as `khien backup --nightly`, which reads the options by the descriptor that roles get. Off
 * unless --backup-to names a place.
 *
 * DIR/backup.last is as old as the last one. One that failed is tried again an hour later; the desk shows how old the last
 * good one is.
 */

#include "host/loop.h"
#include "host/options.h"
#include "host/spawn.h"

#define NIGHTLY_MINUTE 90 /* half past one, by the zone of the options */

struct nightly {
	struct loop *loop;
	const struct options *options;
	struct spawn spawn;
	struct loop_timer *timer;
	int64_t not_before_ms;
	pid_t pid; /* 0: none runs */
};

/* `spawn` says as whom and with which descriptors. options must outlive the loop. */
void nightly_start(struct nightly *n, struct loop *loop, const struct options *options, const struct spawn *spawn);
/* Nothing new from now on; one that runs is told to end. */
void nightly_stop(struct nightly *n);
/* Was that child ours? */
bool nightly_ended(struct nightly *n, pid_t pid, int status);

/* Is it time, when the last was made at last_ms (0 = never)? Pure. */
bool nightly_is_due(int64_t last_ms, int64_t now_ms, int zone);

#endif
