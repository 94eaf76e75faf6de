/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Hostile bytes as a journal: the first byte chooses, then the state file (two slots), then segments of two pages. With
 * bit 0 of the choice all checksums along the chain are made right first, so that what lies behind them is reached.
 */
#include <assert.h>
#include <fcntl.h>

#include "base/hash.h"
#include "../../disk.h"
#include "store/journal.h"
#include "store/journal_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENT (2 * JOURNAL_PAGE)

static uint32_t
read_u32(const char *p)
{
	struct wire w = {str_from(p, 4), false};
	return wire_u32(&w);
}

static void
write_u32(char *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static void
repair(char *p, size_t n)
{
	for (size_t at = 0; at + JOURNAL_HEADER <= n;) {
		uint32_t room = read_u32(p + at + 32), body = read_u32(p + at + 36);
		if (room < JOURNAL_HEADER || room > n - at || body > room - JOURNAL_HEADER)
			return;
		write_u32(p + at + 44, crc32c(0, str_from(p + at + JOURNAL_HEADER, body)));
		write_u32(p + at + JOURNAL_HEADER - 4, crc32c(0, str_from(p + at, JOURNAL_HEADER - 4)));
		at += room;
	}
}

static void
file_put(struct disk *d, const char *path, struct str bytes, uint64_t offset)
{
	int fd = d->io.open(d, path, O_CREAT, 0600);
	if (fd >= 0)
		d->io.pwrite(d, fd, bytes.p, bytes.n, offset);
}

static void
files_make(struct disk *d, struct str bytes, bool repaired)
{
	file_put(d, "j/state", str_cut(bytes, 0, JOURNAL_STATE_BYTES), 0);
	file_put(d, "j/state", str_cut(bytes, JOURNAL_STATE_BYTES, 2 * JOURNAL_STATE_BYTES), JOURNAL_STATE_SLOT);
	struct str rest = str_skip(bytes, 2 * JOURNAL_STATE_BYTES);
	for (unsigned id = 1; rest.n && id <= 4; id++) {
		char path[32], copy[SEGMENT] = {0};
		struct str part = str_cut(rest, 0, SEGMENT);
		memcpy(copy, part.p, part.n);
		if (repaired)
			repair(copy, sizeof copy);
		snprintf(path, sizeof path, "j/%04u.journal", id);
		file_put(d, path, str_from(copy, sizeof copy), 0);
		rest = str_skip(rest, SEGMENT);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct disk d;
	struct str bytes = str_from((const char *)data, size);
	struct journal_options o = {.io = &d.io, .directory = STR("j"), .segment_bytes = SEGMENT, .max_bytes = 8 * SEGMENT};
	struct journal *j = NULL;
	struct buf got = BUF_INIT;
	uint64_t number = 0;
	disk_init(&d, 1);
	files_make(&d, str_skip(bytes, 1), size && (data[0] & 1));
	if (journal_open(&o, &j, NULL) == 0) {
		struct journal_stats s = journal_stats(j);
		for (uint64_t n = s.first; n < s.next && n < s.first + 300; n++)
			(void)journal_read(j, n, &got);
		int error = journal_append(j, STR("what comes after is kept"), &number);
		assert(error == 0 && number == s.next);
		if (journal_commit(j) == 0) {
			error = journal_read(j, number, &got);
			assert(error == 0 && str_eq(buf_str(&got), STR("what comes after is kept")));
		}
		journal_close(j);
	}
	buf_release(&got);
	disk_release(&d);
	return 0;
}
