/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/witness.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/whole.h"

#define FORKS_KEPT 100u
#define PROOF_LINES 63u
#define DIRECTORY_MAX (PATH_MAX - 64u)

struct known_log {
	struct note_key key;
	char id[33];          /* half of the SHA-256 of its origin */
	struct buf seen;      /* the note */
	uint64_t size;
	struct merkle_hash root;
	uint32_t forks;
};

struct witness {
	const struct store_io *io;
	char directory[DIRECTORY_MAX];
	struct note_key key;
	uint8_t secret[NOTE_SECRET];
	struct known_log *log;
	uint32_t logs;
};

/* ---- opening ---- */

static void
half_digest(struct str text, char ret[33])
{
	struct buf hex = BUF_INIT;
	uint8_t digest[32];
	sha256(text, digest);
	buf_add_hex(&hex, digest, 16);
	snprintf(ret, 33, "%s", hex.p);
	buf_release(&hex);
}

static int
open_secret(struct witness *w)
{
	char path[PATH_MAX];
	struct buf bytes = BUF_INIT_MAX(NOTE_SECRET + 1);
	snprintf(path, sizeof path, "%s/witness.key", w->directory);
	int error = whole_read(w->io, path, NOTE_SECRET, &bytes);
	if (!error && bytes.n != NOTE_SECRET)
		error = E_CORRUPT;
	if (!error)
		memcpy(w->secret, bytes.p, NOTE_SECRET);
	if (error == E_NOT_FOUND) {
		mode_t before = umask(0077);
		error = note_key_new(STR("khien"), NOTE_COSIGNATURE, &w->key, w->secret);
		if (!error)
			error = whole_write(w->io, path, strlen(w->directory) + 1, str_from((const char *)w->secret, NOTE_SECRET));
		umask(before);
	}
	if (bytes.p)
		explicit_bzero(bytes.p, bytes.n);
	buf_release(&bytes);
	return error;
}

/* Without a name given one that belongs to the key, so that no two witnesses share it. */
static int
name_key(struct witness *w, struct str name)
{
	char text[64], digest[33];
	TRY(note_key_of(STR("khien"), NOTE_COSIGNATURE, w->secret, &w->key));
	half_digest(str_from((const char *)w->key.public_key, sizeof w->key.public_key), digest);
	snprintf(text, sizeof text, "khien-witness/%s", digest);
	return note_key_of(name.n ? name : str_z(text), NOTE_COSIGNATURE, w->secret, &w->key);
}

static void
log_path(const struct witness *w, const struct known_log *l, const char *end, char to[PATH_MAX])
{
	snprintf(to, PATH_MAX, "%s/%s.%s", w->directory, l->id, end);
}

static void
fork_path(const struct witness *w, const struct known_log *l, uint32_t n, char to[PATH_MAX])
{
	char end[24];
	snprintf(end, sizeof end, "fork-%u", n + 1);
	log_path(w, l, end, to);
}

/* What we signed is ours or we do not go on: a state that somebody else wrote would have us sign a second story. */
static int
read_seen(struct witness *w, struct known_log *l, struct fault *f)
{
	char path[PATH_MAX];
	struct checkpoint c;
	log_path(w, l, "seen", path);
	int error = whole_read(w->io, path, NOTE_MAX, &l->seen);
	if (error == E_NOT_FOUND)
		return 0;
	if (!error && (checkpoint_read(buf_str(&l->seen), &c) < 0 || !str_eq(c.origin, str_z(l->key.name)) ||
	    checkpoint_signed_by(&c, &w->key, NULL) < 0))
		error = E_CORRUPT;
	if (error)
		return fault_set(f, error, "witness_state", str_z(path), 0, 0);
	l->size = c.size;
	l->root = c.root;
	return 0;
}

static int
open_log(struct witness *w, struct known_log *l, const struct note_key *key, struct fault *f)
{
	char path[PATH_MAX];
	*l = (struct known_log){.key = *key, .seen = BUF_INIT_MAX(NOTE_MAX)};
	half_digest(str_z(key->name), l->id);
	for (; l->forks < FORKS_KEPT; l->forks++) {
		fork_path(w, l, l->forks, path);
		if (access(path, F_OK) < 0)
			break;
	}
	return read_seen(w, l, f);
}

int
witness_open(const struct store_io *io, struct str directory, struct str name, const struct note_key *log, uint32_t logs,
    struct witness **ret, struct fault *f)
{
	if (directory.n >= DIRECTORY_MAX || logs > WITNESS_LOGS_MAX)
		return fault_set(f, E_LIMIT, "witness_state", directory, 0, 0);
	struct witness *w = MEM_NEW(struct witness);
	w->io = io;
	memcpy(w->directory, directory.p, directory.n);
	w->log = mem_calloc(logs + 1, sizeof *w->log);
	int error = open_secret(w);
	if (!error)
		error = name_key(w, name);
	if (error)
		fault_set(f, error, "witness_state", directory, 0, 0);
	for (uint32_t i = 0; !error && i < logs; i++, w->logs++)
		error = open_log(w, &w->log[i], &log[i], f);
	if (error) {
		witness_close(w);
		return error;
	}
	*ret = w;
	return 0;
}

void
witness_close(struct witness *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; i < w->logs; i++)
		buf_release(&w->log[i].seen);
	explicit_bzero(w->secret, sizeof w->secret);
	mem_free(w->log);
	mem_free(w);
}

const struct note_key *
witness_key(const struct witness *w)
{
	return &w->key;
}

uint32_t
witness_forks(const struct witness *w)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < w->logs; i++)
		n += w->log[i].forks;
	return n;
}

int
witness_seen(const struct witness *w, uint32_t log, struct str *ret)
{
	if (log >= w->logs || !w->log[log].seen.n)
		return E_NOT_FOUND;
	*ret = buf_str(&w->log[log].seen);
	return 0;
}

/* ---- judging ---- */

static struct known_log *
find_log(struct witness *w, struct str origin)
{
	for (uint32_t i = 0; i < w->logs; i++)
		if (str_eq(str_z(w->log[i].key.name), origin))
			return &w->log[i];
	return NULL;
}

/* The log signed both this and what we cosigned, and they do not go together. */
static void
keep_fork(struct witness *w, struct known_log *l, struct str note, bool *ret_fork)
{
	char path[PATH_MAX];
	if (ret_fork)
		*ret_fork = true;
	if (l->forks == FORKS_KEPT)
		return;
	fork_path(w, l, l->forks, path);
	if (whole_write(w->io, path, strlen(w->directory) + 1, note) == 0)
		l->forks++;
}

static void
put_size(const struct known_log *l, struct buf *out)
{
	buf_addf(out, "%llu\n", (unsigned long long)l->size);
}

/* Our line, and what we have seen on disk before anybody hears of it. */
static enum witness_answer
cosign(struct witness *w, struct known_log *l, const struct checkpoint *c, struct str note, int64_t now_s, struct buf *out)
{
	char path[PATH_MAX];
	struct buf seen = BUF_INIT_MAX(NOTE_MAX);
	size_t body = (size_t)(c->signatures.p - note.p), from = out->n;
	note_sign(c->body, &w->key, w->secret, now_s, out);
	buf_add(&seen, str_cut(note, 0, body)); /* others' signatures are no matter of ours, but the log's: it accuses itself */
	buf_add(&seen, c->signatures);
	buf_add(&seen, str_skip(buf_str(out), from));
	log_path(w, l, "seen", path);
	if (seen.over || whole_write(w->io, path, strlen(w->directory) + 1, buf_str(&seen)) < 0) {
		out->n = from;
		buf_release(&seen);
		return WITNESS_FAILED;
	}
	l->size = c->size;
	l->root = c->root;
	buf_release(&l->seen);
	l->seen = seen;
	return WITNESS_COSIGNED;
}

static enum witness_answer
check_log(struct witness *w, struct str note, struct checkpoint *c, struct known_log **ret)
{
	if (checkpoint_read(note, c) < 0)
		return WITNESS_MALFORMED;
	*ret = find_log(w, c->origin);
	if (!*ret)
		return WITNESS_UNKNOWN;
	return checkpoint_signed_by(c, &(*ret)->key, NULL) < 0 ? WITNESS_UNSIGNED : WITNESS_COSIGNED;
}

static bool
is_empty_tree(const struct checkpoint *c)
{
	struct merkle_hash none;
	sha256(STR(""), none.bytes);
	return merkle_equal(&none, &c->root);
}

/* "old N" and the proof; *body is the checkpoint then. */
static bool
read_head(struct str *body, uint64_t *ret_old, struct merkle_proof *proof)
{
	struct str line;
	size_t n;
	proof->count = 0;
	if (!str_split(body, '\n', &line) || !str_starts(line, STR("old ")) || !str_to_u64(str_skip(line, 4), ret_old))
		return false;
	if (line.n > 5 && line.p[4] == '0')
		return false; /* no leading zeros */
	while (str_split(body, '\n', &line) && line.n) {
		if (proof->count == PROOF_LINES || base64_read(line, proof->hash[proof->count].bytes, MERKLE_HASH, &n) < 0 ||
		    n != MERKLE_HASH)
			return false;
		proof->count++;
	}
	return body->n != 0;
}

enum witness_answer
witness_add(struct witness *w, struct str body, int64_t now_s, struct buf *out, bool *ret_fork)
{
	struct checkpoint c;
	struct merkle_proof proof;
	struct known_log *l;
	uint64_t old;
	if (ret_fork)
		*ret_fork = false;
	if (!read_head(&body, &old, &proof))
		return WITNESS_MALFORMED;
	enum witness_answer answer = check_log(w, body, &c, &l);
	if (answer != WITNESS_COSIGNED)
		return answer;
	if (old > c.size)
		return WITNESS_MALFORMED;
	if (old != l->size) {
		put_size(l, out);
		return WITNESS_CONFLICT;
	}
	if (old == c.size && old && !merkle_equal(&c.root, &l->root)) {
		keep_fork(w, l, body, ret_fork);
		put_size(l, out);
		return WITNESS_CONFLICT;
	}
	bool good = old == 0 ? !proof.count && (c.size || is_empty_tree(&c))
	    : old == c.size  ? !proof.count
			     : merkle_consistent(old, &l->root, c.size, &c.root, &proof);
	if (!good) {
		/* A bad proof alone proves nothing against the log; but it can say no better, and what it signed is kept. */
		keep_fork(w, l, body, ret_fork);
		return WITNESS_FORK;
	}
	return cosign(w, l, &c, body, now_s, out);
}

enum witness_answer
witness_look(struct witness *w, struct str note, const struct merkle_nodes *nodes, int64_t now_s, struct buf *out, bool *ret_fork)
{
	struct checkpoint c;
	struct merkle_hash root;
	struct known_log *l;
	if (ret_fork)
		*ret_fork = false;
	enum witness_answer answer = check_log(w, note, &c, &l);
	if (answer != WITNESS_COSIGNED)
		return answer;
	if (c.size < l->size) {
		put_size(l, out);
		return WITNESS_CONFLICT;
	}
	if (merkle_root(nodes, l->size, &root) < 0)
		return WITNESS_FAILED;
	if (l->size && !merkle_equal(&root, &l->root)) {
		keep_fork(w, l, note, ret_fork);
		return WITNESS_FORK;
	}
	return cosign(w, l, &c, note, now_s, out);
}
