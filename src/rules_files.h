/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef RULES_FILES_H
#define RULES_FILES_H

/*
 * Rule files on disk -> rule set. worker and core (each at its start and at a reload), check, scan. detect/ opens nothing;
 * here the folders are walked in byte order, so that every process that reads the same files numbers the rules alike.
 *
 * What the desk made itself stands in DIR/detect, written by core (core_publish.h): rules/ID.yml, filters/NUMBER.yml
 * (exceptions, counted) and switches.yaml. It is read last, so that it cannot take an id away from a file of the folders.
 *
 * In the first of the folders map.yaml is the field map, unless one is named; placeholders.yaml (name: [values]) fills
 * |expand. Everything else that ends in .yml or .yaml is taken for rules.
 */

#include <limits.h>

#include "detect/sigma.h"
#include "host/options.h"

struct rules_files {
	const char *directory[OPTIONS_MAX_RULES]; /* files are welcome too */
	uint32_t count;
	const char *map;          /* NULL: look for it */
	const char *placeholders; /* NULL: look for it */
	const char *desk;         /* DIR/detect, or NULL */
	rules_on_fault *on_fault; /* may be NULL */
	void *user;
};

/* DIR/detect of a data folder. Static. */
const char *rules_desk_directory(const char *data);
/* The path of content/NAME beside the source tree's build, else /usr/share/khien/NAME. Static, until the next call; NULL
 * when there is neither. */
const char *rules_beside_program(const char *name);
/* The folder content/rules beside the source tree's build, or the installed one. Static; NULL when there is neither. */
const char *rules_default_directory(void);
/* *ret_digest: SHA-256 over paths and contents, equal where the rule sets are equal. E_NOT_FOUND when no map is found,
 * E_INVALID when the map does not load; rules with faults are told and left out. */
/* Any thread, one at a time in a process. */
[[nodiscard]] int rules_files_load(const struct rules_files *f, struct rules **ret, uint8_t ret_digest[32],
    struct fault *fault);
/* Where the field map and the placeholders are; NULL when there are none. `path` may be used for the answer. */
const char *rules_files_map(const struct rules_files *f, char path[PATH_MAX]);
const char *rules_files_placeholders(const struct rules_files *f, char path[PATH_MAX]);
/* What serve's options name. */
void rules_files_from(const struct options *o, struct rules_files *ret);

#endif
