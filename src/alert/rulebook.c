/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/rulebook.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/wire.h"

/* One more place in a list that grows in an arena; NULL when it is full. */
static void *
grow(struct arena *arena, void *list, uint32_t count, uint32_t *cap, size_t size)
{
	if (count < *cap)
		return list;
	uint32_t more = *cap ? *cap * 2 : 16;
	char *grown = arena_calloc(arena, more, size);
	if (grown && count)
		memcpy(grown, list, count * size);
	*cap = grown ? more : *cap;
	return grown;
}

/* ---- versions and history ---- */

int
rulebook_version(struct db *db, struct str rule, int64_t *ret)
{
	return db_number(db, ret, Q_RULE_VERSION, "s", rule);
}

int
rulebook_history(struct db *db, struct str rule, struct arena *arena, struct rule_change **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct rule_change *list = NULL;
	uint32_t n = 0, cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_RULE_HISTORY_OF, "s", rule));
	while ((more = db_next(rows)) > 0) {
		if (!(list = grow(arena, list, n, &cap, sizeof *list)))
			break;
		list[n++] = (struct rule_change){db_i64(rows, 0), db_text_kept(rows, 1, arena), db_text_kept(rows, 2, arena),
		    db_text_kept(rows, 3, arena)};
	}
	db_end(rows);
	if (more)
		return more < 0 ? more : E_LIMIT;
	*ret = list;
	*ret_count = n;
	return 0;
}

static int
check_version(struct db *db, struct str rule, int64_t version)
{
	int64_t newest = 0;
	TRY(rulebook_version(db, rule, &newest));
	return newest == version ? 0 : E_CONFLICT;
}

/* ---- switches ---- */

static struct rule_switch
switch_of(struct db_rows *rows, struct arena *arena)
{
	int64_t level = db_i64(rows, 2);
	return (struct rule_switch){
	    .rule = db_text_kept(rows, 0, arena),
	    .off = db_i64(rows, 1) != 0,
	    .own_level = level < 0,
	    .level = level < 0 ? LEVEL_INFORMATIONAL : (enum level)level,
	    .reason = db_text_kept(rows, 3, arena),
	    .who = db_text_kept(rows, 4, arena),
	    .at_ms = db_i64(rows, 5),
	};
}

int
rulebook_switch_get(struct db *db, struct str rule, struct arena *arena, struct rule_switch *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_RULE_SWITCH_GET, "s", rule));
	int more = db_next(rows);
	if (more > 0)
		*ret = switch_of(rows, arena);
	return db_end_one(rows, more);
}

int
rulebook_switches(struct db *db, struct arena *arena, struct rule_switch **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct rule_switch *list = NULL;
	uint32_t n = 0, cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_RULE_SWITCH_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		if (!(list = grow(arena, list, n, &cap, sizeof *list)))
			break;
		list[n++] = switch_of(rows, arena);
	}
	db_end(rows);
	if (more)
		return more < 0 ? more : E_LIMIT;
	*ret = list;
	*ret_count = n;
	return 0;
}

static int
write_switch(struct db *db, const struct rule_switch *s, int64_t version)
{
	struct rule_switch before = {.own_level = true};
	struct arena arena;
	int error = check_version(db, s->rule, version);
	arena_init(&arena, 4096, 1 << 20);
	if (!error)
		error = rulebook_switch_get(db, s->rule, &arena, &before);
	arena_release(&arena);
	if (error && error != E_NOT_FOUND)
		return error;
	bool other_level = before.own_level != s->own_level || (!s->own_level && before.level != s->level);
	TRY(db_run(db, Q_RULE_SWITCH_PUT, "siissi", s->rule, (int64_t)s->off, s->own_level ? -1 : (int64_t)s->level,
	    s->reason, s->who, s->at_ms));
	if (before.off != s->off || !other_level)
		TRY(db_run(db, Q_RULE_HISTORY_PUT, "sisss", s->rule, s->at_ms, s->who, s->off ? STR("off") : STR("on"), s->reason));
	return !other_level ? 0 : db_run(db, Q_RULE_HISTORY_PUT, "sisss", s->rule, s->at_ms, s->who, STR("level"), s->reason);
}

int
rulebook_switch_set(struct db *db, const struct rule_switch *s, int64_t version, struct fault *f)
{
	if (!str_trim(s->reason).n)
		return fault_set(f, E_INVALID, "rule_reason", STR("reason"), 0, 0);
	TRY(db_begin(db));
	return db_end_transaction(db, write_switch(db, s, version));
}

/* ---- rules written here ---- */

bool
own_rule_id_fits(struct str id)
{
	bool fits = id.n > 0 && id.n <= OWN_RULE_ID_BYTES && id.p[0] != '.';
	for (size_t i = 0; i < id.n && fits; i++) {
		char c = ascii_lower(id.p[i]);
		fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
	}
	return fits;
}

static int
count_own(struct db *db, int64_t *ret, int64_t *ret_bytes)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_OWN_RULE_COUNT, ""));
	int more = db_next(rows);
	if (more > 0) {
		*ret = db_i64(rows, 0);
		*ret_bytes = db_i64(rows, 1);
	}
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
insert_own(struct db *db, const struct own_rule *rule, bool on, struct str who, int64_t now_ms)
{
	TRY(db_run(db, Q_OWN_RULE_PUT, "sssi", rule->id, rule->text, who, now_ms));
	TRY(db_run(db, Q_RULE_HISTORY_PUT, "sisss", rule->id, now_ms, who, STR("created"), STR("")));
	return on ? 0 : db_run(db, Q_RULE_SWITCH_PUT, "siissi", rule->id, (int64_t)1, (int64_t)-1, STR(""), who, now_ms);
}

int
own_rules_add(struct db *db, const struct own_rule *list, uint32_t count, bool on, struct str who, int64_t now_ms)
{
	int64_t have = 0, bytes = 0;
	TRY(count_own(db, &have, &bytes));
	for (uint32_t i = 0; i < count; i++)
		bytes += (int64_t)list[i].text.n;
	if (have + count > OWN_RULES_MAX || bytes > OWN_RULES_BYTES)
		return E_LIMIT;
	TRY(db_begin(db));
	int error = 0;
	for (uint32_t i = 0; i < count && !error; i++)
		error = insert_own(db, &list[i], on, who, now_ms);
	return db_end_transaction(db, error);
}

static int
update_own(struct db *db, const struct own_rule *rule, int64_t version, int64_t now_ms)
{
	int64_t have = 0, bytes = 0;
	TRY(check_version(db, rule->id, version));
	TRY(count_own(db, &have, &bytes));
	if (bytes + (int64_t)rule->text.n > OWN_RULES_BYTES + OWN_RULE_BYTES)
		return E_LIMIT;
	TRY(db_run(db, Q_OWN_RULE_SET, "sssi", rule->id, rule->text, rule->who, now_ms));
	if (db_changed(db) != 1)
		return E_NOT_FOUND;
	TRY(db_run(db, Q_RULE_COST_FORGET, "s", rule->id));
	return db_run(db, Q_RULE_HISTORY_PUT, "sisss", rule->id, now_ms, rule->who, STR("changed"), STR(""));
}

int
own_rule_set(struct db *db, const struct own_rule *rule, int64_t version, int64_t now_ms)
{
	TRY(db_begin(db));
	return db_end_transaction(db, update_own(db, rule, version, now_ms));
}

static int
delete_own(struct db *db, struct str id, struct str who, int64_t now_ms)
{
	TRY(db_run(db, Q_OWN_RULE_FORGET, "s", id));
	if (db_changed(db) != 1)
		return E_NOT_FOUND;
	TRY(db_run(db, Q_RULE_SWITCH_FORGET, "s", id));
	TRY(db_run(db, Q_RULE_COST_FORGET, "s", id));
	return db_run(db, Q_RULE_HISTORY_PUT, "sisss", id, now_ms, who, STR("deleted"), STR(""));
}

int
own_rule_delete(struct db *db, struct str id, struct str who, int64_t now_ms)
{
	TRY(db_begin(db));
	return db_end_transaction(db, delete_own(db, id, who, now_ms));
}

static struct own_rule
own_of(struct db_rows *rows)
{
	return (struct own_rule){db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_i64(rows, 3), db_i64(rows, 4)};
}

int
own_rule_get(struct db *db, struct str id, struct arena *arena, struct own_rule *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_OWN_RULE_GET, "s", id));
	int more = db_next(rows);
	struct own_rule own = more > 0 ? own_of(rows) : (struct own_rule){0};
	if (more > 0 && (!arena_copy(arena, own.id, &own.id) || !arena_copy(arena, own.text, &own.text) ||
			 !arena_copy(arena, own.who, &own.who)))
		more = E_LIMIT;
	if (more > 0)
		*ret = own;
	return db_end_one(rows, more);
}

int
own_rules_each(struct db *db, int (*each)(void *user, const struct own_rule *rule), void *user)
{
	struct db_rows *rows;
	int more, error = 0;
	TRY(db_query(db, &rows, Q_OWN_RULE_ALL, ""));
	while (!error && (more = db_next(rows)) != 0) {
		struct own_rule own = more > 0 ? own_of(rows) : (struct own_rule){0};
		error = more > 0 ? each(user, &own) : more;
	}
	db_end(rows);
	return error;
}

/* ---- costs ---- */

static int
add_costs(struct db *db, const struct cost_told *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		TRY(db_run(db, Q_RULE_COST_ADD, "siii", list[i].rule, list[i].ns, list[i].samples, (int64_t)RULE_COST_KEPT));
	return 0;
}

int
rule_costs_add(struct db *db, const struct cost_told *list, uint32_t count)
{
	TRY(db_begin(db));
	return db_end_transaction(db, add_costs(db, list, count));
}

/* Ids of rows whose rule is gone, as texts. */
static int
costs_without_rule(struct db *db, const struct rules *rules, struct buf *gone)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_RULE_COST_ALL, ""));
	while ((more = db_next(rows)) > 0)
		if (!rules_find(rules, db_text(rows, 0)))
			wire_put_str(gone, db_text(rows, 0));
	db_end(rows);
	return more;
}

static int
forget_costs(struct db *db, struct str gone)
{
	struct wire w = {gone, false};
	while (w.rest.n && !w.bad)
		TRY(db_run(db, Q_RULE_COST_FORGET, "s", wire_str(&w)));
	return 0;
}

int
rule_costs_prune(struct db *db, const struct rules *rules)
{
	struct buf gone = BUF_INIT;
	int error = costs_without_rule(db, rules, &gone);
	if (!error && gone.n) {
		error = db_begin(db);
		if (!error)
			error = db_end_transaction(db, forget_costs(db, buf_str(&gone)));
	}
	buf_release(&gone);
	return error;
}

/* ---- scores ---- */

static struct rule_score *
score_slot(const struct rule_scores *s, struct str rule)
{
	uint32_t at = (uint32_t)hash64(rule, 0) & s->mask;
	while (s->slot[at].rule.n && !str_eq(s->slot[at].rule, rule))
		at = (at + 1) & s->mask;
	return &s->slot[at];
}

struct rule_score
rule_score_of(const struct rule_scores *s, struct str rule)
{
	return *score_slot(s, rule);
}

typedef void take_row(struct rule_score *score, struct db_rows *rows);

static void
take_fired(struct rule_score *score, struct db_rows *rows)
{
	score->fired = db_i64(rows, 1);
	score->last_ms = db_i64(rows, 2);
	score->closed_true = db_i64(rows, 3);
	score->closed_false = db_i64(rows, 4);
}

static void
take_exceptions(struct rule_score *score, struct db_rows *rows)
{
	score->exceptions = db_i64(rows, 1);
}

static void
take_cost(struct rule_score *score, struct db_rows *rows)
{
	int64_t samples = db_i64(rows, 2);
	if (samples < RULE_COST_SAMPLES_MIN)
		return;
	score->cost_ns = db_i64(rows, 1) / samples;
	score->cost_samples = samples;
}

/* The table is never more than half full: rows of rules that are long gone are the first to find no place. */
static int
take_rows(struct rule_scores *s, struct db_rows *rows, struct arena *arena, uint32_t *used, take_row *take)
{
	int more;
	while ((more = db_next(rows)) > 0) {
		struct rule_score *score = score_slot(s, db_text(rows, 0));
		bool known = score->rule.n > 0;
		if (!known && (*used * 2 > s->mask || !arena_copy(arena, db_text(rows, 0), &score->rule)))
			continue;
		*used += !known;
		take(score, rows);
	}
	db_end(rows);
	return more;
}

static void
take_alerts(struct rule_score *score, struct db_rows *rows)
{
	score->fired = db_i64(rows, 1);
	score->last_ms = db_i64(rows, 2);
}

static int
scores_init(struct rule_scores *s, uint32_t rules, struct arena *arena)
{
	s->mask = 255;
	while (s->mask < rules * 8)
		s->mask = s->mask * 2 + 1;
	s->slot = arena_calloc(arena, s->mask + 1, sizeof *s->slot);
	return s->slot ? 0 : E_LIMIT;
}

int
rule_scores_of_organisation(struct db *db, struct str organisation, uint32_t rules, struct arena *arena,
    struct rule_scores *ret)
{
	struct rule_scores s;
	struct db_rows *rows;
	uint32_t used = 0;
	TRY(scores_init(&s, rules, arena));
	TRY(db_query(db, &rows, Q_ALERT_COUNT_BY_RULE, "s", organisation));
	TRY(take_rows(&s, rows, arena, &used, take_alerts));
	*ret = s;
	return 0;
}

int
rule_scores_read(struct db *db, int64_t now_ms, uint32_t rules, struct arena *arena, struct rule_scores *ret)
{
	struct rule_scores s;
	struct db_rows *rows;
	uint32_t used = 0;
	TRY(scores_init(&s, rules, arena));
	TRY(db_query(db, &rows, Q_RULE_SCORE_ALL, ""));
	TRY(take_rows(&s, rows, arena, &used, take_fired));
	TRY(db_query(db, &rows, Q_EXCEPTION_COUNTS, "i", now_ms));
	TRY(take_rows(&s, rows, arena, &used, take_exceptions));
	TRY(db_query(db, &rows, Q_RULE_COST_ALL, ""));
	TRY(take_rows(&s, rows, arena, &used, take_cost));
	*ret = s;
	return 0;
}
