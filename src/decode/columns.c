/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/columns.h"

#include "decode/core.h"
#include "decode/json_layout.h"
#include "decode/lines.h"
#include "decode/pattern.h"

#define NAMES_MAX (64u << 10)

static const struct core_row w3c_rows[] = {
	{STR_INIT("s-ip"), F_DESTINATION_IP}, {STR_INIT("s-port"), F_DESTINATION_PORT},
	{STR_INIT("s-computername"), F_HOST_NAME}, {STR_INIT("cs-username"), F_USER_NAME},
	{STR_INIT("cs-method"), F_HTTP_METHOD}, {STR_INIT("cs-uri-stem"), F_URL_PATH}, {STR_INIT("cs-uri-query"), F_URL_QUERY},
	{STR_INIT("cs-uri"), F_URL_ORIGINAL}, {STR_INIT("c-uri"), F_URL_ORIGINAL}, {STR_INIT("cs-host"), F_URL_DOMAIN},
	{STR_INIT("r-host"), F_URL_DOMAIN}, {STR_INIT("sc-status"), F_HTTP_STATUS}, {STR_INIT("sc-bytes"), F_HTTP_BYTES},
	{STR_INIT("cs-user-agent"), F_USER_AGENT}, {STR_INIT("cs-referer"), F_HTTP_REFERRER}, {STR_INIT("r-ip"), F_DESTINATION_IP},
};

WORDS(w3c_words, w3c_rows)

void
columns_open(struct columns *k)
{
	*k = (struct columns){0};
	arena_init(&k->names, 4 << 10, NAMES_MAX);
}

void
columns_close(struct columns *k)
{
	arena_release(&k->names);
}

void
columns_forget(struct columns *k)
{
	struct arena names = k->names;
	arena_clear(&names);
	*k = (struct columns){.names = names};
}

/* ---- heads ---- */

static struct str
keep(struct columns *k, struct str s)
{
	struct str copy;
	return arena_copy(&k->names, s, &copy) ? copy : (struct str){0};
}

/* "cs(User-Agent)" is cs-user-agent to Sigma. */
static struct str
w3c_name(struct columns *k, struct str s)
{
	struct str copy = keep(k, s);
	char *p = (char *)(uintptr_t)copy.p; /* ours */
	if (!str_ends(copy, STR(")")) || str_find_char(copy, '(') < 1)
		return copy;
	for (size_t i = 0; i < copy.n; i++)
		p[i] = p[i] == '(' ? '-' : ascii_lower(p[i]);
	return str_cut(copy, 0, copy.n - 1);
}

static bool
is_many(struct str type)
{
	return str_starts(type, STR("set[")) || str_starts(type, STR("vector["));
}

static void
name_columns(struct columns *k, struct str rest)
{
	struct str one;
	char parts = k->zeek ? k->separator : str_find_char(rest, ',') >= 0 ? ',' : '\t';
	if (!k->zeek && str_find_char(rest, parts) < 0)
		parts = ' ';
	k->separator = parts;
	k->count = 0;
	while (str_split(&rest, parts, &one)) {
		one = str_trim(one);
		if (k->count == COLUMNS_MAX || (!one.n && parts == ' '))
			continue;
		k->many[k->count] = false;
		k->name[k->count++] = k->zeek ? keep(k, one) : w3c_name(k, one);
	}
}

static void
type_columns(struct columns *k, struct str rest)
{
	struct str one;
	for (uint32_t i = 0; i < k->count && str_split(&rest, k->separator, &one); i++)
		k->many[i] = is_many(one);
}

/* What stands behind a word of Zeek's head, which is parted as the columns are. */
static bool
zeek_word(const struct columns *k, struct str line, struct str word, struct str *ret)
{
	if (!text_take(&line, word) || !line.n || line.p[0] != k->separator)
		return false;
	*ret = str_skip(line, 1);
	return true;
}

static void
zeek_head(struct columns *k, struct str line)
{
	struct str rest;
	if (zeek_word(k, line, STR("#fields"), &rest))
		name_columns(k, rest);
	else if (zeek_word(k, line, STR("#types"), &rest))
		type_columns(k, rest);
	else if (zeek_word(k, line, STR("#path"), &rest))
		k->path = keep(k, rest);
	else if (zeek_word(k, line, STR("#unset_field"), &rest))
		k->unset = keep(k, rest);
	else if (zeek_word(k, line, STR("#empty_field"), &rest))
		k->empty = keep(k, rest);
	else if (zeek_word(k, line, STR("#set_separator"), &rest))
		k->set_separator = keep(k, rest);
}

/* The digits of "\x09". */
static int
hex_of(struct str s)
{
	static const char digits[] = "0123456789abcdef";
	const char *high = s.n >= 4 && s.p[0] == '\\' && s.p[1] == 'x' ? memchr(digits, ascii_lower(s.p[2]), 16) : NULL;
	const char *low = high ? memchr(digits, ascii_lower(s.p[3]), 16) : NULL;
	return low ? (int)(high - digits) << 4 | (int)(low - digits) : -1;
}

static void
w3c_head(struct columns *k, struct str line)
{
	if (text_take(&line, STR("#Fields:")))
		name_columns(k, str_trim(line));
	else if (text_take(&line, STR("#Date:")))
		k->date = keep(k, str_cut(str_trim(line), 0, 10));
	else if (text_take(&line, STR("#Software:")))
		k->software = keep(k, str_trim(line));
	else if (text_take(&line, STR("#Time Format: Local")))
		k->local = true;
}

bool
columns_head(struct columns *k, struct str line)
{
	if (!line.n || line.p[0] != '#')
		return false;
	while (line.n && memchr("\r\n", line.p[line.n - 1], 2))
		line.n--;
	struct str rest = line;
	if (text_take(&rest, STR("#separator "))) {
		int code = hex_of(str_trim(rest));
		columns_forget(k);
		k->zeek = true;
		k->separator = code >= 0 ? (char)code : rest.n ? rest.p[0] : '\t';
	} else if (k->zeek) {
		zeek_head(k, line);
	} else {
		w3c_head(k, line);
	}
	return k->zeek || k->count || k->date.n || k->software.n || str_starts(line, STR("#Version:"));
}

/* ---- lines ---- */

/* Zeek writes what is no text, and its own separators, as \x09; items of a set become lines. */
static struct str
zeek_value(struct decode_context *c, const struct columns *k, struct str s, bool many)
{
	bool parts = many && k->set_separator.n == 1 && str_find_char(s, k->set_separator.p[0]) >= 0;
	char *out = parts || str_find_char(s, '\\') >= 0 ? arena_alloc(c->arena, s.n) : NULL;
	size_t n = 0;
	if (!out)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		int code = hex_of(str_skip(s, i));
		out[n++] = code >= 0 ? (char)code : parts && s.p[i] == k->set_separator.p[0] ? '\n' : s.p[i];
		i += code >= 0 ? 3 : 0;
	}
	return str_from(out, n);
}

static int
decode_zeek_line(struct decode_context *c, const struct columns *k, struct str line, struct event *e)
{
	struct str rest = line, one;
	uint32_t i = 0;
	if (str_find_char(line, k->separator) < 0 && k->count > 1)
		return E_INVALID;
	while (i < k->count && str_split(&rest, k->separator, &one)) {
		if (one.n && !str_eq(one, k->unset) && !str_eq(one, k->empty))
			text_add(c, e, k->name[i], zeek_value(c, k, one, k->many[i]));
		i++;
	}
	if (!e->field_count)
		return E_INVALID;
	e->service = k->path;
	zeek_finish(c, e, (struct str){0});
	return 0;
}

static bool
next_value(struct str *rest, char separator, struct str *ret)
{
	if (!str_split(rest, separator, ret))
		return false;
	if (separator == ' ')
		*rest = text_skip_blanks(*rest);
	*ret = str_trim(*ret);
	if (separator == ',' && ret->n > 1 && ret->p[0] == '"' && ret->p[ret->n - 1] == '"')
		*ret = str_cut(*ret, 1, ret->n - 1);
	return true;
}

/* IIS writes blanks as '+', which no rule about browsers knows. */
static struct str
with_blanks(struct decode_context *c, struct str s)
{
	char *out = str_find_char(s, '+') < 0 || str_find_char(s, ' ') >= 0 ? NULL : arena_alloc(c->arena, s.n);
	for (size_t i = 0; out && i < s.n; i++)
		out[i] = s.p[i] == '+' ? ' ' : s.p[i];
	return out ? str_from(out, s.n) : s;
}

/* What of a W3C line is more than a field. */
struct w3c {
	struct str date, time, client, stem, query;
	struct firewall_line firewall;
	bool web, proxy;
};

static void
note_value(struct w3c *w, struct str name, struct str value)
{
	struct firewall_line *f = &w->firewall;
	const struct {
		struct str name;
		struct str *to;
	} row[] = {{STR("date"), &w->date}, {STR("date-time"), &w->date}, {STR("time"), &w->time}, {STR("c-ip"), &w->client},
		{STR("src-ip"), &f->src_ip}, {STR("dst-ip"), &f->dst_ip}, {STR("src-port"), &f->src_port},
		{STR("dst-port"), &f->dst_port}, {STR("cs-uri-stem"), &w->stem}, {STR("cs-uri-query"), &w->query}, {STR("protocol"), &f->protocol}, {STR("action"), &f->text}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].name, name))
			*row[i].to = value;
	w->web |= str_starts(name, STR("cs-")) || str_eq(name, STR("c-uri"));
	w->proxy |= str_eq(name, STR("c-uri")) || str_eq(name, STR("s-hierarchy")) || str_eq(name, STR("cs-uri-scheme")) ||
	    str_eq(name, STR("r-host")) || str_eq(name, STR("sc-filter-result"));
}

/* Of date and time, or one of them with both in it. */
static void
take_time(struct event *e, const struct w3c *w, int zone)
{
	char text[64];
	size_t n = w->date.n;
	if (!n || n + 1 + w->time.n > sizeof text)
		return;
	memcpy(text, w->date.p, n);
	if (w->time.n) {
		text[n] = ' ';
		memcpy(text + n + 1, w->time.p, w->time.n);
		n += 1 + w->time.n;
	}
	(void)time_parse(str_from(text, n), zone, &e->time_ms);
}

/* Rules mean path and query when they say cs-uri-query; map.yaml sends them here. */
static void
add_target(struct decode_context *c, const struct w3c *w, struct event *e)
{
	char *p = w->query.n ? arena_alloc(c->arena, w->stem.n + 1 + w->query.n) : NULL;
	struct str whole = w->stem;
	if (p) {
		memcpy(p, w->stem.p, w->stem.n);
		p[w->stem.n] = '?';
		memcpy(p + w->stem.n + 1, w->query.p, w->query.n);
		whole = str_from(p, w->stem.n + 1 + w->query.n);
	}
	text_add(c, e, STR("cs-uri"), whole);
	event_put_core(e, F_URL_ORIGINAL, whole);
}

static void
finish_w3c(struct decode_context *c, const struct columns *k, struct w3c *w, struct event *e)
{
	struct core core;
	w->date = w->date.n ? w->date : k->date;
	take_time(e, w, k->local ? c->zone : 0);
	if (w->stem.n && !event_find_name(e, STR("cs-uri")))
		add_target(c, w, e);
	core_begin(&core, e, NULL);
	core_put_all(&core, &w3c_words);
	if (w->client.n)
		text_add_address(e, w->client, F_SOURCE_IP, F_SOURCE_DOMAIN);
	if (w->firewall.src_ip.n)
		firewall_add(c, &w->firewall, e);
	e->category = w->firewall.src_ip.n ? STR("firewall") : w->proxy ? STR("proxy") : w->web ? STR("webserver") : (struct str){0};
	if (w->web) {
		const struct field *status = event_find(e, F_HTTP_STATUS);
		event_put_core(e, F_EVENT_CATEGORY, STR("web"));
		pattern_outcome(e, STR("http_request"), !status || !status->value.n ? OUTCOME_NONE :
		    status->value.p[0] >= '4' ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	}
	if (w->web && (!k->software.n || str_find(k->software, STR("Internet Information Services")) >= 0))
		e->service = STR("iis");
	event_put_core(e, F_EVENT_DATASET, e->service.n ? STR("iis.access") : STR("w3c.log"));
	e->confidence = k->software.n ? 100 : 90;
	e->decoder = DECODER_W3C;
}

static int
decode_w3c(struct decode_context *c, const struct columns *k, struct str line, struct event *e)
{
	struct str rest = line, one;
	struct w3c w = {0};
	if (str_find_char(line, k->separator) < 0 && k->count > 1)
		return E_INVALID;
	for (uint32_t i = 0; i < k->count && next_value(&rest, k->separator, &one); i++) {
		if (!one.n || str_eq(one, STR("-")))
			continue;
		if (str_eq(k->name[i], STR("cs-user-agent")))
			one = with_blanks(c, one);
		text_add(c, e, k->name[i], one);
		note_value(&w, k->name[i], one);
	}
	if (!e->field_count)
		return E_INVALID;
	finish_w3c(c, k, &w, e);
	return 0;
}

int
decode_columns(struct decode_context *c, const struct columns *k, struct str line, struct event *e)
{
	while (line.n && memchr("\r\n", line.p[line.n - 1], 2))
		line.n--;
	if (!k->count || e->field_count)
		return E_INVALID;
	return k->zeek ? decode_zeek_line(c, k, line, e) : decode_w3c(c, k, line, e);
}

#define IIS_HEAD STR_INIT("date"), STR_INIT("time"), STR_INIT("s-ip"), STR_INIT("cs-method"), STR_INIT("cs-uri-stem"), STR_INIT("cs-uri-query"),      \
	    STR_INIT("s-port"), STR_INIT("cs-username"), STR_INIT("c-ip"), STR_INIT("cs-user-agent")
#define IIS_TAIL STR_INIT("sc-status"), STR_INIT("sc-substatus"), STR_INIT("sc-win32-status"), STR_INIT("time-taken")

static bool
is_capital(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return s.n > 2 && s.n < 12;
}

int
decode_iis(struct decode_context *c, struct str line, struct event *e)
{
	static const struct columns old = {.count = 14, .separator = ' ', .name = {IIS_HEAD, IIS_TAIL}},
	    now = {.count = 15, .separator = ' ', .name = {IIS_HEAD, STR_INIT("cs-referer"), IIS_TAIL}};
	struct str rest = line, date = text_take_word(&rest), time = text_take_word(&rest), ip = text_take_word(&rest),
		   method = text_take_word(&rest);
	uint32_t words = 4;
	if (date.n != 10 || time.n != 8 || !text_is_ip(ip) || !is_capital(method) || line.n > 64 << 10)
		return E_INVALID;
	for (; rest.n && words <= now.count; words++)
		(void)text_take_word(&rest);
	return words == old.count ? decode_columns(c, &old, line, e) : words == now.count ? decode_columns(c, &now, line, e) : E_INVALID;
}
