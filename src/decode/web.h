/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_WEB_H
#define DECODE_WEB_H

/* A request as servers and what stands before them log it. Worker and scan; pure. */

#include "decode/lines.h"

struct access {
	struct str vhost, client, forwarded, user;
	int64_t time_ms;
	struct str request, status, bytes, referer, agent;
};

/* "22/Nov/2026:09:13:41 +0700", also with a fraction and without a zone. */
bool web_time(struct str s, int zone, int64_t *ret_ms);
/* Everything of it, as fields of category webserver. */
void web_add(struct decode_context *c, const struct access *a, struct event *e);
/* What Sigma's taxonomy and ECS call the parts of a target. */
void web_add_target(struct decode_context *c, struct str target, struct event *e);

#endif
