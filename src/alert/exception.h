/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ALERT_EXCEPTION_H
#define ALERT_EXCEPTION_H

/*
 * Exceptions: this rule, about these values, makes no alert until that day. Core alone, one thread.
 *
 * Each has a reason, an author and an end date; none is ever deleted. For a Sigma rule it becomes a Sigma filter
 * (exception_filter()), which the worker compiles into the rule. Core judges as well, on every finding: rules of other
 * engines and correlations have no filter, some fields are known to core alone (whose system it is), and an exception is
 * in force, and ends, at once and by the event's own time. What is taken away is counted per exception.
 */

#include "detect/sigma.h"
#include "register/merger.h"
#include "store/db.h"

#define EXCEPTION_FIELDS 8u
#define EXCEPTION_NAME_BYTES 128u
#define EXCEPTION_VALUE_BYTES 8192u
#define EXCEPTION_MAX 1000u                /* in force at once */
#define EXCEPTION_LONGEST_MS (366 * TIME_DAY)

enum exception_match { EXCEPTION_EXACT, EXCEPTION_STARTS, EXCEPTION_ENDS, EXCEPTION_CONTAINS, EXCEPTION_ONE_OF };

struct exception_field {
	struct str name;
	struct str written; /* the value as a person wrote it */
	struct str match;   /* exact, starts, ends, contains; one_of: the words of `written`, of fields that core alone knows;
	                       empty: stars at the ends of `written` are wildcards as in Sigma */
	/* what that means */
	enum exception_match how;
	struct str value;   /* without wildcards and their escapes */
};

struct exception {
	int64_t id;
	struct str rule, rule_title;
	struct exception_field field[EXCEPTION_FIELDS]; /* all must fit */
	uint32_t fields;
	struct str reason, who;
	int64_t created_ms, until_ms;
	int64_t alert;      /* it was made from; 0 = none */
	int64_t ended_ms;   /* somebody ended it earlier; 0 = nobody did */
	struct str ended_who;
	int64_t matched, last_ms; /* findings taken away */
};

/* Read name, written and match into how and value (in `arena`). E_INVALID: an empty name, one with a '|', a value that is
 * all wildcard, an unknown word; E_LIMIT. */
[[nodiscard]] int exception_field_read(struct exception_field *field, struct arena *arena);
/* The Sigma filter, a YAML document of its own. False: some field is known to core alone, no filter says it. */
bool exception_filter(const struct exception *e, const struct rule_source *source, struct buf *out);
/* Do the finding's evidence or its event hold these values? Case aside. */
bool exception_fits(const struct exception *e, const struct finding *f);

/* E_INVALID with f->what "exception_reason" or "exception_until"; E_LIMIT when EXCEPTION_MAX are in force. */
[[nodiscard]] int exception_add(struct db *db, const struct exception *e, int64_t now_ms, int64_t *ret_id,
    struct fault *f);
/* Ends it before its day. E_NOT_FOUND when it is not in force. */
[[nodiscard]] int exception_end(struct db *db, int64_t id, struct str who, int64_t now_ms);
/* A merger_on_handed: what was excepted for an agency goes with its systems, and covers nobody else's. It becomes an exception
 * for those that went over, with the same reason, author and end; when the agency ends, its own does too. */
[[nodiscard]] int exception_follow(struct db *db, const struct merger_handed *h);
[[nodiscard]] int exception_get(struct db *db, int64_t id, struct arena *arena, struct exception *ret);

enum exception_state { EXCEPTION_ANY, EXCEPTION_ACTIVE, EXCEPTION_EXPIRED };
struct exception_query {
	struct str rule;        /* empty = any */
	enum exception_state state;
	int64_t before_id;      /* cursor; INT64_MAX = from the newest */
	uint32_t limit;
	int64_t now_ms;
};
[[nodiscard]] int exception_list(struct db *db, const struct exception_query *q, struct arena *arena,
    struct exception **ret, uint32_t *ret_count, int64_t *ret_total);
/* "fields":[...] of the JSON that the database and the API hold. */
void exception_fields_json(const struct exception *e, struct buf *out);

/* Those in force, in memory, for core's judging. */
struct exception_book;

struct exception_book *exception_book_new(void);
void exception_book_free(struct exception_book *b);
/* Read them anew; what was counted and not written stays. E_IO ... */
[[nodiscard]] int exception_book_load(struct exception_book *b, struct db *db, int64_t now_ms);
uint32_t exception_book_count(const struct exception_book *b);
const struct exception *exception_book_at(const struct exception_book *b, uint32_t i);
/* When the next of them ends; INT64_MAX = none. */
int64_t exception_book_next_end(const struct exception_book *b);
/* Does one take the finding away? Counts it. A finding of a rule that only counts (rule_info.exception) whose exception
 * does not reach to time_ms is made one of the rule it was taken from. */
bool exception_book_takes(struct exception_book *b, struct finding *f, int64_t time_ms);
/* The same question of a finding of the past, counting nothing. */
bool exception_book_covers(const struct exception_book *b, const struct finding *f, int64_t time_ms);
/* Counted and not yet written; writing is for the caller's transaction, and after its commit the clearing. */
uint32_t exception_book_pending(const struct exception_book *b);
[[nodiscard]] int exception_book_write(struct exception_book *b, struct db *db);
void exception_book_clear(struct exception_book *b);

#endif
