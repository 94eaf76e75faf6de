/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/frame.h"

#include "base/hash.h"
#include "base/memory.h"
#include "tap.h"

/* All messages of a stream, each followed by '|' (a piece by '+', the last piece by '#'), fed in steps chosen by seed. */
static void
framed(struct str stream, uint64_t seed, size_t cap, bool lines_only, struct buf *out)
{
	struct framer f = {.lines_only = lines_only};
	struct buf rest = BUF_INIT;
	buf_clear(out);
	while (stream.n || seed) {
		size_t step = seed ? (size_t)(seed = hash64_mix(seed, stream.n)) % 7 + 1 : stream.n;
		bool end = step >= stream.n;
		struct frame m;
		buf_add(&rest, str_cut(stream, 0, step));
		stream = str_skip(stream, step);
		struct str in = buf_str(&rest);
		while ((end ? frame_end : frame_take)(&f, &in, cap, &m) == FRAME_TAKEN) {
			buf_add(out, m.bytes);
			buf_add_char(out, !m.flags ? '|' : m.flags & RAW_LAST_PIECE ? '#' : '+');
		}
		memmove(rest.p, in.p, in.n);
		rest.n = in.n;
		if (end)
			break;
	}
	buf_release(&rest);
}

static const struct {
	const char *why;
	struct str stream, want;
} table[] = {
	{"lines", STR_INIT("<1>a\n<2>b\n"), STR_INIT("<1>a|<2>b|")},
	{"a last line without its end", STR_INIT("<1>a\n<2>b"), STR_INIT("<1>a|<2>b|")},
	{"empty lines are none", STR_INIT("\n\n<1>a\n\n"), STR_INIT("<1>a|")},
	{"CR belongs to the message", STR_INIT("<1>a\r\n<2>b\r\n"), STR_INIT("<1>a\r|<2>b\r|")},
	{"NUL as trailer", STR_INIT("<1>a\0<2>b\0"), STR_INIT("<1>a|<2>b|")},
	{"NUL behind LF, LF behind NUL", STR_INIT("<1>a\n\0<2>b\0\n<3>c"), STR_INIT("<1>a|<2>b|<3>c|")},
	{"Cisco's blank behind LF", STR_INIT("<1>a\n <2>b\n  x\n"), STR_INIT("<1>a|<2>b|  x|")},
	{"octets", STR_INIT("4 <1>a5 <2>bc"), STR_INIT("<1>a|<2>bc|")},
	{"octets with LF inside", STR_INIT("6 <1>a\nb4 <2>b"), STR_INIT("<1>a\nb|<2>b|")},
	{"octets with LF behind each", STR_INIT("4 <1>a\n4 <2>b\n"), STR_INIT("<1>a|<2>b|")},
	{"octets and lines mixed", STR_INIT("4 <1>a<2>b\n4 <3>c\n<4>d\n"), STR_INIT("<1>a|<2>b|<3>c|<4>d|")},
	{"JSON by octets", STR_INIT("7 {\"a\":1}7 {\"b\":2}"), STR_INIT("{\"a\":1}|{\"b\":2}|")},
	{"a line may begin with digits", STR_INIT("2026-11-22 up\n12 monkeys\n007 x\n"),
	    STR_INIT("2026-11-22 up|12 monkeys|007 x|")},
	{"a digit and nothing else", STR_INIT("7\n1"), STR_INIT("7|1|")},
	{"absurd lengths are no lengths", STR_INIT("99999999999 <1>a\n2097152 <2>b\n"),
	    STR_INIT("99999999999 <1>a|2097152 <2>b|")},
	{"zero is no length", STR_INIT("0 <1>a\n"), STR_INIT("0 <1>a|")},
	{"the stream ends inside octets", STR_INIT("9 <1>a"), STR_INIT("<1>a|")},
	{"the count is too small: letters instead of bytes", STR_INIT("7 <1>abc\xc4\x91\xc3\xa1 5 <2>bc4 <3>d"),
	    STR_INIT("<1>abc\xc4|\x91\xc3\xa1 |<2>bc|<3>d|")},
	{"the count is too large", STR_INIT("6 <1>a5 <2>bc4 <3>d"), STR_INIT("<1>a5 |<2>bc|<3>d|")},
	{"bytes of any kind", STR_INIT("\xff\xfe\x01\n\x80\n"), STR_INIT("\xff\xfe\x01|\x80|")},
	{"nothing", STR_INIT(""), STR_INIT("")},
};

TEST(one_message_ends_where_it_ends_however_it_arrives)
{
	struct buf got = BUF_INIT;
	for (size_t i = 0; i < COUNT(table); i++)
		for (uint64_t seed = 0; seed < 60; seed++) {
			framed(table[i].stream, seed, RAW_MAX, false, &got);
			tap_check(str_eq(buf_str(&got), table[i].want), __FILE__, __LINE__, "%s, seed %d: %.*s", table[i].why,
			    (int)seed, STR_ARG(buf_str(&got)));
		}
	buf_release(&got);
}

TEST(files_have_lines_only)
{
	struct buf got = BUF_INIT;
	framed(STR("4 <1>a\n b\0c\n"), 3, RAW_MAX, true, &got);
	CHECK_STR(buf_str(&got), STR("4 <1>a| b\0c|"));
	buf_release(&got);
}

/* Whatever the bytes: the same messages in one go and byte by byte, and no message longer than the cap. */
TEST(random_streams_do_not_depend_on_their_chunks)
{
	static const char *const bits[] = {"<1>", "4 <", "12 <34>", "a", "\n", "64 ", " ", "\0", "999", "{", "xyz 3 <5"};
	struct buf stream = BUF_INIT, whole = BUF_INIT, parts = BUF_INIT;
	for (uint64_t seed = 1; seed < 3000; seed++) {
		uint64_t r = seed;
		buf_clear(&stream);
		for (unsigned i = 0; i < 60; i++) {
			r = hash64_mix(r, i);
			const char *bit = bits[r % COUNT(bits)];
			buf_add(&stream, str_from(bit, *bit ? strlen(bit) : 1));
		}
		framed(buf_str(&stream), 0, FRAME_CAP_MIN, false, &whole);
		framed(buf_str(&stream), seed, FRAME_CAP_MIN, false, &parts);
		CHECK_STR(buf_str(&parts), buf_str(&whole));
	}
	buf_release(&stream);
	buf_release(&whole);
	buf_release(&parts);
}

TEST(a_line_of_50_MB_comes_in_pieces)
{
	size_t total = 50u << 20, sum = 0, pieces = 0;
	char *bytes = mem_alloc(total + 1);
	struct framer f = {0};
	struct frame m;
	memset(bytes, 'x', total);
	bytes[total] = '\n';
	struct str in = str_from(bytes, total + 1);
	while (frame_take(&f, &in, RAW_MAX, &m) == FRAME_TAKEN) {
		pieces++;
		sum += m.bytes.n;
		CHECK(m.flags == (sum == total ? RAW_PIECE | RAW_LAST_PIECE : RAW_PIECE));
	}
	CHECK_INT(sum, total);
	CHECK_INT(pieces, 50);
	mem_free(bytes);
}
