/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_LINES_H
#define DECODE_LINES_H

/*
 * Formats that stand alone or inside a syslog message, told by their content. Worker and scan; pure. Each returns 0, or
 * E_INVALID with the event as it was.
 */

#include "decode/decode.h"

/* A line of any of them. */
int decode_line(struct decode_context *c, struct str line, struct event *e);
/* Linux packet filter (iptables, nftables, ufw): "... IN=eth0 OUT= SRC=192.0.2.7 DST=10.21.4.3 PROTO=TCP SPT=... ". */
int decode_netfilter(struct decode_context *c, struct str message, struct event *e);
/* RouterOS: "firewall,info forward: in:ether1 out:bridge, ..., 192.0.2.7:4000->10.21.4.3:22, len 52", with or without
 * topics; logins. */
int decode_mikrotik(struct decode_context *c, struct str message, struct event *e);
/* "firewall,info" and the like. */
bool mikrotik_is_topics(struct str word);
/* One record of the Linux audit system: "type=SYSCALL msg=audit(1626611363.720:348501): arch=... ". Not joined. */
int decode_auditd(struct decode_context *c, struct str line, struct event *e);
/* Cisco: the tag with its '%', and what follows it. */
int decode_cisco(struct decode_context *c, struct str tag, struct str message, struct event *e);
/* CEF:0|... and LEEF:1.0|... */
int decode_cef(struct decode_context *c, struct str line, struct event *e);
/* key=value lines of firewalls. */
int decode_kv(struct decode_context *c, struct str line, struct event *e);
/* <Event>...</Event> of Windows, and of Sysmon for Linux. */
int decode_windows_xml(struct decode_context *c, struct str line, struct event *e);
/* Palo Alto's values between commas, Check Point's pairs in brackets. */
int decode_firewall(struct decode_context *c, struct str line, struct event *e);
/* HAProxy's line about a request, without its syslog header. */
int decode_haproxy(struct decode_context *c, struct str message, struct event *e);
/* Squid's native access log. */
int decode_squid(struct decode_context *c, struct str line, struct event *e);
/* Apache and nginx error logs. */
int decode_web_error(struct decode_context *c, struct str line, struct event *e);

/* What every firewall line ends in: Sigma's names for category firewall beside the core fields. */
struct firewall_line {
	struct str src_ip, src_port, dst_ip, dst_port, protocol, in, out;
	struct str text; /* prefix or chain: a word such as DROP or ACCEPT in it tells the action */
};
void firewall_add(struct decode_context *c, const struct firewall_line *f, struct event *e);

#endif
