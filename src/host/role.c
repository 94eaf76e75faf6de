/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/role.h"

#include <assert.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/wire.h"
#include "host/log.h"

static const char *const names[ROLE_COUNT] = {
	[ROLE_SUPERVISOR] = "supervisor",
	[ROLE_COLLECT] = "collect",
	[ROLE_WORKER] = "worker",
	[ROLE_CORE] = "core",
	[ROLE_WEB] = "web",
	[ROLE_LOOKBACK] = "lookback",
	[ROLE_YARA] = "yara",
	[ROLE_LDAP] = "ldap",
	[ROLE_PUSH] = "push",
};

static const struct role_counts no_counts;
static const struct role_counts *the_counts = &no_counts;

const char *
role_name(enum role role)
{
	assert(role < ROLE_COUNT);
	return names[role];
}

enum role
role_from_name(struct str name)
{
	for (enum role r = ROLE_COLLECT; r < ROLE_COUNT; r++)
		if (str_eq(name, str_z(names[r])))
			return r;
	return ROLE_COUNT;
}

const struct role_counts *
role_counts(void)
{
	return the_counts;
}

void
role_counts_use(const struct role_counts *counts)
{
	the_counts = counts;
}

static void
role_tell(struct role_context *rc, enum message type, struct str payload)
{
	int error = channel_send(rc->control, type, payload, STR(""), STR(""));

	if (error)
		log_say(LOG_LEVEL_WARN, "role.control", LOG_TEXT("error", str_z(error_name(error))));
}

void
role_ready(struct role_context *rc)
{
	role_tell(rc, MSG_READY, STR(""));
}

int
role_confine(struct role_context *rc, unsigned powers, const struct sandbox_path *paths, size_t count)
{
	int landlock = 0;
	int error = sandbox_enter(powers, paths, count, &landlock);

	log_say(error ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "role.confined", LOG_NUMBER("powers", powers),
	    LOG_NUMBER("landlock", landlock), LOG_NUMBER("seccomp", sandbox_is_built()), LOG_NUMBER("error", error));
	return error;
}

void
role_end(struct role_context *rc, enum role role)
{
	role_tell(rc, MSG_END_ROLE, str_from((char[]){(char)role}, 1));
}

void
role_stop_demo(struct role_context *rc)
{
	role_tell(rc, MSG_STOP_DEMO, STR(""));
}

void
role_reload(struct role_context *rc)
{
	role_tell(rc, MSG_RELOAD, STR(""));
}

/* The same binary wrote them, so they are passed as they lie in memory. */
int
role_options(struct options *ret)
{
	struct options o;

	if (pread(ROLE_FD_OPTIONS, &o, sizeof(o), 0) != (ssize_t)sizeof(o))
		return E_TRUNCATED;
	*ret = o;
	return 0;
}

static int
role_map_counts(void)
{
	void *page = mmap(NULL, sizeof(struct role_counts), PROT_READ, MAP_SHARED, ROLE_FD_COUNTS, 0);

	close(ROLE_FD_COUNTS);
	if (page == MAP_FAILED)
		return E_IO;
	role_counts_use(page);
	return 0;
}

struct running {
	struct role_context context;
	const struct role_entry *entry;
};

static void
running_peer(struct running *r, struct str payload, int fd)
{
	struct wire w = {.rest = payload};
	unsigned peer = wire_u8(&w);

	r->context.peer_left = wire_u8(&w);
	if (fd < 0)
		return;
	if (w.bad || peer <= ROLE_SUPERVISOR || peer >= ROLE_COUNT || !r->entry->events.peer)
		close(fd);
	else
		r->entry->events.peer(&r->context, (enum role)peer, fd);
}

static void
running_listen(struct running *r, struct str payload, int fd)
{
	struct wire w = {.rest = payload};
	unsigned kind = wire_u8(&w);

	if (fd < 0)
		return;
	if (w.bad || kind >= LISTEN_KIND_COUNT || !r->entry->events.listen)
		close(fd);
	else
		r->entry->events.listen(&r->context, (enum listen_kind)kind, w.rest, fd);
}

static void
running_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct running *r = user;

	if (loop_stopped(r->context.loop)) { /* what came in one read with MSG_STOP meets a role that has freed its things */
		if (fd >= 0)
			close(fd);
		return;
	}
	switch (type) {
	case MSG_PEER:
		running_peer(r, payload, fd);
		return;
	case MSG_LISTEN:
		running_listen(r, payload, fd);
		return;
	case MSG_STOP:
		if (r->entry->events.stop)
			r->entry->events.stop(&r->context);
		else
			loop_stop(r->context.loop);
		break;
	default:
		log_say(LOG_LEVEL_WARN, "role.message_unknown", LOG_NUMBER("type", type));
	}
	if (fd >= 0)
		close(fd);
}

/* The supervisor is gone. What was acknowledged is on disk; the next start takes it from there. */
static void
running_closed(void *user, struct channel *c)
{
	log_say(LOG_LEVEL_WARN, "role.orphaned", LOG_TEXT("peer", STR("supervisor")));
	_exit(1);
}

static const struct channel_events running_events = {running_message, running_closed, NULL};

int
role_run(enum role role, const struct role_entry *entry)
{
	static struct options options;
	struct running r = {.context = {.role = role, .options = &options}, .entry = entry};

	log_role(role_name(role));
	signal(SIGPIPE, SIG_IGN);
	int error = role_options(&options);
	if (!error)
		error = role_map_counts();
	if (error) {
		log_say(LOG_LEVEL_ERROR, "role.no_supervisor", LOG_TEXT("error", str_z(error_name(error))));
		return ROLE_EXIT_START;
	}
	close(ROLE_FD_OPTIONS);
	r.context.loop = loop_new();
	r.context.control = channel_new(r.context.loop, ROLE_FD_CONTROL, &running_events, &r);
	error = entry->start(&r.context);
	if (error) {
		log_say(LOG_LEVEL_ERROR, "role.start_failed", LOG_TEXT("error", str_z(error_name(error))));
		return ROLE_EXIT_START;
	}
	if (entry->run)
		entry->run(&r.context);
	else
		loop_run(r.context.loop);
	channel_flush(r.context.control, 1000);
	channel_free(r.context.control);
	loop_free(r.context.loop);
	return 0;
}
