/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef CORE_LOOKBACK_IMAGE_H
#define CORE_LOOKBACK_IMAGE_H

/* The indicators of one source as an image of their own, for looking back. On a pool thread of core. */

#include "share/indicator.h"

#define LOOKBACK_ANY 50u
#define LOOKBACK_ANY_TEXT 72u

/* Values one of which must stand in the text of whatever the image could find; none when that cannot be said: too many, or
 * of kinds that events write in several ways. */
struct lookback_any {
	uint32_t count;
	char text[LOOKBACK_ANY][LOOKBACK_ANY_TEXT];
};

/* Active indicators of `source` (empty: of all) that were not over by from_ms; since when they are known does not matter. With
 * a database connection of its own, beside the owner's. *ret_fd is the caller's. E_NOT_FOUND when there are none. */
[[nodiscard]] int lookback_image_make(struct db *owner, const char *data, struct str source, int64_t from_ms,
    const struct warning_lists *lists, int *ret_fd, struct lookback_any *ret_any);

#endif
