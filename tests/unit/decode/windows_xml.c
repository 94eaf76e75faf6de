/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/lines.h"
#include "lines.h"

#define HEAD "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name=\"Microsoft-Windows-Sysmon\" "  \
	"Guid=\"{5770385f-c22a-43e0-bf4c-06f5698ffbd9}\"/><EventID Qualifiers='0'>1</EventID><Version>5</Version>"                 \
	"<TimeCreated SystemTime=\"2026-11-21T19:13:40.123456700Z\"/><EventRecordID>77</EventRecordID><Correlation/>"               \
	"<Execution ProcessID=\"12\" ThreadID=\"34\"/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>"                         \
	"<Computer>may-1</Computer><Security UserID=\"S-1-5-18\"/></System>"
#define LINUX "<Event><System><Provider Name=\"Linux-Sysmon\"/><EventID>1</EventID><Channel>Linux-Sysmon/Operational</Channel></System>" \
	"<EventData><Data Name=\"Image\">/tmp/x</Data></EventData></Event>"

static const struct {
	struct str line, want;
} row[] = {
	{STR_INIT(HEAD "<EventData><Data Name=\"Image\">C:\\x.exe</Data><Data Name='Command Line'>x &lt;a&gt; &amp; &quot;&#x1ec7;&#10;&none;</Data>"
		       "<Data Name=\"Empty\"></Data><Data Name=\"ProcessGuid\">{5770385f-c22a-43e0-bf4c-06f5698ffbd9}</Data><Data Name=\"Nothing\"/></EventData></Event>"),
	    STR_INIT("@decoder=windows_xml|@product=windows|@code=1|@time=1795288420123|@confidence=100|Provider_Name=Microsoft-Windows-Sysmon|"
		     "Provider_Guid=5770385f-c22a-43e0-bf4c-06f5698ffbd9|EventID=1|EventID_Qualifiers=0|EventRecordID=77|Execution_ProcessID=12|"
		     "Computer=may-1|Security_UserID=S-1-5-18|SystemTime=2026-11-21T19:13:40.123456700Z|Image=C:\\x.exe|"
		     "CommandLine=x <a> & \"\xe1\xbb\x87\n&none;|Empty=|Nothing=|ProcessGuid=5770385f-c22a-43e0-bf4c-06f5698ffbd9|"
		     "process.executable=C:\\x.exe|host.name=may-1|!xmlns|!Event_xmlns|!Data")},
	{STR_INIT(HEAD "\r\n <EventData>\r\n  <Data>one</Data>\r\n  <Data>two &amp; three</Data><Binary>00FF</Binary>\r\n </EventData>\r\n</Event>\r\n"),
	    STR_INIT("Data=one\ntwo & three|Binary=00FF|Computer=may-1")},
	{STR_INIT(HEAD "<UserData><LogFileCleared xmlns='x'><SubjectUserName>an</SubjectUserName><a:Deep xmlns:a='y'><Leaf>v</Leaf></a:Deep></LogFileCleared></UserData>"
		       "<RenderingInfo Culture='vi-VN'><Message>m</Message></RenderingInfo></Event>"),
	    STR_INIT("SubjectUserName=an|Leaf=v|RenderingInfo_Message=m|RenderingInfo_Culture=vi-VN")},
	{STR_INIT("<Event><System><!-- <EventID>9</EventID> --><EventID>4</EventID><Channel>Security</Channel></System><EventData><Data Name='a'><![CDATA[<x>]]></Data></EventData></Event>"),
	    STR_INIT("@code=4|a=<x>")},
	{STR_INIT(LINUX), STR_INIT("@product=linux|Image=/tmp/x|event.dataset=linux.sysmon|event.action=process_start")},
	{STR_INIT(HEAD "<EventData><Data Name=\"Image\">C:\\x.exe</Data><Data Name=\"Cut"), STR_INIT("Image=C:\\x.exe|Computer=may-1|@confidence=80|!Cut")},
	{STR_INIT("<Event></Event>"), STR_INIT("@decoder=none")},
	{STR_INIT("<Events><Event>"), STR_INIT("@decoder=none")},
	{STR_INIT("<Event"), STR_INIT("@decoder=none")},
};

TEST(events)
{
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		(void)decode_windows_xml(&b.context, row[i].line, bench_line(&b, row[i].line, RECEIVED));
		EXPECT(&b, row[i].want);
	}
	struct str line = STR("Nov 22 02:13:40 web1 sysmon[77]: " LINUX);
	CHECK_INT(decode_syslog(&b.context, line, bench_line(&b, line, RECEIVED)), 0);
	EXPECT(&b, STR("@decoder=windows_xml|@product=linux|@service=|@code=1|hostname=web1|Image=/tmp/x|@time=1795288420000"));
	bench_close(&b);
}

TEST(long_texts_take_linear_time)
{
	static const char *const part[] = {"<a>", "<a/>", "</a>", "<a b='c' ", "&#x1;", "<!--", "<Data>x</Data>", "<", "<![CDATA["};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(part); i++) {
		struct buf line = BUF_INIT;
		buf_add(&line, STR("<Event><System><EventID>1</EventID></System><EventData>"));
		while (line.n < 900000)
			buf_add(&line, str_z(part[i]));
		CHECK_INT(decode_windows_xml(&b.context, buf_str(&line), bench_line(&b, buf_str(&line), RECEIVED)), 0);
		buf_release(&line);
	}
	bench_close(&b);
}
