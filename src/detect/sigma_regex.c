/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Regular expressions by Vectorscan: linear time whatever the pattern and the text; what it cannot take (look-around,
 * back references, sizes that explode) is refused when the rule is loaded. Most patterns of real rules contain a text
 * that every match must contain: it is what the literal index looks for, and only then the expression runs.
 */
#include <assert.h>

#include "base/memory.h"
#include "detect/sigma_internal.h"

/* Reading a pattern for its longest mandatory text. */
struct scan {
	struct str s;
	size_t at;
	char *run;
	size_t n;
	struct str best;
	char *best_text;
};

static void
end_run(struct scan *sc)
{
	if (sc->n > sc->best.n) {
		memcpy(sc->best_text, sc->run, sc->n);
		sc->best = str_from(sc->best_text, sc->n);
	}
	sc->n = 0;
}

static void
skip_class(struct scan *sc)
{
	size_t from = sc->at++;
	if (sc->at < sc->s.n && sc->s.p[sc->at] == '^')
		sc->at++;
	for (size_t first = sc->at; sc->at < sc->s.n; sc->at++) {
		char c = sc->s.p[sc->at];
		if (c == '\\')
			sc->at++;
		else if (c == ']' && sc->at > first && sc->at > from + 1)
			break;
	}
	sc->at++;
}

static void
skip_group(struct scan *sc)
{
	uint32_t depth = 0;
	while (sc->at < sc->s.n) {
		char c = sc->s.p[sc->at];
		if (c == '[') {
			skip_class(sc);
			continue;
		}
		sc->at += c == '\\' ? 2 : 1;
		depth += c == '(';
		if (c == ')' && --depth == 0)
			return;
	}
}

/* Is what stands before `at` repeated, and may it be absent? Steps over the quantifier. */
static bool
skip_quantifier(struct scan *sc, bool *ret_optional)
{
	char c = sc->at < sc->s.n ? sc->s.p[sc->at] : '\0';
	if (c != '*' && c != '+' && c != '?' && c != '{')
		return false;
	*ret_optional = c != '+';
	if (c == '{') {
		while (sc->at < sc->s.n && sc->s.p[sc->at] != '}')
			sc->at++;
	}
	sc->at++;
	if (sc->at < sc->s.n && (sc->s.p[sc->at] == '?' || sc->s.p[sc->at] == '+'))
		sc->at++;
	return true;
}

/* What a backslash makes of the next byte: itself, or 0 when that is more than a letter. */
static char
take_escape(struct scan *sc)
{
	static const char with_argument[] = "xpPckgo"; /* rare: stop looking here */
	char c = sc->at < sc->s.n ? sc->s.p[sc->at++] : '\0';
	char low = ascii_lower(c);
	if (c && memchr(with_argument, c, sizeof with_argument - 1))
		sc->at = sc->s.n;
	return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c > 127 ? '\0' : c;
}

/* One element that is a plain letter: its byte, or 0 (then it is stepped over or ends the run). */
static char
take_plain(struct scan *sc)
{
	char c = sc->s.p[sc->at];
	if (c == '[')
		skip_class(sc);
	else if (c == '(')
		skip_group(sc);
	else
		sc->at++;
	if (c == '\\')
		return take_escape(sc);
	return (unsigned char)c > 127 || memchr("[(.^$", c, 5) ? '\0' : c;
}

/* (?x) and the like: white space of the pattern is no part of it. */
static bool
has_extended_spaces(struct str group)
{
	size_t at = 2;
	if (!str_starts(group, STR("(?")))
		return false;
	for (char c; at < group.n && (c = ascii_lower(group.p[at])) != 'x'; at++)
		if (c != '-' && (c < 'a' || c > 'z'))
			return false;
	return at < group.n;
}

/* A bar outside of brackets makes nothing mandatory; neither do we look into patterns with extended white space, or with
 * brackets inside of brackets ([[:alpha:]]). */
static bool
has_alternatives(struct str s)
{
	struct scan sc = {.s = s};
	if (str_find(s, STR("\\Q")) >= 0 || str_find(s, STR("[:")) >= 0)
		return true;
	while (sc.at < s.n) {
		char c = s.p[sc.at];
		if (c == '|' || (c == '(' && has_extended_spaces(str_skip(s, sc.at))))
			return true;
		if (c == '[')
			skip_class(&sc);
		else if (c == '(')
			skip_group(&sc);
		else
			sc.at += c == '\\' ? 2 : 1;
	}
	return false;
}

static bool
mandatory_text(struct arena *scratch, struct str s, struct str *ret)
{
	struct scan sc = {.s = s, .run = arena_alloc(scratch, s.n + 1), .best_text = arena_alloc(scratch, s.n + 1)};
	char *fold = arena_alloc(scratch, FOLD_ROOM(s.n));
	if (!sc.run || !sc.best_text || !fold)
		return false;
	while (sc.at < s.n) {
		bool optional = false;
		char c = take_plain(&sc);
		bool repeated = skip_quantifier(&sc, &optional);
		if (c && !(repeated && optional))
			sc.run[sc.n++] = c;
		if (!c || repeated)
			end_run(&sc);
	}
	end_run(&sc);
	*ret = str_from(fold, fold_text(sc.best, fold));
	return true;
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return false;
	return true;
}

static unsigned
flags_of(const struct test *t)
{
	return t->regex_flags | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | (t->bits ? HS_FLAG_UTF8 : 0u);
}

/* What Vectorscan refuses and how often rules hold it: each kind has a sentence that says what to write instead. Its own
 * words, which tell the place, stand beside. */
static const char *
refusal_of(struct str words)
{
	static const struct {
		struct str words;
		const char *what;
	} kind[] = {
		{STR_INIT("Zero-width assertions"), "rule_regex_look"},
		{STR_INIT("Embedded"), "rule_regex_anchor"},
		{STR_INIT("onditional"), "rule_regex_back"},
		{STR_INIT("ack-reference"), "rule_regex_back"},
		{STR_INIT("back reference"), "rule_regex_back"},
		{STR_INIT("nvalid reference"), "rule_regex_back"},
		{STR_INIT("Subpattern reference"), "rule_regex_back"},
		{STR_INIT("Possessive quantifiers"), "rule_regex_atomic"},
		{STR_INIT("Atomic groups"), "rule_regex_atomic"},
		{STR_INIT("too large"), "rule_regex_large"},
		{STR_INIT("parenthes"), "rule_regex_bracket"},
		{STR_INIT("after (?"), "rule_regex_group"},
		{STR_INIT("Group name"), "rule_regex_group"},
		{STR_INIT("named subpatterns"), "rule_regex_group"},
		{STR_INIT("character class"), "rule_regex_class"},
		{STR_INIT("POSIX"), "rule_regex_class"},
		{STR_INIT("Invalid repeat"), "rule_regex_repeat"},
		{STR_INIT("never match"), "rule_regex_never"},
		{STR_INIT("\\"), "rule_regex_escape"},
		{STR_INIT("Unknown property"), "rule_regex_escape"},
	};
	for (size_t i = 0; i < COUNT(kind); i++)
		if (str_find(words, kind[i].words) >= 0)
			return kind[i].what;
	return "rule_regex";
}

int
sigma_check_regex(struct parse *p, struct test *t)
{
	struct str pattern;
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	fault_set(&p->fault, E_INVALID, "rule_regex", t->literal, 0, 0);
	if (t->literal.n > REGEX_MAX_BYTES)
		return E_LIMIT;
	if (memchr(t->literal.p, '\0', t->literal.n))
		return E_INVALID;
	if (!arena_copy(&p->scratch, t->literal, &pattern))
		return E_LIMIT;
	if (has_alternatives(pattern))
		t->needle = (struct str){0};
	else if (!mandatory_text(&p->scratch, pattern, &t->needle))
		return E_LIMIT;
	t->bits = !is_ascii(pattern);
	if (hs_expression_info(pattern.p, flags_of(t), &info, &error) != HS_SUCCESS) {
		fault_set(&p->fault, E_INVALID, refusal_of(str_z(error->message)), str_z(error->message), 0, 0);
		hs_free_compile_error(error);
		return E_INVALID;
	}
	free(info); /* Vectorscan's, by malloc */
	return 0;
}

/* ---- which of Vectorscan's variants runs ---- */

typedef hs_error_t scan_vector(const hs_database_t *database, const char *const *piece, const unsigned *length,
    unsigned count, unsigned flags, hs_scratch_t *scratch, match_event_handler found, void *user);

#ifdef __x86_64__
/*
 * Vectorscan holds its code several times and takes the variant that the processor is best at. The one for AVX-512 misses
 * matches in Debian 12's 5.4.9 (and in 5.4.11: its issue 304): a lone `a` in two of three texts longer than 64 bytes. The
 * others find what they should, so they are called by their names, which only the archive gives us.
 */
scan_vector core2_hs_scan_vector, corei7_hs_scan_vector, avx2_hs_scan_vector;

static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static scan_vector *
fastest_right_one(void)
{
	bool corei7 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
	return has_avx2() ? avx2_hs_scan_vector : corei7 ? corei7_hs_scan_vector : core2_hs_scan_vector;
}

const hs_platform_info_t *
sigma_regex_platform(void)
{
	static const hs_platform_info_t with = {.cpu_features = HS_CPU_FEATURES_AVX2}, without = {0};
	return has_avx2() ? &with : &without;
}
#else
static scan_vector *
fastest_right_one(void)
{
	return hs_scan_vector;
}

const hs_platform_info_t *
sigma_regex_platform(void)
{
	return NULL;
}
#endif

/* ---- databases ---- */

/* A pattern that is well-formed and yet too much for Vectorscan never matches; the number of them is told. */
static hs_database_t *
compile(const struct test *t)
{
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;
	if (hs_compile(t->literal.p, flags_of(t), REGEX_MODE, sigma_regex_platform(), &database, &error) != HS_SUCCESS)
		hs_free_compile_error(error);
	return database;
}

const hs_database_t *
sigma_compile_regex(const struct test *test)
{
	struct test *t = (struct test *)(uintptr_t)test;
	hs_database_t *there = __atomic_load_n(&t->regex, __ATOMIC_ACQUIRE);
	hs_database_t *mine = there ? NULL : compile(t);
	if (!mine)
		return there;
	/* Two matchers of one set may ask at once: the first database stays. */
	if (__atomic_compare_exchange_n(&t->regex, &there, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	hs_free_database(mine);
	return there;
}

void
sigma_scan_regex(const hs_database_t *database, struct str value, hs_scratch_t *scratch, match_event_handler found,
    void *user)
{
	const char *piece = value.p ? value.p : "";
	unsigned n = value.n < UINT32_MAX ? (unsigned)value.n : UINT32_MAX;
	hs_error_t error = fastest_right_one()(database, &piece, &n, 1, 0, scratch, found, user);
	assert(error == HS_SUCCESS || error == HS_SCAN_TERMINATED);
}

uint32_t
sigma_compile_regexes(const struct rules *r)
{
	uint32_t failed = 0;
	for (uint32_t i = 0; i < r->tests; i++)
		failed += r->test[i]->op == TEST_REGEX && !sigma_compile_regex(r->test[i]);
	return failed;
}
