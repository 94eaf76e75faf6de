/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_FLATTEN_H
#define DECODE_FLATTEN_H

/*
 * A JSON object as a list of names and values, the shape an event has. Worker and scan; pure.
 *
 * Members of nested objects are joined with dots ("alert.signature"). An array of scalars is one value, its items
 * joined by newlines, nulls left out; or, if `each`, as many fields as items, so that rules are asked about each of
 * them, unless they are more than FLATTEN_ITEMS. Other arrays number their items ("dns.answers.0.rdata"); if `each`, what
 * is below them comes under its name without the number, too ("dns.answers.rdata"), when rules ask for it. Empty
 * containers are null. Numbers and strings stay as they stand in the text, strings with their escapes (`escaped`).
 * Duplicate names come twice, in the order of the text.
 *
 * Bounds: below FLATTEN_DEPTH a container is one value, its JSON text. Counted in e->dropped_fields, a container with
 * all that it holds as one: a name longer than FLATTEN_NAME, joined names beyond FLATTEN_NAMES in all, what the arena
 * cannot hold, and everything behind the last field that an event may have.
 */

#include "base/json.h"
#include "decode/decode.h"

#define FLATTEN_DEPTH 16u
#define FLATTEN_NAME 1024u
#define FLATTEN_ITEMS 32u /* so that one list leaves room for the rest of the event */
#define FLATTEN_NAMES (256u << 10)

/* One leaf. Name and value lie in the text or in the arena. */
typedef void flatten_fn(void *user, struct str name, struct str value, enum field_kind kind, bool escaped);

/* Every leaf below `object` of c->json, in order, to `sink`. */
void flatten(struct decode_context *c, struct event *e, uint32_t object, bool each, flatten_fn *sink, void *user);

/* 1700000000, 1700000000.123456 seconds since 1970, as Zeek and many others write; milliseconds when the
 * number is too large to be seconds. False when it is not a number in our range of years. */
bool time_from_epoch(struct str s, int64_t *ret_ms);

#endif
