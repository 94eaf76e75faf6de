/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_SYSTEM_H
#define REGISTER_SYSTEM_H

/*
 * Whose machine is it, and which legal level? Organisations and their information systems as the province knows them:
 * one of the six structs to know. Core holds the register in memory, asks it for every event and every alert, and
 * searches it for the lists that people see. One thread.
 *
 * The database is the truth; what is in memory is what stands there on one day. Who changes the database says what he
 * changed (registry_touch_...), and before anything else is asked registry_renew() reads that anew: one system, all organisations
 * (they are few), or everything. Pointers and texts from here are therefore good until the next registry_renew() and no longer.
 *
 * Levels 1..5 are those of Decree 85/2016/ND-CP, article 6 and following (Decree 331/2026/ND-CP from its day on); the
 * register keeps the level as decided in the dossier, it does not decide.
 */

#include "store/db.h"

#define REGISTRY_DAY 11 /* "2026-07-01" and its end */

struct contact {
	struct str name, phone, email; /* empty where not known */
};

struct organisation {
	struct str id, name, name_fold;
	struct str kind; /* department, commune, ward, special_zone, enterprise, province, centre, assessor, provider */
	struct contact contact; /* whom to call on the day of the snapshot; may be its parent's */
	bool demonstration;
	uint32_t number;  /* 0 .. organisations - 1 */
	uint32_t systems;
	const struct organisation *parent; /* NULL at the top */
	struct str from_day, until_day;    /* "2026-07-01", it exists on both; empty: not known, or no end */
	int64_t version;
};

struct system {
	struct str id, name, name_fold;
	const struct organisation *organisation;
	int level; /* 1..5 */
	bool demonstration, critical;
	struct str sector, until_day;  /* may be empty */
	char licence_ends[REGISTRY_DAY], layer_ends[REGISTRY_DAY]; /* the first day on which one of them does; empty: none */
	struct contact contact; /* its own; whom to call says system_contact() */
	const struct str *network, *host, *domain; /* none when it is closed: its machines are nobody's */
	uint32_t networks, hosts, domains;
};

struct registry;

/* The day it is in Viet Nam, written into `day`. */
struct str registry_today(int64_t now_ms, char day[REGISTRY_DAY]);
/* What stands in the database, as of that day (registry_load(): today). E_IO, E_LIMIT. */
[[nodiscard]] int registry_load_at(struct db *db, struct str today, struct registry **ret);
[[nodiscard]] int registry_load(struct db *db, struct registry **ret);
/* Organisations alone: enough for registry_within(). */
[[nodiscard]] int registry_load_organisations(struct db *db, struct str today, struct registry **ret);
/* Accepts NULL. */
void registry_free(struct registry *r);

/* Something was changed, or may have been: a system with its places and parts, organisations with names and people,
 * or who owns what. Cheap, and said twice it is done once. */
void registry_touch_system(struct registry *r, struct str id);
void registry_touch_organisations(struct registry *r);
void registry_touch_all(struct registry *r);
/* Reads what was touched; on another day everything. On an error the register is as it was, and it is tried again next time. */
[[nodiscard]] int registry_renew(struct registry **r, struct db *db, struct str today);
/* Another number than before: systems have been read anew since. */
uint64_t registry_changes(const struct registry *r);

uint32_t registry_organisations(const struct registry *r); /* how many */
const struct organisation *registry_organisation_at(const struct registry *r, uint32_t number);
const struct system *const *registry_systems(const struct registry *r, uint32_t *ret_count); /* by name, then by id */
const struct organisation *registry_organisation(const struct registry *r, struct str id); /* NULL when unknown */
const struct system *registry_system(const struct registry *r, struct str id);
/* Its own, else its organisation's. */
const struct contact *system_contact(const struct system *s);
/* Is it `ancestor` or below it? An empty ancestor is the whole province; an organisation that is not known is below nobody. */
bool registry_within(const struct registry *r, struct str organisation, struct str ancestor);

/* Of several systems that claim the same place the one with the first id has it. */

/* The system a host name belongs to (whole name or its first label, any case), else NULL. */
const struct system *registry_by_host(const struct registry *r, struct str host);
/* By address: the longest network that holds it. Text as in events; anything that is no address gives NULL. */
const struct system *registry_by_address(const struct registry *r, struct str address);
/* Likewise, of 16 bytes, IPv4 mapped. */
const struct system *registry_by_bytes(const struct registry *r, const uint8_t bytes[16]);
/* By domain: the longest registered suffix. */
const struct system *registry_by_domain(const struct registry *r, struct str domain);

/* What to look for among systems. */
struct registry_query {
	struct str scope;        /* of the caller; empty: all */
	struct str part;         /* folded (db_fold()): part of a name, id, place or owner's name */
	int level;               /* 0: any */
	struct str organisation; /* and all below it */
	struct str sector;
	bool critical;
	struct str ends_before;  /* a licence or the evidence of a layer ends on this day or before */
	bool closed;             /* also those that are closed */
	bool by_level;           /* highest first, else by name */
	int after_level;         /* behind this one; 0: from the start */
	struct str after_fold, after_id;
	uint32_t limit;
};

/* One page into `list` (room for q->limit). Returns how many; *ret_total: all that fit. */
uint32_t registry_find(const struct registry *r, const struct registry_query *q, const struct system **list, int64_t *ret_total);

/* Two systems that tell of the same machines: one network within the other, the same host, one domain below the other. */
struct registry_overlap {
	struct str mine, theirs;
	const struct system *other;
};

/* Of `own` with all others, by their names; at most `max`. Returns how many. */
uint32_t registry_overlaps(const struct registry *r, const struct system *own, struct registry_overlap *list, uint32_t max);

/*
 * Bring in a file that a person wrote: YAML (organisations:, systems:) or CSV (first line names the columns: kind=
 * organisation or system in column "type"). All or nothing: a fault anywhere changes nothing. Called by core at its start (--register)
 * and by the demonstration. `law` says who may not assess what he runs (NULL: nobody asks). *ret_count: rows brought in.
 */
typedef void registry_on_fault(void *user, const struct fault *f);
struct law;
[[nodiscard]] int registry_import(struct db *db, const struct law *law, struct str text, struct str file, bool demonstration,
    int64_t now_ms, registry_on_fault *on_fault, void *user, uint32_t *ret_count);
/* Work out anew who is below whom (table organisation_reach): in the transaction of every change of a parent. */
[[nodiscard]] int registry_reach_rebuild(struct db *db);
/* Takes everything of the demonstration out. Alerts of its systems must be gone. */
[[nodiscard]] int registry_forget_demonstration(struct db *db);

#endif
