/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_TEXT_H
#define SCAN_TEXT_H

/* What a person sees of a finding: a line with record, time, level and title, and below it a line for each field that
 * matched. `khien scan` without --json. */

#include "base/lang.h"
#include "detect/finding.h"

void scan_text_file(struct buf *out, struct str path);
void scan_text_finding(struct buf *out, enum lang lang, const struct finding *f, uint64_t record);
/* Text of others for a terminal: what would steer it, or turn the line around, is shown as '?'. */
void scan_text_add(struct buf *out, struct str s);

#endif
