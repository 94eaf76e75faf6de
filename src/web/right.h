/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_RIGHT_H
#define WEB_RIGHT_H

/*
 * Rights are bits, roles are rows (interface.md, "Sign-in and rights"). Core. Pure.
 */

#include "base/bytes.h"

enum right {
	RIGHT_NONE = 0,            /* nobody needs to sign in */
	RIGHT_SIGNED_IN = 1 << 0,
	RIGHT_ALERT_READ = 1 << 1,
	RIGHT_ALERT_CHANGE = 1 << 2,
	RIGHT_EVENT_READ = 1 << 3,
	RIGHT_SOURCE_READ = 1 << 4,
	RIGHT_REGISTER_READ = 1 << 5,
	RIGHT_RULE_READ = 1 << 6,
	RIGHT_STATUS_READ = 1 << 7,
	RIGHT_OPERATE = 1 << 8,    /* run the box: demonstration, later backup and users */
	RIGHT_RULE_CHANGE = 1 << 9, /* rules, exceptions, looking back */
	RIGHT_RECORD_READ = 1 << 10, /* who changed what */
	RIGHT_FILE_READ = 1 << 11,   /* files handed in, sweeps, and what was found in them */
	RIGHT_FILE_CHANGE = 1 << 12, /* hand in files, sweep folders */
	RIGHT_INDICATOR_READ = 1 << 13,
	RIGHT_INDICATOR_CHANGE = 1 << 14,
	RIGHT_REGISTER_CHANGE = 1 << 15, /* organisations, contacts, systems */
	RIGHT_PEOPLE_READ = 1 << 16,     /* accounts, roles, keys, within one's own reach */
	RIGHT_PEOPLE_CHANGE = 1 << 17,
	RIGHT_PERSONAL_READ = 1 << 18,   /* how to reach people; a purpose is asked and the reading is noted */
};

#define RIGHTS_DESK                                                                                                    \
	(RIGHT_SIGNED_IN | RIGHT_ALERT_READ | RIGHT_ALERT_CHANGE | RIGHT_EVENT_READ | RIGHT_SOURCE_READ |              \
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
