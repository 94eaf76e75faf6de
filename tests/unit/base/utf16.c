/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/utf16.h"

#include "tap.h"

TEST(texts_become_utf8)
{
	static const struct {
		struct str in;
		enum utf16 order;
		struct str want;
		size_t used;
	} row[] = {
		{STR_INIT("a\0b\0"), UTF16_LE, STR_INIT("ab"), 4},
		{STR_INIT("\0a\0b"), UTF16_BE, STR_INIT("ab"), 4},
		{STR_INIT("\xc7\x1e"), UTF16_LE, STR_INIT("\xe1\xbb\x87"), 2},             /* Vietnamese */
		{STR_INIT("\x3d\xd8\x00\xde"), UTF16_LE, STR_INIT("\xf0\x9f\x98\x80"), 4}, /* a pair */
		{STR_INIT("\xd8\x3d\xde\x00"), UTF16_BE, STR_INIT("\xf0\x9f\x98\x80"), 4},
		{STR_INIT("\x3d\xd8\x41\x00"), UTF16_LE, STR_INIT("\xef\xbf\xbd" "A"), 4}, /* its first half alone */
		{STR_INIT("\x00\xde\x41\x00"), UTF16_LE, STR_INIT("\xef\xbf\xbd" "A"), 4}, /* its second */
		{STR_INIT("A\0\x3d\xd8"), UTF16_LE, STR_INIT("A"), 2},                     /* the rest may follow */
		{STR_INIT("A\0B"), UTF16_LE, STR_INIT("A"), 2},
		{STR_INIT(""), UTF16_LE, STR_INIT(""), 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct buf out = BUF_INIT;
		CHECK_INT(utf16_add(&out, row[i].in, row[i].order), row[i].used);
		CHECK_STR(buf_str(&out), row[i].want);
		buf_release(&out);
	}
}

TEST(the_front_tells)
{
	static const struct {
		struct str front;
		enum utf16 want;
	} row[] = {
		{STR_INIT("\xff\xfe{\0"), UTF16_LE}, {STR_INIT("\xfe\xff\0{"), UTF16_BE}, {STR_INIT("{\0\"\0"), UTF16_LE},
		{STR_INIT("\0{\0\""), UTF16_BE}, {STR_INIT("{\"a\""), UTF16_NONE}, {STR_INIT("\0\0\0\0"), UTF16_NONE},
		{STR_INIT("\xff\xfe"), UTF16_LE}, {STR_INIT("a"), UTF16_NONE}, {STR_INIT("\xef\xbb\xbf{"), UTF16_NONE},
	};
	for (size_t i = 0; i < COUNT(row); i++)
		CHECK_INT(utf16_find(row[i].front), row[i].want);
}
