/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef LAW_FILES_H
#define LAW_FILES_H

/* content/law on disk -> the rules in force, for core and check. */

#include "register/law.h"

/* Every .yaml file of content/law beside the program, in byte order of their names. Faults are told and the file is left out. NULL
 * when there is no such folder, which is told too. */
struct law *law_files_load(law_on_fault *on_fault, void *user);

#endif
