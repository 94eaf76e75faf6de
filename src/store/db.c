/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/db_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

static const struct {
	const char *name, *sqlite, *postgres;
} queries[] = {
#define Q(name, sqlite, postgres) {#name, sqlite, postgres},
#include "store/queries.inc"
#undef Q
};

struct step {
	int number;
	const char *digest; /* SHA-256 of the file: a shipped step is never edited */
	const char *sql;
};

static const struct step steps[] = {
#define M(number, digest, sql) {number, digest, sql},
#include "store/schema.inc"
#undef M
};

static const struct str schemes[] = {STR_INIT("postgresql://"), STR_INIT("postgres://")};

bool
db_is_address(struct str where)
{
	return str_starts(where, schemes[0]) || str_starts(where, schemes[1]);
}

int
db_version(void)
{
	return (int)COUNT(steps);
}

/* In a transaction nothing is believed after an error until it is rolled back: one engine would refuse by itself, the
 * other may have undone all of it already (a full disk) and would go on outside of it. */
static int
fail(struct db *db, int error)
{
	if (error < 0 && db->depth && !db->failed)
		db->failed = error;
	return error;
}

/* --- statements --- */

/* What follows a bad byte is read as a new letter: nothing but it is lost. */
static void
make_clean(struct db_value *v)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *to = v->owned = mem_alloc(v->text.n * 3 + 1);
	for (size_t i = 0; i < v->text.n;) {
		size_t n = v->text.p[i] ? utf8_length(v->text.p + i, v->text.n - i) : 0;
		memcpy(to, n ? v->text.p + i : replacement, n ? n : 3);
		to += n ? n : 3;
		i += n ? n : 1;
	}
	v->text = str_from(v->owned, (size_t)(to - v->owned));
}

static void
take_value(struct db_value *v, char type, va_list *args)
{
	*v = (struct db_value){.type = type};
	if (type == 'i')
		v->number = va_arg(*args, int64_t);
	else if (type == 's' || type == 'b')
		v->text = va_arg(*args, struct str);
	else
		assert(type == 'n');
	if (!v->text.p)
		v->text = STR("");
	if (type == 's' && (memchr(v->text.p, 0, v->text.n) || !str_is_utf8(v->text)))
		make_clean(v);
}

static int
start(struct db_rows *rows, const char *types, const struct db_value *values, int count)
{
	struct db *db = rows->db;
	assert(!rows->open);
	if (db->failed)
		return db->failed;
	TRY(fail(db, db->engine->prepare(rows, types)));
	TRY(fail(db, db->engine->start(rows, values, count)));
	rows->open = true;
	return 0;
}

static int
start_with(struct db_rows *rows, const char *types, va_list *args)
{
	struct db_value values[DB_PARAMETERS] = {0};
	int count = 0;
	for (; types[count]; count++) {
		assert(count < DB_PARAMETERS);
		take_value(&values[count], types[count], args);
	}
	int error = start(rows, types, values, count);
	for (int i = 0; i < count; i++)
		mem_free(values[i].owned);
	return error;
}

static const char *
text_of(const struct db *db, enum query q)
{
	return db->engine == &db_postgres && queries[q].postgres ? queries[q].postgres : queries[q].sqlite;
}

static struct db_rows *
rows_of(struct db *db, enum query q)
{
	assert(q < Q_COUNT);
	struct db_rows *rows = &db->rows[q];
	rows->db = db;
	rows->sql = text_of(db, q);
	return rows;
}

int
db_query(struct db *db, struct db_rows **ret, enum query q, const char *types, ...)
{
	struct db_rows *rows = rows_of(db, q);
	va_list args;
	va_start(args, types);
	int error = start_with(rows, types, &args);
	va_end(args);
	if (!error)
		*ret = rows;
	return error;
}

int
db_run(struct db *db, enum query q, const char *types, ...)
{
	struct db_rows *rows = rows_of(db, q);
	va_list args;
	va_start(args, types);
	int error = start_with(rows, types, &args);
	va_end(args);
	TRY(error);
	error = db_next(rows);
	db_end(rows);
	return error < 0 ? error : 0;
}

int
db_ask_values(struct db *db, struct db_rows **ret, const char *sql, const struct db_value *values, int count)
{
	char types[DB_PARAMETERS + 1] = {0};
	struct db_rows *rows = MEM_NEW(struct db_rows);
	assert(count <= DB_PARAMETERS);
	for (int i = 0; i < count; i++)
		types[i] = values[i].type;
	*rows = (struct db_rows){.db = db, .sql = sql, .once = true};
	int error = start(rows, types, values, count);
	if (error) {
		db->engine->forget(rows);
		mem_free(rows);
		return error;
	}
	*ret = rows;
	return 0;
}

int
db_ask(struct db *db, struct db_rows **ret, const char *sql, const char *types, ...)
{
	struct db_value values[DB_PARAMETERS] = {0};
	va_list args;
	int count = 0;
	va_start(args, types);
	for (; types[count]; count++)
		take_value(&values[count], types[count], &args);
	va_end(args);
	int error = db_ask_values(db, ret, sql, values, count);
	for (int i = 0; i < count; i++)
		mem_free(values[i].owned);
	return error;
}

static int
end_number(struct db_rows *rows, int64_t *ret)
{
	int more = db_next(rows);
	if (more > 0)
		*ret = db_i64(rows, 0);
	db_end(rows);
	return more < 0 ? more : 0;
}

int
db_number(struct db *db, int64_t *ret, enum query q, const char *types, ...)
{
	struct db_rows *rows = rows_of(db, q);
	va_list args;
	va_start(args, types);
	int error = start_with(rows, types, &args);
	va_end(args);
	return error ? error : end_number(rows, ret);
}

int
db_ask_number(struct db *db, const char *sql, int64_t *ret)
{
	struct db_rows *rows;
	TRY(db_ask(db, &rows, sql, ""));
	return end_number(rows, ret);
}

int64_t
db_changed(struct db *db)
{
	return db->engine->changed(db);
}

int
db_next(struct db_rows *rows)
{
	return fail(rows->db, rows->db->engine->next(rows));
}

void
db_end(struct db_rows *rows)
{
	if (!rows)
		return;
	if (rows->open)
		(void)!fail(rows->db, rows->db->engine->end(rows));
	rows->open = false;
	if (rows->once) {
		rows->db->engine->forget(rows);
		mem_free(rows);
	}
}

int64_t
db_i64(struct db_rows *rows, int column)
{
	return rows->db->engine->number(rows, column);
}

struct str
db_text(struct db_rows *rows, int column)
{
	return rows->db->engine->text(rows, column);
}

bool
db_is_null(struct db_rows *rows, int column)
{
	return rows->db->engine->kind(rows, column) == 'n';
}

struct str
db_text_kept(struct db_rows *rows, int column, struct arena *arena)
{
	struct str s = db_text(rows, column), kept;
	return s.n && arena_copy(arena, s, &kept) ? kept : (struct str){0};
}

int
db_end_one(struct db_rows *rows, int more)
{
	db_end(rows);
	return more > 0 ? 0 : more < 0 ? more : E_NOT_FOUND;
}

char
db_kind(struct db_rows *rows, int column)
{
	return rows->db->engine->kind(rows, column);
}

int
db_columns(struct db_rows *rows)
{
	return rows->db->engine->columns(rows);
}

int
db_script(struct db *db, const char *sql)
{
	return fail(db, db->engine->script(db, sql));
}

int
db_check_query(struct db *db, enum query q, const char *types, struct fault *f)
{
	struct db_rows *rows = rows_of(db, q);
	struct buf arg = BUF_INIT;
	int error = db->engine->prepare(rows, types);
	if (error) {
		buf_addf(&arg, "%s: %s", queries[q].name, db->engine->reason(db));
		fault_set(f, error, "database_query", buf_str(&arg), 0, 0);
		buf_release(&arg);
	}
	return error;
}

/* --- transactions --- */

/* SQL:1999 savepoints, the same on both. */
static int
run_savepoint(struct db *db, const char *word)
{
	char sql[48];
	snprintf(sql, sizeof sql, "%s inner_%d", word, db->depth);
	return db->engine->script(db, sql);
}

int
db_begin(struct db *db)
{
	if (db->failed)
		return db->failed;
	TRY(fail(db, db->depth ? run_savepoint(db, "SAVEPOINT") : db->engine->begin(db)));
	db->depth++;
	return 0;
}

int
db_commit(struct db *db)
{
	assert(db->depth > 0);
	if (db->failed)
		return db->failed;
	db->depth--;
	int error = db->depth ? run_savepoint(db, "RELEASE") : db->engine->script(db, "COMMIT");
	if (error)
		db->depth++; /* still open: the caller rolls back */
	return fail(db, error);
}

void
db_rollback(struct db *db)
{
	if (!db->depth)
		return;
	db->depth--;
	db->failed = 0;
	if (!db->depth) {
		(void)!db->engine->script(db, "ROLLBACK");
		return;
	}
	int error = run_savepoint(db, "ROLLBACK TO");
	if (!error)
		error = run_savepoint(db, "RELEASE");
	fail(db, error);
}

int
db_end_transaction(struct db *db, int error)
{
	if (!error)
		error = db_commit(db);
	if (error)
		db_rollback(db);
	return error;
}

/* --- schema --- */

/* A schema step in the engine's words. */
static void
put_words(const struct db_engine *e, const char *sql, struct buf *out)
{
	for (struct str rest = str_z(sql); rest.n;) {
		size_t i = 0;
		while (i < e->word_count && !str_starts(rest, e->words[i].token))
			i++;
		buf_add(out, i < e->word_count ? e->words[i].word : str_cut(rest, 0, 1));
		rest = str_skip(rest, i < e->word_count ? e->words[i].token.n : 1);
	}
}

static int
version_of(struct db *db, int64_t *ret)
{
	*ret = 0;
	return db_ask_number(db, "SELECT coalesce(max(number), 0) FROM schema_version", ret);
}

static int
step_body(struct db *db, const struct step *s)
{
	struct buf sql = BUF_INIT;
	int64_t have;
	TRY(version_of(db, &have));
	if (have >= s->number)
		return 0; /* another program did it while we waited for our turn */
	put_words(db->engine, s->sql, &sql);
	buf_addf(&sql, "; INSERT INTO schema_version (number, digest) VALUES (%d, '%s')", s->number, s->digest);
	int error = db_script(db, sql.p);
	buf_release(&sql);
	return error;
}

static int
run_step(struct db *db, const struct step *s)
{
	TRY(db_begin(db));
	return db_end_transaction(db, step_body(db, s));
}

static int
make_version_table(struct db *db)
{
	struct buf sql = BUF_INIT;
	put_words(db->engine, "CREATE TABLE IF NOT EXISTS schema_version (number {INT} PRIMARY KEY, digest TEXT NOT NULL) {STRICT}",
	    &sql);
	int error = db_begin(db);
	if (!error)
		error = db_script(db, sql.p);
	error = db_end_transaction(db, error);
	buf_release(&sql);
	return error;
}

/* Are the steps that were taken there ours, without a gap? */
static int
compare_steps(struct db *db, int64_t have)
{
	struct buf sql = BUF_INIT;
	int64_t same = 0;
	buf_add(&sql, STR("SELECT count(*) FROM schema_version WHERE 1 = 0"));
	for (int64_t i = 0; i < have; i++)
		buf_addf(&sql, " OR (number = %d AND digest = '%s')", steps[i].number, steps[i].digest);
	int error = db_ask_number(db, sql.p, &same);
	buf_release(&sql);
	return error ? error : same == have ? 0 : E_CORRUPT;
}

static int
migrate(struct db *db, int upto, struct fault *f)
{
	int64_t have;
	TRY(make_version_table(db));
	TRY(version_of(db, &have));
	if (have > (int64_t)COUNT(steps))
		return fault_set(f, E_UNSUPPORTED, "database_newer", str_z(db->where), 0, 0);
	int error = compare_steps(db, have);
	if (error)
		return error == E_CORRUPT ? fault_set(f, error, "database_steps", str_z(db->where), 0, 0) : error;
	if (have != 0 && have < upto && db->engine->backup)
		TRY(db->engine->backup(db, (int)have));
	if (have != 0 && have < upto && db->engine->own_alone(db) < 0)
		return fault_set(f, E_BUSY, "database_in_use", STR(""), 0, 0); /* an older program is serving it */
	for (int64_t i = have; i < upto; i++)
		TRY(run_step(db, &steps[i]));
	return 0;
}

int
db_schema(struct db *db, int *ret)
{
	int64_t have = 0;
	if (version_of(db, &have) < 0 || !have)
		return db_lost(db) ? E_IO : E_NOT_FOUND;
	if (have > (int64_t)COUNT(steps))
		return E_UNSUPPORTED;
	TRY(compare_steps(db, have));
	*ret = (int)have;
	return 0;
}

/* Every table that one of our steps makes. */
static void
put_drops(struct buf *sql)
{
	static const struct str make = STR_INIT("CREATE TABLE ");
	buf_add(sql, STR("DROP TABLE IF EXISTS schema_version"));
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct str rest = str_z(steps[i].sql), name;
		for (int64_t at; (at = str_find(rest, make)) >= 0;) {
			rest = str_skip(rest, (size_t)at + make.n);
			if (str_split(&rest, ' ', &name))
				buf_addf(sql, ", %.*s", STR_ARG(name));
		}
	}
	buf_add(sql, STR(" CASCADE"));
}

int
db_start_over(struct db *db, int version)
{
	struct buf sql = BUF_INIT;
	assert(db->depth && version <= (int)COUNT(steps) && db_remote(db));
	put_drops(&sql);
	int error = db_script(db, sql.p);
	buf_release(&sql);
	TRY(error);
	TRY(make_version_table(db));
	for (int i = 0; i < version; i++)
		TRY(run_step(db, &steps[i]));
	return 0;
}

/* --- open, close --- */

static struct db *
db_new(struct str where)
{
	struct db *db = MEM_NEW(struct db);
	db->engine = db_is_address(where) ? &db_postgres : &db_sqlite;
	pthread_mutex_init(&db->lock, NULL);
	if (db->engine == &db_postgres)
		str_to_z(where, db->where, sizeof db->where);
	else if (where.n)
		snprintf(db->where, sizeof db->where, "%.*s/khien.db", STR_ARG(where));
	else
		snprintf(db->where, sizeof db->where, ":memory:");
	return db;
}

static void
db_free(struct db *db)
{
	for (size_t i = 0; i < Q_COUNT; i++)
		if (db->rows[i].own)
			db->engine->forget(&db->rows[i]);
	db->engine->close(db);
	pthread_mutex_destroy(&db->lock);
	mem_free(db);
}

static int
open_where(struct str where, int version, bool read, struct db **ret, struct fault *f)
{
	struct fault local = {0};
	f = f ? f : &local;
	f->code = 0;
	if (where.n + sizeof "/khien.db" > sizeof ((struct db *)0)->where)
		return fault_set(f, E_LIMIT, "database_open", where, 0, 0);
	struct db *db = db_new(where);
	int error = read ? db->engine->open_read(db, f) : db->engine->open(db, f);
	if (!error && !read)
		error = migrate(db, version, f);
	if (error && !f->code)
		fault_set(f, error, "database_open", str_z(db->where), 0, 0);
	if (error) {
		db_free(db);
		return error;
	}
	*ret = db;
	return 0;
}

int
db_open_at(struct str where, int version, struct db **ret, struct fault *f)
{
	return open_where(where, version, false, ret, f);
}

int
db_open(struct str where, struct db **ret, struct fault *f)
{
	return open_where(where, db_version(), false, ret, f);
}

int
db_open_read(struct str where, struct db **ret, struct fault *f)
{
	return open_where(where, 0, true, ret, f);
}

int
db_own(struct db *db)
{
	return db->engine->own_alone(db);
}

bool
db_remote(const struct db *db)
{
	return !db->engine->beside_by_path;
}

bool
db_lost(struct db *db)
{
	bool lost = db->engine->lost(db);
	for (size_t i = 0; i < DB_SPARES; i++)
		lost = lost || (db->spare[i] && db->engine->lost(db->spare[i]));
	return lost;
}

/* --- beside --- */

int
db_spare(struct db *db, unsigned count, struct fault *f)
{
	assert(count <= DB_SPARES && !db->owner);
	for (unsigned i = 0; i < count && !db->engine->beside_by_path; i++) {
		struct db *spare = db_new(str_z(db->where));
		spare->owner = db;
		int error = spare->engine->open(spare, f);
		if (error) {
			db_free(spare);
			return error;
		}
		db->spare[i] = spare;
	}
	return 0;
}

static int
open_by_path(struct db *db, struct db **ret, struct fault *f)
{
	struct db *second = MEM_NEW(struct db);
	second->engine = db->engine;
	pthread_mutex_init(&second->lock, NULL);
	memcpy(second->where, db->where, sizeof second->where);
	int error = second->engine->open(second, f);
	if (error) {
		db_free(second);
		return error;
	}
	*ret = second;
	return 0;
}

int
db_beside(struct db *db, struct db **ret, struct fault *f)
{
	int error = E_BUSY;
	if (db->engine->beside_by_path)
		return open_by_path(db, ret, f);
	pthread_mutex_lock(&db->lock);
	for (size_t i = 0; i < DB_SPARES && error; i++) {
		if (!db->spare[i] || db->spare_used[i])
			continue;
		db->spare_used[i] = true;
		*ret = db->spare[i];
		error = 0;
	}
	pthread_mutex_unlock(&db->lock);
	return error ? fault_set(f, error, "database_open", str_z(db->where), 0, 0) : 0;
}

static void
give_back(struct db *db)
{
	struct db *owner = db->owner;
	while (db->depth)
		db_rollback(db);
	pthread_mutex_lock(&owner->lock);
	for (size_t i = 0; i < DB_SPARES; i++)
		if (owner->spare[i] == db)
			owner->spare_used[i] = false;
	pthread_mutex_unlock(&owner->lock);
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	if (db->owner) {
		give_back(db);
		return;
	}
	for (size_t i = 0; i < DB_SPARES; i++)
		if (db->spare[i])
			db_free(db->spare[i]);
	db_free(db);
}
