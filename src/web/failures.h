/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_FAILURES_H
#define WEB_FAILURES_H

/*
 * Sign-ins that failed, requests that were refused, and input that was, for the auditor: who, from where, what was wrong,
 * how often. Core.
 *
 * A flood of guesses must not become a flood of writes: failures are summed in memory and written every few seconds, at
 * most 256 different ones each time (what is more is summed as "others"), by ten minutes, at most 10,000 rows, the oldest
 * go. A crash loses the last seconds. Each kind has these bounds for itself: who sends nonsense hides no guesses.
 *
 * What was typed as a name is kept only when it is somebody's, or too short to be one of our passwords: people type a
 * password into the wrong field.
 */

#include "store/db.h"

#define FAILURES_WRITE_MS 5000
#define FAILURES_HELD 256u
#define FAILURES_ROWS 10000

enum failure_kind { FAILURE_SIGN_IN, FAILURE_REQUEST, FAILURE_INPUT, FAILURE_KINDS };

struct failures;
struct failures *failures_new(void);
void failures_free(struct failures *f);
/* `what`: "password", "totp", "recovery", "passkey", "wait", "directory" ...; of a request the reason, its method and its
 * path as the table has it: "denied GET /api/v1/events", "invalid POST /api/v1/people"; never what was in it. `known`: there
 * is such a person. */
void failures_note(struct failures *f, enum failure_kind kind, struct str login, bool known, struct str peer, const char *what, int64_t now_ms);
/* Writes what came in since the last time: before somebody reads it. What cannot be written is kept. */
[[nodiscard]] int failures_write(struct failures *f, struct db *db);
/* The same now and then. */
[[nodiscard]] int failures_tick(struct failures *f, struct db *db, int64_t now_ms);

#endif
