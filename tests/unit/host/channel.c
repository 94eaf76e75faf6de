/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/wire.h"
#include "tap.h"

struct seen {
	struct loop *loop;
	uint64_t messages, bytes, digest;
	uint32_t closed, drained, fds;
	uint16_t type;
	uint64_t stop_at;   /* stop the loop after so many messages */
	uint64_t pause_at;
	bool free_at_once;
	int fd[8];
};

static uint64_t
digest_add(uint64_t digest, uint16_t type, struct str payload)
{
	return hash64_mix(hash64_mix(digest, type), hash64(payload, 7));
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct seen *s = user;

	s->type = type;
	s->messages++;
	s->bytes += payload.n;
	s->digest = digest_add(s->digest, type, payload);
	if (fd >= 0 && s->fds < COUNT(s->fd))
		s->fd[s->fds++] = fd;
	if (s->messages == s->stop_at)
		loop_stop(s->loop);
	if (s->messages == s->pause_at)
		channel_pause(c, true);
	if (s->free_at_once)
		channel_free(c);
}

static void
on_closed(void *user, struct channel *c)
{
	struct seen *s = user;

	s->closed++;
	if (s->loop)
		loop_stop(s->loop);
}

static void
on_drained(void *user, struct channel *c)
{
	((struct seen *)user)->drained++;
}

static const struct channel_events events = {on_message, on_closed, on_drained};

/* A channel on one end, bare bytes on the other. */
struct bare {
	struct loop *loop;
	struct channel *c;
	struct seen seen;
	int fd;
};

static void
bare_init(struct bare *b)
{
	int fds[2];

	*b = (struct bare){.loop = loop_new()};
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	b->fd = fds[0];
	b->seen.loop = b->loop;
	b->c = channel_new(b->loop, fds[1], &events, &b->seen);
}

static void
bare_release(struct bare *b)
{
	channel_free(b->c);
	loop_free(b->loop);
	if (b->fd >= 0)
		close(b->fd);
	for (uint32_t i = 0; i < b->seen.fds; i++)
		close(b->seen.fd[i]);
}

static void
frame(struct buf *out, uint32_t length, uint16_t type, uint16_t fds, struct str payload)
{
	wire_put_u32(out, length);
	wire_put_u16(out, type);
	wire_put_u16(out, fds);
	buf_add(out, payload);
}

static uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

TEST(messages_survive_any_chunking)
{
	uint64_t random = 88172645463325252u, digest = 0, bytes = 0;
	struct buf stream = BUF_INIT, payload = BUF_INIT;
	struct bare b;

	bare_init(&b);
	for (int i = 0; i < 400; i++) {
		uint16_t type = (uint16_t)random_next(&random);
		size_t n = random_next(&random) % (i % 10 ? 40 : 90000);
		buf_clear(&payload);
		for (size_t k = 0; k < n; k++)
			buf_add_char(&payload, (char)random_next(&random));
		frame(&stream, (uint32_t)n, type, 0, buf_str(&payload));
		digest = digest_add(digest, type, buf_str(&payload));
		bytes += n;
	}
	for (size_t at = 0; at < stream.n;) {
		struct str chunk = str_cut(buf_str(&stream), at, at + 1 + random_next(&random) % (at % 3 ? 30000 : 9));
		ssize_t n = send(b.fd, chunk.p, chunk.n, MSG_DONTWAIT);
		at += n > 0 ? (size_t)n : 0;
		loop_turn(b.loop, 0);
	}
	loop_turn(b.loop, 0);
	CHECK_INT(b.seen.messages, 400);
	CHECK_INT(b.seen.bytes, bytes);
	CHECK(b.seen.digest == digest);
	CHECK_INT(b.seen.closed, 0);
	buf_release(&stream);
	buf_release(&payload);
	bare_release(&b);
}

static const struct {
	const char *name;
	uint32_t length;
	uint16_t fds;
	struct str payload;
	uint64_t messages;
} hostile[] = {
	{"too long", CHANNEL_MAX + 1, 0, STR_INIT("x"), 0},
	{"all ones", UINT32_MAX, UINT16_MAX, STR_INIT(""), 0},
	{"two descriptors", 0, 2, STR_INIT(""), 0},
	{"a descriptor that did not come", 0, 1, STR_INIT(""), 0},
	{"cut in its payload", 10, 0, STR_INIT("123456789"), 0},
	{"cut in the next header", 1, 0, STR_INIT("1\1\0\0"), 1},
	{"the longest, cut", CHANNEL_MAX, 0, STR_INIT("x"), 0},
};

TEST(hostile_frames_close_the_channel)
{
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct buf stream = BUF_INIT;
		struct bare b;
		bare_init(&b);
		frame(&stream, 0, 5, 0, STR(""));
		frame(&stream, hostile[i].length, 6, hostile[i].fds, hostile[i].payload);
		CHECK_INT(write(b.fd, stream.p, stream.n), stream.n);
		shutdown(b.fd, SHUT_WR);
		loop_run(b.loop);
		tap_check(b.seen.messages == 1 + hostile[i].messages && b.seen.closed == 1, __FILE__, __LINE__, "%s",
		    hostile[i].name);
		CHECK_INT(channel_send(b.c, 1, STR("late"), STR(""), STR("")), E_CLOSED);
		buf_release(&stream);
		bare_release(&b);
	}
}

static void
send_fds(int socket, struct str bytes, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
	    .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *h = &control.header;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(h), fds, count * sizeof(int));
	CHECK_INT(sendmsg(socket, &m, 0), bytes.n);
}

static int
count_open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(descriptors_nobody_announced_close_the_channel_and_do_not_leak)
{
	static const size_t counts[] = {1, 2, 5, 8};
	int before = count_open_fds();

	for (size_t i = 0; i < COUNT(counts); i++) {
		int fds[8] = {0, 0, 0, 0, 0, 0, 0, 0};
		struct bare b;
		bare_init(&b);
		send_fds(b.fd, STR("\0\0\0\0\1\0\0\0"), fds, counts[i]);
		loop_run(b.loop);
		CHECK_INT(b.seen.closed, 1);
		bare_release(&b);
	}
	CHECK_INT(count_open_fds(), before);
}

/* Two channels in one loop. */
struct pair {
	struct loop *loop;
	struct channel *c[2];
	struct seen seen[2];
};

static void
pair_init(struct pair *p)
{
	int fds[2];

	*p = (struct pair){.loop = loop_new()};
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		p->seen[i].loop = p->loop;
		p->c[i] = channel_new(p->loop, fds[i], &events, &p->seen[i]);
	}
}

static void
pair_release(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		channel_free(p->c[i]);
		for (uint32_t k = 0; k < p->seen[i].fds; k++)
			close(p->seen[i].fd[k]);
	}
	loop_free(p->loop);
}

TEST(large_messages_queue_drain_and_arrive_whole)
{
	struct buf big = BUF_INIT;
	struct pair p;
	uint64_t digest = 0;

	pair_init(&p);
	memset(buf_room(&big, CHANNEL_MAX), 'k', CHANNEL_MAX);
	big.n = CHANNEL_MAX;
	for (size_t n = 0; n <= CHANNEL_MAX; n = n * 3 + 1) {
		struct str s = str_cut(buf_str(&big), 0, n);
		CHECK_INT(channel_send(p.c[0], 9, str_cut(s, 0, 10), str_cut(s, 10, n / 2), str_skip(s, n / 2 < 10 ? 10 : n / 2)), 0);
		digest = digest_add(digest, 9, s);
		p.seen[1].stop_at++;
	}
	CHECK(channel_queued(p.c[0]) > CHANNEL_MAX / 2);
	CHECK_INT(channel_send(p.c[0], 9, buf_str(&big), STR("1"), STR("")), E_LIMIT);
	loop_run(p.loop);
	CHECK(p.seen[1].digest == digest);
	CHECK_INT(channel_queued(p.c[0]), 0);
	loop_turn(p.loop, 0);
	CHECK_INT(p.seen[0].drained, 1);
	buf_release(&big);
	pair_release(&p);
}

TEST(a_peer_that_does_not_read_costs_bounded_memory)
{
	struct buf big = BUF_INIT;
	struct pair p;
	int error = 0;
	uint64_t sent = 0;

	pair_init(&p);
	memset(buf_room(&big, 1 << 20), 'k', 1 << 20);
	big.n = 1 << 20;
	channel_pause(p.c[1], true);
	while (!error && sent < 1000)
		if (!(error = channel_send(p.c[0], 3, buf_str(&big), STR(""), STR(""))))
			sent++;
	CHECK_INT(error, E_FULL);
	CHECK(channel_queued(p.c[0]) <= CHANNEL_QUEUE_MAX);
	for (int i = 0; i < 10; i++)
		loop_turn(p.loop, 0);
	CHECK_INT(p.seen[1].messages, 0);
	channel_pause(p.c[1], false);
	p.seen[1].stop_at = sent;
	loop_run(p.loop);
	CHECK_INT(p.seen[1].bytes, sent << 20);
	buf_release(&big);
	pair_release(&p);
}

TEST(descriptors_arrive_with_their_messages_also_behind_a_full_queue)
{
	struct buf big = BUF_INIT;
	struct pair p;
	int pipes[4][2];

	pair_init(&p);
	memset(buf_room(&big, 3 << 20), 'k', 3 << 20);
	big.n = 3 << 20;
	for (int i = 0; i < 4; i++) {
		CHECK_INT(pipe(pipes[i]), 0);
		CHECK_INT(channel_send_fd(p.c[0], (uint16_t)i, str_cut(buf_str(&big), 0, i % 2 ? big.n : 1), pipes[i][1]), 0);
		CHECK_INT(channel_send(p.c[0], 99, buf_str(&big), STR(""), STR("")), 0);
		close(pipes[i][1]);
	}
	p.seen[1].stop_at = 8;
	loop_run(p.loop);
	CHECK_INT(p.seen[1].fds, 4);
	for (int i = 0; i < 4; i++) {
		char c = (char)('a' + i), back = 0;
		CHECK_INT(write(p.seen[1].fd[i], &c, 1), 1);
		CHECK_INT(read(pipes[i][0], &back, 1), 1);
		CHECK_INT(back, c);
		CHECK(fcntl(p.seen[1].fd[i], F_GETFD) & FD_CLOEXEC);
		close(pipes[i][0]);
	}
	buf_release(&big);
	pair_release(&p);
}

TEST(what_a_peer_said_before_it_left_is_still_delivered)
{
	struct pair p;

	pair_init(&p);
	for (int i = 0; i < 10; i++)
		CHECK_INT(channel_send(p.c[0], 4, STR("last words"), STR(""), STR("")), 0);
	channel_free(p.c[0]);
	p.c[0] = NULL;
	CHECK(channel_send(p.c[1], 4, STR("too late"), STR(""), STR("")) == E_CLOSED);
	CHECK_INT(p.seen[1].closed, 0);
	loop_run(p.loop);
	CHECK_INT(p.seen[1].messages, 10);
	CHECK_INT(p.seen[1].closed, 1);
	pair_release(&p);
}

TEST(a_paused_channel_keeps_what_was_read_and_learns_of_the_end_later)
{
	struct pair p;

	pair_init(&p);
	p.seen[1].pause_at = 3;
	for (int i = 0; i < 10; i++)
		CHECK_INT(channel_send(p.c[0], 4, STR("words"), STR(""), STR("")), 0);
	channel_free(p.c[0]);
	p.c[0] = NULL;
	for (int i = 0; i < 5; i++)
		loop_turn(p.loop, 0);
	CHECK_INT(p.seen[1].messages, 3);
	CHECK_INT(p.seen[1].closed, 0);
	channel_pause(p.c[1], false);
	loop_run(p.loop);
	CHECK_INT(p.seen[1].messages, 10);
	CHECK_INT(p.seen[1].closed, 1);
	pair_release(&p);
}

TEST(a_callback_may_free_its_channel)
{
	struct pair p;

	pair_init(&p);
	p.seen[1].free_at_once = true;
	CHECK_INT(channel_send(p.c[0], 4, STR("a"), STR(""), STR("")), 0);
	CHECK_INT(channel_send(p.c[0], 4, STR("b"), STR(""), STR("")), 0);
	loop_run(p.loop); /* until c[0] sees the end */
	CHECK_INT(p.seen[1].messages, 1);
	CHECK_INT(p.seen[1].closed, 0);
	CHECK_INT(p.seen[0].closed, 1);
	p.c[1] = NULL;
	pair_release(&p);
}

TEST(a_channel_works_without_our_loop)
{
	struct seen seen[2] = {0};
	struct channel *c[2];
	struct buf big = BUF_INIT;
	int fds[2];

	memset(buf_room(&big, 4 << 20), 'k', 4 << 20);
	big.n = 4 << 20;
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		c[i] = channel_new(NULL, fds[i], &events, &seen[i]);
	CHECK_INT(channel_fd(c[1]), fds[1]);
	CHECK(channel_wants_read(c[1]) && !channel_wants_write(c[0]));
	CHECK_INT(channel_send(c[0], 12, buf_str(&big), STR(""), STR("")), 0);
	CHECK(channel_wants_write(c[0]));
	for (int i = 0; i < 1000 && !seen[1].messages; i++) {
		channel_pump(c[1], LOOP_READ);
		channel_pump(c[0], LOOP_WRITE);
	}
	CHECK_INT(seen[1].bytes, big.n);
	CHECK_INT(seen[1].type, 12);
	CHECK_INT(seen[0].drained, 1);
	channel_free(c[0]);
	channel_pump(c[1], LOOP_READ);
	CHECK_INT(seen[1].closed, 1);
	CHECK(!channel_wants_read(c[1]));
	channel_free(c[1]);
	buf_release(&big);
}

TEST(flush_gives_up_on_a_peer_that_does_not_read)
{
	struct buf big = BUF_INIT;
	struct bare b;

	memset(buf_room(&big, 2 << 20), 'k', 2 << 20);
	big.n = 2 << 20;
	bare_init(&b);
	CHECK_INT(channel_send(b.c, 1, STR("small"), STR(""), STR("")), 0);
	channel_flush(b.c, 1000);
	CHECK_INT(channel_queued(b.c), 0);
	CHECK_INT(channel_send(b.c, 1, buf_str(&big), STR(""), STR("")), 0);
	channel_flush(b.c, 20);
	CHECK(channel_queued(b.c) > 0);
	close(b.fd);
	b.fd = -1;
	channel_flush(b.c, 60000);
	CHECK_INT(channel_queued(b.c), 0);
	buf_release(&big);
	bare_release(&b);
}
