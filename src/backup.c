/* SPDX-License-Identifier: EUPL-1.2 */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup_repository.h"
#include "base/memory.h"
#include "base/time.h"
#include "database_place.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "host/role.h"
#include "store/db_copy.h"
#include "store/db_move.h"
#include "store/journal_copy.h"
#include "store/record.h"

#define TRIES 20             /* to find a moment in which nothing was swept away under our hands */
#define LIST_ARENA (1u << 30)

/* A file of the archive as long as it was before the database was copied. */
struct sized {
	struct str path;
	uint64_t size;
};

struct backup {
	const char *data, *to, *key;
	uint64_t keep;           /* backups that stay; 0 = all */
	bool check, nightly;
	char folder[PATH_MAX];   /* data, absolute */
	struct repo *repo;
	struct arena arena;
	struct buf previous_text;
	struct backup_list previous, list;
	struct buf body, piece;
	struct repo_id *id;
	size_t id_cap;
	struct sized *archive;
	size_t archives, archive_cap;
	uint32_t files;
	uint64_t bytes, stored;
	struct fault fault;
};

/* Where a file's turn is: what is there before the database is copied, and what after. */
enum turn { TURN_NEVER, TURN_EARLY, TURN_RECORD, TURN_RECORD_END, TURN_ARCHIVE, TURN_LATE };

static enum turn
turn_of(struct str path)
{
	static const char *const never[] = {".lock", ".restoring", "backup.key", "backup.last", "database"};
	for (size_t i = 0; i < COUNT(never); i++)
		if (str_eq(path, str_z(never[i])))
			return TURN_NEVER;
	if (str_starts(path, STR("khien.db")) || str_starts(path, STR("journal/")) || str_ends(path, STR(".new")))
		return TURN_NEVER;
	if (str_starts(path, STR("archive/")))
		return TURN_ARCHIVE;
	if (str_starts(path, STR("files/")))
		return TURN_LATE;
	if (!str_starts(path, STR("record/")))
		return TURN_EARLY;
	return str_eq(path, STR("record/checkpoint")) || str_find(path, STR(".p/")) >= 0 ? TURN_RECORD_END : TURN_RECORD;
}

/* --- keeping one file --- */

static int
note_file(struct backup *b, struct backup_file *f)
{
	f->piece = b->id;
	f->pieces = (uint32_t)(f->size / REPO_PIECE + (f->size % REPO_PIECE != 0));
	backup_list_file(f, &b->body);
	b->files++;
	b->bytes += f->size;
	return b->body.over ? E_LIMIT : 0;
}

static int
keep_piece(struct backup *b, size_t at, struct str bytes)
{
	uint64_t stored;
	while (b->id_cap <= at) {
		size_t from = b->id_cap;
		MEM_GROW(b->id, from, b->id_cap);
	}
	TRY(repo_put(b->repo, bytes, &b->id[at], &stored));
	b->stored += stored;
	return 0;
}

static int
keep_bytes(struct backup *b, struct str path, struct str bytes)
{
	struct backup_file f = {.path = path, .mode = 0600, .size = bytes.n};
	for (size_t at = 0; at * REPO_PIECE < bytes.n; at++)
		TRY(keep_piece(b, at, str_cut(bytes, at * REPO_PIECE, (at + 1) * REPO_PIECE)));
	return note_file(b, &f);
}

/* Nothing of an archive's file is ever written twice: as long and as old as yesterday, it is yesterday's. */
static bool
keep_as_before(struct backup *b, const struct backup_file *f)
{
	const struct backup_file *old = str_starts(f->path, STR("archive/")) ? backup_list_find(&b->previous, f->path) : NULL;
	if (!old || old->size != f->size || old->mtime_ns != f->mtime_ns)
		return false;
	backup_list_file(old, &b->body);
	b->files++;
	b->bytes += f->size;
	return true;
}

static int
keep_descriptor(struct backup *b, int fd, struct backup_file *f)
{
	uint64_t at = 0;
	while (at < f->size) {
		size_t want = f->size - at < REPO_PIECE ? (size_t)(f->size - at) : REPO_PIECE;
		buf_clear(&b->piece);
		char *to = buf_room(&b->piece, REPO_PIECE);
		int64_t n = to ? store_io_disk.pread(NULL, fd, to, want, at) : E_LIMIT;
		if (n < 0)
			return (int)n;
		TRY(keep_piece(b, at / REPO_PIECE, str_from(to, (size_t)n)));
		at += (uint64_t)n;
		if ((size_t)n < want)
			f->size = at; /* it was cut meanwhile: what is there is what there is */
	}
	return note_file(b, f);
}

/* At most `most` bytes from its start. A file that went away between is left out: retention and people delete. */
static int
keep_path(struct backup *b, struct str path, uint64_t most)
{
	char full[PATH_MAX + 1100];
	struct stat st;
	snprintf(full, sizeof full, "%s/%.*s", b->folder, STR_ARG(path));
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		error = error_from_errno(errno);
		if (fd >= 0)
			close(fd);
		return fault_set(&b->fault, error, "backup_file", str_z(full), 0, 0);
	}
	struct backup_file f = {.path = path, .mode = st.st_mode & 0777, .size = (uint64_t)st.st_size,
	    .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
	if (f.size > most)
		f.size = most;
	if (!keep_as_before(b, &f))
		error = keep_descriptor(b, fd, &f);
	close(fd);
	return error;
}

/* --- walking --- */

struct walk {
	struct backup *b;
	enum turn turn;
};

static int
walk_one(void *user, const char *full)
{
	struct walk *w = user;
	struct str path = str_skip(str_z(full), strlen(w->b->folder) + 1);
	struct stat st;
	if (turn_of(path) != w->turn)
		return 0;
	if (!backup_path_is_good(path))
		return fault_set(&w->b->fault, E_INVALID, "backup_name", path, 0, 0);
	if (w->turn != TURN_ARCHIVE)
		return keep_path(w->b, path, UINT64_MAX);
	MEM_GROW(w->b->archive, w->b->archives, w->b->archive_cap);
	struct sized *s = &w->b->archive[w->b->archives];
	if (stat(full, &st) < 0 || !arena_copy(&w->b->arena, path, &s->path))
		return 0;
	s->size = (uint64_t)st.st_size;
	w->b->archives++;
	return 0;
}

static int
walk(struct backup *b, enum turn turn)
{
	struct walk w = {b, turn};
	return file_walk(b->folder, walk_one, NULL, &w);
}

static int
read_checkpoint(const struct backup *b, struct buf *ret)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/record/checkpoint", b->folder);
	buf_clear(ret);
	int error = file_read(path, ret);
	return error == E_NOT_FOUND ? 0 : error;
}

/* Whole tiles never change. The checkpoint and the tiles at the log's end belong together: they are read until no newer
 * checkpoint came between. */
static int
keep_record(struct backup *b)
{
	struct buf before = BUF_INIT_MAX(NOTE_MAX), after = BUF_INIT_MAX(NOTE_MAX);
	struct checkpoint c;
	const size_t body = b->body.n;
	const uint32_t files = b->files;
	int error = E_AGAIN;
	for (int i = 0; i < TRIES && error == E_AGAIN; i++) {
		b->body.n = body;
		b->files = files;
		error = read_checkpoint(b, &before);
		if (!error)
			error = walk(b, TURN_RECORD);
		if (!error)
			error = walk(b, TURN_RECORD_END);
		if (!error)
			error = read_checkpoint(b, &after);
		if (!error && !str_eq(buf_str(&before), buf_str(&after)))
			error = E_AGAIN;
	}
	if (!error && after.n && checkpoint_read(buf_str(&after), &c) == 0) {
		struct buf root = BUF_INIT;
		struct str kept;
		base64_add(&root, c.root.bytes, sizeof c.root.bytes);
		b->list.record_size = c.size;
		if (arena_copy(&b->arena, buf_str(&root), &kept))
			b->list.record_root = kept;
		buf_release(&root);
	}
	buf_release(&before);
	buf_release(&after);
	return error;
}

/* --- one moment --- */

static int
keep_journal_file(void *user, const char *name, struct str bytes)
{
	char path[64];
	snprintf(path, sizeof path, "journal/%s", name);
	return keep_bytes(user, str_z(path), bytes);
}

/* The rows of a server come home into a file, so that a backup is whole without it and comes back on any machine. */
static int
copy_from_server(struct backup *b, struct str where, const char *folder, const char *copy, struct db_facts *ret)
{
	struct db *from;
	if (mkdir(folder, 0700) < 0)
		return fault_set(&b->fault, error_from_errno(errno), "backup_room", str_z(folder), 0, 0);
	TRY(db_open_read(where, &from, &b->fault));
	int error = db_keep(from, folder, &b->fault);
	db_close(from);
	return error ? error : db_examine(copy, ret, &b->fault);
}

/* `copy` is the file that comes to be. */
static int
copy_database(struct backup *b, char copy[PATH_MAX + 64], struct db_facts *ret)
{
	char folder[PATH_MAX + 32];
	struct buf where = BUF_INIT;
	snprintf(folder, sizeof folder, "%s/khien.db.copy.new", b->folder);
	snprintf(copy, PATH_MAX + 64, "%s/khien.db", folder);
	unlink(copy); /* of a backup that was cut short */
	rmdir(folder);
	unlink(folder);
	TRY(database_find(b->folder, NULL, &where, &b->fault));
	int error;
	if (db_is_address(buf_str(&where))) {
		error = copy_from_server(b, buf_str(&where), folder, copy, ret);
	} else {
		snprintf(copy, PATH_MAX + 64, "%s", folder);
		error = db_copy(b->folder, copy, ret, &b->fault);
	}
	buf_release(&where);
	return error;
}

static int
keep_database(struct backup *b, struct db_facts *ret)
{
	char copy[PATH_MAX + 64];
	TRY(copy_database(b, copy, ret));
	int fd = open(copy, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int error = fd < 0 || fstat(fd, &st) < 0 ? error_from_errno(errno) : 0;
	unlink(copy);
	if (str_ends(str_z(copy), STR("/khien.db"))) {
		copy[strlen(copy) - strlen("/khien.db")] = '\0';
		rmdir(copy);
	}
	struct backup_file f = {.path = STR("khien.db"), .mode = 0600};
	if (!error) {
		f.size = (uint64_t)st.st_size;
		error = keep_descriptor(b, fd, &f);
	}
	if (fd >= 0)
		close(fd);
	return error;
}

/* The order is the promise (backup.h): what is kept later may be newer only where a newer one takes nothing away. */
static int
keep_moment(struct backup *b)
{
	struct journal_copy journal;
	struct db_facts facts;
	char path[PATH_MAX + 16];
	buf_clear(&b->body);
	b->files = 0;
	b->archives = 0;
	b->bytes = 0;
	b->list.record_root = STR("-");
	snprintf(path, sizeof path, "%s/journal", b->folder);
	TRY(walk(b, TURN_EARLY));
	TRY(keep_record(b));
	int no_journal = journal_copy_begin(path, &journal);
	if (no_journal && no_journal != E_NOT_FOUND)
		return no_journal;
	TRY(walk(b, TURN_ARCHIVE));
	TRY(keep_database(b, &facts));
	if (!no_journal) {
		TRY(journal_copy_files(&journal, facts.block, keep_journal_file, b));
		TRY(keep_path(b, STR("journal/sources"), UINT64_MAX));
	}
	for (size_t i = 0; i < b->archives; i++)
		TRY(keep_path(b, b->archive[i].path, b->archive[i].size));
	TRY(walk(b, TURN_LATE));
	b->list.schema = facts.schema;
	b->list.block = facts.block;
	return 0;
}

/* The newest list of this repository, so that what lies there is not read again. */
static void
read_previous(struct backup *b)
{
	struct str *name;
	uint32_t count;
	b->previous_text.max = REPO_LIST_MAX;
	if (repo_lists(b->repo, &b->arena, &name, &count) == 0 && count &&
	    repo_list_get(b->repo, name[count - 1], &b->previous_text) == 0 &&
	    backup_list_read(buf_str(&b->previous_text), &b->arena, &b->previous) < 0)
		b->previous = (struct backup_list){0};
}

static int
write_list(struct backup *b, char ret_name[32])
{
	struct buf text = BUF_INIT_MAX(REPO_LIST_MAX);
	struct civil c = time_to_civil(b->list.made_ms, 0);
	snprintf(ret_name, 32, "%04d%02d%02dT%02d%02d%02dZ", c.year % 10000, c.month, c.day, c.hour, c.minute, c.second);
	backup_list_head(&b->list, &text);
	buf_add(&text, buf_str(&b->body));
	backup_list_end(b->files, &text);
	int error = text.over ? E_LIMIT : repo_list_put(b->repo, str_z(ret_name), buf_str(&text));
	buf_release(&text);
	return error;
}

/* --- after it --- */

/* All but the newest `keep` lists go, and the pieces that no list names. */
static int
forget_old(struct backup *b, uint64_t *ret_forgotten)
{
	struct str *name;
	struct repo_id *id = NULL;
	uint32_t count;
	size_t ids = 0, cap = 0;
	uint64_t removed;
	TRY(repo_lists(b->repo, &b->arena, &name, &count));
	uint32_t from = count > b->keep ? (uint32_t)(count - b->keep) : 0;
	*ret_forgotten = from;
	if (!from)
		return 0;
	int error = 0;
	for (uint32_t i = from; !error && i < count; i++) {
		struct backup_list l;
		error = repo_list_get(b->repo, name[i], &b->previous_text);
		if (!error)
			error = backup_list_read(buf_str(&b->previous_text), &b->arena, &l);
		for (uint32_t f = 0; !error && f < l.files; f++)
			for (uint32_t p = 0; p < l.file[f].pieces; p++) {
				MEM_GROW(id, ids, cap);
				id[ids++] = l.file[f].piece[p];
			}
	}
	for (uint32_t i = 0; !error && i < from; i++)
		error = repo_list_drop(b->repo, name[i]);
	if (!error)
		error = repo_sweep(b->repo, id, ids, &removed);
	mem_free(id);
	return error;
}

/* The record tells of it, and the desk shows how old the last one is. A newer program leaves the database of a running
 * older one alone. */
static int
tell_desk(struct backup *b, const char *name)
{
	struct db *db;
	struct buf after = BUF_INIT;
	char when[24];
	if (b->list.schema != db_schema_known())
		return 0;
	TRY(database_open(b->folder, NULL, &db, NULL));
	buf_add(&after, STR("{\"to\":"));
	buf_add_json_string(&after, str_z(b->to));
	buf_addf(&after, ",\"files\":%u,\"bytes\":%llu,\"block\":%llu}", b->files, (unsigned long long)b->bytes,
	    (unsigned long long)b->list.block);
	struct record r = {.at_ms = clock_now_ms(), .who = STR("console"), .action = STR("backup"), .noun = STR("backups"),
	    .noun_id = str_z(name), .after = buf_str(&after)};
	snprintf(when, sizeof when, "%lld", (long long)b->list.made_ms);
	int error = db_begin(db);
	if (!error)
		error = record_put(db, &r);
	if (!error)
		error = db_run(db, Q_SETTING_SET, "ss", STR("backup_last"), str_z(when));
	error = db_end_transaction(db, error);
	db_close(db);
	buf_release(&after);
	return error;
}

/* For the supervisor, which reads no database: as old as the last backup (host/nightly.h). */
static int
leave_mark(const struct backup *b)
{
	char path[PATH_MAX + 16];
	snprintf(path, sizeof path, "%s/backup.last", b->folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	int error = dprintf(fd, "%s\n", b->to) < 0 ? E_IO : 0;
	close(fd);
	return error;
}

static int
make_backup(struct backup *b)
{
	char name[32];
	uint64_t forgotten = 0;
	int error = E_AGAIN;
	struct timespec pause = {0, 200000000};
	read_previous(b);
	b->list.made_ms = clock_now_ms();
	b->list.program = STR(KHIEN_VERSION);
	for (int i = 0; i < TRIES && error == E_AGAIN; i++) {
		if (i)
			nanosleep(&pause, NULL);
		error = keep_moment(b);
	}
	TRY(error);
	TRY(write_list(b, name));
	TRY(leave_mark(b));
	backup_say("backup.done", (const char *[]){name, b->to}, 2);
	backup_say_numbers("backup.counts", (const uint64_t[]){b->files, b->bytes >> 20, b->stored >> 20, b->list.block}, 4);
	if (b->keep)
		TRY(forget_old(b, &forgotten));
	if (forgotten)
		backup_say_numbers("backup.forgotten", &forgotten, 1);
	if (tell_desk(b, name) < 0)
		backup_say("backup.untold", NULL, 0);
	return 0;
}

/* --- the command --- */

/* DIR/backup.key, made at the first backup and shown once. */
static int
own_key(struct backup *b, uint8_t ret[REPO_KEY])
{
	char path[PATH_MAX + 16], text[REPO_KEY_TEXT];
	struct buf file = BUF_INIT_MAX(1024);
	snprintf(path, sizeof path, "%s/backup.key", b->folder);
	int error = file_read(path, &file);
	if (!error)
		error = repo_key_read(buf_str(&file), ret);
	buf_release(&file);
	if (error != E_NOT_FOUND)
		return error ? fault_set(&b->fault, error, "backup_key", str_z(path), 0, 0) : 0;
	randombytes_buf(ret, REPO_KEY);
	repo_key_text(ret, text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || dprintf(fd, "%s\n", text) < 0 || fsync(fd) < 0)
		error = fault_set(&b->fault, error_from_errno(errno), "backup_key", str_z(path), 0, 0);
	else
		error = 0;
	if (fd >= 0)
		close(fd);
	if (!error) /* what is written at night may end in a log: no key there */
		backup_say(b->nightly ? "backup.key_made" : "backup.key_new", (const char *[]){b->nightly ? path : text}, 1);
	return error;
}

static bool
read_options(struct backup *b, int argc, char **argv)
{
	const char *keep = NULL;
	const struct backup_option option[] = {{"--data", &b->data, NULL}, {"--to", &b->to, NULL}, {"--key", &b->key, NULL},
	    {"--keep", &keep, NULL}, {"--check", NULL, &b->check}};
	return backup_options(option, COUNT(option), argc, argv) && (!keep || (str_to_u64(str_z(keep), &b->keep) && b->keep)) && b->to &&
	    (b->check ? b->data || b->key : b->data && !b->key);
}

static int
run_backup(struct backup *b)
{
	uint8_t key[REPO_KEY];
	if (b->data && !realpath(b->data, b->folder))
		return fault_set(&b->fault, error_from_errno(errno), "backup_data", str_z(b->data), 0, 0);
	if (b->key) {
		if (backup_key_read(b->key, key) < 0)
			return fault_set(&b->fault, E_INVALID, "backup_key", STR("--key"), 0, 0);
	} else {
		TRY(own_key(b, key));
	}
	TRY(repo_open(b->to, key, !b->check, &b->repo, &b->fault));
	sodium_memzero(key, sizeof key);
	return b->check ? backup_check(b->repo, &b->fault) : make_backup(b);
}

/* Started by the supervisor (host/nightly.h): it hands over the options by descriptor. */
static bool
inherit_options(struct backup *b)
{
	static struct options o;
	if (pread(ROLE_FD_OPTIONS, &o, sizeof o, 0) != (ssize_t)sizeof o)
		return false;
	b->data = o.data;
	b->to = o.backup_to;
	b->keep = o.backup_keep;
	b->nightly = true;
	setpriority(PRIO_PROCESS, 0, 15); /* live work first */
	return true;
}

int
backup_command(int argc, char **argv)
{
	static struct backup b;
	bool nightly = argc == 2 && str_eq(str_z(argv[1]), STR("--nightly"));
	if (nightly ? !inherit_options(&b) : !read_options(&b, argc, argv))
		return backup_usage("cli.backup_usage");
	umask(077);
	arena_init(&b.arena, 1 << 20, LIST_ARENA);
	b.body.max = REPO_LIST_MAX;
	int error = run_backup(&b);
	if (error) {
		if (!b.fault.code)
			fault_set(&b.fault, error, NULL, STR(""), 0, 0);
		log_fault(&b.fault);
	}
	repo_close(b.repo);
	arena_release(&b.arena);
	buf_release(&b.previous_text);
	buf_release(&b.body);
	buf_release(&b.piece);
	mem_free(b.id);
	mem_free(b.archive);
	return error ? 1 : 0;
}
