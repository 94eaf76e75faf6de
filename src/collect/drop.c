/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time.h"
#include "collect/frame.h"
#include "collect/unpack.h"
#include "host/clock.h"
#include "host/log.h"

#define READ_BYTES (256u << 10)
#define TURN_BYTES (1u << 20)       /* then the sockets get their turn */
#define NAMES_MAX 1024u             /* seen and not read yet; what is more waits for the next look */
#define LOOK_EVERY_MS 30000
#define SETTLED_SECONDS 60          /* a file found, whose writer we can not ask about, is left alone this long */
#define EVTX_HEADER 4096u
#define EVTX_CHUNK 65536u

enum content { CONTENT_UNKNOWN, CONTENT_TEXT, CONTENT_EVTX };

struct drop {
	struct loop *loop;
	struct gather *gather;
	struct sources *sources;
	char folder[256];
	int notify;
	struct loop_fd *watch;
	struct loop_timer *look, *turn;
	char *name[NAMES_MAX];       /* ring */
	uint32_t name_head, names;
	bool paused;
	/* the file being read */
	int fd;                      /* -1: none */
	struct unpack *unpack;
	enum content content;
	struct framer framer;
	struct buf rest;
	uint64_t skip;               /* bytes of an EVTX header still to pass */
	uint64_t ticket;             /* of its last record */
	bool ended;                  /* waits until that is durable */
	struct report_drop stats;
};

struct drop *
drop_new(struct loop *loop, struct gather *gather, struct sources *sources, struct str folder)
{
	struct drop *d = MEM_NEW(struct drop);
	d->loop = loop;
	d->gather = gather;
	d->sources = sources;
	str_to_z(folder, d->folder, sizeof d->folder);
	d->notify = d->fd = -1;
	return d;
}

static void
file_close(struct drop *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	unpack_free(d->unpack);
	d->unpack = NULL;
	buf_release(&d->rest);
	d->content = CONTENT_UNKNOWN;
	d->framer = (struct framer){.lines_only = true};
	d->skip = 0;
	d->ended = false;
}

static char **
name_at(struct drop *d, uint32_t i)
{
	return &d->name[(d->name_head + i) % NAMES_MAX];
}

void
drop_free(struct drop *d)
{
	if (!d)
		return;
	file_close(d);
	for (uint32_t i = 0; i < d->names; i++)
		mem_free(*name_at(d, i));
	loop_remove(d->watch);
	loop_remove_timer(d->look);
	loop_remove_timer(d->turn);
	if (d->notify >= 0)
		close(d->notify);
	mem_free(d);
}

static void on_turn(void *user);

static void
turn_soon(struct drop *d)
{
	if (!d->turn && !d->paused)
		d->turn = loop_add_timer(d->loop, 0, 0, on_turn, d);
}

static void
name_add(struct drop *d, const char *name)
{
	size_t n = strlen(name) + 1;
	if (name[0] == '.' || n > NAME_MAX || d->names == NAMES_MAX)
		return; /* hidden: somebody is still writing it; too many: the next look finds it */
	for (uint32_t i = 0; i < d->names; i++)
		if (strcmp(*name_at(d, i), name) == 0)
			return;
	char *copy = mem_alloc(n);
	memcpy(copy, name, n);
	*name_at(d, d->names++) = copy;
	turn_soon(d);
}

static void
path_of(const struct drop *d, const char *below, const char *name, char to[1024])
{
	snprintf(to, 1024, "%s%s/%s", d->folder, below, name);
}

/* Where a file goes when we are done with it; a number is added when that name is taken. */
static void
file_move(struct drop *d, const char *below, const char *name)
{
	char from[1024], to[1024], fresh[NAME_MAX + 16];
	path_of(d, "", name, from);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(fresh, sizeof fresh, i ? "%.240s.%u" : "%.255s", name, i);
		path_of(d, below, fresh, to);
		if (access(to, F_OK) == 0)
			continue;
		if (rename(from, to) == 0)
			return;
		break;
	}
	log_say(LOG_LEVEL_WARN, "collect.drop_not_moved", LOG_TEXT("file", str_z(name)));
}

/* The first name is done with. */
static void
name_done(struct drop *d, int error)
{
	char *name = *name_at(d, 0);
	file_close(d);
	if (error == 0)
		d->stats.files++;
	else
		d->stats.failed++;
	if (error < 0)
		log_say(LOG_LEVEL_WARN, "collect.drop_failed", LOG_TEXT("file", str_z(name)),
		    LOG_TEXT("reason", str_z(error_name(error))));
	file_move(d, error < 0 ? "/failed" : "/done", name);
	mem_free(name);
	d->name_head = (d->name_head + 1) % NAMES_MAX;
	d->names--;
	turn_soon(d);
}

static void
record_put(struct drop *d, enum raw_form form, struct str bytes, uint16_t flags)
{
	static const uint8_t nobody[16];
	int64_t now_ms = clock_now_ms();
	struct source *s = source_find(d->sources, RAW_FILE, nobody, now_ms);
	struct raw r = {.bytes = bytes, .form = (uint8_t)form, .transport = RAW_FILE, .flags = flags, .source = s->number,
	    .received_ms = now_ms};
	if ((flags & RAW_PIECE) && !(flags & RAW_LAST_PIECE)) {
		s->bytes += bytes.n;
	} else {
		s->oversized += (flags & RAW_LAST_PIECE) != 0;
		source_count(d->sources, s, bytes.n, now_ms);
	}
	d->ticket = gather_put(d->gather, &r, true);
}

static void
take_chunks(struct drop *d, struct str *in, bool end)
{
	struct str pass = str_cut(*in, 0, (size_t)d->skip);
	*in = str_skip(*in, pass.n);
	d->skip -= pass.n;
	while (in->n >= EVTX_CHUNK || (end && in->n)) {
		struct str chunk = str_cut(*in, 0, EVTX_CHUNK);
		*in = str_skip(*in, chunk.n);
		if (str_starts(chunk, STR("ElfChnk")))
			record_put(d, RAW_EVTX_CHUNK, chunk, 0);
	}
}

static void
take_lines(struct drop *d, struct str *in, bool end)
{
	struct frame f;
	while ((end ? frame_end : frame_take)(&d->framer, in, RAW_MAX, &f) == FRAME_TAKEN)
		if (f.bytes.n)
			record_put(d, RAW_LINE, f.bytes, f.flags);
}

static void
content_take(struct drop *d, bool end)
{
	struct str in = buf_str(&d->rest);
	if (d->content == CONTENT_UNKNOWN && (in.n >= 8 || end)) {
		d->content = str_starts(in, STR("ElfFile")) ? CONTENT_EVTX : CONTENT_TEXT;
		d->skip = d->content == CONTENT_EVTX ? EVTX_HEADER : 0;
	}
	if (d->content == CONTENT_EVTX)
		take_chunks(d, &in, end);
	else if (d->content == CONTENT_TEXT)
		take_lines(d, &in, end);
	if (in.n && in.p != d->rest.p)
		memmove(d->rest.p, in.p, in.n);
	d->rest.n = in.n;
}

static int
file_open(struct drop *d)
{
	char path[1024];
	struct stat st;
	path_of(d, "", *name_at(d, 0), path);
	d->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (d->fd < 0)
		return error_from_errno(errno);
	if (fstat(d->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return E_UNSUPPORTED;
	d->unpack = unpack_new(d->fd);
	return 0;
}

/* Up to a turn's worth. 1 = more is to come, 0 = the end. */
static int
file_read(struct drop *d)
{
	for (size_t done = 0; done < TURN_BYTES && !d->paused;) {
		char *room = buf_room(&d->rest, READ_BYTES);
		int64_t n = unpack_read(d->unpack, room, READ_BYTES);
		if (n < 0)
			return (int)n;
		d->rest.n += (size_t)n;
		content_take(d, n == 0);
		if (n == 0)
			return 0;
		done += (size_t)n;
	}
	return 1;
}

static void
on_turn(void *user)
{
	struct drop *d = user;
	d->turn = NULL;
	if (!d->names || d->ended || d->paused)
		return;
	int more = d->fd < 0 ? file_open(d) : 0;
	if (more == E_NOT_FOUND) { /* taken away again */
		file_close(d);
		mem_free(*name_at(d, 0));
		d->name_head = (d->name_head + 1) % NAMES_MAX;
		d->names--;
		turn_soon(d);
		return;
	}
	if (more == 0)
		more = file_read(d);
	if (more < 0)
		name_done(d, more);
	else if (more > 0)
		turn_soon(d);
	else if (gather_idle(d->gather))
		name_done(d, 0);
	else
		d->ended = true;
}

void
drop_committed(struct drop *d, uint64_t ticket)
{
	if (d->ended && ticket >= d->ticket)
		name_done(d, 0);
}

void
drop_pause(struct drop *d, bool pause)
{
	d->paused = pause;
	if (d->names)
		turn_soon(d);
}

/* Nobody writes it: the kernel gives a read lease only on files that nobody has open for writing. Where it is not ours
 * to ask, age must do. */
static bool
file_settled(const struct drop *d, const char *name)
{
	char path[1024];
	struct stat st;
	path_of(d, "", name, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode), settled = false;
	if (file && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		settled = true;
	} else if (file && errno != EAGAIN) {
		settled = clock_now_ms() / TIME_SECOND - st.st_mtim.tv_sec > SETTLED_SECONDS;
	}
	close(fd);
	return settled;
}

static void
on_look(void *user)
{
	struct drop *d = user;
	DIR *folder = opendir(d->folder);
	if (!folder)
		return;
	for (struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.' && d->names < NAMES_MAX && file_settled(d, entry->d_name))
			name_add(d, entry->d_name);
	closedir(folder);
}

static void
on_notify(void *user, int fd, unsigned events)
{
	struct drop *d = user;
	_Alignas(struct inotify_event) char bytes[16384];
	ssize_t n = read(fd, bytes, sizeof bytes);
	for (char *p = bytes; n > 0 && p < bytes + n;) {
		const struct inotify_event *e = (const void *)p;
		if (e->len && !(e->mask & IN_ISDIR))
			name_add(d, e->name);
		p += sizeof *e + e->len;
	}
}

static bool
folders_make(const struct drop *d)
{
	char path[1024];
	const char *below[] = {"/done", "/failed"};
	for (size_t i = 0; i < COUNT(below); i++) {
		snprintf(path, sizeof path, "%s%s", d->folder, below[i]);
		if (mkdir(path, 0750) < 0 && errno != EEXIST)
			return false;
	}
	return true;
}

void
drop_start(struct drop *d)
{
	if (!d->folder[0])
		return;
	file_close(d);
	signal(SIGIO, SIG_IGN); /* a writer who comes while file_settled() asks */
	d->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!folders_make(d) || d->notify < 0 ||
	    inotify_add_watch(d->notify, d->folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
		log_say(LOG_LEVEL_ERROR, "collect.drop", LOG_TEXT("folder", str_z(d->folder)),
		    LOG_TEXT("reason", str_z(error_name(error_from_errno(errno)))));
		return;
	}
	d->watch = loop_add(d->loop, d->notify, LOOP_READ, on_notify, d);
	d->look = loop_add_timer(d->loop, 0, LOOK_EVERY_MS, on_look, d);
}

struct report_drop
drop_stats(const struct drop *d)
{
	struct report_drop s = d->stats;
	s.waiting = d->names;
	return s;
}
