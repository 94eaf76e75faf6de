/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_ZST_H
#define TEST_ZST_H

#include <zstd.h>

#include "tap.h"

/* Read a .zst file whole. */
static inline bool
read_zst(const char *path, struct buf *out)
{
	struct buf packed = BUF_INIT;
	bool ok = tap_read(path, &packed);
	unsigned long long n = ok ? ZSTD_getFrameContentSize(packed.p, packed.n) : 0;
	if (ok && n < (256u << 20)) {
		char *to = buf_room(out, n);
		size_t got = to ? ZSTD_decompress(to, n, packed.p, packed.n) : 0;
		ok = to && !ZSTD_isError(got);
		out->n += ok ? got : 0;
	}
	buf_release(&packed);
	return ok;
}

#endif
