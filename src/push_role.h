/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef PUSH_ROLE_H
#define PUSH_ROLE_H

/*
 * The push role: the one process that may connect, and only to the witnesses that the operator named (--witness). It opens no
 * file, sees no database and knows nothing of the record: core gives it a body, it posts that and gives back the answer,
 * one after the other. It is not started when no witness is named. Names and certificates are read at its start.
 */

#include "host/role.h"

extern const struct role_entry push_role;

#endif
