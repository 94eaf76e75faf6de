/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_JSON_FLAT_H
#define DECODE_JSON_FLAT_H

/*
 * The short way from a line of JSON to an event: an object whose members are strings, numbers and the like, or objects
 * and lists of such, as shippers of Windows events write it, is read in one go, name after expected name
 * (decode/keys.h), without a tape in between. Worker and scan; belongs to one decoder.
 *
 * It never judges: whatever it does not take (objects in lists, blanks in unusual places, a fault, too many members) is
 * left to json_parse() and flatten(), and the event is as it was. Both ways give the same event; the short one saves two
 * thirds of the time. When lines are not of its kind, it is asked ever less often.
 */

#include "base/json_index.h"
#include "decode/decode.h"

#define FLAT_SPECIAL 128u
#define FLAT_DEPTH 8u     /* objects in objects; flatten() goes deeper */

/* A member that is more than a field. */
struct flat_special {
	uint32_t field; /* of the event */
	const struct key *key;
};

struct flat {
	const struct key *key[EVENT_MAX_FIELDS];   /* of each field of the event, for those that the line has */
	struct flat_special special[FLAT_SPECIAL]; /* of the line read last, in order */
	uint32_t special_count;
	uint32_t hints;        /* json_hint() of all of them */
	uint32_t expected;     /* members of the line before */
	uint32_t misses, wait; /* lines to leave out */
	bool lists;            /* some members are lists of several items */
	struct key *open[FLAT_DEPTH]; /* keys of the objects around the reader, the outermost left out */
	struct json_index index;
};

struct flat *flat_new(void);
void flat_free(struct flat *f);
/* Adds the members of `line` (no blanks around it) to e under their own names. False: not taken. */
bool flat_read(struct decode_context *c, struct str line, struct event *e);
/* They were of no use: the event has `count` fields again, as before. */
void flat_refuse(struct decode_context *c, struct event *e, uint32_t count);

#endif
