/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_lookback.h"

#include <limits.h>

#include <unistd.h>

#include "alert/lookback.h"
#include "base/memory.h"
#include "core_indicator.h"
#include "core_lookback_image.h"
#include "core_trial.h"
#include "host/clock.h"
#include "host/log.h"
#include "store/archive_slab.h"

#define PART_BYTES (512u << 10)   /* of records in one question */
#define WRITE_MS 1000             /* between two writes of what was found */
#define BOOK_FINDINGS 50000u      /* gathered for alerts: written earlier */
#define JOURNAL_WAITS 16u         /* blocks in the journal that wait for the worker or for core: then we wait */
#define RULES_WAIT_MS 15000       /* for rules that are being read */
#define RETRY_MS 5000             /* after the database refused */
#define DEATHS_MAX 3u             /* of the role over the same part */
#define TOLD_MAX 100u             /* alerts told to the live stream at one write */
#define JOB_ARENA (8u << 20)
#define ANSWER_ARENA (128u << 20)

static const uint32_t core_fields[] = {F_SOURCE_NAME, F_ORGANISATION, F_SYSTEM, F_LEVEL};
enum { CORE_SOURCE, CORE_ORGANISATION, CORE_SYSTEM, CORE_LEVEL };

enum step {
	STEP_BEGIN,  /* the archive is to be sealed */
	STEP_COUNT,  /* its blocks are counted, on a pool thread */
	STEP_LOAD,   /* the role is to be given its rules */
	STEP_FACTS,  /* it was */
	STEP_RUN,
};

/* A rule whose findings count. The job's own copy: the rule set may be swapped under it. */
struct job_rule {
	uint32_t index;         /* in the role's set */
	struct rule_info info;
	bool alerts;            /* it is in force: what it finds becomes an alert */
	struct rule_info *at[LEVEL_CRITICAL + 1]; /* with another level: that of an indicator; made when needed */
};

struct core_lookback {
	struct core *core;
	struct trial_line *line;
	struct alert_book *book;
	struct lookback_ledger *ledger;
	struct sighting_book *sightings; /* of indicators */
	struct arena answer;    /* of the answer being applied */
	/* the job */
	bool active;
	struct lookback job;
	struct arena arena;     /* its texts and rules */
	enum step step;
	uint64_t run;           /* grows: what an earlier run had under way is known by its number */
	struct set set;
	int image;              /* of indicators, or -1 */
	struct lookback_any any; /* what blocks must hold to be worth reading */
	struct job_rule *rule;  /* by index, ascending */
	uint32_t rules;
	bool stateful;
	struct archive_slab *slab, *ahead;
	bool reading, end;      /* one is being unpacked; there is no other */
	uint32_t from, to;      /* records of the slab asked about; from == to: nothing */
	size_t byte;            /* where `from` begins in its batch */
	int64_t since_ms;       /* spent_ms counts from here */
	int64_t written_ms;
	int64_t wait_until_ms;
	uint32_t deaths;
	bool waits;             /* for live work */
	struct loop_timer *soon;
};

static void go_on(struct core_lookback *l);
static void resume_job(struct core_lookback *l);

/* --- ends --- */

static void
drop_slabs(struct core_lookback *l)
{
	archive_slab_free(l->slab);
	archive_slab_free(l->ahead);
	l->slab = l->ahead = NULL;
	l->from = l->to = 0;
	l->byte = 0;
	l->end = false;
	l->run++; /* what is being unpacked is for nobody */
	l->reading = false;
}

static void
drop_job(struct core_lookback *l)
{
	drop_slabs(l);
	alert_book_clear(l->book);
	lookback_ledger_clear(l->ledger);
	sighting_book_clear(l->sightings);
	if (l->image >= 0)
		close(l->image);
	l->image = -1;
	l->any.count = 0;
	set_release(&l->set);
	arena_clear(&l->arena);
	l->job = (struct lookback){0};
	l->rule = NULL;
	l->rules = 0;
	l->active = false;
}

static void
tell(struct core_lookback *l)
{
	struct desk *d = &l->core->desk;
	d->lookback_told(d->core, l->job.id);
}

/* The end of the job by itself; faults is JSON or empty. */
static void
end_job(struct core_lookback *l, enum lookback_state state, struct str faults)
{
	int error = lookback_end(l->core->desk.db, l->job.id, state, faults, clock_now_ms());
	if (error && error != E_CONFLICT) { /* the disk is full: it stays as it is; the tick begins it again, and ends it */
		l->wait_until_ms = clock_monotonic_ms() + RETRY_MS;
		drop_job(l);
		return;
	}
	log_say(LOG_LEVEL_INFO, "lookback.ended", LOG_NUMBER("job", l->job.id),
	    LOG_TEXT("state", str_z(lookback_state_name(state))), LOG_NUMBER("findings", l->job.findings));
	tell(l);
	drop_job(l);
}

static void
fail_job(struct core_lookback *l, const char *what, struct str arg)
{
	struct buf b = BUF_INIT_MAX(4096);
	buf_addf(&b, "[{\"line\":0,\"column\":0,\"what\":\"%s\",\"arg\":", what);
	buf_add_json_string(&b, arg);
	buf_add(&b, STR("}]"));
	end_job(l, LOOKBACK_FAILED, buf_str(&b));
	buf_release(&b);
}

/* --- what was found --- */

struct told {
	struct desk *desk;
	uint32_t count;
};

static void
on_alert(void *user, int64_t id)
{
	struct told *t = user;
	if (t->count++ < TOLD_MAX)
		t->desk->alert_changed(t->desk->core, id);
}

/* Alerts of correlations wait for the end, since such a job begins anew when it is cut short. */
static int
write_all(struct core_lookback *l, bool alerts, struct lookback *job)
{
	if (alerts) {
		TRY(alert_book_write(l->book, clock_now_ms()));
		job->told += (int64_t)alert_book_told(l->book);
		job->alerts += alert_book_opened(l->book);
	}
	TRY(sighting_book_write(l->sightings));
	return lookback_ledger_write(l->ledger, l->core->desk.db, job);
}

static int
write_found(struct core_lookback *l, bool last)
{
	struct told told = {.desk = &l->core->desk};
	bool alerts = last || !l->stateful;
	struct lookback job = l->job;
	TRY(db_begin(l->core->desk.db));
	TRY(db_end_transaction(l->core->desk.db, write_all(l, alerts, &job)));
	l->job = job;
	if (alerts) {
		alert_book_each(l->book, on_alert, &told);
		alert_book_clear(l->book);
	}
	lookback_ledger_clear(l->ledger);
	sighting_book_clear(l->sightings);
	l->written_ms = clock_monotonic_ms();
	tell(l);
	return 0;
}

static void
refused(struct core_lookback *l, int error)
{
	log_say(LOG_LEVEL_ERROR, "lookback.not_written", LOG_TEXT("error", str_z(error_name(error))));
	l->wait_until_ms = clock_monotonic_ms() + RETRY_MS;
	resume_job(l);
}

static struct job_rule *
find_rule(const struct core_lookback *l, uint32_t index)
{
	uint32_t low = 0, high = l->rules;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (l->rule[middle].index == index)
			return &l->rule[middle];
		*(l->rule[middle].index < index ? &low : &high) = l->rule[middle].index < index ? middle + 1 : middle;
	}
	return NULL;
}

/* One event of an answer, as core has it. */
struct found {
	struct event *event;
	int64_t time_ms;
	uint64_t id;
	struct str organisation, system;
};

/* The rule as this finding tells it. */
static const struct rule_info *
rule_at(struct core_lookback *l, struct job_rule *rule, enum level level)
{
	if (level == rule->info.level)
		return &rule->info;
	struct rule_info *at = rule->at[level] ? rule->at[level] : ARENA_NEW(&l->arena, struct rule_info);
	if (!at)
		return &rule->info;
	*at = rule->info;
	at->level = level;
	rule->at[level] = at;
	return at;
}

/* What no alert has told becomes one, and counts as a sighting. */
static void
add_alert(struct core_lookback *l, const struct found *at, const struct finding *f)
{
	uint64_t told = alert_book_told(l->book);
	alert_book_add(l->book, f->rule, at->event, (int64_t)at->id, at->time_ms, f->matched, f->matched_count,
	    registry_system(l->core->desk.registry, at->system), at->event->raw->flags & RAW_DEMO);
	if (!f->indicator || alert_book_told(l->book) > told)
		return;
	const struct sighting s = {.event = (int64_t)at->id, .time_ms = at->time_ms, .field = f->matched->name,
	    .value = f->matched->value, .organisation = at->organisation, .system = at->system};
	sighting_book_add(l->sightings, f->indicator, &s);
}

static void
add_finding(struct core_lookback *l, const struct found *at, const struct verdict_finding *from)
{
	struct job_rule *rule = find_rule(l, from->rule);
	struct buf matched = BUF_INIT_MAX(64 << 10);
	if (!rule || (l->job.kind == LOOKBACK_INDICATORS) != (from->indicator > 0))
		return;
	struct finding f = {.rule = &rule->info, .event = at->event, .matched = from->matched,
	    .matched_count = from->matched_count, .indicator = from->indicator};
	enum level level = rule->info.level;
	if (f.indicator && !core_indicators_mean(l->sightings, &l->answer, &f, &level))
		return; /* revoked since, or no hit at all */
	f.rule = rule_at(l, rule, level);
	alert_matched_json(f.matched, f.matched_count, &matched);
	const struct lookback_hit hit = {.event = (int64_t)at->id, .time_ms = at->time_ms, .rule = f.rule->id,
	    .title = f.rule->title, .level = level, .matched = buf_str(&matched), .text = at->event->text,
	    .organisation = at->organisation, .system = at->system};
	lookback_ledger_add(l->ledger, &l->job, &hit, l->core->desk.options->zone);
	buf_release(&matched);
	/* Filters of the set know neither indicators nor what only core said of the event. */
	if (rule->alerts && !exception_book_covers(l->core->exceptions, &f, at->time_ms))
		add_alert(l, at, &f);
}

/* What core knew of the event when it came, and its id in the archive. */
static void
enrich(struct core_lookback *l, struct event *e, struct found *ret)
{
	struct str value[COUNT(core_fields)] = {0};
	uint32_t event = archive_slab_event(l->slab, l->from + e->raw_index, e->sub_index);
	for (uint32_t i = 0; i < COUNT(core_fields) && event != UINT32_MAX; i++) {
		value[i] = archive_slab_value(l->slab, event, i);
		event_put_core(e, core_fields[i], value[i]);
	}
	*ret = (struct found){e, event_time(e), event == UINT32_MAX ? 0 : archive_slab_id(l->slab, event),
	    value[CORE_ORGANISATION], value[CORE_SYSTEM]};
}

static int
apply_answer(struct core_lookback *l, struct str message)
{
	struct trial_answer a;
	struct event e;
	struct verdict_finding *list;
	uint32_t count;
	arena_clear(&l->answer);
	TRY(trial_answer_open(&a, message, &l->answer));
	while (trial_answer_next(&a, &e, &list, &count)) {
		struct found at;
		if (e.raw_index >= l->to - l->from)
			return E_CORRUPT;
		e.raw = &l->slab->raw[l->from + e.raw_index];
		if (!e.text.p)
			e.text = e.raw->bytes;
		e.arena = &l->answer;
		enrich(l, &e, &at);
		if (at.time_ms < l->job.from_ms || at.time_ms >= l->job.to_ms)
			continue;
		for (uint32_t i = 0; i < count; i++)
			add_finding(l, &at, &list[i]);
	}
	l->job.events += a.seen;
	l->job.blocks_damaged += a.lost;
	return trial_answer_bad(&a) ? E_CORRUPT : 0;
}

/* --- slabs --- */

struct read_job {
	struct core_lookback *lookback;
	uint64_t run;
	struct archive *archive;
	struct archive_span span;
	struct lookback_any any;     /* span.any points here */
	struct str value[LOOKBACK_ANY];
	uint32_t count;
	struct archive_slab *slab;
	int error;
	/* counting for indicators: their image is made first */
	bool indicators;
	const char *data;
	char source[256];
	const struct warning_lists *lists;
	int image;
};

/* What the job still has to look at, behind journal block `after`. */
static struct archive_span
span_of(const struct core_lookback *l, uint64_t after)
{
	return (struct archive_span){.from_ms = l->job.from_ms, .to_ms = l->job.to_ms, .after = after,
	    .upto = (uint64_t)l->job.upto};
}

static void
point_at_any(struct read_job *r)
{
	for (uint32_t i = 0; i < r->any.count; i++)
		r->value[i] = str_z(r->any.text[i]);
	r->span.any = r->any.count ? r->value : NULL;
	r->span.anys = r->any.count;
}

static bool
submit(struct core_lookback *l, uint64_t after, void (*work)(void *job), void (*done)(void *job, bool cancelled))
{
	struct read_job *r = MEM_NEW(struct read_job);
	const struct desk *d = &l->core->desk;
	*r = (struct read_job){.lookback = l, .run = l->run, .archive = d->archive, .span = span_of(l, after), .any = l->any,
	    .indicators = l->job.kind == LOOKBACK_INDICATORS, .data = d->options->data, .lists = d->warning_lists, .image = -1};
	str_to_z(l->job.source, r->source, sizeof r->source);
	if (pool_submit(l->core->desk.pool, work, done, r) == 0)
		return true;
	mem_free(r); /* many search just now; the next tick tries again */
	return false;
}

static void
count_work(void *user)
{
	struct read_job *r = user;
	if (r->indicators)
		r->error = lookback_image_make(r->lookback->core->desk.db, r->data, str_z(r->source), r->span.from_ms, r->lists, &r->image, &r->any);
	point_at_any(r);
	r->count = archive_slab_count(r->archive, &r->span);
}

static void
take_count(struct core_lookback *l, struct read_job *r)
{
	if (r->error) {
		fail_job(l, "lookback_indicators", r->error == E_NOT_FOUND ? STR("") : str_z(error_name(r->error)));
		return;
	}
	l->any = r->any;
	l->image = r->image;
	r->image = -1;
	if (l->job.state == LOOKBACK_QUEUED)
		l->job.blocks = r->count;
	l->step = STEP_LOAD;
	go_on(l);
}

static void
count_done(void *user, bool cancelled)
{
	struct read_job *r = user;
	struct core_lookback *l = r->lookback;
	if (!cancelled && r->run == l->run && l->step == STEP_COUNT)
		take_count(l, r);
	if (r->image >= 0)
		close(r->image);
	mem_free(r);
}

static void
read_work(void *user)
{
	struct read_job *r = user;
	point_at_any(r);
	r->error = archive_slab_read(r->archive, &r->span, core_fields, COUNT(core_fields), &r->slab);
}

static void
read_done(void *user, bool cancelled)
{
	struct read_job *r = user;
	struct core_lookback *l = r->lookback;
	if (cancelled || r->run != l->run) {
		archive_slab_free(r->slab);
	} else {
		l->reading = false;
		l->end = r->error != 0; /* E_NOT_FOUND */
		l->ahead = r->slab;
		go_on(l);
	}
	mem_free(r);
}

/* Keep one unpacked ahead of the one at hand. */
static void
read_ahead(struct core_lookback *l)
{
	uint64_t after = l->slab ? l->slab->last_block : (uint64_t)l->job.at;
	if (!l->reading && !l->ahead && !l->end)
		l->reading = submit(l, after, read_work, read_done);
}

static void
end_slab(struct core_lookback *l)
{
	l->job.at = (int64_t)l->slab->last_block;
	l->job.at_record = 0;
	l->job.blocks_done++;
	archive_slab_free(l->slab);
	l->slab = NULL;
}

/* The next slab to the front; records done before a restart are stepped over. */
static void
take_ahead(struct core_lookback *l)
{
	l->slab = l->ahead;
	l->ahead = NULL;
	l->from = l->to = 0;
	l->byte = 0;
	if (l->slab->damaged)
		l->job.blocks_damaged++;
	for (; l->to < l->slab->raws && l->to < (uint64_t)l->job.at_record; l->to++)
		l->byte += RAW_HEADER + l->slab->raw[l->to].bytes.n;
	l->from = l->to;
}

/* --- asking --- */

static bool
owner_of(void *user, uint32_t record, uint32_t sub, struct trial_owner *ret)
{
	const struct core_lookback *l = user;
	const struct archive_slab *s = l->slab;
	uint32_t first = archive_slab_event(s, l->from + record, 0), event = archive_slab_event(s, l->from + record, sub);
	if (event == UINT32_MAX || event - first != sub)
		return false;
	*ret = (struct trial_owner){archive_slab_value(s, event, CORE_SOURCE),
	    archive_slab_value(s, event, CORE_ORGANISATION), archive_slab_value(s, event, CORE_SYSTEM),
	    archive_slab_value(s, event, CORE_LEVEL)};
	return true;
}

static void
ask_batch(struct core_lookback *l)
{
	struct buf message = BUF_INIT_MAX(CHANNEL_MAX);
	size_t bytes = 0;
	for (; l->to < l->slab->raws && (bytes < PART_BYTES || l->to == l->from); l->to++)
		bytes += RAW_HEADER + l->slab->raw[l->to].bytes.n;
	const struct trial_batch b = {.number = l->run, .batch = str_cut(l->slab->batch, l->byte, l->byte + bytes),
	    .records = l->to - l->from, .owner = l->stateful ? owner_of : NULL, .user = l};
	trial_batch_put(&message, &b);
	l->byte += bytes;
	int error = message.over ? E_LIMIT : trial_line_ask(l->line, MSG_TRIAL_BATCH, buf_str(&message), STR(""));
	buf_release(&message);
	if (error)
		fail_job(l, "lookback_not_sent", str_z(error_name(error)));
}

static void
ask_set(struct core_lookback *l)
{
	const struct trial_head head = {.number = l->run, .rule = l->job.rule, .from_ms = l->job.from_ms,
	    .to_ms = l->job.to_ms, .run = true};
	struct buf b = BUF_INIT;
	if (l->image >= 0)
		trial_line_give(l->line, l->image);
	trial_set_begin(&b, &head);
	int error = trial_line_ask(l->line, MSG_TRIAL_SET, buf_str(&b), buf_str(&l->set.documents));
	buf_release(&b);
	l->step = STEP_FACTS;
	if (error)
		fail_job(l, "lookback_not_sent", str_z(error_name(error)));
}

/* Sealing, so that all that came so far is seen; what comes from now on is the worker's. */
static void
begin_reading(struct core_lookback *l)
{
	bool first = l->job.state == LOOKBACK_QUEUED;
	if (l->core->batch_open)
		return; /* alerts wait for the database */
	if (first && archive_seal(l->core->desk.archive) < 0) {
		l->wait_until_ms = clock_monotonic_ms() + RETRY_MS;
		return;
	}
	if (first)
		l->job.upto = (int64_t)archive_last_block(l->core->desk.archive);
	if (submit(l, 0, count_work, count_done))
		l->step = STEP_COUNT;
}

static void
finish(struct core_lookback *l)
{
	int error = write_found(l, true);
	if (error)
		refused(l, error);
	else
		end_job(l, LOOKBACK_DONE, STR(""));
}

static void
run_on(struct core_lookback *l)
{
	while (!l->slab || l->from == l->slab->raws) {
		if (l->slab)
			end_slab(l);
		if (!l->ahead) {
			read_ahead(l);
			if (l->end)
				finish(l);
			return;
		}
		take_ahead(l);
	}
	read_ahead(l);
	ask_batch(l);
}

/* Live work first. */
static bool
must_wait(struct core_lookback *l)
{
	const struct deliver_stats *live = &report_book_head(l->core->desk.reports)->deliver;
	bool waits = l->core->desk.stalled || l->core->batch_open || live->sent - live->applied > JOURNAL_WAITS ||
	    clock_monotonic_ms() < l->wait_until_ms;
	if (l->waits && !waits)
		l->since_ms = clock_monotonic_ms();
	l->waits = waits;
	return waits;
}

static void
go_on(struct core_lookback *l)
{
	if (!l->active || must_wait(l))
		return;
	if (l->step == STEP_BEGIN)
		begin_reading(l);
	else if (l->step == STEP_LOAD && trial_line_is_free(l->line))
		ask_set(l);
	else if (l->step == STEP_RUN && trial_line_is_free(l->line))
		run_on(l);
}

/* --- the job's beginning --- */

static bool
copy_list(struct arena *arena, const struct str *from, uint32_t count, const struct str **ret)
{
	struct str *list = arena_calloc(arena, count, sizeof *list);
	for (uint32_t i = 0; list && i < count; i++)
		if (!arena_copy(arena, from[i], &list[i]))
			return false;
	*ret = list;
	return list != NULL;
}

/* What alerts need of a rule. */
static bool
copy_info(struct arena *arena, const struct rule_info *from, struct rule_info *ret)
{
	*ret = (struct rule_info){.level = from->level, .tag_count = from->tag_count, .entity_count = from->entity_count,
	    .window_s = from->window_s};
	return arena_copy(arena, from->id, &ret->id) && arena_copy(arena, from->title, &ret->title) &&
	    arena_copy(arena, from->title_vi, &ret->title_vi) && copy_list(arena, from->tags, from->tag_count, &ret->tags) &&
	    copy_list(arena, from->entity, from->entity_count, &ret->entity);
}

/* Of what the role says only what is in force here makes alerts, in the words that stand here. */
static bool
keep_rule(struct core_lookback *l, const struct trial_rule *from, struct job_rule *ret)
{
	const struct rule_info *info =
	    l->job.kind == LOOKBACK_DRAFT ? NULL : rules_find(desk_rules(&l->core->desk), from->id);
	const struct rule_info said = {.id = from->id, .title = from->title, .level = from->level};
	ret->index = from->index;
	ret->alerts = info && !info->silent && !info->off;
	return copy_info(&l->arena, info ? info : &said, &ret->info);
}

static bool
keep_rules(struct core_lookback *l, const struct trial_facts *f)
{
	l->rule = arena_calloc(&l->arena, f->rules, sizeof *l->rule);
	l->rules = l->rule ? f->rules : 0;
	for (uint32_t i = 0; i < l->rules; i++)
		if ((i && f->rule[i].index <= f->rule[i - 1].index) || !keep_rule(l, &f->rule[i], &l->rule[i]))
			return false;
	return l->rule != NULL;
}

/* A set with a fault is not run: half of what a person wrote would find half of what he looks for. */
static bool
is_fatal(const struct trial_facts *f)
{
	bool fatal = !f->ready;
	for (uint32_t i = 0; i < f->faults; i++)
		fatal |= !str_eq(f->fault[i].what, STR("rule_regex_dead")) && f->fault[i].kind != TRIAL_LIBRARY;
	return fatal;
}

static int
begin_running(struct core_lookback *l, const struct trial_facts *f)
{
	struct db *db = l->core->desk.db;
	struct str title = l->job.title.n ? l->job.title : f->rules ? f->rule[0].title : STR("");
	l->stateful = f->stateful;
	if (l->stateful && l->job.state == LOOKBACK_RUNNING) {
		TRY(db_begin(db));
		TRY(db_end_transaction(db, lookback_rewind(db, l->job.id)));
		struct lookback *j = &l->job;
		j->at = j->at_record = j->blocks_done = j->blocks_damaged = j->events = j->spent_ms = j->findings = j->told =
		    j->alerts = j->first_hit_ms = j->last_hit_ms = 0;
	}
	if (l->job.state == LOOKBACK_QUEUED)
		TRY(lookback_begin(db, l->job.id, l->job.upto, l->job.blocks, title));
	l->job.state = LOOKBACK_RUNNING;
	l->since_ms = l->written_ms = clock_monotonic_ms();
	l->step = STEP_RUN;
	tell(l);
	return 0;
}

static void
on_facts(void *user, struct str message)
{
	struct core_lookback *l = user;
	struct trial_facts f;
	struct buf faults = BUF_INIT_MAX(256 << 10);
	if (!l->active || l->step != STEP_FACTS)
		return; /* of a job that was stopped */
	arena_clear(&l->answer);
	if (trial_facts_read(message, &l->answer, &f) < 0 || f.number != l->run) {
		trial_line_distrust(l->line);
	} else if (set_widen(&l->set, l->core, &f)) {
		l->step = STEP_LOAD;
	} else if (is_fatal(&f) || !keep_rules(l, &f)) {
		faults_json(&faults, &f);
		end_job(l, LOOKBACK_FAILED, buf_str(&faults));
	} else {
		int error = begin_running(l, &f);
		if (error)
			refused(l, error);
	}
	buf_release(&faults);
}

static void
on_findings(void *user, struct str message)
{
	struct core_lookback *l = user;
	struct wire w = {message, false};
	if (!l->active || l->step != STEP_RUN || wire_u64(&w) != l->run)
		return;
	if (apply_answer(l, message) < 0) {
		trial_line_distrust(l->line);
		return;
	}
	int64_t now = clock_monotonic_ms();
	l->job.spent_ms += now - l->since_ms;
	l->since_ms = now;
	l->deaths = 0;
	l->from = l->to;
	l->job.at_record = l->to;
	if (now - l->written_ms >= WRITE_MS || alert_book_pending(l->book) > BOOK_FINDINGS) {
		if (l->from == l->slab->raws)
			end_slab(l);
		int error = write_found(l, false);
		if (error)
			refused(l, error);
	}
}

static void
on_ended(void *user, enum line_end why)
{
	struct core_lookback *l = user;
	if (!l->active || l->step < STEP_FACTS)
		return;
	l->deaths += why == LINE_SLOW ? DEATHS_MAX : why == LINE_DIED; /* it would be as slow again */
	if (l->deaths >= DEATHS_MAX)
		fail_job(l, why == LINE_SLOW ? "lookback_slow" : "lookback_died", STR(""));
	else
		resume_job(l);
}

static void
on_idle(void *user)
{
	go_on(user);
}

static int
begin_set_of(struct core_lookback *l, const struct rule_info *info)
{
	char path[PATH_MAX];
	if (!info || info->file.n >= sizeof path)
		return E_NOT_FOUND;
	str_to_z(info->file, path, sizeof path);
	return set_begin(&l->set, l->core, (struct str){0}, path);
}

/* The rules that speak for indicators; they stand in one file, or a person has written his own. */
static int
begin_indicators(struct core_lookback *l)
{
	static const struct str engines[] = {STR_INIT("indicator.ip"), STR_INIT("indicator.domain"),
		STR_INIT("indicator.url"), STR_INIT("indicator.hash"), STR_INIT("indicator.mail")};
	int error = E_NOT_FOUND;
	for (size_t i = 0; i < COUNT(engines); i++) {
		const struct rule_info *info = rules_engine(desk_rules(&l->core->desk), engines[i]);
		if (!info)
			continue;
		error = error ? begin_set_of(l, info) : set_want(&l->set, info->file);
		TRY(error);
	}
	return error;
}

static int
begin_set(struct core_lookback *l)
{
	set_init(&l->set);
	if (l->job.kind == LOOKBACK_DRAFT)
		return set_begin(&l->set, l->core, l->job.text, NULL);
	if (l->job.kind == LOOKBACK_INDICATORS)
		return begin_indicators(l);
	return begin_set_of(l, rules_find(desk_rules(&l->core->desk), l->job.rule));
}

static void
begin_job(struct core_lookback *l)
{
	l->active = true;
	l->run++;
	if (l->job.to_ms >= l->job.created_ms - TIME_MINUTE) /* a browser's clock may be a little behind */
		l->job.to_ms = INT64_MAX;
	l->step = l->job.state == LOOKBACK_QUEUED || l->job.kind == LOOKBACK_INDICATORS ? STEP_BEGIN : STEP_LOAD;
	alert_book_look_back(l->book, l->job.id);
	int error = begin_set(l);
	if (error)
		fail_job(l, "lookback_rule", l->job.kind == LOOKBACK_RULE ? l->job.rule : str_z(error_name(error)));
	else
		go_on(l);
}

/* From what was written last. */
static void
resume_job(struct core_lookback *l)
{
	struct lookback j;
	int64_t id = l->job.id;
	drop_job(l);
	if (lookback_get(l->core->desk.db, id, &l->arena, &j) < 0 || j.state > LOOKBACK_RUNNING)
		return; /* stopped; or the database is away, then the tick finds it again */
	l->job = j;
	begin_job(l);
}

/* A rule that was just switched on judges soon. A job that begins then leaves no gap before it; it does not wait for ever. */
static bool
rules_change(const struct core_lookback *l, const struct lookback *j)
{
	return j->state == LOOKBACK_QUEUED && clock_now_ms() - j->created_ms < RULES_WAIT_MS &&
	    (l->core->rules_loading || l->core->desk.rules_next);
}

static void
next_job(struct core_lookback *l)
{
	struct lookback j;
	if (l->active || clock_monotonic_ms() < l->wait_until_ms)
		return;
	arena_clear(&l->arena);
	if (lookback_next(l->core->desk.db, &l->arena, &j) < 0 || rules_change(l, &j))
		return;
	l->job = j;
	l->deaths = 0;
	sighting_book_forget(l->sightings);
	begin_job(l);
}

/* --- from core --- */

struct core_lookback *
core_lookback_new(struct core *core)
{
	static const struct line_events events = {on_facts, on_findings, on_ended, on_idle};
	struct core_lookback *l = MEM_NEW(struct core_lookback);
	l->core = core;
	l->line = trial_line_new(core, &events, l);
	l->book = alert_book_new(core->desk.db);
	l->ledger = lookback_ledger_new();
	l->sightings = sighting_book_new(core->desk.db);
	l->image = -1;
	arena_init(&l->arena, 16 << 10, JOB_ARENA);
	arena_init(&l->answer, 256 << 10, ANSWER_ARENA);
	return l;
}

void
core_lookback_free(struct core_lookback *l)
{
	if (!l)
		return;
	if (l->active && l->step == STEP_RUN && !l->stateful && write_found(l, false) < 0)
		log_say(LOG_LEVEL_WARN, "lookback.not_written", LOG_NUMBER("job", l->job.id));
	drop_job(l);
	loop_remove_timer(l->soon);
	trial_line_free(l->line);
	alert_book_free(l->book);
	lookback_ledger_free(l->ledger);
	sighting_book_free(l->sightings);
	arena_release(&l->arena);
	arena_release(&l->answer);
	mem_free(l);
}

void
core_lookback_peer(struct core_lookback *l, int fd)
{
	trial_line_peer(l->line, fd);
}

void
core_lookback_tick(struct core_lookback *l)
{
	trial_line_tick(l->line);
	next_job(l);
	go_on(l);
}

static void
on_soon(void *user)
{
	struct core_lookback *l = user;
	l->soon = NULL;
	next_job(l);
	go_on(l);
}

/* Called from within the transaction of the change: whatever begins now begins when that is over. */
void
core_lookback_changed(struct core_lookback *l, int64_t id)
{
	struct lookback j;
	if (l->active && id == l->job.id && (lookback_get(l->core->desk.db, id, &l->answer, &j) < 0 || j.state > LOOKBACK_RUNNING))
		drop_job(l); /* an answer that is on its way finds nobody */
	if (!l->soon)
		l->soon = loop_add_timer(l->core->rc->loop, 0, 0, on_soon, l);
}

void
core_lookback_check(struct core_lookback *l, struct api_call *call, struct str text)
{
	trial_line_check(l->line, call, text);
}

void
core_lookback_table(struct core_lookback *l, struct api_call *call, struct str bytes)
{
	trial_line_table(l->line, call, bytes);
}
