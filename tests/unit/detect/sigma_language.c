/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sigma specification 2.1.0 row by row: what a detection says, and events it must and must not meet. Every row runs
 * through the engine twice (cold and from its caches) and through the slow evaluator.
 */
#include "base/lang.h"
#include "base/memory.h"
#include "corpus.h"
#include "slow.h"
#include "tap.h"

static struct faults faults;

/* A rule of product "test" from the lines under `detection`. */
static struct rules *
rule_of(const char *detection)
{
	static const struct str list[] = {STR_INIT("one"), STR_INIT("two*")}, percents = STR_INIT("100%one%");
	struct buf text = BUF_INIT;
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	rules_add_placeholder(r, STR("list"), list, COUNT(list));
	rules_add_placeholder(r, STR("a list"), &percents, 1);
	rules_add_placeholder(r, STR("empty"), NULL, 0);
	buf_addf(&text, "title: t\nid: t\nlogsource: {product: test}\ndetection:\n%s", detection);
	rules_add(r, buf_str(&text), STR("t.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	buf_release(&text);
	return r;
}

static bool
meets(const struct rules *r, struct matcher *m, struct slow *slow, struct str json)
{
	struct arena arena;
	struct decoder *d = decoder_new(rules_names(r));
	struct buf line = BUF_INIT;
	struct decode_result got = {0};
	struct finding *finding;
	bool met = false;
	struct matcher *hasty = matcher_new(r);
	matcher_forget(hasty);
	arena_init(&arena, 64 << 10, 64 << 20);
	buf_add(&line, STR("{\"product\":\"test\","));
	buf_add(&line, json);
	buf_add_char(&line, '}');
	struct raw raw = {.form = RAW_LINE, .bytes = buf_str(&line)};
	CHECK_INT(decode(d, &raw, &arena, &got), 0);
	CHECK_INT(got.count, 1);
	if (got.count) {
		met = matcher_match(m, got.event, &arena, &finding) == 1;
		CHECK_INT(matcher_match(m, got.event, &arena, &finding), met);
		CHECK_INT(matcher_match(hasty, got.event, &arena, &finding), met);
		CHECK_INT(slow_match(slow, 0, got.event), met);
	}
	buf_release(&line);
	arena_release(&arena);
	decoder_free(d);
	matcher_free(hasty);
	return met;
}

/* With several rules. */
static bool
any_meets(const struct rules *r, struct matcher *m, struct str json)
{
	struct arena arena;
	struct decoder *d = decoder_new(rules_names(r));
	struct buf line = BUF_INIT;
	struct decode_result got = {0};
	struct finding *finding;
	arena_init(&arena, 64 << 10, 1 << 20);
	buf_add(&line, STR("{\"product\":\"test\","));
	buf_add(&line, json);
	buf_add_char(&line, '}');
	struct raw raw = {.form = RAW_LINE, .bytes = buf_str(&line)};
	CHECK_INT(decode(d, &raw, &arena, &got), 0);
	bool met = got.count && matcher_match(m, got.event, &arena, &finding) > 0;
	buf_release(&line);
	arena_release(&arena);
	decoder_free(d);
	return met;
}

static void
check_rule(const char *detection, const char *const *yes, const char *const *no)
{
	struct rules *r = rule_of(detection);
	CHECK_INT(faults.count, 0);
	CHECK_INT(rules_count(r), 1);
	if (rules_count(r) == 1) {
		struct matcher *m = matcher_new(r);
		struct slow *slow = slow_new(r);
		for (; *yes; yes++)
			if (!meets(r, m, slow, str_z(*yes))) {
				printf("# must meet %s\n%s", *yes, detection);
				CHECK(false);
			}
		for (; *no; no++)
			if (meets(r, m, slow, str_z(*no))) {
				printf("# must not meet %s\n%s", *no, detection);
				CHECK(false);
			}
		slow_free(slow);
		matcher_free(m);
	}
	rules_free(r);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define RULE(detection, yes, no) check_rule(detection, yes, no)
/* One selection, condition and all. */
#define ITEM(item, yes, no) check_rule("  s:\n    " item "\n  condition: s\n", yes, no)

TEST(whole_values_whatever_their_case)
{
	ITEM("A: abc", LIST("\"A\":\"abc\"", "\"A\":\"ABC\"", "\"A\":\"a\\u0062c\""),
	    LIST("\"A\":\"abcd\"", "\"A\":\"xabc\"", "\"B\":\"abc\"", "\"a\":\"abc\"", "\"A\":\"\"", "\"A\":null"));
	ITEM("A: [abc, def]", LIST("\"A\":\"abc\"", "\"A\":\"DEF\""), LIST("\"A\":\"ghi\""));
	ITEM("A: Tr\xc6\xaf\xe1\xbb\x9cng", LIST("\"A\":\"tr\xc6\xb0\xe1\xbb\x9dNG\""), LIST("\"A\":\"truong\""));
	ITEM("A: 4688", LIST("\"A\":4688", "\"A\":\"4688\""), LIST("\"A\":46880", "\"A\":\"04688\""));
	ITEM("A: true", LIST("\"A\":true", "\"A\":\"True\""), LIST("\"A\":false", "\"A\":1"));
	ITEM("A: -1.5", LIST("\"A\":-1.5"), LIST("\"A\":1.5"));
	RULE("  s: {A: x, B: y}\n  condition: s\n", LIST("\"A\":\"x\",\"B\":\"y\""), LIST("\"A\":\"x\"", "\"B\":\"y\""));
	RULE("  s:\n    - {A: x}\n    - {B: y, C: z}\n  condition: s\n", LIST("\"A\":\"x\"", "\"B\":\"y\",\"C\":\"z\""),
	    LIST("\"B\":\"y\"", "\"A\":\"q\""));
}

TEST(the_same_field_twice_means_any_of_them)
{
	ITEM("A: x", LIST("\"A\":\"y\",\"A\":\"x\"", "\"A\":\"x\",\"A\":null"), LIST("\"A\":\"y\",\"A\":\"z\""));
	ITEM("A: null", LIST("\"A\":null,\"A\":null"), LIST("\"A\":null,\"A\":\"z\""));
}

/* Each item of a list counts, as in rsigma. */
TEST(lists_in_events)
{
	ITEM("A: y", LIST("\"A\":[\"x\",\"y\"]", "\"A\":[\"y\"]", "\"A\":[null,\"Y\",2]"), LIST("\"A\":[\"x\",\"z\"]", "\"A\":[\"x\\ny\",\"z\"]", "\"A\":[]"));
	ITEM("A: 2", LIST("\"A\":[1,2]"), LIST("\"A\":[12]"));
	ITEM("a.b|startswith: y", LIST("\"a\":{\"b\":[\"x\",\"yz\"]}"), LIST("\"a\":{\"b\":[\"xy\",\"zy\"]}"));
	ITEM("A|contains|all: [x, y]", LIST("\"A\":[\"xa\",\"ya\"]"), LIST("\"A\":[\"x\",\"z\"]"));
	ITEM("A|cidr: 10.0.0.0/8", LIST("\"A\":[\"fe80::1\",\"10.1.2.3\"]"), LIST("\"A\":[\"fe80::1\",\"11.1.2.3\"]"));
	ITEM("A|gt: 5", LIST("\"A\":[1,6]"), LIST("\"A\":[1,5]"));
	ITEM("A|neq: x", LIST("\"A\":[\"y\",\"z\"]"), LIST("\"A\":[\"y\",\"x\"]"));
	ITEM("A: null", LIST("\"A\":[]", "\"A\":{}"), LIST("\"A\":[\"x\"]"));
	ITEM("A|exists: true", LIST("\"A\":[]", "\"A\":{}", "\"A\":[1,2]"), LIST("\"B\":[]"));
	ITEM("a.b: y", LIST("\"a\":[{\"b\":\"x\"},{\"b\":\"y\"}]", "\"a\":[{\"b\":[\"x\",\"y\"]}]", "\"a\":[[{\"b\":\"y\"}]]"), LIST("\"a\":[{\"b\":\"x\"},{\"c\":\"y\"}]", "\"a\":[{\"c\":{\"b\":\"y\"}}]"));
	ITEM("a.b.c.d: y", LIST("\"a\":{\"b\":[1,{\"c\":[{\"d\":\"x\"},{\"d\":\"y\"}]}]}", "\"a\":[{\"b\":{\"c\":{\"d\":\"y\"}}}]"), LIST("\"a\":{\"b\":[{\"c\":[{\"e\":\"y\"}]}]}"));
	ITEM("a: 2", LIST("\"a\":[{\"b\":1},2]"), LIST("\"a\":[{\"b\":2},1]"));
	ITEM("a.1.b: y", LIST("\"a\":[{\"b\":\"x\"},{\"b\":\"y\"}]"), LIST("\"a\":[{\"b\":\"y\"}]"));
	RULE("  k: [alpha]\n  condition: k\n", LIST("\"A\":[\"x\",\"an alpha\"]"), LIST("\"A\":[\"al\",\"pha\"]"));
}

TEST(nothing_and_empty)
{
	ITEM("A: null", LIST("\"A\":null", "\"B\":1"), LIST("\"A\":\"\"", "\"A\":\"x\""));
	ITEM("A: ''", LIST("\"A\":\"\""), LIST("\"A\":null", "\"B\":1", "\"A\":\" \""));
	ITEM("A: [null, '', x]", LIST("\"A\":null", "\"A\":\"\"", "\"B\":1", "\"A\":\"x\""), LIST("\"A\":\"y\""));
	ITEM("A|exists: true", LIST("\"A\":\"\"", "\"A\":\"x\"", "\"A\":null"), LIST("\"B\":1"));
	ITEM("A|exists: false", LIST("\"B\":1"), LIST("\"A\":\"x\""));
	ITEM("A: '*'", LIST("\"A\":\"\"", "\"A\":\"x\""), LIST("\"B\":1", "\"A\":null"));
	ITEM("A|contains: ''", LIST("\"A\":\"\"", "\"A\":\"x\""), LIST("\"B\":1"));
}

TEST(wildcards_and_their_escapes)
{
	ITEM("A: a*", LIST("\"A\":\"a\"", "\"A\":\"abc\""), LIST("\"A\":\"ba\""));
	ITEM("A: '*a'", LIST("\"A\":\"a\"", "\"A\":\"cba\""), LIST("\"A\":\"ab\""));
	ITEM("A: '*a*'", LIST("\"A\":\"a\"", "\"A\":\"cab\""), LIST("\"A\":\"b\""));
	ITEM("A: a*c", LIST("\"A\":\"ac\"", "\"A\":\"abbc\"", "\"A\":\"aCc\""), LIST("\"A\":\"acb\"", "\"A\":\"c\"", "\"A\":\"a\""));
	ITEM("A: a**c*e", LIST("\"A\":\"ace\"", "\"A\":\"abcde\"", "\"A\":\"aceace\""), LIST("\"A\":\"aec\""));
	ITEM("A: a?c", LIST("\"A\":\"abc\"", "\"A\":\"a\xe1\xbb\x9d" "c\""), LIST("\"A\":\"ac\"", "\"A\":\"abbc\""));
	ITEM("A: '?'", LIST("\"A\":\"x\""), LIST("\"A\":\"\"", "\"A\":\"xy\""));
	ITEM("A: '*aab'", LIST("\"A\":\"aaab\"", "\"A\":\"aabaab\""), LIST("\"A\":\"aabaa\""));
	ITEM("A: '*a?b*c?d'", LIST("\"A\":\"xaybzcwd\"", "\"A\":\"a-ba-bc-dc-d\""), LIST("\"A\":\"xaybzcd\""));
	ITEM("A: 'a\\*'", LIST("\"A\":\"a*\""), LIST("\"A\":\"ab\"", "\"A\":\"a\\\\*\""));
	ITEM("A: 'a\\?'", LIST("\"A\":\"a?\""), LIST("\"A\":\"ab\""));
	ITEM("A: 'a\\\\*'", LIST("\"A\":\"a\\\\bc\"", "\"A\":\"a\\\\\""), LIST("\"A\":\"a*\"", "\"A\":\"ab\""));
	ITEM("A: 'a\\\\\\*'", LIST("\"A\":\"a\\\\*\""), LIST("\"A\":\"a\\\\bc\""));
	ITEM("A: 'C:\\Windows\\x.exe'", LIST("\"A\":\"c:\\\\windows\\\\X.EXE\""), LIST("\"A\":\"c:windowsx.exe\""));
	ITEM("A: '\\\\\\\\server'", LIST("\"A\":\"\\\\\\\\server\""), LIST("\"A\":\"\\\\server\""));
}

TEST(parts_of_values)
{
	ITEM("A|contains: b", LIST("\"A\":\"abc\"", "\"A\":\"B\""), LIST("\"A\":\"ac\""));
	ITEM("A|contains: whoami", LIST("\"A\":\"c:\\\\WhoAmI.exe\""), LIST("\"A\":\"whoam\"", "\"A\":\"who ami\""));
	ITEM("A|contains: a*c", LIST("\"A\":\"xabcx\""), LIST("\"A\":\"xcax\""));
	ITEM("A|startswith: ab", LIST("\"A\":\"ABc\""), LIST("\"A\":\"cab\"", "\"A\":\"a\""));
	ITEM("A|endswith: ab", LIST("\"A\":\"cAB\""), LIST("\"A\":\"abc\"", "\"A\":\"b\""));
	ITEM("A|contains: [one, two]", LIST("\"A\":\"xonex\"", "\"A\":\"two\""), LIST("\"A\":\"three\""));
	ITEM("A|contains|all: [one, two]", LIST("\"A\":\"two one\""), LIST("\"A\":\"one\"", "\"A\":\"two\""));
	ITEM("A|all|startswith: [one, on]", LIST("\"A\":\"one\""), LIST("\"A\":\"on\""));
	ITEM("A|contains|cased: Ab", LIST("\"A\":\"xAbx\""), LIST("\"A\":\"xabx\"", "\"A\":\"xABx\""));
	ITEM("A|cased: Ab", LIST("\"A\":\"Ab\""), LIST("\"A\":\"ab\""));
	ITEM("A|cased: A*b?", LIST("\"A\":\"Axxbx\""), LIST("\"A\":\"axxbx\""));
	ITEM("A|endswith|cased: '.EXE'", LIST("\"A\":\"x.EXE\""), LIST("\"A\":\"x.exe\""));
	ITEM("A|neq: x", LIST("\"A\":\"y\"", "\"B\":1"), LIST("\"A\":\"X\""));
	ITEM("A|neq: [x, y]", LIST("\"A\":\"z\""), LIST("\"A\":\"x\"", "\"A\":\"y\""));
	ITEM("A|contains|neq: x", LIST("\"A\":\"y\""), LIST("\"A\":\"axa\""));
	ITEM("A|contains|neq|all: [x, y]", LIST("\"A\":\"x\"", "\"A\":\"z\""), LIST("\"A\":\"xy\""));
}

TEST(numbers)
{
	ITEM("A|lt: 10", LIST("\"A\":9", "\"A\":\"9.99\"", "\"A\":-100", "\"A\":\"0x9\""), LIST("\"A\":10", "\"A\":\"abc\"", "\"B\":1", "\"A\":\"\""));
	ITEM("A|lte: 10", LIST("\"A\":10", "\"A\":\"0xA\""), LIST("\"A\":10.01"));
	ITEM("A|gt: 1.5", LIST("\"A\":\"1.6\"", "\"A\":1e3"), LIST("\"A\":1.5"));
	ITEM("A|gte: 0x10", LIST("\"A\":16", "\"A\":\"0x1eba8\""), LIST("\"A\":15"));
	ITEM("A|gt: [100, 10]", LIST("\"A\":11"), LIST("\"A\":10"));
	ITEM("A|gte: '10'", LIST("\"A\":\"10\"", "\"A\":11"), LIST("\"A\":\"9\""));
	RULE("  s: {A|gte: 5, A|lt: 10}\n  condition: s\n", LIST("\"A\":5", "\"A\":\"9.5\""), LIST("\"A\":10", "\"A\":4"));
	ITEM("A|neq: 5", LIST("\"A\":6", "\"A\":\"x\"", "\"B\":1"), LIST("\"A\":5", "\"A\":\"5\"", "\"A\":5.0", "\"A\":\"0x5\""));
	ITEM("A|neq: '5'", LIST("\"A\":5.0"), LIST("\"A\":5"));
	ITEM("A|neq|all: [5, 6]", LIST("\"A\":5"), LIST("\"A\":5,\"A\":6.0"));
	/* a number of YAML in another notation, and a text that looks like one */
	ITEM("A: 0x10", LIST("\"A\":16", "\"A\":\"16\"", "\"A\":\"0X10\""), LIST("\"A\":10"));
	ITEM("A: '0x10'", LIST("\"A\":\"0x10\""), LIST("\"A\":16"));
	ITEM("A|contains: 0x10", LIST("\"A\":\"a0x10b\""), LIST("\"A\":\"a16b\""));
	ITEM("A|contains: 62", LIST("\"A\":4625"), LIST("\"A\":46"));
	ITEM("A: 2024-01-02", LIST("\"A\":\"2024-01-02\""), LIST("\"A\":\"2024-01-03\""));
	ITEM("A: 010", LIST("\"A\":\"010\""), LIST("\"A\":8", "\"A\":10"));
}

TEST(expressions)
{
	ITEM("A|re: 'ab+c'", LIST("\"A\":\"xabbcx\""), LIST("\"A\":\"ac\"", "\"A\":\"ABC\""));
	ITEM("A|re: '^ab$'", LIST("\"A\":\"ab\""), LIST("\"A\":\"xab\"", "\"A\":\"x\\nab\""));
	ITEM("A|re|i: 'ab+c'", LIST("\"A\":\"ABBC\""), LIST("\"A\":\"ac\""));
	ITEM("A|re|m: '^ab$'", LIST("\"A\":\"x\\nab\\ny\""), LIST("\"A\":\"xab\""));
	ITEM("A|re: 'a.b'", LIST("\"A\":\"axb\""), LIST("\"A\":\"a\\nb\""));
	ITEM("A|re|s: 'a.b'", LIST("\"A\":\"a\\nb\""), LIST("\"A\":\"ab\""));
	ITEM("A|re|i|s: 'a.b'", LIST("\"A\":\"A\\nB\""), LIST("\"A\":\"ab\""));
	ITEM("A|re: 'foo(bar|baz)?qux{2}'", LIST("\"A\":\"fooquxx\"", "\"A\":\"foobazquxx\""), LIST("\"A\":\"fooqux\""));
	ITEM("A|re: '(one|two)|three'", LIST("\"A\":\"two\"", "\"A\":\"three\""), LIST("\"A\":\"four\""));
	ITEM("A|re: 'a\\.exe[\"'']? x*y'", LIST("\"A\":\"a.exe\\\" xxy\"", "\"A\":\"a.exe y\""), LIST("\"A\":\"a-exe y\""));
	ITEM("A|re: 'ng\xc6\xb0\xe1\xbb\x9di.d\xc3\xb9ng'", LIST("\"A\":\"ng\xc6\xb0\xe1\xbb\x9di d\xc3\xb9ng\""), LIST("\"A\":\"nguoi dung\""));
	ITEM("A|re: '.*'", LIST("\"A\":\"\"", "\"A\":\"x\""), LIST("\"B\":1"));
	ITEM("A|re|contains: 'b.d'", LIST("\"A\":\"abcde\""), LIST("\"A\":\"bd\""));
	ITEM("A|re|startswith: 'b.d|c'", LIST("\"A\":\"bcde\"", "\"A\":\"c\""), LIST("\"A\":\"abcd\"", "\"A\":\"a\\nc\""));
	ITEM("A|re|endswith|i: 'b.d|c'", LIST("\"A\":\"aBCD\"", "\"A\":\"aC\""), LIST("\"A\":\"bcde\"", "\"A\":\"ca\""));
	ITEM("A|re|all: ['x+', 'y+']", LIST("\"A\":\"xy\""), LIST("\"A\":\"x\""));
	ITEM("A|re|neq: 'x+'", LIST("\"A\":\"y\""), LIST("\"A\":\"x\""));
	ITEM("A|re: ['x+', 'y+']", LIST("\"A\":\"xx\"", "\"A\":\"y\""), LIST("\"A\":\"z\""));
	ITEM("A|re: '(a+)+$'", LIST("\"A\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""), LIST("\"A\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""));
}

TEST(networks)
{
	ITEM("A|cidr: 10.0.0.0/8", LIST("\"A\":\"10.1.2.3\"", "\"A\":\"::ffff:10.1.2.3\""), LIST("\"A\":\"11.0.0.0\"", "\"A\":\"10.1.2\"", "\"A\":\"x\"", "\"A\":\"10.1.2.3x\""));
	ITEM("A|cidr: 192.168.4.128/25", LIST("\"A\":\"192.168.4.200\""), LIST("\"A\":\"192.168.4.127\""));
	ITEM("A|cidr: [203.0.113.7, '0.0.0.0/0']", LIST("\"A\":\"203.0.113.7\"", "\"A\":\"1.2.3.4\""), LIST("\"A\":\"2001:db8::1\""));
	ITEM("A|cidr: '::/0'", LIST("\"A\":\"::1\"", "\"A\":\"::ffff:10.1.2.3\""), LIST("\"A\":\"10.1.2.3\""));
	ITEM("A|cidr: '::ffff:10.0.0.0/104'", LIST("\"A\":\"10.1.2.3\""), LIST("\"A\":\"11.1.2.3\""));
	ITEM("A|cidr|neq: 10.0.0.0/8", LIST("\"A\":\"11.0.0.1\""), LIST("\"A\":\"10.0.0.1\""));
	ITEM("A|cidr: '2001:db8::/33'", LIST("\"A\":\"2001:db8:7fff::1\"", "\"A\":\"2001:0DB8::1\""), LIST("\"A\":\"2001:db8:8000::1\"", "\"A\":\"10.0.0.1\""));
}

TEST(encodings)
{
	ITEM("A|base64: foobar", LIST("\"A\":\"Zm9vYmFy\""), LIST("\"A\":\"foobar\""));
	ITEM("A|base64|contains: foo", LIST("\"A\":\"xZm9vx\""), LIST("\"A\":\"foo\""));
	/* "whoami" at each of the three places */
	ITEM("A|base64offset|contains: whoami", LIST("\"A\":\"d2hvYW1p\"", "\"A\":\"IHdob2FtaQ==\"", "\"A\":\"eHh3aG9hbWl4\""), LIST("\"A\":\"whoami\""));
	ITEM("A|utf16le|base64offset|contains: abc", LIST("\"A\":\"YQBiAGMA\""), LIST("\"A\":\"YWJj\""));
	ITEM("A|wide|base64: a", LIST("\"A\":\"YQA=\""), LIST("\"A\":\"YQ==\""));
	ITEM("A|utf16be|base64: a", LIST("\"A\":\"AGE=\""), LIST("\"A\":\"YQA=\""));
	ITEM("A|wide: 'a*b?\xc4\x91'", LIST("\"A\":\"a\\u0000zzb\\u0000x\\u0011\\u0001\""), LIST("\"A\":\"azzbx\"", "\"A\":\"a\\u0000b\\u0000\""));
	ITEM("A|utf16be|contains: ab", LIST("\"A\":\"x\\u0000a\\u0000b\""), LIST("\"A\":\"a\\u0000b\\u0000\"", "\"A\":\"ab\""));
	ITEM("A|utf16|base64offset|contains: foo", LIST("\"A\":\"//5mAG8AbwA\""), LIST("\"A\":\"ZgBvAG8A\""));
	ITEM("A|utf16|base64: a", LIST("\"A\":\"//5hAA==\""), LIST("\"A\":\"YQA=\""));
	ITEM("A|base64offset|contains|all: [whoami, foobar]", LIST("\"A\":\"d2hvYW1p IGZvb2Jhcg==\""), LIST("\"A\":\"d2hvYW1p\""));
}

TEST(dashes)
{
	ITEM("A|windash|contains: ' -enc '", LIST("\"A\":\"x -enc y\"", "\"A\":\"x /ENC y\"", "\"A\":\"x \xe2\x80\x93" "enc y\"", "\"A\":\"x \xe2\x80\x94" "enc y\"", "\"A\":\"x \xe2\x80\x95" "enc y\""),
	    LIST("\"A\":\"x enc y\"", "\"A\":\"x +enc y\""));
	ITEM("A|windash|contains: '/a -b'", LIST("\"A\":\"-a /b\"", "\"A\":\"/a -b\""), LIST("\"A\":\"a b\""));
	/* the rule may be written with any of the five */
	ITEM("A|windash|contains: ' /enc'", LIST("\"A\":\"x -enc\"", "\"A\":\"x \xe2\x80\x95" "enc\""), LIST("\"A\":\"x enc\""));
	ITEM("A|windash|contains: ' \xe2\x80\x93" "enc'", LIST("\"A\":\"x -enc\"", "\"A\":\"x /enc\"", "\"A\":\"x \xe2\x80\x93" "enc\"", "\"A\":\"x \xe2\x80\x95" "enc\""),
	    LIST("\"A\":\"x enc\"", "\"A\":\"x \xe2\x80" "enc\""));
	ITEM("A|windash: '\xe2\x80\x95" "a --b'", LIST("\"A\":\"-a -/b\""), LIST("\"A\":\"-a /-b\""));
	ITEM("A|windash: '-param-name'", LIST("\"A\":\"/param-name\""), LIST("\"A\":\"/param/name\""));
	ITEM("A|windash: '- -\xe2\x80\x93'", LIST("\"A\":\"- -\xe2\x80\x93\""), LIST("\"A\":\"/ -\xe2\x80\x93\""));
	ITEM("A|contains|windash: a-b", LIST("\"A\":\"a-b\""), LIST("\"A\":\"a/b\""));
	ITEM("A|contains|all|windash: ['-x', '-y']", LIST("\"A\":\"/y -x\""), LIST("\"A\":\"-x\""));
}

TEST(placeholders_and_other_fields)
{
	ITEM("A|expand: '%list%'", LIST("\"A\":\"one\"", "\"A\":\"twofold\""), LIST("\"A\":\"%list%\"", "\"A\":\"on\""));
	ITEM("A|expand: 'x%list%y'", LIST("\"A\":\"xoney\"", "\"A\":\"xtwoandy\""), LIST("\"A\":\"xone\""));
	ITEM("A|expand: '%list%-%list%'", LIST("\"A\":\"one-one\"", "\"A\":\"twofold-one\""), LIST("\"A\":\"one-\""));
	ITEM("A|expand|contains|all: ['%list%', b]", LIST("\"A\":\"b one\"", "\"A\":\"b two\""), LIST("\"A\":\"one\"", "\"A\":\"b\""));
	ITEM("A|expand|contains|all: ['%empty%', b]", LIST(), LIST("\"A\":\"b\"", "\"A\":\"%empty% b\""));
	ITEM("A|expand: '\\%plain%a list%'", LIST("\"A\":\"%plain100%one%\""), LIST("\"A\":\"%plainone\"", "\"A\":\"\\\\%plain100%one%\""));
	ITEM("A|expand: '\\%x\\%y\\%%list%\\%z\\%'", LIST("\"A\":\"%x%y%one%z%\""), LIST("\"A\":\"one\""));
	ITEM("A|expand: '%list%a?b*%list%'", LIST("\"A\":\"oneaXbone\"", "\"A\":\"twoYaXbYtwo\""), LIST("\"A\":\"oneabone\""));
	ITEM("A|expand: '50\\% of 100%'", LIST("\"A\":\"50% of 100%\""), LIST("\"A\":\"50\\\\% of 100%\""));
	ITEM("A|re|expand: '^(%list%|%a list%)$'", LIST("\"A\":\"one\"", "\"A\":\"100%one%\"", "\"A\":\"twoo\""), LIST("\"A\":\"xone\""));
	ITEM("A: '%list%'", LIST("\"A\":\"%list%\""), LIST("\"A\":\"one\""));
	ITEM("A|fieldref: B", LIST("\"A\":\"x\",\"B\":\"X\""), LIST("\"A\":\"x\",\"B\":\"y\"", "\"A\":\"x\"", "\"B\":\"x\""));
	ITEM("A|fieldref|startswith: B", LIST("\"A\":\"xyz\",\"B\":\"xy\""), LIST("\"A\":\"xyz\",\"B\":\"yz\""));
	ITEM("A|fieldref|endswith: B", LIST("\"A\":\"xyz\",\"B\":\"yz\""), LIST("\"A\":\"xyz\",\"B\":\"xy\""));
	ITEM("A|fieldref|contains: B", LIST("\"A\":\"xyz\",\"B\":\"y\""), LIST("\"A\":\"xyz\",\"B\":\"q\""));
	ITEM("A|fieldref|neq: B", LIST("\"A\":\"x\",\"B\":\"y\""), LIST("\"A\":\"x\",\"B\":\"X\""));
	ITEM("A|fieldref|cased: B", LIST("\"A\":\"x\",\"B\":\"x\""), LIST("\"A\":\"x\",\"B\":\"X\""));
}

TEST(parts_of_times)
{
	ITEM("A|hour: 23", LIST("\"A\":\"2026-11-22T23:10:00Z\"", "\"A\":\"2026-11-22 23:59:59\""), LIST("\"A\":\"2026-11-22T22:10:00Z\"", "\"A\":\"23\""));
	ITEM("A|minute: 5", LIST("\"A\":\"2026-11-22T23:05:00Z\""), LIST("\"A\":\"2026-11-22T05:06:00Z\""));
	ITEM("A|day: 22", LIST("\"A\":\"2026-11-22T00:00:00Z\""), LIST("\"A\":\"2026-11-21T23:59:59Z\""));
	ITEM("A|month: 11", LIST("\"A\":\"2026-11-22T00:00:00Z\""), LIST("\"A\":\"2026-12-11T00:00:00Z\""));
	ITEM("A|year: 2026", LIST("\"A\":\"2026-11-22T00:00:00Z\""), LIST("\"A\":\"2025-11-22T00:00:00Z\""));
	/* ISO 8601: 1 January 2027 is a Friday and so still of week 53 */
	ITEM("A|week: 53", LIST("\"A\":\"2027-01-01T00:00:00Z\"", "\"A\":\"2026-12-28T00:00:00Z\""), LIST("\"A\":\"2027-01-04T00:00:00Z\""));
	ITEM("A|week: 1", LIST("\"A\":\"2027-01-04T00:00:00Z\"", "\"A\":\"2025-12-29T00:00:00Z\""), LIST("\"A\":\"2027-01-11T00:00:00Z\""));
	static const char *const forms[] = {"\"2026-11-22T23:05:00Z\"", "\"2026-11-23T06:05:00+07:00\"",
		"\"2026-11-22 23:05:00.123\"", "\"2026-11-22T23:05:00.123456789Z\"", "\"2026/11/22 23:05:00\"", "1795388700",
		"\"1795388700\"", "1795388700.123", "1795388700123", "1795388700123456", "\"1795388700123456789\""};
	for (size_t i = 0; i < COUNT(forms); i++) {
		char json[64];
		snprintf(json, sizeof json, "\"A\":%s", forms[i]);
		ITEM("A|hour: 23", LIST(json), LIST());
		ITEM("A|minute: 5", LIST(json), LIST());
		ITEM("A|day: 22", LIST(json), LIST());
		ITEM("A|week: 47", LIST(json), LIST());
		ITEM("A|year|lt: 2027", LIST(json), LIST());
	}
	ITEM("A|day|lte: 22", LIST("\"A\":\"2026-11-22\""), LIST("\"A\":\"2026-11-23\"", "\"A\":22", "\"A\":\"\"", "\"A\":\"202611221\u00e1\""));
	ITEM("A|hour|gte: 18", LIST("\"A\":\"2026-11-22T18:00:00Z\""), LIST("\"A\":\"2026-11-22T17:59:00Z\""));
}

TEST(keywords)
{
	RULE("  k: [alpha, 'be*ta']\n  condition: k\n", LIST("\"A\":\"xAlphax\"", "\"B\":\"be something ta\""), LIST("\"A\":\"alp\"", "\"alpha\":\"x\"", "\"A\":\"be\",\"B\":\"ta\""));
	RULE("  k:\n    '|all': [alpha, beta]\n  condition: k\n", LIST("\"A\":\"alpha\",\"B\":\"beta\""), LIST("\"A\":\"alpha\""));
	RULE("  k: alpha\n  condition: k\n", LIST("\"A\":\"an alpha\""), LIST("\"A\":\"an\""));
	RULE("  k:\n    '|re': 'al+pha'\n  condition: k\n", LIST("\"A\":\"alllpha\""), LIST("\"A\":\"apha\""));
	RULE("  k: ['a\\\\b', '\"quoted\"', x/y, \xc4\x90\xe1\xba\xafk]\n  condition: k\n",
	    LIST("\"A\":\"a\\\\b\"", "\"A\":\"\\\"QUOTED\\\"\"", "\"A\":\"x\\/y\"", "\"A\":\"\\u0111\\u1eafK\"", "\"A\":\"\\u0078/y\""), LIST("\"A\":\"ab\""));
	RULE("  k: [mimikatz]\n  condition: k\n", LIST("\"A\":\"\\u006dimikatz\"", "\"A\":\"mimi\\u212aatz\"", "\"A\":\"MIMIKATZ\""), LIST("\"A\":\"mimi katz\""));
	RULE("  k: [5, true]\n  condition: k\n", LIST("\"A\":4625", "\"A\":true"), LIST("\"A\":4626", "\"A\":false", "\"A\":null"));
	RULE("  k: [4625, 1]\n  condition: k\n", LIST("\"A\":4625", "\"A\":{\"B\":0.1}"), LIST("\"A\":462"));
	RULE("  k:\n    - alpha\n    - A: 5\n  condition: k\n", LIST("\"B\":\"alpha\"", "\"A\":5"), LIST("\"B\":5"));
}

TEST(conditions)
{
#define ABC "  a: {A: 1}\n  b: {B: 1}\n  c: {C: 1}\n"
	RULE(ABC "  condition: a or b and c\n", LIST("\"A\":1", "\"B\":1,\"C\":1"), LIST("\"B\":1", "\"C\":1"));
	RULE(ABC "  condition: (a or b) and c\n", LIST("\"A\":1,\"C\":1"), LIST("\"A\":1", "\"C\":1"));
	RULE(ABC "  condition: not a and b\n", LIST("\"B\":1"), LIST("\"A\":1,\"B\":1", "\"C\":1"));
	RULE(ABC "  condition: not (a and b)\n", LIST("\"B\":1", "\"C\":1"), LIST("\"A\":1,\"B\":1"));
	RULE(ABC "  condition: NOT not a AND b OR c\n", LIST("\"A\":1,\"B\":1", "\"C\":1"), LIST("\"A\":1"));
	RULE(ABC "  condition: 1 of them\n", LIST("\"A\":1", "\"C\":1"), LIST("\"D\":1"));
	RULE(ABC "  condition: any of (them)\n", LIST("\"A\":1", "\"C\":1"), LIST("\"D\":1"));
	RULE(ABC "  condition: all of them\n", LIST("\"A\":1,\"B\":1,\"C\":1"), LIST("\"A\":1,\"B\":1"));
	RULE(ABC "  _d: {D: 1}\n  condition: all of them\n", LIST("\"A\":1,\"B\":1,\"C\":1"), LIST("\"D\":1"));
	RULE(ABC "  _b: {D: 1}\n  condition: 1 of *b\n", LIST("\"B\":1"), LIST("\"D\":1"));
	RULE(ABC "  _b: {D: 1}\n  condition: a and 1 of _*\n", LIST("\"A\":1,\"D\":1"), LIST("\"A\":1,\"B\":1"));
	RULE(ABC "  condition: not(a) and(b)\n", LIST("\"B\":1"), LIST("\"A\":1,\"B\":1"));
	RULE("  and_x: {A: 1}\n  not-y: {B: 1}\n  condition: and_x and not not-y\n", LIST("\"A\":1"), LIST("\"A\":1,\"B\":1"));
	RULE("  s:\n    - {A: x, B: y}\n    - [{C: z}, word]\n  condition: s\n",
	    LIST("\"A\":\"x\",\"B\":\"y\"", "\"C\":\"z\"", "\"D\":\"a word\""), LIST("\"A\":\"x\"", "\"B\":\"y\""));
	RULE("  sel_a: {A: 1}\n  sel_b: {B: 1}\n  fil: {C: 1}\n  condition: all of sel_* and not 1 of fil*\n",
	    LIST("\"A\":1,\"B\":1"), LIST("\"A\":1", "\"A\":1,\"B\":1,\"C\":1"));
	RULE("  x_a: {A: 1}\n  y_a: {B: 1}\n  x_b: {C: 1}\n  condition: 1 of *_a\n", LIST("\"A\":1", "\"B\":1"), LIST("\"C\":1"));
	RULE(ABC "  condition:\n    - a and b\n    - c\n", LIST("\"A\":1,\"B\":1", "\"C\":1"), LIST("\"A\":1", "\"B\":1"));
	RULE("  all: {A: 1}\n  condition: all\n", LIST("\"A\":1"), LIST("\"B\":1"));
	RULE("  a: {A: 1}\n  f: {B: null}\n  condition: a and not f\n", LIST("\"A\":1,\"B\":2"), LIST("\"A\":1"));
	RULE("  a: {A: 1}\n  condition: >\n    a\n    or\n    a\n", LIST("\"A\":1"), LIST("\"A\":2"));
}

/* Each kind that a person can meet has a sentence of its own; the words of the library, which tell the place, stay. */
TEST(why_an_expression_is_refused)
{
	static const struct {
		const char *pattern, *what, *words;
	} row[] = {
		{"(?<!a)b", "rule_regex_look", "Zero-width"},
		{"(a)\\1", "rule_regex_back", "Back-reference"},
		{"\\k<a>", "rule_regex_back", "label"},
		{"(?1)", "rule_regex_back", "index 0"},
		{"(?(1)a|b)", "rule_regex_back", "conditional"},
		{"a++", "rule_regex_atomic", "Possessive"},
		{"(?>a)", "rule_regex_atomic", "Atomic"},
		{"a{99999}", "rule_regex_large", "repeat"},
		{"a)", "rule_regex_bracket", "index 1"},
		{"(a", "rule_regex_bracket", "index 0"},
		{"(?z)a", "rule_regex_group", "index 0"},
		{"(?<1a>x)", "rule_regex_group", "index 0"},
		{"[a", "rule_regex_class", "index 0"},
		{"a[z-a]", "rule_regex_class", "index 4"},
		{"[[:foo:]]", "rule_regex_class", "index 1"},
		{"*a", "rule_regex_repeat", "index 0"},
		{"x^y", "rule_regex_anchor", "start"},
		{"a\\", "rule_regex_escape", "index 1"},
		{"\\p{Foo}", "rule_regex_escape", "index"},
		{"\\X", "rule_regex_escape", "index 0"},
		{"(?#abc", "rule_regex", "comment"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[128];
		snprintf(text, sizeof text, "  s: {A|re: '%s'}\n  condition: s\n", row[i].pattern);
		struct rules *r = rule_of(text);
		struct fault *f = &faults.last;
		bool told = str_find(str_z(f->arg), str_z(row[i].words)) >= 0;
		if (!told)
			printf("# %s: %s: %s\n", row[i].pattern, f->what, f->arg);
		CHECK_STR(str_z(f->what), str_z(row[i].what));
		CHECK(told);
		rules_free(r);
	}
}

TEST(what_is_refused_and_where)
{
	static const struct {
		const char *detection, *what;
		uint32_t line, column;
	} row[] = {
		{"  s: {A|contain: x}\n  condition: s\n", "rule_modifier", 5, 7},
		{"  s:\n    A|contains|startswith: x\n  condition: s\n", "rule_modifier_clash", 6, 5},
		{"  s: {A|re|cidr: x}\n  condition: s\n", "rule_modifier_clash", 5, 7},
		{"  s: {A|re|contains|startswith: x}\n  condition: s\n", "rule_modifier_clash", 5, 7},
		{"  s: {A|re|cased: x}\n  condition: s\n", "rule_modifier_clash", 5, 7},
		{"  s: {A|exists|all: true}\n  condition: s\n", "rule_modifier_clash", 5, 7},
		{"  s: {A|re|expand: '%nobody%'}\n  condition: s\n", "rule_placeholder", 5, 20},
		{"  s: {A|hour: late}\n  condition: s\n", "rule_number", 5, 15},
		{"  _s: {A: x}\n  condition: 1 of *s\n", "rule_no_selection", 6, 19},
		{"  s: {A|i: x}\n  condition: s\n", "rule_modifier_clash", 5, 7},
		{"  s: {A|re: '(?=x)'}\n  condition: s\n", "rule_regex_look", 5, 13},
		{"  s: {A|re: ['x', '(a']}\n  condition: s\n", "rule_regex_bracket", 5, 19},
		{"  s: {A|re: '(a)\\1'}\n  condition: s\n", "rule_regex_back", 5, 13},
		{"  s: {A|cidr: 10.0.0.0/33}\n  condition: s\n", "rule_cidr", 5, 15},
		{"  s: {A|cidr: home}\n  condition: s\n", "rule_cidr", 5, 15},
		{"  s: {A|lt: many}\n  condition: s\n", "rule_number", 5, 13},
		{"  s: {A|exists: maybe}\n  condition: s\n", "rule_exists", 5, 17},
		{"  s: {A|expand: '%nobody%'}\n  condition: s\n", "rule_placeholder", 5, 17},
		{"  s: {A|wide|base64: 'a*'}\n  condition: s\n", "rule_wildcard", 5, 22},
		{"  s: {A|fieldref: 'B*'}\n  condition: s\n", "rule_value_type", 5, 19},
		{"  s: {A|base64: 'a*'}\n  condition: s\n", "rule_wildcard", 5, 17},
		{"  s: {A: {B: x}}\n  condition: s\n", "rule_nested", 5, 10},
		{"  s: {A: [x, [y]]}\n  condition: s\n", "rule_value_type", 5, 14},
		{"  s: {A|contains: null}\n  condition: s\n", "rule_value_type", 5, 19},
		{"  s: {A: []}\n  condition: s\n", "rule_no_values", 5, 10},
		{"  s: {}\n  condition: s\n", "rule_no_values", 5, 3},
		{"  s: {A: x}\n  condition: t\n", "rule_no_selection", 6, 14},
		{"  s: {A: x}\n  condition: s and 1 of t*\n", "rule_no_selection", 6, 25},
		{"  s: {A: x}\n  condition: s and\n", "rule_condition", 6, 19},
		{"  s: {A: x}\n  condition: (s\n", "rule_condition", 6, 16},
		{"  s: {A: x}\n  condition: s s\n", "rule_condition", 6, 16},
		{"  s: {A: x}\n  condition: ''\n", "rule_condition", 6, 15},
		{"  s: {A: x}\n  condition: s | count() > 5\n", "rule_aggregation", 6, 16},
		{"  s: {A: x}\n  timeframe: 5m\n  condition: s\n", "rule_aggregation", 6, 3},
		{"  s: {A: x}\n", "rule_section", 4, 1},
		{"  s: {A: x}\n  unused: {A|foo: x}\n  condition: s\n", "rule_modifier", 6, 12},
		{"  s: {'|lt': 5}\n  condition: s\n", "rule_keyword_modifier", 5, 7},
		{"  s: {A: x, A: y}\n  condition: s\n", "yaml_duplicate", 5, 13},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rules *r = rule_of(row[i].detection);
		struct buf sentence = BUF_INIT;
		CHECK_INT(faults.count, 1);
		CHECK_INT(rules_count(r), 0);
		CHECK_STR(str_z(faults.last.what), str_z(row[i].what));
		if (faults.last.line != row[i].line || faults.last.column != row[i].column)
			printf("# %s", row[i].detection);
		CHECK_INT(faults.last.line, row[i].line);
		CHECK_INT(faults.last.column, row[i].column);
		lang_fault(&sentence, LANG_VI, &faults.last);
		CHECK(str_starts(buf_str(&sentence), STR("t.yml:")) && str_find(buf_str(&sentence), STR("fault.")) < 0);
		buf_release(&sentence);
		rules_free(r);
	}
}

TEST(a_wrong_rule_leaves_the_others_alone)
{
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	CHECK_INT(rules_add(r, STR("title: one\nid: 1\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n---\n"
				   "title: two\nid: 2\nlogsource: {product: test}\ndetection: {s: {A|x: 1}, condition: s}\n---\n"
				   "title: again\nid: 1\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n---\n"
				   "title: three\nid: 3\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\nlevel: awful\n---\n"
				   "title: four\nid: 4\nlogsource: {}\ndetection: {s: {A: 1}, condition: s}\n---\n"
				   "title: five\nid: 5\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\nlevel: high\nauthor: [An, Binh]\n"
				   "khien: {title_vi: N\xc4\x83m, entity: [A, B], window: 15m, advice_vi: x, advice_en: y}\n"),
	    STR("many.yml"), corpus_count_fault, &faults), 2);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 4);
	CHECK_INT(rules_stats(r).refused, 4);
	const struct rule_info *five = rules_find(r, STR("5"));
	CHECK(five && five->level == LEVEL_HIGH && five->entity_count == 2 && five->window_s == 900 && five->line == 27);
	CHECK_STR(five ? five->title_vi : STR(""), STR("N\xc4\x83m"));
	CHECK_STR(five ? five->author : STR(""), STR("An, Binh"));
	CHECK(rules_find(r, STR("1")) && !rules_find(r, STR("2")));
	CHECK(!rules_applicable(r, 0));
	rules_free(r);
}

TEST(engine_rules_are_words_without_a_plan)
{
	static const char good[] = "title: t\nid: t\nlogsource: {product: test}\ndetection:\n  s: {a: b}\n  condition: s\n"
				   "---\ntitle: Beacon\nid: b\nlevel: high\nkhien:\n  engine: flow.beacon\n"
				   "  parameters: {minimum_count: 20, jitter: 0.1}\n";
	static const struct {
		const char *text, *what;
	} bad[] = {
	    {"title: t\nid: x\nkhien: {engine: flow.bacon}\n", "rule_engine"},
	    {"title: t\nid: x\nkhien: {engine: flow.beacon}\n", "rule_engine_twice"},
	    {"title: t\nid: x\nkhien: {engine: yara, parameters: {n: many}}\n", "rule_number"},
	    {"title: t\nid: x\nkhien: {engine: yara, parameters: [1]}\n", "rule_section"},
	    {"title: t\nid: x\nkhien: {engine: yara, sources: dns}\n", "rule_section"},
	    {"title: t\nid: x\nkhien: {engine: yara, sources: [dns]}\n", "rule_section"},
	};
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	CHECK_INT(rules_add(r, STR(good), STR("e.yml"), corpus_count_fault, &faults), 2);
	for (size_t i = 0; i < COUNT(bad); i++) {
		CHECK_INT(rules_add(r, str_z(bad[i].text), STR("bad.yml"), corpus_count_fault, &faults), 0);
		CHECK_STR(str_z(faults.last.what), str_z(bad[i].what));
	}
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	const struct rule_info *info = rules_engine(r, STR("flow.beacon"));
	CHECK(info && rules_index(info) == 1 && rules_applicable(r, 1));
	CHECK(info && rule_parameter(info, STR("minimum_count"), 1) == 20 && rule_parameter(info, STR("none"), 7) == 7);
	CHECK(!rules_engine(r, STR("yara")));
	struct matcher *m = matcher_new(r);
	struct slow *slow = slow_new(r);
	CHECK(meets(r, m, slow, STR("\"a\":\"b\"")));
	CHECK(!meets(r, m, slow, STR("\"a\":\"c\"")));
	slow_free(slow);
	matcher_free(m);
	rules_free(r);
}

TEST(an_engine_is_live_where_one_of_its_sources_arrives)
{
	static const char map[] = "sources:\n  - {product: suricata, service: flow, when: {product: suricata}}\n"
				  "  - {category: dns, when: {category: dns}}\n  - {category: firewall, when: {category: firewall}}\n";
	static const char text[] =
	    "title: F\nid: f\nkhien: {engine: flow.beacon, sources: [{product: suricata, service: flow}]}\n---\n"
	    "title: D\nid: d\nkhien: {engine: flow.dns_tunnel, sources: [{category: dns}, {service: flow}]}\n---\n"
	    "title: I\nid: i\nkhien: {engine: indicator.ip}\n";
	static const struct {
		bool seen[3], live[3];
	} cases[] = {
	    {{false, false, false}, {false, false, false}}, {{true, false, false}, {true, true, true}},
	    {{false, true, false}, {false, true, true}}, {{false, false, true}, {false, false, true}}};
	struct rules *r = rules_new();
	struct fault f;
	faults = (struct faults){0};
	CHECK_INT(rules_add_map(r, STR(map), STR("map.yaml"), &f), 0);
	CHECK_INT(rules_add(r, STR(text), STR("e.yml"), corpus_count_fault, &faults), 3);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(rules_sources(r), 3);
	for (size_t i = 0; i < COUNT(cases); i++)
		for (uint32_t k = 0; k < 3; k++)
			CHECK_INT(rules_live(r, k, cases[i].seen), cases[i].live[k]);
	rules_free(r);
}

TEST(a_correlation_of_the_desk_silences_no_other_rule)
{
	static const char shipped[] = "title: A\nid: a\nlogsource: {product: test}\ndetection: {s: {x: y}, condition: s}\n---\n"
				      "title: B\nid: b\nlogsource: {product: test}\ndetection: {s: {x: z}, condition: s}\n---\n"
				      "title: C\nid: c\ncorrelation: {type: event_count, rules: [b], timespan: 1m, condition: {gte: 9}}\n";
	static const char desk[] = "title: D\nid: d\nlogsource: {product: test}\ndetection: {s: {x: w}, condition: s}\n---\n"
				   "title: E\nid: e\ncorrelation: {type: event_count, rules: [a, d], timespan: 1m, condition: {gte: 9}}\n";
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	CHECK_INT(rules_add(r, STR(shipped), STR("s.yml"), corpus_count_fault, &faults), 3);
	rules_from_desk(r);
	CHECK_INT(rules_add(r, STR(desk), STR("d.yml"), corpus_count_fault, &faults), 2);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK(!rules_find(r, STR("a"))->silent);
	CHECK(rules_find(r, STR("b"))->silent);
	CHECK(rules_find(r, STR("d"))->silent);
	rules_free(r);
}

TEST(filters_join_their_rules)
{
	static const char rule[] =
	    "title: a\nid: a\nname: first\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n---\n"
	    "title: f\nlogsource: {product: test}\nfilter:\n  rules: [first]\n  f: {User|startswith: adm_}\n  condition: not f\n---\n"
	    "title: g\nlogsource: {product: test}\nfilter:\n  rules: any\n  g: {B: 2}\n  condition: not g\n";
	static const char lost[] = "title: h\nlogsource: {product: test}\nfilter: {rules: [nobody], f: {B: 2}, condition: f}\n";
	static const struct {
		const char *filter, *what; /* is it refused? */
		bool works;
	} row[] = {
		{"product: test}\nfilter: {rules: a", NULL, true}, {"product: test}\nfilter: {rules: [a]", NULL, true},
		{"product: TEST}\nfilter: {rules: first", NULL, true}, {"product: test}\nfilter: {rules: Any", NULL, true},
		{"product: test}\nfilter: {rules: []", NULL, true},
		{"product: test}\nfilter: {rules: [nobody, a]", "rule_reference", true},
		{"product: test, service: x}\nfilter: {rules: any", NULL, false},
		{"category: x}\nfilter: {rules: [a]", "rule_filter_source", false},
		{"product: other}\nfilter: {rules: [first]", "rule_filter_source", false},
		{"product: test}\nfilter: {x: {y: z}", "rule_section", false},
		{"product: test}\nfilter: {rules: {x: y}", "rule_list", false},
		{"product: test}\nfilter: {rules: a, g: {B: 2}, condition: [not g]}\nkhien: {x: y", "rule_condition", false},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[512];
		snprintf(text, sizeof text, "title: f\nlogsource: {%s, f: {B: 2}, condition: not f}\n---\ntitle: a\nid: a\nname: first\n"
			 "logsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n", row[i].filter);
		struct rules *r = corpus_rules();
		faults = (struct faults){0};
		rules_add(r, str_z(text), STR("f.yml"), corpus_count_fault, &faults);
		CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
		CHECK_INT(faults.count, row[i].what != NULL);
		CHECK_STR(str_z(faults.count ? faults.last.what : ""), str_z(row[i].what ? row[i].what : ""));
		struct matcher *m = matcher_new(r);
		struct slow *slow = slow_new(r);
		CHECK(meets(r, m, slow, STR("\"A\":1")));
		CHECK_INT(meets(r, m, slow, STR("\"A\":1,\"B\":2")), !row[i].works);
		slow_free(slow);
		matcher_free(m);
		rules_free(r);
	}
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	rules_add(r, STR(rule), STR("f.yml"), corpus_count_fault, &faults);
	CHECK_INT(faults.count, 0);
	rules_add(r, STR(lost), STR("h.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 1);
	CHECK_STR(str_z(faults.last.what), STR("rule_reference"));
	struct matcher *m = matcher_new(r);
	struct slow *slow = slow_new(r);
	CHECK(meets(r, m, slow, STR("\"A\":1")));
	CHECK(meets(r, m, slow, STR("\"A\":1,\"User\":\"an\",\"B\":3")));
	CHECK(!meets(r, m, slow, STR("\"A\":1,\"User\":\"ADM_an\"")));
	CHECK(!meets(r, m, slow, STR("\"A\":1,\"B\":2")));
	slow_free(slow);
	matcher_free(m);
	rules_free(r);
}

/* Specification 1.0; the first four are the examples of pySigma's tests. */
TEST(collections_share_parts)
{
#define TWO_DETECTIONS "detection: {t: {A: x}, condition: t}\n"
	static const struct {
		const char *text, *ids, *what;
		const char *meets; /* of the fields A: x with P: 1, P: 2 */
	} row[] = {
		{"action: global\ntitle: T\n" TWO_DETECTIONS "---\nid: a\nlogsource: {product: test}\n---\nid: b\nlogsource: {product: other}\n", "ab", NULL, "11"},
		{"action: global\ntitle: T\nlogsource: {product: other}\n---\naction: reset\n---\ntitle: T\nid: a\nlogsource: {product: test}\n" TWO_DETECTIONS, "a", NULL, "11"},
		{"title: T\nid: a\nlogsource: {product: other, service: s}\n" TWO_DETECTIONS "---\naction: repeat\nid: b\nlogsource: {product: test, service: null}\n", "ab", NULL, "11"},
		{"action: global\ntitle: T\nid: a\nlogsource: {product: other}\n" TWO_DETECTIONS "---\naction: repeat\nlogsource: {product: test}\n", "a", NULL, "11"},
		{"action: global\ntitle: T\n---\naction: global\nlogsource: {product: test}\ndetection: {condition: s and t}\n---\n"
		 "id: a\ndetection: {t: {A: x}, s: {P: 1}}\n---\nid: b\ndetection: {t: {A: x}, s: {P: 2}}\n", "ab", NULL, "11"},
		{"action: global\ntitle: T\nid: a\nname: n\nlogsource: {product: test}\n---\ndetection: {t: {P: 1}, condition: t}\n---\n"
		 "detection: {t: {P: 2}, condition: t}\n---\naction: repeat\ndetection: {t: {P: 3}}\n", "a", NULL, "11"},
		{"action: global\ntitle: T\nlogsource: {product: test}\ndetection: {t: {P: 1}}\n---\nid: a\ndetection: {t: {P: 2}, condition: t}\n", "a", NULL, "10"},
		{"action: global\ndetection: {t: {P: 1}}\n---\ntitle: F\nlogsource: {product: test}\nfilter: {rules: any, u: {P: 1}, condition: not u}\n---\n"
		 "title: a\nid: a\nlogsource: {product: test}\ndetection: {condition: t}\n", "a", NULL, "00"},
		{"title: a\nid: a\nlogsource: {product: test}\n" TWO_DETECTIONS "---\n", "a", NULL, "11"},
		{"---\n---\ntitle: a\nid: a\nlogsource: {product: test}\n" TWO_DETECTIONS "...\n", "a", NULL, "11"},
		{"action: repeat\ntitle: a\n", "", "rule_action", "00"},
		{"action: invalid\ntitle: a\n", "", "rule_action", "00"},
		{"action: [global]\ntitle: a\n", "", "rule_action", "00"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rules *r = corpus_rules();
		faults = (struct faults){0};
		rules_add(r, str_z(row[i].text), STR("c.yml"), corpus_count_fault, &faults);
		CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
		CHECK_INT(faults.count, row[i].what != NULL);
		CHECK_STR(str_z(faults.count ? faults.last.what : ""), str_z(row[i].what ? row[i].what : ""));
		for (const char *id = row[i].ids; *id; id++)
			CHECK(rules_find(r, str_from(id, 1)));
		struct matcher *m = matcher_new(r);
		for (int k = 0; k < 2 && rules_count(r); k++)
			if (any_meets(r, m, k ? STR("\"A\":\"x\",\"P\":2") : STR("\"A\":\"x\",\"P\":1")) != (row[i].meets[k] == '1')) {
				printf("# %d: %s", k, row[i].text);
				CHECK(false);
			}
		matcher_free(m);
		rules_free(r);
	}
}

/* A file that shares far more than it says ends in refusals. */
TEST(a_collection_cannot_grow_without_bound)
{
	struct buf text = BUF_INIT;
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	buf_add(&text, STR("action: global\ntitle: T\nlogsource: {product: test}\ndetection:\n  condition: 1 of them\n"));
	for (int i = 0; i < 200; i++)
		buf_addf(&text, "  s%d: {A: %d}\n", i, i);
	for (int i = 0; i < 2000; i++)
		buf_addf(&text, "---\nid: r%d\ndetection: {t: {B: 1}}\n", i);
	rules_add(r, buf_str(&text), STR("c.yml"), corpus_count_fault, &faults);
	CHECK_STR(str_z(faults.last.what), STR("rule_too_big"));
	CHECK(rules_finish(r, corpus_count_fault, &faults) == 0 && rules_count(r) > 500 && rules_count(r) < 1500);
	rules_free(r);
	buf_release(&text);
}

TEST(a_uuid_is_the_same_in_capitals)
{
	static const char text[] =
	    "title: a\nid: 5638F7C0-ac70-491d-8465-2a65075e0d86\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n---\n"
	    "title: c\nid: c\ncorrelation: {type: temporal, rules: [5638f7c0-AC70-491d-8465-2a65075e0d86], timespan: 1m}\n---\n"
	    "title: A\nid: A\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n---\n"
	    "title: a\nid: a\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n";
	struct rules *r = corpus_rules();
	faults = (struct faults){0};
	CHECK_INT(rules_add(r, STR(text), STR("u.yml"), corpus_count_fault, &faults), 4);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	CHECK(rules_find(r, STR("a")) != rules_find(r, STR("A")));
	rules_free(r);
}

TEST(a_finding_says_why)
{
	struct rules *r = rule_of("  s: {A|contains: secret, B: [x, y]}\n  f: {C: 1}\n  condition: s and not f\n");
	struct matcher *m = matcher_new(r);
	struct decoder *d = decoder_new(rules_names(r));
	struct arena arena;
	struct finding *finding = NULL;
	struct decode_result got = {0};
	arena_init(&arena, 64 << 10, 1 << 20);
	struct raw raw = {.form = RAW_LINE, .bytes = STR("{\"product\":\"test\",\"A\":\"my secret\",\"B\":\"Y\",\"D\":\"n\"}")};
	CHECK_INT(decode(d, &raw, &arena, &got), 0);
	for (int pass = 0; pass < 2; pass++) {
		CHECK_INT(matcher_match(m, got.event, &arena, &finding), 1);
		CHECK_INT(finding ? finding->matched_count : 0, 2);
		CHECK_STR(finding->matched[0].name, STR("A"));
		CHECK_STR(finding->matched[0].value, STR("my secret"));
		CHECK_STR(finding->matched[1].name, STR("B"));
		CHECK_STR(finding->matched[1].value, STR("Y"));
	}
	arena_release(&arena);
	decoder_free(d);
	matcher_free(m);
	rules_free(r);
}

/* Hostile rules end in a refusal or in a rule that works. */
TEST(hostile_rules)
{
	struct buf text = BUF_INIT;
	buf_add(&text, STR("  s:\n    A|contains:\n"));
	for (int i = 0; i < 10000; i++)
		buf_addf(&text, "      - value%d\n", i);
	buf_add(&text, STR("  condition: s\n"));
	RULE(text.p, LIST("\"A\":\"a value9999 b\""), LIST("\"A\":\"valu\""));

	buf_clear(&text);
	buf_add(&text, STR("  s: {A: 1}\n  condition: "));
	for (int i = 0; i < 60; i++)
		buf_add(&text, STR("not ("));
	buf_add(&text, STR("s"));
	for (int i = 0; i < 60; i++)
		buf_add_char(&text, ')');
	buf_add_char(&text, '\n');
	RULE(text.p, LIST("\"A\":1"), LIST("\"A\":2"));

	buf_clear(&text);
	buf_add(&text, STR("  s: {A: 1}\n  condition: "));
	for (int i = 0; i < 100; i++)
		buf_add(&text, STR("("));
	buf_add(&text, STR("s\n"));
	struct rules *r = rule_of(text.p);
	CHECK_INT(rules_count(r), 0);
	rules_free(r);

	/* each of these names all values of the one before */
	buf_clear(&text);
	buf_add(&text, STR("  s:\n    A|contains:\n"));
	for (int i = 0; i < 3000; i++)
		buf_addf(&text, "      - value%d\n", i);
	buf_add(&text, STR("  condition: s"));
	for (int i = 0; i < 100; i++)
		buf_add(&text, STR(" and s"));
	buf_add_char(&text, '\n');
	r = rule_of(text.p);
	CHECK_INT(rules_count(r), 0);
	CHECK_STR(str_z(faults.last.what), STR("rule_too_big"));
	rules_free(r);
	buf_release(&text);
}

TEST(hostile_events)
{
	struct buf json = BUF_INIT;
	struct rules *r = rule_of("  s: {A|contains: needle, B|re: '(a+)+$'}\n  condition: s\n");
	struct matcher *m = matcher_new(r);
	struct slow *slow = slow_new(r);
	buf_add(&json, STR("\"A\":\""));
	while (json.n < 500000)
		buf_add(&json, STR("needl needl needl "));
	buf_add(&json, STR("needle\",\"B\":\""));
	while (json.n < 900000)
		buf_add_char(&json, 'a');
	buf_add(&json, STR("\""));
	CHECK(meets(r, m, slow, buf_str(&json)));
	buf_clear(&json);
	buf_add(&json, STR("\"B\":\"a\""));
	for (int i = 0; i < 900; i++)
		buf_addf(&json, ",\"A\":\"x%d\"", i);
	buf_add(&json, STR(",\"A\":\"needle\""));
	CHECK(meets(r, m, slow, buf_str(&json)));
	slow_free(slow);
	matcher_free(m);
	rules_free(r);
	buf_release(&json);
}

/* Keys that nobody's rules know share plans, so their number does not matter. */
TEST(invented_sources_cost_little)
{
	struct rules *r = rule_of("  s: {A: 1}\n  condition: s\n");
	struct matcher *m = matcher_new(r);
	struct arena arena;
	struct finding *finding;
	char code[32];
	arena_init(&arena, 64 << 10, 1 << 20);
	for (int i = 0; i < 20000; i++) {
		struct event e;
		snprintf(code, sizeof code, "invented-%d", i);
		event_begin(&e, &arena, NULL);
		e.code = str_z(code);
		e.channel = str_z(code);
		CHECK_INT(matcher_match(m, &e, &arena, &finding), 0);
	}
	CHECK(matcher_bytes(m) < (size_t)8 << 20);
	arena_release(&arena);
	matcher_free(m);
	rules_free(r);
}
