/* SPDX-License-Identifier: EUPL-1.2 */
/* What a witness answers, and what somebody wrote as its address. The body lies inside the answer, and no URL ends a header. */
#include <assert.h>
#include <string.h>

#include "host/post.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	struct buf body = BUF_INIT_MAX(POST_ANSWER_MAX);
	uint16_t status = 0;
	if (post_answer_read(text, &status, &body) == 0)
		assert(status >= 100 && status <= 599 && body.n < size);
	if (post_url_is_good(text))
		assert(!memchr(data, '\r', size) && !memchr(data, '\n', size) && !memchr(data, ' ', size));
	buf_release(&body);
	return 0;
}
