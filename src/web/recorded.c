/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/recorded.h"

#include "base/hash.h"
#include "host/clock.h"
#include "host/log.h"
#include "store/record.h"

void
recorded_run(struct api_call *c, void (*step)(struct api_call *c))
{
	struct desk *d = c->desk;
	struct api_call *around = d->open_call; /* another may go on, or end, while a call waits for it */
	int error = db_begin(d->db);
	if (error) {
		c->recorded = false;
		api_reply_error(c, error);
		return;
	}
	d->open_call = c;
	step(c);
	bool waits = d->open_call == c; /* else it is answered and gone */
	d->open_call = around;
	if (!waits)
		return;
	error = db_end_transaction(d->db, 0);
	if (error)
		log_say(LOG_LEVEL_ERROR, "record.lost", LOG_TEXT("error", str_z(error_name(error))));
}

/* Never in clear, not even in the record. */
static bool
is_secret(struct api_call *c, uint32_t at)
{
	static const struct str names[] = {STR_INIT("password"), STR_INIT("token"), STR_INIT("secret"), STR_INIT("code"),
	    STR_INIT("ticket"), STR_INIT("totp"), STR_INIT("recovery"), STR_INIT("passkey")};
	struct str name; /* handlers know "pass\u0077ord" too */
	if (!json_string(&c->body, at, &c->arena, &name))
		return true;
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_find_nocase(name, names[i]) >= 0)
			return true;
	return false;
}

static void
put_digest(struct str bytes, struct buf *out)
{
	uint8_t digest[32];
	sha256(bytes, digest);
	buf_add(out, STR("{\"sha256\":\""));
	buf_add_hex(out, digest, sizeof digest);
	buf_addf(out, "\",\"bytes\":%zu}", bytes.n);
}

static void
body_without_secrets(struct api_call *c, struct buf *out)
{
	const struct json *j = &c->body;
	if (!c->request.body.n)
		return;
	if (!j->count || j->token[0].kind != JSON_OBJECT) {
		put_digest(c->request.body, out);
		return;
	}
	buf_add_char(out, '{');
	for (uint32_t i = json_first(j, 0); i < json_end(j, 0); i = json_next(j, i + 1)) {
		if (is_secret(c, i))
			continue;
		buf_add(out, out->n > 1 ? STR(",\"") : STR("\""));
		buf_add(out, json_raw(j, i));
		buf_add(out, STR("\":"));
		bool text = j->token[i + 1].kind == JSON_STRING;
		buf_add(out, text ? STR("\"") : STR(""));
		buf_add(out, json_raw(j, i + 1));
		buf_add(out, text ? STR("\"") : STR(""));
	}
	buf_add_char(out, '}');
}

/* "/api/v1/alerts/{id}" -> "alerts" */
static struct str
noun_of(struct str path)
{
	struct str noun = {0}, rest = str_skip(path, sizeof "/api/v1/" - 1);
	str_split(&rest, '/', &noun);
	return noun;
}

static int
put_entry(struct api_call *c)
{
	struct buf action = BUF_INIT_MAX(256), body = BUF_INIT_MAX(4 << 20);
	buf_addf(&action, "%.*s %.*s", STR_ARG(c->request.method), STR_ARG(c->pattern));
	if (!c->after.n)
		body_without_secrets(c, &body);
	struct record r = {
	    .at_ms = clock_now_ms(),
	    .who = c->who.login[0] ? str_z(c->who.login) : STR("-"),
	    .peer = c->request.peer,
	    .action = buf_str(&action),
	    .noun = noun_of(c->pattern),
	    .noun_id = c->noun_id.n ? c->noun_id : c->path_id,
	    .before = c->before,
	    .after = c->after.n ? c->after : buf_str(&body),
	    .reason = c->purpose,
	};
	int error = record_put(c->desk->db, &r);
	buf_release(&action);
	buf_release(&body);
	return error;
}

int
recorded_end(struct api_call *c, uint16_t status)
{
	struct desk *d = c->desk;
	bool open = d->open_call == c, good = status < 400;
	if (open)
		d->open_call = NULL;
	if (!good) {
		if (open)
			db_rollback(d->db);
		return 0;
	}
	if (!open)
		TRY(db_begin(d->db));
	return db_end_transaction(d->db, put_entry(c));
}

int
recorded_now(struct api_call *c)
{
	int error = recorded_end(c, 200);
	c->recorded = false;
	return error;
}
