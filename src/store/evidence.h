/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_EVIDENCE_H
#define STORE_EVIDENCE_H

/*
 * Evidence in the record: what was received and what was handed in, as entries of their own beside those of people, so that
 * they become leaves of the same log. who is "khien", action one of
 *
 *   evidence.begins        after {"through"}: blocks of the journal up to this one were stored before there was such a record
 *   evidence.sealed        after {"sealed": [[day, first, last, blocks, bytes, events, root], ...]}; store/archive_sealed.h
 *   evidence.dropped       after {"through", "before"}: retention takes away the days before `before`
 *   evidence.behind        after {"noted", "held"}: the archive holds less than was noted: a copy of it was put in its place
 *   evidence.file          after {"sha256", "bytes"}; noun files, id the number of the file handed in
 *   evidence.file_removed  its bytes are gone
 *   evidence.hit           after {"path", "sha256", "bytes"}: found by a sweep; noun sweeps, id its number
 *   evidence.sweep_removed the row of a sweep and its hits are gone
 *
 * Sealed blocks are noted together, once a minute, in one transaction with how far that goes: what a crash left out is noted
 * at the next start. Core; one thread.
 */

#include "store/archive_sealed.h"
#include "store/record.h"

#define EVIDENCE_SEALED STR("evidence.sealed")

/* At the start: when nothing was ever noted it begins here. */
[[nodiscard]] int evidence_open(struct db *db, struct archive *a, int64_t now_ms);
/* Notes what was sealed since the last time. Cheap when there is nothing. */
[[nodiscard]] int evidence_note(struct db *db, struct archive *a, int64_t now_ms);
/* Before archive_drop_before(ms): says what it will take away, if anything. */
[[nodiscard]] int evidence_drop(struct db *db, struct archive *a, int64_t ms, int64_t now_ms);

/* In the caller's transaction. */
[[nodiscard]] int evidence_file(struct db *db, int64_t id, struct str sha256, int64_t bytes, int64_t now_ms);
[[nodiscard]] int evidence_file_removed(struct db *db, int64_t id, struct str who, int64_t now_ms);
[[nodiscard]] int evidence_sweep_removed(struct db *db, int64_t sweep, int64_t now_ms);
[[nodiscard]] int evidence_hit(struct db *db, int64_t sweep, struct str path, struct str sha256, int64_t bytes, int64_t now_ms);

#endif
