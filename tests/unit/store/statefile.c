/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/statefile.h"

#include "base/hash.h"
#include "disk.h"
#include "tap.h"

static const uint8_t owner[STATEFILE_OWNER] = "sixteen letters.";

/* Number n, told by two sections of a few kilobytes. */
static void
make(struct buf *out, uint64_t n)
{
	statefile_begin(out, owner, n, (int64_t)n * 1000);
	size_t mark = statefile_section(out, STR("one"));
	for (uint64_t i = 0; i < 300 + n % 700; i++)
		wire_put_u64(out, hash64_mix(n, i));
	statefile_section_end(out, mark);
	mark = statefile_section(out, STR("empty"));
	statefile_section_end(out, mark);
	mark = statefile_section(out, STR("two"));
	wire_put_u64(out, n);
	statefile_section_end(out, mark);
	statefile_end(out);
}

static void
check_is(struct str bytes, uint64_t n)
{
	struct statefile s;
	struct buf want = BUF_INIT;
	struct str part = {0};
	make(&want, n);
	CHECK(str_eq(bytes, buf_str(&want)));
	CHECK_INT(statefile_take(bytes, &s), 0);
	CHECK(memcmp(s.owner, owner, sizeof owner) == 0 && s.block == n && s.at_ms == (int64_t)n * 1000);
	CHECK_INT(s.sections, 3);
	CHECK(statefile_find(&s, STR("two"), &part) && part.n == 8);
	CHECK(statefile_find(&s, STR("empty"), &part) && part.n == 0);
	CHECK(statefile_find(&s, STR("one"), &part) && part.n == 8 * (300 + n % 700));
	CHECK(!statefile_find(&s, STR("three"), &part));
	buf_release(&want);
}

TEST(what_was_written_is_read)
{
	struct disk d;
	struct buf b = BUF_INIT, got = BUF_INIT;
	disk_init(&d, 1);
	CHECK_INT(statefile_read(&d.io, "state", &got), E_NOT_FOUND);
	for (uint64_t n = 1; n < 5; n++) {
		make(&b, 1000 - n * 100);
		CHECK_INT(statefile_write(&d.io, "state", buf_str(&b)), 0);
		buf_clear(&got);
		CHECK_INT(statefile_read(&d.io, "state", &got), 0);
		check_is(buf_str(&got), 1000 - n * 100);
	}
	struct buf small = BUF_INIT_MAX(100);
	CHECK_INT(statefile_read(&d.io, "state", &small), E_LIMIT);
	buf_release(&b);
	buf_release(&got);
	disk_release(&d);
}

TEST(every_cut_and_every_changed_byte_is_noticed)
{
	struct buf b = BUF_INIT;
	struct statefile s;
	make(&b, 3);
	for (size_t n = 0; n < b.n; n++) {
		CHECK(statefile_take(str_cut(buf_str(&b), 0, n), &s) < 0);
		b.p[n] ^= 0x20;
		CHECK(statefile_take(buf_str(&b), &s) < 0);
		b.p[n] ^= 0x20;
	}
	buf_release(&b);
}

TEST(another_version_is_not_guessed_at)
{
	struct buf b = BUF_INIT;
	struct statefile s;
	make(&b, 3);
	b.p[4]++;
	b.n -= 4;
	statefile_end(&b);
	CHECK_INT(statefile_take(buf_str(&b), &s), E_UNSUPPORTED);
	b.p[0]++;
	b.n -= 4;
	statefile_end(&b);
	CHECK_INT(statefile_take(buf_str(&b), &s), E_CORRUPT);
	buf_release(&b);
}

/* Which one is on the disk? 0: none. Anything but a whole one is a failure. */
static uint64_t
on_disk(struct disk *d)
{
	struct buf got = BUF_INIT;
	struct statefile s = {0};
	int error = statefile_read(&d->io, "state", &got);
	if (!error) {
		CHECK_INT(statefile_take(buf_str(&got), &s), 0);
		check_is(buf_str(&got), s.block);
	} else {
		CHECK_INT(error, E_NOT_FOUND);
	}
	buf_release(&got);
	return s.block;
}

/* The power goes at any call; what was told to be written is there afterwards, or what was being written just then. */
TEST(a_power_cut_leaves_the_one_before_or_the_one_after)
{
	struct buf b = BUF_INIT;
	uint32_t before = 0, after = 0;
	for (uint64_t seed = 1; seed <= 10000; seed++) {
		struct disk d;
		uint64_t kept = 0;
		disk_init(&d, seed);
		for (uint64_t n = 1, writes = 1 + seed % 3; n <= writes; n++) {
			make(&b, n);
			d.fail_at = n == writes ? d.calls + 1 + disk_random(&d) % 9 : 0;
			d.fail_on = true;
			if (statefile_write(&d.io, "state", buf_str(&b)) == 0)
				kept = n;
		}
		disk_cut_power(&d);
		uint64_t found = on_disk(&d);
		CHECK(found == kept || found == kept + 1);
		before += found == kept;
		after += found > kept;
		make(&b, 77);
		CHECK_INT(statefile_write(&d.io, "state", buf_str(&b)), 0); /* and it goes on */
		CHECK_INT(on_disk(&d), 77);
		disk_release(&d);
	}
	printf("# 10,000 power cuts: %u before, %u after\n", before, after);
	CHECK(before > 1000 && after > 500);
	buf_release(&b);
}

TEST(every_call_that_fails_is_told_and_harms_nothing)
{
	struct buf b = BUF_INIT;
	uint32_t failures = 0;
	for (uint64_t call = 1; call < 12; call++) {
		struct disk d;
		disk_init(&d, call);
		make(&b, 1);
		CHECK_INT(statefile_write(&d.io, "state", buf_str(&b)), 0);
		make(&b, 2);
		d.fail_at = d.calls + call;
		d.fail_with = call % 2 ? E_FULL : E_IO;
		int error = statefile_write(&d.io, "state", buf_str(&b));
		d.fail_at = 0;
		CHECK(!error || error == d.fail_with);
		CHECK(error || on_disk(&d) == 2);
		failures += error < 0;
		on_disk(&d); /* whole, whichever it is */
		CHECK_INT(statefile_write(&d.io, "state", buf_str(&b)), 0);
		CHECK_INT(on_disk(&d), 2);
		disk_release(&d);
	}
	CHECK_INT(failures, 7); /* folder, open, truncate, write, sync, rename, sync of the folder */
	buf_release(&b);
}

TEST(a_full_disk_keeps_the_old_one_and_gets_its_room_back)
{
	struct disk d;
	struct buf b = BUF_INIT;
	disk_init(&d, 5);
	make(&b, 1);
	CHECK_INT(statefile_write(&d.io, "state", buf_str(&b)), 0);
	d.full_above = b.n + 1000;
	make(&b, 2);
	CHECK_INT(statefile_write(&d.io, "state", buf_str(&b)), E_FULL);
	CHECK_INT(on_disk(&d), 1);
	CHECK(!disk_find(&d, "state/state.new"));
	buf_release(&b);
	disk_release(&d);
}
