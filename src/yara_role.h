/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef YARA_ROLE_H
#define YARA_ROLE_H

/*
 * The yara role: open files from core, what libyara finds in them back (inspect/scan_message.h). It compiles its rules
 * while it may still open files, then gives up everything but reading descriptors it is handed, with a limit on its
 * memory and the lowest priority. A thread of its own watches the clock: a file on which libyara hangs ends the process,
 * and core counts that against the file. New rules are a new process.
 */

#include "host/role.h"
#include "yara_files.h"

extern const struct role_entry yara_role;

/* The same as a child of `khien sweep`: serve channel `fd` until its peer is gone. Returns the exit code. */
int yara_serve(int fd, const struct yara_files *files);

#endif
