/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of the Linux audit system, one line each, under their native names (Sigma's auditd rules use these). Values
 * in quotes stand as they are; what the kernel could not trust is written in hexadecimal without quotes and is undone
 * here, as ausearch -i does. Enriched names behind the group separator (0x1d) are fields like the others.
 */
#include "decode/lines.h"
#include "decode/pattern.h"

static bool
is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!text_is_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'F'))
			return false;
	return s.n >= 2 && s.n % 2 == 0;
}

static unsigned
hex_digit(char c)
{
	return (unsigned)(text_is_digit(c) ? c - '0' : c - 'A' + 10);
}

/* Fields that auditd encodes when they hold a blank, a quote or anything beyond ASCII. */
static bool
may_be_encoded(struct str key, bool execve)
{
	static const struct str name[] = {STR_INIT("proctitle"), STR_INIT("comm"), STR_INIT("exe"), STR_INIT("name"),
		STR_INIT("cwd"), STR_INIT("acct"), STR_INIT("cmd"), STR_INIT("data"), STR_INIT("key"), STR_INIT("path")};
	if (execve && key.n >= 2 && key.p[0] == 'a' && text_is_digit(key.p[1]))
		return true;
	for (size_t i = 0; i < COUNT(name); i++)
		if (str_eq(name[i], key))
			return true;
	return false;
}

/* NULs part the arguments of a proctitle; they become blanks. */
static struct str
decoded(struct arena *arena, struct str hex)
{
	char *plain = arena_alloc(arena, hex.n / 2);
	if (!plain)
		return hex;
	for (size_t i = 0; i < hex.n / 2; i++) {
		plain[i] = (char)(hex_digit(hex.p[i * 2]) << 4 | hex_digit(hex.p[i * 2 + 1]));
		if (!plain[i])
			plain[i] = ' ';
	}
	return str_from(plain, hex.n / 2);
}

static size_t
value_length(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\x1d')
		n++;
	return n;
}

/* key=value or key="value with blanks"; *ret_quoted tells which. Anything else is stepped over. */
static bool
take_pair(struct str *rest, struct str *ret_key, struct str *ret_value, bool *ret_quoted)
{
	size_t n = value_length(*rest);
	struct str word = str_cut(*rest, 0, n);
	ptrdiff_t equals = str_find_char(word, '=');
	*rest = str_skip(*rest, n + 1);
	if (equals <= 0)
		return false;
	*ret_key = str_cut(word, 0, (size_t)equals);
	*ret_value = str_skip(word, (size_t)equals + 1);
	*ret_quoted = ret_value->n && ret_value->p[0] == '"';
	if (!*ret_quoted)
		return true;
	struct str quoted = str_from(ret_value->p + 1, (size_t)(rest->p + rest->n - ret_value->p) - 1);
	ptrdiff_t close = str_find_char(quoted, '"');
	if (close >= 0) {
		*ret_value = str_cut(quoted, 0, (size_t)close);
		*rest = str_skip(quoted, (size_t)close + 1);
	}
	return true;
}

static void
add_core(struct event *e, struct str key, struct str value)
{
	static const struct {
		struct str key;
		uint32_t core;
	} row[] = {
		{STR_INIT("acct"), F_USER_NAME}, {STR_INIT("auid"), F_USER_ID}, {STR_INIT("pid"), F_PROCESS_PID},
		{STR_INIT("ppid"), F_PARENT_PID}, {STR_INIT("exe"), F_PROCESS_EXECUTABLE}, {STR_INIT("comm"), F_PROCESS_NAME},
		{STR_INIT("proctitle"), F_PROCESS_COMMAND}, {STR_INIT("cwd"), F_PROCESS_DIRECTORY},
		{STR_INIT("name"), F_FILE_PATH},
	};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].key, key))
			event_put_core(e, row[i].core, value);
	if (str_eq(key, STR("addr")) && !str_eq(value, STR("?")))
		text_add_address(e, value, F_SOURCE_IP, F_SOURCE_DOMAIN);
	if (str_eq(key, STR("res")) || str_eq(key, STR("success")))
		event_put_core(e, F_EVENT_OUTCOME, str_eq(value, STR("success")) || str_eq(value, STR("yes")) ||
		    str_eq(value, STR("1")) ? STR("success") : STR("failure"));
}

static void
add_pairs(struct decode_context *c, struct str rest, bool execve, struct event *e)
{
	struct str key, value;
	bool quoted;
	while (rest.n) {
		/* msg='op=PAM:... res=failed' wraps pairs of its own: walk on inside, drop the last quote. */
		if (text_take(&rest, STR("msg='")) && rest.n && rest.p[rest.n - 1] == '\'')
			rest.n--;
		if (!take_pair(&rest, &key, &value, &quoted))
			continue;
		if (!quoted && value.n > 1 && value.p[value.n - 1] == '\'')
			value.n--;
		if (!quoted && is_hex(value) && may_be_encoded(key, execve))
			value = decoded(c->arena, value);
		text_add(c, e, key, value);
		add_core(e, key, value);
	}
}

/* "1626611363.720:348501" */
static bool
read_stamp(struct str s, int64_t *ret_ms, struct str *ret_serial)
{
	struct str seconds, milli;
	uint64_t sec, ms = 0;
	if (!str_split(&s, ':', &milli) || !str_split(&milli, '.', &seconds))
		return false;
	if (!str_to_u64(seconds, &sec) || sec > UINT64_C(253402300799) || (milli.n && !str_to_u64(milli, &ms)) || ms > 999)
		return false;
	*ret_ms = (int64_t)(sec * 1000 + ms);
	*ret_serial = s;
	return true;
}

int
decode_auditd(struct decode_context *c, struct str line, struct event *e)
{
	struct str rest = text_skip_blanks(line), node = {0}, serial;
	int64_t ms;
	text_take(&rest, STR("audit: "));
	if (text_take(&rest, STR("node=")))
		node = text_take_word(&rest);
	if (!text_take(&rest, STR("type=")))
		return E_INVALID;
	struct str type = text_take_word(&rest);
	text_take(&rest, STR("msg="));
	ptrdiff_t close = str_find_char(str_cut(rest, 0, 64), ')');
	if (!text_take(&rest, STR("audit(")) || close < 6 || !read_stamp(str_cut(rest, 0, (size_t)close - 6), &ms, &serial))
		return E_INVALID;
	rest = str_skip(rest, (size_t)close - 5);
	text_take(&rest, STR(":"));
	text_add(c, e, STR("type"), type);
	text_add(c, e, STR("serial"), serial);
	text_add(c, e, STR("node"), node);
	event_put_core(e, F_HOST_NAME, node);
	event_put_core(e, F_EVENT_CODE, type);
	event_put_core(e, F_EVENT_DATASET, STR("linux.auditd"));
	add_pairs(c, text_skip_blanks(rest), str_eq(type, STR("EXECVE")), e);
	e->time_ms = ms;
	e->product = STR("linux");
	e->service = STR("auditd");
	e->code = type;
	e->decoder = DECODER_AUDITD;
	return 0;
}
