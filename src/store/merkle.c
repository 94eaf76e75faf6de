/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/merkle.h"

#include "base/hash.h"

struct merkle_hash
merkle_leaf(struct str entry)
{
	struct merkle_hash h;
	struct str part[2] = {STR("\0"), entry};
	sha256_parts(part, COUNT(part), h.bytes);
	return h;
}

struct merkle_hash
merkle_join(const struct merkle_hash *left, const struct merkle_hash *right)
{
	struct merkle_hash h;
	char both[1 + 2 * MERKLE_HASH] = {1};
	memcpy(both + 1, left->bytes, MERKLE_HASH);
	memcpy(both + 1 + MERKLE_HASH, right->bytes, MERKLE_HASH);
	sha256(str_from(both, sizeof both), h.bytes);
	return h;
}

bool
merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
	return memcmp(a->bytes, b->bytes, MERKLE_HASH) == 0;
}

/* ---- roots ---- */

static unsigned
log2_floor(uint64_t n)
{
	return 63u - (unsigned)__builtin_clzll(n);
}

/* Root over the leaves [from, to): whole nodes, the largest first, joined from the right. `from` is a multiple of the
 * largest, as it is wherever the RFC cuts a tree. */
static int
range_root(const struct merkle_nodes *n, uint64_t from, uint64_t to, struct merkle_hash *ret)
{
	struct merkle_hash part[64], root;
	uint32_t parts = 0;
	while (from < to) {
		unsigned level = log2_floor(to - from);
		TRY(n->node(n->user, level, from >> level, &part[parts++]));
		from += UINT64_C(1) << level;
	}
	root = part[--parts];
	while (parts)
		root = merkle_join(&part[--parts], &root);
	*ret = root;
	return 0;
}

int
merkle_root(const struct merkle_nodes *n, uint64_t size, struct merkle_hash *ret)
{
	if (size)
		return range_root(n, 0, size, ret);
	sha256(STR(""), ret->bytes);
	return 0;
}

/* ---- making proofs ---- */

/* Where a tree of n > 1 leaves is cut: the largest power of two below n. */
static uint64_t
cut(uint64_t n)
{
	return UINT64_C(1) << log2_floor(n - 1);
}

/* Both proofs go down from the root to a place; what they leave aside on the way is the proof, from below. */
static void
turn_around(struct merkle_proof *p)
{
	for (uint32_t i = 0, k = p->count; i + 1 < k; i++) {
		struct merkle_hash h = p->hash[i];
		p->hash[i] = p->hash[--k];
		p->hash[k] = h;
	}
}

int
merkle_inclusion(const struct merkle_nodes *n, uint64_t index, uint64_t size, struct merkle_proof *ret)
{
	struct merkle_proof p = {.count = 0};
	uint64_t from = 0, to = size;
	if (index >= size)
		return E_INVALID;
	while (to - from > 1) {
		uint64_t middle = from + cut(to - from);
		bool left = index < middle;
		TRY(left ? range_root(n, middle, to, &p.hash[p.count]) : range_root(n, from, middle, &p.hash[p.count]));
		p.count++;
		*(left ? &to : &from) = middle;
	}
	turn_around(&p);
	*ret = p;
	return 0;
}

int
merkle_consistency(const struct merkle_nodes *n, uint64_t old, uint64_t size, struct merkle_proof *ret)
{
	struct merkle_proof p = {.count = 0};
	uint64_t from = 0, to = size;
	bool whole = true; /* what is left of the old tree begins at its first leaf: its root is known to who asks */
	if (old > size)
		return E_INVALID;
	while (old && old < to) {
		uint64_t middle = from + cut(to - from);
		bool left = old <= middle;
		TRY(left ? range_root(n, middle, to, &p.hash[p.count]) : range_root(n, from, middle, &p.hash[p.count]));
		p.count++;
		whole = whole && left;
		*(left ? &to : &from) = middle;
	}
	if (!whole)
		TRY(range_root(n, from, to, &p.hash[p.count++]));
	turn_around(&p);
	*ret = p;
	return 0;
}

/* ---- checking proofs ---- */

bool
merkle_includes(const struct merkle_hash *leaf, uint64_t index, uint64_t size, const struct merkle_proof *proof,
    const struct merkle_hash *root)
{
	uint64_t at = index, last = size - 1;
	struct merkle_hash h = *leaf;
	if (index >= size)
		return false;
	for (uint32_t i = 0; i < proof->count; i++) {
		if (last == 0)
			return false;
		if ((at & 1) || at == last) {
			h = merkle_join(&proof->hash[i], &h);
			while (!(at & 1) && at)
				at >>= 1, last >>= 1;
		} else {
			h = merkle_join(&h, &proof->hash[i]);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && merkle_equal(&h, root);
}

bool
merkle_consistent(uint64_t from, const struct merkle_hash *from_root, uint64_t to, const struct merkle_hash *to_root,
    const struct merkle_proof *proof)
{
	uint64_t at = from - 1, last = to - 1;
	uint32_t i = 0;
	if (from > to || !from || from == to)
		return from <= to && proof->count == 0 && (!from || merkle_equal(from_root, to_root));
	while (at & 1)
		at >>= 1, last >>= 1;
	/* A tree of 2^k leaves is a node of the new one, and its root need not be told. */
	if ((from & (from - 1)) != 0 && !proof->count)
		return false;
	struct merkle_hash old = (from & (from - 1)) ? proof->hash[i++] : *from_root, fresh = old;
	for (; i < proof->count; i++) {
		if (last == 0)
			return false;
		if ((at & 1) || at == last) {
			old = merkle_join(&proof->hash[i], &old);
			fresh = merkle_join(&proof->hash[i], &fresh);
			while (!(at & 1) && at)
				at >>= 1, last >>= 1;
		} else {
			fresh = merkle_join(&fresh, &proof->hash[i]);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && merkle_equal(&old, from_root) && merkle_equal(&fresh, to_root);
}

/* ---- growing ---- */

void
merkle_range_add(struct merkle_range *r, const struct merkle_hash *leaf)
{
	struct merkle_hash h = *leaf;
	unsigned level = 0;
	for (; r->size >> level & 1; level++)
		h = merkle_join(&r->node[level], &h);
	r->node[level] = h;
	r->size++;
}

struct merkle_hash
merkle_range_root(const struct merkle_range *r)
{
	struct merkle_hash h = {{0}};
	bool any = false;
	for (unsigned level = 0; level < COUNT(r->node); level++) {
		if (!(r->size >> level & 1))
			continue;
		h = any ? merkle_join(&r->node[level], &h) : r->node[level];
		any = true;
	}
	if (!any)
		sha256(STR(""), h.bytes);
	return h;
}
