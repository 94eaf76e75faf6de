/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ALERT_RULEBOOK_H
#define ALERT_RULEBOOK_H

/*
 * What the desk decided about rules, and what they proved worth: switches with their own level, rules written here, the
 * score of each. Core alone, one thread. The database is the truth; core publishes it as files that the worker reads
 * (src/core_rules.c). Every decision leaves a row of history with who, when and why; the number of a rule's newest row
 * is its version, and a change must name the version it saw.
 */

#include "detect/sigma.h"
#include "store/db.h"

#define OWN_RULE_BYTES (1u << 20) /* of one document */
#define OWN_RULES_MAX 2000u
#define OWN_RULES_BYTES (16 << 20) /* of all together */
#define OWN_RULE_ID_BYTES 64u

struct rule_switch {
	struct str rule;
	bool off;
	bool own_level;     /* the rule's own level holds */
	enum level level;   /* else this one */
	struct str reason, who;
	int64_t at_ms;
};

struct rule_change {
	int64_t at_ms;
	struct str who, change, reason; /* change: on, off, level, created, changed, deleted, exception, exception_ended */
};

struct own_rule {
	struct str id, text, who;
	int64_t created_ms, changed_ms;
};

/* Texts live in `arena`. */
[[nodiscard]] int rulebook_version(struct db *db, struct str rule, int64_t *ret);
[[nodiscard]] int rulebook_switch_get(struct db *db, struct str rule, struct arena *arena, struct rule_switch *ret);
[[nodiscard]] int rulebook_switches(struct db *db, struct arena *arena, struct rule_switch **ret, uint32_t *ret_count);
/* E_INVALID with f->what "rule_reason" without a reason; E_CONFLICT when `version` is not the newest. */
[[nodiscard]] int rulebook_switch_set(struct db *db, const struct rule_switch *s, int64_t version, struct fault *f);
[[nodiscard]] int rulebook_history(struct db *db, struct str rule, struct arena *arena, struct rule_change **ret,
    uint32_t *ret_count); /* newest first, the last hundred */

/* May a rule written here be called so? Letters, digits, '-', '_', '.', and no dot first: it names a file. */
bool own_rule_id_fits(struct str id);
/* All or none. E_LIMIT beyond OWN_RULES_MAX, E_EXISTS. Switched off from the start unless `on`. */
[[nodiscard]] int own_rules_add(struct db *db, const struct own_rule *list, uint32_t count, bool on, struct str who,
    int64_t now_ms);
[[nodiscard]] int own_rule_set(struct db *db, const struct own_rule *rule, int64_t version, int64_t now_ms);
[[nodiscard]] int own_rule_delete(struct db *db, struct str id, struct str who, int64_t now_ms);
[[nodiscard]] int own_rule_get(struct db *db, struct str id, struct arena *arena, struct own_rule *ret);
/* Each in turn; an error of `each` ends it. */
[[nodiscard]] int own_rules_each(struct db *db, int (*each)(void *user, const struct own_rule *rule), void *user);

/*
 * What rules cost, from the worker (matcher_measure() in detect/sigma.h says what the number is and is not). Kept as sums;
 * what is old loses weight: beyond RULE_COST_KEPT samples both sums are halved before the next are added, so a rule whose
 * text or traffic changed is known anew. Forgotten with an own rule's change and with rules that are gone.
 */
#define RULE_COSTS_MAX 512u       /* of one call */
#define RULE_COST_SAMPLES_MIN 8   /* fewer tell nothing */
#define RULE_COST_KEPT 1024

struct cost_told {
	struct str rule;
	int64_t ns, samples; /* since told last */
};

/* In a transaction of its own. */
[[nodiscard]] int rule_costs_add(struct db *db, const struct cost_told *list, uint32_t count);
/* Rows of rules that `rules` does not hold go. */
[[nodiscard]] int rule_costs_prune(struct db *db, const struct rules *rules);

/* What a rule did, by rule id. */
struct rule_score {
	struct str rule;
	int64_t fired, last_ms;          /* last_ms 0 = never */
	int64_t closed_true, closed_false;
	int64_t exceptions;              /* in force */
	int64_t cost_ns, cost_samples;   /* mean of an event of its log source, and of how many; 0 = too few samples */
};

struct rule_scores {
	struct rule_score *slot; /* open addressing */
	uint32_t mask;
};

[[nodiscard]] int rule_scores_read(struct db *db, int64_t now_ms, uint32_t rules, struct arena *arena,
    struct rule_scores *ret);
/* `fired` and `last_ms` alone, of the alerts of one organisation. */
[[nodiscard]] int rule_scores_of_organisation(struct db *db, struct str organisation, uint32_t rules, struct arena *arena,
    struct rule_scores *ret);
/* All zero for a rule that has none. */
struct rule_score rule_score_of(const struct rule_scores *s, struct str rule);

#endif
