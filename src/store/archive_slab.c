/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/archive_slab.h"

#include <assert.h>

#include "base/memory.h"
#include "store/archive_private.h"

#define SLAB_BATCH ((size_t)64 << 20) /* far beyond what a block holds */
#define SLAB_ARENA ((size_t)64 << 20)
#define CORES_MAX 8u

/* What only this file sees of a slab. */
struct slab {
	struct archive_slab base;
	struct arena arena;
	struct buf batch;
	uint64_t first_id;
	uint32_t *first;         /* by raw: its first event; raws + 1 of them */
	struct str *value;       /* by event and core field */
	uint32_t cores;
};

/* ---- which blocks ---- */

static bool
may_hold_any(const struct segment *segment, uint32_t k, const struct archive_span *span)
{
	struct block b;
	if (!span->any || block_open(segment_block(segment, k), &b) < 0)
		return true; /* a damaged one is told when it is read */
	for (uint32_t i = 0; i < span->anys; i++)
		if (block_may_hold(&b, span->any[i]))
			return true;
	return false;
}

static bool
is_wanted(const struct segment *segment, uint32_t k, const struct archive_span *span)
{
	const struct block_info *b = &segment->block[k];
	bool claimed = b->max_time >= span->from_ms && b->min_time < span->to_ms;
	bool received = b->max_received >= span->from_ms && b->min_received < span->to_ms;
	return b->last_batch > span->after && b->first_batch <= span->upto && (claimed || received) &&
	    may_hold_any(segment, k, span);
}

static bool
find_first(const struct snapshot *s, const struct archive_span *span, const struct segment **ret_segment,
    uint32_t *ret_block)
{
	for (uint32_t i = 0; i < s->segments; i++)
		for (uint32_t k = 0; k < s->blocks[i]; k++)
			if (is_wanted(s->segment[i], k, span)) {
				*ret_segment = s->segment[i];
				*ret_block = k;
				return true;
			}
	return false;
}

uint32_t
archive_slab_count(struct archive *a, const struct archive_span *span)
{
	struct snapshot s = snapshot_take(a);
	uint32_t count = 0;
	for (uint32_t i = 0; i < s.segments; i++)
		for (uint32_t k = 0; k < s.blocks[i]; k++)
			count += is_wanted(s.segment[i], k, span);
	snapshot_drop(a, &s);
	return count;
}

/* ---- unpacking ---- */

/* The records into the batch; ret_raw[i] is the place of record i there, or UINT32_MAX. */
static int
take_records(struct slab *s, struct reader *r, uint32_t *ret_raw)
{
	uint32_t raws = 0;
	for (uint32_t i = 0; i < r->block.batches; i++)
		for (uint32_t k = r->batch_first[i]; k < r->batch_first[i + 1]; k++) {
			struct raw raw;
			ret_raw[k] = UINT32_MAX;
			if (r->batch_opaque[i])
				continue;
			TRY(reader_raw(r, k, &raw));
			if (raw.bytes.n > RAW_MAX)
				return E_CORRUPT;
			batch_put(&s->batch, &raw);
			ret_raw[k] = raws++;
		}
	if (s->batch.over)
		return E_LIMIT;
	s->base.raws = raws;
	return 0;
}

/* The records once more, now that the batch no longer moves. */
static int
list_records(struct slab *s)
{
	struct wire w = {buf_str(&s->batch), false};
	struct raw *raw = arena_calloc(&s->arena, s->base.raws, sizeof *raw);
	if (!raw)
		return E_LIMIT;
	for (uint32_t i = 0; i < s->base.raws; i++)
		if (!batch_take(&w, &raw[i]))
			return E_CORRUPT;
	s->base.raw = raw;
	s->base.batch = buf_str(&s->batch);
	return 0;
}

/* Events lie in the order of their records, so those of a record are a run. */
static int
list_events(struct slab *s, struct reader *r, const uint32_t *raw_of)
{
	uint32_t raws = s->base.raws, at = 0;
	s->first = arena_alloc(&s->arena, ((size_t)raws + 1) * sizeof *s->first);
	if (!s->first)
		return E_LIMIT;
	for (uint32_t i = 0; i < r->block.rows; i++) {
		uint32_t raw = r->row_record[i] < r->block.records ? raw_of[r->row_record[i]] : UINT32_MAX;
		if (raw == UINT32_MAX)
			continue;
		while (at <= raw)
			s->first[at++] = i;
	}
	while (at <= raws)
		s->first[at++] = r->block.rows;
	s->base.events = r->block.rows;
	s->first_id = r->block.first_id;
	return 0;
}

/* ---- what core had said ---- */

/* The cell of `core` in this shape, or UINT32_MAX. */
static uint32_t
cell_of(const struct reader *r, const struct shape *shape, uint32_t core)
{
	for (uint32_t k = shape->count; k-- > 0;) { /* core says it last */
		const struct column *c = &r->column[shape->cell[k].column];
		if ((c->flags & COLUMN_CORE) && core_id(c->name) == core)
			return k;
	}
	return UINT32_MAX;
}

static int
take_column(struct slab *s, struct reader *r, uint32_t core, uint32_t i)
{
	struct str before = {0}, kept = {0}; /* values are mostly those of the event before */
	uint32_t *cell = arena_alloc(&s->arena, ((size_t)r->shapes + 1) * sizeof *cell);
	if (!cell)
		return E_LIMIT;
	for (uint32_t k = 0; k < r->shapes; k++)
		cell[k] = cell_of(r, &r->shape[k], core);
	for (uint32_t row = 0; row < r->block.rows; row++) {
		struct str value = {0};
		if (cell[r->row_shape[row]] == UINT32_MAX)
			continue;
		TRY(reader_cell(r, row, cell[r->row_shape[row]], &value));
		if (!str_eq(value, before) && !arena_copy(&s->arena, value, &kept))
			return E_LIMIT;
		before = value;
		s->value[row * s->cores + i] = kept;
	}
	return 0;
}

static int
unpack(struct slab *s, struct reader *r, const uint32_t *core)
{
	TRY(reader_records(r));
	uint32_t *raw_of = arena_alloc(&s->arena, ((size_t)r->block.records + 1) * sizeof *raw_of);
	s->value = arena_calloc(&s->arena, (size_t)r->block.rows * s->cores, sizeof *s->value);
	if (!raw_of || !s->value)
		return E_LIMIT;
	TRY(take_records(s, r, raw_of));
	TRY(list_records(s));
	TRY(list_events(s, r, raw_of));
	for (uint32_t i = 0; i < s->cores; i++)
		TRY(take_column(s, r, core[i], i));
	return 0;
}

static struct slab *
slab_new(uint64_t last_block, uint32_t cores)
{
	struct slab *s = MEM_NEW(struct slab);
	s->base.last_block = last_block;
	s->batch = BUF_INIT_MAX(SLAB_BATCH);
	s->cores = cores;
	arena_init(&s->arena, 256 << 10, SLAB_ARENA);
	return s;
}

int
archive_slab_read(struct archive *a, const struct archive_span *span, const uint32_t *core, uint32_t cores,
    struct archive_slab **ret)
{
	struct snapshot snapshot = snapshot_take(a);
	const struct segment *segment = NULL;
	uint32_t k = 0;
	struct reader r;
	assert(cores <= CORES_MAX);
	if (!find_first(&snapshot, span, &segment, &k)) {
		snapshot_drop(a, &snapshot);
		return E_NOT_FOUND;
	}
	struct slab *s = slab_new(segment->block[k].last_batch, cores);
	reader_init(&r);
	int error = reader_open(&r, segment_block(segment, k));
	if (!error)
		error = unpack(s, &r, core);
	reader_release(&r);
	snapshot_drop(a, &snapshot);
	if (error)
		s->base = (struct archive_slab){.last_block = s->base.last_block, .damaged = true};
	*ret = &s->base;
	return 0;
}

void
archive_slab_free(struct archive_slab *base)
{
	struct slab *s = (struct slab *)base;
	if (!s)
		return;
	arena_release(&s->arena);
	buf_release(&s->batch);
	mem_free(s);
}

/* ---- asking ---- */

static const struct slab *
slab_of(const struct archive_slab *base)
{
	static_assert(offsetof(struct slab, base) == 0, "an archive_slab is the front of its slab");
	return (const struct slab *)(const void *)base;
}

uint32_t
archive_slab_event(const struct archive_slab *base, uint32_t raw, uint32_t sub)
{
	const struct slab *s = slab_of(base);
	if (raw >= base->raws || s->first[raw] == s->first[raw + 1])
		return UINT32_MAX;
	uint32_t count = s->first[raw + 1] - s->first[raw];
	return s->first[raw] + (sub < count ? sub : count - 1);
}

uint64_t
archive_slab_id(const struct archive_slab *base, uint32_t event)
{
	assert(event < base->events);
	return slab_of(base)->first_id + event;
}

struct str
archive_slab_value(const struct archive_slab *base, uint32_t event, uint32_t i)
{
	const struct slab *s = slab_of(base);
	assert(event < base->events && i < s->cores);
	return s->value[event * s->cores + i];
}
