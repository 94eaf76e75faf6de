/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Mutations of events that a rule finds, over the public regression cases and the lines our own rules are tested with:
 * all letters of a matched value in the other case, and the rule must still fire unless it asks for the case; one byte of
 * a matched literal changed, and it must not, unless another alternative of the rule still holds, of which the slow
 * evaluator is the judge. Fields are changed after decoding.
 */
#include "base/json.h"
#include "base/memory.h"
#include "corpus.h"
#include "slow.h"
#include "tap.h"

struct mutation {
	struct rules *rules;
	struct matcher *matcher;
	struct decoder *decoder;
	struct slow *slow;
	struct arena arena;
	uint32_t events, unfound;         /* events, and those that their rule did not find to begin with */
	uint32_t flips, lost;             /* values in the other case, and findings lost by that */
	uint32_t changes, silenced;       /* bytes changed, and those that silenced the rule */
	uint32_t blots, blotted;          /* whole values, and those without which the rule was silent */
	uint32_t disagreements, stubborn; /* with the slow evaluator; events that nothing silenced */
};

static bool
fires(struct mutation *m, struct event *e, uint32_t rule)
{
	struct finding *list = NULL;
	bool fast = false, slow = slow_match(m->slow, rule, e);
	for (uint32_t i = 0, n = matcher_match(m->matcher, e, &m->arena, &list); i < n; i++)
		fast |= list[i].rule == rules_info(m->rules, rule);
	if (fast != slow && !m->disagreements++)
		printf("# rule %.*s: engine %d, slow %d\n", STR_ARG(rules_info(m->rules, rule)->id), fast, slow);
	return fast;
}

static bool
asks_for_case(const struct expr *e)
{
	if (e->kind == EXPR_TEST)
		return e->test->cased || e->test->op == TEST_REGEX;
	bool asks = false;
	for (uint32_t i = 0; i < e->count; i++)
		asks |= asks_for_case(e->child[i]);
	return asks;
}

/* These decide which rules an event meets at all, and stand in the event twice. */
static bool
is_key(const struct event *e, struct str value)
{
	return str_eq(value, e->code) || str_eq(value, e->channel) || str_eq(value, e->provider) ||
	    str_eq(value, e->service) || str_eq(value, e->category) || str_eq(value, e->product);
}

static bool
is_plain(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] >= 0x7f || (unsigned char)value.p[i] < 0x20)
			return false;
	return value.n > 0;
}

static void
flip_case(struct mutation *m, struct event *e, struct field *f, uint32_t rule)
{
	struct str own = f->value, other;
	CHECK(arena_copy(&m->arena, own, &other));
	char *p = (char *)(uintptr_t)other.p;
	for (size_t i = 0; i < other.n; i++)
		if ((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z'))
			p[i] ^= 0x20;
	f->value = other;
	bool fired = fires(m, e, rule);
	f->value = own;
	if (asks_for_case(m->rules->rule[rule]->expr))
		return;
	m->flips++;
	if (!fired && !m->lost++)
		printf("# rule %.*s: not in the other case: %.*s\n", STR_ARG(rules_info(m->rules, rule)->id), STR_ARG(other));
}

/* Where the literal stands in the value, from `from` on, or -1. */
static ptrdiff_t
literal_at(const struct test *t, struct str value, size_t from)
{
	for (size_t at = from; t->literal.n && at + t->literal.n <= value.n; at++) {
		struct str part = str_cut(value, at, at + t->literal.n);
		bool front = at == 0, back = at + t->literal.n == value.n;
		if ((t->op == TEST_CONTAINS || (t->op == TEST_PREFIX && front) || (t->op == TEST_SUFFIX && back) ||
			(t->op == TEST_EQ && front && back)) && str_eq_nocase(part, t->literal))
			return (ptrdiff_t)at;
	}
	return -1;
}

/* One byte of the literal wherever it stands in the value. Did that silence the rule? */
static bool
change_literal(struct mutation *m, struct event *e, struct field *f, const struct test *t, uint32_t rule)
{
	struct str own = f->value, other;
	ptrdiff_t at = literal_at(t, own, 0);
	if (at < 0)
		return false;
	CHECK(arena_copy(&m->arena, own, &other));
	char *p = (char *)(uintptr_t)other.p;
	for (; at >= 0; at = literal_at(t, other, (size_t)at + 1))
		p[(size_t)at + m->changes % t->literal.n] = '\x7f';
	f->value = other;
	bool silenced = !fires(m, e, rule);
	f->value = own;
	m->changes++;
	m->silenced += silenced;
	return silenced;
}

static bool
change_literals(struct mutation *m, struct event *e, struct field *f, const struct expr *expr, uint32_t rule)
{
	bool silenced = false;
	if (expr->kind == EXPR_TEST)
		return expr->test->op >= TEST_EQ && expr->test->op <= TEST_CONTAINS && change_literal(m, e, f, expr->test, rule);
	for (uint32_t i = 0; i < expr->count; i++)
		silenced |= change_literals(m, e, f, expr->child[i], rule);
	return silenced;
}

/* The line of a keyword, flipped or with a byte of the keyword changed. */
static bool
fires_on_line(struct mutation *m, struct event *e, const struct test *t, uint32_t rule, bool flip)
{
	struct raw *raw = (struct raw *)(uintptr_t)e->raw;
	struct str own = e->text, other;
	CHECK(arena_copy(&m->arena, own, &other));
	char *p = (char *)(uintptr_t)other.p;
	for (ptrdiff_t at = literal_at(t, other, 0); at >= 0; at = literal_at(t, other, (size_t)at + 1)) {
		for (size_t i = 0; flip && i < t->literal.n; i++)
			if (ascii_lower(p[(size_t)at + i]) >= 'a' && ascii_lower(p[(size_t)at + i]) <= 'z')
				p[(size_t)at + i] ^= 0x20;
		if (!flip)
			p[(size_t)at + m->changes % t->literal.n] = '\x7f';
	}
	e->text = raw->bytes = other;
	bool fired = fires(m, e, rule);
	e->text = raw->bytes = own;
	return fired;
}

static bool
mutate_keywords(struct mutation *m, struct event *e, const struct expr *expr, uint32_t rule)
{
	bool silenced = false;
	for (uint32_t i = 0; i < expr->count; i++)
		silenced |= mutate_keywords(m, e, expr->child[i], rule);
	const struct test *t = expr->kind == EXPR_TEST ? expr->test : NULL;
	if (!t || t->name != NAME_UNKNOWN || t->op != TEST_CONTAINS || literal_at(t, e->text, 0) < 0)
		return silenced;
	silenced = !fires_on_line(m, e, t, rule, false);
	m->changes++;
	m->silenced += silenced;
	if (!asks_for_case(m->rules->rule[rule]->expr)) {
		m->flips++;
		m->lost += !fires_on_line(m, e, t, rule, true);
	}
	return silenced;
}

/* Nothing is left of the value, wherever the event says it: the end of expressions too. */
static bool
blot_out(struct mutation *m, struct event *e, struct str value, uint32_t rule)
{
	struct field *kept = mem_alloc(e->field_count * sizeof *kept);
	struct str blot;
	memcpy(kept, e->field, e->field_count * sizeof *kept);
	CHECK(arena_copy(&m->arena, value, &blot));
	memset((char *)(uintptr_t)blot.p, 0x7f, blot.n);
	for (uint32_t i = 0; i < e->field_count; i++)
		if (str_eq(event_value(e, &e->field[i]), value))
			e->field[i].value = blot;
	bool silenced = !fires(m, e, rule);
	memcpy(e->field, kept, e->field_count * sizeof *kept);
	mem_free(kept);
	m->blots++;
	m->blotted += silenced;
	return silenced;
}

/* All fields at once that hold one of the matched values: a core field may say the same as a native one. */
static void
mutate(struct mutation *m, struct event *e, const struct finding *finding, uint32_t rule)
{
	bool silenced = false;
	m->events++;
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *f = &e->field[i];
		bool matched = false;
		struct str value = event_value(e, f);
		for (uint32_t k = 0; k < finding->matched_count; k++)
			matched |= str_eq(finding->matched[k].value, str_cut(value, 0, finding->matched[k].value.n)) &&
			    finding->matched[k].value.n && (value.n <= 1024 || finding->matched[k].value.n == 1024);
		if (!matched || !is_plain(value) || is_key(e, value))
			continue;
		flip_case(m, e, f, rule);
		silenced |= change_literals(m, e, f, m->rules->rule[rule]->expr, rule);
		silenced |= blot_out(m, e, value, rule);
	}
	if (e->raw->form == RAW_LINE && e->text.p == e->raw->bytes.p && e->text.p[0] != '{')
		silenced |= mutate_keywords(m, e, m->rules->rule[rule]->expr, rule);
	m->stubborn += !silenced;
}

static bool
mutate_event(struct mutation *m, struct event *e, struct str id)
{
	struct finding *list = NULL;
	uint32_t n = matcher_match(m->matcher, e, &m->arena, &list);
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(list[i].rule->id, id)) {
			mutate(m, e, &list[i], rules_index(list[i].rule));
			return true;
		}
	return false;
}

static bool
mutate_line(struct mutation *m, struct str line, struct str id)
{
	struct raw raw = {.form = RAW_LINE, .bytes = line};
	struct decode_result got = {0};
	bool found = false;
	CHECK_INT(decode(m->decoder, &raw, &m->arena, &got), 0);
	for (uint32_t i = 0; i < got.count; i++)
		found |= mutate_event(m, &got.event[i], id);
	return found;
}

static void
mutation_begin(struct mutation *m, struct rules *r)
{
	*m = (struct mutation){.rules = r, .matcher = matcher_new(r), .decoder = decoder_new(rules_names(r)), .slow = slow_new(r)};
	arena_init(&m->arena, 1 << 20, (size_t)256 << 20);
}

static void
mutation_end(struct mutation *m)
{
	printf("# %u events: %u values in the other case; %u bytes of literals changed, %u of them silenced the rule; %u values"
	       " blotted out, %u; nothing silenced %u events\n", m->events, m->flips, m->changes, m->silenced, m->blots,
	    m->blotted, m->stubborn);
	CHECK_INT(m->unfound, 0);
	CHECK_INT(m->disagreements, 0);
	CHECK_INT(m->lost, 0);
	matcher_free(m->matcher);
	decoder_free(m->decoder);
	slow_free(m->slow);
	rules_free(m->rules);
	arena_release(&m->arena);
}

/* ---- the public cases: the file is named after its rule ---- */

static void
mutate_case(void *user, const char *path)
{
	struct mutation *m = user;
	struct buf bytes = BUF_INIT;
	struct json j = {0};
	const char *name = strrchr(path, '/') + 1;
	struct str id = str_from(name, strlen(name) - strlen(".json"));
	size_t used;
	bool found = false;
	CHECK(tap_read(path, &bytes));
	struct str text = buf_str(&bytes);
	while (str_trim(text).n && json_parse_prefix(&j, text, &used, NULL) == 0) {
		bool list = j.token[0].kind == JSON_ARRAY;
		for (uint32_t i = json_first(&j, 0); list && i < json_end(&j, 0); i = json_next(&j, i))
			found |= mutate_line(m, json_raw(&j, i), id);
		found |= !list && mutate_line(m, str_trim(str_cut(text, 0, used)), id);
		text = str_skip(text, used);
	}
	m->unfound += !found;
	json_release(&j);
	buf_release(&bytes);
	arena_clear(&m->arena);
}

TEST(public_cases)
{
	struct faults faults = {0};
	struct rules *r = tap_shared("corpora/sigma/regression_data") ? corpus_sigma(&faults) : NULL;
	struct mutation m;
	if (!r)
		SKIP("shared/corpora/sigma is not there");
	mutation_begin(&m, r);
	corpus_walk(tap_shared("corpora/sigma/regression_data"), STR(".json"), mutate_case, &m);
	CHECK(m.events > 160 && m.flips > 250 && m.changes > 600 && m.silenced > 250);
	CHECK(m.stubborn * 4 < m.events);
	mutation_end(&m);
}

/* ---- our own rules, on the lines of tests/rules ---- */

static void
json_of(const struct yaml *map, struct buf *out)
{
	buf_add_char(out, '{');
	YAML_EACH(item, map) {
		int64_t number;
		if (item != map->first)
			buf_add_char(out, ',');
		buf_add_json_string(out, item->key);
		buf_add_char(out, ':');
		if (item->kind == YAML_MAP)
			json_of(item, out);
		else if (yaml_to_i64(item, &number))
			buf_add_i64(out, number);
		else
			buf_add_json_string(out, item->text);
	}
	buf_add_char(out, '}');
}

static void
mutate_own(void *user, const char *path)
{
	struct mutation *m = user;
	struct buf text = BUF_INIT, json = BUF_INIT;
	struct arena tree;
	struct yaml **document;
	struct fault fault;
	uint32_t documents = 0;
	arena_init(&tree, 4096, 16 << 20);
	CHECK(tap_read(path, &text));
	CHECK_INT(yaml_parse(buf_str(&text), &tree, &document, &documents, &fault), 0);
	for (uint32_t i = 0; i < documents; i++) {
		struct str id = yaml_get_text(document[i], STR("rule"), STR(""));
		YAML_EACH(line, yaml_get(document[i], STR("match"))) {
			buf_clear(&json);
			if (line->kind == YAML_MAP)
				json_of(line, &json);
			m->unfound += !mutate_line(m, line->kind == YAML_MAP ? buf_str(&json) : line->text, id);
			arena_clear(&m->arena);
		}
	}
	arena_release(&tree);
	buf_release(&text);
	buf_release(&json);
}

TEST(our_own_rules)
{
	struct faults faults = {0};
	struct rules *r = corpus_rules();
	struct mutation m;
	corpus_add_folder(r, tap_source("content/rules"), &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	mutation_begin(&m, r);
	corpus_walk(tap_source("tests/rules"), STR(".yml"), mutate_own, &m);
	CHECK(m.events > 200 && m.flips > 150 && m.changes > 250 && m.silenced > 120 && m.blotted > 100);
	CHECK(m.stubborn * 4 < m.events);
	mutation_end(&m);
}
