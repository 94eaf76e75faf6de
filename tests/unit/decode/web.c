/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/lines.h"
#include "lines.h"

struct row {
	struct str line, want;
};

static void
check_rows(int (*decoder)(struct decode_context *, struct str, struct event *), const struct row *row, size_t count)
{
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < count; i++) {
		int got = decoder(&b.context, row[i].line, bench_line(&b, row[i].line, RECEIVED));
		tap_check(got == 0, __FILE__, __LINE__, "%.*s: %s", STR_ARG(row[i].line), error_name(got));
		EXPECT(&b, row[i].want);
	}
	bench_close(&b);
}

TEST(access_logs)
{
	static const struct row row[] = {
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET /a/b.php?id=1&x=2 HTTP/1.1\" 200 4617"),
		    STR_INIT("@decoder=web|@category=webserver|@time=1795288420000|c-ip=203.0.113.7|cs-method=GET|"
			     "cs-uri=/a/b.php?id=1&x=2|cs-uri-stem=/a/b.php|cs-uri-query=id=1&x=2|cs-version=HTTP/1.1|"
			     "sc-status=200|sc-bytes=4617|!cs-referer|!cs-user-agent|!cs-username|source.ip=203.0.113.7|"
			     "url.original=/a/b.php?id=1&x=2|url.path=/a/b.php|url.query=id=1&x=2|http.request.method=GET|"
			     "http.response.status_code=200|event.outcome=success|@confidence=95")},
		{STR_INIT("2001:db8::7 - an [1/Nov/2026:02:13:40 -0330] \"POST / HTTP/2.0\" 403 - \"https://x.example/\" "
			  "\"Mozilla/5.0 (X11) \\\"quoted\\\" \\x22hex\\x22\" 0.002"),
		    STR_INIT("source.ip=2001:db8::7|cs-username=an|user.name=an|@time=1793511820000|!sc-bytes|"
			     "cs-referer=https://x.example/|user_agent.original=Mozilla/5.0 (X11) \\\"quoted\\\" \\x22hex\\x22|"
			     "event.outcome=failure")},
		{STR_INIT("www.xa.example:443 203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.1\" 301 0 \"-\" \"-\""),
		    STR_INIT("cs-host=www.xa.example|url.domain=www.xa.example|c-ip=203.0.113.7|!cs-referer|!cs-user-agent")},
		{STR_INIT("203.0.113.7, 10.0.0.1 - - [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.1\" 200 1"),
		    STR_INIT("c-ip=203.0.113.7|x-forwarded-for=203.0.113.7, 10.0.0.1")},
		/* A TLS greeting, a scanner's words, nothing at all. */
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"\\x16\\x03\\x01\\x02\" 400 226 \"-\" \"-\""),
		    STR_INIT("request=\\x16\\x03\\x01\\x02|!cs-method|!cs-uri|sc-status=400|@confidence=70")},
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"-\" 408 0"), STR_INIT("!request|!cs-method|sc-status=408")},
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET /a b?c d HTTP/1.1\" 400 0"),
		    STR_INIT("cs-uri=/a b?c d|cs-uri-query=c d|cs-version=HTTP/1.1")},
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET http://evil.example:80/p?q HTTP/1.1\" 404 0"),
		    STR_INIT("url.domain=evil.example|cs-uri-stem=/p|cs-uri-query=q|cs-uri=http://evil.example:80/p?q")},
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.0\" 403 181 \"-\" \"cut off"),
		    STR_INIT("cs-user-agent=cut off")},
		{STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET /x"), STR_INIT("cs-uri=/x|!sc-status|!event.outcome")},
		{STR_INIT("scanner.example - - [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.0\" 200 1\r\n"),
		    STR_INIT("source.domain=scanner.example|!source.ip|sc-bytes=1")},
	};
	check_rows(decode_web, row, COUNT(row));
}

TEST(error_logs)
{
	static const struct row row[] = {
		{STR_INIT("[Sun Nov 22 02:13:40.262255 2026] [core:error] [pid 77:tid 5] [client 203.0.113.7:4242] AH00037: x"),
		    STR_INIT("@decoder=web_error|@service=apache|@time=1795288420262|module=core|level=error|pid=77|"
			     "source.ip=203.0.113.7|source.port=4242|message=AH00037: x|event.dataset=apache.error")},
		{STR_INIT("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok /etc/x"),
		    STR_INIT("level=notice|message=workerEnv.init() ok /etc/x|!source.ip|@time=1133646464000")},
		{STR_INIT("[error] [client 203.0.113.7] File does not exist: /x"),
		    STR_INIT("source.ip=203.0.113.7|!source.port|@confidence=70|@time=-9223372036854775808")},
		{STR_INIT("[Sun Nov 23 18:49:01.713508 2014] [:error] [pid 1] [client 2001:db8::7] PHP"),
		    STR_INIT("level=error|!module|source.ip=2001:db8::7")},
		{STR_INIT("2026/11/22 02:13:40 [error] 77#0: *5 open() \"/x\" failed (2: No such file), client: 203.0.113.7, "
			  "server: xa.example, request: \"GET /x HTTP/1.1\", host: \"xa.example\""),
		    STR_INIT("@service=nginx|pid=77|source.ip=203.0.113.7|server=xa.example|request=GET /x HTTP/1.1|"
			     "cs-host=xa.example|@time=1795288420000|level=error")},
		{STR_INIT("2026/11/22 02:13:40 [alert] 77#77: worker process 9 exited on signal 6 (core dumped)"),
		    STR_INIT("level=alert|message=worker process 9 exited on signal 6 (core dumped)|!c-ip")},
	};
	check_rows(decode_web_error, row, COUNT(row));
}

TEST(what_is_no_web_log_is_left_alone)
{
	static const struct str row[] = {STR_INIT(""), STR_INIT("["), STR_INIT("[]"), STR_INIT("[x] y"),
		STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] 200 1"), STR_INIT("203.0.113.7 - - [22/Nov/2026"),
		STR_INIT("203.0.113.7 - - [31/Feb/2026:02:13:40 +0700] \"GET / HTTP/1.1\" 200 1"),
		STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +07x0] \"GET / HTTP/1.1\" 200 1"),
		STR_INIT("203.0.113.7 [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.1\" 200 1"),
		STR_INIT("203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET / HTTP/1.1\" two 1"),
		STR_INIT("2026/11/22 02:13:40 [what] 77#0: x"), STR_INIT("[Sun Nov 22 02:13:40 2026] [what] x"),
		STR_INIT("Nov 22 02:13:40 h a[1]: x [y] \"z\"")};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK_INT(decode_web(&b.context, row[i], bench_line(&b, row[i], RECEIVED)), E_INVALID);
		CHECK_INT(b.event.field_count, 0);
		CHECK_INT(decode_web_error(&b.context, row[i], bench_line(&b, row[i], RECEIVED)), E_INVALID);
		CHECK_INT(b.event.field_count, 0);
	}
	bench_close(&b);
}

TEST(inside_syslog)
{
	static const struct row row[] = {
		{STR_INIT("<190>Nov 22 02:13:40 web1 nginx: 203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \"GET /x HTTP/1.1\" 200 1 "
			  "\"-\" \"curl\""),
		    STR_INIT("@decoder=web|@category=webserver|@service=nginx|host.name=web1|cs-uri=/x|cs-user-agent=curl")},
		{STR_INIT("<187>Nov 22 02:13:40 web1 nginx: 2026/11/22 02:13:40 [error] 77#77: *5 x, client: 203.0.113.7, server: y"),
		    STR_INIT("@decoder=web_error|@service=nginx|source.ip=203.0.113.7|host.name=web1")},
	};
	check_rows(decode_syslog, row, COUNT(row));
}
