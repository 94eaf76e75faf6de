/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_KEY_H
#define WEB_KEY_H

/*
 * API keys as a noun: for a program and not for a person. Core.
 *
 * What a key may do is the least of four: its role, its scopes (names of rights; none named = all of the role), what its
 * maker may do today, and its organisation's reach. It ends at a day, when it is revoked, or with its maker's account. The
 * secret is shown once and stored as SHA-256; the key is called by the first digits of that (SESSION_ID).
 */

#include "web/session.h"

#define KEY_DAYS_MAX 730 /* of life at most, when it is made at the desk */
#define KEYS_LISTED 500u

struct key_wish {
	struct str name, role;
	struct str scopes;       /* names with spaces between; empty = all of the role */
	struct str organisation; /* empty = its maker's, or the whole province */
	int64_t person;          /* its maker; 0 = the console */
	int64_t until_ms;        /* 0 = no end, for the console alone */
};

/* `ret` is what the program is given. E_INVALID: role, name or a scope is none. */
[[nodiscard]] int key_make(struct db *db, const struct key_wish *wish, int64_t now_ms, char ret[SECRET_TEXT]);

struct key_row {
	struct str id, name, role, scopes, organisation, maker;
	int64_t person, created_ms, until_ms, used_ms, revoked_ms; /* 0 = none, never */
};
/* Of a person, or of everybody (0), newest first; revoked ones too. */
[[nodiscard]] int key_list(struct db *db, int64_t person, struct arena *arena, struct key_row **ret, uint32_t *ret_count);
/* E_NOT_FOUND; E_CONFLICT: it is over already. */
[[nodiscard]] int key_get(struct db *db, struct str id, struct arena *arena, struct key_row *ret);
[[nodiscard]] int key_revoke(struct db *db, struct str id, int64_t now_ms);

#endif
