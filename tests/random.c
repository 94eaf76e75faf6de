/* SPDX-License-Identifier: EUPL-1.2 */
#include "random.h"

#include <stdlib.h>

static uint64_t state = UINT64_C(88172645463325252);

void
random_start(uint64_t seed)
{
	const char *chosen = getenv("KHIEN_SEED");
	seed ^= chosen ? strtoull(chosen, NULL, 10) << 32 : 0;
	state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* Marsaglia's xorshift. */
uint32_t
pick(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}
