/* SPDX-License-Identifier: EUPL-1.2 */
#include "decoded.h"

static const struct {
	const char *line;
	struct str type;
	int64_t time_ms;
	const char *fields[20];
} lines[] = {
	{"{'timestamp':'2026-11-22T09:13:41.123456+0700','flow_id':1805461738637437,'in_iface':'ens3',"
	    "'event_type':'alert','src_ip':'198.51.100.7','src_port':51234,'dest_ip':'192.0.2.10','dest_port':80,"
	    "'proto':'TCP','alert':{'action':'allowed','gid':1,'signature_id':2024897,'rev':3,"
	    "'signature':'ET \\'X\\'','category':'Trojan','severity':1,'metadata':{'created_at':['2017_10_23']}},"
	    "'http':{'hostname':'a.example','url':'\\/x?y=1','http_user_agent':'curl','http_method':'GET',"
	    "'status':200,'length':12},'app_proto':'http','flow':{'bytes_toserver':300,'bytes_toclient':4000}}",
	    STR_INIT("alert"), 1795313621123,
	    {"flow_id=1805461738637437", "alert.signature=ET \"X\"", "alert.metadata.created_at=2017_10_23",
	        "+source.ip=198.51.100.7", "+source.port=51234", "+destination.ip=192.0.2.10", "+network.transport=TCP",
	        "+rule.id=2024897", "+rule.name=ET \"X\"", "+event.severity=1", "+event.action=allowed",
	        "+event.category=intrusion_detection", "+url.original=/x?y=1", "+http.response.status_code=200",
	        "+source.bytes=300", "+observer.ingress.interface.name=ens3", "+event.dataset=suricata.alert"}},
	/* DNS 1: one answer in a line */
	{"{'timestamp':'2020-01-02T03:04:05Z','event_type':'dns','src_ip':'192.0.2.1','dns':{'type':'answer',"
	    "'id':1,'rcode':'NOERROR','rrname':'a.example','rrtype':'A','ttl':5,'rdata':'192.0.2.5'}}",
	    STR_INIT("dns"), 1577934245000,
	    {"dns.rrname=a.example", "+dns.question.name=a.example", "+dns.question.type=A", "+dns.answers.data=192.0.2.5",
	        "+dns.response_code=NOERROR", "+event.action=dns", "+event.type=answer"}},
	/* DNS 2: answers listed */
	{"{'event_type':'dns','src_ip':'192.0.2.1','dns':{'version':2,'rrname':'b.example',"
	    "'answers':[{'rrname':'b.example','rdata':'c.example'},{'rdata':'a\\u0111'}],"
	    "'grouped':{'A':['192.0.2.6','192.0.2.7']}}}",
	    STR_INIT("dns"), TIME_NONE,
	    {"dns.answers.0.rdata=c.example", "dns.grouped.A=192.0.2.6\n192.0.2.7", "+dns.question.name=b.example",
	        "+dns.answers.data=c.example\na\xc4\x91"}},
	/* DNS 3: questions listed */
	{"{'event_type':'dns','src_ip':'192.0.2.1','dns':{'version':3,'type':'request',"
	    "'queries':[{'rrname':'d.example','rrtype':'AAAA'}]}}",
	    STR_INIT("dns"), TIME_NONE, {"dns.queries.0.rrname=d.example", "+dns.question.name=d.example", "+dns.question.type=AAAA",
	        "+event.type=query", "+khien.flow_state=(none)"}},
	{"{'timestamp':'2020-01-02T03:04:15Z','event_type':'flow','src_ip':'192.0.2.1','proto':'TCP','flow':{"
	    "'pkts_toserver':1,'pkts_toclient':1,'bytes_toserver':60,'bytes_toclient':54,'start':'2020-01-02T03:04:05.5+0000',"
	    "'age':10,'state':'closed'},'tcp':{'tcp_flags':'02','tcp_flags_ts':'02','tcp_flags_tc':'14','state':'closed'}}",
	    STR_INIT("flow"), 1577934255000,
	    {"+event.type=connection", "+khien.flow_state=refused", "+source.packets=1", "+destination.packets=1",
	        "+event.start=2020-01-02T03:04:05.5+0000", "+event.duration=10000000000", "+destination.bytes=54"}},
	{"{'event_type':'flow','src_ip':'192.0.2.1','flow':{'pkts_toserver':3,'pkts_toclient':0,'age':0}}",
	    STR_INIT("flow"), TIME_NONE, {"+khien.flow_state=unanswered", "+event.duration=0"}},
	{"{'event_type':'flow','src_ip':'192.0.2.1','flow':{'pkts_toclient':4},'tcp':{'tcp_flags_tc':'1e'}}",
	    STR_INIT("flow"), TIME_NONE, {"+khien.flow_state=answered", "+event.duration=(none)"}},
	{"{'event_type':'netflow','src_ip':'192.0.2.1','netflow':{'pkts':1},'tcp':{'tcp_flags':'02','syn':true}}",
	    STR_INIT("netflow"), TIME_NONE, {"+khien.flow_state=unanswered"}},
	{"{'event_type':'netflow','src_ip':'192.0.2.1','netflow':{'pkts':1},'tcp':{'tcp_flags':'18'}}",
	    STR_INIT("netflow"), TIME_NONE, {"+khien.flow_state=answered"}},
	{"{'event_type':'netflow','src_ip':'192.0.2.1','netflow':{'pkts':9},'tcp':{'tcp_flags':'1b'}}",
	    STR_INIT("netflow"), TIME_NONE, {"+khien.flow_state=one_way"}},
	{"{'event_type':'netflow','src_ip':'192.0.2.1','netflow':{'pkts':3,'bytes':180,'start':'2020-01-02T03:04:05Z','age':7}}",
	    STR_INIT("netflow"), TIME_NONE,
	    {"+event.type=connection", "+khien.flow_state=one_way", "+source.packets=3", "+source.bytes=180",
	        "+event.start=2020-01-02T03:04:05Z", "+event.duration=7000000000"}},
	{"{'event_type':'tls','src_ip':'2001:db8::1','tls':{'sni':'s.example','ja3':{'hash':'0123'}}}",
	    STR_INIT("tls"), TIME_NONE, {"+tls.client.server_name=s.example", "+tls.client.ja3=0123", "+event.category=network"}},
	{"{'event_type':'stats','timestamp':'x','stats':{'uptime':8,'decoder':{'pkts':9,'empty':{},"
	    "'none':[]}}}",
	    STR_INIT("stats"), TIME_NONE, {"stats.decoder.pkts=9", "stats.decoder.empty=", "stats.decoder.none=", "+source.ip=(none)"}},
};

TEST(events_of_every_kind)
{
	struct decoded d;
	decoded_open(&d);
	for (size_t i = 0; i < COUNT(lines); i++) {
		CHECK_INT(decoded_quoted(&d, lines[i].line), 0);
		CHECK_INT(d.e.decoder, DECODER_EVE);
		CHECK_STR(d.e.product, STR("suricata"));
		CHECK_STR(d.e.service, lines[i].type);
		CHECK_STR(d.e.code, lines[i].type);
		CHECK_INT(d.e.time_ms, lines[i].time_ms);
		decoded_check(&d, lines[i].fields);
	}
	decoded_close(&d);
}

TEST(what_is_not_eve_is_refused_untouched)
{
	struct decoded d;
	decoded_open(&d);
	event_begin(&d.e, &d.arena, NULL);
	CHECK_INT(json_parse(&d.json, STR("{\"event_type\":\"login\",\"timestamp\":\"x\"}"), NULL), 0);
	CHECK_INT(decode_eve(&d.c, &d.e), E_INVALID);
	CHECK_INT(d.e.field_count, 0);
	decoded_close(&d);
}
