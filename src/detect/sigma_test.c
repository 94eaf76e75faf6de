/* SPDX-License-Identifier: EUPL-1.2 */
#include <arpa/inet.h>
#include <assert.h>

#include "decode/moment.h"
#include "detect/sigma_internal.h"

/* ---- patterns ---- */

static size_t
letter_length(struct str s, size_t at)
{
	size_t n = 1;
	while (at + n < s.n && n < 4 && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Does the pattern, up to its next star, stand at `at`? *ret is then where it ends. */
static bool
run_matches(struct units g, uint32_t from, uint32_t to, struct str s, size_t at, size_t *ret)
{
	for (uint32_t i = from; i < to; i++) {
		if (at >= s.n)
			return false;
		if (g.p[i] == UNIT_ONE) {
			at += letter_length(s, at);
			continue;
		}
		if ((unsigned char)s.p[at] != g.p[i])
			return false;
		at++;
	}
	*ret = at;
	return true;
}

static uint32_t
run_end(struct units g, uint32_t from)
{
	while (from < g.n && g.p[from] != UNIT_STAR)
		from++;
	return from;
}

/* The first place that fits is the best one for each run between stars, so there is nothing to go back for: the time is
 * the length of the value times that of the longest run. */
static bool
glob_matches(struct units g, struct str s)
{
	size_t at = 0;
	uint32_t end = run_end(g, 0);
	if (!run_matches(g, 0, end, s, 0, &at))
		return false;
	if (end == g.n)
		return at == s.n;
	for (;;) {
		uint32_t from = end + 1;
		end = run_end(g, from);
		if (end == g.n && from == g.n)
			return true;
		size_t stop = 0;
		for (;; at++) {
			bool here = at <= s.n && run_matches(g, from, end, s, at, &stop);
			if (here && (end < g.n || stop == s.n))
				break;
			if (at >= s.n)
				return false;
		}
		at = stop;
		if (end == g.n)
			return true;
	}
}

bool
test_like(enum test_op op, struct str value, struct str literal)
{
	switch (op) {
	case TEST_EQ:
		return str_eq(value, literal);
	case TEST_PREFIX:
		return str_starts(value, literal);
	case TEST_SUFFIX:
		return str_ends(value, literal);
	case TEST_CONTAINS:
		return str_find(value, literal) >= 0;
	default:
		return false;
	}
}

/* ---- numbers, addresses, times ---- */

static bool
hex_to_number(struct str s, double *ret)
{
	double v = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
		if (!digit && !letter)
			return false;
		v = v * 16 + (digit ? c - '0' : c - 'a' + 10);
	}
	*ret = v;
	return s.n > 0 && s.n <= 32;
}

/* Digits from *at on: the value times what stands before, how many there were. */
static size_t
take_digits(struct str s, size_t *at, double *v)
{
	size_t from = *at;
	for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at)
		*v = *v * 10 + (s.p[*at] - '0');
	return *at - from;
}

/* v * 10^exponent */
static double
scale(double v, int64_t exponent)
{
	for (; exponent > 0; exponent--)
		v *= 10;
	for (; exponent < 0; exponent++)
		v /= 10;
	return v;
}

static bool
decimal_to_number(struct str s, double *ret)
{
	size_t at = 0, digits, decimals = 0;
	double v = 0;
	int64_t exponent = 0;
	if (s.n > 64)
		return false;
	digits = take_digits(s, &at, &v);
	if (at < s.n && s.p[at] == '.') {
		at++;
		decimals = take_digits(s, &at, &v);
	}
	if (digits + decimals && at < s.n && ascii_lower(s.p[at]) == 'e') {
		at += 1 + (at + 1 < s.n && s.p[at + 1] == '+');
		if (!str_to_i64(str_skip(s, at), &exponent) || exponent > 300 || exponent < -300)
			return false;
		at = s.n;
	}
	if (!(digits + decimals) || at != s.n)
		return false;
	*ret = scale(v, exponent - (int64_t)decimals);
	return true;
}

/* Decimal with an optional fraction and exponent, or 0x and hexadecimal digits; the whole text. */
bool
text_to_number(struct str s, double *ret)
{
	double v;
	s = str_trim(s);
	bool minus = s.n && s.p[0] == '-';
	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_skip(s, 1);
	bool hex = str_starts_nocase(s, STR("0x"));
	if (hex ? !hex_to_number(str_skip(s, 2), &v) : !decimal_to_number(s, &v))
		return false;
	*ret = minus ? -v : v;
	return true;
}

bool
number_compare(enum compare how, double a, double b)
{
	switch (how) {
	case COMPARE_EQ:
		return a == b;
	case COMPARE_LT:
		return a < b;
	case COMPARE_LTE:
		return a <= b;
	case COMPARE_GT:
		return a > b;
	default:
		return a >= b;
	}
}

bool
text_to_address(struct str s, uint8_t ret[16])
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16] = {[10] = 0xff, [11] = 0xff};
	if (s.n < 2 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	bool v6 = memchr(text, ':', s.n);
	if (strlen(text) != s.n || inet_pton(v6 ? AF_INET6 : AF_INET, text, v6 ? address : address + 12) != 1)
		return false;
	memcpy(ret, address, 16);
	return true;
}

static bool
cidr_matches(const struct test *t, struct str value)
{
	uint8_t address[16];
	if (!text_to_address(value, address))
		return false;
	/* A short prefix of IPv6 holds the place where IPv4 is mapped to: that makes no IPv4 address one of its own. */
	if (t->bits < 96 && str_find_char(value, ':') < 0)
		return false;
	unsigned whole = t->bits / 8, rest = t->bits % 8;
	if (memcmp(address, t->address, whole) != 0)
		return false;
	return !rest || ((address[whole] ^ t->address[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

/* ISO 8601: week 1 holds the year's first Thursday. */
static int
week_of(int64_t ms)
{
	struct civil day = time_to_civil(ms, 0);
	int64_t thursday = ms + (3 - day.weekday) * TIME_DAY;
	struct civil c = time_to_civil(thursday, 0), first = {.year = c.year, .month = 1, .day = 1};
	int64_t new_year = 0;
	if (!time_from_civil(&first, 0, &new_year))
		return 0;
	return (int)((thursday - new_year) / (7 * TIME_DAY)) + 1;
}

/* Times are taken in UTC, a text without an offset as it stands. */
static bool
time_matches(const struct test *t, struct str value)
{
	int64_t ms;
	if (!moment_parse(value, 0, &ms))
		return false;
	struct civil c = time_to_civil(ms, 0);
	int part = t->part == PART_MINUTE ? c.minute
	    : t->part == PART_HOUR        ? c.hour
	    : t->part == PART_DAY         ? c.day
	    : t->part == PART_WEEK        ? week_of(ms)
	    : t->part == PART_MONTH       ? c.month
	                                  : c.year;
	return number_compare(t->compare, part, t->number);
}

static int
stop_at_first(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	*(bool *)user = true;
	return 1;
}

static bool
regex_matches(const struct test *t, struct str value, hs_scratch_t *scratch)
{
	bool found = false;
	/* Patterns with letters beyond ASCII are compiled as UTF-8, whose input must be valid. */
	if (!t->regex || (t->bits && !str_is_utf8(value)))
		return false;
	sigma_scan_regex(t->regex, value, scratch, stop_at_first, &found);
	return found;
}

bool
test_value(const struct test *t, struct str value, struct str folded, hs_scratch_t *scratch)
{
	double number;
	switch (t->op) {
	case TEST_ANY:
		return true;
	case TEST_EQ:
	case TEST_PREFIX:
	case TEST_SUFFIX:
	case TEST_CONTAINS:
		return test_like(t->op, t->cased ? value : folded, t->literal);
	case TEST_GLOB:
		return glob_matches(t->glob, t->cased ? value : folded);
	case TEST_REGEX:
		return regex_matches(t, value, scratch);
	case TEST_CIDR:
		return cidr_matches(t, value);
	case TEST_COMPARE:
		return text_to_number(value, &number) && number_compare(t->compare, number, t->number);
	case TEST_TIME:
		return time_matches(t, value);
	default:
		return false;
	}
}
