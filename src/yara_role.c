/* SPDX-License-Identifier: EUPL-1.2 */
#include "yara_role.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "host/clock.h"
#include "host/log.h"
#include "inspect/scan_message.h"

#define MEMORY_MAX (UINT64_C(1) << 30)  /* address space */
#define FOUND_BYTES (1u << 20)
#define READ_STEP (1u << 20)
#define KEEP_BYTES (4u << 20)           /* of the buffer between two files */
#define BYTES_MAX (UINT64_C(256) << 20) /* whatever is asked for */
#define GRACE_MS 5000                   /* libyara looks at the clock itself, now and then */
#define EXIT_STUCK 75

struct yara_role {
	struct role_context *rc;
	struct loop *loop;
	struct channel *core;
	struct yara *yara;       /* NULL: could not be made */
	struct fault fault[SCAN_FAULTS_MAX];
	struct scan_rules rules;
	struct arena arena;
	struct buf bytes, out;
};

/* Monotonic time at which the file under way must be done; 0 = none. */
static _Atomic int64_t deadline_ms;

static void *
watch_clock(void *user)
{
	static const struct timespec second = {1, 0};
	for (;;) {
		nanosleep(&second, NULL);
		int64_t deadline = atomic_load(&deadline_ms);
		if (deadline && clock_monotonic_ms() > deadline) {
			log_say(LOG_LEVEL_ERROR, "yara.stuck", LOG_NUMBER("late_ms", clock_monotonic_ms() - deadline));
			_exit(EXIT_STUCK);
		}
	}
	return NULL;
}

static void
on_rule_fault(void *user, const struct fault *f)
{
	struct yara_role *y = user;
	if (y->rules.faults < SCAN_FAULTS_MAX)
		y->fault[y->rules.faults++] = *f;
	log_say(LOG_LEVEL_WARN, "yara.rule_refused", LOG_TEXT("file", str_z(f->file)), LOG_NUMBER("line", f->line),
	    LOG_TEXT("what", str_z(f->what)), LOG_TEXT("arg", str_z(f->arg)));
}

static void
load(struct yara_role *y, struct yara_files *files)
{
	int64_t start = clock_monotonic_ms();
	files->on_fault = on_rule_fault;
	files->user = y;
	y->rules.fault = y->fault;
	int error = yara_files_load(files, &y->yara);
	if (y->yara)
		y->rules.stats = yara_stats(y->yara);
	y->rules.ms = (uint32_t)(clock_monotonic_ms() - start);
	log_say(error ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "yara.loaded", LOG_NUMBER("files", y->rules.stats.files),
	    LOG_NUMBER("rules", y->rules.stats.rules), LOG_NUMBER("refused", y->rules.stats.refused),
	    LOG_NUMBER("ms", y->rules.ms), LOG_NUMBER("error", error));
}

/* A bomb ends in "no memory". The runtime of a sanitizer needs more than any sane limit. */
static void
set_limits(void)
{
	static const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
	if (sandbox_is_built() && setrlimit(RLIMIT_AS, &memory) < 0)
		log_say(LOG_LEVEL_WARN, "yara.no_limit", LOG_NUMBER("errno", errno));
}

static int
start_watch(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 << 10);
	int error = pthread_create(&thread, &attributes, watch_clock, NULL);
	pthread_attr_destroy(&attributes);
	return error ? E_FULL : 0;
}

/* --- one file --- */

/* At most `max` bytes from its beginning; *ret_partial when there are more. */
static enum scan_outcome
read_file(struct yara_role *y, int fd, uint64_t max, bool *ret_partial)
{
	struct stat st;
	struct buf *b = &y->bytes;
	uint64_t room = fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
	if (b->cap > KEEP_BYTES)
		buf_release(b);
	buf_clear(b);
	b->max = max + READ_STEP + 1;
	/* Once for all that fstat() tells of, so that a large file is not held twice while the buffer grows. */
	if (!buf_room(b, (size_t)(room < max ? room : max) + READ_STEP))
		return SCAN_MEMORY;
	while (b->n <= max) {
		char *to = buf_room(b, READ_STEP);
		ssize_t n = to ? pread(fd, to, READ_STEP, (off_t)b->n) : 0;
		if (n < 0 && errno != EINTR && !b->n)
			return SCAN_UNREADABLE;
		if (n == 0 || (n < 0 && errno != EINTR))
			break; /* the end; of a file that cannot be read further its beginning counts */
		b->n += n > 0 ? (size_t)n : 0;
	}
	*ret_partial = b->n > max;
	if (b->n > max)
		b->n = max;
	return SCAN_DONE;
}

static void
look_at(struct yara_role *y, int fd, const struct scan_request *r, struct scan_answer *a)
{
	uint64_t max = r->max_bytes < BYTES_MAX ? r->max_bytes : BYTES_MAX;
	if (!y->yara) {
		a->outcome = SCAN_FAILED;
		return;
	}
	a->outcome = read_file(y, fd, max, &a->partial);
	if (a->outcome != SCAN_DONE)
		return;
	a->bytes = y->bytes.n;
	switch (yara_scan(y->yara, buf_str(&y->bytes), r->name, (int)r->timeout_s, &y->arena, &a->found)) {
	case 0:
		break;
	case E_LIMIT:
		a->outcome = SCAN_SLOW;
		break;
	case E_FULL:
		a->outcome = SCAN_MEMORY;
		break;
	default:
		a->outcome = SCAN_FAILED;
	}
	if (a->found.matches)
		sha256(buf_str(&y->bytes), a->sha256);
}

static void
on_scan(struct yara_role *y, struct str payload, int fd)
{
	struct scan_request r;
	if (fd < 0 || scan_request_take(payload, &r) < 0) {
		log_say(LOG_LEVEL_ERROR, "yara.request_broken", LOG_NUMBER("bytes", (int64_t)payload.n));
		return;
	}
	struct scan_answer a = {.ticket = r.ticket};
	arena_clear(&y->arena);
	atomic_store(&deadline_ms, clock_monotonic_ms() + r.timeout_s * TIME_SECOND + GRACE_MS);
	look_at(y, fd, &r, &a);
	atomic_store(&deadline_ms, 0);
	buf_clear(&y->out);
	scan_answer_put(&y->out, &a);
	if (channel_send(y->core, MSG_SCANNED, buf_str(&y->out), STR(""), STR("")) < 0)
		log_say(LOG_LEVEL_ERROR, "yara.answer_lost", LOG_NUMBER("bytes", (int64_t)y->out.n));
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	if (type == MSG_SCAN)
		on_scan(user, payload, fd);
	if (fd >= 0)
		close(fd);
}

static void
on_closed(void *user, struct channel *c)
{
	struct yara_role *y = user;
	channel_free(c);
	y->core = NULL;
	if (!y->rc)
		loop_stop(y->loop);
}

static void
open_channel(struct yara_role *y, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	channel_free(y->core);
	y->core = channel_new(y->loop, fd, &events, y);
	buf_clear(&y->out);
	scan_rules_put(&y->out, &y->rules);
	if (channel_send(y->core, MSG_SCAN_RULES, buf_str(&y->out), STR(""), STR("")) < 0)
		log_say(LOG_LEVEL_ERROR, "yara.answer_lost", LOG_NUMBER("bytes", (int64_t)y->out.n));
}

/* --- as a role --- */

static struct yara_role *
yara_role_new(struct loop *loop, struct yara_files *files)
{
	struct yara_role *y = MEM_NEW(struct yara_role);
	y->loop = loop;
	arena_init(&y->arena, 64 << 10, FOUND_BYTES);
	load(y, files);
	set_limits();
	return y;
}

static void
yara_role_free(struct yara_role *y)
{
	channel_free(y->core);
	yara_free(y->yara);
	arena_release(&y->arena);
	buf_release(&y->bytes);
	buf_release(&y->out);
	mem_free(y);
}

static int
yara_role_start(struct role_context *rc)
{
	struct yara_files files;
	yara_files_from(rc->options, &files);
	struct yara_role *y = yara_role_new(rc->loop, &files);
	rc->user = y;
	y->rc = rc;
	setpriority(PRIO_PROCESS, 0, 19); /* beside the desk's other work; who sweeps by hand decides himself */
	role_ready(rc);
	TRY(role_confine(rc, SANDBOX_COMPUTE | SANDBOX_THREADS, NULL, 0));
	return start_watch(); /* confined too */
}

static void
yara_role_peer(struct role_context *rc, enum role peer, int fd)
{
	open_channel(rc->user, fd);
}

static void
yara_role_stop(struct role_context *rc)
{
	struct yara_role *y = rc->user;
	if (y->core)
		channel_flush(y->core, 1000);
	yara_role_free(y);
	loop_stop(rc->loop);
}

const struct role_entry yara_role = {
	.start = yara_role_start,
	.events = {.peer = yara_role_peer, .stop = yara_role_stop},
};

int
yara_serve(int fd, const struct yara_files *from)
{
	struct yara_files files = *from;
	int landlock;
	log_role("yara");
	log_threshold(LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	struct loop *loop = loop_new();
	struct yara_role *y = yara_role_new(loop, &files);
	if (sandbox_enter(SANDBOX_COMPUTE | SANDBOX_THREADS, NULL, 0, &landlock) < 0 || start_watch() < 0)
		return 1;
	open_channel(y, fd);
	loop_run(loop);
	yara_role_free(y);
	loop_free(loop);
	return 0;
}
