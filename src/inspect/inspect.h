/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_INSPECT_H
#define INSPECT_INSPECT_H

/*
 * Files as evidence: handed in by people, or met in a sweep over a folder. Core alone, its loop's thread.
 *
 * Core never looks into such a file. It keeps its bytes, hashes them and hands the open file to the yara role
 * (inspect/scanner.h); what comes back goes to the database and, when a rule matched, becomes an alert of the engine
 * rule "yara" (content/rules/engines/yara.yml).
 *
 * Handing in: upload_new() gives an id, the bytes come in parts of UPLOAD_PART each in any order, upload_complete() ends
 * it. The file lies in DIR/files/ID, whatever it was called. Which parts are here is only in memory: after a restart of
 * core an unfinished file is sent again.
 */

#include "alert/alert.h"
#include "host/options.h"
#include "host/pool.h"
#include "inspect/scanner.h"

#define UPLOAD_PART (1u << 20)       /* bytes of every part but the last */
#define UPLOAD_NAME_MAX 255u         /* bytes */
#define UPLOADS_UNDER_WAY 256u       /* not complete */
#define UPLOAD_IDLE_MS (2 * TIME_HOUR) /* without a new part: given up */
#define SWEEPS_WAITING 20
#define SWEEP_MATCHES_KEPT 1000
#define SWEEP_ERRORS_KEPT 200

/* What inspect needs of core. */
struct inspect_owner {
	const struct options *options;
	struct db *db;
	struct loop *loop;
	struct pool *pool;
	const struct rule_info *(*rule)(void *user);                          /* the engine rule; NULL = no alerts */
	bool (*excepted)(void *user, struct finding *f, int64_t time_ms);     /* an exception takes it away */
	const struct system *(*system_of)(void *user, struct str id);          /* NULL = unknown */
	void (*scanner_hangs)(void *user);                                     /* end the yara role */
	void (*alert_changed)(void *user, int64_t id);
	void (*upload_changed)(void *user, int64_t id);
	void (*sweep_changed)(void *user, int64_t id);
	void *user;
};

struct inspect;

struct inspect *inspect_new(const struct inspect_owner *owner);
/* After the pool is freed: a sweep ends where it is. Accepts NULL. */
void inspect_free(struct inspect *i);
/* A channel to a (new) yara role. */
void inspect_peer(struct inspect *i, int fd);
/* Once a second. */
void inspect_tick(struct inspect *i, int64_t now_ms);
const struct scanner_state *inspect_scanner(const struct inspect *i);

/* --- files handed in --- */

enum upload_state { UPLOAD_RECEIVING, UPLOAD_WAITING, UPLOAD_CLEAN, UPLOAD_MATCHED, UPLOAD_FAILED, UPLOAD_REFUSED,
	UPLOAD_REMOVED, UPLOAD_STATES };

/* "receiving", ... */
const char *upload_state_name(enum upload_state state);
bool upload_state_from_name(struct str name, enum upload_state *ret);

struct upload {
	int64_t id, size;
	struct str name, wanted, sha256; /* hashes as 64 hex digits or empty */
	enum upload_state state;
	struct str problem;    /* of a failed or refused one: a scan outcome, "unfinished", "unwritable" */
	uint32_t crashes;      /* of the yara role, by this file */
	int64_t match_count;
	struct str matches;    /* JSON, see match_json() */
	struct str who, system;
	int64_t created_ms, done_ms;
	struct str removed_who;
	int64_t removed_ms;
	uint32_t parts, parts_here; /* while receiving */
};

/* E_INVALID: name or hash; E_LIMIT: larger than one file may be; E_FULL: the quota; E_BUSY: too many under way. */
[[nodiscard]] int upload_new(struct inspect *i, struct str name, int64_t size, struct str sha256, struct str system,
    struct str who, int64_t now_ms, int64_t *ret_id);
/* A part again replaces the one before. E_NOT_FOUND: not under way; E_INVALID: no such part, or not its length; E_CONFLICT:
 * being completed; E_FULL, E_IO. */
[[nodiscard]] int upload_part(struct inspect *i, int64_t id, uint32_t part, struct str bytes, int64_t now_ms);
/* Completing: upload_close() takes the file out of receiving (E_CONFLICT while parts are missing, *ret_fd is a duplicate),
 * upload_hash() on a pool thread makes it durable and hashes it, upload_closed() goes on with that: E_INVALID when it is
 * not the file that was meant (then all parts are missing again), E_IO. `error` is what upload_hash() said. */
[[nodiscard]] int upload_close(struct inspect *i, int64_t id, int *ret_fd);
[[nodiscard]] int upload_hash(int fd, uint8_t ret_digest[32]);
/* The hash alone, of any open file. E_IO. */
[[nodiscard]] int upload_digest(int fd, uint8_t ret_digest[32]);
[[nodiscard]] int upload_closed(struct inspect *i, int64_t id, int error, const uint8_t digest[32], int64_t now_ms);
/* Its bytes go, its row stays. E_CONFLICT: something was found in it, it is evidence; or it is being looked at. */
[[nodiscard]] int upload_remove(struct inspect *i, int64_t id, struct str who, int64_t now_ms);
/* E_NOT_FOUND. */
[[nodiscard]] int upload_get(struct inspect *i, int64_t id, struct arena *arena, struct upload *ret);
/* Newest first, ids below `before`; sha256 empty = any, state < 0 = any. */
[[nodiscard]] int upload_list(struct inspect *i, int64_t before, struct str sha256, int state, uint32_t limit,
    struct arena *arena, struct upload **ret, uint32_t *ret_count);
[[nodiscard]] int upload_count(struct inspect *i, struct str sha256, int state, int64_t *ret);
/* Numbers of missing parts, at most `max`. */
uint32_t upload_missing(const struct inspect *i, int64_t id, uint32_t *ret, uint32_t max);

/* --- sweeps --- */

enum sweep_state { SWEEP_QUEUED, SWEEP_RUNNING, SWEEP_DONE, SWEEP_STOPPED, SWEEP_FAILED, SWEEP_STATES };

const char *sweep_state_name(enum sweep_state state);

struct sweep {
	int64_t id;
	struct str folder;
	enum sweep_state state;
	struct str problem, who, system, stopped_who;
	int64_t created_ms, started_ms, ended_ms;
	int64_t files, files_done, bytes, matches, partial, errors, crashed, links, special, elsewhere;
};

struct sweep_match {
	struct str path, sha256;
	int64_t bytes;
	bool partial;
	struct str matches; /* JSON */
};

struct sweep_error {
	struct str path, what; /* an error name or a scan outcome */
};

/* Is there such a folder, for who asks to hear it at once? On a pool thread: a disk or a network may keep one waiting.
 * E_DENIED: not below a folder of --sweep; E_NOT_FOUND, E_INVALID: no such folder, or a link on the way. */
[[nodiscard]] int sweep_check(const struct options *o, struct str folder);
/* One that was checked. E_BUSY: too many are waiting. */
[[nodiscard]] int sweep_new(struct inspect *i, struct str folder, struct str system, struct str who, int64_t now_ms,
    int64_t *ret_id);
/* E_CONFLICT: it has ended. */
[[nodiscard]] int sweep_stop(struct inspect *i, int64_t id, struct str who, int64_t now_ms);
[[nodiscard]] int sweep_get(struct inspect *i, int64_t id, struct arena *arena, struct sweep *ret);
[[nodiscard]] int sweep_list(struct inspect *i, int64_t before, uint32_t limit, struct arena *arena, struct sweep **ret,
    uint32_t *ret_count);
[[nodiscard]] int sweep_count(struct inspect *i, int64_t *ret);
[[nodiscard]] int sweep_matches(struct inspect *i, int64_t id, struct arena *arena, struct sweep_match **ret,
    uint32_t *ret_count);
[[nodiscard]] int sweep_errors(struct inspect *i, int64_t id, struct arena *arena, struct sweep_error **ret,
    uint32_t *ret_count);

#endif
