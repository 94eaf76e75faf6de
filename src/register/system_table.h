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

#define SYSTEMS_TABLE_ROWS 10000u /* in one file, either way: core does it at one go */

struct system_import {
	struct str scope;   /* only systems of what this one reaches; empty = all */
	struct str today;
	int64_t now_ms;
	const struct law *law;
	const struct registry *registry; /* as the database is */
};

/* In the caller's transaction, which must be undone when report.faults > 0 (E_INVALID) or on any other error. */
[[nodiscard]] int systems_import(struct db *db, const struct table *t, const struct system_import *w, struct arena *arena,
    struct table_report *report);
/* All rows of a query, whatever its limit; without `people` the columns of the contact are left out. E_LIMIT: more than
 * SYSTEMS_TABLE_ROWS. */
[[nodiscard]] int systems_export(struct db *db, const struct registry *registry, struct registry_query *q, struct str today, bool people,
    struct arena *arena, struct table *ret);

#endif
