/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

struct level {
	DIR *dir;
	size_t path; /* length of its path */
};

struct walk {
	struct level level[WALK_DEPTH_MAX];
	unsigned depth;
	dev_t device;
	char path[WALK_PATH_MAX + 256];
	struct walk_counts counts;
};

static int
open_folder(int at, const char *name, int *ret)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? E_INVALID : error_from_errno(errno);
	*ret = fd;
	return 0;
}

/* Part by part, so that no link is followed in between. The descriptor of the last. */
static int
descend(int root, struct str below, int *ret)
{
	int fd = -1, next = -1;
	struct str part;
	TRY(open_folder(root, ".", &fd));
	while (below.n && str_split(&below, '/', &part)) {
		char name[256];
		int error = part.n >= sizeof name ? E_LIMIT : str_eq(part, STR("..")) ? E_INVALID : 0;
		if (!error && part.n && !str_eq(part, STR("."))) {
			str_to_z(part, name, sizeof name);
			error = open_folder(fd, name, &next);
			if (!error) {
				close(fd);
				fd = next;
			}
		}
		if (error) {
			close(fd);
			return error;
		}
	}
	*ret = fd;
	return 0;
}

static int
push(struct walk *w, int fd)
{
	if (w->depth == WALK_DEPTH_MAX) {
		close(fd);
		return E_LIMIT;
	}
	DIR *dir = fdopendir(fd);
	if (!dir) {
		int error = error_from_errno(errno);
		close(fd);
		return error;
	}
	w->level[w->depth++] = (struct level){dir, strlen(w->path)};
	w->counts.folders++;
	return 0;
}

int
walk_open(int root_fd, struct str name, struct str below, struct walk **ret)
{
	struct stat st;
	int fd = -1;
	if (name.n + below.n + 2 > WALK_PATH_MAX || memchr(below.p ? below.p : "", '\0', below.n))
		return E_LIMIT;
	TRY(descend(root_fd, below, &fd));
	struct walk *w = MEM_NEW(struct walk);
	int error = fstat(fd, &st) < 0 ? error_from_errno(errno) : 0;
	w->device = st.st_dev;
	while (name.n > 1 && name.p[name.n - 1] == '/')
		name.n--;
	while (below.n && below.p[below.n - 1] == '/')
		below.n--;
	snprintf(w->path, sizeof w->path, "%.*s%s%.*s", STR_ARG(name),
	    below.n && below.p[0] != '/' && !str_eq(name, STR("/")) ? "/" : "", STR_ARG(below));
	if (error)
		close(fd);
	else
		error = push(w, fd);
	if (error) {
		walk_free(w);
		return error;
	}
	*ret = w;
	return 0;
}

void
walk_free(struct walk *w)
{
	if (!w)
		return;
	while (w->depth)
		closedir(w->level[--w->depth].dir);
	mem_free(w);
}

struct walk_counts
walk_counts(const struct walk *w)
{
	return w->counts;
}

static void
problem(struct walk *w, int error, struct walk_item *ret)
{
	*ret = (struct walk_item){WALK_PROBLEM, -1, error, str_z(w->path)};
}

/* True when there is something to tell. */
static bool
enter_folder(struct walk *w, int at, const char *name, struct walk_item *ret)
{
	struct stat st;
	int fd = -1, error = open_folder(at, name, &fd);
	if (!error && fstat(fd, &st) == 0 && st.st_dev != w->device) {
		w->counts.elsewhere++;
		close(fd);
		return false;
	}
	if (!error)
		error = push(w, fd);
	if (error)
		problem(w, error, ret);
	return error;
}

/* Looking shall leave no trace where we may: a file of our own keeps the time of its last reading. */
static bool
open_file(struct walk *w, int at, const char *name, struct walk_item *ret)
{
	const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd = openat(at, name, how | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(at, name, how);
	if (fd < 0) {
		problem(w, errno == ELOOP ? E_CONFLICT : error_from_errno(errno), ret);
		return true;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		w->counts.files++;
		*ret = (struct walk_item){WALK_FILE, fd, 0, str_z(w->path)};
		return true;
	}
	close(fd); /* swapped since we looked */
	w->counts.special++;
	return false;
}

static unsigned char
type_of(int at, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_REG; /* opening it tells the error */
	return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : S_ISLNK(st.st_mode) ? DT_LNK : DT_FIFO;
}

/* True when there is something to tell. */
static bool
look_at(struct walk *w, const struct level *l, const struct dirent *entry, struct walk_item *ret)
{
	size_t length = strlen(entry->d_name);
	const char *slash = l->path && w->path[l->path - 1] == '/' ? "" : "/";
	int at = dirfd(l->dir);
	if (str_eq(str_z(entry->d_name), STR(".")) || str_eq(str_z(entry->d_name), STR("..")))
		return false;
	snprintf(w->path + l->path, sizeof w->path - l->path, "%s%s", slash, entry->d_name);
	if (l->path + length + 1 >= WALK_PATH_MAX) {
		problem(w, E_LIMIT, ret);
		return true;
	}
	switch (type_of(at, entry)) {
	case DT_DIR:
		return enter_folder(w, at, entry->d_name, ret);
	case DT_REG:
		return open_file(w, at, entry->d_name, ret);
	case DT_LNK:
		w->counts.links++;
		return false;
	default:
		w->counts.special++;
		return false;
	}
}

void
walk_next(struct walk *w, struct walk_item *ret)
{
	while (w->depth) {
		struct level *l = &w->level[w->depth - 1];
		errno = 0;
		const struct dirent *entry = readdir(l->dir);
		if (entry && look_at(w, l, entry, ret))
			return;
		if (entry)
			continue;
		int error = errno ? error_from_errno(errno) : 0;
		w->path[l->path] = '\0';
		closedir(l->dir);
		w->depth--;
		if (error) {
			problem(w, error, ret);
			return;
		}
	}
	*ret = (struct walk_item){.kind = WALK_END, .fd = -1};
}
