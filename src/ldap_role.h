/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef LDAP_ROLE_H
#define LDAP_ROLE_H

/*
 * Asks the organisation's directory whether a password is right, by binding with it (RFC 4513, section 5.1.3), and which of
 * our roles the person's groups give, and where (ldap_groups.h). Started only when a directory is named (option ldap-uri). It may connect and nothing
 * else: no file, no database; certificates, the service account's password and the directory's addresses are read before
 * it gives up its powers. libldap, which parses what the directory says, is thus alone with it.
 *
 * One question at a time, each with a time limit. When the directory is away it is left alone for five seconds, and
 * everybody who asks meanwhile is told so at once.
 */

#include "host/role.h"

extern const struct role_entry ldap_role;

#endif
