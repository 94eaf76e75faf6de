/* SPDX-License-Identifier: EUPL-1.2 */
/* Which entries of a record are seams, and what is read of them: entries come from copies that anybody may have written. */
#include "store/record_anew.h"

#include "tap.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "{\"at\":\"2026-11-22T10:00:00Z\",\"who\":\"console\",\"action\":\"record.anew\""

TEST(a_seam_is_read_from_its_entry_alone)
{
	static const struct {
		const char *entry;
		bool seam, known;
		uint64_t size, seen, missing;
	} row[] = {
		{HEAD ",\"before\":{\"log\":\"khien/x\",\"entries\":7,\"root\":\"" HEX "\",\"seen\":{\"witness\":\"w\",\"entries\":9,\"missing\":3}},"
		      "\"reason\":\"r\"}", true, true, 7, 9, 3},
		{HEAD ",\"before\":{\"log\":\"khien/x\",\"entries\":7,\"root\":\"" HEX "\"},\"reason\":\"r\"}", true, true, 7, 0, 0},
		{HEAD "}", true, false, 0, 0, 0},
		{HEAD ",\"before\":[]}", true, false, 0, 0, 0},
		{HEAD ",\"before\":{\"log\":\"khien/x\",\"entries\":-1,\"root\":\"" HEX "\"}}", true, false, 0, 0, 0},
		{HEAD ",\"before\":{\"log\":\"khien/x\",\"entries\":7,\"root\":\"" HEX "00\"}}", true, false, 0, 0, 0},
		{HEAD ",\"before\":{\"log\":\"khien/x\",\"entries\":7,\"root\":\"zz\"}}", true, false, 0, 0, 0},
		{"{\"at\":\"t\",\"action\":\"note\",\"after\":{\"action\":\"record.anew\"}}", false, false, 0, 0, 0},
		{"{\"action\":\"record.anew\"}", false, false, 0, 0, 0},
		{HEAD, false, false, 0, 0, 0},
		{"", false, false, 0, 0, 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct arena arena;
		struct record_seam s = {.known = false};
		arena_init(&arena, 1024, 1 << 16);
		CHECK_INT(record_seam_read(str_z(row[i].entry), &arena, &s), row[i].seam ? 0 : E_NOT_FOUND);
		CHECK_INT(s.known, row[i].known);
		if (s.known)
			CHECK_INT(s.before.size, row[i].size);
		CHECK_INT(s.seen, row[i].seen);
		CHECK_INT(s.missing, row[i].missing);
		CHECK(s.witness.n == (row[i].seen ? 1u : 0u));
		arena_release(&arena);
	}
}

TEST(a_log_with_a_name_too_long_is_not_known)
{
	struct arena arena;
	struct record_seam s = {.known = true};
	struct buf entry = BUF_INIT;
	arena_init(&arena, 1024, 1 << 16);
	buf_add(&entry, STR(HEAD ",\"before\":{\"log\":\""));
	for (unsigned i = 0; i <= NOTE_NAME_MAX; i++)
		buf_add_char(&entry, 'x');
	buf_add(&entry, STR("\",\"entries\":1,\"root\":\"" HEX "\"}}"));
	CHECK_INT(record_seam_read(buf_str(&entry), &arena, &s), 0);
	CHECK(!s.known);
	buf_release(&entry);
	arena_release(&arena);
}
