/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/wire.h"
#include "host/clock.h"

#define HEADER 8u
#define READ_STEP (64u << 10)
#define READ_KEEP (1u << 20)  /* a buffer grown beyond this by one large message is given back */
#define READS_A_TURN 8        /* then somebody else's turn */
#define IN_FDS 4              /* the kernel gives one a read; two messages may be under way */

/* A descriptor waits for the first byte of its message to leave. */
struct passed {
	uint64_t at; /* position in the stream */
	int fd;
};

struct channel {
	struct loop *loop;
	struct loop_fd *watch;
	struct loop_timer *kick; /* delivers what a pause left in `in` */
	int fd;
	const struct channel_events *events;
	void *user;

	struct buf in;
	size_t in_at;       /* delivered up to here */
	int in_fds[IN_FDS]; /* came with the bytes read, their messages are not delivered yet; oldest first */
	uint32_t in_fd_count;
	bool paused;

	struct buf out;
	size_t out_at;      /* sent up to here */
	uint64_t out_pos;   /* stream position of out.p[out_at] */
	struct passed *pass;
	uint32_t pass_count, pass_cap;

	bool mute;          /* the peer takes nothing any more; read to the end, then closed */
	bool dead;          /* closed() was called, or is being called */
	bool busy, freed;   /* freed by a callback of its own */
};

static void
channel_rearm(struct channel *c)
{
	if (c->watch)
		loop_watch(c->watch, (channel_wants_read(c) ? LOOP_READ : 0) | (channel_wants_write(c) ? LOOP_WRITE : 0));
}

static void
channel_drop_output(struct channel *c)
{
	for (uint32_t i = 0; i < c->pass_count; i++)
		close(c->pass[i].fd);
	c->pass_count = 0;
	c->out_at = 0;
	buf_release(&c->out);
	c->out.max = 2 * CHANNEL_QUEUE_MAX;
}

static void
channel_close(struct channel *c)
{
	loop_remove(c->watch);
	c->watch = NULL;
	loop_remove_timer(c->kick);
	c->kick = NULL;
	channel_drop_output(c);
	while (c->in_fd_count)
		close(c->in_fds[--c->in_fd_count]);
	c->dead = true;
}

static void
channel_on_fd(void *user, int fd, unsigned events)
{
	channel_pump(user, events);
}

struct channel *
channel_new(struct loop *l, int fd, const struct channel_events *events, void *user)
{
	struct channel *c = MEM_NEW(struct channel);

	assert(fd >= 0 && events->message && events->closed);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*c = (struct channel){.loop = l, .fd = fd, .events = events, .user = user,
	    .in = BUF_INIT_MAX(HEADER + CHANNEL_MAX + READ_STEP), .out = BUF_INIT_MAX(2 * CHANNEL_QUEUE_MAX)};
	if (l) {
		c->watch = loop_add(l, fd, LOOP_READ, channel_on_fd, c);
		assert(c->watch);
	}
	return c;
}

void
channel_free(struct channel *c)
{
	if (!c)
		return;
	if (!c->dead)
		channel_close(c);
	if (c->busy) {
		c->freed = true;
		return;
	}
	close(c->fd);
	buf_release(&c->in);
	buf_release(&c->out);
	mem_free(c->pass);
	mem_free(c);
}

/* The peer takes nothing any more. What it said before is still worth reading: no more writes, and the end of the
 * stream will come as an event. */
static void
channel_mute(struct channel *c)
{
	c->mute = true;
	channel_drop_output(c);
	shutdown(c->fd, SHUT_RDWR);
}

/* sendmsg with at most one descriptor. Bytes taken (0: none now), or E_CLOSED. */
static ssize_t
channel_write(struct channel *c, struct iovec *parts, size_t count, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t n;

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	do
		n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
		return 0;
	return E_CLOSED;
}

/* One write of what is queued, up to the next descriptor. Bytes taken or E_CLOSED. */
static ssize_t
channel_write_queued(struct channel *c)
{
	size_t n = c->out.n - c->out_at;
	int fd = -1;

	if (c->pass_count && c->pass[0].at == c->out_pos)
		fd = c->pass[0].fd;
	uint32_t next = fd >= 0 ? 1 : 0;
	if (c->pass_count > next && c->pass[next].at - c->out_pos < n)
		n = (size_t)(c->pass[next].at - c->out_pos);
	struct iovec part = {c->out.p + c->out_at, n};
	ssize_t sent = channel_write(c, &part, 1, fd);
	if (sent > 0 && fd >= 0) {
		close(fd);
		memmove(c->pass, c->pass + 1, --c->pass_count * sizeof(*c->pass));
	}
	return sent;
}

/* As much as the socket takes. */
static void
channel_push(struct channel *c)
{
	while (c->out_at < c->out.n) {
		ssize_t n = channel_write_queued(c);
		if (n < 0) {
			channel_mute(c);
			return;
		}
		if (n == 0)
			break;
		c->out_at += (size_t)n;
		c->out_pos += (uint64_t)n;
	}
	if (c->out_at == c->out.n) {
		c->out_at = 0;
		buf_clear(&c->out);
		if (c->out.cap > READ_KEEP)
			channel_drop_output(c);
	} else if (c->out_at > c->out.n / 2) {
		/* Each byte moves at most once for each byte that left: linear. */
		memmove(c->out.p, c->out.p + c->out_at, c->out.n - c->out_at);
		c->out.n -= c->out_at;
		c->out_at = 0;
	}
}

static int
channel_send_parts(struct channel *c, uint16_t type, const struct str *payload, size_t count, int fd)
{
	struct iovec part[4] = {{NULL, HEADER}};
	size_t length = 0;
	ssize_t sent = 0;
	struct buf header = BUF_INIT;

	assert(count <= 3);
	for (size_t i = 0; i < count; i++) {
		if (payload[i].n > CHANNEL_MAX - length)
			return E_LIMIT;
		length += payload[i].n;
		part[i + 1] = (struct iovec){(void *)(uintptr_t)payload[i].p, payload[i].n};
	}
	if (c->dead || c->mute)
		return E_CLOSED;
	if (channel_queued(c) + HEADER + length > CHANNEL_QUEUE_MAX)
		return E_FULL;
	if (fd >= 0 && (fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return E_LIMIT;
	wire_put_u32(&header, (uint32_t)length);
	wire_put_u16(&header, type);
	wire_put_u16(&header, fd >= 0);
	part[0].iov_base = header.p;
	if (channel_queued(c) == 0 && (sent = channel_write(c, part, count + 1, fd)) < 0) {
		channel_mute(c);
		sent = E_CLOSED;
	}
	if (fd >= 0 && sent == 0) {
		MEM_GROW(c->pass, c->pass_count, c->pass_cap);
		c->pass[c->pass_count++] = (struct passed){c->out_pos + channel_queued(c), fd};
	} else if (fd >= 0) {
		close(fd);
	}
	if (sent >= 0) {
		size_t skip = (size_t)sent;
		c->out_pos += skip;
		for (size_t i = 0; i <= count; i++) {
			struct str rest = str_skip(str_from(part[i].iov_base, part[i].iov_len), skip);
			skip -= part[i].iov_len - rest.n;
			buf_add(&c->out, rest);
		}
		assert(!c->out.over);
	}
	buf_release(&header);
	channel_rearm(c);
	return sent < 0 ? (int)sent : 0;
}

int
channel_send(struct channel *c, uint16_t type, struct str a, struct str b, struct str d)
{
	return channel_send_parts(c, type, (struct str[]){a, b, d}, 3, -1);
}

int
channel_send_fd(struct channel *c, uint16_t type, struct str payload, int fd)
{
	assert(fd >= 0);
	return channel_send_parts(c, type, &payload, 1, fd);
}

size_t
channel_queued(const struct channel *c)
{
	return c->out.n - c->out_at;
}

/* Takes the descriptors that came with one read. More than fit are not our protocol. */
static int
channel_take_fds(struct channel *c, struct msghdr *m)
{
	int error = m->msg_flags & MSG_CTRUNC ? E_INVALID : 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
			int fd;
			memcpy(&fd, (char *)h + at, sizeof(int));
			if (c->in_fd_count < IN_FDS) {
				c->in_fds[c->in_fd_count++] = fd;
			} else {
				close(fd);
				error = E_INVALID;
			}
		}
	}
	return error;
}

/* How much to ask for: the rest of the message under way, at least a step. */
static size_t
channel_read_size(const struct channel *c)
{
	struct wire w = {.rest = str_skip(buf_str(&c->in), c->in_at)};
	size_t have = w.rest.n;

	if (have < HEADER)
		return READ_STEP;
	size_t want = HEADER + wire_u32(&w); /* channel_deliver() has refused what is too long */
	return want > have + READ_STEP ? want - have : READ_STEP;
}

/* One read. Bytes, 0 at the end of the stream, E_AGAIN, E_INVALID. */
static ssize_t
channel_read(struct channel *c)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;

	if (c->in_at) {
		memmove(c->in.p, c->in.p + c->in_at, c->in.n - c->in_at);
		c->in.n -= c->in_at;
		c->in_at = 0;
	}
	if (c->in.n == 0 && c->in.cap > READ_KEEP) {
		buf_release(&c->in);
		c->in.max = HEADER + CHANNEL_MAX + READ_STEP;
	}
	size_t size = channel_read_size(c);
	struct iovec part = {buf_room(&c->in, size), size};
	assert(part.iov_base);
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
	    .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? E_AGAIN : 0;
	c->in.n += (size_t)n;
	int error = channel_take_fds(c, &m);
	return error ? error : n;
}

/* One message from the front of `in`. 1, 0 when it is not whole yet, E_INVALID. */
static int
channel_deliver(struct channel *c)
{
	struct wire w = {.rest = str_skip(buf_str(&c->in), c->in_at)};

	if (w.rest.n < HEADER)
		return 0;
	uint32_t length = wire_u32(&w);
	uint16_t type = wire_u16(&w);
	uint16_t fds = wire_u16(&w);
	/* A descriptor arrives with the first byte of its message, so with the header at the latest. */
	if (length > CHANNEL_MAX || fds > 1 || (fds && !c->in_fd_count))
		return E_INVALID;
	if (w.rest.n < length)
		return 0;
	int fd = -1;
	if (fds) {
		fd = c->in_fds[0];
		memmove(c->in_fds, c->in_fds + 1, --c->in_fd_count * sizeof(c->in_fds[0]));
	}
	c->in_at += HEADER + length;
	c->events->message(c->user, c, type, str_cut(w.rest, 0, length), fd);
	return 1;
}

/* All whole messages. Then a descriptor may only be left for a message that is still under way. */
static int
channel_deliver_all(struct channel *c)
{
	int more = 1;

	while (more > 0 && !c->dead && !c->paused)
		more = channel_deliver(c);
	if (more == 0 && c->in_fd_count && c->in_at == c->in.n)
		return E_INVALID;
	return more < 0 ? more : 0;
}

/* False: the stream has ended or is no longer ours. */
static bool
channel_pull(struct channel *c)
{
	if (channel_deliver_all(c) < 0) /* what a pause left */
		return false;
	for (int i = 0; i < READS_A_TURN && channel_wants_read(c); i++) {
		ssize_t n = channel_read(c);
		if (n == E_AGAIN)
			break;
		if (n <= 0 || channel_deliver_all(c) < 0)
			return false;
	}
	return true;
}

void
channel_pump(struct channel *c, unsigned events)
{
	assert(!c->busy);
	c->busy = true;
	bool waited = channel_queued(c) > 0;
	if (events & LOOP_WRITE && !c->dead)
		channel_push(c);
	if (waited && !c->dead && !c->mute && channel_queued(c) == 0 && c->events->drained)
		c->events->drained(c->user, c);
	bool open = events == LOOP_WRITE || !channel_wants_read(c) || channel_pull(c);
	if (c->paused && events & LOOP_HANGUP) {
		/* Would be told again and again; what the peer said before it left is read after the pause. */
		loop_remove(c->watch);
		c->watch = NULL;
		channel_drop_output(c);
		c->mute = true;
	}
	if (!open && !c->dead) {
		channel_close(c);
		c->events->closed(c->user, c);
	}
	c->busy = false;
	if (c->freed)
		channel_free(c);
	else if (!c->dead)
		channel_rearm(c);
}

static void
channel_on_kick(void *user)
{
	struct channel *c = user;

	c->kick = NULL;
	channel_pump(c, 0);
}

void
channel_pause(struct channel *c, bool pause)
{
	if (c->dead || c->paused == pause)
		return;
	c->paused = pause;
	if (!pause && c->loop && !c->watch)
		c->watch = loop_add(c->loop, c->fd, LOOP_READ, channel_on_fd, c);
	/* Whole messages may lie in our own buffer, where no descriptor event will ever tell of them. */
	if (!pause && c->loop && !c->kick && c->in_at < c->in.n)
		c->kick = loop_add_timer(c->loop, 0, 0, channel_on_kick, c);
	channel_rearm(c);
}

void
channel_flush(struct channel *c, int64_t ms)
{
	int64_t end = clock_monotonic_ms() + ms;

	while (channel_wants_write(c)) {
		channel_push(c);
		int64_t left = end - clock_monotonic_ms();
		if (left <= 0)
			break;
		struct pollfd p = {.fd = c->fd, .events = POLLOUT};
		if (channel_wants_write(c))
			poll(&p, 1, (int)left);
	}
	if (!c->dead)
		channel_rearm(c);
}

int
channel_fd(const struct channel *c)
{
	return c->fd;
}

bool
channel_wants_read(const struct channel *c)
{
	return !c->dead && !c->paused;
}

bool
channel_wants_write(const struct channel *c)
{
	return !c->dead && channel_queued(c) > 0;
}
