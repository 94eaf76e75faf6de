/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/lines.h"
#include "lines.h"

#define SQUID "1795288420.123    250 10.21.4.9 "

TEST(proxies)
{
	static const struct {
		struct str line, want;
	} row[] = {
		{STR_INIT("203.0.113.7:33317 [22/Nov/2026:02:13:40.655] http-in static/srv1 10/0/30/69/109 404 2750 - - ---- 1/1/1/1/0 0/0 {a|b} {} \"GET /a?x=\\\"1 HTTP/1.1\""),
		    STR_INIT("@decoder=proxy|cs-method=GET|cs-uri-query=x=\\\"1")},
		{STR_INIT("203.0.113.7:33317 [22/Nov/2026:02:13:40.655] http-in static/srv1 10/0/30/69/109 404 2750 - - ---- 1/1/1/1/0 0/0 {a|b} {} \"GET /a?x=1 HTTP/1.1\""),
		    STR_INIT("@decoder=proxy|@category=webserver|@time=1795288420655|c-ip=203.0.113.7|source.port=33317|cs-method=GET|cs-uri-query=x=1|"
			     "sc-status=404|sc-bytes=2750|backend=static/srv1|event.outcome=failure")},
		{STR_INIT("203.0.113.7:33317 [22/Nov/2026:02:13:40.655] in out 1 2"), STR_INIT("@decoder=none|!c-ip")},
		{STR_INIT(SQUID "TCP_MISS/200 1540 GET http://example/x?y=1 an HIER_DIRECT/203.0.113.7 text/html"),
		    STR_INIT("@decoder=proxy|@category=proxy|@service=squid|@time=1795288420123|c-uri=http://example/x?y=1|cs-host=example|cs-uri-query=y=1|"
			     "url.domain=example|cs-username=an|source.ip=10.21.4.9|destination.ip=203.0.113.7|sc-status=200|s-action=TCP_MISS")},
		{STR_INIT(SQUID "TCP_TUNNEL/200 1540 CONNECT example:443 - HIER_DIRECT/example -"),
		    STR_INIT("c-uri=example:443|cs-host=example|!cs-username|!destination.ip|cs-method=CONNECT")},
		{STR_INIT(SQUID "x y z"), STR_INIT("@decoder=none|!c-ip")},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		struct event *e = bench_line(&b, row[i].line, RECEIVED);
		if (decode_squid(&b.context, row[i].line, e) < 0)
			(void)decode_haproxy(&b.context, row[i].line, e);
		EXPECT(&b, row[i].want);
	}
	bench_close(&b);
}
