/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "store/statefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file of core's memory with a checksum that fits: every section lies inside, and is found by its name. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT;
	struct statefile s;
	struct str found;
	buf_add(&b, str_from((const char *)data, size));
	statefile_end(&b);
	if (statefile_take(buf_str(&b), &s) == 0) {
		assert(s.sections <= STATEFILE_SECTIONS);
		for (uint32_t i = 0; i < s.sections; i++) {
			const struct str *part = &s.section[i].bytes;
			assert(!part->n || (part->p >= b.p && part->p + part->n <= b.p + size));
			bool ok = statefile_find(&s, s.section[i].name, &found);
			assert(ok);
		}
	}
	if (statefile_take(str_from((const char *)data, size), &s) == 0)
		assert(s.sections <= STATEFILE_SECTIONS);
	buf_release(&b);
	return 0;
}
