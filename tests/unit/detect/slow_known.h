/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DETECT_SLOW_KNOWN_H
#define TEST_DETECT_SLOW_KNOWN_H

/*
 * The slow evaluator for all rules and many events. Rules of one log source read the same few fields, and most events say
 * there what an event before them said: such a question, written down whole with every byte that those rules read, is
 * answered as it was. A new one is judged by an event that has nothing else, so that nothing else can matter. One
 * answer of so many is asked for anew all the same, of the event as it is, and must be the one remembered.
 */

#include "slow.h"

struct slow_known;

struct slow_counts {
	uint64_t events, rules;   /* asked about */
	uint64_t judged;          /* pairs whose expression was walked; the rest was remembered, or of another log source */
	uint64_t checked, wrong;  /* pairs remembered and judged anew; those that were remembered wrongly */
};

/* Of what is remembered, every so many answers are checked; 1: all. */
struct slow_known *slow_known_new(const struct rules *r, uint32_t check_every);
void slow_known_free(struct slow_known *k);
/* fired[rules_count()] */
void slow_known_match(struct slow_known *k, struct event *e, bool *fired);
struct slow_counts slow_known_counts(const struct slow_known *k);

#endif
