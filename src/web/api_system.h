/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_API_SYSTEM_H
#define WEB_API_SYSTEM_H

/* Between api_system.c and api_system_part.c: one information system and its parts over the API. Core. */

#include "register/inventory.h"
#include "web/api_register.h"

/* What a list or a table is asked for: by query parameters, or by members of the body where the route takes one. NULL, or which of
 * them is wrong. The limit is the caller's. */
const char *system_query(struct api_call *c, struct registry_query *q);
/* The system of the path within the caller's reach; with `match` only when If-Match names its version. False: answered. */
bool system_open(struct api_call *c, bool match, struct inventory *ret);
/* Parts of a system in one page: {"parties":[...],...}, without braces. */
[[nodiscard]] int system_parts_json(struct api_call *c, const struct inventory *s, struct str today);
/* End of a call that changed c->noun_id. c->out is the answer. */
void system_changed(struct api_call *c, uint16_t status);

#endif
