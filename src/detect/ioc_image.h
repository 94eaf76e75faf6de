/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_IOC_IMAGE_H
#define DETECT_IOC_IMAGE_H

/*
 * The bytes of an indicator image, shared by ioc.c and ioc_build.c alone.
 *
 * header | sections, each on an 8-byte boundary, in the order of enum ioc_section. Five tables of fingerprints, one a
 * kind; each is a register-blocked Bloom filter (12 bits a key, 4 of them set in one word) in front of buckets of about
 * eight entries: directory[bucket] .. directory[bucket + 1] are its places in the two parallel arrays. Networks are
 * sorted by start, outer before inner, and name the network around them. What numbers mean (confidence, validity) is
 * run-length encoded over rising numbers: an import has few different ones.
 */

#include <assert.h>

#include "base/hash.h"
#include "detect/ioc.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian");

#define IOC_MAGIC UINT64_C(0x31304349484b4e02) /* "\2NKHIC01" */
#define IOC_NONE UINT32_MAX
#define IOC_BUCKET 8u
#define IOC_BLOOM_BITS 12u
#define IOC_V4_FIRST 65536u /* networks of IPv4 by the first 16 bits */

enum ioc_table { IOC_TABLE_IP, IOC_TABLE_DOMAIN, IOC_TABLE_URL, IOC_TABLE_HASH, IOC_TABLE_MAIL, IOC_TABLES };
enum ioc_part { IOC_BLOOM, IOC_DIRECTORY, IOC_FINGERPRINT, IOC_NUMBER, IOC_PARTS };
enum ioc_section {
	IOC_V4 = IOC_TABLES * IOC_PARTS, /* struct ioc_v4 */
	IOC_V4_DIRECTORY,                /* u32[IOC_V4_FIRST + 1], or nothing */
	IOC_V6,                          /* struct ioc_v6 */
	IOC_RUN,                         /* struct ioc_run */
	IOC_TRAIT,                       /* struct ioc_trait */
	IOC_SECTIONS
};

struct ioc_v4 {
	uint32_t start;  /* host order */
	uint32_t parent; /* place of the network around it, before this one; IOC_NONE */
	uint32_t number;
	uint32_t bits;
};

struct ioc_v6 {
	uint8_t start[16];
	uint32_t parent, number, bits, zero;
};

/* Numbers from `first` on, up to the next run's. */
struct ioc_run {
	uint32_t first, trait;
};

struct ioc_trait {
	int64_t from_ms, until_ms;
	uint64_t confidence;
};

struct ioc_header {
	uint64_t magic;
	uint64_t bytes;        /* of the whole image */
	uint32_t crc;          /* crc32c of all that follows this word */
	uint32_t count;        /* indicators */
	uint64_t generation, key;
	uint32_t labels_min, labels_max; /* of the domains */
	struct {
		uint64_t at, count;
	} section[IOC_SECTIONS];
};

#define IOC_CRC_FROM (offsetof(struct ioc_header, crc) + sizeof(uint32_t))

extern const uint8_t ioc_section_size[IOC_SECTIONS]; /* bytes of one element */

static inline unsigned
ioc_section_of(unsigned table, unsigned part)
{
	return table * IOC_PARTS + part;
}

static inline uint64_t
ioc_fingerprint(struct str key_bytes, uint64_t key, unsigned table)
{
	return hash64(key_bytes, hash64_mix(key, table));
}

/* 32 bits of a hash that has nothing to do with the fingerprint. */
static inline uint32_t
ioc_where(struct str key_bytes, uint64_t key)
{
	return (uint32_t)(hash64(key_bytes, hash64_mix(key, IOC_TABLES)) >> 32);
}

/* [0, 2^32) onto [0, count) without a division. */
static inline uint32_t
ioc_spread(uint32_t where, uint32_t count)
{
	return (uint32_t)((uint64_t)where * count >> 32);
}

static inline uint64_t
ioc_bloom_mask(uint64_t fingerprint)
{
	return UINT64_C(1) << (fingerprint & 63) | UINT64_C(1) << (fingerprint >> 6 & 63) |
	    UINT64_C(1) << (fingerprint >> 12 & 63) | UINT64_C(1) << (fingerprint >> 18 & 63);
}

/* The word of the filter: by the upper half, the mask is of the lower. */
static inline uint32_t
ioc_bloom_word(uint64_t fingerprint, uint32_t words)
{
	return ioc_spread((uint32_t)(fingerprint >> 32), words);
}

#endif
