/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/time.h"

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counting years from March so that the leap day
 * is the last of its year (the method of H. Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t
days_from_date(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int
month_length(int year, int month)
{
	static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return length[month - 1] + (month == 2 && leap);
}

bool
time_from_civil(const struct civil *c, int zone, int64_t *ret_ms)
{
	if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > month_length(c->year, c->month))
		return false;
	if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60 ||
	    c->milli < 0 || c->milli > 999 || zone < -1440 || zone > 1440)
		return false;
	*ret_ms = days_from_date(c->year, c->month, c->day) * TIME_DAY + c->hour * TIME_HOUR +
	    (c->minute - zone) * TIME_MINUTE + c->second * TIME_SECOND + c->milli;
	return true;
}

struct civil
time_to_civil(int64_t ms, int zone)
{
	const int64_t first = -62135596800000, last = 253402300799999; /* 0001-01-01 .. 9999-12-31 */
	ms = ms < first ? first : ms > last ? last : ms;
	ms += zone * TIME_MINUTE;
	ms = ms < first ? first : ms > last ? last : ms;
	int64_t days = ms / TIME_DAY - (ms % TIME_DAY < 0);
	int64_t rest = ms - days * TIME_DAY;
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t yoe = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t doy = of_era - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct civil c = {.day = (int)(doy - (153 * mp + 2) / 5 + 1), .month = (int)(mp < 10 ? mp + 3 : mp - 9)};
	c.year = (int)(yoe + era * 400 + (c.month <= 2));
	c.hour = (int)(rest / TIME_HOUR);
	c.minute = (int)(rest / TIME_MINUTE % 60);
	c.second = (int)(rest / TIME_SECOND % 60);
	c.milli = (int)(rest % TIME_SECOND);
	c.weekday = (int)(((days + 3) % 7 + 7) % 7);
	return c;
}

/* Exactly n digits at the front of *s. */
static bool
take_digits(struct str *s, size_t n, int *ret)
{
	int v = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = str_skip(*s, n);
	*ret = v;
	return true;
}

static bool
take_char(struct str *s, const char *any)
{
	if (!s->n || !s->p[0] || !strchr(any, s->p[0]))
		return false;
	*s = str_skip(*s, 1);
	return true;
}

/* ".123456789" or nothing. */
static bool
take_fraction(struct str *s, int *ret_milli)
{
	int milli = 0, digits = 0;
	if (!take_char(s, ".,"))
		return true;
	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_skip(*s, 1), digits++)
		if (digits < 3)
			milli = milli * 10 + (s->p[0] - '0');
	for (int i = digits; i < 3; i++)
		milli *= 10;
	*ret_milli = milli;
	return digits >= 1 && digits <= 9;
}

/* "Z", "+07:00", "-0330", "+07" or nothing. */
static bool
take_offset(struct str *s, int *zone)
{
	int hours, minutes = 0;
	if (take_char(s, "Zz")) {
		*zone = 0;
		return true;
	}
	if (!s->n)
		return true;
	int sign = s->p[0] == '-' ? -1 : 1;
	if (!take_char(s, "+-") || !take_digits(s, 2, &hours))
		return false;
	take_char(s, ":");
	if (s->n && !take_digits(s, 2, &minutes))
		return false;
	*zone = sign * (hours * 60 + minutes);
	return hours <= 23 && minutes <= 59;
}

/* Two digits at p; anything else gives a number above 99. */
static unsigned
two_digits(const char *p)
{
	unsigned tens = (unsigned char)p[0] - (unsigned)'0', ones = (unsigned char)p[1] - (unsigned)'0';
	return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* 2026-11-22T09:13:41, also with t or a blank in the middle. */
static bool
take_seconds(struct str *s, struct civil *c)
{
	static const uint8_t place[] = {0, 2, 5, 8, 11, 14, 17};
	unsigned part[COUNT(place)], worst = 0;
	const char *p = s->p;
	if (s->n < 19 || p[4] != '-' || p[7] != '-' || ((p[10] | 0x20) != 't' && p[10] != ' ') || p[13] != ':' || p[16] != ':')
		return false;
	for (size_t i = 0; i < COUNT(place); i++) {
		part[i] = two_digits(p + place[i]);
		worst = part[i] > worst ? part[i] : worst;
	}
	*c = (struct civil){.year = (int)(part[0] * 100 + part[1]), .month = (int)part[2], .day = (int)part[3],
	    .hour = (int)part[4], .minute = (int)part[5], .second = (int)part[6]};
	*s = str_skip(*s, 19);
	return worst < 100;
}

bool
time_parse(struct str s, int zone, int64_t *ret_ms)
{
	struct civil c;
	return take_seconds(&s, &c) && take_fraction(&s, &c.milli) && take_offset(&s, &zone) && s.n == 0 &&
	    time_from_civil(&c, zone, ret_ms);
}

static void
put_digits(char *to, int n, int value)
{
	while (n--) {
		to[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
time_format(struct buf *out, int64_t ms, int zone)
{
	struct civil c = time_to_civil(ms, zone);
	char text[] = "0000-00-00T00:00:00.000";
	put_digits(text, 4, c.year);
	put_digits(text + 5, 2, c.month);
	put_digits(text + 8, 2, c.day);
	put_digits(text + 11, 2, c.hour);
	put_digits(text + 14, 2, c.minute);
	put_digits(text + 17, 2, c.second);
	put_digits(text + 20, 3, c.milli);
	buf_add(out, str_from(text, sizeof text - 1));
	if (zone == 0) {
		buf_add_char(out, 'Z');
		return;
	}
	int distance = zone < 0 ? -zone : zone;
	buf_addf(out, "%c%02d:%02d", zone < 0 ? '-' : '+', distance / 60, distance % 60);
}

int64_t
time_from_filetime(uint64_t ticks)
{
	const int64_t epoch = INT64_C(11644473600000), last = INT64_C(253402300799999);
	uint64_t ms = ticks / 10000;
	return ms > (uint64_t)(last + epoch) ? last : (int64_t)ms - epoch;
}
