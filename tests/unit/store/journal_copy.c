/* SPDX-License-Identifier: EUPL-1.2 */
/* A journal is copied while it is written, released and overwritten: every copy holds all that it must. */
#include "store/journal_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/journal.h"
#include "tap.h"

#define BEHIND 40u /* blocks that are kept behind the newest */

struct world {
	char from[512], to[512];
	atomic_ullong committed;
	atomic_bool stop;
	uint64_t written;
};

static void
batch_of(uint64_t number, struct buf *b)
{
	buf_clear(b);
	for (uint64_t i = 0; i < 20 + number % 30; i++)
		buf_addf(b, "line %llu of block %llu %llx\n", (unsigned long long)i, (unsigned long long)number,
		    (unsigned long long)(number * 2654435761u * (i + 1)));
}

static struct journal *
journal_at(const char *folder)
{
	struct journal_options o = {.io = &store_io_disk, .directory = str_z(folder), .segment_bytes = 32 << 10, .max_bytes = 1 << 20};
	struct journal *j = NULL;
	struct fault f = {0};
	CHECK_INT(journal_open(&o, &j, &f), 0);
	return j;
}

static void *
write_on(void *user)
{
	struct world *w = user;
	struct buf b = BUF_INIT;
	struct journal *j = journal_at(w->from);
	for (uint64_t n = 1; !atomic_load(&w->stop); n++) {
		uint64_t number;
		batch_of(n, &b);
		if (journal_append(j, buf_str(&b), &number) < 0 || number != n || (n % 3 == 0 && journal_commit(j) < 0))
			break;
		if (n % 3 == 0)
			atomic_store(&w->committed, n);
		if (n % 16 == 0 && n > BEHIND)
			journal_release(j, n - BEHIND);
		if (n % 64 == 0)
			usleep(500);
		w->written = n;
	}
	journal_close(j);
	buf_release(&b);
	return NULL;
}

static int
put_file(void *user, const char *name, struct str bytes)
{
	struct world *w = user;
	char path[600];
	snprintf(path, sizeof path, "%s/%s", w->to, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool whole = fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n;
	close(fd);
	return whole ? 0 : E_IO;
}

static void
check_copy(struct world *w, const struct journal_copy *c, uint64_t applied)
{
	struct buf got = BUF_INIT, want = BUF_INIT;
	struct journal *j = journal_at(w->to);
	struct journal_stats s = journal_stats(j);
	CHECK_INT(s.damaged, 0);
	CHECK(s.next > applied && s.released >= c->released);
	uint64_t right = 0;
	for (uint64_t n = c->released + 1; n < s.next; n++) {
		batch_of(n, &want);
		right += journal_read(j, n, &got) == 0 && str_eq(buf_str(&got), buf_str(&want));
	}
	CHECK_INT(right, s.next - 1 - c->released);
	journal_close(j);
	buf_release(&got);
	buf_release(&want);
}

TEST(a_copy_under_load_has_all_that_the_archive_has_not)
{
	static struct world w;
	pthread_t thread;
	int again = 0;
	snprintf(w.from, sizeof w.from, "%s/from", tap_folder());
	CHECK_INT(mkdir(w.from, 0700), 0);
	CHECK_INT(pthread_create(&thread, NULL, write_on, &w), 0);
	while (atomic_load(&w.committed) < 200)
		usleep(1000);
	for (int round = 0; round < 40 + again && again < 400; round++) {
		struct journal_copy c;
		snprintf(w.to, sizeof w.to, "%s/to%d", tap_folder(), round);
		CHECK_INT(mkdir(w.to, 0700), 0);
		CHECK_INT(journal_copy_begin(w.from, &c), 0);
		CHECK(!c.idle);
		if (round % 4 == 3)
			usleep(2000); /* long enough for a segment to come round again */
		uint64_t applied = atomic_load(&w.committed);
		int error = journal_copy_files(&c, applied, put_file, &w);
		CHECK(error == 0 || error == E_AGAIN);
		again += error == E_AGAIN;
		if (!error)
			check_copy(&w, &c, applied);
	}
	CHECK(again < 400);
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	CHECK(w.written > 1000);
}

TEST(what_nobody_writes_to_is_copied_to_its_end)
{
	static struct world w;
	struct buf b = BUF_INIT;
	struct journal_copy c;
	uint64_t number = 0;
	snprintf(w.from, sizeof w.from, "%s/still", tap_folder());
	snprintf(w.to, sizeof w.to, "%s/copy", tap_folder());
	CHECK_INT(mkdir(w.from, 0700), 0);
	CHECK_INT(mkdir(w.to, 0700), 0);
	CHECK_INT(journal_copy_begin(w.from, &c), E_NOT_FOUND);
	struct journal *j = journal_at(w.from);
	for (uint64_t n = 1; n <= 50; n++) {
		batch_of(n, &b);
		CHECK_INT(journal_append(j, buf_str(&b), &number), 0);
	}
	CHECK_INT(journal_commit(j), 0);
	journal_close(j);
	CHECK_INT(journal_copy_begin(w.from, &c), 0);
	CHECK(c.idle);
	CHECK_INT(journal_copy_files(&c, 10, put_file, &w), 0);
	check_copy(&w, &c, 50);
	CHECK_INT(journal_copy_files(&c, 60, put_file, &w), E_AGAIN); /* a block that was never here cannot be in the copy */
	buf_release(&b);
}
