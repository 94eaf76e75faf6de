/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_JOURNALD_H
#define COLLECT_JOURNALD_H

/*
 * This machine's own journal (systemd-journald), read with libsystemd: each entry becomes one line as RFC 5424 has it,
 * which decode_syslog() reads like any other. In collect, one thread.
 *
 * At least once: the place reached is written to a file once the entries before it are durable, and there we go on
 * after a restart. The first time we begin at "now". Who may not read the journal (group systemd-journal) or has none
 * hears it once in the log and sees it in the report; the rest of collect goes on.
 * Sources: systemd.journal-fields(7), sd_journal_get_fd(3); the lines RFC 5424, section 6.
 */

#include "collect/gather.h"
#include "collect/report.h"
#include "collect/source.h"
#include "host/sandbox.h"

#define JOURNALD_MESSAGE_MAX (256u << 10) /* bytes of one message kept; the rest is cut off and counted as oversized */
#define JOURNALD_FOLDERS 2u

enum journald_field {
	JOURNALD_PRIORITY,
	JOURNALD_FACILITY,
	JOURNALD_HOST,
	JOURNALD_IDENTIFIER,
	JOURNALD_COMM,
	JOURNALD_PID,
	JOURNALD_MESSAGE,
	JOURNALD_FIELDS
};

struct journald_entry {
	uint64_t time_us;                   /* since 1970, when journald took it; 0 = unknown */
	struct str field[JOURNALD_FIELDS];  /* empty = none */
};

/* "<PRI>1 TIME HOST PROGRAM PID - - MESSAGE". Pure. Processes choose most of these fields freely: none can look like
 * another one, and the message stands untouched at the end, whatever its bytes. */
void journald_line(const struct journald_entry *e, struct buf *out);

/* The folders of the journal that this machine has, for the sandbox; static. */
size_t journald_folders(struct sandbox_path ret[JOURNALD_FOLDERS]);

struct journald;

struct journald *journald_new(struct loop *loop, struct gather *gather, struct sources *sources);
/* Before the sandbox. `folder` is NULL for this machine's journal; cursor_path is where the place reached is kept. Part
 * or all of it unreadable is E_DENIED, no journal E_NOT_FOUND: what can be read, or comes later into a folder that is
 * there already, is read all the same. */
[[nodiscard]] int journald_open(struct journald *j, const char *folder, const char *cursor_path);
/* Accepts NULL, as all below do. */
void journald_free(struct journald *j);
void journald_pause(struct journald *j, bool pause);
void journald_committed(struct journald *j, uint64_t ticket);
/* Each second: looks for entries (inotify does not see all file systems) and writes the place reached if it moved. */
void journald_tick(struct journald *j);
/* Writes the place reached if it moved. */
void journald_save(struct journald *j);
struct report_journald journald_stats(const struct journald *j);

#endif
