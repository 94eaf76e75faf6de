/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a crash left behind. Three passes: walk the headers of every segment; follow the chain of numbers from the last
 * released block on; check the bodies of those blocks at its end that no later header calls durable.
 */
#include "store/journal_private.h"

#include <fcntl.h>

#include "base/hash.h"
#include "base/memory.h"

int
journal_header_at(struct journal *j, int fd, const struct segment *s, uint64_t at, struct journal_block *ret)
{
	char bytes[JOURNAL_HEADER];
	if (at + JOURNAL_HEADER > s->size)
		return E_CORRUPT;
	int64_t n = j->io->pread(j->io->user, fd, bytes, sizeof bytes, at);
	if (n < 0)
		return (int)n;
	return journal_block_read(str_from(bytes, (size_t)n), s->size - at, ret);
}

/* All headers that follow from the start of the segment. Raises *synced to what they say is durable. */
static int
segment_walk(struct journal *j, int fd, struct segment *s, uint64_t *synced, uint64_t *epoch)
{
	struct journal_block b;
	s->first = 1;
	s->last = 0;
	for (uint64_t at = 0;; at += b.room) {
		int error = journal_header_at(j, fd, s, at, &b);
		if (error < 0 && error != E_CORRUPT)
			return error;
		if (error < 0 || (at && (b.number != s->last + 1 || b.epoch < s->epoch)))
			return 0;
		if (!at) {
			s->first = b.number;
			s->epoch_first = b.epoch;
		}
		s->last = b.number;
		s->epoch = b.epoch;
		s->end = at + b.room;
		*synced = b.synced > *synced ? b.synced : *synced;
		*epoch = b.epoch > *epoch ? b.epoch : *epoch;
	}
}

static int
segments_find(struct journal *j, uint64_t *synced, uint64_t *epoch, struct fault *f)
{
	for (uint32_t id = 1; id <= JOURNAL_MAX_SEGMENTS; id++) {
		char path[512];
		journal_path(j, id, path);
		int fd = j->io->open(j->io->user, path, O_RDWR, 0600);
		if (fd == E_NOT_FOUND)
			return 0;
		if (fd < 0)
			return fault_set(f, fd, "journal_open", str_z(path), 0, 0);
		struct segment s = {.id = id};
		int64_t size = j->io->size(j->io->user, fd);
		s.size = size > 0 ? (uint64_t)size : 0;
		int error = size < 0 ? (int)size : segment_walk(j, fd, &s, synced, epoch);
		j->io->close(j->io->user, fd);
		if (error < 0)
			return fault_set(f, error, "journal_open", str_z(path), 0, 0);
		MEM_GROW(j->segment, j->segment_count, j->segment_cap);
		j->segment[j->segment_count++] = s;
		j->stats.bytes += s.size;
	}
	return fault_set(f, E_LIMIT, "journal_open", str_z(j->directory), 0, 0);
}

/* The segment that holds block `number`, the youngest when a power cut left two bearers of it. */
static struct segment *
segment_holding(struct journal *j, uint64_t number)
{
	struct segment *best = NULL;
	for (size_t i = 0; i < j->segment_count; i++) {
		struct segment *s = &j->segment[i];
		if (number >= s->first && number <= s->last && (!best || s->epoch_first > best->epoch_first))
			best = s;
	}
	return best;
}

/* Where a younger segment took over the numbers of s. */
static uint64_t
segment_overtaken(const struct journal *j, const struct segment *s, uint64_t from)
{
	uint64_t last = s->last;
	for (size_t i = 0; i < j->segment_count; i++) {
		const struct segment *o = &j->segment[i];
		if (o->first > from && o->first <= last && o->last >= o->first && o->epoch_first > s->epoch)
			last = o->first - 1;
	}
	return last;
}

static uint64_t
next_first(const struct journal *j, uint64_t above, uint64_t limit)
{
	uint64_t best = 0;
	for (size_t i = 0; i < j->segment_count; i++) {
		const struct segment *s = &j->segment[i];
		if (s->last >= s->first && s->first > above && s->first <= limit && (!best || s->first < best))
			best = s->first;
	}
	return best;
}

/* End of the block `last` in s; everything behind is not ours any more. */
static int
segment_cut(struct journal *j, int fd, struct segment *s, uint64_t last)
{
	struct journal_block b;
	uint64_t at = 0;
	s->last = last;
	for (uint64_t n = s->first; n <= last; n++, at += b.room) {
		TRY(journal_header_at(j, fd, s, at, &b));
		s->epoch = b.epoch;
	}
	s->end = at;
	return 0;
}

static int
body_check(struct journal *j, int fd, uint64_t at, const struct journal_block *b)
{
	buf_clear(&j->packed);
	char *room = buf_room(&j->packed, b->body);
	if (!room)
		return E_CORRUPT;
	int64_t n = j->io->pread(j->io->user, fd, room, b->body, at + JOURNAL_HEADER);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n != b->body || crc32c(0, str_from(room, b->body)) != b->check)
		return E_CORRUPT;
	return 0;
}

/* Number of the last block of s up to `last` that is whole; blocks up to `synced` are not looked at. */
static int
segment_verify(struct journal *j, int fd, struct segment *s, uint64_t last, uint64_t synced, uint64_t *ret_last)
{
	struct journal_block b;
	uint64_t at = 0;
	for (uint64_t n = s->first; n <= last; n++, at += b.room) {
		TRY(journal_header_at(j, fd, s, at, &b));
		if (n <= synced)
			continue;
		int error = body_check(j, fd, at, &b);
		if (error < 0 && error != E_CORRUPT)
			return error;
		if (error < 0) {
			*ret_last = n - 1;
			return 0;
		}
	}
	*ret_last = last;
	return 0;
}

/* One link of the chain: verifies s from `from` on, cuts it, syncs it when its end was never called durable. */
static int
chain_link(struct journal *j, struct segment *s, uint64_t from, uint64_t synced, uint64_t *ret_last)
{
	char path[512];
	journal_path(j, s->id, path);
	int fd = j->io->open(j->io->user, path, O_RDWR, 0600);
	if (fd < 0)
		return fd;
	uint64_t held = s->last, last = segment_overtaken(j, s, from);
	int error = last > synced ? segment_verify(j, fd, s, last, synced, &last) : 0;
	if (error == 0 && last != held) {
		j->stats.torn += last < held;
		error = last >= s->first ? segment_cut(j, fd, s, last) : 0;
	}
	if (error == 0 && last > synced)
		error = j->io->sync(j->io->user, fd);
	j->io->close(j->io->user, fd);
	if (error == 0)
		*ret_last = last;
	return error;
}

/* Follow the numbers from the first block that nobody released. Returns the last one that is there, and in *keep a mark for
 * each segment of the chain. */
static int
chain_follow(struct journal *j, uint64_t synced, bool *keep, size_t *ret_tail, uint64_t *ret_last)
{
	uint64_t last = j->stored.released;
	*ret_tail = j->segment_count;
	for (;;) {
		struct segment *s = segment_holding(j, last + 1);
		if (!s) {
			/* A hole where a later header says that something durable was: the disk lost it, not a power cut. */
			uint64_t first = last < synced ? next_first(j, last + 1, synced + 1) : 0;
			if (!first)
				break;
			j->stats.damaged += first - last - 1;
			last = first - 1;
			continue;
		}
		uint64_t end;
		TRY(chain_link(j, s, last + 1, synced, &end));
		if (end <= last)
			break; /* its first block is torn */
		keep[s - j->segment] = true;
		*ret_tail = (size_t)(s - j->segment);
		last = end;
	}
	if (last < synced) {
		j->stats.damaged += synced - last;
		last = synced; /* numbers that were once acknowledged are never given again */
	}
	*ret_last = last;
	return 0;
}

/* Segments outside the chain are free; the oldest number still readable is the journal's first. */
static void
chain_keep(struct journal *j, const bool *keep, uint64_t next)
{
	j->stats.first = next;
	for (size_t i = 0; i < j->segment_count; i++) {
		struct segment *s = &j->segment[i];
		if (!keep[i]) {
			s->first = 1;
			s->last = 0;
			s->end = 0;
		} else if (s->first < j->stats.first) {
			j->stats.first = s->first;
		}
	}
}

/* The end of the chain is only written on when it is clean: a page of its own, nothing half written behind it. */
static int
tail_open(struct journal *j, struct segment *s, uint64_t last)
{
	struct journal_block b;
	char path[512];
	journal_path(j, s->id, path);
	int fd = j->io->open(j->io->user, path, O_RDWR, 0600);
	if (fd < 0)
		return fd;
	bool clean = s->last == last && s->size == j->segment_bytes && s->end % JOURNAL_PAGE == 0 &&
	    (journal_header_at(j, fd, s, s->end, &b) < 0 || b.number <= last);
	if (!clean) {
		j->io->close(j->io->user, fd);
		return 0;
	}
	j->fd = fd;
	j->current = (size_t)(s - j->segment);
	return 0;
}

int
journal_recover(struct journal *j, struct fault *f)
{
	uint64_t synced = j->stored.released, epoch = j->stored.epoch, last = 0;
	size_t tail = 0;
	TRY(segments_find(j, &synced, &epoch, f));
	j->stats.born = !j->segment_count && !j->stored.sequence;
	if (j->stats.born)
		synced = j->stored.released = j->stats.released = j->before_first;
	bool *keep = mem_calloc(j->segment_count + 1, sizeof *keep);
	int error = chain_follow(j, synced, keep, &tail, &last);
	if (error == 0) {
		chain_keep(j, keep, last + 1);
		j->stats.next = j->stats.opened = j->unmoved = last + 1;
		j->stored.epoch = epoch + 1;
		error = journal_state_store(j, true);
	}
	if (error == 0 && tail < j->segment_count)
		error = tail_open(j, &j->segment[tail], last);
	mem_free(keep);
	return error < 0 ? fault_set(f, error, "journal_open", str_z(j->directory), 0, 0) : 0;
}
