/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/columns.h"
#include "lines.h"

#define IIS "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-11-21 19:13:40\r\n"
#define ZEEK "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t"

/* Files whose last line is the one that is looked at; the ones before it must be taken as their head. */
static const struct {
	struct str file, want;
} row[] = {
	{STR_INIT(IIS "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status\r\n"
		      "2026-11-21 19:13:40 10.21.4.3 GET /a.aspx x=1 80 - 203.0.113.7 Mozilla/5.0+(X11) - 404"),
	    STR_INIT("@decoder=w3c|@category=webserver|@service=iis|@time=1795288420000|@confidence=100|cs-user-agent=Mozilla/5.0 (X11)|"
		     "cs-uri-stem=/a.aspx|cs-uri-query=x=1|cs-uri=/a.aspx?x=1|url.original=/a.aspx?x=1|source.ip=203.0.113.7|destination.ip=10.21.4.3|event.outcome=failure|!cs-username|!cs-referer")},
	{STR_INIT(IIS "#Fields: time c-ip cs-method\n19:13:40 203.0.113.7 GET"), STR_INIT("@time=1795288420000|cs-method=GET")},
	{STR_INIT("#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port dst-port\n"
		  "2026-11-22 02:13:40 DROP TCP 203.0.113.7 10.21.4.3 51022 445"),
	    STR_INIT("@category=firewall|@service=|@time=1795288420000|src_ip=203.0.113.7|dst_port=445|event.outcome=failure")},
	{STR_INIT("#Fields: date\ttime\tc-ip\tcs-method\tc-uri\tsc-status\n2026-11-21\t19:13:40\t10.21.4.9\tGET\thttp://example/\t200"),
	    STR_INIT("@category=proxy|c-uri=http://example/|url.original=http://example/|source.ip=10.21.4.9")},
	{STR_INIT("#Fields: date-time,client-ip,subject\n2026-11-21T19:13:40.000Z,10.21.4.9,\"x y\""), STR_INIT("@time=1795288420000|subject=x y|client-ip=10.21.4.9")},
	{STR_INIT(ZEEK "conn\n#open\t2026-11-22-02-13-40\n#fields\tts\tuid\tid.orig_h\tid.resp_p\tservice\tconn_state\n#types\ttime\tstring\taddr\tport\tstring\tstring\n"
		       "1795288420.000123\tCx\\x09y\t203.0.113.7\t445\t-\tS0"),
	    STR_INIT("@decoder=zeek|@product=zeek|@service=conn|@time=1795288420000|uid=Cx\ty|source.ip=203.0.113.7|destination.port=445|!service|"
		     "khien.flow_state=unanswered")},
	{STR_INIT(ZEEK "dns\n#fields\tts\tquery\tanswers\tTTLs\n#types\ttime\tstring\tvector[string]\tvector[interval]\n1795288420.0\tx,y.example\t192.0.2.1,192.0.2.2\t(empty)"),
	    STR_INIT("@service=dns|query=x,y.example|answers=192.0.2.1\n192.0.2.2|!TTLs|dns.question.name=x,y.example")},
	{STR_INIT("2026-11-21 19:13:40 10.21.4.3 GET /a.aspx x=1 80 - 203.0.113.7 curl/8 404 0 2 15"),
	    STR_INIT("@decoder=w3c|@confidence=90|sc-status=404|c-ip=203.0.113.7|cs-user-agent=curl/8|time-taken=15|@time=1795288420000")},
	{STR_INIT("2026-11-21 19:13:40 10.21.4.3 GET /a.aspx - 80 - 203.0.113.7 curl/8 http://x/ 200 0 0 15"), STR_INIT("@decoder=w3c|cs-referer=http://x/|sc-status=200")},
	{STR_INIT(IIS "#Fields: date time c-ip\n{\"a\":\"b c\"}"), STR_INIT("@decoder=json|a=b c")},
	{STR_INIT("# a remark"), STR_INIT("@decoder=none")},
};

TEST(files)
{
	struct bench b;
	bench_open(&b);
	struct decoder *decoder = decoder_new(b.names);
	for (size_t i = 0; i < COUNT(row); i++) {
		struct decode_result result = {0};
		struct str rest = row[i].file, line;
		decoder_begin_file(decoder);
		while (str_split(&rest, '\n', &line)) {
			bench_line(&b, line, RECEIVED);
			CHECK_INT(decode(decoder, &b.raw, &b.arena, &result), 0);
			CHECK_INT(result.count, rest.n ? 0 : 1);
		}
		if (result.count)
			b.event = *result.event;
		EXPECT(&b, row[i].want);
	}
	decoder_free(decoder);
	bench_close(&b);
}

/* Who reads lines of many sources must not believe one of them about the others. */
TEST(only_files_have_heads)
{
	struct bench b;
	bench_open(&b);
	struct decoder *decoder = decoder_new(b.names);
	struct decode_result result = {0};
	bench_line(&b, STR("#Fields: date time c-ip"), RECEIVED);
	CHECK_INT(decode(decoder, &b.raw, &b.arena, &result), 0);
	CHECK_INT(result.count, 1);
	decoder_free(decoder);
	bench_close(&b);
}
