/* SPDX-License-Identifier: EUPL-1.2 */
#include "database_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "host/options.h"
#include "store/db_copy.h"
#include "store/db_move.h"
#include "store/io.h"

#define MEMORY_MAX 4096

static int
read_memory(const char *data, struct buf *ret)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/database", data);
	int error = file_read(path, ret);
	return error == E_NOT_FOUND ? 0 : error;
}

static int
write_whole(const struct store_io *io, const char *path, struct str text)
{
	int fd = io->open(io->user, path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	if (fd < 0)
		return fd;
	int64_t put = io->pwrite(io->user, fd, text.p, text.n, 0);
	int error = put < 0 ? (int)put : io->sync(io->user, fd);
	io->close(io->user, fd);
	return error;
}

int
database_remember(const char *data, struct str where, struct fault *f)
{
	const struct store_io *io = &store_io_disk;
	char path[PATH_MAX], fresh[PATH_MAX];
	int error;
	snprintf(path, sizeof path, "%s/database", data);
	snprintf(fresh, sizeof fresh, "%s/database.new", data);
	if (where.n) {
		struct buf line = BUF_INIT;
		buf_add(&line, where);
		buf_add_char(&line, '\n');
		error = write_whole(io, fresh, buf_str(&line));
		buf_release(&line);
		if (!error)
			error = io->rename(io->user, fresh, path);
	} else {
		error = unlink(path) < 0 && errno != ENOENT ? error_from_errno(errno) : 0;
	}
	if (!error)
		error = io->sync_directory(io->user, data);
	return error ? fault_set(f, error, "data_folder", str_z(path), 0, 0) : 0;
}

/* What is asked for, or what khien.yaml says, in `ret`. */
static int
wanted_of(const char *data, const char *wanted, struct buf *ret, struct fault *f)
{
	static struct options o;
	if (wanted && *wanted)
		TRY(options_check_database(str_z(wanted), f));
	else
		TRY(options_read_folder(&o, data, f));
	buf_add(ret, wanted && *wanted ? str_z(wanted) : str_z(o.database));
	return 0;
}

static int
elsewhere(struct fault *f, struct str where)
{
	return fault_set(f, E_CONFLICT, "database_elsewhere", where, 0, 0);
}

int
database_find(const char *data, const char *wanted, struct buf *ret, struct fault *f)
{
	struct buf want = BUF_INIT, memory = BUF_INIT_MAX(MEMORY_MAX);
	char file[PATH_MAX];
	snprintf(file, sizeof file, "%s/khien.db", data);
	int error = wanted_of(data, wanted, &want, f);
	if (!error && (error = read_memory(data, &memory)))
		fault_set(f, error, "data_folder", str_z(data), 0, 0);
	struct str known = str_trim(buf_str(&memory));
	if (!error && want.n && known.n && !str_eq(buf_str(&want), known))
		error = elsewhere(f, known);
	if (!error && want.n && !known.n && access(file, F_OK) == 0)
		error = elsewhere(f, str_z(file));
	if (!error)
		buf_add(ret, want.n ? buf_str(&want) : known.n ? known : str_z(data));
	buf_release(&want);
	buf_release(&memory);
	return error;
}

/* --- before an upgrade --- */

static int
keep_in(struct db *server, const char *folder, const char *to, struct fault *f)
{
	char file[PATH_MAX];
	snprintf(file, sizeof file, "%.*s/khien.db", PATH_MAX - 16, folder);
	unlink(file); /* of one that was cut short */
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return fault_set(f, error_from_errno(errno), "backup_room", str_z(folder), 0, 0);
	int error = db_keep(server, folder, f);
	if (!error && rename(file, to) < 0)
		error = error_from_errno(errno);
	unlink(file);
	rmdir(folder);
	return error && !(f && f->code) ? fault_set(f, error, "backup_room", str_z(to), 0, 0) : error;
}

int
database_keep(struct db *server, const char *data, const char *what, char ret[PATH_MAX], struct fault *f)
{
	char folder[PATH_MAX], to[PATH_MAX];
	int step;
	TRY(db_schema(server, &step));
	snprintf(folder, sizeof folder, "%.*s/khien.db.copy.new", PATH_MAX - 32, data);
	snprintf(to, sizeof to, "%.*s/khien.db.%s-%03d", PATH_MAX - 64, data, what, step);
	TRY(keep_in(server, folder, to, f));
	if (ret)
		memcpy(ret, to, sizeof to);
	return store_io_disk.sync_directory(store_io_disk.user, data);
}

/* What is wrong with a server is told by whoever opens it next. */
static int
keep_before_upgrade(const char *data, struct str where, struct fault *f)
{
	struct db *server;
	int step, error = 0;
	if (!db_is_address(where) || db_open_read(where, &server, NULL) < 0)
		return 0;
	if (db_schema(server, &step) == 0 && step < db_schema_known())
		error = db_own(server) < 0 ? fault_set(f, E_BUSY, "database_in_use", STR(""), 0, 0)
					   : database_keep(server, data, "before", NULL, f);
	db_close(server);
	return error;
}

int
database_open(const char *data, const char *wanted, struct db **ret, struct fault *f)
{
	struct buf where = BUF_INIT, memory = BUF_INIT_MAX(MEMORY_MAX);
	struct db *db = NULL;
	int error = database_find(data, wanted, &where, f);
	if (!error)
		error = keep_before_upgrade(data, buf_str(&where), f);
	if (!error)
		error = db_open(buf_str(&where), &db, f);
	if (!error && db_is_address(buf_str(&where)) && (error = read_memory(data, &memory)) == 0 && !memory.n)
		error = database_remember(data, buf_str(&where), f);
	buf_release(&where);
	buf_release(&memory);
	if (error) {
		db_close(db);
		return error;
	}
	*ret = db;
	return 0;
}

int
database_open_read(const char *data, const char *wanted, struct db **ret, struct fault *f)
{
	struct buf where = BUF_INIT;
	int error = database_find(data, wanted, &where, f);
	if (!error)
		error = db_open_read(buf_str(&where), ret, f);
	buf_release(&where);
	return error;
}
