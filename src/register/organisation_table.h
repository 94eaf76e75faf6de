/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_ORGANISATION_TABLE_H
#define REGISTER_ORGANISATION_TABLE_H

/*
 * Organisations as a table: what a list shows, taken away and brought back. Core.
 *
 * Columns: id, name, kind, parent, from_day, until_day, contact_name, contact_role, contact_phone, contact_email. A column
 * that is not there leaves what it would say as it is; an empty cell empties it. The contact is the one who is called
 * first; an empty one changes nothing, another name adds somebody. Bringing back what was taken away changes nothing.
 */

#include "register/organisation.h"
#include "register/table.h"

#define ORGANISATIONS_TABLE_ROWS 5000u /* that come in one file: they name each other, so they come in one go, half a second */

struct organisation_import {
	struct str scope;   /* only what this one reaches may be changed or made; empty = all */
	struct str today;
	int64_t now_ms;
};

/* In the caller's transaction, which must be undone when report.faults > 0 (E_INVALID) or on any other error. */
[[nodiscard]] int organisations_import(struct db *db, const struct table *t, const struct organisation_import *w,
    struct arena *arena, struct table_report *report);
/* All rows of a query, whatever its limit; without `people` the columns of the contact are left out. */
[[nodiscard]] int organisations_export(struct db *db, struct organisation_query *q, struct str today, bool people,
    struct arena *arena, struct table *ret);

#endif
