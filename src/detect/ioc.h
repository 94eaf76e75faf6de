/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_IOC_H
#define DETECT_IOC_H

/*
 * Indicators of compromise as one immutable image: millions of addresses, networks, domains, URLs, hashes and mail
 * addresses, asked for every event. Core builds it on a pool thread and writes it to a file; the worker (and look-back,
 * and scan) map that file and ask. Opening checks every offset of the image once, so that asking needs no checks.
 *
 * The image holds no values but keyed fingerprints: 64 bits stored, and a bucket chosen by 32 further bits of a second
 * hash. A value that is not in the set is taken for one that is with probability of about 8 * 2^-64 a question (the
 * eight entries of its bucket), so once in 70,000 years at a million questions a second; whoever has the values (core has
 * the database row of the number) compares before a person is told. The key is drawn for each image, so nobody outside
 * can prepare a collision. Measured (bench_ioc): 14 bytes an indicator; a miss takes 50 to 100 ns with a million of
 * them, two to three times that with three million and cold caches.
 *
 * An image and struct ioc are read-only and may be shared by threads. Little-endian machines only.
 */

#include "base/error.h"

/* The names are those of the API and the database. */
#define IOC_KIND_TABLE(X)                                                                                              \
	X(IOC_IP, "ip")                                                                                                \
	X(IOC_CIDR, "cidr")                                                                                            \
	X(IOC_DOMAIN, "domain")                                                                                        \
	X(IOC_URL, "url")                                                                                              \
	X(IOC_HASH, "hash")                                                                                            \
	X(IOC_MAIL, "mail")

enum ioc_kind {
#define X(id, name) id,
	IOC_KIND_TABLE(X)
#undef X
	IOC_KINDS
};

const char *ioc_kind_name(enum ioc_kind kind);
bool ioc_kind_from_name(struct str name, enum ioc_kind *ret);

/* --- normalisation (ioc_normal.c): the one form in which importers store a value and the matcher asks for it --- */

#define IOC_VALUE_MAX 2048u /* bytes of a normalised value */

/*
 * Writes the normal form of `text` (blanks around it do not matter) to `out`; returns its length, 0 when it is no value
 * of that kind or longer than IOC_VALUE_MAX.
 *   ip      dotted or RFC 5952; an IPv4-mapped address is the IPv4 one; "/32" and "/128" are dropped
 *   cidr    host bits cleared
 *   domain  lower case, no dot at the end, no "*." in front, punycode (RFC 3492) for other letters; two labels at least
 *   url     scheme and host in lower case, default port, user and fragment off, escapes as RFC 3986, 6.2.2 has them
 *   hash    MD5, SHA-1, SHA-256, SHA-512 by length in lower-case digits; "imphash:" and 32 digits
 *   mail    lower case; what stands in <> when there is such
 */
size_t ioc_normalise(enum ioc_kind kind, struct str text, char out[IOC_VALUE_MAX]);
/* What kind of value this looks like; false when like none. */
bool ioc_guess(struct str text, enum ioc_kind *ret);
/* hxxp://evil[.]example -> http://evil.example: undoes the ways in which reports make values harmless. */
size_t ioc_refang(struct str text, char out[IOC_VALUE_MAX]);
/* Text to 16 bytes, IPv4 mapped (RFC 4291, 2.5.5.2). */
bool ioc_address(struct str text, uint8_t ret[16]);
/* Of a normalised cidr. */
bool ioc_prefix(struct str text, uint8_t ret_address[16], unsigned *ret_bits);
/* The host of a normalised URL. */
struct str ioc_url_host(struct str url);
/* Is `name` the domain itself or below it, label by label? Both normalised. */
bool ioc_domain_within(struct str name, struct str domain);

/* --- building (ioc_build.c) --- */

#define IOC_MAX (16u << 20) /* indicators of one image */
#define IOC_FOR_EVER INT64_MAX

struct ioc_entry {
	enum ioc_kind kind;
	struct str value;          /* normalised here once more */
	uint32_t number;           /* the caller's, 1.. and rising with each entry */
	uint8_t confidence;        /* 0..100; of equal values the surer is answered */
	int64_t from_ms, until_ms; /* valid in [from, until) of the event's time; INT64_MIN and IOC_FOR_EVER when open */
};

struct ioc_builder;

/* `key` should be random; the same key, generation and entries give the same bytes. */
struct ioc_builder *ioc_builder_new(uint64_t key, uint64_t generation);
void ioc_builder_free(struct ioc_builder *b);
/* E_INVALID (no such value, or a number not above the last), E_LIMIT. */
[[nodiscard]] int ioc_builder_add(struct ioc_builder *b, const struct ioc_entry *e);
uint32_t ioc_builder_count(const struct ioc_builder *b);
/* The image, into an empty buf. 24 bytes of memory an entry besides. E_LIMIT when there is not enough of it. */
[[nodiscard]] int ioc_builder_finish(struct ioc_builder *b, struct buf *ret);

/* --- asking (ioc.c) --- */

struct ioc;

/* `image` must outlive *ret and lie on an 8-byte boundary (a mapping and a struct buf do). E_CORRUPT, E_TRUNCATED,
 * E_UNSUPPORTED (another version). */
[[nodiscard]] int ioc_open(struct str image, struct ioc **ret);
void ioc_close(struct ioc *ioc); /* accepts NULL; the image stays the caller's */
uint64_t ioc_generation(const struct ioc *ioc);
uint32_t ioc_count(const struct ioc *ioc);
/* Are there any of this kind? (IOC_IP: or networks.) */
bool ioc_has(const struct ioc *ioc, enum ioc_kind kind);

struct ioc_hit {
	uint32_t number;
	uint8_t confidence;
	struct str value; /* the part of what was asked that is in the set: a domain's suffix */
};

/* When something was: between the time that it claims and the time that we received it, whichever comes first. An indicator is
 * asked for when it was valid at any moment in between, so that nobody escapes one by a clock that is wrong or lies: not by a
 * time before valid_from, which is often younger than what it speaks of, and not by one after valid_until. */
struct ioc_when {
	int64_t first_ms, last_ms;
};

/* Is this normalised value in the set and valid then? Addresses are found in networks too, the narrowest first; names by their
 * longest suffix; IOC_CIDR is nothing to ask for. */
bool ioc_find_when(const struct ioc *ioc, enum ioc_kind kind, struct str value, struct ioc_when when, struct ioc_hit *ret);
bool ioc_find_address_when(const struct ioc *ioc, const uint8_t address[16], struct ioc_when when, struct ioc_hit *ret);

/* At one moment. */
static inline bool
ioc_find(const struct ioc *ioc, enum ioc_kind kind, struct str value, int64_t time_ms, struct ioc_hit *ret)
{
	return ioc_find_when(ioc, kind, value, (struct ioc_when){time_ms, time_ms}, ret);
}

static inline bool
ioc_find_address(const struct ioc *ioc, const uint8_t address[16], int64_t time_ms, struct ioc_hit *ret)
{
	return ioc_find_address_when(ioc, address, (struct ioc_when){time_ms, time_ms}, ret);
}

#endif
