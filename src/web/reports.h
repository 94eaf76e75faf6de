/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_REPORTS_H
#define WEB_REPORTS_H

/*
 * What collect has said of its doors and senders (collect/report.h tells only what changed; this keeps the whole), and
 * what core learned of each sender while applying. Core, one thread.
 */

#include "collect/report.h"

struct report_book;

struct report_book *report_book_new(void);
void report_book_free(struct report_book *b);
/* One MSG_SOURCES. E_CORRUPT, E_LIMIT. */
[[nodiscard]] int report_book_take(struct report_book *b, struct str message);
/* Ports, journal and totals of the last report; all zero before the first. Valid until the next take. */
const struct report *report_book_head(const struct report_book *b);
/* All senders; *place begins at 0, NULL at the end. */
const struct report_source *report_book_next(const struct report_book *b, uint32_t *place);
/* Lines of a sender that no decoder fitted, since the start of core. */
void report_book_unparsed(struct report_book *b, uint32_t number);
uint64_t report_book_unparsed_of(const struct report_book *b, uint32_t number);
/* Fields of a sender's events for which there was no room (EVENT_MAX_FIELDS), since the start of core: no rule saw them. */
void report_book_fields(struct report_book *b, uint32_t number, uint32_t fields);
uint64_t report_book_fields_of(const struct report_book *b, uint32_t number);

#endif
