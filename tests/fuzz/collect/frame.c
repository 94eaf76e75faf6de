/* SPDX-License-Identifier: EUPL-1.2 */
/* A syslog stream in two kinds of chunks: the same messages must come out, none larger than the cap. The first byte chooses
 * the size of the chunks. */
#include <assert.h>

#include "base/hash.h"
#include "collect/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAP FRAME_CAP_MIN

static uint64_t
framed(struct str stream, size_t step)
{
	struct framer f = {0};
	struct buf rest = BUF_INIT;
	uint64_t sum = 0;
	size_t bytes = 0, whole = stream.n;
	for (bool end = false; !end;) {
		struct frame m;
		end = step >= stream.n;
		buf_add(&rest, str_cut(stream, 0, step));
		stream = str_skip(stream, step);
		struct str in = buf_str(&rest);
		while ((end ? frame_end : frame_take)(&f, &in, CAP, &m) == FRAME_TAKEN) {
			assert(m.bytes.n <= CAP);
			sum = hash64_mix(sum, hash64(m.bytes, m.flags));
			bytes += m.bytes.n;
		}
		if (rest.p)
			memmove(rest.p, in.p, in.n);
		rest.n = in.n;
	}
	assert(rest.n == 0 && bytes <= whole);
	buf_release(&rest);
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str stream = str_from((const char *)data + 1, size - 1);
	uint64_t one = framed(stream, stream.n), many = framed(stream, data[0] % 16 + 1);
	assert(one == many);
	return 0;
}
