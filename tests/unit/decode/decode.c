/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

static struct event *
one(struct decoder *d, struct bench *b, struct str line, unsigned flags)
{
	struct decode_result result = {0};
	bench_line(b, line, RECEIVED);
	b->raw.flags = (uint16_t)flags;
	CHECK_INT(decode(d, &b->raw, &b->arena, &result), 0);
	CHECK_INT(result.count, 1);
	CHECK_INT(result.failed, 0);
	b->event = *result.event;
	return result.event;
}

TEST(the_right_decoder_by_content)
{
	static const struct {
		struct str line, want;
	} row[] = {
		{STR_INIT("<34>1 2003-10-11T22:14:15Z h a - - - x"), STR_INIT("khien.parser=syslog/1|khien.confidence=100")},
		{STR_INIT("<86>Nov 22 02:13:40 h sshd[1]: Invalid user x from 203.0.113.7 port 1"),
		    STR_INIT("khien.parser=sshd/1|khien.confidence=95|source.ip=203.0.113.7")},
		{STR_INIT("Nov 22 02:13:40 h cron[1]: x"), STR_INIT("khien.parser=cron/1|khien.confidence=90")},
		{STR_INIT("  type=CWD msg=audit(1626611363.720:1): cwd=\"/\""), STR_INIT("khien.parser=auditd/1")},
		{STR_INIT("system,info,account user admin logged in from 10.0.0.1 via winbox"), STR_INIT("khien.parser=mikrotik/1")},
		{STR_INIT(" {\"a\":1}\n"), STR_INIT("khien.parser=json/1|a=1")},
		{STR_INIT("{\"a\":1"), STR_INIT("khien.parser=none/1")},
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.1\" 200 1"), STR_INIT("khien.parser=web/1")},
		{STR_INIT("[Sun Nov 22 02:13:40 2026] [error] x"), STR_INIT("khien.parser=web_error/1")},
		{STR_INIT("2026/11/22 02:13:40 [error] 77#0: x"), STR_INIT("khien.parser=web_error/1")},
		{STR_INIT("%ASA-4-411001: Line protocol"), STR_INIT("@product=cisco")},
		{STR_INIT(""), STR_INIT("khien.parser=none/1|khien.confidence=0|!message")},
		{STR_INIT("a line that nobody knows"), STR_INIT("khien.parser=none/1|khien.confidence=0|@decoder=none")},
		{STR_INIT("\xff\0\x01"), STR_INIT("khien.parser=none/1")},
	};
	struct bench b;
	bench_open(&b);
	struct decoder *d = decoder_new(b.names);
	for (size_t i = 0; i < COUNT(row); i++) {
		one(d, &b, row[i].line, 0);
		EXPECT(&b, row[i].want);
		CHECK_STR(b.event.text, row[i].line);
	}
	decoder_free(d);
	bench_close(&b);
}

TEST(quarantined_records_and_pieces_stay_raw)
{
	struct str line = STR("<86>Nov 22 02:13:40 h sshd[1]: Invalid user x from 203.0.113.7 port 1");
	static const unsigned flags[] = {RAW_OPAQUE, RAW_PIECE, RAW_PIECE | RAW_LAST_PIECE, RAW_LAST_PIECE};
	struct bench b;
	bench_open(&b);
	struct decoder *d = decoder_new(b.names);
	for (size_t i = 0; i < COUNT(flags); i++) {
		one(d, &b, line, flags[i]);
		EXPECT(&b, STR("@decoder=none|!source.ip|khien.parser=none/1"));
		CHECK_STR(b.event.text, line);
	}
	one(d, &b, line, RAW_DEMO | RAW_EXERCISE);
	EXPECT(&b, STR("@decoder=sshd"));
	decoder_free(d);
	bench_close(&b);
}

TEST(what_is_no_chunk_is_counted)
{
	struct bench b;
	struct decode_result result = {.count = 7};
	bench_open(&b);
	struct decoder *d = decoder_new(b.names);
	bench_line(&b, STR("ElfChnk"), RECEIVED);
	b.raw.form = RAW_EVTX_CHUNK;
	CHECK_INT(decode(d, &b.raw, &b.arena, &result), 0);
	CHECK_INT(result.count, 0);
	CHECK_INT(result.failed, 1);
	decoder_free(d);
	bench_close(&b);
}

TEST(a_full_arena_is_told)
{
	struct str line = STR("<13>1 - h a - - [x@1 k=\"a\\\"b\"] m");
	struct bench b;
	bench_open(&b);
	struct decoder *d = decoder_new(b.names);
	struct arena small;
	arena_init(&small, 512, 512);
	struct decode_result result = {0};
	bench_line(&b, line, RECEIVED);
	CHECK_INT(decode(d, &b.raw, &small, &result), E_LIMIT);
	CHECK_INT(result.count, 1);
	CHECK_STR(result.event->text, line);
	arena_release(&small);
	decoder_free(d);
	bench_close(&b);
}
