/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/flatten.h"

struct level {
	uint32_t end;   /* token behind the container */
	uint32_t name;  /* bytes of the path to it, the dot behind included */
	uint32_t index; /* of the next item, in arrays */
	uint32_t plain; /* bytes of the path without the numbers of items */
	bool array;
	bool numbered;  /* it, or what is around it, is an array */
};

struct leaf {
	struct str value;
	enum field_kind kind;
	bool escaped;
};

struct flattener {
	struct decode_context *c;
	struct event *e;
	struct level level[FLATTEN_DEPTH];
	uint32_t depth;
	uint32_t member, members; /* of the root that have keys */
	uint32_t path_n;
	uint32_t names_n; /* bytes of the names joined so far */
	bool each;
	char path[FLATTEN_NAME];
	char plain[FLATTEN_NAME];
};

/* The last part of a name: a member's key, or the number of an item, which is written to `number`. */
static bool
part_of(struct flattener *f, uint32_t i, char number[16], struct str *ret)
{
	struct level *in = &f->level[f->depth - 1];
	const struct json_token *t = &f->c->json->token[i];
	if (in->array) {
		*ret = str_from(number, (size_t)snprintf(number, 16, "%u", in->index++));
		return true;
	}
	*ret = json_raw(f->c->json, i);
	return !t->escaped || (t->length <= FLATTEN_NAME * 6 && json_string(f->c->json, i, f->c->arena, ret));
}

static bool
name_of(struct flattener *f, struct str part, struct str *ret)
{
	if (f->path_n == 0) {
		*ret = part;
		return part.n <= FLATTEN_NAME;
	}
	if (f->path_n + part.n > FLATTEN_NAME || f->names_n > FLATTEN_NAMES)
		return false;
	f->names_n += f->path_n + (uint32_t)part.n;
	char *p = arena_alloc(f->c->arena, f->path_n + part.n);
	if (!p)
		return false;
	memcpy(p, f->path, f->path_n);
	if (part.n)
		memcpy(p + f->path_n, part.p, part.n);
	*ret = str_from(p, f->path_n + part.n);
	return true;
}

/* Go into container v, whose items will be called path.part.something. */
static bool
enter(struct flattener *f, uint32_t v, struct str part)
{
	if (f->path_n + part.n + 1 > FLATTEN_NAME)
		return false;
	if (part.n)
		memcpy(f->path + f->path_n, part.p, part.n);
	f->path[f->path_n + part.n] = '.';
	const struct level *in = &f->level[f->depth - 1];
	uint32_t plain = in->array ? in->plain : in->plain + (uint32_t)part.n + 1;
	memcpy(f->plain + in->plain, f->path + f->path_n, plain - in->plain);
	bool array = f->c->json->token[v].kind == JSON_ARRAY;
	f->level[f->depth++] = (struct level){.end = json_end(f->c->json, v), .name = f->path_n + (uint32_t)part.n + 1,
	    .plain = plain, .array = array, .numbered = in->numbered || array};
	return true;
}

static bool
holds_containers(const struct json *j, uint32_t array)
{
	uint32_t i = json_first(j, array);
	while (i < json_end(j, array) && j->token[i].kind < JSON_ARRAY)
		i++;
	return i < json_end(j, array);
}

/* Is token v an array of which each item is a field? */
static bool
is_list(const struct flattener *f, uint32_t v)
{
	const struct json *j = f->c->json;
	uint32_t items = 0;
	if (!f->each || j->token[v].kind != JSON_ARRAY || holds_containers(j, v))
		return false;
	for (uint32_t i = json_first(j, v); i < json_end(j, v) && items <= FLATTEN_ITEMS; i++)
		items += j->token[i].kind != JSON_NULL;
	return items > 0 && items <= FLATTEN_ITEMS;
}

/* Scalars of an array, one in a line. When one has escapes, so has the newline between them. */
static bool
join_items(const struct flattener *f, uint32_t array, struct leaf *ret)
{
	const struct json *j = f->c->json;
	size_t room = 0;
	bool escaped = false;
	for (uint32_t i = json_first(j, array); i < json_end(j, array); i++) {
		room += j->token[i].length + 2;
		escaped |= j->token[i].escaped;
	}
	char *p = arena_alloc(f->c->arena, room), *at = p;
	if (!p)
		return false;
	for (uint32_t i = json_first(j, array); i < json_end(j, array); i++) {
		struct str s = json_raw(j, i), line = escaped ? STR("\\n") : STR("\n");
		if (j->token[i].kind == JSON_NULL)
			continue;
		if (at != p)
			at = (char *)memcpy(at, line.p, line.n) + line.n;
		at = s.n ? (char *)memcpy(at, s.p, s.n) + s.n : at;
	}
	ret->value = str_from(p, (size_t)(at - p));
	ret->escaped = escaped;
	ret->kind = FIELD_TEXT;
	return true;
}

/* The value of token v; false: it is a container to go into, or (ret->kind == FIELD_NULL) there is no room for it. */
static bool
value_of(const struct flattener *f, uint32_t v, struct leaf *ret)
{
	static const enum field_kind kind[] = {FIELD_NULL, FIELD_BOOL, FIELD_BOOL, FIELD_NUMBER, FIELD_TEXT, FIELD_TEXT,
		FIELD_TEXT}; /* by enum json_kind */
	const struct json *j = f->c->json;
	const struct json_token *t = &j->token[v];
	ret->kind = kind[t->kind];
	ret->escaped = t->escaped;
	ret->value = t->kind == JSON_NULL ? (struct str){0} : json_raw(j, v);
	if (t->kind < JSON_ARRAY)
		return true;
	if (t->next == v + 1) {
		ret->kind = FIELD_NULL;
		ret->value = (struct str){0};
		return true;
	}
	if (is_list(f, v))
		return true;
	if (t->kind == JSON_ARRAY && !holds_containers(j, v)) {
		bool joined = join_items(f, v, ret);
		ret->kind = joined ? FIELD_TEXT : FIELD_NULL;
		return joined;
	}
	return f->depth == FLATTEN_DEPTH;
}

/* The value of token v, which is no container to go into. */
static void
put_leaf(const struct flattener *f, uint32_t v, struct str name, struct leaf leaf, flatten_fn *sink, void *user)
{
	const struct json *j = f->c->json;
	if (!is_list(f, v)) {
		sink(user, name, leaf.value, leaf.kind, leaf.escaped);
		return;
	}
	for (uint32_t i = json_first(j, v); i < json_end(j, v); i++) {
		(void)value_of(f, i, &leaf);
		if (leaf.kind != FIELD_NULL)
			sink(user, name, leaf.value, leaf.kind, leaf.escaped);
	}
}

/* Below a list of objects a rule says "a.b" where the path is "a.0.b": when there is such a rule it shall see each. */
static void
put_unnumbered(struct flattener *f, uint32_t v, struct str part, struct leaf leaf, flatten_fn *sink, void *user)
{
	const struct level *in = &f->level[f->depth - 1];
	uint32_t n = in->plain;
	if (!f->each || !in->numbered || (!in->array && n + part.n > FLATTEN_NAME))
		return;
	if (!in->array && part.n)
		memcpy(f->plain + n, part.p, part.n);
	n = in->array ? n - 1 : n + (uint32_t)part.n;
	uint32_t id = names_find(f->c->names, str_from(f->plain, n));
	if (id != NAME_UNKNOWN)
		put_leaf(f, v, names_text(f->c->names, id), leaf, sink, user);
}

/* Item at token i of the innermost container; the token that comes next. */
static uint32_t
flatten_item(struct flattener *f, uint32_t i, flatten_fn *sink, void *user)
{
	const struct level *in = &f->level[f->depth - 1];
	uint32_t v = in->array ? i : i + 1;
	struct leaf leaf = {0};
	struct str part, name;
	char number[16];
	f->path_n = in->name;
	f->c->key = NULL;
	if (f->depth == 1)
		f->c->key = f->member < f->members ? f->c->member[f->member++] : NULL;
	if (f->c->key && f->c->json->token[v].kind < JSON_ARRAY && f->e->field_count < EVENT_MAX_FIELDS) {
		(void)value_of(f, v, &leaf);
		sink(user, f->c->key->name, leaf.value, leaf.kind, leaf.escaped);
		return v + 1;
	}
	if (f->e->field_count < EVENT_MAX_FIELDS && part_of(f, i, number, &part)) {
		bool whole = value_of(f, v, &leaf);
		if (whole && name_of(f, part, &name)) {
			put_leaf(f, v, name, leaf, sink, user);
			put_unnumbered(f, v, part, leaf, sink, user);
			return json_next(f->c->json, v);
		}
		if (!whole && leaf.kind != FIELD_NULL && enter(f, v, part))
			return v + 1;
	}
	f->e->dropped_fields++;
	return json_next(f->c->json, v);
}

void
flatten(struct decode_context *c, struct event *e, uint32_t object, bool each, flatten_fn *sink, void *user)
{
	struct flattener f;
	f.each = each;
	f.c = c;
	f.e = e;
	f.names_n = 0;
	f.member = 0;
	f.members = object == 0 ? c->members : 0;
	f.level[0] = (struct level){.end = json_end(c->json, object)};
	f.depth = 1;
	uint32_t i = json_first(c->json, object);
	while (f.depth) {
		if (i >= f.level[f.depth - 1].end)
			f.depth--;
		else
			i = flatten_item(&f, i, sink, user);
	}
}

/* Digits of the fraction as milliseconds; *ret_ok lowered by anything else. */
static int64_t
milliseconds_of(struct str fraction, bool *ret_ok)
{
	int64_t ms = 0, worth = 100;
	for (size_t i = 0; i < fraction.n; i++) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			*ret_ok = false;
		ms += (fraction.p[i] - '0') * worth;
		worth /= 10;
	}
	return ms;
}

bool
time_from_epoch(struct str s, int64_t *ret_ms)
{
	const uint64_t too_large = UINT64_C(100000000000); /* seconds: year 5138; milliseconds: 1973 */
	ptrdiff_t dot = str_find_char(s, '.');
	uint64_t whole;
	bool ok = str_to_u64(dot < 0 ? s : str_cut(s, 0, (size_t)dot), &whole);
	int64_t fraction = dot < 0 ? 0 : milliseconds_of(str_skip(s, (size_t)dot + 1), &ok);
	if (!ok || whole > too_large * 1000)
		return false;
	*ret_ms = whole >= too_large ? (int64_t)whole : (int64_t)whole * TIME_SECOND + fraction;
	return true;
}
