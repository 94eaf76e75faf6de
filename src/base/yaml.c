/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/yaml.h"

#include <yaml.h>

#include "base/memory.h"

#define FEW_KEYS 16u

struct anchor {
	struct str name;
	const struct yaml *node; /* NULL while it is still being read: an alias inside itself */
	uint32_t nodes;          /* of the whole tree below, aliases expanded */
	uint32_t depth;
	struct anchor *next;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct str text;
	struct arena *arena;
	struct fault *fault;
	struct anchor *anchors;  /* of this document, newest first */
	uint32_t nodes;          /* so far, aliases expanded */
	uint32_t depth;
	uint32_t deepest;        /* of what is being read */
	/* libyaml counts characters; people's editors and our faults count bytes. */
	size_t char_at, byte_at, line_start;
};

static int read_node(struct reader *r, struct yaml *ret);

/* Byte column (from 1) of a mark. Marks come in the order of the text, so the cursor only moves forward. */
static uint32_t
byte_column(struct reader *r, const yaml_mark_t *mark)
{
	const unsigned char *p = (const unsigned char *)r->text.p;
	while (r->char_at < mark->index && r->byte_at < r->text.n) {
		unsigned char c = p[r->byte_at];
		size_t left = r->text.n - r->byte_at;
		size_t width = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		bool nel = c == 0xc2 && left > 1 && p[r->byte_at + 1] == 0x85;
		bool separator = c == 0xe2 && left > 2 && p[r->byte_at + 1] == 0x80 && (p[r->byte_at + 2] & 0xfe) == 0xa8;
		r->byte_at += width < left ? width : left;
		r->char_at++;
		if (c == '\n' || c == '\r' || nel || separator)
			r->line_start = r->byte_at;
	}
	return (uint32_t)(r->byte_at - r->line_start) + 1;
}

static int
refuse(struct reader *r, const yaml_mark_t *mark, int code, const char *what, struct str arg)
{
	return fault_set(r->fault, code, what, arg, (uint32_t)mark->line + 1, byte_column(r, mark));
}

/* The scanner stops at bytes it does not take (control characters) and tells only their offset. */
static int
refuse_byte(struct reader *r, size_t offset)
{
	uint32_t line = 1, column = 1;
	for (size_t i = 0; i < offset && i < r->text.n; i++) {
		column = r->text.p[i] == '\n' ? 1 : column + 1;
		line += r->text.p[i] == '\n';
	}
	return fault_set(r->fault, E_INVALID, "yaml_bytes", STR(""), line, column);
}

static int
next_event(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = false;
	if (yaml_parser_parse(&r->parser, &r->event)) {
		r->has_event = true;
		return 0;
	}
	if (r->parser.error == YAML_READER_ERROR)
		return refuse_byte(r, r->parser.problem_offset);
	return refuse(r, &r->parser.problem_mark, E_INVALID, "yaml_syntax", str_z(r->parser.problem));
}

static int
copy_text(struct reader *r, struct str text, struct str *ret)
{
	if (arena_copy(r->arena, text, ret))
		return 0;
	return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_big", STR(""));
}

static int
count_nodes(struct reader *r, uint32_t n)
{
	if (n > YAML_MAX_NODES - r->nodes)
		return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_many", STR(""));
	r->nodes += n;
	return 0;
}

/* Only tags that say what we would have read anyway; *ret_text when the tag makes a plain scalar a text. */
static int
check_tag(struct reader *r, const yaml_char_t *tag, bool *ret_text)
{
	static const char *const known[] = {"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:int",
		"tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:map",
		"tag:yaml.org,2002:seq"};
	if (!tag)
		return 0;
	struct str name = str_z((const char *)tag);
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq(name, str_z(known[i]))) {
			*ret_text = i < 2;
			return 0;
		}
	return refuse(r, &r->event.start_mark, E_UNSUPPORTED, "yaml_tag", name);
}

static int
new_anchor(struct reader *r, const yaml_char_t *name, struct anchor **ret)
{
	*ret = NULL;
	if (!name)
		return 0;
	struct anchor *a = ARENA_NEW(r->arena, struct anchor);
	if (!a)
		return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_big", STR(""));
	TRY(copy_text(r, str_z((const char *)name), &a->name));
	a->next = r->anchors;
	r->anchors = a;
	*ret = a;
	return 0;
}

/* The alias shares the children of what it names, which nobody changes any more, but counts as if it were a copy: who
 * walks the tree pays for the copy. */
static int
read_alias(struct reader *r, struct yaml *ret)
{
	struct str name = str_z((const char *)r->event.data.alias.anchor);
	const struct anchor *a = r->anchors;
	while (a && !str_eq(a->name, name))
		a = a->next;
	if (!a || !a->node)
		return refuse(r, &r->event.start_mark, E_INVALID, "yaml_alias", name);
	TRY(count_nodes(r, a->nodes));
	if (r->depth + a->depth > YAML_MAX_DEPTH)
		return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_deep", STR(""));
	if (r->depth + a->depth > r->deepest)
		r->deepest = r->depth + a->depth;
	ret->kind = a->node->kind;
	ret->quoted = a->node->quoted;
	ret->text = a->node->text;
	ret->first = a->node->first;
	ret->count = a->node->count;
	return 0;
}

static int
read_scalar(struct reader *r, struct yaml *ret)
{
	bool text = false;
	TRY(count_nodes(r, 1));
	TRY(check_tag(r, r->event.data.scalar.tag, &text));
	ret->kind = YAML_SCALAR;
	ret->quoted = text || r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return copy_text(r, str_from((const char *)r->event.data.scalar.value, r->event.data.scalar.length), &ret->text);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct yaml *x = *(const struct yaml *const *)a, *y = *(const struct yaml *const *)b;
	int order = str_cmp(x->key, y->key);
	if (order)
		return order;
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_column < y->key_column ? -1 : x->key_column > y->key_column;
}

static const struct yaml *
few_duplicate(const struct yaml *map)
{
	YAML_EACH(later, map)
		for (const struct yaml *earlier = map->first; earlier != later; earlier = earlier->next)
			if (str_eq(earlier->key, later->key))
				return later;
	return NULL;
}

static const struct yaml *
duplicate_key(const struct yaml *map)
{
	if (map->count <= FEW_KEYS)
		return few_duplicate(map);
	const struct yaml **sorted = mem_alloc(map->count * sizeof *sorted), *found = NULL;
	size_t n = 0;
	YAML_EACH(child, map)
		sorted[n++] = child;
	qsort(sorted, n, sizeof *sorted, compare_keys);
	for (size_t i = 1; i < n && !found; i++)
		if (str_eq(sorted[i - 1]->key, sorted[i]->key))
			found = sorted[i];
	mem_free(sorted);
	return found;
}

static int
read_key(struct reader *r, struct yaml *child)
{
	const yaml_event_t *e = &r->event;
	if (e->type != YAML_SCALAR_EVENT || e->data.scalar.anchor)
		return refuse(r, &e->start_mark, E_UNSUPPORTED, "yaml_key", STR(""));
	bool text = false;
	TRY(check_tag(r, e->data.scalar.tag, &text));
	struct str key = str_from((const char *)e->data.scalar.value, e->data.scalar.length);
	/* YAML 1.1 merges maps here. Taking it for an ordinary key would make a file mean something else. */
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && str_eq(key, STR("<<")))
		return refuse(r, &e->start_mark, E_UNSUPPORTED, "yaml_merge", key);
	child->key_line = (uint32_t)e->start_mark.line + 1;
	child->key_column = byte_column(r, &e->start_mark);
	return copy_text(r, key, &child->key);
}

static int
read_children(struct reader *r, struct yaml *ret)
{
	yaml_event_type_t end = ret->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct yaml **last = &ret->first;
	for (;;) {
		TRY(next_event(r));
		if (r->event.type == end)
			return 0;
		struct yaml *child = ARENA_NEW(r->arena, struct yaml);
		if (!child)
			return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_big", STR(""));
		if (ret->kind == YAML_MAP) {
			TRY(read_key(r, child));
			TRY(next_event(r));
		}
		TRY(read_node(r, child));
		*last = child;
		last = &child->next;
		ret->count++;
	}
}

static int
read_container(struct reader *r, struct yaml *ret)
{
	bool map = r->event.type == YAML_MAPPING_START_EVENT, text = false;
	TRY(count_nodes(r, 1));
	TRY(check_tag(r, map ? r->event.data.mapping_start.tag : r->event.data.sequence_start.tag, &text));
	if (++r->depth > YAML_MAX_DEPTH)
		return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_deep", STR(""));
	if (r->depth > r->deepest)
		r->deepest = r->depth;
	ret->kind = map ? YAML_MAP : YAML_LIST;
	TRY(read_children(r, ret));
	r->depth--;
	const struct yaml *twice = map ? duplicate_key(ret) : NULL;
	if (twice)
		return fault_set(r->fault, E_EXISTS, "yaml_duplicate", twice->key, twice->key_line, twice->key_column);
	return 0;
}

static const yaml_char_t *
event_anchor(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int
read_node(struct reader *r, struct yaml *ret)
{
	struct anchor *anchor;
	uint32_t nodes = r->nodes, deepest = r->deepest;
	ret->line = (uint32_t)r->event.start_mark.line + 1;
	ret->column = byte_column(r, &r->event.start_mark);
	if (r->event.type == YAML_ALIAS_EVENT)
		return read_alias(r, ret);
	TRY(new_anchor(r, event_anchor(&r->event), &anchor));
	r->deepest = r->depth;
	if (r->event.type == YAML_SCALAR_EVENT)
		TRY(read_scalar(r, ret));
	else
		TRY(read_container(r, ret));
	if (anchor) {
		anchor->node = ret;
		anchor->nodes = r->nodes - nodes;
		anchor->depth = r->deepest - r->depth;
	}
	if (deepest > r->deepest)
		r->deepest = deepest;
	return 0;
}

static int
read_documents(struct reader *r, struct yaml ***ret, uint32_t *ret_count)
{
	uint32_t count = 0, cap = 0;
	struct yaml **document = NULL;
	TRY(next_event(r)); /* start of the stream */
	for (;;) {
		TRY(next_event(r));
		if (r->event.type == YAML_STREAM_END_EVENT)
			break;
		if (count == cap) {
			cap = cap ? cap * 2 : 4;
			struct yaml **grown = arena_alloc(r->arena, cap * sizeof *grown);
			if (!grown)
				return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_big", STR(""));
			if (count)
				memcpy(grown, document, count * sizeof *grown);
			document = grown;
		}
		document[count] = ARENA_NEW(r->arena, struct yaml);
		if (!document[count])
			return refuse(r, &r->event.start_mark, E_LIMIT, "yaml_too_big", STR(""));
		r->anchors = NULL;
		TRY(next_event(r));
		TRY(read_node(r, document[count]));
		count++;
		TRY(next_event(r)); /* end of the document */
	}
	*ret = document;
	*ret_count = count;
	return 0;
}

static int
check_bytes(struct str text, struct fault *f)
{
	if (text.n > YAML_MAX_BYTES)
		return fault_set(f, E_LIMIT, "yaml_too_big", STR(""), 0, 0);
	if (str_is_utf8(text))
		return 0;
	uint32_t line = 0;
	struct str rest = text, part;
	while (str_split(&rest, '\n', &part)) {
		line++;
		if (str_is_utf8(part))
			continue;
		size_t good = 0; /* a letter has at most four bytes, so the first bad one shows within three more */
		for (size_t n = 1; n <= part.n && n <= good + 4; n++)
			good = str_is_utf8(str_cut(part, good, n)) ? n : good;
		return fault_set(f, E_INVALID, "yaml_utf8", STR(""), line, (uint32_t)good + 1);
	}
	return fault_set(f, E_INVALID, "yaml_utf8", STR(""), 0, 0);
}

int
yaml_parse(struct str text, struct arena *arena, struct yaml ***ret_documents, uint32_t *ret_count, struct fault *f)
{
	TRY(check_bytes(text, f));
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_skip(text, 3);
	struct reader r = {.text = text, .arena = arena, .fault = f};
	if (!yaml_parser_initialize(&r.parser))
		return fault_set(f, E_LIMIT, "yaml_too_big", STR(""), 0, 0);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	int result = read_documents(&r, ret_documents, ret_count);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return result;
}

const struct yaml *
yaml_get(const struct yaml *map, struct str key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	YAML_EACH(child, map)
		if (str_eq(child->key, key))
			return child;
	return NULL;
}

struct str
yaml_get_text(const struct yaml *map, struct str key, struct str fallback)
{
	const struct yaml *child = yaml_get(map, key);
	return child && child->kind == YAML_SCALAR && !yaml_is_null(child) ? child->text : fallback;
}

static bool
is_one_of(const struct yaml *node, const char *const *words, size_t count)
{
	if (!node || node->kind != YAML_SCALAR || node->quoted)
		return false;
	for (size_t i = 0; i < count; i++)
		if (str_eq(node->text, str_z(words[i])))
			return true;
	return false;
}

bool
yaml_is_null(const struct yaml *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	return is_one_of(node, words, COUNT(words));
}

bool
yaml_to_bool(const struct yaml *node, bool *ret)
{
	static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
	bool is_yes = is_one_of(node, yes, COUNT(yes));
	if (!is_yes && !is_one_of(node, no, COUNT(no)))
		return false;
	*ret = is_yes;
	return true;
}

static bool
digits_to_i64(struct str digits, unsigned base, int64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < digits.n; i++) {
		char c = ascii_lower(digits.p[i]);
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
		if (digit >= base || v > ((uint64_t)INT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	*ret = (int64_t)v;
	return digits.n > 0;
}

bool
yaml_to_i64(const struct yaml *node, int64_t *ret)
{
	if (!node || node->kind != YAML_SCALAR || node->quoted)
		return false;
	struct str s = node->text;
	if (str_starts(s, STR("0x")))
		return digits_to_i64(str_skip(s, 2), 16, ret);
	if (str_starts(s, STR("0o")))
		return digits_to_i64(str_skip(s, 2), 8, ret);
	return str_to_i64(s.n > 1 && s.p[0] == '+' && s.p[1] != '-' ? str_skip(s, 1) : s, ret);
}

int
yaml_fault(const struct yaml *node, struct fault *f, int code, const char *what, struct str arg)
{
	return fault_set(f, code, what, arg, node ? node->line : 0, node ? node->column : 0);
}
