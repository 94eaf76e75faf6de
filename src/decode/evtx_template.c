/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/evtx_binxml.h"

/* [MS-EVEN6] 2.2.12, tokens; 0x40 (more of the same follows) is masked out. */
enum token {
	TOKEN_EOF,
	TOKEN_OPEN,
	TOKEN_CLOSE_START,
	TOKEN_CLOSE_EMPTY,
	TOKEN_END,
	TOKEN_TEXT,
	TOKEN_ATTRIBUTE,
	TOKEN_CDATA,
	TOKEN_CHAR_REF,
	TOKEN_ENTITY_REF,
	TOKEN_PI_TARGET,
	TOKEN_PI_DATA,
	TOKEN_TEMPLATE,
	TOKEN_VALUE,
	TOKEN_OPTIONAL_VALUE,
	TOKEN_FRAGMENT,
	TOKEN_MORE = 0x40,
};

#define NO_SLOT UINT32_MAX

struct element {
	struct str name;
	struct str data_name;          /* EventData: the Name attribute, spaces removed */
	struct evtx_piece *name_piece; /* the same when it is a substitution */
	struct evtx_place place;
	uint32_t slot;                 /* its text, or NO_SLOT */
	bool parent;                   /* has elements inside */
};

enum target { TARGET_TEXT, TARGET_ATTRIBUTE, TARGET_NAME, TARGET_NOTHING };

struct compiler {
	struct evtx_reader *r;
	struct evtx_template *t;
	struct wire w;
	struct evtx_place root;
	size_t start; /* offset of the first byte in the chunk */
	struct element open[EVTX_MAX_DEPTH];
	uint32_t depth;
	enum target target; /* where the next piece of text goes */
	uint32_t attribute; /* slot of TARGET_ATTRIBUTE */
	uint32_t data_slot; /* the nameless Data elements share one slot */
	bool definition;
};

static size_t
position(const struct compiler *k)
{
	return (size_t)(k->w.rest.p - k->r->chunk.p);
}

static struct element *
innermost(struct compiler *k)
{
	return k->depth ? &k->open[k->depth - 1] : NULL;
}

static struct arena *
arena_of(struct compiler *k)
{
	return k->t->text->arena;
}

/* Does a name stand at that offset? Used to tell the two forms of an element apart. */
static bool
name_fits(const struct compiler *k, size_t at)
{
	struct str utf16;
	return evtx_name_at(k->r, at, &utf16);
}

static int
note_name(struct compiler *k, size_t offset, struct str utf16, bool here)
{
	struct evtx_names *names = k->t->names;
	struct evtx_name name = {.at = (uint16_t)(offset - k->start), .here = here};
	if (names->count == names->cap) {
		uint32_t cap = names->cap ? names->cap * 2 : 32;
		struct evtx_name *grown = arena_alloc(arena_of(k), cap * sizeof *grown);
		if (!grown)
			return E_LIMIT;
		if (names->count)
			memcpy(grown, names->name, names->count * sizeof *grown);
		names->name = grown;
		names->cap = cap;
	}
	if (!arena_copy(arena_of(k), utf16, &name.utf16))
		return E_LIMIT;
	names->name[names->count++] = name;
	return 0;
}

/* The name at an offset that was just read; where it stands right here, it is stepped over. */
static int
take_name(struct compiler *k, struct str *ret)
{
	struct str name;
	size_t offset = position(k), at = wire_u32(&k->w);
	if (k->w.bad || !evtx_name_at(k->r, at, &name))
		return E_INVALID;
	bool here = at == position(k);
	if (k->t->names)
		TRY(note_name(k, offset, name, here));
	if (here)
		wire_bytes(&k->w, 10 + name.n);
	k->r->budget -= (int64_t)(name.n / 16);
	return evtx_text_utf16(k->t->text, name, ret) ? 0 : E_LIMIT;
}

static int
new_slot(struct compiler *k, struct str name, struct evtx_slot **ret)
{
	struct evtx_template *t = k->t;
	if (t->count == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 32;
		struct evtx_slot *grown = arena_alloc(arena_of(k), cap * sizeof *grown);
		if (!grown)
			return E_LIMIT;
		if (t->count)
			memcpy(grown, t->slot, t->count * sizeof *grown);
		t->slot = grown;
		t->cap = cap;
	}
	*ret = &t->slot[t->count++];
	**ret = (struct evtx_slot){.name = name, .id = names_find(k->r->c->names, name),
	    .word = windows_word(name)};
	return 0;
}

static int
join_names(struct compiler *k, struct str a, struct str b, struct str *ret)
{
	char *p = arena_alloc(arena_of(k), a.n + b.n + 1);
	if (!p)
		return E_LIMIT;
	if (a.n)
		memcpy(p, a.p, a.n);
	p[a.n] = '_';
	if (b.n)
		memcpy(p + a.n + 1, b.p, b.n);
	*ret = str_from(p, a.n + b.n + 1);
	return 0;
}

static uint8_t
role_of(struct evtx_place place, struct str name)
{
	static const struct {
		struct str name;
		uint8_t role;
	} role[] = {{STR_INIT("Channel"), ROLE_CHANNEL}, {STR_INIT("EventID"), ROLE_CODE},
	    {STR_INIT("Provider_Name"), ROLE_PROVIDER}, {STR_INIT("SystemTime"), ROLE_TIME}};
	for (size_t i = 0; place.section == SECTION_SYSTEM && i < COUNT(role); i++)
		if (str_eq(role[i].name, name))
			return role[i].role;
	return ROLE_NONE;
}

struct str
evtx_without_spaces(struct str s)
{
	char *to = (char *)(uintptr_t)s.p; /* a text that we made a moment ago */
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ')
			to[n++] = s.p[i];
	return str_from(s.p, n);
}

static uint8_t
section_of(struct str name)
{
	static const struct {
		struct str name;
		uint8_t section;
	} section[] = {{STR_INIT("System"), SECTION_SYSTEM}, {STR_INIT("EventData"), SECTION_EVENTDATA},
	    {STR_INIT("UserData"), SECTION_USERDATA}};
	for (size_t i = 0; i < COUNT(section); i++)
		if (str_eq(section[i].name, name))
			return section[i].section;
	return SECTION_OTHER;
}

/* Elements that are fields even when nothing stands in them. UserData holds one element that holds the fields. */
static bool
is_field(struct evtx_place place)
{
	return (place.section == SECTION_EVENTDATA && place.depth > 2) ||
	    (place.section == SECTION_USERDATA && place.depth > 3);
}

/* The slot for the text of the innermost element, made at its first piece. */
static int
text_slot(struct compiler *k, const struct element *e, uint32_t *ret)
{
	struct evtx_place place = e->place;
	struct str name = e->name;
	struct evtx_slot *slot;
	bool data = str_eq(name, STR("Data"));
	bool nameless = data && !e->data_name.n && !e->name_piece;
	if (e->data_name.n)
		name = e->data_name;
	if (nameless && k->data_slot != NO_SLOT) {
		*ret = k->data_slot;
		return 0;
	}
	if (place.section == SECTION_OTHER && place.depth > 2 && k->depth > 1)
		TRY(join_names(k, k->open[k->depth - 2].name, name, &name));
	TRY(new_slot(k, name, &slot));
	*ret = k->t->count - 1;
	slot->name_piece = e->name_piece;
	slot->place = place;
	slot->role = place.depth == 3 ? role_of(place, name) : (uint8_t)ROLE_NONE;
	slot->keep_empty = is_field(place);
	if (nameless)
		k->data_slot = *ret;
	return 0;
}

static int
append(struct compiler *k, struct evtx_slot *slot, struct evtx_piece piece)
{
	struct evtx_piece *p = arena_alloc(arena_of(k), sizeof *p);
	if (!p)
		return E_LIMIT;
	*p = piece;
	if (slot->last)
		slot->last->next = p;
	else
		slot->first = p;
	slot->last = p;
	return 0;
}

static int
open_text(struct compiler *k, struct element *e)
{
	uint32_t slot;
	if (e->slot != NO_SLOT)
		return 0;
	TRY(text_slot(k, e, &slot));
	e->slot = slot;
	if (k->t->slot[slot].first)
		return append(k, &k->t->slot[slot], (struct evtx_piece){.kind = PIECE_BREAK});
	return 0;
}

static int
add_to_name(struct compiler *k, struct element *e, struct evtx_piece piece)
{
	if (piece.kind == PIECE_LITERAL) {
		if (!e->data_name.n)
			e->data_name = evtx_without_spaces(piece.literal);
		return 0;
	}
	e->name_piece = arena_alloc(arena_of(k), sizeof piece);
	if (!e->name_piece)
		return E_LIMIT;
	*e->name_piece = piece;
	return 0;
}

static int
add_piece(struct compiler *k, struct evtx_piece piece)
{
	struct element *e = innermost(k);
	if (!e)
		return E_INVALID;
	if (k->target == TARGET_NOTHING)
		return 0;
	if (k->target == TARGET_NAME)
		return add_to_name(k, e, piece);
	if (k->target == TARGET_ATTRIBUTE)
		return append(k, &k->t->slot[k->attribute], piece);
	TRY(open_text(k, e));
	return append(k, &k->t->slot[e->slot], piece);
}

static int
add_utf16(struct compiler *k, struct str utf16)
{
	struct evtx_piece piece = {.kind = PIECE_LITERAL};
	k->r->budget -= (int64_t)(utf16.n / 16);
	if (!evtx_text_utf16(k->t->text, utf16, &piece.literal))
		return E_LIMIT;
	return add_piece(k, piece);
}

/* Elements that stand directly in a record carry no dependency id, those of a definition do; a name that cannot be
 * one tells when a writer saw that otherwise. */
static int
take_element_name(struct compiler *k, struct str *ret)
{
	struct wire with = k->w, without = k->w;
	wire_bytes(&with, 6);
	wire_bytes(&without, 4);
	struct wire peek_with = with, peek_without = without;
	bool fits_with = name_fits(k, wire_u32(&peek_with)), fits_without = name_fits(k, wire_u32(&peek_without));
	bool dependency = k->definition ? fits_with || !fits_without : fits_with && !fits_without;
	k->w = dependency ? with : without;
	if (k->t->names)
		k->t->names->odd |= !(dependency && fits_with);
	return take_name(k, ret);
}

static int
open_element(struct compiler *k, bool attributes)
{
	struct element e = {.slot = NO_SLOT};
	if (k->depth == EVTX_MAX_DEPTH)
		return E_LIMIT;
	TRY(take_element_name(k, &e.name));
	if (attributes)
		wire_u32(&k->w);
	struct element *parent = innermost(k);
	e.place = parent ? parent->place : k->root;
	if (e.place.depth == 1)
		e.place.section = section_of(e.name);
	if (e.place.depth < 15)
		e.place.depth++;
	if (parent)
		parent->parent = true;
	k->open[k->depth++] = e;
	k->target = TARGET_NOTHING;
	return k->w.bad ? E_INVALID : 0;
}

static int
close_element(struct compiler *k)
{
	struct element *e = innermost(k);
	if (!e)
		return E_INVALID;
	if (e->slot == NO_SLOT && !e->parent && is_field(e->place)) {
		k->target = TARGET_TEXT;
		TRY(open_text(k, e));
	}
	k->depth--;
	k->target = TARGET_TEXT;
	return 0;
}

static int
open_attribute(struct compiler *k)
{
	struct str name;
	struct element *e = innermost(k);
	struct evtx_slot *slot;
	if (!e)
		return E_INVALID;
	TRY(take_name(k, &name));
	bool field = e->place.depth > 2 && e->place.section != SECTION_SYSTEM;
	k->target = TARGET_NOTHING;
	if (field && str_eq(name, STR("Name")) &&
	    (e->place.section == SECTION_EVENTDATA || str_eq(e->name, STR("Data"))))
		k->target = TARGET_NAME;
	else if (field && e->place.section == SECTION_EVENTDATA)
		return 0; /* Type="win:UnicodeString" and the like */
	else if (e->place.depth > 1 && !str_starts(name, STR("xmlns")))
		k->target = TARGET_ATTRIBUTE;
	if (k->target != TARGET_ATTRIBUTE)
		return 0;
	if (e->place.section == SECTION_SYSTEM && str_eq(name, STR("SystemTime")))
		name = STR("SystemTime");
	else
		TRY(join_names(k, e->name, name, &name));
	TRY(new_slot(k, name, &slot));
	slot->role = role_of(e->place, name);
	k->attribute = k->t->count - 1;
	return 0;
}

static int
add_text_token(struct compiler *k)
{
	uint8_t type = wire_u8(&k->w);
	if (type == EVTX_STRING)
		return add_utf16(k, wire_bytes(&k->w, (size_t)wire_u16(&k->w) * 2));
	struct evtx_piece piece = {.kind = PIECE_LITERAL};
	size_t n = evtx_value_size(type, k->w.rest);
	struct str value = wire_bytes(&k->w, n);
	if (k->w.bad)
		return E_INVALID;
	if (!evtx_value_text(k->t->text, type, value, &piece.literal))
		return E_LIMIT;
	return add_piece(k, piece);
}

static int
add_value_token(struct compiler *k)
{
	uint16_t index = wire_u16(&k->w);
	wire_u8(&k->w); /* the type expected; the value says which it is */
	return add_piece(k, (struct evtx_piece){.kind = PIECE_VALUE, .index = index});
}

static int
add_char_ref(struct compiler *k)
{
	uint16_t unit = htole16(wire_u16(&k->w));
	return add_utf16(k, str_from((const char *)&unit, sizeof unit));
}

/* XML 1.0, 4.6; an entity that nobody declared stays as it was written. */
static int
add_entity_ref(struct compiler *k)
{
	static const struct {
		struct str name, text;
	} entity[] = {{STR_INIT("amp"), STR_INIT("&")}, {STR_INIT("lt"), STR_INIT("<")}, {STR_INIT("gt"), STR_INIT(">")},
	    {STR_INIT("quot"), STR_INIT("\"")}, {STR_INIT("apos"), STR_INIT("'")}};
	struct str name;
	TRY(take_name(k, &name));
	for (size_t i = 0; i < COUNT(entity); i++)
		if (str_eq(entity[i].name, name))
			return add_piece(k, (struct evtx_piece){.kind = PIECE_LITERAL, .literal = entity[i].text});
	TRY(add_piece(k, (struct evtx_piece){.kind = PIECE_LITERAL, .literal = STR("&")}));
	TRY(add_piece(k, (struct evtx_piece){.kind = PIECE_LITERAL, .literal = name}));
	return add_piece(k, (struct evtx_piece){.kind = PIECE_LITERAL, .literal = STR(";")});
}

static int
compile_token(struct compiler *k, uint8_t token)
{
	struct str ignored;
	switch (token & ~TOKEN_MORE) {
	case TOKEN_OPEN:
		return open_element(k, token & TOKEN_MORE);
	case TOKEN_CLOSE_START:
		k->target = TARGET_TEXT;
		return innermost(k) ? 0 : E_INVALID;
	case TOKEN_CLOSE_EMPTY:
	case TOKEN_END:
		return close_element(k);
	case TOKEN_TEXT:
		return add_text_token(k);
	case TOKEN_ATTRIBUTE:
		return open_attribute(k);
	case TOKEN_CDATA:
		return add_utf16(k, wire_bytes(&k->w, (size_t)wire_u16(&k->w) * 2));
	case TOKEN_CHAR_REF:
		return add_char_ref(k);
	case TOKEN_ENTITY_REF:
		return add_entity_ref(k);
	case TOKEN_PI_TARGET:
		return take_name(k, &ignored);
	case TOKEN_PI_DATA:
		wire_bytes(&k->w, (size_t)wire_u16(&k->w) * 2);
		return 0;
	case TOKEN_VALUE:
	case TOKEN_OPTIONAL_VALUE:
		return add_value_token(k);
	case TOKEN_FRAGMENT:
		wire_bytes(&k->w, 3);
		return 0;
	default:
		return E_INVALID;
	}
}

static void
find_plain_slots(struct evtx_template *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		struct evtx_slot *s = &t->slot[i];
		s->plain = s->first && !s->first->next && s->first->kind == PIECE_VALUE && !s->name_piece;
	}
}

int
evtx_compile(struct evtx_reader *r, size_t at, size_t end, struct evtx_place place, bool definition,
    struct evtx_template *t)
{
	struct compiler k = {.r = r, .t = t, .root = place, .start = at, .data_slot = NO_SLOT, .definition = definition,
	    .target = TARGET_TEXT, .w.rest = str_cut(r->chunk, at, end)};
	while (k.w.rest.n) {
		uint8_t token = wire_u8(&k.w);
		if (token == TOKEN_EOF)
			break;
		if (--r->budget < 0)
			return E_LIMIT;
		TRY(compile_token(&k, token));
		if (k.w.bad)
			return E_INVALID;
	}
	find_plain_slots(t);
	return k.depth ? E_INVALID : 0;
}
