/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan_chunks.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#define FRONT 4096u /* of a chunk, read to know how much of it is used */

struct scan_chunks
scan_chunks(int fd, struct str front, char *room)
{
	assert(front.n >= EVTX_HEADER && front.n <= SCAN_CHUNKS_ROOM);
	return (struct scan_chunks){.chunk = room + EVTX_HEADER, .at = (int64_t)EVTX_HEADER - EVTX_CHUNK, .ahead = front.n - EVTX_HEADER, .fd = fd};
}

/* `want` bytes of the chunk, or all there are. */
static void
read_to(struct scan_chunks *c, size_t want)
{
	while (c->have < want && !c->ended) {
		ssize_t n = pread(c->fd, c->chunk + c->have, want - c->have, c->at + (off_t)c->have);
		if (n < 0 && errno == EINTR)
			continue;
		c->unreadable |= n < 0;
		c->ended = n <= 0;
		c->have += n > 0 ? (size_t)n : 0;
	}
}

bool
scan_chunks_lost(struct str front)
{
	for (size_t i = 0; i < front.n; i++)
		if (front.p[i])
			return true;
	return false;
}

bool
scan_chunks_next(struct scan_chunks *c, struct str *ret)
{
	do {
		c->at += EVTX_CHUNK;
		c->have = c->ahead;
		c->ahead = 0;
		c->ended = false;
		read_to(c, FRONT);
		size_t used = evtx_chunk_used(str_from(c->chunk, c->have));
		if (used) {
			read_to(c, used);
			*ret = str_from(c->chunk, c->have);
			return true;
		}
		c->lost += scan_chunks_lost(str_from(c->chunk, c->have));
	} while (c->have);
	return false;
}

bool
scan_chunks_whole(struct scan_chunks *c, struct str *ret)
{
	size_t had = c->have;
	read_to(c, EVTX_CHUNK);
	*ret = str_from(c->chunk, c->have);
	return c->have > had;
}
