/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/json_layout.h"
#include "decoded.h"

/* Native fields of one event, and what its core fields must be. */
static const struct {
	const char *channel, *code;
	const char *native[10]; /* "name=value", escapes as JSON has them when there is a backslash */
	const char *core[10];
} cases[] = {
	{"Security", "4624",
	    {"SubjectUserName=WS$", "SubjectDomainName=TINH", "TargetUserName=an", "TargetDomainName=SO",
	    "TargetUserSid=S-1-5-9",
	        "IpAddress=192.0.2.1", "IpPort=0", "Keywords=0x8010000000000000"},
	    {"+user.name=an", "+user.domain=SO", "+user.id=S-1-5-9", "+user.target.name=(none)", "+source.ip=192.0.2.1",
	        "+event.action=logon", "+event.dataset=windows.security", "+event.outcome=failure"}},
	{"security", "4625", {"TargetUserName=-", "SubjectUserName=WS$", "IpAddress=::1"},
	    {"+user.name=(none)", "+event.outcome=failure", "+source.ip=::1", "+event.dataset=windows.security"}},
	{"Security", "4720", {"TargetUserName=moi", "SubjectUserName=quantri", "Keywords=0x8020000000000000"},
	    {"+user.name=quantri", "+user.target.name=moi", "+event.action=user_create", "+event.outcome=success"}},
	{"Security", "4732", {"MemberName=CN=an", "TargetUserName=Administrators", "SubjectUserName=quantri"},
	    {"+user.target.name=CN=an", "+user.name=quantri", "+event.action=group_member_add"}},
	{"Security", "5156", {"SourceAddress=192.0.2.1", "SourcePort=5", "DestAddress=192.0.2.2", "DestPort=6",
	        "Protocol=17"},
	    {"+source.ip=192.0.2.1", "+source.port=5", "+destination.ip=192.0.2.2", "+destination.port=6",
	        "+network.transport=udp"}},
	{"System", "7045", {"ServiceName=s", "ImagePath=c:\\\\x.exe", "AccountName=LocalSystem"},
	    {"+process.command_line=c:\\x.exe", "+user.name=LocalSystem", "+user.domain=(none)"}},
	{"Microsoft-Windows-Windows Defender/Operational", "1116", {"ThreatName=EICAR", "ThreatID=2",
	        "DetectionUser=A\\\\b"},
	    {"+rule.name=EICAR", "+rule.id=2", "+user.name=b", "+user.domain=A", "+event.category=malware"}},
	{"Microsoft-Windows-Sysmon/Operational", "22", {"QueryName=a.example", "QueryResults=::ffff:192.0.2.1;",
	        "Image=x"},
	    {"+dns.question.name=a.example", "+dns.answers.data=::ffff:192.0.2.1;", "+process.name=x",
	    "+event.action=dns_query"}},
	/* a name that begins or ends with an escape that is no backslash, and one that ends with a backslash */
	{"Microsoft-Windows-Sysmon/Operational", "11", {"TargetFilename=C:\\\\a\\u0111\\\\\\u0111.txt",
	        "Image=C:\\\\x\\\\"},
	    {"+file.name=\xc4\x91.txt", "+file.path=C:\\a\xc4\x91\\\xc4\x91.txt", "+process.name=(none)",
	        "+process.executable=C:\\x\\"}},
	{"Microsoft-Windows-Sysmon/Operational", "1", {"Hashes=IMPHASH=1,SHA1=2", "Image=-", "User=an",
	        "user.name=from_shipper"},
	    {"+file.hash.sha1=2", "+file.hash.sha256=(none)", "+process.executable=(none)", "+user.name=(none)",
	        "+event.category=process"}},
	/* without a channel the number decides what the fields mean */
	{"", "4688", {"NewProcessName=C:\\\\p.exe", "NewProcessId=0x2", "ProcessId=0x1"},
	    {"+process.name=p.exe", "+process.pid=0x2", "+process.parent.pid=0x1", "+event.dataset=windows"}},
	{"Some/Other", "99999999999999999999", {"Computer=ws", "Message=m"},
	    {"+host.name=ws", "+message=m", "+event.dataset=windows", "+event.action=(none)"}},
};

TEST(core_fields_follow_from_native_ones)
{
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(cases); i++) {
		arena_clear(&d.arena);
		event_begin(&d.e, &d.arena, NULL);
		d.e.channel = str_z(cases[i].channel);
		d.e.code = str_z(cases[i].code);
		for (size_t k = 0; cases[i].native[k]; k++) {
			struct str value = str_z(cases[i].native[k]), name;
			CHECK(str_split(&value, '=', &name));
			event_put(&d.e, d.names, name, value, FIELD_TEXT, str_find_char(value, '\\') >= 0);
		}
		decode_windows_core(&d.c, &d.e);
		decoded_check(&d, cases[i].core);
		CHECK_STR(decoded_value(&d, "event.code", true), d.e.code);
	}
	decoded_close(&d);
}

TEST(nothing_is_lost_when_there_is_no_room)
{
	struct decoded d;
	decoded_open(&d);
	event_begin(&d.e, &d.arena, NULL);
	d.e.code = STR("1");
	for (uint32_t i = 0; i < EVENT_MAX_FIELDS; i++)
		event_put(&d.e, d.names, STR("Computer"), STR("ws"), FIELD_TEXT, false);
	decode_windows_core(&d.c, &d.e);
	CHECK_INT(d.e.field_count, EVENT_MAX_FIELDS);
	CHECK(d.e.dropped_fields >= 3);
	CHECK_STR(event_find(&d.e, F_HOST_NAME)->value, STR("ws")); /* whose machine it is stays known */
	decoded_close(&d);
}

TEST(what_nobody_asks_for_is_left_out)
{
	struct decoded d;
	struct core_set want = {0};
	decoded_open(&d);
	CHECK(!core_set_has(names_asked(d.names), F_SOURCE_IP));
	CHECK_INT(names_intern(d.names, STR("source.ip")), F_SOURCE_IP);
	names_intern(d.names, STR("Image"));
	CHECK(core_set_has(names_asked(d.names), F_SOURCE_IP) && !core_set_has(names_asked(d.names), F_SOURCE_PORT));
	want = *names_asked(d.names);
	core_set_add(&want, F_FILE_MD5);
	core_set_add(&want, F_PARENT_NAME);
	bool open[UINT8_MAX + 1];
	windows_want(&want, open);
	d.c.want = &want;
	d.c.open_words = open;
	event_begin(&d.e, &d.arena, NULL);
	d.e.channel = STR("Microsoft-Windows-Sysmon/Operational");
	d.e.code = STR("3");
	static const char *const native[] = {"SourceIp=192.0.2.1", "SourcePort=5", "Image=C:\\x.exe", "Computer=ws",
	    "Hashes=MD5=1,SHA256=2", "ParentImage=C:\\y.exe"};
	for (size_t i = 0; i < COUNT(native); i++) {
		struct str value = str_z(native[i]), name;
		CHECK(str_split(&value, '=', &name));
		event_put(&d.e, d.names, name, value, FIELD_TEXT, false);
	}
	decode_windows_core(&d.c, &d.e);
	CHECK_INT(d.e.field_count, COUNT(native) + 3);
	decoded_check(&d, (const char *const[]){"+source.ip=192.0.2.1", "+file.hash.md5=1", "+process.parent.name=y.exe", NULL});
	decoded_close(&d);
}
