/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_RETENTION_H
#define CORE_RETENTION_H

/*
 * How long the database keeps what has done its work (--keep-days): closed alerts, sweeps with their hits, the rows of files whose
 * bytes are gone, and indicators that expired so long ago. Open alerts and files with something in them stay. What goes is
 * told by an entry of the record. Core; some hundred rows at a time, so that nobody waits.
 */

#include "store/db.h"

struct retention_counts {
	int64_t alerts, sweeps, files, indicators;
};

/* All or nothing; call again soon when something was found. */
[[nodiscard]] int retention_prune(struct db *db, int64_t before_ms, int64_t now_ms, struct retention_counts *ret);

#endif
