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
