/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the yara role says may be said by whoever broke into it: any bytes are read or refused, and what was read is
 * written again as the same bytes. The first byte chooses the message.
 */
#include "inspect/scan_message.h"

#include <assert.h>

#include "inspect/match_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(struct str message, struct arena *arena)
{
	struct scan_answer a;
	struct buf again = BUF_INIT, json = BUF_INIT_MAX(64 << 10);
	if (scan_answer_take(message, arena, &a) == 0) {
		scan_answer_put(&again, &a);
		assert(again.n == message.n); /* "partial" is any byte but zero */
		match_json(&json, &a.found);
		assert(json.over || str_is_utf8(buf_str(&json)));
	}
	buf_release(&again);
	buf_release(&json);
}

static void
rules(struct str message, struct arena *arena)
{
	struct scan_rules r;
	if (scan_rules_take(message, arena, &r) == 0)
		for (uint32_t i = 0; i < r.faults; i++)
			assert(r.fault[i].what && str_is_utf8(str_z(r.fault[i].arg)) && str_is_utf8(str_z(r.fault[i].file)));
}

static void
request(struct str message)
{
	struct scan_request r;
	struct buf again = BUF_INIT;
	if (scan_request_take(message, &r) == 0) {
		scan_request_put(&again, &r);
		assert(str_eq(buf_str(&again), message));
	}
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	if (!size)
		return 0;
	struct str message = str_from((const char *)data + 1, size - 1);
	arena_init(&arena, 4096, 1 << 20);
	if (data[0] % 3 == 0)
		answer(message, &arena);
	else if (data[0] % 3 == 1)
		rules(message, &arena);
	else
		request(message);
	arena_release(&arena);
	return 0;
}
