/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/passkey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>

#include "base/hash.h"
#include "tap.h"

/* An authenticator of our own: what one would answer, and every way of answering wrongly. */
#define CHALLENGE STR("0123456789abcdef0123456789abcdef")
#define ORIGIN "https://khien.example.gov.vn"

struct device {
	EVP_PKEY *pair;
	uint8_t x[32], y[32];
};

struct answer {
	const char *type, *origin, *rp, *extra; /* NULL: as it should be */
	struct str challenge;
	unsigned flags;
	uint32_t counter;
};

static const struct passkey_question question = {.site = {ORIGIN, "khien.example.gov.vn"},
    .challenge = STR_INIT("0123456789abcdef0123456789abcdef")};

static void
device_make(struct device *d)
{
	uint8_t point[65];
	size_t n = 0;
	d->pair = EVP_EC_gen("P-256");
	CHECK(EVP_PKEY_get_octet_string_param(d->pair, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &n) == 1 && n == 65);
	memcpy(d->x, point + 1, 32);
	memcpy(d->y, point + 33, 32);
}

static void
client_json(const struct answer *a, const char *type, struct buf *out)
{
	char text[64];
	struct str challenge = a->challenge.n ? a->challenge : CHALLENGE;
	sodium_bin2base64(text, sizeof text, (const unsigned char *)challenge.p, challenge.n,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_addf(out, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\"%s}", a->type ? a->type : type, text,
	    a->origin ? a->origin : ORIGIN, a->extra ? a->extra : ",\"crossOrigin\":false");
}

static void
put(struct buf *out, const void *bytes, size_t n)
{
	buf_add(out, str_from(bytes, n));
}

static void
authenticator_data(const struct answer *a, unsigned flags, struct buf *out)
{
	uint8_t digest[32];
	const char *rp = a->rp ? a->rp : question.site.rp;
	sha256(str_z(rp), digest);
	put(out, digest, sizeof digest);
	buf_add_char(out, (char)(a->flags ? a->flags : flags));
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(out, (char)(a->counter >> shift));
}

static int
registered(const struct device *d, const struct answer *a, struct passkey_key *key, const char **why)
{
	struct buf client = BUF_INIT, data = BUF_INIT;
	client_json(a, "webauthn.create", &client);
	authenticator_data(a, 0x45, &data);
	put(&data, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	put(&data, "\0\4abcd", 6);
	put(&data, "\xa5\1\2\3\x26\x20\1\x21\x58\x20", 10);
	put(&data, d->x, 32);
	put(&data, "\x22\x58\x20", 3);
	put(&data, d->y, 32);
	int error = passkey_register(&question, buf_str(&client), buf_str(&data), key, why);
	buf_release(&client);
	buf_release(&data);
	return error;
}

static int
asserted(const struct device *d, const struct passkey_key *key, const struct answer *a, bool alone, bool flip, const char **why)
{
	struct passkey_question q = question;
	struct buf client = BUF_INIT, data = BUF_INIT, whole = BUF_INIT;
	uint8_t digest[32], signature[128];
	size_t n = sizeof signature;
	uint32_t counter = 0;
	q.alone = alone;
	client_json(a, "webauthn.get", &client);
	authenticator_data(a, 0x01, &data);
	sha256(buf_str(&client), digest);
	buf_add(&whole, buf_str(&data));
	put(&whole, digest, sizeof digest);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, d->pair) == 1 &&
	    EVP_DigestSign(ctx, signature, &n, (const uint8_t *)whole.p, whole.n) == 1);
	EVP_MD_CTX_free(ctx);
	signature[n - 1] ^= flip;
	int error = passkey_verify(&q, key, buf_str(&client), buf_str(&data), str_from((char *)signature, n), &counter, why);
	if (!error)
		CHECK_INT(counter, a->counter);
	buf_release(&client);
	buf_release(&data);
	buf_release(&whole);
	return error;
}

static void
is_why(const char *why, const char *want, size_t row)
{
	tap_check(want ? why && strcmp(why, want) == 0 : !why, __FILE__, __LINE__, "row %zu: %s, want %s", row, why ? why : "good",
	    want ? want : "good");
}

TEST(registering)
{
	static const struct {
		struct answer answer;
		const char *why;
	} row[] = {
		{{.counter = 0}, NULL},
		{{.counter = 7, .flags = 0x41}, NULL},
		{{.type = "webauthn.get"}, PASSKEY_CHALLENGE},
		{{.challenge = STR_INIT("another challenge, 32 bytes long")}, PASSKEY_CHALLENGE},
		{{.challenge = STR_INIT("0")}, PASSKEY_CHALLENGE},
		{{.origin = "https://khien.example.gov.vn.evil.example"}, PASSKEY_ORIGIN},
		{{.origin = "http://khien.example.gov.vn"}, PASSKEY_ORIGIN},
		{{.origin = "https://khien.example.gov.vn:8443"}, PASSKEY_ORIGIN},
		{{.extra = ",\"crossOrigin\":true"}, PASSKEY_ORIGIN},
		{{.extra = ",\"topOrigin\":\"https://evil.example\""}, PASSKEY_ORIGIN},
		{{.rp = "example.gov.vn"}, PASSKEY_RP},
		{{.flags = 0x44}, PASSKEY_USER},
		{{.flags = 0x05}, PASSKEY_MALFORMED}, /* no key in it */
	};
	struct device d;
	device_make(&d);
	for (size_t i = 0; i < COUNT(row); i++) {
		struct passkey_key key;
		const char *why = NULL;
		int error = registered(&d, &row[i].answer, &key, &why);
		is_why(why, row[i].why, i);
		CHECK((error == 0) == !row[i].why);
		if (!error)
			CHECK(key.algorithm == -7 && key.id_n == 4 && memcmp(key.id, "abcd", 4) == 0 && key.counter == row[i].answer.counter);
	}
	EVP_PKEY_free(d.pair);
}

TEST(answering)
{
	static const struct {
		struct answer answer;
		uint32_t counter; /* as stored */
		bool alone, flip, other;
		const char *why;
	} row[] = {
		{.answer = {.counter = 0}},
		{.answer = {.counter = 6}, .counter = 5},
		{.answer = {.counter = 1, .flags = 0x05}, .alone = true},
		{.answer = {.counter = 1}, .alone = true, .why = PASSKEY_USER}, /* alone it must know its user */
		{.answer = {.flags = 0x04}, .why = PASSKEY_USER},
		{.answer = {.type = "webauthn.create"}, .why = PASSKEY_CHALLENGE},
		{.answer = {.challenge = STR_INIT("the challenge of another time...")}, .why = PASSKEY_CHALLENGE},
		{.answer = {.origin = "https://khien-example.gov.vn"}, .why = PASSKEY_ORIGIN},
		{.answer = {.extra = ",\"crossOrigin\":true"}, .why = PASSKEY_ORIGIN},
		{.answer = {.rp = "khien-example.gov.vn"}, .why = PASSKEY_RP},
		{.flip = true, .why = PASSKEY_SIGNATURE},
		{.other = true, .why = PASSKEY_SIGNATURE},
		{.answer = {.counter = 5}, .counter = 5, .why = PASSKEY_COUNTER},
		{.answer = {.counter = 4}, .counter = 5, .why = PASSKEY_COUNTER},
		{.answer = {.counter = 0}, .counter = 5, .why = PASSKEY_COUNTER},
	};
	struct device d, other;
	struct passkey_key key;
	const char *why;
	device_make(&d);
	device_make(&other);
	CHECK_INT(registered(&d, &(struct answer){.counter = 0}, &key, &why), 0);
	for (size_t i = 0; i < COUNT(row); i++) {
		key.counter = row[i].counter;
		why = NULL;
		int error = asserted(row[i].other ? &other : &d, &key, &row[i].answer, row[i].alone, row[i].flip, &why);
		is_why(why, row[i].why, i);
		CHECK(error == (row[i].why ? E_DENIED : 0));
	}
	EVP_PKEY_free(d.pair);
	EVP_PKEY_free(other.pair);
}

TEST(garbage)
{
	static const struct str client[] = {STR_INIT(""), STR_INIT("{"), STR_INIT("[]"), STR_INIT("{}"), STR_INIT("null"),
		STR_INIT("{\"type\":1,\"challenge\":2,\"origin\":3}")};
	struct passkey_key key = {0};
	struct buf long_one = BUF_INIT;
	const char *why;
	uint32_t counter;
	for (size_t i = 0; i < COUNT(client); i++) {
		CHECK_INT(passkey_register(&question, client[i], STR("x"), &key, &why), E_INVALID);
		CHECK_INT(passkey_verify(&question, &key, client[i], STR("x"), STR("x"), &counter, &why), E_INVALID);
	}
	while (long_one.n <= PASSKEY_INPUT_MAX)
		buf_add(&long_one, STR("xxxxxxxxxxxxxxxx"));
	CHECK_INT(passkey_register(&question, buf_str(&long_one), STR("x"), &key, &why), E_INVALID);
	buf_release(&long_one);
}

TEST(where_passkeys_work)
{
	static const struct {
		const char *origin, *host, *site, *rp; /* NULL: not there */
	} row[] = {
		{"https://khien.example.gov.vn", "whatever", "https://khien.example.gov.vn", "khien.example.gov.vn"},
		{"https://khien.example.gov.vn:8443", "", "https://khien.example.gov.vn:8443", "khien.example.gov.vn"},
		{"https://khien.example.gov.vn:443", "", "https://khien.example.gov.vn", "khien.example.gov.vn"},
		{"http://khien.example.gov.vn", "khien.example.gov.vn", NULL, NULL},
		{"https://10.1.2.3", "", NULL, NULL},
		{"https://[::1]", "", NULL, NULL},
		{"https://", "", NULL, NULL},
		{"https://a:b", "", NULL, NULL},
		{"", "localhost:8080", "http://localhost:8080", "localhost"},
		{"", "localhost", "http://localhost", "localhost"},
		{"http://localhost:8080", "", "http://localhost:8080", "localhost"},
		{"", "127.0.0.1:8080", NULL, NULL},
		{"", "evil.example", NULL, NULL},
		{"", "localhost:99999", NULL, NULL},
		{"", "localhost\" x", NULL, NULL},
		{"", "", NULL, NULL},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct passkey_site site = {0};
		bool there = passkey_site_of(str_z(row[i].origin), str_z(row[i].host), &site);
		tap_check(there == !!row[i].site, __FILE__, __LINE__, "row %zu", i);
		if (there && row[i].site) {
			CHECK_STR(str_z(site.origin), str_z(row[i].site));
			CHECK_STR(str_z(site.rp), str_z(row[i].rp));
		}
	}
}
