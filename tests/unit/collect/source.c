/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/source.h"

#include "base/time.h"
#include "collect/report.h"
#include "disk.h"
#include "tap.h"

static struct source *
from(struct sources *t, uint32_t address, int64_t now_ms)
{
	uint8_t peer[16] = {0};
	memcpy(peer + 12, &address, 4);
	return source_find(t, RAW_UDP, peer, now_ms);
}

TEST(a_source_is_an_address_and_a_way)
{
	struct sources *t = sources_new();
	uint8_t peer[16] = {1};
	uint32_t a = source_find(t, RAW_UDP, peer, 0)->number, b = source_find(t, RAW_TCP, peer, 0)->number;
	CHECK(a != b);
	CHECK_INT(source_find(t, RAW_UDP, peer, 5)->number, a);
	peer[15] = 1;
	CHECK(source_find(t, RAW_UDP, peer, 0)->number != a);
	CHECK_INT(sources_count(t), 3);
	CHECK(source_number(t, b)->transport == RAW_TCP);
	CHECK(source_number(t, 99) == NULL);
	sources_free(t);
}

TEST(minutes_pass_also_in_silence)
{
	struct sources *t = sources_new();
	struct source *s = from(t, 1, 0);
	uint32_t minutes[SOURCE_MINUTES];
	for (int i = 0; i < 5; i++)
		source_count(t, s, 10, 0);
	source_count(t, s, 10, 3 * TIME_MINUTE);
	source_count(t, s, 10, 2 * TIME_MINUTE); /* the clock was set back: counted in the newest minute */
	source_minutes(s, 3 * TIME_MINUTE, minutes);
	CHECK_INT(minutes[59], 2);
	CHECK_INT(minutes[58], 0);
	CHECK_INT(minutes[56], 5);
	source_minutes(s, 10 * TIME_MINUTE, minutes);
	CHECK_INT(minutes[59], 0);
	CHECK_INT(minutes[52], 2);
	source_count(t, s, 10, 500 * TIME_MINUTE);
	source_minutes(s, 500 * TIME_MINUTE, minutes);
	uint32_t sum = 0;
	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		sum += minutes[i];
	CHECK_INT(sum, 1);
	CHECK_INT(s->received, 8);
	CHECK_INT(s->bytes, 80);
	sources_free(t);
}

TEST(forged_addresses_do_not_push_out_real_sources)
{
	struct sources *t = sources_new();
	for (uint32_t i = 0; i < 100; i++)
		for (int n = 0; n < 20; n++)
			source_count(t, from(t, i, 1000), 1, 1000);
	for (uint32_t i = 1000; i < 1000 + 3 * SOURCE_MAX; i++)
		source_count(t, from(t, i, 2000), 1, 2000);
	CHECK_INT(sources_count(t), SOURCE_MAX);
	CHECK_INT(sources_evicted(t), 2 * SOURCE_MAX + 100);
	for (uint32_t i = 0; i < 100; i++)
		CHECK_INT(from(t, i, 3000)->received, 20);
	sources_free(t);
}

TEST(the_stalest_makes_room)
{
	struct sources *t = sources_new();
	for (uint32_t i = 0; i < SOURCE_MAX; i++)
		for (int n = 0; n < 16; n++)
			source_count(t, from(t, i, (int64_t)i), 1, (int64_t)i);
	source_count(t, from(t, 0, 90000), 1, 90000);
	from(t, 77777777, 90001);
	CHECK_INT(from(t, 0, 90002)->received, 17);
	CHECK_INT(sources_evicted(t), 1);
	uint32_t number = sources_count(t);
	CHECK_INT(number, SOURCE_MAX);
	CHECK_INT(from(t, 1, 90003)->received, 0); /* it was source 1 */
	sources_free(t);
}

TEST(numbers_stay_over_a_restart_and_are_never_used_twice)
{
	struct disk d;
	disk_init(&d, 1);
	struct sources *t = sources_new();
	for (uint32_t i = 0; i < 50; i++)
		for (uint32_t n = 0; n <= i; n++)
			source_count(t, from(t, i, (int64_t)i * 1000), 7, (int64_t)i * 1000);
	CHECK(sources_unsaved(t));
	CHECK_INT(sources_save(t, &d.io, "j/sources"), 0);
	CHECK(!sources_unsaved(t));
	uint32_t late = from(t, 5000, 0)->number; /* not saved */
	sources_free(t);
	t = sources_new();
	CHECK_INT(sources_load(t, &d.io, "j/sources"), 0);
	for (uint32_t i = 0; i < 50; i++) {
		struct source *s = from(t, i, 0);
		CHECK_INT(s->number, i + 1);
		CHECK_INT(s->received, i + 1);
		CHECK_INT(s->last_ms, i * 1000);
	}
	CHECK(from(t, 6000, 0)->number > late);
	sources_free(t);
	struct disk_file *f = disk_find(&d, "j/sources");
	for (size_t n = 0; n < f->now.n; n += 13) {
		size_t whole = f->now.n;
		t = sources_new();
		f->now.n = n;
		CHECK_INT(sources_load(t, &d.io, "j/sources"), E_CORRUPT);
		f->now.n = whole;
		sources_free(t);
	}
	t = sources_new();
	CHECK_INT(sources_load(t, &d.io, "j/none"), E_NOT_FOUND);
	sources_free(t);
	disk_release(&d);
}

TEST(a_report_is_read_as_written_and_refused_when_cut)
{
	struct report_port port = {.kind = LISTEN_RELP, .address = STR("[::1]:601"), .received = 1, .bytes = 2,
	    .kernel_drops = 3, .connections = 4, .accepted = 5, .refused = 6, .errors = 7, .acknowledged = 8};
	struct report_source row = {.number = 9, .transport = RAW_TCP, .peer = {1, 2}, .received = 300, .per_minute = {[59] = 70}};
	struct report r = {.now_ms = 5, .stalled = E_FULL, .port = &port, .port_count = 1, .source = &row, .source_rows = 1,
	    .journal = {.next = 77, .committed = 76}, .gap = GAP_OLDER, .deliver = {.quarantined = 2, .careful = true}, .drop = {.files = 3},
	    .journald = {.wanted = true, .error = E_DENIED, .entries = 5, .damaged = 4}}, got = {0};
	struct buf b = BUF_INIT;
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	report_write(&r, &b);
	CHECK_INT(report_read(buf_str(&b), &arena, &got), 0);
	CHECK_INT(got.stalled, E_FULL);
	CHECK_INT(got.journal.next, 77);
	CHECK_INT(got.journal.committed, 76);
	CHECK_INT(got.gap, GAP_OLDER);
	CHECK_INT(got.deliver.quarantined, 2);
	CHECK_INT(got.drop.files, 3);
	CHECK(got.journald.wanted);
	CHECK_INT(got.journald.error, E_DENIED);
	CHECK_INT(got.journald.entries, 5);
	CHECK_INT(got.journald.damaged, 4);
	CHECK_STR(got.port[0].address, STR("[::1]:601"));
	CHECK_INT(got.port[0].acknowledged, 8);
	CHECK_INT(got.source[0].received, 300);
	CHECK_INT(got.source[0].per_minute[59], 70);
	for (size_t n = 0; n < b.n; n++)
		CHECK_INT(report_read(str_cut(buf_str(&b), 0, n), &arena, &got), E_CORRUPT);
	arena_release(&arena);
	buf_release(&b);
}
