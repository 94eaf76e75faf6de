/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/coverage.h"

#include "database.h"
#include "tap.h"

#define MAP                                                                                                            \
	"sources:\n"                                                                                                   \
	"  - {product: windows, category: process_creation, service: sysmon, when: {channel: S, EventID: 1}}\n"       \
	"  - {product: windows, category: process_creation, service: security, when: {channel: Security, EventID: 4688},\n" \
	"     rename: {Image: NewProcessName}}\n"                                                                       \
	"  - {product: windows, service: security, when: {channel: Security}}\n"                                       \
	"  - {product: linux, when: {product: linux}}\n"

static const char *const texts[] = {
	("title: p\nid: p\nlogsource: {product: windows, category: process_creation}\n"
	 "detection: {a: {Image: x, Parent: y}, f: {Quiet: z}, condition: a and not f}\n"),
	"title: s\nid: s\nlogsource: {product: windows, service: security}\ndetection: {a: {EventID: 1}, condition: a}\n",
	"title: l\nid: l\nlogsource: {product: linux}\ndetection: {a: [word], condition: a}\n",
	"title: c\nid: c\ncorrelation: {type: temporal, rules: [l, s], group-by: [h], timespan: 1m}\n",
	"title: o\nid: o\nlogsource: {product: linux}\ndetection: {a: [word], condition: a}\n",
	"title: e\nid: e\nkhien: {engine: flow.beacon}\n",
};

static struct rules *
rules_of_test(void)
{
	struct rules *r = rules_new();
	struct fault f = {0};
	CHECK_INT(rules_add_map(r, STR(MAP), STR("map"), &f), 0);
	for (size_t i = 0; i < COUNT(texts); i++)
		CHECK_INT(rules_add(r, str_z(texts[i]), STR("t.yml"), NULL, NULL), 1);
	CHECK(rules_switch(r, STR("o"), true, NULL));
	CHECK_INT(rules_finish(r, NULL, NULL), 0);
	return r;
}

static void
add(struct coverage *c, const struct rules *r, const char *organisation, const char *product, const char *channel,
    const char *code, int64_t at)
{
	struct event e = {.product = str_z(product), .channel = str_z(channel), .code = str_z(code)};
	coverage_add(c, r, &e, str_z(organisation), at);
}

/* Which of the rules can fire, as letters. */
static void
check_live(const struct coverage *c, const struct rules *r, const char *organisation, const char *want)
{
	bool seen[64] = {false};
	struct buf live = BUF_INIT_MAX(64);
	coverage_seen(c, r, str_z(organisation), seen);
	for (uint32_t i = 0; i < rules_count(r); i++)
		if (rules_live(r, i, seen))
			buf_add(&live, rules_info(r, i)->id);
	CHECK_STR(live.n ? buf_str(&live) : STR(""), str_z(want));
	buf_release(&live);
}

TEST(rules_live_where_their_sources_arrive)
{
	struct rules *r = rules_of_test();
	struct coverage *c = coverage_new();
	check_live(c, r, "", "");
	add(c, r, "a", "linux", "", "", 5);
	add(c, r, "a", "linux", "", "", 9);
	add(c, r, "b", "windows", "security", "4688", 7); /* whatever the case */
	add(c, r, "b", "windows", "Other", "1", 8);       /* of no source */
	check_live(c, r, "a", "lce");
	check_live(c, r, "b", "psce");
	check_live(c, r, "c", "");
	check_live(c, r, "", "pslce");
	uint32_t place = 0, pairs = 0;
	for (const struct coverage_source *s; (s = coverage_next(c, &place)); pairs++)
		if (str_eq(s->organisation, STR("a"))) {
			CHECK_INT(s->events, 2);
			CHECK_INT(s->last_ms, 9);
			CHECK_STR(s->source.product, STR("linux"));
		}
	CHECK_INT(pairs, 3);
	coverage_free(c);
	rules_free(r);
}

TEST(what_was_seen_outlives_a_restart_and_other_rules)
{
	struct rules *r = rules_of_test();
	struct coverage *c = coverage_new();
	struct db *db;
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	add(c, r, "a", "linux", "", "", 5);
	coverage_rules_changed(c);
	add(c, r, "a", "linux", "", "", 6);
	coverage_add_field(c, STR("Image"));
	CHECK_INT(coverage_save(c, db, 10), 0);
	add(c, r, "a", "linux", "", "", 7);
	CHECK_INT(coverage_save(c, db, 11), 0);
	coverage_free(c);
	c = coverage_new();
	CHECK_INT(coverage_load(c, db), 0);
	uint32_t place = 0;
	const struct coverage_source *s = coverage_next(c, &place);
	CHECK(s && s->events == 3 && s->last_ms == 7 && !coverage_next(c, &place));
	CHECK(coverage_has_field(c, STR("Image")) && !coverage_has_field(c, STR("image")));
	coverage_free(c);
	rules_free(r);
	db_close(db);
}

static bool
seen(void *user, struct str name)
{
	return coverage_has_field(user, name);
}

TEST(fields_that_never_came)
{
	struct rules *r = rules_of_test();
	struct coverage *c = coverage_new();
	struct str field[4];
	CHECK_INT(rules_unseen_fields(r, 0, seen, c, field, 4), 2);
	CHECK_STR(field[0], STR("Image"));
	CHECK_STR(field[1], STR("Parent")); /* and not Quiet, which is only to be absent */
	CHECK_INT(rules_unseen_fields(r, 0, seen, c, field, 1), 1);
	coverage_add_field(c, STR("NewProcessName")); /* Image, where Windows audits it */
	CHECK_INT(rules_unseen_fields(r, 0, seen, c, field, 4), 1);
	CHECK_INT(rules_unseen_fields(r, 2, seen, c, field, 4), 0); /* keywords have no field */
	CHECK_INT(rules_unseen_fields(r, 3, seen, c, field, 4), 0);
	coverage_free(c);
	rules_free(r);
}

TEST(many_names_are_bounded)
{
	struct rules *r = rules_of_test();
	struct coverage *c = coverage_new();
	char name[32];
	for (uint32_t i = 0; i < COVERAGE_FIELDS + 10; i++) {
		snprintf(name, sizeof name, "field%u", i);
		coverage_add_field(c, str_z(name));
	}
	CHECK_INT(coverage_over(c), 10);
	for (uint32_t i = 0; i < 20000; i++) { /* more kinds of events than are remembered */
		snprintf(name, sizeof name, "%u", i);
		add(c, r, "a", "linux", "", name, i);
	}
	uint32_t place = 0;
	const struct coverage_source *s = coverage_next(c, &place);
	CHECK(s && s->events == 20000 && !coverage_next(c, &place));
	coverage_free(c);
	rules_free(r);
}
