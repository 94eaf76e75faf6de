/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

/*
 * A validating JSON reader (RFC 8259) that copies nothing. Every process; one struct json belongs to one thread.
 *
 * json_parse() turns a text into a tape of tokens, in the order of the text. A token borrows its bytes from the text.
 * Containers know where they end, so that what nobody asks for is stepped over. Strings stay as they stand in the text
 * until json_string() is asked; most never are. The tape is reused by the next json_parse().
 *
 * Accepts what the grammar accepts and nothing else: no comments, no trailing commas, no BOM, UTF-8 only (RFC 3629),
 * \u escapes checked (a lone surrogate is accepted, as the grammar does, and read as U+FFFD). Duplicate keys are kept.
 */

#include "base/arena.h"
#include "base/error.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_token {
	uint8_t kind;    /* enum json_kind */
	bool escaped;    /* a string with at least one backslash in it */
	uint32_t start;  /* offset of the first byte; for strings the one after the quote */
	uint32_t length; /* bytes; for strings without quotes; for containers with both brackets */
	uint32_t next;   /* index of the token behind this one and all it contains */
};

struct json {
	struct str text;
	struct json_token *token; /* [0] is the root; in an object keys and values alternate */
	uint32_t count;
	uint32_t cap;
	uint32_t max_tokens; /* E_LIMIT beyond; 0 = 1 M */
	uint32_t max_depth;  /* E_LIMIT beyond; 0 = 512 */
};

/* Zeroed is a good start: struct json j = {0}. Memory goes back with json_release(). */
void json_release(struct json *j);
/* text must stay valid while the tokens are used; at most 1 GiB. On failure the tape is empty and *f (may be NULL)
 * says where. E_INVALID, E_TRUNCATED (ends too early), E_LIMIT. */
[[nodiscard]] int json_parse(struct json *j, struct str text, struct fault *f);
/* As json_parse() for one value at the front of text (newline-delimited or concatenated values): *ret_used is how many
 * bytes belong to it, white space before it included. */
[[nodiscard]] int json_parse_prefix(struct json *j, struct str text, size_t *ret_used, struct fault *f);

/* The bytes of a token as they stand in the text (a string without quotes and with its escapes). */
static inline struct str
json_raw(const struct json *j, uint32_t i)
{
	return str_from(j->text.p + j->token[i].start, j->token[i].length);
}

/* A string's value; anything else as it stands. Copied to `arena` only when it holds escapes. False: arena full. */
[[nodiscard]] bool json_string(const struct json *j, uint32_t i, struct arena *arena, struct str *ret);
/* Undo the escapes of the inside of a validated JSON string; `out` must have room for s.n bytes, none of them
 * those of s; returns the length. */
size_t json_unescape(struct str s, char *out);

/* Value of the first member `key` (compared after unescaping) of object `object`, or 0 (never a member). */
uint32_t json_get(const struct json *j, uint32_t object, struct str key);
/* Convenience for API bodies: false when the member is missing or of another kind. */
[[nodiscard]] bool json_get_string(const struct json *j, uint32_t object, struct str key, struct arena *a,
    struct str *ret);
[[nodiscard]] bool json_get_i64(const struct json *j, uint32_t object, struct str key, int64_t *ret);
[[nodiscard]] bool json_get_bool(const struct json *j, uint32_t object, struct str key, bool *ret);

/* Walk: for (uint32_t i = json_first(j, c); i < json_end(j, c); i = json_next(j, i)); in objects i is a key, i + 1 its
 * value, and the step is json_next(j, i + 1). */
static inline uint32_t
json_first(const struct json *j, uint32_t container)
{
	return container + 1;
}

static inline uint32_t
json_end(const struct json *j, uint32_t container)
{
	return j->token[container].next;
}

static inline uint32_t
json_next(const struct json *j, uint32_t i)
{
	return j->token[i].next;
}

#endif
