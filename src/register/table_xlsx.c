/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The first sheet of an XLSX file (ECMA-376, part 1, 12 and 18): libzip unpacks, libxml2 reads, and both are held short:
 * no more is unpacked than TABLE_BYTES_MAX, whatever the archive says of itself, no document type, no entity of one's own,
 * nothing outside the file. What a formula last gave counts as its value.
 */
#include <libxml/xmlreader.h>
#include <zip.h>

#include "base/memory.h"
#include "register/table_internal.h"

#define ENTRIES_MAX 2000
#define STRINGS_MAX 1000000u
#define PART 272 /* bytes of a name in the archive */

struct xlsx {
	struct table_build *b;
	zip_t *zip;
	size_t unpacked;
	struct str *string; /* shared ones */
	uint32_t strings, string_cap;
};

static int
refuse(struct xlsx *x, const char *what, const char *arg)
{
	return table_refuse(x->b, what, 0, STR(""), str_z(arg));
}

/* --- the archive --- */

/* E_NOT_FOUND: no such part. After an error nothing is left in `out`. */
static int
unpack(struct xlsx *x, const char *name, struct buf *out)
{
	zip_file_t *f = zip_fopen(x->zip, name, 0);
	zip_int64_t n = 1;
	if (!f)
		return E_NOT_FOUND;
	*out = BUF_INIT_MAX(TABLE_BYTES_MAX + 1);
	while (n > 0) {
		char *room = x->unpacked + out->n <= TABLE_BYTES_MAX ? buf_room(out, 64 << 10) : NULL;
		if (!room) {
			n = -2;
			break;
		}
		n = zip_fread(f, room, 64 << 10);
		if (n > 0)
			out->n += (size_t)n;
	}
	zip_fclose(f);
	x->unpacked += out->n;
	if (n < 0) {
		buf_release(out);
		return refuse(x, n == -2 ? "table_big" : "table_xlsx", name);
	}
	return 0;
}

/* In these files nobody has a use for them, and an attacker has. Other encodings than UTF-8 are not read, so that it cannot
 * be hidden either. */
static bool
is_plain_xml(struct str text)
{
	return str_find(text, STR("<!DOCTYPE")) < 0 && str_find(text, STR("<!ENTITY")) < 0 && str_is_utf8(text);
}

typedef int on_element(struct xlsx *x, xmlTextReader *r, void *user);

static void
say_nothing(void *user, const char *message, xmlParserSeverities severity, xmlTextReaderLocatorPtr locator)
{
}

/* Calls `each` for every node of a part. */
static int
walk(struct xlsx *x, const char *name, on_element *each, void *user)
{
	struct buf text = BUF_INIT;
	TRY(unpack(x, name, &text));
	xmlTextReader *r = is_plain_xml(buf_str(&text)) ? xmlReaderForMemory(text.p, (int)text.n, NULL, "UTF-8",
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT) : NULL;
	int more = r ? 1 : -1, error = 0;
	if (r)
		xmlTextReaderSetErrorHandler(r, say_nothing, NULL);
	while (!error && more > 0) {
		more = xmlTextReaderRead(r);
		if (more > 0)
			error = each(x, r, user);
	}
	if (r)
		xmlFreeTextReader(r);
	buf_release(&text);
	if (error)
		return error;
	return more < 0 ? refuse(x, "table_xlsx", name) : 0;
}

static bool
is_element(xmlTextReader *r, int type, const char *name)
{
	const xmlChar *local = xmlTextReaderNodeType(r) == type ? xmlTextReaderConstLocalName(r) : NULL;
	return local && strcmp((const char *)local, name) == 0;
}

static bool
opens(xmlTextReader *r, const char *name)
{
	return is_element(r, XML_READER_TYPE_ELEMENT, name);
}

static bool
closes(xmlTextReader *r, const char *name)
{
	return is_element(r, XML_READER_TYPE_END_ELEMENT, name) || (opens(r, name) && xmlTextReaderIsEmptyElement(r));
}

#define ATTRIBUTE 256

/* In `ret`; empty when there is none. */
static struct str
attribute(xmlTextReader *r, const char *name, char ret[ATTRIBUTE])
{
	xmlChar *value = xmlTextReaderGetAttribute(r, (const xmlChar *)name);
	snprintf(ret, ATTRIBUTE, "%s", value ? (const char *)value : "");
	if (value)
		xmlFree(value);
	return str_z(ret);
}

static void
add_text(xmlTextReader *r, struct buf *out)
{
	int type = xmlTextReaderNodeType(r);
	if (type != XML_READER_TYPE_TEXT && type != XML_READER_TYPE_CDATA && type != XML_READER_TYPE_SIGNIFICANT_WHITESPACE)
		return;
	const xmlChar *text = xmlTextReaderConstValue(r);
	buf_add(out, str_z((const char *)text));
}

/* --- which sheet is the first --- */

struct find_sheet {
	char id[ATTRIBUTE], target[ATTRIBUTE];
	bool found;
};

static int
on_workbook(struct xlsx *x, xmlTextReader *r, void *user)
{
	struct find_sheet *f = user;
	if (!f->found && opens(r, "sheet")) {
		attribute(r, "r:id", f->id);
		f->found = true;
	}
	return 0;
}

static int
on_relation(struct xlsx *x, xmlTextReader *r, void *user)
{
	struct find_sheet *f = user;
	char id[ATTRIBUTE];
	if (!f->target[0] && opens(r, "Relationship") && str_eq(attribute(r, "Id", id), str_z(f->id)))
		attribute(r, "Target", f->target);
	return 0;
}

/* Its name in the archive; the usual one when the workbook does not tell. */
static int
find_sheet(struct xlsx *x, char name[PART])
{
	struct find_sheet f = {0};
	int error = walk(x, "xl/workbook.xml", on_workbook, &f);
	if (!error && f.id[0])
		error = walk(x, "xl/_rels/workbook.xml.rels", on_relation, &f);
	if (error && error != E_NOT_FOUND)
		return error;
	if (!f.target[0])
		snprintf(name, PART, "xl/worksheets/sheet1.xml");
	else if (f.target[0] == '/')
		snprintf(name, PART, "%s", f.target + 1);
	else
		snprintf(name, PART, "xl/%s", f.target);
	return 0;
}

/* --- shared strings --- */

struct read_strings {
	struct buf text;
	bool inside, phonetic;
};

static int
on_string(struct xlsx *x, xmlTextReader *r, void *user)
{
	struct read_strings *s = user;
	if (opens(r, "rPh"))
		s->phonetic = !xmlTextReaderIsEmptyElement(r);
	if (opens(r, "t"))
		s->inside = !xmlTextReaderIsEmptyElement(r) && !s->phonetic;
	if (s->inside)
		add_text(r, &s->text);
	if (closes(r, "t"))
		s->inside = false;
	if (is_element(r, XML_READER_TYPE_END_ELEMENT, "rPh"))
		s->phonetic = false;
	if (!closes(r, "si"))
		return 0;
	if (x->strings == STRINGS_MAX)
		return refuse(x, "table_big", "");
	MEM_GROW(x->string, x->strings, x->string_cap);
	if (!arena_copy(x->b->arena, buf_str(&s->text), &x->string[x->strings]))
		return refuse(x, "table_big", "");
	x->strings++;
	buf_clear(&s->text);
	return 0;
}

/* --- cells --- */

struct read_sheet {
	struct table_row row;
	struct buf text;
	char type[ATTRIBUTE];
	uint32_t column;
	bool inside;
};

/* "AB12" -> 27. Beyond what a table holds: TABLE_COLUMNS_MAX. */
static uint32_t
column_of(struct str reference, uint32_t otherwise)
{
	uint32_t n = 0;
	size_t i = 0;
	for (; i < reference.n && i < 4 && reference.p[i] >= 'A' && reference.p[i] <= 'Z'; i++)
		n = n * 26 + (uint32_t)(reference.p[i] - 'A' + 1);
	return !i ? otherwise : n > TABLE_COLUMNS_MAX ? TABLE_COLUMNS_MAX : n - 1;
}

static int
end_cell(struct xlsx *x, struct read_sheet *s)
{
	struct str value = buf_str(&s->text);
	uint64_t at;
	if (!value.n)
		return 0;
	if (str_eq(str_z(s->type), STR("s")))
		value = str_to_u64(value, &at) && at < x->strings ? x->string[at] : (struct str){0};
	else if (str_eq(str_z(s->type), STR("e")))
		return table_refuse(x->b, "table_xlsx", s->row.number, STR(""), value);
	else if (!arena_copy(x->b->arena, value, &value))
		return refuse(x, "table_big", "");
	if (!value.n)
		return 0;
	if (s->column >= TABLE_COLUMNS_MAX)
		return table_refuse(x->b, "table_columns", s->row.number, STR(""), STR(""));
	for (; s->row.cells <= s->column; s->row.cells++)
		s->row.cell[s->row.cells] = (struct str){0};
	s->row.cell[s->column] = value;
	return 0;
}

static int
on_sheet(struct xlsx *x, xmlTextReader *r, void *user)
{
	struct read_sheet *s = user;
	char told[ATTRIBUTE];
	if (opens(r, "row")) {
		uint64_t number;
		s->row.number = str_to_u64(attribute(r, "r", told), &number) && number < UINT32_MAX ? (uint32_t)number : s->row.number + 1;
		s->row.cells = 0;
		s->column = UINT32_MAX;
	}
	if (opens(r, "c")) {
		s->column = column_of(attribute(r, "r", told), s->column + 1);
		attribute(r, "t", s->type);
		buf_clear(&s->text);
	}
	if (opens(r, "v") || opens(r, "t"))
		s->inside = !xmlTextReaderIsEmptyElement(r);
	if (s->inside)
		add_text(r, &s->text);
	if (closes(r, "v") || closes(r, "t"))
		s->inside = false;
	if (closes(r, "c"))
		TRY(end_cell(x, s));
	return closes(r, "row") ? table_add_row(x->b, &s->row) : 0;
}

static int
read_parts(struct xlsx *x)
{
	char name[PART];
	struct read_strings strings = {.text = BUF_INIT_MAX(1 << 20)};
	struct read_sheet sheet = {.text = BUF_INIT_MAX(1 << 20)};
	if (zip_get_num_entries(x->zip, 0) > ENTRIES_MAX)
		return refuse(x, "table_big", "");
	int error = find_sheet(x, name);
	if (!error)
		error = walk(x, "xl/sharedStrings.xml", on_string, &strings);
	if (!error || error == E_NOT_FOUND)
		error = walk(x, name, on_sheet, &sheet);
	if (error == E_NOT_FOUND)
		error = refuse(x, "table_xlsx", name);
	buf_release(&strings.text);
	buf_release(&sheet.text);
	return error;
}

int
table_read_xlsx(struct str bytes, struct table_build *b)
{
	struct xlsx x = {.b = b};
	zip_error_t trouble;
	zip_error_init(&trouble);
	zip_source_t *source = zip_source_buffer_create(bytes.p, bytes.n, 0, &trouble);
	x.zip = source ? zip_open_from_source(source, ZIP_RDONLY, &trouble) : NULL;
	if (source && !x.zip)
		zip_source_free(source);
	zip_error_fini(&trouble);
	int error = x.zip ? read_parts(&x) : refuse(&x, "table_xlsx", "");
	if (x.zip)
		zip_discard(x.zip);
	mem_free(x.string);
	return error;
}
