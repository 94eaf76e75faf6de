/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/role.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"
#include "host/clock.h"
#include "host/datadir.h"
#include "host/log.h"
#include "host/nightly.h"
#include "host/port.h"
#include "host/spawn.h"

#define QUICK_MS 10000          /* who lived longer starts again without a pause */
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 5000
#define STOP_NEXT_MS 3000       /* a role slower than this no longer holds up the next */
#define STOP_KILL_MS 10000
#define LINK_BUFFER (4 << 20)

struct supervisor;

struct child {
	struct supervisor *house;
	enum role role;
	pid_t pid;               /* 0: not running */
	struct channel *control;
	int64_t started_ms;      /* monotonic */
	uint32_t quick_deaths;   /* in a row */
	struct loop_timer *restart;
	bool leaving;            /* asked to: its end is no crash */
};

struct supervisor {
	struct options options;
	const char *self;
	struct loop *loop;
	struct child children[ROLE_COUNT + 1];
	struct child *child[ROLE_COUNT]; /* who serves */
	bool left[ROLE_COUNT];   /* who served before ended by exit(0), not by what it was given */
	struct child *spare;     /* a worker on its way in, until it is ready, or on its way out */
	bool reload_again;       /* asked for while that one is busy */
	int listen_fd[OPTIONS_MAX_LISTEN];
	int lock_fd, options_fd, counts_fd;
	struct role_counts *counts;
	uid_t uid;
	gid_t gid;
	gid_t journal_group;      /* of those who may read the machine's journal */
	bool reads_journal;       /* collect is one of them */
	pid_t demo;
	struct nightly nightly;  /* backups */
	uint32_t ready;          /* bit per role: was ready once */
	bool stopping;
	size_t stop_next;        /* index into stop_order */
	int exit_code;
};

/* Who talks with whom. */
static const enum role links[][2] = {
	{ROLE_WORKER, ROLE_CORE}, /* before the next: what a worker without core is sent is not asked again */
	{ROLE_COLLECT, ROLE_WORKER},
	{ROLE_CORE, ROLE_COLLECT},
	{ROLE_CORE, ROLE_WEB},
	{ROLE_CORE, ROLE_LOOKBACK},
	{ROLE_CORE, ROLE_YARA},
	{ROLE_CORE, ROLE_PUSH},
	{ROLE_CORE, ROLE_LDAP},
};

/* Against the stream first, so that there is somebody to hear; with it at the end, so that nothing is left inside. */
static const enum role start_order[] = {ROLE_CORE, ROLE_WORKER, ROLE_WEB, ROLE_LOOKBACK, ROLE_COLLECT, ROLE_YARA,
	ROLE_PUSH, ROLE_LDAP};
static const enum role stop_order[] = {ROLE_COLLECT, ROLE_WORKER, ROLE_LOOKBACK, ROLE_CORE, ROLE_YARA, ROLE_PUSH, ROLE_LDAP,
	ROLE_WEB};

static void child_start(struct child *c);
static void child_renew(struct child *c);
static void house_stop(struct supervisor *s);
static void house_reload(struct supervisor *s);
static void house_change_worker(struct supervisor *s);

static void
child_tell(struct child *c, enum message type, struct str payload, int fd)
{
	int error = fd >= 0 ? channel_send_fd(c->control, type, payload, fd)
	                    : channel_send(c->control, type, payload, STR(""), STR(""));

	if (error)
		log_say(LOG_LEVEL_WARN, "supervisor.tell", LOG_TEXT("peer", str_z(role_name(c->role))),
		    LOG_TEXT("error", str_z(error_name(error))));
}

/* Both ends of a new channel between two roles that run. */
static void
link_make(struct child *a, struct child *b)
{
	int fds[2], size = LINK_BUFFER;

	if (!a->control || !b->control)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
		log_say(LOG_LEVEL_ERROR, "supervisor.socketpair", LOG_NUMBER("errno", errno));
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	child_tell(a, MSG_PEER, str_from((char[]){(char)b->role, a->house->left[b->role]}, 2), fds[0]);
	child_tell(b, MSG_PEER, str_from((char[]){(char)a->role, a->house->left[a->role]}, 2), fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static void
child_give_peers(struct child *c)
{
	for (size_t i = 0; i < COUNT(links); i++) {
		if (links[i][0] == c->role)
			link_make(c, c->house->child[links[i][1]]);
		else if (links[i][1] == c->role)
			link_make(c, c->house->child[links[i][0]]);
	}
}

static void
child_give_listeners(struct child *c)
{
	const struct options *o = &c->house->options;

	for (uint32_t i = 0; i < o->listen_count; i++) {
		enum role reader = o->listen[i].kind == LISTEN_HTTP ? ROLE_WEB : ROLE_COLLECT;
		struct buf payload = BUF_INIT;
		if (reader != c->role)
			continue;
		wire_put_u8(&payload, (uint8_t)o->listen[i].kind);
		buf_add(&payload, str_z(o->listen[i].address));
		child_tell(c, MSG_LISTEN, buf_str(&payload), c->house->listen_fd[i]);
		buf_release(&payload);
	}
}

static void
demo_start(struct supervisor *s)
{
	struct spawn spawn = {s->self, "demo-player", NULL, -1, s->options_fd, s->counts_fd, s->uid, s->gid, NULL, false};

	if (!s->options.demo || s->demo || s->stopping)
		return;
	pid_t pid = spawn_start(&spawn);
	if (pid > 0)
		s->counts->demo_pid = s->demo = pid;
	log_say(pid > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "demo.start", LOG_NUMBER("child", pid));
}

static void
demo_stop(struct supervisor *s)
{
	s->options.demo = false;
	if (s->demo)
		kill(s->demo, SIGTERM);
}

static void
child_is_ready(struct child *c)
{
	struct supervisor *s = c->house;

	bool first = !(s->ready & 1u << c->role);
	s->ready |= 1u << c->role;
	log_say(LOG_LEVEL_INFO, "role.ready", LOG_TEXT("peer", str_z(role_name(c->role))), LOG_NUMBER("child", c->pid),
	    LOG_NUMBER("ms", clock_monotonic_ms() - c->started_ms), LOG_NUMBER("starts", s->counts->starts[c->role]));
	if (first && c->role == ROLE_COLLECT)
		demo_start(s);
	if (c == s->spare && !c->leaving)
		house_change_worker(s);
}

/* Its end comes as SIGCHLD and is counted there: whatever made it hang is worth a look. */
static void
child_end(struct supervisor *s, struct str payload)
{
	struct wire w = {.rest = payload};
	unsigned role = wire_u8(&w);

	if (!w.bad && role == ROLE_PUSH) /* it only reads again what it read at its start */
		child_renew(s->child[role]);
	if (w.bad || (role != ROLE_LOOKBACK && role != ROLE_WORKER && role != ROLE_YARA && role != ROLE_LDAP)) /* the others hold what is not to be lost */
		return;
	struct child *c = s->child[role];
	log_say(LOG_LEVEL_WARN, "supervisor.role_hangs", LOG_TEXT("peer", str_z(role_name(c->role))),
	    LOG_NUMBER("child", c->pid));
	if (c->pid)
		kill(c->pid, SIGKILL);
}

static void
on_control(void *user, struct channel *channel, uint16_t type, struct str payload, int fd)
{
	struct child *c = user;

	if (fd >= 0) /* nobody has a descriptor for us */
		close(fd);
	if (type == MSG_READY)
		child_is_ready(c);
	else if (type == MSG_STOP_DEMO && c->role == ROLE_CORE)
		demo_stop(c->house);
	else if (type == MSG_END_ROLE && c->role == ROLE_CORE)
		child_end(c->house, payload);
	else if (type == MSG_RELOAD && c->role == ROLE_CORE)
		house_reload(c->house);
	else
		log_say(LOG_LEVEL_WARN, "supervisor.message_unknown", LOG_NUMBER("type", type));
}

/* Dead, or no longer to be reached: its end comes as SIGCHLD. */
static void
on_control_closed(void *user, struct channel *channel)
{
	struct child *c = user;

	channel_free(c->control);
	c->control = NULL;
	if (c->pid && !c->leaving)
		kill(c->pid, SIGKILL);
}

static const struct channel_events control_events = {on_control, on_control_closed, NULL};

static void
on_restart(void *user)
{
	struct child *c = user;

	c->restart = NULL;
	child_start(c);
}

static void
child_start_later(struct child *c)
{
	int64_t pause = 0;

	if (c->quick_deaths > 1) {
		uint32_t doubled = 2 * (c->quick_deaths - 2); /* times four */
		pause = doubled < 10 ? (int64_t)PAUSE_FIRST_MS << doubled : PAUSE_MAX_MS;
	}
	assert(!c->restart);
	c->restart = loop_add_timer(c->house->loop, pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS, 0, on_restart, c);
}

static void
child_start(struct child *c)
{
	struct supervisor *s = c->house;
	struct spawn spawn = {s->self, "role", role_name(c->role), -1, s->options_fd, s->counts_fd, s->uid, s->gid,
	    c->role == ROLE_COLLECT && s->reads_journal ? &s->journal_group : NULL, true};
	int fds[2];

	assert(!c->pid && !c->control);
	c->started_ms = clock_monotonic_ms();
	c->leaving = false;
	/* Before it runs, so that it finds itself counted. */
	s->counts->starts[c->role]++;
	s->counts->started_ms[c->role] = clock_now_ms();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0) {
		spawn.control = fds[1];
		c->pid = spawn_start(&spawn);
		close(fds[1]);
		if (c->pid <= 0)
			close(fds[0]);
	}
	if (c->pid <= 0) {
		bool spare = c == s->spare;
		log_say(LOG_LEVEL_ERROR, "role.no_start", LOG_TEXT("peer", str_z(role_name(c->role))),
		    LOG_NUMBER("errno", errno));
		c->pid = 0;
		c->quick_deaths += 2;
		if (!spare) /* who serves goes on */
			child_start_later(c);
		return;
	}
	c->control = channel_new(s->loop, fds[0], &control_events, c);
	if (c == s->spare)
		return; /* it has peers once the one before it has left */
	s->counts->pid[c->role] = c->pid;
	child_give_peers(c);
	child_give_listeners(c);
}

static bool
house_is_empty(const struct supervisor *s)
{
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		if (s->child[r]->pid)
			return false;
	return !s->demo && !s->spare->pid && !s->nightly.pid;
}

static bool
child_gave_up(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == ROLE_EXIT_START || WEXITSTATUS(status) == SPAWN_FAILED);
}

/* It was the worker before: the next may begin. Or the next, which could not: who serves goes on with the rules it has. */
static void
spare_has_died(struct supervisor *s)
{
	bool again = s->reload_again;

	if (s->spare->leaving)
		child_give_peers(s->child[ROLE_WORKER]);
	s->reload_again = false;
	if (again)
		house_reload(s);
}

static void
child_has_died(struct child *c, int status)
{
	struct supervisor *s = c->house;
	bool crash = !c->leaving && !s->stopping;

	if (c->control)
		channel_free(c->control);
	c->control = NULL;
	c->pid = 0;
	if (c != s->spare)
		s->counts->pid[c->role] = 0;
	s->counts->crashes[c->role] += crash;
	if (c != s->spare || c->leaving) /* a spare that never served says nothing of who does */
		s->left[c->role] = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	log_say(crash ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "role.ended", LOG_TEXT("peer", str_z(role_name(c->role))),
	    LOG_NUMBER("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	    LOG_NUMBER("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
	if (s->stopping)
		return;
	if (c == s->spare) {
		spare_has_died(s);
		return;
	}
	if (crash && !(s->ready & 1u << c->role) && child_gave_up(status)) {
		/* The first start of the house: what it was given cannot work, and it has said why. */
		s->exit_code = 1;
		house_stop(s);
		return;
	}
	bool quick = crash && clock_monotonic_ms() - c->started_ms < QUICK_MS;
	c->quick_deaths = quick ? c->quick_deaths + 1 : 0;
	child_start_later(c);
}

/* The next of stop_order that still runs. */
static void
house_stop_next(struct supervisor *s)
{
	while (s->stop_next < COUNT(stop_order)) {
		struct child *c = s->child[stop_order[s->stop_next]];
		if (c->control && !c->leaving) {
			c->leaving = true;
			child_tell(c, MSG_STOP, STR(""), -1);
			return;
		}
		s->stop_next++;
	}
}

static void
on_stop_slow(void *user)
{
	struct supervisor *s = user;

	log_say(LOG_LEVEL_WARN, "supervisor.stop_slow", LOG_NUMBER("step", (int64_t)s->stop_next));
	s->stop_next++;
	house_stop_next(s);
}

static void
on_stop_late(void *user)
{
	struct supervisor *s = user;

	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++) {
		if (!s->child[r]->pid)
			continue;
		log_say(LOG_LEVEL_ERROR, "supervisor.stop_killed", LOG_TEXT("peer", str_z(role_name(r))));
		kill(s->child[r]->pid, SIGKILL);
	}
	if (s->demo)
		kill(s->demo, SIGKILL);
	if (s->nightly.pid)
		kill(s->nightly.pid, SIGKILL);
	if (s->spare->pid)
		kill(s->spare->pid, SIGKILL);
}

static void
house_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++) {
		loop_remove_timer(s->child[r]->restart);
		s->child[r]->restart = NULL;
	}
	demo_stop(s);
	nightly_stop(&s->nightly);
	if (s->spare->control && !s->spare->leaving)
		child_tell(s->spare, MSG_STOP, STR(""), -1);
	loop_add_timer(s->loop, STOP_NEXT_MS, STOP_NEXT_MS, on_stop_slow, s);
	loop_add_timer(s->loop, STOP_KILL_MS, 1000, on_stop_late, s);
	house_stop_next(s);
	if (house_is_empty(s))
		loop_stop(s->loop);
}

static void
house_lost_one(struct supervisor *s)
{
	if (s->stopping && house_is_empty(s))
		loop_stop(s->loop);
	else if (s->stopping && s->stop_next < COUNT(stop_order) && !s->child[stop_order[s->stop_next]]->pid)
		house_stop_next(s);
}

static void
on_child(void *user, int signal)
{
	struct supervisor *s = user;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
			if (s->child[r]->pid == pid)
				child_has_died(s->child[r], status);
		if (s->spare->pid == pid)
			child_has_died(s->spare, status);
		if (s->demo == pid) {
			s->counts->demo_pid = s->demo = 0;
			log_say(LOG_LEVEL_INFO, "demo.ended", LOG_NUMBER("status", status));
		}
		nightly_ended(&s->nightly, pid, status);
		house_lost_one(s);
	}
}

static void
on_stop_signal(void *user, int signal)
{
	log_say(LOG_LEVEL_INFO, "supervisor.stop", LOG_NUMBER("signal", signal));
	house_stop(user);
}

static void
on_reload_late(void *user)
{
	struct child *c = user;

	/* Still the one that was asked: a new one is not leaving. */
	if (c->pid && c->leaving && !c->house->stopping)
		kill(c->pid, SIGKILL);
}

static void
child_renew(struct child *c)
{
	if (c->house->stopping || !c->control || c->leaving)
		return;
	c->leaving = true;
	child_tell(c, MSG_STOP, STR(""), -1);
	loop_add_timer(c->house->loop, STOP_KILL_MS, 0, on_reload_late, c);
}

/* Those that read rules at their start. */
static void
on_reload_signal(void *user, int signal)
{
	struct supervisor *s = user;

	log_say(LOG_LEVEL_INFO, "supervisor.reload", LOG_NUMBER("signal", signal));
	child_renew(s->child[ROLE_YARA]);
	child_renew(s->child[ROLE_PUSH]);
	house_reload(s);
}

static void
house_reload(struct supervisor *s)
{
	s->counts->reload_ms = clock_now_ms();
	if (s->stopping)
		return;
	if (s->spare->pid)
		s->reload_again = true;
	else
		child_start(s->spare);
}

/* The spare has read the rules: the one that serves answers what it has and leaves, then the spare has its peers. */
static void
house_change_worker(struct supervisor *s)
{
	struct child *before = s->child[ROLE_WORKER], *after = s->spare;

	s->child[ROLE_WORKER] = after;
	s->spare = before;
	s->counts->pid[ROLE_WORKER] = after->pid;
	if (before->pid && before->control) {
		before->leaving = false;
		child_renew(before);
		return;
	}
	loop_remove_timer(before->restart);
	before->restart = NULL;
	before->leaving = true;
	if (!before->pid)
		spare_has_died(s);
}

/* size bytes that children inherit, filled from `bytes` when given. */
static int
shared_page(const char *name, const void *bytes, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || (bytes && pwrite(fd, bytes, size, 0) != (ssize_t)size))
		return -1;
	return fd;
}

static int
house_share(struct supervisor *s)
{
	const int fixed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	s->options_fd = shared_page("khien-options", &s->options, sizeof(s->options));
	s->counts_fd = shared_page("khien-counts", NULL, sizeof(struct role_counts));
	if (s->options_fd < 0 || s->counts_fd < 0)
		return E_IO;
	s->counts = mmap(NULL, sizeof(*s->counts), PROT_READ | PROT_WRITE, MAP_SHARED, s->counts_fd, 0);
	if (s->counts == MAP_FAILED)
		return E_IO;
	/* From here on only our own mapping can write. */
	if (fcntl(s->options_fd, F_ADD_SEALS, fixed | F_SEAL_WRITE) < 0 ||
	    fcntl(s->counts_fd, F_ADD_SEALS, fixed | F_SEAL_FUTURE_WRITE) < 0)
		return E_IO;
	role_counts_use(s->counts);
	return 0;
}

static int
house_find_user(struct supervisor *s, struct fault *f)
{
	const char *name = s->options.user;

	s->uid = geteuid();
	s->gid = getegid();
	if (!*name)
		return 0;
	const struct passwd *user = getpwnam(name);
	if (!user)
		return fault_set(f, E_NOT_FOUND, "user_unknown", str_z(name), 0, 0);
	if (s->uid != 0 && s->uid != user->pw_uid)
		return fault_set(f, E_DENIED, "user_denied", str_z(name), 0, 0);
	s->uid = user->pw_uid;
	s->gid = user->pw_gid;
	return 0;
}

/* --journald: systemd gives its journal to a group. Without it collect says that it cannot read. */
static void
house_find_journal_group(struct supervisor *s)
{
	const struct group *group = s->options.journald ? getgrnam("systemd-journal") : NULL;

	s->reads_journal = group != NULL;
	if (group)
		s->journal_group = group->gr_gid;
}

static int
house_open_ports(struct supervisor *s, struct fault *f)
{
	struct options *o = &s->options;

	for (uint32_t i = 0; i < o->listen_count; i++) {
		struct buf address = BUF_INIT;
		TRY(port_open(&o->listen[i], &s->listen_fd[i], &address, f));
		str_to_z(buf_str(&address), o->listen[i].address, sizeof(o->listen[i].address));
		buf_release(&address);
	}
	return 0;
}

/* All that can fail because of what a person asked for: before anything runs. */
static int
house_open(struct supervisor *s, struct fault *f)
{
	TRY(house_find_user(s, f));
	house_find_journal_group(s);
	TRY(datadir_open(s->options.data, sizeof(s->options.data), s->uid, s->gid, &s->lock_fd, f));
	TRY(house_open_ports(s, f));
	if (house_share(s) < 0)
		return fault_set(f, E_IO, "start_memory", STR(""), 0, 0);
	return 0;
}

static void
house_tell(const struct supervisor *s)
{
	log_say(LOG_LEVEL_INFO, "supervisor.start", LOG_TEXT("data", str_z(s->options.data)));
	for (uint32_t i = 0; i < s->options.listen_count; i++) {
		const struct listen_option *l = &s->options.listen[i];
		log_say(LOG_LEVEL_INFO, "port.open", LOG_TEXT("kind", str_z(listen_kind_name(l->kind))),
		    LOG_TEXT("address", str_z(l->address)));
	}
}

/* What the roles inherit: as many descriptors as we may have, and files for nobody else's eyes. */
static void
house_set_limits(void)
{
	struct rlimit files;

	umask(0077);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void
house_place_children(struct supervisor *s)
{
	for (enum role r = ROLE_SUPERVISOR; r < ROLE_COUNT; r++)
		s->child[r] = &s->children[r];
	s->spare = &s->children[ROLE_COUNT];
	s->spare->role = ROLE_WORKER;
	for (size_t i = 0; i < COUNT(s->children); i++)
		s->children[i].house = s;
}

static void
house_run(struct supervisor *s)
{
	house_tell(s);
	house_set_limits();
	s->loop = loop_new();
	signal(SIGPIPE, SIG_IGN);
	loop_on(s->loop, SIGCHLD, on_child, s);
	loop_on(s->loop, SIGTERM, on_stop_signal, s);
	loop_on(s->loop, SIGINT, on_stop_signal, s);
	loop_on(s->loop, SIGHUP, on_reload_signal, s);
	house_place_children(s);
	for (size_t i = 0; i < COUNT(start_order); i++) {
		struct child *c = s->child[start_order[i]];
		c->role = start_order[i];
		/* The two that may connect: not without need. */
		if ((c->role != ROLE_PUSH || s->options.witness_count) && (c->role != ROLE_LDAP || s->options.ldap_uri[0]))
			child_start(c);
	}
	nightly_start(&s->nightly, s->loop, &s->options,
	    &(struct spawn){s->self, NULL, NULL, -1, s->options_fd, s->counts_fd, s->uid, s->gid, NULL, false});
	loop_run(s->loop);
	loop_free(s->loop);
	log_say(LOG_LEVEL_INFO, "supervisor.end", LOG_NUMBER("exit", s->exit_code));
}

int
supervise(const struct options *o, const char *self)
{
	static struct supervisor s;
	struct fault f = {0};

	s = (struct supervisor){.options = *o, .self = self, .lock_fd = -1, .options_fd = -1, .counts_fd = -1};
	for (size_t i = 0; i < COUNT(s.listen_fd); i++)
		s.listen_fd[i] = -1;
	log_role("supervisor");
	if (house_open(&s, &f) < 0) {
		log_fault(&f);
		return 1; /* what was opened closes with the process */
	}
	house_run(&s);
	return s.exit_code;
}
