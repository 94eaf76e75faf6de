/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_RIGHT_H
#define WEB_RIGHT_H

/*
 * Rights are bits, roles are rows that name them (interface.md, "Sign-in and rights"; web/people.h). Core. Pure.
 */

#include "base/bytes.h"

/* RIGHT(name, name in lower case). The order is that of the bits, so new ones stand at the end. */
#define RIGHTS(RIGHT)                                                                                                  \
	RIGHT(SIGNED_IN, "signed_in")                                                                                  \
	RIGHT(ALERT_READ, "alert_read")                                                                                \
	RIGHT(ALERT_CHANGE, "alert_change")                                                                            \
	RIGHT(EVENT_READ, "event_read")                                                                                \
	RIGHT(SOURCE_READ, "source_read")                                                                              \
	RIGHT(REGISTER_READ, "register_read")                                                                          \
	RIGHT(RULE_READ, "rule_read")                                                                                  \
	RIGHT(STATUS_READ, "status_read")                                                                              \
	RIGHT(OPERATE, "operate")                   /* run the box: demonstration, backup */                           \
	RIGHT(RULE_CHANGE, "rule_change")           /* rules, exceptions, looking back */                              \
	RIGHT(RECORD_READ, "record_read")           /* who changed what */                                             \
	RIGHT(FILE_READ, "file_read")               /* files handed in, sweeps, and what was found in them */          \
	RIGHT(FILE_CHANGE, "file_change")           /* hand in files, sweep folders */                                 \
	RIGHT(INDICATOR_READ, "indicator_read")                                                                        \
	RIGHT(INDICATOR_CHANGE, "indicator_change")                                                                    \
	RIGHT(REGISTER_CHANGE, "register_change")   /* organisations, contacts, systems */                             \
	RIGHT(PEOPLE_READ, "people_read")           /* accounts, roles, keys, within one's own reach */                \
	RIGHT(PEOPLE_CHANGE, "people_change")                                                                          \
	RIGHT(PERSONAL_READ, "personal_read")       /* how to reach people; a purpose is asked, the reading is noted */ \
	RIGHT(ALERT_ACKNOWLEDGE, "alert_acknowledge") /* say that an alert was seen, and add a word to it; no more */

enum right_bit {
#define RIGHT(name, text) RIGHT_BIT_##name,
	RIGHTS(RIGHT)
#undef RIGHT
	RIGHT_COUNT
};

enum right {
	RIGHT_NONE = 0, /* nobody needs to sign in */
#define RIGHT(name, text) RIGHT_##name = 1u << RIGHT_BIT_##name,
	RIGHTS(RIGHT)
#undef RIGHT
};

/* What somebody may hold who belongs to an organisation and not to the desk: nouns of which each row has an owner, so that
 * the rest can be left out exactly. Events have none before they are alerts: a line of one agency names machines of
 * another. Rules, indicators, files, numbers of the whole house and the record are the desk's. */
#define RIGHTS_SCOPED                                                                                                  \
	(RIGHT_SIGNED_IN | RIGHT_ALERT_READ | RIGHT_ALERT_CHANGE | RIGHT_ALERT_ACKNOWLEDGE | RIGHT_SOURCE_READ |       \
	    RIGHT_REGISTER_READ | RIGHT_REGISTER_CHANGE | RIGHT_PEOPLE_READ | RIGHT_PEOPLE_CHANGE | RIGHT_PERSONAL_READ)

const char *right_name(enum right_bit bit);
/* One right by its name; 0 when there is none of it. */
unsigned right_from_name(struct str name);
/* Names with spaces between, as a row keeps them; what a newer program wrote and this one does not know is left out. */
unsigned rights_from_text(struct str text);
/* The same of what a person wrote: false when one is none. */
bool rights_named(struct str names, unsigned *ret);
void rights_text(unsigned rights, struct buf *out);
/* Adds ["alert_read", ...]. */
void rights_json(unsigned rights, struct buf *out);

#endif
