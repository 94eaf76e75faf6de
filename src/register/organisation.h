/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_ORGANISATION_H
#define REGISTER_ORGANISATION_H

/*
 * Organisations in time, as rows: what people read and change. The snapshot of system.h is what events are asked of; it
 * is built anew after a change. Core alone, one thread; callers hold the transaction.
 *
 * Days are texts ("2026-07-01") in the calendar of Viet Nam, both ends included; empty: not known, or no end. An
 * organisation has one name on a day. It is active, closed (its last day is over) or planned (its first is to come).
 * Nothing is ever deleted here: what was counted for an organisation stays countable.
 */

#include "base/arena.h"
#include "register/system.h"

/* What is wrong with what a person asked for. `what` is a key of content/lang without "fault.". */
struct register_fault {
	const char *what;
	const char *field;
	struct str arg; /* borrowed from what was asked */
};

/* Fills *f and returns E_INVALID. */
int register_refuse(struct register_fault *f, const char *what, const char *field, struct str arg);
/* Empty or a day that a calendar has. */
bool register_day_ok(struct str day);
/* Ids go into addresses and file names. */
#define REGISTER_ID_MAX 64u
bool register_id_ok(struct str id);
/* NFC is the browser's work; what must not come in is what is no UTF-8, control characters, or too long. */
bool register_text_ok(struct str text, size_t max);
/* The day before a day. */
struct str register_day_before(struct str day, char ret[REGISTRY_DAY]);

/* ---- kinds ---- */

struct organisation_kind {
	struct str id, vi, en;
	struct str under; /* kinds it may stand below, separated by blanks; empty: any */
};

/* content/register/kinds.yaml in place of what the database knows; kinds in use stay. Every fault is told, and then nothing
 * is changed (E_INVALID). db may be NULL: only read. */
[[nodiscard]] int kinds_import(struct db *db, struct str text, struct str file, registry_on_fault *on_fault, void *user);
[[nodiscard]] int kinds_list(struct db *db, struct arena *arena, struct organisation_kind **ret, uint32_t *ret_count);

/* ---- reading ---- */

struct organisation_row {
	struct str id, name, name_now; /* name: on the day that was asked for */
	struct str kind, parent, parent_name, from_day, until_day, name_fold;
	int64_t version, alerts_open;
	int worst;          /* enum level of the worst open alert, or -1 */
	bool demonstration;
};

struct organisation_query {
	struct str scope;   /* only what this one reaches; empty = all */
	struct str text;    /* in any of its names; empty = any */
	struct str kind, parent;
	struct str day;     /* names and existence of this day */
	struct str state;   /* active, closed, planned, any */
	struct str after;   /* id of the last row seen; empty = from the beginning */
	uint32_t limit;
};

[[nodiscard]] int organisation_list(struct db *db, const struct organisation_query *q, struct arena *arena,
    struct organisation_row **ret, uint32_t *ret_count, int64_t *ret_total);
/* E_NOT_FOUND. */
[[nodiscard]] int organisation_get(struct db *db, struct str id, struct str day, struct arena *arena,
    struct organisation_row *ret);
const char *organisation_state(struct str from_day, struct str until_day, struct str day);
bool organisation_reaches(struct db *db, struct str ancestor, struct str organisation);

struct organisation_name {
	struct str name, from_day, until_day;
};
/* None: it was never renamed. */
[[nodiscard]] int organisation_names(struct db *db, struct str id, struct arena *arena, struct organisation_name **ret,
    uint32_t *ret_count);

struct organisation_edge {
	struct str id, name, day, kind; /* merged, split, renamed, transferred */
};
/* Who took over from it, or (back) from whom it did. */
[[nodiscard]] int organisation_edges(struct db *db, struct str id, bool back, struct arena *arena,
    struct organisation_edge **ret, uint32_t *ret_count);

/* ---- changing ---- */

struct organisation_edit {
	bool set_kind, set_parent, set_from, set_until, set_name;
	struct str kind, parent, from_day, until_day;
	struct str name;
	struct str name_from; /* it is renamed on this day, maybe one to come; empty: the name was written wrongly */
};

/* E_INVALID with *f, E_EXISTS. */
[[nodiscard]] int organisation_add(struct db *db, struct str id, const struct organisation_edit *e, struct str today,
    int64_t now_ms, struct register_fault *f);
/* `version` is what the person saw (0: whatever it is): E_CONFLICT when it is another. E_NOT_FOUND, E_INVALID with *f. */
[[nodiscard]] int organisation_change(struct db *db, struct str id, int64_t version, const struct organisation_edit *e,
    struct str today, int64_t now_ms, struct register_fault *f);
/* Names whose day has come become today's. */
[[nodiscard]] int organisation_turn(struct db *db, struct str today);
/* An organisation below itself, or empty. In `id`, of 65 bytes. */
[[nodiscard]] int organisation_find_ring(struct db *db, char id[65]);

/* ---- people to call ---- */

#define CONTACT_RANK_MAX 99

struct contact_row {
	int64_t id, version, rank;
	struct str organisation, organisation_name; /* the name in lists over all of them */
	struct str name, role, phone, email, from_day, until_day, confirmed_day;
};

/* Those of today and to come first, then who is gone. */
[[nodiscard]] int contact_list(struct db *db, struct str organisation, struct str today, struct arena *arena,
    struct contact_row **ret, uint32_t *ret_count);
/* E_NOT_FOUND: not of this organisation. */
[[nodiscard]] int contact_get(struct db *db, struct str organisation, int64_t id, struct arena *arena, struct contact_row *ret);
/* Not ended, and nobody has said for a year that it is still right. */
struct contact_due {
	struct str scope, text, today, before; /* confirmed before this day */
	int64_t after;
	uint32_t limit;
};
[[nodiscard]] int contact_due_list(struct db *db, const struct contact_due *q, struct arena *arena,
    struct contact_row **ret, uint32_t *ret_count, int64_t *ret_total);
/* c->id is given back. E_INVALID with *f. */
[[nodiscard]] int contact_add(struct db *db, struct contact_row *c, int64_t now_ms, struct register_fault *f);
/* All of c; c->version is what the person saw (0: whatever it is). E_CONFLICT, E_INVALID with *f. */
[[nodiscard]] int contact_change(struct db *db, const struct contact_row *c, int64_t now_ms, struct register_fault *f);

#endif
