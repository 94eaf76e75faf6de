/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ALERT_COVERAGE_H
#define ALERT_COVERAGE_H

/*
 * What really arrives: which log sources of the map, from which organisation, when last; and which fields. A rule whose
 * source never came cannot fire there, however green its switch. Core alone, one thread.
 *
 * Counted in memory for every event, written to the database now and then: a crash costs the counts of a minute. Bounded:
 * COVERAGE_PAIRS pairs of organisation and source, COVERAGE_FIELDS names; what is beyond is counted in `over`.
 */

#include "detect/sigma.h"
#include "store/db.h"

#define COVERAGE_PAIRS 50000u
#define COVERAGE_FIELDS 20000u

struct coverage;

struct coverage *coverage_new(void);
void coverage_free(struct coverage *c);
/* What earlier lives have seen. */
[[nodiscard]] int coverage_load(struct coverage *c, struct db *db);
/* Numbers of sources are those of another rule set from here on. */
void coverage_rules_changed(struct coverage *c);
/* One event of this organisation ("" when the register does not know the machine). */
void coverage_add(struct coverage *c, const struct rules *r, const struct event *e, struct str organisation,
    int64_t received_ms);
/* A field of that name arrived. */
void coverage_add_field(struct coverage *c, struct str name);
bool coverage_has_field(const struct coverage *c, struct str name);
uint64_t coverage_over(const struct coverage *c);
/* What changed since the last call, in a transaction of its own. E_FULL, E_IO: tried again the next time. */
[[nodiscard]] int coverage_save(struct coverage *c, struct db *db, int64_t now_ms);

struct coverage_source {
	struct str organisation;
	struct rule_source source;
	int64_t events, last_ms;
};

/* Every pair in turn; `place` starts at 0. NULL at the end. */
const struct coverage_source *coverage_next(const struct coverage *c, uint32_t *place);
/* seen[source number of r] of one organisation, or of all together when it is empty; rules_sources(r) of them. */
void coverage_seen(const struct coverage *c, const struct rules *r, struct str organisation, bool *seen);

#endif
