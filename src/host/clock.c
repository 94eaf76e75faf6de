/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"

static pthread_once_t clock_once = PTHREAD_ONCE_INIT;
static bool clock_fixed;
static int64_t clock_fixed_ms;

static void
clock_read_environment(void)
{
	uint64_t ms;

	if (str_to_u64(str_z(getenv("KHIEN_NOW")), &ms) && ms <= INT64_MAX) {
		clock_fixed_ms = (int64_t)ms;
		clock_fixed = true;
	}
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
	return clock_fixed ? clock_fixed_ms : clock_read_ns(CLOCK_REALTIME) / 1000000;
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
