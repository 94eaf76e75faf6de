/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"

struct db_rows {
	sqlite3_stmt *statement;
	bool open;
};

struct db {
	sqlite3 *sqlite;
	struct db_rows rows[Q_COUNT]; /* prepared at first use */
	char path[512];
	int depth; /* of transactions */
};

static const struct {
	const char *name, *sql;
} queries[] = {
#define Q(name, sql) {#name, sql},
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

static int
error_from_sqlite(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_CONSTRAINT:
		return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ? E_EXISTS : E_CONFLICT;
	case SQLITE_FULL:
		return E_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return E_BUSY;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return E_DENIED;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return E_CORRUPT;
	default:
		return E_IO;
	}
}

static int
run_text(struct db *db, const char *sql)
{
	return error_from_sqlite(sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

/* A schema step with its type tokens in SQLite's words. */
static void
sqlite_words(const char *sql, struct buf *out)
{
	static const struct {
		struct str token, word;
	} row[] = {
		{STR_INIT("{ID}"), STR_INIT("INTEGER PRIMARY KEY")},
		{STR_INIT("{INT}"), STR_INIT("INTEGER")},
		{STR_INIT("{BLOB}"), STR_INIT("BLOB")},
		{STR_INIT("{STRICT}"), STR_INIT("STRICT")},
	};
	for (struct str rest = str_z(sql); rest.n;) {
		size_t i = 0;
		while (i < COUNT(row) && !str_starts(rest, row[i].token))
			i++;
		if (i < COUNT(row)) {
			buf_add(out, row[i].word);
			rest = str_skip(rest, row[i].token.n);
		} else {
			buf_add_char(out, rest.p[0]);
			rest = str_skip(rest, 1);
		}
	}
}

/* First column of the first row; `fallback` when there is none (or no such table). */
static int64_t
number_of(struct db *db, const char *sql, int64_t fallback)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
		return fallback;
	if (sqlite3_step(statement) == SQLITE_ROW)
		fallback = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return fallback;
}

static int
backup_before(struct db *db, int version)
{
	char path[600];
	sqlite3_stmt *statement;
	snprintf(path, sizeof path, "%s.before-%03d", db->path, version);
	unlink(path);
	TRY(error_from_sqlite(sqlite3_prepare_v2(db->sqlite, "VACUUM INTO $1", -1, &statement, NULL)));
	sqlite3_bind_text(statement, 1, path, -1, SQLITE_TRANSIENT);
	int code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return error_from_sqlite(code);
}

static int
run_step(struct db *db, const struct step *s)
{
	struct buf sql = BUF_INIT;
	char note[200];
	snprintf(note, sizeof note, "INSERT INTO schema_version (number, digest) VALUES (%d, '%s')", s->number, s->digest);
	sqlite_words(s->sql, &sql);
	int error = run_text(db, "BEGIN IMMEDIATE");
	if (!error)
		error = run_text(db, sql.p);
	if (!error)
		error = run_text(db, note);
	if (!error)
		error = run_text(db, "COMMIT");
	if (error)
		run_text(db, "ROLLBACK");
	buf_release(&sql);
	return error;
}

static int
migrate(struct db *db, struct fault *f)
{
	TRY(run_text(db, "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT"));
	int64_t have = number_of(db, "SELECT max(number) FROM schema_version", 0);
	if (have > (int64_t)COUNT(steps))
		return fault_set(f, E_UNSUPPORTED, "database_newer", str_z(db->path), 0, 0);
	if (have != 0 && have != (int64_t)COUNT(steps))
		TRY(backup_before(db, (int)have));
	for (int64_t i = have; i < (int64_t)COUNT(steps); i++)
		TRY(run_step(db, &steps[i]));
	return 0;
}

static int
open_file(struct db *db, struct fault *f)
{
	int code = sqlite3_open_v2(db->path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (code != SQLITE_OK)
		return fault_set(f, error_from_sqlite(code), "database_open", str_z(db->path), 0, 0);
	sqlite3_extended_result_codes(db->sqlite, 1);
	sqlite3_busy_timeout(db->sqlite, 2000);
	int error = run_text(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
				 "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON; PRAGMA cache_size=-4000;"
				 "PRAGMA temp_store=MEMORY"); /* core may open no file outside its folder */
	if (!error)
		error = migrate(db, f);
	if (error && f && !f->code)
		fault_set(f, error, "database_open", str_z(db->path), 0, 0);
	return error;
}

int
db_open(struct str directory, struct db **ret, struct fault *f)
{
	struct db *db = MEM_NEW(struct db);
	struct fault local = {0};
	f = f ? f : &local;
	f->code = 0;
	if (directory.n)
		snprintf(db->path, sizeof db->path, "%.*s/khien.db", STR_ARG(directory));
	else
		snprintf(db->path, sizeof db->path, ":memory:");
	int error = open_file(db, f);
	if (error) {
		db_close(db);
		return error;
	}
	*ret = db;
	return 0;
}

/* A path as SQLite reads it in a URI: '?', '#' and '%' would end it or mean another byte. */
static void
add_uri_path(struct buf *out, const char *path)
{
	for (; *path; path++)
		if (strchr("?#%", *path))
			buf_addf(out, "%%%02x", (unsigned)(unsigned char)*path);
		else
			buf_add_char(out, *path);
}

int
db_open_read(struct str directory, struct db **ret, struct fault *f)
{
	struct db *db = MEM_NEW(struct db);
	struct buf uri = BUF_INIT;
	struct stat wal;
	char path[600];
	snprintf(db->path, sizeof db->path, "%.*s/khien.db", STR_ARG(directory));
	snprintf(path, sizeof path, "%s-wal", db->path);
	bool closed = stat(path, &wal) < 0 || wal.st_size == 0;
	buf_add(&uri, STR("file:"));
	add_uri_path(&uri, db->path);
	buf_add(&uri, closed ? STR("?immutable=1") : STR("?mode=ro")); /* else a -wal and -shm would be made beside it */
	int error = access(db->path, F_OK) < 0 ? error_from_errno(errno) : 0;
	if (!error)
		error = error_from_sqlite(sqlite3_open_v2(uri.p, &db->sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL));
	if (!error) {
		sqlite3_extended_result_codes(db->sqlite, 1);
		sqlite3_busy_timeout(db->sqlite, 2000);
		error = run_text(db, "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; SELECT count(*) FROM sqlite_schema");
	}
	buf_release(&uri);
	if (error) {
		fault_set(f, error, "database_open", str_z(db->path), 0, 0);
		db_close(db);
		return error;
	}
	*ret = db;
	return 0;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < Q_COUNT; i++)
		sqlite3_finalize(db->rows[i].statement);
	sqlite3_close(db->sqlite);
	mem_free(db);
}

/* SQL:1999 savepoints, the same on PostgreSQL. */
static int
run_savepoint(struct db *db, const char *word)
{
	char sql[48];
	snprintf(sql, sizeof sql, "%s inner_%d", word, db->depth);
	return run_text(db, sql);
}

int
db_begin(struct db *db)
{
	TRY(db->depth ? run_savepoint(db, "SAVEPOINT") : run_text(db, "BEGIN IMMEDIATE"));
	db->depth++;
	return 0;
}

int
db_commit(struct db *db)
{
	assert(db->depth > 0);
	db->depth--;
	int error = db->depth ? run_savepoint(db, "RELEASE") : run_text(db, "COMMIT");
	if (error)
		db->depth++; /* still open: the caller rolls back */
	return error;
}

void
db_rollback(struct db *db)
{
	if (!db->depth)
		return;
	db->depth--;
	if (!db->depth) {
		run_text(db, "ROLLBACK");
		return;
	}
	run_savepoint(db, "ROLLBACK TO");
	run_savepoint(db, "RELEASE");
}

static void
bind_one(sqlite3_stmt *statement, int at, char type, va_list *args)
{
	struct str s;
	switch (type) {
	case 'i':
		sqlite3_bind_int64(statement, at, va_arg(*args, int64_t));
		break;
	case 's':
		s = va_arg(*args, struct str);
		sqlite3_bind_text64(statement, at, s.p ? s.p : "", s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case 'b':
		s = va_arg(*args, struct str);
		sqlite3_bind_blob64(statement, at, s.p ? s.p : "", s.n, SQLITE_TRANSIENT);
		break;
	default:
		assert(type == 'n');
		sqlite3_bind_null(statement, at);
	}
}

static int
prepare(struct db *db, enum query q)
{
	struct db_rows *rows = &db->rows[q];
	if (rows->statement)
		return 0;
	return error_from_sqlite(sqlite3_prepare_v3(db->sqlite, queries[q].sql, -1, SQLITE_PREPARE_PERSISTENT,
	    &rows->statement, NULL));
}

int
db_check(struct db *db, struct fault *f)
{
	for (size_t q = 0; q < Q_COUNT; q++) {
		int error = prepare(db, (enum query)q);
		if (error)
			return fault_set(f, error, "database_query", str_z(queries[q].name), 0, 0);
	}
	return 0;
}

static int
start(struct db *db, enum query q, const char *types, va_list *args, struct db_rows **ret)
{
	struct db_rows *rows = &db->rows[q];
	assert(q < Q_COUNT && !rows->open);
	TRY(prepare(db, q));
	assert((int)strlen(types) == sqlite3_bind_parameter_count(rows->statement));
	/* $1, $2 ... are numbered by their first standing in the text, so each is bound by its name. */
	for (int i = 0; types[i]; i++) {
		char name[12];
		snprintf(name, sizeof name, "$%d", i + 1);
		int at = sqlite3_bind_parameter_index(rows->statement, name);
		assert(at > 0);
		bind_one(rows->statement, at, types[i], args);
	}
	rows->open = true;
	*ret = rows;
	return 0;
}

int
db_query(struct db *db, struct db_rows **ret, enum query q, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	int error = start(db, q, types, &args, ret);
	va_end(args);
	return error;
}

int
db_run(struct db *db, enum query q, const char *types, ...)
{
	struct db_rows *rows;
	va_list args;
	va_start(args, types);
	int error = start(db, q, types, &args, &rows);
	va_end(args);
	TRY(error);
	error = db_next(rows);
	db_end(rows);
	return error < 0 ? error : 0;
}

int64_t
db_changed(struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

int
db_next(struct db_rows *rows)
{
	int code = sqlite3_step(rows->statement);
	if (code == SQLITE_ROW)
		return 1;
	return error_from_sqlite(code);
}

void
db_end(struct db_rows *rows)
{
	if (!rows)
		return;
	sqlite3_reset(rows->statement);
	sqlite3_clear_bindings(rows->statement);
	rows->open = false;
}

int64_t
db_i64(struct db_rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement, column);
}

struct str
db_text(struct db_rows *rows, int column)
{
	const char *text = sqlite3_column_blob(rows->statement, column);
	return str_from(text, text ? (size_t)sqlite3_column_bytes(rows->statement, column) : 0);
}

bool
db_is_null(struct db_rows *rows, int column)
{
	return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}
