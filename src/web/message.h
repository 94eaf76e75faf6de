/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_MESSAGE_H
#define WEB_MESSAGE_H

/*
 * What web and core say to each other (MSG_REQUEST, MSG_RESPONSE, MSG_PUSH). The web process reads HTTP and knows no
 * rights (those of a stream it compares as numbers); core knows who may do what and never sees a socket. Pure.
 */

#include "base/error.h"
#include "base/wire.h"

struct api_request {
	uint64_t id;        /* web's number for the waiting client */
	struct str method;  /* GET, POST, PATCH, DELETE */
	struct str path;    /* percent-decoded, begins with / */
	struct str query;   /* as sent */
	struct str cookie;  /* value of our session cookie, or empty */
	struct str bearer;  /* API key, or empty */
	struct str if_match;
	struct str peer;    /* client address */
	struct str agent;   /* User-Agent, at most 256 bytes */
	struct str host;    /* as the client named us */
	bool same_origin;   /* by Sec-Fetch-Site, else by Origin and Host */
	bool json;          /* Content-Type says application/json */
	bool raw;           /* Content-Type says application/octet-stream */
	struct str body;
};

struct api_response {
	uint64_t id;
	uint16_t status;
	struct str type;       /* Content-Type */
	struct str etag;       /* with quotes, or empty */
	struct str set_cookie; /* session value to set; "-" = delete; empty = leave alone */
	struct str location;
	uint32_t retry_after;  /* seconds, 0 = none */
	/* Of a live stream: a push that asks for other rights is not for it, nor one about another organisation. */
	uint32_t rights;
	struct str organisation; /* empty = the whole province */
	struct str body;
};

void api_request_put(struct buf *out, const struct api_request *r);
/* Borrowed from the message. E_CORRUPT. */
[[nodiscard]] int api_request_take(struct str message, struct api_request *ret);
void api_response_put(struct buf *out, const struct api_response *r);
[[nodiscard]] int api_response_take(struct str message, struct api_response *ret);

/* A push: the finished text of one server-sent event, for streams that have all of these rights. */
struct api_push {
	uint32_t rights;
	struct str reach; /* the organisation it is about and those above it, with line breaks between; empty: of the whole
	                   * province, and nothing for a stream that belongs to an organisation */
	struct str text;
};
void api_push_put(struct buf *out, const struct api_push *p);
[[nodiscard]] int api_push_take(struct str message, struct api_push *ret);
/* May a stream with these rights, of this organisation, have it? */
bool api_push_is_for(const struct api_push *p, uint32_t rights, struct str organisation);

#endif
