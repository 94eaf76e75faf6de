/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/rule_text.h"

#include "base/yaml.h"

#define TREE_BYTES ((size_t)64 << 20)

struct str
rule_text_document(struct str text, uint32_t line)
{
	size_t start = 0, at = 0;
	for (uint32_t number = 1; at < text.n; number++) {
		ptrdiff_t end = str_find_char(str_skip(text, at), '\n');
		size_t next = end < 0 ? text.n : at + (size_t)end + 1;
		if (str_starts(str_cut(text, at, next), STR("---"))) {
			if (number > line)
				return str_cut(text, start, at);
			start = next;
		}
		at = next;
	}
	return str_skip(text, start);
}

/* The id before all else the document says, in its own style. */
static bool
put_id(struct str text, const struct yaml *document, struct str id, struct buf *out)
{
	size_t at = 0;
	for (uint32_t line = 1; line < document->line; line++) {
		ptrdiff_t end = str_find_char(str_skip(text, at), '\n');
		at = end < 0 ? text.n : at + (size_t)end + 1;
	}
	size_t first = at + document->column - 1;
	if (first >= text.n)
		return false;
	bool flow = text.p[first] == '{';
	buf_add(out, str_cut(text, 0, flow ? first + 1 : at));
	for (uint32_t i = 1; i < document->column && !flow; i++)
		buf_add_char(out, ' ');
	buf_add(out, STR("id: "));
	buf_add(out, id);
	buf_add(out, flow ? STR(", ") : STR("\n"));
	buf_add(out, str_skip(text, flow ? first + 1 : at));
	return true;
}

static int
check_id(const struct yaml *node, struct str only, struct fault *f)
{
	if (node->kind != YAML_SCALAR || !own_rule_id_fits(node->text))
		return yaml_fault(node, f, E_INVALID, "rule_id", node->text);
	if (only.n && !str_eq(node->text, only))
		return yaml_fault(node, f, E_INVALID, "rule_id_other", only);
	return 0;
}

/* One document by itself; its faults count lines from its own first. */
static int
read_one(struct str text, struct str only, rule_text_make_id *make_id, struct arena *arena, struct own_rule *ret,
    struct fault *f)
{
	struct yaml **document;
	uint32_t count = 0;
	char made[37];
	TRY(yaml_parse(text, arena, &document, &count, f));
	if (count != 1 || document[0]->kind != YAML_MAP)
		return fault_set(f, E_INVALID, "rule_documents", STR("---"), 1, 1);
	const struct yaml *root = document[0], *id = yaml_get(root, STR("id"));
	const struct yaml *engine = yaml_get(yaml_get(root, STR("khien")), STR("engine")), *filter = yaml_get(root, STR("filter"));
	if (engine || filter)
		return yaml_fault(engine ? engine : filter, f, E_INVALID, "rule_only", engine ? STR("khien.engine") : STR("filter"));
	if (id && !yaml_is_null(id)) {
		TRY(check_id(id, only, f));
		*ret = (struct own_rule){.id = id->text, .text = text};
		return 0;
	}
	if (id)
		return yaml_fault(id, f, E_INVALID, "rule_id", STR(""));
	if (!only.n)
		make_id(made);
	struct buf out = BUF_INIT_MAX(OWN_RULE_BYTES);
	bool put = put_id(text, root, only.n ? only : str_z(made), &out);
	int error = !put || out.over || !arena_copy(arena, buf_str(&out), &ret->text) ||
	        !arena_copy(arena, only.n ? only : str_z(made), &ret->id)
	    ? fault_set(f, E_LIMIT, "rule_too_big", STR(""), root->line, root->column)
	    : 0;
	buf_release(&out);
	return error;
}

static uint32_t
lines_before(struct str text, struct str part)
{
	uint32_t n = 0;
	for (const char *p = text.p; p < part.p; p++)
		n += *p == '\n';
	return n;
}

int
rule_text_split(struct str text, struct str only, rule_text_make_id *make_id, struct arena *arena, struct own_rule **ret,
    uint32_t *ret_count, struct fault *f)
{
	struct yaml **document;
	uint32_t count = 0;
	if (text.n > OWN_RULE_BYTES)
		return fault_set(f, E_LIMIT, "rule_too_big", STR(""), 1, 1);
	TRY(yaml_parse(text, arena, &document, &count, f));
	if (!count || count > RULE_TEXT_DOCUMENTS || (only.n && count > 1))
		return fault_set(f, E_INVALID, "rule_documents", STR("---"), 1, 1);
	struct own_rule *list = arena_calloc(arena, count, sizeof *list);
	if (!list)
		return fault_set(f, E_LIMIT, "rule_too_big", STR(""), 1, 1);
	for (uint32_t i = 0; i < count; i++) {
		struct str part = rule_text_document(text, document[i]->line);
		int error = read_one(part, only, make_id, arena, &list[i], f);
		if (error && f->line)
			f->line += lines_before(text, part);
		TRY(error);
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(list[k].id, list[i].id))
				return yaml_fault(document[i], f, E_EXISTS, "rule_twice", list[i].id);
	}
	*ret = list;
	*ret_count = count;
	return 0;
}
