/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_CHANNEL_H
#define HOST_CHANNEL_H

/*
 * Messages between the roles of one box: a stream socketpair, framed, never blocking. One thread.
 *
 * A message is u32 length | u16 type | u16 descriptors (0 or 1) | payload of at most CHANNEL_MAX bytes, little-endian. A
 * longer frame, or a descriptor where none was announced, closes the channel: the peer is broken or hostile. What the
 * socket takes at once is never copied, the rest is queued; the caller looks at channel_queued() for back-pressure and
 * stops reading from whoever feeds it (channel_pause()). Descriptors travel with SCM_RIGHTS (supervisor to roles).
 */

#include "base/bytes.h"
#include "base/error.h"
#include "host/loop.h"

#define CHANNEL_MAX (16u << 20)
#define CHANNEL_QUEUE_MAX (4u * CHANNEL_MAX) /* who queues more has not looked at channel_queued(): E_FULL */

/* Who may send what is written beside each type. (MSG_BATCH alone is taken by sys/socket.h.) */
enum message {
	/* supervisor -> role */
	MSG_PEER = 1,       /* + descriptor; u8 role, u8 left: a new channel to that peer; left: the one before it ended well */
	MSG_LISTEN,         /* + descriptor; u8 kind (enum listen_kind), text address: a bound socket */
	MSG_STOP,           /* finish, commit, leave; also core to worker, whose rules are no longer those of the disk */
	/* role -> supervisor */
	MSG_READY = 16,
	MSG_STOP_DEMO,      /* core only: end the demonstration player */
	MSG_END_ROLE,       /* core only; u8 role: it hangs or answers nonsense and is to be started anew */
	MSG_RELOAD,         /* core only: the rules on disk are others; a worker that has read them, please */
	/* collect -> worker */
	MSG_RAW_BATCH = 32, /* u64 block, batch */
	/* worker -> core */
	MSG_VERDICT = 48,   /* u64 block, str batch, str verdict (detect/worker.h) */
	MSG_SEEN = 50,      /* names of fields that arrive, not told before (detect/worker.h) */
	MSG_COST = 51,      /* what rules cost on sampled events, since told last (worker_tell_costs()) */
	MSG_RULES = 49,     /* the first message: 32 bytes, digest of its rules (rules_files.h) */
	/* core -> worker */
	MSG_INDICATORS = 56, /* + descriptor: an indicator image (detect/ioc.h) to ask from the next batch on */
	/* core -> collect */
	MSG_REPLAY = 64,    /* u64 block: send everything above it again (core started) */
	MSG_RELEASE,        /* u64 block: safe in the archive */
	MSG_APPLIED,        /* u64 block: its verdict and all before it are applied (collect/deliver.h) */
	/* collect -> core */
	MSG_SOURCES = 80,   /* source table and counters (collect/report.h) */
	MSG_FROM,           /* u64 block: answer to MSG_REPLAY, the block whose verdict comes next (collect/deliver.h) */
	/* core <-> yara (inspect/scan_message.h) */
	MSG_BIND = 176,     /* core to ldap: u32 ticket, str login, str password */
	MSG_BOUND,          /* u32 ticket, u8 outcome (enum directory_outcome), str role, str organisation, str name */

	MSG_SCAN = 144,     /* + descriptor: a file to look at */
	MSG_SCANNED,        /* what was found in it */
	MSG_SCAN_RULES,     /* yara to core, at first: which rules it has */
	/* core <-> push (push_role.h) */
	MSG_POST = 160,     /* u32 number of the witness, str path, str body */
	MSG_POSTED,         /* u32 number, u32 error without its sign, u32 HTTP status, u32 enum post_refusal, str body; in the order asked */
	/* web <-> core */
	MSG_REQUEST = 96,   /* web/message.h */
	MSG_RESPONSE,
	MSG_PUSH,           /* something for the live stream */
	MSG_SESSION_OVER,   /* name of a session or API key: its live streams end */
	/* core -> lookback, each answered by one message, in order (detect/trial.h) */
	MSG_TRIAL_CHECK = 112, /* a set: what is to be told of it; answered by MSG_TRIAL_FACTS */
	MSG_TRIAL_SET,      /* a set that batches will follow; it takes the place of the one before */
	MSG_TRIAL_BATCH,    /* answered by MSG_TRIAL_FINDINGS */
	MSG_TRIAL_INDICATORS, /* + descriptor: an indicator image for the set that comes next; not answered */
	MSG_TABLE,          /* a file with a table that somebody sent; answered by MSG_TABLE_ROWS (register/table.h) */
	/* lookback -> core */
	MSG_TRIAL_FACTS,
	MSG_TRIAL_FINDINGS,
	MSG_TABLE_ROWS,
};

struct channel;

struct channel_events {
	/* One whole message; payload is borrowed. fd is -1 or a descriptor that is now the callee's. The callee may
	 * send, pause and free the channel. */
	void (*message)(void *user, struct channel *c, uint16_t type, struct str payload, int fd);
	/* The peer is gone or broke the protocol; said once, after its last whole message. The channel is dead, free
	 * it here or later. Never called from within channel_send(). */
	void (*closed)(void *user, struct channel *c);
	void (*drained)(void *user, struct channel *c); /* the queue is empty again; may be NULL */
};

/* Takes over fd (made non-blocking, close-on-exec). With l == NULL the caller watches channel_fd() himself (libevent):
 * for reading while channel_wants_read(), for writing while channel_wants_write(), and calls channel_pump(). */
struct channel *channel_new(struct loop *l, int fd, const struct channel_events *events, void *user);
/* Closes. Accepts NULL. */
void channel_free(struct channel *c);
/* Queue a message made of up to three parts. E_LIMIT when it is too long, E_FULL beyond CHANNEL_QUEUE_MAX, E_CLOSED when
 * the channel is dead. All or nothing. */
[[nodiscard]] int channel_send(struct channel *c, uint16_t type, struct str a, struct str b, struct str d);
/* fd is duplicated into the message; the caller keeps his. */
[[nodiscard]] int channel_send_fd(struct channel *c, uint16_t type, struct str payload, int fd);
size_t channel_queued(const struct channel *c); /* bytes */
/* Stop delivering messages (the kernel's buffer fills, then the peer's queue), or go on: what was read already is
 * delivered by the next turn of the loop (without a loop: by the next channel_pump(), which may be channel_pump(c, 0)).
 * A paused channel does not tell that its peer is gone before it goes on. */
void channel_pause(struct channel *c, bool pause);
/* Write until empty or the peer is gone (used before leaving), at most `ms`. */
void channel_flush(struct channel *c, int64_t ms);

/* For channels without a loop. */
int channel_fd(const struct channel *c);
bool channel_wants_read(const struct channel *c);
bool channel_wants_write(const struct channel *c); /* look again after each channel_send() and channel_pump() */
void channel_pump(struct channel *c, unsigned events); /* enum loop_events; may call all three events */

#endif
