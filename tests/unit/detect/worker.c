/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/worker.h"

#include "corpus.h"
#include "tap.h"

static const char rule_text[] =
    "title: Failed login\nid: r1\nlevel: low\nlogsource: {product: linux, service: sshd}\n"
    "detection:\n  words: ['Failed password']\n  condition: words\n---\n"
    "title: Command\nid: r2\nlogsource: {product: windows, category: process_creation}\n"
    "detection:\n  s: {CommandLine|contains: whoami}\n  condition: s\n";

static struct rules *
make_rules(void)
{
	struct faults faults = {0};
	struct rules *r = corpus_rules();
	CHECK_INT(rules_add(r, STR(rule_text), STR("rules.yml"), corpus_count_fault, &faults), 2);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	return r;
}

static void
put_line(struct buf *batch, struct str line)
{
	struct raw raw = {.bytes = line, .form = RAW_LINE, .received_ms = INT64_C(1780000000000)};
	batch_put(batch, &raw);
}

static void
make_batch(struct buf *batch)
{
	static const char ssh[] = "<38>Nov 22 03:04:05 srv sshd[7]: Failed password for root from 203.0.113.9 port 5 ssh2";
	put_line(batch, STR(ssh));
	put_line(batch, STR("{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"CommandLine\":\"cmd "
			    "\\/c whoami\",\"Computer\":\"pc1\",\"Nobody\":null}"));
	put_line(batch, STR("what is this"));
	put_line(batch, STR(""));
}

TEST(a_verdict_reads_back)
{
	struct rules *r = make_rules();
	struct worker *w = worker_new(r);
	struct buf batch = BUF_INIT, out = BUF_INIT;
	struct arena arena;
	struct verdict v = {0};
	struct event e = {0};
	struct verdict_finding *finding = NULL;
	uint32_t count = 0;
	arena_init(&arena, 4096, 1 << 20);
	make_batch(&batch);
	CHECK_INT(worker_run(w, buf_str(&batch), &out), 0);
	CHECK_INT(verdict_open(&v, buf_str(&out), &arena), 0);
	CHECK_INT(v.records, 4);
	CHECK_INT(v.events, 4);
	CHECK_INT(v.findings, 2);
	CHECK(verdict_next(&v, &e, &finding, &count) && count == 1);
	CHECK_STR(e.service, STR("sshd"));
	CHECK_STR(rules_info(r, finding[0].rule)->id, STR("r1"));
	CHECK(!e.text.p && !e.raw);
	CHECK(verdict_next(&v, &e, &finding, &count) && count == 1);
	CHECK_INT(e.raw_index, 1);
	CHECK_STR(e.code, STR("1"));
	const struct field *f = event_find_name(&e, STR("CommandLine"));
	CHECK(f && f->id == NAME_UNKNOWN && !f->core);
	CHECK_STR(f ? f->value : STR(""), STR("cmd /c whoami"));
	f = event_find_name(&e, STR("Nobody"));
	CHECK(f && f->kind == FIELD_NULL);
	CHECK(event_find(&e, F_PARSER) != NULL);
	CHECK_STR(rules_info(r, finding[0].rule)->id, STR("r2"));
	CHECK_INT(finding[0].matched_count, 1);
	CHECK_STR(finding[0].matched[0].name, STR("CommandLine"));
	CHECK_STR(finding[0].matched[0].value, STR("cmd /c whoami"));
	CHECK(verdict_next(&v, &e, &finding, &count) && count == 0);
	CHECK(verdict_next(&v, &e, &finding, &count) && count == 0);
	CHECK(!verdict_next(&v, &e, &finding, &count) && !v.wire.bad);
	arena_release(&arena);
	buf_release(&batch);
	buf_release(&out);
	worker_free(w);
	rules_free(r);
}

TEST(the_same_batch_gives_the_same_bytes)
{
	struct rules *r = make_rules();
	struct worker *w = worker_new(r), *other = worker_new(r);
	struct buf batch = BUF_INIT, first = BUF_INIT, second = BUF_INIT, third = BUF_INIT;
	make_batch(&batch);
	CHECK_INT(worker_run(w, buf_str(&batch), &first), 0);
	CHECK_INT(worker_run(w, buf_str(&batch), &second), 0);
	CHECK_INT(worker_run(other, buf_str(&batch), &third), 0);
	CHECK(first.n > 100 && str_eq(buf_str(&first), buf_str(&second)) && str_eq(buf_str(&first), buf_str(&third)));
	buf_release(&batch);
	buf_release(&first);
	buf_release(&second);
	buf_release(&third);
	worker_free(w);
	worker_free(other);
	rules_free(r);
}

TEST(broken_framing_gives_nothing)
{
	struct rules *r = make_rules();
	struct worker *w = worker_new(r);
	struct buf batch = BUF_INIT, out = BUF_INIT;
	make_batch(&batch);
	for (size_t cut = 1; cut < RAW_HEADER; cut++)
		CHECK_INT(worker_run(w, str_cut(buf_str(&batch), 0, batch.n - cut), &out), E_CORRUPT);
	CHECK_INT(out.n, 0);
	CHECK_INT(worker_run(w, STR(""), &out), 0);
	buf_release(&batch);
	buf_release(&out);
	worker_free(w);
	rules_free(r);
}

TEST(a_long_value_is_cut_and_said_so)
{
	struct rules *r = make_rules();
	struct worker *w = worker_new(r);
	struct buf line = BUF_INIT, batch = BUF_INIT, out = BUF_INIT;
	struct arena arena;
	struct verdict v = {0};
	struct event e = {0};
	struct verdict_finding *finding = NULL;
	uint32_t count = 0;
	arena_init(&arena, 4096, 8 << 20);
	buf_add(&line, STR("{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"CommandLine\":\""));
	while (line.n < 900000)
		buf_add(&line, STR("padding "));
	buf_add(&line, STR("whoami\"}"));
	put_line(&batch, buf_str(&line));
	CHECK_INT(worker_run(w, buf_str(&batch), &out), 0);
	CHECK_INT(verdict_open(&v, buf_str(&out), &arena), 0);
	CHECK_INT(v.truncated, 1);
	CHECK(verdict_next(&v, &e, &finding, &count) && count == 1);
	const struct field *f = event_find_name(&e, STR("CommandLine"));
	CHECK_INT(f ? f->value.n : 0, VERDICT_MAX_VALUE);
	arena_release(&arena);
	buf_release(&line);
	buf_release(&batch);
	buf_release(&out);
	worker_free(w);
	rules_free(r);
}

/* A verdict names the indicator and the set; without one nothing is looked up. */
TEST(indicators_are_found_in_a_batch)
{
	static const char engine[] = "title: ip\nid: e-ip\nlevel: high\nkhien: {engine: indicator.ip}\n";
	struct faults faults = {0};
	struct rules *r = corpus_rules();
	CHECK_INT(rules_add(r, STR(engine), STR("e.yml"), corpus_count_fault, &faults), 1);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	struct worker *w = worker_new(r);
	struct ioc_builder *b = ioc_builder_new(1, 77);
	struct ioc_entry entry = {IOC_CIDR, STR("203.0.113.0/24"), 4000000000u, 50, INT64_MIN, IOC_FOR_EVER};
	struct buf image = BUF_INIT, batch = BUF_INIT, out = BUF_INIT;
	struct ioc *ioc = NULL;
	CHECK_INT(ioc_builder_add(b, &entry), 0);
	CHECK_INT(ioc_builder_finish(b, &image), 0);
	CHECK_INT(ioc_open(buf_str(&image), &ioc), 0);
	make_batch(&batch);
	for (int with = 0; with < 2; with++) {
		struct verdict v = {0};
		struct event e = {0};
		struct verdict_finding *finding = NULL;
		struct arena arena;
		uint32_t count = 0;
		arena_init(&arena, 4096, 1 << 20);
		worker_set_indicators(w, with ? ioc : NULL);
		buf_clear(&out);
		CHECK_INT(worker_run(w, buf_str(&batch), &out), 0);
		CHECK_INT(verdict_open(&v, buf_str(&out), &arena), 0);
		CHECK_INT(v.indicators, with ? 77 : 0);
		CHECK_INT(v.findings, with);
		CHECK(verdict_next(&v, &e, &finding, &count));
		CHECK_INT(count, with);
		if (count) {
			CHECK_INT(finding->indicator, 4000000000u);
			CHECK_STR(rules_info(r, finding->rule)->id, STR("e-ip"));
			CHECK_STR(finding->matched->name, STR("source.ip"));
			CHECK_STR(finding->matched->value, STR("203.0.113.9"));
		}
		arena_release(&arena);
	}
	ioc_builder_free(b);
	ioc_close(ioc);
	worker_free(w);
	rules_free(r);
	buf_release(&image);
	buf_release(&batch);
	buf_release(&out);
}

static int64_t
ticks(void)
{
	static int64_t now;
	return now += 5;
}

/* Takes the next of what was told. */
static void
check_told(struct wire *told, struct str rule, uint64_t samples)
{
	CHECK_STR(wire_str(told), rule);
	CHECK_INT(wire_varint(told), samples);
	CHECK_INT(wire_varint(told), samples * 5);
}

TEST(rules_are_measured_beside_the_verdict)
{
	struct rules *r = make_rules();
	struct worker *plain = worker_new(r), *measured = worker_new(r), *seldom = worker_new(r);
	struct buf batch = BUF_INIT, want = BUF_INIT, out = BUF_INIT, told = BUF_INIT;
	make_batch(&batch);
	worker_tell_costs(measured, 9, &told);
	worker_measure(measured, ticks, 1);
	worker_measure(seldom, ticks, 5); /* four events a batch: the 5th, 10th, 15th, 20th of the stream, each of another kind */
	worker_tell_costs(measured, 9, &told);
	CHECK_INT(told.n, 0);
	for (int i = 0; i < 5; i++) {
		buf_clear(&want);
		CHECK_INT(worker_run(plain, buf_str(&batch), &want), 0);
		struct worker *const other[] = {measured, seldom};
		for (size_t k = 0; k < COUNT(other); k++) {
			buf_clear(&out);
			CHECK_INT(worker_run(other[k], buf_str(&batch), &out), 0);
			CHECK(want.n > 100 && str_eq(buf_str(&want), buf_str(&out)));
		}
	}
	worker_tell_costs(measured, 1, &told);
	worker_tell_costs(measured, 1, &told);
	struct wire wire = {buf_str(&told), false};
	check_told(&wire, STR("r1"), 5);
	check_told(&wire, STR("r2"), 5);
	CHECK(!wire.bad && !wire.rest.n);
	buf_clear(&told);
	worker_tell_costs(measured, 9, &told); /* what was told is not told again */
	worker_tell_costs(plain, 9, &told);
	CHECK_INT(told.n, 0);
	worker_tell_costs(seldom, 9, &told);
	wire = (struct wire){buf_str(&told), false};
	check_told(&wire, STR("r1"), 1);
	check_told(&wire, STR("r2"), 1);
	CHECK(!wire.bad && !wire.rest.n);
	buf_release(&batch);
	buf_release(&want);
	buf_release(&out);
	buf_release(&told);
	worker_free(plain);
	worker_free(measured);
	worker_free(seldom);
	rules_free(r);
}

/* A rule of thirty thousand words, asked about a long line, does not hold the stream up. */
TEST(measuring_is_bounded)
{
	struct rules *r = corpus_rules();
	struct faults faults = {0};
	struct buf text = BUF_INIT, line = BUF_INIT, batch = BUF_INIT, out = BUF_INIT, told = BUF_INIT;
	buf_add(&text, STR("title: Many\nid: many\nlogsource: {product: linux}\ndetection:\n  words:\n"));
	for (int i = 0; i < 30000; i++)
		buf_addf(&text, "    - word%d\n", i);
	buf_add(&text, STR("  condition: words\n"));
	CHECK_INT(rules_add(r, buf_str(&text), STR("many.yml"), corpus_count_fault, &faults), 1);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	struct worker *w = worker_new(r);
	buf_add(&line, STR("<38>Nov 22 03:04:05 srv sshd[7]: "));
	while (line.n < 200000)
		buf_add(&line, STR("wordy "));
	put_line(&batch, buf_str(&line));
	worker_measure(w, ticks, 1);
	for (int i = 0; i < 20; i++) { /* unbounded, each would look at 12 thousand million bytes */
		buf_clear(&out);
		CHECK_INT(worker_run(w, buf_str(&batch), &out), 0);
	}
	worker_tell_costs(w, 9, &told);
	struct wire wire = {buf_str(&told), false};
	check_told(&wire, STR("many"), 20);
	buf_release(&text);
	buf_release(&line);
	buf_release(&batch);
	buf_release(&out);
	buf_release(&told);
	worker_free(w);
	rules_free(r);
}
