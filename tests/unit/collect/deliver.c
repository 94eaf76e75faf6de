/* SPDX-License-Identifier: EUPL-1.2 */
/* Group commit and delivery over a disk in memory: the test is the worker and core at the other end of real channels. */
#include "collect/deliver.h"

#include <sys/socket.h>

#include "base/memory.h"
#include "collect/gather.h"
#include "disk.h"
#include "tap.h"

struct line {
	struct disk disk;
	struct loop *loop;
	struct journal *journal;
	struct sources *sources;
	struct gather *gather;
	struct deliver *deliver;
	struct channel *worker, *core;       /* collect's ends */
	struct channel *worker_far, *core_far;
	uint64_t got[4096];                  /* blocks the worker got, in order */
	uint32_t got_count;
	uint32_t records, opaque;            /* of the last block */
	uint64_t from;                       /* MSG_FROM */
	uint64_t committed;                  /* ticket */
	int stalled;
};

static void
on_far(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct line *l = user;
	struct wire w = {payload, false};
	struct raw r;
	uint64_t number = wire_u64(&w);
	if (type == MSG_FROM)
		l->from = number;
	if (type != MSG_RAW_BATCH)
		return;
	l->got[l->got_count++ % COUNT(l->got)] = number;
	l->records = l->opaque = 0;
	while (batch_take(&w, &r)) {
		l->records++;
		l->opaque += (r.flags & RAW_OPAQUE) != 0;
	}
	CHECK(!w.bad);
}

static void
on_closed(void *user, struct channel *c)
{
}

static void
on_drained(void *user, struct channel *c)
{
	struct line *l = user;
	deliver_go_on(l->deliver);
}

static void
on_block(void *user, uint64_t number, struct str batch)
{
	struct line *l = user;
	deliver_block(l->deliver, number, batch);
}

static void
on_committed(void *user, uint64_t ticket)
{
	struct line *l = user;
	l->committed = ticket;
}

static void
on_stalled(void *user, int error)
{
	struct line *l = user;
	l->stalled = error;
}

static const struct channel_events far_events = {.message = on_far, .closed = on_closed};
static const struct channel_events near_events = {.message = on_far, .closed = on_closed, .drained = on_drained};
static const struct gather_events gather_events = {on_block, on_committed, on_stalled};

static void
channel_pair(struct line *l, struct channel **near, struct channel **far)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	channel_free(*near);
	channel_free(*far);
	*near = channel_new(l->loop, pair[0], &near_events, l);
	*far = channel_new(l->loop, pair[1], &far_events, l);
}

static void
worker_changed(struct line *l, bool died)
{
	deliver_worker(l->deliver, NULL, false);
	channel_pair(l, &l->worker, &l->worker_far);
	deliver_worker(l->deliver, l->worker, died);
}

static void
worker_new_one(struct line *l)
{
	worker_changed(l, true);
}

static struct line *
line_new(uint32_t segment_bytes, uint64_t max_bytes)
{
	struct line *l = MEM_NEW(struct line);
	disk_init(&l->disk, 1);
	struct journal_options o = {.io = &l->disk.io, .directory = STR("j"), .segment_bytes = segment_bytes,
	    .max_bytes = max_bytes, .first = 1000};
	CHECK_INT(journal_open(&o, &l->journal, NULL), 0);
	l->loop = loop_new();
	l->sources = sources_new();
	l->gather = gather_new(l->loop, l->journal, &gather_events, l);
	l->deliver = deliver_new(l->journal, l->sources);
	channel_pair(l, &l->core, &l->core_far);
	deliver_core(l->deliver, l->core);
	worker_new_one(l);
	return l;
}

static void
line_free(struct line *l)
{
	struct channel *all[] = {l->worker, l->worker_far, l->core, l->core_far};
	for (size_t i = 0; i < COUNT(all); i++)
		channel_free(all[i]);
	gather_free(l->gather);
	deliver_free(l->deliver);
	sources_free(l->sources);
	journal_close(l->journal);
	loop_free(l->loop);
	disk_release(&l->disk);
	mem_free(l);
}

static void
turns(struct line *l)
{
	for (int i = 0; i < 50; i++)
		loop_turn(l->loop, 0);
}

/* One block of two records. */
static void
block_put(struct line *l)
{
	static const uint8_t peer[16] = {7};
	struct raw r = {.bytes = STR("<1>a"), .source = source_find(l->sources, RAW_UDP, peer, 0)->number};
	gather_put(l->gather, &r, true);
	gather_put(l->gather, &r, true);
	CHECK_INT(gather_commit(l->gather), 0);
}

/* What the worker got since the last call is first..last. */
static void
check_got(struct line *l, uint64_t first, uint64_t last)
{
	turns(l);
	CHECK_INT(l->got_count, last - first + 1);
	for (uint32_t i = 0; i < l->got_count; i++)
		CHECK_INT(l->got[i], first + i);
	l->got_count = 0;
}

TEST(nothing_is_sent_before_core_has_said_what_it_holds)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	for (int i = 0; i < 5; i++)
		block_put(l);
	turns(l);
	CHECK_INT(l->got_count, 0);
	deliver_replay(l->deliver, 1001);
	check_got(l, 1002, 1004);
	CHECK_INT(l->from, 1002);
	block_put(l);
	check_got(l, 1005, 1005);
	deliver_replay(l->deliver, 0); /* core came anew, with an empty archive */
	check_got(l, 1000, 1005);
	CHECK_INT(l->from, 1000);
	line_free(l);
}

TEST(what_core_holds_already_does_not_wait)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	for (int i = 0; i < 5; i++)
		block_put(l);
	deliver_replay(l->deliver, 1004);
	CHECK_INT(deliver_stats(l->deliver).sent, 1004);
	CHECK_INT(deliver_stats(l->deliver).applied, 1004);
	line_free(l);
}

TEST(the_window_bounds_what_is_on_its_way_and_the_journal_keeps_the_rest)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	deliver_replay(l->deliver, 0);
	for (int i = 0; i < 100; i++)
		block_put(l);
	check_got(l, 1000, 1031);
	deliver_applied(l->deliver, 1009);
	check_got(l, 1032, 1041);
	deliver_applied(l->deliver, 1003);  /* late */
	deliver_applied(l->deliver, 99999); /* never sent */
	check_got(l, 1042, 1041);
	for (uint64_t n = 1010; n < 1100; n++) {
		deliver_applied(l->deliver, n);
		turns(l);
	}
	check_got(l, 1042, 1099);
	line_free(l);
}

TEST(what_a_leaving_worker_had_answered_is_not_asked_again)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	deliver_replay(l->deliver, 0);
	for (int i = 0; i < 4; i++)
		block_put(l);
	check_got(l, 1000, 1003);
	worker_new_one(l);
	check_got(l, 1000, 1000);
	deliver_applied(l->deliver, 1002); /* core had the verdicts, its word came late */
	check_got(l, 1003, 1003);
	CHECK(!deliver_stats(l->deliver).careful);
	line_free(l);
}

TEST(the_block_that_kills_the_worker_three_times_is_quarantined)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	deliver_replay(l->deliver, 0);
	for (int i = 0; i < 4; i++)
		block_put(l);
	check_got(l, 1000, 1003);
	deliver_applied(l->deliver, 1000);
	worker_new_one(l); /* first crash: from now on one at a time */
	check_got(l, 1001, 1001);
	CHECK(deliver_stats(l->deliver).careful);
	worker_new_one(l);
	check_got(l, 1001, 1001);
	CHECK_INT(l->opaque, 0);
	worker_new_one(l);
	check_got(l, 1001, 1001);
	CHECK_INT(l->records, 2);
	CHECK_INT(l->opaque, 2);
	deliver_applied(l->deliver, 1001);
	check_got(l, 1002, 1003);
	CHECK_INT(l->opaque, 0);
	CHECK(!deliver_stats(l->deliver).careful);
	CHECK_INT(deliver_stats(l->deliver).quarantined, 1);
	CHECK_INT(source_number(l->sources, 1)->quarantined, 2);
	deliver_applied(l->deliver, 1003);
	worker_new_one(l); /* it had nothing to do: nobody is suspected */
	CHECK(!deliver_stats(l->deliver).careful);
	CHECK_INT(deliver_stats(l->deliver).crashes, 3);
	line_free(l);
}

TEST(a_worker_that_leaves_in_order_makes_no_block_a_suspect)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	deliver_replay(l->deliver, 0);
	for (int i = 0; i < 4; i++)
		block_put(l);
	check_got(l, 1000, 1003);
	for (int i = 0; i < 5; i++) { /* rules change while core does not answer */
		worker_changed(l, false);
		check_got(l, 1000, 1003);
		CHECK_INT(l->opaque, 0);
	}
	CHECK(!deliver_stats(l->deliver).careful);
	CHECK_INT(deliver_stats(l->deliver).crashes, 0);
	worker_changed(l, true);
	worker_changed(l, false); /* neither counts nor clears what was counted */
	worker_changed(l, true);
	worker_changed(l, false);
	turns(l);
	CHECK_INT(l->opaque, 0);
	CHECK(deliver_stats(l->deliver).careful);
	l->got_count = 0;
	worker_changed(l, true);
	check_got(l, 1000, 1000);
	CHECK_INT(l->opaque, 2);
	line_free(l);
}

TEST(another_block_begins_its_own_count)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	deliver_replay(l->deliver, 0);
	block_put(l);
	block_put(l);
	check_got(l, 1000, 1001);
	worker_new_one(l);
	worker_new_one(l);
	turns(l);
	l->got_count = 0;
	deliver_applied(l->deliver, 1000);
	check_got(l, 1001, 1001);
	worker_new_one(l);
	worker_new_one(l);
	turns(l);
	CHECK_INT(l->opaque, 0);
	CHECK_INT(deliver_stats(l->deliver).quarantined, 0);
	line_free(l);
}

TEST(a_block_the_disk_lost_comes_empty)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	for (int i = 0; i < 3; i++)
		block_put(l);
	struct disk_file *f = disk_find(&l->disk, "j/0001.journal");
	f->now.p[4096 + 60] ^= 1; /* the body of the second */
	deliver_replay(l->deliver, 1000);
	check_got(l, 1001, 1002);
	CHECK_INT(deliver_stats(l->deliver).unreadable, 1);
	CHECK_INT(l->records, 2);
	line_free(l);
}

TEST(a_full_disk_stalls_and_goes_on_without_losing_a_ticket)
{
	struct line *l = line_new(64 << 10, 64 << 10);
	static char big[30000];
	struct raw r = {.bytes = str_from(big, sizeof big)};
	uint64_t random = 1, ticket = 0;
	for (size_t i = 0; i < sizeof big; i++) /* does not compress */
		big[i] = (char)((random = random * 6364136223846793005u + 1442695040888963407u) >> 56);
	while (gather_commit(l->gather) == 0 && ticket < 50)
		ticket = gather_put(l->gather, &r, true);
	CHECK_INT(l->stalled, E_FULL);
	CHECK_INT(gather_stalled(l->gather), E_FULL);
	CHECK(l->committed < ticket);
	journal_release(l->journal, UINT64_MAX);
	CHECK_INT(gather_commit(l->gather), 0);
	CHECK_INT(l->stalled, 0);
	CHECK(l->committed >= ticket);
	CHECK(gather_idle(l->gather));
	line_free(l);
}

TEST(a_failing_sync_acknowledges_nothing)
{
	struct line *l = line_new(64 << 10, 1 << 20);
	struct raw r = {.bytes = STR("<1>a")};
	block_put(l);
	uint64_t before = l->committed, ticket = gather_put(l->gather, &r, true);
	l->disk.fail_at = l->disk.calls + 2; /* write, sync */
	CHECK_INT(gather_commit(l->gather), E_IO);
	CHECK_INT(l->committed, before);
	CHECK_INT(l->stalled, E_IO);
	l->disk.fail_at = 0;
	CHECK_INT(gather_commit(l->gather), 0);
	CHECK_INT(l->committed, ticket);
	line_free(l);
}

TEST(what_comes_in_one_go_may_be_more_than_a_block)
{
	struct line *l = line_new(4 << 20, 4 << 20);
	static char big[RAW_MAX];
	struct raw r = {.bytes = str_from(big, sizeof big)};
	uint64_t random = 1, ticket = 0;
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)((random = random * 6364136223846793005u + 1442695040888963407u) >> 56);
	for (int i = 0; i < 20; i++) /* the journal's buffer holds 8, its segment 3 */
		ticket = gather_put(l->gather, &r, true);
	CHECK_INT(gather_commit(l->gather), E_FULL);
	for (int i = 0; i < 20 && gather_stalled(l->gather); i++) {
		journal_release(l->journal, UINT64_MAX);
		(void)gather_commit(l->gather);
	}
	CHECK_INT(l->stalled, 0);
	CHECK_INT(l->committed, ticket);
	CHECK_INT(journal_stats(l->journal).committed, 1019);
	line_free(l);
}
