/* SPDX-License-Identifier: EUPL-1.2 */
/* A table that was packed for its way (RFC 1952): a list of thousands of systems fits one request. */
#include <zlib.h>

#include "register/table_internal.h"

#define STEP (64u << 10)

/* All of it and nothing behind it. E_LIMIT: there is more than TABLE_BYTES_MAX; E_CORRUPT. */
static int
inflate_all(struct str bytes, struct buf *out)
{
	z_stream z = {.next_in = (Bytef *)bytes.p, .avail_in = (uInt)bytes.n};
	int result = inflateInit2(&z, 15 + 16);
	bool big = false;
	while (result == Z_OK) {
		char *room = out->n < TABLE_BYTES_MAX ? buf_room(out, STEP) : NULL;
		big = !room;
		if (big)
			break;
		z.next_out = (Bytef *)room;
		z.avail_out = STEP;
		result = inflate(&z, Z_NO_FLUSH);
		out->n += STEP - z.avail_out;
	}
	bool whole = result == Z_STREAM_END && !z.avail_in;
	inflateEnd(&z);
	return big ? E_LIMIT : whole ? 0 : E_CORRUPT;
}

int
table_gunzip(struct table_build *b, struct str *bytes)
{
	struct buf out = BUF_INIT_MAX(TABLE_BYTES_MAX + STEP);
	int error = bytes->n <= TABLE_BYTES_MAX ? inflate_all(*bytes, &out) : E_LIMIT;
	if (!error && !arena_copy(b->arena, buf_str(&out), bytes))
		error = E_LIMIT;
	buf_release(&out);
	return error ? table_refuse(b, error == E_LIMIT ? "table_big" : "table_format", 0, STR(""), STR("")) : 0;
}
