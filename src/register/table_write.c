/* SPDX-License-Identifier: EUPL-1.2 */
/* XLSX by libxlsxwriter: it writes files, so the bytes take a way through the data folder. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "host/file.h"
#include "register/table.h"

#define PATH_BYTES 4096
#define WIDTH_MAX 60

static void
put_cell(lxw_worksheet *sheet, uint32_t row, uint32_t column, struct str s, lxw_format *format, struct buf *text)
{
	buf_clear(text);
	/* What reading would take for a disarmed formula. */
	if (s.n > 1 && s.p[0] == '\'' && strchr("=+-@'", s.p[1]))
		buf_add_char(text, '\'');
	buf_add(text, s);
	if (text->n)
		worksheet_write_string(sheet, row, (lxw_col_t)column, text->p, format);
}

static void
put_rows(lxw_worksheet *sheet, const struct table *t, lxw_format *head)
{
	struct buf text = BUF_INIT_MAX(2 * TABLE_CELL_MAX);
	for (uint32_t i = 0; i < t->columns; i++) {
		size_t width = t->column[i].n;
		put_cell(sheet, 0, i, t->column[i], head, &text);
		for (uint32_t row = 0; row < t->rows; row++) {
			struct str s = t->cell[(size_t)row * t->columns + i];
			width = s.n > width ? s.n : width;
		}
		worksheet_set_column(sheet, (lxw_col_t)i, (lxw_col_t)i, (double)(width < WIDTH_MAX ? width + 2 : WIDTH_MAX), NULL);
	}
	for (uint32_t row = 0; row < t->rows; row++)
		for (uint32_t i = 0; i < t->columns; i++)
			put_cell(sheet, row + 1, i, t->cell[(size_t)row * t->columns + i], NULL, &text);
	worksheet_freeze_panes(sheet, 1, 0);
	buf_release(&text);
}

static int
write_file(const struct table *t, struct str sheet_name, char *folder, const char *path)
{
	char name[32];
	lxw_workbook_options options = {.constant_memory = LXW_FALSE, .tmpdir = folder, .use_zip64 = LXW_FALSE};
	lxw_workbook *book = workbook_new_opt(path, &options);
	if (!book)
		return E_FULL;
	str_to_z(str_cut(sheet_name, 0, 31), name, sizeof name);
	lxw_worksheet *sheet = workbook_add_worksheet(book, name);
	lxw_format *head = workbook_add_format(book);
	format_set_bold(head);
	put_rows(sheet, t, head);
	return workbook_close(book) == LXW_NO_ERROR ? 0 : E_IO;
}

int
table_write_xlsx(const struct table *t, struct str sheet, struct str folder, struct buf *out)
{
	static atomic_uint number;
	char path[PATH_BYTES], place[PATH_BYTES];
	str_to_z(folder, place, sizeof place);
	if ((size_t)snprintf(path, sizeof path, "%s/export-%u.tmp", place, atomic_fetch_add(&number, 1)) >= sizeof path)
		return E_LIMIT;
	int error = write_file(t, sheet, place, path);
	if (!error)
		error = file_read(path, out);
	unlink(path);
	return error;
}
