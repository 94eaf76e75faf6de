/* SPDX-License-Identifier: EUPL-1.2 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "collect/listen_private.h"
#include "host/clock.h"

#define BUDGET (24u << 20)          /* bytes of all buffers; above it messages come in small pieces: */
#define SMALL_PIECE (4u << 10)      /* DOORS_CONNECTIONS of these are as much again */
#define FINISH_MAX (4u << 20)        /* read from each before we leave */
#define OUT_MAX (256u << 10)        /* who does not read his answers is not read */

static bool
is_relp(const struct stream *s)
{
	return s->port->count.kind == LISTEN_RELP;
}

static void
held_change(struct stream *s, struct buf *b, size_t before)
{
	s->doors->held += b->cap - before;
}

void
stream_close(struct stream *s)
{
	*(s->before ? &s->before->next : &s->doors->streams) = s->next;
	if (s->next)
		s->next->before = s->before;
	s->doors->stream_count--;
	s->port->count.connections--;
	s->doors->held -= s->rest.cap + s->out.cap;
	loop_remove(s->watch);
	close(s->fd);
	relp_release(&s->relp);
	buf_release(&s->rest);
	buf_release(&s->out);
	mem_free(s);
}

static void on_stream(void *user, int fd, unsigned events);

void
stream_watch(struct stream *s)
{
	bool read = s->leaving || (!s->doors->paused && !s->blocked && !s->relp.over && s->out.n < OUT_MAX);
	unsigned events = (read ? LOOP_READ : 0) | (s->out.n ? LOOP_WRITE : 0);
	if (s->watch)
		loop_watch(s->watch, events);
	else if (read)
		s->watch = loop_add(s->doors->loop, s->fd, events, on_stream, s);
}

/* False: the stream is gone. */
static bool
stream_flush(struct stream *s)
{
	while (s->out.n) {
		ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			stream_close(s);
			return false;
		}
		memmove(s->out.p, s->out.p + n, s->out.n - (size_t)n);
		s->out.n -= (size_t)n;
	}
	if (!s->out.n && s->relp.over && !s->leaving) {
		/* Closing with unread input would reset the connection, and our last word with it. */
		s->leaving = true;
		s->seen_ms = clock_monotonic_ms();
		shutdown(s->fd, SHUT_WR);
	}
	stream_watch(s);
	return true;
}

static size_t
piece_cap(const struct doors *d)
{
	return d->held > BUDGET ? SMALL_PIECE : RAW_MAX;
}

static void
take_frames(struct stream *s, struct raw *r, struct source *from, struct str *in, bool end)
{
	size_t cap = piece_cap(s->doors);
	struct frame f;
	while ((end ? frame_end : frame_take)(&s->framer, in, cap, &f) == FRAME_TAKEN) {
		r->bytes = f.bytes;
		r->flags = f.flags;
		if (f.bytes.n)
			doors_take(s->doors, s->port, from, r, false);
	}
}

static void
take_relp(struct stream *s, struct raw *r, struct source *from, struct str *in)
{
	size_t cap = piece_cap(s->doors), before = s->out.cap;
	uint64_t errors = s->relp.errors;
	enum relp_result result;
	while ((result = relp_take(&s->relp, in, cap, &s->out, &r->bytes, &r->flags)) != RELP_MORE && result != RELP_STOP) {
		if (result == RELP_ANSWERED)
			continue;
		uint64_t ticket = doors_take(s->doors, s->port, from, r, result == RELP_MESSAGE);
		if (result == RELP_MESSAGE)
			relp_wait(&s->relp, ticket);
	}
	s->blocked = result == RELP_STOP;
	s->port->count.errors += s->relp.errors - errors;
	held_change(s, &s->out, before);
}

/* Messages out of *in; what is left begins the next one. */
static void
stream_take(struct stream *s, struct str *in, bool end)
{
	struct raw r = {.form = RAW_LINE, .transport = is_relp(s) ? RAW_RELP : RAW_TCP, .received_ms = clock_now_ms(),
	    .port = s->peer_port};
	memcpy(r.peer, s->peer, sizeof r.peer);
	struct source *from = source_find(s->doors->sources, r.transport, r.peer, r.received_ms);
	r.source = from->number;
	if (is_relp(s))
		take_relp(s, &r, from, in);
	else
		take_frames(s, &r, from, in, end);
}

/* Memory of a long message is given back once it is through. */
static void
rest_shrink(struct stream *s)
{
	struct buf small = BUF_INIT;
	if (s->rest.cap <= 4 * KEEP_BUFFER || s->rest.n > KEEP_BUFFER)
		return;
	if (s->rest.n)
		buf_add(&small, buf_str(&s->rest));
	buf_release(&s->rest);
	s->rest = small;
}

/* Keep `left`, which lies in s->rest or in the scratch buffer. */
static void
rest_keep(struct stream *s, struct str left)
{
	size_t before = s->rest.cap;
	bool inside = s->rest.n && left.p >= s->rest.p && left.p <= s->rest.p + s->rest.n;
	if (!inside)
		buf_clear(&s->rest);
	if (!inside && left.n)
		buf_add(&s->rest, left);
	if (inside) {
		memmove(s->rest.p, left.p, left.n);
		s->rest.n = left.n;
	}
	rest_shrink(s);
	held_change(s, &s->rest, before);
}

/* n bytes came, to the scratch buffer behind a copy of a short rest, or to be put behind a long one. */
static void
stream_input(struct stream *s, size_t front, size_t n, bool end)
{
	struct str in = str_from(s->doors->scratch, front + n);
	if (front) {
		s->rest.n = 0;
	} else if (s->rest.n) {
		size_t before = s->rest.cap;
		buf_add(&s->rest, in);
		held_change(s, &s->rest, before);
		in = buf_str(&s->rest);
	}
	stream_take(s, &in, end);
	rest_keep(s, in);
}

static void
stream_read(struct stream *s)
{
	size_t front = s->rest.n <= KEEP_BUFFER ? s->rest.n : 0;
	ssize_t n = recv(s->fd, s->doors->scratch + front, READ_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (s->leaving && n > 0)
		return; /* discarded */
	if (front)
		memcpy(s->doors->scratch, s->rest.p, front);
	if (n <= 0) {
		if (!is_relp(s) && !s->leaving)
			stream_input(s, front, 0, true);
		stream_close(s);
		return;
	}
	s->seen_ms = clock_monotonic_ms();
	stream_input(s, front, (size_t)n, false);
	stream_flush(s);
}

void
stream_finish(struct stream *s)
{
	if (is_relp(s))
		return; /* what is not acknowledged comes again */
	for (size_t done = 0; done < FINISH_MAX;) {
		size_t front = s->rest.n <= KEEP_BUFFER ? s->rest.n : 0;
		ssize_t n = recv(s->fd, s->doors->scratch + front, READ_MAX, MSG_DONTWAIT);
		if (n <= 0)
			break;
		if (front)
			memcpy(s->doors->scratch, s->rest.p, front);
		stream_input(s, front, (size_t)n, false);
		done += (size_t)n;
	}
	struct str in = buf_str(&s->rest);
	stream_take(s, &in, true);
	stream_close(s);
}

/* The sender is gone, but what it said waits in the kernel until we may read again. */
static void
stream_hung(struct stream *s)
{
	loop_remove(s->watch);
	s->watch = NULL;
}

static void
on_stream(void *user, int fd, unsigned events)
{
	struct stream *s = user;
	if ((events & LOOP_WRITE) && !stream_flush(s))
		return;
	if (events & LOOP_READ)
		stream_read(s);
	else if (is_relp(s) || !s->doors->paused)
		stream_close(s); /* both directions are gone, and no answer will be read */
	else
		stream_hung(s);
}

void
stream_committed(struct stream *s, uint64_t ticket)
{
	if (!s->relp.waiting)
		return;
	size_t before = s->out.cap;
	uint64_t count = relp_ack(&s->relp, ticket, &s->out);
	s->port->count.acknowledged += count;
	held_change(s, &s->out, before);
	if (!s->out.n)
		return;
	if (s->blocked && !s->relp.over && !s->doors->paused) {
		struct str in = buf_str(&s->rest);
		stream_take(s, &in, false);
		rest_keep(s, in);
	}
	stream_flush(s);
}

void
stream_new(struct doors *d, struct port *p, int fd, const struct sockaddr_storage *peer)
{
	struct stream *s = MEM_NEW(struct stream);
	int on = 1;
	*s = (struct stream){.doors = d, .port = p, .fd = fd, .next = d->streams, .seen_ms = clock_monotonic_ms()};
	peer_from(peer, s->peer, &s->peer_port);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (s->next)
		s->next->before = s;
	d->streams = s;
	d->stream_count++;
	p->count.connections++;
	p->count.accepted++;
	s->watch = loop_add(d->loop, fd, d->paused ? 0 : LOOP_READ, on_stream, s);
	if (!s->watch)
		stream_close(s);
}
