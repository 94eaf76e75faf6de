/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Syslog: RFC 5424 by the letter, RFC 3164 as devices really write it. The header is read into a struct first and the
 * event is touched only when the line is one of ours. What the message says is for decode_linux() and its friends.
 */
#include <assert.h>

#include "decode/lines.h"
#include "decode/syslog_time.h"
#include "decode/text.h"

struct header {
	int priority;        /* facility * 8 + severity, or -1 */
	int64_t time_ms;
	struct str host, program, pid, msgid;
	struct str data;     /* STRUCTURED-DATA as it stands, without NILVALUE */
	struct str message;
	int confidence;
};

/* "<134>"; false leaves *rest alone. RFC 5424, 6.2.1. */
static bool
take_priority(struct str *rest, int *ret)
{
	int v = 0;
	size_t i = 1;
	if (rest->n < 3 || rest->p[0] != '<')
		return false;
	for (; i < rest->n && i < 4 && text_is_digit(rest->p[i]); i++)
		v = v * 10 + (rest->p[i] - '0');
	if (i == 1 || i >= rest->n || rest->p[i] != '>' || v > 191)
		return false;
	*ret = v;
	*rest = str_skip(*rest, i + 1);
	return true;
}

/* ---- RFC 5424 ---- */

/* One header field and the blank behind it; NILVALUE becomes empty. */
static bool
take_field(struct str *rest, struct str *ret)
{
	ptrdiff_t at = str_find_char(*rest, ' ');
	if (at <= 0)
		return false;
	*ret = str_cut(*rest, 0, (size_t)at);
	if (str_eq(*ret, STR("-")))
		*ret = (struct str){0};
	*rest = str_skip(*rest, (size_t)at + 1);
	return true;
}

/* Bytes of the quoted PARAM-VALUE at the front of s, both quotes included; 0 when it does not end. */
static size_t
quoted_length(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

static size_t
sd_name_length(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != '=' && s.p[n] != ']' && s.p[n] != '"')
		n++;
	return n;
}

/* Take ` name="value"`; false at anything else. More than one blank is forgiven. */
static bool
take_param(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	struct str s = text_skip_blanks(*rest);
	size_t name = sd_name_length(s);
	if (s.p == rest->p || !name || name + 1 >= s.n || s.p[name] != '=' || s.p[name + 1] != '"')
		return false;
	struct str quoted = str_skip(s, name + 1);
	size_t length = quoted_length(quoted);
	if (!length)
		return false;
	*ret_name = str_cut(s, 0, name);
	*ret_value = str_cut(quoted, 1, length - 1);
	*rest = str_skip(quoted, length);
	return true;
}

/* Bytes of STRUCTURED-DATA at the front of s ("-" is one); 0 when it is malformed. RFC 5424, 6.3. */
static size_t
structured_data_length(struct str s)
{
	struct str rest = s, name, value;
	if (s.n && s.p[0] == '-')
		return s.n == 1 || s.p[1] == ' ' ? 1 : 0;
	while (text_take(&rest, STR("["))) {
		size_t id = sd_name_length(rest);
		if (!id)
			return 0;
		rest = str_skip(rest, id);
		while (take_param(&rest, &name, &value))
			;
		rest = text_skip_blanks(rest);
		if (!text_take(&rest, STR("]")))
			return 0;
	}
	bool ends = !rest.n || rest.p[0] == ' ';
	return ends ? s.n - rest.n : 0;
}

/* HOSTNAME and what follows it. */
static bool
read_5424_fields(struct str rest, struct header *h)
{
	struct header try = *h;
	if (!take_field(&rest, &try.host) || !take_field(&rest, &try.program) || !take_field(&rest, &try.pid) ||
	    !take_field(&rest, &try.msgid))
		return false;
	bool check_point = str_starts(rest, STR("[action:\"")); /* where others have STRUCTURED-DATA */
	size_t length = check_point ? 0 : structured_data_length(rest);
	if ((!length && !check_point) || str_ends(try.program, STR(":")))
		return false;
	try.data = length && rest.p[0] == '[' ? str_cut(rest, 0, length) : (struct str){0};
	try.message = str_skip(rest, length);
	text_take(&try.message, STR(" "));
	text_take(&try.message, STR("\xef\xbb\xbf"));
	*h = try;
	h->confidence = 100;
	return true;
}

/* Everything behind the version. */
static bool
read_5424(struct str rest, int zone, struct header *h)
{
	struct str time;
	int64_t time_ms = TIME_NONE;
	if (!take_field(&rest, &time) || (time.n && !time_parse(time, zone, &time_ms)) || !read_5424_fields(rest, h))
		return false;
	h->time_ms = time_ms;
	return true;
}

/* \" \\ and \] without their backslash; any other backslash stays (RFC 5424, 6.3.3). */
static struct str
param_value(struct arena *arena, struct str s)
{
	char *plain = str_find_char(s, '\\') < 0 ? NULL : arena_alloc(arena, s.n);
	size_t n = 0;
	if (!plain)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		bool escape = s.p[i] == '\\' && i + 1 < s.n && memchr("\"\\]", s.p[i + 1], 3);
		plain[n++] = s.p[escape ? ++i : i];
	}
	return str_from(plain, n);
}

static void
add_param(struct decode_context *c, struct event *e, struct str id, struct str name, struct str value)
{
	char *whole = arena_alloc(c->arena, id.n + 1 + name.n);
	if (!whole) {
		e->dropped_fields++;
		return;
	}
	memcpy(whole, id.p, id.n);
	whole[id.n] = '.';
	memcpy(whole + id.n + 1, name.p, name.n);
	text_add(c, e, str_from(whole, id.n + 1 + name.n), param_value(c->arena, value));
}

static void
add_structured_data(struct decode_context *c, struct event *e, struct str data)
{
	struct str name, value;
	while (text_take(&data, STR("["))) {
		struct str id = str_cut(data, 0, sd_name_length(data));
		data = str_skip(data, id.n);
		while (take_param(&data, &name, &value))
			add_param(c, e, id, name, value);
		data = text_skip_blanks(data);
		bool closed = text_take(&data, STR("]"));
		assert(closed); /* structured_data_length() said so */
	}
}

/* ---- RFC 3164 and real life ---- */

/* "4425: ", "4425: router1: ", "*", ".": what Cisco IOS puts before its time. */
static void
take_cisco_prefix(struct str *rest, struct header *h)
{
	struct str s = *rest;
	size_t digits = 0;
	while (digits < s.n && text_is_digit(s.p[digits]))
		digits++;
	bool sequence = digits && digits < 12 && str_starts(str_skip(s, digits), STR(": "));
	if (sequence)
		s = text_skip_blanks(str_skip(s, digits + 1));
	struct str after = s, word = text_take_word(&after);
	if (sequence && word.n > 1 && word.p[word.n - 1] == ':' && after.n &&
	    (strchr("*.", after.p[0]) || text_month(after))) {
		h->host = str_cut(word, 0, word.n - 1);
		s = after;
	}
	if (s.n > 4 && memchr("*.", s.p[0], 2) && text_month(str_skip(s, 1)))
		s = str_skip(s, 1);
	if (sequence || text_month(s))
		*rest = s;
}

static bool
is_program_char(char c)
{
	return text_is_letter(c) || text_is_digit(c) || (c && strchr("_-./()@#+%:~", c)) || (unsigned char)c >= 0x80;
}

/* "sshd[123]: ", "kernel: ", "syslogd 1.4.1: ", "%ASA-4-106023: ". */
static bool
take_tag(struct str *rest, struct header *h)
{
	struct str s = *rest;
	size_t n = 0;
	while (n < s.n && is_program_char(s.p[n]) && !(s.p[n] == ':' && (n + 1 == s.n || strchr(" [\t", s.p[n + 1]))))
		n++;
	if (!n || n == s.n)
		return false;
	struct str program = str_cut(s, 0, n), pid = {0};
	s = str_skip(s, n);
	if (text_take(&s, STR("["))) {
		ptrdiff_t close = str_find_char(str_cut(s, 0, 64), ']');
		if (close < 0)
			return false;
		pid = str_cut(s, 0, (size_t)close);
		s = str_skip(s, (size_t)close + 1);
		if (!text_take(&s, STR(":")) && s.n && s.p[0] != ' ')
			return false;
	} else if (program.p[0] == '%' && text_find_last(program, '-') > 0) {
		text_take(&s, STR(":")); /* Cisco's own code is a tag with or without one */
	} else if (text_take(&s, STR(" "))) {
		struct str after = text_skip_blanks(s), version = text_take_word(&after);
		if (version.n < 2 || !text_is_digit(version.p[0]) || version.p[version.n - 1] != ':')
			return false;
		s = after;
	} else if (!text_take(&s, STR(":"))) {
		return false;
	}
	h->program = program;
	h->pid = pid;
	*rest = text_skip_blanks(s);
	return true;
}

/* Host and tag behind the time; either may be missing. */
static void
read_host_and_tag(struct str rest, bool timed, struct header *h)
{
	struct str first = rest, word = text_take_word(&first);
	bool message_only = str_starts(rest, STR("CEF:")) || str_starts(rest, STR("LEEF:")) || str_starts(rest, STR("last message repeated ")) ||
	    str_starts(rest, STR("message repeated ")) || mikrotik_is_topics(word);
	if (!text_is_ip(word) && !message_only && take_tag(&rest, h)) {
		h->confidence -= h->host.n ? 0 : 10;
		h->message = rest;
		return;
	}
	struct str behind = first, ahead = first, second = text_take_word(&ahead);
	if (!message_only && !mikrotik_is_topics(second) && !h->host.n && word.n && take_tag(&behind, h)) {
		h->host = word;
		h->message = behind;
		return;
	}
	if (timed && !message_only && !h->host.n && first.n) {
		h->host = word;
		rest = first;
	}
	h->confidence -= 20;
	h->message = rest;
}

/* "00:00:46: %LINK-...": seconds since the device started, no time of ours. */
static void
skip_uptime(struct str *rest)
{
	struct str after = *rest, word = text_take_word(&after);
	if (word.n > 2 && text_is_digit(word.p[0]) && word.p[word.n - 1] == ':' && after.n && after.p[0] == '%')
		*rest = after;
}

/* The fields of RFC 5424 with no version before them, as some libraries write it; believed only with a number or
 * NILVALUE for PROCID. */
static bool
read_5424_without_version(struct str rest, struct header *h)
{
	struct header try = *h;
	if (!read_5424_fields(rest, &try) || (try.pid.n && !text_is_number(try.pid)))
		return false;
	*h = try;
	h->confidence = 85;
	return true;
}

static bool
read_3164(struct str rest, int zone, int64_t received_ms, struct header *h)
{
	h->confidence = h->priority < 0 ? 90 : 95;
	take_cisco_prefix(&rest, h);
	bool numeric = rest.n && text_is_digit(rest.p[0]);
	bool timed = syslog_time_take(&rest, zone, received_ms, &h->time_ms);
	if (!timed) {
		skip_uptime(&rest);
		h->confidence -= 25;
	}
	if (timed && numeric && h->priority >= 0 && read_5424_without_version(rest, h))
		return true;
	struct str ahead = rest;
	if (!timed && h->priority < 0 && !h->host.n && !str_starts(rest, STR("%")) &&
	    !mikrotik_is_topics(text_take_word(&ahead)))
		return false;
	read_host_and_tag(rest, timed, h);
	return true;
}

/* ---- what the header tells ---- */

static const struct str facility_name[] = {STR_INIT("kern"), STR_INIT("user"), STR_INIT("mail"), STR_INIT("daemon"),
	STR_INIT("auth"), STR_INIT("syslog"), STR_INIT("lpr"), STR_INIT("news"), STR_INIT("uucp"), STR_INIT("cron"),
	STR_INIT("authpriv"), STR_INIT("ftp"), STR_INIT("ntp"), STR_INIT("audit"), STR_INIT("alert"), STR_INIT("clock"),
	STR_INIT("local0"), STR_INIT("local1"), STR_INIT("local2"), STR_INIT("local3"), STR_INIT("local4"),
	STR_INIT("local5"), STR_INIT("local6"), STR_INIT("local7")};
static const struct str severity_name[] = {STR_INIT("emergency"), STR_INIT("alert"), STR_INIT("critical"),
	STR_INIT("error"), STR_INIT("warning"), STR_INIT("notice"), STR_INIT("info"), STR_INIT("debug")};

/* Sigma's service for a program; what is not here follows the facility. */
static const struct {
	struct str program, service;
} service_row[] = {
	{STR_INIT("sshd"), STR_INIT("sshd")},         {STR_INIT("sshd-session"), STR_INIT("sshd")},
	{STR_INIT("sudo"), STR_INIT("sudo")},         {STR_INIT("su"), STR_INIT("auth")},
	{STR_INIT("login"), STR_INIT("auth")},        {STR_INIT("passwd"), STR_INIT("auth")},
	{STR_INIT("useradd"), STR_INIT("auth")},      {STR_INIT("userdel"), STR_INIT("auth")},
	{STR_INIT("usermod"), STR_INIT("auth")},      {STR_INIT("groupadd"), STR_INIT("auth")},
	{STR_INIT("groupdel"), STR_INIT("auth")},     {STR_INIT("groupmod"), STR_INIT("auth")},
	{STR_INIT("gpasswd"), STR_INIT("auth")},      {STR_INIT("chage"), STR_INIT("auth")},
	{STR_INIT("chpasswd"), STR_INIT("auth")},     {STR_INIT("systemd-logind"), STR_INIT("auth")},
	{STR_INIT("polkitd"), STR_INIT("auth")},      {STR_INIT("pkexec"), STR_INIT("auth")},
	{STR_INIT("cron"), STR_INIT("cron")},         {STR_INIT("CRON"), STR_INIT("cron")},
	{STR_INIT("crond"), STR_INIT("cron")},        {STR_INIT("crontab"), STR_INIT("cron")},
	{STR_INIT("anacron"), STR_INIT("cron")},      {STR_INIT("kernel"), STR_INIT("kernel")},
	{STR_INIT("auditd"), STR_INIT("auditd")},     {STR_INIT("audispd"), STR_INIT("auditd")},
	{STR_INIT("audit"), STR_INIT("auditd")},      {STR_INIT("clamd"), STR_INIT("clamav")},
	{STR_INIT("clamav"), STR_INIT("clamav")},     {STR_INIT("freshclam"), STR_INIT("clamav")},
	{STR_INIT("clamscan"), STR_INIT("clamav")},   {STR_INIT("vsftpd"), STR_INIT("vsftpd")},
	{STR_INIT("guacd"), STR_INIT("guacamole")},   {STR_INIT("guacamole"), STR_INIT("guacamole")},
	{STR_INIT("nginx"), STR_INIT("nginx")},       {STR_INIT("apache2"), STR_INIT("apache")},
	{STR_INIT("httpd"), STR_INIT("apache")},      {STR_INIT("named"), STR_INIT("named")},
	{STR_INIT("unbound"), STR_INIT("unbound")},   {STR_INIT("dnsmasq"), STR_INIT("dnsmasq")},
};

static struct str
service_of(struct str program, int priority)
{
	for (size_t i = 0; i < COUNT(service_row); i++)
		if (str_eq(service_row[i].program, program))
			return service_row[i].service;
	switch (priority < 0 ? -1 : priority >> 3) {
	case 4:
	case 10:
		return STR("auth");
	case 9:
	case 15:
		return STR("cron");
	default:
		return STR("syslog");
	}
}

static void
add_header(struct decode_context *c, const struct header *h, struct event *e)
{
	struct str program = text_program_name(h->program);
	text_add(c, e, STR("hostname"), h->host);
	text_add(c, e, STR("program"), h->program);
	text_add(c, e, STR("pid"), h->pid);
	if (h->priority >= 0) {
		text_add(c, e, STR("facility"), facility_name[h->priority >> 3]);
		text_add(c, e, STR("severity"), severity_name[h->priority & 7]);
		event_put_core(e, F_LOG_LEVEL, severity_name[h->priority & 7]);
		event_put_core(e, F_SYSLOG_FACILITY, text_small_number((unsigned)h->priority >> 3));
		event_put_core(e, F_SYSLOG_SEVERITY, text_small_number((unsigned)h->priority & 7));
	}
	event_put_core(e, F_SYSLOG_MSGID, h->msgid);
	event_put_core(e, F_HOST_NAME, h->host);
	if (text_is_ip(h->host))
		event_put_core(e, F_HOST_IP, h->host);
	event_put_core(e, F_PROCESS_NAME, program);
	event_put_core(e, F_PROCESS_PID, h->pid);
	add_structured_data(c, e, h->data);
}

static void
set_source(const struct header *h, struct event *e)
{
	bool cisco = str_starts(h->program, STR("%"));
	e->product = cisco ? STR("cisco") : STR("linux");
	e->service = cisco ? (struct str){0} : service_of(text_program_name(h->program), h->priority);
}

/* A message that is one JSON object (EVE, Windows events, applications; "@cee: " of rsyslog before it) is that event:
 * its own fields come first and its own time counts, the header follows. */
static bool
decode_json_message(struct decode_context *c, const struct header *h, struct event *e)
{
	struct str text = text_skip_blanks(h->message);
	if (text_take(&text, STR("@cee:")))
		text = text_skip_blanks(text);
	if (!str_starts(text, STR("{")) || decode_json(c, str_trim(text), e) < 0)
		return false;
	add_header(c, h, e);
	if (e->time_ms == TIME_NONE)
		e->time_ms = h->time_ms;
	if (!e->product.n)
		set_source(h, e);
	return true;
}

/* Solaris puts "[ID 800047 auth.notice] " before the text. */
static struct str
without_message_id(struct str message)
{
	ptrdiff_t close = str_starts(message, STR("[ID ")) ? str_find(str_cut(message, 0, 64), STR("] ")) : -1;
	return close > 0 ? str_skip(message, (size_t)close + 2) : message;
}

static void
decode_message(struct decode_context *c, struct header *h, struct event *e)
{
	struct str message = without_message_id(h->message);
	struct str whole = h->message; /* with the tag: RouterOS writes its chain where others have their program */
	if (h->program.n && h->program.p < message.p)
		whole = str_from(h->program.p, (size_t)(message.p + message.n - h->program.p));
	if (decode_cisco(c, h->program, message, e) == 0)
		return;
	if (decode_firewall(c, h->message, e) == 0 || decode_cef(c, h->message, e) == 0 || decode_windows_xml(c, h->message, e) == 0)
		return;
	if (decode_linux(c, h->program, message, e) < 0 && decode_mikrotik(c, whole, e) < 0 &&
	    decode_auditd(c, message, e) < 0 && decode_kv(c, message, e) < 0 && decode_web(c, message, e) < 0 && decode_web_error(c, message, e) < 0 &&
	    decode_haproxy(c, message, e) < 0 && decode_squid(c, message, e) < 0)
		e->decoder = DECODER_SYSLOG; /* a header alone is an event too */
}

int
decode_syslog(struct decode_context *c, struct str line, struct event *e)
{
	struct header h = {.priority = -1, .time_ms = TIME_NONE};
	int64_t received_ms = e->raw ? e->raw->received_ms : TIME_NONE;
	while (line.n && memchr("\0\r\n", line.p[line.n - 1], 3))
		line.n--;
	struct str rest = line;
	take_priority(&rest, &h.priority);
	bool modern = str_starts(rest, STR("1 ")) && read_5424(str_skip(rest, 2), c->zone, &h);
	if (!modern && !read_3164(text_skip_blanks(rest), c->zone, received_ms, &h))
		return E_INVALID;
	if (!str_is_utf8(line))
		h.confidence -= 20; /* windows-1258, TCVN3 or binary: kept as it came */
	if (decode_json_message(c, &h, e))
		return 0;
	add_header(c, &h, e);
	event_put_core(e, F_MESSAGE, h.message);
	e->time_ms = h.time_ms;
	e->confidence = (uint8_t)h.confidence;
	set_source(&h, e);
	decode_message(c, &h, e);
	return 0;
}
