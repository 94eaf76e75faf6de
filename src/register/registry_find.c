/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of systems: one walk over all of them in the order that is asked for, which gives the page and the total alike. */
#include "register/registry_held.h"

#include "base/memory.h"
#include "register/inventory.h"

int
system_by_name(const struct system *a, const struct system *b)
{
	int order = str_cmp(a->name_fold, b->name_fold);
	return order ? order : str_cmp(a->id, b->id);
}

int
system_by_level(const struct system *a, const struct system *b)
{
	return a->level != b->level ? b->level - a->level : system_by_name(a, b);
}

uint32_t
system_position(const struct system *const *list, uint32_t count, const struct system *key, bool by_level)
{
	uint32_t from = 0, to = count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if ((by_level ? system_by_level(list[middle], key) : system_by_name(list[middle], key)) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

enum { OWNER_REACHED = 1, OWNER_NAMED = 2 };

/* What is asked of an owner is asked once: there are few of them. */
static uint8_t *
judge_owners(const struct registry *r, const struct registry_query *q)
{
	uint8_t *owner = mem_calloc(r->agencies + 1, 1);
	for (uint32_t i = 0; i < r->agencies; i++) {
		const struct organisation *o = &r->agency[i]->organisation;
		if (registry_within(r, o->id, q->scope) && registry_within(r, o->id, q->organisation))
			owner[i] |= OWNER_REACHED;
		if (str_find(o->name_fold, q->part) >= 0)
			owner[i] |= OWNER_NAMED;
	}
	return owner;
}

static bool
ends_by(const char *day, struct str last)
{
	return *day && str_cmp(str_z(day), last) <= 0;
}

static bool
fits(const struct registry *r, const struct registry_query *q, const uint8_t *owners, const struct system *s)
{
	uint8_t owner = owners[s->organisation->number];
	if (!(owner & OWNER_REACHED))
		return false;
	if (q->level && s->level != q->level)
		return false;
	if (q->critical && !s->critical)
		return false;
	if (!q->closed && s->until_day.n && str_cmp(s->until_day, str_z(r->today)) < 0)
		return false;
	if (q->sector.n && !str_eq(s->sector, q->sector))
		return false;
	if (q->ends_before.n && !ends_by(s->licence_ends, q->ends_before) && !ends_by(s->layer_ends, q->ends_before))
		return false;
	return !q->part.n || owner & OWNER_NAMED || str_find(((const struct held *)s)->search, q->part) >= 0;
}

/* Two hundred thousand pieces of memory lie anywhere: without asking for them ahead the walk would wait for each. */
static void
fetch_ahead(const struct system *const *list, uint32_t count, uint32_t i)
{
	if (i + 24 < count) {
		__builtin_prefetch(&list[i + 24]->organisation);
		__builtin_prefetch(&((const struct held *)list[i + 24])->search);
	}
	if (i + 8 < count)
		__builtin_prefetch(((const struct held *)list[i + 8])->search.p);
}

/* Behind the last one that was told, whether or not it is still there. */
static uint32_t
page_begin(const struct registry *r, const struct registry_query *q, const struct system *const *list)
{
	struct system last = {.level = q->after_level, .name_fold = q->after_fold, .id = q->after_id};
	if (!q->after_level)
		return 0;
	uint32_t at = system_position(list, r->systems, &last, q->by_level);
	return at + (at < r->systems && str_eq(list[at]->id, last.id) && str_eq(list[at]->name_fold, last.name_fold));
}

uint32_t
registry_find(const struct registry *r, const struct registry_query *q, const struct system **list, int64_t *ret_total)
{
	const struct system *const *all = q->by_level ? r->by_level : r->by_name;
	uint8_t *owners = judge_owners(r, q);
	uint32_t begin = page_begin(r, q, all), count = 0;
	int64_t total = 0;
	for (uint32_t i = 0; i < r->systems; i++) {
		fetch_ahead(all, r->systems, i);
		if (!fits(r, q, owners, all[i]))
			continue;
		total++;
		if (i >= begin && count < q->limit)
			list[count++] = all[i];
	}
	mem_free(owners);
	*ret_total = total;
	return count;
}

/* --- who claims the same machines --- */

static bool
networks_meet(const struct prefix *a, const struct prefix *b)
{
	uint8_t bits = a->bits < b->bits ? a->bits : b->bits;
	unsigned whole = bits / 8, rest = bits % 8;
	if (a->bits == PREFIX_NONE || b->bits == PREFIX_NONE || memcmp(a->address, b->address, whole))
		return false;
	return !rest || (uint8_t)(a->address[whole] ^ b->address[whole]) >> (8 - rest) == 0;
}

struct meeting {
	struct registry_overlap *list;
	uint32_t count, max;
};

static void
note(struct meeting *m, const struct system *other, struct str mine, struct str theirs)
{
	if (m->count < m->max)
		m->list[m->count++] = (struct registry_overlap){mine, theirs, other};
}

static void
compare_names_of(struct meeting *m, const struct system *a, const struct system *b)
{
	for (uint32_t i = 0; i < a->hosts; i++)
		for (uint32_t k = 0; k < b->hosts; k++)
			if (place_overlaps(STR("host"), a->host[i], b->host[k]))
				note(m, b, a->host[i], b->host[k]);
	for (uint32_t i = 0; i < a->domains; i++)
		for (uint32_t k = 0; k < b->domains; k++)
			if (place_overlaps(STR("domain"), a->domain[i], b->domain[k]))
				note(m, b, a->domain[i], b->domain[k]);
}

static void
compare_networks_of(struct meeting *m, const struct system *a, const struct system *b)
{
	const struct places *of_a = ((const struct held *)a)->places, *of_b = ((const struct held *)b)->places;
	for (uint32_t i = 0; i < a->networks; i++)
		for (uint32_t k = 0; k < b->networks; k++)
			if (networks_meet(&of_a->prefix[i], &of_b->prefix[k]))
				note(m, b, a->network[i], b->network[k]);
}

uint32_t
registry_overlaps(const struct registry *r, const struct system *own, struct registry_overlap *list, uint32_t max)
{
	struct meeting m = {list, 0, max};
	for (uint32_t at = 0; at < r->systems && m.count < max; at++) {
		const struct system *other = r->by_name[at];
		fetch_ahead(r->by_name, r->systems, at);
		if (other == own)
			continue;
		compare_networks_of(&m, own, other);
		compare_names_of(&m, own, other);
	}
	return m.count;
}
