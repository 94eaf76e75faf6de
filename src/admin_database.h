/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ADMIN_DATABASE_H
#define ADMIN_DATABASE_H

/* khien admin database-copy --data DIR --to ADDRESS|file: all rows into an empty database on a server, or back into
 * DIR/khien.db, and from then on the folder's database is that one. The desk is stopped meanwhile. Exit codes 0, 1. */
int admin_database_copy(int argc, char **argv);

#endif
