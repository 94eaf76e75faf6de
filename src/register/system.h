/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_SYSTEM_H
#define REGISTER_SYSTEM_H

/*
 * Whose machine is it, and which legal level? Organisations and their information systems as the province knows them:
 * one of the six structs to know. Core holds the register in memory (a snapshot of the database, rebuilt after a
 * change) and asks it for every event and every alert. One thread.
 *
 * Levels 1..5 are those of Decree 85/2016/ND-CP, article 6 and following (Decree 331/2026/ND-CP from its day on); the
 * register keeps the level as decided in the dossier, it does not decide.
 */

#include "store/db.h"

struct contact {
	struct str name, phone, email; /* empty where not known */
};

struct organisation {
	struct str id, name;
	struct str kind; /* department, commune, ward, special_zone, enterprise, province, centre, assessor, provider */
	struct contact contact; /* whom to call on the day of the snapshot; may be its parent's */
	bool demonstration;
	uint32_t systems;
	const struct organisation *parent; /* NULL at the top */
	struct str from_day, until_day;    /* "2026-07-01", it exists on both; empty: not known, or no end */
	int64_t version;
};

struct system {
	struct str id, name;
	const struct organisation *organisation;
	int level; /* 1..5 */
	struct contact contact; /* its own, else the organisation's */
	bool demonstration;
	const struct str *network, *host, *domain;
	uint32_t networks, hosts, domains;
};

struct registry;

#define REGISTRY_DAY 11 /* "2026-07-01" and its end */
/* The day it is in Viet Nam, written into `day`. */
struct str registry_today(int64_t now_ms, char day[REGISTRY_DAY]);
/* Snapshot of the database, with the people to call who are valid on that day (registry_load(): today). E_IO. */
[[nodiscard]] int registry_load_at(struct db *db, struct str today, struct registry **ret);
[[nodiscard]] int registry_load(struct db *db, struct registry **ret);
/* Accepts NULL. */
void registry_free(struct registry *r);

const struct organisation *registry_organisations(const struct registry *r, uint32_t *ret_count);
const struct system *registry_systems(const struct registry *r, uint32_t *ret_count);
const struct organisation *registry_organisation(const struct registry *r, struct str id); /* NULL when unknown */
const struct system *registry_system(const struct registry *r, struct str id);
/* Is it `ancestor` or below it? An empty ancestor is the whole province; an organisation that is not known is below nobody. */
bool registry_within(const struct registry *r, struct str organisation, struct str ancestor);

/* The system a host name belongs to (whole name or its first label, any case), else NULL. */
const struct system *registry_by_host(const struct registry *r, struct str host);
/* By address: the longest network that holds it. Text as in events; anything that is no address gives NULL. */
const struct system *registry_by_address(const struct registry *r, struct str address);
/* Likewise, of 16 bytes, IPv4 mapped. */
const struct system *registry_by_bytes(const struct registry *r, const uint8_t bytes[16]);
/* By domain: the longest registered suffix. */
const struct system *registry_by_domain(const struct registry *r, struct str domain);

/*
 * Bring in a file that a person wrote: YAML (organisations:, systems:) or CSV (first line names the columns: kind=
 * organisation or system in column "type"). All or nothing: a fault anywhere changes nothing. Called by core at its start (--register)
 * and by the demonstration. *ret_count: rows brought in.
 */
typedef void registry_on_fault(void *user, const struct fault *f);
[[nodiscard]] int registry_import(struct db *db, struct str text, struct str file, bool demonstration, int64_t now_ms,
    registry_on_fault *on_fault, void *user, uint32_t *ret_count);
/* Work out anew who is below whom (table organisation_reach): in the transaction of every change of a parent. */
[[nodiscard]] int registry_reach_rebuild(struct db *db);
/* Takes everything of the demonstration out. Alerts of its systems must be gone. */
[[nodiscard]] int registry_forget_demonstration(struct db *db);

#endif
