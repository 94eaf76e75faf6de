/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_JSON_INDEX_H
#define BASE_JSON_INDEX_H

/*
 * Where the strings of a short JSON text begin and end, found in one pass over its bytes before anybody reads it: what
 * a decoder needs that knows the names it is going to meet. Worker and scan; a struct json_index belongs to one thread.
 *
 * Only texts that a reader of strings need not look into again get an index: no control character anywhere (so it is
 * one line), UTF-8 (RFC 3629), every escape whole. It says nothing of the grammar outside of strings; a backslash there
 * misleads it, so a reader believes it no further than the bytes it has checked itself. For everything else, and on
 * processors other than x86-64, there is json_parse().
 */

#include "base/bytes.h"

#define JSON_INDEX_BYTES 65536u
#define JSON_INDEX_QUOTES 4096u
#define JSON_INDEX_NONE UINT16_MAX /* no offset: texts are shorter */

struct json_index {
	uint32_t count;
	uint16_t quote[JSON_INDEX_QUOTES + 64];    /* offsets of the quotes that are not escaped; JSON_INDEX_NONE behind them */
	uint64_t slash[JSON_INDEX_BYTES / 64 + 1]; /* one bit a byte: backslashes; a block of them behind the text's last */
};

/* False: this text gets none. */
bool json_index(struct json_index *x, struct str text);
/* The same on one of the instruction sets it knows, for its tests; false where that does not work. All must agree. */
enum json_index_path { JSON_INDEX_SSE2, JSON_INDEX_AVX2, JSON_INDEX_AVX512 };
bool json_index_works(enum json_index_path path);
bool json_index_on(enum json_index_path path, struct json_index *x, struct str text);

/* Stands a backslash in [from, to) of the text? from <= to. */
static inline bool
json_index_escaped(const struct json_index *x, size_t from, size_t to)
{
	size_t i = from / 64, last = to / 64;
	uint64_t seen = x->slash[i] >> from % 64 << from % 64;
	for (; i < last && !seen; i++)
		seen = x->slash[i + 1];
	return i < last ? seen != 0 : (seen & ((UINT64_C(1) << to % 64) - 1)) != 0;
}

/* Where the first backslash at or behind `from` stands; somewhere behind the text when there is none. */
static inline size_t
json_index_slash(const struct json_index *x, size_t from)
{
	size_t i = from / 64;
	uint64_t seen = x->slash[i] >> from % 64 << from % 64;
	while (!seen)
		seen = x->slash[++i];
	return i * 64 + (unsigned)__builtin_ctzll(seen);
}

#endif
