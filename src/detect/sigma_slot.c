/* SPDX-License-Identifier: EUPL-1.2 */
/* The slots of a plan: which of their atoms stand in the literal index, which among the expressions, which alone. */
#include "base/memory.h"
#include "detect/sigma_plan.h"

#define NEEDLE_MIN 3u        /* a shorter text announces an expression too often */
#define MIN_TOGETHER 6u      /* fewer are tried alone: joining them takes longer than many values */
#define MAX_TOGETHER 64u     /* expressions compiled into one; the others are tried alone */
#define REPEATS_MAX 70u
#define ANYTHINGS_MAX 2u
#define PREFILTER_MIN 4u     /* bytes of a keyword that must be safe to look for in a raw line */
#define PREFILTER_MAX 256u

static void *
take(struct plan *p, size_t count, size_t size)
{
	void *got = arena_calloc(&p->arena, count, size);
	if (!got)
		abort();
	return got;
}

/* How a test stands in its slot's index; false when it does not. */
static bool
test_literal(const struct test *t, struct literal *ret, bool *ret_verify)
{
	static const uint8_t anchor[] = {[TEST_EQ] = LITERAL_WHOLE, [TEST_PREFIX] = LITERAL_PREFIX,
		[TEST_SUFFIX] = LITERAL_SUFFIX, [TEST_CONTAINS] = LITERAL_INSIDE};
	if (t->op >= TEST_EQ && t->op <= TEST_CONTAINS && (t->literal.n || t->op == TEST_EQ)) {
		*ret = (struct literal){t->cased ? t->needle : t->literal, anchor[t->op]};
		*ret_verify = t->cased;
		return true;
	}
	if (t->op == TEST_GLOB ? !t->needle.n : t->op != TEST_REGEX || t->needle.n < NEEDLE_MIN)
		return false;
	*ret = (struct literal){t->needle, LITERAL_INSIDE};
	*ret_verify = true;
	return true;
}

/* ---- expressions ---- */

struct together {
	const struct test *test[MAX_TOGETHER];
	uint32_t atom[MAX_TOGETHER];
	uint32_t count;
};

void
regex_sets_release(struct regex_sets *sets)
{
	for (uint32_t i = 0; i < sets->count; i++) {
		hs_free_database(sets->set[i]->database);
		mem_free(sets->set[i]->test);
		mem_free(sets->set[i]);
	}
	*sets = (struct regex_sets){0};
}

/* Repetitions of many times, and many of anything, make automata that take long to join. */
static bool
repeats_often(struct str pattern)
{
	uint32_t anythings = 0;
	for (size_t i = 0; i < pattern.n; i++) {
		uint32_t times = 0;
		anythings += pattern.p[i] == '.' && i + 1 < pattern.n && pattern.p[i + 1] == '*';
		if (anythings > ANYTHINGS_MAX)
			return true;
		if (pattern.p[i] != '{' && pattern.p[i] != ',')
			continue;
		for (size_t k = i + 1; k < pattern.n && times < REPEATS_MAX && pattern.p[k] >= '0' && pattern.p[k] <= '9'; k++)
			times = times * 10 + (uint32_t)(pattern.p[k] - '0');
		if (times >= REPEATS_MAX)
			return true;
	}
	return false;
}

/* Patterns over UTF-8 stay alone: they must not see other bytes. */
static bool
add_together(struct together *all, const struct test *t, uint32_t atom)
{
	if (t->op != TEST_REGEX || t->bits || all->count == MAX_TOGETHER || repeats_often(t->literal))
		return false;
	all->test[all->count] = t;
	all->atom[all->count++] = atom;
	return true;
}

static hs_database_t *
compile_set(const struct regex_set *all)
{
	const char *pattern[MAX_TOGETHER];
	unsigned flags[MAX_TOGETHER], id[MAX_TOGETHER];
	hs_compile_error_t *error = NULL;
	hs_database_t *database = NULL;
	for (uint32_t i = 0; i < all->count; i++) {
		pattern[i] = all->test[i]->literal.p;
		flags[i] = all->test[i]->regex_flags | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
		id[i] = i;
	}
	if (hs_compile_multi(pattern, flags, id, all->count, REGEX_MODE, sigma_regex_platform(), &database, &error) !=
	    HS_SUCCESS)
		hs_free_compile_error(error);
	return database;
}

void
regex_set_compile(struct regex_set *set)
{
	set->database = compile_set(set);
	__atomic_store_n(&set->tried, true, __ATOMIC_RELEASE);
}

/* The set of these expressions, which some other plan may have as well; NULL when they stay alone. */
static struct regex_set *
join_expressions(struct regex_sets *sets, const struct together *all)
{
	size_t bytes = all->count * sizeof *all->test;
	if (all->count < MIN_TOGETHER)
		return NULL;
	for (uint32_t i = 0; i < sets->count; i++)
		if (sets->set[i]->count == all->count && memcmp(sets->set[i]->test, all->test, bytes) == 0)
			return sets->set[i];
	if (sets->count == REGEX_MAX_SETS)
		return NULL;
	struct regex_set *set = MEM_NEW(struct regex_set);
	set->test = mem_alloc(bytes);
	set->count = all->count;
	memcpy(set->test, all->test, bytes);
	sets->set[sets->count] = set;
	__atomic_store_n(&sets->count, sets->count + 1, __ATOMIC_RELEASE);
	return set;
}

/* ---- keywords ---- */

/* The longest part of a text that JSON writes as it is, \u aside. */
static struct str
safe_run(struct str s)
{
	struct str best = {0};
	for (size_t i = 0; i < s.n;) {
		size_t from = i;
		while (i < s.n && s.p[i] >= ' ' && s.p[i] < 0x7f && !memchr("\"\\/", s.p[i], 3))
			i++;
		if (i - from > best.n)
			best = str_from(s.p + from, i - from);
		i += i < s.n && i == from;
	}
	return best;
}

/* A letter of a keyword may also be written as \u00xx, whatever the case of the letter. */
static uint32_t
put_hidden_letters(struct plan *p, const struct str *word, uint32_t count, struct str *to)
{
	static const char digit[] = "0123456789abcdef";
	bool seen[128] = {0};
	uint32_t n = 0;
	for (uint32_t i = 0; i < count; i++)
		for (size_t k = 0; k < word[i].n; k++) {
			char c = ascii_lower(word[i].p[k]);
			seen[(unsigned char)c] = true;
			seen[(unsigned char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c)] = true;
		}
	for (unsigned c = ' '; c < 0x7f; c++) {
		if (!seen[c])
			continue;
		char *text = take(p, 6, 1);
		memcpy(text, "\\u00", 4);
		text[4] = digit[c >> 4];
		text[5] = digit[c & 15];
		to[n++] = str_from(text, 6);
	}
	return n;
}

/* One scan of the line, or of a value, as it came, before it is unescaped or folded: what finds neither a keyword nor a
 * way to hide one (an escaped letter of it, or one of the two letters beyond ASCII that fold into one) holds none. */
static void
make_prefilter(struct slot *s, struct plan *p, const uint32_t *atom, uint32_t atoms)
{
	static const struct str hiding[] = {STR_INIT("\\u017f"), STR_INIT("\\u212a"), STR_INIT("\xc5\xbf"),
		STR_INIT("\xe2\x84\xaa")};
	struct str word[PREFILTER_MAX + 128 + COUNT(hiding)];
	uint32_t count = 0;
	if (s->names || atoms > PREFILTER_MAX)
		return;
	for (uint32_t i = 0; i < atoms; i++) {
		word[count] = safe_run(p->atom[atom[i]].test->needle);
		if (word[count++].n < PREFILTER_MIN)
			return;
	}
	count += put_hidden_letters(p, word, count, word + count);
	for (size_t i = 0; i < COUNT(hiding); i++)
		word[count++] = hiding[i];
	if (!(s->prefilter = sieve_new(&p->arena, word, count)))
		abort();
}

/* ---- slots ---- */

struct fill {
	struct slot *slot;
	uint32_t *eager, *null, *exists, *silent;
	struct together together;
};

static void
place_atom(struct fill *f, const struct plan *p, uint32_t atom)
{
	struct announcer *all = &f->slot->all;
	struct atom *a = &p->atom[atom];
	if (a->test->op == TEST_NULL) {
		f->null[f->slot->nulls++] = atom;
		return; /* never true of a value */
	}
	if (a->deferred)
		return;
	if (test_literal(a->test, &all->text[all->count], &a->verify)) {
		all->atom[all->count++] = atom;
		a->indexed = true;
		a->announced = a->rules > 0;
		return;
	}
	if (a->rules)
		f->silent[f->slot->silents++] = atom;
	if (a->test->op == TEST_EXISTS)
		f->exists[f->slot->exist++] = atom;
	else if (add_together(&f->together, a->test, atom))
		a->joined = true;
	else
		f->eager[f->slot->eagers++] = atom;
}

static void
join_slot(struct fill *f, struct plan *p, struct regex_sets *sets)
{
	const struct together *all = &f->together;
	uint32_t *joined = take(p, all->count, sizeof *joined);
	f->slot->joined = join_expressions(sets, all);
	for (uint32_t i = 0; i < all->count; i++) {
		joined[i] = all->atom[i];
		if (f->slot->joined)
			continue;
		p->atom[joined[i]].joined = false;
		f->eager[f->slot->eagers++] = joined[i];
	}
	f->slot->joined_atom = joined;
}

static void
fill_slot(struct plan *p, struct regex_sets *sets, uint32_t number, const uint32_t *atom, uint32_t atoms)
{
	struct slot *s = &p->slot[number];
	struct fill f = {.slot = s, .eager = take(p, atoms, sizeof(uint32_t)), .null = take(p, atoms, sizeof(uint32_t)),
		.exists = take(p, atoms, sizeof(uint32_t)), .silent = take(p, atoms, sizeof(uint32_t))};
	s->all.text = take(p, atoms, sizeof *s->all.text);
	s->all.atom = take(p, atoms, sizeof *s->all.atom);
	for (uint32_t i = 0; i < atoms; i++)
		if (p->atom[atom[i]].rules)
			place_atom(&f, p, atom[i]);
	s->witness = s->all; /* they stand in front */
	for (uint32_t i = 0; i < atoms; i++)
		if (!p->atom[atom[i]].rules)
			place_atom(&f, p, atom[i]);
	join_slot(&f, p, sets);
	make_prefilter(s, p, atom, atoms);
	s->eager = f.eager;
	s->null = f.null;
	s->exists = f.exists;
	s->silent = f.silent;
	s->lazy = s->names == 1 && (s->witness.count < s->all.count || s->eagers || s->joined);
}

const struct literal_index *
plan_index(const struct plan *p, struct announcer *a)
{
	struct plan *own = (struct plan *)(uintptr_t)p; /* a plan belongs to one matcher, and to its thread */
	if (!a->index && a->count && !(a->index = literal_index_new(&own->arena, a->text, a->count)))
		abort();
	return a->index;
}

static int
by_slot(const void *a, const void *b, void *user)
{
	const struct plan *p = user;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	if (p->atom[x].slot != p->atom[y].slot)
		return p->atom[x].slot < p->atom[y].slot ? -1 : 1;
	return x < y ? -1 : x > y;
}

void
plan_fill_slots(struct plan *p, struct regex_sets *sets)
{
	uint32_t *order = mem_calloc(p->atoms, sizeof *order);
	for (uint32_t i = 0; i < p->atoms; i++)
		order[i] = i;
	qsort_r(order, p->atoms, sizeof *order, by_slot, p);
	for (uint32_t from = 0; from < p->atoms;) {
		uint32_t slot = p->atom[order[from]].slot, to = from;
		while (to < p->atoms && p->atom[order[to]].slot == slot)
			to++;
		fill_slot(p, sets, slot, order + from, to - from);
		from = to;
	}
	mem_free(order);
}
