/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading and changing alerts. */
#include "alert/alert.h"

#include <assert.h>

#include "base/memory.h"

static const char *const state_names[] = {"new", "acknowledged", "closed"};

const char *
alert_state_name(enum alert_state state)
{
	assert(state < COUNT(state_names));
	return state_names[state];
}

bool
alert_state_from_name(struct str name, enum alert_state *ret)
{
	for (size_t i = 0; i < COUNT(state_names); i++)
		if (str_eq(name, str_z(state_names[i]))) {
			*ret = (enum alert_state)i;
			return true;
		}
	return false;
}

static struct alert
alert_of(struct db_rows *rows, struct arena *arena)
{
	return (struct alert){
	    .id = db_i64(rows, 0),
	    .rule = db_text_kept(rows, 1, arena),
	    .title = db_text_kept(rows, 2, arena),
	    .title_vi = db_text_kept(rows, 3, arena),
	    .level = (enum level)db_i64(rows, 4),
	    .state = (enum alert_state)db_i64(rows, 5),
	    .entity = db_text_kept(rows, 6, arena),
	    .techniques = db_text_kept(rows, 7, arena),
	    .count = db_i64(rows, 8),
	    .first_ms = db_i64(rows, 9),
	    .last_ms = db_i64(rows, 10),
	    .opened_ms = db_i64(rows, 11),
	    .organisation = db_text_kept(rows, 12, arena),
	    .system = db_text_kept(rows, 13, arena),
	    .assignee = db_text_kept(rows, 14, arena),
	    .reason = db_text_kept(rows, 15, arena),
	    .version = db_i64(rows, 16),
	    .demonstration = db_i64(rows, 17) != 0,
	    .verdict = db_text_kept(rows, 19, arena),
	    .lookback = db_i64(rows, 18),
	};
}

static int
collect_alerts(struct db_rows *rows, struct arena *arena, uint32_t limit, struct alert **ret, uint32_t *ret_count)
{
	struct alert *list = arena_calloc(arena, limit, sizeof *list);
	uint32_t n = 0;
	int more = list ? 1 : E_LIMIT;
	while (more > 0 && n < limit && (more = db_next(rows)) > 0)
		list[n++] = alert_of(rows, arena);
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

/* The text filter as the fold column holds it, without LIKE's own signs. */
static void
fold_filter(struct str text, struct buf *out)
{
	struct buf plain = BUF_INIT_MAX(1024);
	for (size_t i = 0; i < text.n && i < 200; i++)
		if (text.p[i] != '%' && text.p[i] != '_')
			buf_add_char(&plain, text.p[i]);
	db_fold(buf_str(&plain), out);
	buf_release(&plain);
}

int
alert_list(struct db *db, const struct alert_filter *f, struct arena *arena, struct alert **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct buf text = BUF_INIT_MAX(1024);
	assert(f->limit >= 1 && f->limit <= 500);
	fold_filter(f->text, &text);
	int error = db_query(db, &rows, Q_ALERT_LIST, "iisssssiiisis", (int64_t)f->states, (int64_t)f->levels, f->system,
	    f->organisation, buf_str(&text), f->rule, f->assignee, f->before_ms, f->before_id, (int64_t)f->limit,
	    f->verdict, f->lookback, f->scope);
	buf_release(&text);
	TRY(error);
	return collect_alerts(rows, arena, f->limit, ret, ret_count);
}

int
alert_count(struct db *db, const struct alert_filter *f, int64_t *ret)
{
	struct buf text = BUF_INIT_MAX(1024);
	fold_filter(f->text, &text);
	int error = db_number(db, ret, Q_ALERT_COUNT, "iissssssis", (int64_t)f->states, (int64_t)f->levels, f->system,
	    f->organisation, buf_str(&text), f->rule, f->assignee, f->verdict, f->lookback, f->scope);
	buf_release(&text);
	return error;
}

int
alert_get(struct db *db, int64_t id, struct arena *arena, struct alert *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_ALERT_GET, "i", id));
	int more = db_next(rows);
	if (more > 0)
		*ret = alert_of(rows, arena);
	return db_end_one(rows, more);
}

int
alert_spark(struct db *db, struct alert *a, int64_t now_ms)
{
	struct db_rows *rows;
	int64_t first = now_ms / ALERT_SLOT_MS - ALERT_SLOTS;
	int more;
	TRY(db_query(db, &rows, Q_ALERT_SLOTS, "ii", a->id, first));
	memset(a->spark, 0, sizeof a->spark);
	while ((more = db_next(rows)) > 0) {
		int64_t at = db_i64(rows, 0) - first - 1;
		if (at >= 0 && at < ALERT_SLOTS)
			a->spark[at] = (uint32_t)db_i64(rows, 1);
	}
	db_end(rows);
	return more;
}

int
alert_findings(struct db *db, int64_t id, uint32_t limit, struct arena *arena, struct alert_finding **ret,
    uint32_t *ret_count)
{
	struct db_rows *rows;
	struct alert_finding *list = arena_calloc(arena, limit, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_ALERT_FINDINGS, "ii", id, (int64_t)limit));
	while (n < limit && (more = db_next(rows)) > 0)
		list[n++] = (struct alert_finding){db_i64(rows, 0), db_i64(rows, 1), db_text_kept(rows, 2, arena),
		    db_text_kept(rows, 3, arena)};
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

int
alert_changes(struct db *db, int64_t id, struct arena *arena, struct alert_change **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct alert_change *list = NULL;
	uint32_t n = 0, cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_ALERT_HISTORY_OF, "i", id));
	while ((more = db_next(rows)) > 0) {
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			struct alert_change *grown = arena_calloc(arena, cap, sizeof *grown);
			if (!grown)
				break;
			if (n)
				memcpy(grown, list, n * sizeof *grown);
			list = grown;
		}
		list[n++] = (struct alert_change){db_i64(rows, 0), db_text_kept(rows, 1, arena),
		    db_text_kept(rows, 2, arena), db_text_kept(rows, 3, arena), db_text_kept(rows, 4, arena)};
	}
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

int
alert_similar(struct db *db, const struct alert *a, struct str scope, uint32_t limit, struct arena *arena, struct alert **ret,
    uint32_t *ret_count)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_ALERT_SIMILAR, "issis", a->id, a->rule, a->system, (int64_t)limit, scope));
	return collect_alerts(rows, arena, limit, ret, ret_count);
}

/* What the history calls this change. */
static struct str
change_word(const struct alert *a, const struct alert_update *u)
{
	if (!u->set_state || u->state == a->state)
		return u->set_assignee ? STR("assigned") : STR("commented");
	return u->state == ALERT_NEW ? STR("reopened") : str_z(alert_state_name(u->state));
}

bool
alert_verdict_is_one(struct str name)
{
	return str_eq(name, STR("true")) || str_eq(name, STR("false")) || str_eq(name, STR("unclear"));
}

/* The score of its rule: one alert more or less that told the truth, or did not. */
static int
write_score(struct db *db, const struct alert *a, struct str verdict)
{
	int64_t is_true = str_eq(verdict, STR("true")) - str_eq(a->verdict, STR("true"));
	int64_t is_false = str_eq(verdict, STR("false")) - str_eq(a->verdict, STR("false"));
	return is_true || is_false ? db_run(db, Q_RULE_CLOSED_PUT, "sii", a->rule, is_true, is_false) : 0;
}

/* Of closed alerts alone; who says nothing leaves it unclear. */
static struct str
verdict_after(const struct alert *a, const struct alert_update *u)
{
	if (!u->set_state)
		return a->verdict;
	return u->state != ALERT_CLOSED ? STR("") : u->verdict.n ? u->verdict : STR("unclear");
}

static int
write_change(struct db *db, const struct alert *a, const struct alert_update *u, struct str who, int64_t now_ms)
{
	enum alert_state state = u->set_state ? u->state : a->state;
	struct str assignee = u->set_assignee ? u->assignee : a->assignee;
	struct str reason = u->set_state ? u->reason : a->reason, verdict = verdict_after(a, u);
	if (u->set_state && state == ALERT_ACKNOWLEDGED && !u->set_assignee && !assignee.n)
		assignee = who; /* who takes it has it */
	TRY(db_run(db, Q_ALERT_SET, "iiissis", a->id, a->version, (int64_t)state, assignee, reason,
	    state == ALERT_CLOSED ? now_ms : (int64_t)0, verdict));
	if (db_changed(db) != 1)
		return E_CONFLICT;
	TRY(write_score(db, a, verdict));
	return db_run(db, Q_ALERT_HISTORY_PUT, "iissss", a->id, now_ms, who, change_word(a, u), u->reason,
	    u->set_state ? verdict : STR(""));
}

int
alert_change(struct db *db, int64_t id, int64_t version, const struct alert_update *u, struct str who, int64_t now_ms,
    struct fault *f)
{
	struct arena arena;
	struct alert a;
	if (u->set_state && u->state == ALERT_CLOSED && !str_trim(u->reason).n)
		return fault_set(f, E_INVALID, "alert_reason", STR("reason"), 0, 0);
	arena_init(&arena, 4096, 1 << 20);
	int error = db_begin(db);
	if (!error) {
		error = alert_get(db, id, &arena, &a);
		if (!error && a.version != version)
			error = E_CONFLICT;
		if (!error)
			error = write_change(db, &a, u, who, now_ms);
		error = db_end_transaction(db, error);
	}
	arena_release(&arena);
	return error;
}

int
alert_forget_demonstration(struct db *db)
{
	TRY(db_run(db, Q_ALERT_FORGET_DEMONSTRATION, ""));
	return db_run(db, Q_ALERT_LEAVE_DEMONSTRATION, ""); /* true events from machines of the demonstration's register */
}
