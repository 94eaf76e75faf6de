/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/*
 * Failure is a value, a bug is an assert. Every process.
 *
 * Functions that can fail return 0 or one of the negative codes below and leave their ret_* outputs untouched on
 * failure. What a *person* wrote (rule, register, option, API body) also fills a struct fault: which file, line and
 * column, which field, and which sentence of content/lang says what is wrong and what to do.
 */

#include <stdint.h>

#include "base/bytes.h"

/* name, and the key of its sentence in content/lang is "error.<text>" */
#define ERROR_TABLE(X)                                                                                                 \
	X(E_INVALID, -1, "invalid")         /* the bytes do not follow their format */                                 \
	X(E_TRUNCATED, -2, "truncated")     /* they end too early */                                                   \
	X(E_LIMIT, -3, "limit")             /* larger, deeper or more than we accept */                                \
	X(E_NOT_FOUND, -4, "not_found")                                                                                \
	X(E_EXISTS, -5, "exists")                                                                                      \
	X(E_DENIED, -6, "denied")           /* no right to it */                                                       \
	X(E_CONFLICT, -7, "conflict")       /* somebody else changed it first */                                       \
	X(E_IO, -8, "io")                   /* the operating system said no; errno tells */                            \
	X(E_FULL, -9, "full")               /* disk or queue full */                                                   \
	X(E_BUSY, -10, "busy")              /* port or file in use */                                                  \
	X(E_UNSUPPORTED, -11, "unsupported") /* well-formed, but we do not do it */                                    \
	X(E_CLOSED, -12, "closed")          /* the peer is gone */                                                     \
	X(E_CORRUPT, -13, "corrupt")        /* our own data fail their checksum */                                     \
	X(E_AGAIN, -14, "again")            /* not now, not an error: nothing to read, no room to write */

enum error {
#define X(name, value, text) name = value,
	ERROR_TABLE(X)
#undef X
};

/* "invalid", "truncated", ...; "unknown" for anything else. Static. */
const char *error_name(int error);
/* The code that fits an errno value (E_IO for the rest). */
int error_from_errno(int errnum);

/* What is wrong with something a person wrote. Copies its texts, so it outlives the file it speaks of. */
struct fault {
	int code;         /* enum error; 0 = no fault */
	const char *what; /* key in content/lang without its "fault." prefix; static */
	char arg[160];    /* the offending word or value, cut and cleaned of control characters */
	char file[256];   /* "" when there is none */
	uint32_t line;    /* from 1; 0 = unknown */
	uint32_t column;  /* from 1, in bytes; 0 = unknown */
};

/* Fill *f (which may be NULL) and return code. `file` keeps what it held. */
int fault_set(struct fault *f, int code, const char *what, struct str arg, uint32_t line, uint32_t column);
void fault_in_file(struct fault *f, struct str file);

#define TRY(expression)                                                                                                \
	do {                                                                                                           \
		int try_error_ = (expression);                                                                         \
		if (try_error_ < 0)                                                                                    \
			return try_error_;                                                                             \
	} while (0)

#endif
