/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_REGISTRY_HELD_H
#define REGISTER_REGISTRY_HELD_H

/*
 * How the register stands in memory, for registry*.c alone. Each system is a piece of memory of its own that is made
 * anew when something about it has changed; organisations stay where they are, because systems point to them, and get
 * their texts anew all together.
 */

#include "base/arena.h"
#include "register/claim.h"
#include "register/internal.h"

#define REGISTRY_TOUCHED 1000u /* systems; when more are touched everything is read */

struct agency {
	struct organisation organisation; /* first: what others see */
	struct claim id;
};

struct held {
	struct system system; /* first: what others see */
	struct claim id;
	size_t bytes;
	uint32_t first_place, place_count; /* in the list, while everything is read */
	struct str search;    /* folded name, id and places in lower case, a NUL between two of them: nobody can type one */
	struct places *places;
};

/* Of one system, in the order of the database: domains, hosts, networks. */
struct places {
	size_t bytes;
	struct str *value;
	struct claim *claim;  /* as many */
	struct prefix *prefix; /* of networks */
	uint32_t domains, hosts, networks;
};

struct registry {
	char today[REGISTRY_DAY];
	struct arena texts;   /* of organisations */
	struct agency **agency;
	uint32_t agencies, agencies_cap;
	const struct system **by_name, **by_level;
	uint32_t systems, by_name_cap, by_level_cap;
	size_t bytes;         /* of all systems */
	struct claims agency_ids, ids, hosts, domains, networks;
	uint32_t of_length[129]; /* networks by the bits of their prefix */
	uint8_t length[129];  /* those that occur, longest first */
	uint32_t lengths;
	bool all_touched, organisations_touched;
	char touched[REGISTRY_TOUCHED][REGISTER_ID_MAX + 1];
	uint32_t touches;
	uint64_t changes;     /* registry_changes() */
};

/* Rows of places as they come, until all of them are there. */
struct place_list {
	struct buf text;
	struct place_row {
		size_t at, n;
		char kind; /* 'd', 'h', 'n' */
	} *row;
	uint32_t count, cap;
};

void place_list_add(struct place_list *l, struct str kind, struct str value);
void place_list_release(struct place_list *l);

/* From a row of system_all or system_one. E_NOT_FOUND: its organisation is not known here. */
[[nodiscard]] int held_read(const struct registry *r, struct db_rows *rows, struct held **ret);
/* Once: those of the list that are its own. */
void held_take_places(struct held *h, const struct place_list *l, struct str today);
/* From a row of system_ends_all or system_ends_one. */
void held_take_end(struct held *h, struct db_rows *rows);
void held_free(struct held *h);
/* Into the tables, and out of them. Not into the lists, and not its id. */
void held_enter(struct registry *r, struct held *h);
void held_leave(struct registry *r, struct held *h);

/* Name, then id; and the highest level before that. */
int system_by_name(const struct system *a, const struct system *b);
int system_by_level(const struct system *a, const struct system *b);
/* Where the first one stands that is not before `key`, of which level, folded name and id are told. */
uint32_t system_position(const struct system *const *list, uint32_t count, const struct system *key, bool by_level);

#endif
