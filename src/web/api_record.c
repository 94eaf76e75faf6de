/* SPDX-License-Identifier: EUPL-1.2 */
/* The record: who changed what, and the proof that the entry stands where it was written. */
#include "web/page.h"
#include "web/route.h"

#include <stdio.h>

#include "store/record.h"

static void
row_json(struct buf *out, const struct record_row *r)
{
	buf_add_char(out, '{');
	out_i64(out, "id", r->seq);
	out_i64(out, "seq", r->seq);
	out_i64(out, "at_ms", r->at_ms);
	out_text(out, "who", r->who);
	out_text(out, "action", r->action);
	out_text(out, "noun", r->noun);
	out_text(out, "noun_id", r->noun_id);
	out_raw(out, "entry", r->entry);
	buf_add_char(out, '}');
}

void
api_records(struct api_call *c)
{
	struct record_filter f = {.who = api_query(c, STR("who")), .noun = api_query(c, STR("noun")),
	    .noun_id = api_query(c, STR("noun_id"))};
	struct record_row *list;
	uint32_t count, limit;
	f.people = str_eq(api_query(c, STR("people")), STR("1"));
	if (!api_query_i64(c, STR("from"), 0, 0, INT64_MAX, &f.from_ms) || !api_query_i64(c, STR("to"), 0, 0, INT64_MAX, &f.to_ms)) {
		api_reply_problem(c, 422, "invalid", "from");
		return;
	}
	if (!page_asked(c, INT64_MAX, 100, 500, &f.before_seq, &limit))
		return;
	f.limit = limit + 1; /* one more tells whether there is a next page */
	int error = record_list(c->desk->db, &f, &c->arena, &list, &count);
	if (api_failed(c, error))
		return;
	bool more = count > limit;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count - more; i++) {
		page_item(&c->out);
		row_json(&c->out, &list[i]);
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, -1, more ? list[count - 2].seq : 0);
	api_reply(c, 200);
}

/* The entry as its bytes were hashed, and a C2SP tlog-proof of it: null where no checkpoint covers it. A row of this second
 * is not a leaf yet: who asks for it hurries what would come by itself. */
void
api_record_get(struct api_call *c)
{
	struct buf entry = BUF_INIT_MAX(TLOG_ENTRY_MAX), proof = BUF_INIT_MAX(NOTE_MAX);
	uint64_t seq = 0;
	struct tlog *log = c->desk->recorder ? recorder_log(c->desk->recorder) : NULL;
	int error = !log ? E_CORRUPT : str_to_u64(c->path_id, &seq) && seq ? 0 : E_NOT_FOUND;
	if (!error && seq > tlog_size(log))
		error = recorder_tick(c->desk->recorder);
	if (!error)
		error = tlog_entry(log, seq - 1, &entry);
	if (!error && tlog_proof(log, seq - 1, &proof) < 0)
		buf_clear(&proof);
	if (!api_failed(c, error)) {
		buf_add_char(&c->out, '{');
		out_i64(&c->out, "seq", (int64_t)seq);
		out_text(&c->out, "entry", buf_str(&entry));
		out_text_or_null(&c->out, "proof", buf_str(&proof));
		buf_add_char(&c->out, '}');
		api_reply(c, 200);
	}
	buf_release(&entry);
	buf_release(&proof);
}

void
witnesses_json(struct buf *out, const struct desk *d)
{
	out_name(out, "witnesses");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < d->witnesses; i++) {
		const struct desk_witness *w = &d->witness[i];
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "name", w->name);
		out_text(out, "url", w->url);
		out_text(out, "key", w->key);
		out_i64(out, "size", (int64_t)w->size);
		out_i64_or_null(out, "time_ms", w->time_ms);
		out_i64_or_null(out, "failing_since_ms", w->failing_ms);
		out_text(out, "error", w->error);
		out_text(out, "fault", w->fault);
		out_i64(out, "seen", (int64_t)w->seen);
		out_i64(out, "missing", (int64_t)w->missing);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* What a witness or an auditor needs to begin: the key, and the newest checkpoint. */
void
api_checkpoint(struct api_call *c)
{
	struct buf key = BUF_INIT;
	if (!c->desk->recorder) {
		api_reply_error(c, E_CORRUPT);
		return;
	}
	struct tlog *log = recorder_log(c->desk->recorder);
	note_key_text(recorder_key(c->desk->recorder), &key);
	buf_add_char(&c->out, '{');
	out_text(&c->out, "key", buf_str(&key));
	out_text(&c->out, "checkpoint", tlog_checkpoint(log));
	out_i64(&c->out, "entries", (int64_t)tlog_size(log));
	out_i64(&c->out, "published", (int64_t)tlog_published(log));
	out_i64(&c->out, "put_back", c->desk->record_put_back);
	witnesses_json(&c->out, c->desk);
	buf_add_char(&c->out, '}');
	api_reply(c, 200);
	buf_release(&key);
}
