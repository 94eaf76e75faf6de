/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/correlate.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/sigma_internal.h"

#define MAX_SAMPLES 4096u /* moments or values that one key remembers */
#define MAX_GROUPS 16u
#define KEEP_TEXT 256u    /* bytes of a group-by value that a finding shows */
#define LATE_IN_A_ROW 3u  /* then the clock of the source was wrong before, not now */

/* One moment of a key: when, and what was seen then. */
struct sample {
	int64_t time_ms;
	union {
		uint64_t hash; /* value_count */
		double number; /* value_sum, value_avg, value_percentile */
		int64_t start_ms; /* temporal_ordered: where the best sequence up to this rule began */
	};
};

struct state {
	uint64_t hash;
	uint32_t correlation;   /* index of its rule */
	uint32_t late;          /* events older than the window, one after another */
	int64_t newest_ms;
	struct state *stale, *fresh; /* neighbours in the order of use */
	struct state *next;     /* same bucket */
	struct sample *sample;  /* by time; for the temporal kinds one for each rule named */
	uint32_t samples, cap;
	uint32_t text_n;
	char text[];            /* group-by values, each ended by NUL: the key itself */
};

/* The correlations that look at a rule, as indexes. */
struct audience {
	uint32_t *rule;
	uint32_t count, cap;
};

struct correlator {
	const struct rules *r;
	size_t max_bytes, bytes;
	struct audience *audience; /* by rule */
	struct state **bucket;
	uint32_t bucket_mask;
	struct state *stalest, *freshest;
	struct correlate_stats stats;
	int64_t watermark_ms;
	struct buf key;
	/* findings of one feed */
	struct finding *out;
	uint32_t outs, out_cap;
};

/* ---- life ---- */

struct correlator *
correlator_new(const struct rules *r, size_t max_bytes)
{
	struct correlator *c = MEM_NEW(struct correlator);
	assert(r->finished);
	c->r = r;
	c->max_bytes = max_bytes;
	c->watermark_ms = INT64_MIN;
	c->bucket_mask = 1023;
	c->bucket = mem_calloc((size_t)c->bucket_mask + 1, sizeof(struct state *));
	c->audience = mem_calloc(r->count, sizeof *c->audience);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct correlation *k = r->rule[i]->correlation;
		for (uint32_t n = 0; k && n < k->rules; n++) {
			struct audience *a = &c->audience[k->rule[n]];
			if (a->count && a->rule[a->count - 1] == i)
				continue; /* named twice */
			MEM_GROW(a->rule, a->count, a->cap);
			a->rule[a->count++] = i;
		}
	}
	return c;
}

static size_t
state_bytes(const struct state *s)
{
	return sizeof *s + s->text_n + s->cap * sizeof *s->sample;
}

static void
drop_state(struct correlator *c, struct state *s)
{
	struct state **at = &c->bucket[s->hash & c->bucket_mask];
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	*(s->stale ? &s->stale->fresh : &c->stalest) = s->fresh;
	*(s->fresh ? &s->fresh->stale : &c->freshest) = s->stale;
	c->bytes -= state_bytes(s);
	c->stats.keys--;
	mem_free(s->sample);
	mem_free(s);
}

void
correlator_free(struct correlator *c)
{
	if (!c)
		return;
	while (c->stalest)
		drop_state(c, c->stalest);
	for (uint32_t i = 0; i < c->r->count; i++)
		mem_free(c->audience[i].rule);
	mem_free(c->audience);
	mem_free(c->bucket);
	mem_free(c->out);
	buf_release(&c->key);
	mem_free(c);
}

struct correlate_stats
correlator_stats(const struct correlator *c)
{
	return c->stats;
}

/* ---- states ---- */

static void
touch(struct correlator *c, struct state *s)
{
	if (c->freshest == s)
		return;
	if (s->stale || s->fresh || c->stalest == s) {
		*(s->stale ? &s->stale->fresh : &c->stalest) = s->fresh;
		*(s->fresh ? &s->fresh->stale : &c->freshest) = s->stale;
	}
	s->stale = c->freshest;
	s->fresh = NULL;
	*(c->freshest ? &c->freshest->fresh : &c->stalest) = s;
	c->freshest = s;
}

static void
grow_buckets(struct correlator *c)
{
	uint32_t mask = c->bucket_mask * 2 + 1;
	struct state **bucket = mem_calloc((size_t)mask + 1, sizeof(struct state *));
	for (struct state *s = c->stalest; s; s = s->fresh) {
		s->next = bucket[s->hash & mask];
		bucket[s->hash & mask] = s;
	}
	mem_free(c->bucket);
	c->bucket = bucket;
	c->bucket_mask = mask;
}

static struct state *
find_state(struct correlator *c, uint32_t correlation, struct str key)
{
	uint64_t hash = hash64_mix(hash64(key, 21), correlation);
	for (struct state *s = c->bucket[hash & c->bucket_mask]; s; s = s->next)
		if (s->hash == hash && s->correlation == correlation && str_eq(str_from(s->text, s->text_n), key))
			return s;
	struct state *s = mem_calloc(1, sizeof *s + key.n);
	*s = (struct state){.hash = hash, .correlation = correlation, .text_n = (uint32_t)key.n, .newest_ms = INT64_MIN};
	memcpy(s->text, key.p, key.n);
	s->next = c->bucket[hash & c->bucket_mask];
	c->bucket[hash & c->bucket_mask] = s;
	c->bytes += state_bytes(s);
	touch(c, s);
	if (++c->stats.keys > c->bucket_mask)
		grow_buckets(c);
	return s;
}

static void
reserve(struct correlator *c, struct state *s, uint32_t samples)
{
	if (samples <= s->cap)
		return;
	uint32_t cap = s->cap ? s->cap * 2 : 4;
	cap = cap < samples ? samples : cap;
	s->sample = mem_realloc(s->sample, cap * sizeof *s->sample);
	c->bytes += (cap - s->cap) * sizeof *s->sample;
	s->cap = cap;
}

/* The stalest goes first. What had nothing left to wait for is not counted as a loss. */
static void
make_room(struct correlator *c)
{
	while (c->bytes > c->max_bytes && c->stalest && c->stalest != c->freshest) {
		const struct state *s = c->stalest;
		c->stats.evicted += s->newest_ms > c->watermark_ms - c->r->rule[s->correlation]->correlation->timespan_ms;
		drop_state(c, c->stalest);
	}
}

/* ---- fields ---- */

/* A field as the rule calls it: in what an earlier correlation told, in the event, or under a native name of the map. */
static bool
find_value(const struct correlator *c, const struct finding *f, struct str name, struct str *ret)
{
	for (uint32_t i = 0; f->rule->correlation && i < f->matched_count; i++)
		if (str_eq(f->matched[i].name, name)) {
			*ret = f->matched[i].value;
			return true;
		}
	const struct field *field = event_find_name(f->event, name);
	uint32_t id = field ? NAME_UNKNOWN : names_find(c->r->names, name);
	for (uint32_t i = 0; id && i < c->r->rows && !field; i++) {
		uint32_t native[SLOT_MAX_NAMES], n = row_names(&c->r->row[i], id, native);
		for (uint32_t k = 0; k < n && !field; k++)
			field = native[k] == id ? NULL : event_find_name(f->event, names_text(c->r->names, native[k]));
	}
	if (!field || field->kind == FIELD_NULL)
		return false;
	*ret = event_value(f->event, (struct field *)(uintptr_t)field);
	return true;
}

static struct str
alias_of(const struct correlation *k, const struct rule *rule, struct str name)
{
	for (uint32_t i = 0; i < k->aliases; i++)
		if (str_eq(k->alias[i].name, name) &&
		    (str_eq(k->alias[i].rule, rule->info.id) || str_eq(k->alias[i].rule, rule->name)))
			return k->alias[i].field;
	return name;
}

/* The values of group-by, each folded and ended by NUL, in c->key. False when one is missing: whose event would it be? */
static bool
make_key(struct correlator *c, const struct correlation *k, const struct rule *rule, const struct finding *f)
{
	buf_clear(&c->key);
	buf_add_char(&c->key, '\n'); /* never empty */
	for (uint32_t i = 0; i < k->groups && i < MAX_GROUPS; i++) {
		struct str value;
		if (!find_value(c, f, alias_of(k, rule, k->group_by[i]), &value))
			return false;
		value = str_cut(value, 0, 4 * KEEP_TEXT);
		char *room = buf_room(&c->key, FOLD_ROOM(value.n) + 1);
		size_t n = fold_text(value, room);
		room[n] = '\0';
		c->key.n += n + 1;
	}
	return true;
}

/* ---- windows ---- */

static void
forget_before(struct state *s, int64_t time_ms)
{
	uint32_t old = 0;
	while (old < s->samples && s->sample[old].time_ms <= time_ms)
		old++;
	if (old)
		memmove(s->sample, s->sample + old, (s->samples - old) * sizeof *s->sample);
	s->samples -= old;
}

/* Kept by time, so that a late event finds its place. */
static void
add_sample(struct correlator *c, struct state *s, struct sample sample)
{
	if (s->samples == MAX_SAMPLES) {
		memmove(s->sample, s->sample + 1, (s->samples - 1) * sizeof *s->sample);
		s->samples--;
	}
	reserve(c, s, s->samples + 1);
	uint32_t at = s->samples++;
	for (; at > 0 && s->sample[at - 1].time_ms > sample.time_ms; at--)
		s->sample[at] = s->sample[at - 1];
	s->sample[at] = sample;
}

/* No more moments are needed than the largest bound asks for. */
static uint32_t
needed_samples(const struct correlation *k)
{
	double most = 0;
	for (uint32_t i = 0; i < k->bounds; i++)
		most = k->bound[i].number > most ? k->bound[i].number : most;
	return most + 2 < MAX_SAMPLES ? (uint32_t)most + 2 : MAX_SAMPLES;
}

static void
add_distinct(struct correlator *c, struct state *s, const struct correlation *k, struct sample sample)
{
	for (uint32_t i = 0; i < s->samples; i++) {
		if (s->sample[i].hash != sample.hash)
			continue;
		if (s->sample[i].time_ms >= sample.time_ms)
			return;
		memmove(s->sample + i, s->sample + i + 1, (s->samples - i - 1) * sizeof *s->sample);
		s->samples--;
		break;
	}
	if (s->samples >= needed_samples(k)) {
		memmove(s->sample, s->sample + 1, (s->samples - 1) * sizeof *s->sample);
		s->samples--;
	}
	add_sample(c, s, sample);
}

static int
by_value(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->number, y = ((const struct sample *)b)->number;
	return x < y ? -1 : x > y;
}

/* Nearest rank. */
static double
percentile(const struct state *s, double percent)
{
	struct sample *sorted = mem_alloc(s->samples * sizeof *sorted);
	memcpy(sorted, s->sample, s->samples * sizeof *sorted);
	qsort(sorted, s->samples, sizeof *sorted, by_value);
	double rank = percent / 100 * s->samples;
	uint32_t at = (uint32_t)rank;
	at -= at > 0 && (double)at >= rank;
	double value = sorted[at < s->samples ? at : s->samples - 1].number;
	mem_free(sorted);
	return value;
}

static double
measure(const struct correlation *k, const struct state *s)
{
	double sum = 0;
	if (k->type == CORRELATE_VALUE_PERCENTILE)
		return percentile(s, k->percentile);
	if (k->type < CORRELATE_VALUE_SUM)
		return s->samples;
	for (uint32_t i = 0; i < s->samples; i++)
		sum += s->sample[i].number;
	return k->type == CORRELATE_VALUE_AVG ? sum / s->samples : sum;
}

static bool
bounds_hold(const struct correlation *k, double value)
{
	for (uint32_t i = 0; i < k->bounds; i++)
		if (number_compare(k->bound[i].compare, value, k->bound[i].number) == k->bound[i].differs)
			return false;
	return true;
}

/* ---- the kinds ---- */

/* A number of moments, distinct values or a sum in the window; *ret_value is what is told of it. */
static bool
update_window(struct correlator *c, struct state *s, const struct correlation *k, const struct finding *f,
    int64_t time_ms, double *ret_value)
{
	struct sample sample = {.time_ms = time_ms};
	uint64_t hash = 0;
	struct str value;
	for (uint32_t i = 0; i < k->fields; i++) {
		if (!find_value(c, f, k->field[i], &value))
			return false;
		hash = hash64_mix(hash, hash64_nocase(value, 22));
	}
	if (k->type == CORRELATE_VALUE_COUNT) {
		sample.hash = hash;
		add_distinct(c, s, k, sample);
	} else {
		if (k->type >= CORRELATE_VALUE_SUM && !text_to_number(value, &sample.number))
			return false;
		if (k->type == CORRELATE_EVENT_COUNT && s->samples >= needed_samples(k))
			forget_before(s, s->sample[0].time_ms);
		add_sample(c, s, sample);
	}
	forget_before(s, s->newest_ms - k->timespan_ms);
	if (!s->samples)
		return false;
	*ret_value = measure(k, s);
	return bounds_hold(k, *ret_value);
}

static void
start_places(struct correlator *c, struct state *s, const struct correlation *k)
{
	if (s->samples == k->rules)
		return;
	reserve(c, s, k->rules);
	for (uint32_t i = 0; i < k->rules; i++)
		s->sample[i] = (struct sample){.time_ms = INT64_MIN};
	s->samples = k->rules;
}

/* All rules named, in any order; or as many as the condition says. */
static bool
update_temporal(struct correlator *c, struct state *s, const struct correlation *k, uint32_t rule, int64_t time_ms,
    double *ret_value)
{
	uint32_t there = 0;
	start_places(c, s, k);
	for (uint32_t i = 0; i < k->rules; i++) {
		if (k->rule[i] == rule && time_ms > s->sample[i].time_ms)
			s->sample[i].time_ms = time_ms;
		there += s->sample[i].time_ms > s->newest_ms - k->timespan_ms;
	}
	*ret_value = there;
	return k->bounds ? bounds_hold(k, there) : there == k->rules;
}

/* The latest beginning of a sequence that has come as far as each rule; whichever begins later can only do better. */
static bool
update_ordered(struct correlator *c, struct state *s, const struct correlation *k, uint32_t rule, int64_t time_ms,
    double *ret_value)
{
	uint32_t last = k->rules - 1;
	start_places(c, s, k);
	for (uint32_t i = k->rules; i-- > 0;) {
		struct sample *here = &s->sample[i], before = i ? s->sample[i - 1] : (struct sample){.time_ms = time_ms, .start_ms = time_ms};
		bool follows = before.time_ms != INT64_MIN && before.time_ms <= time_ms && before.start_ms > time_ms - k->timespan_ms;
		if (k->rule[i] == rule && follows && (here->time_ms == INT64_MIN || before.start_ms >= here->start_ms))
			*here = (struct sample){.time_ms = time_ms, .start_ms = before.start_ms};
	}
	*ret_value = k->rules;
	return s->sample[last].time_ms == time_ms && k->rule[last] == rule;
}

/* Late by more than the window is too late, unless the clock was wrong before. */
static bool
enter_window(struct state *s, const struct correlation *k, int64_t time_ms)
{
	if (s->newest_ms != INT64_MIN && time_ms <= s->newest_ms - k->timespan_ms) {
		if (++s->late < LATE_IN_A_ROW)
			return false;
		s->samples = 0;
		s->newest_ms = time_ms;
	}
	s->late = 0;
	s->newest_ms = time_ms > s->newest_ms ? time_ms : s->newest_ms;
	return true;
}

/* ---- findings ---- */

static bool
add_matched(struct arena *arena, struct finding_field *list, uint32_t *count, struct str name, struct str value)
{
	struct finding_field one = {.name = name};
	if (!arena_copy(arena, str_cut(value, 0, KEEP_TEXT), &one.value))
		return false;
	list[(*count)++] = one;
	return true;
}

static void
tell(struct correlator *c, const struct rule *rule, const struct rule *from, const struct finding *f, double value,
    struct arena *arena)
{
	const struct correlation *k = rule->correlation;
	struct finding_field *matched = arena_calloc(arena, k->groups + 1, sizeof *matched);
	struct finding found = {.rule = &rule->info, .event = f->event, .matched = matched};
	char number[32];
	struct str text;
	for (uint32_t i = 0; matched && i < k->groups; i++)
		if (find_value(c, f, alias_of(k, from, k->group_by[i]), &text))
			(void)add_matched(arena, matched, &found.matched_count, k->group_by[i], text);
	int n = snprintf(number, sizeof number, "%.15g", value);
	if (matched)
		(void)add_matched(arena, matched, &found.matched_count,
		    k->type < CORRELATE_VALUE_SUM ? STR("count") : STR("value"), str_from(number, (size_t)n));
	MEM_GROW(c->out, c->outs, c->out_cap);
	c->out[c->outs++] = found;
	c->stats.fired++;
}

/* One finding in one correlation. What fires starts anew, so that a flood of events is not a flood of findings. */
static void
update(struct correlator *c, const struct rule *rule, const struct rule *from, const struct finding *f, int64_t time_ms,
    struct arena *arena)
{
	const struct correlation *k = rule->correlation;
	double value = 0;
	if (!make_key(c, k, from, f))
		return;
	struct state *s = find_state(c, rule->index, buf_str(&c->key));
	touch(c, s);
	c->stats.updates++;
	if (!enter_window(s, k, time_ms))
		return;
	bool fires = k->type == CORRELATE_TEMPORAL ? update_temporal(c, s, k, from->index, time_ms, &value)
	    : k->type == CORRELATE_TEMPORAL_ORDERED ? update_ordered(c, s, k, from->index, time_ms, &value)
	                                            : update_window(c, s, k, f, time_ms, &value);
	if (fires) {
		s->samples = 0;
		tell(c, rule, from, f, value, arena);
	}
	make_room(c);
}

static int64_t
time_of(const struct correlator *c, const struct event *e)
{
	if (e->time_ms != TIME_NONE)
		return e->time_ms;
	if (e->raw)
		return e->raw->received_ms;
	return c->watermark_ms == INT64_MIN ? 0 : c->watermark_ms;
}

/* Findings made here are fed again: chains end because rules_finish() refuses circles. */
uint32_t
correlator_feed(struct correlator *c, const struct finding *f, struct arena *arena, struct finding **ret)
{
	int64_t time_ms = time_of(c, f->event);
	c->outs = 0;
	/* far from where sums of times could overflow */
	time_ms = time_ms > INT64_MAX / 4 ? INT64_MAX / 4 : time_ms < INT64_MIN / 4 ? INT64_MIN / 4 : time_ms;
	c->watermark_ms = time_ms > c->watermark_ms ? time_ms : c->watermark_ms;
	struct finding one = *f;
	for (uint32_t next = 0;; next++) {
		const struct rule *from = (const struct rule *)(const void *)one.rule;
		const struct audience *a = &c->audience[from->index];
		for (uint32_t i = 0; i < a->count && c->outs < 1024; i++)
			update(c, c->r->rule[a->rule[i]], from, &one, time_ms, arena);
		if (next >= c->outs)
			break;
		one = c->out[next];
	}
	struct finding *list = c->outs ? arena_calloc(arena, c->outs, sizeof *list) : NULL;
	if (!list)
		return 0;
	memcpy(list, c->out, c->outs * sizeof *list);
	*ret = list;
	return c->outs;
}
