/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One's own account. Whatever changes how one signs in asks the password once more, and who has a second proof gave it in
 * this session a moment ago: a browser left open, a stolen session or a password that leaked keep nobody out.
 */
#include "web/route.h"

#include <sodium.h>

#include "host/clock.h"
#include "web/proof.h"

/* An API key has no account. */
static bool
is_person(struct api_call *c)
{
	if (c->who.person)
		return true;
	api_reply_problem(c, 409, "person_only", NULL);
	return false;
}

/* A wrong one is 403 and not 401: he stays signed in. */
static void
password_known(struct api_call *c, int error)
{
	if (error == E_DENIED)
		api_reply_problem(c, 403, "wrong_password", "password");
	else if (error)
		api_reply_error(c, error);
	else {
		proof_forgive(c, str_z(c->who.login));
		c->proven(c);
	}
}

/* Before the password is looked at: a stolen session alone cannot guess it. */
static bool
second_is_fresh(struct api_call *c)
{
	struct factors f = {0};
	int error = factors_of(c->desk->db, c->who.person, &f);
	if (error)
		api_reply_error(c, error);
	else if (factors_any(&f) && clock_now_ms() - c->who.second_ms >= PROOF_MS)
		api_reply_problem(c, 403, "second_again", NULL);
	else
		return true;
	return false;
}

void
account_ask_password(struct api_call *c, void (*then)(struct api_call *c))
{
	struct str password;
	c->proven = then;
	if (!is_person(c) || !second_is_fresh(c))
		return;
	if (!json_get_string(&c->body, 0, STR("password"), &c->arena, &password))
		api_reply_problem(c, 422, "invalid", "password");
	else
		proof_password(c, str_z(c->who.login), password, password_known);
}

/* --- proving oneself again --- */

static void
reply_proven(struct api_call *c, bool second)
{
	int error = session_proven(c->desk->db, c->who.person, str_z(c->who.session), second, clock_now_ms());
	if (api_failed(c, error))
		return;
	proof_forgive(c, str_z(c->who.login));
	api_reply_empty(c, 204);
}

static void
password_again(struct api_call *c, int error)
{
	if (error == E_DENIED)
		api_reply_problem(c, 403, "wrong_password", "password");
	else if (!api_failed(c, error))
		reply_proven(c, false);
}

static void
second_again(struct api_call *c)
{
	const char *factor = NULL;
	struct str secret;
	struct ticket *t = NULL;
	if (json_get_string(&c->body, 0, STR("ticket"), &c->arena, &secret))
		t = ticket_find(c->desk->tickets, secret, clock_now_ms());
	if (t && (t->kind != TICKET_PROVE || t->person != c->who.person))
		t = NULL;
	if (proof_must_wait(c, "factor", str_z(c->who.login)))
		return;
	int error = proof_second(c, t, c->who.person, &factor);
	if (error == E_DENIED || error == E_NOT_FOUND) {
		proof_failed(c, str_z(c->who.login), factor);
		api_reply_problem(c, 403, str_starts(str_z(factor), STR("passkey_")) ? factor : "wrong_code", "code");
	} else if (error == E_INVALID) {
		api_reply_problem(c, 422, factor ? factor : "invalid", "code");
	} else if (!api_failed(c, error)) {
		reply_proven(c, true);
	}
}

/* By the password, or by what comes second. */
void
api_account_proof(struct api_call *c)
{
	struct str password;
	if (!is_person(c))
		return;
	if (json_get_string(&c->body, 0, STR("password"), &c->arena, &password))
		proof_password(c, str_z(c->who.login), password, password_again);
	else
		second_again(c);
}

/* --- what there is --- */

static int
account_json(struct api_call *c)
{
	struct factors f = {0};
	struct db_rows *rows;
	struct buf *out = &c->out;
	TRY(factors_of(c->desk->db, c->who.person, &f));
	TRY(db_query(c->desk->db, &rows, Q_PERSON_ACCOUNT, "i", c->who.person));
	int more = db_next(rows);
	buf_add_char(out, '{');
	out_text(out, "login", str_z(c->who.login));
	out_text(out, "name", str_z(c->who.name));
	out_text(out, "role", str_z(c->who.role));
	out_bool(out, "directory", more > 0 && db_i64(rows, 0));
	if (more > 0 && !db_is_null(rows, 1))
		out_i64(out, "password_ms", db_i64(rows, 1));
	else
		out_raw(out, "password_ms", STR("null"));
	db_end(rows);
	out_bool(out, "totp", f.totp);
	out_i64_or_null(out, "totp_used_ms", f.totp_used_ms);
	out_i64(out, "recovery_left", f.recovery);
	out_bool(out, "second_factor_required", c->who.second_due_ms != 0);
	int error = more < 0 ? more : passkeys_json(c, out);
	buf_add_char(out, '}');
	return error;
}

void
api_account(struct api_call *c)
{
	if (!is_person(c))
		return;
	int error = account_json(c);
	if (!api_failed(c, error))
		api_reply(c, 200);
}

/* --- the password --- */

struct change {
	struct new_password fresh;
};

static int
hash_work(struct api_call *c)
{
	struct change *change = c->user;
	return new_password_work(&change->fresh);
}

/* All sessions end; this browser gets a new one, so that a copy of the old cookie is worth nothing. */
static void
hash_done(struct api_call *c, int error)
{
	struct change *change = c->user;
	char *secret = arena_alloc(&c->arena, SECRET_TEXT);
	struct desk *d = c->desk;
	if (error == E_INVALID) {
		api_reply_problem(c, 422, change->fresh.fault, "new_password");
		return;
	}
	if (!error)
		error = secret ? person_set_password(d->db, c->who.person, change->fresh.stored, clock_now_ms()) : E_LIMIT;
	if (!error)
		error = sessions_end(d, c->who.person, STR(""), &c->arena);
	if (!error)
		error = session_open(d->db, c->who.person, c->request.peer, c->request.agent,
		    c->who.by_link ? STR("setup") : STR("password"), c->who.second_ms,
		    clock_now_ms(), secret);
	if (api_failed(c, error))
		return;
	c->response.set_cookie = str_z(secret);
	api_reply_empty(c, 204);
}

static void
password_proven(struct api_call *c)
{
	api_defer(c, hash_work, hash_done);
}

void
api_account_password(struct api_call *c)
{
	struct change *change = ARENA_NEW(&c->arena, struct change);
	struct str before = {0};
	c->user = change;
	if (!is_person(c))
		return;
	if (c->who.directory)
		api_reply_problem(c, 409, "directory_password", NULL);
	else if (!change || !json_get_string(&c->body, 0, STR("new_password"), &c->arena, &change->fresh.text))
		api_reply_problem(c, 422, "password_short", "new_password");
	else if (json_get_string(&c->body, 0, STR("password"), &c->arena, &before) && str_eq(before, change->fresh.text))
		api_reply_problem(c, 422, "password_same", "new_password");
	else {
		new_password_of(c, &change->fresh, str_z(c->who.login), str_z(c->who.name), str_z(c->who.organisation));
		account_ask_password(c, password_proven);
	}
}

/* --- the authenticator app --- */

void
totp_offer(struct api_call *c, const struct principal *p)
{
	uint8_t secret[TOTP_SECRET];
	char text[TOTP_SECRET_TEXT];
	struct buf uri = BUF_INIT_MAX(1024), path = BUF_INIT_MAX(64 << 10), issuer = BUF_INIT_MAX(300);
	unsigned size = 0;
	int error = totp_begin(c->desk->db, c->desk->vault, p->person, clock_now_ms(), secret);
	if (api_failed(c, error))
		return;
	const char *province = c->desk->options->province;
	buf_addf(&issuer, "Khien%s%s", province[0] ? " " : "", province);
	totp_uri(secret, str_cut(buf_str(&issuer), 0, 80), str_z(p->login), &uri);
	totp_secret_text(secret, text);
	bool drawn = !uri.over && totp_qr_path(buf_str(&uri), &size, &path);
	buf_add_char(&c->out, '{');
	out_text(&c->out, "secret", str_z(text));
	out_text(&c->out, "uri", buf_str(&uri));
	out_name(&c->out, "qr");
	if (drawn)
		buf_addf(&c->out, "{\"size\":%u,\"path\":\"%s\"}}", size, path.p);
	else
		buf_add(&c->out, STR("null}"));
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(text, sizeof text);
	buf_release(&uri);
	buf_release(&path);
	buf_release(&issuer);
	api_reply(c, 200);
}

static void
totp_begin_proven(struct api_call *c)
{
	totp_offer(c, &c->who);
}

void
api_account_totp_post(struct api_call *c)
{
	if (proof_may_enrol(c))
		account_ask_password(c, totp_begin_proven);
}

void
api_account_totp_put(struct api_call *c)
{
	struct str code;
	if (!is_person(c))
		return;
	if (!json_get_string(&c->body, 0, STR("code"), &c->arena, &code)) {
		api_reply_problem(c, 422, "invalid", "code");
		return;
	}
	if (!proof_may_enrol(c) || proof_must_wait(c, "factor", str_z(c->who.login)))
		return;
	int error = totp_confirm(c->desk->db, c->desk->vault, c->who.person, code, clock_now_ms());
	if (error == E_DENIED) {
		api_reply_problem(c, 422, "wrong_code", "code");
	} else if (!api_failed(c, error)) {
		reply_proven(c, true);
	}
}

static void
totp_removal_proven(struct api_call *c)
{
	int error = totp_remove(c->desk->db, c->who.person);
	if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

void
api_account_totp_removal(struct api_call *c)
{
	account_ask_password(c, totp_removal_proven);
}

/* --- recovery codes --- */

static void
recovery_proven(struct api_call *c)
{
	char code[RECOVERY_CODES][RECOVERY_TEXT];
	struct factors f = {0};
	int error = factors_of(c->desk->db, c->who.person, &f);
	if (!error && !factors_any(&f)) {
		api_reply_problem(c, 409, "recovery_alone", NULL);
		return;
	}
	if (!error)
		error = recovery_renew(c->desk->db, c->who.person, clock_now_ms(), code);
	if (api_failed(c, error))
		return;
	buf_add(&c->out, STR("{\"codes\":["));
	for (unsigned i = 0; i < RECOVERY_CODES; i++)
		buf_addf(&c->out, "%s\"%s\"", i ? "," : "", code[i]);
	buf_add(&c->out, STR("]}"));
	sodium_memzero(code, sizeof code);
	api_reply(c, 201);
}

void
api_account_recovery(struct api_call *c)
{
	account_ask_password(c, recovery_proven);
}
