/* SPDX-License-Identifier: EUPL-1.2 */
/* First person, sign-in, sign-out. Passwords are hashed on pool threads, two at a time. */
#include "web/route.h"

#include <sodium.h>

#include "base/memory.h"
#include "host/clock.h"

struct sign_in {
	struct str login, name, password, token;
	char stored[PASSWORD_TEXT];
	struct principal person;
	bool known, good;
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
	out_text(out, "province", str_z(c->desk->options->province));
	out_bool(out, "demonstration", c->desk->demonstration);
	buf_add_char(out, '}');
	api_reply(c, status);
}

static void
open_session(struct api_call *c, const struct principal *p)
{
	char *secret = arena_alloc(&c->arena, SECRET_TEXT);
	int error = !secret ? E_LIMIT
			    : session_open(c->desk->db, p->person, c->request.peer, c->request.agent, clock_now_ms(), secret);
	if (error) {
		api_reply_error(c, error);
		return;
	}
	c->response.set_cookie = str_z(secret);
	c->who = *p; /* from here on it is they who act */
	reply_person(c, 201, p);
}

/* Waiting is asked of the login and of the address; both are counted before the password is looked at. */
static bool
must_wait(struct api_call *c, struct str login)
{
	int64_t now = clock_now_ms();
	struct buf key = BUF_INIT_MAX(256);
	buf_addf(&key, "login %.*s", STR_ARG(str_cut(login, 0, 64)));
	/* An address that has to wait does not make a login wait: nobody is locked out by a stranger's flood. */
	c->response.retry_after = throttle_try(c->desk->throttle, c->request.peer, now);
	if (!c->response.retry_after)
		c->response.retry_after = throttle_try(c->desk->throttle, buf_str(&key), now);
	buf_release(&key);
	if (!c->response.retry_after)
		return false;
	api_reply_problem(c, 429, "wait", NULL);
	return true;
}

static void
forgive(struct api_call *c, struct str login)
{
	struct buf key = BUF_INIT_MAX(256);
	buf_addf(&key, "login %.*s", STR_ARG(str_cut(login, 0, 64)));
	throttle_good(c->desk->throttle, buf_str(&key));
	throttle_good(c->desk->throttle, c->request.peer);
	buf_release(&key);
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

/* --- sign-in --- */

static int
verify_work(struct api_call *c)
{
	struct sign_in *s = c->user;
	static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
				     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	/* An unknown login costs as much time as a known one. */
	s->good = password_verify(s->known ? s->stored : nobody, s->password) && s->known;
	return 0;
}

static void
verify_done(struct api_call *c, int error)
{
	struct sign_in *s = c->user;
	if (error || !s->good) {
		api_reply_problem(c, 401, "wrong_password", NULL);
		return;
	}
	forgive(c, s->login);
	open_session(c, &s->person);
}

void
api_session_post(struct api_call *c)
{
	struct sign_in *s = sign_in_of(c);
	if (!s) {
		api_reply_problem(c, 422, "invalid", "login");
		return;
	}
	if (must_wait(c, s->login))
		return;
	int error = person_by_login(c->desk->db, s->login, &s->person, s->stored);
	s->known = error == 0;
	if (error && error != E_NOT_FOUND)
		api_reply_error(c, error);
	else
		api_defer(c, verify_work, verify_done);
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
	if (error) {
		api_reply_error(c, error);
		return;
	}
	c->response.set_cookie = STR("-");
	api_reply_empty(c, 204);
}

/* --- the first person --- */

void
api_setup_get(struct api_call *c)
{
	int64_t people = 1;
	int error = person_count(c->desk->db, &people);
	if (error) {
		api_reply_error(c, error);
		return;
	}
	buf_addf(&c->out, "{\"needed\":%s}", people ? "false" : "true");
	api_reply(c, 200);
}

static int
setup_work(struct api_call *c)
{
	struct sign_in *s = c->user;
	return password_hash(s->password, s->stored);
}

static void
setup_done(struct api_call *c, int error)
{
	struct sign_in *s = c->user;
	if (error == E_INVALID) {
		api_reply_problem(c, 422, "password_short", "password");
		return;
	}
	if (!error && !setup_link_fits(c->desk->db, s->token))
		error = E_DENIED; /* somebody was faster */
	if (!error)
		error = person_new(c->desk->db, s->login, s->name, STR("operator"), s->stored, clock_now_ms(), &s->person.person);
	if (!error)
		error = setup_link_end(c->desk->db);
	if (!error)
		error = person_by_login(c->desk->db, s->login, &s->person, s->stored);
	if (error == E_INVALID)
		api_reply_problem(c, 422, "invalid", "login");
	else if (error)
		api_reply_error(c, error);
	else
		open_session(c, &s->person);
}

void
api_setup_post(struct api_call *c)
{
	struct sign_in *s = sign_in_of(c);
	if (!s)
		api_reply_problem(c, 422, "invalid", "login");
	else if (must_wait(c, STR("")))
		return;
	else if (!setup_link_fits(c->desk->db, s->token))
		api_reply_problem(c, 403, "setup_link", "token");
	else
		api_defer(c, setup_work, setup_done);
}
