/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/json.h"
#include "store/archive_private.h"

/* ---- cells ---- */

static uint32_t
cells_of_shape(const struct shape *s, uint32_t column)
{
	uint32_t n = 0;
	for (uint32_t k = 0; k < s->count; k++)
		n += s->cell[k].column == column;
	return n;
}

/* first[i] .. first[i + 1] are the cells of row i. */
int
reader_cells(struct reader *r, uint32_t column, const uint32_t **ret_first)
{
	TRY(reader_rows(r));
	if (r->first[column]) {
		*ret_first = r->first[column];
		return 0;
	}
	uint32_t *first = arena_alloc(&r->arena, ((size_t)r->block.rows + 1) * sizeof *first);
	uint32_t *of_shape = arena_alloc(&r->arena, ((size_t)r->shapes + 1) * sizeof *of_shape);
	if (!first || !of_shape)
		return E_CORRUPT;
	for (uint32_t s = 0; s < r->shapes; s++)
		of_shape[s] = cells_of_shape(&r->shape[s], column);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < r->block.rows; i++) {
		first[i] = (uint32_t)sum;
		sum += of_shape[r->row_shape[i]];
	}
	if (sum != r->column[column].cells)
		return E_CORRUPT;
	first[r->block.rows] = (uint32_t)sum;
	*ret_first = r->first[column] = first;
	return 0;
}

/* ---- places ---- */

/* The codes of one column as they stand: at holds the gap (still zigzag) until it is resolved. */
static bool
take_places(struct reader *r, struct wire *w, uint32_t column)
{
	uint32_t n = r->column[column].cells;
	if (n > w->rest.n)
		return false;
	struct cell_place *p = arena_alloc(&r->arena, ((size_t)n + 1) * sizeof *p);
	if (!p)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t code = take_varint(w);
		bool placed = code & 1;
		if (code >> 2 >= NO_PLACE)
			return false;
		p[i] = (struct cell_place){placed ? (uint32_t)(code >> 2) : NO_PLACE,
		    placed ? 0 : (uint32_t)(code >> 1), placed && (code & 2)};
	}
	for (uint32_t i = 0; i < n; i++) {
		uint64_t length = p[i].at != NO_PLACE ? take_varint(w) : 0;
		if (length > FRAME_MAX)
			return false;
		if (p[i].at != NO_PLACE)
			p[i].n = (uint32_t)length;
	}
	r->place[column] = p;
	return !w->bad;
}

static bool
resolve_places(struct reader *r, uint32_t *next)
{
	for (uint32_t i = 0; i < r->block.rows; i++) {
		const struct shape *s = &r->shape[r->row_shape[i]];
		uint32_t size = r->entry[r->row_entry[i]].n;
		int64_t cursor = 0;
		for (uint32_t k = 0; k < s->count; k++) {
			uint32_t c = s->cell[k].column;
			if (!r->place[c])
				continue;
			if (next[c] >= r->column[c].cells)
				return false;
			struct cell_place *p = &r->place[c][next[c]++];
			if (p->at == NO_PLACE)
				continue;
			int64_t at = cursor + unzigzag(p->at);
			if (at < 0 || at + p->n > size)
				return false;
			p->at = (uint32_t)at;
			cursor = at + p->n;
		}
	}
	return true;
}

int
reader_places(struct reader *r)
{
	struct str plain = {0};
	if (r->place)
		return 0;
	TRY(reader_records(r));
	TRY(reader_frame(r, FRAME_PLACES, &plain));
	uint32_t *next = arena_calloc(&r->arena, (size_t)r->columns + 1, sizeof *next);
	r->place = arena_calloc(&r->arena, (size_t)r->columns + 1, sizeof *r->place);
	if (!r->place || !next)
		return E_CORRUPT;
	struct wire w = {plain, false};
	bool ok = true;
	for (uint32_t c = 0; c < r->columns && ok; c++)
		if (r->column[c].mode == COLUMN_TEXT)
			ok = take_places(r, &w, c);
	ok = ok && resolve_places(r, next);
	if (!ok)
		r->place = NULL;
	return ok ? 0 : E_CORRUPT;
}

int
reader_entry(struct reader *r, uint32_t entry, struct str *ret)
{
	struct str plain = {0};
	TRY(reader_records(r));
	const struct entry *e = &r->entry[entry];
	if (!e->n) {
		*ret = STR("");
		return 0;
	}
	TRY(reader_frame(r, e->frame, &plain));
	*ret = str_cut(plain, e->at, (size_t)e->at + e->n);
	return ret->n == e->n ? 0 : E_CORRUPT;
}

int
reader_place_value(struct reader *r, uint32_t column, const struct cell_place *p, uint32_t row, struct str *ret)
{
	if (p->at == NO_PLACE) {
		struct dict d;
		TRY(reader_dict(r, column, &d));
		if (p->n >= d.distinct)
			return E_CORRUPT;
		*ret = d.value[p->n];
		return 0;
	}
	struct str text = {0};
	TRY(reader_entry(r, r->row_entry[row], &text));
	struct str value = str_cut(text, p->at, (size_t)p->at + p->n);
	if (p->escaped) {
		char *plain = arena_alloc(&r->arena, value.n);
		if (!plain)
			return E_CORRUPT;
		value = str_from(plain, json_unescape(value, plain));
	}
	*ret = value;
	return 0;
}

/* ---- events ---- */

static int
cell_value(struct reader *r, uint32_t column, uint32_t cell, uint32_t row, struct str *ret)
{
	const struct column *c = &r->column[column];
	if (cell >= c->cells)
		return E_CORRUPT;
	if (c->mode == COLUMN_TEXT) {
		TRY(reader_places(r));
		return reader_place_value(r, column, &r->place[column][cell], row, ret);
	}
	struct dict d;
	TRY(reader_dict(r, column, &d));
	uint32_t i = dict_index(&d, cell);
	if (i >= d.distinct)
		return E_CORRUPT;
	*ret = d.value[i];
	return 0;
}

int
reader_cell(struct reader *r, uint32_t row, uint32_t k, struct str *ret)
{
	const struct shape *s = &r->shape[r->row_shape[row]];
	uint32_t column = s->cell[k].column, before = 0;
	const uint32_t *first;
	const struct column *c = &r->column[column];
	uint32_t source = c->mode == COLUMN_ALIAS ? c->target : column;
	TRY(reader_cells(r, source, &first));
	for (uint32_t j = 0; j < k && source == column; j++)
		before += s->cell[j].column == column;
	return cell_value(r, source, first[row] + before, row, ret);
}

static int
row_field(struct reader *r, uint32_t row, uint32_t k, struct field *ret)
{
	const struct shape_cell *cell = &r->shape[r->row_shape[row]].cell[k];
	const struct column *c = &r->column[cell->column];
	uint32_t id = c->flags & COLUMN_CORE ? core_id(c->name) : 0;
	struct field f = {.name = c->name, .kind = cell->kind, .id = id, .core = id != 0};
	TRY(reader_cell(r, row, k, &f.value));
	*ret = f;
	return 0;
}

static uint32_t
batch_of(const struct reader *r, uint32_t record)
{
	uint32_t low = 0, high = r->block.batches;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (r->batch_first[middle] <= record)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool
copy_field(struct arena *arena, const struct field *from, struct field *to)
{
	*to = *from;
	return arena_copy(arena, from->name, &to->name) && arena_copy(arena, from->value, &to->value);
}

int
reader_event(struct reader *r, uint32_t row, struct arena *arena, struct archive_event *ret)
{
	TRY(reader_records(r));
	if (row >= r->block.rows)
		return E_NOT_FOUND;
	const struct shape *s = &r->shape[r->row_shape[row]];
	uint32_t record = r->row_record[row];
	const struct raw *raw = &r->sender[r->record_sender[record]].raw;
	uint32_t batch = batch_of(r, record);
	struct archive_event e = {
		.id = r->block.first_id + row,
		.time_ms = r->time_ms[row],
		.received_ms = r->record_received[record],
		.block = r->batch_number[batch],
		.raw_index = record - r->batch_first[batch],
		.decoder = r->row_decoder[row] < DECODER_COUNT ? r->row_decoder[row] : DECODER_NONE,
		.confidence = r->row_confidence[row],
		.raw_flags = raw->flags,
		.source = raw->source,
		.field_count = s->count,
	};
	struct str text = {0};
	struct field *field = arena_calloc(arena, s->count, sizeof *field);
	if (!field)
		return E_LIMIT;
	for (uint32_t k = 0; k < s->count; k++) {
		struct field f;
		TRY(row_field(r, row, k, &f));
		if (!copy_field(arena, &f, &field[k]))
			return E_LIMIT;
	}
	TRY(reader_entry(r, r->row_entry[row], &text));
	if (!arena_copy(arena, text, &e.text))
		return E_LIMIT;
	e.field = field;
	*ret = e;
	return 0;
}

/* ---- raw records and batches ---- */

int
reader_raw(struct reader *r, uint32_t record, struct raw *ret)
{
	TRY(reader_records(r));
	if (record >= r->block.records)
		return E_NOT_FOUND;
	struct raw raw = r->sender[r->record_sender[record]].raw;
	raw.received_ms = r->record_received[record];
	TRY(reader_entry(r, record, &raw.bytes));
	*ret = raw;
	return 0;
}

int
reader_batch(struct reader *r, uint64_t number, struct buf *ret)
{
	TRY(reader_records(r));
	for (uint32_t i = 0; i < r->block.batches; i++) {
		if (r->batch_number[i] != number)
			continue;
		for (uint32_t k = r->batch_first[i]; k < r->batch_first[i + 1]; k++) {
			struct raw raw;
			TRY(reader_raw(r, k, &raw));
			if (r->batch_opaque[i])
				buf_add(ret, raw.bytes);
			else if (raw.bytes.n <= RAW_MAX)
				batch_put(ret, &raw);
			else
				return E_CORRUPT;
		}
		return 0;
	}
	return E_NOT_FOUND;
}
