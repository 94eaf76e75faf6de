/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan_input.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/json.h"
#include "base/memory.h"
#include "decode/evtx.h"
#include "host/file.h"

enum form { FORM_LINES, FORM_TEXTS /* JSON values, one after another */, FORM_EVTX, FORM_CHUNKS /* EVTX, not packed */ };

#define UNPACK_STEP (1u << 20)
#define READ_FRONT (8u << 10)
#define UNPACK_WHOLE (64u << 20) /* a frame that says it is no longer is unpacked in one go, without a copy in between */
#define READ_MAX (1u << 20)  /* bytes of a file that is read; larger ones are mapped */
#define KEEP_MAX (2 * UNPACK_WHOLE) /* bytes of room that stay from file to file: new memory is dear */
#define FETCH_AHEAD 8192u    /* bytes that are on their way into the cache while the lines before them are looked at */

static int
unpack_gzip(struct scan_input *in)
{
	struct str packed = in->bytes;
	struct buf *out = &in->unpacked;
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)packed.p};
	int code = Z_OK;
	if (inflateInit2(&z, 15 + 32) != Z_OK)
		return E_LIMIT;
	size_t left = packed.n;
	while (code == Z_OK) {
		char *room = buf_room(out, UNPACK_STEP);
		if (!room)
			break;
		if (!z.avail_in) {
			z.avail_in = left > UINT32_MAX ? UINT32_MAX : (unsigned)left;
			left -= z.avail_in;
		}
		z.next_out = (unsigned char *)room;
		z.avail_out = UNPACK_STEP;
		code = inflate(&z, Z_NO_FLUSH);
		out->n += UNPACK_STEP - z.avail_out;
		if (code == Z_STREAM_END && (z.avail_in || left)) /* several members (RFC 1952, 2.2) */
			code = inflateReset(&z);
	}
	inflateEnd(&z);
	return code == Z_STREAM_END ? 0 : out->over ? E_LIMIT : E_CORRUPT;
}

/* Bytes to make room for before a frame is unpacked. */
static size_t
frame_room(struct str packed)
{
	unsigned long long whole = ZSTD_getFrameContentSize(packed.p, packed.n);
	return whole > UNPACK_STEP && whole <= UNPACK_WHOLE ? (size_t)whole : UNPACK_STEP;
}

static int
unpack_zstd(struct scan_input *in)
{
	struct buf *out = &in->unpacked;
	ZSTD_inBuffer from = {in->bytes.p, in->bytes.n, 0};
	size_t code = 0;
	bool whole = true;
	if (!in->unpacker)
		in->unpacker = ZSTD_createDCtx();
	if (!in->unpacker)
		return E_LIMIT;
	ZSTD_DCtx_reset(in->unpacker, ZSTD_reset_session_and_parameters);
	ZSTD_DCtx_setParameter(in->unpacker, ZSTD_d_windowLogMax, 27);
	do {
		size_t step = whole && !code ? frame_room(str_skip(in->bytes, from.pos)) : UNPACK_STEP;
		char *room = buf_room(out, step);
		if (!room)
			break;
		ZSTD_outBuffer to = {room, step, 0};
		size_t before = from.pos;
		code = ZSTD_decompressStream(in->unpacker, &to, &from);
		if (ZSTD_isError(code) && step > UNPACK_STEP) { /* once more in steps, for what stands before the damage */
			whole = false;
			from.pos = before;
			ZSTD_DCtx_reset(in->unpacker, ZSTD_reset_session_only);
			continue;
		}
		out->n += to.pos;
		if (ZSTD_isError(code) || (from.pos == before && to.pos == 0))
			break;
	} while (from.pos < from.size || code != 0);
	return out->over ? E_LIMIT : code == 0 && from.pos == from.size ? 0 : E_CORRUPT;
}

static int
unpack(struct scan_input *in, int (*how)(struct scan_input *in))
{
	in->unpacked.max = SCAN_UNPACKED_MAX;
	int error = how(in);
	in->bytes = buf_str(&in->unpacked);
	return error;
}

static bool
is_evtx(struct str bytes)
{
	return str_starts(bytes, STR("ElfFile")) && bytes.n >= EVTX_HEADER;
}

/* in->bytes become those of the file; of an event log that stands there as it is, the front. */
static int
take_bytes(struct scan_input *in, const char *path, int fd, off_t size)
{
	ssize_t n = read(fd, buf_room(&in->read, SCAN_CHUNKS_ROOM), READ_FRONT);
	if (n < 0)
		return E_IO;
	in->read.n = (size_t)n;
	in->bytes = buf_str(&in->read);
	if (is_evtx(in->bytes)) {
		in->form = FORM_CHUNKS;
		in->chunks = scan_chunks(fd, in->bytes, in->read.p);
		return 0;
	}
	if (size <= READ_MAX) {
		int error = file_read_descriptor(fd, &in->read);
		in->bytes = buf_str(&in->read);
		if (error != E_LIMIT) /* else it has grown since */
			return error;
	}
	TRY(file_map(path, &in->mapped));
	in->bytes = in->mapped;
	return 0;
}

static int
take_file(struct scan_input *in, const char *path)
{
	struct stat st;
	int fd = file_open_regular(path, &st);
	TRY(fd);
	in->written_ms = (int64_t)st.st_mtime * 1000;
	in->read.max = READ_MAX;
	int error = take_bytes(in, path, fd, st.st_size);
	if (in->form != FORM_CHUNKS)
		close(fd);
	return error;
}

static void
give_back(struct buf *b)
{
	if (b->cap > KEEP_MAX)
		buf_release(b);
	else
		buf_clear(b);
}

/* A first line that is no whole JSON text, in a file that begins like one: texts over several lines, or an array. */
static enum form
text_form(struct str bytes)
{
	struct json json = {.max_tokens = 100000};
	struct str rest = str_trim(str_cut(bytes, 0, RAW_MAX)), line;
	if (!rest.n || (rest.p[0] != '{' && rest.p[0] != '[') || !str_split(&rest, '\n', &line))
		return FORM_LINES;
	int error = json_parse(&json, str_trim(line), NULL);
	bool array = line.p[0] == '[' && (error == E_TRUNCATED || error == 0);
	json_release(&json);
	return array || error == E_TRUNCATED ? FORM_TEXTS : FORM_LINES;
}

int
scan_open(struct scan_input *in, const char *path)
{
	TRY(take_file(in, path));
	int error = 0;
	if (in->form == FORM_CHUNKS)
		return 0;
	if (str_starts(in->bytes, STR("\x1f\x8b")))
		error = unpack(in, unpack_gzip);
	else if (str_starts(in->bytes, STR("\x28\xb5\x2f\xfd")))
		error = unpack(in, unpack_zstd);
	if (str_starts(in->bytes, STR("\xef\xbb\xbf")))
		in->bytes = str_skip(in->bytes, 3);
	if (is_evtx(in->bytes)) {
		in->form = FORM_EVTX;
		in->at = EVTX_HEADER;
	} else {
		in->form = text_form(in->bytes);
	}
	/* What came out of a damaged archive is read; the damage is told by the caller. */
	return error;
}

int
scan_close(struct scan_input *in)
{
	int error = in->chunks.unreadable ? E_IO : 0;
	if (in->form == FORM_CHUNKS)
		close(in->chunks.fd);
	file_unmap(in->mapped);
	give_back(&in->read);
	give_back(&in->unpacked);
	*in = (struct scan_input){.read = in->read, .unpacked = in->unpacked, .unpacker = in->unpacker};
	return error;
}

void
scan_release(struct scan_input *in)
{
	(void)scan_close(in);
	buf_release(&in->read);
	buf_release(&in->unpacked);
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

static bool
next_line(struct scan_input *in, struct str *ret)
{
	while (in->at < in->bytes.n) {
		fetch_ahead(in);
		struct str rest = str_skip(in->bytes, in->at);
		rest = str_cut(rest, 0, RAW_MAX + 1); /* a file without line ends is not read anew for each piece */
		const char *end = memchr(rest.p, '\n', rest.n);
		struct str line = str_cut(rest, 0, end ? (size_t)(end - rest.p) : rest.n);
		bool piece = line.n > RAW_MAX;
		line = str_cut(line, 0, RAW_MAX);
		in->at += line.n + (end && !piece ? 1 : 0);
		in->number++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (str_trim(line).n) {
			*ret = line;
			return true;
		}
	}
	return false;
}

/* The next JSON value; the brackets and commas of an array around them are stepped over. What is no JSON goes on as a
 * line, so that it is counted as an event that no decoder fits. */
static bool
next_text(struct scan_input *in, struct str *ret)
{
	struct json json = {0};
	size_t used = 0;
	while (in->at < in->bytes.n && memchr(" \t\r\n,[]", in->bytes.p[in->at], 8))
		in->at++;
	struct str rest = str_skip(in->bytes, in->at);
	if (!rest.n)
		return false;
	if (json_parse_prefix(&json, str_cut(rest, 0, 64u << 20), &used, NULL) < 0 || !used) {
		json_release(&json);
		return next_line(in, ret);
	}
	json_release(&json);
	in->at += used;
	in->number++;
	*ret = str_trim(str_cut(rest, 0, used));
	return true;
}

static bool
next_chunk(struct scan_input *in, struct str *ret)
{
	struct evtx_file f = {in->bytes, in->at};
	bool more = evtx_next_chunk(&f, ret);
	in->at = f.at;
	in->number++;
	return more;
}

bool
scan_next(struct scan_input *in, struct raw *ret)
{
	struct str bytes;
	bool more = in->form == FORM_CHUNKS ? scan_chunks_next(&in->chunks, &bytes)
	    : in->form == FORM_EVTX	    ? next_chunk(in, &bytes)
	    : in->form == FORM_TEXTS	    ? next_text(in, &bytes)
					    : next_line(in, &bytes);
	bool evtx = in->form == FORM_CHUNKS || in->form == FORM_EVTX;
	if (!more)
		return false;
	*ret = (struct raw){.bytes = bytes, .form = evtx ? RAW_EVTX_CHUNK : RAW_LINE, .transport = RAW_FILE,
	    .received_ms = in->written_ms};
	return true;
}

bool
scan_more(struct scan_input *in, struct raw *ret)
{
	return in->form == FORM_CHUNKS && scan_chunks_whole(&in->chunks, &ret->bytes);
}
