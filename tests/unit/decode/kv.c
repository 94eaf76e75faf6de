/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/lines.h"
#include "lines.h"

#define FORTI "date=2026-11-22 time=02:13:40 tz=\"+0700\" devname=\"FG-XA\" devid=\"FG100F\" logid=\"0000000013\" "         \
	"type=\"traffic\" subtype=\"forward\" level=\"notice\" srcip=10.21.4.9 srcport=51022 srcintf=\"port1\" "       \
	"dstip=203.0.113.7 dstport=443 dstintf=\"wan1\" proto=6 action=\"deny\" sentbyte=100 rcvdbyte=0 msg=\"a \\\" b\""

TEST(firewalls)
{
	static const struct {
		struct str line, want;
	} row[] = {
		{STR_INIT(FORTI),
		    STR_INIT("@decoder=kv|@product=fortigate|@service=traffic|@category=firewall|@time=1795288420000|"
			     "srcip=10.21.4.9|source.ip=10.21.4.9|source.port=51022|destination.ip=203.0.113.7|destination.port=443|"
			     "network.transport=tcp|action=deny|event.outcome=failure|observer.name=FG-XA|source.bytes=100|"
			     "observer.ingress.interface.name=port1|observer.egress.interface.name=wan1|msg=a \\\" b|src_ip=10.21.4.9|"
			     "dst_port=443|event.code=0000000013")},
		{STR_INIT("date=2026-11-22 time=02:13:40 logid=1 type=event user=\"an\" action=Add cfgpath=user.local"),
		    STR_INIT("@service=event|!@none|action=Add|cfgpath=user.local|user.name=an|@category=|!source.ip")},
		{STR_INIT("id=firewall sn=0 time=\"2026-11-21 19:13:40 UTC\" fw=192.0.2.1 msg=\"x\" src=203.0.113.7:4507:WAN dst=10.0.0.1:445:LAN"),
		    STR_INIT("source.ip=203.0.113.7|source.port=4507|destination.ip=10.0.0.1|destination.port=445|"
			     "@time=1795288420000|src=203.0.113.7:4507:WAN|@product=")},
		{STR_INIT("a=1 b=\"unended c=2"), STR_INIT("@decoder=none|!a")},
		{STR_INIT("a=1, b=2, c=, d=x words e=5"), STR_INIT("a=1|b=2|!c|d=x|e=5")},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		int got = decode_kv(&b.context, row[i].line, bench_line(&b, row[i].line, RECEIVED));
		CHECK_INT(got, i == 3 ? E_INVALID : 0);
		EXPECT(&b, row[i].want);
	}
	struct str syslog = STR("<189>" FORTI);
	CHECK_INT(decode_syslog(&b.context, syslog, bench_line(&b, syslog, RECEIVED)), 0);
	EXPECT(&b, STR("@decoder=kv|@product=fortigate|source.ip=10.21.4.9|facility=local7|@time=1795288420000"));
	bench_close(&b);
}
