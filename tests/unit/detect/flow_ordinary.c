/* SPDX-License-Identifier: EUPL-1.2 */
/* What an agency's network does every day and looks like an attack from some distance: under the rules and lists that are
 * shipped none of it rings. Where ours would be right to ring (our own scanner), the finding says what an exception needs. */
#include "detect/flow.h"

#include "flow_case.h"

static struct flow_case c;

static uint32_t
ordinary(void)
{
	uint32_t total = c.total;
	if (total)
		printf("# %s\n", c.last.p);
	case_close(&c);
	return total;
}

#define NAME(name, ...) CHECK((size_t)snprintf(name, sizeof(name), __VA_ARGS__) < sizeof(name))

/* A hash in letters of that base, as antivirus programs and mail filters ask for it. */
static const char *
digest(char *out, uint32_t letters, unsigned base, uint64_t *seed)
{
	for (uint32_t i = 0; i < letters; i++)
		out[i] = "0123456789abcdefghijklmnopqrstuv"[case_random(seed) % base];
	out[letters] = '\0';
	return out;
}

TEST(names_that_are_hashes_by_trade)
{
	static const struct {
		const char *tail, *type;
		uint32_t letters;
		unsigned base;
	} row[] = {
		{"avqs.mcafee.com", "A", 52, 32},
		{"avts.mcafee.com", "TXT", 40, 16},
		{"06.s.sophosxl.net", "TXT", 56, 32},
		{"c.e5.sk", "TXT", 56, 32},
		{"ebl.msbl.org", "A", 40, 16},             /* hashes of senders' addresses */
		{"hashbl.surbl.org", "A", 40, 16},
		{"key.hbl.dq.spamhaus.net", "A", 52, 32},
		{"malware.hash.cymru.com", "TXT", 40, 16},
		{"fls.security.comodo.com", "TXT", 40, 16},
		{"h64.online-metrix.net", "A", 40, 16},     /* a bank's page names every visitor */
		{"u.dotnxdomain.net", "AAAA", 48, 32},      /* APNIC measures by an advertisement */
		{"tinhcaobang.local", "SRV", 36, 16},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		uint64_t seed = i + 1;
		char name[128], hash[64];
		case_open(&c, 0);
		for (uint32_t n = 0; n < 500; n++) {
			NAME(name, "%s.%s", digest(hash, row[i].letters, row[i].base, &seed), row[i].tail);
			case_question(&c, n * 3, "10.1.2.3", name, row[i].type, false);
		}
		if (ordinary()) {
			printf("# below %s\n", row[i].tail);
			CHECK(false);
		}
	}
}

/* One who receives mail from all over the world: block lists by address of both kinds, SPF with macros, keys, policies. */
TEST(a_mail_server_asks_about_every_sender)
{
	uint64_t seed = 3;
	char name[160];
	case_open(&c, 0);
	for (uint32_t i = 0; i < 3000; i++) {
		unsigned a = (unsigned)case_random(&seed) % 256, b = (unsigned)case_random(&seed) % 256;
		NAME(name, "%x.%x.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.4.6.8.4.0.5.4.1.0.0.a.2.bl6.example.org", a % 16, b % 16);
		case_question(&c, i, "10.1.2.25", name, "A", false);
		NAME(name, "_i.198.51.%u.%u._h.mail%u.sender.com.vn._spf.vali.email", a, b, a);
		case_question(&c, i, "10.1.2.25", name, "TXT", false);
		NAME(name, "20260101%03u._domainkey.newsletter%u.com", a, b);
		case_question(&c, i, "10.1.2.25", name, "TXT", false);
		NAME(name, "_mta-sts.company%u.com.vn", b);
		case_question(&c, i, "10.1.2.25", name, "TXT", false);
		NAME(name, "%u.%u.51.198.in-addr.arpa", a, b);
		case_question(&c, i, "10.1.2.25", name, "PTR", false);
	}
	CHECK_INT(ordinary(), 0);
}

/* Few of us use them, so that being called by many does not excuse them. */
TEST(calls_by_the_clock_that_an_office_makes)
{
	static const struct {
		const char *to, *transport;
		unsigned port;
		double period, jitter;
	} row[] = {
		{"198.51.100.10", "tcp", 993, 600, 1},       /* a mail program fetches every ten minutes */
		{"198.51.100.10", "tcp", 995, 300, 1},
		{"198.51.100.11", "udp", 123, 1024, 1},
		{"198.51.100.12", "tcp", 853, 60, 2},        /* names over TLS */
		{"198.51.100.13", "tcp", 443, 79200, 14400}, /* Windows looks for updates every 22 hours, give or take */
		{"198.51.100.14", "tcp", 22, 86400, 0},      /* the nightly copy */
		{"198.51.100.15", "tcp", 443, 3, 1},         /* a page with a clock */
	};
	uint64_t seed = 7;
	for (size_t i = 0; i < COUNT(row); i++) {
		case_open(&c, 0);
		for (uint32_t n = 0; n < 300; n++) {
			double shake = row[i].jitter * ((double)(case_random(&seed) % 2001) / 1000 - 1);
			double start = 20000 + n * row[i].period + shake;
			case_flow(&c, (struct one_flow){.at = start + 2, .start = start, .from = "10.1.2.3", .to = row[i].to,
			    .port = row[i].port, .transport = row[i].transport, .out = 1300, .in = 4000, .packets_in = 6});
		}
		if (ordinary()) {
			printf("# to port %u every %g s\n", row[i].port, row[i].period);
			CHECK(false);
		}
	}
}

/* Pieces of an update from neighbours, half of whom are off; a server that hands out copies; a printer that is looked for. */
TEST(machines_that_try_many_others)
{
	uint64_t seed = 11;
	char to[32];
	case_open(&c, 0);
	for (uint32_t i = 0; i < 4000; i++) {
		unsigned host = (unsigned)case_random(&seed) % 200 + 1;
		bool off = host % 2;
		NAME(to, "10.1.2.%u", host);
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = to, .port = 7680, /* delivery optimisation */
		    .state = off ? "unanswered" : "answered", .packets_out = off ? 3 : 20, .packets_in = off ? 0 : 30});
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.9", .to = to, .port = 8530, /* the update server calls back */
		    .packets_in = 40, .out = 100000, .in = 9000});
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.8", .to = to, .port = 161, .transport = "udp",
		    .state = host % 4 ? "answered" : "unanswered", .packets_out = 1, .packets_in = host % 4 ? 1 : 0});
	}
	CHECK_INT(ordinary(), 0);
}

/* A pupil's browser opens ports of one server and gets its answers; a backup program has a port for each stream. */
TEST(one_machine_asked_on_many_ports)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < 500; i++) {
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.20", .to = "10.1.2.21", .port = 10000 + i % 64, .out = 50000000,
		    .in = 9000, .packets_out = 40000, .packets_in = 300}); /* streams of a backup */
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.22", .to = "10.1.2.23", .port = 49152 + i % 300,
		    .packets_in = 12}); /* calls of Windows to the ports its mapper gave */
	}
	CHECK_INT(ordinary(), 0);
}

/* It is a scan. The finding names who, so that an exception of one address takes all of it. */
TEST(our_own_scanner_rings_with_its_address)
{
	char to[32];
	case_open(&c, 0);
	for (uint32_t host = 1; host <= 60; host++)
		for (uint32_t port = 1; port <= 30; port++) {
			NAME(to, "10.9.0.%u", host);
			case_flow(&c, (struct one_flow){.at = host * 4 + port * 0.1, .from = "10.1.2.77", .to = to, .port = port * 20,
			    .state = "refused", .packets_out = 1, .packets_in = 1});
			if (c.count)
				CHECK(str_find(buf_str(&c.last), STR(" source.ip=10.1.2.77 ")) >= 0);
		}
	CHECK(c.total > 0);
	case_close(&c);
}
