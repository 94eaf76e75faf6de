/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BACKUP_H
#define BACKUP_H

/*
 * One command keeps everything, one brings it back, one undoes an upgrade.
 *
 *   khien backup --data DIR --to FOLDER [--keep N]     also while the desk works
 *   khien backup --check --to FOLDER --key KEY          reads every piece again
 *   khien restore --from FOLDER --data DIR --key KEY [--backup NAME]    on a bare machine; --list shows the names
 *   khien rollback --data DIR                           the database as it was before its last upgrade, file or server
 *
 * A backup is a list of files in a repository (store/repository.h): encrypted, and only what has changed since the last one is written.
 * It stands for one moment: the database as of then, the archive as long as it was shortly before, the journal with what is
 * between, the record not newer than the database. Rows of a PostgreSQL server are kept as khien.db too, read from one snapshot, so
 * that a backup needs no server to come back (`khien admin database-copy` moves them there again). What was acknowledged and applied at that moment is in it.
 */

/* Command words: exit codes 0, 1 = not done (the reason is on stderr). */
int backup_command(int argc, char **argv);
int restore_command(int argc, char **argv);
int rollback_command(int argc, char **argv);

#endif
