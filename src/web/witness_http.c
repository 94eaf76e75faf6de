/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/witness_http.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/time.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "web/guard.h"

#define ANSWER_S 10
#define HEADERS_MAX 8192

struct server {
	struct witness *witness;
	const struct note_key *log;
	uint32_t logs;
	struct event_base *base;
	struct evhttp *http;
	struct guard *guard;
};

static void
on_answered(struct evhttp_request *request, void *user)
{
	struct server *s = user;
	guard_answered(s->guard, request);
}

static void
answer(struct server *s, struct evhttp_request *request, int status, const char *type, struct str body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *bytes = evbuffer_new();
	evbuffer_add(bytes, body.p, body.n);
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_request_set_on_complete_cb(request, on_answered, s);
	evhttp_send_reply(request, status, NULL, bytes);
	evbuffer_free(bytes);
}

static void
add_checkpoint(struct server *s, struct evhttp_request *request)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	struct buf body = BUF_INIT_MAX(WITNESS_BODY_MAX), out = BUF_INIT_MAX(4096);
	size_t n = evbuffer_get_length(in);
	char *room = n && n <= WITNESS_BODY_MAX ? buf_room(&body, n) : NULL;
	bool fork = false;
	enum witness_answer status = WITNESS_MALFORMED;
	if (room && evbuffer_remove(in, room, n) == (int)n) {
		body.n = n;
		status = witness_add(s->witness, buf_str(&body), clock_now_ms() / TIME_SECOND, &out, &fork);
	}
	if (fork)
		log_say(LOG_LEVEL_ERROR, "witness.fork", LOG_NUMBER("status", status), LOG_TEXT("request", buf_str(&body)),
		    LOG_NUMBER("kept", witness_forks(s->witness)));
	else if (status != WITNESS_COSIGNED && status != WITNESS_CONFLICT)
		log_say(LOG_LEVEL_WARN, "witness.refused", LOG_NUMBER("status", status));
	answer(s, request, (int)status, status == WITNESS_CONFLICT ? "text/x.tlog.size" : "text/plain; charset=utf-8",
	    buf_str(&out));
	buf_release(&body);
	buf_release(&out);
}

static void
get_seen(struct server *s, struct evhttp_request *request, struct str origin)
{
	struct str note = {0};
	for (uint32_t i = 0; i < s->logs; i++)
		if (str_eq(str_z(s->log[i].name), origin) && witness_seen(s->witness, i, &note) == 0) {
			answer(s, request, 200, "text/plain; charset=utf-8", note);
			return;
		}
	answer(s, request, 404, "text/plain; charset=utf-8", STR(""));
}

static void
on_request(struct evhttp_request *request, void *user)
{
	struct server *s = user;
	struct str path = str_z(evhttp_request_get_uri(request));
	bool post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
	guard_answering(s->guard, request);
	if (guard_ambiguous(request)) {
		answer(s, request, 400, "text/plain; charset=utf-8", STR(""));
	} else if (str_eq(path, STR("/add-checkpoint"))) {
		if (post)
			add_checkpoint(s, request);
		else
			answer(s, request, 405, "text/plain; charset=utf-8", STR(""));
	} else if (!post && str_eq(path, STR("/key"))) {
		struct buf key = BUF_INIT;
		note_key_text(witness_key(s->witness), &key);
		buf_add_char(&key, '\n');
		answer(s, request, 200, "text/plain; charset=utf-8", buf_str(&key));
		buf_release(&key);
	} else if (!post && str_starts(path, STR("/seen/"))) {
		get_seen(s, request, str_skip(path, 6));
	} else {
		answer(s, request, 404, "text/plain; charset=utf-8", STR(""));
	}
}

static void
on_signal(evutil_socket_t signal, short what, void *user)
{
	struct server *s = user;
	event_base_loopbreak(s->base);
}

int
witness_http(struct witness *w, const struct note_key *log, uint32_t logs, const char *directory, int fd)
{
	struct server s = {.witness = w, .log = log, .logs = logs};
	const struct sandbox_path path = {directory, true};
	int landlock = 0;
	signal(SIGPIPE, SIG_IGN);
	s.base = event_base_new();
	s.http = evhttp_new(s.base);
	s.guard = guard_new(s.base);
	evhttp_set_gencb(s.http, on_request, &s);
	evhttp_set_timeout(s.http, ANSWER_S);
	evhttp_set_max_headers_size(s.http, HEADERS_MAX);
	evhttp_set_max_body_size(s.http, WITNESS_BODY_MAX);
	evhttp_set_allowed_methods(s.http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_default_content_type(s.http, NULL);
	struct event *ends[2] = {evsignal_new(s.base, SIGTERM, on_signal, &s), evsignal_new(s.base, SIGINT, on_signal, &s)};
	for (size_t i = 0; i < COUNT(ends); i++)
		event_add(ends[i], NULL);
	tzset();
	int error = sandbox_enter(SANDBOX_FILES | SANDBOX_ACCEPT, &path, 1, &landlock);
	if (!error && evhttp_accept_socket(s.http, fd) < 0)
		error = E_IO;
	if (!error)
		event_base_dispatch(s.base);
	for (size_t i = 0; i < COUNT(ends); i++)
		event_free(ends[i]);
	guard_free(s.guard);
	evhttp_free(s.http);
	event_base_free(s.base);
	return error;
}
