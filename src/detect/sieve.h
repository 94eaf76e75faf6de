/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_SIEVE_H
#define DETECT_SIEVE_H

/*
 * Does one of a few dozen words stand in this line, whatever the case of its ASCII letters? Asked of every raw line
 * before any of its fields is looked at, so it must run at memory speed. Worker and scan; immutable once built.
 *
 * Each word is watched at its four rarest neighbouring bytes. One table a position says which of eight buckets of words
 * may have that byte there; where all four agree, the words of the bucket are compared whole. So the answer is exact, and
 * the same whether the tables are asked for 64 places at once (AVX-512), for 32 (AVX2) or for one.
 */

#include "base/arena.h"

struct sieve;

/* Words are borrowed and not empty. NULL when the arena is full. */
[[nodiscard]] const struct sieve *sieve_new(struct arena *a, const struct str *word, uint32_t count);
bool sieve_finds(const struct sieve *s, struct str text);

/* For tests: the ways of asking. */
enum sieve_path { SIEVE_PORTABLE, SIEVE_AVX2, SIEVE_AVX512, SIEVE_PATHS };
bool sieve_path_works(enum sieve_path path);
bool sieve_finds_on(enum sieve_path path, const struct sieve *s, struct str text);

#endif
