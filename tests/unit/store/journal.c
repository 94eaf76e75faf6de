/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/journal.h"

#include <fcntl.h>

#include "base/hash.h"
#include "base/memory.h"
#include "disk.h"
#include "store/journal_format.h"
#include "tap.h"

#define SEGMENT (16u << 10)

static const struct journal_options small = {.segment_bytes = SEGMENT, .max_bytes = 6 * SEGMENT, .directory = STR_INIT("j")};

static struct journal *
opened(struct disk *d)
{
	struct journal_options o = small;
	struct journal *j = NULL;
	struct fault f = {0};
	o.io = &d->io;
	CHECK_INT(journal_open(&o, &j, &f), 0);
	return j;
}

static struct str
batch_made(struct buf *b, uint64_t seed, size_t n)
{
	buf_clear(b);
	while (b->n < n) {
		seed = hash64_mix(seed, b->n);
		if (seed % 3)
			buf_addf(b, "<34>Nov 22 05:%02u:01 gw sshd[%u]: failed\n", (unsigned)(seed >> 8) % 60, (unsigned)(seed >> 20) % 9);
		else
			buf_add(b, str_from((const char *)&seed, sizeof seed));
	}
	b->n = n;
	return buf_str(b);
}

static uint64_t
appended(struct journal *j, struct str batch)
{
	uint64_t number = 0;
	CHECK_INT(journal_append(j, batch, &number), 0);
	return number;
}

TEST(what_is_committed_is_read_back_after_a_restart)
{
	struct disk d;
	struct buf b = BUF_INIT, got = BUF_INIT;
	disk_init(&d, 1);
	struct journal *j = opened(&d);
	CHECK_INT(journal_stats(j).next, 1);
	for (uint64_t i = 1; i <= 60; i++) {
		CHECK_INT(appended(j, batch_made(&b, i, (size_t)(i * 37 % 1500))), i);
		if (i % 3 == 0)
			CHECK_INT(journal_commit(j), 0);
	}
	journal_close(j);
	j = opened(&d);
	CHECK_INT(journal_stats(j).first, 1);
	CHECK_INT(journal_stats(j).next, 61);
	CHECK_INT(journal_stats(j).torn, 0);
	for (uint64_t n = 0; n < 120; n++) {
		uint64_t i = n * 7 % 60 + 1;
		CHECK_INT(journal_read(j, i, &got), 0);
		CHECK_STR(buf_str(&got), batch_made(&b, i, (size_t)(i * 37 % 1500)));
	}
	CHECK_INT(journal_read(j, 61, &got), E_NOT_FOUND);
	journal_close(j);
	buf_release(&b);
	buf_release(&got);
	disk_release(&d);
}

TEST(released_segments_come_round_again)
{
	struct disk d;
	struct buf b = BUF_INIT, got = BUF_INIT;
	disk_init(&d, 2);
	struct journal *j = opened(&d);
	uint64_t number = 0;
	for (uint64_t i = 1; i <= 500; i++) {
		number = appended(j, batch_made(&b, i, 900));
		CHECK_INT(journal_commit(j), 0);
		journal_release(j, number > 3 ? number - 3 : 0);
	}
	CHECK(journal_stats(j).bytes <= 3 * SEGMENT);
	CHECK_INT(journal_read(j, 1, &got), E_NOT_FOUND);
	CHECK(journal_stats(j).first > 400);
	journal_close(j);
	j = opened(&d);
	CHECK_INT(journal_stats(j).released, 497);
	CHECK_INT(journal_stats(j).next, 501);
	CHECK_INT(journal_stats(j).damaged, 0);
	CHECK_INT(journal_read(j, 499, &got), 0);
	CHECK_STR(buf_str(&got), batch_made(&b, 499, 900));
	journal_close(j);
	buf_release(&b);
	buf_release(&got);
	disk_release(&d);
}

TEST(a_full_journal_says_so_and_goes_on_after_release)
{
	struct disk d;
	struct buf b = BUF_INIT;
	disk_init(&d, 3);
	struct journal *j = opened(&d);
	uint64_t number = 0, kept;
	int error = 0;
	for (uint64_t i = 1; i < 1000 && error == 0; i++) {
		number = appended(j, batch_made(&b, i * 3, 3000));
		error = journal_commit(j);
	}
	CHECK_INT(error, E_FULL);
	CHECK_INT(journal_commit(j), E_FULL);
	CHECK(journal_stats(j).bytes <= small.max_bytes);
	journal_release(j, UINT64_MAX);
	CHECK_INT(journal_stats(j).released, number - 1);
	CHECK_INT(journal_commit(j), 0);
	kept = journal_stats(j).next;
	journal_close(j);
	j = opened(&d);
	CHECK_INT(journal_stats(j).next, kept);
	journal_close(j);
	buf_release(&b);
	disk_release(&d);
}

TEST(too_much_is_refused)
{
	struct disk d;
	struct buf b = BUF_INIT;
	uint64_t number = 77;
	disk_init(&d, 4);
	struct journal *j = opened(&d);
	CHECK_INT(journal_append(j, batch_made(&b, 1, SEGMENT), &number), E_LIMIT);
	CHECK_INT(number, 77);
	int error = 0;
	uint64_t count = 0;
	for (; error == 0 && count < 10000; count++)
		error = journal_append(j, batch_made(&b, count, 12000), &number);
	CHECK_INT(error, E_LIMIT);
	journal_close(j);
	buf_release(&b);
	disk_release(&d);
}

TEST(two_programs_do_not_share_a_journal)
{
	char folder[128];
	struct fault f = {0};
	struct journal *one = NULL, *two = NULL;
	snprintf(folder, sizeof folder, "%s", tap_folder());
	struct journal_options o = {.io = &store_io_disk, .directory = str_z(folder), .segment_bytes = 1 << 20};
	CHECK_INT(journal_open(&o, &one, &f), 0);
	CHECK_INT(journal_open(&o, &two, &f), E_BUSY);
	CHECK_STR(str_z(f.what), STR("journal_busy"));
	journal_close(one);
	CHECK_INT(journal_open(&o, &two, &f), 0);
	journal_close(two);
	o.directory = STR("/nowhere/at/all");
	CHECK_INT(journal_open(&o, &two, &f), E_NOT_FOUND);
}

/* A flipped bit in the middle is damage, told and stepped over; what stands in other segments is still there. */
TEST(damage_in_the_middle_does_not_take_the_rest)
{
	struct disk d;
	struct buf b = BUF_INIT, got = BUF_INIT;
	disk_init(&d, 5);
	struct journal *j = opened(&d);
	for (uint64_t i = 1; i <= 15; i++) {
		appended(j, batch_made(&b, i, 4000));
		CHECK_INT(journal_commit(j), 0);
	}
	journal_close(j);
	struct disk_file *f = disk_find(&d, "j/0002.journal");
	CHECK(f != NULL);
	f->now.p[20] ^= 1;
	j = opened(&d);
	CHECK(journal_stats(j).damaged > 0);
	CHECK_INT(journal_stats(j).next, 16);
	CHECK_INT(journal_read(j, 1, &got), 0);
	CHECK_INT(journal_read(j, 15, &got), 0);
	CHECK_STR(buf_str(&got), batch_made(&b, 15, 4000));
	journal_close(j);
	j = opened(&d);
	CHECK_INT(journal_stats(j).next, 16);
	journal_close(j);
	buf_release(&b);
	buf_release(&got);
	disk_release(&d);
}

/* ----------------------------------------------------------------------------- a folder older than what another holds */

#define HELD 20

/* Five blocks of an earlier opening, three released; in this one two that are durable and one that is not. */
static struct journal *
older_journal(struct disk *d, struct buf *b)
{
	disk_init(d, 31);
	struct journal *j = opened(d);
	for (uint64_t i = 1; i <= 5; i++)
		appended(j, batch_made(b, i, 3000));
	CHECK_INT(journal_commit(j), 0);
	journal_release(j, 3);
	journal_close(j);
	j = opened(d);
	CHECK_INT(journal_stats(j).opened, 6);
	appended(j, batch_made(b, 6, 3000));
	appended(j, batch_made(b, 7, 3000));
	CHECK_INT(journal_commit(j), 0);
	CHECK_INT(appended(j, batch_made(b, 8, 3000)), 8);
	return j;
}

/* How often this batch stands in the journal. */
static unsigned
batch_count(struct journal *j, uint64_t seed, struct buf *b)
{
	struct buf got = BUF_INIT;
	unsigned count = 0;
	for (uint64_t n = journal_stats(j).first; n < journal_stats(j).next; n++)
		count += journal_read(j, n, &got) == 0 && str_eq(buf_str(&got), batch_made(b, seed, 3000));
	buf_release(&got);
	return count;
}

static void
check_beyond(struct journal *j, struct buf *b)
{
	struct buf got = BUF_INIT;
	CHECK_INT(journal_stats(j).next, HELD + 4);
	CHECK_INT(journal_stats(j).released, HELD);
	CHECK_INT(journal_stats(j).damaged, 0);
	for (uint64_t n = HELD + 1; n <= HELD + 3; n++) {
		CHECK_INT(journal_read(j, n, &got), 0);
		CHECK_STR(buf_str(&got), batch_made(b, n - HELD + 5, 3000));
	}
	buf_release(&got);
}

TEST(an_older_journal_goes_beyond_what_is_held)
{
	struct disk d;
	struct buf b = BUF_INIT;
	uint64_t moved = 0;
	struct journal *j = older_journal(&d, &b);
	CHECK_INT(journal_go_beyond(j, HELD, &moved), 0);
	CHECK_INT(moved, 3);
	check_beyond(j, &b);
	CHECK_INT(journal_go_beyond(j, HELD, &moved), 0); /* once more changes nothing */
	CHECK_INT(moved, 0);
	check_beyond(j, &b);
	journal_close(j);
	disk_cut_power(&d);
	j = opened(&d);
	check_beyond(j, &b);
	CHECK_INT(appended(j, batch_made(&b, 9, 3000)), HELD + 4);
	CHECK_INT(journal_commit(j), 0);
	journal_close(j);
	buf_release(&b);
	disk_release(&d);
}

TEST(only_what_is_not_above_what_is_held_gets_another_number)
{
	struct disk d;
	struct buf b = BUF_INIT;
	uint64_t moved = 0;
	struct journal *j = older_journal(&d, &b);
	CHECK_INT(journal_go_beyond(j, 7, &moved), 0);
	CHECK_INT(moved, 2);
	CHECK_INT(journal_stats(j).next, 11); /* 8 as it was, then 6 and 7 */
	CHECK_INT(journal_stats(j).released, 7);
	journal_close(j);
	j = opened(&d);
	for (uint64_t seed = 6; seed <= 8; seed++)
		CHECK(batch_count(j, seed, &b) >= 1);
	CHECK_INT(journal_stats(j).next, 11);
	journal_close(j);
	buf_release(&b);
	disk_release(&d);
}

/* At every call on the way the disk fails once, or the power goes. */
TEST(going_beyond_loses_nothing_that_was_acknowledged_and_doubles_nothing)
{
	struct disk d;
	struct buf b = BUF_INIT;
	uint64_t moved = 0, reached = 0;
	for (uint64_t n = 1; n < 200; n++) {
		for (unsigned cut = 0; cut < 2; cut++) {
			struct journal *j = older_journal(&d, &b);
			d.fail_at = d.calls + n;
			d.fail_on = cut;
			d.fail_with = E_IO;
			int error = journal_go_beyond(j, HELD, &moved);
			reached += error < 0;
			d.fail_at = 0;
			if (cut) {
				d.fail_at = 1;
				journal_close(j);
				disk_cut_power(&d);
				d.fail_at = 0;
				j = opened(&d);
				CHECK(batch_count(j, 6, &b) >= 1);
				CHECK(batch_count(j, 7, &b) >= 1);
			} else {
				CHECK_INT(journal_go_beyond(j, HELD, &moved), 0);
				check_beyond(j, &b);
			}
			journal_close(j);
			disk_release(&d);
		}
	}
	CHECK(reached > 10);
	buf_release(&b);
}

/* ------------------------------------------------------------------------------------------------ the power cut */

#define NUMBERS 4096

struct life {
	struct disk d;
	uint64_t content[NUMBERS];  /* seed of the batch that got this number last */
	uint32_t size[NUMBERS];
	uint64_t acknowledged;      /* every number up to here was */
	uint64_t released;
	uint64_t lost, wrong, reused, torn;
	struct buf batch, got;
};

static bool
life_matches(struct life *l, uint64_t n)
{
	return str_eq(buf_str(&l->got), batch_made(&l->batch, l->content[n], l->size[n]));
}

/* What stands in the journal after a cut is what was acknowledged, byte for byte, and then perhaps more. */
static void
life_check(struct life *l, struct journal *j)
{
	struct journal_stats s = journal_stats(j);
	l->lost += s.next <= l->acknowledged || s.damaged;
	l->torn += s.torn;
	for (uint64_t n = l->released + 1; n < s.next; n++) {
		int error = journal_read(j, n, &l->got);
		if (error < 0)
			l->lost++;
		else if (!life_matches(l, n))
			l->wrong++;
	}
	if (s.next - 1 > l->acknowledged)
		l->acknowledged = s.next - 1; /* from now on these are durable too, and may have been sent on */
}

/* One opening: append, commit, release at random until the disk says no. False when it could not open. */
static void
life_run(struct life *l, struct journal *j, unsigned steps)
{
	struct disk *d = &l->d;
	for (unsigned i = 0; i < steps; i++) {
		uint64_t dice = disk_random(d), number = 0;
		static const uint32_t sizes[] = {8, 8, 8, 60, 300, 700, 2000, 9000};
		size_t size = sizes[dice % COUNT(sizes)];
		uint64_t seed = disk_random(d);
		int error = journal_append(j, batch_made(&l->batch, seed, size), &number);
		if (error == 0 && number < NUMBERS) {
			l->reused += number <= l->acknowledged;
			l->content[number] = seed;
			l->size[number] = (uint32_t)size;
		}
		if (error < 0 || (dice >> 32) % 3 == 0) {
			error = journal_commit(j);
			if (error == 0)
				l->acknowledged = journal_stats(j).next - 1;
		}
		if ((dice >> 40) % 4 == 0 && l->acknowledged > l->released) {
			l->released += disk_random(d) % (l->acknowledged - l->released + 1);
			journal_release(j, l->released);
		}
	}
}

static void
life_seed(struct life *l, uint64_t seed)
{
	disk_init(&l->d, seed);
	l->acknowledged = l->released = 0;
	for (unsigned generation = 0; generation < 6; generation++) {
		static const unsigned steps[] = {3, 3, 10, 60, 60, 250};
		struct journal_options o = small;
		struct journal *j = NULL;
		o.io = &l->d.io;
		l->d.calls = 0;
		l->d.fail_at = generation < 5 ? 1 + disk_random(&l->d) % 300 : 0; /* here the power goes */
		l->d.fail_on = true;
		if (journal_open(&o, &j, NULL) == 0) {
			uint64_t at = l->d.fail_at;
			l->d.fail_at = 0;
			life_check(l, j);
			l->d.fail_at = at > l->d.calls ? at : l->d.calls + disk_random(&l->d) % (disk_random(&l->d) % 2 ? 10 : 200) + 1;
			if (generation == 5)
				l->d.fail_at = 0;
			life_run(l, j, steps[disk_random(&l->d) % COUNT(steps)]);
			journal_close(j);
		}
		if (disk_random(&l->d) % 4)
			disk_cut_power(&l->d);
		else
			l->d.fail_at = 0; /* only killed: the kernel kept everything */
	}
	disk_release(&l->d);
}

TEST(a_power_cut_loses_nothing_that_was_acknowledged)
{
	struct life *l = mem_calloc(1, sizeof *l);
	const char *more = getenv("KHIEN_POWER_CUTS");
	uint64_t seeds = 2000, bad = 0;
	if (more && !str_to_u64(str_z(more), &seeds))
		seeds = 2000;
	for (uint64_t seed = 1; seed <= seeds && !bad; seed++) {
		life_seed(l, seed * 7919);
		if (l->lost || l->wrong || l->reused)
			bad = seed;
	}
	CHECK_INT(bad, 0);
	CHECK_INT(l->lost, 0);
	CHECK_INT(l->wrong, 0);
	CHECK_INT(l->reused, 0);
	CHECK(l->torn > 10); /* else the test tests nothing */
	buf_release(&l->batch);
	buf_release(&l->got);
	mem_free(l);
}

/* The same script with the n-th call failing, once, for every n: what was acknowledged is there, and the journal goes on. */
static void
fail_once(int with, uint64_t n, bool *ret_reached)
{
	struct life *l = mem_calloc(1, sizeof *l);
	struct journal_options o = small;
	struct journal *j = NULL;
	disk_init(&l->d, 11);
	o.io = &l->d.io;
	l->d.fail_at = n;
	l->d.fail_with = with;
	int error = journal_open(&o, &j, NULL);
	if (error < 0) {
		CHECK_INT(error, with);
		CHECK_INT(journal_open(&o, &j, NULL), 0);
	}
	life_run(l, j, 80);
	*ret_reached = l->d.calls >= n;
	l->d.fail_at = 0;
	CHECK_INT(journal_commit(j), 0);
	l->acknowledged = journal_stats(j).next - 1;
	life_check(l, j);
	journal_close(j);
	j = opened(&l->d);
	life_check(l, j);
	journal_close(j);
	CHECK_INT(l->lost + l->wrong + l->reused, 0);
	disk_release(&l->d);
	buf_release(&l->batch);
	buf_release(&l->got);
	mem_free(l);
}

TEST(every_call_may_fail_once)
{
	static const int codes[] = {E_IO, E_FULL};
	for (size_t i = 0; i < COUNT(codes); i++) {
		bool reached = true;
		for (uint64_t n = 1; reached && n < 2000; n++)
			fail_once(codes[i], n, &reached);
		CHECK(!reached);
	}
}

TEST(headers_survive_only_whole)
{
	struct journal_block b = {.number = 9, .epoch = 2, .synced = 8, .room = 4096, .body = 100, .raw = 200, .check = 5}, got;
	char bytes[JOURNAL_HEADER];
	journal_block_write(&b, bytes);
	CHECK_INT(journal_block_read(str_from(bytes, sizeof bytes), 4096, &got), 0);
	CHECK(memcmp(&b, &got, sizeof b) == 0);
	CHECK_INT(journal_block_read(str_from(bytes, sizeof bytes), 4095, &got), E_CORRUPT);
	for (size_t i = 0; i < sizeof bytes; i++) {
		CHECK_INT(journal_block_read(str_from(bytes, i), 4096, &got), E_CORRUPT);
		bytes[i] = (char)(bytes[i] ^ 0x10);
		CHECK_INT(journal_block_read(str_from(bytes, sizeof bytes), 4096, &got), E_CORRUPT);
		bytes[i] = (char)(bytes[i] ^ 0x10);
	}
}
