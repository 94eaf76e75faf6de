/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/vault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"

#define OWNER 8 /* bytes before the secret: whose it is */
#define BOX (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)

struct vault {
	uint8_t key[crypto_secretbox_KEYBYTES];
};

static int
read_key(const char *path, struct vault *v)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_from_errno(errno);
	char one;
	bool whole = read(fd, v->key, sizeof v->key) == (ssize_t)sizeof v->key && read(fd, &one, 1) == 0;
	close(fd);
	return whole ? 0 : E_CORRUPT;
}

/* Whole and on disk under another name first: half a key would lock out everybody. */
static int
make_key(const char *path, const char *folder, struct vault *v)
{
	char fresh[PATH_MAX];
	randombytes_buf(v->key, sizeof v->key);
	snprintf(fresh, sizeof fresh, "%.*s.new", PATH_MAX - 8, path);
	unlink(fresh);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	bool good = write(fd, v->key, sizeof v->key) == (ssize_t)sizeof v->key && fsync(fd) == 0;
	int error = good ? 0 : error_from_errno(errno);
	close(fd);
	if (!error && rename(fresh, path) < 0)
		error = error_from_errno(errno);
	int directory = error ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory >= 0) {
		if (fsync(directory) < 0)
			error = error_from_errno(errno);
		close(directory);
	}
	return error;
}

int
vault_open(struct str directory, struct vault **ret, struct fault *f)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct vault *v = MEM_NEW(struct vault);
	snprintf(folder, sizeof folder, "%.*s", (int)(directory.n < PATH_MAX - 64 ? directory.n : PATH_MAX - 64), directory.p);
	snprintf(path, sizeof path, "%.*s/factor.key", PATH_MAX - 32, folder);
	int error = read_key(path, v);
	if (error == E_NOT_FOUND)
		error = make_key(path, folder, v);
	if (error) {
		vault_close(v);
		return fault_set(f, error, "factor_key", str_z(path), 0, 0);
	}
	*ret = v;
	return 0;
}

void
vault_close(struct vault *v)
{
	if (!v)
		return;
	sodium_memzero(v, sizeof *v);
	mem_free(v);
}

void
vault_seal(const struct vault *v, int64_t owner, struct str secret, struct buf *out)
{
	uint8_t plain[OWNER + VAULT_SECRET_MAX], box[BOX + sizeof plain];
	assert(secret.n <= VAULT_SECRET_MAX);
	memcpy(plain, &owner, OWNER);
	memcpy(plain + OWNER, secret.p, secret.n);
	randombytes_buf(box, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, plain, OWNER + secret.n, box, v->key);
	buf_add_hex(out, box, BOX + OWNER + secret.n);
	sodium_memzero(plain, sizeof plain);
}

int
vault_unseal(const struct vault *v, int64_t owner, struct str sealed, uint8_t *to, size_t max, size_t *ret_n)
{
	uint8_t box[BOX + OWNER + VAULT_SECRET_MAX], plain[OWNER + VAULT_SECRET_MAX];
	size_t n = 0;
	if (sodium_hex2bin(box, sizeof box, sealed.p, sealed.n, NULL, &n, NULL) < 0 || n < BOX + OWNER || n * 2 != sealed.n ||
	    n - BOX - OWNER > max)
		return E_CORRUPT;
	bool good = crypto_secretbox_open_easy(plain, box + crypto_secretbox_NONCEBYTES, n - crypto_secretbox_NONCEBYTES, box,
	                v->key) == 0 &&
	    memcmp(plain, &owner, OWNER) == 0;
	if (good) {
		memcpy(to, plain + OWNER, n - BOX - OWNER);
		*ret_n = n - BOX - OWNER;
	}
	sodium_memzero(plain, sizeof plain);
	return good ? 0 : E_CORRUPT;
}
