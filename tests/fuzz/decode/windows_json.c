/* SPDX-License-Identifier: EUPL-1.2 */
/* Windows events in all layouts: see json_lines.h for what must hold. */
#include "json_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_json_line(data, size, 256 << 10);
	fuzz_json_line(data, size, 2048);
	fuzz_both_ways(data, size);
	return 0;
}
