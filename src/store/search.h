/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

/*
 * A search is a value: a time range and tests that must all hold. It knows no engine's language, so the archive of one
 * box and a column store beyond it answer the same question (stores.md). Pure.
 *
 * What a person types (search_parse): words and "quoted phrases" are free text (case-insensitive substring of the
 * event's text; a whole IPv4 address or hash is not found inside a longer one); name:value and name=value test a field
 * (case-insensitive; * at either end = suffix, prefix, contains; name:* = the field is there); a minus before either
 * negates it. Quoted values are literal (name:"a*b"). What cannot be a field test is text: times, URLs, drive letters,
 * IPv6. host:, user:, ip:, level: are short for host.name, user.name, source.ip or destination.ip or host.ip,
 * khien.level. All terms must hold.
 */

#include "base/arena.h"
#include "base/error.h"
#include "decode/event.h"

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

/* What a search looks at, wherever the event lies. Values are plain (no JSON escapes left). */
struct search_view {
	int64_t time_ms;
	struct str text;
	const struct field *field;
	uint32_t field_count;
};

/* Is `name` (of a field) the one the term asks for? Without regard to case; "ip" asks for every address of the core. */
bool term_names(const struct term *t, struct str name);
/* Does one value fit a field test? Negation is not looked at: it is about all fields of that name. */
bool term_fits(const struct term *t, struct str value);
/* Time range and all terms. The one meaning of a search: every engine must answer as if it had called this for every
 * event. */
bool search_matches(const struct search *s, const struct search_view *v);

/* Texts are copied to `arena`. E_INVALID / E_LIMIT with f->column = position in the query. */
[[nodiscard]] int search_parse(struct str query, struct arena *arena, struct search *ret, struct fault *f);

#endif
