/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/attack.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/yaml.h"

struct technique {
	struct attack_technique info;
	uint64_t tactics; /* bit per tactic */
};

struct attack {
	struct arena arena;
	struct str version;
	struct attack_tactic *tactic;
	uint32_t tactics;
	struct technique *technique; /* by id, ascending */
	uint32_t techniques;
};

static int
read_tactics(struct attack *a, const struct yaml *list, struct fault *f)
{
	if (!list || list->kind != YAML_LIST || list->count > 64)
		return fault_set(f, E_INVALID, "rule_section", STR("tactics"), list ? list->line : 1, 1);
	a->tactic = arena_calloc(&a->arena, list->count, sizeof *a->tactic);
	if (!a->tactic)
		return E_LIMIT;
	YAML_EACH(row, list)
		a->tactic[a->tactics++] = (struct attack_tactic){yaml_get_text(row, STR("id"), STR("")),
		    yaml_get_text(row, STR("key"), STR("")), yaml_get_text(row, STR("name"), STR(""))};
	return 0;
}

static uint64_t
tactics_of(const struct attack *a, const struct yaml *names)
{
	uint64_t bits = 0;
	YAML_EACH(name, names)
		for (uint32_t i = 0; i < a->tactics; i++)
			if (str_eq(a->tactic[i].key, name->text))
				bits |= UINT64_C(1) << i;
	return bits;
}

static int
by_id(const void *a, const void *b)
{
	const struct technique *x = a, *y = b;
	return str_cmp(x->info.id, y->info.id);
}

static int
read_techniques(struct attack *a, const struct yaml *list, struct fault *f)
{
	if (!list || list->kind != YAML_LIST)
		return fault_set(f, E_INVALID, "rule_section", STR("techniques"), list ? list->line : 1, 1);
	a->technique = arena_calloc(&a->arena, list->count, sizeof *a->technique);
	if (!a->technique)
		return E_LIMIT;
	YAML_EACH(row, list)
		a->technique[a->techniques++] = (struct technique){
		    {yaml_get_text(row, STR("id"), STR("")), yaml_get_text(row, STR("name"), STR(""))},
		    tactics_of(a, yaml_get(row, STR("tactics")))};
	if (a->techniques)
		qsort(a->technique, a->techniques, sizeof *a->technique, by_id);
	return 0;
}

static int
read_document(struct attack *a, struct str text, struct fault *f)
{
	struct yaml **document;
	uint32_t count = 0;
	struct str kept; /* the tree may borrow from it */
	if (!arena_copy(&a->arena, text, &kept))
		return E_LIMIT;
	TRY(yaml_parse(kept, &a->arena, &document, &count, f));
	if (!count)
		return 0;
	a->version = yaml_get_text(document[0], STR("version"), STR(""));
	TRY(read_tactics(a, yaml_get(document[0], STR("tactics")), f));
	return read_techniques(a, yaml_get(document[0], STR("techniques")), f);
}

int
attack_read(struct str text, struct attack **ret, struct fault *f)
{
	struct attack *a = MEM_NEW(struct attack);
	arena_init(&a->arena, 64 << 10, 32 << 20);
	int error = text.n ? read_document(a, text, f) : 0;
	if (error) {
		attack_free(a);
		return error;
	}
	*ret = a;
	return 0;
}

void
attack_free(struct attack *a)
{
	if (!a)
		return;
	arena_release(&a->arena);
	mem_free(a);
}

struct str
attack_version(const struct attack *a)
{
	return a->version;
}

uint32_t
attack_tactics(const struct attack *a)
{
	return a->tactics;
}

struct attack_tactic
attack_tactic_at(const struct attack *a, uint32_t i)
{
	assert(i < a->tactics);
	return a->tactic[i];
}

uint32_t
attack_techniques(const struct attack *a)
{
	return a->techniques;
}

struct attack_technique
attack_technique_at(const struct attack *a, uint32_t i)
{
	assert(i < a->techniques);
	return a->technique[i].info;
}

bool
attack_is_of(const struct attack *a, uint32_t technique, uint32_t tactic)
{
	assert(technique < a->techniques);
	return a->technique[technique].tactics >> tactic & 1;
}

bool
attack_technique_of(const struct attack *a, struct str tag, uint32_t *ret)
{
	char id[10];
	if (!str_starts_nocase(tag, STR("attack.t")) || tag.n - 7 > sizeof id)
		return false;
	memcpy(id, tag.p + 7, tag.n - 7);
	id[0] = 'T';
	struct technique key = {.info.id = str_from(id, tag.n - 7)};
	const struct technique *found = a->techniques
	    ? bsearch(&key, a->technique, a->techniques, sizeof *a->technique, by_id)
	    : NULL;
	if (found)
		*ret = (uint32_t)(found - a->technique);
	return found != NULL;
}
