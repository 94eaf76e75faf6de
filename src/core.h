/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_H
#define CORE_H

/*
 * The core role: verdicts become stored events and alerts, people's requests become answers. It owns the database and
 * the archive, listens to nothing and connects nowhere.
 *
 * Order is everything. Collect numbers its blocks; core applies verdicts strictly in that order, each whole: its findings
 * in one database transaction that also notes the block, its events in the archive, then MSG_APPLIED. After a crash
 * collect sends again what the archive had not sealed; findings up to the noted block are not counted twice.
 */

#include "host/role.h"

extern const struct role_entry core_role;

#endif
