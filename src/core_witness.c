/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_witness.h"

#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time.h"
#include "base/wire.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/post.h"
#include "store/record_anew.h"

#define PAUSE_MS (10 * TIME_SECOND)      /* between two cosignatures of one witness */
#define PAUSE_MAX_MS (5 * TIME_MINUTE)   /* while it does not answer */
#define FRESH_MS TIME_HOUR               /* a cosignature is renewed though nothing was written: it says when it was so */
#define LOOK_UP_MS (10 * TIME_MINUTE)    /* its address may be another by now */

struct one {
	struct desk_witness *told; /* in the desk */
	struct note_key key;
	bool pushed;               /* else it comes by stick */
	bool asked;                /* an answer is due */
	uint64_t old;              /* size that it has seen, as far as we know */
	uint64_t asked_size, asked_old;
	struct buf asked_note;
	int64_t next_ms, pause_ms, read_ms;
};

struct core_witness {
	struct core *core;
	struct channel *push;
	struct one *one;
	uint32_t count;
	int64_t looked_up_ms;
	uint64_t restored; /* entry that tells of a restore; from it on this log may be another than the one that was seen */
	struct buf out, body;
};

/* ---- start ---- */

static bool
open_one(struct core_witness *w, struct one *o, uint32_t i)
{
	struct str text = str_z(w->core->rc->options->witness[i]), url = {0};
	str_split(&text, ' ', &url);
	while (text.n && text.p[0] == ' ')
		text = str_skip(text, 1);
	o->told = &w->core->desk.witness[i];
	o->asked_note = BUF_INIT_MAX(NOTE_MAX);
	*o->told = (struct desk_witness){.url = url, .fault = STR("")};
	if (note_key_read(text, &o->key) < 0 || o->key.type != NOTE_COSIGNATURE) {
		o->told->fault = STR("key");
		log_say(LOG_LEVEL_ERROR, "witness.key", LOG_TEXT("witness", url));
		return false;
	}
	o->told->name = str_z(o->key.name);
	o->told->key = text;
	o->pushed = post_url_is_good(url);
	return true;
}

static struct tlog *
log_of(const struct core_witness *w)
{
	return w->core->desk.recorder ? recorder_log(w->core->desk.recorder) : NULL;
}

/* What it has cosigned, as the disk tells: also when it came by stick. */
static void
read_cosigned(struct core_witness *w, struct one *o)
{
	int64_t time_s = 0;
	uint64_t size = 0;
	struct tlog *log = log_of(w);
	if (!log || !o->told->name.n)
		return;
	int error = tlog_cosigned(log, &o->key, &size, &time_s);
	if (error == E_CORRUPT && !str_eq(o->told->fault, STR("fork"))) {
		o->told->fault = STR("fork");
		log_say(LOG_LEVEL_ERROR, "record.forked", LOG_TEXT("witness", o->told->name), LOG_NUMBER("size", (int64_t)size));
	}
	if (error)
		return;
	o->told->size = size;
	o->told->time_ms = time_s * TIME_SECOND;
	o->old = size > o->old ? size : o->old;
}

struct core_witness *
core_witness_new(struct core *core)
{
	uint32_t count = core->rc->options->witness_count;
	if (!count)
		return NULL;
	struct core_witness *w = MEM_NEW(struct core_witness);
	w->core = core;
	w->count = count;
	w->one = mem_calloc(count, sizeof *w->one);
	core->desk.witness = mem_calloc(count, sizeof *core->desk.witness);
	core->desk.witnesses = count;
	for (uint32_t i = 0; i < count; i++)
		if (open_one(w, &w->one[i], i))
			read_cosigned(w, &w->one[i]);
	if (record_restored(core->desk.db, &w->restored) < 0)
		w->restored = 0; /* then a log that differs is not excused by it */
	return w;
}

void
core_witness_free(struct core_witness *w)
{
	if (!w)
		return;
	channel_free(w->push);
	for (uint32_t i = 0; i < w->count; i++)
		buf_release(&w->one[i].asked_note);
	mem_free(w->core->desk.witness);
	w->core->desk.witness = NULL;
	w->core->desk.witnesses = 0;
	buf_release(&w->out);
	buf_release(&w->body);
	mem_free(w->one);
	mem_free(w);
}

/* ---- asking ---- */

/* A body of add-checkpoint, into w->body. */
static int
put_request(struct core_witness *w, struct one *o, struct tlog *log)
{
	struct merkle_nodes nodes = tlog_nodes(log);
	struct merkle_proof proof = {.count = 0};
	uint64_t old = o->old, size = tlog_published(log);
	if (old > size)
		return E_CONFLICT;
	if (old && old < size)
		TRY(merkle_consistency(&nodes, old, size, &proof));
	buf_clear(&w->body);
	buf_addf(&w->body, "old %llu\n", (unsigned long long)old);
	for (uint32_t i = 0; i < proof.count; i++) {
		base64_add(&w->body, proof.hash[i].bytes, MERKLE_HASH);
		buf_add_char(&w->body, '\n');
	}
	buf_add_char(&w->body, '\n');
	buf_add(&w->body, tlog_checkpoint(log));
	o->asked_size = size;
	o->asked_old = old;
	buf_clear(&o->asked_note);
	buf_add(&o->asked_note, tlog_checkpoint(log));
	return 0;
}

static void
failed(struct one *o, struct str error, int64_t now_ms)
{
	o->told->error = error;
	if (!o->told->failing_ms) {
		o->told->failing_ms = now_ms;
		log_say(LOG_LEVEL_WARN, "witness.away", LOG_TEXT("witness", o->told->name), LOG_TEXT("error", error));
	}
	o->pause_ms = o->pause_ms ? 2 * o->pause_ms : PAUSE_MS;
	o->pause_ms = o->pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : o->pause_ms;
	o->next_ms = now_ms + o->pause_ms;
}

/* It has seen another tree than ours. */
static void
forked(struct one *o)
{
	if (!str_eq(o->told->fault, STR("fork")))
		log_say(LOG_LEVEL_ERROR, "record.forked", LOG_TEXT("witness", o->told->name));
	o->told->fault = STR("fork");
	o->told->seen = o->told->missing = 0;
}

/* It has seen entries that are not here. They do not become fewer by our writing others in their place. */
static void
ahead(struct core_witness *w, struct one *o, uint64_t seen, uint64_t common)
{
	if (str_eq(o->told->fault, STR("ahead")) && o->told->seen >= seen)
		return;
	o->told->fault = STR("ahead");
	o->told->seen = seen;
	o->told->missing = seen - common;
	log_say(LOG_LEVEL_ERROR, "record.behind", LOG_TEXT("witness", o->told->name), LOG_NUMBER("seen", (int64_t)seen),
	    LOG_NUMBER("missing", (int64_t)o->told->missing), LOG_TEXT("remedy", STR("khien admin record-anew")));
	if (record_ahead_note(w->core->desk.db, o->told->name, seen, o->told->missing) < 0)
		o->told->seen = 0; /* the database was busy: again, the next time it answers */
}

/* It stands at `seen` and does not go along with us. What is shared with it ends where a backup came back, unless it has cosigned what
 * came behind that. */
static void
refused(struct core_witness *w, struct one *o, uint64_t seen, int64_t now_ms)
{
	bool restored = w->restored && o->told->size < w->restored && seen >= w->restored;
	if (restored || seen > o->asked_size)
		ahead(w, o, seen, restored ? w->restored - 1 : o->asked_size);
	else
		forked(o);
	o->told->error = STR("");
	o->next_ms = now_ms + PAUSE_MAX_MS;
}

static void
ask(struct core_witness *w, uint32_t i, int64_t now_ms)
{
	struct one *o = &w->one[i];
	struct tlog *log = log_of(w);
	int error = put_request(w, o, log);
	if (error) {
		o->asked_size = tlog_published(log);
		refused(w, o, o->old, now_ms);
		return;
	}
	buf_clear(&w->out);
	wire_put_u32(&w->out, i);
	wire_put_str(&w->out, STR("/add-checkpoint"));
	wire_put_str(&w->out, buf_str(&w->body));
	o->asked = channel_send(w->push, MSG_POST, buf_str(&w->out), STR(""), STR("")) == 0;
}

/* ---- hearing ---- */

static void
cosigned(struct core_witness *w, struct one *o, struct str lines, int64_t now_ms)
{
	int error = tlog_cosign(log_of(w), buf_str(&o->asked_note), lines, &o->key);
	if (error) {
		failed(o, STR("answer"), now_ms);
		return;
	}
	if (o->told->failing_ms)
		log_say(LOG_LEVEL_INFO, "witness.back", LOG_TEXT("witness", o->told->name));
	o->told->failing_ms = 0;
	o->told->error = STR("");
	o->told->fault = STR("");
	o->told->seen = o->told->missing = 0;
	o->old = o->asked_size;
	o->pause_ms = 0;
	o->next_ms = now_ms + PAUSE_MS;
	read_cosigned(w, o);
}

/* "It is at that size": asked again from there, unless that is where we asked from. */
static void
elsewhere(struct core_witness *w, struct one *o, struct str body, int64_t now_ms)
{
	uint64_t size;
	struct str line = {0};
	str_split(&body, '\n', &line);
	if (!str_to_u64(line, &size)) {
		failed(o, STR("answer"), now_ms);
	} else if (size > o->asked_size || size == o->asked_old) {
		refused(w, o, size, now_ms);
	} else {
		o->old = size;
		o->next_ms = now_ms;
	}
}

static void
on_posted(struct core_witness *w, struct str payload)
{
	struct wire r = {payload, false};
	uint32_t i = wire_u32(&r), error = wire_u32(&r), status = wire_u32(&r);
	struct str refusal = post_refusal_name(wire_u32(&r)), body = wire_str(&r);
	int64_t now_ms = clock_now_ms();
	if (r.bad || i >= w->count || !w->one[i].asked || !log_of(w))
		return;
	struct one *o = &w->one[i];
	o->asked = false;
	if (error)
		failed(o, refusal.n ? refusal : str_z(error_name(-(int)error)), now_ms);
	else if (status == 200)
		cosigned(w, o, body, now_ms);
	else if (status == 409)
		elsewhere(w, o, body, now_ms);
	else if (status == 422)
		refused(w, o, o->asked_old, now_ms);
	else
		failed(o, status == 404 ? STR("unknown_log") : status == 403 ? STR("key_of_log") : STR("answer"), now_ms);
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	if (fd >= 0)
		close(fd);
	if (type == MSG_POSTED)
		on_posted(user, payload);
}

static void
on_closed(void *user, struct channel *c)
{
	struct core_witness *w = user;
	channel_free(c);
	w->push = NULL;
	for (uint32_t i = 0; i < w->count; i++)
		w->one[i].asked = false;
}

void
core_witness_peer(struct core_witness *w, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	if (!w) {
		close(fd);
		return;
	}
	if (w->push)
		on_closed(w, w->push);
	w->push = channel_new(w->core->rc->loop, fd, &events, w);
	w->looked_up_ms = clock_now_ms();
}

/* Names are looked up when the role starts. */
static void
look_up(struct core_witness *w, int64_t now_ms)
{
	bool any = false;
	for (uint32_t i = 0; i < w->count; i++)
		any |= w->one[i].pushed && w->one[i].told->failing_ms && now_ms - w->one[i].told->failing_ms >= LOOK_UP_MS;
	if (!any || now_ms - w->looked_up_ms < LOOK_UP_MS)
		return;
	w->looked_up_ms = now_ms;
	role_end(w->core->rc, ROLE_PUSH);
}

void
core_witness_tick(struct core_witness *w, int64_t now_ms)
{
	if (!w || !log_of(w))
		return;
	uint64_t published = tlog_published(log_of(w));
	for (uint32_t i = 0; i < w->count; i++) {
		struct one *o = &w->one[i];
		bool due = published > o->told->size || now_ms - o->told->time_ms >= FRESH_MS;
		if (o->pushed && w->push && !o->asked && published && due && now_ms >= o->next_ms)
			ask(w, i, now_ms);
		if (!o->pushed && now_ms - o->read_ms >= TIME_MINUTE) {
			o->read_ms = now_ms;
			read_cosigned(w, o);
		}
	}
	look_up(w, now_ms);
}
