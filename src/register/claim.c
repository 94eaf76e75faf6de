/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/claim.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"

#define CLAIM_KEY UINT64_C(0x9e3779b97f4a7c15) /* with the key 0 hash64_nocase() gives one number for all short texts */

void
claims_init(struct claims *t, bool bytes)
{
	*t = (struct claims){.mask = 15, .bytes = bytes};
	t->slot = mem_calloc(t->mask + 1, sizeof(struct claim *));
}

void
claims_release(struct claims *t)
{
	mem_free(t->slot);
}

static uint32_t
hash_of(const struct claims *t, struct str name)
{
	return (uint32_t)(t->bytes ? hash64(name, CLAIM_KEY) : hash64_nocase(name, CLAIM_KEY));
}

static bool
is_called(const struct claims *t, const struct claim *c, struct str name, uint32_t hash)
{
	return c->hash == hash && (t->bytes ? str_eq(c->name, name) : str_eq_nocase(c->name, name));
}

/* Where it is, or where it would be. */
static uint32_t
slot_of(const struct claims *t, struct str name, uint32_t hash)
{
	uint32_t at = hash & t->mask;
	while (t->slot[at] && !is_called(t, t->slot[at], name, hash))
		at = (at + 1) & t->mask;
	return at;
}

static void
grow(struct claims *t)
{
	struct claims wide = {.mask = t->mask * 2 + 1, .used = t->used, .bytes = t->bytes};
	wide.slot = mem_calloc(wide.mask + 1, sizeof(struct claim *));
	for (uint32_t i = 0; i <= t->mask; i++) {
		struct claim *c = t->slot[i];
		uint32_t at = c ? c->hash & wide.mask : 0;
		while (c && wide.slot[at])
			at = (at + 1) & wide.mask;
		if (c)
			wide.slot[at] = c;
	}
	mem_free(t->slot);
	*t = wide;
}

void
claims_add(struct claims *t, struct claim *c)
{
	if (t->used * 2 > t->mask)
		grow(t);
	c->hash = hash_of(t, c->name);
	struct claim **at = &t->slot[slot_of(t, c->name, c->hash)];
	t->used += !*at;
	while (*at && str_cmp((*at)->id, c->id) < 0)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

/* What probing would no longer reach over the hole moves into it. */
static void
close_hole(struct claims *t, uint32_t hole)
{
	for (uint32_t at = (hole + 1) & t->mask; t->slot[at]; at = (at + 1) & t->mask) {
		uint32_t home = t->slot[at]->hash & t->mask;
		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slot[hole] = t->slot[at];
		hole = at;
	}
	t->slot[hole] = NULL;
}

void
claims_remove(struct claims *t, struct claim *c)
{
	uint32_t slot = slot_of(t, c->name, c->hash);
	struct claim **at = &t->slot[slot];
	while (*at != c) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = c->next;
	if (t->slot[slot])
		return;
	t->used--;
	close_hole(t, slot);
}

const struct claim *
claims_of(const struct claims *t, struct str name)
{
	return t->slot[slot_of(t, name, hash_of(t, name))];
}

const void *
claims_find(const struct claims *t, struct str name)
{
	const struct claim *c = claims_of(t, name);
	return c ? c->owner : NULL;
}
