/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FUZZ_DECODE_LINES_H
#define FUZZ_DECODE_LINES_H

#include "base/json.h"
#include "decode/decode.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decoder of one line on the input; every field is read once, so that a wrong slice is seen. */
static inline int
fuzz_line(const uint8_t *data, size_t size, int (*decoder)(struct decode_context *, struct str, struct event *))
{
	struct raw raw = {.bytes = {(const char *)data, size}, .received_ms = 1795288421500};
	static struct names *names;
	if (!names)
		names = names_new();
	struct arena arena;
	static struct json json;
	struct event e;
	arena_init(&arena, 16 << 10, 4 << 20);
	struct decode_context c = {.names = names, .arena = &arena, .json = &json, .zone = TIME_ZONE_VIETNAM};
	event_begin(&e, &arena, &raw);
	if (decoder(&c, raw.bytes, &e) < 0)
		assert(e.field_count == 0 && e.decoder == DECODER_NONE && e.time_ms == TIME_NONE);
	volatile unsigned sum = 0;
	for (uint32_t i = 0; i < e.field_count; i++)
		for (size_t k = 0; k < e.field[i].value.n; k++)
			sum = sum + (unsigned char)e.field[i].value.p[k];
	arena_release(&arena);
	return 0;
}

#endif
