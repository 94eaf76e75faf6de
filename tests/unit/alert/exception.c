/* SPDX-License-Identifier: EUPL-1.2 */
/* An exception means exactly the value that a person saw: as a Sigma filter compiled into the rule, and on a finding. */
#include "alert/exception.h"

#include "base/memory.h"
#include "database.h"
#include "tap.h"

static uint32_t faults;

static void
on_fault(void *user, const struct fault *f)
{
	printf("# %s:%u:%u %s %s\n", f->file, f->line, f->column, f->what, f->arg);
	faults++;
}

#define RULE                                                                                                           \
	"title: t\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {product: test}\ndetection:\n"                 \
	"  s: {Kind: x}\n  condition: s\n"
#define RULE_ID STR("11111111-2222-3333-4444-555555555555")

static struct rules *
rules_with(const struct exception *e, bool counted)
{
	struct rules *r = rules_new();
	struct fault f = {0};
	struct buf filter = BUF_INIT_MAX(1 << 20);
	const struct rule_source source = {.product = STR("test")};
	faults = 0;
	CHECK_INT(rules_add_map(r, STR("sources:\n  - {product: test, when: {product: test}}\n"), STR("map"), &f), 0);
	CHECK_INT(rules_add(r, STR(RULE), STR("t.yml"), on_fault, NULL), 1);
	CHECK(exception_filter(e, &source, &filter));
	rules_add(r, buf_str(&filter), STR("filter.yml"), on_fault, NULL);
	if (counted)
		rules_count_exceptions(r);
	CHECK_INT(rules_finish(r, on_fault, NULL), 0);
	CHECK_INT(faults, 0);
	buf_release(&filter);
	return r;
}

/* 0: no finding; 1: one of the rule; 2: one that the exception took. */
static int
judge(const struct rules *r, struct str name, struct str value, const struct exception *e)
{
	struct arena arena;
	struct event event;
	struct raw raw = {.bytes = STR("line")};
	struct finding *finding = NULL;
	struct matcher *m = matcher_new(r);
	arena_init(&arena, 64 << 10, 16 << 20);
	event_begin(&event, &arena, &raw);
	event.product = STR("test");
	event_put(&event, rules_names(r), STR("Kind"), STR("x"), FIELD_TEXT, false);
	event_put(&event, rules_names(r), name, value, FIELD_TEXT, false);
	uint32_t n = matcher_match(m, &event, &arena, &finding);
	int got = n == 0 ? 0 : finding[0].rule->exception ? 2 : 1;
	CHECK(n <= 1);
	if (n && e) { /* core's own judgement is the same */
		struct finding f = finding[0];
		f.rule = f.rule->excepted ? f.rule->excepted : f.rule;
		CHECK_INT(exception_fits(e, &f), got == 2);
	}
	matcher_free(m);
	arena_release(&arena);
	return got;
}

static struct exception
exception_of(struct arena *arena, const char *name, struct str value, const char *match)
{
	struct exception e = {.id = 7, .rule = RULE_ID, .fields = 1,
	    .field = {{.name = str_z(name), .written = value, .match = str_z(match)}}};
	CHECK_INT(exception_field_read(&e.field[0], arena), 0);
	return e;
}

/* The value is taken; each of its bytes changed is not. */
static void
check_exact(const char *name, struct str value)
{
	struct arena arena;
	arena_init(&arena, 64 << 10, 16 << 20);
	struct exception e = exception_of(&arena, name, value, "exact");
	struct rules *r = rules_with(&e, true);
	CHECK_INT(judge(r, str_z(name), value, &e), 2);
	CHECK_INT(judge(r, str_z(name), STR("quite another"), &e), 1);
	for (size_t i = 0; i < value.n; i += value.n > 64 ? value.n / 7 : 1) {
		struct str other = {0};
		CHECK(arena_copy(&arena, value, &other));
		((char *)(uintptr_t)other.p)[i] = value.p[i] == '~' ? '!' : '~';
		CHECK_INT(judge(r, str_z(name), other, &e), 1);
		CHECK_INT(judge(r, str_z(name), str_cut(value, 0, i), &e), 1);
	}
	rules_free(r);
	arena_release(&arena);
}

TEST(values_are_taken_as_they_stand)
{
	static const char *const values[] = {"plain", "*", "?", "a*b?c", "\\", "\\\\", "\\\\\\*", "C:\\Users\\*", "\\*", "*\\",
		"C:\\Windows\\System32\\cmd.exe /c \"dir *.?\"", "'", "\"", "it's \"quoted\"", "# comment", "a: b", "- item", "{x: y}",
		"[1, 2]", "&anchor", "*alias", "!tag", "|", ">", "%TAG", "@at", "`tick", "null", "~", "true", "yes", "4688", "0x1f",
		"1e3", "---", "...", " leading", "trailing ", "tab\there", "line\nbreak", "cr\rlf\n", "\x01\x1f\x7f", "100%",
		"%placeholder%", ("T\xc3\xa0i kho\xe1\xba\xa3n \xc4\x91\xc3\xa3 kh\xc3\xb3" "a"), "\xf0\x9f\x90\xa6 bird", "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf",
		"a,b;c", "$(id)", "<script>", "${jndi:ldap://x}", "../../etc/passwd"};
	for (size_t i = 0; i < COUNT(values); i++)
		check_exact("Value", str_z(values[i]));
}

TEST(names_of_fields_too)
{
	static const char *const names[] = {"a.b.c", "Hash es", "x: y", "\"q\"", "#n", "- x", "cs(User-Agent)", "condition", "*", "~"};
	for (size_t i = 0; i < COUNT(names); i++)
		check_exact(names[i], STR("value"));
}

TEST(eight_kilobytes)
{
	char value[EXCEPTION_VALUE_BYTES];
	for (size_t i = 0; i < sizeof value; i++)
		value[i] = "ab\\*?'\"\n: #"[(i * 7 + i / 11) % 11];
	check_exact("Value", str_from(value, sizeof value));
}

TEST(case_is_set_aside)
{
	struct arena arena;
	arena_init(&arena, 64 << 10, 16 << 20);
	struct exception e = exception_of(&arena, "Value", STR("C:\\Tr\xc6\xb0\xe1\xbb\x9dng"), "exact");
	struct rules *r = rules_with(&e, true);
	CHECK_INT(judge(r, STR("Value"), STR("c:\\TR\xc6\xaf\xe1\xbb\x9cNG"), &e), 2);
	CHECK_INT(judge(r, STR("value"), STR("C:\\Tr\xc6\xb0\xe1\xbb\x9dng"), &e), 1); /* of names it is not */
	rules_free(r);
	arena_release(&arena);
}

TEST(stars_at_the_ends_as_in_sigma)
{
	static const struct {
		const char *written, *match;
		enum exception_match how;
		const char *value;
		const char *yes[3], *no[3];
	} row[] = {
		{"abc", "", EXCEPTION_EXACT, "abc", {"abc", "ABC"}, {"abcd", "xabc"}},
		{"abc*", "", EXCEPTION_STARTS, "abc", {"abc", "abcd"}, {"xabc", "ab"}},
		{"*abc", "", EXCEPTION_ENDS, "abc", {"abc", "xabc"}, {"abcd"}},
		{"*abc*", "", EXCEPTION_CONTAINS, "abc", {"xabcd", "abc"}, {"ab", "ac"}},
		{"a*c", "", EXCEPTION_EXACT, "a*c", {"a*c"}, {"abc"}},
		{"abc\\*", "", EXCEPTION_EXACT, "abc*", {"abc*"}, {"abcd", "abc\\x"}},
		{"abc\\\\*", "", EXCEPTION_STARTS, "abc\\", {"abc\\", "abc\\d"}, {"abc*", "abc"}},
		{"abc\\\\\\*", "", EXCEPTION_EXACT, "abc\\*", {"abc\\*"}, {"abc\\d"}},
		{"\\*abc", "", EXCEPTION_EXACT, "*abc", {"*abc"}, {"xabc"}},
		{"\\*", "", EXCEPTION_EXACT, "*", {"*"}, {"x", ""}},
		{"\\*a*", "", EXCEPTION_STARTS, "*a", {"*ab"}, {"xab"}},
		{"", "", EXCEPTION_EXACT, "", {""}, {"x"}},
		{"a?c", "", EXCEPTION_EXACT, "a?c", {"a?c"}, {"abc"}},
		{"abc*", "exact", EXCEPTION_EXACT, "abc*", {"abc*"}, {"abcd"}},
		{"a*", "starts", EXCEPTION_STARTS, "a*", {"a*b"}, {"ab"}},
		{"*a", "ends", EXCEPTION_ENDS, "*a", {"x*a"}, {"xa"}},
		{"a*b", "contains", EXCEPTION_CONTAINS, "a*b", {"xa*by"}, {"xaby"}},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct arena arena;
		arena_init(&arena, 64 << 10, 16 << 20);
		struct exception e = exception_of(&arena, "Value", str_z(row[i].written), row[i].match);
		struct rules *r = rules_with(&e, true);
		CHECK_INT(e.field[0].how, row[i].how);
		CHECK_STR(e.field[0].value, str_z(row[i].value));
		for (size_t k = 0; k < 3; k++) {
			if (row[i].yes[k])
				CHECK_INT(judge(r, STR("Value"), str_z(row[i].yes[k]), &e), 2);
			if (row[i].no[k])
				CHECK_INT(judge(r, STR("Value"), str_z(row[i].no[k]), &e), 1);
		}
		rules_free(r);
		arena_release(&arena);
	}
}

TEST(what_cannot_be_an_exception)
{
	static const struct {
		const char *name, *written, *match;
	} row[] = {{"", "x", ""}, {"a|re", "x", ""}, {"a", "*", ""}, {"a", "**", ""}, {"a", "", "starts"}, {"a", "x", "regex"}};
	struct arena arena;
	arena_init(&arena, 64 << 10, 16 << 20);
	for (size_t i = 0; i < COUNT(row); i++) {
		struct exception_field f = {.name = str_z(row[i].name), .written = str_z(row[i].written), .match = str_z(row[i].match)};
		CHECK_INT(exception_field_read(&f, &arena), E_INVALID);
	}
	struct exception_field f = {.name = STR("khien.organisation"), .written = STR("x")};
	struct exception e = {.id = 1, .rule = RULE_ID, .fields = 1, .field = {f}};
	struct buf out = BUF_INIT_MAX(4096);
	const struct rule_source source = {.product = STR("test")};
	CHECK_INT(exception_field_read(&e.field[0], &arena), 0);
	CHECK(!exception_filter(&e, &source, &out)); /* the worker does not know whose it is */
	buf_release(&out);
	arena_release(&arena);
}

TEST(without_counting_a_filter_is_a_filter)
{
	struct arena arena;
	arena_init(&arena, 64 << 10, 16 << 20);
	struct exception e = exception_of(&arena, "Value", STR("quiet"), "");
	struct rules *r = rules_with(&e, false);
	CHECK_INT(rules_count(r), 1);
	CHECK_INT(judge(r, STR("Value"), STR("quiet"), NULL), 0);
	CHECK_INT(judge(r, STR("Value"), STR("loud"), NULL), 1);
	rules_free(r);
	arena_release(&arena);
}

static bool
takes(struct exception_book *b, const struct rules *r, uint64_t exception, struct str value, int64_t time_ms)
{
	struct arena arena;
	struct event e;
	struct raw raw = {.bytes = STR("line")};
	struct finding f = {.event = &e};
	arena_init(&arena, 64 << 10, 16 << 20);
	event_begin(&e, &arena, &raw);
	event_put(&e, rules_names(r), STR("Value"), value, FIELD_TEXT, false);
	for (uint32_t i = 0; i < rules_count(r); i++)
		if (rules_info(r, i)->exception == exception)
			f.rule = rules_info(r, i);
	bool taken = exception_book_takes(b, &f, time_ms);
	CHECK(!f.rule->exception); /* whoever is left makes an alert of the rule itself */
	arena_release(&arena);
	return taken;
}

TEST(the_book_counts_and_ends_by_the_time_of_the_event)
{
	struct db *db;
	struct arena arena;
	struct fault f = {0};
	int64_t id = 0, none = 0;
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	arena_init(&arena, 64 << 10, 16 << 20);
	struct exception e = exception_of(&arena, "Value", STR("quiet"), ""), got;
	e.rule_title = e.who = STR("x");
	e.until_ms = 2000;
	CHECK_INT(exception_add(db, &e, 1000, &id, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("exception_reason"));
	e.reason = STR("known");
	CHECK_INT(exception_add(db, &e, 2000, &none, &f), E_INVALID);
	CHECK_INT(exception_add(db, &e, 2000 - EXCEPTION_LONGEST_MS - 1, &none, &f), E_INVALID);
	CHECK_INT(exception_add(db, &e, 1000, &id, &f), 0);
	e.id = id;
	struct rules *r = rules_with(&e, true);
	struct exception_book *b = exception_book_new();
	CHECK_INT(exception_book_load(b, db, 1500), 0);
	CHECK_INT(exception_book_next_end(b), 2000);
	CHECK(takes(b, r, (uint64_t)id, STR("quiet"), 1999)); /* the worker found it */
	CHECK(takes(b, r, 0, STR("quiet"), 1999));            /* a worker that had not read it yet */
	CHECK(!takes(b, r, 0, STR("loud"), 1999));
	CHECK(!takes(b, r, (uint64_t)id, STR("quiet"), 2000));
	CHECK_INT(exception_book_write(b, db), 0);
	exception_book_clear(b);
	CHECK_INT(exception_get(db, id, &arena, &got), 0);
	CHECK_INT(got.matched, 2);
	CHECK_INT(got.last_ms, 1999);
	CHECK_INT(exception_end(db, id, STR("an"), 1600), 0);
	CHECK_INT(exception_end(db, id, STR("an"), 1601), E_NOT_FOUND);
	CHECK_INT(exception_book_load(b, db, 1601), 0);
	CHECK(!takes(b, r, (uint64_t)id, STR("quiet"), 1000)); /* a worker that still has it */
	exception_book_free(b);
	rules_free(r);
	arena_release(&arena);
	db_close(db);
}

TEST(an_exception_takes_only_what_its_own_rule_found)
{
	struct db *db;
	struct arena arena;
	struct fault f = {0};
	int64_t id = 0;
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	arena_init(&arena, 64 << 10, 16 << 20);
	struct exception e = exception_of(&arena, "Value", STR("quiet"), "");
	e.rule_title = e.who = e.reason = STR("x");
	e.until_ms = 2000;
	e.rule = STR("another");
	CHECK_INT(exception_add(db, &e, 1000, &id, &f), 0);
	e.id = id;
	e.rule = RULE_ID;
	struct rules *r = rules_with(&e, true); /* a worker that names it for a finding of this rule */
	struct exception_book *b = exception_book_new();
	CHECK_INT(exception_book_load(b, db, 1500), 0);
	CHECK(!takes(b, r, (uint64_t)id, STR("quiet"), 1999));
	CHECK_INT(exception_book_pending(b), 0);
	exception_book_free(b);
	rules_free(r);
	arena_release(&arena);
	db_close(db);
}

/* Active exceptions after agency "xa-a" has handed over to "xa-b"; the words of the first field of those that name systems. */
static uint32_t
after_handing_over(const char *value, bool ends, uint32_t systems, uint32_t *ret_active)
{
	struct db *db;
	struct arena arena;
	struct fault f = {0};
	struct str *id;
	int64_t made;
	uint32_t named = 0;
	arena_init(&arena, 64 << 10, 16 << 20);
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	struct exception e = exception_of(&arena, "khien.organisation", str_z(value), "");
	e.rule_title = e.who = e.reason = STR("x");
	e.until_ms = 2000;
	CHECK_INT(exception_add(db, &e, 1000, &made, &f), 0);
	id = arena_calloc(&arena, systems, sizeof *id);
	for (uint32_t i = 0; i < systems; i++) {
		char text[65];
		snprintf(text, sizeof text, "system-with-a-name-that-is-rather-long-for-a-name-%06u", i);
		CHECK(arena_copy(&arena, str_z(text), &id[i]));
	}
	const struct merger_handed h = {.from = STR("xa-a"), .into = STR("xa-b"), .ends = ends, .system = id, .systems = systems, .who = STR("an"), .now_ms = 1500};
	CHECK_INT(exception_follow(db, &h), 0);
	struct exception_book *b = exception_book_new();
	CHECK_INT(exception_book_load(b, db, 1600), 0);
	*ret_active = exception_book_count(b);
	for (uint32_t i = 0; i < exception_book_count(b); i++) {
		const struct exception *one = exception_book_at(b, i);
		struct str rest = one->field[0].value, word;
		CHECK(one->until_ms == 2000 && str_eq(one->reason, STR("x")) && str_eq(one->who, STR("x")));
		while (str_eq(one->field[0].name, STR("khien.system")) && str_split(&rest, ' ', &word))
			named += word.n > 0;
	}
	exception_book_free(b);
	arena_release(&arena);
	db_close(db);
	return named;
}

TEST(what_is_excepted_for_an_agency_follows_its_systems)
{
	static const struct {
		const char *value;
		bool ends;
		uint32_t systems, named, active;
	} row[] = {
	    {"xa-a", true, 3, 3, 1},       /* its own ends */
	    {"XA-A", false, 3, 3, 2},      /* it keeps others, and their exception */
	    {"xa-a", true, 0, 0, 0},       /* nothing is left to be excepted */
	    {"xa-a", true, 1000, 1000, 7}, /* more than one value has room for */
	    {"xa-*", true, 3, 0, 1},       /* who takes over is covered already */
	    {"xa-c", true, 3, 0, 1},       /* somebody else's */
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		uint32_t active = 0;
		CHECK_INT(after_handing_over(row[i].value, row[i].ends, row[i].systems, &active), row[i].named);
		CHECK_INT(active, row[i].active);
	}
}

TEST(one_of_several_words_is_for_fields_that_core_alone_knows)
{
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	struct exception_field f = {.name = STR("khien.system"), .written = STR("web-a kho"), .match = STR("one_of")};
	CHECK_INT(exception_field_read(&f, &arena), 0);
	f.name = STR("Value");
	CHECK_INT(exception_field_read(&f, &arena), E_INVALID); /* no Sigma filter would say it */
	arena_release(&arena);
}
