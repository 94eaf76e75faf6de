/* SPDX-License-Identifier: EUPL-1.2 */
/* Windows, scans and beacons on random traffic against evaluators that keep everything and count it again each time;
 * and saved state that goes on as if nothing had happened. */
#include "detect/flow_table.h"
#include "flow_case.h"

static uint64_t seed;

static uint32_t
pick(uint32_t n)
{
	return (uint32_t)(case_random(&seed) % n);
}

/* ---- panes ---- */

#define SIGHTS 3000u

struct sight {
	int64_t pane;
	uint64_t what;
	bool flag;
};

/* An item counts while its latest pane is among the newest PANES; the flag is that of any sight since it last came. */
static uint32_t
slow_items(const struct sight *sight, uint32_t n, bool flag)
{
	int64_t latest[64], newest = INT64_MIN;
	bool flags[64];
	uint32_t count = 0;
	for (uint32_t i = 0; i < COUNT(latest); i++)
		latest[i] = INT64_MIN;
	for (uint32_t i = 0; i < n; i++) {
		const struct sight *s = &sight[i];
		newest = s->pane > newest ? s->pane : newest;
		if (s->pane <= newest - (int64_t)PANES)
			continue;
		bool live = latest[s->what] != INT64_MIN && latest[s->what] > newest - (int64_t)PANES;
		flags[s->what] = s->flag || (live && flags[s->what]);
		latest[s->what] = live && latest[s->what] > s->pane ? latest[s->what] : s->pane;
	}
	for (uint32_t i = 0; i < COUNT(latest); i++)
		count += latest[i] != INT64_MIN && latest[i] > newest - (int64_t)PANES && flags[i] == flag;
	return count;
}

TEST(panes_as_if_all_were_kept)
{
	static struct sight sight[SIGHTS];
	seed = 1;
	for (int round = 0; round < 12; round++) {
		struct panes p = {0};
		int64_t now = pick(1000);
		uint32_t spread = 1 + pick(60), wrong = 0;
		panes_open(&p);
		for (uint32_t i = 0; i < SIGHTS; i++) {
			now += pick(40) == 0 ? pick(14) : pick(12) == 0;
			sight[i] = (struct sight){now - (pick(5) ? 0 : pick(10)), 1 + pick(spread), pick(3) == 0};
			sight[i].pane = sight[i].pane < 0 ? 0 : sight[i].pane;
			if (panes_move(&p, sight[i].pane))
				panes_see(&p, sight[i].pane, sight[i].what, sight[i].flag);
			if (i % 37 == 0)
				wrong += panes_items(&p, false) != slow_items(sight, i + 1, false) ||
				    panes_items(&p, true) != slow_items(sight, i + 1, true);
		}
		CHECK_INT(wrong, 0);
		panes_release(&p);
	}
}

TEST(a_window_with_too_many_says_so)
{
	struct panes p = {0};
	panes_open(&p);
	for (uint64_t i = 1; i <= 10000; i++) {
		CHECK(!p.truncated || i > PANE_ITEMS);
		CHECK(panes_move(&p, 5));
		panes_see(&p, 5, i * 0x9e3779b97f4a7c15, false);
	}
	CHECK_INT(panes_items(&p, false), PANE_ITEMS);
	CHECK(p.truncated);
	CHECK(panes_move(&p, 14));
	panes_see(&p, 14, 77, true);
	CHECK_INT(panes_items(&p, false), 0);
	CHECK_INT(panes_items(&p, true), 1);
	CHECK(!p.truncated);
	CHECK(!panes_move(&p, 6));
	CHECK(panes_move(&p, 7));
	CHECK(panes_more(&p) <= 2 * PANE_ITEMS * sizeof(struct pane_item));
	panes_release(&p);
}

/* ---- scans ---- */

static const char scan_rule[] = "title: S\nid: s\nkhien:\n  engine: flow.scan_horizontal\n"
				"  parameters: {window_s: 80, hosts: 6, hosts_outside: 6, failed_percent: 60}\n";

static struct rules *
rules_of(const char *text)
{
	struct rules *r = rules_new();
	CHECK_INT(rules_add(r, str_z(text), STR("r.yml"), NULL, NULL), 1);
	CHECK_INT(rules_finish(r, NULL, NULL), 0);
	return r;
}

struct tried {
	int64_t pane, at;
	uint32_t from, to;
	bool answered;
};

static struct tried tried[4000];
static int64_t told_at[8];
static double told_value[8];

/* Would the newest event of the list fire? Counts all of it anew. */
static bool
slow_scan(uint32_t n)
{
	static struct sight sight[COUNT(tried)];
	const struct tried *last = &tried[n - 1];
	int64_t newest = INT64_MIN;
	uint32_t sights = 0;
	bool known = false;
	for (uint32_t i = 0; i < n; i++) {
		known |= tried[i].from == last->from && !tried[i].answered;
		if (tried[i].from != last->from || !known)
			continue; /* before anything failed, nothing is kept */
		newest = tried[i].pane > newest ? tried[i].pane : newest;
		sight[sights++] = (struct sight){tried[i].pane, tried[i].to, tried[i].answered};
	}
	if (last->answered || last->pane <= newest - (int64_t)PANES)
		return false;
	double failed = slow_items(sight, sights, false), answered = slow_items(sight, sights, true);
	if (failed < 6 || failed < 0.6 * (failed + answered))
		return false;
	if (told_at[last->from] && last->at - told_at[last->from] < 3600000 && failed < 2 * told_value[last->from])
		return false;
	told_at[last->from] = last->at;
	told_value[last->from] = failed;
	return true;
}

TEST(scans_as_if_all_were_kept)
{
	struct flow_case c = {.rules = rules_of(scan_rule)};
	struct flow_options o = case_options(0);
	char from[32], to[32];
	double now = 0;
	uint32_t wrong = 0, fired = 0;
	c.flow = flow_new(c.rules, &o);
	arena_init(&c.arena, 64 << 10, 1 << 20);
	seed = 99;
	for (uint32_t i = 0; i < COUNT(tried); i++) {
		struct tried *t = &tried[i];
		now += pick(300) == 0 ? 4000 : pick(4);
		double at = now - (pick(10) ? 0 : pick(100));
		*t = (struct tried){.at = CASE_BEGIN + (int64_t)(at * 1000), .from = pick(8), .to = pick(40)};
		t->pane = t->at / 10000;
		t->answered = pick(10) < t->from;
		snprintf(from, sizeof from, "10.1.1.%u", t->from);
		snprintf(to, sizeof to, "10.2.2.%u", t->to);
		uint32_t got = case_flow(&c, (struct one_flow){.at = at, .from = from, .to = to, .port = 22,
		    .state = t->answered ? "answered" : "refused"});
		bool want = slow_scan(i + 1);
		if (got != want && wrong++ < 5)
			printf("# event %u: %u, want %d\n", i, got, want);
		fired += got;
	}
	CHECK_INT(wrong, 0);
	CHECK(fired > 20);
	case_close(&c);
}

/* ---- saved and loaded ---- */

/* Something for every detector. */
static void
random_flow(double now, struct one_flow *ret, char text[2][32])
{
	static const char *const states[] = {"answered", "unanswered", "refused", "one_way"};
	static const unsigned ports[] = {22, 53, 80, 123, 443, 445, 8443, 11211};
	snprintf(text[0], 32, pick(5) ? "10.1.1.%u" : "198.51.100.%u", pick(6));
	snprintf(text[1], 32, pick(3) ? "198.51.100.%u" : pick(2) ? "203.0.113.%u" : "10.1.2.%u", pick(60));
	*ret = (struct one_flow){.at = now, .from = text[0], .to = text[1], .port = ports[pick(8)], .from_port = 1000 + pick(100),
	    .transport = pick(3) ? "tcp" : "udp", .state = states[pick(4)], .out = pick(1u << 30), .in = pick(1u << 30),
	    .packets_out = 1 + pick(9), .packets_in = pick(9)};
}

static uint32_t
random_event(struct flow_case *c, double now)
{
	char text[2][32], name[64];
	struct one_flow one;
	random_flow(now, &one, text);
	if (pick(4) == 0) {
		snprintf(name, sizeof name, "%08x%08x%08x%08x.t%u.example.com", pick(1u << 30), pick(1u << 30), pick(1u << 30),
		    pick(1u << 30), pick(3));
		return case_question(c, now, "10.1.1.1", name, pick(2) ? "TXT" : "A", pick(3) == 0);
	}
	return case_flow(c, one);
}

TEST(loaded_state_goes_on_as_if_nothing_had_happened)
{
	struct flow_case a, b;
	struct buf saved = BUF_INIT, again = BUF_INIT;
	struct flow_options o = case_options(0);
	double now = 0;
	case_open(&a, 0);
	case_open(&b, 0);
	seed = 5;
	for (uint32_t i = 0; i < 20000; i++) {
		now += pick(500) == 0 ? pick(100000) : pick(20);
		uint64_t same = seed;
		uint32_t fired = random_event(&a, now);
		seed = same;
		CHECK_INT(random_event(&b, now), fired);
		if (fired)
			CHECK_STR(buf_str(&b.last), buf_str(&a.last));
		if (i % 2500 == 2499) { /* b is born again */
			buf_clear(&saved);
			flow_save(b.flow, &saved);
			flow_free(b.flow);
			b.flow = flow_new(b.rules, &o);
			CHECK_INT(flow_load(b.flow, buf_str(&saved)), 0);
			buf_clear(&again);
			flow_save(b.flow, &again);
			CHECK_INT(again.n, saved.n);
			CHECK_INT(flow_stats(b.flow).keys, flow_stats(a.flow).keys);
		}
	}
	CHECK(a.total > 50);
	CHECK_INT(b.total, a.total);
	case_close(&a);
	case_close(&b);
	buf_release(&saved);
	buf_release(&again);
}

TEST(state_that_nobody_wrote_is_refused_whole)
{
	struct flow_case c;
	struct buf saved = BUF_INIT, bent = BUF_INIT;
	double now = 0;
	uint32_t refused = 0;
	case_open(&c, 4 << 20);
	seed = 17;
	for (uint32_t i = 0; i < 300; i++)
		random_event(&c, now += pick(20));
	flow_save(c.flow, &saved);
	uint32_t keys = flow_stats(c.flow).keys;
	for (size_t n = 0; n < saved.n; n += 1 + n / 50) {
		CHECK_INT(flow_load(c.flow, str_cut(buf_str(&saved), 0, n)), E_CORRUPT);
		CHECK_INT(flow_stats(c.flow).keys, keys);
	}
	for (uint32_t i = 0; i < 2000; i++) { /* whatever comes of it, it can be fed and saved */
		buf_clear(&bent);
		buf_add(&bent, buf_str(&saved));
		for (uint32_t k = 1 + pick(4); k > 0; k--)
			bent.p[pick((uint32_t)bent.n)] = (char)pick(256);
		refused += flow_load(c.flow, buf_str(&bent)) < 0;
		random_event(&c, now += pick(20));
	}
	CHECK(refused > 200);
	buf_clear(&bent);
	buf_add(&bent, buf_str(&saved));
	bent.p[4]++;
	CHECK_INT(flow_load(c.flow, buf_str(&bent)), E_UNSUPPORTED);
	buf_add_char(&saved, 'x');
	CHECK_INT(flow_load(c.flow, buf_str(&saved)), E_CORRUPT);
	case_close(&c);
	buf_release(&saved);
	buf_release(&bent);
}

TEST(windows_of_another_length_are_left_out)
{
	struct flow_case c;
	struct buf saved = BUF_INIT;
	struct flow_options o = case_options(0);
	struct rules *other = rules_of(scan_rule);
	case_open(&c, 0);
	for (uint32_t i = 0; i < 10; i++)
		case_flow(&c, (struct one_flow){.at = i, .from = "10.1.1.1", .to = "198.51.100.1", .port = 443, .state = "unanswered"});
	flow_save(c.flow, &saved);
	uint32_t keys = flow_stats(c.flow).keys;
	struct flow *f = flow_new(other, &o);
	CHECK_INT(flow_load(f, buf_str(&saved)), 0);
	CHECK_INT(flow_stats(f).keys, keys - 1); /* the scan that counted over five minutes */
	CHECK_INT(flow_stats(f).hosts, 1);
	flow_free(f);
	rules_free(other);
	case_close(&c);
	buf_release(&saved);
}

TEST(loading_keeps_within_its_memory)
{
	struct flow_case c;
	struct buf saved = BUF_INIT;
	struct flow_options o = case_options(1 << 20);
	double now = 0;
	case_open(&c, 0);
	seed = 3;
	for (uint32_t i = 0; i < 8000; i++) {
		char to[32];
		snprintf(to, sizeof to, "198.51.%u.%u", pick(256), pick(256));
		case_flow(&c, (struct one_flow){.at = now += 1, .from = "10.1.1.1", .to = to, .port = 443});
	}
	flow_save(c.flow, &saved);
	struct flow *f = flow_new(c.rules, &o);
	CHECK_INT(flow_load(f, buf_str(&saved)), 0);
	CHECK(flow_stats(f).bytes <= 1 << 20);
	CHECK(flow_stats(f).keys > 100);
	flow_free(f);
	case_close(&c);
	buf_release(&saved);
}
