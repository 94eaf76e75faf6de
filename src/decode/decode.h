/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_DECODE_H
#define DECODE_DECODE_H

/*
 * From raw bytes to events: chooses the decoder by the content and runs it. Worker and scan; pure: no clock, no file, no
 * lock, same bytes and same names give the same events. A struct decoder holds scratch memory and belongs to one thread.
 *
 * Whatever the bytes, there is at least one event for a RAW_LINE (decoder NONE, confidence 0, text = the bytes), so
 * nothing that came in is ever missing from the archive (but see decoder_begin_file()). A RAW_EVTX_CHUNK gives one event per readable record; damaged
 * ones are counted.
 */

#include "decode/event.h"
#include "decode/keys.h"

struct decoder;
struct evtx_cache;
struct flat;

struct decoder *decoder_new(const struct names *names);
void decoder_free(struct decoder *d);
/* Times that name no zone are clocks `minutes` east of UTC (TIME_ZONE_VIETNAM unless told otherwise). */
/* From now on lines are those of one file, in its order, from its beginning: a head tells the columns of what follows, and
 * its lines are no events. For `khien scan`; again for each file. */
void decoder_begin_file(struct decoder *d);
void decoder_set_zone(struct decoder *d, int minutes);

/* Core fields that anybody is going to ask for: those of Windows events, and what the program says about its own reading,
 * are left out where they are not in `core`. NULL, as it begins: all. Must stay as long as it is used. */
void decoder_want(struct decoder *d, const struct core_set *core);

struct decode_result {
	struct event *event; /* in the arena */
	uint32_t count;
	uint32_t failed;     /* records inside a binary form that could not be read; lines that fit no decoder are not failed */
	bool cut;            /* of an EVTX chunk fewer bytes are there than it refers to: evtx_chunk_used() */
};

/* Decode one record; everything goes to `arena`. *ret is valid until the arena is cleared or the next call. E_LIMIT when the arena is full
 * (*ret then holds what fitted). received_ms of r settles the year of syslog lines that carry none. */
int decode(struct decoder *d, const struct raw *r, struct arena *arena, struct decode_result *ret);

/* One decoder each; they add what they find to an initialised event. Return 0, or E_INVALID when the text is not of
 * their format (the event is then as it was). Each has tests/unit/decode/X.c and tests/fuzz/decode/X.c. */
struct decode_context {
	const struct names *names;
	struct arena *arena;
	struct json *json;  /* scratch tape */
	struct keys *keys;  /* names of JSON members seen before, or NULL */
	struct flat *flat;  /* decode/json_flat.h; NULL: the long way always. Needs keys */
	struct evtx_cache *templates; /* decode/evtx.h; NULL: compiled in each chunk */
	const struct core_set *want; /* decoder_want() */
	const bool *open_words;      /* windows_want() of it; NULL: all */
	const struct key **member; /* of the JSON object at hand: the key of each member, or NULL; KEYS_MEMBERS of them */
	uint32_t members;          /* that have been looked at; 0 outside of decode_json() */
	unsigned nesting;          /* of events in events: decode_inside() */
	const struct key *key;     /* flatten(): of the member that the leaf is, or NULL */
	int zone;           /* minutes east of UTC for times that name no zone: TIME_ZONE_VIETNAM unless told otherwise */
};

int decode_syslog(struct decode_context *c, struct str line, struct event *e);       /* RFC 5424, RFC 3164 and real life; then by program */
int decode_linux(struct decode_context *c, struct str program, struct str message, struct event *e); /* sshd, sudo, PAM, cron, netfilter */
int decode_web(struct decode_context *c, struct str line, struct event *e);          /* Apache, nginx access logs */
int decode_json(struct decode_context *c, struct str line, struct event *e);         /* picks windows_json, eve, zeek or flat */
int decode_windows_json(struct decode_context *c, struct event *e);                  /* c->json is parsed: NXLog, winlogbeat, flat, {"Event": ...} */
int decode_eve(struct decode_context *c, struct event *e);                           /* c->json is parsed: Suricata EVE */
/* Core ECS fields for a Windows event whose native fields are in place (shared by EVTX and JSON). */
void decode_windows_core(struct decode_context *c, struct event *e);

/* EVTX: decode/evtx.h */

#endif
