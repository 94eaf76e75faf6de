/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

/* The whole dispatch: whatever the bytes, at least one event. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct raw raw = {.bytes = {(const char *)data, size}, .form = RAW_LINE, .received_ms = 1795288421500};
	static struct names *names;
	if (!names)
		names = names_new();
	struct decoder *d = decoder_new(names);
	struct decode_result result = {0};
	struct arena arena;
	arena_init(&arena, 16 << 10, 4 << 20);
	int got = decode(d, &raw, &arena, &result);
	assert(got == 0 || got == E_LIMIT);
	assert(result.count >= 1 && result.event[0].text.n == size);
	arena_release(&arena);
	decoder_free(d);
	return 0;
}
