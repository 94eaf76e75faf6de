/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_LAW_H
#define REGISTER_LAW_H

/*
 * The rules in force, as dated data. Code knows kinds of rule, content/law/ holds their instances, one file an
 * instrument: numbers, days and names of authorities stand there and never in C. Every row says from when to when it holds, in
 * which article it stands, and how far its wording was checked; a row that was not read in the instrument itself carries that
 * into the interface and never makes anything "overdue by law". Core and check; immutable after loading, any thread.
 *
 * An incident, a dossier, a report keeps the law of its own date: every question here names a date. The form of the
 * files is described in content/law/README.md.
 */

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

/* A day, counted from 1970-01-01 in the calendar of Viet Nam. */
typedef int32_t law_day;
#define LAW_DAY_FIRST INT32_MIN /* has always held */
#define LAW_DAY_LAST INT32_MAX  /* no end is known */

/* "2026-08-19"; false when no calendar has it. */
bool law_day_read(struct str text, law_day *ret);
void law_day_write(law_day day, struct buf *out);
/* The day it is in Viet Nam (UTC+7) at a moment. */
law_day law_day_at(int64_t ms);

/* How far the wording was checked. */
enum law_mark {
	LAW_READ,      /* in the text of the instrument itself */
	LAW_SECONDARY, /* a source that reports it */
	LAW_PLAN,      /* a provincial plan states it */
	LAW_ASSUMED,   /* nobody checked it: not to be relied on */
};
const char *law_mark_name(enum law_mark mark);

struct law_instrument {
	struct str id;          /* "nd-331-2026" */
	struct str number;      /* "331/2026/ND-CP", with its own letters */
	struct str about_vi, about_en, issuer; /* about: in our words, not its title */
	struct str source;      /* where the text was taken from */
	struct str note;        /* what is open about it; may be empty */
	law_day from, until;    /* in force on both of these days */
	enum law_mark mark;
	const struct str *replaces; /* ids */
	uint32_t replaces_count;
	struct str file;
};

enum law_kind {
	LAW_CRITERION, LAW_CLOCK, LAW_CALENDAR, LAW_QUOTA, LAW_PERIOD, LAW_CONTROL, LAW_ROLE,
	LAW_INDEPENDENCE, /* who may not hold a role because he holds another */
	LAW_ENTRY,        /* one of a list that an instrument names: the four layers, the eleven sectors */
};

/* One test of a fact of a system: equal to one of `value`, or for numbers at_least <= fact < below. */
struct law_test {
	struct str fact;
	const struct str *value;
	uint32_t values;        /* 0: a number is asked for */
	int64_t at_least, below;
};

enum law_limit { LAW_AT_ONCE, LAW_HOURS, LAW_DAYS, LAW_WORKING_DAYS, LAW_MONTHS };

struct law_rule {
	struct str id;          /* unique over all files */
	enum law_kind kind;
	const struct law_instrument *instrument;
	struct str article;     /* "Article 31.2.d", as the instrument writes it */
	struct str text_vi, text_en; /* our own short words */
	law_day from, until;
	enum law_mark mark;     /* its own, else the instrument's */
	uint32_t line;
	union {
		struct {
			int level;                   /* 1..5 that it gives */
			const struct law_test *test; /* all must hold */
			uint32_t tests;
		} criterion;
		struct {
			struct str event;            /* what starts it: "incident.serious" */
			struct str base;             /* from when it runs: "detection" */
			struct str actor;            /* role that owes it */
			const struct str *recipient; /* roles that must get it */
			uint32_t recipients;
			enum law_limit limit;
			uint32_t count;
			struct str deliver;          /* what is owed: "initial_notice" */
		} clock;
		struct {
			struct str report, actor;
			const struct str *recipient;
			uint32_t recipients;
			uint32_t every_months;       /* 12, 6, 3, 1 */
			uint8_t month, day;          /* it is due before this day; of a shorter period the day alone counts */
			uint8_t from_month, from_day, until_month, until_day; /* days the data are of; 0 = not told */
		} calendar;
		struct {
			uint32_t percent;
			struct str base;             /* of what */
		} quota;
		struct {
			struct str activity;
			uint32_t months[5];          /* by level 1..5; 0 = not asked for */
		} period;
		struct {
			int level;
			struct str code, group;
			bool technical;
		} control;
		struct {
			struct str role, holder_vi, holder_en;
		} role;
		struct {
			struct str role;         /* "assessor" */
			const struct str *apart; /* may at the same time be none of these of the same system */
			uint32_t aparts;
		} independence;
		struct {
			struct str list, code;   /* "layer", "1" */
		} entry;
	};
};

struct law;

typedef void law_on_fault(void *user, const struct fault *f);

struct law *law_new(void);
/* Accepts NULL. */
void law_free(struct law *l);
/* One file: an instrument and its rules (both are copied). Every fault in it is told and the file is left out whole when
 * there is one: half an instrument is worse than none. Returns how many faults. */
uint32_t law_add(struct law *l, struct str text, struct str file, law_on_fault *on_fault, void *user);
/* After the last file: references between instruments. Returns how many faults. */
uint32_t law_finish(struct law *l, law_on_fault *on_fault, void *user);

const struct law_instrument *law_instruments(const struct law *l, uint32_t *ret_count);
const struct law_rule *law_rules(const struct law *l, uint32_t *ret_count);
const struct law_rule *law_find(const struct law *l, struct str id); /* NULL */
bool law_in_force(const struct law_rule *r, law_day day);
bool instrument_in_force(const struct law_instrument *i, law_day day);

/* A fact of a system: a word or a number. What is not told is not known, and no test on it holds. */
struct law_fact {
	struct str name;
	struct str value;
	int64_t number;
};
/* The highest level that a criterion in force on `day` gives for these facts: the criterion, or NULL when none fits. Decree
 * 331/2026/ND-CP, article 7: the highest level that fits is the level. */
const struct law_rule *law_level(const struct law *l, law_day day, const struct law_fact *fact, uint32_t facts);
/* Is this a fact that some criterion asks for? `ret_numeric` tells of which kind. */
bool law_fact_known(const struct law *l, struct str name, bool *ret_numeric);
/* Members of a JSON object as facts; texts go to `arena`. E_INVALID: a fact that no criterion asks for, or of the wrong
 * kind; E_LIMIT: more than `max`. */
[[nodiscard]] int law_facts_read(const struct law *l, const struct json *j, uint32_t object, struct arena *arena,
    struct law_fact *fact, uint32_t max, uint32_t *ret_count);
/* Who holds a role on a day: NULL when nobody is named. */
const struct law_rule *law_role(const struct law *l, law_day day, struct str role);
/* The rule of a kind with this name (event, report, base of a quota, activity) in force on a day; NULL. Of several the
 * one that came into force last. */
const struct law_rule *law_named(const struct law *l, enum law_kind kind, law_day day, struct str name);
/* The entry of a list with this code, in force on a day; NULL. */
const struct law_rule *law_entry(const struct law *l, law_day day, struct str list, struct str code);

#endif
