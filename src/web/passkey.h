/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_PASSKEY_H
#define WEB_PASSKEY_H

/*
 * Passkeys: what a browser and its authenticator answer to a challenge (W3C Web Authentication, level 2, sections 7.1 and
 * 7.2; level 3 where it is stricter). Core. Pure; the authenticator's data and signatures are read and verified by libfido2.
 *
 * No attestation is asked for: any authenticator that a person owns is as good as another, so what it says of its maker is
 * not looked at. The browser hands over the authenticator's data itself, without the envelope around it.
 */

#include "base/error.h"

#define PASSKEY_INPUT_MAX 8192u /* bytes of each part of an answer */
#define PASSKEY_ID_MAX 1023u    /* section 6.1: credentialIdLength */
#define PASSKEY_KEY_MAX 512u

/* Where browsers find us: passkeys are tied to a name, and browsers give them to secure pages alone. */
struct passkey_site {
	char origin[320]; /* "https://khien.example.gov.vn", as browsers write it */
	char rp[256];     /* its name without scheme and port */
};

/* `origin` as the operator wrote it ("" = he did not), `host` as the browser named us. False: no passkeys there, because
 * the address is not https, or a number and no name. http://localhost is as good as https. */
bool passkey_site_of(struct str origin, struct str host, struct passkey_site *ret);

struct passkey_question {
	struct passkey_site site;
	struct str challenge; /* its bytes */
	bool alone;           /* nothing else proves who it is: the authenticator must have verified its user */
};

struct passkey_key {
	int algorithm; /* COSE: -7 ES256, -8 EdDSA, -257 RS256 */
	uint32_t counter;
	size_t id_n, key_n;
	uint8_t id[PASSKEY_ID_MAX];
	uint8_t key[PASSKEY_KEY_MAX]; /* as libfido2 keeps it */
};

/* What was wrong, for the person and the auditor; E_DENIED for all but "malformed" (E_INVALID). */
#define PASSKEY_MALFORMED "passkey_malformed"
#define PASSKEY_CHALLENGE "passkey_challenge" /* another's, an old one, or not this kind of answer */
#define PASSKEY_ORIGIN "passkey_origin"       /* given to another site */
#define PASSKEY_RP "passkey_rp"
#define PASSKEY_USER "passkey_user"           /* nobody touched it, or it did not verify who */
#define PASSKEY_SIGNATURE "passkey_signature"
#define PASSKEY_COUNTER "passkey_counter"     /* it went back: there may be a copy of it */
#define PASSKEY_ALGORITHM "passkey_algorithm"

/* A new one. client: the browser's JSON; authenticator: its data. */
[[nodiscard]] int passkey_register(const struct passkey_question *q, struct str client, struct str authenticator,
    struct passkey_key *ret, const char **ret_why);
/* An answer of a known one; *ret_counter is what to remember. */
[[nodiscard]] int passkey_verify(const struct passkey_question *q, const struct passkey_key *key, struct str client,
    struct str authenticator, struct str signature, uint32_t *ret_counter, const char **ret_why);

#endif
