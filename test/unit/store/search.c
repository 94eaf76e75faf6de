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
	static uint8_t bitmap[TRIGRAM_BYTES];
	struct str text = STR("Failed password for invalid user \xc4\x90\xe1\xba\xafk from 203.113.152.77 port 4242");
	trigrams_add(bitmap, text);
	for (size_t from = 0; from < text.n; from++)
		for (size_t to = from; to <= text.n; to++)
			if (!trigrams_may_hold(bitmap, str_cut(text, from, to)))
				CHECK_STR(str_cut(text, from, to), STR("may be held"));
	CHECK(trigrams_may_hold(bitmap, STR("fAILED PASS")));
	CHECK(!trigrams_may_hold(bitmap, STR("mimikatz")));
}
