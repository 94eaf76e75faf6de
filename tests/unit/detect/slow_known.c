/* SPDX-License-Identifier: EUPL-1.2 */
#include "slow_known.h"

#include "base/hash.h"
#include "base/memory.h"

#define MEMORY ((size_t)384 << 20) /* of questions and answers; then all are forgotten */
#define SLOTS (1u << 21)

/* Rules of one log source; those with keywords apart, for they read all there is. */
struct source {
	uint32_t *rule;
	uint32_t rules, cap;
	bool keywords;
	bool *reads; /* by name: some test of theirs asks for it under some name of the map */
};

struct answer {
	struct str question;
	const uint8_t *fired; /* by place in the source */
};

struct slow_known {
	const struct rules *r;
	struct slow *slow;
	struct source *source;
	uint32_t sources, cap;
	uint32_t check_every;
	uint64_t remembered;
	struct arena arena;
	struct answer *slot;
	uint32_t used;
	uint32_t *view, views;
	struct buf question;
	struct event asked; /* what stands in the question, as an event */
	struct slow_counts counts;
};

/* ---- what rules read ---- */

static bool
has_keyword(const struct expr *e)
{
	bool has = e->kind == EXPR_TEST && e->test->name == NAME_UNKNOWN;
	for (uint32_t i = 0; e->kind >= EXPR_NOT && i < e->count; i++)
		has |= has_keyword(e->child[i]);
	return has;
}

static void
read_name(const struct rules *r, struct source *s, uint32_t name)
{
	uint32_t native[SLOT_MAX_NAMES];
	if (name == NAME_UNKNOWN)
		return;
	s->reads[name] = true;
	for (uint32_t i = 0; i < r->rows; i++)
		for (uint32_t k = 0, n = row_names(&r->row[i], name, native); k < n; k++)
			s->reads[native[k]] = true;
}

static void
read_expr(const struct rules *r, struct source *s, const struct expr *e)
{
	for (uint32_t i = 0; e->kind >= EXPR_NOT && i < e->count; i++)
		read_expr(r, s, e->child[i]);
	if (e->kind != EXPR_TEST)
		return;
	read_name(r, s, e->test->name);
	if (e->test->op == TEST_FIELDREF)
		read_name(r, s, e->test->other);
}

static struct source *
source_of(struct slow_known *k, const struct rule *rule)
{
	bool keywords = has_keyword(rule->expr);
	for (uint32_t i = 0; i < k->sources; i++) {
		const struct rule *like = k->r->rule[k->source[i].rule[0]];
		if (k->source[i].keywords == keywords && str_eq(like->product, rule->product) &&
		    str_eq(like->category, rule->category) && str_eq(like->service, rule->service))
			return &k->source[i];
	}
	MEM_GROW(k->source, k->sources, k->cap);
	struct source *s = &k->source[k->sources++];
	*s = (struct source){.keywords = keywords, .reads = mem_calloc(names_count(k->r->names), sizeof *s->reads)};
	return s;
}

struct slow_known *
slow_known_new(const struct rules *r, uint32_t check_every)
{
	struct slow_known *k = MEM_NEW(struct slow_known);
	k->r = r;
	k->slow = slow_new(r);
	k->check_every = check_every;
	k->slot = mem_calloc(SLOTS, sizeof *k->slot);
	k->view = mem_calloc(r->rows + 1, sizeof *k->view);
	arena_init(&k->arena, 1 << 20, MEMORY);
	for (uint32_t i = 0; i < r->count; i++) {
		if (!r->rule[i]->expr)
			continue;
		struct source *s = source_of(k, r->rule[i]);
		MEM_GROW(s->rule, s->rules, s->cap);
		s->rule[s->rules++] = i;
		read_expr(r, s, r->rule[i]->expr);
	}
	return k;
}

void
slow_known_free(struct slow_known *k)
{
	for (uint32_t i = 0; i < k->sources; i++) {
		mem_free(k->source[i].rule);
		mem_free(k->source[i].reads);
	}
	mem_free(k->source);
	mem_free(k->slot);
	mem_free(k->view);
	buf_release(&k->question);
	mem_free(k->asked.field);
	arena_release(&k->arena);
	slow_free(k->slow);
	mem_free(k);
}

/* ---- questions ---- */

static void
put_number(struct buf *b, uint32_t n)
{
	buf_add(b, str_from((const char *)&n, sizeof n));
}

static void
put_text(struct buf *b, struct str s)
{
	put_number(b, (uint32_t)s.n);
	buf_add(b, s);
}

/* Everything that a rule of the source may look at, in the order of the event. */
static void
write_question(struct slow_known *k, uint32_t number, struct event *e)
{
	const struct source *s = &k->source[number];
	struct buf *b = &k->question;
	buf_clear(b);
	k->asked = (struct event){.arena = e->arena, .decoder = e->decoder, .field = k->asked.field, .field_cap = k->asked.field_cap,
		.text = s->keywords ? e->text : (struct str){0}};
	put_number(b, number);
	put_number(b, k->views);
	for (uint32_t i = 0; i < k->views; i++)
		put_number(b, k->view[i]);
	if (s->keywords) {
		put_number(b, e->decoder);
		put_number(b, e->text.p != NULL);
		put_text(b, e->text);
	}
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *f = &e->field[i];
		if (!s->keywords && (f->id == NAME_UNKNOWN || !s->reads[f->id]))
			continue;
		put_number(b, f->id);
		put_number(b, (uint32_t)f->kind << 1 | f->core);
		put_text(b, event_value(e, f));
		MEM_GROW(k->asked.field, k->asked.field_count, k->asked.field_cap);
		k->asked.field[k->asked.field_count++] = *f;
	}
}

static struct answer *
find_answer(struct slow_known *k)
{
	struct str question = buf_str(&k->question);
	uint32_t at = (uint32_t)hash64(question, 1) % SLOTS;
	while (k->slot[at].question.p && !str_eq(k->slot[at].question, question))
		at = (at + 1) % SLOTS;
	return &k->slot[at];
}

/* A new answer, or none when it does not fit. */
static void
remember(struct slow_known *k, const struct source *s, struct answer *a, const bool *fired)
{
	struct str question;
	uint8_t *bits = k->used < SLOTS / 2 ? arena_alloc(&k->arena, s->rules) : NULL;
	if (!bits || !arena_copy(&k->arena, buf_str(&k->question), &question)) {
		memset(k->slot, 0, SLOTS * sizeof *k->slot);
		arena_clear(&k->arena);
		k->used = 0;
		return;
	}
	for (uint32_t i = 0; i < s->rules; i++)
		bits[i] = fired[s->rule[i]];
	*a = (struct answer){question, bits};
	k->used++;
}

static void
judge(struct slow_known *k, const struct source *s, struct event *e, bool *fired)
{
	for (uint32_t i = 0; i < s->rules; i++)
		fired[s->rule[i]] = slow_holds(k->slow, s->rule[i], e, k->view, k->views);
}

static void
match_source(struct slow_known *k, uint32_t number, struct event *e, bool *fired)
{
	const struct source *s = &k->source[number];
	if (!(k->views = slow_views(k->slow, s->rule[0], e, k->view)))
		return;
	write_question(k, number, e);
	struct answer *a = find_answer(k);
	bool known = a->question.p, check = known && k->remembered++ % k->check_every == 0;
	if (!known || check)
		judge(k, s, known ? e : &k->asked, fired);
	for (uint32_t i = 0; known && i < s->rules; i++) {
		k->counts.wrong += check && fired[s->rule[i]] != a->fired[i];
		fired[s->rule[i]] = a->fired[i];
	}
	*(known ? &k->counts.checked : &k->counts.judged) += !known || check ? s->rules : 0;
	if (!known)
		remember(k, s, a, fired);
}

void
slow_known_match(struct slow_known *k, struct event *e, bool *fired)
{
	memset(fired, 0, k->r->count * sizeof *fired);
	for (uint32_t i = 0; i < k->sources; i++)
		match_source(k, i, e, fired);
	k->counts.events++;
	k->counts.rules = k->r->count;
}

struct slow_counts
slow_known_counts(const struct slow_known *k)
{
	return k->counts;
}
