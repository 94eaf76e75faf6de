/* SPDX-License-Identifier: EUPL-1.2 */
/* SQLite: one file in the data folder. */
#include "store/db_private.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static sqlite3_stmt *
statement_of(const struct db_rows *rows)
{
	return rows->own;
}

int
db_sqlite_error(int code)
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
script(struct db *db, const char *sql)
{
	return db_sqlite_error(sqlite3_exec(db->own, sql, NULL, NULL, NULL));
}

static int
begin(struct db *db)
{
	return script(db, "BEGIN IMMEDIATE");
}

static struct str
text_argument(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);
	return str_from(text, text ? (size_t)sqlite3_value_bytes(value) : 0);
}

/* holds(text, needle): what sqlgen makes of LIKE. */
static void
run_holds(sqlite3_context *context, int count, sqlite3_value **values)
{
	if (sqlite3_value_type(values[0]) == SQLITE_NULL || sqlite3_value_type(values[1]) == SQLITE_NULL)
		sqlite3_result_null(context);
	else
		sqlite3_result_int(context, str_find_nocase(text_argument(values[0]), text_argument(values[1])) >= 0);
}

static int
add_functions(sqlite3 *sqlite)
{
	return db_sqlite_error(sqlite3_create_function(sqlite, "holds", 2,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL, run_holds, NULL, NULL));
}

static int
open_file(struct db *db, struct fault *f)
{
	sqlite3 *sqlite = NULL;
	int code = sqlite3_open_v2(db->where, &sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	db->own = sqlite;
	if (code != SQLITE_OK)
		return fault_set(f, db_sqlite_error(code), "database_open", str_z(db->where), 0, 0);
	sqlite3_extended_result_codes(sqlite, 1);
	sqlite3_busy_timeout(sqlite, 2000);
	TRY(add_functions(sqlite));
	return script(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
			  "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON; PRAGMA cache_size=-4000;"
			  "PRAGMA temp_store=MEMORY"); /* core may open no file outside its folder */
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

static int
open_file_read(struct db *db, struct fault *f)
{
	struct buf uri = BUF_INIT;
	sqlite3 *sqlite = NULL;
	struct stat wal;
	char path[600];
	snprintf(path, sizeof path, "%s-wal", db->where);
	bool closed = stat(path, &wal) < 0 || wal.st_size == 0;
	buf_add(&uri, STR("file:"));
	add_uri_path(&uri, db->where);
	buf_add(&uri, closed ? STR("?immutable=1") : STR("?mode=ro")); /* else a -wal and -shm would be made beside it */
	int error = access(db->where, F_OK) < 0 ? error_from_errno(errno) : 0;
	if (!error)
		error = db_sqlite_error(sqlite3_open_v2(uri.p, &sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL));
	db->own = sqlite;
	buf_release(&uri);
	TRY(error);
	sqlite3_extended_result_codes(sqlite, 1);
	sqlite3_busy_timeout(sqlite, 2000);
	TRY(add_functions(sqlite));
	return script(db, "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; SELECT count(*) FROM sqlite_schema");
}

static void
close_file(struct db *db)
{
	sqlite3_close(db->own);
}

static int
backup(struct db *db, int version)
{
	char path[600];
	sqlite3_stmt *statement;
	snprintf(path, sizeof path, "%s.before-%03d", db->where, version);
	unlink(path);
	TRY(db_sqlite_error(sqlite3_prepare_v2(db->own, "VACUUM INTO $1", -1, &statement, NULL)));
	sqlite3_bind_text(statement, 1, path, -1, SQLITE_TRANSIENT);
	int code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return db_sqlite_error(code);
}

static int
prepare(struct db_rows *rows, const char *types)
{
	sqlite3_stmt *statement = NULL;
	if (rows->own)
		return 0;
	TRY(db_sqlite_error(sqlite3_prepare_v3(rows->db->own, rows->sql, -1, rows->once ? 0 : SQLITE_PREPARE_PERSISTENT,
	    &statement, NULL)));
	rows->own = statement;
	return 0;
}

static void
forget(struct db_rows *rows)
{
	sqlite3_finalize(rows->own);
	rows->own = NULL;
}

static void
bind_one(sqlite3_stmt *statement, int at, const struct db_value *v)
{
	switch (v->type) {
	case 'i':
		sqlite3_bind_int64(statement, at, v->number);
		break;
	case 's':
		sqlite3_bind_text64(statement, at, v->text.p, v->text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case 'b':
		sqlite3_bind_blob64(statement, at, v->text.p, v->text.n, SQLITE_TRANSIENT);
		break;
	default:
		sqlite3_bind_null(statement, at);
	}
}

static int
start(struct db_rows *rows, const struct db_value *values, int count)
{
	sqlite3_stmt *statement = statement_of(rows);
	assert(count == sqlite3_bind_parameter_count(statement));
	/* $1, $2 ... are numbered by their first standing in the text, so each is bound by its name. */
	for (int i = 0; i < count; i++) {
		char name[12];
		snprintf(name, sizeof name, "$%d", i + 1);
		int at = sqlite3_bind_parameter_index(statement, name);
		assert(at > 0);
		bind_one(statement, at, &values[i]);
	}
	return 0;
}

static int
next(struct db_rows *rows)
{
	int code = sqlite3_step(statement_of(rows));
	return code == SQLITE_ROW ? 1 : db_sqlite_error(code);
}

static int
end(struct db_rows *rows)
{
	sqlite3_reset(statement_of(rows)); /* its answer repeats what step said */
	sqlite3_clear_bindings(statement_of(rows));
	return 0;
}

static int64_t
number(struct db_rows *rows, int column)
{
	return sqlite3_column_int64(statement_of(rows), column);
}

static struct str
text(struct db_rows *rows, int column)
{
	const char *p = sqlite3_column_blob(statement_of(rows), column);
	return str_from(p, p ? (size_t)sqlite3_column_bytes(statement_of(rows), column) : 0);
}

static char
kind(struct db_rows *rows, int column)
{
	switch (sqlite3_column_type(statement_of(rows), column)) {
	case SQLITE_INTEGER:
		return 'i';
	case SQLITE_BLOB:
		return 'b';
	case SQLITE_NULL:
		return 'n';
	default:
		return 's';
	}
}

static int
columns(struct db_rows *rows)
{
	return sqlite3_column_count(statement_of(rows));
}

static int64_t
changed(struct db *db)
{
	return sqlite3_changes64(db->own);
}

static bool
lost(struct db *db)
{
	return false;
}

static const char *
reason(struct db *db)
{
	return sqlite3_errmsg(db->own);
}

static int
own_alone(struct db *db)
{
	return 0; /* whoever serves holds the lock of the data folder */
}

static const struct db_word words[] = {
	{STR_INIT("{ID}"), STR_INIT("INTEGER PRIMARY KEY")},
	{STR_INIT("{INT}"), STR_INIT("INTEGER")},
	{STR_INIT("{BLOB}"), STR_INIT("BLOB")},
	{STR_INIT("{STRICT}"), STR_INIT("STRICT")},
};

const struct db_engine db_sqlite = {
	.open = open_file,
	.open_read = open_file_read,
	.close = close_file,
	.script = script,
	.begin = begin,
	.prepare = prepare,
	.forget = forget,
	.start = start,
	.next = next,
	.end = end,
	.number = number,
	.text = text,
	.kind = kind,
	.columns = columns,
	.changed = changed,
	.lost = lost,
	.reason = reason,
	.own_alone = own_alone,
	.backup = backup,
	.words = words,
	.word_count = COUNT(words),
	.beside_by_path = true,
};
