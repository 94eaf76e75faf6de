/* SPDX-License-Identifier: EUPL-1.2 */
/* Log sources as the map provides them: which an event belongs to, which serve a rule, and what a rule asks of them. */
#include <assert.h>

#include "base/memory.h"
#include "detect/sigma_internal.h"

#define CHAIN_MAX 16u

static bool
same_source(const struct map_row *a, const struct map_row *b)
{
	return str_eq(a->product, b->product) && str_eq(a->category, b->category) && str_eq(a->service, b->service);
}

/* Rows that provide the same source have the number of the first of them. */
void
rules_number_sources(struct rules *r)
{
	r->sources = 0;
	for (uint32_t i = 0; i < r->rows; i++) {
		uint32_t k = 0;
		while (k < i && !same_source(&r->row[k], &r->row[i]))
			k++;
		r->row[i].source = k < i ? r->row[k].source : r->sources++;
	}
}

uint32_t
rules_sources(const struct rules *r)
{
	return r->sources;
}

struct rule_source
rules_source_at(const struct rules *r, uint32_t source)
{
	uint32_t i = 0;
	assert(source < r->sources);
	while (r->row[i].source != source)
		i++;
	return (struct rule_source){r->row[i].product, r->row[i].category, r->row[i].service};
}

uint32_t
rules_event_sources(const struct rules *r, const struct event *e, uint32_t *ret, uint32_t max)
{
	const struct str from[] = {e->product, e->service, e->category, e->channel, e->code};
	struct event_key key = {0};
	struct str *to[] = {&key.product, &key.service, &key.category, &key.channel, &key.code};
	struct buf room = BUF_INIT_MAX(64 << 10);
	size_t need = 0;
	uint32_t n = 0;
	for (size_t i = 0; i < COUNT(from); i++)
		need += FOLD_ROOM(from[i].n);
	char *at = buf_room(&room, need);
	for (size_t i = 0; at && i < COUNT(from); i++) {
		*to[i] = str_from(at, fold_text(from[i], at));
		at += to[i]->n;
	}
	for (uint32_t i = 0; at && i < r->rows && n < max; i++) {
		bool known = !row_takes(&r->row[i], &key);
		for (uint32_t k = 0; k < n && !known; k++)
			known = ret[k] == r->row[i].source;
		if (!known)
			ret[n++] = r->row[i].source;
	}
	buf_release(&room);
	return n;
}

/* Does the log source give what is asked for? What is left empty is not asked. */
static bool
source_gives(struct rule_source is, struct rule_source asked)
{
	return (!asked.product.n || str_eq_nocase(is.product, asked.product)) &&
	    (!asked.category.n || str_eq_nocase(is.category, asked.category)) &&
	    (!asked.service.n || str_eq_nocase(is.service, asked.service));
}

static bool
engine_is_fed(const struct rules *r, const struct rule *rule, const bool *seen)
{
	for (uint32_t i = 0; i < r->sources; i++) {
		bool fed = seen[i] && !rule->need_count;
		for (uint32_t k = 0; seen[i] && k < rule->need_count && !fed; k++)
			fed = source_gives(rules_source_at(r, i), rule->needs[k]);
		if (fed)
			return true;
	}
	return false;
}

static bool
is_live(const struct rules *r, uint32_t index, const bool *seen, uint32_t depth)
{
	const struct rule *rule = r->rule[index];
	if (rule->info.off || depth > CHAIN_MAX)
		return false;
	for (uint32_t i = 0; rule->correlation && i < rule->correlation->rules; i++)
		if (is_live(r, rule->correlation->rule[i], seen, depth + 1))
			return true;
	if (!rule->expr && !rule->correlation)
		return engine_is_fed(r, rule, seen);
	const struct rule_group *g = rule->expr ? &r->group[rule->group] : NULL;
	for (uint32_t i = 0; g && i < g->rows; i++)
		if (seen[r->row[g->row[i]].source])
			return true;
	return false;
}

bool
rules_live(const struct rules *r, uint32_t index, const bool *seen)
{
	assert(index < r->count);
	return is_live(r, index, seen, 0);
}

/* Is a native name behind `name` among those seen, in any row that serves the rule? */
static bool
name_is_seen(const struct rules *r, const struct rule *rule, uint32_t name, rules_name_seen *seen, void *user)
{
	const struct rule_group *g = &r->group[rule->group];
	uint32_t native[SLOT_MAX_NAMES];
	bool found = seen(user, names_text(r->names, name));
	for (uint32_t i = 0; i < g->rows && !found; i++)
		for (uint32_t k = row_names(&r->row[g->row[i]], name, native); k-- > 0 && !found;)
			found = seen(user, names_text(r->names, native[k]));
	return found;
}

struct unseen {
	const struct rules *r;
	const struct rule *rule;
	rules_name_seen *seen;
	void *user;
	uint32_t asked[64]; /* names looked at already; a rule with more is looked at as far */
	uint32_t count;
	struct str *ret;
	uint32_t found, max;
};

/* What must not be there needs no source that tells it. */
static void
find_unseen(struct unseen *u, const struct expr *e)
{
	if (e->kind == EXPR_AND || e->kind == EXPR_OR)
		for (uint32_t i = 0; i < e->count && u->count < COUNT(u->asked); i++)
			find_unseen(u, e->child[i]);
	if (e->kind != EXPR_TEST || e->test->name == NAME_UNKNOWN || e->test->op == TEST_NULL || u->count == COUNT(u->asked))
		return;
	for (uint32_t i = 0; i < u->count; i++)
		if (u->asked[i] == e->test->name)
			return;
	u->asked[u->count++] = e->test->name;
	if (u->found < u->max && !name_is_seen(u->r, u->rule, e->test->name, u->seen, u->user))
		u->ret[u->found++] = names_text(u->r->names, e->test->name);
}

uint32_t
rules_unseen_fields(const struct rules *r, uint32_t index, rules_name_seen *seen, void *user, struct str *ret,
    uint32_t max)
{
	assert(index < r->count);
	struct unseen u = {.r = r, .rule = r->rule[index], .seen = seen, .user = user, .ret = ret, .max = max};
	if (u.rule->expr)
		find_unseen(&u, u.rule->expr);
	return u.found;
}
