/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/merger.h"

#include "register/internal.h"
#include "register/inventory.h"
#include "store/record.h"

#define PREDECESSORS_MAX 2000u

static bool
is_kind(struct str kind)
{
	return str_eq(kind, STR("merged")) || str_eq(kind, STR("split")) || str_eq(kind, STR("renamed")) ||
	    str_eq(kind, STR("transferred"));
}

/* Does the one who hands over end with it? */
static bool
ends(const struct merger *m)
{
	return str_eq(m->kind, STR("merged")) || str_eq(m->kind, STR("renamed"));
}

/* --- reading --- */

static bool
read_text(const struct json *j, const char *key, struct arena *arena, struct str *ret)
{
	uint32_t at = json_get(j, 0, str_z(key));
	*ret = (struct str){0};
	if (!at || j->token[at].kind == JSON_NULL)
		return true;
	return json_get_string(j, 0, str_z(key), arena, ret);
}

static bool
read_list(const struct json *j, const char *key, struct arena *arena, struct str *list, uint32_t max, uint32_t *ret_count)
{
	uint32_t at = json_get(j, 0, str_z(key)), n = 0;
	*ret_count = 0;
	if (!at)
		return true;
	if (j->token[at].kind != JSON_ARRAY)
		return false;
	for (uint32_t i = json_first(j, at); i < json_end(j, at); i = json_next(j, i))
		if (n == max || j->token[i].kind != JSON_STRING || !json_string(j, i, arena, &list[n++]))
			return false;
	*ret_count = n;
	return true;
}

int
merger_read(const struct json *j, struct arena *arena, struct merger *ret, struct register_fault *f)
{
	const struct {
		const char *key;
		struct str *value;
	} row[] = {{"kind", &ret->kind}, {"date", &ret->day}, {"into", &ret->into}, {"name", &ret->name},
		{"into_kind", &ret->into_kind}, {"parent", &ret->parent}};
	*ret = (struct merger){0};
	for (size_t i = 0; i < COUNT(row); i++)
		if (!read_text(j, row[i].key, arena, row[i].value))
			return register_refuse(f, "register_text", row[i].key, STR(""));
	ret->system = arena_calloc(arena, MERGER_SYSTEMS_MAX, sizeof *ret->system);
	if (!ret->system)
		return E_LIMIT;
	if (!read_list(j, "from", arena, ret->from, MERGER_FROM_MAX, &ret->froms) || !ret->froms)
		return register_refuse(f, "merger_from", "from", STR(""));
	if (!read_list(j, "systems", arena, ret->system, MERGER_SYSTEMS_MAX, &ret->systems))
		return register_refuse(f, "merger_systems", "systems", STR(""));
	if (!ret->kind.n)
		ret->kind = STR("merged");
	if (!is_kind(ret->kind))
		return register_refuse(f, "merger_kind", "kind", ret->kind);
	if (!ret->day.n || !register_day_ok(ret->day))
		return register_refuse(f, "register_day", "date", ret->day);
	if (str_eq(ret->kind, STR("split")) && (ret->froms != 1 || !ret->systems))
		return register_refuse(f, "merger_systems", "systems", STR(""));
	return str_eq(ret->kind, STR("renamed")) && ret->froms != 1 ? register_refuse(f, "merger_from", "from", STR("")) : 0;
}

/* --- doing --- */

struct act {
	struct db *db;
	merger_on_handed *on_handed;
	const struct merger *m;
	struct str today, who, before; /* before: the day before */
	int64_t now_ms;
	struct arena *arena;
	struct merger_moved *moved;
	struct register_fault *fault;
};

static int
change(const struct act *a, int64_t *count, int error)
{
	if (!error)
		*count += db_changed(a->db);
	return error;
}

static int
check_from(const struct act *a, uint32_t at)
{
	struct organisation_row o;
	struct str id = a->m->from[at];
	int error = organisation_get(a->db, id, a->today, a->arena, &o);
	if (error == E_NOT_FOUND)
		return register_refuse(a->fault, "merger_unknown", "from", id);
	TRY(error);
	if (strcmp(organisation_state(o.from_day, o.until_day, a->m->day), "active") != 0 ||
	    (ends(a->m) && o.from_day.n && str_cmp(o.from_day, a->before) > 0))
		return register_refuse(a->fault, "merger_not_there", "from", id);
	if (str_eq(id, a->m->into))
		return register_refuse(a->fault, "merger_itself", "into", id);
	for (uint32_t i = 0; i < at; i++)
		if (str_eq(a->m->from[i], id))
			return register_refuse(a->fault, "register_row_twice", "from", id);
	return 0;
}

static int
make_successor(struct act *a)
{
	const struct organisation_edit e = {.name = a->m->name, .kind = a->m->into_kind, .parent = a->m->parent,
	    .from_day = a->m->day};
	a->moved->makes = true;
	int error = organisation_add(a->db, a->m->into, &e, a->today, a->now_ms, a->fault);
	if (error == E_INVALID && a->fault->field && strcmp(a->fault->field, "id") == 0)
		a->fault->field = "into";
	if (error == E_INVALID && a->fault->field && strcmp(a->fault->field, "kind") == 0)
		a->fault->field = "into_kind";
	return error;
}

static int
find_successor(struct act *a)
{
	struct organisation_row into;
	int error = organisation_get(a->db, a->m->into, a->today, a->arena, &into);
	if (error == E_NOT_FOUND)
		return make_successor(a);
	TRY(error);
	if (strcmp(organisation_state(into.from_day, into.until_day, a->m->day), "active") != 0)
		return register_refuse(a->fault, "merger_not_there", "into", a->m->into);
	if (!a->m->name.n || str_eq(a->m->name, into.name_now))
		return 0;
	const struct organisation_edit e = {.set_name = true, .name = a->m->name, .name_from = a->m->day};
	return organisation_change(a->db, a->m->into, 0, &e, a->today, a->now_ms, a->fault);
}

static bool
wanted(const struct merger *m, struct str system)
{
	for (uint32_t i = 0; i < m->systems; i++)
		if (str_eq(m->system[i], system))
			return true;
	return !m->systems;
}

static int
move_alerts(const struct act *a, struct str from, struct str system)
{
	TRY(db_run(a->db, Q_MERGER_ALERT_HISTORY, "sisss", from, a->now_ms, a->who, a->m->into, system));
	return change(a, &a->moved->alerts, db_run(a->db, Q_MERGER_ALERTS, "sss", from, a->m->into, system));
}

/* Ids first: one cursor a query at a time. */
static int
list_systems(const struct act *a, struct str from, struct str **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	uint32_t n = 0, cap = 0;
	struct str *list = NULL;
	int more;
	TRY(db_query(a->db, &rows, Q_MERGER_SYSTEMS, "s", from));
	while ((more = db_next(rows)) > 0) {
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			struct str *grown = arena_calloc(a->arena, cap, sizeof *grown);
			if (grown && n)
				memcpy(grown, list, n * sizeof *list);
			list = grown;
		}
		if (!list || !arena_copy(a->arena, db_text(rows, 0), &list[n++])) {
			more = E_LIMIT;
			break;
		}
	}
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}

static int
move_systems(const struct act *a, struct str from, uint32_t *ret_named)
{
	struct str *list;
	uint32_t count;
	TRY(list_systems(a, from, &list, &count));
	struct merger_handed handed = {.from = from, .into = a->m->into, .ends = ends(a->m), .system = list, .who = a->who,
	    .now_ms = a->now_ms};
	for (uint32_t i = 0; i < count; i++) {
		if (!wanted(a->m, list[i]))
			continue;
		*ret_named += 1;
		a->moved->systems++;
		if (!ends(a->m))
			TRY(move_alerts(a, from, list[i]));
		TRY(inventory_move(a->db, list[i], a->m->into, a->m->day, a->today));
		list[handed.systems++] = list[i];
	}
	return a->on_handed(a->db, &handed);
}

static int
move_people(const struct act *a, struct str from)
{
	struct str into = a->m->into, day = a->m->day;
	struct organisation_row o;
	struct buf fold = BUF_INIT_MAX(4096);
	TRY(organisation_get(a->db, from, a->today, a->arena, &o));
	db_fold(o.name_now, &fold); /* people of a file are found by their agency */
	int error = change(a, &a->moved->contacts, db_run(a->db, Q_MERGER_CONTACTS_OF_FILE, "sssis", from, into, day,
	    a->now_ms, buf_str(&fold)));
	buf_release(&fold);
	TRY(error);
	TRY(change(a, &a->moved->contacts, db_run(a->db, Q_MERGER_CONTACTS_COPY, "sssi", from, into, day, a->now_ms)));
	TRY(db_run(a->db, Q_MERGER_CONTACTS_END, "sss", from, day, a->before));
	TRY(change(a, &a->moved->contacts, db_run(a->db, Q_MERGER_CONTACTS_MOVE, "sss", from, into, day)));
	TRY(change(a, &a->moved->accounts, db_run(a->db, Q_MERGER_PEOPLE, "ss", from, into)));
	return change(a, &a->moved->keys, db_run(a->db, Q_MERGER_KEYS, "ss", from, into));
}

/* What ends leaves nothing behind but its past. */
static int
move_rest(const struct act *a, struct str from)
{
	struct str into = a->m->into, day = a->m->day;
	TRY(move_people(a, from));
	TRY(move_alerts(a, from, STR("")));
	TRY(db_run(a->db, Q_MERGER_PARTIES_COPY, "sss", from, into, day));
	TRY(db_run(a->db, Q_MERGER_PARTIES_END, "sss", from, day, a->before));
	TRY(db_run(a->db, Q_MERGER_LIFT, "ss", into, from));
	TRY(change(a, &a->moved->children, db_run(a->db, Q_MERGER_CHILDREN, "ss", from, into)));
	return db_run(a->db, Q_MERGER_CLOSE, "ss", from, a->before);
}

/* --- two systems that claim the same --- */

static int
add_conflicts(const struct act *a, struct str x, struct str y)
{
	struct db_rows *rows;
	struct merger_moved *r = a->moved;
	int more;
	TRY(db_query(a->db, &rows, Q_MERGER_CONFLICTS, "ss", x, y));
	while ((more = db_next(rows)) > 0 && r->conflicts < MERGER_CONFLICTS_MAX) {
		struct merger_conflict *c = &r->conflict[r->conflicts++];
		struct str *text[] = {&c->kind, &c->value, &c->a, &c->b};
		for (size_t i = 0; i < COUNT(text); i++)
			if (!arena_copy(a->arena, db_text(rows, (int)i), text[i]))
				r->conflicts = MERGER_CONFLICTS_MAX;
	}
	db_end(rows);
	return more < 0 ? more : 0;
}

/* While everybody still has his own: within one, and between any two of them. */
static int
find_conflicts(const struct act *a)
{
	a->moved->conflict = arena_calloc(a->arena, MERGER_CONFLICTS_MAX, sizeof *a->moved->conflict);
	if (!a->moved->conflict)
		return E_LIMIT;
	for (uint32_t i = 0; i < a->m->froms; i++) {
		TRY(add_conflicts(a, a->m->from[i], a->m->into));
		for (uint32_t k = i + 1; k < a->m->froms; k++)
			TRY(add_conflicts(a, a->m->from[i], a->m->from[k]));
	}
	return 0;
}

static int
hand_over(struct act *a)
{
	char ring[65];
	uint32_t named = 0;
	TRY(find_conflicts(a));
	TRY(find_successor(a));
	for (uint32_t i = 0; i < a->m->froms; i++) {
		TRY(move_systems(a, a->m->from[i], &named));
		if (ends(a->m))
			TRY(move_rest(a, a->m->from[i]));
		TRY(db_run(a->db, Q_MERGER_EDGE, "ssss", a->m->from[i], a->m->into, a->m->day, a->m->kind));
	}
	if (a->m->systems && named != a->m->systems)
		return register_refuse(a->fault, "merger_systems", "systems", STR(""));
	TRY(registry_reach_rebuild(a->db));
	TRY(organisation_find_ring(a->db, ring));
	return ring[0] ? register_refuse(a->fault, "register_ring", "parent", a->m->into) : 0;
}

static int
edge_known(const struct act *a, struct str from)
{
	struct db_rows *rows;
	TRY(db_query(a->db, &rows, Q_MERGER_EDGE_KNOWN, "sss", from, a->m->into, a->m->day));
	int more = db_next(rows);
	db_end(rows);
	return more;
}

int
merger_do(struct db *db, const struct merger *m, struct str today, int64_t now_ms, struct str who,
    merger_on_handed *on_handed, struct arena *arena, struct merger_moved *ret, struct register_fault *f)
{
	char before[REGISTRY_DAY];
	struct act a = {.db = db, .on_handed = on_handed, .m = m, .today = today, .who = who, .now_ms = now_ms, .arena = arena, .moved = ret, .fault = f,
	    .before = register_day_before(m->day, before)};
	*ret = (struct merger_moved){0};
	if (ends(m) && m->systems) /* all of it goes over: a list of some would leave the rest with nobody */
		return register_refuse(f, "merger_systems", "systems", STR(""));
	for (uint32_t i = 0; i < m->froms; i++) {
		TRY(check_from(&a, i));
		int known = edge_known(&a, m->from[i]);
		if (known)
			return known < 0 ? known : register_refuse(f, "merger_twice", "from", m->from[i]);
	}
	return hand_over(&a);
}

void
merger_moved_json(struct buf *out, const struct merger_moved *m)
{
	buf_addf(out, "{\"systems\":%lld,\"contacts\":%lld,\"accounts\":%lld,\"keys\":%lld,\"alerts\":%lld,\"children\":%lld,"
	    "\"makes\":%s,\"conflicts\":[", (long long)m->systems, (long long)m->contacts, (long long)m->accounts,
	    (long long)m->keys, (long long)m->alerts, (long long)m->children, m->makes ? "true" : "false");
	for (uint32_t i = 0; i < m->conflicts; i++) {
		const struct merger_conflict *c = &m->conflict[i];
		const struct {
			const char *name;
			struct str value;
		} row[] = {{"kind", c->kind}, {"value", c->value}, {"a", c->a}, {"b", c->b}};
		buf_add(out, i ? STR(",{") : STR("{"));
		for (size_t k = 0; k < COUNT(row); k++) {
			buf_addf(out, "%s\"%s\":", k ? "," : "", row[k].name);
			buf_add_json_string(out, row[k].value);
		}
		buf_add_char(out, '}');
	}
	buf_add(out, STR("]}"));
}

/* --- plans --- */

static bool
row_of(struct db_rows *rows, struct arena *arena, struct merger_row *r)
{
	const struct {
		int column;
		struct str *text;
	} part[] = {{1, &r->kind}, {2, &r->day}, {3, &r->successor}, {4, &r->plan}, {5, &r->state}, {6, &r->who}, {9, &r->moved}};
	bool kept = true;
	for (size_t i = 0; i < COUNT(part); i++)
		kept &= arena_copy(arena, db_text(rows, part[i].column), part[i].text);
	r->id = db_i64(rows, 0);
	r->made_ms = db_i64(rows, 7);
	r->done_ms = db_i64(rows, 8);
	return kept;
}

int
merger_keep(struct db *db, const struct merger *m, struct str plan, struct str who, struct str moved, int64_t now_ms,
    int64_t *ret_id)
{
	return db_number(db, ret_id, Q_MERGER_PUT, "ssssssiis", m->kind, m->day, m->into, plan, moved.n ? STR("done") : STR("planned"),
	    who, now_ms, moved.n ? now_ms : (int64_t)0, moved);
}

int
merger_list(struct db *db, struct arena *arena, struct merger_row **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct merger_row *list = arena_calloc(arena, 500, sizeof *list);
	uint32_t n = 0;
	int more = 0;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_MERGER_LIST, ""));
	while (n < 500 && (more = db_next(rows)) > 0)
		if (!row_of(rows, arena, &list[n++]))
			more = E_LIMIT;
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}

static int
one_row(struct db_rows *rows, struct arena *arena, struct merger_row *ret)
{
	int more = db_next(rows);
	return db_end_one(rows, more > 0 && !row_of(rows, arena, ret) ? E_LIMIT : more);
}

int
merger_get(struct db *db, int64_t id, struct arena *arena, struct merger_row *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_MERGER_GET, "i", id));
	return one_row(rows, arena, ret);
}

int
merger_end(struct db *db, int64_t id, const char *state, struct str moved, int64_t now_ms)
{
	TRY(db_run(db, Q_MERGER_END, "isis", id, str_z(state), now_ms, moved));
	return db_changed(db) ? 0 : E_CONFLICT;
}

static int
note(struct db *db, const struct merger_row *r, const char *state, struct str moved, int64_t now_ms)
{
	char id[24];
	struct buf after = BUF_INIT_MAX(1 << 20);
	snprintf(id, sizeof id, "%lld", (long long)r->id);
	buf_addf(&after, "{\"state\":\"%s\",\"plan\":", state);
	buf_add(&after, r->plan);
	buf_add(&after, STR(",\"moved\":"));
	buf_add(&after, moved.n ? moved : STR("null"));
	buf_add_char(&after, '}');
	const struct record entry = {.at_ms = now_ms, .who = r->who, .action = STR("merger.carried_out"),
	    .noun = STR("organisations"), .noun_id = str_z(id), .after = buf_str(&after)};
	int error = record_put(db, &entry);
	buf_release(&after);
	return error;
}

static int
fail(struct db *db, const struct merger_row *r, const struct register_fault *f, int64_t now_ms)
{
	struct buf why = BUF_INIT_MAX(4096);
	buf_addf(&why, "{\"what\":\"%s\",\"field\":\"%s\",\"arg\":", f->what ? f->what : "", f->field ? f->field : "");
	buf_add_json_string(&why, f->arg);
	buf_add_char(&why, '}');
	int error = db_begin(db);
	if (!error)
		error = merger_end(db, r->id, "failed", buf_str(&why), now_ms);
	if (!error)
		error = note(db, r, "failed", buf_str(&why), now_ms);
	error = db_end_transaction(db, error);
	buf_release(&why);
	return error;
}

static int
carry_out(struct db *db, const struct merger_row *r, struct str today, int64_t now_ms, merger_on_handed *on_handed,
    struct arena *arena, struct register_fault *f)
{
	struct json j = {0};
	struct merger m;
	struct merger_moved moved;
	struct buf told = BUF_INIT_MAX(256 << 10);
	TRY(db_begin(db));
	int error = json_parse(&j, r->plan, NULL);
	if (!error)
		error = merger_read(&j, arena, &m, f);
	if (!error)
		error = merger_do(db, &m, today, now_ms, r->who, on_handed, arena, &moved, f);
	if (!error)
		merger_moved_json(&told, &moved);
	if (!error)
		error = merger_end(db, r->id, "done", buf_str(&told), now_ms);
	if (!error)
		error = note(db, r, "done", buf_str(&told), now_ms);
	error = db_end_transaction(db, error);
	json_release(&j);
	buf_release(&told);
	return error;
}

int
merger_turn(struct db *db, struct str today, int64_t now_ms, merger_on_handed *on_handed, uint32_t *ret_done)
{
	struct arena arena;
	struct merger_row r;
	int error = 0;
	*ret_done = 0;
	arena_init(&arena, 64 << 10, 64 << 20);
	while (!error) {
		struct db_rows *rows;
		struct register_fault f = {0};
		arena_clear(&arena);
		error = db_query(db, &rows, Q_MERGER_DUE, "s", today);
		if (!error)
			error = one_row(rows, &arena, &r);
		if (error)
			break;
		error = carry_out(db, &r, today, now_ms, on_handed, &arena, &f);
		*ret_done += !error;
		if (error == E_INVALID || error == E_EXISTS || error == E_CONFLICT || error == E_LIMIT)
			error = fail(db, &r, &f, now_ms);
	}
	arena_release(&arena);
	return error == E_NOT_FOUND ? 0 : error;
}

/* --- figures --- */

static int
add_figures(struct db *db, enum query q, struct str id, int64_t from_ms, int64_t to_ms, int64_t sum[5])
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, q, "sii", id, from_ms, to_ms));
	while ((more = db_next(rows)) > 0)
		if (db_i64(rows, 0) >= 0 && db_i64(rows, 0) < 5)
			sum[db_i64(rows, 0)] += db_i64(rows, 1);
	db_end(rows);
	return more < 0 ? more : 0;
}

static bool
holds(const struct str *list, uint32_t count, struct str id)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(list[i], id))
			return true;
	return false;
}

int
merger_figures(struct db *db, struct str id, int64_t from_ms, int64_t to_ms, bool past, struct arena *arena,
    struct merger_figures *ret)
{
	struct str *list = arena_calloc(arena, PREDECESSORS_MAX, sizeof *list);
	uint32_t count = 1;
	if (!list)
		return E_LIMIT;
	*ret = (struct merger_figures){0};
	list[0] = id;
	for (uint32_t at = 0; at < count; at++) { /* each once, however they came together */
		struct organisation_edge *edge;
		uint32_t edges = 0;
		TRY(add_figures(db, Q_FIGURES_OPENED, list[at], from_ms, to_ms, ret->opened));
		TRY(add_figures(db, Q_FIGURES_CLOSED, list[at], from_ms, to_ms, ret->closed));
		if (past)
			TRY(organisation_edges(db, list[at], true, arena, &edge, &edges));
		for (uint32_t i = 0; i < edges; i++) {
			bool whole = str_eq(edge[i].kind, STR("merged")) || str_eq(edge[i].kind, STR("renamed"));
			if (whole && count < PREDECESSORS_MAX && !holds(list, count, edge[i].id))
				list[count++] = edge[i].id;
		}
	}
	return 0;
}
