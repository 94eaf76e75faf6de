/* SPDX-License-Identifier: EUPL-1.2 */
#include "decoded.h"

static const struct {
	const char *line;
	enum decoder_id decoder;
	int64_t time_ms;
	const char *want[8];
} row[] = {
	{"{'_index':'w','_id':'1','_score':1,'_source':{'@timestamp':'2026-11-21T19:13:40.123Z','winlog':{'event_id':1,'channel':'Security','event_data':{'Image':'C:\\\\x.exe'}}}}",
	    DECODER_WINDOWS_JSON, 1795288420123, {"Image=C:\\x.exe", "EventID=1", "_index=(none)"}},
	{"{'_source':{'timestamp':'2026-11-21T19:13:40Z','event_type':'alert','flow_id':1,'src_ip':'203.0.113.7'}}", DECODER_EVE, 1795288420000, {"+source.ip=203.0.113.7"}},
	{"{'preview':false,'offset':1,'result':{'_raw':'{\\'EventID\\':1,\\'Channel\\':\\'Security\\',\\'Image\\':\\'x\\'}','host':'h'}}", DECODER_WINDOWS_JSON, TIME_NONE, {"Image=x"}},
	{"{'preview':false,'result':{'EventID':1,'Channel':'Security','Image':'x'}}", DECODER_WINDOWS_JSON, TIME_NONE, {"Image=x"}},
	{"{'document':{'kind':'evtx','data':{'Event':{'System':{'EventID':1,'Channel':'Security'},'EventData':{'Image':'x'}}}}}", DECODER_WINDOWS_JSON, TIME_NONE, {"Image=x"}},
	{"{'System':{'EventID':{'#text':'1'},'Channel':'Security'},'EventData':{'Image':'x'}}", DECODER_WINDOWS_JSON, TIME_NONE, {"Image=x", "EventID=1"}},
	{"{'System':{'EventID':104,'Channel':'System'},'UserData':{'LogFileCleared':{'Channel':'Security'}}}", DECODER_WINDOWS_JSON, TIME_NONE, {"EventID=104"}},
	{"{'log':'Nov 22 02:13:40 web1 sshd[1]: Failed password for an from 203.0.113.7 port 22 ssh2\\n','stream':'stderr','time':'2026-11-21T19:13:41Z'}",
	    DECODER_SSHD, TIME_NONE, {"user=an", "stream=stderr", "log=(none)", "+source.ip=203.0.113.7"}},
	{"{'log':'203.0.113.7 - - [22/Nov/2026:02:13:40 +0700] \\'GET / HTTP/1.1\\' 200 5\\n','stream':'stdout','time':'2026-11-21T19:13:41Z'}",
	    DECODER_WEB, 1795288420000, {"c-ip=203.0.113.7", "sc-status=200"}},
	{"{'log':'nothing we know','stream':'stdout','time':'2026-11-21T19:13:40Z'}", DECODER_JSON, 1795288420000, {"log=nothing we know"}},
	{"{'@timestamp':'2026-11-21T19:13:41Z','agent':{'type':'filebeat'},'message':'<38>1 2026-11-21T19:13:40Z web1 sshd 1 - - Invalid user an from 203.0.113.7'}",
	    DECODER_SSHD, 1795288420000, {"user=an", "agent.type=filebeat"}},
	{"{'__REALTIME_TIMESTAMP':'1795288420123456','_HOSTNAME':'web1','SYSLOG_IDENTIFIER':'sshd:','_PID':'7','PRIORITY':'6','SYSLOG_FACILITY':'10','MESSAGE':'Invalid user an from 203.0.113.7'}",
	    DECODER_SSHD, 1795288420123, {"user=an", "hostname=web1", "facility=authpriv", "PRIORITY=6", "pid=7", "MESSAGE=(none)"}},
	{"{'__REALTIME_TIMESTAMP':'1795288420123456','_COMM':'kernel','MESSAGE':[104,105,255]}", DECODER_SYSLOG, 1795288420123, {"+message=hi\xff"}},
	{"{'_source':'text'}", DECODER_JSON, TIME_NONE, {"_source=text"}},
	{"{'_source':[1]}", DECODER_JSON, TIME_NONE, {"_source=1"}},
	{"{'document':{'data':1},'x':'y'}", DECODER_JSON, TIME_NONE, {"document.data=1", "x=y"}},
	/* more around it than anybody writes: read as far as it goes, as plain members */
	{"{'_source':{'_source':{'_source':{'_source':{'a':'b'}}}}}", DECODER_JSON, TIME_NONE, {"_source.a=b"}},
};

TEST(what_is_inside_is_read_as_if_alone)
{
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK_INT(decoded_quoted(&d, row[i].line), 0);
		tap_check(d.e.decoder == row[i].decoder, __FILE__, __LINE__, "%s: decoder %s", row[i].line, decoder_name(d.e.decoder));
		if (row[i].time_ms != TIME_NONE)
			CHECK_INT(d.e.time_ms, row[i].time_ms);
		decoded_check(&d, row[i].want);
	}
	decoded_close(&d);
}
