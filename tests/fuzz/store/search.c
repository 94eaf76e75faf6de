/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A query from hostile hands, and the text it is asked of: the input up to the first NUL is the query, the rest the text
 * of an event. What the filters of a block rely on must hold: a word that is found is neither denied by the trigrams
 * nor, when it is an observable, missing from the list of those.
 */
#include <assert.h>

#include "store/search.h"
#include "store/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_listed(struct str text, struct str word)
{
	struct str got;
	for (size_t at = 0; text_next_address(text, &at, &got);)
		if (str_eq(got, word))
			return true;
	for (size_t at = 0; text_next_hash(text, &at, &got);)
		if (str_eq_nocase(got, word))
			return true;
	return false;
}

static void
check_word(struct str text, struct str word)
{
	static uint8_t seen[TRIGRAM_BITS], bitmap[TRIGRAM_BYTES];
	if (text_find_word(text, 0, word) < 0)
		return;
	memset(seen, 0, sizeof seen);
	trigrams_add(seen, text);
	trigrams_pack(seen, bitmap);
	assert(trigrams_may_hold(bitmap, word));
	assert(!text_is_observable(word) || is_listed(text, word));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_from((const char *)data, size);
	ptrdiff_t nul = str_find_char(all, '\0');
	struct str query = nul < 0 ? all : str_cut(all, 0, (size_t)nul);
	struct str text = nul < 0 ? (struct str){0} : str_skip(all, (size_t)nul + 1);
	struct arena arena;
	struct search s;
	struct fault f = {0};
	arena_init(&arena, 4096, 1 << 20);
	int error = search_parse(query, &arena, &s, &f);
	assert(!error || (f.code == error && f.column >= 1 && f.column <= query.n + 1));
	const struct field field = {.name = STR("host.name"), .value = text};
	const struct search_view view = {0, text, &field, 1};
	for (uint32_t i = 0; !error && i < s.term_count; i++) {
		assert(s.term[i].value.n || s.term[i].kind == TERM_EXISTS);
		if (s.term[i].kind == TERM_TEXT)
			check_word(text, s.term[i].value);
	}
	if (!error)
		search_matches(&s, &view);
	arena_release(&arena);
	return 0;
}
