/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_SYSLOG_TIME_H
#define DECODE_SYSLOG_TIME_H

/*
 * The times that stand at the head of lines, in the many ways devices write them. Worker and scan; pure.
 *
 * Most say no year and no zone. The zone is then that of the caller. The year is the latest one that has such a day and
 * puts the line no more than a day after it was received: a line of 31 December that comes on 1 January belongs to the
 * year before, one of 29 February to the last leap year.
 */

#include "base/time.h"

/* "Nov 22 09:13:41", "Sun Nov 22 2026 09:13:41.123 UTC:", "2026-11-22T09:13:41+07:00", "2026/11/22 09:13:41" ... at the
 * front of *rest, cut off with the blanks and the ':' behind it. False leaves *rest alone. */
bool syslog_time_take(struct str *rest, int zone, int64_t received_ms, int64_t *ret_ms);
/* c->year is not known: settle it. TIME_NONE when received_ms is TIME_NONE or 0. False: no year has such a day. */
bool syslog_time_settle(struct civil *c, int zone, int64_t received_ms, int64_t *ret_ms);
/* "09:13:41" with an optional fraction at the front of *rest. */
bool syslog_time_clock(struct str *rest, struct civil *c);

#endif
