/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_JSON_AVX2_H
#define BASE_JSON_AVX2_H

/*
 * Inside of the JSON readers (base/json.c, base/json_index.c): which bytes of a block a backslash speaks for. x86-64
 * with AVX2 only; whoever includes this has asked the processor.
 */

#include <immintrin.h>
#include <stdint.h>

/* Bytes that an escape of two may end with: " \\ / b f n r t. Two tables, one by either half of the byte, agree on them. */
[[gnu::target("avx2,bmi")]] static inline uint32_t
simple_letters(__m256i x)
{
	const __m256i low = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1)),
	              high = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0)),
	              half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	__m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(x, half));
	__m256i h = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
	return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(l, h), zero));
}

/* Bytes behind a backslash that opens an escape. A run of backslashes that begins at an even place and ends at an odd
 * one, or the other way round, leaves its last one open; adding the starts to the runs carries them to their ends. */
static inline uint64_t
second_bytes(uint64_t slash, uint64_t *carry)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	slash &= ~*carry;
	uint64_t behind = slash << 1 | *carry, odd_starts = slash & ~even & ~behind, ends;
	*carry = __builtin_add_overflow(odd_starts, slash, &ends);
	return (even ^ ends << 1) & behind;
}

#endif
