/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/statefile.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/hash.h"

#define MAGIC 0x4154534bu /* "KSTA" */
#define VERSION 1u
#define CRC 4u            /* at the end */
#define FILE_NAME "state.khi"
#define NEW_NAME "state.new"

void
statefile_begin(struct buf *out, const uint8_t owner[STATEFILE_OWNER], uint64_t block, int64_t at_ms)
{
	buf_clear(out);
	wire_put_u32(out, MAGIC);
	wire_put_u32(out, VERSION);
	buf_add(out, str_from((const char *)owner, STATEFILE_OWNER));
	wire_put_u64(out, block);
	wire_put_i64(out, at_ms);
}

size_t
statefile_section(struct buf *out, struct str name)
{
	wire_put_str(out, name);
	wire_put_u64(out, 0);
	return out->n;
}

void
statefile_section_end(struct buf *out, size_t mark)
{
	uint64_t length = htole64(out->n - mark);
	memcpy(out->p + mark - sizeof length, &length, sizeof length);
}

void
statefile_end(struct buf *out)
{
	wire_put_u32(out, crc32c(0, buf_str(out)));
}

int
statefile_take(struct str bytes, struct statefile *ret)
{
	struct statefile s = {0};
	struct wire body = {str_cut(bytes, 0, bytes.n < CRC ? 0 : bytes.n - CRC), false};
	struct wire end = {str_skip(bytes, body.rest.n), false};
	if (wire_u32(&end) != crc32c(0, body.rest) || end.bad || wire_u32(&body) != MAGIC)
		return E_CORRUPT;
	if (wire_u32(&body) != VERSION)
		return E_UNSUPPORTED;
	s.owner = (const uint8_t *)wire_bytes(&body, STATEFILE_OWNER).p;
	s.block = wire_u64(&body);
	s.at_ms = wire_i64(&body);
	while (!body.bad && body.rest.n) {
		if (s.sections == STATEFILE_SECTIONS)
			return E_CORRUPT;
		s.section[s.sections].name = wire_str(&body);
		uint64_t n = wire_u64(&body);
		s.section[s.sections++].bytes = wire_bytes(&body, (size_t)n);
	}
	if (body.bad)
		return E_CORRUPT;
	*ret = s;
	return 0;
}

bool
statefile_find(const struct statefile *s, struct str name, struct str *ret)
{
	for (uint32_t i = 0; i < s->sections; i++)
		if (str_eq(s->section[i].name, name)) {
			*ret = s->section[i].bytes;
			return true;
		}
	return false;
}

/* ---- on disk ---- */

static bool
path_of(char path[PATH_MAX], const char *directory, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return n > 0 && n < PATH_MAX;
}

static int
write_new(const struct store_io *io, const char *path, struct str bytes)
{
	int fd = io->open(io->user, path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	int error = io->truncate(io->user, fd, 0); /* of one that was left half written */
	if (!error) {
		int64_t put = io->pwrite(io->user, fd, bytes.p, bytes.n, 0);
		error = put < 0 ? (int)put : 0;
	}
	if (!error)
		error = io->sync(io->user, fd);
	io->close(io->user, fd);
	return error;
}

int
statefile_write(const struct store_io *io, const char *directory, struct str bytes)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	if (!path_of(path, directory, FILE_NAME) || !path_of(fresh, directory, NEW_NAME))
		return E_LIMIT;
	int error = io->make_directory(io->user, directory, 0700);
	if (error && error != E_EXISTS)
		return error;
	error = write_new(io, fresh, bytes);
	if (error) { /* a full disk gets its room back */
		(void)io->unlink(io->user, fresh);
		return error;
	}
	TRY(io->rename(io->user, fresh, path));
	return io->sync_directory(io->user, directory);
}

int
statefile_read(const struct store_io *io, const char *directory, struct buf *ret)
{
	char path[PATH_MAX];
	if (!path_of(path, directory, FILE_NAME))
		return E_LIMIT;
	int fd = io->open(io->user, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	int64_t size = io->size(io->user, fd), got = size;
	char *room = size >= 0 ? buf_room(ret, (size_t)size) : NULL;
	if (room)
		got = io->pread(io->user, fd, room, (size_t)size, 0);
	io->close(io->user, fd);
	if (got < 0)
		return (int)got;
	if (!room)
		return E_LIMIT;
	ret->n += (size_t)got;
	return 0;
}
