/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/text.h"

#include <endian.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* 0x20 for a letter, so that (byte | fold) compares in lower case; 0 for the rest. */
static unsigned char
fold_of(char lower)
{
	return lower >= 'a' && lower <= 'z' ? 0x20 : 0;
}

static bool
same_nocase(const char *p, const char *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != q[i] && ascii_lower(p[i]) != ascii_lower(q[i]))
			return false;
	return true;
}

static ptrdiff_t
find_bytewise(struct str text, size_t from, struct str word)
{
	char first = ascii_lower(word.p[0]);
	for (size_t i = from; i + word.n <= text.n; i++)
		if (ascii_lower(text.p[i]) == first && same_nocase(text.p + i, word.p, word.n))
			return (ptrdiff_t)i;
	return -1;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] static ptrdiff_t
find_avx2(struct str text, size_t from, struct str word)
{
	char first = ascii_lower(word.p[0]), last = ascii_lower(word.p[word.n - 1]);
	__m256i want_first = _mm256_set1_epi8(first), fold_first = _mm256_set1_epi8((char)fold_of(first));
	__m256i want_last = _mm256_set1_epi8(last), fold_last = _mm256_set1_epi8((char)fold_of(last));
	size_t i = from;
	for (; i + word.n - 1 + 32 <= text.n; i += 32) {
		__m256i a = _mm256_loadu_si256((const __m256i_u *)(const void *)(text.p + i));
		__m256i b = _mm256_loadu_si256((const __m256i_u *)(const void *)(text.p + i + word.n - 1));
		__m256i hit = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_or_si256(a, fold_first), want_first),
		    _mm256_cmpeq_epi8(_mm256_or_si256(b, fold_last), want_last));
		uint32_t bits = (uint32_t)_mm256_movemask_epi8(hit);
		for (; bits; bits &= bits - 1) {
			size_t at = i + (size_t)__builtin_ctz(bits);
			if (same_nocase(text.p + at, word.p, word.n))
				return (ptrdiff_t)at;
		}
	}
	return find_bytewise(text, i, word);
}
#endif

ptrdiff_t
text_find(struct str text, size_t from, struct str word)
{
	if (from > text.n || word.n > text.n - from)
		return -1;
	if (word.n == 0)
		return (ptrdiff_t)from;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return find_avx2(text, from, word);
#endif
	return find_bytewise(text, from, word);
}

/* 24 bits to 16: an odd multiplier, the upper half of the product. */
static inline uint32_t
trigram_bit(uint32_t three)
{
	return (three * 0x9e3779b1u) >> 16;
}

static inline uint32_t
lower_byte(char c)
{
	return (unsigned char)ascii_lower(c);
}

/* In pieces: lower-cased first, which the compiler does 16 bytes at a time, so that every three bytes can then be taken
 * with one load that waits for nothing. */
void
trigrams_add(uint8_t bitmap[TRIGRAM_BYTES], struct str text)
{
	char lower[1024 + 4];
	for (size_t from = 0; from + 3 <= text.n; from += sizeof lower - 6) {
		size_t n = text.n - from < sizeof lower - 4 ? text.n - from : sizeof lower - 4;
		for (size_t i = 0; i < n; i++)
			lower[i] = ascii_lower(text.p[from + i]);
		for (size_t i = 0; i + 3 <= n; i++) {
			uint32_t four;
			memcpy(&four, lower + i, sizeof four);
			uint32_t bit = trigram_bit(le32toh(four) & 0xffffff);
			bitmap[bit >> 3] |= (uint8_t)(1u << (bit & 7));
		}
	}
}

bool
trigrams_may_hold(const uint8_t bitmap[TRIGRAM_BYTES], struct str word)
{
	for (size_t i = 0; i + 3 <= word.n; i++) {
		uint32_t three =
		    lower_byte(word.p[i + 2]) << 16 | lower_byte(word.p[i + 1]) << 8 | lower_byte(word.p[i]);
		uint32_t bit = trigram_bit(three);
		if (!(bitmap[bit >> 3] & (1u << (bit & 7))))
			return false;
	}
	return true;
}
