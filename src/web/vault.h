/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_VAULT_H
#define WEB_VAULT_H

/*
 * Secrets that must be read again (those of authenticator apps) lie in the database sealed with a key that lies beside it,
 * in DIR/factor.key (made when it is first needed, 0600): a copy of the database alone gives none of them away. Core.
 * XSalsa20-Poly1305 by libsodium; what a secret is sealed for (a person's number) is part of the seal.
 */

#include "base/error.h"

#define VAULT_SECRET_MAX 64u

struct vault;

/* E_DENIED, E_IO, E_CORRUPT (the file is no key). Reads DIR/factor.key or makes it. */
[[nodiscard]] int vault_open(struct str directory, struct vault **ret, struct fault *f);
void vault_close(struct vault *v);
/* Hexadecimal text for the database. secret.n <= VAULT_SECRET_MAX. */
void vault_seal(const struct vault *v, int64_t owner, struct str secret, struct buf *out);
/* E_CORRUPT: sealed with another key or for another owner. */
[[nodiscard]] int vault_unseal(const struct vault *v, int64_t owner, struct str sealed, uint8_t *to, size_t max, size_t *ret_n);

#endif
