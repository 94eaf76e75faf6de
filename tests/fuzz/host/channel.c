/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Any bytes from a peer, in any chunks: exactly the whole frames in front of the first bad one arrive, then the channel
 * closes once. The first byte chooses the chunks, the rest is the stream.
 */
#include "host/channel.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t messages, digest;
	int closed;
};

static void
seen_add(struct seen *s, uint16_t type, struct str payload)
{
	s->messages++;
	s->digest = hash64_mix(hash64_mix(s->digest, type), hash64(payload, 1));
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	assert(fd == -1);
	seen_add(user, type, payload);
}

static void
on_closed(void *user, struct channel *c)
{
	((struct seen *)user)->closed++;
}

static const struct channel_events events = {on_message, on_closed, NULL};

/* What the header of host/channel.h says, in its plainest form. */
static struct seen
reference(struct str stream)
{
	struct seen s = {0};

	for (struct wire w = {.rest = stream}; w.rest.n >= 8;) {
		uint32_t length = wire_u32(&w);
		uint16_t type = wire_u16(&w);
		uint16_t fds = wire_u16(&w);
		if (length > CHANNEL_MAX || fds || length > w.rest.n)
			break;
		seen_add(&s, type, wire_bytes(&w, length));
	}
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str stream = str_skip(str_from((const char *)data, size), 1), rest = stream;
	size_t step = size ? 1u + (size_t)data[0] * data[0] : 1;
	struct seen want = reference(stream), got = {0};
	int fds[2];

	if (size > 1 << 20 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return 0;
	struct channel *c = channel_new(NULL, fds[0], &events, &got);
	while (rest.n && !got.closed) {
		ssize_t n = send(fds[1], rest.p, rest.n < step ? rest.n : step, MSG_NOSIGNAL | MSG_DONTWAIT);
		rest = str_skip(rest, n > 0 ? (size_t)n : 0);
		channel_pump(c, LOOP_READ);
	}
	close(fds[1]);
	for (int i = 0; i < 100 && !got.closed; i++)
		channel_pump(c, LOOP_READ);
	assert(got.closed == 1 && got.messages == want.messages && got.digest == want.digest);
	channel_free(c);
	return 0;
}
