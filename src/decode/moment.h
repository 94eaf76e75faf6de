/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_MOMENT_H
#define DECODE_MOMENT_H

/*
 * Times as loggers write them into fields. Worker and scan; pure.
 *
 * RFC 3339 and ISO 8601 in their usual liberties (base/time.h), and what is not: a blank before the offset, "UTC" or
 * "GMT" as one, slashes between numbers that begin with the year, a date alone (its midnight), the basic form
 * "20261122T230500Z", the month by name ("22/Nov/2026:23:05:00 +0700" of web servers, "Sun, 22 Nov 2026 23:05:00 GMT" of
 * mail), "/Date(1795388700000)/", and numbers of seconds, milli-, micro- or nanoseconds since 1970, of nine digits or
 * more: a smaller number is no time. Dates whose order of day and month must be guessed are none.
 */

#include "base/bytes.h"

/* A time without an offset is taken to be `zone` minutes east of UTC. */
[[nodiscard]] bool moment_parse(struct str s, int zone, int64_t *ret_ms);

#endif
