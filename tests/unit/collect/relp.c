/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/relp.h"

#include "base/hash.h"
#include "tap.h"

struct session {
	struct relp relp;
	struct buf in, out, messages; /* messages joined by '|', pieces by '+' */
	uint64_t ticket;
	enum relp_result last;
};

static void
say(struct session *s, struct str bytes)
{
	struct str message;
	uint16_t flags;
	buf_add(&s->in, bytes);
	struct str in = buf_str(&s->in);
	while ((s->last = relp_take(&s->relp, &in, 64, &s->out, &message, &flags)) != RELP_MORE && s->last != RELP_STOP) {
		if (s->last == RELP_ANSWERED)
			continue;
		buf_add(&s->messages, message);
		buf_add_char(&s->messages, s->last == RELP_PIECE ? '+' : '|');
		if (s->last == RELP_MESSAGE)
			relp_wait(&s->relp, ++s->ticket);
	}
	memmove(s->in.p, in.p, in.n);
	s->in.n = in.n;
}

static void
session_release(struct session *s)
{
	relp_release(&s->relp);
	buf_release(&s->in);
	buf_release(&s->out);
	buf_release(&s->messages);
}

#define OPEN "1 open 25 relp_version=0\ncommands=s\n"
#define OPENED "1 rsp 57 200 OK\nrelp_version=0\nrelp_software=khien\ncommands=syslog\n"

TEST(a_message_is_answered_when_it_is_safe_and_not_before)
{
	struct session s = {0};
	say(&s, STR(OPEN "2 syslog 4 <1>a\n3 syslog 6 <2>b\nc\n4 syslog 0\n"));
	CHECK_STR(buf_str(&s.out), STR(OPENED));
	CHECK_STR(buf_str(&s.messages), STR("<1>a|<2>b\nc||"));
	buf_clear(&s.out);
	CHECK_INT(relp_ack(&s.relp, 2, &s.out), 2);
	CHECK_STR(buf_str(&s.out), STR("2 rsp 6 200 OK\n3 rsp 6 200 OK\n"));
	buf_clear(&s.out);
	CHECK_INT(relp_ack(&s.relp, 2, &s.out), 0);
	CHECK_INT(relp_ack(&s.relp, 3, &s.out), 1);
	CHECK_STR(buf_str(&s.out), STR("4 rsp 6 200 OK\n"));
	CHECK_INT(s.relp.waiting, 0);
	session_release(&s);
}

TEST(close_waits_for_everything_before_it)
{
	struct session s = {0};
	say(&s, STR(OPEN "2 syslog 1 a\n3 close 0\n4 syslog 1 b\n"));
	buf_clear(&s.out);
	CHECK(!s.relp.over);
	relp_ack(&s.relp, 1, &s.out);
	CHECK_STR(buf_str(&s.out), STR("2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n"));
	CHECK(s.relp.over);
	CHECK_STR(buf_str(&s.messages), STR("a|"));
	CHECK_INT(s.relp.errors, 0);
	session_release(&s);
}

TEST(numbers_wrap_and_byte_by_byte_is_the_same)
{
	struct session s = {0};
	struct str all = STR(OPEN "999999999 syslog 1 a\n1 syslog 1 b\n2 syslog 1 c\n");
	for (size_t i = 0; i < all.n; i++)
		say(&s, str_cut(all, i, i + 1));
	buf_clear(&s.out);
	relp_ack(&s.relp, 99, &s.out);
	CHECK_STR(buf_str(&s.out), STR("999999999 rsp 6 200 OK\n1 rsp 6 200 OK\n2 rsp 6 200 OK\n"));
	CHECK_STR(buf_str(&s.messages), STR("a|b|c|"));
	session_release(&s);
}

TEST(a_long_message_comes_in_pieces_and_is_answered_once)
{
	struct session s = {0};
	char line[200];
	memset(line, 'x', sizeof line);
	say(&s, STR(OPEN "2 syslog 150 "));
	say(&s, str_from(line, 100));
	CHECK_INT(s.last, RELP_MORE);
	CHECK_INT(s.messages.n, 65);
	say(&s, str_from(line, 50));
	CHECK_INT(s.messages.n, 130);
	say(&s, STR("\n"));
	CHECK_INT(s.messages.n, 153);
	CHECK_INT(s.relp.waiting, 1);
	session_release(&s);
}

static const struct {
	const char *why;
	struct str bytes;
} hostile[] = {
	{"syslog before open", STR_INIT("1 syslog 1 a\n")},
	{"close before open", STR_INIT("1 close 0\n")},
	{"open twice", STR_INIT(OPEN "2 open 0\n")},
	{"unknown command", STR_INIT(OPEN "2 starttls 0\n")},
	{"no number", STR_INIT("x open 0\n")},
	{"number too long", STR_INIT("1234567890 open 0\n")},
	{"no blank", STR_INIT("1open 0\n")},
	{"no command", STR_INIT("1  0\n")},
	{"endless command", STR_INIT("1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
	{"no length", STR_INIT("1 open \n")},
	{"negative length", STR_INIT("1 open -1 \n")},
	{"length too large", STR_INIT(OPEN "2 syslog 999999999 a")},
	{"length of open too large", STR_INIT("1 open 999999 a")},
	{"data without blank", STR_INIT(OPEN "2 syslog 3\nabc\n")},
	{"data without end", STR_INIT(OPEN "2 syslog 1 ab\n")},
	{"NUL in the header", STR_INIT("1 open 0\0\n")},
	{"plain syslog", STR_INIT("<34>Oct 11 22:14:15 host su: failed\n")},
	{"TLS hello", STR_INIT("\x16\x03\x01\x02\x00\x01\x00")},
};

TEST(who_breaks_the_protocol_is_told_counted_and_left)
{
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct session s = {0};
		say(&s, hostile[i].bytes);
		struct str out = buf_str(&s.out);
		tap_check(s.relp.over && s.relp.errors == 1 && s.last == RELP_STOP, __FILE__, __LINE__, "%s", hostile[i].why);
		tap_check(str_find(out, STR(" rsp 18 500 protocol error\n")) >= 0, __FILE__, __LINE__, "%s: %.*s",
		    hostile[i].why, STR_ARG(out));
		size_t n = s.out.n;
		say(&s, STR("5 syslog 1 a\n"));
		CHECK_INT(s.out.n, n);
		CHECK_INT(s.messages.n, 0);
		session_release(&s);
	}
}

TEST(too_much_unanswered_stops_and_goes_on)
{
	struct session s = {0};
	struct buf b = BUF_INIT;
	say(&s, STR(OPEN));
	for (uint32_t i = 0; i < RELP_WAITING_MAX + 100; i++)
		buf_addf(&b, "%u syslog 1 a\n", (i * 7) % 999 + 1); /* no runs */
	say(&s, buf_str(&b));
	CHECK_INT(s.last, RELP_STOP);
	CHECK_INT(s.relp.waiting, RELP_WAITING_MAX);
	relp_ack(&s.relp, s.ticket, &s.out);
	say(&s, STR(""));
	CHECK_INT(s.last, RELP_MORE);
	CHECK_INT(s.relp.waiting, 100);
	buf_release(&b);
	session_release(&s);
}
