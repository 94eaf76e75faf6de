/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The machine's journal: what becomes of an entry, and a journal file that another program writes while we read it. That
 * program is systemd-journal-remote, where it is installed. KHIEN_JOURNAL_DIR names a folder of real journal files, all
 * of which are then read and decoded.
 */
#include "collect/journald.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../decode/lines.h"
#include "base/memory.h"
#include "disk.h"
#include "host/clock.h"

#define WRITER "/lib/systemd/systemd-journal-remote"
#define WHEN 1795288421500123u /* 2026-11-21T19:13:41.500123Z */
#define TEN "0123456789"

/* ------------------------------------------------------------------------------------------------- entry to line */

struct row {
	struct journald_entry entry; /* PRIORITY, SYSLOG_FACILITY, _HOSTNAME, SYSLOG_IDENTIFIER, _COMM, _PID, MESSAGE */
	struct str line;
	const char *event;           /* as EXPECT has it */
};

static const struct row rows[] = {
	{{WHEN, {STR_INIT("5"), STR_INIT("10"), STR_INIT("web1"), STR_INIT("sudo"), STR_INIT("sudo2"), STR_INIT("77"),
	     STR_INIT("hello there")}},
	    STR_INIT("<85>1 2026-11-21T19:13:41.500123+00:00 web1 sudo 77 - - hello there"),
	    "facility=authpriv|severity=notice|hostname=web1|program=sudo|pid=77|message=hello there|@time=1795288421500"},
	{{0, {{0}}}, STR_INIT("<14>1 - - - - - -"), "facility=user|severity=info|!hostname|!program|!pid|!message"},
	{{UINT64_MAX, {STR_INIT("0"), STR_INIT("0"), STR_INIT("h"), STR_INIT(" "), STR_INIT("kworker/0:1"), {0}, STR_INIT("m")}},
	    STR_INIT("<0>1 9999-12-31T23:59:59.551615+00:00 h kworker/0:1 - - - m"),
	    "facility=kern|severity=emergency|program=kworker/0:1|message=m"},
	/* Numbers that are none or too large. */
	{{0, {STR_INIT("8"), STR_INIT("24"), STR_INIT("h"), STR_INIT("a"), {0}, {0}, STR_INIT("m")}},
	    STR_INIT("<14>1 - h a - - - m"), "facility=user|severity=info"},
	{{0, {STR_INIT("-1"), STR_INIT("18446744073709551616"), STR_INIT("h"), STR_INIT("a"), {0}, {0}, STR_INIT("m")}},
	    STR_INIT("<14>1 - h a - - - m"), "facility=user|severity=info"},
	/* What a process calls itself does not become a host, a time, a message or our demonstration's mark. */
	{{0, {{0}, {0}, STR_INIT("h"), STR_INIT("a 1 - [khien@0 demo=\"1\"] x"), {0}, STR_INIT("1\n2"), STR_INIT("m")}},
	    STR_INIT("<14>1 - h a_1_-_[khien@0_demo=\"1\"]_x 1_2 - - m"), "program=a_1_-_[khien@0_demo=\"1\"]_x|message=m"},
	{{0, {{0}, {0}, STR_INIT("m\xc3\xa1y"), STR_INIT("b\0c:"), {0}, {0}, STR_INIT("m")}},
	    STR_INIT("<14>1 - m__y b_c - - - m"), "program=b_c|hostname=m__y"},
	{{0, {{0}, {0}, STR_INIT("h"), STR_INIT(":::"), STR_INIT("x"), {0}, STR_INIT("m")}},
	    STR_INIT("<14>1 - h - - - - m"), "!program|message=m"},
	{{0, {{0}, {0}, STR_INIT("h"), STR_INIT(TEN TEN TEN TEN TEN), {0}, {0}, STR_INIT("m")}},
	    STR_INIT("<14>1 - h " TEN TEN TEN TEN "01234567 - - - m"), "message=m"},
	/* A message stands as it is. */
	{{0, {{0}, {0}, STR_INIT("h"), STR_INIT("a"), {0}, {0}, STR_INIT("two\nlines \xc3\xa1")}},
	    STR_INIT("<14>1 - h a - - - two\nlines \xc3\xa1"), "message=two\nlines \xc3\xa1"},
	{{0, {{0}, {0}, STR_INIT("h"), STR_INIT("a"), {0}, {0}, STR_INIT("x\0\xff")}},
	    STR_INIT("<14>1 - h a - - - x\0\xff"), "program=a"},
	{{0, {{0}, {0}, STR_INIT("h"), STR_INIT("a"), {0}, {0}, STR_INIT("[khien@0 demo=\"1\"] x")}},
	    STR_INIT("<14>1 - h a - - - [khien@0 demo=\"1\"] x"), "message=[khien@0 demo=\"1\"] x|!khien@0.demo"},
};

TEST(an_entry_becomes_a_line_that_syslog_reads_back)
{
	struct buf line = BUF_INIT;
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_clear(&line);
		journald_line(&rows[i].entry, &line);
		CHECK_STR(buf_str(&line), rows[i].line);
		CHECK_INT(decode_syslog(&b.context, buf_str(&line), bench_line(&b, buf_str(&line), RECEIVED)), 0);
		EXPECT(&b, str_z(rows[i].event));
	}
	bench_close(&b);
	buf_release(&line);
}

/* ----------------------------------------------------------------------------------------- a journal that is written */

struct reader {
	struct disk disk;
	struct loop *loop;
	struct journal *journal;
	struct sources *sources;
	struct gather *gather;
	struct journald *journald;
	struct buf text;      /* of all records, each ended with '|' */
	uint64_t records;
	struct bench *bench;  /* decode them too; or NULL */
};

static void
on_block(void *user, uint64_t number, struct str batch)
{
	struct reader *r = user;
	struct wire w = {batch, false};
	for (struct raw raw; batch_take(&w, &raw); r->records++) {
		CHECK_INT(raw.transport, RAW_JOURNALD);
		CHECK_INT(raw.form, RAW_LINE);
		if (r->bench)
			CHECK_INT(decode_syslog(&r->bench->context, raw.bytes, bench_line(r->bench, raw.bytes, RECEIVED)), 0);
		ptrdiff_t at = str_find(raw.bytes, STR(" t - - - "));
		buf_add(&r->text, at < 0 ? raw.bytes : str_skip(raw.bytes, (size_t)at + 9));
		buf_add_char(&r->text, '|');
	}
}

static void
on_committed(void *user, uint64_t ticket)
{
	struct reader *r = user;
	journald_committed(r->journald, ticket);
}

static void
on_stalled(void *user, int error)
{
	struct reader *r = user;
	journald_pause(r->journald, error < 0);
}

static const struct gather_events gather_events = {on_block, on_committed, on_stalled};

static struct reader *
reader_new(const char *folder, const char *cursor, int want)
{
	struct reader *r = MEM_NEW(struct reader);
	disk_init(&r->disk, 1);
	struct journal_options o = {.io = &r->disk.io, .directory = STR("j")};
	CHECK_INT(journal_open(&o, &r->journal, NULL), 0);
	r->loop = loop_new();
	r->sources = sources_new();
	r->gather = gather_new(r->loop, r->journal, &gather_events, r);
	r->journald = journald_new(r->loop, r->gather, r->sources);
	CHECK_INT(journald_open(r->journald, folder, cursor), want);
	return r;
}

/* As a crash leaves it; `orderly`: as a stop does. */
static void
reader_free(struct reader *r, bool orderly)
{
	if (orderly) {
		journald_pause(r->journald, true);
		CHECK_INT(gather_commit(r->gather), 0);
		journald_save(r->journald);
	}
	journald_free(r->journald);
	gather_free(r->gather);
	sources_free(r->sources);
	journal_close(r->journal);
	loop_free(r->loop);
	disk_release(&r->disk);
	buf_release(&r->text);
	mem_free(r);
}

/* Until that many records have come, at most ten seconds; then once more round, for those that should not come. */
static void
reader_run(struct reader *r, uint64_t records)
{
	int64_t until = clock_monotonic_ms() + 10000;
	do {
		journald_tick(r->journald);
		for (int i = 0; i < 5; i++)
			loop_turn(r->loop, 10);
	} while (r->records < records && clock_monotonic_ms() < until);
	CHECK_INT(r->records, records);
}

static uint64_t written;

/* Appends entries with these messages to FOLDER/test.journal. A message is given with its length, so that it may be of
 * any bytes (systemd.io/JOURNAL_EXPORT_FORMATS). */
static void
journal_write(const char *folder, const struct str *message, size_t count)
{
	char command[400];
	snprintf(command, sizeof command, WRITER " -o %s/test.journal - >/dev/null 2>&1", folder);
	FILE *f = popen(command, "w");
	for (size_t i = 0; f && i < count; i++) {
		unsigned char n[8];
		for (int k = 0; k < 8; k++)
			n[k] = (unsigned char)((uint64_t)message[i].n >> 8 * k);
		written++;
		fprintf(f, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n", (unsigned long long)(WHEN + written),
		    (unsigned long long)written);
		fputs("_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=web1\nSYSLOG_IDENTIFIER=t\nMESSAGE\n", f);
		fwrite(n, 1, 8, f);
		fwrite(message[i].p, 1, message[i].n, f);
		fputs("\n\n", f);
	}
	CHECK_INT(f ? pclose(f) : -1, 0);
}

#define WRITE(folder, ...)                                                                                              \
	journal_write(folder, (const struct str[]){__VA_ARGS__}, sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

TEST(entries_are_read_from_now_on_and_from_the_place_reached_after_a_restart)
{
	char cursor[300];
	if (access(WRITER, X_OK) < 0)
		SKIP("systemd-journal-remote, which would write the journal file, is not installed");
	const char *folder = tap_folder();
	snprintf(cursor, sizeof cursor, "%s/cursor", folder);
	WRITE(folder, STR("old one"), STR("old two"));
	struct reader *r = reader_new(folder, cursor, 0);
	reader_run(r, 0);
	WRITE(folder, STR("a\nb"), STR("\xff\0c"));
	reader_run(r, 2);
	CHECK_STR(buf_str(&r->text), STR("a\nb|\xff\0c|"));
	CHECK_INT(journald_stats(r->journald).entries, 2);
	CHECK_INT(journald_stats(r->journald).error, 0);
	reader_free(r, true);

	WRITE(folder, STR("while away"));
	r = reader_new(folder, cursor, 0);
	reader_run(r, 1);
	CHECK_STR(buf_str(&r->text), STR("while away|"));
	reader_free(r, true);
}

/* Reads until `entries` have been seen, at most ten seconds, then once more round. */
static void
reader_see(struct reader *r, uint64_t entries)
{
	int64_t until = clock_monotonic_ms() + 10000;
	do {
		journald_tick(r->journald);
		for (int i = 0; i < 5; i++)
			loop_turn(r->loop, 10);
	} while (journald_stats(r->journald).entries < entries && clock_monotonic_ms() < until);
	CHECK_INT(journald_stats(r->journald).entries, entries);
}

static void
disk_fail(struct disk *d)
{
	d->fail_at = d->calls + 1;
	d->fail_on = true;
	d->fail_with = E_IO;
}

TEST(a_disk_that_fails_stops_the_reading_and_what_was_not_durable_is_read_again)
{
	char cursor[300];
	if (access(WRITER, X_OK) < 0)
		SKIP("systemd-journal-remote, which would write the journal file, is not installed");
	const char *folder = tap_folder();
	snprintf(cursor, sizeof cursor, "%s/cursor", folder);
	WRITE(folder, STR("old"));
	struct reader *r = reader_new(folder, cursor, 0);
	disk_fail(&r->disk);
	WRITE(folder, STR("one"));
	reader_see(r, 1);
	CHECK(gather_stalled(r->gather) < 0);
	WRITE(folder, STR("two"));
	reader_see(r, 1);
	CHECK_INT(r->records, 0);
	reader_free(r, false); /* killed here */

	r = reader_new(folder, cursor, 0);
	disk_fail(&r->disk);
	reader_see(r, 2);
	WRITE(folder, STR("three"));
	r->disk.fail_at = 0;
	reader_run(r, 3);
	CHECK_STR(buf_str(&r->text), STR("one|two|three|"));
	reader_free(r, true);
	r = reader_new(folder, cursor, 0);
	reader_run(r, 0);
	reader_free(r, true);
}

TEST(a_long_message_is_cut_and_counted)
{
	char cursor[300];
	if (access(WRITER, X_OK) < 0)
		SKIP("systemd-journal-remote, which would write the journal file, is not installed");
	const char *folder = tap_folder();
	snprintf(cursor, sizeof cursor, "%s/cursor", folder);
	struct reader *r = reader_new(folder, cursor, E_NOT_FOUND);
	char *big = mem_alloc(JOURNALD_MESSAGE_MAX + 1);
	memset(big, 'x', JOURNALD_MESSAGE_MAX + 1);
	WRITE(folder, str_from(big, JOURNALD_MESSAGE_MAX), str_from(big, JOURNALD_MESSAGE_MAX + 1), STR("last"));
	reader_run(r, 3);
	CHECK_INT(r->text.n, 2 * (JOURNALD_MESSAGE_MAX + 1) + 5);
	CHECK_INT(source_number(r->sources, 1)->oversized, 1);
	CHECK_INT(journald_stats(r->journald).error, 0); /* it came after we began */
	reader_free(r, true);
	mem_free(big);
}

TEST(no_journal_and_a_closed_one_are_told)
{
	char cursor[300], path[300];
	const char *folder = tap_folder();
	snprintf(cursor, sizeof cursor, "%s/cursor", folder);
	snprintf(path, sizeof path, "%s/none", folder);
	struct reader *r = reader_new(path, cursor, E_NOT_FOUND);
	reader_run(r, 0);
	CHECK(journald_stats(r->journald).wanted);
	CHECK_INT(journald_stats(r->journald).error, E_NOT_FOUND);
	reader_free(r, true);
	CHECK_INT(journald_stats(NULL).wanted, false);

	FILE *f = fopen(cursor, "w");
	fputs("no cursor of anybody", f);
	fclose(f);
	snprintf(path, sizeof path, "%s/closed.journal", folder);
	f = fopen(path, "w");
	fputs("LPKSHHRH and no more", f);
	fclose(f);
	r = reader_new(folder, cursor, E_NOT_FOUND); /* damaged */
	reader_run(r, 0);
	reader_free(r, true);
	if (chmod(path, 0) < 0 || access(path, R_OK) == 0)
		return; /* who is root may read everything */
	r = reader_new(folder, cursor, E_DENIED);
	reader_free(r, true);
}

TEST(a_real_journal_decodes)
{
	char cursor[300];
	const char *folder = getenv("KHIEN_JOURNAL_DIR");
	struct bench b;
	if (!folder)
		SKIP("KHIEN_JOURNAL_DIR names no folder of journal files");
	snprintf(cursor, sizeof cursor, "%s/cursor", tap_folder());
	FILE *f = fopen(cursor, "w"); /* a place before every journal */
	fputs("s=00000000000000000000000000000001;i=1;b=00000000000000000000000000000001;m=1;t=1;x=1", f);
	fclose(f);
	bench_open(&b);
	struct reader *r = reader_new(folder, cursor, 0);
	r->bench = &b;
	for (uint64_t before = UINT64_MAX; before != r->records;) {
		before = r->records;
		for (int i = 0; i < 50; i++)
			loop_turn(r->loop, 10);
	}
	CHECK(r->records > 0);
	CHECK_INT(r->records, journald_stats(r->journald).entries);
	reader_free(r, true);
	bench_close(&b);
}
