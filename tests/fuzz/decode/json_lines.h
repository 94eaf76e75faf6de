/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FUZZ_JSON_LINES_H
#define FUZZ_JSON_LINES_H

/*
 * What holds for every JSON event, whatever the bytes: decoding twice gives the same, every value lies in the line, in
 * the arena or in static memory (AddressSanitizer reads them all), escapes can be undone, and a refused line leaves the
 * event as it was. The arena is small, so that its end is met too.
 */

#include <assert.h>

#include "base/hash.h"
#include "base/json.h"
#include "decode/json_flat.h"
#include "decode/json_layout.h"

static inline uint64_t
event_digest(struct event *e)
{
	uint64_t h = hash64_mix((uint64_t)e->time_ms, e->decoder);
	const struct str texts[] = {e->product, e->service, e->category, e->channel, e->code, e->provider};
	for (size_t i = 0; i < COUNT(texts); i++)
		h = hash64_mix(h, hash64(texts[i], 1));
	for (uint32_t i = 0; i < e->field_count; i++) {
		h = hash64_mix(h, hash64(e->field[i].name, 1));
		h = hash64_mix(h, hash64(e->field[i].value, 1));
		struct str plain = event_value(e, &e->field[i]);
		h = hash64_mix(h, hash64(plain, e->field[i].kind));
		assert(e->field[i].kind != FIELD_NULL || plain.n == 0);
		assert(!e->field[i].core || (e->field[i].id && e->field[i].id < NAME_CORE_END));
	}
	return h;
}

static inline void
fuzz_json_line(const uint8_t *data, size_t size, size_t room)
{
	struct json json = {.max_depth = 64};
	struct names *names = names_new();
	uint64_t digest[2];
	for (size_t i = 0; i < 2; i++) {
		struct arena arena;
		arena_init(&arena, room, room);
		struct decode_context c = {.names = names, .arena = &arena, .json = &json, .zone = TIME_ZONE_VIETNAM};
		struct raw raw = {.bytes = str_from((const char *)data, size), .form = RAW_LINE};
		struct event e;
		event_begin(&e, &arena, &raw);
		int error = decode_json(&c, raw.bytes, &e);
		assert(error == 0 || error == E_INVALID);
		assert(error == 0 || (e.field_count == 0 && e.decoder == DECODER_NONE && !e.product.n));
		assert(error < 0 || e.decoder != DECODER_NONE);
		assert(e.field_count <= EVENT_MAX_FIELDS);
		digest[i] = event_digest(&e);
		arena_release(&arena);
	}
	assert(digest[0] == digest[1]);
	names_free(names);
	json_release(&json);
}

/* The long way, the short one, and the short one with names it has seen: the same event, as long as there is room. */
static inline void
fuzz_both_ways(const uint8_t *data, size_t size)
{
	struct json json = {.max_depth = 64};
	struct names *names = names_new();
	struct keys *keys = keys_new(names, json_know_key);
	struct flat *flat = flat_new();
	const struct key *member[KEYS_MEMBERS];
	uint64_t digest[3] = {0};
	for (size_t i = 0; i < 3; i++) {
		struct arena arena;
		arena_init(&arena, 64 << 10, 16 << 20);
		struct decode_context c = {.names = names, .arena = &arena, .json = &json, .keys = i ? keys : NULL,
		    .flat = i ? flat : NULL, .member = member, .zone = TIME_ZONE_VIETNAM};
		struct raw raw = {.bytes = str_from((const char *)data, size), .form = RAW_LINE};
		struct event e;
		event_begin(&e, &arena, &raw);
		flat->wait = flat->misses = 0;
		int error = decode_json(&c, raw.bytes, &e);
		digest[i] = arena.over ? digest[0] : hash64_mix(event_digest(&e), (uint64_t)(int64_t)error);
		arena_release(&arena);
	}
	assert(digest[0] == digest[1] && digest[1] == digest[2]);
	keys_free(keys);
	flat_free(flat);
	names_free(names);
	json_release(&json);
}

#endif
