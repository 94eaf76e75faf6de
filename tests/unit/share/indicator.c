/* SPDX-License-Identifier: EUPL-1.2 */
#include "share/indicator.h"

#include "base/memory.h"
#include "database.h"
#include "tap.h"

#define NOW INT64_C(1780000000000)

struct desk {
	struct db *db;
	struct warning_lists *lists;
	struct arena arena;
	struct indicator_report *report;
};

static void
open_desk(struct desk *d)
{
	struct fault f = {0};
	*d = (struct desk){.report = MEM_NEW(struct indicator_report)};
	CHECK_INT(db_open(test_database(""), &d->db, &f), 0);
	CHECK_INT(warning_lists_new(STR("lists: [{name: government, below: true, values: [gov.vn]}, {name: reserved, values: [10.0.0.0/8]}]"),
		      NULL, &d->lists, &f), 0);
	arena_init(&d->arena, 4096, 1 << 20);
}

static void
close_desk(struct desk *d)
{
	warning_lists_free(d->lists);
	db_close(d->db);
	arena_release(&d->arena);
	mem_free(d->report);
}

static int
take(struct desk *d, const char *source, const char *text)
{
	struct indicator_import w = {.source = str_z(source), .tlp = TLP_UNSAID, .confidence = -1, .until_ms = TIME_NONE,
	    .who = STR("tester")};
	return indicator_import(d->db, &w, d->lists, str_z(text), NOW, d->report);
}

static int64_t
generation(struct desk *d)
{
	int64_t g = -1;
	CHECK_INT(indicator_generation(d->db, &g), 0);
	return g;
}

static uint32_t
list(struct desk *d, int kind, int state, const char *text, const char *source, struct indicator **ret)
{
	struct indicator_filter f = {.text = str_z(text), .kind = kind, .source = str_z(source), .state = state,
	    .before_id = INT64_MAX, .limit = 100};
	uint32_t count = 0;
	int64_t total = -1;
	*ret = NULL;
	CHECK_INT(indicator_list(d->db, &f, NOW, &d->arena, ret, &count), 0);
	CHECK_INT(indicator_count(d->db, &f, NOW, &total), 0);
	CHECK_INT(total, count);
	return count;
}

TEST(an_import_counts_what_it_did)
{
	struct desk d;
	struct indicator *all;
	open_desk(&d);
	CHECK_INT(generation(&d), 0);
	CHECK_INT(take(&d, "A", "value,note,confidence,valid_until,tlp\n198.51.100.1,first,80,2030-01-01,red\nevil.example,,,,\n"
				"x.gov.vn,,,,\n10.1.1.1,,,,\nnonsense,,,,\nold.example,,,2020-01-01,\n"), 0);
	const struct indicator_report *r = d.report;
	CHECK_INT(r->read, 5);
	CHECK_INT(r->added, 3);
	CHECK_INT(r->held, 2);
	CHECK_INT(r->refused, 1);
	CHECK_INT(r->faults, 3);
	CHECK_STR(str_z(r->fault[0].what), STR("feed_held"));
	CHECK_STR(str_z(r->fault[0].arg), STR("x.gov.vn (government)"));
	CHECK_INT(r->fault[0].line, 4);
	CHECK_INT(generation(&d), 1);
	/* Again: nothing new. */
	CHECK_INT(take(&d, "A", "value,note,confidence,valid_until,tlp\n198.51.100.1,first,80,2030-01-01,red\nevil.example,,,,\n"), 0);
	CHECK_INT(r->added, 0);
	CHECK_INT(r->unchanged, 2);
	CHECK_INT(generation(&d), 1);
	/* Surer now. */
	CHECK_INT(take(&d, "A", "value,confidence\nevil.example,99\n"), 0);
	CHECK_INT(r->updated, 1);
	CHECK_INT(generation(&d), 2);
	/* Another source has its own row. */
	CHECK_INT(take(&d, "B", "evil.example\n"), 0);
	CHECK_INT(r->added, 1);
	CHECK_INT(list(&d, -1, -1, "", "", &all), 6);
	CHECK_INT(list(&d, IOC_DOMAIN, -1, "", "", &all), 4);
	CHECK_INT(list(&d, -1, INDICATOR_HELD, "", "", &all), 2);
	CHECK_STR(all[0].held_by, STR("reserved"));
	CHECK_INT(list(&d, -1, INDICATOR_EXPIRED, "", "", &all), 1);
	CHECK_STR(all[0].value, STR("old.example"));
	CHECK(all[0].state == INDICATOR_EXPIRED);
	CHECK_INT(list(&d, -1, INDICATOR_ACTIVE, "evil", "A", &all), 1);
	CHECK_INT(all[0].confidence, 99);
	CHECK_INT(all[0].tlp, TLP_AMBER);
	CHECK_STR(all[0].who, STR("tester"));
	CHECK_INT(list(&d, -1, -1, "198.51", "", &all), 1);
	CHECK_STR(all[0].note, STR("first"));
	CHECK_INT(all[0].tlp, TLP_RED);
	struct indicator_source *s = NULL;
	uint32_t sources = 0;
	CHECK_INT(indicator_sources(d.db, NOW, &d.arena, &s, &sources), 0);
	CHECK_INT(sources, 2);
	CHECK_STR(s[0].name, STR("A"));
	CHECK_INT(s[0].indicators, 5);
	CHECK_INT(s[0].active, 2);
	close_desk(&d);
}

TEST(sources_have_names)
{
	struct desk d;
	open_desk(&d);
	CHECK_INT(take(&d, "", "198.51.100.1\n"), E_INVALID);
	CHECK_INT(take(&d, "a\nb", "198.51.100.1\n"), E_INVALID);
	CHECK_INT(take(&d, " a", "198.51.100.1\n"), E_INVALID);
	close_desk(&d);
}

TEST(an_import_ends_at_its_cap)
{
	struct desk d;
	struct indicator *all;
	open_desk(&d);
	struct indicator_import w = {.source = STR("C"), .tlp = TLP_UNSAID, .confidence = -1, .until_ms = TIME_NONE,
	    .who = STR("tester"), .cap = 2};
	CHECK_INT(indicator_import(d.db, &w, d.lists, STR("198.51.100.1\n198.51.100.2\n198.51.100.3\n"), NOW, d.report), E_LIMIT);
	CHECK_INT(d.report->added, 2);
	CHECK_STR(str_z(d.report->fault[0].what), STR("feed_cap"));
	CHECK_INT(list(&d, -1, -1, "", "", &all), 2);
	close_desk(&d);
}

TEST(a_person_revokes_and_a_feed_does_not_undo_it)
{
	struct desk d;
	struct indicator i;
	struct fault f = {0};
	open_desk(&d);
	CHECK_INT(take(&d, "A", "198.51.100.1\nx.gov.vn\n"), 0);
	CHECK_INT(indicator_get(d.db, 1, NOW, &d.arena, &i), 0);
	struct indicator_update u = {.state = INDICATOR_REVOKED, .set_note = true, .note = STR("ours"), .confidence = -1};
	CHECK_INT(indicator_change(d.db, 1, i.version + 1, &u, NOW, &f), E_CONFLICT);
	CHECK_INT(indicator_change(d.db, 99, 1, &u, NOW, &f), E_NOT_FOUND);
	int64_t before = generation(&d);
	CHECK_INT(indicator_change(d.db, 1, i.version, &u, NOW, &f), 0);
	CHECK_INT(generation(&d), before + 1);
	CHECK_INT(take(&d, "A", "198.51.100.1\n"), 0);
	CHECK_INT(d.report->unchanged, 1);
	CHECK_INT(indicator_get(d.db, 1, NOW, &d.arena, &i), 0);
	CHECK_INT(i.state, INDICATOR_REVOKED);
	CHECK_STR(i.note, STR("ours"));
	u = (struct indicator_update){.state = INDICATOR_ACTIVE, .confidence = 10, .set_until = true, .until_ms = NOW + 5};
	CHECK_INT(indicator_change(d.db, 1, i.version, &u, NOW, &f), 0);
	CHECK_INT(indicator_get(d.db, 1, NOW + 5, &d.arena, &i), 0);
	CHECK_INT(i.state, INDICATOR_EXPIRED);
	CHECK_INT(i.confidence, 10);
	/* What a list holds stays held. */
	CHECK_INT(indicator_get(d.db, 2, NOW, &d.arena, &i), 0);
	CHECK_INT(i.state, INDICATOR_HELD);
	CHECK_INT(indicator_change(d.db, 2, i.version, &u, NOW, &f), E_DENIED);
	CHECK_STR(str_z(f.what), STR("indicator_held"));
	close_desk(&d);
}

static struct ioc *
image(struct desk *d, const struct indicator_image *wish, const struct warning_lists *lists, struct buf *bytes,
    struct indicator_image_stats *stats)
{
	struct ioc *ioc = NULL;
	buf_release(bytes);
	CHECK_INT(indicator_image_build(d->db, wish, lists, 3, bytes, stats), 0);
	CHECK_INT(ioc_open(buf_str(bytes), &ioc), 0);
	return ioc;
}

TEST(the_image_holds_what_is_active)
{
	struct desk d;
	struct buf bytes = BUF_INIT;
	struct indicator_image_stats stats;
	struct ioc_hit hit;
	struct warning_lists *later = NULL;
	struct fault f = {0};
	struct indicator i;
	open_desk(&d);
	CHECK_INT(take(&d, "A", "value,valid_from,valid_until\n198.51.100.1,2026-05-01,2027-01-01\nx.gov.vn,,\nold.example,,2020-01-01\n"
				"bad.example,,\n"), 0);
	CHECK_INT(take(&d, "B", "other.example\n"), 0);
	struct indicator_image wish = {.key = 5, .after_ms = NOW};
	struct ioc *ioc = image(&d, &wish, d.lists, &bytes, &stats);
	CHECK_INT(ioc_count(ioc), 3);
	CHECK_INT(stats.indicators, 3);
	CHECK_INT(stats.held, 0);
	CHECK_INT(stats.next_until_ms, INT64_C(1798736400000));
	CHECK(ioc_find(ioc, IOC_IP, STR("198.51.100.1"), NOW, &hit) && hit.number == 1);
	CHECK(!ioc_find(ioc, IOC_IP, STR("198.51.100.1"), 1, &hit)); /* before valid_from */
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("x.gov.vn"), NOW, &hit));
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("old.example"), NOW, &hit));
	ioc_close(ioc);
	/* Looking back: what is known today, in all that was. */
	wish = (struct indicator_image){.key = 5, .after_ms = 0, .look_back = true, .source = STR("A")};
	ioc = image(&d, &wish, d.lists, &bytes, &stats);
	CHECK_INT(ioc_count(ioc), 3);
	CHECK(ioc_find(ioc, IOC_IP, STR("198.51.100.1"), 1, &hit));
	CHECK(ioc_find(ioc, IOC_DOMAIN, STR("old.example"), 1, &hit));
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("other.example"), 1, &hit));
	ioc_close(ioc);
	/* A list written later holds what is already here. */
	CHECK_INT(warning_lists_new(STR("lists: [{name: new, values: [bad.example]}]"), NULL, &later, &f), 0);
	wish = (struct indicator_image){.key = 5, .after_ms = NOW};
	ioc = image(&d, &wish, later, &bytes, &stats);
	CHECK_INT(stats.held, 1);
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("bad.example"), NOW, &hit));
	CHECK_INT(indicator_get(d.db, 4, NOW, &d.arena, &i), 0);
	CHECK_INT(i.state, INDICATOR_HELD);
	CHECK_STR(i.held_by, STR("new"));
	ioc_close(ioc);
	/* And when that list is gone again it is let go; what others stop stays held. */
	ioc = image(&d, &wish, d.lists, &bytes, &stats);
	CHECK(ioc_find(ioc, IOC_DOMAIN, STR("bad.example"), NOW, &hit) && hit.number == 4);
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("x.gov.vn"), NOW, &hit));
	CHECK_INT(indicator_get(d.db, 4, NOW, &d.arena, &i), 0);
	CHECK_INT(i.state, INDICATOR_ACTIVE);
	CHECK_STR(i.held_by, STR(""));
	ioc_close(ioc);
	warning_lists_free(later);
	buf_release(&bytes);
	close_desk(&d);
}

TEST(a_hit_means_the_row_and_is_counted)
{
	struct desk d;
	struct sighting_meaning m = {0};
	struct indicator i;
	struct fault f = {0};
	open_desk(&d);
	CHECK_INT(take(&d, "A", "value,confidence,tlp\nexample.com,60,green\n198.51.100.0/24,50,\nhttp://evil.example/x,50,\n"), 0);
	CHECK_INT(take(&d, "B", "value,confidence,tlp\nexample.com,90,red\n"), 0);
	struct sighting_book *b = sighting_book_new(d.db);
	CHECK(sighting_meaning(b, 1, STR("WWW.Example.com."), &m));
	CHECK_STR(m.value, STR("example.com"));
	CHECK_STR(m.sources, STR("B, A"));
	CHECK_INT(m.confidence, 90);
	CHECK_INT(m.tlp, TLP_RED);
	CHECK(sighting_meaning(b, 2, STR("198.51.100.7"), &m));
	CHECK(sighting_meaning(b, 3, STR("http://EVIL.example:80/x#a"), &m));
	/* What the image said by mistake, or of what is no longer so. */
	CHECK(!sighting_meaning(b, 1, STR("evilexample.com"), &m));
	CHECK(!sighting_meaning(b, 2, STR("198.51.101.7"), &m));
	CHECK(!sighting_meaning(b, 3, STR("http://evil.example/y"), &m));
	CHECK(!sighting_meaning(b, 4000000000u, STR("198.51.101.7"), &m));
	CHECK_INT(sighting_book_doubted(b), 4);
	struct indicator_update u = {.state = INDICATOR_REVOKED, .confidence = -1};
	CHECK_INT(indicator_change(d.db, 2, 1, &u, NOW, &f), 0);
	sighting_book_forget(b);
	CHECK(!sighting_meaning(b, 2, STR("198.51.100.7"), &m));
	for (int64_t k = 0; k < 50; k++) {
		struct sighting s = {.event = 1000 + k, .time_ms = NOW + k, .field = STR("dns.question.name"),
		    .value = STR("www.example.com"), .organisation = STR("o"), .system = STR("s")};
		sighting_book_add(b, 1, &s);
		sighting_book_add(b, 77, &s); /* no such row */
	}
	CHECK_INT(sighting_book_pending(b), 100);
	for (int again = 0; again < 2; again++) { /* rolled back once, then done */
		CHECK_INT(db_begin(d.db), 0);
		CHECK_INT(sighting_book_write(b), 0);
		if (again)
			CHECK_INT(db_commit(d.db), 0);
		else
			db_rollback(d.db);
	}
	sighting_book_clear(b);
	CHECK_INT(sighting_book_pending(b), 0);
	CHECK_INT(indicator_get(d.db, 1, NOW, &d.arena, &i), 0);
	CHECK_INT(i.sightings, 50);
	CHECK_INT(i.first_seen_ms, NOW);
	CHECK_INT(i.last_seen_ms, NOW + 49);
	struct sighting *s = NULL;
	uint32_t count = 0;
	CHECK_INT(sighting_list(d.db, 1, &d.arena, &s, &count), 0);
	CHECK_INT(count, SIGHTINGS_KEPT);
	CHECK_STR(s[0].field, STR("dns.question.name"));
	sighting_book_free(b);
	close_desk(&d);
}
