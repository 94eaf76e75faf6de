/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/json.h"

#include <assert.h>

#include "base/json_scan.h"
#include "base/memory.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#ifdef __x86_64__
#include "base/json_avx2.h"
#endif

#define MAX_TEXT (1u << 30)
#define MAX_TOKENS (1u << 20)
#define MAX_DEPTH 512u
#define NOTHING_OPEN UINT32_MAX

/* The whole reader is inlined into one function per path, so that its state lives in registers. */
#define INLINE [[gnu::always_inline]] static inline

struct reader {
	const char *at, *end;
	struct json_token *token;
	uint32_t count, cap;
	uint32_t open;  /* innermost open container; until it closes, its token's `next` names the one around it */
	uint32_t depth;
	uint32_t max_tokens, max_depth;
	const char **what;       /* key of the fault; elsewhere, so that nobody has the address of a reader */
	struct window *window;   /* AVX2 */
};

static inline bool
ends_run(char c)
{
	return (signed char)c < 0x20 || c == '"' || c == '\\';
}

/* Bytes of x below n (n <= 128) get their high bit set; only the lowest such bit is exact, which is all we ask. */
static inline uint64_t
bytes_below(uint64_t x, uint64_t n)
{
	return (x - UINT64_C(0x0101010101010101) * n) & ~x & UINT64_C(0x8080808080808080);
}

/* The first byte of [p, end) that is a quote, a backslash, a control character or not ASCII; end when there is none. */
static inline const char *
scan_portable(const char *p, const char *end)
{
	for (uint64_t x; end - p >= 8; p += 8) {
		memcpy(&x, p, sizeof x);
		uint64_t quote = x ^ UINT64_C(0x2222222222222222), slash = x ^ UINT64_C(0x5c5c5c5c5c5c5c5c);
		if (bytes_below(x, 0x20) | bytes_below(quote, 1) | bytes_below(slash, 1) |
		    (x & UINT64_C(0x8080808080808080)))
			break;
	}
	while (p < end && !ends_run(*p))
		p++;
	return p;
}

#ifdef __x86_64__
#define WINDOW 32u /* blocks */

/* What stands in some blocks of 64 bytes, one bit a byte, the first lowest. */
struct window {
	uint64_t stop[WINDOW];  /* ends a run: a quote that is not escaped, a control character, no ASCII, the second byte of
	                         * an escape that has more than two bytes or is none */
	uint64_t slash[WINDOW]; /* backslashes */
	size_t from, to;        /* of the text */
	uint64_t carry;         /* 1: an escape goes on behind the window */
};

[[gnu::target("avx2,bmi")]] static inline void
classify(const char *p, uint64_t *ret_stop, uint64_t *ret_slash, uint64_t *carry)
{
	const __m256i quotes = _mm256_set1_epi8('"'), slashes = _mm256_set1_epi8('\\'), space = _mm256_set1_epi8(0x20);
	__m256i x = _mm256_loadu_si256((const __m256i_u *)p), y = _mm256_loadu_si256((const __m256i_u *)(p + 32));
#define BITS(a, b) ((uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32)
	uint64_t quote = BITS(_mm256_cmpeq_epi8(x, quotes), _mm256_cmpeq_epi8(y, quotes));
	uint64_t slash = BITS(_mm256_cmpeq_epi8(x, slashes), _mm256_cmpeq_epi8(y, slashes));
	/* bytes above 0x7f are negative here, so one comparison finds them and the control characters */
	uint64_t low = BITS(_mm256_cmpgt_epi8(space, x), _mm256_cmpgt_epi8(space, y));
#undef BITS
	*ret_slash = slash;
	*ret_stop = quote | low;
	if (slash | *carry) {
		uint64_t second = second_bytes(slash, carry);
		uint64_t simple = (uint64_t)simple_letters(x) | (uint64_t)simple_letters(y) << 32;
		*ret_stop = (quote & ~second) | low | (second & ~simple);
	}
}

/* Moves the window on. Behind the end of the text stand control characters. */
[[gnu::target("avx2,bmi"), gnu::noinline]] static void
move_window(struct window *w, const char *text, const char *end)
{
	const char *p = text + w->to;
	uint64_t carry = w->carry;
	size_t i = 0;
	w->from = w->to;
	for (; i < WINDOW && end - p >= 64; i++, p += 64)
		classify(p, &w->stop[i], &w->slash[i], &carry);
	if (i < WINDOW) {
		char tail[64] = {0};
		if (end > p)
			memcpy(tail, p, (size_t)(end - p));
		classify(tail, &w->stop[i], &w->slash[i], &carry);
		i++;
	}
	w->to += i * 64;
	w->carry = carry;
}
#endif

static inline bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Faults, away from the hot path. Each sets *what and returns the code. */

static int
fail(const char **what, int code, const char *key)
{
	*what = key;
	return code;
}

static int
fail_at(const char **what, const char *at, const char *end)
{
	return at == end ? fail(what, E_TRUNCATED, "json_truncated") : fail(what, E_INVALID, "json_unexpected");
}

/* p is at a byte above 0x7f that begins no whole letter: is it only that the text ends inside it? */
static bool
is_cut_letter(const char *p, size_t n)
{
	char whole[4] = {'\x80', '\x80', '\x80', '\x80'};
	if (n == 1)
		return (unsigned char)*p >= 0xc2 && (unsigned char)*p <= 0xf4;
	if (n > 3)
		return false;
	memcpy(whole, p, n);
	return utf8_length(whole, sizeof whole) > n;
}

static bool
is_cut_escape(const char *p, size_t n)
{
	if (n > 1 && p[1] != 'u')
		return false;
	for (size_t i = 2; i < n; i++)
		if (hex_digit(p[i]) < 0)
			return false;
	return n < 6;
}

static int
fail_in_string(const char **what, const char *p, const char *end)
{
	size_t n = (size_t)(end - p);
	bool cut = n == 0 || (*p == '\\' ? is_cut_escape(p, n) : is_cut_letter(p, n));
	if (cut)
		return fail(what, E_TRUNCATED, "json_truncated");
	if (*p == '\\')
		return fail(what, E_INVALID, "json_escape");
	return fail(what, E_INVALID, (unsigned char)*p < 0x20 ? "json_control" : "json_utf8");
}

static int
fail_in_literal(const char **what, const char *p, const char *end, struct str word)
{
	size_t n = 0;
	while (n < word.n && p + n < end && p[n] == word.p[n])
		n++;
	return fail_at(what, p + n, end);
}

/* The tape */

[[gnu::noinline]] static struct json_token *
grow_tape(struct json_token *token, uint32_t *cap, uint32_t max)
{
	uint32_t more = *cap ? *cap * 2 : 64;
	*cap = more < max ? more : max;
	return mem_realloc(token, *cap * sizeof *token);
}

INLINE int
add_token(struct reader *r, enum json_kind kind, bool escaped, const char *text, const char *start, const char *end)
{
	if (r->count == r->cap) {
		if (r->cap >= r->max_tokens)
			return fail(r->what, E_LIMIT, "json_tokens");
		uint32_t cap = r->cap;
		r->token = grow_tape(r->token, &cap, r->max_tokens);
		r->cap = cap;
	}
	struct json_token *t = &r->token[r->count++];
	*t = (struct json_token){.kind = (uint8_t)kind, .escaped = escaped, .start = (uint32_t)(start - text),
	    .length = (uint32_t)(end - start), .next = r->count};
	return 0;
}

typedef int string_fn(struct reader *r, const char *text);

/* The grammar. Each reader stands on the first byte of what it reads and leaves behind the last. */

INLINE void
skip_space(struct reader *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

/* Bytes of the escape at p, or 0. RFC 8259, section 7. */
static inline size_t
escape_length(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	switch (p[1]) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return 2;
	case 'u':
		break;
	default:
		return 0;
	}
	if (end - p < 6)
		return 0;
	return hex_digit(p[2]) < 0 || hex_digit(p[3]) < 0 || hex_digit(p[4]) < 0 || hex_digit(p[5]) < 0 ? 0 : 6;
}

INLINE int
read_string_portable(struct reader *r, const char *text)
{
	const char *p = r->at + 1;
	bool escaped = false;
	for (;;) {
		size_t n = 0;
		p = scan_portable(p, r->end);
		if (p < r->end && *p == '"')
			break;
		if (p < r->end && *p == '\\') {
			n = escape_length(p, r->end);
			escaped = true;
		} else if (p < r->end && (signed char)*p < 0) {
			n = utf8_length(p, (size_t)(r->end - p));
		}
		if (!n) {
			r->at = p;
			return fail_in_string(r->what, p, r->end);
		}
		p += n;
	}
	const char *start = r->at + 1;
	r->at = p + 1;
	return add_token(r, JSON_STRING, escaped, text, start, p);
}

#ifdef __x86_64__
/* Is an escape open before p? Backslashes are counted back to the string's start. */
static bool
is_second(const char *start, const char *p)
{
	const char *at = p;
	while (at > start && at[-1] == '\\')
		at--;
	return (p - at) % 2;
}

/* What lies behind the stop at p of the string from `start`; NULL, with *ret_fault, when nothing may. */
[[gnu::noinline]] static const char *
behind_stop(const char *start, const char *p, const char *end, const char **ret_fault)
{
	bool second = is_second(start, p);
	size_t n = 0;
	if (second)
		n = escape_length(--p, end);
	else if (p < end && (signed char)*p < 0)
		n = utf8_length(p, (size_t)(end - p));
	*ret_fault = p;
	return n ? p + n : NULL;
}

[[gnu::target("avx2,bmi")]] INLINE int
read_string_avx2(struct reader *r, const char *text)
{
	struct window *w = r->window;
	const char *start = r->at + 1, *p = start, *fault;
	uint64_t slashes = 0;
	for (;;) {
		if (p >= text + w->to)
			move_window(w, text, r->end);
		size_t at = (size_t)(p - text) - w->from, i = at / 64, blocks = (w->to - w->from) / 64;
		uint64_t ahead = ~UINT64_C(0) << (at % 64), stop = w->stop[i] & ahead;
		while (!stop && i + 1 < blocks) {
			slashes |= w->slash[i] & ahead;
			ahead = ~UINT64_C(0);
			stop = w->stop[++i];
		}
		slashes |= w->slash[i] & ahead & (stop - 1) & ~stop; /* before the stop; all when there is none */
		p = text + w->from + i * 64 + (stop ? (unsigned)__builtin_ctzll(stop) : 64);
		if (!stop)
			continue;
		if (p < r->end && *p == '"')
			break;
		if (p > r->end)
			p = r->end;
		p = behind_stop(start, p, r->end, &fault);
		if (!p) {
			r->at = fault;
			return fail_in_string(r->what, fault, r->end);
		}
	}
	r->at = p + 1;
	return add_token(r, JSON_STRING, slashes != 0, text, start, p);
}
#endif

static inline const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* RFC 8259, section 6. */
const char *
json_number_end(const char *p, const char *end, const char **ret_bad)
{
	p += *p == '-';
	const char *digits = p;
	p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
	if (p == digits) {
		*ret_bad = p;
		return NULL;
	}
	if (p < end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, end);
	}
	if (p > digits && p < end && (*p | 0x20) == 'e') {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		p = skip_digits(p, end);
	}
	*ret_bad = p;
	return p == digits ? NULL : p;
}

INLINE int
read_number(struct reader *r, const char *text)
{
	const char *bad, *start = r->at, *end = json_number_end(start, r->end, &bad);
	if (!end) {
		r->at = bad;
		return fail_at(r->what, bad, r->end);
	}
	r->at = end;
	return add_token(r, JSON_NUMBER, false, text, start, end);
}

INLINE int
read_literal(struct reader *r, const char *text, enum json_kind kind, struct str word)
{
	const char *start = r->at;
	if ((size_t)(r->end - start) < word.n || memcmp(start, word.p, word.n) != 0)
		return fail_in_literal(r->what, start, r->end, word);
	r->at += word.n;
	return add_token(r, kind, false, text, start, r->at);
}

INLINE int
open_container(struct reader *r, const char *text, enum json_kind kind)
{
	if (r->depth == r->max_depth)
		return fail(r->what, E_LIMIT, "json_depth");
	TRY(add_token(r, kind, false, text, r->at, r->at));
	r->token[r->count - 1].next = r->open;
	r->open = r->count - 1;
	r->depth++;
	r->at++;
	return 1;
}

INLINE void
close_container(struct reader *r, const char *text)
{
	struct json_token *t = &r->token[r->open];
	r->at++;
	r->open = t->next;
	r->depth--;
	t->next = r->count;
	t->length = (uint32_t)(r->at - text) - t->start;
}

/* A whole scalar, or the opening bracket of a container: then 1. */
INLINE int
read_value(struct reader *r, const char *text, string_fn *string)
{
	skip_space(r);
	switch (r->at < r->end ? *r->at : '\0') {
	case '"':
		return string(r, text);
	case '{':
		return open_container(r, text, JSON_OBJECT);
	case '[':
		return open_container(r, text, JSON_ARRAY);
	case 't':
		return read_literal(r, text, JSON_TRUE, STR("true"));
	case 'f':
		return read_literal(r, text, JSON_FALSE, STR("false"));
	case 'n':
		return read_literal(r, text, JSON_NULL, STR("null"));
	case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
		return read_number(r, text);
	default:
		return fail_at(r->what, r->at, r->end);
	}
}

/* A member's name and its colon. */
INLINE int
read_key(struct reader *r, const char *text, string_fn *string)
{
	skip_space(r);
	if (r->at == r->end || *r->at != '"')
		return fail_at(r->what, r->at, r->end);
	TRY(string(r, text));
	skip_space(r);
	if (r->at == r->end || *r->at != ':')
		return fail_at(r->what, r->at, r->end);
	r->at++;
	return 0;
}

/* Between two values: close what ends here, then take the comma (none behind an opening bracket) and the next key. */
INLINE int
read_between(struct reader *r, const char *text, string_fn *string, bool just_opened)
{
	while (r->open != NOTHING_OPEN) {
		bool object = r->token[r->open].kind == JSON_OBJECT;
		skip_space(r);
		char c = r->at < r->end ? *r->at : '\0';
		if (c == (object ? '}' : ']')) {
			close_container(r, text);
			just_opened = false;
			continue;
		}
		if (!just_opened) {
			if (c != ',')
				return fail_at(r->what, r->at, r->end);
			r->at++;
		}
		return object ? read_key(r, text, string) : 0;
	}
	return 0;
}

INLINE int
read_document(struct reader *r, const char *text, string_fn *string)
{
	do {
		int opened = read_value(r, text, string);
		if (opened < 0)
			return opened;
		TRY(read_between(r, text, string, opened > 0));
	} while (r->open != NOTHING_OPEN);
	return 0;
}

static int
read_portable(struct reader *state, const char *text)
{
	struct reader r = *state;
	int error = read_document(&r, text, read_string_portable);
	*state = r;
	return error;
}

#ifdef __x86_64__
[[gnu::target("avx2,bmi")]] static int
read_avx2(struct reader *state, const char *text)
{
	struct reader r = *state;
	struct window window;
	window.from = window.to = window.carry = 0;
	r.window = &window;
	int error = read_document(&r, text, read_string_avx2);
	r.window = NULL;
	*state = r;
	return error;
}
#endif

/* Around it */

bool
json_path_works(enum json_path path)
{
#ifdef __x86_64__
	return path == JSON_PATH_PORTABLE || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"));
#else
	return path == JSON_PATH_PORTABLE;
#endif
}

static int
fault_at(struct fault *f, int code, const char *what, struct str text, size_t at)
{
	uint32_t line = 1;
	size_t start = 0;
	for (size_t i = 0; f && i < at; i++) {
		if (text.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	return fault_set(f, code, what, str_cut(text, at, at + 1), line, (uint32_t)(at - start) + 1);
}

int
json_parse_on(enum json_path path, struct json *j, struct str text, size_t *ret_used, struct fault *f)
{
	assert(json_path_works(path));
	j->count = 0;
	j->text = text;
	if (text.n > MAX_TEXT)
		return fault_set(f, E_LIMIT, "json_size", (struct str){0}, 0, 0);
	if (!text.p)
		text = STR("");
	const char *what = NULL;
	struct reader r = {.at = text.p, .end = text.p + text.n, .what = &what, .token = j->token, .cap = j->cap, .open = NOTHING_OPEN,
	    .max_tokens = j->max_tokens ? j->max_tokens : MAX_TOKENS,
	    .max_depth = j->max_depth ? j->max_depth : MAX_DEPTH};
	if (r.cap > r.max_tokens)
		r.cap = r.max_tokens;
#ifdef __x86_64__
	int error = path == JSON_PATH_AVX2 ? read_avx2(&r, text.p) : read_portable(&r, text.p);
#else
	int error = read_portable(&r, text.p);
#endif
	j->token = r.token;
	if (r.cap > j->cap)
		j->cap = r.cap;
	size_t used = (size_t)(r.at - text.p);
	if (error < 0)
		return fault_at(f, error, what, text, used);
	j->count = r.count;
	*ret_used = used;
	return 0;
}

void
json_release(struct json *j)
{
	mem_free(j->token);
	*j = (struct json){.max_tokens = j->max_tokens, .max_depth = j->max_depth};
}

int
json_parse_prefix(struct json *j, struct str text, size_t *ret_used, struct fault *f)
{
	enum json_path best = json_path_works(JSON_PATH_AVX2) ? JSON_PATH_AVX2 : JSON_PATH_PORTABLE;
	return json_parse_on(best, j, text, ret_used, f);
}

int
json_parse(struct json *j, struct str text, struct fault *f)
{
	size_t used;
	TRY(json_parse_prefix(j, text, &used, f));
	while (used < text.n && is_space(text.p[used]))
		used++;
	if (used == text.n)
		return 0;
	j->count = 0;
	return fault_at(f, E_INVALID, "json_trailing", text, used);
}

static unsigned
read_hex4(const char *p)
{
	return (unsigned)hex_digit(p[0]) << 12 | (unsigned)hex_digit(p[1]) << 8 | (unsigned)hex_digit(p[2]) << 4 |
	    (unsigned)hex_digit(p[3]);
}

static char
letter_of(char escape)
{
	switch (escape) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return escape;
	}
}

/* The escape at the front of *rest (validated) as UTF-8; both halves of a surrogate pair are one. */
static size_t
take_escape(struct str *rest, char out[4])
{
	char kind = rest->p[1];
	if (kind != 'u') {
		out[0] = kind < 'a' ? kind : letter_of(kind);
		*rest = str_skip(*rest, 2);
		return 1;
	}
	unsigned c = read_hex4(rest->p + 2);
	*rest = str_skip(*rest, 6);
	if (c >= 0xd800 && c <= 0xdbff && rest->n >= 6 && rest->p[0] == '\\' && rest->p[1] == 'u') {
		unsigned low = read_hex4(rest->p + 2);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*rest = str_skip(*rest, 6);
			return (size_t)(utf8_put(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00)) - out);
		}
	}
	return (size_t)(utf8_put(out, c) - out); /* half a pair: U+FFFD */
}

/* What stands before the next escape (or the end). */
static struct str
take_run(struct str *rest)
{
	ptrdiff_t n = str_find_char(*rest, '\\');
	struct str run = n < 0 ? *rest : str_cut(*rest, 0, (size_t)n);
	*rest = str_skip(*rest, run.n);
	return run;
}

/* Copies what stands before the next escape, and as much more as fits into s.n bytes; returns how long the run is. */
static size_t
copy_run(struct str s, char *out)
{
	size_t i = 0;
#ifdef __SSE2__
	for (; i + 16 <= s.n; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i_u *)(s.p + i));
		_mm_storeu_si128((__m128i_u *)(out + i), x);
		unsigned slash = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
		if (slash)
			return i + (unsigned)__builtin_ctz(slash);
	}
#endif
	for (; i < s.n && s.p[i] != '\\'; i++)
		out[i] = s.p[i];
	return i;
}

size_t
json_unescape(struct str s, char *out)
{
	size_t n = 0;
	while (s.n) {
		size_t run = copy_run(s, out + n);
		n += run;
		s = str_from(s.p + run, s.n - run);
		if (s.n)
			n += take_escape(&s, out + n);
	}
	return n;
}

bool
json_string(const struct json *j, uint32_t i, struct arena *arena, struct str *ret)
{
	struct str raw = json_raw(j, i);
	if (!j->token[i].escaped) {
		*ret = raw;
		return true;
	}
	char *plain = arena_alloc(arena, raw.n);
	if (!plain)
		return false;
	*ret = str_from(plain, json_unescape(raw, plain));
	return true;
}

static bool
take_equal(struct str *rest, struct str part)
{
	if (!str_starts(*rest, part))
		return false;
	*rest = str_skip(*rest, part.n);
	return true;
}

static bool
escaped_eq(struct str raw, struct str plain)
{
	while (raw.n) {
		char letter[4];
		struct str part = take_run(&raw);
		if (!part.n)
			part = str_from(letter, take_escape(&raw, letter));
		if (!take_equal(&plain, part))
			return false;
	}
	return plain.n == 0;
}

uint32_t
json_get(const struct json *j, uint32_t object, struct str key)
{
	if (object >= j->count || j->token[object].kind != JSON_OBJECT)
		return 0;
	for (uint32_t i = json_first(j, object); i < json_end(j, object); i = json_next(j, i + 1)) {
		struct str raw = json_raw(j, i);
		if (j->token[i].escaped ? escaped_eq(raw, key) : str_eq(raw, key))
			return i + 1;
	}
	return 0;
}

bool
json_get_string(const struct json *j, uint32_t object, struct str key, struct arena *a, struct str *ret)
{
	uint32_t i = json_get(j, object, key);
	return i && j->token[i].kind == JSON_STRING && json_string(j, i, a, ret);
}

bool
json_get_i64(const struct json *j, uint32_t object, struct str key, int64_t *ret)
{
	uint32_t i = json_get(j, object, key);
	return i && j->token[i].kind == JSON_NUMBER && str_to_i64(json_raw(j, i), ret);
}

bool
json_get_bool(const struct json *j, uint32_t object, struct str key, bool *ret)
{
	uint32_t i = json_get(j, object, key);
	if (!i || (j->token[i].kind != JSON_TRUE && j->token[i].kind != JSON_FALSE))
		return false;
	*ret = j->token[i].kind == JSON_TRUE;
	return true;
}
