/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

/*
 * Three hashes, three uses: hash64() keyed, for tables that outside bytes fill (nobody can aim at a bucket without the
 * key); crc32c() against torn writes (RFC 3720, B.4, Castagnoli); sha256() where a person must be able to check it
 * (FIPS 180-4, by OpenSSL). All are pure and thread-safe.
 */

#include <stdint.h>

#include "base/bytes.h"

/* 64 bits of s under key. Not cryptographic; folded 64x64->128 multiplications. Same key, same answer, everywhere. */
uint64_t hash64(struct str s, uint64_t key);
/* ASCII letters folded to lower case first. The key must not be 0: with it all short texts hash alike, and stored filters
 * (store/archive_block.c) keep this function as it is. */
uint64_t hash64_nocase(struct str s, uint64_t key);
/* Mix one more word into h. */
uint64_t hash64_mix(uint64_t h, uint64_t word);
/* Continue crc (0 to begin) over s. SSE4.2 where the processor has it. */
uint32_t crc32c(uint32_t crc, struct str s);
void sha256(struct str s, uint8_t ret_digest[32]);
/* Of the parts one behind the other. */
void sha256_parts(const struct str *part, size_t count, uint8_t ret_digest[32]);
/* n bytes as 2n lower-case digits. */
void buf_add_hex(struct buf *b, const uint8_t *bytes, size_t n);

#endif
