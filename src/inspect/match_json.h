/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef INSPECT_MATCH_JSON_H
#define INSPECT_MATCH_JSON_H

/* What YARA found, as the JSON that the database, the API and `khien sweep --json` share. Pure. */

#include "detect/yara.h"

/* Adds [{"rule","space","title","title_vi","level","tags","reference","strings":[{"name","offset","length","text"}]}]. Bytes
 * that are no UTF-8 become U+FFFD, control characters are escaped. */
void match_json(struct buf *out, const struct yara_found *found);

#endif
