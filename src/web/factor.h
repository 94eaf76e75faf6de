/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_FACTOR_H
#define WEB_FACTOR_H

/*
 * What a person proves himself with beside the password, as rows: an authenticator app (web/totp.h), passkeys
 * (web/passkey.h), recovery codes. Core, in the caller's transaction.
 *
 * A time-based password is accepted once, for its step and none before it. A recovery code is 120 random bits,
 * stored as SHA-256, and works once; it is a way back to an app or a passkey that was lost, so without either of them it opens nothing.
 */

#include "base/arena.h"
#include "store/db.h"
#include "web/passkey.h"
#include "web/totp.h"
#include "web/vault.h"

#define RECOVERY_CODES 10u
#define RECOVERY_TEXT 30 /* six groups of four, dashes between, and NUL */

struct factors {
	bool totp;
	uint32_t passkeys;
	uint32_t recovery; /* codes left */
	int64_t totp_used_ms;
};

[[nodiscard]] int factors_of(struct db *db, int64_t person, struct factors *ret);
/* Is a second step asked of him? */
static inline bool
factors_any(const struct factors *f)
{
	return f->totp || f->passkeys;
}
/* All of it goes: the person begins with the password alone. */
[[nodiscard]] int factors_reset(struct db *db, int64_t person);

/* A new secret that does nothing before it is confirmed; one begun before is void. E_EXISTS when there is a confirmed one. */
[[nodiscard]] int totp_begin(struct db *db, const struct vault *v, int64_t person, int64_t now_ms, uint8_t ret[TOTP_SECRET]);
/* E_DENIED: not its password just now; E_NOT_FOUND: none was begun. */
[[nodiscard]] int totp_confirm(struct db *db, const struct vault *v, int64_t person, struct str code, int64_t now_ms);
/* E_DENIED: wrong, or used already; E_NOT_FOUND: he has none. */
[[nodiscard]] int totp_use(struct db *db, const struct vault *v, int64_t person, struct str code, int64_t now_ms);
[[nodiscard]] int totp_remove(struct db *db, int64_t person);

#define PASSKEYS_MAX 20u /* of a person */
#define PASSKEY_ID_TEXT (PASSKEY_ID_MAX * 4 / 3 + 4) /* base64url, and NUL */

struct passkey_row {
	int64_t id, person, created_ms, used_ms; /* used_ms 0: never */
	struct str name, rp, credential;         /* the last in base64url */
};
/* E_EXISTS: registered already; E_LIMIT: he has many enough; E_INVALID: the name. */
[[nodiscard]] int passkey_add(struct db *db, int64_t person, struct str name, struct str rp, const struct passkey_key *key,
    int64_t now_ms);
[[nodiscard]] int passkey_list(struct db *db, int64_t person, struct arena *arena, struct passkey_row **ret, uint32_t *ret_count);
/* By what the browser calls it, base64url. E_NOT_FOUND. */
[[nodiscard]] int passkey_find(struct db *db, struct str credential, struct passkey_row *ret, struct passkey_key *ret_key,
    struct arena *arena);
[[nodiscard]] int passkey_used(struct db *db, int64_t id, uint32_t counter, int64_t now_ms);
/* E_NOT_FOUND. */
[[nodiscard]] int passkey_remove(struct db *db, int64_t person, int64_t id);

/* Ten fresh ones in place of whatever there was. */
[[nodiscard]] int recovery_renew(struct db *db, int64_t person, int64_t now_ms, char ret[RECOVERY_CODES][RECOVERY_TEXT]);
/* Capitals, spaces and dashes do not matter. E_DENIED: wrong or used. */
[[nodiscard]] int recovery_use(struct db *db, int64_t person, struct str code, int64_t now_ms);

#endif
