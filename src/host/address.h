/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_ADDRESS_H
#define HOST_ADDRESS_H

/* "127.0.0.1:5514", "[::1]:601": numbers only, nobody asks a name server. Supervisor and whoever prints a peer. Pure. */

#include <sys/socket.h>

#include "base/error.h"

/* E_INVALID. Port 0 means any free one. */
[[nodiscard]] int address_parse(struct str text, struct sockaddr_storage *ret, socklen_t *ret_length);
/* The reverse; "unknown" for other families. */
void address_format(struct buf *out, const struct sockaddr_storage *address);

#endif
