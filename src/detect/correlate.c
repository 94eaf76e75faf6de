/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/correlate.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/correlate_private.h"

#define FEED_MAX 1024u              /* findings that one finding may bring about, down all chains */
#define KEY_MAX_VALUE 1024u         /* bytes of a value that tell groups apart */

/* What a field of a correlation may be called in an event: its alias, else as written; then native names of the map. */
struct field_names {
	struct str *name;
	uint32_t count, cap;
};

/* A correlation, and where its fields stand in events of one rule that it refers to. */
struct feed {
	const struct rule *rule;       /* the correlation */
	const struct measure *measure;
	struct field_names *group;     /* c->groups of them */
	struct field_names *field;     /* c->fields of them */
	double wanted;                 /* without a condition: this many rules */
};

/* ---- who feeds whom ---- */

static struct str
alias_of(const struct rules *r, const struct correlation *c, uint32_t rule, struct str name)
{
	for (uint32_t i = 0; i < c->aliases; i++)
		if (str_eq(c->alias[i].name, name) && rules_find_name(r, c->alias[i].rule) == r->rule[rule])
			return c->alias[i].field;
	return name;
}

static void
add_name(struct field_names *names, struct str name)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (str_eq(names->name[i], name))
			return;
	MEM_GROW(names->name, names->count, names->cap);
	names->name[names->count++] = name;
}

static struct field_names *
find_names(const struct rules *r, const struct correlation *c, uint32_t rule, const struct str *name, uint32_t count)
{
	struct field_names *list = mem_calloc(count + 1, sizeof *list);
	uint32_t native[SLOT_MAX_NAMES];
	for (uint32_t i = 0; i < count; i++) {
		struct str own = alias_of(r, c, rule, name[i]);
		uint32_t id = names_find(r->names, own);
		add_name(&list[i], own);
		for (uint32_t row = 0; row < r->rows && id != NAME_UNKNOWN; row++)
			for (uint32_t k = row_names(&r->row[row], id, native); k-- > 0;)
				add_name(&list[i], names_text(r->names, native[k]));
	}
	return list;
}

static void
free_names(struct field_names *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		mem_free(list[i].name);
	mem_free(list);
}

/* Is rule[at] named there for the first time? */
static bool
names_first(const struct correlation *c, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (c->rule[i] == c->rule[at])
			return false;
	return true;
}

static double
rules_wanted(const struct correlation *c)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->rules; i++)
		n += c->type == CORRELATE_TEMPORAL_ORDERED || names_first(c, i);
	return n;
}

static void
count_feeds(struct correlator *c)
{
	const struct rules *r = c->r;
	for (uint32_t i = 0; i < r->count; i++) {
		const struct correlation *it = r->rule[i]->info.off ? NULL : r->rule[i]->correlation;
		for (uint32_t k = 0; it && k < it->rules; k++)
			c->first_feed[it->rule[k] + 1] += names_first(it, k);
	}
	for (uint32_t i = 0; i < r->count; i++)
		c->first_feed[i + 1] += c->first_feed[i];
}

static void
fill_feeds(struct correlator *c)
{
	const struct rules *r = c->r;
	uint32_t *filled = mem_calloc(r->count + 1, sizeof *filled);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct correlation *it = r->rule[i]->info.off ? NULL : r->rule[i]->correlation;
		for (uint32_t k = 0; it && k < it->rules; k++) {
			uint32_t by = it->rule[k];
			if (!names_first(it, k))
				continue;
			c->feed[c->first_feed[by] + filled[by]++] = (struct feed){
			    .rule = r->rule[i],
			    .measure = &c->measure[i],
			    .group = find_names(r, it, by, it->group_by, it->groups),
			    .field = find_names(r, it, by, it->field, it->fields),
			    .wanted = rules_wanted(it),
			};
		}
	}
	mem_free(filled);
}

static void
add_core_names(const struct rules *r, const struct field_names *list, uint32_t count, struct core_set *ret)
{
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t k = 0; k < list[i].count; k++) {
			uint32_t id = names_find(r->names, list[i].name[k]);
			if (id < NAME_CORE_END)
				core_set_add(ret, id);
		}
	}
}

void
correlator_wants(const struct correlator *c, struct core_set *ret)
{
	for (uint32_t i = 0; i < c->first_feed[c->r->count]; i++) {
		const struct feed *feed = &c->feed[i];
		add_core_names(c->r, feed->group, feed->rule->correlation->groups, ret);
		add_core_names(c->r, feed->field, feed->rule->correlation->fields, ret);
	}
}

struct correlator *
correlator_new(const struct rules *r, size_t max_bytes)
{
	struct correlator *c = MEM_NEW(struct correlator);
	assert(r->finished);
	c->r = r;
	states_init(&c->states, max_bytes);
	c->measure = mem_calloc(r->count + 1, sizeof *c->measure);
	for (uint32_t i = 0; i < r->count; i++)
		if (r->rule[i]->correlation)
			c->measure[i] = measure_of(r->rule[i]->correlation);
	c->first_feed = mem_calloc(r->count + 1, sizeof *c->first_feed);
	count_feeds(c);
	c->feed = mem_calloc(c->first_feed[r->count] + 1, sizeof *c->feed);
	fill_feeds(c);
	return c;
}

void
correlator_free(struct correlator *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->first_feed[c->r->count]; i++) {
		free_names(c->feed[i].group, c->feed[i].measure->c->groups);
		free_names(c->feed[i].field, c->feed[i].measure->c->fields);
	}
	states_release(&c->states);
	buf_release(&c->key);
	mem_free(c->measure);
	mem_free(c->feed);
	mem_free(c->first_feed);
	mem_free(c->out);
	mem_free(c);
}

/* ---- what an event says ---- */

/* A sender that claims to come from the future would move windows past all that follows: then the receipt counts. What
 * stands for the receipt of a file is no clock. */
static int64_t
event_moment(const struct event *e)
{
	int64_t received = e->raw ? e->raw->received_ms : 0, time = e->time_ms;
	bool sent = e->raw && e->raw->transport != RAW_FILE && received > 0;
	if (time == TIME_NONE || (sent && time > received))
		time = received;
	return time < -TIME_FAR ? -TIME_FAR : time > TIME_FAR ? TIME_FAR : time;
}

static bool
event_field(struct event *e, struct str name, struct str *ret)
{
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *field = &e->field[i];
		if (!str_eq(field->name, name) || field->kind == FIELD_NULL)
			continue;
		struct str value = event_value(e, field);
		if (field->escaped)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

/* What a correlation says of itself comes before what stands in its last event. False when nothing is there. */
static bool
finding_value(const struct finding *f, const struct field_names *names, struct str *ret)
{
	for (uint32_t i = 0; f->rule->correlation && i < f->matched_count; i++)
		if (str_eq(f->matched[i].name, names->name[0])) {
			*ret = f->matched[i].value;
			return true;
		}
	for (uint32_t i = 0; i < names->count; i++)
		if (event_field(f->event, names->name[i], ret))
			return true;
	return false;
}

static void
add_folded(struct buf *b, struct str value)
{
	char *room = buf_room(b, FOLD_ROOM(value.n));
	b->n += fold_text(value, room);
}

/* Lengths stand before values, so that no two groups read alike. */
static bool
build_key(struct buf *key, const struct feed *feed, const struct finding *f)
{
	buf_clear(key);
	for (uint32_t i = 0; i < feed->measure->c->groups; i++) {
		struct str value;
		uint32_t length = 0;
		if (!finding_value(f, &feed->group[i], &value))
			return false;
		size_t at = key->n;
		buf_add(key, str_from((const char *)&length, sizeof length));
		add_folded(key, str_cut(value, 0, KEY_MAX_VALUE));
		length = (uint32_t)(key->n - at);
		memcpy(key->p + at, &length, sizeof length);
	}
	return true;
}

/* Of several fields the values count as one together. */
static bool
hash_values(struct correlator *c, const struct feed *feed, const struct finding *f, uint64_t *ret)
{
	size_t key_n = c->key.n;
	*ret = c->states.secret;
	for (uint32_t i = 0; i < feed->measure->c->fields; i++) {
		struct str value;
		if (!finding_value(f, &feed->field[i], &value))
			return false;
		add_folded(&c->key, value);
		*ret = hash64_mix(*ret, hash64(str_skip(buf_str(&c->key), key_n), c->states.secret));
		c->key.n = key_n;
	}
	return true;
}

/* What the condition's field holds. */
static bool
read_field(struct correlator *c, const struct feed *feed, const struct finding *f, struct entry *e)
{
	const struct correlation *it = feed->measure->c;
	struct str value;
	if (!it->fields)
		return true;
	if (it->type == CORRELATE_VALUE_COUNT)
		return hash_values(c, feed, f, &e->hash);
	return finding_value(f, &feed->field[0], &value) && text_to_number(value, &e->number) &&
	    e->number - e->number == 0; /* finite */
}

/* ---- firing ---- */

static bool
condition_holds(const struct feed *feed, const struct window *w, double value)
{
	const struct correlation *c = feed->measure->c;
	if (c->condition)
		return window_meets(feed->measure, w);
	for (uint32_t i = 0; i < c->bounds; i++)
		if (number_compare(c->bound[i].compare, value, c->bound[i].number) == c->bound[i].differs)
			return false;
	return c->bounds || value >= feed->wanted;
}

/* The rule of the header: quiet about a timespan around what has been told, unless the value has doubled. */
static bool
state_is_quiet(const struct state *at, int64_t newest, double value)
{
	int64_t span = at->measure->c->timespan_ms;
	for (const struct frame *f = &at->live; f; f = f->next) {
		bool again = f->fired_value > 0 && value >= 2 * f->fired_value;
		if (f->fired != TIME_NONE && f->fired >= newest - span && f->fired <= newest + span && !again)
			return true;
	}
	return false;
}

static bool
frame_fires(const struct feed *feed, const struct state *at, struct frame *f, double *ret_value)
{
	double value = window_value(feed->measure, &f->window);
	if (!condition_holds(feed, &f->window, value) || state_is_quiet(at, f->window.newest, value))
		return false;
	f->fired = f->window.newest;
	f->fired_value = value;
	*ret_value = value;
	return true;
}

static const struct str measure_name[] = {
	[CORRELATE_EVENT_COUNT] = STR_INIT("event_count"),
	[CORRELATE_VALUE_COUNT] = STR_INIT("value_count"),
	[CORRELATE_TEMPORAL] = STR_INIT("temporal"),
	[CORRELATE_TEMPORAL_ORDERED] = STR_INIT("temporal_ordered"),
	[CORRELATE_VALUE_SUM] = STR_INIT("value_sum"),
	[CORRELATE_VALUE_AVG] = STR_INIT("value_avg"),
	[CORRELATE_VALUE_PERCENTILE] = STR_INIT("value_percentile"),
};

static const struct str limit_name[] = {
	[CORRELATE_EVENT_COUNT] = STR_INIT("limit.event_count"),
	[CORRELATE_VALUE_COUNT] = STR_INIT("limit.value_count"),
	[CORRELATE_TEMPORAL] = STR_INIT("limit.temporal"),
	[CORRELATE_TEMPORAL_ORDERED] = STR_INIT("limit.temporal_ordered"),
	[CORRELATE_VALUE_SUM] = STR_INIT("limit.value_sum"),
	[CORRELATE_VALUE_AVG] = STR_INIT("limit.value_avg"),
	[CORRELATE_VALUE_PERCENTILE] = STR_INIT("limit.value_percentile"),
};

static bool
number_text(struct arena *arena, const char *sign, double value, struct str *ret)
{
	struct buf text = BUF_INIT_MAX(64);
	buf_addf(&text, "%s%.15g", sign, value);
	bool ok = arena_copy(arena, buf_str(&text), ret);
	buf_release(&text);
	return ok;
}

/* A bound as the alert shows it beside the number; "at least", which nearly all are, has no sign. */
static const char *
bound_sign(const struct bound *b)
{
	static const char *const sign[] = {[COMPARE_LT] = "<", [COMPARE_LTE] = "<=", [COMPARE_GT] = ">", [COMPARE_GTE] = "",
		[COMPARE_EQ] = "="};
	return b->differs ? "!=" : sign[b->compare];
}

static bool
add_number(struct arena *arena, struct str name, const char *sign, double number, struct finding_field *field, uint32_t *n)
{
	field[*n].name = name;
	return number_text(arena, sign, number, &field[(*n)++].value);
}

/* What had to be reached, and within which time. False when the arena is full. */
static bool
add_limits(const struct feed *feed, struct arena *arena, struct finding_field *field, uint32_t *n)
{
	const struct correlation *c = feed->measure->c;
	struct str name = limit_name[c->type];
	for (uint32_t i = 0; i < c->bounds; i++)
		if (!add_number(arena, name, bound_sign(&c->bound[i]), c->bound[i].number, field, n))
			return false;
	if (!c->bounds && !c->condition && !add_number(arena, name, "", feed->wanted, field, n))
		return false;
	return add_number(arena, STR("window_s"), "", (double)c->timespan_ms / 1000, field, n);
}

/* False when the arena is full. */
static bool
make_finding(const struct feed *feed, const struct window *w, double value, const struct finding *f,
    struct arena *arena, struct finding *ret)
{
	const struct correlation *c = feed->measure->c;
	struct finding_field *field = arena_calloc(arena, c->groups + c->bounds + 4, sizeof *field);
	uint32_t n = 0;
	if (!field)
		return false;
	for (; n < c->groups; n++) {
		field[n].name = c->group_by[n];
		if (finding_value(f, &feed->group[n], &field[n].value))
			field[n].value = str_cut(field[n].value, 0, KEY_MAX_VALUE);
	}
	if (!add_number(arena, measure_name[c->type], "", value, field, &n) || !add_limits(feed, arena, field, &n))
		return false;
	if (w->truncated)
		field[n++] = (struct finding_field){STR("truncated"), STR("true")};
	*ret = (struct finding){&feed->rule->info, f->event, field, n};
	return true;
}

/* ---- feeding ---- */

static void
tell(struct correlator *c, const struct feed *feed, const struct window *w, double value, const struct finding *f,
    struct arena *arena)
{
	struct finding made;
	if (c->outs == FEED_MAX || !make_finding(feed, w, value, f, arena, &made)) {
		c->stats.dropped++;
		return;
	}
	c->stats.fired++;
	MEM_GROW(c->out, c->outs, c->out_cap);
	c->out[c->outs++] = made;
}

/* Of the windows that an event counts in the first that fires speaks for all. */
static void
feed_one(struct correlator *c, const struct feed *feed, uint32_t rule, const struct finding *f, struct arena *arena)
{
	const struct raw *raw = f->event->raw;
	struct arrival a = {.entry = {.time = event_moment(f->event), .count = 1, .rule = rule}};
	struct frame *joined[STATE_LATE + 1];
	double value;
	if (!build_key(&c->key, feed, f) || !read_field(c, feed, f, &a.entry))
		return;
	a.source = raw ? raw->source : 0;
	a.delay = raw && raw->received_ms > a.entry.time ? raw->received_ms - a.entry.time : 0;
	struct state *at = states_get(&c->states, feed->measure, buf_str(&c->key));
	uint32_t n = states_add(&c->states, at, &a, joined);
	c->stats.updates++;
	for (uint32_t i = 0; i < n; i++)
		if (frame_fires(feed, at, joined[i], &value)) {
			tell(c, feed, &joined[i]->window, value, f, arena);
			return;
		}
}

static void
feed_all(struct correlator *c, const struct finding *f, uint32_t rule, struct arena *arena)
{
	for (uint32_t i = c->first_feed[rule]; i < c->first_feed[rule + 1]; i++)
		feed_one(c, &c->feed[i], rule, f, arena);
}

/* rule_info is the first member of the rule it belongs to. */
static uint32_t
rule_index(const struct correlator *c, const struct rule_info *info)
{
	static_assert(offsetof(struct rule, info) == 0, "a rule begins with what people are told of it");
	uint32_t index = ((const struct rule *)info)->index;
	assert(index < c->r->count && &c->r->rule[index]->info == info);
	return index;
}

uint32_t
correlator_feed(struct correlator *c, const struct finding *f, struct arena *arena, struct finding **ret)
{
	c->outs = 0;
	feed_all(c, f, rule_index(c, f->rule), arena);
	for (uint32_t i = 0; i < c->outs; i++) {
		struct finding made = c->out[i]; /* the list may move while it grows */
		feed_all(c, &made, rule_index(c, made.rule), arena);
	}
	struct finding *list = c->outs ? arena_alloc(arena, c->outs * sizeof *list) : NULL;
	if (!list) {
		c->stats.dropped += c->outs;
		return 0;
	}
	memcpy(list, c->out, c->outs * sizeof *list);
	*ret = list;
	return c->outs;
}

struct correlate_stats
correlator_stats(const struct correlator *c)
{
	struct correlate_stats s = c->stats;
	s.evicted = c->states.evicted;
	s.late = c->states.late;
	s.keys = c->states.count;
	s.bytes = c->states.bytes;
	return s;
}
