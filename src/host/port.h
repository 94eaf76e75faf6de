/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_PORT_H
#define HOST_PORT_H

/* Sockets that wait for the outside, bound by the supervisor alone and handed to the role that reads them. */

#include "base/error.h"
#include "host/options.h"

/* Bound, non-blocking, close-on-exec, and listening when it is a stream. *ret_address is the address with the port
 * that was free, when 0 was asked for. E_BUSY, E_DENIED, E_NOT_FOUND (no such address here), E_INVALID, with their
 * sentence in *f. */
[[nodiscard]] int port_open(const struct listen_option *listen, int *ret_fd, struct buf *ret_address, struct fault *f);

#endif
