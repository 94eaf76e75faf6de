/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_KEYS_H
#define DECODE_KEYS_H

/*
 * Names of JSON members as they keep coming, each with what the decoders know of it: found out once, not thirty times an
 * event. Worker and scan; belongs to one decoder.
 *
 * Writers write the same members in the same order, so the name that came behind this one last time is guessed and only
 * compared; a wrong guess costs one keyed hash. Bounded: when KEYS_MAX names are known, or a name is longer than
 * KEY_BYTES, a name has no key and is looked up in the ordinary way. What an event says does not depend on it.
 *
 * A member of an object within the object has a key of its own there, whose name is the path to it with dots between.
 */

#include "base/arena.h"
#include "decode/names.h"

#define KEYS_MAX 4096u
#define KEY_BYTES 64u      /* of a member's own name */
#define KEY_PATH_BYTES 160u
#define KEY_FRONT 32u
#define KEYS_MEMBERS 512u /* of one object that are given keys */

struct key {
	struct str name;        /* as the event has it: "winlog.channel" */
	struct str part;        /* as the text has it: "channel" */
	struct key *object;     /* whose member it is; NULL: of the outermost */
	struct key *inside;     /* keys_inside() */
	uint32_t id;            /* names_find(name) */
	uint8_t word;           /* windows_word(name) */
	uint8_t header_word;    /* likewise, of the native name that the header row gives */
	bool tells_source;      /* product or category */
	bool special;           /* more than a field: has a hint or a header, or tells the source */
	uint32_t header_id;
	const void *hint;       /* row of decode/json.c, or NULL */
	const void *header;     /* row of decode/windows_json.c, or NULL */
	struct str beats_name;  /* what it is called in an event that Winlogbeat shipped, and what follows from that */
	uint32_t beats_id;
	uint8_t beats_word;
	uint8_t beats_role;     /* of decode/windows_json.c */
	bool beats_source;
	struct key *next[2];    /* what came behind it, the latest first */
	uint32_t front_mask;    /* of the bytes of `front` that count, one bit each; 0: the part is longer */
	char front[KEY_FRONT];  /* the part and what must stand behind it: a quote and a colon */
};

/* Fills in what is to be known of k->name; texts that it makes live in `arena`. */
typedef void key_fn(const struct names *names, struct arena *arena, struct key *k);

struct keys;

struct keys *keys_new(const struct names *names, key_fn *know);
void keys_free(struct keys *keys);
/* What stands for the beginning of an object. */
struct key *keys_start(struct keys *keys);
/* The same for the object that is k's value; NULL when there is no room for it. */
struct key *keys_inside(struct keys *keys, struct key *k);
struct key *keys_search(struct keys *keys, struct key *before, struct str name);

/* The key of a name behind `before` (keys_start(), keys_inside(), or the last key found); NULL when it has none. */
static inline struct key *
keys_find(struct keys *keys, struct key *before, struct str name)
{
	struct key *k = before->next[0];
	return k && str_same(k->part, name) ? k : keys_search(keys, before, name);
}

#endif
