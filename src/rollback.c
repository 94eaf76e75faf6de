/* SPDX-License-Identifier: EUPL-1.2 */
/* Back to before the last upgrade: the copy that db_open() made of the database takes its place again. */
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

static int
run_rollback(const char *data, struct fault *f)
{
	char folder[PATH_MAX], path[PATH_MAX + 32], copy[PATH_MAX + 32];
	struct db_facts now, then;
	int lock;
	snprintf(folder, sizeof folder, "%s", data);
	TRY(database_is_file(folder, f));
	TRY(datadir_open(folder, sizeof folder, geteuid(), getegid(), &lock, f));
	snprintf(path, sizeof path, "%s/khien.db", folder);
	int error = db_examine(path, &now, f);
	int step = error ? error : find_copy(folder, now.schema, copy);
	if (!error && step < 0)
		error = fault_set(f, E_NOT_FOUND, "rollback_none", str_z(folder), 0, 0);
	if (!error)
		error = db_examine(copy, &then, f);
	if (!error && then.schema != step)
		error = fault_set(f, E_CORRUPT, "rollback_none", str_z(copy), 0, 0);
	if (!error)
		error = exchange(folder, now.schema, copy, f);
	if (!error && syncfs(lock) < 0)
		error = E_IO;
	if (!error)
		backup_say_numbers("rollback.done", (const uint64_t[]){(uint64_t)now.schema, (uint64_t)step, now.block - then.block}, 3);
	close(lock);
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
