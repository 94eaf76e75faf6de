/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/role.h"

/* Each to its number; first out of the way of the others. */
static void
spawn_place_fds(const struct spawn *s)
{
	int from[] = {open("/dev/null", O_RDWR), s->control, s->options, s->counts};
	static const int to[] = {STDIN_FILENO, ROLE_FD_CONTROL, ROLE_FD_OPTIONS, ROLE_FD_COUNTS};

	if (s->control < 0)
		from[1] = from[0];
	for (size_t i = 0; i < COUNT(from); i++)
		from[i] = fcntl(from[i], F_DUPFD, ROLE_FD_END);
	for (size_t i = 0; i < COUNT(from); i++)
		if (dup2(from[i], to[i]) < 0)
			_exit(SPAWN_FAILED);
	syscall(SYS_close_range, ROLE_FD_END, UINT_MAX, 0);
}

static void
spawn_reset_signals(bool orderly)
{
	static const int told_by_message[] = {SIGTERM, SIGINT, SIGHUP};
	sigset_t none;

	for (size_t i = 0; i < COUNT(told_by_message); i++)
		signal(told_by_message[i], orderly ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

[[gnu::noreturn]] static void
spawn_become(const struct spawn *s, pid_t parent)
{
	char *argv[] = {(char *)"khien", (char *)(uintptr_t)s->word, (char *)(uintptr_t)s->arg, NULL};

	spawn_place_fds(s);
	spawn_reset_signals(s->orderly);
	if (geteuid() == 0 && s->uid != 0 &&
	    (setgroups(s->group ? 1 : 0, s->group) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0))
		_exit(SPAWN_FAILED);
	/* After the change of user, which would lift it; and a parent that died before this line is seen by the next. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(SPAWN_FAILED);
	execv(s->program, argv);
	_exit(SPAWN_FAILED);
}

pid_t
spawn_start(const struct spawn *s)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0)
		spawn_become(s, parent);
	return child;
}
