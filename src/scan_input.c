/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan_input.h"

#include <errno.h>
#include <unistd.h>
#include <zstd.h>

#include "base/json.h"
#include "base/memory.h"
#include "collect/unpack.h"
#include "decode/evtx.h"
#include "host/file.h"

enum form { FORM_LINES, FORM_TEXTS /* JSON values, one after another */, FORM_XML /* <Event> after <Event> */, FORM_EVTX,
	FORM_CHUNKS /* EVTX, not packed */ };

#define READ_FRONT (8u << 10)
#define READ_MAX (1u << 20)      /* bytes of a file that is read whole */
#define WINDOW (256u << 10)      /* bytes that are at hand of others, at the least: the processor's cache holds them */
#define LEAP (4u << 20)          /* bytes beyond what is wanted, where that is much: what is left is seldom moved */
#define TEXT_MAX (64u << 20)     /* bytes of a JSON text that is no line */
#define LIST_NEAR 4096u          /* bytes of a JSON text that are searched for the beginning of its list of events */
#define PACKED_WHOLE (16u << 20) /* bytes of a file that is unpacked in one go, without a copy in between ... */
#define UNPACK_WHOLE (64u << 20) /* ... when it says that no more than these come out */
#define KEEP_MAX (2 * UNPACK_WHOLE) /* bytes of room that stay from file to file: new memory is dear */
#define FETCH_AHEAD 8192u        /* bytes that are on their way into the cache while the lines before them are looked at */

static bool
is_evtx(struct str bytes)
{
	return str_starts(bytes, STR("ElfFile")) && bytes.n >= EVTX_HEADER;
}

/* What the frames say will come out of them; more than is unpacked in one go when one does not say, or is damaged. */
static size_t
unpacked_size(struct str packed)
{
	size_t whole = 0;
	while (packed.n && whole <= UNPACK_WHOLE) {
		unsigned long long content = ZSTD_getFrameContentSize(packed.p, packed.n);
		size_t used = ZSTD_findFrameCompressedSize(packed.p, packed.n);
		if (ZSTD_isError(used) || content > UNPACK_WHOLE) /* unknown too */
			return UNPACK_WHOLE + 1;
		whole += (size_t)content;
		packed = str_skip(packed, used);
	}
	return whole;
}

/* All that comes out of the packed bytes in in->read; false when that is too much, or damaged. */
static bool
unpack_whole(struct scan_input *in)
{
	size_t whole = unpacked_size(buf_str(&in->read));
	if (whole > UNPACK_WHOLE)
		return false;
	if (!in->unpacker && !(in->unpacker = ZSTD_createDCtx()))
		return false;
	size_t n = ZSTD_decompressDCtx(in->unpacker, buf_room(&in->window, whole), whole, in->read.p, in->read.n);
	if (ZSTD_isError(n))
		return false;
	in->window.n = n;
	in->bytes = buf_str(&in->window);
	return true;
}

/* Read to the end, if that is no further than `max` bytes: E_LIMIT. */
static int
read_whole(struct scan_input *in, int fd, off_t size, size_t max)
{
	in->read.max = max;
	return (size_t)size > max ? E_LIMIT : file_read_descriptor(fd, &in->read);
}

/* At least `want` bytes behind in->at, or all there are. */
static void
reach(struct scan_input *in, size_t want)
{
	struct buf *w = &in->window;
	if (!in->fed || in->feed.ended || in->bytes.n - in->at >= want)
		return;
	if (in->at)
		memmove(w->p, w->p + in->at, w->n - in->at);
	w->n -= in->at;
	in->at = in->fetched = 0;
	scan_feed_more(&in->feed, w, want > WINDOW / 2 ? want + LEAP : WINDOW);
	in->bytes = buf_str(w);
}

static void
feed_from(struct scan_input *in, int fd, bool packed)
{
	in->fd = fd;
	in->fed = true;
	scan_feed_begin(&in->feed, fd, packed);
	reach(in, RAW_MAX + 1);
}

/* in->bytes become the front of the file or all of it; fd is closed unless there is more to read. */
static int
take_bytes(struct scan_input *in, int fd, off_t size)
{
	ssize_t n = read(fd, buf_room(&in->read, SCAN_CHUNKS_ROOM), READ_FRONT);
	int error = n < 0 ? error_from_errno(errno) : 0;
	in->read.n = n < 0 ? 0 : (size_t)n;
	struct str front = buf_str(&in->read);
	if (!error && is_evtx(front)) {
		in->form = FORM_CHUNKS;
		in->bytes = front;
		in->fd = fd;
		in->chunks = scan_chunks(fd, front, in->read.p);
		return 0;
	}
	bool zstd = unpack_is_zstd(front), packed = zstd || unpack_is_gzip(front), whole = false;
	if (!error && !packed && !utf16_find(front)) {
		error = read_whole(in, fd, size, READ_MAX);
		in->bytes = buf_str(&in->read);
		whole = error != E_LIMIT; /* else it is long, or has grown since */
	} else if (!error && zstd) {
		whole = read_whole(in, fd, size, PACKED_WHOLE) == 0 && unpack_whole(in);
	}
	if (!error || error == E_LIMIT)
		error = whole || lseek(fd, 0, SEEK_SET) == 0 ? 0 : E_IO;
	if (error || whole) {
		close(fd);
		return error;
	}
	buf_clear(&in->window);
	in->bytes = (struct str){0};
	feed_from(in, fd, packed);
	return 0;
}

static int
take_file(struct scan_input *in, const char *path)
{
	struct stat st;
	bool standard_input = strcmp(path, "-") == 0;
	int fd = standard_input ? STDIN_FILENO : file_open_regular(path, &st);
	TRY(fd);
	if (standard_input && fstat(fd, &st) < 0)
		return E_IO;
	in->written_ms = (int64_t)st.st_mtime * 1000;
	if (!standard_input)
		return take_bytes(in, fd, st.st_size);
	feed_from(in, fd, true); /* which finds out itself */
	return 0;
}

static void
give_back(struct buf *b)
{
	if (b->cap > KEEP_MAX)
		buf_release(b);
	else
		buf_clear(b);
}

/* Members under which programs give out events as one list. */
static bool
is_list_name(struct str name)
{
	static const struct str known[] = {STR_INIT("Records"), STR_INIT("records"), STR_INIT("hits"), STR_INIT("events"),
		STR_INIT("Events"), STR_INIT("value"), STR_INIT("results"), STR_INIT("logs")};
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq(known[i], name))
			return true;
	return false;
}

/* ": [" at the front of s, and an object behind it: how many bytes, or 0. */
static size_t
list_opens(struct str s)
{
	struct str rest = str_trim(s);
	if (!str_starts(rest, STR(":")))
		return 0;
	rest = str_trim(str_skip(rest, 1));
	if (!str_starts(rest, STR("[")))
		return 0;
	rest = str_skip(rest, 1);
	return str_starts(str_trim(rest), STR("{")) ? (size_t)(rest.p - s.p) : 0;
}

/* Where the list of events begins in {"Records": [...]} or {"hits": {"hits": [...]}}; 0: there is none near the front. */
static size_t
list_start(struct str front)
{
	int depth = 0;
	front = str_cut(front, 0, LIST_NEAR);
	for (size_t i = 0; i < front.n; i++) {
		depth += front.p[i] == '{' || front.p[i] == '[';
		depth -= front.p[i] == '}' || front.p[i] == ']';
		if (front.p[i] != '"')
			continue;
		size_t from = ++i;
		while (i < front.n && front.p[i] != '"')
			i += front.p[i] == '\\' ? 2 : 1;
		struct str name = str_cut(front, from, i);
		bool fits = depth == 1 ? is_list_name(name) : depth == 2 && str_eq(name, STR("hits"));
		size_t opens = fits ? list_opens(str_skip(front, i + 1)) : 0;
		if (opens)
			return i + 1 + opens;
	}
	return 0;
}

/* "Record 12", as evtx_dump writes above each event. */
static bool
is_record_line(struct str line)
{
	uint64_t number;
	return str_starts(line, STR("Record ")) && str_to_u64(str_trim(str_skip(line, 7)), &number);
}

/* A first line that is no whole JSON text, in a file that begins like one: texts over several lines, or an array. */
static enum form
json_form(struct scan_input *in, struct str front)
{
	struct json json = {.max_tokens = 100000};
	struct str rest = front, line;
	(void)str_split(&rest, '\n', &line);
	int error = json_parse(&json, str_trim(line), NULL);
	json_release(&json);
	bool array = line.p[0] == '[' && (error == E_TRUNCATED || error == 0);
	bool alone = error == E_TRUNCATED || (error == 0 && !rest.n);
	size_t list = alone && !array ? list_start(front) : 0;
	in->list = list;
	if (list)
		in->at = (size_t)(front.p - in->bytes.p) + list;
	return list || array || error == E_TRUNCATED ? FORM_TEXTS : FORM_LINES;
}

static enum form
text_form(struct scan_input *in)
{
	struct str rest = str_cut(str_skip(in->bytes, in->at), 0, RAW_MAX), all = rest, line;
	rest = str_trim(rest);
	if (str_split(&rest, '\n', &line) && is_record_line(line)) {
		in->numbered = true;
		return str_starts(str_trim(rest), STR("{")) ? FORM_TEXTS : FORM_XML;
	}
	rest = str_trim(all);
	if (str_starts(rest, STR("<?xml")) || str_starts(rest, STR("<Event")))
		return FORM_XML;
	if (!str_starts(rest, STR("{")) && !str_starts(rest, STR("[")))
		return FORM_LINES;
	return json_form(in, rest);
}

int
scan_open(struct scan_input *in, const char *path)
{
	in->fd = -1;
	TRY(take_file(in, path));
	if (in->form == FORM_CHUNKS)
		return 0;
	if (str_starts(in->bytes, STR("\xef\xbb\xbf")))
		in->at = 3;
	if (is_evtx(in->bytes)) {
		in->form = FORM_EVTX;
		in->at = EVTX_HEADER;
	} else if (str_starts(in->bytes, STR("ElfFile"))) {
		in->bytes = (struct str){0};
		return E_TRUNCATED;
	} else {
		in->form = text_form(in);
	}
	return 0;
}

int
scan_close(struct scan_input *in)
{
	int error = in->chunks.unreadable ? E_IO : in->feed.error;
	if (in->fd > STDERR_FILENO)
		close(in->fd);
	scan_feed_end(&in->feed);
	give_back(&in->feed.raw);
	give_back(&in->read);
	give_back(&in->window);
	*in = (struct scan_input){.fd = -1, .read = in->read, .window = in->window, .feed.raw = in->feed.raw, .unpacker = in->unpacker};
	return error;
}

void
scan_release(struct scan_input *in)
{
	buf_release(&in->read);
	buf_release(&in->window);
	buf_release(&in->feed.raw);
	ZSTD_freeDCtx(in->unpacker);
	in->unpacker = NULL;
}

/* Reading a file as fast as it is looked at means waiting for memory at each line, unless it is asked for before. */
static void
fetch_ahead(struct scan_input *in)
{
	size_t to = in->bytes.n - in->at < FETCH_AHEAD ? in->bytes.n : in->at + FETCH_AHEAD;
	for (; in->fetched < to; in->fetched += 64)
		__builtin_prefetch(in->bytes.p + in->fetched);
}

/* What there is of the line at in->at, and its end or NULL. A file without line ends is not read anew for each piece. */
static struct str
find_line_end(struct scan_input *in, const char **ret_end)
{
	struct str rest = str_cut(str_skip(in->bytes, in->at), 0, RAW_MAX + 1);
	const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
	while (!end && rest.n <= RAW_MAX && in->fed && !in->feed.ended) {
		reach(in, 2 * rest.n + 1);
		rest = str_cut(str_skip(in->bytes, in->at), 0, RAW_MAX + 1);
		end = memchr(rest.p, '\n', rest.n);
	}
	*ret_end = end;
	return rest;
}

static bool
next_line(struct scan_input *in, struct str *ret)
{
	const char *end;
	for (;;) {
		fetch_ahead(in);
		struct str rest = find_line_end(in, &end);
		struct str line = str_cut(rest, 0, end ? (size_t)(end - rest.p) : rest.n);
		bool piece = line.n > RAW_MAX, goes_on = in->flags == RAW_PIECE;
		if (!rest.n)
			return false;
		line = str_cut(line, 0, RAW_MAX);
		in->at += line.n + (end && !piece ? 1 : 0);
		in->number += !goes_on;
		in->flags = piece ? RAW_PIECE : goes_on ? RAW_LAST_PIECE : 0;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (str_trim(line).n) {
			*ret = line;
			return true;
		}
	}
}

static bool
skip_record_line(struct scan_input *in)
{
	struct str rest = str_cut(str_skip(in->bytes, in->at), 0, 64), line;
	if (!str_split(&rest, '\n', &line) || !is_record_line(line))
		return false;
	in->at += line.n;
	return true;
}

/* How much of the text at in->at is one JSON value; 0: it is none. */
static size_t
value_length(struct scan_input *in)
{
	struct json json = {0};
	size_t used = 0;
	for (;;) {
		struct str rest = str_cut(str_skip(in->bytes, in->at), 0, TEXT_MAX);
		bool more = in->fed && !in->feed.ended && rest.n < TEXT_MAX;
		int error = json_parse_prefix(&json, rest, &used, NULL);
		json_release(&json);
		if (error != E_TRUNCATED || !more)
			return error < 0 ? 0 : used;
		reach(in, 2 * rest.n);
	}
}

/* To the next JSON value: the brackets and commas of an array around them are stepped over. False: there is none, or the
 * list ends, behind which come other members. */
static bool
find_text(struct scan_input *in)
{
	reach(in, RAW_MAX + 1);
	while (in->at < in->bytes.n && memchr(" \t\r\n,[]", in->bytes.p[in->at], 8)) {
		if (in->list && in->bytes.p[in->at] == ']')
			return false;
		in->at++;
		reach(in, 1);
	}
	reach(in, RAW_MAX + 1);
	return in->at < in->bytes.n;
}

/* The next JSON value. What is no JSON goes on as a line, so that it is counted as an event that no decoder fits. */
static bool
next_text(struct scan_input *in, struct str *ret)
{
	do {
		if (!find_text(in))
			return false;
	} while (in->numbered && skip_record_line(in));
	size_t used = value_length(in);
	if (!used)
		return next_line(in, ret);
	*ret = str_trim(str_cut(in->bytes, in->at, in->at + used));
	in->at += used;
	in->number++;
	in->flags = 0;
	return true;
}

/* The next <Event ...> to its end; what stands between them is the frame of a document. Where no end is near, all that was
 * looked through is one record: nothing is looked at twice. */
static bool
next_xml(struct scan_input *in, struct str *ret)
{
	static const char open[] = "<Event", close[] = "</Event>";
	for (;;) {
		reach(in, RAW_MAX + 1);
		struct str rest = str_cut(str_skip(in->bytes, in->at), 0, RAW_MAX);
		const char *from = memmem(rest.p, rest.n, open, strlen(open));
		size_t skip = from ? (size_t)(from - rest.p) : rest.n > strlen(open) ? rest.n - strlen(open) : rest.n;
		in->at += skip;
		if (!rest.n)
			return false;
		if (!from)
			continue;
		reach(in, RAW_MAX + 1);
		rest = str_cut(str_skip(in->bytes, in->at), 0, RAW_MAX);
		if (rest.n > strlen(open) && !memchr(" \t\r\n>", rest.p[strlen(open)], 5)) { /* <Events>, <EventData> */
			in->at += strlen(open);
			continue;
		}
		const char *end = memmem(rest.p, rest.n, close, strlen(close));
		*ret = str_cut(rest, 0, end ? (size_t)(end - rest.p) + strlen(close) : rest.n);
		in->at += ret->n;
		in->number++;
		in->flags = 0;
		return true;
	}
}

static bool
next_chunk(struct scan_input *in, struct str *ret)
{
	for (;;) {
		reach(in, EVTX_CHUNK);
		*ret = str_cut(in->bytes, in->at, in->at + EVTX_CHUNK);
		in->at += ret->n;
		if (!ret->n || evtx_chunk_used(*ret))
			return ret->n;
		in->lost += scan_chunks_lost(*ret);
	}
}

bool
scan_next(struct scan_input *in, struct raw *ret)
{
	struct str bytes;
	bool more = in->form == FORM_CHUNKS ? scan_chunks_next(&in->chunks, &bytes)
	    : in->form == FORM_EVTX	    ? next_chunk(in, &bytes)
	    : in->form == FORM_TEXTS	    ? next_text(in, &bytes)
	    : in->form == FORM_XML	    ? next_xml(in, &bytes)
					    : next_line(in, &bytes);
	bool evtx = in->form == FORM_CHUNKS || in->form == FORM_EVTX;
	if (!more)
		return false;
	*ret = (struct raw){.bytes = bytes, .form = evtx ? RAW_EVTX_CHUNK : RAW_LINE, .transport = RAW_FILE,
	    .flags = in->flags, .received_ms = in->written_ms};
	return true;
}

uint64_t
scan_lost(const struct scan_input *in)
{
	return in->lost + in->chunks.lost;
}

bool
scan_more(struct scan_input *in, struct raw *ret)
{
	return in->form == FORM_CHUNKS && scan_chunks_whole(&in->chunks, &ret->bytes);
}
