/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/relp.h"

#include <assert.h>

#include "base/memory.h"

#define TXNR_MAX 999999999u
#define COMMAND_MAX 32u
#define HEADER_MAX 64u      /* 9 + 1 + 32 + 1 + 9 + 1, rounded up */
#define OPEN_MAX 4096u      /* data of anything but syslog */
#define OFFERS "200 OK\nrelp_version=0\nrelp_software=khien\ncommands=syslog"

struct header {
	uint32_t txnr, length;
	struct str command;
	size_t size;            /* bytes up to the data, its blank included */
};

void
relp_release(struct relp *r)
{
	mem_free(r->run);
	*r = (struct relp){0};
}

static void
answer(struct buf *out, uint32_t txnr, const char *command, struct str data)
{
	buf_add_u64(out, txnr);
	buf_add_char(out, ' ');
	buf_add(out, str_z(command));
	buf_add_char(out, ' ');
	buf_add_u64(out, data.n);
	if (data.n)
		buf_add_char(out, ' ');
	buf_add(out, data);
	buf_add_char(out, '\n');
}

static enum relp_result
broken(struct relp *r, uint32_t txnr, struct buf *out)
{
	r->errors++;
	r->over = true;
	answer(out, txnr, "rsp", STR("500 protocol error"));
	answer(out, 0, "serverclose", STR(""));
	return RELP_STOP;
}

/* A decimal number followed by one of `ends`. 1 = read, 0 = more bytes must tell, -1 = none. */
static int
number_read(struct str s, size_t *at, uint32_t max, const char *ends, uint32_t *ret)
{
	uint64_t v = 0;
	size_t i = *at;
	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		v = v * 10 + (uint64_t)(s.p[i] - '0');
		if (v > max || i - *at >= 9)
			return -1;
	}
	if (i == s.n)
		return 0;
	if (i == *at || !strchr(ends, s.p[i]) || !s.p[i])
		return -1;
	*at = i;
	*ret = (uint32_t)v;
	return 1;
}

static int
header_read(struct str in, struct header *ret)
{
	struct header h = {0};
	struct str s = str_cut(in, 0, HEADER_MAX);
	size_t at = 0;
	int found = number_read(s, &at, TXNR_MAX, " ", &h.txnr);
	if (found <= 0)
		return found;
	size_t start = ++at;
	while (at < s.n && ((s.p[at] >= 'a' && s.p[at] <= 'z') || (s.p[at] >= 'A' && s.p[at] <= 'Z')))
		at++;
	if (at - start > COMMAND_MAX)
		return -1;
	if (at == s.n)
		return 0;
	if (at == start || s.p[at] != ' ')
		return -1;
	h.command = str_cut(in, start, at);
	at++;
	found = number_read(s, &at, RELP_DATA_MAX, " \n", &h.length);
	if (found <= 0)
		return found;
	if (h.length && s.p[at] != ' ')
		return -1;
	h.size = at + (s.p[at] == ' ');
	*ret = h;
	return 1;
}

/* Data of a syslog message, whole or in pieces; its LF goes with the last. */
static enum relp_result
take_data(struct relp *r, struct str *in, size_t cap, struct buf *out, struct str *ret, uint16_t *ret_flags)
{
	bool last = r->left <= cap;
	size_t n = last ? r->left : cap;
	if (in->n < n + last)
		return RELP_MORE;
	if (last && in->p[n] != '\n')
		return broken(r, r->txnr, out);
	*ret = str_cut(*in, 0, n);
	*ret_flags = last ? (r->pieces ? RAW_PIECE | RAW_LAST_PIECE : 0) : RAW_PIECE;
	*in = str_skip(*in, n + last);
	r->left -= (uint32_t)n;
	r->pieces = !last;
	r->in_data = !last;
	return last ? RELP_MESSAGE : RELP_PIECE;
}

static enum relp_result
close_session(struct relp *r, struct buf *out)
{
	if (r->waiting)
		return RELP_STOP; /* relp_ack() finishes it */
	answer(out, r->close_txnr, "rsp", STR(""));
	answer(out, 0, "serverclose", STR(""));
	r->over = true;
	return RELP_STOP;
}

/* open and close: their data must be there whole. */
static enum relp_result
take_command(struct relp *r, const struct header *h, struct str *in, struct buf *out)
{
	if (h->length > OPEN_MAX)
		return broken(r, h->txnr, out);
	if (in->n < h->size + h->length + 1)
		return RELP_MORE;
	if (in->p[h->size + h->length] != '\n')
		return broken(r, h->txnr, out);
	struct str command = h->command;
	bool is_open = str_eq(command, STR("open")), is_close = str_eq(command, STR("close"));
	*in = str_skip(*in, h->size + h->length + 1);
	if (is_open && !r->opened) {
		r->opened = true;
		answer(out, h->txnr, "rsp", STR(OFFERS));
		return RELP_ANSWERED;
	}
	if (is_close && r->opened) {
		r->closing = true;
		r->close_txnr = h->txnr;
		return close_session(r, out);
	}
	return broken(r, h->txnr, out);
}

enum relp_result
relp_take(struct relp *r, struct str *in, size_t cap, struct buf *out, struct str *ret, uint16_t *ret_flags)
{
	struct header h;
	if (r->over || r->closing || r->run_count >= RELP_WAITING_MAX)
		return RELP_STOP;
	if (r->in_data)
		return take_data(r, in, cap, out, ret, ret_flags);
	int found = header_read(*in, &h);
	if (found == 0 && in->n >= HEADER_MAX)
		found = -1;
	if (found == 0)
		return RELP_MORE;
	if (found < 0)
		return broken(r, 0, out);
	if (!str_eq(h.command, STR("syslog")))
		return take_command(r, &h, in, out);
	if (!r->opened)
		return broken(r, h.txnr, out);
	*in = str_skip(*in, h.size);
	r->in_data = true;
	r->txnr = h.txnr;
	r->left = h.length;
	return take_data(r, in, cap, out, ret, ret_flags);
}

static struct relp_run *
run_at(struct relp *r, uint32_t i)
{
	return &r->run[(r->run_head + i) % r->run_cap];
}

static void
runs_grow(struct relp *r)
{
	uint32_t cap = r->run_cap ? r->run_cap * 2 : 8;
	struct relp_run *fresh = mem_calloc(cap, sizeof *fresh);
	for (uint32_t i = 0; i < r->run_count; i++)
		fresh[i] = *run_at(r, i);
	mem_free(r->run);
	r->run = fresh;
	r->run_head = 0;
	r->run_cap = cap;
}

void
relp_wait(struct relp *r, uint64_t ticket)
{
	struct relp_run *last = r->run_count ? run_at(r, r->run_count - 1) : NULL;
	r->waiting++;
	assert(!last || ticket >= last->ticket);
	if (last && last->ticket == ticket && last->first + last->count == r->txnr) {
		last->count++;
		return;
	}
	if (r->run_count == r->run_cap)
		runs_grow(r);
	*run_at(r, r->run_count++) = (struct relp_run){r->txnr, 1, ticket};
}

uint64_t
relp_ack(struct relp *r, uint64_t ticket, struct buf *out)
{
	uint64_t count = 0;
	while (r->run_count && run_at(r, 0)->ticket <= ticket) {
		struct relp_run *run = run_at(r, 0);
		for (uint32_t i = 0; i < run->count; i++)
			answer(out, run->first + i, "rsp", STR("200 OK"));
		count += run->count;
		r->run_head = (r->run_head + 1) % r->run_cap;
		r->run_count--;
	}
	r->waiting -= count;
	if (r->closing && !r->over)
		(void)close_session(r, out);
	return count;
}
