/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/*
 * The only door to the heap. Every process.
 *
 * Sizes that our own code chooses cannot reasonably fail: mem_alloc() and friends abort when they do, the supervisor
 * restarts the role and the journal brings back what was in flight. Sizes that outside bytes choose go through
 * mem_try(), whose failure is a value. Memory from here is released with mem_free(). All functions are thread-safe.
 */

#include <stddef.h>

[[nodiscard, gnu::malloc, gnu::returns_nonnull]] void *mem_alloc(size_t n);
/* Zeroed; count * size is checked for overflow. */
[[nodiscard, gnu::malloc, gnu::returns_nonnull]] void *mem_calloc(size_t count, size_t size);
[[nodiscard, gnu::returns_nonnull]] void *mem_realloc(void *p, size_t n);
/* For sizes chosen by outside bytes: NULL when the memory is not to be had. */
[[nodiscard, gnu::malloc]] void *mem_try(size_t n);
/* Accepts NULL. */
void mem_free(void *p);

#define MEM_NEW(type) ((type *)mem_calloc(1, sizeof(type)))

/* Make room for one more element in a growing array; doubles. */
#define MEM_GROW(array, count, cap)                                                                                    \
	do {                                                                                                           \
		if ((count) >= (cap)) {                                                                                \
			(cap) = (cap) ? (cap) * 2 : 8;                                                                 \
			(array) = mem_realloc((array), (cap) * sizeof(*(array)));                                      \
		}                                                                                                      \
	} while (0)

#endif
