/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_WITNESS_H
#define CORE_WITNESS_H

/*
 * The record shown to its witnesses (C2SP tlog-witness): core makes the requests, the push role carries them, what comes back
 * is kept beside the log (tlog_cosign()). No work waits for it. A witness that is away is asked again with growing pauses, one that
 * refuses our tree is said loudly: either its state or ours was rewritten. Core; one thread.
 */

#include "core_apply.h"

struct core_witness;

/* After the record is open; NULL when no witness is named. Fills core->desk.witness. */
struct core_witness *core_witness_new(struct core *core);
void core_witness_free(struct core_witness *w);
/* A channel to a (new) push role. */
void core_witness_peer(struct core_witness *w, int fd);
/* Once a second. */
void core_witness_tick(struct core_witness *w, int64_t now_ms);

#endif
