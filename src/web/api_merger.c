/* SPDX-License-Identifier: EUPL-1.2 */
/* Handing over: tried, done or planned, withdrawn; and figures that stay whoever takes over. */
#include "web/api_register.h"

#include "alert/exception.h"
#include "host/clock.h"
#include "register/law.h"
#include "register/merger.h"
#include "web/page.h"

static void
row_json(struct buf *out, const struct merger_row *r)
{
	buf_add_char(out, '{');
	out_i64(out, "id", r->id);
	out_text(out, "kind", r->kind);
	out_text(out, "date", r->day);
	out_text(out, "into", r->successor);
	out_text(out, "state", r->state);
	out_text(out, "who", r->who);
	out_i64(out, "made_ms", r->made_ms);
	out_i64_or_null(out, "done_ms", r->done_ms);
	out_raw(out, "plan", r->plan);
	out_raw(out, "moved", r->moved.n ? r->moved : STR("null"));
	buf_add_char(out, '}');
}

void
api_mergers(struct api_call *c)
{
	struct merger_row *list;
	uint32_t count, told = 0;
	int error = merger_list(c->desk->db, &c->arena, &list, &count);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		if (!organisation_reaches(c->desk->db, api_scope(c), list[i].successor))
			continue;
		told++;
		page_item(&c->out);
		row_json(&c->out, &list[i]);
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, told, 0);
	api_reply(c, 200);
}

/* Whoever hands over and who takes is within reach; somebody new stands below what is. */
static bool
within_reach(struct api_call *c, const struct merger *m, struct register_fault *f)
{
	struct organisation_row into;
	struct str scope = api_scope(c);
	bool there = organisation_get(c->desk->db, m->into, m->day, &c->arena, &into) == 0;
	for (uint32_t i = 0; i < m->froms; i++)
		if (!organisation_reaches(c->desk->db, scope, m->from[i]))
			return register_refuse(f, "merger_unknown", "from", m->from[i]) == 0;
	struct str judged = there ? m->into : m->parent;
	if (scope.n && (!judged.n || !organisation_reaches(c->desk->db, scope, judged)))
		return register_refuse(f, "register_not_yours", there ? "into" : "parent", judged) == 0;
	return true;
}

static void
refuse(struct api_call *c, int error, const struct register_fault *f)
{
	if (error == E_INVALID && f->what)
		api_refuse(c, f);
	else
		api_reply_error(c, error);
}

/* Tried by doing it and undoing it: what is told is what would come. */
static int
try_it(struct api_call *c, const struct merger *m, struct merger_moved *moved, struct register_fault *f)
{
	TRY(db_begin(c->desk->db));
	int error = merger_do(c->desk->db, m, api_today(c), clock_now_ms(), str_z(c->who.login), exception_follow,
	    &c->arena, moved, f);
	db_rollback(c->desk->db);
	return error;
}

static void
reply_trial(struct api_call *c, const struct merger *m, const struct merger_moved *moved)
{
	c->recorded = false; /* nothing was changed */
	buf_add_char(&c->out, '{');
	out_bool(&c->out, "dry_run", true);
	out_bool(&c->out, "planned", str_cmp(m->day, api_today(c)) > 0);
	out_name(&c->out, "moved");
	merger_moved_json(&c->out, moved);
	buf_add_char(&c->out, '}');
	api_reply(c, 200);
}

static int
do_or_plan(struct api_call *c, const struct merger *m, struct merger_moved *moved, struct register_fault *f, int64_t *ret_id)
{
	struct db *db = c->desk->db;
	struct str who = str_z(c->who.login);
	struct buf told = BUF_INIT_MAX(256 << 10);
	int64_t now = clock_now_ms();
	bool today = str_cmp(m->day, api_today(c)) <= 0;
	int error = today ? merger_do(db, m, api_today(c), now, who, exception_follow, &c->arena, moved, f) : try_it(c, m, moved, f);
	if (!error && today)
		merger_moved_json(&told, moved);
	if (!error)
		error = merger_keep(db, m, c->request.body, who, buf_str(&told), now, ret_id);
	buf_release(&told);
	return error;
}

void
api_merger_post(struct api_call *c)
{
	struct merger *m = ARENA_NEW(&c->arena, struct merger);
	struct merger_moved moved;
	struct register_fault f = {0};
	struct merger_row row;
	bool dry = false;
	int64_t id = 0;
	int error = m ? merger_read(&c->body, &c->arena, m, &f) : E_LIMIT;
	if (!error && !within_reach(c, m, &f))
		error = E_INVALID;
	if (!error && json_get_bool(&c->body, 0, STR("dry_run"), &dry) && dry)
		error = try_it(c, m, &moved, &f);
	else if (!error)
		error = do_or_plan(c, m, &moved, &f, &id);
	if (!error && dry) {
		reply_trial(c, m, &moved);
		return;
	}
	if (!error)
		error = merger_get(c->desk->db, id, &c->arena, &row);
	if (error) {
		refuse(c, error, &f);
		return;
	}
	c->noun_id = m->into;
	registry_touch_all(c->desk->registry);
	c->desk->exceptions_moved = true;
	row_json(&c->out, &row);
	api_reply(c, 201);
}

void
api_merger_delete(struct api_call *c)
{
	struct merger_row row;
	int64_t id;
	int error = str_to_i64(c->path_id, &id) ? merger_get(c->desk->db, id, &c->arena, &row) : E_NOT_FOUND;
	if (!error && api_scope(c).n && !organisation_reaches(c->desk->db, api_scope(c), row.successor))
		error = E_NOT_FOUND;
	if (!error)
		error = merger_end(c->desk->db, id, "withdrawn", STR(""), clock_now_ms());
	if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

/* --- figures --- */

/* A day's first moment in Viet Nam; `next`: that of the day after. */
static bool
day_ms(struct str text, bool next, int64_t *ret)
{
	law_day day;
	if (!text.n || !register_day_ok(text) || !law_day_read(text, &day))
		return false;
	*ret = ((int64_t)day + next) * TIME_DAY - TIME_ZONE_VIETNAM * TIME_MINUTE;
	return true;
}

static void
levels_json(struct buf *out, const char *name, const int64_t count[5])
{
	out_name(out, name);
	buf_addf(out, "{\"total\":%lld", (long long)(count[0] + count[1] + count[2] + count[3] + count[4]));
	for (int level = 0; level < 5; level++)
		out_i64(out, level_name((enum level)level), count[level]);
	buf_add_char(out, '}');
}

void
api_organisation_figures(struct api_call *c)
{
	struct organisation_row o;
	struct merger_figures figures;
	int64_t from, to;
	if (!api_find_organisation(c, api_path_id(c), &o))
		return;
	if (!day_ms(api_query(c, STR("from")), false, &from) || !day_ms(api_query(c, STR("to")), true, &to)) {
		api_reply_problem(c, 422, "invalid", "from");
		return;
	}
	buf_add_char(&c->out, '{');
	static const char *const name[] = {"own", "with_predecessors"};
	for (int past = 0; past < 2; past++) {
		int error = merger_figures(c->desk->db, o.id, from, to, past, &c->arena, &figures);
		if (api_failed(c, error))
			return;
		out_name(&c->out, name[past]);
		buf_add_char(&c->out, '{');
		levels_json(&c->out, "opened", figures.opened);
		levels_json(&c->out, "closed", figures.closed);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, '}');
	api_reply(c, 200);
}
