/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/flow.h"

#include "flow_case.h"

static struct flow_case c;

static const char *
text(const char *format, unsigned a, unsigned b)
{
	static char out[4][64];
	static unsigned turn;
	char *at = out[turn++ % 4];
	struct buf b_ = BUF_INIT_MAX(60);
	for (const char *p = format; *p; p++) {
		if (*p == '#')
			buf_add_u64(&b_, a);
		else if (*p == '@')
			buf_add_u64(&b_, b);
		else
			buf_add_char(&b_, *p);
	}
	snprintf(at, sizeof out[0], "%s", b_.p);
	buf_release(&b_);
	return at;
}

/* ---- scans ---- */

TEST(horizontal_scan_from_inside)
{
	case_open(&c, 0);
	uint32_t at = 0;
	for (uint32_t i = 1; i <= 60 && !c.total; i++) {
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = text("10.9.0.#", i, 0), .port = 445,
		    .state = i % 2 ? "unanswered" : "refused", .packets_out = 2});
		at = i;
	}
	CHECK_INT(c.total, 1);
	CHECK_INT(at, 40);
	CHECK(str_starts(buf_str(&c.last), STR("flow.scan_horizontal ")));
	CASE_SAYS(&c, "source.ip=10.1.2.3", "destination.port=445", "hosts=40", "limit.hosts=40", "failed_percent=100",
	    "limit.failed_percent=70", "window_s=300");
	/* It goes on: told once, then when it has doubled. */
	for (uint32_t i = 41; i < 80; i++)
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = text("10.9.0.#", i, 0), .port = 445,
		    .state = "unanswered"});
	CHECK_INT(c.total, 1);
	case_flow(&c, (struct one_flow){.at = 80, .from = "10.1.2.3", .to = "10.9.1.1", .port = 445, .state = "unanswered"});
	CHECK_INT(c.total, 2);
	CASE_SAYS(&c, "hosts=80");
	case_close(&c);
}

static uint32_t
sweep(struct one_flow one, uint32_t hosts, double step)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < hosts; i++) {
		one.at = i * step;
		one.to = text("10.9.@.#", i % 200 + 1, i / 200);
		case_flow(&c, one);
	}
	uint32_t total = c.total;
	case_close(&c);
	return total;
}

TEST(what_is_a_horizontal_scan_and_what_is_not)
{
	struct one_flow one = {.from = "10.1.2.3", .port = 445, .state = "unanswered"};
	CHECK_INT(sweep(one, 39, 1), 0);   /* too few */
	CHECK_INT(sweep(one, 40, 1), 1);
	CHECK_INT(sweep(one, 100, 20), 0); /* too slow: fifteen within the window */
	one.state = "answered";
	CHECK_INT(sweep(one, 200, 1), 0);  /* monitoring: everybody answers */
	one.packets_out = 2;
	one.packets_in = 1;
	CHECK_INT(sweep(one, 40, 1), 1);   /* but half-open connections are a scan */
	one.transport = "udp";
	one.port = 161;
	CHECK_INT(sweep(one, 200, 1), 0);  /* a datagram each way is all of SNMP */
	one = (struct one_flow){.from = "198.51.100.7", .port = 23, .state = "unanswered"};
	CHECK_INT(sweep(one, 99, 1), 0);   /* from the Internet it takes more */
	CHECK_INT(sweep(one, 100, 1), 1);
	one = (struct one_flow){.from = "10.1.2.3", .transport = "icmp", .state = "unanswered"};
	CHECK_INT(sweep(one, 40, 1), 1);   /* pings */
	one = (struct one_flow){.from = "10.1.2.3", .port = 3389, .state = "one_way", .packets_out = 1};
	CHECK_INT(sweep(one, 40, 1), 1);   /* NetFlow: a packet and no more */
	one = (struct one_flow){.from = "10.1.2.3", .from_port = 443, .port = 51000, .state = "one_way", .packets_out = 1};
	CHECK_INT(sweep(one, 200, 1), 0);  /* the answers of a busy web server */
	one.state = "unanswered";
	CHECK_INT(sweep(one, 200, 1), 0);
}

TEST(monitoring_with_machines_switched_off_is_no_scan)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < 300; i++) /* every third is off */
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.9", .to = text("10.8.@.#", i % 200 + 1, i / 200), .port = 22,
		    .state = i % 3 ? "answered" : "unanswered"});
	CHECK_INT(c.total, 0);
	case_close(&c);
}

TEST(a_host_that_answers_later_has_not_failed)
{
	case_open(&c, 0);
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t i = 1; i <= 39; i++) {
			const char *to = text("10.9.0.#", i, 0);
			case_flow(&c, (struct one_flow){.at = round * 60 + i, .from = "10.1.2.3", .to = to, .port = 80, .state = "unanswered"});
			case_flow(&c, (struct one_flow){.at = round * 60 + i, .from = "10.1.2.3", .to = to, .port = 80});
		}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

TEST(vertical_scan)
{
	case_open(&c, 0);
	for (uint32_t i = 1; i <= 25; i++)
		CHECK_INT(case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = "10.9.0.1", .port = i * 7,
			      .state = "refused", .packets_out = 1, .packets_in = 1}), i == 25);
	CHECK(str_starts(buf_str(&c.last), STR("flow.scan_vertical ")));
	CASE_SAYS(&c, "source.ip=10.1.2.3", "destination.ip=10.9.0.1", "ports=25", "limit.ports=25", "failed_percent=100");
	case_close(&c);
	case_open(&c, 0); /* the same ports again and again, and ports that answer */
	for (uint32_t i = 1; i <= 200; i++) {
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = "10.9.0.1", .port = i % 20, .state = "refused"});
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.4", .to = "10.9.0.1", .port = 40000 + i});
	}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

TEST(a_busy_web_server_scans_nobody)
{
	uint64_t seed = 7;
	case_open(&c, 0);
	for (uint32_t i = 0; i < 20000; i++) { /* a third give up, from all over the world */
		const char *from = text("198.51.#.@", (unsigned)case_random(&seed) % 256, (unsigned)case_random(&seed) % 256);
		case_flow(&c, (struct one_flow){.at = i * 0.01, .from = from, .to = "203.0.113.10", .port = i % 2 ? 443 : 80,
		    .state = i % 3 ? "answered" : "unanswered", .out = 900, .in = 40000, .packets_in = 30});
		case_flow(&c, (struct one_flow){.at = i * 0.01, .from = "203.0.113.10", .from_port = 443, .to = from,
		    .port = 1024 + (unsigned)case_random(&seed) % 60000, .state = "one_way", .packets_out = 1 + i % 9});
	}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

/* ---- beacons ---- */

/* Calls of one machine every `period` seconds, give or take, `count` of them. The number of the first that fires. */
static uint32_t
beacon(struct one_flow one, double period, double jitter, uint32_t count)
{
	uint64_t seed = 3;
	uint32_t fired = 0;
	case_open(&c, 0);
	for (uint32_t i = 0; i < count && !fired; i++) {
		double shake = period * jitter * ((double)(case_random(&seed) % 2001) / 1000 - 1);
		one.start = 1000 + i * period + shake;
		one.at = one.start + 30;
		if (case_flow(&c, one))
			fired = i + 1;
	}
	return fired;
}

static const struct one_flow calls = {.from = "10.1.2.3", .to = "198.51.100.9", .port = 443, .out = 1300, .in = 2100};

TEST(beacon_with_its_numbers)
{
	CHECK_INT(beacon(calls, 60, 0.05, 100), 24); /* twenty calls, and twenty minutes */
	CHECK(str_starts(buf_str(&c.last), STR("flow.beacon ")));
	CASE_SAYS(&c, "source.ip=10.1.2.3", "destination.ip=198.51.100.9", "destination.port=443", "connections=24",
	    "limit.connections=20", "limit.jitter_percent=15", "source.bytes=31200", "destination.bytes=50400");
	struct str rest = str_skip(buf_str(&c.last), (size_t)str_find(buf_str(&c.last), STR("period_s=")) + 9);
	CHECK(str_starts(rest, STR("59.")) || str_starts(rest, STR("60")) || str_starts(rest, STR("61.")));
	case_close(&c);
	CHECK_INT(beacon(calls, 60, 0, 100), 24);
	CASE_SAYS(&c, "period_s=60", "jitter_percent=0", "span_s=1380");
	case_close(&c);
}

TEST(what_is_a_beacon_and_what_is_not)
{
	static const struct {
		double period, jitter;
		const char *from, *to, *transport;
		unsigned port;
		uint32_t fires;
	} row[] = {
		{60, 0.20, "10.1.2.3", "198.51.100.9", "tcp", 443, 24},
		{300, 0.1, "10.1.2.3", "198.51.100.9", "tcp", 8443, 20},
		{300, 0.1, "203.0.113.5", "198.51.100.9", "tcp", 8443, 20}, /* a public address of ours */
		{60, 0.9, "10.1.2.3", "198.51.100.9", "tcp", 443, 0},  /* no rhythm */
		{5, 0, "10.1.2.3", "198.51.100.9", "tcp", 443, 0},     /* a page that refreshes itself */
		{86400, 0, "10.1.2.3", "198.51.100.9", "tcp", 22, 0},  /* the backup at two o'clock */
		{64, 0.01, "10.1.2.3", "198.51.100.9", "udp", 123, 0}, /* time */
		{60, 0, "10.1.2.3", "198.51.100.9", "udp", 53, 0},
		{60, 0, "10.1.2.3", "10.5.0.1", "tcp", 443, 0},        /* inside: the monitoring system */
		{60, 0, "198.51.100.9", "203.0.113.5", "tcp", 443, 0}, /* watched from outside */
		{60, 0, "10.1.2.3", "239.255.255.250", "udp", 3702, 0},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct one_flow one = calls;
		one.from = row[i].from;
		one.to = row[i].to;
		one.transport = row[i].transport;
		one.port = row[i].port;
		uint32_t fired = beacon(one, row[i].period, row[i].jitter, 200);
		if (fired != row[i].fires)
			printf("# row %zu\n", i);
		CHECK_INT(fired, row[i].fires);
		case_close(&c);
	}
}

TEST(a_connection_told_in_parts_is_no_beacon)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < 200; i++) { /* a session of hours: every minute, every keep-alive; a call over UDP */
		case_flow(&c, (struct one_flow){.at = i * 60 + 60, .start = i * 60 + 1, .from = "10.1.2.3", .to = "198.51.100.9",
		    .from_port = 51515, .port = 22, .state = "one_way", .out = 5000});
		case_flow(&c, (struct one_flow){.at = i * 60 + 1, .start = i * 60 + 1, .from = "10.1.2.4", .to = "198.51.100.9",
		    .from_port = 51516, .port = 22, .state = "one_way", .out = 100});
		case_flow(&c, (struct one_flow){.at = i * 60 + 60, .start = i * 60 + 1, .from = "10.1.2.5", .to = "198.51.100.9",
		    .from_port = 51517, .port = 4500, .transport = "udp", .state = "one_way", .out = 5000});
	}
	CHECK_INT(c.total, 0);
	for (uint32_t i = 0; i < 40; i++) /* a beacon over one socket of UDP: silence between its calls */
		case_flow(&c, (struct one_flow){.at = i * 60 + 2, .start = i * 60 + 1, .from = "10.1.2.6", .to = "198.51.100.9",
		    .from_port = 51518, .port = 8080, .transport = "udp", .out = 100, .in = 100});
	CHECK_INT(c.total, 1);
	case_close(&c);
}

TEST(browsing_has_no_rhythm)
{
	uint64_t seed = 11;
	case_open(&c, 0);
	for (uint32_t host = 0; host < 40; host++) {
		double at = 0;
		for (uint32_t i = 0; i < 400; i++) { /* pauses from seconds to many minutes, a content network's addresses */
			double pause = (double)(1 + case_random(&seed) % 30);
			at += pause * pause * (double)(1 + case_random(&seed) % 3);
			case_flow(&c, (struct one_flow){.at = at, .from = text("10.1.3.#", host, 0),
			    .to = text("198.51.100.#", host % 10 + (unsigned)case_random(&seed) % 3, 0), .port = 443, .out = 3000, .in = 90000});
		}
	}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

TEST(what_everybody_calls_is_no_beacon)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < 60; i++)
		for (uint32_t host = 1; host <= 25; host++)
			case_flow(&c, (struct one_flow){.at = i * 120 + host, .from = text("10.1.3.#", host, 0), .to = "198.51.100.9",
			    .port = 443, .out = 900, .in = 900});
	CHECK_INT(c.total, 0);
	case_close(&c);
}

/* ---- DNS ---- */

static void
random_name(char *out, uint32_t length, uint64_t *seed, const char *tail)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t n = 0;
	for (uint32_t i = 0; i < length; i++)
		out[n++] = i % 40 == 39 ? '.' : letters[case_random(seed) % 32];
	out[n++] = '.';
	memcpy(out + n, tail, strlen(tail) + 1);
}

/* `count` different names of that length below `tail`, one each `step` seconds. How many findings. */
static uint32_t
names(uint32_t count, uint32_t length, const char *tail, const char *type, double step)
{
	uint64_t seed = 5;
	char name[300];
	case_open(&c, 0);
	for (uint32_t i = 0; i < count; i++) {
		random_name(name, length, &seed, tail);
		case_question(&c, i * step, "10.1.2.3", name, type, false);
	}
	uint32_t total = c.total;
	return total;
}

TEST(tunnel_with_its_numbers)
{
	CHECK_INT(names(60, 40, "t.example.gov.vn", "A", 5), 1);
	CHECK(str_starts(buf_str(&c.last), STR("flow.dns_tunnel ")));
	CASE_SAYS(&c, "source.ip=10.1.2.3", "dns.question.registered_domain=example.gov.vn", "names=60", "limit.names=60",
	    "mean_length=42", "limit.mean_length=24", "queries=60", "query_bytes=3420", "rare_type_percent=0");
	case_close(&c);
	CHECK_INT(names(30, 100, "t.example.com", "TXT", 5), 1); /* by TXT half as many are enough */
	CASE_SAYS(&c, "names=30", "limit.names=30", "rare_type_percent=100");
	case_close(&c);
}

TEST(a_machine_that_logs_its_own_questions)
{
	uint64_t seed = 5;
	char name[300];
	case_open(&c, 0);
	for (uint32_t i = 0; i < 80; i++) { /* Sysmon: no address, no type */
		struct event e;
		case_begin(&c, &e, i);
		random_name(name, 40, &seed, "t.example.com");
		event_put_core(&e, F_HOST_NAME, i % 4 ? STR("pc-07") : STR("pc-08"));
		event_put_core(&e, F_DNS_QUESTION, str_z(name));
		case_feed(&c, &e);
	}
	CHECK_INT(c.total, 1);
	CASE_SAYS(&c, "source.domain=pc-07", "dns.question.registered_domain=example.com", "names=60");
	case_close(&c);
}

TEST(what_is_no_tunnel)
{
	static const struct {
		uint32_t count, length;
		const char *tail, *type;
		double step;
	} row[] = {
		{59, 40, "t.example.com", "A", 5},
		{300, 40, "t.example.com", "A", 120},          /* thirty an hour */
		{300, 14, "cdn.example.com", "A", 5},          /* d1a2b3c4d5e6f7 of a content network */
		{300, 40, "avqs.mcafee.com", "TXT", 5},        /* antivirus */
		{300, 40, "e.ip6.arpa", "PTR", 5},
		{300, 0, "example.com", "TXT", 5},             /* one name */
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		uint32_t fired = names(row[i].count, row[i].length, row[i].tail, row[i].type, row[i].step);
		if (fired)
			printf("# row %zu\n", i);
		CHECK_INT(fired, 0);
		case_close(&c);
	}
}

TEST(a_mail_server_asks_for_much)
{
	uint64_t seed = 9;
	char name[100];
	case_open(&c, 0);
	for (uint32_t i = 0; i < 5000; i++) {
		unsigned a = (unsigned)case_random(&seed) % 256, b = (unsigned)case_random(&seed) % 256;
		snprintf(name, sizeof name, "%u.%u.51.198.bl.example.org", a, b); /* a block list that nobody told us of */
		case_question(&c, i * 0.5, "10.1.2.25", name, "A", false);
		snprintf(name, sizeof name, "selector%u._domainkey.sender%u.com", a % 4, b);
		case_question(&c, i * 0.5, "10.1.2.25", name, "TXT", false);
		snprintf(name, sizeof name, "_dmarc.company%u.com.vn", a);
		case_question(&c, i * 0.5, "10.1.2.25", name, "TXT", false);
		snprintf(name, sizeof name, "mail%u.customer%u.vn", a, b);
		case_question(&c, i * 0.5, "10.1.2.25", name, "MX", false);
	}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

TEST(letters_of_mixed_case_are_one_name)
{
	uint64_t seed = 13;
	char name[] = "quarterly-report-of-the-commune-council.files.example.com";
	case_open(&c, 0);
	for (uint32_t i = 0; i < 500; i++) { /* 0x20: the same name, its case at random */
		for (char *p = name; *p; p++)
			if (*p >= 'A')
				*p = (char)(case_random(&seed) % 2 ? *p | 0x20 : *p & ~0x20);
		case_question(&c, i, "10.1.2.3", name, "A", false);
	}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

TEST(a_question_and_its_answer_are_one)
{
	uint64_t seed = 5;
	char name[300];
	case_open(&c, 0);
	for (uint32_t i = 0; i < 60; i++) {
		random_name(name, 40, &seed, "t.example.com");
		case_question(&c, i, "10.1.2.3", name, "A", false);
		if (i < 59)
			case_question(&c, i, "10.1.2.3", name, "A", true);
	}
	CHECK_INT(c.total, 1);
	CASE_SAYS(&c, "names=60", "queries=60", "query_bytes=3240");
	case_close(&c);
}

/* ---- amplification ---- */

TEST(reflector_and_victim)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < 100; i++) /* 200 KB for 4 KB, to addresses of one network */
		case_flow(&c, (struct one_flow){.at = i, .from = text("198.51.100.#", i % 4, 0), .from_port = 80, .to = "203.0.113.53",
		    .port = 53, .transport = "udp", .out = 4000, .in = 200000, .packets_in = 150});
	CHECK_INT(c.total, 2); /* and again when it has doubled */
	CASE_SAYS(&c, "role=reflector", "host.ip=203.0.113.53", "service.port=53", "asked_bytes=400000",
	    "answered_bytes=20000000", "limit.answered_bytes=10000000", "ratio=50", "limit.ratio=10", "flows=100");
	case_close(&c);
	case_open(&c, 0);
	for (uint32_t i = 0; i < 25; i++) /* nobody asked */
		case_flow(&c, (struct one_flow){.at = i, .from = text("198.51.100.#", i, 0), .from_port = 11211, .to = "203.0.113.9",
		    .port = 40000 + i, .transport = "udp", .state = "unanswered", .out = 1000000, .packets_out = 900});
	CHECK_INT(c.total, 1);
	CASE_SAYS(&c, "role=victim", "host.ip=203.0.113.9", "service.port=11211", "answered_bytes=20000000", "servers=20",
	    "limit.servers=10", "asked_bytes=0");
	case_close(&c);
}

TEST(what_is_no_amplification)
{
	case_open(&c, 0);
	for (uint32_t i = 0; i < 5000; i++) {
		/* a name server with signatures, for a big resolver; our own resolver; time; a call by QUIC */
		case_flow(&c, (struct one_flow){.at = i * 0.1, .from = "198.51.100.53", .to = "203.0.113.53", .port = 53,
		    .transport = "udp", .out = 900, .in = 7000, .packets_in = 6});
		case_flow(&c, (struct one_flow){.at = i * 0.1, .from = "203.0.113.54", .to = text("198.51.@.#", i % 250, i / 250),
		    .port = 53, .transport = "udp", .out = 900, .in = 7000, .packets_in = 6});
		case_flow(&c, (struct one_flow){.at = i * 0.1, .from = "10.0.0.9", .from_port = 123, .to = "198.51.100.1", .port = 123,
		    .transport = "udp", .out = 76, .in = 76, .packets_in = 1});
		case_flow(&c, (struct one_flow){.at = i * 0.1, .from = text("10.0.1.#", i % 250, 0), .to = "198.51.100.2", .port = 443,
		    .transport = "udp", .out = 9000, .in = 9000000, .packets_in = 6000});
	}
	CHECK_INT(c.total, 0);
	case_close(&c);
}

/* ---- volume ---- */

#define GB UINT64_C(1000000000)
#define DAY_S 86400.0

static void
send_out(double at, const char *from, uint64_t bytes)
{
	for (uint32_t i = 0; i < 4; i++)
		case_flow(&c, (struct one_flow){.at = at + i * 60, .from = from, .to = "198.51.100.77", .port = 22, .out = bytes / 4,
		    .in = 1000, .packets_in = 20});
}

TEST(volume_beside_the_weeks_before)
{
	case_open(&c, 0);
	for (int day = 0; day < 29; day++) {
		send_out(day * DAY_S + 17 * 3600, "203.0.113.7", 50 * GB); /* at 19:00 UTC, 02:00 here: the backup, daily */
		for (int hour = 0; hour < 24; hour++)
			send_out(day * DAY_S + hour * 3600 + 600, "203.0.113.8", GB / 10);
		CHECK_INT(c.total, 0);
	}
	struct flow_stats s = flow_stats(c.flow);
	CHECK_INT(s.hosts, 2);
	CHECK_INT(s.learning, 0);
	send_out(29 * DAY_S + 17 * 3600, "203.0.113.7", 60 * GB); /* grown a little */
	send_out(30 * DAY_S + 18 * 3600, "203.0.113.7", 50 * GB); /* an hour late */
	CHECK_INT(c.total, 0);
	send_out(31 * DAY_S + 5 * 3600, "203.0.113.8", 6 * GB);
	CHECK_INT(c.total, 1);
	CHECK(str_starts(buf_str(&c.last), STR("flow.volume ")));
	CASE_SAYS(&c, "reason=above_usual", "host.ip=203.0.113.8", "bytes_out=1500000000", "limit.bytes_out=1000000000",
	    "weeks=4");
	case_close(&c);
}

TEST(volume_is_silent_while_it_learns)
{
	case_open(&c, 0);
	for (int day = 0; day < 21; day++) {
		send_out(day * DAY_S, "203.0.113.7", 1000);
		CHECK_INT(flow_stats(c.flow).learning, 1);
	}
	send_out(20 * DAY_S + 3600, "203.0.113.7", 50 * GB);
	CHECK_INT(c.total, 0);
	send_out(22 * DAY_S, "203.0.113.7", 50 * GB);
	CHECK_INT(c.total, 1);
	CHECK_INT(flow_stats(c.flow).learning, 0);
	case_close(&c);
}

TEST(new_and_busy_at_night)
{
	const double night = 15 * 3600; /* 17:00 UTC is midnight here */
	case_open(&c, 0);
	send_out(night, "10.1.2.3", GB); /* nobody is new on the first day */
	CHECK_INT(c.total, 0);
	for (int day = 1; day < 10; day++)
		send_out(day * DAY_S, "10.1.2.3", 1000);
	send_out(10 * DAY_S, "10.1.2.99", GB / 2); /* by day */
	send_out(10 * DAY_S + night, "10.1.2.3", GB / 2); /* not new */
	CHECK_INT(c.total, 0);
	send_out(10 * DAY_S + night, "10.1.2.99", GB / 2);
	CHECK_INT(c.total, 1);
	CASE_SAYS(&c, "reason=new_host_at_night", "host.ip=10.1.2.99", "bytes_out=250000000", "limit.bytes_out=200000000");
	case_close(&c);
}

/* ---- around ---- */

TEST(other_events_are_passed_over)
{
	struct event e;
	case_open(&c, 0);
	case_begin(&c, &e, 1);
	event_put_core(&e, F_SOURCE_IP, STR("10.0.0.1"));
	event_put_core(&e, F_DESTINATION_IP, STR("10.0.0.2"));
	CHECK_INT(case_feed(&c, &e), 0);
	event_put_core(&e, F_EVENT_TYPE, STR("connection"));
	CHECK_INT(case_feed(&c, &e), 0);
	CHECK_INT(flow_stats(c.flow).flows, 1);
	case_begin(&c, &e, 1);
	event_put_core(&e, F_EVENT_TYPE, STR("connection"));
	event_put_core(&e, F_SOURCE_IP, STR("10.0.0.256"));
	event_put_core(&e, F_DESTINATION_IP, STR("not an address"));
	CHECK_INT(case_feed(&c, &e), 0);
	CHECK_INT(flow_stats(c.flow).flows, 1);
	case_close(&c);
}

TEST(without_its_rule_a_detector_rests)
{
	struct rules *none = rules_new();
	CHECK_INT(rules_finish(none, NULL, NULL), 0);
	case_open(&c, 0);
	flow_set_rules(c.flow, none);
	for (uint32_t i = 1; i <= 200; i++)
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = text("10.9.0.#", i, 0), .port = 445, .state = "refused"});
	CHECK_INT(c.total, 0);
	flow_set_rules(c.flow, c.rules); /* switched on again */
	for (uint32_t i = 1; i <= 200; i++)
		case_flow(&c, (struct one_flow){.at = 300 + i, .from = "10.1.2.3", .to = text("10.9.0.#", i, 0), .port = 445, .state = "refused"});
	CHECK(c.total > 0);
	case_close(&c);
	rules_free(none);
}

TEST(memory_is_bounded_and_the_stalest_goes_first)
{
	uint64_t seed = 1;
	case_open(&c, 1 << 20);
	for (uint32_t i = 0; i < 30000; i++) {
		case_flow(&c, (struct one_flow){.at = i * 0.01, .from = text("10.1.#.@", (unsigned)case_random(&seed) % 256, i % 256),
		    .to = text("198.51.#.@", (unsigned)case_random(&seed) % 256, (unsigned)case_random(&seed) % 256),
		    .port = 1 + (unsigned)case_random(&seed) % 60000, .state = i % 2 ? "answered" : "unanswered", .out = 10});
	}
	struct flow_stats s = flow_stats(c.flow);
	CHECK(s.bytes <= 1 << 20);
	CHECK(s.evicted > 10000);
	CHECK(s.keys > 100);
	CHECK_INT(s.flows, 30000);
	/* Who is asked for again and again stays. */
	case_close(&c);
	case_open(&c, 1 << 20);
	for (uint32_t i = 0; i < 24000; i++) {
		case_flow(&c, (struct one_flow){.at = i, .from = text("10.2.#.@", i % 256, i / 256), .to = text("198.51.#.@", i % 256, i / 256),
		    .port = 443});
		if (i % 60 == 0)
			case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = "198.51.100.200", .port = 444});
	}
	CHECK(c.total > 0);
	CHECK(str_find(buf_str(&c.last), STR("source.ip=10.1.2.3 ")) >= 0);
	case_close(&c);
}

TEST(times_from_nowhere_do_no_harm)
{
	static const int64_t time[] = {INT64_MIN + 1, -1, 0, 1, INT64_MAX, INT64_C(1) << 60};
	struct event e;
	case_open(&c, 0);
	for (size_t i = 0; i < COUNT(time); i++) {
		case_begin(&c, &e, 0);
		e.time_ms = time[i];
		event_put_core(&e, F_EVENT_TYPE, STR("connection"));
		event_put_core(&e, F_SOURCE_IP, STR("10.0.0.1"));
		event_put_core(&e, F_DESTINATION_IP, STR("198.51.100.1"));
		event_put_core(&e, F_FLOW_STATE, STR("unanswered"));
		event_put_core(&e, F_EVENT_DURATION, STR("18446744073709551615"));
		event_put_core(&e, F_SOURCE_BYTES, STR("18446744073709551615"));
		CHECK_INT(case_feed(&c, &e), 0);
	}
	CHECK_INT(flow_stats(c.flow).flows, COUNT(time));
	case_close(&c);
}

/* One told connection of ten days would move the windows of its caller past all that he does in these ten days. */
TEST(nobody_moves_windows_ahead)
{
	const struct raw raw = {.transport = RAW_UDP, .received_ms = CASE_BEGIN};
	struct event e;
	case_open(&c, 0);
	case_begin(&c, &e, 0);
	e.raw = &raw;
	event_put_core(&e, F_EVENT_TYPE, STR("connection"));
	event_put_core(&e, F_SOURCE_IP, STR("10.1.2.3"));
	event_put_core(&e, F_DESTINATION_IP, STR("10.9.0.200"));
	event_put_core(&e, F_NETWORK_TRANSPORT, STR("tcp"));
	event_put_core(&e, F_FLOW_STATE, STR("unanswered"));
	event_put_core(&e, F_EVENT_DURATION, STR("864000000000000"));
	case_number(&e, F_SOURCE_PORT, 50000);
	case_number(&e, F_DESTINATION_PORT, 445);
	CHECK_INT(case_feed(&c, &e), 0);
	for (uint32_t i = 1; i <= 60 && !c.total; i++)
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.2.3", .to = text("10.9.0.#", i, 0), .port = 445,
		    .state = "unanswered", .packets_out = 2});
	CHECK_INT(c.total, 1);
	CHECK_INT(flow_stats(c.flow).late, 0);
	case_close(&c);
}
