/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/sandbox.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tap.h"

static int a_socket, a_pipe[2];

static int
do_open(void)
{
	return open("/dev/null", O_RDONLY) < 0;
}

static int
do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int
do_local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int
do_connect(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return connect(a_socket, (struct sockaddr *)&a, sizeof(a)) < 0;
}

static int
do_bind(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return bind(a_socket, (struct sockaddr *)&a, sizeof(a)) < 0;
}

static int
do_exec(void)
{
	return execve("/bin/true", (char *[]){NULL}, (char *[]){NULL});
}

static int
do_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child < 0;
}

static int
do_kill(void)
{
	return kill(getppid(), 0);
}

static int
do_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int
do_unlink(void)
{
	return unlink("/nowhere") < 0;
}

static void *
add_up(void *user)
{
	char *p = mem_calloc(1000, 1000), *small[200];

	for (int i = 0; i < 1000; i++)
		p[i * 1000] = 1;
	*(int *)user += p[999000];
	mem_free(p);
	for (size_t i = 0; i < COUNT(small); i++)
		small[i] = mem_calloc(1, 60000);
	for (size_t i = COUNT(small); i > 0; i--) /* a heap of the thread's own would shrink here, and ask /proc for leave */
		mem_free(small[i - 1]);
	return NULL;
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What a worker does all day: threads, memory of all sizes, descriptors it has. */
static int
do_compute(void)
{
	int sum = 0, size = 100000;
	pthread_t t[4];
	char c = 'x';

	for (int i = 0; i < 4; i++) {
		if (pthread_create(&t[i], NULL, add_up, &sum))
			return 2;
		pthread_join(t[i], NULL);
	}
	int *big = mem_alloc((size_t)size * sizeof(int));
	for (int i = 0; i < size; i++)
		big[i] = size - i;
	qsort(big, (size_t)size, sizeof(int), compare_ints);
	bool sorted = big[0] == 1;
	big = mem_realloc(big, (size_t)size * 40 * sizeof(int));
	mem_free(big);
	if (write(a_pipe[1], &c, 1) != 1 || read(a_pipe[0], &c, 1) != 1)
		return 3;
	struct stat st;
	fprintf(stdout, "%s", "");
	return sum == 4 && sorted && fstat(a_pipe[0], &st) == 0 ? 0 : 4;
}

static int
do_assert(void)
{
	abort();
}

/* 0..255: it exited so; -N: it was killed by signal N. */
static int
run_inside(unsigned powers, const struct sandbox_path *paths, size_t count, int (*action)(void))
{
	int status = 0, landlock;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (sandbox_enter(powers, paths, count, &landlock) < 0)
			_exit(100);
		_exit(action());
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#define WORKER (SANDBOX_COMPUTE | SANDBOX_THREADS)
#define CORE (SANDBOX_FILES | SANDBOX_THREADS)
#define COLLECT (SANDBOX_FILES | SANDBOX_ACCEPT | SANDBOX_INOTIFY)

static const struct {
	const char *name;
	unsigned powers;
	int (*action)(void);
	int want;
} rows[] = {
	{"worker computes", WORKER, do_compute, 0},
	{"worker opens a file", WORKER, do_open, -SIGSYS},
	{"worker removes a file", WORKER, do_unlink, -SIGSYS},
	{"worker makes a socket", WORKER, do_socket, -SIGSYS},
	{"worker connects", WORKER, do_connect, -SIGSYS},
	{"worker binds", WORKER, do_bind, -SIGSYS},
	{"worker executes", WORKER, do_exec, -SIGSYS},
	{"worker forks", WORKER, do_fork, -SIGSYS},
	{"worker signals another", WORKER, do_kill, -SIGSYS},
	{"worker makes memory executable", WORKER, do_executable_memory, -SIGSYS},
	{"worker's own assert", WORKER, do_assert, -SIGABRT},
	{"core computes", CORE, do_compute, 0},
	{"core makes a socket", CORE, do_socket, -SIGSYS},
	{"core connects", CORE, do_connect, -SIGSYS},
	{"core executes", CORE, do_exec, -SIGSYS},
	{"core opens outside its folders", CORE, do_open, 1},
	{"collect connects", COLLECT, do_connect, -SIGSYS},
	{"collect makes a socket", COLLECT, do_socket, -SIGSYS},
	{"collect binds", COLLECT, do_bind, -SIGSYS},
	{"collect executes", COLLECT, do_exec, -SIGSYS},
	{"collect forks", COLLECT, do_fork, -SIGSYS},
	{"push makes a socket", SANDBOX_CONNECT, do_socket, 0},
	{"push connects", SANDBOX_CONNECT, do_connect, 1}, /* nobody listens there; but it was asked */
	{"push makes a local socket", SANDBOX_CONNECT, do_local_socket, -SIGSYS},
	{"push opens a file", SANDBOX_CONNECT, do_open, -SIGSYS},
	{"push binds", SANDBOX_CONNECT, do_bind, -SIGSYS},
	{"push executes", SANDBOX_CONNECT, do_exec, -SIGSYS},
};

TEST(each_role_can_do_its_work_and_dies_beyond_it)
{
	if (!sandbox_is_built())
		SKIP("built with a sanitizer: no sandbox");
	a_socket = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(a_socket >= 0);
	CHECK_INT(pipe(a_pipe), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int got = run_inside(rows[i].powers, NULL, 0, rows[i].action);
		tap_check(got == rows[i].want, __FILE__, __LINE__, "%s: %d, want %d", rows[i].name, got, rows[i].want);
	}
	close(a_socket);
}

static char folder[300];

static int
try_open(const char *name, int flags)
{
	char path[800];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, flags, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* One bit for each thing that went as it should. */
static int
do_files(void)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/w/new", folder);
	return try_open("w/new", O_RDWR | O_CREAT) | !try_open("r/new", O_RDWR | O_CREAT) << 1 |
	    try_open("r/old", O_RDONLY) << 2 | !try_open("r/old", O_RDWR) << 3 | !try_open("x/old", O_RDONLY) << 4 |
	    !try_open("w/../x/old", O_RDONLY) << 5 | (unlink(path) == 0) << 6;
}

TEST(files_are_open_only_below_the_folders_given)
{
	static const char *const parts[] = {"r", "w", "x"};
	char r[320], w[320];
	int landlock = 0, status = 0;

	if (!sandbox_is_built())
		SKIP("built with a sanitizer: no sandbox");
	snprintf(folder, sizeof(folder), "%s", tap_folder());
	for (size_t i = 0; i < COUNT(parts); i++) {
		char path[400];
		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		mkdir(path, 0700);
		snprintf(path, sizeof(path), "%s/old", parts[i]);
		CHECK(try_open(path, O_RDWR | O_CREAT));
	}
	pid_t child = fork();
	if (child == 0)
		_exit(sandbox_enter(SANDBOX_FILES, NULL, 0, &landlock) < 0 ? 100 : landlock > 0);
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	if (WEXITSTATUS(status) == 0)
		SKIP("this kernel has no Landlock");
	snprintf(r, sizeof(r), "%s/r", folder);
	snprintf(w, sizeof(w), "%s/w", folder);
	const struct sandbox_path paths[] = {{r, false}, {w, true}};
	CHECK_INT(run_inside(SANDBOX_FILES, paths, 2, do_files), 0x7f);
	const struct sandbox_path missing[] = {{"/nowhere/at/all", false}};
	CHECK_INT(run_inside(SANDBOX_FILES, missing, 1, do_files), 100);
}
