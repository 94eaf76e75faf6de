/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/json.h"

#include "decode/core.h"
#include "decode/decode.h"
#include "decode/flatten.h"
#include "decode/json_flat.h"
#include "decode/json_layout.h"
#include "decode/moment.h"

/* What a member's name says about the writer. */
enum hint {
	HINT_CODE = 1,         /* number of a Windows event */
	HINT_WINDOWS = 2,      /* name that goes with such a number */
	HINT_NXLOG = 4,
	HINT_FLUENT = 8,
	HINT_BEATS = 16,
	HINT_XML = 32,
	HINT_WAZUH = 64,
	HINT_PRODUCT = 128,
	HINT_EVE_TYPE = 256,
	HINT_EVE = 512,
	HINT_ZEEK_PATH = 1024,
	HINT_ZEEK_TIME = 2048,
	HINT_ZEEK = 4096,
	HINT_SOURCE = 1 << 13,
	HINT_RESULT = 1 << 14,
	HINT_PREVIEW = 1 << 15,
	HINT_RAW = 1 << 16,
	HINT_LOG = 1 << 17,
	HINT_STREAM = 1 << 18,
	HINT_JOURNAL = 1 << 19,
	HINT_JOURNAL_TIME = 1 << 20,
	HINT_AGENT = 1 << 21,
	HINT_MESSAGE = 1 << 22,
	HINT_DOCUMENT = 1 << 23,
	HINT_SYSTEM = 1 << 24,
	HINT_EVENTDATA = 1 << 25,
};

static const struct hint_row {
	struct str name;
	uint32_t hint;
	enum json_kind kind; /* the value's, when it must be a container */
} hints[] = {
	{STR_INIT("EventID"), HINT_CODE, JSON_NULL},
	{STR_INIT("EventCode"), HINT_CODE, JSON_NULL},
	{STR_INIT("Channel"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("LogName"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("SourceName"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("ProviderName"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("Provider_Name"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("Computer"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("ComputerName"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("UtcTime"), HINT_WINDOWS, JSON_NULL},
	{STR_INIT("SourceModuleType"), HINT_NXLOG, JSON_NULL},
	{STR_INIT("StringInserts"), HINT_FLUENT, JSON_ARRAY},
	{STR_INIT("winlog"), HINT_BEATS, JSON_OBJECT},
	{STR_INIT("event_data"), HINT_BEATS, JSON_OBJECT},
	{STR_INIT("winlog.event_id"), HINT_BEATS, JSON_NULL},
	{STR_INIT("winlog.channel"), HINT_BEATS, JSON_NULL},
	{STR_INIT("Event"), HINT_XML, JSON_OBJECT},
	{STR_INIT("win"), HINT_WAZUH, JSON_OBJECT},
	{STR_INIT("product"), HINT_PRODUCT, JSON_NULL},
	{STR_INIT("event_type"), HINT_EVE_TYPE, JSON_NULL},
	{STR_INIT("flow_id"), HINT_EVE, JSON_NULL},
	{STR_INIT("src_ip"), HINT_EVE, JSON_NULL},
	{STR_INIT("stats"), HINT_EVE, JSON_OBJECT},
	{STR_INIT("_path"), HINT_ZEEK_PATH, JSON_NULL},
	{STR_INIT("ts"), HINT_ZEEK_TIME, JSON_NULL},
	{STR_INIT("uid"), HINT_ZEEK, JSON_NULL},
	{STR_INIT("fuid"), HINT_ZEEK, JSON_NULL},
	{STR_INIT("id.orig_h"), HINT_ZEEK, JSON_NULL},
	{STR_INIT("_source"), HINT_SOURCE, JSON_OBJECT},
	{STR_INIT("result"), HINT_RESULT, JSON_OBJECT},
	{STR_INIT("preview"), HINT_PREVIEW, JSON_NULL},
	{STR_INIT("_raw"), HINT_RAW, JSON_STRING},
	{STR_INIT("log"), HINT_LOG, JSON_STRING},
	{STR_INIT("stream"), HINT_STREAM, JSON_STRING},
	{STR_INIT("MESSAGE"), HINT_JOURNAL, JSON_NULL},
	{STR_INIT("__REALTIME_TIMESTAMP"), HINT_JOURNAL_TIME, JSON_NULL},
	{STR_INIT("agent"), HINT_AGENT, JSON_OBJECT},
	{STR_INIT("message"), HINT_MESSAGE, JSON_STRING},
	{STR_INIT("document"), HINT_DOCUMENT, JSON_OBJECT},
	{STR_INIT("System"), HINT_SYSTEM, JSON_OBJECT},
	{STR_INIT("EventData"), HINT_EVENTDATA, JSON_OBJECT},
	{STR_INIT("UserData"), HINT_EVENTDATA, JSON_OBJECT},
};

WORDS(hint_words, hints)

void
json_know_key(const struct names *names, struct arena *arena, struct key *k)
{
	k->id = names_find(names, k->name);
	k->word = windows_word(k->name);
	k->hint = k->object ? NULL : words_find(&hint_words, k->name);
	windows_know_key(names, arena, k);
	k->special = k->hint || k->header || k->tells_source;
}

static uint32_t
row_hint(const struct hint_row *row, enum json_kind kind, struct str raw)
{
	if (row->kind != JSON_NULL && row->kind != kind)
		return 0;
	if (row->hint == HINT_PRODUCT)
		return str_eq_nocase(raw, STR("windows")) ? HINT_PRODUCT : 0;
	return row->hint;
}

uint32_t
json_hint(const struct key *k, enum json_kind kind, struct str raw)
{
	return k->hint ? row_hint(k->hint, kind, raw) : 0;
}

static uint32_t
hint_of(const struct json *j, const struct hint_row *row, uint32_t key)
{
	uint32_t hint = row_hint(row, j->token[key + 1].kind, json_raw(j, key + 1));
	return hint == HINT_XML && !json_get(j, key + 1, STR("System")) ? 0 : hint;
}

/* Hints of all members of the root; notes their keys. */
static uint32_t
look_at_members(struct decode_context *c)
{
	const struct json *j = c->json;
	uint32_t seen = 0, n = 0;
	struct key *before = c->keys ? keys_start(c->keys) : NULL;
	for (uint32_t i = json_first(j, 0); i < json_end(j, 0); i = json_next(j, i + 1), n++) {
		struct key *key = c->keys && n < KEYS_MEMBERS && !j->token[i].escaped ? keys_find(c->keys, before, json_raw(j, i)) : NULL;
		const struct hint_row *row = key ? key->hint : words_find(&hint_words, json_raw(j, i));
		if (c->keys && n < KEYS_MEMBERS)
			c->member[n] = key;
		if (row)
			seen |= hint_of(j, row, i);
		if (key)
			before = key;
	}
	c->members = !c->keys ? 0 : n < KEYS_MEMBERS ? n : KEYS_MEMBERS;
	return seen;
}

static enum json_layout
layout_of(uint32_t seen)
{
	static const struct {
		uint32_t all; /* of these hints */
		enum json_layout layout;
	} layouts[] = {
		{HINT_XML, LAYOUT_WINDOWS_XML},
		{HINT_BEATS, LAYOUT_WINLOGBEAT},
		{HINT_WAZUH, LAYOUT_WAZUH},
		{HINT_CODE | HINT_NXLOG, LAYOUT_NXLOG},
		{HINT_CODE | HINT_FLUENT, LAYOUT_FLUENT},
		{HINT_CODE | HINT_WINDOWS, LAYOUT_WINDOWS_FLAT},
		{HINT_PRODUCT, LAYOUT_WINDOWS_FLAT},
		{HINT_EVE_TYPE | HINT_EVE, LAYOUT_EVE},
		{HINT_ZEEK_PATH | HINT_ZEEK_TIME, LAYOUT_ZEEK},
		{HINT_ZEEK | HINT_ZEEK_TIME, LAYOUT_ZEEK},
		{HINT_SYSTEM | HINT_EVENTDATA, LAYOUT_WINDOWS_XML},
		{HINT_SOURCE, LAYOUT_ENVELOPE},
		{HINT_RESULT | HINT_PREVIEW, LAYOUT_ENVELOPE},
		{HINT_DOCUMENT, LAYOUT_ENVELOPE},
		{HINT_RAW, LAYOUT_CARRIER},
		{HINT_LOG | HINT_STREAM, LAYOUT_CARRIER},
		{HINT_MESSAGE | HINT_AGENT, LAYOUT_CARRIER},
		{HINT_JOURNAL | HINT_JOURNAL_TIME, LAYOUT_JOURNAL},
	};
	for (size_t i = 0; i < COUNT(layouts); i++)
		if ((seen & layouts[i].all) == layouts[i].all)
			return layouts[i].layout;
	return LAYOUT_FLAT;
}

enum json_layout
json_layout(struct decode_context *c)
{
	c->members = 0;
	if (!c->json->count || c->json->token[0].kind != JSON_OBJECT)
		return LAYOUT_NONE;
	return layout_of(look_at_members(c));
}

/* The few names that most loggers agree about. What is called as in ECS already is a core field by its name. */
static const struct core_row flat_rows[] = {
	{STR_INIT("msg"), F_MESSAGE},
	{STR_INIT("level"), F_LOG_LEVEL},
	{STR_INIT("severity"), F_LOG_LEVEL},
	{STR_INIT("host"), F_HOST_NAME},
	{STR_INIT("hostname"), F_HOST_NAME},
	{STR_INIT("user"), F_USER_NAME},
	{STR_INIT("username"), F_USER_NAME},
	{STR_INIT("src_ip"), F_SOURCE_IP},
	{STR_INIT("srcip"), F_SOURCE_IP},
	{STR_INIT("client_ip"), F_SOURCE_IP},
	{STR_INIT("remote_addr"), F_SOURCE_IP},
	{STR_INIT("remote_ip"), F_SOURCE_IP},
	{STR_INIT("dst_ip"), F_DESTINATION_IP},
	{STR_INIT("dest_ip"), F_DESTINATION_IP},
	{STR_INIT("dstip"), F_DESTINATION_IP},
};

WORDS(flat_words, flat_rows)

struct flat_event {
	struct decode_context *c;
	struct event *e;
};

/* Names under which loggers write the time, best first. */
static const struct str time_names[] = {STR_INIT("@timestamp"), STR_INIT("timestamp"), STR_INIT("time"), STR_INIT("ts"),
	STR_INIT("eventTime"), STR_INIT("datetime"), STR_INIT("date"), STR_INIT("Timestamp"), STR_INIT("TimeGenerated"),
	STR_INIT("EventTime"), STR_INIT("event_time"), STR_INIT("TimeCreated"), STR_INIT("UtcTime"), STR_INIT("SystemTime"),
	STR_INIT("CreationTime"), STR_INIT("created_at"), STR_INIT("event.created"), STR_INIT("_time"), STR_INIT("Time")};

static void
take_time(struct event *e, int zone)
{
	for (size_t i = 0; i < COUNT(time_names) && e->time_ms == TIME_NONE; i++) {
		const struct field *f = event_find_name(e, time_names[i]);
		struct str value = f ? event_value(e, &e->field[f - e->field]) : (struct str){0};
		if (f && !moment_parse(value, zone, &e->time_ms))
			(void)time_from_epoch(value, &e->time_ms); /* small numbers, too, where a time is expected */
	}
}

static void
add_flat(void *user, struct str name, struct str value, enum field_kind kind, bool escaped)
{
	struct flat_event *w = user;
	event_put(w->e, w->c->names, name, value, kind, escaped);
}

static void
take_log_source(struct event *e)
{
	static const struct str names[] = {STR_INIT("product"), STR_INIT("service"), STR_INIT("category")};
	struct str *const to[] = {&e->product, &e->service, &e->category};
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct field *f = event_find_name(e, names[i]);
		if (f && f->kind == FIELD_TEXT && !f->escaped)
			*to[i] = f->value;
	}
}

/* All members are fields of the event. */
static void
finish_flat(struct decode_context *c, struct event *e)
{
	struct core k;
	take_time(e, c->zone);
	take_log_source(e);
	e->decoder = DECODER_JSON;
	e->confidence = 50;
	core_begin(&k, e, NULL);
	core_put_all(&k, &flat_words);
}

static void
decode_flat(struct decode_context *c, struct event *e)
{
	struct flat_event w = {c, e};
	flatten(c, e, 0, true, add_flat, &w);
	finish_flat(c, e);
}

/* The short way; false: not taken. */
static bool
decode_in_one_go(struct decode_context *c, struct str line, struct event *e)
{
	uint32_t count = e->field_count;
	if (!flat_read(c, line, e))
		return false;
	enum json_layout layout = layout_of(c->flat->hints);
	if (layout == LAYOUT_FLAT && !c->flat->lists)
		finish_flat(c, e);
	else if (layout == LAYOUT_WINDOWS_FLAT || layout == LAYOUT_NXLOG)
		decode_windows_flat(c, layout, e);
	else if (layout == LAYOUT_WINLOGBEAT)
		decode_windows_beats(c, e, count);
	else
		flat_refuse(c, e, count);
	return e->field_count > count;
}

/* Loggers that do not know what stands in their strings: bytes that are no UTF-8 (half a surrogate pair of a Windows
 * command line, an old code page) and bare control characters. */
static bool
bad_byte(struct str line, size_t i, size_t *ret_good)
{
	unsigned char c = (unsigned char)line.p[i];
	*ret_good = c >= 0x80 ? utf8_length(line.p + i, line.n - i) : c >= 0x20;
	return !*ret_good;
}

/* One such byte must not hide an event from every rule: the grammar's reader gets a copy with U+FFFD and blanks in their
 * place. False when there is none of them, or no room. */
static bool
mend(struct arena *arena, struct str line, struct str *ret)
{
	size_t bad = 0, good, n = 0;
	for (size_t i = 0; i < line.n; i += good + !good)
		bad += bad_byte(line, i, &good);
	char *out = bad ? arena_alloc(arena, line.n + 2 * bad) : NULL;
	for (size_t i = 0; out && i < line.n; i += good + !good) {
		if (!bad_byte(line, i, &good)) {
			memcpy(out + n, line.p + i, good);
			n += good;
		} else if ((unsigned char)line.p[i] < 0x20) {
			out[n++] = ' ';
		} else {
			memcpy(out + n, "\xef\xbf\xbd", 3);
			n += 3;
		}
	}
	*ret = str_from(out, n);
	return out;
}

int
decode_json(struct decode_context *c, struct str line, struct event *e)
{
	struct str mended;
	if (decode_in_one_go(c, line, e))
		return 0;
	if (json_parse(c->json, line, NULL) < 0 &&
	    (!mend(c->arena, line, &mended) || json_parse(c->json, mended, NULL) < 0))
		return E_INVALID;
	enum json_layout layout = json_layout(c);
	if (layout >= LAYOUT_ENVELOPE) {
		struct str text = c->json->text;
		if (decode_inside(c, layout, e) == 0) {
			take_time(e, c->zone);
			return 0;
		}
		if (json_parse(c->json, text, NULL) < 0)
			return E_INVALID;
		layout = LAYOUT_FLAT;
	}
	switch (layout) {
	case LAYOUT_NONE:
		return E_INVALID;
	case LAYOUT_FLAT:
		decode_flat(c, e);
		break;
	case LAYOUT_EVE:
		decode_eve_layout(c, e);
		break;
	case LAYOUT_ZEEK:
		decode_zeek_layout(c, e);
		break;
	default:
		decode_windows_layout(c, layout, e);
		break;
	}
	c->members = 0;
	return 0;
}
