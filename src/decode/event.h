/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_EVENT_H
#define DECODE_EVENT_H

/*
 * The event: what a decoder makes of raw bytes and every rule, index and screen sees. Worker and scan make it, the
 * archive keeps it, nobody changes it in between. First of the six structs to know.
 *
 * Two layers, neither lossy (collector.md, "Event schema"): native fields under the names their source uses (Sigma's
 * taxonomy is those names), and core ECS fields under the ids of decode/fields.def. Both are entries of the same flat
 * list; a core field often borrows the very bytes of a native one.
 *
 * Lifetime: everything an event points to lives in the batch (its raw bytes) or in the batch's arena.
 */

#include "base/arena.h"
#include "base/time.h"
#include "decode/names.h"
#include "decode/raw.h"


#define EVENT_MAX_FIELDS 1024u /* more are counted in `dropped_fields`; the raw bytes hold them all */

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOL, FIELD_NULL };

struct field {
	struct str name;  /* native name, or the ECS name of a core field */
	struct str value; /* text; numbers and booleans as they stand in the source ("1102", "0x1eba8", "true") */
	uint32_t id;      /* names_find(name); NAME_UNKNOWN when no rule asks for it */
	uint8_t kind;     /* enum field_kind; JSON null is FIELD_NULL with an empty value */
	bool escaped;     /* value still holds JSON escapes: use event_value() */
	bool core;        /* one of decode/fields.def */
	uint8_t word;     /* which Windows field, if a decoder has found out: see decode/windows_core.c */
};

/* Which decoder read it. X(id, name, product, service-or-empty); name + "/1" goes to khien.parser. */
#define DECODER_TABLE(X)                                                                                               \
	X(DECODER_NONE, "none")           /* nothing fits: raw text only */                                            \
	X(DECODER_SYSLOG, "syslog")       /* header read, content unknown */                                           \
	X(DECODER_SSHD, "sshd")                                                                                        \
	X(DECODER_SUDO, "sudo")                                                                                        \
	X(DECODER_PAM, "pam")                                                                                          \
	X(DECODER_CRON, "cron")                                                                                        \
	X(DECODER_NETFILTER, "netfilter")                                                                              \
	X(DECODER_WEB, "web")             /* Apache and nginx access logs */                                           \
	X(DECODER_WINDOWS_JSON, "windows_json")                                                                        \
	X(DECODER_EVTX, "evtx")                                                                                        \
	X(DECODER_EVE, "eve")                                                                                          \
	X(DECODER_ZEEK, "zeek")                                                                                        \
	X(DECODER_JSON, "json")           /* JSON of no layout we know: flattened */                                   \
	X(DECODER_ACCOUNT, "account")     /* su, useradd, passwd, systemd-logind ... */                                \
	X(DECODER_SYSTEMD, "systemd")                                                                                  \
	X(DECODER_AUDITD, "auditd")       /* one record of the Linux audit system */                                   \
	X(DECODER_MIKROTIK, "mikrotik")   /* RouterOS */                                                               \
	X(DECODER_WEB_ERROR, "web_error") /* Apache and nginx error logs */                                               \
	X(DECODER_KV, "kv")               /* key=value lines: FortiGate, Sophos, SonicWall ... */                      \
	X(DECODER_CISCO, "cisco")         /* ASA, FTD, IOS */                                                          \
	X(DECODER_DNS, "dns")             /* query logs of BIND, Unbound, dnsmasq */                                   \
	X(DECODER_CEF, "cef")             /* CEF and LEEF */                                                           \
	X(DECODER_PROXY, "proxy")         /* HAProxy, Squid */                                                         \
	X(DECODER_W3C, "w3c")             /* IIS and others with a #Fields line */                                     \
	X(DECODER_WINDOWS_XML, "windows_xml")                                                                          \
	X(DECODER_FIREWALL, "firewall")   /* Palo Alto, Check Point */

enum decoder_id {
#define X(id, name) id,
	DECODER_TABLE(X)
#undef X
	DECODER_COUNT
};

const char *decoder_name(enum decoder_id id);

struct event {
	struct arena *arena;
	const struct raw *raw;   /* where it came from */
	struct str text;         /* what a person reads and free text searches: the line itself, or for binary forms
	                          * the event rendered as one line of JSON (NULL until event_text()) */
	struct str values;       /* one piece of memory that every native value stands in, of decoders that write them
	                          * so: what is not found in it stands in none of them. Else empty */
	uint32_t raw_index;      /* of the record in its batch */
	uint32_t sub_index;      /* of the event in its record: 0 for lines, 0..n-1 in an EVTX chunk */
	int64_t time_ms;         /* as claimed by the source; TIME_NONE when it says nothing */
	enum decoder_id decoder;
	uint8_t confidence;      /* 0..100 */
	uint16_t place;          /* of its record among all of the EVTX chunk, unreadable ones counted */

	/* Sigma's log source, as far as the bytes tell; content/rules/map.yaml turns it into categories. Static or
	 * borrowed; empty = not said. */
	struct str product;      /* windows, linux, zeek, suricata ... */
	struct str service;      /* sshd, auth, sysmon, security, nginx ... (Windows: left empty, channel decides) */
	struct str category;     /* only when the event itself carries one */
	struct str channel;      /* Windows Channel */
	struct str code;         /* Windows EventID, EVE event_type ... : second half of the plan key */
	struct str provider;     /* Windows Provider_Name */

	struct field *field;
	uint32_t field_count;
	uint32_t field_cap;
	uint32_t dropped_fields; /* beyond EVENT_MAX_FIELDS or the arena's bound */
};

/* Start an event in an arena. Fields grow in the arena. */
void event_begin(struct event *e, struct arena *arena, const struct raw *raw);
/* Add a native field; id looked up in names. Values and names are borrowed. */
void event_put(struct event *e, const struct names *names, struct str name, struct str value, enum field_kind kind,
    bool escaped);
/* Room for a field at the end of the list, or NULL (counted); and for `more` of them in one piece. */
struct field *event_grow(struct event *e);
void event_reserve(struct event *e, uint32_t more);
static inline struct field *
event_new_field(struct event *e)
{
	return e->field_count < e->field_cap ? &e->field[e->field_count++] : event_grow(e);
}
/* The place of the last native field, for a core field that found no room: whose machine it was matters more than the last
 * of a thousand fields, with which a sender could otherwise keep an event from being anybody's. NULL when all are core. */
struct field *event_make_way(struct event *e);
/* Add a core field by id: text. Empty values are left out; in a full event the last native field makes way. */
void event_put_core(struct event *e, uint32_t id, struct str value);
extern const struct str event_core_name[NAME_CORE_END];
/* First field with that id / name, or NULL. */
const struct field *event_find(const struct event *e, uint32_t id);
const struct field *event_find_name(const struct event *e, struct str name);
/* The value with JSON escapes undone (once; the field remembers). Empty when the arena is full. */
struct str event_value(struct event *e, struct field *f);
/* When it happened, as far as we believe its source: the time it claims, or that of its receipt when it claims none or
 * one more than a day ahead (a clock far ahead would keep its alert open, and first in the list, for years). */
int64_t event_time(const struct event *e);
/* e->text, rendered from the fields as one JSON object when the raw form is binary. */
struct str event_text(struct event *e);

#endif
