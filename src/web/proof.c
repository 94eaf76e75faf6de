/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/proof.h"

#include "host/clock.h"
#include "web/failures.h"

static struct str
throttle_key(struct buf *key, const char *step, struct str login)
{
	buf_clear(key);
	buf_addf(key, "%s %.*s", step, STR_ARG(str_cut(login, 0, 64)));
	return buf_str(key);
}

void
proof_failed(struct api_call *c, struct str login, const char *what)
{
	struct principal somebody;
	char stored[PASSWORD_TEXT];
	bool known = person_by_login(c->desk->db, login, &somebody, stored) == 0;
	failures_note(c->desk->failures, login, known, c->request.peer, what, clock_now_ms());
}

bool
proof_must_wait(struct api_call *c, const char *step, struct str login)
{
	int64_t now = clock_now_ms();
	struct buf key = BUF_INIT_MAX(256);
	/* An address that has to wait does not make a login wait: nobody is locked out by a stranger's flood. */
	c->response.retry_after = throttle_try(c->desk->throttle, c->request.peer, now);
	if (!c->response.retry_after)
		c->response.retry_after = throttle_try(c->desk->throttle, throttle_key(&key, step, login), now);
	buf_release(&key);
	if (!c->response.retry_after)
		return false;
	proof_failed(c, login, "wait");
	api_reply_problem(c, 429, "wait", NULL);
	return true;
}

void
proof_forgive(struct api_call *c, struct str login)
{
	struct buf key = BUF_INIT_MAX(256);
	throttle_good(c->desk->throttle, throttle_key(&key, "login", login));
	throttle_good(c->desk->throttle, throttle_key(&key, "factor", login));
	throttle_good(c->desk->throttle, c->request.peer);
	buf_release(&key);
}

/* Pool thread. */
static int
verify_work(struct api_call *c)
{
	struct proof *p = c->proof;
	static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
				     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	/* An unknown login costs as much time as a known one. */
	p->good = password_verify(p->known ? p->stored : nobody, p->password) && p->known;
	return 0;
}

static void
verify_done(struct api_call *c, int error)
{
	struct proof *p = c->proof;
	if (!error && !p->good) {
		proof_failed(c, p->login, "password");
		error = E_DENIED;
	}
	p->then(c, error);
}

void
proof_password(struct api_call *c, struct str login, struct str password, void (*then)(struct api_call *c, int error))
{
	struct proof *p = ARENA_NEW(&c->arena, struct proof);
	if (!p) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	if (proof_must_wait(c, "login", login))
		return;
	c->proof = p;
	p->login = login;
	p->password = password;
	p->then = then;
	int error = person_by_login(c->desk->db, login, &p->person, p->stored);
	p->known = error == 0;
	if (error && error != E_NOT_FOUND)
		api_reply_error(c, error);
	else
		api_defer(c, verify_work, verify_done);
}
