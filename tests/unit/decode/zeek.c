/* SPDX-License-Identifier: EUPL-1.2 */
#include "decoded.h"

static const struct {
	const char *line;
	struct str log;
	int64_t time_ms;
	const char *fields[16];
} lines[] = {
	{"{'_path':'conn','ts':1591367999.305988,'uid':'CMdzit1AMNsmfAIiQc','id.orig_h':'192.168.4.76',"
	    "'id.orig_p':36844,'id.resp_h':'192.168.4.1','id.resp_p':53,'proto':'udp','service':'dns',"
	    "'orig_bytes':62,'resp_bytes':141,'conn_state':'SF','orig_pkts':1,'resp_pkts':2,'duration':0.0451}",
	    STR_INIT("conn"), 1591367999305,
	    {"id.orig_h=192.168.4.76", "ts=1591367999.305988", "+source.ip=192.168.4.76", "+source.port=36844",
	        "+destination.port=53", "+network.transport=udp", "+network.protocol=dns", "+destination.bytes=141",
	        "+event.dataset=zeek.conn", "+event.type=connection", "+khien.flow_state=answered"}},
	{"{'_path':'conn','ts':1591367999.5,'id.orig_h':'192.0.2.1','id.resp_h':'192.0.2.2','id.resp_p':445,'proto':'tcp',"
	    "'conn_state':'REJ','orig_pkts':1,'resp_pkts':3,'duration':61.25}",
	    STR_INIT("conn"), 1591367999500,
	    {"+khien.flow_state=refused", "+source.packets=1", "+destination.packets=3", "+event.duration=61250000000"}},
	{"{'_path':'conn','ts':1,'id.orig_h':'192.0.2.1','id.resp_h':'192.0.2.2','conn_state':'OTH','duration':'-'}",
	    STR_INIT("conn"), 1000, {"+khien.flow_state=(none)", "+event.duration=(none)", "+event.type=connection"}},
	{"{'ts':'2020-06-05T14:39:59.305988Z','uid':'C','id':{'orig_h':'192.0.2.1','resp_h':'192.0.2.2'},"
	    "'query':'a.example','qtype_name':'A','answers':['192.0.2.3','192.0.2.4'],'rcode_name':'NOERROR'}",
	    STR_INIT("dns"), 1591367999305,
	    {"id.orig_h=192.0.2.1", "answers=192.0.2.3\n192.0.2.4", "+source.ip=192.0.2.1", "+dns.question.name=a.example",
	        "+dns.answers.data=192.0.2.3\n192.0.2.4", "+dns.response_code=NOERROR", "+event.type=query"}},
	{"{'ts':1,'uid':'C','trans_depth':1,'method':'GET','host':'h.example','uri':'\\/p','username':'-'}",
	    STR_INIT("http"), 1000, {"+http.request.method=GET", "+url.domain=h.example", "+url.original=/p", "+user.name=(none)"}},
	{"{'ts':1591367999,'fuid':'F','mime_type':'text\\/plain','md5':'00','tx_hosts':[]}", STR_INIT("files"), 1591367999000,
	    {"tx_hosts=", "+file.hash.md5=00"}},
	{"{'ts':'never','uid':'C','unheard_of':1}", STR_INIT(""), TIME_NONE, {"unheard_of=1", "+event.dataset=(none)"}},
};

TEST(logs_with_and_without_their_path)
{
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(lines); i++) {
		CHECK_INT(decoded_quoted(&d, lines[i].line), 0);
		CHECK_INT(d.e.decoder, DECODER_ZEEK);
		CHECK_STR(d.e.product, STR("zeek"));
		CHECK_STR(d.e.service, lines[i].log);
		CHECK_INT(d.e.time_ms, lines[i].time_ms);
		decoded_check(&d, lines[i].fields);
	}
	decoded_close(&d);
}
