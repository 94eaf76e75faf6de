/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_CORRELATE_PRIVATE_H
#define DETECT_CORRELATE_PRIVATE_H

/* What correlate.c and correlate_save.c share. */

#include "detect/correlate.h"
#include "detect/correlate_state.h"

struct feed;

struct correlator {
	const struct rules *r;
	struct states states;
	struct measure *measure;       /* by rule index; c == NULL for ordinary rules */
	struct feed *feed;             /* by the rule that feeds: first_feed[index] .. first_feed[index + 1] - 1 */
	uint32_t *first_feed;
	struct finding *out;           /* of the finding at hand */
	uint32_t outs, out_cap;
	struct buf key;
	struct correlate_stats stats;
};

#endif
