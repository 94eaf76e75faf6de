/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan_feed.h"

#include <errno.h>
#include <unistd.h>

#include "collect/unpack.h"

#define STEP (256u << 10)
#define BOMB_FREE (1ull << 30) /* so much may come out of any packed file; more only if that is less than a thousandfold */

void
scan_feed_begin(struct scan_feed *f, int fd, bool packed)
{
	*f = (struct scan_feed){.fd = fd, .raw = f->raw};
	if (packed) {
		f->unpack = unpack_new(fd);
		unpack_generous(f->unpack, BOMB_FREE);
	}
}

void
scan_feed_end(struct scan_feed *f)
{
	unpack_free(f->unpack);
	buf_clear(&f->raw);
	*f = (struct scan_feed){.raw = f->raw};
}

static int64_t
read_some(const struct scan_feed *f, char *to, size_t n)
{
	ssize_t got;
	if (f->unpack)
		return unpack_read(f->unpack, to, n);
	do
		got = read(f->fd, to, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? error_from_errno(errno) : got;
}

/* One step of the file behind what `to` holds. */
static void
append(struct scan_feed *f, struct buf *to)
{
	char *room = buf_room(to, STEP);
	int64_t got = room ? read_some(f, room, STEP) : E_LIMIT;
	f->ended = got <= 0;
	f->error = got < 0 ? (int)got : 0;
	to->n += got > 0 ? (size_t)got : 0;
}

/* The first bytes are there, in `window`: those of UTF-16 move to where they are converted. */
static void
look_at_front(struct scan_feed *f, struct buf *window)
{
	f->begun = true;
	f->order = utf16_find(buf_str(window));
	if (f->order) {
		buf_add(&f->raw, buf_str(window));
		buf_clear(window);
	}
}

static void
convert(struct scan_feed *f, struct buf *window)
{
	size_t used = utf16_add(window, buf_str(&f->raw), f->order);
	memmove(f->raw.p, f->raw.p + used, f->raw.n - used);
	f->raw.n -= used;
}

void
scan_feed_more(struct scan_feed *f, struct buf *window, size_t want)
{
	while (window->n < want && !f->ended) {
		append(f, f->order ? &f->raw : window);
		if (!f->begun && (f->ended || window->n >= 4))
			look_at_front(f, window);
		if (f->order && f->raw.n)
			convert(f, window);
	}
}
