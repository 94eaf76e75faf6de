/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * RouterOS as it logs to a remote host, in its own style or with "bsd-syslog": topics, a prefix, a chain and the
 * packet. There is no specification; the lines in tests/unit/decode/linux.c are our own.
 */
#include "decode/lines.h"
#include "decode/pattern.h"

static const struct pattern account_table[] = {
	{"user %*U logged in from %I via %V", STR_INIT("login"), OUTCOME_SUCCESS},
	{"user %*U logged in via %V", STR_INIT("login"), OUTCOME_SUCCESS},
	{"user %*U logged out from %I via %V", STR_INIT("logout"), OUTCOME_NONE},
	{"user %*U logged out via %V", STR_INIT("logout"), OUTCOME_NONE},
	{"login failure for user %*U from %I via %V", STR_INIT("login"), OUTCOME_FAILURE},
	{"login failure for user %*U via %V", STR_INIT("login"), OUTCOME_FAILURE},
	{"user %T added by %U", STR_INIT("user_added"), OUTCOME_SUCCESS},
	{"user %T removed by %U", STR_INIT("user_deleted"), OUTCOME_SUCCESS},
	{"user %T changed by %U", STR_INIT("user_modified"), OUTCOME_SUCCESS},
};

bool
mikrotik_is_topics(struct str word)
{
	static const struct str topic[] = {STR_INIT("firewall"), STR_INIT("system"), STR_INIT("dhcp"), STR_INIT("ppp"),
		STR_INIT("pppoe"), STR_INIT("l2tp"), STR_INIT("pptp"), STR_INIT("sstp"), STR_INIT("ovpn"), STR_INIT("ipsec"),
		STR_INIT("interface"), STR_INIT("wireless"), STR_INIT("caps"), STR_INIT("hotspot"), STR_INIT("script"),
		STR_INIT("route"), STR_INIT("ospf"), STR_INIT("bgp"), STR_INIT("dns"), STR_INIT("web-proxy"),
		STR_INIT("wireguard"), STR_INIT("bridge"), STR_INIT("certificate"), STR_INIT("radius"), STR_INIT("ssh")};
	ptrdiff_t comma = str_find_char(word, ',');
	if (comma <= 0 || word.n > 64 || (size_t)comma + 1 == word.n)
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (!(word.p[i] >= 'a' && word.p[i] <= 'z') && !text_is_digit(word.p[i]) && word.p[i] != ',' &&
		    word.p[i] != '-')
			return false;
	for (size_t i = 0; i < COUNT(topic); i++)
		if (str_eq(topic[i], str_cut(word, 0, (size_t)comma)))
			return true;
	return false;
}

/* "192.0.2.7:4000", "[2001:db8::1]:22", "192.0.2.7" */
static void
split_address(struct str s, struct str *ret_ip, struct str *ret_port)
{
	*ret_ip = s;
	if (!s.n || text_is_ip(s))
		return;
	ptrdiff_t colon = text_find_last(s, ':');
	if (colon < 1 || !text_is_number(str_skip(s, (size_t)colon + 1)))
		return;
	*ret_port = str_skip(s, (size_t)colon + 1);
	*ret_ip = str_cut(s, 0, (size_t)colon);
	if (ret_ip->n > 2 && ret_ip->p[0] == '[' && ret_ip->p[ret_ip->n - 1] == ']')
		*ret_ip = str_cut(*ret_ip, 1, ret_ip->n - 1);
}

static void
read_segment(struct decode_context *c, struct str segment, struct firewall_line *f, struct event *e)
{
	struct str rest = segment;
	ptrdiff_t arrow = str_find(segment, STR("->"));
	if (text_take(&rest, STR("proto "))) {
		f->protocol = text_take_word(&rest);
		text_add(c, e, STR("flags"), rest);
	} else if (text_take(&rest, STR("NAT "))) {
		text_add(c, e, STR("nat"), rest);
	} else if (text_take(&rest, STR("len "))) {
		text_add(c, e, STR("len"), rest);
	} else if (arrow > 0 && !f->src_ip.n) {
		split_address(str_cut(segment, 0, (size_t)arrow), &f->src_ip, &f->src_port);
		split_address(str_skip(segment, (size_t)arrow + 2), &f->dst_ip, &f->dst_port);
	}
	if (text_take(&rest, STR("connection-state:")))
		text_add(c, e, STR("connection_state"), text_take_word(&rest));
	if (text_take(&rest, STR("connection-mark:")))
		text_add(c, e, STR("connection_mark"), text_take_word(&rest));
	if (text_take(&rest, STR("src-mac ")))
		text_add(c, e, STR("src_mac"), text_take_word(&rest));
}

/* "prefix chain" before the colon. */
static void
read_head(struct decode_context *c, struct str head, struct firewall_line *f, struct event *e)
{
	ptrdiff_t blank = text_find_last(head, ' ');
	f->text = blank < 0 ? (struct str){0} : str_cut(head, 0, (size_t)blank);
	text_add(c, e, STR("prefix"), f->text);
	text_add(c, e, STR("chain"), str_skip(head, (size_t)(blank + 1)));
}

static bool
decode_packet(struct decode_context *c, struct str text, struct event *e)
{
	ptrdiff_t in = str_find(text, STR(" in:")), out = str_find(text, STR(" out:"));
	if (in < 1 || text.p[in - 1] != ':' || out < in || in > 256)
		return false;
	struct str rest = str_skip(text, (size_t)out + 5), segment;
	if (str_find(rest, STR("proto ")) < 0)
		return false;
	struct firewall_line f = {.in = str_cut(text, (size_t)in + 4, (size_t)out)};
	read_head(c, str_cut(text, 0, (size_t)in - 1), &f, e);
	for (bool first = true; str_split(&rest, ',', &segment); first = false) {
		if (first)
			f.out = segment;
		else
			read_segment(c, text_skip_blanks(segment), &f, e);
	}
	text_add(c, e, STR("in"), f.in);
	text_add(c, e, STR("out"), f.out);
	firewall_add(c, &f, e);
	return true;
}

int
decode_mikrotik(struct decode_context *c, struct str message, struct event *e)
{
	struct str rest = message, topics = text_take_word(&rest);
	bool has_topics = mikrotik_is_topics(topics);
	if (!has_topics)
		rest = message;
	bool packet = decode_packet(c, rest, e);
	if (!packet && !has_topics)
		return E_INVALID;
	if (!packet && pattern_decode(c, account_table, COUNT(account_table), rest, e))
		event_put_core(e, F_EVENT_CATEGORY, STR("authentication"));
	e->product = STR("mikrotik");
	e->service = packet ? STR("firewall") : str_cut(topics, 0, (size_t)str_find_char(topics, ','));
	e->decoder = DECODER_MIKROTIK;
	if (has_topics)
		text_add(c, e, STR("topics"), topics);
	event_put_core(e, F_EVENT_DATASET, packet ? STR("mikrotik.firewall") : STR("mikrotik.log"));
	return 0;
}
