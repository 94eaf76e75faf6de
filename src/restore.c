/* SPDX-License-Identifier: EUPL-1.2 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "backup_repository.h"
#include "base/memory.h"
#include "base/time.h"
#include "host/clock.h"
#include "host/datadir.h"
#include "host/file.h"
#include "host/log.h"
#include "store/db_copy.h"
#include "store/record.h"

struct restore {
	const char *from, *data, *key, *name;
	bool list;
	char folder[PATH_MAX];  /* data, absolute */
	int lock;
	struct repo *repo;
	struct arena arena;
	struct buf text, piece;
	struct backup_list backup;
	uint64_t bytes;
	struct fault fault;
};

static bool
read_options(struct restore *r, int argc, char **argv)
{
	const struct backup_option option[] = {{"--from", &r->from, NULL}, {"--data", &r->data, NULL}, {"--key", &r->key, NULL},
	    {"--backup", &r->name, NULL}, {"--list", NULL, &r->list}};
	return backup_options(option, COUNT(option), argc, argv) && r->from && r->key && !r->data == r->list;
}

/* --- files --- */

/* The folders above a file. */
static int
make_folders(char *path, size_t from)
{
	for (char *at = path + from; (at = strchr(at, '/')); at++) {
		*at = '\0';
		int failed = mkdir(path, 0700) < 0 && errno != EEXIST;
		*at = '/';
		if (failed)
			return error_from_errno(errno);
	}
	return 0;
}

static int
write_pieces(struct restore *r, int fd, const struct backup_file *f)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < f->pieces; i++) {
		int error = repo_get(r->repo, &f->piece[i], &r->piece);
		if (error == E_NOT_FOUND || error == E_CORRUPT)
			return fault_set(&r->fault, E_CORRUPT, "backup_altered", f->path, 0, 0);
		TRY(error);
		int64_t n = store_io_disk.pwrite(NULL, fd, r->piece.p, r->piece.n, at);
		if (n < 0)
			return (int)n;
		at += r->piece.n;
	}
	if (at != f->size)
		return fault_set(&r->fault, E_CORRUPT, "backup_altered", f->path, 0, 0);
	r->bytes += at;
	return 0;
}

static int
restore_file(struct restore *r, const struct backup_file *f)
{
	char path[PATH_MAX + 1100];
	size_t base = strlen(r->folder) + 1;
	snprintf(path, sizeof path, "%s/%.*s", r->folder, STR_ARG(f->path));
	int error = make_folders(path, base);
	int fd = error ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)(f->mode & 0700));
	if (!error && fd < 0)
		error = error_from_errno(errno);
	if (!error)
		error = write_pieces(r, fd, f);
	/* A file of the archive is known by its age at the next backup. */
	const struct timespec times[2] = {{0, UTIME_OMIT}, {f->mtime_ns / 1000000000, f->mtime_ns % 1000000000}};
	if (!error && f->mtime_ns && futimens(fd, times) < 0)
		error = error_from_errno(errno);
	if (fd >= 0)
		close(fd);
	return error && !r->fault.code ? fault_set(&r->fault, error, "backup_write", str_z(path), 0, 0) : error;
}

/* --- into an empty folder, whole or marked as not whole --- */

static bool
is_empty_but_lock(const char *folder)
{
	DIR *dir = opendir(folder);
	bool empty = dir != NULL;
	for (struct dirent *e; dir && empty && (e = readdir(dir));)
		empty = str_eq(str_z(e->d_name), STR(".")) || str_eq(str_z(e->d_name), STR("..")) ||
		    str_eq(str_z(e->d_name), STR(".lock"));
	if (dir)
		closedir(dir);
	return empty;
}

static int
open_folder(struct restore *r)
{
	char mark[PATH_MAX + 16];
	snprintf(r->folder, sizeof r->folder, "%s", r->data);
	TRY(datadir_open(r->folder, sizeof r->folder, geteuid(), getegid(), &r->lock, &r->fault));
	if (!is_empty_but_lock(r->folder))
		return fault_set(&r->fault, E_EXISTS, "restore_folder", str_z(r->folder), 0, 0);
	snprintf(mark, sizeof mark, "%s/.restoring", r->folder);
	int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	close(fd);
	return 0;
}

/* The checkpoint that came back, over a tree that was found to be its own, is the one that the list names. */
static bool
is_listed(struct restore *r, const char *record)
{
	char path[PATH_MAX + 32];
	struct buf note = BUF_INIT_MAX(NOTE_MAX), root = BUF_INIT;
	struct checkpoint c;
	snprintf(path, sizeof path, "%s/checkpoint", record);
	bool good = file_read(path, &note) == 0 && checkpoint_read(buf_str(&note), &c) == 0;
	if (good)
		base64_add(&root, c.root.bytes, sizeof c.root.bytes);
	good = good && c.size == r->backup.record_size && str_eq(buf_str(&root), r->backup.record_root);
	buf_release(&note);
	buf_release(&root);
	return good;
}

/* What came back must be what the list says it was. */
static int
examine(struct restore *r)
{
	char path[PATH_MAX + 16];
	struct db_facts facts;
	uint64_t entries;
	snprintf(path, sizeof path, "%s/khien.db", r->folder);
	TRY(db_examine(path, &facts, &r->fault));
	if (facts.schema != r->backup.schema || facts.block != r->backup.block)
		return fault_set(&r->fault, E_CORRUPT, "backup_altered", STR("khien.db"), 0, 0);
	if (!r->backup.record_size)
		return 0;
	snprintf(path, sizeof path, "%s/record", r->folder);
	TRY(tlog_verify(&store_io_disk, str_z(path), NULL, NULL, NULL, &entries, &r->fault));
	return is_listed(r, path) ? 0 : fault_set(&r->fault, E_CORRUPT, "backup_altered", STR("record/checkpoint"), 0, 0);
}

/* The record tells that there was a restore: what came behind the backup is not here, and nobody shall wonder why. */
static int
tell_record(struct restore *r, struct str name)
{
	struct db *db;
	struct buf after = BUF_INIT;
	TRY(db_open(str_z(r->folder), &db, &r->fault));
	buf_addf(&after, "{\"made_ms\":%lld,\"block\":%llu,\"record\":%llu}", (long long)r->backup.made_ms,
	    (unsigned long long)r->backup.block, (unsigned long long)r->backup.record_size);
	struct record entry = {.at_ms = clock_now_ms(), .who = STR("console"), .action = STR("restore"),
	    .noun = STR("backups"), .noun_id = name, .after = buf_str(&after)};
	int error = record_put_alone(db, &entry);
	db_close(db);
	buf_release(&after);
	return error;
}

static bool
is_witnessed(const struct restore *r)
{
	for (uint32_t i = 0; i < r->backup.files; i++)
		if (str_starts(r->backup.file[i].path, STR("record/cosigned/")))
			return true;
	return false;
}

static void
say_witness(const struct restore *r)
{
	char entries[24];
	snprintf(entries, sizeof entries, "%llu", (unsigned long long)r->backup.record_size);
	backup_say("restore.witness", (const char *[]){entries, r->folder}, 2);
}

static int
restore_all(struct restore *r, struct str name)
{
	char mark[PATH_MAX + 16], z[80];
	struct buf when = BUF_INIT;
	TRY(open_folder(r));
	for (uint32_t i = 0; i < r->backup.files; i++)
		TRY(restore_file(r, &r->backup.file[i]));
	TRY(examine(r));
	TRY(tell_record(r, name));
	if (syncfs(r->lock) < 0)
		return error_from_errno(errno);
	snprintf(mark, sizeof mark, "%s/.restoring", r->folder);
	if (unlink(mark) < 0 || syncfs(r->lock) < 0)
		return error_from_errno(errno);
	time_format(&when, r->backup.made_ms, TIME_ZONE_VIETNAM);
	str_to_z(name, z, sizeof z);
	backup_say("restore.done", (const char *[]){z, when.p, r->folder}, 3);
	backup_say_numbers("restore.counts", (const uint64_t[]){r->backup.files, r->bytes >> 20, r->backup.block,
	    r->backup.record_size}, 4);
	if (is_witnessed(r))
		say_witness(r);
	buf_release(&when);
	return 0;
}

static int
list_all(struct restore *r)
{
	struct str *name, same;
	uint32_t count;
	TRY(repo_lists(r->repo, &r->arena, &name, &count));
	for (uint32_t i = 0; i < count; i++) {
		struct buf when = BUF_INIT;
		struct fault why = {0};
		if (backup_list_of(r->repo, name[i], &r->arena, &r->text, &r->backup, &same, &why) < 0) {
			log_fault(&why);
			continue;
		}
		time_format(&when, r->backup.made_ms, TIME_ZONE_VIETNAM);
		printf("%.*s  %s  %u  khien %.*s\n", STR_ARG(name[i]), when.p, r->backup.files, STR_ARG(r->backup.program));
		buf_release(&when);
	}
	return 0;
}

static int
run_restore(struct restore *r)
{
	uint8_t key[REPO_KEY];
	struct str name;
	if (backup_key_read(r->key, key) < 0)
		return fault_set(&r->fault, E_INVALID, "backup_key", STR("--key"), 0, 0);
	TRY(repo_open(r->from, key, false, &r->repo, &r->fault));
	sodium_memzero(key, sizeof key);
	if (r->list)
		return list_all(r);
	TRY(backup_list_of(r->repo, str_z(r->name), &r->arena, &r->text, &r->backup, &name, &r->fault));
	if (r->backup.schema > db_schema_known())
		return fault_set(&r->fault, E_UNSUPPORTED, "backup_newer", r->backup.program, 0, 0);
	return restore_all(r, name);
}

int
restore_command(int argc, char **argv)
{
	static struct restore r = {.lock = -1};
	if (!read_options(&r, argc, argv))
		return backup_usage("cli.restore_usage");
	umask(077);
	arena_init(&r.arena, 1 << 20, 2u << 30);
	int error = run_restore(&r);
	if (error) {
		if (!r.fault.code)
			fault_set(&r.fault, error, NULL, STR(""), 0, 0);
		log_fault(&r.fault);
	}
	repo_close(r.repo);
	arena_release(&r.arena);
	buf_release(&r.text);
	buf_release(&r.piece);
	if (r.lock >= 0)
		close(r.lock);
	return error ? 1 : 0;
}
