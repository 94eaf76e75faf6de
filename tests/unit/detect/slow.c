/* SPDX-License-Identifier: EUPL-1.2 */
#include "slow.h"

#include "base/hash.h"
#include "base/memory.h"

#define REMEMBERED 4096u

/* A value and its folded form: thousands of rules ask about the same few. */
struct folding {
	struct str value, folded;
};

struct slow {
	const struct rules *r;
	hs_scratch_t *scratch;
	struct folding memory[REMEMBERED];
	uint32_t **row; /* of each rule: the rows of the map that provide its log source, ended by UINT32_MAX */
	uint32_t *view; /* room for the views of one rule */
};

/* One rule over one event under the names of one row. */
struct view {
	struct slow *slow;
	struct event *event;
	const struct map_row *row;
};

static bool
row_provides(const struct map_row *row, const struct rule *rule)
{
	return str_eq_nocase(row->category, rule->category) &&
	    (!rule->product.n || str_eq_nocase(row->product, rule->product)) &&
	    (rule->service.n ? str_eq_nocase(row->service, rule->service) : rule->category.n || !row->service.n);
}

static uint32_t *
rows_of(const struct rules *r, const struct rule *rule)
{
	uint32_t *list = mem_alloc((r->rows + 1) * sizeof *list), n = 0;
	for (uint32_t i = 0; i < r->rows; i++)
		if (row_provides(&r->row[i], rule))
			list[n++] = i;
	list[n] = UINT32_MAX;
	return list;
}

struct slow *
slow_new(const struct rules *r)
{
	struct slow *s = MEM_NEW(struct slow);
	s->r = r;
	s->row = mem_calloc(r->count + 1, sizeof *s->row);
	s->view = mem_calloc(r->rows + 1, sizeof *s->view);
	for (uint32_t i = 0; i < r->count; i++)
		s->row[i] = rows_of(r, r->rule[i]);
	sigma_compile_regexes(r);
	for (uint32_t i = 0; i < r->tests; i++)
		if (r->test[i]->regex && hs_alloc_scratch(r->test[i]->regex, &s->scratch) != HS_SUCCESS)
			abort();
	return s;
}

void
slow_free(struct slow *s)
{
	hs_free_scratch(s->scratch);
	for (size_t i = 0; i < REMEMBERED; i++)
		mem_free((void *)(uintptr_t)s->memory[i].value.p);
	for (uint32_t i = 0; i < s->r->count; i++)
		mem_free(s->row[i]);
	mem_free(s->row);
	mem_free(s->view);
	mem_free(s);
}

/* Valid until the next call. */
static struct str
folded(struct slow *s, struct str value)
{
	struct folding *m = &s->memory[hash64(value, 1) % REMEMBERED];
	if (m->value.p && str_eq(m->value, value))
		return m->folded;
	mem_free((void *)(uintptr_t)m->value.p);
	char *copy = mem_alloc(value.n + FOLD_ROOM(value.n));
	if (value.n)
		memcpy(copy, value.p, value.n);
	m->value = str_from(copy, value.n);
	m->folded = str_from(copy + value.n, fold_text(value, copy + value.n));
	return m->folded;
}

static bool
glob_from(const uint16_t *g, uint32_t gn, const char *s, size_t n)
{
	for (; gn; g++, gn--) {
		if (*g == UNIT_STAR) {
			for (size_t skip = 0; skip <= n; skip++)
				if (glob_from(g + 1, gn - 1, s + skip, n - skip))
					return true;
			return false;
		}
		if (!n || (*g != UNIT_ONE && *g != (unsigned char)*s))
			return false;
		do {
			s++;
			n--;
		} while (*g == UNIT_ONE && n && ((unsigned char)*s & 0xc0) == 0x80);
	}
	return !n;
}

static bool
text_fits(enum test_op op, struct str value, struct str literal)
{
	size_t front = op == TEST_SUFFIX && value.n > literal.n ? value.n - literal.n : 0;
	if (!literal.n)
		return op != TEST_EQ || !value.n;
	if (value.n < literal.n || (op == TEST_EQ && value.n != literal.n))
		return false;
	if (op == TEST_CONTAINS)
		return memmem(value.p, value.n, literal.p, literal.n);
	return memcmp(value.p + front, literal.p, literal.n) == 0;
}

static bool
value_fits(struct view *v, const struct test *t, struct str value)
{
	struct str low = folded(v->slow, value), text = t->cased ? value : low;
	if (t->op == TEST_GLOB)
		return glob_from(t->glob.p, t->glob.n, text.p, text.n);
	return t->op >= TEST_EQ && t->op <= TEST_CONTAINS ? text_fits(t->op, text, t->literal)
	                                                  : test_value(t, value, low, v->slow->scratch);
}

static bool
fieldref_fits(struct view *v, const struct test *t, struct str value)
{
	uint32_t name[SLOT_MAX_NAMES], names = row_names(v->row, t->other, name);
	for (uint32_t i = 0; i < v->event->field_count; i++) {
		struct field *f = &v->event->field[i];
		for (uint32_t k = 0; k < names; k++) {
			if (f->id != name[k] || f->kind == FIELD_NULL)
				continue;
			struct str other = event_value(v->event, f);
			char *a = mem_alloc(FOLD_ROOM(value.n)), *b = mem_alloc(FOLD_ROOM(other.n));
			struct str x = t->cased ? value : str_from(a, fold_text(value, a));
			struct str y = t->cased ? other : str_from(b, fold_text(other, b));
			bool fits = text_fits(t->like, x, y);
			mem_free(a);
			mem_free(b);
			if (fits)
				return true;
		}
	}
	return false;
}

static bool
keyword_holds(struct view *v, const struct test *t)
{
	struct event *e = v->event;
	bool json = e->decoder == DECODER_WINDOWS_JSON || e->decoder == DECODER_EVE || e->decoder == DECODER_ZEEK ||
	    e->decoder == DECODER_JSON;
	if (e->text.p && !json)
		return value_fits(v, t, e->text);
	for (uint32_t i = 0; i < e->field_count; i++)
		if (!e->field[i].core && e->field[i].kind != FIELD_NULL && value_fits(v, t, event_value(e, &e->field[i])))
			return true;
	return false;
}

static bool
test_holds(struct view *v, const struct test *t)
{
	uint32_t name[SLOT_MAX_NAMES];
	bool there = false, value = false;
	if (t->name == NAME_UNKNOWN)
		return keyword_holds(v, t);
	uint32_t names = row_names(v->row, t->name, name);
	for (uint32_t i = 0; i < v->event->field_count; i++) {
		struct field *f = &v->event->field[i];
		for (uint32_t k = 0; k < names; k++) {
			if (f->id != name[k])
				continue;
			there = true;
			if (f->kind == FIELD_NULL)
				continue;
			value = true;
			struct str text = event_value(v->event, f);
			if (t->op == TEST_FIELDREF ? fieldref_fits(v, t, text) : t->op < TEST_FIELDREF && value_fits(v, t, text))
				return true;
		}
	}
	return (t->op == TEST_NULL && !value) || (t->op == TEST_EXISTS && there);
}

static bool
expr_holds(struct view *v, const struct expr *e)
{
	if (e->kind == EXPR_TEST)
		return test_holds(v, e->test);
	if (e->kind == EXPR_NOT)
		return !expr_holds(v, e->child[0]);
	for (uint32_t i = 0; i < e->count; i++)
		if (expr_holds(v, e->child[i]) == (e->kind == EXPR_OR))
			return e->kind == EXPR_OR;
	return e->kind == EXPR_AND || e->kind == EXPR_TRUE;
}

static bool
is_among(struct str word, const struct str *list, uint32_t count)
{
	char low[512];
	if (word.n > 256 || !count)
		return count == 0;
	word = str_from(low, fold_text(word, low));
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(word, list[i]))
			return true;
	return count == 0;
}

/* `v` shows the event as it is. */
static bool
row_fits(struct view *v, const struct map_row *row)
{
	const struct event *e = v->event;
	if (e->category.n && row->category.n && !str_eq_nocase(e->category, row->category))
		return false;
	if (!is_among(e->channel, row->channel, row->channels) || !is_among(e->code, row->code, row->codes) ||
	    !is_among(e->product, row->event_product, row->event_products) ||
	    !is_among(e->service, row->event_service, row->event_services) ||
	    !is_among(e->category, row->event_category, row->event_categories))
		return false;
	for (uint32_t i = 0; i < row->conditions; i++) {
		const struct field_condition *c = &row->condition[i];
		bool any = false;
		for (uint32_t k = 0; k < c->count; k++) {
			struct test t = {.op = TEST_EQ, .name = c->name, .literal = c->value[k]};
			any |= test_holds(v, &t);
		}
		if (!any)
			return false;
	}
	return true;
}

static bool
names_itself(const struct event *e, const struct rule *rule)
{
	if (rule->product.n && !str_eq_nocase(rule->product, e->product) && (e->product.n || !rule->category.n))
		return false;
	return (!rule->category.n || str_eq_nocase(rule->category, e->category)) &&
	    (!rule->service.n || str_eq_nocase(rule->service, e->service));
}

uint32_t
slow_views(struct slow *s, uint32_t number, struct event *e, uint32_t *ret)
{
	struct view v = {s, e, NULL};
	uint32_t n = 0;
	if (!s->r->rule[number]->expr)
		return 0;
	if (names_itself(e, s->r->rule[number]))
		ret[n++] = SLOW_AS_IT_IS;
	for (const uint32_t *i = s->row[number]; *i != UINT32_MAX; i++)
		if (row_fits(&v, &s->r->row[*i]))
			ret[n++] = *i;
	return n;
}

bool
slow_holds(struct slow *s, uint32_t number, struct event *e, const uint32_t *view, uint32_t views)
{
	for (uint32_t i = 0; i < views; i++) {
		struct view v = {s, e, view[i] == SLOW_AS_IT_IS ? NULL : &s->r->row[view[i]]};
		if (expr_holds(&v, s->r->rule[number]->expr))
			return true;
	}
	return false;
}

bool
slow_match(struct slow *s, uint32_t number, struct event *e)
{
	return slow_holds(s, number, e, s->view, slow_views(s, number, e, s->view));
}
