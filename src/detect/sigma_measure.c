/* SPDX-License-Identifier: EUPL-1.2 */
/* What rules cost. */
#include "base/memory.h"
#include "detect/sigma_matcher.h"

/* Folded once for all tests that ask the same value one after the other. */
static struct str
fold_again(struct matcher *m, struct str value)
{
	if (m->last.p != value.p || m->last.n != value.n) {
		m->last_folded = matcher_fold(value, &m->folded);
		m->last = value;
	}
	return m->last_folded;
}

static bool
value_holds_alone(struct matcher *m, struct atom *a, struct str value)
{
	if (m->looked_at > MEASURE_BYTES)
		return false;
	m->looked_at += value.n + 1;
	if (a->test->op == TEST_FIELDREF) {
		m->last = (struct str){0}; /* it folds as well */
		return matcher_fieldref_holds(m, a, value);
	}
	bool as_it_is = a->test->cased || a->test->op == TEST_REGEX;
	return test_value(a->test, value, as_it_is ? value : fold_again(m, value), m->scratch);
}

static bool
atom_holds_alone(struct matcher *m, const struct plan *p, struct atom *a)
{
	const struct slot *s = &p->slot[a->slot];
	bool there = false, value = false;
	if (a->test->op != TEST_NULL && a->test->op != TEST_EXISTS)
		return matcher_any_value_holds(m, p, a, value_holds_alone);
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = matcher_first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k]) {
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
	if (n->kind == NODE_ATOM)
		return matcher_ready(m, &p->atom[n->count]);
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
	struct plan *p = matcher_begin(m, e);
	if (!p)
		return;
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
