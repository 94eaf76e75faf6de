/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_PASSWORD_H
#define WEB_PASSWORD_H

/*
 * May this be somebody's password? Asked when one is chosen, never when one is given. Pure; any thread.
 *
 * At least twelve characters of any kind, and no rule about kinds. It is no password that others had (content/passwords:
 * 44,000 of those found most often), and it is not made of few ideas. Each of these is worth two: a word of the list or of
 * ours, with digits for letters or without; a year; a run along the alphabet, the digits or the keyboard. What stood just
 * before, again, and a word of who and where (login, name, agency, province, our own name) are worth one, like any other character.
 * Eight are asked: four words, or three with something between them.
 */

#include "base/bytes.h"

#define PASSWORD_MIN 12   /* characters */
#define PASSWORD_MAX 512  /* bytes */
#define PASSWORD_IDEAS 8u
#define PASSWORD_WORDS 24u

/* What everybody knows of its owner, folded to plain lower-case letters. */
struct password_words {
	char text[PASSWORD_WORDS][64];
	unsigned count;
};

/* Each word of `text` (three letters and more), and all of them without what stands between. What finds no place is left out. */
void password_words_add(struct password_words *w, struct str text);
/* NULL: it may. Else the key of what is wrong: "password_short", "password_long", "password_common" or "password_words". */
const char *password_fault(struct str password, const struct password_words *words);
/* Is it, as it stands, one that others had? */
bool password_is_common(struct str lower_case);

#endif
