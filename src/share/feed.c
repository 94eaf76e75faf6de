/* SPDX-License-Identifier: EUPL-1.2 */
#include "share/feed.h"

#include <assert.h>

#include "base/memory.h"
#include "share/feed_internal.h"

#define OBJECT_BYTES (64u << 20)

static const char *const tlp_names[] = {"clear", "green", "amber", "amber+strict", "red"};

const char *
tlp_name(enum tlp tlp)
{
	assert(tlp < TLP_COUNT);
	return tlp_names[tlp];
}

bool
tlp_from_name(struct str name, enum tlp *ret)
{
	if (str_starts_nocase(name, STR("tlp:")))
		name = str_skip(name, 4);
	name = str_trim(name);
	if (str_eq_nocase(name, STR("white"))) {
		*ret = TLP_CLEAR;
		return true;
	}
	for (int i = 0; i < TLP_COUNT; i++)
		if (str_eq_nocase(name, str_z(tlp_names[i]))) {
			*ret = (enum tlp)i;
			return true;
		}
	return false;
}

bool
feed_format_from_name(struct str name, enum feed_format *ret)
{
	static const struct str names[] = {STR_INIT("auto"), STR_INIT("list"), STR_INIT("csv"), STR_INIT("stix"),
		STR_INIT("misp")};
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_eq(names[i], name)) {
			*ret = (enum feed_format)i;
			return true;
		}
	return false;
}

/* "31/12/2026" or "31-12-2026", with or without a time of day that is then not looked at. */
static bool
day_first(struct str text, int64_t *ret_ms)
{
	int number[3] = {0}, part = 0;
	size_t i = 0;
	for (; i < text.n && part < 3; i++) {
		if (text.p[i] >= '0' && text.p[i] <= '9' && number[part] < 10000)
			number[part] = number[part] * 10 + (text.p[i] - '0');
		else if ((text.p[i] == '/' || text.p[i] == '-') && part < 2)
			part++;
		else
			break;
	}
	struct civil c = {.day = number[0], .month = number[1], .year = number[2]};
	return part == 2 && (i == text.n || text.p[i] == ' ') && time_from_civil(&c, TIME_ZONE_VIETNAM, ret_ms);
}

bool
feed_time(struct str text, int64_t *ret_ms)
{
	char day[32];
	uint64_t number;
	text = str_trim(text);
	if (time_parse(text, TIME_ZONE_VIETNAM, ret_ms))
		return true;
	if (text.n > 4 && str_ends(text, STR(" UTC"))) /* abuse.ch */
		return time_parse(str_cut(text, 0, text.n - 4), 0, ret_ms);
	if (text.n == 10 && text.p[4] == '-') {
		snprintf(day, sizeof day, "%.*sT00:00:00", STR_ARG(text));
		return time_parse(str_z(day), TIME_ZONE_VIETNAM, ret_ms);
	}
	if (text.n >= 9 && text.n <= 13 && str_to_u64(text, &number)) {
		*ret_ms = (int64_t)(text.n > 11 ? number : number * 1000);
		return true;
	}
	return day_first(text, ret_ms);
}

/* --- what the readers share --- */

/* Places of one record may come in any order, records rise: each byte is looked at a few times for its line. */
static void
find_place(struct feed *f, size_t at, uint32_t *ret_line, uint32_t *ret_column)
{
	struct feed_place *p = &f->told;
	if (at < p->line_at)
		*p = at >= f->mark.at ? f->mark : (struct feed_place){.line = 1};
	for (; p->at < at && p->at < f->text.n; p->at++)
		if (f->text.p[p->at] == '\n') {
			p->line++;
			p->line_at = p->at + 1;
		}
	*ret_line = p->line;
	*ret_column = (uint32_t)(at - p->line_at) + 1;
}

void
feed_mark(struct feed *f)
{
	uint32_t line, column;
	find_place(f, f->at, &line, &column);
	f->mark = f->told;
}

void
feed_refuse(struct feed *f, size_t at, const char *what, struct str arg)
{
	struct fault fault = {0};
	uint32_t line, column;
	find_place(f, at, &line, &column);
	fault_set(&fault, E_INVALID, what, arg, line, column);
	f->counts->refused++;
	f->events->refused(f->events->user, &fault);
}

struct str
feed_clean(struct str text, size_t max)
{
	text = str_trim(text);
	if (text.n > max) {
		text.n = max; /* not in the middle of a letter */
		while (text.n && ((uint8_t)text.p[text.n] & 0xc0) == 0x80)
			text.n--;
	}
	return str_is_utf8(text) && (!text.n || !memchr(text.p, '\0', text.n)) ? text : (struct str){0};
}

const struct feed_type *
feed_type_find(struct str name)
{
#define TYPE(text, kind, ...) {STR_INIT(text), kind, __VA_ARGS__}
	static const struct feed_type types[] = {
		TYPE("ip", IOC_IP, PART_WHOLE), TYPE("ipv4", IOC_IP, PART_WHOLE), TYPE("ipv6", IOC_IP, PART_WHOLE),
		TYPE("ip-src", IOC_IP, PART_WHOLE), TYPE("ip-dst", IOC_IP, PART_WHOLE), TYPE("ip:port", IOC_IP, PART_WHOLE),
		TYPE("ip address", IOC_IP, PART_WHOLE), TYPE("ip_address", IOC_IP, PART_WHOLE),
		TYPE("ipv4-addr", IOC_IP, PART_WHOLE), TYPE("ipv6-addr", IOC_IP, PART_WHOLE),
		TYPE("ip-src|port", IOC_IP, PART_FIRST), TYPE("ip-dst|port", IOC_IP, PART_FIRST),
		TYPE("dst_ip", IOC_IP, PART_WHOLE), TYPE("src_ip", IOC_IP, PART_WHOLE), TYPE("dia chi ip", IOC_IP, PART_WHOLE),
		TYPE("cidr", IOC_CIDR, PART_WHOLE), TYPE("network", IOC_CIDR, PART_WHOLE), TYPE("dai ip", IOC_CIDR, PART_WHOLE),
		TYPE("domain", IOC_DOMAIN, PART_WHOLE), TYPE("hostname", IOC_DOMAIN, PART_WHOLE),
		TYPE("domain-name", IOC_DOMAIN, PART_WHOLE), TYPE("fqdn", IOC_DOMAIN, PART_WHOLE),
		TYPE("host", IOC_DOMAIN, PART_WHOLE), TYPE("ten mien", IOC_DOMAIN, PART_WHOLE),
		TYPE("hostname|port", IOC_DOMAIN, PART_FIRST), TYPE("domain|ip", IOC_DOMAIN, PART_BOTH),
		TYPE("url", IOC_URL, PART_WHOLE), TYPE("uri", IOC_URL, PART_WHOLE), TYPE("duong dan", IOC_URL, PART_WHOLE),
		TYPE("lien ket", IOC_URL, PART_WHOLE),
		TYPE("md5", IOC_HASH, PART_WHOLE), TYPE("sha1", IOC_HASH, PART_WHOLE), TYPE("sha256", IOC_HASH, PART_WHOLE),
		TYPE("sha512", IOC_HASH, PART_WHOLE), TYPE("hash", IOC_HASH, PART_WHOLE), TYPE("ma bam", IOC_HASH, PART_WHOLE),
		TYPE("md5_hash", IOC_HASH, PART_WHOLE), TYPE("sha1_hash", IOC_HASH, PART_WHOLE),
		TYPE("sha256_hash", IOC_HASH, PART_WHOLE), TYPE("file", IOC_HASH, PART_WHOLE),
		TYPE("filename|md5", IOC_HASH, PART_SECOND), TYPE("filename|sha1", IOC_HASH, PART_SECOND),
		TYPE("filename|sha256", IOC_HASH, PART_SECOND), TYPE("filename|sha512", IOC_HASH, PART_SECOND),
		TYPE("malware-sample", IOC_HASH, PART_SECOND),
		TYPE("imphash", IOC_HASH, PART_WHOLE, STR_INIT("imphash:")),
		TYPE("filename|imphash", IOC_HASH, PART_SECOND, STR_INIT("imphash:")),
		TYPE("mail", IOC_MAIL, PART_WHOLE), TYPE("email", IOC_MAIL, PART_WHOLE), TYPE("e-mail", IOC_MAIL, PART_WHOLE),
		TYPE("email-src", IOC_MAIL, PART_WHOLE), TYPE("email-dst", IOC_MAIL, PART_WHOLE),
		TYPE("email-addr", IOC_MAIL, PART_WHOLE), TYPE("email-reply-to", IOC_MAIL, PART_WHOLE),
		TYPE("thu dien tu", IOC_MAIL, PART_WHOLE),
	};
#undef TYPE
	for (size_t i = 0; i < COUNT(types); i++)
		if (str_eq_nocase(types[i].name, name))
			return &types[i];
	return NULL;
}

/* "203.0.113.9:443" */
static struct str
without_port(struct str value)
{
	ptrdiff_t colon = str_find_char(value, ':');
	uint64_t port;
	if (colon > 0 && str_to_u64(str_skip(value, (size_t)colon + 1), &port) && port < 65536)
		value.n = (size_t)colon;
	return value;
}

/* Into out: the normal form, or 0. A type that says "ip" is believed when a network stands there, and the like. */
static size_t
normalise_as(enum ioc_kind *kind, struct str value, char out[IOC_VALUE_MAX])
{
	size_t n = ioc_normalise(*kind, value, out);
	if (!n && *kind <= IOC_CIDR) {
		*kind = *kind == IOC_IP ? IOC_CIDR : IOC_IP;
		n = ioc_normalise(*kind, value, out);
		if (!n) {
			*kind = IOC_IP;
			n = ioc_normalise(IOC_IP, without_port(value), out);
		}
	}
	if (!n && *kind == IOC_DOMAIN) /* "hostname" of a feed is an address now and then */
		n = ioc_normalise(*kind = IOC_IP, without_port(value), out);
	return n;
}

static void
give_one(struct feed *f, const struct feed_type *type, struct str value, const struct feed_item *like, size_t at)
{
	char plain[IOC_VALUE_MAX], normal[IOC_VALUE_MAX], tagged[IOC_VALUE_MAX];
	struct feed_item item = *like;
	struct str text = str_from(plain, ioc_refang(value, plain));
	if (type && type->prefix.n && !str_starts_nocase(text, type->prefix)) {
		snprintf(tagged, sizeof tagged, "%.*s%.*s", STR_ARG(type->prefix), STR_ARG(text));
		text = str_z(tagged);
	}
	size_t n = 0;
	if (type) {
		item.kind = type->kind;
		n = normalise_as(&item.kind, text, normal);
	} else if (ioc_guess(text, &item.kind) || (ioc_guess(without_port(text), &item.kind) && item.kind == IOC_IP)) {
		n = normalise_as(&item.kind, text, normal);
	}
	if (!n) {
		feed_refuse(f, at, "feed_value", value);
		return;
	}
	item.value = str_from(normal, n);
	find_place(f, at, &item.line, &item.column);
	f->counts->read++;
	f->stop = f->events->item(f->events->user, &item);
}

void
feed_give(struct feed *f, const struct feed_type *type, struct str value, const struct feed_item *like, size_t at)
{
	ptrdiff_t bar = type && type->part != PART_WHOLE ? str_find_char(value, '|') : -1;
	if (f->stop)
		return;
	if (bar < 0) {
		give_one(f, type, value, like, at);
		return;
	}
	struct str first = str_cut(value, 0, (size_t)bar), second = str_skip(value, (size_t)bar + 1);
	if (type->part != PART_SECOND)
		give_one(f, type, first, like, at);
	if (type->part == PART_SECOND)
		give_one(f, type, second, like, at);
	else if (type->part == PART_BOTH && !f->stop)
		give_one(f, feed_type_find(STR("ip")), second, like, at);
}

/* --- lists --- */

/* "0.0.0.0 evil.example" of a hosts file. */
static struct str
value_of_line(struct str line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
		n++;
	struct str first = str_cut(line, 0, n), rest = str_trim(str_skip(line, n));
	bool hosts = str_eq(first, STR("0.0.0.0")) || str_eq(first, STR("127.0.0.1")) || str_eq(first, STR("::1"));
	return hosts && rest.n ? value_of_line(rest) : line;
}

int
feed_list(struct feed *f)
{
	struct str rest = f->text, line;
	while (!f->stop && str_split(&rest, '\n', &line)) {
		struct feed_item like = {.tlp = TLP_UNSAID, .confidence = -1, .from_ms = TIME_NONE, .until_ms = TIME_NONE};
		size_t note = 0;
		line = str_trim(line);
		if (!line.n || line.p[0] == '#' || line.p[0] == ';' || str_starts(line, STR("//")))
			continue;
		while (note < line.n && !(line.p[note] == '#' && note && (line.p[note - 1] == ' ' || line.p[note - 1] == '\t')))
			note++;
		like.note = feed_clean(str_skip(line, note + 1), FEED_NOTE_MAX);
		struct str value = value_of_line(str_trim(str_cut(line, 0, note)));
		feed_give(f, NULL, value, &like, (size_t)(value.p - f->text.p));
	}
	return f->stop;
}

/* --- which form is it --- */

static enum feed_format
guess_json(struct str text)
{
	struct feed_counts counts = {0};
	static const struct feed_events nobody = {NULL, NULL, NULL};
	struct feed f = {.text = text, .events = &nobody, .counts = &counts};
	struct str key;
	bool first = true;
	if (str_starts(text, STR("[")) || feed_open(&f, '{') != 1)
		return FEED_MISP;
	for (int i = 0; i < 100 && feed_key(&f, &first, &key) == 1; i++) {
		if (str_eq(key, STR("Event")) || str_eq(key, STR("response")) || str_eq(key, STR("Attribute")))
			return FEED_MISP;
		if (str_eq(key, STR("objects")) || str_eq(key, STR("spec_version")) || feed_skip(&f) < 0)
			return FEED_STIX;
	}
	return FEED_STIX;
}

/* A line with cells, or a header in a comment: CSV. A list may have commas in its notes. */
static enum feed_format
guess_text(struct str text)
{
	struct str line;
	for (int i = 0; i < 200 && str_split(&text, '\n', &line); i++) {
		line = str_trim(line);
		struct str front = line;
		while (front.n && (front.p[0] == '#' || front.p[0] == ' '))
			front = str_skip(front, 1);
		bool comment = front.n != line.n;
		for (size_t at = 0; at < front.n && front.p[at] != '#'; at++)
			if ((front.p[at] == ',' || front.p[at] == ';' || front.p[at] == '\t') && (!comment || front.p[0] == '"'))
				return FEED_CSV;
		if (line.n && !comment)
			return FEED_LIST;
	}
	return FEED_LIST;
}

static enum feed_format
guess_format(struct str text)
{
	struct str front = str_trim(str_cut(text, 0, 4096));
	if (front.n && (front.p[0] == '{' || (front.p[0] == '[' && front.n > 1 && str_find_char(front, '{') > 0)))
		return guess_json(str_skip(text, (size_t)(front.p - text.p)));
	struct str line = front;
	(void)str_split(&front, '\n', &line);
	if (str_starts(line, STR("0.0.0.0")) || str_starts(line, STR("127.0.0.1")))
		return FEED_LIST;
	return guess_text(text);
}

int
feed_read(struct str text, enum feed_format format, const struct feed_events *events, struct feed_counts *counts)
{
	static int (*const how[])(struct feed *f) = {[FEED_LIST] = feed_list, [FEED_CSV] = feed_csv,
	    [FEED_STIX] = feed_stix, [FEED_MISP] = feed_misp};
	*counts = (struct feed_counts){0};
	if (text.n > FEED_BYTES)
		return E_LIMIT;
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_skip(text, 3);
	struct feed f = {.text = text, .events = events, .counts = counts, .told = {.line = 1}, .mark = {.line = 1},
	    .json = {.max_tokens = 400000}};
	arena_init(&f.arena, 16 << 10, OBJECT_BYTES);
	if (format == FEED_AUTO)
		format = guess_format(text);
	int error = how[format](&f);
	arena_release(&f.arena);
	json_release(&f.json);
	return error;
}
