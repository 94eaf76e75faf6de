/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/hash.h"
#include "base/memory.h"
#include "detect/sigma_internal.h"

struct expr *
expr_test(struct parse *p, const struct test *t)
{
	struct expr *e = t ? ARENA_NEW(&p->r->arena, struct expr) : NULL;
	if (e)
		*e = (struct expr){.kind = EXPR_TEST, .leaves = 1, .test = t};
	return e;
}

struct expr *
expr_rule(struct parse *p, uint32_t place)
{
	struct expr *e = ARENA_NEW(&p->r->arena, struct expr);
	if (e)
		*e = (struct expr){.kind = EXPR_RULE, .leaves = 1, .place = place};
	return e;
}

struct expr *
expr_join(struct parse *p, enum expr_kind kind, struct expr *const *child, uint32_t count)
{
	uint64_t leaves = 0;
	for (uint32_t i = 0; i < count; i++)
		leaves += child[i]->leaves;
	if (leaves > RULE_MAX_LEAVES)
		return NULL;
	if (count == 1)
		return child[0];
	struct expr *e = ARENA_NEW(&p->r->arena, struct expr);
	struct expr **copy = e ? arena_alloc(&p->r->arena, count * sizeof *copy) : NULL;
	if (!copy)
		return NULL;
	if (count)
		memcpy(copy, child, count * sizeof *copy);
	*e = (struct expr){.kind = (uint8_t)kind, .count = count, .leaves = (uint32_t)leaves, .child = copy};
	if (!count)
		e->kind = kind == EXPR_AND ? EXPR_TRUE : EXPR_FALSE;
	return e;
}

struct expr *
expr_not(struct parse *p, struct expr *child)
{
	struct expr *e = ARENA_NEW(&p->r->arena, struct expr);
	struct expr **copy = e ? arena_alloc(&p->r->arena, sizeof *copy) : NULL;
	if (!copy)
		return NULL;
	copy[0] = child;
	*e = (struct expr){.kind = EXPR_NOT, .count = 1, .leaves = child->leaves, .child = copy};
	return e;
}

static struct str
units_bytes(struct units u)
{
	return str_from((const char *)u.p, u.n * sizeof *u.p);
}

static uint64_t
test_hash(const struct test *t)
{
	uint64_t h = hash64(t->literal, 1);
	h = hash64_mix(h, hash64(units_bytes(t->glob), 2));
	h = hash64_mix(h, (uint64_t)t->op << 56 | (uint64_t)t->cased << 48 | (uint64_t)t->regex_flags << 40 | t->name);
	return hash64_mix(h, (uint64_t)t->other << 32 | (uint64_t)t->compare << 16 | t->part << 8 | t->like);
}

static bool
same_test(const struct test *a, const struct test *b)
{
	return a->op == b->op && a->cased == b->cased && a->compare == b->compare && a->part == b->part &&
	    a->like == b->like && a->regex_flags == b->regex_flags && a->name == b->name && a->other == b->other &&
	    a->number == b->number && str_eq(a->literal, b->literal) && str_eq(units_bytes(a->glob), units_bytes(b->glob));
}

static void
grow_slots(struct rules *r)
{
	uint32_t mask = r->test_mask ? r->test_mask * 2 + 1 : 1023;
	mem_free(r->test_slot);
	r->test_slot = mem_calloc((size_t)mask + 1, sizeof *r->test_slot);
	r->test_mask = mask;
	for (uint32_t i = 0; i < r->tests; i++) {
		uint32_t at = (uint32_t)test_hash(r->test[i]) & mask;
		while (r->test_slot[at])
			at = (at + 1) & mask;
		r->test_slot[at] = i + 1;
	}
}

static bool
copy_test(struct rules *r, const struct test *t, struct test *ret)
{
	*ret = *t;
	if (t->glob.n) {
		uint16_t *glob = arena_alloc(&r->arena, t->glob.n * sizeof *glob);
		if (!glob)
			return false;
		memcpy(glob, t->glob.p, t->glob.n * sizeof *glob);
		ret->glob.p = glob;
	}
	return arena_copy(&r->arena, t->literal, &ret->literal) &&
	    (!t->needle.n || arena_copy(&r->arena, t->needle, &ret->needle));
}

static uint32_t *
slot_of(struct rules *r, const struct test *t)
{
	if (r->tests * 2 >= r->test_mask)
		grow_slots(r);
	uint32_t at = (uint32_t)test_hash(t) & r->test_mask;
	while (r->test_slot[at] && !same_test(r->test[r->test_slot[at] - 1], t))
		at = (at + 1) & r->test_mask;
	return &r->test_slot[at];
}

const struct test *
rules_find_test(struct rules *r, const struct test *t)
{
	uint32_t slot = *slot_of(r, t);
	return slot ? r->test[slot - 1] : NULL;
}

const struct test *
rules_intern_test(struct rules *r, const struct test *t)
{
	uint32_t *slot = slot_of(r, t);
	if (*slot)
		return r->test[*slot - 1];
	struct test *copy = ARENA_NEW(&r->arena, struct test);
	if (!copy || !copy_test(r, t, copy))
		return NULL;
	MEM_GROW(r->test, r->tests, r->test_cap);
	copy->id = r->tests;
	r->test[r->tests++] = copy;
	*slot = r->tests;
	return copy;
}
