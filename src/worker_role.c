/* SPDX-License-Identifier: EUPL-1.2 */
#include "worker_role.h"

#include <limits.h>
#include <unistd.h>

#include "base/memory.h"
#include "detect/worker.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "host/pool.h"
#include "host/sandbox.h"
#include "rules_files.h"

#define TELL_EVERY 32u     /* batches between two tellings of new fields */
#define TELL_MAX 512u
#define TELL_COSTS_MS 10000 /* at least, between two tellings of what rules cost */
#define SLOW_MS 50         /* of a batch: told, once for each that is slower than all before it */
#define BACKLOG (4u << 20) /* bytes of verdicts core may be behind before we stop taking batches */

struct worker_role {
	struct role_context *rc;
	struct rules *rules;
	struct worker *worker;
	struct ioc *indicators;
	struct str image;          /* mapped; what `indicators` reads */
	uint8_t digest[32];
	struct channel *collect, *core;
	struct pool *pool;         /* one thread that compiles expressions before events ask for them */
	bool warming;              /* its job is under way */
	bool more;                 /* what the job found to do */
	struct buf verdict, head;
	uint32_t batches;
	int64_t costs_told_ms;     /* by the monotonic clock */
	int64_t slowest_ms;        /* batch of all */
};

static void
on_rule_fault(void *user, const struct fault *f)
{
	log_say(LOG_LEVEL_WARN, "rule.refused", LOG_TEXT("file", str_z(f->file)), LOG_NUMBER("line", f->line),
	    LOG_NUMBER("column", f->column), LOG_TEXT("what", str_z(f->what)), LOG_TEXT("arg", str_z(f->arg)));
}

/* Takes over the mapping. What cannot be used leaves the set that was there. */
static void
take_indicators(struct worker_role *w, struct str image)
{
	struct ioc *fresh;
	int error = ioc_open(image, &fresh);
	if (error) {
		log_say(LOG_LEVEL_ERROR, "indicators.refused", LOG_TEXT("error", str_z(error_name(error))));
		file_unmap(image);
		return;
	}
	worker_set_indicators(w->worker, fresh);
	ioc_close(w->indicators);
	file_unmap(w->image);
	w->indicators = fresh;
	w->image = image;
	log_say(LOG_LEVEL_INFO, "indicators.loaded", LOG_NUMBER("indicators", ioc_count(fresh)),
	    LOG_NUMBER("generation", (int64_t)ioc_generation(fresh)), LOG_NUMBER("bytes", (int64_t)image.n));
}

/* The newest image that core has published; one without indicators has none. */
static void
open_indicators(struct worker_role *w)
{
	char path[PATH_MAX];
	struct str image;
	if ((size_t)snprintf(path, sizeof path, "%s/" INDICATORS_FILE, w->rc->options->data) >= sizeof path)
		return;
	int error = file_map(path, &image);
	if (!error)
		take_indicators(w, image);
	else if (error != E_NOT_FOUND)
		log_say(LOG_LEVEL_ERROR, "indicators.unreadable", LOG_TEXT("error", str_z(error_name(error))));
}

static void
warm_once(void *job)
{
	struct worker_role *w = job;
	w->more = worker_warm(w->worker);
}

static void warm(struct worker_role *w);

static void
on_warmed(void *job, bool cancelled)
{
	struct worker_role *w = job;
	w->warming = false;
	if (w->more && !cancelled)
		warm(w);
}

/* One thing at a time, so that nobody waits long for the thread to end. */
static void
warm(struct worker_role *w)
{
	if (!w->warming && pool_submit(w->pool, warm_once, on_warmed, w) == 0)
		w->warming = true;
}

static int
worker_role_start(struct role_context *rc)
{
	struct worker_role *w = MEM_NEW(struct worker_role);
	struct rules_files files;
	struct fault fault = {0};
	rc->user = w;
	w->rc = rc;
	rules_files_from(rc->options, &files);
	files.on_fault = on_rule_fault;
	int error = rules_files_load(&files, &w->rules, w->digest, &fault);
	if (error) {
		log_fault(&fault);
		return error;
	}
	struct rules_stats stats = rules_stats(w->rules);
	w->worker = worker_new(w->rules);
	log_say(LOG_LEVEL_INFO, "rules.loaded", LOG_NUMBER("rules", stats.rules), LOG_NUMBER("refused", stats.refused),
	    LOG_NUMBER("bytes", (int64_t)stats.bytes));
	worker_set_zone(w->worker, rc->options->zone);
	worker_measure(w->worker, clock_monotonic_ns, WORKER_MEASURE_EVERY);
	worker_expect_warming(w->worker);
	open_indicators(w);
	role_ready(rc);
	TRY(role_confine(rc, SANDBOX_COMPUTE | SANDBOX_THREADS, NULL, 0));
	w->pool = pool_new(rc->loop, 1, 1);
	warm(w);
	return 0;
}

/* What arrives, told now and then: core keeps which rules ask for what never came. */
static void
tell_fields(struct worker_role *w)
{
	struct buf names = BUF_INIT_MAX(1 << 20);
	worker_tell_fields(w->worker, TELL_MAX, &names);
	if (names.n && !names.over)
		(void)!channel_send(w->core, MSG_SEEN, buf_str(&names), STR(""), STR(""));
	buf_release(&names);
}

static void
tell_costs(struct worker_role *w)
{
	int64_t now_ms = clock_monotonic_ms();
	if (now_ms - w->costs_told_ms < TELL_COSTS_MS)
		return;
	w->costs_told_ms = now_ms;
	struct buf costs = BUF_INIT_MAX(1 << 20);
	worker_tell_costs(w->worker, TELL_MAX, &costs);
	if (costs.n && !costs.over)
		(void)!channel_send(w->core, MSG_COST, buf_str(&costs), STR(""), STR(""));
	buf_release(&costs);
}

static int
run_batch(struct worker_role *w, struct str batch)
{
	int64_t began_ms = clock_monotonic_ms();
	int error = worker_run(w->worker, batch, &w->verdict);
	int64_t took_ms = clock_monotonic_ms() - began_ms;
	if (took_ms <= w->slowest_ms)
		return error;
	w->slowest_ms = took_ms;
	if (took_ms > SLOW_MS)
		log_say(LOG_LEVEL_WARN, "batch.slow", LOG_NUMBER("ms", took_ms), LOG_NUMBER("before", w->batches));
	return error;
}

static void
on_batch(struct worker_role *w, struct str payload)
{
	struct wire in = {payload, false};
	uint64_t block = wire_u64(&in);
	if (in.bad || !w->core)
		return; /* without core nothing is applied; collect sends it again when there is one */
	buf_clear(&w->verdict);
	if (run_batch(w, in.rest) < 0) {
		/* Our own journal gave a broken batch: say so by an empty verdict, or core would wait for ever. */
		log_say(LOG_LEVEL_ERROR, "batch.broken", LOG_NUMBER("block", (int64_t)block));
		buf_clear(&w->verdict);
	}
	buf_clear(&w->head);
	wire_put_u64(&w->head, block);
	buf_add(&w->head, str_from((const char *)w->digest, sizeof w->digest));
	wire_put_str(&w->head, in.rest);
	wire_put_u32(&w->head, (uint32_t)w->verdict.n);
	int error = channel_send(w->core, MSG_VERDICT, buf_str(&w->head), buf_str(&w->verdict), STR(""));
	if (error)
		log_say(LOG_LEVEL_ERROR, "verdict.not_sent", LOG_NUMBER("block", (int64_t)block),
		    LOG_NUMBER("bytes", (int64_t)w->verdict.n));
	if (error == E_LIMIT) { /* more than one message holds: the raw bytes are kept, or core would wait for ever */
		w->head.n -= 4;
		wire_put_u32(&w->head, 0);
		(void)!channel_send(w->core, MSG_VERDICT, buf_str(&w->head), STR(""), STR(""));
	}
	if (w->batches < TELL_EVERY || w->batches % TELL_EVERY == 0)
		tell_fields(w);
	tell_costs(w);
	warm(w); /* the batch may have brought something new */
	w->batches++;
	if (w->collect && channel_queued(w->core) > BACKLOG)
		channel_pause(w->collect, true);
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct worker_role *w = user;
	struct str image;
	if (type == MSG_INDICATORS && c == w->core && fd >= 0 && file_map_descriptor(fd, &image) == 0)
		take_indicators(w, image);
	if (fd >= 0)
		close(fd);
	if (type == MSG_RAW_BATCH && c == w->collect)
		on_batch(w, payload);
	else if (type == MSG_STOP && c == w->core)
		loop_stop(w->rc->loop); /* our rules are not those of the disk; the next of us reads them */
}

static void
on_drained(void *user, struct channel *c)
{
	struct worker_role *w = user;
	if (c == w->core && w->collect)
		channel_pause(w->collect, false);
}

static void
on_closed(void *user, struct channel *c)
{
	struct worker_role *w = user;
	bool core = c == w->core;
	*(core ? &w->core : &w->collect) = NULL;
	channel_free(c);
	if (core && w->collect)
		channel_pause(w->collect, false);
}

static void
worker_role_peer(struct role_context *rc, enum role peer, int fd)
{
	static const struct channel_events events = {on_message, on_closed, on_drained};
	struct worker_role *w = rc->user;
	struct channel **at = peer == ROLE_CORE ? &w->core : &w->collect;
	channel_free(*at);
	*at = channel_new(rc->loop, fd, &events, w);
	if (peer == ROLE_CORE)
		(void)!channel_send(w->core, MSG_RULES, str_from((const char *)w->digest, sizeof w->digest), STR(""), STR(""));
}

static void
worker_role_stop(struct role_context *rc)
{
	struct worker_role *w = rc->user;
	log_say(LOG_LEVEL_INFO, "worker.served", LOG_NUMBER("batches", w->batches), LOG_NUMBER("slowest_ms", w->slowest_ms));
	if (w->core)
		channel_flush(w->core, 2000);
	channel_free(w->core);
	channel_free(w->collect);
	if (w->warming) /* who comes after us serves once we have ended: a compilation under way is not waited for */
		_exit(0);
	pool_free(w->pool);
	worker_free(w->worker);
	ioc_close(w->indicators);
	file_unmap(w->image);
	rules_free(w->rules);
	buf_release(&w->verdict);
	buf_release(&w->head);
	mem_free(w);
	loop_stop(rc->loop);
}

const struct role_entry worker_role = {
	.start = worker_role_start,
	.events = {.peer = worker_role_peer, .stop = worker_role_stop},
};
