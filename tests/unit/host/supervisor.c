/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * This program plays two parts: run by the test runner it is the test; run with "serve" or "role" it is a tiny house
 * whose roles write down whom they hear. Each line of the record is "WHAT ROLE PID [FROM PID]".
 */
#include "host/role.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"
#include "host/address.h"
#include "host/clock.h"
#include "host/log.h"
#include "tap.h"

/* ---- the tiny house ---- */

#define MSG_HELLO 1000

static int record_fd = -1;
static int collects; /* heard by core */
static struct channel *peers[ROLE_COUNT];

[[gnu::format(printf, 1, 2)]] static void
record(const char *format, ...)
{
	struct buf line = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_addv(&line, format, args);
	va_end(args);
	if (write(record_fd, line.p, line.n) < 0)
		abort();
	buf_release(&line);
}

static void
tiny_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct role_context *rc = user;
	struct wire w = {.rest = payload};
	unsigned from = wire_u8(&w);

	if (type == MSG_HELLO && from < ROLE_COUNT)
		record("hello %s %d %s %u\n", role_name(rc->role), (int)getpid(), role_name((enum role)from), wire_u32(&w));
	if (rc->role == ROLE_CORE && from == ROLE_COLLECT && ++collects == 2)
		role_stop_demo(rc);
}

static void
tiny_closed(void *user, struct channel *c)
{
	for (int i = 0; i < ROLE_COUNT; i++)
		if (peers[i] == c)
			peers[i] = NULL;
	channel_free(c);
}

static const struct channel_events tiny_events = {tiny_message, tiny_closed, NULL};

static void
tiny_peer(struct role_context *rc, enum role peer, int fd)
{
	struct buf hello = BUF_INIT;

	channel_free(peers[peer]);
	peers[peer] = channel_new(rc->loop, fd, &tiny_events, rc);
	wire_put_u8(&hello, (uint8_t)rc->role);
	wire_put_u32(&hello, (uint32_t)getpid());
	if (channel_send(peers[peer], MSG_HELLO, buf_str(&hello), STR(""), STR("")) < 0)
		record("mute %s %d\n", role_name(rc->role), (int)getpid());
	buf_release(&hello);
}

static void
tiny_listen(struct role_context *rc, enum listen_kind kind, struct str address, int fd)
{
	record("listen %s %d %s %.*s\n", role_name(rc->role), (int)getpid(), listen_kind_name(kind), STR_ARG(address));
	close(fd);
}

static void
tiny_stop(struct role_context *rc)
{
	record("stop %s %d\n", role_name(rc->role), (int)getpid());
	if (rc->options->retention_days != 14 || rc->role != ROLE_WORKER)
		loop_stop(rc->loop);
}

static void
record_open(const struct options *o)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "%s/record", o->data);
	record_fd = open(path.p, O_WRONLY | O_APPEND | O_CREAT, 0600);
	buf_release(&path);
}

static int
tiny_player(void)
{
	static struct options o;

	if (role_options(&o) < 0)
		return 1;
	record_open(&o);
	record("start supervisor %d\n", (int)getpid()); /* the one name no role uses */
	return pause();
}

static int
tiny_start(struct role_context *rc)
{
	if (rc->options->retention_days == 13 && rc->role == ROLE_CORE)
		return E_CORRUPT;
	record_open(rc->options);
	record("uid %s %d\n", role_name(rc->role), (int)geteuid());
	record("start %s %d\n", role_name(rc->role), (int)getpid());
	if (mprotect((void *)(uintptr_t)role_counts(), sizeof(struct role_counts), PROT_READ | PROT_WRITE) < 0)
		record("sealed %s %d\n", role_name(rc->role), (int)getpid());
	TRY(role_confine(rc, SANDBOX_COMPUTE, NULL, 0));
	role_ready(rc);
	record("counts %s %u\n", role_name(rc->role), role_counts()->starts[rc->role]);
	return 0;
}

[[gnu::constructor]] static void
tiny_main(int argc, char **argv)
{
	static const struct role_entry entry = {tiny_start, {tiny_peer, tiny_listen, tiny_stop}, NULL};
	struct options o;
	struct fault f = {0};

	if (argc < 2)
		return;
	log_threshold(LOG_LEVEL_ERROR);
	if (!strcmp(argv[1], "role"))
		_exit(role_run(role_from_name(str_z(argv[2])), &entry));
	if (!strcmp(argv[1], "demo-player"))
		_exit(tiny_player());
	if (!strcmp(argv[1], "serve")) {
		if (options_read(&o, argc - 1, argv + 1, &f) < 0) {
			log_fault(&f);
			_exit(1);
		}
		_exit(supervise(&o, "/proc/self/exe"));
	}
}

/* ---- the test ---- */

struct house {
	char data[300];
	pid_t pid;
	struct buf record;
};

/* One folder for all of this program. */
static const char *
folder(void)
{
	static char path[256];

	if (!path[0])
		snprintf(path, sizeof(path), "%s", tap_folder());
	return path;
}

/* Starts "serve --data DIR --http 127.0.0.1:0 MORE..."; its standard error goes to DIR.err. */
static void
house_start(struct house *h, const char *name, const char *const *more)
{
	const char *argv[28] = {"khien", "serve", "--data", h->data, "--http", "127.0.0.1:0", "--witness", "none of ours",
	    "--ldap-uri", "ldap://127.0.0.1:1", "--ldap-bind-dn", "{login}", "--ldap-role", "analyst *"};
	char errors[320];

	*h = (struct house){0};
	snprintf(h->data, sizeof(h->data), "%s/%s", folder(), name);
	snprintf(errors, sizeof(errors), "%s.err", h->data);
	for (int i = 0; more && more[i] && i < 9; i++)
		argv[14 + i] = more[i];
	fflush(stdout);
	h->pid = fork();
	if (h->pid == 0) {
		dup2(open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
		setenv("LC_ALL", "en_US.UTF-8", 1);
		execv("/proc/self/exe", (char **)(uintptr_t)argv);
		_exit(99);
	}
}

static void
house_read(struct house *h)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/record", h->data);
	buf_clear(&h->record);
	(void)tap_read(path, &h->record);
}

/* Waits until the record says so; false after a long time. Never asserts how long it took. */
static bool
house_says(struct house *h, const char *line)
{
	for (int64_t end = clock_monotonic_ms() + 20000; clock_monotonic_ms() < end; usleep(5000)) {
		house_read(h);
		if (str_find(buf_str(&h->record), str_z(line)) >= 0)
			return true;
	}
	return false;
}

/* The pid of the last "start ROLE PID" that is not `before`; waits. 0 after a long time. */
static pid_t
house_pid(struct house *h, enum role role, pid_t before)
{
	char word[32];

	snprintf(word, sizeof(word), "start %s ", role_name(role));
	for (int64_t end = clock_monotonic_ms() + 20000; clock_monotonic_ms() < end; usleep(5000)) {
		house_read(h);
		struct str rest = buf_str(&h->record), line;
		uint64_t pid = 0;
		while (str_split(&rest, '\n', &line))
			if (str_starts(line, str_z(word)))
				(void)str_to_u64(str_skip(line, strlen(word)), &pid);
		if (pid && (pid_t)pid != before)
			return (pid_t)pid;
	}
	return 0;
}

/* Both have heard each other. */
static bool
house_linked(struct house *h, enum role a, pid_t a_pid, enum role b, pid_t b_pid)
{
	char there[100], back[100];

	snprintf(there, sizeof(there), "hello %s %d %s %d\n", role_name(a), (int)a_pid, role_name(b), (int)b_pid);
	snprintf(back, sizeof(back), "hello %s %d %s %d\n", role_name(b), (int)b_pid, role_name(a), (int)a_pid);
	return house_says(h, there) && house_says(h, back);
}

static const enum role links[][2] = {{ROLE_COLLECT, ROLE_WORKER}, {ROLE_WORKER, ROLE_CORE}, {ROLE_CORE, ROLE_COLLECT},
    {ROLE_CORE, ROLE_WEB}};

static void
house_check_links(struct house *h, const pid_t *pid)
{
	for (size_t i = 0; i < COUNT(links); i++) {
		enum role a = links[i][0], b = links[i][1];
		tap_check(house_linked(h, a, pid[a], b, pid[b]), __FILE__, __LINE__, "%s and %s", role_name(a), role_name(b));
	}
}

static int
house_wait(struct house *h)
{
	int status = 0;

	while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool
is_gone(pid_t pid)
{
	/* An orphan may wait for a reaper: a zombie runs nothing. */
	char path[64], state = 0;
	struct buf stat = BUF_INIT;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (tap_read(path, &stat)) {
		const char *bracket = stat.n ? strrchr(stat.p, ')') : NULL;
		state = bracket ? bracket[2] : 0;
	}
	buf_release(&stat);
	return state == 0 || state == 'Z' || state == 'X';
}

static bool
wait_gone(pid_t pid)
{
	for (int64_t end = clock_monotonic_ms() + 20000; clock_monotonic_ms() < end; usleep(5000))
		if (is_gone(pid))
			return true;
	return false;
}

TEST(a_killed_role_comes_back_with_fresh_peers_and_all_leave_in_order)
{
	pid_t pid[ROLE_COUNT] = {0};
	struct house h;

	house_start(&h, "restart", (const char *[]){"--syslog-udp", "127.0.0.1:0", "--relp", "[::1]:0", NULL});
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		pid[r] = house_pid(&h, r, 0);
	house_check_links(&h, pid);
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++) {
		char word[100];
		CHECK_INT(kill(pid[r], SIGKILL), 0);
		pid[r] = house_pid(&h, r, pid[r]);
		CHECK(pid[r] > 0);
		house_check_links(&h, pid);
		snprintf(word, sizeof(word), "counts %s 2\n", role_name(r));
		CHECK(house_says(&h, word));
	}
	char word[100];
	snprintf(word, sizeof(word), "sealed web %d\n", (int)pid[ROLE_WEB]);
	CHECK(house_says(&h, word));
	snprintf(word, sizeof(word), "listen collect %d syslog-udp 127.0.0.1:", (int)pid[ROLE_COLLECT]);
	CHECK(house_says(&h, word));
	snprintf(word, sizeof(word), "listen web %d http 127.0.0.1:", (int)pid[ROLE_WEB]);
	CHECK(house_says(&h, word));
	kill(h.pid, SIGTERM);
	CHECK_INT(house_wait(&h), 0);
	house_read(&h);
	struct str said = buf_str(&h.record);
	ptrdiff_t at[] = {str_find(said, STR("stop collect")), str_find(said, STR("stop worker")),
	    str_find(said, STR("stop core")), str_find(said, STR("stop web"))};
	CHECK(0 < at[0] && at[0] < at[1] && at[1] < at[2] && at[2] < at[3]);
	buf_release(&h.record);
}

TEST(hangup_restarts_the_worker_alone_and_counts_no_crash)
{
	pid_t pid[ROLE_COUNT] = {0};
	char word[100];
	struct house h;

	house_start(&h, "reload", NULL);
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		pid[r] = house_pid(&h, r, 0);
	house_check_links(&h, pid);
	kill(h.pid, SIGHUP);
	snprintf(word, sizeof(word), "stop worker %d\n", (int)pid[ROLE_WORKER]);
	CHECK(house_says(&h, word));
	pid[ROLE_WORKER] = house_pid(&h, ROLE_WORKER, pid[ROLE_WORKER]);
	house_check_links(&h, pid);
	kill(h.pid, SIGINT);
	CHECK_INT(house_wait(&h), 0);
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		CHECK(is_gone(pid[r]));
	buf_release(&h.record);
}

TEST(no_role_outlives_a_killed_supervisor)
{
	pid_t pid[ROLE_COUNT] = {0};
	struct house h;

	house_start(&h, "orphans", NULL);
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		CHECK((pid[r] = house_pid(&h, r, 0)) > 0);
	kill(h.pid, SIGKILL);
	CHECK_INT(house_wait(&h), -SIGKILL);
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		CHECK(wait_gone(pid[r]));
	/* and the lock is free again */
	buf_release(&h.record);
	house_start(&h, "orphans", NULL);
	CHECK(house_pid(&h, ROLE_WEB, pid[ROLE_WEB]) > 0);
	kill(h.pid, SIGTERM);
	CHECK_INT(house_wait(&h), 0);
	buf_release(&h.record);
}

/* The house refuses to start: exit code 1, and this alone on standard error. */
static void
check_refused(struct house *h, const char *sentence)
{
	struct buf errors = BUF_INIT;
	char path[320];

	CHECK_INT(house_wait(h), 1);
	snprintf(path, sizeof(path), "%s.err", h->data);
	CHECK(tap_read(path, &errors));
	tap_check(str_find(buf_str(&errors), str_z(sentence)) >= 0 &&
	    str_find_char(buf_str(&errors), '\n') == (ptrdiff_t)errors.n - 1, __FILE__, __LINE__, "\"%s\", want \"%s\"",
	    errors.p, sentence);
	buf_release(&errors);
}

TEST(what_cannot_work_is_refused_with_one_sentence)
{
	static const enum listen_kind kinds[] = {LISTEN_SYSLOG_UDP, LISTEN_SYSLOG_TCP};
	struct sockaddr_storage address;
	socklen_t length;
	char text[64], option[32], file[300];
	struct house h;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct buf taken = BUF_INIT;
		CHECK_INT(address_parse(STR("127.0.0.1:0"), &address, &length), 0);
		int fd = socket(AF_INET, i ? SOCK_STREAM : SOCK_DGRAM, 0);
		CHECK(bind(fd, (struct sockaddr *)&address, length) == 0 && (!i || listen(fd, 1) == 0));
		getsockname(fd, (struct sockaddr *)&address, &length);
		address_format(&taken, &address);
		snprintf(text, sizeof(text), "%s", taken.p);
		snprintf(option, sizeof(option), "--%s", listen_kind_name(kinds[i]));
		house_start(&h, "port", (const char *[]){option, text, NULL});
		check_refused(&h, "another program uses this port");
		close(fd);
		buf_release(&taken);
	}
	house_start(&h, "absent", (const char *[]){"--syslog-tcp", "203.0.113.1:0", NULL});
	check_refused(&h, "does not have that address");
	house_start(&h, "typo", (const char *[]){"--syslog-tpc", "127.0.0.1:0", NULL});
	check_refused(&h, "there is no option --syslog-tpc");
	house_start(&h, "user", (const char *[]){"--user", "nobody-of-that-name", NULL});
	check_refused(&h, "no user nobody-of-that-name");
	snprintf(file, sizeof(file), "%s/file", folder());
	close(open(file, O_WRONLY | O_CREAT, 0600));
	house_start(&h, "file", NULL);
	check_refused(&h, "data directory");
}

TEST(two_supervisors_do_not_share_a_data_directory)
{
	struct house first, second;

	house_start(&first, "shared", NULL);
	CHECK(house_pid(&first, ROLE_WEB, 0) > 0);
	house_start(&second, "shared", NULL);
	check_refused(&second, "another Khien uses the data directory");
	kill(first.pid, SIGTERM);
	CHECK_INT(house_wait(&first), 0);
	buf_release(&first.record);
}

TEST(a_role_that_cannot_start_at_first_ends_the_house)
{
	struct house h;

	house_start(&h, "unable", (const char *[]){"--retention-days", "13", NULL});
	CHECK_INT(house_wait(&h), 1);
	buf_release(&h.record);
}

TEST(the_demonstration_ends_when_core_says_so)
{
	struct house h;

	house_start(&h, "demo", (const char *[]){"--demo", NULL});
	pid_t collect = house_pid(&h, ROLE_COLLECT, 0), player = house_pid(&h, ROLE_SUPERVISOR, 0);
	CHECK(collect > 0 && player > 0 && !is_gone(player));
	CHECK(house_linked(&h, ROLE_CORE, house_pid(&h, ROLE_CORE, 0), ROLE_COLLECT, collect));
	kill(collect, SIGKILL);
	CHECK(wait_gone(player));
	kill(h.pid, SIGTERM);
	CHECK_INT(house_wait(&h), 0);
	buf_release(&h.record);
}

TEST(a_role_that_does_not_leave_is_killed_and_holds_up_nobody)
{
	struct house h;

	house_start(&h, "stubborn", (const char *[]){"--retention-days", "14", NULL});
	CHECK(house_pid(&h, ROLE_COLLECT, 0) > 0);
	pid_t worker = house_pid(&h, ROLE_WORKER, 0);
	kill(h.pid, SIGTERM);
	CHECK_INT(house_wait(&h), 0);
	house_read(&h);
	CHECK(str_find(buf_str(&h.record), STR("stop core")) > 0 && str_find(buf_str(&h.record), STR("stop web")) > 0);
	CHECK(is_gone(worker));
	buf_release(&h.record);
}

TEST(started_by_root_the_roles_run_as_the_user_named)
{
	const struct passwd *nobody = getpwnam("nobody");
	char up[300], line[64];
	struct house h;

	if (geteuid() != 0 || !nobody)
		SKIP("needs root and the user nobody");
	/* The way to the data directory must be open to that user. */
	snprintf(up, sizeof(up), "%s/..", folder());
	CHECK(chmod(folder(), 0711) == 0 && chmod(up, 0711) == 0);
	house_start(&h, "nobody", (const char *[]){"--user", "nobody", NULL});
	CHECK(house_pid(&h, ROLE_WEB, 0) > 0);
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++) {
		snprintf(line, sizeof(line), "uid %s %d\n", role_name(r), (int)nobody->pw_uid);
		CHECK(house_says(&h, line));
	}
	kill(h.pid, SIGKILL); /* the change of user must not have lifted the tie to the parent */
	CHECK_INT(house_wait(&h), -SIGKILL);
	CHECK(wait_gone(house_pid(&h, ROLE_WEB, 0)));
	CHECK(wait_gone(house_pid(&h, ROLE_CORE, 0)));
	buf_release(&h.record);
}
