/* SPDX-License-Identifier: EUPL-1.2 */
/* What core and the look-back role say to each other. Every count is checked against the bytes that are there. */
#include "detect/trial_message.h"

#include "base/hash.h"
#include "base/memory.h"

#define OWNERS_MAX 65536u
#define RULES_MAX 65536u

/* ---- sets ---- */

void
trial_set_begin(struct buf *out, const struct trial_head *h)
{
	wire_put_u64(out, h->number);
	wire_put_str(out, h->rule);
	wire_put_i64(out, h->from_ms);
	wire_put_i64(out, h->to_ms);
	wire_put_u8(out, h->run);
}

void
trial_set_add(struct buf *out, enum trial_kind kind, struct str file, struct str text)
{
	wire_put_u8(out, (uint8_t)kind);
	wire_put_str(out, file);
	wire_put_str(out, text);
}

bool
trial_head_take(struct wire *w, struct trial_head *ret)
{
	ret->number = wire_u64(w);
	ret->rule = wire_str(w);
	ret->from_ms = wire_i64(w);
	ret->to_ms = wire_i64(w);
	ret->run = wire_u8(w);
	return !w->bad;
}

/* ---- facts ---- */

void
trial_facts_put(struct buf *out, const struct trial_facts *f)
{
	wire_put_u64(out, f->number);
	wire_put_u8(out, f->ready);
	wire_put_u8(out, f->stateful);
	wire_put_u32(out, f->faults);
	for (uint32_t i = 0; i < f->faults; i++) {
		wire_put_u8(out, (uint8_t)f->fault[i].kind);
		wire_put_u32(out, f->fault[i].line);
		wire_put_u32(out, f->fault[i].column);
		wire_put_str(out, f->fault[i].what);
		wire_put_str(out, f->fault[i].arg);
	}
	wire_put_u32(out, f->rules);
	for (uint32_t i = 0; i < f->rules; i++) {
		wire_put_u32(out, f->rule[i].index);
		wire_put_str(out, f->rule[i].id);
		wire_put_str(out, f->rule[i].title);
		wire_put_u8(out, (uint8_t)f->rule[i].level);
		wire_put_u8(out, f->rule[i].correlation);
	}
}

bool
trial_facts_ready(struct str message)
{
	struct wire w = {message, false};
	wire_u64(&w);
	return wire_u8(&w);
}

static bool
take_fault(struct wire *w, struct trial_fault *ret)
{
	uint8_t kind = wire_u8(w);
	*ret = (struct trial_fault){.kind = (enum trial_kind)kind, .line = wire_u32(w), .column = wire_u32(w)};
	ret->what = wire_str(w);
	ret->arg = wire_str(w);
	return !w->bad && kind < TRIAL_KIND_COUNT;
}

static bool
take_rule(struct wire *w, struct trial_rule *ret)
{
	*ret = (struct trial_rule){.index = wire_u32(w)};
	ret->id = wire_str(w);
	ret->title = wire_str(w);
	uint8_t level = wire_u8(w);
	ret->level = (enum level)level;
	ret->correlation = wire_u8(w);
	return !w->bad && level <= LEVEL_CRITICAL;
}

int
trial_facts_read(struct str message, struct arena *arena, struct trial_facts *ret)
{
	struct wire w = {message, false};
	struct trial_facts f = {.number = wire_u64(&w), .ready = wire_u8(&w), .stateful = wire_u8(&w)};
	f.faults = wire_u32(&w);
	if (w.bad || f.faults > TRIAL_FAULTS)
		return E_CORRUPT;
	struct trial_fault *fault = arena_calloc(arena, f.faults, sizeof *fault);
	for (uint32_t i = 0; i < f.faults; i++)
		if (!fault || !take_fault(&w, &fault[i]))
			return E_CORRUPT;
	f.rules = wire_u32(&w);
	if (w.bad || f.rules > RULES_MAX || f.rules > w.rest.n)
		return E_CORRUPT;
	struct trial_rule *rule = arena_calloc(arena, f.rules, sizeof *rule);
	for (uint32_t i = 0; i < f.rules; i++)
		if (!rule || !take_rule(&w, &rule[i]))
			return E_CORRUPT;
	if (w.rest.n)
		return E_CORRUPT;
	f.fault = fault;
	f.rule = rule;
	*ret = f;
	return 0;
}

/* ---- batches ---- */

/* Owners of a batch while it is written: few, and mostly the one before. */
struct owner_table {
	struct trial_owner owner[256];
	uint32_t count;
	struct buf *out;
};

static bool
same_owner(const struct trial_owner *a, const struct trial_owner *b)
{
	return str_eq(a->source, b->source) && str_eq(a->organisation, b->organisation) &&
	    str_eq(a->system, b->system) && str_eq(a->level, b->level);
}

/* The number of an owner; a new one is written out where it first occurs, so that the reader has met it by then. */
static void
put_owner(struct owner_table *t, const struct trial_owner *o)
{
	uint32_t i = 0;
	while (i < t->count && !same_owner(&t->owner[i], o))
		i++;
	bool full = i == COUNT(t->owner);
	wire_put_varint(t->out, full ? 0 : i + 1);
	if (i < t->count)
		return;
	wire_put_str(t->out, o->source);
	wire_put_str(t->out, o->organisation);
	wire_put_str(t->out, o->system);
	wire_put_str(t->out, o->level);
	if (!full)
		t->owner[t->count++] = *o;
}

static void
put_owners(struct buf *out, const struct trial_batch *b)
{
	struct owner_table *t = MEM_NEW(struct owner_table);
	t->out = out;
	for (uint32_t i = 0; i < b->records; i++) {
		struct trial_owner o;
		uint32_t events = 0;
		while (b->owner(b->user, i, events, &o))
			events++;
		wire_put_varint(out, events);
		for (uint32_t k = 0; k < events && b->owner(b->user, i, k, &o); k++)
			put_owner(t, &o);
	}
	mem_free(t);
}

void
trial_batch_put(struct buf *out, const struct trial_batch *b)
{
	wire_put_u64(out, b->number);
	wire_put_u32(out, b->records);
	wire_put_u8(out, b->owner != NULL);
	if (b->owner)
		put_owners(out, b);
	wire_put_str(out, b->batch);
}

/* While it is read: owners as they come, and one number for each event. */
struct owner_reader {
	struct trial_owner *owner;
	uint32_t owners, owner_cap;
	uint32_t known[256], knowns; /* those that may be named again */
	uint32_t *first, *of;
	uint32_t ofs, of_cap;
};

static bool
take_owner(struct owner_reader *r, struct wire *w)
{
	uint64_t number = wire_varint(w);
	if (w->bad || number > (uint64_t)r->knowns + 1)
		return false;
	MEM_GROW(r->of, r->ofs, r->of_cap);
	if (number > 0 && number <= r->knowns) {
		r->of[r->ofs++] = r->known[number - 1];
		return true;
	}
	if (r->owners == OWNERS_MAX || (number && r->knowns == COUNT(r->known)))
		return false;
	MEM_GROW(r->owner, r->owners, r->owner_cap);
	struct trial_owner *o = &r->owner[r->owners];
	o->source = wire_str(w);
	o->organisation = wire_str(w);
	o->system = wire_str(w);
	o->level = wire_str(w);
	if (number)
		r->known[r->knowns++] = r->owners;
	r->of[r->ofs++] = r->owners++;
	return !w->bad;
}

static bool
take_owners(struct owner_reader *r, struct wire *w, uint32_t records)
{
	for (uint32_t i = 0; i < records; i++) {
		uint64_t events = wire_varint(w);
		if (w->bad || events > w->rest.n)
			return false;
		r->first[i] = r->ofs;
		for (uint64_t k = 0; k < events; k++)
			if (!take_owner(r, w))
				return false;
	}
	r->first[records] = r->ofs;
	return true;
}

static bool
keep_owners(const struct owner_reader *r, uint32_t records, struct arena *arena, struct owners *ret)
{
	struct trial_owner *owner = arena_calloc(arena, r->owners, sizeof *owner);
	uint32_t *first = arena_calloc(arena, (size_t)records + 1, sizeof *first);
	uint32_t *of = arena_calloc(arena, r->ofs, sizeof *of);
	if (!owner || !first || !of)
		return false;
	if (r->owners)
		memcpy(owner, r->owner, r->owners * sizeof *owner);
	memcpy(first, r->first, ((size_t)records + 1) * sizeof *first);
	if (r->ofs)
		memcpy(of, r->of, r->ofs * sizeof *of);
	*ret = (struct owners){owner, r->owners, first, of, records};
	return true;
}

int
batch_message_take(struct str message, struct arena *arena, struct batch_message *ret)
{
	struct wire w = {message, false};
	struct batch_message m = {.number = wire_u64(&w), .records = wire_u32(&w)};
	bool told = wire_u8(&w), good = true;
	if (w.bad || m.records > w.rest.n / RAW_HEADER)
		return E_CORRUPT;
	if (told) {
		struct owner_reader r = {.first = mem_calloc((size_t)m.records + 1, sizeof *r.first)};
		good = take_owners(&r, &w, m.records) && keep_owners(&r, m.records, arena, &m.owners);
		mem_free(r.owner);
		mem_free(r.first);
		mem_free(r.of);
	}
	m.batch = wire_str(&w);
	if (!good || w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = m;
	return 0;
}

bool
owners_find(const struct owners *o, uint32_t record, uint32_t sub, struct trial_owner *ret)
{
	if (!o->first || record >= o->records || o->first[record] == o->first[record + 1])
		return false;
	uint32_t count = o->first[record + 1] - o->first[record];
	*ret = o->owner[o->of[o->first[record] + (sub < count ? sub : count - 1)]];
	return true;
}

/* ---- findings ---- */

void
trial_answer_put(struct buf *out, uint64_t number, uint32_t seen, struct str verdict)
{
	wire_put_u64(out, number);
	wire_put_u32(out, seen);
	wire_put_str(out, verdict);
}

void
trial_more_put(struct buf *out, uint32_t event, uint32_t rule, const struct finding_field *matched,
    uint32_t matched_count)
{
	wire_put_u32(out, event);
	wire_put_u32(out, rule);
	wire_put_u32(out, matched_count);
	for (uint32_t i = 0; i < matched_count; i++) {
		wire_put_str(out, matched[i].name);
		wire_put_str(out, matched[i].value);
	}
}

/* The next finding of a correlation into a->next. */
static void
take_more(struct trial_answer *a)
{
	struct wire *w = &a->more;
	a->more_taken = false;
	if (w->bad || !w->rest.n)
		return;
	uint32_t event = wire_u32(w), rule = wire_u32(w), count = wire_u32(w);
	if (w->bad || count > w->rest.n / 8 || event < a->next_event) {
		w->bad = true;
		return;
	}
	struct finding_field *matched = arena_calloc(a->verdict.arena, count, sizeof *matched);
	for (uint32_t i = 0; matched && i < count; i++) {
		matched[i].name = wire_str(w);
		matched[i].value = wire_str(w);
	}
	w->bad |= !matched;
	a->next_event = event;
	a->next = (struct verdict_finding){rule, matched, count};
	a->more_taken = !w->bad;
}

int
trial_answer_open(struct trial_answer *a, struct str message, struct arena *arena)
{
	struct wire w = {message, false};
	struct trial_answer got = {.number = wire_u64(&w), .seen = wire_u32(&w)};
	struct str verdict = wire_str(&w);
	if (w.bad)
		return E_CORRUPT;
	if (!verdict.n && w.rest.n)
		return E_CORRUPT;
	got.lost = !verdict.n;
	if (!got.lost)
		TRY(verdict_open(&got.verdict, verdict, arena));
	got.more = w;
	take_more(&got);
	*a = got;
	return 0;
}

/* Those of the event at hand, behind its own. */
static bool
join_more(struct trial_answer *a, struct verdict_finding **list, uint32_t *count)
{
	uint32_t n = *count, cap = *count;
	struct verdict_finding *all = *list;
	while (a->more_taken && a->next_event == a->event) {
		if (n == cap) {
			struct verdict_finding *wider = arena_calloc(a->verdict.arena, (size_t)cap * 2 + 4, sizeof *wider);
			if (!wider)
				return false;
			if (n)
				memcpy(wider, all, n * sizeof *wider);
			all = wider;
			cap = cap * 2 + 4;
		}
		all[n++] = a->next;
		take_more(a);
	}
	*list = all;
	*count = n;
	return !a->more.bad;
}

bool
trial_answer_next(struct trial_answer *a, struct event *ret_event, struct verdict_finding **ret_findings,
    uint32_t *ret_count)
{
	struct event e;
	struct verdict_finding *list;
	uint32_t count;
	if (a->lost || a->more.bad || !verdict_next(&a->verdict, &e, &list, &count)) {
		a->more.bad |= a->more_taken; /* of an event that never came */
		return false;
	}
	if (!join_more(a, &list, &count)) {
		a->more.bad = true;
		return false;
	}
	a->event++;
	*ret_event = e;
	*ret_findings = list;
	*ret_count = count;
	return true;
}

bool
trial_answer_bad(const struct trial_answer *a)
{
	return a->more.bad || a->verdict.wire.bad;
}
