/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_TRIAL_MESSAGE_H
#define DETECT_TRIAL_MESSAGE_H

/* The bytes of detect/trial.h, as its two ends share them: trial.c and trial_message.c alone. Pure. */

#include "detect/trial.h"

[[nodiscard]] bool trial_head_take(struct wire *w, struct trial_head *ret);

void trial_facts_put(struct buf *out, const struct trial_facts *f);
/* Do the facts just written say `ready`? */
bool trial_facts_ready(struct str message);

/* Who owns the events of a batch: distinct owners once, then for each record its events as numbers of them. */
struct owners {
	const struct trial_owner *owner;
	uint32_t count;
	const uint32_t *first; /* by record: its first entry in `of`; records + 1 of them; NULL: not told */
	const uint32_t *of;    /* number of an owner */
	uint32_t records;
};

struct batch_message {
	uint64_t number;
	uint32_t records;
	struct owners owners;
	struct str batch;
};

[[nodiscard]] int batch_message_take(struct str message, struct arena *arena, struct batch_message *ret);
bool owners_find(const struct owners *o, uint32_t record, uint32_t sub, struct trial_owner *ret);

void trial_answer_put(struct buf *out, uint64_t number, uint32_t seen, struct str verdict);
/* Behind the answer: a finding of a correlation by the event-th event with findings. In the order of events. */
void trial_more_put(struct buf *out, uint32_t event, uint32_t rule, const struct finding_field *matched,
    uint32_t matched_count);

#endif
