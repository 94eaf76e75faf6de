/* SPDX-License-Identifier: EUPL-1.2 */
/* The rules in force: what content/law says on golden dates, and what its reader refuses, at which place. */
#include "register/law.h"

#include <limits.h>

#include "shipped.h"
#include "tap.h"

static struct fault last;
static uint32_t faults;

static void
on_fault(void *user, const struct fault *f)
{
	last = *f;
	faults++;
}

static law_day
day(const char *text)
{
	law_day d = 0;
	CHECK(law_day_read(str_z(text), &d));
	return d;
}

TEST(days_are_those_of_viet_nam)
{
	law_day d = 1;
	struct buf out = BUF_INIT;
	CHECK(law_day_read(STR("1970-01-01"), &d) && d == 0);
	CHECK(law_day_read(STR("1969-12-31"), &d) && d == -1);
	CHECK(law_day_read(STR("2026-08-19"), &d) && d == 20684);
	law_day_write(d, &out);
	CHECK_STR(buf_str(&out), STR("2026-08-19"));
	CHECK(!law_day_read(STR("2026-02-30"), &d) && !law_day_read(STR("2026-8-19"), &d) && !law_day_read(STR(""), &d));
	CHECK_INT(law_day_at(INT64_C(1787072399999)), 20683); /* 18 August 2026, 23:59:59.999 in Ha Noi */
	CHECK_INT(law_day_at(INT64_C(1787072400000)), 20684);
	buf_release(&out);
}

/* An incident keeps the rules of its own day. */
TEST(clocks_of_golden_dates)
{
	static const struct {
		const char *day, *event, *rule;
		enum law_limit limit;
		uint32_t count;
		enum law_mark mark;
	} row[] = {
	    {"2023-05-01", "incident.any", "tt20.clock.report", LAW_DAYS, 5, LAW_SECONDARY},
	    {"2026-06-30", "incident.any", "tt20.clock.report", LAW_DAYS, 5, LAW_SECONDARY},
	    {"2026-07-01", "incident.any", "tt20.clock.report", LAW_DAYS, 5, LAW_SECONDARY},
	    {"2026-08-18", "incident.any", "tt20.clock.report", LAW_DAYS, 5, LAW_SECONDARY},
	    {"2026-08-19", "incident.any", "nd331.clock.report", LAW_HOURS, 72, LAW_READ},
	    {"2026-08-18", "incident.serious", "qd05.clock.report", LAW_DAYS, 5, LAW_SECONDARY},
	    {"2026-08-19", "incident.serious", "nd331.clock.notice", LAW_HOURS, 24, LAW_READ},
	    {"2026-08-19", "incident.national_security", "nd331.clock.at_once", LAW_AT_ONCE, 0, LAW_READ},
	    {"2026-08-18", "incident.beyond_capacity", "tt20.clock.beyond_capacity", LAW_AT_ONCE, 0, LAW_ASSUMED},
	    {"2025-12-31", "incident.personal_data", NULL, 0, 0, 0},
	    {"2026-01-01", "incident.personal_data", "luat91.clock.breach", LAW_HOURS, 72, LAW_SECONDARY},
	    {"2026-08-18", "dossier.level_3", "nd85.clock.appraise_3", LAW_DAYS, 15, LAW_SECONDARY},
	    {"2026-08-19", "dossier.level_3", "nd331.clock.appraise_3", LAW_WORKING_DAYS, 15, LAW_READ},
	};
	struct law *l = shipped_law();
	for (size_t i = 0; i < COUNT(row); i++) {
		const struct law_rule *r = law_named(l, LAW_CLOCK, day(row[i].day), str_z(row[i].event));
		CHECK_STR(r ? r->id : STR("none"), row[i].rule ? str_z(row[i].rule) : STR("none"));
		if (r && row[i].rule)
			CHECK(r->clock.limit == row[i].limit && r->clock.count == row[i].count && r->mark == row[i].mark);
	}
	law_free(l);
}

TEST(the_budget_floor_rises_and_duties_change_hands)
{
	struct law *l = shipped_law();
	const struct law_rule *old = law_named(l, LAW_QUOTA, day("2026-06-30"), STR("digital_programmes"));
	const struct law_rule *new = law_named(l, LAW_QUOTA, day("2026-07-01"), STR("digital_programmes"));
	CHECK(old && old->quota.percent == 10 && old->mark == LAW_PLAN);
	CHECK(new && new->quota.percent == 15 && new->mark == LAW_READ);
	CHECK(!law_named(l, LAW_QUOTA, day("2026-07-01"), STR("it_plan")));
	const struct law_rule *was = law_role(l, day("2024-01-01"), STR("national_appraiser"));
	const struct law_rule *is = law_role(l, day("2026-11-22"), STR("national_appraiser"));
	CHECK_STR(was ? was->id : STR(""), STR("nd85.role.national_appraiser"));
	CHECK_STR(is ? is->id : STR(""), STR("nd331.role.national_appraiser"));
	CHECK(law_role(l, day("2026-11-22"), STR("nobody")) == NULL);
	law_free(l);
}

TEST(catalogues_have_the_rows_of_their_standards)
{
	static const uint32_t expected[5] = {28, 35, 43, 43, 43};
	struct law *l = shipped_law();
	uint32_t count, got[5] = {0};
	const struct law_rule *list = law_rules(l, &count);
	for (uint32_t i = 0; i < count; i++)
		if (list[i].kind == LAW_CONTROL)
			got[list[i].control.level - 1]++;
	for (int i = 0; i < 5; i++)
		CHECK_INT(got[i], expected[i]);
	const struct law_rule *scan = law_find(l, STR("tcvn14423.period.ra_quet_lo_hong_toan_he_thong"));
	CHECK(scan && scan->period.months[0] == 12 && scan->period.months[4] == 3);
	law_free(l);
}

/* The same system under the two regimes: the highest level that fits, and the criterion that decides. */
TEST(levels_under_both_regimes)
{
	struct law_fact public_page[] = {{STR("kind"), STR("internal"), 0}, {STR("information"), STR("public"), 0}};
	struct law_fact one_stop[] = {{STR("kind"), STR("service"), 0}, {STR("service"), STR("administrative_procedures"), 0},
	    {STR("service_grade"), STR(""), 3}, {STR("users"), STR(""), 4000}, {STR("basic_subjects"), STR(""), 4000}};
	struct law_fact clinic[] = {{STR("kind"), STR("service"), 0}, {STR("users"), STR(""), 20000},
	    {STR("basic_subjects"), STR(""), 20000}, {STR("sensitive_subjects"), STR(""), 9999}};
	struct law_fact data_centre[] = {{STR("kind"), STR("infrastructure"), 0}, {STR("scope"), STR("province"), 0}};
	struct law_fact secret[] = {{STR("kind"), STR("internal"), 0}, {STR("information"), STR("state_secret"), 0},
	    {STR("harm"), STR("especially_serious"), 0}};
	struct law_fact critical[] = {{STR("kind"), STR("internal"), 0}, {STR("information"), STR("public"), 0},
	    {STR("critical_list"), STR("yes"), 0}};
	struct law_fact unknown[] = {{STR("kind"), STR("other"), 0}};
	const struct {
		const struct law_fact *fact;
		uint32_t facts;
		const char *old, *new;
	} row[] = {
	    {public_page, COUNT(public_page), "nd85.level1.public", "nd331.level1.public"},
	    {one_stop, COUNT(one_stop), "nd85.level3.public_service", "nd331.level3.procedures"},
	    {clinic, COUNT(clinic), "nd85.level3.users", "nd331.level2.basic_subjects"},
	    {data_centre, COUNT(data_centre), "nd85.level3.infrastructure", "nd331.level3.infrastructure"},
	    {secret, COUNT(secret), "nd85.level5.secret", "nd331.level5.secret"},
	    {critical, COUNT(critical), "nd85.level1.public", "nd331.level5.critical"},
	    {unknown, COUNT(unknown), NULL, NULL},
	};
	struct law *l = shipped_law();
	for (size_t i = 0; i < COUNT(row); i++) {
		const struct law_rule *old = law_level(l, day("2026-08-18"), row[i].fact, row[i].facts);
		const struct law_rule *new = law_level(l, day("2026-08-19"), row[i].fact, row[i].facts);
		CHECK_STR(old ? old->id : STR("none"), row[i].old ? str_z(row[i].old) : STR("none"));
		CHECK_STR(new ? new->id : STR("none"), row[i].new ? str_z(row[i].new) : STR("none"));
	}
	bool numeric = false;
	CHECK(law_fact_known(l, STR("users"), &numeric) && numeric);
	CHECK(law_fact_known(l, STR("kind"), &numeric) && !numeric);
	CHECK(!law_fact_known(l, STR("colour"), &numeric));
	law_free(l);
}

#define HEAD "instrument: {id: a, number: n, about_vi: v, about_en: e, issuer: i, mark: read, source: s}\n"
#define ROLE "kind: role, article: x, text_vi: t, role: r, holder_vi: v, holder_en: e"

TEST(what_is_refused_and_where)
{
	static const struct {
		const char *text, *what, *arg;
		uint32_t line;
	} row[] = {
	    {"rules: []\n", "law_missing", "instrument", 1},
	    {HEAD, "law_missing", "rules", 1},
	    {"instrument: {id: a, number: n, about_vi: v, about_en: e, issuer: i, source: s}\nrules: []\n", "law_missing", "mark", 1},
	    {HEAD "rules: []\nnote: x\n", "law_member", "note", 3},
	    {HEAD "rules:\n  - {id: b, " ROLE ", hours: 3}\n", "law_member", "hours", 3},
	    {HEAD "rules:\n  - {" ROLE "}\n", "law_missing", "id", 3},
	    {HEAD "rules:\n  - {id: b, kind: wish, article: x, text_vi: t}\n", "law_kind", "wish", 3},
	    {HEAD "rules:\n  - {id: b, " ROLE ", from: 2026-02-30}\n", "law_day", "2026-02-30", 3},
	    {HEAD "rules:\n  - {id: b, " ROLE ", from: 2026-02-02, until: 2026-02-01}\n", "law_span", "until", 3},
	    {HEAD "rules:\n  - {id: b, " ROLE ", mark: sure}\n", "law_mark", "sure", 3},
	    {HEAD "rules:\n  - {id: b, " ROLE "}\n  - {id: b, " ROLE "}\n", "law_twice", "b", 4},
	    {HEAD "rules:\n  - {id: b, kind: quota, article: x, text_vi: t, percent: 101, base: b}\n", "law_number", "percent", 3},
	    {HEAD "rules:\n  - {id: b, kind: criterion, article: x, text_vi: t, level: 6, when: {a: [b]}}\n", "law_number", "level", 3},
	    {HEAD "rules:\n  - {id: b, kind: criterion, article: x, text_vi: t, level: 5, when: {}}\n", "law_missing", "when", 3},
	    {HEAD "rules:\n  - {id: b, kind: criterion, article: x, text_vi: t, level: 5, when: {a: {over: 3}}}\n", "law_member", "over", 3},
	    {HEAD "rules:\n  - {id: b, kind: clock, article: x, text_vi: t, event: e, base: b, actor: a, recipient: [r],"
		  " deliver: d, limit: {weeks: 1}}\n", "law_limit", "limit", 3},
	    {HEAD "rules:\n  - {id: b, kind: calendar, article: x, text_vi: t, report: e, actor: a, recipient: [r],"
		  " every_months: 12, due: 13-01}\n", "law_month_day", "13-01", 3},
	    {HEAD "rules: {a: b\n", "yaml", NULL, 3},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct law *l = law_new();
		uint32_t count;
		faults = 0;
		CHECK(law_add(l, str_z(row[i].text), STR("f.yaml"), on_fault, NULL) > 0);
		if (row[i].arg)
			CHECK_STR(str_z(last.what), str_z(row[i].what));
		if (row[i].arg)
			CHECK_STR(str_z(last.arg), str_z(row[i].arg));
		CHECK_INT(last.line, row[i].line);
		CHECK_STR(str_z(last.file), STR("f.yaml"));
		law_rules(l, &count);
		CHECK_INT(count, 0); /* nothing of a wrong file stays */
		law_instruments(l, &count);
		CHECK_INT(count, 0);
		law_free(l);
	}
}

TEST(a_replaced_instrument_must_be_there)
{
	struct law *l = law_new();
	faults = 0;
	CHECK_INT(law_add(l, STR("instrument: {id: a, number: n, about_vi: v, about_en: e, issuer: i, mark: plan, source: s,"
				 " replaces: [b]}\nrules: []\n"), STR("f.yaml"), on_fault, NULL), 0);
	CHECK_INT(law_finish(l, on_fault, NULL), 1);
	CHECK_STR(str_z(last.what), STR("law_replaces"));
	law_free(l);
}
