/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_FILES_H
#define REGISTER_FILES_H

/* content/register on disk, for core and check. */

#include "register/system.h"

/* Kinds of organisations: kinds.yaml of content/register beside the program, into the database (NULL: only read). Every
 * fault is told, and then the database is as it was. */
[[nodiscard]] int kinds_file_load(struct db *db, registry_on_fault *on_fault, void *user);

#endif
