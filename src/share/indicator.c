/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading, changing and imaging indicators. */
#include "share/indicator.h"

#include <assert.h>

#include "base/memory.h"

#define HELD_KEPT 10000u /* found held while an image is made; more wait for the next one */

static const char *const state_names[] = {"active", "revoked", "held", "expired"};

const char *
indicator_state_name(enum indicator_state state)
{
	assert(state < COUNT(state_names));
	return state_names[state];
}

bool
indicator_state_from_name(struct str name, enum indicator_state *ret)
{
	for (size_t i = 0; i < COUNT(state_names); i++)
		if (str_eq(name, str_z(state_names[i]))) {
			*ret = (enum indicator_state)i;
			return true;
		}
	return false;
}

static struct indicator
indicator_of(struct db_rows *rows, int64_t now_ms, struct arena *arena)
{
	struct indicator i = {
	    .id = db_i64(rows, 0),
	    .kind = (enum ioc_kind)db_i64(rows, 1),
	    .value = db_text_kept(rows, 2, arena),
	    .source = db_text_kept(rows, 3, arena),
	    .tlp = (enum tlp)db_i64(rows, 4),
	    .confidence = (int)db_i64(rows, 5),
	    .from_ms = db_i64(rows, 6),
	    .until_ms = db_i64(rows, 7),
	    .state = (enum indicator_state)db_i64(rows, 8),
	    .held_by = db_text_kept(rows, 9, arena),
	    .note = db_text_kept(rows, 10, arena),
	    .reference = db_text_kept(rows, 11, arena),
	    .who = db_text_kept(rows, 12, arena),
	    .created_ms = db_i64(rows, 13),
	    .version = db_i64(rows, 14),
	    .sightings = db_i64(rows, 15),
	    .first_seen_ms = db_i64(rows, 16),
	    .last_seen_ms = db_i64(rows, 17),
	};
	if (i.state == INDICATOR_ACTIVE && i.until_ms != TIME_NONE && i.until_ms <= now_ms)
		i.state = INDICATOR_EXPIRED;
	return i;
}

/* LIKE's own sign is taken out; '_' stands for itself well enough. */
static void
like_text(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n && i < 300; i++)
		if (text.p[i] != '%')
			buf_add_char(out, text.p[i]);
}

int
indicator_list(struct db *db, const struct indicator_filter *f, int64_t now_ms, struct arena *arena,
    struct indicator **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct buf text = BUF_INIT_MAX(1024);
	struct indicator *list = arena_calloc(arena, f->limit, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	assert(f->limit >= 1 && f->limit <= 500);
	if (!list)
		return E_LIMIT;
	like_text(f->text, &text);
	int error = db_query(db, &rows, Q_INDICATOR_LIST, "iisiisii", f->before_id, (int64_t)f->kind, f->source,
	    (int64_t)f->state, now_ms, buf_str(&text), (int64_t)f->limit, TIME_NONE);
	buf_release(&text);
	TRY(error);
	while (n < f->limit && (more = db_next(rows)) > 0)
		list[n++] = indicator_of(rows, now_ms, arena);
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	return 0;
}

int
indicator_count(struct db *db, const struct indicator_filter *f, int64_t now_ms, int64_t *ret)
{
	struct buf text = BUF_INIT_MAX(1024);
	like_text(f->text, &text);
	int error = db_number(db, ret, Q_INDICATOR_COUNT, "isiis", (int64_t)f->kind, f->source, (int64_t)f->state, now_ms,
	    buf_str(&text));
	buf_release(&text);
	return error;
}

int
indicator_get(struct db *db, int64_t id, int64_t now_ms, struct arena *arena, struct indicator *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_INDICATOR_GET, "ii", id, TIME_NONE));
	int more = db_next(rows);
	if (more > 0)
		*ret = indicator_of(rows, now_ms, arena);
	return db_end_one(rows, more);
}

int
indicator_sources(struct db *db, int64_t now_ms, struct arena *arena, struct indicator_source **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct indicator_source *list = NULL;
	uint32_t n = 0, cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_INDICATOR_SOURCE_ALL, "i", now_ms));
	while ((more = db_next(rows)) > 0) {
		if (n == cap) {
			cap = cap ? cap * 2 : 32;
			struct indicator_source *grown = arena_calloc(arena, cap, sizeof *grown);
			if (!grown)
				break;
			if (n)
				memcpy(grown, list, n * sizeof *grown);
			list = grown;
		}
		list[n++] = (struct indicator_source){db_text_kept(rows, 0, arena), db_i64(rows, 1), db_i64(rows, 2),
		    db_i64(rows, 3), db_i64(rows, 4)};
	}
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}

/* --- changing --- */

static int
write_change(struct db *db, const struct indicator *i, const struct indicator_update *u, struct fault *f)
{
	enum indicator_state state = i->state == INDICATOR_EXPIRED ? INDICATOR_ACTIVE : i->state;
	if (u->state == INDICATOR_ACTIVE && state == INDICATOR_HELD)
		return fault_set(f, E_DENIED, "indicator_held", i->held_by, 0, 0);
	if (u->state >= 0)
		state = (enum indicator_state)u->state;
	TRY(db_run(db, Q_INDICATOR_SET, "iiisiii", i->id, i->version, (int64_t)state, u->set_note ? u->note : i->note,
	    u->set_until ? u->until_ms : i->until_ms, (int64_t)(u->confidence >= 0 ? u->confidence : i->confidence),
	    TIME_NONE));
	if (db_changed(db) != 1)
		return E_CONFLICT;
	return db_run(db, Q_INDICATOR_GENERATION_RAISE, "");
}

int
indicator_change(struct db *db, int64_t id, int64_t version, const struct indicator_update *u, int64_t now_ms,
    struct fault *f)
{
	struct arena arena;
	struct indicator i;
	arena_init(&arena, 4096, 1 << 20);
	int error = db_begin(db);
	if (!error) {
		error = indicator_get(db, id, now_ms, &arena, &i);
		if (!error && i.version != version)
			error = E_CONFLICT;
		if (!error)
			error = write_change(db, &i, u, f);
		error = db_end_transaction(db, error);
	}
	arena_release(&arena);
	return error;
}

/* --- images --- */

int
indicator_generation(struct db *db, int64_t *ret)
{
	struct db_rows *rows;
	int64_t value = 0;
	TRY(db_query(db, &rows, Q_SETTING_GET, "s", STR("indicator_generation")));
	int more = db_next(rows);
	if (more > 0 && !str_to_i64(db_text(rows, 0), &value))
		more = E_CORRUPT;
	db_end(rows);
	TRY(more);
	*ret = value;
	return 0;
}

struct held {
	int64_t id;
	const struct warning_list *list;
};

struct build {
	const struct indicator_image *wish;
	const struct warning_lists *lists;
	struct ioc_builder *builder;
	struct indicator_image_stats stats;
	struct held *held;
	uint32_t held_cap, holds;
};

static int
build_row(struct build *b, struct db_rows *rows)
{
	struct ioc_entry e = {
	    .kind = (enum ioc_kind)db_i64(rows, 1),
	    .value = db_text(rows, 2),
	    .number = (uint32_t)db_i64(rows, 0),
	    .confidence = (uint8_t)db_i64(rows, 3),
	    .from_ms = b->wish->look_back ? TIME_NONE : db_i64(rows, 4),
	    .until_ms = db_i64(rows, 5),
	};
	const struct warning_list *list = b->lists ? warning_stops(b->lists, e.kind, e.value) : NULL;
	if (list) {
		if (b->holds < HELD_KEPT) {
			MEM_GROW(b->held, b->holds, b->held_cap);
			b->held[b->holds++] = (struct held){db_i64(rows, 0), list};
		}
		return 0;
	}
	if (e.until_ms == TIME_NONE)
		e.until_ms = IOC_FOR_EVER;
	if (e.until_ms > b->wish->after_ms && e.until_ms < b->stats.next_until_ms)
		b->stats.next_until_ms = e.until_ms;
	int error = ioc_builder_add(b->builder, &e);
	b->stats.indicators += !error;
	return error == E_INVALID ? 0 : error; /* a value that an older program took for one */
}

/* Rows whose list was written after they came in. */
static int
hold_rows(struct db *db, const struct build *b)
{
	if (!b->holds)
		return 0;
	TRY(db_begin(db));
	int error = 0;
	for (uint32_t i = 0; i < b->holds && !error; i++)
		error = db_run(db, Q_INDICATOR_HOLD, "is", b->held[i].id, b->held[i].list->name);
	return db_end_transaction(db, error);
}

/* Rows that a list held, and none does now: it has changed, or a network has left the register. */
static int
find_free(struct db *db, const struct warning_lists *lists, struct build *b)
{
	struct db_rows *rows;
	int more = 0;
	TRY(db_query(db, &rows, Q_INDICATOR_ALL_HELD, ""));
	while (b->holds < HELD_KEPT && (more = db_next(rows)) > 0) {
		if (warning_stops(lists, (enum ioc_kind)db_i64(rows, 1), db_text(rows, 2)))
			continue;
		MEM_GROW(b->held, b->holds, b->held_cap);
		b->held[b->holds++].id = db_i64(rows, 0);
	}
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
let_rows_go(struct db *db, const struct warning_lists *lists)
{
	struct build b = {0};
	int error = lists ? find_free(db, lists, &b) : 0;
	if (!error && b.holds) {
		error = db_begin(db);
		for (uint32_t i = 0; i < b.holds && !error; i++)
			error = db_run(db, Q_INDICATOR_LET_GO, "i", b.held[i].id);
		error = db_end_transaction(db, error);
	}
	mem_free(b.held);
	return error;
}

int
indicator_image_build(struct db *db, const struct indicator_image *wish, const struct warning_lists *lists,
    int64_t generation, struct buf *ret, struct indicator_image_stats *ret_stats)
{
	struct build b = {.wish = wish, .lists = lists, .stats = {.next_until_ms = INT64_MAX}};
	struct db_rows *rows;
	int more;
	TRY(let_rows_go(db, lists));
	TRY(db_query(db, &rows, Q_INDICATOR_LIVE, "iisi", (int64_t)0, wish->after_ms, wish->source, TIME_NONE));
	b.builder = ioc_builder_new(wish->key, (uint64_t)generation);
	while ((more = db_next(rows)) > 0 && db_i64(rows, 0) <= UINT32_MAX) {
		int error = build_row(&b, rows);
		if (error) {
			more = error;
			break;
		}
	}
	db_end(rows);
	int error = more < 0 ? more : ioc_builder_finish(b.builder, ret);
	if (!error)
		error = hold_rows(db, &b);
	b.stats.held = b.holds;
	ioc_builder_free(b.builder);
	mem_free(b.held);
	TRY(error);
	*ret_stats = b.stats;
	return 0;
}
