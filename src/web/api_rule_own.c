/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rules written at this desk. A text is checked first where hostile bytes do no harm (the look-back role); what has no
 * fault there is split into its documents, kept, published and read.
 */
#include <sodium.h>

#include "alert/rule_text.h"
#include "host/clock.h"
#include "web/api_rule.h"
#include "web/recorded.h"

/* What a call that writes a rule goes on with after the check. */
struct own_call {
	struct str text, only; /* only: PUT */
	int64_t version;
	bool on;
	struct own_rule *rule;
	uint32_t rules;
};

/* A version 4 UUID (RFC 9562). */
static void
make_id(char ret[37])
{
	uint8_t b[16];
	randombytes_buf(b, sizeof b);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
	    b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* --- faults --- */

/* A problem that carries faults in their places. */
static void
reply_faults(struct api_call *c, struct str faults)
{
	struct buf body = BUF_INIT_MAX(256 << 10);
	buf_add_char(&body, '{');
	out_problem(&body, STR("rule_faults"));
	out_i64(&body, "status", 422);
	out_raw(&body, "faults", faults);
	buf_add_char(&body, '}');
	buf_clear(&c->out);
	buf_add(&c->out, buf_str(&body));
	buf_release(&body);
	c->response.type = STR("application/problem+json");
	api_reply(c, 422);
}

static void
reply_fault(struct api_call *c, const struct fault *f)
{
	struct buf list = BUF_INIT_MAX(16 << 10);
	buf_add(&list, STR("[{"));
	out_i64(&list, "line", f->line);
	out_i64(&list, "column", f->column);
	out_text(&list, "what", str_z(f->what));
	out_text(&list, "arg", str_z(f->arg));
	buf_add(&list, STR("}]"));
	reply_faults(c, buf_str(&list));
	buf_release(&list);
}

/* --- keeping --- */

/* No rule may take the place of another: not of one that was shipped, nor of one that has the id as its name. */
static bool
id_is_free(struct api_call *c, const struct own_call *own, uint32_t i, struct fault *f)
{
	const struct rule_info *r = rules_find(desk_rules(c->desk), own->rule[i].id);
	if (!r || own->only.n)
		return true;
	fault_set(f, E_EXISTS, "rule_twice", own->rule[i].id, 1, 1);
	return false;
}

static void
kept(void *user, int error)
{
	struct api_call *c = user;
	const struct own_call *own = c->user;
	if (api_rule_json(c, own->rule[0].id) < 0) { /* kept, and not read yet: status tells why */
		buf_clear(&c->out);
		buf_add_char(&c->out, '{');
		out_text(&c->out, "id", own->rule[0].id);
		buf_add_char(&c->out, '}');
	}
	c->out.n--;
	out_name(&c->out, "ids");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < own->rules; i++) {
		buf_add(&c->out, i ? STR(",") : STR(""));
		buf_add_json_string(&c->out, own->rule[i].id);
	}
	buf_add(&c->out, STR("]}"));
	api_reply(c, own->only.n ? 200 : 201);
}

static int
write_rules(struct api_call *c, struct own_call *own)
{
	struct str who = str_z(c->who.login);
	int64_t now = clock_now_ms();
	if (!own->only.n)
		return own_rules_add(c->desk->db, own->rule, own->rules, own->on, who, now);
	own->rule[0].who = who;
	return own_rule_set(c->desk->db, &own->rule[0], own->version, now);
}

static void
keep_rules(struct api_call *c)
{
	struct own_call *own = c->user;
	struct fault f = {0};
	int error = rule_text_split(own->text, own->only, make_id, &c->arena, &own->rule, &own->rules, &f);
	for (uint32_t i = 0; !error && i < own->rules; i++)
		if (!id_is_free(c, own, i, &f))
			error = E_EXISTS;
	if (error) {
		reply_fault(c, &f);
		return;
	}
	error = write_rules(c, own);
	c->noun_id = own->rule[0].id;
	if (!api_failed(c, error))
		api_rules_decided(c, kept);
}

/* --- checking --- */

/* The answer to the check stands in c->out. */
static void
checked(struct api_call *c)
{
	struct json j = {0};
	int error = json_parse(&j, buf_str(&c->out), NULL);
	uint32_t faults = error ? 0 : json_get(&j, 0, STR("faults"));
	struct str list = {0};
	if (faults && json_first(&j, faults) < json_end(&j, faults) && !arena_copy(&c->arena, json_raw(&j, faults), &list))
		error = E_LIMIT;
	json_release(&j);
	buf_clear(&c->out);
	if (error)
		api_reply_error(c, error);
	else if (list.n)
		reply_faults(c, list);
	else
		recorded_run(c, keep_rules);
}

static void
check_text(struct api_call *c, struct own_call *own)
{
	if (!json_get_string(&c->body, 0, STR("text"), &c->arena, &own->text) || !str_trim(own->text).n ||
	    own->text.n > OWN_RULE_BYTES) {
		api_reply_problem(c, 422, "invalid", "text");
		return;
	}
	c->user = own;
	c->checked = checked;
	c->desk->rules_check(c->desk->core, c, own->text);
}

/* --- the handlers --- */

void
api_rule_post(struct api_call *c)
{
	struct own_call *own = ARENA_NEW(&c->arena, struct own_call);
	if (!own) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	own->on = true;
	if (json_get(&c->body, 0, STR("on")) && !json_get_bool(&c->body, 0, STR("on"), &own->on))
		api_reply_problem(c, 422, "invalid", "on");
	else
		check_text(c, own);
}

/* Answers, and returns false, when {id} is none of ours. */
static bool
is_own(struct api_call *c, struct str id)
{
	struct own_rule have;
	int error = own_rule_get(c->desk->db, id, &c->arena, &have);
	if (error == E_NOT_FOUND && rules_find(desk_rules(c->desk), id))
		api_reply_problem(c, 409, "rule_not_own", NULL);
	else if (error)
		api_reply_error(c, error);
	return error == 0;
}

void
api_rule_put(struct api_call *c)
{
	struct own_call *own = ARENA_NEW(&c->arena, struct own_call);
	if (!own) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	own->only = api_path_id(c);
	if (is_own(c, own->only) && api_match(c, &own->version))
		check_text(c, own);
}

static void
deleted(void *user, int error)
{
	api_reply_empty(user, 204);
}

void
api_rule_delete(struct api_call *c)
{
	struct str id = api_path_id(c);
	if (!is_own(c, id))
		return;
	int error = own_rule_delete(c->desk->db, id, str_z(c->who.login), clock_now_ms());
	if (!api_failed(c, error))
		api_rules_decided(c, deleted);
}
