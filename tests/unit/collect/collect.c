/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The role as it runs: a process of its own behind real sockets, killed at random moments. The test holds the sockets, as
 * the supervisor does, and speaks RELP, TCP and UDP to it.
 */
#include "collect/collect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "collect/report.h"
#include "host/clock.h"
#include "store/journal.h"
#include "tap.h"

/* A sanitizer's own memory would be measured too. */
#if defined(__SANITIZE_ADDRESS__)
#define RESIDENT_TELLS 0
#elif defined(__has_feature)
#define RESIDENT_TELLS !__has_feature(address_sanitizer)
#else
#define RESIDENT_TELLS 1
#endif

struct house {
	char data[200], drop[200];
	int udp, tcp, relp;      /* bound here, used there */
	FILE *ours;              /* open here only; or NULL */
	pid_t pid;
	struct loop *loop;
	struct channel *core;    /* our end of it: we are core */
	struct arena arena;
	struct report report;    /* the last one */
	struct buf message;
};

static int
bound(int type)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || (type == SOCK_STREAM && listen(fd, 64) < 0))
		abort();
	return fd;
}

/* A socket connected to what is bound to fd. */
static int
connected(int fd, int type)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;
	getsockname(fd, (struct sockaddr *)&a, &n);
	int c = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (connect(c, (struct sockaddr *)&a, n) < 0)
		abort();
	return c;
}

static void
ignore_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
}

static void
ignore_closed(void *user, struct channel *c)
{
}

static void
on_term(void *user, int signal)
{
	collect_role.events.stop(user);
}

static void
child_run(struct house *h, int core)
{
	static const struct channel_events nothing = {.message = ignore_message, .closed = ignore_closed};
	static struct options o;
	static struct role_context rc = {.role = ROLE_COLLECT, .options = &o};
	int control[2];
	snprintf(o.data, sizeof o.data, "%s", h->data);
	snprintf(o.drop, sizeof o.drop, "%s", h->drop);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0)
		abort();
	rc.loop = loop_new();
	rc.control = channel_new(rc.loop, control[0], &nothing, NULL);
	loop_on(rc.loop, SIGTERM, on_term, &rc);
	if (collect_role.start(&rc) < 0)
		_exit(3);
	collect_role.events.listen(&rc, LISTEN_SYSLOG_UDP, STR("udp"), dup(h->udp));
	collect_role.events.listen(&rc, LISTEN_SYSLOG_TCP, STR("tcp"), dup(h->tcp));
	collect_role.events.listen(&rc, LISTEN_RELP, STR("relp"), dup(h->relp));
	collect_role.events.peer(&rc, ROLE_CORE, core);
	loop_run(rc.loop);
	_exit(0);
}

static void
on_report(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct house *h = user;
	if (type != MSG_SOURCES)
		return;
	buf_clear(&h->message);
	buf_add(&h->message, payload);
	arena_clear(&h->arena);
	CHECK_INT(report_read(buf_str(&h->message), &h->arena, &h->report), 0);
}

static void
house_start(struct house *h)
{
	static const struct channel_events events = {.message = on_report, .closed = ignore_closed};
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	fflush(NULL);
	h->report = (struct report){0};
	h->pid = fork();
	if (h->pid == 0) {
		close(pair[0]);
		if (h->ours)
			close(fileno(h->ours));
		child_run(h, pair[1]);
	}
	close(pair[1]);
	h->core = channel_new(h->loop, pair[0], &events, h);
}

static int
house_end(struct house *h, int signal)
{
	int status = 0;
	kill(h->pid, signal);
	while (signal == SIGTERM && waitpid(h->pid, &status, WNOHANG) == 0)
		loop_turn(h->loop, 5);
	if (signal != SIGTERM)
		waitpid(h->pid, &status, 0);
	channel_free(h->core);
	return status;
}

static struct house *
house_new(bool drop)
{
	struct house *h = MEM_NEW(struct house);
	snprintf(h->data, sizeof h->data, "%s", tap_folder());
	if (drop)
		snprintf(h->drop, sizeof h->drop, "%s", tap_folder());
	h->udp = bound(SOCK_DGRAM);
	h->tcp = bound(SOCK_STREAM);
	h->relp = bound(SOCK_STREAM);
	h->loop = loop_new();
	arena_init(&h->arena, 64 << 10, 16 << 20);
	return h;
}

static void
house_free(struct house *h)
{
	loop_free(h->loop);
	close(h->udp);
	close(h->tcp);
	close(h->relp);
	arena_release(&h->arena);
	buf_release(&h->message);
	mem_free(h);
}

/* Wait for a report in which `field` of the port of that kind is at least n; at most ten seconds. */
static const struct report_port *
house_port(struct house *h, enum listen_kind kind, uint64_t received)
{
	int64_t until = clock_monotonic_ms() + 10000;
	while (clock_monotonic_ms() < until) {
		for (uint32_t i = 0; i < h->report.port_count; i++)
			if (h->report.port[i].kind == kind &&
			    h->report.port[i].received + h->report.port[i].kernel_drops >= received)
				return &h->report.port[i];
		loop_turn(h->loop, 100);
	}
	return NULL;
}

/* Every record of the journal, oldest first, to fn. */
static void
journal_records(struct house *h, void (*fn)(void *user, const struct raw *r), void *user)
{
	char folder[256];
	struct journal *j = NULL;
	struct buf b = BUF_INIT;
	struct raw r;
	snprintf(folder, sizeof folder, "%s/journal", h->data);
	struct journal_options o = {.io = &store_io_disk, .directory = str_z(folder)};
	CHECK_INT(journal_open(&o, &j, NULL), 0);
	if (!j)
		return;
	struct journal_stats s = journal_stats(j);
	for (uint64_t n = s.first; n < s.next; n++) {
		CHECK_INT(journal_read(j, n, &b), 0);
		struct wire w = {buf_str(&b), false};
		while (batch_take(&w, &r))
			fn(user, &r);
		CHECK(!w.bad);
	}
	journal_close(j);
	buf_release(&b);
}

static void
put_record(void *user, const struct raw *r)
{
	struct buf *b = user;
	buf_add(b, r->bytes);
	buf_add_char(b, '|');
}

/* ---------------------------------------------------------------------------------------------------------- RELP */

#define MESSAGES_MAX (1u << 22)

struct client {
	int fd;
	uint32_t first;          /* sequence of the message that has txnr 2 */
	uint32_t sent, answered; /* since then */
	bool opened;
	struct buf out, in;
};

static void
client_open(struct client *c, struct house *h, uint32_t first)
{
	*c = (struct client){.fd = connected(h->relp, SOCK_STREAM), .first = first};
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	buf_add(&c->out, STR("1 open 14 relp_version=0\n"));
}

static void
client_send(struct client *c, uint32_t window)
{
	while (c->out.n < 32768 && c->sent - c->answered < window && c->first + c->sent < MESSAGES_MAX) {
		struct buf m = BUF_INIT;
		buf_addf(&m, "<13>Nov 22 06:00:00 commune-07 app[12]: number=%u text of an ordinary length", c->first + c->sent);
		buf_addf(&c->out, "%u syslog %zu %s\n", c->sent + 2, m.n, m.p);
		buf_release(&m);
		c->sent++;
	}
	ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);
	if (n > 0) {
		memmove(c->out.p, c->out.p + n, c->out.n - (size_t)n);
		c->out.n -= (size_t)n;
	}
}

/* Answers come in order, one for each. False when the server is gone. */
static bool
client_receive(struct client *c)
{
	char *room = buf_room(&c->in, 65536), want[32];
	ssize_t n = recv(c->fd, room, 65536, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->in.n += (size_t)n;
	struct str in = buf_str(&c->in);
	for (ptrdiff_t lf; (lf = str_find_char(in, '\n')) >= 0; in = str_skip(in, (size_t)lf + 1)) {
		struct str line = str_cut(in, 0, (size_t)lf);
		if (str_starts(line, STR("relp_")) || str_starts(line, STR("commands="))) {
			c->opened = true;
			continue;
		}
		snprintf(want, sizeof want, c->opened ? "%u rsp 6 200 OK" : "%u rsp 57 200 OK", c->opened ? c->answered + 2 : 1);
		CHECK_STR(line, str_z(want));
		c->answered += c->opened;
	}
	memmove(c->in.p, in.p, in.n);
	c->in.n = in.n;
	return true;
}

static void
client_close(struct client *c)
{
	close(c->fd);
	buf_release(&c->in);
	buf_release(&c->out);
}

static void
mark_number(void *user, const struct raw *r)
{
	uint8_t *there = user;
	uint64_t number = 0;
	ptrdiff_t at = str_find(r->bytes, STR("number="));
	struct str digits = str_skip(r->bytes, (size_t)(at + 7));
	ptrdiff_t end = str_find_char(digits, ' ');
	CHECK(at >= 0 && end > 0 && str_to_u64(str_cut(digits, 0, (size_t)end), &number) && number < MESSAGES_MAX);
	there[number < MESSAGES_MAX ? number : 0] = 1;
}

TEST(what_was_acknowledged_survives_every_kill)
{
	struct house *h = house_new(false);
	uint8_t *acknowledged = mem_calloc(MESSAGES_MAX, 1), *there = mem_calloc(MESSAGES_MAX, 1);
	uint64_t kills = 50, random = 4711, total = 0, lost = 0, stored = 0;
	const char *more = getenv("KHIEN_KILLS");
	if (more && !str_to_u64(str_z(more), &kills))
		kills = 50;
	for (uint64_t k = 0; k < kills; k++) {
		struct client c;
		house_start(h);
		client_open(&c, h, (uint32_t)(k * (MESSAGES_MAX / (kills + 1))));
		random = random * 6364136223846793005u + 1442695040888963407u;
		int64_t until = clock_monotonic_ns() + 1000000 * (int64_t)(5 + (random >> 33) % 60);
		bool alive = true;
		while (alive && clock_monotonic_ns() < until) {
			client_send(&c, 1 + (uint32_t)(random >> 40) % 3000);
			struct pollfd p = {c.fd, POLLIN, 0};
			poll(&p, 1, 1);
			alive = client_receive(&c);
		}
		house_end(h, SIGKILL);
		while (client_receive(&c) && poll(&(struct pollfd){c.fd, POLLIN, 0}, 1, 100) > 0)
			;
		memset(acknowledged + c.first, 1, c.answered);
		total += c.answered;
		client_close(&c);
	}
	journal_records(h, mark_number, there);
	for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
		lost += acknowledged[i] && !there[i];
		stored += there[i];
	}
	printf("# %llu kills, %llu acknowledged, %llu stored\n", (unsigned long long)kills, (unsigned long long)total,
	    (unsigned long long)stored);
	CHECK_INT(lost, 0);
	CHECK(total > 1000);
	mem_free(acknowledged);
	mem_free(there);
	house_free(h);
}

/* ----------------------------------------------------------------------------------------------------------- UDP */

static void
count_record(void *user, const struct raw *r)
{
	(*(uint64_t *)user)++;
}

TEST(datagrams_sent_are_received_or_counted_as_dropped)
{
	struct house *h = house_new(false);
	int small = 16384, c = connected(h->udp, SOCK_DGRAM);
	uint64_t sent = 0, stored = 0;
	house_start(h);
	const struct report_port *p = house_port(h, LISTEN_SYSLOG_UDP, 0); /* it has enlarged the buffer by now */
	CHECK(p != NULL);
	setsockopt(h->udp, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	for (unsigned round = 0; round < 20; round++) {
		if (round % 2)
			kill(h->pid, SIGSTOP);
		for (unsigned i = 0; i < 500; i++)
			sent += send(c, "<13>a datagram of no importance", 31, 0) == 31;
		kill(h->pid, SIGCONT);
		usleep(3000);
	}
	p = house_port(h, LISTEN_SYSLOG_UDP, sent);
	CHECK(p != NULL);
	if (p) {
		CHECK_INT(p->received + p->kernel_drops, sent);
		CHECK(p->kernel_drops > 1000);
		CHECK(p->received > 0);
		CHECK_INT(h->report.source_rows, 1);
		CHECK_INT(h->report.source[0].received, p->received);
	}
	uint64_t received = p ? p->received : 0;
	CHECK_INT(house_end(h, SIGTERM), 0);
	journal_records(h, count_record, &stored);
	CHECK_INT(stored, received);
	close(c);
	house_free(h);
}

/* -------------------------------------------------------------------------------------------------- TCP and files */

TEST(streams_are_framed_and_what_is_under_way_at_the_end_is_kept)
{
	struct house *h = house_new(false);
	struct buf got = BUF_INIT;
	house_start(h);
	int c = connected(h->tcp, SOCK_STREAM);
	CHECK_INT(send(c, "<1>a\n5 <2>bc<3>d\n<4>", 20, 0), 20);
	CHECK(house_port(h, LISTEN_SYSLOG_TCP, 3) != NULL);
	CHECK_INT(send(c, "e", 1, 0), 1);
	close(c);
	CHECK(house_port(h, LISTEN_SYSLOG_TCP, 4) != NULL);
	CHECK_INT(h->report.source_count, 1);
	c = connected(h->tcp, SOCK_STREAM);
	CHECK_INT(send(c, "<5>f\n<6>", 8, 0), 8);
	CHECK(house_port(h, LISTEN_SYSLOG_TCP, 5) != NULL);
	CHECK_INT(send(c, "g", 1, 0), 1);
	CHECK_INT(house_end(h, SIGTERM), 0);
	close(c);
	journal_records(h, put_record, &got);
	CHECK_STR(buf_str(&got), STR("<1>a|<2>bc|<3>d|<4>e|<5>f|<6>g|"));
	house_start(h); /* a source keeps its number */
	CHECK(house_port(h, LISTEN_SYSLOG_TCP, 0) != NULL);
	CHECK_INT(h->report.source_rows, 1);
	CHECK_INT(h->report.source[0].number, 1);
	CHECK_INT(h->report.source[0].received, 6);
	CHECK_INT(house_end(h, SIGTERM), 0);
	buf_release(&got);
	house_free(h);
}

#define LONG_SENDERS 64u
#define LONG_BYTES (3u << 20)

static uint64_t
resident_bytes(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
sum_bytes(void *user, const struct raw *r)
{
	uint64_t *sum = user;
	CHECK(r->flags & RAW_PIECE);
	sum[0] += r->bytes.n;
	sum[1] += (r->flags & RAW_LAST_PIECE) != 0;
}

TEST(endless_lines_from_many_senders_stay_within_the_budget)
{
	struct house *h = house_new(false);
	char *line = mem_alloc(LONG_BYTES);
	int fd[LONG_SENDERS];
	uint64_t sum[2] = {0}, worst = 0;
	memset(line, 'x', LONG_BYTES);
	house_start(h);
	for (size_t i = 0; i < LONG_SENDERS; i++)
		fd[i] = connected(h->tcp, SOCK_STREAM);
	for (size_t at = 0; at < LONG_BYTES; at += 65536)
		for (size_t i = 0; i < LONG_SENDERS; i++)
			CHECK_INT(send(fd[i], line + at, 65536, 0), 65536);
	for (int64_t until = clock_monotonic_ms() + 10000; !worst && clock_monotonic_ms() < until;) {
		loop_turn(h->loop, 100);
		worst = h->report.held;
	}
	uint64_t resident = resident_bytes(h->pid);
	for (size_t i = 0; i < LONG_SENDERS; i++) {
		CHECK_INT(send(fd[i], "\n", 1, 0), 1);
		close(fd[i]);
	}
	CHECK(house_port(h, LISTEN_SYSLOG_TCP, LONG_SENDERS) != NULL);
	CHECK(worst > 1u << 20 && worst <= 32u << 20);
	if (RESIDENT_TELLS)
		CHECK(resident < 64u << 20);
	CHECK_INT(h->report.source_count, 1);
	CHECK_INT(h->report.source[0].oversized, LONG_SENDERS);
	CHECK_INT(house_end(h, SIGTERM), 0);
	journal_records(h, sum_bytes, sum);
	CHECK_INT(sum[0], LONG_SENDERS * LONG_BYTES);
	CHECK_INT(sum[1], LONG_SENDERS);
	printf("# held %llu, resident %llu\n", (unsigned long long)worst, (unsigned long long)resident);
	mem_free(line);
	house_free(h);
}

static void
file_put(struct house *h, const char *name, struct str bytes)
{
	char hidden[300], path[300];
	snprintf(hidden, sizeof hidden, "%s/.%s", h->drop, name);
	snprintf(path, sizeof path, "%s/%s", h->drop, name);
	FILE *f = fopen(hidden, "wb");
	fwrite(bytes.p, 1, bytes.n, f);
	fclose(f);
	rename(hidden, path);
}

static bool
file_there(struct house *h, const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", h->drop, name);
	return access(path, F_OK) == 0;
}

static void
file_put_packed(struct house *h, const char *name, struct str bytes, bool gzip)
{
	char out[4096];
	z_stream z = {.next_in = (Bytef *)bytes.p, .avail_in = (uInt)bytes.n, .next_out = (Bytef *)out, .avail_out = sizeof out};
	if (!gzip) {
		file_put(h, name, str_from(out, ZSTD_compress(out, sizeof out, bytes.p, bytes.n, 1)));
		return;
	}
	CHECK_INT(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
	file_put(h, name, str_from(out, sizeof out - z.avail_out));
	deflateEnd(&z);
}

static void
count_form(void *user, const struct raw *r)
{
	uint64_t *count = user;
	CHECK_INT(r->transport, RAW_FILE);
	count[r->form]++;
	count[2] += r->bytes.n;
}

TEST(files_dropped_are_read_and_put_aside)
{
	struct house *h = house_new(true);
	uint64_t count[3] = {0};
	struct buf evtx = BUF_INIT;
	file_put(h, "before", STR("first\nsecond\n"));
	char path[300];
	snprintf(path, sizeof path, "%s/slow", h->drop);
	h->ours = fopen(path, "wb"); /* somebody is still writing this one */
	fputs("sev", h->ours);
	fflush(h->ours);
	house_start(h);
	CHECK(house_port(h, LISTEN_SYSLOG_UDP, 0) != NULL);
	buf_add(&evtx, STR("ElfFile"));
	memset(buf_room(&evtx, 4089), 0, 4089);
	evtx.n += 4089;
	for (unsigned i = 0; i < 3; i++) {
		char *chunk = buf_room(&evtx, 65536);
		memset(chunk, 'x', 65536);
		memcpy(chunk, i == 1 ? "nothing" : "ElfChnk", 7);
		evtx.n += 65536;
	}
	file_put_packed(h, "a.gz", STR("one\ntwo\nthree"), true);
	file_put_packed(h, "b.zst", STR("four\nfive\n"), false);
	file_put(h, "events.txt", buf_str(&evtx));
	file_put(h, "empty", STR(""));
	file_put(h, "broken.gz", STR("\x1f\x8b\x08 this is no gzip"));
	int64_t until = clock_monotonic_ms() + 10000;
	while (h->report.drop.files + h->report.drop.failed < 6 && clock_monotonic_ms() < until)
		loop_turn(h->loop, 100);
	CHECK(file_there(h, "slow"));
	fputs("en\n", h->ours);
	fclose(h->ours);
	while (h->report.drop.files + h->report.drop.failed < 7 && clock_monotonic_ms() < until)
		loop_turn(h->loop, 100);
	CHECK_INT(h->report.drop.files, 6);
	CHECK_INT(h->report.drop.failed, 1);
	CHECK(file_there(h, "done/before") && file_there(h, "done/a.gz") && file_there(h, "done/b.zst"));
	CHECK(file_there(h, "done/events.txt") && file_there(h, "failed/broken.gz") && !file_there(h, "before"));
	CHECK_INT(house_end(h, SIGTERM), 0);
	journal_records(h, count_form, count);
	CHECK_INT(count[RAW_LINE], 8);
	CHECK_INT(count[RAW_EVTX_CHUNK], 2);
	CHECK_INT(count[2], 5 + 6 + 3 + 3 + 5 + 4 + 4 + 5 + 2 * 65536);
	buf_release(&evtx);
	house_free(h);
}
