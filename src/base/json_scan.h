/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

/*
 * Inside of base/json.c, open to its tests: the same grammar compiled twice, once over 32 bytes at a time (AVX2) and
 * once over eight (any processor). json_parse() takes the faster one that the processor has; both must agree on every
 * text, tape and fault.
 */

#include "base/json.h"

enum json_path { JSON_PATH_PORTABLE, JSON_PATH_AVX2 };

bool json_path_works(enum json_path path);
/* As json_parse_prefix(), on a path that works here. */
[[nodiscard]] int json_parse_on(enum json_path path, struct json *j, struct str text, size_t *ret_used,
    struct fault *f);
/* The end of the number at p, which stands at a digit or '-', or NULL with *ret_bad at the byte that does not belong. */
const char *json_number_end(const char *p, const char *end, const char **ret_bad);

#endif
