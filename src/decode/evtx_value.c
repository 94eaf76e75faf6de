/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/evtx_binxml.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

char *
evtx_text_block(struct evtx_text *t, size_t n)
{
#ifdef ARENA_EMULATE
	size_t block = n;
#else
	size_t block = n > t->step ? n : t->step;
#endif
	char *p = arena_alloc(t->arena, block);
	if (!p)
		return NULL;
	t->at = p;
	t->end = p + block;
	t->from = NULL;
	return p;
}

void
evtx_text_begin(struct evtx_text *t, size_t n)
{
#ifndef ARENA_EMULATE
	(void)evtx_text_room(t, n);
#endif
	t->from = t->at;
}

struct str
evtx_text_since_begin(const struct evtx_text *t)
{
	return t->from ? str_from(t->from, (size_t)(t->at - t->from)) : (struct str){0};
}

/* Everything from t->at up to `end` is a text now. */
static struct str
finish(struct evtx_text *t, const char *end)
{
	struct str text = str_from(t->at, (size_t)(end - t->at));
	t->at += text.n;
	return text;
}

#ifdef __SSE2__
static inline bool
all_ascii(__m128i units)
{
	__m128i other = _mm_and_si128(units, _mm_set1_epi16((short)0xff80));
	return _mm_movemask_epi8(_mm_cmpeq_epi16(other, _mm_setzero_si128())) == 0xffff;
}

/* Eight units as eight bytes, if they are ASCII. */
static inline bool
copy_eight(const char *utf16, char *out)
{
	__m128i a = _mm_loadu_si128((const __m128i_u *)utf16);
	if (!all_ascii(a))
		return false;
	_mm_storel_epi64((__m128i_u *)out, _mm_packus_epi16(a, a));
	return true;
}
#endif

/* Copies the ASCII at the front, 16 units at a time and the last eight once more; returns how many units. */
static size_t
copy_ascii(const char *utf16, size_t units, char *out)
{
	size_t i = 0;
#ifdef __SSE2__
	for (; i + 16 <= units; i += 16) {
		__m128i a = _mm_loadu_si128((const __m128i_u *)(utf16 + i * 2));
		__m128i b = _mm_loadu_si128((const __m128i_u *)(utf16 + i * 2 + 16));
		if (!all_ascii(_mm_or_si128(a, b)))
			break;
		_mm_storeu_si128((__m128i_u *)(out + i), _mm_packus_epi16(a, b));
	}
	if (i + 8 <= units && copy_eight(utf16 + i * 2, out + i))
		i += 8;
	if (i < units && units >= 8 && i + 8 > units && copy_eight(utf16 + units * 2 - 16, out + units - 8))
		return units;
#endif
	for (; i < units; i++) {
		uint16_t u = evtx_u16(utf16 + i * 2);
		if (u >= 0x80)
			break;
		out[i] = (char)u;
	}
	return i;
}

static char *
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* The character that starts at unit *i, and *i behind it (RFC 2781, 2.2). */
static uint32_t
take_utf16(const char *utf16, size_t units, size_t *i)
{
	uint32_t u = evtx_u16(utf16 + (*i)++ * 2);
	if (u < 0xd800 || u > 0xdfff)
		return u;
	uint32_t low = *i < units ? evtx_u16(utf16 + *i * 2) : 0;
	if (u > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	(*i)++;
	return 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
}

/* At most 3 bytes a unit. */
static char *
put_utf16(char *out, struct str utf16)
{
	size_t units = utf16.n / 2, i = 0;
	while (units && evtx_u16(utf16.p + (units - 1) * 2) == 0)
		units--;
	while (i < units) {
		size_t ascii = copy_ascii(utf16.p + i * 2, units - i, out);
		out += ascii;
		for (i += ascii; i < units && evtx_u16(utf16.p + i * 2) >= 0x80;)
			out = put_utf8(out, take_utf16(utf16.p, units, &i));
	}
	return out;
}

bool
evtx_text_utf16(struct evtx_text *t, struct str utf16, struct str *ret)
{
	char *out = evtx_text_room(t, utf16.n / 2 * 3);
	if (!out)
		return false;
	*ret = finish(t, put_utf16(out, utf16));
	return true;
}

/* The code page is not told: what is not UTF-8 is read as Latin-1. At most 2 bytes a byte. */
static char *
put_ansi(char *out, struct str s)
{
	while (s.n && !s.p[s.n - 1])
		s.n--;
	if (str_is_utf8(s)) {
		if (s.n)
			memcpy(out, s.p, s.n);
		return out + s.n;
	}
	for (size_t i = 0; i < s.n; i++)
		out = put_utf8(out, (uint8_t)s.p[i]);
	return out;
}

static const char two_digits[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                 "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                 "8081828384858687888990919293949596979899";

/* Decimal digits of v > 0: a bit is worth log10(2) of one, and a power of ten in its range tells which side. */
static size_t
count_digits(uint64_t v)
{
	static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
		100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000,
		100000000000000000, 1000000000000000000, 10000000000000000000u};
	size_t least = (64 - (size_t)__builtin_clzll(v)) * 1233 >> 12;
	return least + (v >= power[least]);
}

static char *
put_u64(char *out, uint64_t v)
{
	char *end = out + (v ? count_digits(v) : 1), *p = end;
	for (; v >= 10; v /= 100) {
		p -= 2;
		memcpy(p, two_digits + v % 100 * 2, 2);
	}
	if (p > out)
		*out = (char)('0' + v);
	return end;
}

static char *
put_i64(char *out, int64_t v)
{
	if (v >= 0)
		return put_u64(out, (uint64_t)v);
	*out++ = '-';
	return put_u64(out, -(uint64_t)v);
}

/* v with leading zeros. */
static char *
put_padded(char *out, uint32_t v, int digits)
{
	if (digits == 2 && v < 100) {
		memcpy(out, two_digits + v * 2, 2);
		return out + 2;
	}
	for (uint32_t i = 1, limit = 10; (int)i < digits; i++, limit *= 10)
		if (v < limit)
			*out++ = '0';
	return put_u64(out, v);
}

/* As the event viewer does: "0x1eba8". */
static char *
put_hex(char *out, uint64_t v)
{
	int shift = 60;
	while (shift && !(v >> shift))
		shift -= 4;
	*out++ = '0';
	*out++ = 'x';
	for (; shift >= 0; shift -= 4)
		*out++ = "0123456789abcdef"[v >> shift & 15];
	return out;
}

static char *
put_bytes(char *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		*out++ = "0123456789ABCDEF"[(uint8_t)s.p[i] >> 4];
		*out++ = "0123456789ABCDEF"[(uint8_t)s.p[i] & 15];
	}
	return out;
}

#ifdef __SSE2__
/* Each byte below 16 as its digit. */
static inline __m128i
hex_digits(__m128i half)
{
	__m128i letter = _mm_and_si128(_mm_cmpgt_epi8(half, _mm_set1_epi8(9)), _mm_set1_epi8('A' - '0' - 10));
	return _mm_add_epi8(_mm_add_epi8(half, _mm_set1_epi8('0')), letter);
}
#endif

static void
sixteen_bytes(char out[32], const char *p)
{
#ifdef __SSE2__
	const __m128i half = _mm_set1_epi8(15);
	__m128i x = _mm_loadu_si128((const __m128i_u *)p);
	__m128i high = hex_digits(_mm_and_si128(_mm_srli_epi16(x, 4), half)), low = hex_digits(_mm_and_si128(x, half));
	_mm_storeu_si128((__m128i_u *)out, _mm_unpacklo_epi8(high, low));
	_mm_storeu_si128((__m128i_u *)(out + 16), _mm_unpackhi_epi8(high, low));
#else
	put_bytes(out, str_from(p, 16));
#endif
}

/* MS-DTYP 2.3.4.3, without braces as the JSON conversions of Sigma's test data have it. */
static char *
put_guid(char *out, const char *p)
{
	const char bytes[16] = {p[3], p[2], p[1], p[0], p[5], p[4], p[7], p[6], p[8], p[9], p[10], p[11], p[12], p[13], p[14],
	    p[15]};
	char digit[32];
	sixteen_bytes(digit, bytes);
	memcpy(out, digit, 8);
	memcpy(out + 9, digit + 8, 4);
	memcpy(out + 14, digit + 12, 4);
	memcpy(out + 19, digit + 16, 4);
	memcpy(out + 24, digit + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	return out + 36;
}

/* MS-DTYP 2.4.2.1: "S-1-5-18"; bytes that are no SID as hexadecimal digits. */
static char *
put_sid(char *out, struct str s)
{
	if (s.n < 8 || (size_t)(uint8_t)s.p[1] * 4 + 8 > s.n)
		return put_bytes(out, s);
	uint64_t authority = 0;
	for (size_t i = 2; i < 8; i++)
		authority = authority << 8 | (uint8_t)s.p[i];
	*out++ = 'S';
	*out++ = '-';
	out = put_u64(out, (uint8_t)s.p[0]);
	*out++ = '-';
	out = put_u64(out, authority);
	for (size_t i = 0; i < (uint8_t)s.p[1]; i++) {
		*out++ = '-';
		out = put_u64(out, evtx_u32(s.p + 8 + i * 4));
	}
	return out;
}

static char *
put_clock(char *out, const struct civil *c)
{
	out = put_padded(out, (uint32_t)c->year, 4);
	*out++ = '-';
	out = put_padded(out, (uint32_t)c->month, 2);
	*out++ = '-';
	out = put_padded(out, (uint32_t)c->day, 2);
	*out++ = 'T';
	out = put_padded(out, (uint32_t)c->hour, 2);
	*out++ = ':';
	out = put_padded(out, (uint32_t)c->minute, 2);
	*out++ = ':';
	out = put_padded(out, (uint32_t)c->second, 2);
	*out++ = '.';
	return out;
}

/* MS-DTYP 2.3.3, with microseconds. */
static char *
put_filetime(char *out, const char *p)
{
	uint64_t ticks = evtx_u64(p);
	struct civil c = time_to_civil(time_from_filetime(ticks), 0);
	out = put_padded(put_clock(out, &c), (uint32_t)(ticks % 10000000 / 10), 6);
	*out++ = 'Z';
	return out;
}

/* MS-DTYP 2.3.13. Fields are taken as they come. */
static char *
put_systemtime(char *out, const char *p)
{
	struct civil c = {.year = evtx_u16(p), .month = evtx_u16(p + 2), .day = evtx_u16(p + 6),
	    .hour = evtx_u16(p + 8), .minute = evtx_u16(p + 10), .second = evtx_u16(p + 12)};
	out = put_padded(put_clock(out, &c), evtx_u16(p + 14), 3);
	*out++ = 'Z';
	return out;
}

/* The shortest digits that give the number back. */
static char *
put_real(char *out, double v, int enough)
{
	char text[40] = "";
	for (int digits = 6; digits <= enough; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		double back = strtod(text, NULL);
		if (enough < 10 ? (float)back == (float)v : back == v)
			break;
	}
	size_t n = strlen(text);
	memcpy(out, text, n);
	return out + n;
}

static char *
put_bool(char *out, struct str s)
{
	bool any = false;
	for (size_t i = 0; i < s.n; i++)
		any |= s.p[i] != 0;
	struct str word = any ? STR("true") : STR("false");
	memcpy(out, word.p, word.n);
	return out + word.n;
}

static char *
put_real_bits(char *out, uint8_t type, const char *p)
{
	float narrow;
	double wide;
	uint32_t low = evtx_u32(p);
	if (type == EVTX_REAL32) {
		memcpy(&narrow, &low, sizeof narrow);
		return put_real(out, (double)narrow, 9);
	}
	uint64_t all = evtx_u64(p);
	memcpy(&wide, &all, sizeof wide);
	return put_real(out, wide, 17);
}

/* Bytes of one value; 0 = as long as its slice. */
static size_t
fixed_size(uint8_t type)
{
	static const uint8_t size[0x16] = {[EVTX_INT8] = 1, [EVTX_UINT8] = 1, [EVTX_INT16] = 2, [EVTX_UINT16] = 2,
	    [EVTX_INT32] = 4, [EVTX_UINT32] = 4, [EVTX_INT64] = 8, [EVTX_UINT64] = 8, [EVTX_REAL32] = 4, [EVTX_REAL64] = 8,
	    [EVTX_BOOL] = 4, [EVTX_GUID] = 16, [EVTX_FILETIME] = 8, [EVTX_SYSTEMTIME] = 16, [EVTX_HEX32] = 4,
	    [EVTX_HEX64] = 8};
	return type < sizeof size ? size[type] : 0;
}

/* One value whose slice is long enough for its type. At most 48 bytes. */
static char *
put_fixed(char *out, uint8_t type, const char *p)
{
	switch (type) {
	case EVTX_INT8:
		return put_i64(out, (int8_t)*p);
	case EVTX_UINT8:
		return put_u64(out, (uint8_t)*p);
	case EVTX_INT16:
		return put_i64(out, (int16_t)evtx_u16(p));
	case EVTX_UINT16:
		return put_u64(out, evtx_u16(p));
	case EVTX_INT32:
		return put_i64(out, (int32_t)evtx_u32(p));
	case EVTX_UINT32:
		return put_u64(out, evtx_u32(p));
	case EVTX_INT64:
		return put_i64(out, (int64_t)evtx_u64(p));
	case EVTX_UINT64:
		return put_u64(out, evtx_u64(p));
	case EVTX_REAL32:
	case EVTX_REAL64:
		return put_real_bits(out, type, p);
	case EVTX_BOOL:
		return put_bool(out, str_from(p, 4));
	case EVTX_GUID:
		return put_guid(out, p);
	case EVTX_FILETIME:
		return put_filetime(out, p);
	case EVTX_SYSTEMTIME:
		return put_systemtime(out, p);
	case EVTX_HEX32:
		return put_hex(out, evtx_u32(p));
	case EVTX_HEX64:
		return put_hex(out, evtx_u64(p));
	default:
		return out;
	}
}

/* Types whose length is that of their slice; anything unknown is shown as bytes. At most 4 n + 48 bytes. */
static char *
put_sized(char *out, uint8_t type, struct str s)
{
	switch (type) {
	case EVTX_NULL:
		return out;
	case EVTX_STRING:
	case EVTX_XML:
		return put_utf16(out, s);
	case EVTX_ANSI:
		return put_ansi(out, s);
	case EVTX_SID:
		return put_sid(out, s);
	case EVTX_SIZE:
	case EVTX_HANDLE:
		return s.n == 4 ? put_hex(out, evtx_u32(s.p)) : s.n == 8 ? put_hex(out, evtx_u64(s.p)) : put_bytes(out, s);
	default:
		return put_bytes(out, s);
	}
}

/* Length of the first element of an array. */
static size_t
element_size(uint8_t type, struct str s)
{
	size_t n = fixed_size(type);
	if (n || type == EVTX_SIZE)
		return n ? n : s.n % 8 ? 4 : 8;
	if (type == EVTX_SID)
		return s.n >= 8 ? 8 + (size_t)(uint8_t)s.p[1] * 4 : s.n;
	if (type == EVTX_STRING)
		while (n + 2 <= s.n && evtx_u16(s.p + n) != 0)
			n += 2;
	else if (type == EVTX_ANSI)
		while (n < s.n && s.p[n])
			n++;
	else
		return s.n;
	return n + (type == EVTX_STRING ? 2 : 1);
}

/* One element a line. The widest for its size is INT8, "-128" and a newline: at most 5 n + 48 bytes. */
static char *
put_array(char *out, uint8_t type, struct str s)
{
	for (bool first = true; s.n; first = false) {
		size_t n = element_size(type, s), fixed = fixed_size(type);
		struct str element = str_cut(s, 0, n);
		if (!first)
			*out++ = '\n';
		if (!fixed)
			out = put_sized(out, type, element);
		else if (element.n == fixed)
			out = put_fixed(out, type, element.p);
		else
			out = put_bytes(out, element);
		s = str_skip(s, n);
	}
	return out;
}

bool
evtx_value_text(struct evtx_text *t, uint8_t type, struct str bytes, struct str *ret)
{
	if (type == EVTX_STRING)
		return evtx_text_utf16(t, bytes, ret);
	size_t fixed = fixed_size(type);
	char *out = evtx_text_room(t, 5 * bytes.n + 48);
	if (!out)
		return false;
	if (type & EVTX_ARRAY)
		out = put_array(out, type & 0x7f, bytes);
	else if (fixed && bytes.n >= fixed)
		out = put_fixed(out, type, bytes.p);
	else if (type == EVTX_BOOL)
		out = bytes.n ? put_bool(out, bytes) : out;
	else
		out = put_sized(out, type, bytes);
	*ret = finish(t, out);
	return true;
}

size_t
evtx_value_size(uint8_t type, struct str rest)
{
	if (type == EVTX_NULL || fixed_size(type))
		return fixed_size(type);
	if (type == EVTX_SID && rest.n >= 8)
		return 8 + (size_t)(uint8_t)rest.p[1] * 4;
	return SIZE_MAX;
}
