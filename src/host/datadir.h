/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_DATADIR_H
#define HOST_DATADIR_H

/* The directory everything is written to: made, checked and locked by the supervisor before any role starts. */

#include <sys/types.h>

#include "base/error.h"

/* Makes `path` (parents too, mode 0700, given to uid:gid when made), checks that it can be written, locks it for this
 * process and makes it absolute in place. *ret_lock stays open for as long as the lock is wanted. E_BUSY when another
 * supervisor holds it, E_CORRUPT when a restore into it never ended, E_DENIED, E_IO; *f holds the sentence. */
[[nodiscard]] int datadir_open(char *path, size_t size, uid_t uid, gid_t gid, int *ret_lock, struct fault *f);

#endif
