/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_JSON_LAYOUT_H
#define DECODE_JSON_LAYOUT_H

/*
 * Who wrote this JSON object: one look at the names of its members. Worker and scan; pure. decode_json() chooses the
 * decoder by it, the decoders what to call things.
 */

#include "base/json.h"
#include "decode/decode.h"

enum json_layout {
	LAYOUT_NONE,         /* not an object */
	LAYOUT_FLAT,         /* an object we know nothing about */
	LAYOUT_EVE,
	LAYOUT_ZEEK,
	LAYOUT_WINDOWS_FLAT, /* members are fields: lanes, Sigma pipelines, Logstash */
	LAYOUT_NXLOG,        /* likewise, with the names of NXLog's im_msvistalog */
	LAYOUT_FLUENT,       /* likewise, fluent-bit's winlog and winevtlog inputs */
	LAYOUT_WINLOGBEAT,   /* winlog.event_data.X, nested or dotted; event_data.X before version 7 */
	LAYOUT_WINDOWS_XML,  /* {"Event": {"System": ..., "EventData": ...}}, XML turned into JSON */
	LAYOUT_WAZUH,        /* {"win": {"system": ..., "eventdata": ...}} */
	LAYOUT_ENVELOPE,     /* of no meaning itself: {"_source": {the event}} */
	LAYOUT_CARRIER,      /* of a line: {"log": "the line", ...} */
	LAYOUT_JOURNAL,      /* systemd's */
};

/* Also finds the keys of the members (c->member). */
enum json_layout json_layout(struct decode_context *c);
/* What this room knows of a member's name. */
void json_know_key(const struct names *names, struct arena *arena, struct key *k);
void windows_know_key(const struct names *names, struct arena *arena, struct key *k);
/* What a member says about the writer of its object; 0 = nothing. XML as JSON is told by its members alone. */
uint32_t json_hint(const struct key *k, enum json_kind kind, struct str raw);
/* Which Windows field `name` is, for struct field's `word`. */
uint8_t windows_word(struct str name);
/* Of which words any core field is wanted. */
void windows_want(const struct core_set *want, bool open[UINT8_MAX + 1]);
/* The decoders behind the public ones, for a layout that json_layout() found. Each adds to the event. */
void decode_windows_layout(struct decode_context *c, enum json_layout layout, struct event *e);
/* For LAYOUT_WINDOWS_FLAT and LAYOUT_NXLOG, when flat_read() has added the members. */
void decode_windows_flat(struct decode_context *c, enum json_layout layout, struct event *e);
/* For LAYOUT_WINLOGBEAT, likewise; the fields of the line begin with number `first`. */
void decode_windows_beats(struct decode_context *c, struct event *e, uint32_t first);
/* Names for the nameless data of LAYOUT_FLUENT, by channel and code of the event. */
void decode_windows_inserts(struct decode_context *c, struct event *e);
void decode_eve_layout(struct decode_context *c, struct event *e);
/* For LAYOUT_ENVELOPE and what follows it. E_INVALID: nothing is inside that we know, the event is as it was; the tape is not. */
int decode_inside(struct decode_context *c, enum json_layout layout, struct event *e);
void decode_zeek_layout(struct decode_context *c, struct event *e);
/* For an event of Zeek whose native fields are in place; `guess` is the log when its service does not say. */
void zeek_finish(struct decode_context *c, struct event *e, struct str guess);

#endif
