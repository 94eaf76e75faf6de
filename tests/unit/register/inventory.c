/* SPDX-License-Identifier: EUPL-1.2 */
/* Systems with their parts: who may not be the same, what has ended, which level holds on which day. */
#include "register/inventory.h"

#include "base/time.h"
#include "database.h"
#include "shipped.h"
#include "tap.h"

static const char province[] =
    "organisations:\n"
    "  - {id: tinh, name: Tinh, kind: province}\n"
    "  - {id: so, name: So, kind: department}\n"
    "  - {id: tt, name: Trung tam, kind: centre}\n"
    "  - {id: ty, name: Cong ty, kind: assessor}\n"
    "systems:\n"
    "  - {id: web, name: \"C\xe1\xbb\x95ng \xc4\x90\xe1\xba\xaft\", organisation: so, level: 2, networks: [10.21.4.0/24]}\n"
    "  - {id: kho, name: Kho, organisation: tinh, level: 4, hosts: [kho]}\n";

struct house {
	struct db *db;
	struct registry *registry;
	struct law *law;
	struct arena arena;
};

static struct house
open_house(void)
{
	struct house h = {.law = shipped_law()};
	uint32_t rows = 0;
	arena_init(&h.arena, 4096, 4 << 20);
	CHECK_INT(db_open(test_database(tap_folder()), &h.db, NULL), 0);
	CHECK_INT(registry_import(h.db, NULL, STR(province), STR("province.yaml"), false, 1764000000000, print_fault, NULL, &rows), 0);
	CHECK_INT(registry_load(h.db, &h.registry), 0);
	return h;
}

static void
close_house(struct house *h)
{
	registry_free(h->registry);
	law_free(h->law);
	arena_release(&h->arena);
	db_close(h->db);
}

static struct part_row
party(int64_t id, const char *role, const char *organisation, const char *from, const char *until)
{
	return (struct part_row){.id = id, .text = {str_z(role), str_z(organisation), str_z(from), str_z(until), STR("")}};
}

TEST(who_assesses_neither_operates_nor_monitors)
{
	static const struct {
		const char *role, *organisation, *from, *until; /* of who is to assess, or the like */
		const char *rule;
	} row[] = {
	    {"assessor", "ty", "", "", NULL},
	    {"assessor", "so", "2026-09-01", "", "nd331.independence.assessor"}, /* operates it */
	    {"assessor", "so", "2025-01-01", "2026-08-18", NULL},                  /* no rule of that time says so */
	    {"assessor", "so", "2025-01-01", "2026-08-19", "nd331.independence.assessor"},
	    {"assessor", "tt", "2024-06-30", "", "cv1552.independence.assessor"}, /* monitors until that day */
	    {"assessor", "tt", "2024-07-01", "", NULL},
	    {"assessor", "tt", "2019-01-01", "2020-04-27", NULL},                  /* the guidance is of the day after */
	    {"operator", "so", "", "", NULL},
	    {"monitor", "gone", "", "", NULL},
	};
	struct house h = open_house();
	struct part_row other[] = {party(1, "operator", "so", "", ""), party(2, "monitor", "tt", "", "2024-06-30"),
	    party(3, "owner", "so", "", "")};
	for (size_t i = 0; i < COUNT(row); i++) {
		const struct part_row *met = NULL;
		struct part_row asked = party(9, row[i].role, row[i].organisation, row[i].from, row[i].until);
		const struct law_rule *r = party_conflict(h.law, h.registry, &asked, other, COUNT(other), &met);
		CHECK_STR(r ? r->id : STR("-"), str_z(row[i].rule ? row[i].rule : "-"));
		CHECK(!r == !met);
	}
	/* It is asked from both sides: one who assesses cannot become the operator. */
	const struct part_row *met = NULL;
	struct part_row assessor = party(4, "assessor", "ty", "", ""), operates = party(5, "operator", "ty", "2026-10-01", "");
	CHECK(party_conflict(h.law, h.registry, &operates, &assessor, 1, &met) && met == &assessor);
	CHECK(!party_conflict(h.law, h.registry, &assessor, &assessor, 1, &met)); /* nobody meets himself */
	close_house(&h);
}

TEST(evidence_that_has_ended_turns_the_layer)
{
	static const struct {
		const char *state, *until, *today, *is;
	} row[] = {
	    {"in_place", "2026-11-22", "2026-11-22", "in_place"},
	    {"in_place", "2026-11-22", "2026-11-23", "expired"},
	    {"partly", "2026-01-01", "2026-11-22", "expired"},
	    {"in_place", "", "2099-01-01", "in_place"},
	    {"planned", "2020-01-01", "2026-11-22", "planned"},
	    {"none", "2020-01-01", "2026-11-22", "none"},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct part_row layer = {.text = {STR("1"), str_z(row[i].state), [6] = str_z(row[i].until)}};
		CHECK_STR(layer_state(&layer, str_z(row[i].today)), str_z(row[i].is));
	}
	CHECK_STR(layer_state(NULL, STR("2026-11-22")), STR("none"));
}

TEST(licences_end_in_30_60_90_days)
{
	static const struct {
		const char *until, *is;
	} row[] = {{"2026-11-21", "expired"}, {"2026-11-22", "30"}, {"2026-12-22", "30"}, {"2026-12-23", "60"}, {"2027-01-22", "90"},
	    {"2027-02-20", "90"}, {"2027-02-21", "good"}};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct part_row licence = {.text = {[5] = str_z(row[i].until)}};
		CHECK_STR(licence_state(&licence, STR("2026-11-22")), str_z(row[i].is));
	}
}

TEST(a_device_is_cleared_before_it_is_used)
{
	static const struct {
		const char *result;
		int64_t used;
		const char *is;
	} row[] = {{"", 0, "waiting"}, {"", 1, "missing"}, {"cleared", 1, "cleared"}, {"cleared", 0, "cleared"},
	    {"refused", 0, "refused"}, {"refused", 1, "refused_in_use"}};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct part_row device = {.text = {[7] = str_z(row[i].result)}, .number = {[6] = row[i].used}};
		CHECK_STR(device_state(&device), str_z(row[i].is));
	}
}

TEST(the_level_is_that_of_the_last_decision)
{
	struct part_row level[] = {{.text = {[1] = STR_INIT("2026-09-01")}, .number = {2}}, {.text = {[1] = STR_INIT("2023-05-05")}, .number = {3}}};
	CHECK(!level_on(level, 2, STR("2023-05-04")));
	CHECK_INT(level_on(level, 2, STR("2023-05-05"))->number[0], 3);
	CHECK_INT(level_on(level, 2, STR("2026-08-31"))->number[0], 3);
	CHECK_INT(level_on(level, 2, STR("2026-09-01"))->number[0], 2);
}

TEST(facts_decide_under_the_rules_of_the_day)
{
	struct house h = open_house();
	struct inventory s = {.id = STR("web"), .name = STR("Web"), .level = 2, .class = STR("service"),
	    .facts = STR("{\"users\":20000,\"basic_subjects\":20000}")};
	struct law_fact fact[INVENTORY_FACTS];
	uint32_t facts = 0;
	law_day before = 0, after = 0;
	CHECK(law_day_read(STR("2026-08-18"), &before) && law_day_read(STR("2026-08-19"), &after));
	CHECK_INT(inventory_facts(h.law, &s, &h.arena, fact, &facts), 0);
	CHECK_STR(law_level(h.law, before, fact, facts)->id, STR("nd85.level3.users"));
	CHECK_STR(law_level(h.law, after, fact, facts)->id, STR("nd331.level2.basic_subjects"));
	s.critical = true;
	CHECK_INT(inventory_facts(h.law, &s, &h.arena, fact, &facts), 0);
	CHECK_STR(law_level(h.law, after, fact, facts)->id, STR("nd331.level5.critical"));
	static const char *const bad[] = {"[]", "{\"colour\":\"red\"}", "{\"users\":\"many\"}", "{\"kind\":\"service\"}", "{", "", "{\"users\":{}}"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		s.facts = str_z(bad[i]);
		CHECK_STR(str_z(inventory_fault(h.law, &s, STR("2026-11-22"))), STR("facts"));
	}
	s.facts = STR("{}");
	s.sector = STR("health");
	CHECK(!inventory_fault(h.law, &s, STR("2026-11-22")));
	s.sector = STR("wizardry");
	CHECK_STR(str_z(inventory_fault(h.law, &s, STR("2026-11-22"))), STR("sector"));
	close_house(&h);
}

static uint32_t
found(struct house *h, struct registry_query q, const char *part, struct str *ret_first)
{
	struct inventory *list;
	struct buf fold = BUF_INIT;
	uint32_t count = 0;
	int64_t total = -1;
	db_fold(str_z(part), &fold);
	q.part = buf_str(&fold);
	q.limit = 10;
	CHECK_INT(registry_renew(&h->registry, h->db, STR("2026-11-22")), 0);
	CHECK_INT(inventory_list(h->db, h->registry, &q, &h->arena, &list, &count, &total), 0);
	CHECK(total >= count);
	*ret_first = count ? list[0].id : STR("");
	buf_release(&fold);
	return count;
}

TEST(found_by_name_place_and_owner_within_reach)
{
	struct house h = open_house();
	struct str first;
	CHECK_INT(found(&h, (struct registry_query){0}, "", &first), 2);
	CHECK_INT(found(&h, (struct registry_query){.by_level = true}, "", &first), 2);
	CHECK_STR(first, STR("kho"));
	CHECK_INT(found(&h, (struct registry_query){.by_level = true, .after_level = 4, .after_fold = STR("kho"), .after_id = STR("kho")}, "", &first), 1);
	CHECK_STR(first, STR("web"));
	CHECK_INT(found(&h, (struct registry_query){0}, "CONG dat", &first), 1);
	CHECK_INT(found(&h, (struct registry_query){0}, "10.21.4", &first), 1);
	CHECK_INT(found(&h, (struct registry_query){0}, "tinh", &first), 1);
	CHECK_STR(first, STR("kho"));
	CHECK_INT(found(&h, (struct registry_query){0}, "100%", &first), 0);
	CHECK_INT(found(&h, (struct registry_query){.scope = STR("so")}, "", &first), 1);
	CHECK_INT(found(&h, (struct registry_query){.organisation = STR("so"), .level = 4}, "", &first), 0);
	struct inventory s;
	CHECK_INT(inventory_get(h.db, STR("kho"), STR("so"), &h.arena, &s), E_NOT_FOUND);
	CHECK_INT(inventory_get(h.db, STR("kho"), STR("tinh"), &h.arena, &s), 0);
	s.until_day = STR("2026-11-21");
	CHECK_INT(inventory_change(h.db, &s, 1), 0);
	CHECK_INT(inventory_change(h.db, &s, 1), E_CONFLICT); /* another version is there by now */
	registry_touch_system(h.registry, STR("kho"));
	CHECK_INT(found(&h, (struct registry_query){0}, "", &first), 1);
	CHECK_INT(found(&h, (struct registry_query){.closed = true}, "", &first), 2);
	close_house(&h);
}

TEST(an_owner_ends_where_the_next_begins)
{
	struct house h = open_house();
	struct part_row *row;
	uint32_t count;
	CHECK_INT(inventory_move(h.db, STR("web"), STR("tinh"), STR("2026-07-01"), STR("2026-11-22")), 0);
	CHECK_INT(part_list(h.db, PART_PARTY, STR("web"), &h.arena, &row, &count), 0);
	CHECK_INT(count, 2);
	CHECK_STR(row[0].text[1], STR("so"));
	CHECK_STR(row[0].text[3], STR("2026-06-30"));
	CHECK_STR(row[1].text[1], STR("tinh"));
	CHECK_STR(row[1].text[2], STR("2026-07-01"));
	CHECK_INT(inventory_move(h.db, STR("web"), STR("tt"), STR("2026-07-01"), STR("2026-11-22")), 0); /* on second thoughts: no empty span is left */
	CHECK_INT(part_list(h.db, PART_PARTY, STR("web"), &h.arena, &row, &count), 0);
	CHECK_INT(count, 2);
	CHECK_STR(row[1].text[1], STR("tt"));
	CHECK_INT(inventory_move(h.db, STR("web"), STR("tt"), STR("2026-08-01"), STR("2026-11-22")), 0); /* it is already */
	CHECK_INT(part_list(h.db, PART_PARTY, STR("web"), &h.arena, &row, &count), 0);
	CHECK_INT(count, 2);
	CHECK_INT(inventory_move(h.db, STR("web"), STR("tt"), STR("soon"), STR("2026-11-22")), E_INVALID);
	struct inventory s;
	CHECK_INT(inventory_get(h.db, STR("web"), STR(""), &h.arena, &s), 0);
	CHECK_STR(s.organisation, STR("tt"));
	close_house(&h);
}

static struct inventory
row_now(struct house *h, const char *id)
{
	struct inventory s = {0};
	CHECK_INT(inventory_get(h->db, str_z(id), STR(""), &h->arena, &s), 0);
	return s;
}

TEST(what_was_planned_is_in_force_when_its_day_has_come)
{
	static const struct {
		const char *today, *owner;
		int level;
		uint32_t changed;
	} row[] = {
	    {"2026-11-22", "so", 2, 0},
	    {"2026-11-30", "so", 2, 0},
	    {"2026-12-01", "so", 4, 1},
	    {"2026-12-01", "so", 4, 0}, /* said once */
	    {"2027-02-01", "tt", 5, 2}, /* nobody was here for two months */
	    {"2026-11-23", "so", 3, 2}, /* a clock that is set back */
	};
	static const struct {
		int64_t level;
		const char *day;
	} levels[] = {{4, "2026-12-01"}, {5, "2027-01-01"}, {3, "2026-01-01"}};
	struct house h = open_house();
	int64_t id, version = row_now(&h, "kho").version;
	CHECK_INT(inventory_move(h.db, STR("web"), STR("tt"), STR("2027-01-15"), STR("2026-11-22")), 0);
	for (size_t i = 0; i < COUNT(row); i++) {
		uint32_t changed = 99;
		if (i == 1) /* past ones count from when they are written, which is not here */
			for (size_t k = 0; k < COUNT(levels); k++)
				CHECK_INT(part_add(h.db, PART_LEVEL, STR("web"), &(struct part_row){.number = {levels[k].level}, .text = {[1] = str_z(levels[k].day)}}, &id), 0);
		CHECK_INT(inventory_turn(h.db, str_z(row[i].today), 1, &changed), 0);
		CHECK_INT(changed, row[i].changed);
		struct inventory s = row_now(&h, "web");
		CHECK_STR(s.organisation, str_z(row[i].owner));
		CHECK_INT(s.level, row[i].level);
	}
	CHECK_INT(row_now(&h, "kho").version, version);
	close_house(&h);
}

TEST(a_register_file_takes_back_nothing_that_was_decided)
{
	struct house h = open_house();
	int64_t id;
	uint32_t rows;
	const int64_t now = 1795300000000; /* 2026-11-22 */
	CHECK_INT(inventory_move(h.db, STR("web"), STR("tt"), STR("2026-12-15"), STR("2026-11-22")), 0);
	CHECK_INT(part_add(h.db, PART_LEVEL, STR("web"), &(struct part_row){.number = {3}, .text = {[1] = STR("2026-01-01")}}, &id), 0);
	CHECK_INT(level_settle(h.db, STR("web"), STR("2026-11-22"), &h.arena), 0);
	CHECK_INT(registry_import(h.db, NULL, STR(province), STR("province.yaml"), false, now, print_fault, NULL, &rows), 0);
	CHECK_STR(row_now(&h, "web").organisation, STR("so"));
	CHECK_INT(row_now(&h, "web").level, 3);
	CHECK_INT(inventory_turn(h.db, STR("2026-12-15"), now + 23 * TIME_DAY, &rows), 0);
	CHECK_STR(row_now(&h, "web").organisation, STR("tt")); /* the plan has outlived the file */
	CHECK_INT(registry_import(h.db, NULL, STR(province), STR("province.yaml"), false, now + 24 * TIME_DAY, print_fault, NULL, &rows), 0);
	CHECK_STR(row_now(&h, "web").organisation, STR("tt"));
	close_house(&h);
}

static void
keep_fault(void *user, const struct fault *f)
{
	*(struct fault *)user = *f;
}

TEST(a_register_file_may_not_say_that_who_assesses_is_who_operates)
{
	static const struct {
		const char *parties;
		bool refused;
	} row[] = {
	    {"{role: operator, organisation: so}, {role: assessor, organisation: ty}", false},
	    {"{role: operator, organisation: so}, {role: assessor, organisation: so}", true},
	    {"{role: assessor, organisation: tinh}, {role: operator, organisation: so}", true}, /* which stands below it */
	    {"{role: operator, organisation: so}, {role: assessor, organisation: so, until_day: '2026-08-18'}", false},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct house h = open_house();
		struct buf text = BUF_INIT;
		struct fault f = {0};
		uint32_t rows = 0;
		buf_addf(&text, "organisations:\n  - {id: so, name: So, kind: department, parent: tinh}\n"
		    "systems:\n  - {id: kho, name: Kho, organisation: tinh, level: 4}\n"
		    "  - {id: web, name: Web, organisation: so, level: 2, parties: [%s]}\n", row[i].parties);
		int error = registry_import(h.db, h.law, buf_str(&text), STR("p.yaml"), false, 1764000000000, keep_fault, &f, &rows);
		CHECK_INT(error, row[i].refused ? E_INVALID : 0);
		if (row[i].refused) {
			CHECK_STR(str_z(f.what), STR("system_independence"));
			CHECK_INT(f.line, 5);
			CHECK(str_find(str_z(f.arg), STR("31.2.c")) > 0 && str_find(str_z(f.arg), STR("331/2026")) > 0 && str_find(str_z(f.arg), STR("operator so")) >= 0);
		} else { /* what people or mergers make of it later stops no desk from starting */
			int64_t id;
			struct part_row assessor = party(0, "assessor", "so", "2026-10-01", "");
			CHECK_INT(part_add(h.db, PART_PARTY, STR("web"), &assessor, &id), 0);
			CHECK_INT(registry_import(h.db, h.law, buf_str(&text), STR("p.yaml"), false, 1764000000000, print_fault, NULL, &rows), 0);
		}
		buf_release(&text);
		close_house(&h);
	}
}

TEST(parts_are_checked_kept_changed_and_removed)
{
	struct house h = open_house();
	struct part_row *row, layer = {.text = {STR("1"), STR("in_place"), STR(""), STR("QD 1"), STR("1/QD"), STR(""), STR("2026-12-31")}};
	uint32_t count;
	int64_t id = 0;
	CHECK(!part_fault(PART_LAYER, &layer));
	CHECK_INT(part_add(h.db, PART_LAYER, STR("web"), &layer, &id), 0);
	CHECK_INT(part_add(h.db, PART_LAYER, STR("web"), &layer, &id), E_EXISTS);
	layer.id = id;
	layer.text[1] = STR("planned");
	layer.number[5] = 7;
	CHECK_INT(part_change(h.db, PART_LAYER, STR("kho"), &layer), E_NOT_FOUND); /* of another system */
	CHECK_INT(part_change(h.db, PART_LAYER, STR("web"), &layer), 0);
	CHECK_INT(part_list(h.db, PART_LAYER, STR("web"), &h.arena, &row, &count), 0);
	CHECK_INT(count, 1);
	CHECK_STR(row[0].text[1], STR("planned"));
	CHECK_STR(row[0].text[3], STR("QD 1"));
	CHECK_INT(row[0].number[5], 7);
	CHECK_INT(part_remove(h.db, PART_LAYER, STR("web"), id), 0);
	CHECK_INT(part_remove(h.db, PART_LAYER, STR("web"), id), E_NOT_FOUND);
	struct part_row ghost = party(0, "operator", "nobody", "", "");
	CHECK_INT(part_add(h.db, PART_PARTY, STR("web"), &ghost, &id), E_CONFLICT);
	static const struct {
		enum part part;
		struct part_row row;
		const char *fault;
	} bad[] = {
	    {PART_PARTY, {.text = {STR_INIT("king"), STR_INIT("so")}}, "role"},
	    {PART_PARTY, {.text = {STR_INIT("owner"), STR_INIT("../so")}}, "organisation"},
	    {PART_PARTY, {.text = {STR_INIT("owner"), STR_INIT("so"), STR_INIT("2026-02-30")}}, "from_day"},
	    {PART_PARTY, {.text = {STR_INIT("owner"), STR_INIT("so"), STR_INIT("2026-02-02"), STR_INIT("2026-02-01")}}, "until_day"},
	    {PART_LEVEL, {.text = {[1] = STR_INIT("2026-02-02")}, .number = {6}}, "level"},
	    {PART_LEVEL, {.number = {3}}, "day"},
	    {PART_APPLICATION, {.text = {STR_INIT(" "), [3] = STR_INIT("none")}}, "name"},
	    {PART_APPLICATION, {.text = {STR_INIT("a\xff"), [3] = STR_INIT("none")}}, "name"},
	    {PART_DEVICE, {.text = {STR_INIT("a"), [3] = STR_INIT("donated"), [7] = STR_INIT("maybe")}}, "result"},
	    {PART_LICENCE, {.text = {STR_INIT("software"), STR_INIT("a")}}, "until_day"},
	};
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_STR(str_z(part_fault(bad[i].part, &bad[i].row)), str_z(bad[i].fault));
	close_house(&h);
}

TEST(places_overlap_when_they_tell_of_the_same_machines)
{
	static const struct {
		const char *kind, *a, *b;
		bool yes;
	} row[] = {
	    {"network", "10.0.0.0/8", "10.21.4.0/24", true},
	    {"network", "10.21.4.0/24", "10.21.5.0/24", false},
	    {"network", "10.21.4.7", "10.21.4.0/24", true},
	    {"network", "2001:db8::/32", "10.21.4.0/24", false},
	    {"host", "Web", "web", true},
	    {"domain", "a.example", "www.a.example", true},
	    {"domain", "ba.example", "a.example", false},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK(place_overlaps(str_z(row[i].kind), str_z(row[i].a), str_z(row[i].b)) == row[i].yes);
		CHECK(place_overlaps(str_z(row[i].kind), str_z(row[i].b), str_z(row[i].a)) == row[i].yes);
	}
	struct house h = open_house();
	CHECK_INT(inventory_place_add(h.db, STR("web"), STR("network"), STR("10.9.0.1/16")), E_INVALID);
	CHECK_INT(inventory_place_add(h.db, STR("web"), STR("host"), STR("a b")), E_INVALID);
	CHECK_INT(inventory_place_add(h.db, STR("web"), STR("colour"), STR("red")), E_INVALID);
	CHECK_INT(inventory_place_add(h.db, STR("web"), STR("network"), STR("10.21.4.0/24")), E_EXISTS);
	CHECK_INT(inventory_place_remove(h.db, STR("web"), STR("network"), STR("10.21.4.0/24")), 0);
	CHECK_INT(inventory_place_remove(h.db, STR("web"), STR("network"), STR("10.21.4.0/24")), E_NOT_FOUND);
	close_house(&h);
}
