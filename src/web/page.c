/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/page.h"

#include <stdio.h>

bool
page_asked(struct api_call *c, int64_t first, int64_t usual, int64_t most, int64_t *ret_cursor, uint32_t *ret_limit)
{
	int64_t limit;
	if (!api_query_i64(c, STR("cursor"), first, first > 0, INT64_MAX, ret_cursor) ||
	    !api_query_i64(c, STR("limit"), usual, 1, most, &limit)) {
		api_reply_problem(c, 422, "invalid", "cursor");
		return false;
	}
	*ret_limit = (uint32_t)limit;
	return true;
}

void
page_begin(struct buf *out)
{
	buf_add(out, STR("{\"items\":["));
}

void
page_item(struct buf *out)
{
	if (out->n && out->p[out->n - 1] != '[')
		buf_add_char(out, ',');
}

void
page_end(struct buf *out, int64_t total, struct str next)
{
	if (total >= 0)
		out_i64(out, "total", total);
	out_text_or_null(out, "next", next);
	buf_add_char(out, '}');
}

void
page_end_at(struct buf *out, int64_t total, int64_t next)
{
	char text[24] = "";
	if (next)
		snprintf(text, sizeof text, "%lld", (long long)next);
	page_end(out, total, str_z(text));
}
