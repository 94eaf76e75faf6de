/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/role.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"
#include "tap.h"

enum { HEARD_STOP = 1, HEARD_PEER = 2, HEARD_PEER_AFTER_STOP = 4 };

static int heard;

static int
quiet_start(struct role_context *rc)
{
	return 0;
}

static void
hear_peer(struct role_context *rc, enum role peer, int fd)
{
	heard |= heard & HEARD_STOP ? HEARD_PEER_AFTER_STOP : HEARD_PEER;
	close(fd);
}

static void
hear_stop(struct role_context *rc)
{
	heard |= HEARD_STOP;
	loop_stop(rc->loop);
}

static const struct role_entry quiet_role = {.start = quiet_start, .events = {.peer = hear_peer, .stop = hear_stop}};

static int
memory_of_size(size_t size)
{
	int fd = memfd_create("role", 0);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static void
be_the_role(int control)
{
	int fds[] = {control, memory_of_size(sizeof(struct options)), memory_of_size(sizeof(struct role_counts))};
	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 20);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], ROLE_FD_CONTROL + i);
	_exit(role_run(ROLE_CORE, &quiet_role) == 0 ? heard : 99);
}

static void
ignore_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
}

static void
ignore_closed(void *user, struct channel *c)
{
}

/* A worker that dies while the house stops has a successor, whose channel comes right behind the word to stop. */
TEST(who_has_stopped_meets_nobody_any_more)
{
	static const struct channel_events events = {ignore_message, ignore_closed, NULL};
	int pair[2], status = 0;
	struct buf peer = BUF_INIT;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct loop *loop = loop_new();
	struct channel *c = channel_new(loop, pair[0], &events, NULL);
	wire_put_u8(&peer, ROLE_WORKER);
	wire_put_u8(&peer, 0);
	CHECK_INT(channel_send_fd(c, MSG_PEER, buf_str(&peer), STDERR_FILENO), 0);
	CHECK_INT(channel_send(c, MSG_STOP, STR(""), STR(""), STR("")), 0);
	CHECK_INT(channel_send_fd(c, MSG_PEER, buf_str(&peer), STDERR_FILENO), 0);
	channel_flush(c, 1000);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		be_the_role(pair[1]);
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), HEARD_PEER | HEARD_STOP);
	close(pair[1]);
	channel_free(c);
	loop_free(loop);
	buf_release(&peer);
}
