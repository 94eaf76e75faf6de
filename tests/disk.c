/* SPDX-License-Identifier: EUPL-1.2 */
#include "disk.h"

#include <fcntl.h>

#define SECTOR 512u

uint64_t
disk_random(struct disk *d)
{
	uint64_t z = d->random += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct disk_file *
disk_find(struct disk *d, const char *path)
{
	for (size_t i = 0; i < DISK_FILES; i++)
		if (d->file[i].exists && strcmp(d->file[i].path, path) == 0)
			return &d->file[i];
	return NULL;
}

static int
failing(struct disk *d)
{
	d->calls++;
	if (d->fail_at && (d->calls == d->fail_at || (d->fail_on && d->calls > d->fail_at)))
		return d->fail_with;
	return 0;
}

static void
resize(struct buf *b, size_t n)
{
	if (n > b->n) {
		char *room = buf_room(b, n - b->n);
		memset(room, 0, n - b->n);
	}
	b->n = n;
}

static int
disk_open(void *user, const char *path, int flags, unsigned mode)
{
	struct disk *d = user;
	TRY(failing(d));
	struct disk_file *f = disk_find(d, path);
	if (f)
		return flags & O_EXCL ? E_EXISTS : (int)(f - d->file);
	if (!(flags & O_CREAT))
		return E_NOT_FOUND;
	for (int i = 0; i < DISK_FILES; i++)
		if (!d->file[i].exists) {
			d->file[i] = (struct disk_file){.exists = true};
			snprintf(d->file[i].path, sizeof d->file[i].path, "%s", path);
			return i;
		}
	return E_LIMIT;
}

static int64_t
disk_pread(void *user, int fd, void *to, size_t n, uint64_t offset)
{
	struct disk *d = user;
	TRY(failing(d));
	struct str part = str_cut(buf_str(&d->file[fd].now), (size_t)offset, (size_t)offset + n);
	if (part.n)
		memcpy(to, part.p, part.n);
	return (int64_t)part.n;
}

static int64_t
disk_pwrite(void *user, int fd, const void *from, size_t n, uint64_t offset)
{
	struct disk *d = user;
	struct disk_file *f = &d->file[fd];
	uint64_t used = 0;
	TRY(failing(d));
	for (size_t i = 0; i < DISK_FILES; i++)
		used += d->file[i].exists ? d->file[i].now.n : 0;
	if (d->full_above && offset + n > f->now.n && used + offset + n - f->now.n > d->full_above)
		return E_FULL;
	if (offset + n > f->now.n)
		resize(&f->now, (size_t)(offset + n));
	if (n)
		memcpy(f->now.p + offset, from, n);
	resize(&f->dirty, f->now.n / SECTOR + 1);
	for (uint64_t s = offset / SECTOR; n && s <= (offset + n - 1) / SECTOR; s++)
		f->dirty.p[s] = 1;
	return (int64_t)n;
}

static int
disk_sync(void *user, int fd)
{
	struct disk *d = user;
	struct disk_file *f = &d->file[fd];
	TRY(failing(d));
	buf_clear(&f->durable);
	buf_add(&f->durable, buf_str(&f->now));
	if (f->dirty.n)
		memset(f->dirty.p, 0, f->dirty.n);
	return 0;
}

static int
disk_sync_directory(void *user, const char *path)
{
	struct disk *d = user;
	TRY(failing(d));
	for (size_t i = 0; i < DISK_FILES; i++) {
		d->file[i].linked = d->file[i].exists;
		d->file[i].replaces = false;
		buf_release(&d->file[i].replaced);
	}
	return 0;
}

static int
disk_truncate(void *user, int fd, uint64_t size)
{
	struct disk *d = user;
	TRY(failing(d));
	resize(&d->file[fd].now, (size_t)size);
	resize(&d->file[fd].dirty, (size_t)size / SECTOR + 1);
	return 0;
}

static void
file_remove(struct disk_file *f)
{
	buf_release(&f->now);
	buf_release(&f->durable);
	buf_release(&f->dirty);
	buf_release(&f->replaced);
	*f = (struct disk_file){0};
}

static int
disk_rename(void *user, const char *from, const char *to)
{
	struct disk *d = user;
	TRY(failing(d));
	struct disk_file *f = disk_find(d, from), *old = disk_find(d, to);
	if (!f)
		return E_NOT_FOUND;
	if (old && old != f && old->linked) {
		buf_clear(&f->replaced);
		buf_add(&f->replaced, old->replaces ? buf_str(&old->replaced) : buf_str(&old->durable));
		f->replaces = true;
		f->linked = true;
	}
	if (old && old != f)
		file_remove(old);
	snprintf(f->path, sizeof f->path, "%s", to);
	return 0;
}

static int
disk_unlink(void *user, const char *path)
{
	struct disk *d = user;
	TRY(failing(d));
	struct disk_file *f = disk_find(d, path);
	if (!f)
		return E_NOT_FOUND;
	file_remove(f);
	return 0;
}

/* Folders need no room of their own here. */
static int
disk_make_directory(void *user, const char *path, unsigned mode)
{
	return failing(user);
}

static int64_t
disk_size(void *user, int fd)
{
	struct disk *d = user;
	TRY(failing(d));
	return (int64_t)d->file[fd].now.n;
}

static void
disk_close(void *user, int fd)
{
}

void
disk_init(struct disk *d, uint64_t seed)
{
	memset(d, 0, sizeof *d);
	d->random = seed;
	d->fail_with = E_IO;
	d->io = (struct store_io){.user = d, .open = disk_open, .pread = disk_pread, .pwrite = disk_pwrite,
	    .sync = disk_sync, .sync_directory = disk_sync_directory, .truncate = disk_truncate, .rename = disk_rename,
	    .unlink = disk_unlink, .make_directory = disk_make_directory, .size = disk_size, .close = disk_close};
}

void
disk_release(struct disk *d)
{
	for (size_t i = 0; i < DISK_FILES; i++)
		file_remove(&d->file[i]);
}

/* Sector by sector: the new bytes arrived, or did not, or the head wrote rubbish while the voltage fell. */
static void
file_cut(struct disk *d, struct disk_file *f, unsigned keep)
{
	uint64_t dice = disk_random(d) % 4;
	if (dice == 0)
		resize(&f->durable, f->now.n); /* the new length reached the disk */
	for (size_t s = 0; s < f->dirty.n; s++) {
		size_t at = s * SECTOR, end = at + SECTOR < f->now.n ? at + SECTOR : f->now.n;
		if (!f->dirty.p[s] || at >= f->now.n)
			continue;
		uint64_t fate = disk_random(d) % 100;
		if (fate >= keep && fate != 99)
			continue;
		if (end > f->durable.n)
			resize(&f->durable, end);
		memcpy(f->durable.p + at, f->now.p + at, end - at);
		for (size_t i = at; fate == 99 && i < end; i++)
			f->durable.p[i] = (char)disk_random(d);
	}
	buf_clear(&f->now);
	buf_add(&f->now, buf_str(&f->durable));
	buf_clear(&f->dirty);
	resize(&f->dirty, f->now.n / SECTOR + 1);
}

void
disk_cut_power(struct disk *d)
{
	static const unsigned keeps[] = {0, 20, 50, 80, 99, 100};
	unsigned keep = keeps[disk_random(d) % COUNT(keeps)];
	for (size_t i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &d->file[i];
		if (f->exists && f->replaces && disk_random(d) % 2) {
			buf_clear(&f->durable);
			buf_add(&f->durable, buf_str(&f->replaced));
			buf_clear(&f->now);
			buf_add(&f->now, buf_str(&f->replaced));
		} else if (f->exists && !f->linked && disk_random(d) % 2)
			file_remove(f);
		else if (f->exists)
			file_cut(d, f, keep);
	}
	d->fail_at = 0;
	d->fail_on = false;
}
