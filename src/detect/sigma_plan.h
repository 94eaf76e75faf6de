/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_SIGMA_PLAN_H
#define DETECT_SIGMA_PLAN_H

/*
 * A plan: what is left of a rule set once product, service, category, channel and event code are known. Built lazily by
 * sigma_plan.c when a matcher meets a key for the first time, run by sigma_match.c.
 *
 * A slot is one field of the rules, with the native names behind it. An atom is one test on one slot. Everything true
 * about a value is found in one pass over it and kept as a class (a set of atoms); two values with the same class are
 * the same to every rule of the plan. Most atoms are literals and stand in the slot's index; the few that are not are
 * tried one by one (`eager`) or together (`joined`), and those that are about more than a value wait until a rule asks
 * (`deferred`).
 *
 * Each rule has witnesses: atoms of which one must hold before it is worth a look. A value that will not come again is
 * only searched for these; the rest is asked when a rule wants to know.
 *
 * What takes long to build (indexes, expressions) is built when it is first needed.
 */

#include "detect/literal.h"
#include "detect/sieve.h"
#include "detect/sigma_internal.h"

#define REGEX_MAX_SETS 128u /* of joined expressions; what comes later is tried alone */

enum node_kind { NODE_FALSE, NODE_TRUE, NODE_ATOM, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	uint8_t kind;   /* enum node_kind */
	bool deferred;  /* some atom below is */
	uint32_t count; /* children; the atom of NODE_ATOM */
	const struct node *child;
};

struct atom {
	const struct test *test;
	uint32_t slot;
	bool deferred;
	bool ready;                     /* its expression is compiled and fits the scratch of the matcher */
	bool indexed;                   /* stands in its slot's index */
	bool announced;                 /* and is a witness */
	bool verify;                    /* the literal there is only a part of what it asks */
	bool joined;                    /* its expression is one of its slot's joined ones */
	uint32_t other[SLOT_MAX_NAMES]; /* TEST_FIELDREF: native names of the other field */
	uint32_t others;
	const uint32_t *rule;           /* of the plan: those that this atom makes candidates */
	uint32_t rules;
};

struct plan_rule {
	uint32_t index; /* in the rule set */
	struct node root;
};

/* Literals to look for in a value, and the atoms they speak for. */
struct announcer {
	struct literal *text;
	uint32_t *atom;
	uint32_t count;
	const struct literal_index *index; /* NULL: not built yet; see plan_index() */
};

/* Expressions compiled into one. */
struct regex_set {
	const struct test **test;
	uint32_t count;
	bool tried;              /* atomic: what is below may be read */
	hs_database_t *database; /* NULL: they cannot be joined */
	bool fitted;             /* the matcher's scratch has room for it */
};

struct slot {
	uint32_t name[SLOT_MAX_NAMES]; /* none: keywords, the whole event */
	uint32_t names;
	struct announcer all, witness;
	const uint32_t *silent;         /* witnesses that no literal announces */
	uint32_t silents;
	bool lazy;                      /* there is something to be saved by asking for witnesses alone */
	const uint32_t *eager;
	uint32_t eagers;
	struct regex_set *joined;       /* expressions that no literal announces; of the matcher's sets, or NULL */
	const uint32_t *joined_atom;    /* by their number in it */
	const struct sieve *prefilter;  /* keywords: finds nothing in a line or value as it came = no atom holds; or NULL */
	const uint32_t *null, *exists;  /* atoms about there being a value; several names may have come to this slot */
	uint32_t nulls, exist;
};

struct plan {
	struct arena arena;
	bool windows;             /* EventID and Channel are what code and channel say */
	struct str code, channel; /* "?": some that no rule asks for; empty: none */
	struct str identity;      /* choices, code and channel as bytes */
	struct slot *slot;
	uint32_t slots;
	struct atom *atom;
	uint32_t atoms;
	uint32_t *deferred;        /* atoms */
	uint32_t deferreds;
	bool ask_deferred;         /* few: asked of every event, so that verdicts can be remembered */
	struct plan_rule *rule;    /* in the order of the set */
	uint32_t rules;
	const uint32_t *always;    /* rules that no atom announces */
	uint32_t always_count;
	uint32_t next_measured;    /* rule; see matcher_measure() */
	struct plan_cache *cache;  /* sigma_match.c */
};

/* Compiling a set takes tens of milliseconds, and the plans of a category mostly have the same. Belongs to a matcher. */
struct regex_sets {
	struct regex_set *set[REGEX_MAX_SETS];
	uint32_t count; /* atomic: matcher_warm() looks at them on another thread */
};

void regex_sets_release(struct regex_sets *sets);

void regex_set_compile(struct regex_set *set);

/* sigma_slot.c: what all slots look for, once atoms and witnesses are known. */
void plan_fill_slots(struct plan *p, struct regex_sets *sets);
const struct literal_index *plan_index(const struct plan *p, struct announcer *a);

/* Memory is only bounded by the rules themselves, so this cannot fail on account of an event. */
struct plan *plan_new(const struct rules *r, const struct choice *choice, uint32_t choices, bool windows,
    struct str code, struct str channel, struct regex_sets *sets);
void plan_free(struct plan *p);

#endif
