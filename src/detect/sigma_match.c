/* SPDX-License-Identifier: EUPL-1.2 */
/* A matcher: its life, the plan of an event, the way through one. */
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/sigma_matcher.h"

#define MAX_CACHES ((size_t)48 << 20) /* bytes that all plans of a matcher may remember */
#define CHECK_EVERY 4096u             /* events between two looks at that */

/* ---- life ---- */

struct matcher *
matcher_new(const struct rules *r)
{
	struct matcher *m = MEM_NEW(struct matcher);
	assert(r->finished);
	m->r = r;
	m->first_stamp = mem_calloc(names_count(r->names), sizeof *m->first_stamp);
	m->first_field = mem_calloc(names_count(r->names), sizeof *m->first_field);
	arena_init(&m->keys, 16 << 10, 4 << 20);
	arena_init(&m->temporary, 256 << 10, 64 << 20);
	arena_init(&m->measuring, 16 << 10, 64 << 20);
	return m;
}

void
matcher_forget(struct matcher *m)
{
	m->forgets = true;
}

/* Long ones are dear; these come first. */
static int
by_length(const void *a, const void *b)
{
	const struct test *x = *(const struct test *const *)a, *y = *(const struct test *const *)b;
	if (x->literal.n != y->literal.n)
		return x->literal.n > y->literal.n ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

void
matcher_expect_warming(struct matcher *m)
{
	assert(!m->warming);
	m->warming = true;
	m->warm = mem_calloc(m->r->tests, sizeof *m->warm);
	for (uint32_t i = 0; i < m->r->tests; i++)
		if (m->r->test[i]->op == TEST_REGEX)
			m->warm[m->warms++] = m->r->test[i];
	qsort(m->warm, m->warms, sizeof *m->warm, by_length);
	m->cold = m->warms;
}

bool
matcher_warm(struct matcher *m)
{
	assert(m->warming);
	uint32_t sets = __atomic_load_n(&m->sets.count, __ATOMIC_ACQUIRE);
	if (m->cold) {
		(void)sigma_compile_regex(m->warm[m->warms - m->cold--]);
		return true;
	}
	for (uint32_t i = 0; i < sets; i++)
		if (!m->sets.set[i]->tried) {
			regex_set_compile(m->sets.set[i]);
			return true;
		}
	return false;
}

bool
matcher_has_seen(const struct matcher *m, uint32_t name)
{
	return name < names_count(m->r->names) && m->first_stamp[name] != 0;
}

uint32_t
matcher_dead_regexes(const struct matcher *m)
{
	return sigma_compile_regexes(m->r);
}

static void
drop_plans(struct matcher *m)
{
	for (uint32_t i = 0; i < m->plans; i++) {
		plan_cache_free(m->plan[i]->cache);
		plan_free(m->plan[i]);
	}
	m->plans = m->entries = 0;
	memset(m->entry, 0, sizeof m->entry);
	arena_clear(&m->keys);
}

void
matcher_free(struct matcher *m)
{
	if (!m)
		return;
	drop_plans(m);
	regex_sets_release(&m->sets);
	arena_release(&m->keys);
	arena_release(&m->temporary);
	arena_release(&m->measuring);
	hs_free_scratch(m->scratch);
	literal_scan_release(&m->scan);
	buf_release(&m->folded);
	buf_release(&m->referred);
	mem_free(m->warm);
	mem_free(m->first_stamp);
	mem_free(m->first_field);
	mem_free(m->known);
	mem_free(m->found_stamp);
	mem_free(m->rule_stamp);
	mem_free(m->holds);
	mem_free(m->open);
	mem_free(m->class);
	mem_free(m->class_id);
	mem_free(m->lazy);
	mem_free(m->found);
	mem_free(m);
}

size_t
matcher_bytes(const struct matcher *m)
{
	size_t n = sizeof *m + m->keys.held + m->temporary.held + m->measuring.held + m->folded.cap + m->referred.cap;
	n += (m->atoms * 2 + m->rules * 3 + m->slots + m->found_cap + m->scan.stamps) * sizeof(uint32_t);
	for (uint32_t i = 0; i < m->plans; i++)
		n += m->plan[i]->arena.held + m->plan[i]->atoms * sizeof *m->plan[i]->atom + plan_cache_bytes(m->plan[i]->cache);
	return n;
}

/* ---- the plan of an event ---- */

static uint64_t
hash_key(const struct event_key *k)
{
	uint64_t h = hash64(k->channel, 11);
	h = hash64_mix(h, hash64(k->code, 12));
	h = hash64_mix(h, hash64(k->product, 13));
	h = hash64_mix(h, hash64(k->service, 14));
	return hash64_mix(h, hash64(k->category, 15)) | 1;
}

static bool
same_key(const struct event_key *a, const struct event_key *b)
{
	return str_same(a->code, b->code) && str_same(a->channel, b->channel) && str_same(a->product, b->product) &&
	    str_same(a->service, b->service) && str_same(a->category, b->category);
}

static struct key_entry *
find_key(struct matcher *m, uint64_t hash, const struct event_key *key)
{
	uint32_t at = (uint32_t)(hash >> 32) % COUNT(m->entry);
	while (m->entry[at].hash && (m->entry[at].hash != hash || !same_key(&m->entry[at].key, key)))
		at = (at + 1) % COUNT(m->entry);
	return &m->entry[at];
}

static bool
fold_key(struct arena *a, const struct event_key *key, struct event_key *ret)
{
	const struct str from[] = {key->product, key->service, key->category, key->channel, key->code};
	struct str *to[] = {&ret->product, &ret->service, &ret->category, &ret->channel, &ret->code};
	for (size_t i = 0; i < COUNT(from); i++) {
		char *out = arena_alloc(a, FOLD_ROOM(from[i].n));
		if (!out)
			return false;
		*to[i] = str_from(out, fold_text(from[i], out));
	}
	return true;
}

/* Hot reload would be the other way to get rid of plans; this one is for keys that somebody makes up. */
static struct plan *
keep_plan(struct matcher *m, struct plan *p)
{
	p->cache = plan_cache_new(p);
	m->plan[m->plans++] = p;
	uint32_t old = m->atoms;
	if (p->atoms > m->atoms) {
		m->atoms = p->atoms;
		m->known = mem_realloc(m->known, m->atoms * sizeof *m->known);
		m->found_stamp = mem_realloc(m->found_stamp, m->atoms * sizeof *m->found_stamp);
		memset(m->known + old, 0, (m->atoms - old) * sizeof *m->known);
		memset(m->found_stamp + old, 0, (m->atoms - old) * sizeof *m->found_stamp);
	}
	old = m->rules;
	if (p->rules > m->rules) {
		m->rules = p->rules;
		m->rule_stamp = mem_realloc(m->rule_stamp, m->rules * sizeof *m->rule_stamp);
		m->holds = mem_realloc(m->holds, m->rules * sizeof *m->holds);
		m->open = mem_realloc(m->open, m->rules * sizeof *m->open);
		memset(m->rule_stamp + old, 0, (m->rules - old) * sizeof *m->rule_stamp);
	}
	if (p->slots + 1 > m->slots) {
		m->slots = p->slots + 1;
		m->class = mem_realloc(m->class, m->slots * sizeof *m->class);
		m->class_id = mem_realloc(m->class_id, m->slots * sizeof *m->class_id);
		m->lazy = mem_realloc(m->lazy, m->slots * sizeof *m->lazy);
	}
	return p;
}

static struct plan *
choose_plan(struct matcher *m, const struct event_key *key)
{
	struct buf identity = BUF_INIT;
	struct str code, channel;
	bool windows = key->channel.n || str_eq(key->product, STR("windows"));
	rules_choose(m->r, key, &identity, &code, &channel);
	uint32_t choices = (uint32_t)(identity.n / sizeof(struct choice));
	if (windows) {
		wire_put_str(&identity, code);
		wire_put_str(&identity, channel);
	}
	buf_add_char(&identity, windows ? 'w' : '-');
	struct plan *p = NULL;
	for (uint32_t i = 0; i < m->plans && !p; i++)
		if (str_eq(m->plan[i]->identity, buf_str(&identity)))
			p = m->plan[i];
	if (!p) {
		p = plan_new(m->r, (const struct choice *)(const void *)identity.p, choices, windows, code, channel, &m->sets);
		if (!arena_copy(&p->arena, buf_str(&identity), &p->identity))
			abort();
		keep_plan(m, p);
	}
	buf_release(&identity);
	return p;
}

static struct plan *
plan_of(struct matcher *m, const struct event *e)
{
	struct event_key key = {e->product, e->service, e->category, e->channel, e->code}, folded, own;
	uint64_t hash = hash_key(&key);
	struct key_entry *entry = find_key(m, hash, &key);
	if (entry->hash)
		return entry->plan;
	if (m->plans == MAX_PLANS || m->entries == MAX_KEYS || m->keys.held > m->keys.max / 2) {
		drop_plans(m);
		entry = find_key(m, hash, &key);
	}
	if (!fold_key(&m->temporary, &key, &folded))
		return NULL;
	struct plan *p = choose_plan(m, &folded);
	if (!arena_copy(&m->keys, key.product, &own.product) || !arena_copy(&m->keys, key.service, &own.service) ||
	    !arena_copy(&m->keys, key.category, &own.category) || !arena_copy(&m->keys, key.channel, &own.channel) ||
	    !arena_copy(&m->keys, key.code, &own.code))
		return p; /* texts too long to remember */
	*entry = (struct key_entry){hash, own, p};
	m->entries++;
	return p;
}

/* ---- fields ---- */

static void
index_fields(struct matcher *m)
{
	const struct event *e = m->event;
	assert(e->field_count <= EVENT_MAX_FIELDS);
	for (uint32_t i = e->field_count; i-- > 0;) {
		uint32_t id = e->field[i].id;
		if (id == NAME_UNKNOWN)
			continue;
		m->next_field[i] = m->first_stamp[id] == m->now ? m->first_field[id] : NO_FIELD;
		m->first_field[id] = (uint16_t)i;
		m->first_stamp[id] = m->now;
	}
}

/* ---- an event ---- */

static void
begin_event(struct matcher *m, struct event *e)
{
	m->event = e;
	m->classes_whole = true;
	arena_clear(&m->temporary);
	if (++m->now > EVENTS_MARKED) { /* after a thousand million events */
		memset(m->first_stamp, 0, names_count(m->r->names) * sizeof *m->first_stamp);
		memset(m->known, 0, m->atoms * sizeof *m->known);
		memset(m->rule_stamp, 0, m->rules * sizeof *m->rule_stamp);
		m->now = 1;
	}
	if (++m->events % CHECK_EVERY)
		return;
	size_t held = 0;
	for (uint32_t i = 0; i < m->plans; i++)
		held += plan_cache_bytes(m->plan[i]->cache);
	for (uint32_t i = 0; i < m->plans && held > MAX_CACHES; i++)
		plan_cache_clear(m->plan[i]->cache);
}

struct plan *
matcher_begin(struct matcher *m, struct event *e)
{
	begin_event(m, e);
	struct plan *p = plan_of(m, e);
	if (!p || !p->rules)
		return NULL;
	index_fields(m);
	return p;
}

uint32_t
matcher_match(struct matcher *m, struct event *e, struct arena *arena, struct finding **ret)
{
	struct plan *p = matcher_begin(m, e);
	if (!p)
		return 0;
	if (plan_cache_full(p->cache))
		plan_cache_clear(p->cache);
	for (uint32_t i = 0; i < p->slots; i++) {
		m->class[i] = matcher_class(m, p, i);
		m->class_id[i] = m->class[i]->id;
	}
	m->class[p->slots] = matcher_deferred_class(m, p);
	m->class_id[p->slots] = m->class[p->slots]->id;
	return matcher_verdict(m, p) ? matcher_findings(m, p, arena, ret) : 0;
}
