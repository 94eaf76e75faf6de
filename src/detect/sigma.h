/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_SIGMA_H
#define DETECT_SIGMA_H

/*
 * Sigma rules against events: loading (core's check, worker start, scan) and matching (worker, scan).
 *
 * Source: Sigma specification 2.1.0 (SigmaHQ/sigma-specification: rules, modifiers, taxonomy). A rule set is an
 * immutable snapshot: loaded whole, shared by threads, freed with its last user. Matching needs a struct matcher per thread
 * (scratch, caches, lazily built plans). The same rule set and the same events give the same findings in the same
 * order (by event, then by rule order of loading).
 *
 * detect/sigma_parse.c reads YAML into expressions, detect/sigma_plan.c specialises them per event key (product,
 * service, channel, EventID) by partial evaluation and chooses matchers, detect/sigma_match.c runs a plan.
 */

#include "base/yaml.h"
#include "detect/finding.h"

struct rules;
struct matcher;

struct rules_stats {
	uint32_t files;
	uint32_t rules;          /* loaded */
	uint32_t refused;        /* with a fault each */
	uint32_t correlations;
	uint32_t not_applicable; /* log source that no row of map.yaml provides */
	size_t bytes;            /* memory of rules; plans come on top, see matcher_bytes() */
};

/* Called for every fault while loading; the rule is left out, the others stay. */
typedef void rules_on_fault(void *user, const struct fault *f);

/* An empty set that knows the core field names. */
struct rules *rules_new(void);
void rules_free(struct rules *r);
/* content/rules/map.yaml: log sources and field names. Must come before rules_add(). */
[[nodiscard]] int rules_add_map(struct rules *r, struct str text, struct str file, struct fault *f);
/* Placeholder list for |expand: %name% -> values. */
void rules_add_placeholder(struct rules *r, struct str name, const struct str *values, size_t count);
/* The values of such a list (the engines' own lists are called flow_...), none when there is no such list. */
const struct str *rules_placeholder(const struct rules *r, struct str name, uint32_t *ret_count);
/* placeholders.yaml: name: [values], one list a placeholder. */
[[nodiscard]] int rules_add_placeholders(struct rules *r, struct str text, struct str file, struct fault *f);
/* All documents of one rule file (the text is copied). Returns how many rules were added. Files below a directory are read by the caller
 * (this room opens nothing). A later rule with an id already taken is refused. */
uint32_t rules_add(struct rules *r, struct str text, struct str file, rules_on_fault *on_fault, void *user);
/*
 * What the desk decided, after the last rules_add(): a rule switched off, or its own level replaced (NULL: kept). False
 * when no rule has that id.
 */
bool rules_switch(struct rules *r, struct str id, bool off, const enum level *level);
/* Rules added from here on were written at the desk: a correlation among them silences none of the others. */
void rules_from_desk(struct rules *r);
/*
 * Exceptions are Sigma filters that name one rule and carry khien.exception: a number > 0. A set that is asked to count
 * them has for each a rule of its own (rule_info.exception), which finds what the exception takes away from the other, so
 * that core can tell how often, and give back what the exception's end date no longer covers. Before rules_finish().
 */
void rules_count_exceptions(struct rules *r);
/* After the last rules_add(): resolve references between rules, number the fields. No rules_add() after it. */
[[nodiscard]] int rules_finish(struct rules *r, rules_on_fault *on_fault, void *user);
struct rules_stats rules_stats(const struct rules *r);
/* The dictionary decoders must use for events that this set will see. */
const struct names *rules_names(const struct rules *r);
/* Rules in the order of loading, index 0 .. rules_count() - 1. */
uint32_t rules_count(const struct rules *r);
const struct rule_info *rules_info(const struct rules *r, uint32_t index);
/* NULL when unknown. */
const struct rule_info *rules_find(const struct rules *r, struct str id);
/* The reverse of rules_info(). */
uint32_t rules_index(const struct rule_info *info);
/*
 * Engine rules: documents with khien.engine and without a detection. No plan runs them; the engine of that name
 * (indicators, flow analytics, YARA) asks for its rule here and makes the findings itself, so that texts, level, tags,
 * switches and exceptions are alike for all engines. NULL: the rule is not there or refused, and the engine rests.
 */
const struct rule_info *rules_engine(const struct rules *r, struct str engine);
/* A row of khien.parameters; `fallback` when the document does not give it. */
double rule_parameter(const struct rule_info *info, struct str name, double fallback);
/* The next correlation, from *at on, that counts findings of this rule; NULL at the end. */
const struct rule_info *rules_fed_by(const struct rules *r, uint32_t index, uint32_t *at);
/* Files that hold Sigma filters, i from 0 (a file comes once for each of its filters). False at the end. */
bool rules_filter_file(const struct rules *r, uint32_t i, struct str *ret);
/* Log source as the rule names it; all empty for correlations and engine rules. */
struct rule_source {
	struct str product, category, service;
};
struct rule_source rules_source(const struct rules *r, uint32_t index);
/* Log sources that the map provides, by number. */
uint32_t rules_sources(const struct rules *r);
struct rule_source rules_source_at(const struct rules *r, uint32_t source);
/* Those the event belongs to, as far as its key tells (conditions of the map on other fields are not asked); at most
 * `max`. Returns how many. */
uint32_t rules_event_sources(const struct rules *r, const struct event *e, uint32_t *ret, uint32_t max);
/* Can the rule fire where these log sources arrive (seen[0 .. rules_sources() - 1])? Not when it is off; a correlation when
 * one of its rules can, an engine when one of the sources arrives that its document names (khien.sources), or anything
 * when it names none. */
bool rules_live(const struct rules *r, uint32_t index, const bool *seen);
/* Fields that the rule asks for and whose native names were never seen, at most `max`. Returns how many. */
typedef bool rules_name_seen(void *user, struct str name);
uint32_t rules_unseen_fields(const struct rules *r, uint32_t index, rules_name_seen *seen, void *user, struct str *ret,
    uint32_t max);
/* Does some source of the map deliver this rule's log source? Always so of correlations and engine rules. */
bool rules_applicable(const struct rules *r, uint32_t index);

struct matcher *matcher_new(const struct rules *r);
void matcher_free(struct matcher *m);
/* From here on every value is taken for one that will not come again, which a matcher otherwise finds out by itself, field
 * by field: nothing of it is remembered, and rules ask only what they need. What matches is the same. */
void matcher_forget(struct matcher *m);
/*
 * Compiling an expression takes up to some ten milliseconds, and an event that needs it waits. Who promises to call
 * matcher_warm() until it answers false, beside matching and on another thread, but one call at a time, spares most
 * events that: each call compiles one thing, expressions that no event has asked for yet first. Events that come before
 * compile what they need themselves, but for joined expressions, which they ask one by one. What matches is the same.
 */
void matcher_expect_warming(struct matcher *m);
/* False when there is nothing left, which new kinds of events may change. */
bool matcher_warm(struct matcher *m);
/* All rules that match, in rule order. Findings live in `arena`. *ret is untouched when there is none (returns 0).
 * Returns how many. Linear time in the size of the event whatever the rule. */
uint32_t matcher_match(struct matcher *m, struct event *e, struct arena *arena, struct finding **ret);
size_t matcher_bytes(const struct matcher *m);
/*
 * What a rule costs. Measured beside matching and without a trace in it: the next `max` rules of the event's plan (its log
 * source, round and round) are each asked alone about this event, test by test in the order of the plan, with no index,
 * no cache and no other rule beside; what the event's code and channel decide was decided before. Asked twice in a row,
 * the faster one counts: caches are warm and an interruption hardly ever hits both. The clock's own time is in it.
 *
 * So it is a price to compare rules by. It is not the rule's share of the worker's time: matching looks for the literals
 * of all rules at once and remembers values, and most rules are not asked at all. Nor is it a bound: a hostile event may
 * cost more. A rule that has looked at MEASURE_BYTES is stopped and counts with the time until then: for it the number is
 * a floor. An expression that was only compiled together with others is compiled once more, one a call, untimed; the
 * rule waits for it.
 */
#define MEASURE_BYTES ((size_t)256 << 10)

struct rule_cost {
	uint64_t ns;      /* all samples together */
	uint64_t samples; /* events the rule was asked about */
	uint64_t matched; /* of these; what tests hold against findings */
};

typedef int64_t measure_clock(void); /* nanoseconds; this room has no clock */
/* Adds to sum[index of the rule]; exceptions' own rules are passed over. */
void matcher_measure(struct matcher *m, struct event *e, uint32_t max, measure_clock *clock, struct rule_cost *sum);
/* Did some event have a field of that name (its number in rules_names()) since the matcher was made? */
bool matcher_has_seen(const struct matcher *m, uint32_t name);
/* Well-formed patterns that are too much for the expression engine: they never match. */
/* Compiles every pattern to find out; otherwise they are compiled when a plan asks for them. */
uint32_t matcher_dead_regexes(const struct matcher *m);

#endif
