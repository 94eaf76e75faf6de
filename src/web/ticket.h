/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_TICKET_H
#define WEB_TICKET_H

/*
 * Between two steps of one thing: the password was right and a second proof is due, a passkey is being registered. A ticket
 * is a secret that the browser carries from the one to the other, for five minutes (TICKET_ENROL: thirty). Core; memory alone: after a restart one
 * begins again. Bounded: when all are taken the oldest of its kind goes, and those that anybody may ask for
 * (TICKET_ALONE) take no place from the others.
 */

#include "web/session.h"

#define TICKET_MS (5 * INT64_C(60000))
#define TICKET_ENROL_MS (30 * INT64_C(60000)) /* he has to find his telephone, and an app for it */
#define TICKETS_MAX 256u /* each: of anybody's, and of those who gave a password */
#define CHALLENGE_BYTES 32

enum ticket_kind {
	TICKET_ALONE,    /* sign-in by a passkey and nothing else: nobody is known yet */
	TICKET_FACTOR,   /* the password was right */
	TICKET_ENROL,    /* he had the link, and there is no second proof yet, but must be */
	TICKET_REGISTER, /* of a passkey, by somebody who is signed in */
	TICKET_PROVE,    /* he proves himself again by one */
};

struct ticket {
	char hash[65];
	enum ticket_kind kind;
	int64_t person;
	int64_t end_ms;
	bool challenged; /* and not answered yet: a challenge is good for one answer, right or wrong */
	uint8_t challenge[CHALLENGE_BYTES];
};

struct tickets;
struct tickets *tickets_new(void);
void tickets_free(struct tickets *t);
/* Valid until the next ticket_new(). `ret` is what the browser carries. */
struct ticket *ticket_new(struct tickets *t, enum ticket_kind kind, int64_t person, int64_t now_ms, char ret[SECRET_TEXT]);
/* NULL: none such, or over. */
struct ticket *ticket_find(struct tickets *t, struct str secret, int64_t now_ms);
/* A fresh challenge; an older one is void. */
void ticket_challenge(struct ticket *t);
void ticket_end(struct ticket *t);
/* All of a person: he changed his password, or may no longer come in. */
void tickets_end_of(struct tickets *t, int64_t person);

#endif
