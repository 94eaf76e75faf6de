/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_DB_H
#define STORE_DB_H

/*
 * Registers, alerts, people: one SQL database. A handle belongs to one thread. Two engines behind the same calls: SQLite
 * in the data folder (WAL, synchronous=FULL, STRICT) and PostgreSQL 13 and later (db_private.h says what an engine is).
 * Queries keep to the common subset named below, and every one is prepared on both by tests/unit/store/db.c.
 *
 * SQL lives in .sql files beside their nouns, each query under a line "-- name: alert_open"; tools/sqlgen makes an enum
 * value Q_ALERT_OPEN of it. Parameters are $1..$n, bound in order by type letters:
 *   i int64_t   s struct str (text)   b struct str (blob)   n (NULL; takes no argument)
 * On both: texts are UTF-8 without NUL, a byte that is not becomes U+FFFD; texts compare as bytes; "x LIKE '%' || $n ||
 * '%'" (and no other LIKE) means that x holds the text $n, ASCII letters alike, % and _ being themselves.
 * Numbers are 64 bits wide, booleans read as 0 and 1. Writers take turns, one transaction at a time: who waits
 * longer than two seconds gets E_BUSY.
 *
 * After a statement failed in a transaction nothing works in it but db_rollback(): every call gives the same error again.
 */

#include "base/arena.h"
#include "base/error.h"

enum query {
#define Q(name, sqlite, postgres) name,
#include "store/queries.inc"
#undef Q
	Q_COUNT
};

struct db;
struct db_rows;

/*
 * `where` is a folder (its khien.db is created or opened), "" (SQLite in memory, gone with db_close()) or an address
 * postgresql://..., whose password comes from where libpq finds it (PGPASSFILE, a service file), never from the address.
 * Migrates it forward, one transaction a step; SQLite writes a backup file before the first.
 * E_DENIED, E_BUSY, E_FULL, E_IO (the server does not answer; f->arg has its words), E_CORRUPT (also: a step that is not
 * ours), E_UNSUPPORTED (schema newer than this program, a server too old, or not in UTF-8).
 */
[[nodiscard]] int db_open(struct str where, struct db **ret, struct fault *f);
/* What is there, to be read and not touched: nothing is made, migrated or written, and core may be at work on it. A
 * SQLite file that was closed in order is read as the file it is. E_NOT_FOUND. */
[[nodiscard]] int db_open_read(struct str where, struct db **ret, struct fault *f);
bool db_is_address(struct str where);
/* The schema step at which it stands. E_NOT_FOUND: at none; E_UNSUPPORTED: at one that this program does not know; E_CORRUPT: they are not ours. */
[[nodiscard]] int db_schema(struct db *db, int *ret);
void db_close(struct db *db);

/* Core alone, before anything is read: nobody else serves this database, and what a predecessor left unfinished there
 * has ended. E_BUSY when another does, after waiting some seconds. The data folder's lock does it for SQLite. */
[[nodiscard]] int db_own(struct db *db);
/* The connection is gone; every call gives E_IO from now on. There is no reconnecting: who holds the handle ends and is
 * started again (core, by the supervisor), so that nothing half done is taken for whole. */
bool db_lost(struct db *db);
/* A server is asked, by a connection that was made when it was opened. */
bool db_remote(const struct db *db);

/* A second handle for another thread of the same process, closed with db_close(). db_spare() beforehand tells how many
 * will be wanted at once, while connecting is still allowed; SQLite opens its file when asked. E_BUSY: all in use. */
[[nodiscard]] int db_spare(struct db *db, unsigned count, struct fault *f);
[[nodiscard]] int db_beside(struct db *db, struct db **ret, struct fault *f);

/* Transactions may stand in each other: an inner one is undone alone, and counts when the outermost is committed. */
[[nodiscard]] int db_begin(struct db *db);
[[nodiscard]] int db_commit(struct db *db);
void db_rollback(struct db *db);
/* The end of a transaction whose work said `error`: it is committed when that is 0, else rolled back; what cannot be
 * committed is rolled back too. The first error. */
[[nodiscard]] int db_end_transaction(struct db *db, int error);

/* Run a statement that gives no rows. E_EXISTS / E_CONFLICT for broken constraints, E_FULL, E_IO. */
[[nodiscard]] int db_run(struct db *db, enum query q, const char *types, ...);
/* Rows changed by the last db_run(). */
int64_t db_changed(struct db *db);
/* Start a query. One cursor a query text at a time; end it with db_end() (also after the last row). Rows come one by one
 * as they are asked for; on PostgreSQL the rest is read into memory when another statement runs meanwhile (E_LIMIT
 * beyond 256 MB), so keep long lists free of that. */
[[nodiscard]] int db_query(struct db *db, struct db_rows **ret, enum query q, const char *types, ...);
/* 1 = a row is there, 0 = no more, < 0 error. */
[[nodiscard]] int db_next(struct db_rows *rows);
void db_end(struct db_rows *rows);
/* The one number that is asked for (a count, the id of a new row); *ret stays as it is when there is none. */
[[nodiscard]] int db_number(struct db *db, int64_t *ret, enum query q, const char *types, ...);
/* Columns from 0. Texts are valid until the next db_next() / db_end(); NULL reads as 0 / empty. */
int64_t db_i64(struct db_rows *rows, int column);
struct str db_text(struct db_rows *rows, int column);
bool db_is_null(struct db_rows *rows, int column);
/* A text that lasts as long as the arena. When that is full it reads as empty, and arena->over tells. */
struct str db_text_kept(struct db_rows *rows, int column, struct arena *arena);
/* db_end() after the one row that was asked for; `more` is what db_next() said: 0, E_NOT_FOUND, or its error. */
[[nodiscard]] int db_end_one(struct db_rows *rows, int more);

/* Vietnamese search key: NFC, lower case, accents off, d with stroke -> d ("Dak Lak" finds it). For the `fold` columns. */
void db_fold(struct str text, struct buf *out);

#endif
