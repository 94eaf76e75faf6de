/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_RIGHT_H
#define WEB_RIGHT_H

/*
 * Rights are bits, roles are rows (interface.md, "Sign-in and rights"). Core. Pure.
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

#define RIGHTS_DESK                                                                                                    \
	(RIGHT_SIGNED_IN | RIGHT_ALERT_READ | RIGHT_ALERT_CHANGE | RIGHT_ALERT_ACKNOWLEDGE | RIGHT_EVENT_READ | RIGHT_SOURCE_READ | \
	    RIGHT_REGISTER_READ | RIGHT_RULE_READ | RIGHT_STATUS_READ | RIGHT_RULE_CHANGE |        \
	    RIGHT_FILE_READ | RIGHT_FILE_CHANGE | RIGHT_INDICATOR_READ | RIGHT_INDICATOR_CHANGE | RIGHT_REGISTER_CHANGE | \
	    RIGHT_PERSONAL_READ)
#define RIGHTS_READ                                                                                                    \
	(RIGHT_SIGNED_IN | RIGHT_ALERT_READ | RIGHT_SOURCE_READ | RIGHT_REGISTER_READ | RIGHT_RULE_READ | RIGHT_STATUS_READ)

/* ROLE(name, rights). Roles whose work is not built yet may sign in and see what is in their rights, no more; the agency
 * officer sees nothing of others before the register ties him to his agency. */
#define PERSON_ROLES(X)                                                                                                \
	X("operator", RIGHTS_DESK | RIGHT_OPERATE | RIGHT_RECORD_READ | RIGHT_PEOPLE_READ | RIGHT_PEOPLE_CHANGE)       \
	X("coordinator", RIGHTS_DESK)                                                                                  \
	X("analyst", RIGHTS_DESK)                                                                                      \
	X("auditor", RIGHTS_READ | RIGHT_EVENT_READ | RIGHT_RECORD_READ | RIGHT_FILE_READ | RIGHT_INDICATOR_READ | RIGHT_PEOPLE_READ) \
	X("leader", RIGHTS_READ)                                                                                       \
	X("plan_officer", RIGHT_SIGNED_IN | RIGHT_REGISTER_READ | RIGHT_STATUS_READ)                                   \
	X("assessor", RIGHT_SIGNED_IN | RIGHT_REGISTER_READ)                                                           \
	X("agency_officer", RIGHT_SIGNED_IN)

/* 0 when there is no such role. */
unsigned role_rights(struct str role);
/* Adds ["alert_read", ...]. */
void rights_json(unsigned rights, struct buf *out);

#endif
