/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DECODE_LINES_H
#define TEST_DECODE_LINES_H

/*
 * A bench for the line decoders: one line in, and what its event must hold as "name=value|name=value|!absent". Pseudo
 * names: @decoder, @time (milliseconds), @product, @service, @category, @code, @confidence.
 */

#include "base/json.h"
#include "decode/decode.h"
#include "tap.h"

struct bench {
	struct names *names;
	struct arena arena;
	struct raw raw;
	struct event event;
	struct json json;
	struct decode_context context;
};

#define RECEIVED 1795288421500 /* 2026-11-22T02:13:41.5+07:00 */

static inline void
bench_open(struct bench *b)
{
	*b = (struct bench){.names = names_new()};
	arena_init(&b->arena, 64 << 10, 16 << 20);
	b->context = (struct decode_context){.names = b->names, .arena = &b->arena, .json = &b->json, .zone = TIME_ZONE_VIETNAM};
}

static inline void
bench_close(struct bench *b)
{
	json_release(&b->json);
	arena_release(&b->arena);
	names_free(b->names);
}

/* A fresh event for `line`. */
static inline struct event *
bench_line(struct bench *b, struct str line, int64_t received_ms)
{
	arena_clear(&b->arena);
	b->raw = (struct raw){.bytes = line, .form = RAW_LINE, .received_ms = received_ms};
	event_begin(&b->event, &b->arena, &b->raw);
	return &b->event;
}

static inline struct str
bench_pseudo(struct bench *b, struct str name)
{
	struct event *e = &b->event;
	struct buf text = BUF_INIT;
	struct str copy = {0};
	if (str_eq(name, STR("@product")))
		return e->product;
	if (str_eq(name, STR("@service")))
		return e->service;
	if (str_eq(name, STR("@category")))
		return e->category;
	if (str_eq(name, STR("@code")))
		return e->code;
	if (str_eq(name, STR("@decoder")))
		return str_z(decoder_name(e->decoder));
	buf_add_i64(&text, str_eq(name, STR("@time")) ? e->time_ms : e->confidence);
	if (!arena_copy(&b->arena, buf_str(&text), &copy))
		copy = (struct str){0};
	buf_release(&text);
	return copy;
}

static inline void
bench_expect(struct bench *b, const char *file, int line, struct str what)
{
	struct str one;
	while (str_split(&what, '|', &one)) {
		bool absent = one.n && one.p[0] == '!';
		ptrdiff_t equals = str_find_char(one, '=');
		struct str name = absent ? str_skip(one, 1) : str_cut(one, 0, equals < 0 ? one.n : (size_t)equals);
		struct str want = absent || equals < 0 ? (struct str){0} : str_skip(one, (size_t)equals + 1);
		const struct field *f = event_find_name(&b->event, name);
		struct str got = name.n && name.p[0] == '@' ? bench_pseudo(b, name) : f ? f->value : (struct str){0};
		tap_check(absent ? !f : str_eq(got, want), file, line, "%.*s: %.*s = \"%.*s\", want \"%.*s\"",
		    STR_ARG(b->raw.bytes), STR_ARG(name), STR_ARG(got), STR_ARG(want));
	}
}

#define EXPECT(bench, what) bench_expect((bench), __FILE__, __LINE__, (what))

#endif
