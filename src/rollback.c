/* SPDX-License-Identifier: EUPL-1.2 */
/* Back to before the last upgrade: the copy that was made of the database before it takes its place again. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "backup_repository.h"
#include "database_place.h"
#include "host/datadir.h"
#include "host/log.h"
#include "store/db_copy.h"
#include "store/db_move.h"
#include "store/db_private.h"

/* The newest copy below the step that the database stands at. */
static int
find_copy(const char *folder, int schema, char ret[PATH_MAX + 32])
{
	struct stat st;
	for (int step = schema - 1; step > 0; step--) {
		snprintf(ret, PATH_MAX + 32, "%s/khien.db.before-%03d", folder, step);
		if (stat(ret, &st) == 0 && S_ISREG(st.st_mode))
			return step;
	}
	return E_NOT_FOUND;
}

static int
exchange(const char *folder, int schema, const char *copy, struct fault *f)
{
	char now[PATH_MAX + 32], aside[PATH_MAX + 32];
	snprintf(now, sizeof now, "%s/khien.db", folder);
	snprintf(aside, sizeof aside, "%s/khien.db.after-%03d", folder, schema);
	TRY(db_settle(now, f));
	/* The newer one stays beside, so that nothing is lost by this either. */
	if (rename(now, aside) < 0 || rename(copy, now) < 0)
		return fault_set(f, E_IO, "backup_write", str_z(now), 0, 0);
	backup_say("rollback.aside", (const char *[]){aside}, 1);
	return 0;
}

/* --- rows of a server --- */

static int
read_facts(struct db *db, struct db_facts *ret)
{
	struct db_rows *rows;
	*ret = (struct db_facts){0};
	TRY(db_schema(db, &ret->schema));
	TRY(db_query(db, &rows, Q_FINDINGS_BLOCK_NOW, ""));
	int more = db_next(rows);
	if (more > 0 && !str_to_u64(db_text(rows, 0), &ret->block))
		more = E_CORRUPT;
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
facts_of_server(struct str where, struct db_facts *ret, struct fault *f)
{
	struct db *db;
	TRY(db_open_read(where, &db, f));
	int error = read_facts(db, ret);
	db_close(db);
	return error == E_UNSUPPORTED ? fault_set(f, error, "database_newer", where, 0, 0) : error;
}

/* What is there now stays beside, as a file; then it becomes what the copy holds. */
static int
exchange_rows(struct db *server, const char *folder, const char *inside, struct fault *f)
{
	struct db *from;
	uint64_t rows;
	char aside[PATH_MAX];
	if (db_own(server) < 0)
		return fault_set(f, E_BUSY, "database_in_use", STR(""), 0, 0);
	TRY(database_keep(server, folder, "after", aside, f));
	backup_say("rollback.aside", (const char *[]){aside}, 1);
	TRY(db_open_read(str_z(inside), &from, f));
	int error = db_bring_back(from, server, &rows, f);
	db_close(from);
	return error;
}

/* A database is opened by its folder: the copy is put into one, and is gone from where it was when all is done. */
static int
exchange_server(struct str where, int schema, const char *folder, const char *copy, struct fault *f)
{
	char inside[PATH_MAX + 32], file[PATH_MAX + 48];
	struct db *server;
	snprintf(inside, sizeof inside, "%s/khien.db.rollback", folder);
	snprintf(file, sizeof file, "%s/khien.db", inside);
	TRY(db_open_at(where, schema, &server, f));
	unlink(file); /* of one that was cut short */
	int error = (mkdir(inside, 0700) < 0 && errno != EEXIST) || link(copy, file) < 0 ? error_from_errno(errno) : 0;
	if (error)
		fault_set(f, error, "backup_write", str_z(file), 0, 0);
	else
		error = exchange_rows(server, folder, inside, f);
	unlink(file);
	rmdir(inside);
	if (!error)
		unlink(copy);
	db_close(server);
	return error;
}

static int
run_rollback(const char *data, struct fault *f)
{
	char folder[PATH_MAX], path[PATH_MAX + 32], copy[PATH_MAX + 32];
	struct db_facts now, then;
	struct buf where = BUF_INIT;
	int lock;
	snprintf(folder, sizeof folder, "%s", data);
	TRY(datadir_open(folder, sizeof folder, geteuid(), getegid(), &lock, f));
	snprintf(path, sizeof path, "%s/khien.db", folder);
	int error = database_find(folder, NULL, &where, f);
	bool server = db_is_address(buf_str(&where));
	if (!error)
		error = server ? facts_of_server(buf_str(&where), &now, f) : db_examine(path, &now, f);
	int step = error ? error : find_copy(folder, now.schema, copy);
	if (!error && step < 0)
		error = fault_set(f, E_NOT_FOUND, "rollback_none", str_z(folder), 0, 0);
	if (!error)
		error = db_examine(copy, &then, f);
	if (!error && then.schema != step)
		error = fault_set(f, E_CORRUPT, "rollback_none", str_z(copy), 0, 0);
	if (!error)
		error = server ? exchange_server(buf_str(&where), now.schema, folder, copy, f) : exchange(folder, now.schema, copy, f);
	if (!error && syncfs(lock) < 0)
		error = E_IO;
	if (!error)
		backup_say_numbers("rollback.done", (const uint64_t[]){(uint64_t)now.schema, (uint64_t)step, now.block - then.block}, 3);
	close(lock);
	buf_release(&where);
	return error;
}

int
rollback_command(int argc, char **argv)
{
	struct fault f = {0};
	if (argc != 3 || !str_eq(str_z(argv[1]), STR("--data")))
		return backup_usage("cli.rollback_usage");
	int error = run_rollback(argv[2], &f);
	if (error) {
		if (!f.code)
			fault_set(&f, error, NULL, STR(""), 0, 0);
		log_fault(&f);
	}
	return error ? 1 : 0;
}
