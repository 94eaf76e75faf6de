/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/personal.h"

#include "base/hash.h"
#include "base/time.h"
#include "host/clock.h"
#include "store/record.h"
#include "web/page.h"

#define SAME_READING_MS (10 * 60000)

/* "alert" or "alert: words": is the purpose one, and are there words where they are asked? E_INVALID. */
static int
purpose_check(struct db *db, struct str text)
{
	struct db_rows *rows;
	struct str words = text, id;
	str_split(&words, ':', &id);
	if (text.n > PURPOSE_BYTES || !str_is_utf8(text))
		return E_INVALID;
	TRY(db_query(db, &rows, Q_PURPOSE_GET, "s", str_trim(id)));
	int more = db_next(rows);
	bool asked = more > 0 && db_i64(rows, 0);
	db_end(rows);
	if (more < 0)
		return more;
	return !more || (asked && !str_trim(words).n) ? E_INVALID : 0;
}

static int
purpose_of_session(struct api_call *c, struct str *ret, int64_t *ret_until_ms)
{
	struct db_rows *rows;
	*ret = (struct str){0};
	*ret_until_ms = 0;
	if (!c->who.person)
		return 0;
	TRY(db_query(c->desk->db, &rows, Q_PURPOSE_OF_SESSION, "is", c->who.person, str_z(c->who.session)));
	int more = db_next(rows);
	if (more > 0 && db_i64(rows, 1) > clock_now_ms() && arena_copy(&c->arena, db_text(rows, 0), ret))
		*ret_until_ms = db_i64(rows, 1);
	db_end(rows);
	return more < 0 ? more : 0;
}

bool
personal_shown(struct api_call *c)
{
	int64_t until;
	if (!(c->who.rights & RIGHT_PERSONAL_READ))
		return false;
	if (api_scope(c).n || c->purpose.n)
		return true;
	struct str said = api_query(c, STR("purpose"));
	if (!said.n && purpose_of_session(c, &said, &until) < 0)
		return false;
	if (!said.n || purpose_check(c->desk->db, said) < 0)
		return false;
	c->purpose = said;
	return true;
}

/* --- noting --- */

/* Is it the reading of a moment ago? Else it is kept as the newest. */
static bool
is_same_reading(struct api_call *c, int64_t now_ms)
{
	struct personal_readings *r = &c->desk->readings;
	const struct str part[] = {str_z(c->who.login), c->purpose, c->request.path, c->request.query};
	uint64_t key = 1;
	for (size_t i = 0; i < COUNT(part); i++)
		key = hash64(part[i], key);
	for (size_t i = 0; i < COUNT(r->key); i++)
		if (r->key[i] == key && now_ms - r->at_ms[i] < SAME_READING_MS && now_ms >= r->at_ms[i])
			return true;
	r->key[r->next] = key;
	r->at_ms[r->next] = now_ms;
	r->next = (r->next + 1) % COUNT(r->key);
	return false;
}

static int
put_reading(struct api_call *c, int64_t now_ms)
{
	struct buf action = BUF_INIT_MAX(256), after = BUF_INIT_MAX(8192);
	struct str noun = {0}, rest = str_skip(c->pattern, sizeof "/api/v1/" - 1);
	str_split(&rest, '/', &noun);
	buf_addf(&action, "GET %.*s", STR_ARG(c->pattern));
	buf_add_char(&after, '{');
	out_text(&after, "purpose", c->purpose);
	if (c->request.query.n)
		out_text(&after, "query", str_cut(c->request.query, 0, 1000));
	buf_add_char(&after, '}');
	const struct record r = {.at_ms = now_ms, .who = str_z(c->who.login), .peer = c->request.peer, .action = buf_str(&action),
	    .noun = noun, .noun_id = c->path_id, .after = buf_str(&after), .reason = c->purpose};
	int error = db_begin(c->desk->db);
	if (!error)
		error = db_end_transaction(c->desk->db, record_put(c->desk->db, &r));
	buf_release(&action);
	buf_release(&after);
	return error;
}

int
personal_note(struct api_call *c)
{
	int64_t now = clock_now_ms();
	if (!c->purpose.n || !str_eq(c->request.method, STR("GET")) || is_same_reading(c, now))
		return 0;
	return put_reading(c, now);
}

/* --- as an API --- */

void
api_purposes(struct api_call *c)
{
	struct db_rows *rows;
	struct str said;
	int64_t until;
	struct buf *out = &c->out;
	int more = 0, error = purpose_of_session(c, &said, &until);
	if (!error)
		error = db_query(c->desk->db, &rows, Q_PURPOSE_LIST, "");
	if (api_failed(c, error))
		return;
	page_begin(out);
	while ((more = db_next(rows)) > 0) {
		page_item(out);
		buf_add_char(out, '{');
		out_text(out, "id", db_text(rows, 0));
		out_text(out, "title_vi", db_text(rows, 1));
		out_text(out, "title_en", db_text(rows, 2));
		out_bool(out, "ask", db_i64(rows, 3));
		buf_add_char(out, '}');
	}
	db_end(rows);
	buf_add_char(out, ']');
	out_text_or_null(out, "current", said);
	if (until)
		out_i64(out, "until_ms", until);
	page_end_at(out, -1, 0);
	if (!api_failed(c, more))
		api_reply(c, 200);
}

/* For eight hours, or no longer ("" ends it). */
void
api_purpose_put(struct api_call *c)
{
	struct str said;
	if (!c->who.person) { /* a key has no session: it says it with each request */
		api_reply_error(c, E_CONFLICT);
		return;
	}
	bool good = json_get_string(&c->body, 0, STR("purpose"), &c->arena, &said);
	int error = !good ? E_INVALID : said.n ? purpose_check(c->desk->db, said) : 0;
	if (error == E_INVALID) {
		api_reply_problem(c, 422, "invalid", "purpose");
		return;
	}
	if (!error)
		error = db_run(c->desk->db, Q_PURPOSE_SAY, "issi", c->who.person, str_z(c->who.session), said,
		    said.n ? clock_now_ms() + PURPOSE_MS : 0);
	if (!api_failed(c, error))
		api_reply_empty(c, 204);
}
