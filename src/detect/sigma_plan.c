/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/sigma_plan.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"

#define PLAN_MAX_BYTES ((size_t)1 << 30) /* rules are bounded themselves; this is far above what they can ask for */
#define FEW_DEFERRED 4u
#define DEAR UINT32_MAX                  /* no atom announces it */

struct builder {
	const struct rules *r;
	struct plan *plan;
	struct arena *arena;
	const struct map_row *row; /* of the rule at hand; NULL: names as they are */
	uint32_t event_id, channel;
	uint32_t slot_cap, atom_cap, rule_cap, deferred_cap;
	uint32_t *atom_table;      /* open addressing by (slot, test): atom + 1 */
	uint32_t atom_mask;
	uint32_t *uses;            /* by atom: rules that ask it */
	uint32_t uses_cap;
	/* witness lists while they grow: (atom, rule) pairs */
	struct witness {
		uint32_t atom, rule;
	} *witness;
	uint32_t witnesses, witness_cap;
	uint32_t *always;
	uint32_t always_cap;
};

/* The plan's own memory: a failure here would be a bug in the limits of the rules. */
static void *
take(struct builder *b, size_t count, size_t size)
{
	void *p = arena_calloc(b->arena, count, size);
	if (!p)
		abort();
	return p;
}

/* ---- slots and atoms ---- */

static uint32_t
find_slot(struct builder *b, const uint32_t *name, uint32_t names)
{
	struct plan *p = b->plan;
	for (uint32_t i = 0; i < p->slots; i++)
		if (p->slot[i].names == names && memcmp(p->slot[i].name, name, names * sizeof *name) == 0)
			return i;
	MEM_GROW(p->slot, p->slots, b->slot_cap);
	struct slot *s = &p->slot[p->slots];
	*s = (struct slot){.names = names};
	memcpy(s->name, name, names * sizeof *name);
	return p->slots++;
}

static uint32_t
slot_of(struct builder *b, uint32_t name)
{
	uint32_t native[SLOT_MAX_NAMES];
	uint32_t n = name == NAME_UNKNOWN ? 0 : row_names(b->row, name, native);
	return find_slot(b, native, n);
}

static uint32_t
atom_hash(uint32_t slot, const struct test *t)
{
	return (uint32_t)(hash64_mix(slot, (uintptr_t)t) >> 16);
}

static void
grow_atoms(struct builder *b)
{
	mem_free(b->atom_table);
	b->atom_mask = b->atom_mask ? b->atom_mask * 2 + 1 : 255;
	b->atom_table = mem_calloc((size_t)b->atom_mask + 1, sizeof *b->atom_table);
	for (uint32_t i = 0; i < b->plan->atoms; i++) {
		uint32_t at = atom_hash(b->plan->atom[i].slot, b->plan->atom[i].test) & b->atom_mask;
		while (b->atom_table[at])
			at = (at + 1) & b->atom_mask;
		b->atom_table[at] = i + 1;
	}
}

static bool
is_deferred(const struct test *t)
{
	return t->op == TEST_FIELDREF;
}

static uint32_t
atom_of(struct builder *b, const struct test *t)
{
	struct plan *p = b->plan;
	uint32_t slot = slot_of(b, t->name);
	if (p->atoms * 2 >= b->atom_mask)
		grow_atoms(b);
	uint32_t at = atom_hash(slot, t) & b->atom_mask;
	for (; b->atom_table[at]; at = (at + 1) & b->atom_mask) {
		const struct atom *known = &p->atom[b->atom_table[at] - 1];
		/* the other field of a fieldref depends on the row as well */
		if (known->slot == slot && known->test == t && t->op != TEST_FIELDREF)
			return b->atom_table[at] - 1;
	}
	MEM_GROW(p->atom, p->atoms, b->atom_cap);
	if (b->atom_cap > b->uses_cap) {
		b->uses = mem_realloc(b->uses, b->atom_cap * sizeof *b->uses);
		b->uses_cap = b->atom_cap;
	}
	b->uses[p->atoms] = 0;
	struct atom *a = &p->atom[p->atoms];
	*a = (struct atom){.test = t, .slot = slot, .deferred = is_deferred(t)};
	if (t->op == TEST_FIELDREF)
		a->others = row_names(b->row, t->other, a->other);
	if (a->deferred) {
		MEM_GROW(p->deferred, p->deferreds, b->deferred_cap);
		p->deferred[p->deferreds++] = p->atoms;
	}
	b->atom_table[at] = ++p->atoms;
	return p->atoms - 1;
}

/* ---- partial evaluation ---- */

/* What the key already says about a test; false when it says nothing. */
static bool
key_decides(struct builder *b, const struct test *t, bool *ret)
{
	uint32_t native[SLOT_MAX_NAMES];
	if (!b->plan->windows || t->op >= TEST_FIELDREF || row_names(b->row, t->name, native) != 1)
		return false;
	bool is_code = native[0] == b->event_id, is_channel = native[0] == b->channel;
	if (t->cased || t->op == TEST_REGEX || (!is_code && !is_channel))
		return false;
	struct str value = is_code ? b->plan->code : b->plan->channel;
	bool other = str_eq(value, STR("?"));
	if (!value.n || (other && t->op != TEST_EQ))
		return false;
	*ret = !other && test_value(t, value, value, NULL);
	return true;
}

static void
set_constant(struct node *n, bool value)
{
	*n = (struct node){.kind = value ? NODE_TRUE : NODE_FALSE};
}

static void fold(struct builder *b, const struct expr *e, struct node *ret);

/* What is dear to ask is asked only when the rest has not decided. True when there is any. */
static bool
put_deferred_last(struct node *child, uint32_t count)
{
	uint32_t front = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (child[i].deferred)
			continue;
		struct node cheap = child[i];
		memmove(&child[front + 1], &child[front], (i - front) * sizeof *child);
		child[front++] = cheap;
	}
	return front < count;
}

static void
fold_list(struct builder *b, const struct expr *e, struct node *ret)
{
	bool and = e->kind == EXPR_AND;
	uint8_t neutral = and ? NODE_TRUE : NODE_FALSE, final = and ? NODE_FALSE : NODE_TRUE;
	struct node *child = take(b, e->count, sizeof *child);
	uint32_t count = 0;
	for (uint32_t i = 0; i < e->count; i++) {
		fold(b, e->child[i], &child[count]);
		if (child[count].kind == final) {
			set_constant(ret, !and);
			return;
		}
		if (child[count].kind != neutral)
			count++;
	}
	if (count == 0)
		set_constant(ret, and);
	else if (count == 1)
		*ret = child[0];
	else
		*ret = (struct node){.kind = and ? NODE_AND : NODE_OR, .deferred = put_deferred_last(child, count),
		    .count = count, .child = child};
}

static void
fold(struct builder *b, const struct expr *e, struct node *ret)
{
	bool value;
	switch (e->kind) {
	case EXPR_TEST:
		if (key_decides(b, e->test, &value))
			set_constant(ret, value);
		else
			*ret = (struct node){.kind = NODE_ATOM, .deferred = is_deferred(e->test), .count = atom_of(b, e->test)};
		return;
	case EXPR_NOT: {
		struct node *child = take(b, 1, sizeof *child);
		fold(b, e->child[0], child);
		if (child->kind <= NODE_TRUE)
			set_constant(ret, child->kind == NODE_FALSE);
		else
			*ret = (struct node){.kind = NODE_NOT, .deferred = child->deferred, .count = 1, .child = child};
		return;
	}
	case EXPR_AND:
	case EXPR_OR:
		fold_list(b, e, ret);
		return;
	default:
		set_constant(ret, e->kind == EXPR_TRUE);
	}
}

/* ---- rules of a plan ---- */

/* The row's conditions on ordinary fields, joined to the rule. */
static void
fold_conditions(struct builder *b, const struct map_row *row, struct node *root)
{
	for (uint32_t i = 0; i < row->conditions; i++) {
		const struct field_condition *c = &row->condition[i];
		struct node *both = take(b, 2, sizeof *both), *any = take(b, c->count, sizeof *any);
		for (uint32_t k = 0; k < c->count; k++) {
			struct test *t = take(b, 1, sizeof *t);
			*t = (struct test){.op = TEST_EQ, .name = c->name, .literal = c->value[k], .needle = c->value[k]};
			b->row = NULL;
			any[k] = (struct node){.kind = NODE_ATOM, .count = atom_of(b, t)};
		}
		both[0] = (struct node){.kind = NODE_OR, .count = c->count, .child = any};
		both[1] = *root;
		*root = root->kind == NODE_TRUE ? both[0] : (struct node){.kind = NODE_AND, .count = 2, .child = both};
	}
}

static void
add_alternative(struct builder *b, const struct rule *rule, const struct map_row *row, struct node *all)
{
	struct node one;
	b->row = row;
	fold(b, rule->expr, &one);
	if (one.kind == NODE_FALSE || all->kind == NODE_TRUE)
		return;
	if (row)
		fold_conditions(b, row, &one);
	if (all->kind == NODE_FALSE || one.kind == NODE_TRUE) {
		*all = one;
		return;
	}
	struct node *either = take(b, 2, sizeof *either);
	either[0] = *all;
	either[1] = one;
	*all = (struct node){.kind = NODE_OR, .count = 2, .child = either};
}

static void
add_rule(struct builder *b, uint32_t index, const struct node *root)
{
	if (root->kind == NODE_FALSE)
		return;
	MEM_GROW(b->plan->rule, b->plan->rules, b->rule_cap);
	b->plan->rule[b->plan->rules++] = (struct plan_rule){index, *root};
}

static void
add_rules(struct builder *b, const struct choice *choice, uint32_t choices)
{
	const struct rules *r = b->r;
	for (uint32_t i = 0; i < choices; i++) {
		const struct choice *c = &choice[i];
		const struct rule_group *g = &r->group[c->group];
		const struct map_row *first = c->rows ? &r->row[c->row[0]] : NULL;
		bool plain = c->rows == 1 && !first->renames && !first->conditions;
		for (uint32_t k = 0; k < g->rules; k++) {
			struct node root = {.kind = NODE_FALSE};
			for (uint32_t n = 0; n < c->rows; n++)
				add_alternative(b, r->rule[g->rule[k]], &r->row[c->row[n]], &root);
			if (c->literal && !plain)
				add_alternative(b, r->rule[g->rule[k]], NULL, &root);
			add_rule(b, g->rule[k], &root);
		}
	}
}

static int
by_index(const void *a, const void *b)
{
	const struct plan_rule *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* ---- witnesses ---- */

static void
count_uses(struct builder *b, const struct node *n)
{
	if (n->kind == NODE_ATOM)
		b->uses[n->count]++;
	else
		for (uint32_t i = 0; i < n->count; i++)
			count_uses(b, &n->child[i]);
}

/* How often this atom may call its rule in vain. What many rules ask for is common in what they look at. */
static uint32_t
atom_cost(const struct builder *b, uint32_t atom)
{
	const struct test *t = b->plan->atom[atom].test;
	uint32_t n = (uint32_t)t->needle.n, cost;
	if (b->plan->atom[atom].deferred)
		return DEAR;
	switch (t->op) {
	case TEST_EQ:
		cost = 2;
		break;
	case TEST_PREFIX:
	case TEST_SUFFIX:
		cost = n < 4 ? 200 : 4;
		break;
	case TEST_CONTAINS:
	case TEST_GLOB:
	case TEST_REGEX:
		cost = n < 2 ? 2000 : n < 4 ? 300 : n < 6 ? 40 : 8; /* and without a needle: once a value */
		break;
	case TEST_CIDR:
	case TEST_COMPARE:
	case TEST_TIME:
		cost = 1000;
		break;
	default: /* there or not there */
		cost = 5000;
		break;
	}
	return cost + cost * (b->uses[atom] / 2);
}

static uint32_t
node_cost(const struct builder *b, const struct node *n)
{
	uint64_t sum = 0;
	uint32_t best = DEAR;
	switch (n->kind) {
	case NODE_ATOM:
		return atom_cost(b, n->count);
	case NODE_AND:
		for (uint32_t i = 0; i < n->count; i++) {
			uint32_t cost = node_cost(b, &n->child[i]);
			best = cost < best ? cost : best;
		}
		return best;
	case NODE_OR:
		for (uint32_t i = 0; i < n->count; i++)
			sum += node_cost(b, &n->child[i]);
		return sum < DEAR ? (uint32_t)sum : DEAR;
	default:
		return DEAR;
	}
}

/* One of the atoms under n must be true for n to be true. */
static void
put_witnesses(struct builder *b, const struct node *n, uint32_t rule)
{
	if (n->kind == NODE_ATOM) {
		MEM_GROW(b->witness, b->witnesses, b->witness_cap);
		b->witness[b->witnesses++] = (struct witness){n->count, rule};
	} else if (n->kind == NODE_OR) {
		for (uint32_t i = 0; i < n->count; i++)
			put_witnesses(b, &n->child[i], rule);
	} else {
		uint32_t best = 0, best_cost = DEAR;
		for (uint32_t i = 0; i < n->count; i++) {
			uint32_t cost = node_cost(b, &n->child[i]);
			if (cost < best_cost) {
				best = i;
				best_cost = cost;
			}
		}
		put_witnesses(b, &n->child[best], rule);
	}
}

static void
choose_witnesses(struct builder *b)
{
	struct plan *p = b->plan;
	for (uint32_t i = 0; i < p->rules; i++)
		count_uses(b, &p->rule[i].root);
	for (uint32_t i = 0; i < p->rules; i++) {
		if (node_cost(b, &p->rule[i].root) != DEAR) {
			put_witnesses(b, &p->rule[i].root, i);
			continue;
		}
		MEM_GROW(b->always, p->always_count, b->always_cap);
		b->always[p->always_count++] = i;
	}
	uint32_t *always = take(b, p->always_count, sizeof *always);
	if (p->always_count)
		memcpy(always, b->always, p->always_count * sizeof *always);
	p->always = always;
}

static int
by_atom(const void *a, const void *b)
{
	const struct witness *x = a, *y = b;
	if (x->atom != y->atom)
		return x->atom < y->atom ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static void
share_witnesses(struct builder *b)
{
	uint32_t *list = take(b, b->witnesses, sizeof *list), n = 0;
	if (b->witnesses)
		qsort(b->witness, b->witnesses, sizeof *b->witness, by_atom);
	for (uint32_t i = 0; i < b->witnesses; i++) {
		struct atom *a = &b->plan->atom[b->witness[i].atom];
		if (!a->rules)
			a->rule = list + n;
		if (a->rules && a->rule[a->rules - 1] == b->witness[i].rule)
			continue;
		list[n++] = b->witness[i].rule;
		a->rules++;
	}
}

/* ---- the whole ---- */

struct plan *
plan_new(const struct rules *r, const struct choice *choice, uint32_t choices, bool windows, struct str code,
    struct str channel, struct regex_sets *sets)
{
	struct plan *p = MEM_NEW(struct plan);
	struct builder b = {.r = r, .plan = p, .arena = &p->arena};
	assert(r->finished);
	arena_init(&p->arena, 4 << 10, PLAN_MAX_BYTES);
	p->windows = windows;
	if (!arena_copy(&p->arena, code, &p->code) || !arena_copy(&p->arena, channel, &p->channel))
		abort();
	b.event_id = names_find(r->names, STR("EventID"));
	b.channel = names_find(r->names, STR("Channel"));
	add_rules(&b, choice, choices);
	if (p->rules)
		qsort(p->rule, p->rules, sizeof *p->rule, by_index);
	choose_witnesses(&b);
	share_witnesses(&b);
	p->ask_deferred = p->deferreds <= FEW_DEFERRED;
	plan_fill_slots(p, sets);
	mem_free(b.atom_table);
	mem_free(b.uses);
	mem_free(b.witness);
	mem_free(b.always);
	return p;
}

void
plan_free(struct plan *p)
{
	if (!p)
		return;
	arena_release(&p->arena);
	mem_free(p->slot);
	mem_free(p->atom);
	mem_free(p->deferred);
	mem_free(p->rule);
	mem_free(p);
}
