/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/evtx_binxml.h"

#define RECORD_MAGIC 0x00002a2au /* "**" */
#define RECORD_HEADER 24u        /* magic, size, number, FILETIME */
#define RECORD_MIN (RECORD_HEADER + 4u)
#define CORE_ROOM 24u            /* core fields that a Windows event usually gets */
#define TEXT_ROOM 1024u          /* what texts need beyond the bytes of their record */
#define CHUNK_MAGIC STR("ElfChnk\0")

int
evtx_open(struct str bytes, struct evtx_file *ret)
{
	if (!str_starts(bytes, STR("ElfFile\0")))
		return E_INVALID;
	*ret = (struct evtx_file){.bytes = bytes, .at = EVTX_HEADER};
	return 0;
}

/* Where the header of a chunk says that free space begins; the end of the chunk when it cannot be meant. */
static size_t
stated_end(struct str chunk)
{
	size_t end = evtx_u32(chunk.p + 48);
	return end < EVTX_CHUNK_HEADER || end > EVTX_CHUNK ? EVTX_CHUNK : end;
}

size_t
evtx_chunk_used(struct str front)
{
	if (front.n <= EVTX_CHUNK_HEADER || !str_starts(front, CHUNK_MAGIC))
		return 0;
	size_t end = stated_end(front) + RECORD_MIN;
	return end < EVTX_CHUNK ? end : EVTX_CHUNK;
}

bool
evtx_next_chunk(struct evtx_file *f, struct str *ret_chunk)
{
	while (f->at < f->bytes.n) {
		struct str chunk = str_cut(f->bytes, f->at, f->at + EVTX_CHUNK);
		f->at += EVTX_CHUNK;
		if (evtx_chunk_used(chunk)) {
			*ret_chunk = chunk;
			return true;
		}
	}
	return false;
}

static int run_fragment(struct evtx_reader *r, size_t at, size_t end, struct evtx_place place, unsigned nesting,
    struct event *e);

/* Room for the values of one instance; instances of deeper nesting have their own. */
static struct evtx_value *
frame_room(struct evtx_reader *r, unsigned nesting, uint32_t count)
{
	if (!r->frame[nesting] || count > r->frame_cap[nesting]) {
		uint32_t cap = count > 256 ? EVTX_MAX_VALUES : 256;
		struct evtx_value *room = arena_alloc(r->c->arena, cap * sizeof *room);
		if (!room)
			return NULL;
		r->frame[nesting] = room;
		r->frame_cap[nesting] = cap;
	}
	return r->frame[nesting];
}

struct instance {
	const struct evtx_value *value;
	uint32_t count;
	unsigned nesting;
};

static const struct evtx_value *
find_value(const struct instance *in, uint16_t index)
{
	static const struct evtx_value null = {.type = EVTX_NULL};
	return index < in->count ? &in->value[index] : &null;
}

/* One piece as text; BinXml becomes fields of its own and no text. */
static int
piece_text(struct evtx_reader *r, const struct instance *in, const struct evtx_piece *piece, struct evtx_place place,
    struct event *e, struct str *ret)
{
	if (piece->kind != PIECE_VALUE)
		return evtx_text_copy(&r->text, piece->kind == PIECE_BREAK ? STR("\n") : piece->literal, ret) ? 0 : E_LIMIT;
	const struct evtx_value *v = find_value(in, piece->index);
	*ret = (struct str){0};
	if (v->type == EVTX_NULL || !v->size)
		return 0;
	r->budget -= v->size / 64;
	if (v->type == EVTX_BINXML)
		return place.depth ? run_fragment(r, v->at, v->at + v->size, place, in->nesting + 1, e) : 0;
	return evtx_value_text(&r->text, v->type, str_from(r->chunk.p + v->at, v->size), ret) ? 0 : E_LIMIT;
}

static int
join_pieces(struct evtx_reader *r, const struct instance *in, const struct evtx_piece *piece, struct evtx_place place,
    struct event *e, struct str *ret)
{
	struct str part;
	struct buf whole = BUF_INIT_MAX(RAW_MAX);
	int error = 0;
	for (; piece; piece = piece->next) {
		error = --r->budget < 0 ? E_LIMIT : piece_text(r, in, piece, place, e, &part);
		if (error)
			break;
		buf_add(&whole, part);
		r->budget -= (int64_t)(part.n / 64);
	}
	if (!error && !evtx_text_copy(&r->text, buf_str(&whole), ret))
		error = E_LIMIT;
	buf_release(&whole);
	return error;
}

static void
take_role(struct evtx_reader *r, const struct instance *in, const struct evtx_slot *slot, struct str value,
    struct event *e)
{
	int64_t ms;
	switch (slot->role) {
	case ROLE_CHANNEL:
		e->channel = value;
		break;
	case ROLE_CODE:
		e->code = value;
		break;
	case ROLE_PROVIDER:
		e->provider = value;
		break;
	case ROLE_TIME:
		if (slot->first->kind == PIECE_VALUE) {
			const struct evtx_value *v = find_value(in, slot->first->index);
			if (v->type == EVTX_FILETIME && v->size == 8)
				e->time_ms = time_from_filetime(evtx_u64(r->chunk.p + v->at));
		} else if (time_parse(value, 0, &ms)) {
			e->time_ms = ms;
		}
		break;
	default:
		break;
	}
}

/* event_put() grows the list and looks the name up; here is room already and the name was found at compiling. */
static inline void
add_field(struct evtx_reader *r, const struct evtx_slot *slot, struct str value, struct event *e)
{
	if (e->field_count == e->field_cap)
		event_put(e, r->c->names, slot->name, value, FIELD_TEXT, false);
	else
		e->field[e->field_count++] = (struct field){.name = slot->name, .value = value, .id = slot->id, .word = slot->word};
}

static int
add_named_field(struct evtx_reader *r, const struct instance *in, const struct evtx_slot *slot, struct str value,
    struct event *e)
{
	struct str name;
	struct evtx_place nowhere = {0};
	TRY(join_pieces(r, in, slot->name_piece, nowhere, e, &name));
	event_put(e, r->c->names, name.n ? evtx_without_spaces(name) : slot->name, value, FIELD_TEXT, false);
	return 0;
}

static int
run_slot(struct evtx_reader *r, const struct instance *in, const struct evtx_slot *slot, struct event *e)
{
	struct str value = {0};
	if (slot->first && !slot->first->next)
		TRY(piece_text(r, in, slot->first, slot->place, e, &value));
	else if (slot->first)
		TRY(join_pieces(r, in, slot->first, slot->place, e, &value));
	if (!value.n && !slot->keep_empty)
		return 0;
	if (slot->name_piece)
		return add_named_field(r, in, slot, value, e);
	add_field(r, slot, value, e);
	if (slot->role)
		take_role(r, in, slot, value, e);
	return 0;
}

/* Half of the values are those of the record before: they are compared, which is less work than writing them. */
static inline bool
value_text(struct evtx_reader *r, struct evtx_last *last, const struct evtx_value *v, struct str *ret)
{
	struct str bytes = str_from(r->chunk.p + v->at, v->size);
	if (last && last->type == v->type && str_same(last->bytes, bytes))
		return evtx_text_copy(&r->text, last->text, ret);
	if (!evtx_value_text(&r->text, v->type, bytes, ret))
		return false;
	if (last)
		*last = (struct evtx_last){bytes, *ret, v->type};
	return true;
}

/* run_slot() for a plain one whose value is no BinXml. */
static inline int
run_plain(struct evtx_reader *r, const struct instance *in, const struct evtx_slot *slot, struct evtx_last *last,
    const struct evtx_value *v, struct event *e)
{
	struct str value = {0};
	if (v->type != EVTX_NULL && v->size) {
		r->budget -= v->size / 64;
		if (!value_text(r, last, v, &value))
			return E_LIMIT;
	}
	if (!value.n && !slot->keep_empty)
		return 0;
	add_field(r, slot, value, e);
	if (slot->role)
		take_role(r, in, slot, value, e);
	return 0;
}

static int
run_template(struct evtx_reader *r, const struct evtx_template *t, const struct instance *in, struct event *e)
{
	if (!e->field_cap)
		event_reserve(e, t->count + CORE_ROOM);
	r->budget -= t->count;
	if (r->budget < 0)
		return E_LIMIT;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct evtx_slot *slot = &t->slot[i];
		const struct evtx_value *v = slot->plain ? find_value(in, slot->first->index) : NULL;
		if (v && v->type != EVTX_BINXML)
			TRY(run_plain(r, in, slot, t->last ? &t->last[i] : NULL, v, e));
		else
			TRY(run_slot(r, in, slot, e));
	}
	return 0;
}

/* The compiled definition whose header stands at `at`, where `place` decides the names. */
static struct evtx_template *
find_template(struct evtx_reader *r, uint32_t at, uint32_t size, struct evtx_place place)
{
	uint32_t key = at << 8 | (uint32_t)place.section << 4 | place.depth;
	struct evtx_template **bucket = &r->bucket[(at >> 3 ^ at) % COUNT(r->bucket)];
	for (struct evtx_template *t = *bucket; t; t = t->next) {
		r->budget--;
		if (t->key == key)
			return t;
	}
	struct evtx_template *t = ARENA_NEW(r->c->arena, struct evtx_template);
	if (!t)
		return NULL;
	at += EVTX_TEMPLATE_HEADER;
	const struct evtx_template *known = r->c->templates ? evtx_cache_find(r->c->templates, r, at, size, place) : NULL;
	if (known)
		*t = *known;
	t->text = &r->text;
	t->key = key;
	t->error = known && r->budget < 0 ? E_LIMIT : known ? 0 : evtx_compile(r, at, at + size, place, true, t);
	t->last = arena_calloc(r->c->arena, t->count, sizeof *t->last);
	t->next = *bucket;
	*bucket = t;
	return t;
}

/* The table of (size, type) at the front of w, and the values that follow it. */
static int
take_values(struct evtx_reader *r, struct wire *w, unsigned nesting, struct instance *ret)
{
	uint32_t count = wire_u32(w);
	if (w->bad || count > EVTX_MAX_VALUES)
		return E_INVALID;
	struct str table = wire_bytes(w, (size_t)count * 4);
	struct evtx_value *value = frame_room(r, nesting, count);
	if (w->bad || !value)
		return value ? E_INVALID : E_LIMIT;
	size_t at = (size_t)(w->rest.p - r->chunk.p), end = at + w->rest.n, first = at;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t size = evtx_u16(table.p + i * 4);
		value[i] = (struct evtx_value){(uint32_t)at, size, (uint8_t)table.p[i * 4 + 2]};
		if (size > end - at)
			return E_TRUNCATED;
		at += size;
	}
	wire_bytes(w, at - first);
	r->budget -= count / 8;
	*ret = (struct instance){value, count, nesting};
	return 0;
}

/* A template instance behind its token: unused octet, identifier, offset of the definition, which may stand right
 * here, then the values. */
static int
run_instance(struct evtx_reader *r, struct wire *w, struct evtx_place place, unsigned nesting, struct event *e)
{
	struct instance in;
	wire_bytes(w, 5);
	uint32_t at = wire_u32(w);
	if (w->bad || at < EVTX_CHUNK_HEADER || !evtx_reaches(r, (size_t)at + EVTX_TEMPLATE_HEADER))
		return E_INVALID;
	uint32_t size = evtx_u32(r->chunk.p + at + 20);
	if (!evtx_reaches(r, (size_t)at + EVTX_TEMPLATE_HEADER + size))
		return E_INVALID;
	if (at == (size_t)(w->rest.p - r->chunk.p))
		wire_bytes(w, EVTX_TEMPLATE_HEADER + (size_t)size);
	struct evtx_template *t = find_template(r, at, size, place);
	if (!t || t->error)
		return t ? t->error : E_LIMIT;
	TRY(take_values(r, w, nesting, &in));
	return run_template(r, t, &in, e);
}

/* Elements without a template: compiled for this one use. They reach to the end of the fragment. */
static int
run_elements(struct evtx_reader *r, size_t at, size_t end, struct evtx_place place, unsigned nesting, struct event *e)
{
	struct evtx_template t = {.text = &r->text};
	struct instance in = {.nesting = nesting};
	TRY(evtx_compile(r, at, end, place, false, &t));
	return run_template(r, &t, &in, e);
}

static int
run_fragment(struct evtx_reader *r, size_t at, size_t end, struct evtx_place place, unsigned nesting, struct event *e)
{
	struct wire w = {.rest = str_cut(r->chunk, at, end)};
	if (nesting >= EVTX_MAX_NESTING)
		return E_LIMIT;
	while (w.rest.n && !w.bad) {
		size_t here = (size_t)(w.rest.p - r->chunk.p);
		if (--r->budget < 0)
			return E_LIMIT;
		switch (wire_u8(&w)) {
		case 0x00:
			return 0;
		case 0x0f:
			wire_bytes(&w, 3);
			break;
		case 0x0c:
			TRY(run_instance(r, &w, place, nesting, e));
			break;
		default:
			return run_elements(r, here, end, place, nesting, e);
		}
	}
	return w.bad ? E_TRUNCATED : 0;
}

/* A record header at `at` that can be believed: the size stands a second time at the record's end, or another record
 * follows. */
static bool
record_fits(struct evtx_reader *r, size_t at, uint32_t *ret_size)
{
	if (!evtx_reaches(r, at + RECORD_MIN) || evtx_u32(r->chunk.p + at) != RECORD_MAGIC)
		return false;
	uint32_t size = evtx_u32(r->chunk.p + at + 4);
	size_t next = at + size;
	if (size < RECORD_MIN || !evtx_reaches(r, next))
		return false;
	*ret_size = size;
	return evtx_u32(r->chunk.p + next - 4) == size ||
	    (evtx_reaches(r, next + 4) && evtx_u32(r->chunk.p + next) == RECORD_MAGIC);
}

/* Records of a chunk in file order. */
struct records {
	struct evtx_reader *r;
	size_t at;        /* the next one */
	size_t end;       /* as the chunk header has it; what follows is what an unclean stop left behind */
	uint64_t number;  /* of the last one */
	uint32_t damaged;
};

static struct records
records_of(struct evtx_reader *r)
{
	size_t end = stated_end(r->chunk);
	return (struct records){.r = r, .at = EVTX_CHUNK_HEADER, .end = evtx_reaches(r, end) ? end : r->chunk.n};
}

/* Behind a damaged record: the next header, or the end. */
static void
resume(struct records *l)
{
	static const char magic[4] = "**\0";
	uint32_t size;
	l->damaged++;
	for (size_t at = l->at + 1; at < l->end; at++) {
		const char *found = memmem(l->r->chunk.p + at, l->end - at, magic, sizeof magic);
		if (!found)
			break;
		at = (size_t)(found - l->r->chunk.p);
		l->at = at;
		if (record_fits(l->r, at, &size))
			return;
	}
	l->at = l->end;
}

/* Is there anything but zeros from here to the end of what the header calls used? */
static bool
only_zeros(const struct records *l)
{
	for (size_t i = l->at; i < l->end; i++)
		if (l->r->chunk.p[i])
			return false;
	return true;
}

/* The bytes of the next record. A file that was not closed has newer records than its chunk header knows of, or all of
 * them: they count as long as their numbers go on. */
static bool
next_record(struct records *l, size_t *ret_at, uint32_t *ret_size)
{
	uint32_t size;
	while (!record_fits(l->r, l->at, &size)) {
		if (l->at >= l->end || only_zeros(l))
			return false;
		resume(l);
	}
	uint64_t number = evtx_u64(l->r->chunk.p + l->at + 8);
	if (l->at >= l->end && l->number && number != l->number + 1)
		return false;
	l->number = number;
	*ret_at = l->at;
	*ret_size = size;
	l->at += size;
	return true;
}

/* The events of a chunk, in one piece. */
struct events {
	struct event *event;
	uint32_t count, cap;
};

/* Room for one more behind the last; NULL: arena full. */
static struct event *
next_event(struct arena *arena, struct events *list)
{
	if (list->count == list->cap) {
		uint32_t cap = list->cap ? list->cap * 2 : 64;
		struct event *grown = arena_alloc(arena, cap * sizeof *grown);
		if (!grown)
			return NULL;
		if (list->count)
			memcpy(grown, list->event, list->count * sizeof *grown);
		list->event = grown;
		list->cap = cap;
	}
	return &list->event[list->count];
}

static int
decode_record(struct evtx_reader *r, size_t at, uint32_t size, struct event *e)
{
	struct evtx_place root = {0};
	e->time_ms = time_from_filetime(evtx_u64(r->chunk.p + at + 16));
	e->decoder = DECODER_EVTX;
	e->confidence = 100;
	e->product = STR("windows");
	evtx_text_begin(&r->text, size + TEXT_ROOM);
	TRY(run_fragment(r, at + RECORD_HEADER, at + size - 4, root, 0, e));
	if (!e->field_count)
		return E_INVALID;
	e->values = evtx_text_since_begin(&r->text);
	decode_windows_core(r->c, e);
	return 0;
}

int
evtx_decode_chunk(struct decode_context *c, struct str chunk, const struct raw *raw, struct decode_result *ret)
{
	struct events list = {0};
	uint32_t size;
	*ret = (struct decode_result){0};
	if (chunk.n < EVTX_CHUNK_HEADER || chunk.n > EVTX_CHUNK || !str_starts(chunk, CHUNK_MAGIC))
		return E_INVALID;
	struct evtx_reader *r = ARENA_NEW(c->arena, struct evtx_reader);
	if (!r)
		return E_LIMIT;
	*r = (struct evtx_reader){.c = c, .chunk = chunk, .text = {.arena = c->arena, .step = EVTX_TEXT_STEP}, .budget = EVTX_BUDGET};
	const uint64_t over = c->arena->over;
	struct records l = records_of(r);
	for (size_t at; next_record(&l, &at, &size);) {
		struct event *e = c->arena->over == over ? next_event(c->arena, &list) : NULL;
		if (e) {
			event_begin(e, c->arena, raw);
			e->sub_index = list.count;
			e->place = (uint16_t)(list.count + ret->failed + l.damaged);
		}
		if (!e || decode_record(r, at, size, e) < 0)
			ret->failed++;
		else
			list.count++;
	}
	ret->event = list.event;
	ret->count = list.count;
	ret->failed += l.damaged;
	ret->cut = r->cut;
	return c->arena->over != over ? E_LIMIT : 0;
}
