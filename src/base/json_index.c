/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/json_index.h"

#ifdef __x86_64__
#include "base/json_avx2.h"

#define AVX2 [[gnu::target("avx2,bmi,popcnt")]]
#define AVX512 [[gnu::target("avx512f,avx512bw,avx512vbmi2,avx2,bmi,popcnt")]]

struct indexer {
	struct str text;
	struct json_index *x;
	uint64_t carry;         /* 1: an escape goes on in the next block */
	uint64_t control, high; /* not 0: there are bytes below 0x20, or above 0x7f */
};

/* The 64 bytes at p, which stand at `at` of the text. Inlined into the loop of its instruction set, as everything here. */
typedef bool block_fn(struct indexer *k, const char *p, size_t at);
#define INLINE [[gnu::always_inline]] static inline

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The other escape: \u and four digits. */
static bool
unicode_escapes(struct str text, size_t at, uint64_t second)
{
	for (; second; second &= second - 1) {
		struct str rest = str_skip(text, at + (unsigned)__builtin_ctzll(second));
		if (rest.n < 5 || rest.p[0] != 'u' || !is_hex(rest.p[1]) || !is_hex(rest.p[2]) || !is_hex(rest.p[3]) ||
		    !is_hex(rest.p[4]))
			return false;
	}
	return true;
}

INLINE bool
add_quotes(struct json_index *x, size_t at, uint64_t quote)
{
	uint16_t *out = x->quote + x->count;
	x->count += (uint32_t)__builtin_popcountll(quote);
	while (quote) { /* four at a time: there is room behind the last, and what is too much is written over */
		for (int i = 0; i < 4; i++) {
			*out++ = (uint16_t)(at + (quote ? (unsigned)__builtin_ctzll(quote) : 0));
			quote &= quote - 1;
		}
	}
	return x->count <= JSON_INDEX_QUOTES;
}

/* Quotes and backslashes of a block that has backslashes, or an escape that goes on: `simple` are bytes that end one. */
INLINE bool
add_escaped(struct indexer *k, size_t at, uint64_t quote, uint64_t slash, uint64_t simple)
{
	uint64_t second = second_bytes(slash, &k->carry);
	if ((second & ~simple) && !unicode_escapes(k->text, at, second & ~simple))
		return false;
	return add_quotes(k->x, at, quote & ~second);
}

/* simple_letters() of those bytes that stand behind a backslash, for processors that cannot look 16 up at once. */
INLINE uint64_t
simple_behind(const char *p, uint64_t behind)
{
	static const bool simple[UINT8_MAX + 1] = {['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true, ['f'] = true,
	    ['n'] = true, ['r'] = true, ['t'] = true};
	uint64_t found = 0;
	for (; behind; behind &= behind - 1) {
		unsigned at = (unsigned)__builtin_ctzll(behind);
		found |= (uint64_t)simple[(unsigned char)p[at]] << at;
	}
	return found;
}

INLINE uint64_t
bits_sse2(__m128i a, __m128i b, __m128i c, __m128i d)
{
	return (uint64_t)_mm_movemask_epi8(a) | (uint64_t)_mm_movemask_epi8(b) << 16 | (uint64_t)_mm_movemask_epi8(c) << 32 |
	    (uint64_t)_mm_movemask_epi8(d) << 48;
}

/* What every x86-64 has. */
INLINE bool
add_block_sse2(struct indexer *k, const char *p, size_t at)
{
	const __m128i quotes = _mm_set1_epi8('"'), slashes = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
	const __m128i_u *x = (const __m128i_u *)p;
	__m128i a = _mm_loadu_si128(x), b = _mm_loadu_si128(x + 1), c = _mm_loadu_si128(x + 2), d = _mm_loadu_si128(x + 3);
	__m128i least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));
	uint64_t quote = bits_sse2(_mm_cmpeq_epi8(a, quotes), _mm_cmpeq_epi8(b, quotes), _mm_cmpeq_epi8(c, quotes),
	    _mm_cmpeq_epi8(d, quotes));
	uint64_t slash = bits_sse2(_mm_cmpeq_epi8(a, slashes), _mm_cmpeq_epi8(b, slashes), _mm_cmpeq_epi8(c, slashes),
	    _mm_cmpeq_epi8(d, slashes));
	k->high |= (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
	k->control |= (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(least, low), least));
	k->x->slash[at / 64] = slash;
	if (!(slash | k->carry))
		return add_quotes(k->x, at, quote);
	return add_escaped(k, at, quote, slash, simple_behind(p, slash << 1 | k->carry));
}

AVX2 INLINE bool
add_block_avx2(struct indexer *k, const char *p, size_t at)
{
	const __m256i quotes = _mm256_set1_epi8('"'), slashes = _mm256_set1_epi8('\\'), low = _mm256_set1_epi8(0x1f);
	__m256i a = _mm256_loadu_si256((const __m256i_u *)p), b = _mm256_loadu_si256((const __m256i_u *)(p + 32));
#define BITS(a, b) ((uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32)
	uint64_t quote = BITS(_mm256_cmpeq_epi8(a, quotes), _mm256_cmpeq_epi8(b, quotes));
	uint64_t slash = BITS(_mm256_cmpeq_epi8(a, slashes), _mm256_cmpeq_epi8(b, slashes));
#undef BITS
	k->high |= (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(a, b));
	k->control |= (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(_mm256_cmpeq_epi8(_mm256_min_epu8(a, low), a),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(b, low), b)));
	k->x->slash[at / 64] = slash;
	if (!(slash | k->carry))
		return add_quotes(k->x, at, quote);
	return add_escaped(k, at, quote, slash, (uint64_t)simple_letters(a) | (uint64_t)simple_letters(b) << 32);
}

/* The places of up to 64 quotes in one go. */
AVX512 INLINE bool
add_quotes_avx512(struct json_index *x, size_t at, uint64_t quote)
{
	const __m512i numbers = _mm512_set_epi64(0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928, 0x2726252423222120,
	    0x1f1e1d1c1b1a1918, 0x1716151413121110, 0x0f0e0d0c0b0a0908, 0x0706050403020100);
	__m512i places = _mm512_maskz_compress_epi8(quote, numbers), from = _mm512_set1_epi16((short)at);
	uint16_t *out = x->quote + x->count;
	uint32_t n = (uint32_t)__builtin_popcountll(quote);
	_mm512_storeu_si512(out, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(places)), from));
	if (n > 32)
		_mm512_storeu_si512(out + 32, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(places, 1)), from));
	x->count += n;
	return x->count <= JSON_INDEX_QUOTES;
}

/* simple_letters() of 64 bytes. */
AVX512 INLINE uint64_t
simple_letters_avx512(__m512i x)
{
	const __m512i low = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1)),
	              high = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0)),
	              half = _mm512_set1_epi8(15);
	__m512i l = _mm512_shuffle_epi8(low, _mm512_and_si512(x, half));
	__m512i h = _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(x, 4), half));
	return _mm512_test_epi8_mask(l, h);
}

/* Without a branch that depends on where the quotes and backslashes are. */
AVX512 INLINE bool
add_block_avx512(struct indexer *k, const char *p, size_t at)
{
	__m512i x = _mm512_loadu_si512(p);
	uint64_t quote = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('"'));
	uint64_t slash = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\\'));
	uint64_t second = second_bytes(slash, &k->carry), other = second & ~simple_letters_avx512(x);
	k->high |= _mm512_movepi8_mask(x);
	k->control |= _mm512_cmplt_epu8_mask(x, _mm512_set1_epi8(0x20));
	k->x->slash[at / 64] = slash;
	if (other && !unicode_escapes(k->text, at, other))
		return false;
	return add_quotes_avx512(k->x, at, quote & ~second);
}

INLINE bool
index_text(struct json_index *x, struct str text, block_fn *add_block)
{
	struct indexer k = {.text = text, .x = x};
	size_t at = 0;
	x->count = 0;
	for (; text.n - at >= 64; at += 64)
		if (!add_block(&k, text.p + at, at))
			return false;
	if (at < text.n) {
		char tail[64];
		memset(tail, ' ', sizeof tail);
		memcpy(tail, text.p + at, text.n - at);
		if (!add_block(&k, tail, at))
			return false;
	}
	x->quote[x->count] = JSON_INDEX_NONE;
	x->slash[(text.n + 63) / 64] = UINT64_MAX;
	return !k.carry && !k.control && (!k.high || str_is_utf8(text));
}

static bool
index_sse2(struct json_index *x, struct str text)
{
	return index_text(x, text, add_block_sse2);
}

AVX2 static bool
index_avx2(struct json_index *x, struct str text)
{
	return index_text(x, text, add_block_avx2);
}

AVX512 static bool
index_avx512(struct json_index *x, struct str text)
{
	return index_text(x, text, add_block_avx512);
}

bool
json_index_works(enum json_index_path path)
{
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
	bool avx512 = avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2");
	return path == JSON_INDEX_SSE2 || (path == JSON_INDEX_AVX2 ? avx2 : avx512);
}

static bool
index_on(enum json_index_path path, struct json_index *x, struct str text)
{
	if (text.n >= JSON_INDEX_BYTES)
		return false;
	return path == JSON_INDEX_AVX512 ? index_avx512(x, text)
	    : path == JSON_INDEX_AVX2    ? index_avx2(x, text)
					 : index_sse2(x, text);
}

bool
json_index_on(enum json_index_path path, struct json_index *x, struct str text)
{
	return json_index_works(path) && index_on(path, x, text);
}

static enum json_index_path best; /* JSON_INDEX_SSE2 */

[[gnu::constructor]] static void
find_best(void)
{
	__builtin_cpu_init();
	for (enum json_index_path path = JSON_INDEX_SSE2; path <= JSON_INDEX_AVX512; path++)
		if (json_index_works(path))
			best = path;
}

bool
json_index(struct json_index *x, struct str text)
{
	return index_on(best, x, text);
}
#else
bool
json_index_works(enum json_index_path path)
{
	(void)path;
	return false;
}

bool
json_index_on(enum json_index_path path, struct json_index *x, struct str text)
{
	(void)path;
	(void)x;
	(void)text;
	return false;
}

bool
json_index(struct json_index *x, struct str text)
{
	return json_index_on(JSON_INDEX_SSE2, x, text);
}
#endif
