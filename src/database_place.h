/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef KHIEN_DATABASE_PLACE_H
#define KHIEN_DATABASE_PLACE_H

/*
 * Which database belongs to a data folder: core and every command ask here, so that none of them works on another than the
 * rest. What --database or khien.yaml says, else what DIR/database remembers from the first opening, else DIR/khien.db. A
 * folder that already has one is not given another: its archive and its record would belong to rows that are elsewhere.
 */

#include <limits.h>

#include "store/db.h"

/* `wanted` may be NULL or "": as khien.yaml says. E_CONFLICT (database_elsewhere), and as db_open(), which it calls. Before a server's
 * rows are taken further than an older program left them they are kept as DIR/khien.db.before-NNN, as SQLite does for its own file. */
[[nodiscard]] int database_open(const char *data, const char *wanted, struct db **ret, struct fault *f);
/* The same for reading alone, as db_open_read(): remembers nothing. */
[[nodiscard]] int database_open_read(const char *data, const char *wanted, struct db **ret, struct fault *f);
/* Where it is, as db_open() takes it. */
[[nodiscard]] int database_find(const char *data, const char *wanted, struct buf *ret, struct fault *f);
/* The rows of a server as the file DIR/khien.db.WHAT-STEP, STEP the schema step at which it stands (`ret`, may be NULL, gets the
 * path). One that is there is replaced. */
[[nodiscard]] int database_keep(struct db *server, const char *data, const char *what, char ret[PATH_MAX], struct fault *f);
/* From now on that address ("" = DIR/khien.db) is the folder's: after a copy. */
[[nodiscard]] int database_remember(const char *data, struct str where, struct fault *f);

#endif
