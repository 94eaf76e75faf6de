/* SPDX-License-Identifier: EUPL-1.2 */
#include "lines.h"

struct row {
	struct str line, want;
};

/* `head` before each line. */
static void
check_rows(struct str head, const struct row *row, size_t count)
{
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < count; i++) {
		struct buf line = BUF_INIT;
		buf_add(&line, head);
		buf_add(&line, row[i].line);
		int got = decode_syslog(&b.context, buf_str(&line), bench_line(&b, buf_str(&line), RECEIVED));
		tap_check(got == 0, __FILE__, __LINE__, "%.*s: %s", STR_ARG(row[i].line), error_name(got));
		EXPECT(&b, row[i].want);
		buf_release(&line);
	}
	bench_close(&b);
}

#define LOGIN "event.action=ssh_login|event.category=authentication|event.dataset=linux.sshd|@service=sshd|@decoder=sshd|"

TEST(sshd)
{
	static const struct row row[] = {
		{STR_INIT("Accepted password for an from 10.21.4.9 port 51022 ssh2"),
		    STR_INIT(LOGIN "event.outcome=success|user.name=an|source.ip=10.21.4.9|source.port=51022|method=password|"
				   "user=an|src_ip=10.21.4.9|src_port=51022")},
		{STR_INIT("Accepted publickey for root from 2001:db8::9 port 22 ssh2: RSA SHA256:abc"),
		    STR_INIT(LOGIN "method=publickey|source.ip=2001:db8::9|source.port=22")},
		{STR_INIT("Failed password for root from 203.0.113.7 port 4242 ssh2"),
		    STR_INIT(LOGIN "event.outcome=failure|user.name=root|source.ip=203.0.113.7")},
		{STR_INIT("Failed password for invalid user admin from 203.0.113.7 port 4242 ssh2"),
		    STR_INIT(LOGIN "user.name=admin|source.ip=203.0.113.7|source.port=4242")},
		{STR_INIT("Failed keyboard-interactive/pam for invalid user a b from 203.0.113.7 port 1 ssh2"),
		    STR_INIT(LOGIN "method=keyboard-interactive/pam|user.name=a b")},
		{STR_INIT("error: Failed none for invalid user  from ::ffff:203.0.113.7 port 1 ssh2"),
		    STR_INIT(LOGIN "!user.name|source.ip=203.0.113.7|src_ip=::ffff:203.0.113.7")},
		/* The name is the attacker's to choose: the last address is the true one. */
		{STR_INIT("Failed password for invalid user x from 10.0.0.1 port 22 ssh2 from 203.0.113.7 port 4242 ssh2"),
		    STR_INIT("source.ip=203.0.113.7|source.port=4242|user.name=x from 10.0.0.1 port 22 ssh2")},
		{STR_INIT("Failed password for root from gateway.example port 4242 ssh2"),
		    STR_INIT("source.domain=gateway.example|!source.ip")},
		{STR_INIT("Invalid user oracle from 203.0.113.7 port 4242"),
		    STR_INIT("event.action=ssh_invalid_user|user.name=oracle|source.port=4242")},
		{STR_INIT("Invalid user oracle from 203.0.113.7"), STR_INIT("source.ip=203.0.113.7|!source.port")},
		{STR_INIT("Connection closed by authenticating user root 203.0.113.7 port 4242 [preauth]"),
		    STR_INIT("event.action=ssh_connection_closed|user.name=root|source.ip=203.0.113.7|source.port=4242")},
		{STR_INIT("Connection closed by 203.0.113.7 [preauth]"), STR_INIT("source.ip=203.0.113.7|!user.name")},
		{STR_INIT("Connection reset by 203.0.113.7 port 4242 [preauth]"), STR_INIT("source.port=4242")},
		{STR_INIT("Received disconnect from 203.0.113.7 port 4242:11: Bye Bye [preauth]"),
		    STR_INIT("event.action=ssh_disconnect|source.port=4242|reason=Bye Bye [preauth]")},
		{STR_INIT("Received disconnect from 203.0.113.7: 11: Bye Bye [preauth]"), STR_INIT("source.ip=203.0.113.7")},
		{STR_INIT("Disconnected from invalid user nobody 203.0.113.7 port 4242"), STR_INIT("user.name=nobody")},
		{STR_INIT("error: maximum authentication attempts exceeded for root from 203.0.113.7 port 1 ssh2 [preauth]"),
		    STR_INIT("event.action=ssh_max_attempts|event.outcome=failure|user.name=root")},
		{STR_INIT("Disconnecting: Too many authentication failures for root [preauth]"),
		    STR_INIT("event.action=ssh_max_attempts|user.name=root")},
		{STR_INIT("Did not receive identification string from 203.0.113.7 port 4242"),
		    STR_INIT("event.action=ssh_no_identification|source.port=4242")},
		{STR_INIT("Bad protocol version identification 'GET / from x HTTP/1.1' from 203.0.113.7 port 9"),
		    STR_INIT("event.action=ssh_bad_protocol|source.ip=203.0.113.7|source.port=9")},
		{STR_INIT("error: PAM: Authentication failure for illegal user bob from 203.0.113.7"),
		    STR_INIT("event.action=ssh_pam_failure|user.name=bob|source.ip=203.0.113.7")},
		{STR_INIT("User root from 203.0.113.7 not allowed because not listed in AllowUsers"),
		    STR_INIT("event.action=ssh_user_refused|reason=not listed in AllowUsers")},
		{STR_INIT("reverse mapping checking getaddrinfo for x.example [203.0.113.7] failed - POSSIBLE BREAK-IN ATTEMPT!"),
		    STR_INIT("event.action=ssh_reverse_mapping|src_host=x.example|source.ip=203.0.113.7")},
		{STR_INIT("message repeated 5 times: [ Failed password for root from 203.0.113.7 port 4242 ssh2]"),
		    STR_INIT(LOGIN "repeated=5|source.ip=203.0.113.7")},
		{STR_INIT("[ID 800047 auth.notice] Failed none for root from 203.0.113.7 port 4242 ssh2"),
		    STR_INIT(LOGIN "source.ip=203.0.113.7")},
		{STR_INIT("something that no version said before"), STR_INIT("@decoder=sshd|!event.action|event.dataset=linux.sshd")},
	};
	check_rows(STR("<86>Nov 22 02:13:40 web1 sshd[77]: "), row, COUNT(row));
}

TEST(pam)
{
	static const struct row row[] = {
		{STR_INIT("sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
			  "rhost=203.0.113.7  user=root"),
		    STR_INIT("@decoder=pam|@service=sshd|event.action=pam_authentication|event.outcome=failure|user.name=root|"
			     "source.ip=203.0.113.7|rhost=203.0.113.7|tty=ssh|uid=0|pam_module=pam_unix|pam_service=sshd|"
			     "pam_type=auth|!logname")},
		{STR_INIT("sshd(pam_unix)[7]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= "
			  "rhost=h.example user=root"),
		    STR_INIT("@decoder=pam|source.domain=h.example|user.name=root|process.name=sshd")},
		{STR_INIT("su(pam_unix)[7]: session opened for user cyrus by (uid=0)"),
		    STR_INIT("@decoder=pam|event.action=session_opened|user.name=cyrus")},
		{STR_INIT("sudo: pam_unix(sudo:session): session opened for user root(uid=0) by an(uid=1000)"),
		    STR_INIT("@decoder=pam|@service=sudo|user.name=root|uid=0|by_user=an|event.outcome=success")},
		{STR_INIT("passwd[9]: pam_unix(passwd:chauthtok): password changed for an"),
		    STR_INIT("event.action=password_changed|user.target.name=an")},
		{STR_INIT("ftpd[9]: connection from 203.0.113.7 (h.example) at Mon"),
		    STR_INIT("@decoder=syslog|event.action=connection|source.ip=203.0.113.7")},
		{STR_INIT("vsftpd[9]: pam_unix(vsftpd:auth): check pass; user unknown"),
		    STR_INIT("@decoder=pam|@service=vsftpd|event.action=pam_user_unknown")},
	};
	check_rows(STR("Nov 22 02:13:40 web1 "), row, COUNT(row));
}

TEST(sudo_and_su)
{
	static const struct row row[] = {
		{STR_INIT("sudo:     an : TTY=pts/4 ; PWD=/home/an ; USER=root ; COMMAND=/usr/bin/tail -f a ; id"),
		    STR_INIT("@decoder=sudo|@service=sudo|event.action=sudo_command|event.outcome=success|user.name=an|"
			     "user.target.name=root|process.command_line=/usr/bin/tail -f a ; id|"
			     "process.executable=/usr/bin/tail|process.working_directory=/home/an|TTY=pts/4|USER=root")},
		{STR_INIT("sudo: an : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls"),
		    STR_INIT("event.action=sudo_password|event.outcome=failure|reason=3 incorrect password attempts|"
			     "process.command_line=/bin/ls")},
		{STR_INIT("sudo: an : user NOT in sudoers ; TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls"),
		    STR_INIT("event.action=sudo_denied|event.outcome=failure|user.name=an")},
		{STR_INIT("sudo: an : TTY=pts/2 ; PWD=/ ; USER=root ; TSID=0000UM ; COMMAND=list"),
		    STR_INIT("TSID=0000UM|process.command_line=list|!process.executable")},
		{STR_INIT("sudo: unable to resolve host web1"), STR_INIT("@decoder=sudo|!user.name|!event.action")},
		{STR_INIT("su[9]: (to root) an on pts/0"), STR_INIT("event.action=su|user.name=an|user.target.name=root|tty=pts/0")},
		{STR_INIT("su: FAILED SU (to root) an on pts/0"), STR_INIT("event.action=su|event.outcome=failure")},
		{STR_INIT("su[9]: + pts/0 an:root"), STR_INIT("event.outcome=success|user.name=an|user.target.name=root")},
	};
	check_rows(STR("Nov 22 02:13:40 web1 "), row, COUNT(row));
}

TEST(cron_accounts_and_services)
{
	static const struct row row[] = {
		{STR_INIT("CRON[7]: (root) CMD (  cd / && run-parts --report (x))"),
		    STR_INIT("@decoder=cron|@service=cron|user.name=root|command=  cd / && run-parts --report (x)|"
			     "event.action=cron_command|!@none")},
		{STR_INIT("crontab[7]: (www-data) REPLACE (www-data)"), STR_INIT("event.action=cron_replaced|user.name=www-data")},
		{STR_INIT("useradd[7]: new user: name=bob, UID=0, GID=0, home=/home/bob, shell=/bin/bash, from=none"),
		    STR_INIT("@decoder=account|@service=auth|event.action=user_added|user.target.name=bob|uid=0|"
			     "event.category=iam")},
		{STR_INIT("usermod[7]: add 'bob' to group 'sudo'"),
		    STR_INIT("event.action=group_member_added|user.target.name=bob|group=sudo")},
		{STR_INIT("userdel[7]: delete user 'bob'"), STR_INIT("event.action=user_deleted|user.target.name=bob")},
		{STR_INIT("groupadd[7]: new group: name=dev, GID=1004"), STR_INIT("event.action=group_added|group=dev")},
		{STR_INIT("systemd-logind[7]: New session 5 of user an."), STR_INIT("event.action=session_opened|user.name=an")},
		{STR_INIT("systemd[1]: Started Session 5 of user an."), STR_INIT("@decoder=systemd|unit=Session 5 of user an")},
		{STR_INIT("systemd[1]: x.service: Failed with result 'exit-code'."),
		    STR_INIT("event.action=service_failed|unit=x.service|reason=exit-code")},
		{STR_INIT("systemd[1]: Stopped rsyslog.service - System Logging."), STR_INIT("event.action=service_stopped")},
	};
	check_rows(STR("Nov 22 02:13:40 web1 "), row, COUNT(row));
}

TEST(packet_filters)
{
	static const struct row row[] = {
		{STR_INIT("kernel: [ 1234.567890] [UFW BLOCK] IN=eth0 OUT= MAC=00:11 SRC=203.0.113.7 DST=10.21.4.3 LEN=40 "
			  "TOS=0x00 PREC=0x00 TTL=244 ID=54321 PROTO=TCP SPT=4242 DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0"),
		    STR_INIT("@decoder=netfilter|@category=firewall|event.action=firewall_deny|source.ip=203.0.113.7|"
			     "destination.ip=10.21.4.3|source.port=4242|destination.port=22|network.transport=tcp|"
			     "prefix=[UFW BLOCK]|SRC=203.0.113.7|DPT=22|src_ip=203.0.113.7|dst_port=22|action=deny|"
			     "observer.ingress.interface.name=eth0|!observer.egress.interface.name")},
		{STR_INIT("kernel: IN=br0 OUT=ppp0 SRC=2001:db8::1 DST=2001:db8::2 LEN=80 PROTO=ICMPv6 TYPE=1 CODE=4 "
			  "[SRC=2001:db8::2 DST=2001:db8::3 PROTO=UDP SPT=1 DPT=2 ]"),
		    STR_INIT("source.ip=2001:db8::1|destination.ip=2001:db8::2|network.transport=icmpv6|!destination.port|"
			     "event.action=firewall")},
		{STR_INIT("kernel: nft-accept:IN=eth0 OUT=eth1 SRC=10.0.0.1 DST=10.0.0.2 PROTO=UDP SPT=1 DPT=53"),
		    STR_INIT("action=accept|event.outcome=success|network.transport=udp")},
		{STR_INIT("kernel: eth0: link up"), STR_INIT("@decoder=syslog|@service=kernel")},
	};
	check_rows(STR("<4>Nov 22 02:13:40 gw "), row, COUNT(row));
}

#define PACKET "@decoder=mikrotik|@product=mikrotik|@service=firewall|@category=firewall|network.transport=tcp|"            \
	"source.ip=203.0.113.7|source.port=4242|destination.ip=10.21.4.3|destination.port=22|"                         \
	"observer.ingress.interface.name=ether1|observer.egress.interface.name=bridge|chain=forward|"

TEST(mikrotik)
{
#define BODY "in:ether1 out:bridge, connection-state:new src-mac 00:0c:29:00:00:01, proto TCP (SYN), "                       \
	"203.0.113.7:4242->10.21.4.3:22, len 52"
	static const struct row row[] = {
		{STR_INIT("firewall,info forward: " BODY), STR_INIT(PACKET "flags=(SYN)|len=52|connection_state=new|topics=firewall,info")},
		{STR_INIT("<134>firewall,info forward: " BODY), STR_INIT(PACKET "facility=local0")},
		{STR_INIT("<134>firewall,info drop ssh forward: " BODY), STR_INIT(PACKET "prefix=drop ssh|action=deny")},
		{STR_INIT("<134>Nov 22 02:13:40 gw-xa firewall,info forward: " BODY), STR_INIT(PACKET "host.name=gw-xa|@time=1795288420000")},
		{STR_INIT("<134>Nov 22 02:13:40 gw-xa forward: " BODY), STR_INIT(PACKET "host.name=gw-xa|!topics")},
		{STR_INIT("firewall,info srcnat: in:(unknown 0) out:pppoe-out1, proto UDP, 10.21.4.3:5353->198.51.100.1:53, "
			  "NAT (10.21.4.3:5353->192.0.2.1:5353)->198.51.100.1:53, len 71"),
		    STR_INIT("source.ip=10.21.4.3|destination.port=53|observer.ingress.interface.name=(unknown 0)|"
			     "observer.egress.interface.name=pppoe-out1|nat=(10.21.4.3:5353->192.0.2.1:5353)->198.51.100.1:53")},
		{STR_INIT("firewall,info input: in:ether1 out:(unknown 0), proto ICMP (type 8, code 0), 203.0.113.7->192.0.2.1, len 84"),
		    STR_INIT("source.ip=203.0.113.7|!source.port|network.transport=icmp")},
		{STR_INIT("firewall,info input: in:ether1 out:(unknown 0), proto TCP (SYN), [2001:db8::7]:1->[2001:db8::1]:22, len 80"),
		    STR_INIT("source.ip=2001:db8::7|destination.ip=2001:db8::1|destination.port=22")},
		{STR_INIT("system,error,critical login failure for user admin from 203.0.113.7 via ssh"),
		    STR_INIT("@service=system|event.action=login|event.outcome=failure|user.name=admin|via=ssh|source.ip=203.0.113.7")},
		{STR_INIT("system,info,account user admin logged in from 10.21.4.9 via winbox"),
		    STR_INIT("event.action=login|event.outcome=success|via=winbox")},
		{STR_INIT("dhcp,info dhcp1 assigned 10.21.4.77 to 00:0C:29:00:00:01"), STR_INIT("@service=dhcp|!event.action")},
	};
	check_rows(STR(""), row, COUNT(row));
}

TEST(cisco)
{
	static const struct row row[] = {
		{STR_INIT("%ASA-4-106023: Deny tcp src outside:203.0.113.7/2143 dst inside:10.21.4.3/139 by access-group \"x\""),
		    STR_INIT("@decoder=cisco|@product=cisco|@service=asa|@code=106023|@category=firewall|action=deny|"
			     "source.ip=203.0.113.7|source.port=2143|destination.ip=10.21.4.3|destination.port=139|"
			     "network.transport=tcp|event.action=firewall_deny|event.outcome=failure|mnemonic=106023")},
		{STR_INIT("%ASA-6-302013: Built inbound TCP connection 42 for outside:203.0.113.7/22 (203.0.113.7/22) to "
			  "dmz:10.21.4.3/443 (10.21.4.3/443)"),
		    STR_INIT("source.ip=203.0.113.7|destination.port=443|action=accept|network.transport=tcp|protocol=TCP")},
		{STR_INIT("%SEC-6-IPACCESSLOGP: list 102 denied tcp 203.0.113.7(3067) -> 10.21.4.3(139), 1 packet"),
		    STR_INIT("@service=ios|@code=IPACCESSLOGP|source.port=3067|destination.ip=10.21.4.3|action=deny")},
		{STR_INIT("%SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: admin] [Source: 203.0.113.7] [localport: 22]"),
		    STR_INIT("event.action=login|event.outcome=failure|user.name=admin|source.ip=203.0.113.7|@category=")},
		{STR_INIT("%LINK-3-UPDOWN: Interface x, changed state to up"), STR_INIT("@decoder=cisco|!event.action|@code=UPDOWN")},
		{STR_INIT("%x: y"), STR_INIT("@decoder=syslog|!mnemonic")},
	};
	check_rows(STR("<164>Nov 22 02:13:40 fw1 "), row, COUNT(row));
}

TEST(auditd)
{
	static const struct row row[] = {
		{STR_INIT("node=web1 type=SYSCALL msg=audit(1626611363.720:348501): arch=c000003e syscall=59 success=yes exit=0 "
			  "a0=556 a1=7f pid=77 ppid=1 auid=1000 uid=0 comm=\"touch\" exe=\"/usr/bin/touch\" key=\"a b\"\x1d"
			  "ARCH=x86_64 SYSCALL=execve AUID=\"an\""),
		    STR_INIT("@decoder=auditd|@product=linux|@service=auditd|@code=SYSCALL|@time=1626611363720|type=SYSCALL|"
			     "serial=348501|a0=556|comm=touch|exe=/usr/bin/touch|key=a b|SYSCALL=execve|AUID=an|user.id=1000|"
			     "process.pid=77|process.parent.pid=1|event.outcome=success|host.name=web1")},
		{STR_INIT("type=EXECVE msg=audit(1626611363.720:348501): argc=3 a0=\"rm\" a1=2D7266 a2=\"10\""),
		    STR_INIT("a0=rm|a1=-rf|a2=10|argc=3")},
		{STR_INIT("type=PROCTITLE msg=audit(1626611363.720:1): proctitle=746F756368002F746D702F78"),
		    STR_INIT("proctitle=touch /tmp/x|process.command_line=touch /tmp/x")},
		{STR_INIT("type=USER_LOGIN msg=audit(1626611363.720:1): pid=9 uid=0 auid=4294967295 ses=1 msg='op=login "
			  "acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.7 terminal=ssh res=failed'"),
		    STR_INIT("op=login|acct=root|user.name=root|addr=203.0.113.7|source.ip=203.0.113.7|terminal=ssh|res=failed|"
			     "event.outcome=failure")},
		{STR_INIT("type=PATH msg=audit(1626611363.720:1): item=0 name=\"/etc/shadow\" inode=1 nametype=NORMAL"),
		    STR_INIT("name=/etc/shadow|file.path=/etc/shadow|nametype=NORMAL")},
	};
	check_rows(STR("<13>Nov 22 02:13:40 web1 audispd: "), row, COUNT(row));
	struct bench b;
	bench_open(&b);
	struct str bad = STR("type=SYSCALL msg=audit(1626611363:348501");
	CHECK_INT(decode_linux(&b.context, STR("x"), bad, bench_line(&b, bad, RECEIVED)), E_INVALID);
	CHECK_INT(b.event.field_count, 0);
	bench_close(&b);
}

#define QUERY "event.action=dns_query|event.type=query|event.category=network|event.dataset=linux.dns|@decoder=dns|"

TEST(dns_servers)
{
	static const struct row bind[] = {
		{STR_INIT("client @0x7f1c2c0a8d48 10.21.4.9#53124 (www.example.vn): query: www.example.vn IN A +E(0)K (10.21.4.53)"),
		    STR_INIT(QUERY "@service=named|source.ip=10.21.4.9|source.port=53124|dns.question.name=www.example.vn|"
				   "dns.question.type=A|query=www.example.vn|record_type=A")},
		{STR_INIT("client 10.21.4.9#53124 (a.example): view trong: query: a.example IN TXT + (10.21.4.53)"),
		    STR_INIT(QUERY "source.ip=10.21.4.9|dns.question.name=a.example|dns.question.type=TXT")},
		{STR_INIT("client 10.21.4.9#53124: query: a.example IN AAAA -EDC (10.21.4.53)"),
		    STR_INIT(QUERY "source.port=53124|dns.question.name=a.example|dns.question.type=AAAA")},
		{STR_INIT("queries: info: client @0x1 2001:db8::9#53 (a.example): query: a.example IN MX + (::1)"),
		    STR_INIT(QUERY "source.ip=2001:db8::9|dns.question.type=MX")},
		{STR_INIT("client @0x1 203.0.113.7#53 (isc.org): query (cache) 'isc.org/ANY/IN' denied"),
		    STR_INIT("event.action=dns_query_denied|event.outcome=failure|source.ip=203.0.113.7|dns.question.name=isc.org|"
			     "dns.question.type=ANY|event.type=query")},
		{STR_INIT("client 217.148.39.3#1036: query (cache) denied"),
		    STR_INIT("event.action=dns_query_denied|source.ip=217.148.39.3|!dns.question.name|!event.type|@decoder=dns")},
		{STR_INIT("zone example.vn/IN: loaded serial 7"), STR_INIT("@decoder=dns|!dns.question.name|!event.action")},
	};
	static const struct row unbound[] = {
		{STR_INIT("[9405:0] info: 10.21.4.9 talkgadget.example.com. A IN"),
		    STR_INIT(QUERY "@service=unbound|source.ip=10.21.4.9|dns.question.name=talkgadget.example.com.|dns.question.type=A")},
		{STR_INIT("[2541:0] info: server stats for thread 0: 3 queries, 2 answers from cache"),
		    STR_INIT("@decoder=dns|!dns.question.name|!source.ip")},
	};
	static const struct row dnsmasq[] = {
		{STR_INIT("query[AAAA] www.example.vn from 10.21.4.9"),
		    STR_INIT(QUERY "source.ip=10.21.4.9|dns.question.name=www.example.vn|dns.question.type=AAAA")},
		{STR_INIT("1234 10.21.4.9/5353 query[A] www.example.vn from 10.21.4.9"),
		    STR_INIT(QUERY "source.ip=10.21.4.9|source.port=5353|dns.question.name=www.example.vn")},
		{STR_INIT("reply www.example.vn is 198.51.100.7"), STR_INIT("@decoder=dns|!dns.question.name")},
	};
	check_rows(STR("<30>Nov 22 09:13:41 ns1 named[464]: "), bind, COUNT(bind));
	check_rows(STR("<30>Nov 22 09:13:41 ns1 unbound: "), unbound, COUNT(unbound));
	check_rows(STR("<30>Nov 22 09:13:41 ns1 dnsmasq[7]: "), dnsmasq, COUNT(dnsmasq));
}
