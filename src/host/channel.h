/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_CHANNEL_H
#define HOST_CHANNEL_H

/*
 * Messages between the roles of one box: a stream socketpair, framed, never blocking. One thread.
 *
 * A message is u32 length | u16 type | u16 reserved | payload, at most CHANNEL_MAX. A longer frame, or a length that is
 * not one of ours, closes the channel: the peer is broken or hostile. Sending queues without copying twice; the caller
 * looks at channel_queued() for back-pressure. Descriptors travel with SCM_RIGHTS (supervisor to roles).
 */

#include "base/bytes.h"
#include "base/error.h"
#include "host/loop.h"

#define CHANNEL_MAX (16u << 20)

/* Who may send what is written beside each type. */
enum message {
	/* supervisor -> role */
	MSG_PEER = 1,       /* + descriptor; u8 role, u8 index: a new channel to that peer */
	MSG_LISTEN,         /* + descriptor; u8 kind (enum listen_kind), text address: a bound socket */
	MSG_STOP,           /* finish, commit, leave */
	/* role -> supervisor */
	MSG_READY = 16,
	/* collect -> worker */
	MSG_BATCH = 32,     /* u64 block, batch */
	/* worker -> core */
	MSG_VERDICT = 48,   /* u64 block, str batch, str verdict (detect/worker.h) */
	MSG_RULES = 49,     /* rule set facts at worker start: u64 generation, then text JSON */
	/* core -> collect */
	MSG_REPLAY = 64,    /* u64 block: send everything above it again (core started) */
	MSG_RELEASE,        /* u64 block: safe in the archive */
	/* collect -> core */
	MSG_SOURCES = 80,   /* source table and counters (collect/source.h) */
	/* web <-> core */
	MSG_REQUEST = 96,   /* web/message.h */
	MSG_RESPONSE,
	MSG_PUSH,           /* something for the live stream */
};

struct channel;

struct channel_events {
	/* One whole message; payload is borrowed. fd is -1 or a descriptor that is now the callee's. */
	void (*message)(void *user, struct channel *c, uint16_t type, struct str payload, int fd);
	/* The peer is gone or broke the protocol; the channel is dead, free it here or later. */
	void (*closed)(void *user, struct channel *c);
	void (*drained)(void *user, struct channel *c); /* the queue is empty again; may be NULL */
};

/* Takes over fd (made non-blocking, close-on-exec). */
struct channel *channel_new(struct loop *l, int fd, const struct channel_events *events, void *user);
/* Closes. Accepts NULL. */
void channel_free(struct channel *c);
/* Queue a message made of up to three parts. E_LIMIT when it is too long, E_CLOSED when the channel is dead. */
int channel_send(struct channel *c, uint16_t type, struct str a, struct str b, struct str d);
/* fd is duplicated into the message; the caller keeps his. */
int channel_send_fd(struct channel *c, uint16_t type, struct str payload, int fd);
size_t channel_queued(const struct channel *c); /* bytes */
/* Write until empty or the peer is gone (used before leaving), at most `ms`. */
void channel_flush(struct channel *c, int64_t ms);

#endif
