/* SPDX-License-Identifier: EUPL-1.2 */
#include "ldap_groups.h"

#include "host/clock.h"
#include "host/log.h"

#define FILTER_BYTES (32u << 10)
#define STEPS 4 /* the groups of one person get so many times the limit of a step */

/* That it is an Active Directory, and with it the rule (MS-ADTS, sections 3.1.1.3.4.3 and 3.1.1.3.4.4.3). */
#define ACTIVE_DIRECTORY STR("1.2.840.113556.1.4.800")
#define IN_CHAIN STR("(member:1.2.840.113556.1.4.1941:={login})")
#define IS_MEMBER STR("(|(member={login})(uniqueMember={login}))")

struct walk {
	LDAP *ld;
	struct timeval limit;
	int64_t until_ms; /* monotonic */
	struct buf filter;
	struct berval **context; /* where this directory's entries are (RFC 4512, section 5.1) */
	bool active_directory;
	char *group[LDAP_GROUPS_MAX]; /* one way to write each name */
	uint32_t count;
	bool walked, over;
};

bool
ldap_is_away(int result)
{
	return result == LDAP_SERVER_DOWN || result == LDAP_TIMEOUT || result == LDAP_CONNECT_ERROR || result == LDAP_BUSY ||
	    result == LDAP_UNAVAILABLE || result == LDAP_TIMELIMIT_EXCEEDED;
}

enum directory_outcome
ldap_outcome(int result, const char *step)
{
	if (result == LDAP_SUCCESS)
		return DIRECTORY_RIGHT;
	if (!ldap_is_away(result))
		return DIRECTORY_WRONG;
	log_say(LOG_LEVEL_WARN, "ldap.away", LOG_TEXT("step", str_z(step)), LOG_TEXT("error", str_z(ldap_err2string(result))));
	return DIRECTORY_DOWN;
}

static int
search(struct walk *w, const char *base, int scope, const char *filter, char **attributes, LDAPMessage **ret)
{
	*ret = NULL;
	if (clock_monotonic_ms() > w->until_ms)
		return LDAP_TIMEOUT;
	return ldap_search_ext_s(w->ld, base, scope, filter, attributes, 0, NULL, NULL, &w->limit, (int)LDAP_GROUPS_MAX, ret);
}

static int
read_root(struct walk *w)
{
	char contexts[] = "namingContexts", abilities[] = "supportedCapabilities", *attributes[] = {contexts, abilities, NULL};
	LDAPMessage *found;
	int result = search(w, "", LDAP_SCOPE_BASE, "(objectClass=*)", attributes, &found);
	LDAPMessage *root = found ? ldap_first_entry(w->ld, found) : NULL;
	struct berval **ability = root ? ldap_get_values_len(w->ld, root, abilities) : NULL;
	if (root)
		w->context = ldap_get_values_len(w->ld, root, contexts);
	for (size_t i = 0; ability && ability[i]; i++)
		w->active_directory |= str_eq(str_from(ability[i]->bv_val, ability[i]->bv_len), ACTIVE_DIRECTORY);
	ldap_value_free_len(ability);
	ldap_msgfree(found);
	return result;
}

/* The groups below `base` that fit `form` with that member, at most LDAP_GROUPS_MAX. */
static int
search_member(struct walk *w, const char *base, int scope, struct str form, const char *member, LDAPMessage **ret)
{
	char none[] = LDAP_NO_ATTRS, *attributes[] = {none, NULL};
	buf_clear(&w->filter);
	directory_fill(form, str_z(member), &w->filter);
	*ret = NULL;
	if (w->filter.over)
		return LDAP_FILTER_ERROR;
	int result = search(w, base, scope, w->filter.p, attributes, ret);
	w->over |= result == LDAP_SIZELIMIT_EXCEEDED;
	return result;
}

/* --- other directories: upwards, group by group --- */

static bool
is_known(const struct walk *w, const char *name)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (str_eq_nocase(str_z(w->group[i]), str_z(name)))
			return true;
	return false;
}

/* NULL: it is no name. */
static char *
one_way_to_write(const char *dn)
{
	char *name = NULL;
	return ldap_dn_normalize(dn, LDAP_DN_FORMAT_LDAP, &name, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS ? name : NULL;
}

static void
take_groups(struct walk *w, LDAPMessage *found)
{
	for (LDAPMessage *entry = ldap_first_entry(w->ld, found); entry; entry = ldap_next_entry(w->ld, entry)) {
		char *dn = ldap_get_dn(w->ld, entry), *name = dn ? one_way_to_write(dn) : NULL;
		ldap_memfree(dn);
		if (name && !is_known(w, name) && w->count < LDAP_GROUPS_MAX) {
			w->group[w->count++] = name;
			continue;
		}
		w->over |= name && w->count == LDAP_GROUPS_MAX && !is_known(w, name);
		ldap_memfree(name);
	}
}

/* What cannot be searched (a context that is hidden from us) has no groups for us; 0, or that the directory is away. */
static int
walk_up(struct walk *w, const char *person)
{
	uint32_t next = 0;
	for (const char *of = person; of; of = next < w->count ? w->group[next++] : NULL)
		for (size_t i = 0; w->context && w->context[i]; i++) {
			LDAPMessage *found;
			int result = search_member(w, w->context[i]->bv_val, LDAP_SCOPE_SUBTREE, IS_MEMBER, of, &found);
			if (found)
				take_groups(w, found);
			ldap_msgfree(found);
			if (ldap_is_away(result))
				return result;
		}
	w->walked = true;
	if (w->over)
		log_say(LOG_LEVEL_WARN, "ldap.groups_many", LOG_NUMBER("followed", w->count));
	return LDAP_SUCCESS;
}

/* --- one line --- */

/* LDAP_COMPARE_TRUE, LDAP_COMPARE_FALSE, or another result of libldap. */
static int
has_person(struct walk *w, const char *group, const char *person)
{
	LDAPMessage *found;
	if (w->active_directory) {
		int result = search_member(w, group, LDAP_SCOPE_BASE, IN_CHAIN, person, &found);
		bool has = found && ldap_count_entries(w->ld, found) > 0;
		ldap_msgfree(found);
		return has ? LDAP_COMPARE_TRUE : ldap_is_away(result) ? result : LDAP_COMPARE_FALSE;
	}
	int result = w->walked ? LDAP_SUCCESS : walk_up(w, person);
	char *name = one_way_to_write(group);
	bool has = name && is_known(w, name);
	ldap_memfree(name);
	return result != LDAP_SUCCESS ? result : has ? LDAP_COMPARE_TRUE : LDAP_COMPARE_FALSE;
}

static enum directory_outcome
first_line(struct walk *w, const struct options *o, const char *person, const struct ldap_role_option **ret)
{
	for (uint32_t i = 0; i < o->ldap_role_count; i++) {
		const struct ldap_role_option *line = &o->ldap_role[i];
		int result = strcmp(line->group, "*") == 0 ? LDAP_COMPARE_TRUE : has_person(w, line->group, person);
		if (ldap_is_away(result))
			return ldap_outcome(result, "group");
		if (result == LDAP_COMPARE_TRUE) {
			*ret = line;
			return DIRECTORY_RIGHT;
		}
	}
	return DIRECTORY_NO_ROLE;
}

enum directory_outcome
ldap_line_of(LDAP *ld, const struct options *o, const char *dn, const struct ldap_role_option **ret)
{
	struct walk w = {.ld = ld, .limit = {.tv_sec = o->ldap_timeout}, .filter = BUF_INIT_MAX(FILTER_BYTES),
	    .until_ms = clock_monotonic_ms() + STEPS * (int64_t)o->ldap_timeout * 1000};
	int result = read_root(&w);
	enum directory_outcome outcome = ldap_is_away(result) ? ldap_outcome(result, "root") : first_line(&w, o, dn, ret);
	if (!w.context && !w.active_directory && outcome == DIRECTORY_NO_ROLE)
		log_say(LOG_LEVEL_ERROR, "ldap.no_contexts", LOG_TEXT("error", str_z(ldap_err2string(result))));
	for (uint32_t i = 0; i < w.count; i++)
		ldap_memfree(w.group[i]);
	ldap_value_free_len(w.context);
	buf_release(&w.filter);
	return outcome;
}
