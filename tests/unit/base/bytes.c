/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/hash.h"

#include "tap.h"

TEST(slices)
{
	CHECK(str_eq_nocase(STR("AbC"), STR("aBc")));
	CHECK(!str_eq_nocase(STR("AbC"), STR("aB")));
	CHECK_INT(str_find(STR("hello"), STR("ll")), 2);
	CHECK_INT(str_find(STR("hello"), STR("lx")), -1);
	CHECK_INT(str_find_nocase(STR("heLLo"), STR("ll")), 2);
	CHECK_STR(str_trim(STR(" \t a b\r\n")), STR("a b"));
	CHECK_STR(str_cut(STR("abc"), 2, 99), STR("c"));
	CHECK_STR(str_cut(STR("abc"), 9, 4), STR(""));
	struct str rest = STR("a,,b"), part;
	CHECK(str_split(&rest, ',', &part) && str_eq(part, STR("a")));
	CHECK(str_split(&rest, ',', &part) && part.n == 0);
	CHECK(str_split(&rest, ',', &part) && str_eq(part, STR("b")));
	CHECK(!str_split(&rest, ',', &part));
}

/* Every place and length around the steps of the search, in texts full of near misses. */
TEST(same_is_equal_whatever_the_length_and_the_place_that_differs)
{
	char a[70], b[70];
	CHECK(str_same((struct str){0}, STR("")));
	for (size_t n = 0; n <= sizeof a; n++) {
		memset(a, 'x', sizeof a);
		memset(b, 'x', n);
		memset(b + n, 'y', sizeof b - n);
		CHECK(str_same(str_from(a, n), str_from(b, n)));
		CHECK(n == 0 || !str_same(str_from(a, n), str_from(b, n - 1)));
		for (size_t at = 0; at < n; at++) {
			b[at] ^= 1 << at % 8;
			CHECK(!str_same(str_from(a, n), str_from(b, n)));
			b[at] ^= 1 << at % 8;
		}
	}
}

TEST(a_needle_is_found_at_its_first_place)
{
	static char text[1200];
	uint32_t wrong = 0;
	for (size_t n = 0; n < sizeof text; n += n < 80 ? 1 : 223)
		for (size_t needle = 1; needle <= 40 && needle <= n; needle += needle < 6 ? 1 : 11)
			for (size_t at = 0; at + needle <= n; at += n < 80 ? 1 : 97) {
				memset(text, 'a', n);
				text[at + needle - 1] = 'b';
				struct str s = str_from(text, n), part = str_from(text + at, needle);
				wrong += str_find(s, part) != (ptrdiff_t)at;
				wrong += str_find(str_cut(s, 0, at + needle - 1), part) != -1;
			}
	CHECK_INT(wrong, 0);
}

TEST(numbers_refuse_what_is_not_whole)
{
	uint64_t u;
	int64_t i;
	CHECK(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
	CHECK(!str_to_u64(STR("18446744073709551616"), &u));
	CHECK(!str_to_u64(STR("12x"), &u) && !str_to_u64(STR(""), &u) && !str_to_u64(STR("-1"), &u));
	CHECK(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!str_to_i64(STR("9223372036854775808"), &i) && !str_to_i64(STR("-"), &i));
}

TEST(utf8_as_rfc_3629)
{
	static const struct str good[] = {STR_INIT(""), STR_INIT("plain ascii text"), STR_INIT("\xc4\x90\xe1\xba\xaf"
		"k L\xe1\xba\xafk"), STR_INIT("\xf0\x9f\x9b\xa1"), STR_INIT("\xf4\x8f\xbf\xbf")};
	static const struct str bad[] = {STR_INIT("\x80"), STR_INIT("\xc0\xaf"), STR_INIT("\xed\xa0\x80"),
		STR_INIT("\xf4\x90\x80\x80"), STR_INIT("\xe1\xba"), STR_INIT("12345678\xff"), STR_INIT("\xf8\x88\x80\x80\x80")};
	for (size_t i = 0; i < COUNT(good); i++)
		CHECK(str_is_utf8(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!str_is_utf8(bad[i]));
}

TEST(a_builder_never_passes_its_bound)
{
	struct buf b = BUF_INIT_MAX(5);
	buf_add(&b, STR("abc"));
	buf_add(&b, STR("defg"));
	CHECK(b.over);
	CHECK_STR(buf_str(&b), STR("abc"));
	buf_clear(&b);
	buf_addf(&b, "%d-%s", 12, "x");
	CHECK_STR(buf_str(&b), STR("12-x"));
	buf_release(&b);
	buf_add_i64(&b, -123);
	CHECK_STR(buf_str(&b), STR("-123"));
	buf_release(&b);
}

TEST(json_text_is_escaped_and_made_utf8)
{
	struct buf b = BUF_INIT;
	buf_add_json_string(&b, STR("a\"\\\n\x01\xff\x7f z"));
	CHECK_STR(buf_str(&b), STR("\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\u007f z\""));
	buf_release(&b);
}

TEST(hashes_have_their_published_values)
{
	uint8_t digest[32];
	struct buf hex = BUF_INIT;
	CHECK_INT(crc32c(0, STR("123456789")), 0xe3069283); /* RFC 3720, B.4 */
	CHECK_INT(crc32c(crc32c(0, STR("12345")), STR("6789")), 0xe3069283);
	sha256(STR("abc"), digest); /* FIPS 180-4 example */
	buf_add_hex(&hex, digest, 32);
	CHECK_STR(buf_str(&hex), STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	buf_release(&hex);
	CHECK(hash64(STR("a"), 1) != hash64(STR("a"), 2));
	CHECK(hash64(STR("a"), 1) != hash64(STR("b"), 1));
	CHECK(hash64_nocase(STR("Image"), 7) == hash64_nocase(STR("iMAGE"), 7));
}
