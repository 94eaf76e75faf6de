/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/names.h"

#include <assert.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"

#define NAMES_MAX 65535u
#define NAMES_KEY UINT64_C(0x4b686965) /* fixed: names come from rules, not from outside */

struct names {
	struct arena arena;
	struct str *text;   /* by id; [0] is empty */
	uint32_t count, cap;
	uint32_t *slot;     /* open addressing, id or 0 */
	uint32_t mask;
	struct core_set asked;
};

static const struct str core_names[] = {
	STR_INIT(""),
#define FIELD(id, name, comment) STR_INIT(name),
#include "decode/fields.def"
#undef FIELD
};

static_assert(COUNT(core_names) == NAME_CORE_END, "one name for each core id");

static uint32_t *
slot_of(const struct names *n, struct str name)
{
	uint32_t at = (uint32_t)hash64(name, NAMES_KEY) & n->mask;
	while (n->slot[at] && !str_eq(n->text[n->slot[at]], name))
		at = (at + 1) & n->mask;
	return &n->slot[at];
}

static void
grow_slots(struct names *n)
{
	mem_free(n->slot);
	n->mask = n->mask * 2 + 1;
	n->slot = mem_calloc(n->mask + 1, sizeof *n->slot);
	for (uint32_t id = 1; id < n->count; id++)
		*slot_of(n, n->text[id]) = id;
}

struct names *
names_new(void)
{
	struct names *n = MEM_NEW(struct names);
	arena_init(&n->arena, 16 << 10, 64 << 20);
	n->mask = 511;
	n->slot = mem_calloc(n->mask + 1, sizeof *n->slot);
	MEM_GROW(n->text, n->count, n->cap);
	n->text[n->count++] = STR("");
	for (uint32_t id = 1; id < NAME_CORE_END; id++) {
		uint32_t given = names_intern(n, core_names[id]);
		assert(given == id);
	}
	n->asked = (struct core_set){0};
	return n;
}

void
names_free(struct names *n)
{
	if (!n)
		return;
	arena_release(&n->arena);
	mem_free(n->text);
	mem_free(n->slot);
	mem_free(n);
}

uint32_t
names_intern(struct names *n, struct str name)
{
	struct str copy;
	uint32_t *slot = slot_of(n, name);
	if (*slot && *slot < NAME_CORE_END)
		core_set_add(&n->asked, *slot);
	if (*slot)
		return *slot;
	if (n->count > NAMES_MAX || !name.n || !arena_copy(&n->arena, name, &copy))
		return NAME_UNKNOWN;
	MEM_GROW(n->text, n->count, n->cap);
	n->text[n->count] = copy;
	*slot = n->count++;
	if (n->count * 2 > n->mask)
		grow_slots(n);
	return n->count - 1;
}

uint32_t
names_find(const struct names *n, struct str name)
{
	return *slot_of(n, name);
}

const struct core_set *
names_asked(const struct names *n)
{
	return &n->asked;
}

struct str
names_text(const struct names *n, uint32_t id)
{
	assert(id < n->count);
	return n->text[id];
}

uint32_t
names_count(const struct names *n)
{
	return n->count;
}
