/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/memory.h"

#include <stdlib.h>

static void *
sure(void *p)
{
	if (!p)
		abort(); /* the supervisor restarts us; the journal holds what was in flight */
	return p;
}

void *
mem_alloc(size_t n)
{
	return sure(malloc(n ? n : 1));
}

void *
mem_calloc(size_t count, size_t size)
{
	return sure(calloc(count ? count : 1, size ? size : 1));
}

void *
mem_realloc(void *p, size_t n)
{
	return sure(realloc(p, n ? n : 1));
}

void *
mem_try(size_t n)
{
	return malloc(n ? n : 1);
}

void
mem_free(void *p)
{
	free(p);
}
