/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_OUT_H
#define WEB_OUT_H

/*
 * Writing JSON, a member at a time: what all API handlers share. Pure.
 */

#include "register/system.h"

/* Members for c->out and friends: comma where needed, then "name":value. */
void out_name(struct buf *out, const char *name);
void out_text(struct buf *out, const char *name, struct str value);
void out_text_or_null(struct buf *out, const char *name, struct str value); /* empty = null */
void out_i64(struct buf *out, const char *name, int64_t value);
void out_i64_or_null(struct buf *out, const char *name, int64_t value); /* 0 = null: a moment that has not come, no such row */
void out_bool(struct buf *out, const char *name, bool value);
void out_raw(struct buf *out, const char *name, struct str json);
/* {"id","name"} of an organisation, a system; null when there is no id. */
void out_named(struct buf *out, const char *name, struct str id, struct str its_name);
/* "organisation" and "system" (which also has its "level") of what happened somewhere; null for those that are NULL. */
void out_owners(struct buf *out, const struct organisation *organisation, const struct system *system);
/* "contact":{"name","phone","email","masked"}; what may not be shown (web/personal.h) is masked: "09xx xxx 123" */
void out_contact(struct buf *out, const struct contact *contact, bool shown);
enum mask { MASK_NAME, MASK_PHONE, MASK_EMAIL };
void out_masked(struct buf *out, const char *name, struct str value, enum mask mask, bool shown);
/* What a form sends back of what it was shown masked is what was there: `was`, else `is`. */
struct str unmasked(struct str is, struct str was, enum mask mask);
/* "type" and "title" of a problem (RFC 9457): the key of its sentence ui.problem.KEY, and that sentence in English for
 * programs; the interface says it in the reader's language. */
void out_problem(struct buf *out, struct str key);
void out_list(struct buf *out, const char *name, const struct str *list, uint32_t count);

#endif
