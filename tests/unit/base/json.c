/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/json.h"

#include <dirent.h>

#include "base/json_scan.h"
#include "tap.h"

static const char *const path_name[] = {"portable", "avx2"};

static bool
same_tape(const struct json *a, const struct json *b)
{
	bool same = a->count == b->count;
	for (uint32_t i = 0; same && i < a->count; i++) {
		const struct json_token *x = &a->token[i], *y = &b->token[i];
		same = x->kind == y->kind && x->escaped == y->escaped && x->start == y->start &&
		    x->length == y->length && x->next == y->next;
	}
	return same;
}

/* Both paths must say the same; the answer of the portable one. */
static int
parse_both(struct json *j, struct str text, struct fault *f)
{
	struct json other = {.max_tokens = j->max_tokens, .max_depth = j->max_depth};
	struct fault f_other = {0};
	size_t used = 0, used_other = 0;
	*f = (struct fault){0};
	int error = json_parse_on(JSON_PATH_PORTABLE, j, text, &used, f);
	if (json_path_works(JSON_PATH_AVX2)) {
		CHECK_INT(json_parse_on(JSON_PATH_AVX2, &other, text, &used_other, &f_other), error);
		CHECK_INT(used_other, used);
		CHECK(same_tape(&other, j));
		CHECK(f->what == f_other.what && f->line == f_other.line && f->column == f_other.column);
	}
	json_release(&other);
	return error;
}

static void
check_case(const char *path, char expected, int *ret_wrong)
{
	struct json j = {0};
	struct fault f;
	struct buf text = BUF_INIT;
	CHECK(tap_read(path, &text));
	parse_both(&j, buf_str(&text), &f);
	bool accepted = json_parse(&j, buf_str(&text), &f) == 0;
	bool wrong = (expected == 'y' && !accepted) || (expected == 'n' && accepted);
	tap_check(!wrong, __FILE__, __LINE__, "%s %s", path, accepted ? "accepted" : "refused");
	*ret_wrong += wrong;
	json_release(&j);
	buf_release(&text);
}

TEST(every_case_of_the_json_test_suite)
{
	const char *shared = tap_shared("corpora/json-test-suite/test_parsing");
	if (!shared)
		SKIP("corpora/json-test-suite is not here");
	char folder[1024], path[2048];
	snprintf(folder, sizeof folder, "%s", shared);
	DIR *dir = opendir(folder);
	CHECK(dir != NULL);
	int cases = 0, wrong = 0;
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (!str_ends(str_z(entry->d_name), STR(".json")))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		check_case(path, entry->d_name[0], &wrong);
		cases++;
	}
	if (dir)
		closedir(dir);
	CHECK(cases > 300);
	CHECK_INT(wrong, 0);
}

TEST(grammar_and_where_it_breaks)
{
	static const struct {
		const char *text;
		int error;
		const char *what;
		uint32_t line, column;
	} cases[] = {
		{"{}", 0, NULL, 0, 0},
		{" [ ] ", 0, NULL, 0, 0},
		{"{\"a\":[1,2,{\"b\":null}],\"c\":-0.5e+10}", 0, NULL, 0, 0},
		{"\"\"", 0, NULL, 0, 0},
		{"0", 0, NULL, 0, 0},
		{"", E_TRUNCATED, "json_truncated", 1, 1},
		{"[1,", E_TRUNCATED, "json_truncated", 1, 4},
		{"{\"a\"", E_TRUNCATED, "json_truncated", 1, 5},
		{"\"abc", E_TRUNCATED, "json_truncated", 1, 5},
		{"\"ab\\u12", E_TRUNCATED, "json_truncated", 1, 4},
		{"\"\xe1\xba", E_TRUNCATED, "json_truncated", 1, 2},
		{"tru", E_TRUNCATED, "json_truncated", 1, 1},
		{"-", E_TRUNCATED, "json_truncated", 1, 2},
		{"1e", E_TRUNCATED, "json_truncated", 1, 3},
		{"{\n \"a\": nul1}", E_INVALID, "json_unexpected", 2, 7},
		{"[1,]", E_INVALID, "json_unexpected", 1, 4},
		{"{\"a\":1,}", E_INVALID, "json_unexpected", 1, 8},
		{"[1}", E_INVALID, "json_unexpected", 1, 3},
		{"[1 2]", E_INVALID, "json_unexpected", 1, 4},
		{"[01]", E_INVALID, "json_unexpected", 1, 3},
		{"[1.]", E_INVALID, "json_unexpected", 1, 4},
		{"\n\n  1 x", E_INVALID, "json_trailing", 3, 5},
		{"\"a\x01\"", E_INVALID, "json_control", 1, 3},
		{"\"a\\x\"", E_INVALID, "json_escape", 1, 3},
		{"\"\\u12g4\"", E_INVALID, "json_escape", 1, 2},
		{"\"\xed\xa0\x80\"", E_INVALID, "json_utf8", 1, 2},
		{"\"\xff", E_INVALID, "json_utf8", 1, 2},
		{"\xef\xbb\xbf{}", E_INVALID, "json_unexpected", 1, 1},
		{"{'a':1}", E_INVALID, "json_unexpected", 1, 2},
		{"// x\n1", E_INVALID, "json_unexpected", 1, 1},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json j = {0};
		struct fault f = {0};
		int error = json_parse(&j, str_z(cases[i].text), &f);
		tap_check(error == cases[i].error, __FILE__, __LINE__, "%s: %d", cases[i].text, error);
		if (error < 0) {
			CHECK_STR(str_z(f.what), str_z(cases[i].what));
			tap_check(f.line == cases[i].line && f.column == cases[i].column, __FILE__, __LINE__,
			    "%s: %u:%u", cases[i].text, f.line, f.column);
			CHECK_INT(j.count, 0);
		}
		json_release(&j);
	}
}

/* A quote, an escape, a letter or a bad byte at each place of strings that are shorter and longer than a vector. */
TEST(both_paths_agree_at_every_alignment)
{
	static const struct {
		struct str piece;
		int error;
	} pieces[] = {
		{STR_INIT("x"), 0}, {STR_INIT("\\n"), 0}, {STR_INIT("\\\\"), 0}, {STR_INIT("\\\""), 0},
		{STR_INIT("\\u1ea5"), 0}, {STR_INIT("\xe1\xba\xa5"), 0}, {STR_INIT("\xf0\x9f\x9b\xa1"), 0},
		{STR_INIT("\x7f"), 0}, {STR_INIT(" "), 0}, {STR_INIT("!"), 0}, {STR_INIT("#"), 0}, {STR_INIT("["), 0},
		{STR_INIT("]"), 0}, {STR_INIT("\x1f"), E_INVALID}, {STR_INIT("\0"), E_INVALID},
		{STR_INIT("\xe1\xba"), E_INVALID}, {STR_INIT("\x80"), E_INVALID}, {STR_INIT("\\v"), E_INVALID},
	};
	struct json j = {0};
	for (size_t i = 0; i < COUNT(pieces); i++) {
		for (size_t before = 0; before < 70; before++) {
			struct buf text = BUF_INIT;
			struct fault f;
			buf_addf(&text, "\"%*s", (int)before, "");
			buf_add(&text, pieces[i].piece);
			buf_addf(&text, "%*s\"", 40, "");
			CHECK_INT(parse_both(&j, buf_str(&text), &f), pieces[i].error);
			buf_release(&text);
		}
	}
	json_release(&j);
}

TEST(the_tape_can_be_walked_and_stepped_over)
{
	struct json j = {0};
	CHECK_INT(json_parse(&j, STR(" {\"a\":[1,[2,3],{}],\"b\":true} "), NULL), 0);
	CHECK_INT(j.count, 10);
	CHECK_STR(json_raw(&j, 0), STR("{\"a\":[1,[2,3],{}],\"b\":true}"));
	uint32_t a = json_get(&j, 0, STR("a"));
	CHECK_STR(json_raw(&j, a), STR("[1,[2,3],{}]"));
	static const struct str items[] = {STR_INIT("1"), STR_INIT("[2,3]"), STR_INIT("{}")};
	size_t n = 0;
	for (uint32_t i = json_first(&j, a); i < json_end(&j, a); i = json_next(&j, i), n++)
		CHECK_STR(json_raw(&j, i), n < COUNT(items) ? items[n] : STR("too many"));
	CHECK_INT(n, COUNT(items));
	CHECK_INT(json_get(&j, a, STR("a")), 0);
	CHECK_INT(json_get(&j, 99, STR("a")), 0);
	json_release(&j);
}

TEST(escapes_are_undone)
{
	static const struct {
		struct str escaped, plain;
	} cases[] = {
		{STR_INIT("plain"), STR_INIT("plain")},
		{STR_INIT("\\\"\\\\\\/\\b\\f\\n\\r\\t"), STR_INIT("\"\\/\b\f\n\r\t")},
		{STR_INIT("a\\u0041\\u00e9\\u1ea5\\u0000z"), STR_INIT("aA\xc3\xa9\xe1\xba\xa5\0z")},
		{STR_INIT("\\ud83d\\udee1"), STR_INIT("\xf0\x9f\x9b\xa1")},
		{STR_INIT("\\uDBFF\\uDFFF"), STR_INIT("\xf4\x8f\xbf\xbf")},
		{STR_INIT("\\ud83d"), STR_INIT("\xef\xbf\xbd")},
		{STR_INIT("\\udee1x"), STR_INIT("\xef\xbf\xbdx")},
		{STR_INIT("\\ud83d\\u0041"), STR_INIT("\xef\xbf\xbd" "A")},
		{STR_INIT("\\ud83d\\ud83d\\udee1"), STR_INIT("\xef\xbf\xbd\xf0\x9f\x9b\xa1")},
		{STR_INIT("\\ud83d\\n"), STR_INIT("\xef\xbf\xbd\n")},
		{STR_INIT("C:\\\\Windows\\\\x"), STR_INIT("C:\\Windows\\x")},
		{STR_INIT(""), STR_INIT("")},
	};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = BUF_INIT;
		struct json j = {0};
		struct str plain;
		buf_addf(&text, "\"%.*s\"", STR_ARG(cases[i].escaped));
		CHECK_INT(json_parse(&j, buf_str(&text), NULL), 0);
		CHECK(json_string(&j, 0, &arena, &plain));
		CHECK_STR(plain, cases[i].plain);
		CHECK_INT(j.token[0].escaped, !str_eq(cases[i].escaped, cases[i].plain));
		json_release(&j);
		buf_release(&text);
	}
	arena_release(&arena);
}

/* buf_add_json(), a byte at a time. */
static void
add_json_slowly(struct buf *out, struct str s)
{
	for (size_t i = 0, n; i < s.n; i += n) {
		unsigned char c = (unsigned char)s.p[i];
		const char *letter = c ? strchr("\"\"\\\\\nn\rr\tt", c) : NULL;
		n = utf8_length(s.p + i, s.n - i);
		if (letter && strchr("\"\\\n\r\t", c))
			buf_addf(out, "\\%c", letter[1]);
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\u%04x", c);
		else
			buf_add(out, n ? str_cut(s, i, i + n) : STR("\xef\xbf\xbd"));
		n = n ? n : 1;
	}
}

/* Every byte, and some letters, at each place of texts that are shorter and longer than a vector. */
TEST(text_goes_into_json_and_comes_back)
{
	static const struct str letters[] = {STR_INIT("\xe1\xba\xa5"), STR_INIT("\xf0\x9f\x9b\xa1"), STR_INIT("\\\\\""),
	    STR_INIT("\\n"), STR_INIT("\xe1\xba"), STR_INIT("C:\\a\\b c\\d.exe")};
	for (unsigned what = 0; what < 256 + COUNT(letters); what++) {
		for (unsigned place = 0; place < 37 * 3; place++) {
			char byte = (char)what, plain[256];
			struct buf text = BUF_INIT, fast = BUF_INIT, slow = BUF_INIT;
			buf_addf(&text, "%.*s", (int)(place / 3), "abcdefghijklmnopqrstuvwxyz0123456789");
			buf_add(&text, what < 256 ? str_from(&byte, 1) : letters[what - 256]);
			buf_addf(&text, "%.*s", (int)(place % 3 * 13), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
			buf_add_json(&fast, buf_str(&text));
			add_json_slowly(&slow, buf_str(&text));
			CHECK_STR(buf_str(&fast), buf_str(&slow));
			memset(plain, '#', sizeof plain);
			size_t n = json_unescape(buf_str(&fast), plain);
			if (str_is_utf8(buf_str(&text)))
				CHECK_STR(str_from(plain, n), buf_str(&text));
			CHECK_INT(plain[fast.n], '#');
			buf_release(&text);
			buf_release(&fast);
			buf_release(&slow);
		}
	}
}

TEST(members_are_found_by_what_their_names_mean)
{
	struct json j = {0};
	struct arena arena;
	struct str s;
	int64_t n = 7;
	bool b;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(json_parse(&j, STR("{\"\\u0061\\u1ea5b\":\"x\\ty\",\"n\":-12,\"f\":1.5,\"t\":true,\"n\":3,\"\":null}"), NULL), 0);
	CHECK(json_get_string(&j, 0, STR("a\xe1\xba\xa5" "b"), &arena, &s) && str_eq(s, STR("x\ty")));
	CHECK(!json_get_string(&j, 0, STR("a\xe1\xba\xa5"), &arena, &s));
	CHECK(!json_get_string(&j, 0, STR("a\xe1\xba\xa5" "bc"), &arena, &s));
	CHECK(json_get_i64(&j, 0, STR("n"), &n) && n == -12);
	CHECK(!json_get_i64(&j, 0, STR("f"), &n) && !json_get_i64(&j, 0, STR("t"), &n) && n == -12);
	CHECK(json_get_bool(&j, 0, STR("t"), &b) && b);
	CHECK(!json_get_bool(&j, 0, STR("n"), &b));
	CHECK(json_get(&j, 0, STR("")) && j.token[json_get(&j, 0, STR(""))].kind == JSON_NULL);
	CHECK_INT(json_get(&j, 0, STR("absent")), 0);
	arena_release(&arena);
	arena_init(&arena, 1, 1);
	CHECK(!json_get_string(&j, 0, STR("a\xe1\xba\xa5" "b"), &arena, &s));
	arena_release(&arena);
	json_release(&j);
}

TEST(limits_hold)
{
	struct json j = {.max_depth = 3, .max_tokens = 5};
	struct fault f = {0};
	CHECK_INT(json_parse(&j, STR("[[[]]]"), &f), 0);
	CHECK_INT(json_parse(&j, STR("[[[[]]]]"), &f), E_LIMIT);
	CHECK_STR(str_z(f.what), STR("json_depth"));
	CHECK_INT(f.column, 4);
	CHECK_INT(json_parse(&j, STR("[1,2,3,4]"), &f), 0);
	CHECK_INT(json_parse(&j, STR("[1,2,3,4,5]"), &f), E_LIMIT);
	CHECK_STR(str_z(f.what), STR("json_tokens"));
	j.max_tokens = 0;
	CHECK_INT(json_parse(&j, STR("[1,2,3,4,5]"), &f), 0);
	CHECK_INT(j.count, 6);
	j.max_tokens = 2;
	CHECK_INT(json_parse(&j, STR("[1,2]"), &f), E_LIMIT);
	json_release(&j);
	struct buf deep = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		buf_add(&deep, STR("[{\"a\":"));
	CHECK_INT(json_parse(&j, buf_str(&deep), &f), E_LIMIT);
	CHECK_INT(j.max_tokens, 2);
	buf_release(&deep);
	json_release(&j);
}

TEST(values_one_after_the_other)
{
	static const struct str want[] = {STR_INIT("{\"a\":1}"), STR_INIT("[2]"), STR_INIT("x"), STR_INIT("3")};
	struct str rest = STR("{\"a\":1}\n [2]\"x\"\t3\n");
	struct json j = {0};
	size_t used, n = 0;
	while (json_parse_prefix(&j, rest, &used, NULL) == 0 && n < COUNT(want)) {
		CHECK_STR(json_raw(&j, 0), want[n]);
		rest = str_skip(rest, used);
		n++;
	}
	CHECK_INT(n, COUNT(want));
	CHECK_STR(rest, STR("\n"));
	used = 77;
	CHECK_INT(json_parse_prefix(&j, rest, &used, NULL), E_TRUNCATED);
	CHECK_INT(used, 77);
	json_release(&j);
}

TEST(the_vector_path_is_used_where_it_can_be)
{
	CHECK(json_path_works(JSON_PATH_PORTABLE));
	printf("# paths: %s%s%s\n", path_name[0], json_path_works(JSON_PATH_AVX2) ? ", " : "",
	    json_path_works(JSON_PATH_AVX2) ? path_name[1] : "");
}
