/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/archive_sealed.h"

#include "base/hash.h"
#include "base/memory.h"
#include "store/archive_private.h"

#define REMEMBERED 4096u /* that nobody noted; what is older is read again */

static void
put_u64(uint8_t *to, uint64_t n)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(n >> (56 - 8 * i));
}

struct merkle_hash
archive_sealed_leaf(uint64_t number, struct str bytes)
{
	uint8_t leaf[16 + MERKLE_HASH];
	put_u64(leaf, number);
	put_u64(leaf + 8, bytes.n);
	sha256(bytes, leaf + 16);
	return merkle_leaf(str_from((const char *)leaf, sizeof leaf));
}

/* ---- as it came ---- */

void
sealed_add(struct archive *a, const struct segment *s, const struct block *b)
{
	const struct rows *r = a->rows;
	if (a->sealeds == REMEMBERED) {
		a->sealeds /= 2;
		memmove(a->sealed, a->sealed + a->sealeds, a->sealeds * sizeof *a->sealed);
	}
	MEM_GROW(a->sealed, a->sealeds, a->sealed_cap);
	a->sealed[a->sealeds++] = (struct archive_sealed){.first = b->first_batch, .last = b->last_batch,
	    .blocks = r->batches, .bytes = r->raw_bytes, .events = r->count, .day = s->day, .root = merkle_range_root(&r->seal)};
}

static void
forget(struct archive *a, uint64_t after)
{
	uint32_t n = 0;
	while (n < a->sealeds && a->sealed[n].last <= after)
		n++;
	a->sealeds -= n;
	if (n)
		memmove(a->sealed, a->sealed + n, a->sealeds * sizeof *a->sealed);
}

/* ---- made again ---- */

static int
read_again(struct str bytes, struct archive_sealed *ret)
{
	struct reader r;
	struct buf batch = BUF_INIT_MAX(FRAME_MAX);
	struct merkle_range range = {0};
	reader_init(&r);
	int error = reader_open(&r, bytes);
	if (!error)
		error = block_check(&r.block);
	if (!error)
		error = reader_records(&r);
	for (uint32_t i = 0; !error && i < r.block.batches; i++) {
		buf_clear(&batch);
		error = reader_batch(&r, r.batch_number[i], &batch);
		struct merkle_hash leaf = archive_sealed_leaf(r.batch_number[i], buf_str(&batch));
		merkle_range_add(&range, &leaf);
		ret->bytes += batch.n;
	}
	ret->blocks = range.size;
	ret->root = merkle_range_root(&range);
	buf_release(&batch);
	reader_release(&r);
	return error;
}

static int
sealed_of(const struct segment *s, uint32_t block, struct archive_sealed *ret)
{
	const struct block_info *b = &s->block[block];
	*ret = (struct archive_sealed){.first = b->first_batch, .last = b->last_batch, .events = b->rows, .day = s->day};
	return read_again(segment_block(s, block), ret);
}

static const struct archive_sealed *
remembered(const struct archive *a, const struct block_info *b)
{
	for (uint32_t i = 0; i < a->sealeds; i++)
		if (a->sealed[i].first == b->first_batch && a->sealed[i].last == b->last_batch)
			return &a->sealed[i];
	return NULL;
}

int
archive_sealed_list(struct archive *a, uint64_t after, struct archive_sealed *ret, uint32_t max, uint32_t *ret_count)
{
	struct snapshot s = snapshot_take(a);
	uint32_t n = 0;
	int error = 0;
	forget(a, after);
	for (uint32_t i = 0; i < s.segments; i++) {
		const struct segment *segment = s.segment[i];
		if (!s.blocks[i] || segment->block[s.blocks[i] - 1].last_batch <= after)
			continue;
		for (uint32_t k = 0; k < s.blocks[i] && n < max && !error; k++) {
			if (segment->block[k].first_batch <= after)
				continue;
			const struct archive_sealed *known = remembered(a, &segment->block[k]);
			if (known)
				ret[n] = *known;
			else
				error = sealed_of(segment, k, &ret[n]);
			n += !error;
		}
	}
	snapshot_drop(a, &s);
	*ret_count = n;
	return n ? 0 : error; /* what stands before the one that cannot be read */
}

int
archive_sealed_next(struct archive *a, struct archive_sealed_cursor *c, struct archive_sealed *ret)
{
	while (c->segment < a->segments && c->block >= a->segment[c->segment]->blocks)
		*c = (struct archive_sealed_cursor){c->segment + 1, 0};
	if (c->segment == a->segments)
		return E_NOT_FOUND;
	return sealed_of(a->segment[c->segment], c->block++, ret) ? E_CORRUPT : 0;
}

uint64_t
archive_sealed_before(struct archive *a, int64_t ms)
{
	uint64_t last = 0;
	for (uint32_t i = 0; i + 1 < a->segments; i++) {
		const struct segment *s = a->segment[i];
		if (s->day < floor_div(ms, TIME_DAY) && s->blocks && s->block[s->blocks - 1].last_batch > last)
			last = s->block[s->blocks - 1].last_batch;
	}
	return last;
}
