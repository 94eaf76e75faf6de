/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/archive_private.h"
#include "store/text.h"

#define ZSTD_LEVEL 3
#define DICT_SAMPLE 128u  /* cells after which a column whose values hardly repeat is not looked at further */
#define LONG_VALUE 24u    /* core fields stay in their dictionary unless their values are longer on average */
#define ALIAS_TRIES 3u
#define FILTER_BITS 12u   /* per value: about 0.4 % of blocks opened in vain */

struct cell {
	const struct field *field;
	const struct place *place;
	uint32_t row;
};

struct frame_list {
	struct frame *frame;
	uint32_t count, cap;
};

/* What is decided about a column. */
struct plan {
	uint8_t mode, flags;
	uint32_t target;
	uint32_t frame, offset, length, distinct;
};

struct block_writer {
	uint64_t key;
	ZSTD_CCtx *zstd;
	const struct rows *rows;
	struct buf out;    /* the block */
	struct buf frames; /* what comes behind the header */
	struct buf plain;  /* the frame being filled */
	struct buf column, places, lengths, meta;
	struct frame fixed[FRAME_COLUMNS];
	struct frame_list columns, texts, binaries;
	struct cell *cell;
	size_t cell_cap;
	uint32_t *first; /* cell of each column, columns + 1 */
	size_t first_cap;
	struct plan *plan;
	size_t plan_cap;
	uint32_t *index; /* of each cell of the column in its dictionary */
	size_t index_cap;
	struct str *value; /* the dictionary */
	uint32_t values, value_cap;
	struct hash_table table;
	uint64_t *term; /* set of filter hashes, 0 = free */
	uint32_t terms, term_size;
	uint32_t *order;
	size_t order_cap;
	uint8_t trigrams_seen[TRIGRAM_BITS];
	uint8_t trigrams[TRIGRAM_BYTES];
};

struct block_writer *
block_writer_new(uint64_t key)
{
	struct block_writer *w = MEM_NEW(struct block_writer);
	w->key = key;
	w->zstd = ZSTD_createCCtx();
	assert(w->zstd);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	return w;
}

void
block_writer_free(struct block_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	struct buf *bufs[] = {&w->out, &w->frames, &w->plain, &w->column, &w->places, &w->lengths, &w->meta};
	for (size_t i = 0; i < COUNT(bufs); i++)
		buf_release(bufs[i]);
	void *pieces[] = {w->columns.frame, w->texts.frame, w->binaries.frame, w->cell, w->first, w->plan, w->index,
	    w->value, w->table.slot, w->term, w->order};
	for (size_t i = 0; i < COUNT(pieces); i++)
		mem_free(pieces[i]);
	mem_free(w);
}

#define ROOM(array, cap, n)                                                                                            \
	do {                                                                                                           \
		if ((size_t)(n) > (cap)) {                                                                             \
			(cap) = (size_t)(n) + (size_t)(n) / 2;                                                         \
			(array) = mem_realloc((array), (cap) * sizeof *(array));                                       \
		}                                                                                                      \
	} while (0)

/* ---- frames ---- */

static struct frame
compress(struct block_writer *w, struct str plain)
{
	size_t bound = ZSTD_compressBound(plain.n);
	char *room = buf_room(&w->frames, bound);
	size_t n = ZSTD_compress2(w->zstd, room, bound, plain.p, plain.n);
	assert(!ZSTD_isError(n)); /* the room is what zstd asked for */
	struct frame f = {(uint32_t)w->frames.n, (uint32_t)n, (uint32_t)plain.n, crc32c(0, str_from(room, n))};
	w->frames.n += n;
	return f;
}

static void
add_frame(struct block_writer *w, struct frame_list *list)
{
	MEM_GROW(list->frame, list->count, list->cap);
	list->frame[list->count++] = compress(w, buf_str(&w->plain));
	buf_clear(&w->plain);
}

/* ---- filter ---- */

static void
grow_terms(struct block_writer *w)
{
	uint64_t *old = w->term;
	uint32_t old_size = w->term_size;
	w->term_size = old_size ? old_size * 2 : 4096;
	w->term = mem_calloc(w->term_size, sizeof *w->term);
	for (uint32_t i = 0; i < old_size; i++) {
		if (!old[i])
			continue;
		uint32_t at = (uint32_t)old[i] & (w->term_size - 1);
		while (w->term[at])
			at = (at + 1) & (w->term_size - 1);
		w->term[at] = old[i];
	}
	mem_free(old);
}

static void
add_term(struct block_writer *w, struct str value)
{
	if (!value.n || value.n > FILTER_VALUE)
		return;
	if (w->terms * 2 >= w->term_size)
		grow_terms(w);
	uint64_t h = filter_hash(value) | 1; /* 0 marks a free place */
	uint32_t at = (uint32_t)(h >> 7) & (w->term_size - 1);
	for (; w->term[at]; at = (at + 1) & (w->term_size - 1))
		if (w->term[at] == h)
			return;
	w->term[at] = h;
	w->terms++;
}

static void
put_filter(struct block_writer *w, struct buf *out)
{
	uint32_t n = (w->terms * FILTER_BITS / 8 + 64) & ~63u;
	char *bits = buf_room(out, n);
	memset(bits, 0, n);
	for (uint32_t i = 0; i < w->term_size; i++)
		if (w->term[i])
			filter_add((uint8_t *)bits, n, w->term[i]);
	out->n += n;
}

/* ---- columns ---- */

/* Cells of each column in the order of the rows. */
static void
sort_cells(struct block_writer *w)
{
	const struct rows *r = w->rows;
	ROOM(w->first, w->first_cap, r->columns + 1);
	ROOM(w->plan, w->plan_cap, r->columns + 1);
	ROOM(w->cell, w->cell_cap, r->cells + 1);
	ROOM(w->index, w->index_cap, r->cells + 1);
	uint32_t sum = 0;
	for (uint32_t c = 0; c < r->columns; c++) {
		w->first[c] = sum;
		sum += r->column[c].cells;
	}
	w->first[r->columns] = sum;
	assert(sum == r->cells);
	uint32_t *at = mem_alloc((r->columns + 1) * sizeof *at);
	memcpy(at, w->first, (r->columns + 1) * sizeof *at);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct row *row = rows_at(r, i);
		for (uint32_t k = 0; k < row->field_count; k++)
			w->cell[at[row->place[k].column]++] = (struct cell){&row->field[k], &row->place[k], i};
	}
	mem_free(at);
}

/* A field of that column in the row, or NULL. *hint: where it was last time. */
static const struct field *
only_field(const struct row *row, uint32_t column, uint32_t *hint)
{
	const struct field *found = NULL;
	if (*hint < row->field_count && row->place[*hint].column == column)
		return &row->field[*hint]; /* a second one is ruled out by is_single() */
	for (uint32_t k = 0; k < row->field_count; k++) {
		if (row->place[k].column != column)
			continue;
		found = &row->field[k];
		*hint = k;
	}
	return found;
}

/* No row holds the column twice. */
static bool
is_single(const struct block_writer *w, uint32_t column)
{
	for (uint32_t i = w->first[column] + 1; i < w->first[column + 1]; i++)
		if (w->cell[i].row == w->cell[i - 1].row)
			return false;
	return true;
}

static bool
is_alias(const struct block_writer *w, uint32_t column, uint32_t target)
{
	uint32_t hint = 0;
	for (uint32_t i = w->first[column]; i < w->first[column + 1]; i++) {
		const struct field *other = only_field(rows_at(w->rows, w->cell[i].row), target, &hint);
		if (!other || !str_eq(other->value, w->cell[i].field->value))
			return false;
	}
	return is_single(w, column) && is_single(w, target);
}

/* A native column that says, wherever it is present, what a core column says. */
static bool
find_alias(const struct block_writer *w, uint32_t column, uint32_t *ret)
{
	const struct cell *first = &w->cell[w->first[column]];
	const struct row *row = rows_at(w->rows, first->row);
	uint32_t tries = ALIAS_TRIES;
	bool covered = filter_covers(core_id(w->rows->column[column].name));
	for (uint32_t k = 0; k < row->field_count && tries; k++) {
		const struct field *f = &row->field[k];
		if (!f->core || (covered && !filter_covers(f->id)) || !str_eq(f->value, first->field->value))
			continue;
		if (is_alias(w, column, row->place[k].column)) {
			*ret = row->place[k].column;
			return true;
		}
		tries--;
	}
	return false;
}

static uint64_t
value_hash_at(const void *user, uint32_t i)
{
	const struct block_writer *w = user;
	return hash64(w->value[i], w->key);
}

static uint32_t
find_value(struct block_writer *w, struct str value)
{
	hash_table_grow(&w->table, value_hash_at, w);
	uint32_t mask = w->table.size - 1, at = (uint32_t)hash64(value, w->key) & mask;
	for (; w->table.slot[at]; at = (at + 1) & mask)
		if (str_eq(w->value[w->table.slot[at] - 1], value))
			return w->table.slot[at] - 1;
	MEM_GROW(w->value, w->values, w->value_cap);
	w->value[w->values] = value;
	w->table.slot[at] = ++w->values;
	w->table.used++;
	return w->values - 1;
}

/* Placed in the text nearly always? And for core fields: long enough that a dictionary would weigh? */
static bool
may_be_text(const struct block_writer *w, uint32_t column)
{
	uint32_t from = w->first[column], to = w->first[column + 1], placed = 0;
	uint64_t bytes = 0;
	for (uint32_t i = from; i < to; i++) {
		placed += w->cell[i].place->at != NO_PLACE;
		bytes += w->cell[i].field->value.n;
	}
	bool is_long = bytes > (uint64_t)LONG_VALUE * (to - from);
	return (uint64_t)placed * 10 >= (uint64_t)(to - from) * 9 && (is_long || !w->rows->column[column].id);
}

/* Fills value[] and index[]; false as soon as the values turn out to hardly repeat and `text` would do. */
static bool
build_dict(struct block_writer *w, uint32_t column, bool text)
{
	uint32_t from = w->first[column], n = w->first[column + 1] - from, last = 0;
	w->values = 0;
	w->table.used = 0;
	if (w->table.size)
		memset(w->table.slot, 0, w->table.size * sizeof *w->table.slot);
	for (uint32_t i = 0; i < n; i++) {
		struct str value = w->cell[from + i].field->value;
		if (i == 0 || !str_eq(value, w->value[last]))
			last = find_value(w, value);
		w->index[i] = last;
		if (text && i == DICT_SAMPLE && w->values * 2 > i)
			return false;
	}
	return !(text && n && w->values * 2 > n);
}

static void
put_values(struct block_writer *w)
{
	for (uint32_t i = 0; i < w->values; i++)
		wire_put_varint(&w->column, w->value[i].n);
	for (uint32_t i = 0; i < w->values; i++)
		buf_add(&w->column, w->value[i]);
}

/* One byte of every index in a row, then the next: planes compress better than numbers. */
static void
put_planes(struct buf *out, const uint32_t *index, uint32_t n, uint32_t distinct)
{
	for (unsigned shift = 0; shift < 24 && distinct > 1 && (distinct - 1) >> shift; shift += 8) {
		uint8_t *to = (uint8_t *)buf_room(out, n);
		for (uint32_t i = 0; i < n; i++)
			to[i] = (uint8_t)(index[i] >> shift);
		out->n += n;
	}
}

/* Cells of a COLUMN_TEXT column: what has no place goes to its dictionary, once for each. */
static void
put_places(struct block_writer *w, uint32_t column, const uint32_t *gaps)
{
	w->values = 0;
	buf_clear(&w->lengths);
	for (uint32_t i = w->first[column]; i < w->first[column + 1]; i++) {
		const struct place *p = w->cell[i].place;
		if (p->at == NO_PLACE) {
			MEM_GROW(w->value, w->values, w->value_cap);
			w->value[w->values] = w->cell[i].field->value;
			wire_put_varint(&w->places, (uint64_t)w->values++ << 1);
			continue;
		}
		wire_put_varint(&w->places, (uint64_t)gaps[i] << 2 | (p->escaped ? 2 : 0) | 1);
		wire_put_varint(&w->lengths, p->n);
	}
	buf_add(&w->places, buf_str(&w->lengths));
}

static void
store_column(struct block_writer *w, struct plan *p)
{
	if (w->plain.n && w->column.n && w->plain.n + w->column.n > COLUMN_FRAME_TARGET)
		add_frame(w, &w->columns);
	p->frame = FRAME_COLUMNS + w->columns.count;
	p->offset = (uint32_t)w->plain.n;
	p->length = (uint32_t)w->column.n;
	p->distinct = w->values;
	buf_add(&w->plain, buf_str(&w->column));
	buf_clear(&w->column);
}

static void
plan_column(struct block_writer *w, uint32_t column)
{
	const struct row_column *c = &w->rows->column[column];
	struct plan *p = &w->plan[column];
	*p = (struct plan){.mode = COLUMN_DICT, .flags = c->id ? COLUMN_CORE : 0};
	if (!c->id && c->cells && find_alias(w, column, &p->target)) {
		p->mode = COLUMN_ALIAS;
		return;
	}
	if (!build_dict(w, column, may_be_text(w, column))) {
		p->mode = COLUMN_TEXT;
		if (!filter_covers(c->id ? c->id : core_id(c->name)))
			return; /* a native field with the name of a core one is asked for in the same way */
		p->flags |= COLUMN_FILTERED;
		for (uint32_t i = w->first[column]; i < w->first[column + 1]; i++)
			add_term(w, w->cell[i].field->value);
		return;
	}
	put_values(w);
	put_planes(&w->column, w->index, w->first[column + 1] - w->first[column], w->values);
	store_column(w, p);
	if (c->id && !filter_covers(c->id))
		return;
	p->flags |= COLUMN_FILTERED;
	for (uint32_t i = 0; i < w->values; i++)
		add_term(w, w->value[i]);
}

/* The distance of each place to the place before it in its row, of COLUMN_TEXT columns only; zigzag, by cell. */
static void
measure_gaps(struct block_writer *w, uint32_t *gaps)
{
	const struct rows *r = w->rows;
	uint32_t *at = mem_alloc((r->columns + 1) * sizeof *at);
	memcpy(at, w->first, (r->columns + 1) * sizeof *at);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct row *row = rows_at(r, i);
		uint32_t cursor = 0;
		for (uint32_t k = 0; k < row->field_count; k++) {
			const struct place *p = &row->place[k];
			uint32_t cell = at[p->column]++;
			if (w->plan[p->column].mode != COLUMN_TEXT || p->at == NO_PLACE)
				continue;
			gaps[cell] = (uint32_t)zigzag((int64_t)p->at - cursor);
			cursor = p->at + p->n;
		}
	}
	mem_free(at);
}

static void
write_columns(struct block_writer *w)
{
	const struct rows *r = w->rows;
	sort_cells(w);
	for (uint32_t c = 0; c < r->columns; c++)
		plan_column(w, c);
	uint32_t *gaps = w->index; /* the dictionaries are done with it */
	measure_gaps(w, gaps);
	for (uint32_t c = 0; c < r->columns; c++) {
		if (w->plan[c].mode != COLUMN_TEXT)
			continue;
		put_places(w, c, gaps);
		put_values(w);
		store_column(w, &w->plan[c]);
	}
	if (w->plain.n || !w->columns.count)
		add_frame(w, &w->columns);
	w->fixed[FRAME_PLACES] = compress(w, buf_str(&w->places));
}

static void
write_meta(struct block_writer *w)
{
	const struct rows *r = w->rows;
	struct buf *m = &w->meta;
	wire_put_varint(m, r->columns);
	for (uint32_t c = 0; c < r->columns; c++) {
		const struct plan *p = &w->plan[c];
		wire_put_varint(m, r->column[c].name.n);
		buf_add(m, r->column[c].name);
		wire_put_u8(m, p->mode);
		wire_put_u8(m, p->flags);
		wire_put_varint(m, r->column[c].cells);
		if (p->mode == COLUMN_ALIAS) {
			wire_put_varint(m, p->target);
			continue;
		}
		wire_put_varint(m, p->frame);
		wire_put_varint(m, p->offset);
		wire_put_varint(m, p->length);
		wire_put_varint(m, p->distinct);
	}
	wire_put_varint(m, r->shapes);
	for (uint32_t s = 0; s < r->shapes; s++) {
		const struct row *row = rows_at(r, r->shape[s].row);
		wire_put_varint(m, row->field_count);
		for (uint32_t k = 0; k < row->field_count; k++)
			wire_put_varint(m, (uint64_t)row->place[k].column << 3 | row->field[k].kind);
	}
	w->fixed[FRAME_META] = compress(w, buf_str(m));
}

/* ---- rows and records ---- */

static void
write_rows(struct block_writer *w)
{
	const struct rows *r = w->rows;
	struct buf *b = &w->column;
	buf_clear(b);
	ROOM(w->index, w->index_cap, r->count);
	for (uint32_t i = 0; i < r->count; i++)
		w->index[i] = rows_at(r, i)->shape;
	put_planes(b, w->index, r->count, r->shapes);
	for (uint32_t i = 0; i < r->count; i++)
		wire_put_u8(b, rows_at(r, i)->decoder);
	for (uint32_t i = 0; i < r->count; i++)
		wire_put_u8(b, rows_at(r, i)->confidence);
	for (uint32_t i = 0; i < r->count; i++)
		wire_put_u8(b, rows_at(r, i)->rendered != 0);
	uint32_t record = 0;
	for (uint32_t i = 0; i < r->count; i++) {
		wire_put_varint(b, zigzag((int64_t)rows_at(r, i)->record - record));
		record = rows_at(r, i)->record;
	}
	int64_t time_ms = 0;
	for (uint32_t i = 0; i < r->count; i++) {
		int64_t t = rows_at(r, i)->time_ms;
		wire_put_varint(b, zigzag((int64_t)((uint64_t)t - (uint64_t)time_ms)));
		time_ms = t;
	}
	w->fixed[FRAME_ROWS] = compress(w, buf_str(b));
	buf_clear(b);
}

static void
put_sender(struct buf *b, const struct raw *raw)
{
	wire_put_u8(b, raw->form);
	wire_put_u8(b, raw->transport);
	wire_put_u16(b, raw->flags);
	wire_put_u32(b, raw->source);
	buf_add(b, str_from((const char *)raw->peer, sizeof raw->peer));
	wire_put_u16(b, raw->port);
}

static void
write_records(struct block_writer *w)
{
	const struct rows *r = w->rows;
	struct buf *b = &w->column;
	buf_clear(b);
	uint64_t number = r->batches ? r->batch[0].number : 0;
	for (uint32_t i = 0; i < r->batches; i++) {
		wire_put_varint(b, r->batch[i].number - number);
		number = r->batch[i].number;
		wire_put_varint(b, (uint64_t)r->batch[i].records << 1 | r->batch[i].opaque);
	}
	wire_put_varint(b, r->senders);
	for (uint32_t i = 0; i < r->senders; i++)
		put_sender(b, &r->sender[i].raw);
	ROOM(w->index, w->index_cap, r->records + 1);
	for (uint32_t i = 0; i < r->records; i++)
		w->index[i] = r->record[i]->sender;
	put_planes(b, w->index, r->records, r->senders);
	int64_t received = 0;
	for (uint32_t i = 0; i < r->records; i++) {
		int64_t t = r->record[i]->raw.received_ms;
		wire_put_varint(b, zigzag((int64_t)((uint64_t)t - (uint64_t)received)));
		received = t;
	}
	for (uint32_t i = 0; i < r->records; i++)
		wire_put_varint(b, r->record[i]->raw.bytes.n);
	for (uint32_t i = 0; i < r->rendereds; i++)
		wire_put_varint(b, r->rendered[i].n);
	/* The record of each rendered text follows from its row: rendered texts are numbered in the order of the rows. */
	w->fixed[FRAME_RECORDS] = compress(w, buf_str(b));
	buf_clear(b);
}

/* Entries by sender, then by the shape of their first event, in the order of their coming: what is alike lies together.
 * block_order() of the reader finds the same order again. */
static void
order_entries(struct block_writer *w)
{
	const struct rows *r = w->rows;
	uint32_t entries = r->records + r->rendereds;
	uint32_t *sender = mem_calloc(entries + 1, sizeof *sender), *shape = mem_calloc(entries + 1, sizeof *shape);
	ROOM(w->order, w->order_cap, entries + 1);
	for (uint32_t i = 0; i < r->records; i++)
		sender[i] = r->record[i]->sender;
	for (uint32_t i = r->count; i-- > 0;) {
		const struct row *row = rows_at(r, i);
		uint32_t entry = row->rendered ? r->records + row->rendered - 1 : row->record;
		sender[entry] = sender[row->record];
		shape[entry] = row->shape + 1;
	}
	entries_sort(w->order, entries, sender, r->senders, shape, r->shapes + 1);
	mem_free(sender);
	mem_free(shape);
}

static void
add_entry(struct block_writer *w, struct frame_list *list, struct str bytes)
{
	if (w->plain.n && w->plain.n + bytes.n > FRAME_TARGET)
		add_frame(w, list);
	buf_add(&w->plain, bytes);
}

static void
index_text(struct block_writer *w, struct str text)
{
	struct str word;
	trigrams_add(w->trigrams_seen, text);
	for (size_t at = 0; text_next_address(text, &at, &word);)
		add_term(w, word);
	for (size_t at = 0; text_next_hash(text, &at, &word);)
		add_term(w, word);
}

static void
write_texts(struct block_writer *w)
{
	const struct rows *r = w->rows;
	uint32_t entries = r->records + r->rendereds;
	order_entries(w);
	memset(w->trigrams_seen, 0, sizeof w->trigrams_seen);
	buf_clear(&w->plain);
	for (uint32_t i = 0; i < entries; i++) {
		uint32_t e = w->order[i];
		if (e < r->records && r->record[e]->raw.form != RAW_LINE)
			continue;
		struct str text = e < r->records ? r->record[e]->raw.bytes : r->rendered[e - r->records];
		index_text(w, text);
		add_entry(w, &w->texts, text);
	}
	trigrams_pack(w->trigrams_seen, w->trigrams);
	if (w->plain.n)
		add_frame(w, &w->texts);
	for (uint32_t i = 0; i < entries; i++)
		if (w->order[i] < r->records && r->record[w->order[i]]->raw.form != RAW_LINE)
			add_entry(w, &w->binaries, r->record[w->order[i]]->raw.bytes);
	if (w->plain.n)
		add_frame(w, &w->binaries);
}

/* ---- header ---- */

static int
compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* Pairs: minutes since the minute before, events in it. */
static uint32_t
put_minutes(const struct rows *r, struct buf *out)
{
	int64_t *minute = mem_alloc((r->count + 1) * sizeof *minute);
	uint32_t pairs = 0;
	for (uint32_t i = 0; i < r->count; i++)
		minute[i] = floor_div(rows_at(r, i)->time_ms, TIME_MINUTE);
	qsort(minute, r->count, sizeof *minute, compare_i64);
	int64_t last = 0;
	for (uint32_t i = 0, n; i < r->count; i += n, pairs++) {
		for (n = 1; i + n < r->count && minute[i + n] == minute[i];)
			n++;
		wire_put_varint(out, zigzag(minute[i] - last));
		wire_put_varint(out, n);
		last = minute[i];
	}
	mem_free(minute);
	return pairs;
}

static void
put_ranges(const struct rows *r, struct buf *out)
{
	int64_t min = INT64_MAX, max = INT64_MIN, min_received = INT64_MAX, max_received = INT64_MIN;
	for (uint32_t i = 0; i < r->count; i++) {
		int64_t t = rows_at(r, i)->time_ms;
		min = t < min ? t : min;
		max = t > max ? t : max;
	}
	for (uint32_t i = 0; i < r->records; i++) {
		int64_t t = r->record[i]->raw.received_ms;
		min_received = t < min_received ? t : min_received;
		max_received = t > max_received ? t : max_received;
	}
	wire_put_i64(out, min);
	wire_put_i64(out, max);
	wire_put_i64(out, min_received);
	wire_put_i64(out, max_received);
}

static void
put_frame_table(struct buf *out, const struct frame *f, uint32_t n, uint32_t base)
{
	for (uint32_t i = 0; i < n; i++) {
		wire_put_u32(out, base + f[i].offset);
		wire_put_u32(out, f[i].length);
		wire_put_u32(out, f[i].raw_length);
		wire_put_u32(out, f[i].crc);
	}
}

static void
set_u32(struct buf *b, size_t at, uint32_t v)
{
	struct buf word = BUF_INIT;
	wire_put_u32(&word, v);
	memcpy(b->p + at, word.p, 4);
	buf_release(&word);
}

/* Offsets as in block_open(). */
static void
write_header(struct block_writer *w)
{
	const struct rows *r = w->rows;
	struct buf minutes = BUF_INIT, filter = BUF_INIT, *h = &w->out;
	uint32_t pairs = put_minutes(r, &minutes);
	put_filter(w, &filter);
	uint32_t frames = FRAME_COLUMNS + w->columns.count + w->texts.count + w->binaries.count;
	uint32_t header = (uint32_t)(BLOCK_HEADER + frames * 16 + minutes.n);
	uint32_t filter_at = (header + 63) & ~63u, trigrams_at = filter_at + (uint32_t)filter.n;
	uint32_t base = trigrams_at + TRIGRAM_BYTES;
	wire_put_u32(h, BLOCK_MAGIC);
	wire_put_u32(h, 0); /* checksum, at the end */
	wire_put_u32(h, header);
	wire_put_u32(h, BLOCK_VERSION);
	wire_put_u64(h, (base + w->frames.n + 63) & ~(uint64_t)63);
	wire_put_u64(h, r->first_id);
	wire_put_u64(h, r->batches ? r->batch[0].number : 0);
	wire_put_u64(h, r->batches ? r->batch[r->batches - 1].number : 0);
	put_ranges(r, h);
	wire_put_u64(h, r->raw_bytes);
	const uint32_t numbers[] = {r->count, r->records, r->rendereds, r->batches, filter_at, (uint32_t)filter.n,
	    crc32c(0, buf_str(&filter)), trigrams_at, crc32c(0, str_from((char *)w->trigrams, TRIGRAM_BYTES)), frames,
	    FRAME_COLUMNS + w->columns.count, FRAME_COLUMNS + w->columns.count + w->texts.count, pairs,
	    (uint32_t)minutes.n};
	for (size_t i = 0; i < COUNT(numbers); i++)
		wire_put_u32(h, numbers[i]);
	while (h->n < BLOCK_HEADER)
		wire_put_u8(h, 0);
	put_frame_table(h, w->fixed, FRAME_COLUMNS, base);
	put_frame_table(h, w->columns.frame, w->columns.count, base);
	put_frame_table(h, w->texts.frame, w->texts.count, base);
	put_frame_table(h, w->binaries.frame, w->binaries.count, base);
	buf_add(h, buf_str(&minutes));
	assert(h->n == header);
	set_u32(h, 4, crc32c(0, str_skip(buf_str(h), 8)));
	while (h->n < filter_at)
		wire_put_u8(h, 0);
	buf_add(h, buf_str(&filter));
	buf_add(h, str_from((char *)w->trigrams, TRIGRAM_BYTES));
	buf_add(h, buf_str(&w->frames));
	while (h->n & 63)
		wire_put_u8(h, 0);
	buf_release(&minutes);
	buf_release(&filter);
}

struct str
block_write(struct block_writer *w, const struct rows *r)
{
	struct buf *bufs[] = {&w->out, &w->frames, &w->plain, &w->column, &w->places, &w->lengths, &w->meta};
	for (size_t i = 0; i < COUNT(bufs); i++)
		buf_clear(bufs[i]);
	w->rows = r;
	w->columns.count = w->texts.count = w->binaries.count = 0;
	w->terms = 0;
	if (w->term_size)
		memset(w->term, 0, w->term_size * sizeof *w->term);
	write_columns(w);
	write_meta(w);
	write_rows(w);
	write_records(w);
	write_texts(w);
	write_header(w);
	w->rows = NULL;
	return buf_str(&w->out);
}
