/* SPDX-License-Identifier: EUPL-1.2 */
/* CSV (RFC 4180, with the separators and comments that are met). */
#include "share/feed_internal.h"
#include "store/db.h"

#define COLUMNS_MAX 64u
#define CELL_MAX 4096u

enum column { COLUMN_NONE, COLUMN_VALUE, COLUMN_TYPED, COLUMN_TYPE, COLUMN_NOTE, COLUMN_REFERENCE, COLUMN_TLP,
	COLUMN_CONFIDENCE, COLUMN_FROM, COLUMN_UNTIL };

struct csv {
	struct feed *feed;
	char separator;
	bool header;
	uint32_t columns;
	uint8_t role[COLUMNS_MAX];                   /* enum column */
	const struct feed_type *type[COLUMNS_MAX];   /* of COLUMN_TYPED */
	struct str cell[COLUMNS_MAX];
	size_t cell_at[COLUMNS_MAX];
	uint32_t cells;
};

/* --- one record --- */

/* A cell at f->at; leaves f->at at the separator or line end behind it. Quotes are undone in the arena. */
static void
read_quoted(struct csv *c, struct str *ret)
{
	struct feed *f = c->feed;
	size_t begin = ++f->at, n = 0;
	const char *p = f->text.p;
	while (f->at < f->text.n && !(p[f->at] == '"' && (f->at + 1 == f->text.n || p[f->at + 1] != '"')))
		f->at += p[f->at] == '"' ? 2 : 1;
	size_t end = f->at < f->text.n ? f->at : f->text.n;
	char *out = arena_alloc(&f->arena, end - begin);
	for (size_t i = begin; out && i < end; i++) {
		out[n++] = p[i];
		i += p[i] == '"';
	}
	*ret = str_from(out, n);
	while (f->at < f->text.n && p[f->at] != c->separator && p[f->at] != '\n')
		f->at++;
}

static void
read_cell(struct csv *c, struct str *ret, size_t *ret_at)
{
	struct feed *f = c->feed;
	while (f->at < f->text.n && (f->text.p[f->at] == ' ' || f->text.p[f->at] == '\r'))
		f->at++;
	*ret_at = f->at;
	if (f->at < f->text.n && f->text.p[f->at] == '"') {
		read_quoted(c, ret);
		return;
	}
	size_t begin = f->at;
	while (f->at < f->text.n && f->text.p[f->at] != c->separator && f->text.p[f->at] != '\n')
		f->at++;
	*ret = str_trim(str_cut(f->text, begin, f->at));
}

/* All cells of a record; those beyond COLUMNS_MAX are passed over. False at the end of the text. */
static bool
read_record(struct csv *c)
{
	struct feed *f = c->feed;
	arena_clear(&f->arena);
	c->cells = 0;
	if (f->at >= f->text.n)
		return false;
	feed_mark(f);
	for (;;) {
		struct str cell;
		size_t at;
		read_cell(c, &cell, &at);
		if (c->cells < COLUMNS_MAX) {
			c->cell[c->cells] = str_cut(cell, 0, CELL_MAX);
			c->cell_at[c->cells++] = at;
		}
		if (f->at >= f->text.n || f->text.p[f->at++] == '\n')
			return true;
	}
}

/* --- columns --- */

static enum column
role_of(struct str name)
{
	static const struct {
		struct str name;
		enum column column;
	} row[] = {{STR_INIT("value"), COLUMN_VALUE}, {STR_INIT("indicator"), COLUMN_VALUE}, {STR_INIT("ioc"), COLUMN_VALUE},
		{STR_INIT("ioc_value"), COLUMN_VALUE}, {STR_INIT("indicator_value"), COLUMN_VALUE},
		{STR_INIT("gia tri"), COLUMN_VALUE}, {STR_INIT("chi dau"), COLUMN_VALUE}, {STR_INIT("gia_tri"), COLUMN_VALUE},
		{STR_INIT("type"), COLUMN_TYPE}, {STR_INIT("ioc_type"), COLUMN_TYPE}, {STR_INIT("indicator_type"), COLUMN_TYPE},
		{STR_INIT("kind"), COLUMN_TYPE}, {STR_INIT("loai"), COLUMN_TYPE}, {STR_INIT("kieu"), COLUMN_TYPE},
		{STR_INIT("note"), COLUMN_NOTE}, {STR_INIT("comment"), COLUMN_NOTE}, {STR_INIT("description"), COLUMN_NOTE},
		{STR_INIT("ghi chu"), COLUMN_NOTE}, {STR_INIT("mo ta"), COLUMN_NOTE}, {STR_INIT("malware"), COLUMN_NOTE},
		{STR_INIT("malware_printable"), COLUMN_NOTE}, {STR_INIT("threat"), COLUMN_NOTE}, {STR_INIT("ghi_chu"), COLUMN_NOTE},
		{STR_INIT("reference"), COLUMN_REFERENCE}, {STR_INIT("tham chieu"), COLUMN_REFERENCE},
		{STR_INIT("urlhaus_link"), COLUMN_REFERENCE}, {STR_INIT("link"), COLUMN_REFERENCE},
		{STR_INIT("tlp"), COLUMN_TLP}, {STR_INIT("confidence"), COLUMN_CONFIDENCE},
		{STR_INIT("confidence_level"), COLUMN_CONFIDENCE}, {STR_INIT("do tin cay"), COLUMN_CONFIDENCE},
		{STR_INIT("valid_from"), COLUMN_FROM}, {STR_INIT("hieu luc tu"), COLUMN_FROM}, {STR_INIT("tu ngay"), COLUMN_FROM},
		{STR_INIT("valid_until"), COLUMN_UNTIL}, {STR_INIT("expiration"), COLUMN_UNTIL},
		{STR_INIT("expires"), COLUMN_UNTIL}, {STR_INIT("het han"), COLUMN_UNTIL}, {STR_INIT("den ngay"), COLUMN_UNTIL},
		{STR_INIT("hieu luc den"), COLUMN_UNTIL}, {STR_INIT("ngay het han"), COLUMN_UNTIL}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].name, name))
			return row[i].column;
	return COLUMN_NONE;
}

/* Does the record name columns, at least one of them with values? Then it is the header. */
static bool
take_header(struct csv *c)
{
	bool value = false, typed = false;
	struct buf fold = BUF_INIT_MAX(4 * CELL_MAX);
	for (uint32_t i = 0; i < c->cells; i++) {
		struct str name = c->cell[i];
		while (name.n && (name.p[0] == '#' || name.p[0] == ' ' || name.p[0] == '"'))
			name = str_skip(name, 1);
		while (name.n && name.p[name.n - 1] == '"')
			name.n--;
		buf_clear(&fold);
		if (str_is_utf8(name))
			db_fold(str_trim(name), &fold);
		c->role[i] = (uint8_t)role_of(buf_str(&fold));
		c->type[i] = c->role[i] == COLUMN_NONE ? feed_type_find(buf_str(&fold)) : NULL;
		if (c->type[i])
			c->role[i] = COLUMN_TYPED;
		value |= c->role[i] == COLUMN_VALUE;
		typed |= c->role[i] == COLUMN_TYPED;
	}
	buf_release(&fold);
	for (uint32_t i = 0; i < c->cells && value; i++) /* "url" beside "value" is where more is to be read */
		if (c->role[i] == COLUMN_TYPED)
			c->role[i] = COLUMN_NONE;
	c->columns = c->cells;
	return value || typed;
}

/* --- rows --- */

static void
take_time(struct csv *c, uint32_t i, int64_t *ret)
{
	if (c->cell[i].n && !feed_time(c->cell[i], ret))
		feed_refuse(c->feed, c->cell_at[i], "feed_time", c->cell[i]);
}

/* Everything of the row but its values. */
static void
read_rest(struct csv *c, struct feed_item *item, const struct feed_type **ret_type, struct str *ret_type_name)
{
	int64_t number;
	enum tlp tlp;
	for (uint32_t i = 0; i < c->cells && i < c->columns; i++) {
		struct str cell = c->cell[i];
		switch (c->role[i]) {
		case COLUMN_TYPE:
			*ret_type_name = cell;
			*ret_type = feed_type_find(cell);
			break;
		case COLUMN_NOTE:
			if (!item->note.n)
				item->note = feed_clean(cell, FEED_NOTE_MAX);
			break;
		case COLUMN_REFERENCE:
			item->reference = feed_clean(cell, FEED_REFERENCE_MAX);
			break;
		case COLUMN_TLP:
			item->tlp = tlp_from_name(cell, &tlp) ? (int)tlp : TLP_UNSAID;
			break;
		case COLUMN_CONFIDENCE:
			item->confidence = str_to_i64(cell, &number) && number >= 0 && number <= 100 ? (int)number : -1;
			break;
		case COLUMN_FROM:
			take_time(c, i, &item->from_ms);
			break;
		case COLUMN_UNTIL:
			take_time(c, i, &item->until_ms);
			break;
		default:
			break;
		}
	}
}

/* Without a header: the first cell that is a value. */
static void
give_first(struct csv *c, const struct feed_item *item)
{
	char plain[IOC_VALUE_MAX];
	enum ioc_kind kind;
	for (uint32_t i = 0; i < c->cells; i++)
		if (ioc_guess(str_from(plain, ioc_refang(c->cell[i], plain)), &kind)) {
			feed_give(c->feed, NULL, c->cell[i], item, c->cell_at[i]);
			return;
		}
	feed_refuse(c->feed, c->cell_at[0], "feed_value", c->cell[0]);
}

static void
give_row(struct csv *c)
{
	struct feed_item item = {.tlp = TLP_UNSAID, .confidence = -1, .from_ms = TIME_NONE, .until_ms = TIME_NONE};
	const struct feed_type *type = NULL;
	struct str type_name = {0};
	bool any = false;
	if (!c->header) {
		give_first(c, &item);
		return;
	}
	read_rest(c, &item, &type, &type_name);
	for (uint32_t i = 0; i < c->cells && i < c->columns; i++) {
		bool value = c->role[i] == COLUMN_VALUE;
		if ((!value && c->role[i] != COLUMN_TYPED) || !c->cell[i].n)
			continue;
		any = true;
		if (value && type_name.n && !type)
			feed_refuse(c->feed, c->cell_at[i], "feed_type", type_name);
		else
			feed_give(c->feed, value ? type : c->type[i], c->cell[i], &item, c->cell_at[i]);
	}
	if (!any)
		feed_refuse(c->feed, c->cell_at[0], "feed_no_value", c->cell[0]);
}

/* What stands most often in the first lines that are no comments. */
static char
find_separator(struct str text)
{
	static const char candidates[] = {',', ';', '\t'};
	uint32_t count[COUNT(candidates)] = {0};
	struct str line;
	for (int i = 0; i < 20 && str_split(&text, '\n', &line); i++)
		for (size_t k = 0; k < line.n && k < CELL_MAX; k++)
			for (size_t s = 0; s < COUNT(candidates); s++)
				count[s] += line.p[k] == candidates[s];
	size_t best = 0;
	for (size_t s = 1; s < COUNT(candidates); s++)
		if (count[s] > count[best])
			best = s;
	return candidates[best];
}

/* A comment may be the header (abuse.ch writes it so): the last one that names columns counts. */
static void
skip_comments(struct csv *c)
{
	struct feed *f = c->feed;
	while (f->at < f->text.n) {
		struct str line, rest = str_skip(f->text, f->at);
		(void)str_split(&rest, '\n', &line);
		struct str text = str_trim(line);
		if (text.n && text.p[0] != '#')
			return;
		size_t next = f->at + line.n + 1;
		while (f->at < f->text.n && (f->text.p[f->at] == '#' || f->text.p[f->at] == ' '))
			f->at++;
		if (text.n && !c->header && str_find_char(text, c->separator) > 0 && read_record(c))
			c->header = take_header(c);
		f->at = next;
	}
}

int
feed_csv(struct feed *f)
{
	struct csv c = {.feed = f, .separator = find_separator(f->text)};
	bool first = true;
	skip_comments(&c);
	while (!f->stop && read_record(&c)) {
		bool empty = c.cells == 1 && !c.cell[0].n, comment = c.cell[0].n && c.cell[0].p[0] == '#';
		if (empty || comment)
			continue;
		if (first && !c.header && take_header(&c))
			c.header = true;
		else
			give_row(&c);
		first = false;
	}
	return f->stop;
}
