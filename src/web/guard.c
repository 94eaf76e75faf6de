/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/guard.h"

#include <sys/queue.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "host/clock.h"
#include "web/http.h"

#define DESCRIPTORS 4096 /* watched; the process never holds so many */

enum phase { PHASE_REQUEST, PHASE_ANSWER, PHASE_STREAM };

struct watched {
	uint64_t cookie; /* of the socket that has this descriptor; 0 = none */
	enum phase phase;
	int64_t deadline_ms;
};

struct guard {
	struct event *tick;
	struct watched watched[DESCRIPTORS];
	unsigned count;
};

/* Zero unless fd is a connection (not a listening socket, not one of our channels). */
static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	int domain = 0, listening = 0;
	socklen_t n = sizeof domain, m = sizeof listening, k = sizeof cookie;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || (domain != AF_INET && domain != AF_INET6) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &m) < 0 || listening ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &k) < 0)
		return 0;
	return cookie;
}

/* The descriptor's row, with a new clock when it is a new connection. */
static struct watched *
watch(struct guard *g, int fd, int64_t now)
{
	struct watched *w = &g->watched[fd];
	uint64_t cookie = cookie_of(fd);
	if (cookie != w->cookie)
		*w = (struct watched){cookie, PHASE_REQUEST, now + HTTP_REQUEST_MS};
	return w;
}

/* More connections than we want: those that have waited longest for a request go first. */
static void
close_idlest(struct guard *g)
{
	for (; g->count > HTTP_CONNECTIONS_MAX; g->count--) {
		int idlest = -1;
		for (int fd = 0; fd < DESCRIPTORS; fd++)
			if (g->watched[fd].cookie && g->watched[fd].phase == PHASE_REQUEST &&
			    (idlest < 0 || g->watched[fd].deadline_ms < g->watched[idlest].deadline_ms))
				idlest = fd;
		if (idlest < 0)
			return;
		shutdown(idlest, SHUT_RDWR);
		g->watched[idlest].deadline_ms = INT64_MAX;
	}
}

static void
on_tick(evutil_socket_t unused, short what, void *user)
{
	struct guard *g = user;
	int64_t now = clock_monotonic_ms();
	g->count = 0;
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		struct watched *w = watch(g, fd, now);
		g->count += w->cookie != 0;
		if (w->cookie && w->phase != PHASE_STREAM && now > w->deadline_ms)
			shutdown(fd, SHUT_RDWR);
	}
	close_idlest(g);
}

struct guard *
guard_new(struct event_base *base)
{
	struct guard *g = MEM_NEW(struct guard);
	struct timeval second = {1, 0};
	g->tick = event_new(base, -1, EV_PERSIST, on_tick, g);
	event_add(g->tick, &second);
	return g;
}

void
guard_free(struct guard *g)
{
	event_free(g->tick);
	mem_free(g);
}

unsigned
guard_connections(const struct guard *g)
{
	return g->count;
}

static void
set_phase(struct guard *g, struct evhttp_request *request, enum phase phase, int64_t time_ms)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	int fd = connection ? bufferevent_getfd(evhttp_connection_get_bufferevent(connection)) : -1;
	int64_t now = clock_monotonic_ms();
	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	struct watched *w = watch(g, fd, now);
	w->phase = phase;
	w->deadline_ms = now + time_ms;
}

void
guard_answering(struct guard *g, struct evhttp_request *request)
{
	set_phase(g, request, PHASE_ANSWER, HTTP_ANSWER_MS);
}

void
guard_answered(struct guard *g, struct evhttp_request *request)
{
	set_phase(g, request, PHASE_REQUEST, HTTP_REQUEST_MS);
}

void
guard_streaming(struct guard *g, struct evhttp_request *request)
{
	set_phase(g, request, PHASE_STREAM, 0);
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !memchr("!#$%&'*+-.^_`|~", c, 15))
			return false;
	}
	return s.n > 0;
}

bool
guard_ambiguous(struct evhttp_request *request)
{
	unsigned lengths = 0, hosts = 0, encodings = 0;
	struct evkeyval *header;
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next) {
		struct str name = str_z(header->key), value = str_z(header->value);
		uint64_t number;
		if (!is_token(name) || memchr(value.p, '\n', value.n) || memchr(value.p, '\r', value.n))
			return true;
		if (str_eq_nocase(name, STR("content-length"))) {
			lengths++;
			if (!str_to_u64(value, &number))
				return true;
		}
		hosts += str_eq_nocase(name, STR("host"));
		if (str_eq_nocase(name, STR("transfer-encoding"))) {
			encodings++;
			if (!str_eq_nocase(value, STR("chunked")))
				return true;
		}
	}
	return lengths > 1 || hosts != 1 || encodings > 1 || (lengths && encodings);
}
