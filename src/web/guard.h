/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_GUARD_H
#define WEB_GUARD_H

/*
 * What evhttp does not do by itself: watch each connection's clock, and look at the headers as a suspicious proxy would.
 * Part of the web role.
 *
 * evhttp tells nobody of a connection before its first whole request, which is just when a slow client does its harm. So
 * the guard watches descriptors: once a second it asks the kernel which sockets are there (SO_COOKIE names one for
 * ever), starts a clock for each new one, and shuts down those whose clock has run out; evhttp then reads their end.
 */

#include <event2/event.h>
#include <event2/http.h>

#include "base/bytes.h"

struct guard;

struct guard *guard_new(struct event_base *base);
void guard_free(struct guard *g);
/* A whole request came in on its connection: the answer's clock starts. */
void guard_answering(struct guard *g, struct evhttp_request *request);
/* The answer is out: the clock of the next request starts. */
void guard_answered(struct guard *g, struct evhttp_request *request);
/* The connection carries a stream now: no clock, its owner looks at its backlog. */
void guard_streaming(struct guard *g, struct evhttp_request *request);
/* May two programs read this request differently? */
bool guard_ambiguous(struct evhttp_request *request);
unsigned guard_connections(const struct guard *g);

#endif
