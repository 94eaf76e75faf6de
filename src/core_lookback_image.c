/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_lookback_image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>

#include "host/clock.h"
#include "store/io.h"

/* Does an event that has this value have it letter by letter in its text? Addresses of IPv6, networks, URLs, mail and names
 * in other scripts have several forms. */
static bool
is_verbatim(const struct indicator *i)
{
	bool plain = i->value.n >= 3 && i->value.n < LOOKBACK_ANY_TEXT && str_find_char(i->value, ':') < 0 &&
	    str_find(i->value, STR("xn--")) < 0;
	return plain && (i->kind == IOC_IP || i->kind == IOC_DOMAIN || i->kind == IOC_HASH);
}

static int
list_values(struct db *db, struct str source, struct lookback_any *ret)
{
	const struct indicator_filter f = {.kind = -1, .source = source, .state = -1, .before_id = INT64_MAX,
	    .limit = LOOKBACK_ANY + 1};
	struct arena arena;
	struct indicator *list = NULL;
	uint32_t count = 0;
	arena_init(&arena, 16 << 10, 4 << 20);
	int error = indicator_list(db, &f, clock_now_ms(), &arena, &list, &count);
	bool all = !error && count <= LOOKBACK_ANY;
	ret->count = 0;
	for (uint32_t i = 0; i < count && all; i++) {
		all = is_verbatim(&list[i]);
		str_to_z(list[i].value, ret->text[i], sizeof ret->text[i]);
	}
	if (all)
		ret->count = count;
	arena_release(&arena);
	return error;
}

/* A file without a name: it goes with its last reader. */
static int
write_nameless(const char *data, struct str bytes, int *ret_fd)
{
	const struct store_io *io = &store_io_disk;
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/detect/lookback.khi", data) >= sizeof path)
		return E_LIMIT;
	/* One of its own: that of a job stopped just now may still be written on another thread. */
	(void)io->unlink(io->user, path);
	int fd = io->open(io->user, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	TRY(fd);
	int64_t n = io->pwrite(io->user, fd, bytes.p, bytes.n, 0);
	io->unlink(io->user, path);
	if (n < 0) {
		io->close(io->user, fd);
		return (int)n;
	}
	*ret_fd = fd;
	return 0;
}

static int
make_image(struct db *db, const char *data, const struct indicator_image *wish, const struct warning_lists *lists,
    int *ret_fd)
{
	struct indicator_image_stats stats = {0};
	struct buf image = BUF_INIT;
	int64_t generation;
	int error = indicator_generation(db, &generation);
	if (!error)
		error = indicator_image_build(db, wish, lists, generation, &image, &stats);
	if (!error && !stats.indicators)
		error = E_NOT_FOUND;
	if (!error)
		error = write_nameless(data, buf_str(&image), ret_fd);
	buf_release(&image);
	return error;
}

int
lookback_image_make(struct db *owner, const char *data, struct str source, int64_t from_ms, const struct warning_lists *lists,
    int *ret_fd, struct lookback_any *ret_any)
{
	struct indicator_image wish = {.source = source, .after_ms = from_ms, .look_back = true};
	struct db *db = NULL;
	struct fault f = {0};
	int fd = -1;
	if (getrandom(&wish.key, sizeof wish.key, 0) != sizeof wish.key)
		return E_IO;
	TRY(db_beside(owner, &db, &f));
	int error = make_image(db, data, &wish, lists, &fd);
	if (!error)
		error = list_values(db, source, ret_any);
	db_close(db);
	if (error && fd >= 0)
		store_io_disk.close(store_io_disk.user, fd);
	if (!error)
		*ret_fd = fd;
	return error;
}
