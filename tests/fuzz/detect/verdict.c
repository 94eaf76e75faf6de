/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "detect/worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Core reads what a worker says; the worker may be in the hands of whoever sent the event. Two inputs in one: the bytes
 * as a message, and as a batch whose verdict must read back whole. */
static void
read_verdict(struct str message, bool ours)
{
	struct arena arena;
	struct verdict v;
	struct event e;
	struct verdict_finding *finding;
	uint32_t count, events = 0, findings = 0;
	arena_init(&arena, 64 << 10, 64 << 20);
	int error = verdict_open(&v, message, &arena);
	assert(!ours || !error);
	while (!error && verdict_next(&v, &e, &finding, &count)) {
		assert(e.raw_index < v.records && e.field_count <= EVENT_MAX_FIELDS);
		events++;
		findings += count;
	}
	assert(!ours || (!v.wire.bad && events == v.events && findings == v.findings));
	arena_release(&arena);
}

static int64_t
ticks(void)
{
	static int64_t now;
	return now++;
}

/* Every other event is also measured: the verdict must not tell. */
static struct worker *
make_worker(void)
{
	static const char rule[] = "title: t\nlogsource: {product: linux}\ndetection:\n  k: [password, 'a*b']\n  condition: k\n";
	struct rules *r = rules_new();
	rules_add(r, STR(rule), STR("r.yml"), NULL, NULL);
	int error = rules_finish(r, NULL, NULL);
	assert(!error);
	struct worker *w = worker_new(r);
	worker_measure(w, ticks, 2);
	return w;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct worker *worker;
	struct buf verdict = BUF_INIT, again = BUF_INIT;
	struct str input = str_from((const char *)data, size);
	worker = worker ? worker : make_worker();
	read_verdict(input, false);
	if (worker_run(worker, input, &verdict) == 0) {
		int error = worker_run(worker, input, &again);
		assert(!error && str_eq(buf_str(&verdict), buf_str(&again)));
		read_verdict(buf_str(&verdict), true);
	}
	buf_release(&verdict);
	buf_release(&again);
	return 0;
}
