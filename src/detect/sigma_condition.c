/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Conditions (Sigma specification 2.1.0, "Condition"): not binds closer than and, and closer than or; "1 of x*",
 * "all of x*", "1 of them" select by name and leave out names that begin with an underscore, unless the pattern does, too.
 */
#include "base/memory.h"
#include "detect/sigma_internal.h"

enum token_kind { T_END, T_OPEN, T_CLOSE, T_AND, T_OR, T_NOT, T_WORD, T_PIPE };

struct condition {
	struct parse *p;
	const struct yaml *node;
	struct str text;
	size_t at;       /* behind the token at hand */
	size_t from;     /* where it begins */
	enum token_kind kind;
	struct str word;
	uint32_t nesting;
	/* selections are read once; those of a correlation are rules */
	struct str *name;
	const struct yaml **section;
	struct expr **selection;
	uint32_t names;
};

static int parse_or(struct condition *c, struct expr **ret);

static int
refuse(struct condition *c, const char *what, struct str arg)
{
	uint32_t column = c->node->column + (c->node->quoted ? 1 : 0) + (uint32_t)c->from;
	bool one_line = str_find_char(c->text, '\n') < 0;
	return fault_set(&c->p->fault, E_INVALID, what, arg, c->node->line, one_line ? column : c->node->column);
}

static int
refuse_name(struct condition *c)
{
	return refuse(c, c->section ? "rule_no_selection" : "rule_not_listed", c->word);
}

static bool
is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

static void
next_token(struct condition *c)
{
	static const struct {
		struct str word;
		enum token_kind kind;
	} words[] = {{STR_INIT("and"), T_AND}, {STR_INIT("or"), T_OR}, {STR_INIT("not"), T_NOT}};
	while (c->at < c->text.n && is_blank(c->text.p[c->at]))
		c->at++;
	c->from = c->at;
	c->word = (struct str){0};
	if (c->at == c->text.n) {
		c->kind = T_END;
		return;
	}
	char ch = c->text.p[c->at];
	if (ch == '(' || ch == ')' || ch == '|') {
		c->at++;
		c->kind = ch == '(' ? T_OPEN : ch == ')' ? T_CLOSE : T_PIPE;
		c->word = str_cut(c->text, c->from, c->at);
		return;
	}
	while (c->at < c->text.n && !is_blank(c->text.p[c->at]) && !memchr("()|", c->text.p[c->at], 3))
		c->at++;
	c->word = str_cut(c->text, c->from, c->at);
	c->kind = T_WORD;
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq_nocase(c->word, words[i].word))
			c->kind = words[i].kind;
}

/* The selection number i, read on first use. */
static int
take_selection(struct condition *c, uint32_t i, struct expr **ret)
{
	if (!c->selection[i])
		TRY(sigma_parse_selection(c->p, c->section[i], &c->selection[i]));
	*ret = c->selection[i];
	return 0;
}

/* `*` anywhere in a name pattern. */
static bool
name_fits(struct str name, struct str pattern)
{
	size_t n = 0, i = 0, star = SIZE_MAX, resume = 0;
	while (n < name.n) {
		if (i < pattern.n && pattern.p[i] == '*') {
			star = i++;
			resume = n;
		} else if (i < pattern.n && pattern.p[i] == name.p[n]) {
			i++;
			n++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (i < pattern.n && pattern.p[i] == '*')
		i++;
	return i == pattern.n;
}

static int
join_selected(struct condition *c, enum expr_kind kind, struct expr **ret)
{
	struct expr **child = mem_calloc(c->names, sizeof *child);
	uint32_t count = 0;
	int error = 0;
	bool them = str_eq_nocase(c->word, STR("them")), hidden = str_starts(c->word, STR("_"));
	for (uint32_t i = 0; i < c->names && !error; i++) {
		bool named = hidden || !c->section || c->name[i].p[0] != '_';
		if (named && (them || name_fits(c->name[i], c->word)))
			error = take_selection(c, i, &child[count++]);
	}
	struct expr *joined = !error && count ? expr_join(c->p, kind, child, count) : NULL;
	mem_free(child);
	TRY(error);
	if (!count)
		return refuse_name(c);
	if (!joined)
		return refuse(c, "rule_too_big", STR(""));
	next_token(c);
	*ret = joined;
	return 0;
}

/* "1 of", "any of", "all of" */
static bool
at_quantifier(struct condition *c, enum expr_kind *ret)
{
	bool all = str_eq_nocase(c->word, STR("all"));
	if (!all && !str_eq(c->word, STR("1")) && !str_eq_nocase(c->word, STR("any")))
		return false;
	struct condition ahead = *c;
	next_token(&ahead);
	if (ahead.kind != T_WORD || !str_eq_nocase(ahead.word, STR("of")))
		return false;
	next_token(c);
	next_token(c);
	*ret = all ? EXPR_AND : EXPR_OR;
	return true;
}

static int
parse_word(struct condition *c, struct expr **ret)
{
	enum expr_kind kind;
	if (at_quantifier(c, &kind)) {
		bool open = c->kind == T_OPEN;
		if (open)
			next_token(c);
		if (c->kind != T_WORD)
			return refuse(c, "rule_condition", c->word);
		TRY(join_selected(c, kind, ret));
		if (open && c->kind != T_CLOSE)
			return refuse(c, "rule_condition", c->word);
		if (open)
			next_token(c);
		return 0;
	}
	for (uint32_t i = 0; i < c->names; i++) {
		if (!str_eq(c->name[i], c->word))
			continue;
		TRY(take_selection(c, i, ret));
		next_token(c);
		return 0;
	}
	return refuse_name(c);
}

static int
parse_not(struct condition *c, struct expr **ret)
{
	bool odd = false;
	while (c->kind == T_NOT) {
		odd = !odd;
		next_token(c);
	}
	if (c->kind == T_OPEN) {
		if (++c->nesting > RULE_MAX_NESTING)
			return refuse(c, "rule_too_big", STR(""));
		next_token(c);
		TRY(parse_or(c, ret));
		if (c->kind != T_CLOSE)
			return refuse(c, "rule_condition", c->word);
		c->nesting--;
		next_token(c);
	} else if (c->kind == T_WORD) {
		TRY(parse_word(c, ret));
	} else {
		return refuse(c, c->kind == T_PIPE ? "rule_aggregation" : "rule_condition", c->word);
	}
	if (odd)
		*ret = expr_not(c->p, *ret);
	return *ret ? 0 : refuse(c, "rule_too_big", STR(""));
}

static int
parse_list(struct condition *c, enum expr_kind kind, int (*part)(struct condition *, struct expr **), struct expr **ret)
{
	struct expr **child = NULL;
	uint32_t count = 0, cap = 0;
	int error;
	enum token_kind sign = kind == EXPR_AND ? T_AND : T_OR;
	for (;;) {
		MEM_GROW(child, count, cap);
		error = part(c, &child[count]);
		if (error < 0)
			break;
		count++;
		if (c->kind != sign)
			break;
		next_token(c);
	}
	struct expr *joined = error < 0 ? NULL : expr_join(c->p, kind, child, count);
	mem_free(child);
	TRY(error);
	if (!joined)
		return refuse(c, "rule_too_big", STR(""));
	*ret = joined;
	return 0;
}

static int
parse_and(struct condition *c, struct expr **ret)
{
	return parse_list(c, EXPR_AND, parse_not, ret);
}

static int
parse_or(struct condition *c, struct expr **ret)
{
	return parse_list(c, EXPR_OR, parse_and, ret);
}

static int
parse_one(struct condition *c, const struct yaml *node, struct expr **ret)
{
	c->node = node;
	c->text = node->text;
	c->at = 0;
	c->nesting = 0;
	if (node->kind != YAML_SCALAR)
		return yaml_fault(node, &c->p->fault, E_INVALID, "rule_condition", STR(""));
	next_token(c);
	TRY(parse_or(c, ret));
	if (c->kind == T_PIPE)
		return refuse(c, "rule_aggregation", c->word);
	return c->kind == T_END ? 0 : refuse(c, "rule_condition", c->word);
}

/* A list of conditions is as many rules under one title. */
static int
parse_all(struct condition *c, const struct yaml *node, struct expr **ret)
{
	if (node->kind != YAML_LIST)
		return parse_one(c, node, ret);
	struct expr **child = mem_calloc(node->count, sizeof *child);
	uint32_t count = 0;
	int error = 0;
	YAML_EACH(one, node)
		if (!error)
			error = parse_one(c, one, &child[count++]);
	struct expr *joined = error || !count ? NULL : expr_join(c->p, EXPR_OR, child, count);
	mem_free(child);
	TRY(error);
	if (!joined)
		return yaml_fault(node, &c->p->fault, E_INVALID, "rule_condition", STR(""));
	*ret = joined;
	return 0;
}

int
sigma_parse_condition(struct parse *p, const struct yaml *condition, const struct yaml *detection, struct expr **ret)
{
	struct condition c = {.p = p};
	c.name = mem_calloc(detection->count, sizeof *c.name);
	c.section = mem_calloc(detection->count, sizeof *c.section);
	c.selection = mem_calloc(detection->count, sizeof *c.selection);
	YAML_EACH(child, detection)
		if (child != condition && child->key.n && !str_eq(child->key, STR("timeframe")) &&
		    !str_eq(child->key, STR("rules"))) {
			c.name[c.names] = child->key;
			c.section[c.names++] = child;
		}
	int error = parse_all(&c, condition, ret);
	/* A selection nobody names is still read: its mistakes are mistakes. */
	for (uint32_t i = 0; i < c.names && !error; i++) {
		struct expr *unused;
		error = take_selection(&c, i, &unused);
	}
	mem_free(c.name);
	mem_free(c.section);
	mem_free(c.selection);
	return error;
}

int
sigma_parse_rule_condition(struct parse *p, const struct yaml *condition, const struct str *rule, uint32_t rules,
    struct expr **ret)
{
	struct condition c = {.p = p, .names = rules};
	c.name = mem_calloc(rules, sizeof *c.name);
	c.selection = mem_calloc(rules, sizeof *c.selection);
	int error = 0;
	for (uint32_t i = 0; i < rules && !error; i++) {
		c.name[i] = rule[i];
		c.selection[i] = expr_rule(p, i);
		error = c.selection[i] ? 0 : yaml_fault(condition, &p->fault, E_LIMIT, "rule_too_big", STR(""));
	}
	if (!error)
		error = parse_one(&c, condition, ret);
	mem_free(c.name);
	mem_free(c.selection);
	return error;
}

uint32_t
sigma_condition_words(struct parse *p, const struct yaml *condition, struct str *word, uint32_t max)
{
	struct condition c = {.p = p, .node = condition, .text = condition->text};
	uint32_t n = 0;
	for (next_token(&c); c.kind != T_END && n < max; next_token(&c)) {
		bool again = c.kind != T_WORD;
		for (uint32_t i = 0; i < n && !again; i++)
			again = str_eq(word[i], c.word);
		if (!again)
			word[n++] = c.word;
	}
	return n;
}
