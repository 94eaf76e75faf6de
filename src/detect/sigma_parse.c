/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents of rule files: rules, filters, correlations (Sigma specification 2.1.0), with khien: attributes of our own. */
#include "base/memory.h"
#include "detect/sigma_internal.h"

#define KEY(word) STR(word)

static int
keep_text(struct parse *p, const struct yaml *node, struct str text, struct str *ret)
{
	return arena_copy(&p->r->arena, text, ret) ? 0 : yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
}

/* A scalar member, or nothing when it is absent; another kind is a fault. */
static int
read_text(struct parse *p, const struct yaml *map, struct str key, struct str *ret)
{
	const struct yaml *node = yaml_get(map, key);
	if (!node || yaml_is_null(node))
		return 0;
	if (node->kind != YAML_SCALAR)
		return yaml_fault(node, &p->fault, E_INVALID, "rule_text", key);
	return keep_text(p, node, node->text, ret);
}

/* A list of scalars, or one scalar. */
static int
read_list(struct parse *p, const struct yaml *map, struct str key, const struct str **ret, uint32_t *ret_count)
{
	const struct yaml *node = yaml_get(map, key);
	uint32_t n = 0;
	if (!node || yaml_is_null(node) || (node->kind == YAML_LIST && !node->count))
		return 0;
	if (node->kind == YAML_MAP)
		return yaml_fault(node, &p->fault, E_INVALID, "rule_list", key);
	struct str *list = arena_calloc(&p->r->arena, node->kind == YAML_LIST ? node->count : 1, sizeof *list);
	if (!list)
		return yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	if (node->kind == YAML_SCALAR) {
		TRY(keep_text(p, node, node->text, &list[n++]));
	}
	YAML_EACH(child, node) {
		if (child->kind != YAML_SCALAR)
			return yaml_fault(child, &p->fault, E_INVALID, "rule_list", key);
		TRY(keep_text(p, child, child->text, &list[n++]));
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

/* The specification has one text; lists of people are about, and no reason to do without the rule. */
static int
read_authors(struct parse *p, const struct yaml *document, struct str *ret)
{
	const struct yaml *list = yaml_get(document, KEY("author"));
	struct buf b = BUF_INIT;
	if (!list || list->kind != YAML_LIST)
		return read_text(p, document, KEY("author"), ret);
	YAML_EACH(one, list) {
		buf_add(&b, b.n ? STR(", ") : STR(""));
		buf_add(&b, one->text);
	}
	int error = keep_text(p, list, buf_str(&b), ret);
	buf_release(&b);
	return error;
}

/*
 * "90s", "5m", "2h", "7d": what the specification has. w, M and y are pySigma's, and so are their lengths: a year is the
 * Gregorian calendar's mean one, a month its twelfth part. Nobody waits for longer than a century, and its seconds fit
 * into 32 bits. What is remembered meanwhile is bounded by room, not by time (correlate.h).
 */
static bool
read_timespan(struct str s, int64_t *ret_ms)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'M', 2629746}, {'y', 31556952}};
	const uint64_t century = UINT64_C(3155695200);
	uint64_t n;
	if (s.n < 2 || !str_to_u64(str_cut(s, 0, s.n - 1), &n) || n == 0)
		return false;
	for (size_t i = 0; i < COUNT(units); i++)
		if (units[i].unit == s.p[s.n - 1] && n <= century / units[i].seconds) {
			*ret_ms = (int64_t)(n * units[i].seconds) * TIME_SECOND;
			return true;
		}
	return false;
}

/* ---- selections ---- */

static int
join(struct parse *p, const struct yaml *node, enum expr_kind kind, struct expr **child, uint32_t count, int error,
    struct expr **ret)
{
	struct expr *joined = error ? NULL : expr_join(p, kind, child, count);
	mem_free(child);
	TRY(error);
	if (!joined)
		return yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	*ret = joined;
	return 0;
}

static int
parse_map(struct parse *p, const struct yaml *map, struct expr **ret)
{
	struct expr **child = mem_calloc(map->count, sizeof *child);
	uint32_t count = 0;
	int error = 0;
	YAML_EACH(item, map)
		if (!error)
			error = sigma_parse_item(p, item, item->key, &child[count++]);
	return join(p, map, EXPR_AND, child, count, error, ret);
}

/* A list: maps are alternatives, and so are plain values, which are keywords. */
int
sigma_parse_selection(struct parse *p, const struct yaml *selection, struct expr **ret)
{
	if (selection->kind == YAML_MAP && selection->count)
		return parse_map(p, selection, ret);
	if (selection->kind != YAML_LIST || !selection->count) {
		if (selection->kind == YAML_SCALAR && !yaml_is_null(selection))
			return sigma_parse_item(p, selection, STR(""), ret);
		return fault_set(&p->fault, E_INVALID, "rule_no_values", selection->key, selection->key_line, selection->key_column);
	}
	struct expr **child = mem_calloc(selection->count, sizeof *child);
	uint32_t count = 0;
	int error = 0;
	YAML_EACH(one, selection) {
		if (error)
			break;
		error = one->kind == YAML_MAP && one->count ? parse_map(p, one, &child[count])
		    : one->kind == YAML_SCALAR             ? sigma_parse_item(p, one, STR(""), &child[count])
		    : one->kind == YAML_LIST               ? sigma_parse_selection(p, one, &child[count])
		    : yaml_fault(one, &p->fault, E_INVALID, "rule_nested", selection->key);
		count++;
	}
	return join(p, selection, EXPR_OR, child, count, error, ret);
}

static int
parse_detection(struct parse *p, const struct yaml *document, struct str section, const struct expr **ret)
{
	const struct yaml *detection = yaml_get(document, section);
	if (!detection || detection->kind != YAML_MAP)
		return yaml_fault(detection ? detection : document, &p->fault, E_INVALID, "rule_section", section);
	const struct yaml *condition = yaml_get(detection, KEY("condition"));
	if (!condition)
		return fault_set(&p->fault, E_INVALID, "rule_section", KEY("condition"), detection->key_line, detection->key_column);
	const struct yaml *timeframe = yaml_get(detection, KEY("timeframe"));
	if (timeframe)
		return fault_set(&p->fault, E_UNSUPPORTED, "rule_aggregation", KEY("timeframe"), timeframe->key_line,
		    timeframe->key_column);
	struct expr *expr;
	TRY(sigma_parse_condition(p, condition, detection, &expr));
	*ret = expr;
	return 0;
}

/* ---- what a person is told ---- */

static int
parse_level(struct parse *p, const struct yaml *document, enum level *ret)
{
	const struct yaml *level = yaml_get(document, KEY("level"));
	*ret = LEVEL_MEDIUM;
	if (!level || yaml_is_null(level))
		return 0;
	if (level->kind != YAML_SCALAR || !level_from_name(level->text, ret))
		return yaml_fault(level, &p->fault, E_INVALID, "rule_level", level->text);
	return 0;
}

static int
parse_khien(struct parse *p, const struct yaml *document, struct rule_info *info)
{
	const struct yaml *khien = yaml_get(document, KEY("khien"));
	const struct yaml *window = yaml_get(khien, KEY("window"));
	int64_t ms;
	TRY(read_text(p, khien, KEY("title_vi"), &info->title_vi));
	TRY(read_text(p, khien, KEY("description_vi"), &info->description_vi));
	TRY(read_list(p, khien, KEY("falsepositives_vi"), &info->falsepositives_vi, &info->falsepositive_vi_count));
	TRY(read_text(p, khien, KEY("advice_vi"), &info->advice_vi));
	TRY(read_text(p, khien, KEY("advice_en"), &info->advice_en));
	TRY(read_list(p, khien, KEY("entity"), &info->entity, &info->entity_count));
	if (window && !read_timespan(window->text, &ms))
		return yaml_fault(window, &p->fault, E_INVALID, "rule_timespan", window->text);
	if (window)
		info->window_s = (uint32_t)(ms / TIME_SECOND);
	return 0;
}

static int
parse_info(struct parse *p, const struct yaml *document, struct str file, struct rule *rule)
{
	struct rule_info *info = &rule->info;
	rule->line = info->line = document->line;
	rule->column = document->column;
	TRY(keep_text(p, document, file, &info->file));
	TRY(read_text(p, document, KEY("title"), &info->title));
	if (!info->title.n)
		return yaml_fault(document, &p->fault, E_INVALID, "rule_section", KEY("title"));
	TRY(read_text(p, document, KEY("id"), &info->id));
	TRY(read_text(p, document, KEY("name"), &rule->name));
	TRY(read_text(p, document, KEY("description"), &info->description));
	TRY(read_authors(p, document, &info->author));
	TRY(read_text(p, document, KEY("status"), &info->status));
	TRY(read_list(p, document, KEY("tags"), &info->tags, &info->tag_count));
	TRY(read_list(p, document, KEY("falsepositives"), &info->falsepositives, &info->falsepositive_count));
	TRY(read_list(p, document, KEY("references"), &info->references, &info->reference_count));
	TRY(parse_level(p, document, &info->level));
	info->own_level = info->level;
	if (!info->id.n)
		info->id = info->file;
	return parse_khien(p, document, info);
}

static int
parse_logsource(struct parse *p, const struct yaml *document, struct str *product, struct str *category,
    struct str *service)
{
	const struct yaml *source = yaml_get(document, KEY("logsource"));
	if (!source || source->kind != YAML_MAP)
		return yaml_fault(source ? source : document, &p->fault, E_INVALID, "rule_section", KEY("logsource"));
	TRY(read_text(p, source, KEY("product"), product));
	TRY(read_text(p, source, KEY("category"), category));
	TRY(read_text(p, source, KEY("service"), service));
	if (!product->n && !category->n && !service->n)
		return fault_set(&p->fault, E_INVALID, "rule_section", KEY("logsource"), source->key_line, source->key_column);
	return 0;
}

/* ---- engine rules ---- */

static bool
is_engine(struct str name)
{
	static const struct str names[] = {STR_INIT("indicator.ip"), STR_INIT("indicator.domain"), STR_INIT("indicator.url"),
		STR_INIT("indicator.hash"), STR_INIT("indicator.mail"), STR_INIT("flow.known_bad"),
		STR_INIT("flow.scan_horizontal"), STR_INIT("flow.scan_vertical"), STR_INIT("flow.beacon"),
		STR_INIT("flow.dns_tunnel"), STR_INIT("flow.amplification"), STR_INIT("flow.volume"), STR_INIT("yara")};
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

static int
parse_parameters(struct parse *p, const struct yaml *map, struct rule_info *info)
{
	struct rule_parameter *list = arena_calloc(&p->r->arena, map->count, sizeof *list);
	if (!list)
		return yaml_fault(map, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	YAML_EACH(one, map) {
		struct rule_parameter *at = &list[info->parameter_count++];
		if (one->kind != YAML_SCALAR || !text_to_number(one->text, &at->value))
			return yaml_fault(one, &p->fault, E_INVALID, "rule_number", one->key);
		TRY(keep_text(p, one, one->key, &at->name));
	}
	info->parameter = list;
	return 0;
}

/* Log sources as a rule's logsource names them, any of which will do. */
static int
parse_needs(struct parse *p, const struct yaml *list, struct rule *rule)
{
	struct rule_source *need = arena_calloc(&p->r->arena, list->count, sizeof *need);
	if (list->kind != YAML_LIST)
		return yaml_fault(list, &p->fault, E_INVALID, "rule_section", KEY("sources"));
	if (!need)
		return yaml_fault(list, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	YAML_EACH(one, list) {
		struct rule_source *at = &need[rule->need_count++];
		if (one->kind != YAML_MAP)
			return yaml_fault(one, &p->fault, E_INVALID, "rule_section", KEY("sources"));
		TRY(read_text(p, one, KEY("product"), &at->product));
		TRY(read_text(p, one, KEY("category"), &at->category));
		TRY(read_text(p, one, KEY("service"), &at->service));
	}
	rule->needs = need;
	return 0;
}

static int
parse_engine(struct parse *p, const struct yaml *document, struct rule *rule)
{
	struct rule_info *info = &rule->info;
	const struct yaml *khien = yaml_get(document, KEY("khien"));
	const struct yaml *name = yaml_get(khien, KEY("engine")), *parameters = yaml_get(khien, KEY("parameters"));
	const struct yaml *sources = yaml_get(khien, KEY("sources"));
	TRY(read_text(p, khien, KEY("engine"), &info->engine));
	if (!is_engine(info->engine))
		return yaml_fault(name, &p->fault, E_INVALID, "rule_engine", info->engine);
	if (rules_engine(p->r, info->engine))
		return yaml_fault(name, &p->fault, E_EXISTS, "rule_engine_twice", info->engine);
	if (parameters && parameters->kind != YAML_MAP)
		return yaml_fault(parameters, &p->fault, E_INVALID, "rule_section", KEY("parameters"));
	if (parameters)
		TRY(parse_parameters(p, parameters, info));
	return sources ? parse_needs(p, sources, rule) : 0;
}

/* ---- correlations ---- */

static int
correlation_type(struct parse *p, const struct yaml *c, enum correlation_type *ret)
{
	static const struct str names[] = {STR_INIT("event_count"), STR_INIT("value_count"), STR_INIT("temporal"),
		STR_INIT("temporal_ordered"), STR_INIT("value_sum"), STR_INIT("value_avg"), STR_INIT("value_percentile")};
	const struct yaml *type = yaml_get(c, KEY("type"));
	for (size_t i = 0; type && i < COUNT(names); i++)
		if (str_eq(type->text, names[i])) {
			*ret = (enum correlation_type)i;
			return 0;
		}
	if (type && str_eq(type->text, KEY("value_median"))) { /* pySigma's; "median is a percentile 50" */
		*ret = CORRELATE_VALUE_PERCENTILE;
		return 0;
	}
	return yaml_fault(type ? type : c, &p->fault, E_INVALID, "rule_correlation_type", type ? type->text : STR(""));
}

static bool
bound_of(struct str key, struct bound *ret)
{
	static const struct {
		struct str key;
		struct bound bound;
	} row[] = {{STR_INIT("lt"), {COMPARE_LT, false, 0}}, {STR_INIT("lte"), {COMPARE_LTE, false, 0}},
	    {STR_INIT("gt"), {COMPARE_GT, false, 0}}, {STR_INIT("gte"), {COMPARE_GTE, false, 0}},
	    {STR_INIT("eq"), {COMPARE_EQ, false, 0}}, {STR_INIT("neq"), {COMPARE_EQ, true, 0}}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(key, row[i].key)) {
			*ret = row[i].bound;
			return true;
		}
	return false;
}

static int
parse_bounds(struct parse *p, const struct yaml *condition, struct correlation *c)
{
	struct bound *bound = arena_calloc(&p->r->arena, condition->count + 1, sizeof *bound);
	if (!bound)
		return yaml_fault(condition, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	YAML_EACH(child, condition) {
		if (bound_of(child->key, &bound[c->bounds])) {
			if (child->kind != YAML_SCALAR || !text_to_number(child->text, &bound[c->bounds].number))
				return yaml_fault(child, &p->fault, E_INVALID, "rule_number", child->text);
			c->bounds++;
		} else if (str_eq(child->key, KEY("field"))) {
			TRY(read_list(p, condition, KEY("field"), &c->field, &c->fields));
		} else if (str_eq(child->key, KEY("percentile"))) {
			if (!text_to_number(child->text, &c->percentile) || c->percentile < 0 || c->percentile > 100)
				return yaml_fault(child, &p->fault, E_INVALID, "rule_number", child->text);
		} else {
			return fault_set(&p->fault, E_INVALID, "rule_correlation_condition", child->key, child->key_line,
			    child->key_column);
		}
	}
	c->bound = bound;
	return 0;
}

static int
check_bounds(struct parse *p, const struct yaml *node, const struct yaml *condition, const struct correlation *c)
{
	bool temporal = c->type == CORRELATE_TEMPORAL || c->type == CORRELATE_TEMPORAL_ORDERED;
	bool value = c->type == CORRELATE_VALUE_COUNT || c->type >= CORRELATE_VALUE_SUM;
	if (!temporal && !c->bounds)
		return yaml_fault(condition ? condition : node, &p->fault, E_INVALID, "rule_correlation_condition", KEY("condition"));
	if (value != (c->fields > 0))
		return yaml_fault(condition ? condition : node, &p->fault, E_INVALID, "rule_correlation_condition", KEY("field"));
	return 0;
}

/* In an order `or` leaves open what comes first, so all that shall have matched is joined by `and`; what must not have
 * matched is no step. */
static int
mark_aside(const struct expr *e, bool wanted, bool *aside)
{
	if (e->kind == EXPR_RULE) {
		aside[e->place] &= !wanted;
		return 0;
	}
	if ((wanted && e->kind == EXPR_OR) || (!wanted && e->kind == EXPR_NOT))
		return E_UNSUPPORTED;
	for (uint32_t i = 0; i < e->count; i++)
		TRY(mark_aside(e->child[i], wanted != (e->kind == EXPR_NOT), aside));
	return 0;
}

/* Which rules must have matched, and which not: "a and not b". Drafted for specification 2.2.0, pySigma has it. */
static int
parse_rule_condition(struct parse *p, const struct yaml *condition, struct correlation *c)
{
	bool *aside;
	TRY(sigma_parse_rule_condition(p, condition, c->reference, c->rules, &c->condition));
	if (c->condition->leaves > CONDITION_MAX_RULES)
		return yaml_fault(condition, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	if (c->type != CORRELATE_TEMPORAL_ORDERED)
		return 0;
	aside = arena_calloc(&p->r->arena, c->rules, sizeof *aside);
	if (!aside)
		return yaml_fault(condition, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	memset(aside, true, c->rules * sizeof *aside); /* what the condition does not name is no step either */
	if (mark_aside(c->condition, true, aside) < 0)
		return yaml_fault(condition, &p->fault, E_UNSUPPORTED, "rule_correlation_order", STR(""));
	c->aside = aside;
	return 0;
}

/* Without a list the rules are those that the condition names. */
static int
name_rules(struct parse *p, const struct yaml *condition, struct correlation *c)
{
	struct str word[CONDITION_MAX_RULES], *kept;
	c->rules = sigma_condition_words(p, condition, word, COUNT(word));
	c->reference = kept = arena_calloc(&p->r->arena, c->rules, sizeof *kept);
	if (!kept)
		return yaml_fault(condition, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	for (uint32_t i = 0; i < c->rules; i++)
		TRY(keep_text(p, condition, word[i], &kept[i]));
	return 0;
}

static int
parse_correlation_rules(struct parse *p, const struct yaml *node, const struct yaml *condition, struct correlation *c)
{
	bool words = condition && condition->kind == YAML_SCALAR;
	if (words && c->type != CORRELATE_TEMPORAL && c->type != CORRELATE_TEMPORAL_ORDERED)
		return yaml_fault(condition, &p->fault, E_UNSUPPORTED, "rule_correlation_condition", condition->text);
	if (condition && !words && condition->kind != YAML_MAP)
		return yaml_fault(condition, &p->fault, E_INVALID, "rule_section", KEY("condition"));
	TRY(read_list(p, node, KEY("rules"), &c->reference, &c->rules));
	if (!c->rules && words)
		TRY(name_rules(p, condition, c));
	if (!c->rules)
		return yaml_fault(node, &p->fault, E_INVALID, "rule_section", KEY("rules"));
	if (!condition)
		return 0;
	return words ? parse_rule_condition(p, condition, c) : parse_bounds(p, condition, c);
}

static int
parse_aliases(struct parse *p, const struct yaml *aliases, struct correlation *c)
{
	uint32_t count = 0;
	YAML_EACH(alias, aliases)
		count += alias->count;
	struct correlation_alias *list = arena_calloc(&p->r->arena, count, sizeof *list);
	if (!list)
		return yaml_fault(aliases, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	YAML_EACH(alias, aliases) {
		if (alias->kind != YAML_MAP)
			return yaml_fault(alias, &p->fault, E_INVALID, "rule_text", alias->key);
		YAML_EACH(field, alias) {
			struct correlation_alias *a = &list[c->aliases++];
			if (field->kind != YAML_SCALAR)
				return yaml_fault(field, &p->fault, E_INVALID, "rule_text", field->key);
			TRY(keep_text(p, field, alias->key, &a->name));
			TRY(keep_text(p, field, field->key, &a->rule));
			TRY(keep_text(p, field, field->text, &a->field));
		}
	}
	c->alias = list;
	return 0;
}

/* The specification's schema has it beside `correlation`, pySigma and its users inside. */
static int
parse_generate(struct parse *p, const struct yaml *map, struct correlation *c)
{
	const struct yaml *generate = yaml_get(map, KEY("generate"));
	bool yes;
	if (!generate || yaml_is_null(generate))
		return 0;
	if (!yaml_to_bool(generate, &yes))
		return yaml_fault(generate, &p->fault, E_INVALID, "rule_exists", generate->text);
	c->generate |= yes;
	return 0;
}

static int
parse_correlation(struct parse *p, const struct yaml *document, const struct yaml *node, struct rule *rule)
{
	struct correlation *c = ARENA_NEW(&p->r->arena, struct correlation);
	const struct yaml *timespan = yaml_get(node, KEY("timespan")), *condition = yaml_get(node, KEY("condition"));
	timespan = timespan ? timespan : yaml_get(node, KEY("timeframe")); /* its name in older rules, which rsigma takes, too */
	const struct yaml *aliases = yaml_get(node, KEY("aliases"));
	if (!c)
		return yaml_fault(node, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	if (node->kind != YAML_MAP)
		return yaml_fault(node, &p->fault, E_INVALID, "rule_section", KEY("correlation"));
	rule->correlation = c;
	rule->info.correlation = true;
	c->percentile = 50;
	TRY(correlation_type(p, node, &c->type));
	TRY(parse_correlation_rules(p, node, condition, c));
	TRY(read_list(p, node, KEY("group-by"), &c->group_by, &c->groups));
	if (!timespan || !read_timespan(timespan->text, &c->timespan_ms))
		return yaml_fault(timespan ? timespan : node, &p->fault, E_INVALID, "rule_timespan",
		    timespan ? timespan->text : KEY("timespan"));
	TRY(parse_generate(p, document, c));
	TRY(parse_generate(p, node, c));
	if (aliases)
		TRY(parse_aliases(p, aliases, c));
	return check_bounds(p, node, condition, c);
}

/* ---- documents ---- */

static int
parse_exception(struct parse *p, const struct yaml *document, uint64_t *ret)
{
	const struct yaml *number = yaml_get(yaml_get(document, KEY("khien")), KEY("exception"));
	if (number && (number->kind != YAML_SCALAR || !str_to_u64(number->text, ret) || !*ret))
		return yaml_fault(number, &p->fault, E_INVALID, "rule_number", KEY("exception"));
	return 0;
}

/* "any", a rule, or a list of rules, of which pySigma takes an empty one for "any". A filter that says nothing is an
 * oversight that would take away findings of every rule. */
static int
parse_filtered(struct parse *p, const struct yaml *section, struct filter *filter)
{
	const struct yaml *rules = yaml_get(section, KEY("rules"));
	if (!rules || yaml_is_null(rules))
		return yaml_fault(section, &p->fault, E_INVALID, "rule_section", KEY("rules"));
	if (rules->kind == YAML_SCALAR && str_eq_nocase(rules->text, KEY("any")))
		return 0;
	return read_list(p, section, KEY("rules"), &filter->reference, &filter->references);
}

static int
parse_filter(struct parse *p, const struct yaml *document, struct str file)
{
	struct rules *r = p->r;
	struct filter *filter = ARENA_NEW(&r->arena, struct filter);
	const struct yaml *section = yaml_get(document, KEY("filter")), *condition = yaml_get(section, KEY("condition"));
	if (!filter)
		return yaml_fault(document, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	filter->line = document->line;
	filter->column = document->column;
	TRY(keep_text(p, document, file, &filter->file));
	TRY(parse_logsource(p, document, &filter->product, &filter->category, &filter->service));
	TRY(parse_detection(p, document, KEY("filter"), &filter->expr));
	if (condition->kind != YAML_SCALAR)
		return yaml_fault(condition, &p->fault, E_INVALID, "rule_condition", STR(""));
	TRY(parse_exception(p, document, &filter->exception));
	TRY(parse_filtered(p, section, filter));
	MEM_GROW(r->filter, r->filters, r->filter_cap);
	r->filter[r->filters++] = filter;
	return 0;
}

int
sigma_parse_document(struct parse *p, const struct yaml *document, struct str file)
{
	if (document->kind != YAML_MAP)
		return yaml_fault(document, &p->fault, E_INVALID, "rule_section", KEY("title"));
	if (yaml_get(document, KEY("filter")))
		return parse_filter(p, document, file);
	struct rule *rule = ARENA_NEW(&p->r->arena, struct rule);
	const struct yaml *correlation = yaml_get(document, KEY("correlation"));
	if (!rule)
		return yaml_fault(document, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	TRY(parse_info(p, document, file, rule));
	if (correlation) {
		TRY(parse_correlation(p, document, correlation, rule));
	} else if (yaml_get(yaml_get(document, KEY("khien")), KEY("engine"))) {
		TRY(parse_engine(p, document, rule));
	} else {
		TRY(parse_logsource(p, document, &rule->product, &rule->category, &rule->service));
		TRY(parse_detection(p, document, KEY("detection"), &rule->expr));
	}
	if (rules_keep(p->r, rule, p->shared)) {
		const struct yaml *id = yaml_get(document, KEY("id"));
		return yaml_fault(id ? id : document, &p->fault, E_EXISTS, "rule_twice", rule->info.id);
	}
	return 0;
}
