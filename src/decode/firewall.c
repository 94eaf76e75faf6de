/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Firewalls with a form of their own. Palo Alto writes values between commas, whose place tells what they are (PAN-OS,
 * "Syslog Field Descriptions"); Check Point pairs in brackets: [action:"Drop"; src:"203.0.113.7"; ...].
 */
#include "decode/flatten.h"
#include "decode/lines.h"
#include "decode/moment.h"
#include "decode/pattern.h"

#define PALO_HEAD 7 /* values before those that depend on the type */

/* The value up to the next comma; one in quotes may hold some. */
static bool
take_value(struct str *rest, struct str *ret)
{
	struct str s = *rest;
	if (!text_take(&s, STR("\"")))
		return str_split(rest, ',', ret);
	ptrdiff_t close = str_find_char(s, '"');
	if (close < 0)
		return false;
	*ret = str_cut(s, 0, (size_t)close);
	*rest = str_skip(s, (size_t)close + 1);
	text_take(rest, STR(","));
	return true;
}

/* "2026/11/22 02:13:40" */
static bool
is_palo_time(struct str s)
{
	return s.n == 19 && s.p[4] == '/' && s.p[7] == '/' && s.p[10] == ' ' && s.p[13] == ':';
}

/* Where a value of TRAFFIC and THREAT goes, behind the head. */
static const struct palo_row {
	struct str name;
	uint32_t core;
} palo_rows[] = {
	{STR_INIT("src"), 0}, {STR_INIT("dst"), 0}, {STR_INIT("natsrc"), 0}, {STR_INIT("natdst"), 0}, {STR_INIT("rule"), 0},
	{STR_INIT("srcuser"), F_USER_NAME}, {STR_INIT("dstuser"), F_USER_TARGET_NAME}, {STR_INIT("app"), F_NETWORK_PROTOCOL},
	{STR_INIT("vsys"), 0}, {STR_INIT("from"), 0}, {STR_INIT("to"), 0}, {STR_INIT("inbound_if"), 0}, {STR_INIT("outbound_if"), 0},
	{STR_INIT("logset"), 0}, {STR_INIT(""), 0}, {STR_INIT("sessionid"), 0}, {STR_INIT("repeatcnt"), 0}, {STR_INIT("sport"), 0},
	{STR_INIT("dport"), 0}, {STR_INIT("natsport"), 0}, {STR_INIT("natdport"), 0}, {STR_INIT("flags"), 0}, {STR_INIT("proto"), 0},
	{STR_INIT("action"), 0},
}, traffic_rows[] = {
	{STR_INIT("bytes"), F_NETWORK_BYTES}, {STR_INIT("bytes_sent"), F_SOURCE_BYTES}, {STR_INIT("bytes_received"), F_DESTINATION_BYTES},
}, threat_rows[] = {
	{STR_INIT("misc"), F_URL_ORIGINAL}, {STR_INIT("threatid"), F_RULE_NAME}, {STR_INIT("category"), F_RULE_CATEGORY},
	{STR_INIT("severity"), F_LOG_LEVEL}, {STR_INIT("direction"), 0},
};

static void
note(struct firewall_line *f, struct str name, struct str value)
{
	const struct text_slot row[] = {{STR("src"), &f->src_ip}, {STR("dst"), &f->dst_ip}, {STR("sport"), &f->src_port}, {STR("dport"), &f->dst_port},
		{STR("s_port"), &f->src_port}, {STR("service"), &f->dst_port}, {STR("proto"), &f->protocol}, {STR("action"), &f->text},
		{STR("inbound_if"), &f->in}, {STR("outbound_if"), &f->out}};
	text_note(row, COUNT(row), name, value);
}

static void
add_values(struct decode_context *c, struct event *e, struct str *rest, const struct palo_row *row, size_t count, struct firewall_line *f)
{
	struct str value;
	for (size_t i = 0; i < count && take_value(rest, &value); i++) {
		if (!row[i].name.n || !value.n)
			continue;
		text_add(c, e, row[i].name, value);
		note(f, row[i].name, value);
		if (row[i].core)
			event_put_core(e, row[i].core, value);
	}
}

static void
finish(struct decode_context *c, const struct firewall_line *f, struct str product, struct event *e)
{
	e->category = (struct str){0};
	if (f->src_ip.n && f->dst_ip.n)
		firewall_add(c, f, e);
	e->product = product;
	e->confidence = e->confidence ? e->confidence : 90;
	e->decoder = DECODER_FIREWALL;
}

static int
decode_palo_alto(struct decode_context *c, struct str rest, struct event *e)
{
	struct str head[PALO_HEAD];
	struct firewall_line f = {0};
	for (size_t i = 0; i < PALO_HEAD; i++)
		if (!take_value(&rest, &head[i]))
			return E_INVALID;
	if (head[0].n != 1 || !is_palo_time(head[1]) || !head[3].n || head[3].p[0] < 'A' || head[3].p[0] > 'Z')
		return E_INVALID;
	bool traffic = str_eq(head[3], STR("TRAFFIC")), threat = str_eq(head[3], STR("THREAT"));
	text_add(c, e, STR("serial"), head[2]);
	text_add(c, e, STR("type"), head[3]);
	text_add(c, e, STR("subtype"), head[4]);
	event_put_core(e, F_EVENT_CODE, head[3]);
	event_put_core(e, F_EVENT_DATASET, STR("paloalto.log"));
	if (traffic || threat)
		add_values(c, e, &rest, palo_rows, COUNT(palo_rows), &f);
	if (traffic)
		add_values(c, e, &rest, traffic_rows, COUNT(traffic_rows), &f);
	if (threat)
		add_values(c, e, &rest, threat_rows, COUNT(threat_rows), &f);
	struct str made = head[6].n ? head[6] : head[1];
	if (is_palo_time(made))
		(void)moment_parse(made, c->zone, &e->time_ms);
	e->service = head[3];
	e->code = head[3];
	finish(c, &f, STR("paloalto"), e);
	return 0;
}

/* name:"value"; with one colon or two, and backslashes before quotes and brackets. */
static bool
take_check_point_pair(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	struct str s = text_skip_blanks(*rest);
	ptrdiff_t colon = str_find_char(str_cut(s, 0, 64), ':');
	if (colon < 1)
		return false;
	*ret_name = str_cut(s, 0, (size_t)colon);
	s = str_skip(s, (size_t)colon + 1);
	text_take(&s, STR(":"));
	if (!text_take(&s, STR("\"")))
		return false;
	size_t n = 0;
	while (n < s.n && s.p[n] != '"')
		n += s.p[n] == '\\' ? 2 : 1;
	*ret_value = str_cut(s, 0, n);
	*rest = str_skip(s, n + 1);
	text_take(rest, STR(";"));
	return true;
}

static int
decode_check_point(struct decode_context *c, struct str rest, struct event *e)
{
	struct str name, value, after, time = {0};
	struct firewall_line f = {0};
	after = rest;
	if (!text_take(&after, STR("[")) || !take_check_point_pair(&after, &name, &value) || !str_starts(text_skip_blanks(rest), STR("[action:")))
		return E_INVALID;
	rest = str_skip(rest, 1);
	while (take_check_point_pair(&rest, &name, &value)) {
		text_add(c, e, name, value);
		note(&f, name, value);
		if (str_eq(name, STR("time")))
			time = value;
		else if (str_eq(name, STR("rule_name")) && !event_find(e, F_RULE_NAME))
			event_put_core(e, F_RULE_NAME, value);
		else if (str_eq(name, STR("user")))
			event_put_core(e, F_USER_NAME, value);
	}
	(void)time_from_epoch(time, &e->time_ms);
	event_put_core(e, F_EVENT_DATASET, STR("checkpoint.log"));
	e->service = (struct str){0};
	finish(c, &f, STR("checkpoint"), e);
	return 0;
}

int
decode_firewall(struct decode_context *c, struct str line, struct event *e)
{
	struct str rest = text_skip_blanks(line);
	return str_starts(rest, STR("[")) ? decode_check_point(c, rest, e) : decode_palo_alto(c, rest, e);
}
