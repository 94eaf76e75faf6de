/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/http.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/proxy.h"
#include "host/sandbox.h"
#include "web/asset.h"
#include "web/guard.h"
#include "web/message.h"
#include "web/out.h"
#include "web/session.h"

/* A client that waits for core. */
struct waiting {
	struct waiting *next;
	uint64_t id;
	struct evhttp_request *request;
	bool stream;
	char session[SESSION_ID];
};

struct stream {
	struct evhttp_request *request;
	struct evhttp_connection *connection;
	int64_t end_ms;
	char session[SESSION_ID]; /* when it is over, so are its streams */
	uint32_t rights;
	char organisation[65];
};

struct web {
	struct role_context *rc;
	struct event_base *base;
	struct evhttp *http;
	struct guard *guard;
	struct channel *core;
	struct waiting *waiting;
	uint64_t next_id;
	struct stream stream[HTTP_STREAMS_MAX];
	unsigned streams;
	struct event *loop_event;
	bool stopping;
	bool secure;            /* browsers reach us by https: the cookie goes no other way */
	struct str cookie;      /* its name and "=" */
	struct network proxy[OPTIONS_MAX_TEXTS]; /* whose X-Forwarded-For is believed */
	uint32_t proxies;
};

static const char csp[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
			  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
			  "'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

static void
add_header(struct evhttp_request *request, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

static void
add_header_str(struct evhttp_request *request, const char *name, const char *before, struct str value, const char *after)
{
	struct buf text = BUF_INIT_MAX(1024);
	buf_addf(&text, "%s%.*s%s", before, STR_ARG(value), after);
	if (!text.over)
		add_header(request, name, text.p);
	buf_release(&text);
}

static void
add_safety_headers(const struct web *w, struct evhttp_request *request)
{
	if (w->secure)
		add_header(request, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
	add_header(request, "Content-Security-Policy", csp);
	add_header(request, "X-Content-Type-Options", "nosniff");
	add_header(request, "Referrer-Policy", "no-referrer");
	add_header(request, "Cross-Origin-Opener-Policy", "same-origin");
	add_header(request, "Cross-Origin-Resource-Policy", "same-origin");
	add_header(request, "X-Frame-Options", "DENY");
}

static void
on_answered(struct evhttp_request *request, void *user)
{
	struct web *w = user;
	guard_answered(w->guard, request);
}

/* Body is copied. */
static void
answer(struct web *w, struct evhttp_request *request, int status, struct str body)
{
	struct evbuffer *bytes = evbuffer_new();
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) { /* evhttp would send a body, and the next answer is lost */
		char length[24];
		snprintf(length, sizeof length, "%zu", body.n);
		add_header(request, "Content-Length", length);
	} else if (body.n) {
		evbuffer_add(bytes, body.p, body.n);
	}
	add_safety_headers(w, request);
	evhttp_request_set_on_complete_cb(request, on_answered, w);
	evhttp_send_reply(request, status, NULL, bytes);
	evbuffer_free(bytes);
}

static void
refuse(struct web *w, struct evhttp_request *request, int status, const char *key)
{
	struct buf body = BUF_INIT_MAX(1024);
	buf_add_char(&body, '{');
	out_problem(&body, str_z(key));
	out_i64(&body, "status", status);
	buf_add_char(&body, '}');
	add_header(request, "Content-Type", "application/problem+json");
	add_header(request, "Connection", "close");
	if (status == 503)
		add_header(request, "Retry-After", "2");
	answer(w, request, status, buf_str(&body));
	buf_release(&body);
}

static struct str
header_of(struct evhttp_request *request, const char *name)
{
	return str_z(evhttp_find_header(evhttp_request_get_input_headers(request), name));
}

/* --- the interface --- */

static void
send_asset(struct web *w, struct evhttp_request *request, const struct asset *a, bool immutable)
{
	struct str match = header_of(request, "If-None-Match");
	bool gzip = a->gzip.n && str_find(header_of(request, "Accept-Encoding"), STR("gzip")) >= 0;
	add_header_str(request, "ETag", "\"", a->etag, "\"");
	add_header(request, "Vary", "Accept-Encoding");
	add_header(request, "Cache-Control", immutable ? "public, max-age=86400" : "no-cache");
	if (match.n && str_find(match, a->etag) >= 0) {
		answer(w, request, 304, STR(""));
		return;
	}
	add_header_str(request, "Content-Type", "", a->type, "");
	if (gzip)
		add_header(request, "Content-Encoding", "gzip");
	answer(w, request, 200, gzip ? a->gzip : a->plain);
}

/* Pages of the interface are addresses without a dot in the last part; they all get index.html. */
static void
serve_interface(struct web *w, struct evhttp_request *request, struct str path)
{
	const struct asset *a = asset_find(path);
	size_t slash = path.n;
	while (slash && path.p[slash - 1] != '/')
		slash--;
	if (!a && str_find_char(str_skip(path, slash), '.') < 0)
		a = asset_find(STR("/index.html"));
	if (a)
		send_asset(w, request, a, str_ends(a->path, STR(".woff2")));
	else
		refuse(w, request, 404, assets_present() ? "not_found" : "no_interface");
}

/* --- the API, by way of core --- */

/* Only scripts of our own pages, and programs with a key, may change things. */
static bool
is_same_origin(struct evhttp_request *request)
{
	struct str site = header_of(request, "Sec-Fetch-Site"), origin = header_of(request, "Origin");
	struct str host = header_of(request, "Host");
	if (site.n)
		return str_eq(site, STR("same-origin")) || str_eq(site, STR("none"));
	ptrdiff_t slashes = str_find(origin, STR("://"));
	return slashes > 0 && str_eq(str_skip(origin, (size_t)slashes + 3), host);
}

static struct str
cookie_of(const struct web *w, struct evhttp_request *request)
{
	struct str rest = header_of(request, "Cookie"), pair;
	while (str_split(&rest, ';', &pair)) {
		pair = str_trim(pair);
		if (str_starts(pair, w->cookie))
			return str_skip(pair, w->cookie.n);
	}
	return (struct str){0};
}

static struct str
bearer_of(struct evhttp_request *request)
{
	struct str authorization = header_of(request, "Authorization");
	return str_starts_nocase(authorization, STR("Bearer ")) ? str_cut(authorization, 7, 135) : STR("");
}

/* Sending the end may close the connection at once: the stream is off the list before. */
static void
stream_end(struct web *w, unsigned i)
{
	struct evhttp_request *request = w->stream[i].request;
	w->stream[i] = w->stream[--w->streams];
	evhttp_send_reply_end(request);
}

/*
 * evhttp takes a request whose answer is not complete off its dying connection and leaves it to us: sending it is what
 * frees it. Waiting ones are sent when core answers; streams end here.
 */
static void
on_client_gone(struct evhttp_connection *connection, void *user)
{
	struct web *w = user;
	for (unsigned i = w->streams; i-- > 0;)
		if (w->stream[i].connection == connection)
			stream_end(w, i);
}

static const char *
method_name(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "OTHER";
	}
}

static void
wait_for_core(struct web *w, struct evhttp_request *request, uint64_t id, bool stream)
{
	struct waiting *one = MEM_NEW(struct waiting);
	*one = (struct waiting){.next = w->waiting, .id = id, .request = request, .stream = stream};
	struct str bearer = bearer_of(request);
	session_id(bearer.n ? bearer : cookie_of(w, request), one->session);
	w->waiting = one;
}

/* Whose request it is. A proxy may add a header of its own behind the client's, so all of them count, in their order. */
static void
client_of(const struct web *w, struct evhttp_request *request, char ret[PROXY_CLIENT_BYTES])
{
	struct buf forwarded = BUF_INIT_MAX(HTTP_HEADERS_MAX);
	struct evkeyval *header;
	char *peer;
	uint16_t port;
	evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
		if (w->proxies && str_eq_nocase(str_z(header->key), STR("X-Forwarded-For")))
			buf_addf(&forwarded, "%s%s", forwarded.n ? "," : "", header->value);
	proxy_client(w->proxy, w->proxies, str_z(peer), buf_str(&forwarded), ret);
	buf_release(&forwarded);
}

static void
ask_core(struct web *w, struct evhttp_request *request, struct str path, struct str query)
{
	struct buf message = BUF_INIT_MAX(CHANNEL_MAX);
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t size = evbuffer_get_length(in);
	char peer[PROXY_CLIENT_BYTES];
	client_of(w, request, peer);
	struct api_request r = {
	    .id = ++w->next_id,
	    .method = str_z(method_name(request)),
	    .path = path,
	    .query = query,
	    .cookie = str_cut(cookie_of(w, request), 0, 128),
	    .bearer = bearer_of(request),
	    .if_match = str_cut(header_of(request, "If-Match"), 0, 64),
	    .peer = str_z(peer),
	    .agent = str_cut(header_of(request, "User-Agent"), 0, 256),
	    .host = str_cut(header_of(request, "Host"), 0, 256),
	    .same_origin = is_same_origin(request),
	    .raw = str_starts_nocase(header_of(request, "Content-Type"), STR("application/octet-stream")),
	    .json = str_starts_nocase(header_of(request, "Content-Type"), STR("application/json")),
	    .body = str_from(size ? (const char *)evbuffer_pullup(in, -1) : "", size),
	};
	api_request_put(&message, &r);
	if (!w->core || message.over || channel_send(w->core, MSG_REQUEST, buf_str(&message), STR(""), STR("")) < 0)
		refuse(w, request, 503, "core_away");
	else
		wait_for_core(w, request, r.id, str_eq(path, STR("/api/v1/stream")) &&
			evhttp_request_get_command(request) == EVHTTP_REQ_GET);
	buf_release(&message);
}

static void
on_request(struct evhttp_request *request, void *user)
{
	struct web *w = user;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	size_t n = 0;
	guard_answering(w->guard, request);
	if (!uri || guard_ambiguous(request)) {
		refuse(w, request, 400, "ambiguous");
		return;
	}
	char *path = evhttp_uridecode(evhttp_uri_get_path(uri), 0, &n);
	struct str p = str_from(path ? path : "/", path ? n : 1);
	if (!p.n || p.p[0] != '/' || !str_is_utf8(p) || memchr(p.p, '\0', p.n))
		refuse(w, request, 400, "path");
	else if (str_starts(p, STR("/api/")) || str_eq(p, STR("/metrics")))
		ask_core(w, request, p, str_z(query ? query : ""));
	else if (str_eq(str_z(method_name(request)), STR("GET")))
		serve_interface(w, request, p);
	else
		refuse(w, request, 405, "method");
	free(path); /* libevent's */
}

/* --- the live stream --- */

static void
stream_send(struct evhttp_request *request, struct str text)
{
	struct evbuffer *bytes = evbuffer_new();
	evbuffer_add(bytes, text.p, text.n);
	evhttp_send_reply_chunk(request, bytes);
	evbuffer_free(bytes);
}

static void
stream_open(struct web *w, const struct waiting *one, const struct api_response *r)
{
	struct evhttp_request *request = one->request;
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	if (!connection || w->streams == HTTP_STREAMS_MAX) {
		refuse(w, request, 503, "streams");
		return;
	}
	add_header(request, "Content-Type", "text/event-stream");
	add_header(request, "Cache-Control", "no-store");
	add_header(request, "X-Accel-Buffering", "no");
	add_safety_headers(w, request);
	evhttp_connection_set_closecb(connection, on_client_gone, w);
	evhttp_request_set_on_complete_cb(request, on_answered, w);
	evhttp_send_reply_start(request, 200, NULL);
	guard_streaming(w->guard, request);
	struct stream *s = &w->stream[w->streams++];
	*s = (struct stream){.request = request, .connection = connection, .end_ms = clock_monotonic_ms() + HTTP_STREAM_MS,
	    .rights = r->rights};
	assert(r->organisation.n < sizeof s->organisation);
	if (r->organisation.n)
		memcpy(s->organisation, r->organisation.p, r->organisation.n);
	memcpy(s->session, one->session, sizeof s->session);
	stream_send(request, STR("retry: 2000\n\n"));
}

/* Who does not read his stream loses it (and comes again, with the state of then). */
static bool
is_behind(struct bufferevent *bev)
{
	return evbuffer_get_length(bufferevent_get_output(bev)) > HTTP_STREAM_BACKLOG;
}

static void
push(struct web *w, struct str message)
{
	int64_t now = clock_monotonic_ms();
	struct api_push p;
	if (api_push_take(message, &p) < 0)
		return;
	for (unsigned i = w->streams; i-- > 0;) {
		struct bufferevent *bev = evhttp_connection_get_bufferevent(w->stream[i].connection);
		if (now > w->stream[i].end_ms)
			stream_end(w, i);
		else if (is_behind(bev))
			shutdown(bufferevent_getfd(bev), SHUT_RDWR);
		else if (api_push_is_for(&p, w->stream[i].rights, str_z(w->stream[i].organisation)))
			stream_send(w->stream[i].request, p.text);
	}
}

/* --- answers from core --- */

/* The prefix makes browsers refuse one that is not Secure or comes from another host of the same domain (RFC 6265bis). */
static void
set_cookie(struct web *w, struct evhttp_request *request, struct str value)
{
	struct buf after = BUF_INIT_MAX(128);
	bool delete = str_eq(value, STR("-"));
	buf_addf(&after, "; Path=/; HttpOnly; SameSite=Strict%s%s", w->secure ? "; Secure" : "", delete ? "; Max-Age=0" : "");
	if (value.n)
		add_header_str(request, "Set-Cookie", w->cookie.p, delete ? STR("") : value, after.p);
	buf_release(&after);
}

static void
send_response(struct web *w, struct evhttp_request *request, const struct api_response *r)
{
	if (r->type.n)
		add_header_str(request, "Content-Type", "", r->type, "");
	if (r->etag.n)
		add_header_str(request, "ETag", "", r->etag, "");
	if (r->retry_after) {
		char seconds[16];
		snprintf(seconds, sizeof seconds, "%u", r->retry_after);
		add_header(request, "Retry-After", seconds);
	}
	set_cookie(w, request, r->set_cookie);
	add_header(request, "Cache-Control", "no-store");
	answer(w, request, r->status, r->body);
}

/* Empty: rights of many have changed, so all come again. */
static void
on_session_over(struct web *w, struct str session)
{
	for (unsigned i = w->streams; i-- > 0;)
		if (!session.n || str_eq(str_z(w->stream[i].session), session))
			stream_end(w, i);
}

static void
on_response(struct web *w, struct str payload)
{
	struct api_response r;
	if (api_response_take(payload, &r) < 0)
		return;
	for (struct waiting **at = &w->waiting; *at; at = &(*at)->next) {
		struct waiting *one = *at;
		if (one->id != r.id)
			continue;
		*at = one->next;
		if (one->stream && r.status == 200)
			stream_open(w, one, &r);
		else
			send_response(w, one->request, &r);
		if (str_eq(r.set_cookie, STR("-")) && one->session[0])
			on_session_over(w, str_z(one->session));
		mem_free(one);
		return;
	}
}

static void
on_core_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct web *w = user;
	if (fd >= 0)
		close(fd);
	if (type == MSG_RESPONSE)
		on_response(w, payload);
	else if (type == MSG_PUSH)
		push(w, payload);
	else if (type == MSG_SESSION_OVER)
		on_session_over(w, payload);
}

/* Core died: who waits for it is told to come again, streams end and reconnect by themselves. */
static void
on_core_closed(void *user, struct channel *c)
{
	struct web *w = user;
	channel_free(c);
	if (w->core == c)
		w->core = NULL;
	while (w->waiting) {
		struct waiting *one = w->waiting;
		w->waiting = one->next;
		refuse(w, one->request, 503, "core_away");
		mem_free(one);
	}
	while (w->streams)
		stream_end(w, w->streams - 1);
}

/* --- the role --- */

static void
on_loop(evutil_socket_t fd, short what, void *user)
{
	struct web *w = user;
	loop_turn(w->rc->loop, 0);
	if (w->stopping)
		event_base_loopbreak(w->base);
}

static int
web_start(struct role_context *rc)
{
	struct web *w = MEM_NEW(struct web);
	rc->user = w;
	w->rc = rc;
	w->secure = str_starts(str_z(rc->options->origin), STR("https://"));
	w->cookie = w->secure ? STR("__Host-khien=") : STR("khien=");
	for (uint32_t i = 0; i < rc->options->proxy_count; i++) /* read once already, by the options */
		w->proxies += network_read(str_z(rc->options->proxy[i]), &w->proxy[w->proxies]);
	w->base = event_base_new();
	w->http = evhttp_new(w->base);
	w->guard = guard_new(w->base);
	evhttp_set_gencb(w->http, on_request, w);
	evhttp_set_timeout(w->http, HTTP_ANSWER_MS / 1000);
	evhttp_set_max_headers_size(w->http, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(w->http, HTTP_BODY_MAX);
	evhttp_set_allowed_methods(w->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PATCH |
	    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
	evhttp_set_default_content_type(w->http, NULL);
	w->loop_event = event_new(w->base, loop_descriptor(rc->loop), EV_READ | EV_PERSIST, on_loop, w);
	event_add(w->loop_event, NULL);
	char warm[SESSION_ID];
	session_id(STR(""), warm); /* OpenSSL reads its configuration with the first hash */
	tzset(); /* evhttp's Date header asks for the zone; its file is out of reach from here on */
	return role_confine(rc, SANDBOX_ACCEPT, NULL, 0);
}

static void
web_peer(struct role_context *rc, enum role peer, int fd)
{
	static const struct channel_events events = {on_core_message, on_core_closed, NULL};
	struct web *w = rc->user;
	assert(peer == ROLE_CORE);
	if (w->core)
		on_core_closed(w, w->core);
	w->core = channel_new(rc->loop, fd, &events, w);
}

static void
web_listen(struct role_context *rc, enum listen_kind kind, struct str address, int fd)
{
	struct web *w = rc->user;
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (kind != LISTEN_HTTP || evhttp_accept_socket(w->http, fd) < 0)
		close(fd);
	else
		role_ready(rc);
}

static void
web_stop(struct role_context *rc)
{
	struct web *w = rc->user;
	w->stopping = true;
	event_base_loopbreak(w->base);
}

static void
web_run(struct role_context *rc)
{
	struct web *w = rc->user;
	/* Loop and libevent wait on the same descriptors: one turn first for what came before we watched. */
	loop_turn(rc->loop, 0);
	while (!w->stopping)
		event_base_loop(w->base, EVLOOP_ONCE);
	guard_free(w->guard);
	evhttp_free(w->http);
	event_free(w->loop_event);
	event_base_free(w->base);
	channel_free(w->core);
	mem_free(w);
}

const struct role_entry web_role = {
	.start = web_start,
	.events = {.peer = web_peer, .listen = web_listen, .stop = web_stop},
	.run = web_run,
};
