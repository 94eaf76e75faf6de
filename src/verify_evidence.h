/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef VERIFY_EVIDENCE_H
#define VERIFY_EVIDENCE_H

/*
 * For `khien verify --data`: is what was received and handed in still what the record says of it (store/evidence.h)? Sealed
 * blocks are read again and compared with their entries while the log is walked, both in the order of the journal; files
 * and hits when the walk is over. Nothing is written; core may be at work meanwhile.
 */

#include "store/evidence.h"

struct evidence_check;

/* One finding: a key of content/lang (verify.*), what it is about, and of which day or entry. */
typedef void evidence_say(void *user, const char *key, struct str what, struct str of);

struct evidence_counts {
	uint64_t blocks, files, hits; /* that are as they were */
	uint64_t wrong;               /* of all three: altered, missing, or there without an entry */
	uint64_t before, dropped;     /* blocks stored before they were recorded, and entries that retention took */
	uint64_t newer;               /* sealed blocks that the record does not know yet */
};

/* `db` is open for reading. E_IO and the like of the archive; a data folder without an archive is one without blocks. */
[[nodiscard]] int evidence_check_new(const char *data, struct db *db, evidence_say *say, void *user,
    struct evidence_check **ret, struct fault *f);
/* Every entry of the record in order. */
[[nodiscard]] int evidence_check_entry(struct evidence_check *c, uint64_t seq, struct str entry);
[[nodiscard]] int evidence_check_end(struct evidence_check *c, struct evidence_counts *ret);
void evidence_check_free(struct evidence_check *c);

#endif
