/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/journal_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/file.h"
#include "store/journal_private.h"

/* Blocks of one segment as its headers tell: a run of numbers from its start on. */
struct run {
	uint64_t first, last, synced; /* first > last: none */
};

static struct run
run_of(struct str segment, uint64_t until, uint64_t *ret_end)
{
	struct run r = {.first = 1};
	uint64_t at = 0, epoch = 0;
	struct journal_block b;
	while (journal_block_read(str_skip(segment, at), segment.n - at, &b) == 0 && b.number <= until &&
	    (!at || (b.number == r.last + 1 && b.epoch >= epoch))) {
		if (!at)
			r.first = b.number;
		r.last = b.number;
		r.synced = b.synced > r.synced ? b.synced : r.synced;
		epoch = b.epoch;
		at += b.room;
	}
	*ret_end = at;
	return r;
}

int
journal_copy_begin(const char *directory, struct journal_copy *ret)
{
	char path[512];
	struct journal_state s, best = {0};
	struct buf state = BUF_INIT_MAX(sizeof ret->state);
	snprintf(ret->directory, sizeof ret->directory, "%s", directory);
	snprintf(path, sizeof path, "%s/lock", ret->directory);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ret->idle = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof path, "%s/state", ret->directory);
	TRY(file_read(path, &state));
	for (uint64_t slot = 0; slot < 2; slot++)
		if (journal_state_read(str_skip(buf_str(&state), slot * JOURNAL_STATE_SLOT), &s) == 0 && s.sequence >= best.sequence)
			best = s;
	memcpy(ret->state, state.p, state.n);
	ret->state_bytes = state.n;
	ret->released = best.released;
	buf_release(&state);
	return 0;
}

/* A segment in memory; false when there is none of this number. */
static bool
read_segment(const struct journal_copy *c, uint32_t id, struct buf *ret, int *error)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%04u.journal", c->directory, id);
	buf_clear(ret);
	*error = file_read(path, ret);
	if (*error != E_NOT_FOUND)
		return *error == 0;
	*error = 0;
	return false;
}

/* Up to where the copy goes: what some header calls durable was so before we looked. */
static int
find_end(const struct journal_copy *c, uint64_t applied, struct buf *segment, uint64_t *ret)
{
	uint64_t end;
	int error;
	*ret = c->idle ? UINT64_MAX : applied;
	for (uint32_t id = 1; read_segment(c, id, segment, &error); id++) {
		struct run r = run_of(buf_str(segment), UINT64_MAX, &end);
		*ret = r.synced > *ret ? r.synced : *ret;
	}
	return error;
}

/* Are all blocks from `from` up to `to` in one of the runs? */
static bool
are_there(const struct run *run, size_t count, uint64_t from, uint64_t to)
{
	for (bool moved = true; from <= to && moved;) {
		moved = false;
		for (size_t i = 0; i < count; i++)
			if (run[i].first <= from && from <= run[i].last) {
				from = run[i].last + 1;
				moved = true;
			}
	}
	return from > to;
}

int
journal_copy_files(const struct journal_copy *c, uint64_t applied, journal_copy_file *each, void *user)
{
	struct buf segment = BUF_INIT_MAX(256 << 20);
	struct run *run = NULL;
	size_t runs = 0, cap = 0;
	uint64_t last;
	int error = find_end(c, applied, &segment, &last);
	for (uint32_t id = 1; !error && read_segment(c, id, &segment, &error); id++) {
		uint64_t end;
		char name[32];
		struct run r = run_of(buf_str(&segment), last, &end);
		if (r.last <= c->released && r.first <= r.last)
			end = 0; /* the archive has all of it */
		memset(segment.p + end, 0, segment.n - end);
		MEM_GROW(run, runs, cap);
		run[runs++] = r;
		snprintf(name, sizeof name, "%04u.journal", id);
		error = each(user, name, buf_str(&segment));
	}
	if (!error)
		error = each(user, "state", str_from(c->state, c->state_bytes));
	if (!error && !are_there(run, runs, c->released + 1, applied))
		error = E_AGAIN;
	mem_free(run);
	buf_release(&segment);
	return error;
}
