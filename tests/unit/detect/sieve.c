/* SPDX-License-Identifier: EUPL-1.2 */
/* Words in lines: what stands where, and random words in random lines beside a plain search, on every path. */
#include "detect/sieve.h"
#include "random.h"
#include "tap.h"

static bool
plainly(const struct str *word, uint32_t count, struct str text)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_find_nocase(text, word[i]) >= 0)
			return true;
	return false;
}

TEST(words_are_found_whatever_their_case_and_place)
{
	static const struct str word[] = {STR_INIT("sekurlsa::"), STR_INIT("\\u00"), STR_INIT("\xc5\xbf"), STR_INIT("z")};
	static const struct {
		const char *line;
		bool found;
	} rows[] = {
		{"", false},
		{"a", false},
		{"Z", true},
		{"sekurlsa:", false},
		{"SEKURLSA::logonpasswords", true},
		{"a line that is longer than one step of the sieve and ends in sekurLSA::", true},
		{"a line that is longer than one step of the sieve and ends in sekurLSA:", false},
		{"{\"a\":\"\\u0041\"}", true},
		{"{\"a\":\"\\u1041 and nothing else that would be of interest to anybody\"}", false},
		{"mi\xc5\xbf" "c", true},
		{"mi\xc5\xbe" "c", false},
	};
	struct arena a;
	arena_init(&a, 4096, 1 << 20);
	const struct sieve *s = sieve_new(&a, word, COUNT(word));
	CHECK(s != NULL);
	for (size_t i = 0; s && i < COUNT(rows); i++)
		for (enum sieve_path path = SIEVE_PORTABLE; path < SIEVE_PATHS; path++)
			if (sieve_path_works(path))
				CHECK_INT(sieve_finds_on(path, s, str_z(rows[i].line)), rows[i].found);
	arena_release(&a);
}

TEST(no_word_is_never_found)
{
	struct arena a;
	arena_init(&a, 4096, 1 << 20);
	const struct sieve *s = sieve_new(&a, NULL, 0);
	CHECK(s && !sieve_finds(s, STR("anything at all, and more than one step of thirty-two bytes")));
	arena_release(&a);
}

static struct str
random_text(char *out, uint32_t most, uint32_t least)
{
	static const char letters[] = "abABk:\\u0\xc5\xbf";
	uint32_t n = least + pick(most - least + 1);
	for (uint32_t i = 0; i < n; i++)
		out[i] = letters[pick(sizeof letters - 1)];
	return str_from(out, n);
}

TEST(every_path_says_what_a_plain_search_says)
{
	enum { WORDS = 40, ROUNDS = 20000 };
	static char text[WORDS][8], line[160];
	struct str word[WORDS];
	uint32_t found = 0, differs = 0;
	random_start(UINT64_C(0x5eed5eed));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct arena a;
		uint32_t count = 1 + pick(WORDS);
		arena_init(&a, 16384, 1 << 20);
		for (uint32_t i = 0; i < count; i++)
			word[i] = random_text(text[i], 8, i % 4 ? 5 : 1 + (i > 8) * 3);
		const struct sieve *s = sieve_new(&a, word, count);
		struct str s_line = random_text(line, sizeof line, 0);
		bool want = plainly(word, count, s_line);
		found += want;
		for (enum sieve_path path = SIEVE_PORTABLE; path < SIEVE_PATHS; path++)
			differs += sieve_path_works(path) && sieve_finds_on(path, s, s_line) != want;
		arena_release(&a);
	}
	CHECK_INT(differs, 0);
	CHECK(found > ROUNDS / 10 && found < ROUNDS - ROUNDS / 10);
}
