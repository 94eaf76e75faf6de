/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_RAW_H
#define DECODE_RAW_H

/*
 * What a sender sent, untouched, with what we know of its coming: the unit that is journalled, acknowledged, decoded,
 * kept as evidence and decoded again when a decoder improves. A batch is a run of them, about 64 KB, in the order of
 * their coming: a journal block, the message from collect to worker, and the raw part of an archive block alike.
 * collect writes batches, worker and core read them, scan makes them from files. Pure.
 *
 * Layout of a record, little-endian, no padding between records:
 *   u32 length of the bytes | u8 form | u8 transport | u16 flags | u32 source | i64 received_ms | u8 peer[16] | u16 port
 *   | u16 reserved | bytes
 */

#include "base/error.h"
#include "base/wire.h"

#define RAW_HEADER 40u
#define RAW_MAX (1u << 20)     /* bytes of one record; what is longer comes in pieces flagged RAW_PIECE */
#define BATCH_TARGET (64u << 10) /* a batch is closed once it holds this much */

enum raw_form {
	RAW_LINE,        /* one message of text: syslog, JSON, web log ... ; decode/decode.h finds out which */
	RAW_EVTX_CHUNK,  /* one 64 KB chunk of a Windows event log file: many events (MS-EVEN6 BinXML) */
};

enum raw_transport { RAW_UDP, RAW_TCP, RAW_TLS, RAW_RELP, RAW_FILE, RAW_JOURNALD, RAW_BEATS, RAW_API };

enum raw_flags {
	RAW_PIECE = 1,      /* part of a message longer than RAW_MAX; the next record of this source goes on */
	RAW_LAST_PIECE = 2,
	RAW_OPAQUE = 4,     /* quarantined: a decoder crashed on it three times; keep, do not decode */
	RAW_DEMO = 8,       /* sent by the demonstration player */
	RAW_EXERCISE = 16,  /* part of a drill */
};

struct raw {
	struct str bytes;
	uint8_t form;      /* enum raw_form */
	uint8_t transport; /* enum raw_transport */
	uint16_t flags;    /* enum raw_flags */
	uint32_t source;   /* number collect gave the sender; its name travels beside (source table) */
	int64_t received_ms;
	uint8_t peer[16];  /* address of the sender, IPv4 mapped (RFC 4291, 2.5.5.2); zero = local file */
	uint16_t port;
};

/* Append one record. r->bytes.n <= RAW_MAX. */
void batch_put(struct buf *batch, const struct raw *r);
/* Take the next record; false at the end. E_CORRUPT is told by w->bad. */
bool batch_take(struct wire *w, struct raw *ret);
/* A syslog message (RFC 5424) whose STRUCTURED-DATA begins with RAW_DEMO_MARK, from a loopback address: what the
 * demonstration player sends. For the collector, which believes it only while the player runs: everybody can write it. */
#define RAW_DEMO_MARK "[khien@0 demo=\"1\"]"
bool raw_says_demo(const struct raw *r);
/* "203.0.113.77" or "2001:db8::1"; nothing for the zero address. */
void raw_peer_text(const struct raw *r, struct buf *out);

#endif
