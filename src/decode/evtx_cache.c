/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/hash.h"
#include "base/memory.h"
#include "decode/evtx_binxml.h"

#define BUCKETS 256u
#define VARIANTS 8u           /* in a bucket; more are compiled in each chunk, as without a cache */
#define TEMPLATES 1024u       /* 8 to 12 KB each */
#define STEP ((size_t)4 << 10)
#define MAX ((size_t)512 << 10)
#define TEXT_STEP 512u
#define NAME_HEADER 10u       /* next, hash, length, and the NUL behind */

/* A template that was compiled in some chunk, and the bytes of its definition there. */
struct known {
	struct known *next; /* in its bucket */
	struct arena arena; /* of all that follows */
	struct evtx_place place;
	struct str definition;
	struct evtx_names names;
	struct evtx_template template;
	int64_t cost;       /* of compiling it, so that a chunk's budget does not depend on other chunks */
};

struct evtx_cache {
	struct known *bucket[BUCKETS];
	uint32_t count;
};

struct evtx_cache *
evtx_cache_new(void)
{
	return MEM_NEW(struct evtx_cache);
}

static void
forget(struct known *k)
{
	arena_release(&k->arena);
	mem_free(k);
}

void
evtx_cache_free(struct evtx_cache *cache)
{
	for (size_t i = 0; cache && i < BUCKETS; i++)
		for (struct known *k = cache->bucket[i], *next; k; k = next) {
			next = k->next;
			forget(k);
		}
	mem_free(cache);
}

/* Is this the same definition? Offsets of names differ from chunk to chunk and are followed; where a name stands within
 * the definition, so does the offset of the next name of the chunk. All other bytes are compared. */
static bool
is_definition(const struct known *k, struct evtx_reader *r, size_t at)
{
	const char *bytes = r->chunk.p + at, *known = k->definition.p;
	size_t from = 0;
	for (uint32_t i = 0; i < k->names.count; i++) {
		const struct evtx_name *name = &k->names.name[i];
		struct str utf16;
		if (memcmp(bytes + from, known + from, name->at - from) != 0)
			return false;
		size_t there = evtx_u32(bytes + name->at);
		if ((there == at + name->at + 4) != name->here || !evtx_name_at(r, there, &utf16) ||
		    !str_eq(utf16, name->utf16))
			return false;
		from = name->at + 4u + (name->here ? NAME_HEADER + utf16.n : 0);
	}
	return memcmp(bytes + from, known + from, k->definition.n - from) == 0;
}

static struct known *
compile(struct evtx_reader *r, size_t at, size_t size, struct evtx_place place)
{
	struct known *k = MEM_NEW(struct known);
	arena_init(&k->arena, STEP, MAX);
	struct evtx_text text = {.arena = &k->arena, .step = TEXT_STEP};
	int64_t budget = r->budget;
	k->place = place;
	k->template = (struct evtx_template){.text = &text, .names = &k->names};
	if (evtx_compile(r, at, at + size, place, true, &k->template) < 0 || k->names.odd ||
	    !arena_copy(&k->arena, str_from(r->chunk.p + at, size), &k->definition)) {
		r->budget = budget; /* it is compiled anew for this chunk alone */
		forget(k);
		return NULL;
	}
	k->cost = budget - r->budget;
	k->template.text = NULL;
	k->template.names = NULL;
	return k;
}

const struct evtx_template *
evtx_cache_find(struct evtx_cache *cache, struct evtx_reader *r, size_t at, size_t size, struct evtx_place place)
{
	struct str identity = str_from(r->chunk.p + at - EVTX_TEMPLATE_HEADER + 4, 20); /* GUID and size */
	struct known **link = &cache->bucket[hash64(identity, place.section * 16u + place.depth) % BUCKETS];
	uint32_t variants = 0;
	for (; *link; link = &(*link)->next, variants++) {
		struct known *k = *link;
		if (k->definition.n == size && k->place.section == place.section && k->place.depth == place.depth &&
		    is_definition(k, r, at)) {
			r->budget -= k->cost;
			return &k->template;
		}
	}
	if (variants == VARIANTS || cache->count == TEMPLATES)
		return NULL;
	*link = compile(r, at, size, place);
	cache->count += *link != NULL;
	return *link ? &(*link)->template : NULL;
}
