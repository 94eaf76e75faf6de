/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SHARE_WARNING_H
#define SHARE_WARNING_H

/*
 * Warning lists: what must never become an indicator that matches. Feeds name 0.0.0.0/0, a public resolver, gov.vn or our
 * own network by mistake or on purpose; such an entry would raise an alert for everything. The lists of others are data
 * (content/indicators/warning.yaml); our own networks and domains come from the register.
 *
 * Built once, then read-only: any thread.
 */

#include "detect/ioc.h"
#include "register/system.h"

struct warning_lists;

struct warning_list {
	struct str name, title, title_vi;
	uint32_t entries;
};

/* From the text of the YAML file; `registry` may be NULL. E_INVALID and *f. */
[[nodiscard]] int warning_lists_new(struct str text, const struct registry *registry, struct warning_lists **ret,
    struct fault *f);
void warning_lists_free(struct warning_lists *w); /* accepts NULL */
const struct warning_list *warning_lists_all(const struct warning_lists *w, uint32_t *ret_count);
/* The name of the list that stops this normalised value, or NULL. */
const struct warning_list *warning_stops(const struct warning_lists *w, enum ioc_kind kind, struct str value);

#endif
