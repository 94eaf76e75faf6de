/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_INDICATOR_H
#define CORE_INDICATOR_H

/*
 * Indicators in core: whenever they have changed (by the API, by `khien import` in another process), a pool thread makes
 * the image anew, with a connection of its own; it is put in its place whole and its descriptor goes to the worker. And
 * the way back: what a finding's number means, whether it still does, and counting it.
 */

#include "core_apply.h"
#include "share/indicator.h"

struct core_indicators;

/* Before core gives up its power: warning lists are read. Never fails; without the file only our own networks are held. */
struct core_indicators *core_indicators_open(struct core *core);
/* After the pool is gone. Accepts NULL. */
void core_indicators_free(struct core_indicators *c);
/* A new worker: it may have read an older image. */
void core_indicators_peer(struct core_indicators *c);
/* Once a second. */
void core_indicators_tick(struct core_indicators *c, int64_t now_ms);

/* As core_indicators_take(), with a book and an arena of the caller's; gathers nothing. */
bool core_indicators_mean(struct sighting_book *book, struct arena *arena, struct finding *f, enum level *ret_level);
/* A finding that names an indicator: false when it is none after all. Else f->matched tells of value, source, confidence and
 * TLP too, *ret_level is the level that confidence and direction make of the rule's, and, when `count` is set, the
 * sighting is gathered. */
bool core_indicators_take(struct core_indicators *c, struct finding *f, uint64_t event, const struct system *s, bool count,
    enum level *ret_level);
/* Sightings, in the transaction of the alerts; cleared with them. */
bool core_indicators_pending(const struct core_indicators *c);
[[nodiscard]] int core_indicators_write(struct core_indicators *c);
void core_indicators_clear(struct core_indicators *c);

#endif
