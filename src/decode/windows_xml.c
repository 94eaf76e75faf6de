/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows events as the text that Windows renders them to: <Event><System>...</System><EventData>...</EventData></Event>.
 * So do wevtutil, forwarders with a "render as XML" of their own, and Sysmon for Linux, within syslog. Fields get the names
 * that the EVTX reader gives (decode/evtx.h). Of XML it knows what such events need: elements, attributes, references,
 * CDATA and comments; no document type and no entity of one's own. What a sender cut off is read as far as it goes.
 */
#include "decode/core.h"
#include "decode/json_layout.h"
#include "decode/lines.h"
#include "decode/pattern.h"

#define DEPTH_MAX 16u

enum section { SECTION_NONE, SECTION_SYSTEM, SECTION_EVENTDATA, SECTION_USERDATA, SECTION_OTHER };

struct xml {
	struct decode_context *c;
	struct event *e;
	struct str rest;
	struct str open[DEPTH_MAX]; /* names of the elements around, the event first */
	uint32_t depth;
	enum section section;
	struct str data_name;       /* of the <Data Name="..."> at hand */
	bool named;
	struct str text;            /* of the element at hand, references and all */
	bool leaf;                  /* it has no element inside so far */
	struct buf joined;          /* nameless data, one a line */
	bool ended;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str
skip_white(struct str s)
{
	size_t n = 0;
	while (n < s.n && is_blank(s.p[n]))
		n++;
	return str_skip(s, n);
}

static struct str
take_name(struct str *rest)
{
	size_t n = 0;
	while (n < rest->n && !is_blank(rest->p[n]) && !memchr("/>=<\"'", rest->p[n], 6))
		n++;
	struct str name = str_cut(*rest, 0, n);
	*rest = str_skip(*rest, n);
	return name;
}

/* ---- texts ---- */

/* The character that "&...;" at the front of s stands for, written to `to`; how many bytes of s it takes, or 0. */
static size_t
reference(struct str s, char to[4], size_t *ret_n)
{
	static const struct {
		struct str name;
		char c;
	} row[] = {{STR_INIT("&lt;"), '<'}, {STR_INIT("&gt;"), '>'}, {STR_INIT("&amp;"), '&'}, {STR_INIT("&quot;"), '"'},
		{STR_INIT("&apos;"), '\''}};
	for (size_t i = 0; i < COUNT(row); i++) {
		if (str_starts(s, row[i].name)) {
			to[0] = row[i].c;
			*ret_n = 1;
			return row[i].name.n;
		}
	}
	bool hex = str_starts(s, STR("&#x"));
	size_t at = hex ? 3 : 2;
	uint32_t code = 0;
	if (!str_starts(s, STR("&#")))
		return 0;
	for (; at < s.n && at < 12 && s.p[at] != ';' && code < 0x110000; at++) {
		char digit = ascii_lower(s.p[at]);
		if (!text_is_digit(digit) && !(hex && digit >= 'a' && digit <= 'f'))
			return 0;
		code = code * (hex ? 16 : 10) + (uint32_t)(text_is_digit(digit) ? digit - '0' : digit - 'a' + 10);
	}
	if (at >= s.n || s.p[at] != ';' || at == (hex ? 3u : 2u))
		return 0;
	*ret_n = (size_t)(utf8_put(to, code) - to);
	return at + 1;
}

/* With its references replaced; what is none stays as it is. */
static struct str
plain(struct arena *arena, struct str s)
{
	char *out = str_find_char(s, '&') < 0 ? NULL : arena_alloc(arena, s.n);
	size_t n = 0;
	if (!out)
		return s;
	for (size_t i = 0; i < s.n;) {
		char text[4];
		size_t length = 0, used = s.p[i] == '&' ? reference(str_skip(s, i), text, &length) : 0;
		if (used) {
			memcpy(out + n, text, length); /* shorter than its reference */
			n += length;
			i += used;
		} else {
			out[n++] = s.p[i++];
		}
	}
	return str_from(out, n);
}

/* GUIDs stand without braces, as in EVTX. */
static struct str
value_of(struct arena *arena, struct str s)
{
	s = plain(arena, s);
	bool guid = s.n == 38 && s.p[0] == '{' && s.p[37] == '}' && s.p[9] == '-' && s.p[24] == '-';
	return guid ? str_cut(s, 1, 37) : s;
}

/* Names lose their blanks. */
static struct str
name_of(struct arena *arena, struct str first, struct str second)
{
	char *p = arena_alloc(arena, first.n + 1 + second.n);
	size_t n = 0;
	if (!p)
		return first;
	for (size_t i = 0; i < first.n; i++)
		if (!is_blank(first.p[i]))
			p[n++] = first.p[i];
	if (second.n)
		p[n++] = '_';
	for (size_t i = 0; i < second.n; i++)
		if (!is_blank(second.p[i]))
			p[n++] = second.p[i];
	return str_from(p, n);
}

/* ---- fields ---- */

static void
put(struct xml *x, struct str name, struct str value)
{
	struct event *e = x->e;
	event_put(e, x->c->names, name, value, FIELD_TEXT, false);
	if (x->section != SECTION_SYSTEM)
		return;
	if (str_eq(name, STR("Channel")))
		e->channel = value;
	else if (str_eq(name, STR("EventID")))
		e->code = value;
	else if (str_eq(name, STR("Provider_Name")))
		e->provider = value;
	else if (str_eq(name, STR("SystemTime")))
		(void)time_parse(value, 0, &e->time_ms);
}

static void
put_attribute(struct xml *x, struct str element, struct str name, struct str value)
{
	if (str_starts(name, STR("xmlns")) || !x->depth || (x->section == SECTION_EVENTDATA && x->depth > 2))
		return;
	value = value_of(x->c->arena, value);
	if (x->section == SECTION_EVENTDATA && x->depth == 2 && str_eq(name, STR("Name")) && str_eq(element, STR("Data"))) {
		x->data_name = name_of(x->c->arena, value, (struct str){0});
		x->named = true;
	} else if (x->section == SECTION_SYSTEM && str_eq(name, STR("SystemTime"))) {
		put(x, name, value);
	} else if (x->section != SECTION_USERDATA && value.n) {
		put(x, name_of(x->c->arena, element, name), value);
	}
}

/* The text of an element without others in it. */
static void
put_text(struct xml *x, struct str element)
{
	struct str value = value_of(x->c->arena, x->text);
	if (x->section == SECTION_EVENTDATA && x->named) {
		put(x, x->data_name, value);
	} else if (!value.n) {
		return;
	} else if (x->section == SECTION_EVENTDATA && str_eq(element, STR("Data"))) {
		if (x->joined.n)
			buf_add_char(&x->joined, '\n');
		buf_add(&x->joined, value);
	} else {
		put(x, x->section == SECTION_OTHER ? name_of(x->c->arena, x->open[1], element) : element, value);
	}
}

/* ---- elements ---- */

static enum section
section_of(struct str name)
{
	if (str_eq(name, STR("System")))
		return SECTION_SYSTEM;
	if (str_eq(name, STR("EventData")))
		return SECTION_EVENTDATA;
	return str_eq(name, STR("UserData")) ? SECTION_USERDATA : SECTION_OTHER;
}

static void
close_element(struct xml *x)
{
	if (!x->depth)
		return;
	struct str element = x->open[--x->depth];
	if (x->leaf && x->depth > 1)
		put_text(x, element);
	x->leaf = x->named = false;
	x->text = (struct str){0};
	x->ended = !x->depth;
}

/* The attributes behind an element's name, up to its '>'; false: it is cut off. */
static bool
take_attributes(struct xml *x, struct str element, bool *ret_empty)
{
	for (;;) {
		struct str s = skip_white(x->rest);
		*ret_empty = text_take(&s, STR("/"));
		if (text_take(&s, STR(">"))) {
			x->rest = s;
			return true;
		}
		struct str name = take_name(&s);
		s = skip_white(s);
		if (!name.n || !text_take(&s, STR("=")))
			return false;
		s = skip_white(s);
		ptrdiff_t close = s.n && (s.p[0] == '"' || s.p[0] == '\'') ? str_find_char(str_skip(s, 1), s.p[0]) : -1;
		if (close < 0)
			return false;
		put_attribute(x, element, name, str_cut(s, 1, (size_t)close + 1));
		x->rest = str_skip(s, (size_t)close + 2);
	}
}

static bool
open_element(struct xml *x)
{
	struct str element = take_name(&x->rest);
	bool empty;
	if (!element.n || x->depth == DEPTH_MAX)
		return false;
	if (x->depth == 1)
		x->section = section_of(element);
	x->named = false;
	if (!take_attributes(x, element, &empty))
		return false;
	x->open[x->depth++] = element;
	x->leaf = true;
	x->text = (struct str){0};
	if (empty)
		close_element(x);
	return true;
}

/* Behind a '<': a tag, or what stands among the elements and is none. */
static bool
take_markup(struct xml *x)
{
	struct str end = {0};
	if (text_take(&x->rest, STR("/"))) {
		close_element(x);
		end = STR(">");
	} else if (text_take(&x->rest, STR("!--"))) {
		end = STR("-->");
	} else if (text_take(&x->rest, STR("?"))) {
		end = STR("?>");
	} else if (text_take(&x->rest, STR("![CDATA["))) {
		end = STR("]]>");
	} else {
		return open_element(x);
	}
	ptrdiff_t at = str_find(x->rest, end);
	if (at < 0)
		return false;
	if (end.p[0] == ']')
		x->text = str_cut(x->rest, 0, (size_t)at);
	x->rest = str_skip(x->rest, (size_t)at + end.n);
	return true;
}

static bool
is_white(struct str s)
{
	return !skip_white(s).n;
}

static void
read_event(struct xml *x)
{
	while (x->rest.n && !x->ended) {
		ptrdiff_t at = str_find_char(x->rest, '<');
		struct str text = at < 0 ? x->rest : str_cut(x->rest, 0, (size_t)at);
		if (at < 0)
			return;
		if (!is_white(text) || !x->text.n)
			x->text = text;
		x->rest = str_skip(x->rest, (size_t)at + 1);
		if (!take_markup(x))
			return;
	}
}

int
decode_windows_xml(struct decode_context *c, struct str line, struct event *e)
{
	struct xml x = {.c = c, .e = e, .rest = skip_white(line), .joined = BUF_INIT_MAX(RAW_MAX)};
	struct str data;
	uint32_t before = e->field_count;
	if (!str_starts(x.rest, STR("<Event")) || x.rest.n < 7 || !(is_blank(x.rest.p[6]) || x.rest.p[6] == '>'))
		return E_INVALID;
	read_event(&x);
	if (x.joined.n && arena_copy(c->arena, buf_str(&x.joined), &data))
		event_put(e, c->names, STR("Data"), data, FIELD_TEXT, false);
	buf_release(&x.joined);
	if (e->field_count == before)
		return E_INVALID;
	e->product = str_starts(e->channel, STR("Linux-")) ? STR("linux") : STR("windows");
	e->service = (struct str){0};
	e->decoder = DECODER_WINDOWS_XML;
	e->confidence = x.ended && e->channel.n && e->code.n ? 100 : 80;
	decode_windows_core(c, e);
	return 0;
}
