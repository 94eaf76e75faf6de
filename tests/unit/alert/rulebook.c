/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/rulebook.h"

#include "database.h"
#include "tap.h"

static struct rules *
rules_of(const char *text)
{
	struct rules *r = rules_new();
	rules_add(r, str_z(text), STR("t.yml"), NULL, NULL);
	CHECK_INT(rules_finish(r, NULL, NULL), 0);
	return r;
}

static void
add(struct db *db, const char *rule, int64_t ns, int64_t samples)
{
	CHECK_INT(rule_costs_add(db, &(struct cost_told){str_z(rule), ns, samples}, 1), 0);
}

static void
check_cost(struct db *db, const char *rule, int64_t ns, int64_t samples)
{
	struct rule_scores scores;
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(rule_scores_read(db, 0, 4, &arena, &scores), 0);
	struct rule_score s = rule_score_of(&scores, str_z(rule));
	CHECK_INT(s.cost_ns, ns);
	CHECK_INT(s.cost_samples, samples);
	arena_release(&arena);
}

TEST(costs_are_means_of_enough_samples)
{
	struct db *db;
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	add(db, "a", 700, 7);
	check_cost(db, "a", 0, 0);
	add(db, "a", 900, 1);
	check_cost(db, "a", 200, 8);
	check_cost(db, "b", 0, 0);
	db_close(db);
}

TEST(old_samples_lose_weight)
{
	struct db *db;
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	add(db, "a", RULE_COST_KEPT * 100, RULE_COST_KEPT);
	add(db, "a", RULE_COST_KEPT / 2 * 300, RULE_COST_KEPT / 2);
	check_cost(db, "a", 200, RULE_COST_KEPT);
	for (int i = 0; i < 100; i++)
		add(db, "a", 300 * 100, 100);
	check_cost(db, "a", 300, 914); /* and never more than 1,024 and what came last */
	db_close(db);
}

TEST(costs_go_with_their_rules)
{
	static const char text[] = "title: a\nid: a\nlogsource: {product: linux}\ndetection: {k: [x], condition: k}\n";
	struct own_rule own = {.id = STR("own"), .text = STR("text"), .who = STR("me")};
	struct rules *r = rules_of(text);
	struct db *db;
	int64_t version = 0;
	CHECK_INT(db_open(test_database(""), &db, NULL), 0);
	add(db, "a", 1000, 10);
	add(db, "gone", 1000, 10);
	CHECK_INT(rule_costs_prune(db, r), 0);
	CHECK_INT(rule_costs_prune(db, r), 0);
	check_cost(db, "a", 100, 10);
	check_cost(db, "gone", 0, 0);
	CHECK_INT(own_rules_add(db, &own, 1, true, STR("me"), 5), 0);
	add(db, "own", 1000, 10);
	check_cost(db, "own", 100, 10);
	CHECK_INT(rulebook_version(db, own.id, &version), 0);
	CHECK_INT(own_rule_set(db, &own, version, 6), 0); /* it is another rule now */
	check_cost(db, "own", 0, 0);
	add(db, "own", 1000, 10);
	CHECK_INT(own_rule_delete(db, own.id, STR("me"), 7), 0);
	check_cost(db, "own", 0, 0);
	rules_free(r);
	db_close(db);
}
