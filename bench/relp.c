/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_relp ADDR:PORT WINDOW SECONDS [PID]: one RELP connection to any server, at most WINDOW messages of about 130
 * bytes unanswered. Prints how many were acknowledged a second, and, with the server's PID, its processor seconds for a
 * million. What an acknowledgement promises is the server's affair: see bench/relp.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host/address.h"
#include "host/clock.h"

#define OUT_TARGET 65536u

struct bench {
	int fd;
	uint64_t window, sent, answered;
	uint32_t txnr;
	bool opened;
	struct buf out, in;
	size_t out_at;
};

static uint32_t
txnr_next(uint32_t txnr)
{
	return txnr == 999999999u ? 1 : txnr + 1;
}

static void
message_add(struct bench *b)
{
	static const char *const texts[] = {
		"Failed password for invalid user admin from 203.0.113.%u port %u ssh2",
		"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh rhost=203.0.113.%u n=%u",
		"Connection closed by authenticating user root 203.0.113.%u port %u [preauth]",
	};
	char text[256];
	unsigned a = (unsigned)(b->sent * 7919 % 254), p = (unsigned)(b->sent * 104729 % 64511 + 1024);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int n = snprintf(text, sizeof text, texts[b->sent % COUNT(texts)], a, p);
#pragma GCC diagnostic pop
	char head[64];
	int h = snprintf(head, sizeof head, "<38>Nov 22 06:%02u:%02u commune-07 sshd[%u]: ", (unsigned)(b->sent / 60 % 60),
	    (unsigned)(b->sent % 60), p);
	buf_addf(&b->out, "%u syslog %d ", b->txnr, h + n);
	buf_add(&b->out, str_from(head, (size_t)h));
	buf_add(&b->out, str_from(text, (size_t)n));
	buf_add_char(&b->out, '\n');
	b->txnr = txnr_next(b->txnr);
	b->sent++;
}

static bool
bench_send(struct bench *b)
{
	while (b->out.n - b->out_at < OUT_TARGET && b->sent - b->answered < b->window)
		message_add(b);
	if (b->out.n == b->out_at)
		return true;
	ssize_t n = send(b->fd, b->out.p + b->out_at, b->out.n - b->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	b->out_at += (size_t)n;
	if (b->out_at == b->out.n) {
		buf_clear(&b->out);
		b->out_at = 0;
	}
	return true;
}

/* Lines of the form "TXNR rsp LENGTH 200 OK"; those of the offers do not look like that. */
static bool
bench_receive(struct bench *b)
{
	char *room = buf_room(&b->in, 1 << 18);
	ssize_t n = recv(b->fd, room, 1 << 18, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	b->in.n += (size_t)n;
	struct str in = buf_str(&b->in);
	for (const char *lf; in.n && (lf = memchr(in.p, '\n', in.n));) {
		struct str line = str_cut(in, 0, (size_t)(lf - in.p));
		in = str_skip(in, line.n + 1);
		if (str_find(line, STR(" rsp ")) < 0)
			continue;
		if (!str_ends(line, STR("200 OK"))) {
			fprintf(stderr, "refused: %.*s\n", STR_ARG(line));
			return false;
		}
		b->answered += b->opened;
		b->opened = true;
	}
	memmove(b->in.p, in.p, in.n);
	b->in.n = in.n;
	return true;
}

static double
cpu_seconds(const char *pid)
{
	char path[64];
	unsigned long user = 0, kernel = 0;
	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*d %*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
		user = kernel = 0;
	fclose(f);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int
bench_connect(const char *where)
{
	struct sockaddr_storage a;
	socklen_t n;
	if (address_parse(str_z(where), &a, &n) < 0)
		return -1;
	int fd = socket(a.ss_family, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, n) == 0)
		return fd;
	perror(where);
	return -1;
}

int
main(int argc, char **argv)
{
	struct bench b = {.txnr = 2};
	uint64_t seconds;
	if (argc < 4 || !str_to_u64(str_z(argv[2]), &b.window) || !str_to_u64(str_z(argv[3]), &seconds)) {
		fprintf(stderr, "bench_relp ADDR:PORT WINDOW SECONDS [PID]\n");
		return 2;
	}
	b.fd = bench_connect(argv[1]);
	if (b.fd < 0)
		return 1;
	buf_add(&b.out, STR("1 open 80 relp_version=0\nrelp_software=bench,1.0.0,https://example.invalid\ncommands=syslog\n"));
	double cpu = argc > 4 ? cpu_seconds(argv[4]) : 0;
	int64_t begin = clock_monotonic_ns(), end = begin + (int64_t)seconds * 1000000000, now = begin;
	bool alive = true;
	while (alive && now < end) {
		bool room = b.sent - b.answered < b.window || b.out.n;
		struct pollfd p = {b.fd, (short)(POLLIN | (room ? POLLOUT : 0)), 0};
		poll(&p, 1, 100);
		alive = (!(p.revents & POLLOUT) || bench_send(&b)) && (!(p.revents & (POLLIN | POLLHUP)) || bench_receive(&b));
		now = clock_monotonic_ns();
	}
	double took = (double)(now - begin) / 1e9;
	printf("window %6llu  acknowledged %10llu in %5.1f s  %9.0f /s", (unsigned long long)b.window,
	    (unsigned long long)b.answered, took, (double)b.answered / took);
	if (argc > 4)
		printf("  %6.2f CPU-s per million", (cpu_seconds(argv[4]) - cpu) * 1e6 / (double)(b.answered ? b.answered : 1));
	printf("%s\n", alive ? "" : "  (the server closed)");
	return alive && b.answered ? 0 : 1;
}
