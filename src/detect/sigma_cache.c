/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/sigma_cache.h"

#include "base/hash.h"
#include "base/memory.h"

#define CACHE_MAX_BYTES ((size_t)16 << 20) /* of one plan */
#define VALUE_MAX 1024u                    /* longer values hardly come twice */
#define WINDOW 512u                        /* lookups of a slot after which it is judged */
#define FEW_HITS (WINDOW / 4)
#define REST (16 * WINDOW)                 /* lookups that a slot then does without */
#define SLEEP 64u                          /* lookups after which the first slot of a new plan begins, then the next */
#define TAGS 1024u                         /* of values, by which a slot that rested finds out whether they come twice now */

/* Short values stand in the table itself: it is larger than the caches of the processor, and each look elsewhere waits. */
struct cached_value {
	uint64_t hash; /* 0: free */
	const struct class *class;
	uint32_t n;
	uint16_t slot;
	bool escaped;
	union {
		char near[40];
		const char *far; /* longer than that */
	};
};

struct class_entry {
	uint64_t hash; /* 0: free */
	const struct class *class;
};

struct slot_habit {
	uint32_t asked, hits;
	uint32_t rest; /* lookups still to be skipped */
	struct cached_value last; /* asked for and known: it often comes again at once */
	uint32_t *tag; /* there: it has rested, and when it is awake only tastes values until enough of them repeat */
};

struct plan_cache {
	const struct plan *plan;
	struct arena arena;
	bool full;
	uint64_t key;
	struct class empty, lazy_empty;
	uint32_t next_class;
	struct cached_value *value;
	uint32_t values, value_mask;
	struct class_entry *class;
	uint32_t classes, class_mask;
	struct verdict_entry *verdict; /* hash 0: free */
	uint32_t verdicts, verdict_mask;
	struct slot_habit *habit;
};

static void
start_tables(struct plan_cache *c)
{
	c->value_mask = c->class_mask = c->verdict_mask = 15;
	c->value = mem_calloc(16, sizeof *c->value);
	c->class = mem_calloc(16, sizeof *c->class);
	c->verdict = mem_calloc(16, sizeof *c->verdict);
	c->values = c->classes = c->verdicts = 0;
	c->empty = (struct class){.id = 0};
	c->lazy_empty = (struct class){.id = 1, .lazy = true};
	c->next_class = 2;
	c->full = false;
}

static void
drop_tables(struct plan_cache *c)
{
	mem_free(c->value);
	mem_free(c->class);
	mem_free(c->verdict);
}

struct plan_cache *
plan_cache_new(const struct plan *p)
{
	struct plan_cache *c = MEM_NEW(struct plan_cache);
	c->plan = p;
	c->key = hash64_mix((uintptr_t)c, (uintptr_t)p);
	arena_init(&c->arena, 4 << 10, CACHE_MAX_BYTES);
	c->habit = mem_calloc(p->slots, sizeof *c->habit);
	/* Until then what calls rules is enough: the literals and expressions of all slots are not wanted by one event. */
	for (uint32_t i = 0; i < p->slots; i++)
		c->habit[i].rest = SLEEP * (i + 1);
	start_tables(c);
	return c;
}

void
plan_cache_free(struct plan_cache *c)
{
	if (!c)
		return;
	drop_tables(c);
	arena_release(&c->arena);
	for (uint32_t i = 0; i < c->plan->slots; i++)
		mem_free(c->habit[i].tag);
	mem_free(c->habit);
	mem_free(c);
}

void
plan_cache_clear(struct plan_cache *c)
{
	drop_tables(c);
	arena_release(&c->arena);
	for (uint32_t i = 0; i < c->plan->slots; i++)
		c->habit[i].last.hash = 0;
	start_tables(c);
}

size_t
plan_cache_bytes(const struct plan_cache *c)
{
	return c->arena.held + (c->value_mask + 1) * sizeof *c->value + (c->class_mask + 1) * sizeof *c->class +
	    (c->verdict_mask + 1) * sizeof *c->verdict;
}

bool
plan_cache_full(const struct plan_cache *c)
{
	return c->full;
}

const struct class *
cache_empty_class(const struct plan_cache *c)
{
	return &c->empty;
}

/* ---- values ---- */

/* At the end of a window: go on, or have a rest. */
static void
judge_slot(struct slot_habit *h)
{
	if (++h->asked < WINDOW)
		return;
	if (h->hits < FEW_HITS) {
		h->rest = REST;
		if (!h->tag)
			h->tag = mem_calloc(TAGS, sizeof *h->tag);
	} else {
		mem_free(h->tag);
		h->tag = NULL;
	}
	h->asked = h->hits = 0;
}

static void
taste_value(struct slot_habit *h, uint64_t hash)
{
	uint32_t *tag = &h->tag[(hash >> 48) % TAGS];
	h->hits += *tag == (uint32_t)hash;
	*tag = (uint32_t)hash;
	judge_slot(h);
}

static bool
same_value(const struct cached_value *v, struct str value, bool escaped)
{
	if (!v->hash || v->n != value.n || v->escaped != escaped)
		return false;
	return str_same(str_from(value.n > sizeof v->near ? v->far : v->near, value.n), value);
}

const struct class *
cache_find_value(struct plan_cache *c, uint32_t slot, struct str value, bool escaped, uint64_t *ret_hash)
{
	struct slot_habit *habit = slot > UINT16_MAX ? NULL : &c->habit[slot];
	*ret_hash = 0;
	if (value.n > VALUE_MAX || !habit)
		return NULL;
	if (habit->rest) {
		habit->rest--;
		return NULL;
	}
	if (same_value(&habit->last, value, escaped)) {
		habit->hits++;
		judge_slot(habit);
		return habit->last.class;
	}
	uint64_t hash = hash64(value, c->key + slot * 2 + escaped) | 1;
	if (habit->tag) {
		taste_value(habit, hash);
		return NULL;
	}
	judge_slot(habit);
	*ret_hash = hash;
	for (uint32_t at = (uint32_t)(hash >> 32) & c->value_mask; c->value[at].hash; at = (at + 1) & c->value_mask) {
		const struct cached_value *v = &c->value[at];
		if (v->hash == hash && v->slot == slot && same_value(v, value, escaped)) {
			habit->hits++;
			habit->last = *v;
			return v->class;
		}
	}
	return NULL;
}

static void
insert_value(struct plan_cache *c, const struct cached_value *v)
{
	uint32_t at = (uint32_t)(v->hash >> 32) & c->value_mask;
	while (c->value[at].hash)
		at = (at + 1) & c->value_mask;
	c->value[at] = *v;
}

static bool
table_may_grow(struct plan_cache *c, size_t bytes)
{
	if (plan_cache_bytes(c) + bytes <= CACHE_MAX_BYTES)
		return true;
	c->full = true;
	return false;
}

static bool
grow_values(struct plan_cache *c)
{
	struct cached_value *old = c->value;
	uint32_t mask = c->value_mask;
	if (c->values * 2 <= mask)
		return true;
	if (!table_may_grow(c, mask * 2 * sizeof *old))
		return false;
	c->value_mask = mask * 2 + 1;
	c->value = mem_calloc((size_t)c->value_mask + 1, sizeof *c->value);
	for (uint32_t i = 0; i <= mask; i++)
		if (old[i].hash)
			insert_value(c, &old[i]);
	mem_free(old);
	return true;
}

void
cache_put_value(struct plan_cache *c, uint32_t slot, struct str value, bool escaped, uint64_t hash,
    const struct class *class)
{
	struct cached_value v = {.hash = hash, .class = class, .n = (uint32_t)value.n, .slot = (uint16_t)slot,
		.escaped = escaped};
	struct str copy;
	if (!hash || !grow_values(c))
		return;
	if (value.n <= sizeof v.near) {
		if (value.n)
			memcpy(v.near, value.p, value.n);
	} else if (arena_copy(&c->arena, value, &copy)) {
		v.far = copy.p;
	} else {
		c->full = true;
		return;
	}
	insert_value(c, &v);
	c->values++;
}

/* ---- classes ---- */

static uint64_t
hash_words(const uint32_t *word, uint32_t n, uint64_t key)
{
	return hash64(str_from((const char *)word, n * sizeof *word), key) | 1;
}

static void
insert_class(struct plan_cache *c, uint64_t hash, const struct class *class)
{
	uint32_t at = (uint32_t)(hash >> 32) & c->class_mask;
	while (c->class[at].hash)
		at = (at + 1) & c->class_mask;
	c->class[at] = (struct class_entry){hash, class};
}

static bool
grow_classes(struct plan_cache *c)
{
	struct class_entry *old = c->class;
	uint32_t mask = c->class_mask;
	if (c->classes * 2 <= mask)
		return true;
	if (!table_may_grow(c, mask * 2 * sizeof *old))
		return false;
	c->class_mask = mask * 2 + 1;
	c->class = mem_calloc((size_t)c->class_mask + 1, sizeof *c->class);
	for (uint32_t i = 0; i <= mask; i++)
		if (old[i].hash)
			insert_class(c, old[i].hash, old[i].class);
	mem_free(old);
	return true;
}

static const struct class *
new_class(struct plan_cache *c, const uint32_t *atom, uint32_t atoms, bool lazy)
{
	uint32_t rules = 0;
	for (uint32_t i = 0; i < atoms; i++)
		rules += c->plan->atom[atom[i]].rules;
	struct class *class = ARENA_NEW(&c->arena, struct class);
	uint32_t *list = class ? arena_alloc(&c->arena, (atoms + (size_t)rules) * sizeof *list) : NULL;
	if (!list) {
		c->full = true;
		return NULL;
	}
	memcpy(list, atom, atoms * sizeof *list);
	*class = (struct class){.id = c->next_class++, .atoms = atoms, .rules = rules, .lazy = lazy, .atom = list,
		.rule = list + atoms};
	for (uint32_t i = 0, n = atoms; i < atoms; i++) {
		const struct atom *a = &c->plan->atom[atom[i]];
		if (a->rules)
			memcpy(list + n, a->rule, a->rules * sizeof *list);
		n += a->rules;
	}
	return class;
}

const struct class *
cache_class(struct plan_cache *c, const uint32_t *atom, uint32_t atoms, bool lazy)
{
	if (!atoms)
		return lazy ? &c->lazy_empty : &c->empty;
	uint64_t hash = hash_words(atom, atoms, c->key + lazy);
	for (uint32_t at = (uint32_t)(hash >> 32) & c->class_mask; c->class[at].hash; at = (at + 1) & c->class_mask) {
		const struct class *class = c->class[at].class;
		if (c->class[at].hash == hash && class->atoms == atoms && class->lazy == lazy &&
		    memcmp(class->atom, atom, atoms * sizeof *atom) == 0)
			return class;
	}
	const struct class *class = grow_classes(c) ? new_class(c, atom, atoms, lazy) : NULL;
	if (class) {
		insert_class(c, hash, class);
		c->classes++;
	}
	return class;
}

/* ---- verdicts ---- */

const struct verdict_entry *
cache_find_verdict(struct plan_cache *c, const uint32_t *class_id, uint64_t *ret_hash)
{
	uint32_t slots = c->plan->slots + 1;
	uint64_t hash = hash_words(class_id, slots, c->key);
	*ret_hash = hash;
	for (uint32_t at = (uint32_t)(hash >> 32) & c->verdict_mask; c->verdict[at].hash; at = (at + 1) & c->verdict_mask)
		if (c->verdict[at].hash == hash && memcmp(c->verdict[at].class_id, class_id, slots * sizeof *class_id) == 0)
			return &c->verdict[at];
	return NULL;
}

static void
insert_verdict(struct plan_cache *c, const struct verdict_entry *v)
{
	uint32_t at = (uint32_t)(v->hash >> 32) & c->verdict_mask;
	while (c->verdict[at].hash)
		at = (at + 1) & c->verdict_mask;
	c->verdict[at] = *v;
}

static bool
grow_verdicts(struct plan_cache *c)
{
	struct verdict_entry *old = c->verdict;
	uint32_t mask = c->verdict_mask;
	if (c->verdicts * 2 <= mask)
		return true;
	if (!table_may_grow(c, mask * 2 * sizeof *old))
		return false;
	c->verdict_mask = mask * 2 + 1;
	c->verdict = mem_calloc((size_t)c->verdict_mask + 1, sizeof *c->verdict);
	for (uint32_t i = 0; i <= mask; i++)
		if (old[i].hash)
			insert_verdict(c, &old[i]);
	mem_free(old);
	return true;
}

void
cache_put_verdict(struct plan_cache *c, const uint32_t *class_id, uint64_t hash, const uint32_t *hold, uint32_t holds,
    const uint32_t *open, uint32_t opens)
{
	uint32_t slots = c->plan->slots + 1;
	if (!grow_verdicts(c))
		return;
	uint32_t *list = arena_alloc(&c->arena, ((size_t)slots + holds + opens) * sizeof *list);
	if (!list) {
		c->full = true;
		return;
	}
	struct verdict_entry v = {.hash = hash, .class_id = list, .rule = list + slots, .holds = holds, .opens = opens};
	memcpy(list, class_id, slots * sizeof *list);
	if (holds)
		memcpy(list + slots, hold, holds * sizeof *list);
	if (opens)
		memcpy(list + slots + holds, open, opens * sizeof *list);
	insert_verdict(c, &v);
	c->verdicts++;
}
