/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/journald.h"

#include <errno.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time.h"
#include "collect/keep.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"

#define TURN_ENTRIES 256u
#define TURN_BYTES (1u << 20)   /* then the sockets get their turn */
#define CURSOR_MAX 1024u
#define FACILITY_USER 1u        /* what syslog(3) takes for a process that does not say */
#define SEVERITY_INFO 6u        /* what journald takes */

static const char *const field_names[JOURNALD_FIELDS] = {"PRIORITY", "SYSLOG_FACILITY", "_HOSTNAME", "SYSLOG_IDENTIFIER",
	"_COMM", "_PID", "MESSAGE"};
static const char *const folders[JOURNALD_FOLDERS] = {"/var/log/journal", "/run/log/journal"};

/* A place in the journal, and the ticket of the last record before it. */
struct place {
	char *cursor;           /* NULL: none */
	uint64_t ticket;
};

struct journald {
	struct loop *loop;
	struct gather *gather;
	struct sources *sources;
	sd_journal *sd;
	struct loop_fd *watch;
	struct loop_timer *turn;
	char cursor_path[320];
	char *resumed;                     /* cursor of the entry kept last; until the first entry has been looked at */
	struct place last, marked;         /* read; the oldest of those that wait to be durable */
	char *durable;                     /* to be written */
	struct buf field[JOURNALD_FIELDS]; /* libsystemd's memory lives until its next call */
	struct buf line;
	bool paused;
	struct report_journald stats;
};

/* ------------------------------------------------------------------------------------------------- entry to line */

static uint64_t
number_or(struct str s, uint64_t max, uint64_t otherwise)
{
	uint64_t v;
	return str_to_u64(s, &v) && v <= max ? v : otherwise;
}

/* A header field: PRINTUSASCII without blanks, at most `max` bytes, NILVALUE for nothing (RFC 5424, section 6). */
static void
word_add(struct buf *out, struct str s, size_t max)
{
	s = str_cut(str_trim(s), 0, max);
	while (str_ends(s, STR(":"))) /* some write their syslog tag with it; a reader would take it for the older form */
		s.n--;
	buf_add_char(out, ' ');
	if (!s.n)
		buf_add_char(out, '-');
	for (size_t i = 0; i < s.n; i++)
		buf_add_char(out, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '_');
}

static void
time_add(struct buf *out, uint64_t time_us)
{
	struct civil c = time_to_civil((int64_t)(time_us / 1000), 0);
	if (time_us)
		buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06u+00:00", c.year, c.month, c.day, c.hour, c.minute, c.second,
		    (unsigned)(time_us % 1000000));
	else
		buf_add_char(out, '-');
}

void
journald_line(const struct journald_entry *e, struct buf *out)
{
	const struct str *f = e->field;
	uint64_t facility = number_or(f[JOURNALD_FACILITY], 23, FACILITY_USER);
	uint64_t severity = number_or(f[JOURNALD_PRIORITY], 7, SEVERITY_INFO);
	buf_addf(out, "<%u>1 ", (unsigned)(facility * 8 + severity));
	time_add(out, e->time_us);
	word_add(out, f[JOURNALD_HOST], 255);
	word_add(out, str_trim(f[JOURNALD_IDENTIFIER]).n ? f[JOURNALD_IDENTIFIER] : f[JOURNALD_COMM], 48);
	word_add(out, f[JOURNALD_PID], 128);
	buf_add(out, STR(" - -"));
	if (f[JOURNALD_MESSAGE].n)
		buf_add_char(out, ' ');
	buf_add(out, f[JOURNALD_MESSAGE]);
}

/* ------------------------------------------------------------------------------------------------ the place reached */

/* The entry we stand at. NULL when libsystemd does not know. */
static char *
cursor_here(const struct journald *j)
{
	char *theirs = NULL, *ours = NULL;
	if (sd_journal_get_cursor(j->sd, &theirs) < 0)
		return NULL;
	size_t n = strlen(theirs) + 1;
	if (n <= CURSOR_MAX) {
		ours = mem_alloc(n);
		memcpy(ours, theirs, n);
	}
	free(theirs);
	return ours;
}

static void
durable_set(struct journald *j, struct place *p)
{
	mem_free(j->durable);
	j->durable = p->cursor;
	*p = (struct place){0};
}

/* What the turn has read ends here. Marks are rare, so that under load the oldest of them does become durable. */
static void
place_note(struct journald *j, uint64_t ticket)
{
	char *cursor = cursor_here(j);
	if (!cursor)
		return;
	if (!j->marked.cursor) {
		j->marked = j->last;
		j->last = (struct place){0};
	}
	mem_free(j->last.cursor);
	j->last = (struct place){cursor, ticket};
}

void
journald_committed(struct journald *j, uint64_t ticket)
{
	if (!j)
		return;
	if (j->marked.cursor && j->marked.ticket <= ticket)
		durable_set(j, &j->marked);
	if (j->last.cursor && j->last.ticket <= ticket)
		durable_set(j, &j->last);
}

void
journald_save(struct journald *j)
{
	if (!j || !j->durable)
		return;
	int error = keep_write(&store_io_disk, j->cursor_path, str_z(j->durable));
	if (error < 0)
		log_say(LOG_LEVEL_WARN, "collect.journald_cursor", LOG_TEXT("reason", str_z(error_name(error))));
	mem_free(j->durable);
	j->durable = NULL;
}

/* ------------------------------------------------------------------------------------------------------------ reading */

static void
state_set(struct journald *j, int error)
{
	if (j->stats.error == E_DENIED || j->stats.error == error)
		return; /* part of it stays closed to us, whatever else comes */
	j->stats.error = error;
	if (error < 0)
		log_say(LOG_LEVEL_ERROR, "collect.journald", LOG_TEXT("reason", str_z(error_name(error))));
	else
		log_say(LOG_LEVEL_INFO, "collect.journald_reading", LOG_NUMBER("entries", (int64_t)j->stats.entries));
}

/* False when the entry has it and it cannot be read. */
static bool
field_read(struct journald *j, enum journald_field field)
{
	struct buf *to = &j->field[field];
	const void *data;
	size_t n, name = strlen(field_names[field]) + 1;
	buf_clear(to);
	int result = sd_journal_get_data(j->sd, field_names[field], &data, &n);
	if (result >= 0 && n >= name)
		buf_add(to, str_cut(str_from(data, n), name, name + JOURNALD_MESSAGE_MAX + 1));
	return result >= 0 || result == -ENOENT;
}

/* The entry we stand at becomes a record; returns its ticket and adds to *bytes. */
static uint64_t
entry_put(struct journald *j, size_t *bytes)
{
	static const uint8_t nobody[16];
	struct journald_entry e = {0};
	bool whole = true;
	int64_t now_ms = clock_now_ms();
	struct source *s = source_find(j->sources, RAW_JOURNALD, nobody, now_ms);
	for (int i = 0; i < JOURNALD_FIELDS; i++) {
		whole = field_read(j, (enum journald_field)i) && whole;
		e.field[i] = buf_str(&j->field[i]);
	}
	if (sd_journal_get_realtime_usec(j->sd, &e.time_us) < 0)
		e.time_us = 0;
	if (e.field[JOURNALD_MESSAGE].n > JOURNALD_MESSAGE_MAX) {
		e.field[JOURNALD_MESSAGE].n = JOURNALD_MESSAGE_MAX;
		s->oversized++;
	}
	j->stats.entries++;
	j->stats.damaged += !whole;
	buf_clear(&j->line);
	journald_line(&e, &j->line);
	struct raw r = {.bytes = buf_str(&j->line), .form = RAW_LINE, .transport = RAW_JOURNALD, .source = s->number,
	    .received_ms = now_ms};
	source_count(j->sources, s, r.bytes.n, now_ms);
	*bytes += r.bytes.n;
	return gather_put(j->gather, &r, false);
}

/* After a restart the first entry is the one kept last, unless journald has thrown that away. */
static bool
entry_is_known(struct journald *j)
{
	bool known = j->resumed && sd_journal_test_cursor(j->sd, j->resumed) > 0;
	mem_free(j->resumed);
	j->resumed = NULL;
	return known;
}

static void on_turn(void *user);

static void
turn_soon(struct journald *j)
{
	if (!j->turn && !j->paused && j->sd)
		j->turn = loop_add_timer(j->loop, 0, 0, on_turn, j);
}

static void
on_turn(void *user)
{
	struct journald *j = user;
	uint64_t ticket = 0;
	size_t bytes = 0;
	int more = 1;
	j->turn = NULL;
	if (j->paused || gather_stalled(j->gather))
		return;
	for (unsigned i = 0; i < TURN_ENTRIES && bytes < TURN_BYTES && (more = sd_journal_next(j->sd)) > 0; i++)
		if (!entry_is_known(j))
			ticket = entry_put(j, &bytes);
	if (ticket)
		place_note(j, ticket);
	if (more < 0)
		state_set(j, error_from_errno(-more));
	else if (ticket)
		state_set(j, 0);
	if (more > 0)
		turn_soon(j);
}

static void
on_change(void *user, int fd, unsigned events)
{
	struct journald *j = user;
	int result = sd_journal_process(j->sd);
	if (result < 0)
		state_set(j, error_from_errno(-result));
	turn_soon(j);
}

void
journald_tick(struct journald *j)
{
	if (!j)
		return;
	turn_soon(j);
	journald_save(j);
}

void
journald_pause(struct journald *j, bool pause)
{
	if (!j)
		return;
	j->paused = pause;
	turn_soon(j);
}

/* ------------------------------------------------------------------------------------------------------------ opening */

size_t
journald_folders(struct sandbox_path ret[JOURNALD_FOLDERS])
{
	struct stat st;
	size_t n = 0;
	for (size_t i = 0; i < JOURNALD_FOLDERS; i++)
		if (stat(folders[i], &st) == 0 && S_ISDIR(st.st_mode))
			ret[n++] = (struct sandbox_path){folders[i], false};
	return n;
}

static int
file_denied(void *user, const char *path)
{
	bool *denied = user;
	*denied = *denied || (access(path, R_OK) < 0 && errno == EACCES);
	return 0;
}

static void
folder_failed(void *user, const char *path, int error)
{
	bool *denied = user;
	*denied = *denied || error == E_DENIED;
}

/* libsystemd passes over what it cannot open and does not say so. */
static int
journal_check(const struct journald *j, const char *folder)
{
	bool denied = false;
	uint64_t bytes = 0;
	for (size_t i = 0; i < (folder ? 1 : JOURNALD_FOLDERS); i++)
		(void)file_walk(folder ? folder : folders[i], file_denied, folder_failed, &denied);
	if (denied)
		return E_DENIED;
	return sd_journal_get_usage(j->sd, &bytes) < 0 || !bytes ? E_NOT_FOUND : 0;
}

/* Behind the newest entry; its cursor is kept, so that nothing is passed over when we are stopped before the next one. */
static int
seek_now(struct journald *j)
{
	int result = sd_journal_seek_tail(j->sd);
	if (result >= 0)
		result = sd_journal_previous(j->sd);
	if (result > 0) {
		mem_free(j->durable);
		j->durable = cursor_here(j);
		journald_save(j);
	} else if (result == 0) { /* nothing in it: whatever comes is new */
		result = sd_journal_seek_head(j->sd);
	}
	return result < 0 ? error_from_errno(-result) : 0;
}

static int
seek_start(struct journald *j)
{
	struct buf cursor = BUF_INIT_MAX(CURSOR_MAX);
	int error = keep_read(&store_io_disk, j->cursor_path, &cursor);
	if (error == 0 && cursor.n && sd_journal_seek_cursor(j->sd, cursor.p) == 0) {
		j->resumed = cursor.p; /* which is terminated */
		return 0;
	}
	if (error != E_NOT_FOUND)
		log_say(LOG_LEVEL_WARN, "collect.journald_place_lost",
		    LOG_TEXT("reason", str_z(error_name(error < 0 ? error : E_CORRUPT))));
	buf_release(&cursor);
	return seek_now(j);
}

struct journald *
journald_new(struct loop *loop, struct gather *gather, struct sources *sources)
{
	struct journald *j = MEM_NEW(struct journald);
	j->loop = loop;
	j->gather = gather;
	j->sources = sources;
	j->stats.wanted = true;
	return j;
}

static int
open_and_seek(struct journald *j, const char *folder)
{
	int result = folder ? sd_journal_open_directory(&j->sd, folder, 0) : sd_journal_open(&j->sd, SD_JOURNAL_LOCAL_ONLY);
	if (result < 0)
		return error_from_errno(-result);
	sd_journal_set_data_threshold(j->sd, JOURNALD_MESSAGE_MAX + 64); /* the name and one byte more, to see that it is cut */
	int fd = sd_journal_get_fd(j->sd); /* before seeking: what comes from here on is seen */
	int error = fd < 0 ? error_from_errno(-fd) : seek_start(j);
	if (error < 0) { /* without a place we should read all there is, years back */
		sd_journal_close(j->sd);
		j->sd = NULL;
		return error;
	}
	j->watch = loop_add(j->loop, fd, LOOP_READ, on_change, j);
	turn_soon(j);
	return journal_check(j, folder);
}

int
journald_open(struct journald *j, const char *folder, const char *cursor_path)
{
	snprintf(j->cursor_path, sizeof j->cursor_path, "%s", cursor_path);
	j->stats.error = open_and_seek(j, folder);
	return j->stats.error;
}

void
journald_free(struct journald *j)
{
	if (!j)
		return;
	loop_remove(j->watch);
	loop_remove_timer(j->turn);
	if (j->sd)
		sd_journal_close(j->sd);
	for (size_t i = 0; i < JOURNALD_FIELDS; i++)
		buf_release(&j->field[i]);
	buf_release(&j->line);
	mem_free(j->resumed);
	mem_free(j->last.cursor);
	mem_free(j->marked.cursor);
	mem_free(j->durable);
	mem_free(j);
}

struct report_journald
journald_stats(const struct journald *j)
{
	return j ? j->stats : (struct report_journald){0};
}
