/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Access logs of Apache and nginx: common, combined and vhost_combined, with whatever stands behind them. Everything in
 * quotes is the client's to choose: it is kept as it stands, escapes and all. Also their error logs.
 */
#include "decode/pattern.h"
#include "decode/syslog_time.h"
#include "decode/web.h"

/* "-" is nothing. */
static struct str
value_of(struct str s)
{
	return str_eq(s, STR("-")) ? (struct str){0} : s;
}

bool
web_time(struct str s, int zone, int64_t *ret_ms)
{
	struct civil c = {0};
	struct str part;
	uint64_t number;
	if (!str_split(&s, '/', &part) || !str_to_u64(part, &number) || number > 31)
		return false;
	c.day = (int)number;
	if (!str_split(&s, '/', &part) || part.n != 3 || !(c.month = text_month(part)))
		return false;
	if (!str_split(&s, ':', &part) || !str_to_u64(part, &number) || number > 9999 || !syslog_time_clock(&s, &c))
		return false;
	c.year = (int)number;
	s = text_skip_blanks(s);
	bool signed_zone = s.n == 5 && (s.p[0] == '+' || s.p[0] == '-') && str_to_u64(str_skip(s, 1), &number);
	if (!signed_zone && s.n)
		return false;
	if (signed_zone)
		zone = (s.p[0] == '-' ? -1 : 1) * (int)(number / 100 * 60 + number % 100);
	return time_from_civil(&c, zone, ret_ms);
}

/* The inside of the quotes at the front; a backslash hides the byte behind it. A line that was cut off ends a value. */
static bool
take_quoted(struct str *rest, struct str *ret)
{
	struct str s = text_skip_blanks(*rest);
	size_t n = 0;
	if (!text_take(&s, STR("\"")))
		return false;
	while (n < s.n && s.p[n] != '"')
		n += s.p[n] == '\\' ? 2 : 1;
	*ret = str_cut(s, 0, n);
	*rest = str_skip(s, n + 1);
	return true;
}

/* "www.example:443" */
static bool
is_vhost(struct str s)
{
	ptrdiff_t colon = text_find_last(s, ':');
	return colon > 0 && !text_is_ip(s) && text_is_number(str_skip(s, (size_t)colon + 1));
}

/* What stands before the time: [vhost] client [, client ...] ident user. Names have no dots to go by, so the number of
 * words decides; a user may hold blanks. */
static bool
read_client(struct str head, struct access *a)
{
	struct str rest = head, word = text_take_word(&rest);
	if (is_vhost(word)) {
		a->vhost = word;
		head = rest;
		word = text_take_word(&rest);
	}
	while (word.n && word.p[word.n - 1] == ',' && rest.n) {
		a->client = a->client.n ? a->client : str_cut(word, 0, word.n - 1);
		word = text_take_word(&rest);
		a->forwarded = str_from(head.p, (size_t)(word.p + word.n - head.p));
	}
	a->client = a->client.n ? a->client : word;
	struct str ident = text_take_word(&rest);
	a->user = value_of(str_trim(rest));
	return a->client.n && ident.n && rest.n;
}

static bool
is_client_char(char ch)
{
	return text_is_letter(ch) || text_is_digit(ch) || (ch && strchr(".:-_%", ch));
}

/* Cheap first look: words of an address or name up to " [". */
static bool
read_line(struct str line, int zone, struct access *a)
{
	ptrdiff_t open = str_find(str_cut(line, 0, 512), STR(" ["));
	ptrdiff_t close = open < 1 ? -1 : str_find_char(str_cut(line, (size_t)open, (size_t)open + 64), ']');
	if (close < 0 || !is_client_char(line.p[0]))
		return false;
	struct str stamp = str_cut(line, (size_t)open + 2, (size_t)(open + close));
	struct str rest = str_skip(line, (size_t)(open + close) + 1);
	if (!read_client(str_cut(line, 0, (size_t)open), a) || !web_time(stamp, zone, &a->time_ms) ||
	    !take_quoted(&rest, &a->request))
		return false;
	rest = text_skip_blanks(rest);
	a->status = value_of(text_take_word(&rest));
	a->bytes = value_of(text_take_word(&rest));
	if (a->status.n && !text_is_number(a->status))
		return false;
	if (take_quoted(&rest, &a->referer) && !take_quoted(&rest, &a->agent))
		a->agent = (struct str){0};
	a->referer = value_of(a->referer);
	a->agent = value_of(a->agent);
	return true;
}

static bool
is_method(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'A' && s.p[i] <= 'Z') && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= 32;
}

/* "https://host/path" and "host:443" (CONNECT) name their host; returns the rest of the target. */
static struct str
take_authority(struct str target, struct str *ret_host)
{
	struct str rest = target;
	if (!text_take(&rest, STR("http://")) && !text_take(&rest, STR("https://")))
		return target;
	size_t n = 0;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	*ret_host = str_cut(rest, 0, n);
	return str_skip(rest, n);
}

void
web_add_target(struct decode_context *c, struct str target, struct event *e)
{
	struct str host = {0}, path = take_authority(target, &host), query = {0};
	ptrdiff_t mark = str_find_char(path, '?');
	if (mark >= 0) {
		query = str_skip(path, (size_t)mark + 1);
		path = str_cut(path, 0, (size_t)mark);
	}
	text_add(c, e, STR("cs-uri"), target);
	text_add(c, e, STR("cs-uri-stem"), path);
	text_add(c, e, STR("cs-uri-query"), query);
	event_put_core(e, F_URL_ORIGINAL, target);
	event_put_core(e, F_URL_PATH, path);
	event_put_core(e, F_URL_QUERY, query);
	if (host.n) {
		ptrdiff_t colon = text_find_last(host, ':');
		event_put_core(e, F_URL_DOMAIN, colon > 0 ? str_cut(host, 0, (size_t)colon) : host);
	}
}

/* METHOD target HTTP/1.1; anything else (a TLS greeting, a scanner's words) is kept whole and only there. */
static void
add_request(struct decode_context *c, struct str request, struct event *e)
{
	struct str rest = request, method = text_take_word(&rest), version = {0};
	text_add(c, e, STR("request"), value_of(request));
	if (!is_method(method) || !rest.n) {
		e->confidence = 70;
		return;
	}
	ptrdiff_t blank = text_find_last(rest, ' ');
	if (str_starts(str_skip(rest, (size_t)(blank + 1)), STR("HTTP/"))) {
		version = str_skip(rest, (size_t)(blank + 1));
		rest = str_cut(rest, 0, blank < 0 ? 0 : (size_t)blank);
	}
	text_add(c, e, STR("cs-method"), method);
	text_add(c, e, STR("cs-version"), version);
	event_put_core(e, F_HTTP_METHOD, method);
	web_add_target(c, rest, e);
}

void
web_add(struct decode_context *c, const struct access *a, struct event *e)
{
	e->confidence = 95;
	ptrdiff_t colon = text_find_last(a->vhost, ':');
	struct str vhost = str_cut(a->vhost, 0, colon < 0 ? 0 : (size_t)colon);
	text_add(c, e, STR("c-ip"), a->client);
	text_add(c, e, STR("x-forwarded-for"), a->forwarded);
	text_add(c, e, STR("cs-username"), a->user);
	text_add(c, e, STR("cs-host"), vhost);
	add_request(c, a->request, e);
	text_add(c, e, STR("sc-status"), a->status);
	text_add(c, e, STR("sc-bytes"), a->bytes);
	text_add(c, e, STR("cs-referer"), a->referer);
	text_add(c, e, STR("cs-user-agent"), a->agent);
	text_add_address(e, a->client, F_SOURCE_IP, F_SOURCE_DOMAIN);
	event_put_core(e, F_USER_NAME, a->user);
	if (!event_find(e, F_URL_DOMAIN))
		event_put_core(e, F_URL_DOMAIN, vhost);
	event_put_core(e, F_HTTP_STATUS, a->status);
	event_put_core(e, F_HTTP_BYTES, a->bytes);
	event_put_core(e, F_HTTP_REFERRER, a->referer);
	event_put_core(e, F_USER_AGENT, a->agent);
	event_put_core(e, F_EVENT_CATEGORY, STR("web"));
	event_put_core(e, F_EVENT_ACTION, STR("http_request"));
	event_put_core(e, F_EVENT_DATASET, STR("web.access"));
	event_put_core(e, F_NETWORK_PROTOCOL, STR("http"));
	if (a->status.n)
		event_put_core(e, F_EVENT_OUTCOME, a->status.p[0] >= '4' ? STR("failure") : STR("success"));
}

int
decode_web(struct decode_context *c, struct str line, struct event *e)
{
	struct access a = {.time_ms = TIME_NONE};
	while (line.n && memchr("\0\r\n", line.p[line.n - 1], 3))
		line.n--;
	if (!read_line(line, c->zone, &a))
		return E_INVALID;
	web_add(c, &a, e);
	e->time_ms = a.time_ms;
	e->category = STR("webserver");
	e->decoder = DECODER_WEB;
	return 0;
}
