/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_IOC_EVENT_H
#define DETECT_IOC_EVENT_H

/*
 * Which values of an event are looked up among the indicators: addresses of both ends, names and answers of DNS, host
 * names and URLs of the web, hashes of files (also Sysmon's "Hashes"), mail addresses and their domains. Worker and
 * scan. Pure: whether an indicator is valid is judged by the event's own time.
 */

#include "detect/ioc.h"
#include "detect/sigma.h"

#define IOC_EVENT_MAX 16u /* findings of one event; each indicator once */

/* The engine rules that speak for hits; a kind without one is not looked up. */
struct ioc_rules {
	const struct rule_info *rule[IOC_KINDS]; /* by kind; networks speak through "indicator.ip" */
	uint32_t hashes;                         /* name id of "Hashes" */
	bool any;
};

void ioc_rules_find(const struct rules *rules, struct ioc_rules *ret);
/* Adds the core fields that ioc_event() looks at. */
void ioc_event_wants(struct core_set *ret);
/* Appends to a list of *count findings (made anew in `arena`, which also holds what they point to). What no longer fits
 * into the arena is left out. */
void ioc_event(const struct ioc *ioc, const struct ioc_rules *rules, struct event *e, struct arena *arena,
    struct finding **list, uint32_t *count);

#endif
