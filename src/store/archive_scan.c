/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/archive_private.h"

#define TOP_ARENA (64u << 20) /* distinct values counted by archive_top(); beyond it E_LIMIT */

/* A block (or the open one) that a search has to look at. */
struct visit {
	int64_t max_time;
	const struct segment *segment; /* NULL: the open block */
	uint32_t block;
	bool damaged; /* fails its checksums: left out, and counted */
};

struct scan {
	struct archive *archive;
	struct snapshot snapshot;
	const struct search *search;
	const struct archive_control *control;
	struct visit *visit;
	uint32_t visits;
	struct reader reader;
};

static bool
stopped(const struct scan *s)
{
	return s->control && s->control->stop && s->control->stop(s->control->user);
}

static int
newest_first(const void *a, const void *b)
{
	const struct visit *x = a, *y = b;
	return x->max_time > y->max_time ? -1 : x->max_time < y->max_time;
}

static void
scan_begin(struct scan *s, struct archive *a, const struct search *search, const struct archive_control *control)
{
	*s = (struct scan){.archive = a, .snapshot = snapshot_take(a), .search = search, .control = control};
	reader_init(&s->reader);
	uint32_t cap = 1;
	for (uint32_t i = 0; i < s->snapshot.segments; i++)
		cap += s->snapshot.blocks[i];
	s->visit = mem_alloc(cap * sizeof *s->visit);
	for (uint32_t i = 0; i < s->snapshot.segments; i++) {
		const struct segment *segment = s->snapshot.segment[i];
		for (uint32_t k = 0; k < s->snapshot.blocks[i]; k++) {
			const struct block_info *b = &segment->block[k];
			if (b->max_time >= search->from_ms && b->min_time < search->to_ms)
				s->visit[s->visits++] = (struct visit){b->max_time, segment, k, false};
		}
	}
	if (s->snapshot.row_count)
		s->visit[s->visits++] = (struct visit){INT64_MAX, NULL, 0, false};
	qsort(s->visit, s->visits, sizeof *s->visit, newest_first);
	if (control && control->ret_stopped)
		*control->ret_stopped = false;
}

static void
scan_end(struct scan *s)
{
	reader_release(&s->reader);
	mem_free(s->visit);
	snapshot_drop(s->archive, &s->snapshot);
}

/* Whatever went wrong with a block costs that block only. */
static int
spare(struct scan *s, struct visit *v, int error)
{
	if (error != E_CORRUPT && error != E_TRUNCATED && error != E_UNSUPPORTED)
		return error;
	v->damaged = true;
	pthread_mutex_lock(&s->archive->lock);
	s->archive->damaged++;
	pthread_mutex_unlock(&s->archive->lock);
	return 0;
}

static bool
row_matches(const struct scan *s, const struct row *row)
{
	const struct search_view v = {row->time_ms, row->text, row->field, row->field_count};
	return search_matches(s->search, &v);
}

/* ---- search ---- */

struct hit {
	int64_t time_ms;
	uint64_t id;
	const struct segment *segment;
	uint32_t block, row;
};

/* The best `limit` hits so far, the worst of them on top. */
struct hits {
	struct hit *hit;
	uint32_t count, limit, cap;
	const struct archive_cursor *before;
};

static bool
is_newer(const struct hit *a, const struct hit *b)
{
	return a->time_ms > b->time_ms || (a->time_ms == b->time_ms && a->id > b->id);
}

static void
swap_hits(struct hit *a, struct hit *b)
{
	struct hit c = *a;
	*a = *b;
	*b = c;
}

static void
sift_down(struct hits *h)
{
	for (uint32_t i = 0;;) {
		uint32_t least = i;
		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->count; child++)
			if (is_newer(&h->hit[least], &h->hit[child]))
				least = child;
		if (least == i)
			return;
		swap_hits(&h->hit[i], &h->hit[least]);
		i = least;
	}
}

static void
add_hit(struct hits *h, struct hit hit)
{
	if (h->before && (hit.time_ms > h->before->time_ms ||
	                     (hit.time_ms == h->before->time_ms && hit.id >= h->before->id)))
		return;
	if (h->count == h->limit) {
		if (!is_newer(&hit, &h->hit[0]))
			return;
		h->hit[0] = hit;
		sift_down(h);
		return;
	}
	MEM_GROW(h->hit, h->count, h->cap);
	uint32_t i = h->count++;
	h->hit[i] = hit;
	for (; i && is_newer(&h->hit[(i - 1) / 2], &h->hit[i]); i = (i - 1) / 2)
		swap_hits(&h->hit[i], &h->hit[(i - 1) / 2]);
}

static int
search_sealed(struct scan *s, const struct visit *v, struct hits *h)
{
	struct reader *r = &s->reader;
	uint64_t *bits;
	uint32_t count;
	TRY(reader_open(r, segment_block(v->segment, v->block)));
	TRY(match_rows(r, s->search, &bits, &count));
	if (!count)
		return 0;
	TRY(reader_rows(r));
	for (uint32_t i = 0; i < r->block.rows; i++)
		if (bit_get(bits, i))
			add_hit(h, (struct hit){r->time_ms[i], r->block.first_id + i, v->segment, v->block, i});
	return 0;
}

static void
search_open(struct scan *s, struct hits *h)
{
	const struct rows *rows = s->snapshot.rows;
	for (uint32_t i = 0; i < s->snapshot.row_count; i++) {
		const struct row *row = rows_at(rows, i);
		if (row_matches(s, row))
			add_hit(h, (struct hit){row->time_ms, rows->first_id + i, NULL, 0, i});
	}
}

static int
find_hits(struct scan *s, struct hits *h)
{
	for (uint32_t i = 0; i < s->visits; i++) {
		struct visit *v = &s->visit[i];
		bool full = h->count == h->limit;
		if (full && v->max_time < h->hit[0].time_ms)
			break;
		if (!v->segment) {
			search_open(s, h);
			continue;
		}
		if (v->damaged || (h->before && v->segment->block[v->block].min_time > h->before->time_ms))
			continue;
		if (stopped(s)) {
			if (s->control->ret_stopped)
				*s->control->ret_stopped = true;
			break;
		}
		TRY(spare(s, v, search_sealed(s, v, h)));
	}
	return 0;
}

static int
newest_hit_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return is_newer(x, y) ? -1 : is_newer(y, x);
}

/* Its events cannot be read although its times could: the search begins again without the block. */
static int
leave_out(struct scan *s, const struct hit *hit, int error)
{
	for (uint32_t i = 0; i < s->visits; i++)
		if (s->visit[i].segment == hit->segment && s->visit[i].block == hit->block && hit->segment)
			return spare(s, &s->visit[i], error) ? error : E_AGAIN;
	return error;
}

/* Every block is opened once, whatever the order of its hits. E_AGAIN when one turned out to be damaged. */
static int
fetch_hits(struct scan *s, const struct hits *h, struct arena *arena, struct archive_event *event)
{
	bool *done = mem_calloc(h->count, sizeof *done);
	int error = 0;
	for (uint32_t i = 0; i < h->count && !error; i++) {
		const struct hit *first = &h->hit[i];
		if (done[i])
			continue;
		if (first->segment)
			error = reader_open(&s->reader, segment_block(first->segment, first->block));
		for (uint32_t k = i; k < h->count && !error; k++) {
			const struct hit *hit = &h->hit[k];
			if (hit->segment != first->segment || hit->block != first->block)
				continue;
			done[k] = true;
			if (hit->segment)
				error = reader_event(&s->reader, hit->row, arena, &event[k]);
			else
				error = rows_copy_event(s->snapshot.rows, hit->row, arena, &event[k]);
		}
		if (error)
			error = leave_out(s, first, error);
	}
	mem_free(done);
	return error;
}

int
archive_search(struct archive *a, const struct search *s, const struct archive_cursor *before, uint32_t limit,
    const struct archive_control *control, struct arena *arena, struct archive_event **ret, uint32_t *ret_count)
{
	struct scan scan;
	struct hits h = {.limit = limit, .before = before};
	if (!limit)
		return E_INVALID;
	scan_begin(&scan, a, s, control);
	struct archive_event *event;
	int error;
	do {
		h.count = 0;
		error = find_hits(&scan, &h);
		event = error ? NULL : arena_calloc(arena, h.count, sizeof *event);
		if (!error && !event)
			error = E_LIMIT;
		if (!error && h.count) {
			qsort(h.hit, h.count, sizeof *h.hit, newest_hit_first);
			error = fetch_hits(&scan, &h, arena, event);
		}
	} while (error == E_AGAIN);
	mem_free(h.hit);
	scan_end(&scan);
	if (error)
		return error;
	*ret = event;
	*ret_count = h.count;
	return 0;
}

/* ---- count over time ---- */

struct slots {
	int64_t from, to, interval;
	uint64_t *count;
	uint32_t slots;
};

static void
count_at(const struct slots *h, int64_t time_ms, uint64_t n)
{
	if (time_ms < h->from || time_ms >= h->to)
		return;
	uint64_t slot = ((uint64_t)time_ms - (uint64_t)h->from) / (uint64_t)h->interval;
	if (slot < h->slots)
		h->count[slot] += n;
}

/* By the block's minutes, when every minute lies in one slot and none is cut by the range. */
static int
count_minutes(const struct slots *h, const struct block *b)
{
	struct wire w = {b->minute_bytes, false};
	int64_t minute = 0;
	for (uint32_t i = 0; i < b->minutes && !w.bad; i++) {
		minute += unzigzag(take_varint(&w));
		uint64_t n = take_varint(&w);
		if (minute > INT64_MAX / TIME_MINUTE || minute < INT64_MIN / TIME_MINUTE - 1)
			return E_CORRUPT;
		if (!w.bad && minute >= INT64_MIN / TIME_MINUTE)
			count_at(h, minute * TIME_MINUTE, n);
	}
	return w.bad ? E_CORRUPT : 0;
}

static bool
whole_minutes(const struct slots *h)
{
	return h->from % TIME_MINUTE == 0 && h->to % TIME_MINUTE == 0 && h->interval % TIME_MINUTE == 0;
}

static int
count_sealed(struct scan *s, const struct visit *v, const struct slots *h)
{
	struct reader *r = &s->reader;
	uint64_t *bits;
	uint32_t count;
	if (!s->search->term_count && whole_minutes(h)) {
		struct block b;
		TRY(block_open(segment_block(v->segment, v->block), &b));
		return count_minutes(h, &b);
	}
	TRY(reader_open(r, segment_block(v->segment, v->block)));
	TRY(match_rows(r, s->search, &bits, &count));
	if (!count)
		return 0;
	TRY(reader_rows(r));
	for (uint32_t i = 0; i < r->block.rows; i++)
		if (bit_get(bits, i))
			count_at(h, r->time_ms[i], 1);
	return 0;
}

int
archive_histogram(struct archive *a, const struct search *s, int64_t interval_ms, uint64_t *ret, uint32_t slots,
    const struct archive_control *control)
{
	if (interval_ms <= 0 || s->from_ms == INT64_MIN || s->to_ms == INT64_MAX || s->to_ms < s->from_ms)
		return E_INVALID;
	struct scan scan;
	struct slots h = {s->from_ms, s->to_ms, interval_ms, ret, slots};
	int error = 0;
	memset(ret, 0, slots * sizeof *ret);
	scan_begin(&scan, a, s, control);
	for (uint32_t i = 0; i < scan.visits && !error; i++) {
		struct visit *v = &scan.visit[i];
		if (stopped(&scan)) {
			if (control->ret_stopped)
				*control->ret_stopped = true;
			break;
		}
		if (v->segment)
			error = spare(&scan, v, count_sealed(&scan, v, &h));
		for (uint32_t k = 0; !v->segment && k < scan.snapshot.row_count; k++)
			if (row_matches(&scan, rows_at(scan.snapshot.rows, k)))
				count_at(&h, rows_at(scan.snapshot.rows, k)->time_ms, 1);
	}
	scan_end(&scan);
	return error;
}

/* ---- top values ---- */

struct top {
	struct archive_top *value;
	uint32_t count, cap;
	struct hash_table table;
	struct arena arena;
	uint64_t key;
};

static uint64_t
top_hash_at(const void *user, uint32_t i)
{
	const struct top *t = user;
	return hash64(t->value[i].value, t->key);
}

static int
count_value(struct top *t, struct str value, uint64_t n)
{
	hash_table_grow(&t->table, top_hash_at, t);
	uint32_t mask = t->table.size - 1, at = (uint32_t)hash64(value, t->key) & mask;
	for (; t->table.slot[at]; at = (at + 1) & mask) {
		struct archive_top *known = &t->value[t->table.slot[at] - 1];
		if (str_eq(known->value, value)) {
			known->count += n;
			return 0;
		}
	}
	struct archive_top fresh = {.count = n};
	if (!arena_copy(&t->arena, value, &fresh.value))
		return E_LIMIT;
	MEM_GROW(t->value, t->count, t->cap);
	t->value[t->count] = fresh;
	t->table.slot[at] = ++t->count;
	t->table.used++;
	return 0;
}

/* Counts by index first: a block has few values and many rows. */
static int
count_dict(struct reader *r, const uint64_t *bits, const uint32_t *present, const uint32_t *first, const struct dict *d,
    struct top *t)
{
	uint32_t *count = arena_calloc(&r->arena, (size_t)d->distinct + 1, sizeof *count);
	if (!count)
		return E_CORRUPT;
	for (uint32_t i = 0; i < r->block.rows; i++) {
		if (present[i] == present[i + 1] || !bit_get(bits, i))
			continue;
		for (uint32_t k = first[i]; k < first[i + 1]; k++) {
			uint32_t index = dict_index(d, k);
			if (index >= d->distinct)
				return E_CORRUPT;
			count[index]++;
		}
	}
	for (uint32_t i = 0; i < d->distinct; i++)
		if (count[i])
			TRY(count_value(t, d->value[i], count[i]));
	return 0;
}

static int
count_column(struct reader *r, const uint64_t *bits, uint32_t column, struct top *t)
{
	const struct column *c = &r->column[column];
	uint32_t source = c->mode == COLUMN_ALIAS ? c->target : column;
	const uint32_t *present, *first;
	struct dict d;
	TRY(reader_cells(r, column, &present));
	TRY(reader_cells(r, source, &first));
	if (r->column[source].mode == COLUMN_DICT) {
		TRY(reader_dict(r, source, &d));
		return count_dict(r, bits, present, first, &d, t);
	}
	TRY(reader_places(r));
	for (uint32_t i = 0; i < r->block.rows; i++) {
		if (present[i] == present[i + 1] || !bit_get(bits, i))
			continue;
		for (uint32_t k = first[i]; k < first[i + 1]; k++) {
			struct str value;
			TRY(reader_place_value(r, source, &r->place[source][k], i, &value));
			TRY(count_value(t, value, 1));
		}
	}
	return 0;
}

static int
top_sealed(struct scan *s, const struct visit *v, const struct term *field, struct top *t)
{
	struct reader *r = &s->reader;
	uint64_t *bits;
	uint32_t count;
	TRY(reader_open(r, segment_block(v->segment, v->block)));
	TRY(match_rows(r, s->search, &bits, &count));
	if (!count)
		return 0;
	TRY(reader_meta(r));
	for (uint32_t c = 0; c < r->columns; c++)
		if (term_names(field, r->column[c].name))
			TRY(count_column(r, bits, c, t));
	return 0;
}

static int
top_open(struct scan *s, const struct term *field, struct top *t)
{
	for (uint32_t i = 0; i < s->snapshot.row_count; i++) {
		const struct row *row = rows_at(s->snapshot.rows, i);
		if (!row_matches(s, row))
			continue;
		for (uint32_t k = 0; k < row->field_count; k++)
			if (term_names(field, row->field[k].name))
				TRY(count_value(t, row->field[k].value, 1));
	}
	return 0;
}

static int
most_first(const void *a, const void *b)
{
	const struct archive_top *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return str_cmp(x->value, y->value);
}

static int
copy_top(struct top *t, uint32_t limit, struct arena *arena, struct archive_top **ret, uint32_t *ret_count)
{
	uint32_t n = t->count < limit ? t->count : limit;
	struct archive_top *out = arena_calloc(arena, n, sizeof *out);
	if (!out)
		return E_LIMIT;
	if (t->count)
		qsort(t->value, t->count, sizeof *t->value, most_first);
	for (uint32_t i = 0; i < n; i++) {
		out[i].count = t->value[i].count;
		if (!arena_copy(arena, t->value[i].value, &out[i].value))
			return E_LIMIT;
	}
	*ret = out;
	*ret_count = n;
	return 0;
}

int
archive_top(struct archive *a, const struct search *s, struct str field, uint32_t limit,
    const struct archive_control *control, struct arena *arena, struct archive_top **ret, uint32_t *ret_count)
{
	struct scan scan;
	struct top t = {.key = a->key};
	const struct term name = {.kind = TERM_EXISTS, .name = field};
	int error = 0;
	arena_init(&t.arena, 64u << 10, TOP_ARENA);
	scan_begin(&scan, a, s, control);
	for (uint32_t i = 0; i < scan.visits && !error; i++) {
		if (stopped(&scan)) {
			if (control->ret_stopped)
				*control->ret_stopped = true;
			break;
		}
		struct visit *v = &scan.visit[i];
		error = v->segment ? spare(&scan, v, top_sealed(&scan, v, &name, &t)) : top_open(&scan, &name, &t);
	}
	scan_end(&scan);
	if (!error)
		error = copy_top(&t, limit, arena, ret, ret_count);
	mem_free(t.value);
	mem_free(t.table.slot);
	arena_release(&t.arena);
	return error;
}
