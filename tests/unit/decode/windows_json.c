/* SPDX-License-Identifier: EUPL-1.2 */
#include <dirent.h>
#include "decoded.h"
#include "zst.h"

static const char sysmon_xml[] =
    "{'Event':{'#attributes':{'xmlns':'http://schemas.microsoft.com/win/2004/08/events/event'},"
    "'System':{'Provider':{'#attributes':{'Name':'Microsoft-Windows-Sysmon','Guid':'{5770385F}'}},"
    "'EventID':{'#attributes':{'Qualifiers':0},'#text':10},'Version':3,'Correlation':null,"
    "'TimeCreated':{'#attributes':{'SystemTime':'2026-01-02T03:04:05.678901Z'}},'EventRecordID':571146,"
    "'Execution':{'#attributes':{'ProcessID':3544,'ThreadID':4272}},"
    "'Channel':'Microsoft-Windows-Sysmon\\/Operational','Computer':'may-01',"
    "'Security':{'#attributes':{'UserID':'S-1-5-18'}}},'EventData':{'UtcTime':'2026-01-02 03:04:05.600',"
    "'SourceImage':'C:\\\\Windows\\\\System32\\\\x\\u0111.exe','Threat Name':'a',"
    "'GrantedAccess':'0x0000000000001410','Zero':'0x00000000','NotHex':'0x0-0x1','Empty':'','Null':null,"
    "'SourceUser':'TINH\\\\an'}}}";

static const struct {
	const char *line;
	const char *channel, *code, *provider, *product, *category;
	int64_t time_ms;
	const char *fields[24];
} layouts[] = {
	{sysmon_xml, "Microsoft-Windows-Sysmon/Operational", "10", "Microsoft-Windows-Sysmon", "windows", "", 1767323045678,
	    {"Provider_Name=Microsoft-Windows-Sysmon", "Provider_Guid={5770385F}", "EventID=10", "EventID_Qualifiers=0",
	        "EventRecordID=571146", "Execution_ProcessID=3544", "Security_UserID=S-1-5-18", "Computer=may-01",
	        "SystemTime=2026-01-02T03:04:05.678901Z", "SourceImage=C:\\Windows\\System32\\x\xc4\x91.exe", "ThreatName=a",
	        "GrantedAccess=0x1410", "Zero=0x0", "NotHex=0x0-0x1", "Empty=", "Correlation=(none)", "xmlns=(none)",
	        "+host.name=may-01", "+process.name=x\xc4\x91.exe", "+user.name=an", "+user.domain=TINH",
	        "+event.dataset=windows.sysmon", "+event.action=process_access"}},
	{"{'Event':{'System':{'EventID':1102,'Channel':'Security','Provider_attributes':{'Name':'P'}},"
	    "'UserData':{'LogFileCleared':{'#attributes':{'xmlns':'x'},'SubjectUserName':'an',"
	    "'Deep':{'Leaf Name':'1'}}}}}",
	    "Security", "1102", "P", "windows", "", TIME_NONE,
	    {"SubjectUserName=an", "Provider_Name=P", "LeafName=1", "+user.name=an", "+event.action=log_cleared",
	        "+event.outcome=success"}},
	{"{'Event':{'System':{'EventID':7036,'Channel':'System'},'EventData':{'Data':{'#text':['a','b\\\\']},"
	    "'Binary':'00','#attributes':{'Name':'N'}}}}",
	    "System", "7036", "", "windows", "", TIME_NONE, {"Data=a\nb\\", "Binary=00", "EventData_Name=N"}},
	{"{'Event':{'System':{'EventID':'4','Provider':{'@Name':'Q'}},'EventData':{'Data':[{'@Name':'Image',"
	    "'#text':'a.exe'},{'@Name':'User','#text':'b'}]}}}",
	    "", "4", "Q", "windows", "", TIME_NONE, {"Image=a.exe", "User=b", "+process.name=a.exe"}},
	{"{'EventType':'INFO','EventTypeOrignal':'SetValue','EventTime':'2020-08-06 03:19:37',"
	    "'Channel':'Security','SourceName':'Microsoft-Windows-Security-Auditing','Hostname':'WS6',"
	    "'EventID':4624,'RecordNumber':7,'SourceModuleType':'im_msvistalog','ExecutionProcessID':3,"
	    "'ThreadID':4,'ProviderGuid':'{5}','Keywords':-9214364837600034816,'TargetUserName':'an',"
	    "'SubjectUserName':'WS6$','IpAddress':'::ffff:192.0.2.7','IpPort':'-',"
	    "'@timestamp':'2020-08-06T07:19:39.749Z'}",
	    "Security", "4624", "Microsoft-Windows-Security-Auditing", "windows", "", 1596698379749,
	    {"EventType=SetValue", "nxlog.EventType=INFO", "Computer=WS6", "EventRecordID=7", "Execution_ProcessID=3",
	        "Execution_ThreadID=4", "Provider_Guid={5}", "+user.name=an", "+source.ip=192.0.2.7", "+source.port=(none)",
	        "+event.outcome=success", "+event.code=4624", "+event.category=authentication", "SourceName=(none)"}},
	{"{'@timestamp':'2026-03-04T05:06:07.008Z','winlog':{'channel':'Security','event_id':'4688',"
	    "'provider_name':'P','computer_name':'ws','record_id':12,'keywords':['Audit Success'],"
	    "'process':{'pid':4,'thread':{'id':5}},'event_data':{'NewProcessName':'C:\\\\a b\\\\c.exe',"
	    "'ProcessId':'0x1','NewProcessId':'0x2','SubjectUserName':'an'},'user':{'identifier':'S-1'}},"
	    "'host':{'name':'from-ecs'},'message':'m'}",
	    "Security", "4688", "P", "windows", "", 1772600767008,
	    {"EventID=4688", "Computer=ws", "EventRecordID=12", "Execution_ProcessID=4", "Execution_ThreadID=5",
	        "NewProcessName=C:\\a b\\c.exe", "Security_UserID=S-1", "host.name=from-ecs", "+host.name=(none)",
	        "+process.pid=0x2", "+process.parent.pid=0x1", "+process.name=c.exe", "+event.outcome=success"}},
	{"{'winlog.channel':'Microsoft-Windows-Sysmon/Operational','winlog.event_id':3,"
	    "'winlog.event_data.DestinationIp':'192.0.2.9','winlog.event_data.Protocol':'tcp'}",
	    "Microsoft-Windows-Sysmon/Operational", "3", "", "windows", "", TIME_NONE,
	    {"DestinationIp=192.0.2.9", "+destination.ip=192.0.2.9", "+network.transport=tcp"}},
	{"{'log_name':'System','event_id':7045,'source_name':'Service Control Manager','computer_name':'ws',"
	    "'record_number':'9','event_data':{'ServiceName':'x','ImagePath':'c:\\\\x.exe -k'}}",
	    "System", "7045", "Service Control Manager", "windows", "", TIME_NONE,
	    {"ServiceName=x", "EventRecordID=9", "+process.command_line=c:\\x.exe -k", "+event.action=service_install"}},
	{"{'ProviderName':'P','EventID':4720,'Channel':'Security','Computer':'ws',"
	    "'TimeCreated':'2026-11-22 09:13:41 +0700','EventRecordID':5,'ProcessID':6,'StringInserts':['a',2,"
	    "null,'c']}",
	    "Security", "4720", "P", "windows", "", 1795313621000,
	    {"Provider_Name=P", "Data=a\n2\nc", "Execution_ProcessID=6", "+event.category=iam"}},
	{"{'ProviderName':'P','EventID':4776,'Channel':'Security','Computer':'ws','TimeCreated':'2026-11-22 09:13:41 +0700',"
	    "'StringInserts':['NTLM','an',null,3]}",
	    "Security", "4776", "P", "windows", "", 1795313621000,
	    {"TargetUserName=an", "Workstation=", "Status=3", "+user.name=an", "Data=NTLM\nan\n3"}},
	{"{'win':{'system':{'providerName':'P','eventID':'1','channel':'Microsoft-Windows-Sysmon/Operational',"
	    "'computer':'ws','systemTime':'2021-03-05T18:50:12.7900000Z'},"
	    "'eventdata':{'parentImage':'C:\\\\p.exe','hashes':'SHA1=A1,MD5=B2,SHA256=C3,IMPHASH=D4'}}}",
	    "Microsoft-Windows-Sysmon/Operational", "1", "P", "windows", "", 1614970212790,
	    {"ParentImage=C:\\p.exe", "+process.parent.name=p.exe", "+file.hash.sha256=C3", "+file.hash.sha1=A1",
	        "+file.hash.md5=B2"}},
	{"{'EventID':1,'Image':'C:\\\\p.exe','User':'CORP\\\\svc-backup','Computer':'ws-1',"
	    "'UtcTime':'2026-07-28 11:10:31.873','product':'windows','category':'process_creation'}",
	    "", "1", "", "windows", "process_creation", 1785237031873,
	    {"product=windows", "+process.name=p.exe", "+user.name=svc-backup", "+user.domain=CORP", "+event.action=process_start"}},
	{"{'EventType':'authentication_failure','SourceIP':'198.51.100.16','Computer':'auth-01',"
	    "'product':'windows','category':'authentication'}",
	    "", "", "", "windows", "authentication", TIME_NONE,
	    {"EventType=authentication_failure", "+source.ip=198.51.100.16", "+host.name=auth-01"}},
	{"{'EventID':'11','Channel':'Microsoft-Windows-Sysmon/Operational','TargetFilename':'C:\\\\a\\\\b',"
	    "'product':'windows','category':'file_event'}",
	    "Microsoft-Windows-Sysmon/Operational", "11", "", "windows", "", TIME_NONE,
	    {"+file.path=C:\\a\\b", "+file.name=b", "+event.code=11"}},
};

TEST(every_layout_gives_the_names_that_rules_ask_for)
{
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(layouts); i++) {
		CHECK_INT(decoded_quoted(&d, layouts[i].line), 0);
		CHECK_INT(d.e.decoder, DECODER_WINDOWS_JSON);
		CHECK_STR(d.e.channel, str_z(layouts[i].channel));
		CHECK_STR(d.e.code, str_z(layouts[i].code));
		CHECK_STR(d.e.provider, str_z(layouts[i].provider));
		CHECK_STR(d.e.product, str_z(layouts[i].product));
		CHECK_STR(d.e.category, str_z(layouts[i].category));
		CHECK_INT(d.e.time_ms, layouts[i].time_ms);
		decoded_check(&d, layouts[i].fields);
	}
	decoded_close(&d);
}

TEST(values_stay_escaped_until_somebody_asks)
{
	struct decoded d;
	decoded_open(&d);
	CHECK_INT(decoded_line(&d, STR("{\"EventID\":1,\"Channel\":\"x\",\"Image\":\"C:\\\\a.exe\",\"User\":\"an\"}")), 0);
	const struct field *image = event_find_name(&d.e, STR("Image")), *user = event_find_name(&d.e, STR("User"));
	CHECK(image && image->escaped && str_eq(image->value, STR("C:\\\\a.exe")));
	CHECK(user && !user->escaped);
	const struct field *path = event_find(&d.e, F_PROCESS_EXECUTABLE);
	CHECK(path && path->escaped && path->value.p == image->value.p);
	decoded_close(&d);
}

TEST(no_number_of_fields_hides_whose_machine_it_was)
{
	struct decoded d;
	struct buf line = BUF_INIT;
	decoded_open(&d);
	for (int last = 0; last < 2; last++) {
		buf_clear(&line);
		buf_add(&line, STR("{\"Channel\":\"Security\",\"EventID\":4625"));
		if (!last)
			buf_add(&line, STR(",\"Computer\":\"ws\",\"IpAddress\":\"203.0.113.5\""));
		for (unsigned i = 0; i < EVENT_MAX_FIELDS - 4 + 50 * !last; i++)
			buf_addf(&line, ",\"f%u\":%u", i, i);
		if (last) /* what tells it makes way itself */
			buf_add(&line, STR(",\"Computer\":\"ws\",\"IpAddress\":\"203.0.113.5\""));
		buf_add(&line, STR("}"));
		CHECK_INT(decoded_line(&d, buf_str(&line)), 0);
		CHECK_INT(d.e.field_count, EVENT_MAX_FIELDS);
		CHECK(d.e.dropped_fields > 0);
		CHECK_STR(event_find(&d.e, F_EVENT_DATASET)->value, STR("windows.security"));
		CHECK(last || str_eq(event_find(&d.e, F_HOST_NAME)->value, STR("ws")));
		CHECK(last || str_eq(event_find(&d.e, F_SOURCE_IP)->value, STR("203.0.113.5")));
	}
	buf_release(&line);
	decoded_close(&d);
}

TEST(what_is_not_windows_is_refused_untouched)
{
	static const struct str lines[] = {STR_INIT("{\"EventID\":1}"), STR_INIT("{\"Event\":{\"a\":1}}"), STR_INIT("{}"),
		STR_INIT("[1]"), STR_INIT("{\"winlog\":1}"), STR_INIT("{\"product\":\"linux\"}")};
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(lines); i++) {
		event_begin(&d.e, &d.arena, NULL);
		CHECK_INT(json_parse(&d.json, lines[i], NULL), 0);
		CHECK_INT(decode_windows_json(&d.c, &d.e), E_INVALID);
		CHECK_INT(d.e.field_count + d.e.product.n + d.e.decoder, 0);
	}
	decoded_close(&d);
}

struct tally {
	uint64_t lines, empty, windows, whole, timed, hosted, dropped;
};

static void
count_lines(struct decoded *d, struct str text, struct tally *t)
{
	struct str line;
	while (str_split(&text, '\n', &line)) {
		line = str_trim(line);
		t->lines++;
		if (!line.n) {
			t->empty++;
			continue;
		}
		CHECK_INT(decoded_line(d, line), 0);
		t->windows += d->e.decoder == DECODER_WINDOWS_JSON;
		t->whole += d->e.channel.n && d->e.code.n && d->e.provider.n;
		t->timed += d->e.time_ms != TIME_NONE;
		t->hosted += event_find(&d->e, F_HOST_NAME) && event_find_name(&d->e, STR("Computer"));
		t->dropped += d->e.dropped_fields;
	}
}

TEST(every_recorded_attack_decodes_whole)
{
	const char *shared = tap_shared("corpora/otrf-windows");
	if (!shared)
		SKIP("corpora/otrf-windows is not here");
	char folder[1024], path[2048];
	snprintf(folder, sizeof folder, "%s", shared);
	DIR *dir = opendir(folder);
	struct decoded d;
	struct tally t = {0};
	decoded_open(&d);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		struct buf text = BUF_INIT;
		if (!str_ends(str_z(entry->d_name), STR(".zst")))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		CHECK(read_zst(path, &text));
		if (text.n && text.p[text.n - 1] == '\n')
			text.n--;
		count_lines(&d, buf_str(&text), &t);
		buf_release(&text);
	}
	if (dir)
		closedir(dir);
	decoded_close(&d);
	CHECK(t.lines > 100000 && t.empty <= 1);
	CHECK_INT(t.windows, t.lines - t.empty);
	CHECK_INT(t.whole, t.lines - t.empty);
	CHECK_INT(t.timed, t.lines - t.empty);
	CHECK_INT(t.hosted, t.lines - t.empty);
	CHECK_INT(t.dropped, 0);
}

/* Each scalar of System and EventData in a converted event is a field with the same value. */
static void
check_members(struct decoded *d, struct json *j, uint32_t object)
{
	for (uint32_t i = json_first(j, object); object && i < json_end(j, object); i = json_next(j, i + 1)) {
		char name[128];
		size_t n = 0;
		struct str key = json_raw(j, i), want;
		for (size_t k = 0; k < key.n && n + 1 < sizeof name; k++)
			if (key.p[k] != ' ')
				name[n++] = key.p[k];
		name[n] = '\0';
		if (j->token[i + 1].kind >= JSON_ARRAY || j->token[i + 1].kind == JSON_NULL)
			continue;
		CHECK(json_string(j, i + 1, &d->arena, &want));
		CHECK_STR(decoded_value(d, name, false), want);
	}
}

static uint64_t
check_converted(struct decoded *d, struct str text)
{
	struct json j = {0};
	uint64_t events = 0;
	size_t used;
	while (str_trim(text).n && json_parse_prefix(&j, text, &used, NULL) == 0) {
		CHECK_INT(decoded_line(d, str_cut(text, 0, used)), 0);
		CHECK_INT(d->e.decoder, DECODER_WINDOWS_JSON);
		CHECK(d->e.channel.n && d->e.code.n && d->e.provider.n && d->e.time_ms != TIME_NONE);
		uint32_t event = json_get(&j, 0, STR("Event"));
		check_members(d, &j, json_get(&j, event, STR("System")));
		check_members(d, &j, json_get(&j, event, STR("EventData")));
		text = str_skip(text, used);
		events++;
	}
	CHECK_INT(str_trim(text).n, 0);
	json_release(&j);
	return events;
}

static uint64_t
check_folder(struct decoded *d, const char *folder)
{
	uint64_t events = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char path[4096];
		struct buf text = BUF_INIT;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			events += check_folder(d, path);
		if (!str_ends(str_z(entry->d_name), STR(".json")))
			continue;
		CHECK(tap_read(path, &text));
		events += check_converted(d, buf_str(&text));
		buf_release(&text);
	}
	if (dir)
		closedir(dir);
	return events;
}

TEST(every_event_of_sigmas_regression_data_has_its_fields)
{
	const char *shared = tap_shared("corpora/sigma/regression_data");
	if (!shared)
		SKIP("corpora/sigma is not here");
	char folder[1024];
	struct decoded d;
	snprintf(folder, sizeof folder, "%s", shared);
	decoded_open(&d);
	CHECK_INT(check_folder(&d, folder), 205);
	decoded_close(&d);
}
