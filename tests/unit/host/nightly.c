/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/nightly.h"

#include "base/time.h"
#include "tap.h"

static int64_t
at(const char *text)
{
	int64_t ms = 0;
	CHECK(time_parse(str_z(text), TIME_ZONE_VIETNAM, &ms));
	return ms;
}

TEST(once_a_night_and_soon_after_a_missed_one)
{
	static const struct {
		const char *last, *now;
		bool due;
	} row[] = {
		{"2026-11-22T01:31:00", "2026-11-22T23:59:00", false},
		{"2026-11-22T01:31:00", "2026-11-23T01:29:00", false},
		{"2026-11-22T01:31:00", "2026-11-23T01:31:00", true},
		{"2026-11-22T01:31:00", "2026-11-23T09:00:00", true}, /* the box was off at night */
		{"2026-11-22T14:00:00", "2026-11-23T01:00:00", false},
		{"2026-11-22T14:00:00", "2026-11-23T01:30:00", true},
		{"2026-11-20T01:31:00", "2026-11-22T00:10:00", true},
		{"2030-01-01T00:00:00", "2026-11-22T10:00:00", true}, /* made when the clock was wrong */
	};
	for (size_t i = 0; i < COUNT(row); i++)
		CHECK_INT(nightly_is_due(at(row[i].last), at(row[i].now), TIME_ZONE_VIETNAM), row[i].due);
	CHECK(nightly_is_due(0, at("2026-11-22T10:00:00"), TIME_ZONE_VIETNAM));
	/* half past one in Ha Noi is 18:30 in London */
	CHECK(!nightly_is_due(at("2026-11-22T01:31:00"), at("2026-11-22T08:00:00"), TIME_ZONE_VIETNAM));
	CHECK(nightly_is_due(at("2026-11-22T01:31:00"), at("2026-11-22T08:31:00"), 0));
}
