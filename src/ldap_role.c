/* SPDX-License-Identifier: EUPL-1.2 */
#include "ldap_role.h"

#include <errno.h>
#include <ldap.h>
#include <netdb.h>
#include <openldap.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/wire.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "ldap_groups.h"

#define DOWN_MS 5000
#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

struct ldap_role {
	struct role_context *rc;
	const struct options *o;
	struct channel *core;
	struct addrinfo *addresses;
	LDAPURLDesc *url;
	struct buf service_password;
	int64_t down_until_ms; /* monotonic */
	struct buf out, name, dn, filter;
};

/* --- before powers are given up --- */

static void
read_service_password(struct ldap_role *l)
{
	l->service_password = BUF_INIT_MAX(1024);
	if (!l->o->ldap_password_file[0])
		return;
	if (file_read(l->o->ldap_password_file, &l->service_password) < 0)
		log_say(LOG_LEVEL_ERROR, "ldap.no_password_file", LOG_TEXT("file", str_z(l->o->ldap_password_file)));
	struct str whole = str_trim(buf_str(&l->service_password));
	if (whole.p && whole.p == l->service_password.p)
		l->service_password.n = whole.n; /* without the line's end */
}

static void
find_addresses(struct ldap_role *l)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char port[8];
	if (ldap_url_parse(l->o->ldap_uri, &l->url) != LDAP_URL_SUCCESS || !l->url->lud_host) {
		log_say(LOG_LEVEL_ERROR, "ldap.uri", LOG_TEXT("uri", str_z(l->o->ldap_uri)));
		return;
	}
	snprintf(port, sizeof port, "%d", l->url->lud_port);
	if (getaddrinfo(l->url->lud_host, port, &hints, &l->addresses) != 0)
		log_say(LOG_LEVEL_ERROR, "ldap.no_address", LOG_TEXT("host", str_z(l->url->lud_host)));
}

/* One context for all connections, made while its files can be read. The certificate must be good, always. */
static void
prepare_tls(struct ldap_role *l)
{
	int demand = LDAP_OPT_X_TLS_DEMAND, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
	const char *ca = l->o->ldap_ca_file[0] ? l->o->ldap_ca_file : SYSTEM_CA;
	bool good = ldap_set_option(NULL, LDAP_OPT_X_TLS_CACERTFILE, ca) == LDAP_OPT_SUCCESS &&
	    ldap_set_option(NULL, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS &&
	    ldap_set_option(NULL, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least) == LDAP_OPT_SUCCESS &&
	    ldap_set_option(NULL, LDAP_OPT_X_TLS_NEWCTX, &client) == LDAP_OPT_SUCCESS;
	if (!good)
		log_say(LOG_LEVEL_ERROR, "ldap.tls", LOG_TEXT("ca", str_z(ca)));
}

static int
ldap_role_start(struct role_context *rc)
{
	struct ldap_role *l = MEM_NEW(struct ldap_role);
	rc->user = l;
	l->rc = rc;
	l->o = rc->options;
	l->out = l->name = l->dn = l->filter = BUF_INIT_MAX(4096);
	setenv("LDAPNOINIT", "1", 1); /* what /etc/ldap/ldap.conf says is for others */
	read_service_password(l);
	find_addresses(l);
	prepare_tls(l);
	role_ready(rc);
	return role_confine(rc, SANDBOX_CONNECT, NULL, 0);
}

/* --- one question --- */

static int
connect_any(const struct ldap_role *l)
{
	const struct timeval limit = {.tv_sec = l->o->ldap_timeout};
	for (const struct addrinfo *a = l->addresses; a; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

/* A connection with the protection that was asked for, or NULL. */
static LDAP *
open_directory(struct ldap_role *l)
{
	const struct timeval limit = {.tv_sec = l->o->ldap_timeout};
	int version = LDAP_VERSION3, fd = connect_any(l), result = LDAP_SUCCESS;
	LDAP *ld = NULL;
	if (fd < 0 || ldap_init_fd(fd, LDAP_PROTO_TCP, l->o->ldap_uri, &ld) != LDAP_SUCCESS) {
		log_say(LOG_LEVEL_WARN, "ldap.no_connection", LOG_NUMBER("errno", errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF); /* it would take the password elsewhere */
	ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &limit);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &limit);
	if (strcmp(l->url->lud_scheme, "ldaps") == 0)
		result = ldap_install_tls(ld);
	else if (l->o->ldap_starttls)
		result = ldap_start_tls_s(ld, NULL, NULL);
	if (result == LDAP_SUCCESS)
		return ld;
	char *why = NULL;
	ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &why);
	log_say(LOG_LEVEL_WARN, "ldap.tls_refused", LOG_TEXT("error", str_z(ldap_err2string(result))), LOG_TEXT("why", str_z(why)));
	ldap_memfree(why);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return NULL;
}

/* An empty password would be an anonymous bind, which succeeds (RFC 4513, section 5.1.2). */
static enum directory_outcome
bind_as(LDAP *ld, const char *dn, struct str password, const char *step)
{
	struct berval secret = {.bv_len = password.n, .bv_val = (char *)password.p};
	if (!password.n)
		return DIRECTORY_WRONG;
	return ldap_outcome(ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL), step);
}

static void
take_name(struct ldap_role *l, LDAP *ld, LDAPMessage *entry)
{
	static const char *const attributes[] = {"displayName", "cn"};
	buf_clear(&l->name);
	for (size_t i = 0; i < COUNT(attributes) && !l->name.n; i++) {
		struct berval **value = ldap_get_values_len(ld, entry, attributes[i]);
		if (value && value[0] && value[0]->bv_len < 128)
			buf_add(&l->name, str_from(value[0]->bv_val, value[0]->bv_len));
		ldap_value_free_len(value);
	}
}

/* The one entry below `base` that fits; its name into l->dn and l->name. */
static enum directory_outcome
find_person(struct ldap_role *l, LDAP *ld, const char *base, int scope, const char *filter)
{
	char display[] = "displayName", common[] = "cn", *attributes[] = {display, common, NULL}, *dn = NULL;
	struct timeval limit = {.tv_sec = l->o->ldap_timeout};
	LDAPMessage *found = NULL;
	int result = ldap_search_ext_s(ld, base, scope, filter, attributes, 0, NULL, NULL, &limit, 2, &found);
	enum directory_outcome outcome = ldap_outcome(result, "search");
	LDAPMessage *entry = outcome == DIRECTORY_RIGHT && ldap_count_entries(ld, found) == 1 ? ldap_first_entry(ld, found) : NULL;
	if (entry && (dn = ldap_get_dn(ld, entry))) {
		buf_clear(&l->dn);
		buf_add(&l->dn, str_z(dn));
		take_name(l, ld, entry);
	} else if (outcome == DIRECTORY_RIGHT) {
		outcome = DIRECTORY_WRONG;
	}
	ldap_memfree(dn);
	ldap_msgfree(found);
	return outcome;
}

/* As the service account: who is it; then as the person: is the password right. */
static enum directory_outcome
ask_by_search(struct ldap_role *l, LDAP *ld, struct str login, struct str password, const struct ldap_role_option **ret)
{
	enum directory_outcome outcome = bind_as(ld, l->o->ldap_service_dn, buf_str(&l->service_password), "service");
	if (outcome != DIRECTORY_RIGHT) {
		log_say(LOG_LEVEL_ERROR, "ldap.service_refused", LOG_TEXT("dn", str_z(l->o->ldap_service_dn)));
		return DIRECTORY_DOWN; /* not the person's fault */
	}
	buf_clear(&l->filter);
	directory_fill(str_z(l->o->ldap_filter), login, &l->filter);
	outcome = l->filter.over ? DIRECTORY_WRONG : find_person(l, ld, l->o->ldap_base, LDAP_SCOPE_SUBTREE, l->filter.p);
	if (outcome != DIRECTORY_RIGHT)
		return outcome;
	enum directory_outcome role = ldap_line_of(ld, l->o, l->dn.p, ret);
	outcome = role == DIRECTORY_DOWN ? role : bind_as(ld, l->dn.p, password, "bind");
	return outcome == DIRECTORY_RIGHT ? role : outcome;
}

static enum directory_outcome
ask_by_name(struct ldap_role *l, LDAP *ld, struct str login, struct str password, const struct ldap_role_option **ret)
{
	buf_clear(&l->filter);
	directory_fill(str_z(l->o->ldap_bind_dn), login, &l->filter);
	if (l->filter.over || !l->filter.n)
		return DIRECTORY_WRONG;
	enum directory_outcome outcome = bind_as(ld, l->filter.p, password, "bind");
	if (outcome == DIRECTORY_RIGHT)
		outcome = find_person(l, ld, l->filter.p, LDAP_SCOPE_BASE, "(objectClass=*)");
	return outcome == DIRECTORY_RIGHT ? ldap_line_of(ld, l->o, l->dn.p, ret) : outcome;
}

static enum directory_outcome
ask(struct ldap_role *l, struct str login, struct str password, const struct ldap_role_option **ret)
{
	if (clock_monotonic_ms() < l->down_until_ms)
		return DIRECTORY_DOWN;
	LDAP *ld = open_directory(l);
	enum directory_outcome outcome = !ld ? DIRECTORY_DOWN
	    : l->o->ldap_bind_dn[0]      ? ask_by_name(l, ld, login, password, ret)
					 : ask_by_search(l, ld, login, password, ret);
	if (ld)
		ldap_unbind_ext_s(ld, NULL, NULL);
	if (outcome == DIRECTORY_DOWN)
		l->down_until_ms = clock_monotonic_ms() + DOWN_MS;
	return outcome;
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct ldap_role *l = user;
	struct wire w = {payload, false};
	const struct ldap_role_option *line = NULL;
	if (fd >= 0)
		close(fd);
	uint32_t ticket = wire_u32(&w);
	struct str login = wire_str(&w), password = wire_str(&w);
	if (type != MSG_BIND || w.bad)
		return;
	buf_clear(&l->name);
	enum directory_outcome outcome = ask(l, login, password, &line);
	buf_clear(&l->out);
	wire_put_u32(&l->out, ticket);
	wire_put_u8(&l->out, (uint8_t)outcome);
	wire_put_str(&l->out, line ? str_z(line->role) : STR(""));
	wire_put_str(&l->out, line ? str_z(line->organisation) : STR(""));
	wire_put_str(&l->out, buf_str(&l->name));
	if (channel_send(l->core, MSG_BOUND, buf_str(&l->out), STR(""), STR("")) < 0)
		log_say(LOG_LEVEL_WARN, "ldap.answer_lost", LOG_NUMBER("bytes", (int64_t)l->out.n));
}

static void
on_closed(void *user, struct channel *c)
{
	struct ldap_role *l = user;
	channel_free(c);
	l->core = NULL;
}

static void
ldap_role_peer(struct role_context *rc, enum role peer, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	struct ldap_role *l = rc->user;
	channel_free(l->core);
	l->core = channel_new(rc->loop, fd, &events, l);
}

static void
ldap_role_stop(struct role_context *rc)
{
	struct ldap_role *l = rc->user;
	channel_free(l->core);
	if (l->addresses)
		freeaddrinfo(l->addresses);
	ldap_free_urldesc(l->url);
	buf_release(&l->service_password);
	buf_release(&l->out);
	buf_release(&l->name);
	buf_release(&l->dn);
	buf_release(&l->filter);
	mem_free(l);
	loop_stop(rc->loop);
}

const struct role_entry ldap_role = {
	.start = ldap_role_start,
	.events = {.peer = ldap_role_peer, .stop = ldap_role_stop},
};
