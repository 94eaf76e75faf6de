/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_TABLE_IMPORT_H
#define REGISTER_TABLE_IMPORT_H

/*
 * What bringing in a table has in common, whatever noun its rows are of: which columns there are, rows by their id, faults
 * by row and column, and what became of each row. For register/ alone.
 */

#include "register/organisation.h"
#include "register/table.h"

struct table_import {
	struct db *db;
	const struct table *t;
	struct arena *arena;          /* of the report */
	struct arena row;             /* of one row */
	struct table_report *report;
	const struct str *name;       /* of the columns that are known; the first is the id */
	int column[TABLE_COLUMNS_MAX]; /* where each of them stands, or -1 */
	uint32_t *seen;               /* ids of the file: row + 1, open addressing */
	uint32_t mask;
	bool *changed, *added;        /* by row */
	uint32_t next;                /* the row that is looked at next */
};

/* E_INVALID: a column that nobody knows, or none with the id; it is in the report. What it needs lives in
 * `arena`. */
[[nodiscard]] int table_import_begin(struct table_import *im, struct db *db, const struct table *t, const struct str *name,
    int columns, struct arena *arena, struct table_report *report);
/* Counts the first rows by what became of them. Returns `error`, or E_INVALID when a fault was told. */
[[nodiscard]] int table_import_end(struct table_import *im, uint32_t looked_at, int error);
/* As if rows from that one on had not been looked at; what was told of them stays. */
void table_import_back(struct table_import *im, uint32_t row);

bool import_has(const struct table_import *im, int c);
struct str import_cell(const struct table_import *im, uint32_t row, int c);
/* What the row says, and where there is no such column what is there. */
struct str import_wanted(const struct table_import *im, uint32_t row, int c, struct str there);
/* Likewise of a day, as table_day() reads it. */
struct str import_day(struct table_import *im, uint32_t row, int c, struct str there);
void import_fault(struct table_import *im, uint32_t row, struct str column, const char *what, struct str arg);
/* The id of a row: false when it is none, or an earlier row has it; that is told. */
bool import_id(struct table_import *im, uint32_t row, struct str *ret);
/* What a change came to: a fault is told and counts as done. */
[[nodiscard]] int import_told(struct table_import *im, uint32_t row, int error, const struct register_fault *f);

typedef int import_row(struct table_import *im, uint32_t row);
/* The next rows until that moment (monotonic), at least one; the arena of the row is empty each time. */
[[nodiscard]] int import_some(struct table_import *im, import_row *take, int64_t until_ms);
/* All from the first on, until the first error. */
[[nodiscard]] int import_each(struct table_import *im, import_row *take);

#endif
