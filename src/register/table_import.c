/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/table_import.h"

#include <assert.h>

#include "base/hash.h"
#include "host/clock.h"

static void
find_columns(struct table_import *im, int columns)
{
	for (int c = 0; c < columns; c++)
		im->column[c] = table_column(im->t, im->name[c]);
	for (uint32_t i = 0; i < im->t->columns; i++) {
		bool known = !im->t->column[i].n;
		for (int c = 0; c < columns; c++)
			known |= im->column[c] == (int)i;
		if (!known)
			table_report_fault(im->report, im->arena, 1, im->t->column[i], "register_column", im->t->column[i]);
	}
	if (im->column[0] < 0)
		table_report_fault(im->report, im->arena, 1, im->name[0], "register_missing", im->name[0]);
}

int
table_import_begin(struct table_import *im, struct db *db, const struct table *t, const struct str *name, int columns,
    struct arena *arena, struct table_report *report)
{
	assert(columns <= (int)TABLE_COLUMNS_MAX);
	*im = (struct table_import){.db = db, .t = t, .name = name, .arena = arena, .report = report, .mask = 63};
	while (im->mask < 2 * t->rows)
		im->mask = im->mask * 2 + 1;
	im->seen = arena_calloc(arena, im->mask + 1, sizeof *im->seen);
	im->changed = arena_calloc(arena, t->rows + 1, sizeof *im->changed);
	im->added = arena_calloc(arena, t->rows + 1, sizeof *im->added);
	if (!im->seen || !im->changed || !im->added)
		return E_LIMIT;
	report->read = t->rows;
	find_columns(im, columns);
	return report->faults ? E_INVALID : 0;
}

int
table_import_end(struct table_import *im, uint32_t looked_at, int error)
{
	struct table_report *report = im->report;
	report->added = report->changed = report->unchanged = 0;
	for (uint32_t row = 0; row < looked_at; row++) {
		report->added += im->added[row];
		report->changed += !im->added[row] && im->changed[row];
		report->unchanged += !im->added[row] && !im->changed[row];
	}
	return error ? error : report->faults ? E_INVALID : 0;
}

bool
import_has(const struct table_import *im, int c)
{
	return im->column[c] >= 0;
}

struct str
import_cell(const struct table_import *im, uint32_t row, int c)
{
	return table_cell(im->t, row, im->column[c]);
}

struct str
import_wanted(const struct table_import *im, uint32_t row, int c, struct str there)
{
	return import_has(im, c) ? import_cell(im, row, c) : there;
}

struct str
import_day(struct table_import *im, uint32_t row, int c, struct str there)
{
	return import_has(im, c) ? table_day(import_cell(im, row, c), &im->row) : there;
}

void
import_fault(struct table_import *im, uint32_t row, struct str column, const char *what, struct str arg)
{
	table_report_fault(im->report, im->arena, im->t->number[row], column, what, arg);
}

/* False: an earlier row has that id. */
static bool
first_of_id(struct table_import *im, uint32_t row, struct str id)
{
	uint32_t at = (uint32_t)hash64(id, 0) & im->mask;
	for (; im->seen[at]; at = (at + 1) & im->mask)
		if (str_eq(import_cell(im, im->seen[at] - 1, 0), id))
			return false;
	im->seen[at] = row + 1;
	return true;
}

void
table_import_back(struct table_import *im, uint32_t row)
{
	const uint32_t kept = row;
	memset(im->seen, 0, (im->mask + 1) * sizeof *im->seen);
	for (row = 0; row < kept; row++)
		(void)first_of_id(im, row, import_cell(im, row, 0));
	memset(im->changed + kept, 0, (im->t->rows - kept) * sizeof *im->changed);
	memset(im->added + kept, 0, (im->t->rows - kept) * sizeof *im->added);
	im->next = kept;
}

bool
import_id(struct table_import *im, uint32_t row, struct str *ret)
{
	struct str id = import_cell(im, row, 0);
	const char *wrong = !register_id_ok(id) ? "register_id" : !first_of_id(im, row, id) ? "register_row_twice" : NULL;
	if (wrong)
		import_fault(im, row, im->name[0], wrong, id);
	*ret = id;
	return !wrong;
}

int
import_told(struct table_import *im, uint32_t row, int error, const struct register_fault *f)
{
	if (error != E_INVALID || !f->what)
		return error;
	import_fault(im, row, str_z(f->field), f->what, f->arg);
	return 0;
}

int
import_some(struct table_import *im, import_row *take, int64_t until_ms)
{
	int error = 0;
	arena_init(&im->row, 64 << 10, 4 << 20);
	while (im->next < im->t->rows && !error) {
		arena_clear(&im->row);
		error = take(im, im->next++);
		if (clock_monotonic_ms() >= until_ms)
			break;
	}
	arena_release(&im->row);
	return error;
}

int
import_each(struct table_import *im, import_row *take)
{
	im->next = 0;
	return import_some(im, take, INT64_MAX);
}
