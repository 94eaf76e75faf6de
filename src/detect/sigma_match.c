/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/sigma_cache.h"

#define MAX_PLANS 256u
#define MAX_KEYS 2048u              /* keys that name a plan; more are forgotten and found again */
#define MAX_CACHES ((size_t)48 << 20) /* bytes that all plans of a matcher may remember */
#define CHECK_EVERY 4096u           /* events between two looks at that */
#define FEW_DEFERRED 4u
#define MAX_EVIDENCE 12u
#define EVIDENCE_BYTES 1024u
#define NO_FIELD UINT16_MAX

/* An event key as it came, and its plan. */
struct key_entry {
	uint64_t hash; /* 0: free */
	struct event_key key;
	struct plan *plan;
};

struct matcher {
	const struct rules *r;
	hs_scratch_t *scratch;
	struct plan *plan[MAX_PLANS];
	struct regex_sets sets;
	uint32_t plans;
	struct arena keys;
	struct key_entry entry[MAX_KEYS * 2];
	uint32_t entries;
	uint32_t events;

	/* of the event at hand */
	struct event *event;
	uint32_t now;              /* marks what belongs to it in the arrays below */
	uint32_t *first_stamp;     /* by name: does first_field hold? */
	uint16_t *first_field;
	uint16_t next_field[EVENT_MAX_FIELDS];
	uint32_t *true_stamp;      /* by atom */
	uint32_t *asked_stamp;     /* by atom: a deferred one that was asked */
	uint32_t *found_stamp;     /* by atom: in `found` already */
	uint32_t found_now;
	uint32_t atoms;            /* size of these */
	uint32_t *rule_stamp;      /* by rule of the plan: evaluated */
	uint32_t *candidate;
	uint32_t rules;            /* size of these */
	const struct class **class; /* by slot */
	uint32_t *class_id;
	uint32_t slots;
	bool classes_whole;        /* all classes have ids */
	bool asked_deferred;       /* so the verdict is about more than classes */
	struct arena temporary;
	const uint32_t *expressions; /* atoms of the joined expressions being looked for */
	uint32_t *found;           /* atoms true of the value at hand */
	uint32_t founds, found_cap;
	struct buf folded;
	struct literal_scan scan;

	/* of the rule being measured */
	struct arena measuring;
	size_t looked_at;          /* bytes */
	struct str last, last_folded;
};

/* ---- life ---- */

static void
fit_scratch(struct matcher *m, const hs_database_t *database)
{
	if (database && hs_alloc_scratch(database, &m->scratch) != HS_SUCCESS)
		abort();
}

struct matcher *
matcher_new(const struct rules *r)
{
	struct matcher *m = MEM_NEW(struct matcher);
	assert(r->finished);
	m->r = r;
	m->first_stamp = mem_calloc(names_count(r->names), sizeof *m->first_stamp);
	m->first_field = mem_calloc(names_count(r->names), sizeof *m->first_field);
	arena_init(&m->keys, 16 << 10, 4 << 20);
	arena_init(&m->temporary, 16 << 10, 64 << 20);
	arena_init(&m->measuring, 16 << 10, 64 << 20);
	return m;
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
	mem_free(m->first_stamp);
	mem_free(m->first_field);
	mem_free(m->true_stamp);
	mem_free(m->asked_stamp);
	mem_free(m->found_stamp);
	mem_free(m->rule_stamp);
	mem_free(m->candidate);
	mem_free(m->class);
	mem_free(m->class_id);
	mem_free(m->found);
	mem_free(m);
}

size_t
matcher_bytes(const struct matcher *m)
{
	size_t n = sizeof *m + m->keys.held + m->temporary.held + m->measuring.held + m->folded.cap;
	n += (m->atoms * 3 + m->rules * 2 + m->slots + m->found_cap + m->scan.stamps) * sizeof(uint32_t);
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
	return str_eq(a->code, b->code) && str_eq(a->channel, b->channel) && str_eq(a->product, b->product) &&
	    str_eq(a->service, b->service) && str_eq(a->category, b->category);
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
	for (uint32_t i = 0; i < p->slots; i++)
		fit_scratch(m, p->slot[i].regex);
	for (uint32_t i = 0; i < p->atoms; i++)
		fit_scratch(m, p->atom[i].test->regex);
	uint32_t old = m->atoms;
	if (p->atoms > m->atoms) {
		m->atoms = p->atoms;
		m->true_stamp = mem_realloc(m->true_stamp, m->atoms * sizeof *m->true_stamp);
		m->asked_stamp = mem_realloc(m->asked_stamp, m->atoms * sizeof *m->asked_stamp);
		m->found_stamp = mem_realloc(m->found_stamp, m->atoms * sizeof *m->found_stamp);
		memset(m->true_stamp + old, 0, (m->atoms - old) * sizeof *m->true_stamp);
		memset(m->asked_stamp + old, 0, (m->atoms - old) * sizeof *m->asked_stamp);
		memset(m->found_stamp + old, 0, (m->atoms - old) * sizeof *m->found_stamp);
	}
	old = m->rules;
	if (p->rules > m->rules) {
		m->rules = p->rules;
		m->rule_stamp = mem_realloc(m->rule_stamp, m->rules * sizeof *m->rule_stamp);
		m->candidate = mem_realloc(m->candidate, m->rules * sizeof *m->candidate);
		memset(m->rule_stamp + old, 0, (m->rules - old) * sizeof *m->rule_stamp);
	}
	if (p->slots + 1 > m->slots) {
		m->slots = p->slots + 1;
		m->class = mem_realloc(m->class, m->slots * sizeof *m->class);
		m->class_id = mem_realloc(m->class_id, m->slots * sizeof *m->class_id);
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

static uint32_t
first_field(const struct matcher *m, uint32_t name)
{
	return m->first_stamp[name] == m->now ? m->first_field[name] : NO_FIELD;
}

static bool
all_ascii(struct str s)
{
	uint64_t any = 0, word;
	size_t i = 0;
	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		any |= word;
	}
	for (; i < s.n; i++)
		any |= (uint64_t)(unsigned char)s.p[i] << 56 | (unsigned char)s.p[i];
	return !(any & UINT64_C(0x8080808080808080));
}

/* The value with its case folded, in m->folded. */
static struct str
fold_value(struct matcher *m, struct str value)
{
	buf_clear(&m->folded);
	char *out = buf_room(&m->folded, FOLD_ROOM(value.n));
	if (!all_ascii(value))
		return str_from(out, fold_text(value, out));
	size_t i = 0;
	for (; i + 8 <= value.n; i += 8) {
		uint64_t word;
		memcpy(&word, value.p + i, 8);
		/* the high bit of each byte: at least 'A', and not above 'Z' */
		uint64_t upper = (word + UINT64_C(0x3f3f3f3f3f3f3f3f)) & ~(word + UINT64_C(0x2525252525252525));
		word |= (upper & UINT64_C(0x8080808080808080)) >> 2;
		memcpy(out + i, &word, 8);
	}
	for (; i < value.n; i++)
		out[i] = ascii_lower(value.p[i]);
	return str_from(out, value.n);
}

/* ---- classes: all that is true about a value ---- */

static void
find_atom(struct matcher *m, uint32_t atom)
{
	if (m->found_stamp[atom] == m->found_now)
		return;
	m->found_stamp[atom] = m->found_now;
	MEM_GROW(m->found, m->founds, m->found_cap);
	m->found[m->founds++] = atom;
}

static void
find_atoms(struct matcher *m, const uint32_t *atom, uint32_t atoms)
{
	for (uint32_t i = 0; i < atoms; i++)
		find_atom(m, atom[i]);
}

static void
begin_finding(struct matcher *m)
{
	m->founds = 0;
	if (++m->found_now == 0) {
		memset(m->found_stamp, 0, m->atoms * sizeof *m->found_stamp);
		m->found_now = 1;
	}
}

static int
find_expression(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	struct matcher *m = user;
	find_atom(m, m->expressions[id]);
	return 0;
}

static void
scan_with(struct matcher *m, const hs_database_t *database, struct str value, match_event_handler found, void *user)
{
	unsigned n = value.n < UINT32_MAX ? (unsigned)value.n : UINT32_MAX;
	hs_error_t error = hs_scan(database, value.p ? value.p : "", n, 0, m->scratch, found, user);
	assert(error == HS_SUCCESS || error == HS_SCAN_TERMINATED);
}

static void
find_in_value(struct matcher *m, const struct plan *p, const struct slot *s, struct str value)
{
	struct str folded = fold_value(m, value);
	if (s->index) {
		literal_index_scan(s->index, folded, &m->scan);
		for (uint32_t i = 0; i < m->scan.hits; i++) {
			const struct slot_literal *l = &s->literal[m->scan.hit[i]];
			if (!l->verify || test_value(p->atom[l->atom].test, value, folded, m->scratch))
				find_atom(m, l->atom);
		}
	}
	for (uint32_t i = 0; i < s->eagers; i++) {
		const struct test *t = p->atom[s->eager[i]].test;
		if (test_like(TEST_CONTAINS, folded, t->needle) && test_value(t, value, folded, m->scratch))
			find_atom(m, s->eager[i]);
	}
	m->expressions = s->regex_atom;
	if (s->regex)
		scan_with(m, s->regex, value, find_expression, m);
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* A class that lives as long as the event, when the cache is full. */
static const struct class *
temporary_class(struct matcher *m, const struct plan *p)
{
	uint32_t rules = 0;
	m->classes_whole = false;
	for (uint32_t i = 0; i < m->founds; i++)
		rules += p->atom[m->found[i]].rules;
	struct class *class = ARENA_NEW(&m->temporary, struct class);
	uint32_t *list = class ? arena_alloc(&m->temporary, (m->founds + (size_t)rules) * sizeof *list) : NULL;
	if (!list)
		return cache_empty_class(p->cache);
	memcpy(list, m->found, m->founds * sizeof *list);
	*class = (struct class){.atoms = m->founds, .rules = rules, .atom = list, .rule = list + m->founds};
	uint32_t n = m->founds;
	for (uint32_t i = 0; i < m->founds; i++) {
		const struct atom *a = &p->atom[m->found[i]];
		for (uint32_t k = 0; k < a->rules; k++)
			list[n++] = a->rule[k];
	}
	return class;
}

static const struct class *
class_of_found(struct matcher *m, const struct plan *p)
{
	if (m->founds > 1)
		qsort(m->found, m->founds, sizeof *m->found, by_number);
	const struct class *class = cache_class(p->cache, m->found, m->founds);
	return class ? class : temporary_class(m, p);
}

/* The usual case: one field, text. */
static const struct class *
class_of_field(struct matcher *m, const struct plan *p, uint32_t number, struct field *f)
{
	const struct slot *s = &p->slot[number];
	uint64_t hash;
	struct str raw = f->value;
	bool escaped = f->escaped;
	const struct class *class = cache_find_value(p->cache, number, raw, escaped, &hash);
	if (class)
		return class;
	begin_finding(m);
	find_atoms(m, s->exists, s->exist);
	find_in_value(m, p, s, event_value(m->event, f));
	class = class_of_found(m, p);
	if (m->classes_whole)
		cache_put_value(p->cache, number, raw, escaped, hash, class);
	return class;
}

/* Several fields, or null among them: any of them may match. */
static const struct class *
class_of_fields(struct matcher *m, const struct plan *p, const struct slot *s)
{
	bool there = false, value = false;
	begin_finding(m);
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k]) {
			struct field *f = &m->event->field[k];
			there = true;
			if (f->kind == FIELD_NULL)
				continue;
			value = true;
			find_in_value(m, p, s, event_value(m->event, f));
		}
	if (there)
		find_atoms(m, s->exists, s->exist);
	if (!value)
		find_atoms(m, s->null, s->nulls);
	return class_of_found(m, p);
}

static bool
text_is_json(const struct event *e)
{
	return e->decoder == DECODER_WINDOWS_JSON || e->decoder == DECODER_EVE || e->decoder == DECODER_ZEEK ||
	    e->decoder == DECODER_JSON;
}

/* Keywords: the line, or where that is no plain text every native value. */
static const struct class *
class_of_event(struct matcher *m, const struct plan *p, const struct slot *s)
{
	struct event *e = m->event;
	if (s->prefilter && e->text.p && !sieve_finds(s->prefilter, e->text))
		return cache_empty_class(p->cache);
	begin_finding(m);
	if (e->text.p && !text_is_json(e)) {
		find_in_value(m, p, s, e->text);
		return class_of_found(m, p);
	}
	for (uint32_t i = 0; i < e->field_count; i++)
		if (!e->field[i].core && e->field[i].kind == FIELD_TEXT)
			find_in_value(m, p, s, event_value(e, &e->field[i]));
	return class_of_found(m, p);
}

static const struct class *
class_of_slot(struct matcher *m, const struct plan *p, uint32_t number)
{
	const struct slot *s = &p->slot[number];
	if (!s->names)
		return class_of_event(m, p, s);
	uint32_t field = first_field(m, s->name[0]);
	if (s->names == 1 && field == NO_FIELD && !s->nulls)
		return cache_empty_class(p->cache);
	if (s->names == 1 && field != NO_FIELD && m->next_field[field] == NO_FIELD &&
	    m->event->field[field].kind != FIELD_NULL)
		return class_of_field(m, p, number, &m->event->field[field]);
	return class_of_fields(m, p, s);
}

/* ---- rules ---- */

static bool
fieldref_holds(struct matcher *m, const struct atom *a, struct str value)
{
	struct buf copy = BUF_INIT;
	bool holds = false;
	struct str mine = a->test->cased ? value : fold_value(m, value);
	buf_add(&copy, mine);
	for (uint32_t i = 0; i < a->others && !holds; i++)
		for (uint32_t k = first_field(m, a->other[i]); k != NO_FIELD && !holds; k = m->next_field[k]) {
			struct field *f = &m->event->field[k];
			struct str other = event_value(m->event, f);
			other = a->test->cased ? other : fold_value(m, other);
			holds = f->kind != FIELD_NULL && test_like(a->test->like, buf_str(&copy), other);
		}
	buf_release(&copy);
	return holds;
}

static bool
deferred_value_holds(struct matcher *m, const struct atom *a, struct str value)
{
	return a->test->op == TEST_FIELDREF ? fieldref_holds(m, a, value)
	                                    : test_value(a->test, value, (struct str){0}, m->scratch);
}

typedef bool value_holds(struct matcher *m, const struct atom *a, struct str value);

/* Is it true of any value of the atom's slot? */
static bool
any_value_holds(struct matcher *m, const struct plan *p, const struct atom *a, value_holds *holds)
{
	const struct slot *s = &p->slot[a->slot];
	struct event *e = m->event;
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k])
			if (e->field[k].kind != FIELD_NULL && holds(m, a, event_value(e, &e->field[k])))
				return true;
	if (s->names)
		return false;
	if (e->text.p && !text_is_json(e))
		return holds(m, a, e->text);
	for (uint32_t i = 0; i < e->field_count; i++)
		if (!e->field[i].core && e->field[i].kind == FIELD_TEXT &&
		    holds(m, a, event_value(e, &e->field[i])))
			return true;
	return false;
}

static bool
deferred_holds(struct matcher *m, const struct plan *p, const struct atom *a)
{
	return any_value_holds(m, p, a, deferred_value_holds);
}

/* A few deferred atoms are asked beforehand: then they are part of what a verdict is remembered by. */
static const struct class *
class_of_deferred(struct matcher *m, const struct plan *p)
{
	if (!p->deferreds || p->deferreds > FEW_DEFERRED)
		return cache_empty_class(p->cache);
	begin_finding(m);
	for (uint32_t i = 0; i < p->deferreds; i++) {
		m->asked_stamp[p->deferred[i]] = m->now;
		if (deferred_holds(m, p, &p->atom[p->deferred[i]]))
			find_atom(m, p->deferred[i]);
	}
	return class_of_found(m, p);
}

static bool
atom_holds(struct matcher *m, const struct plan *p, uint32_t atom)
{
	const struct atom *a = &p->atom[atom];
	if (a->deferred && m->asked_stamp[atom] != m->now) {
		m->asked_stamp[atom] = m->now;
		m->asked_deferred = true;
		if (deferred_holds(m, p, a))
			m->true_stamp[atom] = m->now;
	}
	return m->true_stamp[atom] == m->now;
}

static bool
node_holds(struct matcher *m, const struct plan *p, const struct node *n)
{
	switch (n->kind) {
	case NODE_ATOM:
		return atom_holds(m, p, n->count);
	case NODE_NOT:
		return !node_holds(m, p, n->child);
	case NODE_AND:
		for (uint32_t i = 0; i < n->count; i++)
			if (!node_holds(m, p, &n->child[i]))
				return false;
		return true;
	case NODE_OR:
		for (uint32_t i = 0; i < n->count; i++)
			if (node_holds(m, p, &n->child[i]))
				return true;
		return false;
	default:
		return n->kind == NODE_TRUE;
	}
}

static void
mark_classes(struct matcher *m, const struct plan *p)
{
	for (uint32_t i = 0; i <= p->slots; i++)
		for (uint32_t k = 0; k < m->class[i]->atoms; k++)
			m->true_stamp[m->class[i]->atom[k]] = m->now;
}

static void
try_rule(struct matcher *m, const struct plan *p, uint32_t rule, uint32_t *count)
{
	if (m->rule_stamp[rule] == m->now)
		return;
	m->rule_stamp[rule] = m->now;
	if (node_holds(m, p, &p->rule[rule].root))
		m->candidate[(*count)++] = rule;
}

/* All rules of the plan that match, ascending, in m->candidate. */
static uint32_t
try_rules(struct matcher *m, const struct plan *p)
{
	uint32_t count = 0;
	m->asked_deferred = false;
	for (uint32_t i = 0; i < p->always_count; i++)
		try_rule(m, p, p->always[i], &count);
	for (uint32_t i = 0; i <= p->slots; i++)
		for (uint32_t k = 0; k < m->class[i]->rules; k++)
			try_rule(m, p, m->class[i]->rule[k], &count);
	if (count > 1)
		qsort(m->candidate, count, sizeof *m->candidate, by_number);
	return count;
}

/* ---- findings ---- */

static struct str
cut_text(struct str s)
{
	if (s.n <= EVIDENCE_BYTES)
		return s;
	size_t n = EVIDENCE_BYTES;
	while (n > EVIDENCE_BYTES - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_cut(s, 0, n);
}

/* The value that made the atom true: the first of the slot that passes the test alone. */
static bool
evidence_of(struct matcher *m, const struct plan *p, uint32_t atom, struct finding_field *ret)
{
	const struct atom *a = &p->atom[atom];
	const struct slot *s = &p->slot[a->slot];
	ret->name = names_text(m->r->names, a->test->name);
	if (a->test->op == TEST_REGEX && !a->test->regex) /* it was found with others joined to it */
		fit_scratch(m, sigma_compile_regex(a->test));
	if (!s->names) {
		ret->value = cut_text(a->test->literal.n ? a->test->literal : a->test->needle);
		return true;
	}
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k]) {
			struct str value = event_value(m->event, &m->event->field[k]);
			if (m->event->field[k].kind == FIELD_NULL)
				continue;
			bool holds = a->test->op == TEST_EXISTS ||
			    (a->test->op == TEST_FIELDREF ? fieldref_holds(m, a, value)
			                                  : test_value(a->test, value, fold_value(m, value), m->scratch));
			if (holds) {
				ret->value = cut_text(value);
				return true;
			}
		}
	return false;
}

static void
collect_evidence(struct matcher *m, const struct plan *p, const struct node *n, struct finding_field *list,
    uint32_t *count)
{
	struct finding_field one;
	if (*count == MAX_EVIDENCE || n->kind == NODE_NOT)
		return;
	if (n->kind == NODE_ATOM) {
		if (!atom_holds(m, p, n->count) || !evidence_of(m, p, n->count, &one))
			return;
		for (uint32_t i = 0; i < *count; i++)
			if (str_eq(list[i].name, one.name) && str_eq(list[i].value, one.value))
				return;
		list[(*count)++] = one;
		return;
	}
	for (uint32_t i = 0; i < n->count; i++)
		if (node_holds(m, p, &n->child[i]))
			collect_evidence(m, p, &n->child[i], list, count);
}

static uint32_t
make_findings(struct matcher *m, const struct plan *p, const uint32_t *rule, uint32_t count, struct arena *arena,
    struct finding **ret)
{
	struct finding *list = arena_calloc(arena, count, sizeof *list);
	if (!list)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		struct finding_field evidence[MAX_EVIDENCE];
		uint32_t n = 0;
		const struct plan_rule *pr = &p->rule[rule[i]];
		collect_evidence(m, p, &pr->root, evidence, &n);
		struct finding_field *copy = n ? arena_calloc(arena, n, sizeof *copy) : NULL;
		list[i] = (struct finding){.rule = &m->r->rule[pr->index]->info, .event = m->event};
		if (copy) {
			memcpy(copy, evidence, n * sizeof *copy);
			list[i].matched = copy;
			list[i].matched_count = n;
		}
	}
	*ret = list;
	return count;
}

/* ---- an event ---- */

static void
begin_event(struct matcher *m, struct event *e)
{
	m->event = e;
	m->classes_whole = true;
	arena_clear(&m->temporary);
	if (++m->now == 0) { /* after four thousand million events */
		memset(m->first_stamp, 0, names_count(m->r->names) * sizeof *m->first_stamp);
		memset(m->true_stamp, 0, m->atoms * sizeof *m->true_stamp);
		memset(m->asked_stamp, 0, m->atoms * sizeof *m->asked_stamp);
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

uint32_t
matcher_match(struct matcher *m, struct event *e, struct arena *arena, struct finding **ret)
{
	begin_event(m, e);
	struct plan *p = plan_of(m, e);
	if (!p || !p->rules)
		return 0;
	if (plan_cache_full(p->cache))
		plan_cache_clear(p->cache);
	index_fields(m);
	for (uint32_t i = 0; i < p->slots; i++) {
		m->class[i] = class_of_slot(m, p, i);
		m->class_id[i] = m->class[i]->id;
	}
	m->class[p->slots] = class_of_deferred(m, p);
	m->class_id[p->slots] = m->class[p->slots]->id;
	uint64_t hash = 0;
	const struct verdict_entry *known = m->classes_whole ? cache_find_verdict(p->cache, m->class_id, &hash) : NULL;
	if (known && !known->rules)
		return 0;
	mark_classes(m, p);
	if (known)
		return make_findings(m, p, known->rule, known->rules, arena, ret);
	uint32_t count = try_rules(m, p);
	if (m->classes_whole && !m->asked_deferred)
		cache_put_verdict(p->cache, m->class_id, hash, m->candidate, count);
	return count ? make_findings(m, p, m->candidate, count, arena, ret) : 0;
}

/* ---- what a rule costs ---- */

/* Folded once for all tests that ask the same value one after the other. */
static struct str
fold_again(struct matcher *m, struct str value)
{
	if (m->last.p != value.p || m->last.n != value.n) {
		m->last_folded = fold_value(m, value);
		m->last = value;
	}
	return m->last_folded;
}

static bool
value_holds_alone(struct matcher *m, const struct atom *a, struct str value)
{
	if (m->looked_at > MEASURE_BYTES)
		return false;
	m->looked_at += value.n + 1;
	if (a->test->op == TEST_FIELDREF) {
		m->last = (struct str){0}; /* it folds as well */
		return fieldref_holds(m, a, value);
	}
	bool as_it_is = a->test->cased || a->test->op == TEST_REGEX;
	return test_value(a->test, value, as_it_is ? value : fold_again(m, value), m->scratch);
}

static bool
atom_holds_alone(struct matcher *m, const struct plan *p, const struct atom *a)
{
	const struct slot *s = &p->slot[a->slot];
	bool there = false, value = false;
	if (a->test->op != TEST_NULL && a->test->op != TEST_EXISTS)
		return any_value_holds(m, p, a, value_holds_alone);
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k]) {
			there = true;
			value |= m->event->field[k].kind != FIELD_NULL;
		}
	return a->test->op == TEST_EXISTS ? there : !value;
}

static bool
node_holds_alone(struct matcher *m, const struct plan *p, const struct node *n)
{
	bool decides = n->kind == NODE_OR;
	if (n->kind == NODE_ATOM)
		return atom_holds_alone(m, p, &p->atom[n->count]);
	if (n->kind == NODE_NOT)
		return !node_holds_alone(m, p, n->child);
	if (n->kind != NODE_AND && n->kind != NODE_OR)
		return n->kind == NODE_TRUE;
	for (uint32_t i = 0; i < n->count; i++)
		if (node_holds_alone(m, p, &n->child[i]) == decides)
			return decides;
	return !decides;
}

/* Has every expression of the rule a database of its own? The first that has none gets one. */
static bool
prepare_node(struct matcher *m, struct plan *p, const struct node *n)
{
	if (n->kind == NODE_ATOM) {
		struct atom *a = &p->atom[n->count];
		if (a->test->op != TEST_REGEX || a->alone)
			return true;
		bool there = a->test->regex != NULL;
		fit_scratch(m, sigma_compile_regex(a->test));
		a->alone = true;
		return there;
	}
	for (uint32_t i = 0; i < n->count; i++)
		if (!prepare_node(m, p, &n->child[i]))
			return false;
	return true;
}

static void
measure_rule(struct matcher *m, const struct plan *p, const struct node *root, measure_clock *clock,
    struct rule_cost *sum)
{
	int64_t best = INT64_MAX;
	bool holds = false;
	for (int i = 0; i < 2; i++) {
		m->looked_at = 0;
		m->last = (struct str){0};
		int64_t from = clock();
		holds = node_holds_alone(m, p, root);
		int64_t took = clock() - from;
		best = took < best ? took : best;
	}
	sum->ns += best > 0 ? (uint64_t)best : 0;
	sum->samples++;
	sum->matched += holds;
}

void
matcher_measure(struct matcher *m, struct event *e, uint32_t max, measure_clock *clock, struct rule_cost *sum)
{
	struct arena *own = e->arena;
	size_t looked_at = 0;
	begin_event(m, e);
	struct plan *p = plan_of(m, e);
	if (!p || !p->rules)
		return;
	index_fields(m);
	arena_clear(&m->measuring);
	e->arena = &m->measuring; /* what the event has left is for its verdict and those behind it */
	for (uint32_t i = 0; i < max && i < p->rules && looked_at <= MEASURE_BYTES; i++) {
		const struct plan_rule *r = &p->rule[p->next_measured];
		uint32_t next = p->next_measured + 1 == p->rules ? 0 : p->next_measured + 1;
		if (!m->r->rule[r->index]->info.exception) {
			if (!prepare_node(m, p, &r->root))
				break;
			measure_rule(m, p, &r->root, clock, &sum[r->index]);
			looked_at += m->looked_at;
		}
		p->next_measured = next;
	}
	e->arena = own;
}
