/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * fluent-bit ships a Windows event's own data without names, as StringInserts in the order of the event's manifest. The
 * orders of the events that rules ask for most stand here, as Windows and Sysmon write them; newer versions append
 * fields at the end, so a row serves every count from `least` on. What no row fits stays under "Data".
 */
#include "decode/flatten.h"
#include "decode/json_layout.h"

#define SYSMON STR_INIT("Microsoft-Windows-Sysmon/Operational")
#define SECURITY STR_INIT("Security")
#define SUBJECT "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId "
#define ACCOUNT "TargetUserName TargetDomainName TargetSid " SUBJECT "PrivilegeList "

static const struct insert_row {
	struct str channel, code;
	uint32_t least;
	struct str names;
} insert_rows[] = {
	{SYSMON, STR_INIT("1"), 22,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company "
	        "OriginalFileName CommandLine CurrentDirectory User LogonGuid LogonId TerminalSessionId "
	        "IntegrityLevel Hashes ParentProcessGuid ParentProcessId ParentImage ParentCommandLine "
	        "ParentUser")},
	{SYSMON, STR_INIT("2"), 8,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime "
	        "PreviousCreationUtcTime User")},
	{SYSMON, STR_INIT("3"), 18,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp "
	        "SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp "
	        "DestinationHostname DestinationPort DestinationPortName")},
	{SYSMON, STR_INIT("5"), 5,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId Image User")},
	{SYSMON, STR_INIT("6"), 7,
	    STR_INIT("RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus")},
	{SYSMON, STR_INIT("7"), 15,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId Image ImageLoaded FileVersion Description Product "
	        "Company OriginalFileName Hashes Signed Signature SignatureStatus User")},
	{SYSMON, STR_INIT("8"), 12,
	    STR_INIT("RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid "
	        "TargetProcessId TargetImage NewThreadId StartAddress StartModule StartFunction SourceUser "
	        "TargetUser")},
	{SYSMON, STR_INIT("10"), 11,
	    STR_INIT("RuleName UtcTime SourceProcessGUID SourceProcessId SourceThreadId SourceImage "
	        "TargetProcessGUID TargetProcessId TargetImage GrantedAccess CallTrace SourceUser TargetUser")},
	{SYSMON, STR_INIT("11"), 7,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime User")},
	{SYSMON, STR_INIT("12"), 7,
	    STR_INIT("RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject User")},
	{SYSMON, STR_INIT("13"), 8,
	    STR_INIT("RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details User")},
	{SYSMON, STR_INIT("17"), 7,
	    STR_INIT("RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User")},
	{SYSMON, STR_INIT("18"), 7,
	    STR_INIT("RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User")},
	{SYSMON, STR_INIT("22"), 8,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image User")},
	{SYSMON, STR_INIT("23"), 10,
	    STR_INIT("RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable "
	        "Archived")},
	{SECURITY, STR_INIT("1102"), 4,
	    STR_INIT(SUBJECT)},
	{SECURITY, STR_INIT("4624"), 20,
	    STR_INIT(SUBJECT "TargetUserSid TargetUserName TargetDomainName TargetLogonId LogonType "
	        "LogonProcessName AuthenticationPackageName WorkstationName LogonGuid TransmittedServices "
	        "LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort ImpersonationLevel "
	        "RestrictedAdminMode TargetOutboundUserName TargetOutboundDomainName VirtualAccount "
	        "TargetLinkedLogonId ElevatedToken")},
	{SECURITY, STR_INIT("4625"), 21,
	    STR_INIT(SUBJECT "TargetUserSid TargetUserName TargetDomainName Status FailureReason SubStatus "
	        "LogonType LogonProcessName AuthenticationPackageName WorkstationName TransmittedServices "
	        "LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort")},
	{SECURITY, STR_INIT("4648"), 14,
	    STR_INIT(SUBJECT "LogonGuid TargetUserName TargetDomainName TargetLogonGuid TargetServerName "
	        "TargetInfo ProcessId ProcessName IpAddress IpPort")},
	{SECURITY, STR_INIT("4663"), 12,
	    STR_INIT(SUBJECT "ObjectServer ObjectType ObjectName HandleId AccessList AccessMask ProcessId "
	        "ProcessName ResourceAttributes")},
	{SECURITY, STR_INIT("4672"), 5,
	    STR_INIT(SUBJECT "PrivilegeList")},
	{SECURITY, STR_INIT("4688"), 8,
	    STR_INIT(SUBJECT "NewProcessId NewProcessName TokenElevationType ProcessId CommandLine TargetUserSid "
	        "TargetUserName TargetDomainName TargetLogonId ParentProcessName MandatoryLabel")},
	{SECURITY, STR_INIT("4698"), 6,
	    STR_INIT(SUBJECT "TaskName TaskContent")},
	{SECURITY, STR_INIT("4720"), 8,
	    STR_INIT(ACCOUNT "SamAccountName DisplayName UserPrincipalName HomeDirectory HomePath ScriptPath "
	        "ProfilePath UserWorkstations PasswordLastSet AccountExpires PrimaryGroupId "
	        "AllowedToDelegateTo OldUacValue NewUacValue UserAccountControl UserParameters SidHistory "
	        "LogonHours")},
	{SECURITY, STR_INIT("4724"), 7,
	    STR_INIT("TargetUserName TargetDomainName TargetSid " SUBJECT)},
	{SECURITY, STR_INIT("4728"), 10,
	    STR_INIT("MemberName MemberSid " ACCOUNT)},
	{SECURITY, STR_INIT("4732"), 10,
	    STR_INIT("MemberName MemberSid " ACCOUNT)},
	{SECURITY, STR_INIT("4756"), 10,
	    STR_INIT("MemberName MemberSid " ACCOUNT)},
	{SECURITY, STR_INIT("4769"), 11,
	    STR_INIT("TargetUserName TargetDomainName ServiceName ServiceSid TicketOptions TicketEncryptionType "
	        "IpAddress IpPort Status LogonGuid TransmittedServices")},
	{SECURITY, STR_INIT("4776"), 4,
	    STR_INIT("PackageName TargetUserName Workstation Status")},
	{SECURITY, STR_INIT("5145"), 12,
	    STR_INIT(SUBJECT "ObjectType IpAddress IpPort ShareName ShareLocalPath RelativeTargetName AccessMask "
	        "AccessList AccessReason")},
	{STR_INIT("System"), STR_INIT("7045"), 5,
	    STR_INIT("ServiceName ImagePath ServiceType StartType AccountName")},
	{STR_INIT("Microsoft-Windows-PowerShell/Operational"), STR_INIT("4104"), 5,
	    STR_INIT("MessageNumber MessageTotal ScriptBlockText ScriptBlockId Path")},
};

static uint32_t
count_names(struct str names)
{
	uint32_t n = 0;
	struct str name;
	while (str_split(&names, ' ', &name))
		n += name.n > 0;
	return n;
}

static const struct insert_row *
row_of(const struct event *e, uint32_t count)
{
	for (size_t i = 0; i < COUNT(insert_rows); i++) {
		const struct insert_row *r = &insert_rows[i];
		if (str_eq(r->code, e->code) && str_eq(r->channel, e->channel))
			return count >= r->least && count <= count_names(r->names) ? r : NULL;
	}
	return NULL;
}

void
decode_windows_inserts(struct decode_context *c, struct event *e)
{
	static const enum field_kind kind[] = {FIELD_NULL, FIELD_BOOL, FIELD_BOOL, FIELD_NUMBER, FIELD_TEXT};
	const struct json *j = c->json;
	uint32_t list = json_get(j, 0, STR("StringInserts")), count = 0;
	for (uint32_t i = list + 1; list && i < json_end(j, list); i = json_next(j, i), count++)
		if (j->token[i].kind >= JSON_ARRAY)
			return;
	const struct insert_row *row = row_of(e, count);
	if (!row)
		return;
	struct str names = row->names, name;
	for (uint32_t i = list + 1; i < json_end(j, list) && str_split(&names, ' ', &name); i = json_next(j, i)) {
		struct str value = j->token[i].kind == JSON_NULL ? (struct str){0} : json_raw(j, i);
		event_put(e, c->names, name, value, kind[j->token[i].kind], j->token[i].escaped);
	}
}
