/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/lang.h"
#include "register/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_fault(const struct table_fault *f)
{
	struct buf key = BUF_INIT;
	buf_addf(&key, "fault.%s", f->what);
	assert(!str_eq(lang_text(LANG_VI, buf_str(&key)), buf_str(&key)));
	buf_release(&key);
}

static void
check_table(const struct table *t)
{
	assert(t->columns <= TABLE_COLUMNS_MAX && t->rows <= TABLE_ROWS_MAX);
	for (size_t i = 0; i < (size_t)t->rows * t->columns; i++)
		assert(t->cell[i].n <= TABLE_CELL_MAX && str_is_utf8(t->cell[i]) && str_trim(t->cell[i]).n == t->cell[i].n);
	for (uint32_t i = 1; i < t->rows; i++)
		assert(t->number[i] >= 1);
}

/* What was read goes to another process and to a file, and is read there as the same. */
static void
check_back(const struct table *t, struct arena *arena)
{
	struct buf message = BUF_INIT, csv = BUF_INIT;
	struct table taken, again;
	struct table_fault f = {0};
	table_put(&message, t, NULL);
	assert(table_take(buf_str(&message), arena, &taken, &f) == 0 && taken.rows == t->rows);
	table_write_csv(t, &csv);
	if (t->columns > 1 && table_read(buf_str(&csv), arena, &again, &f) == 0)
		for (size_t i = 0; i < (size_t)t->rows * t->columns && again.rows == t->rows; i++)
			assert(again.columns != t->columns || str_eq(again.cell[i], t->cell[i]));
	buf_release(&message);
	buf_release(&csv);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_from((const char *)data, size);
	struct arena arena;
	struct table t;
	struct table_fault f = {0};
	arena_init(&arena, 64 << 10, 64 << 20);
	int error = table_read(bytes, &arena, &t, &f);
	assert(error == 0 || error == E_INVALID);
	if (error)
		check_fault(&f);
	else
		check_table(&t);
	if (!error)
		check_back(&t, &arena);
	error = table_take(bytes, &arena, &t, &f);
	assert(error == 0 || error == E_INVALID || error == E_CORRUPT || error == E_LIMIT);
	arena_release(&arena);
	return 0;
}
