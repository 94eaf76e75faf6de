/* SPDX-License-Identifier: EUPL-1.2 */
/* Trials in the look-back role: a set of rules put together, and batches run over it. */
#include "detect/trial.h"

#include "base/memory.h"
#include "detect/correlate.h"
#include "detect/trial_message.h"

#define STATE_BYTES (32u << 20)    /* of correlations, as in core */
#define VERDICT_ARENA ((size_t)128 << 20)
#define DOCUMENTS_MAX 4096u

struct document {
	enum trial_kind kind;
	struct str file, text;
};

struct trial {
	struct trial_head head;
	struct rules *rules;
	struct worker *worker;
	struct correlator *correlator; /* NULL: no correlations */
	struct arena arena;            /* of one batch */
	struct buf verdict;
};

/* What the faults of a set are gathered in while it is put together. */
struct gather {
	struct arena arena;
	struct document document[DOCUMENTS_MAX];
	uint32_t documents;
	const struct document *at; /* being read; NULL: all of them are joined */
	struct trial_fault *fault;
	uint32_t faults;
};

static enum trial_kind
kind_of_file(const struct gather *g, struct str file)
{
	for (uint32_t i = 0; i < g->documents; i++)
		if (str_eq(str_cut(g->document[i].file, 0, sizeof((struct fault *)0)->file - 1), file))
			return g->document[i].kind;
	return TRIAL_WANTED;
}

static bool
is_told(enum trial_kind kind, struct str what)
{
	return kind == TRIAL_MAP || kind == TRIAL_PLACEHOLDERS || kind == TRIAL_WANTED ||
	    (kind == TRIAL_LIBRARY && str_eq(what, STR("rule_reference")));
}

static void
on_fault(void *user, const struct fault *f)
{
	struct gather *g = user;
	struct trial_fault t = {.kind = g->at ? g->at->kind : kind_of_file(g, str_z(f->file)), .line = f->line,
	    .column = f->column};
	struct str what = str_z(f->what ? f->what : error_name(f->code));
	if (g->faults == TRIAL_FAULTS || !is_told(t.kind, what))
		return;
	if (arena_copy(&g->arena, what, &t.what) && arena_copy(&g->arena, str_z(f->arg), &t.arg))
		g->fault[g->faults++] = t;
}

/* ---- putting a set together ---- */

static int
take_documents(struct gather *g, struct wire *w)
{
	while (w->rest.n && !w->bad) {
		uint8_t kind = wire_u8(w);
		struct document d = {.kind = (enum trial_kind)kind, .file = wire_str(w), .text = wire_str(w)};
		if (w->bad || kind >= TRIAL_KIND_COUNT || g->documents == DOCUMENTS_MAX)
			return E_CORRUPT;
		g->document[g->documents++] = d;
	}
	return w->bad ? E_CORRUPT : 0;
}

static int
add_document(struct gather *g, struct rules *rules, const struct document *d)
{
	struct fault f = {0};
	int error = 0;
	switch (d->kind) {
	case TRIAL_MAP:
		error = rules_add_map(rules, d->text, d->file, &f);
		break;
	case TRIAL_PLACEHOLDERS:
		error = rules_add_placeholders(rules, d->text, d->file, &f);
		break;
	default:
		rules_add(rules, d->text, d->file, on_fault, g);
	}
	if (error < 0)
		on_fault(g, &f);
	return error;
}

static int
load(struct gather *g, struct rules *rules)
{
	int error = 0;
	bool map = false;
	for (uint32_t i = 0; i < g->documents && !error; i++) {
		g->at = &g->document[i];
		map |= g->at->kind == TRIAL_MAP;
		error = add_document(g, rules, g->at);
	}
	g->at = NULL;
	int finished = rules_finish(rules, on_fault, g);
	return error < 0 ? error : finished < 0 ? finished : map ? 0 : E_NOT_FOUND;
}

static bool
is_wanted(const struct gather *g, const struct trial_head *h, const struct rule_info *info)
{
	if (kind_of_file(g, str_cut(info->file, 0, sizeof((struct fault *)0)->file - 1)) != TRIAL_WANTED)
		return false;
	return h->rule.n ? str_eq(info->id, h->rule) : !h->run || !info->silent;
}

static void
put_facts(struct gather *g, struct trial *t, bool loaded, struct buf *facts)
{
	struct trial_facts f = {.number = t->head.number, .fault = g->fault, .faults = g->faults};
	uint32_t count = loaded ? rules_count(t->rules) : 0;
	struct trial_rule *rule = mem_calloc(count, sizeof *rule);
	for (uint32_t i = 0; i < count; i++) {
		const struct rule_info *info = rules_info(t->rules, i);
		if (is_wanted(g, &t->head, info))
			rule[f.rules++] = (struct trial_rule){i, info->id, info->title, info->level, info->correlation};
	}
	f.rule = rule;
	f.stateful = loaded && rules_stats(t->rules).correlations > 0;
	f.ready = loaded && t->head.run && f.rules > 0;
	trial_facts_put(facts, &f);
	mem_free(rule);
}

/* What matches never, though it reads well, is a fault that only shows once patterns are compiled. */
static void
tell_dead_regexes(struct gather *g, const struct trial *t)
{
	struct fault f = {0};
	struct buf count = BUF_INIT_MAX(16);
	static const struct document all = {.kind = TRIAL_WANTED};
	if (!worker_dead_regexes(t->worker))
		return;
	buf_add_u64(&count, worker_dead_regexes(t->worker));
	fault_set(&f, E_LIMIT, "rule_regex_dead", buf_str(&count), 0, 0);
	g->at = &all;
	on_fault(g, &f);
	buf_release(&count);
}

static void
make_ready(struct trial *t, int zone)
{
	worker_set_zone(t->worker, zone);
	worker_only_findings(t->worker, true);
	if (rules_stats(t->rules).correlations)
		t->correlator = correlator_new(t->rules, STATE_BYTES);
}

struct trial *
trial_new(struct str set, int zone, struct buf *facts)
{
	struct wire w = {set, false};
	struct trial *t = MEM_NEW(struct trial);
	struct gather *g = MEM_NEW(struct gather);
	arena_init(&g->arena, 16 << 10, 1 << 20);
	arena_init(&t->arena, 256 << 10, VERDICT_ARENA);
	g->fault = mem_calloc(TRIAL_FAULTS, sizeof *g->fault);
	t->rules = rules_new();
	bool loaded = trial_head_take(&w, &t->head) && take_documents(g, &w) == 0 && load(g, t->rules) == 0;
	if (loaded) { /* patterns are compiled for a check too: what takes too long here would take it from everybody else */
		t->worker = worker_new(t->rules);
		tell_dead_regexes(g, t);
	}
	if (loaded && t->head.run)
		make_ready(t, zone);
	size_t before = facts->n;
	put_facts(g, t, loaded, facts);
	bool ready = t->worker && trial_facts_ready(str_skip(buf_str(facts), before));
	arena_release(&g->arena);
	mem_free(g->fault);
	mem_free(g);
	t->head.rule = (struct str){0}; /* was borrowed from the set */
	if (ready)
		return t;
	trial_free(t);
	return NULL;
}

void
trial_use_indicators(struct trial *t, const struct ioc *indicators)
{
	worker_set_indicators(t->worker, indicators);
}

void
trial_free(struct trial *t)
{
	if (!t)
		return;
	correlator_free(t->correlator);
	worker_free(t->worker);
	rules_free(t->rules);
	arena_release(&t->arena);
	buf_release(&t->verdict);
	mem_free(t);
}

/* ---- running ---- */

/* Correlations of one batch. */
struct feed {
	struct trial *trial;
	const struct raw *raw;
	uint32_t raws;
	struct owners owners;
	struct buf *out;
	uint32_t event; /* with findings, counted */
};

static struct raw *
list_records(struct trial *t, struct str batch, uint32_t count)
{
	struct wire w = {batch, false};
	struct raw *raw = arena_calloc(&t->arena, count, sizeof *raw);
	for (uint32_t i = 0; raw && i < count; i++)
		if (!batch_take(&w, &raw[i]))
			return NULL;
	return raw;
}

/* The event as core would have had it when it came. */
static void
enrich(struct feed *f, struct event *e)
{
	struct trial_owner o;
	e->raw = &f->raw[e->raw_index];
	if (!e->text.p)
		e->text = e->raw->bytes;
	e->arena = &f->trial->arena;
	if (!owners_find(&f->owners, e->raw_index, e->sub_index, &o))
		return;
	event_put_core(e, F_SOURCE_NAME, o.source);
	event_put_core(e, F_ORGANISATION, o.organisation);
	event_put_core(e, F_SYSTEM, o.system);
	event_put_core(e, F_LEVEL, o.level);
}

static void
feed_finding(struct feed *f, struct event *e, const struct verdict_finding *from)
{
	struct trial *t = f->trial;
	struct finding *more = NULL;
	struct finding one = {rules_info(t->rules, from->rule), e, from->matched, from->matched_count};
	uint32_t n = correlator_feed(t->correlator, &one, &t->arena, &more);
	for (uint32_t i = 0; i < n; i++)
		trial_more_put(f->out, f->event, rules_index(more[i].rule), more[i].matched, more[i].matched_count);
}

static int
feed_verdict(struct feed *f)
{
	struct trial *t = f->trial;
	struct verdict v;
	struct event e;
	struct verdict_finding *list;
	uint32_t count;
	TRY(verdict_open(&v, buf_str(&t->verdict), &t->arena));
	for (; verdict_next(&v, &e, &list, &count); f->event++) {
		if (e.raw_index >= f->raws)
			return E_CORRUPT;
		enrich(f, &e);
		int64_t time = event_time(&e);
		if (time < t->head.from_ms || time >= t->head.to_ms)
			continue;
		for (uint32_t i = 0; i < count; i++)
			feed_finding(f, &e, &list[i]);
	}
	return v.wire.bad ? E_CORRUPT : 0;
}

static int
run_batch(struct trial *t, const struct batch_message *m, struct buf *answer)
{
	struct feed f = {.trial = t, .out = answer, .raws = m->records, .owners = m->owners};
	TRY(worker_run(t->worker, m->batch, &t->verdict));
	trial_answer_put(answer, m->number, worker_seen(t->worker), buf_str(&t->verdict));
	if (!t->correlator)
		return 0;
	f.raw = list_records(t, m->batch, m->records);
	return f.raw ? feed_verdict(&f) : E_CORRUPT;
}

void
trial_run(struct trial *t, struct str message, size_t max, struct buf *answer)
{
	struct batch_message m = {0};
	size_t before = answer->n;
	arena_clear(&t->arena);
	buf_clear(&t->verdict);
	int error = batch_message_take(message, &t->arena, &m);
	if (!error)
		error = run_batch(t, &m, answer);
	if (!error && answer->n - before <= max)
		return;
	answer->n = before;
	trial_answer_put(answer, m.number, error ? 0 : worker_seen(t->worker), STR(""));
}
