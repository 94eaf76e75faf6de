/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/keys.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"

#define SLOTS (KEYS_MAX * 2)

struct keys {
	const struct names *names;
	key_fn *know;
	struct arena arena;
	uint64_t secret;    /* nobody aims at a slot */
	uint32_t count;
	struct key start;
	struct key *slot[SLOTS];
};

struct keys *
keys_new(const struct names *names, key_fn *know)
{
	struct keys *keys = MEM_NEW(struct keys);
	keys->names = names;
	keys->know = know;
	keys->secret = hash64_mix((uintptr_t)keys, (uintptr_t)names);
	arena_init(&keys->arena, 16 << 10, 2 << 20); /* KEYS_MAX of them fit */
	return keys;
}

void
keys_free(struct keys *keys)
{
	if (keys)
		arena_release(&keys->arena);
	mem_free(keys);
}

struct key *
keys_start(struct keys *keys)
{
	return &keys->start;
}

static struct key *
new_key(struct keys *keys, struct str name)
{
	struct key *k = keys->count < KEYS_MAX ? ARENA_NEW(&keys->arena, struct key) : NULL;
	if (!k || !arena_copy(&keys->arena, name, &k->name))
		return NULL;
	keys->count++;
	memcpy(k->front, k->name.p, k->name.n < KEY_FRONT ? k->name.n : KEY_FRONT);
	keys->know(keys->names, k);
	return k;
}

struct key *
keys_search(struct keys *keys, struct key *before, struct str name)
{
	if (before->next[0] && str_eq(before->next[0]->name, name))
		return before->next[0];
	if (name.n > KEY_BYTES)
		return NULL;
	struct key *k = before->next[1];
	if (!k || !str_eq(k->name, name)) {
		uint32_t at = (uint32_t)(hash64(name, keys->secret) >> 32) % SLOTS;
		while (keys->slot[at] && !str_eq(keys->slot[at]->name, name))
			at = (at + 1) % SLOTS;
		if (!keys->slot[at] && !(keys->slot[at] = new_key(keys, name)))
			return NULL;
		k = keys->slot[at];
	}
	before->next[1] = before->next[0];
	before->next[0] = k;
	return k;
}
