/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/unpack.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"

#define IN_BYTES (64u << 10)
#define RATIO_MAX 1000u
#define RATIO_FREE (64ull << 20) /* small files may be anything */
#define WINDOW_LOG_MAX 23        /* 8 MB of memory for a zstd frame */
#define WINDOW_LOG_LONG 27       /* 128 MB: what zstd --long makes and unpacks */

enum packing { PACK_UNKNOWN, PACK_PLAIN, PACK_GZIP, PACK_ZSTD };

struct unpack {
	int fd;
	enum packing packing;
	char in[IN_BYTES];
	size_t at, n;            /* what is read and not used */
	uint64_t read, made;     /* bytes in, bytes out */
	bool inside;             /* a member or frame has begun and not ended */
	bool reset;              /* the next member needs a fresh start */
	bool padding;            /* zeros behind the last member, as tapes leave them */
	int window_log;
	uint64_t ratio_free;
	z_stream z;
	ZSTD_DCtx *zstd;
};

struct unpack *
unpack_new(int fd)
{
	struct unpack *u = MEM_NEW(struct unpack);
	*u = (struct unpack){.fd = fd, .window_log = WINDOW_LOG_MAX, .ratio_free = RATIO_FREE};
	return u;
}

void
unpack_generous(struct unpack *u, uint64_t ratio_free)
{
	u->window_log = WINDOW_LOG_LONG;
	u->ratio_free = ratio_free;
}

void
unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->packing == PACK_GZIP)
		inflateEnd(&u->z);
	ZSTD_freeDCtx(u->zstd);
	mem_free(u);
}

/* More input behind what is there; 0 = the file ends. */
static int64_t
refill(struct unpack *u)
{
	memmove(u->in, u->in + u->at, u->n - u->at);
	u->n -= u->at;
	u->at = 0;
	if (u->n == sizeof u->in)
		return 1;
	ssize_t got = read(u->fd, u->in + u->n, sizeof u->in - u->n);
	if (got < 0)
		return E_IO;
	u->n += (size_t)got;
	u->read += (uint64_t)got;
	return got;
}

/* A frame that says nothing may stand before the first that does: RFC 8878, 3.1.2. */
bool
unpack_is_zstd(struct str front)
{
	bool skippable = front.n && (front.p[0] & 0xf0) == 0x50 && str_starts(str_skip(front, 1), STR("\x2a\x4d\x18"));
	return skippable || str_starts(front, STR("\x28\xb5\x2f\xfd"));
}

bool
unpack_is_gzip(struct str front)
{
	return str_starts(front, STR("\x1f\x8b"));
}

static int
packing_find(struct unpack *u)
{
	int64_t got;
	while (u->n < 4 && (got = refill(u)) != 0)
		if (got < 0)
			return (int)got;
	struct str head = str_from(u->in, u->n);
	u->packing = PACK_PLAIN;
	if (unpack_is_gzip(head)) {
		if (inflateInit2(&u->z, 15 + 16) != Z_OK)
			abort(); /* as mem_alloc() does */
		u->packing = PACK_GZIP;
	} else if (unpack_is_zstd(head)) {
		u->zstd = ZSTD_createDCtx();
		if (!u->zstd)
			abort();
		ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, u->window_log);
		u->packing = PACK_ZSTD;
	}
	return 0;
}

static int64_t
read_plain(struct unpack *u, char *to, size_t n)
{
	size_t have = u->n - u->at;
	n = n < have ? n : have;
	memcpy(to, u->in + u->at, n);
	u->at += n;
	return (int64_t)n;
}

static int64_t
read_gzip(struct unpack *u, char *to, size_t n)
{
	if (u->reset) {
		u->padding |= u->in[u->at] == '\0';
		while (u->padding && u->at < u->n && u->in[u->at] == '\0')
			u->at++;
		if (u->at == u->n)
			return 0;
		if (u->padding || inflateReset(&u->z) != Z_OK)
			return E_CORRUPT;
	}
	u->reset = false;
	u->z.next_in = (Bytef *)(u->in + u->at);
	u->z.avail_in = (uInt)(u->n - u->at);
	u->z.next_out = (Bytef *)to;
	u->z.avail_out = (uInt)n;
	int result = inflate(&u->z, Z_NO_FLUSH);
	u->at = u->n - u->z.avail_in;
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return E_CORRUPT;
	u->inside = result != Z_STREAM_END;
	u->reset = result == Z_STREAM_END;
	return (int64_t)(n - u->z.avail_out);
}

static int64_t
read_zstd(struct unpack *u, char *to, size_t n)
{
	ZSTD_inBuffer in = {u->in, u->n, u->at};
	ZSTD_outBuffer out = {to, n, 0};
	size_t left = ZSTD_decompressStream(u->zstd, &out, &in);
	if (ZSTD_isError(left))
		return E_CORRUPT;
	u->at = in.pos;
	u->inside = left != 0;
	return (int64_t)out.pos;
}

static int64_t
read_some(struct unpack *u, char *to, size_t n)
{
	switch (u->packing) {
	case PACK_GZIP:
		return read_gzip(u, to, n);
	case PACK_ZSTD:
		return read_zstd(u, to, n);
	default:
		return read_plain(u, to, n);
	}
}

int64_t
unpack_read(struct unpack *u, char *to, size_t n)
{
	if (!u->packing)
		TRY(packing_find(u));
	for (;;) {
		/* What is held back inside the decompressor comes out even without new input. */
		int64_t made = u->at < u->n || u->inside ? read_some(u, to, n) : 0;
		if (made < 0)
			return made;
		u->made += (uint64_t)made;
		if (u->packing != PACK_PLAIN && u->made > u->ratio_free && u->made / RATIO_MAX > u->read)
			return E_LIMIT;
		if (made > 0)
			return made;
		int64_t got = refill(u);
		if (got < 0)
			return got;
		if (got == 0 && u->at == u->n)
			return u->inside ? E_TRUNCATED : 0;
	}
}
