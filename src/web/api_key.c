/* SPDX-License-Identifier: EUPL-1.2 */
/* API keys: made by a person for a program, with less than he may himself; seen and ended by him and by who looks after people. */
#include "web/route.h"

#include <sodium.h>

#include "base/time.h"
#include "host/clock.h"
#include "web/key.h"
#include "web/page.h"
#include "web/proof.h"

/* --- seeing --- */

static bool
in_reach(struct api_call *c, const struct key_row *k)
{
	struct str scope = api_scope(c);
	return !scope.n || (k->organisation.n && registry_within(c->desk->registry, k->organisation, scope));
}

static void
key_json(struct buf *out, const struct key_row *k, int64_t now_ms)
{
	struct str rest = k->scopes, scope;
	buf_add_char(out, '{');
	out_text(out, "id", k->id);
	out_text(out, "name", k->name);
	out_text(out, "role", k->role);
	out_name(out, "scopes");
	buf_add_char(out, '[');
	for (bool first = true; rest.n && str_split(&rest, ' ', &scope); first = false) {
		buf_add(out, first ? STR("") : STR(","));
		buf_add_json_string(out, scope);
	}
	buf_add_char(out, ']');
	out_text_or_null(out, "organisation", k->organisation);
	out_text_or_null(out, "maker", k->maker);
	out_i64(out, "created_ms", k->created_ms);
	out_i64_or_null(out, "until_ms", k->until_ms);
	out_i64_or_null(out, "used_ms", k->used_ms);
	out_i64_or_null(out, "revoked_ms", k->revoked_ms);
	out_bool(out, "active", !k->revoked_ms && (!k->until_ms || k->until_ms > now_ms));
	buf_add_char(out, '}');
}

void
api_keys(struct api_call *c)
{
	struct key_row *row;
	uint32_t count = 0, told = 0;
	struct buf *out = &c->out;
	bool all = str_eq(api_query(c, STR("all")), STR("1")) && (c->who.rights & RIGHT_PEOPLE_READ);
	/* An API key has none of its own: 0 would be everybody's. */
	int error = key_list(c->desk->db, all ? 0 : c->who.person ? c->who.person : -1, &c->arena, &row, &count);
	if (api_failed(c, error))
		return;
	page_begin(out);
	for (uint32_t i = 0; i < count; i++) {
		if (all && !in_reach(c, &row[i]))
			continue;
		page_item(out);
		told++;
		key_json(out, &row[i], clock_now_ms());
	}
	buf_add_char(out, ']');
	page_end_at(out, told, 0);
	api_reply(c, 200);
}

/* --- making --- */

/* ["alert_read", ...] as names with spaces between. */
static bool
take_scopes(struct api_call *c, struct str *ret)
{
	uint32_t list = json_get(&c->body, 0, STR("scopes"));
	struct buf names = BUF_INIT_MAX(1024);
	struct str name;
	bool good = !list || c->body.token[list].kind == JSON_ARRAY;
	for (uint32_t i = list ? json_first(&c->body, list) : 0; good && list && i < json_end(&c->body, list);
	     i = json_next(&c->body, i)) {
		good = c->body.token[i].kind == JSON_STRING && json_string(&c->body, i, &c->arena, &name) && name.n &&
		    str_find_char(name, ' ') < 0;
		buf_add(&names, names.n ? STR(" ") : STR(""));
		buf_add(&names, good ? name : STR(""));
	}
	good = good && !names.over && arena_copy(&c->arena, buf_str(&names), ret);
	buf_release(&names);
	return good;
}

/* Nobody gives what he has not: neither rights nor reach. */
static const char *
wish_fault(struct api_call *c, struct key_wish *w)
{
	struct role_means means = {0};
	unsigned scopes = 0;
	int64_t now = clock_now_ms();
	struct str scope = api_scope(c);
	if (!w->organisation.n)
		w->organisation = scope;
	else if (!registry_organisation(c->desk->registry, w->organisation) ||
	    (scope.n && !registry_within(c->desk->registry, w->organisation, scope)))
		return "organisation";
	if (!w->name.n || w->name.n > 63)
		return "name";
	if (role_rights(c->desk->db, w->role, w->organisation.n, &means) < 0 || (means.rights & ~c->who.rights && !w->scopes.n))
		return "role";
	if (!rights_named(w->scopes, &scopes) || scopes & ~(means.rights & c->who.rights))
		return "scopes";
	if (w->until_ms <= now || w->until_ms > now + KEY_DAYS_MAX * TIME_DAY)
		return "until_ms";
	return NULL;
}

static void
make_proven(struct api_call *c)
{
	struct key_wish *w = c->user;
	char secret[SECRET_TEXT], id[SESSION_ID];
	struct key_row row;
	int error = key_make(c->desk->db, w, clock_now_ms(), secret);
	if (!error) {
		session_id(str_z(secret), id);
		error = key_get(c->desk->db, str_z(id), &c->arena, &row);
	}
	if (api_failed(c, error))
		return;
	c->noun_id = row.id;
	key_json(&c->out, &row, clock_now_ms());
	struct str told = {0};
	if (!arena_copy(&c->arena, buf_str(&c->out), &told))
		told = STR("{}");
	c->after = told; /* without the secret */
	c->out.n--;
	out_text(&c->out, "key", str_z(secret));
	buf_add_char(&c->out, '}');
	sodium_memzero(secret, sizeof secret);
	api_reply(c, 201);
}

void
api_key_post(struct api_call *c)
{
	struct key_wish *w = ARENA_NEW(&c->arena, struct key_wish);
	const char *field = NULL;
	if (!w) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	c->user = w;
	w->person = c->who.person;
	if (!json_get_string(&c->body, 0, STR("name"), &c->arena, &w->name))
		field = "name";
	if (!json_get_string(&c->body, 0, STR("role"), &c->arena, &w->role))
		w->role = str_z(c->who.role);
	if (!json_get_string(&c->body, 0, STR("organisation"), &c->arena, &w->organisation))
		w->organisation = STR("");
	if (!json_get_i64(&c->body, 0, STR("until_ms"), &w->until_ms))
		field = field ? field : "until_ms";
	if (!take_scopes(c, &w->scopes))
		field = "scopes";
	w->name = str_trim(w->name);
	if (!field)
		field = wish_fault(c, w);
	if (field)
		api_reply_problem(c, 422, "invalid", field);
	else
		account_ask_password(c, make_proven);
}

/* --- ending --- */

/* Has it what the caller has not? Its maker's limits are not looked at: they may be wider tomorrow. */
static bool
gives_more(struct api_call *c, const struct key_row *k)
{
	struct role_means means = {0};
	unsigned scopes = 0;
	if (role_rights(c->desk->db, k->role, k->organisation.n > 0, &means) < 0)
		return false; /* a role that is gone gives nothing */
	if (k->scopes.n && rights_named(k->scopes, &scopes))
		means.rights &= scopes | RIGHT_SIGNED_IN;
	return means.rights & ~c->who.rights;
}

void
api_key_delete(struct api_call *c)
{
	struct key_row row;
	int error = key_get(c->desk->db, api_path_id(c), &c->arena, &row);
	bool own = !error && c->who.person && row.person == c->who.person;
	if (!error && !own && (!(c->who.rights & RIGHT_PEOPLE_CHANGE) || !in_reach(c, &row)))
		error = E_NOT_FOUND;
	else if (!error && !own && gives_more(c, &row))
		error = E_DENIED;
	if (!error)
		error = key_revoke(c->desk->db, row.id, clock_now_ms());
	if (api_failed(c, error))
		return;
	c->desk->session_over(c->desk->core, row.id);
	api_reply_empty(c, 204);
}
