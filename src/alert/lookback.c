/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/lookback.h"

#include <assert.h>

static const char *const kind_names[] = {"rule", "draft", "indicators"};
static const char *const state_names[] = {"queued", "running", "done", "stopped", "failed"};

const char *
lookback_kind_name(enum lookback_kind kind)
{
	assert(kind < COUNT(kind_names));
	return kind_names[kind];
}

bool
lookback_kind_from_name(struct str name, enum lookback_kind *ret)
{
	for (size_t i = 0; i < COUNT(kind_names); i++)
		if (str_eq(name, str_z(kind_names[i]))) {
			*ret = (enum lookback_kind)i;
			return true;
		}
	return false;
}

const char *
lookback_state_name(enum lookback_state state)
{
	assert(state < COUNT(state_names));
	return state_names[state];
}

/* --- asking for one --- */

static int
check_wish(const struct lookback_wish *w)
{
	static const struct str nothing = {0};
	const struct str *what[] = {&w->rule, &w->text, &nothing};
	if (w->text.n > LOOKBACK_TEXT)
		return E_LIMIT;
	if (w->from_ms < 0 || w->from_ms >= w->to_ms)
		return E_INVALID;
	return w->kind == LOOKBACK_INDICATORS || what[w->kind]->n ? 0 : E_INVALID;
}

/* A job about the same that has not begun takes this wish in. *ret_id is 0 when there is none. */
static int
join_waiting(struct db *db, const struct lookback_wish *w, int64_t now_ms, int64_t *ret_id)
{
	*ret_id = 0;
	if (w->kind == LOOKBACK_DRAFT)
		return 0;
	TRY(db_number(db, ret_id, Q_LOOKBACK_ALIKE, "iss", (int64_t)w->kind, w->rule, w->source));
	return *ret_id ? db_run(db, Q_LOOKBACK_WIDEN, "iiii", *ret_id, w->from_ms, w->to_ms, now_ms) : 0;
}

static int
queue_is_full(struct db *db)
{
	int64_t waiting = 0;
	TRY(db_number(db, &waiting, Q_LOOKBACK_WAITING, ""));
	return waiting >= LOOKBACK_QUEUE ? E_FULL : 0;
}

int
lookback_request(struct db *db, const struct lookback_wish *w, int64_t now_ms, int64_t *ret_id)
{
	int64_t id = 0;
	TRY(check_wish(w));
	TRY(join_waiting(db, w, now_ms, &id));
	if (!id) {
		TRY(queue_is_full(db));
		TRY(db_number(db, &id, Q_LOOKBACK_PUT, "issssiisi", (int64_t)w->kind, w->rule, w->source,
		    str_cut(w->title, 0, 500), w->text, w->from_ms, w->to_ms, w->who, now_ms));
	}
	*ret_id = id;
	return 0;
}

/* --- reading --- */

static struct lookback
lookback_of(struct db_rows *rows, struct arena *arena)
{
	struct lookback j = {
	    .id = db_i64(rows, 0),
	    .kind = (enum lookback_kind)db_i64(rows, 1),
	    .state = (enum lookback_state)db_i64(rows, 2),
	    .rule = db_text_kept(rows, 3, arena),
	    .source = db_text_kept(rows, 4, arena),
	    .title = db_text_kept(rows, 5, arena),
	    .who = db_text_kept(rows, 6, arena),
	    .faults = db_text_kept(rows, 24, arena),
	    .text = db_text_kept(rows, 25, arena),
	};
	int64_t *const number[] = {&j.from_ms, &j.to_ms, &j.created_ms, &j.ended_ms, &j.upto, &j.at, &j.at_record, &j.blocks,
	    &j.blocks_done, &j.blocks_damaged, &j.events, &j.spent_ms, &j.findings, &j.told, &j.alerts, &j.first_hit_ms,
	    &j.last_hit_ms};
	for (size_t i = 0; i < COUNT(number); i++)
		*number[i] = db_i64(rows, 7 + (int)i);
	return j;
}

static int
take_one(struct db_rows *rows, struct arena *arena, struct lookback *ret)
{
	int more = db_next(rows);
	if (more > 0)
		*ret = lookback_of(rows, arena);
	return db_end_one(rows, more);
}

int
lookback_get(struct db *db, int64_t id, struct arena *arena, struct lookback *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_LOOKBACK_GET, "i", id));
	return take_one(rows, arena, ret);
}

int
lookback_next(struct db *db, struct arena *arena, struct lookback *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_LOOKBACK_NEXT, ""));
	return take_one(rows, arena, ret);
}

int
lookback_count(struct db *db, int64_t *ret)
{
	return db_number(db, ret, Q_LOOKBACK_COUNT, "");
}

int
lookback_list(struct db *db, int64_t before, uint32_t limit, struct arena *arena, struct lookback **ret,
    uint32_t *ret_count)
{
	struct db_rows *rows;
	struct lookback *list = arena_calloc(arena, limit, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_LOOKBACK_LIST, "ii", before, (int64_t)limit));
	while (n < limit && (more = db_next(rows)) > 0)
		list[n++] = lookback_of(rows, arena);
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

int
lookback_hits(struct db *db, int64_t id, struct arena *arena, struct lookback_hit **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct lookback_hit *list = arena_calloc(arena, LOOKBACK_HITS, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_LOOKBACK_HITS, "ii", id, (int64_t)LOOKBACK_HITS));
	for (; n < LOOKBACK_HITS && (more = db_next(rows)) > 0; n++)
		list[n] = (struct lookback_hit){
		    .event = db_i64(rows, 0),
		    .time_ms = db_i64(rows, 1),
		    .rule = db_text_kept(rows, 2, arena),
		    .title = db_text_kept(rows, 3, arena),
		    .level = (enum level)db_i64(rows, 4),
		    .matched = db_text_kept(rows, 5, arena),
		    .text = db_text_kept(rows, 6, arena),
		    .organisation = db_text_kept(rows, 7, arena),
		    .system = db_text_kept(rows, 8, arena),
		};
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

int
lookback_days(struct db *db, int64_t id, struct arena *arena, struct lookback_day **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct lookback_day *list = arena_calloc(arena, LOOKBACK_DAYS, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_LOOKBACK_DAYS, "ii", id, (int64_t)LOOKBACK_DAYS));
	for (; n < LOOKBACK_DAYS && (more = db_next(rows)) > 0; n++)
		list[n] = (struct lookback_day){db_i64(rows, 0), db_i64(rows, 1)};
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

/* --- running --- */

int
lookback_begin(struct db *db, int64_t id, int64_t upto, int64_t blocks, struct str title)
{
	TRY(db_run(db, Q_LOOKBACK_PRUNE, "i", (int64_t)LOOKBACK_KEPT));
	return db_run(db, Q_LOOKBACK_BEGIN, "iiis", id, upto, blocks, str_cut(title, 0, 500));
}

int
lookback_rewind(struct db *db, int64_t id)
{
	const struct lookback nothing = {.id = id};
	TRY(db_run(db, Q_LOOKBACK_HITS_FORGET, "i", id));
	TRY(db_run(db, Q_LOOKBACK_DAYS_FORGET, "i", id));
	return lookback_save(db, &nothing);
}

int
lookback_save(struct db *db, const struct lookback *j)
{
	return db_run(db, Q_LOOKBACK_SAVE, "iiiiiiiiiiii", j->id, j->at, j->at_record, j->blocks_done, j->blocks_damaged, j->events,
	    j->spent_ms, j->findings, j->told, j->alerts, j->first_hit_ms, j->last_hit_ms);
}

int
lookback_end(struct db *db, int64_t id, enum lookback_state state, struct str faults, int64_t now_ms)
{
	assert(state > LOOKBACK_RUNNING);
	TRY(db_run(db, Q_LOOKBACK_END, "iisi", id, (int64_t)state, faults, now_ms));
	return db_changed(db) ? 0 : E_CONFLICT;
}
