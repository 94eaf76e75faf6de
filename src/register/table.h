/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_TABLE_H
#define REGISTER_TABLE_H

/*
 * Tables that people send and take away: CSV (RFC 4180; commas, semicolons or tabs; a byte order mark is passed over)
 * and XLSX (ECMA-376; the first sheet), either of them packed by gzip when it is long. Reading is pure and bounded: it runs in the look-back role, because a foreign
 * file is parsed nowhere where the database is, and the rows go to core as one message. Every fault has its row, as the
 * spreadsheet counts them, and its column.
 *
 * A cell that a spreadsheet would take for a formula (it begins with = + - @, a tab or a line break) gets an apostrophe
 * in front on the way out, which reading takes away again: what goes out and comes back is the same.
 */

#include "base/arena.h"
#include "base/error.h"

#define TABLE_ROWS_MAX 50000u
#define TABLE_COLUMNS_MAX 64u
#define TABLE_CELLS_MAX 800000u          /* what a call holds beside their texts */
#define TABLE_CELL_MAX 32767u            /* bytes; what a spreadsheet holds in one */
#define TABLE_BYTES_MAX (32u << 20)      /* of all cells, and of what is unpacked from an XLSX file */
#define TABLE_FAULTS_KEPT 100u

struct table {
	const struct str *column; /* names in the first row, in small letters */
	const struct str *cell;   /* row by row; all texts are UTF-8, without control characters but line breaks and tabs */
	const uint32_t *number;   /* of each row, as the spreadsheet counts: the names stand in row 1 */
	uint32_t columns, rows;
};

struct table_fault {
	const char *what;         /* key of content/lang without "fault." */
	struct str column;        /* its name or letter; may be empty */
	struct str arg;
	uint32_t row;             /* 0: the table as a whole */
};

/* What an import did, or would do. Rows with a fault count in none of the numbers. */
struct table_report {
	uint32_t read, added, changed, unchanged, faults;
	struct table_fault fault[TABLE_FAULTS_KEPT]; /* the first of them */
};

/* Texts of the fault are kept in `arena`. */
void table_report_fault(struct table_report *r, struct arena *arena, uint32_t row, struct str column, const char *what,
    struct str arg);

/* E_INVALID with *f; its texts and those of the table live in `arena` or in `bytes`. What begins like a zip archive is
 * XLSX. */
[[nodiscard]] int table_read(struct str bytes, struct arena *arena, struct table *ret, struct table_fault *f);
/* The number of a column, or -1. */
int table_column(const struct table *t, struct str name);
/* Column -1 is empty everywhere. Blanks at both ends are gone. */
struct str table_cell(const struct table *t, uint32_t row, int column);
/* A day as people write it: 2026-07-01, 01/07/2026, or the number that a spreadsheet stores. Empty stays empty; anything else
 * comes back as it is. */
struct str table_day(struct str cell, struct arena *arena);

/* Between processes: the table, or the fault when t is NULL. */
void table_put(struct buf *out, const struct table *t, const struct table_fault *f);
/* Texts are borrowed from the message. E_CORRUPT; E_INVALID with *f when there is only a fault. */
[[nodiscard]] int table_take(struct str message, struct arena *arena, struct table *ret, struct table_fault *f);

/* With a byte order mark, without which spreadsheets take UTF-8 for something else. */
void table_write_csv(const struct table *t, struct buf *out);
/* `folder` is for files that are gone when it returns. Any thread. E_IO, E_FULL, E_LIMIT. */
[[nodiscard]] int table_write_xlsx(const struct table *t, struct str sheet, struct str folder, struct buf *out);

#endif
