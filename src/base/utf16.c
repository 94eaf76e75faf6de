/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/utf16.h"

enum utf16
utf16_find(struct str s)
{
	if (str_starts(s, STR("\xff\xfe")))
		return UTF16_LE;
	if (str_starts(s, STR("\xfe\xff")))
		return UTF16_BE;
	if (s.n < 4)
		return UTF16_NONE;
	if (s.p[0] > 0 && !s.p[1] && s.p[2] > 0 && !s.p[3])
		return UTF16_LE;
	return !s.p[0] && s.p[1] > 0 && !s.p[2] && s.p[3] > 0 ? UTF16_BE : UTF16_NONE;
}

static uint32_t
unit_at(const char *p, enum utf16 order)
{
	uint32_t a = (unsigned char)p[0], b = (unsigned char)p[1];
	return order == UTF16_LE ? b << 8 | a : a << 8 | b;
}

static bool
is_high(uint32_t unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool
is_low(uint32_t unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

size_t
utf16_add(struct buf *out, struct str s, enum utf16 order)
{
	char *room = buf_room(out, s.n / 2 * 3 + 1); /* a pair of two units is four bytes */
	char *to = room;
	size_t i = 0;
	if (!room)
		return 0;
	while (i + 2 <= s.n) {
		uint32_t c = unit_at(s.p + i, order);
		if (is_high(c)) {
			if (i + 4 > s.n)
				break;
			uint32_t low = unit_at(s.p + i + 2, order);
			i += is_low(low) ? 2 : 0;
			c = is_low(low) ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : UTF8_REPLACEMENT;
		} else if (is_low(c)) {
			c = UTF8_REPLACEMENT;
		}
		to = utf8_put(to, c);
		i += 2;
	}
	out->n += (size_t)(to - room);
	return i;
}
