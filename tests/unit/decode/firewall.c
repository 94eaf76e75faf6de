/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/lines.h"
#include "lines.h"

#define PALO "1,2026/11/22 02:13:41,0123,"
#define PALO_BODY "0,2026/11/22 02:13:40,203.0.113.7,10.21.4.3,,,Cam tat ca,an,,web-browsing,vsys1,untrust,trust,ethernet1/1,ethernet1/2,log,"    \
	"2026/11/22 02:13:40,5155,1,51022,445,0,0,0x0,tcp,"

static const struct {
	struct str line, want;
} row[] = {
	{STR_INIT(PALO "TRAFFIC,end," PALO_BODY "deny,300,100,200,9"),
	    STR_INIT("@decoder=firewall|@product=paloalto|@service=TRAFFIC|@category=firewall|@time=1795288420000|src_ip=203.0.113.7|dst_port=445|"
		     "source.port=51022|destination.ip=10.21.4.3|event.outcome=failure|user.name=an|rule=Cam tat ca|source.bytes=100|destination.bytes=200|"
		     "observer.ingress.interface.name=ethernet1/1|!natsrc")},
	{STR_INIT(PALO "THREAT,vulnerability," PALO_BODY "reset-both,\"a,b\",Unauthenticated access(90255),any,high,client-to-server"),
	    STR_INIT("misc=a,b|threatid=Unauthenticated access(90255)|rule.name=Unauthenticated access(90255)|severity=high|direction=client-to-server")},
	{STR_INIT(PALO "SYSTEM,general,0,2026/11/22 02:13:40,,general"), STR_INIT("@service=SYSTEM|@category=|subtype=general|@time=1795288420000|!src")},
	{STR_INIT(PALO "TRAFFIC,"), STR_INIT("@decoder=none|!type")},
	{STR_INIT("[action:\"Drop\"; ifname:\"eth2\"; time:\"1795288420\"; note:\"a\\\"b\\]\"; dst:\"10.21.4.3\"; proto:\"6\"; s_port:\"51022\"; service:\"445\"; "
		  "ike::\"x\"; rule_name:\"CleanUp\"; src:\"203.0.113.7\"; ]"),
	    STR_INIT("@decoder=firewall|@product=checkpoint|@category=firewall|@time=1795288420000|src_ip=203.0.113.7|dst_port=445|ike=x|"
		     "note=a\\\"b\\]|rule.name=CleanUp|event.outcome=failure")},
	{STR_INIT("[action:\"Drop"), STR_INIT("action=Drop|@category=")},
	{STR_INIT("[core:error] [pid 7] x"), STR_INIT("@decoder=none")},
	{STR_INIT("1,2,3,4,5,6,7,8"), STR_INIT("@decoder=none")},
};

TEST(lines)
{
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		(void)decode_firewall(&b.context, row[i].line, bench_line(&b, row[i].line, RECEIVED));
		EXPECT(&b, row[i].want);
	}
	bench_close(&b);
}

TEST(inside_syslog)
{
	static const struct str line[] = {
		STR_INIT("<134>1 2026-11-21T19:13:40Z fw1 CheckPoint 19710 - [action:\"Accept\"; src:\"203.0.113.7\"; dst:\"10.21.4.3\"; service:\"443\"]"),
		STR_INIT("1 2026-11-21T19:13:40Z fw1 CheckPoint 19710 - [action:\"Accept\"; src:\"203.0.113.7\"; dst:\"10.21.4.3\"; service:\"443\"]"),
		STR_INIT("<14>Nov 22 02:13:40 fw1 " PALO "TRAFFIC,end," PALO_BODY "allow,300,100,200,9"),
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(line); i++) {
		CHECK_INT(decode_syslog(&b.context, line[i], bench_line(&b, line[i], RECEIVED)), 0);
		EXPECT(&b, STR("@decoder=firewall|hostname=fw1|@time=1795288420000|src_ip=203.0.113.7|@category=firewall|event.outcome=success"));
	}
	bench_close(&b);
}
