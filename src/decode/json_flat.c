/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/json_flat.h"

#include <assert.h>

#include "base/json_scan.h"
#include "base/memory.h"
#include "decode/decode.h"
#include "decode/json_layout.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CORE_ROOM 24u   /* core fields that an event usually gets */
#define MAX_MISSES 64u

struct flat *
flat_new(void)
{
	return MEM_NEW(struct flat);
}

void
flat_free(struct flat *f)
{
	mem_free(f);
}

/* Where the reader stands. The last byte of the text is its closing brace, so whoever stands on any other byte may look
 * at the next one. */
struct walk {
	struct decode_context *c;
	struct flat *flat;
	struct event *e;
	const char *text, *at, *end;
	uint32_t quote; /* the next one of the index */
	struct key *before;
	struct key *open[FLAT_DEPTH]; /* keys of the objects around, the outermost left out */
	uint32_t depth;
};

struct value {
	struct str text;
	enum json_kind json; /* as it stands there */
	enum field_kind kind;
	bool escaped;
};

/* Does the text at `name` begin with the name of k? */
static inline bool
begins_with_key(const struct key *k, const char *name, const char *end)
{
#ifdef __SSE2__
	static_assert(KEY_FRONT == 32, "two registers");
	if (k->part.n <= KEY_FRONT && end - name >= (ptrdiff_t)KEY_FRONT) {
		__m128i a = _mm_loadu_si128((const __m128i_u *)name), b = _mm_loadu_si128((const __m128i_u *)(name + 16));
		__m128i x = _mm_loadu_si128((const __m128i_u *)k->front), y = _mm_loadu_si128((const __m128i_u *)(k->front + 16));
		uint32_t same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, x)) |
		    (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(b, y)) << 16;
		return !(~(uint64_t)same & ((UINT64_C(1) << k->part.n) - 1));
	}
#endif
	return (size_t)(end - name) >= k->part.n && memcmp(name, k->part.p, k->part.n) == 0;
}

/* A member's name and its colon: the name that is expected, or whatever stands there. NULL: it has no key. */
static inline struct key *
take_key(struct walk *w)
{
	const struct json_index *x = &w->flat->index;
	if (w->quote + 2 > x->count || w->at != w->text + x->quote[w->quote])
		return NULL;
	struct str name = {w->at + 1, (size_t)(x->quote[w->quote + 1] - x->quote[w->quote] - 1)};
	struct key *k = w->before->next[0];
	if (!k || k->part.n != name.n || !begins_with_key(k, name.p, w->end)) {
		size_t from = (size_t)(name.p - w->text);
		if (json_index_escaped(x, from, from + name.n))
			return NULL;
		k = keys_search(w->c->keys, w->before, name);
		if (!k)
			return NULL;
	}
	w->quote += 2;
	w->at = name.p + name.n + 1;
	if (*w->at != ':')
		return NULL;
	w->at++;
	w->at += *w->at == ' ';
	w->before = k;
	return k;
}

static inline bool
take_string(struct walk *w, struct value *ret)
{
	const struct json_index *x = &w->flat->index;
	if (w->quote + 2 > x->count || w->at != w->text + x->quote[w->quote])
		return false;
	size_t from = x->quote[w->quote] + 1u, to = x->quote[w->quote + 1];
	*ret = (struct value){{w->text + from, to - from}, JSON_STRING, FIELD_TEXT, json_index_escaped(x, from, to)};
	w->quote += 2;
	w->at = w->text + to + 1;
	return true;
}

static bool
take_number(struct walk *w, struct value *ret)
{
	const char *start = w->at, *bad, *p = start;
	while (*p >= '0' && *p <= '9')
		p++;
	if (p == start || *start == '0' || *p == '.' || (*p | 0x20) == 'e') {
		p = json_number_end(start, w->end, &bad);
		if (!p)
			return false;
	}
	*ret = (struct value){{start, (size_t)(p - start)}, JSON_NUMBER, FIELD_NUMBER, false};
	w->at = p;
	return true;
}

static bool
take_literal(struct walk *w, struct value *ret)
{
	static const struct {
		struct str word;
		enum json_kind json;
		enum field_kind kind;
	} literal[] = {{STR_INIT("true"), JSON_TRUE, FIELD_BOOL}, {STR_INIT("false"), JSON_FALSE, FIELD_BOOL},
	    {STR_INIT("null"), JSON_NULL, FIELD_NULL}};
	struct str rest = {w->at, (size_t)(w->end - w->at)};
	for (size_t i = 0; i < COUNT(literal); i++) {
		if (!str_starts(rest, literal[i].word))
			continue;
		*ret = (struct value){{w->at, literal[i].word.n}, literal[i].json, literal[i].kind, false};
		if (literal[i].kind == FIELD_NULL)
			ret->text = (struct str){0};
		w->at += literal[i].word.n;
		return true;
	}
	return false;
}

/* ["one", "two"]: an item a line, as flatten() has it. One alone is as good as the string. Lists of anything but strings
 * are for those who flatten. */
static bool
take_array(struct walk *w, struct value *ret)
{
	const struct walk first = *w;
	size_t room = 0, items = 0;
	bool escaped = false;
	do {
		w->at += 1 + (items && w->at[1] == ' ');
		if (*w->at != '"' || !take_string(w, ret))
			return false;
		room += ret->text.n + 2;
		escaped |= ret->escaped;
		items++;
	} while (*w->at == ',');
	if (*w->at != ']')
		return false;
	w->at++;
	ret->json = JSON_ARRAY;
	char *p = items > 1 ? arena_alloc(w->c->arena, room) : NULL, *at = p;
	if (items == 1 || !p)
		return items == 1;
	for (uint32_t quote = first.quote; quote < w->quote; quote += 2) {
		const uint16_t *place = &w->flat->index.quote[quote];
		size_t n = (size_t)(place[1] - place[0] - 1);
		if (at != p)
			at = escaped ? (char *)memcpy(at, "\\n", 2) + 2 : (char *)memcpy(at, "\n", 1) + 1;
		memcpy(at, w->text + place[0] + 1, n);
		at += n;
	}
	*ret = (struct value){{p, (size_t)(at - p)}, JSON_ARRAY, FIELD_TEXT, escaped};
	return true;
}

/* {}, which is as good as null. */
static bool
take_nothing(struct walk *w, struct value *ret)
{
	w->at += 2;
	*ret = (struct value){{0}, JSON_OBJECT, FIELD_NULL, false};
	return w->at < w->end;
}

static inline bool
take_value(struct walk *w, struct value *ret)
{
	char c = *w->at;
	if (c == '"')
		return take_string(w, ret);
	if (c == '-' || (c >= '0' && c <= '9'))
		return take_number(w, ret);
	return c == '[' ? take_array(w, ret) : c == '{' ? take_nothing(w, ret) : take_literal(w, ret);
}

static bool
put_member(struct walk *w, const struct key *key, const struct value *v)
{
	struct event *e = w->e;
	if (e->field_count == e->field_cap && e->field_cap == EVENT_MAX_FIELDS)
		return false;
	struct field *f = event_new_field(e);
	if (!f)
		return false;
	w->flat->key[e->field_count - 1] = key;
	*f = (struct field){.name = key->name, .value = v->text, .id = key->id, .kind = (uint8_t)v->kind,
	    .escaped = v->escaped, .word = key->word};
	if (!key->special)
		return true;
	struct flat *flat = w->flat;
	if (flat->special_count == FLAT_SPECIAL)
		return false;
	flat->special[flat->special_count++] = (struct flat_special){e->field_count - 1, key};
	flat->hints |= json_hint(key, v->json, v->json == JSON_ARRAY ? (struct str){0} : v->text);
	return true;
}

/* Into the object that is the value of `key`. */
static bool
enter(struct walk *w, struct key *key)
{
	if (w->depth == FLAT_DEPTH)
		return false;
	if (key->hint)
		w->flat->hints |= json_hint(key, JSON_OBJECT, (struct str){0});
	w->open[w->depth++] = key;
	w->before = keys_inside(w->c->keys, key);
	w->at++;
	return w->before;
}

/* Out of the objects that end here. The text's last byte is the end of the outermost. */
static void
leave(struct walk *w)
{
	for (; w->depth && *w->at == '}' && w->at + 1 < w->end; w->at++)
		w->before = w->open[--w->depth];
}

static bool
walk(struct walk *w)
{
	for (;;) {
		struct value value;
		struct key *key = take_key(w);
		if (!key)
			return false;
		if (*w->at == '{' && w->at[1] != '}') {
			if (!enter(w, key))
				return false;
			continue;
		}
		if (!take_value(w, &value) || !put_member(w, key, &value))
			return false;
		if (*w->at != ',')
			leave(w);
		if (*w->at != ',')
			break;
		w->at++;
		w->at += *w->at == ' ';
	}
	return !w->depth && w->at + 1 == w->end && w->quote == w->flat->index.count; /* the text ends with '}' */
}

static bool
read_line(struct decode_context *c, struct str line, struct event *e)
{
	struct flat *f = c->flat;
	if (line.n < 2 || line.p[0] != '{' || line.p[line.n - 1] != '}' || !json_index(&f->index, line))
		return false;
	struct walk w = {.c = c, .flat = f, .e = e, .text = line.p, .at = line.p + 1, .end = line.p + line.n,
	    .before = keys_start(c->keys)};
	uint32_t count = e->field_count, dropped = e->dropped_fields;
	f->special_count = f->hints = 0;
	event_reserve(e, f->expected + CORE_ROOM);
	bool read = walk(&w);
	if (read)
		f->expected = e->field_count - count;
	if (!read) {
		e->field_count = count;
		e->dropped_fields = dropped;
	}
	return read;
}

static void
miss(struct flat *f)
{
	f->misses = f->misses < MAX_MISSES / 2 ? f->misses * 2 + 1 : MAX_MISSES;
	f->wait = f->misses - 1;
}

void
flat_refuse(struct decode_context *c, struct event *e, uint32_t count)
{
	e->field_count = count;
	miss(c->flat);
}

bool
flat_read(struct decode_context *c, struct str line, struct event *e)
{
	struct flat *f = c->flat;
	if (!f)
		return false;
	if (f->wait) {
		f->wait--;
		return false;
	}
	bool read = read_line(c, line, e);
	if (read)
		f->misses /= 2;
	else
		miss(f);
	return read;
}
