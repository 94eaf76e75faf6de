/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/evidence.h"

#include "archive_world.h"

static struct merkle_hash
root_of(struct world *w, uint64_t first, uint64_t last, uint64_t *ret_bytes)
{
	struct merkle_range range = {0};
	*ret_bytes = 0;
	for (uint64_t n = first; n <= last; n++) {
		struct merkle_hash leaf = archive_sealed_leaf(n, buf_str(&w->batch[n - 1]));
		merkle_range_add(&range, &leaf);
		*ret_bytes += w->batch[n - 1].n;
	}
	return merkle_range_root(&range);
}

static void
check_list(struct world *w, const char *what)
{
	struct archive_sealed list[64];
	uint32_t n = 0;
	uint64_t next = 1;
	CHECK_INT(archive_sealed_list(w->archive, 0, list, COUNT(list), &n), 0);
	tap_check(n >= 3, __FILE__, __LINE__, "%s: %u sealed blocks", what, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t bytes;
		struct merkle_hash root = root_of(w, list[i].first, list[i].last, &bytes);
		tap_check(list[i].first == next && list[i].blocks == list[i].last - next + 1 && list[i].bytes == bytes &&
			merkle_equal(&root, &list[i].root), __FILE__, __LINE__, "%s: sealed block %u", what, i);
		next = list[i].last + 1;
	}
	CHECK_INT(next, w->batches + 1);
}

TEST(a_sealed_block_tells_the_same_as_it_came_and_made_again)
{
	struct world w;
	world_begin(&w, 1);
	append_events(&w, 9500);
	CHECK_INT(archive_seal(w.archive), 0);
	check_list(&w, "as it came");
	archive_close(w.archive);
	world_open(&w);
	check_list(&w, "made again");
	append_events(&w, 5000);
	CHECK_INT(archive_seal(w.archive), 0);
	check_list(&w, "both");
	world_end(&w);
}

TEST(a_range_has_the_root_of_the_tree)
{
	struct merkle_hash leaf[40];
	for (uint32_t n = 0; n < COUNT(leaf); n++) {
		struct merkle_range range = {0};
		leaf[n] = merkle_leaf(str_from((const char *)&n, sizeof n));
		for (uint32_t i = 0; i <= n; i++)
			merkle_range_add(&range, &leaf[i]);
		struct merkle_hash row[COUNT(leaf)], got = merkle_range_root(&range);
		uint32_t count = n + 1;
		memcpy(row, leaf, count * sizeof *row);
		while (count > 1) { /* neighbours joined, an odd one goes up as it is */
			for (uint32_t i = 0; i < count / 2; i++)
				row[i] = merkle_join(&row[2 * i], &row[2 * i + 1]);
			if (count % 2)
				row[count / 2] = row[count - 1];
			count = count / 2 + count % 2;
		}
		tap_check(merkle_equal(&got, &row[0]), __FILE__, __LINE__, "%u leaves", n + 1);
	}
}

/* Entries about evidence, newest first. */
static struct record_row *
entries(struct db *db, struct arena *arena, uint32_t *ret_count)
{
	struct record_row *list = NULL;
	struct record_filter f = {.before_seq = INT64_MAX, .noun = STR("blocks"), .limit = 100};
	*ret_count = 0;
	CHECK_INT(record_list(db, &f, arena, &list, ret_count), 0);
	return list;
}

TEST(what_is_sealed_is_noted_once_and_retention_says_what_it_takes)
{
	struct world w;
	struct db *db;
	struct arena arena;
	uint32_t n;
	world_begin(&w, 2);
	arena_init(&arena, 65536, 8 << 20);
	CHECK_INT(db_open(STR(""), &db, NULL), 0);
	CHECK_INT(evidence_open(db, w.archive, DAY0), 0);
	CHECK_INT(evidence_open(db, w.archive, DAY0), 0);
	for (int day = 0; day < 3; day++) {
		w.now_ms = DAY0 + day * TIME_DAY + TIME_HOUR;
		append_events(&w, 200);
		CHECK_INT(archive_seal(w.archive), 0);
		CHECK_INT(evidence_note(db, w.archive, w.now_ms), 0);
		CHECK_INT(evidence_note(db, w.archive, w.now_ms), 0);
	}
	struct record_row *list = entries(db, &arena, &n);
	CHECK_INT(n, 4); /* it begins, and three days */
	CHECK(str_find(list[n - 1].entry, STR("\"after\":{\"through\":0}")) >= 0);
	CHECK(str_find(list[0].entry, STR("[[\"2026-11-24\",")) >= 0);
	/* A crash after sealing: noted at the next start, from what the archive gives back */
	append_events(&w, 50);
	CHECK_INT(archive_seal(w.archive), 0);
	archive_close(w.archive);
	world_open(&w);
	CHECK_INT(evidence_open(db, w.archive, DAY0), 0);
	CHECK_INT(evidence_note(db, w.archive, DAY0), 0);
	list = entries(db, &arena, &n);
	CHECK_INT(n, 5);
	/* Retention */
	uint64_t before = archive_sealed_before(w.archive, DAY0 + TIME_DAY);
	CHECK(before > 0 && before < w.batches);
	CHECK_INT(evidence_drop(db, w.archive, DAY0, DAY0), 0);
	CHECK_INT(evidence_drop(db, w.archive, DAY0 + TIME_DAY, DAY0), 0);
	CHECK_INT(archive_drop_before(w.archive, DAY0 + TIME_DAY), 1);
	CHECK_INT(evidence_drop(db, w.archive, DAY0 + TIME_DAY, DAY0), 0);
	list = entries(db, &arena, &n);
	CHECK_INT(n, 6);
	CHECK_STR(list[0].action, STR("evidence.dropped"));
	char text[64];
	snprintf(text, sizeof text, "{\"through\":%llu,\"before\":\"2026-11-23\"}", (unsigned long long)before);
	CHECK(str_find(list[0].entry, str_z(text)) >= 0);
	/* An archive older than what was noted says so, and goes on */
	struct record ahead = {.who = STR("khien"), .action = STR("evidence.sealed"), .noun = STR("blocks"), .noun_id = STR("90-999999")};
	CHECK_INT(record_put(db, &ahead), 0);
	CHECK_INT(evidence_open(db, w.archive, DAY0), 0);
	list = entries(db, &arena, &n);
	CHECK_STR(list[0].action, STR("evidence.behind"));
	append_events(&w, 50);
	CHECK_INT(archive_seal(w.archive), 0);
	CHECK_INT(evidence_note(db, w.archive, DAY0), 0);
	list = entries(db, &arena, &n);
	CHECK_INT(n, 9);
	arena_release(&arena);
	db_close(db);
	world_end(&w);
}
