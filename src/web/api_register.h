/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_API_REGISTER_H
#define WEB_API_REGISTER_H

/* What the API files about the register share. Core's thread. */

#include "register/organisation.h"
#include "web/route.h"

/* 422 with the field, and what is wrong with it as one of "faults": [{what, arg}]. */
void api_refuse(struct api_call *c, const struct register_fault *f);
/* Member `key` of the body: absent leaves *ret_set false; null and "" are the empty text. False: no text, or longer than max. */
bool api_take_text(struct api_call *c, const char *key, size_t max, bool *ret_set, struct str *ret);
/* The day it is in Viet Nam, in the call's arena. */
struct str api_today(struct api_call *c);
/* An organisation within the caller's scope; else the call is answered with 404. */
bool api_find_organisation(struct api_call *c, struct str id, struct organisation_row *ret);
/* The body is a file with a table: it is read in the look-back role, then `step` runs. For real that is inside the transaction
 * that ends with the entry in the record; with ?dry_run=1 the step must leave nothing. It ends with api_table_reply(). */
typedef void api_table_step(struct api_call *c, const struct table *t, bool dry_run);
void api_table_read(struct api_call *c, api_table_step *step);
void api_table_reply(struct api_call *c, const struct table_report *r, bool dry_run);
/* Answers with a file, of the body's "format" (csv, xlsx). The table lives in the call's arena. */
void api_table_write(struct api_call *c, const struct table *t, struct str sheet);
/* People to call, as a list under `name` of c->out. */
void contacts_json(struct api_call *c, const char *name, const struct contact_row *list, uint32_t count, struct str today);

#endif
