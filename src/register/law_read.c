/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading content/law: strictly. A member nobody knows is a fault like one that is missing, because in a rule of law a
 * misspelt word is a rule that does not hold.
 */
#include <assert.h>

#include "base/memory.h"
#include "base/yaml.h"
#include "register/law_internal.h"

#define KEY(word) STR(word)

struct read {
	struct law *law;
	struct str file;
	law_on_fault *on_fault;
	void *user;
	uint32_t faults;
};

static int
tell(struct read *rd, struct fault *f)
{
	fault_in_file(f, rd->file);
	rd->faults++;
	if (rd->on_fault)
		rd->on_fault(rd->user, f);
	return f->code;
}

static int
refuse(struct read *rd, const struct yaml *at, const char *what, struct str arg)
{
	struct fault f = {0};
	yaml_fault(at, &f, E_INVALID, what, arg);
	return tell(rd, &f);
}

static struct str
keep(struct read *rd, struct str text)
{
	struct str copy = {0};
	if (!arena_copy(&rd->law->arena, text, &copy)) {
		struct fault f = {0};
		fault_set(&f, E_LIMIT, "law_too_big", STR(""), 0, 0);
		tell(rd, &f);
	}
	return copy;
}

/* ---- members ---- */

/* Every member of `map` is one of `names` (words separated by blanks). */
static void
only(struct read *rd, const struct yaml *map, struct str names)
{
	YAML_EACH(child, map) {
		struct str rest = names, name;
		bool known = false;
		while (!known && str_split(&rest, ' ', &name))
			known = str_eq(name, child->key);
		if (!known)
			refuse(rd, child, "law_member", child->key);
	}
}

static struct str
text_of(struct read *rd, const struct yaml *map, struct str key, bool needed)
{
	const struct yaml *node = yaml_get(map, key);
	if (!node || (node->kind == YAML_SCALAR && !node->text.n)) {
		if (needed)
			refuse(rd, node ? node : map, "law_missing", key);
		return STR("");
	}
	if (node->kind != YAML_SCALAR) {
		refuse(rd, node, "law_text", key);
		return STR("");
	}
	return keep(rd, node->text);
}

static int64_t
number_of(struct read *rd, const struct yaml *map, struct str key, int64_t low, int64_t high)
{
	const struct yaml *node = yaml_get(map, key);
	int64_t n = 0;
	if (!node)
		refuse(rd, map, "law_missing", key);
	else if (!yaml_to_i64(node, &n) || n < low || n > high)
		refuse(rd, node, "law_number", key);
	return n;
}

static const struct str *
list_of(struct read *rd, const struct yaml *node, uint32_t *ret_count)
{
	struct str *list = node ? arena_calloc(&rd->law->arena, node->count + 1, sizeof *list) : NULL;
	*ret_count = 0;
	if (node && node->kind != YAML_LIST)
		refuse(rd, node, "law_list", node->key);
	YAML_EACH(child, node && list && node->kind == YAML_LIST ? node : NULL) {
		if (child->kind == YAML_SCALAR)
			list[(*ret_count)++] = keep(rd, child->text);
		else
			refuse(rd, child, "law_text", node->key);
	}
	return list;
}

static void
day_of(struct read *rd, const struct yaml *map, struct str key, law_day *ret)
{
	const struct yaml *node = yaml_get(map, key);
	if (node && (node->kind != YAML_SCALAR || !law_day_read(node->text, ret)))
		refuse(rd, node, "law_day", node->text);
}

static void
span_of(struct read *rd, const struct yaml *map, law_day *from, law_day *until)
{
	day_of(rd, map, KEY("from"), from);
	day_of(rd, map, KEY("until"), until);
	if (*from > *until)
		refuse(rd, map, "law_span", KEY("until"));
}

static void
mark_of(struct read *rd, const struct yaml *map, bool needed, enum law_mark *ret)
{
	const struct yaml *node = yaml_get(map, KEY("mark"));
	if (!node) {
		if (needed)
			refuse(rd, map, "law_missing", KEY("mark"));
		return;
	}
	for (enum law_mark m = LAW_READ; m <= LAW_ASSUMED; m++)
		if (str_eq(node->text, str_z(law_mark_name(m)))) {
			*ret = m;
			return;
		}
	refuse(rd, node, "law_mark", node->text);
}

/* "12-20" */
static void
month_day(struct read *rd, const struct yaml *node, uint8_t *ret_month, uint8_t *ret_day)
{
	static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	uint64_t month = 0, day = 0;
	struct str rest = node->kind == YAML_SCALAR ? node->text : STR(""), part;
	bool good = str_split(&rest, '-', &part) && part.n == 2 && str_to_u64(part, &month) && rest.n == 2 &&
	    str_to_u64(rest, &day) && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
	if (!good) {
		refuse(rd, node, "law_month_day", node->text);
		return;
	}
	*ret_month = (uint8_t)month;
	*ret_day = (uint8_t)day;
}

/* ---- kinds ---- */

static void
read_test(struct read *rd, const struct yaml *node, struct law_test *t)
{
	t->fact = keep(rd, node->key);
	t->at_least = INT64_MIN;
	t->below = INT64_MAX;
	if (node->kind == YAML_LIST) {
		t->value = list_of(rd, node, &t->values);
		if (!t->values)
			refuse(rd, node, "law_missing", node->key);
		return;
	}
	if (node->kind != YAML_MAP || !node->count) {
		refuse(rd, node, "law_list", node->key);
		return;
	}
	only(rd, node, STR("at_least below"));
	if (yaml_get(node, KEY("at_least")))
		t->at_least = number_of(rd, node, KEY("at_least"), 0, INT32_MAX);
	if (yaml_get(node, KEY("below")))
		t->below = number_of(rd, node, KEY("below"), 1, INT32_MAX);
}

static void
read_criterion(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	const struct yaml *when = yaml_get(map, KEY("when"));
	r->criterion.level = (int)number_of(rd, map, KEY("level"), 1, 5);
	if (!when || when->kind != YAML_MAP || !when->count) {
		refuse(rd, when ? when : map, "law_missing", KEY("when"));
		return;
	}
	struct law_test *list = arena_calloc(&rd->law->arena, when->count, sizeof *list);
	YAML_EACH(one, list ? when : NULL)
		read_test(rd, one, &list[r->criterion.tests++]);
	r->criterion.test = list;
}

static void
read_limit(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	static const struct {
		struct str word;
		enum law_limit limit;
	} row[] = {{STR_INIT("hours"), LAW_HOURS}, {STR_INIT("days"), LAW_DAYS}, {STR_INIT("working_days"), LAW_WORKING_DAYS},
	    {STR_INIT("months"), LAW_MONTHS}};
	const struct yaml *limit = yaml_get(map, KEY("limit"));
	if (limit && limit->kind == YAML_SCALAR && str_eq(limit->text, STR("at_once"))) {
		r->clock.limit = LAW_AT_ONCE;
		return;
	}
	for (size_t i = 0; limit && limit->kind == YAML_MAP && limit->count == 1 && i < COUNT(row); i++)
		if (yaml_get(limit, row[i].word)) {
			r->clock.limit = row[i].limit;
			r->clock.count = (uint32_t)number_of(rd, limit, row[i].word, 1, 1000);
			return;
		}
	refuse(rd, limit ? limit : map, "law_limit", KEY("limit"));
}

static const struct str *
words_of(struct read *rd, const struct yaml *map, struct str key, uint32_t *ret_count)
{
	const struct str *list = list_of(rd, yaml_get(map, key), ret_count);
	if (!*ret_count)
		refuse(rd, map, "law_missing", key);
	return list;
}

static void
read_clock(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	r->clock.event = text_of(rd, map, KEY("event"), true);
	r->clock.base = text_of(rd, map, KEY("base"), true);
	r->clock.actor = text_of(rd, map, KEY("actor"), true);
	r->clock.deliver = text_of(rd, map, KEY("deliver"), true);
	r->clock.recipient = words_of(rd, map, KEY("recipient"), &r->clock.recipients);
	read_limit(rd, map, r);
}

static void
read_calendar(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	const struct yaml *due = yaml_get(map, KEY("due")), *window = yaml_get(map, KEY("window"));
	r->calendar.report = text_of(rd, map, KEY("report"), true);
	r->calendar.actor = text_of(rd, map, KEY("actor"), true);
	r->calendar.recipient = words_of(rd, map, KEY("recipient"), &r->calendar.recipients);
	r->calendar.every_months = (uint32_t)number_of(rd, map, KEY("every_months"), 1, 120);
	if (due)
		month_day(rd, due, &r->calendar.month, &r->calendar.day);
	else
		refuse(rd, map, "law_missing", KEY("due"));
	if (window && (window->kind != YAML_LIST || window->count != 2)) {
		refuse(rd, window, "law_list", KEY("window"));
	} else if (window) {
		month_day(rd, window->first, &r->calendar.from_month, &r->calendar.from_day);
		month_day(rd, window->first->next, &r->calendar.until_month, &r->calendar.until_day);
	}
}

static void
read_quota(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	r->quota.percent = (uint32_t)number_of(rd, map, KEY("percent"), 1, 100);
	r->quota.base = text_of(rd, map, KEY("base"), true);
}

static void
read_period(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	const struct yaml *months = yaml_get(map, KEY("months"));
	r->period.activity = text_of(rd, map, KEY("activity"), true);
	if (!months || months->kind != YAML_MAP || !months->count)
		refuse(rd, months ? months : map, "law_missing", KEY("months"));
	YAML_EACH(one, months) {
		uint64_t level = 0;
		int64_t n = 0;
		if (!str_to_u64(one->key, &level) || level < 1 || level > 5 || !yaml_to_i64(one, &n) || n < 1 || n > 120)
			refuse(rd, one, "law_number", one->key);
		else
			r->period.months[level - 1] = (uint32_t)n;
	}
}

static void
read_control(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	struct str side = text_of(rd, map, KEY("side"), true);
	r->control.level = (int)number_of(rd, map, KEY("level"), 1, 5);
	r->control.code = text_of(rd, map, KEY("code"), true);
	r->control.group = text_of(rd, map, KEY("group"), true);
	r->control.technical = str_eq(side, STR("technical"));
	if (side.n && !r->control.technical && !str_eq(side, STR("management")))
		refuse(rd, yaml_get(map, KEY("side")), "law_text", KEY("side"));
}

static void
read_role(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	r->role.role = text_of(rd, map, KEY("role"), true);
	r->role.holder_vi = text_of(rd, map, KEY("holder_vi"), true);
	r->role.holder_en = text_of(rd, map, KEY("holder_en"), true);
}

static void
read_independence(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	r->independence.role = text_of(rd, map, KEY("role"), true);
	r->independence.apart = words_of(rd, map, KEY("apart"), &r->independence.aparts);
}

static void
read_entry(struct read *rd, const struct yaml *map, struct law_rule *r)
{
	r->entry.list = text_of(rd, map, KEY("list"), true);
	r->entry.code = text_of(rd, map, KEY("code"), true);
}

#define COMMON "id kind article text_vi text_en from until mark "

static const struct kind {
	struct str name, members;
	void (*read)(struct read *rd, const struct yaml *map, struct law_rule *r);
} kinds[] = {
	[LAW_CRITERION] = {STR_INIT("criterion"), STR_INIT(COMMON "level when"), read_criterion},
	[LAW_CLOCK] = {STR_INIT("clock"), STR_INIT(COMMON "event base actor recipient limit deliver"), read_clock},
	[LAW_CALENDAR] = {STR_INIT("calendar"), STR_INIT(COMMON "report actor recipient every_months due window"), read_calendar},
	[LAW_QUOTA] = {STR_INIT("quota"), STR_INIT(COMMON "percent base"), read_quota},
	[LAW_PERIOD] = {STR_INIT("period"), STR_INIT(COMMON "activity months"), read_period},
	[LAW_CONTROL] = {STR_INIT("control"), STR_INIT(COMMON "level code group side"), read_control},
	[LAW_ROLE] = {STR_INIT("role"), STR_INIT(COMMON "role holder_vi holder_en"), read_role},
	[LAW_INDEPENDENCE] = {STR_INIT("independence"), STR_INIT(COMMON "role apart"), read_independence},
	[LAW_ENTRY] = {STR_INIT("entry"), STR_INIT(COMMON "list code"), read_entry},
};

/* ---- the file ---- */

static void
read_rule(struct read *rd, const struct yaml *map, const struct law_instrument *i)
{
	struct law *l = rd->law;
	struct law_rule r = {.from = i->from, .until = i->until, .mark = i->mark, .line = map->line};
	const struct yaml *kind = yaml_get(map, KEY("kind"));
	if (map->kind != YAML_MAP) {
		refuse(rd, map, "law_text", KEY("rules"));
		return;
	}
	r.id = text_of(rd, map, KEY("id"), true);
	r.article = text_of(rd, map, KEY("article"), true);
	r.text_vi = text_of(rd, map, KEY("text_vi"), true);
	r.text_en = text_of(rd, map, KEY("text_en"), false);
	span_of(rd, map, &r.from, &r.until);
	mark_of(rd, map, false, &r.mark);
	if (r.id.n && law_find(l, r.id))
		refuse(rd, yaml_get(map, KEY("id")), "law_twice", r.id);
	size_t k = 0;
	while (k < COUNT(kinds) && !(kind && str_eq(kind->text, kinds[k].name)))
		k++;
	if (k == COUNT(kinds)) {
		refuse(rd, kind ? kind : map, "law_kind", kind ? kind->text : KEY("kind"));
		return;
	}
	r.kind = (enum law_kind)k;
	only(rd, map, kinds[k].members);
	kinds[k].read(rd, map, &r);
	MEM_GROW(l->rule, l->rules, l->rule_cap);
	l->rule[l->rules++] = r;
}

static void
read_instrument(struct read *rd, const struct yaml *map, struct law_instrument *i)
{
	i->from = LAW_DAY_FIRST;
	i->until = LAW_DAY_LAST;
	only(rd, map, STR("id number about_vi about_en issuer from until replaces mark source note"));
	i->id = text_of(rd, map, KEY("id"), true);
	i->number = text_of(rd, map, KEY("number"), true);
	i->about_vi = text_of(rd, map, KEY("about_vi"), true);
	i->about_en = text_of(rd, map, KEY("about_en"), true);
	i->issuer = text_of(rd, map, KEY("issuer"), true);
	i->source = text_of(rd, map, KEY("source"), true);
	i->note = text_of(rd, map, KEY("note"), false);
	i->replaces = list_of(rd, yaml_get(map, KEY("replaces")), &i->replaces_count);
	i->file = keep(rd, rd->file);
	span_of(rd, map, &i->from, &i->until);
	mark_of(rd, map, true, &i->mark);
	for (uint32_t k = 0; k < rd->law->instruments; k++)
		if (i->id.n && str_eq(rd->law->instrument[k].id, i->id))
			refuse(rd, yaml_get(map, KEY("id")), "law_twice", i->id);
}

static void
read_document(struct read *rd, const struct yaml *document)
{
	struct law *l = rd->law;
	const struct yaml *head = yaml_get(document, KEY("instrument")), *rules = yaml_get(document, KEY("rules"));
	struct law_instrument i = {0};
	only(rd, document, STR("instrument rules"));
	if (!head || head->kind != YAML_MAP || !rules || rules->kind != YAML_LIST) {
		refuse(rd, document, "law_missing", !head || head->kind != YAML_MAP ? KEY("instrument") : KEY("rules"));
		return;
	}
	read_instrument(rd, head, &i);
	uint32_t first = l->rules;
	YAML_EACH(rule, rules)
		read_rule(rd, rule, &i);
	if (rd->faults) {
		l->rules = first;
		return;
	}
	for (uint32_t k = first; k < l->rules; k++)
		l->rule[k].instrument = (const void *)(uintptr_t)(l->instruments + 1);
	MEM_GROW(l->instrument, l->instruments, l->instrument_cap);
	l->instrument[l->instruments++] = i;
}

uint32_t
law_add(struct law *l, struct str text, struct str file, law_on_fault *on_fault, void *user)
{
	struct read rd = {.law = l, .file = file, .on_fault = on_fault, .user = user};
	struct arena arena;
	struct yaml **document;
	struct fault f = {0};
	uint32_t count = 0;
	assert(!l->finished);
	arena_init(&arena, 64 << 10, 16 << 20);
	if (yaml_parse(text, &arena, &document, &count, &f) < 0)
		tell(&rd, &f);
	else if (count != 1 || document[0]->kind != YAML_MAP) {
		fault_set(&f, E_INVALID, "law_missing", KEY("instrument"), 1, 1);
		tell(&rd, &f);
	} else {
		read_document(&rd, document[0]);
	}
	arena_release(&arena);
	return rd.faults;
}

uint32_t
law_finish(struct law *l, law_on_fault *on_fault, void *user)
{
	struct read rd = {.law = l, .on_fault = on_fault, .user = user};
	for (uint32_t i = 0; i < l->rules; i++)
		l->rule[i].instrument = &l->instrument[(uintptr_t)l->rule[i].instrument - 1];
	for (uint32_t i = 0; i < l->instruments; i++)
		for (uint32_t k = 0; k < l->instrument[i].replaces_count; k++) {
			bool found = false;
			for (uint32_t j = 0; j < l->instruments; j++)
				found |= str_eq(l->instrument[j].id, l->instrument[i].replaces[k]);
			if (found)
				continue;
			struct fault f = {0};
			fault_set(&f, E_NOT_FOUND, "law_replaces", l->instrument[i].replaces[k], 0, 0);
			rd.file = l->instrument[i].file;
			tell(&rd, &f);
		}
	l->finished = true;
	return rd.faults;
}
