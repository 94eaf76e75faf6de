/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_REPORT_H
#define COLLECT_REPORT_H

/*
 * MSG_SOURCES: what collect tells core each second. Written by collect, read by core; pure.
 *
 * Ports, journal and totals come whole each time; of the sources only those whose numbers moved since the last report
 * (all of them after core has come anew), in as many messages as needed. All counters grow from the start of the
 * process, those of sources from their first day.
 */

#include "base/arena.h"
#include "collect/deliver.h"
#include "collect/source.h"
#include "host/options.h"

#define REPORT_SOURCES 2000u /* rows in one message at most */

struct report_port {
	uint8_t kind;             /* enum listen_kind */
	struct str address;
	uint64_t received;        /* messages */
	uint64_t bytes;
	uint64_t kernel_drops;    /* datagrams the kernel had no room for; exact, since it was bound */
	uint64_t connections;     /* open now */
	uint64_t accepted, refused; /* connections so far */
	uint64_t errors;          /* protocol errors */
	uint64_t acknowledged;    /* messages answered with "200 OK" */
};

struct report_source {
	uint32_t number;
	uint8_t transport;
	uint8_t peer[16];
	uint64_t received, bytes, oversized, refused, dropped, quarantined;
	int64_t first_ms, last_ms;
	uint32_t per_minute[SOURCE_MINUTES]; /* oldest first; the last is the minute under way */
};

struct report_drop {
	uint64_t files, failed, waiting; /* read to the end, given up, seen and not read yet */
};

struct report_journald {
	bool wanted;              /* --journald */
	int32_t error;            /* 0, or why it is not read: E_DENIED (perhaps only part of it), E_NOT_FOUND, ... */
	uint64_t entries;         /* read */
	uint64_t damaged;         /* of those, entries with a field that could not be read */
};

enum report_gap {
	GAP_NONE,
	GAP_NEW,                  /* core holds blocks, and there was no journal: what waited in one is not known */
	GAP_OLDER,                /* core holds blocks that the journal never gave: its folder is an older one */
};

struct report {
	int64_t now_ms;
	int32_t stalled;          /* 0, or why nothing is taken: E_FULL, E_IO */
	struct journal_stats journal; /* without opened and born */
	enum report_gap gap;
	struct deliver_stats deliver;
	struct report_drop drop;
	struct report_journald journald;
	uint64_t held;            /* bytes of memory in buffers */
	uint64_t source_count, source_evicted;
	const struct report_port *port;
	uint32_t port_count;
	const struct report_source *source;
	uint32_t source_rows;
};

void report_write(const struct report *r, struct buf *out);
/* Texts are borrowed from the message, rows live in the arena. E_CORRUPT, E_LIMIT. */
[[nodiscard]] int report_read(struct str message, struct arena *arena, struct report *ret);

#endif
