/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

/*
 * Time is a signed count of milliseconds since 1970-01-01T00:00:00Z, named *_ms. Every process. Nothing here reads a
 * clock: who needs "now" is handed it (the worker has none), and only host/clock.h asks the kernel.
 *
 * Local time is UTC plus a fixed offset in minutes. Viet Nam has had +07:00 without summer time since 1975, so that is
 * the default; sources from elsewhere carry their own offset.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define TIME_NONE INT64_MIN      /* no time stands in the event */
#define TIME_ZONE_VIETNAM 420    /* minutes east of UTC */
#define TIME_SECOND INT64_C(1000)
#define TIME_MINUTE (60 * TIME_SECOND)
#define TIME_HOUR (60 * TIME_MINUTE)
#define TIME_DAY (24 * TIME_HOUR)

struct civil {
	int year;   /* 1..9999 */
	int month;  /* 1..12 */
	int day;    /* 1..31 */
	int hour;   /* 0..23 */
	int minute; /* 0..59 */
	int second; /* 0..60, 60 a leap second */
	int milli;  /* 0..999 */
	int weekday; /* 0 = Monday; ignored by time_from_civil() */
};

/* The moment at which clocks `zone` minutes east of UTC show *c. False when no calendar has such a day. */
[[nodiscard]] bool time_from_civil(const struct civil *c, int zone, int64_t *ret_ms);
/* Years outside 1..9999 are clamped. */
struct civil time_to_civil(int64_t ms, int zone);
/* RFC 3339 (also with a blank for 'T', 1..9 digits of fraction, lower-case t and z, "+0700"); without an offset the
 * clock is taken to be `zone` minutes east. The whole slice must be the time. */
[[nodiscard]] bool time_parse(struct str s, int zone, int64_t *ret_ms);
/* "2026-11-22T02:13:41.000+07:00"; zone 0 gives "Z". At most 29 bytes are added. */
void time_format(struct buf *out, int64_t ms, int zone);
/* Windows FILETIME: 100 ns since 1601-01-01Z. MS-DTYP 2.3.3. Clamped to the years above. */
int64_t time_from_filetime(uint64_t ticks);

#endif
