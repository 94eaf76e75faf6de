/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

struct row {
	struct str line, want;
};

static void
check_rows(const struct row *row, size_t count)
{
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < count; i++) {
		int got = decode_syslog(&b.context, row[i].line, bench_line(&b, row[i].line, RECEIVED));
		tap_check(got == 0, __FILE__, __LINE__, "%.*s: %s", STR_ARG(row[i].line), error_name(got));
		EXPECT(&b, row[i].want);
	}
	bench_close(&b);
}

/* RFC 5424, section 6.5, to the byte. */
TEST(examples_of_rfc_5424)
{
	static const struct row row[] = {
		{STR_INIT("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed for "
			  "lonvick on /dev/pts/8"),
		    STR_INIT("facility=auth|severity=critical|log.syslog.facility.code=4|log.syslog.severity.code=2|"
			     "host.name=mymachine.example.com|program=su|!pid|log.syslog.msgid=ID47|@time=1065910455003|"
			     "message='su root' failed for lonvick on /dev/pts/8|@confidence=100|@decoder=account|"
			     "event.action=su|event.outcome=failure|user.name=lonvick|user.target.name=root")},
		{STR_INIT("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the "
			  "do-nuts."),
		    STR_INIT("facility=local4|severity=notice|hostname=192.0.2.1|host.ip=192.0.2.1|program=myproc|pid=8710|"
			     "@time=1061727255000|message=%% It's time to make the do-nuts.|!log.syslog.msgid")},
		{STR_INIT("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
			  "eventSource=\"Application\" eventID=\"1011\"] \xef\xbb\xbf"
			  "An application event log entry..."),
		    STR_INIT("exampleSDID@32473.iut=3|exampleSDID@32473.eventSource=Application|"
			     "exampleSDID@32473.eventID=1011|message=An application event log entry...")},
		{STR_INIT("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
			  "eventSource=\"Application\" eventID=\"1011\"][examplePriority@32473 class=\"high\"]"),
		    STR_INIT("exampleSDID@32473.eventID=1011|examplePriority@32473.class=high|!message")},
	};
	check_rows(row, COUNT(row));
}

TEST(rfc_5424_to_its_edges)
{
	static const struct row row[] = {
		{STR_INIT("<0>1 - - - - - -"), STR_INIT("facility=kern|severity=emergency|!hostname|!program|!message|"
							"@confidence=100|@decoder=syslog|@service=syslog")},
		{STR_INIT("<13>1 - h a - - [x@1 k=\"a\\\"b\\\\c\\]d\\n]\"] m"), STR_INIT("x@1.k=a\"b\\c]d\\n]|message=m")},
		{STR_INIT("<13>1 - h a - - [x@1  a=\"1\"   b=\"\" ][y] m"), STR_INIT("x@1.a=1|!x@1.b|message=m")},
		{STR_INIT("<13>1 - h a - - - two\nlines \xc3\xa1"), STR_INIT("message=two\nlines \xc3\xa1|@confidence=100")},
		{STR_INIT("<13>1 - h a - - - \xe1 \xfe"), STR_INIT("@confidence=80|message=\xe1 \xfe")},
		{STR_INIT("<191>1 2026-02-28T23:59:60.123456789+05:30 h a 1 m - x"),
		    STR_INIT("facility=local7|severity=debug|@time=1772303400123|log.syslog.msgid=m")},
		/* Structured data that are none: the line is still read, as the older form. */
		{STR_INIT("<13>1 2026-02-28T23:59:59Z h a 1 m [x m"), STR_INIT("facility=user|@decoder=syslog")},
	};
	check_rows(row, COUNT(row));
}

TEST(rfc_3164_and_real_life)
{
	static const struct row row[] = {
		{STR_INIT("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"),
		    STR_INIT("hostname=mymachine|program=su|@time=1791731655000|@confidence=95|@service=auth|"
			     "event.action=su")},
		{STR_INIT("Nov 22 02:13:40 web1 nginx[77]: hi\r\n"),
		    STR_INIT("program=nginx|pid=77|message=hi|@time=1795288420000|!facility|@confidence=90")},
		{STR_INIT("<13>NOV  2 02:13:40 web1 app: hi\0"), STR_INIT("message=hi|@time=1793560420000")},
		{STR_INIT("<13>Nov 22 2026 02:13:40 web1 app: hi"), STR_INIT("hostname=web1|@time=1795288420000")},
		{STR_INIT("<13>Nov 22 02:13:40 2026 web1 app: hi"), STR_INIT("hostname=web1|@time=1795288420000")},
		{STR_INIT("<13>Sun Nov 22 02:13:40 ICT 2026 web1 app: hi"), STR_INIT("hostname=web1|@time=1795288420000")},
		{STR_INIT("<13>2019 May 06 09:28:12 web1 app: hi"), STR_INIT("hostname=web1|@time=1557109692000")},
		{STR_INIT("<13>Nov 21 19:13:40.250 UTC web1 app: hi"), STR_INIT("hostname=web1|@time=1795288420250")},
		{STR_INIT("2020-03-25 08:01:34.584936-0700  localhost sshd[1551]: x"),
		    STR_INIT("hostname=localhost|program=sshd|pid=1551|@time=1585148494584")},
		{STR_INIT("<13>2026/11/22 02:13:40 web1 app: hi"), STR_INIT("@time=1795288420000")},
		{STR_INIT("<34>2003-10-11T22:14:15.003Z mymachine su - ID47 - no version here"),
		    STR_INIT("program=su|log.syslog.msgid=ID47|message=no version here")},
		{STR_INIT("<13>web1 app[3]: no time"), STR_INIT("hostname=web1|program=app|message=no time|"
								"@time=-9223372036854775808")},
		{STR_INIT("<13>app: no time, no host"), STR_INIT("!hostname|program=app|message=no time, no host")},
		{STR_INIT("<13>just words and nothing else"), STR_INIT("!hostname|!program|message=just words and nothing else")},
		{STR_INIT("<134>Nov 22 02:13:40 filterlog[9]: 5,,,1000"), STR_INIT("!hostname|program=filterlog|pid=9")},
		{STR_INIT("<13>Nov 22 02:13:40 2001:db8::7 app: hi"), STR_INIT("hostname=2001:db8::7|host.ip=2001:db8::7|program=app")},
		{STR_INIT("Nov 22 02:13:40 h a-program-with-a-name-of-more-than-thirty-two-characters[1]: hi"),
		    STR_INIT("program=a-program-with-a-name-of-more-than-thirty-two-characters|message=hi")},
		{STR_INIT("Nov 22 02:13:40 h last message repeated 3 times"), STR_INIT("hostname=h|!program|"
										       "message=last message repeated 3 times")},
		{STR_INIT("Nov 22 02:13:40 last message repeated 3 times"), STR_INIT("!hostname|!program")},
		{STR_INIT("Jun  9 06:06:20 combo syslogd 1.4.1: restart."), STR_INIT("program=syslogd|message=restart.")},
		{STR_INIT("Nov 22 02:13:40 h /usr/sbin/cron[1]: (root) RELOAD (x)"), STR_INIT("process.name=cron|@decoder=cron")},
		{STR_INIT("<189>681: Aug 17 17:41:24.776 AEST: %SEC-6-IPACCESSLOGP: list 102 denied"),
		    STR_INIT("program=%SEC-6-IPACCESSLOGP|@product=cisco|message=list 102 denied|!hostname|"
			     "@time=1786963284776")},
		{STR_INIT("<189>39: r1: *Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured"),
		    STR_INIT("hostname=r1|program=%SYS-5-CONFIG_I|message=Configured")},
		{STR_INIT("<189>39: .Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured"), STR_INIT("program=%SYS-5-CONFIG_I")},
		{STR_INIT("00:00:46: %LINK-3-UPDOWN: Interface changed"), STR_INIT("program=%LINK-3-UPDOWN")},
		{STR_INIT("%ASA-4-411001: Line protocol"), STR_INIT("program=%ASA-4-411001|@product=cisco")},
		{STR_INIT("Sep  1 10:25:29 10.10.10.1 %IPS-4-SIGNATURE: Sig:3051"), STR_INIT("hostname=10.10.10.1|"
											    "program=%IPS-4-SIGNATURE")},
		/* "Xin chao" with marks: composed, decomposed, and windows-1258, whose bytes stay what they were. */
		{STR_INIT("<13>Nov 22 02:13:40 h app: Xin ch\xc3\xa0o"), STR_INIT("message=Xin ch\xc3\xa0o|@confidence=95")},
		{STR_INIT("<13>Nov 22 02:13:40 h app: Xin cha\xcc\x80o"), STR_INIT("message=Xin cha\xcc\x80o|@confidence=95")},
		{STR_INIT("<13>Nov 22 02:13:40 h app: Xin ch\xe0o"), STR_INIT("message=Xin ch\xe0o|@confidence=75")},
	};
	check_rows(row, COUNT(row));
}

TEST(year_by_the_time_of_receipt)
{
	static const struct {
		struct str received, line, time;
	} row[] = {
		{STR_INIT("2027-01-01T00:00:05+07:00"), STR_INIT("Dec 31 23:59:59 h a: x"), STR_INIT("2026-12-31T23:59:59+07:00")},
		{STR_INIT("2026-12-31T23:59:58+07:00"), STR_INIT("Jan  1 00:00:01 h a: x"), STR_INIT("2027-01-01T00:00:01+07:00")},
		{STR_INIT("2026-03-01T00:00:05+07:00"), STR_INIT("Feb 29 12:00:00 h a: x"), STR_INIT("2024-02-29T12:00:00+07:00")},
		{STR_INIT("2028-02-29T12:00:05+07:00"), STR_INIT("Feb 29 12:00:00 h a: x"), STR_INIT("2028-02-29T12:00:00+07:00")},
		{STR_INIT("2103-06-01T12:00:05+07:00"), STR_INIT("Feb 29 12:00:00 h a: x"), STR_INIT("2096-02-29T12:00:00+07:00")},
		{STR_INIT("2026-06-01T12:00:00+07:00"), STR_INIT("Jun  2 11:59:59 h a: x"), STR_INIT("2026-06-02T11:59:59+07:00")},
		{STR_INIT("2026-06-01T12:00:00+07:00"), STR_INIT("Jun  2 12:00:01 h a: x"), STR_INIT("2025-06-02T12:00:01+07:00")},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t received = 0, want = 0;
		CHECK(time_parse(row[i].received, 0, &received) && time_parse(row[i].time, 0, &want));
		CHECK_INT(decode_syslog(&b.context, row[i].line, bench_line(&b, row[i].line, received)), 0);
		CHECK_INT(b.event.time_ms, want);
	}
	/* Nobody knows when it came: no time rather than a wrong one. Another zone: another moment. */
	CHECK_INT(decode_syslog(&b.context, row[0].line, bench_line(&b, row[0].line, 0)), 0);
	CHECK(b.event.time_ms == TIME_NONE);
	b.context.zone = 0;
	struct str line = STR("Nov 22 02:13:40 h a: x");
	CHECK_INT(decode_syslog(&b.context, line, bench_line(&b, line, RECEIVED + TIME_DAY)), 0);
	CHECK_INT(b.event.time_ms, 1795288420000 + 7 * TIME_HOUR);
	bench_close(&b);
}

TEST(json_in_a_message_is_the_event)
{
	static const struct row row[] = {
		{STR_INIT("<13>1 2026-11-22T02:13:40+07:00 ids1 suricata 7 - - {\"timestamp\":\"2026-11-22T02:13:39+0700\","
			  "\"event_type\":\"dns\",\"flow_id\":1,\"src_ip\":\"10.21.4.3\",\"dest_ip\":\"10.0.0.53\"}"),
		    STR_INIT("@decoder=eve|@product=suricata|@time=1795288419000|hostname=ids1|host.name=ids1|source.ip=10.21.4.3|"
			     "!message")},
		{STR_INIT("<14>Nov 22 02:13:40 pc7 Microsoft-Windows-Sysmon[9]: {\"EventID\":1,\"Channel\":"
			  "\"Microsoft-Windows-Sysmon/Operational\",\"Computer\":\"pc7.xa.example\",\"Image\":\"C:\\\\a.exe\"}"),
		    STR_INIT("@decoder=windows_json|@product=windows|@code=1|host.name=pc7.xa.example|hostname=pc7")},
		{STR_INIT("<13>Nov 22 02:13:40 h app: @cee: {\"user\":\"an\",\"ok\":true} "),
		    STR_INIT("@decoder=json|@product=linux|@service=syslog|user=an|ok=true|@time=1795288420000|program=app")},
		{STR_INIT("<13>Nov 22 02:13:40 h app: {\"user\":\"an\""),
		    STR_INIT("@decoder=syslog|message={\"user\":\"an\"")},
	};
	check_rows(row, COUNT(row));
}

TEST(what_is_no_syslog_is_left_alone)
{
	static const struct str row[] = {STR_INIT(""), STR_INIT("\0\0\r\n"), STR_INIT("hello world"), STR_INIT("<192>x"),
		STR_INIT("<>x y: z"), STR_INIT("<1"), STR_INIT("10.0.0.1 - - [x] \"GET / HTTP/1.1\" 200 1"),
		STR_INIT("Feb 30 25:00:00"), STR_INIT("Nov")};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK_INT(decode_syslog(&b.context, row[i], bench_line(&b, row[i], RECEIVED)), E_INVALID);
		CHECK_INT(b.event.field_count, 0);
		CHECK_INT(b.event.decoder, DECODER_NONE);
	}
	bench_close(&b);
}
