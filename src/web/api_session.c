/* SPDX-License-Identifier: EUPL-1.2 */
/* First person, sign-in in one or two steps, sign-out, sessions. Passwords are hashed on pool threads, two at a time. */
#include "web/route.h"

#include <sodium.h>

#include "base/memory.h"
#include "host/clock.h"
#include "web/page.h"
#include "web/proof.h"

struct sign_in {
	struct str login, name, password, token;
	struct new_password fresh;
	char stored[PASSWORD_TEXT];
	struct principal person;
};

static void
reply_person(struct api_call *c, uint16_t status, const struct principal *p)
{
	struct buf *out = &c->out;
	buf_add_char(out, '{');
	out_text(out, "login", str_z(p->login));
	out_text(out, "name", str_z(p->name));
	out_text(out, "role", str_z(p->role));
	out_name(out, "rights");
	rights_json(p->rights, out);
	const struct organisation *o = registry_organisation(c->desk->registry, str_z(p->organisation));
	out_named(out, "organisation", str_z(p->organisation), o ? o->name : str_z(p->organisation));
	out_text(out, "province", str_z(c->desk->options->province));
	out_bool(out, "demonstration", c->desk->demonstration);
	struct factors f = {0};
	int error = p->second_due_ms ? factors_of(c->desk->db, p->person, &f) : 0;
	if (p->second_due_ms && !factors_any(&f)) /* until then he comes in without: he is to know */
		out_i64(out, "second_due_ms", p->second_due_ms);
	else
		out_raw(out, "second_due_ms", STR("null"));
	out_bool(out, "second_here", principal_may_enrol(p));
	buf_add_char(out, '}');
	if (!api_failed(c, error))
		api_reply(c, status);
}

/* A browser has one session: what it came with is over, live streams and all. */
static int
end_the_one_before(struct api_call *c)
{
	char id[SESSION_ID];
	if (!c->request.cookie.n)
		return 0;
	TRY(session_end(c->desk->db, c->request.cookie));
	session_id(c->request.cookie, id);
	c->desk->session_over(c->desk->core, str_z(id));
	return 0;
}

static bool
factor_is_second(const char *factor)
{
	return strcmp(factor, "totp") == 0 || strcmp(factor, "passkey") == 0 || strcmp(factor, "recovery") == 0;
}

static void
open_session(struct api_call *c, const struct principal *p, const char *factor)
{
	char *secret = arena_alloc(&c->arena, SECRET_TEXT);
	int64_t now = clock_now_ms(), second = factor_is_second(factor) ? now : 0;
	int error = secret ? end_the_one_before(c) : E_LIMIT;
	if (!error)
		error = session_open(c->desk->db, p->person, c->request.peer, c->request.agent, str_z(factor), second, now, secret);
	if (api_failed(c, error))
		return;
	proof_forgive(c, str_z(p->login));
	c->response.set_cookie = str_z(secret);
	c->who = *p; /* from here on it is they who act */
	c->who.second_ms = second;
	c->who.by_link = strcmp(factor, "setup") == 0;
	principal_limit(&c->who);
	reply_person(c, 201, &c->who);
}

static struct sign_in *
sign_in_of(struct api_call *c)
{
	struct sign_in *s = ARENA_NEW(&c->arena, struct sign_in);
	if (!s || !json_get_string(&c->body, 0, STR("login"), &c->arena, &s->login) ||
	    !json_get_string(&c->body, 0, STR("password"), &c->arena, &s->password))
		return NULL;
	if (!json_get_string(&c->body, 0, STR("name"), &c->arena, &s->name))
		s->name = s->login;
	if (!json_get_string(&c->body, 0, STR("token"), &c->arena, &s->token))
		s->token = STR("");
	c->user = s;
	return s;
}

/* --- the first step --- */

/* The password was right and nothing comes of it: what has to come second is set up with a link, as who has the password may not
 * be its owner. It is no problem in our sense, so that he whom the directory sent is an account here and can be given one. */
static void
ask_link(struct api_call *c, const struct principal *p)
{
	proof_failed(c, str_z(p->login), "link_needed");
	c->who = *p;
	if (!c->after.n)
		c->after = STR("{\"step\":\"password\"}");
	buf_add(&c->out, STR("{\"factor\":[\"link\"]}"));
	api_reply(c, 200);
}

/* What may come second, and the ticket that carries it. */
static void
ask_factor(struct api_call *c, const struct principal *p, const struct factors *f)
{
	char ticket[SECRET_TEXT];
	struct buf *out = &c->out;
	ticket_new(c->desk->tickets, TICKET_FACTOR, p->person, clock_now_ms(), ticket);
	buf_add(out, STR("{\"factor\":["));
	if (f->totp)
		buf_add(out, STR("\"totp\""));
	if (f->passkeys)
		buf_add(out, f->totp ? STR(",\"passkey\"") : STR("\"passkey\""));
	if (f->recovery)
		buf_add(out, STR(",\"recovery\""));
	buf_add_char(out, ']');
	out_text(out, "ticket", str_z(ticket));
	buf_add_char(out, '}');
	sodium_memzero(ticket, sizeof ticket);
	c->who = *p;
	if (!c->after.n)
		c->after = STR("{\"step\":\"password\"}");
	api_reply(c, 200);
}

static void
password_right(struct api_call *c, int error)
{
	struct factors f = {0};
	if (error == E_DENIED) {
		api_reply_problem(c, 401, "wrong_password", NULL);
		return;
	}
	const struct principal *p = &c->proof->person;
	if (!error)
		error = factors_of(c->desk->db, p->person, &f);
	if (error)
		api_reply_error(c, error);
	else if (factors_any(&f))
		ask_factor(c, p, &f);
	else if (p->second_due_ms && clock_now_ms() >= p->second_due_ms)
		ask_link(c, p);
	else
		open_session(c, p, "password");
}

void
api_session_post(struct api_call *c)
{
	struct sign_in *s = sign_in_of(c);
	if (!s)
		api_reply_problem(c, 422, "invalid", "login");
	else
		proof_password(c, s->login, s->password, password_right);
}

/* --- the second step --- */

static struct ticket *
ticket_of(struct api_call *c)
{
	struct str secret;
	if (!json_get_string(&c->body, 0, STR("ticket"), &c->arena, &secret))
		return NULL;
	return ticket_find(c->desk->tickets, secret, clock_now_ms());
}

static int
check_factor(struct api_call *c, struct ticket *t, const char **ret_factor)
{
	struct str code;
	if (t->kind != TICKET_ENROL)
		return proof_second(c, t, t->person, ret_factor);
	if (!json_get_string(&c->body, 0, STR("totp"), &c->arena, &code))
		return E_INVALID;
	*ret_factor = "totp";
	return totp_confirm(c->desk->db, c->desk->vault, t->person, code, clock_now_ms());
}

static void
second_step(struct api_call *c, struct ticket *t, const struct principal *p)
{
	const char *factor = NULL;
	int error = check_factor(c, t, &factor);
	if (error == E_INVALID) {
		api_reply_problem(c, 422, factor ? factor : "invalid", NULL);
	} else if (error == E_DENIED || error == E_NOT_FOUND) {
		proof_failed(c, str_z(p->login), factor);
		api_reply_problem(c, 401, str_starts(str_z(factor), STR("passkey_")) ? factor : "wrong_code", NULL);
	} else if (!api_failed(c, error)) {
		struct buf after = BUF_INIT_MAX(64);
		buf_addf(&after, "{\"factor\":\"%s\"}", factor);
		bool kept = arena_copy(&c->arena, buf_str(&after), &c->after);
		buf_release(&after);
		ticket_end(t);
		if (kept)
			open_session(c, p, factor);
		else
			api_reply_error(c, E_LIMIT);
	}
}

/* He whose ticket it is, if it may be used to come in; else the call is answered. Where a passkey stands alone it says
 * who comes. */
static bool
ticket_person(struct api_call *c, struct ticket *t, struct principal *ret)
{
	int64_t person = t && t->kind != TICKET_REGISTER && t->kind != TICKET_PROVE ? t->person : 0;
	int error = 0;
	if (t && t->kind == TICKET_ALONE && (error = passkey_owner(c, &person)) == E_NOT_FOUND) {
		proof_failed(c, STR(""), "passkey_unknown");
		api_reply_problem(c, 401, "passkey_unknown", NULL);
		return false;
	}
	if (!error)
		error = person ? person_get(c->desk->db, person, ret) : E_NOT_FOUND;
	if (error == E_NOT_FOUND)
		api_reply_problem(c, 401, "ticket", NULL);
	else if (error)
		api_reply_error(c, error);
	return !error;
}

void
api_session_factor(struct api_call *c)
{
	struct ticket *t = ticket_of(c);
	struct principal p;
	if (ticket_person(c, t, &p) && !proof_must_wait(c, "factor", str_z(p.login)))
		second_step(c, t, &p);
}

/* Somebody who must have a second proof and has none comes from his link and gets his app now; the second step then confirms it. */
void
api_session_enrol(struct api_call *c)
{
	struct ticket *t = ticket_of(c);
	struct principal p;
	if (!ticket_person(c, t, &p))
		return;
	c->who = p;
	if (t->kind == TICKET_ENROL)
		totp_offer(c, &p);
	else
		api_reply_error(c, E_DENIED);
}

void
api_session_get(struct api_call *c)
{
	reply_person(c, 200, &c->who);
}

void
api_session_delete(struct api_call *c)
{
	int error = c->request.cookie.n ? session_end(c->desk->db, c->request.cookie) : 0;
	if (api_failed(c, error))
		return;
	c->response.set_cookie = STR("-");
	api_reply_empty(c, 204);
}

/* --- sessions as a list --- */

int
sessions_end(struct desk *d, int64_t person, struct str keep, struct arena *arena)
{
	struct session_row *row;
	uint32_t count = 0;
	TRY(session_list(d->db, person, clock_now_ms(), arena, &row, &count));
	TRY(session_end_others(d->db, person, keep));
	for (uint32_t i = 0; i < count; i++)
		if (!str_eq(row[i].id, keep))
			d->session_over(d->core, row[i].id);
	tickets_end_of(d->tickets, person);
	return 0;
}

static void
reply_sessions(struct api_call *c, int64_t person)
{
	struct session_row *row;
	uint32_t count = 0;
	struct buf *out = &c->out;
	int error = session_list(c->desk->db, person, clock_now_ms(), &c->arena, &row, &count);
	if (api_failed(c, error))
		return;
	page_begin(out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(out);
		buf_add_char(out, '{');
		out_text(out, "id", row[i].id);
		out_i64(out, "created_ms", row[i].created_ms);
		out_i64(out, "seen_ms", row[i].seen_ms);
		out_text(out, "peer", row[i].peer);
		out_text(out, "agent", row[i].agent);
		out_text(out, "factor", row[i].factor);
		out_bool(out, "current", str_eq(row[i].id, str_z(c->who.session)));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	page_end_at(out, count, 0);
	api_reply(c, 200);
}

static void
reply_ended(struct api_call *c, int error)
{
	if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

void
api_sessions(struct api_call *c)
{
	reply_sessions(c, c->who.person);
}

void
api_sessions_delete(struct api_call *c)
{
	if (proof_is_fresh(c))
		reply_ended(c, sessions_end(c->desk, c->who.person, str_z(c->who.session), &c->arena));
}

void
api_session_delete_one(struct api_call *c)
{
	struct str id = api_path_id(c);
	if (!proof_is_fresh(c))
		return;
	int error = session_end_one(c->desk->db, c->who.person, id);
	if (!error)
		c->desk->session_over(c->desk->core, id);
	reply_ended(c, error);
}

/* Another's. Who is outside the caller's reach does not exist for him. */
static int
person_in_reach(struct api_call *c, int64_t *ret)
{
	struct principal p;
	struct str scope = api_scope(c);
	int64_t id;
	if (!str_to_i64(api_path_id(c), &id))
		return E_NOT_FOUND;
	TRY(person_get(c->desk->db, id, &p));
	if (scope.n && !registry_within(c->desk->registry, str_z(p.organisation), scope))
		return E_NOT_FOUND;
	*ret = id;
	return 0;
}

void
api_person_sessions(struct api_call *c)
{
	int64_t person;
	int error = person_in_reach(c, &person);
	if (!api_failed(c, error))
		reply_sessions(c, person);
}

void
api_person_sessions_delete(struct api_call *c)
{
	int64_t person;
	int error = person_may_change(c);
	if (!error)
		error = person_in_reach(c, &person);
	reply_ended(c, error ? error : sessions_end(c->desk, person, STR(""), &c->arena));
}

/* --- sign-ins that failed, for the auditor --- */

void
api_failed_sign_ins(struct api_call *c)
{
	struct db_rows *rows;
	struct buf *out = &c->out;
	int64_t limit, offset, kind, n = 0;
	if (!api_query_i64(c, STR("kind"), -1, -1, FAILURE_KINDS - 1, &kind) ||
	    !api_query_i64(c, STR("cursor"), 0, 0, FAILURE_KINDS * FAILURES_ROWS, &offset) ||
	    !api_query_i64(c, STR("limit"), 100, 1, 500, &limit)) {
		api_reply_problem(c, 422, "invalid", "cursor");
		return;
	}
	int more, error = failures_write(c->desk->failures, c->desk->db);
	if (!error)
		error = db_query(c->desk->db, &rows, Q_FAILURE_LIST, "ssiii", api_query(c, STR("login")), api_query(c, STR("peer")),
		    limit + 1, offset, kind);
	if (api_failed(c, error))
		return;
	static const char *const names[] = {"login", "peer", "what"};
	page_begin(out);
	while ((more = db_next(rows)) > 0 && n++ < limit) {
		page_item(out);
		buf_add_char(out, '{');
		for (int i = 0; i < 3; i++)
			out_text(out, names[i], db_text(rows, i));
		out_i64(out, "count", db_i64(rows, 3));
		out_i64(out, "first_ms", db_i64(rows, 4));
		out_i64(out, "last_ms", db_i64(rows, 5));
		buf_add_char(out, '}');
	}
	db_end(rows);
	buf_add_char(out, ']');
	page_end_at(out, -1, more > 0 ? offset + limit : 0);
	if (!api_failed(c, more))
		api_reply(c, 200);
}

/* --- the first person --- */

void
api_setup_get(struct api_call *c)
{
	int64_t people = 1;
	int error = person_count(c->desk->db, &people);
	if (api_failed(c, error))
		return;
	buf_addf(&c->out, "{\"needed\":%s}", people ? "false" : "true");
	api_reply(c, 200);
}

static int
setup_work(struct api_call *c)
{
	struct sign_in *s = c->user;
	s->fresh.text = s->password;
	return new_password_work(&s->fresh);
}

static void
setup_done(struct api_call *c, int error)
{
	struct sign_in *s = c->user;
	if (error == E_INVALID) {
		api_reply_problem(c, 422, s->fresh.fault, "password");
		return;
	}
	if (!error && !setup_link_fits(c->desk->db, s->token))
		error = E_DENIED; /* somebody was faster */
	if (!error)
		error = person_new(c->desk->db, s->login, s->name, STR("operator"), s->fresh.stored, clock_now_ms(), &s->person.person);
	if (!error)
		error = setup_link_end(c->desk->db);
	if (!error)
		error = person_by_login(c->desk->db, s->login, &s->person, s->stored);
	if (error == E_INVALID)
		api_reply_problem(c, 422, "invalid", "login");
	else if (!api_failed(c, error))
		open_session(c, &s->person, "setup");
}

void
api_setup_post(struct api_call *c)
{
	struct sign_in *s = sign_in_of(c);
	if (!s)
		api_reply_problem(c, 422, "invalid", "login");
	else if (proof_must_wait(c, "login", STR("")))
		return;
	else if (!setup_link_fits(c->desk->db, s->token))
		api_reply_problem(c, 403, "setup_link", "token");
	else {
		new_password_of(c, &s->fresh, s->login, s->name, STR(""));
		api_defer(c, setup_work, setup_done);
	}
}
