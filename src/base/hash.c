/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/hash.h"

#include <assert.h>
#include <openssl/evp.h>

__extension__ typedef unsigned __int128 u128;

static uint64_t
fold(uint64_t a, uint64_t b)
{
	u128 product = (u128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
word_at(const char *p, size_t n)
{
	uint64_t w = 0;
	memcpy(&w, p, n);
	return w;
}

/* Odd constants: the fractional digits of sqrt(2), sqrt(3) and sqrt(5). */
#define SQRT2 UINT64_C(0x6a09e667f3bcc909)
#define SQRT3 UINT64_C(0xbb67ae8584caa73b)
#define SQRT5 UINT64_C(0x3c6ef372fe94f82b)

uint64_t
hash64_mix(uint64_t h, uint64_t word)
{
	return fold(h ^ SQRT2, word ^ SQRT3);
}

uint64_t
hash64(struct str s, uint64_t key)
{
	uint64_t h = key ^ SQRT5;
	const char *p = s.p;
	size_t n = s.n;
	for (; n > 16; p += 16, n -= 16)
		h = fold(h ^ word_at(p, 8) ^ SQRT2, word_at(p + 8, 8) ^ SQRT3 ^ key);
	uint64_t a = 0, b = 0;
	if (n > 8) {
		a = word_at(p, 8);
		b = word_at(p + n - 8, 8);
	} else if (n) {
		a = word_at(p, n);
	}
	h = fold(h ^ a ^ SQRT2, b ^ SQRT3 ^ key);
	return fold(h ^ s.n, SQRT5 ^ key);
}

uint64_t
hash64_nocase(struct str s, uint64_t key)
{
	uint64_t h = key ^ SQRT5;
	char part[64];
	while (s.n) {
		size_t n = s.n < sizeof part ? s.n : sizeof part;
		for (size_t i = 0; i < n; i++)
			part[i] = ascii_lower(s.p[i]);
		h = hash64(str_from(part, n), h);
		s = str_skip(s, n);
	}
	return fold(h ^ key, SQRT2);
}

static uint32_t
crc32c_table(uint32_t crc, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
	}
	return crc;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] static uint32_t
crc32c_sse(uint32_t crc, struct str s)
{
	uint64_t c = crc;
	const char *p = s.p;
	size_t n = s.n;
	for (; n >= 8; p += 8, n -= 8)
		c = __builtin_ia32_crc32di(c, word_at(p, 8));
	for (; n; p++, n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, (unsigned char)*p);
	return (uint32_t)c;
}
#endif

uint32_t
crc32c(uint32_t crc, struct str s)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_sse(~crc, s);
#endif
	return ~crc32c_table(~crc, s);
}

void
sha256(struct str s, uint8_t ret_digest[32])
{
	unsigned n = 32;
	int ok = EVP_Digest(s.p, s.n, ret_digest, &n, EVP_sha256(), NULL);
	assert(ok == 1 && n == 32);
}

void
sha256_parts(const struct str *part, size_t count, uint8_t ret_digest[32])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(context, part[i].p, part[i].n);
	ok = ok && EVP_DigestFinal_ex(context, ret_digest, NULL);
	assert(ok);
	EVP_MD_CTX_free(context);
}

void
buf_add_hex(struct buf *b, const uint8_t *bytes, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		buf_add_char(b, digit[bytes[i] >> 4]);
		buf_add_char(b, digit[bytes[i] & 15]);
	}
}
