/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/flatten.h"

#include "decoded.h"

TEST(any_object_becomes_fields)
{
	static const char *const fields[] = {"a=1", "b.c=x\ny", "b.d.e=true", "b.d.f=", "b.d.g=", "list=1",
		"mixed.0=1", "mixed.1.k=v", "mixed.2.0=", "quote\"d=\"", "twice=1", "nested=(none)", NULL};
	struct decoded d;
	decoded_open(&d);
	CHECK_INT(decoded_quoted(&d, "{'a':1,'b':{'c':'x\\ny','d':{'e':true,'f':null,'g':{}}},'list':[1,-2.5,null,'x'],"
		"'mixed':[1,{'k':'v'},[[]]],'quote\\'d':'\\'','twice':1,'twice':2}"), 0);
	CHECK_INT(d.e.decoder, DECODER_JSON);
	CHECK_INT(d.e.dropped_fields, 0);
	decoded_check(&d, fields);
	decoded_close(&d);
}

TEST(names_that_most_loggers_agree_about)
{
	static const char *const fields[] = {"level=warn", "+log.level=warn", "+user.name=an", "+source.ip=192.0.2.1",
		"+message=(none)", "message=x", "+host.name=(none)", NULL};
	struct decoded d;
	decoded_open(&d);
	CHECK_INT(decoded_quoted(&d, "{'level':'warn','user':'an','username':'b','remote_addr':'192.0.2.1','message':'x',"
		"'msg':'y','host':{'name':'h'}}"), 0);
	decoded_check(&d, fields);
	CHECK(event_find(&d.e, F_HOST_NAME) && str_eq(event_find(&d.e, F_HOST_NAME)->value, STR("h")));
	decoded_close(&d);
}

TEST(an_array_with_escapes_keeps_them)
{
	struct decoded d;
	decoded_open(&d);
	CHECK_INT(decoded_line(&d, STR("{\"a\":[\"x\",\"\\u0111\",\"\",\"z\"]}")), 0);
	CHECK(d.e.field_count == 4 && !d.e.field[0].escaped && d.e.field[1].escaped);
	CHECK_STR(d.e.field[0].value, STR("x"));
	CHECK_STR(event_value(&d.e, &d.e.field[1]), STR("\xc4\x91"));
	CHECK_STR(d.e.field[2].value, STR(""));
	decoded_close(&d);
}

/* Rules are asked about each; one list leaves room for the rest of the event. */
TEST(lists_are_fields_of_one_name)
{
	static const char *const list[] = {"['x','y']", "['x',null,'y']", "['y',1,true]", "['y']", "[null]", "[]", "['x',['y']]", "{'b':['x','y']}"};
	static const uint32_t fields[] = {2, 2, 3, 1, 1, 1, 2, 2};
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < 2 * COUNT(list); i++) { /* the second time their names are known */
		char line[128];
		snprintf(line, sizeof line, "{'k':1,'a':%s,'z':2}", list[i % COUNT(list)]);
		CHECK_INT(decoded_quoted(&d, line), 0);
		CHECK_INT(d.e.field_count, fields[i % COUNT(list)] + 2);
		CHECK_STR(d.e.field[d.e.field_count - 1].value, STR("2"));
	}
	struct buf line = BUF_INIT;
	for (uint32_t n = FLATTEN_ITEMS; n <= FLATTEN_ITEMS + 1; n++) {
		buf_clear(&line);
		buf_add(&line, STR("{\"a\":[0"));
		for (uint32_t i = 1; i < n; i++)
			buf_addf(&line, ",%u", i);
		buf_add(&line, STR("]}"));
		CHECK_INT(decoded_line(&d, buf_str(&line)), 0);
		CHECK_INT(d.e.field_count, n == FLATTEN_ITEMS ? n : 1);
	}
	CHECK(str_starts(d.e.field[0].value, STR("0\n1\n")));
	buf_release(&line);
	decoded_close(&d);
}

TEST(times_of_many_loggers)
{
	static const struct {
		const char *line;
		int64_t ms;
	} cases[] = {
		{"{\"@timestamp\":\"2026-11-22T02:13:41Z\"}", 1795313621000},
		{"{\"time\":\"2026-11-22 09:13:41\"}", 1795313621000},
		{"{\"ts\":1795313621.25}", 1795313621250},
		{"{\"timestamp\":1795313621250}", 1795313621250},
		{"{\"timestamp\":\"1795313621\"}", 1795313621000},
		{"{\"time\":\"soon\",\"ts\":1}", 1000},
		{"{\"timestamp\":1795313621250000}", 1795313621250},
		{"{\"timestamp\":\"22\\/Nov\\/2026:02:13:41 +0000\"}", 1795313621000},
		{"{\"EventTime\":\"2026-11-22T02:13:41Z\"}", 1795313621000},
		{"{\"event\":{\"created\":\"2026-11-22T02:13:41Z\"}}", 1795313621000},
		{"{\"_time\":\"2026/11/22 09:13:41\"}", 1795313621000},
		{"{\"timestamp\":1e300}", TIME_NONE},
		{"{\"timestamp\":-1}", TIME_NONE},
		{"{\"timestamp\":99999999999999999999}", TIME_NONE},
		{"{\"timestamp\":{\"a\":1}}", TIME_NONE},
	};
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(cases); i++) {
		CHECK_INT(decoded_line(&d, str_z(cases[i].line)), 0);
		CHECK_INT(d.e.time_ms, cases[i].ms);
	}
	decoded_close(&d);
}

TEST(a_log_source_that_the_event_names_itself)
{
	struct decoded d;
	decoded_open(&d);
	CHECK_INT(decoded_line(&d, STR("{\"product\":\"linux\",\"category\":\"process_creation\",\"service\":7}")), 0);
	CHECK_STR(d.e.product, STR("linux"));
	CHECK_STR(d.e.category, STR("process_creation"));
	CHECK_STR(d.e.service, STR(""));
	decoded_close(&d);
}

TEST(what_is_not_an_object_is_refused)
{
	static const struct str bad[] = {STR_INIT(""), STR_INIT("[{}]"), STR_INIT("\"x\""), STR_INIT("{\"a\":1"),
		STR_INIT("{} x"), STR_INIT("{\"a\":\x80}"), STR_INIT("{\"a\x80")};
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(bad); i++) {
		CHECK_INT(decoded_line(&d, bad[i]), E_INVALID);
		CHECK_INT(d.e.field_count + d.e.decoder, 0);
	}
	decoded_close(&d);
}

TEST(one_bad_byte_does_not_hide_an_event)
{
	static const struct {
		struct str line, value;
	} row[] = {
		{STR_INIT("{\"a\":\"x\xffy\",\"b\":1}"), STR_INIT("x\xef\xbf\xbdy")},
		{STR_INIT("{\"a\":\"\xed\xa0\x80\",\"b\":1}"), STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")}, /* half a pair */
		{STR_INIT("{\"a\":\"\xc4\x91\xc4\",\"b\":1}"), STR_INIT("\xc4\x91\xef\xbf\xbd")},
		{STR_INIT("{\"a\":\"x\0y\tz\\u0041\",\"b\":1}"), STR_INIT("x y zA")},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct decoded d;
		decoded_open(&d);
		CHECK_INT(decoded_line(&d, row[i].line), 0);
		CHECK_INT(d.e.field_count, 2);
		CHECK_STR(decoded_value(&d, "a", false), row[i].value);
		decoded_close(&d);
	}
	struct decoded d;
	decoded_open(&d);
	CHECK(decoded_line(&d, STR("{\"a\":\"x\xffy\",\"b\":")) < 0); /* still no JSON */
	decoded_close(&d);
}

TEST(bounds_hold_and_are_counted)
{
	struct decoded d;
	struct buf line = BUF_INIT;
	decoded_open(&d);
	for (unsigned i = 0; i < EVENT_MAX_FIELDS + 10; i++)
		buf_addf(&line, "%c\"f%u\":%u", i ? ',' : '{', i, i);
	buf_add(&line, STR("}"));
	CHECK_INT(decoded_line(&d, buf_str(&line)), 0);
	CHECK_INT(d.e.field_count, EVENT_MAX_FIELDS);
	CHECK_INT(d.e.dropped_fields, 10);

	buf_clear(&line);
	for (unsigned i = 0; i < 40; i++)
		buf_add(&line, STR("{\"a\":"));
	buf_add(&line, STR("1"));
	for (unsigned i = 0; i < 40; i++)
		buf_add(&line, STR("}"));
	CHECK_INT(decoded_line(&d, buf_str(&line)), 0);
	CHECK_INT(d.e.field_count, 1);
	CHECK(str_starts(d.e.field[0].value, STR("{\"a\":{")) && str_ends(d.e.field[0].name, STR("a.a")));

	buf_clear(&line);
	buf_add(&line, STR("{\"ok\":1,\""));
	for (unsigned i = 0; i <= FLATTEN_NAME; i++)
		buf_add(&line, STR("n"));
	buf_add(&line, STR("\":{\"x\":1,\"y\":2},\"long\":\""));
	for (unsigned i = 0; i < 1u << 20; i++)
		buf_add(&line, STR("v"));
	buf_add(&line, STR("\"}"));
	CHECK_INT(decoded_line(&d, buf_str(&line)), 0);
	CHECK_INT(d.e.field_count, 2);
	CHECK_INT(d.e.dropped_fields, 1);
	CHECK_INT(decoded_value(&d, "long", false).n, 1 << 20);
	buf_release(&line);
	decoded_close(&d);
}

/* Fields that a decoder leaves out take no room either: nulls around a Windows event. */
TEST(names_of_one_event_have_a_bound_of_their_own)
{
	struct decoded d;
	struct buf line = BUF_INIT;
	decoded_open(&d);
	buf_add(&line, STR("{\"Event\":{\"EventData\":{\"a\":1},\"System\":{\"EventID\":1"));
	for (unsigned i = 0; i < 100000; i++)
		buf_add(&line, STR(",\"ten_bytes_\":null"));
	buf_add(&line, STR("}}}"));
	CHECK_INT(decoded_line(&d, buf_str(&line)), 0);
	CHECK(d.e.dropped_fields > 80000);
	CHECK(d.arena.held < 4 * FLATTEN_NAMES && d.arena.over == 0);
	CHECK_STR(decoded_value(&d, "a", false), STR("1"));
	buf_release(&line);
	decoded_close(&d);
}

TEST(a_full_arena_is_counted_not_fatal)
{
	struct decoded d;
	decoded_open(&d);
	arena_release(&d.arena);
	arena_init(&d.arena, 4096, 4096);
	CHECK_INT(decoded_line(&d, STR("{\"a\":{\"b\":{\"c\":1}},\"big\":[1,2,3],\"k\\u0041\":1}")), 0);
	CHECK(d.e.field_count == 5 && d.e.dropped_fields == 0);
	arena_release(&d.arena);
	arena_init(&d.arena, 16, 16);
	CHECK_INT(decoded_line(&d, STR("{\"a\":{\"b\":{\"c\":1}},\"big\":[1,2,3],\"k\\u0041\":1}")), 0);
	CHECK(d.e.field_count == 0 && d.e.dropped_fields == 5);
	decoded_close(&d);
}
