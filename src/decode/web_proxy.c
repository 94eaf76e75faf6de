/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who stands between browsers and servers. HAProxy: "203.0.113.7:33317 [22/Nov/2026:09:13:40.655] http-in static/srv1
 * 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {...} "GET / HTTP/1.1"" (configuration manual, 8.2.3). Squid: "1795313620.123
 * 250 10.21.4.9 TCP_MISS/200 1540 GET http://example/ an HIER_DIRECT/203.0.113.7 text/html" (its native format).
 */
#include "decode/flatten.h"
#include "decode/pattern.h"
#include "decode/web.h"

/* "[...] " at the front. */
static bool
take_bracket(struct str *rest, struct str *ret)
{
	ptrdiff_t close = str_starts(*rest, STR("[")) ? str_find_char(str_cut(*rest, 0, 64), ']') : -1;
	if (close < 1)
		return false;
	*ret = str_cut(*rest, 1, (size_t)close);
	*rest = text_skip_blanks(str_skip(*rest, (size_t)close + 1));
	return true;
}

/* The text in quotes at the end; it may hold quotes of its own. */
static bool
last_quoted(struct str s, struct str *ret)
{
	ptrdiff_t open = str_find(s, STR(" \""));
	s = str_trim(s);
	if (open < 0 || (size_t)open + 3 > s.n || !str_ends(s, STR("\"")))
		return false;
	*ret = str_cut(s, (size_t)open + 2, s.n - 1);
	return true;
}

int
decode_haproxy(struct decode_context *c, struct str message, struct event *e)
{
	struct str rest = text_skip_blanks(message), client = text_take_word(&rest), stamp;
	struct access a = {.time_ms = TIME_NONE};
	ptrdiff_t colon = text_find_last(client, ':');
	if (colon < 1 || !text_is_number(str_skip(client, (size_t)colon + 1)) || !take_bracket(&rest, &stamp) ||
	    !web_time(stamp, c->zone, &a.time_ms))
		return E_INVALID;
	struct str frontend = text_take_word(&rest), backend = text_take_word(&rest), timers = text_take_word(&rest);
	a.status = text_take_word(&rest);
	a.bytes = text_take_word(&rest);
	if (str_find_char(backend, '/') < 0 || str_find_char(timers, '/') < 0 || !text_is_number(a.status) || !last_quoted(rest, &a.request))
		return E_INVALID;
	a.client = str_cut(client, 0, (size_t)colon);
	web_add(c, &a, e);
	text_add(c, e, STR("frontend"), frontend);
	text_add(c, e, STR("backend"), backend);
	event_put_core(e, F_SOURCE_PORT, str_skip(client, (size_t)colon + 1));
	e->time_ms = a.time_ms;
	e->category = STR("webserver");
	e->decoder = DECODER_PROXY;
	return 0;
}

static void
add_squid(struct decode_context *c, struct str url, struct str method, struct event *e)
{
	text_add(c, e, STR("c-uri"), url);
	text_add(c, e, STR("cs-method"), method);
	event_put_core(e, F_HTTP_METHOD, method);
	if (!str_eq(method, STR("CONNECT"))) {
		web_add_target(c, url, e);
	} else {
		ptrdiff_t colon = text_find_last(url, ':');
		event_put_core(e, F_URL_ORIGINAL, url);
		event_put_core(e, F_URL_DOMAIN, colon > 0 ? str_cut(url, 0, (size_t)colon) : url);
	}
	const struct field *host = event_find(e, F_URL_DOMAIN);
	if (host)
		text_add(c, e, STR("cs-host"), host->value);
}

int
decode_squid(struct decode_context *c, struct str line, struct event *e)
{
	struct str rest = text_skip_blanks(line), stamp = text_take_word(&rest), elapsed = text_take_word(&rest);
	struct str client = text_take_word(&rest), result = text_take_word(&rest), bytes = text_take_word(&rest);
	struct str method = text_take_word(&rest), url = text_take_word(&rest), user = text_take_word(&rest), peer = text_take_word(&rest);
	ptrdiff_t slash = str_find_char(result, '/'), via = str_find_char(peer, '/');
	int64_t ms;
	if (stamp.n < 10 || str_find_char(stamp, '.') < 0 || !time_from_epoch(stamp, &ms) || !text_is_number(elapsed) || slash < 1 ||
	    via < 1 || !text_is_number(bytes))
		return E_INVALID;
	struct str status = str_skip(result, (size_t)slash + 1);
	text_add(c, e, STR("c-ip"), client);
	text_add(c, e, STR("s-action"), str_cut(result, 0, (size_t)slash));
	text_add(c, e, STR("sc-status"), status);
	text_add(c, e, STR("sc-bytes"), bytes);
	if (!str_eq(user, STR("-")))
		text_add(c, e, STR("cs-username"), user);
	text_add_address(e, client, F_SOURCE_IP, F_SOURCE_DOMAIN);
	if (text_is_ip(str_skip(peer, (size_t)via + 1)))
		event_put_core(e, F_DESTINATION_IP, str_skip(peer, (size_t)via + 1));
	if (!str_eq(user, STR("-")))
		event_put_core(e, F_USER_NAME, user);
	event_put_core(e, F_HTTP_STATUS, status);
	event_put_core(e, F_HTTP_BYTES, bytes);
	event_put_core(e, F_EVENT_CATEGORY, STR("web"));
	event_put_core(e, F_EVENT_DATASET, STR("squid.access"));
	add_squid(c, url, method, e);
	pattern_outcome(e, STR("http_request"), status.n && status.p[0] >= '4' ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	e->time_ms = ms;
	e->service = STR("squid");
	e->category = STR("proxy");
	e->confidence = e->confidence ? e->confidence : 95;
	e->decoder = DECODER_PROXY;
	return 0;
}
