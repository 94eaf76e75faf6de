/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Event log files and chunks, twice: with room for everything, and with an arena that fills up half way; and with
 * templates that earlier inputs left behind, which must not show; and without the bytes that the header calls free,
 * which must not show unless the reader says so. Seeds are made by tools/evtxseed.
 */
#include <assert.h>

#include "base/hash.h"
#include "decode/evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
run_chunk(struct str chunk, const struct names *names, struct evtx_cache *templates, size_t room, bool *ret_cut)
{
	uint64_t h = 0;
	struct arena arena;
	arena_init(&arena, room / 4, room);
	struct decode_context c = {.names = names, .arena = &arena, .templates = templates};
	struct raw raw = {.bytes = chunk, .form = RAW_EVTX_CHUNK};
	struct decode_result got;
	int error = evtx_decode_chunk(&c, chunk, &raw, &got);
	for (uint32_t i = 0; i < got.count; i++)
		h = hash64(event_text(&got.event[i]), h);
	h = arena.over ? 0 : hash64_mix(h, (uint64_t)error + got.failed);
	*ret_cut = got.cut;
	arena_release(&arena);
	return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names *names;
	static struct evtx_cache *templates;
	struct str bytes = str_from((const char *)data, size), chunk;
	struct evtx_file file;
	if (!names) {
		names = names_new();
		templates = evtx_cache_new();
	}
	bool cut;
	if (evtx_open(bytes, &file) < 0) {
		uint64_t h = run_chunk(bytes, names, NULL, 16 << 20, &cut);
		assert(h == run_chunk(bytes, names, templates, 16 << 20, &cut));
		uint64_t used = run_chunk(str_cut(bytes, 0, evtx_chunk_used(bytes)), names, templates, 16 << 20, &cut);
		assert(cut || used == h || !evtx_chunk_used(bytes));
		run_chunk(bytes, names, NULL, 24 << 10, &cut);
		return 0;
	}
	while (evtx_next_chunk(&file, &chunk))
		run_chunk(chunk, names, NULL, 1 << 20, &cut);
	return 0;
}
