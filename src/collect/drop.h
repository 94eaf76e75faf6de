/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_DROP_H
#define COLLECT_DROP_H

/*
 * A folder watched for files: what is moved or written into it is read into the journal like any source, then moved to
 * done/ or failed/ beside. In collect, one thread. Text lines or Windows event logs (EVTX), plain, gzip or zstd; what
 * a file is, its content says, not its name. A file is looked at only once its writer has closed it, and it leaves the
 * folder only when all of it is durable: a crash in between reads it again.
 */

#include "collect/gather.h"
#include "collect/report.h"
#include "collect/source.h"

struct drop;

/* An empty folder name: nothing is watched. */
struct drop *drop_new(struct loop *loop, struct gather *gather, struct sources *sources, struct str folder);
void drop_free(struct drop *d);
/* Makes done/ and failed/, watches, and takes what is there already. */
void drop_start(struct drop *d);
void drop_pause(struct drop *d, bool pause);
void drop_committed(struct drop *d, uint64_t ticket);
struct report_drop drop_stats(const struct drop *d);

#endif
