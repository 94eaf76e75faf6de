/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlation against an evaluator that keeps every finding in a list and works out each answer anew: random findings
 * with late, missing, far too late and future times, correlations of all types, chained ones among them.
 */
#include "base/memory.h"
#include "corpus.h"
#include "detect/correlate.h"
#include "detect/sigma_internal.h"
#include "random.h"
#include "tap.h"

static const char rule_text[] =
    "title: A\nid: a\nlogsource: {product: linux}\ndetection:\n  s: {k: a}\n  condition: s\n---\n"
    "title: B\nid: b\nname: bee\nlogsource: {product: linux}\ndetection:\n  s: {k: b}\n  condition: s\n---\n"
    "title: C\nid: c\nlogsource: {product: linux}\ndetection:\n  s: {k: c}\n  condition: s\n---\n"
    "title: X\nid: count\ncorrelation: {type: event_count, rules: [a, b], group-by: [user], timespan: 20s,"
    " condition: {gte: 4}}\n---\n"
    "title: X\nid: count_range\ncorrelation: {type: event_count, rules: [a], group-by: [user, host], timespan: 1m,"
    " condition: {gt: 2, lte: 6, neq: 5}}\n---\n"
    "title: X\nid: few\ncorrelation: {type: event_count, rules: [c, c], timespan: 5s, condition: {lt: 2}}\n---\n"
    "title: X\nid: just\ncorrelation: {type: event_count, rules: [b], group-by: [host], timespan: 1m,"
    " condition: {eq: 3}}\n---\n"
    "title: X\nid: values\ncorrelation: {type: value_count, rules: [a, c], group-by: [host], timespan: 30s,"
    " condition: {field: value, gte: 7}}\n---\n"
    "title: X\nid: pairs\ncorrelation: {type: value_count, rules: [b], timespan: 1m,"
    " condition: {field: [value, user], gte: 9}}\n---\n"
    "title: X\nid: together\ncorrelation: {type: temporal, rules: [a, b, c], group-by: [user], timespan: 6s}\n---\n"
    "title: X\nid: two_of\ncorrelation: {type: temporal, rules: [a, b, a, c], group-by: [who], timespan: 4s,"
    " condition: {gte: 2, lt: 3}, aliases: {who: {a: user, bee: host, c: user}}}\n---\n"
    "title: X\nid: order\ncorrelation: {type: temporal_ordered, rules: [a, b, c, a], group-by: [user],"
    " timespan: 15s}\n---\n"
    "title: X\nid: order_begun\ncorrelation: {type: temporal_ordered, rules: [c, c, b], group-by: [host], timespan: 9s,"
    " condition: {gte: 2}}\n---\n"
    "title: X\nid: unless\ncorrelation: {type: temporal, rules: [a, b, c], group-by: [user], timespan: 6s,"
    " condition: (a or c) and not b}\n---\n"
    "title: X\nid: order_unless\ncorrelation: {type: temporal_ordered, rules: [a, b, c, a], group-by: [host],"
    " timespan: 15s, condition: c and not (b) and not not a}\n---\n"
    "title: X\nid: sum\ncorrelation: {type: value_sum, rules: [a], group-by: [host], timespan: 30s,"
    " condition: {field: value, gt: 120}}\n---\n"
    "title: X\nid: mean\ncorrelation: {type: value_avg, rules: [b], group-by: [user], timespan: 30s,"
    " condition: {field: value, gte: 25}}\n---\n"
    "title: X\nid: p90\ncorrelation: {type: value_percentile, rules: [a, b, c], group-by: [user], timespan: 40s,"
    " condition: {field: value, percentile: 90, gte: 45}}\n---\n"
    "title: X\nid: chain\ncorrelation: {type: temporal_ordered, rules: [count, c], group-by: [user],"
    " timespan: 1m}\n---\n"
    "title: X\nid: chain_sum\ncorrelation: {type: value_sum, rules: [count, chain], group-by: [user], timespan: 2m,"
    " condition: {field: event_count, gte: 12}}\n---\n"
    "title: X\nid: chain_end\ncorrelation: {type: event_count, rules: [chain_sum, together], timespan: 5m,"
    " condition: {gte: 2}}\n";

/* ---- the slow evaluator ---- */

struct item {
	int64_t time;
	uint32_t rule, order;
	double number;
	char value[64];
};

/* One window of a group: view[0] is the live one, the late ones follow in the order of their opening. */
struct view {
	struct item *item;
	uint32_t items, cap;
	int64_t newest, fired, delay, touched;
	uint32_t source;
	double fired_value;
	bool begun, has_fired;
};

#define LATE_VIEWS 8u

struct group {
	const struct rule *rule;
	char key[96];
	struct view view[LATE_VIEWS + 1];
	uint32_t views;
};

static struct group *group;
static uint32_t groups, group_cap, orders;
static uint64_t late, displaced, overtaken, opened;
static int64_t latest;

static struct group *
slow_group(const struct rule *rule, const char *key)
{
	for (uint32_t i = 0; i < groups; i++)
		if (group[i].rule == rule && !strcmp(group[i].key, key))
			return &group[i];
	MEM_GROW(group, groups, group_cap);
	group[groups] = (struct group){.rule = rule, .views = 1};
	snprintf(group[groups].key, sizeof group->key, "%s", key);
	return &group[groups++];
}

static bool
slow_text(const struct rules *r, const struct correlation *c, const struct finding *f, struct str name, char *out,
    size_t n)
{
	struct str value = {0};
	const struct field *field;
	for (uint32_t i = 0; i < c->aliases; i++) {
		const struct rule *other = rules_find_name(r, c->alias[i].rule);
		if (&other->info == f->rule && str_eq(c->alias[i].name, name)) {
			name = c->alias[i].field;
			break;
		}
	}
	field = event_find_name(f->event, name);
	if (field)
		value = field->value;
	for (uint32_t i = 0; f->rule->correlation && i < f->matched_count; i++)
		if (str_eq(f->matched[i].name, name))
			value = f->matched[i].value;
	size_t used = strlen(out);
	snprintf(out + used, n - used, "%.*s;", STR_ARG(value));
	for (char *p = out; *p; p++)
		*p = ascii_lower(*p);
	return value.p;
}

static uint32_t
slow_distinct(const struct view *g, bool by_rule)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < g->items; i++) {
		bool again = false;
		for (uint32_t k = 0; k < i && !again; k++)
			again = by_rule ? g->item[k].rule == g->item[i].rule : !strcmp(g->item[k].value, g->item[i].value);
		n += !again;
	}
	return n;
}

static int
by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int
by_number(const void *a, const void *b)
{
	double x = ((const struct item *)a)->number, y = ((const struct item *)b)->number;
	return x < y ? -1 : x > y;
}

static double
slow_percentile(const struct view *g, double percent)
{
	struct item *sorted = mem_alloc(g->items * sizeof *sorted);
	memcpy(sorted, g->item, g->items * sizeof *sorted);
	qsort(sorted, g->items, sizeof *sorted, by_number);
	uint32_t rank = 1; /* the least one that leaves `percent` of all at or below it */
	while (rank * 100.0 < percent * g->items)
		rank++;
	double number = sorted[rank - 1].number;
	mem_free(sorted);
	return number;
}

static bool
slow_matched(const struct view *g, const struct correlation *c, uint32_t place)
{
	for (uint32_t i = 0; i < g->items; i++)
		if (g->item[i].rule == c->rule[place])
			return true;
	return false;
}

/* The two conditions in words, said here once more: c after a and no b; a or c, and no b. */
static uint32_t
slow_ordered(const struct view *g, const struct correlation *c)
{
	uint32_t steps = 0, last = c->condition ? 2 : c->rules;
	for (uint32_t i = 0; i < g->items && steps < last; i++)
		steps += g->item[i].rule == c->rule[c->condition && steps ? 2 : steps];
	return steps;
}

static bool
slow_words(const struct view *g, const struct correlation *c)
{
	if (slow_matched(g, c, 1))
		return false;
	if (c->type == CORRELATE_TEMPORAL_ORDERED)
		return slow_ordered(g, c) == 2;
	return slow_matched(g, c, 0) || slow_matched(g, c, 2);
}

static double
slow_value(struct view *g, const struct correlation *c)
{
	double sum = 0;
	qsort(g->item, g->items, sizeof *g->item, by_time);
	for (uint32_t i = 0; i < g->items; i++)
		sum += g->item[i].number;
	switch (c->type) {
	case CORRELATE_EVENT_COUNT:
		return g->items;
	case CORRELATE_VALUE_COUNT:
		return slow_distinct(g, false);
	case CORRELATE_TEMPORAL:
		return slow_distinct(g, true);
	case CORRELATE_TEMPORAL_ORDERED:
		return slow_ordered(g, c);
	case CORRELATE_VALUE_SUM:
		return sum;
	case CORRELATE_VALUE_AVG:
		return sum / g->items;
	default:
		return slow_percentile(g, c->percentile);
	}
}

static bool
slow_holds(const struct view *g, const struct correlation *c, double value)
{
	uint32_t different = 0;
	if (c->condition)
		return slow_words(g, c);
	for (uint32_t i = 0; i < c->bounds; i++) {
		double x = c->bound[i].number;
		bool holds = c->bound[i].compare == COMPARE_LT ? value < x
		    : c->bound[i].compare == COMPARE_LTE       ? value <= x
		    : c->bound[i].compare == COMPARE_GT        ? value > x
		    : c->bound[i].compare == COMPARE_GTE       ? value >= x
		    : c->bound[i].differs                      ? value != x
		                                               : value == x;
		if (!holds)
			return false;
	}
	for (uint32_t i = 0; i < c->rules; i++) {
		bool again = false;
		for (uint32_t k = 0; k < i; k++)
			again |= c->rule[k] == c->rule[i];
		different += !again || c->type == CORRELATE_TEMPORAL_ORDERED;
	}
	return c->bounds || value == different;
}

static void
slow_join(struct view *v, const struct correlation *c, const struct item *one, int64_t delay, uint32_t source)
{
	uint32_t kept = 0;
	MEM_GROW(v->item, v->items, v->cap);
	v->item[v->items++] = *one;
	if (!v->begun || one->time >= v->newest) {
		v->newest = one->time;
		v->source = source;
		v->delay = delay;
	}
	v->begun = true;
	v->touched = latest;
	for (uint32_t i = 0; i < v->items; i++)
		if (v->item[i].time >= v->newest - c->timespan_ms)
			v->item[kept++] = v->item[i];
	v->items = kept;
}

static struct view *
slow_open(struct group *g, const struct correlation *c, uint32_t source)
{
	if (g->views == LATE_VIEWS + 1) {
		uint32_t gone = 0;
		for (int own = 1; own >= 0 && !gone; own--)
			for (uint32_t i = 1; i < g->views; i++)
				if ((!own || g->view[i].source == source) && (!gone || g->view[i].touched < g->view[gone].touched))
					gone = i;
		displaced += latest - g->view[gone].touched <= c->timespan_ms;
		mem_free(g->view[gone].item);
		memmove(&g->view[gone], &g->view[gone + 1], (g->views - gone - 1) * sizeof *g->view);
		g->views--;
	}
	g->view[g->views] = (struct view){0};
	return &g->view[g->views++];
}

/* What correlate.h says of late sources, word by word: which windows does this event join? */
static uint32_t
slow_places(struct group *g, const struct correlation *c, int64_t time, int64_t delay, uint32_t source,
    struct view *join[LATE_VIEWS + 1])
{
	int64_t span = c->timespan_ms, eighth = span / 8;
	struct view *live = &g->view[0], *lead = NULL;
	uint32_t n = 0;
	if (live->begun && time - live->newest > eighth && live->delay - delay > eighth) {
		struct view *behind = slow_open(g, c, live->source);
		*behind = *live;
		live->item = mem_alloc(live->cap * sizeof *live->item);
		memcpy(live->item, behind->item, live->items * sizeof *live->item);
		overtaken++;
	}
	live->touched = latest; /* the group is */
	if (!live->begun || time >= live->newest - span)
		join[n++] = live;
	else
		late++;
	if (!live->begun || time >= live->newest - eighth)
		return n;
	for (uint32_t i = 1; i < g->views; i++) {
		struct view *v = &g->view[i];
		if (time - v->newest <= span && v->newest - time <= eighth && (!lead || v->newest > lead->newest))
			lead = v;
	}
	if (!lead) {
		lead = slow_open(g, c, source);
		opened++;
	}
	for (uint32_t i = 1; i < g->views; i++) {
		struct view *v = &g->view[i];
		if (v == lead || (v->begun && time <= v->newest && time >= v->newest - span))
			join[n++] = v;
	}
	return n;
}

static bool
slow_quiet(const struct group *g, const struct correlation *c, int64_t newest, double value)
{
	for (uint32_t i = 0; i < g->views; i++) {
		const struct view *v = &g->view[i];
		int64_t apart = v->fired > newest ? v->fired - newest : newest - v->fired;
		bool doubled = v->fired_value > 0 && value >= 2 * v->fired_value;
		if (v->has_fired && apart <= c->timespan_ms && !doubled)
			return true;
	}
	return false;
}

static bool
slow_fires(struct group *g, const struct correlation *c, struct item one, int64_t delay, uint32_t source,
    double *ret_value)
{
	struct view *join[LATE_VIEWS + 1];
	one.order = orders++;
	latest = one.time > latest ? one.time : latest;
	uint32_t n = slow_places(g, c, one.time, delay, source, join);
	for (uint32_t i = 0; i < n; i++)
		slow_join(join[i], c, &one, delay, source);
	for (uint32_t i = 0; i < n; i++) {
		double value = slow_value(join[i], c);
		if (!slow_holds(join[i], c, value) || slow_quiet(g, c, join[i]->newest, value))
			continue;
		join[i]->has_fired = true;
		join[i]->fired = join[i]->newest;
		*ret_value = join[i]->fired_value = value;
		return true;
	}
	return false;
}

/* One finding in one correlation. */
static bool
slow_one(const struct rules *r, const struct rule *rule, const struct finding *f, int64_t time, double *ret_value)
{
	const struct correlation *c = rule->correlation;
	struct item one = {.time = time, .rule = ((const struct rule *)(const void *)f->rule)->index};
	char key[96] = "";
	bool named = false;
	for (uint32_t i = 0; i < c->rules; i++)
		named |= c->rule[i] == one.rule;
	if (!named)
		return false;
	for (uint32_t i = 0; i < c->groups; i++)
		if (!slow_text(r, c, f, c->group_by[i], key, sizeof key))
			return false;
	for (uint32_t i = 0; i < c->fields; i++)
		if (!slow_text(r, c, f, c->field[i], one.value, sizeof one.value))
			return false;
	if (c->type >= CORRELATE_VALUE_SUM) {
		char *end;
		one.number = strtod(one.value, &end);
		if (end == one.value || strcmp(end, ";"))
			return false;
	}
	struct group *g = slow_group(rule, key);
	const struct raw *raw = f->event->raw;
	return slow_fires(g, c, one, raw->received_ms - time, raw->source, ret_value);
}

#define MAX_FIRED 32

struct fired {
	struct finding finding;
	struct finding_field field[4];
	char number[32], group[3][32];
};

static void
slow_tell(const struct rules *r, const struct rule *rule, const struct finding *f, double value, struct fired *out)
{
	static const char *const names[] = {"event_count", "value_count", "temporal", "temporal_ordered", "value_sum",
	    "value_avg", "value_percentile"};
	const struct correlation *c = rule->correlation;
	for (uint32_t i = 0; i < c->groups; i++) {
		out->group[i][0] = '\0';
		slow_text(r, c, f, c->group_by[i], out->group[i], sizeof out->group[i]);
		struct str text = str_z(out->group[i]);
		out->field[i] = (struct finding_field){c->group_by[i], str_cut(text, 0, text.n - 1)};
	}
	snprintf(out->number, sizeof out->number, "%.15g", value);
	out->field[c->groups] = (struct finding_field){str_z(names[c->type]), str_z(out->number)};
	out->finding = (struct finding){&rule->info, f->event, out->field, c->groups + 1};
}

static uint32_t
slow_feed(const struct rules *r, const struct finding *f, int64_t time, struct fired *out)
{
	uint32_t n = 0;
	double value;
	for (uint32_t next = 0;; f = &out[next++].finding) {
		for (uint32_t i = 0; i < r->count; i++) {
			if (!r->rule[i]->correlation || !slow_one(r, r->rule[i], f, time, &value) || n == MAX_FIRED)
				continue;
			slow_tell(r, r->rule[i], f, value, &out[n++]);
		}
		if (next == n)
			return n;
	}
}

/* ---- random findings ---- */

static const char *
pick_of(const char *const *list, uint32_t n)
{
	return list[pick(n)];
}

struct act {
	struct event event;
	struct raw raw;
	char number[16];
	int64_t time; /* that counts */
};

static void
pick_time(struct act *a, int64_t now)
{
	/* Sources: two on time, one a little slow, one behind by minutes, one by two hours, one that jumps about. */
	static const int64_t behind[] = {0, 0, 9 * TIME_SECOND, 4 * TIME_MINUTE, 2 * TIME_HOUR};
	struct event *e = &a->event;
	uint32_t kind = pick(200);
	a->raw.received_ms = now;
	a->raw.source = pick(40) ? pick(pick(3) ? 2 : COUNT(behind)) : COUNT(behind);
	e->time_ms = now - (pick(4) ? 0 : pick(12000));
	if (a->raw.source < COUNT(behind))
		e->time_ms -= behind[a->raw.source];
	else
		e->time_ms -= pick(10) * 7 * TIME_MINUTE;
	if (kind == 0)
		e->time_ms = now - TIME_HOUR - pick(60000);
	else if (kind < 3)
		e->time_ms = now - TIME_HOUR;
	else if (kind == 3)
		e->time_ms = pick(2) ? now + 10 * TIME_DAY : INT64_MAX;
	else if (kind < 10)
		e->time_ms = TIME_NONE;
	a->time = e->time_ms == TIME_NONE || e->time_ms > now ? now : e->time_ms;
}

static void
pick_act(struct act *a, const struct rules *r, struct arena *arena, int64_t now)
{
	static const char *const users[] = {"an", "AN", "binh", "chi", NULL}, *const hosts[] = {"pc1", "pc2", NULL};
	static const char *const odd[] = {"n/a", "", NULL};
	*a = (struct act){0};
	event_begin(&a->event, arena, &a->raw);
	const char *user = pick_of(users, COUNT(users)), *host = pick_of(hosts, COUNT(hosts));
	const char *value = a->number;
	snprintf(a->number, sizeof a->number, "%d", (int)pick(70) - 15);
	if (pick(20) == 0)
		value = pick_of(odd, COUNT(odd));
	if (user)
		event_put(&a->event, rules_names(r), STR("user"), str_z(user), FIELD_TEXT, false);
	if (host)
		event_put(&a->event, rules_names(r), STR("host"), str_z(host), FIELD_TEXT, false);
	if (value)
		event_put(&a->event, rules_names(r), STR("value"), str_z(value), FIELD_TEXT, false);
	pick_time(a, now);
}

/* What follows the number is what had to be met: tests/unit/detect/correlate.c knows it by heart. */
static bool
same_finding(const struct finding *got, const struct finding *want)
{
	bool same = got->rule == want->rule && got->event == want->event && got->matched_count > want->matched_count;
	for (uint32_t i = 0; same && i < want->matched_count; i++)
		same = str_eq(got->matched[i].name, want->matched[i].name) &&
		    str_eq_nocase(got->matched[i].value, want->matched[i].value);
	for (uint32_t i = want->matched_count; same && i < got->matched_count; i++)
		same = str_starts(got->matched[i].name, STR("limit.")) || str_eq(got->matched[i].name, STR("window_s"));
	return same;
}

/* What is saved and read back goes on as if nothing had happened, and saves the same. */
static struct correlator *
restart(struct correlator *c, const struct rules *r)
{
	struct buf saved = BUF_INIT, again = BUF_INIT;
	struct correlator *fresh = correlator_new(r, 64 << 20);
	correlator_save(c, &saved);
	CHECK_INT(correlator_load(fresh, buf_str(&saved)), 0);
	correlator_save(fresh, &again);
	CHECK(str_eq(buf_str(&saved), buf_str(&again)));
	CHECK_INT(correlator_stats(fresh).keys, correlator_stats(c).keys);
	correlator_free(c);
	buf_release(&saved);
	buf_release(&again);
	return fresh;
}

static uint32_t
play(const struct rules *r, uint32_t steps, uint32_t *by_rule)
{
	struct correlator *c = correlator_new(r, 64 << 20);
	struct arena arena;
	int64_t now = INT64_C(1780000000000);
	uint32_t wrong = 0;
	arena_init(&arena, 64 << 10, 1 << 20);
	for (uint32_t step = 0; step < steps; step++, arena_clear(&arena)) {
		struct act act;
		struct fired want[MAX_FIRED];
		struct finding *got = NULL;
		now += pick(30) ? pick(2500) : pick(90000);
		if (step % 257 == 256)
			c = restart(c, r);
		pick_act(&act, r, &arena, now);
		struct finding f = {.rule = rules_info(r, pick(3)), .event = &act.event};
		uint32_t wants = slow_feed(r, &f, act.time, want), gots = correlator_feed(c, &f, &arena, &got);
		bool same = gots == wants;
		for (uint32_t i = 0; same && i < wants; i++) {
			same = same_finding(&got[i], &want[i].finding);
			by_rule[((const struct rule *)(const void *)want[i].finding.rule)->index]++;
		}
		if (!same && !wrong++)
			printf("# step %u: %u findings, want %u\n", step, gots, wants);
	}
	CHECK_INT(correlator_stats(c).evicted, displaced);
	CHECK_INT(correlator_stats(c).late, late);
	printf("# %llu late events, %llu late windows, %llu windows overtaken, %llu displaced\n", (unsigned long long)late,
	    (unsigned long long)opened, (unsigned long long)overtaken, (unsigned long long)displaced);
	CHECK(late > 1000 && opened > 1000 && overtaken > 100 && displaced > 10);
	correlator_free(c);
	arena_release(&arena);
	return wrong;
}

static void
slow_clear(void)
{
	for (uint32_t i = 0; i < groups; i++)
		for (uint32_t k = 0; k < group[i].views; k++)
			mem_free(group[i].view[k].item);
	mem_free(group);
	group = NULL;
	groups = group_cap = 0;
	late = displaced = overtaken = opened = 0;
	latest = 0;
}

TEST(no_disagreement_with_the_slow_evaluator)
{
	struct faults faults = {0};
	struct rules *r = corpus_rules();
	uint32_t by_rule[32] = {0};
	rules_add(r, STR(rule_text), STR("rules.yml"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	for (uint64_t run = 1; run <= 2; run++) {
		random_start(run);
		CHECK_INT(play(r, 20000, by_rule), 0);
		slow_clear();
	}
	for (uint32_t i = 3; i < rules_count(r); i++) {
		printf("# %.*s fired %u times\n", STR_ARG(rules_info(r, i)->id), by_rule[i]);
		CHECK(by_rule[i] > 10); /* each had its chance to be wrong */
	}
	rules_free(r);
}
