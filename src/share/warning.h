/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SHARE_WARNING_H
#define SHARE_WARNING_H

/*
 * Warning lists: what must never become an indicator that matches. Feeds name 0.0.0.0/0, a public resolver, gov.vn or our
 * own network by mistake or on purpose; such an entry would raise an alert for everything. The lists of others are data
 * (content/indicators/warning.yaml); our own networks and domains come from the register.
 *
 * The lists of others are built once. Our own are built anew when the register changes, in three steps, so that nobody waits:
 * warning_own_text() where the register is, warning_own_new() on any thread, warning_lists_take() on core's. Any thread
 * may ask at any time.
 */

#include "detect/ioc.h"
#include "register/system.h"

struct warning_lists;
struct warning_own;

struct warning_list {
	struct str name, title, title_vi;
	uint32_t entries;
};

/* From the text of the YAML file; `registry` may be NULL. E_INVALID and *f. */
[[nodiscard]] int warning_lists_new(struct str text, const struct registry *registry, struct warning_lists **ret,
    struct fault *f);
void warning_lists_free(struct warning_lists *w); /* accepts NULL */
/* Networks and domains of the register, one a line. */
void warning_own_text(const struct registry *registry, struct buf *out);
[[nodiscard]] int warning_own_new(struct str text, struct warning_own **ret); /* E_LIMIT */
void warning_own_free(struct warning_own *o); /* accepts NULL */
/* From now on these are our own: `own` is taken over. */
void warning_lists_take(struct warning_lists *w, struct warning_own *own);
const struct warning_list *warning_lists_all(const struct warning_lists *w, uint32_t *ret_count);
/* The name of the list that stops this normalised value, or NULL. */
const struct warning_list *warning_stops(const struct warning_lists *w, enum ioc_kind kind, struct str value);

#endif
