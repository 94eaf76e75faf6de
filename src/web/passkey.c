/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/passkey.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <sodium.h>

#include "base/hash.h"
#include "base/json.h"

/* Authenticator data, section 6.1: hash of the site's name, flags, counter, then what is optional. */
#define DATA_FLAGS 32
#define DATA_COUNTER 33
#define DATA_MIN 37
#define FLAG_USER_PRESENT 0x01
#define FLAG_USER_VERIFIED 0x04
#define FLAG_KEY_INCLUDED 0x40

/* --- the site --- */

static bool
is_name(struct str host)
{
	bool letter = false;
	if (!host.n || host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		letter |= c >= 'a' && c <= 'z';
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
			return false;
	}
	return letter; /* four numbers are an address */
}

static bool
is_port(struct str port)
{
	uint64_t number;
	return str_to_u64(port, &number) && number > 0 && number < 65536 && port.p[0] != '0';
}

bool
passkey_site_of(struct str origin, struct str host, struct passkey_site *ret)
{
	bool https = str_starts(origin, STR("https://"));
	struct str place = https ? str_skip(origin, 8) : str_starts(origin, STR("http://")) ? str_skip(origin, 7) : STR("");
	struct str rest = origin.n ? place : host, name = {0};
	if (!str_split(&rest, ':', &name) || (rest.p && rest.n && !is_port(rest)) || !is_name(name))
		return false;
	if (!https && !str_eq(name, STR("localhost")))
		return false;
	struct passkey_site site;
	if (str_eq(rest, https ? STR("443") : STR("80")))
		rest = STR(""); /* browsers leave it out */
	int n = snprintf(site.origin, sizeof site.origin, "%s://%.*s%s%.*s", https ? "https" : "http", STR_ARG(name),
	    rest.n ? ":" : "", STR_ARG(rest));
	str_to_z(name, site.rp, sizeof site.rp);
	if (n < 0 || (size_t)n >= sizeof site.origin)
		return false;
	*ret = site;
	return true;
}

/* --- what the browser says --- */

static bool
is_challenge(struct str text, struct str challenge)
{
	char want[128];
	if (sodium_base64_encoded_len(challenge.n, sodium_base64_VARIANT_URLSAFE_NO_PADDING) > sizeof want)
		return false;
	sodium_bin2base64(want, sizeof want, (const unsigned char *)challenge.p, challenge.n,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return text.n == strlen(want) && sodium_memcmp(text.p, want, text.n) == 0;
}

static int
check_client(const struct passkey_question *q, struct str client, struct str type, const char **ret_why)
{
	struct json j = {.max_tokens = 256, .max_depth = 8};
	struct arena arena;
	struct str text[3] = {{0}};
	static const struct str name[] = {STR_INIT("type"), STR_INIT("challenge"), STR_INIT("origin")};
	bool framed = false;
	arena_init(&arena, 1024, 64 << 10);
	const char *why = json_parse(&j, client, NULL) < 0 || j.token[0].kind != JSON_OBJECT ? PASSKEY_MALFORMED : NULL;
	for (size_t i = 0; i < COUNT(name) && !why; i++)
		if (!json_get_string(&j, 0, name[i], &arena, &text[i]))
			why = PASSKEY_MALFORMED;
	if (!why && (!str_eq(text[0], type) || !is_challenge(text[1], q->challenge)))
		why = PASSKEY_CHALLENGE;
	/* Not in a frame of another site either. */
	if (!why && (!str_eq(text[2], str_z(q->site.origin)) || (json_get_bool(&j, 0, STR("crossOrigin"), &framed) && framed) ||
	    json_get(&j, 0, STR("topOrigin"))))
		why = PASSKEY_ORIGIN;
	json_release(&j);
	arena_release(&arena);
	*ret_why = why;
	return !why ? 0 : strcmp(why, PASSKEY_MALFORMED) == 0 ? E_INVALID : E_DENIED;
}

/* --- what the authenticator says --- */

static int
check_data(const struct passkey_question *q, struct str data, const char **ret_why)
{
	uint8_t digest[32];
	const char *why = NULL;
	if (data.n < DATA_MIN) {
		*ret_why = PASSKEY_MALFORMED;
		return E_INVALID;
	}
	sha256(str_z(q->site.rp), digest);
	unsigned flags = (unsigned char)data.p[DATA_FLAGS];
	if (memcmp(data.p, digest, sizeof digest) != 0)
		why = PASSKEY_RP;
	else if (!(flags & FLAG_USER_PRESENT) || (q->alone && !(flags & FLAG_USER_VERIFIED)))
		why = PASSKEY_USER;
	*ret_why = why;
	return why ? E_DENIED : 0;
}

static uint32_t
counter_of(struct str data)
{
	const unsigned char *at = (const unsigned char *)data.p + DATA_COUNTER;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool
take_key(fido_cred_t *cred, int algorithm, struct str data, struct passkey_key *key)
{
	if (fido_cred_set_type(cred, algorithm) != FIDO_OK ||
	    fido_cred_set_authdata_raw(cred, (const unsigned char *)data.p, data.n) != FIDO_OK)
		return false;
	size_t id = fido_cred_id_len(cred), n = fido_cred_pubkey_len(cred);
	if (!id || id > sizeof key->id || !n || n > sizeof key->key)
		return false;
	key->algorithm = algorithm;
	key->id_n = id;
	key->key_n = n;
	memcpy(key->id, fido_cred_id_ptr(cred), id);
	memcpy(key->key, fido_cred_pubkey_ptr(cred), n);
	return true;
}

int
passkey_register(const struct passkey_question *q, struct str client, struct str authenticator, struct passkey_key *ret,
    const char **ret_why)
{
	static const int algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_RS256};
	struct passkey_key key = {0};
	bool taken = false;
	*ret_why = PASSKEY_MALFORMED;
	if (client.n > PASSKEY_INPUT_MAX || authenticator.n > PASSKEY_INPUT_MAX)
		return E_INVALID;
	TRY(check_client(q, client, STR("webauthn.create"), ret_why));
	TRY(check_data(q, authenticator, ret_why));
	*ret_why = PASSKEY_MALFORMED;
	if (!((unsigned char)authenticator.p[DATA_FLAGS] & FLAG_KEY_INCLUDED))
		return E_INVALID;
	for (size_t i = 0; i < COUNT(algorithms) && !taken; i++) {
		fido_cred_t *cred = fido_cred_new(); /* one for each: it takes a kind of key once */
		taken = cred && take_key(cred, algorithms[i], authenticator, &key);
		fido_cred_free(&cred);
	}
	if (!taken) {
		*ret_why = PASSKEY_ALGORITHM;
		return E_INVALID;
	}
	key.counter = counter_of(authenticator);
	*ret = key;
	*ret_why = NULL;
	return 0;
}

/* The signature is over the authenticator's data and the hash of the browser's. */
static bool
signed_by(const fido_assert_t *assertion, const struct passkey_key *key)
{
	int result = FIDO_ERR_INTERNAL;
	es256_pk_t *es256 = NULL;
	eddsa_pk_t *eddsa = NULL;
	rs256_pk_t *rs256 = NULL;
	if (key->algorithm == COSE_ES256 && (es256 = es256_pk_new()) && es256_pk_from_ptr(es256, key->key, key->key_n) == FIDO_OK)
		result = fido_assert_verify(assertion, 0, COSE_ES256, es256);
	else if (key->algorithm == COSE_EDDSA && (eddsa = eddsa_pk_new()) &&
	    eddsa_pk_from_ptr(eddsa, key->key, key->key_n) == FIDO_OK)
		result = fido_assert_verify(assertion, 0, COSE_EDDSA, eddsa);
	else if (key->algorithm == COSE_RS256 && (rs256 = rs256_pk_new()) &&
	    rs256_pk_from_ptr(rs256, key->key, key->key_n) == FIDO_OK)
		result = fido_assert_verify(assertion, 0, COSE_RS256, rs256);
	es256_pk_free(&es256);
	eddsa_pk_free(&eddsa);
	rs256_pk_free(&rs256);
	return result == FIDO_OK;
}

static bool
is_signed(const struct passkey_question *q, const struct passkey_key *key, struct str client, struct str data, struct str signature)
{
	uint8_t digest[32];
	fido_assert_t *a = fido_assert_new();
	sha256(client, digest);
	bool good = a && fido_assert_set_count(a, 1) == FIDO_OK && fido_assert_set_rp(a, q->site.rp) == FIDO_OK &&
	    fido_assert_set_clientdata_hash(a, digest, sizeof digest) == FIDO_OK &&
	    fido_assert_set_up(a, FIDO_OPT_TRUE) == FIDO_OK &&
	    fido_assert_set_uv(a, q->alone ? FIDO_OPT_TRUE : FIDO_OPT_OMIT) == FIDO_OK &&
	    fido_assert_set_authdata_raw(a, 0, (const unsigned char *)data.p, data.n) == FIDO_OK &&
	    fido_assert_set_sig(a, 0, (const unsigned char *)signature.p, signature.n) == FIDO_OK && signed_by(a, key);
	fido_assert_free(&a);
	return good;
}

int
passkey_verify(const struct passkey_question *q, const struct passkey_key *key, struct str client, struct str authenticator,
    struct str signature, uint32_t *ret_counter, const char **ret_why)
{
	*ret_why = PASSKEY_MALFORMED;
	if (client.n > PASSKEY_INPUT_MAX || authenticator.n > PASSKEY_INPUT_MAX || !signature.n || signature.n > PASSKEY_INPUT_MAX)
		return E_INVALID;
	TRY(check_client(q, client, STR("webauthn.get"), ret_why));
	TRY(check_data(q, authenticator, ret_why));
	if (!is_signed(q, key, client, authenticator, signature)) {
		*ret_why = PASSKEY_SIGNATURE;
		return E_DENIED;
	}
	uint32_t counter = counter_of(authenticator);
	if ((counter || key->counter) && counter <= key->counter) { /* section 7.2, step 21 */
		*ret_why = PASSKEY_COUNTER;
		return E_DENIED;
	}
	*ret_counter = counter;
	*ret_why = NULL;
	return 0;
}
