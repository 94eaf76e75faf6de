/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Events that somebody put into an object of his own: Elasticsearch's hits (_source), Splunk's exports (result, _raw),
 * containers (log), beats that ship lines (message), chainsaw (document.data), entries of systemd's journal. What is
 * inside is read as if it had come alone; what stands around a line is kept beside it.
 */
#include "base/json.h"
#include "decode/flatten.h"
#include "decode/json_layout.h"
#include "decode/lines.h"
#include "decode/text.h"

#define NESTING_MAX 3

/* Where it is, best first; the second name is that of a member of the first. */
static const struct place {
	enum json_layout layout;
	struct str outer, inner;
	enum json_kind kind;
} places[] = {
	{LAYOUT_ENVELOPE, STR_INIT("_source"), STR_INIT(""), JSON_OBJECT},
	{LAYOUT_ENVELOPE, STR_INIT("result"), STR_INIT("_raw"), JSON_STRING},
	{LAYOUT_ENVELOPE, STR_INIT("result"), STR_INIT(""), JSON_OBJECT},
	{LAYOUT_ENVELOPE, STR_INIT("document"), STR_INIT("data"), JSON_OBJECT},
	{LAYOUT_CARRIER, STR_INIT("_raw"), STR_INIT(""), JSON_STRING},
	{LAYOUT_CARRIER, STR_INIT("log"), STR_INIT(""), JSON_STRING},
	{LAYOUT_CARRIER, STR_INIT("message"), STR_INIT(""), JSON_STRING},
};

static uint32_t
find(const struct json *j, const struct place *p)
{
	uint32_t at = json_get(j, 0, p->outer);
	if (at && p->inner.n)
		at = j->token[at].kind == JSON_OBJECT ? json_get(j, at, p->inner) : 0;
	return at && j->token[at].kind == p->kind ? at : 0;
}

static int
decode_place(struct decode_context *c, const struct place *p, struct event *e)
{
	struct str text;
	uint32_t at = find(c->json, p);
	if (!at || !json_string(c->json, at, c->arena, &text))
		return E_INVALID;
	text = str_trim(text);
	return p->kind == JSON_OBJECT ? decode_json(c, text, e) : decode_line(c, text, e);
}

struct around {
	struct decode_context *c;
	struct event *e;
	struct str inside; /* the member that has been read */
};

static void
add_around(void *user, struct str name, struct str value, enum field_kind kind, bool escaped)
{
	struct around *w = user;
	if (!str_eq(name, w->inside))
		event_put(w->e, w->c->names, name, value, kind, escaped);
}

/* The members of the object around, whose text has to be looked at again. */
static void
keep_around(struct decode_context *c, struct str text, struct str inside, struct event *e)
{
	struct around w = {c, e, inside};
	c->members = 0;
	if (json_parse(c->json, text, NULL) == 0)
		flatten(c, e, 0, true, add_around, &w);
}

/* ---- systemd's journal, as `journalctl -o json` writes it ---- */

static struct str
member(struct decode_context *c, const char *name, const char *otherwise)
{
	struct str value = {0};
	uint32_t at = json_get(c->json, 0, str_z(name));
	if (!at && otherwise)
		at = json_get(c->json, 0, str_z(otherwise));
	if (at && c->json->token[at].kind <= JSON_STRING && c->json->token[at].kind >= JSON_NUMBER)
		(void)json_string(c->json, at, c->arena, &value);
	return value;
}

/* A text that is none stands there as the numbers of its bytes. */
static void
add_message(struct decode_context *c, struct buf *line)
{
	const struct json *j = c->json;
	uint32_t at = json_get(j, 0, STR("MESSAGE"));
	uint64_t byte;
	if (!at || j->token[at].kind != JSON_ARRAY) {
		buf_add(line, member(c, "MESSAGE", NULL));
		return;
	}
	for (uint32_t i = json_first(j, at); i < json_end(j, at); i = json_next(j, i))
		if (str_to_u64(json_raw(j, i), &byte) && byte <= UINT8_MAX)
			buf_add_char(line, (char)byte);
}

/* A word of a syslog header: RFC 5424, 6. Some end their tag with a colon, which would make another format of it. */
static void
add_word(struct buf *line, struct str s)
{
	while (str_ends(s, STR(":")))
		s.n--;
	for (size_t i = 0; i < s.n && i < 255; i++)
		buf_add_char(line, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '_');
	buf_add(line, s.n ? STR(" ") : STR("- "));
}

static uint64_t
number_or(struct str s, uint64_t max, uint64_t otherwise)
{
	uint64_t v;
	return str_to_u64(s, &v) && v <= max ? v : otherwise;
}

/* The line that syslog would have got. */
static bool
journal_line(struct decode_context *c, struct str *ret)
{
	struct buf line = BUF_INIT_MAX(RAW_MAX);
	uint64_t facility = number_or(member(c, "SYSLOG_FACILITY", NULL), 23, 1), severity = number_or(member(c, "PRIORITY", NULL), 7, 6);
	uint64_t micro = number_or(member(c, "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"), UINT64_C(253402300799000000), 0);
	buf_addf(&line, "<%u>1 ", (unsigned)(facility * 8 + severity));
	if (micro)
		time_format(&line, (int64_t)(micro / 1000), 0);
	buf_add(&line, micro ? STR(" ") : STR("- "));
	add_word(&line, member(c, "_HOSTNAME", NULL));
	add_word(&line, member(c, "SYSLOG_IDENTIFIER", "_COMM"));
	add_word(&line, member(c, "_PID", "SYSLOG_PID"));
	buf_add(&line, STR("- - "));
	add_message(c, &line);
	bool copied = arena_copy(c->arena, buf_str(&line), ret);
	buf_release(&line);
	return copied;
}

int
decode_inside(struct decode_context *c, enum json_layout layout, struct event *e)
{
	struct str text = c->json->text, line;
	int error = E_INVALID;
	if (c->nesting == NESTING_MAX)
		return E_INVALID;
	c->nesting++;
	c->members = 0;
	if (layout == LAYOUT_JOURNAL) {
		error = journal_line(c, &line) ? decode_syslog(c, line, e) : E_LIMIT;
		if (!error)
			keep_around(c, text, STR("MESSAGE"), e);
	}
	for (size_t i = 0; error && i < COUNT(places); i++) {
		if (places[i].layout != layout)
			continue;
		error = decode_place(c, &places[i], e);
		if (!error && layout == LAYOUT_CARRIER)
			keep_around(c, text, places[i].outer, e);
		else if (error && json_parse(c->json, text, NULL) < 0)
			break;
	}
	c->nesting--;
	c->members = 0;
	return error;
}
