/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/archive.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/archive_private.h"

#define DEFAULT_SEAL_AFTER (10 * TIME_MINUTE)
#define BLOCK_ALIGN 64u
#define BATCH_MAX (32u << 20) /* far beyond what a journal block holds */

/* ---- segments ---- */

struct str
segment_block(const struct segment *s, uint32_t block)
{
	return str_from(s->map + s->block[block].offset, s->block[block].bytes);
}

static struct segment *
segment_new(const char *path, int64_t day)
{
	size_t n = strlen(path) + 1;
	struct segment *s = mem_calloc(1, sizeof *s + n);
	memcpy(s->path, path, n);
	s->refs = 1;
	s->fd = -1;
	s->day = day;
	s->min_time = INT64_MAX;
	s->max_time = INT64_MIN;
	s->block = mem_calloc(SEGMENT_BLOCKS, sizeof *s->block);
	return s;
}

/* Readers keep a mapping of more than there is yet and only look at what a snapshot says was written. */
static int
segment_map(struct segment *s, size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED)
		return E_IO;
	s->map = map;
	s->map_bytes = bytes;
	return 0;
}

static void
segment_close(const struct store_io *io, struct segment *s)
{
	if (s->fd >= 0)
		io->close(io->user, s->fd);
	s->fd = -1;
}

static void
segment_free(const struct store_io *io, struct segment *s)
{
	segment_close(io, s);
	if (s->map)
		munmap(s->map, s->map_bytes);
	mem_free(s->block);
	mem_free(s);
}

static void
segment_add(struct segment *s, const struct block *b, uint64_t offset)
{
	assert(s->blocks < SEGMENT_BLOCKS);
	s->block[s->blocks] = (struct block_info){
		.first_id = b->first_id,
		.first_batch = b->first_batch,
		.last_batch = b->last_batch,
		.min_time = b->min_time,
		.max_time = b->max_time,
		.min_received = b->min_received,
		.max_received = b->max_received,
		.offset = (uint32_t)offset,
		.bytes = (uint32_t)b->bytes.n,
		.rows = b->rows,
	};
	s->blocks++;
	s->events += b->rows;
	s->raw_bytes += b->raw_bytes;
	s->min_time = b->min_time < s->min_time ? b->min_time : s->min_time;
	s->max_time = b->max_time > s->max_time ? b->max_time : s->max_time;
}

/* ---- snapshots ---- */

struct snapshot
snapshot_take(struct archive *a)
{
	struct snapshot s = {0};
	pthread_mutex_lock(&a->lock);
	s.segments = a->segments;
	s.segment = mem_alloc((a->segments + 1) * sizeof *s.segment);
	s.blocks = mem_alloc((a->segments + 1) * sizeof *s.blocks);
	for (uint32_t i = 0; i < a->segments; i++) {
		s.segment[i] = a->segment[i];
		s.blocks[i] = a->segment[i]->blocks;
		a->segment[i]->refs++;
	}
	s.rows = a->rows;
	s.rows->refs++;
	s.row_count = a->visible;
	pthread_mutex_unlock(&a->lock);
	return s;
}

/* Under the lock; what is returned is freed outside of it. */
static bool
unref_segment(struct segment *s)
{
	assert(s->refs > 0);
	return --s->refs == 0;
}

void
snapshot_drop(struct archive *a, struct snapshot *s)
{
	pthread_mutex_lock(&a->lock);
	bool last_rows = --s->rows->refs == 0;
	for (uint32_t i = 0; i < s->segments; i++)
		if (!unref_segment(s->segment[i]))
			s->segment[i] = NULL;
	pthread_mutex_unlock(&a->lock);
	for (uint32_t i = 0; i < s->segments; i++)
		if (s->segment[i])
			segment_free(a->io, s->segment[i]);
	if (last_rows)
		rows_free(s->rows);
	mem_free(s->segment);
	mem_free(s->blocks);
	*s = (struct snapshot){0};
}

/* ---- opening ---- */

struct found {
	uint64_t first_id;
	int64_t day;
	char *path;
};

struct found_list {
	struct found *found;
	uint32_t count, cap;
};

static int
by_first_id(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return x->first_id < y->first_id ? -1 : x->first_id > y->first_id;
}

/* "2026-11-22" */
static bool
day_from_name(struct str name, int64_t *ret)
{
	int64_t ms;
	char text[] = "0000-00-00T00:00:00Z";
	if (name.n != 10)
		return false;
	memcpy(text, name.p, 10);
	if (!time_parse(str_from(text, sizeof text - 1), 0, &ms))
		return false;
	*ret = floor_div(ms, TIME_DAY);
	return true;
}

/* "00000000000000a1.seg" */
static bool
id_from_name(struct str name, uint64_t *ret)
{
	uint64_t id = 0;
	if (name.n != 20 || !str_ends(name, STR(".seg")))
		return false;
	for (size_t i = 0; i < 16; i++) {
		char c = name.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		id = id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = id;
	return true;
}

static char *
join(const char *folder, const char *name)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s/%s", folder, name);
	return b.p;
}

static int
list_day(const char *folder, int64_t day, struct found_list *list)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return error_from_errno(errno);
	for (struct dirent *entry; (entry = readdir(dir));) {
		uint64_t id;
		if (!id_from_name(str_z(entry->d_name), &id))
			continue;
		MEM_GROW(list->found, list->count, list->cap);
		list->found[list->count++] = (struct found){id, day, join(folder, entry->d_name)};
	}
	closedir(dir);
	return 0;
}

static int
list_segments(const char *directory, struct found_list *list)
{
	DIR *dir = opendir(directory);
	if (!dir)
		return error_from_errno(errno);
	int error = 0;
	for (struct dirent *entry; !error && (entry = readdir(dir));) {
		int64_t day;
		if (!day_from_name(str_z(entry->d_name), &day))
			continue;
		char *folder = join(directory, entry->d_name);
		error = list_day(folder, day, list);
		mem_free(folder);
	}
	closedir(dir);
	if (list->count)
		qsort(list->found, list->count, sizeof *list->found, by_first_id);
	return error;
}

/* Where the next block begins whose header checks, at or behind `from`; the size of the file when there is none. */
static uint64_t
next_header(const struct segment *s, uint64_t from, uint64_t size)
{
	struct block b;
	for (uint64_t at = (from + BLOCK_ALIGN - 1) & ~(uint64_t)(BLOCK_ALIGN - 1); at < size; at += BLOCK_ALIGN)
		if (block_open(str_from(s->map + at, size - at), &b) == 0)
			return at;
	return size;
}

/* Returns where the good bytes end. A damaged block between good ones is stepped over and counted. */
static uint64_t
walk_blocks(struct archive *a, struct segment *s, uint64_t size)
{
	uint64_t at = 0, end = 0;
	while (at < size && s->blocks < SEGMENT_BLOCKS) {
		struct block b;
		int error = block_open(str_from(s->map + at, size - at), &b);
		if (!error && b.first_id < a->next_id)
			error = E_CORRUPT;
		if (error) {
			uint64_t next = next_header(s, at + BLOCK_ALIGN, size);
			if (next == size)
				break;
			a->torn++;
			at = next;
			continue;
		}
		segment_add(s, &b, at);
		at = end = at + b.bytes.n;
		a->next_id = b.first_id + b.rows;
		a->safe = b.last_batch > a->safe ? b.last_batch : a->safe;
	}
	return end;
}

/* Every block is synced before the next begins, so only the last of all can be torn behind a good header. */
static void
check_last_block(struct archive *a, struct segment *s, uint64_t *end)
{
	struct block b = {0};
	if (!s->blocks)
		return;
	const struct block_info *last = &s->block[s->blocks - 1];
	if (block_open(segment_block(s, s->blocks - 1), &b) == 0 && block_check(&b) == 0)
		return;
	*end = last->offset;
	a->next_id = last->first_id;
	s->events -= last->rows;
	s->raw_bytes -= b.raw_bytes;
	s->blocks--;
}

static int
open_segment(struct archive *a, struct segment *s, bool grows, uint64_t *ret_size)
{
	const struct store_io *io = a->io;
	s->fd = io->open(io->user, s->path, a->read_only ? O_RDONLY : O_RDWR, 0);
	int64_t size = s->fd < 0 ? s->fd : io->size(io->user, s->fd);
	if (size < 0)
		return (int)size;
	if (size > UINT32_MAX)
		return E_LIMIT;
	*ret_size = (uint64_t)size;
	if (size == 0 && !grows)
		return 0;
	return segment_map(s, size > SEGMENT_BYTES || !grows ? (size_t)size : SEGMENT_BYTES);
}

/* Bytes behind the last good block: cut, where we go on writing. `safe` is what it was before this segment. */
static int
cut_tail(struct archive *a, struct segment *s, bool grows, uint64_t safe)
{
	a->torn++;
	if (!grows)
		return 0;
	a->safe = safe;
	for (uint32_t i = 0; i < s->blocks; i++)
		a->safe = s->block[i].last_batch > a->safe ? s->block[i].last_batch : a->safe;
	return a->io->truncate(a->io->user, s->fd, s->bytes);
}

static int
load_segment(struct archive *a, const struct found *f, bool is_last)
{
	const struct store_io *io = a->io;
	struct segment *s = segment_new(f->path, f->day);
	bool grows = is_last && !a->read_only;
	uint64_t safe = a->safe, size = 0;
	int error = open_segment(a, s, grows, &size);
	if (error || (size == 0 && !grows)) {
		segment_free(io, s);
		return error;
	}
	s->bytes = walk_blocks(a, s, size);
	if (grows)
		check_last_block(a, s, &s->bytes);
	if (s->bytes < size)
		error = cut_tail(a, s, grows, safe);
	if (!grows)
		segment_close(io, s);
	MEM_GROW(a->segment, a->segments, a->segment_cap);
	a->segment[a->segments++] = s;
	return error;
}

static int
load_all(struct archive *a, struct fault *f)
{
	struct found_list list = {0};
	int error = list_segments(a->directory, &list);
	if (error)
		fault_set(f, error, "archive.open", str_z(a->directory), 0, 0);
	for (uint32_t i = 0; i < list.count && !error; i++) {
		error = load_segment(a, &list.found[i], i + 1 == list.count);
		if (error)
			fault_set(f, error, "archive.open", str_z(list.found[i].path), 0, 0);
	}
	for (uint32_t i = 0; i < list.count; i++)
		mem_free(list.found[i].path);
	mem_free(list.found);
	return error;
}

static void
archive_free(struct archive *a)
{
	for (uint32_t i = 0; i < a->segments; i++)
		segment_free(a->io, a->segment[i]);
	if (a->rows)
		rows_free(a->rows);
	block_writer_free(a->writer);
	mem_free(a->sealed);
	mem_free(a->segment);
	mem_free(a->directory);
	pthread_mutex_destroy(&a->lock);
	mem_free(a);
}

int
archive_open(const struct archive_options *o, struct archive **ret, struct fault *f)
{
	struct archive *a = MEM_NEW(struct archive);
	struct buf directory = BUF_INIT;
	buf_add(&directory, o->directory);
	buf_add_char(&directory, '\0');
	a->directory = directory.p;
	a->io = o->io;
	a->seal_after_ms = o->seal_after_ms > 0 ? o->seal_after_ms : DEFAULT_SEAL_AFTER;
	a->next_id = 1;
	a->opened_ms = TIME_NONE;
	pthread_mutex_init(&a->lock, NULL);
	if (getrandom(&a->key, sizeof a->key, 0) != sizeof a->key)
		a->key = (uintptr_t)a;
	a->read_only = o->read_only;
	int error = !a->read_only && mkdir(a->directory, 0700) < 0 && errno != EEXIST ? error_from_errno(errno) : 0;
	if (error)
		fault_set(f, error, "archive.open", o->directory, 0, 0);
	else
		error = load_all(a, f);
	if (error) {
		archive_free(a);
		return error;
	}
	a->last_batch = a->safe;
	a->rows = rows_new(a->next_id, a->key);
	a->writer = block_writer_new(a->key);
	*ret = a;
	return 0;
}

void
archive_close(struct archive *a)
{
	if (!a)
		return;
	/* What could not be written, or came but in part, is still in the journal. */
	int error = a->in_batch || a->read_only ? 0 : archive_seal(a);
	(void)error;
	assert(a->rows->refs == 1);
	archive_free(a);
}

/* ---- appending ---- */

static int
make_folder(struct archive *a, const char *path)
{
	if (mkdir(path, 0700) == 0)
		return a->io->sync_directory(a->io->user, a->directory);
	return errno == EEXIST ? 0 : error_from_errno(errno);
}

static int
new_segment(struct archive *a, int64_t day, size_t first_block, struct segment **ret)
{
	const struct store_io *io = a->io;
	struct civil c = time_to_civil(day * TIME_DAY, 0);
	struct buf folder = BUF_INIT, path = BUF_INIT;
	buf_addf(&folder, "%s/%04d-%02d-%02d", a->directory, c.year, c.month, c.day);
	buf_addf(&path, "%s/%016llx.seg", folder.p, (unsigned long long)a->rows->first_id);
	struct segment *s = segment_new(path.p, day);
	int error = make_folder(a, folder.p);
	if (!error) {
		s->fd = io->open(io->user, path.p, O_RDWR | O_CREAT, 0600);
		error = s->fd < 0 ? s->fd : io->sync_directory(io->user, folder.p);
	}
	if (!error)
		error = segment_map(s, first_block > SEGMENT_BYTES ? first_block : SEGMENT_BYTES);
	buf_release(&folder);
	buf_release(&path);
	if (error) {
		segment_free(io, s);
		return error;
	}
	*ret = s;
	return 0;
}

/* The segment the next block goes to: the last, unless the day is another or it is full. */
static int
segment_for(struct archive *a, size_t bytes, struct segment **ret)
{
	struct segment *last = a->segments ? a->segment[a->segments - 1] : NULL;
	int64_t day = floor_div(a->rows->last_received_ms, TIME_DAY);
	if (!a->rows->records && last)
		day = last->day;
	if (last && last->fd >= 0 && last->day == day && last->blocks < SEGMENT_BLOCKS &&
	    last->bytes + bytes <= last->map_bytes) {
		*ret = last;
		return 0;
	}
	return new_segment(a, day, bytes, ret);
}

/* From here on readers find the block in the segment and the open block is empty. */
static void
publish(struct archive *a, struct segment *s, const struct block *b)
{
	struct segment *last = a->segments ? a->segment[a->segments - 1] : NULL;
	struct rows *old = a->rows, *fresh = rows_new(old->first_id + old->count, a->key);
	pthread_mutex_lock(&a->lock);
	segment_add(s, b, s->bytes);
	s->bytes += b->bytes.n;
	if (s != last) {
		MEM_GROW(a->segment, a->segments, a->segment_cap);
		a->segment[a->segments++] = s;
	}
	a->rows = fresh;
	a->visible = 0;
	a->safe = b->last_batch;
	a->next_id = fresh->first_id;
	bool unused = --old->refs == 0;
	pthread_mutex_unlock(&a->lock);
	if (s != last && last)
		segment_close(a->io, last);
	if (unused)
		rows_free(old);
	a->opened_ms = TIME_NONE;
}

int
archive_seal(struct archive *a)
{
	const struct store_io *io = a->io;
	struct segment *s = NULL;
	struct block b;
	assert(!a->in_batch);
	if (!a->rows->batches)
		return 0;
	struct str bytes = block_write(a->writer, a->rows);
	TRY(segment_for(a, bytes.n, &s));
	assert(s);
	int64_t put = io->pwrite(io->user, s->fd, bytes.p, bytes.n, s->bytes);
	int error = put < 0 ? (int)put : io->sync(io->user, s->fd);
	bool is_new = !a->segments || s != a->segment[a->segments - 1];
	if (error) {
		io->truncate(io->user, s->fd, s->bytes); /* gives back what was half written; if not, recovery cuts it */
		if (is_new)
			segment_free(io, s);
		return error;
	}
	error = block_open(str_from(s->map + s->bytes, bytes.n), &b);
	assert(!error);
	sealed_add(a, s, &b);
	publish(a, s, &b);
	return 0;
}

int
archive_begin(struct archive *a, uint64_t journal_block, struct str raw_batch)
{
	assert(!a->in_batch && !a->read_only);
	if (journal_block <= a->last_batch)
		return E_EXISTS;
	if (raw_batch.n > BATCH_MAX)
		return E_LIMIT;
	if (rows_full(a->rows))
		TRY(archive_seal(a)); /* an earlier try failed: no more is taken before there is room */
	rows_begin(a->rows, journal_block, raw_batch);
	a->last_batch = journal_block;
	a->in_batch = true;
	return 0;
}

int
archive_add(struct archive *a, const struct event *e, uint64_t *ret_id)
{
	assert(a->in_batch);
	TRY(rows_add(a->rows, e));
	pthread_mutex_lock(&a->lock);
	a->visible = a->rows->count;
	pthread_mutex_unlock(&a->lock);
	*ret_id = a->rows->first_id + a->rows->count - 1;
	return 0;
}

int
archive_end(struct archive *a)
{
	assert(a->in_batch);
	a->in_batch = false;
	return rows_full(a->rows) ? archive_seal(a) : 0;
}

int
archive_tick(struct archive *a, int64_t now_ms)
{
	if (a->in_batch || !a->rows->batches)
		return 0;
	if (a->opened_ms == TIME_NONE || now_ms < a->opened_ms)
		a->opened_ms = now_ms;
	return now_ms - a->opened_ms >= a->seal_after_ms ? archive_seal(a) : 0;
}

uint64_t
archive_safe(const struct archive *a)
{
	return a->safe;
}

uint64_t
archive_last_block(const struct archive *a)
{
	return a->last_batch;
}

/* ---- one event ---- */

/* The sealed block that holds an id. */
static bool
find_block(const struct snapshot *s, uint64_t id, const struct segment **ret_segment, uint32_t *ret_block)
{
	for (uint32_t i = s->segments; i-- > 0;) {
		const struct segment *segment = s->segment[i];
		if (!s->blocks[i] || segment->block[0].first_id > id)
			continue;
		uint32_t low = 0, high = s->blocks[i];
		while (high - low > 1) {
			uint32_t middle = low + (high - low) / 2;
			if (segment->block[middle].first_id <= id)
				low = middle;
			else
				high = middle;
		}
		*ret_segment = segment;
		*ret_block = low;
		return id - segment->block[low].first_id < segment->block[low].rows;
	}
	return false;
}

static bool
is_open_id(const struct snapshot *s, uint64_t id)
{
	return id >= s->rows->first_id && id - s->rows->first_id < s->row_count;
}

int
archive_get(struct archive *a, uint64_t id, struct arena *arena, struct archive_event *ret)
{
	struct snapshot s = snapshot_take(a);
	const struct segment *segment;
	uint32_t block;
	int error = E_NOT_FOUND;
	if (is_open_id(&s, id)) {
		error = rows_copy_event(s.rows, (uint32_t)(id - s.rows->first_id), arena, ret);
	} else if (find_block(&s, id, &segment, &block)) {
		struct reader r;
		reader_init(&r);
		error = reader_open(&r, segment_block(segment, block));
		if (!error)
			error = reader_event(&r, (uint32_t)(id - segment->block[block].first_id), arena, ret);
		reader_release(&r);
	}
	snapshot_drop(a, &s);
	return error;
}

static int
sealed_raw(const struct segment *segment, uint32_t block, uint64_t id, struct arena *arena, struct raw *ret)
{
	struct reader r;
	struct raw raw;
	reader_init(&r);
	int error = reader_open(&r, segment_block(segment, block));
	if (!error)
		error = reader_rows(&r);
	if (!error)
		error = reader_raw(&r, r.row_record[id - segment->block[block].first_id], &raw);
	if (!error && !arena_copy(arena, raw.bytes, &raw.bytes))
		error = E_LIMIT;
	reader_release(&r);
	if (!error)
		*ret = raw;
	return error;
}

int
archive_raw(struct archive *a, uint64_t id, struct arena *arena, struct raw *ret)
{
	struct snapshot s = snapshot_take(a);
	const struct segment *segment;
	uint32_t block;
	int error = E_NOT_FOUND;
	if (is_open_id(&s, id)) {
		struct raw raw = *rows_at(s.rows, (uint32_t)(id - s.rows->first_id))->raw;
		error = arena_copy(arena, raw.bytes, &raw.bytes) ? 0 : E_LIMIT;
		if (!error)
			*ret = raw;
	} else if (find_block(&s, id, &segment, &block)) {
		error = sealed_raw(segment, block, id, arena, ret);
	}
	snapshot_drop(a, &s);
	return error;
}

static int
sealed_batch(const struct snapshot *s, uint64_t number, struct buf *ret)
{
	struct reader r;
	for (uint32_t i = s->segments; i-- > 0;) {
		const struct segment *segment = s->segment[i];
		for (uint32_t k = s->blocks[i]; k-- > 0;) {
			const struct block_info *b = &segment->block[k];
			if (number < b->first_batch || number > b->last_batch)
				continue;
			reader_init(&r);
			int error = reader_open(&r, segment_block(segment, k));
			if (!error)
				error = reader_batch(&r, number, ret);
			reader_release(&r);
			return error;
		}
	}
	return E_NOT_FOUND;
}

int
archive_batch(struct archive *a, uint64_t journal_block, struct buf *ret)
{
	struct snapshot s = snapshot_take(a);
	int error = sealed_batch(&s, journal_block, ret);
	snapshot_drop(a, &s);
	return error;
}

/* ---- retention and figures ---- */

static int
drop_segment(struct archive *a, uint32_t i)
{
	struct segment *s = a->segment[i];
	int error = a->io->unlink(a->io->user, s->path);
	if (error && error != E_NOT_FOUND)
		return error;
	char *slash = strrchr(s->path, '/');
	assert(slash);
	*slash = '\0';
	rmdir(s->path); /* not empty as long as it holds another segment */
	*slash = '/';
	pthread_mutex_lock(&a->lock);
	memmove(&a->segment[i], &a->segment[i + 1], (a->segments - i - 1) * sizeof *a->segment);
	a->segments--;
	bool unused = unref_segment(s);
	pthread_mutex_unlock(&a->lock);
	if (unused)
		segment_free(a->io, s);
	return 0;
}

int
archive_drop_before(struct archive *a, int64_t ms)
{
	int days = 0;
	int64_t last_day = INT64_MIN;
	for (uint32_t i = 0; i + 1 < a->segments;) {
		int64_t day = a->segment[i]->day;
		if (day >= floor_div(ms, TIME_DAY)) {
			i++;
			continue;
		}
		TRY(drop_segment(a, i));
		days += day != last_day;
		last_day = day;
	}
	if (days)
		TRY(a->io->sync_directory(a->io->user, a->directory));
	return days;
}

struct archive_stats
archive_stats(struct archive *a)
{
	struct archive_stats s = {.oldest_ms = INT64_MAX, .newest_ms = INT64_MIN};
	pthread_mutex_lock(&a->lock);
	for (uint32_t i = 0; i < a->segments; i++) {
		const struct segment *segment = a->segment[i];
		s.events += segment->events;
		s.bytes += segment->bytes;
		s.raw_bytes += segment->raw_bytes;
		s.blocks += segment->blocks;
		s.oldest_ms = segment->min_time < s.oldest_ms ? segment->min_time : s.oldest_ms;
		s.newest_ms = segment->max_time > s.newest_ms ? segment->max_time : s.newest_ms;
	}
	s.open_events = a->visible;
	s.events += a->visible;
	s.torn = a->torn;
	s.damaged = a->damaged;
	pthread_mutex_unlock(&a->lock);
	return s;
}
