/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_PROOF_H
#define WEB_PROOF_H

/*
 * Is it really he? The steps that sign-in and every change to one's own account share: slowing down, the password, the
 * second proof. Core.
 *
 * Tries are counted before they are looked at, by address and by login; what comes after the password has a count of its
 * own, so that whoever knows a password does not get fresh tries at the second proof by giving it again. Only a whole
 * sign-in forgives.
 */

#include "web/directory.h"
#include "web/factor.h"
#include "web/route.h"

struct proof {
	struct principal person;     /* whose password it is; without rights when it is nobody's */
	struct str login, password;
	char stored[PASSWORD_TEXT];
	bool known, good;
	enum directory_outcome outcome; /* what the directory said, and of whom */
	struct directory_person said;
	void (*then)(struct api_call *c, int error);
};

/* A password that somebody chooses: judged and hashed on a pool thread. */
struct new_password {
	struct str text;
	struct password_words words; /* of its owner and his place */
	const char *fault;           /* why it may not be, when new_password_work() says E_INVALID */
	char stored[PASSWORD_TEXT];
};
void new_password_of(struct api_call *c, struct new_password *p, struct str login, struct str name, struct str organisation);
[[nodiscard]] int new_password_work(struct new_password *p);

/* Counts a try. True: too many, and the call is answered with how long to wait. `step`: "login" or "factor". */
bool proof_must_wait(struct api_call *c, const char *step, struct str login);
void proof_forgive(struct api_call *c, struct str login);
/* One more try failed: for the auditor. `what` is static. */
void proof_failed(struct api_call *c, struct str login, const char *what);

/* The body's second proof of `person`: an app's code, a recovery code, or a passkey that answers the ticket (which may be
 * NULL). E_INVALID: it holds none; E_DENIED, E_NOT_FOUND: it proves nothing. */
[[nodiscard]] int proof_second(struct api_call *c, struct ticket *t, int64_t person, const char **ret_factor);
/* Has the caller proved himself in this session within PROOF_MS? If not the call is answered: he is to do it again. An API
 * key need not. */
bool proof_is_fresh(struct api_call *c);

/* May the caller set up what proves him beside the password? If not the call is answered: he is to ask for a link. */
bool proof_may_enrol(struct api_call *c);

/* The directory's answer to a call that asked it. */
void proof_directory(struct api_call *c, enum directory_outcome outcome, const struct directory_person *said);
/* Ask for the password of `login`; then `then`, later, with 0, E_DENIED (wrong, or nobody), or what else went wrong;
 * c->proof tells whose it is. Not called when the call is answered with a wait. The texts live in the call's arena. */
void proof_password(struct api_call *c, struct str login, struct str password, void (*then)(struct api_call *c, int error));
/* Ends the call with a new app's secret, as text, as a link and as a QR code; it works once a password of it was given. */
void totp_offer(struct api_call *c, const struct principal *p);

/* --- passkeys, as the body of a call carries them --- */

/* The person whose passkey is in the body. E_NOT_FOUND. */
[[nodiscard]] int passkey_owner(struct api_call *c, int64_t *ret_person);
/* Is it an answer to the ticket's challenge? The challenge is gone then, right or wrong. E_DENIED, E_INVALID, and why. */
[[nodiscard]] int passkey_answer(struct api_call *c, struct ticket *t, const char **ret_why);
/* "passkeys": [...] and where they can be used. */
[[nodiscard]] int passkeys_json(struct api_call *c, struct buf *out);
/* Asks the caller's password once more, and behind it a fresh second proof where he has one; then `then`. Else the call is
 * answered. An API key has no account. */
void account_ask_password(struct api_call *c, void (*then)(struct api_call *c));

#endif
