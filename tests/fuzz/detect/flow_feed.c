/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "flow_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any traffic: memory stays bounded, and the same traffic brings the same findings, saved and loaded in between or not. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow *a = fuzz_flow(1 << 20), *b = fuzz_flow(1 << 20);
	struct buf saved = BUF_INIT;
	uint64_t found = fuzz_traffic(a, data, size);
	size_t half = size / 2 / FUZZ_STEP * FUZZ_STEP;
	uint64_t first = fuzz_traffic(b, data, half);
	flow_save(b, &saved);
	int error = flow_load(b, buf_str(&saved));
	assert(!error);
	uint64_t second = fuzz_traffic_from(b, data + half, size - half, fuzz_clock);
	assert(first + second == found);
	assert(flow_stats(a).keys == flow_stats(b).keys && flow_stats(a).bytes <= 1 << 20);
	flow_free(a);
	flow_free(b);
	buf_release(&saved);
	return 0;
}
