/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_PROXY_H
#define HOST_PROXY_H

/*
 * Whose request is it, when a proxy stands in front (--proxy)? Pure.
 *
 * Anybody can write X-Forwarded-For. Each proxy adds the address that it got the request from at the end, so the list is
 * read backwards, and only as long as those who wrote it are named: what the first stranger wrote before is his word.
 * Forwarded (RFC 7239) is not read: a proxy that speaks X-Forwarded-For lets it pass as the client sent it.
 */

#include "base/bytes.h"

#define PROXY_CLIENT_BYTES 48 /* an address as text, and NUL */

struct network {
	unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;
};

/* "10.0.0.0/8", "2001:db8::/32", or one address. False: it is none, or has bits behind its length. */
bool network_read(struct str text, struct network *ret);
/* The client of a connection from `peer` whose headers X-Forwarded-For, joined with commas, are `forwarded`: always an
 * address in its shortest form (or `peer` as it is, when that is none). */
void proxy_client(const struct network *proxy, uint32_t count, struct str peer, struct str forwarded, char ret[PROXY_CLIENT_BYTES]);

#endif
