/* SPDX-License-Identifier: EUPL-1.2 */
/* Texts of rules: documents, ids, and faults in their places. */
#include "alert/rule_text.h"

#include "tap.h"

static int made;

static void
make_id(char ret[37])
{
	snprintf(ret, 37, "00000000-0000-4000-8000-%012d", ++made);
}

#define BODY "logsource: {product: x}\ndetection: {a: {b: c}, condition: a}\n"

TEST(documents_become_rules)
{
	static const struct {
		const char *text;
		const char *rules[3]; /* id and text of each */
		const char *texts[3];
	} row[] = {
		{"title: a\nid: one\n" BODY, {"one"}, {"title: a\nid: one\n" BODY}},
		{"title: a\n" BODY, {"00000000-0000-4000-8000-000000000001"},
		    {"id: 00000000-0000-4000-8000-000000000001\ntitle: a\n" BODY}},
		{"# said before\n\ntitle: a\n" BODY, {"00000000-0000-4000-8000-000000000001"},
		    {"# said before\n\nid: 00000000-0000-4000-8000-000000000001\ntitle: a\n" BODY}},
		{"---\n{title: a, id: one}\n---\n# of two\n{title: b}\n", {"one", "00000000-0000-4000-8000-000000000001"},
		    {"{title: a, id: one}\n", "# of two\n{id: 00000000-0000-4000-8000-000000000001, title: b}\n"}},
		{"  title: a\n  level: low\n", {"00000000-0000-4000-8000-000000000001"},
		    {"  id: 00000000-0000-4000-8000-000000000001\n  title: a\n  level: low\n"}},
		{"title: a\r\nlevel: low\r\n", {"00000000-0000-4000-8000-000000000001"},
		    {"id: 00000000-0000-4000-8000-000000000001\ntitle: a\r\nlevel: low\r\n"}},
		{"title: a\nid: one\ndescription: |\n  --- not a line of three\n  more\n--- # next\ntitle: b\nid: two", {"one", "two"},
		    {"title: a\nid: one\ndescription: |\n  --- not a line of three\n  more\n", "title: b\nid: two"}},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct arena arena;
		struct own_rule *list = NULL;
		uint32_t count = 0;
		struct fault f = {0};
		made = 0;
		arena_init(&arena, 16 << 10, 16 << 20);
		CHECK_INT(rule_text_split(str_z(row[i].text), STR(""), make_id, &arena, &list, &count, &f), 0);
		for (uint32_t k = 0; k < 3; k++) {
			CHECK_INT(k < count, row[i].rules[k] != NULL);
			if (k < count && row[i].rules[k]) {
				CHECK_STR(list[k].id, str_z(row[i].rules[k]));
				CHECK_STR(list[k].text, str_z(row[i].texts[k]));
			}
		}
		arena_release(&arena);
	}
}

TEST(what_is_no_rule_of_ours)
{
	static const struct {
		const char *text, *only, *what;
		uint32_t line, column;
	} row[] = {
		{"title: a\nid: ../x\n", "", "rule_id", 2, 5},
		{"title: a\nid: .hidden\n", "", "rule_id", 2, 5},
		{"title: a\nid:\n", "", "rule_id", 2, 4},
		{"title: a\nid: [x]\n", "", "rule_id", 2, 5},
		{"title: a\nid: x\n---\ntitle: b\nid: a b\n", "", "rule_id", 5, 5},
		{"title: a\nid: x\n---\ntitle: b\nid: x\n", "", "rule_twice", 4, 1},
		{"title: a\nfilter: {a: b}\n", "", "rule_only", 2, 9},
		{"title: a\nkhien: {engine: yara}\n", "", "rule_only", 2, 17},
		{"- a\n- b\n", "", "rule_documents", 1, 1},
		{"", "", "rule_documents", 1, 1},
		{"title: a\nid: x\n---\ntitle: b\nid: y\n", "x", "rule_documents", 1, 1},
		{"title: a\nid: y\n", "x", "rule_id_other", 2, 5},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct arena arena;
		struct own_rule *list = NULL;
		uint32_t count = 0;
		struct fault f = {0};
		arena_init(&arena, 16 << 10, 16 << 20);
		CHECK(rule_text_split(str_z(row[i].text), str_z(row[i].only), make_id, &arena, &list, &count, &f) < 0);
		CHECK_STR(str_z(f.what), str_z(row[i].what));
		CHECK_INT(f.line, row[i].line);
		if (f.column != row[i].column)
			printf("# %s", row[i].text);
		CHECK_INT(f.column, row[i].column);
		arena_release(&arena);
	}
}

TEST(a_rule_keeps_its_id)
{
	struct arena arena;
	struct own_rule *list = NULL;
	uint32_t count = 0;
	struct fault f = {0};
	arena_init(&arena, 16 << 10, 16 << 20);
	CHECK_INT(rule_text_split(STR("title: a\n"), STR("mine"), make_id, &arena, &list, &count, &f), 0);
	CHECK_INT(count, 1);
	CHECK_STR(list[0].text, STR("id: mine\ntitle: a\n"));
	CHECK_STR(list[0].id, STR("mine"));
	arena_release(&arena);
}
