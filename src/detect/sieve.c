/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/sieve.h"

#include <assert.h>
#include <stdlib.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define WINDOW 4u
#define BUCKETS 8u
#define STEP 32u
#define WIDE 64u
#define AVX2 [[gnu::target("avx2,bmi")]]
#define AVX512 [[gnu::target("avx512f,avx512bw,avx512vbmi,bmi,bmi2")]]

struct sieve_word {
	struct str text;
	uint32_t offset;        /* of the watched window in it */
	uint64_t peek;          /* eight bytes from there on, small */
	uint64_t small, within; /* bits to set so that letters of a line are small; bits of bytes that belong to the word */
};

struct sieve {
	enum sieve_path path;                      /* the fastest here */
	uint8_t low[WINDOW][16], high[WINDOW][16]; /* buckets by the two halves of a byte: a superset of `byte` */
	uint8_t end[WINDOW][64];                   /* and by the last six bits of one */
	uint8_t byte[WINDOW][256];                 /* buckets by the byte at each place of the window */
	struct sieve_word *word;                   /* by bucket */
	uint32_t first[BUCKETS + 1];
};

/* ---- building ---- */

/* How common a byte is in logs, roughly: the earlier it stands here, the more so. */
static unsigned
commonness(char c)
{
	static const struct str common = STR_INIT("e0tain1osr2lcd\"3456789mpu-. ,fhgwvyk_bx");
	ptrdiff_t at = str_find_char(common, ascii_lower(c));
	return at < 0 ? 1 : (unsigned)(4 + common.n - (size_t)at);
}

static uint32_t
rarest_window(struct str s)
{
	uint32_t best = 0;
	unsigned best_sum = UINT32_MAX;
	for (uint32_t at = 0; at == 0 || at + WINDOW <= s.n; at++) {
		unsigned sum = 0;
		for (uint32_t i = at; i < at + WINDOW && i < s.n; i++)
			sum += commonness(s.p[i]);
		if (sum < best_sum) {
			best = at;
			best_sum = sum;
		}
	}
	return best;
}

static void
admit(struct sieve *s, uint32_t place, unsigned char byte, uint8_t bit)
{
	s->byte[place][byte] |= bit;
	s->end[place][byte & 63] |= bit;
	s->low[place][byte & 15] |= bit;
	s->high[place][byte >> 4] |= bit;
}

static void
watch(struct sieve *s, const struct sieve_word *w, uint8_t bit)
{
	for (uint32_t i = 0; i < WINDOW; i++) {
		size_t at = w->offset + i;
		for (unsigned byte = 0; at >= w->text.n && byte < 256; byte++)
			admit(s, i, (unsigned char)byte, bit); /* a word shorter than the window */
		if (at >= w->text.n)
			continue;
		unsigned char c = (unsigned char)ascii_lower(w->text.p[at]);
		admit(s, i, c, bit);
		if (c >= 'a' && c <= 'z')
			admit(s, i, c & (unsigned char)~0x20, bit);
	}
}

/* The first bytes of a text, followed by 0. */
static uint64_t
peek_at(struct str s)
{
	uint64_t peek = 0;
	if (s.n >= sizeof peek)
		memcpy(&peek, s.p, sizeof peek);
	else
		memcpy(&peek, s.p, s.n);
	return peek;
}

static void
peek_word(struct sieve_word *w)
{
	char peek[8] = {0}, small[8] = {0}, within[8] = {0};
	for (size_t i = 0; i < sizeof peek && w->offset + i < w->text.n; i++) {
		peek[i] = ascii_lower(w->text.p[w->offset + i]);
		small[i] = peek[i] >= 'a' && peek[i] <= 'z' ? 0x20 : 0;
		within[i] = (char)0xff;
	}
	w->peek = peek_at(str_from(peek, sizeof peek));
	w->small = peek_at(str_from(small, sizeof small));
	w->within = peek_at(str_from(within, sizeof within));
}

/* Windows that begin alike share a bucket: the fewer bytes a bucket admits, the fewer words are compared in vain. */
static int
by_window(const void *a, const void *b)
{
	const struct sieve_word *x = a, *y = b;
	struct str p = str_cut(x->text, x->offset, x->offset + WINDOW), q = str_cut(y->text, y->offset, y->offset + WINDOW);
	return str_cmp(p, q);
}

/* Words by bucket, words with the same window in the same one, windows spread evenly. */
static void
fill_buckets(struct sieve *s, uint32_t count)
{
	uint32_t windows = 0, window = 0;
	qsort(s->word, count, sizeof *s->word, by_window);
	for (uint32_t i = 0; i < count; i++)
		windows += !i || by_window(&s->word[i - 1], &s->word[i]) != 0;
	for (uint32_t i = 0; i < count; i++) {
		window += i && by_window(&s->word[i - 1], &s->word[i]) != 0;
		uint32_t bucket = window * BUCKETS / windows;
		watch(s, &s->word[i], (uint8_t)(1u << bucket));
		for (uint32_t b = bucket; b < BUCKETS; b++)
			s->first[b + 1] = i + 1;
	}
}

static enum sieve_path fastest_path(void);

const struct sieve *
sieve_new(struct arena *a, const struct str *word, uint32_t count)
{
	struct sieve *s = ARENA_NEW(a, struct sieve);
	if (!s || !(s->word = arena_calloc(a, count, sizeof *s->word)))
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		assert(word[i].n);
		s->word[i] = (struct sieve_word){.text = word[i], .offset = rarest_window(word[i])};
		peek_word(&s->word[i]);
	}
	if (count)
		fill_buckets(s, count);
	s->path = fastest_path();
	return s;
}

/* ---- asking ---- */

static bool
stands_at(const struct sieve *s, struct str text, size_t at, unsigned buckets)
{
	uint64_t peek = peek_at(str_skip(text, at));
	for (; buckets; buckets &= buckets - 1) {
		unsigned b = (unsigned)__builtin_ctz(buckets);
		for (uint32_t i = s->first[b]; i < s->first[b + 1]; i++) {
			const struct sieve_word *w = &s->word[i];
			if (((peek | w->small) & w->within) == w->peek && w->offset <= at &&
			    str_starts_nocase(str_skip(text, at - w->offset), w->text))
				return true;
		}
	}
	return false;
}

static bool
finds_from(const struct sieve *s, struct str text, size_t at)
{
	for (; at < text.n; at++) {
		unsigned buckets = 0xff;
		for (uint32_t i = 0; buckets && i < WINDOW; i++)
			buckets &= s->byte[i][at + i < text.n ? (unsigned char)text.p[at + i] : 0];
		if (buckets && stands_at(s, text, at, buckets))
			return true;
	}
	return false;
}

#ifdef __x86_64__
[[gnu::noinline]] static bool
any_stands(const struct sieve *s, struct str text, size_t at, uint64_t places, const uint8_t *buckets)
{
	for (; places; places &= places - 1) {
		unsigned i = (unsigned)__builtin_ctzll(places);
		if (stands_at(s, text, at + i, buckets[i]))
			return true;
	}
	return false;
}

/* The last step overlaps the one before it. */
AVX2 static bool
finds_avx2(const struct sieve *s, struct str text)
{
	const __m256i half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	__m256i low[WINDOW], high[WINDOW];
#pragma GCC unroll 4
	for (uint32_t i = 0; i < WINDOW; i++) {
		low[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i_u *)s->low[i]));
		high[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i_u *)s->high[i]));
	}
	if (text.n < STEP + WINDOW)
		return finds_from(s, text, 0);
	for (size_t last = text.n - STEP - WINDOW, at = 0;; at = at + STEP < last ? at + STEP : last) {
		__m256i hit = _mm256_set1_epi8(-1);
#pragma GCC unroll 4
		for (uint32_t i = 0; i < WINDOW; i++) {
			__m256i x = _mm256_loadu_si256((const __m256i_u *)(text.p + at + i));
			__m256i l = _mm256_shuffle_epi8(low[i], _mm256_and_si256(x, half));
			__m256i h = _mm256_shuffle_epi8(high[i], _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
			hit = _mm256_and_si256(hit, _mm256_and_si256(l, h));
		}
		uint32_t places = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hit, zero));
		uint8_t buckets[STEP];
		_mm256_storeu_si256((__m256i_u *)buckets, hit);
		if (places && any_stands(s, text, at, places, buckets))
			return true;
		if (at == last)
			break;
	}
	return finds_from(s, text, text.n - WINDOW);
}

/* One lookup a place by six bits of the byte, where AVX2 takes two by four. */
AVX512 static bool
finds_avx512(const struct sieve *s, struct str text)
{
	__m512i end[WINDOW];
#pragma GCC unroll 4
	for (uint32_t i = 0; i < WINDOW; i++)
		end[i] = _mm512_loadu_si512(s->end[i]);
	if (text.n < WIDE + WINDOW)
		return finds_avx2(s, text);
	for (size_t last = text.n - WIDE - WINDOW, at = 0;; at = at + WIDE < last ? at + WIDE : last) {
		__m512i hit = _mm512_set1_epi8(-1);
#pragma GCC unroll 4
		for (uint32_t i = 0; i < WINDOW; i++)
			hit = _mm512_and_si512(hit, _mm512_permutexvar_epi8(_mm512_loadu_si512(text.p + at + i), end[i]));
		uint64_t places = _mm512_test_epi8_mask(hit, hit);
		uint8_t buckets[WIDE];
		_mm512_storeu_si512(buckets, hit);
		if (places && any_stands(s, text, at, places, buckets))
			return true;
		if (at == last)
			break;
	}
	return finds_from(s, text, text.n - WINDOW);
}
#endif

bool
sieve_path_works(enum sieve_path path)
{
#ifdef __x86_64__
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
	bool avx512 = avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("bmi2");
	return path == SIEVE_PORTABLE || (path == SIEVE_AVX2 && avx2) || (path == SIEVE_AVX512 && avx512);
#else
	return path == SIEVE_PORTABLE;
#endif
}

static enum sieve_path
fastest_path(void)
{
	enum sieve_path path = SIEVE_PATHS - 1;
	while (!sieve_path_works(path))
		path--;
	return path;
}

static inline bool
finds_on(enum sieve_path path, const struct sieve *s, struct str text)
{
#ifdef __x86_64__
	if (path == SIEVE_AVX512)
		return finds_avx512(s, text);
	if (path == SIEVE_AVX2)
		return finds_avx2(s, text);
#endif
	return finds_from(s, text, 0);
}

bool
sieve_finds_on(enum sieve_path path, const struct sieve *s, struct str text)
{
	assert(sieve_path_works(path));
	return finds_on(path, s, text);
}

bool
sieve_finds(const struct sieve *s, struct str text)
{
	return finds_on(s->path, s, text);
}
