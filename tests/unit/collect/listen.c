/* SPDX-License-Identifier: EUPL-1.2 */
/* Doors before a disk that fills up: real sockets, the journal on a disk in memory, all in one process. */
#include "collect/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "disk.h"
#include "tap.h"

#define SEGMENT (128u << 10)
#define MESSAGE 4000u

struct entrance {
	struct disk disk;
	struct loop *loop;
	struct journal *journal;
	struct sources *sources;
	struct gather *gather;
	struct doors *doors;
	uint64_t blocks;
	int stalled, stalls;
	int relp, udp;           /* our ends */
	uint32_t sent, answered;
	struct buf out, in;
};

static void
on_block(void *user, uint64_t number, struct str batch)
{
	struct entrance *e = user;
	e->blocks++;
}

static void
on_committed(void *user, uint64_t ticket)
{
	struct entrance *e = user;
	doors_committed(e->doors, ticket);
}

static void
on_stalled(void *user, int error)
{
	struct entrance *e = user;
	e->stalled = error;
	e->stalls += error < 0;
	doors_pause(e->doors, error < 0);
}

static const struct gather_events gather_events = {on_block, on_committed, on_stalled};

/* A door of that kind, and a socket connected to it. */
static int
door(struct entrance *e, enum listen_kind kind, int type)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ours = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&a, n) < 0 || (type == SOCK_STREAM && listen(fd, 4) < 0) ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0 || connect(ours, (struct sockaddr *)&a, n) < 0)
		abort();
	CHECK_INT(doors_add(e->doors, kind, STR("here"), fd), 0);
	return ours;
}

static struct entrance *
entrance_new(void)
{
	struct entrance *e = MEM_NEW(struct entrance);
	disk_init(&e->disk, 1);
	struct journal_options o = {.io = &e->disk.io, .directory = STR("j"), .segment_bytes = SEGMENT, .max_bytes = SEGMENT};
	CHECK_INT(journal_open(&o, &e->journal, NULL), 0);
	e->loop = loop_new();
	e->sources = sources_new();
	e->gather = gather_new(e->loop, e->journal, &gather_events, e);
	e->doors = doors_new(e->loop, e->gather, e->sources);
	e->relp = door(e, LISTEN_RELP, SOCK_STREAM);
	e->udp = door(e, LISTEN_SYSLOG_UDP, SOCK_DGRAM);
	buf_add(&e->out, STR("1 open 0\n"));
	return e;
}

static void
entrance_free(struct entrance *e)
{
	close(e->relp);
	close(e->udp);
	doors_free(e->doors);
	gather_free(e->gather);
	sources_free(e->sources);
	journal_close(e->journal);
	loop_free(e->loop);
	disk_release(&e->disk);
	buf_release(&e->out);
	buf_release(&e->in);
	mem_free(e);
}

/* Send what the socket takes, read what is answered, let the doors work. */
static void
exchange(struct entrance *e)
{
	ssize_t n = send(e->relp, e->out.p, e->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		memmove(e->out.p, e->out.p + n, e->out.n - (size_t)n);
		e->out.n -= (size_t)n;
	}
	char *room = buf_room(&e->in, 65536);
	n = recv(e->relp, room, 65536, MSG_DONTWAIT);
	e->in.n += n > 0 ? (size_t)n : 0;
	struct str in = buf_str(&e->in);
	for (ptrdiff_t lf; in.n && (lf = str_find_char(in, '\n')) >= 0; in = str_skip(in, (size_t)lf + 1))
		e->answered += str_ends(str_cut(in, 0, (size_t)lf), STR(" rsp 6 200 OK"));
	memmove(e->in.p, in.p, in.n);
	e->in.n = in.n;
	loop_turn(e->loop, 5);
}

/* A message that does not compress. */
static void
message_add(struct entrance *e)
{
	buf_addf(&e->out, "%u syslog %u ", ++e->sent + 1, MESSAGE);
	for (unsigned i = 0; i < MESSAGE / 8; i++) {
		uint64_t noise = disk_random(&e->disk);
		buf_add(&e->out, str_from((const char *)&noise, 8));
	}
	buf_add_char(&e->out, '\n');
}

/* Records in the journal, whatever is committed. */
static uint64_t
stored(struct entrance *e)
{
	struct journal_stats s = journal_stats(e->journal);
	struct buf b = BUF_INIT;
	struct raw r;
	uint64_t count = 0;
	for (uint64_t n = s.first; n <= s.committed; n++) {
		CHECK_INT(journal_read(e->journal, n, &b), 0);
		for (struct wire w = {buf_str(&b), false}; batch_take(&w, &r);)
			count++;
	}
	buf_release(&b);
	return count;
}

TEST(a_full_disk_stops_answers_and_reading_until_there_is_room)
{
	struct entrance *e = entrance_new();
	struct report_port port[DOORS_MAX];
	for (unsigned i = 0; i < 60; i++)
		message_add(e);
	for (int i = 0; i < 300 && (!e->stalled || i < 100); i++)
		exchange(e);
	CHECK_INT(e->stalled, E_FULL);
	CHECK_INT(e->answered, stored(e)); /* every answer is on disk, and what is on disk was answered */
	CHECK(e->answered > 0 && e->answered < 60);
	CHECK_INT(doors_ports(e->doors, port), 2);
	uint64_t received = port[0].received;
	for (unsigned i = 0; i < 20; i++) {
		message_add(e);
		CHECK_INT(send(e->udp, "<1>x", 4, 0), 4);
	}
	for (int i = 0; i < 20; i++)
		exchange(e);
	doors_ports(e->doors, port);
	CHECK_INT(port[0].received, received); /* nobody is read */
	CHECK_INT(port[1].received, 0);
	for (int i = 0; i < 2000 && e->answered < e->sent; i++) {
		journal_release(e->journal, UINT64_MAX); /* the archive has it */
		exchange(e);
	}
	CHECK_INT(e->answered, 80);
	CHECK_INT(e->stalled, 0);
	for (int i = 0; i < 100 && port[1].received < 20; i++) {
		exchange(e);
		doors_ports(e->doors, port);
	}
	CHECK_INT(port[1].received, 20);
	CHECK_INT(port[0].acknowledged, 80);
	entrance_free(e);
}

TEST(a_disk_that_fails_answers_nobody)
{
	struct entrance *e = entrance_new();
	message_add(e);
	for (int i = 0; i < 200 && !e->answered; i++)
		exchange(e);
	CHECK_INT(e->answered, 1);
	e->disk.fail_at = e->disk.calls + 1;
	e->disk.fail_on = true;
	message_add(e);
	for (int i = 0; i < 100; i++)
		exchange(e);
	CHECK_INT(e->answered, 1);
	CHECK_INT(e->stalled, E_IO);
	CHECK(e->stalls >= 1);
	e->disk.fail_at = 0;
	e->disk.fail_on = false;
	for (int i = 0; i < 500 && e->answered < 2; i++)
		exchange(e);
	CHECK_INT(e->answered, 2);
	CHECK_INT(e->stalled, 0);
	entrance_free(e);
}

TEST(who_breaks_relp_is_told_and_counted)
{
	struct entrance *e = entrance_new();
	struct report_port port[DOORS_MAX];
	buf_clear(&e->out);
	buf_add(&e->out, STR("GET / HTTP/1.1\r\n\r\n"));
	for (int i = 0; i < 50; i++)
		exchange(e);
	CHECK_INT(recv(e->relp, (char[8]){0}, 8, MSG_DONTWAIT), 0); /* told, then the end */
	doors_ports(e->doors, port);
	CHECK_INT(port[0].errors, 1);
	CHECK_INT(port[0].received, 0);
	entrance_free(e);
}
