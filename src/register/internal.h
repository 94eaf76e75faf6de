/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef REGISTER_INTERNAL_H
#define REGISTER_INTERNAL_H

/* Addresses as 16 bytes, IPv4 mapped (RFC 4291, 2.5.5.2), for register/ alone. */

#include "register/inventory.h"
#include "register/organisation.h"

#define PREFIX_NONE 255

struct prefix {
	uint8_t address[16];
	uint8_t bits; /* 0..128, or PREFIX_NONE */
};

bool registry_read_address(struct str text, uint8_t ret[16]);
/* "10.21.4.0/24", "2001:db8::/32", or a single address. False: no network, or host bits set beyond the prefix. */
bool prefix_parse(struct str text, struct prefix *ret);
/* Its bytes as a name to find it by; the prefix stays. */
struct str prefix_name(const struct prefix *p);
/* The network of that many bits that an address is in. */
void prefix_cut(const uint8_t address[16], uint8_t bits, struct prefix *ret);

/* organisation_add() without its parent and without working out who is below whom. */
[[nodiscard]] int organisation_insert(struct db *db, struct str id, const struct organisation_edit *e, int64_t now_ms,
    struct register_fault *f);
/* inventory_add() within a transaction that is undone when it fails. */
[[nodiscard]] int inventory_insert(struct db *db, const struct inventory *s, int64_t now_ms);
/* May a kind stand below another (empty: none)? E_INVALID with *f. */
[[nodiscard]] int organisation_kind_fits(struct db *db, struct str kind, struct str parent_kind, struct register_fault *f);

#endif
