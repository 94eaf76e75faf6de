/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_MERGER_H
#define REGISTER_MERGER_H

/*
 * Handing over on a day: agencies merge, one becomes another, part of one goes to another, a duty is transferred. Core.
 *
 *   merged, renamed   from ends the day before; its systems, people to call, accounts, keys, open alerts and what stands
 *                     below it are the successor's from the day on
 *   split, transferred   only systems (those named; transferred without names: all) and their open alerts go over
 *
 * What was closed and counted stays with whom it was: an alert keeps the organisation it was opened for, and a closed one
 * its last. So figures of past years are the same to the digit whoever exists today (merger_figures()).
 *
 * A day to come is a plan: kept as the JSON it was asked with, carried out when its day has come.
 */

#include "base/json.h"
#include "register/organisation.h"

#define MERGER_FROM_MAX 60u
#define MERGER_SYSTEMS_MAX 2000u
#define MERGER_CONFLICTS_MAX 100u

struct merger {
	struct str kind, day;
	struct str into;
	struct str name;        /* of a new successor, or the new name of one that is there (empty: it keeps its own) */
	struct str into_kind, parent; /* of a new one */
	struct str from[MERGER_FROM_MAX];
	uint32_t froms;
	struct str *system;     /* only these */
	uint32_t systems;
};

struct merger_conflict {
	struct str kind, value, a, b; /* host, network or domain; two systems that both claim it */
};

struct merger_moved {
	int64_t systems, contacts, accounts, keys, alerts, children;
	bool makes;             /* the successor is new */
	struct merger_conflict *conflict;
	uint32_t conflicts;
};

/* From an object: kind (merged when absent), date, into, name, into_kind, parent, from[], systems[]. Texts in `arena`. */
[[nodiscard]] int merger_read(const struct json *j, struct arena *arena, struct merger *ret, struct register_fault *f);
/* What rooms above this one keep of who hands over, for instance exceptions: told of each of them, in the same transaction. */
struct merger_handed {
	struct str from, into;
	bool ends;                /* `from` does */
	const struct str *system; /* those that went over */
	uint32_t systems;
	struct str who;
	int64_t now_ms;
};
typedef int merger_on_handed(struct db *db, const struct merger_handed *h);

/* Does it, in the caller's transaction (who only wants to know undoes that). E_INVALID with *f. */
[[nodiscard]] int merger_do(struct db *db, const struct merger *m, struct str today, int64_t now_ms, struct str who,
    merger_on_handed *on_handed, struct arena *arena, struct merger_moved *ret, struct register_fault *f);
/* {"systems":...,"conflicts":[...]} */
void merger_moved_json(struct buf *out, const struct merger_moved *m);

struct merger_row {
	int64_t id, made_ms, done_ms;
	struct str kind, day, successor, plan, state, who, moved; /* plan and moved are JSON; moved may be empty */
};
/* Done already when `moved` is not empty, else planned. */
[[nodiscard]] int merger_keep(struct db *db, const struct merger *m, struct str plan, struct str who, struct str moved,
    int64_t now_ms, int64_t *ret_id);
/* Newest first, at most 500. */
[[nodiscard]] int merger_list(struct db *db, struct arena *arena, struct merger_row **ret, uint32_t *ret_count);
/* E_NOT_FOUND. */
[[nodiscard]] int merger_get(struct db *db, int64_t id, struct arena *arena, struct merger_row *ret);
/* A plan ends: done, withdrawn, failed. E_CONFLICT: it is none any more. */
[[nodiscard]] int merger_end(struct db *db, int64_t id, const char *state, struct str moved, int64_t now_ms);
/* Plans whose day has come, each in a transaction of its own with its entry in the record; one that cannot be done any more
 * is failed, with what was wrong. *ret_done: how many were carried out. */
[[nodiscard]] int merger_turn(struct db *db, struct str today, int64_t now_ms, merger_on_handed *on_handed, uint32_t *ret_done);

struct merger_figures {
	int64_t opened[5], closed[5]; /* alerts by level */
};
/* Alerts that were opened for it, and closed while they were its, in [from_ms, to_ms). With `past`: also those of everybody
 * who was merged into it or became it, however far back. */
[[nodiscard]] int merger_figures(struct db *db, struct str id, int64_t from_ms, int64_t to_ms, bool past,
    struct arena *arena, struct merger_figures *ret);

#endif
