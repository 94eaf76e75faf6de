/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

/*
 * The record: what was changed, by whom, when, from where, before and after. One of the six structs to know. An entry is
 * written in the transaction of the change itself, so there is no change without its entry; then it becomes a leaf of
 * the transparency log (store/tlog.h) below DIR/record, where nobody takes it out again unnoticed, the administrator
 * included. Core; one thread.
 *
 * The entry is JSON: at (RFC 3339, UTC), who, peer, action, noun, id, and where there are any before, after
 * and reason. before and after longer than a leaf may be are named by their SHA-256 and length.
 */

#include "base/arena.h"
#include "store/db.h"
#include "store/tlog.h"

struct record {
	int64_t at_ms;
	struct str who;          /* login, or name of the API key */
	struct str peer;         /* address the request came from; empty = this machine */
	struct str action;       /* "alert.change" */
	struct str noun, noun_id;
	struct str before, after; /* JSON texts; empty = none */
	struct str reason;
};

/* Adds the entry, in the caller's transaction. */
[[nodiscard]] int record_put(struct db *db, const struct record *r);
/* The same in a transaction of its own: what is done at the console and is no change of rows. */
[[nodiscard]] int record_put_alone(struct db *db, const struct record *r);
/* The entry's text alone. */
void record_entry(const struct record *r, struct buf *out);

struct record_row {
	int64_t seq, at_ms;
	struct str who, action, noun, noun_id, entry;
};
struct record_filter {
	int64_t before_seq;             /* cursor: rows older than this; INT64_MAX = from the newest */
	struct str who, noun, noun_id;  /* empty = any */
	int64_t from_ms, to_ms;         /* [from, to); 0 = open */
	bool people;                    /* only what people did: not what the program notes of evidence */
	uint32_t limit;
};
/* Newest first. */
[[nodiscard]] int record_list(struct db *db, const struct record_filter *f, struct arena *arena, struct record_row **ret,
    uint32_t *ret_count);

/* What the database remembers of its log, so that a log that was begun anew, with the key or without, is not taken for the one
 * before. */
#define RECORD_LOG_SETTING STR("record_log")
struct record_log {
	char origin[NOTE_NAME_MAX + 1];
	uint64_t size;
	struct merkle_hash root;
};
/* E_NOT_FOUND: nothing is remembered; E_CORRUPT. */
[[nodiscard]] int record_log_read(struct db *db, struct record_log *ret);
/* Is it the beginning of this log? E_CORRUPT: it is not; E_NOT_FOUND: the log is shorter. */
[[nodiscard]] int record_log_check(const struct record_log *r, struct str origin, struct tlog *log);
/* Keeps the log behind the table. */
struct recorder;

/* Opens DIR/record and the key in DIR/record.key (made at the first start, 0600), after which the log is called:
 * "khien/" and half of the SHA-256 of its public half. What the log holds and the database has lost (a copy of yesterday was put in its place) is put back, and said in *ret_put_back;
 * a row that is not what the log says is E_CORRUPT with f->what "record_differs"; a log or a key that is not the one that the
 * database remembers is E_CORRUPT with "record_anew". Other faults as tlog_open(). */
[[nodiscard]] int recorder_open(struct db *db, const struct store_io *io, struct str directory,
    struct recorder **ret, int64_t *ret_put_back, struct fault *f);
void recorder_close(struct recorder *r);
/* Entries that the database has and the log not yet, then a checkpoint. Cheap when there are none. E_FULL, E_IO: again. */
[[nodiscard]] int recorder_tick(struct recorder *r);
struct tlog *recorder_log(struct recorder *r);
const struct note_key *recorder_key(const struct recorder *r);

#endif
