/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The Vietnamese search key: what SQL's lower() and FTS5's folding do not know (stores.md). Precomposed and decomposed
 * letters come out the same because accents, precomposed or combining, are dropped altogether.
 */
#include "store/db.h"

#include <assert.h>

/* Base letters of U+00C0..U+00FF; '.' = none, the letter stays as it is. */
static const char latin1[] = "aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.y";
/* Base letters of U+1EA0..U+1EF9, the Vietnamese block, two code points (upper, lower) a letter. */
static const char vietnamese[] = "aaaaaaaaaaaaeeeeeeeeiioooooooooooouuuuuuuyyyy";

static_assert(sizeof latin1 == 65 && sizeof vietnamese == 46, "one base letter for each");

static char
base_letter(uint32_t c)
{
	static const struct {
		uint32_t code;
		char base;
	} row[] = {
		{0x102, 'a'}, {0x103, 'a'}, {0x110, 'd'}, {0x111, 'd'}, {0x128, 'i'}, {0x129, 'i'}, {0x168, 'u'},
		{0x169, 'u'}, {0x1a0, 'o'}, {0x1a1, 'o'}, {0x1af, 'u'}, {0x1b0, 'u'},
	};
	if (c >= 0xc0 && c <= 0xff)
		return latin1[c - 0xc0];
	if (c >= 0x1ea0 && c <= 0x1ef9)
		return vietnamese[(c - 0x1ea0) / 2];
	for (size_t i = 0; i < COUNT(row); i++)
		if (row[i].code == c)
			return row[i].base;
	return '.';
}

/* Code point at the front of s and its length; a byte that is no UTF-8 stands for itself. */
static uint32_t
take_code(struct str s, size_t *ret_n)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	*ret_n = 1;
	if (n == 1 || n > s.n || !str_is_utf8(str_cut(s, 0, n)))
		return p[0];
	uint32_t c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = (c << 6) | (p[i] & 0x3f);
	*ret_n = n;
	return c;
}

void
db_fold(struct str text, struct buf *out)
{
	while (text.n) {
		size_t n;
		uint32_t c = take_code(text, &n);
		char base = n > 1 ? base_letter(c) : '.';
		if (base != '.')
			buf_add_char(out, base);
		else if (n == 1)
			buf_add_char(out, ascii_lower(text.p[0]));
		else if (c < 0x300 || c > 0x36f)
			buf_add(out, str_cut(text, 0, n));
		text = str_skip(text, n);
	}
}
