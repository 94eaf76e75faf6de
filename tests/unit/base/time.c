/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/time.h"

#include "tap.h"

TEST(known_moments)
{
	static const struct {
		struct str text;
		int zone;
		int64_t ms;
	} row[] = {
		{STR_INIT("1970-01-01T00:00:00Z"), 0, 0},
		{STR_INIT("2026-11-22T02:13:41.5+07:00"), 0, 1795288421500},
		{STR_INIT("2026-11-21 19:13:41.500000123Z"), 420, 1795288421500},
		{STR_INIT("2026-11-22 02:13:41.500"), 420, 1795288421500},
		{STR_INIT("2000-02-29T23:59:60Z"), 0, 951868800000},
		{STR_INIT("0001-01-01T00:00:00Z"), 0, -62135596800000},
		{STR_INIT("9999-12-31T23:59:59.999Z"), 0, 253402300799999},
		{STR_INIT("2003-08-24T05:14:15.000003-0700"), 0, 1061727255000},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t ms = -1;
		CHECK(time_parse(row[i].text, row[i].zone, &ms));
		CHECK_INT(ms, row[i].ms);
	}
}

TEST(what_no_calendar_has_is_refused)
{
	static const struct str row[] = {STR_INIT(""), STR_INIT("2026-02-29T00:00:00Z"), STR_INIT("2026-13-01T00:00:00Z"),
		STR_INIT("2026-01-01T24:00:00Z"), STR_INIT("2026-01-01T00:00:00Zx"), STR_INIT("2026-01-01T00:00:00."),
		STR_INIT("2026-01-01"), STR_INIT("0000-01-01T00:00:00Z"), STR_INIT("2026-01-01T00:00:00+99:00")};
	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t ms = 77;
		CHECK(!time_parse(row[i], 0, &ms));
		CHECK_INT(ms, 77);
	}
}

TEST(every_day_there_and_back)
{
	int wrong = 0;
	for (int64_t day = -719162; day < 2932896; day += 13) {
		int64_t back;
		struct civil c = time_to_civil(day * TIME_DAY + 12345678, 420);
		wrong += !time_from_civil(&c, 420, &back) || back != day * TIME_DAY + 12345678;
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(time_to_civil(1795288421500, 420).weekday, 6); /* 22 November 2026 is a Sunday */
}

TEST(formats)
{
	struct buf b = BUF_INIT;
	time_format(&b, 1795288421500, 420);
	buf_add_char(&b, ' ');
	time_format(&b, 1795288421500, 0);
	CHECK_STR(buf_str(&b), STR("2026-11-22T02:13:41.500+07:00 2026-11-21T19:13:41.500Z"));
	buf_release(&b);
	CHECK_INT(time_from_filetime(116444736000000000u), 0);
	CHECK_INT(time_from_filetime(UINT64_MAX), 253402300799999);
}
