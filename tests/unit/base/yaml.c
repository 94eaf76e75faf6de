/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/yaml.h"

#include "base/lang.h"
#include "tap.h"

static struct arena arena;
static struct fault fault;
static uint32_t documents;

static struct yaml **
parse(struct str text)
{
	struct yaml **document = NULL;
	arena_release(&arena);
	arena_init(&arena, 4096, 64 << 20);
	fault = (struct fault){0};
	documents = 0;
	int error = yaml_parse(text, &arena, &document, &documents, &fault);
	return error ? NULL : document;
}

static const struct yaml *
only(const char *text)
{
	static const struct yaml nothing;
	struct yaml **document = parse(str_z(text));
	CHECK_INT(documents, 1);
	return document && documents == 1 ? document[0] : &nothing;
}

TEST(a_tree_knows_its_places)
{
	const struct yaml *map = only("# remark\ntitle: T\xc3\xa0i kho\xe1\xba\xa3n\nlist:\n  - a\n  - {b: 'c', d: }\n");
	CHECK(map->kind == YAML_MAP && map->count == 2);
	CHECK_STR(yaml_get_text(map, STR("title"), STR("")), STR("T\xc3\xa0i kho\xe1\xba\xa3n"));
	const struct yaml *list = yaml_get(map, STR("list"));
	CHECK(list && list->kind == YAML_LIST && list->count == 2);
	CHECK_INT(list->key_line, 3);
	CHECK_INT(list->key_column, 1);
	CHECK_INT(list->first->line, 4);
	CHECK_INT(list->first->column, 5);
	const struct yaml *inner = list->first->next;
	CHECK(yaml_get(inner, STR("b"))->quoted);
	CHECK_INT(yaml_get(inner, STR("b"))->column, 9);
	CHECK(yaml_is_null(yaml_get(inner, STR("d"))));
	CHECK(!yaml_get(inner, STR("e")) && !yaml_get(list, STR("b")) && !yaml_get(NULL, STR("b")));
	CHECK_STR(yaml_get_text(inner, STR("d"), STR("none")), STR("none"));
}

TEST(columns_are_bytes)
{
	const struct yaml *map = only("{\"\xc4\x91\": 1, b: 2}");
	CHECK_INT(map->first->column, 8);
	CHECK_INT(map->first->next->key_column, 11);
}

TEST(scalars_of_the_core_schema)
{
	static const struct {
		const char *text;
		bool null, boolean, integer;
		int64_t value;
	} row[] = {
		{"~", true, false, false, 0}, {"null", true, false, false, 0}, {"'null'", false, false, false, 0},
		{"''", false, false, false, 0}, {"true", false, true, false, 1}, {"False", false, true, false, 0},
		{"yes", false, false, false, 0}, {"\"true\"", false, false, false, 0}, {"4688", false, false, true, 4688},
		{"-12", false, false, true, -12}, {"+7", false, false, true, 7}, {"0x1F", false, false, true, 31},
		{"0o17", false, false, true, 15}, {"'5'", false, false, false, 0}, {"!!str 5", false, false, false, 0},
		{"9223372036854775807", false, false, true, INT64_MAX}, {"9223372036854775808", false, false, false, 0},
		{"0x", false, false, false, 0}, {"+-1", false, false, false, 0}, {"1.5", false, false, false, 0},
		{"!!int 5", false, false, true, 5},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		const struct yaml *node = only(row[i].text);
		bool yes = false;
		int64_t number = 0;
		CHECK_INT(yaml_is_null(node), row[i].null);
		CHECK_INT(yaml_to_bool(node, &yes), row[i].boolean);
		CHECK_INT(yaml_to_i64(node, &number), row[i].integer);
		CHECK_INT(row[i].boolean ? yes : number, row[i].value);
	}
}

TEST(several_documents_none_and_a_bom)
{
	CHECK(!parse(STR("")) && documents == 0 && fault.code == 0);
	CHECK(!parse(STR("# only a remark\n")) && documents == 0 && fault.code == 0);
	struct yaml **document = parse(STR("\xef\xbb\xbf" "a: 1\r\n---\r\nb: |\r\n  x\r\n  y\r\n...\r\n"));
	CHECK_INT(documents, 2);
	CHECK_STR(yaml_get_text(document[0], STR("a"), STR("")), STR("1"));
	CHECK_STR(yaml_get_text(document[1], STR("b"), STR("")), STR("x\ny\n"));
	CHECK_INT(document[1]->line, 3);
	CHECK(yaml_get(document[1], STR("b"))->quoted);
}

TEST(aliases_repeat_what_they_name)
{
	const struct yaml *map = only("a: &x [1, 2]\nb: *x\nc: [*x, &y z, *y]\n");
	CHECK_INT(yaml_get(map, STR("b"))->count, 2);
	CHECK_INT(yaml_get(map, STR("b"))->line, 2);
	CHECK_STR(yaml_get(map, STR("c"))->first->next->next->text, STR("z"));
}

TEST(what_is_refused_and_where)
{
	static const struct {
		const char *text, *what;
		int code;
		uint32_t line, column;
	} row[] = {
		{"a: 1\nb: 2\na: 3\n", "yaml_duplicate", E_EXISTS, 3, 1},
		{"{a: 1, 'a': 2}", "yaml_duplicate", E_EXISTS, 1, 8},
		{"? [a]\n: 1\n", "yaml_key", E_UNSUPPORTED, 1, 3},
		{"a: *x\n", "yaml_alias", E_INVALID, 1, 4},
		{"a: &x\n  - *x\n", "yaml_alias", E_INVALID, 2, 5},
		{"a: &x 1\n---\nb: *x\n", "yaml_alias", E_INVALID, 3, 4},
		{"a: &x {b: 1}\nc:\n  <<: *x\n", "yaml_merge", E_UNSUPPORTED, 3, 3},
		{"a: !!binary aGk=\n", "yaml_tag", E_UNSUPPORTED, 1, 4},
		{"a: !ruby/object x\n", "yaml_tag", E_UNSUPPORTED, 1, 4},
		{"a:\n\t- b\n", "yaml_syntax", E_INVALID, 2, 1},
		{"a: [1, 2\n", "yaml_syntax", E_INVALID, 2, 1},
		{"a: 'x\n", "yaml_syntax", E_INVALID, 2, 1},
		{"a: 1\nb: \xff\n", "yaml_utf8", E_INVALID, 2, 4},
		{"a: 1\nb: \xe1\xba\n", "yaml_utf8", E_INVALID, 2, 4},
		{"a: 1\nb: \x01\n", "yaml_bytes", E_INVALID, 2, 4},
		{"\xff\xfe" "a", "yaml_utf8", E_INVALID, 1, 1},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK(!parse(str_z(row[i].text)));
		CHECK_STR(str_z(fault.what), str_z(row[i].what));
		CHECK_INT(fault.code, row[i].code);
		CHECK_INT(fault.line, row[i].line);
		CHECK_INT(fault.column, row[i].column);
	}
}

TEST(a_quoted_merge_sign_is_a_key)
{
	CHECK_STR(only("'<<': 1\n")->first->key, STR("<<"));
}

TEST(a_duplicate_among_many_keys)
{
	struct buf text = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_addf(&text, "k%d: v\n", i);
	CHECK(parse(buf_str(&text)) && documents == 1);
	buf_add(&text, STR("k17: again\n"));
	CHECK(!parse(buf_str(&text)));
	CHECK_INT(fault.line, 5001);
	CHECK_STR(str_z(fault.arg), STR("k17"));
	buf_release(&text);
}

TEST(limits)
{
	struct buf text = BUF_INIT;
	/* nine levels of ten: a thousand million nodes if it were expanded */
	buf_add(&text, STR("l0: &l0 [x]\n"));
	for (int i = 1; i < 10; i++) {
		buf_addf(&text, "l%d: &l%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_addf(&text, "*l%d%s", i - 1, k < 9 ? ", " : "]\n");
	}
	CHECK(!parse(buf_str(&text)));
	CHECK_STR(str_z(fault.what), STR("yaml_too_many"));
	CHECK_INT(fault.code, E_LIMIT);

	buf_clear(&text);
	for (int i = 0; i < 100; i++)
		buf_add_char(&text, '[');
	CHECK(!parse(buf_str(&text)));
	CHECK_STR(str_z(fault.what), STR("yaml_too_deep"));

	buf_clear(&text);
	buf_add(&text, STR("a: &a "));
	for (int i = 0; i < 40; i++)
		buf_add_char(&text, '[');
	for (int i = 0; i < 40; i++)
		buf_add_char(&text, ']');
	buf_add(&text, STR("\nb: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"));
	CHECK(!parse(buf_str(&text)));
	CHECK_STR(str_z(fault.what), STR("yaml_too_deep"));
	CHECK_INT(fault.line, 2);

	buf_clear(&text);
	while (text.n <= YAML_MAX_BYTES)
		buf_add(&text, STR("# filler filler filler filler filler filler filler filler\n"));
	CHECK(!parse(buf_str(&text)));
	CHECK_STR(str_z(fault.what), STR("yaml_too_big"));
	buf_release(&text);

	struct arena small;
	struct yaml **document;
	arena_init(&small, 64, 256);
	CHECK_INT(yaml_parse(STR("[a, b, c, d, e, f, g, h, i, j, k, l]"), &small, &document, &documents, &fault), E_LIMIT);
	arena_release(&small);
}

TEST(faults_read_well)
{
	struct buf line = BUF_INIT;
	CHECK(!parse(STR("a: 1\na: 2\n")));
	fault_in_file(&fault, STR("x.yml"));
	lang_fault(&line, LANG_EN, &fault);
	CHECK(str_starts(buf_str(&line), STR("x.yml:2:1: ")));
	CHECK(str_find(buf_str(&line), STR("fault.")) < 0);
	buf_release(&line);
}
