/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_DIRECTORY_H
#define CORE_DIRECTORY_H

/*
 * Core's line to the ldap role (ldap_role.h): calls that wait for what the organisation's directory says of a password.
 * Bounded; when the role is away, dies or hangs, those who wait are told that the directory is away. Core; one thread.
 */

#include "core_apply.h"

struct core_directory;

/* NULL when no directory is named. Fills core->desk.directory_ask. */
struct core_directory *core_directory_new(struct core *core);
void core_directory_free(struct core_directory *d);
void core_directory_peer(struct core_directory *d, int fd);
/* Once a second. */
void core_directory_tick(struct core_directory *d);

#endif
