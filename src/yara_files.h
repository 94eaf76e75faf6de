/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef YARA_FILES_H
#define YARA_FILES_H

/*
 * YARA rule files on disk -> compiled rules: the yara role at its start, `khien sweep`, `khien check`. Every *.yar and
 * *.yara below the folders, in byte order of the paths.
 */

#include "detect/yara.h"
#include "host/options.h"

#define YARA_FOLDERS_MAX 8u

struct yara_files {
	char directory[YARA_FOLDERS_MAX][512]; /* files are welcome too; what is not there is passed over */
	uint32_t count;
	void (*on_fault)(void *user, const struct fault *f);
	void *user;
};

/* The folder of rules that come with the program, when it is found. */
void yara_files_usual(struct yara_files *f);
/* That and DIR/yara of the data folder. */
void yara_files_from(const struct options *o, struct yara_files *ret);
/* Files with faults are told and left out. E_FULL. */
[[nodiscard]] int yara_files_load(const struct yara_files *f, struct yara **ret);

#endif
