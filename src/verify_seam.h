/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef VERIFY_SEAM_H
#define VERIFY_SEAM_H

/*
 * Where the record was begun anew (store/record_anew.h), for `khien verify`: each new log repeats what there was, so the log before
 * must be found as its beginning, and what a witness has seen of that one besides is missing, and said.
 */

#include "store/record_anew.h"

#define SEAMS_MAX 64u

struct seams {
	struct arena arena;
	struct {
		uint64_t entry; /* from 1 */
		struct record_seam is;
	} seam[SEAMS_MAX];
	uint32_t count, over;   /* over: more than are kept */
};

/* Every entry in its order. Zeroed is a good start. */
void seams_entry(struct seams *s, uint64_t entry, struct str text);
/* One sentence or two for each, on standard output. True when a log before is not the beginning of this one. */
bool seams_say(const struct seams *s, struct tlog *log);
/* A note that is none of this log, though a witness signed it: the key of the sentence that says what it is then, or NULL.
 * "verify.cosigned_before": of a log before, and what it speaks of is here. */
const char *seams_cosigned(const struct seams *s, struct tlog *log, struct str note);
void seams_release(struct seams *s);

#endif
