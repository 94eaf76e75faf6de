/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/lines.h"
#include "lines.h"

#define CEF "CEF:0|Check Point|VPN-1|R81|1005|Drop \\| all|5|"
#define LEEF "src=203.0.113.7\tdst=10.21.4.3\tdstPort=445\tproto=TCP\tusrName=an\tdevTime=1795288420000"

static const struct {
	struct str line, want;
} row[] = {
	{STR_INIT(CEF "src=203.0.113.7 spt=51022 dst=10.21.4.3 dpt=445 proto=TCP act=drop rt=Nov 21 2026 19:13:40 UTC msg=two words a\\=b"),
	    STR_INIT("@decoder=cef|@product=check point|@category=firewall|@time=1795288420000|deviceProduct=VPN-1|"
		     "src=203.0.113.7|src_ip=203.0.113.7|dst_port=445|source.port=51022|destination.ip=10.21.4.3|action=deny|"
		     "event.outcome=failure|msg=two words a=b|event.code=1005|message=two words a=b")},
	{STR_INIT("CEF:0|KasperskyLab|SecurityCenter|13|GNRL_EV_VIRUS_FOUND|Found|4|cs1=EICAR-Test cs1Label=VirusName filePath=C:\\\\a b.com rt=1795288420000"),
	    STR_INIT("@category=antivirus|Signature=EICAR-Test|Filename=C:\\a b.com|VirusName=EICAR-Test|file.path=C:\\a b.com|@time=1795288420000")},
	{STR_INIT("CEF:1|V|P|1|7|n|3|request=http://example/?a=b&c=d requestMethod=GET suser=an bình shost=may-1"),
	    STR_INIT("url.original=http://example/?a=b&c=d|http.request.method=GET|user.name=an bình|source.domain=may-1|@category=")},
	{STR_INIT("CEF:0|V|P|1|7|n|3|"), STR_INIT("@decoder=cef|severity=3")},
	{STR_INIT("CEF:0|V|P|1|7|n|3|=x === a=1 b =2 c="), STR_INIT("a=1 b =2|!c")},
	{STR_INIT("CEF:0|V|P|1|7|n"), STR_INIT("@decoder=none|!deviceVendor")},
	{STR_INIT("LEEF:1.0|Vendor|FW|2|deny|" LEEF),
	    STR_INIT("@decoder=cef|@category=firewall|@time=1795288420000|dst_port=445|user.name=an|event.code=deny|network.transport=tcp")},
	{STR_INIT("LEEF:2.0|Vendor|FW|2|deny|^|src=203.0.113.7^dst=10.21.4.3^dstPort=445"), STR_INIT("dst=10.21.4.3|src_ip=203.0.113.7")},
	{STR_INIT("LEEF:2.0|Vendor|FW|2|deny|x5E|src=203.0.113.7^dst=10.21.4.3"), STR_INIT("dst=10.21.4.3")},
	{STR_INIT("LEEF:2.0|Vendor|FW|2|deny|src=203.0.113.7\tdst=10.21.4.3"), STR_INIT("dst=10.21.4.3")},
	{STR_INIT("LEEF:1.0|Vendor"), STR_INIT("@decoder=none")},
};

TEST(lines)
{
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		(void)decode_cef(&b.context, row[i].line, bench_line(&b, row[i].line, RECEIVED));
		EXPECT(&b, row[i].want);
	}
	bench_close(&b);
}

TEST(inside_syslog)
{
	static const struct str head[] = {STR_INIT("<134>Nov 22 02:13:40 fw1 "), STR_INIT("<134>Nov 22 02:13:40 "), STR_INIT("<134>"),
		STR_INIT("<134>1 2026-11-21T19:13:40Z fw1 app - - - ")};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(head); i++) {
		struct buf line = BUF_INIT;
		buf_add(&line, head[i]);
		buf_add(&line, STR(CEF "src=203.0.113.7 dst=10.21.4.3 dpt=445"));
		CHECK_INT(decode_syslog(&b.context, buf_str(&line), bench_line(&b, buf_str(&line), RECEIVED)), 0);
		EXPECT(&b, STR("@decoder=cef|deviceVendor=Check Point|dst_port=445|facility=local0"));
		EXPECT(&b, i % 3 ? STR("!nothing") : STR("hostname=fw1"));
		buf_release(&line);
	}
	bench_close(&b);
}

/* Every equal sign and every blank is looked at once. */
TEST(long_lines_take_linear_time)
{
	static const char *const part[] = {"=", "a=", " a=", "\\", " ", "a ", "|", "cs1Label=x "};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(part); i++) {
		struct buf line = BUF_INIT;
		buf_add(&line, STR("CEF:0|V|P|1|7|n|3|a="));
		while (line.n < 900000)
			buf_add(&line, str_z(part[i]));
		CHECK_INT(decode_cef(&b.context, buf_str(&line), bench_line(&b, buf_str(&line), RECEIVED)), 0);
		buf_release(&line);
	}
	bench_close(&b);
}
