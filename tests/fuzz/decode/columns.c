/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

#include "decode/columns.h"

/* A file, line by line: heads are taken, what follows them is read by their columns. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line;
	static struct names *names;
	if (!names)
		names = names_new();
	struct decoder *decoder = decoder_new(names);
	struct arena arena;
	arena_init(&arena, 16 << 10, 4 << 20);
	decoder_begin_file(decoder);
	volatile unsigned sum = 0;
	while (str_split(&rest, '\n', &line)) {
		struct raw raw = {.bytes = line, .received_ms = 1795288421500};
		struct decode_result result = {0};
		arena_clear(&arena);
		(void)decode(decoder, &raw, &arena, &result);
		assert(result.count <= 1);
		for (uint32_t i = 0; result.count && i < result.event->field_count; i++)
			for (size_t k = 0; k < result.event->field[i].value.n; k++)
				sum = sum + (unsigned char)result.event->field[i].value.p[k];
	}
	arena_release(&arena);
	decoder_free(decoder);
	return 0;
}
