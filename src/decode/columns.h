/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_COLUMNS_H
#define DECODE_COLUMNS_H

/*
 * Files that say at their head what stands in which column: the W3C extended log format (IIS, proxies, the Windows
 * firewall) and Zeek's own. Only who reads a file from its beginning can know (`khien scan`); the worker sees lines
 * of many sources in one stream. Pure.
 */

#include "decode/decode.h"

#define COLUMNS_MAX 256u

struct columns {
	struct arena names;          /* of this file's columns and what else its head says */
	struct str name[COLUMNS_MAX];
	bool many[COLUMNS_MAX];      /* Zeek: a set or vector */
	uint32_t count;              /* 0: no head has been seen */
	bool zeek;
	char separator;
	struct str set_separator, empty, unset, path; /* Zeek */
	struct str date, software;   /* W3C */
	bool local;                  /* W3C: the clock is not that of UTC */
};

void columns_open(struct columns *k);
void columns_close(struct columns *k);
/* Another file begins. */
void columns_forget(struct columns *k);
/* A line of the head, or a comment: taken. */
bool columns_head(struct columns *k, struct str line);
/* A line below such a head. E_INVALID: there was none, or the line does not look like it. */
int decode_columns(struct decode_context *c, const struct columns *k, struct str line, struct event *e);
/* A line of IIS with its columns as they are unless somebody chose others. */
int decode_iis(struct decode_context *c, struct str line, struct event *e);

#endif
