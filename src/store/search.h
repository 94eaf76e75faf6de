/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

/*
 * A search is a value: a time range and tests that must all hold. It knows no engine's language, so the archive of one
 * box and a column store beyond it answer the same question (stores.md). Pure.
 *
 * What a person types (search_parse): words and "quoted phrases" are free text (case-insensitive substring of the
 * event's text); name:value and name=value test a field (case-insensitive; * at either end = suffix, prefix, contains;
 * name:* = the field is there); a minus before either negates it. host:, user:, ip:, level: are short for host.name,
 * user.name, source.ip or destination.ip, khien.level. All terms must hold.
 */

#include "base/arena.h"
#include "base/error.h"

enum term_kind { TERM_TEXT, TERM_EQUALS, TERM_PREFIX, TERM_SUFFIX, TERM_CONTAINS, TERM_EXISTS };

#define SEARCH_MAX_TERMS 32

struct term {
	enum term_kind kind;
	bool negated;
	struct str name;  /* empty for TERM_TEXT; "ip" means any address field of the core */
	struct str value;
};

struct search {
	int64_t from_ms, to_ms; /* [from, to); INT64_MIN / INT64_MAX = open */
	struct term term[SEARCH_MAX_TERMS];
	uint32_t term_count;
};

/* Texts are copied to `arena`. E_INVALID / E_LIMIT with f->column = position in the query. */
[[nodiscard]] int search_parse(struct str query, struct arena *arena, struct search *ret, struct fault *f);

#endif
