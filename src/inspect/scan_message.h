/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_SCAN_MESSAGE_H
#define INSPECT_SCAN_MESSAGE_H

/*
 * What core (or `khien sweep`) and the yara role say to each other: MSG_SCAN with a descriptor, MSG_SCANNED,
 * MSG_SCAN_RULES. Pure. Every length is checked on reading: the role reads hostile files, so it is trusted no further
 * than its bytes.
 */

#include "base/wire.h"
#include "detect/yara.h"

enum scan_outcome {
	SCAN_DONE,       /* whatever was found */
	SCAN_SLOW,       /* longer than the time it was given */
	SCAN_UNREADABLE, /* read() said no */
	SCAN_MEMORY,
	SCAN_FAILED,     /* no rules, or libyara gave up */
	SCAN_CRASHED,    /* the role died of it SCANNER_CRASHES times; never said by the role itself */
	SCAN_OUTCOMES
};

/* "done", "slow", ...; static. The key of its sentence is ui.scan.<name>. */
const char *scan_outcome_name(enum scan_outcome outcome);

struct scan_request {
	uint64_t ticket;
	uint64_t max_bytes; /* of a longer file only its beginning is looked at */
	uint32_t timeout_s;
	struct str name;
};

struct scan_answer {
	uint64_t ticket;
	enum scan_outcome outcome;
	uint64_t bytes;     /* looked at */
	bool partial;       /* the file is longer */
	uint8_t sha256[32]; /* of what was looked at, when something was found; else zero */
	struct yara_found found;
};

struct scan_rules {
	struct yara_stats stats;
	uint32_t ms;        /* to compile */
	struct fault *fault;
	uint32_t faults;    /* the first SCAN_FAULTS_MAX */
};

#define SCAN_FAULTS_MAX 50u

void scan_request_put(struct buf *out, const struct scan_request *r);
/* Borrowed from the message. E_CORRUPT. */
[[nodiscard]] int scan_request_take(struct str message, struct scan_request *ret);
void scan_answer_put(struct buf *out, const struct scan_answer *a);
/* Texts are borrowed from the message, arrays live in the arena. E_CORRUPT, E_LIMIT. */
[[nodiscard]] int scan_answer_take(struct str message, struct arena *arena, struct scan_answer *ret);
void scan_rules_put(struct buf *out, const struct scan_rules *r);
[[nodiscard]] int scan_rules_take(struct str message, struct arena *arena, struct scan_rules *ret);

#endif
