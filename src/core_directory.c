/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_directory.h"

#include <sodium.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/clock.h"
#include "host/log.h"
#include "web/proof.h"

#define ASKS_MAX 32u
#define STEPS 12 /* of one question, each with the directory's time limit */

struct ask {
	struct api_call *call;
	uint32_t ticket;
	int64_t since_ms;
};

struct core_directory {
	struct core *core;
	struct channel *role;
	struct ask ask[ASKS_MAX];
	uint32_t count, last;
};

static void
answer(struct core_directory *d, uint32_t i, enum directory_outcome outcome, const struct directory_person *person)
{
	struct api_call *call = d->ask[i].call;
	d->ask[i] = d->ask[--d->count];
	proof_directory(call, outcome, person);
}

static void
answer_all_down(struct core_directory *d)
{
	while (d->count)
		answer(d, d->count - 1, DIRECTORY_DOWN, &(struct directory_person){0});
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct core_directory *d = user;
	struct wire w = {payload, false};
	if (fd >= 0)
		close(fd);
	uint32_t ticket = wire_u32(&w);
	unsigned outcome = wire_u8(&w);
	struct directory_person person = {.role = wire_str(&w)};
	person.organisation = wire_str(&w);
	person.name = wire_str(&w);
	if (type != MSG_BOUND || w.bad || outcome > DIRECTORY_DOWN)
		return;
	for (uint32_t i = 0; i < d->count; i++)
		if (d->ask[i].ticket == ticket) {
			answer(d, i, (enum directory_outcome)outcome, &person);
			return;
		}
}

static void
on_closed(void *user, struct channel *c)
{
	struct core_directory *d = user;
	channel_free(c);
	d->role = NULL;
	answer_all_down(d);
}

static bool
directory_ask(void *user, struct api_call *call, struct str login, struct str password)
{
	struct core *core = user;
	struct core_directory *d = core->directory;
	struct buf out = BUF_INIT_MAX(8192);
	if (!d->role || d->count == ASKS_MAX)
		return false;
	wire_put_u32(&out, ++d->last);
	wire_put_str(&out, login);
	wire_put_str(&out, password);
	bool sent = !out.over && channel_send(d->role, MSG_BIND, buf_str(&out), STR(""), STR("")) == 0;
	if (out.p)
		sodium_memzero(out.p, out.n);
	buf_release(&out);
	if (sent)
		d->ask[d->count++] = (struct ask){call, d->last, clock_monotonic_ms()};
	return sent;
}

struct core_directory *
core_directory_new(struct core *core)
{
	if (!core->rc->options->ldap_uri[0])
		return NULL;
	struct core_directory *d = MEM_NEW(struct core_directory);
	d->core = core;
	core->desk.directory_ask = directory_ask;
	return d;
}

void
core_directory_free(struct core_directory *d)
{
	if (!d)
		return;
	answer_all_down(d);
	channel_free(d->role);
	mem_free(d);
}

void
core_directory_peer(struct core_directory *d, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	if (!d) {
		close(fd);
		return;
	}
	if (d->role)
		on_closed(d, d->role);
	d->role = channel_new(d->core->rc->loop, fd, &events, d);
}

void
core_directory_tick(struct core_directory *d)
{
	if (!d || !d->count || !d->role)
		return;
	int64_t limit = (int64_t)d->core->rc->options->ldap_timeout * 1000 * STEPS + 5000;
	for (uint32_t i = 0; i < d->count; i++)
		if (clock_monotonic_ms() - d->ask[i].since_ms > limit) {
			log_say(LOG_LEVEL_ERROR, "ldap.hangs", LOG_NUMBER("asked", d->count));
			role_end(d->core->rc, ROLE_LDAP);
			answer_all_down(d);
			return;
		}
}
