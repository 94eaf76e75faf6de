/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_FINDING_H
#define DETECT_FINDING_H

/*
 * A finding: one rule says something about one event. The worker makes it, core groups findings into alerts, scan
 * prints it. Second of the six structs to know. It carries its own "why": which fields and values made the rule match.
 */

#include "decode/event.h"

enum level { LEVEL_INFORMATIONAL, LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL };

#define LEVEL_COUNT 5
/* "informational" ... "critical", Sigma's words. */
const char *level_name(enum level level);
bool level_from_name(struct str name, enum level *ret);

/* A threshold of an engine rule, as its document names it. */
struct rule_parameter {
	struct str name;
	double value;
};

/* What a person is told of a rule; lives as long as its rule set. */
struct rule_info {
	struct str id;          /* UUID, or the file name when the rule has none */
	struct str title;
	struct str description;
	struct str author;      /* Detection Rule License 1.1 asks for it in alerts */
	struct str status;      /* stable, test, experimental ... */
	struct str file;        /* path as given */
	uint32_t line;          /* of the document in the file */
	enum level level;       /* in force: the desk's, else its own */
	enum level own_level;   /* as written */
	const struct str *tags; /* attack.t1110.001 ... */
	uint32_t tag_count;
	const struct str *falsepositives;
	uint32_t falsepositive_count;
	const struct str *references;
	uint32_t reference_count;
	struct str title_vi, description_vi; /* our own rules: custom attributes khien.title_vi ...; else empty */
	const struct str *falsepositives_vi; /* khien.falsepositives_vi: all of them, else none */
	uint32_t falsepositive_vi_count;
	struct str advice_vi, advice_en; /* khien.advice_vi / khien.advice_en: what to do first */
	const struct str *entity; /* field names that say "who" (khien.entity); alerts group by them; empty = default */
	uint32_t entity_count;
	uint32_t window_s;      /* alerts of this rule and entity join within this time; 0 = default 3600 */
	struct str engine;      /* khien.engine: what makes its findings when Sigma does not, "flow.beacon"; else empty */
	const struct rule_parameter *parameter; /* khien.parameters, of engine rules alone */
	uint32_t parameter_count;
	bool correlation;       /* made by detect/correlate.h from other findings */
	bool silent;            /* feeds correlations only, makes no alert of its own (generate: false) */
	bool off;               /* the desk switched it off: nothing runs it, and correlations hear nothing from it */
	uint64_t exception;     /* no rule of a person: its findings are those that this exception took from `excepted` */
	const struct rule_info *excepted; /* that rule; NULL for ordinary rules */
};

struct finding_field {
	struct str name;  /* native or core name as the rule wrote it */
	struct str value; /* at most 1,024 bytes of it */
};

struct finding {
	const struct rule_info *rule;
	struct event *event;
	const struct finding_field *matched;
	uint32_t matched_count;
	uint32_t indicator; /* number of the indicator that was hit (detect/ioc.h); 0 = none */
};

#endif
