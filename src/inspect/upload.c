/* SPDX-License-Identifier: EUPL-1.2 */
/* Files handed in: parts, hash, scan, and how long they stay. */
#include "inspect/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "host/clock.h"
#include "inspect/match_json.h"
#include "store/evidence.h"

#define MATCHES_BYTES (256u << 10) /* of JSON kept of one file */
#define HASH_STEP (256u << 10)
#define SWEEP_UP_TICKS 60          /* once a minute: what is old or was never finished */
#define AT_ONCE 50

static const char *const state_names[UPLOAD_STATES] = {"receiving", "waiting", "clean", "matched", "failed", "refused",
	"removed"};

const char *
upload_state_name(enum upload_state state)
{
	return state < UPLOAD_STATES ? state_names[state] : "";
}

bool
upload_state_from_name(struct str name, enum upload_state *ret)
{
	for (unsigned s = 0; s < UPLOAD_STATES; s++)
		if (str_eq(name, str_z(state_names[s]))) {
			*ret = (enum upload_state)s;
			return true;
		}
	return false;
}

/* Never the name it was given: numbers cannot climb out of a folder. */
static void
file_path(const struct inspect *i, int64_t id, char ret[512])
{
	snprintf(ret, 512, "%s/files/%012lld", i->owner.options->data, (long long)id);
}

static struct receiving *
find_receiving(const struct inspect *i, int64_t id)
{
	for (uint32_t n = 0; n < i->receiving_count; n++)
		if (i->receiving[n].id == id)
			return &i->receiving[n];
	return NULL;
}

static void
drop_receiving(struct inspect *i, struct receiving *r)
{
	close(r->fd);
	mem_free(r->have);
	*r = i->receiving[--i->receiving_count];
}

/* --- a new one --- */

static bool
is_sha256(struct str s)
{
	for (size_t n = 0; n < s.n; n++)
		if (!((s.p[n] >= '0' && s.p[n] <= '9') || (s.p[n] >= 'a' && s.p[n] <= 'f')))
			return false;
	return s.n == 64;
}

/* A name is only ever shown; but no control character goes into the database, and none that turns a text round. */
static bool
is_name(struct str s)
{
	if (!s.n || s.n > UPLOAD_NAME_MAX || !str_is_utf8(s))
		return false;
	for (size_t n = 0; n < s.n; n++) {
		const unsigned char *c = (const unsigned char *)s.p + n;
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			return false;
		if (*c == 0xe2 && n + 2 < s.n && c[1] == 0x80 && (c[2] >= 0xa8 && c[2] <= 0xae))
			return false; /* line separators and bidirectional overrides: "exe.txt" that is none */
		if (*c == 0xe2 && n + 2 < s.n && c[1] == 0x81 && (c[2] >= 0xa6 && c[2] <= 0xa9))
			return false;
	}
	return true;
}

static int
kept_bytes(struct inspect *i, int64_t *ret)
{
	return db_number(i->owner.db, ret, Q_UPLOAD_KEPT_BYTES, "");
}

static int
insert(struct inspect *i, struct str name, int64_t size, struct str sha256, struct str system, struct str who, int64_t now_ms,
    int64_t *ret_id)
{
	return db_number(i->owner.db, ret_id, Q_UPLOAD_NEW, "sisssi", name, size, sha256, who, system, now_ms);
}

static int
mark_gone(struct inspect *i, int64_t id, enum upload_state state, struct str problem, struct str who, int64_t now_ms)
{
	char path[512];
	TRY(db_begin(i->owner.db));
	int error = db_run(i->owner.db, Q_UPLOAD_GONE, "iissi", id, (int64_t)state, problem, who, now_ms);
	if (!error && state == UPLOAD_REMOVED)
		error = evidence_file_removed(i->owner.db, id, who, now_ms);
	TRY(db_end_transaction(i->owner.db, error));
	file_path(i, id, path);
	error = unlink(path) < 0 && errno != ENOENT ? error_from_errno(errno) : 0;
	i->owner.upload_changed(i->owner.user, id);
	return error;
}

int
upload_new(struct inspect *i, struct str name, int64_t size, struct str sha256, struct str system, struct str who,
    int64_t now_ms, int64_t *ret_id)
{
	int64_t kept = 0, id = 0;
	char path[512];
	if (!is_name(name) || size < 0 || (sha256.n && !is_sha256(sha256)))
		return E_INVALID;
	if (size > (int64_t)i->owner.options->upload_max_mb << 20)
		return E_LIMIT;
	if (i->receiving_count >= UPLOADS_UNDER_WAY)
		return E_BUSY;
	TRY(kept_bytes(i, &kept));
	if (kept + size > (int64_t)i->owner.options->upload_quota_mb << 20)
		return E_FULL;
	TRY(insert(i, name, size, sha256, system, who, now_ms, &id));
	file_path(i, id, path);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		int error = error_from_errno(errno);
		(void)!mark_gone(i, id, UPLOAD_REFUSED, STR("unwritable"), STR("khien"), now_ms);
		return error;
	}
	struct receiving *stale = find_receiving(i, id);
	if (stale) /* its row was never committed, and the number is given again */
		drop_receiving(i, stale);
	MEM_GROW(i->receiving, i->receiving_count, i->receiving_cap);
	uint32_t parts = (uint32_t)((size + UPLOAD_PART - 1) / UPLOAD_PART);
	i->receiving[i->receiving_count++] = (struct receiving){.id = id, .size = size, .last_ms = now_ms, .fd = fd,
	    .parts = parts, .have = mem_calloc(parts + 1, 1)};
	i->owner.upload_changed(i->owner.user, id);
	*ret_id = id;
	return 0;
}

/* --- its parts --- */

int
upload_part(struct inspect *i, int64_t id, uint32_t part, struct str bytes, int64_t now_ms)
{
	struct receiving *r = find_receiving(i, id);
	if (!r)
		return E_NOT_FOUND;
	if (r->closing)
		return E_CONFLICT;
	int64_t from = (int64_t)part * UPLOAD_PART, left = r->size - from;
	if (part >= r->parts || (int64_t)bytes.n != (left < UPLOAD_PART ? left : UPLOAD_PART))
		return E_INVALID;
	for (size_t done = 0; done < bytes.n;) {
		ssize_t n = pwrite(r->fd, bytes.p + done, bytes.n - done, (off_t)(from + (int64_t)done));
		if (n < 0 && errno != EINTR)
			return error_from_errno(errno);
		done += n > 0 ? (size_t)n : 0;
	}
	r->here += !r->have[part];
	r->have[part] = 1;
	r->last_ms = now_ms;
	return 0;
}

uint32_t
upload_missing(const struct inspect *i, int64_t id, uint32_t *ret, uint32_t max)
{
	const struct receiving *r = find_receiving(i, id);
	uint32_t n = 0;
	for (uint32_t p = 0; r && p < r->parts && n < max; p++)
		if (!r->have[p])
			ret[n++] = p;
	return n;
}

int
upload_close(struct inspect *i, int64_t id, int *ret_fd)
{
	struct receiving *r = find_receiving(i, id);
	if (!r)
		return E_NOT_FOUND;
	if (r->closing || r->here < r->parts)
		return E_CONFLICT;
	int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return E_LIMIT;
	r->closing = true;
	*ret_fd = fd;
	return 0;
}

int
upload_hash(int fd, uint8_t ret_digest[32])
{
	return fsync(fd) < 0 ? E_IO : upload_digest(fd, ret_digest);
}

int
upload_digest(int fd, uint8_t ret_digest[32])
{
	char *step = mem_alloc(HASH_STEP);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	int64_t at = 0;
	ssize_t n = 1;
	int error = !hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL) ? E_IO : 0;
	while (!error && n > 0) {
		n = pread(fd, step, HASH_STEP, (off_t)at);
		at += n > 0 ? n : 0;
		if (n < 0 || !EVP_DigestUpdate(hash, step, (size_t)n))
			error = E_IO;
	}
	if (!error && !EVP_DigestFinal_ex(hash, ret_digest, NULL))
		error = E_IO;
	EVP_MD_CTX_free(hash);
	mem_free(step);
	return error;
}

/* --- scanning --- */

static void
scanning_end(struct scanning *s)
{
	struct scanning **at = &s->inspect->scanning;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	mem_free(s);
}

static bool
is_scanning(const struct inspect *i, int64_t id)
{
	for (const struct scanning *s = i->scanning; s; s = s->next)
		if (s->id == id)
			return true;
	return false;
}

static int
write_found(struct inspect *i, const struct upload *u, const struct scan_answer *a, struct str matches, int64_t now_ms)
{
	bool matched = a->outcome == SCAN_DONE && a->found.matches;
	enum upload_state state = a->outcome != SCAN_DONE ? UPLOAD_FAILED : matched ? UPLOAD_MATCHED : UPLOAD_CLEAN;
	struct str problem = a->outcome == SCAN_DONE ? STR("") : str_z(scan_outcome_name(a->outcome));
	const struct alarm alarm = {u->name, STR(""), u->sha256, u->who, u->system, &a->found};
	TRY(db_run(i->owner.db, Q_UPLOAD_SCANNED, "iisisi", u->id, (int64_t)state, problem,
	    (int64_t)a->found.matches + a->found.over, matches, now_ms));
	return matched ? alarm_write(i, &alarm, now_ms) : 0;
}

/* All or nothing; what could not be written is scanned again. */
static void
keep_answer(struct inspect *i, int64_t id, const struct scan_answer *a)
{
	struct arena arena;
	struct upload u;
	struct buf matches = BUF_INIT_MAX(MATCHES_BYTES);
	arena_init(&arena, 4096, 1 << 20);
	match_json(&matches, &a->found);
	if (matches.over) { /* half of it would be no JSON */
		buf_clear(&matches);
		buf_add(&matches, STR("[]"));
	}
	int error = upload_get(i, id, &arena, &u);
	if (!error && u.state == UPLOAD_WAITING && (error = db_begin(i->owner.db)) == 0) {
		error = db_end_transaction(i->owner.db, write_found(i, &u, a, buf_str(&matches), clock_now_ms()));
		alarm_done(i, !error);
	}
	if (!error)
		i->owner.upload_changed(i->owner.user, id);
	buf_release(&matches);
	arena_release(&arena);
}

static void
on_scanned(void *user, const struct scan_answer *a)
{
	struct scanning *s = user;
	keep_answer(s->inspect, s->id, a);
	scanning_end(s);
}

/* Kept, so that a file that kills the role three times is given up even when core is started anew in between. */
static void
on_crashed(void *user, uint32_t crashes)
{
	struct scanning *s = user;
	(void)!db_run(s->inspect->owner.db, Q_UPLOAD_CRASHED, "ii", s->id, (int64_t)crashes);
}

static void
scan(struct inspect *i, int64_t id, struct str name, uint32_t crashes)
{
	char path[512];
	file_path(i, id, path);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		keep_answer(i, id, &(struct scan_answer){.outcome = SCAN_UNREADABLE});
		return;
	}
	struct scanning *s = MEM_NEW(struct scanning);
	*s = (struct scanning){i->scanning, i, id};
	i->scanning = s;
	struct scan_job job = {.name = name, .fd = fd, .urgent = true, .crashes = crashes, .crashed = on_crashed,
	    .done = on_scanned, .user = s};
	if (scanner_submit(i->scanner, &job) < 0)
		scanning_end(s); /* the queue is full; upload_tick() comes again */
}

/* From here on it is evidence: the record knows it. */
static int
keep_hash(struct inspect *i, int64_t id, struct str hex, int64_t size, int64_t now_ms)
{
	struct db *db = i->owner.db;
	TRY(db_begin(db));
	int error = db_run(db, Q_UPLOAD_HASHED, "is", id, hex);
	if (!error)
		error = evidence_file(db, id, hex, size, now_ms);
	return db_end_transaction(db, error);
}

int
upload_closed(struct inspect *i, int64_t id, int error, const uint8_t digest[32], int64_t now_ms)
{
	struct receiving *r = find_receiving(i, id);
	struct arena arena;
	struct upload u;
	struct buf hex = BUF_INIT_MAX(65);
	if (!r)
		return E_NOT_FOUND;
	if (error) {
		r->closing = false; /* the disk said no: may be tried again */
		return error;
	}
	arena_init(&arena, 4096, 1 << 20);
	buf_add_hex(&hex, digest, 32);
	error = upload_get(i, id, &arena, &u);
	if (!error && u.wanted.n && !str_eq(u.wanted, buf_str(&hex))) {
		/* Nobody knows which part is wrong: all are sent again. */
		memset(r->have, 0, r->parts);
		r->here = 0;
		r->closing = false;
		error = ftruncate(r->fd, 0) < 0 ? error_from_errno(errno) : E_INVALID;
	} else if (!error && (error = keep_hash(i, id, buf_str(&hex), u.size, now_ms)) == 0) {
		drop_receiving(i, r);
		scan(i, id, u.name, 0);
		i->owner.upload_changed(i->owner.user, id);
	} else {
		r->closing = false;
	}
	buf_release(&hex);
	arena_release(&arena);
	return error;
}

/* --- reading --- */

static bool
read_row(struct inspect *i, struct db_rows *rows, struct arena *arena, struct upload *u)
{
	*u = (struct upload){.id = db_i64(rows, 0), .size = db_i64(rows, 2), .state = (enum upload_state)db_i64(rows, 5),
	    .crashes = (uint32_t)db_i64(rows, 7), .match_count = db_i64(rows, 8), .created_ms = db_i64(rows, 12),
	    .done_ms = db_i64(rows, 13), .removed_ms = db_i64(rows, 15)};
	const struct {
		int column;
		struct str *to;
	} text[] = {{1, &u->name}, {3, &u->wanted}, {4, &u->sha256}, {6, &u->problem}, {9, &u->matches}, {10, &u->who},
		{11, &u->system}, {14, &u->removed_who}};
	const struct receiving *r = find_receiving(i, u->id);
	u->parts = r ? r->parts : 0;
	u->parts_here = r ? r->here : 0;
	for (size_t n = 0; n < COUNT(text); n++)
		if (!arena_copy(arena, db_text(rows, text[n].column), text[n].to))
			return false;
	return true;
}

int
upload_get(struct inspect *i, int64_t id, struct arena *arena, struct upload *ret)
{
	struct db_rows *rows;
	struct upload u;
	TRY(db_query(i->owner.db, &rows, Q_UPLOAD_GET, "i", id));
	int more = db_next(rows);
	if (more > 0 && !read_row(i, rows, arena, &u))
		more = E_LIMIT;
	if (more > 0)
		*ret = u;
	return db_end_one(rows, more);
}

int
upload_list(struct inspect *i, int64_t before, struct str sha256, int state, uint32_t limit, struct arena *arena,
    struct upload **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct upload *list = arena_calloc(arena, limit, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(i->owner.db, &rows, Q_UPLOAD_LIST, "isii", before, sha256, (int64_t)state, (int64_t)limit));
	while ((more = db_next(rows)) > 0 && n < limit)
		if (!read_row(i, rows, arena, &list[n++])) {
			more = E_LIMIT;
			break;
		}
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	return 0;
}

int
upload_count(struct inspect *i, struct str sha256, int state, int64_t *ret)
{
	return db_number(i->owner.db, ret, Q_UPLOAD_COUNT, "si", sha256, (int64_t)state);
}

/* --- going --- */

int
upload_remove(struct inspect *i, int64_t id, struct str who, int64_t now_ms)
{
	struct receiving *r = find_receiving(i, id);
	struct arena arena;
	struct upload u;
	arena_init(&arena, 4096, 1 << 20);
	int error = upload_get(i, id, &arena, &u);
	arena_release(&arena);
	TRY(error);
	if (u.state == UPLOAD_REFUSED || u.state == UPLOAD_REMOVED)
		return 0;
	if (u.state == UPLOAD_MATCHED || u.state == UPLOAD_WAITING || (r && r->closing))
		return E_CONFLICT;
	TRY(mark_gone(i, id, UPLOAD_REMOVED, u.problem.n ? STR("removed") : STR(""), who, now_ms));
	if (r)
		drop_receiving(i, r);
	return 0;
}

/* Ids that a query with (time, limit) or (limit) gives, at most AT_ONCE. */
static uint32_t
read_ids(struct inspect *i, enum query q, int64_t before_ms, int64_t ret[AT_ONCE])
{
	struct db_rows *rows;
	uint32_t n = 0;
	if (db_query(i->owner.db, &rows, q, "ii", before_ms, (int64_t)AT_ONCE) < 0)
		return 0;
	while (n < AT_ONCE && db_next(rows) > 0)
		ret[n++] = db_i64(rows, 0);
	db_end(rows);
	return n;
}

static void
drop_old(struct inspect *i, int64_t now_ms)
{
	int64_t id[AT_ONCE];
	uint32_t n = read_ids(i, Q_UPLOAD_OLD, now_ms - i->owner.options->upload_days * TIME_DAY, id);
	for (uint32_t k = 0; k < n; k++)
		(void)!mark_gone(i, id[k], UPLOAD_REMOVED, STR("old"), STR("khien"), now_ms);
	n = read_ids(i, Q_UPLOAD_UNFINISHED, now_ms - UPLOAD_IDLE_MS, id);
	for (uint32_t k = 0; k < n; k++) {
		struct receiving *r = find_receiving(i, id[k]);
		if (r && (r->closing || r->last_ms > now_ms - UPLOAD_IDLE_MS))
			continue;
		(void)!mark_gone(i, id[k], UPLOAD_REFUSED, STR("unfinished"), STR("khien"), now_ms);
		if (r)
			drop_receiving(i, r);
	}
}

/* Those that wait and are not with the scanner: from before our start, or the queue or the disk was full. */
static void
scan_waiting(struct inspect *i)
{
	struct db_rows *rows;
	struct arena arena;
	struct waiting {
		int64_t id;
		struct str name;
		uint32_t crashes;
	} *list;
	uint32_t n = 0;
	arena_init(&arena, 16 << 10, 1 << 20);
	list = arena_calloc(&arena, AT_ONCE, sizeof *list);
	if (!list || db_query(i->owner.db, &rows, Q_UPLOAD_WAITING, "i", (int64_t)AT_ONCE) < 0) {
		arena_release(&arena);
		return;
	}
	for (; n < AT_ONCE && db_next(rows) > 0; n++) {
		list[n] = (struct waiting){.id = db_i64(rows, 0), .crashes = (uint32_t)db_i64(rows, 2)};
		if (!arena_copy(&arena, db_text(rows, 1), &list[n].name))
			break;
	}
	db_end(rows);
	for (uint32_t k = 0; k < n; k++)
		if (list[k].crashes >= SCANNER_CRASHES)
			keep_answer(i, list[k].id, &(struct scan_answer){.outcome = SCAN_CRASHED});
		else if (!is_scanning(i, list[k].id))
			scan(i, list[k].id, list[k].name, list[k].crashes);
	arena_release(&arena);
}

void
upload_tick(struct inspect *i, int64_t now_ms)
{
	if (i->ticks % 10 == 1)
		scan_waiting(i);
	if (i->ticks % SWEEP_UP_TICKS == 5)
		drop_old(i, now_ms);
}
