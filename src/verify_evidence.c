/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify_evidence.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/time.h"
#include "inspect/inspect.h"

#define NAMED_MAX 100u /* findings told one by one; all are counted */
#define COLUMNS 7u     /* of a sealed block in its entry */

/* Journal blocks that the record knows and the archive has not: one run of them, as long as nothing stands between. */
struct gap {
	uint64_t first, last, entries;
	char day[11];
};

struct kept_file {
	int64_t id, bytes;
	char sha256[65];
	bool removed;
};

/* A hit whose row is not what was recorded; unless its sweep was taken away later. */
struct lost_hit {
	int64_t sweep;
	struct buf path;
	bool removed;
};

struct evidence_check {
	struct archive *archive;
	struct db *db;
	const char *data;
	evidence_say *say;
	void *user;
	struct json json;
	struct arena arena;   /* of one entry */
	struct archive_sealed_cursor cursor;
	struct archive_sealed held; /* the block of the archive that comes next */
	int held_error;       /* of it; E_NOT_FOUND: there is none */
	uint64_t through;     /* what is older was never recorded */
	uint64_t noted;       /* last journal block recorded */
	uint64_t dropped;     /* retention took what is up to here */
	bool begun;
	struct gap *gap;
	uint32_t gaps, gap_cap;
	bool in_gap;          /* the entry before was missing too */
	struct kept_file *file;
	uint32_t files, file_cap;
	struct lost_hit *hit;
	uint32_t hits, hit_cap;
	uint64_t named;
	struct evidence_counts counts;
};

static void
wrong(struct evidence_check *c, const char *key, struct str what, struct str of)
{
	c->counts.wrong++;
	if (c->named++ < NAMED_MAX)
		c->say(c->user, key, what, of);
}

static void
wrong_blocks(struct evidence_check *c, const char *key, uint64_t first, uint64_t last, struct str day)
{
	char name[48];
	snprintf(name, sizeof name, "%llu-%llu", (unsigned long long)first, (unsigned long long)last);
	wrong(c, key, str_z(name), day);
}

/* ---- blocks ---- */

static void
next_held(struct evidence_check *c)
{
	c->held_error = c->archive ? archive_sealed_next(c->archive, &c->cursor, &c->held) : E_NOT_FOUND;
}

static void
day_text(int64_t day, char ret[11])
{
	struct civil v = time_to_civil(day * TIME_DAY, 0);
	snprintf(ret, 11, "%04u-%02u-%02u", (unsigned)v.year % 10000, (unsigned)v.month % 100, (unsigned)v.day % 100);
}

/* Blocks of the archive in front of this one have no entry of their own. */
static void
pass_held(struct evidence_check *c, uint64_t first)
{
	char day[11];
	for (; c->held_error != E_NOT_FOUND && c->held.first < first; next_held(c)) {
		day_text(c->held.day, day);
		if (c->held.last <= c->through)
			c->counts.before++;
		else
			wrong_blocks(c, "verify.block_unrecorded", c->held.first, c->held.last, str_z(day));
	}
}

static void
add_gap(struct evidence_check *c, const struct archive_sealed *s, struct str day)
{
	if (!c->in_gap) {
		MEM_GROW(c->gap, c->gaps, c->gap_cap);
		c->gap[c->gaps] = (struct gap){.first = s->first};
		str_to_z(day, c->gap[c->gaps++].day, sizeof c->gap->day);
	}
	c->gap[c->gaps - 1].last = s->last;
	c->gap[c->gaps - 1].entries++;
	c->in_gap = true;
}

static void
compare_block(struct evidence_check *c, const struct archive_sealed *s, struct str day)
{
	char held_day[11];
	pass_held(c, s->first);
	c->noted = s->last > c->noted ? s->last : c->noted;
	if (c->held_error == E_NOT_FOUND || c->held.first != s->first) {
		add_gap(c, s, day);
		return;
	}
	c->in_gap = false;
	day_text(c->held.day, held_day);
	bool same = !c->held_error && c->held.last == s->last && c->held.blocks == s->blocks && c->held.bytes == s->bytes &&
	    c->held.events == s->events && str_eq(str_z(held_day), day) && merkle_equal(&c->held.root, &s->root);
	if (same)
		c->counts.blocks++;
	else
		wrong_blocks(c, "verify.block_differs", s->first, s->last, day);
	next_held(c);
}

static bool
read_hex(struct str hex, struct merkle_hash *ret)
{
	static const char digits[] = "0123456789abcdef";
	if (hex.n != 2 * MERKLE_HASH)
		return false;
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < hex.n; i++) {
		const char *digit = memchr(digits, hex.p[i], 16);
		if (!digit)
			return false;
		ret->bytes[i / 2] = (uint8_t)(ret->bytes[i / 2] << 4 | (uint8_t)(digit - digits));
	}
	return true;
}

static bool
take_block(struct evidence_check *c, uint32_t array)
{
	const struct json *j = &c->json;
	struct archive_sealed s = {0};
	struct str column[COLUMNS];
	uint32_t n = 0;
	for (uint32_t i = json_first(j, array); i < json_end(j, array); i = json_next(j, i)) {
		if (n == COLUMNS)
			return false;
		column[n++] = json_raw(j, i);
	}
	if (n != COLUMNS || column[0].n != 10 || !str_to_u64(column[1], &s.first) || !str_to_u64(column[2], &s.last) ||
	    !str_to_u64(column[3], &s.blocks) || !str_to_u64(column[4], &s.bytes) || !str_to_u64(column[5], &s.events) ||
	    !read_hex(column[6], &s.root))
		return false;
	compare_block(c, &s, column[0]);
	return true;
}

static bool
take_sealed(struct evidence_check *c, uint32_t after)
{
	const struct json *j = &c->json;
	uint32_t list = json_get(j, after, STR("sealed"));
	if (!list || j->token[list].kind != JSON_ARRAY)
		return false;
	for (uint32_t i = json_first(j, list); i < json_end(j, list); i = json_next(j, i))
		if (j->token[i].kind != JSON_ARRAY || !take_block(c, i))
			return false;
	return true;
}

/* ---- files and hits ---- */

static bool
take_file(struct evidence_check *c, int64_t id, uint32_t after)
{
	struct kept_file f = {.id = id};
	struct str sha;
	if (!json_get_string(&c->json, after, STR("sha256"), &c->arena, &sha) || sha.n != 64 ||
	    !json_get_i64(&c->json, after, STR("bytes"), &f.bytes))
		return false;
	memcpy(f.sha256, sha.p, sha.n);
	MEM_GROW(c->file, c->files, c->file_cap);
	c->file[c->files++] = f;
	return true;
}

static bool
take_hit(struct evidence_check *c, int64_t sweep, uint32_t after)
{
	struct str path, sha;
	int64_t bytes, count = 0;
	if (!json_get_string(&c->json, after, STR("path"), &c->arena, &path) ||
	    !json_get_string(&c->json, after, STR("sha256"), &c->arena, &sha) ||
	    !json_get_i64(&c->json, after, STR("bytes"), &bytes))
		return false;
	if (db_number(c->db, &count, Q_SWEEP_MATCH_IS, "issi", sweep, path, sha, bytes) == 0 && count) {
		c->counts.hits++;
		return true;
	}
	MEM_GROW(c->hit, c->hits, c->hit_cap);
	struct lost_hit *h = &c->hit[c->hits++];
	*h = (struct lost_hit){.sweep = sweep, .path = BUF_INIT};
	buf_add(&h->path, path);
	return true;
}

static void
take_removed(struct evidence_check *c, bool sweep, int64_t id)
{
	for (uint32_t i = 0; !sweep && i < c->files; i++)
		c->file[i].removed |= c->file[i].id == id;
	for (uint32_t i = 0; sweep && i < c->hits; i++)
		c->hit[i].removed |= c->hit[i].sweep == id;
}

static int
hash_file(const char *path, int64_t *ret_bytes, char ret_hex[65])
{
	struct buf hex = BUF_INIT_MAX(65);
	uint8_t digest[32];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return E_NOT_FOUND;
	int error = upload_digest(fd, digest);
	*ret_bytes = lseek(fd, 0, SEEK_END);
	close(fd);
	buf_add_hex(&hex, digest, sizeof digest);
	if (!error)
		snprintf(ret_hex, 65, "%s", hex.p);
	buf_release(&hex);
	return error;
}

static void
compare_file(struct evidence_check *c, const struct kept_file *f)
{
	char path[PATH_MAX], number[24], hex[65] = "";
	int64_t bytes = -1;
	snprintf(path, sizeof path, "%s/files/%012lld", c->data, (long long)f->id);
	snprintf(number, sizeof number, "%lld", (long long)f->id);
	int error = hash_file(path, &bytes, hex);
	if (error == E_NOT_FOUND)
		wrong(c, "verify.file_missing", str_z(number), STR(""));
	else if (error || bytes != f->bytes || memcmp(hex, f->sha256, 64))
		wrong(c, "verify.file_differs", str_z(number), STR(""));
	else
		c->counts.files++;
}

/* ---- the walk ---- */

int
evidence_check_new(const char *data, struct db *db, evidence_say *say, void *user, struct evidence_check **ret,
    struct fault *f)
{
	char path[PATH_MAX];
	struct evidence_check *c = MEM_NEW(struct evidence_check);
	struct archive_options o = {.io = &store_io_disk, .read_only = true};
	*c = (struct evidence_check){.db = db, .data = data, .say = say, .user = user, .json = {.max_tokens = 20000, .max_depth = 16}};
	arena_init(&c->arena, 16 << 10, 1 << 20);
	snprintf(path, sizeof path, "%s/archive", data);
	o.directory = str_z(path);
	int error = access(path, F_OK) < 0 ? 0 : archive_open(&o, &c->archive, f);
	if (error) {
		evidence_check_free(c);
		return error;
	}
	next_held(c);
	*ret = c;
	return 0;
}

static bool
take_number(struct evidence_check *c, uint32_t after, const char *name, uint64_t *to)
{
	int64_t n;
	if (!json_get_i64(&c->json, after, str_z(name), &n) || n < 0)
		return false;
	*to = (uint64_t)n > *to ? (uint64_t)n : *to;
	return true;
}

static bool
take_entry(struct evidence_check *c, struct str what)
{
	uint32_t after = json_get(&c->json, 0, STR("after"));
	struct str id_text;
	int64_t id = 0;
	if (!json_get_string(&c->json, 0, STR("id"), &c->arena, &id_text))
		return false;
	bool number = str_to_i64(id_text, &id);
	if (str_eq(what, STR("sealed")))
		return after && take_sealed(c, after);
	if (str_eq(what, STR("begins"))) {
		bool first = !c->begun;
		c->begun = true; /* a second one excuses nothing */
		return after && (!first || take_number(c, after, "through", &c->through));
	}
	if (str_eq(what, STR("dropped")))
		return after && take_number(c, after, "through", &c->dropped);
	if (str_eq(what, STR("file")))
		return number && after && take_file(c, id, after);
	if (str_eq(what, STR("hit")))
		return number && after && take_hit(c, id, after);
	if (str_eq(what, STR("file_removed")) || str_eq(what, STR("sweep_removed")))
		take_removed(c, str_eq(what, STR("sweep_removed")), id);
	return true; /* "behind" needs no excuse: what is missing is named */
}

int
evidence_check_entry(struct evidence_check *c, uint64_t seq, struct str entry)
{
	struct str action;
	char number[24];
	/* No text of a person can hold an unescaped quote. */
	if (str_find(entry, STR("\"action\":\"evidence.")) < 0)
		return 0;
	arena_clear(&c->arena);
	snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
	if (json_parse(&c->json, entry, NULL) < 0 || !json_get_string(&c->json, 0, STR("action"), &c->arena, &action) ||
	    !str_starts(action, STR("evidence.")) || !take_entry(c, str_skip(action, sizeof "evidence." - 1)))
		wrong(c, "verify.entry_unread", str_z(number), STR(""));
	return 0;
}

static void
end_blocks(struct evidence_check *c)
{
	char day[11];
	/* Behind the last entry only what was sealed since may stand. */
	pass_held(c, c->noted + 1);
	for (; c->held_error != E_NOT_FOUND; next_held(c))
		if (c->held.last <= c->through)
			c->counts.before++;
		else
			c->counts.newer++;
	for (uint32_t i = 0; i < c->gaps; i++) {
		const struct gap *g = &c->gap[i];
		snprintf(day, sizeof day, "%s", g->day);
		if (g->last <= c->dropped)
			c->counts.dropped += g->entries;
		else
			wrong_blocks(c, "verify.block_missing", g->first > c->dropped ? g->first : c->dropped + 1, g->last, str_z(day));
	}
}

int
evidence_check_end(struct evidence_check *c, struct evidence_counts *ret)
{
	char number[24];
	end_blocks(c);
	for (uint32_t i = 0; i < c->files; i++)
		if (!c->file[i].removed)
			compare_file(c, &c->file[i]);
	for (uint32_t i = 0; i < c->hits; i++) {
		snprintf(number, sizeof number, "%lld", (long long)c->hit[i].sweep);
		if (!c->hit[i].removed)
			wrong(c, "verify.hit_differs", buf_str(&c->hit[i].path), str_z(number));
	}
	*ret = c->counts;
	return 0;
}

void
evidence_check_free(struct evidence_check *c)
{
	if (!c)
		return;
	archive_close(c->archive);
	for (uint32_t i = 0; i < c->hits; i++)
		buf_release(&c->hit[i].path);
	json_release(&c->json);
	arena_release(&c->arena);
	mem_free(c->gap);
	mem_free(c->file);
	mem_free(c->hit);
	mem_free(c);
}
