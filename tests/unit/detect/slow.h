/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DETECT_SLOW_H
#define TEST_DETECT_SLOW_H

/*
 * The slow evaluator: walks the expression of each rule over the fields of an event, with no plan, index, cache or
 * order. It shares with the engine only the parsed rules; what a test means it says again in the plainest way.
 */

#include "detect/sigma_internal.h"

struct slow;

struct slow *slow_new(const struct rules *r);
void slow_free(struct slow *s);
bool slow_match(struct slow *s, uint32_t rule, struct event *e);

/* slow_match() in two steps. Under which names the event is of the rule's log source: rows of the map, or its own ones. At
 * most as many as there are rows, and one; the same for all rules of a log source. */
#define SLOW_AS_IT_IS UINT32_MAX
uint32_t slow_views(struct slow *s, uint32_t rule, struct event *e, uint32_t *ret);
/* Is the rule true of the event under any of them? */
bool slow_holds(struct slow *s, uint32_t rule, struct event *e, const uint32_t *view, uint32_t views);

#endif
