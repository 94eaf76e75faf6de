/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/keep.h"

#include <fcntl.h>

int
keep_write(const struct store_io *io, const char *path, struct str bytes)
{
	char fresh[600];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int fd = io->open(io->user, fresh, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return fd;
	int64_t error = io->truncate(io->user, fd, 0);
	if (error >= 0)
		error = io->pwrite(io->user, fd, bytes.p, bytes.n, 0);
	if (error >= 0)
		error = io->sync(io->user, fd);
	io->close(io->user, fd);
	if (error < 0)
		return (int)error;
	return io->rename(io->user, fresh, path);
}

int
keep_read(const struct store_io *io, const char *path, struct buf *out)
{
	int fd = io->open(io->user, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	int64_t n = io->size(io->user, fd);
	char *room = n >= 0 ? buf_room(out, (size_t)n) : NULL;
	if (room)
		n = io->pread(io->user, fd, room, (size_t)n, 0);
	else if (n >= 0)
		n = E_LIMIT;
	io->close(io->user, fd);
	if (n < 0)
		return (int)n;
	out->n += (size_t)n;
	return 0;
}
