/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/lang.h"
#include "detect/correlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every refusal has a sentence and a file. */
static void
check_fault(void *user, const struct fault *f)
{
	struct buf key = BUF_INIT;
	assert(f->code < 0 && f->what && f->file[0]);
	buf_addf(&key, "fault.%s", f->what);
	assert(!str_eq(lang_text(LANG_VI, buf_str(&key)), buf_str(&key)));
	buf_release(&key);
	++*(uint32_t *)user;
}

/* A rule file as anybody may write it: what loads can be matched, what does not is told. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *r = rules_new();
	struct fault fault;
	struct arena arena;
	struct finding *finding, *more;
	uint32_t faults = 0;
	static const struct str words[] = {STR_INIT("one"), STR_INIT("two")};
	int error = rules_add_map(r, STR("sources: [{product: p, category: c, when: {product: p}, rename: {A: [B, C]}}]"),
	    STR("map"), &fault);
	assert(!error);
	rules_add_placeholder(r, STR("list"), words, COUNT(words));
	rules_add(r, str_from((const char *)data, size), STR("r.yml"), check_fault, &faults);
	error = rules_finish(r, check_fault, &faults);
	assert(!error && rules_stats(r).refused == faults);
	struct matcher *m = matcher_new(r);
	struct correlator *c = correlator_new(r, 64 << 10);
	arena_init(&arena, 4096, 1 << 20);
	struct event e;
	event_begin(&e, &arena, NULL);
	e.product = STR("p");
	e.category = STR("c");
	e.text = STR("one or two words");
	event_put(&e, rules_names(r), STR("A"), STR("one"), FIELD_TEXT, false);
	event_put(&e, rules_names(r), STR("B"), STR("C:\\two.exe -x"), FIELD_TEXT, false);
	uint32_t n = matcher_match(m, &e, &arena, &finding);
	for (uint32_t i = 0; i < n; i++)
		(void)correlator_feed(c, &finding[i], &arena, &more);
	assert(matcher_match(m, &e, &arena, &finding) == n);
	arena_release(&arena);
	correlator_free(c);
	matcher_free(m);
	rules_free(r);
	return 0;
}
