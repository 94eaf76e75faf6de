/* SPDX-License-Identifier: EUPL-1.2 */
/* Asking the rules in force; reading them is law_read.c. */
#include "register/law_internal.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/time.h"

#define VIET_NAM 420 /* minutes east of UTC */
#define LAW_MAX_BYTES (32u << 20)

/* ---- days ---- */

bool
law_day_read(struct str text, law_day *ret)
{
	int64_t ms;
	if (text.n != 10)
		return false;
	char moment[32];
	snprintf(moment, sizeof moment, "%.*sT00:00:00Z", STR_ARG(text));
	if (!time_parse(str_z(moment), 0, &ms))
		return false;
	*ret = (law_day)(ms / TIME_DAY - (ms % TIME_DAY < 0));
	return true;
}

void
law_day_write(law_day day, struct buf *out)
{
	struct civil c = time_to_civil(day * TIME_DAY, 0);
	buf_addf(out, "%04d-%02d-%02d", c.year, c.month, c.day);
}

law_day
law_day_at(int64_t ms)
{
	ms += VIET_NAM * TIME_MINUTE;
	return (law_day)(ms / TIME_DAY - (ms % TIME_DAY < 0));
}

const char *
law_mark_name(enum law_mark mark)
{
	static const char *const names[] = {"read", "secondary", "plan", "assumed"};
	return names[mark];
}

/* ---- the set ---- */

struct law *
law_new(void)
{
	struct law *l = MEM_NEW(struct law);
	arena_init(&l->arena, 64 << 10, LAW_MAX_BYTES);
	return l;
}

void
law_free(struct law *l)
{
	if (!l)
		return;
	arena_release(&l->arena);
	mem_free(l->instrument);
	mem_free(l->rule);
	mem_free(l);
}

const struct law_instrument *
law_instruments(const struct law *l, uint32_t *ret_count)
{
	*ret_count = l->instruments;
	return l->instrument;
}

const struct law_rule *
law_rules(const struct law *l, uint32_t *ret_count)
{
	*ret_count = l->rules;
	return l->rule;
}

const struct law_rule *
law_find(const struct law *l, struct str id)
{
	for (uint32_t i = 0; i < l->rules; i++)
		if (str_eq(l->rule[i].id, id))
			return &l->rule[i];
	return NULL;
}

bool
law_in_force(const struct law_rule *r, law_day day)
{
	return r->from <= day && day <= r->until;
}

bool
instrument_in_force(const struct law_instrument *i, law_day day)
{
	return i->from <= day && day <= i->until;
}

/* ---- levels ---- */

static const struct law_fact *
fact_of(const struct law_fact *fact, uint32_t facts, struct str name)
{
	for (uint32_t i = 0; i < facts; i++)
		if (str_eq(fact[i].name, name))
			return &fact[i];
	return NULL;
}

static bool
test_holds(const struct law_test *t, const struct law_fact *fact, uint32_t facts)
{
	const struct law_fact *f = fact_of(fact, facts, t->fact);
	if (!f)
		return false;
	if (!t->values)
		return f->number >= t->at_least && f->number < t->below;
	for (uint32_t i = 0; i < t->values; i++)
		if (str_eq(t->value[i], f->value))
			return true;
	return false;
}

static bool
criterion_holds(const struct law_rule *r, const struct law_fact *fact, uint32_t facts)
{
	for (uint32_t i = 0; i < r->criterion.tests; i++)
		if (!test_holds(&r->criterion.test[i], fact, facts))
			return false;
	return true;
}

const struct law_rule *
law_level(const struct law *l, law_day day, const struct law_fact *fact, uint32_t facts)
{
	const struct law_rule *best = NULL;
	for (uint32_t i = 0; i < l->rules; i++) {
		const struct law_rule *r = &l->rule[i];
		if (r->kind == LAW_CRITERION && law_in_force(r, day) && (!best || r->criterion.level > best->criterion.level) &&
		    criterion_holds(r, fact, facts))
			best = r;
	}
	return best;
}

bool
law_fact_known(const struct law *l, struct str name, bool *ret_numeric)
{
	for (uint32_t i = 0; i < l->rules; i++)
		for (uint32_t k = 0; l->rule[i].kind == LAW_CRITERION && k < l->rule[i].criterion.tests; k++)
			if (str_eq(l->rule[i].criterion.test[k].fact, name)) {
				*ret_numeric = !l->rule[i].criterion.test[k].values;
				return true;
			}
	return false;
}

int
law_facts_read(const struct law *l, const struct json *j, uint32_t object, struct arena *arena, struct law_fact *fact,
    uint32_t max, uint32_t *ret_count)
{
	uint32_t count = 0;
	for (uint32_t i = json_first(j, object); i < json_end(j, object); i = json_next(j, i + 1)) {
		struct law_fact *f = fact + count;
		bool numeric = false;
		if (count == max)
			return E_LIMIT;
		*f = (struct law_fact){0};
		if (!json_string(j, i, arena, &f->name) || !law_fact_known(l, f->name, &numeric))
			return E_INVALID;
		if (numeric ? !json_get_i64(j, object, f->name, &f->number) : !json_get_string(j, object, f->name, arena, &f->value))
			return E_INVALID;
		count++;
	}
	*ret_count = count;
	return 0;
}

/* ---- by name ---- */

static struct str
name_of(const struct law_rule *r)
{
	switch (r->kind) {
	case LAW_CLOCK:
		return r->clock.event;
	case LAW_CALENDAR:
		return r->calendar.report;
	case LAW_QUOTA:
		return r->quota.base;
	case LAW_PERIOD:
		return r->period.activity;
	case LAW_CONTROL:
		return r->control.code;
	case LAW_ROLE:
		return r->role.role;
	case LAW_INDEPENDENCE:
		return r->independence.role;
	case LAW_ENTRY:
		return r->entry.code;
	default:
		return r->id;
	}
}

const struct law_rule *
law_named(const struct law *l, enum law_kind kind, law_day day, struct str name)
{
	const struct law_rule *best = NULL;
	for (uint32_t i = 0; i < l->rules; i++) {
		const struct law_rule *r = &l->rule[i];
		if (r->kind == kind && law_in_force(r, day) && (!best || r->from > best->from) && str_eq(name_of(r), name))
			best = r;
	}
	return best;
}

const struct law_rule *
law_role(const struct law *l, law_day day, struct str role)
{
	return law_named(l, LAW_ROLE, day, role);
}

const struct law_rule *
law_entry(const struct law *l, law_day day, struct str list, struct str code)
{
	for (uint32_t i = 0; i < l->rules; i++) {
		const struct law_rule *r = &l->rule[i];
		if (r->kind == LAW_ENTRY && law_in_force(r, day) && str_eq(r->entry.list, list) && str_eq(r->entry.code, code))
			return r;
	}
	return NULL;
}
