/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_DIRECTORY_H
#define WEB_DIRECTORY_H

/*
 * The organisation's own directory (LDAP, Active Directory) may know the passwords. Core asks the ldap role, which alone
 * may connect, and learns four things: right, wrong, no role for this person, or away. Pure.
 *
 * What a person typed gets into a name or a filter of the directory only escaped: everything but letters, digits and
 * ._@- as two hexadecimal digits (RFC 4514, section 2.4; RFC 4515, section 3).
 */

#include "base/bytes.h"

enum directory_outcome { DIRECTORY_RIGHT, DIRECTORY_WRONG, DIRECTORY_NO_ROLE, DIRECTORY_DOWN };

/* What the directory says of somebody whose password is right. */
struct directory_person {
	struct str role, organisation, name; /* organisation empty: of the desk */
};

/* `form` with each {login} replaced by what was typed, escaped. */
void directory_fill(struct str form, struct str login, struct buf *out);

#endif
