/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the usual programs of a Linux server say: one table of sentences for each. A sentence that is in no table leaves
 * the event with its program's decoder and the whole text, which is all that keyword rules ask for.
 */
#include "decode/lines.h"
#include "decode/pattern.h"

#define P(form, action, outcome) {form, STR_INIT(action), OUTCOME_##outcome}

static const struct pattern sshd_table[] = {
	P("Accepted %M for %*U from %I port %P", "ssh_login", SUCCESS),
	P("Failed %M for invalid user %*U from %I port %P", "ssh_login", FAILURE),
	P("Failed %M for illegal user %*U from %I port %P", "ssh_login", FAILURE),
	P("Failed %M for %*U from %I port %P", "ssh_login", FAILURE),
	P("Postponed %M for invalid user %*U from %I port %P", "ssh_login_postponed", NONE),
	P("Postponed %M for %*U from %I port %P", "ssh_login_postponed", NONE),
	P("Invalid user %*U from %I port %P", "ssh_invalid_user", FAILURE),
	P("Invalid user %*U from %I", "ssh_invalid_user", FAILURE),
	P("Illegal user %*U from %I", "ssh_invalid_user", FAILURE),
	P("input_userauth_request: invalid user %*U [preauth]", "ssh_invalid_user", FAILURE),
	P("input_userauth_request: invalid user %U", "ssh_invalid_user", FAILURE),
	P("User %*U from %I not allowed because %R", "ssh_user_refused", FAILURE),
	P("PAM: %_ for illegal user %*U from %I", "ssh_pam_failure", FAILURE),
	P("PAM: %_ for invalid user %*U from %I", "ssh_pam_failure", FAILURE),
	P("PAM: %R for %*U from %I", "ssh_pam_failure", FAILURE),
	P("PAM %N more authentication failure%_; %@", "ssh_pam_failure", FAILURE),
	P("maximum authentication attempts exceeded for invalid user %*U from %I port %P", "ssh_max_attempts", FAILURE),
	P("maximum authentication attempts exceeded for %*U from %I port %P", "ssh_max_attempts", FAILURE),
	P("Disconnecting invalid user %*J port %P: %R", "ssh_disconnect", NONE),
	P("Disconnecting invalid user %*J port %P", "ssh_disconnect", NONE),
	P("Disconnecting authenticating user %*J port %P: %R", "ssh_disconnect", NONE),
	P("Disconnecting authenticating user %*J port %P", "ssh_disconnect", NONE),
	P("Disconnecting: Too many authentication failures for %*U [preauth]", "ssh_max_attempts", FAILURE),
	P("Disconnecting: %R", "ssh_disconnect", NONE),
	P("Disconnected from invalid user %*J port %P", "ssh_disconnect", NONE),
	P("Disconnected from authenticating user %*J port %P", "ssh_disconnect", NONE),
	P("Disconnected from user %*J port %P", "ssh_disconnect", NONE),
	P("Disconnected from %I port %P", "ssh_disconnect", NONE),
	P("Disconnected from %I", "ssh_disconnect", NONE),
	P("Received disconnect from %I port %P:%_: %R", "ssh_disconnect", NONE),
	P("Received disconnect from %I: %_: %R", "ssh_disconnect", NONE),
	P("Connection closed by invalid user %*J port %P", "ssh_connection_closed", NONE),
	P("Connection closed by authenticating user %*J port %P", "ssh_connection_closed", NONE),
	P("Connection closed by %I port %P", "ssh_connection_closed", NONE),
	P("Connection closed by %I", "ssh_connection_closed", NONE),
	P("Connection reset by invalid user %*J port %P", "ssh_connection_closed", NONE),
	P("Connection reset by authenticating user %*J port %P", "ssh_connection_closed", NONE),
	P("Connection reset by %I port %P", "ssh_connection_closed", NONE),
	P("Connection reset by %I", "ssh_connection_closed", NONE),
	P("Connection from %I port %P", "ssh_connection", NONE),
	P("Did not receive identification string from %I port %P", "ssh_no_identification", FAILURE),
	P("Did not receive identification string from %I", "ssh_no_identification", FAILURE),
	P("Bad protocol version identification %*R from %I port %P", "ssh_bad_protocol", FAILURE),
	P("Bad protocol version identification %*R from %I", "ssh_bad_protocol", FAILURE),
	P("banner exchange: Connection from %I port %P: %R", "ssh_bad_protocol", FAILURE),
	P("kex_exchange_identification: %R", "ssh_no_identification", FAILURE),
	P("Unable to negotiate with %I port %P: %R", "ssh_negotiation", FAILURE),
	P("Unable to negotiate with %I: %R", "ssh_negotiation", FAILURE),
	P("ssh_dispatch_run_fatal: Connection from %I port %P: %R", "ssh_error", NONE),
	P("Read error from remote host %I port %P: %R", "ssh_error", NONE),
	P("Read error from remote host %I: %R", "ssh_error", NONE),
	P("reverse mapping checking getaddrinfo for %H [%I] failed", "ssh_reverse_mapping", FAILURE),
	P("Address %I maps to %H, but this does not map back", "ssh_reverse_mapping", FAILURE),
	P("Starting session: %R for %*U from %I port %P", "ssh_session", SUCCESS),
	P("Close session: user %*U from %I port %P", "ssh_session_closed", NONE),
	P("subsystem request for %R by user %U", "ssh_session", NONE),
	P("Server listening on %_ port", "ssh_server_start", NONE),
	P("Received signal %_; terminating", "ssh_server_stop", NONE),
	P("Authentication refused: %R", "ssh_login_refused", FAILURE),
	P("Bad password attempt for '%*U' from %I:%P", "ssh_login", FAILURE), /* dropbear from here */
	P("Password auth succeeded for '%*U' from %I:%P", "ssh_login", SUCCESS),
	P("Pubkey auth succeeded for '%*U' with %_ from %I:%P", "ssh_login", SUCCESS),
	P("Login attempt for nonexistent user from %I:%P", "ssh_invalid_user", FAILURE),
	P("Child connection from %I:%P", "ssh_connection", NONE),
};

static const struct pattern pam_table[] = {
	P("authentication failure; %@", "pam_authentication", FAILURE),
	P("check pass; user unknown", "pam_user_unknown", FAILURE),
	P("session opened for user %U(uid=%u) by %B(uid=", "session_opened", SUCCESS),
	P("session opened for user %U by %B(uid=", "session_opened", SUCCESS),
	P("session opened for user %U", "session_opened", SUCCESS),
	P("session closed for user %U", "session_closed", NONE),
	P("password changed for %T", "password_changed", SUCCESS),
	P("account %U has expired", "account_expired", FAILURE),
	P("expired password for user %U", "account_expired", FAILURE),
	P("Consecutive login failures for user %U account", "account_locked", FAILURE),
	P("user %U (%u) tally %N", "account_locked", FAILURE),
	P("auth could not identify password for [%U]", "pam_authentication", FAILURE),
	P("bad username [%*U]", "pam_user_unknown", FAILURE),
};

static const struct pattern cron_table[] = {
	P("(%U) CMD (%*C)", "cron_command", NONE),
	P("(%U) REPLACE (%*R)", "cron_replaced", SUCCESS),
	P("(%U) DELETE (%*R)", "cron_deleted", SUCCESS),
	P("(%U) BEGIN EDIT (%*R)", "cron_edit", NONE),
	P("(%U) END EDIT (%*R)", "cron_edit", NONE),
	P("(%U) %A (%*R)", "cron_other", NONE),
};

static const struct pattern account_table[] = {
	P("new user: name=%T, UID=%u, GID=%_, home=%_, shell=%_", "user_added", SUCCESS),
	P("new user: name=%T, uid=%u, gid=%_", "user_added", SUCCESS),
	P("new group: name=%G, GID=", "group_added", SUCCESS),
	P("group added to /etc/group: name=%G, GID=", "group_added", SUCCESS),
	P("group added to /etc/gshadow: name=%G", "group_added", SUCCESS),
	P("add '%T' to group '%G'", "group_member_added", SUCCESS),
	P("add '%T' to shadow group '%G'", "group_member_added", SUCCESS),
	P("user %T added by %B to group %G", "group_member_added", SUCCESS),
	P("user %T removed by %B from group %G", "group_member_removed", SUCCESS),
	P("delete '%T' from group '%G'", "group_member_removed", SUCCESS),
	P("delete '%T' from shadow group '%G'", "group_member_removed", SUCCESS),
	P("delete user '%T'", "user_deleted", SUCCESS),
	P("removed group '%G' owned by", "group_deleted", SUCCESS),
	P("group '%G' removed", "group_deleted", SUCCESS),
	P("change user '%T' password", "password_changed", SUCCESS),
	P("change user '%T' %R", "user_modified", SUCCESS),
	P("lock user '%T' password", "user_locked", SUCCESS),
	P("unlock user '%T' password", "user_unlocked", SUCCESS),
	P("password for '%T' changed by '%B'", "password_changed", SUCCESS),
	P("password changed for %T", "password_changed", SUCCESS),
	P("changed password expiry for %T", "user_modified", SUCCESS),
	P("failed adding user '%T', %R", "user_added", FAILURE),
	P("Successful su for %T by %U", "su", SUCCESS),
	P("FAILED su for %T by %U", "su", FAILURE),
	P("FAILED SU (to %T) %U on %Y", "su", FAILURE),
	P("BAD SU %U to %T on %Y", "su", FAILURE),
	P("'su %T' failed for %U on %Y", "su", FAILURE),
	P("'su %T' succeeded for %U on %Y", "su", SUCCESS),
	P("(to %T) %U on %Y", "su", SUCCESS),
	P("+ %Y %U:%T", "su", SUCCESS),
	P("- %Y %U:%T", "su", FAILURE),
	P("New session %_ of user %U.", "session_opened", SUCCESS),
	P("FAILED LOGIN %_ FROM %I FOR %U, %R", "login", FAILURE),
	P("FAILED LOGIN %_ on '%Y' FOR '%U', %R", "login", FAILURE),
	P("ROOT LOGIN %_ on '%Y'", "login", SUCCESS),
	P("ROOT LOGIN ON %Y", "login", SUCCESS),
	P("LOGIN ON %Y BY %U FROM %I", "login", SUCCESS),
	P("LOGIN ON %Y BY %U", "login", SUCCESS),
};

static const struct pattern systemd_table[] = {
	P("Started %S.", "service_started", SUCCESS),
	P("Started %S", "service_started", SUCCESS),
	P("Stopped %S.", "service_stopped", SUCCESS),
	P("Stopped %S", "service_stopped", SUCCESS),
	P("Failed to start %S.", "service_started", FAILURE),
	P("Reloaded %S.", "service_reloaded", SUCCESS),
	P("%S: Main process exited, %R", "service_exited", NONE),
	P("%S: Failed with result '%R'", "service_failed", FAILURE),
	P("%S: Scheduled restart job", "service_restarted", NONE),
};

/* BIND (with and without the address of its client structure, with views), Unbound (log-queries), dnsmasq (log-queries,
 * and =extra). */
static const struct pattern dns_table[] = {
	P("client @%_ %I#%P (%_): query: %Q IN %K ", "dns_query", NONE),
	P("client @%_ %I#%P (%_): view %_: query: %Q IN %K ", "dns_query", NONE),
	P("client %I#%P (%_): query: %Q IN %K ", "dns_query", NONE),
	P("client %I#%P (%_): view %_: query: %Q IN %K ", "dns_query", NONE),
	P("client %I#%P: query: %Q IN %K ", "dns_query", NONE),
	P("client %I#%P: view %_: query: %Q IN %K ", "dns_query", NONE),
	P("client @%_ %I#%P (%_): query (%_) '%Q/%K/IN' denied", "dns_query_denied", FAILURE),
	P("client %I#%P (%_): query (%_) '%Q/%K/IN' denied", "dns_query_denied", FAILURE),
	P("client %I#%P: query (%_) denied", "dns_query_denied", FAILURE),
	P("queries: info: client @%_ %I#%P (%_): query: %Q IN %K ", "dns_query", NONE),
	P("queries: info: client %I#%P (%_): query: %Q IN %K ", "dns_query", NONE),
	P("[%_] info: %I %Q %K IN", "dns_query", NONE),
	P("query[%K] %Q from %I", "dns_query", NONE),
	P("%N %I/%P query[%K] %Q from %_", "dns_query", NONE),
};

/* Network daemons without a table of their own. */
static const struct pattern other_table[] = {
	P("connection from %I (", "connection", NONE),
	P("connect from %H[%I]", "connection", NONE),
	P("Authentication failed from %I (", "authentication", FAILURE),
	P("warning: %H[%I]: SASL %M authentication failed", "authentication", FAILURE),
	P("refused connect from %I", "connection", FAILURE),
};

enum kind { KIND_SSHD, KIND_SUDO, KIND_CRON, KIND_ACCOUNT, KIND_SYSTEMD, KIND_KERNEL, KIND_PAM, KIND_DNS };

static const struct {
	enum decoder_id decoder;
	struct str dataset, category;
	const struct pattern *table;
	size_t count;
} kind_row[] = {
	[KIND_SSHD] = {DECODER_SSHD, STR_INIT("linux.sshd"), STR_INIT("authentication"), sshd_table, COUNT(sshd_table)},
	[KIND_SUDO] = {DECODER_SUDO, STR_INIT("linux.sudo"), STR_INIT("process"), NULL, 0},
	[KIND_CRON] = {DECODER_CRON, STR_INIT("linux.cron"), STR_INIT("process"), cron_table, COUNT(cron_table)},
	[KIND_ACCOUNT] = {DECODER_ACCOUNT, STR_INIT("linux.account"), STR_INIT("iam"), account_table,
	    COUNT(account_table)},
	[KIND_SYSTEMD] = {DECODER_SYSTEMD, STR_INIT("linux.systemd"), STR_INIT("process"), systemd_table,
	    COUNT(systemd_table)},
	[KIND_KERNEL] = {DECODER_NETFILTER, STR_INIT("linux.netfilter"), STR_INIT("network"), NULL, 0},
	[KIND_PAM] = {DECODER_PAM, STR_INIT("linux.pam"), STR_INIT("authentication"), pam_table, COUNT(pam_table)},
	[KIND_DNS] = {DECODER_DNS, STR_INIT("linux.dns"), STR_INIT("network"), dns_table, COUNT(dns_table)},
};

static const struct {
	struct str program;
	enum kind kind;
} program_row[] = {
	{STR_INIT("sshd"), KIND_SSHD},         {STR_INIT("sshd-session"), KIND_SSHD}, {STR_INIT("dropbear"), KIND_SSHD},
	{STR_INIT("sshd-auth"), KIND_SSHD},    {STR_INIT("sudo"), KIND_SUDO},         {STR_INIT("cron"), KIND_CRON},
	{STR_INIT("CRON"), KIND_CRON},         {STR_INIT("crond"), KIND_CRON},        {STR_INIT("crontab"), KIND_CRON},
	{STR_INIT("su"), KIND_ACCOUNT},        {STR_INIT("useradd"), KIND_ACCOUNT},   {STR_INIT("userdel"), KIND_ACCOUNT},
	{STR_INIT("usermod"), KIND_ACCOUNT},   {STR_INIT("groupadd"), KIND_ACCOUNT},  {STR_INIT("groupdel"), KIND_ACCOUNT},
	{STR_INIT("groupmod"), KIND_ACCOUNT},  {STR_INIT("gpasswd"), KIND_ACCOUNT},   {STR_INIT("passwd"), KIND_ACCOUNT},
	{STR_INIT("chpasswd"), KIND_ACCOUNT},  {STR_INIT("chage"), KIND_ACCOUNT},     {STR_INIT("login"), KIND_ACCOUNT},
	{STR_INIT("systemd"), KIND_SYSTEMD},   {STR_INIT("kernel"), KIND_KERNEL},     {STR_INIT("ulogd"), KIND_KERNEL},
	{STR_INIT("systemd-logind"), KIND_ACCOUNT}, {STR_INIT("named"), KIND_DNS}, {STR_INIT("unbound"), KIND_DNS},
	{STR_INIT("dnsmasq"), KIND_DNS},
};

static void
finish(struct event *e, enum kind kind)
{
	e->decoder = kind_row[kind].decoder;
	if (kind == KIND_DNS && event_find(e, F_DNS_QUESTION))
		event_put_core(e, F_EVENT_TYPE, STR("query"));
	event_put_core(e, F_EVENT_CATEGORY, kind_row[kind].category);
	event_put_core(e, F_EVENT_DATASET, kind_row[kind].dataset);
}

/* "pam_unix(sshd:auth): ..." */
static bool
decode_pam(struct decode_context *c, struct str message, struct event *e)
{
	struct str rest = message;
	ptrdiff_t open = str_find_char(rest, '('), close = str_find(rest, STR("): "));
	if (!str_starts(rest, STR("pam_")) || open < 0 || close < open || (size_t)close > 128)
		return false;
	struct str inside = str_cut(rest, (size_t)open + 1, (size_t)close), service = {0};
	text_add(c, e, STR("pam_module"), str_cut(rest, 0, (size_t)open));
	if (str_split(&inside, ':', &service))
		text_add(c, e, STR("pam_service"), service);
	text_add(c, e, STR("pam_type"), inside);
	rest = str_skip(rest, (size_t)close + 3);
	pattern_decode(c, pam_table, COUNT(pam_table), rest, e);
	finish(e, KIND_PAM);
	return true;
}

/* ---- sudo: "an : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls" ---- */

static const struct {
	struct str name;
	uint32_t core;
} sudo_field[] = {
	{STR_INIT("TTY"), 0}, {STR_INIT("PWD"), F_PROCESS_DIRECTORY}, {STR_INIT("USER"), F_USER_TARGET_NAME},
	{STR_INIT("GROUP"), 0}, {STR_INIT("TSID"), 0}, {STR_INIT("ENV"), 0}, {STR_INIT("HOST"), 0},
	{STR_INIT("CHROOT"), 0}, {STR_INIT("COMMAND"), F_PROCESS_COMMAND},
};

/* NAME=value; the command is the last and may hold anything. False: no such name. */
static bool
sudo_take_field(struct decode_context *c, struct str *rest, struct event *e)
{
	for (size_t i = 0; i < COUNT(sudo_field); i++) {
		size_t n = sudo_field[i].name.n;
		if (!str_starts(*rest, sudo_field[i].name) || rest->n <= n || rest->p[n] != '=')
			continue;
		struct str value = str_skip(*rest, n + 1);
		ptrdiff_t end = sudo_field[i].core == F_PROCESS_COMMAND ? -1 : str_find(value, STR(" ; "));
		*rest = end < 0 ? (struct str){0} : str_skip(value, (size_t)end + 3);
		value = end < 0 ? value : str_cut(value, 0, (size_t)end);
		text_add(c, e, sudo_field[i].name, value);
		if (sudo_field[i].core)
			event_put_core(e, sudo_field[i].core, value);
		if (sudo_field[i].core == F_PROCESS_COMMAND && value.n && value.p[0] == '/')
			event_put_core(e, F_PROCESS_EXECUTABLE, text_take_word(&value));
		return true;
	}
	return false;
}

static struct str
sudo_action(struct str reason)
{
	if (str_find(reason, STR("incorrect password attempt")) >= 0 || str_find(reason, STR("a password is required")) >= 0)
		return STR("sudo_password");
	return STR("sudo_denied");
}

static void
decode_sudo(struct decode_context *c, struct str message, struct event *e)
{
	struct str rest = text_skip_blanks(message), reason = {0};
	ptrdiff_t colon = str_find(rest, STR(" : "));
	if (colon > 0) {
		text_add(c, e, STR("user"), str_cut(rest, 0, (size_t)colon));
		event_put_core(e, F_USER_NAME, str_cut(rest, 0, (size_t)colon));
		rest = text_skip_blanks(str_skip(rest, (size_t)colon + 3));
		while (rest.n) {
			if (sudo_take_field(c, &rest, e))
				continue;
			if (reason.n)
				break;
			ptrdiff_t end = str_find(rest, STR(" ; "));
			reason = end < 0 ? rest : str_cut(rest, 0, (size_t)end);
			rest = end < 0 ? (struct str){0} : str_skip(rest, (size_t)end + 3);
		}
		text_add(c, e, STR("reason"), reason);
		pattern_outcome(e, reason.n ? sudo_action(reason) : STR("sudo_command"),
		    reason.n ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	}
	finish(e, KIND_SUDO);
}

/* ---- */

/* "message repeated 2 times: [ Failed password for ...]" as rsyslog folds them. */
static struct str
unfold(struct decode_context *c, struct str message, struct event *e)
{
	struct str rest = message;
	if (!text_take(&rest, STR("message repeated ")))
		return message;
	struct str count = text_take_word(&rest);
	if (!text_is_number(count) || !text_take(&rest, STR("times: [ ")) || !str_ends(rest, STR("]")))
		return message;
	text_add(c, e, STR("repeated"), count);
	return str_cut(rest, 0, rest.n - 1);
}

/* "error: ", "fatal: ", "debug1: " */
static struct str
without_level(struct str message)
{
	static const struct str level[] = {STR_INIT("error: "), STR_INIT("fatal: "), STR_INIT("debug1: "),
		STR_INIT("debug2: "), STR_INIT("debug3: "), STR_INIT("warning: ")};
	for (size_t i = 0; i < COUNT(level); i++)
		if (str_starts(message, level[i]))
			return str_skip(message, level[i].n);
	return message;
}

static int
kind_find(struct str program)
{
	for (size_t i = 0; i < COUNT(program_row); i++)
		if (str_eq(program_row[i].program, program))
			return (int)program_row[i].kind;
	return -1;
}

int
decode_linux(struct decode_context *c, struct str program, struct str message, struct event *e)
{
	struct str name = text_program_name(program);
	int kind = kind_find(name);
	if (kind == KIND_KERNEL || kind < 0) {
		if (decode_netfilter(c, message, e) == 0)
			return 0;
		if (decode_pam(c, message, e))
			return 0;
		if (!pattern_decode(c, other_table, COUNT(other_table), message, e))
			return E_INVALID;
		e->decoder = DECODER_SYSLOG;
		return 0;
	}
	message = unfold(c, message, e);
	if (decode_pam(c, message, e))
		return 0;
	if (str_eq(str_skip(program, name.n), STR("(pam_unix)"))) {
		pattern_decode(c, pam_table, COUNT(pam_table), message, e);
		finish(e, KIND_PAM);
		return 0;
	}
	if (kind == KIND_SUDO) {
		decode_sudo(c, message, e);
		return 0;
	}
	pattern_decode(c, kind_row[kind].table, kind_row[kind].count, without_level(message), e);
	finish(e, (enum kind)kind);
	return 0;
}
