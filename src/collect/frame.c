/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/frame.h"

#include <assert.h>

#define DIGITS_MAX 7u /* RAW_MAX has seven */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Trailers of the message before, empty lines, and the blank Cisco puts in front of "<". False: more bytes must tell. */
static bool
skip_between(const struct framer *f, struct str *in)
{
	while (in->n && (in->p[0] == '\n' || (in->p[0] == '\0' && !f->lines_only)))
		*in = str_skip(*in, 1);
	if (!in->n || in->p[0] != ' ' || f->lines_only)
		return in->n > 0;
	if (in->n == 1)
		return false;
	if (in->p[1] == '<')
		*in = str_skip(*in, 1);
	return true;
}

/* The count at the start of a frame: 1 = there is one, 0 = none, -1 = more bytes must tell. */
static int
count_read(const struct framer *f, struct str in, uint32_t *ret_count, size_t *ret_header)
{
	uint32_t count = 0;
	size_t i = 0;
	if (f->lines_only || in.p[0] < '1' || in.p[0] > '9')
		return 0;
	for (; i < in.n && is_digit(in.p[i]); i++) {
		if (i == DIGITS_MAX)
			return 0;
		count = count * 10 + (uint32_t)(in.p[i] - '0');
	}
	if (i == in.n)
		return -1;
	if (in.p[i] != ' ' || count > RAW_MAX)
		return 0;
	if (i + 1 == in.n)
		return -1;
	/* A line may begin with a number too: what follows must look like a message, or the sender be known to count. */
	if (in.p[i + 1] != '<' && in.p[i + 1] != '{' && !f->counted)
		return 0;
	*ret_count = count;
	*ret_header = i + 1;
	return 1;
}

/* "123 <4": a count where none was expected, behind a message whose own was wrong. Where it begins, or -1. */
static ptrdiff_t
find_count(struct str s, size_t from)
{
	for (size_t at = from; at < s.n;) {
		const char *hit = memchr(s.p + at, '<', s.n - at);
		if (!hit)
			return -1;
		size_t i = (size_t)(hit - s.p), start = i;
		at = i + 1;
		if (at >= s.n || !is_digit(s.p[at]) || i < 2 || s.p[i - 1] != ' ')
			continue;
		for (start = i - 1; start && is_digit(s.p[start - 1]) && i - start <= DIGITS_MAX; start--)
			;
		if (start < i - 1 && start > 0 && s.p[start] != '0' && !is_digit(s.p[start - 1]))
			return (ptrdiff_t)start;
	}
	return -1;
}

/* End of the line within `window`; *ret_trailer says how many bytes of trailer follow. -1: not there. */
static ptrdiff_t
line_end(struct framer *f, struct str window, size_t *ret_trailer)
{
	struct str rest = str_skip(window, f->scanned);
	const char *lf = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
	struct str line = lf ? str_cut(window, 0, (size_t)(lf - window.p)) : window;
	const char *nul = NULL;
	if (!f->lines_only && line.n > f->scanned)
		nul = memchr(line.p + f->scanned, '\0', line.n - f->scanned);
	if (nul)
		line.n = (size_t)(nul - window.p);
	*ret_trailer = 1;
	if (f->counted) {
		/* Look back far enough for a count that straddles what was scanned before. */
		ptrdiff_t resync = find_count(line, f->scanned > DIGITS_MAX + 4 ? f->scanned - DIGITS_MAX - 4 : 0);
		if (resync > 0) {
			*ret_trailer = 0;
			return resync;
		}
	}
	return lf || nul ? (ptrdiff_t)line.n : -1;
}

static enum frame_result
taken(struct framer *f, struct str *in, size_t n, size_t trailer, bool last, struct frame *ret)
{
	ret->bytes = str_cut(*in, 0, n);
	ret->flags = last ? (f->pieces ? RAW_PIECE | RAW_LAST_PIECE : 0) : RAW_PIECE;
	*in = str_skip(*in, n + trailer);
	f->scanned = 0;
	f->open = !last;
	f->pieces = !last;
	return FRAME_TAKEN;
}

static enum frame_result
take_counted(struct framer *f, struct str *in, size_t cap, struct frame *ret)
{
	bool last = f->left <= cap;
	size_t n = last ? f->left : cap;
	if (in->n < n)
		return FRAME_MORE;
	f->left -= (uint32_t)n;
	return taken(f, in, n, 0, last, ret);
}

static enum frame_result
take_line(struct framer *f, struct str *in, size_t cap, struct frame *ret)
{
	size_t trailer;
	struct str window = str_cut(*in, 0, cap + 1); /* one more: a line of exactly cap bytes is no piece */
	ptrdiff_t end = line_end(f, window, &trailer);
	if (end >= 0) {
		if (trailer)
			f->counted = false;
		return taken(f, in, (size_t)end, trailer, true, ret);
	}
	if (in->n > cap)
		return taken(f, in, cap, 0, false, ret);
	f->scanned = in->n;
	return FRAME_MORE;
}

enum frame_result
frame_take(struct framer *f, struct str *in, size_t cap, struct frame *ret)
{
	assert(cap >= FRAME_CAP_MIN && cap <= RAW_MAX);
	if (!f->open) {
		uint32_t count = 0;
		size_t header = 0;
		if (!skip_between(f, in))
			return FRAME_MORE;
		int found = count_read(f, *in, &count, &header);
		if (found < 0)
			return FRAME_MORE;
		if (found) {
			*in = str_skip(*in, header);
			f->counted = true;
		}
		f->left = count;
		f->open = true;
		f->scanned = 0;
	}
	return f->left ? take_counted(f, in, cap, ret) : take_line(f, in, cap, ret);
}

enum frame_result
frame_end(struct framer *f, struct str *in, size_t cap, struct frame *ret)
{
	if (frame_take(f, in, cap, ret) == FRAME_TAKEN)
		return FRAME_TAKEN;
	if (!in->n)
		return FRAME_MORE;
	f->left = 0;
	return taken(f, in, in->n, 0, true, ret);
}
