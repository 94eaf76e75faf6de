/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ALERT_LOOKBACK_H
#define ALERT_LOOKBACK_H

/*
 * Looking back: a rule, a draft of one or the indicators of a source run over events that are already stored. Here are
 * the jobs and what they found, as rows; core_lookback.c runs them. Core alone, one thread.
 *
 * A job waits (queued), runs, and ends as done, stopped (by a person) or failed (its faults say why). One runs at a
 * time, the oldest first. What it found and how far it came are written together, so a job goes on where it was after
 * any restart. One whose rules carry state from event to event (correlations) begins again instead, and writes its
 * alerts only at the end, so that nothing is counted twice.
 *
 * Hits are matches of the job's own rules on events whose time lies in the range. The first LOOKBACK_HITS are kept one
 * by one, all are counted by day. Alerts come of them only for rules that are switched on and for indicators: one for
 * each rule and entity (alert_book_look_back()), none for what an alert has told already.
 */

#include "alert/alert.h"

#define LOOKBACK_HITS 200
#define LOOKBACK_QUEUE 50          /* jobs waiting; more are refused */
#define LOOKBACK_KEPT 200          /* jobs that have ended; the oldest go */
#define LOOKBACK_TEXT (1u << 20)   /* bytes of a draft */
#define LOOKBACK_DAYS 4000         /* rows of the count by day; what lies outside counts on the nearest end */

enum lookback_kind { LOOKBACK_RULE, LOOKBACK_DRAFT, LOOKBACK_INDICATORS };
enum lookback_state { LOOKBACK_QUEUED, LOOKBACK_RUNNING, LOOKBACK_DONE, LOOKBACK_STOPPED, LOOKBACK_FAILED };

const char *lookback_kind_name(enum lookback_kind kind);
bool lookback_kind_from_name(struct str name, enum lookback_kind *ret);
const char *lookback_state_name(enum lookback_state state);

struct lookback_wish {
	enum lookback_kind kind;
	struct str rule;         /* LOOKBACK_RULE: its id */
	struct str text;         /* LOOKBACK_DRAFT: the documents */
	struct str source;       /* LOOKBACK_INDICATORS: whose; empty = all */
	struct str title;        /* what a person reads in the list; for indicators empty will do */
	int64_t from_ms, to_ms;  /* [from, to) of the time of the event; `to` at or behind now_ms = all there is */
	struct str who;          /* login */
};
/*
 * Put a job into the queue; core begins within a second when nothing runs before it. For the API, and for whoever
 * switches a rule on or takes in indicators; a job about a rule begins once the worker has it, so that what came before
 * is looked at by the job and what comes after by the worker. A job of the same kind about the same rule or source that
 * has not begun is widened instead of queued twice.
 * E_FULL: LOOKBACK_QUEUE jobs wait. E_INVALID: empty range, or nothing to look for. E_LIMIT: the draft is too long.
 */
[[nodiscard]] int lookback_request(struct db *db, const struct lookback_wish *w, int64_t now_ms, int64_t *ret_id);

struct lookback {
	int64_t id;
	enum lookback_kind kind;
	enum lookback_state state;
	struct str rule, source, title, text;
	struct str who;
	int64_t from_ms, to_ms, created_ms;
	int64_t ended_ms;                /* 0 = not yet */
	int64_t upto;                    /* last journal block that it looks at; 0 = has not begun */
	int64_t at;                      /* journal blocks up to here are looked at, */
	int64_t at_record;               /* and so many records of the archive's block behind them */
	int64_t blocks, blocks_done, blocks_damaged; /* blocks of the archive */
	int64_t events, spent_ms;        /* looked at, and the time that took */
	int64_t findings;                /* all hits */
	int64_t told;                    /* of these, those that an alert had told before */
	int64_t alerts;                  /* opened */
	int64_t first_hit_ms, last_hit_ms; /* times of events; 0 = none */
	struct str faults;               /* JSON: [{"line","column","what","arg"}] */
};

struct lookback_hit {
	int64_t event;                   /* id in the archive; 0 = it could not be told */
	int64_t time_ms;
	struct str rule, title;
	enum level level;
	struct str matched;              /* JSON: [{"name","value"}] */
	struct str text;                 /* the line, at most 4 KB of it */
	struct str organisation, system; /* ids, as archived; empty when the register did not know the machine */
};

struct lookback_day {
	int64_t day;                     /* since 1970, in the local time of the desk */
	int64_t count;
};

/* Reading. Strings live in `arena`. */
/* Newest first, ids below `before` (INT64_MAX = from the newest). */
[[nodiscard]] int lookback_list(struct db *db, int64_t before, uint32_t limit, struct arena *arena,
    struct lookback **ret, uint32_t *ret_count);
[[nodiscard]] int lookback_count(struct db *db, int64_t *ret);
/* E_NOT_FOUND. */
[[nodiscard]] int lookback_get(struct db *db, int64_t id, struct arena *arena, struct lookback *ret);
/* The job to run now: the one that runs already, else the oldest that waits. E_NOT_FOUND. */
[[nodiscard]] int lookback_next(struct db *db, struct arena *arena, struct lookback *ret);
/* In the order they came. */
[[nodiscard]] int lookback_hits(struct db *db, int64_t id, struct arena *arena, struct lookback_hit **ret,
    uint32_t *ret_count);
[[nodiscard]] int lookback_days(struct db *db, int64_t id, struct arena *arena, struct lookback_day **ret,
    uint32_t *ret_count);

/* Running. */
/* Queued -> running, with what is to be looked at. */
[[nodiscard]] int lookback_begin(struct db *db, int64_t id, int64_t upto, int64_t blocks, struct str title);
/* Back to nothing found and nothing looked at. */
[[nodiscard]] int lookback_rewind(struct db *db, int64_t id);
/* What j says of progress and counts. */
[[nodiscard]] int lookback_save(struct db *db, const struct lookback *j);
/* Its end. faults: JSON, or empty to leave them. E_CONFLICT when it has ended already. */
[[nodiscard]] int lookback_end(struct db *db, int64_t id, enum lookback_state state, struct str faults, int64_t now_ms);

/* What was found since the last write: memory, so that a flood of hits costs one row a day and not one a hit. */
struct lookback_ledger;

struct lookback_ledger *lookback_ledger_new(void);
void lookback_ledger_free(struct lookback_ledger *l);
/* One hit: counts in *j, kept while it is among the first LOOKBACK_HITS. zone: minutes east of UTC. */
void lookback_ledger_add(struct lookback_ledger *l, struct lookback *j, const struct lookback_hit *h, int zone);
/* Hits, days and what j says, in the caller's transaction; may be repeated. After the commit: lookback_ledger_clear(). */
[[nodiscard]] int lookback_ledger_write(const struct lookback_ledger *l, struct db *db, const struct lookback *j);
void lookback_ledger_clear(struct lookback_ledger *l);

#endif
