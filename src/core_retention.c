/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_retention.h"

#include "base/time.h"
#include "store/evidence.h"

#define ROWS 500
#define SWEEPS 20u

static int
prune(struct db *db, enum query q, int64_t before_ms, int64_t *ret)
{
	TRY(db_run(db, q, "ii", before_ms, (int64_t)ROWS));
	*ret = db_changed(db);
	return 0;
}

/* The record knows their hits, and hears that they are no longer here. */
static int
prune_sweeps(struct db *db, int64_t before_ms, int64_t now_ms, int64_t *ret)
{
	struct db_rows *rows;
	int64_t id[SWEEPS];
	uint32_t n = 0;
	int more = 0;
	TRY(db_query(db, &rows, Q_SWEEP_OLD, "ii", before_ms, (int64_t)SWEEPS));
	while (n < SWEEPS && (more = db_next(rows)) > 0)
		id[n++] = db_i64(rows, 0);
	db_end(rows);
	TRY(more);
	for (uint32_t i = 0; i < n; i++) {
		TRY(evidence_sweep_removed(db, id[i], now_ms));
		TRY(db_run(db, Q_SWEEP_DELETE, "i", id[i]));
	}
	*ret = n;
	return 0;
}

static int
tell(struct db *db, const struct retention_counts *n, int64_t before_ms, int64_t now_ms)
{
	struct buf after = BUF_INIT;
	if (!n->alerts && !n->sweeps && !n->files && !n->indicators)
		return 0;
	buf_add(&after, STR("{\"before\":\""));
	time_format(&after, before_ms, 0);
	buf_addf(&after, "\",\"alerts\":%lld,\"sweeps\":%lld,\"files\":%lld,\"indicators\":%lld}", (long long)n->alerts,
	    (long long)n->sweeps, (long long)n->files, (long long)n->indicators);
	struct record r = {.at_ms = now_ms, .who = STR("khien"), .action = STR("retention.pruned"), .noun = STR("retention"),
	    .after = buf_str(&after)};
	int error = record_put(db, &r);
	buf_release(&after);
	return error;
}

int
retention_prune(struct db *db, int64_t before_ms, int64_t now_ms, struct retention_counts *ret)
{
	struct retention_counts n = {0};
	int64_t sightings;
	TRY(db_begin(db));
	int error = prune(db, Q_ALERT_PRUNE, before_ms, &n.alerts);
	if (!error)
		error = prune_sweeps(db, before_ms, now_ms, &n.sweeps);
	if (!error)
		error = prune(db, Q_UPLOAD_PRUNE, before_ms, &n.files);
	if (!error)
		error = prune(db, Q_SIGHTING_PRUNE_OLD, before_ms, &sightings);
	if (!error)
		error = prune(db, Q_INDICATOR_PRUNE, before_ms, &n.indicators);
	if (!error)
		error = tell(db, &n, before_ms, now_ms);
	TRY(db_end_transaction(db, error));
	*ret = n;
	return 0;
}
