/* SPDX-License-Identifier: EUPL-1.2 */
/* The near end of the yara role, against a far end that this test plays: it answers, dies and lies. */
#include "inspect/scanner.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/channel.h"
#include "tap.h"

#define FILES 10

struct job {
	int done;
	uint32_t crashes;
	enum scan_outcome outcome;
	uint32_t matches;
	int order;
};

struct role {
	struct channel *channel;
	uint64_t ticket[64];
	uint32_t asked;
	bool closed;
	char name[64][16];
};

static struct loop *loop;
static struct scanner *scanner;
static struct job job[FILES];
static int order;

static void
on_done(void *user, const struct scan_answer *a)
{
	struct job *j = user;
	j->done++;
	j->outcome = a->outcome;
	j->matches = a->found.matches;
	j->order = ++order;
}

static void
on_crashed(void *user, uint32_t crashes)
{
	((struct job *)user)->crashes = crashes;
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct role *r = user;
	struct scan_request q;
	CHECK_INT(type, MSG_SCAN);
	CHECK(fd >= 0);
	CHECK_INT(scan_request_take(payload, &q), 0);
	r->ticket[r->asked] = q.ticket;
	snprintf(r->name[r->asked++], sizeof r->name[0], "%.*s", STR_ARG(q.name));
	close(fd);
}

static void
on_closed(void *user, struct channel *c)
{
	((struct role *)user)->closed = true;
}

static void
role_start(struct role *r)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	int fds[2];
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*r = (struct role){.channel = channel_new(loop, fds[0], &events, r)};
	scanner_peer(scanner, fds[1]);
}

static void
role_answer(struct role *r, uint64_t ticket, uint32_t matches)
{
	struct buf b = BUF_INIT;
	struct yara_match m[2] = {{.rule = STR("a")}, {.rule = STR("b")}};
	struct scan_answer a = {.ticket = ticket, .bytes = 5, .found = {m, matches, 0}};
	scan_answer_put(&b, &a);
	CHECK_INT(channel_send(r->channel, MSG_SCANNED, buf_str(&b), STR(""), STR("")), 0);
	buf_release(&b);
}

static void
turns(void)
{
	for (int i = 0; i < 6; i++)
		loop_turn(loop, 10);
}

static void
role_die(struct role *r)
{
	channel_free(r->channel);
	r->channel = NULL;
	turns();
}

static int
submit(int n, bool urgent)
{
	char name[16];
	snprintf(name, sizeof name, "file%d", n);
	struct scan_job j = {.name = str_z(name), .fd = open("/dev/null", O_RDONLY), .urgent = urgent, .crashed = on_crashed,
	    .done = on_done, .user = &job[n]};
	return scanner_submit(scanner, &j);
}

static void
begin(void)
{
	loop = loop_new();
	scanner = scanner_new(loop);
	memset(job, 0, sizeof job);
	order = 0;
}

static void
end(void)
{
	scanner_free(scanner);
	loop_free(loop);
}

TEST(a_few_are_under_way_and_urgent_ones_overtake)
{
	struct role r;
	begin();
	for (int i = 0; i < 6; i++)
		CHECK_INT(submit(i, false), 0);
	CHECK(!scanner_state(scanner)->here);
	CHECK_INT(scanner_state(scanner)->waiting, 6);
	role_start(&r);
	turns();
	CHECK_INT(r.asked, SCANNER_UNDER_WAY);
	CHECK_INT(submit(6, true), 0);
	CHECK_INT(submit(7, true), 0);
	for (uint32_t i = 0; i < 8; i++) {
		role_answer(&r, r.ticket[i], i == 0 ? 2 : 0);
		turns();
	}
	CHECK_INT(r.asked, 8);
	CHECK_STR(str_z(r.name[4]), STR("file6"));
	CHECK_STR(str_z(r.name[5]), STR("file7"));
	CHECK_STR(str_z(r.name[6]), STR("file4"));
	CHECK_INT(job[0].matches, 2);
	for (int i = 0; i < 8; i++)
		CHECK_INT(job[i].done, 1);
	CHECK_INT(scanner_state(scanner)->waiting, 0);
	channel_free(r.channel);
	end();
}

TEST(the_third_death_on_one_file_ends_it_and_the_others_are_innocent)
{
	struct role r;
	begin();
	for (int i = 0; i < 3; i++)
		CHECK_INT(submit(i, false), 0);
	for (uint32_t death = 1; death <= SCANNER_CRASHES; death++) {
		role_start(&r);
		turns();
		if (death == 1)
			role_answer(&r, r.ticket[0], 0); /* file0 was good; file1 kills */
		turns();
		role_die(&r);
		CHECK_INT(job[0].done, 1);
		CHECK_INT(job[1].crashes, death < SCANNER_CRASHES ? death : SCANNER_CRASHES - 1);
		CHECK_INT(job[1].done, death == SCANNER_CRASHES);
		CHECK_INT(job[2].done, 0);
	}
	CHECK_INT(job[1].outcome, SCAN_CRASHED);
	CHECK_INT(scanner_state(scanner)->crashes, SCANNER_CRASHES);
	role_start(&r);
	turns();
	CHECK_INT(r.asked, 1);
	CHECK_STR(str_z(r.name[0]), STR("file2"));
	role_answer(&r, r.ticket[0], 0);
	turns();
	CHECK_INT(job[2].outcome, SCAN_DONE);
	CHECK_INT(job[2].crashes, 0);
	channel_free(r.channel);
	end();
}

/* Bytes that are no answer, answers that nobody asked for, answers out of order: the channel ends, the file is blamed. */
TEST(a_role_that_lies_is_cut_off)
{
	for (int lie = 0; lie < 4; lie++) {
		struct role r;
		begin();
		if (lie != 1)
			CHECK_INT(submit(0, false), 0);
		CHECK_INT(lie != 1 ? submit(1, false) : 0, 0);
		role_start(&r);
		turns();
		if (lie == 0)
			CHECK_INT(channel_send(r.channel, MSG_SCANNED, STR("nonsense"), STR(""), STR("")), 0);
		else if (lie == 1)
			role_answer(&r, 1, 0);
		else if (lie == 2)
			role_answer(&r, r.ticket[1], 0);
		else
			CHECK_INT(channel_send(r.channel, MSG_SCANNED, STR(""), STR(""), STR("")), 0);
		turns();
		CHECK(r.closed);
		CHECK_INT(job[0].done + job[1].done, 0);
		CHECK_INT(job[0].crashes, lie != 1);
		channel_free(r.channel);
		end();
	}
}

TEST(forgotten_jobs_are_not_told_and_a_full_queue_says_so)
{
	struct role r;
	begin();
	CHECK_INT(submit(0, false), 0);
	CHECK_INT(submit(1, false), 0);
	role_start(&r);
	turns();
	for (uint32_t i = 2; i < SCANNER_QUEUE; i++)
		CHECK_INT(submit(2, false), 0);
	CHECK_INT(submit(3, false), E_FULL);
	scanner_forget(scanner, &job[0]);
	scanner_forget(scanner, &job[2]);
	CHECK(scanner_state(scanner)->waiting <= SCANNER_UNDER_WAY);
	turns();
	CHECK_INT(r.asked, SCANNER_UNDER_WAY);
	for (uint32_t i = 0; i < SCANNER_UNDER_WAY; i++)
		role_answer(&r, r.ticket[i], 0);
	turns();
	CHECK_INT(job[0].done, 0);
	CHECK_INT(job[1].done, 1);
	CHECK_INT(job[2].done, 0);
	CHECK_INT(scanner_state(scanner)->waiting, 0);
	channel_free(r.channel);
	end();
}

TEST(a_role_that_says_nothing_is_found_out)
{
	struct role r;
	int64_t t = 1000;
	begin();
	CHECK(!scanner_hangs(scanner, t));
	role_start(&r);
	CHECK_INT(submit(0, false), 0);
	turns();
	/* it may be reading its rules yet */
	CHECK(!scanner_hangs(scanner, t));
	CHECK(!scanner_hangs(scanner, t + SCANNER_SILENT_MS));
	CHECK(scanner_hangs(scanner, t += 5 * SCANNER_SILENT_MS));
	CHECK(!scanner_hangs(scanner, t + 1)); /* said once, and again after as long */
	CHECK(scanner_hangs(scanner, t + 5 * SCANNER_SILENT_MS));
	role_die(&r);
	CHECK(!scanner_hangs(scanner, t += 100 * SCANNER_SILENT_MS)); /* nobody is there */
	CHECK_INT(job[0].crashes, 1); /* what it hung on is counted against the file */
	role_start(&r);
	turns();
	struct buf rules = BUF_INIT;
	const struct scan_rules none = {0};
	scan_rules_put(&rules, &none);
	CHECK_INT(channel_send(r.channel, MSG_SCAN_RULES, buf_str(&rules), STR(""), STR("")), 0);
	turns();
	CHECK(!scanner_hangs(scanner, t));
	CHECK(!scanner_hangs(scanner, t + SCANNER_SILENT_MS - 1));
	CHECK(scanner_hangs(scanner, t + SCANNER_SILENT_MS));
	role_answer(&r, r.ticket[0], 0);
	turns();
	CHECK_INT(job[0].done, 1);
	CHECK(!scanner_hangs(scanner, t + 100 * SCANNER_SILENT_MS)); /* it has nothing to say */
	buf_release(&rules);
	channel_free(r.channel);
	end();
}
