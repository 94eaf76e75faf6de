/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_INTERNAL_H
#define INSPECT_INTERNAL_H

/* Shared by inspect.c, upload.c and sweep.c alone. */

#include "inspect/inspect.h"
#include "inspect/sweep_run.h"

/* A file whose parts are coming. */
struct receiving {
	int64_t id, size, last_ms;
	int fd;
	uint32_t parts, here;
	bool closing;     /* being hashed */
	uint8_t *have;    /* one byte a part */
};

/* A file with the scanner. */
struct scanning {
	struct scanning *next;
	struct inspect *inspect;
	int64_t id;
};

struct inspect {
	struct inspect_owner owner;
	struct scanner *scanner;
	struct alert_book *book;
	struct receiving *receiving;
	uint32_t receiving_count, receiving_cap;
	struct scanning *scanning;
	/* the sweep that runs */
	struct sweep_run *run; /* NULL: its folder is still to be opened */
	int64_t sweep;        /* its id; 0: none */
	struct buf folder;
	struct walk *walk;    /* of the folder, from the thread that opened it */
	int walk_error;
	struct str system;    /* it belongs to; owned */
	bool begun;           /* it is the filler's turn */
	bool filling;         /* a pool thread opens or fills */
	bool stop;            /* end it: it is done, or was asked to */
	bool next;            /* look for the next one that waits */
	struct loop_timer *kick; /* go on as soon as the loop has nothing under way */
	struct buf stopped_who;
	uint64_t ticks;
};

/* What was found in a file, in the transaction of the caller: the alert is in the book, and told by alarm_done() after
 * the commit (ok) or forgotten. `path` is empty for a file handed in. */
struct alarm {
	struct str name, path, sha256, who, system;
	const struct yara_found *found;
};
[[nodiscard]] int alarm_write(struct inspect *i, const struct alarm *a, int64_t now_ms);
void alarm_done(struct inspect *i, bool ok);
void upload_tick(struct inspect *i, int64_t now_ms);
void sweep_open(struct inspect *i);
void sweep_tick(struct inspect *i, int64_t now_ms);
void sweep_close(struct inspect *i);
/* Text for people out of a name that may hold any bytes: well-formed UTF-8 without control characters, cut at max. */
void text_clean(struct str name, size_t max, struct buf *out);

#endif
