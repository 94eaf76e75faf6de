/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ALERT_ALERT_H
#define ALERT_ALERT_H

/*
 * Findings become few alerts: one of the six structs to know. Core alone, one thread.
 *
 * Findings of the same rule about the same entity in the same organisation join one alert while it is open and its last finding is less than the
 * rule's window old; a closed alert is never reopened by a finding. Findings of one verdict are gathered first and
 * written together, inside the transaction of the caller, so a flood costs one row a group and not one a finding.
 *
 * States: new -> acknowledged -> closed (a reason is asked) and, by hand, back to new. Every change has a row of history
 * with who and when, and raises the version; a change must name the version it saw.
 */

#include "detect/finding.h"
#include "register/system.h"

enum alert_state { ALERT_NEW, ALERT_ACKNOWLEDGED, ALERT_CLOSED };

const char *alert_state_name(enum alert_state state);
bool alert_state_from_name(struct str name, enum alert_state *ret);

#define ALERT_SLOT_MS 150000       /* width of a sparkline slot */
#define ALERT_SLOTS 24             /* one hour */
#define ALERT_FINDINGS_KEPT 200    /* findings kept one by one; more only count (their events stay searchable) */

struct alert {
	int64_t id;
	struct str rule, title, title_vi;
	enum level level;
	enum alert_state state;
	struct str entity;      /* JSON: [{"name":"source.ip","value":"203.0.113.77"}] */
	struct str techniques;  /* JSON: ["T1110.001"] */
	int64_t count, first_ms, last_ms, opened_ms;
	struct str organisation, system; /* ids; empty when the register does not know the machine */
	struct str assignee, reason;     /* empty when none */
	struct str verdict;     /* of a closed one: true, false (a false alarm), unclear; else empty */
	int64_t version;
	bool demonstration;
	int64_t lookback;       /* the job that found it among stored events (alert/lookback.h); 0: made as they came */
	uint32_t spark[ALERT_SLOTS];     /* filled by alert_spark() */
};

struct alert_finding {
	int64_t event;      /* id in the archive */
	int64_t time_ms;
	struct str matched; /* JSON: [{"name","value"}] */
	struct str text;    /* the line, at most 4 KB of it */
};

struct alert_change {
	int64_t at_ms;
	struct str who, change, reason; /* change: opened, acknowledged, closed, reopened, assigned, commented */
	struct str verdict;             /* when it was closed */
};

/* Gathering. `registry` may be swapped between verdicts. */
struct alert_book;

struct alert_book *alert_book_new(struct db *db);
void alert_book_free(struct alert_book *b);
/* One finding. e is the event as archived under event_id; system may be NULL. Nothing is written yet. */
void alert_book_add(struct alert_book *b, const struct rule_info *rule, const struct event *e, int64_t event_id,
    int64_t time_ms, const struct finding_field *matched, uint32_t matched_count, const struct system *system,
    bool demonstration);
/* Write what was gathered, in the caller's transaction. E_FULL, E_IO: roll back; what was gathered is kept and the call
 * may be repeated. After the commit: alert_book_each() for the ids of the alerts that changed, then alert_book_clear(). */
[[nodiscard]] int alert_book_write(struct alert_book *b, int64_t now_ms);
void alert_book_each(const struct alert_book *b, void (*each)(void *user, int64_t id), void *user);
void alert_book_clear(struct alert_book *b);
/* Findings that found no room (64 MB of different entities in one verdict) since the start: counted, not grouped. */
uint64_t alert_book_over(const struct alert_book *b);
/* Findings gathered and not yet written. */
uint32_t alert_book_pending(const struct alert_book *b);

/* For a book of its own: it looks back for this job. Its alerts are apart from those of other books, one for each rule
 * and entity; findings at a time that another alert of the same rule and entity already spans have been told and are
 * only counted. Nothing counts for the rule's own numbers. */
void alert_book_look_back(struct alert_book *b, int64_t job);
/* Since the last alert_book_clear(): findings told before, and alerts opened. */
uint64_t alert_book_told(const struct alert_book *b);
uint32_t alert_book_opened(const struct alert_book *b);
/* What matched, as JSON: [{"name","value"}]. */
void alert_matched_json(const struct finding_field *matched, uint32_t matched_count, struct buf *out);

/* Whose system an event tells of: host.name, host.ip, destination.ip, source.ip, then domains; for firewalls and sensors,
 * whose own name stands in host.name, the addresses come first; of a question for a name, the asker's before the asked
 * server's. NULL when unknown. */
const struct system *alert_system_of(const struct registry *r, const struct event *e);
/* Whose system a finding about many flows means: that of the first address it names which is ours. A scanner within is
 * found at its own agency, not at the one it happened to try when the count was full. */
const struct system *alert_system_meant(const struct registry *r, const struct finding *f, const struct system *fallback);

/* Reading. Strings live in `arena`. */
struct alert_filter {
	unsigned states;         /* bit per enum alert_state; 0 = all */
	unsigned levels;         /* bit per enum level; 0 = all */
	struct str system, organisation; /* empty = any */
	struct str text;         /* found in title or entity, accents folded; empty = any */
	struct str rule;
	struct str assignee;     /* login; empty = anybody's */
	int64_t lookback;        /* only those of this job; 0 = all */
	struct str verdict;      /* empty = any */
	struct str scope;        /* only those of this organisation and of all below it; empty = the whole province */
	int64_t before_ms, before_id; /* cursor: rows after this one; INT64_MAX = from the newest */
	uint32_t limit;          /* 1..500 */
};
[[nodiscard]] int alert_list(struct db *db, const struct alert_filter *f, struct arena *arena, struct alert **ret,
    uint32_t *ret_count);
[[nodiscard]] int alert_count(struct db *db, const struct alert_filter *f, int64_t *ret);
/* E_NOT_FOUND. */
[[nodiscard]] int alert_get(struct db *db, int64_t id, struct arena *arena, struct alert *ret);
[[nodiscard]] int alert_spark(struct db *db, struct alert *a, int64_t now_ms);
/* Newest first, at most `limit`. */
[[nodiscard]] int alert_findings(struct db *db, int64_t id, uint32_t limit, struct arena *arena,
    struct alert_finding **ret, uint32_t *ret_count);
[[nodiscard]] int alert_changes(struct db *db, int64_t id, struct arena *arena, struct alert_change **ret,
    uint32_t *ret_count);
/* Other alerts of the same rule or the same system within `scope`, newest first. */
[[nodiscard]] int alert_similar(struct db *db, const struct alert *a, struct str scope, uint32_t limit, struct arena *arena,
    struct alert **ret, uint32_t *ret_count);

/* Changing. `version` is what the person saw: E_CONFLICT when it is not the current one; E_INVALID with f->what
 * "alert_reason" when closing without a reason. */
struct alert_update {
	bool set_state;
	enum alert_state state;
	bool set_assignee;
	struct str assignee;     /* empty = nobody */
	struct str reason;       /* alone: a word added to the history */
	struct str verdict;      /* with ALERT_CLOSED; empty = unclear. The score of the rule follows it. */
};
bool alert_verdict_is_one(struct str name);
[[nodiscard]] int alert_change(struct db *db, int64_t id, int64_t version, const struct alert_update *u, struct str who,
    int64_t now_ms, struct fault *f);

/* Alerts of the demonstration go, with their findings and history. */
[[nodiscard]] int alert_forget_demonstration(struct db *db);

/* ATT&CK techniques of a rule's tags: "attack.t1110.001" -> T1110.001, as a JSON array. */
void alert_techniques(const struct rule_info *rule, struct buf *out);

#endif
