/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/search.h"

#include "store/text.h"
#include "tap.h"

static const char *const kind_text[] = {
	[TERM_TEXT] = "text",
	[TERM_EQUALS] = "=",
	[TERM_PREFIX] = "prefix",
	[TERM_SUFFIX] = "suffix",
	[TERM_CONTAINS] = "contains",
	[TERM_EXISTS] = "exists",
};

/* "kind(name,value)" of every term, "!" before a negated one. */
static void
describe(const struct search *s, struct buf *out)
{
	for (uint32_t i = 0; i < s->term_count; i++) {
		const struct term *t = &s->term[i];
		buf_addf(out, "%s%s%s(%.*s,%.*s)", i ? " " : "", t->negated ? "!" : "", kind_text[t->kind],
		    STR_ARG(t->name), STR_ARG(t->value));
	}
}

TEST(what_a_person_types)
{
	static const struct {
		const char *query, *want;
	} table[] = {
		{"", ""},
		{"  \t ", ""},
		{"mimikatz", "text(,mimikatz)"},
		{"failed  login", "text(,failed) text(,login)"},
		{"\"failed login\"", "text(,failed login)"},
		{"\"say \\\"hi\\\" C:\\x\"", "text(,say \"hi\" C:\\x)"},
		{"host:web01", "=(host.name,web01)"},
		{"USER=root -host:db*", "=(user.name,root) !prefix(host.name,db)"},
		{"ip:10.0.0.1 level:3", "=(ip,10.0.0.1) =(khien.level,3)"},
		{"Image:*\\cmd.exe", "suffix(Image,\\cmd.exe)"},
		{"CommandLine:*-enc*", "contains(CommandLine,-enc)"},
		{"url.path:*", "exists(url.path,)"},
		{"a:**", "exists(a,)"},
		{"-\"not this\"", "!text(,not this)"},
		{"name:\"a * b\"", "=(name,a * b)"},
		{"-", "text(,-)"},
		{"- x", "text(,-) text(,x)"},
		{"10:30:45", "text(,10:30:45)"},
		{"https://xau.vn/a", "text(,https://xau.vn/a)"},
		{"C:\\Windows", "text(,C:\\Windows)"},
		{"fe80::1", "text(,fe80::1)"},
		{"host:a=b", "=(host.name,a=b)"},
		{"\xc4\x90\xe1\xba\xafk", "text(,\xc4\x90\xe1\xba\xafk)"},
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		struct arena arena;
		arena_init(&arena, 4096, 1 << 20);
		struct buf got = BUF_INIT;
		struct search s;
		CHECK_INT(search_parse(str_z(table[i].query), &arena, &s, NULL), 0);
		describe(&s, &got);
		CHECK_STR(buf_str(&got), str_z(table[i].want));
		CHECK(s.from_ms == INT64_MIN && s.to_ms == INT64_MAX);
		buf_release(&got);
		arena_release(&arena);
	}
}

TEST(what_cannot_be_asked_says_where)
{
	static const struct {
		const char *query, *what;
		int code, column;
	} table[] = {
		{"a \"b", "search.unclosed", E_INVALID, 3},
		{"host:", "search.empty", E_INVALID, 1},
		{"x host: y", "search.empty", E_INVALID, 3},
		{"\"\"", "search.empty", E_INVALID, 1},
		{"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3", "search.too_many", E_LIMIT, 65},
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		struct arena arena;
		arena_init(&arena, 4096, 1 << 20);
		struct search s = {.term_count = 77};
		struct fault f = {0};
		CHECK_INT(search_parse(str_z(table[i].query), &arena, &s, &f), table[i].code);
		CHECK_STR(str_z(f.what), str_z(table[i].what));
		CHECK_INT(f.column, table[i].column);
		CHECK_INT(s.term_count, 77);
		arena_release(&arena);
	}
}

TEST(what_a_search_means)
{
	static const struct field field[] = {
		{.name = STR_INIT("host.name"), .value = STR_INIT("Web01")},
		{.name = STR_INIT("source.ip"), .value = STR_INIT("203.0.113.7")},
		{.name = STR_INIT("answer"), .value = STR_INIT("one")},
		{.name = STR_INIT("answer"), .value = STR_INIT("two")},
		{.name = STR_INIT("empty"), .value = STR_INIT("")},
	};
	struct search_view v = {1000, STR("Failed password for ROOT at \xc4\x90\xe1\xba\xafk L\xe1\xba\xafk"), field,
	    COUNT(field)};
	static const struct {
		const char *query;
		bool want;
	} table[] = {
		{"", true},
		{"failed PASSWORD", true},
		{"\"failed for\"", false},
		{"-\"failed for\"", true},
		{"\xc4\x90\xe1\xba\xafk", true},
		{"\xc4\x91\xe1\xba\xafk", false},
		{"host:web01", true},
		{"HOST.NAME:WEB*", true},
		{"host:web", false},
		{"host:*01", true},
		{"host:*eb0*", true},
		{"-host:web01", false},
		{"answer:two", true},
		{"answer:three", false},
		{"-answer:one", false},
		{"ip:203.0.113.7", true},
		{"ip:203.0.113.*", true},
		{"source.ip:203.0.113.7", true},
		{"destination.ip:203.0.113.7", false},
		{"empty:*", true},
		{"none:*", false},
		{"-none:*", true},
		{"host:web01 failed -none:x", true},
	};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct search s;
		CHECK_INT(search_parse(str_z(table[i].query), &arena, &s, NULL), 0);
		bool got = search_matches(&s, &v);
		tap_check(got == table[i].want, __FILE__, __LINE__, "%s", table[i].query);
	}
	struct search s = {.from_ms = 1000, .to_ms = 1001};
	CHECK(search_matches(&s, &v));
	s.from_ms = 1001;
	s.to_ms = INT64_MAX;
	CHECK(!search_matches(&s, &v));
	s.from_ms = INT64_MIN;
	s.to_ms = 1000;
	CHECK(!search_matches(&s, &v));
	arena_release(&arena);
}

/* Every place and every length, so that each step of the wide loop and its tail is walked. */
TEST(text_is_found_wherever_it_stands)
{
	char hay[200];
	for (size_t word_n = 1; word_n < 40; word_n += 3) {
		for (size_t at = 0; at + word_n <= sizeof hay; at++) {
			memset(hay, '-', sizeof hay);
			memset(hay + at, 'X', word_n);
			char word[40];
			memset(word, 'x', sizeof word);
			struct str text = str_from(hay, sizeof hay), wanted = str_from(word, word_n);
			if (text_find(text, 0, wanted) != (ptrdiff_t)at || text_find(text, at + 1, wanted) != -1)
				CHECK_INT(text_find(text, 0, wanted), at);
		}
	}
	CHECK_INT(text_find(STR("abc"), 0, STR("")), 0);
	CHECK_INT(text_find(STR("abc"), 4, STR("")), -1);
	CHECK_INT(text_find(STR("ab"), 0, STR("abc")), -1);
	CHECK_INT(text_find(STR("a@b`c"), 0, STR("a`")), -1);
}

TEST(trigrams_never_deny_what_is_there)
{
	static uint8_t seen[TRIGRAM_BITS], bitmap[TRIGRAM_BYTES];
	struct str text = STR("Failed password for invalid user \xc4\x90\xe1\xba\xafk from 203.113.152.77 port 4242");
	trigrams_add(seen, text);
	trigrams_pack(seen, bitmap);
	for (size_t from = 0; from < text.n; from++)
		for (size_t to = from; to <= text.n; to++)
			if (!trigrams_may_hold(bitmap, str_cut(text, from, to)))
				CHECK_STR(str_cut(text, from, to), STR("may be held"));
	CHECK(trigrams_may_hold(bitmap, STR("fAILED PASS")));
	CHECK(!trigrams_may_hold(bitmap, STR("mimikatz")));
}

TEST(observables_are_found_whole)
{
	static const struct {
		const char *text, *word;
		bool want;
	} table[] = {
		{"from 10.0.0.1 port", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.1", true},
		{"ip=10.0.0.1.", "10.0.0.1", true},
		{"v.10.0.0.1:80", "10.0.0.1", true},
		{"1..10.0.0.1", "10.0.0.1", true},
		{"10.0.0.12", "10.0.0.1", false},
		{"110.0.0.1", "10.0.0.1", false},
		{"9.10.0.0.1", "10.0.0.1", false},
		{"10.0.0.1.9", "10.0.0.1", false},
		{"10.0.0.12 10.0.0.1", "10.0.0.1", true},
		{"10.0.0.12", "10.0.0", true},
		{"SHA1=d41d8cd98f00b204e9800998ecf8427e,", "D41D8CD98F00B204E9800998ECF8427E", true},
		{"xd41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e", false},
		{"d41d8cd98f00b204e9800998ecf8427e0", "d41d8cd98f00b204e9800998ecf8427e", false},
		{"a d41d8cd98f00b204e9800998ecf8427e0", "d41d8cd98f00b204e9800998ecf8427", true},
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		bool got = text_find_word(str_z(table[i].text), 0, str_z(table[i].word)) >= 0;
		tap_check(got == table[i].want, __FILE__, __LINE__, "%s in %s", table[i].word, table[i].text);
	}
	CHECK(text_is_observable(STR("203.0.113.77")) && !text_is_observable(STR("203.0.113")));
	CHECK(!text_is_observable(STR("1.2.3.4.5")) && !text_is_observable(STR("1..2.3.4")));
}

static bool
is_listed(struct str text, struct str word)
{
	struct str got;
	for (size_t at = 0; text_next_address(text, &at, &got);)
		if (str_eq(got, word))
			return true;
	for (size_t at = 0; text_next_hash(text, &at, &got);)
		if (str_eq(got, word))
			return true;
	return false;
}

/* The filter rules a block out by what is listed, so whatever is found must be listed: over texts of the letters that
 * make it hard. */
TEST(what_is_found_whole_is_listed)
{
	static const char *const pieces[] = {"1.2.3.4", "11.2.3.40", ".", "1", "a", " ", "..", "x",
	    "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef01234567", "g"};
	static const size_t words[] = {0, 1, 8, 9};
	uint64_t state = 5;
	uint32_t found = 0;
	struct buf text = BUF_INIT;
	for (int round = 0; round < 20000; round++) {
		buf_clear(&text);
		for (int i = 0; i < 7; i++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			buf_add(&text, str_z(pieces[(state >> 33) % COUNT(pieces)]));
		}
		for (size_t i = 0; i < COUNT(words); i++) {
			struct str word = str_z(pieces[words[i]]);
			if (text_find_word(buf_str(&text), 0, word) < 0)
				continue;
			found++;
			if (!is_listed(buf_str(&text), word))
				CHECK_STR(buf_str(&text), word);
		}
	}
	CHECK(found > 1000);
	buf_release(&text);
}
