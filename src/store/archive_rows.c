/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "store/archive_private.h"

#define ROWS_ARENA_STEP (1u << 20)
#define ROWS_ARENA_MAX (384u << 20)
#define SHORT_CORE 24u /* as LONG_VALUE of the writer: a core field this short keeps its dictionary and needs no place */
#define PLACE_PATIENCE 8u /* searches in vain after which a column is tried now and then only */

struct rows *
rows_new(uint64_t first_id, uint64_t key)
{
	struct rows *r = MEM_NEW(struct rows);
	r->refs = 1;
	r->first_id = first_id;
	r->key = key;
	arena_init(&r->arena, ROWS_ARENA_STEP, ROWS_ARENA_MAX);
	return r;
}

void
rows_free(struct rows *r)
{
	arena_release(&r->arena);
	for (size_t i = 0; i < COUNT(r->chunk); i++)
		mem_free(r->chunk[i]);
	mem_free(r->batch);
	mem_free(r->record);
	mem_free(r->column);
	mem_free(r->column_table.slot);
	mem_free(r->shape);
	mem_free(r->shape_table.slot);
	mem_free(r->sender);
	mem_free(r->sender_table.slot);
	mem_free(r->rendered);
	buf_release(&r->scratch);
	mem_free(r);
}

void
hash_table_grow(struct hash_table *t, hash_of *of, const void *user)
{
	if (t->used * 2 < t->size)
		return;
	uint32_t *old = t->slot, old_size = t->size;
	t->size = old_size ? old_size * 2 : 64;
	t->slot = mem_calloc(t->size, sizeof *t->slot);
	for (uint32_t i = 0; i < old_size; i++) {
		if (!old[i])
			continue;
		uint32_t at = (uint32_t)of(user, old[i] - 1) & (t->size - 1);
		while (t->slot[at])
			at = (at + 1) & (t->size - 1);
		t->slot[at] = old[i];
	}
	mem_free(old);
}

/* ---- senders ---- */

static uint64_t
sender_hash(const struct rows *r, const struct raw *raw)
{
	uint64_t h = hash64(str_from((const char *)raw->peer, sizeof raw->peer), r->key);
	return hash64_mix(hash64_mix(h, (uint64_t)raw->source << 32 | raw->port),
	    (uint64_t)raw->form << 32 | (uint64_t)raw->transport << 16 | raw->flags);
}

static uint64_t
sender_hash_at(const void *user, uint32_t i)
{
	const struct rows *r = user;
	return sender_hash(r, &r->sender[i].raw);
}

static bool
same_sender(const struct raw *a, const struct raw *b)
{
	return a->form == b->form && a->transport == b->transport && a->flags == b->flags && a->source == b->source &&
	    a->port == b->port && memcmp(a->peer, b->peer, sizeof a->peer) == 0;
}

static uint32_t
find_sender(struct rows *r, const struct raw *raw)
{
	hash_table_grow(&r->sender_table, sender_hash_at, r);
	uint32_t mask = r->sender_table.size - 1, at = (uint32_t)sender_hash(r, raw) & mask;
	for (; r->sender_table.slot[at]; at = (at + 1) & mask)
		if (same_sender(&r->sender[r->sender_table.slot[at] - 1].raw, raw))
			return r->sender_table.slot[at] - 1;
	MEM_GROW(r->sender, r->senders, r->sender_cap);
	r->sender[r->senders] = (struct row_record){.raw = *raw};
	r->sender_table.slot[at] = ++r->senders;
	r->sender_table.used++;
	return r->senders - 1;
}

/* ---- batches ---- */

static void
add_record(struct rows *r, const struct raw *raw)
{
	struct row_record *record = arena_alloc(&r->arena, sizeof *record);
	assert(record); /* rows_full() keeps the arena far from its bound */
	*record = (struct row_record){*raw, find_sender(r, raw)};
	MEM_GROW(r->record, r->records, r->record_cap);
	r->record[r->records++] = record;
	if (raw->received_ms > r->last_received_ms || r->records == 1)
		r->last_received_ms = raw->received_ms;
}

/* Would batch_put() give these very bytes again? */
static bool
is_canonical(struct rows *r, struct str bytes)
{
	struct wire w = {bytes, false};
	struct raw raw;
	while (batch_take(&w, &raw)) {
		const char *reserved = raw.bytes.p - 2;
		if (raw.form == OPAQUE_FORM || reserved[0] || reserved[1])
			return false;
	}
	return !w.bad;
}

void
rows_begin(struct rows *r, uint64_t batch, struct str bytes)
{
	struct str copy = {0};
	bool copied = arena_copy(&r->arena, bytes, &copy);
	assert(copied);
	MEM_GROW(r->batch, r->batches, r->batch_cap);
	struct row_batch *b = &r->batch[r->batches++];
	*b = (struct row_batch){.number = batch, .bytes = copy, .first_record = r->records};
	b->opaque = !is_canonical(r, copy);
	if (b->opaque)
		add_record(r, &(struct raw){.bytes = copy, .form = OPAQUE_FORM});
	struct wire w = {b->opaque ? (struct str){0} : copy, false};
	for (struct raw raw; batch_take(&w, &raw);)
		add_record(r, &raw);
	b->records = r->records - b->first_record;
	r->raw_bytes += bytes.n;
	struct merkle_hash leaf = archive_sealed_leaf(batch, bytes);
	merkle_range_add(&r->seal, &leaf);
}

bool
rows_full(const struct rows *r)
{
	return r->count >= BLOCK_EVENTS || r->raw_bytes >= BLOCK_RAW || r->cells >= BLOCK_CELLS;
}

/* ---- columns ---- */

static uint64_t
column_hash(const struct rows *r, struct str name, uint32_t id)
{
	return hash64_mix(hash64(name, r->key), id);
}

static uint64_t
column_hash_at(const void *user, uint32_t i)
{
	const struct rows *r = user;
	return column_hash(r, r->column[i].name, r->column[i].id);
}

static bool
is_column(const struct row_column *c, struct str name, uint32_t id)
{
	return c->id == id && str_eq(c->name, name);
}

/* UINT32_MAX when the arena is full. */
static uint32_t
find_column(struct rows *r, struct str name, uint32_t id)
{
	hash_table_grow(&r->column_table, column_hash_at, r);
	uint32_t mask = r->column_table.size - 1, at = (uint32_t)column_hash(r, name, id) & mask;
	for (; r->column_table.slot[at]; at = (at + 1) & mask)
		if (is_column(&r->column[r->column_table.slot[at] - 1], name, id))
			return r->column_table.slot[at] - 1;
	struct row_column column = {.id = id};
	if (!arena_copy(&r->arena, name, &column.name))
		return UINT32_MAX;
	MEM_GROW(r->column, r->columns, r->column_cap);
	r->column[r->columns] = column;
	r->column_table.slot[at] = ++r->columns;
	r->column_table.used++;
	return r->columns - 1;
}

static uint32_t
next_column(struct rows *r, uint32_t previous, struct str name, uint32_t id)
{
	if (previous < r->columns) {
		uint32_t guess = r->column[previous].next;
		if (guess < r->columns && is_column(&r->column[guess], name, id))
			return guess;
	}
	uint32_t column = find_column(r, name, id);
	if (previous < r->columns)
		r->column[previous].next = column;
	return column;
}

/* ---- places ---- */

static bool
is_at(struct str text, uint64_t at, struct str value)
{
	return at <= text.n && value.n <= text.n - at && memcmp(text.p + at, value.p, value.n) == 0;
}

static ptrdiff_t
search_place(struct str text, uint32_t cursor, struct str value)
{
	ptrdiff_t at = str_find(str_skip(text, cursor), value);
	return at >= 0 ? at + (ptrdiff_t)cursor : str_find(text, value);
}

/* Does the JSON form hold \uXXXX? Such a value is not found by its own letters, so it is kept apart. */
static bool
has_unicode_escape(struct str form)
{
	for (size_t i = 0; i + 1 < form.n; i++)
		if (form.p[i] == '\\' && form.p[++i] == 'u')
			return true;
	return false;
}

static void
set_place(struct row_column *c, struct place *p, uint64_t at, struct str value, bool escaped, uint32_t *cursor)
{
	c->gap = (int32_t)((int64_t)at - *cursor);
	c->misses = 0;
	p->at = (uint32_t)at;
	p->n = (uint32_t)value.n;
	p->escaped = escaped;
	*cursor = p->at + p->n;
}

static bool
may_stand(struct str text, struct str value, bool escaped)
{
	return value.n && value.n <= text.n && !(escaped && has_unicode_escape(value));
}

/* Where the value was borrowed from, or at the distance from the place before it that it had last time. */
static bool
guess_place(struct row_column *c, struct str text, uint32_t *cursor, struct str value, bool escaped, struct place *p)
{
	int64_t guess = (int64_t)*cursor + c->gap;
	if (!may_stand(text, value, escaped))
		return false;
	if ((uintptr_t)value.p >= (uintptr_t)text.p && (uintptr_t)value.p + value.n <= (uintptr_t)text.p + text.n)
		guess = value.p - text.p;
	else if (guess < 0 || !is_at(text, (uint64_t)guess, value))
		return false;
	set_place(c, p, (uint64_t)guess, value, escaped, cursor);
	return true;
}

/* Anywhere, unless that was in vain too often. */
static void
seek_place(struct row_column *c, struct str text, uint32_t *cursor, struct str value, bool escaped, struct place *p)
{
	if (!may_stand(text, value, escaped))
		return;
	ptrdiff_t at = c->misses < PLACE_PATIENCE || (c->misses & 63) == 0 ? search_place(text, *cursor, value) : -1;
	if (at < 0)
		c->misses++;
	else
		set_place(c, p, (uint64_t)at, value, escaped, cursor);
}

/* A plain value may stand in the text in its JSON form. Only where undoing that form gives the value again. */
static struct str
text_form(struct rows *r, struct str value, bool *escaped)
{
	if (*escaped || (str_find_char(value, '\\') < 0 && str_find_char(value, '"') < 0) || !str_is_utf8(value))
		return value;
	buf_clear(&r->scratch);
	buf_add_json(&r->scratch, value);
	*escaped = true;
	return buf_str(&r->scratch);
}

/* Most values are found at the first guess. */
static void
find_place(struct rows *r, struct row_column *c, struct str text, uint32_t *cursor, const struct field *f,
    struct place *p)
{
	bool escaped = f->escaped;
	if (guess_place(c, text, cursor, f->value, escaped, p) || (c->id && f->value.n <= SHORT_CORE))
		return;
	struct str form = text_form(r, f->value, &escaped);
	if (form.p == f->value.p || !guess_place(c, text, cursor, form, escaped, p))
		seek_place(c, text, cursor, form, escaped, p);
}

/* ---- rows ---- */

/* The value, plain and as long-lived as the block. */
static bool
keep_value(struct rows *r, const struct field *f, const struct place *p, struct str text, struct str *ret)
{
	if (p->at != NO_PLACE && !p->escaped) {
		*ret = str_cut(text, p->at, p->at + p->n);
		return true;
	}
	if (!f->escaped)
		return arena_copy(&r->arena, f->value, ret);
	char *plain = arena_alloc(&r->arena, f->value.n);
	if (plain)
		*ret = str_from(plain, json_unescape(f->value, plain));
	return plain;
}

/* A core field mostly borrows the value of a native one in front of it: then it has its place too. */
static bool
borrow_place(const struct event *e, uint32_t i, struct place *place)
{
	const struct field *f = &e->field[i];
	if (!f->core || f->value.n <= SHORT_CORE)
		return false;
	for (uint32_t k = 0; k < i; k++) {
		const struct field *other = &e->field[k];
		if (other->value.p != f->value.p || other->value.n != f->value.n || other->escaped != f->escaped)
			continue;
		uint32_t column = place[i].column;
		place[i] = place[k];
		place[i].column = column;
		return true;
	}
	return false;
}

static int
add_fields(struct rows *r, const struct event *e, struct row *row)
{
	struct field *field = arena_alloc(&r->arena, e->field_count * sizeof *field);
	struct place *place = arena_alloc(&r->arena, e->field_count * sizeof *place);
	if (!field || !place)
		return E_LIMIT;
	uint32_t column = 0, cursor = 0;
	for (uint32_t i = 0; i < e->field_count; i++) {
		const struct field *f = &e->field[i];
		uint32_t id = f->core && f->id < NAME_CORE_END ? f->id : 0;
		column = next_column(r, column, f->name, id);
		if (column == UINT32_MAX)
			return E_LIMIT;
		struct row_column *c = &r->column[column];
		place[i] = (struct place){.column = column, .at = NO_PLACE};
		if (!borrow_place(e, i, place))
			find_place(r, c, row->text, &cursor, f, &place[i]);
		field[i] = (struct field){.name = c->name, .id = id, .kind = f->kind, .core = id != 0};
		if (!keep_value(r, f, &place[i], row->text, &field[i].value))
			return E_LIMIT;
	}
	row->field = field;
	row->place = place;
	row->field_count = e->field_count;
	for (uint32_t i = 0; i < e->field_count; i++)
		r->column[place[i].column].cells++;
	r->cells += e->field_count;
	return 0;
}

static uint64_t
shape_hash(const struct rows *r, const struct row *row)
{
	uint64_t h = r->key;
	for (uint32_t i = 0; i < row->field_count; i++)
		h = hash64_mix(h, (uint64_t)row->place[i].column << 8 | row->field[i].kind);
	return h;
}

static uint64_t
shape_hash_at(const void *user, uint32_t i)
{
	const struct rows *r = user;
	return shape_hash(r, rows_at(r, r->shape[i].row));
}

static bool
same_shape(const struct row *a, const struct row *b)
{
	if (a->field_count != b->field_count)
		return false;
	for (uint32_t i = 0; i < a->field_count; i++)
		if (a->place[i].column != b->place[i].column || a->field[i].kind != b->field[i].kind)
			return false;
	return true;
}

static uint32_t
find_shape(struct rows *r, const struct row *row, uint32_t index)
{
	hash_table_grow(&r->shape_table, shape_hash_at, r);
	uint32_t mask = r->shape_table.size - 1, at = (uint32_t)shape_hash(r, row) & mask;
	for (; r->shape_table.slot[at]; at = (at + 1) & mask)
		if (same_shape(rows_at(r, r->shape[r->shape_table.slot[at] - 1].row), row))
			return r->shape_table.slot[at] - 1;
	MEM_GROW(r->shape, r->shapes, r->shape_cap);
	r->shape[r->shapes].row = index;
	r->shape_table.slot[at] = ++r->shapes;
	r->shape_table.used++;
	return r->shapes - 1;
}

/* The text of a line is its record; other forms are rendered (or were), and kept beside it. */
static int
set_text(struct rows *r, const struct event *e, const struct row_record *record, struct row *row)
{
	struct str text = e->text;
	if (record->raw.form == RAW_LINE && (!text.p || str_eq(text, record->raw.bytes))) {
		row->text = record->raw.bytes;
		return 0;
	}
	if (!text.p) {
		struct event copy = *e;
		copy.arena = &r->arena;
		text = event_text(&copy);
	}
	if (!arena_copy(&r->arena, text, &row->text))
		return E_LIMIT;
	MEM_GROW(r->rendered, r->rendereds, r->rendered_cap);
	r->rendered[r->rendereds++] = row->text;
	row->rendered = r->rendereds;
	return 0;
}

int
rows_add(struct rows *r, const struct event *e)
{
	assert(r->batches);
	const struct row_batch *b = &r->batch[r->batches - 1];
	uint32_t index = b->opaque ? 0 : e->raw_index;
	if (index >= b->records)
		return E_INVALID;
	if (r->count == ROWS_MAX)
		return E_LIMIT;
	if (!r->chunk[r->count / ROWS_CHUNK])
		r->chunk[r->count / ROWS_CHUNK] = mem_calloc(ROWS_CHUNK, sizeof(struct row));
	struct row *row = rows_at(r, r->count);
	const struct row_record *record = r->record[b->first_record + index];
	*row = (struct row){.raw = &record->raw, .batch = b->number, .raw_index = index,
	    .record = b->first_record + index, .decoder = (uint8_t)e->decoder, .confidence = e->confidence};
	row->time_ms = e->time_ms == TIME_NONE ? record->raw.received_ms : e->time_ms;
	uint32_t rendereds = r->rendereds;
	int error = set_text(r, e, record, row);
	if (!error)
		error = add_fields(r, e, row);
	if (error) {
		r->rendereds = rendereds;
		return error;
	}
	row->shape = find_shape(r, row, r->count);
	r->count++;
	return 0;
}

int
rows_copy_event(const struct rows *r, uint32_t i, struct arena *arena, struct archive_event *ret)
{
	const struct row *row = rows_at(r, i);
	struct archive_event e = {
		.id = r->first_id + i,
		.time_ms = row->time_ms,
		.received_ms = row->raw->received_ms,
		.block = row->batch,
		.raw_index = row->raw_index,
		.decoder = row->decoder,
		.confidence = row->confidence,
		.raw_flags = row->raw->flags,
		.source = row->raw->source,
		.field_count = row->field_count,
	};
	struct field *field = arena_calloc(arena, e.field_count, sizeof *field);
	bool ok = field && arena_copy(arena, row->text, &e.text);
	for (uint32_t k = 0; ok && k < e.field_count; k++) {
		field[k] = row->field[k];
		ok = arena_copy(arena, row->field[k].name, &field[k].name) &&
		    arena_copy(arena, row->field[k].value, &field[k].value);
	}
	if (!ok)
		return E_LIMIT;
	e.field = field;
	*ret = e;
	return 0;
}
