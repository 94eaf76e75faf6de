/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/arena.h"

#include <assert.h>

#include "base/memory.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* bytes that follow */
	max_align_t data[];
};

void
arena_init(struct arena *a, size_t step, size_t max)
{
	assert(step > 0 && max >= step);
	*a = (struct arena){.step = step, .max = max};
}

static void
drop_chunks(struct arena *a, struct arena_chunk *keep)
{
	while (a->chunk && a->chunk != keep) {
		struct arena_chunk *chunk = a->chunk;
		a->chunk = chunk->next;
		a->held -= chunk->size;
		mem_free(chunk);
	}
}

void
arena_release(struct arena *a)
{
	drop_chunks(a, NULL);
	a->at = a->end = NULL;
}

void
arena_clear(struct arena *a)
{
	struct arena_chunk *first = a->chunk;
	while (first && first->next)
		first = first->next;
	if (first && first->size != a->step)
		first = NULL;
#ifdef ARENA_EMULATE
	first = NULL;
#endif
	drop_chunks(a, first);
	a->at = first ? (char *)first->data : NULL;
	a->end = first ? a->at + first->size : NULL;
}

void *
arena_alloc_slow(struct arena *a, size_t n)
{
	size_t rounded = (n + 7) & ~(size_t)7;
	if (rounded == 0)
		rounded = 8;
#ifndef ARENA_EMULATE
	if (n == 0 && (size_t)(a->end - a->at) >= rounded) { /* a piece of nothing is no reason for a new chunk */
		a->at += rounded;
		return a->at - rounded;
	}
#endif
	size_t size = rounded > a->step ? rounded : a->step;
#ifdef ARENA_EMULATE
	size = n;
#endif
	if (rounded < n || size > a->max || a->held > a->max - size) {
		a->over++;
		return NULL;
	}
	struct arena_chunk *chunk = mem_try(sizeof *chunk + size);
	if (!chunk) {
		a->over++;
		return NULL;
	}
	*chunk = (struct arena_chunk){.next = a->chunk, .size = size};
	a->chunk = chunk;
	a->held += size;
#ifdef ARENA_EMULATE
	return chunk->data;
#else
	a->at = (char *)chunk->data + rounded;
	a->end = (char *)chunk->data + size;
	return chunk->data;
#endif
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t n;
	if (__builtin_mul_overflow(count, size, &n)) {
		a->over++;
		return NULL;
	}
	void *p = arena_alloc(a, n);
	return p && n ? memset(p, 0, n) : p;
}

bool
arena_copy(struct arena *a, struct str s, struct str *ret)
{
	char *p = arena_alloc(a, s.n + 1);
	if (!p)
		return false;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*ret = str_from(p, s.n);
	return true;
}
