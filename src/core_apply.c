/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_apply.h"

#include "alert/coverage.h"
#include "base/memory.h"
#include "core_indicator.h"
#include "core_state.h"
#include "host/clock.h"
#include "host/log.h"

#define BLOCK_SETTING STR("findings_block")
#define TOLD_MAX 100u

/* What one verdict is applied with. */
struct apply {
	struct core *core;
	const struct verdict_message *message;
	struct raw *raw;       /* records of the batch */
	uint32_t raws;
	bool stored;           /* the archive has this block already */
	bool counted;          /* and the database its findings */
	bool feeds;            /* correlations and flows have not seen it yet */
	int64_t now_ms;
	uint32_t told;         /* alerts, to the live stream */
};

int
verdict_message_take(struct str payload, struct verdict_message *ret)
{
	struct wire w = {payload, false};
	struct verdict_message m = {.block = wire_u64(&w)};
	struct str digest = wire_bytes(&w, 32);
	m.digest = (const uint8_t *)digest.p;
	m.batch = wire_str(&w);
	m.verdict = wire_str(&w);
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = m;
	return 0;
}

void
core_apply_open(struct core *core)
{
	struct db_rows *rows;
	if (db_query(core->desk.db, &rows, Q_SETTING_GET, "s", BLOCK_SETTING) < 0)
		return;
	if (db_next(rows) > 0)
		str_to_u64(db_text(rows, 0), &core->findings_block);
	db_end(rows);
}

static int
read_batch(struct apply *a)
{
	struct wire w = {a->message->batch, false};
	struct raw raw;
	uint32_t cap = 0;
	while (batch_take(&w, &raw)) {
		if (a->raws == cap) {
			cap = cap ? cap * 2 : 512;
			struct raw *grown = arena_calloc(&a->core->arena, cap, sizeof *grown);
			if (!grown)
				return E_LIMIT;
			if (a->raws)
				memcpy(grown, a->raw, a->raws * sizeof *grown);
			a->raw = grown;
		}
		a->raw[a->raws++] = raw;
	}
	return w.bad ? E_CORRUPT : 0;
}

/* What only core knows of an event: who sent it, and whose system it tells of. */
static const struct system *
enrich(struct apply *a, struct event *e)
{
	struct desk *d = &a->core->desk;
	struct buf peer = BUF_INIT_MAX(64);
	struct str name = {0};
	const struct system *s = alert_system_of(d->registry, e);
	static const struct str levels[] = {STR_INIT("1"), STR_INIT("2"), STR_INIT("3"), STR_INIT("4"), STR_INIT("5")};
	raw_peer_text(e->raw, &peer);
	if (!peer.n)
		buf_add(&peer, STR("file"));
	if (arena_copy(&a->core->arena, buf_str(&peer), &name))
		event_put_core(e, F_SOURCE_NAME, name);
	if (!s)
		s = registry_by_address(d->registry, name);
	if (s) {
		event_put_core(e, F_ORGANISATION, s->organisation->id);
		event_put_core(e, F_SYSTEM, s->id);
		event_put_core(e, F_LEVEL, levels[s->level - 1]);
	}
	buf_release(&peer);
	return s;
}

/* The rule as an alert tells it, with the level of this indicator. The copy lives as long as the verdict. */
static const struct rule_info *
rule_at_level(struct apply *a, const struct rule_info *rule, enum level level)
{
	struct rule_info *other = rule->level == level ? NULL : ARENA_NEW(&a->core->arena, struct rule_info);
	if (!other)
		return rule;
	*other = *rule;
	other->level = level;
	return other;
}

static void
add_finding(struct apply *a, struct finding *f, uint64_t event_id, const struct system *s)
{
	struct core *core = a->core;
	struct finding *more = NULL;
	enum level level = f->rule->level;
	if (f->rule->off)
		return; /* of an engine that was not told yet */
	if (f->indicator && !core_indicators_take(core->indicators, f, event_id, s, !a->counted, &level))
		return; /* revoked since, or no hit at all */
	struct finding kept = *f;
	if (exception_book_takes(core->exceptions, &kept, event_time(f->event))) {
		core->desk.suppressed += !a->counted;
		return;
	}
	f = &kept; /* what an exception no longer covers is of the rule it was made for */
	const struct rule_info *told = f->indicator ? rule_at_level(a, f->rule, level) : f->rule;
	core->desk.findings += !a->counted;
	if (!f->rule->silent && !a->counted)
		alert_book_add(core->book, told, f->event, (int64_t)event_id, event_time(f->event), f->matched,
		    f->matched_count, s, f->event->raw->flags & RAW_DEMO);
	if (!a->feeds || !core->correlator || f->rule->correlation)
		return;
	uint32_t n = correlator_feed(core->correlator, f, &core->arena, &more);
	for (uint32_t i = 0; i < n; i++)
		add_finding(a, &more[i], event_id, s);
}

/* What the event adds to the flows and questions before it. */
static void
add_flow(struct apply *a, struct event *e, uint64_t id, const struct system *s)
{
	struct finding *list = NULL;
	if (!a->feeds)
		return;
	uint32_t n = flow_feed(a->core->flow, e, &a->core->arena, &list);
	for (uint32_t i = 0; i < n; i++)
		add_finding(a, &list[i], id, alert_system_meant(a->core->desk.registry, &list[i], s));
}

static int
apply_event(struct apply *a, struct event *e, const struct verdict_finding *list, uint32_t count)
{
	struct core *core = a->core;
	uint64_t id = 0;
	if (e->raw_index >= a->raws)
		return E_CORRUPT;
	e->raw = &a->raw[e->raw_index];
	if (!e->text.p) /* a line is its own text; the verdict does not carry it twice */
		e->text = e->raw->bytes;
	e->arena = &core->arena;
	const struct system *s = enrich(a, e);
	if (!a->stored)
		TRY(archive_add(core->desk.archive, e, &id));
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].rule >= rules_count(core->desk.rules))
			continue; /* of a rule set that we could not load; log_say() has told it */
		struct finding f = {rules_info(core->desk.rules, list[i].rule), e, list[i].matched, list[i].matched_count,
		    list[i].indicator};
		add_finding(a, &f, id, s);
	}
	add_flow(a, e, id, s);
	if (a->stored)
		return 0;
	coverage_add(core->desk.coverage, core->desk.rules, e, s ? s->organisation->id : STR(""), e->raw->received_ms);
	core->desk.events++;
	if (e->decoder == DECODER_NONE)
		report_book_unparsed(core->desk.reports, e->raw->source);
	report_book_fields(core->desk.reports, e->raw->source, e->dropped_fields);
	return 0;
}

static int
apply_events(struct apply *a)
{
	struct verdict v;
	struct event e;
	struct verdict_finding *list;
	uint32_t count;
	if (!a->message->verdict.n)
		return 0; /* a batch that the journal could not give back */
	TRY(verdict_open(&v, a->message->verdict, &a->core->arena));
	while (verdict_next(&v, &e, &list, &count))
		TRY(apply_event(a, &e, list, count));
	if (!a->stored) {
		a->core->desk.unparsed += v.unparsed;
		a->core->desk.failed += v.failed;
		a->core->desk.truncated += v.truncated;
	}
	return v.wire.bad ? E_CORRUPT : 0;
}

/* A flood of alerts is not told one by one: the list is read again sooner than that many are drawn. */
static void
on_alert(void *user, int64_t id)
{
	struct apply *a = user;
	struct desk *d = &a->core->desk;
	if (a->told++ < TOLD_MAX)
		d->alert_changed(d->core, id);
}

/* Alerts and the number of the block in one transaction, so that a replay counts nothing twice. */
static int
write_alerts(struct apply *a)
{
	struct core *core = a->core;
	struct db *db = core->desk.db;
	char number[24];
	if (a->counted || (!alert_book_pending(core->book) && !exception_book_pending(core->exceptions) &&
		!core_indicators_pending(core->indicators)))
		return 0;
	snprintf(number, sizeof number, "%llu", (unsigned long long)a->message->block);
	TRY(db_begin(db));
	int error = alert_book_write(core->book, a->now_ms);
	if (!error)
		error = exception_book_write(core->exceptions, db);
	if (!error)
		error = core_indicators_write(core->indicators);
	if (!error)
		error = db_run(db, Q_SETTING_SET, "ss", BLOCK_SETTING, str_z(number));
	TRY(db_end_transaction(db, error));
	core->findings_block = a->message->block;
	alert_book_each(core->book, on_alert, a);
	return 0;
}

/* Into the archive and the book. Only archive_begin() can refuse, before anything has happened. */
static int
gather(struct apply *a)
{
	struct core *core = a->core;
	int error = archive_begin(core->desk.archive, a->message->block, a->message->batch);
	a->stored = error == E_EXISTS;
	if (error && !a->stored)
		return error;
	a->counted |= a->stored; /* it is sealed only when its alerts are written */
	a->feeds = core_state_feeds(core, a->message->block);
	error = read_batch(a);
	if (!error)
		error = apply_events(a);
	if (error) /* the worker is broken or broken into; its block is kept as raw bytes */
		log_say(LOG_LEVEL_ERROR, "verdict.corrupt", LOG_NUMBER("block", (int64_t)a->message->block),
		    LOG_TEXT("error", str_z(error_name(error))));
	if (a->counted)
		exception_book_clear(core->exceptions); /* what it took was noted the first time */
	core->batch_open = !a->stored;
	core->gathered = a->message->block;
	core_state_fed(core, a->message->block);
	return 0;
}

/* The archive may seal only now: a sealed block is not sent again, so its alerts must be in the database before. */
static void
end_batch(struct core *core)
{
	if (core->batch_open && archive_end(core->desk.archive) < 0)
		log_say(LOG_LEVEL_ERROR, "archive.seal_failed", LOG_NUMBER("block", (int64_t)core->gathered));
	core->batch_open = false;
}

/* What gather() left: the alerts, then the end of the batch. Refused (the disk is full ...), all of it is kept and tried
 * again, by the same verdict or before the next. */
int
core_apply_left(struct core *core)
{
	const struct verdict_message m = {.block = core->gathered};
	struct apply a = {.core = core, .message = &m, .now_ms = clock_now_ms(),
	    .counted = m.block <= core->findings_block};
	TRY(write_alerts(&a));
	core->desk.findings_over = alert_book_over(core->book);
	alert_book_clear(core->book);
	exception_book_clear(core->exceptions);
	core_indicators_clear(core->indicators);
	end_batch(core);
	return 0;
}

int
core_apply(struct core *core, const struct verdict_message *m)
{
	struct apply a = {.core = core, .message = m, .now_ms = clock_now_ms(),
	    .counted = m->block <= core->findings_block};
	if (core->gathered != m->block) {
		arena_clear(&core->arena);
		TRY(gather(&a));
	}
	return core_apply_left(core);
}
