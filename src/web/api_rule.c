/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules: the list with its filters and orders, one rule, its switch. Those written here are in api_rule_own.c. */
#include "web/api_rule.h"

#include <stdlib.h>

#include "alert/rule_text.h"
#include "base/memory.h"
#include "host/clock.h"
#include "host/file.h"
#include "web/page.h"
#include "web/recorded.h"

#define PAGE_MAX 1000
#define TEXT_BYTES (4u << 20)

/* --- one rule as JSON --- */

struct str
rule_engine_word(const struct rule_info *r)
{
	return r->correlation ? STR("correlation") : r->engine.n ? r->engine : STR("sigma");
}

const char *
rule_origin(const struct desk *d, const struct rule_info *r)
{
	if (d->rules_desk && str_starts(r->file, str_z(d->rules_desk)))
		return "desk";
	return d->rules_shipped && str_starts(r->file, str_z(d->rules_shipped)) ? "shipped" : "folder";
}

static void
score_members(struct buf *out, const struct rule_score *s)
{
	out_i64(out, "fired", s->fired);
	out_i64_or_null(out, "last_ms", s->last_ms);
	out_i64(out, "closed_true", s->closed_true);
	out_i64(out, "closed_false", s->closed_false);
	out_i64(out, "exceptions", s->exceptions);
	if (s->cost_samples)
		out_i64(out, "cost_ns", s->cost_ns);
	else
		out_raw(out, "cost_ns", STR("null"));
}

static void
item_members(struct buf *out, const struct desk *d, const struct rule_info *r, const struct rule_score *score)
{
	struct str never[16];
	out_text(out, "id", r->id);
	out_text(out, "title", r->title);
	out_text_or_null(out, "title_vi", r->title_vi);
	out_text(out, "level", str_z(level_name(r->level)));
	out_text(out, "own_level", str_z(level_name(r->own_level)));
	out_text(out, "status", r->status);
	out_text(out, "author", r->author);
	out_text(out, "file", r->file);
	out_i64(out, "line", r->line);
	out_name(out, "techniques");
	alert_techniques(r, out);
	score_members(out, score);
	out_bool(out, "applicable", rules_applicable(desk_rules(d), rules_index(r)));
	out_bool(out, "correlation", r->correlation);
	out_text(out, "engine", rule_engine_word(r));
	out_bool(out, "on", !r->off);
	out_bool(out, "silent", r->silent); /* feeds correlations, alarms nobody itself */
	out_text(out, "origin", str_z(rule_origin(d, r)));
	out_list(out, "never_seen", never, api_rule_never_seen(d, r, never, COUNT(never)));
}

void
rule_item_json(struct buf *out, const struct desk *d, const struct rule_info *r, const struct rule_score *score)
{
	buf_add_char(out, '{');
	item_members(out, d, r, score);
	buf_add_char(out, '}');
}

/* --- the list --- */

struct rule_filter {
	struct str text;        /* folded */
	struct str engine, origin, applicable;
	unsigned levels;
	int on;                 /* 1, 0, or -1: any */
};

struct rule_row {
	const struct rule_info *info;
	struct rule_score score;
};

static bool
holds_folded(struct str text, struct str wanted, struct buf *room)
{
	buf_clear(room);
	db_fold(text, room);
	return str_find(buf_str(room), wanted) >= 0;
}

static bool
text_fits(const struct rule_info *r, struct str wanted, struct buf *room)
{
	const struct str text[] = {r->title, r->title_vi, r->id, r->author, r->file};
	if (!wanted.n)
		return true;
	for (size_t i = 0; i < COUNT(text); i++)
		if (holds_folded(text[i], wanted, room))
			return true;
	for (uint32_t i = 0; i < r->tag_count; i++)
		if (holds_folded(r->tags[i], wanted, room))
			return true;
	return false;
}

static bool
applicable_fits(const struct desk *d, const struct rule_info *r, struct str wanted)
{
	bool applicable = rules_applicable(desk_rules(d), rules_index(r));
	struct str never;
	if (str_eq(wanted, STR("field")))
		return api_rule_never_seen(d, r, &never, 1) > 0;
	return !wanted.n || applicable == (str_eq(wanted, STR("1")) || str_eq(wanted, STR("true")));
}

static bool
row_fits(const struct desk *d, const struct rule_info *r, const struct rule_filter *f, struct buf *room)
{
	return !r->exception && (f->on < 0 || f->on == !r->off) && (!f->levels || (f->levels & 1u << r->level)) &&
	    (!f->engine.n || str_eq(f->engine, rule_engine_word(r))) &&
	    (!f->origin.n || str_eq(f->origin, str_z(rule_origin(d, r)))) && applicable_fits(d, r, f->applicable) &&
	    text_fits(r, f->text, room);
}

/* Falling, as the interface asks for it first; equal ones stay in the order of loading. */
static int
by_number(int64_t a, int64_t b, const struct rule_row *x, const struct rule_row *y)
{
	uint32_t i = rules_index(x->info), k = rules_index(y->info);
	return a != b ? (a < b ? 1 : -1) : i < k ? -1 : i > k;
}

#define ORDER(name, number)                                                                                            \
	static int by_##name(const void *a, const void *b)                                                             \
	{                                                                                                              \
		const struct rule_row *x = a, *y = b;                                                                  \
		return by_number(x->number, y->number, x, y);                                                          \
	}
ORDER(fired, score.fired)
ORDER(last, score.last_ms)
ORDER(level, info->level)
ORDER(cost, score.cost_ns)
ORDER(true, score.closed_true)
ORDER(false, score.closed_false)
ORDER(exceptions, score.exceptions)
#undef ORDER

static int
by_title(const void *a, const void *b)
{
	const struct rule_row *x = a, *y = b;
	int order = str_cmp(x->info->title, y->info->title);
	return order ? order : by_number(0, 0, x, y);
}

static const struct {
	struct str name;
	int (*compare)(const void *a, const void *b);
} orders[] = {{STR_INIT("fired"), by_fired}, {STR_INIT("last"), by_last}, {STR_INIT("level"), by_level},
	{STR_INIT("cost"), by_cost}, {STR_INIT("closed_true"), by_true}, {STR_INIT("closed_false"), by_false},
	{STR_INIT("exceptions"), by_exceptions}, {STR_INIT("title"), by_title}};

static bool
sort_rows(struct rule_row *row, uint32_t count, struct str name)
{
	bool rising = str_starts(name, STR("-"));
	if (!name.n)
		return true;
	for (size_t i = 0; i < COUNT(orders); i++) {
		if (!str_eq(str_skip(name, rising), orders[i].name))
			continue;
		if (count)
			qsort(row, count, sizeof *row, orders[i].compare);
		for (uint32_t a = 0; rising && a < count / 2; a++) {
			struct rule_row swap = row[a];
			row[a] = row[count - 1 - a];
			row[count - 1 - a] = swap;
		}
		return true;
	}
	return false;
}

/* NULL, or the parameter that is wrong. */
static const char *
read_filter(struct api_call *c, struct rule_filter *f)
{
	struct str on = api_query(c, STR("on")), levels = api_query(c, STR("level")), name;
	struct buf text = BUF_INIT_MAX(1024);
	enum level level;
	db_fold(str_cut(api_query(c, STR("q")), 0, 200), &text);
	bool copied = arena_copy(&c->arena, buf_str(&text), &f->text);
	buf_release(&text);
	f->engine = api_query(c, STR("engine"));
	f->origin = api_query(c, STR("origin"));
	f->applicable = api_query(c, STR("applicable"));
	f->on = !on.n ? -1 : str_eq(on, STR("1")) || str_eq(on, STR("true"));
	while (levels.n && str_split(&levels, ',', &name)) {
		if (!level_from_name(name, &level))
			return "level";
		f->levels |= 1u << level;
	}
	return copied ? NULL : "q";
}

/* All rows that fit, in order. NULL with the call answered. */
static struct rule_row *
rows_of(struct api_call *c, uint32_t *ret_count)
{
	const struct rules *rules = desk_rules(c->desk);
	struct rule_filter filter = {0};
	struct rule_scores scores;
	struct buf room = BUF_INIT_MAX(64 << 10);
	uint32_t n = 0, all = rules_count(rules);
	struct rule_row *row = arena_calloc(&c->arena, all + 1, sizeof *row);
	const char *field = read_filter(c, &filter);
	int error = row ? rule_scores_read(c->desk->db, clock_now_ms(), all, &c->arena, &scores) : E_LIMIT;
	for (uint32_t i = 0; i < all && !error && !field; i++) {
		const struct rule_info *r = rules_info(rules, i);
		if (row_fits(c->desk, r, &filter, &room))
			row[n++] = (struct rule_row){r, rule_score_of(&scores, r->id)};
	}
	buf_release(&room);
	if (!error && !field && !sort_rows(row, n, api_query(c, STR("sort"))))
		field = "sort";
	if (error)
		api_reply_error(c, error);
	else if (field)
		api_reply_problem(c, 422, "invalid", field);
	*ret_count = n;
	return error || field ? NULL : row;
}

void
api_rules(struct api_call *c)
{
	int64_t from, limit;
	uint32_t count;
	if (!api_query_i64(c, STR("cursor"), 0, 0, UINT32_MAX, &from) ||
	    !api_query_i64(c, STR("limit"), 200, 1, PAGE_MAX, &limit)) {
		api_reply_problem(c, 422, "invalid", "cursor");
		return;
	}
	struct rule_row *row = rows_of(c, &count);
	if (!row)
		return;
	page_begin(&c->out);
	for (int64_t i = from; i < count && i < from + limit; i++) {
		page_item(&c->out);
		rule_item_json(&c->out, c->desk, row[i].info, &row[i].score);
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, count, from + limit < count ? from + limit : 0);
	api_reply(c, 200);
}

/* --- one rule --- */

/* Read again from where it was loaded. */
static void
text_member(struct buf *out, const struct rule_info *r)
{
	struct buf text = BUF_INIT_MAX(TEXT_BYTES);
	char path[4096];
	bool fits = (size_t)snprintf(path, sizeof path, "%.*s", STR_ARG(r->file)) < sizeof path;
	if (fits && file_read(path, &text) == 0)
		out_text(out, "text", rule_text_document(buf_str(&text), r->line));
	else
		out_raw(out, "text", STR("null"));
	buf_release(&text);
}

static int
switch_member(struct api_call *c, const struct rule_info *r)
{
	struct rule_switch s;
	int error = rulebook_switch_get(c->desk->db, r->id, &c->arena, &s);
	if (error == E_NOT_FOUND) {
		out_raw(&c->out, "switch", STR("null"));
		return 0;
	}
	TRY(error);
	out_name(&c->out, "switch");
	buf_add_char(&c->out, '{');
	out_bool(&c->out, "on", !s.off);
	out_text_or_null(&c->out, "level", s.own_level ? STR("") : str_z(level_name(s.level)));
	out_text(&c->out, "reason", s.reason);
	out_text(&c->out, "who", s.who);
	out_i64(&c->out, "at_ms", s.at_ms);
	buf_add_char(&c->out, '}');
	return 0;
}

static int
history_member(struct api_call *c, const struct rule_info *r)
{
	struct rule_change *list;
	uint32_t count;
	TRY(rulebook_history(c->desk->db, r->id, &c->arena, &list, &count));
	out_name(&c->out, "history");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(&c->out, i ? STR(",{") : STR("{"));
		out_i64(&c->out, "at_ms", list[i].at_ms);
		out_text(&c->out, "who", list[i].who);
		out_text(&c->out, "change", list[i].change);
		out_text_or_null(&c->out, "reason", list[i].reason);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	return 0;
}

static int
exceptions_member(struct api_call *c, const struct rule_info *r)
{
	struct exception_query q = {.rule = r->id, .before_id = INT64_MAX, .limit = 100, .now_ms = clock_now_ms()};
	struct exception *list;
	uint32_t count;
	int64_t total;
	TRY(exception_list(c->desk->db, &q, &c->arena, &list, &count, &total));
	out_name(&c->out, "exception_items");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&c->out, ',');
		exception_json(&c->out, desk_rules(c->desk), &list[i], q.now_ms);
	}
	buf_add_char(&c->out, ']');
	return 0;
}

static void
info_members(struct buf *out, const struct rule_info *r)
{
	out_text_or_null(out, "description", r->description);
	out_text_or_null(out, "description_vi", r->description_vi);
	out_text_or_null(out, "advice_vi", r->advice_vi);
	out_text_or_null(out, "advice_en", r->advice_en);
	out_list(out, "falsepositives", r->falsepositives, r->falsepositive_count);
	out_list(out, "falsepositives_vi", r->falsepositives_vi, r->falsepositive_vi_count);
	out_list(out, "references", r->references, r->reference_count);
	out_list(out, "tags", r->tags, r->tag_count);
	out_name(out, "parameters");
	buf_add_char(out, '{');
	for (uint32_t i = 0; i < r->parameter_count; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_json_string(out, r->parameter[i].name);
		buf_addf(out, ":%.15g", r->parameter[i].value);
	}
	buf_add_char(out, '}');
	text_member(out, r);
}

/* What hears of the rule when nobody else does. */
static void
feeds_member(struct buf *out, const struct rules *rules, const struct rule_info *r)
{
	const struct rule_info *other;
	uint32_t at = 0, n = 0;
	out_name(out, "feeds");
	buf_add_char(out, '[');
	while ((other = rules_fed_by(rules, rules_index(r), &at))) {
		buf_add(out, n++ ? STR(",{") : STR("{"));
		out_text(out, "id", other->id);
		out_text(out, "title", other->title);
		out_text_or_null(out, "title_vi", other->title_vi);
		out_bool(out, "on", !other->off);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static int
whole_rule(struct api_call *c, const struct rule_info *r)
{
	struct rule_scores scores;
	int64_t version = 0;
	char etag[32];
	TRY(rulebook_version(c->desk->db, r->id, &version));
	TRY(rule_scores_read(c->desk->db, clock_now_ms(), rules_count(desk_rules(c->desk)), &c->arena, &scores));
	struct rule_score score = rule_score_of(&scores, r->id);
	buf_add_char(&c->out, '{');
	item_members(&c->out, c->desk, r, &score);
	info_members(&c->out, r);
	feeds_member(&c->out, desk_rules(c->desk), r);
	TRY(switch_member(c, r));
	TRY(history_member(c, r));
	TRY(exceptions_member(c, r));
	out_i64(&c->out, "version", version);
	buf_add_char(&c->out, '}');
	snprintf(etag, sizeof etag, "\"%lld\"", (long long)version);
	return arena_copy(&c->arena, str_z(etag), &c->response.etag) ? 0 : E_LIMIT;
}

static const struct rule_info *
find_rule(struct api_call *c, struct str id)
{
	const struct rule_info *r = rules_find(desk_rules(c->desk), id);
	return r && str_eq(r->id, id) && !r->exception ? r : NULL;
}

int
api_rule_json(struct api_call *c, struct str id)
{
	const struct rule_info *r = find_rule(c, id);
	return r ? whole_rule(c, r) : E_NOT_FOUND;
}

void
api_reply_rule(struct api_call *c, struct str id, uint16_t status)
{
	int error = api_rule_json(c, id);
	if (!api_failed(c, error))
		api_reply(c, status);
}

void
api_rule_get(struct api_call *c)
{
	api_reply_rule(c, api_path_id(c), 200);
}

/* --- its switch --- */

void
api_rules_decided(struct api_call *c, void (*then)(void *call, int error))
{
	int error = recorded_now(c);
	if (!api_failed(c, error))
		c->desk->rules_changed(c->desk->core, then, c);
}

bool
api_match(struct api_call *c, int64_t *ret)
{
	if (api_match_version(c, ret))
		return true;
	api_reply_problem(c, 422, "invalid", "If-Match");
	return false;
}

/* NULL, or the member that is wrong. What the body does not name stays as it is. */
static const char *
read_switch(struct api_call *c, const struct rule_info *r, struct rule_switch *s)
{
	uint32_t on = json_get(&c->body, 0, STR("on")), level = json_get(&c->body, 0, STR("level"));
	bool is_on = !r->off;
	struct str name;
	*s = (struct rule_switch){.own_level = true};
	int error = rulebook_switch_get(c->desk->db, r->id, &c->arena, s);
	if (!on && !level)
		return "on";
	if (on && !json_get_bool(&c->body, 0, STR("on"), &is_on))
		return "on";
	if (level)
		s->own_level = c->body.token[level].kind == JSON_NULL;
	if (level && !s->own_level &&
	    (!json_get_string(&c->body, 0, STR("level"), &c->arena, &name) || !level_from_name(name, &s->level)))
		return "level";
	if (!json_get_string(&c->body, 0, STR("reason"), &c->arena, &s->reason) || s->reason.n > 2000)
		return "reason";
	s->off = !is_on;
	s->rule = r->id;
	s->who = str_z(c->who.login);
	s->at_ms = clock_now_ms();
	return error && error != E_NOT_FOUND ? "rule" : NULL;
}

/* Whatever kept it from being published: it is decided, and tried again until it is (status tells). */
static void
switched(void *user, int error)
{
	struct api_call *c = user;
	api_reply_rule(c, api_path_id(c), 200);
}

void
api_rule_patch(struct api_call *c)
{
	const struct rule_info *r = find_rule(c, api_path_id(c));
	struct rule_switch s;
	struct fault f = {0};
	int64_t version;
	if (!r) {
		api_reply_error(c, E_NOT_FOUND);
		return;
	}
	if (!api_match(c, &version))
		return;
	const char *field = read_switch(c, r, &s);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	int error = rulebook_switch_set(c->desk->db, &s, version, &f);
	if (error == E_INVALID)
		api_reply_problem(c, 422, f.what, "reason");
	else if (!api_failed(c, error))
		api_rules_decided(c, switched);
}
