/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_TABLE_INTERNAL_H
#define REGISTER_TABLE_INTERNAL_H

/* Building a table cell by cell, for the two readers. */

#include "register/table.h"

struct table_row {
	struct str cell[TABLE_COLUMNS_MAX];
	uint32_t cells, number;
};

struct table_build {
	struct arena *arena;
	struct table_fault *fault;
	struct str *column;
	struct str **row;
	uint32_t *number;
	uint32_t columns, rows, cap;
};

/* Returns E_INVALID. */
int table_refuse(struct table_build *b, const char *what, uint32_t row, struct str column, struct str arg);
/* The first row that is not empty names the columns; empty rows are passed over. */
[[nodiscard]] int table_add_row(struct table_build *b, const struct table_row *r);
/* Letters of the column with that number, from 0: A ... Z, AA ... In `ret`, of 4 bytes. */
struct str table_letters(uint32_t column, char ret[4]);

/* The bytes unpacked, in the arena. */
[[nodiscard]] int table_gunzip(struct table_build *b, struct str *bytes);
[[nodiscard]] int table_read_xlsx(struct str bytes, struct table_build *b);

#endif
