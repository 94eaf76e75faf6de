/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DETECT_CORPUS_H
#define TEST_DETECT_CORPUS_H

/* What the tests of this room share: rule sets from text or from a folder, and events from JSON. */

#include "decode/decode.h"
#include "detect/sigma.h"

struct faults {
	struct fault last;
	uint32_t count;
};

/* A rules_on_fault for struct faults. */
void corpus_count_fault(void *user, const struct fault *f);
/* With content/rules/map.yaml; unfinished. */
struct rules *corpus_rules(void);
/* All .yml below a folder, in the order of their paths. */
void corpus_add_folder(struct rules *r, const char *folder, struct faults *faults);
/* Calls `each` for every file below `folder` whose name ends in `ending`, in the order of their paths. */
void corpus_walk(const char *folder, struct str ending, void (*each)(void *user, const char *path), void *user);
/* The public rules, loaded and finished, with lists for the two placeholders; NULL when they are not there. */
struct rules *corpus_sigma(struct faults *faults);
/* A .zst file unpacked. */
bool corpus_unpack(const char *path, struct buf *ret);

#endif
