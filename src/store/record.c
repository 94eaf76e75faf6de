/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/record.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/time.h"

#define PART_MAX 20000u  /* of before and after, so that an entry fits a leaf */
#define TICK_ENTRIES 1000

/* ---- entries ---- */

static void
put_member(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, ",\"%s\":", name);
	buf_add_json_string(out, value);
}

static void
put_part(struct buf *out, const char *name, struct str json)
{
	uint8_t digest[32];
	if (!json.n)
		return;
	buf_addf(out, ",\"%s\":", name);
	if (json.n <= PART_MAX) {
		buf_add(out, json);
		return;
	}
	sha256(json, digest);
	buf_add(out, STR("{\"sha256\":\""));
	buf_add_hex(out, digest, sizeof digest);
	buf_addf(out, "\",\"bytes\":%zu}", json.n);
}

void
record_entry(const struct record *r, struct buf *out)
{
	buf_add(out, STR("{\"at\":\""));
	time_format(out, r->at_ms, 0);
	buf_add_char(out, '"');
	put_member(out, "who", str_cut(r->who, 0, 200));
	put_member(out, "peer", str_cut(r->peer, 0, 200));
	put_member(out, "action", str_cut(r->action, 0, 200));
	put_member(out, "noun", str_cut(r->noun, 0, 200));
	put_member(out, "id", str_cut(r->noun_id, 0, 500));
	put_part(out, "before", r->before);
	put_part(out, "after", r->after);
	if (r->reason.n)
		put_member(out, "reason", str_cut(r->reason, 0, 2000));
	buf_add_char(out, '}');
}

int
record_put(struct db *db, const struct record *r)
{
	struct buf entry = BUF_INIT_MAX(TLOG_ENTRY_MAX);
	record_entry(r, &entry);
	int error = entry.over ? E_LIMIT
			       : db_run(db, Q_RECORD_ADD, "isssss", r->at_ms, r->who, r->action, r->noun, r->noun_id,
				     buf_str(&entry));
	buf_release(&entry);
	return error;
}

int
record_put_alone(struct db *db, const struct record *r)
{
	TRY(db_begin(db));
	return db_end_transaction(db, record_put(db, r));
}

static bool
keep_row(struct db_rows *rows, struct arena *arena, struct record_row *row)
{
	*row = (struct record_row){.seq = db_i64(rows, 0), .at_ms = db_i64(rows, 1)};
	return arena_copy(arena, db_text(rows, 2), &row->who) && arena_copy(arena, db_text(rows, 3), &row->action) &&
	    arena_copy(arena, db_text(rows, 4), &row->noun) && arena_copy(arena, db_text(rows, 5), &row->noun_id) &&
	    arena_copy(arena, db_text(rows, 6), &row->entry);
}

int
record_list(struct db *db, const struct record_filter *f, struct arena *arena, struct record_row **ret,
    uint32_t *ret_count)
{
	struct record_row *list = arena_calloc(arena, f->limit, sizeof *list);
	struct db_rows *rows;
	uint32_t n = 0;
	int more = 0;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_RECORD_LIST, "isssiiii", f->before_seq, f->who, f->noun, f->noun_id, (int64_t)f->limit, f->from_ms,
	    f->to_ms ? f->to_ms : INT64_MAX, (int64_t)f->people));
	while (n < f->limit && (more = db_next(rows)) > 0)
		if (!keep_row(rows, arena, &list[n++]))
			more = E_LIMIT;
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	return 0;
}

/* ---- the log behind the table ---- */

struct recorder {
	struct db *db;
	struct tlog *log;
	struct note_key key;
	uint8_t secret[NOTE_SECRET];
	uint64_t remembered; /* size of the log that the database knows of */
	bool good;           /* and what it knows is this log */
};

/* ---- what the database remembers of it: "ORIGIN SIZE ROOT" ---- */

#define REMEMBER_EVERY 256u /* entries; and at the end */

static bool
read_hex(struct str hex, uint8_t *to, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	if (hex.n != 2 * n)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		const char *digit = memchr(digits, hex.p[i], 16);
		if (!digit)
			return false;
		to[i / 2] = (uint8_t)((i % 2 ? to[i / 2] << 4 : 0) | (digit - digits));
	}
	return true;
}

static bool
parse_log(struct str text, struct record_log *ret)
{
	struct str origin, size;
	*ret = (struct record_log){.size = 0};
	if (!str_split(&text, ' ', &origin) || !str_split(&text, ' ', &size) || !origin.n || origin.n > NOTE_NAME_MAX)
		return false;
	memcpy(ret->origin, origin.p, origin.n);
	return str_to_u64(size, &ret->size) && read_hex(text, ret->root.bytes, sizeof ret->root.bytes);
}

int
record_log_read(struct db *db, struct record_log *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_SETTING_GET, "s", RECORD_LOG_SETTING));
	int more = db_next(rows);
	return db_end_one(rows, more > 0 && !parse_log(db_text(rows, 0), ret) ? E_CORRUPT : more);
}

int
record_log_check(const struct record_log *r, struct str origin, struct tlog *log)
{
	struct merkle_nodes nodes = tlog_nodes(log);
	struct merkle_hash root;
	if (!str_eq(str_z(r->origin), origin))
		return E_CORRUPT;
	if (r->size > tlog_size(log))
		return E_NOT_FOUND;
	TRY(merkle_root(&nodes, r->size, &root));
	return merkle_equal(&root, &r->root) ? 0 : E_CORRUPT;
}

/* What is published. The database may be busy: then the next time. */
static void
remember_log(struct recorder *r)
{
	struct checkpoint c;
	struct buf text = BUF_INIT;
	if (checkpoint_read(tlog_checkpoint(r->log), &c) < 0)
		return;
	buf_addf(&text, "%s %llu ", r->key.name, (unsigned long long)c.size);
	buf_add_hex(&text, c.root.bytes, sizeof c.root.bytes);
	if (db_run(r->db, Q_SETTING_SET, "ss", RECORD_LOG_SETTING, buf_str(&text)) == 0)
		r->remembered = c.size;
	buf_release(&text);
}

/* ---- its key ---- */

static int
write_secret(const struct store_io *io, const char *path, const uint8_t secret[NOTE_SECRET], const char *folder)
{
	int fd = io->open(io->user, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	int64_t put = io->pwrite(io->user, fd, secret, NOTE_SECRET, 0);
	int error = put < 0 ? (int)put : io->sync(io->user, fd);
	io->close(io->user, fd);
	if (error) {
		(void)io->unlink(io->user, path);
		return error;
	}
	return io->sync_directory(io->user, folder);
}

static int
read_secret(const struct store_io *io, const char *path, uint8_t ret[NOTE_SECRET])
{
	uint8_t secret[NOTE_SECRET + 1];
	int fd = io->open(io->user, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	int64_t got = io->pread(io->user, fd, secret, sizeof secret, 0);
	io->close(io->user, fd);
	if (got < 0)
		return (int)got;
	if (got != NOTE_SECRET)
		return E_CORRUPT;
	memcpy(ret, secret, NOTE_SECRET);
	return 0;
}

/* The name that belongs to a key, so that no two logs share one and nobody has to think of one. */
static int
name_key(struct recorder *r)
{
	struct buf name = BUF_INIT;
	uint8_t digest[32];
	TRY(note_key_of(STR("khien"), NOTE_ED25519, r->secret, &r->key));
	sha256(str_from((const char *)r->key.public_key, sizeof r->key.public_key), digest);
	buf_add(&name, STR("khien/"));
	buf_add_hex(&name, digest, 16);
	int error = note_key_of(buf_str(&name), NOTE_ED25519, r->secret, &r->key);
	buf_release(&name);
	return error;
}

static int
open_key(struct recorder *r, const struct store_io *io, const char *folder, struct fault *f)
{
	char path[PATH_MAX];
	struct record_log known;
	snprintf(path, sizeof path, "%.*s/record.key", PATH_MAX - 64, folder);
	int error = read_secret(io, path, r->secret);
	if (error == E_NOT_FOUND && record_log_read(r->db, &known) != E_NOT_FOUND)
		return fault_set(f, E_CORRUPT, "record_anew", str_z(path), 0, 0);
	if (error == E_NOT_FOUND) {
		error = note_key_new(STR("khien"), NOTE_ED25519, &r->key, r->secret);
		if (!error)
			error = write_secret(io, path, r->secret, folder);
	}
	if (!error)
		error = name_key(r);
	return error ? fault_set(f, error, "record_key", str_z(path), 0, 0) : 0;
}

/* A leaf as a row again, with what the columns say of it read from its own JSON. */
static int
put_back(struct recorder *r, int64_t seq, struct str entry)
{
	struct json j = {.max_tokens = 10000, .max_depth = 32};
	struct arena arena;
	struct str text[5] = {{0}};
	static const struct str name[] = {STR_INIT("at"), STR_INIT("who"), STR_INIT("action"), STR_INIT("noun"), STR_INIT("id")};
	int64_t at_ms = 0;
	arena_init(&arena, 4096, 1 << 20);
	int error = json_parse(&j, entry, NULL);
	for (size_t i = 0; !error && i < COUNT(name); i++)
		if (!json_get_string(&j, 0, name[i], &arena, &text[i]))
			error = E_CORRUPT;
	if (!error && !time_parse(text[0], 0, &at_ms))
		error = E_CORRUPT;
	if (!error)
		error = db_run(r->db, Q_RECORD_PUT_BACK, "iisssss", seq, at_ms, text[1], text[2], text[3], text[4], entry);
	json_release(&j);
	arena_release(&arena);
	return error;
}

/* Does row `seq` say what its leaf says? */
static int
compare_row(struct recorder *r, int64_t seq, struct fault *f)
{
	struct buf entry = BUF_INIT;
	struct db_rows *rows;
	char number[24];
	if (!seq)
		return 0;
	TRY(tlog_entry(r->log, (uint64_t)seq - 1, &entry));
	int error = db_query(r->db, &rows, Q_RECORD_AFTER, "ii", seq - 1, (int64_t)1);
	if (!error) {
		bool same = db_next(rows) > 0 && db_i64(rows, 0) == seq && str_eq(db_text(rows, 1), buf_str(&entry));
		snprintf(number, sizeof number, "%lld", (long long)seq);
		error = same ? 0 : fault_set(f, E_CORRUPT, "record_differs", str_z(number), 0, 0);
		db_end(rows);
	}
	buf_release(&entry);
	return error;
}

static int
put_back_all(struct recorder *r, int64_t have, int64_t *ret_count)
{
	struct buf entry = BUF_INIT;
	int64_t size = (int64_t)tlog_published(r->log), seq = have;
	if (have >= size)
		return 0;
	int error = db_begin(r->db);
	while (!error && seq < size) {
		buf_clear(&entry);
		error = tlog_entry(r->log, (uint64_t)seq, &entry);
		if (!error)
			error = put_back(r, ++seq, buf_str(&entry));
	}
	error = db_end_transaction(r->db, error);
	buf_release(&entry);
	TRY(error);
	*ret_count = seq - have;
	return 0;
}

static int
open_log(struct recorder *r, const struct store_io *io, const char *path, struct fault *f)
{
	int error = io->make_directory(io->user, path, 0750);
	if (error && error != E_EXISTS)
		return fault_set(f, error, "tlog_checkpoint", str_z(path), 0, 0);
	return tlog_open(io, str_z(path), &r->key, &r->log, f);
}

/* Rows of the table that the log has not, at most so many. */
static int
append_rows(struct recorder *r, int64_t count)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(r->db, &rows, Q_RECORD_AFTER, "ii", (int64_t)tlog_size(r->log), count));
	while ((more = db_next(rows)) > 0) {
		more = db_i64(rows, 0) == (int64_t)tlog_size(r->log) + 1 ? tlog_append(r->log, db_text(rows, 1)) : E_CORRUPT;
		if (more < 0)
			break;
	}
	db_end(rows);
	return more;
}

/* A log that lies behind (a copy of yesterday) is made whole again from the table, and then must be what it was. */
static int
is_remembered(struct recorder *r, struct fault *f)
{
	struct record_log known;
	int error = record_log_read(r->db, &known);
	if (error == E_NOT_FOUND)
		return 0;
	if (!error && !str_eq(str_z(known.origin), str_z(r->key.name)))
		error = E_CORRUPT;
	if (!error && known.size > tlog_size(r->log))
		error = append_rows(r, (int64_t)(known.size - tlog_size(r->log)));
	if (!error)
		error = record_log_check(&known, str_z(r->key.name), r->log);
	r->remembered = known.size;
	if (error == E_CORRUPT || error == E_NOT_FOUND)
		return fault_set(f, E_CORRUPT, "record_anew", str_z(known.origin), 0, 0);
	return error;
}

/* Table and log tell the same story as far as both go; what only the log knows comes back into the table. */
static int
agree(struct recorder *r, int64_t *ret_put_back, struct fault *f)
{
	int64_t rows = 0, size = (int64_t)tlog_size(r->log);
	TRY(db_number(r->db, &rows, Q_RECORD_LAST, ""));
	TRY(compare_row(r, rows < size ? rows : size, f));
	TRY(is_remembered(r, f));
	return put_back_all(r, rows, ret_put_back);
}

int
recorder_open(struct db *db, const struct store_io *io, struct str directory, struct recorder **ret, int64_t *ret_put_back, struct fault *f)
{
	char folder[PATH_MAX - 64], path[PATH_MAX];
	int64_t count = 0;
	if (directory.n >= sizeof folder)
		return fault_set(f, E_LIMIT, "record_key", directory, 0, 0);
	struct recorder *r = MEM_NEW(struct recorder);
	r->db = db;
	str_to_z(directory, folder, sizeof folder);
	snprintf(path, sizeof path, "%s/record", folder);
	int error = open_key(r, io, folder, f);
	if (!error)
		error = open_log(r, io, path, f);
	if (!error)
		error = agree(r, &count, f);
	if (error) {
		recorder_close(r);
		return error;
	}
	r->good = true;
	*ret = r;
	*ret_put_back = count;
	return 0;
}

void
recorder_close(struct recorder *r)
{
	if (!r)
		return;
	if (r->good && tlog_published(r->log) != r->remembered)
		remember_log(r);
	tlog_close(r->log);
	explicit_bzero(r->secret, sizeof r->secret);
	mem_free(r);
}

int
recorder_tick(struct recorder *r)
{
	TRY(append_rows(r, TICK_ENTRIES));
	if (tlog_size(r->log) == tlog_published(r->log))
		return 0;
	bool first = tlog_published(r->log) == 0;
	TRY(tlog_publish(r->log, &r->key, r->secret));
	if (first || tlog_published(r->log) - r->remembered >= REMEMBER_EVERY)
		remember_log(r);
	return 0;
}

struct tlog *
recorder_log(struct recorder *r)
{
	return r->log;
}

const struct note_key *
recorder_key(const struct recorder *r)
{
	return &r->key;
}
