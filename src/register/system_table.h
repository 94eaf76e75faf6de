/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_SYSTEM_TABLE_H
#define REGISTER_SYSTEM_TABLE_H

/*
 * Information systems as a table: what a list shows, taken away and brought back. Core.
 *
 * Columns: id, name, organisation (of the owner), class, level, level_day, level_number, sector, critical, separated (yes or
 * no), from_day, until_day, operator, monitor, assessor, provider, applications_internet, applications_internal,
 * applications_none, networks, hosts, domains, note, contact_name, contact_phone, contact_email. Several in one cell have
 * semicolons between them. An organisation is told by its id or by its name when only one has it.
 *
 * A column that is not there leaves what it would say as it is; an empty cell empties it. Places and parties are those of
 * today: who stands in the cell no more has ended yesterday. History stays: no cell takes a decision of a level away, and
 * another level needs the day of a decision. Applications that no cell names stay. Bringing back what was taken away
 * changes nothing.
 */

#include "register/inventory.h"
#include "register/table.h"

#define SYSTEMS_TABLE_ROWS 10000u /* in one file, either way */

struct system_import {
	struct str scope;   /* only systems of what this one reaches; empty = all */
	struct str today;
	int64_t now_ms;
	const struct law *law;
	const struct registry *registry; /* as the database is */
};

/*
 * Bringing in goes by pieces, as a long file takes longer than others can wait for: each in a transaction of the caller's,
 * which is undone when the piece fails. No row tells of another, so that a first round whose pieces are all undone finds
 * every fault; the second keeps its pieces. What changes elsewhere meanwhile may still stop it half way: then the rows
 * before are in, and sending the file again goes on.
 */
struct systems_importing;
/* Lives in `arena` as long as that, `t` and `report`. E_INVALID: told. */
[[nodiscard]] int systems_importing_new(struct db *db, const struct table *t, struct arena *arena, struct table_report *report,
    struct systems_importing **ret);
/* The next rows until `until_ms` (monotonic), at least one; the report counts all so far. E_INVALID: a fault was told, of
 * this piece or one before; in the second round it is as if the piece had not been looked at. */
[[nodiscard]] int systems_importing_some(struct systems_importing *i, const struct system_import *w, int64_t until_ms);
/* How many rows were looked at in this round. */
uint32_t systems_importing_rows(const struct systems_importing *i);
/* From the first row again, to keep it. */
void systems_importing_keep(struct systems_importing *i);
/* All rows of a query, whatever its limit; without `people` the columns of the contact are left out. E_LIMIT: more than
 * SYSTEMS_TABLE_ROWS. */
[[nodiscard]] int systems_export(struct db *db, const struct registry *registry, struct registry_query *q, struct str today, bool people,
    struct arena *arena, struct table *ret);

#endif
