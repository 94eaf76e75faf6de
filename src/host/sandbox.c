/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_BUILT false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_BUILT false
#endif
#endif
#ifndef SANDBOX_BUILT
#define SANDBOX_BUILT true
#endif

/* Younger than the headers of Debian 12; the kernel is asked which of them it knows. */
#define ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define ACCESS_NET_BIND UINT64_C(1)             /* ABI 4: bind and connect TCP */
#define ACCESS_NET_CONNECT UINT64_C(2)

/* As in linux/landlock.h since ABI 4; older kernels take the first member alone. */
struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net;
};

#define ACCESS_FS_ABI1 ((UINT64_C(1) << 13) - 1)
#define ACCESS_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE)
#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                                                   \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | ACCESS_FS_TRUNCATE)

/* A rule on one argument of a call; `op` 0 = whatever the arguments. */
struct argument {
	unsigned index;
	enum scmp_compare op;
	uint64_t a, b; /* a is the mask for SCMP_CMP_MASKED_EQ */
};

#define ANY {0}
#define EQUALS(index, value) {index, SCMP_CMP_EQ, (uint64_t)(value), 0}
#define BITS(index, mask, value) {index, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(value)}

#define EVERYBODY (~0u)

/*
 * What each power lets a process ask of the kernel; anything else kills it. EVERYBODY is what computing on descriptors
 * one already has, glibc and its malloc need. Nobody may make memory executable, signal another process, start one or
 * bind a socket; one role may create and connect them. (The supervisor does, and so has no filter: its children would inherit it.)
 */
static const struct call {
	int number;
	unsigned powers;
	struct argument argument;
} calls[] = {
	{SCMP_SYS(read), EVERYBODY, ANY},
	{SCMP_SYS(readv), EVERYBODY, ANY},
	{SCMP_SYS(pread64), EVERYBODY, ANY},
	{SCMP_SYS(write), EVERYBODY, ANY},
	{SCMP_SYS(writev), EVERYBODY, ANY},
	{SCMP_SYS(recvmsg), EVERYBODY, ANY},
	{SCMP_SYS(sendmsg), EVERYBODY, ANY},
	{SCMP_SYS(recvfrom), EVERYBODY, ANY},
	{SCMP_SYS(shutdown), EVERYBODY, ANY},
	{SCMP_SYS(close), EVERYBODY, ANY},
	{SCMP_SYS(lseek), EVERYBODY, ANY},
	{SCMP_SYS(fstat), EVERYBODY, ANY},
	{SCMP_SYS(newfstatat), EVERYBODY, EQUALS(3, AT_EMPTY_PATH)}, /* how glibc spells fstat() */
	{SCMP_SYS(fcntl), EVERYBODY, ANY},
	{SCMP_SYS(ioctl), EVERYBODY, EQUALS(1, TCGETS)}, /* isatty() of stdio */
	{SCMP_SYS(ioctl), EVERYBODY, EQUALS(1, FIONREAD)},
	{SCMP_SYS(ioctl), EVERYBODY, EQUALS(1, FIONBIO)},
	{SCMP_SYS(poll), EVERYBODY, ANY},
	{SCMP_SYS(ppoll), EVERYBODY, ANY},
	{SCMP_SYS(epoll_ctl), EVERYBODY, ANY},
	{SCMP_SYS(epoll_wait), EVERYBODY, ANY},
	{SCMP_SYS(epoll_pwait), EVERYBODY, ANY},
	{SCMP_SYS(epoll_pwait2), EVERYBODY, ANY},

	{SCMP_SYS(brk), EVERYBODY, ANY},
	{SCMP_SYS(mmap), EVERYBODY, BITS(2, PROT_EXEC, 0)},
	{SCMP_SYS(mprotect), EVERYBODY, BITS(2, PROT_EXEC, 0)},
	{SCMP_SYS(mremap), EVERYBODY, ANY},
	{SCMP_SYS(munmap), EVERYBODY, ANY},
	{SCMP_SYS(madvise), EVERYBODY, ANY},
	{SCMP_SYS(mlock), EVERYBODY, ANY},
	{SCMP_SYS(munlock), EVERYBODY, ANY},
	{SCMP_SYS(futex), EVERYBODY, ANY},
	{SCMP_SYS(sched_yield), EVERYBODY, ANY},
	{SCMP_SYS(sched_getaffinity), EVERYBODY, ANY}, /* malloc counts processors */
	{SCMP_SYS(getcpu), EVERYBODY, ANY},
	{SCMP_SYS(sysinfo), EVERYBODY, ANY}, /* qsort() asks how much memory there is */
	{SCMP_SYS(prlimit64), EVERYBODY, EQUALS(2, 0)}, /* reading a limit */
	{SCMP_SYS(getrusage), EVERYBODY, ANY},
	{SCMP_SYS(prctl), EVERYBODY, EQUALS(0, PR_SET_NAME)},

	{SCMP_SYS(clock_gettime), EVERYBODY, ANY},
	{SCMP_SYS(clock_getres), EVERYBODY, ANY},
	{SCMP_SYS(gettimeofday), EVERYBODY, ANY},
	{SCMP_SYS(time), EVERYBODY, ANY},
	{SCMP_SYS(nanosleep), EVERYBODY, ANY},
	{SCMP_SYS(clock_nanosleep), EVERYBODY, ANY},
	{SCMP_SYS(getrandom), EVERYBODY, ANY},
	{SCMP_SYS(getpid), EVERYBODY, ANY},
	{SCMP_SYS(gettid), EVERYBODY, ANY},
	{SCMP_SYS(getuid), EVERYBODY, ANY},
	{SCMP_SYS(geteuid), EVERYBODY, ANY},
	{SCMP_SYS(rt_sigaction), EVERYBODY, ANY},
	{SCMP_SYS(rt_sigprocmask), EVERYBODY, ANY},
	{SCMP_SYS(rt_sigreturn), EVERYBODY, ANY},
	{SCMP_SYS(sigaltstack), EVERYBODY, ANY},
	{SCMP_SYS(restart_syscall), EVERYBODY, ANY},
	{SCMP_SYS(exit), EVERYBODY, ANY},
	{SCMP_SYS(exit_group), EVERYBODY, ANY},
	/* and tgkill() on itself, so that an assert ends in SIGABRT: see sandbox_allow() */

	{SCMP_SYS(clone), SANDBOX_THREADS, BITS(0, CLONE_THREAD, CLONE_THREAD)},
	{SCMP_SYS(set_robust_list), SANDBOX_THREADS, ANY},
	{SCMP_SYS(rseq), SANDBOX_THREADS, ANY},
	{SCMP_SYS(membarrier), SANDBOX_THREADS, ANY},
	{SCMP_SYS(eventfd2), SANDBOX_THREADS, ANY},
	{SCMP_SYS(sched_setaffinity), SANDBOX_THREADS, ANY},

	{SCMP_SYS(open), SANDBOX_FILES, ANY},
	{SCMP_SYS(openat), SANDBOX_FILES, ANY},
	{SCMP_SYS(stat), SANDBOX_FILES, ANY},
	{SCMP_SYS(lstat), SANDBOX_FILES, ANY},
	{SCMP_SYS(newfstatat), SANDBOX_FILES, ANY},
	{SCMP_SYS(statx), SANDBOX_FILES, ANY},
	{SCMP_SYS(statfs), SANDBOX_FILES, ANY},
	{SCMP_SYS(fstatfs), SANDBOX_FILES, ANY},
	{SCMP_SYS(access), SANDBOX_FILES, ANY},
	{SCMP_SYS(faccessat), SANDBOX_FILES, ANY},
	{SCMP_SYS(faccessat2), SANDBOX_FILES, ANY},
	{SCMP_SYS(readlink), SANDBOX_FILES, ANY},
	{SCMP_SYS(readlinkat), SANDBOX_FILES, ANY},
	{SCMP_SYS(getcwd), SANDBOX_FILES, ANY},
	{SCMP_SYS(getdents64), SANDBOX_FILES, ANY},
	{SCMP_SYS(mkdir), SANDBOX_FILES, ANY},
	{SCMP_SYS(mkdirat), SANDBOX_FILES, ANY},
	{SCMP_SYS(rmdir), SANDBOX_FILES, ANY},
	{SCMP_SYS(unlink), SANDBOX_FILES, ANY},
	{SCMP_SYS(unlinkat), SANDBOX_FILES, ANY},
	{SCMP_SYS(rename), SANDBOX_FILES, ANY},
	{SCMP_SYS(renameat), SANDBOX_FILES, ANY},
	{SCMP_SYS(renameat2), SANDBOX_FILES, ANY},
	{SCMP_SYS(linkat), SANDBOX_FILES, ANY},
	{SCMP_SYS(pwrite64), SANDBOX_FILES, ANY},
	{SCMP_SYS(preadv), SANDBOX_FILES, ANY},
	{SCMP_SYS(pwritev), SANDBOX_FILES, ANY},
	{SCMP_SYS(truncate), SANDBOX_FILES, ANY},
	{SCMP_SYS(ftruncate), SANDBOX_FILES, ANY},
	{SCMP_SYS(fallocate), SANDBOX_FILES, ANY},
	{SCMP_SYS(fadvise64), SANDBOX_FILES, ANY},
	{SCMP_SYS(fsync), SANDBOX_FILES, ANY},
	{SCMP_SYS(fdatasync), SANDBOX_FILES, ANY},
	{SCMP_SYS(sync_file_range), SANDBOX_FILES, ANY},
	{SCMP_SYS(msync), SANDBOX_FILES, ANY},
	{SCMP_SYS(flock), SANDBOX_FILES, ANY},
	{SCMP_SYS(chmod), SANDBOX_FILES, ANY},
	{SCMP_SYS(fchmod), SANDBOX_FILES, ANY},
	{SCMP_SYS(fchown), SANDBOX_FILES, ANY}, /* SQLite gives its journal to the owner of the database */
	{SCMP_SYS(utimensat), SANDBOX_FILES, ANY},
	{SCMP_SYS(umask), SANDBOX_FILES, ANY},
	{SCMP_SYS(dup), SANDBOX_FILES, ANY},

	{SCMP_SYS(sendto), SANDBOX_SPEAK, EQUALS(4, 0)}, /* to whom it is connected, not to an address */

	{SCMP_SYS(accept), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(accept4), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(recvmmsg), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(sendmmsg), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(sendto), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(getsockopt), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(setsockopt), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(getsockname), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(getpeername), SANDBOX_ACCEPT, ANY},
	{SCMP_SYS(sendfile), SANDBOX_ACCEPT, ANY},

	{SCMP_SYS(socket), SANDBOX_CONNECT, EQUALS(0, AF_INET)},
	{SCMP_SYS(socket), SANDBOX_CONNECT, EQUALS(0, AF_INET6)},
	{SCMP_SYS(connect), SANDBOX_CONNECT, ANY},
	{SCMP_SYS(sendto), SANDBOX_CONNECT, ANY},
	{SCMP_SYS(getsockopt), SANDBOX_CONNECT, ANY},
	{SCMP_SYS(setsockopt), SANDBOX_CONNECT, ANY},
	{SCMP_SYS(getpeername), SANDBOX_CONNECT, ANY},

	{SCMP_SYS(inotify_init1), SANDBOX_INOTIFY, ANY},
	{SCMP_SYS(inotify_add_watch), SANDBOX_INOTIFY, ANY},
	{SCMP_SYS(inotify_rm_watch), SANDBOX_INOTIFY, ANY},
};

bool
sandbox_is_built(void)
{
	return SANDBOX_BUILT;
}

static int
landlock_add_path(int ruleset, const struct sandbox_path *path, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = open(path->path, O_PATH | O_CLOEXEC)};
	struct stat st;

	if (rule.parent_fd < 0 || fstat(rule.parent_fd, &st) < 0)
		return error_from_errno(errno);
	rule.allowed_access = (path->write ? ACCESS_WRITE : ACCESS_READ) & handled;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= ACCESS_FILE;
	long result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int error = result < 0 ? error_from_errno(errno) : 0;
	close(rule.parent_fd);
	return error;
}

static int
landlock_enter(unsigned powers, const struct sandbox_path *paths, size_t count, int *ret_abi)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules = {.handled_fs = ACCESS_FS_ABI1};
	int error = 0;

	if (abi < 1) {
		*ret_abi = 0;
		return 0;
	}
	rules.handled_fs |= (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) | (abi >= 3 ? ACCESS_FS_TRUNCATE : 0) |
	    (abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0);
	rules.handled_net = abi < 4 ? 0 : ACCESS_NET_BIND | (powers & SANDBOX_CONNECT ? 0 : ACCESS_NET_CONNECT);
	size_t size = abi >= 4 ? sizeof(rules) : sizeof(rules.handled_fs);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return error_from_errno(errno);
	for (size_t i = 0; i < count && !error; i++)
		error = landlock_add_path(fd, &paths[i], rules.handled_fs);
	if (!error && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		error = error_from_errno(errno);
	close(fd);
	if (!error)
		*ret_abi = (int)abi;
	return error;
}

static int
sandbox_allow(scmp_filter_ctx filter, unsigned powers)
{
	int bad = 0;

	for (size_t i = 0; i < COUNT(calls); i++) {
		const struct argument *a = &calls[i].argument;
		struct scmp_arg_cmp compare = {a->index, a->op, a->a, a->b};
		if (calls[i].powers != EVERYBODY && !(calls[i].powers & powers))
			continue;
		bad |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i].number, a->op ? 1 : 0, &compare) < 0;
	}
	struct scmp_arg_cmp myself = {0, SCMP_CMP_EQ, (uint64_t)getpid(), 0};
	bad |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &myself) < 0;
	/* Its flags lie in memory, where a filter cannot look: glibc is told to use clone() instead. */
	bad |= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL) < 0;
	return bad ? E_UNSUPPORTED : 0;
}

static int
seccomp_enter(unsigned powers)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = filter ? sandbox_allow(filter, powers) : E_UNSUPPORTED;

	if (!error && (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1) < 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0 || seccomp_load(filter) < 0))
		error = E_UNSUPPORTED;
	seccomp_release(filter);
	return error;
}

int
sandbox_enter(unsigned powers, const struct sandbox_path *paths, size_t count, int *ret_landlock)
{
	static const struct rlimit no_core = {0, 0};
	int abi = 0;

	if (!SANDBOX_BUILT) {
		*ret_landlock = 0;
		return 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		return E_UNSUPPORTED;
	/* A thread's own heap asks /proc whether it may shrink: who may open nothing shares one heap. */
	if (!(powers & SANDBOX_FILES) && !mallopt(M_ARENA_MAX, 1))
		return E_UNSUPPORTED;
	TRY(landlock_enter(powers, paths, powers & SANDBOX_FILES ? count : 0, &abi));
	TRY(seccomp_enter(powers));
	*ret_landlock = abi;
	return 0;
}
