/* SPDX-License-Identifier: EUPL-1.2 */
/* Accounts: made, changed and disabled by who has the right, within his reach, and never beyond what he has himself. */
#include "web/people.h"
#include "web/page.h"
#include "web/route.h"

#include <sodium.h>

#include "host/clock.h"
#include "web/proof.h"

#define NAME_MAX_BYTES 127u

/* --- what one may --- */

/* E_NOT_FOUND also for who stands outside the caller's reach. */
static int
account_in_reach(struct api_call *c, struct account *ret)
{
	struct account a;
	int64_t id;
	if (!str_to_i64(api_path_id(c), &id))
		return E_NOT_FOUND;
	TRY(account_get(c->desk->db, id, &c->arena, &a));
	if (!registry_within(c->desk->registry, a.organisation, api_scope(c)))
		return E_NOT_FOUND;
	*ret = a;
	return 0;
}

int
role_may_grant(struct api_call *c, struct str role, struct str organisation)
{
	struct role r;
	bool known = !organisation.n || registry_organisation(c->desk->registry, organisation);
	if (!known || !registry_within(c->desk->registry, organisation, api_scope(c)))
		return E_INVALID;
	TRY(role_get(c->desk->db, role, &c->arena, &r));
	return role_gives(&r, organisation) & ~c->who.rights ? E_DENIED : 0;
}

int
person_may_change(struct api_call *c)
{
	struct account a;
	TRY(account_in_reach(c, &a));
	int error = role_may_grant(c, a.role, a.organisation);
	return error == E_NOT_FOUND ? 0 : error; /* a role that is gone gives nothing */
}

/* --- as JSON --- */

static void
account_json(struct buf *out, const struct desk *d, const struct account *a)
{
	const struct organisation *o = registry_organisation(d->registry, a->organisation);
	buf_add_char(out, '{');
	out_i64(out, "id", a->id);
	out_text(out, "login", a->login);
	out_text(out, "name", a->name);
	out_text(out, "role", a->role);
	out_named(out, "organisation", a->organisation, o ? o->name : a->organisation);
	out_bool(out, "disabled", a->disabled);
	out_bool(out, "ready", a->ready);
	out_i64(out, "created_ms", a->created_ms);
	out_i64_or_null(out, "link_until_ms", a->link_until_ms);
	out_i64_or_null(out, "seen_ms", a->seen_ms);
	out_i64(out, "version", a->version);
}

static int
facts(struct api_call *c, int64_t id, struct str *ret)
{
	struct buf out = BUF_INIT_MAX(16 << 10);
	struct account a;
	TRY(account_get(c->desk->db, id, &c->arena, &a));
	account_json(&out, c->desk, &a);
	buf_add_char(&out, '}');
	bool kept = arena_copy(&c->arena, buf_str(&out), ret);
	buf_release(&out);
	return kept ? 0 : E_LIMIT;
}

/* `secret`: of a link that was just made; it is told here and never again. */
static void
reply_account(struct api_call *c, uint16_t status, int64_t id, const char *secret)
{
	struct account a;
	int error = account_get(c->desk->db, id, &c->arena, &a);
	if (!error)
		error = facts(c, id, &c->after);
	if (api_failed(c, error))
		return;
	account_json(&c->out, c->desk, &a);
	if (secret) {
		out_name(&c->out, "link");
		buf_addf(&c->out, "\"/welcome?token=%s%s\"", secret, a.directory ? "&directory=1" : "");
	}
	buf_add_char(&c->out, '}');
	api_reply(c, status);
}

void
api_people(struct api_call *c)
{
	struct account_filter f = {.scope = api_scope(c), .role = api_query(c, STR("role")),
	    .organisation = api_query(c, STR("organisation"))};
	struct account *list;
	uint32_t count;
	int64_t total;
	if (!page_asked(c, 0, 200, 500, &f.after_id, &f.limit))
		return;
	int error = account_list(c->desk->db, &f, &c->arena, &list, &count, &total);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		account_json(&c->out, c->desk, &list[i]);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, total, count == f.limit ? list[count - 1].id : 0);
	api_reply(c, 200);
}

void
api_person_get(struct api_call *c)
{
	struct account a;
	int error = account_in_reach(c, &a);
	if (!api_failed(c, error))
		reply_account(c, 200, a.id, NULL);
}

/* --- making and changing --- */

/* What the body says, over what `a` holds already. The field that is wrong, or NULL. */
static const char *
read_account(struct api_call *c, struct account *a)
{
	const struct json *j = &c->body;
	uint32_t organisation = json_get(j, 0, STR("organisation"));
	if (json_get(j, 0, STR("name")) && !json_get_string(j, 0, STR("name"), &c->arena, &a->name))
		return "name";
	a->name = str_trim(a->name);
	if (!a->name.n || a->name.n > NAME_MAX_BYTES)
		return "name";
	if (json_get(j, 0, STR("role")) && !json_get_string(j, 0, STR("role"), &c->arena, &a->role))
		return "role";
	if (organisation && j->token[organisation].kind == JSON_NULL)
		a->organisation = STR("");
	else if (organisation && (!json_string(j, organisation, &c->arena, &a->organisation) || !a->organisation.n))
		return "organisation";
	if (json_get(j, 0, STR("disabled")) && !json_get_bool(j, 0, STR("disabled"), &a->disabled))
		return "disabled";
	return NULL;
}

/* An account of this role there, by the caller. Answers itself and returns false when it may not be. */
static bool
may_grant(struct api_call *c, const struct account *a)
{
	struct role r;
	int error = role_may_grant(c, a->role, a->organisation);
	if (error == E_INVALID)
		api_reply_problem(c, 422, "invalid", "organisation");
	else if (error == E_NOT_FOUND)
		api_reply_problem(c, 422, "invalid", "role");
	else if (error == E_DENIED)
		api_reply_problem(c, 403, "grants_more", "role");
	else if (error)
		api_reply_error(c, error);
	else if (role_get(c->desk->db, a->role, &c->arena, &r) == 0 && r.agency && !a->organisation.n)
		api_reply_problem(c, 422, "role_of_agency", "organisation");
	else
		return true;
	return false;
}

void
api_person_post(struct api_call *c)
{
	struct account a = {0};
	char secret[SECRET_TEXT], *number = arena_alloc(&c->arena, 24);
	bool login = json_get_string(&c->body, 0, STR("login"), &c->arena, &a.login) && login_is_one(a.login);
	const char *field = login ? read_account(c, &a) : "login";
	int64_t id = 0;
	if (field || !number) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	if (!may_grant(c, &a))
		return;
	int error = account_put(c->desk->db, &a, clock_now_ms(), &id);
	if (!error)
		error = account_link(c->desk->db, id, clock_now_ms(), secret);
	snprintf(number, 24, "%lld", (long long)id);
	c->noun_id = str_z(number);
	if (error == E_EXISTS || error == E_CONFLICT)
		api_reply_problem(c, 409, "exists", "login");
	else if (!api_failed(c, error))
		reply_account(c, 201, id, secret);
	sodium_memzero(secret, sizeof secret);
}

/* In the call's transaction: a problem takes it back. */
static int
write_account(struct api_call *c, const struct account *old, const struct account *a)
{
	int64_t before, after;
	TRY(account_operators(c->desk->db, &before));
	TRY(facts(c, a->id, &c->before));
	TRY(account_set(c->desk->db, a));
	TRY(account_operators(c->desk->db, &after));
	if (before && !after)
		return E_UNSUPPORTED; /* the last one who can run the desk stays */
	bool other = !str_eq(old->role, a->role) || !str_eq(old->organisation, a->organisation);
	return a->disabled || other ? sessions_end(c->desk, a->id, STR(""), &c->arena) : 0;
}

void
api_person_patch(struct api_call *c)
{
	struct account old, a;
	int error = account_in_reach(c, &old);
	if (!error)
		error = person_may_change(c);
	if (api_failed(c, error))
		return;
	a = old;
	const char *field = api_match_version(c, &a.version) ? read_account(c, &a) : "If-Match";
	bool other = !str_eq(old.role, a.role) || !str_eq(old.organisation, a.organisation) || a.disabled != old.disabled;
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	if (other && c->who.person == a.id) {
		api_reply_problem(c, 409, "own_account", NULL);
		return;
	}
	if (!may_grant(c, &a))
		return;
	error = write_account(c, &old, &a);
	if (error == E_UNSUPPORTED)
		api_reply_problem(c, 409, "last_operator", NULL);
	else if (!api_failed(c, error))
		reply_account(c, 200, a.id, NULL);
}

/* --- the link --- */

/* A new way in, for who has forgotten his password or lost his second proof. What he came in by before stays good until
 * the link is used, so that a mistake here locks nobody out; his sessions end. */
void
api_person_invite(struct api_call *c)
{
	struct account a;
	char secret[SECRET_TEXT];
	bool reset = false;
	int error = account_in_reach(c, &a);
	if (!error)
		error = person_may_change(c);
	if (!error && a.disabled)
		error = E_CONFLICT;
	if (api_failed(c, error))
		return;
	if (c->who.person == a.id) { /* a browser left open would give itself another way in */
		api_reply_problem(c, 409, "own_account", NULL);
		return;
	}
	if (json_get(&c->body, 0, STR("reset_factors")) && !json_get_bool(&c->body, 0, STR("reset_factors"), &reset)) {
		api_reply_problem(c, 422, "invalid", "reset_factors");
		return;
	}
	error = account_link(c->desk->db, a.id, clock_now_ms(), secret);
	if (!error)
		error = sessions_end(c->desk, a.id, STR(""), &c->arena);
	if (!error && reset)
		error = factors_reset(c->desk->db, a.id);
	if (!api_failed(c, error))
		reply_account(c, 201, a.id, secret);
	sodium_memzero(secret, sizeof secret);
}

struct welcome {
	struct str token;
	struct new_password password;
	struct account account;
};

static int
welcome_work(struct api_call *c)
{
	struct welcome *w = c->user;
	return new_password_work(&w->password);
}

/* Where a second step is asked and there is none yet, it is set up now or by another link: the ticket for it. */
static int
welcome_json(struct api_call *c, const struct account *a)
{
	char ticket[SECRET_TEXT];
	struct factors f = {0};
	struct principal p = {0};
	TRY(person_get(c->desk->db, a->id, &p));
	TRY(factors_of(c->desk->db, a->id, &f));
	buf_add_char(&c->out, '{');
	out_text(&c->out, "login", a->login);
	out_text(&c->out, "name", a->name);
	if (p.second_due_ms && !factors_any(&f)) {
		ticket_new(c->desk->tickets, TICKET_ENROL, a->id, clock_now_ms(), ticket);
		out_text(&c->out, "ticket", str_z(ticket));
		out_i64(&c->out, "second_due_ms", p.second_due_ms);
		sodium_memzero(ticket, sizeof ticket);
	}
	buf_add_char(&c->out, '}');
	return 0;
}

static void
welcome_end(struct api_call *c, int error)
{
	struct welcome *w = c->user;
	if (!error)
		error = account_link_end(c->desk->db, w->account.id);
	if (!error)
		error = sessions_end(c->desk, w->account.id, STR(""), &c->arena);
	if (!error)
		error = welcome_json(c, &w->account);
	if (error == E_DENIED) {
		api_reply_problem(c, 403, "setup_link", "token");
		return;
	}
	if (api_failed(c, error))
		return;
	throttle_good(c->desk->throttle, c->request.peer);
	str_to_z(w->account.login, c->who.login, sizeof c->who.login); /* it is they who act */
	api_reply(c, 200);
}

static void
welcome_done(struct api_call *c, int error)
{
	struct welcome *w = c->user;
	if (error == E_INVALID) {
		api_reply_problem(c, 422, w->password.fault, "password");
		return;
	}
	if (!error) /* somebody may have been faster */
		error = account_of_link(c->desk->db, w->token, clock_now_ms(), &c->arena, &w->account);
	if (!error)
		error = person_set_password(c->desk->db, w->account.id, w->password.stored, clock_now_ms());
	welcome_end(c, error);
}

/* The link of somebody whose password the directory knows sets none: it is asked there. */
static void
welcome_directory(struct api_call *c, int error)
{
	struct welcome *w = c->user;
	if (error == E_DENIED) {
		api_reply_problem(c, 403, "wrong_password", "password");
		return;
	}
	if (!error)
		error = account_of_link(c->desk->db, w->token, clock_now_ms(), &c->arena, &w->account);
	welcome_end(c, error);
}

/* Sets the password. Nobody is signed in by it: the second proof, where one is asked, is asked as always. Who has none yet sets
 * it up with the ticket that he gets here, and not in any other way. */
void
api_invitation_use(struct api_call *c)
{
	struct welcome *w = ARENA_NEW(&c->arena, struct welcome);
	if (!w || !json_get_string(&c->body, 0, STR("token"), &c->arena, &w->token)) {
		api_reply_problem(c, 422, "invalid", "token");
		return;
	}
	if (!json_get_string(&c->body, 0, STR("password"), &c->arena, &w->password.text)) {
		api_reply_problem(c, 422, "invalid", "password");
		return;
	}
	c->response.retry_after = throttle_try(c->desk->throttle, c->request.peer, clock_now_ms());
	if (c->response.retry_after) {
		api_reply_problem(c, 429, "wait", NULL);
		return;
	}
	c->user = w;
	int error = account_of_link(c->desk->db, w->token, clock_now_ms(), &c->arena, &w->account);
	if (error == E_DENIED)
		api_reply_problem(c, 403, "setup_link", "token");
	else if (error)
		api_reply_error(c, error);
	else if (w->account.directory)
		proof_password(c, w->account.login, w->password.text, welcome_directory);
	else {
		new_password_of(c, &w->password, w->account.login, w->account.name, w->account.organisation);
		api_defer(c, welcome_work, welcome_done);
	}
}
