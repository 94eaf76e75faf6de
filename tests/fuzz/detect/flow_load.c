/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "flow_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Saved state may be anybody's. What loads must be within its memory, can be fed, and saves and loads again; what does not
 * load changes nothing. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t traffic[] = "some traffic of every kind, for whatever state there is: 0123456789abcdefghijklmnopq";
	struct flow *f = fuzz_flow(1 << 20), *again = fuzz_flow(1 << 20);
	struct buf saved = BUF_INIT, twice = BUF_INIT;
	fuzz_traffic(f, traffic, sizeof traffic);
	uint32_t keys = flow_stats(f).keys;
	if (flow_load(f, str_from((const char *)data, size)) < 0)
		assert(flow_stats(f).keys == keys);
	assert(flow_stats(f).bytes <= 1 << 20);
	fuzz_traffic(f, traffic, sizeof traffic);
	flow_save(f, &saved);
	int error = flow_load(again, buf_str(&saved));
	assert(!error);
	flow_save(again, &twice);
	assert(twice.n == saved.n);
	flow_free(f);
	flow_free(again);
	buf_release(&saved);
	buf_release(&twice);
	return 0;
}
