/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

/*
 * YAML files that people write (rules, maps, registers, options) as a tree that remembers line and column. libyaml
 * parses; the tree, its limits and its refusals are ours. Supervisor, core, check, scan; never on a stream of events.
 *
 * Refused with a fault at their place: duplicate keys, keys that are not scalars, aliases that would expand to more
 * than YAML_MAX_NODES nodes, depth beyond YAML_MAX_DEPTH, texts beyond YAML_MAX_BYTES, tags other than the core ones.
 * All memory comes from the arena that is handed in.
 */

#include "base/arena.h"
#include "base/error.h"

#define YAML_MAX_BYTES (4u << 20)
#define YAML_MAX_NODES 200000u
#define YAML_MAX_DEPTH 64u

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	bool quoted;        /* a scalar in quotes or a block scalar: always text, never null, number or boolean */
	uint32_t line;      /* from 1 */
	uint32_t column;    /* from 1 */
	struct str text;    /* scalar */
	struct str key;     /* of this node inside a map */
	uint32_t key_line, key_column;
	struct yaml *first; /* list or map: children in the order of the file */
	struct yaml *next;  /* sibling */
	uint32_t count;     /* children */
};

/* All documents of a text; an empty text gives *ret_count 0. The array and trees live in `arena`. */
[[nodiscard]] int yaml_parse(struct str text, struct arena *arena, struct yaml ***ret_documents, uint32_t *ret_count,
    struct fault *f);
/* The child `key` of a map, or NULL (also when `map` is NULL or no map). */
const struct yaml *yaml_get(const struct yaml *map, struct str key);
/* The scalar child `key`, or `fallback`. */
struct str yaml_get_text(const struct yaml *map, struct str key, struct str fallback);
/* Unquoted and empty, "~" or "null" (YAML 1.2 core schema). */
bool yaml_is_null(const struct yaml *node);
/* An unquoted true/false of the core schema. */
bool yaml_to_bool(const struct yaml *node, bool *ret);
bool yaml_to_i64(const struct yaml *node, int64_t *ret);
/* fault_set() at the node's place. */
int yaml_fault(const struct yaml *node, struct fault *f, int code, const char *what, struct str arg);

#define YAML_EACH(child, parent)                                                                                       \
	for (const struct yaml *child = (parent) ? (parent)->first : NULL; child; child = child->next)

#endif
