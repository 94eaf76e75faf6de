/* SPDX-License-Identifier: EUPL-1.2 */
/* A feed into the database. */
#include "base/memory.h"
#include "host/clock.h"
#include "share/indicator.h"

#define TRANSACTION_MS 150 /* core waits for this at most, and for the disk */
#define ROWS_BETWEEN 100u  /* before the clock is looked at again */
#define PATIENCE 15 /* times two seconds for the database to be free */

struct import {
	struct db *db;
	const struct indicator_import *wish;
	const struct warning_lists *lists;
	struct indicator_report *report;
	int64_t now_ms, source;
	uint32_t rows;      /* of the open transaction */
	int64_t began_ms;
	bool open, changed; /* changed: since the generation was raised */
};

static void
tell(struct import *im, const struct fault *f)
{
	if (im->report->faults < INDICATOR_FAULTS)
		im->report->fault[im->report->faults++] = *f;
}

static void
on_refused(void *user, const struct fault *f)
{
	tell(user, f);
}

/* --- transactions --- */

static int
begin(struct import *im)
{
	if (im->open)
		return 0;
	int error = db_begin(im->db);
	/* Others write too, and a slow disk makes them slow. */
	for (int again = 0; error == E_BUSY && again < PATIENCE; again++)
		error = db_begin(im->db);
	TRY(error);
	im->open = true;
	im->rows = 0;
	im->began_ms = clock_monotonic_ms();
	return 0;
}

static int
commit(struct import *im)
{
	if (!im->open)
		return 0;
	if (im->changed)
		TRY(db_run(im->db, Q_INDICATOR_GENERATION_RAISE, ""));
	TRY(db_commit(im->db));
	im->open = im->changed = false;
	return 0;
}

static int
open_source(struct import *im)
{
	TRY(begin(im));
	return db_number(im->db, &im->source, Q_INDICATOR_SOURCE_PUT, "si", im->wish->source, im->now_ms);
}

/* --- one item --- */

struct row {
	enum tlp tlp;
	int confidence;
	int64_t from_ms, until_ms;
	enum indicator_state state;
	struct str held_by, note, reference;
};

static struct row
row_of(const struct import *im, const struct feed_item *item, const struct warning_list *list)
{
	const struct indicator_import *w = im->wish;
	struct row r = {
	    .tlp = item->tlp != TLP_UNSAID ? (enum tlp)item->tlp : w->tlp != TLP_UNSAID ? (enum tlp)w->tlp : TLP_AMBER,
	    .confidence = item->confidence >= 0 ? item->confidence : w->confidence >= 0 ? w->confidence : 50,
	    .from_ms = item->from_ms,
	    .until_ms = item->until_ms != TIME_NONE ? item->until_ms : w->until_ms,
	    .state = item->revoked ? INDICATOR_REVOKED : list ? INDICATOR_HELD : INDICATOR_ACTIVE,
	    .note = item->note,
	    .reference = item->reference,
	};
	if (r.state == INDICATOR_HELD)
		r.held_by = list->name;
	return r;
}

/* True: it was new. */
static int
add_row(struct import *im, const struct feed_item *item, const struct row *r, int64_t *ret_id)
{
	struct db_rows *rows;
	TRY(db_query(im->db, &rows, Q_INDICATOR_ADD, "isiiiiiissssii", (int64_t)item->kind, item->value, im->source,
	    (int64_t)r->tlp, (int64_t)r->confidence, r->from_ms, r->until_ms, (int64_t)r->state, r->held_by, r->note,
	    r->reference, im->wish->who, im->now_ms, TIME_NONE));
	int more = db_next(rows);
	if (more > 0)
		*ret_id = db_i64(rows, 0);
	db_end(rows);
	return more;
}

/* What stands there and what the feed says now. Whoever revoked it here had a reason: a feed does not undo that. What a
 * feed does not say again stays said. */
static int
renew_row(struct import *im, const struct feed_item *item, struct row *r, int64_t *ret_id, bool *ret_changed)
{
	struct db_rows *rows;
	TRY(db_query(im->db, &rows, Q_INDICATOR_SAME, "isii", (int64_t)item->kind, item->value, im->source, TIME_NONE));
	int more = db_next(rows);
	if (more <= 0) {
		db_end(rows);
		return more < 0 ? more : E_CORRUPT;
	}
	int64_t id = *ret_id = db_i64(rows, 0);
	enum indicator_state was = (enum indicator_state)db_i64(rows, 5);
	if (was == INDICATOR_REVOKED)
		r->state = was;
	if (r->state != INDICATOR_HELD)
		r->held_by = (struct str){0};
	bool note = r->note.n && !str_eq(r->note, db_text(rows, 7));
	bool reference = r->reference.n && !str_eq(r->reference, db_text(rows, 8));
	*ret_changed = (int)r->tlp != db_i64(rows, 1) || r->confidence != db_i64(rows, 2) || r->from_ms != db_i64(rows, 3) ||
	    r->until_ms != db_i64(rows, 4) || r->state != was || !str_eq(r->held_by, db_text(rows, 6)) || note || reference;
	int error = 0;
	if (*ret_changed)
		error = db_run(im->db, Q_INDICATOR_RENEW, "iiiiiisssi", id, (int64_t)r->tlp, (int64_t)r->confidence, r->from_ms,
		    r->until_ms, (int64_t)r->state, r->held_by, r->note.n ? r->note : db_text(rows, 7),
		    r->reference.n ? r->reference : db_text(rows, 8), TIME_NONE);
	db_end(rows);
	return error;
}

static int
put_item(struct import *im, const struct feed_item *item, int64_t *ret_id)
{
	struct indicator_report *report = im->report;
	const struct warning_list *list = warning_stops(im->lists, item->kind, item->value);
	struct row r = row_of(im, item, list);
	bool changed = true;
	int added = add_row(im, item, &r, ret_id);
	TRY(added);
	if (!added)
		TRY(renew_row(im, item, &r, ret_id, &changed));
	if (r.state == INDICATOR_HELD) {
		struct fault f = {0};
		char arg[160];
		snprintf(arg, sizeof arg, "%.*s (%.*s)", STR_ARG(str_cut(item->value, 0, 100)), STR_ARG(list->name));
		fault_set(&f, E_DENIED, "feed_held", str_z(arg), item->line, item->column);
		tell(im, &f);
		report->held++;
	} else if (added) {
		report->added++;
	} else if (changed) {
		report->updated++;
	} else {
		report->unchanged++;
	}
	im->changed |= changed;
	return 0;
}

static int
on_item(void *user, const struct feed_item *item)
{
	struct import *im = user;
	uint64_t cap = im->wish->cap ? im->wish->cap : INDICATOR_CAP;
	if (im->report->read == cap) {
		struct fault f = {0};
		char arg[32];
		snprintf(arg, sizeof arg, "%llu", (unsigned long long)cap);
		fault_set(&f, E_LIMIT, "feed_cap", str_z(arg), item->line, item->column);
		tell(im, &f);
		return E_LIMIT;
	}
	im->report->read++;
	int64_t id;
	TRY(begin(im));
	TRY(put_item(im, item, &id));
	if (++im->rows % ROWS_BETWEEN || clock_monotonic_ms() - im->began_ms < TRANSACTION_MS)
		return 0;
	TRY(commit(im));
	if (im->wish->breathe)
		im->wish->breathe(im->wish->user);
	return 0;
}

/* It stands in lists, addresses and alerts. */
static bool
is_source_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 127)
			return false;
	return name.n > 0 && name.n <= 100 && str_is_utf8(name) && str_trim(name).n == name.n;
}

int
indicator_import(struct db *db, const struct indicator_import *import, const struct warning_lists *lists, struct str text,
    int64_t now_ms, struct indicator_report *ret)
{
	struct import im = {.db = db, .wish = import, .lists = lists, .report = ret, .now_ms = now_ms};
	const struct feed_events events = {on_item, on_refused, &im};
	struct feed_counts counts = {0};
	*ret = (struct indicator_report){0};
	if (!is_source_name(import->source))
		return E_INVALID;
	int error = open_source(&im);
	if (!error)
		error = feed_read(text, import->format, &events, &counts);
	ret->refused = counts.refused;
	ret->ignored = counts.ignored;
	/* What was read before a broken place, or before the cap, is in; a failing disk keeps nothing of this transaction. */
	bool keep = !error || error == E_INVALID || error == E_LIMIT;
	int end = keep ? commit(&im) : 0;
	if (im.open)
		db_rollback(db);
	return error ? error : end;
}

int
indicator_add(struct db *db, const struct indicator_import *like, const struct warning_lists *lists,
    const struct feed_item *item, int64_t now_ms, int64_t *ret_id)
{
	struct indicator_report *report = MEM_NEW(struct indicator_report);
	struct import im = {.db = db, .wish = like, .lists = lists, .report = report, .now_ms = now_ms};
	int64_t id = 0;
	int error = is_source_name(like->source) ? open_source(&im) : E_INVALID;
	if (!error)
		error = put_item(&im, item, &id);
	if (!error)
		error = commit(&im);
	if (im.open)
		db_rollback(db);
	mem_free(report);
	TRY(error);
	*ret_id = id;
	return 0;
}
