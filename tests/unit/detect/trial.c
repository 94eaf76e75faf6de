/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/trial.h"

#include "corpus.h"
#include "detect/correlate.h"
#include "tap.h"

#define NOW INT64_C(1780000000000)

static const char map_text[] = "sources:\n  - {product: linux, service: sshd, when: {product: linux, service: sshd}}\n";
static const char plain_text[] =
    "title: Failed login\nid: plain\nlevel: high\nlogsource: {product: linux, service: sshd}\n"
    "detection:\n  s: {event.outcome: failure}\n  condition: s\n";
static const char base_text[] =
    "title: Any login\nid: base\nname: any_login\nlogsource: {product: linux, service: sshd}\n"
    "detection:\n  s: {event.action: ssh_login}\n  condition: s\n";
static const char many_text[] =
    "title: Many\nid: many\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [any_login]\n"
    "  group-by: [khien.system, source.ip]\n  timespan: 1h\n  condition: {gte: 5}\n";

/* A set under way. */
static void
begin(struct buf *set, bool run, const char *rule)
{
	const struct trial_head head = {.number = 77, .rule = str_z(rule), .from_ms = 0, .to_ms = INT64_MAX, .run = run};
	buf_clear(set);
	trial_set_begin(set, &head);
	trial_set_add(set, TRIAL_MAP, STR("map.yaml"), STR(map_text));
}

static struct trial *
try_set(struct buf *set, struct arena *arena, struct trial_facts *ret)
{
	struct buf facts = BUF_INIT;
	struct str kept = {0};
	struct trial *t = trial_new(buf_str(set), 420, &facts);
	CHECK(arena_copy(arena, buf_str(&facts), &kept));
	CHECK_INT(trial_facts_read(kept, arena, ret), 0);
	buf_release(&facts);
	return t;
}

struct stream {
	struct buf batch;
	uint32_t records;
};

static const char *const systems[] = {"mot-cua", "dieu-hanh", ""};

/* Logins of a few addresses, some of them refused; the system of record i is systems[i % 3]. */
static void
make_stream(struct stream *s, uint32_t count)
{
	struct buf line = BUF_INIT;
	for (uint32_t i = 0; i < count; i++) {
		buf_clear(&line);
		buf_addf(&line, "<38>Nov 22 03:04:05 srv sshd[7]: %s password for root from 203.0.113.%u port 5 ssh2",
		    i % 7 ? "Failed" : "Accepted", i % 5);
		struct raw raw = {.bytes = buf_str(&line), .form = RAW_LINE, .received_ms = NOW + i * 1000};
		batch_put(&s->batch, &raw);
		s->records++;
	}
	buf_release(&line);
}

static bool
owner_of(void *user, uint32_t record, uint32_t sub, struct trial_owner *ret)
{
	*ret = (struct trial_owner){.source = STR("198.51.100.1"), .system = str_z(systems[record % 3])};
	return sub == 0;
}

static void
run(struct trial *t, const struct stream *s, bool owners, struct buf *answer)
{
	struct buf message = BUF_INIT;
	const struct trial_batch b = {.number = 9, .batch = buf_str(&s->batch), .records = s->records,
		.owner = owners ? owner_of : NULL};
	trial_batch_put(&message, &b);
	buf_clear(answer);
	trial_run(t, buf_str(&message), 1 << 24, answer);
	buf_release(&message);
}

struct counts {
	uint32_t events, findings[4]; /* by index of the rule */
	bool bad;
};

static struct counts
count_answer(const struct buf *answer)
{
	struct arena arena;
	struct trial_answer a;
	struct counts c = {0};
	struct event e;
	struct verdict_finding *list;
	uint32_t n;
	arena_init(&arena, 65536, 64 << 20);
	CHECK_INT(trial_answer_open(&a, buf_str(answer), &arena), 0);
	CHECK_INT(a.number, 9);
	for (; trial_answer_next(&a, &e, &list, &n); c.events++)
		for (uint32_t i = 0; i < n; i++)
			c.findings[list[i].rule & 3]++;
	c.bad = trial_answer_bad(&a);
	arena_release(&arena);
	return c;
}

TEST(a_plain_rule_finds_what_the_worker_finds)
{
	struct arena arena;
	struct buf set = BUF_INIT, answer = BUF_INIT;
	struct trial_facts f;
	struct stream s = {0};
	arena_init(&arena, 65536, 8 << 20);
	make_stream(&s, 700);
	begin(&set, true, "");
	trial_set_add(&set, TRIAL_WANTED, STR("draft"), STR(plain_text));
	struct trial *t = try_set(&set, &arena, &f);
	CHECK(t && f.ready && !f.stateful);
	CHECK_INT(f.number, 77);
	CHECK_INT(f.faults, 0);
	CHECK_INT(f.rules, 1);
	CHECK_STR(f.rule[0].id, STR("plain"));
	CHECK_INT(f.rule[0].level, LEVEL_HIGH);
	run(t, &s, false, &answer);
	struct counts c = count_answer(&answer);
	CHECK(!c.bad);
	CHECK_INT(c.events, 600);
	CHECK_INT(c.findings[0], 600);
	trial_free(t);
	buf_release(&s.batch);
	buf_release(&set);
	buf_release(&answer);
	arena_release(&arena);
}

/* The same stream as core would see it: each event with its owner, findings fed one by one. */
static uint32_t
correlate_by_hand(const struct stream *s)
{
	struct rules *r = rules_new();
	struct faults faults = {0};
	struct fault fault = {0};
	struct arena arena;
	struct wire w = {buf_str(&s->batch), false};
	struct raw raw;
	uint32_t fired = 0;
	CHECK_INT(rules_add_map(r, STR(map_text), STR("map.yaml"), &fault), 0);
	rules_add(r, STR(base_text), STR("a"), corpus_count_fault, &faults);
	rules_add(r, STR(many_text), STR("b"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	struct decoder *d = decoder_new(rules_names(r));
	struct matcher *m = matcher_new(r);
	struct correlator *c = correlator_new(r, 8 << 20);
	arena_init(&arena, 65536, 64 << 20);
	for (uint32_t i = 0; batch_take(&w, &raw); i++) {
		struct decode_result got;
		struct finding *list = NULL, *more = NULL;
		CHECK_INT(decode(d, &raw, &arena, &got), 0);
		uint32_t n = matcher_match(m, &got.event[0], &arena, &list);
		event_put_core(&got.event[0], F_SYSTEM, str_z(systems[i % 3]));
		for (uint32_t k = 0; k < n; k++)
			fired += correlator_feed(c, &list[k], &arena, &more);
	}
	correlator_free(c);
	matcher_free(m);
	decoder_free(d);
	rules_free(r);
	arena_release(&arena);
	return fired;
}

TEST(a_correlation_counts_by_what_core_had_said)
{
	struct arena arena;
	struct buf set = BUF_INIT, answer = BUF_INIT;
	struct trial_facts f;
	struct stream s = {0};
	arena_init(&arena, 65536, 8 << 20);
	make_stream(&s, 300);
	/* first without the rule it stands on: a fault that names it */
	begin(&set, true, "many");
	trial_set_add(&set, TRIAL_WANTED, STR("many.yml"), STR(many_text));
	struct trial *t = try_set(&set, &arena, &f);
	CHECK(!t && !f.ready);
	CHECK_INT(f.faults, 1);
	CHECK_STR(f.fault[0].what, STR("rule_reference"));
	CHECK_STR(f.fault[0].arg, STR("any_login"));
	CHECK_INT(f.fault[0].kind, TRIAL_WANTED);
	trial_set_add(&set, TRIAL_LIBRARY, STR("base.yml"), STR(base_text));
	t = try_set(&set, &arena, &f);
	CHECK(t && f.ready && f.stateful);
	CHECK_INT(f.faults, 0);
	CHECK_INT(f.rules, 1);
	CHECK(f.rules && f.rule[0].correlation);
	run(t, &s, true, &answer);
	struct counts c = count_answer(&answer);
	uint32_t want = correlate_by_hand(&s);
	CHECK(!c.bad && want > 0);
	CHECK_INT(c.findings[f.rule[0].index], want);
	CHECK_INT(c.events, 300);
	trial_free(t);
	buf_release(&s.batch);
	buf_release(&set);
	buf_release(&answer);
	arena_release(&arena);
}

TEST(what_a_person_can_get_wrong_is_told_with_its_place)
{
	static const char head[] = "title: T\nid: x\nlogsource: {product: linux, service: sshd}\ndetection:\n";
	static const struct {
		const char *body, *what, *arg;
		uint32_t line;
	} row[] = {
		{"  s: {a|expand: '%nobody%'}\n  condition: s\n", "rule_placeholder", "nobody", 5},
		{"  s: {a|re: '('}\n  condition: s\n", "rule_regex_bracket", NULL, 5},
		{"  s: {a: 1}\n  condition: t\n", "rule_no_selection", "t", 6},
		{"  s: [a\n", "yaml_syntax", NULL, 0},
		{"  s: {a|nonsense: 1}\n  condition: s\n", "rule_modifier", "nonsense", 5},
	};
	struct arena arena;
	struct buf set = BUF_INIT, text = BUF_INIT;
	struct trial_facts f;
	arena_init(&arena, 65536, 8 << 20);
	for (size_t i = 0; i < COUNT(row); i++) {
		buf_clear(&text);
		buf_add(&text, str_z(head));
		buf_add(&text, str_z(row[i].body));
		begin(&set, false, "");
		trial_set_add(&set, TRIAL_WANTED, STR("draft"), buf_str(&text));
		CHECK(!try_set(&set, &arena, &f));
		tap_check(f.faults == 1 && f.rules == 0, __FILE__, __LINE__, "row %zu: %u faults", i, f.faults);
		if (!f.faults)
			continue;
		CHECK_STR(f.fault[0].what, str_z(row[i].what));
		if (row[i].arg)
			CHECK_STR(f.fault[0].arg, str_z(row[i].arg));
		if (row[i].line)
			CHECK_INT(f.fault[0].line, row[i].line);
	}
	buf_release(&set);
	buf_release(&text);
	arena_release(&arena);
}

TEST(a_check_lists_all_rules_and_runs_none)
{
	struct arena arena;
	struct buf set = BUF_INIT;
	struct trial_facts f;
	arena_init(&arena, 65536, 8 << 20);
	begin(&set, false, "");
	trial_set_add(&set, TRIAL_WANTED, STR("draft"), STR(base_text));
	trial_set_add(&set, TRIAL_WANTED, STR("draft2"), STR(many_text));
	trial_set_add(&set, TRIAL_LIBRARY, STR("old.yml"), STR(plain_text));
	trial_set_add(&set, TRIAL_LIBRARY, STR("broken.yml"), STR("title: x\n")); /* nobody's concern */
	CHECK(!try_set(&set, &arena, &f));
	CHECK(!f.ready);
	CHECK_INT(f.faults, 0);
	CHECK_INT(f.rules, 2);
	buf_release(&set);
	arena_release(&arena);
}

TEST(a_check_compiles_patterns)
{
	struct arena arena;
	struct buf set = BUF_INIT;
	struct trial_facts f;
	arena_init(&arena, 65536, 8 << 20);
	begin(&set, false, "");
	trial_set_add(&set, TRIAL_WANTED, STR("draft"),
	    STR("title: t\nid: t\nlogsource: {product: linux, service: sshd}\n"
		"detection:\n  s: {user.name|re: '(abcdefgh){9000}'}\n  condition: s\n"));
	CHECK(!try_set(&set, &arena, &f));
	CHECK_INT(f.faults, 1);
	CHECK_STR(f.fault[0].what, STR("rule_regex_dead"));
	CHECK_INT(f.rules, 1);
	buf_release(&set);
	arena_release(&arena);
}

TEST(placeholders_and_filters_hold_here_too)
{
	static const char expand[] =
	    "title: T\nid: e\nlogsource: {product: linux, service: sshd}\n"
	    "detection:\n  s: {source.ip|expand: '%bad%'}\n  condition: s\n";
	static const char filter[] =
	    "title: Not that one\nlogsource: {product: linux, service: sshd}\nfilter:\n  rules: [e]\n"
	    "  f: {source.ip: 203.0.113.1}\n  condition: not f\n";
	struct arena arena;
	struct buf set = BUF_INIT, answer = BUF_INIT;
	struct trial_facts f;
	struct stream s = {0};
	arena_init(&arena, 65536, 8 << 20);
	make_stream(&s, 100);
	begin(&set, true, "");
	trial_set_add(&set, TRIAL_PLACEHOLDERS, STR("placeholders.yaml"), STR("bad: [203.0.113.1, 203.0.113.2]\n"));
	trial_set_add(&set, TRIAL_WANTED, STR("draft"), STR(expand));
	struct trial *t = try_set(&set, &arena, &f);
	CHECK(t != NULL);
	run(t, &s, false, &answer);
	CHECK_INT(count_answer(&answer).findings[0], 40);
	trial_free(t);
	trial_set_add(&set, TRIAL_FILTER, STR("f.yml"), STR(filter));
	t = try_set(&set, &arena, &f);
	CHECK_INT(f.faults, 0);
	CHECK(t != NULL);
	run(t, &s, false, &answer);
	CHECK_INT(count_answer(&answer).findings[0], 20);
	trial_free(t);
	buf_release(&s.batch);
	buf_release(&set);
	buf_release(&answer);
	arena_release(&arena);
}

TEST(a_message_cut_anywhere_is_refused_and_never_read_past)
{
	struct arena arena;
	struct buf set = BUF_INIT, answer = BUF_INIT, message = BUF_INIT, facts = BUF_INIT;
	struct trial_facts f;
	struct trial_answer a;
	struct stream s = {0};
	arena_init(&arena, 65536, 64 << 20);
	make_stream(&s, 12);
	begin(&set, true, "many");
	trial_set_add(&set, TRIAL_WANTED, STR("many.yml"), STR(many_text));
	trial_set_add(&set, TRIAL_WANTED, STR("base.yml"), STR(base_text));
	struct trial *t = trial_new(buf_str(&set), 420, &facts);
	CHECK(t != NULL);
	for (size_t n = 0; n < facts.n; n++)
		CHECK_INT(trial_facts_read(str_cut(buf_str(&facts), 0, n), &arena, &f), E_CORRUPT);
	const struct trial_batch b = {.number = 9, .batch = buf_str(&s.batch), .records = s.records, .owner = owner_of};
	trial_batch_put(&message, &b);
	for (size_t n = 0; n < message.n; n += 3) {
		buf_clear(&answer);
		trial_run(t, str_cut(buf_str(&message), 0, n), 1 << 20, &answer);
		CHECK_INT(trial_answer_open(&a, buf_str(&answer), &arena), 0);
		CHECK(a.lost);
	}
	trial_run(t, buf_str(&message), 100, &answer);
	buf_clear(&answer);
	trial_run(t, buf_str(&message), 1 << 20, &answer);
	for (size_t n = 0; n < answer.n; n++) {
		struct event e;
		struct verdict_finding *list;
		uint32_t count;
		arena_clear(&arena);
		if (trial_answer_open(&a, str_cut(buf_str(&answer), 0, n), &arena) < 0)
			continue;
		while (trial_answer_next(&a, &e, &list, &count))
			;
		CHECK(trial_answer_bad(&a) || n + 200 > answer.n); /* whole findings at the end may be missing */
	}
	trial_free(t);
	buf_release(&s.batch);
	buf_release(&set);
	buf_release(&answer);
	buf_release(&message);
	buf_release(&facts);
	arena_release(&arena);
}
