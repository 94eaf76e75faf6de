/* SPDX-License-Identifier: EUPL-1.2 */
#include "core.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert/lookback.h"
#include "base/hash.h"
#include "base/memory.h"
#include "core_directory.h"
#include "core_indicator.h"
#include "core_lookback.h"
#include "core_retention.h"
#include "core_rules.h"
#include "core_state.h"
#include "core_witness.h"
#include "database_place.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "store/evidence.h"
#include "law_files.h"
#include "register/inventory.h"
#include "register/merger.h"
#include "register_files.h"
#include "rules_files.h"
#include "web/route.h"

#define POOL_THREADS 2
#define POOL_QUEUE 64
#define IMPORT_QUEUE 4
#define TICK_MS 1000
#define EVIDENCE_TICKS 60     /* sealed blocks are noted in the record together */
#define STATUS_MS 2000
#define PUSH_BACKLOG (4u << 20) /* what web may be behind before the live stream is thinned */
#define REGISTER_BYTES (64u << 20)

/* --- start --- */

static void
on_fault(void *user, const struct fault *f)
{
	log_fault(f);
}

/* What came with the program and cannot be read: said in the log, counted, and shown wherever the state of the house is. */
static void
on_content_fault(void *user, const struct fault *f)
{
	struct desk *desk = user;
	desk->content_faults++;
	log_fault(f);
}

static int
import_register(struct core *core, const char *path, bool demonstration)
{
	struct buf text = BUF_INIT_MAX(REGISTER_BYTES);
	struct fault fault = {0};
	uint32_t rows;
	int error = file_read(path, &text);
	if (error) {
		fault_set(&fault, error, "register_file", str_z(error_name(error)), 0, 0);
		fault_in_file(&fault, str_z(path));
		log_fault(&fault);
	} else {
		error = registry_import(core->desk.db, core->desk.law, buf_str(&text), str_z(path), demonstration, clock_now_ms(), on_fault,
		    NULL, &rows);
	}
	buf_release(&text);
	return error;
}

/* A call has changed the register and is committed: events that come next are asked of what stands there now. While it
 * cannot be read the one before is better than none; the next tick tries again. */
static void
renew_register(struct core *core)
{
	int error = registry_renew(&core->desk.registry, core->desk.db, str_z(core->day));
	if (!error && core->desk.exceptions_moved)
		error = core_rules_excepted(core);
	if (error)
		log_say(LOG_LEVEL_ERROR, "register.not_read", LOG_TEXT("error", str_z(error_name(error))));
}

/* What was planned for this day, and for those on which nobody was here: names, owners and levels, then who hands over. */
static int
turn_register(struct core *core, struct str day, int64_t now)
{
	uint32_t changed = 0, done = 0;
	TRY(organisation_turn(core->desk.db, day));
	TRY(inventory_turn(core->desk.db, day, now, &changed));
	TRY(merger_turn(core->desk.db, day, now, exception_follow, &done));
	if (changed)
		log_say(LOG_LEVEL_INFO, "register.turned", LOG_NUMBER("systems", changed));
	core->desk.exceptions_moved |= done > 0;
	if (done)
		log_say(LOG_LEVEL_INFO, "register.handed_over", LOG_NUMBER("plans", done));
	return 0;
}

/* At midnight names, people to call, and who belongs to whom may be others. */
static void
turn_day(struct core *core, int64_t now)
{
	char day[REGISTRY_DAY];
	if (str_eq(registry_today(now, day), str_z(core->day)))
		return;
	int error = turn_register(core, str_z(day), now);
	if (error)
		log_say(LOG_LEVEL_ERROR, "register.not_turned", LOG_TEXT("error", str_z(error_name(error))));
	else
		memcpy(core->day, day, sizeof day);
}

/* A province without a readable law has none in force, and every screen says so: better than not to start. */
static void
open_law(struct core *core)
{
	core->desk.law = law_files_load(on_content_fault, &core->desk);
	if (!core->desk.law)
		core->desk.law = law_new();
}

/* Kinds that cannot be read leave those in force that the database knows. */
static void
read_kinds(struct core *core)
{
	(void)!kinds_file_load(core->desk.db, on_content_fault, &core->desk);
}

static int
open_register(struct core *core)
{
	const struct options *o = core->rc->options;
	int64_t now = clock_now_ms();
	struct str today = registry_today(now, core->day);
	read_kinds(core);
	TRY(turn_register(core, today, now)); /* before a file is read that may be older than what was planned */
	if (o->register_file[0])
		TRY(import_register(core, o->register_file, false));
	if (o->demo) {
		char path[PATH_MAX];
		const char *rules = rules_default_directory();
		if (rules && (size_t)snprintf(path, sizeof path, "%s/../demo/register.yaml", rules) < sizeof path)
			TRY(import_register(core, path, true));
		core->desk.demonstration = true;
	}
	TRY(turn_register(core, today, now));
	return registry_load_at(core->desk.db, str_z(core->day), &core->desk.registry);
}

/* A record that does not fit its log is no reason to leave the province without a desk: it is said, in the log and in
 * the state that people see, and what people change meanwhile waits in the table. */
static int
open_record(struct core *core, struct fault *fault)
{
	int64_t put_back = 0;
	int error = recorder_open(core->desk.db, &store_io_disk, str_z(core->rc->options->data), &core->desk.recorder, &put_back,
	    fault);
	if (error && error != E_CORRUPT)
		return error;
	core->desk.record_broken = error != 0;
	core->desk.record_fault = error ? fault->what : NULL;
	if (error)
		log_fault(fault);
	*fault = (struct fault){0};
	if (put_back)
		log_say(LOG_LEVEL_ERROR, "record.put_back", LOG_NUMBER("entries", put_back));
	core->desk.record_put_back = put_back;
	return 0;
}

static int
open_stores(struct core *core, struct fault *fault)
{
	char path[PATH_MAX];
	const char *data = core->rc->options->data;
	TRY(database_open(data, core->rc->options->database, &core->desk.db, fault));
	/* A predecessor that was killed may still be committing: what it wrote is read after that. */
	int error = db_own(core->desk.db);
	if (error)
		return fault_set(fault, error, "database_in_use", STR(""), 0, 0);
	TRY(db_spare(core->desk.db, POOL_THREADS, fault));
	snprintf(path, sizeof path, "%s/archive", data);
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return fault_set(fault, error_from_errno(errno), "data_folder", str_z(path), 0, 0);
	TRY(open_record(core, fault));
	TRY(vault_open(str_z(data), &core->desk.vault, fault));
	struct archive_options archive = {.io = &store_io_disk, .directory = str_z(path), .seal_after_ms = 10 * TIME_MINUTE};
	TRY(archive_open(&archive, &core->desk.archive, fault));
	error = evidence_open(core->desk.db, core->desk.archive, clock_now_ms());
	return error ? fault_set(fault, error, "database_open", str_z(data), 0, 0) : 0;
}

/* The address to type, and the link for the first person. The only thing core prints. */
static void
print_address(struct core *core)
{
	const struct options *o = core->rc->options;
	char secret[SECRET_TEXT];
	bool setup = setup_link_new(core->desk.db, secret) == 0;
	for (uint32_t i = 0; i < o->listen_count; i++) {
		if (o->listen[i].kind != LISTEN_HTTP)
			continue;
		const char *scheme = o->origin[0] ? "" : "http://", *place = o->origin[0] ? o->origin : o->listen[i].address;
		printf("%s%s/\n", scheme, place);
		if (setup)
			printf("%s%s/setup?token=%s\n", scheme, place, secret);
	}
	fflush(stdout);
}

static void on_tick(void *user);
static void on_status(void *user);
static void respond(void *user, const struct api_response *r);
static int end_demonstration(void *user);
static void alert_changed(void *user, int64_t id);
static void rules_loaded(struct core *core);
static void upload_changed(void *user, int64_t id);
static void sweep_changed(void *user, int64_t id);
static void lookback_changed(void *user, int64_t id);
static void lookback_told(void *user, int64_t id);
static void indicators_told(void *user);
static void table_read_for(void *user, struct api_call *call, struct str bytes);
static void rules_check(void *user, struct api_call *call, struct str text);
static void session_over(void *user, struct str id);

static const struct rule_info *
yara_rule(void *user)
{
	struct core *core = user;
	return rules_engine(core->desk.rules, STR("yara"));
}

static bool
excepted(void *user, struct finding *f, int64_t time_ms)
{
	struct core *core = user;
	bool taken = exception_book_takes(core->exceptions, f, time_ms);
	core->desk.suppressed += taken;
	return taken;
}

static const struct system *
system_of(void *user, struct str id)
{
	struct core *core = user;
	return registry_system(core->desk.registry, id);
}

static void
scanner_hung(void *user)
{
	struct core *core = user;
	role_end(core->rc, ROLE_YARA);
}

static void
open_inspect(struct core *core)
{
	const struct inspect_owner owner = {.options = core->rc->options, .db = core->desk.db, .loop = core->rc->loop,
	    .pool = core->desk.pool, .rule = yara_rule, .excepted = excepted, .system_of = system_of,
	    .scanner_hangs = scanner_hung, .alert_changed = alert_changed,
	    .upload_changed = upload_changed, .sweep_changed = sweep_changed, .user = core};
	core->desk.inspect = inspect_new(&owner);
}

static void
give_desk(struct core *core)
{
	struct desk *d = &core->desk;
	d->options = core->rc->options;
	d->supervisor = core->supervisor;
	d->pool = pool_new(core->rc->loop, POOL_THREADS, POOL_QUEUE);
	d->importer = pool_new(core->rc->loop, 1, IMPORT_QUEUE);
	open_inspect(core);
	d->throttle = throttle_new();
	d->tickets = tickets_new();
	d->failures = failures_new();
	d->session_over = session_over;
	d->reports = report_book_new();
	d->started_ms = clock_now_ms();
	d->respond = respond;
	d->end_demonstration = end_demonstration;
	d->alert_changed = alert_changed;
	d->lookback_changed = lookback_changed;
	d->lookback_told = lookback_told;
	d->indicators_told = indicators_told;
	d->rules_check = rules_check;
	d->table_read = table_read_for;
	d->core = core;
	core->book = alert_book_new(d->db);
	core->rules_loaded = rules_loaded;
	core_rules_start(core);
	arena_init(&core->arena, 1 << 20, VERDICT_ARENA);
	core->lookback = core_lookback_new(core);
	core->directory = core_directory_new(core);
	core->witness = core_witness_new(core);
	loop_add_timer(core->rc->loop, TICK_MS, TICK_MS, on_tick, core);
	loop_add_timer(core->rc->loop, STATUS_MS, STATUS_MS, on_status, core);
}

static int
give_up_power(struct role_context *rc)
{
	const struct options *o = rc->options;
	struct sandbox_path paths[2 * OPTIONS_MAX_TEXTS + 3] = {{o->data, true}, {"/proc", false}};
	size_t n = 2;
	for (uint32_t i = 0; i < o->rules_count; i++)
		paths[n++] = (struct sandbox_path){o->rules[i], false};
	for (uint32_t i = 0; i < o->sweep_count; i++)
		if (access(o->sweep[i], F_OK) == 0)
			paths[n++] = (struct sandbox_path){o->sweep[i], false};
		else
			log_say(LOG_LEVEL_WARN, "sweep.no_folder", LOG_TEXT("folder", str_z(o->sweep[i])));
	if (rules_default_directory())
		paths[n++] = (struct sandbox_path){rules_default_directory(), false};
	unsigned speak = db_remote(((struct core *)rc->user)->desk.db) ? SANDBOX_SPEAK : 0;
	return role_confine(rc, SANDBOX_FILES | SANDBOX_THREADS | speak, paths, n);
}

static int
core_start(struct role_context *rc)
{
	struct core *core = MEM_NEW(struct core);
	struct fault fault = {0};
	rc->user = core;
	core->rc = rc;
	core->supervisor = getppid(); /* may not be asked once confined */
	int error = open_stores(core, &fault);
	if (!error)
		error = core_rules_open(core, &fault);
	if (!error)
		error = core_state_open(core);
	if (error) {
		if (!fault.code)
			fault_set(&fault, error, NULL, STR(""), 0, 0);
		log_fault(&fault);
		return error;
	}
	open_law(core);
	TRY(open_register(core));
	core->indicators = core_indicators_open(core);
	core_apply_open(core);
	print_address(core);
	role_ready(rc);
	TRY(give_up_power(rc));
	give_desk(core); /* threads last, so that they are confined too */
	return 0;
}

/* --- peers --- */

static void
send_number(struct channel *c, enum message type, uint64_t number)
{
	struct buf b = BUF_INIT;
	wire_put_u64(&b, number);
	if (c)
		(void)channel_send(c, type, buf_str(&b), STR(""), STR(""));
	buf_release(&b);
}

/* What is sealed in the archive, and in the memory that is on disk, needs its journal no more. */
static void
tell_released(struct core *core)
{
	uint64_t safe = archive_safe(core->desk.archive), kept = core_state_releases(core);
	safe = kept < safe ? kept : safe;
	if (safe > core->released && core->collect) {
		core->released = safe;
		send_number(core->collect, MSG_RELEASE, safe);
	}
}

/* Verdicts wait in the channel while there is one that could not be applied, and until collect has said where it begins:
 * it may say so on its channel before, and be read after, what the worker makes of it. */
static void
hear_worker(struct core *core)
{
	if (core->worker)
		channel_pause(core->worker, !core->next || core->desk.stalled || core->held_for_rules || core->worker_ends);
}

static void
keep_held(struct core *core, struct str payload)
{
	buf_clear(&core->held);
	buf_add(&core->held, payload);
	hear_worker(core);
}

/* Nobody would send it again, and everything behind it would wait for ever. A worker that is killed leaves its block the
 * suspect: collect sends it to the next, alone, and quarantines it the third time (collect/deliver.h). */
static void
verdict_broken(struct core *core, struct str payload)
{
	log_say(LOG_LEVEL_ERROR, "verdict.broken", LOG_NUMBER("bytes", (int64_t)payload.n),
	    LOG_NUMBER("next", (int64_t)core->next));
	core->worker_ends = true;
	hear_worker(core);
	role_end(core->rc, ROLE_WORKER);
}

static void
on_verdict(struct core *core, struct str payload)
{
	uint64_t block;
	struct verdict_message m;
	if (verdict_message_take(payload, &m) < 0) {
		verdict_broken(core, payload);
		return;
	}
	block = m.block;
	if (!core->next || block != core->next)
		return; /* a copy of what is applied, or from before collect said where it begins */
	int error = core_apply_left(core);
	if (!error && !core_rules_fit(core, m.digest)) {
		core->held_for_rules = true; /* until its rules are read, or the block comes again from another worker */
		keep_held(core, payload);
		return;
	}
	if (!error)
		error = core_apply(core, &m);
	if (error) {
		/* Disk full or the like: nothing is told, collect's window fills and the doors close. Tried again by tick.
		 * Verdicts behind this one wait in the channel. */
		core->desk.stalled = error;
		keep_held(core, payload);
		return;
	}
	core->desk.stalled = 0;
	hear_worker(core);
	core->next = block + 1;
	send_number(core->collect, MSG_APPLIED, block);
	tell_released(core);
}

static void
on_request(struct core *core, struct str payload)
{
	struct api_request r;
	if (api_request_take(payload, &r) == 0)
		api_run(&core->desk, &r);
}

static void
on_report(struct core *core, struct str payload)
{
	if (report_book_take(core->desk.reports, payload) < 0)
		log_say(LOG_LEVEL_ERROR, "report.broken", LOG_NUMBER("bytes", (int64_t)payload.n));
	core_state_known(core, report_book_head(core->desk.reports)->journal.committed);
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct core *core = user;
	struct wire w = {payload, false};
	if (fd >= 0)
		close(fd);
	renew_register(core);
	if (type == MSG_VERDICT && c == core->worker) {
		on_verdict(core, payload);
		if (core->desk.stalled) /* said once: until it is over no other comes */
			log_say(LOG_LEVEL_ERROR, "core.stalled", LOG_TEXT("error", str_z(error_name(core->desk.stalled))));
	} else if (type == MSG_REQUEST && c == core->web)
		on_request(core, payload);
	else if (type == MSG_SOURCES && c == core->collect)
		on_report(core, payload);
	else if (type == MSG_SEEN && c == core->worker)
		core_rules_seen(core, payload);
	else if (type == MSG_COST && c == core->worker)
		core_rules_cost(core, payload);
	else if (type == MSG_RULES && c == core->worker && payload.n == sizeof core->worker_digest)
		core_rules_of_worker(core, (const uint8_t *)payload.p);
	else if (type == MSG_FROM && c == core->collect) {
		core->next = wire_u64(&w);
		hear_worker(core);
	}
}

static struct channel **
channel_of(struct core *core, enum role peer)
{
	switch (peer) {
	case ROLE_COLLECT:
		return &core->collect;
	case ROLE_WORKER:
		return &core->worker;
	default:
		assert(peer == ROLE_WEB);
		return &core->web;
	}
}

static void
on_closed(void *user, struct channel *c)
{
	struct core *core = user;
	if (c == core->collect) {
		core->next = 0;
		hear_worker(core);
	}
	static const enum role peers[] = {ROLE_COLLECT, ROLE_WORKER, ROLE_WEB};
	for (size_t i = 0; i < COUNT(peers); i++)
		if (*channel_of(core, peers[i]) == c)
			*channel_of(core, peers[i]) = NULL;
	channel_free(c);
}

static void
core_peer(struct role_context *rc, enum role peer, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	struct core *core = rc->user;
	if (peer == ROLE_LOOKBACK) {
		core_lookback_peer(core->lookback, fd);
		return;
	}
	if (peer == ROLE_LDAP) {
		core_directory_peer(core->directory, fd);
		return;
	}
	if (peer == ROLE_PUSH) {
		core_witness_peer(core->witness, fd);
		return;
	}
	if (peer == ROLE_YARA) {
		inspect_peer(core->desk.inspect, fd);
		return;
	}
	struct channel **at = channel_of(core, peer);
	if (*at)
		on_closed(core, *at);
	*at = channel_new(rc->loop, fd, &events, core);
	core->worker_ends &= peer != ROLE_WORKER;
	if (peer == ROLE_WORKER && core->held_for_rules) { /* collect sends it to this one */
		core->held_for_rules = false;
		buf_clear(&core->held);
	}
	hear_worker(core);
	if (peer == ROLE_WORKER)
		core_indicators_peer(core->indicators);
	if (peer != ROLE_COLLECT)
		return;
	core->released = 0;
	/* What is applied but not sealed lives in our memory only as long as we do; a new collect goes on behind it. */
	send_number(core->collect, MSG_REPLAY, core_state_replay(core));
}

/* --- what the API asks of us --- */

static void
respond(void *user, const struct api_response *r)
{
	struct core *core = user;
	struct buf b = BUF_INIT_MAX(CHANNEL_MAX);
	api_response_put(&b, r);
	if (core->web && channel_send(core->web, MSG_RESPONSE, buf_str(&b), STR(""), STR("")) < 0)
		log_say(LOG_LEVEL_WARN, "response.lost", LOG_NUMBER("bytes", (int64_t)b.n));
	buf_release(&b);
}

static void
push_reaching(struct core *core, const char *event, unsigned rights, struct str reach, struct buf *json)
{
	struct buf text = BUF_INIT_MAX(1 << 20);
	api_push_put(&text, &(struct api_push){.rights = rights, .reach = reach});
	buf_addf(&text, "event: %s\ndata: ", event);
	buf_add(&text, buf_str(json)); /* JSON has no bare line break */
	buf_add(&text, STR("\n\n"));
	if (core->web && !text.over && channel_queued(core->web) <= PUSH_BACKLOG)
		(void)channel_send(core->web, MSG_PUSH, buf_str(&text), STR(""), STR(""));
	buf_release(&text);
}

/* About the whole province. */
static void
push(struct core *core, const char *event, unsigned rights, struct buf *json)
{
	push_reaching(core, event, rights, STR(""), json);
}

/* What was put together about one row, if it could be; then its memory goes. */
static void
push_row(struct core *core, const char *event, unsigned rights, struct buf *json, struct arena *arena)
{
	if (json->n)
		push(core, event, rights, json);
	buf_release(json);
	arena_release(arena);
}

/* The organisation and all above it. */
static void
reach_of(const struct registry *r, struct str organisation, struct buf *out)
{
	const struct organisation *o = registry_organisation(r, organisation);
	for (; o && registry_within(r, organisation, o->id) && !out->over; o = o->parent) {
		buf_add(out, out->n ? STR("\n") : STR(""));
		buf_add(out, o->id);
	}
}

static void
alert_changed(void *user, int64_t id)
{
	struct core *core = user;
	struct arena arena;
	struct alert a;
	struct buf json = BUF_INIT_MAX(256 << 10), reach = BUF_INIT_MAX(8 << 10);
	if (!core->web || channel_queued(core->web) > PUSH_BACKLOG)
		return;
	arena_init(&arena, 16 << 10, 1 << 20);
	if (alert_get(core->desk.db, id, &arena, &a) == 0 && alert_spark(core->desk.db, &a, clock_now_ms()) == 0) {
		alert_json(&json, &core->desk, &a);
		reach_of(core->desk.registry, a.organisation, &reach);
		push_reaching(core, "alert", RIGHT_ALERT_READ, buf_str(&reach), &json);
	}
	buf_release(&reach);
	buf_release(&json);
	arena_release(&arena);
}

static void
upload_changed(void *user, int64_t id)
{
	struct core *core = user;
	struct arena arena;
	struct upload u;
	struct buf json = BUF_INIT_MAX(1 << 20);
	arena_init(&arena, 16 << 10, 1 << 20);
	if (core->web && upload_get(core->desk.inspect, id, &arena, &u) == 0)
		upload_json(&json, &core->desk, &u);
	push_row(core, "file", RIGHT_FILE_READ, &json, &arena);
}

static void
sweep_changed(void *user, int64_t id)
{
	struct core *core = user;
	struct arena arena;
	struct sweep s;
	struct buf json = BUF_INIT_MAX(64 << 10);
	arena_init(&arena, 16 << 10, 1 << 20);
	if (core->web && sweep_get(core->desk.inspect, id, &arena, &s) == 0)
		sweep_json(&json, &s);
	push_row(core, "sweep", RIGHT_FILE_READ, &json, &arena);
}

static void
lookback_told(void *user, int64_t id)
{
	struct core *core = user;
	struct arena arena;
	struct lookback j;
	struct buf json = BUF_INIT_MAX(256 << 10);
	arena_init(&arena, 16 << 10, 4 << 20);
	if (core->web && lookback_get(core->desk.db, id, &arena, &j) == 0)
		lookback_json(&json, desk_rules(&core->desk), &j);
	push_row(core, "lookback", RIGHT_RULE_READ | RIGHT_EVENT_READ, &json, &arena);
}

static void
lookback_changed(void *user, int64_t id)
{
	struct core *core = user;
	core_lookback_changed(core->lookback, id);
	lookback_told(core, id);
}

static void
session_over(void *user, struct str id)
{
	struct core *core = user;
	if (core->web && channel_send(core->web, MSG_SESSION_OVER, id, STR(""), STR("")) < 0)
		log_say(LOG_LEVEL_WARN, "session_over.lost", LOG_TEXT("session", id));
}

static void
indicators_told(void *user)
{
	struct core *core = user;
	struct buf json = BUF_INIT_MAX(128);
	buf_addf(&json, "{\"indicators\":%u}", core->desk.indicators);
	push(core, "indicator", RIGHT_INDICATOR_READ, &json);
	buf_release(&json);
}

static void
table_read_for(void *user, struct api_call *call, struct str bytes)
{
	struct core *core = user;
	core_lookback_table(core->lookback, call, bytes);
}

static void
rules_check(void *user, struct api_call *call, struct str text)
{
	struct core *core = user;
	core_lookback_check(core->lookback, call, text);
}

/* The player stops, its alerts and its part of the register go; its events stay, marked, until retention takes them. */
static int
end_demonstration(void *user)
{
	struct core *core = user;
	role_stop_demo(core->rc);
	TRY(db_begin(core->desk.db));
	int error = alert_forget_demonstration(core->desk.db);
	if (!error)
		error = registry_forget_demonstration(core->desk.db);
	TRY(db_end_transaction(core->desk.db, error));
	core->desk.demonstration = false;
	registry_touch_all(core->desk.registry);
	return registry_renew(&core->desk.registry, core->desk.db, str_z(core->day));
}

/* --- time --- */

/* A verdict that could not be applied (disk full) is tried again. */
static void
retry_held(struct core *core)
{
	struct buf payload = core->held;
	core->held = BUF_INIT;
	core->desk.stalled = 0;
	on_verdict(core, buf_str(&payload));
	hear_worker(core);
	buf_release(&payload);
}

static void
rules_loaded(struct core *core)
{
	struct buf json = BUF_INIT_MAX(64);
	buf_add(&json, STR("{\"id\":null}"));
	push(core, "rule", RIGHT_RULE_READ, &json);
	buf_release(&json);
	if (!core->held_for_rules)
		return;
	core->held_for_rules = false;
	retry_held(core);
}

static void
drop_old(struct core *core, int64_t now)
{
	int64_t days = core->rc->options->retention_days;
	int dropped = evidence_drop(core->desk.db, core->desk.archive, now - days * TIME_DAY, now);
	if (!dropped)
		dropped = archive_drop_before(core->desk.archive, now - days * TIME_DAY);
	if (dropped > 0)
		log_say(LOG_LEVEL_INFO, "archive.dropped", LOG_NUMBER("days", dropped));
	struct retention_counts gone;
	if (retention_prune(core->desk.db, now - core->rc->options->keep_days * TIME_DAY, now, &gone) < 0)
		log_say(LOG_LEVEL_WARN, "database.prune_failed", LOG_NUMBER("at", now));
	if (db_run(core->desk.db, Q_ALERT_SLOT_PRUNE, "i", (now - TIME_DAY) / ALERT_SLOT_MS) < 0 ||
	    session_prune(core->desk.db, now) < 0)
		log_say(LOG_LEVEL_WARN, "database.prune_failed", LOG_NUMBER("at", now));
}

static void
note_evidence(struct core *core, int64_t now)
{
	if (evidence_note(core->desk.db, core->desk.archive, now) < 0)
		log_say(LOG_LEVEL_ERROR, "evidence.not_noted", LOG_NUMBER("at", now));
}

/* No reconnecting in the middle of things: the supervisor starts another, which connects before it gives up the power to,
 * and goes on where the database and the journal say. Until the server is back that fails, and is tried again. */
static void
end_without_database(struct core *core)
{
	if (!db_lost(core->desk.db))
		return;
	log_say(LOG_LEVEL_ERROR, "database.lost", LOG_NUMBER("next", (int64_t)core->next));
	_exit(1);
}

static void
on_tick(void *user)
{
	struct core *core = user;
	int64_t now = clock_now_ms();
	turn_day(core, now);
	renew_register(core);
	if (core->desk.stalled)
		retry_held(core);
	/* Alerts first: what is sealed is not sent again. */
	if (!core->desk.stalled && archive_tick(core->desk.archive, now) < 0)
		log_say(LOG_LEVEL_ERROR, "archive.seal_failed", LOG_NUMBER("at", now));
	if (core->ticks % EVIDENCE_TICKS == 0)
		note_evidence(core, now);
	if (core->desk.recorder && recorder_tick(core->desk.recorder) < 0)
		log_say(LOG_LEVEL_ERROR, "record.not_written", LOG_NUMBER("at", now));
	core_witness_tick(core->witness, now);
	core_state_tick(core, now);
	end_without_database(core);
	tell_released(core);
	core_lookback_tick(core->lookback);
	core_rules_tick(core, now);
	core_indicators_tick(core->indicators, now);
	status_tick(&core->desk, now);
	core_directory_tick(core->directory);
	if (failures_tick(core->desk.failures, core->desk.db, now) < 0)
		log_say(LOG_LEVEL_WARN, "sign_in.failures_not_written", LOG_NUMBER("at", now));
	inspect_tick(core->desk.inspect, now);
	core->rate[core->ticks % COUNT(core->rate)] = core->desk.events;
	uint64_t before = core->rate[(core->ticks + 1) % COUNT(core->rate)];
	uint64_t span = core->ticks < COUNT(core->rate) - 1 ? core->ticks : COUNT(core->rate) - 1;
	core->desk.events_per_second = span ? (double)(core->desk.events - before) / (double)span : 0;
	if (core->ticks++ % 3600 == 60)
		drop_old(core, now);
}

static void
on_status(void *user)
{
	struct core *core = user;
	struct buf json = BUF_INIT_MAX(256 << 10);
	if (!core->web)
		return;
	status_json(&json, &core->desk, clock_now_ms());
	push(core, "status", RIGHT_STATUS_READ, &json);
	buf_release(&json);
}

static void
core_stop(struct role_context *rc)
{
	struct core *core = rc->user;
	pool_free(core->desk.importer);
	pool_free(core->desk.pool);
	core_lookback_free(core->lookback);
	core_rules_stop(core);
	inspect_free(core->desk.inspect);
	/* Sealing leaves the next start nothing to replay; what has alerts that could not be written must be replayed. */
	if (core_apply_left(core) == 0) {
		core_state_stop(core);
		if (archive_seal(core->desk.archive) == 0)
			note_evidence(core, clock_now_ms());
		archive_close(core->desk.archive);
	}
	if (core->desk.recorder && recorder_tick(core->desk.recorder) < 0)
		log_say(LOG_LEVEL_ERROR, "record.not_written", LOG_NUMBER("at", clock_now_ms()));
	core_witness_free(core->witness);
	core_directory_free(core->directory);
	recorder_close(core->desk.recorder);
	core_indicators_free(core->indicators);
	db_close(core->desk.db);
	loop_stop(rc->loop);
}

const struct role_entry core_role = {
	.start = core_start,
	.events = {.peer = core_peer, .stop = core_stop},
};
