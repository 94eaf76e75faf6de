/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

/* Events in events, which are lines of any kind. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_line(data, size, decode_json);
}
