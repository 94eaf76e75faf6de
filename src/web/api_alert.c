/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/page.h"
#include "web/personal.h"

#include "host/clock.h"

/* Whose it is: organisation, system with its level, and whom to call. */
static void
owner_json(struct buf *out, const struct desk *desk, const struct alert *a, bool shown)
{
	const struct organisation *o = registry_organisation(desk->registry, a->organisation);
	const struct system *s = registry_system(desk->registry, a->system);
	if (!o || !s) {
		out_owners(out, NULL, NULL);
		out_raw(out, "contact", STR("null"));
		return;
	}
	out_owners(out, o, s);
	out_contact(out, system_contact(s), shown);
}

static void
spark_json(struct buf *out, const struct alert *a)
{
	out_name(out, "spark");
	for (int i = 0; i < ALERT_SLOTS; i++)
		buf_addf(out, "%c%u", i ? ',' : '[', a->spark[i]);
	buf_add_char(out, ']');
}

/* Members without the braces, so that the full view can add its own. */
static void
alert_members(struct buf *out, const struct desk *desk, const struct alert *a, bool shown)
{
	out_i64(out, "id", a->id);
	out_text(out, "level", str_z(level_name(a->level)));
	out_text(out, "state", str_z(alert_state_name(a->state)));
	out_i64(out, "count", a->count);
	out_i64(out, "first_ms", a->first_ms);
	out_i64(out, "last_ms", a->last_ms);
	out_i64(out, "opened_ms", a->opened_ms);
	out_raw(out, "entity", a->entity);
	out_raw(out, "techniques", a->techniques);
	owner_json(out, desk, a, shown);
	out_text_or_null(out, "assignee", a->assignee);
	out_text_or_null(out, "reason", a->reason);
	out_text_or_null(out, "verdict", a->verdict);
	out_i64(out, "version", a->version);
	out_bool(out, "demonstration", a->demonstration);
	out_i64_or_null(out, "lookback", a->lookback);
	spark_json(out, a);
}

static void
rule_members(struct buf *out, const struct alert *a)
{
	out_text(out, "id", a->rule);
	out_text(out, "title", a->title);
	out_text_or_null(out, "title_vi", a->title_vi);
	out_text(out, "level", str_z(level_name(a->level)));
}

void
alert_json(struct buf *out, const struct desk *desk, const struct alert *a)
{
	buf_add(out, STR("{\"rule\":{"));
	rule_members(out, a);
	buf_add_char(out, '}');
	alert_members(out, desk, a, false);
	buf_add_char(out, '}');
}

/* --- list --- */

/* "new,closed" -> bits, by a name function. False on an unknown name. */
static bool
state_bits(struct str text, unsigned *ret)
{
	unsigned bits = 0;
	struct str name;
	enum alert_state state;
	if (!text.n || str_eq(text, STR("open"))) {
		*ret = 1u << ALERT_NEW | 1u << ALERT_ACKNOWLEDGED;
		return true;
	}
	if (!str_eq(text, STR("all")))
		while (str_split(&text, ',', &name)) {
			if (!alert_state_from_name(name, &state))
				return false;
			bits |= 1u << state;
		}
	*ret = bits;
	return true;
}

static bool
level_bits(struct str text, unsigned *ret)
{
	unsigned bits = 0;
	struct str name;
	enum level level;
	while (text.n && str_split(&text, ',', &name)) {
		if (!level_from_name(name, &level))
			return false;
		bits |= 1u << level;
	}
	*ret = bits;
	return true;
}

/* "MS.ID", as api_alerts() writes it behind a full page. */
static bool
read_cursor(struct str text, int64_t *ret_ms, int64_t *ret_id)
{
	struct str ms;
	*ret_ms = *ret_id = INT64_MAX;
	if (!text.n)
		return true;
	struct str id = text;
	return str_split(&id, '.', &ms) && str_to_i64(ms, ret_ms) && str_to_i64(id, ret_id);
}

static const char *
read_filter(struct api_call *c, struct alert_filter *f)
{
	int64_t limit;
	if (!state_bits(api_query(c, STR("state")), &f->states))
		return "state";
	if (!level_bits(api_query(c, STR("level")), &f->levels))
		return "level";
	if (!read_cursor(api_query(c, STR("cursor")), &f->before_ms, &f->before_id))
		return "cursor";
	if (!api_query_i64(c, STR("limit"), 100, 1, 500, &limit))
		return "limit";
	if (!api_query_i64(c, STR("lookback"), 0, 1, INT64_MAX, &f->lookback))
		return "lookback";
	f->limit = (uint32_t)limit;
	f->system = api_query(c, STR("system"));
	f->organisation = api_query(c, STR("organisation"));
	f->rule = api_query(c, STR("rule"));
	f->assignee = api_query(c, STR("assignee"));
	f->text = api_query(c, STR("q"));
	f->verdict = api_query(c, STR("verdict"));
	f->scope = api_scope(c);
	return NULL;
}

void
api_alerts(struct api_call *c)
{
	struct alert_filter filter = {0};
	struct alert *list;
	uint32_t count;
	int64_t total = 0, now = clock_now_ms();
	const char *field = read_filter(c, &filter);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	int error = alert_list(c->desk->db, &filter, &c->arena, &list, &count);
	if (!error)
		error = alert_count(c->desk->db, &filter, &total);
	page_begin(&c->out);
	for (uint32_t i = 0; i < count && !error; i++) {
		error = alert_spark(c->desk->db, &list[i], now);
		page_item(&c->out);
		alert_json(&c->out, c->desk, &list[i]);
	}
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, ']');
	char next[48] = "";
	if (count == filter.limit)
		snprintf(next, sizeof next, "%lld.%lld", (long long)list[count - 1].last_ms, (long long)list[count - 1].id);
	page_end(&c->out, total, str_z(next));
	api_reply(c, 200);
}

/* --- one alert with its why --- */

static void
rule_json(struct buf *out, const struct desk *desk, const struct alert *a)
{
	const struct rule_info *r = rules_find(desk->rules, a->rule);
	out_name(out, "rule");
	buf_add_char(out, '{');
	rule_members(out, a);
	if (r) { /* a rule that was taken away since leaves its title in the alert */
		out_text(out, "description", r->description);
		out_text_or_null(out, "description_vi", r->description_vi);
		out_text(out, "author", r->author);
		out_text(out, "status", r->status);
		out_text(out, "file", r->file);
		out_text_or_null(out, "advice_vi", r->advice_vi);
		out_text_or_null(out, "advice_en", r->advice_en);
		out_list(out, "references", r->references, r->reference_count);
		out_list(out, "falsepositives", r->falsepositives, r->falsepositive_count);
		out_list(out, "falsepositives_vi", r->falsepositives_vi, r->falsepositive_vi_count);
	}
	buf_add_char(out, '}');
}

static int
findings_json(struct api_call *c, const struct alert *a)
{
	struct alert_finding *list;
	struct buf *out = &c->out;
	uint32_t count;
	TRY(alert_findings(c->desk->db, a->id, 50, &c->arena, &list, &count));
	out_name(out, "findings");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_i64_or_null(out, "event_id", list[i].event); /* none of a file */
		out_i64(out, "time_ms", list[i].time_ms);
		out_raw(out, "matched", list[i].matched);
		out_text(out, "text", list[i].text);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	return 0;
}

static int
history_json(struct api_call *c, const struct alert *a)
{
	struct alert_change *list;
	struct buf *out = &c->out;
	uint32_t count;
	TRY(alert_changes(c->desk->db, a->id, &c->arena, &list, &count));
	out_name(out, "history");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_i64(out, "at_ms", list[i].at_ms);
		out_text(out, "who", list[i].who);
		out_text(out, "change", list[i].change);
		out_text_or_null(out, "reason", list[i].reason);
		if (list[i].verdict.n)
			out_text(out, "verdict", list[i].verdict);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	return 0;
}

static int
similar_json(struct api_call *c, const struct alert *a)
{
	struct alert *list;
	struct buf *out = &c->out;
	uint32_t count;
	TRY(alert_similar(c->desk->db, a, api_scope(c), 5, &c->arena, &list, &count));
	out_name(out, "similar");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_i64(out, "id", list[i].id);
		out_text(out, "title", list[i].title);
		out_text_or_null(out, "title_vi", list[i].title_vi);
		out_text(out, "level", str_z(level_name(list[i].level)));
		out_i64(out, "last_ms", list[i].last_ms);
		out_text(out, "state", str_z(alert_state_name(list[i].state)));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	return 0;
}

/* E_NOT_FOUND also for what lies outside the caller's reach. */
static int
get_alert(struct api_call *c, int64_t id, struct alert *ret)
{
	struct alert a;
	TRY(alert_get(c->desk->db, id, &c->arena, &a));
	if (!registry_within(c->desk->registry, a.organisation, api_scope(c)))
		return E_NOT_FOUND;
	*ret = a;
	return 0;
}

static int
full_alert(struct api_call *c, int64_t id, struct alert *ret)
{
	TRY(get_alert(c, id, ret));
	TRY(alert_spark(c->desk->db, ret, clock_now_ms()));
	buf_add_char(&c->out, '{');
	rule_json(&c->out, c->desk, ret);
	alert_members(&c->out, c->desk, ret, personal_shown(c));
	TRY(findings_json(c, ret));
	TRY(history_json(c, ret));
	TRY(similar_json(c, ret));
	buf_add_char(&c->out, '}');
	return 0;
}

static void
reply_alert(struct api_call *c, int64_t id)
{
	struct alert a = {0};
	struct buf etag = BUF_INIT_MAX(32);
	int error = full_alert(c, id, &a);
	if (api_failed(c, error))
		return;
	buf_addf(&etag, "\"%lld\"", (long long)a.version);
	if (arena_copy(&c->arena, buf_str(&etag), &c->response.etag))
		api_reply(c, 200);
	else
		api_reply_error(c, E_LIMIT);
	buf_release(&etag);
}

void
api_alert_get(struct api_call *c)
{
	int64_t id;
	if (str_to_i64(c->path_id, &id))
		reply_alert(c, id);
	else
		api_reply_error(c, E_NOT_FOUND);
}

/* --- changing --- */

static const char *
read_update(struct api_call *c, struct alert_update *u)
{
	struct str state;
	uint32_t assignee = json_get(&c->body, 0, STR("assignee"));
	u->set_state = json_get(&c->body, 0, STR("state")) != 0;
	if (u->set_state && (!json_get_string(&c->body, 0, STR("state"), &c->arena, &state) ||
		!alert_state_from_name(state, &u->state)))
		return "state";
	u->set_assignee = assignee != 0;
	if (assignee && c->body.token[assignee].kind != JSON_NULL &&
	    (!json_get_string(&c->body, 0, STR("assignee"), &c->arena, &u->assignee) || u->assignee.n > 63))
		return "assignee";
	if (!json_get_string(&c->body, 0, STR("reason"), &c->arena, &u->reason))
		u->reason = STR("");
	if (u->reason.n > 2000)
		return "reason";
	if (json_get(&c->body, 0, STR("verdict")) && (!u->set_state || u->state != ALERT_CLOSED ||
		!json_get_string(&c->body, 0, STR("verdict"), &c->arena, &u->verdict) || !alert_verdict_is_one(u->verdict)))
		return "verdict";
	return u->set_state || u->set_assignee || str_trim(u->reason).n ? NULL : "state";
}

/* Who may only acknowledge says that it was seen, and adds a word: the alert stays open, or closed, as it is. */
static bool
may_update(const struct api_call *c, const struct alert *a, const struct alert_update *u)
{
	bool seen = u->set_state && u->state == ALERT_ACKNOWLEDGED && a->state != ALERT_CLOSED;
	return (c->who.rights & RIGHT_ALERT_CHANGE) || (!u->set_assignee && (!u->set_state || seen));
}

/* What the record tells of an alert: what a person can change, and the version. */
static int
alert_facts(struct api_call *c, int64_t id, struct str *ret)
{
	struct buf out = BUF_INIT_MAX(16 << 10);
	struct alert a;
	TRY(get_alert(c, id, &a));
	buf_add_char(&out, '{');
	out_text(&out, "state", str_z(alert_state_name(a.state)));
	out_text_or_null(&out, "assignee", a.assignee);
	out_text_or_null(&out, "reason", a.reason);
	out_text_or_null(&out, "verdict", a.verdict);
	out_i64(&out, "version", a.version);
	buf_add_char(&out, '}');
	bool kept = arena_copy(&c->arena, buf_str(&out), ret);
	buf_release(&out);
	return kept ? 0 : E_LIMIT;
}

void
api_alert_patch(struct api_call *c)
{
	struct alert_update update = {0};
	struct fault f = {0};
	int64_t id, version;
	struct alert a;
	int error = str_to_i64(c->path_id, &id) ? get_alert(c, id, &a) : E_NOT_FOUND;
	if (api_failed(c, error))
		return;
	const char *field = api_match_version(c, &version) ? read_update(c, &update) : "If-Match";
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	error = may_update(c, &a, &update) ? 0 : E_DENIED;
	if (!error)
		error = alert_facts(c, id, &c->before);
	if (!error)
		error = alert_change(c->desk->db, id, version, &update, str_z(c->who.login), clock_now_ms(), &f);
	if (!error)
		error = alert_facts(c, id, &c->after);
	if (error == E_INVALID)
		api_reply_problem(c, 422, "alert_reason", "reason");
	else if (error)
		api_reply_error(c, error);
	else {
		c->desk->alert_changed(c->desk->core, id);
		reply_alert(c, id);
	}
}
