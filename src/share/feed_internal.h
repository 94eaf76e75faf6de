/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SHARE_FEED_INTERNAL_H
#define SHARE_FEED_INTERNAL_H

/* What the readers of the four forms share. Private to share/feed*.c. */

#include "base/json.h"
#include "share/feed.h"

struct feed {
	struct str text;
	const struct feed_events *events;
	struct feed_counts *counts;
	struct arena arena;     /* of one object or line */
	struct json json;       /* of one object */
	size_t at;              /* where JSON is being read */
	struct feed_place {
		size_t at, line_at;  /* a place, and the start of its line */
		uint32_t line;
	} told, mark;
	int stop;               /* what item() answered */
};

/* A record begins at f->at: no place before it will be told any more. */
void feed_mark(struct feed *f);
/* Tell of something at offset `at` that is not taken. */
void feed_refuse(struct feed *f, size_t at, const char *what, struct str arg);
/* How a value of some named type is written. */
enum feed_part { PART_WHOLE, PART_FIRST, PART_SECOND, PART_BOTH /* "domain|ip" */ };
struct feed_type {
	struct str name; /* as MISP, abuse.ch and others call it, folded */
	enum ioc_kind kind;
	enum feed_part part;
	struct str prefix; /* of the normal form: "imphash:" */
};
/* NULL when nobody calls it so. */
const struct feed_type *feed_type_find(struct str name);
/* Give one value: `type` may be NULL (guessed). `like` has all the rest of the item. */
void feed_give(struct feed *f, const struct feed_type *type, struct str value, const struct feed_item *like, size_t at);
/* A text of at most `max` bytes that is UTF-8 and has no control characters at its ends; else empty. */
struct str feed_clean(struct str text, size_t max);

/* feed_json.c: walking through a text that is larger than what is parsed of it at once. f->at stands before the next
 * thing; all return 1 = there is one, 0 = the container has ended, E_INVALID (told). */
int feed_open(struct feed *f, char bracket);             /* '{' or '['; 0 = something else stands there */
int feed_key(struct feed *f, bool *first, struct str *ret);  /* of an object; the value comes next */
int feed_element(struct feed *f, bool *first);           /* of an array */
int feed_skip(struct feed *f);                           /* over one value; 1 */
int feed_value(struct feed *f, size_t *ret_at);          /* one value into f->json; 1 */

int feed_list(struct feed *f);
int feed_csv(struct feed *f);
int feed_stix(struct feed *f);
int feed_misp(struct feed *f);

#endif
