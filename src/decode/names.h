/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_NAMES_H
#define DECODE_NAMES_H

/*
 * Field names as small numbers. One dictionary is filled while rules and maps are loaded, then read by every decoder
 * and every rule of that snapshot (worker, scan): a rule asks for field 117, not for "ParentCommandLine". A name that
 * no rule and no core field mentions keeps id 0 (NAME_UNKNOWN); the event still carries it as text.
 *
 * The core ECS fields have fixed ids, one row each in decode/fields.def; the header of that file gives the sources.
 * Filling: one thread. Looking up in a filled dictionary: any thread.
 */

#include "base/bytes.h"

enum {
	NAME_UNKNOWN,
#define FIELD(id, name, comment) id,
#include "decode/fields.def"
#undef FIELD
	NAME_CORE_END
};

/* Some of the core fields. */
struct core_set {
	uint64_t bit[(NAME_CORE_END + 63) / 64];
};

static inline void
core_set_add(struct core_set *set, uint32_t id)
{
	set->bit[id / 64] |= UINT64_C(1) << id % 64;
}

static inline bool
core_set_has(const struct core_set *set, uint32_t id)
{
	return set->bit[id / 64] >> id % 64 & 1;
}

struct names;

/* Knows the core fields. */
struct names *names_new(void);
void names_free(struct names *n);
/* The id of `name`, given one if it has none. Names are case-sensitive. At most 65,535 names; beyond NAME_UNKNOWN. */
uint32_t names_intern(struct names *n, struct str name);
/* The core fields that somebody interned by name, so that somebody asks for them. */
const struct core_set *names_asked(const struct names *n);
/* NAME_UNKNOWN when nobody interned it. About 5 ns. */
uint32_t names_find(const struct names *n, struct str name);
/* Lives as long as the dictionary; empty for NAME_UNKNOWN. */
struct str names_text(const struct names *n, uint32_t id);
/* Ids run from 1 to names_count() - 1. */
uint32_t names_count(const struct names *n);

#endif
