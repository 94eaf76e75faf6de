/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_CLOCK_H
#define HOST_CLOCK_H

/* The only readers of the kernel's clocks. Any thread. KHIEN_NOW in the environment is for stories: milliseconds
 * fix the wall clock, with a sign before them they shift it. */

#include <stdint.h>

int64_t clock_now_ms(void);       /* wall clock, UTC, milliseconds since 1970 */
int64_t clock_monotonic_ms(void); /* never goes back */
int64_t clock_monotonic_ns(void);

#endif
