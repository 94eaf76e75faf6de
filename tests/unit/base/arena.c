/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/arena.h"

#include "tap.h"

TEST(pieces_are_aligned_and_disjoint)
{
	struct arena a;
	arena_init(&a, 256, 4096);
	char *p = arena_alloc(&a, 3), *q = arena_alloc(&a, 5);
	CHECK(p && q && p != q);
	CHECK_INT((uintptr_t)q % 8, 0);
	memset(p, 1, 3);
	memset(q, 2, 5);
	CHECK_INT(p[2], 1);
	arena_release(&a);
}

TEST(the_bound_is_a_counted_refusal)
{
	struct arena a;
	arena_init(&a, 64, 256);
	CHECK(arena_alloc(&a, 257) == NULL);
	CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
	CHECK_INT(a.over, 2);
	int given = 0;
	while (arena_alloc(&a, 64))
		given++;
	CHECK_INT(given, 4);
	CHECK_INT(a.over, 3);
	arena_clear(&a);
	CHECK(arena_alloc(&a, 64) != NULL);
	CHECK(arena_calloc(&a, SIZE_MAX / 2, 4) == NULL);
	arena_release(&a);
}

TEST(a_copy_is_terminated_and_outlives_its_source)
{
	struct arena a;
	struct str copy;
	char text[] = "xyz";
	arena_init(&a, 64, 256);
	CHECK(arena_copy(&a, str_from(text, 3), &copy));
	text[0] = '-';
	CHECK_STR(copy, STR("xyz"));
	CHECK_INT(copy.p[3], 0);
	CHECK(arena_copy(&a, (struct str){0}, &copy));
	CHECK_INT(copy.n, 0);
	arena_release(&a);
}
