/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
disk_open(void *user, const char *path, int flags, unsigned mode)
{
	int fd;
	do
		fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? error_from_errno(errno) : fd;
}

/* As many bytes as the file has, up to n: a short count means its end. */
static int64_t
disk_pread(void *user, int fd, void *to, size_t n, uint64_t offset)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_from_errno(errno);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

static int64_t
disk_pwrite(void *user, int fd, const void *from, size_t n, uint64_t offset)
{
	size_t done = 0;
	while (done < n) {
		ssize_t put = pwrite(fd, (const char *)from + done, n - done, (off_t)(offset + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? error_from_errno(errno) : E_IO;
		done += (size_t)put;
	}
	return (int64_t)done;
}

static int
disk_sync(void *user, int fd)
{
	return fdatasync(fd) < 0 ? error_from_errno(errno) : 0;
}

static int
disk_sync_directory(void *user, const char *path)
{
	int fd = disk_open(user, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	int error = fsync(fd) < 0 ? error_from_errno(errno) : 0;
	close(fd);
	return error;
}

static int
disk_truncate(void *user, int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size) < 0 ? error_from_errno(errno) : 0;
}

static int
disk_rename(void *user, const char *from, const char *to)
{
	return rename(from, to) < 0 ? error_from_errno(errno) : 0;
}

static int
disk_unlink(void *user, const char *path)
{
	return unlink(path) < 0 ? error_from_errno(errno) : 0;
}

static int
disk_make_directory(void *user, const char *path, unsigned mode)
{
	return mkdir(path, (mode_t)mode) < 0 ? error_from_errno(errno) : 0;
}

static int64_t
disk_size(void *user, int fd)
{
	struct stat st;
	return fstat(fd, &st) < 0 ? error_from_errno(errno) : (int64_t)st.st_size;
}

static void
disk_close(void *user, int fd)
{
	close(fd);
}

static int
disk_lock(void *user, int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? E_BUSY : error_from_errno(errno);
}

const struct store_io store_io_disk = {
	.open = disk_open,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.sync = disk_sync,
	.sync_directory = disk_sync_directory,
	.truncate = disk_truncate,
	.rename = disk_rename,
	.unlink = disk_unlink,
	.make_directory = disk_make_directory,
	.size = disk_size,
	.close = disk_close,
	.lock = disk_lock,
};
