/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/text.h"

#include <arpa/inet.h>
#include <assert.h>

struct str
text_skip_blanks(struct str s)
{
	size_t n = 0;
	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return str_skip(s, n);
}

struct str
text_take_word(struct str *rest)
{
	ptrdiff_t at = str_find_char(*rest, ' ');
	struct str word = at < 0 ? *rest : str_cut(*rest, 0, (size_t)at);
	*rest = text_skip_blanks(str_skip(*rest, word.n));
	return word;
}

bool
text_take(struct str *rest, struct str prefix)
{
	if (!str_starts(*rest, prefix))
		return false;
	*rest = str_skip(*rest, prefix.n);
	return true;
}

ptrdiff_t
text_find_last(struct str s, char c)
{
	const char *hit = s.p && s.n ? memrchr(s.p, c, s.n) : NULL;
	return hit ? hit - s.p : -1;
}

bool
text_is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!text_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static bool
is_ipv4(struct str s)
{
	unsigned dots = 0, value = 0, digits = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (!digits || ++dots > 3)
				return false;
			value = digits = 0;
			continue;
		}
		if (!text_is_digit(s.p[i]) || ++digits > 3)
			return false;
		value = value * 10 + (unsigned)(s.p[i] - '0');
		if (value > 255)
			return false;
	}
	return dots == 3 && digits;
}

bool
text_is_ip(struct str s)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char address[16];
	if (s.n < 2 || s.n >= sizeof text)
		return false;
	if (str_find_char(s, ':') < 0)
		return is_ipv4(s);
	if (memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, address) == 1;
}

struct str
text_small_number(unsigned n)
{
	static const char digits[] = "000102030405060708091011121314151617181920212223242526272829303132333435363738394041424344"
				     "454647484950515253545556575859606162636465666768697071727374757677787980818283848586878889"
				     "9091929394959697989910010110210310410510610710810911011111211311411511611711811912012112212"
				     "3124125126127128129130131132133134135136137138139140141142143144145146147148149150151152153"
				     "1541551561571581591601611621631641651661671681691701711721731741751761771781791801811821831"
				     "84185186187188189190191";
	assert(n < 192);
	if (n < 10)
		return str_from(digits + n * 2 + 1, 1);
	return n < 100 ? str_from(digits + n * 2, 2) : str_from(digits + 200 + (n - 100) * 3, 3);
}

int
text_three(struct str s, const char *names)
{
	if (s.n < 3)
		return -1;
	const char a = ascii_lower(s.p[0]), b = ascii_lower(s.p[1]), c = ascii_lower(s.p[2]);
	for (int i = 0; names[i]; i += 3)
		if (names[i + 2] == c && names[i + 1] == b && names[i] == a)
			return i / 3;
	return -1;
}

int
text_month(struct str s)
{
	return 1 + text_three(s, "janfebmaraprmayjunjulaugsepoctnovdec");
}

struct str
text_program_name(struct str program)
{
	ptrdiff_t at = str_find_char(program, '(');
	if (at > 0)
		program = str_cut(program, 0, (size_t)at);
	ptrdiff_t slash = str_starts(program, STR("/")) ? text_find_last(program, '/') : -1;
	return str_skip(program, (size_t)(slash + 1));
}

struct str
text_lower(struct arena *arena, struct str s)
{
	char *small = arena_alloc(arena, s.n);
	if (!small)
		return s;
	for (size_t i = 0; i < s.n; i++)
		small[i] = ascii_lower(s.p[i]);
	return str_from(small, s.n);
}

void
text_note(const struct text_slot *slot, size_t count, struct str name, struct str value)
{
	for (size_t i = 0; i < count; i++)
		if (!slot[i].to->n && str_eq(slot[i].name, name))
			*slot[i].to = value;
}

void
text_add(struct decode_context *c, struct event *e, struct str name, struct str value)
{
	if (value.n)
		event_put(e, c->names, name, value, FIELD_TEXT, false);
}

void
text_add_address(struct event *e, struct str address, uint32_t ip, uint32_t domain)
{
	struct str bare = address;
	if (bare.n > 2 && bare.p[0] == '[' && bare.p[bare.n - 1] == ']')
		bare = str_cut(bare, 1, bare.n - 1);
	ptrdiff_t zone = str_find_char(bare, '%');
	if (zone > 0)
		bare = str_cut(bare, 0, (size_t)zone);
	if (str_starts_nocase(bare, STR("::ffff:")) && is_ipv4(str_skip(bare, 7)))
		bare = str_skip(bare, 7);
	if (text_is_ip(bare))
		event_put_core(e, ip, bare);
	else if (address.n)
		event_put_core(e, domain, address);
}
