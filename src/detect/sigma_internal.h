/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_SIGMA_INTERNAL_H
#define DETECT_SIGMA_INTERNAL_H

/*
 * What the files sigma_*.c, literal.c, correlate.c and the slow evaluator of the tests share: a rule set after parsing.
 *
 * A rule is an expression over tests. A test asks one field (or, without a field, the whole event: a keyword) about one
 * literal and is kept once however many rules ask it. Names in a test are the rule's; the rows of map.yaml say which
 * native fields stand behind them, once for each log source (sigma_map.c), and plans put the two together (sigma_plan.c).
 */

#include <hs.h>

#include "detect/fold.h"
#include "detect/sigma.h"

#define RULE_MAX_LEAVES 65536u /* tests of a rule, selections counted as often as its condition names them */
#define RULE_MAX_NESTING 64u   /* parentheses in a condition */
#define RULE_MAX_VALUES 32768u /* of one field after expansion */
#define RULE_MAX_REGEXES 256u  /* of a document: compiling one takes milliseconds */
#define CONDITION_MAX_RULES 256u /* named by the condition of a correlation: it is asked for every event that counts */
#define REGEX_MAX_BYTES 4096u
#define SLOT_MAX_NAMES 4u      /* native fields behind one name of a rule */
#define SOURCE_MAX_ROWS 64u    /* of the map, that provide one log source */
#define MAP_MAX_ROWS 4096u

/* ---- tests ---- */

enum test_op {
	TEST_ANY,      /* present with any value: a lone * */
	TEST_EQ,
	TEST_PREFIX,
	TEST_SUFFIX,
	TEST_CONTAINS,
	TEST_GLOB,
	TEST_REGEX,
	TEST_CIDR,
	TEST_COMPARE,
	TEST_TIME,     /* a part of a time, compared */
	TEST_FIELDREF,
	TEST_NULL,     /* missing or JSON null */
	TEST_EXISTS,   /* there, even as null */
};

enum compare { COMPARE_EQ, COMPARE_LT, COMPARE_LTE, COMPARE_GT, COMPARE_GTE };
enum time_part { PART_MINUTE, PART_HOUR, PART_DAY, PART_WEEK, PART_MONTH, PART_YEAR };

/* Units of a pattern: a byte, or one of these. */
enum { UNIT_STAR = 256, UNIT_ONE = 257 };

struct units {
	const uint16_t *p;
	uint32_t n;
};

struct test {
	uint32_t id;
	uint8_t op;          /* enum test_op */
	bool cased;
	uint8_t compare;     /* TEST_COMPARE, TEST_TIME */
	uint8_t part;        /* TEST_TIME */
	uint8_t like;        /* TEST_FIELDREF: TEST_EQ, TEST_PREFIX, TEST_SUFFIX or TEST_CONTAINS of the other field */
	uint8_t regex_flags; /* for telling tests apart */
	uint8_t bits;        /* TEST_CIDR: length of the prefix in 128 bits; TEST_REGEX: 1 = takes UTF-8 only */
	uint32_t name;       /* of the field as the rule writes it; NAME_UNKNOWN: a keyword */
	uint32_t other;      /* TEST_FIELDREF */
	struct str literal;  /* folded unless cased; the pattern of a regex */
	struct units glob;   /* TEST_GLOB */
	struct str needle;   /* folded text that every match contains; empty when there is none to be told */
	uint8_t address[16]; /* TEST_CIDR, IPv4 mapped */
	double number;       /* TEST_COMPARE, TEST_TIME */
	hs_database_t *regex;
};

enum expr_kind { EXPR_FALSE, EXPR_TRUE, EXPR_TEST, EXPR_RULE, EXPR_NOT, EXPR_AND, EXPR_OR };

struct expr {
	uint8_t kind;    /* enum expr_kind */
	uint32_t count;  /* children */
	uint32_t leaves; /* tests below, shared parts counted each time */
	union {
		const struct test *test;
		struct expr **child;
		uint32_t place; /* EXPR_RULE, in the condition of a correlation: in its list of rules */
	};
};

/* ---- log sources (sigma_map.c) ---- */

struct rename {
	uint32_t from; /* as rules write it */
	uint32_t to[SLOT_MAX_NAMES];
	uint32_t count;
};

struct field_condition {
	uint32_t name;
	const struct str *value; /* any of them, case folded */
	uint32_t count;
};

/* One place that a log source comes from: what it provides, when an event belongs to it, what its fields are called. */
struct map_row {
	struct str product, category, service;
	const struct str *channel, *code, *event_product, *event_service, *event_category;
	uint32_t channels, codes, event_products, event_services, event_categories;
	const struct field_condition *condition; /* on ordinary fields */
	uint32_t conditions;
	const struct rename *rename;
	uint32_t renames;
	uint32_t source; /* number of what it provides */
};

/* What decides which rows, and so which rules, an event meets. All folded. */
struct event_key {
	struct str product, service, category, channel, code;
};

/* ---- rules ---- */

enum correlation_type {
	CORRELATE_EVENT_COUNT,
	CORRELATE_VALUE_COUNT,
	CORRELATE_TEMPORAL,
	CORRELATE_TEMPORAL_ORDERED,
	CORRELATE_VALUE_SUM,
	CORRELATE_VALUE_AVG,
	CORRELATE_VALUE_PERCENTILE,
};

struct bound {
	uint8_t compare; /* enum compare; not equal is told by `differs` */
	bool differs;
	double number;
};

struct correlation_alias {
	struct str name;    /* used in group-by */
	struct str rule;    /* id or name */
	struct str field;
};

struct correlation {
	enum correlation_type type;
	const struct str *reference; /* ids or names as written */
	uint32_t *rule;              /* indexes, after rules_finish() */
	uint32_t rules;
	const struct str *group_by;
	uint32_t groups;
	const struct correlation_alias *alias;
	uint32_t aliases;
	int64_t timespan_ms;
	const struct bound *bound;   /* all must hold */
	uint32_t bounds;
	const struct str *field;     /* of the value_* types */
	uint32_t fields;
	struct expr *condition;      /* temporal types: which rules must have matched, and which not; NULL: by number */
	const bool *aside;           /* temporal_ordered with a condition: rules that are no step of the order */
	double percentile;
	bool generate;
};

struct rule {
	struct rule_info info;       /* first: rules_index() comes back from it */
	struct str name;             /* other rules may refer to it by this */
	struct str product, category, service;
	const struct expr *expr;     /* NULL for correlations and engine rules */
	struct correlation *correlation;
	const struct rule_source *needs; /* khien.sources of an engine: without one of them it finds nothing; none: any will do */
	uint32_t need_count;
	uint32_t line, column;       /* of the document */
	uint32_t index;              /* in the set */
	uint32_t group;              /* of its log source, when it has an expression */
	bool applicable;
	bool desk;                   /* written at the desk: rules_from_desk() */
	bool dropped;                /* refused in rules_finish() */
};

/* A Sigma filter until rules_finish() has joined it to its rules. */
struct filter {
	struct str product, category, service;
	const struct str *reference; /* NULL: every rule of the log source */
	uint32_t references;
	const struct expr *expr;
	struct str file;
	uint32_t line, column;
	uint64_t exception;          /* khien.exception; 0: an ordinary filter */
};

/* Rules of one log source, and the rows of the map that provide it. */
struct rule_group {
	const struct rule *like; /* one of that log source */
	uint32_t *rule, *row;
	uint32_t rules, rule_cap, rows, row_cap;
	struct str *word; /* EventID and Channel constants that its rules ask for, sorted */
	uint32_t words, word_cap;
};

/* A group that an event meets, and over which rows. */
struct choice {
	uint32_t group;
	uint32_t literal; /* the event itself names the log source */
	uint32_t rows;
	uint16_t row[SOURCE_MAX_ROWS];
};

struct placeholder {
	struct str name;
	struct str *value;
	size_t count;
	struct placeholder *next;
};

struct rules {
	struct arena arena;
	struct names *names;
	struct rule **rule;
	uint32_t count, cap;
	struct filter **filter;
	uint32_t filters, filter_cap;
	struct test **test;          /* by id */
	uint32_t tests, test_cap;
	uint32_t *test_slot;         /* open addressing over tests, id + 1 */
	uint32_t test_mask;
	struct rule **by_name;       /* id or name -> rule, open addressing */
	uint32_t by_name_mask, by_name_count;
	struct map_row *row;
	uint32_t rows, row_cap;
	uint32_t sources;            /* that the rows provide */
	struct rule_group *group;
	uint32_t groups, group_cap;
	struct placeholder *placeholder;
	struct rules_stats stats;
	bool from_desk;
	bool counts_exceptions;
	bool finished;
};

/* What is being read: one document of one file. */
struct parse {
	struct rules *r;
	struct arena scratch;
	struct fault fault;
	uint32_t values;  /* of the field at hand */
	uint32_t regexes; /* of the document */
	bool shared;      /* it has parts of another: collection_next() */
};

/* sigma_collection.c: documents of one file, one after the other. */
struct collection {
	struct arena *arena;         /* of the documents' trees */
	struct fault *fault;
	const struct yaml *global;   /* NULL: none */
	const struct yaml *before;   /* the rule before, as it was read */
	uint32_t nodes;
	bool shared;                 /* the document at hand has parts of others: perhaps their id and name */
};

/* The document as it shall be read; *ret is NULL when there is nothing to read. */
[[nodiscard]] int collection_next(struct collection *c, const struct yaml *document, const struct yaml **ret);

/* sigma_parse.c: one document; adds a rule or a filter to r. */
[[nodiscard]] int sigma_parse_document(struct parse *p, const struct yaml *document, struct str file);
/* sigma_value.c: "Field|contains|all": [values]; and one keyword or a list of them. */
[[nodiscard]] int sigma_parse_item(struct parse *p, const struct yaml *item, struct str key, struct expr **ret);
/* sigma_condition.c: `detection` is the map that holds the named selections; skips `condition` and `timeframe`. */
[[nodiscard]] int sigma_parse_condition(struct parse *p, const struct yaml *condition, const struct yaml *detection,
    struct expr **ret);
/* The same words over the rules of a correlation, by place in `rule`; and the words of one that no list comes with. */
[[nodiscard]] int sigma_parse_rule_condition(struct parse *p, const struct yaml *condition, const struct str *rule,
    uint32_t rules, struct expr **ret);
uint32_t sigma_condition_words(struct parse *p, const struct yaml *condition, struct str *word, uint32_t max);
/* sigma_parse.c: a named selection. */
[[nodiscard]] int sigma_parse_selection(struct parse *p, const struct yaml *selection, struct expr **ret);

/* sigma_regex.c: t->literal and t->regex_flags into t->regex and t->needle. E_LIMIT, or E_INVALID with p->fault.arg. */
[[nodiscard]] int sigma_check_regex(struct parse *p, struct test *t);
/* t->regex, compiled when it is asked for the first time: all of them take longer than the rest of loading. NULL when
 * the pattern is too much; it never matches. Any thread. */
const hs_database_t *sigma_compile_regex(const struct test *t);
/* Compiles them all and tells how many were too much. */
uint32_t sigma_compile_regexes(const struct rules *r);
/*
 * Databases are for data in pieces, and the value is the only piece: what they find is the same, and as fast. Made for
 * one block, a text, `.{1,64}` and another text took Vectorscan a tenth of a second, a hundred times as long, for it
 * tries automata that do not fit in the end; together the public rules' expressions take a third of the time.
 */
#define REGEX_MODE HS_MODE_VECTORED
/* The processor that databases are made for. */
const hs_platform_info_t *sigma_regex_platform(void);
void sigma_scan_regex(const hs_database_t *database, struct str value, hs_scratch_t *scratch, match_event_handler found,
    void *user);

/* sigma_expr.c */
[[nodiscard]] struct expr *expr_test(struct parse *p, const struct test *t);
[[nodiscard]] struct expr *expr_rule(struct parse *p, uint32_t place);
/* Joins children; one child stays itself. NULL when memory or RULE_MAX_LEAVES is used up. */
[[nodiscard]] struct expr *expr_join(struct parse *p, enum expr_kind kind, struct expr *const *child, uint32_t count);
[[nodiscard]] struct expr *expr_not(struct parse *p, struct expr *child);
/* The test kept once; NULL when memory is used up. */
const struct test *rules_intern_test(struct rules *r, const struct test *t);
/* The kept test that equals *t, or NULL. */
const struct test *rules_find_test(struct rules *r, const struct test *t);

/* sigma_rules.c */
/* `shared`: its id and name may be those of a rule before it in the file. */
int rules_keep(struct rules *r, struct rule *rule, bool shared);
struct rule *rules_find_name(const struct rules *r, struct str name);

/* sigma_map.c */
/* Native names behind `name`; returns how many. */
uint32_t row_names(const struct map_row *row, uint32_t name, uint32_t ret[SLOT_MAX_NAMES]);
/* Does an event with this key belong to the row, as far as its key tells? */
bool row_takes(const struct map_row *row, const struct event_key *key);
/* sigma_source.c: row->source of each, and r->sources. */
void rules_number_sources(struct rules *r);
/* Sorts rules into groups by log source and tells of each whether some row provides it. */
void rules_group(struct rules *r);
/* All groups that an event with this key meets, as an array of struct choice. Keys that make the same choice share a
 * plan unless a rule chosen asks for their very code or channel: then *ret_code, *ret_channel are these, else "?". */
void rules_choose(const struct rules *r, const struct event_key *key, struct buf *ret, struct str *ret_code,
    struct str *ret_channel);

/* sigma_test.c: one test on one value. `folded` is the value after fold_text(). Not for TEST_NULL, TEST_EXISTS and
 * TEST_FIELDREF, which are about more than a value. */
bool test_value(const struct test *t, struct str value, struct str folded, hs_scratch_t *scratch);
bool test_like(enum test_op op, struct str value, struct str literal);
bool text_to_number(struct str s, double *ret);
/* IPv4 (mapped) or IPv6 text. */
bool text_to_address(struct str s, uint8_t ret[16]);
bool number_compare(enum compare how, double a, double b);

#endif
