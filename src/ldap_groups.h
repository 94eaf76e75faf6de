/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef LDAP_GROUPS_H
#define LDAP_GROUPS_H

/*
 * Which line of the option ldap-role fits a person: the first whose group has him, be it through other groups. Part of the
 * ldap role.
 *
 * Active Directory and its like follow groups themselves (the matching rule LDAP_MATCHING_RULE_IN_CHAIN): each line's group
 * is asked. Of any other directory we ask who has the person as a member, then who has those groups, and so on: each group
 * once, so a circle ends, and at most LDAP_GROUPS_MAX of them. What counts is what a group says of its members, never what
 * an entry says of its groups: in some directories a person may write the latter himself.
 */

#include <ldap.h>

#include "host/options.h"
#include "web/directory.h"

#define LDAP_GROUPS_MAX 256u

/* What a result of libldap means to who asks. A directory that is away is said in the log, with the step. */
bool ldap_is_away(int result);
enum directory_outcome ldap_outcome(int result, const char *step);
/* `dn`: the person. DIRECTORY_NO_ROLE when no line fits. */
enum directory_outcome ldap_line_of(LDAP *ld, const struct options *o, const char *dn, const struct ldap_role_option **ret);

#endif
