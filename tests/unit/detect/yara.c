/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/yara.h"

#include "base/memory.h"
#include "tap.h"

static struct fault last;
static uint32_t faults;

static void
on_fault(void *user, const struct fault *f)
{
	if (!faults++)
		last = *f;
}

static struct yara *
rules_of(const char *const *text, size_t count)
{
	struct yara *y;
	char name[64];
	CHECK_INT(yara_new(&y), 0);
	faults = 0;
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof name, "rules/file%zu.yar", i);
		yara_add(y, str_z(text[i]), str_z(name), on_fault, NULL);
	}
	CHECK_INT(yara_finish(y), 0);
	return y;
}

static const struct {
	const char *text, *what, *arg;
	uint32_t line;
} bad[] = {
	{"rule a {\n strings:\n  $a = \"x\"\n condition:\n  $b\n}\n", "yara_rule", "undefined string \"$b\"", 6},
	{"rule a { condition: true }\nrule a { condition: true }\n", "yara_rule", "duplicated identifier \"a\"", 2},
	{"rule a {\n strings:\n  $a = /(/\n condition: $a }\n", "yara_rule", NULL, 3},
	{"rule a { condition: }\n", "yara_rule", NULL, 1},
	{"\n\nno rules at all", "yara_rule", NULL, 3},
	{"include \"/etc/passwd\"\nrule a { condition: true }\n", "yara_rule", "includes are disabled", 1},
	{"import \"nothing\"\nrule a { condition: true }\n", "yara_rule", "unknown module \"nothing\"", 1},
	{"import \"magic\"\nrule a { condition: magic.type() contains \"ELF\" }\n", "yara_module", "magic", 0},
	{"import \"cuckoo\"\nrule a { condition: cuckoo.network.http_request(/a/) }\n", "yara_module", "cuckoo", 0},
	{"import \"console\"\nrule a { condition: console.log(\"x\") }\n", "yara_module", "console", 0},
	{"rule a { condition: for all i in (1..100000000) : (for all j in (1..100000000) : (i + j > 0)) }\n", "yara_slow", NULL, 0},
	{"rule a { condition: true } // \xff\n", "yara_text", NULL, 0},
};

TEST(a_faulty_file_is_refused_alone_with_file_and_line)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *const text[] = {"rule good { condition: true }", bad[i].text, "rule good { condition: true }"};
		struct yara *y = rules_of(text, COUNT(text));
		struct yara_stats s = yara_stats(y);
		struct yara_found found;
		struct arena arena;
		CHECK_INT(s.files, 3);
		CHECK_INT(s.refused, 1);
		CHECK_INT(s.rules, 2);
		CHECK(faults > 0);
		CHECK_STR(str_z(last.what), str_z(bad[i].what));
		CHECK_STR(str_z(last.file), STR("rules/file1.yar"));
		CHECK_INT(last.line, bad[i].line);
		if (bad[i].arg)
			CHECK_STR(str_z(last.arg), str_z(bad[i].arg));
		arena_init(&arena, 4096, 1 << 20);
		CHECK_INT(yara_scan(y, STR("x"), STR("x"), 10, &arena, &found), 0);
		CHECK_INT(found.matches, 2);
		arena_release(&arena);
		yara_free(y);
	}
}

TEST(a_file_that_holds_a_zero_is_refused)
{
	struct yara *y;
	CHECK_INT(yara_new(&y), 0);
	faults = 0;
	CHECK(!yara_add(y, STR("rule a { condition: true }\0 rule b { condition: true }"), STR("a.yar"), on_fault, NULL));
	CHECK_STR(str_z(last.what), STR("yara_text"));
	CHECK_INT(yara_finish(y), 0);
	yara_free(y);
}

TEST(a_match_tells_rule_file_texts_level_and_places)
{
	static const char *const text[] = {
		"rule nothing { strings: $a = \"absent\" condition: $a }",
		"rule some : red green {\n meta:\n  description = \"What it is\"\n  title_vi = \"T\xc3\xaan\"\n"
		"  severity = \"Critical\"\n  reference = \"https://example.org/\"\n"
		" strings:\n  $a = \"needle\"\n  $b = { 00 ff ?? 01 }\n  $c = \"never\"\n condition: any of them }",
	};
	struct yara *y = rules_of(text, COUNT(text));
	struct yara_found f;
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(faults, 0);
	CHECK_INT(yara_scan(y, STR("a needle, \x00\xff\x07\x01, needle"), STR("x"), 10, &arena, &f), 0);
	CHECK_INT(f.matches, 1);
	CHECK_STR(f.match[0].rule, STR("some"));
	CHECK_STR(f.match[0].space, STR("file1"));
	CHECK_STR(f.match[0].title, STR("What it is"));
	CHECK_STR(f.match[0].title_vi, STR("T\xc3\xaan"));
	CHECK_STR(f.match[0].tags, STR("red green"));
	CHECK_STR(f.match[0].reference, STR("https://example.org/"));
	CHECK_INT(f.match[0].level, LEVEL_CRITICAL);
	CHECK_INT(f.match[0].hits, 2);
	CHECK_STR(f.match[0].hit[0].name, STR("$a"));
	CHECK_INT(f.match[0].hit[0].offset, 2);
	CHECK_INT(f.match[0].hit[0].length, 6);
	CHECK_STR(f.match[0].hit[1].bytes, STR("\x00\xff\x07\x01"));
	CHECK_INT(f.match[0].hit[1].offset, 10);
	CHECK_INT(yara_scan(y, STR(""), STR(""), 10, &arena, &f), 0);
	CHECK_INT(f.matches, 0);
	arena_release(&arena);
	yara_free(y);
}

TEST(levels_are_words_numbers_or_high)
{
	static const struct {
		const char *meta;
		enum level want;
	} rows[] = {{"level = \"low\"", LEVEL_LOW}, {"severity = \"MEDIUM\"", LEVEL_MEDIUM}, {"score = 95", LEVEL_CRITICAL},
		{"score = \"60\"", LEVEL_MEDIUM}, {"level = \"info\"", LEVEL_INFORMATIONAL}, {"level = \"odd\"", LEVEL_HIGH},
		{"score = -5", LEVEL_HIGH}, {"score = 100000", LEVEL_HIGH}, {"level = true", LEVEL_HIGH},
		{"author = \"low\"", LEVEL_HIGH}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200];
		const char *const texts[] = {text};
		struct yara_found f;
		struct arena arena;
		snprintf(text, sizeof text, "rule a { meta: %s condition: true }", rows[i].meta);
		struct yara *y = rules_of(texts, 1);
		arena_init(&arena, 4096, 1 << 20);
		CHECK_INT(yara_scan(y, STR("x"), STR("x"), 10, &arena, &f), 0);
		CHECK_INT(f.matches ? (int)f.match[0].level : -1, rows[i].want);
		arena_release(&arena);
		yara_free(y);
	}
}

TEST(names_are_asked_for_and_forgotten)
{
	static const char *const text[] = {"rule a { condition: filename == \"b.php\" and filepath == \"/w/b.php\" and extension == \".php\" }"};
	struct yara *y = rules_of(text, 1);
	struct yara_found f;
	struct arena arena;
	static const struct {
		const char *name;
		uint32_t want;
	} rows[] = {{"/w/b.php", 1}, {"b.php", 0}, {"/w/b.php/", 0}, {"", 0}, {"/w/b.php", 1}};
	arena_init(&arena, 4096, 1 << 20);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_INT(yara_scan(y, STR("x"), str_z(rows[i].name), 10, &arena, &f), 0);
		CHECK_INT(f.matches, rows[i].want);
	}
	arena_release(&arena);
	yara_free(y);
}

TEST(modules_look_at_the_bytes)
{
	static const char *const text[] = {
		"import \"hash\"\nimport \"math\"\nimport \"pe\"\nimport \"elf\"\n"
		"rule h { condition: hash.sha256(0, filesize) == \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" }\n"
		"rule m { condition: math.entropy(0, filesize) > 1.5 }\n"
		"rule p { condition: pe.is_pe or elf.type == elf.ET_EXEC }\n"};
	struct yara *y = rules_of(text, 1);
	struct yara_found f;
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(faults, 0);
	CHECK_INT(yara_scan(y, STR("abc"), STR("x"), 10, &arena, &f), 0);
	CHECK_INT(f.matches, 2);
	arena_release(&arena);
	yara_free(y);
}

/* Costs more than any sum of bytes: an endless walk in a condition. */
TEST(a_rule_that_never_ends_is_stopped)
{
	static const char *const text[] = {
		"rule slow { condition: filesize > 0 and for all i in (1..100000000) : (for all j in (1..100000000) : (i + j > 0)) }"};
	struct yara *y = rules_of(text, 1);
	struct yara_found f = {.matches = 77};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(yara_scan(y, STR("x"), STR("x"), 1, &arena, &f), E_LIMIT);
	CHECK_INT(f.matches, 77);
	arena_release(&arena);
	yara_free(y);
}

/* More matches than anybody counts, rules without end, an arena that is too small: told as far as it goes. */
TEST(hostile_files_end_in_a_count)
{
	static const char *const many[] = {"rule a { strings: $a = \"aa\" condition: #a > 10 }"};
	struct buf rules = BUF_INIT, bytes = BUF_INIT;
	struct yara_found f;
	struct arena arena;
	struct yara *y = rules_of(many, 1);
	memset(buf_room(&bytes, 4 << 20), 'a', 4 << 20);
	bytes.n = 4 << 20;
	arena_init(&arena, 4096, 64 << 10);
	CHECK_INT(yara_scan(y, buf_str(&bytes), STR("a"), 60, &arena, &f), 0);
	CHECK_INT(f.matches, 1);
	yara_free(y);
	for (int i = 0; i < 300; i++)
		buf_addf(&rules, "rule r%d { strings: $a = \"aaaaaaaa\" condition: $a }\n", i);
	const char *const text[] = {rules.p};
	y = rules_of(text, 1);
	arena_clear(&arena);
	CHECK_INT(yara_scan(y, buf_str(&bytes), STR("a"), 60, &arena, &f), 0);
	CHECK_INT(f.matches + f.over, 300);
	CHECK(f.over >= 200);
	arena_release(&arena);
	yara_free(y);
	buf_release(&rules);
	buf_release(&bytes);
}

static const char *const shipped[] = {"credential_theft", "defacement", "eicar", "miner", "office", "powershell",
	"ransom_note", "reverse_shell", "script_loader", "shortcut", "webshell"};

TEST(the_rules_we_bring_compile)
{
	struct yara *y;
	uint32_t rules = 0;
	CHECK_INT(yara_new(&y), 0);
	faults = 0;
	for (size_t i = 0; i < COUNT(shipped); i++) {
		char path[100];
		struct buf text = BUF_INIT;
		snprintf(path, sizeof path, "content/yara/%s.yar", shipped[i]);
		CHECK(tap_read(tap_source(path), &text));
		CHECK(yara_add(y, buf_str(&text), str_z(path), on_fault, NULL));
		tap_check(faults == 0, __FILE__, __LINE__, "%s:%u: %s", last.file, last.line, last.arg);
		buf_release(&text);
	}
	CHECK_INT(yara_finish(y), 0);
	rules = yara_stats(y).rules;
	CHECK(rules >= 20);
	yara_free(y);
}
