/* SPDX-License-Identifier: EUPL-1.2 */
/* Which rules of a plan match, and why. */
#include <stdlib.h>

#include "base/memory.h"
#include "detect/sigma_matcher.h"

#define MAX_EVIDENCE 12u
#define EVIDENCE_BYTES 1024u
#define SORT_SHORT 32u

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

void
matcher_sort(uint32_t *list, uint32_t count)
{
	if (count > SORT_SHORT) {
		qsort(list, count, sizeof *list, by_number);
		return;
	}
	for (uint32_t i = 1; i < count; i++) {
		uint32_t one = list[i], k = i;
		for (; k > 0 && list[k - 1] > one; k--)
			list[k] = list[k - 1];
		list[k] = one;
	}
}

/* ---- atoms ---- */

bool
matcher_fieldref_holds(struct matcher *m, const struct atom *a, struct str value)
{
	bool holds = false;
	struct str mine = a->test->cased ? value : matcher_fold(value, &m->referred);
	for (uint32_t i = 0; i < a->others && !holds; i++)
		for (uint32_t k = matcher_first_field(m, a->other[i]); k != NO_FIELD && !holds; k = m->next_field[k]) {
			struct field *f = &m->event->field[k];
			struct str other = event_value(m->event, f);
			other = a->test->cased ? other : matcher_fold(other, &m->folded);
			holds = f->kind != FIELD_NULL && test_like(a->test->like, mine, other);
		}
	return holds;
}

/* Is it true of any value of the atom's slot? */
bool
matcher_any_value_holds(struct matcher *m, const struct plan *p, struct atom *a, matcher_value_holds *holds)
{
	const struct slot *s = &p->slot[a->slot];
	struct event *e = m->event;
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = matcher_first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k])
			if (e->field[k].kind != FIELD_NULL && holds(m, a, event_value(e, &e->field[k])))
				return true;
	if (s->names)
		return false;
	if (e->text.p && !matcher_text_is_json(e))
		return holds(m, a, e->text);
	for (uint32_t i = 0; i < e->field_count; i++)
		if (!e->field[i].core && e->field[i].kind != FIELD_NULL &&
		    holds(m, a, event_value(e, &e->field[i])))
			return true;
	return false;
}

static bool
deferred_value_holds(struct matcher *m, struct atom *a, struct str value)
{
	return matcher_fieldref_holds(m, a, value); /* nothing else is about more than a value */
}

bool
matcher_deferred_holds(struct matcher *m, const struct plan *p, uint32_t atom)
{
	return matcher_any_value_holds(m, p, &p->atom[atom], deferred_value_holds);
}

static bool
atom_holds(struct matcher *m, const struct plan *p, uint32_t atom)
{
	enum truth truth = matcher_truth(m, p, atom);
	if (truth != TRUTH_OPEN)
		return truth == TRUTH_YES;
	if (p->atom[atom].deferred)
		matcher_know(m, atom, matcher_deferred_holds(m, p, atom) ? TRUTH_YES : TRUTH_NO);
	else
		matcher_ask_lazy(m, p, atom);
	return matcher_truth(m, p, atom) == TRUTH_YES;
}

/* ---- rules ---- */

/* What can be told without asking. */
static enum truth
node_truth(const struct matcher *m, const struct plan *p, const struct node *n)
{
	enum truth decides = n->kind == NODE_OR ? TRUTH_YES : TRUTH_NO, truth, sum;
	switch (n->kind) {
	case NODE_ATOM:
		return matcher_truth(m, p, n->count);
	case NODE_NOT:
		truth = node_truth(m, p, n->child);
		return truth == TRUTH_OPEN ? TRUTH_OPEN : truth == TRUTH_NO ? TRUTH_YES : TRUTH_NO;
	case NODE_AND:
	case NODE_OR:
		sum = decides == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
		for (uint32_t i = 0; i < n->count; i++) {
			truth = node_truth(m, p, &n->child[i]);
			if (truth == decides)
				return truth;
			sum = truth == TRUTH_OPEN ? truth : sum;
		}
		return sum;
	default:
		return n->kind == NODE_TRUE ? TRUTH_YES : TRUTH_NO;
	}
}

static bool open_node_holds(struct matcher *m, const struct plan *p, const struct node *n);

/* What is known decides before anything is asked. */
static bool
node_holds(struct matcher *m, const struct plan *p, const struct node *n)
{
	if (n->kind == NODE_ATOM)
		return atom_holds(m, p, n->count);
	enum truth truth = node_truth(m, p, n);
	return truth == TRUTH_OPEN ? open_node_holds(m, p, n) : truth == TRUTH_YES;
}

static bool
open_node_holds(struct matcher *m, const struct plan *p, const struct node *n)
{
	bool decides = n->kind == NODE_OR;
	if (n->kind == NODE_ATOM)
		return atom_holds(m, p, n->count);
	if (n->kind == NODE_NOT)
		return !open_node_holds(m, p, n->child);
	for (uint32_t i = 0; i < n->count; i++)
		if (node_holds(m, p, &n->child[i]) == decides)
			return decides;
	return !decides;
}

static void
mark_classes(struct matcher *m, const struct plan *p)
{
	for (uint32_t i = 0; i <= p->slots; i++) {
		const struct class *class = m->class[i];
		for (uint32_t k = 0; k < class->atoms; k++) {
			bool open = class->lazy && p->atom[class->atom[k]].verify;
			matcher_know(m, class->atom[k], open ? TRUTH_OPEN : TRUTH_YES);
		}
	}
}

static void
try_rules(struct matcher *m, const struct plan *p, const uint32_t *rule, uint32_t rules)
{
	for (uint32_t i = 0; i < rules; i++) {
		if (m->rule_stamp[rule[i]] == m->now)
			continue;
		m->rule_stamp[rule[i]] = m->now;
		enum truth truth = node_truth(m, p, &p->rule[rule[i]].root);
		if (truth == TRUTH_YES)
			m->holds[m->hold++] = rule[i];
		else if (truth == TRUTH_OPEN)
			m->open[m->opens++] = rule[i];
	}
}

/* What the classes alone say about the rules that they call. */
static void
try_classes(struct matcher *m, const struct plan *p)
{
	m->hold = m->opens = 0;
	try_rules(m, p, p->always, p->always_count);
	for (uint32_t i = 0; i < p->slots; i++) {
		const struct slot *s = &p->slot[i];
		try_rules(m, p, m->class[i]->rule, m->class[i]->rules);
		for (uint32_t k = 0; m->class[i]->lazy && k < s->silents; k++)
			try_rules(m, p, p->atom[s->silent[k]].rule, p->atom[s->silent[k]].rules);
	}
	matcher_sort(m->holds, m->hold);
	matcher_sort(m->open, m->opens);
}

uint32_t
matcher_verdict(struct matcher *m, const struct plan *p)
{
	uint64_t hash = 0;
	const struct verdict_entry *known = m->classes_whole ? cache_find_verdict(p->cache, m->class_id, &hash) : NULL;
	if (known && !known->holds && !known->opens)
		return 0;
	mark_classes(m, p);
	if (known) {
		m->hold = known->holds;
		m->opens = known->opens;
		memcpy(m->holds, known->rule, m->hold * sizeof *m->holds);
		memcpy(m->open, known->rule + m->hold, m->opens * sizeof *m->open);
	} else {
		try_classes(m, p);
		if (m->classes_whole)
			cache_put_verdict(p->cache, m->class_id, hash, m->holds, m->hold, m->open, m->opens);
	}
	uint32_t before = m->hold;
	for (uint32_t i = 0; i < m->opens; i++)
		if (open_node_holds(m, p, &p->rule[m->open[i]].root))
			m->holds[m->hold++] = m->open[i];
	if (m->hold > before)
		matcher_sort(m->holds, m->hold);
	return m->hold;
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

static bool
evidence_holds(struct matcher *m, struct atom *a, struct str value)
{
	if (a->test->op == TEST_EXISTS || a->test->op == TEST_FIELDREF)
		return a->test->op == TEST_EXISTS || matcher_fieldref_holds(m, a, value);
	return matcher_value_passes(m, a, value, matcher_fold(value, &m->folded));
}

/* The value that made the atom true, which it is: the first of the slot that passes the test alone. */
static bool
evidence_of(struct matcher *m, const struct plan *p, uint32_t atom, struct finding_field *ret)
{
	struct atom *a = &p->atom[atom];
	const struct slot *s = &p->slot[a->slot];
	ret->name = names_text(m->r->names, a->test->name);
	if (!s->names) {
		ret->value = cut_text(a->test->literal.n ? a->test->literal : a->test->needle);
		return true;
	}
	uint32_t first = matcher_first_field(m, s->name[0]);
	bool the_only_one = s->names == 1 && first != NO_FIELD && m->next_field[first] == NO_FIELD;
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = matcher_first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k]) {
			struct str value = event_value(m->event, &m->event->field[k]);
			if (m->event->field[k].kind == FIELD_NULL)
				continue;
			if (the_only_one || evidence_holds(m, a, value)) {
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

uint32_t
matcher_findings(struct matcher *m, const struct plan *p, struct arena *arena, struct finding **ret)
{
	struct finding *list = arena_calloc(arena, m->hold, sizeof *list);
	if (!list)
		return 0;
	for (uint32_t i = 0; i < m->hold; i++) {
		struct finding_field evidence[MAX_EVIDENCE];
		uint32_t n = 0;
		const struct plan_rule *pr = &p->rule[m->holds[i]];
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
	return m->hold;
}
