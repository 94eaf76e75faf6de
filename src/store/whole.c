/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/whole.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int
whole_read(const struct store_io *io, const char *path, size_t max, struct buf *ret)
{
	int fd = io->open(io->user, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	int64_t size = io->size(io->user, fd);
	int error = size < 0 ? (int)size : size > (int64_t)max ? E_CORRUPT : 0;
	char *room = error || !size ? NULL : buf_room(ret, (size_t)size);
	if (!error && size) {
		int64_t got = room ? io->pread(io->user, fd, room, (size_t)size, 0) : E_LIMIT;
		error = got < 0 ? (int)got : got != size ? E_CORRUPT : 0;
		ret->n += error ? 0 : (size_t)size;
	}
	io->close(io->user, fd);
	return error;
}

/* Folders of `path` that are not there yet, and their names made durable. */
static int
make_folders(const struct store_io *io, char *path, size_t from)
{
	for (size_t i = from; path[i]; i++) {
		if (path[i] != '/')
			continue;
		path[i] = 0;
		int error = io->make_directory(io->user, path, 0750);
		path[i] = '/';
		if (error && error != E_EXISTS)
			return error;
	}
	return 0;
}

static int
sync_folder_of(const struct store_io *io, char *path)
{
	char *slash = strrchr(path, '/');
	*slash = 0;
	int error = io->sync_directory(io->user, path);
	*slash = '/';
	return error;
}

int
whole_write(const struct store_io *io, char *path, size_t root, struct str bytes)
{
	char fresh[PATH_MAX + 4];
	TRY(make_folders(io, path, root));
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int fd = io->open(io->user, fresh, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	if (fd < 0)
		return fd;
	int64_t put = io->pwrite(io->user, fd, bytes.p, bytes.n, 0);
	int error = put < 0 ? (int)put : io->sync(io->user, fd);
	io->close(io->user, fd);
	TRY(error);
	TRY(io->rename(io->user, fresh, path));
	return sync_folder_of(io, path);
}
