/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/memory.h"
#include "detect/trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What core and the look-back role say to each other: the first byte chooses the message. A role broken into writes facts
 * and answers for core; sets and batches are read by the role. */
static const char set_text[] =
    "title: A\nid: a\nname: a\nlogsource: {product: linux, service: sshd}\n"
    "detection: {s: {event.action: ssh_login}, condition: s}\n---\n"
    "title: X\nid: x\ncorrelation: {type: event_count, rules: [a], group-by: [khien.system], timespan: 1h,"
    " condition: {gte: 2}}\n";
static const char map_text[] = "sources:\n  - {product: linux, service: sshd, when: {product: linux, service: sshd}}\n";

static struct trial *
make_trial(void)
{
	const struct trial_head head = {.number = 1, .to_ms = INT64_MAX, .run = true};
	struct buf set = BUF_INIT, facts = BUF_INIT;
	trial_set_begin(&set, &head);
	trial_set_add(&set, TRIAL_MAP, STR("map.yaml"), STR(map_text));
	trial_set_add(&set, TRIAL_WANTED, STR("a.yml"), STR(set_text));
	struct trial *t = trial_new(buf_str(&set), 420, &facts);
	assert(t);
	buf_release(&set);
	buf_release(&facts);
	return t;
}

static void
read_answer(struct str message, struct arena *arena)
{
	struct trial_answer a;
	struct event e;
	struct verdict_finding *list;
	uint32_t count;
	if (trial_answer_open(&a, message, arena) < 0)
		return;
	while (trial_answer_next(&a, &e, &list, &count))
		for (uint32_t i = 0; i < count; i++)
			assert(!list[i].matched_count || list[i].matched);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trial *t;
	struct arena arena;
	struct trial_facts facts;
	struct buf out = BUF_INIT_MAX(8 << 20);
	if (!size)
		return 0;
	if (!t)
		t = make_trial();
	struct str message = str_from((const char *)data + 1, size - 1);
	arena_init(&arena, 4096, 16 << 20);
	switch (data[0] & 3) {
	case 0:
		(void)!trial_facts_read(message, &arena, &facts);
		break;
	case 1:
		read_answer(message, &arena);
		break;
	case 2: /* the answer is always one that core can read */
		trial_run(t, message, 1 << 20, &out);
		read_answer(buf_str(&out), &arena);
		break;
	default:
		trial_free(trial_new(message, 0, &out));
		assert(trial_facts_read(buf_str(&out), &arena, &facts) == 0);
	}
	buf_release(&out);
	arena_release(&arena);
	return 0;
}
