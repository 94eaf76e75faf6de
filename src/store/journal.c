/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/journal.h"

#include <assert.h>
#include <fcntl.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/journal_private.h"

#define BUFFER_MAX (8u << 20) /* compressed bytes waiting for a commit */
#define SEGMENT_DEFAULT (16u << 20)
#define TOTAL_DEFAULT (1ull << 30)
#define RELEASE_STRIDE 64     /* blocks between two lazy notes of what was released */

static const char zeros[256 << 10];

void
journal_path(const struct journal *j, uint32_t id, char to[512])
{
	snprintf(to, 512, "%s/%04u.journal", j->directory, id);
}

int
journal_state_store(struct journal *j, bool sync)
{
	char bytes[JOURNAL_STATE_BYTES];
	struct journal_state s = j->stored;
	s.sequence++;
	s.released = j->stats.released;
	journal_state_write(&s, bytes);
	unsigned slot = !j->stored_slot;
	int64_t n = j->io->pwrite(j->io->user, j->state, bytes, sizeof bytes, slot * JOURNAL_STATE_SLOT);
	if (n < 0)
		return (int)n;
	j->stored = s;
	if (!sync)
		return 0;
	TRY(j->io->sync(j->io->user, j->state));
	j->stored_durable = s.released;
	j->stored_slot = slot;
	return 0;
}

static int
state_load(struct journal *j)
{
	char path[512];
	snprintf(path, sizeof path, "%s/state", j->directory);
	j->state = j->io->open(j->io->user, path, O_RDWR | O_CREAT, 0600);
	if (j->state < 0)
		return j->state;
	for (unsigned slot = 0; slot < 2; slot++) {
		char bytes[JOURNAL_STATE_BYTES];
		struct journal_state s;
		int64_t n = j->io->pread(j->io->user, j->state, bytes, sizeof bytes, slot * JOURNAL_STATE_SLOT);
		if (n < 0)
			return (int)n;
		if (journal_state_read(str_from(bytes, (size_t)n), &s) == 0 && s.sequence >= j->stored.sequence) {
			j->stored = s;
			j->stored_slot = slot;
		}
	}
	j->stats.released = j->stored_durable = j->stored.released;
	TRY(j->io->sync(j->io->user, j->state)); /* after a kill it may have been in the kernel's hands only */
	return j->io->sync_directory(j->io->user, j->directory);
}

static int
lock_take(struct journal *j)
{
	char path[512];
	snprintf(path, sizeof path, "%s/lock", j->directory);
	j->lock = j->io->open(j->io->user, path, O_RDWR | O_CREAT, 0600);
	if (j->lock < 0)
		return j->lock;
	return j->io->lock ? j->io->lock(j->io->user, j->lock) : 0;
}

static struct journal *
journal_new(const struct journal_options *o)
{
	struct journal *j = MEM_NEW(struct journal);
	j->io = o->io;
	str_to_z(o->directory, j->directory, sizeof j->directory);
	j->segment_bytes = (uint32_t)journal_page_up(o->segment_bytes ? o->segment_bytes : SEGMENT_DEFAULT);
	j->max_bytes = o->max_bytes ? o->max_bytes : TOTAL_DEFAULT;
	j->before_first = o->first ? o->first - 1 : 0;
	j->lock = j->state = j->fd = j->reader.fd = -1;
	j->buffer = BUF_INIT_MAX(BUFFER_MAX);
	j->packed = BUF_INIT_MAX(JOURNAL_BLOCK_MAX);
	j->squeeze = ZSTD_createCCtx();
	j->unfold = ZSTD_createDCtx();
	if (!j->squeeze || !j->unfold)
		abort(); /* as mem_alloc() does */
	return j;
}

int
journal_open(const struct journal_options *o, struct journal **ret, struct fault *f)
{
	if (o->directory.n >= sizeof((struct journal *)0)->directory || o->segment_bytes > (1u << 30))
		return fault_set(f, E_LIMIT, "journal_open", o->directory, 0, 0);
	struct journal *j = journal_new(o);
	int error = lock_take(j);
	if (error < 0)
		fault_set(f, error, error == E_BUSY ? "journal_busy" : "journal_open", o->directory, 0, 0);
	if (error == 0) {
		error = state_load(j);
		if (error < 0)
			fault_set(f, error, "journal_open", o->directory, 0, 0);
	}
	if (error == 0)
		error = journal_recover(j, f);
	if (error < 0) {
		journal_close(j);
		return error;
	}
	*ret = j;
	return 0;
}

void
journal_close(struct journal *j)
{
	if (!j)
		return;
	int fds[] = {j->fd, j->reader.fd, j->state, j->lock};
	if (j->state >= 0 && j->stored.released != j->stats.released)
		(void)journal_state_store(j, false); /* a stale note only means more replay */
	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			j->io->close(j->io->user, fds[i]);
	ZSTD_freeCCtx(j->squeeze);
	ZSTD_freeDCtx(j->unfold);
	buf_release(&j->buffer);
	buf_release(&j->packed);
	mem_free(j->pending);
	mem_free(j->segment);
	mem_free(j);
}

int
journal_append(struct journal *j, struct str batch, uint64_t *ret_number)
{
	if (batch.n > JOURNAL_BLOCK_MAX || batch.n + JOURNAL_HEADER + 8 > j->segment_bytes)
		return E_LIMIT;
	size_t at = j->buffer.n;
	char *room = buf_room(&j->buffer, JOURNAL_HEADER + batch.n + 8 + JOURNAL_PAGE);
	if (!room)
		return E_LIMIT;
	struct pending p = {j->stats.next, at, (uint32_t)batch.n, (uint32_t)batch.n, 0};
	char *body = room + JOURNAL_HEADER;
	size_t n = ZSTD_compressCCtx(j->squeeze, body, batch.n, batch.p, batch.n, 1);
	if (!ZSTD_isError(n) && n < batch.n)
		p.body = (uint32_t)n;
	else if (batch.n)
		memcpy(body, batch.p, batch.n);
	p.check = crc32c(0, str_from(body, p.body));
	j->buffer.n += (JOURNAL_HEADER + p.body + 7) & ~7u;
	memset(body + p.body, 0, (size_t)(j->buffer.p + j->buffer.n - (body + p.body)));
	MEM_GROW(j->pending, j->pending_count, j->pending_cap);
	j->pending[j->pending_count++] = p;
	*ret_number = j->stats.next++;
	return 0;
}

/* A segment is written once in full, so that overwriting it later changes no metadata and syncs fast. */
static int
segment_fill(struct journal *j, int fd)
{
	for (uint64_t at = 0; at < j->segment_bytes;) {
		size_t n = j->segment_bytes - at < sizeof zeros ? (size_t)(j->segment_bytes - at) : sizeof zeros;
		int64_t put = j->io->pwrite(j->io->user, fd, zeros, n, at);
		if (put < 0)
			return (int)put;
		at += n;
	}
	TRY(j->io->truncate(j->io->user, fd, j->segment_bytes));
	return j->io->sync(j->io->user, fd);
}

static int
segment_create(struct journal *j, size_t *ret)
{
	if (j->stats.bytes + j->segment_bytes > j->max_bytes || j->segment_count >= JOURNAL_MAX_SEGMENTS)
		return E_FULL;
	char path[512];
	struct segment s = {.id = (uint32_t)j->segment_count + 1, .size = j->segment_bytes, .first = 1};
	journal_path(j, s.id, path);
	int fd = j->io->open(j->io->user, path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return fd;
	int error = segment_fill(j, fd);
	j->io->close(j->io->user, fd);
	if (error == 0)
		error = j->io->sync_directory(j->io->user, j->directory);
	if (error < 0) {
		(void)j->io->unlink(j->io->user, path);
		return error;
	}
	MEM_GROW(j->segment, j->segment_count, j->segment_cap);
	j->segment[j->segment_count] = s;
	j->stats.bytes += s.size;
	*ret = j->segment_count++;
	return 0;
}

/* The oldest segment nobody needs. Before its blocks go, the note that they were released must be on disk: a hole in the
 * numbers would else look like damage. */
static int
segment_recycle(struct journal *j, size_t *ret)
{
	size_t best = j->segment_count;
	for (size_t i = 0; i < j->segment_count; i++) {
		const struct segment *s = &j->segment[i];
		if (s->last <= j->stats.released && (best == j->segment_count || s->last < j->segment[best].last))
			best = i;
	}
	if (best == j->segment_count)
		return E_NOT_FOUND;
	if (j->segment[best].last > j->stored_durable)
		TRY(journal_state_store(j, true));
	*ret = best;
	return 0;
}

static void
first_renew(struct journal *j)
{
	uint64_t first = j->pending_count ? j->pending[0].number : j->stats.next;
	for (size_t i = 0; i < j->segment_count; i++)
		if (j->segment[i].last >= j->segment[i].first && j->segment[i].first < first)
			first = j->segment[i].first;
	j->stats.first = first;
}

static void
reader_close(struct journal *j)
{
	if (j->reader.fd >= 0)
		j->io->close(j->io->user, j->reader.fd);
	j->reader = (struct journal_reader){.fd = -1};
}

/* The next segment becomes the current one. */
static int
segment_switch(struct journal *j)
{
	size_t next = 0;
	int error = segment_recycle(j, &next);
	if (error == E_NOT_FOUND)
		error = segment_create(j, &next);
	if (error < 0)
		return error;
	struct segment *s = &j->segment[next];
	char path[512];
	journal_path(j, s->id, path);
	int fd = j->io->open(j->io->user, path, O_RDWR, 0600);
	if (fd < 0)
		return fd;
	if (s->size != j->segment_bytes) { /* made under another option, or its birth was cut short */
		error = segment_fill(j, fd);
		if (error < 0) {
			j->io->close(j->io->user, fd);
			return error;
		}
		j->stats.bytes += j->segment_bytes - s->size;
		s->size = j->segment_bytes;
	}
	if (j->reader.fd >= 0 && j->reader.segment == next)
		reader_close(j);
	if (j->fd >= 0)
		j->io->close(j->io->user, j->fd);
	j->fd = fd;
	j->current = next;
	s->first = 1;
	s->last = s->end = 0;
	first_renew(j);
	return 0;
}

static size_t
pending_end(const struct journal *j, size_t i)
{
	return i + 1 < j->pending_count ? j->pending[i + 1].at : j->buffer.n;
}

/* Blocks from the front of the buffer that still fit into the current segment. */
static size_t
pending_fit(const struct journal *j)
{
	size_t count = 0;
	if (j->fd < 0)
		return 0;
	uint64_t left = j->segment[j->current].size - j->segment[j->current].end;
	while (count < j->pending_count && pending_end(j, count) <= left)
		count++;
	return count;
}

/* Headers are written now, when place and neighbours are known. */
static void
pending_seal(struct journal *j, size_t count, size_t padded)
{
	for (size_t i = 0; i < count; i++) {
		const struct pending *p = &j->pending[i];
		size_t end = i + 1 == count ? padded : j->pending[i + 1].at;
		struct journal_block b = {.number = p->number, .epoch = j->stored.epoch, .synced = j->pending[0].number - 1,
		    .room = (uint32_t)(end - p->at), .body = p->body, .raw = p->raw, .check = p->check};
		journal_block_write(&b, j->buffer.p + p->at);
	}
}

static int
pending_write(struct journal *j, size_t count)
{
	struct segment *s = &j->segment[j->current];
	size_t n = pending_end(j, count - 1), padded = (size_t)journal_page_up(n);
	pending_seal(j, count, padded);
	if (n == j->buffer.n && j->buffer.cap >= padded) {
		memset(j->buffer.p + n, 0, padded - n); /* journal_append() left a page of room */
		n = padded;
	}
	int64_t put = j->io->pwrite(j->io->user, j->fd, j->buffer.p, n, s->end);
	if (put >= 0 && n < padded)
		put = j->io->pwrite(j->io->user, j->fd, zeros, padded - n, s->end + n);
	if (put < 0)
		return (int)put;
	/* When this fails the pages may be lost though the kernel calls them clean: the next try writes them anew. */
	TRY(j->io->sync(j->io->user, j->fd));
	j->stats.commits++;
	if (s->last < s->first) {
		s->first = j->pending[0].number;
		s->epoch_first = j->stored.epoch;
	}
	s->last = j->pending[count - 1].number;
	s->epoch = j->stored.epoch;
	s->end += padded;
	return 0;
}

static void
pending_drop(struct journal *j, size_t count)
{
	size_t bytes = pending_end(j, count - 1);
	memmove(j->buffer.p, j->buffer.p + bytes, j->buffer.n - bytes);
	j->buffer.n -= bytes;
	memmove(j->pending, j->pending + count, (j->pending_count - count) * sizeof *j->pending);
	j->pending_count -= count;
	for (size_t i = 0; i < j->pending_count; i++)
		j->pending[i].at -= bytes;
}

int
journal_commit(struct journal *j)
{
	while (j->pending_count) {
		size_t count = pending_fit(j);
		if (!count) {
			TRY(segment_switch(j));
			count = pending_fit(j);
			assert(count); /* journal_append() refused what fits no segment */
		}
		TRY(pending_write(j, count));
		pending_drop(j, count);
	}
	return 0;
}

static uint64_t
committed_last(const struct journal *j)
{
	return (j->pending_count ? j->pending[0].number : j->stats.next) - 1;
}

void
journal_release(struct journal *j, uint64_t number)
{
	if (number > committed_last(j))
		number = committed_last(j);
	if (number <= j->stats.released)
		return;
	j->stats.released = number;
	if (number - j->stored.released >= RELEASE_STRIDE)
		(void)journal_state_store(j, false); /* a stale note only means more replay */
}

/* Point the reader at the header of `number`. */
static int
reader_seek(struct journal *j, uint64_t number)
{
	struct journal_reader *r = &j->reader;
	size_t i = 0;
	while (i < j->segment_count && !(number >= j->segment[i].first && number <= j->segment[i].last))
		i++;
	if (i == j->segment_count)
		return E_NOT_FOUND;
	if (r->fd < 0 || r->segment != i) {
		char path[512];
		reader_close(j);
		journal_path(j, j->segment[i].id, path);
		int fd = j->io->open(j->io->user, path, O_RDONLY, 0);
		if (fd < 0)
			return fd;
		*r = (struct journal_reader){.fd = fd, .segment = (uint32_t)i, .number = j->segment[i].first};
	}
	if (r->number > number) {
		r->number = j->segment[i].first;
		r->at = 0;
	}
	while (r->number < number) {
		struct journal_block b;
		TRY(journal_header_at(j, r->fd, &j->segment[i], r->at, &b));
		r->at += b.room;
		r->number++;
	}
	return 0;
}

static int
body_unfold(struct journal *j, const struct journal_block *b, struct buf *ret)
{
	struct str body = buf_str(&j->packed);
	if (crc32c(0, body) != b->check)
		return E_CORRUPT;
	char *room = buf_room(ret, b->raw);
	if (!room)
		return E_LIMIT;
	if (b->body == b->raw)
		memcpy(room, body.p, b->raw);
	else if (ZSTD_decompressDCtx(j->unfold, room, b->raw, body.p, body.n) != b->raw)
		return E_CORRUPT;
	ret->n = b->raw;
	return 0;
}

int
journal_read(struct journal *j, uint64_t number, struct buf *ret)
{
	struct journal_reader *r = &j->reader;
	struct journal_block b;
	buf_clear(ret);
	TRY(reader_seek(j, number));
	TRY(journal_header_at(j, r->fd, &j->segment[r->segment], r->at, &b));
	if (b.number != number)
		return E_CORRUPT;
	buf_clear(&j->packed);
	char *room = buf_room(&j->packed, b.body);
	if (!room)
		return E_CORRUPT;
	int64_t n = j->io->pread(j->io->user, r->fd, room, b.body, r->at + JOURNAL_HEADER);
	if (n < 0)
		return (int)n;
	j->packed.n = (size_t)n;
	TRY(body_unfold(j, &b, ret));
	r->at += b.room;
	r->number++;
	return 0;
}

/* A segment is a run without holes: numbers that are left out begin another. */
static void
numbers_jump(struct journal *j, uint64_t next)
{
	assert(!j->pending_count);
	j->stats.next = next;
	if (j->fd >= 0)
		j->io->close(j->io->user, j->fd);
	j->fd = -1;
}

static int
block_again(struct journal *j, struct str batch)
{
	uint64_t number;
	int error = journal_append(j, batch, &number);
	if (error != E_LIMIT)
		return error;
	TRY(journal_commit(j));
	return journal_append(j, batch, &number);
}

static int
block_move(struct journal *j, uint64_t number, struct buf *batch, uint64_t *moved)
{
	int error = journal_read(j, number, batch);
	if (error == E_CORRUPT) {
		j->stats.damaged++;
		return 0;
	}
	if (!error)
		error = block_again(j, buf_str(batch));
	*moved += !error;
	return error;
}

int
journal_go_beyond(struct journal *j, uint64_t held, uint64_t *ret_moved)
{
	struct buf batch = BUF_INIT;
	uint64_t moved = 0;
	int error = journal_commit(j);
	journal_release(j, j->stats.opened - 1);
	if (!error && j->stats.next <= held)
		numbers_jump(j, held + 1);
	while (!error && j->unmoved <= held) {
		error = block_move(j, j->unmoved, &batch, &moved);
		j->unmoved += !error;
	}
	buf_release(&batch);
	*ret_moved = moved;
	if (error && error != E_NOT_FOUND) /* not found: of the numbers that were left out, no more come */
		return error;
	TRY(journal_commit(j));
	journal_release(j, held);
	return journal_state_store(j, true);
}

struct journal_stats
journal_stats(const struct journal *j)
{
	struct journal_stats s = j->stats;
	s.committed = committed_last(j);
	return s;
}
