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

/* ---- observables ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool
is_hash_length(size_t n)
{
	return n == 32 || n == 40 || n == 64;
}

/* From `from` on: digits, and single dots between digits. *ret_dots of them. */
static size_t
dotted_end(struct str text, size_t from, uint32_t *ret_dots)
{
	size_t i = from;
	uint32_t dots = 0;
	for (; i < text.n; i++) {
		bool dot = text.p[i] == '.' && i > from && is_digit(text.p[i - 1]) && i + 1 < text.n &&
		    is_digit(text.p[i + 1]);
		if (!dot && !is_digit(text.p[i]))
			break;
		dots += dot;
	}
	*ret_dots = dots;
	return i;
}

static bool
is_address(struct str word)
{
	uint32_t dots;
	return word.n >= 7 && word.n <= 15 && is_digit(word.p[0]) && dotted_end(word, 0, &dots) == word.n && dots == 3;
}

static bool
is_hash(struct str word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!is_hex(word.p[i]))
			return false;
	return is_hash_length(word.n);
}

bool
text_is_observable(struct str word)
{
	return is_address(word) || is_hash(word);
}

/* Does an address (hash) end before `at`, and does none go on at `end`? */
static bool
stands_alone(struct str text, size_t at, size_t end, bool address)
{
	bool before = at > 0 && (address ? is_digit(text.p[at - 1]) : is_alnum(text.p[at - 1]));
	bool behind = end < text.n && (address ? is_digit(text.p[end]) : is_alnum(text.p[end]));
	if (address && at > 1 && text.p[at - 1] == '.' && is_digit(text.p[at - 2]))
		before = true;
	if (address && end + 1 < text.n && text.p[end] == '.' && is_digit(text.p[end + 1]))
		behind = true;
	return !before && !behind;
}

ptrdiff_t
text_find_word(struct str text, size_t from, struct str word)
{
	bool address = is_address(word);
	ptrdiff_t at = text_find(text, from, word);
	if (!address && !is_hash(word))
		return at;
	while (at >= 0 && !stands_alone(text, (size_t)at, (size_t)at + word.n, address))
		at = text_find(text, (size_t)at + 1, word);
	return at;
}

bool
text_next_address(struct str text, size_t *at, struct str *ret)
{
	while (*at < text.n) {
		ptrdiff_t dot = str_find_char(str_skip(text, *at), '.');
		if (dot < 0)
			break;
		size_t start = *at + (size_t)dot, end = start + 1;
		uint32_t dots = 0;
		while (start > *at && is_digit(text.p[start - 1]))
			start--;
		if (is_digit(text.p[start]))
			end = dotted_end(text, start, &dots);
		*at = end;
		*ret = str_cut(text, start, end);
		if (dots == 3 && is_address(*ret) && stands_alone(text, start, end, true))
			return true;
	}
	return false;
}

/* 32 digits in a row cover one place in 32, so only those are looked at. */
bool
text_next_hash(struct str text, size_t *at, struct str *ret)
{
	for (size_t i = *at | 31; i < text.n; i = (i + 1) | 31) {
		if (!is_hex(text.p[i]))
			continue;
		size_t start = i, end = i + 1;
		while (start > *at && is_hex(text.p[start - 1]))
			start--;
		while (end < text.n && is_hex(text.p[end]))
			end++;
		*ret = str_cut(text, start, end);
		i = end - 1;
		if (is_hash_length(end - start) && stands_alone(text, start, end, false)) {
			*at = end;
			return true;
		}
	}
	*at = text.n;
	return false;
}

/* ---- trigrams ---- */

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
trigrams_add(uint8_t seen[TRIGRAM_BITS], struct str text)
{
	char lower[1024 + 4];
	for (size_t from = 0; from + 3 <= text.n; from += sizeof lower - 6) {
		size_t n = text.n - from < sizeof lower - 4 ? text.n - from : sizeof lower - 4;
		for (size_t i = 0; i < n; i++)
			lower[i] = ascii_lower(text.p[from + i]);
		for (size_t i = 0; i + 3 <= n; i++) {
			uint32_t four;
			memcpy(&four, lower + i, sizeof four);
			seen[trigram_bit(le32toh(four) & 0xffffff)] = 1;
		}
	}
}

void
trigrams_pack(const uint8_t seen[TRIGRAM_BITS], uint8_t ret_bitmap[TRIGRAM_BYTES])
{
	for (uint32_t i = 0; i < TRIGRAM_BYTES; i++) {
		uint8_t byte = 0;
		for (uint32_t k = 0; k < 8; k++)
			byte |= (uint8_t)(seen[i * 8 + k] << k);
		ret_bitmap[i] = byte;
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
