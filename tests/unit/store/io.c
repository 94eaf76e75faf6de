/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/io.h"

#include <fcntl.h>

#include "tap.h"

TEST(what_is_written_is_read_and_the_end_is_short)
{
	const struct store_io *io = &store_io_disk;
	char folder[128], path[160], other[160], bytes[8] = {0};
	snprintf(folder, sizeof folder, "%s", tap_folder());
	snprintf(path, sizeof path, "%s/a", folder);
	snprintf(other, sizeof other, "%s/b", folder);
	int fd = io->open(io->user, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK_INT(io->pwrite(io->user, fd, "abcdef", 6, 2), 6);
	CHECK_INT(io->size(io->user, fd), 8);
	CHECK_INT(io->pread(io->user, fd, bytes, 8, 4), 4);
	CHECK_STR(str_from(bytes, 4), STR("cdef"));
	CHECK_INT(io->sync(io->user, fd), 0);
	CHECK_INT(io->truncate(io->user, fd, 3), 0);
	CHECK_INT(io->size(io->user, fd), 3);
	io->close(io->user, fd);
	CHECK_INT(io->rename(io->user, path, other), 0);
	CHECK_INT(io->sync_directory(io->user, folder), 0);
	CHECK_INT(io->unlink(io->user, other), 0);
}

TEST(failures_have_names)
{
	const struct store_io *io = &store_io_disk;
	char path[160];
	snprintf(path, sizeof path, "%s/a", tap_folder());
	CHECK_INT(io->open(io->user, path, O_RDONLY, 0), E_NOT_FOUND);
	CHECK_INT(io->unlink(io->user, path), E_NOT_FOUND);
	CHECK_INT(io->sync_directory(io->user, path), E_NOT_FOUND);
	int fd = io->open(io->user, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK_INT(io->open(io->user, path, O_RDWR | O_CREAT | O_EXCL, 0600), E_EXISTS);
	io->close(io->user, fd);
	int full = io->open(io->user, "/dev/full", O_WRONLY, 0);
	if (full < 0)
		SKIP("no /dev/full");
	CHECK_INT(io->pwrite(io->user, full, "x", 1, 0), E_FULL);
	io->close(io->user, full);
}
