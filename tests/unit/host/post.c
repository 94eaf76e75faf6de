/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/post.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

TEST(a_url_is_one_of_ours_or_none)
{
	static const struct {
		const char *url;
		bool good;
	} rows[] = {
		{"http://127.0.0.1:8080", true}, {"http://127.0.0.1:8080/", true}, {"https://witness.example/a/b_c~d", true},
		{"https://[::1]:8443/x", true}, {"http://[::1]", true}, {"http://host", true},
		{"", false}, {"http://", false}, {"ftp://host/", false}, {"//host", false}, {"http://host:0", false},
		{"http://host:65536", false}, {"http://host:x", false}, {"http://host:80x", false}, {"http://[::1", false},
		{"http://[::1]x", false}, {"http://ho st/", false}, {"http://host/a b", false}, {"http://user@host/", false},
		{"http://host\r\nX: y/", false}, {"http://host/?q=1", false}, {"http://host/%0d", false}, {"file", false},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		tap_check(post_url_is_good(str_z(rows[i].url)) == rows[i].good, __FILE__, __LINE__, "%s", rows[i].url);
}

TEST(an_answer_is_read_as_it_is_or_not_at_all)
{
	static const struct {
		const char *all;
		int error;
		unsigned status;
		const char *body;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\n\r\nline\n", 0, 200, "line\n"},
		{"HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\n12\nmore", 0, 409, "12\n"},
		{"HTTP/1.0 422 No\r\ncontent-length: 0\r\n\r\n", 0, 422, ""},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 0, 200, "abc0123456789"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", E_CLOSED, 0, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", E_CLOSED, 0, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", E_CLOSED, 0, ""},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nabc\r\n", E_INVALID, 0, ""},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd", E_INVALID, 0, "abc"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", E_INVALID, 0, ""},
		{"HTTP/1.1 200 OK\r\n", E_INVALID, 0, ""}, {"", E_INVALID, 0, ""}, {"SSH-2.0-x\r\n\r\n", E_INVALID, 0, ""},
		{"HTTP/1.1 xyz\r\n\r\n", E_INVALID, 0, ""}, {"HTTP/1.1 999 no\r\n\r\n", E_INVALID, 0, ""},
		{"HTTP/1.\r\n\r\n", E_INVALID, 0, ""},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf body = BUF_INIT_MAX(1000);
		uint16_t status = 0;
		int error = post_answer_read(str_z(rows[i].all), &status, &body);
		tap_check(error == rows[i].error && (error || (status == rows[i].status && str_eq(buf_str(&body), str_z(rows[i].body)))),
		    __FILE__, __LINE__, "row %zu: %d, %u", i, error, status);
		buf_release(&body);
	}
}

/* A server of one answer; NULL: it says nothing. */
static pid_t
serve(const char *answer, int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1) < 0 || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	*ret_port = ntohs(a.sin_port);
	pid_t child = fork();
	if (child == 0) {
		char request[4096];
		int one = accept(fd, NULL, NULL);
		ssize_t got = read(one, request, sizeof request);
		if (answer && got > 0 && write(one, answer, strlen(answer)) < 0)
			_exit(1);
		if (!answer)
			pause();
		_exit(0);
	}
	close(fd);
	return child;
}

static int
ask(int port, const char *answer, int64_t timeout_ms, uint16_t *ret_status, struct buf *body)
{
	char url[64];
	struct post_target *t;
	int served = port;
	pid_t child = port ? 0 : serve(answer, &served);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", served);
	CHECK_INT(post_target_open(str_z(url), &t), 0);
	int error = post_send(t, STR("/add-checkpoint"), STR("old 0\n"), timeout_ms, ret_status, body);
	post_target_close(t);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return error;
}

TEST(a_post_is_answered_refused_or_given_up)
{
	struct buf body = BUF_INIT_MAX(POST_ANSWER_MAX);
	uint16_t status = 0;
	CHECK_INT(ask(0, "HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\n12\n", 5000, &status, &body), 0);
	CHECK_INT(status, 409);
	CHECK_STR(buf_str(&body), STR("12\n"));
	CHECK_INT(ask(0, "220 mail.example ESMTP\r\n\r\n", 5000, &status, &body), E_INVALID);
	CHECK_INT(ask(0, NULL, 200, &status, &body), E_AGAIN);
	CHECK_INT(ask(1, NULL, 5000, &status, &body), E_CLOSED);
	buf_release(&body);
}
