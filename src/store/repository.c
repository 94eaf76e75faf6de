/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/repository.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "host/file.h"

#define HEAD "khien repository 1\n"
#define FOLDER_MAX (PATH_MAX - 128) /* room for the names below it */
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEAL crypto_aead_xchacha20poly1305_ietf_ABYTES
#define ZSTD_LEVEL 3
#define PIECE_FILE_MAX (REPO_PIECE + (REPO_PIECE >> 7) + 4096) /* what zstd makes of bytes that do not shrink */

static_assert(REPO_KEY == crypto_kdf_KEYBYTES && REPO_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one size");

struct repo {
	char folder[FOLDER_MAX];
	int fd;                     /* of the folder: the lock, and syncfs() */
	uint8_t seal[REPO_KEY], name[REPO_KEY];
	ZSTD_CCtx *squeeze;
	ZSTD_DCtx *unfold;
	struct buf packed, sealed;
};

/* --- sealed files --- */

static int
write_file(const char *path, struct str bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), error = 0;
	if (fd < 0)
		return error_from_errno(errno);
	for (size_t done = 0; !error && done < bytes.n;) {
		ssize_t n = write(fd, bytes.p + done, bytes.n - done);
		if (n < 0 && errno != EINTR)
			error = error_from_errno(errno);
		done += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return error;
}

/* Packs and seals `bytes`, bound to `what`, and puts them where `path` says, whole or not at all. */
static int
put_sealed(struct repo *v, const char *path, struct str what, struct str bytes, uint64_t *ret_stored)
{
	char fresh[PATH_MAX];
	unsigned long long sealed;
	buf_clear(&v->packed);
	buf_clear(&v->sealed);
	size_t room = ZSTD_compressBound(bytes.n);
	char *packed = buf_room(&v->packed, room), *to = buf_room(&v->sealed, NONCE + room + SEAL);
	if (!packed || !to)
		return E_LIMIT;
	size_t n = ZSTD_compressCCtx(v->squeeze, packed, room, bytes.p, bytes.n, ZSTD_LEVEL);
	if (ZSTD_isError(n))
		return E_LIMIT;
	randombytes_buf(to, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt((uint8_t *)to + NONCE, &sealed, (const uint8_t *)packed, n,
	    (const uint8_t *)what.p, what.n, NULL, (const uint8_t *)to, v->seal);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int error = write_file(fresh, str_from(to, NONCE + sealed));
	if (!error && rename(fresh, path) < 0)
		error = error_from_errno(errno);
	if (error)
		unlink(fresh);
	else
		*ret_stored = NONCE + sealed;
	return error;
}

static int
get_sealed(struct repo *v, const char *path, struct str what, size_t max, struct buf *ret)
{
	unsigned long long opened;
	v->sealed.max = max + (max >> 7) + 4096;
	buf_clear(&v->sealed);
	int error = file_read(path, &v->sealed);
	v->sealed.max = 0;
	if (error)
		return error == E_LIMIT ? E_CORRUPT : error;
	buf_clear(&v->packed);
	char *packed = buf_room(&v->packed, v->sealed.n + 1);
	if (!packed)
		return E_LIMIT;
	if (v->sealed.n < NONCE + SEAL ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)packed, &opened, NULL, (uint8_t *)v->sealed.p + NONCE,
		v->sealed.n - NONCE, (const uint8_t *)what.p, what.n, (uint8_t *)v->sealed.p, v->seal) != 0)
		return E_CORRUPT;
	unsigned long long size = ZSTD_getFrameContentSize(packed, opened);
	if (size > max)
		return E_CORRUPT;
	buf_clear(ret);
	char *to = buf_room(ret, size + 1);
	if (!to || ZSTD_decompressDCtx(v->unfold, to, size, packed, opened) != size)
		return to ? E_CORRUPT : E_LIMIT;
	ret->n = size;
	return 0;
}

/* --- the repository itself --- */

static bool
is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	bool empty = dir != NULL;
	for (struct dirent *e; dir && empty && (e = readdir(dir));)
		empty = e->d_name[0] == '.' && (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2]));
	if (dir)
		closedir(dir);
	return empty;
}

static int
make_below(const struct repo *v, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", v->folder, name);
	return mkdir(path, 0700) < 0 && errno != EEXIST ? error_from_errno(errno) : 0;
}

/* A short text under the key says whose the repository is. */
static struct str
mark_of(const struct repo *v, char to[crypto_generichash_BYTES_MIN * 2 + sizeof HEAD])
{
	uint8_t word[crypto_generichash_BYTES_MIN];
	struct buf hex = BUF_INIT;
	crypto_generichash(word, sizeof word, (const uint8_t *)HEAD, sizeof HEAD - 1, v->name, sizeof v->name);
	buf_add(&hex, STR(HEAD));
	buf_add_hex(&hex, word, sizeof word);
	memcpy(to, hex.p, hex.n);
	size_t n = hex.n;
	buf_release(&hex);
	return str_from(to, n);
}

static int
begin_repository(struct repo *v, const char *path, struct str mark)
{
	if (!is_empty(v->folder))
		return E_INVALID;
	TRY(make_below(v, "pieces"));
	TRY(make_below(v, "lists"));
	TRY(write_file(path, mark));
	return syncfs(v->fd) < 0 ? error_from_errno(errno) : 0;
}

static int
check_repository(struct repo *v, bool create, const char **ret_what)
{
	char path[PATH_MAX], mark_text[crypto_generichash_BYTES_MIN * 2 + sizeof HEAD];
	struct str mark = mark_of(v, mark_text);
	struct buf found = BUF_INIT_MAX(256);
	snprintf(path, sizeof path, "%s/repository", v->folder);
	*ret_what = "repo_folder";
	int error = file_read(path, &found);
	if (error == E_NOT_FOUND && create) {
		error = begin_repository(v, path, mark);
	} else if (!error && !str_starts(buf_str(&found), STR("khien repository "))) {
		error = E_INVALID;
	} else if (!error && !str_starts(buf_str(&found), STR(HEAD))) {
		error = E_UNSUPPORTED;
	} else if (!error && !str_eq(buf_str(&found), mark)) {
		*ret_what = "repo_key";
		error = E_DENIED;
	}
	buf_release(&found);
	return error;
}

static int
find_folder(struct repo *v, const char *folder)
{
	char full[PATH_MAX];
	v->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->fd < 0 || !realpath(folder, full))
		return error_from_errno(errno);
	if (strlen(full) >= sizeof v->folder)
		return E_LIMIT;
	memcpy(v->folder, full, strlen(full) + 1);
	return flock(v->fd, LOCK_EX | LOCK_NB) < 0 ? E_BUSY : 0;
}

int
repo_open(const char *folder, const uint8_t key[REPO_KEY], bool create, struct repo **ret, struct fault *f)
{
	struct repo *v = MEM_NEW(struct repo);
	const char *what = "repo_folder";
	int error = sodium_init() < 0 ? E_IO : 0;
	crypto_kdf_derive_from_key(v->seal, sizeof v->seal, 1, "khbackup", key);
	crypto_kdf_derive_from_key(v->name, sizeof v->name, 2, "khbackup", key);
	v->squeeze = ZSTD_createCCtx();
	v->unfold = ZSTD_createDCtx();
	if (create && mkdir(folder, 0700) < 0 && errno != EEXIST)
		error = error_from_errno(errno);
	v->fd = -1;
	if (!error)
		error = find_folder(v, folder);
	if (!error)
		error = check_repository(v, create, &what);
	if (error) {
		repo_close(v);
		return fault_set(f, error, what, str_z(folder), 0, 0);
	}
	*ret = v;
	return 0;
}

void
repo_close(struct repo *v)
{
	if (!v)
		return;
	if (v->fd >= 0)
		close(v->fd);
	ZSTD_freeCCtx(v->squeeze);
	ZSTD_freeDCtx(v->unfold);
	buf_release(&v->packed);
	buf_release(&v->sealed);
	sodium_memzero(v->seal, sizeof v->seal);
	sodium_memzero(v->name, sizeof v->name);
	mem_free(v);
}

/* --- pieces --- */

static void
piece_path(const struct repo *v, const struct repo_id *id, char to[PATH_MAX])
{
	char hex[REPO_ID * 2 + 1];
	sodium_bin2hex(hex, sizeof hex, id->bytes, REPO_ID);
	snprintf(to, PATH_MAX, "%s/pieces/%.2s/%s", v->folder, hex, hex);
}

int
repo_put(struct repo *v, struct str bytes, struct repo_id *ret, uint64_t *ret_stored)
{
	char path[PATH_MAX], below[16];
	struct stat st;
	assert(bytes.n <= REPO_PIECE);
	crypto_generichash(ret->bytes, REPO_ID, (const uint8_t *)bytes.p, bytes.n, v->name, sizeof v->name);
	piece_path(v, ret, path);
	*ret_stored = 0;
	if (stat(path, &st) == 0 && st.st_size > (off_t)(NONCE + SEAL)) /* `khien backup --check` reads what is there */
		return 0;
	snprintf(below, sizeof below, "pieces/%02x", ret->bytes[0]);
	TRY(make_below(v, below));
	return put_sealed(v, path, str_from((const char *)ret->bytes, REPO_ID), bytes, ret_stored);
}

int
repo_get(struct repo *v, const struct repo_id *id, struct buf *ret)
{
	char path[PATH_MAX];
	piece_path(v, id, path);
	return get_sealed(v, path, str_from((const char *)id->bytes, REPO_ID), REPO_PIECE, ret);
}

int
repo_sync(struct repo *v)
{
	return syncfs(v->fd) < 0 ? error_from_errno(errno) : 0;
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, REPO_ID);
}

struct sweep_run {
	struct repo_id *keep;
	size_t count;
	uint64_t removed;
};

static int
sweep_one(void *user, const char *path)
{
	struct sweep_run *s = user;
	const char *name = strrchr(path, '/') + 1;
	struct repo_id id;
	size_t n;
	bool piece = sodium_hex2bin(id.bytes, REPO_ID, name, strlen(name), NULL, &n, NULL) == 0 && n == REPO_ID;
	if (piece && s->count && bsearch(&id, s->keep, s->count, sizeof id, compare_ids))
		return 0;
	if (unlink(path) < 0) /* what a backup that was cut short left lying, too */
		return error_from_errno(errno);
	s->removed++;
	return 0;
}

int
repo_sweep(struct repo *v, struct repo_id *keep, size_t count, uint64_t *ret_removed)
{
	char path[PATH_MAX];
	struct sweep_run s = {keep, count, 0};
	if (count)
		qsort(keep, count, sizeof *keep, compare_ids);
	snprintf(path, sizeof path, "%s/pieces", v->folder);
	int error = file_walk(path, sweep_one, NULL, &s);
	*ret_removed = s.removed;
	return error;
}

/* --- lists --- */

static bool
is_list_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!memchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_", name.p[i], 64))
			return false;
	return name.n > 0 && name.n <= 64;
}

static int
list_path(const struct repo *v, struct str name, char to[PATH_MAX])
{
	if (!is_list_name(name))
		return E_INVALID;
	snprintf(to, PATH_MAX, "%s/lists/%.*s", v->folder, STR_ARG(name));
	return 0;
}

int
repo_list_put(struct repo *v, struct str name, struct str text)
{
	char path[PATH_MAX];
	uint64_t stored;
	TRY(list_path(v, name, path));
	TRY(repo_sync(v)); /* the pieces first: a list must not speak of what is not there */
	TRY(put_sealed(v, path, name, text, &stored));
	return repo_sync(v);
}

int
repo_list_get(struct repo *v, struct str name, struct buf *ret)
{
	char path[PATH_MAX];
	TRY(list_path(v, name, path));
	return get_sealed(v, path, name, REPO_LIST_MAX, ret);
}

int
repo_list_drop(struct repo *v, struct str name)
{
	char path[PATH_MAX];
	TRY(list_path(v, name, path));
	if (unlink(path) < 0)
		return error_from_errno(errno);
	return repo_sync(v);
}

static int
compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

int
repo_lists(struct repo *v, struct arena *arena, struct str **ret, uint32_t *ret_count)
{
	char path[PATH_MAX];
	uint32_t count = 0, cap = 0;
	struct str *found = NULL;
	snprintf(path, sizeof path, "%s/lists", v->folder);
	DIR *dir = opendir(path);
	if (!dir)
		return error_from_errno(errno);
	for (struct dirent *e; (e = readdir(dir));) {
		if (!is_list_name(str_z(e->d_name)))
			continue;
		MEM_GROW(found, count, cap);
		if (arena_copy(arena, str_z(e->d_name), &found[count]))
			count++;
	}
	closedir(dir);
	*ret = arena_calloc(arena, count ? count : 1, sizeof **ret);
	if (*ret && count) {
		qsort(found, count, sizeof *found, compare_names);
		memcpy(*ret, found, count * sizeof *found);
	}
	mem_free(found);
	*ret_count = count;
	return *ret && !arena->over ? 0 : E_LIMIT;
}

/* --- keys on paper --- */

#define KEY_CHECK 3u /* bytes; with the key 35, which are 56 letters of five bits */
static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"; /* no I, O, 0, 1 */

static void
key_check(const uint8_t key[REPO_KEY], uint8_t ret[KEY_CHECK])
{
	uint8_t digest[32];
	sha256(str_from((const char *)key, REPO_KEY), digest);
	memcpy(ret, digest, KEY_CHECK);
}

void
repo_key_text(const uint8_t key[REPO_KEY], char ret[REPO_KEY_TEXT])
{
	uint8_t bytes[REPO_KEY + KEY_CHECK];
	unsigned bits = 0, held = 0;
	size_t n = 0;
	memcpy(bytes, key, REPO_KEY);
	key_check(key, bytes + REPO_KEY);
	for (size_t i = 0, written = 0; i < sizeof bytes; i++) {
		held = held << 8 | bytes[i];
		for (bits += 8; bits >= 5; bits -= 5, written++) {
			if (written && written % 8 == 0)
				ret[n++] = '-';
			ret[n++] = letters[held >> (bits - 5) & 31];
		}
	}
	ret[n] = '\0';
}

int
repo_key_read(struct str text, uint8_t ret[REPO_KEY])
{
	uint8_t bytes[REPO_KEY + KEY_CHECK], check[KEY_CHECK];
	unsigned bits = 0, held = 0;
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i] >= 'a' && text.p[i] <= 'z' ? (char)(text.p[i] - 32) : text.p[i];
		if (c == '-' || c == ' ' || c == '\n' || c == '\r' || c == '\t')
			continue;
		const char *at = c ? strchr(letters, c) : NULL;
		if (!at || n == sizeof bytes)
			return E_INVALID;
		held = held << 5 | (unsigned)(at - letters);
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (uint8_t)(held >> bits);
		}
	}
	key_check(bytes, check);
	if (n != sizeof bytes || bits || memcmp(check, bytes + REPO_KEY, KEY_CHECK) != 0)
		return E_INVALID;
	memcpy(ret, bytes, REPO_KEY);
	return 0;
}
