/* SPDX-License-Identifier: EUPL-1.2 */
/* Sweeps that people ask for: one at a time, the others wait. */
#include "inspect/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "host/clock.h"
#include "inspect/match_json.h"
#include "store/evidence.h"

#define MATCHES_BYTES (64u << 10) /* of JSON kept of one file */
#define PATH_KEPT 1024u

static const char *const state_names[SWEEP_STATES] = {"queued", "running", "done", "stopped", "failed"};

const char *
sweep_state_name(enum sweep_state state)
{
	return state < SWEEP_STATES ? state_names[state] : "";
}

/* --- the one that runs --- */

static int
write_progress(struct inspect *i)
{
	struct sweep_totals t = sweep_run_totals(i->run);
	return db_run(i->owner.db, Q_SWEEP_PROGRESS, "iiiiiiiiiii", i->sweep, (int64_t)t.walk.files, (int64_t)t.files_done,
	    (int64_t)t.bytes, (int64_t)t.matches, (int64_t)t.partial, (int64_t)t.problems, (int64_t)t.crashed,
	    (int64_t)t.walk.links, (int64_t)t.walk.special, (int64_t)t.walk.elsewhere);
}

/* Not while a thread fills. */
static void
finish(struct inspect *i, enum sweep_state state, struct str problem)
{
	int64_t id = i->sweep;
	if (i->run)
		(void)!write_progress(i);
	(void)!db_run(i->owner.db, Q_SWEEP_END, "iissi", id, (int64_t)state, problem, buf_str(&i->stopped_who), clock_now_ms());
	sweep_run_free(i->run);
	i->run = NULL;
	i->sweep = 0;
	i->stop = i->begun = false;
	i->next = true;
	buf_clear(&i->stopped_who);
	buf_clear(&i->folder);
	mem_free((void *)(uintptr_t)i->system.p);
	i->system = (struct str){0};
	i->owner.sweep_changed(i->owner.user, id);
}

static void
put_error(struct inspect *i, struct str path, struct str what)
{
	struct buf clean = BUF_INIT_MAX(2 * PATH_KEPT);
	text_clean(path, PATH_KEPT, &clean);
	(void)!db_run(i->owner.db, Q_SWEEP_ERROR_PUT, "issi", i->sweep, buf_str(&clean), what, (int64_t)SWEEP_ERRORS_KEPT);
	buf_release(&clean);
}

static void
on_problem(void *user, struct str path, int error)
{
	put_error(user, path, str_z(error_name(error)));
}

static int
write_match(struct inspect *i, struct str path, const struct scan_answer *a, struct str json)
{
	struct buf hex = BUF_INIT_MAX(65);
	buf_add_hex(&hex, a->sha256, sizeof a->sha256);
	const struct alarm alarm = {STR(""), path, buf_str(&hex), STR(""), i->system, &a->found};
	int error = db_run(i->owner.db, Q_SWEEP_MATCH_PUT, "issiisi", i->sweep, path, buf_str(&hex), (int64_t)a->bytes,
	    (int64_t)a->partial, json, (int64_t)SWEEP_MATCHES_KEPT);
	if (!error && db_changed(i->owner.db))
		error = evidence_hit(i->owner.db, i->sweep, path, buf_str(&hex), (int64_t)a->bytes, clock_now_ms());
	if (!error)
		error = alarm_write(i, &alarm, clock_now_ms());
	buf_release(&hex);
	return error;
}

static void
keep_match(struct inspect *i, struct str path, const struct scan_answer *a)
{
	struct buf json = BUF_INIT_MAX(MATCHES_BYTES), clean = BUF_INIT_MAX(2 * PATH_KEPT);
	match_json(&json, &a->found);
	if (json.over) {
		buf_clear(&json);
		buf_add(&json, STR("[]"));
	}
	text_clean(path, PATH_KEPT, &clean);
	int error = db_begin(i->owner.db);
	if (!error) {
		error = db_end_transaction(i->owner.db, write_match(i, buf_str(&clean), a, buf_str(&json)));
		alarm_done(i, !error);
	}
	if (error) /* counted as a match, and here by name */
		put_error(i, path, STR("not_written"));
	buf_release(&json);
	buf_release(&clean);
}

static void go_on(struct inspect *i);

static void
on_kick(void *user)
{
	struct inspect *i = user;
	i->kick = NULL;
	go_on(i);
}

/* The run is in the middle of telling us something: later. */
static void
kick(struct inspect *i)
{
	if (!i->kick)
		i->kick = loop_add_timer(i->owner.loop, 0, 0, on_kick, i);
}

static void
on_answer(void *user, struct str path, const struct scan_answer *a)
{
	struct inspect *i = user;
	kick(i);
	if (a->outcome != SCAN_DONE)
		put_error(i, path, str_z(scan_outcome_name(a->outcome)));
	else if (a->found.matches)
		keep_match(i, path, a);
}

static void
on_end(void *user)
{
	struct inspect *i = user;
	i->stop = true;
	kick(i);
}

static const struct sweep_events sweep_events = {on_answer, on_problem, on_end};

static void
fill(void *user)
{
	struct inspect *i = user;
	sweep_run_fill(i->run);
}

static void
filled(void *user, bool cancelled)
{
	struct inspect *i = user;
	i->filling = false;
	if (cancelled)
		return;
	i->begun = false;
	if (!i->stop)
		sweep_run_submit(i->run);
	go_on(i);
}

/* --- its folder --- */

/* Which of the folders that may be swept holds it; what remains below. */
static int
find_root(const struct options *o, struct str folder, struct str *ret_root, struct str *ret_below)
{
	if (!folder.n || folder.p[0] != '/' || folder.n >= WALK_PATH_MAX || memchr(folder.p, '\0', folder.n) ||
	    !str_is_utf8(folder))
		return E_INVALID;
	for (uint32_t n = 0; n < o->sweep_count; n++) {
		struct str root = str_z(o->sweep[n]);
		while (root.n > 1 && root.p[root.n - 1] == '/')
			root.n--;
		if (!str_starts(folder, root))
			continue;
		struct str below = str_skip(folder, root.n);
		if (below.n && below.p[0] != '/' && root.n > 1)
			continue; /* /srv/www2 is not below /srv/www */
		*ret_root = root;
		*ret_below = below;
		return 0;
	}
	return E_DENIED;
}

static int
open_walk(const struct options *o, struct str folder, struct walk **ret)
{
	struct str root, below;
	char path[OPTION_TEXT_BYTES];
	TRY(find_root(o, folder, &root, &below));
	str_to_z(root, path, sizeof path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_from_errno(errno);
	int error = walk_open(fd, root, below, ret);
	close(fd);
	return error;
}

/* On a pool thread: a folder of a server that has gone away answers when it likes. */
static void
open_folder(void *user)
{
	struct inspect *i = user;
	i->walk_error = open_walk(i->owner.options, buf_str(&i->folder), &i->walk);
}

static void
opened(void *user, bool cancelled)
{
	struct inspect *i = user;
	i->filling = false;
	if (cancelled)
		return;
	if (i->walk_error) {
		finish(i, SWEEP_FAILED, str_z(error_name(i->walk_error)));
		return;
	}
	i->run = sweep_run_new(i->walk, i->scanner, &sweep_events, i);
	i->walk = NULL;
	go_on(i);
}

/* --- step by step --- */

static void
go_on(struct inspect *i)
{
	if (i->filling || !i->sweep)
		return;
	if (i->stop) {
		bool whole = !i->stopped_who.n;
		finish(i, whole ? SWEEP_DONE : SWEEP_STOPPED, STR(""));
		return;
	}
	if (!i->run) {
		i->filling = pool_submit(i->owner.pool, open_folder, opened, i) == 0;
		return;
	}
	if (!i->begun && !(i->begun = sweep_run_begin(i->run)))
		return;
	i->filling = pool_submit(i->owner.pool, fill, filled, i) == 0; /* busy: the next tick comes again */
}

/* --- starting --- */

static void
start(struct inspect *i, int64_t id, struct str folder, struct str system, int64_t now_ms)
{
	if (db_run(i->owner.db, Q_SWEEP_START, "ii", id, now_ms))
		return; /* still waiting, tried again */
	i->sweep = id;
	buf_add(&i->folder, folder);
	char *copy = mem_calloc(system.n + 1, 1);
	memcpy(copy, system.n ? system.p : "", system.n);
	i->system = str_from(copy, system.n);
	i->owner.sweep_changed(i->owner.user, id);
	go_on(i);
}

static void
start_next(struct inspect *i, int64_t now_ms)
{
	struct db_rows *rows;
	struct arena arena;
	struct str folder = {0}, system = {0};
	int64_t id = 0;
	if (db_query(i->owner.db, &rows, Q_SWEEP_NEXT, "") < 0)
		return;
	arena_init(&arena, 4096, 64 << 10);
	if (db_next(rows) > 0 && arena_copy(&arena, db_text(rows, 1), &folder) && arena_copy(&arena, db_text(rows, 2), &system))
		id = db_i64(rows, 0);
	db_end(rows);
	i->next = id != 0;
	if (id)
		start(i, id, folder, system, now_ms);
	arena_release(&arena);
}

/* What ran when core died is told as it is: it was not finished. */
void
sweep_open(struct inspect *i)
{
	(void)!db_run(i->owner.db, Q_SWEEP_INTERRUPTED, "i", clock_now_ms());
	i->next = true;
}

void
sweep_tick(struct inspect *i, int64_t now_ms)
{
	go_on(i);
	if (i->run && i->ticks % 2 == 0) {
		(void)!write_progress(i);
		i->owner.sweep_changed(i->owner.user, i->sweep);
	}
	if (!i->sweep && i->next)
		start_next(i, now_ms);
}

/* The next start says that it was interrupted. */
void
sweep_close(struct inspect *i)
{
	if (i->run)
		(void)!write_progress(i);
	loop_remove_timer(i->kick);
	sweep_run_free(i->run);
	i->run = NULL;
	walk_free(i->walk);
	i->walk = NULL;
	buf_release(&i->folder);
	mem_free((void *)(uintptr_t)i->system.p);
}

/* --- what people ask --- */

int
sweep_check(const struct options *o, struct str folder)
{
	struct walk *walk;
	TRY(open_walk(o, folder, &walk));
	walk_free(walk);
	return 0;
}

int
sweep_new(struct inspect *i, struct str folder, struct str system, struct str who, int64_t now_ms, int64_t *ret_id)
{
	int64_t waiting = 0;
	TRY(db_number(i->owner.db, &waiting, Q_SWEEP_WAITING_COUNT, ""));
	if (waiting >= SWEEPS_WAITING)
		return E_BUSY;
	TRY(db_number(i->owner.db, ret_id, Q_SWEEP_NEW, "sssi", folder, who, system, now_ms));
	i->next = true;
	i->owner.sweep_changed(i->owner.user, *ret_id);
	return 0;
}

int
sweep_stop(struct inspect *i, int64_t id, struct str who, int64_t now_ms)
{
	struct arena arena;
	struct sweep s;
	arena_init(&arena, 4096, 1 << 20);
	int error = sweep_get(i, id, &arena, &s);
	arena_release(&arena);
	TRY(error);
	if (s.state == SWEEP_QUEUED) {
		TRY(db_run(i->owner.db, Q_SWEEP_END, "iissi", id, (int64_t)SWEEP_STOPPED, STR(""), who, now_ms));
		i->owner.sweep_changed(i->owner.user, id);
		return 0;
	}
	if (s.state != SWEEP_RUNNING || id != i->sweep || i->stop)
		return E_CONFLICT;
	buf_clear(&i->stopped_who);
	buf_add(&i->stopped_who, who);
	i->stop = true;
	kick(i); /* not here: the transaction of the call is not ours */
	return 0;
}

static bool
read_row(struct inspect *i, struct db_rows *rows, struct arena *arena, struct sweep *s)
{
	*s = (struct sweep){.id = db_i64(rows, 0), .state = (enum sweep_state)db_i64(rows, 2)};
	struct str *const text[] = {&s->problem, &s->who, &s->system, &s->stopped_who};
	int64_t *const number[] = {&s->created_ms, &s->started_ms, &s->ended_ms, &s->files, &s->files_done, &s->bytes, &s->matches,
		&s->partial, &s->errors, &s->crashed, &s->links, &s->special, &s->elsewhere};
	for (size_t n = 0; n < COUNT(number); n++)
		*number[n] = db_i64(rows, 7 + (int)n);
	for (size_t n = 0; n < COUNT(text); n++)
		if (!arena_copy(arena, db_text(rows, 3 + (int)n), text[n]))
			return false;
	return arena_copy(arena, db_text(rows, 1), &s->folder);
}

int
sweep_get(struct inspect *i, int64_t id, struct arena *arena, struct sweep *ret)
{
	struct db_rows *rows;
	struct sweep s;
	TRY(db_query(i->owner.db, &rows, Q_SWEEP_GET, "i", id));
	int more = db_next(rows);
	if (more > 0 && !read_row(i, rows, arena, &s))
		more = E_LIMIT;
	if (more > 0)
		*ret = s;
	return db_end_one(rows, more);
}

int
sweep_list(struct inspect *i, int64_t before, uint32_t limit, struct arena *arena, struct sweep **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct sweep *list = arena_calloc(arena, limit, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(i->owner.db, &rows, Q_SWEEP_LIST, "ii", before, (int64_t)limit));
	while ((more = db_next(rows)) > 0 && n < limit)
		if (!read_row(i, rows, arena, &list[n++])) {
			more = E_LIMIT;
			break;
		}
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	return 0;
}

int
sweep_count(struct inspect *i, int64_t *ret)
{
	return db_number(i->owner.db, ret, Q_SWEEP_COUNT, "");
}

int
sweep_matches(struct inspect *i, int64_t id, struct arena *arena, struct sweep_match **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct sweep_match *list = arena_calloc(arena, SWEEP_MATCHES_KEPT, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(i->owner.db, &rows, Q_SWEEP_MATCH_OF, "ii", id, (int64_t)SWEEP_MATCHES_KEPT));
	while ((more = db_next(rows)) > 0 && n < SWEEP_MATCHES_KEPT) {
		struct sweep_match *m = &list[n++];
		*m = (struct sweep_match){.bytes = db_i64(rows, 2), .partial = db_i64(rows, 3) != 0};
		if (!arena_copy(arena, db_text(rows, 0), &m->path) || !arena_copy(arena, db_text(rows, 1), &m->sha256) ||
		    !arena_copy(arena, db_text(rows, 4), &m->matches)) {
			more = E_LIMIT;
			break;
		}
	}
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	return 0;
}

int
sweep_errors(struct inspect *i, int64_t id, struct arena *arena, struct sweep_error **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct sweep_error *list = arena_calloc(arena, SWEEP_ERRORS_KEPT, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(i->owner.db, &rows, Q_SWEEP_ERROR_OF, "ii", id, (int64_t)SWEEP_ERRORS_KEPT));
	while ((more = db_next(rows)) > 0 && n < SWEEP_ERRORS_KEPT) {
		struct sweep_error *e = &list[n++];
		if (!arena_copy(arena, db_text(rows, 0), &e->path) || !arena_copy(arena, db_text(rows, 1), &e->what)) {
			more = E_LIMIT;
			break;
		}
	}
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	return 0;
}
