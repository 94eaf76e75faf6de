/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_SIGMA_CACHE_H
#define DETECT_SIGMA_CACHE_H

/*
 * What a plan has learned: which class a value has, and what a tuple of classes says about rules. Belongs to one matcher.
 * Exact, not probable: keys are compared whole. Bounded: a cache that is full refuses to learn until it is cleared.
 * Adaptive: a slot whose values hardly ever come twice stops remembering them for a while.
 */

#include "detect/sigma_plan.h"

struct class {
	uint32_t id;
	uint32_t atoms;       /* true of the value, ascending */
	uint32_t rules;       /* candidates by these atoms */
	bool lazy;            /* only witnesses were looked for, by their literals; the rest is open */
	const uint32_t *atom;
	const uint32_t *rule;
};

struct verdict_entry {
	uint64_t hash;
	const uint32_t *class_id; /* by slot, and one more for the deferred atoms */
	const uint32_t *rule;     /* of the plan: those that hold, then those for which more must be asked; both ascending */
	uint32_t holds, opens;
};

struct plan_cache;

struct plan_cache *plan_cache_new(const struct plan *p);
void plan_cache_free(struct plan_cache *c);
size_t plan_cache_bytes(const struct plan_cache *c);
/* Forget all; classes handed out before are gone. */
void plan_cache_clear(struct plan_cache *c);
/* Something could not be kept since the last clear. */
bool plan_cache_full(const struct plan_cache *c);
/* The class of a value of a slot if it is known. *ret_hash is for cache_put_value(); 0 when the slot does not remember. */
const struct class *cache_find_value(struct plan_cache *c, uint32_t slot, struct str value, bool escaped,
    uint64_t *ret_hash);
void cache_put_value(struct plan_cache *c, uint32_t slot, struct str value, bool escaped, uint64_t hash,
    const struct class *class);
/* The one class of these atoms (ascending). NULL when the cache is full. */
const struct class *cache_class(struct plan_cache *c, const uint32_t *atom, uint32_t atoms, bool lazy);
/* The class of nothing: no atom holds. */
const struct class *cache_empty_class(const struct plan_cache *c);
const struct verdict_entry *cache_find_verdict(struct plan_cache *c, const uint32_t *class_id, uint64_t *ret_hash);
void cache_put_verdict(struct plan_cache *c, const uint32_t *class_id, uint64_t hash, const uint32_t *hold,
    uint32_t holds, const uint32_t *open, uint32_t opens);

#endif
