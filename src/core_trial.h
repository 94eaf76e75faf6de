/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_TRIAL_H
#define CORE_TRIAL_H

/*
 * Core's line to the look-back role (lookback_role.h), and the sets of rules that go over it. Core alone, one thread.
 *
 * The role is asked one thing at a time, so that what it hangs on is known for sure: who uses up its time (processor time,
 * since it runs when nobody else does) is ended with it. Checks of a person's text go before the questions of the job.
 */

#include "core_apply.h"
#include "detect/trial.h"
#include "web/route.h"

/* ---- a set: rule files and texts, and what they refer to ---- */

#define SET_FILES 2048u /* rule files of one set: an exception is one too, and there may be EXCEPTION_MAX */

struct set {
	struct buf documents;    /* as of trial_set_add() */
	struct buf files;        /* names of those in it, each with its NUL */
	uint32_t count;
};

void set_init(struct set *s);
void set_release(struct set *s);
/* Map, placeholders and filters as core has them loaded, then what is wanted: a text, or the rule file `path` when text.p
 * is NULL. E_NOT_FOUND, E_DENIED, E_LIMIT, E_IO. */
[[nodiscard]] int set_begin(struct set *s, const struct core *core, struct str text, const char *path);
/* Another rule file that is wanted. */
[[nodiscard]] int set_want(struct set *s, struct str file);
/* Adds the files of rules that the set refers to and core knows. False: nothing was added, the facts are what they are. */
bool set_widen(struct set *s, const struct core *core, const struct trial_facts *facts);
/* [{"line","column","what","arg"}] */
void faults_json(struct buf *out, const struct trial_facts *facts);

/* ---- the line ---- */

struct trial_line;

enum line_end {
	LINE_INNOCENT,  /* it was about something else, or nothing */
	LINE_DIED,      /* over the job's question */
	LINE_SLOW,      /* the job's question took more than its time */
};

/* What the job hears. Never from within a call of the job's own. */
struct line_events {
	void (*facts)(void *user, struct str message);
	void (*findings)(void *user, struct str message);
	void (*ended)(void *user, enum line_end why); /* whatever the role held of us is gone */
	void (*idle)(void *user);                     /* it may be asked */
};

struct trial_line *trial_line_new(struct core *core, const struct line_events *events, void *user);
/* Calls that wait are answered. Accepts NULL. */
void trial_line_free(struct trial_line *l);
void trial_line_peer(struct trial_line *l, int fd);
/* Once a second. */
void trial_line_tick(struct trial_line *l);
bool trial_line_is_free(const struct trial_line *l);
/* The job's question: MSG_TRIAL_SET or MSG_TRIAL_BATCH. Only while the line is free. E_LIMIT. */
[[nodiscard]] int trial_line_ask(struct trial_line *l, enum message type, struct str a, struct str b);
/* An indicator image for the set that is asked about next. Only while the line is free; its loss is told as any other. */
void trial_line_give(struct trial_line *l, int fd);
/* What came is no answer: ended with it, as if it had died. */
void trial_line_distrust(struct trial_line *l);
/* Have a file read as a table, then go on with call->tabled. */
void trial_line_table(struct trial_line *l, struct api_call *call, struct str bytes);
/* Check the text of rules and answer the call. */
void trial_line_check(struct trial_line *l, struct api_call *call, struct str text);

#endif
