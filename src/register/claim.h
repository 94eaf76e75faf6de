/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_CLAIM_H
#define REGISTER_CLAIM_H

/*
 * Who says that a name is his: a table from names to those who claim them, for registry.c alone. Open addressing with
 * linear probing; claims of the same name hang on one slot, the first id first, so that it is clear who has it and who
 * is next when he lets go. A claim lives in the memory of whoever makes it.
 */

#include "base/bytes.h"

struct claim {
	struct str name;
	struct str id;      /* of the one who claims it: his place among others */
	const void *owner;
	struct claim *next; /* of the same name */
	uint32_t hash;      /* of the name, while it is in a table */
};

struct claims {
	struct claim **slot;
	uint32_t mask, used;
	bool bytes;         /* names are bytes; else letters, any case */
};

void claims_init(struct claims *t, bool bytes);
void claims_release(struct claims *t);
void claims_add(struct claims *t, struct claim *c);
/* It is there. */
void claims_remove(struct claims *t, struct claim *c);
/* Who has it, or NULL. */
const void *claims_find(const struct claims *t, struct str name);
/* All who claim it, or NULL. */
const struct claim *claims_of(const struct claims *t, struct str name);

#endif
