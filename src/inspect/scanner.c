/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/scanner.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/channel.h"

#define ANSWER_BYTES (4u << 20)
#define RULES_BYTES (256u << 10)

struct job {
	struct job *next;
	struct scan_job what; /* user NULL and done NULL: forgotten */
	uint64_t ticket;      /* 0: not with the role */
};

struct scanner {
	struct loop *loop;
	struct channel *channel;
	struct job *job;        /* in order: those under way, urgent ones, the others */
	unsigned under_way;
	uint64_t tickets;
	uint64_t heard;         /* messages of the role, and its comings */
	uint64_t heard_before;  /* the same when it was last different */
	int64_t heard_ms;
	struct arena answer, rules;
	struct scanner_state state;
};

static void send_jobs(struct scanner *s);

struct scanner *
scanner_new(struct loop *l)
{
	struct scanner *s = MEM_NEW(struct scanner);
	s->loop = l;
	arena_init(&s->answer, 64 << 10, ANSWER_BYTES);
	arena_init(&s->rules, 16 << 10, RULES_BYTES);
	return s;
}

static void
job_free(struct job *j)
{
	if (j->what.fd >= 0)
		close(j->what.fd);
	mem_free(j);
}

void
scanner_free(struct scanner *s)
{
	if (!s)
		return;
	channel_free(s->channel);
	while (s->job) {
		struct job *j = s->job;
		s->job = j->next;
		job_free(j);
	}
	arena_release(&s->answer);
	arena_release(&s->rules);
	mem_free(s);
}

const struct scanner_state *
scanner_state(const struct scanner *s)
{
	return &s->state;
}

/* Off the list first: who is told may submit the next. */
static void
finish_first(struct scanner *s, const struct scan_answer *answer)
{
	struct job *j = s->job;
	s->job = j->next;
	s->state.waiting--;
	if (j->what.done)
		j->what.done(j->what.user, answer);
	job_free(j);
}

static void
on_answer(struct scanner *s, struct str payload)
{
	struct scan_answer answer;
	arena_clear(&s->answer);
	struct job *first = s->job;
	/* Answers come in order; another is no answer of a sane role. */
	if (!s->under_way || scan_answer_take(payload, &s->answer, &answer) < 0 || answer.ticket != first->ticket) {
		shutdown(channel_fd(s->channel), SHUT_RDWR);
		return;
	}
	s->under_way--;
	s->state.scanned++;
	s->state.bytes += answer.bytes;
	finish_first(s, &answer);
	send_jobs(s);
}

static void
on_rules(struct scanner *s, struct str payload)
{
	struct scan_rules rules;
	arena_clear(&s->rules);
	s->state.rules = (struct scan_rules){0};
	if (scan_rules_take(payload, &s->rules, &rules) < 0)
		return;
	s->state.rules = rules;
	s->state.here = true;
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct scanner *s = user;
	if (fd >= 0)
		close(fd);
	s->heard++;
	if (type == MSG_SCANNED)
		on_answer(s, payload);
	else if (type == MSG_SCAN_RULES)
		on_rules(s, payload);
}

/* What the role had begun with it died of, as far as anybody knows; what lay behind it was not looked at. */
static void
role_died(struct scanner *s)
{
	bool guilty = s->under_way > 0;
	for (struct job *j = s->job; j && s->under_way; j = j->next, s->under_way--)
		j->ticket = 0;
	s->state.here = false;
	if (!guilty)
		return;
	struct scan_job *first = &s->job->what;
	s->state.crashes++;
	first->crashes++;
	if (first->crashes >= SCANNER_CRASHES || !first->done)
		finish_first(s, &(struct scan_answer){.outcome = SCAN_CRASHED});
	else if (first->crashed)
		first->crashed(first->user, first->crashes);
}

static void
on_closed(void *user, struct channel *c)
{
	struct scanner *s = user;
	channel_free(c);
	s->channel = NULL;
	role_died(s);
}

void
scanner_peer(struct scanner *s, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	if (s->channel)
		on_closed(s, s->channel);
	s->channel = channel_new(s->loop, fd, &events, s);
	s->heard++;
	send_jobs(s);
}

bool
scanner_hangs(struct scanner *s, int64_t monotonic_ms)
{
	bool waits = s->channel && (s->under_way || !s->state.here);
	if (!waits || s->heard != s->heard_before) {
		s->heard_before = s->heard;
		s->heard_ms = monotonic_ms;
		return false;
	}
	if (monotonic_ms - s->heard_ms < (s->state.here ? 1 : 5) * SCANNER_SILENT_MS) /* it may still be reading rules */
		return false;
	s->heard_ms = monotonic_ms;
	return true;
}

static bool
send_job(struct scanner *s, struct job *j)
{
	struct scan_request r = {.ticket = s->tickets + 1, .max_bytes = SCAN_BYTES_MAX, .timeout_s = SCAN_SECONDS,
	    .name = j->what.name};
	struct buf message = BUF_INIT;
	scan_request_put(&message, &r);
	int error = channel_send_fd(s->channel, MSG_SCAN, buf_str(&message), j->what.fd);
	buf_release(&message);
	if (error)
		return false; /* it is dying; its end will be told */
	j->ticket = ++s->tickets;
	if (!s->under_way++)
		s->heard++; /* its time begins */
	return true;
}

static void
send_jobs(struct scanner *s)
{
	struct job *j = s->job;
	for (unsigned i = 0; i < s->under_way && j; i++)
		j = j->next;
	for (; j && s->channel && s->under_way < SCANNER_UNDER_WAY; j = j->next)
		if (!send_job(s, j))
			return;
}

int
scanner_submit(struct scanner *s, const struct scan_job *job)
{
	if (s->state.waiting >= SCANNER_QUEUE) {
		close(job->fd);
		return E_FULL;
	}
	struct job *j = mem_calloc(1, sizeof *j + job->name.n + 1);
	j->what = *job;
	char *name = (char *)(j + 1);
	if (job->name.n)
		memcpy(name, job->name.p, job->name.n);
	j->what.name = str_from(name, job->name.n);
	struct job **at = &s->job;
	while (*at && ((*at)->ticket || !job->urgent || (*at)->what.urgent))
		at = &(*at)->next;
	j->next = *at;
	*at = j;
	s->state.waiting++;
	send_jobs(s);
	return 0;
}

void
scanner_forget(struct scanner *s, const void *user)
{
	struct job **at = &s->job;
	while (*at) {
		struct job *j = *at;
		if (j->what.user == user) {
			j->what.done = NULL;
			j->what.crashed = NULL;
		}
		if (j->what.user == user && !j->ticket) {
			*at = j->next;
			s->state.waiting--;
			job_free(j);
		} else {
			at = &j->next;
		}
	}
}
