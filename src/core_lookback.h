/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_LOOKBACK_H
#define CORE_LOOKBACK_H

/*
 * Looking back in core: the jobs of alert/lookback.h, one after the other. Old events come out of the archive on a pool
 * thread, a sealed block at a time and one ahead, go to the look-back role in parts of half a megabyte, and come back as
 * findings. Live work has priority: nothing is asked while core is stalled or blocks wait in the journal, and the role
 * runs when nobody else wants the processor.
 *
 * Findings and progress are written together, about once a second, so whatever happens (the role dies, core dies, the
 * database refuses) the job goes on from what was written last. Only jobs with correlations begin again.
 */

#include "core_apply.h"

struct core_lookback;
struct api_call;

/* After the pool is there. */
struct core_lookback *core_lookback_new(struct core *core);
/* After the pool is gone: what was found is written. Accepts NULL. */
void core_lookback_free(struct core_lookback *l);
/* A new channel to the role. */
void core_lookback_peer(struct core_lookback *l, int fd);
/* Once a second. */
void core_lookback_tick(struct core_lookback *l);
/* A job came, or was stopped. */
void core_lookback_changed(struct core_lookback *l, int64_t id);
void core_lookback_check(struct core_lookback *l, struct api_call *call, struct str text);
/* A file read as a table, by the role: then call->tabled. */
void core_lookback_table(struct core_lookback *l, struct api_call *call, struct str bytes);

#endif
