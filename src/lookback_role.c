/* SPDX-License-Identifier: EUPL-1.2 */
#include "lookback_role.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "detect/ioc.h"
#include "detect/trial.h"
#include "host/file.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "register/table.h"

#define MEMORY_MAX ((rlim_t)1 << 30) /* of addresses: a hostile text ends us, not the machine */
#define TABLE_ARENA (256u << 20)
#define ANSWER_MAX ((size_t)CHANNEL_MAX - (64u << 10))

struct lookback_role {
	struct role_context *rc;
	struct channel *core;
	struct trial *trial;
	struct ioc *indicators;  /* for the set that comes next, then of the trial */
	struct str image;
	bool fresh;
	struct buf answer;
};

/* Live detection comes first, whatever we are given to do. Not SCHED_IDLE: on a machine whose processors are never idle
 * a person who writes a rule would wait for ever. */
static void
step_back(void)
{
	const struct sched_param none = {0};
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
	if (setpriority(PRIO_PROCESS, 0, 19) < 0 || sched_setscheduler(0, SCHED_BATCH, &none) < 0)
		log_say(LOG_LEVEL_WARN, "lookback.priority", LOG_NUMBER("pid", getpid()));
	if (sandbox_is_built() && setrlimit(RLIMIT_AS, &memory) < 0) /* a sanitizer needs terabytes of addresses */
		log_say(LOG_LEVEL_WARN, "lookback.memory", LOG_NUMBER("pid", getpid()));
}

static int
lookback_role_start(struct role_context *rc)
{
	struct lookback_role *l = MEM_NEW(struct lookback_role);
	rc->user = l;
	l->rc = rc;
	step_back();
	/* libzip turns the times of archives into those of this place: glibc would ask the disk for the zone each time. */
	if (setenv("TZ", "UTC0", 1) == 0)
		tzset();
	role_ready(rc);
	return role_confine(rc, SANDBOX_COMPUTE, NULL, 0);
}

static void
answer(struct lookback_role *l, enum message type)
{
	if (channel_send(l->core, type, buf_str(&l->answer), STR(""), STR("")) < 0)
		loop_stop(l->rc->loop); /* core waits for every answer; the next of us is asked again */
	if (l->answer.cap > 4 * ANSWER_MAX)
		buf_release(&l->answer);
}

static void
drop_indicators(struct lookback_role *l)
{
	ioc_close(l->indicators);
	if (l->image.p)
		file_unmap(l->image);
	l->indicators = NULL;
	l->image = (struct str){0};
	l->fresh = false;
}

/* The trial that may use the ones before goes with them. */
static void
on_indicators(struct lookback_role *l, int fd)
{
	trial_free(l->trial);
	l->trial = NULL;
	drop_indicators(l);
	if (file_map_descriptor(fd, &l->image) < 0)
		return;
	if (ioc_open(l->image, &l->indicators) < 0)
		log_say(LOG_LEVEL_ERROR, "lookback.indicators_unreadable", LOG_NUMBER("bytes", (int64_t)l->image.n));
	l->fresh = l->indicators != NULL;
}

static void
on_set(struct lookback_role *l, struct str payload, bool run)
{
	if (run) {
		trial_free(l->trial);
		l->trial = NULL;
	}
	if (run && !l->fresh)
		drop_indicators(l);
	struct trial *t = trial_new(payload, l->rc->options->zone, &l->answer);
	if (run && t && l->indicators)
		trial_use_indicators(t, l->indicators);
	if (run) {
		l->trial = t;
		l->fresh = false;
	} else {
		trial_free(t);
	}
	answer(l, MSG_TRIAL_FACTS);
}

/* A table that does not fit into an answer is too big like any other. */
static void
on_table(struct lookback_role *l, struct str bytes)
{
	struct arena arena;
	struct table t;
	struct table_fault f = {0}, big = {.what = "table_big"};
	arena_init(&arena, 1 << 20, TABLE_ARENA);
	int error = table_read(bytes, &arena, &t, &f);
	table_put(&l->answer, error ? NULL : &t, &f);
	if (l->answer.n > ANSWER_MAX) {
		buf_clear(&l->answer);
		table_put(&l->answer, NULL, &big);
	}
	arena_release(&arena);
	answer(l, MSG_TABLE_ROWS);
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct lookback_role *l = user;
	if (type == MSG_TRIAL_INDICATORS && fd >= 0)
		on_indicators(l, fd);
	if (fd >= 0)
		close(fd);
	buf_clear(&l->answer);
	if (type == MSG_TRIAL_CHECK || type == MSG_TRIAL_SET) {
		on_set(l, payload, type == MSG_TRIAL_SET);
	} else if (type == MSG_TABLE) {
		on_table(l, payload);
	} else if (type == MSG_TRIAL_BATCH && l->trial) {
		trial_run(l->trial, payload, ANSWER_MAX, &l->answer);
		answer(l, MSG_TRIAL_FINDINGS);
	}
}

static void
on_closed(void *user, struct channel *c)
{
	struct lookback_role *l = user;
	l->core = NULL;
	channel_free(c);
	trial_free(l->trial); /* a new core begins anew */
	l->trial = NULL;
	drop_indicators(l);
}

static void
lookback_role_peer(struct role_context *rc, enum role peer, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	struct lookback_role *l = rc->user;
	if (l->core)
		on_closed(l, l->core);
	l->core = channel_new(rc->loop, fd, &events, l);
}

static void
lookback_role_stop(struct role_context *rc)
{
	struct lookback_role *l = rc->user;
	channel_free(l->core);
	trial_free(l->trial);
	drop_indicators(l);
	buf_release(&l->answer);
	mem_free(l);
	loop_stop(rc->loop);
}

const struct role_entry lookback_role = {
	.start = lookback_role_start,
	.events = {.peer = lookback_role_peer, .stop = lookback_role_stop},
};
