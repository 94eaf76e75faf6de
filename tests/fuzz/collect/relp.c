/* SPDX-License-Identifier: EUPL-1.2 */
/* A hostile RELP client, in two kinds of chunks; after each chunk some of what waits is acknowledged. Every message taken
 * is answered once at most, and chunks change nothing. */
#include <assert.h>

#include "base/hash.h"
#include "collect/relp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
session(struct str stream, size_t step)
{
	struct relp r = {0};
	struct buf rest = BUF_INIT, out = BUF_INIT;
	uint64_t sum = 0, taken = 0, answered = 0;
	enum relp_result result = RELP_MORE;
	while (stream.n && !r.over && !r.closing) {
		struct str message;
		uint16_t flags;
		buf_add(&rest, str_cut(stream, 0, step));
		stream = str_skip(stream, step);
		struct str in = buf_str(&rest);
		while ((result = relp_take(&r, &in, 64, &out, &message, &flags)) != RELP_MORE && result != RELP_STOP) {
			if (result == RELP_ANSWERED)
				continue;
			assert(message.n <= 64);
			sum = hash64_mix(sum, hash64(message, flags));
			if (result == RELP_MESSAGE)
				relp_wait(&r, ++taken);
			if (taken % 3 == 0)
				answered += relp_ack(&r, taken, &out);
		}
		memmove(rest.p, in.p, in.n);
		rest.n = in.n;
	}
	answered += relp_ack(&r, taken, &out);
	assert(answered == taken && r.waiting == 0);
	sum = hash64_mix(sum, r.over * 2 + r.opened);
	buf_release(&rest);
	buf_release(&out);
	relp_release(&r);
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str stream = str_from((const char *)data + 1, size - 1);
	uint64_t one = session(stream, stream.n), many = session(stream, data[0] % 16 + 1);
	assert(one == many);
	return 0;
}
