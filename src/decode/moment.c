/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/moment.h"

#include "base/time.h"
#include "decode/flatten.h"
#include "decode/text.h"

#define MOMENT_MAX 48u /* bytes of a time in words */

static bool
are_digits(struct str s, size_t n)
{
	size_t i = 0;
	while (i < s.n && i < n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i == n;
}

/* Milliseconds from a count of finer units as well; time_from_epoch() knows the coarser ones. */
static bool
epoch_parse(struct str s, int64_t *ret_ms)
{
	uint64_t n;
	if (str_starts(s, STR("/Date(")) && str_ends(s, STR(")/")))
		s = str_cut(s, 6, s.n - 2);
	if (!are_digits(s, 9))
		return false;
	if (s.n < 16 || !str_to_u64(s, &n))
		return time_from_epoch(s, ret_ms);
	*ret_ms = (int64_t)(n / (s.n >= 19 ? 1000000 : 1000));
	return true;
}

static bool
take_one(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

/* "22/Nov/2026:", "Sun, 22 Nov 2026 ": the day and its month as ISO 8601 has them. *s is then the clock. */
static bool
take_named_day(struct str *s, struct buf *ret)
{
	struct str rest = *s, day;
	ptrdiff_t comma = str_find_char(rest, ',');
	if (comma == 3)
		rest = str_trim(str_skip(rest, 4));
	size_t digits = are_digits(rest, 2) ? 2 : 1;
	day = str_cut(rest, 0, rest.n < digits ? rest.n : digits);
	rest = str_skip(rest, day.n);
	char mark = rest.n ? rest.p[0] : '\0';
	if (!are_digits(day, digits) || (mark != '/' && mark != ' ' && mark != '-') || !take_one(&rest, mark))
		return false;
	int month = text_month(rest);
	rest = str_skip(rest, 3);
	if (!month || !take_one(&rest, mark) || !are_digits(rest, 4))
		return false;
	buf_add(ret, str_cut(rest, 0, 4));
	buf_addf(ret, "-%02d-%s", month, digits == 1 ? "0" : "");
	buf_add(ret, day);
	rest = str_skip(rest, 4);
	if (!take_one(&rest, ':') && !take_one(&rest, ' '))
		return false;
	*s = rest;
	return true;
}

/* "2026/11/22 ", "2026-11-22T", "20261122T" */
static bool
take_day(struct str *s, struct buf *ret)
{
	bool marked = are_digits(*s, 4) && s->n >= 10 && (s->p[4] == '/' || s->p[4] == '-') && s->p[7] == s->p[4];
	size_t step = marked ? 1 : 0;
	if (!marked && !are_digits(*s, 8))
		return false;
	buf_add(ret, str_cut(*s, 0, 4));
	buf_add_char(ret, '-');
	buf_add(ret, str_cut(*s, 4 + step, 6 + step));
	buf_add_char(ret, '-');
	buf_add(ret, str_cut(*s, 6 + 2 * step, 8 + 2 * step));
	*s = str_skip(*s, 8 + 2 * step);
	return !s->n || take_one(s, 'T') || take_one(s, 't') || take_one(s, ' ');
}

/* "23:05:00", "230500", "23:05" */
static void
take_clock(struct str *s, struct buf *ret)
{
	if (!s->n || are_digits(*s, 6)) {
		struct str c = s->n ? *s : STR("000000");
		buf_addf(ret, "%.2s:%.2s:%.2s", c.p, c.p + 2, c.p + 4);
		*s = str_skip(*s, s->n ? 6 : 0);
		return;
	}
	size_t n = s->n >= 6 && s->p[5] == ':' ? 8 : 5;
	buf_add(ret, str_cut(*s, 0, s->n < n ? s->n : n));
	if (n == 5)
		buf_add(ret, STR(":00"));
	*s = str_skip(*s, s->n < n ? s->n : n);
}

/* Fraction and offset, without blanks. */
static void
take_rest(struct str s, struct buf *ret)
{
	ptrdiff_t blank = str_find_char(s, ' ');
	struct str offset = blank < 0 ? (struct str){0} : str_trim(str_skip(s, (size_t)blank));
	buf_add(ret, blank < 0 ? s : str_cut(s, 0, (size_t)blank));
	buf_add(ret, str_eq(offset, STR("UTC")) || str_eq(offset, STR("GMT")) ? STR("Z") : offset);
}

static bool
words_parse(struct str s, int zone, int64_t *ret_ms)
{
	struct buf b = BUF_INIT_MAX(2 * MOMENT_MAX);
	bool day = take_named_day(&s, &b) || take_day(&s, &b);
	if (day) {
		buf_add_char(&b, 'T');
		take_clock(&s, &b);
		take_rest(s, &b);
	}
	bool ok = day && time_parse(buf_str(&b), zone, ret_ms);
	buf_release(&b);
	return ok;
}

bool
moment_parse(struct str s, int zone, int64_t *ret_ms)
{
	if (time_parse(s, zone, ret_ms))
		return true;
	return s.n >= 8 && s.n <= MOMENT_MAX && (epoch_parse(s, ret_ms) || words_parse(s, zone, ret_ms));
}
