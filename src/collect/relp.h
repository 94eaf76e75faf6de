/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_RELP_H
#define COLLECT_RELP_H

/*
 * The server side of RELP, the syslog transport that acknowledges (librelp's doc/relp.html): one session = one
 * connection. In collect; pure: bytes in, messages out, answers appended to a buffer.
 *
 *   TXNR SP COMMAND SP DATALEN [SP DATA] LF          open, syslog, close; we answer "rsp" and hint "serverclose"
 *
 * A syslog message is answered only when the caller says that its ticket is durable, and answers leave in the order of
 * the requests. The caller gives tickets that never shrink. A session that breaks the protocol is answered with code
 * 500 as far as it can be, and is over.
 */

#include "base/error.h"
#include "decode/raw.h"

#define RELP_WAITING_MAX 4096u       /* runs of unanswered messages: beyond it the session takes no more for now */
#define RELP_DATA_MAX (256u << 20)   /* one message; it comes in pieces of `cap` bytes */

/* Messages first..first + count - 1 wait for `ticket`. */
struct relp_run {
	uint32_t first, count;
	uint64_t ticket;
};

struct relp {
	bool opened, over;     /* over: say what is in `out`, then close */
	bool closing;          /* the client said close: answered behind everything that waits */
	uint32_t close_txnr;
	bool in_data, pieces;  /* inside the data of a syslog message */
	uint32_t txnr, left;
	struct relp_run *run;  /* ring */
	uint32_t run_head, run_count, run_cap;
	uint64_t waiting;      /* messages */
	uint64_t errors;       /* of the protocol */
};

enum relp_result {
	RELP_MORE,     /* call again with the same bytes and more behind them */
	RELP_PIECE,    /* *ret holds a piece; more of this message follows */
	RELP_MESSAGE,  /* *ret holds a message or its last piece: call relp_wait() once it has a ticket */
	RELP_ANSWERED, /* something was dealt with: go on */
	RELP_STOP,     /* takes nothing for now (relp_ack() first) or nothing any more (r->over) */
};

void relp_release(struct relp *r);
enum relp_result relp_take(struct relp *r, struct str *in, size_t cap, struct buf *out, struct str *ret, uint16_t *ret_flags);
/* The message just taken is safe once `ticket` is. */
void relp_wait(struct relp *r, uint64_t ticket);
/* Everything up to `ticket` is durable: append the answers. Returns the messages answered. */
uint64_t relp_ack(struct relp *r, uint64_t ticket, struct buf *out);

#endif
