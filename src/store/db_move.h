/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_DB_MOVE_H
#define STORE_DB_MOVE_H

/*
 * All rows of one database into another, whatever engine each has: SQLite to PostgreSQL and back. One transaction; foreign
 * keys are checked at its end, and the rows of every table counted on both sides. `from` may be served meanwhile: one
 * snapshot of it is read. Console alone, and nobody serving `to`.
 */

#include "store/db.h"

/* Both of the same schema step: opened with db_open(), of the newest. What the steps themselves put into `to` is replaced. E_EXISTS when somebody
 * already worked with it (it has people or entries of the record), E_CORRUPT when the counts differ or a key leads nowhere; else
 * as db_run(). f->arg names the table. `to` is as it was after any failure. */
[[nodiscard]] int db_move(struct db *from, struct db *to, uint64_t *ret_rows, struct fault *f);

/* The same into FOLDER/khien.db, which is made and of the schema step at which `from` stands: what an older program left. */
[[nodiscard]] int db_keep(struct db *from, const char *folder, struct fault *f);
/* And back: `to` becomes a database of the step at which `from` stands, with its rows; what it was is gone. Nobody serves `to`
 * (db_own()), and it is as it was after any failure. */
[[nodiscard]] int db_bring_back(struct db *from, struct db *to, uint64_t *ret_rows, struct fault *f);

#endif
