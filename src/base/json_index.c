/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/json_index.h"

#ifdef __x86_64__
#include "base/json_avx2.h"

#define INDEX_TARGET [[gnu::target("avx2,bmi,popcnt")]]

struct indexer {
	struct str text;
	struct json_index *x;
	uint64_t carry;   /* 1: an escape goes on in the next block */
	__m256i control;  /* bytes below 0x20, in any block so far */
	__m256i all;      /* all bytes, or-ed */
};

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

INDEX_TARGET [[gnu::always_inline]] static inline void
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
}

/* The 64 bytes at p, which stand at `at` of the text. */
INDEX_TARGET [[gnu::always_inline]] static inline bool
add_block(struct indexer *k, const char *p, size_t at)
{
	const __m256i quotes = _mm256_set1_epi8('"'), slashes = _mm256_set1_epi8('\\'), low = _mm256_set1_epi8(0x1f);
	__m256i a = _mm256_loadu_si256((const __m256i_u *)p), b = _mm256_loadu_si256((const __m256i_u *)(p + 32));
#define BITS(a, b) ((uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32)
	uint64_t quote = BITS(_mm256_cmpeq_epi8(a, quotes), _mm256_cmpeq_epi8(b, quotes));
	uint64_t slash = BITS(_mm256_cmpeq_epi8(a, slashes), _mm256_cmpeq_epi8(b, slashes));
#undef BITS
	k->all = _mm256_or_si256(k->all, _mm256_or_si256(a, b));
	k->control = _mm256_or_si256(k->control, _mm256_or_si256(_mm256_cmpeq_epi8(_mm256_min_epu8(a, low), a),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(b, low), b)));
	k->x->slash[at / 64] = slash;
	if (slash | k->carry) {
		uint64_t second = second_bytes(slash, &k->carry);
		uint64_t simple = (uint64_t)simple_letters(a) | (uint64_t)simple_letters(b) << 32;
		quote &= ~second;
		if ((second & ~simple) && !unicode_escapes(k->text, at, second & ~simple))
			return false;
	}
	add_quotes(k->x, at, quote);
	return k->x->count <= JSON_INDEX_QUOTES;
}

INDEX_TARGET static bool
index_text(struct json_index *x, struct str text)
{
	struct indexer k = {.text = text, .x = x, .control = _mm256_setzero_si256(), .all = _mm256_setzero_si256()};
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
	if (k.carry || _mm256_movemask_epi8(k.control))
		return false;
	return !_mm256_movemask_epi8(k.all) || str_is_utf8(text);
}
#endif

bool
json_index(struct json_index *x, struct str text)
{
#ifdef __x86_64__
	return text.n < JSON_INDEX_BYTES && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("popcnt") && index_text(x, text);
#else
	(void)x;
	(void)text;
	return false;
#endif
}
