/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Error logs: "[Sun Nov 22 02:13:40.5 2026] [core:error] [pid 77] [client 203.0.113.7:4242] AH00037: ..." (Apache),
 * "2026/11/22 02:13:40 [error] 77#0: *5 open() ... failed, client: 203.0.113.7, server: x, request: "GET / ..."" (nginx).
 */
#include "decode/lines.h"
#include "decode/pattern.h"
#include "decode/syslog_time.h"

static const struct str level_row[] = {STR_INIT("emerg"), STR_INIT("alert"), STR_INIT("crit"), STR_INIT("error"),
	STR_INIT("warn"), STR_INIT("notice"), STR_INIT("info"), STR_INIT("debug")};

static bool
is_level(struct str s)
{
	for (size_t i = 0; i < COUNT(level_row); i++)
		if (str_eq(s, level_row[i]))
			return true;
	return str_starts(s, STR("trace"));
}

/* The inside of "[...] " at the front. */
static bool
take_bracket(struct str *rest, struct str *ret)
{
	ptrdiff_t close = str_starts(*rest, STR("[")) ? str_find_char(str_cut(*rest, 0, 256), ']') : -1;
	if (close < 1)
		return false;
	*ret = str_cut(*rest, 1, (size_t)close);
	*rest = text_skip_blanks(str_skip(*rest, (size_t)close + 1));
	return true;
}

struct fault_line {
	struct str module, level, pid, client, message, server, request, host, referer;
	int64_t time_ms;
	struct str service;
};

/* "203.0.113.7:4242", "[2001:db8::7]:4242", "203.0.113.7" */
static void
add_client(struct decode_context *c, struct str client, struct event *e)
{
	struct str port = {0};
	ptrdiff_t colon = text_find_last(client, ':');
	if (colon > 0 && !text_is_ip(client) && text_is_number(str_skip(client, (size_t)colon + 1))) {
		port = str_skip(client, (size_t)colon + 1);
		client = str_cut(client, 0, (size_t)colon);
	}
	text_add(c, e, STR("c-ip"), client);
	text_add_address(e, client, F_SOURCE_IP, F_SOURCE_DOMAIN);
	event_put_core(e, F_SOURCE_PORT, port);
}

static bool
read_apache(struct decode_context *c, struct str rest, int64_t received_ms, struct fault_line *f)
{
	struct str inside, part;
	if (!take_bracket(&rest, &inside))
		return false;
	bool timed = syslog_time_take(&inside, c->zone, received_ms, &f->time_ms);
	if (timed && (inside.n || !take_bracket(&rest, &inside)))
		return false;
	ptrdiff_t colon = str_find_char(inside, ':');
	f->module = str_cut(inside, 0, colon < 0 ? 0 : (size_t)colon);
	f->level = str_skip(inside, (size_t)(colon + 1));
	while (is_level(f->level) && take_bracket(&rest, &part)) {
		struct str value = part;
		if (text_take(&value, STR("pid ")))
			str_split(&value, ':', &f->pid);
		else if (text_take(&value, STR("client ")))
			f->client = value;
	}
	f->message = rest;
	f->service = STR("apache");
	return is_level(f->level);
}

/* `, name: value`; values in quotes lose them. */
static struct str
nginx_value(struct str message, struct str name)
{
	ptrdiff_t at = str_find(message, name);
	if (at < 0)
		return (struct str){0};
	struct str value = str_skip(message, (size_t)at + name.n);
	bool quoted = text_take(&value, STR("\""));
	ptrdiff_t end = quoted ? str_find_char(value, '"') : str_find(value, STR(", "));
	return end < 0 ? value : str_cut(value, 0, (size_t)end);
}

static bool
read_nginx(struct decode_context *c, struct str rest, int64_t received_ms, struct fault_line *f)
{
	bool slashes = rest.n > 20 && text_is_digit(rest.p[0]) && rest.p[4] == '/';
	if (!slashes || !syslog_time_take(&rest, c->zone, received_ms, &f->time_ms) || !take_bracket(&rest, &f->level) ||
	    !is_level(f->level))
		return false;
	struct str word = text_take_word(&rest);
	ptrdiff_t hash = str_find_char(word, '#');
	f->pid = str_cut(word, 0, hash < 0 ? 0 : (size_t)hash);
	f->message = rest;
	f->client = nginx_value(rest, STR(", client: "));
	f->server = nginx_value(rest, STR(", server: "));
	f->request = nginx_value(rest, STR(", request: "));
	f->host = nginx_value(rest, STR(", host: "));
	f->referer = nginx_value(rest, STR(", referrer: "));
	f->service = STR("nginx");
	return true;
}

int
decode_web_error(struct decode_context *c, struct str line, struct event *e)
{
	struct fault_line f = {.time_ms = TIME_NONE};
	int64_t received_ms = e->raw ? e->raw->received_ms : TIME_NONE;
	while (line.n && memchr("\0\r\n", line.p[line.n - 1], 3))
		line.n--;
	if (!read_apache(c, line, received_ms, &f) && !read_nginx(c, line, received_ms, &f))
		return E_INVALID;
	text_add(c, e, STR("level"), f.level);
	text_add(c, e, STR("module"), f.module);
	text_add(c, e, STR("pid"), f.pid);
	text_add(c, e, STR("server"), f.server);
	text_add(c, e, STR("request"), f.request);
	text_add(c, e, STR("cs-host"), f.host);
	text_add(c, e, STR("cs-referer"), f.referer);
	if (f.client.n)
		add_client(c, f.client, e);
	event_put_core(e, F_LOG_LEVEL, f.level);
	event_put_core(e, F_PROCESS_PID, f.pid);
	event_put_core(e, F_URL_DOMAIN, f.host);
	if (!event_find(e, F_MESSAGE))
		event_put_core(e, F_MESSAGE, f.message);
	event_put_core(e, F_EVENT_CATEGORY, STR("web"));
	event_put_core(e, F_EVENT_DATASET, str_eq(f.service, STR("nginx")) ? STR("nginx.error") : STR("apache.error"));
	if (f.time_ms != TIME_NONE)
		e->time_ms = f.time_ms;
	e->service = f.service;
	e->confidence = e->confidence ? e->confidence : f.time_ms == TIME_NONE ? 70 : 95;
	e->decoder = DECODER_WEB_ERROR;
	return 0;
}
