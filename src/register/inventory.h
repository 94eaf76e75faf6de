/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_INVENTORY_H
#define REGISTER_INVENTORY_H

/*
 * What the province keeps of an information system beside whose it is and where it stands: its class and the facts that
 * decide its level, the levels as they were decided, who had which part in it and when, applications, the four layers of protection
 * with their evidence, devices with their clearance, licences with their end. Core, one thread.
 *
 * Unlike register/system.h, which answers for every event and therefore lives in memory, all of this is asked of the database a
 * system at a time; which systems stand on a page is asked of the register in memory, which has 200,000 of them at hand. Parts of a system are rows of one table of descriptions
 * (part_kinds): each says which members it has, of which form, and where its SQL is.
 *
 * Nothing is deleted but a part that was entered by mistake: a system is closed on a day, a party leaves on one. Days are
 * texts "2026-07-01", both ends inclusive; empty = not known, or no end.
 */

#include "register/law.h"
#include "register/system.h"

#define INVENTORY_FACTS 32u
#define PART_MEMBERS 12
#define PART_MAX 500 /* of one kind at one system */

/* ---- systems ---- */

struct inventory {
	struct str id, name, name_fold, organisation, organisation_name;
	int level; /* 1..5, as decided */
	struct str class; /* internal, service, infrastructure, industrial_control, other; empty: not told */
	struct str sector; /* code of the list "sector" of content/law; empty */
	bool critical;     /* on the list of systems critical to national security */
	bool separated;    /* physically: it may send, nothing reaches it */
	struct str facts;  /* a JSON object */
	struct str from_day, until_day, note;
	struct contact contact; /* its own */
	bool demonstration;
	int64_t version;
};

/* One page of what registry_find() finds, as it stands in the database; texts in `arena`. *ret_total: all of them. E_IO, E_LIMIT. */
[[nodiscard]] int inventory_list(struct db *db, const struct registry *r, const struct registry_query *q, struct arena *arena,
    struct inventory **ret, uint32_t *ret_count, int64_t *ret_total);
/* E_NOT_FOUND also outside of `scope`. */
[[nodiscard]] int inventory_get(struct db *db, struct str id, struct str scope, struct arena *arena, struct inventory *ret);
/* Is everything in it of its form? NULL, or the member that is not. */
const char *inventory_fault(const struct law *law, const struct inventory *s, struct str today);
/* With its owner as a party from its first day, and its level. E_EXISTS, E_CONFLICT (no such organisation). */
[[nodiscard]] int inventory_add(struct db *db, const struct inventory *s, int64_t now_ms);
/* Everything but owner and level, which have histories of their own. E_CONFLICT: another version is there. */
[[nodiscard]] int inventory_change(struct db *db, const struct inventory *s, int64_t now_ms);
/* This organisation owns it from `day` on, which may be to come: who did so ends the day before. When nobody is told as its owner
 * yet, it has always been this one; before a day to come, who has it now. In the caller's transaction. E_INVALID: that is no day. */
[[nodiscard]] int inventory_move(struct db *db, struct str id, struct str organisation, struct str day, struct str today);
/* The row of the system names its owner already (a register file, a merger of organisations): its parties follow. Likewise. */
[[nodiscard]] int inventory_owner_told(struct db *db, struct str id, struct str today);
/* Owners and levels whose day has come since this was asked last become those of the rows. *ret_changed: how many. */
[[nodiscard]] int inventory_turn(struct db *db, struct str today, int64_t now_ms, uint32_t *ret_changed);
/* The facts that criteria ask for, class and critical list among them. E_INVALID. */
[[nodiscard]] int inventory_facts(const struct law *law, const struct inventory *s, struct arena *arena, struct law_fact *fact,
    uint32_t *ret_count);

/* ---- places ---- */

/* kind: network (CIDR), host or domain. E_INVALID: it is none; E_EXISTS. */
[[nodiscard]] int inventory_place_add(struct db *db, struct str system, struct str kind, struct str value);
[[nodiscard]] int inventory_place_remove(struct db *db, struct str system, struct str kind, struct str value);
/* Do two places of the same kind tell of the same machines? One network within the other, one domain below the other. */
bool place_overlaps(struct str kind, struct str a, struct str b);

/* ---- parts ---- */

enum part { PART_PARTY, PART_LEVEL, PART_APPLICATION, PART_LAYER, PART_DEVICE, PART_LICENCE, PART_COUNT };

enum member_form {
	MEMBER_TEXT,
	MEMBER_DAY,
	MEMBER_WORD,         /* one of `words` */
	MEMBER_ORGANISATION, /* its id */
	MEMBER_FLAG,
	MEMBER_NUMBER,       /* 0 and above; 0 = none */
};

struct member {
	const char *name;
	enum member_form form;
	bool needed;
	bool own;          /* the program fills it, nobody else */
	const char *words; /* separated by blanks; a leading blank allows the empty word */
};

struct part_kind {
	const char *noun;  /* as in addresses: "parties" */
	struct member member[PART_MEMBERS];
	int members;
	enum query list, remove;
};

extern const struct part_kind part_kinds[PART_COUNT];

struct part_row {
	int64_t id;        /* 0: not kept yet */
	struct str text[PART_MEMBERS];
	int64_t number[PART_MEMBERS]; /* of flags and numbers */
};

/* Of this noun; PART_COUNT when there is none. */
enum part part_of(struct str noun);
/* Position of a member, or -1. */
int part_member(enum part part, const char *name);
/* All of a system; texts in `arena`. E_LIMIT beyond PART_MAX. */
[[nodiscard]] int part_list(struct db *db, enum part part, struct str system, struct arena *arena, struct part_row **ret,
    uint32_t *ret_count);
/* NULL, or the member that is missing or not of its form. */
const char *part_fault(enum part part, const struct part_row *row);
/* E_EXISTS (that layer is there), E_CONFLICT (no such organisation), E_LIMIT. */
[[nodiscard]] int part_add(struct db *db, enum part part, struct str system, const struct part_row *row, int64_t *ret_id);
/* E_NOT_FOUND. */
[[nodiscard]] int part_change(struct db *db, enum part part, struct str system, const struct part_row *row);
[[nodiscard]] int part_remove(struct db *db, enum part part, struct str system, int64_t id);
/* What the program tells of a decision: the criterion that decides under the rules of its day, and the facts as they are now. Texts
 * in `arena`. */
void level_fill(const struct law *law, const struct inventory *s, struct arena *arena, struct part_row *level);
/* After a change of decisions: the last one that has come is the level of the system. */
[[nodiscard]] int level_settle(struct db *db, struct str system, struct str today, struct arena *arena);

/* Members and parts of a system as a register file (YAML) has them, in the caller's transaction. What a person has changed since, and
 * parts of which there is a row, stay. A day may be written as "+30" or "-7", counted from today. E_INVALID: *ret_at is no such row.
 * *ret_parties: some were added. */
#define INVENTORY_KEYS "class sector critical separated facts from_day until_day note parties levels applications layers devices licences"
struct yaml;
[[nodiscard]] int inventory_take(struct db *db, struct str system, const struct yaml *node, int64_t now_ms,
    bool *ret_parties, const struct yaml **ret_at);

/* ---- what follows from them; pure ---- */

/* Does `party` stand where a rule of independence (content/law) says that it may not? Two parties of the same system meet when their days overlap
 * on a day on which the rule is in force and they are the same organisation or one is above the other. The rule, or NULL; *ret_other the
 * party it meets. */
const struct law_rule *party_conflict(const struct law *law, const struct registry *registry, const struct part_row *party,
    const struct part_row *others, uint32_t count, const struct part_row **ret_other);
/* Of all parties of a system the first that stands where it may not: the rule, or NULL. */
const struct law_rule *parties_conflict(const struct law *law, const struct registry *registry, const struct part_row *party,
    uint32_t count, const struct part_row **ret_party, const struct part_row **ret_other);
/* Does it hold its part on that day? */
bool party_on(const struct part_row *party, struct str day);
/* The level that holds on a day: of the decisions up to it the last; NULL when there is none. */
const struct part_row *level_on(const struct part_row *levels, uint32_t count, struct str day);
/* "none", "planned", "partly", "in_place", or "expired" when its evidence has ended; NULL row: "none". */
struct str layer_state(const struct part_row *layer, struct str today);
/* "missing" (in use, not cleared), "refused_in_use", "waiting" (neither), "refused", "cleared". */
struct str device_state(const struct part_row *device);
/* "expired", "30", "60", "90" (ends within so many days), "good". */
struct str licence_state(const struct part_row *licence, struct str today);

#endif
