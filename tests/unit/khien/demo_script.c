/* SPDX-License-Identifier: EUPL-1.2 */
#include "demo_script.h"

#include "base/time.h"
#include "decode/decode.h"
#include "register/system.h"
#include "database.h"
#include "tap.h"

#define BEGIN 1795284821500 /* 2026-11-22T01:13:41.5+07:00 */

static struct demo_script *
read_scenario(uint64_t seed)
{
	struct buf text = BUF_INIT;
	struct fault f = {0};
	struct demo_script *s = NULL;
	CHECK(tap_read(tap_source("content/demo/scenario.yaml"), &text));
	int error = demo_script_read(buf_str(&text), seed, &s, &f);
	tap_check(!error, __FILE__, __LINE__, "%s %s at %u:%u", f.what, f.arg, f.line, f.column);
	buf_release(&text);
	return s;
}

/* What kind of decoder each kind of host must meet. */
TEST(every_frame_is_read_by_its_decoder)
{
	static const unsigned wanted[] = {DECODER_SSHD, DECODER_PAM, DECODER_SUDO, DECODER_CRON, DECODER_ACCOUNT,
		DECODER_SYSTEMD, DECODER_NETFILTER, DECODER_MIKROTIK, DECODER_WEB, DECODER_EVE, DECODER_WINDOWS_JSON};
	unsigned seen[DECODER_COUNT] = {0}, frames = 0, marked = 0;
	struct names *names = names_new();
	struct decoder *d = decoder_new(names);
	struct arena arena;
	struct demo_frame frame;
	struct demo_script *s = read_scenario(1);
	arena_init(&arena, 64 << 10, 8 << 20);
	int64_t last = 0, length = s ? demo_script_length_ms(s) : 0;
	while (s && demo_script_next(s, length, BEGIN, &frame)) {
		struct raw raw = {.bytes = frame.bytes, .received_ms = BEGIN + length};
		struct decode_result result;
		arena_clear(&arena);
		CHECK_INT(decode(d, &raw, &arena, &result), 0);
		CHECK(frame.at_ms >= last);
		last = frame.at_ms;
		frames++;
		seen[result.event->decoder]++;
		const struct field *mark = event_find_name(result.event, STR("khien@0.demo"));
		marked += mark && str_eq(mark->value, STR("1"));
		if (result.event->decoder <= DECODER_SYSLOG || result.event->decoder == DECODER_JSON)
			tap_check(false, __FILE__, __LINE__, "nobody reads: %.*s", STR_ARG(frame.bytes));
	}
	CHECK(frames > 5000);
	CHECK_INT(marked, frames);
	for (size_t i = 0; i < COUNT(wanted); i++)
		tap_check(seen[wanted[i]] > 0, __FILE__, __LINE__, "no %s", decoder_name(wanted[i]));
	printf("# %u frames in %lld s of story\n", frames, (long long)(length / 1000));
	arena_release(&arena);
	decoder_free(d);
	names_free(names);
	demo_script_free(s);
}

/* The mark counts in its place only, and only from this machine. */
TEST(the_mark_of_the_player)
{
	static const struct {
		struct str line;
		uint8_t peer[16];
		bool demo;
	} row[] = {
		{STR_INIT("<13>1 t h a 1 - [khien@0 demo=\"1\"] x"), {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, true},
		{STR_INIT("<13>1 t h a 1 - [khien@0 demo=\"1\"] x"), {[15] = 1}, true},
		{STR_INIT("<13>1 t h a 1 - [khien@0 demo=\"1\"] x"), {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, false},
		{STR_INIT("<13>1 t h a 1 - [khien@0 demo=\"1\"] x"), {0}, false},
		{STR_INIT("<13>1 t h a 1 - - [khien@0 demo=\"1\"] x"), {[15] = 1}, false},
		{STR_INIT("<13>1 t h a 1 - [x][khien@0 demo=\"1\"] x"), {[15] = 1}, false},
		{STR_INIT("<13>1 t h a"), {[15] = 1}, false},
		{STR_INIT(""), {[15] = 1}, false},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct raw raw = {.bytes = row[i].line};
		memcpy(raw.peer, row[i].peer, sizeof raw.peer);
		CHECK(raw_says_demo(&raw) == row[i].demo);
	}
}

/* Same seed, same frames; another seed, others. Whatever the steps by which the player walks. */
TEST(the_seed_decides)
{
	struct demo_script *a = read_scenario(7), *b = read_scenario(7), *c = read_scenario(8);
	unsigned same = 0, other = 0, frames = 0;
	for (int64_t until = 0; a && b && c && until <= 600000; until += 1200) {
		struct demo_frame one, two, three;
		while (demo_script_next(a, until, BEGIN, &one)) {
			frames++;
			same += demo_script_next(b, 600000, BEGIN, &two) && str_eq(one.bytes, two.bytes) && one.at_ms == two.at_ms;
			other += demo_script_next(c, 600000, BEGIN, &three) && !str_eq(one.bytes, three.bytes);
		}
	}
	CHECK(frames > 500);
	CHECK_INT(same, frames);
	CHECK(other * 10 > frames * 9);
	demo_script_free(a);
	demo_script_free(b);
	demo_script_free(c);
}

/* The first hostile lines come within the first minute of the story: a second, as it is played. Nobody is real. */
TEST(the_story_begins_at_once_and_names_nobody_real)
{
	struct demo_script *s = read_scenario(1);
	struct demo_frame frame;
	unsigned hostile = 0;
	while (s && demo_script_next(s, 60000, BEGIN, &frame))
		hostile += str_find(frame.bytes, STR("203.0.113.77")) >= 0;
	CHECK(hostile >= 20);
	while (s && demo_script_next(s, 7200000, BEGIN, &frame)) {
		/* every placeholder was filled */
		tap_check(str_find(frame.bytes, STR("{ip")) < 0 && str_find(frame.bytes, STR("{host")) < 0 &&
		    str_find(frame.bytes, STR("{attacker")) < 0 && str_find(frame.bytes, STR("{number")) < 0 &&
		    str_find(frame.bytes, STR("{sysmon")) < 0, __FILE__, __LINE__, "%.*s", STR_ARG(frame.bytes));
	}
	demo_script_free(s);
}

static void
say_fault(void *user, const struct fault *f)
{
	printf("# %s: %s at %u:%u\n", f->what, f->arg, f->line, f->column);
}

/* An alert of the demonstration must be able to say whose system it is: by the name of the host, and the same by its
 * address. */
TEST(the_register_knows_every_host)
{
	struct db *db = NULL;
	struct registry *r = NULL;
	struct buf text = BUF_INIT;
	uint32_t rows = 0, hosts = 0;
	struct demo_frame frame;
	CHECK_INT(db_open(test_database(tap_folder()), &db, NULL), 0);
	CHECK(tap_read(tap_source("content/demo/register.yaml"), &text));
	CHECK_INT(registry_import(db, NULL, buf_str(&text), STR("register.yaml"), true, 1, say_fault, NULL, &rows), 0);
	CHECK_INT(rows, 36);
	CHECK_INT(registry_load(db, &r), 0);
	struct demo_script *s = read_scenario(1);
	for (; s && demo_script_next(s, 60000, BEGIN, &frame); hosts++) {
		struct str rest = frame.bytes, word = {0};
		for (int i = 0; i < 3; i++)
			CHECK(str_split(&rest, ' ', &word));
		tap_check(registry_by_host(r, word), __FILE__, __LINE__, "whose is %.*s?", STR_ARG(word));
	}
	CHECK(hosts > 50);
	CHECK_STR(registry_by_address(r, STR("10.21.4.10"))->id, registry_by_host(r, STR("web-minhtan"))->id);
	CHECK_STR(registry_by_address(r, STR("10.10.1.20"))->id, registry_by_host(r, STR("web-dvc"))->id);
	CHECK_STR(registry_by_address(r, STR("10.30.1.140"))->id, registry_by_host(r, STR("pc-bv-12"))->id);
	CHECK_INT(registry_by_host(r, STR("web-minhtan"))->level, 2);
	demo_script_free(s);
	registry_free(r);
	db_close(db);
	buf_release(&text);
}

TEST(a_frame_by_the_letter)
{
	struct str text = STR("hosts: [{name: h, ip: 10.0.0.9, via: udp}]\n"
			      "episodes:\n"
			      "  - host: h\n"
			      "    at: 2\n"
			      "    words: {who: [me]}\n"
			      "    steps:\n"
			      "      - {after: 0.5, times: 3, every: 2, program: p, priority: 13, line: ['{who} {ip} {\"a\":1} {x', '{time}']}\n");
	static const struct {
		int64_t at;
		struct str head, tail;
	} row[] = {
		{2500, STR_INIT("<13>1 2026-11-22T01:13:44.000+07:00 h p "), STR_INIT(" - [khien@0 demo=\"1\"] me 10.0.0.9 {\"a\":1} {x")},
		{4500, STR_INIT("<13>1 2026-11-22T01:13:46.000+07:00 h p "),
		    STR_INIT(" - [khien@0 demo=\"1\"] 2026-11-22T01:13:46.000+07:00")},
		{6500, STR_INIT("<13>1 "), STR_INIT("{x")},
	};
	struct demo_script *s = NULL;
	struct demo_frame frame;
	CHECK_INT(demo_script_read(text, 1, &s, NULL), 0);
	CHECK(!demo_script_next(s, 2499, BEGIN, &frame));
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK(demo_script_next(s, 100000, BEGIN, &frame));
		CHECK_INT(frame.at_ms, row[i].at);
		CHECK_INT(frame.via, DEMO_UDP);
		CHECK(str_starts(frame.bytes, row[i].head) && str_ends(frame.bytes, row[i].tail));
	}
	CHECK(!demo_script_next(s, 100000, BEGIN, &frame));
	demo_script_free(s);
}

TEST(faults_have_a_place)
{
	static const struct {
		struct str text;
		const char *what;
		unsigned line;
	} row[] = {
		{STR_INIT(""), "demo_missing", 1},
		{STR_INIT("hosts:\n  - {name: h, ip: 1}\n"), "demo_missing", 2},
		{STR_INIT("hosts:\n  - {name: h, ip: 1, via: pigeon}\n"), "demo_via", 2},
		{STR_INIT("length: soon\n"), "demo_number", 1},
		{STR_INIT("ordinary:\n  - {group: g, line: x}\n"), "demo_host", 2},
		{STR_INIT("hosts: [{name: h, ip: 1, via: udp, group: g}]\nordinary:\n  - {group: g}\n"), "demo_missing", 3},
		{STR_INIT("hosts: [{name: h, ip: 1, via: udp, group: g}]\nordinary:\n  - {group: g, line: x, priority: 192}\n"),
		    "demo_number", 3},
		{STR_INIT("hosts: [{name: h, ip: 1, via: udp, group: g}]\nordinary:\n  - {group: g, line: x, every: 0}\n"),
		    "demo_number", 3},
		{STR_INIT("episodes:\n  - {host: nobody}\n"), "demo_host", 2},
		{STR_INIT("words: {a: {b: c}}\n"), "demo_missing", 1},
		{STR_INIT("a: [\n"), "yaml_syntax", 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct fault f = {0};
		struct demo_script *s = NULL;
		CHECK_INT(demo_script_read(row[i].text, 1, &s, &f), E_INVALID);
		tap_check(f.what && str_eq(str_z(f.what), str_z(row[i].what)), __FILE__, __LINE__, "row %zu: %s", i, f.what);
		CHECK(!row[i].line || f.line == row[i].line);
		demo_script_free(s);
	}
}
