/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lines of key=value, as FortiGate, Sophos, SonicWall and many smaller firewalls write: every pair under its own name,
 * the usual ones as core fields. A line is taken for one of these when it begins with pairs and holds at least four.
 */
#include "base/time.h"
#include "decode/lines.h"
#include "decode/pattern.h"

#define PAIRS_WANTED 4

struct pairs {
	struct firewall_line firewall;
	struct str date, time, zone, action, user, type;
	bool forti, traffic;
};

static bool
is_key(struct str s)
{
	if (!s.n || s.n > 48 || !text_is_letter(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!text_is_letter(s.p[i]) && !text_is_digit(s.p[i]) && s.p[i] != '_' && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return true;
}

/* key=value or key="any \" thing", with the blanks behind it; false at anything else. */
static bool
take_pair(struct str *rest, struct str *ret_key, struct str *ret_value)
{
	ptrdiff_t equals = str_find_char(str_cut(*rest, 0, 49), '=');
	if (equals < 1 || !is_key(str_cut(*rest, 0, (size_t)equals)))
		return false;
	*ret_key = str_cut(*rest, 0, (size_t)equals);
	struct str s = str_skip(*rest, (size_t)equals + 1);
	size_t n = 0;
	if (text_take(&s, STR("\""))) {
		while (n < s.n && s.p[n] != '"')
			n += s.p[n] == '\\' ? 2 : 1;
		*ret_value = str_cut(s, 0, n);
		s = str_skip(s, n + 1);
	} else {
		while (n < s.n && s.p[n] != ' ' && s.p[n] != ',')
			n++;
		*ret_value = str_cut(s, 0, n);
		s = str_skip(s, n);
	}
	text_take(&s, STR(","));
	*rest = text_skip_blanks(s);
	return true;
}

static bool
enough_pairs(struct str rest)
{
	struct str key, value;
	for (int i = 0; i < PAIRS_WANTED; i++)
		if (!take_pair(&rest, &key, &value))
			return false;
	return true;
}

/* "203.0.113.7:4507:WAN" of SonicWall is address, port and zone. */
static void
note_address(struct str value, struct str *ip, struct str *port)
{
	struct str part;
	if (ip->n)
		return;
	*ip = value;
	if (text_is_ip(value) || !str_split(&value, ':', &part) || !text_is_ip(part))
		return;
	*ip = part;
	if (str_split(&value, ':', &part) && text_is_number(part))
		*port = part;
}

/* Fortinet writes protocols as numbers (IANA, protocol-numbers). */
static struct str
protocol_name(struct str s)
{
	static const struct {
		struct str number, name;
	} row[] = {{STR_INIT("6"), STR_INIT("tcp")}, {STR_INIT("17"), STR_INIT("udp")}, {STR_INIT("1"), STR_INIT("icmp")},
		{STR_INIT("58"), STR_INIT("icmpv6")}, {STR_INIT("47"), STR_INIT("gre")}, {STR_INIT("50"), STR_INIT("esp")}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].number, s))
			return row[i].name;
	return s;
}

static void
note_pair(struct pairs *p, struct str key, struct str value)
{
	struct firewall_line *f = &p->firewall;
	const struct text_slot row[] = {{STR("srcport"), &f->src_port}, {STR("src_port"), &f->src_port}, {STR("dstport"), &f->dst_port},
		{STR("dst_port"), &f->dst_port}, {STR("proto"), &f->protocol}, {STR("protocol"), &f->protocol},
		{STR("srcintf"), &f->in}, {STR("in_interface"), &f->in}, {STR("dstintf"), &f->out},
		{STR("out_interface"), &f->out}, {STR("date"), &p->date}, {STR("time"), &p->time}, {STR("tz"), &p->zone},
		{STR("action"), &p->action}, {STR("status"), &p->action}, {STR("user"), &p->user},
		{STR("user_name"), &p->user}, {STR("type"), &p->type}};
	if (str_eq(key, STR("srcip")) || str_eq(key, STR("src_ip")) || str_eq(key, STR("src")))
		note_address(value, &f->src_ip, &f->src_port);
	else if (str_eq(key, STR("dstip")) || str_eq(key, STR("dst_ip")) || str_eq(key, STR("dst")))
		note_address(value, &f->dst_ip, &f->dst_port);
	text_note(row, COUNT(row), key, value);
	p->forti |= str_eq(key, STR("devid")) || str_eq(key, STR("logid"));
	p->traffic |= str_eq(key, STR("type")) && str_eq(value, STR("traffic"));
	p->traffic |= str_eq(key, STR("log_type")) && str_eq(value, STR("Firewall"));
}

static void
add_core(struct event *e, struct str key, struct str value)
{
	static const struct {
		struct str key;
		uint32_t core;
	} row[] = {{STR_INIT("devname"), F_OBSERVER_NAME}, {STR_INIT("device_name"), F_OBSERVER_NAME},
		{STR_INIT("hostname"), F_URL_DOMAIN}, {STR_INIT("url"), F_URL_ORIGINAL}, {STR_INIT("sentbyte"), F_SOURCE_BYTES},
		{STR_INIT("rcvdbyte"), F_DESTINATION_BYTES}, {STR_INIT("sent_bytes"), F_SOURCE_BYTES},
		{STR_INIT("recv_bytes"), F_DESTINATION_BYTES}, {STR_INIT("level"), F_LOG_LEVEL}, {STR_INIT("pri"), F_LOG_LEVEL},
		{STR_INIT("attack"), F_RULE_NAME}, {STR_INIT("virus"), F_RULE_NAME}, {STR_INIT("logid"), F_EVENT_CODE},
		{STR_INIT("log_id"), F_EVENT_CODE}, {STR_INIT("from"), F_EMAIL_FROM}, {STR_INIT("to"), F_EMAIL_TO},
		{STR_INIT("qname"), F_DNS_QUESTION}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].key, key) && !event_find(e, row[i].core))
			event_put_core(e, row[i].core, value);
}

/* date= time= tz=, or time="2026-11-22 02:13:40". */
static void
take_time(struct event *e, const struct pairs *p, int zone)
{
	char text[48];
	bool both = p->date.n == 10 && p->time.n >= 8 && p->time.n < 16 && p->zone.n < 8;
	bool one = p->time.n >= 19 && p->time.n < 40;
	size_t n = 0;
	if (!both && !one)
		return;
	if (both) {
		memcpy(text, p->date.p, 10);
		text[10] = ' ';
		n = 11;
	}
	struct str clock = one ? str_cut(p->time, 0, 19) : p->time;
	memcpy(text + n, clock.p, clock.n);
	n += clock.n;
	if (both && p->zone.n) {
		memcpy(text + n, p->zone.p, p->zone.n);
		n += p->zone.n;
	}
	if (one && str_ends(p->time, STR(" UTC")))
		text[n++] = 'Z';
	(void)time_parse(str_from(text, n), zone, &e->time_ms); /* else the time of the header, or none */
}

int
decode_kv(struct decode_context *c, struct str line, struct event *e)
{
	struct str rest = text_skip_blanks(line), key, value;
	struct pairs p = {0};
	if (!enough_pairs(rest))
		return E_INVALID;
	while (rest.n) {
		if (take_pair(&rest, &key, &value)) {
			text_add(c, e, key, value);
			note_pair(&p, key, value);
			add_core(e, key, value);
		} else {
			text_take_word(&rest);
		}
	}
	p.firewall.text = p.action;
	p.firewall.protocol = protocol_name(p.firewall.protocol);
	event_put_core(e, F_USER_NAME, p.user);
	if (p.firewall.src_ip.n)
		firewall_add(c, &p.firewall, e);
	e->category = p.traffic ? STR("firewall") : (struct str){0};
	take_time(e, &p, c->zone);
	if (p.forti) {
		e->product = STR("fortigate");
		e->service = p.type;
	}
	e->confidence = e->confidence ? e->confidence : 80;
	e->decoder = DECODER_KV;
	event_put_core(e, F_EVENT_DATASET, p.forti ? STR("fortigate.log") : STR("firewall.log"));
	return 0;
}
