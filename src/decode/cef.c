/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * CEF (Micro Focus, "ArcSight Common Event Format", version 0 and 1) and LEEF (IBM, "Log Event Extended Format", 1.0 and
 * 2.0): a header between bars and pairs behind it, in which firewalls, proxies, mail and antivirus products say what they
 * see to whoever listens. Pairs stand under their own names; one that has a label (cs1, cs1Label) under the label too.
 */
#include "decode/core.h"
#include "decode/flatten.h"
#include "decode/lines.h"
#include "decode/pattern.h"
#include "decode/syslog_time.h"

#define KEY_MAX 64u

static const struct core_row cef_rows[] = {
	{STR_INIT("suser"), F_USER_NAME}, {STR_INIT("usrName"), F_USER_NAME}, {STR_INIT("duser"), F_USER_TARGET_NAME},
	{STR_INIT("sntdom"), F_USER_DOMAIN}, {STR_INIT("domain"), F_USER_DOMAIN}, {STR_INIT("suid"), F_USER_ID},
	{STR_INIT("shost"), F_SOURCE_DOMAIN}, {STR_INIT("identHostName"), F_SOURCE_DOMAIN},
	{STR_INIT("dhost"), F_DESTINATION_DOMAIN}, {STR_INIT("dvchost"), F_OBSERVER_NAME},
	{STR_INIT("app"), F_NETWORK_PROTOCOL}, {STR_INIT("out"), F_SOURCE_BYTES}, {STR_INIT("srcBytes"), F_SOURCE_BYTES},
	{STR_INIT("in"), F_DESTINATION_BYTES}, {STR_INIT("dstBytes"), F_DESTINATION_BYTES},
	{STR_INIT("deviceInboundInterface"), F_INTERFACE_IN}, {STR_INIT("deviceOutboundInterface"), F_INTERFACE_OUT},
	{STR_INIT("request"), F_URL_ORIGINAL}, {STR_INIT("url"), F_URL_ORIGINAL}, {STR_INIT("requestMethod"), F_HTTP_METHOD},
	{STR_INIT("requestClientApplication"), F_USER_AGENT}, {STR_INIT("requestContext"), F_HTTP_REFERRER},
	{STR_INIT("fname"), F_FILE_NAME}, {STR_INIT("filePath"), F_FILE_PATH}, {STR_INIT("sproc"), F_PROCESS_NAME},
	{STR_INIT("dproc"), F_PROCESS_NAME}, {STR_INIT("spid"), F_PROCESS_PID}, {STR_INIT("dvcpid"), F_PROCESS_PID},
	{STR_INIT("act"), F_EVENT_ACTION}, {STR_INIT("action"), F_EVENT_ACTION}, {STR_INIT("outcome"), F_EVENT_OUTCOME},
	{STR_INIT("msg"), F_MESSAGE}, {STR_INIT("severity"), F_EVENT_SEVERITY}, {STR_INIT("sev"), F_EVENT_SEVERITY},
	{STR_INIT("deviceEventClassId"), F_EVENT_CODE}, {STR_INIT("name"), F_RULE_NAME},
};

WORDS(cef_words, cef_rows)

struct pairs {
	struct firewall_line firewall;
	struct str time, action, virus, path;
};

/* What stands before the next bar that has no backslash before it. */
static bool
take_header(struct str *rest, struct str *ret)
{
	for (size_t i = 0; i < rest->n && i < 4096; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '|') {
			*ret = str_cut(*rest, 0, i);
			*rest = str_skip(*rest, i + 1);
			return true;
		}
	}
	return false;
}

/* Without the backslashes that hide bars, equal signs and backslashes; \n and \r are line ends. */
static struct str
plain(struct arena *arena, struct str s)
{
	char *out = str_find_char(s, '\\') < 0 ? NULL : arena_alloc(arena, s.n);
	size_t n = 0;
	if (!out)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		char next = s.p[i] == '\\' && i + 1 < s.n ? s.p[i + 1] : '\0';
		bool line = next == 'n' || next == 'r';
		bool escape = line || (next && strchr("\\|=", next));
		i += escape;
		out[n++] = line ? '\n' : s.p[i];
	}
	return str_from(out, n);
}

static bool
is_key_char(char c)
{
	return text_is_letter(c) || text_is_digit(c) || (c && strchr("_.-[]", c));
}

/* key=value with blanks in it, up to the blank before the next key. One walk: an equal sign ends the value only if a
 * key stands before it. */
static bool
take_cef_pair(struct str *rest, struct str *ret_key, struct str *ret_value)
{
	struct str s = text_skip_blanks(*rest);
	size_t n = 0, blank = 0, from;
	bool word = false;
	while (n < s.n && n <= KEY_MAX && is_key_char(s.p[n]))
		n++;
	if (!n || n >= s.n || s.p[n] != '=')
		return false;
	*ret_key = str_cut(s, 0, n);
	s = str_skip(s, from = n + 1);
	for (n = 0; n < s.n; n++) {
		if (s.p[n] == ' ') {
			blank = n;
			word = true;
		} else if (s.p[n] == '=' && word && n > blank + 1) {
			break;
		} else if (!is_key_char(s.p[n])) {
			word = false;
			n += s.p[n] == '\\';
		}
	}
	*ret_value = str_trim(str_cut(s, 0, n < s.n ? blank : s.n));
	*rest = n < s.n ? str_skip(s, blank + 1) : (struct str){0};
	return true;
}

static bool
take_leef_pair(struct str *rest, char separator, struct str *ret_key, struct str *ret_value)
{
	struct str one;
	while (str_split(rest, separator, &one)) {
		ptrdiff_t equals = str_find_char(one, '=');
		if (equals < 1)
			continue;
		*ret_key = str_trim(str_cut(one, 0, (size_t)equals));
		*ret_value = str_trim(str_skip(one, (size_t)equals + 1));
		return true;
	}
	return false;
}

static void
note_pair(struct pairs *p, struct str key, struct str value)
{
	struct firewall_line *f = &p->firewall;
	const struct text_slot row[] = {{STR("src"), &f->src_ip}, {STR("dst"), &f->dst_ip}, {STR("spt"), &f->src_port}, {STR("srcPort"), &f->src_port},
		{STR("dpt"), &f->dst_port}, {STR("dstPort"), &f->dst_port}, {STR("proto"), &f->protocol}, {STR("act"), &p->action},
		{STR("action"), &p->action}, {STR("rt"), &p->time}, {STR("devTime"), &p->time}, {STR("end"), &p->time},
		{STR("filePath"), &p->path}, {STR("fname"), &p->path}};
	text_note(row, COUNT(row), key, value);
}

/* cs1Label=VirusName: what cs1 says is one. */
static bool
names_virus(struct str label)
{
	static const struct str word[] = {STR_INIT("virus"), STR_INIT("malware"), STR_INIT("threat")};
	for (size_t i = 0; label.n < 64 && i < COUNT(word); i++)
		if (str_find_nocase(label, word[i]) >= 0)
			return str_find_nocase(label, STR("name")) >= 0;
	return false;
}

/* Labels usually stand behind what they label. */
static void
add_labelled(struct decode_context *c, struct event *e, uint32_t first, struct pairs *p)
{
	enum { LABELS = 32 };
	unsigned labels = 0;
	for (uint32_t i = first, end = e->field_count; i < end && labels < LABELS; i++) {
		struct field label = e->field[i];
		if (!str_ends(label.name, STR("Label")))
			continue;
		labels++;
		const struct field *f = event_find_name(e, str_cut(label.name, 0, label.name.n - 5));
		if (!f)
			continue;
		struct str value = f->value;
		text_add(c, e, label.value, value);
		if (!p->virus.n && names_virus(label.value))
			p->virus = value;
	}
}

static void
add_time(struct decode_context *c, struct event *e, struct str text)
{
	if (!text.n || time_from_epoch(text, &e->time_ms) || time_parse(text, c->zone, &e->time_ms))
		return;
	int64_t received_ms = e->raw ? e->raw->received_ms : TIME_NONE;
	(void)syslog_time_take(&text, c->zone, received_ms, &e->time_ms);
}

static void
finish(struct decode_context *c, struct event *e, uint32_t first, struct pairs *p, struct str vendor)
{
	struct core k;
	add_labelled(c, e, first, p);
	if (p->virus.n) {
		text_add(c, e, STR("Signature"), p->virus);
		text_add(c, e, STR("Filename"), p->path);
	}
	core_begin(&k, e, NULL);
	core_put_all(&k, &cef_words);
	p->firewall.text = p->action;
	if (p->firewall.src_ip.n && p->firewall.dst_ip.n)
		firewall_add(c, &p->firewall, e);
	else
		text_add_address(e, p->firewall.src_ip, F_SOURCE_IP, F_SOURCE_DOMAIN);
	e->category = p->virus.n ? STR("antivirus") : p->firewall.dst_port.n && p->firewall.src_ip.n ? STR("firewall") : (struct str){0};
	add_time(c, e, p->time);
	e->product = text_lower(c->arena, vendor);
	e->service = (struct str){0};
	e->confidence = e->confidence ? e->confidence : 90;
	e->decoder = DECODER_CEF;
}

/* LEEF 2.0 says what parts its pairs: a character, its code (0x5e, x5e), or nothing for a tab. */
static char
separator_of(struct str s)
{
	struct str hex = s;
	if (!text_take(&hex, STR("0x")) && !text_take(&hex, STR("x")))
		return s.n == 1 ? s.p[0] : '\t';
	unsigned code = 0;
	for (size_t i = 0; i < hex.n && i < 2; i++) {
		char digit = ascii_lower(hex.p[i]);
		code = code << 4 | (unsigned)(text_is_digit(digit) ? digit - '0' : digit - 'a' + 10);
	}
	return hex.n ? (char)code : 'x';
}

static int
decode_leef(struct decode_context *c, struct str rest, struct event *e)
{
	static const struct str name[] = {STR_INIT("deviceVendor"), STR_INIT("deviceProduct"), STR_INIT("deviceVersion"),
		STR_INIT("deviceEventClassId")};
	struct str header[COUNT(name)], version, key, value, separator = {0};
	struct pairs p = {0};
	uint32_t first = e->field_count;
	if (!take_header(&rest, &version))
		return E_INVALID;
	for (size_t i = 0; i < COUNT(name); i++)
		if (!take_header(&rest, &header[i]))
			return E_INVALID;
	if (str_starts(version, STR("2")) && str_find_char(str_cut(rest, 0, 6), '|') >= 0)
		(void)take_header(&rest, &separator);
	for (size_t i = 0; i < COUNT(name); i++)
		text_add(c, e, name[i], plain(c->arena, header[i]));
	char parts = separator_of(separator);
	while (take_leef_pair(&rest, parts, &key, &value)) {
		text_add(c, e, key, value);
		note_pair(&p, key, value);
	}
	finish(c, e, first, &p, header[0]);
	return 0;
}

int
decode_cef(struct decode_context *c, struct str line, struct event *e)
{
	static const struct str name[] = {STR_INIT("deviceVendor"), STR_INIT("deviceProduct"), STR_INIT("deviceVersion"),
		STR_INIT("deviceEventClassId"), STR_INIT("name"), STR_INIT("severity")};
	struct str rest = text_skip_blanks(line), header[COUNT(name)], version, key, value;
	struct pairs p = {0};
	uint32_t first = e->field_count;
	if (text_take(&rest, STR("LEEF:")))
		return decode_leef(c, rest, e);
	if (!text_take(&rest, STR("CEF:")) || !take_header(&rest, &version))
		return E_INVALID;
	for (size_t i = 0; i < COUNT(name); i++)
		if (!take_header(&rest, &header[i]))
			return E_INVALID;
	for (size_t i = 0; i < COUNT(name); i++)
		text_add(c, e, name[i], plain(c->arena, header[i]));
	while (rest.n) {
		if (!take_cef_pair(&rest, &key, &value)) {
			text_take_word(&rest);
			continue;
		}
		value = plain(c->arena, value);
		text_add(c, e, key, value);
		note_pair(&p, key, value);
	}
	finish(c, e, first, &p, header[0]);
	return 0;
}
