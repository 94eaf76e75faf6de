/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

#include "decode/lines.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_line(data, size, decode_firewall);
}
