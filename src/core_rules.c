/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_rules.h"

#include <assert.h>

#include "alert/coverage.h"
#include "base/memory.h"
#include "core_publish.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "rules_files.h"
#include "web/attack.h"

#define LOADER_QUEUE 64
#define WORKER_WAIT_MS 10000
#define COVERAGE_SECONDS 60 /* between two writings of what arrived */
#define COST_SAMPLES_TOLD (UINT64_C(1) << 32)       /* of one rule in one message */
#define COST_NS_TOLD UINT64_C(1000000000000000)

/* Somebody who waits for the rules to be read. */
struct rules_waiter {
	struct rules_waiter *next;
	void (*then)(void *user, int error);
	void *user;
};

/* One reading of the files, on the loader's thread. */
struct rules_job {
	struct core *core;
	struct publish publish;
	struct rules_files files;
	struct rules *rules;
	uint8_t digest[32];
	struct fault fault;
	int error;
};

static void load(struct core *core);

static void
on_rule_fault(void *user, const struct fault *f)
{
	/* The worker says it too; core only counts (rules_stats). */
}

static int
read_files(struct core *core, struct rules **ret, uint8_t ret_digest[32], struct fault *fault)
{
	struct rules_files files;
	rules_files_from(core->rc->options, &files);
	files.on_fault = on_rule_fault;
	return rules_files_load(&files, ret, ret_digest, fault);
}

/* ---- swapping ---- */

static bool
is_ours(void *user, const uint8_t address[16])
{
	const struct core *core = user;
	return core->desk.registry && registry_by_bytes(core->desk.registry, address);
}

/* Groups of correlations that ask the same as before go on where they were. */
static void
use_correlations(struct core *core, const struct rules *rules)
{
	struct correlator *fresh = rules_stats(rules).correlations ? correlator_new(rules, CORRELATE_BYTES) : NULL;
	struct buf saved = BUF_INIT_MAX(4 * CORRELATE_BYTES);
	if (fresh && core->correlator) {
		correlator_save(core->correlator, &saved);
		if (saved.over || correlator_load(fresh, buf_str(&saved)) < 0)
			log_say(LOG_LEVEL_ERROR, "correlations.forgotten", LOG_NUMBER("bytes", (int64_t)saved.n));
	}
	buf_release(&saved);
	correlator_free(core->correlator);
	core->correlator = fresh;
	core->desk.correlator = fresh;
}

/* Those who find across events keep what they have seen when the rules change. */
static void
use_rules(struct core *core, const struct rules *rules)
{
	const struct options *o = core->rc->options;
	const struct flow_options options = {(size_t)o->flow_memory << 20, is_ours, core, o->zone};
	use_correlations(core, rules);
	if (core->flow)
		flow_set_rules(core->flow, rules);
	else
		core->flow = flow_new(rules, &options);
	core->desk.flow = core->flow;
}

static void
prune_costs(struct core *core)
{
	if (rule_costs_prune(core->desk.db, core->desk.rules) < 0)
		log_say(LOG_LEVEL_WARN, "costs.not_pruned", LOG_NUMBER("rules", rules_count(core->desk.rules)));
}

/* The newest set judges from here on. What was gathered under the old one must be written before. */
static void
swap(struct core *core)
{
	assert(core->desk.rules_next);
	use_rules(core, core->desk.rules_next);
	coverage_rules_changed(core->desk.coverage);
	rules_free(core->desk.rules);
	core->desk.rules = core->desk.rules_next;
	core->desk.rules_next = NULL;
	memcpy(core->rules_digest, core->next_digest, sizeof core->rules_digest);
	prune_costs(core);
}

static bool
swap_if(struct core *core, const uint8_t digest[32])
{
	if (!core->desk.rules_next || memcmp(digest, core->next_digest, sizeof core->next_digest) != 0)
		return false;
	if (core_apply_left(core) < 0)
		return false; /* tried again with the next verdict */
	swap(core);
	return true;
}

/* A worker with rules that we have not read: read them; if the files have changed since, a new worker does. */
static void
read_for_worker(struct core *core, const uint8_t digest[32])
{
	memcpy(core->worker_digest, digest, sizeof core->worker_digest);
	if (!core->rules_loading && !core->worker_comes)
		load(core);
}

bool
core_rules_fit(struct core *core, const uint8_t digest[32])
{
	if (memcmp(digest, core->rules_digest, sizeof core->rules_digest) == 0 || swap_if(core, digest))
		return true;
	read_for_worker(core, digest);
	return false;
}

void
core_rules_of_worker(struct core *core, const uint8_t digest[32])
{
	core->worker_comes = false;
	memcpy(core->worker_digest, digest, sizeof core->worker_digest);
	if (memcmp(digest, core->rules_digest, sizeof core->rules_digest) != 0 && !swap_if(core, digest))
		read_for_worker(core, digest);
}

/* ---- reading ---- */

static void
tell_waiters(struct core *core, int error)
{
	struct rules_waiter *w = core->rules_waiters;
	core->rules_waiters = NULL;
	while (w) {
		struct rules_waiter *next = w->next;
		w->then(w->user, error);
		mem_free(w);
		w = next;
	}
}

static void
ask_for_worker(struct core *core)
{
	core->worker_comes = true;
	core->worker_asked_ms = clock_now_ms();
	role_reload(core->rc);
}

/* The set that was read becomes the next, unless it is the one that judges. */
static void
take_loaded(struct core *core, struct rules_job *job)
{
	rules_free(core->desk.rules_next);
	core->desk.rules_next = NULL;
	if (memcmp(job->digest, core->rules_digest, sizeof job->digest) == 0) {
		rules_free(job->rules);
	} else {
		core->desk.rules_next = job->rules;
		memcpy(core->next_digest, job->digest, sizeof job->digest);
	}
	core->desk.rules_stats = rules_stats(desk_rules(&core->desk));
	if (!swap_if(core, core->worker_digest) &&
	    memcmp(core->worker_digest, job->digest, sizeof job->digest) != 0 && core->worker && !core->worker_comes)
		ask_for_worker(core); /* it read while the files were written, or before */
}

static void
load_work(void *user)
{
	struct rules_job *job = user;
	job->error = rules_files_load(&job->files, &job->rules, job->digest, &job->fault);
}

static void
load_done(void *user, bool cancelled)
{
	struct rules_job *job = user;
	struct core *core = job->core;
	core->rules_loading = false;
	if (cancelled) {
		mem_free(job);
		return;
	}
	if (job->error)
		log_fault(&job->fault);
	else if (core->rules_again)
		rules_free(job->rules);
	else
		take_loaded(core, job);
	int error = job->error;
	mem_free(job);
	if (core->rules_again)
		load(core);
	else {
		tell_waiters(core, error ? error : core->desk.rules_error);
		core->rules_loaded(core);
	}
}

static void
load(struct core *core)
{
	core->rules_again = core->rules_loading;
	if (core->rules_loading)
		return;
	struct rules_job *job = MEM_NEW(struct rules_job);
	job->core = core;
	rules_files_from(core->rc->options, &job->files);
	job->files.on_fault = on_rule_fault;
	core->rules_loading = true;
	if (pool_submit(core->loader, load_work, load_done, job) < 0)
		load_done(job, true);
}

/* ---- publishing ---- */

static void
publish_work(void *user)
{
	struct rules_job *job = user;
	job->error = publish_write(&job->publish);
}

static void
publish_done(void *user, bool cancelled)
{
	struct rules_job *job = user;
	struct core *core = job->core;
	if (!cancelled) {
		core->desk.rules_error = job->error;
		if (job->error)
			log_say(LOG_LEVEL_ERROR, "rules.not_published", LOG_TEXT("error", str_z(error_name(job->error))));
		if (job->publish.written || job->publish.removed)
			ask_for_worker(core);
		load(core);
	}
	publish_release(&job->publish);
	mem_free(job);
}

int
core_rules_excepted(struct core *core)
{
	TRY(exception_book_load(core->exceptions, core->desk.db, clock_now_ms()));
	core->exceptions_end_ms = exception_book_next_end(core->exceptions);
	core->desk.exceptions_moved = false;
	return 0;
}

static int
publish(struct core *core)
{
	struct rules_job *job = MEM_NEW(struct rules_job);
	job->core = core;
	int error = core_rules_excepted(core);
	if (!error)
		error = publish_gather(&job->publish, rules_desk_directory(core->rc->options->data), core->desk.db,
		    core->exceptions, desk_rules(&core->desk));
	if (!error)
		error = pool_submit(core->loader, publish_work, publish_done, job);
	if (error) {
		publish_release(&job->publish);
		mem_free(job);
		log_say(LOG_LEVEL_ERROR, "rules.not_published", LOG_TEXT("error", str_z(error_name(error))));
	}
	return error;
}

void
core_rules_changed(void *user, void (*then)(void *user, int error), void *then_user)
{
	struct core *core = user;
	int error = publish(core);
	if (error && then) {
		then(then_user, error);
		return;
	}
	if (!then)
		return;
	struct rules_waiter *w = MEM_NEW(struct rules_waiter), **at = &core->rules_waiters;
	*w = (struct rules_waiter){NULL, then, then_user};
	while (*at)
		at = &(*at)->next;
	*at = w;
}

/* ---- life ---- */

/* Without the file the matrix is empty, and everything else works. */
static int
read_attack(struct core *core, struct fault *fault)
{
	struct buf text = BUF_INIT_MAX(4 << 20);
	struct attack *attack = NULL;
	const char *path = rules_beside_program("attack/techniques.yaml");
	if (!path || file_read(path, &text) < 0)
		log_say(LOG_LEVEL_WARN, "attack.missing", LOG_TEXT("file", STR("attack/techniques.yaml")));
	int error = attack_read(buf_str(&text), &attack, fault);
	if (error)
		fault_in_file(fault, str_z(path));
	core->desk.attack = attack;
	buf_release(&text);
	return error;
}

void
core_rules_seen(struct core *core, struct str payload)
{
	struct wire w = {payload, false};
	while (w.rest.n && !w.bad) {
		struct str name = wire_str(&w);
		if (!w.bad)
			coverage_add_field(core->desk.coverage, name);
	}
}

/* The worker is trusted no further than its bytes: rules that we have, times that somebody could have waited for. */
void
core_rules_cost(struct core *core, struct str payload)
{
	struct wire w = {payload, false};
	struct cost_told list[RULE_COSTS_MAX];
	uint32_t count = 0;
	while (w.rest.n && !w.bad && count < COUNT(list)) {
		struct str id = wire_str(&w);
		uint64_t samples = wire_varint(&w), ns = wire_varint(&w);
		const struct rule_info *r = w.bad ? NULL : rules_find(core->desk.rules, id);
		if (r && samples && samples < COST_SAMPLES_TOLD && ns < COST_NS_TOLD)
			list[count++] = (struct cost_told){r->id, (int64_t)ns, (int64_t)samples};
	}
	if (count && rule_costs_add(core->desk.db, list, count) < 0)
		log_say(LOG_LEVEL_WARN, "costs.not_written", LOG_NUMBER("rules", count));
}

static void
save_coverage(struct core *core, int64_t now_ms)
{
	if (coverage_save(core->desk.coverage, core->desk.db, now_ms) < 0)
		log_say(LOG_LEVEL_WARN, "coverage.not_written", LOG_NUMBER("at", now_ms));
}

int
core_rules_open(struct core *core, struct fault *fault)
{
	struct publish p;
	TRY(read_attack(core, fault));
	core->desk.coverage = coverage_new();
	TRY(coverage_load(core->desk.coverage, core->desk.db));
	core->exceptions = exception_book_new();
	TRY(core_rules_excepted(core));
	TRY(read_files(core, &core->desk.rules, core->rules_digest, fault));
	int error = publish_gather(&p, rules_desk_directory(core->rc->options->data), core->desk.db, core->exceptions,
	    core->desk.rules);
	if (!error)
		error = publish_write(&p);
	bool other = p.written || p.removed;
	publish_release(&p);
	TRY(error);
	if (other) {
		rules_free(core->desk.rules);
		core->desk.rules = NULL;
		TRY(read_files(core, &core->desk.rules, core->rules_digest, fault));
	}
	core->desk.rules_stats = rules_stats(core->desk.rules);
	use_rules(core, core->desk.rules);
	prune_costs(core);
	return 0;
}

void
core_rules_start(struct core *core)
{
	core->loader = pool_new(core->rc->loop, 1, LOADER_QUEUE);
	core->desk.rules_shipped = rules_default_directory();
	core->desk.rules_desk = rules_desk_directory(core->rc->options->data);
	core->desk.rules_changed = core_rules_changed;
}

void
core_rules_stop(struct core *core)
{
	pool_free(core->loader);
	save_coverage(core, clock_now_ms());
}

void
core_rules_tick(struct core *core, int64_t now_ms)
{
	if (core->ticks % COVERAGE_SECONDS == COVERAGE_SECONDS - 1)
		save_coverage(core, now_ms);
	if ((core->desk.rules_next || core->held_for_rules) && now_ms - core->worker_asked_ms > WORKER_WAIT_MS)
		ask_for_worker(core); /* the one we asked for could not come */
	if (now_ms >= core->exceptions_end_ms || (core->desk.rules_error && core->ticks % 10 == 0))
		core_rules_changed(core, NULL, NULL);
}
