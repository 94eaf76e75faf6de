/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_API_RULE_H
#define WEB_API_RULE_H

/* What the API files about rules share. Core's thread. */

#include "alert/exception.h"
#include "alert/rulebook.h"
#include "web/route.h"

/* One rule as the list shows it, with the closing brace. */
void rule_item_json(struct buf *out, const struct desk *d, const struct rule_info *r, const struct rule_score *score);
/* Fields that the rule asks for and that never arrived, at most `max`; returns how many. */
uint32_t api_rule_never_seen(const struct desk *d, const struct rule_info *r, struct str *ret, uint32_t max);
/* "sigma", "correlation", or the engine's name. */
struct str rule_engine_word(const struct rule_info *r);
/* "shipped", "folder" or "desk". */
const char *rule_origin(const struct desk *d, const struct rule_info *r);
/* The whole rule into c->out, and its ETag. E_NOT_FOUND. */
[[nodiscard]] int api_rule_json(struct api_call *c, struct str id);
/* The same as the answer with `status`. */
void api_reply_rule(struct api_call *c, struct str id, uint16_t status);
/* The number of If-Match; false: answered. */
bool api_match(struct api_call *c, int64_t *ret);
/* The decision stands in the database: commit it with its entry, have it published and read, then go on with `then`. */
void api_rules_decided(struct api_call *c, void (*then)(void *call, int error));
/* One exception. */
void exception_json(struct buf *out, const struct rules *rules, const struct exception *e, int64_t now_ms);

#endif
