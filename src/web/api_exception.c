/* SPDX-License-Identifier: EUPL-1.2 */
/* Exceptions: made (often from an alert), listed, ended before their day. */
#include "web/api_rule.h"
#include "web/page.h"

#include "host/clock.h"

#define PAGE_MAX 500
#define VALUES_BYTES 16384u /* of all fields together */

void
exception_json(struct buf *out, const struct rules *rules, const struct exception *e, int64_t now_ms)
{
	bool active = !e->ended_ms && e->until_ms > now_ms;
	const struct rule_info *rule = rules_find(rules, e->rule);
	buf_add_char(out, '{');
	out_i64(out, "id", e->id);
	out_text(out, "rule", e->rule);
	out_text(out, "rule_title", e->rule_title);
	out_text_or_null(out, "rule_title_vi", rule ? rule->title_vi : STR(""));
	out_name(out, "fields");
	exception_fields_json(e, out);
	out_text(out, "reason", e->reason);
	out_text(out, "who", e->who);
	out_i64(out, "created_ms", e->created_ms);
	out_i64(out, "until_ms", e->until_ms);
	out_i64(out, "matched", e->matched);
	out_i64_or_null(out, "last_ms", e->last_ms);
	out_i64_or_null(out, "alert", e->alert);
	out_text(out, "state", active ? STR("active") : STR("expired"));
	if (e->ended_ms) {
		out_i64(out, "ended_ms", e->ended_ms);
		out_text(out, "ended_who", e->ended_who);
	}
	buf_add_char(out, '}');
}

/* --- list --- */

void
api_exceptions(struct api_call *c)
{
	struct exception_query q = {.rule = api_query(c, STR("rule")), .now_ms = clock_now_ms()};
	struct str state = api_query(c, STR("state"));
	struct exception *list;
	uint32_t count;
	int64_t total;
	if (!page_asked(c, INT64_MAX, 100, PAGE_MAX, &q.before_id, &q.limit))
		return;
	q.state = str_eq(state, STR("active")) ? EXCEPTION_ACTIVE
	    : str_eq(state, STR("expired"))    ? EXCEPTION_EXPIRED
	                                       : EXCEPTION_ANY;
	int error = exception_list(c->desk->db, &q, &c->arena, &list, &count, &total);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		exception_json(&c->out, desk_rules(c->desk), &list[i], q.now_ms);
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, total, count == q.limit ? list[count - 1].id : 0);
	api_reply(c, 200);
}

/* --- making --- */

static bool
read_field(struct api_call *c, uint32_t at, bool from_alert, struct exception_field *field)
{
	struct json *j = &c->body;
	if (j->token[at].kind != JSON_OBJECT || !json_get_string(j, at, STR("name"), &c->arena, &field->name) ||
	    !json_get_string(j, at, STR("value"), &c->arena, &field->written))
		return false;
	if (json_get(j, at, STR("match")) && !json_get_string(j, at, STR("match"), &c->arena, &field->match))
		return false;
	if (!field->match.n && from_alert)
		field->match = STR("exact"); /* values of an alert are taken as they stand: a star in them is a star */
	return exception_field_read(field, &c->arena) == 0;
}

static bool
read_fields(struct api_call *c, struct exception *e)
{
	uint32_t list = json_get(&c->body, 0, STR("fields"));
	size_t bytes = 0;
	if (!list || c->body.token[list].kind != JSON_ARRAY)
		return false;
	for (uint32_t i = json_first(&c->body, list); i < json_end(&c->body, list); i = json_next(&c->body, i)) {
		if (e->fields == EXCEPTION_FIELDS || !read_field(c, i, e->alert != 0, &e->field[e->fields]))
			return false;
		bytes += e->field[e->fields++].written.n;
	}
	return e->fields > 0 && bytes <= VALUES_BYTES;
}

/* NULL, or the member that is wrong. */
static const char *
read_exception(struct api_call *c, struct exception *e)
{
	struct str id;
	uint32_t alert = json_get(&c->body, 0, STR("alert"));
	if (!json_get_string(&c->body, 0, STR("rule"), &c->arena, &id))
		return "rule";
	const struct rule_info *r = rules_find(desk_rules(c->desk), id);
	if (!r || !str_eq(r->id, id) || r->exception)
		return "rule";
	e->rule = r->id;
	e->rule_title = r->title;
	if (alert && c->body.token[alert].kind != JSON_NULL &&
	    (!json_get_i64(&c->body, 0, STR("alert"), &e->alert) || e->alert <= 0))
		return "alert";
	if (!read_fields(c, e))
		return "fields";
	if (!json_get_string(&c->body, 0, STR("reason"), &c->arena, &e->reason) || e->reason.n > 2000)
		return "reason";
	if (!json_get_i64(&c->body, 0, STR("until_ms"), &e->until_ms))
		return "until_ms";
	e->who = str_z(c->who.login);
	return NULL;
}

static void
made(void *user, int error)
{
	struct api_call *c = user;
	struct exception e;
	int64_t *id = c->user;
	error = exception_get(c->desk->db, *id, &c->arena, &e);
	if (api_failed(c, error))
		return;
	exception_json(&c->out, desk_rules(c->desk), &e, clock_now_ms());
	api_reply(c, 201);
}

/* For the record: which exception it became. */
static void
name_call(struct api_call *c, int64_t id)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)id);
	if (!arena_copy(&c->arena, str_z(text), &c->noun_id))
		c->noun_id = STR("");
}

void
api_exception_post(struct api_call *c)
{
	struct exception e = {0};
	struct fault f = {0};
	int64_t *id = ARENA_NEW(&c->arena, int64_t);
	const char *field = read_exception(c, &e);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	int error = id ? exception_add(c->desk->db, &e, clock_now_ms(), id, &f) : E_LIMIT;
	if (error == E_INVALID) {
		api_reply_problem(c, 422, f.what, str_eq(str_z(f.what), STR("exception_reason")) ? "reason" : "until_ms");
	} else if (!api_failed(c, error)) {
		c->user = id;
		name_call(c, *id);
		api_rules_decided(c, made);
	}
}

/* --- ending --- */

static void
ended(void *user, int error)
{
	api_reply_empty(user, 204);
}

void
api_exception_delete(struct api_call *c)
{
	int64_t id;
	int error = str_to_i64(c->path_id, &id) ? exception_end(c->desk->db, id, str_z(c->who.login), clock_now_ms())
	                                        : E_NOT_FOUND;
	if (!api_failed(c, error))
		api_rules_decided(c, ended);
}
