/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows events as JSON, in the layouts of those who ship them. Whatever the layout, fields get the names that the
 * EVTX reader gives (decode/evtx.h), because Sigma rules are written for those.
 */
#include "decode/flatten.h"
#include "decode/json_flat.h"
#include "decode/json_layout.h"
#include "decode/text.h"
#include "decode/words.h"

/* What else becomes of a value. Times: the smaller the better. */
enum role { ROLE_NONE, ROLE_CODE, ROLE_CHANNEL, ROLE_PROVIDER, ROLE_TIME_CREATED, ROLE_TIME_UTC, ROLE_TIME_EVENT,
	ROLE_TIME_SHIPPED, ROLE_END };

#define CORE_ROOM 24u /* core fields that a Windows event usually gets */

#define L(layout) (1u << LAYOUT_##layout)
#define FLAT_LAYOUTS (L(WINDOWS_FLAT) | L(NXLOG) | L(FLUENT))
#define ALL_LAYOUTS UINT32_MAX

/* Header names of the layouts that have their own, without what the layout puts before all of them. */
static const struct header_row {
	struct str name;
	uint32_t layouts;
	struct str native;
	enum role role;
} header_rows[] = {
	{STR_INIT("EventID"), ALL_LAYOUTS, STR_INIT("EventID"), ROLE_CODE},
	{STR_INIT("EventCode"), L(WINDOWS_FLAT), STR_INIT("EventID"), ROLE_CODE},
	{STR_INIT("event_id"), L(WINLOGBEAT), STR_INIT("EventID"), ROLE_CODE},
	{STR_INIT("eventID"), L(WAZUH), STR_INIT("EventID"), ROLE_CODE},
	{STR_INIT("Channel"), ALL_LAYOUTS, STR_INIT("Channel"), ROLE_CHANNEL},
	{STR_INIT("LogName"), L(WINDOWS_FLAT), STR_INIT("Channel"), ROLE_CHANNEL},
	{STR_INIT("channel"), L(WINLOGBEAT) | L(WAZUH), STR_INIT("Channel"), ROLE_CHANNEL},
	{STR_INIT("log_name"), L(WINLOGBEAT), STR_INIT("Channel"), ROLE_CHANNEL},
	{STR_INIT("Provider_Name"), ALL_LAYOUTS, STR_INIT("Provider_Name"), ROLE_PROVIDER},
	{STR_INIT("SourceName"), FLAT_LAYOUTS, STR_INIT("Provider_Name"), ROLE_PROVIDER},
	{STR_INIT("ProviderName"), L(FLUENT), STR_INIT("Provider_Name"), ROLE_PROVIDER},
	{STR_INIT("provider_name"), L(WINLOGBEAT), STR_INIT("Provider_Name"), ROLE_PROVIDER},
	{STR_INIT("source_name"), L(WINLOGBEAT), STR_INIT("Provider_Name"), ROLE_PROVIDER},
	{STR_INIT("providerName"), L(WAZUH), STR_INIT("Provider_Name"), ROLE_PROVIDER},
	{STR_INIT("ProviderGuid"), FLAT_LAYOUTS, STR_INIT("Provider_Guid"), ROLE_NONE},
	{STR_INIT("provider_guid"), L(WINLOGBEAT), STR_INIT("Provider_Guid"), ROLE_NONE},
	{STR_INIT("providerGuid"), L(WAZUH), STR_INIT("Provider_Guid"), ROLE_NONE},
	{STR_INIT("Hostname"), FLAT_LAYOUTS, STR_INIT("Computer"), ROLE_NONE},
	{STR_INIT("ComputerName"), FLAT_LAYOUTS, STR_INIT("Computer"), ROLE_NONE},
	{STR_INIT("computer_name"), L(WINLOGBEAT), STR_INIT("Computer"), ROLE_NONE},
	{STR_INIT("computer"), L(WAZUH), STR_INIT("Computer"), ROLE_NONE},
	{STR_INIT("RecordNumber"), FLAT_LAYOUTS, STR_INIT("EventRecordID"), ROLE_NONE},
	{STR_INIT("record_id"), L(WINLOGBEAT), STR_INIT("EventRecordID"), ROLE_NONE},
	{STR_INIT("record_number"), L(WINLOGBEAT), STR_INIT("EventRecordID"), ROLE_NONE},
	{STR_INIT("eventRecordID"), L(WAZUH), STR_INIT("EventRecordID"), ROLE_NONE},
	{STR_INIT("ExecutionProcessID"), FLAT_LAYOUTS, STR_INIT("Execution_ProcessID"), ROLE_NONE},
	{STR_INIT("ProcessID"), L(FLUENT), STR_INIT("Execution_ProcessID"), ROLE_NONE},
	{STR_INIT("process.pid"), L(WINLOGBEAT), STR_INIT("Execution_ProcessID"), ROLE_NONE},
	{STR_INIT("process_id"), L(WINLOGBEAT), STR_INIT("Execution_ProcessID"), ROLE_NONE},
	{STR_INIT("processID"), L(WAZUH), STR_INIT("Execution_ProcessID"), ROLE_NONE},
	{STR_INIT("ThreadID"), L(NXLOG) | L(FLUENT), STR_INIT("Execution_ThreadID"), ROLE_NONE},
	{STR_INIT("process.thread.id"), L(WINLOGBEAT), STR_INIT("Execution_ThreadID"), ROLE_NONE},
	{STR_INIT("thread_id"), L(WINLOGBEAT), STR_INIT("Execution_ThreadID"), ROLE_NONE},
	{STR_INIT("threadID"), L(WAZUH), STR_INIT("Execution_ThreadID"), ROLE_NONE},
	{STR_INIT("UserID"), L(NXLOG) | L(FLUENT), STR_INIT("Security_UserID"), ROLE_NONE},
	{STR_INIT("user.identifier"), L(WINLOGBEAT), STR_INIT("Security_UserID"), ROLE_NONE},
	{STR_INIT("ActivityID"), L(NXLOG) | L(FLUENT), STR_INIT("Correlation_ActivityID"), ROLE_NONE},
	{STR_INIT("activity_id"), L(WINLOGBEAT), STR_INIT("Correlation_ActivityID"), ROLE_NONE},
	{STR_INIT("Qualifiers"), L(FLUENT), STR_INIT("EventID_Qualifiers"), ROLE_NONE},
	{STR_INIT("StringInserts"), L(FLUENT), STR_INIT("Data"), ROLE_NONE},
	{STR_INIT("version"), L(WINLOGBEAT) | L(WAZUH), STR_INIT("Version"), ROLE_NONE},
	{STR_INIT("level"), L(WINLOGBEAT) | L(WAZUH), STR_INIT("Level"), ROLE_NONE},
	{STR_INIT("task"), L(WINLOGBEAT) | L(WAZUH), STR_INIT("Task"), ROLE_NONE},
	{STR_INIT("opcode"), L(WINLOGBEAT) | L(WAZUH), STR_INIT("Opcode"), ROLE_NONE},
	{STR_INIT("keywords"), L(WINLOGBEAT) | L(WAZUH), STR_INIT("Keywords"), ROLE_NONE},
	{STR_INIT("message"), L(WAZUH), STR_INIT("Message"), ROLE_NONE},
	/* NXLog calls its own verdict EventType, and what Sysmon calls so (CreateKey, SetValue ...) by this name */
	{STR_INIT("EventTypeOrignal"), L(NXLOG), STR_INIT("EventType"), ROLE_NONE},
	{STR_INIT("EventType"), L(NXLOG), STR_INIT("nxlog.EventType"), ROLE_NONE},
	{STR_INIT("SystemTime"), ALL_LAYOUTS, STR_INIT("SystemTime"), ROLE_TIME_CREATED},
	{STR_INIT("TimeCreated_SystemTime"), L(WINDOWS_XML), STR_INIT("SystemTime"), ROLE_TIME_CREATED},
	{STR_INIT("TimeCreated"), FLAT_LAYOUTS, STR_INIT("SystemTime"), ROLE_TIME_CREATED},
	{STR_INIT("time_created"), L(WINLOGBEAT), STR_INIT("SystemTime"), ROLE_TIME_CREATED},
	{STR_INIT("systemTime"), L(WAZUH), STR_INIT("SystemTime"), ROLE_TIME_CREATED},
	{STR_INIT("UtcTime"), ALL_LAYOUTS, STR_INIT("UtcTime"), ROLE_TIME_UTC},
	{STR_INIT("EventTime"), FLAT_LAYOUTS, STR_INIT("EventTime"), ROLE_TIME_EVENT},
	{STR_INIT("TimeGenerated"), FLAT_LAYOUTS, STR_INIT("TimeGenerated"), ROLE_TIME_EVENT},
	{STR_INIT("@timestamp"), ALL_LAYOUTS, STR_INIT("@timestamp"), ROLE_TIME_SHIPPED},
	{STR_INIT("timestamp"), ALL_LAYOUTS, STR_INIT("timestamp"), ROLE_TIME_SHIPPED},
};

WORDS(header_words, header_rows)

/* What stands before the names of a layout, the longer first. */
static const struct prefix_row {
	enum json_layout layout;
	struct str prefix;
	bool data;    /* of the event itself; else what stands around it */
	bool wrapped; /* one more element stands between prefix and name */
} prefixes[] = {
	{LAYOUT_WINDOWS_XML, STR_INIT("Event.System."), false, false},
	{LAYOUT_WINDOWS_XML, STR_INIT("System."), false, false},
	{LAYOUT_WINDOWS_XML, STR_INIT("EventData."), true, false},
	{LAYOUT_WINDOWS_XML, STR_INIT("UserData."), true, true},
	{LAYOUT_WINDOWS_XML, STR_INIT("Event.EventData."), true, false},
	{LAYOUT_WINDOWS_XML, STR_INIT("Event.UserData."), true, true},
	{LAYOUT_WINLOGBEAT, STR_INIT("winlog.event_data."), true, false},
	{LAYOUT_WINLOGBEAT, STR_INIT("winlog.user_data."), true, false},
	{LAYOUT_WINLOGBEAT, STR_INIT("winlog."), false, false},
	{LAYOUT_WINLOGBEAT, STR_INIT("event_data."), true, false},
	{LAYOUT_WINLOGBEAT, STR_INIT("user_data."), true, false},
	{LAYOUT_WAZUH, STR_INIT("win.system."), false, false},
	{LAYOUT_WAZUH, STR_INIT("win.eventdata."), true, false},
};

struct windows_event {
	struct decode_context *c;
	struct event *e;
	enum json_layout layout;
	struct str data_name; /* Data elements whose name stands beside their text */
	uint16_t time[ROLE_END - ROLE_TIME_CREATED]; /* number of the field + 1; small, because it is zeroed for each event */
	struct str product, category;
};

/* Write `parts` one after the other without blanks; false: arena full. */
static bool
join_without_blanks(struct arena *arena, struct str a, struct str b, struct str c, struct str *ret)
{
	const struct str parts[] = {a, b, c};
	size_t n = 0;
	char *p = arena_alloc(arena, a.n + b.n + c.n);
	for (size_t i = 0; p && i < COUNT(parts); i++)
		for (size_t k = 0; k < parts[i].n; k++)
			if (parts[i].p[k] != ' ')
				p[n++] = parts[i].p[k];
	if (p)
		*ret = str_from(p, n);
	return p != NULL;
}

/* Attributes are Element_Attribute, and a text beside attributes is called as its element. */
static bool
xml_name(struct windows_event *w, struct str *name)
{
	static const struct str marks[] = {STR_INIT(".#attributes."), STR_INIT("_attributes."), STR_INIT(".@")};
	if (str_ends(*name, STR(".#text")))
		name->n -= 6;
	for (size_t i = 0; i < COUNT(marks); i++) {
		ptrdiff_t at = str_find(*name, marks[i]);
		if (at > 0)
			return join_without_blanks(w->c->arena, str_cut(*name, 0, (size_t)at), STR("_"),
			    str_skip(*name, (size_t)at + marks[i].n), name);
	}
	return true;
}

/* <Data Name="x">y</Data> by a converter that numbers the elements: the name comes first, then the text. */
static bool
is_numbered_data(struct windows_event *w, struct str name, struct str value, struct str *ret)
{
	if (!str_starts(name, STR("Data.")))
		return false;
	if (str_ends(name, STR("Name"))) {
		w->data_name = value;
		*ret = (struct str){0};
		return true;
	}
	if (!str_ends(name, STR("#text")) || !w->data_name.n)
		return false;
	*ret = w->data_name;
	w->data_name = (struct str){0};
	return true;
}

static bool
upper_first(struct arena *arena, struct str *name)
{
	struct str copy;
	if (!name->n || name->p[0] < 'a' || name->p[0] > 'z')
		return true;
	if (!arena_copy(arena, *name, &copy))
		return false;
	*(char *)(uintptr_t)copy.p &= (char)~0x20; /* ours since a moment ago */
	*name = copy;
	return true;
}

/* The native name of a data field; false when there is none or no room for it. */
static bool
data_name(struct windows_event *w, const struct prefix_row *row, struct str value, struct str *name)
{
	if (row->wrapped) {
		ptrdiff_t dot = str_find_char(*name, '.');
		*name = dot < 0 ? *name : str_skip(*name, (size_t)dot + 1);
	}
	if (row->layout == LAYOUT_WAZUH)
		return upper_first(w->c->arena, name);
	if (row->layout == LAYOUT_WINDOWS_XML) {
		if (is_numbered_data(w, *name, value, name))
			return name->n > 0;
		if (str_starts(*name, STR("#attributes.")))
			return !row->wrapped && str_find_char(*name, ':') < 0 &&
			    join_without_blanks(w->c->arena, STR("EventData_"), str_skip(*name, 12), STR(""), name);
		if (!xml_name(w, name))
			return false;
		if (row->wrapped)
			*name = str_skip(*name, (size_t)(text_find_last(*name, '.') + 1));
	}
	if (str_find_char(*name, ' ') >= 0)
		return join_without_blanks(w->c->arena, *name, STR(""), STR(""), name);
	return true;
}

static const struct prefix_row *
prefix_of(const struct windows_event *w, struct str name)
{
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (prefixes[i].layout == w->layout && str_starts(name, prefixes[i].prefix))
			return &prefixes[i];
	return NULL;
}

static const struct header_row *
known_header(const struct windows_event *w, struct str name)
{
	const struct header_row *row = words_find(&header_words, name);
	return row && row->layouts & 1u << w->layout ? row : NULL;
}

/* The native name of what stands around the data: known by `name`, else as it was. */
static bool
header_name(struct windows_event *w, struct str name, enum field_kind kind, struct str *ret, enum role *ret_role)
{
	bool xml = w->layout == LAYOUT_WINDOWS_XML;
	if (xml && (kind == FIELD_NULL || str_find(name, STR("xmlns")) >= 0 || !xml_name(w, &name)))
		return false;
	const struct header_row *row = known_header(w, name);
	if (row) {
		*ret = row->native;
		*ret_role = row->role;
	} else if (xml) {
		*ret = name;
	}
	return true;
}

/* *name becomes what Sigma's taxonomy calls it, *ret_role what it is to us; false: left out. */
static bool
native_name(struct windows_event *w, struct str value, enum field_kind kind, struct str *name, enum role *ret_role)
{
	const struct prefix_row *prefix = prefix_of(w, *name);
	struct str bare = prefix ? str_skip(*name, prefix->prefix.n) : *name;
	if (!prefix || !prefix->data)
		return header_name(w, bare, kind, name, ret_role);
	if (!data_name(w, prefix, value, &bare))
		return false;
	*name = bare;
	if (str_eq(bare, STR("UtcTime")))
		*ret_role = ROLE_TIME_UTC;
	return true;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Hexadecimal numbers as the event viewer writes them: 0x1eba8, not 0x000000000001eba8. */
static struct str
without_zeros(struct windows_event *w, struct str value)
{
	size_t at = 2;
	if (value.n < 4 || !str_starts(value, STR("0x0")))
		return value;
	for (size_t i = 2; i < value.n; i++)
		if (!is_hex(value.p[i]))
			return value;
	while (at + 1 < value.n && value.p[at] == '0')
		at++;
	struct str shorter;
	return join_without_blanks(w->c->arena, STR("0x"), str_skip(value, at), STR(""), &shorter) ? shorter : value;
}

static void
take_role(struct windows_event *w, enum role role, struct field *f)
{
	struct event *e = w->e;
	struct str value = event_value(e, f);
	switch (role) {
	case ROLE_CODE:
		e->code = value;
		break;
	case ROLE_CHANNEL:
		e->channel = value;
		break;
	case ROLE_PROVIDER:
		e->provider = value;
		break;
	default:
		if (value.n && !w->time[role - ROLE_TIME_CREATED])
			w->time[role - ROLE_TIME_CREATED] = (uint16_t)(f - e->field + 1);
		break;
	}
}

static void
add_named(struct windows_event *w, struct str name, struct str value, enum field_kind kind, bool escaped,
    enum role role)
{
	uint32_t at = w->e->field_count;
	event_put(w->e, w->c->names, name, value, kind, escaped);
	if (w->e->field_count == at)
		return;
	if (role != ROLE_NONE)
		take_role(w, role, &w->e->field[at]);
	else if (kind == FIELD_TEXT && str_eq(name, STR("product")))
		w->product = value;
	else if (kind == FIELD_TEXT && str_eq(name, STR("category")))
		w->category = value;
}

static bool
tells_source(struct str name)
{
	return str_eq(name, STR("product")) || str_eq(name, STR("category"));
}

/* native_name() for LAYOUT_WINLOGBEAT, where it depends on nothing but the name. */
static void
know_beats(const struct names *names, struct arena *arena, struct key *k)
{
	struct decode_context c = {.arena = arena};
	struct windows_event w = {.c = &c, .layout = LAYOUT_WINLOGBEAT};
	enum role role = ROLE_NONE;
	k->beats_name = k->name;
	(void)native_name(&w, STR(""), FIELD_TEXT, &k->beats_name, &role);
	k->beats_role = (uint8_t)role;
	k->beats_id = names_find(names, k->beats_name);
	k->beats_word = windows_word(k->beats_name);
	k->beats_source = role == ROLE_NONE && tells_source(k->beats_name);
}

void
windows_know_key(const struct names *names, struct arena *arena, struct key *k)
{
	const struct header_row *row = words_find(&header_words, k->name);
	k->header = row;
	k->header_id = row ? names_find(names, row->native) : NAME_UNKNOWN;
	k->header_word = row ? windows_word(row->native) : 0;
	k->tells_source = tells_source(k->name);
	know_beats(names, arena, k);
}

/* A field under its member's name becomes what the layout and the key make of it. */
static void
apply_key(struct windows_event *w, const struct key *key, struct field *f)
{
	const struct header_row *row = key->header;
	if (row && row->layouts & 1u << w->layout) {
		f->name = row->native;
		f->id = key->header_id;
		f->word = key->header_word;
		if (row->role != ROLE_NONE)
			take_role(w, row->role, f);
	} else if (key->tells_source && f->kind == FIELD_TEXT) {
		*(key->name.p[0] == 'p' ? &w->product : &w->category) = f->value;
	}
}

/* The same for a member whose name is known. */
static void
add_known(struct windows_event *w, const struct key *key, struct str value, enum field_kind kind, bool escaped)
{
	struct field *f = event_new_field(w->e);
	if (!f)
		return;
	*f = (struct field){.name = key->name, .value = value, .id = key->id, .kind = (uint8_t)kind, .escaped = escaped,
	    .word = key->word};
	apply_key(w, key, f);
}

/* The hot one of the two: nearly every member of a flat event is called what it should be. */
static void
add_flat(void *user, struct str name, struct str value, enum field_kind kind, bool escaped)
{
	struct windows_event *w = user;
	if (w->c->key) {
		add_known(w, w->c->key, value, kind, escaped);
		return;
	}
	const struct header_row *row = known_header(w, name);
	add_named(w, row ? row->native : name, value, kind, escaped, row ? row->role : ROLE_NONE);
}

static void
add_nested(void *user, struct str name, struct str value, enum field_kind kind, bool escaped)
{
	struct windows_event *w = user;
	enum role role = ROLE_NONE;
	if (!native_name(w, value, kind, &name, &role))
		return;
	if (w->layout == LAYOUT_WINDOWS_XML)
		value = without_zeros(w, value);
	add_named(w, name, value, kind, escaped, role);
}

/* "... Z", "... +07:00", "... -0400": does the text itself say how far its clock is from UTC? */
static bool
has_zone(struct str s)
{
	struct str tail = str_skip(s, s.n > 6 ? s.n - 6 : 0);
	return s.n > 10 && (str_ends(s, STR("Z")) || str_find_char(tail, '+') >= 0 || str_find_char(tail, '-') >= 0);
}

/* fluent-bit writes "2026-11-22 09:13:41 +0700"; the blank before the offset has no place in RFC 3339. */
static bool
parse_time(struct str s, int zone, int64_t *ret_ms)
{
	enum { CLOCK = 11 /* where it begins */ };
	char joined[40];
	ptrdiff_t blank = str_find_char(str_skip(s, CLOCK), ' ');
	if (blank < 0 || s.n > sizeof joined)
		return time_parse(s, zone, ret_ms);
	size_t at = CLOCK + (size_t)blank;
	memcpy(joined, s.p, at);
	memcpy(joined + at, s.p + at + 1, s.n - at - 1);
	struct str offset = str_skip(s, at + 1);
	return (str_starts(offset, STR("+")) || str_starts(offset, STR("-"))) &&
	    time_parse(str_from(joined, s.n - 1), zone, ret_ms);
}

/* A time with its own zone is worth more than the shipper's, that one more than a local clock without a zone. */
static void
take_time(struct windows_event *w)
{
	int64_t *ms = &w->e->time_ms;
	struct str time[COUNT(w->time)] = {0};
	for (size_t i = 0; i < COUNT(time); i++)
		if (w->time[i])
			time[i] = w->e->field[w->time[i] - 1].value;
	for (size_t i = 0; i < COUNT(time) && *ms == TIME_NONE; i++)
		if (time[i].n && (i == ROLE_TIME_UTC - ROLE_TIME_CREATED || has_zone(time[i])))
			(void)parse_time(time[i], 0, ms);
	for (size_t i = 0; i < COUNT(time) && *ms == TIME_NONE; i++)
		if (time[i].n && !parse_time(time[i], w->c->zone, ms))
			(void)time_from_epoch(time[i], ms);
}

/* Behind the last field. */
static void
finish(struct windows_event *w)
{
	struct event *e = w->e;
	take_time(w);
	e->product = STR("windows");
	if (!e->channel.n && w->product.n) {
		e->product = w->product;
		e->category = w->category;
	}
	e->decoder = DECODER_WINDOWS_JSON;
	e->confidence = e->channel.n && e->code.n ? 100 : 80;
	decode_windows_core(w->c, e);
}

void
decode_windows_layout(struct decode_context *c, enum json_layout layout, struct event *e)
{
	struct windows_event w = {.c = c, .e = e, .layout = layout};
	event_reserve(e, c->members + CORE_ROOM);
	flatten(c, e, 0, false, FLAT_LAYOUTS & 1u << layout ? add_flat : add_nested, &w);
	if (layout == LAYOUT_FLUENT)
		decode_windows_inserts(c, e);
	finish(&w);
}

void
decode_windows_flat(struct decode_context *c, enum json_layout layout, struct event *e)
{
	struct windows_event w = {.c = c, .e = e, .layout = layout};
	for (uint32_t i = 0; i < c->flat->special_count; i++)
		apply_key(&w, c->flat->special[i].key, &e->field[c->flat->special[i].field]);
	finish(&w);
}

void
decode_windows_beats(struct decode_context *c, struct event *e, uint32_t first)
{
	struct windows_event w = {.c = c, .e = e, .layout = LAYOUT_WINLOGBEAT};
	for (uint32_t i = first; i < e->field_count; i++) {
		const struct key *key = c->flat->key[i];
		struct field *f = &e->field[i];
		f->name = key->beats_name;
		f->id = key->beats_id;
		f->word = key->beats_word;
		if (key->beats_role)
			take_role(&w, key->beats_role, f);
		else if (key->beats_source && f->kind == FIELD_TEXT)
			*(f->name.p[0] == 'p' ? &w.product : &w.category) = f->value;
	}
	finish(&w);
}

int
decode_windows_json(struct decode_context *c, struct event *e)
{
	enum json_layout layout = json_layout(c);
	if (layout < LAYOUT_WINDOWS_FLAT || layout >= LAYOUT_ENVELOPE)
		return E_INVALID;
	decode_windows_layout(c, layout, e);
	return 0;
}
