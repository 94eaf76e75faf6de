/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_WITNESS_HTTP_H
#define WEB_WITNESS_HTTP_H

/*
 * The HTTP side of `khien witness` (C2SP tlog-witness), in a process of its own:
 *
 *   POST /add-checkpoint   the answers of store/witness.h
 *   GET  /key              our key, as verifiers are given it
 *   GET  /seen/ORIGIN      the newest checkpoint of that log that we cosigned: what an auditor compares a record with
 */

#include "store/witness.h"

/* Serves on `fd`, a listening socket, until SIGTERM or SIGINT. Gives up all power but files below `directory` first. The
 * origins of the logs are told again, in the order of witness_open(). */
[[nodiscard]] int witness_http(struct witness *w, const struct note_key *log, uint32_t logs, const char *directory, int fd);

#endif
