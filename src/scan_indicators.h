/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_INDICATORS_H
#define SCAN_INDICATORS_H

/*
 * Indicators of `khien scan --indicators FILE`: feeds as share/feed.h reads them, asked as the worker asks its image, without
 * a database. What the shipped warning lists stop is left out and told. valid_from is not looked at: evidence is older
 * than what is known of it.
 */

#include "detect/ioc_event.h"

struct scan_indicators;

typedef void scan_on_fault(void *user, const struct fault *f);

struct scan_indicators *scan_indicators_new(scan_on_fault *on_fault, void *user);
void scan_indicators_free(struct scan_indicators *s); /* accepts NULL */
/* Adds a feed; what is not taken is told. E_NOT_FOUND and the like, E_LIMIT. */
[[nodiscard]] int scan_indicators_read(struct scan_indicators *s, const char *path);
/* After the last feed. E_LIMIT. */
[[nodiscard]] int scan_indicators_finish(struct scan_indicators *s, const struct rules *rules);
/* Appends what is found in an event (detect/ioc_event.h), each with the indicator and where it stands. */
void scan_indicators_match(const struct scan_indicators *s, struct event *e, struct arena *arena, struct finding **list,
    uint32_t *count);

#endif
