/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/moment.h"

#include "base/time.h"
#include "tap.h"

#define MOMENT INT64_C(1795388700000) /* 2026-11-22T23:05:00Z */

TEST(times_as_loggers_write_them)
{
	static const struct {
		const char *text;
		int64_t ms; /* after MOMENT */
	} row[] = {
		{"2026-11-22T23:05:00Z", 0}, {"2026-11-22T23:05:00.123456789Z", 123}, {"2026-11-22 23:05:00,123", 123},
		{"2026-11-23T06:05:00+07:00", 0}, {"2026-11-23 06:05:00.5 +0700", 500}, {"2026-11-22 23:05:00 UTC", 0},
		{"2026-11-22 23:05:00.25 GMT", 250}, {"2026/11/22 23:05:00", 0}, {"2026/11/22 23:05:00.123", 123},
		{"2026-11-22T23:05Z", 0}, {"2026-11-22 23:05", 0}, {"20261122T230500Z", 0}, {"20261122T230500.5+0000", 500},
		{"20261122", -83100000}, {"2026-11-22", -83100000}, {"2026/11/22", -83100000},
		{"22/Nov/2026:23:05:00 +0000", 0}, {"23/Nov/2026:06:05:00 +0700", 0}, {"Sun, 22 Nov 2026 23:05:00 GMT", 0},
		{"Sun, 22 Nov 2026 23:05:00 +0000", 0}, {"22 nov 2026 23:05:00", 0}, {"22-NOV-2026 23:05:00", 0},
		{"1795388700", 0}, {"1795388700.25", 250}, {"1795388700123", 123}, {"1795388700123456", 123},
		{"1795388700123456789", 123}, {"/Date(1795388700123)/", 123},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t ms = 0;
		if (!moment_parse(str_z(row[i].text), 0, &ms) || ms != MOMENT + row[i].ms)
			printf("# %s\n", row[i].text);
		CHECK_INT(ms, MOMENT + row[i].ms);
	}
	int64_t ms = 0;
	CHECK(moment_parse(STR("2026/11/23 06:05"), 420, &ms));
	CHECK_INT(ms, MOMENT);
}

TEST(what_is_no_time)
{
	static const char *const row[] = {"", "23", "12345678", "2026", "2026-11", "20261322", "2026-13-22", "2026-11-31",
		"11/22/2026 23:05:00", "22/11/2026 23:05:00", "22/Nov/2026", "22/Now/2026:23:05:00", "Sun, Nov 22 2026", "Sun,",
		"Sun, 2", "2026-11-22X23:05:00", "2026-11-22 2", "2026-11-22 23:05:", "2026-11-22 25:05:00",
		"2026-11-22 23:05:00 CET", "2026-11-22 23:05:00 + 07", "1795388700x", "1795388700.x", "-1795388700",
		"99999999999999999999", "/Date(x)/", "/Date()/", "/Date(1795388700123)/ and much more that makes it too long to be one"};
	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t ms = 7;
		bool parsed = moment_parse(str_z(row[i]), 0, &ms);
		if (parsed)
			printf("# %s\n", row[i]);
		CHECK(!parsed && ms == 7);
	}
}

/* Cut and broken at every place; the sanitizers watch. */
TEST(broken_times_do_no_harm)
{
	static const char *const row[] = {"Sun, 22 Nov 2026 23:05:00 +0000", "20261122T230500.5+0000", "2026/11/22 23:05:00 UTC",
		"/Date(1795388700123)/"};
	for (size_t i = 0; i < COUNT(row); i++)
		for (size_t n = 0; n <= strlen(row[i]); n++) {
			char *text = malloc(n ? n : 1);
			int64_t ms;
			for (int c = 0; c < 256 && n; c += 5) {
				memcpy(text, row[i], n);
				text[(size_t)c % n] = (char)c;
				(void)moment_parse(str_from(text, n), 0, &ms);
			}
			free(text);
		}
	CHECK(true);
}
