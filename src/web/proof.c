/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/proof.h"

#include "host/clock.h"
#include "host/log.h"
#include "web/failures.h"
#include "web/people.h"

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
	failures_note(c->desk->failures, FAILURE_SIGN_IN, login, known, c->request.peer, what, clock_now_ms());
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

void
new_password_of(struct api_call *c, struct new_password *p, struct str login, struct str name, struct str organisation)
{
	const struct organisation *o = registry_organisation(c->desk->registry, organisation);
	const struct str known[] = {STR("khien"), login, name, organisation, o ? o->name : STR(""), str_z(c->desk->options->province)};
	for (size_t i = 0; i < COUNT(known); i++)
		password_words_add(&p->words, known[i]);
}

int
new_password_work(struct new_password *p)
{
	p->fault = password_fault(p->text, &p->words);
	return p->fault ? E_INVALID : password_hash(p->text, p->stored);
}

int
proof_second(struct api_call *c, struct ticket *t, int64_t person, const char **ret_factor)
{
	struct desk *d = c->desk;
	struct str code;
	if (t && json_get(&c->body, 0, STR("passkey"))) {
		*ret_factor = "passkey";
		return passkey_answer(c, t, ret_factor);
	}
	if (!person)
		return E_INVALID;
	if (json_get_string(&c->body, 0, STR("totp"), &c->arena, &code)) {
		*ret_factor = "totp";
		return totp_use(d->db, d->vault, person, code, clock_now_ms());
	}
	if (json_get_string(&c->body, 0, STR("recovery"), &c->arena, &code)) {
		*ret_factor = "recovery";
		return recovery_use(d->db, person, code, clock_now_ms());
	}
	return E_INVALID;
}

bool
proof_is_fresh(struct api_call *c)
{
	if (!c->who.person || clock_now_ms() - c->who.proven_ms < PROOF_MS)
		return true;
	api_reply_problem(c, 403, "proof_again", "password");
	return false;
}

bool
proof_may_enrol(struct api_call *c)
{
	struct factors f = {0};
	int error = principal_may_enrol(&c->who) ? 0 : factors_of(c->desk->db, c->who.person, &f);
	if (!error && (principal_may_enrol(&c->who) || factors_any(&f)))
		return true;
	if (api_failed(c, error))
		return false;
	proof_failed(c, str_z(c->who.login), "link_needed");
	api_reply_problem(c, 403, "link_needed", NULL);
	return false;
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

/* --- by the organisation's directory --- */

/* Who got which role where, as it is not in the request. */
static void
tell_record(struct api_call *c, const struct principal *p)
{
	struct buf after = BUF_INIT_MAX(1024);
	buf_add_char(&after, '{');
	out_text(&after, "login", str_z(p->login));
	out_text(&after, "directory_role", str_z(p->role));
	out_text(&after, "organisation", str_z(p->organisation));
	buf_add_char(&after, '}');
	if (!arena_copy(&c->arena, buf_str(&after), &c->after))
		c->after = STR("{}");
	buf_release(&after);
}

/* He whom the directory knows becomes a person of ours at his first sign-in; his role, and where he has it, is what his
 * groups say today. */
static int
take_in(struct api_call *c, struct proof *p)
{
	struct db *db = c->desk->db;
	int64_t id = p->person.person;
	const struct directory_person *said = &p->said;
	const struct principal before = p->person;
	struct str name = said->name.n && said->name.n < 128 && str_is_utf8(said->name) ? said->name : p->login;
	if (!p->known) {
		int error = person_new(db, p->login, name, said->role, "!", clock_now_ms(), &id);
		if (error == E_EXISTS || error == E_CONFLICT)
			return E_DENIED; /* disabled here */
		TRY(error);
	}
	TRY(db_run(db, Q_PERSON_FROM_DIRECTORY, "isss", id, said->role, name, said->organisation));
	int error = person_get(db, id, &p->person);
	if (!error && (!p->known || strcmp(before.role, p->person.role) != 0 || strcmp(before.organisation, p->person.organisation) != 0))
		tell_record(c, &p->person);
	return error;
}

static void
directory_done(struct api_call *c, int error)
{
	struct proof *p = c->proof;
	if (p->outcome == DIRECTORY_DOWN) {
		struct buf key = BUF_INIT_MAX(256);
		throttle_good(c->desk->throttle, throttle_key(&key, "login", p->login)); /* nothing was guessed */
		buf_release(&key);
		proof_failed(c, p->login, "directory_down");
		api_reply_problem(c, 503, "directory_down", NULL);
		return;
	}
	if (p->outcome == DIRECTORY_NO_ROLE) {
		proof_failed(c, p->login, "directory_role");
		api_reply_problem(c, 403, "directory_role", NULL);
		return;
	}
	bool right = p->outcome == DIRECTORY_RIGHT;
	error = right ? role_fits(c->desk->db, c->desk->registry, p->said.role, p->said.organisation, &c->arena) : E_DENIED;
	if (error == E_NOT_FOUND || error == E_INVALID || error == E_UNSUPPORTED) {
		proof_failed(c, p->login, "directory_place");
		log_say(LOG_LEVEL_ERROR, "ldap.no_such_place", LOG_TEXT("role", p->said.role), LOG_TEXT("organisation", p->said.organisation));
		api_reply_problem(c, 403, "directory_place", NULL);
		return;
	}
	if (!error)
		error = take_in(c, p);
	if (error == E_DENIED)
		proof_failed(c, p->login, "password");
	p->then(c, error);
}

void
proof_directory(struct api_call *c, enum directory_outcome outcome, const struct directory_person *said)
{
	struct proof *p = c->proof;
	bool kept = arena_copy(&c->arena, said->role, &p->said.role) && arena_copy(&c->arena, said->name, &p->said.name) &&
	    arena_copy(&c->arena, said->organisation, &p->said.organisation);
	p->outcome = kept ? outcome : DIRECTORY_DOWN;
	api_resume(c, directory_done);
}

/* Local people are asked here, whatever the directory says; what is no name of ours is not asked at all. */
static bool
is_for_directory(const struct api_call *c, const struct proof *p)
{
	return c->desk->directory_ask && (!p->known || p->person.directory) && login_is_one(p->login) && p->password.n &&
	    p->password.n <= PASSWORD_MAX;
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
	else if (!is_for_directory(c, p))
		api_defer(c, verify_work, verify_done);
	else if (!c->desk->directory_ask(c->desk->core, c, login, password)) {
		p->outcome = DIRECTORY_DOWN;
		directory_done(c, 0);
	}
}
