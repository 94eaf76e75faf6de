/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_ARCHIVE_PRIVATE_H
#define STORE_ARCHIVE_PRIVATE_H

/*
 * The inside of the archive, shared by archive*.c only. Core.
 *
 * archive.c        segments, appending, recovery, retention
 * archive_rows.c   the open block: events in memory, in the order they came
 * archive_write.c  an open block becomes the bytes of a sealed one
 * archive_block.c  those bytes are read again, nothing believed before its checksum and its bounds are
 * archive_match.c  which rows of a sealed block fit a search
 * archive_scan.c   search, histogram, top values over all of it
 * archive_sealed.c what the record keeps of sealed blocks
 * archive_slab.c   whole blocks, oldest first, for looking back
 *
 * A sealed block, little-endian:
 *
 *   header     BLOCK_HEADER bytes, frame table, minute histogram; one crc32c over all of it
 *   filter     Bloom filter of exact values (lower case, up to FILTER_VALUE bytes)
 *   trigrams   64 Kbit of the lower-cased texts
 *   frames     zstd, each with its crc32c: meta (columns and shapes), rows, records, places, columns, texts, binaries
 *
 * Every event has a shape: the list of its fields' columns and kinds. A column holds one cell per field of its name, in
 * the order of the rows, as one of
 *   COLUMN_DICT   an index into the distinct values of the column
 *   COLUMN_TEXT   the place of the value in the event's text, for values that hardly repeat (message, GUIDs, record
 *                 numbers): a place costs next to nothing, as it follows the place before it at the same distance
 *   COLUMN_ALIAS  the same value as another column in the same row (a core field and the native one it came from)
 *
 * Entries are the bytes of records, then the texts rendered for events of binary forms. They are kept in the order
 * (binary or not, sender, shape of the first event, arrival): alike lies beside alike, which compresses better, and the
 * order follows from what is stored anyway.
 */

#include <pthread.h>
#include <zstd.h>

#include "store/archive.h"
#include "store/archive_sealed.h"

#define BLOCK_MAGIC 0x3142484bu /* "KHB1" */
#define BLOCK_VERSION 1u
#define BLOCK_HEADER 160u
#define BLOCK_EVENTS 4096u
#define BLOCK_RAW (8u << 20)
#define BLOCK_CELLS (512u << 10) /* fields; a block of very wide events is sealed early */
#define ROWS_CHUNK 1024u
#define ROWS_MAX (64u * ROWS_CHUNK) /* far beyond what one more batch can add to a block that is nearly full */
#define FRAME_TARGET (256u << 10)
#define COLUMN_FRAME_TARGET (32u << 10)
#define FRAME_MAX (128u << 20)
#define FILTER_VALUE 64u
#define SEGMENT_BYTES (256u << 20)
#define SEGMENT_BLOCKS 4096u
#define OPAQUE_FORM 0xff /* a whole batch that is not a row of records, kept as one */
#define NO_PLACE UINT32_MAX

enum { FRAME_META, FRAME_ROWS, FRAME_RECORDS, FRAME_PLACES, FRAME_COLUMNS };
enum column_mode { COLUMN_DICT, COLUMN_TEXT, COLUMN_ALIAS };
enum { COLUMN_CORE = 1, COLUMN_FILTERED = 2 };

static inline uint64_t
zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* wire_varint() for loops over many small numbers. */
static inline uint64_t
take_varint(struct wire *w)
{
	const uint8_t *p = (const uint8_t *)w->rest.p;
	uint32_t n = 0;
	if (w->rest.n >= 1 && p[0] < 0x80)
		n = 1;
	else if (w->rest.n >= 2 && p[1] < 0x80)
		n = 2;
	else
		return wire_varint(w);
	w->rest.p += n;
	w->rest.n -= n;
	return n == 1 ? p[0] : (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
}

static inline int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* ---- the open block ---- */

struct place {
	uint32_t column;
	uint32_t at; /* in the event's text, or NO_PLACE */
	uint32_t n;  /* bytes there */
	bool escaped; /* they are the JSON form of the value */
};

struct row {
	int64_t time_ms;
	const struct raw *raw;
	uint64_t batch;
	uint32_t raw_index;
	uint32_t record;
	uint32_t rendered; /* 1 + number of the rendered text; 0 = the text is the record itself */
	uint32_t shape;
	uint32_t field_count;
	const struct field *field; /* values plain */
	const struct place *place;
	struct str text;
	uint8_t decoder, confidence;
};

struct row_record {
	struct raw raw;
	uint32_t sender;
};

struct row_batch {
	uint64_t number;
	struct str bytes;
	uint32_t first_record, records;
	bool opaque;
};

struct row_column {
	struct str name;
	uint32_t id;      /* core field, or 0 */
	uint32_t next;    /* column that followed last time: events of a kind have the same fields in the same order */
	uint32_t cells;
	int32_t gap;      /* from the end of the place before it to this place, last time */
	uint32_t misses;  /* searches for a place in vain, in a row */
};

struct row_shape {
	uint32_t row; /* the first that has it */
};

struct hash_table {
	uint32_t *slot; /* 1 + index; 0 = free */
	uint32_t size;  /* power of two */
	uint32_t used;
};

struct rows {
	int refs; /* under the archive's lock */
	uint64_t first_id;
	uint64_t key; /* of the hash tables */
	struct arena arena;
	struct row *chunk[ROWS_MAX / ROWS_CHUNK];
	uint32_t count;     /* readers use the count of their snapshot */
	uint64_t raw_bytes;
	struct merkle_range seal; /* over the batches, as they came */
	uint64_t cells;
	int64_t first_received_ms, last_received_ms;
	struct row_batch *batch;
	uint32_t batches, batch_cap;
	struct row_record **record; /* each in the arena: rows point to them while the table grows */
	uint32_t records, record_cap;
	struct row_column *column;
	uint32_t columns, column_cap;
	struct hash_table column_table;
	struct row_shape *shape;
	uint32_t shapes, shape_cap;
	struct hash_table shape_table;
	struct row_record *sender; /* the first record of each */
	uint32_t senders, sender_cap;
	struct hash_table sender_table;
	struct str *rendered;
	uint32_t rendereds, rendered_cap;
	struct buf scratch;
};

static inline struct row *
rows_at(const struct rows *r, uint32_t i)
{
	return &r->chunk[i / ROWS_CHUNK][i % ROWS_CHUNK];
}

struct rows *rows_new(uint64_t first_id, uint64_t key);
void rows_free(struct rows *r);
void rows_begin(struct rows *r, uint64_t batch, struct str bytes);
/* E_INVALID when the batch has no such record, E_LIMIT when the block can hold no more. */
[[nodiscard]] int rows_add(struct rows *r, const struct event *e);
bool rows_full(const struct rows *r);
[[nodiscard]] int rows_copy_event(const struct rows *r, uint32_t i, struct arena *arena, struct archive_event *ret);

/* Slot for a hash; walk with (i + 1) & (size - 1). Grows by calling back for the hash of an index. */
typedef uint64_t hash_of(const void *user, uint32_t index);
void hash_table_grow(struct hash_table *t, hash_of *of, const void *user);

/* ---- writing ---- */

struct block_writer;
struct block_writer *block_writer_new(uint64_t key);
void block_writer_free(struct block_writer *w);
/* The bytes live until the next call. */
struct str block_write(struct block_writer *w, const struct rows *r);

/* ---- reading ---- */

struct frame {
	uint32_t offset, length, raw_length, crc;
};

struct block {
	struct str bytes;
	uint64_t first_id, first_batch, last_batch, raw_bytes;
	int64_t min_time, max_time, min_received, max_received;
	uint32_t rows, records, rendereds, batches;
	uint32_t filter_at, filter_bytes, filter_crc, trigrams_at, trigrams_crc;
	uint32_t frames, text_frame, binary_frame;
	uint32_t minutes;
	struct str minute_bytes;
	const char *frame_table;
};

/* Header only. `bytes` may go on behind the block. E_TRUNCATED, E_CORRUPT, E_UNSUPPORTED. */
[[nodiscard]] int block_open(struct str bytes, struct block *ret);
struct frame block_frame(const struct block *b, uint32_t i);
/* Stable: by the first key, below `firsts`, then by the second. Writer and reader must agree. */
void entries_sort(uint32_t *ret_order, uint32_t n, const uint32_t *first, uint32_t firsts, const uint32_t *second,
    uint32_t seconds);
/* All checksums. */
[[nodiscard]] int block_check(const struct block *b);
/* False: no filtered value of the block equals `value` (without regard to case). */
bool block_may_equal(const struct block *b, struct str value);
bool block_may_hold(const struct block *b, struct str word);
uint64_t filter_hash(struct str value);
void filter_add(uint8_t *bits, uint32_t bytes, uint64_t hash);
/* Core fields all of whose values (up to FILTER_VALUE bytes) are in the filter of every block. */
bool filter_covers(uint32_t core_id);
/* 0 for names that are not core. */
uint32_t core_id(struct str name);

struct column {
	struct str name;
	uint8_t mode, flags;
	uint32_t target; /* of an alias */
	uint32_t frame, offset, length, distinct, cells;
};

struct shape_cell {
	uint32_t column;
	uint8_t kind;
};

struct shape {
	const struct shape_cell *cell;
	uint32_t count;
};

struct dict {
	const struct str *value;
	uint32_t distinct;
	const uint8_t *plane[3];
};

static inline uint32_t
dict_index(const struct dict *d, uint32_t cell)
{
	uint32_t i = d->plane[0] ? d->plane[0][cell] : 0;
	if (d->plane[1])
		i |= (uint32_t)d->plane[1][cell] << 8;
	if (d->plane[2])
		i |= (uint32_t)d->plane[2][cell] << 16;
	return i;
}

struct cell_place {
	uint32_t at, n; /* at == NO_PLACE: n is an index into the column's values */
	bool escaped;
};

struct entry {
	uint32_t frame, at, n;
};

struct sender {
	struct raw raw;
};

struct reader {
	struct block block;
	ZSTD_DCtx *zstd;
	struct arena arena;      /* everything decoded of this block */
	struct buf text;         /* one text frame, for scanning */
	char **frame;            /* decoded frames, or NULL */
	struct column *column;   /* after reader_meta() */
	uint32_t columns;
	struct shape *shape;
	uint32_t shapes;
	int64_t *time_ms;        /* after reader_rows(): per row */
	uint32_t *row_shape, *row_record, *row_entry;
	const uint8_t *row_decoder, *row_confidence;
	struct entry *entry;     /* after reader_records(): records, then rendered texts */
	uint32_t *order;         /* entries in the order of the frames */
	uint32_t entries, text_entries; /* the first text_entries of `order` are not binary */
	uint32_t *record_sender;
	int64_t *record_received;
	struct sender *sender;
	uint32_t senders;
	uint64_t *batch_number;
	uint32_t *batch_first;   /* record; batches + 1 of them */
	bool *batch_opaque;
	struct cell_place **place; /* after reader_places(): per column, NULL unless COLUMN_TEXT */
	struct dict *dict;       /* per column, value NULL until asked */
	uint32_t **first;        /* per column, NULL until asked: see reader_cells() */
};

void reader_init(struct reader *r);
void reader_release(struct reader *r);
/* Forgets the block before. */
[[nodiscard]] int reader_open(struct reader *r, struct str bytes);
/* Each loads what it names, once. E_CORRUPT for whatever does not check. */
[[nodiscard]] int reader_meta(struct reader *r);
[[nodiscard]] int reader_rows(struct reader *r);
[[nodiscard]] int reader_records(struct reader *r);
[[nodiscard]] int reader_places(struct reader *r);
[[nodiscard]] int reader_dict(struct reader *r, uint32_t column, struct dict *ret);
/* Decompressed frame, valid until the next reader_open(). */
[[nodiscard]] int reader_frame(struct reader *r, uint32_t i, struct str *ret);
/* As reader_frame() into one buffer that the next call overwrites. */
[[nodiscard]] int reader_scan_frame(struct reader *r, uint32_t i, struct str *ret);
[[nodiscard]] int reader_entry(struct reader *r, uint32_t entry, struct str *ret);
/* Value of one cell of a COLUMN_TEXT column. */
[[nodiscard]] int reader_place_value(struct reader *r, uint32_t column, const struct cell_place *p, uint32_t row,
    struct str *ret);
/* The cells of row i in a column are first[i] .. first[i + 1] - 1. */
[[nodiscard]] int reader_cells(struct reader *r, uint32_t column, const uint32_t **ret_first);
/* Value of cell k of the row's shape. */
[[nodiscard]] int reader_cell(struct reader *r, uint32_t row, uint32_t k, struct str *ret);
[[nodiscard]] int reader_event(struct reader *r, uint32_t row, struct arena *arena, struct archive_event *ret);
[[nodiscard]] int reader_raw(struct reader *r, uint32_t record, struct raw *ret);
/* The journal block again, byte for byte. */
[[nodiscard]] int reader_batch(struct reader *r, uint64_t number, struct buf *ret);

/* ---- matching ---- */

static inline bool
bit_get(const uint64_t *bits, uint32_t i)
{
	return bits[i >> 6] >> (i & 63) & 1;
}

static inline void
bit_set(uint64_t *bits, uint32_t i)
{
	bits[i >> 6] |= UINT64_C(1) << (i & 63);
}

/* The rows of the block that fit, as bits; *ret_count of them. Arena of the reader. */
[[nodiscard]] int match_rows(struct reader *r, const struct search *s, uint64_t **ret_bits, uint32_t *ret_count);

/* ---- segments and snapshots ---- */

struct block_info {
	uint64_t first_id;
	uint64_t first_batch, last_batch;
	int64_t min_time, max_time, min_received, max_received;
	uint32_t offset, bytes;
	uint32_t rows;
};

struct segment {
	int refs; /* under the archive's lock */
	int fd;   /* -1 unless it is written to */
	int64_t day;
	char *map;
	size_t map_bytes;
	uint64_t bytes;
	int64_t min_time, max_time;
	uint64_t raw_bytes, events;
	struct block_info *block; /* SEGMENT_BLOCKS; readers use the count of their snapshot */
	uint32_t blocks;
	char path[];
};

struct snapshot {
	struct segment **segment;
	uint32_t *blocks;
	uint32_t segments;
	struct rows *rows;
	uint32_t row_count;
};

struct archive {
	pthread_mutex_t lock; /* segments, refs, counts of what readers may see, stats */
	const struct store_io *io;
	char *directory;
	int64_t seal_after_ms;
	uint64_t key;
	struct segment **segment; /* by first id; the last may be written to */
	uint32_t segments, segment_cap;
	struct rows *rows;
	uint32_t visible;   /* rows readers may see */
	uint64_t next_id;   /* of the first row of the next block */
	uint64_t safe, last_batch;
	int64_t opened_ms;  /* when archive_tick() first saw the open block; TIME_NONE = not yet */
	bool in_batch;
	uint64_t torn, damaged;
	struct block_writer *writer;
	bool read_only;
	struct archive_sealed *sealed; /* by us, until they are noted; core's thread alone */
	uint32_t sealeds, sealed_cap;
};

/* Remembers what the open block will be as a sealed one. */
void sealed_add(struct archive *a, const struct segment *s, const struct block *b);

struct snapshot snapshot_take(struct archive *a);
void snapshot_drop(struct archive *a, struct snapshot *s);
struct str segment_block(const struct segment *s, uint32_t block);

#endif
