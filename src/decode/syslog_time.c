/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/syslog_time.h"

#include "decode/text.h"

#define LEAP_GAP 8 /* years between two leap days at most: 2096 and 2104 */

bool
syslog_time_settle(struct civil *c, int zone, int64_t received_ms, int64_t *ret_ms)
{
	int64_t ms;
	c->year = 2000; /* a leap year: is there such a day at all? */
	if (!time_from_civil(c, zone, &ms))
		return false;
	if (received_ms == TIME_NONE || received_ms == 0) {
		*ret_ms = TIME_NONE;
		return true;
	}
	int this_year = time_to_civil(received_ms, zone).year;
	for (int year = this_year + 1; year >= this_year - LEAP_GAP; year--) {
		c->year = year;
		if (time_from_civil(c, zone, &ms) && ms <= received_ms + TIME_DAY) {
			*ret_ms = ms;
			return true;
		}
	}
	return false;
}

/* One to `most` digits, at least `least`. */
static bool
take_number(struct str *rest, size_t least, size_t most, int *ret)
{
	size_t n = 0;
	int v = 0;
	for (; n < most && n < rest->n && text_is_digit(rest->p[n]); n++)
		v = v * 10 + (rest->p[n] - '0');
	if (n < least || (n < rest->n && text_is_digit(rest->p[n])))
		return false;
	*ret = v;
	*rest = str_skip(*rest, n);
	return true;
}

bool
syslog_time_clock(struct str *rest, struct civil *c)
{
	struct str s = *rest;
	if (!take_number(&s, 1, 2, &c->hour) || !text_take(&s, STR(":")) || !take_number(&s, 2, 2, &c->minute) ||
	    !text_take(&s, STR(":")) || !take_number(&s, 2, 2, &c->second))
		return false;
	c->milli = 0;
	if (s.n > 1 && (s.p[0] == '.' || s.p[0] == ',') && text_is_digit(s.p[1])) {
		int scale = 100;
		for (s = str_skip(s, 1); s.n && text_is_digit(s.p[0]); s = str_skip(s, 1), scale /= 10)
			c->milli += (s.p[0] - '0') * scale;
	}
	*rest = s;
	return true;
}

static void
take_weekday(struct str *rest)
{
	struct str after = *rest, word = text_take_word(&after);
	if (word.n == 4 && word.p[3] == ',')
		word.n = 3;
	if (word.n == 3 && text_three(word, "montuewedthufrisatsun") >= 0)
		*rest = after;
}

/* A year on its own: " 2026" before a blank, a colon or the end. */
static void
take_year(struct str *rest, struct civil *c)
{
	struct str s = text_skip_blanks(*rest);
	int year;
	if (s.p != rest->p && take_number(&s, 4, 4, &year) && year >= 1970 &&
	    (!s.n || s.p[0] == ' ' || str_eq(s, STR(":")) || str_starts(s, STR(": ")))) {
		c->year = year;
		*rest = s;
	}
}

/* " UTC", " ICT", or any short word when Cisco's ": %" follows. */
static void
take_zone(struct str *rest, int *zone)
{
	struct str s = text_skip_blanks(*rest);
	size_t n = 0;
	while (n < s.n && text_is_letter(s.p[n]))
		n++;
	struct str word = str_cut(s, 0, n);
	if (s.p == rest->p || n < 1 || n > 5)
		return;
	bool utc = str_eq(word, STR("UTC")) || str_eq(word, STR("GMT")) || str_eq(word, STR("Z"));
	bool here = str_eq(word, STR("ICT"));
	if (!utc && !here && !str_starts(str_skip(s, n), STR(": %")))
		return;
	*zone = utc ? 0 : here ? TIME_ZONE_VIETNAM : *zone;
	*rest = str_skip(s, n);
}

/* "Nov 22 2026 09:13:41.123 ICT", year first, between or last, or nowhere. */
static bool
take_named_month(struct str *rest, int zone, int64_t received_ms, int64_t *ret_ms)
{
	struct civil c = {0};
	struct str s = *rest;
	take_weekday(&s);
	if (s.n && text_is_digit(s.p[0]) && take_number(&s, 4, 4, &c.year))
		s = text_skip_blanks(s);
	c.month = text_month(s);
	s = str_skip(s, 3);
	struct str day = text_skip_blanks(s);
	if (!c.month || day.p == s.p || !take_number(&day, 1, 2, &c.day))
		return false;
	s = day;
	if (!c.year)
		take_year(&s, &c);
	struct str clock = text_skip_blanks(s);
	if (clock.p == s.p || !syslog_time_clock(&clock, &c))
		return false;
	s = clock;
	if (!c.year)
		take_year(&s, &c);
	take_zone(&s, &zone);
	if (!c.year)
		take_year(&s, &c);
	if (s.n && s.p[0] != ' ' && s.p[0] != ':')
		return false;
	if (!(c.year ? time_from_civil(&c, zone, ret_ms) : syslog_time_settle(&c, zone, received_ms, ret_ms)))
		return false;
	*rest = s;
	return true;
}

/* Bytes of "2026-11-22T09:13:41.123+07:00" at the front of s, or 0. */
static size_t
numeric_length(struct str s)
{
	size_t n = 11;
	if (s.n < 19 || !memchr("Tt ", s.p[10], 3))
		return 0;
	while (n < s.n && n < 48 && s.p[n] && (text_is_digit(s.p[n]) || strchr(":.,+-Zz", s.p[n])))
		n++;
	while (n > 19 && s.p[n - 1] == ':')
		n--;
	return n;
}

static bool
take_numeric(struct str *rest, int zone, int64_t *ret_ms)
{
	char text[48];
	size_t n = numeric_length(*rest);
	if (!n)
		return false;
	memcpy(text, rest->p, n);
	if (text[4] == '/' && text[7] == '/')
		text[4] = text[7] = '-';
	if (!time_parse(str_from(text, n), zone, ret_ms))
		return false;
	*rest = str_skip(*rest, n);
	return true;
}

bool
syslog_time_take(struct str *rest, int zone, int64_t received_ms, int64_t *ret_ms)
{
	if (rest->n < 14)
		return false;
	if (!take_numeric(rest, zone, ret_ms) && !take_named_month(rest, zone, received_ms, ret_ms))
		return false;
	text_take(rest, STR(":"));
	*rest = text_skip_blanks(*rest);
	return true;
}
