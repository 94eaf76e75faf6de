/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rule collections: documents of one file that share parts (Sigma specification 1.0, "Rule Collections"; 2.x no longer
 * speaks of them, pySigma still reads them). `action: global` is merged into the rules that follow, several of them
 * together, until `action: reset`; `action: repeat` is the rule before with some parts replaced. Where the global part
 * and a rule say different things the global part is right, as in pySigma.
 *
 * Trees are shared, not copied: merging makes new maps along the way, each child one node, and the count of nodes is
 * bounded for the file.
 */
#include "detect/sigma_internal.h"

#define COLLECTION_MAX_NODES 200000u
#define COLLECTION_MAX_KEYS 256u /* of a map that is merged: each is looked for */

static int
too_big(struct collection *c, const struct yaml *at)
{
	return yaml_fault(at, c->fault, E_LIMIT, "rule_too_big", STR(""));
}

/* `node` as a child of its own, behind *last. */
static int
add_child(struct collection *c, struct yaml *map, struct yaml **last, const struct yaml *node)
{
	struct yaml *child = ++c->nodes > COLLECTION_MAX_NODES ? NULL : ARENA_NEW(c->arena, struct yaml);
	if (!child)
		return too_big(c, node);
	*child = *node;
	child->next = NULL;
	*(*last ? &(*last)->next : &map->first) = child;
	*last = child;
	map->count++;
	return 0;
}

static int merge(struct collection *c, const struct yaml *under, const struct yaml *over, struct yaml *ret);

static int
merge_children(struct collection *c, const struct yaml *under, const struct yaml *over, struct yaml *map)
{
	struct yaml *last = NULL;
	if (under->count > COLLECTION_MAX_KEYS || over->count > COLLECTION_MAX_KEYS)
		return too_big(c, over);
	YAML_EACH(node, under) {
		const struct yaml *other = yaml_get(over, node->key);
		TRY(add_child(c, map, &last, other ? other : node));
		if (other && node->kind == YAML_MAP && other->kind == YAML_MAP)
			TRY(merge(c, node, other, last));
	}
	YAML_EACH(node, over)
		if (!yaml_get(under, node->key))
			TRY(add_child(c, map, &last, node));
	return 0;
}

/* The maps' members; those of both are `over`'s, or merged when they are maps themselves. */
static int
merge(struct collection *c, const struct yaml *under, const struct yaml *over, struct yaml *ret)
{
	struct yaml map = *over;
	map.first = NULL;
	map.count = 0;
	TRY(merge_children(c, under, over, &map));
	map.next = ret->next;
	*ret = map;
	return 0;
}

/* `over` on `under`, at the place of `at`. */
static int
join(struct collection *c, const struct yaml *under, const struct yaml *over, const struct yaml *at,
    const struct yaml **ret)
{
	struct yaml *joined = ARENA_NEW(c->arena, struct yaml);
	if (!joined)
		return too_big(c, over);
	TRY(merge(c, under, over, joined));
	joined->line = at->line;
	joined->column = at->column;
	*ret = joined;
	return 0;
}

/* The document without its `action`. */
static int
without_action(struct collection *c, const struct yaml *document, const struct yaml **ret)
{
	struct yaml *rest = ARENA_NEW(c->arena, struct yaml), *last = NULL;
	if (!rest)
		return too_big(c, document);
	*rest = *document;
	rest->first = NULL;
	rest->count = 0;
	YAML_EACH(node, document)
		if (!str_eq(node->key, STR("action")))
			TRY(add_child(c, rest, &last, node));
	*ret = rest;
	return 0;
}

static int
act(struct collection *c, const struct yaml *document, const struct yaml *action, const struct yaml **ret)
{
	const struct yaml *rest = NULL;
	*ret = NULL;
	if (action->kind == YAML_SCALAR && str_eq(action->text, STR("reset"))) {
		c->global = NULL;
		return 0;
	}
	TRY(without_action(c, document, &rest));
	if (action->kind == YAML_SCALAR && str_eq(action->text, STR("global")))
		return c->global ? join(c, c->global, rest, rest, &c->global) : (c->global = rest, 0);
	if (action->kind != YAML_SCALAR || !str_eq(action->text, STR("repeat")) || !(c->before || c->global))
		return yaml_fault(action, c->fault, E_INVALID, "rule_action", action->text);
	c->shared = true;
	TRY(join(c, c->before ? c->before : c->global, rest, rest, &c->before));
	*ret = c->before;
	return 0;
}

int
collection_next(struct collection *c, const struct yaml *document, const struct yaml **ret)
{
	const struct yaml *action = yaml_get(document, STR("action"));
	c->shared = false;
	if (yaml_is_null(document)) { /* behind a last "---" */
		*ret = NULL;
		return 0;
	}
	if (action)
		return act(c, document, action, ret);
	*ret = document;
	if (document->kind != YAML_MAP || yaml_get(document, STR("correlation")) || yaml_get(document, STR("filter")))
		return 0;
	c->shared = c->global;
	if (c->global)
		TRY(join(c, document, c->global, document, ret));
	c->before = *ret;
	return 0;
}
