/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

/* The frame of a list: {"items":[...],"total":n,"next":cursor or null}. Core, and its pool threads on their call's answer. */

#include "web/route.h"

/* What the query asks for: behind which id (absent: `first`; 0 counts upwards, INT64_MAX downwards), and how many. False: the call is
 * answered. */
bool page_asked(struct api_call *c, int64_t first, int64_t usual, int64_t most, int64_t *ret_cursor, uint32_t *ret_limit);
/* {"items":[ */
void page_begin(struct buf *out);
/* Before each item. */
void page_item(struct buf *out);
/* Behind the last item and its bracket. total < 0: not told; next: of the last item when the page is full, else empty or 0. */
void page_end(struct buf *out, int64_t total, struct str next);
void page_end_at(struct buf *out, int64_t total, int64_t next);

#endif
