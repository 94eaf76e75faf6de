/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_POST_H
#define HOST_POST_H

/*
 * One HTTP/1.1 POST to a server that was named by the operator, plain or over TLS 1.2 and up; no redirect is followed, nothing
 * is asked of a name server once post_target_open() has done so. Blocking, with an end. For a process that may connect and
 * do nothing else (push_role.h).
 */

#include "base/error.h"

#define POST_ANSWER_MAX (64u << 10)

struct post_target;

/* What is wrong with a server's certificate. */
enum post_refusal {
	POST_REFUSED_NOT,
	POST_REFUSED_NAME,      /* it is another's */
	POST_REFUSED_TIME,      /* not yet or no longer good */
	POST_REFUSED_AUTHORITY, /* signed by nobody whom this machine knows */
	POST_REFUSED_OTHER,
	POST_REFUSALS,
};

/* "http://HOST[:PORT][/PREFIX]" or https; E_INVALID when it is not. A name that cannot be found now is told by every
 * post_send(). Reads files of the system (addresses, certificates): before power is given up. */
[[nodiscard]] int post_target_open(struct str url, struct post_target **ret);
void post_target_close(struct post_target *t);
/* Is it such a URL? Pure. */
bool post_url_is_good(struct str url);

/* The body of a whole answer, as it came over the wire. E_INVALID, E_CLOSED (it ends too early), E_LIMIT. Pure. */
[[nodiscard]] int post_answer_read(struct str all, uint16_t *ret_status, struct buf *ret);

/* The body of the answer is added to `ret`. *ret_status is what the server said. E_NOT_FOUND: no such name; E_CLOSED: not
 * reached or cut off; E_AGAIN: too slow; E_DENIED: it is not who its certificate should say; E_INVALID: no HTTP; E_LIMIT. */
[[nodiscard]] int post_send(struct post_target *t, struct str path, struct str body, int64_t timeout_ms, uint16_t *ret_status,
    struct buf *ret);
/* Why the last post_send() said E_DENIED. */
enum post_refusal post_refusal(const struct post_target *t);
/* "certificate_name" and the like; "" for POST_REFUSED_NOT and for what is none of them. */
struct str post_refusal_name(uint32_t refusal);

#endif
