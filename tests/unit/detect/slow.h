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

#endif
