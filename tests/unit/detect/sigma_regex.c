/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Expressions beside the C library's regexec(): on values as long as steps of the processor's vectors and around them, with
 * what is looked for at the front, at the end and in between; alone, joined with others, and on values that are not kept.
 */
#include <regex.h>

#include "base/memory.h"
#include "corpus.h"
#include "detect/sigma_internal.h"
#include "random.h"
#include "tap.h"

#define VALUES 2500
#define LONGEST 210u

/* What both understand alike. */
static const char *const patterns[] = {"..+a", "ab+", "ab", "a", "a[0-9]", "a[0-9][0-9]", "[ab]1", "b.*a.*1", "a.b", "[a-b]{2}1", "1$",
	"^[^a]+$", "a?b1", "(a|b)+1", "[^x. ]", "[^x]b", "a.?1", "b", "-a|-b", "1-", "[a1]b[a1]", "x{15,}ab", "a.{1,70}b", "[[:digit:]]b",
	"ba-a.?$", "^x.*1$", "b1|a-"};

static struct rules *
rules_of_patterns(void)
{
	struct rules *r = corpus_rules();
	struct faults faults = {0};
	for (size_t i = 0; i < COUNT(patterns); i++) {
		struct buf text = BUF_INIT;
		buf_addf(&text, "title: t\nid: r%zu\nlogsource: {product: test}\ndetection: {s: {A|re: '%s'}, condition: s}\n", i, patterns[i]);
		rules_add(r, buf_str(&text), STR("r"), corpus_count_fault, &faults);
		buf_release(&text);
	}
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	CHECK_INT(rules_count(r), COUNT(patterns));
	return r;
}

static void
random_value(char *out)
{
	static const uint8_t step[] = {16, 32, 64, 128, 192};
	static const char *const word[] = {"ab1", "xa1", "ba-a", "a", "b1"};
	uint32_t n = pick(2) ? 1 + pick(LONGEST - 1) : step[pick(COUNT(step))] + pick(5) - 2, length;
	const char *w = word[pick(COUNT(word))];
	for (uint32_t i = 0; i < n; i++)
		out[i] = pick(60) ? "x. "[pick(3)] : "ab1-"[pick(4)];
	out[n] = '\0';
	length = (uint32_t)strlen(w);
	if (pick(2) && n > length)
		memcpy(out + (pick(2) ? n - length : pick(n - length + 1)), w, length);
}

/* A copy that ends where its memory does, which the sanitizer watches. */
static uint32_t
wrongly_found(const struct rules *r, struct matcher *m, const char *value, const regex_t *want)
{
	struct arena arena;
	struct event e;
	struct finding *finding = NULL;
	uint32_t wrong = 0, at = 0;
	size_t n = strlen(value);
	char *copy = mem_alloc(n);
	memcpy(copy, value, n);
	arena_init(&arena, 64 << 10, 1 << 20);
	event_begin(&e, &arena, NULL);
	e.decoder = DECODER_JSON;
	e.product = STR("test");
	event_put(&e, rules_names(r), STR("A"), str_from(copy, n), FIELD_TEXT, false);
	uint32_t found = matcher_match(m, &e, &arena, &finding);
	for (uint32_t i = 0; i < rules_count(r); i++) {
		bool fired = at < found && finding[at].rule == rules_info(r, i);
		at += fired;
		if (fired != (regexec(&want[i], value, 0, NULL, 0) == 0) && !wrong++)
			printf("# %s in %zu bytes: %s, fired %d\n", patterns[i], n, value, fired);
	}
	arena_release(&arena);
	mem_free(copy);
	return wrong;
}

TEST(expressions_find_what_the_c_library_finds)
{
	regex_t want[COUNT(patterns)];
	struct rules *r = rules_of_patterns();
	struct matcher *m = matcher_new(r), *hasty = matcher_new(r), *tended = matcher_new(r);
	uint32_t wrong = 0;
	char value[LONGEST + 1];
	matcher_forget(hasty);
	matcher_expect_warming(tended); /* and never warmed: one by one */
	random_start(512);
	for (size_t i = 0; i < COUNT(patterns); i++)
		CHECK_INT(regcomp(&want[i], patterns[i], REG_EXTENDED | REG_NOSUB), 0);
	for (uint32_t i = 0; i < VALUES && wrong < 10; i++) {
		random_value(value);
		wrong += wrongly_found(r, m, value, want) + wrongly_found(r, hasty, value, want);
		wrong += i % 4 ? 0 : wrongly_found(r, tended, value, want);
	}
	CHECK_INT(wrong, 0);
	for (size_t i = 0; i < COUNT(patterns); i++)
		regfree(&want[i]);
	matcher_free(m);
	matcher_free(hasty);
	matcher_free(tended);
	rules_free(r);
}
