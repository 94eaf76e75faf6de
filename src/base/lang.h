/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_LANG_H
#define BASE_LANG_H

/*
 * Sentences live in content/lang/{vi,en}.yaml, C knows their keys. Every process; the table is read-only.
 */

#include "base/error.h"

enum lang { LANG_VI, LANG_EN };

/* From a tag as in $LANG or Accept-Language ("en_US.UTF-8", "vi"): Vietnamese unless it starts with "en". */
enum lang lang_from_tag(struct str tag);
/* Of whoever started this program: LC_ALL, else LANG. */
enum lang lang_of_user(void);
/* The sentence, or the key itself when there is none (a lint test keeps that from happening). */
struct str lang_text(enum lang lang, struct str key);
/* The sentence with {0}, {1}, ... replaced. */
void lang_format(struct buf *out, enum lang lang, struct str key, const struct str *args, size_t nargs);
/* "file:line:column: what is wrong and what to do" */
void lang_fault(struct buf *out, enum lang lang, const struct fault *f);

#endif
