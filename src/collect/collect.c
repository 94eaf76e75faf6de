/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/collect.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/time.h"
#include "collect/deliver.h"
#include "collect/drop.h"
#include "collect/gather.h"
#include "collect/journald.h"
#include "collect/listen.h"
#include "collect/report.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/sandbox.h"

#define SOURCES_EVERY 60      /* seconds between two writings of counters */
#define LEAVE_MS 2000         /* for answers to go out */

struct collect {
	struct role_context *rc;
	char folder[300];             /* DATA/journal: segments and the source table */
	char sources_path[320];
	struct journal *journal;
	struct sources *sources;
	struct gather *gather;
	struct doors *doors;
	struct drop *drop;
	struct journald *journald;    /* NULL: not asked for */
	struct deliver *deliver;
	struct channel *worker, *core;
	struct loop_timer *tick, *leave;
	unsigned ticks;
	int64_t leave_by_ms;
	bool replay_owed;             /* core has said what it holds, and was not answered yet */
	uint64_t held;                /* that */
	bool fits;                    /* the journal and what core holds were compared; from then on core follows us */
	enum report_gap gap;
};

/* ------------------------------------------------------------------------------------------------------ what is told */

static void
report_fill(struct collect *c, struct report *r, struct report_port *ports)
{
	*r = (struct report){.now_ms = clock_now_ms(), .stalled = gather_stalled(c->gather)};
	r->journal = journal_stats(c->journal);
	r->gap = c->gap;
	r->deliver = deliver_stats(c->deliver);
	r->drop = drop_stats(c->drop);
	r->journald = journald_stats(c->journald);
	r->held = doors_held(c->doors) + gather_held(c->gather);
	r->source_count = sources_count(c->sources);
	r->source_evicted = sources_evicted(c->sources);
	r->port = ports;
	r->port_count = doors_ports(c->doors, ports);
}

static void
report_row(const struct source *s, int64_t now_ms, struct report_source *row)
{
	*row = (struct report_source){.number = s->number, .transport = s->transport, .received = s->received,
	    .bytes = s->bytes, .oversized = s->oversized, .refused = s->refused, .dropped = s->dropped,
	    .quarantined = s->quarantined, .first_ms = s->first_ms, .last_ms = s->last_ms};
	memcpy(row->peer, s->peer, sizeof row->peer);
	source_minutes(s, now_ms, row->per_minute);
}

static void
report_send(struct collect *c)
{
	struct report_port ports[DOORS_MAX];
	struct report r;
	struct report_source *rows = mem_calloc(REPORT_SOURCES, sizeof *rows);
	struct buf b = BUF_INIT;
	uint32_t place = 0;
	struct source *s;
	report_fill(c, &r, ports);
	r.source = rows;
	do {
		r.source_rows = 0;
		while (r.source_rows < REPORT_SOURCES && (s = sources_next(c->sources, &place)))
			if (s->changed) {
				s->changed = false;
				report_row(s, r.now_ms, &rows[r.source_rows++]);
			}
		buf_clear(&b);
		report_write(&r, &b);
		if (channel_send(c->core, MSG_SOURCES, buf_str(&b), STR(""), STR("")) < 0)
			break; /* core does not listen: the next report is as good */
	} while (r.source_rows == REPORT_SOURCES);
	buf_release(&b);
	mem_free(rows);
}

static void
sources_write(struct collect *c)
{
	int error = sources_save(c->sources, &store_io_disk, c->sources_path);
	if (error < 0)
		log_say(LOG_LEVEL_WARN, "collect.sources_unsaved", LOG_TEXT("reason", str_z(error_name(error))));
}

static void replay_answer(struct collect *c);

static void
on_tick(void *user)
{
	struct collect *c = user;
	doors_tick(c->doors);
	journald_tick(c->journald);
	if (c->replay_owed && c->core)
		replay_answer(c);
	if (sources_unsaved(c->sources) || ++c->ticks % SOURCES_EVERY == 0)
		sources_write(c);
	if (c->core && channel_queued(c->core) < CHANNEL_MAX)
		report_send(c);
}

/* ------------------------------------------------------------------------------------------------- gather's calls */

static void
on_block(void *user, uint64_t number, struct str batch)
{
	struct collect *c = user;
	deliver_block(c->deliver, number, batch);
}

static void
on_committed(void *user, uint64_t ticket)
{
	struct collect *c = user;
	doors_committed(c->doors, ticket);
	drop_committed(c->drop, ticket);
	journald_committed(c->journald, ticket);
}

static void
on_stalled(void *user, int error)
{
	struct collect *c = user;
	doors_pause(c->doors, error < 0);
	drop_pause(c->drop, error < 0);
	journald_pause(c->journald, error < 0);
	if (error < 0)
		log_say(LOG_LEVEL_ERROR, "collect.stalled", LOG_TEXT("reason", str_z(error_name(error))));
	else
		log_say(LOG_LEVEL_INFO, "collect.going_on", LOG_NUMBER("block", (int64_t)journal_stats(c->journal).next));
}

static const struct gather_events gather_events = {on_block, on_committed, on_stalled};

/* ---------------------------------------------------------------------------------------------------------- peers */

/* Core holds what this journal never gave: somebody put back an older folder. Under those numbers nothing would be taken. */
static int
journal_catch_up(struct collect *c)
{
	uint64_t moved = 0, next = journal_stats(c->journal).next;
	int error = gather_commit(c->gather);
	if (!error)
		error = journal_go_beyond(c->journal, c->held, &moved);
	c->gap = GAP_OLDER;
	log_say(LOG_LEVEL_ERROR, "collect.journal_behind", LOG_NUMBER("core", (int64_t)c->held),
	    LOG_NUMBER("next", (int64_t)next), LOG_NUMBER("moved", (int64_t)moved),
	    LOG_TEXT("reason", error ? str_z(error_name(error)) : STR("")));
	return error;
}

/* Refused by the disk, it is tried again by tick; until then blocks wait in the journal. */
static void
replay_answer(struct collect *c)
{
	struct journal_stats s = journal_stats(c->journal);
	if (!c->fits && c->held >= s.opened && journal_catch_up(c) < 0)
		return;
	if (!c->fits && c->held && c->held < s.opened && s.born) {
		c->gap = GAP_NEW;
		log_say(LOG_LEVEL_ERROR, "collect.journal_new", LOG_NUMBER("core", (int64_t)c->held),
		    LOG_NUMBER("first", (int64_t)s.first));
	}
	c->fits = true;
	c->replay_owed = false;
	deliver_replay(c->deliver, c->held);
}

static void
on_core_message(void *user, struct channel *channel, uint16_t type, struct str payload, int fd)
{
	struct collect *c = user;
	struct wire w = {payload, false};
	uint64_t block = wire_u64(&w);
	if (w.bad)
		return;
	if (type == MSG_REPLAY) {
		c->held = block;
		c->replay_owed = true;
		replay_answer(c);
	} else if (type == MSG_APPLIED)
		deliver_applied(c->deliver, block);
	else if (type == MSG_RELEASE && !c->replay_owed) /* else it speaks of numbers that are not ours yet */
		journal_release(c->journal, block);
}

static void
on_core_closed(void *user, struct channel *channel)
{
	struct collect *c = user;
	deliver_core(c->deliver, NULL);
	c->replay_owed = false;
	channel_free(channel);
	c->core = NULL;
}

static void
on_worker_message(void *user, struct channel *channel, uint16_t type, struct str payload, int fd)
{
	/* The worker has nothing to say to us. */
}

static void
on_worker_closed(void *user, struct channel *channel)
{
	struct collect *c = user;
	deliver_worker(c->deliver, NULL, false);
	channel_free(channel);
	c->worker = NULL;
}

static void
on_worker_drained(void *user, struct channel *channel)
{
	struct collect *c = user;
	deliver_go_on(c->deliver);
}

static const struct channel_events core_events = {.message = on_core_message, .closed = on_core_closed};
static const struct channel_events worker_events = {
	.message = on_worker_message, .closed = on_worker_closed, .drained = on_worker_drained};

static void
collect_peer(struct role_context *rc, enum role peer, int fd)
{
	struct collect *c = rc->user;
	if (peer == ROLE_CORE) {
		channel_free(c->core);
		c->core = channel_new(rc->loop, fd, &core_events, c);
		deliver_core(c->deliver, c->core);
		c->replay_owed = false;
		uint32_t place = 0;
		for (struct source *s; (s = sources_next(c->sources, &place));)
			s->changed = true;
	} else {
		channel_free(c->worker);
		c->worker = channel_new(rc->loop, fd, &worker_events, c);
		deliver_worker(c->deliver, c->worker, !rc->peer_left);
	}
}

static void
collect_listen(struct role_context *rc, enum listen_kind kind, struct str address, int fd)
{
	struct collect *c = rc->user;
	int error = doors_add(c->doors, kind, address, fd);
	if (error < 0)
		log_say(LOG_LEVEL_ERROR, "collect.door", LOG_TEXT("address", address),
		    LOG_TEXT("reason", str_z(error_name(error))));
}

/* ------------------------------------------------------------------------------------------------- start and stop */

static void
collect_free(struct collect *c)
{
	loop_remove_timer(c->tick);
	loop_remove_timer(c->leave);
	channel_free(c->worker);
	channel_free(c->core);
	drop_free(c->drop);
	journald_free(c->journald);
	doors_free(c->doors);
	gather_free(c->gather);
	deliver_free(c->deliver);
	sources_free(c->sources);
	journal_close(c->journal);
	mem_free(c);
}

/* Answers are out, or nobody reads them any more. */
static void
on_leave(void *user)
{
	struct collect *c = user;
	struct loop *loop = c->rc->loop;
	if (doors_unanswered(c->doors) && clock_monotonic_ms() < c->leave_by_ms)
		return;
	if (c->core) {
		report_send(c);
		channel_flush(c->core, LEAVE_MS);
	}
	sources_write(c);
	collect_free(c);
	loop_stop(loop);
}

static void
collect_stop(struct role_context *rc)
{
	struct collect *c = rc->user;
	if (c->leave)
		return;
	doors_finish(c->doors);
	drop_pause(c->drop, true);
	journald_pause(c->journald, true);
	int error = gather_commit(c->gather);
	if (error < 0)
		log_say(LOG_LEVEL_ERROR, "collect.left_uncommitted", LOG_TEXT("reason", str_z(error_name(error))));
	journald_save(c->journald);
	c->leave_by_ms = clock_monotonic_ms() + LEAVE_MS;
	c->leave = loop_add_timer(rc->loop, 0, 10, on_leave, c);
}

static int
folder_make(struct collect *c)
{
	snprintf(c->folder, sizeof c->folder, "%s/journal", c->rc->options->data);
	snprintf(c->sources_path, sizeof c->sources_path, "%s/sources", c->folder);
	if (mkdir(c->folder, 0700) < 0 && errno != EEXIST)
		return error_from_errno(errno);
	return store_io_disk.sync_directory(NULL, c->rc->options->data);
}

/* As many descriptors as we are allowed; connections are bounded by DOORS_CONNECTIONS. */
static void
descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
journal_start(struct collect *c)
{
	struct fault f = {0};
	int error = folder_make(c);
	/* A new journal beside an old archive must not give numbers that the archive already holds. */
	struct journal_options o = {.io = &store_io_disk, .directory = str_z(c->folder), .first = (uint64_t)clock_now_ms()};
	if (error < 0)
		fault_set(&f, error, "journal_open", str_z(c->folder), 0, 0);
	else
		error = journal_open(&o, &c->journal, &f);
	if (error < 0)
		log_fault(&f);
	return error;
}

static void
sources_start(struct collect *c)
{
	c->sources = sources_new();
	int error = sources_load(c->sources, &store_io_disk, c->sources_path);
	if (error < 0 && error != E_NOT_FOUND)
		log_say(LOG_LEVEL_WARN, "collect.sources_lost", LOG_TEXT("reason", str_z(error_name(error))));
	sources_write(c);
}

static void
journald_start(struct collect *c)
{
	char cursor[340];
	snprintf(cursor, sizeof cursor, "%s/journald", c->folder);
	c->journald = journald_new(c->rc->loop, c->gather, c->sources);
	int error = journald_open(c->journald, NULL, cursor);
	if (error < 0)
		log_say(LOG_LEVEL_ERROR, "collect.journald", LOG_TEXT("reason", str_z(error_name(error))),
		    LOG_TEXT("readable_for", STR("group systemd-journal")));
}

/* What the network-facing process may do from here on: read and write two folders, accept, look for new files; and read
 * the machine's journal where it is asked to. */
static int
confine(struct collect *c)
{
	struct sandbox_path paths[2 + JOURNALD_FOLDERS] = {{c->folder, true}};
	size_t n = 1;
	int landlock = 0;
	if (c->rc->options->drop[0])
		paths[n++] = (struct sandbox_path){c->rc->options->drop, true};
	if (c->journald)
		n += journald_folders(paths + n);
	return sandbox_enter(SANDBOX_FILES | SANDBOX_ACCEPT | SANDBOX_INOTIFY, paths, n, &landlock);
}

static int
collect_start(struct role_context *rc)
{
	struct collect *c = MEM_NEW(struct collect);
	const char *drop = rc->options->drop;
	c->rc = rc;
	rc->user = c;
	int error = journal_start(c);
	if (error < 0) {
		mem_free(c);
		return error;
	}
	descriptors_raise();
	sources_start(c);
	c->gather = gather_new(rc->loop, c->journal, &gather_events, c);
	c->doors = doors_new(rc->loop, c->gather, c->sources);
	c->deliver = deliver_new(c->journal, c->sources);
	c->drop = drop_new(rc->loop, c->gather, c->sources, str_z(drop));
	c->tick = loop_add_timer(rc->loop, 1000, 1000, on_tick, c);

	if (rc->options->journald)
		journald_start(c);
	error = confine(c);
	if (error < 0) {
		log_say(LOG_LEVEL_ERROR, "collect.sandbox", LOG_TEXT("reason", str_z(error_name(error))));
		collect_free(c);
		return error;
	}
	drop_start(c->drop);
	role_ready(rc);
	return 0;
}

const struct role_entry collect_role = {
	.start = collect_start,
	.events = {.peer = collect_peer, .listen = collect_listen, .stop = collect_stop},
};
