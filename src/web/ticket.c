/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/ticket.h"

#include <sodium.h>

#include "base/memory.h"

struct tickets {
	struct ticket ticket[2 * TICKETS_MAX]; /* first anybody's */
};

struct tickets *
tickets_new(void)
{
	return MEM_NEW(struct tickets);
}

void
tickets_free(struct tickets *t)
{
	if (!t)
		return;
	sodium_memzero(t, sizeof *t);
	mem_free(t);
}

static int64_t
lasts(enum ticket_kind kind)
{
	return kind == TICKET_ENROL ? TICKET_ENROL_MS : TICKET_MS;
}

struct ticket *
ticket_new(struct tickets *t, enum ticket_kind kind, int64_t person, int64_t now_ms, char ret[SECRET_TEXT])
{
	struct ticket *set = t->ticket + (kind != TICKET_ALONE ? TICKETS_MAX : 0), *oldest = set;
	for (struct ticket *at = set; at < set + TICKETS_MAX; at++)
		if (at->end_ms < oldest->end_ms)
			oldest = at;
	*oldest = (struct ticket){.kind = kind, .person = person, .end_ms = now_ms + lasts(kind)};
	secret_new(ret);
	secret_hash(str_z(ret), oldest->hash);
	return oldest;
}

struct ticket *
ticket_find(struct tickets *t, struct str secret, int64_t now_ms)
{
	char hash[65];
	secret_hash(secret, hash);
	for (struct ticket *at = t->ticket; at < t->ticket + 2 * TICKETS_MAX; at++)
		if (at->end_ms > now_ms && at->end_ms <= now_ms + lasts(at->kind) && sodium_memcmp(at->hash, hash, sizeof hash) == 0)
			return at;
	return NULL;
}

void
ticket_challenge(struct ticket *t)
{
	randombytes_buf(t->challenge, sizeof t->challenge);
	t->challenged = true;
}

void
ticket_end(struct ticket *t)
{
	sodium_memzero(t, sizeof *t);
}

void
tickets_end_of(struct tickets *t, int64_t person)
{
	for (struct ticket *at = t->ticket + TICKETS_MAX; at < t->ticket + 2 * TICKETS_MAX; at++)
		if (at->person == person)
			ticket_end(at);
}
