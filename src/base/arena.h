/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * Memory with one lifetime: a configuration snapshot, a batch of events or a request. Every process; an arena belongs
 * to one thread.
 *
 * Pieces are never freed one by one. The arena never grows past its max: then arena_alloc() answers NULL and `over`
 * counts, which is the hard limit that hostile input meets. Built with -Darena_emulate=true every piece is a malloc of
 * its own, so that AddressSanitizer sees one byte too far (after Varnish's cache_ws_emu.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* newest first */
	char *at, *end;            /* what is free of the newest chunk */
	size_t held;               /* bytes of all chunks */
	size_t step;               /* bytes of an ordinary chunk */
	size_t max;                /* bytes of all chunks at most */
	uint64_t over;             /* pieces refused since arena_init() */
};

/* Nothing is allocated yet. step > 0, max >= step. */
void arena_init(struct arena *a, size_t step, size_t max);
void arena_release(struct arena *a);
/* Forget all pieces, keep one ordinary chunk. `over` goes on counting. */
void arena_clear(struct arena *a);
void *arena_alloc_slow(struct arena *a, size_t n);

/* n bytes aligned to 8, not zeroed, or NULL when the arena is full. n == 0 gives a valid pointer. */
[[nodiscard]] static inline void *
arena_alloc(struct arena *a, size_t n)
{
#ifndef ARENA_EMULATE
	size_t rounded = (n + 7) & ~(size_t)7;
	if (rounded >= n && rounded && (size_t)(a->end - a->at) >= rounded) {
		char *p = a->at;
		a->at += rounded;
		return p;
	}
#endif
	return arena_alloc_slow(a, n);
}

/* Zeroed array, overflow checked; NULL when full. */
[[nodiscard]] void *arena_calloc(struct arena *a, size_t count, size_t size);
/* A copy of s that lives as long as the arena, followed by a NUL that is not counted. False when full (*ret untouched). */
[[nodiscard]] bool arena_copy(struct arena *a, struct str s, struct str *ret);

#define ARENA_NEW(arena, type) ((type *)arena_calloc((arena), 1, sizeof(type)))

#endif
