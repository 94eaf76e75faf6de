/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/table_internal.h"

#include <stdio.h>

#include "base/lang.h"
#include "base/wire.h"
#include "register/law.h"

#define NAME_MAX_BYTES 100u

/* --- faults --- */

void
table_report_fault(struct table_report *r, struct arena *arena, uint32_t row, struct str column, const char *what,
    struct str arg)
{
	struct table_fault f = {.what = what, .row = row};
	if (r->faults < TABLE_FAULTS_KEPT && arena_copy(arena, column, &f.column) &&
	    arena_copy(arena, str_cut(arg, 0, 160), &f.arg))
		r->fault[r->faults] = f;
	r->faults++;
}

int
table_refuse(struct table_build *b, const char *what, uint32_t row, struct str column, struct str arg)
{
	struct table_fault f = {.what = what, .row = row};
	if (arena_copy(b->arena, column, &f.column) && arena_copy(b->arena, str_cut(arg, 0, 160), &f.arg))
		*b->fault = f;
	else
		*b->fault = (struct table_fault){.what = "table_big"};
	return E_INVALID;
}

struct str
table_letters(uint32_t column, char ret[4])
{
	size_t n = 0;
	if (column >= 26)
		ret[n++] = (char)('A' + column / 26 - 1);
	ret[n++] = (char)('A' + column % 26);
	ret[n] = '\0';
	return str_from(ret, n);
}

/* --- building --- */

/* Formulas that writing has disarmed. */
static bool
looks_like_formula(struct str s)
{
	return s.n && (s.p[0] == '=' || s.p[0] == '+' || s.p[0] == '-' || s.p[0] == '@' || s.p[0] == '\t' || s.p[0] == '\r' ||
			  s.p[0] == '\n' || s.p[0] == '\'');
}

static bool
text_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\n' && s.p[i] != '\r' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return str_is_utf8(s);
}

static int
take_cell(struct table_build *b, uint32_t row, uint32_t column, struct str *cell)
{
	char letters[4];
	struct str s = str_trim(*cell);
	if (s.n > TABLE_CELL_MAX)
		return table_refuse(b, "table_cell", row, table_letters(column, letters), STR(""));
	if (!text_ok(s))
		return table_refuse(b, "table_utf8", row, table_letters(column, letters), STR(""));
	if (s.n > 1 && s.p[0] == '\'' && looks_like_formula(str_skip(s, 1)))
		s = str_skip(s, 1);
	*cell = s;
	return 0;
}

static int
take_names(struct table_build *b, const struct table_row *r)
{
	char letters[4];
	b->column = arena_calloc(b->arena, TABLE_COLUMNS_MAX, sizeof *b->column);
	if (!b->column)
		return table_refuse(b, "table_big", 0, STR(""), STR(""));
	for (uint32_t i = 0; i < r->cells; i++) {
		char *name = arena_alloc(b->arena, r->cell[i].n);
		if (!name || r->cell[i].n > NAME_MAX_BYTES)
			return table_refuse(b, "table_name", r->number, table_letters(i, letters), r->cell[i]);
		for (size_t c = 0; c < r->cell[i].n; c++)
			name[c] = ascii_lower(r->cell[i].p[c]);
		b->column[i] = str_from(name, r->cell[i].n);
		for (uint32_t other = 0; other < i; other++)
			if (b->column[i].n && str_eq(b->column[other], b->column[i]))
				return table_refuse(b, "table_twice", r->number, b->column[i], b->column[i]);
	}
	for (b->columns = r->cells; b->columns && !b->column[b->columns - 1].n; b->columns--)
		;
	return 0;
}

/* Doubles as the arena allows: the pieces before are lost in it, which is at most as much again. */
static bool
more_room(struct table_build *b)
{
	uint32_t cap = b->cap ? 2 * b->cap : 256;
	struct str **row = arena_calloc(b->arena, cap, sizeof *row);
	uint32_t *number = arena_calloc(b->arena, cap, sizeof *number);
	if (!row || !number)
		return false;
	if (b->rows) {
		memcpy(row, b->row, b->rows * sizeof *row);
		memcpy(number, b->number, b->rows * sizeof *number);
	}
	b->row = row;
	b->number = number;
	b->cap = cap;
	return true;
}

int
table_add_row(struct table_build *b, const struct table_row *r)
{
	struct table_row row = *r;
	bool any = false;
	for (uint32_t i = 0; i < row.cells; i++) {
		TRY(take_cell(b, row.number, i, &row.cell[i]));
		any |= row.cell[i].n > 0;
	}
	if (!any)
		return 0;
	if (!b->column)
		return take_names(b, &row);
	for (uint32_t i = 0; i < row.cells; i++) {
		char letters[4];
		if (row.cell[i].n && (i >= b->columns || !b->column[i].n))
			return table_refuse(b, "table_unnamed", row.number, table_letters(i, letters), row.cell[i]);
	}
	if (b->rows == TABLE_ROWS_MAX || (b->rows + 1) * b->columns > TABLE_CELLS_MAX || (b->rows == b->cap && !more_room(b)))
		return table_refuse(b, "table_big", 0, STR(""), STR(""));
	struct str *kept = arena_calloc(b->arena, b->columns + 1, sizeof *kept);
	if (!kept)
		return table_refuse(b, "table_big", 0, STR(""), STR(""));
	memcpy(kept, row.cell, (row.cells < b->columns ? row.cells : b->columns) * sizeof *kept);
	b->number[b->rows] = row.number;
	b->row[b->rows++] = kept;
	return 0;
}

static int
finish(struct table_build *b, struct table *ret)
{
	if (!b->column)
		return table_refuse(b, "table_empty", 0, STR(""), STR(""));
	struct str *cell = arena_calloc(b->arena, (size_t)b->rows * b->columns + 1, sizeof *cell);
	if (!cell)
		return table_refuse(b, "table_big", 0, STR(""), STR(""));
	for (uint32_t i = 0; i < b->rows; i++)
		memcpy(cell + (size_t)i * b->columns, b->row[i], b->columns * sizeof *cell);
	*ret = (struct table){b->column, cell, b->number, b->columns, b->rows};
	return 0;
}

/* --- CSV --- */

struct csv {
	struct str rest;
	char separator;
	uint32_t number;
};

/* Whichever of the three stands most often in the first line. */
static char
find_separator(struct str text)
{
	static const char candidates[] = ",;\t";
	uint32_t count[3] = {0}, best = 0;
	bool quoted = false;
	for (size_t i = 0; i < text.n && (quoted || text.p[i] != '\n'); i++) {
		quoted ^= text.p[i] == '"';
		for (uint32_t k = 0; k < 3 && !quoted; k++)
			count[k] += text.p[i] == candidates[k];
	}
	for (uint32_t k = 1; k < 3; k++)
		if (count[k] > count[best])
			best = k;
	return candidates[best];
}

/* Behind the opening quote. False: it is never closed, or the arena is full. */
static bool
quoted_cell(struct csv *c, struct arena *arena, struct str *ret)
{
	struct str s = c->rest;
	size_t i = 0, n = 0, doubled = 0;
	for (; i < s.n; i++) {
		if (s.p[i] != '"')
			continue;
		if (i + 1 == s.n || s.p[i + 1] != '"')
			break;
		doubled++;
		i++;
	}
	if (i == s.n)
		return false;
	*ret = str_cut(s, 0, i);
	c->rest = str_skip(s, i + 1);
	if (!doubled)
		return true;
	char *out = arena_alloc(arena, i);
	for (size_t k = 0; out && k < i; k++) {
		k += s.p[k] == '"';
		out[n++] = s.p[k];
	}
	*ret = str_from(out, n);
	return out != NULL;
}

static size_t
cell_end(const struct csv *c)
{
	size_t i = 0;
	while (i < c->rest.n && c->rest.p[i] != c->separator && c->rest.p[i] != '\n')
		i++;
	return i;
}

/* One row. What stands between a closing quote and the next separator is passed over when it is blank. */
static int
csv_row(struct csv *c, struct table_build *b, struct table_row *r)
{
	bool more = true;
	r->cells = 0;
	r->number = ++c->number;
	while (more) {
		struct str cell = {0};
		bool quoted = c->rest.n && c->rest.p[0] == '"';
		if (quoted) {
			c->rest = str_skip(c->rest, 1);
			if (!quoted_cell(c, b->arena, &cell))
				return table_refuse(b, "table_quote", r->number, STR(""), STR(""));
		}
		size_t end = cell_end(c);
		struct str tail = str_cut(c->rest, 0, end);
		if (quoted && str_trim(tail).n)
			return table_refuse(b, "table_quote", r->number, STR(""), str_trim(tail));
		if (!quoted)
			cell = tail;
		more = end < c->rest.n && c->rest.p[end] == c->separator;
		c->rest = str_skip(c->rest, end + (end < c->rest.n));
		if (r->cells == TABLE_COLUMNS_MAX && str_trim(cell).n)
			return table_refuse(b, "table_columns", r->number, STR(""), STR(""));
		if (r->cells < TABLE_COLUMNS_MAX)
			r->cell[r->cells++] = cell;
	}
	return 0;
}

static int
read_csv(struct str text, struct table_build *b)
{
	struct csv c = {.rest = text};
	struct table_row row;
	if (str_starts(c.rest, STR("\xef\xbb\xbf")))
		c.rest = str_skip(c.rest, 3);
	if (str_starts_nocase(c.rest, STR("sep=")) && c.rest.n > 5) { /* how Excel is told; it counts as a row */
		struct str line;
		str_split(&c.rest, '\n', &line);
		c.separator = line.p[4];
		c.number = 1;
	} else {
		c.separator = find_separator(c.rest);
	}
	while (c.rest.n) {
		TRY(csv_row(&c, b, &row));
		TRY(table_add_row(b, &row));
	}
	return 0;
}

int
table_read(struct str bytes, struct arena *arena, struct table *ret, struct table_fault *f)
{
	struct table_build b = {.arena = arena, .fault = f};
	int error;
	if (str_starts(bytes, STR("\x1f\x8b")))
		TRY(table_gunzip(&b, &bytes));
	if (str_starts(bytes, STR("PK\x03\x04")))
		error = table_read_xlsx(bytes, &b);
	else if (str_starts(bytes, STR("\xff\xfe")) || str_starts(bytes, STR("\xfe\xff")) ||
	    str_starts(bytes, STR("\xd0\xcf\x11\xe0")))
		error = table_refuse(&b, "table_format", 0, STR(""), STR(""));
	else
		error = read_csv(bytes, &b);
	return error ? error : finish(&b, ret);
}

/* --- asking --- */

int
table_column(const struct table *t, struct str name)
{
	for (uint32_t i = 0; i < t->columns; i++)
		if (str_eq(t->column[i], name))
			return (int)i;
	return -1;
}

struct str
table_cell(const struct table *t, uint32_t row, int column)
{
	return column < 0 ? (struct str){0} : t->cell[(size_t)row * t->columns + (uint32_t)column];
}

/* Days since 1899-12-30, as spreadsheets count them. */
#define SERIAL_1970 25569u

struct str
table_day(struct str cell, struct arena *arena)
{
	char text[32];
	uint64_t serial, day, month, year;
	struct str rest = cell, part[3], kept = cell;
	struct buf out = BUF_INIT_MAX(64);
	if (cell.n == 5 && str_to_u64(cell, &serial) && serial > 10000) {
		law_day_write((law_day)((int64_t)serial - SERIAL_1970), &out);
	} else if (str_split(&rest, '/', &part[0]) && str_split(&rest, '/', &part[1]) && str_split(&rest, '/', &part[2]) &&
	    str_to_u64(part[0], &day) && str_to_u64(part[1], &month) && str_to_u64(part[2], &year) && year >= 1000 &&
	    year <= 9999 && day <= 31 && month <= 12 && !rest.n) {
		snprintf(text, sizeof text, "%04u-%02u-%02u", (unsigned)year, (unsigned)month, (unsigned)day);
		buf_add(&out, str_z(text));
	}
	if (out.n && !arena_copy(arena, buf_str(&out), &kept))
		kept = cell;
	buf_release(&out);
	return kept;
}

/* --- between processes --- */

void
table_put(struct buf *out, const struct table *t, const struct table_fault *f)
{
	wire_put_u8(out, t != NULL);
	if (!t) {
		wire_put_str(out, str_z(f->what));
		wire_put_u32(out, f->row);
		wire_put_str(out, f->column);
		wire_put_str(out, f->arg);
		return;
	}
	wire_put_u32(out, t->columns);
	wire_put_u32(out, t->rows);
	for (uint32_t i = 0; i < t->columns; i++)
		wire_put_str(out, t->column[i]);
	for (uint32_t row = 0; row < t->rows; row++) {
		wire_put_u32(out, t->number[row]);
		for (uint32_t i = 0; i < t->columns; i++)
			wire_put_str(out, t->cell[(size_t)row * t->columns + i]);
	}
}

/* The reader may be broken into: only sentences that exist are said. */
static const char *
known_fault(struct str what)
{
	static const char *const known[] = {"table_big", "table_cell", "table_columns", "table_empty", "table_format",
		"table_name", "table_quote", "table_twice", "table_unnamed", "table_utf8", "table_xlsx"};
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq(str_z(known[i]), what))
			return known[i];
	return "table_format";
}

static int
take_fault(struct wire *w, struct table_fault *f)
{
	struct str what = wire_str(w);
	uint32_t row = wire_u32(w);
	struct str column = wire_str(w), arg = wire_str(w);
	if (w->bad || w->rest.n || !str_is_utf8(column) || !str_is_utf8(arg))
		return E_CORRUPT;
	*f = (struct table_fault){known_fault(what), str_cut(column, 0, NAME_MAX_BYTES), str_cut(arg, 0, 160), row};
	return E_INVALID;
}

static struct str
take_text(struct wire *w)
{
	struct str s = wire_str(w);
	w->bad |= s.n > TABLE_CELL_MAX || !text_ok(s);
	return s;
}

int
table_take(struct str message, struct arena *arena, struct table *ret, struct table_fault *f)
{
	struct wire w = {message, false};
	if (!wire_u8(&w))
		return take_fault(&w, f);
	uint32_t columns = wire_u32(&w), rows = wire_u32(&w);
	if (w.bad || columns > TABLE_COLUMNS_MAX || rows > TABLE_ROWS_MAX || rows * columns > TABLE_CELLS_MAX || (size_t)rows * (columns + 1) * 4 > w.rest.n)
		return E_CORRUPT;
	struct str *column = arena_calloc(arena, columns + 1, sizeof *column);
	struct str *cell = arena_calloc(arena, (size_t)rows * columns + 1, sizeof *cell);
	uint32_t *number = arena_calloc(arena, rows + 1, sizeof *number);
	if (!column || !cell || !number)
		return E_LIMIT;
	for (uint32_t i = 0; i < columns; i++)
		column[i] = take_text(&w);
	for (uint32_t row = 0; row < rows && !w.bad; row++) {
		number[row] = wire_u32(&w);
		for (uint32_t i = 0; i < columns; i++)
			cell[(size_t)row * columns + i] = take_text(&w);
	}
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = (struct table){column, cell, number, columns, rows};
	return 0;
}

/* --- writing CSV --- */

static void
put_cell(struct buf *out, struct str s)
{
	bool quotes = looks_like_formula(s);
	for (size_t i = 0; i < s.n && !quotes; i++)
		quotes = s.p[i] == '"' || s.p[i] == ',' || s.p[i] == ';' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t';
	if (!quotes) {
		buf_add(out, s);
		return;
	}
	buf_add_char(out, '"');
	if (looks_like_formula(s))
		buf_add_char(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, s.p[i]);
	}
	buf_add_char(out, '"');
}

static void
put_row(struct buf *out, const struct str *cell, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_add_char(out, ',');
		put_cell(out, cell[i]);
	}
	buf_add(out, STR("\r\n"));
}

void
table_write_csv(const struct table *t, struct buf *out)
{
	buf_add(out, STR("\xef\xbb\xbf"));
	put_row(out, t->column, t->columns);
	for (uint32_t row = 0; row < t->rows; row++)
		put_row(out, t->cell + (size_t)row * t->columns, t->columns);
}
