/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/bytes.h"

#include <assert.h>
#include <stdio.h>

#include "base/memory.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool
str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_cut(s, 0, prefix.n), prefix);
}

bool
str_starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq_nocase(str_cut(s, 0, prefix.n), prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

#ifdef __SSE2__
#define FIND_STEP 16u
#define FIND_SHORT 1024u /* in longer texts a search must not depend on what stands in them */

/* Sixteen places at a time where the first and the last byte stand right; the last step overlaps the one before it. */
static ptrdiff_t
find_in_short(struct str s, struct str needle)
{
	const __m128i first = _mm_set1_epi8(needle.p[0]), end = _mm_set1_epi8(needle.p[needle.n - 1]);
	for (size_t last = s.n - needle.n + 1 - FIND_STEP, at = 0;; at = at + FIND_STEP < last ? at + FIND_STEP : last) {
		__m128i a = _mm_loadu_si128((const __m128i_u *)(s.p + at));
		__m128i b = _mm_loadu_si128((const __m128i_u *)(s.p + at + needle.n - 1));
		a = _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, end));
		for (unsigned places = (unsigned)_mm_movemask_epi8(a); places; places &= places - 1) {
			size_t here = at + (unsigned)__builtin_ctz(places);
			if (memcmp(s.p + here, needle.p, needle.n) == 0)
				return (ptrdiff_t)here;
		}
		if (at == last)
			return -1;
	}
}
#endif

ptrdiff_t
str_find(struct str s, struct str needle)
{
	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
#ifdef __SSE2__
	if (s.n <= FIND_SHORT && s.n - needle.n + 1 >= FIND_STEP)
		return find_in_short(s, needle);
#endif
	const char *hit = memmem(s.p, s.n, needle.p, needle.n);
	return hit ? hit - s.p : -1;
}

ptrdiff_t
str_find_char(struct str s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
	return hit ? hit - s.p : -1;
}

ptrdiff_t
str_find_nocase(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (str_eq_nocase(str_cut(s, i, i + needle.n), needle))
			return (ptrdiff_t)i;
	return -1;
}

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	if (order)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str
str_trim(struct str s)
{
	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
str_split(struct str *rest, char separator, struct str *ret_part)
{
	if (!rest->p)
		return false;
	ptrdiff_t at = str_find_char(*rest, separator);
	if (at < 0) {
		*ret_part = *rest;
		*rest = (struct str){0};
		return true;
	}
	*ret_part = str_cut(*rest, 0, (size_t)at);
	*rest = str_skip(*rest, (size_t)at + 1);
	return true;
}

bool
str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;
	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

bool
str_to_i64(struct str s, int64_t *ret)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v;
	if (!str_to_u64(minus ? str_skip(s, 1) : s, &v) || v > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

void
str_to_z(struct str s, char *to, size_t cap)
{
	size_t n = s.n < cap ? s.n : cap - 1;
	if (n)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

size_t
utf8_length(const char *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* How many bytes at the front of n are ASCII. */
static size_t
ascii_run(const char *p, size_t n)
{
	size_t i = 0;
#ifdef __SSE2__
	for (; i + 16 <= n; i += 16) {
		unsigned high = (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i_u *)(p + i)));
		if (high)
			return i + (unsigned)__builtin_ctz(high);
	}
#endif
	while (i < n && (unsigned char)p[i] < 0x80)
		i++;
	return i;
}

char *
utf8_put(char *to, uint32_t c)
{
	c = c >= 0x110000 || (c >= 0xd800 && c < 0xe000) ? UTF8_REPLACEMENT : c;
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

bool
str_is_utf8(struct str s)
{
	for (size_t i = 0; i < s.n && (i += ascii_run(s.p + i, s.n - i)) < s.n;) {
		size_t len = utf8_length(s.p + i, s.n - i);
		if (!len)
			return false;
		i += len;
	}
	return true;
}

void
buf_release(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){.max = b->max};
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->over = false;
	if (b->p)
		b->p[0] = '\0';
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t want;
	if (__builtin_add_overflow(b->n, n, &want) || (b->max && want > b->max)) {
		b->over = true;
		return NULL;
	}
	if (want + 1 > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		b->cap = cap > want + 1 ? cap : want + 1;
		b->p = mem_realloc(b->p, b->cap);
	}
	return b->p + b->n;
}

void
buf_add(struct buf *b, struct str s)
{
	char *room = buf_room(b, s.n);
	if (!room)
		return;
	if (s.n)
		memcpy(room, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, str_from(&c, 1));
}

void
buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, str_from(digits + at, sizeof digits - at));
}

void
buf_add_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_add_char(b, '-');
	buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
buf_addv(struct buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	assert(n >= 0);
	char *room = buf_room(b, (size_t)n);
	if (room) {
		vsnprintf(room, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_addf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_addv(b, format, args);
	va_end(args);
}

static void
add_json_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	const char letter = c == '\\' || c == '"' ? (char)c : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '\0';
	if (letter)
		out[1] = letter;
	buf_add(b, str_from(out, letter ? 2 : 6));
}

/* How many bytes at the front of n stand for themselves in a JSON string and are whole letters. */
static size_t
json_plain_run(const char *p, size_t n)
{
	size_t i = 0;
#ifdef __SSE2__
	for (; i + 16 <= n; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i_u *)(p + i)); /* above 0x7f is negative: less than a blank */
		__m128i bad = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
		unsigned mask = (unsigned)_mm_movemask_epi8(bad);
		if (mask)
			return i + (unsigned)__builtin_ctz(mask);
	}
#endif
	while (i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

void
buf_add_json(struct buf *b, struct str s)
{
	size_t from = 0, i = 0;
	while (i < s.n) {
		i += json_plain_run(s.p + i, s.n - i);
		if (i == s.n)
			break;
		unsigned char c = (unsigned char)s.p[i];
		bool high = c >= 0x80;
		size_t length = high ? utf8_length(s.p + i, s.n - i) : 0;
		if (length) {
			i += length;
			continue;
		}
		buf_add(b, str_cut(s, from, i));
		if (high)
			buf_add(b, STR("\xef\xbf\xbd"));
		else
			add_json_escape(b, c);
		from = ++i;
	}
	buf_add(b, str_cut(s, from, s.n));
}

void
buf_add_json_string(struct buf *b, struct str s)
{
	buf_add_char(b, '"');
	buf_add_json(b, s);
	buf_add_char(b, '"');
}
