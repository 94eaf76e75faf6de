/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Any bytes as a passkey's answer. The first byte chooses whose place they take: the browser's JSON, the authenticator's
 * data (behind the right hash of the site, so that what comes after it is read), or the signature. Nothing forged is ever
 * accepted, and a key that registers is one that can be asked.
 */
#include "web/passkey.h"

#include <assert.h>

#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct passkey_question question = {.site = {"http://localhost:8080", "localhost"},
    .challenge = STR_INIT("0123456789abcdef0123456789abcdef")};

#define CLIENT(type)                                                                                                   \
	STR("{\"type\":\"webauthn." type "\",\"challenge\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\",\"origin\":"     \
	    "\"http://localhost:8080\"}")

static void
try_answer(const struct passkey_key *key, struct str client, struct str authenticator, struct str signature)
{
	const char *why = NULL;
	uint32_t counter;
	int error = passkey_verify(&question, key, client, authenticator, signature, &counter, &why);
	assert(error && why); /* nobody has signed anything */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char zero[37] = {0};
	struct passkey_key key = {.algorithm = -7};
	struct buf authenticator = BUF_INIT;
	const char *why = NULL;
	uint8_t digest[32];
	if (!size)
		return 0;
	struct str rest = str_from((const char *)data + 1, size - 1);
	sha256(str_z(question.site.rp), digest);
	buf_add(&authenticator, str_from((const char *)digest, sizeof digest));
	switch (data[0] & 3) {
	case 0:
		(void)!passkey_register(&question, rest, str_from(zero, sizeof zero), &key, &why);
		try_answer(&key, rest, str_from(zero, sizeof zero), STR("x"));
		break;
	case 1:
		buf_add(&authenticator, rest);
		if (passkey_register(&question, CLIENT("create"), buf_str(&authenticator), &key, &why) == 0)
			assert(key.id_n && key.id_n <= PASSKEY_ID_MAX && key.key_n && key.key_n <= PASSKEY_KEY_MAX && !why);
		else
			assert(why);
		try_answer(&key, CLIENT("get"), buf_str(&authenticator), STR("x"));
		break;
	default:
		key.key_n = 64;
		memcpy(key.key, data, size < 64 ? size : 64);
		buf_add(&authenticator, STR("\1\0\0\0\1"));
		try_answer(&key, CLIENT("get"), buf_str(&authenticator), rest);
	}
	buf_release(&authenticator);
	return 0;
}
