/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/nightly.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/time.h"
#include "host/clock.h"
#include "host/log.h"

#define FIRST_MS (10 * TIME_SECOND) /* the house is up by then */
#define LOOK_MS (30 * TIME_SECOND)
#define AGAIN_MS TIME_HOUR

bool
nightly_is_due(int64_t last_ms, int64_t now_ms, int zone)
{
	int64_t shift = zone * TIME_MINUTE - NIGHTLY_MINUTE * TIME_MINUTE;
	int64_t local = now_ms + shift, night = local - (local % TIME_DAY + TIME_DAY) % TIME_DAY - shift;
	return last_ms < night || last_ms > now_ms + TIME_DAY; /* of a clock that was wrong */
}

static int64_t
last_made(const struct options *o)
{
	char path[sizeof(o->data) + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/backup.last", o->data);
	return stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * TIME_SECOND : 0;
}

static void
on_look(void *user)
{
	struct nightly *n = user;
	int64_t now = clock_now_ms();

	if (n->pid || now < n->not_before_ms || !nightly_is_due(last_made(n->options), now, n->options->zone))
		return;
	n->not_before_ms = now + AGAIN_MS;
	pid_t pid = spawn_start(&n->spawn);
	n->pid = pid > 0 ? pid : 0;
	if (pid > 0)
		log_say(LOG_LEVEL_INFO, "backup.start", LOG_NUMBER("child", pid));
	else
		log_say(LOG_LEVEL_ERROR, "backup.no_start", LOG_NUMBER("errno", errno));
}

void
nightly_start(struct nightly *n, struct loop *loop, const struct options *options, const struct spawn *spawn)
{
	*n = (struct nightly){.loop = loop, .options = options, .spawn = *spawn};
	if (!options->backup_to[0])
		return;
	n->spawn.word = "backup";
	n->spawn.arg = "--nightly";
	n->timer = loop_add_timer(loop, FIRST_MS, LOOK_MS, on_look, n);
}

void
nightly_stop(struct nightly *n)
{
	loop_remove_timer(n->timer);
	n->timer = NULL;
	if (n->pid)
		kill(n->pid, SIGTERM);
}

bool
nightly_ended(struct nightly *n, pid_t pid, int status)
{
	if (!n->pid || pid != n->pid)
		return false;
	n->pid = 0;
	log_say(status ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "backup.ended", LOG_NUMBER("status", status));
	return true;
}
