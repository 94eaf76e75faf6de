/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_CORE_H
#define DECODE_CORE_H

/*
 * Filling the core ECS fields of an event from its native ones: the first value wins, nothing is copied. Worker and
 * scan; pure.
 */

#include "decode/event.h"
#include "decode/words.h"

struct core {
	struct event *e;
	uint32_t native; /* fields that the event had when it began */
	struct core_set seen; /* those that the event has, and those that nobody wants */
};

/* Fields that already carry a core name (shippers that write ECS) count as filled; those outside of `want` are left
 * out (NULL: none). */
void core_begin(struct core *k, struct event *e, const struct core_set *want);
/* The same for who looks at the fields himself: core_has() for each of them. */
static inline void
core_open(struct core *k, struct event *e, const struct core_set *want)
{
	*k = (struct core){.e = e, .native = e->field_count};
	for (size_t i = 0; want && i < COUNT(want->bit); i++)
		k->seen.bit[i] = ~want->bit[i];
}

static inline void
core_has(struct core *k, const struct field *f)
{
	if (f->id - 1 < NAME_CORE_END - 1) /* 0 is none */
		core_set_add(&k->seen, f->id);
}

/* Add core field `id` unless there is one, or the value says nothing (empty, or the "-" of Windows and Zeek). id 0 is
 * no field. Values may still hold JSON escapes. */
void core_put(struct core *k, uint32_t id, struct str value, bool escaped);
/* "prefix.name" made in the arena. */
void core_put_joined(struct core *k, uint32_t id, struct str prefix, struct str name);
/* F_EVENT_DURATION from a count of seconds, which may have a fraction ("12", "0.004512"). */
void core_put_duration(struct core *k, struct str seconds);

/* For sources whose fields mean the same in every event: a table of them, in a set of words. */
struct core_row {
	struct str name;
	uint32_t core;
};
void core_put_all(struct core *k, const struct words *rows);

#endif
