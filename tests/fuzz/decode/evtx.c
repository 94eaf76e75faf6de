/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Event log files and chunks, twice: with room for everything, and with an arena that fills up half way. Seeds are made
 * by tools/evtxseed.
 */
#include "decode/evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
run_chunk(struct str chunk, const struct names *names, size_t room)
{
	struct arena arena;
	arena_init(&arena, room / 4, room);
	struct decode_context c = {.names = names, .arena = &arena};
	struct raw raw = {.bytes = chunk, .form = RAW_EVTX_CHUNK};
	struct event *event;
	uint32_t count, failed = 0;
	int error = evtx_decode_chunk(&c, chunk, &raw, &event, &count, &failed);
	for (uint32_t i = 0; (!error || error == E_LIMIT) && i < count; i++)
		event_text(&event[i]);
	arena_release(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names *names;
	struct str bytes = str_from((const char *)data, size), chunk;
	struct evtx_file file;
	if (!names)
		names = names_new();
	if (evtx_open(bytes, &file) < 0) {
		run_chunk(bytes, names, 16 << 20);
		run_chunk(bytes, names, 24 << 10);
		return 0;
	}
	while (evtx_next_chunk(&file, &chunk))
		run_chunk(chunk, names, 1 << 20);
	return 0;
}
