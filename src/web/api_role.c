/* SPDX-License-Identifier: EUPL-1.2 */
/* Roles: read by who may see accounts, made and changed by the desk alone. Nobody gives what he has not. */
#include "web/people.h"
#include "web/page.h"
#include "web/route.h"

#define TITLE_MAX 120u
#define SECOND_DAYS_MAX 90

static void
role_json(struct buf *out, const struct role *r)
{
	buf_add_char(out, '{');
	out_text(out, "id", r->id);
	out_text(out, "title_vi", r->title_vi);
	out_text(out, "title_en", r->title_en);
	out_name(out, "rights");
	rights_json(r->rights, out);
	out_bool(out, "agency", r->agency);
	out_bool(out, "second_factor", r->second_factor);
	out_i64(out, "second_factor_days", r->second_days);
	out_bool(out, "builtin", r->builtin);
	out_i64(out, "people", r->people);
	out_i64(out, "keys", r->keys);
	out_i64(out, "version", r->version);
	buf_add_char(out, '}');
}

void
api_roles(struct api_call *c)
{
	struct role *list;
	uint32_t count;
	struct buf *out = &c->out;
	int error = role_list(c->desk->db, &c->arena, &list, &count);
	if (api_failed(c, error))
		return;
	page_begin(out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(out);
		if (api_scope(c).n) /* how many there are outside his reach is not his to know */
			list[i].people = list[i].keys = 0;
		role_json(out, &list[i]);
	}
	buf_add(out, STR("],\"rights\":["));
	for (int i = 0; i < RIGHT_COUNT; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "name", str_z(right_name((enum right_bit)i)));
		out_bool(out, "agency", RIGHTS_SCOPED & (1u << i)); /* also for who belongs to an organisation */
		out_bool(out, "mine", c->who.rights & (1u << i));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	page_end_at(out, count, 0);
	api_reply(c, 200);
}

/* --- changing --- */

static bool
read_rights(struct api_call *c, uint32_t list, unsigned *ret)
{
	const struct json *j = &c->body;
	unsigned rights = RIGHT_SIGNED_IN;
	if (j->token[list].kind != JSON_ARRAY)
		return false;
	for (uint32_t i = json_first(j, list); i < json_end(j, list); i = json_next(j, i)) {
		struct str name;
		unsigned right = json_string(j, i, &c->arena, &name) ? right_from_name(name) : 0;
		if (!right)
			return false;
		rights |= right;
	}
	*ret = rights;
	return true;
}

static bool
read_title(struct api_call *c, struct str name, struct str *ret)
{
	struct str text;
	if (!json_get(&c->body, 0, name))
		return true;
	if (!json_get_string(&c->body, 0, name, &c->arena, &text) || !str_trim(text).n || text.n > TITLE_MAX)
		return false;
	*ret = str_trim(text);
	return true;
}

/* What the body says, over what `r` holds already. The field that is wrong, or NULL. */
static const char *
read_role(struct api_call *c, struct role *r)
{
	const struct json *j = &c->body;
	uint32_t rights = json_get(j, 0, STR("rights"));
	if (!read_title(c, STR("title_vi"), &r->title_vi) || !r->title_vi.n)
		return "title_vi";
	if (!read_title(c, STR("title_en"), &r->title_en))
		return "title_en";
	if (!r->title_en.n)
		r->title_en = r->title_vi;
	if (rights && !read_rights(c, rights, &r->rights))
		return "rights";
	if (json_get(j, 0, STR("agency")) && !json_get_bool(j, 0, STR("agency"), &r->agency))
		return "agency";
	if (json_get(j, 0, STR("second_factor")) && !json_get_bool(j, 0, STR("second_factor"), &r->second_factor))
		return "second_factor";
	if (json_get(j, 0, STR("second_factor_days")) && (!json_get_i64(j, 0, STR("second_factor_days"), &r->second_days) ||
	    r->second_days < 0 || r->second_days > SECOND_DAYS_MAX))
		return "second_factor_days";
	return NULL;
}

static int
facts(struct api_call *c, struct str id, struct str *ret)
{
	struct buf out = BUF_INIT_MAX(16 << 10);
	struct role r;
	TRY(role_get(c->desk->db, id, &c->arena, &r));
	role_json(&out, &r);
	bool kept = arena_copy(&c->arena, buf_str(&out), ret);
	buf_release(&out);
	return kept ? 0 : E_LIMIT;
}

static void
reply_role(struct api_call *c, uint16_t status, struct str id)
{
	int error = facts(c, id, &c->after);
	if (api_failed(c, error))
		return;
	buf_add(&c->out, c->after);
	api_reply(c, status);
}

/* Roles are the same for the whole province, so who belongs to an agency makes none. */
static bool
is_of_desk(struct api_call *c)
{
	if (api_scope(c).n)
		api_reply_error(c, E_DENIED);
	return !api_scope(c).n;
}

void
api_role_post(struct api_call *c)
{
	struct role r = {.rights = RIGHT_SIGNED_IN};
	if (!is_of_desk(c))
		return;
	bool id = json_get_string(&c->body, 0, STR("id"), &c->arena, &r.id) && role_id_is_one(r.id);
	const char *field = id ? read_role(c, &r) : "id";
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	if (r.rights & ~c->who.rights) {
		api_reply_problem(c, 403, "grants_more", "rights");
		return;
	}
	c->noun_id = r.id;
	int error = role_put(c->desk->db, &r);
	if (error == E_EXISTS || error == E_CONFLICT)
		api_reply_problem(c, 409, "exists", "id");
	else if (!api_failed(c, error))
		reply_role(c, 201, r.id);
}

/* Was there somebody who can run the desk, and is there nobody now? */
static int
operators_stay(struct api_call *c, int64_t before)
{
	int64_t after;
	TRY(account_operators(c->desk->db, &after));
	return before && !after ? E_CONFLICT : 0;
}

static void
change_role(struct api_call *c, const struct role *old, struct role *r)
{
	int64_t operators = 0;
	int error = account_operators(c->desk->db, &operators);
	if (!error)
		error = facts(c, old->id, &c->before);
	if (!error)
		error = role_set(c->desk->db, r);
	if (api_failed(c, error))
		return;
	error = operators_stay(c, operators);
	if (error == E_CONFLICT) {
		api_reply_problem(c, 409, "last_operator", "rights");
		return;
	}
	if (old->rights != r->rights || old->agency != r->agency)
		c->desk->session_over(c->desk->core, STR("")); /* live streams come again with the rights of now */
	reply_role(c, 200, r->id);
}

void
api_role_patch(struct api_call *c)
{
	struct role old, r;
	if (!is_of_desk(c))
		return;
	int error = role_get(c->desk->db, api_path_id(c), &c->arena, &old);
	if (api_failed(c, error))
		return;
	r = old;
	const char *field = api_match_version(c, &r.version) ? read_role(c, &r) : "If-Match";
	if (field)
		api_reply_problem(c, 422, "invalid", field);
	else if (old.builtin && (r.rights != old.rights || r.agency != old.agency))
		api_reply_problem(c, 409, "role_builtin", "rights");
	else if ((old.rights | r.rights) & ~c->who.rights)
		api_reply_problem(c, 403, "grants_more", "rights");
	else
		change_role(c, &old, &r);
}

void
api_role_delete(struct api_call *c)
{
	struct role r;
	if (!is_of_desk(c))
		return;
	int error = role_get(c->desk->db, api_path_id(c), &c->arena, &r);
	if (!error && r.builtin)
		api_reply_problem(c, 409, "role_builtin", NULL);
	else if (!error && (r.people || r.keys))
		api_reply_problem(c, 409, "role_used", NULL);
	else if (!error && (r.rights & ~c->who.rights))
		api_reply_problem(c, 403, "grants_more", NULL);
	else {
		if (!error)
			error = facts(c, r.id, &c->before);
		if (!error)
			error = role_delete(c->desk->db, r.id);
		if (!api_failed(c, error))
			api_reply_empty(c, 204);
	}
}
