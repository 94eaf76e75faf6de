/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

/*
 * The web role: HTTP/1.1 by libevent's evhttp, the embedded interface, the live stream. It knows no rights and no data:
 * requests of the API go to core as messages. One thread.
 *
 * Guards that evhttp lacks (research: slow clients, request smuggling), each with a test: a deadline for a whole
 * request and for a whole answer, a cap on connections, headers and bodies, and refusal with "Connection: close" of
 * every request that two programs could read differently (RFC 9112, 6.3 and 11.2): Content-Length with
 * Transfer-Encoding, repeated Content-Length, Host or Transfer-Encoding, numbers and names that are not what the
 * grammar says.
 */

#include "host/role.h"

#define HTTP_HEADERS_MAX 16384u
#define HTTP_BODY_MAX (1u << 20)
#define HTTP_CONNECTIONS_MAX 512u
#define HTTP_REQUEST_MS 20000   /* to send a whole request, also the idle time between two */
#define HTTP_ANSWER_MS 60000    /* to answer it and for the client to read the answer */
#define HTTP_STREAMS_MAX 128u
#define HTTP_STREAM_MS (30 * 60000) /* then the client asks for it again, if his session still lives (SESSION_IDLE_MS) */
#define HTTP_STREAM_BACKLOG (256u << 10) /* bytes a live stream may be behind */

extern const struct role_entry web_role;

#endif
