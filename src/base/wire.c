/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/wire.h"

#include <assert.h>
#include <endian.h>

void
wire_put_u8(struct buf *b, uint8_t v)
{
	buf_add(b, str_from((const char *)&v, 1));
}

void
wire_put_u16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	buf_add(b, str_from((const char *)&v, 2));
}

void
wire_put_u32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_add(b, str_from((const char *)&v, 4));
}

void
wire_put_u64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_add(b, str_from((const char *)&v, 8));
}

void
wire_put_i64(struct buf *b, int64_t v)
{
	wire_put_u64(b, (uint64_t)v);
}

void
wire_put_str(struct buf *b, struct str s)
{
	assert(s.n <= UINT32_MAX);
	wire_put_u32(b, (uint32_t)s.n);
	buf_add(b, s);
}

void
wire_put_varint(struct buf *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	buf_add(b, str_from(bytes, n));
}

struct str
wire_bytes(struct wire *w, size_t n)
{
	if (w->bad || w->rest.n < n) {
		w->bad = true;
		return (struct str){0};
	}
	struct str bytes = str_cut(w->rest, 0, n);
	w->rest = str_skip(w->rest, n);
	return bytes;
}

uint8_t
wire_u8(struct wire *w)
{
	struct str s = wire_bytes(w, 1);
	return s.n ? (uint8_t)s.p[0] : 0;
}

uint16_t
wire_u16(struct wire *w)
{
	uint16_t v = 0;
	struct str s = wire_bytes(w, sizeof v);
	if (s.n)
		memcpy(&v, s.p, sizeof v);
	return le16toh(v);
}

uint32_t
wire_u32(struct wire *w)
{
	uint32_t v = 0;
	struct str s = wire_bytes(w, sizeof v);
	if (s.n)
		memcpy(&v, s.p, sizeof v);
	return le32toh(v);
}

uint64_t
wire_u64(struct wire *w)
{
	uint64_t v = 0;
	struct str s = wire_bytes(w, sizeof v);
	if (s.n)
		memcpy(&v, s.p, sizeof v);
	return le64toh(v);
}

int64_t
wire_i64(struct wire *w)
{
	return (int64_t)wire_u64(w);
}

struct str
wire_str(struct wire *w)
{
	return wire_bytes(w, wire_u32(w));
}

uint64_t
wire_varint(struct wire *w)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = wire_u8(w);
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	w->bad = true;
	return 0;
}
