/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

/*
 * Core's rule set and its changes. Private to core*.c.
 *
 * A change in the database is published as files, then two things happen at once: the supervisor is asked for a new
 * worker, which reads them, and a thread of ours reads them too. Verdicts name rules by number, so core judges with the
 * old set until a worker that has the new one speaks; a verdict that comes before core has read waits. No loop waits
 * for a disk or a parser, no verdict is lost: what a leaving worker had not answered, collect sends to the next.
 */

#include "core_apply.h"

/* At start, before any verdict: read, publish, and read again when that changed something. */
[[nodiscard]] int core_rules_open(struct core *core, struct fault *fault);
/* After role_confine(). */
void core_rules_start(struct core *core);
void core_rules_stop(struct core *core);
/* Exceptions have followed their systems to another owner: of those no filter tells, core alone judges by them. */
[[nodiscard]] int core_rules_excepted(struct core *core);
/* desk->rules_changed: the database holds other rules. `then` (may be NULL) is called once they are read. */
void core_rules_changed(void *core, void (*then)(void *user, int error), void *user);
/* What a worker says of its rules when it comes. */
void core_rules_of_worker(struct core *core, const uint8_t digest[32]);
/* Are verdicts with this digest about core->desk.rules? Swaps to the set that waits when they are about that one. False:
 * the verdict must wait for core->rules_loaded(), or come again from another worker. */
bool core_rules_fit(struct core *core, const uint8_t digest[32]);
/* Fields that a worker saw for the first time. */
void core_rules_seen(struct core *core, struct str payload);
/* What a worker measured of rules (worker_tell_costs()). */
void core_rules_cost(struct core *core, struct str payload);
/* Once a second: exceptions end. */
void core_rules_tick(struct core *core, int64_t now_ms);

#endif
