/* SPDX-License-Identifier: EUPL-1.2 */
/* The LOG target of the Linux packet filter (net/netfilter/nf_log_syslog.c writes these lines). */
#include "decode/lines.h"
#include "decode/pattern.h"

/* deny, accept or nothing, by the words people put into log prefixes. */
static struct str
action_of(struct str text)
{
	static const struct {
		struct str word, action;
	} row[] = {
		{STR_INIT("drop"), STR_INIT("deny")},     {STR_INIT("block"), STR_INIT("deny")},
		{STR_INIT("reject"), STR_INIT("deny")},   {STR_INIT("deny"), STR_INIT("deny")},
		{STR_INIT("denied"), STR_INIT("deny")},   {STR_INIT("accept"), STR_INIT("accept")},
		{STR_INIT("allow"), STR_INIT("accept")},  {STR_INIT("permit"), STR_INIT("accept")},
	};
	for (size_t i = 0; text.n <= 256 && i < COUNT(row); i++)
		if (str_find_nocase(text, row[i].word) >= 0)
			return row[i].action;
	return (struct str){0};
}

void
firewall_add(struct decode_context *c, const struct firewall_line *f, struct event *e)
{
	struct str action = action_of(f->text), protocol = text_lower(c->arena, f->protocol);
	text_add(c, e, STR("src_ip"), f->src_ip);
	text_add(c, e, STR("dst_ip"), f->dst_ip);
	text_add(c, e, STR("src_port"), f->src_port);
	text_add(c, e, STR("dst_port"), f->dst_port);
	text_add(c, e, STR("protocol"), protocol);
	text_add(c, e, STR("action"), action);
	text_add_address(e, f->src_ip, F_SOURCE_IP, F_SOURCE_DOMAIN);
	text_add_address(e, f->dst_ip, F_DESTINATION_IP, F_DESTINATION_DOMAIN);
	event_put_core(e, F_SOURCE_PORT, f->src_port);
	event_put_core(e, F_DESTINATION_PORT, f->dst_port);
	event_put_core(e, F_NETWORK_TRANSPORT, protocol);
	event_put_core(e, F_INTERFACE_IN, f->in);
	event_put_core(e, F_INTERFACE_OUT, f->out);
	event_put_core(e, F_EVENT_CATEGORY, STR("network"));
	bool deny = str_eq(action, STR("deny"));
	pattern_outcome(e, deny ? STR("firewall_deny") : action.n ? STR("firewall_accept") : STR("firewall"),
	    deny ? OUTCOME_FAILURE : action.n ? OUTCOME_SUCCESS : OUTCOME_NONE);
	e->category = STR("firewall");
}

/* "[12345.678901] " of the kernel's own clock. */
static struct str
without_uptime(struct str message)
{
	struct str rest = message;
	if (!text_take(&rest, STR("[")))
		return message;
	rest = text_skip_blanks(rest);
	if (!rest.n || !text_is_digit(rest.p[0]))
		return message;
	ptrdiff_t close = str_find(str_cut(rest, 0, 32), STR("] "));
	return close < 0 ? message : str_skip(rest, (size_t)close + 2);
}

static void
note(struct firewall_line *f, struct str key, struct str value)
{
	const struct {
		struct str key;
		struct str *to;
	} row[] = {{STR("IN"), &f->in}, {STR("OUT"), &f->out}, {STR("SRC"), &f->src_ip}, {STR("DST"), &f->dst_ip},
		{STR("PROTO"), &f->protocol}, {STR("SPT"), &f->src_port}, {STR("DPT"), &f->dst_port}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (!row[i].to->n && str_eq(row[i].key, key))
			*row[i].to = value;
}

int
decode_netfilter(struct decode_context *c, struct str message, struct event *e)
{
	struct str text = without_uptime(message);
	ptrdiff_t out = str_find(text, STR(" OUT="));
	ptrdiff_t in = out < 0 ? -1 : str_find(str_cut(text, 0, (size_t)out), STR("IN="));
	if (in < 0 || (in > 0 && text.p[in - 1] != ' ' && text.p[in - 1] != ':') || str_find(text, STR(" SRC=")) < 0)
		return E_INVALID;
	struct firewall_line f = {.text = str_trim(str_cut(text, 0, (size_t)in))};
	struct str rest = str_skip(text, (size_t)in);
	text_add(c, e, STR("prefix"), f.text);
	while (rest.n && rest.p[0] != '[') { /* "[SRC=...]" is the packet an ICMP error speaks of */
		struct str word = text_take_word(&rest);
		ptrdiff_t equals = str_find_char(word, '=');
		if (equals <= 0)
			continue; /* a flag: DF, SYN, ACK */
		struct str key = str_cut(word, 0, (size_t)equals), value = str_skip(word, (size_t)equals + 1);
		text_add(c, e, key, value);
		note(&f, key, value);
	}
	firewall_add(c, &f, e);
	event_put_core(e, F_EVENT_DATASET, STR("linux.netfilter"));
	e->decoder = DECODER_NETFILTER;
	return 0;
}
