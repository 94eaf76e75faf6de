/* SPDX-License-Identifier: EUPL-1.2 */
#include "push_role.h"

#include <unistd.h>

#include "base/memory.h"
#include "base/wire.h"
#include "host/log.h"
#include "host/post.h"

#define TIMEOUT_MS 5000

struct push_role {
	struct role_context *rc;
	struct channel *core;
	struct post_target *target[OPTIONS_MAX_TEXTS]; /* NULL: a witness that is reached by stick */
	struct buf out, body;
};

/* The URL before the first blank; the rest is the key, which is core's to know. */
static void
open_target(struct push_role *p, uint32_t i)
{
	struct str text = str_z(p->rc->options->witness[i]), url;
	if (str_split(&text, ' ', &url) && post_url_is_good(url) && post_target_open(url, &p->target[i]) < 0)
		log_say(LOG_LEVEL_WARN, "push.target", LOG_TEXT("url", url));
}

static int
push_role_start(struct role_context *rc)
{
	struct push_role *p = MEM_NEW(struct push_role);
	rc->user = p;
	p->rc = rc;
	p->out = BUF_INIT_MAX(2 * POST_ANSWER_MAX);
	p->body = BUF_INIT_MAX(POST_ANSWER_MAX);
	for (uint32_t i = 0; i < rc->options->witness_count; i++)
		open_target(p, i);
	role_ready(rc);
	return role_confine(rc, SANDBOX_CONNECT, NULL, 0);
}

static void
post(struct push_role *p, struct str payload)
{
	struct wire w = {payload, false};
	uint32_t i = wire_u32(&w);
	struct str path = wire_str(&w), body = wire_str(&w);
	uint16_t status = 0;
	if (w.bad || i >= OPTIONS_MAX_TEXTS)
		return;
	buf_clear(&p->body);
	int error = p->target[i] ? post_send(p->target[i], path, body, TIMEOUT_MS, &status, &p->body) : E_INVALID;
	buf_clear(&p->out);
	wire_put_u32(&p->out, i);
	wire_put_u32(&p->out, (uint32_t)-error);
	wire_put_u32(&p->out, status);
	wire_put_u32(&p->out, p->target[i] ? post_refusal(p->target[i]) : POST_REFUSED_NOT);
	wire_put_str(&p->out, error ? STR("") : buf_str(&p->body));
	if (channel_send(p->core, MSG_POSTED, buf_str(&p->out), STR(""), STR("")) < 0)
		log_say(LOG_LEVEL_WARN, "push.answer_lost", LOG_NUMBER("bytes", (int64_t)p->out.n));
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	if (fd >= 0)
		close(fd);
	if (type == MSG_POST)
		post(user, payload);
}

static void
on_closed(void *user, struct channel *c)
{
	struct push_role *p = user;
	channel_free(c);
	p->core = NULL;
}

static void
push_role_peer(struct role_context *rc, enum role peer, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	struct push_role *p = rc->user;
	channel_free(p->core);
	p->core = channel_new(rc->loop, fd, &events, p);
}

static void
push_role_stop(struct role_context *rc)
{
	struct push_role *p = rc->user;
	channel_free(p->core);
	for (uint32_t i = 0; i < OPTIONS_MAX_TEXTS; i++)
		post_target_close(p->target[i]);
	buf_release(&p->out);
	buf_release(&p->body);
	mem_free(p);
	loop_stop(rc->loop);
}

const struct role_entry push_role = {
	.start = push_role_start,
	.events = {.peer = push_role_peer, .stop = push_role_stop},
};
