/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/keys.h"

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
	arena_init(&keys->arena, 16 << 10, 4 << 20); /* KEYS_MAX of them fit, and as many objects */
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

struct key *
keys_inside(struct keys *keys, struct key *k)
{
	if (!k->inside && (k->inside = ARENA_NEW(&keys->arena, struct key)))
		k->inside->object = k;
	return k->inside;
}

static void
set_front(struct key *k)
{
	size_t n = k->part.n;
	if (n + 2 > KEY_FRONT)
		return;
	if (n)
		memcpy(k->front, k->part.p, n);
	memcpy(k->front + n, "\":", 2);
	k->front_mask = (uint32_t)((UINT64_C(1) << (n + 2)) - 1);
}

static struct key *
new_key(struct keys *keys, struct key *object, struct str part)
{
	struct key *k = keys->count < KEYS_MAX ? ARENA_NEW(&keys->arena, struct key) : NULL;
	size_t path = object ? object->name.n + 1 : 0;
	char *name = k && path + part.n <= KEY_PATH_BYTES ? arena_alloc(&keys->arena, path + part.n) : NULL;
	if (!name)
		return NULL;
	if (object) {
		memcpy(name, object->name.p, object->name.n);
		name[object->name.n] = '.';
	}
	if (part.n)
		memcpy(name + path, part.p, part.n);
	k->name = str_from(name, path + part.n);
	k->part = str_from(name + path, part.n);
	k->object = object;
	keys->count++;
	set_front(k);
	keys->know(keys->names, &keys->arena, k);
	return keys->arena.over ? NULL : k;
}

static bool
is_key(const struct key *k, const struct key *object, struct str part)
{
	return k->object == object && str_eq(k->part, part);
}

struct key *
keys_search(struct keys *keys, struct key *before, struct str name)
{
	struct key *object = before->object;
	if (before->next[0] && str_eq(before->next[0]->part, name))
		return before->next[0];
	if (name.n > KEY_BYTES)
		return NULL;
	struct key *k = before->next[1];
	if (!k || !str_eq(k->part, name)) {
		uint32_t at = (uint32_t)(hash64(name, keys->secret ^ (uintptr_t)object) >> 32) % SLOTS;
		while (keys->slot[at] && !is_key(keys->slot[at], object, name))
			at = (at + 1) % SLOTS;
		if (!keys->slot[at] && !(keys->slot[at] = new_key(keys, object, name)))
			return NULL;
		k = keys->slot[at];
	}
	before->next[1] = before->next[0];
	before->next[0] = k;
	return k;
}
