/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/decode.h"

#include "base/json.h"
#include "base/memory.h"
#include "decode/columns.h"
#include "decode/evtx.h"
#include "decode/json_flat.h"
#include "decode/json_layout.h"
#include "decode/lines.h"
#include "decode/text.h"

struct decoder {
	struct decode_context context;
	struct json json;
	const struct key *member[KEYS_MEMBERS];
	bool open_words[UINT8_MAX + 1];
	struct columns columns; /* of the file at hand */
	bool file;              /* there is one */
};

struct decoder *
decoder_new(const struct names *names)
{
	struct decoder *d = MEM_NEW(struct decoder);
	d->context = (struct decode_context){.names = names, .json = &d->json, .member = d->member,
	    .keys = keys_new(names, json_know_key), .flat = flat_new(), .templates = evtx_cache_new(),
	    .zone = TIME_ZONE_VIETNAM};
	return d;
}

void
decoder_begin_file(struct decoder *d)
{
	if (d->file)
		columns_forget(&d->columns);
	else
		columns_open(&d->columns);
	d->file = true;
}

void
decoder_set_zone(struct decoder *d, int minutes)
{
	d->context.zone = minutes;
}

void
decoder_want(struct decoder *d, const struct core_set *core)
{
	d->context.want = core;
	d->context.open_words = core ? d->open_words : NULL;
	if (core)
		windows_want(core, d->open_words);
}

void
decoder_free(struct decoder *d)
{
	if (d) {
		json_release(&d->json);
		keys_free(d->context.keys);
		flat_free(d->context.flat);
		evtx_cache_free(d->context.templates);
		if (d->file)
			columns_close(&d->columns);
	}
	mem_free(d);
}

/* "type=...", "CEF:0|...", "date=..." */
static int
decode_worded(struct decode_context *c, struct str line, struct event *e)
{
	if (decode_auditd(c, line, e) == 0 || decode_cef(c, line, e) == 0)
		return 0;
	return decode_kv(c, line, e);
}

/* "2026/11/22 ...", "2026-11-22 ...", "1795288420.123 ..." */
static int
decode_dated(struct decode_context *c, struct str line, struct event *e)
{
	if (decode_web_error(c, line, e) == 0 || decode_iis(c, line, e) == 0 || decode_firewall(c, line, e) == 0)
		return 0;
	return decode_squid(c, line, e);
}

/* The first byte decides which decoders are asked at all, and in which order. */
int
decode_line(struct decode_context *c, struct str line, struct event *e)
{
	struct str rest = text_skip_blanks(line);
	char first = rest.n ? rest.p[0] : '\0';
	if (first == '<' && decode_windows_xml(c, rest, e) == 0)
		return 0;
	if (first == '<' || first == '%' || first == '*' || first == '.')
		return decode_syslog(c, rest, e);
	if (text_month(rest) && decode_syslog(c, rest, e) == 0)
		return 0;
	if (first == '{')
		return decode_json(c, str_trim(rest), e);
	if (first == '[')
		return decode_web_error(c, rest, e);
	if (text_is_letter(first) && decode_worded(c, rest, e) == 0)
		return 0;
	if (decode_web(c, rest, e) == 0)
		return 0;
	if (text_is_digit(first) && decode_dated(c, rest, e) == 0)
		return 0;
	return decode_syslog(c, rest, e);
}

static void
add_parser(const struct decode_context *c, struct event *e)
{
	static const struct str parser[] = {
#define X(id, text) STR_INIT(text "/1"),
		DECODER_TABLE(X)
#undef X
	};
	if (!c->want || core_set_has(c->want, F_PARSER))
		event_put_core(e, F_PARSER, parser[e->decoder]);
	if (!c->want || core_set_has(c->want, F_CONFIDENCE))
		event_put_core(e, F_CONFIDENCE, text_small_number(e->confidence));
}

static int
decode_text(struct decoder *d, const struct raw *r, struct arena *arena, struct decode_result *ret)
{
	struct event *e = arena_alloc(arena, sizeof *e);
	bool whole = !(r->flags & (RAW_PIECE | RAW_LAST_PIECE | RAW_OPAQUE));
	if (!e)
		return E_LIMIT;
	uint64_t over = arena->over;
	if (d->file && whole && columns_head(&d->columns, r->bytes)) {
		*ret = (struct decode_result){0};
		return 0;
	}
	event_begin(e, arena, r);
	e->text = r->bytes;
	bool listed = d->columns.count && whole && !str_starts(r->bytes, STR("{")) && decode_columns(&d->context, &d->columns, r->bytes, e) == 0;
	if (!listed && (!whole || r->form != RAW_LINE || decode_line(&d->context, r->bytes, e) < 0))
		e->decoder = DECODER_NONE;
	add_parser(&d->context, e);
	*ret = (struct decode_result){.event = e, .count = 1};
	return arena->over == over ? 0 : E_LIMIT;
}

/* What cannot be read as a chunk is no event: it is counted, and its bytes are in the archive. */
static int
decode_chunk(struct decoder *d, const struct raw *r, struct decode_result *ret)
{
	struct decode_result result = {0};
	int got = evtx_decode_chunk(&d->context, r->bytes, r, &result);
	for (uint32_t i = 0; i < result.count; i++) {
		struct event *e = &result.event[i];
		e->confidence = e->confidence ? e->confidence : 100;
		add_parser(&d->context, e);
	}
	if (got < 0 && got != E_LIMIT && !result.failed)
		result.failed = 1;
	*ret = result;
	return got == E_LIMIT ? got : 0;
}

int
decode(struct decoder *d, const struct raw *r, struct arena *arena, struct decode_result *ret)
{
	d->context.arena = arena;
	if (r->form == RAW_EVTX_CHUNK && !(r->flags & RAW_OPAQUE))
		return decode_chunk(d, r, ret);
	return decode_text(d, r, arena, ret);
}
