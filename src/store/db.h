/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_DB_H
#define STORE_DB_H

/*
 * Registers, alerts, people: one SQL database. Owned by core, one thread. SQLite (WAL, synchronous=FULL, STRICT) for
 * now; PostgreSQL comes behind the same calls, so queries keep to the common subset named in stores.md.
 *
 * SQL lives in .sql files beside their nouns, each query under a line "-- name: alert_open"; tools/sqlgen makes an enum
 * value Q_ALERT_OPEN of it and tests/lint prepares every one. Parameters are $1..$n, bound in order by type letters:
 *   i int64_t   s struct str (text)   b struct str (blob)   n (NULL; takes no argument)
 */

#include "base/error.h"

enum query {
#define Q(name, sql) name,
#include "store/queries.inc"
#undef Q
	Q_COUNT
};

struct db;
struct db_rows;

/* Opens or creates DIRECTORY/khien.db ("" = in memory, gone with db_close()) and migrates it forward, one transaction a step, a backup file before the first.
 * E_DENIED, E_BUSY, E_FULL, E_CORRUPT, E_UNSUPPORTED (schema newer than this program). */
[[nodiscard]] int db_open(struct str directory, struct db **ret, struct fault *f);
/* What is there, to be read and not touched: nothing is made, migrated or written, and core may be at work on it. A
 * database that was closed in order is read as the file it is. E_NOT_FOUND. */
[[nodiscard]] int db_open_read(struct str directory, struct db **ret, struct fault *f);
void db_close(struct db *db);
/* Prepare every query; the first that does not fit the schema is named in f->arg (check, test). */
[[nodiscard]] int db_check(struct db *db, struct fault *f);

/* Transactions may stand in each other: an inner one is undone alone, and counts when the outermost is committed. */
[[nodiscard]] int db_begin(struct db *db);
[[nodiscard]] int db_commit(struct db *db);
void db_rollback(struct db *db);

/* Run a statement that gives no rows. E_EXISTS / E_CONFLICT for broken constraints, E_FULL, E_IO. */
[[nodiscard]] int db_run(struct db *db, enum query q, const char *types, ...);
/* Rows changed by the last db_run(). */
int64_t db_changed(struct db *db);
/* Start a query. One cursor a query text at a time; end it with db_end() (also after the last row). */
[[nodiscard]] int db_query(struct db *db, struct db_rows **ret, enum query q, const char *types, ...);
/* 1 = a row is there, 0 = no more, < 0 error. */
[[nodiscard]] int db_next(struct db_rows *rows);
void db_end(struct db_rows *rows);
/* Columns from 0. Texts are valid until the next db_next() / db_end(); NULL reads as 0 / empty. */
int64_t db_i64(struct db_rows *rows, int column);
struct str db_text(struct db_rows *rows, int column);
bool db_is_null(struct db_rows *rows, int column);

/* Vietnamese search key: NFC, lower case, accents off, d with stroke -> d ("Dak Lak" finds it). For the `fold` columns. */
void db_fold(struct str text, struct buf *out);

#endif
