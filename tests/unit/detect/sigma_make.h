/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DETECT_SIGMA_MAKE_H
#define TEST_DETECT_SIGMA_MAKE_H

/*
 * Random rules and random events, over so few fields, letters and odd values that they keep meeting. What is odd: numbers
 * in several spellings, addresses, times, bytes that are no UTF-8, letters whose lower case is longer or shorter, wildcards
 * and backslashes, values as long as a step of the processor's vectors and one byte around it.
 */

#include "corpus.h"

/* What the rules and events of a round are like. */
enum world {
	WORLD_PLAIN,   /* products, categories and services that events name; some come as lines of JSON */
	WORLD_WINDOWS, /* channels and codes decide, and rules ask for them */
	WORLD_TEXT,    /* keywords, in lines of text, in JSON and in events of binary form */
	WORLDS
};

/* For rules_add_map(); and the lists that |expand finds. */
extern const char make_map[];
void make_lists(struct rules *r);
/* As YAML; its id is r and the number. */
void make_rule(struct buf *b, enum world world, uint32_t number);
/* In the arena. `d` decodes what comes as a line. */
void make_event(enum world world, struct decoder *d, const struct names *names, struct arena *arena, struct event *ret);

/* A value of an event, or of a rule: then valid UTF-8, with wildcards, and as YAML between single quotes. */
void make_value(struct buf *b);
void make_pattern(struct buf *b, uint32_t most);

#endif
