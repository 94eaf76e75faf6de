/* SPDX-License-Identifier: EUPL-1.2 */
/* Looking back over stored events: jobs, what they found, and checking the text of a rule. */
#include "alert/lookback.h"
#include "host/clock.h"
#include "web/page.h"
#include "web/route.h"

#define PAGE_MAX 200
#define SOURCE_NAME_MAX 100u /* as the name of a source of indicators */

/* Members without the braces, so that the full view can add its own. */
static void
lookback_members(struct buf *out, const struct rules *rules, const struct lookback *j)
{
	const struct rule_info *rule = j->rule.n ? rules_find(rules, j->rule) : NULL;
	out_i64(out, "id", j->id);
	out_text(out, "kind", str_z(lookback_kind_name(j->kind)));
	out_text(out, "title", j->title);
	out_text_or_null(out, "title_vi", rule ? rule->title_vi : STR(""));
	out_text_or_null(out, "rule", j->rule);
	out_text_or_null(out, "source", j->source);
	out_text(out, "state", str_z(lookback_state_name(j->state)));
	out_i64(out, "from_ms", j->from_ms);
	out_i64(out, "to_ms", j->to_ms);
	out_i64(out, "blocks", j->blocks);
	out_i64(out, "blocks_done", j->blocks_done);
	out_i64(out, "blocks_damaged", j->blocks_damaged);
	out_i64(out, "events", j->events);
	out_name(out, "events_per_second");
	buf_addf(out, "%.1f", j->spent_ms > 0 ? (double)j->events * 1000 / (double)j->spent_ms : 0.0);
	out_i64(out, "findings", j->findings);
	out_i64(out, "told", j->told);
	out_i64(out, "alerts", j->alerts);
	out_i64_or_null(out, "first_hit_ms", j->first_hit_ms);
	out_i64_or_null(out, "last_hit_ms", j->last_hit_ms);
	out_text(out, "who", j->who);
	out_i64(out, "created_ms", j->created_ms);
	out_i64_or_null(out, "ended_ms", j->ended_ms);
	out_raw(out, "faults", j->faults);
}

void
lookback_json(struct buf *out, const struct rules *rules, const struct lookback *j)
{
	buf_add_char(out, '{');
	lookback_members(out, rules, j);
	buf_add_char(out, '}');
}

/* --- list --- */

void
api_lookbacks(struct api_call *c)
{
	struct lookback *list;
	uint32_t count, limit;
	int64_t before, total = 0;
	if (!page_asked(c, INT64_MAX, 50, PAGE_MAX, &before, &limit))
		return;
	int error = lookback_list(c->desk->db, before, limit, &c->arena, &list, &count);
	if (!error)
		error = lookback_count(c->desk->db, &total);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		lookback_json(&c->out, desk_rules(c->desk), &list[i]);
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, total, count == limit ? list[count - 1].id : 0);
	api_reply(c, 200);
}

/* --- one, with what it found --- */

static int
hits_json(struct api_call *c, int64_t id)
{
	struct lookback_hit *list;
	struct buf *out = &c->out;
	uint32_t count;
	TRY(lookback_hits(c->desk->db, id, &c->arena, &list, &count));
	out_name(out, "hits");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_i64(out, "event", list[i].event);
		out_i64(out, "time_ms", list[i].time_ms);
		out_text(out, "rule", list[i].rule);
		out_text(out, "title", list[i].title);
		out_text(out, "level", str_z(level_name(list[i].level)));
		out_raw(out, "matched", list[i].matched);
		out_text(out, "text", list[i].text);
		out_owners(out, registry_organisation(c->desk->registry, list[i].organisation),
		    registry_system(c->desk->registry, list[i].system));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	return 0;
}

static int
days_json(struct api_call *c, int64_t id)
{
	struct lookback_day *list;
	struct buf *out = &c->out;
	uint32_t count;
	TRY(lookback_days(c->desk->db, id, &c->arena, &list, &count));
	out_name(out, "days");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		struct civil day = time_to_civil(list[i].day * TIME_DAY, 0);
		buf_addf(out, "%s{\"day\":\"%04d-%02d-%02d\",\"count\":%lld}", i ? "," : "", day.year, day.month, day.day,
		    (long long)list[i].count);
	}
	buf_add_char(out, ']');
	return 0;
}

static int
full_lookback(struct api_call *c, int64_t id)
{
	struct lookback j;
	TRY(lookback_get(c->desk->db, id, &c->arena, &j));
	buf_add_char(&c->out, '{');
	lookback_members(&c->out, desk_rules(c->desk), &j);
	out_text_or_null(&c->out, "text", j.text);
	TRY(days_json(c, id));
	TRY(hits_json(c, id));
	buf_add_char(&c->out, '}');
	return 0;
}

static void
reply_lookback(struct api_call *c, int64_t id, uint16_t status)
{
	int error = full_lookback(c, id);
	if (!api_failed(c, error))
		api_reply(c, status);
}

void
api_lookback_get(struct api_call *c)
{
	int64_t id;
	if (str_to_i64(c->path_id, &id))
		reply_lookback(c, id, 200);
	else
		api_reply_error(c, E_NOT_FOUND);
}

/* --- asking for one, stopping it --- */

static struct str
text_of(struct api_call *c, struct str name)
{
	struct str text = {0};
	return json_get_string(&c->body, 0, name, &c->arena, &text) ? text : (struct str){0};
}

/* NULL, or the field that is wrong. */
static const char *
read_wish(struct api_call *c, struct lookback_wish *w)
{
	const struct rule_info *rule;
	if (!lookback_kind_from_name(text_of(c, STR("kind")), &w->kind))
		return "kind";
	if (!json_get_i64(&c->body, 0, STR("from_ms"), &w->from_ms) || w->from_ms < 0)
		return "from_ms";
	if (!json_get_i64(&c->body, 0, STR("to_ms"), &w->to_ms) || w->to_ms <= w->from_ms)
		return "to_ms";
	w->who = str_z(c->who.login);
	switch (w->kind) {
	case LOOKBACK_RULE:
		rule = rules_find(desk_rules(c->desk), text_of(c, STR("rule")));
		if (!rule || rule->engine.n || rule->exception)
			return "rule";
		w->rule = rule->id;
		w->title = rule->title;
		return NULL;
	case LOOKBACK_DRAFT:
		w->text = text_of(c, STR("text"));
		return w->text.n && w->text.n <= LOOKBACK_TEXT ? NULL : "text";
	default:
		w->source = w->title = text_of(c, STR("source"));
		return w->source.n <= SOURCE_NAME_MAX ? NULL : "source";
	}
}

void
api_lookback_post(struct api_call *c)
{
	struct lookback_wish wish = {0};
	int64_t id;
	const char *field = read_wish(c, &wish);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	int error = lookback_request(c->desk->db, &wish, clock_now_ms(), &id);
	if (api_failed(c, error))
		return;
	c->desk->lookback_changed(c->desk->core, id);
	reply_lookback(c, id, 202);
}

void
api_lookback_delete(struct api_call *c)
{
	struct lookback j;
	int64_t id;
	int error = str_to_i64(c->path_id, &id) ? lookback_get(c->desk->db, id, &c->arena, &j) : E_NOT_FOUND;
	if (!error)
		error = lookback_end(c->desk->db, id, LOOKBACK_STOPPED, STR(""), clock_now_ms());
	if (error && error != E_CONFLICT) { /* one that has ended already is not running: what was asked for is so */
		api_reply_error(c, error);
		return;
	}
	c->desk->lookback_changed(c->desk->core, id);
	api_reply_empty(c, 204);
}

void
api_rule_check(struct api_call *c)
{
	struct str text = text_of(c, STR("text"));
	if (!text.n || text.n > LOOKBACK_TEXT)
		api_reply_problem(c, 422, "invalid", "text");
	else
		c->desk->rules_check(c->desk->core, c, text);
}
