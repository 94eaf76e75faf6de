/* SPDX-License-Identifier: EUPL-1.2 */
#include "../../../src/scan_chunks.h"

#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

static void
put_zeros(struct buf *b, size_t upto)
{
	while (b->n < upto)
		buf_add_char(b, '\0');
}

/* A header, and chunks that use little, nothing, all, more than there is, and no chunk at all. */
static struct buf
event_log(void)
{
	static const uint32_t used[] = {600, 512, 65536, 99999, 5000, 0, 30000};
	struct buf b = BUF_INIT;
	buf_add(&b, STR("ElfFile"));
	put_zeros(&b, EVTX_HEADER);
	for (size_t i = 0; i < COUNT(used); i++) {
		size_t at = b.n;
		buf_add(&b, i == 4 ? STR("nothing\0") : STR("ElfChnk\0"));
		put_zeros(&b, at + 48);
		wire_put_u32(&b, used[i]);
		for (uint32_t k = 52; k < EVTX_CHUNK; k++)
			buf_add_char(&b, (char)(k * 7 + i));
	}
	return b;
}

/* What is read of a file are the chunks that it has, each at least as far as it is used, and all of it when asked for. */
static void
compare_file(const char *path, struct str bytes)
{
	struct evtx_file file = {bytes, EVTX_HEADER};
	struct str want, got;
	char *room = malloc(SCAN_CHUNKS_ROOM);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t front = pread(fd, room, 8192, 0);
	CHECK(front >= (ssize_t)EVTX_HEADER);
	struct scan_chunks c = scan_chunks(fd, str_from(room, (size_t)front), room);
	while (evtx_next_chunk(&file, &want)) {
		size_t used = evtx_chunk_used(want), had;
		CHECK(scan_chunks_next(&c, &got));
		CHECK(got.n <= want.n && got.n >= (used < want.n ? used : want.n));
		CHECK_STR(got, str_cut(want, 0, got.n));
		had = got.n;
		CHECK_INT(scan_chunks_whole(&c, &got), want.n > had);
		CHECK_STR(got, want);
		CHECK(!scan_chunks_whole(&c, &got));
		CHECK_STR(got, want);
	}
	CHECK(!scan_chunks_next(&c, &got));
	CHECK(!c.unreadable);
	close(fd);
	free(room);
}

TEST(chunks_of_a_file_of_any_length)
{
	static const size_t shorter[] = {0, 1, 2, 35000, 65000, 65536, 65537, 200000, 458752 - 4096, 458752 - 100, 458752};
	struct buf b = event_log();
	char path[160];
	snprintf(path, sizeof path, "%s/log.evtx", tap_folder());
	for (size_t i = 0; i < COUNT(shorter); i++) {
		FILE *f = fopen(path, "w");
		struct str bytes = str_cut(buf_str(&b), 0, b.n - shorter[i]);
		CHECK_INT(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
		fclose(f);
		compare_file(path, bytes);
	}
	buf_release(&b);
}

TEST(a_descriptor_that_cannot_be_read)
{
	char room[SCAN_CHUNKS_ROOM] = "ElfFile";
	struct scan_chunks c = scan_chunks(-1, str_from(room, EVTX_HEADER), room);
	struct str chunk;
	CHECK(!scan_chunks_next(&c, &chunk));
	CHECK(c.unreadable);
}
