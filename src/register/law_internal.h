/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_LAW_INTERNAL_H
#define REGISTER_LAW_INTERNAL_H

/* For law.c and law_read.c. */

#include "register/law.h"

struct law {
	struct arena arena;
	struct law_instrument *instrument;
	uint32_t instruments, instrument_cap;
	struct law_rule *rule; /* its instrument is a number until law_finish(): the list may move */
	uint32_t rules, rule_cap;
	bool finished;
};

#endif
