/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/archive_slab.h"

#include "archive_world.h"

#include "base/memory.h"

static const uint32_t core[] = {F_SOURCE_IP, F_ORGANISATION, F_HOST_NAME};

static struct str
known_value(const struct known *k, uint32_t id)
{
	struct str value = {0};
	for (uint32_t i = 0; i < k->field_count; i++)
		if (k->field[i].core && k->field[i].id == id)
			value = k->field[i].value;
	return value;
}

/* The events of a slab are those of the list from `at` on, and each is found by its place in the batch. */
static bool
same_events(const struct world *w, const struct archive_slab *s, uint32_t at, uint32_t raw_at)
{
	uint32_t sub = 0, last = UINT32_MAX;
	for (uint32_t i = 0; i < s->events; i++) {
		const struct known *k = &w->known[at + i];
		uint32_t raw = raw_at;
		while (raw < s->raws && !(s->raw[raw].received_ms == k->raw.received_ms && str_eq(s->raw[raw].bytes, k->raw.bytes)))
			raw++;
		raw_at = raw;
		sub = raw == last ? sub + 1 : 0;
		last = raw;
		uint32_t event = archive_slab_event(s, raw, sub);
		if (event >= s->events || archive_slab_id(s, event) != k->id)
			return false;
		for (uint32_t f = 0; f < COUNT(core); f++)
			if (!str_eq(archive_slab_value(s, event, f), known_value(k, core[f])))
				return false;
	}
	return true;
}

TEST(all_slabs_together_are_all_that_was_sealed)
{
	struct world w;
	struct archive_span span = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .upto = UINT64_MAX};
	struct buf all = BUF_INIT, want = BUF_INIT;
	struct archive_slab *s;
	uint32_t slabs = 0, events = 0;
	world_begin(&w, 11);
	append_events(&w, 9000);
	CHECK_INT(archive_seal(w.archive), 0);
	append_events(&w, 50); /* still open: not seen */
	uint32_t count = archive_slab_count(w.archive, &span);
	CHECK(count >= 3);
	bool same = true;
	for (; archive_slab_read(w.archive, &span, core, COUNT(core), &s) == 0; slabs++) {
		buf_add(&all, s->batch);
		same = same && same_events(&w, s, events, 0);
		events += s->events;
		CHECK(!s->damaged && s->last_block > span.after);
		span.after = s->last_block;
		archive_slab_free(s);
	}
	CHECK(same);
	CHECK_INT(slabs, count);
	CHECK(events >= 9000 && events < w.count);
	for (uint32_t i = 0; i < span.after; i++)
		buf_add(&want, buf_str(&w.batch[i]));
	CHECK(str_eq(buf_str(&all), buf_str(&want)));
	buf_release(&all);
	buf_release(&want);
	world_end(&w);
}

TEST(a_span_takes_what_it_names_and_no_more)
{
	struct world w;
	struct archive_span all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .upto = UINT64_MAX};
	struct archive_slab *first, *s;
	world_begin(&w, 12);
	append_events(&w, 9000);
	CHECK_INT(archive_seal(w.archive), 0);
	uint32_t count = archive_slab_count(w.archive, &all);
	CHECK_INT(archive_slab_read(w.archive, &all, NULL, 0, &first), 0);
	struct archive_span later = all, earlier = all, past = all, future = all, none = all, some = all;
	later.after = first->last_block;
	CHECK_INT(archive_slab_count(w.archive, &later), count - 1);
	earlier.upto = first->last_block;
	CHECK_INT(archive_slab_count(w.archive, &earlier), 1);
	past.to_ms = DAY0 - 400 * TIME_DAY;
	CHECK_INT(archive_slab_count(w.archive, &past), 0);
	CHECK_INT(archive_slab_read(w.archive, &past, NULL, 0, &s), E_NOT_FOUND);
	future.from_ms = DAY0 + 4000 * TIME_DAY;
	CHECK_INT(archive_slab_count(w.archive, &future), 0);
	const struct str absent[] = {STR_INIT("zyx-wvu.example"), STR_INIT("never-seen.example")};
	none.any = absent;
	none.anys = COUNT(absent);
	CHECK_INT(archive_slab_count(w.archive, &none), 0);
	struct str host = {0};
	for (uint32_t i = 0; i < w.count && !host.n; i++)
		host = known_value(&w.known[i], F_HOST_NAME);
	const struct str present[] = {STR_INIT("zyx-wvu.example"), host};
	some.any = present;
	some.anys = COUNT(present);
	CHECK(host.n > 0);
	CHECK(archive_slab_count(w.archive, &some) >= 1);
	archive_slab_free(first);
	world_end(&w);
}

TEST(a_place_that_no_record_has_names_no_event)
{
	struct world w;
	struct archive_span all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .upto = UINT64_MAX};
	struct archive_slab *s;
	world_begin(&w, 13);
	append_events(&w, 100);
	CHECK_INT(archive_seal(w.archive), 0);
	CHECK_INT(archive_slab_read(w.archive, &all, core, COUNT(core), &s), 0);
	CHECK_INT(archive_slab_event(s, s->raws, 0), UINT32_MAX);
	CHECK_INT(archive_slab_event(s, UINT32_MAX, 0), UINT32_MAX);
	CHECK_INT(archive_slab_event(s, 0, UINT32_MAX), archive_slab_event(s, 0, 1000000));
	archive_slab_free(s);
	world_end(&w);
}

TEST(a_journal_block_that_is_no_row_of_records_is_left_out)
{
	struct world w;
	struct archive_span all = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .upto = UINT64_MAX};
	struct archive_slab *s;
	struct buf odd = BUF_INIT;
	world_begin(&w, 14);
	append_events(&w, 100);
	batch_put(&odd, &(struct raw){.bytes = STR("cut short")});
	odd.n -= 3;
	CHECK_INT(archive_begin(w.archive, w.batches + 5, buf_str(&odd)), 0);
	CHECK_INT(archive_end(w.archive), 0);
	CHECK_INT(archive_seal(w.archive), 0);
	CHECK_INT(archive_slab_read(w.archive, &all, core, COUNT(core), &s), 0);
	CHECK_INT(s->last_block, w.batches + 5);
	CHECK_INT(s->events, w.count);
	CHECK(same_events(&w, s, 0, 0));
	archive_slab_free(s);
	buf_release(&odd);
	world_end(&w);
}
