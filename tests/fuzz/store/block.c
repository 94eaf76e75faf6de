/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A sealed block of the archive from hostile bytes. The first byte of the input chooses:
 *   'B'  a whole block, its checksums set right first, so that what lies behind them is reached
 *   'F'  the plain frames of a block, from which one is built: counts u32 x 4 (rows, records, rendered texts, batches),
 *        u8 column frames, u8 text frames, then every frame as u16 length and bytes
 * Whatever can be asked of a block is asked.
 */
#include "base/hash.h"
#include "base/memory.h"
#include "store/archive_private.h"
#include "store/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_u32_at(struct buf *b, size_t at, uint32_t v)
{
	struct buf word = BUF_INIT;
	wire_put_u32(&word, v);
	if (at + 4 <= b->n)
		memcpy(b->p + at, word.p, 4);
	buf_release(&word);
}

static uint32_t
u32_at(const struct buf *b, size_t at)
{
	struct wire w = {str_skip(buf_str(b), at), false};
	return wire_u32(&w);
}

static void
set_checksums(struct buf *b)
{
	uint32_t header = u32_at(b, 8), frames = u32_at(b, 124);
	struct str all = buf_str(b);
	if (header > b->n || header < BLOCK_HEADER)
		return;
	put_u32_at(b, 112, crc32c(0, str_cut(all, u32_at(b, 104), (size_t)u32_at(b, 104) + u32_at(b, 108))));
	put_u32_at(b, 120, crc32c(0, str_cut(all, u32_at(b, 116), (size_t)u32_at(b, 116) + TRIGRAM_BYTES)));
	for (uint32_t i = 0; i < frames && BLOCK_HEADER + (size_t)i * 16 + 16 <= header; i++) {
		size_t at = BLOCK_HEADER + (size_t)i * 16;
		put_u32_at(b, at + 12, crc32c(0, str_cut(all, u32_at(b, at), (size_t)u32_at(b, at) + u32_at(b, at + 4))));
	}
	put_u32_at(b, 4, crc32c(0, str_cut(all, 8, header)));
}

/* Header, frame table, a filter and trigrams of ones, then the frames. */
static void
build(struct wire *w, struct buf *out)
{
	uint32_t counts[4], frames = 0;
	struct buf packed = BUF_INIT, table = BUF_INIT;
	for (size_t i = 0; i < COUNT(counts); i++)
		counts[i] = wire_u32(w);
	uint32_t columns = wire_u8(w), texts = wire_u8(w);
	for (; w->rest.n && !w->bad && frames < 600; frames++) {
		struct str plain = wire_bytes(w, wire_u16(w));
		size_t bound = ZSTD_compressBound(plain.n);
		size_t n = ZSTD_compress(buf_room(&packed, bound), bound, plain.p, plain.n, 1);
		wire_put_u32(&table, (uint32_t)packed.n);
		wire_put_u32(&table, (uint32_t)n);
		wire_put_u32(&table, (uint32_t)plain.n);
		wire_put_u32(&table, 0);
		packed.n += n;
	}
	uint32_t header = (uint32_t)(BLOCK_HEADER + table.n), base = header + 64 + TRIGRAM_BYTES;
	for (uint32_t i = 0; i < frames; i++)
		put_u32_at(&table, (size_t)i * 16, base + u32_at(&table, (size_t)i * 16));
	const uint32_t front[] = {BLOCK_MAGIC, 0, header, BLOCK_VERSION, (uint32_t)(base + packed.n), 0};
	for (size_t i = 0; i < COUNT(front); i++)
		wire_put_u32(out, front[i]);
	const int64_t numbers[] = {1, 1, 1, INT64_MIN, INT64_MAX, 0, 0, 0};
	for (size_t i = 0; i < COUNT(numbers); i++)
		wire_put_i64(out, numbers[i]);
	const uint32_t back[] = {counts[0], counts[1], counts[2], counts[3], header, 64, 0, header + 64, 0, frames,
	    FRAME_COLUMNS + columns, FRAME_COLUMNS + columns + texts, 0, 0};
	for (size_t i = 0; i < COUNT(back); i++)
		wire_put_u32(out, back[i]);
	while (out->n < BLOCK_HEADER)
		wire_put_u8(out, 0);
	buf_add(out, buf_str(&table));
	for (uint32_t i = 0; i < 64 + TRIGRAM_BYTES; i++)
		wire_put_u8(out, 0xff);
	buf_add(out, buf_str(&packed));
	buf_release(&packed);
	buf_release(&table);
}

static void
ask(struct reader *r, struct str block, const char *query)
{
	struct arena arena;
	struct search s;
	uint64_t *bits;
	uint32_t count;
	arena_init(&arena, 65536, 64 << 20);
	int error = search_parse(str_z(query), &arena, &s, NULL);
	if (!error)
		error = reader_open(r, block);
	if (!error)
		error = match_rows(r, &s, &bits, &count);
	for (uint32_t i = 0; !error && i < r->block.rows && i < 64; i++) {
		struct archive_event e;
		struct raw raw;
		error = reader_event(r, i, &arena, &e);
		if (!error)
			error = reader_raw(r, r->row_record[i], &raw);
	}
	struct buf batch = BUF_INIT_MAX(1 << 20);
	if (!error)
		error = reader_batch(r, r->block.first_batch, &batch);
	buf_release(&batch);
	arena_release(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const queries[] = {"", "a", "host:web01", "Guid:{0*", "message:*e*", "-User:x failed", "Port:*"};
	struct wire w = {str_from((const char *)data, size), false};
	struct buf block = BUF_INIT;
	struct reader r;
	uint8_t kind = wire_u8(&w);
	if (kind == 'F')
		build(&w, &block);
	else
		buf_add(&block, w.rest);
	set_checksums(&block);
	struct str exact = {mem_alloc(block.n), block.n};
	if (block.n)
		memcpy((char *)(uintptr_t)exact.p, block.p, block.n);
	reader_init(&r);
	for (size_t i = 0; i < COUNT(queries); i++)
		ask(&r, exact, queries[i]);
	reader_release(&r);
	mem_free((char *)(uintptr_t)exact.p);
	buf_release(&block);
	return 0;
}
