/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Native Windows fields -> core ECS fields, by two tables: what a field means, and what an event is. Runs on every
 * Windows event, so it makes one pass over the fields, compares no names twice and copies nothing: core fields borrow
 * the bytes of native ones, escapes included.
 */
#include "decode/core.h"
#include "decode/decode.h"
#include "decode/json_layout.h"
#include "decode/text.h"

#include <assert.h>

#define NO_WORD UINT8_MAX /* struct field's `word`: 0 nobody has looked, else row + 1 */

/* Which log an event comes from, as far as its fields depend on it. */
enum log { LOG_OTHER = 1, LOG_SYSMON = 2, LOG_SECURITY = 4, LOG_SYSTEM = 8, LOG_POWERSHELL = 16, LOG_DEFENDER = 32 };
#define LOG_ANY (LOG_OTHER | LOG_SYSMON | LOG_SECURITY | LOG_SYSTEM | LOG_POWERSHELL | LOG_DEFENDER)
#define LOG_SYSMON_LIKE (LOG_SYSMON | LOG_OTHER) /* also events that were shipped without their channel */

static const struct log_row {
	struct str channel;
	enum log log;
	struct str dataset;
} log_rows[] = {
	{STR_INIT("Security"), LOG_SECURITY, STR_INIT("windows.security")},
	{STR_INIT("System"), LOG_SYSTEM, STR_INIT("windows.system")},
	{STR_INIT("Application"), LOG_OTHER, STR_INIT("windows.application")},
	{STR_INIT("Microsoft-Windows-Sysmon/Operational"), LOG_SYSMON, STR_INIT("windows.sysmon")},
	{STR_INIT("Linux-Sysmon/Operational"), LOG_SYSMON, STR_INIT("linux.sysmon")},
	{STR_INIT("Microsoft-Windows-PowerShell/Operational"), LOG_POWERSHELL, STR_INIT("windows.powershell")},
	{STR_INIT("PowerShellCore/Operational"), LOG_POWERSHELL, STR_INIT("windows.powershell")},
	{STR_INIT("Windows PowerShell"), LOG_POWERSHELL, STR_INIT("windows.powershell")},
	{STR_INIT("Microsoft-Windows-Windows Defender/Operational"), LOG_DEFENDER, STR_INIT("windows.defender")},
	{STR_INIT("Microsoft-Windows-TaskScheduler/Operational"), LOG_OTHER, STR_INIT("windows.taskscheduler")},
	{STR_INIT("Microsoft-Windows-WMI-Activity/Operational"), LOG_OTHER, STR_INIT("windows.wmi")},
	{STR_INIT("Microsoft-Windows-DNS-Client/Operational"), LOG_OTHER, STR_INIT("windows.dns_client")},
	{STR_INIT("Microsoft-Windows-Bits-Client/Operational"), LOG_OTHER, STR_INIT("windows.bits")},
	{STR_INIT("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"), LOG_OTHER,
	    STR_INIT("windows.terminal_services")},
	{STR_INIT("ForwardedEvents"), LOG_OTHER, STR_INIT("windows.forwarded")},
};

WORDS(log_words, log_rows)

/* Who acted: the account named Subject..., or (logons, Kerberos) the one named Target... */
enum actor { ACTOR_SUBJECT, ACTOR_TARGET };

/* What an event is. Names of actions are our own words, ECS style. Without an outcome, the
 * keywords of the event tell it; without an actor, it is the subject. */
static const struct event_row {
	enum log log;
	uint32_t code;
	struct str action, category, outcome;
	enum actor actor;
} event_rows[] = {
	{LOG_SYSMON, 1, STR_INIT("process_start"), STR_INIT("process")},
	{LOG_SYSMON, 2, STR_INIT("file_time_change"), STR_INIT("file")},
	{LOG_SYSMON, 3, STR_INIT("connection"), STR_INIT("network")},
	{LOG_SYSMON, 5, STR_INIT("process_end"), STR_INIT("process")},
	{LOG_SYSMON, 6, STR_INIT("driver_load"), STR_INIT("driver")},
	{LOG_SYSMON, 7, STR_INIT("image_load"), STR_INIT("library")},
	{LOG_SYSMON, 8, STR_INIT("remote_thread"), STR_INIT("process")},
	{LOG_SYSMON, 9, STR_INIT("raw_disk_read"), STR_INIT("file")},
	{LOG_SYSMON, 10, STR_INIT("process_access"), STR_INIT("process")},
	{LOG_SYSMON, 11, STR_INIT("file_create"), STR_INIT("file")},
	{LOG_SYSMON, 12, STR_INIT("registry_key"), STR_INIT("registry")},
	{LOG_SYSMON, 13, STR_INIT("registry_set"), STR_INIT("registry")},
	{LOG_SYSMON, 14, STR_INIT("registry_rename"), STR_INIT("registry")},
	{LOG_SYSMON, 15, STR_INIT("file_stream"), STR_INIT("file")},
	{LOG_SYSMON, 17, STR_INIT("pipe_create"), STR_INIT("file")},
	{LOG_SYSMON, 18, STR_INIT("pipe_connect"), STR_INIT("file")},
	{LOG_SYSMON, 22, STR_INIT("dns_query"), STR_INIT("network")},
	{LOG_SYSMON, 23, STR_INIT("file_delete"), STR_INIT("file")},
	{LOG_SYSMON, 25, STR_INIT("process_tampering"), STR_INIT("process")},
	{LOG_SYSMON, 26, STR_INIT("file_delete"), STR_INIT("file")},
	{LOG_SECURITY, 1102, STR_INIT("log_cleared"), STR_INIT("configuration"), STR_INIT("success")},
	{LOG_SECURITY, 4624, STR_INIT("logon"), STR_INIT("authentication"), STR_INIT("success"), ACTOR_TARGET},
	{LOG_SECURITY, 4625, STR_INIT("logon"), STR_INIT("authentication"), STR_INIT("failure"), ACTOR_TARGET},
	{LOG_SECURITY, 4634, STR_INIT("logoff"), STR_INIT("authentication"), STR_INIT("success"), ACTOR_TARGET},
	{LOG_SECURITY, 4647, STR_INIT("logoff"), STR_INIT("authentication"), STR_INIT("success"), ACTOR_TARGET},
	{LOG_SECURITY, 4648, STR_INIT("logon_explicit"), STR_INIT("authentication")},
	{LOG_SECURITY, 4656, STR_INIT("object_open"), STR_INIT("file")},
	{LOG_SECURITY, 4657, STR_INIT("registry_set"), STR_INIT("registry")},
	{LOG_SECURITY, 4663, STR_INIT("object_access"), STR_INIT("file")},
	{LOG_SECURITY, 4672, STR_INIT("logon_privileged"), STR_INIT("authentication")},
	{LOG_SECURITY, 4688, STR_INIT("process_start"), STR_INIT("process")},
	{LOG_SECURITY, 4689, STR_INIT("process_end"), STR_INIT("process")},
	{LOG_SECURITY, 4697, STR_INIT("service_install"), STR_INIT("configuration")},
	{LOG_SECURITY, 4698, STR_INIT("task_create"), STR_INIT("configuration")},
	{LOG_SECURITY, 4699, STR_INIT("task_delete"), STR_INIT("configuration")},
	{LOG_SECURITY, 4702, STR_INIT("task_change"), STR_INIT("configuration")},
	{LOG_SECURITY, 4719, STR_INIT("audit_policy_change"), STR_INIT("configuration")},
	{LOG_SECURITY, 4720, STR_INIT("user_create"), STR_INIT("iam")},
	{LOG_SECURITY, 4722, STR_INIT("user_enable"), STR_INIT("iam")},
	{LOG_SECURITY, 4723, STR_INIT("password_change"), STR_INIT("iam")},
	{LOG_SECURITY, 4724, STR_INIT("password_reset"), STR_INIT("iam")},
	{LOG_SECURITY, 4725, STR_INIT("user_disable"), STR_INIT("iam")},
	{LOG_SECURITY, 4726, STR_INIT("user_delete"), STR_INIT("iam")},
	{LOG_SECURITY, 4728, STR_INIT("group_member_add"), STR_INIT("iam")},
	{LOG_SECURITY, 4732, STR_INIT("group_member_add"), STR_INIT("iam")},
	{LOG_SECURITY, 4738, STR_INIT("user_change"), STR_INIT("iam")},
	{LOG_SECURITY, 4740, STR_INIT("user_lockout"), STR_INIT("iam")},
	{LOG_SECURITY, 4756, STR_INIT("group_member_add"), STR_INIT("iam")},
	{LOG_SECURITY, 4768, STR_INIT("kerberos_ticket"), STR_INIT("authentication"), STR_INIT(""), ACTOR_TARGET},
	{LOG_SECURITY, 4769, STR_INIT("kerberos_service"), STR_INIT("authentication"), STR_INIT(""), ACTOR_TARGET},
	{LOG_SECURITY, 4771, STR_INIT("kerberos_login"), STR_INIT("authentication"), STR_INIT("failure"), ACTOR_TARGET},
	{LOG_SECURITY, 4776, STR_INIT("credential_check"), STR_INIT("authentication"), STR_INIT(""), ACTOR_TARGET},
	{LOG_SECURITY, 4778, STR_INIT("session_reconnect"), STR_INIT("authentication")},
	{LOG_SECURITY, 4779, STR_INIT("session_disconnect"), STR_INIT("authentication")},
	{LOG_SECURITY, 5136, STR_INIT("directory_change"), STR_INIT("configuration")},
	{LOG_SECURITY, 5140, STR_INIT("share_access"), STR_INIT("file")},
	{LOG_SECURITY, 5145, STR_INIT("share_access"), STR_INIT("file")},
	{LOG_SECURITY, 5156, STR_INIT("connection"), STR_INIT("network")},
	{LOG_SECURITY, 5157, STR_INIT("connection_blocked"), STR_INIT("network")},
	{LOG_SYSTEM, 104, STR_INIT("log_cleared"), STR_INIT("configuration"), STR_INIT("success")},
	{LOG_SYSTEM, 7036, STR_INIT("service_state"), STR_INIT("configuration")},
	{LOG_SYSTEM, 7040, STR_INIT("service_change"), STR_INIT("configuration")},
	{LOG_SYSTEM, 7045, STR_INIT("service_install"), STR_INIT("configuration")},
	{LOG_POWERSHELL, 400, STR_INIT("engine_start"), STR_INIT("process")},
	{LOG_POWERSHELL, 4103, STR_INIT("module_log"), STR_INIT("process")},
	{LOG_POWERSHELL, 4104, STR_INIT("script_block"), STR_INIT("process")},
	{LOG_DEFENDER, 1116, STR_INIT("malware_detected"), STR_INIT("malware")},
	{LOG_DEFENDER, 1117, STR_INIT("malware_action"), STR_INIT("malware")},
	{LOG_DEFENDER, 5001, STR_INIT("protection_disabled"), STR_INIT("configuration")},
	{LOG_DEFENDER, 5007, STR_INIT("protection_change"), STR_INIT("configuration")},
};

/* How a value becomes one. */
enum form {
	FORM_TEXT,      /* as it is */
	FORM_ACCOUNT,   /* DOMAIN\name: two fields */
	FORM_PATH,      /* a path whose last part is a field of its own (`second`) */
	FORM_HASHES,    /* SHA1=...,MD5=... */
	FORM_IP,        /* ::ffff:192.0.2.1 -> 192.0.2.1 */
	FORM_PROTOCOL,  /* 6 -> tcp */
	FORM_KEYWORDS,  /* audit success or failure */
	FORM_SUBJECT,   /* the account that acts, when events are told that way (ACTOR_SUBJECT) */
	FORM_TARGET,    /* the account acted on (`second`), or the one that acts (`core`, ACTOR_TARGET) */
	FORM_CREATOR,   /* ProcessId: in 4688 the parent's (`second`) */
};

static const struct field_row {
	struct str name;
	uint32_t logs; /* enum log, any of */
	enum form form;
	uint32_t core;
	uint32_t second;
} field_rows[] = {
	{STR_INIT("Computer"), LOG_ANY, FORM_TEXT, F_HOST_NAME, 0},
	{STR_INIT("Message"), LOG_ANY, FORM_TEXT, F_MESSAGE, 0},
	{STR_INIT("Keywords"), LOG_SECURITY, FORM_KEYWORDS, F_EVENT_OUTCOME, 0},
	{STR_INIT("Image"), LOG_SYSMON_LIKE, FORM_PATH, F_PROCESS_EXECUTABLE, F_PROCESS_NAME},
	{STR_INIT("CommandLine"), LOG_ANY, FORM_TEXT, F_PROCESS_COMMAND, 0},
	{STR_INIT("ProcessId"), LOG_ANY, FORM_CREATOR, F_PROCESS_PID, F_PARENT_PID},
	{STR_INIT("CurrentDirectory"), LOG_SYSMON_LIKE, FORM_TEXT, F_PROCESS_DIRECTORY, 0},
	{STR_INIT("ParentImage"), LOG_SYSMON_LIKE, FORM_PATH, F_PARENT_EXECUTABLE, F_PARENT_NAME},
	{STR_INIT("ParentCommandLine"), LOG_SYSMON_LIKE, FORM_TEXT, F_PARENT_COMMAND, 0},
	{STR_INIT("ParentProcessId"), LOG_SYSMON_LIKE, FORM_TEXT, F_PARENT_PID, 0},
	{STR_INIT("User"), LOG_SYSMON_LIKE | LOG_POWERSHELL | LOG_DEFENDER, FORM_ACCOUNT, F_USER_NAME, F_USER_DOMAIN},
	{STR_INIT("SourceUser"), LOG_SYSMON_LIKE, FORM_ACCOUNT, F_USER_NAME, F_USER_DOMAIN},
	{STR_INIT("SourceImage"), LOG_SYSMON_LIKE, FORM_PATH, F_PROCESS_EXECUTABLE, F_PROCESS_NAME},
	{STR_INIT("SourceProcessId"), LOG_SYSMON_LIKE, FORM_TEXT, F_PROCESS_PID, 0},
	{STR_INIT("TargetFilename"), LOG_SYSMON_LIKE, FORM_PATH, F_FILE_PATH, F_FILE_NAME},
	{STR_INIT("ImageLoaded"), LOG_SYSMON_LIKE, FORM_PATH, F_FILE_PATH, F_FILE_NAME},
	{STR_INIT("PipeName"), LOG_SYSMON_LIKE, FORM_TEXT, F_FILE_NAME, 0},
	{STR_INIT("TargetObject"), LOG_SYSMON_LIKE, FORM_TEXT, F_REGISTRY_PATH, 0},
	{STR_INIT("Details"), LOG_SYSMON_LIKE, FORM_TEXT, F_REGISTRY_VALUE, 0},
	{STR_INIT("Hashes"), LOG_SYSMON_LIKE, FORM_HASHES, F_FILE_SHA256, 0},
	{STR_INIT("QueryName"), LOG_ANY, FORM_TEXT, F_DNS_QUESTION, 0},
	{STR_INIT("QueryResults"), LOG_ANY, FORM_TEXT, F_DNS_ANSWER, 0},
	{STR_INIT("QueryStatus"), LOG_SYSMON_LIKE, FORM_TEXT, F_DNS_CODE, 0},
	{STR_INIT("SourceIp"), LOG_SYSMON_LIKE, FORM_IP, F_SOURCE_IP, 0},
	{STR_INIT("SourceIP"), LOG_OTHER, FORM_IP, F_SOURCE_IP, 0},
	{STR_INIT("SourcePort"), LOG_SYSMON_LIKE | LOG_SECURITY, FORM_TEXT, F_SOURCE_PORT, 0},
	{STR_INIT("SourceHostname"), LOG_SYSMON_LIKE, FORM_TEXT, F_SOURCE_DOMAIN, 0},
	{STR_INIT("DestinationIp"), LOG_SYSMON_LIKE, FORM_IP, F_DESTINATION_IP, 0},
	{STR_INIT("DestinationIP"), LOG_OTHER, FORM_IP, F_DESTINATION_IP, 0},
	{STR_INIT("DestinationPort"), LOG_SYSMON_LIKE, FORM_TEXT, F_DESTINATION_PORT, 0},
	{STR_INIT("DestinationHostname"), LOG_SYSMON_LIKE, FORM_TEXT, F_DESTINATION_DOMAIN, 0},
	{STR_INIT("Protocol"), LOG_SYSMON_LIKE | LOG_SECURITY, FORM_PROTOCOL, F_NETWORK_TRANSPORT, 0},
	{STR_INIT("SubjectUserName"), LOG_ANY, FORM_SUBJECT, F_USER_NAME, 0},
	{STR_INIT("SubjectDomainName"), LOG_ANY, FORM_SUBJECT, F_USER_DOMAIN, 0},
	{STR_INIT("SubjectUserSid"), LOG_ANY, FORM_SUBJECT, F_USER_ID, 0},
	{STR_INIT("TargetUserName"), LOG_SECURITY | LOG_OTHER, FORM_TARGET, F_USER_NAME, F_USER_TARGET_NAME},
	{STR_INIT("TargetDomainName"), LOG_SECURITY | LOG_OTHER, FORM_TARGET, F_USER_DOMAIN, 0},
	{STR_INIT("TargetUserSid"), LOG_SECURITY | LOG_OTHER, FORM_TARGET, F_USER_ID, 0},
	{STR_INIT("TargetSid"), LOG_SECURITY, FORM_TARGET, F_USER_ID, 0},
	{STR_INIT("MemberName"), LOG_SECURITY, FORM_TEXT, F_USER_TARGET_NAME, 0},
	{STR_INIT("IpAddress"), LOG_SECURITY | LOG_OTHER, FORM_IP, F_SOURCE_IP, 0},
	{STR_INIT("IpPort"), LOG_SECURITY | LOG_OTHER, FORM_TEXT, F_SOURCE_PORT, 0},
	{STR_INIT("WorkstationName"), LOG_SECURITY, FORM_TEXT, F_SOURCE_DOMAIN, 0},
	{STR_INIT("Workstation"), LOG_SECURITY, FORM_TEXT, F_SOURCE_DOMAIN, 0},
	{STR_INIT("ClientAddress"), LOG_SECURITY, FORM_IP, F_SOURCE_IP, 0},
	{STR_INIT("ClientName"), LOG_SECURITY, FORM_TEXT, F_SOURCE_DOMAIN, 0},
	{STR_INIT("SourceAddress"), LOG_SECURITY, FORM_IP, F_SOURCE_IP, 0},
	{STR_INIT("DestAddress"), LOG_SECURITY, FORM_IP, F_DESTINATION_IP, 0},
	{STR_INIT("DestPort"), LOG_SECURITY, FORM_TEXT, F_DESTINATION_PORT, 0},
	{STR_INIT("Application"), LOG_SECURITY, FORM_PATH, F_PROCESS_EXECUTABLE, F_PROCESS_NAME},
	{STR_INIT("NewProcessName"), LOG_SECURITY, FORM_PATH, F_PROCESS_EXECUTABLE, F_PROCESS_NAME},
	{STR_INIT("NewProcessId"), LOG_SECURITY, FORM_TEXT, F_PROCESS_PID, 0},
	{STR_INIT("ParentProcessName"), LOG_SECURITY, FORM_PATH, F_PARENT_EXECUTABLE, F_PARENT_NAME},
	{STR_INIT("ProcessName"), LOG_SECURITY | LOG_DEFENDER, FORM_PATH, F_PROCESS_EXECUTABLE, F_PROCESS_NAME},
	{STR_INIT("CallerProcessName"), LOG_SECURITY, FORM_PATH, F_PROCESS_EXECUTABLE, F_PROCESS_NAME},
	{STR_INIT("ObjectName"), LOG_SECURITY, FORM_TEXT, F_FILE_PATH, 0},
	{STR_INIT("RelativeTargetName"), LOG_SECURITY, FORM_PATH, F_FILE_PATH, F_FILE_NAME},
	{STR_INIT("ServiceFileName"), LOG_SECURITY, FORM_TEXT, F_PROCESS_COMMAND, 0},
	{STR_INIT("ImagePath"), LOG_SYSTEM, FORM_TEXT, F_PROCESS_COMMAND, 0},
	{STR_INIT("AccountName"), LOG_SYSTEM, FORM_ACCOUNT, F_USER_NAME, F_USER_DOMAIN},
	{STR_INIT("Path"), LOG_POWERSHELL | LOG_DEFENDER, FORM_TEXT, F_FILE_PATH, 0},
	{STR_INIT("ThreatName"), LOG_DEFENDER, FORM_TEXT, F_RULE_NAME, 0},
	{STR_INIT("ThreatID"), LOG_DEFENDER, FORM_TEXT, F_RULE_ID, 0},
	{STR_INIT("CategoryName"), LOG_DEFENDER, FORM_TEXT, F_RULE_CATEGORY, 0},
	{STR_INIT("DetectionUser"), LOG_DEFENDER, FORM_ACCOUNT, F_USER_NAME, F_USER_DOMAIN},
};

WORDS(field_words, field_rows)

struct windows_core {
	struct core core;
	const struct event_row *row; /* NULL: an event we have no words for */
	enum log log;
	uint32_t code;
};

/* The byte behind the last backslash that the value means, or 0. */
static size_t
last_part(struct str s, bool escaped)
{
	for (;;) {
		ptrdiff_t last = text_find_last(s, '\\'), first = last;
		while (escaped && first > 0 && s.p[first - 1] == '\\')
			first--;
		if (!escaped || last < 0 || (last - first) % 2)
			return (size_t)(last + 1);
		s.n = (size_t)last; /* an odd number of them: the last one escapes something else */
	}
}

static void
put_path(struct windows_core *k, const struct field_row *row, const struct field *f)
{
	core_put(&k->core, row->core, f->value, f->escaped);
	core_put(&k->core, row->second, str_skip(f->value, last_part(f->value, f->escaped)), f->escaped);
}

static void
put_account(struct windows_core *k, const struct field_row *row, const struct field *f)
{
	size_t at = last_part(f->value, f->escaped), slash = f->escaped ? 2 : 1;
	core_put(&k->core, row->core, str_skip(f->value, at), f->escaped);
	if (at > slash)
		core_put(&k->core, row->second, str_cut(f->value, 0, at - slash), f->escaped);
}

static void
put_hashes(struct windows_core *k, const struct field *f)
{
	static const struct {
		struct str name;
		uint32_t id;
	} kinds[] = {
		{STR_INIT("SHA256="), F_FILE_SHA256},
		{STR_INIT("SHA1="), F_FILE_SHA1},
		{STR_INIT("MD5="), F_FILE_MD5},
	};
	struct str rest = f->value, part;
	while (str_split(&rest, ',', &part))
		for (size_t i = 0; i < COUNT(kinds); i++)
			if (str_starts(part, kinds[i].name))
				core_put(&k->core, kinds[i].id, str_skip(part, kinds[i].name.n), f->escaped);
}

static void
put_ip(struct windows_core *k, const struct field_row *row, const struct field *f)
{
	struct str mapped = STR("::ffff:");
	bool v4 = f->value.n > mapped.n && str_starts_nocase(f->value, mapped) && str_find_char(f->value, '.') > 0;
	core_put(&k->core, row->core, v4 ? str_skip(f->value, mapped.n) : f->value, f->escaped);
}

static void
put_protocol(struct windows_core *k, const struct field_row *row, const struct field *f)
{
	static const struct {
		struct str number, name;
	} names[] = {
		{STR_INIT("6"), STR_INIT("tcp")},
		{STR_INIT("17"), STR_INIT("udp")},
		{STR_INIT("1"), STR_INIT("icmp")},
	};
	for (size_t i = 0; i < COUNT(names); i++) {
		if (str_eq(f->value, names[i].number)) {
			core_put(&k->core, row->core, names[i].name, false);
			return;
		}
	}
	core_put(&k->core, row->core, f->value, f->escaped);
}

/* Bits 53 and 52 of Keywords tell audit success and failure: in hexadecimal, as a signed number, in words. */
static void
put_keywords(struct windows_core *k, const struct field *f)
{
	static const struct {
		struct str text;
		bool success;
	} forms[] = {{STR_INIT("0x8020000000000000"), true}, {STR_INIT("0x8010000000000000"), false},
	    {STR_INIT("-9214364837600034816"), true}, {STR_INIT("-9218868437227405312"), false},
	    {STR_INIT("Audit Success"), true}, {STR_INIT("Audit Failure"), false}};
	for (size_t i = 0; i < COUNT(forms); i++)
		if (str_eq(f->value, forms[i].text))
			core_put(&k->core, F_EVENT_OUTCOME, forms[i].success ? STR("success") : STR("failure"), false);
}

static void
put_field(struct windows_core *k, const struct field_row *row, const struct field *f)
{
	bool by_target = k->row && k->row->actor == ACTOR_TARGET;
	bool by_creator = k->log == LOG_SECURITY && k->code == 4688;
	switch (row->form) {
	case FORM_TEXT:
		core_put(&k->core, row->core, f->value, f->escaped);
		break;
	case FORM_ACCOUNT:
		put_account(k, row, f);
		break;
	case FORM_PATH:
		put_path(k, row, f);
		break;
	case FORM_HASHES:
		put_hashes(k, f);
		break;
	case FORM_IP:
		put_ip(k, row, f);
		break;
	case FORM_PROTOCOL:
		put_protocol(k, row, f);
		break;
	case FORM_KEYWORDS:
		put_keywords(k, f);
		break;
	case FORM_SUBJECT:
		if (!by_target)
			core_put(&k->core, row->core, f->value, f->escaped);
		break;
	case FORM_TARGET:
		core_put(&k->core, by_target ? row->core : row->second, f->value, f->escaped);
		break;
	case FORM_CREATOR:
		core_put(&k->core, by_creator ? row->second : row->core, f->value, f->escaped);
		break;
	}
}

static_assert(COUNT(field_rows) < NO_WORD, "a word is a byte");

uint8_t
windows_word(struct str name)
{
	const struct field_row *row = words_find(&field_words, name);
	return row ? (uint8_t)(row - field_rows + 1) : NO_WORD;
}

static uint8_t event_slot[256]; /* row + 1, or 0 */

static_assert(COUNT(event_rows) < COUNT(event_slot) / 2, "most slots are empty");

static uint32_t
slot_of(enum log log, uint32_t code)
{
	return ((code << 6 | log) * UINT32_C(0x9e3779b1)) >> 24;
}

static const struct event_row *
event_row(enum log log, uint32_t code)
{
	for (uint32_t at = slot_of(log, code); event_slot[at]; at = (at + 1) % COUNT(event_slot)) {
		const struct event_row *r = &event_rows[event_slot[at] - 1];
		if (r->log == log && r->code == code)
			return r;
	}
	return NULL;
}

[[gnu::constructor]] static void
build_event_slots(void)
{
	for (size_t i = 0; i < COUNT(event_rows); i++) {
		uint32_t at = slot_of(event_rows[i].log, event_rows[i].code);
		while (event_slot[at])
			at = (at + 1) % COUNT(event_slot);
		event_slot[at] = (uint8_t)(i + 1);
	}
}

static const struct log_row *
log_row(struct str channel)
{
	const struct log_row *row = words_find(&log_words, channel);
	for (size_t i = 0; channel.n && !row && i < COUNT(log_rows); i++)
		if (str_eq_nocase(channel, log_rows[i].channel))
			row = &log_rows[i];
	return row;
}

/* Without a channel only the number is left to tell: Sysmon's are small, those of Security have four digits. */
static enum log
log_by_code(const struct event *e, uint32_t code)
{
	if (e->channel.n || !code)
		return LOG_OTHER;
	return code < 256 ? LOG_SYSMON : code >= 4608 && code < 7000 ? LOG_SECURITY : LOG_OTHER;
}

/* Is any of the row's core fields still to be filled? */
static bool
is_open(const struct windows_core *k, const struct field_row *row)
{
	return row->logs & k->log && (row->form == FORM_HASHES || !core_set_has(&k->core.seen, row->core) ||
	    (row->second && !core_set_has(&k->core.seen, row->second)));
}

void
windows_want(const struct core_set *want, bool open[UINT8_MAX + 1])
{
	static const uint32_t hashes[] = {F_FILE_SHA256, F_FILE_SHA1, F_FILE_MD5};
	memset(open, 0, UINT8_MAX + 1);
	for (size_t i = 0; i < COUNT(field_rows); i++) {
		const struct field_row *row = &field_rows[i];
		open[i + 1] = core_set_has(want, row->core) || (row->second && core_set_has(want, row->second));
		for (size_t k = 0; row->form == FORM_HASHES && k < COUNT(hashes); k++)
			open[i + 1] = open[i + 1] || core_set_has(want, hashes[k]);
	}
}

/* Which fields may fill a core field, told by their words; notes what core fields there are already. */
static uint32_t
find_candidates(const struct decode_context *c, struct core *k, uint16_t candidate[EVENT_MAX_FIELDS])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < k->native; i++) {
		struct field *f = &k->e->field[i];
		core_has(k, f);
		if (!f->word)
			f->word = windows_word(f->name);
		if (f->word != NO_WORD && (!c->open_words || c->open_words[f->word]) && f->kind != FIELD_NULL)
			candidate[n++] = (uint16_t)i;
	}
	return n;
}

void
decode_windows_core(struct decode_context *c, struct event *e)
{
	struct windows_core k = {.log = LOG_OTHER};
	uint16_t candidate[EVENT_MAX_FIELDS];
	const struct log_row *log = log_row(e->channel);
	uint64_t code = 0;
	if (str_to_u64(e->code, &code) && code <= UINT32_MAX)
		k.code = (uint32_t)code;
	k.log = log ? log->log : log_by_code(e, k.code);
	k.row = event_row(k.log, k.code);
	core_open(&k.core, e, c->want);
	uint32_t candidates = find_candidates(c, &k.core, candidate);
	for (uint32_t i = 0; i < candidates; i++) {
		struct field f = e->field[candidate[i]]; /* a copy: the list may move while it grows */
		if (!f.core && is_open(&k, &field_rows[f.word - 1])) /* core: it made way for one */
			put_field(&k, &field_rows[f.word - 1], &f);
	}
	core_put(&k.core, F_EVENT_CODE, e->code, false);
	core_put(&k.core, F_EVENT_DATASET, log ? log->dataset : STR("windows"), false);
	if (k.row) {
		core_put(&k.core, F_EVENT_ACTION, k.row->action, false);
		core_put(&k.core, F_EVENT_CATEGORY, k.row->category, false);
		core_put(&k.core, F_EVENT_OUTCOME, k.row->outcome, false);
	}
}
