/* SPDX-License-Identifier: EUPL-1.2 */
/* One form for each value: what importers store and what the matcher asks for meet here. Pure, no allocation. */
#include <arpa/inet.h>
#include <assert.h>

#include "detect/ioc.h"
#include "detect/sigma_internal.h"

#define NAME_MAX_BYTES 253u /* RFC 1035, 2.3.4, as text */
#define LABEL_MAX 63u

/* Where a normal form is written. What does not fit is no value. */
struct sink {
	char *p;
	size_t n, max;
	bool over;
};

static void
put(struct sink *s, char c)
{
	if (s->n < s->max)
		s->p[s->n++] = c;
	else
		s->over = true;
}

static void
put_all(struct sink *s, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		put(s, text.p[i]);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static int
hex_of(char c)
{
	c = ascii_lower(c);
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* --- addresses --- */

/* Four numbers without leading zeros, nothing else. Events have one or two of these each, so not by inet_pton(). */
static bool
read_v4(struct str s, uint8_t ret[4])
{
	size_t at = 0;
	for (int part = 0; part < 4; part++) {
		unsigned number = 0;
		size_t first = at;
		for (; at < s.n && is_digit(s.p[at]) && at - first < 3; at++)
			number = number * 10 + (unsigned)(s.p[at] - '0');
		if (at == first || number > 255 || (s.p[first] == '0' && at - first > 1))
			return false;
		ret[part] = (uint8_t)number;
		if (part < 3 && (at == s.n || s.p[at++] != '.'))
			return false;
	}
	return at == s.n;
}

bool
ioc_address(struct str text, uint8_t ret[16])
{
	char z[INET6_ADDRSTRLEN];
	uint8_t address[16] = {[10] = 0xff, [11] = 0xff};
	if (read_v4(text, address + 12)) {
		memcpy(ret, address, 16);
		return true;
	}
	if (text.n < 2 || text.n >= sizeof z || !memchr(text.p, ':', text.n) || memchr(text.p, '\0', text.n))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (inet_pton(AF_INET6, z, address) != 1)
		return false;
	memcpy(ret, address, 16);
	return true;
}

static bool
is_v4(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(address, mapped, sizeof mapped) == 0;
}

static void
put_address(struct sink *s, const uint8_t address[16])
{
	char z[INET6_ADDRSTRLEN];
	bool v4 = is_v4(address);
	const char *text = inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, z, sizeof z);
	put_all(s, str_z(text));
}

/* "address/bits"; bits of an IPv4 network are counted from the mapped form. */
static bool
read_prefix(struct str text, uint8_t ret_address[16], unsigned *ret_bits)
{
	ptrdiff_t slash = str_find_char(text, '/');
	uint64_t bits;
	struct str length = str_skip(text, (size_t)slash + 1);
	if (slash < 0 || length.n > 3 || !str_to_u64(length, &bits) || !ioc_address(str_cut(text, 0, (size_t)slash), ret_address))
		return false;
	bool dotted = str_find_char(text, ':') < 0;
	if (bits > (dotted ? 32 : 128))
		return false;
	*ret_bits = (unsigned)bits + (dotted ? 96 : 0);
	return true;
}

bool
ioc_prefix(struct str text, uint8_t ret_address[16], unsigned *ret_bits)
{
	uint8_t address[16];
	unsigned bits;
	if (!read_prefix(text, address, &bits))
		return false;
	for (unsigned i = bits; i < 128; i++)
		address[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	if (bits < 96 && is_v4(address)) /* ::ffff:0:0/90 and the like reach beyond IPv4 */
		return false;
	memcpy(ret_address, address, 16);
	*ret_bits = bits;
	return true;
}

static bool
normal_ip(struct str text, struct sink *s)
{
	uint8_t address[16];
	unsigned bits = 128;
	if (!ioc_address(text, address) && !(read_prefix(text, address, &bits) && bits == 128))
		return false;
	put_address(s, address);
	return true;
}

static bool
normal_cidr(struct str text, struct sink *s)
{
	uint8_t address[16];
	unsigned bits;
	char number[8];
	if (!ioc_prefix(text, address, &bits))
		return false;
	bool v4 = bits >= 96 && is_v4(address);
	put_address(s, address);
	snprintf(number, sizeof number, "/%u", v4 ? bits - 96 : bits);
	put_all(s, str_z(number));
	return true;
}

/* --- names --- */

/* RFC 3492, 6.1 */
static uint32_t
punycode_adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;
	delta = first ? delta / 700 : delta / 2;
	delta += delta / points;
	for (; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

static char
punycode_digit(uint32_t d)
{
	return (char)(d < 26 ? 'a' + d : '0' + (d - 26));
}

static void
punycode_number(struct sink *s, uint32_t number, uint32_t bias)
{
	for (uint32_t k = 36;; k += 36) {
		uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
		if (number < t)
			break;
		put(s, punycode_digit(t + (number - t) % (36 - t)));
		number = (number - t) / (36 - t);
	}
	put(s, punycode_digit(number));
}

static uint32_t
code_point(const char *p, size_t n)
{
	static const uint8_t first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (uint8_t)p[0] & first[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)p[i] & 0x3f);
	return c;
}

/* RFC 3492, 6.3, on the code points of a label. At most LABEL_MAX of them: what is longer is no label anyway. */
static void
punycode(struct sink *s, const uint32_t *point, uint32_t count)
{
	uint32_t n = 128, delta = 0, bias = 72, basic = 0;
	for (uint32_t i = 0; i < count; i++)
		if (point[i] < 128) {
			put(s, (char)point[i]);
			basic++;
		}
	if (basic)
		put(s, '-');
	for (uint32_t done = basic; done < count; n++, delta++) {
		uint32_t next = UINT32_MAX;
		for (uint32_t i = 0; i < count; i++)
			if (point[i] >= n && point[i] < next)
				next = point[i];
		delta += (next - n) * (done + 1); /* 0x110000 * 64 fits */
		n = next;
		for (uint32_t i = 0; i < count; i++) {
			delta += point[i] < n;
			if (point[i] != n)
				continue;
			punycode_number(s, delta, bias);
			bias = punycode_adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

/* A label with letters beyond ASCII, case folded. It is taken to be NFC, as keyboards write it. */
static bool
put_wide_label(struct sink *s, struct str label)
{
	char folded[FOLD_ROOM(4 * LABEL_MAX)];
	uint32_t point[LABEL_MAX], count = 0;
	if (label.n > 4 * LABEL_MAX || !str_is_utf8(label))
		return false;
	size_t n = fold_text(label, folded);
	for (size_t i = 0, length; i < n; i += length) {
		length = utf8_length(folded + i, n - i);
		if (!length || count == LABEL_MAX)
			return false;
		point[count] = code_point(folded + i, length);
		if (point[count] < 128 && !is_letter((char)point[count]) && !is_digit((char)point[count]) && point[count] != '-')
			return false;
		count++;
	}
	size_t from = s->n;
	put_all(s, STR("xn--"));
	punycode(s, point, count);
	return s->n - from <= LABEL_MAX;
}

/* Bytes of a name in lower case, 0 for those that stand in none. Every event has a few names, so by table. */
static const char name_byte[256] = {
	['-'] = '-', ['.'] = '.', ['_'] = '_', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',
	['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
#define LETTER(upper, lower) [upper] = lower, [lower] = lower
	LETTER('A', 'a'), LETTER('B', 'b'), LETTER('C', 'c'), LETTER('D', 'd'), LETTER('E', 'e'), LETTER('F', 'f'),
	LETTER('G', 'g'), LETTER('H', 'h'), LETTER('I', 'i'), LETTER('J', 'j'), LETTER('K', 'k'), LETTER('L', 'l'),
	LETTER('M', 'm'), LETTER('N', 'n'), LETTER('O', 'o'), LETTER('P', 'p'), LETTER('Q', 'q'), LETTER('R', 'r'),
	LETTER('S', 's'), LETTER('T', 't'), LETTER('U', 'u'), LETTER('V', 'v'), LETTER('W', 'w'), LETTER('X', 'x'),
	LETTER('Y', 'y'), LETTER('Z', 'z'),
#undef LETTER
};

/* A name of nothing but such bytes; false when there are others. */
static bool
put_plain_name(struct sink *s, struct str text)
{
	if (text.n > NAME_MAX_BYTES || text.n > s->max - s->n)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!(s->p[s->n + i] = name_byte[(uint8_t)text.p[i]]))
			return false;
	s->n += text.n;
	return true;
}

static bool
put_wide_name(struct sink *s, struct str text)
{
	if (text.n > 4 * NAME_MAX_BYTES)
		return false;
	for (struct str label, rest = text; str_split(&rest, '.', &label);) {
		if (label.p != text.p)
			put(s, '.');
		if (!put_plain_name(s, label) && !put_wide_label(s, label))
			return false;
	}
	return true;
}

/* Labels of 1..63 bytes, at least so many of them, the last one no number (that would be an address written badly). */
static bool
labels_fit(struct str name, uint32_t least)
{
	uint32_t count = 1;
	size_t begin = 0;
	bool number = true;
	for (size_t i = 0; i <= name.n; i++) {
		if (i < name.n && name.p[i] != '.') {
			number = number && is_digit(name.p[i]);
			continue;
		}
		if (i == begin || i - begin > LABEL_MAX)
			return false;
		begin = i + 1;
		count += i < name.n;
		number = number || i < name.n;
	}
	return count >= least && !number && name.n <= NAME_MAX_BYTES;
}

static bool
normal_name(struct str text, uint32_t labels, struct sink *s)
{
	size_t from = s->n;
	if (str_starts(text, STR("*.")))
		text = str_skip(text, 2);
	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	return (put_plain_name(s, text) || put_wide_name(s, text)) && !s->over &&
	    labels_fit(str_from(s->p + from, s->n - from), labels);
}

bool
ioc_domain_within(struct str name, struct str domain)
{
	return str_ends(name, domain) && (name.n == domain.n || name.p[name.n - domain.n - 1] == '.');
}

/* --- URLs --- */

static bool
is_unreserved(char c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void
put_escape(struct sink *s, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";
	put(s, '%');
	put(s, digits[c >> 4]);
	put(s, digits[c & 15]);
}

/* RFC 3986, 6.2.2.1 and 6.2.2.2: escapes in capitals, none where none is needed; what may not stand raw is escaped. */
static void
put_path(struct sink *s, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int high = c == '%' && i + 2 < text.n ? hex_of(text.p[i + 1]) : -1;
		int low = high >= 0 ? hex_of(text.p[i + 2]) : -1;
		if (low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
			if (is_unreserved(c))
				put(s, c);
			else
				put_escape(s, (unsigned char)c);
		} else if ((unsigned char)c <= ' ' || (unsigned char)c >= 127 || c == '"' || c == '<' || c == '>') {
			put_escape(s, (unsigned char)c);
		} else {
			put(s, c);
		}
	}
}

/* "[v6]", a dotted address or a name. */
static bool
put_host(struct sink *s, struct str host)
{
	uint8_t address[16];
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		if (!ioc_address(str_cut(host, 1, host.n - 1), address))
			return false;
		put(s, '[');
		put_address(s, address);
		put(s, ']');
		return true;
	}
	if (ioc_address(host, address) && is_v4(address)) {
		put_address(s, address);
		return true;
	}
	return normal_name(host, 1, s);
}

static bool
is_default_port(struct str scheme, struct str port)
{
	static const struct {
		struct str scheme, port;
	} row[] = {{STR_INIT("http"), STR_INIT("80")}, {STR_INIT("https"), STR_INIT("443")}, {STR_INIT("ftp"), STR_INIT("21")},
		{STR_INIT("ws"), STR_INIT("80")}, {STR_INIT("wss"), STR_INIT("443")}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].scheme, scheme) && str_eq(row[i].port, port))
			return true;
	return !port.n;
}

/* user:password@host:port */
static bool
put_authority(struct sink *s, struct str scheme, struct str authority)
{
	struct str port = {0};
	for (size_t i = authority.n; i > 0; i--)
		if (authority.p[i - 1] == '@') {
			authority = str_skip(authority, i);
			break;
		}
	size_t end = authority.n;
	while (end > 0 && is_digit(authority.p[end - 1]))
		end--;
	if (end > 0 && authority.p[end - 1] == ':') {
		port = str_skip(authority, end);
		authority.n = end - 1;
	}
	if (port.n > 5 || !put_host(s, authority))
		return false;
	if (is_default_port(scheme, port))
		return true;
	put(s, ':');
	put_all(s, port);
	return true;
}

static bool
normal_url(struct str text, struct sink *s)
{
	ptrdiff_t colon = str_find(str_cut(text, 0, 32), STR("://"));
	if (colon <= 0 || !is_letter(text.p[0]))
		return false;
	for (ptrdiff_t i = 0; i < colon; i++) {
		char c = ascii_lower(text.p[i]);
		if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
			return false;
		put(s, c);
	}
	struct str scheme = str_from(s->p, s->n), rest = str_skip(text, (size_t)colon + 3);
	put_all(s, STR("://"));
	size_t end = 0;
	while (end < rest.n && !memchr("/?#\\", rest.p[end], 4))
		end++;
	if (!put_authority(s, scheme, str_cut(rest, 0, end)))
		return false;
	rest = str_skip(rest, end);
	ptrdiff_t fragment = str_find_char(rest, '#');
	if (fragment >= 0)
		rest.n = (size_t)fragment;
	if (!rest.n || rest.p[0] == '?')
		put(s, '/');
	put_path(s, rest);
	return true;
}

struct str
ioc_url_host(struct str url)
{
	ptrdiff_t colon = str_find(url, STR("://"));
	struct str rest = str_skip(url, colon < 0 ? 0 : (size_t)colon + 3), host;
	if (rest.n && rest.p[0] == '[') {
		ptrdiff_t end = str_find_char(rest, ']');
		return str_cut(rest, 1, end < 0 ? rest.n : (size_t)end);
	}
	for (host = rest, host.n = 0; host.n < rest.n && rest.p[host.n] != '/' && rest.p[host.n] != ':'; host.n++)
		;
	return host;
}

/* --- hashes and mail --- */

static bool
is_hash_length(size_t n)
{
	return n == 32 || n == 40 || n == 64 || n == 128;
}

static const char hex_byte[256] = {['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',
	['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
	['f'] = 'f', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f'};

static bool
normal_hash(struct str text, struct sink *s)
{
	static const struct {
		struct str name;
		size_t digits;
	} row[] = {{STR_INIT("imphash"), 32}, {STR_INIT("md5"), 32}, {STR_INIT("sha1"), 40}, {STR_INIT("sha-1"), 40},
		{STR_INIT("sha256"), 64}, {STR_INIT("sha-256"), 64}, {STR_INIT("sha512"), 128}, {STR_INIT("sha-512"), 128}};
	struct str front = str_cut(text, 0, 8);
	bool named = str_find_char(front, ':') > 0 || str_find_char(front, '=') > 0;
	size_t digits = 0;
	for (size_t i = 0; i < COUNT(row) && named; i++) {
		size_t n = row[i].name.n;
		if (text.n > n && str_starts_nocase(text, row[i].name) && (text.p[n] == ':' || text.p[n] == '=')) {
			text = str_skip(text, n + 1);
			digits = row[i].digits;
			if (!i)
				put_all(s, STR("imphash:"));
			break;
		}
	}
	if (digits ? text.n != digits : !is_hash_length(text.n))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = hex_byte[(uint8_t)text.p[i]];
		if (!c)
			return false;
		s->p[s->n + i] = c;
	}
	s->n += text.n;
	return true;
}

static bool
normal_mail(struct str text, struct sink *s)
{
	ptrdiff_t open = str_find_char(text, '<');
	if (open >= 0) {
		text = str_skip(text, (size_t)open + 1);
		ptrdiff_t close = str_find_char(text, '>');
		if (close < 0)
			return false;
		text.n = (size_t)close;
	}
	if (str_starts_nocase(text, STR("mailto:")))
		text = str_skip(text, 7);
	ptrdiff_t at = str_find_char(text, '@');
	if (at <= 0 || at > 64)
		return false;
	for (ptrdiff_t i = 0; i < at; i++) {
		if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] >= 127 || strchr("<>,;:\"()[]", text.p[i]))
			return false;
		put(s, ascii_lower(text.p[i]));
	}
	put(s, '@');
	return normal_name(str_skip(text, (size_t)at + 1), 2, s);
}

size_t
ioc_normalise(enum ioc_kind kind, struct str text, char out[IOC_VALUE_MAX])
{
	static bool (*const how[IOC_KINDS])(struct str text, struct sink *s) = {[IOC_IP] = normal_ip,
	    [IOC_CIDR] = normal_cidr, [IOC_URL] = normal_url, [IOC_HASH] = normal_hash, [IOC_MAIL] = normal_mail};
	struct sink s = {.p = out, .max = IOC_VALUE_MAX};
	assert(kind < IOC_KINDS);
	text = str_trim(text);
	bool fits = kind == IOC_DOMAIN ? normal_name(text, 2, &s) : how[kind](text, &s);
	return fits && !s.over ? s.n : 0;
}

bool
ioc_guess(struct str text, enum ioc_kind *ret)
{
	static const enum ioc_kind order[] = {IOC_IP, IOC_CIDR, IOC_HASH, IOC_URL, IOC_MAIL, IOC_DOMAIN};
	char out[IOC_VALUE_MAX];
	for (size_t i = 0; i < COUNT(order); i++)
		if (ioc_normalise(order[i], text, out)) {
			*ret = order[i];
			return true;
		}
	return false;
}

/* --- defanged text --- */

size_t
ioc_refang(struct str text, char out[IOC_VALUE_MAX])
{
	static const struct {
		struct str from, to;
	} row[] = {{STR_INIT("[.]"), STR_INIT(".")}, {STR_INIT("(.)"), STR_INIT(".")}, {STR_INIT("{.}"), STR_INIT(".")},
		{STR_INIT("[dot]"), STR_INIT(".")}, {STR_INIT("(dot)"), STR_INIT(".")}, {STR_INIT("{dot}"), STR_INIT(".")},
		{STR_INIT("\\."), STR_INIT(".")}, {STR_INIT("[:]"), STR_INIT(":")}, {STR_INIT("[://]"), STR_INIT("://")},
		{STR_INIT("[/]"), STR_INIT("/")}, {STR_INIT("[@]"), STR_INIT("@")}, {STR_INIT("(@)"), STR_INIT("@")},
		{STR_INIT("[at]"), STR_INIT("@")}, {STR_INIT("(at)"), STR_INIT("@")}};
	struct sink s = {.p = out, .max = IOC_VALUE_MAX};
	text = str_trim(text);
	if (text.n > 2 && (text.p[0] == '"' || text.p[0] == '\'') && text.p[text.n - 1] == text.p[0])
		text = str_trim(str_cut(text, 1, text.n - 1));
	if (str_starts_nocase(text, STR("hxxp")) || str_starts_nocase(text, STR("htxp")) ||
	    str_starts_nocase(text, STR("h**p"))) {
		put_all(&s, STR("http"));
		text = str_skip(text, 4);
	} else if (str_starts_nocase(text, STR("fxp:")) || str_starts_nocase(text, STR("fxp["))) {
		put_all(&s, STR("ftp"));
		text = str_skip(text, 3);
	}
	while (text.n) {
		size_t i = 0;
		while (i < COUNT(row) && !str_starts_nocase(text, row[i].from))
			i++;
		if (i < COUNT(row)) {
			put_all(&s, row[i].to);
			text = str_skip(text, row[i].from.n);
		} else {
			put(&s, text.p[0]);
			text = str_skip(text, 1);
		}
	}
	return s.over ? 0 : s.n;
}
