/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/tlog.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/memory.h"
#include "store/whole.h"

#define LEVELS 8u                         /* of tiles: 2^64 leaves */
#define BUNDLE_MAX (TLOG_TILE * (2u + TLOG_ENTRY_MAX))
#define CACHED 8u
#define DIRECTORY_MAX (PATH_MAX - 128u) /* what stands behind it is shorter */

/* The right edge of a level: hashes of its last tile, as long as it is not full. */
struct edge {
	struct merkle_hash hash[TLOG_TILE];
	uint32_t count;
};

struct cached {
	unsigned level;
	uint64_t tile;
	bool used;
	struct merkle_hash hash[TLOG_TILE];
};

struct tlog {
	const struct store_io *io;
	char directory[DIRECTORY_MAX];
	struct edge edge[LEVELS];
	struct buf bundle;       /* entries of the last, unfinished bundle */
	uint64_t size, published;
	struct buf checkpoint;
	struct cached cache[CACHED];
	uint32_t next_cached;
};

/* ---- files ---- */

/* DIR/tile/KIND/x001/x234/067[.p/W] */
static void
tile_path(const struct tlog *t, const char *kind, uint64_t n, uint32_t width, char to[PATH_MAX])
{
	char number[64];
	size_t at = sizeof number - 1;
	number[at] = 0;
	at -= 3;
	memcpy(number + at, (char[]){(char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10)}, 3);
	for (n /= 1000; n; n /= 1000) {
		at -= 5;
		memcpy(number + at,
		    (char[]){'x', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10), '/'}, 5);
	}
	if (width < TLOG_TILE)
		snprintf(to, PATH_MAX, "%s/tile/%s/%s.p/%u", t->directory, kind, number + at, width);
	else
		snprintf(to, PATH_MAX, "%s/tile/%s/%s", t->directory, kind, number + at);
}

static void
level_path(const struct tlog *t, unsigned level, uint64_t n, uint32_t width, char to[PATH_MAX])
{
	char kind[12];
	snprintf(kind, sizeof kind, "%u", level);
	tile_path(t, kind, n, width, to);
}

static int
write_tile(struct tlog *t, unsigned level, uint64_t n, uint32_t width)
{
	char path[PATH_MAX];
	level_path(t, level, n, width, path);
	return whole_write(t->io, path, strlen(t->directory) + 1,
	    str_from((const char *)t->edge[level].hash, (size_t)width * MERKLE_HASH));
}

static int
write_entries(struct tlog *t, uint64_t n, uint32_t width)
{
	char path[PATH_MAX];
	tile_path(t, "entries", n, width, path);
	return whole_write(t->io, path, strlen(t->directory) + 1, buf_str(&t->bundle));
}

/* ---- the tree ---- */

static struct merkle_hash
tile_root(const struct merkle_hash *hash, uint32_t count)
{
	struct merkle_hash row[TLOG_TILE];
	memcpy(row, hash, count * sizeof *row);
	for (; count > 1; count /= 2)
		for (uint32_t i = 0; i < count / 2; i++)
			row[i] = merkle_join(&row[2 * i], &row[2 * i + 1]);
	return row[0];
}

static int
load_tile(struct tlog *t, unsigned level, uint64_t n, const struct merkle_hash **ret)
{
	char path[PATH_MAX];
	struct buf bytes = BUF_INIT_MAX(TLOG_TILE * MERKLE_HASH);
	for (uint32_t i = 0; i < CACHED; i++)
		if (t->cache[i].used && t->cache[i].level == level && t->cache[i].tile == n) {
			*ret = t->cache[i].hash;
			return 0;
		}
	level_path(t, level, n, TLOG_TILE, path);
	int error = whole_read(t->io, path, TLOG_TILE * MERKLE_HASH, &bytes);
	if (!error && bytes.n != TLOG_TILE * MERKLE_HASH)
		error = E_CORRUPT;
	if (!error) {
		struct cached *c = &t->cache[t->next_cached++ % CACHED];
		*c = (struct cached){.level = level, .tile = n, .used = true};
		memcpy(c->hash, bytes.p, bytes.n);
		*ret = c->hash;
	}
	buf_release(&bytes);
	return error;
}

/* A node is over 2^(level % 8) neighbours in one tile. */
static int
node_of(void *user, unsigned level, uint64_t index, struct merkle_hash *ret)
{
	struct tlog *t = user;
	unsigned tiles = level / 8, within = level % 8;
	uint64_t first = index << within, n = first / TLOG_TILE;
	uint32_t at = (uint32_t)(first % TLOG_TILE), count = 1u << within;
	const struct merkle_hash *hash;
	if (level > 62 || (index + 1) > (t->size >> level))
		return E_NOT_FOUND;
	if (n == (t->size >> (8 * tiles)) / TLOG_TILE)
		hash = t->edge[tiles].hash;
	else
		TRY(load_tile(t, tiles, n, &hash));
	*ret = tile_root(hash + at, count);
	return 0;
}

struct merkle_nodes
tlog_nodes(struct tlog *t)
{
	return (struct merkle_nodes){t, node_of};
}

/* ---- opening ---- */

static int
tile_fault(struct fault *f, int error, const char *what, const char *path)
{
	return fault_set(f, error, what, str_z(path), 0, 0);
}

/* What a tree of t->size leaves has to the right of its full tiles. */
static int
load_edge(struct tlog *t, unsigned level, struct fault *f)
{
	char path[PATH_MAX];
	struct buf bytes = BUF_INIT_MAX(TLOG_TILE * MERKLE_HASH);
	uint64_t n = t->size >> (8 * level);
	uint32_t count = (uint32_t)(n % TLOG_TILE);
	if (!count)
		return 0;
	level_path(t, level, n / TLOG_TILE, count, path);
	int error = whole_read(t->io, path, TLOG_TILE * MERKLE_HASH, &bytes);
	if (!error && bytes.n != count * MERKLE_HASH)
		error = E_CORRUPT;
	if (!error) {
		memcpy(t->edge[level].hash, bytes.p, bytes.n);
		t->edge[level].count = count;
	}
	buf_release(&bytes);
	return error ? tile_fault(f, error, "tlog_tile", path) : 0;
}

static bool
bundle_next(struct str *rest, struct str *ret)
{
	if (rest->n < 2)
		return false;
	size_t n = (size_t)(uint8_t)rest->p[0] << 8 | (uint8_t)rest->p[1];
	if (rest->n < 2 + n)
		return false;
	*ret = str_cut(*rest, 2, 2 + n);
	*rest = str_skip(*rest, 2 + n);
	return true;
}

/* Each entry of a bundle against the leaf hashes of its tile. */
static int
check_bundle(struct str bundle, const struct merkle_hash *leaf, uint32_t count)
{
	struct str entry;
	for (uint32_t i = 0; i < count; i++) {
		if (!bundle_next(&bundle, &entry))
			return E_CORRUPT;
		struct merkle_hash h = merkle_leaf(entry);
		if (!merkle_equal(&h, &leaf[i]))
			return E_CORRUPT;
	}
	return bundle.n ? E_CORRUPT : 0;
}

static int
load_bundle(struct tlog *t, struct fault *f)
{
	char path[PATH_MAX];
	uint32_t count = t->edge[0].count;
	if (!count)
		return 0;
	tile_path(t, "entries", t->size / TLOG_TILE, count, path);
	int error = whole_read(t->io, path, BUNDLE_MAX, &t->bundle);
	if (!error)
		error = check_bundle(buf_str(&t->bundle), t->edge[0].hash, count);
	return error ? tile_fault(f, error, "tlog_entries", path) : 0;
}

static int
check_root(struct tlog *t, const struct checkpoint *c, struct fault *f)
{
	struct merkle_nodes nodes = tlog_nodes(t);
	struct merkle_hash root;
	int error = merkle_root(&nodes, t->size, &root);
	if (error)
		return tile_fault(f, error, "tlog_tile", t->directory);
	if (!merkle_equal(&root, &c->root))
		return tile_fault(f, E_CORRUPT, "tlog_root", t->directory);
	return 0;
}

static int
load(struct tlog *t, const struct note_key *key, struct fault *f)
{
	char path[PATH_MAX];
	struct checkpoint c;
	snprintf(path, sizeof path, "%s/checkpoint", t->directory);
	int error = whole_read(t->io, path, NOTE_MAX, &t->checkpoint);
	if (error == E_NOT_FOUND)
		return 0; /* a new log */
	if (error)
		return tile_fault(f, error, "tlog_checkpoint", path);
	if (checkpoint_read(buf_str(&t->checkpoint), &c) < 0)
		return tile_fault(f, E_CORRUPT, "tlog_checkpoint", path);
	if (key && checkpoint_signed_by(&c, key, NULL) < 0)
		return tile_fault(f, E_CORRUPT, "tlog_signature", path);
	if (c.size >> (8 * (LEVELS - 1)))
		return tile_fault(f, E_LIMIT, "tlog_checkpoint", path);
	t->size = t->published = c.size;
	for (unsigned level = 0; level < LEVELS; level++)
		TRY(load_edge(t, level, f));
	TRY(load_bundle(t, f));
	return check_root(t, &c, f);
}

int
tlog_open(const struct store_io *io, struct str directory, const struct note_key *key, struct tlog **ret, struct fault *f)
{
	if (directory.n >= DIRECTORY_MAX)
		return fault_set(f, E_LIMIT, "tlog_checkpoint", directory, 0, 0);
	struct tlog *t = MEM_NEW(struct tlog);
	t->io = io;
	memcpy(t->directory, directory.p, directory.n);
	t->bundle = BUF_INIT_MAX(BUNDLE_MAX);
	t->checkpoint = BUF_INIT_MAX(NOTE_MAX);
	int error = load(t, key, f);
	if (error) {
		tlog_close(t);
		return error;
	}
	*ret = t;
	return 0;
}

void
tlog_close(struct tlog *t)
{
	if (!t)
		return;
	buf_release(&t->bundle);
	buf_release(&t->checkpoint);
	mem_free(t);
}

uint64_t
tlog_size(const struct tlog *t)
{
	return t->size;
}

uint64_t
tlog_published(const struct tlog *t)
{
	return t->published;
}

struct str
tlog_checkpoint(const struct tlog *t)
{
	return buf_str(&t->checkpoint);
}

/* ---- growing ---- */

/* Every level that this leaf fills gets its file before anything in memory changes: the leaf is in, or it is not. */
static int
write_filled(struct tlog *t)
{
	uint64_t n = t->size + 1;
	if (n % TLOG_TILE == 0)
		TRY(write_entries(t, t->size / TLOG_TILE, TLOG_TILE));
	for (unsigned level = 0; n && n % TLOG_TILE == 0; level++) {
		struct edge *e = &t->edge[level];
		TRY(write_tile(t, level, n / TLOG_TILE - 1, TLOG_TILE));
		n /= TLOG_TILE;
		if (level + 1 < LEVELS)
			t->edge[level + 1].hash[(n - 1) % TLOG_TILE] = tile_root(e->hash, TLOG_TILE);
	}
	return 0;
}

int
tlog_append(struct tlog *t, struct str entry)
{
	char length[2] = {(char)(entry.n >> 8), (char)entry.n};
	size_t before = t->bundle.n;
	if (entry.n > TLOG_ENTRY_MAX)
		return E_LIMIT;
	buf_add(&t->bundle, str_from(length, 2));
	buf_add(&t->bundle, entry);
	assert(!t->bundle.over);
	t->edge[0].hash[t->edge[0].count] = merkle_leaf(entry);
	int error = write_filled(t);
	if (error) {
		t->bundle.n = before;
		return error;
	}
	t->size++;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct edge *e = &t->edge[level];
		e->count = (e->count + 1) % TLOG_TILE;
		if (e->count)
			break;
	}
	if (!t->edge[0].count)
		buf_clear(&t->bundle);
	return 0;
}

static int
put_checkpoint(struct tlog *t, struct str text)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/checkpoint", t->directory);
	TRY(whole_write(t->io, path, strlen(t->directory) + 1, text));
	buf_clear(&t->checkpoint);
	buf_add(&t->checkpoint, text);
	return 0;
}

/* What the checkpoint on disk speaks of already is there. */
static int
write_partial(struct tlog *t)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t n = t->size >> (8 * level);
		if (!t->edge[level].count || n == t->published >> (8 * level))
			continue;
		TRY(write_tile(t, level, n / TLOG_TILE, t->edge[level].count));
		if (!level)
			TRY(write_entries(t, n / TLOG_TILE, t->edge[0].count));
	}
	return 0;
}

/* Partial tiles that only the checkpoint before spoke of. Left over, they harm nobody. */
static void
drop_partial(struct tlog *t, uint64_t size)
{
	char path[PATH_MAX];
	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t n = size >> (8 * level);
		uint32_t count = (uint32_t)(n % TLOG_TILE);
		if (!count || n == t->size >> (8 * level))
			continue;
		level_path(t, level, n / TLOG_TILE, count, path);
		(void)t->io->unlink(t->io->user, path);
		if (level)
			continue;
		tile_path(t, "entries", n / TLOG_TILE, count, path);
		(void)t->io->unlink(t->io->user, path);
	}
}

int
tlog_publish(struct tlog *t, const struct note_key *key, const uint8_t secret[NOTE_SECRET])
{
	struct merkle_nodes nodes = tlog_nodes(t);
	struct merkle_hash root;
	struct buf text = BUF_INIT_MAX(NOTE_MAX);
	uint64_t before = t->published;
	TRY(write_partial(t));
	TRY(merkle_root(&nodes, t->size, &root));
	checkpoint_body(str_z(key->name), t->size, &root, &text);
	size_t body = text.n;
	buf_add_char(&text, '\n');
	note_sign(str_from(text.p, body), key, secret, 0, &text);
	int error = put_checkpoint(t, buf_str(&text));
	buf_release(&text);
	TRY(error);
	t->published = t->size;
	drop_partial(t, before);
	return 0;
}

/* ---- witnesses ---- */

static void
cosigned_path(const struct tlog *t, const struct note_key *witness, char to[PATH_MAX])
{
	snprintf(to, PATH_MAX, "%s/cosigned/%08x", t->directory, witness->id);
}

/* Is it a checkpoint of this tree, however long ago? */
static int
is_ours(struct tlog *t, const struct checkpoint *c)
{
	struct merkle_nodes nodes = tlog_nodes(t);
	struct merkle_hash root;
	if (c->size > t->size)
		return E_CORRUPT;
	TRY(merkle_root(&nodes, c->size, &root));
	return merkle_equal(&root, &c->root) ? 0 : E_CORRUPT;
}

int
tlog_cosigned_note(struct tlog *t, struct str note, const struct note_key *witness, uint64_t *ret_size, int64_t *ret_time_s)
{
	struct checkpoint c, ours;
	if (checkpoint_read(note, &c) < 0)
		return E_INVALID;
	int error = checkpoint_signed_by(&c, witness, ret_time_s);
	if (error)
		return error == E_NOT_FOUND ? error : E_INVALID;
	*ret_size = c.size;
	if (checkpoint_read(buf_str(&t->checkpoint), &ours) < 0 || !str_eq(ours.origin, c.origin))
		return E_CORRUPT;
	return is_ours(t, &c);
}

int
tlog_cosigned(struct tlog *t, const struct note_key *witness, uint64_t *ret_size, int64_t *ret_time_s)
{
	char path[PATH_MAX];
	struct buf note = BUF_INIT_MAX(NOTE_MAX);
	cosigned_path(t, witness, path);
	int error = whole_read(t->io, path, NOTE_MAX, &note);
	if (!error)
		error = tlog_cosigned_note(t, buf_str(&note), witness, ret_size, ret_time_s);
	buf_release(&note);
	return error;
}

int
tlog_cosign(struct tlog *t, struct str checkpoint, struct str lines, const struct note_key *witness)
{
	char path[PATH_MAX];
	struct buf text = BUF_INIT_MAX(NOTE_MAX);
	struct checkpoint c, with;
	struct str line;
	uint64_t size = 0, kept = 0;
	int64_t time_s, kept_s;
	int error = E_NOT_FOUND;
	TRY(checkpoint_read(checkpoint, &c));
	while (error == E_NOT_FOUND && str_split(&lines, '\n', &line)) {
		with = c;
		with.signatures = line;
		error = checkpoint_signed_by(&with, witness, NULL);
	}
	TRY(error);
	buf_add(&text, checkpoint);
	buf_add(&text, line);
	buf_add_char(&text, '\n');
	error = text.over ? E_LIMIT : tlog_cosigned_note(t, buf_str(&text), witness, &size, &time_s);
	bool newer = tlog_cosigned(t, witness, &kept, &kept_s) < 0 || size >= kept;
	cosigned_path(t, witness, path);
	if (!error && newer)
		error = whole_write(t->io, path, strlen(t->directory) + 1, buf_str(&text));
	buf_release(&text);
	return error;
}

/* ---- asking ---- */

int
tlog_entry(struct tlog *t, uint64_t index, struct buf *ret)
{
	char path[PATH_MAX];
	struct buf bytes = BUF_INIT_MAX(BUNDLE_MAX);
	struct str rest, entry = {0};
	struct merkle_hash leaf, told;
	if (index >= t->size)
		return E_NOT_FOUND;
	TRY(node_of(t, 0, index, &told));
	int error = 0;
	if (index / TLOG_TILE == t->size / TLOG_TILE) {
		buf_add(&bytes, buf_str(&t->bundle));
	} else {
		tile_path(t, "entries", index / TLOG_TILE, TLOG_TILE, path);
		error = whole_read(t->io, path, BUNDLE_MAX, &bytes);
	}
	rest = buf_str(&bytes);
	for (uint64_t i = 0; !error && i <= index % TLOG_TILE; i++)
		error = bundle_next(&rest, &entry) ? 0 : E_CORRUPT;
	if (!error) {
		leaf = merkle_leaf(entry);
		error = merkle_equal(&leaf, &told) ? 0 : E_CORRUPT;
	}
	if (!error)
		buf_add(ret, entry);
	buf_release(&bytes);
	return error;
}

int
tlog_proof(struct tlog *t, uint64_t index, struct buf *ret)
{
	struct merkle_nodes nodes = tlog_nodes(t);
	struct merkle_proof proof;
	if (index >= t->published)
		return E_NOT_FOUND;
	TRY(merkle_inclusion(&nodes, index, t->published, &proof));
	buf_addf(ret, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)index);
	for (uint32_t i = 0; i < proof.count; i++) {
		base64_add(ret, proof.hash[i].bytes, MERKLE_HASH);
		buf_add_char(ret, '\n');
	}
	buf_add_char(ret, '\n');
	buf_add(ret, buf_str(&t->checkpoint));
	return 0;
}

/* ---- reading all of it again ---- */

struct walk {
	struct tlog *log;        /* the files as they are */
	tlog_each *each;
	void *user;
	struct fault *fault;
	struct edge edge[LEVELS]; /* the tree as the entries make it */
};

/* The tile that the entries made against the one on disk, when it is full or at the end. */
static int
compare_tile(struct walk *w, unsigned level, uint64_t n, uint32_t count)
{
	char path[PATH_MAX];
	struct buf bytes = BUF_INIT_MAX(TLOG_TILE * MERKLE_HASH);
	level_path(w->log, level, n, count, path);
	int error = whole_read(w->log->io, path, TLOG_TILE * MERKLE_HASH, &bytes);
	struct str made = str_from((const char *)w->edge[level].hash, count * MERKLE_HASH);
	if (!error && !str_eq(buf_str(&bytes), made))
		error = E_CORRUPT;
	buf_release(&bytes);
	return error ? tile_fault(w->fault, error, "tlog_tile", path) : 0;
}

static int
add_hash(struct walk *w, unsigned level, uint64_t index, const struct merkle_hash *h)
{
	struct edge *e = &w->edge[level];
	e->hash[e->count++] = *h;
	if (e->count < TLOG_TILE)
		return 0;
	TRY(compare_tile(w, level, index / TLOG_TILE, TLOG_TILE));
	struct merkle_hash root = tile_root(e->hash, TLOG_TILE);
	e->count = 0;
	return level + 1 < LEVELS ? add_hash(w, level + 1, index / TLOG_TILE, &root) : 0;
}

static int
walk_bundle(struct walk *w, uint64_t n, uint32_t count, struct buf *bytes)
{
	char path[PATH_MAX];
	struct str rest, entry;
	tile_path(w->log, "entries", n, count, path);
	buf_clear(bytes);
	int error = whole_read(w->log->io, path, BUNDLE_MAX, bytes);
	if (error)
		return tile_fault(w->fault, error, "tlog_entries", path);
	rest = buf_str(bytes);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t index = n * TLOG_TILE + i;
		if (!bundle_next(&rest, &entry))
			return tile_fault(w->fault, E_CORRUPT, "tlog_entries", path);
		struct merkle_hash h = merkle_leaf(entry);
		TRY(add_hash(w, 0, index, &h));
		if (w->each)
			TRY(w->each(w->user, index, entry));
	}
	return rest.n ? tile_fault(w->fault, E_CORRUPT, "tlog_entries", path) : 0;
}

static int
walk_log(struct walk *w)
{
	struct buf bytes = BUF_INIT_MAX(BUNDLE_MAX);
	uint64_t size = w->log->size;
	int error = 0;
	for (uint64_t n = 0; !error && n * TLOG_TILE < size; n++) {
		uint64_t left = size - n * TLOG_TILE;
		error = walk_bundle(w, n, left < TLOG_TILE ? (uint32_t)left : TLOG_TILE, &bytes);
	}
	buf_release(&bytes);
	for (unsigned level = 0; !error && level < LEVELS; level++)
		if (w->edge[level].count)
			error = compare_tile(w, level, (size >> (8 * level)) / TLOG_TILE, w->edge[level].count);
	return error;
}

int
tlog_verify(const struct store_io *io, struct str directory, const struct note_key *key, tlog_each *each, void *user,
    uint64_t *ret_entries, struct fault *f)
{
	struct walk *w = MEM_NEW(struct walk);
	int error = tlog_open(io, directory, key, &w->log, f);
	if (!error && !w->log->checkpoint.n) {
		tlog_close(w->log);
		error = fault_set(f, E_NOT_FOUND, "tlog_checkpoint", directory, 0, 0);
	}
	if (!error) {
		w->each = each;
		w->user = user;
		w->fault = f;
		error = walk_log(w);
		if (!error)
			*ret_entries = w->log->size;
		tlog_close(w->log);
	}
	mem_free(w);
	return error;
}
