/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/listen.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "collect/listen_private.h"
#include "host/clock.h"
#include "host/role.h"

#define UDP_BATCH 32
#define UDP_BYTES 65536            /* no datagram is longer */
#define UDP_TURN (1u << 20)        /* bytes taken before others get their turn */
#define UDP_PAUSE_MS 1             /* waking once a millisecond costs half of waking for every datagram */
#define UDP_BUFFER (64 << 20)
#define ACCEPT_TURN 64
#define IDLE_MS 60000              /* a connection this quiet makes room when all places are taken */
#define LEAVING_MS 5000

struct udp {
	struct mmsghdr header[UDP_BATCH];
	struct iovec part[UDP_BATCH];
	struct sockaddr_storage peer[UDP_BATCH];
	char bytes[UDP_BATCH][UDP_BYTES];
};

struct doors *
doors_new(struct loop *loop, struct gather *gather, struct sources *sources)
{
	struct doors *d = MEM_NEW(struct doors);
	d->loop = loop;
	d->gather = gather;
	d->sources = sources;
	d->scratch = mem_alloc(KEEP_BUFFER + READ_MAX);
	d->udp = MEM_NEW(struct udp);
	return d;
}

void
doors_free(struct doors *d)
{
	if (!d)
		return;
	while (d->streams)
		stream_close(d->streams);
	for (uint32_t i = 0; i < d->ports; i++) {
		loop_remove(d->port[i].watch);
		loop_remove_timer(d->port[i].timer);
		close(d->port[i].fd);
	}
	mem_free(d->scratch);
	mem_free(d->udp);
	mem_free(d);
}

void
peer_from(const struct sockaddr_storage *a, uint8_t ret_peer[16], uint16_t *ret_port)
{
	memset(ret_peer, 0, 16);
	*ret_port = 0;
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)a;
		ret_peer[10] = ret_peer[11] = 0xff;
		memcpy(ret_peer + 12, &in->sin_addr, 4);
		*ret_port = ntohs(in->sin_port);
	} else if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
		memcpy(ret_peer, &in6->sin6_addr, 16);
		*ret_port = ntohs(in6->sin6_port);
	}
}

uint64_t
doors_take(struct doors *d, struct port *p, struct source *s, const struct raw *r, bool waited)
{
	struct raw marked = *r;
	if (role_counts()->demo_pid && raw_says_demo(r))
		marked.flags |= RAW_DEMO;
	p->count.bytes += r->bytes.n;
	if ((r->flags & RAW_PIECE) && !(r->flags & RAW_LAST_PIECE)) {
		s->bytes += r->bytes.n; /* the message is counted with its last piece */
	} else {
		p->count.received++;
		s->oversized += (r->flags & RAW_LAST_PIECE) != 0;
		source_count(d->sources, s, r->bytes.n, r->received_ms);
	}
	return gather_put(d->gather, &marked, waited);
}

/* ------------------------------------------------------------------------------------------------------- UDP */

static uint32_t
kernel_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n = sizeof info;
	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

static void
drops_read(struct port *p)
{
	uint32_t now = kernel_drops(p->fd);
	p->count.kernel_drops += (uint32_t)(now - p->drops_before);
	p->drops_before = now;
}

/* Up to UDP_BATCH datagrams. Returns the bytes taken, -1 when there are none. */
static ssize_t
udp_batch(struct port *p)
{
	struct doors *d = p->doors;
	struct udp *u = d->udp;
	for (int i = 0; i < UDP_BATCH; i++) {
		u->part[i] = (struct iovec){u->bytes[i], UDP_BYTES};
		u->header[i].msg_hdr = (struct msghdr){.msg_name = &u->peer[i], .msg_namelen = sizeof u->peer[i],
		    .msg_iov = &u->part[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(p->fd, u->header, UDP_BATCH, MSG_DONTWAIT, NULL);
	ssize_t bytes = 0;
	int64_t now_ms = n > 0 ? clock_now_ms() : 0;
	for (int i = 0; i < n; i++) {
		struct raw r = {.bytes = str_from(u->bytes[i], u->header[i].msg_len), .form = RAW_LINE,
		    .transport = RAW_UDP, .received_ms = now_ms};
		peer_from(&u->peer[i], r.peer, &r.port);
		struct source *s = source_find(d->sources, RAW_UDP, r.peer, now_ms);
		r.source = s->number;
		doors_take(d, p, s, &r, false);
		bytes += (ssize_t)r.bytes.n + 1;
	}
	return n > 0 ? bytes : -1;
}

static void udp_wait(struct port *p, int64_t ms);

/* Take what is there, at most a turn's worth; then sleep a millisecond, and watch again once nothing came in one. */
static void
udp_drain(struct port *p)
{
	ssize_t bytes = 0, got = 0;
	if (p->doors->paused)
		return;
	while (bytes < (ssize_t)UDP_TURN && (got = udp_batch(p)) >= 0)
		bytes += got;
	if (got >= 0)
		udp_wait(p, 0);
	else if (bytes)
		udp_wait(p, UDP_PAUSE_MS);
	else if (p->watch)
		loop_watch(p->watch, LOOP_READ);
}

static void
on_udp_timer(void *user)
{
	struct port *p = user;
	p->timer = NULL;
	udp_drain(p);
}

static void
udp_wait(struct port *p, int64_t ms)
{
	loop_watch(p->watch, 0);
	if (!p->timer)
		p->timer = loop_add_timer(p->doors->loop, ms, 0, on_udp_timer, p);
}

static void
on_udp(void *user, int fd, unsigned events)
{
	udp_drain(user);
}

/* As large as we may: the default holds 256 small datagrams, 13 ms at 20,000 a second. */
static void
udp_enlarge(int fd)
{
	int have = 0, want = UDP_BUFFER;
	socklen_t n = sizeof have;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &have, &n) == 0 && have >= want)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
}

/* --------------------------------------------------------------------------------------------------- accepting */

/* The connection that said nothing for longest, if that is long. */
static bool
stream_evict(struct doors *d)
{
	struct stream *oldest = NULL;
	for (struct stream *s = d->streams; s; s = s->next)
		if (!oldest || s->seen_ms < oldest->seen_ms)
			oldest = s;
	if (!oldest || clock_monotonic_ms() - oldest->seen_ms < IDLE_MS)
		return false;
	stream_close(oldest);
	return true;
}

static void
on_accept_again(void *user)
{
	struct port *p = user;
	p->timer = NULL;
	if (!p->doors->finished)
		loop_watch(p->watch, LOOP_READ);
}

static void
accept_refuse(struct port *p, int fd, const struct sockaddr_storage *peer)
{
	uint8_t address[16];
	uint16_t port;
	peer_from(peer, address, &port);
	p->count.refused++;
	uint8_t transport = p->count.kind == LISTEN_RELP ? RAW_RELP : RAW_TCP;
	struct source *s = source_find(p->doors->sources, transport, address, clock_now_ms());
	s->refused++;
	s->changed = true;
	close(fd);
}

static void
on_accept(void *user, int listener, unsigned events)
{
	struct port *p = user;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t n = sizeof peer;
		int fd = accept4(listener, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			loop_watch(p->watch, 0); /* it would wake us for ever */
			p->timer = loop_add_timer(p->doors->loop, 1000, 0, on_accept_again, p);
			return;
		}
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0)
			continue; /* that one is gone again */
		if (p->doors->stream_count >= DOORS_CONNECTIONS && !stream_evict(p->doors))
			accept_refuse(p, fd, &peer);
		else
			stream_new(p->doors, p, fd, &peer);
	}
}

/* ------------------------------------------------------------------------------------------------------ all doors */

int
doors_add(struct doors *d, enum listen_kind kind, struct str address, int fd)
{
	bool udp = kind == LISTEN_SYSLOG_UDP;
	if (d->ports == DOORS_MAX || (!udp && kind != LISTEN_SYSLOG_TCP && kind != LISTEN_RELP)) {
		close(fd);
		return d->ports == DOORS_MAX ? E_LIMIT : E_UNSUPPORTED;
	}
	struct port *p = &d->port[d->ports];
	*p = (struct port){.doors = d, .fd = fd, .count.kind = (uint8_t)kind};
	str_to_z(address, p->address, sizeof p->address);
	p->count.address = str_z(p->address);
	if (udp)
		udp_enlarge(fd);
	p->watch = loop_add(d->loop, fd, d->paused && udp ? 0 : LOOP_READ, udp ? on_udp : on_accept, p);
	if (!p->watch) {
		close(fd);
		return E_IO;
	}
	d->ports++;
	return 0;
}

void
doors_pause(struct doors *d, bool pause)
{
	d->paused = pause || d->finished;
	for (uint32_t i = 0; i < d->ports; i++)
		if (d->port[i].count.kind == LISTEN_SYSLOG_UDP)
			loop_watch(d->port[i].watch, d->paused ? 0 : LOOP_READ);
	for (struct stream *s = d->streams; s; s = s->next)
		stream_watch(s);
}

void
doors_committed(struct doors *d, uint64_t ticket)
{
	for (struct stream *s = d->streams, *next; s; s = next) {
		next = s->next;
		stream_committed(s, ticket);
	}
}

void
doors_tick(struct doors *d)
{
	int64_t now_ms = clock_monotonic_ms();
	for (uint32_t i = 0; i < d->ports; i++)
		if (d->port[i].count.kind == LISTEN_SYSLOG_UDP)
			drops_read(&d->port[i]);
	for (struct stream *s = d->streams, *next; s; s = next) {
		next = s->next;
		if (s->leaving && now_ms - s->seen_ms > LEAVING_MS)
			stream_close(s);
	}
}

void
doors_finish(struct doors *d)
{
	for (uint32_t i = 0; i < d->ports; i++) {
		struct port *p = &d->port[i];
		if (p->count.kind == LISTEN_SYSLOG_UDP && !d->paused)
			for (ssize_t bytes = 0, got; bytes < (ssize_t)UDP_BUFFER && (got = udp_batch(p)) >= 0;)
				bytes += got;
		loop_watch(p->watch, 0);
	}
	for (struct stream *s = d->streams, *next; s && !d->paused; s = next) {
		next = s->next;
		stream_finish(s);
	}
	d->finished = true;
	doors_pause(d, true);
	doors_tick(d);
}

uint32_t
doors_unanswered(const struct doors *d)
{
	uint32_t count = 0;
	for (const struct stream *s = d->streams; s; s = s->next)
		count += s->out.n > 0;
	return count;
}

uint32_t
doors_ports(struct doors *d, struct report_port *ret)
{
	for (uint32_t i = 0; i < d->ports; i++)
		ret[i] = d->port[i].count;
	return d->ports;
}

size_t
doors_held(const struct doors *d)
{
	return d->held;
}
