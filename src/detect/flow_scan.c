/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Scans: connections that fail, or end before anything is said, to many hosts on one port (horizontal) or to many
 * ports of one host (vertical). Who mostly gets an answer does not scan: a host or port that answered anything within
 * the window is none of the failed. No state is made for connections that succeed.
 */
#include "detect/flow_private.h"

static bool
has_failed(const struct flow *f, const struct flow_record *r)
{
	if (r->answer == FLOW_UNANSWERED || r->answer == FLOW_REFUSED)
		return true;
	if (r->transport == FLOW_UDP || !r->asked_packets || r->asked_packets > f->is.tiny_packets)
		return false; /* a datagram and its answer are small by nature */
	return r->one_way || r->answered_packets + 1 <= f->is.tiny_packets;
}

/* The thresholds differ by where the scan comes from: the Internet scans everybody all day. */
struct scan {
	enum flow_kind kind;
	const struct rule_info *rule;
	double least, share;
	const char *what, *what_limit;
};

static void
tell_scan(struct flow *f, const struct scan *s, const struct flow_record *r, const struct panes *p)
{
	struct flow_told t = {.f = f};
	double failed = panes_items(p, false), answered = panes_items(p, true);
	flow_tell(&t, "source.ip", r->client_text);
	if (s->kind == KIND_PORTS)
		flow_tell(&t, "destination.ip", r->server_text);
	else
		flow_tell_number(&t, "destination.port", r->server_port);
	flow_tell_number(&t, s->what, failed);
	flow_tell_number(&t, s->what_limit, s->least);
	flow_tell_number(&t, "failed_percent", 100 * failed / (failed + answered));
	flow_tell_number(&t, "limit.failed_percent", 100 * s->share);
	flow_tell_number(&t, "window_s", (double)f->is.window_ms[s->kind] / 1000);
	if (p->truncated)
		flow_tell(&t, "truncated", STR("true"));
	flow_find(&t, s->rule, r->event);
}

static void
feed_scan(struct flow *f, const struct scan *s, const struct flow_key *key, uint64_t what, const struct flow_record *r)
{
	bool failed = has_failed(f, r);
	int64_t pane;
	size_t before;
	if (!s->rule || (!failed && r->answer != FLOW_ANSWERED))
		return;
	struct flow_state *at = flow_panes(f, s->kind, key, r->end, failed, &pane, &before);
	if (!at)
		return;
	struct panes *p = (struct panes *)at->body;
	panes_see(p, pane, what, !failed);
	flow_table_settle(&f->table[s->kind], at, before);
	double n = panes_items(p, false);
	if (failed && n >= s->least && n >= s->share * (n + panes_items(p, true)) && flow_due(at, r->end, n))
		tell_scan(f, s, r, p);
}

void
flow_scan(struct flow *f, const struct flow_record *r)
{
	const struct flow_rules *is = &f->is;
	const struct scan hosts = {KIND_HOSTS, is->hosts, r->client_ours ? is->hosts_least : is->hosts_least_outside,
		is->hosts_share, "hosts", "limit.hosts"};
	const struct scan ports = {KIND_PORTS, is->ports, r->client_ours ? is->ports_least : is->ports_least_outside,
		is->ports_share, "ports", "limit.ports"};
	const struct flow_key by_port = flow_key_of(KIND_HOSTS, r), by_host = flow_key_of(KIND_PORTS, r);
	if (flow_multicast(r->server) || (!r->client_ours && !r->server_ours))
		return;
	feed_scan(f, &hosts, &by_port, flow_hash(f, str_from((const char *)r->server, 16)), r);
	if (r->transport != FLOW_ICMP)
		feed_scan(f, &ports, &by_host, (uint64_t)r->server_port + 1, r);
}
