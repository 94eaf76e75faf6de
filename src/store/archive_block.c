/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/archive_private.h"
#include "store/text.h"

#define FILTER_KEY UINT64_C(0x6b6869656e) /* on disk: the same for ever */
#define FILTER_PROBES 6u
#define READER_STEP (4u << 20)
#define READER_MAX (256u << 20)

/* ---- filter ---- */

uint64_t
filter_hash(struct str value)
{
	return hash64_nocase(value, FILTER_KEY) | 1;
}

static uint32_t
filter_bit(uint64_t hash, uint32_t i, uint32_t bits)
{
	uint32_t mixed = (uint32_t)hash + i * ((uint32_t)(hash >> 32) | 1);
	return (uint32_t)((uint64_t)mixed * bits >> 32);
}

void
filter_add(uint8_t *bits, uint32_t bytes, uint64_t hash)
{
	for (uint32_t i = 0; i < FILTER_PROBES; i++) {
		uint32_t bit = filter_bit(hash, i, bytes * 8);
		bits[bit >> 3] |= (uint8_t)(1u << (bit & 7));
	}
}

static bool
checks(const struct block *b, uint32_t at, uint32_t n, uint32_t crc)
{
	return crc32c(0, str_cut(b->bytes, at, (size_t)at + n)) == crc;
}

bool
block_may_equal(const struct block *b, struct str value)
{
	if (!value.n || value.n > FILTER_VALUE || !b->filter_bytes ||
	    !checks(b, b->filter_at, b->filter_bytes, b->filter_crc))
		return true; /* a damaged filter rules nothing out */
	const uint8_t *bits = (const uint8_t *)b->bytes.p + b->filter_at;
	uint64_t hash = filter_hash(value);
	for (uint32_t i = 0; i < FILTER_PROBES; i++) {
		uint32_t bit = filter_bit(hash, i, b->filter_bytes * 8);
		if (!(bits[bit >> 3] & (1u << (bit & 7))))
			return false;
	}
	return true;
}

bool
block_may_hold(const struct block *b, struct str word)
{
	return !checks(b, b->trigrams_at, TRIGRAM_BYTES, b->trigrams_crc) ||
	    trigrams_may_hold((const uint8_t *)b->bytes.p + b->trigrams_at, word);
}

/* Numbers that hardly repeat and nobody hunts for would only fill the filter; so would the message. */
bool
filter_covers(uint32_t id)
{
	static const bool left_out[NAME_CORE_END] = {
		[0] = true, [F_MESSAGE] = true, [F_SOURCE_PORT] = true, [F_DESTINATION_PORT] = true,
		[F_SOURCE_BYTES] = true, [F_DESTINATION_BYTES] = true, [F_NETWORK_BYTES] = true, [F_HTTP_BYTES] = true,
		[F_SOURCE_PACKETS] = true, [F_DESTINATION_PACKETS] = true, [F_EVENT_START] = true, [F_EVENT_DURATION] = true,
		[F_PROCESS_PID] = true, [F_PARENT_PID] = true,
	};
	return id < NAME_CORE_END && !left_out[id];
}

uint32_t
core_id(struct str name)
{
	static const struct str core[] = {
		STR_INIT(""),
#define FIELD(id, text, comment) STR_INIT(text),
#include "decode/fields.def"
#undef FIELD
	};
	for (uint32_t i = 1; i < COUNT(core); i++)
		if (str_eq_nocase(name, core[i]))
			return i;
	return 0;
}

/* ---- header ---- */

static bool
within(const struct block *b, uint64_t at, uint64_t n)
{
	return at <= b->bytes.n && n <= b->bytes.n - at;
}

static bool
frames_fit(const struct block *b)
{
	if (b->text_frame < FRAME_COLUMNS || b->binary_frame < b->text_frame || b->frames < b->binary_frame)
		return false;
	for (uint32_t i = 0; i < b->frames; i++) {
		struct frame f = block_frame(b, i);
		if (!within(b, f.offset, f.length) || f.raw_length > FRAME_MAX)
			return false;
	}
	return true;
}

int
block_open(struct str bytes, struct block *ret)
{
	struct block b = {0};
	struct wire w = {str_cut(bytes, 0, BLOCK_HEADER), false};
	uint32_t magic = wire_u32(&w), crc = wire_u32(&w), header = wire_u32(&w), version = wire_u32(&w);
	uint64_t total = wire_u64(&w);
	if (w.bad)
		return E_TRUNCATED;
	if (magic != BLOCK_MAGIC || header < BLOCK_HEADER || total < header || total > UINT32_MAX)
		return E_CORRUPT;
	if (total > bytes.n)
		return E_TRUNCATED;
	if (crc32c(0, str_cut(bytes, 8, header)) != crc)
		return E_CORRUPT;
	if (version != BLOCK_VERSION)
		return E_UNSUPPORTED;
	b.bytes = str_cut(bytes, 0, total);
	b.first_id = wire_u64(&w);
	b.first_batch = wire_u64(&w);
	b.last_batch = wire_u64(&w);
	b.min_time = wire_i64(&w);
	b.max_time = wire_i64(&w);
	b.min_received = wire_i64(&w);
	b.max_received = wire_i64(&w);
	b.raw_bytes = wire_u64(&w);
	uint32_t *const numbers[] = {&b.rows, &b.records, &b.rendereds, &b.batches, &b.filter_at, &b.filter_bytes,
	    &b.filter_crc, &b.trigrams_at, &b.trigrams_crc, &b.frames, &b.text_frame, &b.binary_frame, &b.minutes};
	for (size_t i = 0; i < COUNT(numbers); i++)
		*numbers[i] = wire_u32(&w);
	uint32_t minute_bytes = wire_u32(&w);
	uint64_t table = (uint64_t)b.frames * 16;
	if (w.bad || BLOCK_HEADER + table + minute_bytes != header || !within(&b, b.filter_at, b.filter_bytes) ||
	    !within(&b, b.trigrams_at, TRIGRAM_BYTES) || b.filter_bytes > UINT32_MAX / 8)
		return E_CORRUPT;
	b.frame_table = bytes.p + BLOCK_HEADER;
	b.minute_bytes = str_cut(bytes, BLOCK_HEADER + table, header);
	if (!frames_fit(&b))
		return E_CORRUPT;
	*ret = b;
	return 0;
}

struct frame
block_frame(const struct block *b, uint32_t i)
{
	assert(i < b->frames);
	struct wire w = {str_from(b->frame_table + (size_t)i * 16, 16), false};
	struct frame f = {.offset = wire_u32(&w)};
	f.length = wire_u32(&w);
	f.raw_length = wire_u32(&w);
	f.crc = wire_u32(&w);
	return f;
}

int
block_check(const struct block *b)
{
	if (!checks(b, b->filter_at, b->filter_bytes, b->filter_crc) ||
	    !checks(b, b->trigrams_at, TRIGRAM_BYTES, b->trigrams_crc))
		return E_CORRUPT;
	for (uint32_t i = 0; i < b->frames; i++) {
		struct frame f = block_frame(b, i);
		if (!checks(b, f.offset, f.length, f.crc))
			return E_CORRUPT;
	}
	return 0;
}

/* ---- frames ---- */

void
reader_init(struct reader *r)
{
	*r = (struct reader){0};
	r->zstd = ZSTD_createDCtx();
	assert(r->zstd);
	arena_init(&r->arena, READER_STEP, READER_MAX);
}

void
reader_release(struct reader *r)
{
	ZSTD_freeDCtx(r->zstd);
	arena_release(&r->arena);
	buf_release(&r->text);
	*r = (struct reader){0};
}

int
reader_open(struct reader *r, struct str bytes)
{
	struct block b;
	TRY(block_open(bytes, &b));
	arena_clear(&r->arena);
	*r = (struct reader){.block = b, .zstd = r->zstd, .arena = r->arena, .text = r->text};
	r->frame = arena_calloc(&r->arena, b.frames, sizeof *r->frame);
	return r->frame ? 0 : E_CORRUPT;
}

static int
decompress(struct reader *r, const struct frame *f, char *to)
{
	struct str packed = str_cut(r->block.bytes, f->offset, (size_t)f->offset + f->length);
	if (crc32c(0, packed) != f->crc)
		return E_CORRUPT;
	size_t n = ZSTD_decompressDCtx(r->zstd, to, f->raw_length, packed.p, packed.n);
	return ZSTD_isError(n) || n != f->raw_length ? E_CORRUPT : 0;
}

int
reader_frame(struct reader *r, uint32_t i, struct str *ret)
{
	if (i >= r->block.frames)
		return E_CORRUPT;
	struct frame f = block_frame(&r->block, i);
	if (!r->frame[i]) {
		char *to = arena_alloc(&r->arena, f.raw_length);
		if (!to)
			return E_CORRUPT;
		TRY(decompress(r, &f, to));
		r->frame[i] = to;
	}
	*ret = str_from(r->frame[i], f.raw_length);
	return 0;
}

int
reader_scan_frame(struct reader *r, uint32_t i, struct str *ret)
{
	if (i >= r->block.frames)
		return E_CORRUPT;
	struct frame f = block_frame(&r->block, i);
	if (r->frame[i]) {
		*ret = str_from(r->frame[i], f.raw_length);
		return 0;
	}
	buf_clear(&r->text);
	char *to = buf_room(&r->text, f.raw_length);
	TRY(decompress(r, &f, to));
	*ret = str_from(to, f.raw_length);
	return 0;
}

/* ---- meta: columns and shapes ---- */

/* A count that stands in the frame: each thing counted takes a byte at least of what follows. */
static uint32_t
take_count(struct wire *w)
{
	uint64_t n = take_varint(w);
	if (n > w->rest.n)
		w->bad = true;
	return w->bad ? 0 : (uint32_t)n;
}

static uint32_t
take_u32(struct wire *w, uint64_t below)
{
	uint64_t v = take_varint(w);
	if (v >= below)
		w->bad = true;
	return w->bad ? 0 : (uint32_t)v;
}

static void
take_column(struct reader *r, struct wire *w, struct column *c)
{
	c->name = wire_bytes(w, take_count(w));
	c->mode = wire_u8(w);
	c->flags = wire_u8(w);
	c->cells = take_u32(w, UINT32_MAX);
	if (c->mode == COLUMN_ALIAS) {
		c->target = take_u32(w, r->columns);
		return;
	}
	if (c->mode > COLUMN_ALIAS)
		w->bad = true;
	c->frame = take_u32(w, r->block.text_frame + 1);
	c->offset = take_u32(w, FRAME_MAX);
	c->length = take_u32(w, FRAME_MAX);
	c->distinct = take_u32(w, UINT32_MAX);
	if (c->frame < r->block.text_frame)
		return;
	/* Blocks were written in which an empty column names the frame that would have come next, had there been more. */
	w->bad |= c->length > 0 || c->offset > 0;
	c->frame = FRAME_META;
}

static bool
take_shape(struct reader *r, struct wire *w, struct shape *s)
{
	s->count = take_count(w);
	struct shape_cell *cell = arena_calloc(&r->arena, s->count, sizeof *cell);
	if (!cell)
		return false;
	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t v = take_varint(w);
		if (v >> 3 >= r->columns)
			w->bad = true;
		cell[i] = (struct shape_cell){w->bad ? 0 : (uint32_t)(v >> 3), v & 7};
	}
	s->cell = cell;
	return !w->bad;
}

int
reader_meta(struct reader *r)
{
	struct str plain = {0};
	if (r->column)
		return 0;
	TRY(reader_frame(r, FRAME_META, &plain));
	struct wire w = {plain, false};
	r->columns = take_count(&w);
	struct column *column = arena_calloc(&r->arena, r->columns + 1, sizeof *column);
	r->dict = arena_calloc(&r->arena, r->columns + 1, sizeof *r->dict);
	r->first = arena_calloc(&r->arena, r->columns + 1, sizeof *r->first);
	if (!column || !r->dict || !r->first)
		return E_CORRUPT;
	for (uint32_t c = 0; c < r->columns && !w.bad; c++)
		take_column(r, &w, &column[c]);
	for (uint32_t c = 0; c < r->columns; c++)
		if (column[c].mode == COLUMN_ALIAS && column[column[c].target].mode == COLUMN_ALIAS)
			return E_CORRUPT;
	r->shapes = take_count(&w);
	r->shape = arena_calloc(&r->arena, r->shapes + 1, sizeof *r->shape);
	if (!r->shape)
		return E_CORRUPT;
	for (uint32_t i = 0; i < r->shapes; i++)
		if (!take_shape(r, &w, &r->shape[i]))
			return E_CORRUPT;
	if (w.bad)
		return E_CORRUPT;
	r->column = column;
	return 0;
}

/* ---- rows ---- */

/* Planes of `n` indices below `distinct`, as put_planes() wrote them. */
static bool
take_planes(struct wire *w, uint32_t n, uint32_t distinct, const uint8_t *ret_plane[3])
{
	for (unsigned k = 0; k < 3 && distinct > 1 && (distinct - 1) >> (8 * k); k++)
		ret_plane[k] = (const uint8_t *)wire_bytes(w, n).p;
	return !w->bad;
}

static uint32_t
plane_index(const uint8_t *const plane[3], uint32_t i)
{
	uint32_t v = plane[0] ? plane[0][i] : 0;
	v |= plane[1] ? (uint32_t)plane[1][i] << 8 : 0;
	return v | (plane[2] ? (uint32_t)plane[2][i] << 16 : 0);
}

static bool
fill_rows(struct reader *r, struct wire *w, int64_t *time_ms)
{
	const uint8_t *plane[3] = {0};
	uint32_t n = r->block.rows, rendered = 0;
	if (!take_planes(w, n, r->shapes, plane))
		return false;
	r->row_decoder = (const uint8_t *)wire_bytes(w, n).p;
	r->row_confidence = (const uint8_t *)wire_bytes(w, n).p;
	const char *is_rendered = wire_bytes(w, n).p;
	if (w->bad)
		return false;
	int64_t record = 0;
	for (uint32_t i = 0; i < n; i++) {
		record += unzigzag(take_varint(w));
		if (record < 0 || record >= r->block.records)
			return false;
		r->row_record[i] = (uint32_t)record;
		r->row_entry[i] = is_rendered[i] ? r->block.records + rendered++ : (uint32_t)record;
		r->row_shape[i] = plane_index(plane, i);
		if (r->row_shape[i] >= r->shapes)
			return false;
	}
	uint64_t t = 0;
	for (uint32_t i = 0; i < n; i++) {
		t += (uint64_t)unzigzag(take_varint(w));
		time_ms[i] = (int64_t)t;
	}
	return !w->bad && rendered == r->block.rendereds;
}

int
reader_rows(struct reader *r)
{
	struct str plain = {0};
	if (r->time_ms)
		return 0;
	TRY(reader_meta(r));
	TRY(reader_frame(r, FRAME_ROWS, &plain));
	if (r->block.rows > plain.n || r->block.rows > ROWS_MAX)
		return E_CORRUPT;
	size_t n = (size_t)r->block.rows + 1;
	int64_t *time_ms = arena_alloc(&r->arena, n * sizeof *time_ms);
	r->row_shape = arena_alloc(&r->arena, n * sizeof *r->row_shape);
	r->row_record = arena_alloc(&r->arena, n * sizeof *r->row_record);
	r->row_entry = arena_alloc(&r->arena, n * sizeof *r->row_entry);
	if (!time_ms || !r->row_shape || !r->row_record || !r->row_entry)
		return E_CORRUPT;
	struct wire w = {plain, false};
	if (!fill_rows(r, &w, time_ms))
		return E_CORRUPT;
	r->time_ms = time_ms;
	return 0;
}

/* ---- records and entries ---- */

static bool
take_batches(struct reader *r, struct wire *w)
{
	uint32_t n = r->block.batches;
	r->batch_number = arena_alloc(&r->arena, ((size_t)n + 1) * sizeof *r->batch_number);
	r->batch_first = arena_alloc(&r->arena, ((size_t)n + 1) * sizeof *r->batch_first);
	r->batch_opaque = arena_alloc(&r->arena, (size_t)n + 1);
	if (n > w->rest.n || !r->batch_number || !r->batch_first || !r->batch_opaque)
		return false;
	uint64_t number = r->block.first_batch, sum = 0;
	for (uint32_t i = 0; i < n; i++) {
		number += take_varint(w);
		uint64_t v = take_varint(w);
		r->batch_number[i] = number;
		r->batch_first[i] = (uint32_t)sum;
		r->batch_opaque[i] = v & 1;
		sum += v >> 1;
		if (w->bad || sum > r->block.records)
			return false;
	}
	r->batch_first[n] = (uint32_t)sum;
	return sum == r->block.records;
}

static bool
take_senders(struct reader *r, struct wire *w)
{
	r->senders = take_count(w);
	r->sender = arena_calloc(&r->arena, (size_t)r->senders + 1, sizeof *r->sender);
	if (!r->sender)
		return false;
	for (uint32_t i = 0; i < r->senders; i++) {
		struct raw *raw = &r->sender[i].raw;
		raw->form = wire_u8(w);
		raw->transport = wire_u8(w);
		raw->flags = wire_u16(w);
		raw->source = wire_u32(w);
		struct str peer = wire_bytes(w, sizeof raw->peer);
		if (peer.n)
			memcpy(raw->peer, peer.p, sizeof raw->peer);
		raw->port = wire_u16(w);
	}
	return !w->bad;
}

static bool
take_records(struct reader *r, struct wire *w)
{
	uint32_t n = r->block.records;
	const uint8_t *plane[3] = {0};
	r->record_sender = arena_alloc(&r->arena, ((size_t)n + 1) * sizeof *r->record_sender);
	r->record_received = arena_alloc(&r->arena, ((size_t)n + 1) * sizeof *r->record_received);
	if (!r->record_sender || !r->record_received || !take_planes(w, n, r->senders, plane))
		return false;
	uint64_t received = 0;
	for (uint32_t i = 0; i < n; i++) {
		r->record_sender[i] = plane_index(plane, i);
		received += (uint64_t)unzigzag(take_varint(w));
		r->record_received[i] = (int64_t)received;
		if (r->record_sender[i] >= r->senders)
			return false;
	}
	return !w->bad;
}

static uint32_t
entry_form(const struct reader *r, uint32_t e)
{
	return e < r->block.records ? r->sender[r->record_sender[e]].raw.form : RAW_LINE;
}

static void
sort_by(uint32_t *to, const uint32_t *from, uint32_t n, const uint32_t *key, uint32_t keys)
{
	uint32_t *at = mem_calloc((size_t)keys + 1, sizeof *at);
	for (uint32_t i = 0; i < n; i++)
		at[key[i] + 1]++;
	for (uint32_t k = 1; k < keys; k++)
		at[k] += at[k - 1];
	for (uint32_t i = 0; i < n; i++)
		to[at[key[from[i]]]++] = from[i];
	mem_free(at);
}

void
entries_sort(uint32_t *ret_order, uint32_t n, const uint32_t *first, uint32_t firsts, const uint32_t *second,
    uint32_t seconds)
{
	uint32_t *by_second = mem_alloc(((size_t)n + 1) * sizeof *by_second);
	for (uint32_t i = 0; i < n; i++)
		ret_order[i] = i;
	sort_by(by_second, ret_order, n, second, seconds);
	sort_by(ret_order, by_second, n, first, firsts);
	mem_free(by_second);
}

/* As order_entries() of the writer, texts before binaries. */
static bool
block_order(struct reader *r)
{
	uint32_t *sender = arena_calloc(&r->arena, (size_t)r->entries + 1, sizeof *sender);
	uint32_t *shape = arena_calloc(&r->arena, (size_t)r->entries + 1, sizeof *shape);
	r->order = arena_alloc(&r->arena, ((size_t)r->entries + 1) * sizeof *r->order);
	if (!sender || !shape || !r->order)
		return false;
	memcpy(sender, r->record_sender, r->block.records * sizeof *sender);
	for (uint32_t i = r->block.rows; i-- > 0;) {
		sender[r->row_entry[i]] = r->record_sender[r->row_record[i]];
		shape[r->row_entry[i]] = r->row_shape[i] + 1;
	}
	r->text_entries = 0;
	for (uint32_t e = 0; e < r->entries; e++) {
		bool binary = entry_form(r, e) != RAW_LINE;
		sender[e] += binary ? r->senders : 0;
		r->text_entries += !binary;
	}
	entries_sort(r->order, r->entries, sender, r->senders * 2, shape, r->shapes + 1);
	return true;
}

/* Entries lie one behind the other in their frames and never across two. */
static bool
place_entries(struct reader *r, uint32_t from, uint32_t to, uint32_t frame, uint32_t end)
{
	uint32_t at = 0, size = frame < end ? block_frame(&r->block, frame).raw_length : 0;
	for (uint32_t i = from; i < to; i++) {
		struct entry *e = &r->entry[r->order[i]];
		while (e->n > size - at) {
			if (++frame >= end)
				return false;
			size = block_frame(&r->block, frame).raw_length;
			at = 0;
		}
		e->frame = frame;
		e->at = at;
		at += e->n;
	}
	return true;
}

static bool
take_entries(struct reader *r, struct wire *w)
{
	uint64_t entries = (uint64_t)r->block.records + r->block.rendereds;
	if (entries > w->rest.n)
		return false;
	r->entries = (uint32_t)entries;
	struct entry *entry = arena_calloc(&r->arena, entries + 1, sizeof *entry);
	if (!entry)
		return false;
	for (uint32_t i = 0; i < entries; i++)
		entry[i].n = take_u32(w, FRAME_MAX);
	r->entry = entry;
	bool ok = !w->bad && block_order(r) &&
	    place_entries(r, 0, r->text_entries, r->block.text_frame, r->block.binary_frame) &&
	    place_entries(r, r->text_entries, r->entries, r->block.binary_frame, r->block.frames);
	if (!ok)
		r->entry = NULL;
	return ok;
}

int
reader_records(struct reader *r)
{
	struct str plain = {0};
	if (r->entry)
		return 0;
	TRY(reader_rows(r));
	TRY(reader_frame(r, FRAME_RECORDS, &plain));
	struct wire w = {plain, false};
	if (r->block.records > plain.n || r->block.batches > plain.n)
		return E_CORRUPT;
	bool ok = take_batches(r, &w) && take_senders(r, &w) && take_records(r, &w) && take_entries(r, &w);
	return ok ? 0 : E_CORRUPT;
}

/* ---- dictionaries ---- */

int
reader_dict(struct reader *r, uint32_t column, struct dict *ret)
{
	struct str plain = {0};
	TRY(reader_meta(r));
	const struct column *c = &r->column[column];
	assert(column < r->columns && c->mode != COLUMN_ALIAS);
	struct dict *d = &r->dict[column];
	if (!d->value) {
		TRY(reader_frame(r, c->frame, &plain));
		struct wire w = {str_cut(plain, c->offset, (size_t)c->offset + c->length), false};
		if (w.rest.n != c->length || c->distinct > c->length)
			return E_CORRUPT;
		struct str *value = arena_alloc(&r->arena, ((size_t)c->distinct + 1) * sizeof *value);
		if (!value)
			return E_CORRUPT;
		for (uint32_t i = 0; i < c->distinct; i++)
			value[i].n = take_u32(&w, FRAME_MAX);
		for (uint32_t i = 0; i < c->distinct; i++)
			value[i] = wire_bytes(&w, value[i].n);
		*d = (struct dict){.distinct = c->distinct};
		if (w.bad || (c->mode == COLUMN_DICT && !take_planes(&w, c->cells, c->distinct, d->plane)) ||
		    (c->mode == COLUMN_DICT && c->cells && !c->distinct))
			return E_CORRUPT;
		d->value = value;
	}
	*ret = *d;
	return 0;
}
