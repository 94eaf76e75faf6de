/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/proxy.h"

#include <arpa/inet.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
address_read(struct str text, unsigned char ret[16], bool *ret_v4)
{
	char name[INET6_ADDRSTRLEN];
	if (!text.n || text.n >= sizeof name || memchr(text.p, '\0', text.n))
		return false;
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	*ret_v4 = inet_pton(AF_INET, name, ret + 12) == 1;
	if (*ret_v4)
		memcpy(ret, mapped, sizeof mapped);
	return *ret_v4 || inet_pton(AF_INET6, name, ret) == 1;
}

static bool
has_bit(const unsigned char bytes[16], unsigned i)
{
	return bytes[i / 8] & 0x80 >> i % 8;
}

bool
network_read(struct str text, struct network *ret)
{
	struct network n = {0};
	struct str address, rest = str_trim(text);
	uint64_t bits;
	bool v4 = false, cut = str_find_char(rest, '/') >= 0;
	str_split(&rest, '/', &address);
	if (!address_read(address, n.bytes, &v4))
		return false;
	bits = v4 ? 32 : 128;
	if (cut && (!str_to_u64(rest, &bits) || bits > (v4 ? 32 : 128)))
		return false;
	n.bits = (unsigned)bits + (v4 ? 96 : 0);
	for (unsigned i = n.bits; i < 128; i++)
		if (has_bit(n.bytes, i))
			return false;
	*ret = n;
	return true;
}

static bool
is_proxy(const struct network *proxy, uint32_t count, const unsigned char address[16])
{
	for (uint32_t i = 0; i < count; i++) {
		unsigned same = 0;
		while (same < proxy[i].bits && has_bit(proxy[i].bytes, same) == has_bit(address, same))
			same++;
		if (same == proxy[i].bits)
			return true;
	}
	return false;
}

/* Some write the port with it: 192.0.2.1:5000, [2001:db8::1]:5000. */
static struct str
without_port(struct str s)
{
	ptrdiff_t colon = str_find_char(s, ':');
	if (s.n && s.p[0] == '[')
		return str_cut(s, 1, (size_t)(str_find_char(s, ']') > 0 ? str_find_char(s, ']') : 1));
	bool one = colon > 0 && str_find_char(str_skip(s, (size_t)colon + 1), ':') < 0;
	return one ? str_cut(s, 0, (size_t)colon) : s;
}

static struct str
take_last(struct str *list)
{
	size_t at = list->n;
	while (at && list->p[at - 1] != ',')
		at--;
	struct str last = str_trim(str_skip(*list, at));
	*list = str_cut(*list, 0, at ? at - 1 : 0);
	return last;
}

void
proxy_client(const struct network *proxy, uint32_t count, struct str peer, struct str forwarded, char ret[PROXY_CLIENT_BYTES])
{
	unsigned char at[16], next[16];
	bool v4;
	if (!address_read(peer, at, &v4)) {
		str_to_z(str_cut(peer, 0, PROXY_CLIENT_BYTES - 1), ret, PROXY_CLIENT_BYTES);
		return;
	}
	while (forwarded.n && is_proxy(proxy, count, at) && address_read(without_port(take_last(&forwarded)), next, &v4))
		memcpy(at, next, sizeof at);
	v4 = memcmp(at, mapped, sizeof mapped) == 0;
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? at + 12 : at, ret, PROXY_CLIENT_BYTES);
}
