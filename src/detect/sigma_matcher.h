/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_SIGMA_MATCHER_H
#define DETECT_SIGMA_MATCHER_H

/*
 * What the files that run plans share: one matcher and what it knows of the event at hand. sigma_match.c finds the plan
 * and goes through the event, sigma_class.c tells what is true of its values, sigma_verdict.c which rules hold and why,
 * sigma_measure.c what they cost.
 *
 * Most values are known: the cache has their class, all that is true of them. Where values hardly ever come twice, a slot
 * is lazy: only the literals that call rules are looked for (its witnesses), and what a rule then still wants to know of
 * the value is asked atom by atom. Both ways give the same answer; an atom has one of three truths until it is asked.
 */

#include "detect/sigma_cache.h"

#define MAX_PLANS 256u
#define MAX_KEYS 2048u /* keys that name a plan; more are forgotten and found again */
#define NO_FIELD UINT16_MAX
#define EVENTS_MARKED (UINT32_MAX >> 2)

/* An event key as it came, and its plan. */
struct key_entry {
	uint64_t hash; /* 0: free */
	struct event_key key;
	struct plan *plan;
};

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_OPEN };

/* The one value of a lazy slot. */
struct lazy_value {
	struct str value, folded;
	uint32_t asked; /* atoms that stand in the slot's index */
	bool whole;     /* the index has been asked: what it did not find does not hold */
};

struct matcher {
	const struct rules *r;
	hs_scratch_t *scratch;
	struct plan *plan[MAX_PLANS];
	struct regex_sets sets;
	uint32_t plans;
	struct arena keys;
	struct key_entry entry[MAX_KEYS * 2];
	uint32_t entries;
	uint32_t events;

	/* of the event at hand */
	struct event *event;
	uint32_t now;              /* marks what belongs to it in the arrays below; at most EVENTS_MARKED */
	uint32_t *first_stamp;     /* by name: does first_field hold? */
	uint16_t *first_field;
	uint16_t next_field[EVENT_MAX_FIELDS];
	uint32_t *known;           /* by atom: now * 4 + its truth */
	uint32_t *found_stamp;     /* by atom: in `found` already */
	uint32_t found_now;
	uint32_t atoms;            /* size of these */
	uint32_t *rule_stamp;      /* by rule of the plan: tried */
	uint32_t *holds, *open;    /* rules that match; that cannot be told yet */
	uint32_t hold, opens;
	uint32_t rules;            /* size of these */
	const struct class **class; /* by slot, and one more for the deferred atoms */
	uint32_t *class_id;
	struct lazy_value *lazy;   /* by slot; where its class is lazy */
	uint32_t slots;
	bool forgets;              /* matcher_forget() */
	bool warming;              /* matcher_expect_warming() */
	const struct test **warm;  /* expressions for matcher_warm(), which alone touches these; the last `cold` are left */
	uint32_t warms, cold;
	bool classes_whole;        /* all classes have ids */
	struct arena temporary;
	const uint32_t *expressions; /* atoms of the joined expressions being looked for */
	uint32_t *found;           /* atoms true of the value at hand */
	uint32_t founds, found_cap;
	struct buf folded, referred;
	struct literal_scan scan;

	/* of the rule being measured */
	struct arena measuring;
	size_t looked_at;          /* bytes */
	struct str last, last_folded;
};

static inline uint32_t
matcher_first_field(const struct matcher *m, uint32_t name)
{
	return m->first_stamp[name] == m->now ? m->first_field[name] : NO_FIELD;
}

static inline void
matcher_know(struct matcher *m, uint32_t atom, enum truth truth)
{
	m->known[atom] = m->now << 2 | truth;
}

static inline enum truth
matcher_truth(const struct matcher *m, const struct plan *p, uint32_t atom)
{
	uint32_t known = m->known[atom];
	const struct atom *a = &p->atom[atom];
	if (known >> 2 == m->now)
		return (enum truth)(known & 3);
	if (a->deferred)
		return p->ask_deferred ? TRUTH_NO : TRUTH_OPEN;
	if (!m->class[a->slot]->lazy || a->announced || (a->indexed && m->lazy[a->slot].whole))
		return TRUTH_NO;
	return TRUTH_OPEN;
}

/* sigma_match.c: the event becomes the one at hand; its plan, or NULL. */
struct plan *matcher_begin(struct matcher *m, struct event *e);

/* sigma_class.c */
/* The value with its case folded, in `room`. */
struct str matcher_fold(struct str value, struct buf *room);
/* Room in m->scratch for a database that was just compiled. */
void matcher_fit(struct matcher *m, const hs_database_t *database);
/* The atom's expression is compiled and fits the scratch. False when that had to be done. */
bool matcher_ready(struct matcher *m, struct atom *a);
/* test_value() with the atom's expression made ready. */
bool matcher_value_passes(struct matcher *m, struct atom *a, struct str value, struct str folded);
/* All that is true about what the event has for a slot. */
const struct class *matcher_class(struct matcher *m, const struct plan *p, uint32_t slot);
/* And about the deferred atoms, when they are asked of every event. */
const struct class *matcher_deferred_class(struct matcher *m, const struct plan *p);
/* Decides an atom of a lazy slot. */
void matcher_ask_lazy(struct matcher *m, const struct plan *p, uint32_t atom);

/* sigma_verdict.c */
void matcher_sort(uint32_t *list, uint32_t count);
bool matcher_fieldref_holds(struct matcher *m, const struct atom *a, struct str value);
/* A deferred atom. */
bool matcher_deferred_holds(struct matcher *m, const struct plan *p, uint32_t atom);
typedef bool matcher_value_holds(struct matcher *m, struct atom *a, struct str value);
/* Is it true of any value of the atom's slot? */
bool matcher_any_value_holds(struct matcher *m, const struct plan *p, struct atom *a, matcher_value_holds *holds);
/* Keywords: is the text of the event JSON, so that its values are looked at one by one? */
bool matcher_text_is_json(const struct event *e);
/* Classes of all slots known: the rules that match, ascending, in m->holds; returns how many. */
uint32_t matcher_verdict(struct matcher *m, const struct plan *p);
uint32_t matcher_findings(struct matcher *m, const struct plan *p, struct arena *arena, struct finding **ret);

#endif
