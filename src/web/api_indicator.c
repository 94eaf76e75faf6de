/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Indicators, their sources, imports and the warning lists. Lists and imports run on a pool thread with a database
 * connection of their own: there may be millions of rows.
 */
#include <time.h>

#include "base/hash.h"
#include "host/clock.h"
#include "share/indicator.h"
#include "web/page.h"
#include "web/recorded.h"
#include "web/route.h"

#define PAGE_MAX 500
#define NOTE_MAX 2000u

/* --- writing --- */

static void
time_or_null(struct buf *out, const char *name, int64_t ms)
{
	if (ms != TIME_NONE)
		out_i64(out, name, ms);
	else
		out_raw(out, name, STR("null"));
}

/* Without the closing brace, so that the full view can add its own. */
static void
indicator_members(struct buf *out, const struct indicator *i)
{
	buf_add_char(out, '{');
	out_i64(out, "id", i->id);
	out_text(out, "kind", str_z(ioc_kind_name(i->kind)));
	out_text(out, "value", i->value);
	out_text(out, "source", i->source);
	out_text(out, "tlp", str_z(tlp_name(i->tlp)));
	out_i64(out, "confidence", i->confidence);
	time_or_null(out, "valid_from_ms", i->from_ms);
	time_or_null(out, "valid_until_ms", i->until_ms);
	out_text(out, "state", str_z(indicator_state_name(i->state)));
	out_text_or_null(out, "held_by", i->held_by);
	out_text_or_null(out, "note", i->note);
	out_text_or_null(out, "reference", i->reference);
	out_i64(out, "sightings", i->sightings);
	time_or_null(out, "first_seen_ms", i->first_seen_ms);
	time_or_null(out, "last_seen_ms", i->last_seen_ms);
	out_i64(out, "created_ms", i->created_ms);
	out_text(out, "who", i->who);
	out_i64(out, "version", i->version);
}

static void
fault_json(struct buf *out, const struct fault *f)
{
	buf_add_char(out, '{');
	out_i64(out, "line", f->line);
	out_i64(out, "column", f->column);
	out_text(out, "what", str_z(f->what));
	out_text(out, "arg", str_z(f->arg));
	buf_add_char(out, '}');
}

/* --- list --- */

/* What a pool thread works with. */
struct list_job {
	struct indicator_filter filter;
	int64_t now_ms;
};

static int
open_own(struct api_call *c, struct db **ret)
{
	struct fault f;
	return db_beside(c->desk->db, ret, &f);
}

static int
list_rows(struct api_call *c, struct db *db, const struct list_job *j)
{
	struct indicator *list;
	uint32_t count;
	int64_t total = 0;
	TRY(indicator_list(db, &j->filter, j->now_ms, &c->arena, &list, &count));
	TRY(indicator_count(db, &j->filter, j->now_ms, &total));
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		indicator_members(&c->out, &list[i]);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, total, count == j->filter.limit ? list[count - 1].id : 0);
	return 0;
}

static int
list_work(struct api_call *c)
{
	struct db *db = NULL;
	int error = open_own(c, &db);
	if (!error)
		error = list_rows(c, db, c->user);
	db_close(db);
	return error;
}

static void
reply_work(struct api_call *c, int error)
{
	if (!api_failed(c, error))
		api_reply(c, 200);
}

/* NULL, or the parameter that is wrong. */
static const char *
read_filter(struct api_call *c, struct indicator_filter *f)
{
	struct str kind = api_query(c, STR("kind")), state = api_query(c, STR("state"));
	enum ioc_kind k;
	enum indicator_state s;
	int64_t limit;
	char plain[IOC_VALUE_MAX];
	if (!api_query_i64(c, STR("cursor"), INT64_MAX, 1, INT64_MAX, &f->before_id))
		return "cursor";
	if (!api_query_i64(c, STR("limit"), 100, 1, PAGE_MAX, &limit))
		return "limit";
	if (kind.n && !ioc_kind_from_name(kind, &k))
		return "kind";
	if (state.n && !indicator_state_from_name(state, &s))
		return "state";
	f->limit = (uint32_t)limit;
	f->kind = kind.n ? (int)k : -1;
	f->state = state.n ? (int)s : -1;
	f->source = api_query(c, STR("source"));
	/* People paste what reports made harmless. */
	if (!arena_copy(&c->arena, str_from(plain, ioc_refang(api_query(c, STR("q")), plain)), &f->text))
		return "q";
	return NULL;
}

void
api_indicators(struct api_call *c)
{
	struct list_job *j = ARENA_NEW(&c->arena, struct list_job);
	const char *wrong = j ? read_filter(c, &j->filter) : "limit";
	if (wrong) {
		api_reply_problem(c, 422, "invalid", wrong);
		return;
	}
	j->now_ms = clock_now_ms();
	c->user = j;
	api_defer(c, list_work, reply_work);
}

static int
sources_work(struct api_call *c)
{
	struct db *db = NULL;
	struct indicator_source *list = NULL;
	uint32_t count = 0;
	int error = open_own(c, &db);
	if (!error)
		error = indicator_sources(db, clock_now_ms(), &c->arena, &list, &count);
	db_close(db);
	TRY(error);
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		buf_add_char(&c->out, '{');
		out_text(&c->out, "name", list[i].name);
		out_i64(&c->out, "indicators", list[i].indicators);
		out_i64(&c->out, "active", list[i].active);
		out_i64(&c->out, "last_import_ms", list[i].imported_ms);
		out_i64(&c->out, "sightings", list[i].sightings);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, count, 0);
	return 0;
}

void
api_indicator_sources(struct api_call *c)
{
	api_defer(c, sources_work, reply_work);
}

void
api_warning_lists(struct api_call *c)
{
	uint32_t count = 0;
	const struct warning_list *list = c->desk->warning_lists ? warning_lists_all(c->desk->warning_lists, &count) : NULL;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		buf_add_char(&c->out, '{');
		out_text(&c->out, "name", list[i].name);
		out_text(&c->out, "title", list[i].title);
		out_text_or_null(&c->out, "title_vi", list[i].title_vi);
		out_i64(&c->out, "entries", list[i].entries);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, count, 0);
	api_reply(c, 200);
}

/* --- one --- */

static void
owner_json(struct api_call *c, const struct sighting *s)
{
	const struct organisation *o = registry_organisation(c->desk->registry, s->organisation);
	const struct system *sys = registry_system(c->desk->registry, s->system);
	out_named(&c->out, "organisation", o ? o->id : STR(""), o ? o->name : STR(""));
	out_named(&c->out, "system", sys ? sys->id : STR(""), sys ? sys->name : STR(""));
}

static int
full_indicator(struct api_call *c, int64_t id, struct indicator *ret)
{
	struct sighting *list;
	uint32_t count;
	TRY(indicator_get(c->desk->db, id, clock_now_ms(), &c->arena, ret));
	TRY(sighting_list(c->desk->db, id, &c->arena, &list, &count));
	indicator_members(&c->out, ret);
	out_name(&c->out, "sighting_items");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(&c->out, i ? STR(",{") : STR("{"));
		out_i64(&c->out, "event", list[i].event);
		out_i64(&c->out, "time_ms", list[i].time_ms);
		out_text(&c->out, "field", list[i].field);
		out_text(&c->out, "value", list[i].value);
		owner_json(c, &list[i]);
		buf_add_char(&c->out, '}');
	}
	buf_add(&c->out, STR("]}"));
	return 0;
}

static void
reply_indicator(struct api_call *c, int64_t id, uint16_t status)
{
	struct indicator i = {0};
	struct buf etag = BUF_INIT_MAX(32);
	int error = full_indicator(c, id, &i);
	buf_addf(&etag, "\"%lld\"", (long long)i.version);
	if (!error && !arena_copy(&c->arena, buf_str(&etag), &c->response.etag))
		error = E_LIMIT;
	buf_release(&etag);
	if (!api_failed(c, error))
		api_reply(c, status);
}

void
api_indicator_get(struct api_call *c)
{
	int64_t id;
	if (str_to_i64(c->path_id, &id))
		reply_indicator(c, id, 200);
	else
		api_reply_error(c, E_NOT_FOUND);
}

/* --- changing --- */

/* A member that may be missing or null. False: it is of another kind or outside [min, max]. */
static bool
read_number(struct api_call *c, struct str key, int64_t fallback, int64_t min, int64_t max, int64_t *ret)
{
	uint32_t at = json_get(&c->body, 0, key);
	*ret = fallback;
	if (!at || c->body.token[at].kind == JSON_NULL)
		return true;
	return json_get_i64(&c->body, 0, key, ret) && *ret >= min && *ret <= max;
}

static bool
read_text(struct api_call *c, struct str key, size_t max, struct str *ret)
{
	uint32_t at = json_get(&c->body, 0, key);
	*ret = (struct str){0};
	if (!at || c->body.token[at].kind == JSON_NULL)
		return true;
	return json_get_string(&c->body, 0, key, &c->arena, ret) && ret->n <= max;
}

/* Source, TLP, confidence and end, as imports and single indicators give them. NULL, or what is wrong. */
static const char *
read_wish(struct api_call *c, struct indicator_import *w)
{
	struct str tlp;
	enum tlp t;
	int64_t confidence;
	*w = (struct indicator_import){.tlp = TLP_UNSAID, .who = str_z(c->who.login)};
	if (!read_text(c, STR("source"), 100, &w->source) || !w->source.n || str_trim(w->source).n != w->source.n)
		return "source";
	if (!read_text(c, STR("tlp"), 20, &tlp) || (tlp.n && !tlp_from_name(tlp, &t)))
		return "tlp";
	if (tlp.n)
		w->tlp = (int)t;
	if (!read_number(c, STR("confidence"), -1, 0, 100, &confidence))
		return "confidence";
	w->confidence = (int)confidence;
	if (!read_number(c, STR("valid_until_ms"), TIME_NONE, 0, INT64_C(253402300799999), &w->until_ms))
		return "valid_until_ms";
	return NULL;
}

/* A value as people write it; the kind is theirs or guessed. */
static const char *
read_item(struct api_call *c, struct feed_item *item)
{
	struct str kind, value;
	char plain[IOC_VALUE_MAX], normal[IOC_VALUE_MAX];
	*item = (struct feed_item){.tlp = TLP_UNSAID, .confidence = -1, .from_ms = TIME_NONE, .until_ms = TIME_NONE};
	if (!read_text(c, STR("value"), IOC_VALUE_MAX, &value))
		return "value";
	value = str_from(plain, ioc_refang(value, plain));
	if (!read_text(c, STR("kind"), 20, &kind) || (kind.n && !ioc_kind_from_name(kind, &item->kind)))
		return "kind";
	if (!kind.n && !ioc_guess(value, &item->kind))
		return "value";
	size_t n = ioc_normalise(item->kind, value, normal);
	if (!n || !arena_copy(&c->arena, str_from(normal, n), &item->value))
		return "value";
	if (!read_text(c, STR("note"), NOTE_MAX, &item->note))
		return "note";
	return read_text(c, STR("reference"), FEED_REFERENCE_MAX, &item->reference) ? NULL : "reference";
}

void
api_indicator_post(struct api_call *c)
{
	struct indicator_import wish;
	struct feed_item item;
	int64_t id = 0;
	char number[24];
	const char *wrong = read_wish(c, &wish);
	if (!wrong)
		wrong = read_item(c, &item);
	if (wrong || !c->desk->warning_lists) {
		api_reply_problem(c, 422, "invalid", wrong ? wrong : "warning_lists");
		return;
	}
	int error = indicator_add(c->desk->db, &wish, c->desk->warning_lists, &item, clock_now_ms(), &id);
	if (api_failed(c, error))
		return;
	snprintf(number, sizeof number, "%lld", (long long)id);
	if (!arena_copy(&c->arena, str_z(number), &c->noun_id))
		c->noun_id = (struct str){0};
	reply_indicator(c, id, 201);
}

static const char *
read_update(struct api_call *c, struct indicator_update *u)
{
	struct str state;
	enum indicator_state s;
	int64_t confidence;
	*u = (struct indicator_update){.state = -1};
	if (!read_text(c, STR("state"), 20, &state) ||
	    (state.n && (!indicator_state_from_name(state, &s) || (s != INDICATOR_ACTIVE && s != INDICATOR_REVOKED))))
		return "state";
	if (state.n)
		u->state = (int)s;
	u->set_note = json_get(&c->body, 0, STR("note")) != 0;
	if (!read_text(c, STR("note"), NOTE_MAX, &u->note))
		return "note";
	u->set_until = json_get(&c->body, 0, STR("valid_until_ms")) != 0;
	if (!read_number(c, STR("valid_until_ms"), TIME_NONE, 0, INT64_C(253402300799999), &u->until_ms))
		return "valid_until_ms";
	if (!read_number(c, STR("confidence"), -1, 0, 100, &confidence))
		return "confidence";
	u->confidence = (int)confidence;
	return u->state >= 0 || u->set_note || u->set_until || confidence >= 0 ? NULL : "state";
}

/* What the record tells of it before and after. */
static int
facts(struct api_call *c, int64_t id, struct str *ret)
{
	struct indicator i;
	struct buf out = BUF_INIT_MAX(64 << 10);
	TRY(indicator_get(c->desk->db, id, clock_now_ms(), &c->arena, &i));
	indicator_members(&out, &i);
	buf_add_char(&out, '}');
	bool kept = arena_copy(&c->arena, buf_str(&out), ret);
	buf_release(&out);
	return kept ? 0 : E_LIMIT;
}

void
api_indicator_patch(struct api_call *c)
{
	struct indicator_update update;
	struct fault f = {0};
	int64_t id, version;
	if (!str_to_i64(c->path_id, &id)) {
		api_reply_error(c, E_NOT_FOUND);
		return;
	}
	const char *field = api_match_version(c, &version) ? read_update(c, &update) : "If-Match";
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	int error = facts(c, id, &c->before);
	if (!error)
		error = indicator_change(c->desk->db, id, version, &update, clock_now_ms(), &f);
	if (!error)
		error = facts(c, id, &c->after);
	if (error == E_DENIED)
		api_reply_problem(c, 422, "indicator_held", "state");
	else if (!api_failed(c, error))
		reply_indicator(c, id, 200);
}

/* --- imports --- */

struct import_job {
	struct indicator_import wish;
	struct str name, text;
	int64_t now_ms;
	struct indicator_report report;
};

static void
counts_json(struct buf *out, const struct indicator_report *r)
{
	const struct {
		const char *name;
		uint64_t value;
	} row[] = {{"read", r->read}, {"added", r->added}, {"updated", r->updated}, {"unchanged", r->unchanged},
		{"refused", r->refused}, {"held", r->held}, {"ignored", r->ignored}};
	for (size_t i = 0; i < COUNT(row); i++)
		out_i64(out, row[i].name, (int64_t)row[i].value);
}

/* Core's turn at the database. */
static void
breathe(void *user)
{
	const struct timespec pause = {0, INDICATOR_PAUSE_MS * 1000000};
	nanosleep(&pause, NULL);
}

static int
import_work(struct api_call *c)
{
	struct import_job *j = c->user;
	struct db *db = NULL;
	int error = open_own(c, &db);
	if (!error)
		error = indicator_import(db, &j->wish, c->desk->warning_lists, j->text, j->now_ms, &j->report);
	db_close(db);
	/* A broken place or too many: what was taken is in, the faults tell the rest. */
	return error == E_INVALID || error == E_LIMIT ? 0 : error;
}

/* The record names the text by its digest, and what came of it. */
static void
note_import(struct api_call *c, const struct import_job *j)
{
	struct buf out = BUF_INIT_MAX(4096);
	uint8_t digest[32];
	sha256(j->text, digest);
	buf_add_char(&out, '{');
	out_text(&out, "name", j->name);
	out_text(&out, "source", j->wish.source);
	counts_json(&out, &j->report);
	out_name(&out, "sha256");
	buf_add_char(&out, '"');
	buf_add_hex(&out, digest, sizeof digest);
	buf_add(&out, STR("\"}"));
	if (!arena_copy(&c->arena, buf_str(&out), &c->after))
		c->after = (struct str){0};
	buf_release(&out);
}

static void
import_done(struct api_call *c, int error)
{
	const struct import_job *j = c->user;
	note_import(c, j);
	if (error && j->report.read) {
		int unkept = recorded_now(c); /* what was taken before stays */
		api_reply_error(c, unkept ? unkept : error);
		return;
	}
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '{');
	counts_json(&c->out, &j->report);
	out_name(&c->out, "faults");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < j->report.faults; i++) {
		if (i)
			buf_add_char(&c->out, ',');
		fault_json(&c->out, &j->report.fault[i]);
	}
	buf_add(&c->out, STR("]}"));
	api_reply(c, 200);
}

void
api_indicator_import(struct api_call *c)
{
	struct import_job *j = ARENA_NEW(&c->arena, struct import_job);
	struct str format;
	const char *wrong = j ? read_wish(c, &j->wish) : "text";
	if (!wrong && !read_text(c, STR("name"), 300, &j->name))
		wrong = "name";
	if (!wrong && !read_text(c, STR("format"), 10, &format))
		wrong = "format";
	if (!wrong && !feed_format_from_name(format.n ? format : STR("auto"), &j->wish.format))
		wrong = "format";
	if (!wrong && (!read_text(c, STR("text"), SIZE_MAX, &j->text) || !j->text.n))
		wrong = "text";
	if (wrong || !c->desk->warning_lists) {
		api_reply_problem(c, 422, "invalid", wrong ? wrong : "warning_lists");
		return;
	}
	j->now_ms = clock_now_ms();
	j->wish.breathe = breathe;
	c->user = j;
	api_defer_to(c, c->desk->importer, import_work, import_done);
}
