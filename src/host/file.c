/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/mman.h>
#include <unistd.h>

int
file_open_regular(const char *path, struct stat *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_from_errno(errno);
	if (fstat(fd, ret) == 0 && S_ISREG(ret->st_mode))
		return fd;
	close(fd);
	return E_INVALID;
}

int
file_map_descriptor(int fd, struct str *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return E_INVALID;
	void *p = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (p == MAP_FAILED)
		return E_IO;
	*ret = str_from(p, (size_t)st.st_size);
	return 0;
}

int
file_map(const char *path, struct str *ret)
{
	struct stat st;
	struct str bytes;
	int fd = file_open_regular(path, &st);
	TRY(fd);
	int error = file_map_descriptor(fd, &bytes);
	close(fd);
	TRY(error);
	if (bytes.n)
		madvise((void *)(uintptr_t)bytes.p, bytes.n, MADV_SEQUENTIAL);
	*ret = bytes;
	return 0;
}

void
file_unmap(struct str bytes)
{
	if (bytes.n)
		munmap((void *)(uintptr_t)bytes.p, bytes.n);
}

int
file_read_descriptor(int fd, struct buf *out)
{
	for (;;) {
		char beyond;
		size_t want = out->max && out->max - out->n < 65536 ? out->max - out->n : 65536;
		char *room = want ? buf_room(out, want) : &beyond;
		ssize_t n = read(fd, room, want ? want : 1);
		if (n <= 0 || !want)
			return n < 0 ? E_IO : n ? E_LIMIT : 0;
		out->n += (size_t)n;
		out->p[out->n] = '\0';
	}
}

int
file_read(const char *path, struct buf *out)
{
	struct stat st;
	int fd = file_open_regular(path, &st);
	TRY(fd);
	int error = file_read_descriptor(fd, out);
	close(fd);
	return error;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int
file_walk(const char *root, int (*each)(void *user, const char *path), void (*failed)(void *user, const char *path,
    int error), void *user)
{
	char path[4096];
	char *const roots[] = {path, NULL};
	int result = 0;
	if (strlen(root) >= sizeof path)
		return E_LIMIT;
	memcpy(path, root, strlen(root) + 1);
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_name);
	if (!fts)
		return error_from_errno(errno);
	for (FTSENT *entry; result == 0 && (entry = fts_read(fts));) {
		if (entry->fts_info == FTS_F)
			result = each(user, entry->fts_path);
		else if (entry->fts_info == FTS_DEFAULT && entry->fts_level == 0 && failed)
			failed(user, entry->fts_path, E_INVALID); /* asked for by name, and no file */
		else if ((entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) && failed)
			failed(user, entry->fts_path, error_from_errno(entry->fts_errno));
	}
	fts_close(fts);
	return result;
}
