/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

/*
 * The role collect: takes what sources send, makes it durable, acknowledges, hands it on. Its process may accept, read
 * and write below DATA/journal and the drop folder, and read this machine's journal when asked; it parses frames and
 * nothing inside them.
 *
 *   doors (listen, stream: frame, relp), drop, journald  -->  gather: batches, one sync  -->  deliver: worker, in order
 *                 ^------ acknowledgement, back-pressure ------'
 *
 * From core: MSG_REPLAY, MSG_APPLIED, MSG_RELEASE. To core: MSG_FROM and, each second, MSG_SOURCES (collect/report.h).
 */

#include "host/role.h"

extern const struct role_entry collect_role;

#endif
