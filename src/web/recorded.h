/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_RECORDED_H
#define WEB_RECORDED_H

/*
 * Calls that change something: the handler runs inside a transaction that ends with the call's entry in the record
 * (store/record.h). No change is committed without it, and a call that ends with a problem leaves nothing behind. Core.
 *
 * A handler need not know. It may say more than its request does: c->before and c->after (JSON), c->noun_id (of what it
 * made). Where they are empty, `after` is the request's body without its secrets.
 */

#include "web/route.h"

/* Runs `step` (the handler, or what follows a pool job) in a transaction. When the call is not ended by it, what it
 * wrote is committed and the call goes on later. */
void recorded_run(struct api_call *c, void (*step)(struct api_call *c));
/* At the end of the call, before its answer leaves: entry and commit for a good status, else nothing stays. An error:
 * nothing stayed, and the answer must be another. */
[[nodiscard]] int recorded_end(struct api_call *c, uint16_t status);
/* The same before the end, for a handler that has decided and goes on with what no longer changes the decision. The call
 * then ends without a second entry. */
[[nodiscard]] int recorded_now(struct api_call *c);

#endif
