/* SPDX-License-Identifier: EUPL-1.2 */
/* What is in force on a day, where it stands, and how far it was checked; and the level that it gives a system. */
#include "web/route.h"

#include "host/clock.h"
#include "register/law.h"

#define FACTS_MAX 32u

static const char *const kind_names[] = {"criterion", "clock", "calendar", "quota", "period", "control", "role",
	"independence", "entry"};

static bool
read_day(struct api_call *c, struct str text, law_day *ret)
{
	*ret = law_day_at(clock_now_ms());
	if (!text.n || law_day_read(text, ret))
		return true;
	api_reply_problem(c, 422, "invalid", "date");
	return false;
}

static void
out_day(struct buf *out, const char *name, law_day day)
{
	out_name(out, name);
	if (day == LAW_DAY_FIRST || day == LAW_DAY_LAST) {
		buf_add(out, STR("null"));
		return;
	}
	buf_add_char(out, '"');
	law_day_write(day, out);
	buf_add_char(out, '"');
}

static void
instrument_json(struct buf *out, const struct law_instrument *i, law_day day)
{
	buf_add_char(out, '{');
	out_text(out, "id", i->id);
	out_text(out, "number", i->number);
	out_text(out, "about_vi", i->about_vi);
	out_text(out, "about_en", i->about_en);
	out_text(out, "issuer", i->issuer);
	out_day(out, "from", i->from);
	out_day(out, "until", i->until);
	out_bool(out, "in_force", instrument_in_force(i, day));
	out_text(out, "mark", str_z(law_mark_name(i->mark)));
	out_text(out, "source", i->source);
	out_text_or_null(out, "note", i->note);
	out_list(out, "replaces", i->replaces, i->replaces_count);
	buf_add_char(out, '}');
}

static void
clock_json(struct buf *out, const struct law_rule *r)
{
	static const char *const limits[] = {"at_once", "hours", "days", "working_days", "months"};
	out_text(out, "event", r->clock.event);
	out_text(out, "base", r->clock.base);
	out_text(out, "actor", r->clock.actor);
	out_list(out, "recipient", r->clock.recipient, r->clock.recipients);
	out_text(out, "limit", str_z(limits[r->clock.limit]));
	out_i64(out, "count", r->clock.count);
	out_text(out, "deliver", r->clock.deliver);
}

static void
tests_json(struct buf *out, const struct law_rule *r)
{
	out_name(out, "when");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < r->criterion.tests; i++) {
		const struct law_test *t = &r->criterion.test[i];
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "fact", t->fact);
		if (t->values)
			out_list(out, "value", t->value, t->values);
		if (!t->values && t->at_least != INT64_MIN)
			out_i64(out, "at_least", t->at_least);
		if (!t->values && t->below != INT64_MAX)
			out_i64(out, "below", t->below);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void
months_json(struct buf *out, const struct law_rule *r)
{
	out_name(out, "months");
	buf_add_char(out, '[');
	for (int i = 0; i < 5; i++) {
		buf_add(out, i ? STR(",") : STR(""));
		if (r->period.months[i])
			buf_add_u64(out, r->period.months[i]);
		else
			buf_add(out, STR("null"));
	}
	buf_add_char(out, ']');
}

static void
kind_json(struct buf *out, const struct law_rule *r)
{
	switch (r->kind) {
	case LAW_CRITERION:
		out_i64(out, "level", r->criterion.level);
		tests_json(out, r);
		break;
	case LAW_CLOCK:
		clock_json(out, r);
		break;
	case LAW_CALENDAR:
		out_text(out, "report", r->calendar.report);
		out_text(out, "actor", r->calendar.actor);
		out_list(out, "recipient", r->calendar.recipient, r->calendar.recipients);
		out_i64(out, "every_months", r->calendar.every_months);
		buf_addf(out, ",\"due\":\"%02d-%02d\"", r->calendar.month, r->calendar.day);
		break;
	case LAW_QUOTA:
		out_i64(out, "percent", r->quota.percent);
		out_text(out, "base", r->quota.base);
		break;
	case LAW_PERIOD:
		out_text(out, "activity", r->period.activity);
		months_json(out, r);
		break;
	case LAW_CONTROL:
		out_i64(out, "level", r->control.level);
		out_text(out, "code", r->control.code);
		out_text(out, "group", r->control.group);
		out_text(out, "side", r->control.technical ? STR("technical") : STR("management"));
		break;
	case LAW_ROLE:
		out_text(out, "role", r->role.role);
		out_text(out, "holder_vi", r->role.holder_vi);
		out_text(out, "holder_en", r->role.holder_en);
		break;
	case LAW_INDEPENDENCE:
		out_text(out, "role", r->independence.role);
		out_list(out, "apart", r->independence.apart, r->independence.aparts);
		break;
	case LAW_ENTRY:
		out_text(out, "list", r->entry.list);
		out_text(out, "code", r->entry.code);
	}
}

void
law_rule_json(struct buf *out, const struct law_rule *r, int32_t day)
{
	buf_add_char(out, '{');
	out_text(out, "id", r->id);
	out_text(out, "kind", str_z(kind_names[r->kind]));
	out_text(out, "instrument", r->instrument->id);
	out_text(out, "number", r->instrument->number);
	out_text(out, "article", r->article);
	out_text(out, "text_vi", r->text_vi);
	out_text_or_null(out, "text_en", r->text_en);
	out_day(out, "from", r->from);
	out_day(out, "until", r->until);
	out_bool(out, "in_force", law_in_force(r, day));
	out_text(out, "mark", str_z(law_mark_name(r->mark)));
	kind_json(out, r);
	buf_add_char(out, '}');
}

/* Whole, but for what the filters leave out: some hundred rows that a browser searches itself. */
void
api_laws(struct api_call *c)
{
	struct str kind = api_query(c, STR("kind")), instrument = api_query(c, STR("instrument"));
	bool all = str_eq(api_query(c, STR("all")), STR("true"));
	uint32_t count;
	law_day day;
	if (!read_day(c, api_query(c, STR("date")), &day))
		return;
	buf_add_char(&c->out, '{');
	out_day(&c->out, "date", day);
	const struct law_instrument *in = law_instruments(c->desk->law, &count);
	buf_add(&c->out, STR(",\"instruments\":["));
	for (uint32_t i = 0; i < count; i++) {
		buf_add(&c->out, i ? STR(",") : STR(""));
		instrument_json(&c->out, &in[i], day);
	}
	const struct law_rule *rule = law_rules(c->desk->law, &count);
	buf_add(&c->out, STR("],\"items\":["));
	for (uint32_t i = 0, n = 0; i < count; i++) {
		const struct law_rule *r = &rule[i];
		if ((!all && !law_in_force(r, day)) || (kind.n && !str_eq(kind, str_z(kind_names[r->kind]))) ||
		    (instrument.n && !str_eq(instrument, r->instrument->id)))
			continue;
		buf_add(&c->out, n++ ? STR(",") : STR(""));
		law_rule_json(&c->out, r, day);
	}
	buf_add(&c->out, STR("]}"));
	api_reply(c, 200);
}

/* --- a level proposed --- */

/* {"date":"...","facts":{"kind":"service","users":4000}} */
void
api_level_post(struct api_call *c)
{
	struct law_fact fact[FACTS_MAX] = {0};
	struct str date;
	uint32_t facts = 0;
	law_day day;
	if (!json_get_string(&c->body, 0, STR("date"), &c->arena, &date))
		date = STR("");
	if (!read_day(c, date, &day))
		return;
	uint32_t told = json_get(&c->body, 0, STR("facts"));
	if (!told || c->body.token[told].kind != JSON_OBJECT ||
	    law_facts_read(c->desk->law, &c->body, told, &c->arena, fact, FACTS_MAX, &facts) < 0) {
		api_reply_problem(c, 422, "invalid", "facts");
		return;
	}
	const struct law_rule *r = law_level(c->desk->law, day, fact, facts);
	buf_add_char(&c->out, '{');
	out_day(&c->out, "date", day);
	if (r) {
		out_i64(&c->out, "level", r->criterion.level);
		out_name(&c->out, "criterion");
		law_rule_json(&c->out, r, day);
	} else {
		buf_add(&c->out, STR(",\"level\":null,\"criterion\":null"));
	}
	buf_add_char(&c->out, '}');
	api_reply(c, 200);
}
