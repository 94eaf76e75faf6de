/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

/* "program<newline>message" */
static int
decode_split(struct decode_context *c, struct str line, struct event *e)
{
	struct str program = {0};
	if (!str_split(&line, '\n', &program))
		return E_INVALID;
	return decode_linux(c, program, line, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_line(data, size, decode_split);
}
