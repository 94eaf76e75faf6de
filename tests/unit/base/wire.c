/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/wire.h"

#include "tap.h"

TEST(what_is_written_is_read)
{
	struct buf b = BUF_INIT;
	wire_put_u8(&b, 200);
	wire_put_u16(&b, 65000);
	wire_put_u32(&b, 4000000000u);
	wire_put_i64(&b, -5);
	wire_put_str(&b, STR("xyz"));
	wire_put_varint(&b, 300);
	wire_put_varint(&b, UINT64_MAX);
	struct wire w = {buf_str(&b), false};
	CHECK_INT(wire_u8(&w), 200);
	CHECK_INT(wire_u16(&w), 65000);
	CHECK_INT(wire_u32(&w), 4000000000u);
	CHECK_INT(wire_i64(&w), -5);
	CHECK_STR(wire_str(&w), STR("xyz"));
	CHECK_INT(wire_varint(&w), 300);
	CHECK(wire_varint(&w) == UINT64_MAX);
	CHECK(!w.bad && w.rest.n == 0);
	buf_release(&b);
}

TEST(a_short_message_is_bad_and_reads_zero)
{
	struct wire w = {STR("\x05\x00\x00\x00xyz"), false};
	CHECK_INT(wire_str(&w).n, 0);
	CHECK(w.bad);
	CHECK_INT(wire_u64(&w), 0);
	struct wire endless = {STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), false};
	CHECK_INT(wire_varint(&endless), 0);
	CHECK(endless.bad);
}
