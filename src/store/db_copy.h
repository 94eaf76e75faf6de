/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_DB_COPY_H
#define STORE_DB_COPY_H

/*
 * The embedded database as a file: copied while others write to it, and looked at without changing it. Commands alone.
 */

#include "base/error.h"

struct db_facts {
	int schema;       /* the step it stands at; 0: it has none of ours */
	uint64_t block;   /* the last journal block whose findings it holds */
};

/* The newest schema step that this program knows. */
int db_schema_known(void);
/* A copy of DIRECTORY/khien.db as of one moment, page for page (what has not changed lies where it lay). `to` must not exist;
 * it is readable by its owner alone. One step of SQLite's online backup, which reads one snapshot of the log and disturbs no
 * writer. E_NOT_FOUND, E_DENIED, E_FULL, E_CORRUPT, E_IO. */
[[nodiscard]] int db_copy(const char *directory, const char *to, struct db_facts *ret, struct fault *f);
/* Opens read-only and checks every page and index. E_CORRUPT with f->arg what is wrong. */
[[nodiscard]] int db_examine(const char *file, struct db_facts *ret, struct fault *f);
/* Nobody has the database open: what its log holds goes into the file, and the log away. E_BUSY. */
[[nodiscard]] int db_settle(const char *file, struct fault *f);

#endif
