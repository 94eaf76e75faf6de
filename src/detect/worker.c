/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/worker.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/ioc_event.h"
#include "detect/sigma_internal.h"

#define MAGIC 0x3244564bu /* "KVD2" */
#define ARENA_STEP ((size_t)256 << 10)
#define ARENA_MAX ((size_t)256 << 20)
#define NAMES_MAX 65536u  /* native names of a message; beyond, fields are left out and the event is marked */
#define NAMES_KEY UINT64_C(0x776f726b)

/* Native names of a message as small numbers. */
struct name_table {
	struct arena arena;
	struct str *text;
	uint32_t count, cap;
	uint32_t *slot; /* number + 1 */
	uint32_t mask;
};

struct worker {
	const struct rules *rules;
	struct decoder *decoder;
	struct matcher *matcher;
	bool *told; /* by name: worker_tell_fields() */
	struct ioc_rules indicator_rules;
	const struct ioc *indicators;
	struct arena arena; /* of one record */
	struct name_table names;
	struct buf body;
	uint32_t records, events, findings, failed, unparsed, truncated;
	uint32_t seen;      /* events, also those left out */
	bool only_findings;
	measure_clock *clock;   /* NULL: rules are not measured */
	struct rule_cost *cost; /* by rule, since told */
	uint32_t every, unmeasured, next_told;
};

struct worker *
worker_new(const struct rules *rules)
{
	struct worker *w = MEM_NEW(struct worker);
	w->rules = rules;
	w->decoder = decoder_new(rules_names(rules));
	w->matcher = matcher_new(rules);
	ioc_rules_find(rules, &w->indicator_rules);
	arena_init(&w->arena, ARENA_STEP, ARENA_MAX);
	arena_init(&w->names.arena, 16 << 10, 16 << 20);
	w->names.mask = 255;
	w->names.slot = mem_calloc(w->names.mask + 1, sizeof *w->names.slot);
	return w;
}

uint32_t
worker_dead_regexes(const struct worker *w)
{
	return matcher_dead_regexes(w->matcher);
}

void
worker_expect_warming(struct worker *w)
{
	matcher_expect_warming(w->matcher);
}

bool
worker_warm(struct worker *w)
{
	return matcher_warm(w->matcher);
}

void
worker_tell_fields(struct worker *w, uint32_t max, struct buf *out)
{
	const struct names *names = rules_names(w->rules);
	uint32_t count = names_count(names);
	if (!w->told)
		w->told = mem_calloc(count, sizeof *w->told);
	for (uint32_t i = 0; i < count && max; i++) {
		if (w->told[i] || !matcher_has_seen(w->matcher, i))
			continue;
		w->told[i] = true;
		wire_put_str(out, names_text(names, i));
		max--;
	}
}

void
worker_measure(struct worker *w, measure_clock *clock, uint32_t every)
{
	if (!w->cost)
		w->cost = mem_calloc(rules_count(w->rules), sizeof *w->cost);
	w->clock = clock;
	w->every = every;
	w->unmeasured = 0;
}

void
worker_tell_costs(struct worker *w, uint32_t max, struct buf *out)
{
	uint32_t count = w->cost ? rules_count(w->rules) : 0;
	for (uint32_t i = 0; i < count && max; i++) {
		uint32_t rule = w->next_told;
		struct rule_cost *c = &w->cost[rule];
		w->next_told = rule + 1 == count ? 0 : rule + 1;
		if (!c->samples)
			continue;
		wire_put_str(out, rules_info(w->rules, rule)->id);
		wire_put_varint(out, c->samples);
		wire_put_varint(out, c->ns);
		*c = (struct rule_cost){0};
		max--;
	}
}

void
worker_set_zone(struct worker *w, int minutes)
{
	decoder_set_zone(w->decoder, minutes);
}

void
worker_set_indicators(struct worker *w, const struct ioc *indicators)
{
	w->indicators = indicators;
}

void
worker_only_findings(struct worker *w, bool only)
{
	w->only_findings = only;
}

uint32_t
worker_seen(const struct worker *w)
{
	return w->seen;
}

void
worker_free(struct worker *w)
{
	if (!w)
		return;
	decoder_free(w->decoder);
	matcher_free(w->matcher);
	arena_release(&w->arena);
	arena_release(&w->names.arena);
	mem_free(w->told);
	mem_free(w->cost);
	mem_free(w->names.text);
	mem_free(w->names.slot);
	buf_release(&w->body);
	mem_free(w);
}

/* ---- names ---- */

static uint32_t *
name_slot(struct name_table *t, struct str name)
{
	uint32_t at = (uint32_t)hash64(name, NAMES_KEY) & t->mask;
	while (t->slot[at] && !str_eq(t->text[t->slot[at] - 1], name))
		at = (at + 1) & t->mask;
	return &t->slot[at];
}

static void
grow_names(struct name_table *t)
{
	mem_free(t->slot);
	t->mask = t->mask * 2 + 1;
	t->slot = mem_calloc((size_t)t->mask + 1, sizeof *t->slot);
	for (uint32_t i = 0; i < t->count; i++)
		*name_slot(t, t->text[i]) = i + 1;
}

static bool
name_number(struct name_table *t, struct str name, uint32_t *ret)
{
	uint32_t *slot = name_slot(t, name);
	struct str copy;
	if (!*slot) {
		if (t->count == NAMES_MAX || !arena_copy(&t->arena, name, &copy))
			return false;
		MEM_GROW(t->text, t->count, t->cap);
		t->text[t->count] = copy;
		*slot = ++t->count;
		if (t->count * 2 > t->mask)
			grow_names(t);
		*ret = t->count - 1;
		return true;
	}
	*ret = *slot - 1;
	return true;
}

static void
clear_names(struct name_table *t)
{
	memset(t->slot, 0, ((size_t)t->mask + 1) * sizeof *t->slot);
	t->count = 0;
	arena_clear(&t->arena);
}

/* ---- writing ---- */

static void
put_text(struct buf *b, struct str s)
{
	wire_put_varint(b, s.n);
	buf_add(b, s);
}

/* Core fields by their id, native ones by their number in the message's table behind those ids. */
static bool
put_field(struct worker *w, struct event *e, struct field *f)
{
	uint32_t number = f->id;
	struct str value = event_value(e, f);
	bool whole = value.n <= VERDICT_MAX_VALUE;
	if (!f->core) {
		if (!name_number(&w->names, f->name, &number))
			return false;
		number += NAME_CORE_END;
	}
	wire_put_varint(&w->body, number);
	wire_put_u8(&w->body, f->kind);
	put_text(&w->body, str_cut(value, 0, VERDICT_MAX_VALUE));
	return whole;
}

static void
put_fields(struct worker *w, struct event *e, bool *truncated)
{
	uint32_t kept = 0;
	size_t at = w->body.n;
	wire_put_u32(&w->body, 0);
	for (uint32_t i = 0; i < e->field_count; i++) {
		size_t before = w->body.n;
		*truncated |= !put_field(w, e, &e->field[i]);
		kept += w->body.n > before;
	}
	for (int i = 0; i < 4; i++)
		w->body.p[at + (size_t)i] = (char)(kept >> (8 * i));
}

static void
put_findings(struct worker *w, const struct finding *finding, uint32_t count)
{
	static_assert(offsetof(struct rule, info) == 0, "a rule_info is the front of its rule");
	wire_put_varint(&w->body, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct rule *rule = (const struct rule *)(const void *)finding[i].rule;
		wire_put_varint(&w->body, rule->index);
		wire_put_varint(&w->body, finding[i].indicator);
		wire_put_varint(&w->body, finding[i].matched_count);
		for (uint32_t k = 0; k < finding[i].matched_count; k++) {
			put_text(&w->body, finding[i].matched[k].name);
			put_text(&w->body, finding[i].matched[k].value);
		}
	}
}

static void
put_event(struct worker *w, struct event *e)
{
	struct finding *finding = NULL;
	bool truncated = e->dropped_fields > 0;
	uint32_t count = matcher_match(w->matcher, e, &w->arena, &finding);
	ioc_event(w->indicators, &w->indicator_rules, e, &w->arena, &finding, &count);
	w->seen++;
	if (w->only_findings && !count)
		return;
	bool own_text = e->text.p && e->raw && !(e->text.p == e->raw->bytes.p && e->text.n == e->raw->bytes.n);
	wire_put_varint(&w->body, e->raw_index);
	wire_put_varint(&w->body, e->sub_index);
	wire_put_i64(&w->body, e->time_ms);
	wire_put_u8(&w->body, (uint8_t)e->decoder);
	wire_put_u8(&w->body, e->confidence);
	wire_put_varint(&w->body, e->dropped_fields);
	wire_put_u8(&w->body, own_text);
	if (own_text)
		put_text(&w->body, e->text);
	const struct str source[] = {e->product, e->service, e->category, e->channel, e->code, e->provider};
	for (size_t i = 0; i < COUNT(source); i++)
		put_text(&w->body, source[i]);
	put_fields(w, e, &truncated);
	put_findings(w, finding, count);
	w->events++;
	w->findings += count;
	w->unparsed += e->decoder == DECODER_NONE;
	w->truncated += truncated;
}

static void
measure_event(struct worker *w, struct event *e)
{
	if (!w->clock || ++w->unmeasured < w->every)
		return;
	w->unmeasured = 0;
	matcher_measure(w->matcher, e, WORKER_MEASURE_RULES, w->clock, w->cost);
}

static void
run_record(struct worker *w, const struct raw *raw)
{
	struct decode_result got = {0};
	arena_clear(&w->arena);
	uint64_t over = w->arena.over;
	bool full = decode(w->decoder, raw, &w->arena, &got) < 0;
	for (uint32_t i = 0; i < got.count; i++) {
		got.event[i].raw_index = w->records;
		put_event(w, &got.event[i]);
		measure_event(w, &got.event[i]);
	}
	w->truncated += full && w->arena.over > over;
	w->failed += got.failed;
	w->records++;
}

static bool
framing_is_whole(struct str batch)
{
	struct wire wire = {.rest = batch};
	struct raw raw;
	while (batch_take(&wire, &raw))
		;
	return !wire.bad;
}

static void
put_head(struct worker *w, struct buf *out)
{
	const uint32_t head[] = {MAGIC, w->records, w->events, w->findings, w->failed, w->unparsed, w->truncated,
		w->names.count};
	for (size_t i = 0; i < COUNT(head); i++)
		wire_put_u32(out, head[i]);
	wire_put_u64(out, w->indicators ? ioc_generation(w->indicators) : 0);
	for (uint32_t i = 0; i < w->names.count; i++)
		put_text(out, w->names.text[i]);
}

int
worker_run(struct worker *w, struct str batch, struct buf *out)
{
	struct wire wire = {.rest = batch};
	struct raw raw;
	if (!framing_is_whole(batch))
		return E_CORRUPT;
	w->seen = w->records = w->events = w->findings = w->failed = w->unparsed = w->truncated = 0;
	clear_names(&w->names);
	buf_clear(&w->body);
	while (batch_take(&wire, &raw))
		run_record(w, &raw);
	put_head(w, out);
	buf_add(out, buf_str(&w->body));
	return 0;
}

/* ---- reading ---- */

static struct str
take_text(struct wire *w)
{
	uint64_t n = wire_varint(w);
	if (n > w->rest.n) {
		w->bad = true;
		return (struct str){0};
	}
	return wire_bytes(w, (size_t)n);
}

/* A count of things of which each takes at least one byte. */
static uint32_t
take_count(struct wire *w)
{
	uint64_t n = wire_varint(w);
	if (n > w->rest.n)
		w->bad = true;
	return w->bad ? 0 : (uint32_t)n;
}

int
verdict_open(struct verdict *v, struct str message, struct arena *arena)
{
	struct verdict got = {.wire = {.rest = message}, .arena = arena};
	if (wire_u32(&got.wire) != MAGIC)
		return E_CORRUPT;
	uint32_t *const head[] = {&got.records, &got.events, &got.findings, &got.failed, &got.unparsed, &got.truncated,
		&got.name_count};
	for (size_t i = 0; i < COUNT(head); i++)
		*head[i] = wire_u32(&got.wire);
	got.indicators = wire_u64(&got.wire);
	if (got.wire.bad || got.name_count > got.wire.rest.n)
		return E_CORRUPT;
	struct str *name = arena_calloc(arena, got.name_count, sizeof *name);
	if (!name)
		return E_CORRUPT;
	for (uint32_t i = 0; i < got.name_count; i++)
		name[i] = take_text(&got.wire);
	got.name = name;
	if (got.wire.bad)
		return E_CORRUPT;
	*v = got;
	return 0;
}

static bool
take_fields(struct verdict *v, struct event *e)
{
	static const struct str core[] = {
		STR_INIT(""),
#define FIELD(id, text, comment) STR_INIT(text),
#include "decode/fields.def"
#undef FIELD
	};
	uint32_t count = wire_u32(&v->wire);
	if (v->wire.bad || count > EVENT_MAX_FIELDS || count > v->wire.rest.n)
		return false;
	e->field = arena_calloc(v->arena, count, sizeof *e->field);
	if (!e->field)
		return false;
	e->field_cap = count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number = wire_varint(&v->wire);
		struct field f = {.kind = wire_u8(&v->wire), .core = number < NAME_CORE_END};
		f.value = take_text(&v->wire);
		if (v->wire.bad || number == 0 || number >= (uint64_t)NAME_CORE_END + v->name_count || f.kind > FIELD_NULL)
			return false;
		f.id = f.core ? (uint32_t)number : NAME_UNKNOWN;
		f.name = f.core ? core[number] : v->name[number - NAME_CORE_END];
		e->field[e->field_count++] = f;
	}
	return true;
}

static bool
take_finding(struct verdict *v, struct verdict_finding *ret)
{
	uint64_t rule = wire_varint(&v->wire), indicator = wire_varint(&v->wire);
	uint32_t count = take_count(&v->wire);
	struct finding_field *matched = v->wire.bad ? NULL : arena_calloc(v->arena, count, sizeof *matched);
	if (!matched || rule > UINT32_MAX || indicator > UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		matched[i].name = take_text(&v->wire);
		matched[i].value = take_text(&v->wire);
	}
	*ret = (struct verdict_finding){(uint32_t)rule, matched, count, (uint32_t)indicator};
	return !v->wire.bad;
}

static bool
take_findings(struct verdict *v, struct verdict_finding **ret, uint32_t *ret_count)
{
	uint32_t count = take_count(&v->wire);
	struct verdict_finding *list = v->wire.bad ? NULL : arena_calloc(v->arena, count, sizeof *list);
	if (!list)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!take_finding(v, &list[i]))
			return false;
	*ret = list;
	*ret_count = count;
	return true;
}

static bool
take_event(struct verdict *v, struct event *e)
{
	struct wire *w = &v->wire;
	*e = (struct event){.arena = v->arena};
	uint64_t raw_index = wire_varint(w), sub_index = wire_varint(w);
	e->time_ms = wire_i64(w);
	uint8_t decoder = wire_u8(w);
	e->confidence = wire_u8(w);
	uint64_t dropped = wire_varint(w);
	if (w->bad || raw_index >= v->records || sub_index > UINT32_MAX || decoder >= DECODER_COUNT || dropped > UINT32_MAX)
		return false;
	e->raw_index = (uint32_t)raw_index;
	e->sub_index = (uint32_t)sub_index;
	e->decoder = (enum decoder_id)decoder;
	e->dropped_fields = (uint32_t)dropped;
	if (wire_u8(w))
		e->text = take_text(w);
	struct str *const source[] = {&e->product, &e->service, &e->category, &e->channel, &e->code, &e->provider};
	for (size_t i = 0; i < COUNT(source); i++)
		*source[i] = take_text(w);
	return !w->bad && take_fields(v, e);
}

bool
verdict_next(struct verdict *v, struct event *ret_event, struct verdict_finding **ret_findings, uint32_t *ret_count)
{
	struct event e;
	struct verdict_finding *finding;
	uint32_t count;
	if (v->wire.bad)
		return false;
	if (v->taken == v->events) {
		v->wire.bad = v->wire.rest.n > 0;
		return false;
	}
	if (!take_event(v, &e) || !take_findings(v, &finding, &count)) {
		v->wire.bad = true;
		return false;
	}
	v->taken++;
	*ret_event = e;
	*ret_findings = finding;
	*ret_count = count;
	return true;
}
