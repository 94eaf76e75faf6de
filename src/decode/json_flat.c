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

#define INLINE [[gnu::always_inline]] static inline

/* Where the reader stands. The last byte of the text is its closing brace, so whoever stands on any other byte may look
 * at the next one. Every byte before `at` has been seen to be what it must, so that the index is right about the next. */
struct walk {
	struct decode_context *c;
	struct flat *flat;
	struct event *e;
	const char *text, *at, *end;
	const uint16_t *quote; /* the next one of the index */
	size_t slash;          /* the next backslash */
	struct key *before;
	uint32_t depth;        /* objects around, the outermost left out */
};

struct value {
	struct str text;
	enum json_kind json; /* as it stands there */
	enum field_kind kind;
	bool escaped;
};

/* A string's inside; the reader stands on its opening quote. */
INLINE struct str
take_quoted(struct walk *w)
{
	size_t from = w->quote[0] + 1u, to = w->quote[1];
	w->quote += 2;
	w->at = w->text + to + 1;
	return str_from(w->text + from, to - from);
}

INLINE bool
at_quote(const struct walk *w)
{
	return w->at - w->text == w->quote[0];
}

/* Does k's name stand at p, with a quote and a colon behind it? False also when that takes a longer look. */
INLINE bool
stands_at(const struct key *k, const char *p, const char *end)
{
#ifdef __SSE2__
	static_assert(KEY_FRONT == 32, "two registers");
	if (end - p < (ptrdiff_t)KEY_FRONT || !k->front_mask)
		return false;
	__m128i a = _mm_loadu_si128((const __m128i_u *)p), b = _mm_loadu_si128((const __m128i_u *)(p + 16));
	__m128i x = _mm_loadu_si128((const __m128i_u *)k->front), y = _mm_loadu_si128((const __m128i_u *)(k->front + 16));
	uint32_t same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, x)) |
	    (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(b, y)) << 16;
	return !(~same & k->front_mask);
#else
	(void)k, (void)p, (void)end;
	return false;
#endif
}

/* Whatever name stands there. */
[[gnu::noinline]] static struct key *
find_key(struct decode_context *c, struct key *before, struct str name, bool escaped)
{
	return escaped || name.p[name.n + 1] != ':' ? NULL : keys_search(c->keys, before, name);
}

/* A member's name and its colon: the name that is expected, or whatever stands there. NULL: it has no key. */
INLINE struct key *
take_key(struct walk *w)
{
	struct key *k = w->before->next[0];
	if (!at_quote(w))
		return NULL;
	if (k && stands_at(k, w->at + 1, w->end)) {
		w->quote += 2;
		w->at += k->part.n + 3;
	} else {
		struct str name = take_quoted(w);
		k = find_key(w->c, w->before, name, w->text + w->slash < w->at);
		w->at++;
	}
	if (k)
		w->at += *w->at == ' ';
	w->before = k;
	return k;
}

INLINE struct value
take_string(struct walk *w)
{
	struct value v = {.text = take_quoted(w), .json = JSON_STRING, .kind = FIELD_TEXT};
	v.escaped = w->text + w->slash < w->at;
	if (v.escaped)
		w->slash = json_index_slash(&w->flat->index, (size_t)(w->at - w->text));
	return v;
}

/* The number at `at`, or NULL; its end. */
INLINE const char *
number_end(const char *at, const char *end)
{
	const char *p = at, *bad;
	while (*p >= '0' && *p <= '9')
		p++;
	bool plain = p > at && (*at != '0' || p == at + 1) && *p != '.' && (*p | 0x20) != 'e';
	return plain ? p : json_number_end(at, end, &bad);
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
	const uint16_t *first = w->quote;
	size_t room = 0, items = 0;
	bool escaped = false;
	do {
		w->at += 1 + (items && w->at[1] == ' ');
		if (!at_quote(w))
			return false;
		*ret = take_string(w);
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
	w->flat->lists = true;
	for (const uint16_t *quote = first; quote < w->quote; quote += 2) {
		size_t n = (size_t)(quote[1] - quote[0] - 1);
		if (at != p)
			at = escaped ? (char *)memcpy(at, "\\n", 2) + 2 : (char *)memcpy(at, "\n", 1) + 1;
		memcpy(at, w->text + quote[0] + 1, n);
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

/* What is neither a string nor a number. */
static bool
take_other(struct walk *w, struct value *ret)
{
	return *w->at == '[' ? take_array(w, ret) : *w->at == '{' ? take_nothing(w, ret) : take_literal(w, ret);
}

INLINE bool
put_member(struct walk *w, const struct key *key, const struct value *v)
{
	struct flat *flat = w->flat;
	struct field *f = event_new_field(w->e);
	if (!f)
		return false;
	flat->key[w->e->field_count - 1] = key;
	*f = (struct field){.name = key->name, .value = v->text, .id = key->id, .kind = (uint8_t)v->kind,
	    .escaped = v->escaped, .word = key->word};
	if (!key->special)
		return true;
	if (flat->special_count == FLAT_SPECIAL)
		return false;
	flat->special[flat->special_count++] = (struct flat_special){w->e->field_count - 1, key};
	if (key->hint)
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
	w->flat->open[w->depth++] = key;
	w->before = keys_inside(w->c->keys, key);
	w->at++;
	return w->before;
}

/* Out of the objects that end here. The text's last byte is the end of the outermost. */
static void
leave(struct walk *w)
{
	for (; w->depth && *w->at == '}' && w->at + 1 < w->end; w->at++)
		w->before = w->flat->open[--w->depth];
}

/* Member after member. What is rare gets the reader's copy in memory; the one that works lies in registers. */
static bool
walk(struct walk *memory)
{
	struct walk w = *memory;
	for (;;) {
		struct value value;
		struct key *key = take_key(&w);
		if (!key)
			return false;
		if (at_quote(&w)) {
			value = take_string(&w);
		} else if (*w.at == '-' || (*w.at >= '0' && *w.at <= '9')) {
			const char *start = w.at;
			w.at = number_end(start, w.end);
			if (!w.at)
				return false;
			value = (struct value){str_from(start, (size_t)(w.at - start)), JSON_NUMBER, FIELD_NUMBER, false};
		} else {
			bool object = *w.at == '{' && w.at[1] != '}';
			*memory = w;
			if (object ? !enter(memory, key) : !take_other(memory, &value))
				return false;
			w = *memory;
			if (object)
				continue;
		}
		if (!put_member(&w, key, &value))
			return false;
		if (*w.at == '}' && w.depth) {
			*memory = w;
			leave(memory);
			w = *memory;
		}
		if (*w.at != ',')
			break;
		w.at++;
		w.at += *w.at == ' ';
	}
	return !w.depth && w.at + 1 == w.end && *w.quote == JSON_INDEX_NONE; /* the text ends with '}' */
}

static bool
read_line(struct decode_context *c, struct str line, struct event *e)
{
	struct flat *f = c->flat;
	if (line.n < 2 || line.p[0] != '{' || line.p[line.n - 1] != '}' || !json_index(&f->index, line) || f->index.count % 2)
		return false;
	struct walk w = {.c = c, .flat = f, .e = e, .text = line.p, .at = line.p + 1, .end = line.p + line.n,
	    .quote = f->index.quote, .slash = json_index_slash(&f->index, 0), .before = keys_start(c->keys)};
	uint32_t count = e->field_count, dropped = e->dropped_fields;
	f->special_count = f->hints = 0;
	f->lists = false;
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
