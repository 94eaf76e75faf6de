/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"

static pthread_once_t clock_once = PTHREAD_ONCE_INIT;
static bool clock_fixed;
static int64_t clock_told_ms; /* that it is, or that are to be added */

static void
clock_read_environment(void)
{
	struct str text = str_z(getenv("KHIEN_NOW"));
	bool back = str_starts(text, STR("-")), shift = back || str_starts(text, STR("+"));
	uint64_t ms;

	if (!str_to_u64(shift ? str_skip(text, 1) : text, &ms) || ms > INT64_MAX / 2)
		return;
	clock_told_ms = back ? -(int64_t)ms : (int64_t)ms;
	clock_fixed = !shift;
}

static int64_t
clock_read_ns(clockid_t id)
{
	struct timespec t = {0};

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
clock_now_ms(void)
{
	pthread_once(&clock_once, clock_read_environment);
	return clock_told_ms + (clock_fixed ? 0 : clock_read_ns(CLOCK_REALTIME) / 1000000);
}

int64_t
clock_monotonic_ms(void)
{
	return clock_read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t
clock_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}
