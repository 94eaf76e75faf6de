/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One folder; one that is there already is left as it is. */
static int
folder_make(const char *path, uid_t uid, gid_t gid)
{
	if (mkdir(path, 0700) == 0)
		return geteuid() == 0 && chown(path, uid, gid) < 0 ? -1 : 0;
	return errno == EEXIST ? 0 : -1;
}

static int
folders_make(const char *path, uid_t uid, gid_t gid)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/')
			continue;
		part[i] = 0;
		if (folder_make(part, uid, gid) < 0)
			return -1;
		part[i] = '/';
	}
	return folder_make(part, uid, gid);
}

static int
datadir_lock(const char *path, uid_t uid, gid_t gid, int *ret_lock, struct fault *f)
{
	char name[PATH_MAX + 8];

	snprintf(name, sizeof(name), "%s/.lock", path);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fault_set(f, E_DENIED, "data_denied", str_z(path), 0, 0);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return fault_set(f, E_BUSY, "data_locked", str_z(path), 0, 0);
	}
	if (geteuid() == 0 && fchown(fd, uid, gid) < 0) {
		close(fd);
		return fault_set(f, E_DENIED, "data_denied", str_z(path), 0, 0);
	}
	*ret_lock = fd;
	return 0;
}

/* A restore that was cut short left half a desk: nobody shall work with that. */
static int
datadir_whole(const char *path, int *lock, struct fault *f)
{
	char mark[PATH_MAX + 16];

	snprintf(mark, sizeof(mark), "%s/.restoring", path);
	if (access(mark, F_OK) < 0)
		return 0;
	close(*lock);
	*lock = -1;
	return fault_set(f, E_CORRUPT, "data_half", str_z(path), 0, 0);
}

int
datadir_open(char *path, size_t size, uid_t uid, gid_t gid, int *ret_lock, struct fault *f)
{
	char full[PATH_MAX];

	if (folders_make(path, uid, gid) < 0 || !realpath(path, full) || strlen(full) >= size)
		return fault_set(f, E_IO, "data_make", str_z(path), 0, 0);
	/* A file in its place, a read-only disk, another's folder: opening the lock tells. */
	TRY(datadir_lock(full, uid, gid, ret_lock, f));
	memcpy(path, full, strlen(full) + 1);
	return datadir_whole(full, ret_lock, f);
}
