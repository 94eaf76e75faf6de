/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

/*
 * Slices and builders: how every string travels in this program. Every process; a value belongs to one thread.
 *
 * struct str is borrowed: two words, no terminator promised, valid as long as whoever lent it says. struct buf is
 * owned and growing, never beyond its max: past it nothing is added and `over` is set, so that a hostile size ends in
 * a flag instead of in swap.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

struct str {
	const char *p; /* may be NULL when n == 0 */
	size_t n;
};

/* In expressions, and in static tables (where -Wpedantic refuses compound literals). */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal) {(literal), sizeof(literal) - 1}
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline struct str
str_from(const char *p, size_t n)
{
	return (struct str){p, n};
}

/* The slice of a terminated string; NULL gives the empty slice. */
static inline struct str
str_z(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* str_eq() for who asks millions of times a second, mostly about short texts that are equal: without a call for those. */
static inline bool
str_same(struct str a, struct str b)
{
	enum { WORD = sizeof(uint64_t), NEAR = 4 * WORD };
	uint64_t x = 0, y = 0;
	if (a.n != b.n || a.n > NEAR)
		return str_eq(a, b);
	if (a.n < WORD) {
		for (size_t i = 0; i < a.n; i++)
			x |= (uint64_t)(a.p[i] ^ b.p[i]);
		return !x;
	}
	for (size_t i = 0; i < a.n; i += WORD) {
		size_t at = i + WORD < a.n ? i : a.n - WORD; /* the last word may overlap the one before it */
		memcpy(&x, a.p + at, WORD);
		memcpy(&y, b.p + at, WORD);
		if (x != y)
			return false;
	}
	return true;
}

/* [from, to) clamped to the slice. */
static inline struct str
str_cut(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){s.p ? s.p + from : NULL, to - from};
}

static inline struct str
str_skip(struct str s, size_t n)
{
	return str_cut(s, n, s.n);
}

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_starts_nocase(struct str s, struct str prefix);
/* Position of the first needle / byte, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);
ptrdiff_t str_find_char(struct str s, char c);
ptrdiff_t str_find_nocase(struct str s, struct str needle); /* ASCII letters only */
int str_cmp(struct str a, struct str b);                    /* as memcmp, shorter first */
struct str str_trim(struct str s);                          /* ASCII white space on both ends */
/* Cut *rest at the first separator: returns what stands before it and leaves what stands after. False when *rest was
 * empty and nothing is left to return. */
bool str_split(struct str *rest, char separator, struct str *ret_part);
/* Whole slice as a decimal number; false on anything else or on overflow. */
bool str_to_u64(struct str s, uint64_t *ret);
bool str_to_i64(struct str s, int64_t *ret);
void str_to_z(struct str s, char *to, size_t cap); /* as much as fits, and a NUL */
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool str_is_utf8(struct str s);
/* Bytes of the well-formed letter at the front of n > 0 bytes, or 0. RFC 3629, section 4. */
size_t utf8_length(const char *p, size_t n);
/* U+FFFD stands for what is no character. */
#define UTF8_REPLACEMENT 0xfffdu
/* One character as UTF-8, at most four bytes; where it ends. What is no character becomes U+FFFD. */
char *utf8_put(char *to, uint32_t c);

struct buf {
	char *p;     /* always terminated with NUL when not NULL, the NUL not counted */
	size_t n;
	size_t cap;
	size_t max;  /* bytes; 0 = no bound (only for sizes of our own choosing) */
	bool over;   /* something did not fit and was left out */
};

#define BUF_INIT ((struct buf){0})
#define BUF_INIT_MAX(bytes) ((struct buf){.max = (bytes)})

void buf_release(struct buf *b); /* back to empty, memory returned */
void buf_clear(struct buf *b);   /* back to empty, memory kept, `over` lowered */
/* Room for n more bytes at b->p + b->n, or NULL (and `over`). The caller then adds what it wrote to b->n. */
char *buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
[[gnu::format(printf, 2, 3)]] void buf_addf(struct buf *b, const char *format, ...);
[[gnu::format(printf, 2, 0)]] void buf_addv(struct buf *b, const char *format, va_list args);
/* s as the inside of a JSON string: quotes, backslashes and control characters escaped; bytes that are not UTF-8
 * become U+FFFD. Without the quotes around it. */
void buf_add_json(struct buf *b, struct str s);
/* "s" with the quotes. */
void buf_add_json_string(struct buf *b, struct str s);

static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

#endif
