/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_PUBLISH_H
#define CORE_PUBLISH_H

/*
 * The desk's own rules, exceptions and switches as files below DIR/detect/, which worker and core read with the others
 * (rules_files.h). The database is the truth; the files are its picture. Core.
 *
 * Two steps: publish_gather() on core's thread copies what the database holds, publish_write() on any thread makes the
 * files so: each that differs is written beside, synced and renamed; those that nothing stands behind are removed. A
 * process that reads in the middle of it has a set of its own, which its digest tells.
 */

#include "alert/exception.h"
#include "alert/rulebook.h"

struct publish_file {
	struct str path; /* below DIR/detect, zero-terminated */
	struct str text;
};

struct publish {
	const char *directory;
	struct arena arena;
	struct publish_file *file; /* by path, ascending */
	uint32_t count, cap;
	int error;
	uint32_t written, removed;
};

/* E_LIMIT, E_IO; publish_release() in any case. */
[[nodiscard]] int publish_gather(struct publish *p, const char *directory, struct db *db,
    const struct exception_book *exceptions, const struct rules *rules);
/* E_FULL, E_IO: what was written until then stays. */
[[nodiscard]] int publish_write(struct publish *p);
void publish_release(struct publish *p);

#endif
