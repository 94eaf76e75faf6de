/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * content/rules/map.yaml: where the log sources that rules speak of come from. A list of rows under `sources`, each with
 * what it provides (product, category, service), `when` an event belongs to it, and `rename`: the native names behind
 * those that rules use. Several rows for one log source are alternatives.
 */
#include <assert.h>

#include "base/memory.h"
#include "detect/sigma_internal.h"

/* ---- reading ---- */

static int
keep_folded(struct parse *p, const struct yaml *node, struct str *ret)
{
	char *out = arena_alloc(&p->r->arena, FOLD_ROOM(node->text.n));
	if (!out)
		return yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	*ret = str_from(out, fold_text(node->text, out));
	return 0;
}

/* One scalar or a list of them, case folded. */
static int
read_words(struct parse *p, const struct yaml *node, const struct str **ret, uint32_t *ret_count)
{
	uint32_t n = 0, count = node->kind == YAML_LIST ? node->count : 1;
	if (node->kind == YAML_MAP || !count)
		return yaml_fault(node, &p->fault, E_INVALID, "rule_list", node->key);
	struct str *list = arena_calloc(&p->r->arena, count, sizeof *list);
	if (!list)
		return yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	if (node->kind == YAML_SCALAR)
		TRY(keep_folded(p, node, &list[n++]));
	YAML_EACH(child, node) {
		if (child->kind != YAML_SCALAR)
			return yaml_fault(child, &p->fault, E_INVALID, "rule_list", node->key);
		TRY(keep_folded(p, child, &list[n++]));
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

static int
read_when(struct parse *p, const struct yaml *when, struct map_row *row)
{
	struct field_condition *condition = arena_calloc(&p->r->arena, when->count, sizeof *condition);
	if (!condition)
		return yaml_fault(when, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	YAML_EACH(child, when) {
		if (str_eq(child->key, STR("channel"))) {
			TRY(read_words(p, child, &row->channel, &row->channels));
		} else if (str_eq(child->key, STR("EventID"))) {
			TRY(read_words(p, child, &row->code, &row->codes));
		} else if (str_eq(child->key, STR("product"))) {
			TRY(read_words(p, child, &row->event_product, &row->event_products));
		} else if (str_eq(child->key, STR("service"))) {
			TRY(read_words(p, child, &row->event_service, &row->event_services));
		} else if (str_eq(child->key, STR("category"))) {
			TRY(read_words(p, child, &row->event_category, &row->event_categories));
		} else {
			struct field_condition *c = &condition[row->conditions++];
			c->name = names_intern(p->r->names, child->key);
			TRY(read_words(p, child, &c->value, &c->count));
		}
	}
	row->condition = condition;
	return 0;
}

static int
read_rename(struct parse *p, const struct yaml *rename, struct map_row *row)
{
	struct rename *list = arena_calloc(&p->r->arena, rename->count, sizeof *list);
	if (!list)
		return yaml_fault(rename, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	YAML_EACH(child, rename) {
		struct rename *one = &list[row->renames++];
		one->from = names_intern(p->r->names, child->key);
		if (child->kind == YAML_MAP || (child->kind == YAML_LIST && (!child->count || child->count > SLOT_MAX_NAMES)))
			return yaml_fault(child, &p->fault, E_INVALID, "rule_list", child->key);
		if (child->kind == YAML_SCALAR)
			one->to[one->count++] = names_intern(p->r->names, child->text);
		YAML_EACH(name, child)
			one->to[one->count++] = names_intern(p->r->names, name->text);
	}
	row->rename = list;
	return 0;
}

static int
read_name(struct parse *p, const struct yaml *map, struct str key, struct str *ret)
{
	const struct yaml *node = yaml_get(map, key);
	if (!node)
		return 0;
	if (node->kind != YAML_SCALAR)
		return yaml_fault(node, &p->fault, E_INVALID, "rule_text", key);
	return keep_folded(p, node, ret);
}

/* Rows that may provide the same log source to some rule: see row_provides(). */
static uint32_t
rows_beside(const struct rules *r, const struct map_row *row)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->rows; i++)
		n += str_eq(r->row[i].category, row->category) && (row->category.n || str_eq(r->row[i].service, row->service));
	return n;
}

static int
read_row(struct parse *p, const struct yaml *node)
{
	struct rules *r = p->r;
	struct map_row row = {0};
	const struct yaml *when = yaml_get(node, STR("when")), *rename = yaml_get(node, STR("rename"));
	if (node->kind != YAML_MAP || !when || when->kind != YAML_MAP || !when->count)
		return yaml_fault(when ? when : node, &p->fault, E_INVALID, "rule_section", STR("when"));
	TRY(read_name(p, node, STR("product"), &row.product));
	TRY(read_name(p, node, STR("category"), &row.category));
	TRY(read_name(p, node, STR("service"), &row.service));
	TRY(read_when(p, when, &row));
	if (rename && rename->kind != YAML_MAP)
		return yaml_fault(rename, &p->fault, E_INVALID, "rule_section", STR("rename"));
	if (rename)
		TRY(read_rename(p, rename, &row));
	if (r->rows == MAP_MAX_ROWS || rows_beside(r, &row) == SOURCE_MAX_ROWS)
		return yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	MEM_GROW(r->row, r->rows, r->row_cap);
	r->row[r->rows++] = row;
	return 0;
}

static int
read_map(struct parse *p, const struct yaml *document)
{
	const struct yaml *sources = yaml_get(document, STR("sources"));
	if (!sources || sources->kind != YAML_LIST)
		return yaml_fault(document, &p->fault, E_INVALID, "rule_section", STR("sources"));
	YAML_EACH(node, sources)
		TRY(read_row(p, node));
	return 0;
}

int
rules_add_map(struct rules *r, struct str text, struct str file, struct fault *f)
{
	struct parse p = {.r = r};
	struct arena tree;
	struct yaml **document;
	uint32_t documents = 0;
	assert(!r->finished && !r->count);
	arena_init(&tree, 16 << 10, 64 << 20);
	int error = yaml_parse(text, &tree, &document, &documents, &p.fault);
	for (uint32_t i = 0; i < documents && !error; i++)
		error = read_map(&p, document[i]);
	arena_release(&tree);
	if (error && f) {
		*f = p.fault;
		fault_in_file(f, file);
	}
	return error;
}

/* ---- asking ---- */

/* A rule that names a category is served by rows of that category, one that names only a service by rows of the service,
 * and one that names only a product by the rows that do just that. */
static bool
row_provides(const struct map_row *row, const struct rule *rule)
{
	if (!str_eq_nocase(row->category, rule->category))
		return false;
	if (rule->product.n && !str_eq_nocase(row->product, rule->product))
		return false;
	return rule->service.n ? str_eq_nocase(row->service, rule->service) : rule->category.n || !row->service.n;
}

static bool
is_one_of(struct str word, const struct str *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(word, list[i]))
			return true;
	return count == 0;
}

bool
row_takes(const struct map_row *row, const struct event_key *key)
{
	/* A category that the event itself names decides. */
	if (key->category.n && row->category.n && !str_eq(key->category, row->category))
		return false;
	return is_one_of(key->channel, row->channel, row->channels) && is_one_of(key->code, row->code, row->codes) &&
	    is_one_of(key->product, row->event_product, row->event_products) &&
	    is_one_of(key->service, row->event_service, row->event_services) &&
	    is_one_of(key->category, row->event_category, row->event_categories);
}

/* Does the event itself say that it is of the rule's log source? */
static bool
key_is_of(const struct event_key *key, const struct rule *rule)
{
	if (rule->product.n && !str_eq_nocase(rule->product, key->product) && (key->product.n || !rule->category.n))
		return false;
	if (rule->category.n && !str_eq_nocase(rule->category, key->category))
		return false;
	return !rule->service.n || str_eq_nocase(rule->service, key->service);
}

uint32_t
row_names(const struct map_row *row, uint32_t name, uint32_t ret[SLOT_MAX_NAMES])
{
	for (uint32_t i = 0; row && i < row->renames; i++) {
		if (row->rename[i].from != name)
			continue;
		memcpy(ret, row->rename[i].to, sizeof row->rename[i].to);
		return row->rename[i].count;
	}
	ret[0] = name;
	return 1;
}

/* ---- once all is loaded ---- */

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool
asks_for(const struct rule_group *g, struct str word)
{
	return g->words && bsearch(&word, g->word, g->words, sizeof *g->word, by_text);
}

static void
note_words(struct rules *r, struct rule_group *g, const struct expr *e)
{
	for (uint32_t i = 0; e->kind >= EXPR_NOT && i < e->count; i++)
		note_words(r, g, e->child[i]);
	if (e->kind != EXPR_TEST || e->test->op != TEST_EQ)
		return;
	struct str name = names_text(r->names, e->test->name);
	if (!str_eq(name, STR("EventID")) && !str_eq(name, STR("Channel")))
		return;
	MEM_GROW(g->word, g->words, g->word_cap);
	g->word[g->words++] = e->test->literal;
}

static bool
same_source(const struct rule *a, const struct rule *b)
{
	return str_eq_nocase(a->product, b->product) && str_eq_nocase(a->category, b->category) &&
	    str_eq_nocase(a->service, b->service);
}

static struct rule_group *
group_of(struct rules *r, const struct rule *rule)
{
	for (uint32_t i = 0; i < r->groups; i++)
		if (same_source(r->group[i].like, rule))
			return &r->group[i];
	MEM_GROW(r->group, r->groups, r->group_cap);
	struct rule_group *g = &r->group[r->groups++];
	*g = (struct rule_group){.like = rule};
	for (uint32_t i = 0; i < r->rows; i++) {
		if (!row_provides(&r->row[i], rule))
			continue;
		MEM_GROW(g->row, g->rows, g->row_cap);
		g->row[g->rows++] = i;
	}
	return g;
}

void
rules_group(struct rules *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		struct rule *rule = r->rule[i];
		rule->applicable = !rule->expr;
		if (!rule->expr)
			continue;
		struct rule_group *g = group_of(r, rule);
		rule->group = (uint32_t)(g - r->group);
		rule->applicable = g->rows > 0;
		if (rule->info.off)
			continue;
		MEM_GROW(g->rule, g->rules, g->rule_cap);
		g->rule[g->rules++] = i;
		note_words(r, g, rule->expr);
	}
	for (uint32_t i = 0; i < r->groups; i++)
		if (r->group[i].words)
			qsort(r->group[i].word, r->group[i].words, sizeof *r->group[i].word, by_text);
}

void
rules_choose(const struct rules *r, const struct event_key *key, struct buf *ret, struct str *ret_code,
    struct str *ret_channel)
{
	*ret_code = key->code.n ? STR("?") : key->code;
	*ret_channel = key->channel.n ? STR("?") : key->channel;
	for (uint32_t i = 0; i < r->groups; i++) {
		const struct rule_group *g = &r->group[i];
		struct choice c;
		memset(&c, 0, sizeof c);
		if (!g->rules)
			continue; /* all off */
		c.group = i;
		c.literal = key_is_of(key, g->like);
		assert(g->rows <= COUNT(c.row));
		for (uint32_t k = 0; k < g->rows; k++)
			if (row_takes(&r->row[g->row[k]], key))
				c.row[c.rows++] = (uint16_t)g->row[k];
		if (!c.literal && !c.rows)
			continue;
		buf_add(ret, str_from((const char *)&c, sizeof c));
		*ret_code = asks_for(g, key->code) ? key->code : *ret_code;
		*ret_channel = asks_for(g, key->channel) ? key->channel : *ret_channel;
	}
}
