/* SPDX-License-Identifier: EUPL-1.2 */
/* Searching the archive. All of it runs on pool threads: the archive is thread-safe, the database is not touched. */
#include "web/route.h"

#include <stdatomic.h>
#include <sodium.h>

#include "base/memory.h"
#include "host/clock.h"
#include "web/page.h"

#define TIME_FAR (INT64_C(1) << 60) /* beyond any calendar, and safe to add to and subtract from */
#define SEARCH_BUDGET_MS 10000 /* then the answer says how far it came */

struct event_search {
	struct search search;
	struct archive_cursor cursor, *before;
	uint32_t limit, slots;
	struct str field;
	int64_t deadline_ms;
	bool stopped;
};

static bool
out_of_time(void *user)
{
	const struct event_search *s = user;
	return clock_monotonic_ms() > s->deadline_ms;
}

/* Query, range and limit, which all three searches share. Answers itself and returns NULL when something is wrong. */
static struct event_search *
read_search(struct api_call *c, int64_t default_limit, int64_t max_limit)
{
	struct event_search *s = ARENA_NEW(&c->arena, struct event_search);
	struct fault f = {0};
	int64_t limit;
	if (!s || search_parse(api_query(c, STR("q")), &c->arena, &s->search, &f) < 0) {
		api_reply_problem(c, 422, f.what ? f.what : "invalid", "q");
		return NULL;
	}
	bool ok = api_query_i64(c, STR("from"), INT64_MIN, -TIME_FAR, TIME_FAR, &s->search.from_ms) &&
	    api_query_i64(c, STR("to"), INT64_MAX, -TIME_FAR, TIME_FAR, &s->search.to_ms) &&
	    api_query_i64(c, STR("limit"), default_limit, 1, max_limit, &limit);
	if (!ok) {
		api_reply_problem(c, 422, "invalid", "from");
		return NULL;
	}
	s->limit = (uint32_t)limit;
	s->deadline_ms = clock_monotonic_ms() + SEARCH_BUDGET_MS;
	c->user = s;
	return s;
}

static void
search_done(struct api_call *c, int error)
{
	if (!api_failed(c, error))
		api_reply(c, 200);
}

/* --- list --- */

static struct str
field_value(const struct archive_event *e, struct str name)
{
	for (uint32_t i = 0; i < e->field_count; i++)
		if (str_eq(e->field[i].name, name))
			return e->field[i].value;
	return (struct str){0};
}

static void
event_members(struct buf *out, const struct archive_event *e)
{
	out_i64(out, "id", (int64_t)e->id);
	out_i64(out, "time_ms", e->time_ms);
	out_i64(out, "received_ms", e->received_ms);
	out_text(out, "host", field_value(e, STR("host.name")));
	out_text(out, "source", field_value(e, STR("khien.source")));
	out_text(out, "dataset", field_value(e, STR("event.dataset")));
	out_text(out, "decoder", str_z(decoder_name(e->decoder)));
	out_i64(out, "confidence", e->confidence);
	out_bool(out, "demonstration", e->raw_flags & RAW_DEMO);
	out_text(out, "text", e->text);
	out_name(out, "fields");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < e->field_count; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "name", e->field[i].name);
		out_text(out, "value", e->field[i].value);
		out_bool(out, "core", e->field[i].core);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static int
events_work(struct api_call *c)
{
	struct event_search *s = c->user;
	struct archive_control control = {.stop = out_of_time, .user = s, .ret_stopped = &s->stopped};
	struct archive_event *list;
	uint32_t count;
	char next[48] = "";
	TRY(archive_search(c->desk->archive, &s->search, s->before, s->limit, &control, &c->arena, &list, &count));
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		buf_add_char(&c->out, '{');
		event_members(&c->out, &list[i]);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	out_bool(&c->out, "stopped", s->stopped);
	if (count == s->limit)
		snprintf(next, sizeof next, "%lld.%llu", (long long)list[count - 1].time_ms, (unsigned long long)list[count - 1].id);
	page_end(&c->out, -1, str_z(next));
	return 0;
}

void
api_events(struct api_call *c)
{
	struct event_search *s = read_search(c, 100, 500);
	if (!s)
		return;
	struct str cursor = api_query(c, STR("cursor")), ms;
	if (cursor.n) {
		if (!str_split(&cursor, '.', &ms) || !str_to_i64(ms, &s->cursor.time_ms) || !str_to_u64(cursor, &s->cursor.id)) {
			api_reply_problem(c, 422, "invalid", "cursor");
			return;
		}
		s->before = &s->cursor;
	}
	api_defer(c, events_work, search_done);
}

/* --- histogram --- */

static int
histogram_work(struct api_call *c)
{
	struct event_search *s = c->user;
	struct archive_control control = {.stop = out_of_time, .user = s, .ret_stopped = &s->stopped};
	int64_t interval = (s->search.to_ms - s->search.from_ms + s->slots - 1) / s->slots;
	uint64_t *counts = arena_calloc(&c->arena, s->slots, sizeof *counts);
	if (!counts)
		return E_LIMIT;
	TRY(archive_histogram(c->desk->archive, &s->search, interval, counts, s->slots, &control));
	buf_add_char(&c->out, '{');
	out_i64(&c->out, "from_ms", s->search.from_ms);
	out_i64(&c->out, "interval_ms", interval);
	out_bool(&c->out, "stopped", s->stopped);
	out_name(&c->out, "counts");
	for (uint32_t i = 0; i < s->slots; i++)
		buf_addf(&c->out, "%c%llu", i ? ',' : '[', (unsigned long long)counts[i]);
	buf_add(&c->out, STR("]}"));
	return 0;
}

void
api_events_histogram(struct api_call *c)
{
	struct event_search *s = read_search(c, 1, 1);
	int64_t slots;
	if (!s)
		return;
	if (!api_query_i64(c, STR("slots"), 120, 1, 1000, &slots) || s->search.from_ms < 0 || s->search.to_ms == INT64_MAX ||
	    s->search.to_ms - s->search.from_ms < slots) {
		api_reply_problem(c, 422, "invalid", "from");
		return;
	}
	s->slots = (uint32_t)slots;
	api_defer(c, histogram_work, search_done);
}

/* --- most frequent values --- */

static int
top_work(struct api_call *c)
{
	struct event_search *s = c->user;
	struct archive_control control = {.stop = out_of_time, .user = s, .ret_stopped = &s->stopped};
	struct archive_top *list;
	uint32_t count;
	TRY(archive_top(c->desk->archive, &s->search, s->field, s->limit, &control, &c->arena, &list, &count));
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		buf_add_char(&c->out, '{');
		out_text(&c->out, "value", list[i].value);
		out_i64(&c->out, "count", (int64_t)list[i].count);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	out_bool(&c->out, "stopped", s->stopped);
	buf_add_char(&c->out, '}');
	return 0;
}

void
api_events_top(struct api_call *c)
{
	struct event_search *s = read_search(c, 10, 100);
	if (!s)
		return;
	s->field = api_query(c, STR("field"));
	if (s->field.n)
		api_defer(c, top_work, search_done);
	else
		api_reply_problem(c, 422, "invalid", "field");
}

/* --- one event, with its bytes --- */

static int
raw_json(struct api_call *c, const struct archive_event *e)
{
	static const char *const transports[] = {"udp", "tcp", "tls", "relp", "file", "journald", "beats", "api"};
	struct raw raw;
	struct buf *out = &c->out, peer = BUF_INIT_MAX(64);
	TRY(archive_raw(c->desk->archive, e->id, &c->arena, &raw));
	size_t room = sodium_base64_ENCODED_LEN(raw.bytes.n, sodium_base64_VARIANT_ORIGINAL);
	char *base64 = arena_alloc(&c->arena, room);
	if (!base64)
		return E_LIMIT;
	sodium_bin2base64(base64, room, (const unsigned char *)raw.bytes.p, raw.bytes.n, sodium_base64_VARIANT_ORIGINAL);
	raw_peer_text(&raw, &peer);
	out_name(out, "raw");
	buf_add_char(out, '{');
	out_text(out, "text", raw.form == RAW_LINE ? raw.bytes : e->text);
	out_text(out, "base64", str_z(base64));
	out_i64(out, "bytes", (int64_t)raw.bytes.n);
	out_text(out, "transport", raw.transport < COUNT(transports) ? str_z(transports[raw.transport]) : STR(""));
	out_text(out, "peer", buf_str(&peer));
	out_i64(out, "block", (int64_t)e->block);
	out_i64(out, "index", e->raw_index);
	out_bool(out, "opaque", raw.flags & RAW_OPAQUE);
	buf_add_char(out, '}');
	buf_release(&peer);
	return 0;
}

static int
event_work(struct api_call *c)
{
	struct archive_event e;
	uint64_t id;
	if (!str_to_u64(c->path_id, &id))
		return E_NOT_FOUND;
	TRY(archive_get(c->desk->archive, id, &c->arena, &e));
	buf_add_char(&c->out, '{');
	event_members(&c->out, &e);
	TRY(raw_json(c, &e));
	buf_add_char(&c->out, '}');
	return 0;
}

void
api_event_get(struct api_call *c)
{
	api_defer(c, event_work, search_done);
}
