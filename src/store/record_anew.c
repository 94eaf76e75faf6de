/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/record_anew.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"

#define AHEAD_SETTING STR("record_ahead") /* "WITNESS SEEN MISSING" */

/* ---- what is known of the end ---- */

int
record_restored(struct db *db, uint64_t *ret_seq)
{
	int64_t seq = 0;
	TRY(db_number(db, &seq, Q_RECORD_RESTORED, ""));
	*ret_seq = (uint64_t)seq;
	return 0;
}

int
record_ahead_note(struct db *db, struct str witness, uint64_t seen, uint64_t missing)
{
	struct buf text = BUF_INIT;
	buf_addf(&text, "%.*s %llu %llu", STR_ARG(witness), (unsigned long long)seen, (unsigned long long)missing);
	int error = db_run(db, Q_SETTING_SET, "ss", AHEAD_SETTING, buf_str(&text));
	buf_release(&text);
	return error;
}

/* Adds `,"seen":{...}` when a witness has seen more. */
static int
put_ahead(struct db *db, struct buf *out)
{
	struct db_rows *rows;
	struct str witness, number;
	uint64_t seen, missing;
	TRY(db_query(db, &rows, Q_SETTING_GET, "s", AHEAD_SETTING));
	int more = db_next(rows);
	struct str text = more > 0 ? db_text(rows, 0) : STR("");
	if (str_split(&text, ' ', &witness) && str_split(&text, ' ', &number) && str_to_u64(number, &seen) && str_to_u64(text, &missing)) {
		buf_add(out, STR(",\"seen\":{\"witness\":"));
		buf_add_json_string(out, witness);
		buf_addf(out, ",\"entries\":%llu,\"missing\":%llu}", (unsigned long long)seen, (unsigned long long)missing);
	}
	db_end(rows);
	return more < 0 ? more : 0;
}

/* As it lies there, when it is whole, and what only it has comes back into the table; else as the database remembers it. */
static int
last_log(struct db *db, struct str directory, struct record_log *ret)
{
	struct recorder *r;
	struct checkpoint c;
	int64_t put_back;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%.*s/record/checkpoint", STR_ARG(directory));
	if (access(path, F_OK) < 0 || recorder_open(db, &store_io_disk, directory, &r, &put_back, NULL) < 0)
		return record_log_read(db, ret);
	int error = checkpoint_read(tlog_checkpoint(recorder_log(r)), &c);
	if (!error) {
		*ret = (struct record_log){.size = c.size, .root = c.root};
		snprintf(ret->origin, sizeof ret->origin, "%s", recorder_key(r)->name);
	}
	recorder_close(r);
	return error;
}

/* What the entry says of the log that ends. */
static int
put_before(struct db *db, struct str directory, struct buf *out)
{
	struct record_log log;
	int error = last_log(db, directory, &log);
	if (error)
		return error == E_NOT_FOUND || error == E_CORRUPT ? 0 : error;
	buf_addf(out, "{\"log\":\"%s\",\"entries\":%llu,\"root\":\"", log.origin, (unsigned long long)log.size);
	buf_add_hex(out, log.root.bytes, sizeof log.root.bytes);
	buf_add_char(out, '"');
	error = put_ahead(db, out);
	buf_add_char(out, '}');
	return error;
}

/* ---- the new beginning ---- */

static int
set_aside(struct str directory, int64_t now_ms)
{
	static const char *const names[] = {"record", "record.key"};
	char from[PATH_MAX], to[PATH_MAX];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(from, sizeof from, "%.*s/%s", STR_ARG(directory), names[i]);
		snprintf(to, sizeof to, "%.*s/%s.before-%lld", STR_ARG(directory), names[i], (long long)now_ms);
		if (rename(from, to) < 0 && errno != ENOENT)
			return error_from_errno(errno);
	}
	return 0;
}

static int
begin_anew(struct db *db, struct str directory, const struct record *entry)
{
	TRY(record_put(db, entry));
	TRY(db_run(db, Q_SETTING_DELETE, "s", RECORD_LOG_SETTING));
	TRY(db_run(db, Q_SETTING_DELETE, "s", AHEAD_SETTING));
	return set_aside(directory, entry->at_ms);
}

int
record_begin_anew(struct db *db, struct str directory, struct str who, struct str reason, int64_t now_ms)
{
	struct buf before = BUF_INIT;
	int error = put_before(db, directory, &before);
	struct record entry = {.at_ms = now_ms, .who = who, .action = STR("record.anew"), .noun = STR("records"),
	    .before = buf_str(&before), .reason = reason};
	if (!error)
		error = db_begin(db);
	if (!error)
		error = begin_anew(db, directory, &entry);
	error = db_end_transaction(db, error);
	buf_release(&before);
	return error;
}

/* ---- reading it ---- */

static bool
read_number(const struct json *j, uint32_t object, struct str key, uint64_t *ret)
{
	int64_t number;
	if (!json_get_i64(j, object, key, &number) || number < 0)
		return false;
	*ret = (uint64_t)number;
	return true;
}

static void
read_before(const struct json *j, uint32_t before, struct arena *arena, struct record_seam *s)
{
	struct str origin, root;
	size_t n;
	uint32_t seen = json_get(j, before, STR("seen"));
	s->known = json_get_string(j, before, STR("log"), arena, &origin) && origin.n <= NOTE_NAME_MAX &&
	    read_number(j, before, STR("entries"), &s->before.size) && json_get_string(j, before, STR("root"), arena, &root) &&
	    sodium_hex2bin(s->before.root.bytes, MERKLE_HASH, root.p, root.n, NULL, &n, NULL) == 0 && n == MERKLE_HASH;
	if (s->known)
		memcpy(s->before.origin, origin.p, origin.n);
	if (!seen || j->token[seen].kind != JSON_OBJECT || !json_get_string(j, seen, STR("witness"), arena, &s->witness) ||
	    !read_number(j, seen, STR("entries"), &s->seen) || !read_number(j, seen, STR("missing"), &s->missing))
		s->witness = STR("");
}

int
record_seam_read(struct str entry, struct arena *arena, struct record_seam *ret)
{
	struct json j = {.max_tokens = 1000, .max_depth = 16};
	struct record_seam s = {.witness = STR("")};
	struct str action;
	if (str_find(entry, STR("\"action\":\"record.anew\"")) < 0)
		return E_NOT_FOUND; /* of most entries nothing more need be known */
	int error = json_parse(&j, entry, NULL) < 0 || !json_get_string(&j, 0, STR("action"), arena, &action) ||
		!str_eq(action, STR("record.anew")) || !json_get_string(&j, 0, STR("at"), arena, &s.at)
	    ? E_NOT_FOUND
	    : 0;
	if (!error && !json_get_string(&j, 0, STR("reason"), arena, &s.reason))
		s.reason = STR("");
	uint32_t before = error ? 0 : json_get(&j, 0, STR("before"));
	if (before && j.token[before].kind == JSON_OBJECT)
		read_before(&j, before, arena, &s);
	/* The tape borrows from the entry, which its reader does not keep. */
	if (!error && !(arena_copy(arena, s.at, &s.at) && arena_copy(arena, s.reason, &s.reason) && arena_copy(arena, s.witness, &s.witness)))
		error = E_LIMIT;
	json_release(&j);
	if (!error)
		*ret = s;
	return error;
}
