/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

#include "decode/lines.h"

/* Access log or error log, as the first byte says. */
static int
decode_either(struct decode_context *c, struct str line, struct event *e)
{
	return line.n && (line.p[0] == '[' || line.p[0] == '2') ? decode_web_error(c, line, e) : decode_web(c, line, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_line(data, size, decode_either);
}
