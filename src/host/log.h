/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_LOG_H
#define HOST_LOG_H

/*
 * What the program says about itself: one JSON object a line on standard error, control characters escaped, so that
 * nothing from outside can forge a line or colour a terminal. Every process; any thread; only main, the loops of the
 * roles and this room speak. Never a password, a key or a whole event.
 *
 *   {"time":"2026-11-22T06:00:00.000Z","role":"core","pid":41,"level":"info","event":"role.ready","starts":1}
 */

#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO };

struct log_arg {
	const char *name;
	struct str text;  /* when .p is not NULL; cut to LOG_TEXT_MAX */
	int64_t number;   /* otherwise */
};

#define LOG_TEXT_MAX 512

/* "supervisor", "collect", ... for the lines of this process; static. "khien" until said. */
void log_role(const char *role);
/* Lines less important than this are left out; LOG_LEVEL_INFO at first. */
void log_threshold(enum log_level level);
/* event names what happened ("role.died"); static, dotted, never translated. */
void log_write(enum log_level level, const char *event, const struct log_arg *args, size_t nargs);

/* What stops a command, for the person who typed it: one sentence on standard error, in the language of LC_ALL or LANG. */
void log_fault(const struct fault *f);

#define LOG_TEXT(name, str) {(name), (str), 0}
#define LOG_NUMBER(name, number) {(name), {NULL, 0}, (number)}
/* log_say(LOG_LEVEL_WARN, "role.died", LOG_TEXT("peer", STR("core")), LOG_NUMBER("signal", 9)) */
#define log_say(level, event, ...)                                                                                     \
	log_write((level), (event), (const struct log_arg[]){__VA_ARGS__},                                             \
	    sizeof((const struct log_arg[]){__VA_ARGS__}) / sizeof(struct log_arg))

#endif
