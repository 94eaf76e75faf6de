/* SPDX-License-Identifier: EUPL-1.2 */
/* The rule set as a whole: loading, finding, joining filters and correlations to the rules they name. */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/sigma_internal.h"

#define RULES_MAX_BYTES ((size_t)512 << 20)
#define YAML_SCRATCH ((size_t)128 << 20)
#define CHAIN_MAX 16u /* correlations on correlations */

static const struct str level_names[LEVEL_COUNT] = {STR_INIT("informational"), STR_INIT("low"), STR_INIT("medium"),
	STR_INIT("high"), STR_INIT("critical")};

const char *
level_name(enum level level)
{
	return level_names[level < LEVEL_COUNT ? level : LEVEL_INFORMATIONAL].p;
}

bool
level_from_name(struct str name, enum level *ret)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++)
		if (str_eq_nocase(name, level_names[i])) {
			*ret = (enum level)i;
			return true;
		}
	return false;
}

struct rules *
rules_new(void)
{
	struct rules *r = MEM_NEW(struct rules);
	arena_init(&r->arena, 64 << 10, RULES_MAX_BYTES);
	r->names = names_new();
	names_intern(r->names, STR("Hashes")); /* asked for by indicators too (detect/ioc_event.c) */
	r->by_name_mask = 255;
	r->by_name = mem_calloc(r->by_name_mask + 1, sizeof *r->by_name);
	return r;
}

void
rules_free(struct rules *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->tests; i++)
		if (r->test[i]->regex)
			hs_free_database(r->test[i]->regex);
	names_free(r->names);
	arena_release(&r->arena);
	mem_free(r->rule);
	mem_free(r->filter);
	mem_free(r->test);
	mem_free(r->test_slot);
	mem_free(r->by_name);
	mem_free(r->row);
	for (uint32_t i = 0; i < r->groups; i++) {
		mem_free(r->group[i].rule);
		mem_free(r->group[i].row);
		mem_free(r->group[i].word);
	}
	mem_free(r->group);
	mem_free(r);
}

/* ---- names and ids of rules ---- */

static bool
is_uuid(struct str s)
{
	return s.n == 36 && s.p[8] == '-' && s.p[13] == '-' && s.p[18] == '-' && s.p[23] == '-';
}

/* Capital letters make no other UUID. */
static bool
is_called(const struct rule *rule, struct str name)
{
	return str_eq(rule->info.id, name) || (rule->name.n && str_eq(rule->name, name)) ||
	    (is_uuid(name) && str_eq_nocase(rule->info.id, name));
}

static uint32_t
name_hash(struct str name)
{
	char low[36];
	if (!is_uuid(name))
		return (uint32_t)hash64(name, 3);
	for (size_t i = 0; i < name.n; i++)
		low[i] = ascii_lower(name.p[i]);
	return (uint32_t)hash64(str_from(low, name.n), 3);
}

struct rule *
rules_find_name(const struct rules *r, struct str name)
{
	uint32_t at = name_hash(name) & r->by_name_mask;
	for (; r->by_name[at]; at = (at + 1) & r->by_name_mask)
		if (is_called(r->by_name[at], name))
			return r->by_name[at];
	return NULL;
}

static void
put_name(struct rules *r, struct str name, struct rule *rule)
{
	uint32_t at = name_hash(name) & r->by_name_mask;
	while (r->by_name[at])
		at = (at + 1) & r->by_name_mask;
	r->by_name[at] = rule;
	r->by_name_count++;
}

static void
put_names(struct rules *r, struct rule *rule)
{
	put_name(r, rule->info.id, rule);
	if (rule->name.n && !str_eq(rule->name, rule->info.id))
		put_name(r, rule->name, rule);
}

static void
grow_names(struct rules *r)
{
	mem_free(r->by_name);
	r->by_name_mask = r->by_name_mask * 2 + 1;
	r->by_name = mem_calloc((size_t)r->by_name_mask + 1, sizeof *r->by_name);
	r->by_name_count = 0;
	for (uint32_t i = 0; i < r->count; i++)
		put_names(r, r->rule[i]);
}

/* Several rules of a file without ids, or with the one they share: the later ones are told apart by their line. */
static bool
name_by_line(struct rules *r, struct rule *rule)
{
	struct buf id = BUF_INIT;
	buf_add(&id, rule->info.id);
	buf_addf(&id, ":%u", rule->line);
	bool copied = arena_copy(&r->arena, buf_str(&id), &rule->info.id);
	buf_release(&id);
	return copied && !rules_find_name(r, rule->info.id);
}

int
rules_keep(struct rules *r, struct rule *rule, bool shared)
{
	bool by_line = shared || str_eq(rule->info.id, rule->info.file);
	assert(!r->finished);
	if (rules_find_name(r, rule->info.id) && (!by_line || !name_by_line(r, rule)))
		return E_EXISTS;
	if (shared && rules_find_name(r, rule->name))
		rule->name = (struct str){0};
	if (rule->name.n && rules_find_name(r, rule->name))
		return E_EXISTS;
	if ((r->by_name_count + 2) * 2 > r->by_name_mask)
		grow_names(r);
	rule->desk = r->from_desk;
	MEM_GROW(r->rule, r->count, r->cap);
	r->rule[r->count++] = rule;
	put_names(r, rule);
	return 0;
}

/* ---- loading ---- */

void
rules_add_placeholder(struct rules *r, struct str name, const struct str *values, size_t count)
{
	struct placeholder *list = ARENA_NEW(&r->arena, struct placeholder);
	struct str *copy = arena_calloc(&r->arena, count, sizeof *copy);
	if (!list || !copy || !arena_copy(&r->arena, name, &list->name))
		return; /* rules that use it will be refused */
	for (size_t i = 0; i < count; i++)
		if (!arena_copy(&r->arena, values[i], &copy[i]))
			return;
	list->value = copy;
	list->count = count;
	list->next = r->placeholder;
	r->placeholder = list;
}

const struct str *
rules_placeholder(const struct rules *r, struct str name, uint32_t *ret_count)
{
	const struct placeholder *list = r->placeholder;
	while (list && !str_eq(list->name, name))
		list = list->next;
	*ret_count = list ? (uint32_t)list->count : 0;
	return list ? list->value : NULL;
}

static void
add_placeholder_rows(struct rules *r, const struct yaml *map)
{
	YAML_EACH(name, map) {
		struct str *values = mem_calloc(name->count, sizeof *values);
		uint32_t n = 0;
		YAML_EACH(value, name)
			values[n++] = value->text;
		rules_add_placeholder(r, name->key, values, n);
		mem_free(values);
	}
}

int
rules_add_placeholders(struct rules *r, struct str text, struct str file, struct fault *f)
{
	struct arena arena;
	struct yaml **documents;
	uint32_t count = 0;
	arena_init(&arena, 64 << 10, YAML_SCRATCH);
	int error = yaml_parse(text, &arena, &documents, &count, f);
	if (error)
		fault_in_file(f, file);
	for (uint32_t i = 0; i < count && !error; i++)
		add_placeholder_rows(r, documents[i]);
	arena_release(&arena);
	return error;
}

static void
refuse(struct rules *r, struct fault *f, struct str file, rules_on_fault *on_fault, void *user)
{
	r->stats.refused++;
	fault_in_file(f, file);
	if (on_fault)
		on_fault(user, f);
}

uint32_t
rules_add(struct rules *r, struct str text, struct str file, rules_on_fault *on_fault, void *user)
{
	struct parse p = {.r = r};
	struct arena tree;
	struct collection c = {.arena = &tree, .fault = &p.fault};
	struct yaml **document;
	uint32_t documents, before = r->count;
	assert(!r->finished);
	r->stats.files++;
	arena_init(&tree, 16 << 10, YAML_SCRATCH);
	arena_init(&p.scratch, 16 << 10, YAML_SCRATCH);
	if (yaml_parse(text, &tree, &document, &documents, &p.fault) < 0) {
		refuse(r, &p.fault, file, on_fault, user);
		documents = 0;
	}
	for (uint32_t i = 0; i < documents; i++) {
		const struct yaml *read = NULL;
		p.fault = (struct fault){0};
		p.regexes = 0;
		arena_clear(&p.scratch);
		int error = collection_next(&c, document[i], &read);
		p.shared = c.shared;
		if (error || (read && sigma_parse_document(&p, read, file) < 0))
			refuse(r, &p.fault, file, on_fault, user);
	}
	arena_release(&p.scratch);
	arena_release(&tree);
	return r->count - before;
}

bool
rules_switch(struct rules *r, struct str id, bool off, const enum level *level)
{
	struct rule *rule = rules_find_name(r, id);
	assert(!r->finished);
	if (!rule || !str_eq(rule->info.id, id))
		return false;
	rule->info.off = off;
	if (level)
		rule->info.level = *level;
	return true;
}

void
rules_from_desk(struct rules *r)
{
	assert(!r->finished);
	r->from_desk = true;
}

void
rules_count_exceptions(struct rules *r)
{
	assert(!r->finished);
	r->counts_exceptions = true;
}

/* ---- joining ---- */

static bool
filter_fits(const struct filter *f, const struct rule *rule)
{
	return rule->expr && (!f->product.n || str_eq_nocase(f->product, rule->product)) &&
	    (!f->category.n || str_eq_nocase(f->category, rule->category)) &&
	    (!f->service.n || str_eq_nocase(f->service, rule->service));
}

static int
join_filter(struct rules *r, const struct filter *f, struct rule *rule)
{
	struct parse p = {.r = r};
	struct expr *child[2] = {(struct expr *)(uintptr_t)rule->expr, (struct expr *)(uintptr_t)f->expr};
	const struct expr *joined = expr_join(&p, EXPR_AND, child, 2);
	if (!joined)
		return E_LIMIT;
	rule->expr = joined;
	return 0;
}

/* The rule that finds what an exception takes away: the other as it stood before, and not the filter. */
static int
add_excepted(struct rules *r, const struct filter *f, const struct rule *rule)
{
	struct parse p = {.r = r};
	struct buf id = BUF_INIT_MAX(64);
	struct rule *twin = ARENA_NEW(&r->arena, struct rule);
	struct expr *taken = expr_not(&p, (struct expr *)(uintptr_t)f->expr);
	struct expr *child[2] = {(struct expr *)(uintptr_t)rule->expr, taken};
	if (!twin || !taken)
		return E_LIMIT;
	*twin = *rule;
	twin->name = (struct str){0};
	twin->info.exception = f->exception;
	twin->info.excepted = &rule->info;
	twin->expr = expr_join(&p, EXPR_AND, child, 2);
	buf_addf(&id, "exception %llu", (unsigned long long)f->exception);
	bool copied = arena_copy(&r->arena, buf_str(&id), &twin->info.id);
	buf_release(&id);
	return copied && twin->expr ? rules_keep(r, twin, false) : E_LIMIT;
}

static int
apply_exception(struct rules *r, const struct filter *f, struct rule *rule)
{
	if (f->exception && r->counts_exceptions && !rule->info.off)
		TRY(add_excepted(r, f, rule));
	return join_filter(r, f, rule);
}

static int
apply_filter_to(struct rules *r, const struct filter *f, struct str reference, struct fault *fault)
{
	struct rule *rule = rules_find_name(r, reference);
	if (!rule || !rule->expr)
		return fault_set(fault, E_NOT_FOUND, "rule_reference", reference, f->line, f->column);
	/* As pySigma has it: who is named by a filter of another log source keeps its findings. */
	if (!f->exception && !filter_fits(f, rule))
		return fault_set(fault, E_INVALID, "rule_filter_source", reference, f->line, f->column);
	int error = apply_exception(r, f, rule);
	if (error == E_EXISTS)
		return fault_set(fault, error, "rule_twice", reference, f->line, f->column);
	return error ? fault_set(fault, error, "rule_too_big", rule->info.id, f->line, f->column) : 0;
}

/* A rule that is not there spares the others no filter. */
static int
apply_filter(struct rules *r, const struct filter *f, struct fault *fault)
{
	int error = 0;
	for (uint32_t i = 0; !f->reference && i < r->count; i++)
		if (filter_fits(f, r->rule[i]) && join_filter(r, f, r->rule[i]) < 0)
			return fault_set(fault, E_LIMIT, "rule_too_big", r->rule[i]->info.id, f->line, f->column);
	for (uint32_t i = 0; i < f->references; i++) {
		int failed = apply_filter_to(r, f, f->reference[i], fault);
		error = failed ? failed : error;
	}
	return error;
}

/* A rule that is listed twice, say by its id and by its name, is asked for where it stands first. */
static void
settle_places(const struct correlation *c, struct expr *e)
{
	if (e->kind != EXPR_RULE) {
		for (uint32_t i = 0; i < e->count; i++)
			settle_places(c, e->child[i]);
		return;
	}
	for (uint32_t i = 0; i < e->place; i++)
		if (c->type == CORRELATE_TEMPORAL && c->rule[i] == c->rule[e->place])
			e->place = i;
}

static int
resolve_references(struct rules *r, const struct rule *rule, struct fault *fault)
{
	struct correlation *c = rule->correlation;
	c->rule = arena_calloc(&r->arena, c->rules, sizeof *c->rule);
	if (!c->rule)
		return fault_set(fault, E_LIMIT, "rule_too_big", rule->info.id, rule->line, rule->column);
	for (uint32_t i = 0; i < c->rules; i++) {
		const struct rule *other = rules_find_name(r, c->reference[i]);
		if (!other || other == rule || other->dropped)
			return fault_set(fault, E_NOT_FOUND, "rule_reference", c->reference[i], rule->line, rule->column);
		c->rule[i] = other->index;
	}
	if (c->condition)
		settle_places(c, c->condition);
	return 0;
}

/* How many correlations stand on each other below each rule. One that stands on itself has no end, so after
 * CHAIN_MAX rounds it is among those that still grow. */
static void
measure_chains(const struct rules *r, uint32_t *level)
{
	for (uint32_t round = 0; round <= CHAIN_MAX; round++)
		for (uint32_t i = 0; i < r->count; i++) {
			const struct correlation *c = r->rule[i]->dropped ? NULL : r->rule[i]->correlation;
			for (uint32_t k = 0; c && k < c->rules; k++)
				if (level[i] <= level[c->rule[k]] && level[i] <= CHAIN_MAX)
					level[i] = level[c->rule[k]] + 1;
		}
}

static void
drop_rule(struct rules *r, struct rule *rule, struct fault *f, rules_on_fault *on_fault, void *user)
{
	rule->dropped = true;
	refuse(r, f, rule->info.file, on_fault, user);
}

static bool
drop_unresolved(struct rules *r, rules_on_fault *on_fault, void *user)
{
	bool dropped = false;
	struct fault fault = {0};
	for (uint32_t i = 0; i < r->count; i++) {
		struct rule *rule = r->rule[i];
		if (rule->correlation && !rule->dropped && resolve_references(r, rule, &fault) < 0) {
			drop_rule(r, rule, &fault, on_fault, user);
			dropped = true;
		}
	}
	return dropped;
}

static bool
drop_circles(struct rules *r, rules_on_fault *on_fault, void *user)
{
	bool dropped = false;
	struct fault fault = {0};
	uint32_t *level = mem_calloc(r->count, sizeof *level);
	measure_chains(r, level);
	for (uint32_t i = 0; i < r->count; i++) {
		struct rule *rule = r->rule[i];
		if (level[i] <= CHAIN_MAX)
			continue;
		fault_set(&fault, E_INVALID, "rule_circle", rule->info.id, rule->line, rule->column);
		drop_rule(r, rule, &fault, on_fault, user);
		dropped = true;
	}
	mem_free(level);
	return dropped;
}

static void
number_rules(struct rules *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->rule[i]->index = i;
}

/* Whoever loses a rule it stands on falls with it. */
static void
resolve_correlations(struct rules *r, rules_on_fault *on_fault, void *user)
{
	number_rules(r);
	do {
		while (drop_unresolved(r, on_fault, user))
			;
	} while (drop_circles(r, on_fault, user));
}

/* A rule that only feeds correlations makes no alert itself, unless one of them says generate: true. A correlation
 * written at the desk takes the voice of no rule but the desk's own: who may write rules need not be one who may silence
 * them unseen. */
static void
mark_silent(struct rules *r)
{
	bool *fed = mem_calloc(r->count, sizeof *fed), *loud = mem_calloc(r->count, sizeof *loud);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct correlation *c = r->rule[i]->dropped ? NULL : r->rule[i]->correlation;
		for (uint32_t k = 0; c && k < c->rules; k++) {
			fed[c->rule[k]] |= !r->rule[i]->desk || r->rule[c->rule[k]]->desk;
			loud[c->rule[k]] |= c->generate;
		}
	}
	for (uint32_t i = 0; i < r->count; i++)
		r->rule[i]->info.silent = fed[i] && !loud[i];
	mem_free(fed);
	mem_free(loud);
}

static void
count_rules(struct rules *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		if (r->rule[i]->info.exception)
			continue;
		r->stats.rules++;
		r->stats.not_applicable += !r->rule[i]->applicable;
		r->stats.correlations += r->rule[i]->info.correlation;
	}
}

int
rules_finish(struct rules *r, rules_on_fault *on_fault, void *user)
{
	assert(!r->finished);
	for (uint32_t i = 0; i < r->filters; i++) {
		struct fault fault = {0};
		if (apply_filter(r, r->filter[i], &fault) < 0)
			refuse(r, &fault, r->filter[i]->file, on_fault, user);
	}
	resolve_correlations(r, on_fault, user);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < r->count; i++)
		if (!r->rule[i]->dropped)
			r->rule[kept++] = r->rule[i];
	r->count = kept;
	grow_names(r);
	number_rules(r);
	for (uint32_t i = 0; i < r->count; i++) {
		struct fault unused;
		if (r->rule[i]->correlation && resolve_references(r, r->rule[i], &unused) < 0)
			return E_LIMIT;
	}
	mark_silent(r);
	rules_number_sources(r);
	rules_group(r);
	count_rules(r);
	r->finished = true;
	return 0;
}

/* ---- asking ---- */

struct rules_stats
rules_stats(const struct rules *r)
{
	struct rules_stats s = r->stats;
	s.bytes = r->arena.held + r->cap * sizeof *r->rule + r->test_cap * sizeof *r->test +
	    (r->test_mask + 1) * sizeof *r->test_slot;
	return s;
}

const struct names *
rules_names(const struct rules *r)
{
	return r->names;
}

uint32_t
rules_count(const struct rules *r)
{
	return r->count;
}

const struct rule_info *
rules_info(const struct rules *r, uint32_t index)
{
	assert(index < r->count);
	return &r->rule[index]->info;
}

uint32_t
rules_index(const struct rule_info *info)
{
	return ((const struct rule *)info)->index;
}

const struct rule_info *
rules_engine(const struct rules *r, struct str engine)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (str_eq(r->rule[i]->info.engine, engine))
			return &r->rule[i]->info;
	return NULL;
}

double
rule_parameter(const struct rule_info *info, struct str name, double fallback)
{
	for (uint32_t i = 0; i < info->parameter_count; i++)
		if (str_eq(info->parameter[i].name, name))
			return info->parameter[i].value;
	return fallback;
}

const struct rule_info *
rules_find(const struct rules *r, struct str id)
{
	const struct rule *rule = rules_find_name(r, id);
	return rule ? &rule->info : NULL;
}

struct rule_source
rules_source(const struct rules *r, uint32_t index)
{
	assert(index < r->count);
	const struct rule *rule = r->rule[index];
	return (struct rule_source){rule->product, rule->category, rule->service};
}

bool
rules_applicable(const struct rules *r, uint32_t index)
{
	assert(index < r->count);
	return r->rule[index]->applicable;
}

bool
rules_filter_file(const struct rules *r, uint32_t i, struct str *ret)
{
	if (i >= r->filters)
		return false;
	*ret = r->filter[i]->file;
	return true;
}

const struct rule_info *
rules_fed_by(const struct rules *r, uint32_t index, uint32_t *at)
{
	while (*at < r->count) {
		const struct rule *rule = r->rule[(*at)++];
		for (uint32_t i = 0; rule->correlation && i < rule->correlation->rules; i++)
			if (rule->correlation->rule[i] == index)
				return &rule->info;
	}
	return NULL;
}
