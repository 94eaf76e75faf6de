/* SPDX-License-Identifier: EUPL-1.2 */
/* A correlator's memory as bytes, and back: over a restart, and from one rule set to the next. */
#include "detect/correlate_private.h"

#include <assert.h>

#include "base/hash.h"

#define MAGIC 0x31524f43u /* "COR1" */
#define VERSION 1u
#define HEAD 12u          /* magic, version, crc32c of the rest */
#define DIGEST 16u
#define FAR_OR_NONE(t) ((t) == TIME_NONE || ((t) >= -TIME_FAR && (t) <= TIME_FAR))

/* ---- what a correlation asks: its state means nothing to one that asks something else ---- */

static void
put_terms(struct buf *b, const struct rules *r, const struct correlation *c)
{
	wire_put_u8(b, (uint8_t)c->type);
	wire_put_i64(b, c->timespan_ms);
	wire_put_u32(b, c->rules);
	for (uint32_t i = 0; i < c->rules; i++)
		wire_put_str(b, r->rule[c->rule[i]]->info.id);
	wire_put_u32(b, c->groups);
	for (uint32_t i = 0; i < c->groups; i++)
		wire_put_str(b, c->group_by[i]);
	wire_put_u32(b, c->fields);
	for (uint32_t i = 0; i < c->fields; i++)
		wire_put_str(b, c->field[i]);
	for (uint32_t i = 0; i < c->aliases; i++) {
		wire_put_str(b, c->alias[i].name);
		wire_put_str(b, c->alias[i].rule);
		wire_put_str(b, c->alias[i].field);
	}
}

static void
put_number(struct buf *b, double number)
{
	uint64_t bits;
	memcpy(&bits, &number, sizeof bits);
	wire_put_u64(b, bits);
}

static void
put_condition(struct buf *b, const struct expr *e)
{
	wire_put_u8(b, e->kind);
	wire_put_u32(b, e->kind == EXPR_RULE ? e->place : e->count);
	for (uint32_t i = 0; i < e->count; i++)
		put_condition(b, e->child[i]);
}

static void
digest_of(const struct rules *r, const struct correlation *c, uint8_t ret[32])
{
	struct buf b = BUF_INIT;
	put_terms(&b, r, c);
	for (uint32_t i = 0; i < c->bounds; i++) {
		wire_put_u8(&b, c->bound[i].compare);
		wire_put_u8(&b, c->bound[i].differs);
		put_number(&b, c->bound[i].number);
	}
	put_number(&b, c->percentile);
	if (c->condition)
		put_condition(&b, c->condition);
	sha256(buf_str(&b), ret);
	buf_release(&b);
}

/* ---- writing ---- */

static void
save_stats(const struct correlator *c, struct buf *out)
{
	struct correlate_stats s = correlator_stats(c);
	wire_put_u64(out, s.updates);
	wire_put_u64(out, s.fired);
	wire_put_u64(out, s.evicted);
	wire_put_u64(out, s.late);
	wire_put_u64(out, s.dropped);
	wire_put_u64(out, s.forgotten);
}

/* All correlations, in the order of the rule set; a group then names its own by its place here. */
static void
save_rules(const struct correlator *c, struct buf *out)
{
	wire_put_u32(out, c->r->count);
	for (uint32_t i = 0; i < c->r->count; i++) {
		const struct correlation *it = c->r->rule[i]->correlation;
		uint8_t digest[32];
		wire_put_str(out, it ? c->r->rule[i]->info.id : STR(""));
		if (!it)
			continue;
		digest_of(c->r, it, digest);
		buf_add(out, str_from((const char *)digest, DIGEST));
	}
}

static void
save_frame(const struct measure *m, const struct frame *f, struct buf *out)
{
	wire_put_i64(out, f->touched);
	wire_put_i64(out, f->fired);
	put_number(out, f->fired_value);
	wire_put_i64(out, f->delay);
	wire_put_u32(out, f->leader);
	window_save(m, &f->window, out);
}

/* Its length stands before it, so that a reader without its rule can step over it. */
static void
save_state(const struct correlator *c, const struct state *at, struct buf *out)
{
	size_t start = out->n;
	uint8_t lates = 0;
	wire_put_u32(out, 0);
	wire_put_u32(out, (uint32_t)(at->measure - c->measure));
	wire_put_str(out, str_from(at->key, at->key_n));
	for (const struct frame *f = at->live.next; f; f = f->next)
		lates++;
	wire_put_u8(out, lates);
	for (const struct frame *f = &at->live; f; f = f->next)
		save_frame(at->measure, f, out);
	uint32_t length = (uint32_t)(out->n - start - 4);
	memcpy(out->p + start, &length, sizeof length);
}

void
correlator_save(const struct correlator *c, struct buf *out)
{
	size_t start = out->n;
	wire_put_u32(out, MAGIC);
	wire_put_u32(out, VERSION);
	wire_put_u32(out, 0);
	wire_put_i64(out, c->states.clock);
	wire_put_u64(out, c->states.secret); /* the hashes of values were made with it */
	save_stats(c, out);
	save_rules(c, out);
	wire_put_u32(out, c->states.count);
	for (const struct state *at = c->states.oldest; at; at = at->newer)
		save_state(c, at, out);
	uint32_t crc = crc32c(0, str_skip(buf_str(out), start + HEAD));
	memcpy(out->p + start + 8, &crc, sizeof crc);
}

/* ---- reading ---- */

struct load {
	struct correlator *c;
	struct wire in;
	const struct measure **measure; /* by the file's numbers; NULL: the rule has gone or asks something else */
	uint32_t rules;
	struct arena arena;
};

static bool
load_stats(struct load *l)
{
	struct correlate_stats *s = &l->c->stats;
	s->updates = wire_u64(&l->in);
	s->fired = wire_u64(&l->in);
	l->c->states.evicted = wire_u64(&l->in);
	l->c->states.late = wire_u64(&l->in);
	s->dropped = wire_u64(&l->in);
	s->forgotten = wire_u64(&l->in);
	return !l->in.bad;
}

static const struct measure *
measure_find(const struct correlator *c, struct str id, const char *digest)
{
	const struct rules *r = c->r;
	const struct rule_info *info = rules_find(r, id);
	uint8_t own[32];
	if (!info || !info->correlation)
		return NULL;
	uint32_t index = ((const struct rule *)info)->index;
	digest_of(r, r->rule[index]->correlation, own);
	return memcmp(own, digest, DIGEST) == 0 ? &c->measure[index] : NULL;
}

static bool
load_rules(struct load *l)
{
	l->rules = wire_u32(&l->in);
	if (l->in.bad || l->rules > l->in.rest.n / 4)
		return false;
	l->measure = arena_calloc(&l->arena, l->rules + 1, sizeof *l->measure);
	for (uint32_t i = 0; l->measure && i < l->rules; i++) {
		struct str id = wire_str(&l->in);
		if (!id.n)
			continue;
		struct str digest = wire_bytes(&l->in, DIGEST);
		if (l->in.bad)
			return false;
		l->measure[i] = measure_find(l->c, id, digest.p);
	}
	return l->measure && !l->in.bad;
}

static bool
load_frame(struct load *l, struct wire *in, const struct measure *m, struct frame *f)
{
	uint64_t bits;
	f->touched = wire_i64(in);
	f->fired = wire_i64(in);
	bits = wire_u64(in);
	memcpy(&f->fired_value, &bits, sizeof bits);
	f->delay = wire_i64(in);
	f->leader = wire_u32(in);
	if (in->bad || f->touched > l->c->states.clock || !FAR_OR_NONE(f->touched) || !FAR_OR_NONE(f->fired) ||
	    f->fired_value != f->fired_value || f->delay < 0)
		return false;
	return window_load(m, &f->window, in) == 0 && f->window.newest <= l->c->states.clock;
}

static bool
load_state(struct load *l, struct wire *in)
{
	struct states *s = &l->c->states;
	uint32_t rule = wire_u32(in), count = s->count;
	struct str key = wire_str(in);
	uint8_t lates = wire_u8(in);
	if (in->bad || rule >= l->rules || lates > STATE_LATE)
		return false;
	if (!l->measure[rule]) {
		l->c->stats.forgotten++;
		return true;
	}
	struct state *at = states_get(s, l->measure[rule], key);
	if (s->count == count)
		return false; /* twice */
	size_t before = state_bytes(at);
	bool ok = load_frame(l, in, at->measure, &at->live);
	for (uint8_t i = 0; i < lates && ok; i++)
		ok = load_frame(l, in, at->measure, state_add_late(at));
	states_account(s, at, before);
	return ok && !in->rest.n;
}

static bool
load_all(struct load *l)
{
	struct states *s = &l->c->states;
	s->clock = wire_i64(&l->in);
	s->secret = wire_u64(&l->in);
	if (!FAR_OR_NONE(s->clock) || !load_stats(l) || !load_rules(l))
		return false;
	uint32_t count = wire_u32(&l->in);
	for (uint32_t i = 0; i < count && !l->in.bad; i++) {
		struct wire one = {wire_str(&l->in), false};
		if (l->in.bad || !load_state(l, &one))
			return false;
	}
	return !l->in.bad && !l->in.rest.n;
}

int
correlator_load(struct correlator *c, struct str saved)
{
	struct load l = {.c = c, .in = {saved, false}};
	size_t max = c->states.max_bytes;
	assert(!c->states.count);
	if (wire_u32(&l.in) != MAGIC)
		return E_CORRUPT;
	if (wire_u32(&l.in) != VERSION)
		return E_UNSUPPORTED;
	uint32_t crc = wire_u32(&l.in);
	if (l.in.bad || crc != crc32c(0, l.in.rest))
		return E_CORRUPT;
	arena_init(&l.arena, 64 << 10, 64 << 20);
	bool ok = load_all(&l);
	arena_release(&l.arena);
	if (ok)
		return 0;
	states_release(&c->states); /* as new */
	states_init(&c->states, max);
	c->stats = (struct correlate_stats){0};
	return E_CORRUPT;
}
