/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/db_copy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "store/db_private.h"

/* By number, as db_sqlite.c prepares them; here the file may be of any release. */
static const char *const queries[] = {
#define Q(name, sqlite, postgres) sqlite,
#include "store/queries.inc"
#undef Q
};

int
db_schema_known(void)
{
	return db_version();
}

/* A file that cannot be opened is, to who asks for a copy, none. */
static int
code_of(int sqlite)
{
	return (sqlite & 0xff) == SQLITE_CANTOPEN ? E_NOT_FOUND : db_sqlite_error(sqlite);
}

/* First column of the first row, as text of at most 159 bytes; false when there is none. */
static bool
ask(sqlite3 *db, const char *sql, char ret[160])
{
	sqlite3_stmt *statement;
	bool there = sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL;
	if (there)
		snprintf(ret, 160, "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return there;
}

static void
read_facts(sqlite3 *db, struct db_facts *ret)
{
	char text[160];
	int64_t number;
	uint64_t block;
	*ret = (struct db_facts){0};
	if (ask(db, queries[Q_SCHEMA_NOW], text) && str_to_i64(str_z(text), &number))
		ret->schema = (int)number;
	if (ask(db, queries[Q_FINDINGS_BLOCK_NOW], text) && str_to_u64(str_z(text), &block))
		ret->block = block;
}

static int
copy_pages(sqlite3 *from, sqlite3 *to)
{
	int code = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
	sqlite3_backup *b = code == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
	if (!b)
		return E_IO;
	code = sqlite3_backup_step(b, -1);
	int end = sqlite3_backup_finish(b);
	return code == SQLITE_DONE ? code_of(end) : code_of(code);
}

int
db_copy(const char *directory, const char *to, struct db_facts *ret, struct fault *f)
{
	char path[600];
	sqlite3 *source = NULL, *target = NULL;
	snprintf(path, sizeof path, "%s/khien.db", directory);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_set(f, E_IO, "backup_room", str_z(to), 0, 0);
	close(fd);
	int error = code_of(sqlite3_open_v2(path, &source, SQLITE_OPEN_READONLY, NULL));
	if (!error)
		error = code_of(sqlite3_open_v2(to, &target, SQLITE_OPEN_READWRITE, NULL));
	if (!error) {
		sqlite3_busy_timeout(source, 10000);
		error = copy_pages(source, target);
	}
	if (!error)
		read_facts(target, ret);
	sqlite3_close(source);
	sqlite3_close(target);
	if (error) {
		unlink(to);
		return fault_set(f, error, "database_open", str_z(path), 0, 0);
	}
	return 0;
}

int
db_examine(const char *file, struct db_facts *ret, struct fault *f)
{
	sqlite3 *db = NULL;
	char said[160] = "";
	int error = code_of(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL));
	if (!error && (!ask(db, "PRAGMA quick_check(1)", said) || !str_eq(str_z(said), STR("ok"))))
		error = E_CORRUPT;
	if (!error)
		read_facts(db, ret);
	sqlite3_close(db);
	return error ? fault_set(f, error, "database_open", str_z(file), 0, 0) : 0;
}

int
db_settle(const char *file, struct fault *f)
{
	sqlite3 *db = NULL;
	int error = code_of(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL));
	if (!error)
		error = code_of(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL));
	if (sqlite3_close(db) != SQLITE_OK && !error)
		error = E_BUSY;
	return error ? fault_set(f, error, "database_open", str_z(file), 0, 0) : 0;
}
