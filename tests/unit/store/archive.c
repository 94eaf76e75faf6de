/* SPDX-License-Identifier: EUPL-1.2 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "archive_world.h"
#include "base/memory.h"

TEST(what_is_appended_is_found_open_and_sealed_and_reopened)
{
	struct world w;
	world_begin(&w, 1);
	append_events(&w, 9500);
	struct archive_stats s = archive_stats(w.archive);
	CHECK(s.blocks >= 2 && s.open_events > 0 && s.events == w.count && s.torn == 0);
	CHECK(archive_safe(w.archive) < archive_last_block(w.archive));
	compare_all(&w);
	CHECK_INT(archive_seal(w.archive), 0);
	CHECK_INT(archive_stats(w.archive).open_events, 0);
	CHECK_INT(archive_safe(w.archive), w.batches);
	compare_all(&w);
	archive_close(w.archive);
	world_open(&w);
	CHECK_INT(archive_stats(w.archive).events, w.count);
	CHECK_INT(archive_last_block(w.archive), w.batches);
	compare_everything(&w, "reopened");
	append_events(&w, 100);
	compare_all(&w);
	world_end(&w);
}

TEST(raw_records_and_journal_blocks_come_back_byte_for_byte)
{
	struct world w;
	world_begin(&w, 2);
	append_events(&w, 5000);
	struct buf odd = BUF_INIT, batch = BUF_INIT;
	batch_put(&odd, &(struct raw){.bytes = STR("cut short")});
	odd.n -= 3;
	CHECK_INT(archive_begin(w.archive, w.batches + 5, buf_str(&odd)), 0);
	CHECK_INT(archive_end(w.archive), 0);
	for (int round = 0; round < 2; round++) {
		bool same = true;
		for (uint32_t i = 0; i < w.count && same; i += 97) {
			struct arena arena;
			struct raw raw = {0};
			struct archive_event e = {0};
			arena_init(&arena, 65536, 16 << 20);
			same = archive_raw(w.archive, w.known[i].id, &arena, &raw) == 0 &&
			    str_eq(raw.bytes, w.known[i].raw.bytes) && raw.form == w.known[i].raw.form &&
			    raw.received_ms == w.known[i].raw.received_ms && raw.port == w.known[i].raw.port &&
			    archive_get(w.archive, w.known[i].id, &arena, &e) == 0 && same_event(&e, &w.known[i]);
			arena_release(&arena);
		}
		CHECK(same);
		CHECK_INT(archive_seal(w.archive), 0);
	}
	for (uint32_t i = 0; i < w.batches; i++) {
		buf_clear(&batch);
		int error = archive_batch(w.archive, i + 1, &batch);
		if (error || !str_eq(buf_str(&batch), buf_str(&w.batch[i])))
			CHECK_INT(error ? error : (int)i, 0);
	}
	buf_clear(&batch);
	CHECK_INT(archive_batch(w.archive, w.batches + 5, &batch), 0);
	CHECK_STR(buf_str(&batch), buf_str(&odd));
	struct arena arena;
	struct archive_event e;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(archive_get(w.archive, 0, &arena, &e), E_NOT_FOUND);
	CHECK_INT(archive_get(w.archive, w.count + 1, &arena, &e), E_NOT_FOUND);
	CHECK_INT(archive_batch(w.archive, w.batches + 1, &batch), E_NOT_FOUND);
	arena_release(&arena);
	buf_release(&odd);
	buf_release(&batch);
	world_end(&w);
}

/* Values that stand in the line need no dictionary: their column is empty, and was looked for in a frame of its own when
 * the column before had filled one. */
TEST(a_column_without_a_dictionary_behind_a_full_frame)
{
	struct world w;
	struct buf batch = BUF_INIT, line[500], big[125];
	uint64_t id[COUNT(line)];
	struct raw raw[COUNT(line)];
	struct arena arena;
	world_begin(&w, 3);
	for (uint32_t i = 0; i < COUNT(big); i++) {
		big[i] = BUF_INIT;
		for (int k = 0; k < 50; k++)
			buf_addf(&big[i], "%08x", random_below(UINT32_MAX));
	}
	for (uint32_t i = 0; i < COUNT(line); i++) {
		line[i] = BUF_INIT;
		buf_addf(&line[i], "line %u begins with this", i);
		raw[i] = (struct raw){.bytes = buf_str(&line[i]), .form = RAW_LINE, .received_ms = w.now_ms};
		batch_put(&batch, &raw[i]);
	}
	CHECK_INT(archive_begin(w.archive, 1, buf_str(&batch)), 0);
	arena_init(&arena, 65536, 16 << 20);
	for (uint32_t i = 0; i < COUNT(line); i++) {
		struct names *names = names_new();
		struct event e;
		event_begin(&e, &arena, &raw[i]);
		e.raw_index = i;
		e.time_ms = w.now_ms;
		event_put(&e, names, STR("Line"), buf_str(&line[i]), FIELD_TEXT, false);
		event_put(&e, names, STR("Big"), buf_str(&big[i % COUNT(big)]), FIELD_TEXT, false);
		CHECK_INT(archive_add(w.archive, &e, &id[i]), 0);
		names_free(names);
	}
	CHECK_INT(archive_end(w.archive), 0);
	CHECK_INT(archive_seal(w.archive), 0);
	for (uint32_t i = 0; i < COUNT(line); i += 83) {
		struct archive_event e = {0};
		arena_clear(&arena);
		CHECK_INT(archive_get(w.archive, id[i], &arena, &e), 0);
		CHECK_INT(e.field_count, 2);
		CHECK_STR(e.field_count ? e.field[0].value : STR(""), buf_str(&line[i]));
		CHECK_STR(e.field_count > 1 ? e.field[1].value : STR(""), buf_str(&big[i % COUNT(big)]));
	}
	for (uint32_t i = 0; i < COUNT(line); i++)
		buf_release(&line[i]);
	for (uint32_t i = 0; i < COUNT(big); i++)
		buf_release(&big[i]);
	buf_release(&batch);
	arena_release(&arena);
	world_end(&w);
}

/* ---- counting ---- */

static void
check_histogram(struct world *w, const char *query, int64_t from, int64_t interval, uint32_t slots)
{
	struct arena arena;
	struct search s;
	uint64_t *got = mem_calloc(slots, sizeof *got), *want = mem_calloc(slots, sizeof *want);
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(search_parse(str_z(query), &arena, &s, NULL), 0);
	s.from_ms = from;
	s.to_ms = from + interval * slots - interval / 2;
	for (uint32_t i = 0; i < w->count; i++)
		if (oracle_matches(&w->known[i], &s))
			want[(w->known[i].time_ms - from) / interval]++;
	CHECK_INT(archive_histogram(w->archive, &s, interval, got, slots, NULL), 0);
	tap_check(memcmp(got, want, slots * sizeof *got) == 0, __FILE__, __LINE__, "%s every %lld", query,
	    (long long)interval);
	mem_free(got);
	mem_free(want);
	arena_release(&arena);
}

static uint64_t
oracle_count(const struct world *w, const struct search *s, const char *name, struct str value)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < w->count; i++)
		for (uint32_t k = 0; oracle_matches(&w->known[i], s) && k < w->known[i].field_count; k++)
			n += str_eq_nocase(w->known[i].field[k].name, str_z(name)) &&
			    str_eq(w->known[i].field[k].value, value);
	return n;
}

static void
check_top(struct world *w, const char *query, const char *field)
{
	struct arena arena;
	struct search s;
	struct archive_top *top;
	uint32_t n = 0;
	arena_init(&arena, 1 << 20, 64 << 20);
	CHECK_INT(search_parse(str_z(query), &arena, &s, NULL), 0);
	CHECK_INT(archive_top(w->archive, &s, str_z(field), 5, NULL, &arena, &top, &n), 0);
	CHECK(n > 0);
	for (uint32_t i = 0; i < n; i++) {
		CHECK_INT(top[i].count, oracle_count(w, &s, field, top[i].value));
		CHECK(i == 0 || top[i].count <= top[i - 1].count);
	}
	arena_release(&arena);
}

TEST(counts_and_top_values_are_those_of_the_events)
{
	struct world w;
	world_begin(&w, 3);
	append_events(&w, 5000);
	for (int round = 0; round < 2; round++) {
		check_histogram(&w, "", DAY0, TIME_HOUR, 3);
		check_histogram(&w, "", DAY0 - TIME_HOUR, 5 * TIME_MINUTE, 50);
		check_histogram(&w, "", DAY0 + 1234, 7777, 500);
		check_histogram(&w, "failed host:web01", DAY0, TIME_HOUR, 3);
		check_histogram(&w, "-failed", DAY0, TIME_MINUTE, 100);
		check_top(&w, "", "host.name");
		check_top(&w, "failed", "Host");
		check_top(&w, "host:kho", "source.ip");
		check_top(&w, "", "Guid");
		check_top(&w, "-user:root", "user.name");
		CHECK_INT(archive_seal(w.archive), 0);
	}
	uint64_t slot;
	struct search open = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
	CHECK_INT(archive_histogram(w.archive, &open, 1000, &slot, 1, NULL), E_INVALID);
	world_end(&w);
}

/* ---- power cuts and rot ---- */

struct file {
	char path[512];
	struct buf bytes;
};

static void
find_segment(const struct world *w, struct file *f)
{
	snprintf(f->path, sizeof f->path, "%s/2026-11-22/0000000000000001.seg", w->folder);
	f->bytes = BUF_INIT;
	CHECK(tap_read(f->path, &f->bytes));
}

static void
put_file(const struct file *f, size_t n)
{
	FILE *to = fopen(f->path, "wb");
	CHECK(to && fwrite(f->bytes.p, 1, n, to) == n && fclose(to) == 0);
}

struct marks {
	uint32_t count[4];   /* events in the oracle after block i */
	uint32_t batches[4];
	size_t end[4];       /* of block i in the segment */
};

static void
three_blocks(struct world *w, struct marks *m)
{
	*m = (struct marks){0};
	for (int i = 1; i <= 3; i++) {
		append_events(w, 150);
		CHECK_INT(archive_seal(w->archive), 0);
		m->count[i] = w->count;
		m->batches[i] = w->batches;
		m->end[i] = archive_stats(w->archive).bytes;
	}
	archive_close(w->archive);
	w->archive = NULL;
}

/* Opens what is on disk: the first `whole` blocks must be there and right, and appending must go on. */
static void
check_cut(struct world *w, const struct marks *m, int whole, bool torn)
{
	uint32_t count = w->count;
	world_open(w);
	w->count = m->count[whole];
	struct archive_stats s = archive_stats(w->archive);
	if (s.events != w->count || (s.torn != 0) != torn || archive_safe(w->archive) != m->batches[whole])
		CHECK_INT(s.events, w->count);
	compare_everything(w, "after the cut");
	w->count = count;
	if (whole)
		CHECK_INT(replay_batch(w, m->batches[whole]), E_EXISTS);
	for (uint64_t b = m->batches[whole] + 1; b <= m->batches[3]; b++)
		CHECK_INT(replay_batch(w, b), 0);
	compare_everything(w, "after the replay");
	archive_close(w->archive);
	w->archive = NULL;
}

TEST(a_torn_tail_is_cut_and_the_journal_fills_it_again)
{
	struct world w;
	struct marks m;
	struct file f;
	world_begin(&w, 4);
	three_blocks(&w, &m);
	find_segment(&w, &f);
	CHECK_INT(f.bytes.n, m.end[3]);
	for (size_t n = m.end[1] + 1; n < m.end[3]; n += 997) {
		put_file(&f, n);
		check_cut(&w, &m, n < m.end[2] ? 1 : 2, n != m.end[2]);
	}
	put_file(&f, 7);
	check_cut(&w, &m, 0, true);
	put_file(&f, 0);
	check_cut(&w, &m, 0, false);
	buf_release(&f.bytes);
	world_end(&w);
}

TEST(a_changed_byte_in_the_last_block_never_gives_a_wrong_event)
{
	struct world w;
	struct marks m;
	struct file f;
	uint32_t cut = 0;
	world_begin(&w, 5);
	three_blocks(&w, &m);
	find_segment(&w, &f);
	for (size_t at = m.end[2]; at < m.end[3]; at += 331) {
		f.bytes.p[at] ^= 0x10;
		put_file(&f, f.bytes.n);
		f.bytes.p[at] ^= 0x10;
		world_open(&w);
		uint64_t events = archive_stats(w.archive).events;
		CHECK(events == m.count[2] || events == m.count[3]);
		cut += events == m.count[2];
		w.count = (uint32_t)events;
		compare_everything(&w, "after the change");
		w.count = m.count[3];
		archive_close(w.archive);
		w.archive = NULL;
	}
	CHECK(cut > 20);
	buf_release(&f.bytes);
	world_end(&w);
}

/* Rot in an older block: whatever is found is true, and the blocks around it are all there. */
TEST(rot_in_an_older_block_costs_that_block_only)
{
	struct world w;
	struct marks m;
	struct file f;
	uint32_t lost = 0;
	world_begin(&w, 6);
	three_blocks(&w, &m);
	find_segment(&w, &f);
	for (size_t at = m.end[1]; at < m.end[2]; at += 331) {
		struct arena arena;
		struct archive_event *e = NULL;
		uint32_t n = 0, wrong = 0, others = 0;
		struct search all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
		f.bytes.p[at] ^= 0x04;
		put_file(&f, f.bytes.n);
		f.bytes.p[at] ^= 0x04;
		world_open(&w);
		arena_init(&arena, 1 << 20, 64 << 20);
		int error = archive_search(w.archive, &all, NULL, 1000, NULL, &arena, &e, &n);
		for (uint32_t i = 0; i < n; i++) {
			wrong += !same_event(&e[i], &w.known[e[i].id - 1]);
			others += e[i].id <= m.count[1] || e[i].id > m.count[2];
		}
		if (error || wrong || others != m.count[3] - (m.count[2] - m.count[1]))
			tap_check(false, __FILE__, __LINE__, "byte %zu: %s, %u wrong, %u others", at,
			    error_name(error), wrong, others);
		CHECK_INT(archive_safe(w.archive), m.batches[3]);
		struct archive_stats s = archive_stats(w.archive);
		CHECK((n < m.count[3]) == (s.torn || s.damaged)); /* never in silence */
		lost += n < m.count[3];
		arena_release(&arena);
		archive_close(w.archive);
		w.archive = NULL;
	}
	CHECK(lost > 20);
	buf_release(&f.bytes);
	world_end(&w);
}

TEST(what_was_not_sealed_comes_again_under_the_same_ids)
{
	struct world w;
	world_begin(&w, 7);
	append_events(&w, 6000);
	struct archive *before = w.archive; /* still open: what it holds in memory is what a power cut takes */
	world_open(&w);
	uint64_t safe = archive_safe(w.archive);
	CHECK(safe > 0 && safe < w.batches);
	CHECK_INT(archive_stats(w.archive).torn, 0);
	CHECK_INT(replay_batch(&w, 1), E_EXISTS);
	CHECK_INT(replay_batch(&w, safe), E_EXISTS);
	for (uint64_t b = safe + 1; b <= w.batches; b++)
		CHECK_INT(replay_batch(&w, b), 0);
	compare_everything(&w, "replayed");
	archive_close(w.archive);
	w.archive = before;
	world_end(&w);
}

/* ---- a full disk ---- */

static struct failing {
	int after; /* calls that still go well; negative: all do */
} failing;

static bool
fails(void)
{
	if (failing.after < 0)
		return false;
	if (failing.after == 0)
		return true;
	failing.after--;
	return false;
}

static int64_t
failing_pwrite(void *user, int fd, const void *from, size_t n, uint64_t offset)
{
	if (!fails())
		return store_io_disk.pwrite(NULL, fd, from, n, offset);
	store_io_disk.pwrite(NULL, fd, from, n / 2, offset); /* half of it got through */
	return E_FULL;
}

static int
failing_sync(void *user, int fd)
{
	return fails() ? E_IO : store_io_disk.sync(NULL, fd);
}

static int
failing_open(void *user, const char *path, int flags, unsigned mode)
{
	return fails() ? E_FULL : store_io_disk.open(NULL, path, flags, mode);
}

static int
failing_sync_directory(void *user, const char *path)
{
	return fails() ? E_IO : store_io_disk.sync_directory(NULL, path);
}

TEST(a_full_disk_loses_nothing)
{
	for (int after = 0; after < 7; after++) {
		struct world w;
		world_begin(&w, 8);
		archive_close(w.archive);
		w.io.pwrite = failing_pwrite;
		w.io.sync = failing_sync;
		w.io.open = failing_open;
		w.io.sync_directory = failing_sync_directory;
		failing.after = -1;
		world_open(&w);
		failing.after = after;
		int error = 0;
		while (!error && w.count < 9000)
			error = append_batch(&w, 64);
		CHECK(error == E_FULL || error == E_IO);
		uint32_t count = w.count, batches = w.batches;
		uint64_t safe = archive_safe(w.archive);
		compare_everything(&w, "while the disk is full");
		error = append_batch(&w, 64);
		CHECK(error == E_FULL || error == E_IO);
		CHECK_INT(w.count, count); /* no more is taken than fits in memory */
		CHECK_INT(archive_safe(w.archive), safe);
		buf_release(&w.batch[--w.batches]);
		failing.after = -1;
		append_events(&w, 200);
		CHECK(w.batches > batches && archive_safe(w.archive) >= batches);
		compare_everything(&w, "when there is room again");
		archive_close(w.archive);
		world_open(&w);
		CHECK_INT(archive_stats(w.archive).torn, 0);
		compare_everything(&w, "opened again");
		world_end(&w);
	}
}

/* ---- retention, age ---- */

TEST(whole_days_go_and_readers_keep_what_they_hold)
{
	struct world w;
	world_begin(&w, 9);
	uint32_t first_of_day[4];
	for (int day = 0; day < 4; day++) {
		w.now_ms = DAY0 + day * TIME_DAY + TIME_HOUR;
		first_of_day[day] = w.count;
		append_events(&w, 100);
		CHECK_INT(archive_seal(w.archive), 0);
	}
	CHECK_INT(archive_drop_before(w.archive, DAY0 + TIME_DAY - 1), 0);
	CHECK_INT(archive_stats(w.archive).events, w.count);
	CHECK_INT(archive_drop_before(w.archive, DAY0 + 2 * TIME_DAY + TIME_HOUR), 2);
	CHECK_INT(archive_stats(w.archive).events, w.count - first_of_day[2]);
	struct arena arena;
	struct archive_event e;
	arena_init(&arena, 65536, 1 << 20);
	CHECK_INT(archive_get(w.archive, w.known[0].id, &arena, &e), E_NOT_FOUND);
	CHECK_INT(archive_get(w.archive, w.known[first_of_day[2]].id, &arena, &e), 0);
	CHECK(same_event(&e, &w.known[first_of_day[2]]));
	char path[512];
	snprintf(path, sizeof path, "%s/2026-11-22", w.folder);
	CHECK(access(path, F_OK) != 0);
	CHECK_INT(archive_drop_before(w.archive, INT64_MAX), 1);
	archive_close(w.archive);
	world_open(&w); /* ids and journal blocks go on from the segment that always stays */
	CHECK_INT(archive_last_block(w.archive), w.batches);
	uint32_t count = w.count;
	append_events(&w, 1);
	CHECK_INT(w.known[count].id, count + 1);
	arena_release(&arena);
	world_end(&w);
}

TEST(an_open_block_is_sealed_by_age)
{
	struct world w;
	world_begin(&w, 10);
	CHECK_INT(archive_tick(w.archive, DAY0), 0);
	append_events(&w, 10);
	CHECK_INT(archive_tick(w.archive, DAY0), 0);
	CHECK_INT(archive_tick(w.archive, DAY0 + 10 * TIME_MINUTE - 1), 0);
	CHECK(archive_stats(w.archive).open_events > 0);
	CHECK_INT(archive_tick(w.archive, DAY0 + 10 * TIME_MINUTE), 0);
	CHECK_INT(archive_stats(w.archive).open_events, 0);
	CHECK_INT(archive_safe(w.archive), w.batches);
	world_end(&w);
}

/* ---- readers beside the writer ---- */

struct beside {
	struct archive *archive;
	atomic_bool done;
	atomic_uint_fast64_t appended; /* events whose archive_add() has returned */
	uint64_t searches, wrong;
};

static void *
read_beside(void *user)
{
	struct beside *b = user;
	struct search all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
	for (bool last = false; !last; b->searches++) {
		last = atomic_load(&b->done);
		struct arena arena;
		struct archive_event *e = NULL, one;
		uint32_t n = 0;
		uint64_t before = atomic_load(&b->appended), newest = 0;
		arena_init(&arena, 1 << 20, 64 << 20);
		if (archive_search(b->archive, &all, NULL, 50, NULL, &arena, &e, &n))
			b->wrong++;
		for (uint32_t i = 0; i < n; i++) {
			b->wrong += i && (e[i].time_ms > e[i - 1].time_ms || e[i].id == e[i - 1].id);
			newest = e[i].id > newest ? e[i].id : newest;
		}
		b->wrong += n < (before < 50 ? before : 50);
		int error = before ? archive_get(b->archive, before, &arena, &one) : E_NOT_FOUND;
		b->wrong += error ? error != E_NOT_FOUND : one.id != before; /* its day may have gone meanwhile */
		arena_release(&arena);
	}
	return NULL;
}

TEST(readers_search_while_blocks_are_filled_and_sealed_and_days_go)
{
	struct world w;
	struct beside b = {0};
	pthread_t thread[2];
	world_begin(&w, 11);
	b.archive = w.archive;
	struct beside other = b;
	CHECK_INT(pthread_create(&thread[0], NULL, read_beside, &b), 0);
	CHECK_INT(pthread_create(&thread[1], NULL, read_beside, &other), 0);
	for (int i = 0; i < 60; i++) {
		append_events(&w, 100);
		atomic_store(&b.appended, w.count);
		atomic_store(&other.appended, w.count);
		if (i % 7 == 0)
			CHECK_INT(archive_seal(w.archive), 0);
		if (i % 15 == 14) {
			w.now_ms += TIME_DAY;
			CHECK(archive_drop_before(w.archive, w.now_ms - TIME_DAY) >= 0);
		}
	}
	atomic_store(&b.done, true);
	atomic_store(&other.done, true);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	CHECK_INT(b.wrong + other.wrong, 0);
	CHECK(b.searches > 0 && other.searches > 0);
	world_end(&w);
}

static bool
stop_at_once(void *user)
{
	return true;
}

TEST(a_search_can_be_stopped)
{
	struct world w;
	world_begin(&w, 12);
	append_events(&w, 100);
	CHECK_INT(archive_seal(w.archive), 0);
	struct arena arena;
	struct archive_event *e;
	uint32_t n = 7;
	bool was_stopped = false;
	struct archive_control control = {stop_at_once, NULL, &was_stopped};
	struct search all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
	arena_init(&arena, 65536, 1 << 20);
	CHECK_INT(archive_search(w.archive, &all, NULL, 10, &control, &arena, &e, &n), 0);
	CHECK_INT(n, 0);
	CHECK(was_stopped);
	CHECK_INT(archive_search(w.archive, &all, NULL, 0, &control, &arena, &e, &n), E_INVALID);
	arena_release(&arena);
	world_end(&w);
}
