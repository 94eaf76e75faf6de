/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_MERKLE_H
#define STORE_MERKLE_H

/*
 * The Merkle tree of RFC 6962 (section 2.1), with SHA-256: hashes, roots and the two proofs. Pure; any thread.
 *
 * A node is (level, index): it stands over the leaves [index << level, (index + 1) << level), all of them there. Whoever
 * has the nodes (store/tlog.h) lends them through struct merkle_nodes; proofs are made from them and checked without.
 */

#include "base/error.h"

#define MERKLE_HASH 32u
#define MERKLE_PROOF_MAX 64u /* hashes of a proof in a tree of fewer than 2^63 leaves */

struct merkle_hash {
	uint8_t bytes[MERKLE_HASH];
};

struct merkle_nodes {
	void *user;
	/* A whole node. E_NOT_FOUND, E_IO, E_CORRUPT. */
	int (*node)(void *user, unsigned level, uint64_t index, struct merkle_hash *ret);
};

struct merkle_proof {
	struct merkle_hash hash[MERKLE_PROOF_MAX];
	uint32_t count;
};

struct merkle_hash merkle_leaf(struct str entry);                                         /* SHA-256(0x00 || entry) */
struct merkle_hash merkle_join(const struct merkle_hash *left, const struct merkle_hash *right); /* 0x01 || l || r */
bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

/* Root over the first `size` leaves; of none it is SHA-256 of nothing. */
[[nodiscard]] int merkle_root(const struct merkle_nodes *n, uint64_t size, struct merkle_hash *ret);
/* That leaf `index` is in the tree of `size` leaves. E_INVALID when index >= size. RFC 6962, 2.1.1. */
[[nodiscard]] int merkle_inclusion(const struct merkle_nodes *n, uint64_t index, uint64_t size, struct merkle_proof *ret);
/* That the tree of `from` leaves is the beginning of that of `to`. E_INVALID when from > to. RFC 6962, 2.1.2. */
[[nodiscard]] int merkle_consistency(const struct merkle_nodes *n, uint64_t from, uint64_t to, struct merkle_proof *ret);

/* A tree that only grows and of which only the root is asked: a node for each bit of its size. Begin with zeros. */
struct merkle_range {
	uint64_t size;
	struct merkle_hash node[64];
};
void merkle_range_add(struct merkle_range *r, const struct merkle_hash *leaf);
struct merkle_hash merkle_range_root(const struct merkle_range *r);

/* The checks of RFC 9162, 2.1.3.2 and 2.1.4.2. */
bool merkle_includes(const struct merkle_hash *leaf, uint64_t index, uint64_t size, const struct merkle_proof *proof,
    const struct merkle_hash *root);
bool merkle_consistent(uint64_t from, const struct merkle_hash *from_root, uint64_t to, const struct merkle_hash *to_root,
    const struct merkle_proof *proof);

#endif
