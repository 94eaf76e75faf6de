/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

/*
 * What correlations and flows remember outlives core: DIR/state/state.khi (store/statefile.h) holds it as of one journal
 * block, and collect keeps every block behind it. After a start core loads the file and has those blocks sent again:
 * what the archive and the database have already feeds memory alone, the rest is applied as ever. So a restart, however
 * it came, changes no answer and tells nothing twice. Rules that were edited meanwhile begin anew, the others go on.
 *
 * The file is made from memory on core's thread and written on another; the larger it is, the rarer (at most 256 KB a
 * second, every 15 seconds to 5 minutes, and never without a change). A file that is torn, foreign or of another version
 * is refused, said and counted; core then begins empty. When it cannot be written for ten minutes, the journal is no
 * longer held for its sake: events matter more than memory.
 *
 * One section a memory: "correlate" (detect/correlate.h), "flow" (detect/flow.h). A further one is a row in core_state.c.
 */

#include "core_apply.h"

struct core_state;

/* After the rules: reads the file. E_IO ... only when the installation has no mark and cannot be given one. */
[[nodiscard]] int core_state_open(struct core *core);
/* Is this block's place behind what memory holds? */
bool core_state_feeds(const struct core *core, uint64_t block);
/* Memory holds it now. */
void core_state_fed(struct core *core, uint64_t block);
/* collect is to send what comes behind this block. */
uint64_t core_state_replay(const struct core *core);
/* Blocks up to this one may leave the journal, as far as memory goes. */
uint64_t core_state_releases(const struct core *core);
/* collect's newest durable block: a memory from beyond it is not of this journal. */
void core_state_known(struct core *core, uint64_t committed);
/* Once a second: writes when it is time. */
void core_state_tick(struct core *core, int64_t now_ms);
/* No thread of the pool runs any more, all alerts are written: the last file. */
void core_state_stop(struct core *core);

#endif
