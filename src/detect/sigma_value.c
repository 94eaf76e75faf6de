/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * "Field|modifier|modifier": values  ->  tests (Sigma specification 2.1.0, "Rules", detection item values, and
 * "Modifiers"). Texts become units, transformations (windash, base64 ...) map one text to several, and what is left is
 * named by its shape: a pattern with stars only at its ends is a prefix, a suffix or a part.
 */
#include <assert.h>

#include "base/memory.h"
#include "detect/sigma_internal.h"

#define MAX_MODIFIERS 8u

enum modifier {
	M_CONTAINS, M_STARTSWITH, M_ENDSWITH, M_ALL, M_CASED, M_EXISTS, M_NEQ, M_LT, M_LTE, M_GT, M_GTE, M_RE, M_RE_I,
	M_RE_M, M_RE_S, M_CIDR, M_WINDASH, M_BASE64, M_BASE64OFFSET, M_UTF16LE, M_UTF16BE, M_UTF16, M_EXPAND,
	M_FIELDREF, M_MINUTE, M_HOUR, M_DAY, M_WEEK, M_MONTH, M_YEAR,
};

static const struct {
	const char *name;
	enum modifier modifier;
} modifiers[] = {
	{"contains", M_CONTAINS}, {"startswith", M_STARTSWITH}, {"endswith", M_ENDSWITH}, {"all", M_ALL},
	{"cased", M_CASED}, {"exists", M_EXISTS}, {"neq", M_NEQ}, {"lt", M_LT}, {"lte", M_LTE}, {"gt", M_GT},
	{"gte", M_GTE}, {"re", M_RE}, {"i", M_RE_I}, {"ignorecase", M_RE_I}, {"m", M_RE_M}, {"multiline", M_RE_M},
	{"s", M_RE_S}, {"dotall", M_RE_S}, {"cidr", M_CIDR}, {"windash", M_WINDASH}, {"base64", M_BASE64},
	{"base64offset", M_BASE64OFFSET}, {"utf16le", M_UTF16LE}, {"wide", M_UTF16LE}, {"utf16be", M_UTF16BE},
	{"utf16", M_UTF16}, {"expand", M_EXPAND}, {"fieldref", M_FIELDREF}, {"minute", M_MINUTE}, {"hour", M_HOUR},
	{"day", M_DAY}, {"week", M_WEEK}, {"month", M_MONTH}, {"year", M_YEAR},
};

#define BIT(modifier) (1u << (modifier))
#define LIKE (BIT(M_CONTAINS) | BIT(M_STARTSWITH) | BIT(M_ENDSWITH))
#define ORDER (BIT(M_LT) | BIT(M_LTE) | BIT(M_GT) | BIT(M_GTE))
#define REGEX_FLAGS (BIT(M_RE_I) | BIT(M_RE_M) | BIT(M_RE_S))
#define TRANSFORM (BIT(M_WINDASH) | BIT(M_BASE64) | BIT(M_BASE64OFFSET) | BIT(M_UTF16LE) | BIT(M_UTF16BE) | BIT(M_UTF16) | BIT(M_EXPAND))
#define TIME_PARTS (BIT(M_MINUTE) | BIT(M_HOUR) | BIT(M_DAY) | BIT(M_WEEK) | BIT(M_MONTH) | BIT(M_YEAR))

/* One item while it is read. */
struct item {
	struct parse *p;
	const struct yaml *node;  /* the item; the key's place */
	const struct yaml *value; /* the value at hand */
	struct str field;         /* empty: keyword */
	uint32_t set;             /* modifiers as bits */
	enum modifier order[MAX_MODIFIERS];
	uint32_t count;
	struct expr **expr;
	uint32_t exprs, expr_cap;
};

static int
key_fault(struct item *it, const char *what, struct str arg)
{
	const struct yaml *n = it->node;
	return fault_set(&it->p->fault, E_INVALID, what, arg, n->key_line ? n->key_line : n->line,
	    n->key_line ? n->key_column : n->column);
}

static int
value_fault(struct item *it, const char *what, struct str arg)
{
	return yaml_fault(it->value, &it->p->fault, E_INVALID, what, arg);
}

static int
limit_fault(struct item *it)
{
	return yaml_fault(it->value, &it->p->fault, E_LIMIT, "rule_too_big", STR(""));
}

/* ---- modifiers ---- */

static int
add_modifier(struct item *it, struct str name)
{
	for (size_t i = 0; i < COUNT(modifiers); i++) {
		if (!str_eq(name, str_z(modifiers[i].name)))
			continue;
		if (it->count == MAX_MODIFIERS)
			return key_fault(it, "rule_modifier_clash", name);
		it->order[it->count++] = modifiers[i].modifier;
		it->set |= BIT(modifiers[i].modifier);
		return 0;
	}
	return key_fault(it, "rule_modifier", name);
}

static unsigned
bits_of(uint32_t set)
{
	return (unsigned)__builtin_popcount(set);
}

/* What cannot stand together. The main kinds exclude each other; each main kind says what may go with it. */
static bool
modifiers_clash(uint32_t set)
{
	uint32_t rest = set & ~(BIT(M_ALL) | BIT(M_NEQ));
	if (set & BIT(M_RE))
		return (rest & ~(BIT(M_RE) | REGEX_FLAGS | LIKE | BIT(M_EXPAND))) || bits_of(set & LIKE) > 1;
	if (set & REGEX_FLAGS)
		return true;
	if (set & BIT(M_CIDR))
		return rest & ~(BIT(M_CIDR) | BIT(M_EXPAND));
	if (set & BIT(M_EXISTS))
		return set != BIT(M_EXISTS);
	if (set & BIT(M_FIELDREF))
		return (rest & ~(BIT(M_FIELDREF) | LIKE | BIT(M_CASED))) || bits_of(set & LIKE) > 1;
	if (set & TIME_PARTS)
		return (rest & ~(TIME_PARTS | ORDER)) || bits_of(set & TIME_PARTS) > 1 || bits_of(set & ORDER) > 1;
	if (set & ORDER)
		return (rest & ~ORDER) || bits_of(rest) > 1;
	return bits_of(set & LIKE) > 1;
}

static int
read_key(struct item *it, struct str key)
{
	struct str rest = key, part;
	if (!str_split(&rest, '|', &it->field))
		return 0;
	while (rest.n && str_split(&rest, '|', &part))
		TRY(add_modifier(it, part));
	if (modifiers_clash(it->set))
		return key_fault(it, "rule_modifier_clash", key);
	if (!it->field.n && (it->set & ~(BIT(M_ALL) | BIT(M_CASED) | BIT(M_RE) | REGEX_FLAGS | LIKE | TRANSFORM)))
		return key_fault(it, "rule_keyword_modifier", key);
	return 0;
}

/* ---- texts as units ---- */

static uint16_t *
new_units(struct item *it, size_t n)
{
	return arena_alloc(&it->p->scratch, (n ? n : 1) * sizeof(uint16_t));
}

/* * and ? are wildcards, a backslash takes that from them and from itself; before anything else it is a backslash. */
static bool
read_units(struct item *it, struct str s, struct units *ret)
{
	uint16_t *u = new_units(it, s.n);
	uint32_t n = 0;
	if (!u)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		char next = i + 1 < s.n ? s.p[i + 1] : '\0';
		if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
			u[n++] = (unsigned char)s.p[++i];
		else if (c == '*')
			u[n++] = UNIT_STAR;
		else if (c == '?')
			u[n++] = UNIT_ONE;
		else
			u[n++] = (unsigned char)c;
	}
	*ret = (struct units){u, n};
	return true;
}

static bool
has_wildcard(struct units u)
{
	for (uint32_t i = 0; i < u.n; i++)
		if (u.p[i] > 255)
			return true;
	return false;
}

static struct str
units_text(struct item *it, struct units u)
{
	char *text = arena_alloc(&it->p->scratch, (size_t)u.n + 1);
	for (uint32_t i = 0; text && i < u.n; i++)
		text[i] = (char)u.p[i];
	return str_from(text, text ? u.n : 0);
}

static bool
text_units(struct item *it, struct str s, struct units *ret)
{
	uint16_t *u = new_units(it, s.n);
	for (size_t i = 0; u && i < s.n; i++)
		u[i] = (unsigned char)s.p[i];
	*ret = (struct units){u, (uint32_t)s.n};
	return u;
}

/* The values of an item while transformations work on them. */
struct texts {
	struct units *p;
	uint32_t n, cap;
};

static int
add_text(struct item *it, struct texts *list, struct units u)
{
	if (list->n >= RULE_MAX_VALUES || !u.p)
		return limit_fault(it);
	MEM_GROW(list->p, list->n, list->cap);
	list->p[list->n++] = u;
	return 0;
}

/* ---- transformations ---- */

static const struct str dashes[] = {
	STR_INIT("-"), STR_INIT("/"), STR_INIT("\xe2\x80\x93"), STR_INIT("\xe2\x80\x94"), STR_INIT("\xe2\x80\x95")};

static bool
is_word(uint16_t u)
{
	return u == '_' || (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u > 127 && u < 256);
}

static bool
units_stand_at(struct units u, uint32_t i, struct str s)
{
	for (size_t k = 0; k < s.n; k++)
		if (i + k >= u.n || u.p[i + k] != (unsigned char)s.p[k])
			return false;
	return true;
}

/* Dashes and quotation marks (U+2000 to U+203F) are no letters. */
static bool
is_letter_at(struct units u, uint32_t i)
{
	return i < u.n && is_word(u.p[i]) && !units_stand_at(u, i, STR("\xe2\x80"));
}

static bool
is_letter_before(struct units u, uint32_t i)
{
	return i && is_word(u.p[i - 1]) && !(i >= 3 && units_stand_at(u, i - 3, STR("\xe2\x80")));
}

/* Length of a dash that opens an option at i, 0 when there is none: nothing of a word before it, a word after it.
 * pySigma looks for - and / alone, the specification takes the five for interchangeable. */
static uint32_t
option_dash(struct units u, uint32_t i)
{
	for (size_t d = 0; d < COUNT(dashes); d++) {
		uint32_t n = (uint32_t)dashes[d].n;
		if (units_stand_at(u, i, dashes[d]) && !is_letter_before(u, i) && is_letter_at(u, i + n))
			return n;
	}
	return 0;
}

static int
windash_from(struct item *it, struct texts *out, struct units u, uint32_t from)
{
	while (from < u.n && !option_dash(u, from))
		from++;
	if (from == u.n)
		return add_text(it, out, u);
	uint32_t old = option_dash(u, from);
	for (size_t d = 0; d < COUNT(dashes); d++) {
		uint32_t n = u.n - old + (uint32_t)dashes[d].n;
		uint16_t *copy = new_units(it, n);
		if (!copy)
			return limit_fault(it);
		memcpy(copy, u.p, from * sizeof *copy);
		for (size_t k = 0; k < dashes[d].n; k++)
			copy[from + k] = (unsigned char)dashes[d].p[k];
		memcpy(copy + from + dashes[d].n, u.p + from + old, (u.n - from - old) * sizeof *copy);
		TRY(windash_from(it, out, (struct units){copy, n}, from + (uint32_t)dashes[d].n));
	}
	return 0;
}

static int
windash(struct item *it, struct texts *out, struct units u)
{
	uint32_t options = 0;
	for (uint32_t i = 0; i < u.n; i++)
		options += option_dash(u, i) > 0;
	if (options > 5) /* 5^6 texts for one value */
		return value_fault(it, "rule_windash", it->value->text);
	return windash_from(it, out, u, 0);
}

static struct str
base64(struct item *it, struct str s)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_alloc(&it->p->scratch, (s.n + 2) / 3 * 4 + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < s.n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;
		v |= i + 1 < s.n ? (uint32_t)(unsigned char)s.p[i + 1] << 8 : 0;
		v |= i + 2 < s.n ? (uint32_t)(unsigned char)s.p[i + 2] : 0;
		out[n++] = digit[v >> 18];
		out[n++] = digit[v >> 12 & 63];
		out[n++] = i + 1 < s.n ? digit[v >> 6 & 63] : '=';
		out[n++] = i + 2 < s.n ? digit[v & 63] : '=';
	}
	return str_from(out, n);
}

static int
add_base64(struct item *it, struct texts *out, struct str s)
{
	struct units u;
	return text_units(it, base64(it, s), &u) ? add_text(it, out, u) : limit_fault(it);
}

/* The text may begin at any of three places of a group; what its neighbours would change is cut off. */
static int
add_base64_offsets(struct item *it, struct texts *out, struct str s)
{
	static const uint8_t cut_front[] = {0, 2, 3}, cut_back[] = {0, 3, 2};
	for (size_t offset = 0; offset < 3; offset++) {
		struct units u;
		char *padded = arena_alloc(&it->p->scratch, s.n + offset + 1);
		if (!padded)
			return limit_fault(it);
		memset(padded, ' ', offset);
		memcpy(padded + offset, s.p, s.n);
		struct str code = base64(it, str_from(padded, s.n + offset));
		code = str_cut(code, cut_front[offset], code.n - cut_back[(s.n + offset) % 3]);
		if (!text_units(it, code, &u))
			return limit_fault(it);
		TRY(add_text(it, out, u));
	}
	return 0;
}

static size_t
letter_of(struct str s, size_t at, uint32_t *ret)
{
	unsigned char c = (unsigned char)s.p[at];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((unsigned char)s.p[at + i] & 0x3f);
	*ret = v;
	return n;
}

static void
put_utf16(struct buf *b, uint32_t unit, bool big)
{
	buf_add_char(b, (char)(big ? unit >> 8 : unit));
	buf_add_char(b, (char)(big ? unit : unit >> 8));
}

static struct units
joined_units(struct item *it, struct units a, struct units b)
{
	uint16_t *out = new_units(it, (size_t)a.n + b.n);
	if (out && a.n)
		memcpy(out, a.p, a.n * sizeof *out);
	if (out && b.n)
		memcpy(out + a.n, b.p, b.n * sizeof *out);
	return (struct units){out, a.n + b.n};
}

/* False when the text is no UTF-8. */
static bool
put_utf16_text(struct buf *b, struct str s, bool big)
{
	if (!str_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.n;) {
		uint32_t c;
		i += letter_of(s, i, &c);
		if (c >= 0x10000)
			put_utf16(b, 0xd800 + ((c - 0x10000) >> 10), big);
		put_utf16(b, c >= 0x10000 ? 0xdc00 + (c & 0x3ff) : c, big);
	}
	return true;
}

/* Wildcards stay what they are. */
static int
add_utf16(struct item *it, struct texts *out, struct units u, enum modifier m)
{
	struct buf b = BUF_INIT;
	struct units done = {0}, piece;
	bool good = true, fits = true;
	if (m == M_UTF16)
		put_utf16(&b, 0xfeff, false);
	for (uint32_t i = 0; i <= u.n && good && fits; i++) {
		uint32_t from = i;
		while (i < u.n && u.p[i] < 256)
			i++;
		good = put_utf16_text(&b, units_text(it, (struct units){u.p + from, i - from}), m == M_UTF16BE);
		fits = text_units(it, buf_str(&b), &piece);
		buf_clear(&b);
		if (fits)
			done = joined_units(it, done, piece);
		if (fits && i < u.n)
			done = joined_units(it, done, (struct units){u.p + i, 1});
		fits &= done.p != NULL;
	}
	buf_release(&b);
	if (!good)
		return value_fault(it, "rule_utf16", it->value->text);
	return fits ? add_text(it, out, done) : limit_fault(it);
}

/* "\\%" is a percent sign and nothing else. */
static struct units
plain_percents(struct item *it, struct units u)
{
	uint16_t *out = new_units(it, u.n);
	uint32_t n = 0;
	for (uint32_t i = 0; out && i < u.n; i++)
		if (u.p[i] != '\\' || i + 1 == u.n || u.p[i + 1] != '%')
			out[n++] = u.p[i];
	return (struct units){out, n};
}

/* The first %name% from *ret_from on; false when there is none. A name is whatever stands between the signs, as pySigma
 * has it, wildcards aside. */
static bool
find_placeholder(struct units u, uint32_t *ret_from, uint32_t *ret_to)
{
	for (uint32_t i = *ret_from; i < u.n; i++) {
		uint32_t k = i + 1;
		if (u.p[i] != '%' || (i && u.p[i - 1] == '\\'))
			continue;
		while (k < u.n && u.p[k] < 256 && u.p[k] != '%')
			k++;
		if (k < u.n && u.p[k] == '%' && k > i + 1) {
			*ret_from = i;
			*ret_to = k + 1;
			return true;
		}
	}
	return false;
}

/* `done` is what stands before u, with its placeholders filled in: what a list says is not asked for placeholders again.
 * In an expression it is part of the expression. */
static int
expand(struct item *it, struct texts *out, struct units done, struct units u, uint32_t depth)
{
	uint32_t from = 0, to;
	if (!find_placeholder(u, &from, &to))
		return add_text(it, out, joined_units(it, done, plain_percents(it, u)));
	struct str name = units_text(it, (struct units){u.p + from + 1, to - from - 2});
	const struct placeholder *list = it->p->r->placeholder;
	while (list && !str_eq(list->name, name))
		list = list->next;
	if (!list || depth > 8)
		return value_fault(it, "rule_placeholder", name);
	struct units before = joined_units(it, done, plain_percents(it, (struct units){u.p, from}));
	struct units rest = {u.p + to, u.n - to};
	for (size_t i = 0; i < list->count; i++) {
		struct units value;
		bool fits = it->set & BIT(M_RE) ? text_units(it, list->value[i], &value) : read_units(it, list->value[i], &value);
		if (!fits || !before.p)
			return limit_fault(it);
		TRY(expand(it, out, joined_units(it, before, value), rest, depth + 1));
	}
	return 0;
}

static int
transform_one(struct item *it, struct texts *out, struct units u, enum modifier m)
{
	if (m == M_EXPAND)
		return expand(it, out, (struct units){0}, u, 0);
	if (m == M_WINDASH)
		return windash(it, out, u);
	if (m != M_BASE64 && m != M_BASE64OFFSET)
		return add_utf16(it, out, u, m);
	if (has_wildcard(u))
		return value_fault(it, "rule_wildcard", it->value->text);
	struct str s = units_text(it, u);
	return m == M_BASE64 ? add_base64(it, out, s) : add_base64_offsets(it, out, s);
}

static int
transform(struct item *it, struct texts *list)
{
	for (uint32_t i = 0; i < it->count; i++) {
		struct texts out = {0};
		int error = 0;
		if (!(BIT(it->order[i]) & TRANSFORM))
			continue;
		for (uint32_t k = 0; k < list->n && !error; k++)
			error = transform_one(it, &out, list->p[k], it->order[i]);
		mem_free(list->p);
		*list = out;
		TRY(error);
	}
	return 0;
}

/* ---- tests ---- */

static int
add_expr(struct item *it, struct expr *e)
{
	if (!e)
		return limit_fault(it);
	MEM_GROW(it->expr, it->exprs, it->expr_cap);
	it->expr[it->exprs++] = e;
	return 0;
}

static int
name_test(struct item *it, struct test *t)
{
	t->name = it->field.n ? names_intern(it->p->r->names, it->field) : NAME_UNKNOWN;
	if (it->field.n && t->name == NAME_UNKNOWN)
		return key_fault(it, "rule_too_many_names", it->field);
	return 0;
}

static int
add_test(struct item *it, struct test *t)
{
	TRY(name_test(it, t));
	return add_expr(it, expr_test(it->p, rules_intern_test(it->p->r, t)));
}

static struct str
folded(struct item *it, struct str s)
{
	char *out = arena_alloc(&it->p->scratch, FOLD_ROOM(s.n));
	return out ? str_from(out, fold_text(s, out)) : str_from("", 0);
}

/* The longest run without wildcards. */
static struct str
glob_needle(struct item *it, struct units u)
{
	struct units best = {u.p, 0};
	for (uint32_t i = 0; i < u.n;) {
		uint32_t from = i;
		while (i < u.n && u.p[i] < 256)
			i++;
		if (i - from > best.n)
			best = (struct units){u.p + from, i - from};
		i += i < u.n;
	}
	return folded(it, units_text(it, best));
}

/* Fold the letters between wildcards. */
static struct units
fold_units(struct item *it, struct units u)
{
	uint16_t *out = new_units(it, FOLD_ROOM((size_t)u.n));
	uint32_t n = 0;
	for (uint32_t i = 0; out && i < u.n;) {
		uint32_t from = i;
		while (i < u.n && u.p[i] < 256)
			i++;
		struct str run = folded(it, units_text(it, (struct units){u.p + from, i - from}));
		for (size_t k = 0; k < run.n; k++)
			out[n++] = (unsigned char)run.p[k];
		if (i < u.n)
			out[n++] = u.p[i++];
	}
	return (struct units){out, n};
}

/* Stars side by side are one. */
static struct units
squeeze(struct item *it, struct units u, bool front, bool back)
{
	uint16_t *out = new_units(it, (size_t)u.n + 2);
	uint32_t n = 0;
	if (!out)
		return (struct units){0};
	if (front)
		out[n++] = UNIT_STAR;
	for (uint32_t i = 0; i < u.n; i++)
		if (u.p[i] != UNIT_STAR || !n || out[n - 1] != UNIT_STAR)
			out[n++] = u.p[i];
	if (back && (!n || out[n - 1] != UNIT_STAR))
		out[n++] = UNIT_STAR;
	return (struct units){out, n};
}

static int
add_pattern(struct item *it, struct units u)
{
	bool keyword = !it->field.n;
	bool front = keyword || it->set & (BIT(M_CONTAINS) | BIT(M_ENDSWITH));
	bool back = keyword || it->set & (BIT(M_CONTAINS) | BIT(M_STARTSWITH));
	bool cased = it->set & BIT(M_CASED);
	u = squeeze(it, u, front, back);
	if (u.p && !cased)
		u = fold_units(it, u);
	if (!u.p)
		return limit_fault(it);
	struct test t = {.cased = cased};
	bool open_front = u.n && u.p[0] == UNIT_STAR, open_back = u.n && u.p[u.n - 1] == UNIT_STAR;
	struct units middle = {u.p + open_front, u.n - open_front - (open_back && u.n > 1)};
	if (u.n == 1 && open_front) {
		t.op = TEST_ANY;
		t.cased = false;
	} else if (has_wildcard(middle)) {
		t.op = TEST_GLOB;
		t.glob = u;
		t.needle = glob_needle(it, u);
	} else {
		t.op = open_front && open_back ? TEST_CONTAINS : open_front ? TEST_SUFFIX : open_back ? TEST_PREFIX : TEST_EQ;
		t.literal = units_text(it, middle);
		t.needle = folded(it, t.literal);
	}
	return add_test(it, &t);
}

/* An integer in the hexadecimal or octal notation of YAML is a number: events may say it in decimal, or as the rule does. */
static int
add_decimal(struct item *it, struct texts *list)
{
	struct str text = it->value->text;
	struct buf b = BUF_INIT;
	struct units u;
	int64_t number;
	bool notation = str_starts(text, STR("0x")) || str_starts(text, STR("0o"));
	if (!notation || !it->field.n || it->set & (LIKE | TRANSFORM) || !yaml_to_i64(it->value, &number))
		return 0;
	buf_addf(&b, "%lld", (long long)number);
	bool fits = text_units(it, buf_str(&b), &u);
	buf_release(&b);
	return fits ? add_text(it, list, u) : limit_fault(it);
}

/* Numbers that differ in notation alone are not different. */
static int
add_unequal(struct item *it)
{
	struct test t = {.op = TEST_COMPARE, .compare = COMPARE_EQ};
	if (!(it->set & BIT(M_NEQ)) || it->set & ~(BIT(M_NEQ) | BIT(M_ALL)) || it->value->quoted ||
	    !text_to_number(it->value->text, &t.number))
		return 0;
	return add_test(it, &t);
}

static int
add_texts(struct item *it)
{
	struct texts list = {0};
	struct units u;
	if (!read_units(it, it->value->text, &u))
		return limit_fault(it);
	int error = add_text(it, &list, u);
	if (!error)
		error = add_decimal(it, &list);
	if (!error)
		error = transform(it, &list);
	for (uint32_t i = 0; i < list.n && !error; i++)
		error = add_pattern(it, list.p[i]);
	mem_free(list.p);
	return error ? error : add_unequal(it);
}

static int
add_cidr_text(struct item *it, struct str text)
{
	struct test t = {.op = TEST_CIDR, .literal = text};
	uint64_t bits;
	ptrdiff_t slash = str_find_char(text, '/');
	bool v6 = str_find_char(text, ':') >= 0;
	struct str address = slash < 0 ? text : str_cut(text, 0, (size_t)slash);
	if (slash < 0)
		bits = v6 ? 128 : 32;
	else if (!str_to_u64(str_skip(text, (size_t)slash + 1), &bits))
		return value_fault(it, "rule_cidr", text);
	if (!text_to_address(address, t.address) || bits > (v6 ? 128 : 32))
		return value_fault(it, "rule_cidr", text);
	t.bits = (uint8_t)(v6 ? bits : bits + 96);
	return add_test(it, &t);
}

static int
add_cidr(struct item *it)
{
	struct texts list = {0};
	struct units u;
	if (!text_units(it, it->value->text, &u))
		return limit_fault(it);
	int error = add_text(it, &list, u);
	if (!error)
		error = transform(it, &list);
	for (uint32_t i = 0; i < list.n && !error; i++)
		error = add_cidr_text(it, units_text(it, list.p[i]));
	mem_free(list.p);
	return error;
}

static int
add_number(struct item *it)
{
	static const struct {
		uint32_t bit;
		uint8_t value;
	} orders[] = {{BIT(M_LT), COMPARE_LT}, {BIT(M_LTE), COMPARE_LTE}, {BIT(M_GT), COMPARE_GT}, {BIT(M_GTE), COMPARE_GTE}},
	  parts[] = {{BIT(M_MINUTE), PART_MINUTE}, {BIT(M_HOUR), PART_HOUR}, {BIT(M_DAY), PART_DAY}, {BIT(M_WEEK), PART_WEEK},
	      {BIT(M_MONTH), PART_MONTH}, {BIT(M_YEAR), PART_YEAR}};
	struct test t = {.op = it->set & TIME_PARTS ? TEST_TIME : TEST_COMPARE, .compare = COMPARE_EQ};
	if (!text_to_number(it->value->text, &t.number))
		return value_fault(it, "rule_number", it->value->text);
	for (size_t i = 0; i < COUNT(orders); i++)
		t.compare = it->set & orders[i].bit ? orders[i].value : t.compare;
	for (size_t i = 0; i < COUNT(parts); i++)
		t.part = it->set & parts[i].bit ? parts[i].value : t.part;
	return add_test(it, &t);
}

static int
add_fieldref(struct item *it)
{
	struct test t = {.op = TEST_FIELDREF, .cased = it->set & BIT(M_CASED), .like = TEST_EQ};
	t.like = it->set & BIT(M_CONTAINS) ? TEST_CONTAINS : it->set & BIT(M_STARTSWITH) ? TEST_PREFIX
	    : it->set & BIT(M_ENDSWITH)    ? TEST_SUFFIX : TEST_EQ;
	struct units name;
	if (!read_units(it, it->value->text, &name))
		return limit_fault(it);
	t.other = has_wildcard(name) ? NAME_UNKNOWN : names_intern(it->p->r->names, units_text(it, name));
	if (t.other == NAME_UNKNOWN)
		return value_fault(it, "rule_value_type", it->value->text);
	return add_test(it, &t);
}

static int
add_exists(struct item *it)
{
	bool yes;
	struct test t = {.op = TEST_EXISTS};
	if (!yaml_to_bool(it->value, &yes))
		return value_fault(it, "rule_exists", it->value->text);
	TRY(add_test(it, &t));
	if (!yes) {
		struct expr *not = expr_not(it->p, it->expr[--it->exprs]);
		return add_expr(it, not);
	}
	return 0;
}

/* Expressions are looked for anywhere, so |contains adds nothing to one. */
static struct str
placed_regex(struct item *it, struct str pattern)
{
	static const struct {
		uint32_t bit;
		struct str front, back;
	} place[] = {{BIT(M_STARTSWITH), STR_INIT("\\A(?:"), STR_INIT(")")}, {BIT(M_ENDSWITH), STR_INIT("(?:"), STR_INIT(")\\z")}};
	for (size_t i = 0; i < COUNT(place); i++) {
		struct buf b = BUF_INIT;
		struct str placed = {0};
		if (!(it->set & place[i].bit))
			continue;
		buf_add(&b, place[i].front);
		buf_add(&b, pattern);
		buf_add(&b, place[i].back);
		bool copied = arena_copy(&it->p->scratch, buf_str(&b), &placed);
		buf_release(&b);
		return copied ? placed : (struct str){0};
	}
	return pattern;
}

static int
add_regex_text(struct item *it, struct str pattern)
{
	struct test t = {.op = TEST_REGEX, .literal = placed_regex(it, pattern)};
	if (it->set & BIT(M_RE_I))
		t.regex_flags |= HS_FLAG_CASELESS;
	if (it->set & BIT(M_RE_M))
		t.regex_flags |= HS_FLAG_MULTILINE;
	if (it->set & BIT(M_RE_S))
		t.regex_flags |= HS_FLAG_DOTALL;
	TRY(name_test(it, &t));
	const struct test *known = rules_find_test(it->p->r, &t);
	if (known)
		return add_expr(it, expr_test(it->p, known));
	if (++it->p->regexes > RULE_MAX_REGEXES)
		return limit_fault(it);
	int error = sigma_check_regex(it->p, &t);
	if (error) {
		struct str why = str_z(it->p->fault.arg);
		return value_fault(it, error == E_LIMIT ? "rule_regex_too_big" : it->p->fault.what, why);
	}
	known = rules_intern_test(it->p->r, &t);
	return add_expr(it, expr_test(it->p, known));
}

static int
add_regex(struct item *it)
{
	struct texts list = {0};
	struct units u;
	if (!(it->set & BIT(M_EXPAND)))
		return add_regex_text(it, it->value->text);
	if (!text_units(it, it->value->text, &u))
		return limit_fault(it);
	int error = expand(it, &list, (struct units){0}, u, 0);
	for (uint32_t i = 0; i < list.n && !error; i++)
		error = add_regex_text(it, units_text(it, list.p[i]));
	mem_free(list.p);
	return error;
}

static int
add_value(struct item *it)
{
	if (it->value->kind != YAML_SCALAR)
		return value_fault(it, "rule_value_type", it->field);
	if (++it->p->values > RULE_MAX_VALUES)
		return limit_fault(it);
	if (yaml_is_null(it->value)) {
		struct test t = {.op = TEST_NULL};
		if (!it->field.n || (it->set & ~(BIT(M_ALL) | BIT(M_NEQ) | BIT(M_CASED))))
			return value_fault(it, "rule_value_type", STR("null"));
		return add_test(it, &t);
	}
	if (it->set & BIT(M_RE))
		return add_regex(it);
	if (it->set & BIT(M_CIDR))
		return add_cidr(it);
	if (it->set & BIT(M_EXISTS))
		return add_exists(it);
	if (it->set & BIT(M_FIELDREF))
		return add_fieldref(it);
	if (it->set & (ORDER | TIME_PARTS))
		return add_number(it);
	return add_texts(it);
}

/* What one value became is alternatives, also where |all joins the values by AND. */
static int
add_alternatives(struct item *it)
{
	uint32_t before = it->exprs;
	TRY(add_value(it));
	if (!(it->set & BIT(M_ALL)) || it->exprs == before + 1)
		return 0;
	struct expr **first = it->exprs ? it->expr + before : NULL; /* of an empty placeholder there is none */
	struct expr *joined = expr_join(it->p, EXPR_OR, first, it->exprs - before);
	it->exprs = before;
	return add_expr(it, joined);
}

static int
add_values(struct item *it)
{
	it->value = it->node;
	if (it->node->kind == YAML_MAP)
		return value_fault(it, "rule_nested", it->field);
	if (it->node->kind == YAML_SCALAR)
		return add_alternatives(it);
	if (!it->node->count)
		return value_fault(it, "rule_no_values", it->field);
	YAML_EACH(value, it->node) {
		it->value = value;
		TRY(add_alternatives(it));
	}
	it->value = it->node;
	return 0;
}

int
sigma_parse_item(struct parse *p, const struct yaml *node, struct str key, struct expr **ret)
{
	struct item it = {.p = p, .node = node, .value = node};
	p->values = 0;
	TRY(read_key(&it, key));
	int error = add_values(&it);
	struct expr *joined = error ? NULL : expr_join(p, it.set & BIT(M_ALL) ? EXPR_AND : EXPR_OR, it.expr, it.exprs);
	if (joined && it.set & BIT(M_NEQ))
		joined = expr_not(p, joined);
	mem_free(it.expr);
	TRY(error);
	if (!joined)
		return limit_fault(&it);
	*ret = joined;
	return 0;
}
